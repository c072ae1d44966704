
/*
 * Keeps a ticket or a message.  The spool is the way of every day; when the
 * disk takes nothing, PostgreSQL is asked at once, in one transaction, so
 * that nothing is half kept; who is to be told of it is, by soporte-notify,
 * as soon as it asks there.
 *
 * An id that comes from an idempotency key may be there already, from another
 * worker or node: then the first body decides what is answered.  A node that
 * can't ask PostgreSQL spools it again; the primary key deduplicates.
 */

#include "ngx_http_soporte_keep.h"
#include "ngx_http_soporte_lookup.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"

#include <time.h>
#include <unistd.h>


#define NGX_HTTP_SOPORTE_KEEP_PAUSE  20      /* ms between looks at the first */


/* where this worker's last ticket went */

enum {
    NGX_HTTP_SOPORTE_KEEP_SPOOLED = 0,
    NGX_HTTP_SOPORTE_KEEP_DIRECT,
    NGX_HTTP_SOPORTE_KEEP_NOWHERE
};


static ngx_int_t ngx_http_soporte_keep_wait(ngx_http_soporte_keep_t *k);
static ngx_int_t ngx_http_soporte_keep_first(ngx_http_soporte_keep_t *k);
static ngx_int_t ngx_http_soporte_keep_compare(ngx_http_soporte_keep_t *k,
    const ngx_str_t *json);
static int64_t ngx_http_soporte_keep_instant(const ngx_soporte_value_t *root,
    const char *name);
static ngx_http_soporte_kept_e ngx_http_soporte_keep_direct(
    ngx_http_soporte_keep_t *k);
static ngx_int_t ngx_http_soporte_keep_transact(ngx_http_soporte_keep_t *k,
    ngx_soporte_postgres_t *pg, ngx_soporte_postgres_row_t *row,
    ngx_soporte_postgres_err_t *err);
static ngx_int_t ngx_http_soporte_keep_attach(ngx_http_soporte_keep_t *k,
    ngx_soporte_postgres_t *pg, ngx_soporte_spool_file_t *file,
    ngx_soporte_postgres_err_t *err);
static ngx_int_t ngx_http_soporte_keep_notice(ngx_http_soporte_keep_t *k,
    ngx_soporte_postgres_t *pg, ngx_soporte_postgres_row_t *row,
    ngx_soporte_postgres_err_t *err);
static ngx_msec_t ngx_http_soporte_keep_now(void);


void
ngx_http_soporte_keep(ngx_http_soporte_keep_t *k)
{
    ngx_int_t  rc;

    if (k->keyed) {
        rc = ngx_http_soporte_keep_wait(k);

        if (rc != NGX_DECLINED) {
            return;
        }
    }

    if (k->smcf->spool == NULL) {
        k->err.code = NGX_SOPORTE_SPOOL_IO;
        (void) ngx_cpystrn((u_char *) k->err.text,
                           (u_char *) "it can't be opened",
                           sizeof(k->err.text));
        k->result = ngx_http_soporte_keep_direct(k);
        return;
    }

    rc = ngx_soporte_spool_put(k->smcf->spool, k->id, &k->json, k->files,
                               k->nfiles, k->notify, &k->err);

    switch (rc) {

    case NGX_OK:
        k->result = NGX_HTTP_SOPORTE_KEPT;
        return;

    case NGX_DECLINED:

        /* another one was quicker; if it is delivered already, ask again */

        if (ngx_http_soporte_keep_first(k) != NGX_OK) {
            k->result = NGX_HTTP_SOPORTE_KEPT_BUSY;
        }

        return;

    default:
        k->result = ngx_http_soporte_keep_direct(k);
    }
}


/* NGX_DECLINED: no such id yet, and nobody writes it */

static ngx_int_t
ngx_http_soporte_keep_wait(ngx_http_soporte_keep_t *k)
{
    ngx_msec_t       began;
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = NGX_HTTP_SOPORTE_KEEP_PAUSE * 1000000;

    began = ngx_http_soporte_keep_now();

    for ( ;; ) {

        if (ngx_http_soporte_keep_first(k) == NGX_OK) {
            return NGX_OK;
        }

        if (k->smcf->spool == NULL
            || ngx_soporte_spool_busy(k->smcf->spool, k->id) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (ngx_terminate
            || ngx_http_soporte_keep_now() - began >= k->smcf->timeout)
        {
            k->result = NGX_HTTP_SOPORTE_KEPT_BUSY;
            return NGX_OK;
        }

        (void) nanosleep(&pause, NULL);
    }
}


/* NGX_OK: it was kept before, k->result says whether it is the same */

static ngx_int_t
ngx_http_soporte_keep_first(ngx_http_soporte_keep_t *k)
{
    u_char                         uuid[NGX_SOPORTE_UUID_LEN];
    ngx_str_t                      json;
    ngx_soporte_spool_err_t        err;
    ngx_soporte_postgres_param_t   params[2];

    if (k->smcf->spool
        && ngx_soporte_spool_find(k->smcf->spool, k->id, &k->mem, &json, NULL,
                                  &err)
           == NGX_OK)
    {
        return ngx_http_soporte_keep_compare(k, &json);
    }

    ngx_memzero(params, sizeof(params));

    params[0].value = k->tenant;
    params[1].value.data = uuid;
    params[1].value.len = ngx_soporte_uuid_format(uuid, k->id) - uuid;

    if (ngx_http_soporte_lookup_value(k->smcf->lookup, &k->mem,
            "SELECT soporte.filed_before($1::text, $2::uuid)", params, 2,
            &json)
        == NGX_OK)
    {
        return ngx_http_soporte_keep_compare(k, &json);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_soporte_keep_compare(ngx_http_soporte_keep_t *k,
    const ngx_str_t *json)
{
    u_char                      hex[2 * NGX_SOPORTE_DIGEST_LEN];
    ngx_soporte_value_t        *root, *digest;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_SOPORTE_VALUE_DEPTH;

    root = ngx_soporte_json_parse(&k->mem, json->data, json->len, &limits,
                                  &err);
    digest = ngx_soporte_value_get(root, "body_sha256");

    if (digest == NULL || digest->type != NGX_SOPORTE_STRING) {
        return NGX_DECLINED;
    }

    (void) ngx_soporte_text_hex(hex, k->sha256, NGX_SOPORTE_DIGEST_LEN);

    if (digest->str.len != sizeof(hex)
        || ngx_memcmp(digest->str.data, hex, sizeof(hex)) != 0)
    {
        k->result = NGX_HTTP_SOPORTE_KEPT_OTHER;
        return NGX_OK;
    }

    k->result = NGX_HTTP_SOPORTE_KEPT_BEFORE;
    k->filed_at = ngx_http_soporte_keep_instant(root, "filed_at");
    k->reply_due = ngx_http_soporte_keep_instant(root, "reply_due");

    return NGX_OK;
}


/* s, 0 if it is null */

static int64_t
ngx_http_soporte_keep_instant(const ngx_soporte_value_t *root,
    const char *name)
{
    int64_t               t;
    ngx_soporte_value_t  *value;

    value = ngx_soporte_value_get(root, name);

    if (value == NULL || value->type != NGX_SOPORTE_STRING
        || ngx_soporte_time_parse(value->str.data, value->str.len, &t, NULL)
           != NGX_OK)
    {
        return 0;
    }

    return t;
}


static ngx_http_soporte_kept_e
ngx_http_soporte_keep_direct(ngx_http_soporte_keep_t *k)
{
    ngx_int_t                    rc;
    ngx_soporte_postgres_t      *pg;
    ngx_soporte_postgres_row_t   row;
    ngx_soporte_postgres_err_t   err;

    pg = ngx_http_soporte_lookup_borrow(k->smcf->lookup, k->smcf->timeout, 1);

    if (pg == NULL) {
        return NGX_HTTP_SOPORTE_KEPT_NOT;
    }

    ngx_memzero(&row, sizeof(ngx_soporte_postgres_row_t));
    row.json = k->json;

    rc = ngx_http_soporte_keep_transact(k, pg, &row, &err);

    ngx_http_soporte_lookup_return(k->smcf->lookup, rc != NGX_OK
                                   && err.code == NGX_SOPORTE_POSTGRES_RETRY);

    if (rc != NGX_OK) {
        return NGX_HTTP_SOPORTE_KEPT_NOT;
    }

    if (row.result == NGX_SOPORTE_POSTGRES_BAD) {
        return (k->keyed && ngx_strcmp(row.reason, "conflict") == 0)
               ? NGX_HTTP_SOPORTE_KEPT_OTHER : NGX_HTTP_SOPORTE_KEPT_NOT;
    }

    k->direct = 1;

    return NGX_HTTP_SOPORTE_KEPT;
}


static ngx_int_t
ngx_http_soporte_keep_transact(ngx_http_soporte_keep_t *k,
    ngx_soporte_postgres_t *pg, ngx_soporte_postgres_row_t *row,
    ngx_soporte_postgres_err_t *err)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_msec_t                   timeout;
    ngx_soporte_postgres_err_t   ignored;

    timeout = k->smcf->timeout;

    if (ngx_soporte_postgres_call(pg, "BEGIN", NULL, 0, timeout, NULL, NULL,
                                  err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_soporte_postgres_file_tickets(pg, row, 1, timeout, err);

    for (i = 0; rc == NGX_OK && i < k->nfiles
                && row->result != NGX_SOPORTE_POSTGRES_BAD; i++)
    {
        rc = ngx_http_soporte_keep_attach(k, pg, &k->files[i], err);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_soporte_keep_notice(k, pg, row, err);
    }

    if (rc == NGX_OK) {
        return ngx_soporte_postgres_call(pg, "COMMIT", NULL, 0, timeout, NULL,
                                         NULL, err);
    }

    (void) ngx_soporte_postgres_call(pg, "ROLLBACK", NULL, 0, timeout, NULL,
                                     NULL, &ignored);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_soporte_keep_attach(ngx_http_soporte_keep_t *k,
    ngx_soporte_postgres_t *pg, ngx_soporte_spool_file_t *file,
    ngx_soporte_postgres_err_t *err)
{
    size_t     n;
    ssize_t    got;
    ngx_str_t  content;

    content.data = file->data;
    content.len = file->len;

    if (file->data == NULL && file->len) {
        content.data = ngx_soporte_alloc(&k->mem, file->len);
    }

    if (content.data == NULL && file->len) {
        ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));
        return NGX_ERROR;
    }

    for (n = 0; file->data == NULL && n < file->len; n += got) {
        got = pread(file->fd, content.data + n, file->len - n,
                    file->offset + n);

        if (got <= 0) {
            ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));
            return NGX_ERROR;
        }
    }

    return ngx_soporte_postgres_attach(pg, &k->json, file->name, &content,
                                       k->smcf->timeout, err);
}


/*
 * No link could be made in notify/, so PostgreSQL keeps it.  A twin by the
 * same key has its own notice; an id without a key that is there already was
 * taken back from new/ and lost its link.
 */

static ngx_int_t
ngx_http_soporte_keep_notice(ngx_http_soporte_keep_t *k,
    ngx_soporte_postgres_t *pg, ngx_soporte_postgres_row_t *row,
    ngx_soporte_postgres_err_t *err)
{
    ngx_soporte_postgres_param_t  param;

    if (!k->notify || row->result == NGX_SOPORTE_POSTGRES_BAD
        || (row->result == NGX_SOPORTE_POSTGRES_DUP && k->keyed))
    {
        return NGX_OK;
    }

    ngx_memzero(&param, sizeof(ngx_soporte_postgres_param_t));
    param.value = k->json;

    return ngx_soporte_postgres_call(pg,
                           "SELECT soporte.tell_later($1::pg_catalog.jsonb)",
                           &param, 1, k->smcf->timeout, NULL, NULL, err);
}


/* once for each change of state, in each worker */

void
ngx_http_soporte_keep_report(ngx_http_soporte_keep_t *k, ngx_log_t *log)
{
    ngx_uint_t  state;

    if (k->result == NGX_HTTP_SOPORTE_KEPT) {
        ngx_soporte_add(&k->smcf->zone->header->wake, 1);
    }

    if (k->result == NGX_HTTP_SOPORTE_KEPT_NOT) {
        state = NGX_HTTP_SOPORTE_KEEP_NOWHERE;

    } else if (k->result == NGX_HTTP_SOPORTE_KEPT) {
        state = k->direct ? NGX_HTTP_SOPORTE_KEEP_DIRECT
                          : NGX_HTTP_SOPORTE_KEEP_SPOOLED;
    } else {
        return;
    }

    if (state == k->smcf->keeping) {
        return;
    }

    k->smcf->keeping = state;

    switch (state) {

    case NGX_HTTP_SOPORTE_KEEP_NOWHERE:
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "tickets can't be kept and are refused: %s",
                      k->err.text);
        break;

    case NGX_HTTP_SOPORTE_KEEP_DIRECT:
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "tickets go to PostgreSQL past the spool: %s",
                      k->err.text);
        break;

    default:
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "the spool takes tickets again");
    }
}


static ngx_msec_t
ngx_http_soporte_keep_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (ngx_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
