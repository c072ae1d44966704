
/*
 * The database of addresses: opened by the master, so that "nginx -t" finds
 * what is wrong with it; each worker looks by itself, in a thread, whether it
 * was replaced, and goes on with the old one if the new one is bad.
 */

#include "ngx_http_soporte_geoip.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_job.h"

#include "ngx_soporte_geoip.h"
#include "ngx_soporte_watch.h"


#define NGX_HTTP_SOPORTE_GEOIP_TIME  5000    /* ms between two looks */


struct ngx_http_soporte_geoip_s {
    ngx_str_t                       path;    /* null-terminated */
    ngx_soporte_watch_mark_t        mark;
    ngx_soporte_geoip_t            *geo;     /* in force */

    ngx_http_soporte_main_conf_t   *smcf;
    ngx_log_t                      *log;
    ngx_http_soporte_timer_t        timer;
    ngx_thread_task_t              *task;

    /* of one task: written by the thread, read when it is done */

    ngx_soporte_geoip_t            *fresh;
    char                            error[NGX_SOPORTE_GEOIP_ERROR];
    unsigned                        gone:1;  /* that was said */
};


static void ngx_http_soporte_geoip_cleanup(void *data);
static ngx_int_t ngx_http_soporte_geoip_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_soporte_geoip_tick(ngx_event_t *ev);
static void ngx_http_soporte_geoip_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_geoip_done(ngx_event_t *ev);


static ngx_str_t  ngx_http_soporte_geoip_names[] = {
    ngx_string("soporte_country"),
    ngx_string("soporte_timezone")
};


char *
ngx_http_soporte_set_geoip(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    int                        err;
    ngx_str_t                 *value;
    ngx_pool_cleanup_t        *cln;
    ngx_http_soporte_geoip_t  *geoip;

    if (smcf->geoip) {
        return "is duplicate";
    }

    value = cf->args->elts;

    geoip = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_geoip_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (geoip == NULL || cln == NULL
        || ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    geoip->path = value[1];
    geoip->smcf = smcf;

    (void) ngx_soporte_watch((char *) geoip->path.data, &geoip->mark, &err);

    geoip->geo = ngx_soporte_geoip_open((char *) geoip->path.data,
                                        geoip->error);

    if (geoip->geo == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "database \"%V\" can't be used: %s", &geoip->path,
                           geoip->error);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_soporte_geoip_cleanup;
    cln->data = geoip;

    smcf->geoip = geoip;

    return NGX_CONF_OK;
}


static void
ngx_http_soporte_geoip_cleanup(void *data)
{
    ngx_http_soporte_geoip_t  *geoip = data;

    ngx_soporte_geoip_close(geoip->geo);
}


ngx_int_t
ngx_http_soporte_add_geoip_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; i < 2; i++) {
        var = ngx_http_add_variable(cf, &ngx_http_soporte_geoip_names[i], 0);

        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_soporte_geoip_variable;
        var->data = i;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_geoip_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  said[2];

    if (ngx_http_soporte_geoip(r, &said[0], &said[1]) != NGX_OK) {
        return NGX_ERROR;
    }

    v->data = said[data].data;
    v->len = said[data].len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_geoip(ngx_http_request_t *r, ngx_str_t *country,
    ngx_str_t *zone)
{
    u_char                        *p;
    ngx_soporte_geoip_place_t      place;
    ngx_http_soporte_main_conf_t  *smcf;

    ngx_str_set(country, "");
    ngx_str_set(zone, "");

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (smcf->geoip == NULL) {
        return NGX_OK;
    }

    ngx_soporte_geoip_find(smcf->geoip->geo, r->connection->sockaddr, &place);

    if (place.country_len + place.zone_len == 0) {
        return NGX_OK;
    }

    /* the database may be another before the request ends */

    p = ngx_pnalloc(r->pool, place.country_len + place.zone_len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    country->data = p;
    country->len = place.country_len;
    zone->data = ngx_cpymem(p, place.country, place.country_len);
    zone->len = place.zone_len;
    ngx_memcpy(zone->data, place.zone, place.zone_len);

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_geoip_context(ngx_http_request_t *r, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t **context)
{
    ngx_str_t             country, zone;
    ngx_soporte_value_t  *geo;

    if (ngx_http_soporte_geoip(r, &country, &zone) != NGX_OK) {
        return NGX_ERROR;
    }

    if (*context == NULL) {

        if (country.len + zone.len == 0) {
            return NGX_OK;
        }

        *context = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    }

    /* what a client calls so is not what the address says */

    geo = ngx_soporte_value_get(*context, "geo");

    if (geo) {
        ngx_str_set(&geo->name, "geo_said");
    }

    if (country.len + zone.len) {
        geo = ngx_soporte_value_add(mem, *context, "geo", NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_str(mem, geo, "country", &country);
        (void) ngx_soporte_value_str(mem, geo, "timezone", &zone);
    }

    return mem->failed ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_soporte_geoip_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_geoip_t  *geoip;

    geoip = smcf->geoip;

    if (geoip == NULL || smcf->pool == NULL || smcf->single) {
        return NGX_OK;
    }

    geoip->log = cycle->log;
    geoip->task = ngx_http_soporte_job(cycle, geoip,
                                       ngx_http_soporte_geoip_thread,
                                       ngx_http_soporte_geoip_done);

    if (geoip->task == NULL) {
        return NGX_ERROR;
    }

    ngx_http_soporte_timer(&geoip->timer, geoip, ngx_http_soporte_geoip_tick,
                           cycle->log);

    /* soon: a worker born later has what the master read back then */

    ngx_add_timer(&geoip->timer.event, 1 + ngx_random() % 500);

    return NGX_OK;
}


static void
ngx_http_soporte_geoip_tick(ngx_event_t *ev)
{
    ngx_http_soporte_geoip_t  *geoip = ngx_http_soporte_timer_data(ev);

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (ngx_thread_task_post(geoip->smcf->pool, geoip->task) != NGX_OK) {
        ngx_add_timer(ev, NGX_HTTP_SOPORTE_GEOIP_TIME);
    }
}


static void
ngx_http_soporte_geoip_thread(void *data, ngx_log_t *log)
{
    int                        err;
    ngx_int_t                  rc;
    ngx_http_soporte_geoip_t  *geoip = data;

    geoip->fresh = NULL;
    geoip->error[0] = '\0';

    rc = ngx_soporte_watch((char *) geoip->path.data, &geoip->mark, &err);

    if (rc == NGX_OK) {
        geoip->gone = 0;
        geoip->fresh = ngx_soporte_geoip_open((char *) geoip->path.data,
                                              geoip->error);

    } else if (rc == NGX_ERROR && !geoip->gone) {
        geoip->gone = 1;
        (void) ngx_snprintf((u_char *) geoip->error, sizeof(geoip->error),
                            "error %d%Z", err);
    }
}


static void
ngx_http_soporte_geoip_done(ngx_event_t *ev)
{
    ngx_http_soporte_geoip_t  *geoip = ev->data;

    ev->complete = 0;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    if (geoip->fresh) {
        ngx_soporte_geoip_close(geoip->geo);
        geoip->geo = geoip->fresh;
        geoip->fresh = NULL;

        if (geoip->smcf->leading) {
            ngx_log_error(NGX_LOG_NOTICE, geoip->log, 0,
                          "database \"%V\" was read anew", &geoip->path);
        }
    }

    if (geoip->error[0] && geoip->smcf->leading) {
        ngx_log_error(NGX_LOG_ERR, geoip->log, 0,
                      "database \"%V\" stays as it was: %s", &geoip->path,
                      geoip->error);
    }

    ngx_add_timer(&geoip->timer.event, NGX_HTTP_SOPORTE_GEOIP_TIME
                                 + ngx_random() % 500);
}
