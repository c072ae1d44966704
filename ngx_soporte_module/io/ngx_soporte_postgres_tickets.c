
/*
 * Tickets go to PostgreSQL by the batch, and each gets its own answer: one
 * that the database can't take never stands before the others.
 */


#include "ngx_soporte_postgres_client.h"


typedef struct {
    ngx_soporte_postgres_row_t      *rows;
    ngx_uint_t                       n;
    ngx_uint_t                       seen;
} ngx_soporte_postgres_filed_t;


static const char  ngx_soporte_postgres_file_sql[] =
    "SELECT ord, res FROM soporte.file_tickets((SELECT "
    "pg_catalog.jsonb_agg(t::pg_catalog.jsonb ORDER BY o) "
    "FROM pg_catalog.unnest($1) WITH ORDINALITY AS u (t, o)))";


static ngx_int_t
ngx_soporte_postgres_filed(void *data, ngx_uint_t row,
    const ngx_str_t *columns, ngx_uint_t ncolumns)
{
    ngx_soporte_postgres_filed_t  *filed = data;

    const char                  *res;
    unsigned long                ord;
    ngx_soporte_postgres_row_t  *r;

    if (ncolumns != 2 || columns[0].data == NULL || columns[1].data == NULL) {
        return NGX_ERROR;
    }

    ord = strtoul((char *) columns[0].data, NULL, 10);
    res = (char *) columns[1].data;

    if (ord == 0 || ord > filed->n) {
        return NGX_ERROR;
    }

    r = &filed->rows[ord - 1];

    if (r->result != NGX_SOPORTE_POSTGRES_UNSENT) {
        return NGX_ERROR;
    }

    if (strcmp(res, "new") == 0) {
        r->result = NGX_SOPORTE_POSTGRES_NEW;

    } else if (strcmp(res, "dup") == 0) {
        r->result = NGX_SOPORTE_POSTGRES_DUP;

    } else if (strncmp(res, "bad:", 4) == 0) {
        r->result = NGX_SOPORTE_POSTGRES_BAD;
        (void) snprintf(r->reason, sizeof(r->reason), "%.15s", res + 4);

    } else {
        return NGX_ERROR;
    }

    filed->seen++;

    return NGX_OK;
}


static u_char *
ngx_soporte_postgres_int(u_char *p, uint32_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


/*
 * The objects as a text[] in the binary form: each keeps its own length, so
 * none can run into the next.
 */

static u_char *
ngx_soporte_postgres_array(ngx_soporte_postgres_row_t *rows, ngx_uint_t n,
    int *len)
{
    size_t       size;
    u_char      *p, *array;
    ngx_uint_t   i;

    size = 5 * 4;

    for (i = 0; i < n; i++) {
        size += 4 + rows[i].json.len;
    }

    if (size > NGX_MAX_INT32_VALUE) {
        return NULL;
    }

    array = malloc(size);
    if (array == NULL) {
        return NULL;
    }

    p = ngx_soporte_postgres_int(array, 1);                /* dimensions */
    p = ngx_soporte_postgres_int(p, 0);                    /* no NULLs */
    p = ngx_soporte_postgres_int(p, NGX_SOPORTE_POSTGRES_TEXT);
    p = ngx_soporte_postgres_int(p, (uint32_t) n);
    p = ngx_soporte_postgres_int(p, 1);                    /* first index */

    for (i = 0; i < n; i++) {
        p = ngx_soporte_postgres_int(p, (uint32_t) rows[i].json.len);
        p = ngx_cpymem(p, rows[i].json.data, rows[i].json.len);
    }

    *len = (int) size;

    return array;
}


static ngx_int_t
ngx_soporte_postgres_file(ngx_soporte_postgres_t *pg,
    ngx_soporte_postgres_row_t *rows, ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_postgres_err_t *err)
{
    u_char                        *array;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_soporte_postgres_args_t    args;
    ngx_soporte_postgres_filed_t   filed;

    array = ngx_soporte_postgres_array(rows, n, &args.lengths[0]);

    if (array == NULL) {
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY,
                                         "no memory for a batch");
    }

    args.types[0] = NGX_SOPORTE_POSTGRES_TEXTS;
    args.values[0] = (char *) array;
    args.formats[0] = 1;
    args.n = 1;

    filed.rows = rows;
    filed.n = n;
    filed.seen = 0;

    rc = ngx_soporte_postgres_run(pg, ngx_soporte_postgres_file_sql, &args,
                                  timeout, ngx_soporte_postgres_filed, &filed,
                                  err);
    free(array);

    if (rc == NGX_OK && filed.seen != n) {
        rc = ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_STOP,
                                       "soporte.file_tickets() answered %lu "
                                       "of %lu", (unsigned long) filed.seen,
                                       (unsigned long) n);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    for (i = 0; i < n; i++) {
        rows[i].result = NGX_SOPORTE_POSTGRES_UNSENT;
        rows[i].reason[0] = '\0';
    }

    if (err->code != NGX_SOPORTE_POSTGRES_DATA) {
        return NGX_ERROR;
    }

    if (n == 1) {
        rows[0].result = NGX_SOPORTE_POSTGRES_BAD;
        (void) snprintf(rows[0].reason, sizeof(rows[0].reason), "%s",
                        err->sqlstate);
        return NGX_OK;
    }

    rc = ngx_soporte_postgres_file(pg, rows, n / 2, timeout, err);

    if (rc == NGX_OK) {
        rc = ngx_soporte_postgres_file(pg, rows + n / 2, n - n / 2, timeout,
                                       err);
    }

    return rc;
}


ngx_int_t
ngx_soporte_postgres_file_tickets(ngx_soporte_postgres_t *pg,
    ngx_soporte_postgres_row_t *rows, ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_postgres_err_t *err)
{
    ngx_uint_t  i;

    ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));

    for (i = 0; i < n; i++) {
        rows[i].result = NGX_SOPORTE_POSTGRES_UNSENT;
        rows[i].reason[0] = '\0';
    }

    if (n && ngx_soporte_postgres_file(pg, rows, n, timeout, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_postgres_stored(void *data, ngx_uint_t row,
    const ngx_str_t *columns, ngx_uint_t ncolumns)
{
    int64_t  *stored = data;

    if (row > 0 || ncolumns != 1 || columns[0].data == NULL) {
        return NGX_ERROR;
    }

    *stored = strtoll((char *) columns[0].data, NULL, 10);

    return NGX_OK;
}


ngx_int_t
ngx_soporte_postgres_attach_part(ngx_soporte_postgres_t *pg,
    const ngx_str_t *json, const char *name, uint64_t size, uint64_t at,
    const ngx_str_t *content, ngx_msec_t timeout, uint64_t *next,
    ngx_soporte_postgres_err_t *err)
{
    static const char  sql[] =
        "SELECT soporte.store_part(j ->> 'tenant', "
        "coalesce(j ->> 'ticket', j ->> 'id')::pg_catalog.uuid, "
        "(j ->> 'id')::pg_catalog.uuid, $2, $3::pg_catalog.int8, "
        "$4::pg_catalog.int8, $5) "
        "FROM (SELECT $1::pg_catalog.jsonb) AS t (j)";

    char                          text[2][24];
    int64_t                       stored;
    ngx_soporte_postgres_param_t  params[5];

    ngx_memzero(params, sizeof(params));

    params[0].value = *json;
    params[1].value.data = (u_char *) name;
    params[1].value.len = strlen(name);
    params[2].value.data = (u_char *) text[0];
    params[2].value.len = snprintf(text[0], sizeof(text[0]), "%llu",
                                   (unsigned long long) size);
    params[3].value.data = (u_char *) text[1];
    params[3].value.len = snprintf(text[1], sizeof(text[1]), "%llu",
                                   (unsigned long long) at);
    params[4].value = *content;
    params[4].bytea = 1;

    /* an empty file is not NULL */

    if (content->data == NULL) {
        params[4].value.data = (u_char *) "";
    }

    stored = 0;

    if (ngx_soporte_postgres_call(pg, sql, params, 5, timeout,
                                  ngx_soporte_postgres_stored, &stored, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (stored < 0) {
        (void) snprintf(err->sqlstate, sizeof(err->sqlstate), "XX001");
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_DATA,
                                         "an attachment's digest differs");
    }

    *next = (uint64_t) stored;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_postgres_attach(ngx_soporte_postgres_t *pg, const ngx_str_t *json,
    const char *name, const ngx_str_t *content, ngx_msec_t timeout,
    ngx_soporte_postgres_err_t *err)
{
    uint64_t   at, next;
    ngx_str_t  part;

    for (at = 0; /* void */ ; at = next) {
        part.data = content->data + at;
        part.len = ngx_min(content->len - at, NGX_SOPORTE_POSTGRES_PART);

        if (content->data == NULL) {
            part.data = NULL;
        }

        if (ngx_soporte_postgres_attach_part(pg, json, name, content->len, at,
                                             &part, timeout, &next, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (next == content->len) {
            return NGX_OK;
        }

        if (next > content->len || next == at) {
            return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_STOP,
                                             "soporte.store_part() does not "
                                             "go on");
        }
    }
}


ngx_msec_t
ngx_soporte_postgres_backoff(ngx_uint_t failures, uint32_t random)
{
    ngx_msec_t  whole;

    if (failures == 0) {
        return 0;
    }

    whole = (failures > 8) ? 30000 : (ngx_msec_t) 100 << failures;
    whole = ngx_min(whole, 30000);

    return whole / 2 + random % (whole / 2 + 1);
}
