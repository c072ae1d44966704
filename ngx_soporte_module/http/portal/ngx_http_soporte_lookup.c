
/*
 * Looks a ticket up, in threads, over one connection a worker.
 *
 * The connection is asked by one at a time, and nobody waits long for it: a
 * database that hangs must not take the threads that keep tickets.
 */

#include "ngx_http_soporte_lookup.h"

#include <pthread.h>
#include <time.h>


#define NGX_HTTP_SOPORTE_LOOKUP_WAIT  200    /* ms for the connection */
#define NGX_HTTP_SOPORTE_LOOKUP_REST  2      /* s without asking, after a
                                                failure */


struct ngx_http_soporte_lookup_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_soporte_postgres_t         *pg;
    pthread_mutex_t                 lock;
    time_t                          failed;  /* monotonic s, 0: not */
};


static time_t ngx_http_soporte_lookup_now(void);


ngx_http_soporte_lookup_t *
ngx_http_soporte_lookup_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    volatile sig_atomic_t      *stop[2];
    ngx_http_soporte_lookup_t  *lookup;

    lookup = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_lookup_t));

    if (lookup == NULL || pthread_mutex_init(&lookup->lock, NULL) != 0) {
        return NULL;
    }

    lookup->smcf = smcf;

    if (smcf->postgres) {
        ngx_http_soporte_exit_flags(stop);

        lookup->pg = ngx_soporte_postgres_open(smcf->postgres, stop);

        if (lookup->pg == NULL) {
            return NULL;
        }
    }

    return lookup;
}


void
ngx_http_soporte_lookup_close(ngx_http_soporte_lookup_t *lookup)
{
    if (lookup && lookup->pg) {
        ngx_soporte_postgres_close(lookup->pg);
        lookup->pg = NULL;
    }
}


ngx_int_t
ngx_http_soporte_lookup(ngx_http_soporte_lookup_t *lookup,
    ngx_soporte_mem_t *mem, const ngx_str_t *tenant, const u_char *id,
    ngx_str_t *json, ngx_uint_t *spooled)
{
    u_char                         uuid[NGX_SOPORTE_UUID_LEN];
    ngx_soporte_spool_err_t        err;
    ngx_soporte_postgres_param_t   params[2];

    *spooled = 1;

    if (lookup->smcf->spool
        && ngx_soporte_spool_find(lookup->smcf->spool, id, mem, json, NULL,
                                  &err)
           == NGX_OK)
    {
        return NGX_OK;
    }

    *spooled = 0;

    ngx_memzero(params, sizeof(params));

    params[0].value = *tenant;
    params[1].value.data = uuid;
    params[1].value.len = ngx_soporte_uuid_format(uuid, id) - uuid;

    return ngx_http_soporte_lookup_value(lookup, mem,
               "SELECT soporte.ticket_view($1::text, $2::uuid)", params, 2,
               json);
}


ngx_int_t
ngx_http_soporte_lookup_value(ngx_http_soporte_lookup_t *lookup,
    ngx_soporte_mem_t *mem, const char *sql,
    const ngx_soporte_postgres_param_t *params, ngx_uint_t nparams,
    ngx_str_t *value)
{
    ngx_int_t                    rc;
    ngx_soporte_postgres_t      *pg;
    ngx_soporte_postgres_err_t   err;

    pg = ngx_http_soporte_lookup_borrow(lookup, NGX_HTTP_SOPORTE_LOOKUP_WAIT,
                                        0);

    if (pg == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_soporte_postgres_value(pg, mem, sql, params, nparams,
                                    lookup->smcf->timeout, value, &err);

    /* what the server itself refuses, it would refuse the others not */

    ngx_http_soporte_lookup_return(lookup, rc != NGX_OK
                                   && err.code == NGX_SOPORTE_POSTGRES_RETRY);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return value->data ? NGX_OK : NGX_DECLINED;
}


ngx_soporte_postgres_t *
ngx_http_soporte_lookup_borrow(ngx_http_soporte_lookup_t *lookup,
    ngx_msec_t wait, ngx_uint_t urgent)
{
    time_t                       now;
    struct timespec              until;
    ngx_soporte_postgres_err_t   err;

    if (lookup->pg == NULL) {
        return NULL;
    }

    (void) clock_gettime(CLOCK_REALTIME, &until);

    until.tv_sec += wait / 1000;
    until.tv_nsec += (wait % 1000) * 1000000;

    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }

    if (pthread_mutex_timedlock(&lookup->lock, &until) != 0) {
        return NULL;
    }

    now = ngx_http_soporte_lookup_now();

    if (urgent
        || !lookup->failed
        || now - lookup->failed >= NGX_HTTP_SOPORTE_LOOKUP_REST)
    {
        if (ngx_soporte_postgres_connect(lookup->pg, lookup->smcf->timeout,
                                         &err)
            == NGX_OK)
        {
            return lookup->pg;
        }

        lookup->failed = now;
    }

    (void) pthread_mutex_unlock(&lookup->lock);

    return NULL;
}


void
ngx_http_soporte_lookup_return(ngx_http_soporte_lookup_t *lookup,
    ngx_uint_t failed)
{
    lookup->failed = failed ? ngx_http_soporte_lookup_now() : 0;

    (void) pthread_mutex_unlock(&lookup->lock);
}


static time_t
ngx_http_soporte_lookup_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + 1;
}
