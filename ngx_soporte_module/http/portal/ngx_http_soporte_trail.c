
/*
 * What went wrong for a session goes with its ticket, if the customer lets it:
 * without queries, without names of documents, with the id that leads into
 * Frappe's own Error Log.
 */

#include "ngx_http_soporte_trail.h"
#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_reply.h"

#include "ngx_soporte_route.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"
#include "ngx_soporte_trail.h"


#define NGX_HTTP_SOPORTE_TRAIL_URI      512  /* bytes that are looked at */
#define NGX_HTTP_SOPORTE_TRAIL_METHODS                                        \
    (sizeof(ngx_http_soporte_trail_methods)                                   \
     / sizeof(ngx_http_soporte_trail_methods[0]))


static void ngx_http_soporte_trail_step(ngx_soporte_mem_t *mem,
    ngx_pool_t *pool, ngx_soporte_value_t *list,
    const ngx_soporte_step_t *step);
static void ngx_http_soporte_trail_path(ngx_http_request_t *r,
    ngx_soporte_step_t *step);
static uint8_t ngx_http_soporte_trail_bit(const u_char *p, size_t len);
static void ngx_http_soporte_trail_row(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_value_t *step);
static void ngx_http_soporte_trail_other(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *list,
    const ngx_soporte_value_t *member);


static const char *const  ngx_http_soporte_trail_methods[] = {
    "", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"
};


void
ngx_http_soporte_trail(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx)
{
    ngx_str_t                      tenant;
    ngx_time_t                    *tp;
    ngx_soporte_step_t             step;
    ngx_http_variable_value_t     *vv;
    ngx_http_soporte_main_conf_t  *smcf;

    static ngx_str_t  name = ngx_string("request_id");

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    /* without a portal there is no form, nor a key to hash with */

    if (smcf->portal.file == NULL) {
        return;
    }

    ngx_memzero(&step, sizeof(ngx_soporte_step_t));

    tenant.data = ctx->tenant->key;
    tenant.len = ctx->tenant->len;

    if (ngx_http_soporte_session(r, &tenant, step.session) != NGX_OK) {
        return;
    }

    tp = ngx_timeofday();

    step.at = (int64_t) tp->sec * 1000 + tp->msec;
    step.took = (uint32_t) ngx_max(step.at - ((int64_t) r->start_sec * 1000
                                              + (int64_t) r->start_msec), 0);
    step.tenant = ngx_soporte_tenant_index(smcf->zone, ctx->tenant);
    step.status = (uint16_t) (r->err_status ? r->err_status
                                            : r->headers_out.status);

    ngx_http_soporte_trail_path(r, &step);

    /* by name: its value is kept where the configuration uses it */

    vv = ngx_http_get_variable(r, &name, ngx_hash_key(name.data, name.len));

    if (vv && !vv->not_found && vv->len == 2 * sizeof(step.request_id)) {
        (void) ngx_soporte_text_unhex(step.request_id, vv->data, vv->len);
    }

    ngx_soporte_trail_put(smcf->zone, &step);
}


/* as the client asked: an error_page has other ones */

static void
ngx_http_soporte_trail_path(ngx_http_request_t *r, ngx_soporte_step_t *step)
{
    u_char  *src, *dst, *p, *last;
    size_t   len;

    u_char   uri[NGX_HTTP_SOPORTE_TRAIL_URI];

    p = r->request_line.data;
    last = p + r->request_line.len;

    while (p < last && *p != ' ') {
        p++;
    }

    step->method = ngx_http_soporte_trail_bit(r->request_line.data,
                                              p - r->request_line.data);

    src = r->unparsed_uri.data;
    p = ngx_strlchr(src, src + r->unparsed_uri.len, '?');

    len = p ? (size_t) (p - src) : r->unparsed_uri.len;
    len = ngx_min(len, sizeof(uri));
    dst = uri;

    ngx_unescape_uri(&dst, &src, len, 0);

    step->len = (uint8_t) ngx_soporte_route(step->path, sizeof(step->path),
                                            uri, dst - uri);
}


ngx_soporte_value_t *
ngx_http_soporte_trail_context(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view)
{
    u_char                         session[NGX_HTTP_SOPORTE_SESSION_LEN];
    ngx_uint_t                     i, n;
    ngx_time_t                    *tp;
    ngx_soporte_value_t           *root, *list;
    ngx_soporte_step_t             steps[NGX_SOPORTE_TRAIL_KEPT];
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    ctx = ngx_http_soporte_ctx(r);

    if (ctx == NULL
        || ngx_http_soporte_session(r, &view->report.key, session) != NGX_OK)
    {
        return NULL;
    }

    tp = ngx_timeofday();

    n = ngx_soporte_trail_read(smcf->zone, session,
                               ngx_soporte_tenant_index(smcf->zone,
                                                        ctx->tenant),
                               (int64_t) tp->sec * 1000 + tp->msec, steps);

    if (n == 0) {
        return NULL;
    }

    root = ngx_soporte_value_add(&view->mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    list = ngx_soporte_value_add(&view->mem, root, "failures",
                                 NGX_SOPORTE_LIST);

    for (i = 0; i < n; i++) {
        ngx_http_soporte_trail_step(&view->mem, r->pool, list, &steps[i]);
    }

    return root;
}


static void
ngx_http_soporte_trail_step(ngx_soporte_mem_t *mem, ngx_pool_t *pool,
    ngx_soporte_value_t *list, const ngx_soporte_step_t *step)
{
    u_char               *p;
    ngx_str_t             s;
    ngx_soporte_value_t  *item;

    p = ngx_pnalloc(pool, NGX_SOPORTE_TIME_LEN + step->len
                          + 2 * sizeof(step->request_id));

    item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    if (p == NULL) {
        return;
    }

    s.data = p;
    p = ngx_soporte_time_rfc3339(p, step->at / 1000, 0);
    s.len = p - s.data;
    (void) ngx_soporte_value_str(mem, item, "at", &s);

    (void) ngx_soporte_value_cstr(mem, item, "method",
                                step->method < NGX_HTTP_SOPORTE_TRAIL_METHODS
                                ? ngx_http_soporte_trail_methods[step->method]
                                : "");

    s.data = p;
    p = ngx_cpymem(p, step->path, step->len);
    s.len = p - s.data;
    (void) ngx_soporte_value_str(mem, item, "path", &s);

    (void) ngx_soporte_value_int(mem, item, "status", step->status);
    (void) ngx_soporte_value_int(mem, item, "ms", step->took);

    s.data = p;
    p = ngx_soporte_text_hex(p, step->request_id, sizeof(step->request_id));
    s.len = p - s.data;
    (void) ngx_soporte_value_str(mem, item, "request_id", &s);
}


/* a method's number in the table, 0 for any other */

static uint8_t
ngx_http_soporte_trail_bit(const u_char *p, size_t len)
{
    ngx_uint_t  i;

    for (i = 1; i < NGX_HTTP_SOPORTE_TRAIL_METHODS; i++) {

        if (ngx_strlen(ngx_http_soporte_trail_methods[i]) == len
            && ngx_strncmp(ngx_http_soporte_trail_methods[i], p, len) == 0)
        {
            return (uint8_t) i;
        }
    }

    return 0;
}


void
ngx_http_soporte_trail_show(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *form,
    const ngx_soporte_value_t *context, ngx_uint_t off)
{
    ngx_str_t                   json;
    ngx_soporte_out_t          *out;
    ngx_soporte_value_t        *list;
    ngx_http_soporte_body_t     body;
    const ngx_soporte_value_t  *member, *step;

    if (context == NULL || context->type != NGX_SOPORTE_OBJECT
        || context->first == NULL)
    {
        return;
    }

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_value_json(out, context);

    if (ngx_http_soporte_body_join(&body, &json) != NGX_OK) {
        return;
    }

    (void) ngx_soporte_value_str(&view->mem, form, "context_json", &json);
    (void) ngx_soporte_value_bool(&view->mem, form, "context_off", off);

    list = ngx_soporte_value_add(&view->mem, form, "context",
                                 NGX_SOPORTE_LIST);

    for (member = context->first; member; member = member->next) {

        if (member->type != NGX_SOPORTE_LIST
            || member->name.len != sizeof("failures") - 1
            || ngx_strncmp(member->name.data, "failures", member->name.len)
               != 0)
        {
            ngx_http_soporte_trail_other(r, view, list, member);
            continue;
        }

        for (step = member->first; step; step = step->next) {
            ngx_http_soporte_trail_row(view, list, step);
        }
    }
}


/* "GET /app/sales-invoice, 502, 1.2 s" under its time of day */

static void
ngx_http_soporte_trail_row(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_value_t *step)
{
    u_char               *p;
    int64_t               t;
    ngx_str_t             label, s;
    ngx_soporte_value_t  *at, *method, *path, *status, *ms, *item;

    at = ngx_soporte_value_get(step, "at");
    method = ngx_soporte_value_get(step, "method");
    path = ngx_soporte_value_get(step, "path");
    status = ngx_soporte_value_get(step, "status");
    ms = ngx_soporte_value_get(step, "ms");

    if (at == NULL || method == NULL || path == NULL || status == NULL
        || ms == NULL
        || ngx_soporte_time_parse(at->str.data, at->str.len, &t, NULL)
           != NGX_OK)
    {
        return;
    }

    p = ngx_pnalloc(view->voice.pool, method->str.len + path->str.len
                                      + 3 * NGX_INT64_LEN);

    if (p == NULL) {
        return;
    }

    s.data = p;
    s.len = ngx_sprintf(p, "%V %V, %L, %L.%L s", &method->str, &path->str,
                        status->num, ms->num / 1000, ms->num % 1000 / 100)
            - p;

    label = ngx_http_soporte_clock(&view->voice, t);

    item = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(&view->mem, item, "label", &label);
    (void) ngx_soporte_value_str(&view->mem, item, "value", &s);
}


/* what another page or program put in: under its name, as it is */

static void
ngx_http_soporte_trail_other(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *list,
    const ngx_soporte_value_t *member)
{
    ngx_str_t                 label, value;
    ngx_soporte_out_t        *out;
    ngx_soporte_value_t      *item;
    ngx_http_soporte_body_t   body;

    label = ngx_http_soporte_phrase_str(&view->voice, "context",
                                        &member->name);

    if (label.len == 0) {
        label = member->name;
    }

    value = member->str;

    if (member->type != NGX_SOPORTE_STRING) {
        out = ngx_http_soporte_body(&body, r->pool);
        ngx_soporte_value_json(out, member);

        if (ngx_http_soporte_body_join(&body, &value) != NGX_OK) {
            return;
        }
    }

    item = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(&view->mem, item, "label", &label);
    (void) ngx_soporte_value_str(&view->mem, item, "value", &value);
}
