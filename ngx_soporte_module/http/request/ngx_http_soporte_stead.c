
/*
 * Speaks in a tenant's stead in the form that the asker can show: a page for
 * people, JSON for the ERPNext desk, by Frappe's own rule.
 */

#include "ngx_http_soporte_stead.h"
#include "ngx_http_soporte_crowd.h"
#include "ngx_http_soporte_page.h"


static ngx_int_t ngx_http_soporte_stead_robots(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body);
static void ngx_http_soporte_stead_news(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_int_t refresh);
static ngx_int_t ngx_http_soporte_stead_desk(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body);
static void ngx_http_soporte_stead_facts(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *soporte);
static ngx_int_t ngx_http_soporte_stead_dialog(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_str_t *messages);


/* keys of messages.json, "desk", by kind */

static const char *const  ngx_http_soporte_dialogs[3] = {
    "maintenance",
    "restore",
    "incident"
};


ngx_int_t
ngx_http_soporte_stead_closed(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_kind_e kind)
{
    ngx_int_t                  rc;
    ngx_http_soporte_body_t    body;
    ngx_http_soporte_reply_t   reply;
    ngx_http_soporte_stead_t   stead;

    ctx->page = 1;

    if (r->uri.len == sizeof("/robots.txt") - 1
        && ngx_strncmp(r->uri.data, "/robots.txt", r->uri.len) == 0)
    {
        rc = ngx_http_soporte_stead_robots(r, &reply, &body);

    } else {
        stead.kind = kind;
        stead.cause = NGX_SOPORTE_CAUSE_UNKNOWN;

        rc = ngx_http_soporte_stead_make(r, ctx, &stead, &reply, &body);
    }

    rc = (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR
                           : ngx_http_soporte_reply(r, &reply, &body);

    /* the gate is no content handler; 5xx by itself would meet error_page */

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_soporte_stead_robots(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body)
{
    static const char   text[] = "User-agent: *\nDisallow:\n";

    ngx_soporte_out_t  *out;

    /* an error here would let crawlers forget the site for a while */

    out = ngx_http_soporte_body(body, r->pool);
    ngx_soporte_out(out, text, sizeof(text) - 1);

    ngx_memzero(reply, sizeof(ngx_http_soporte_reply_t));

    reply->status = NGX_HTTP_OK;
    ngx_str_set(&reply->type, "text/plain; charset=utf-8");

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_stead_make(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, const ngx_http_soporte_stead_t *stead,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body)
{
    ngx_http_soporte_view_t        view;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_memzero(reply, sizeof(ngx_http_soporte_reply_t));
    (void) ngx_http_soporte_body(body, r->pool);

    /* the counters are in the order of the kinds */

    ngx_soporte_add(&smcf->zone->header->pages[stead->kind], 1);

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_ERROR;
    }

    if (stead->cause != NGX_SOPORTE_CAUSE_UNKNOWN
        && view.report.incident.cause == NGX_SOPORTE_CAUSE_UNKNOWN)
    {
        ngx_http_soporte_report_cause(smcf->zone, ctx->tenant, ngx_time(),
                                      stead->cause, &view.report);
    }

    ngx_http_soporte_view_notice(&view);

    reply->status = NGX_HTTP_SERVICE_UNAVAILABLE;
    reply->retry_after = ngx_http_soporte_retry_after(&view);

    if (ngx_http_soporte_wants_json(r)) {
        return ngx_http_soporte_stead_desk(r, &view, stead->kind, reply,
                                           body);
    }

    /* an answer to a page, which people will wait before */

    ngx_http_soporte_crowd_waits(ngx_soporte_tenant_index(smcf->zone,
                                                          ctx->tenant));
    ngx_http_soporte_stead_news(r, &view, reply->retry_after);

    return ngx_http_soporte_page_render(r, &view, stead->kind, reply, body);
}


/*
 * How the page hears of news: by estado.json, or where there is no script by
 * loading itself anew, until the reader says to stop that (WCAG 2.2.1).
 */

static void
ngx_http_soporte_stead_news(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_int_t refresh)
{
    u_char     *p;
    ngx_str_t   value, still;

    static ngx_str_t  name = ngx_string("sin-recarga");

    (void) ngx_soporte_value_bool(&view->mem, view->root, "poll",
                                  view->base.len != 0);
    (void) ngx_soporte_value_int(&view->mem, view->root, "refresh", refresh);
    (void) ngx_soporte_value_int(&view->mem, view->root, "retry_after",
                                 refresh);

    if (ngx_http_arg(r, name.data, name.len, &value) == NGX_OK) {
        (void) ngx_soporte_value_bool(&view->mem, view->root, "no_refresh",
                                      1);
        return;
    }

    still.len = r->args.len + name.len + sizeof("?&=1") - 1;
    still.data = ngx_pnalloc(r->pool, still.len);

    if (still.data == NULL) {
        return;
    }

    p = still.data;
    *p++ = '?';

    if (r->args.len) {
        p = ngx_cpymem(p, r->args.data, r->args.len);
        *p++ = '&';
    }

    p = ngx_cpymem(p, name.data, name.len);
    *p++ = '=';
    *p++ = '1';

    still.len = p - still.data;
    (void) ngx_soporte_value_str(&view->mem, view->root, "still", &still);
}


/*
 * What the ERPNext desk shows as a dialog: 503, Content-Type exactly
 * application/json, _server_messages a JSON list of JSON texts
 * (frappe/public/js/frappe/request.js).
 */

static ngx_int_t
ngx_http_soporte_stead_desk(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body)
{
    ngx_str_t             messages;
    ngx_soporte_value_t  *root, *soporte;

    if (ngx_http_soporte_stead_dialog(r, view, kind, &messages) != NGX_OK) {
        return NGX_ERROR;
    }

    root = ngx_soporte_value_add(&view->mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&view->mem, root, "exc_type",
                                  "SessionStopped");
    (void) ngx_soporte_value_str(&view->mem, root, "_server_messages",
                                 &messages);

    soporte = ngx_soporte_value_add(&view->mem, root, "soporte",
                                    NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_int(&view->mem, soporte, "retry_after",
                                 reply->retry_after);
    ngx_http_soporte_stead_facts(view, soporte);

    if (view->mem.failed) {
        return NGX_ERROR;
    }

    ngx_soporte_value_json(ngx_http_soporte_body(body, r->pool), root);
    ngx_str_set(&reply->type, "application/json");

    return body->out.failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_soporte_stead_facts(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *soporte)
{
    ngx_soporte_mem_t           *mem;
    const ngx_soporte_notice_t  *notice;

    mem = &view->mem;
    notice = &view->report.notice;

    (void) ngx_soporte_value_cstr(mem, soporte, "state",
                          ngx_http_soporte_state_name(view->report.state));

    if (view->report.troubled) {
        ngx_soporte_value_instant(mem, soporte, "since",
                                  view->report.incident.began);
    }

    if (!view->report.posted) {
        return;
    }

    switch (notice->kind) {

    case NGX_SOPORTE_BOARD_RESTORE:
        (void) ngx_soporte_value_cstr(mem, soporte, "phase",
                                 ngx_soporte_phase_names[notice->phase]);

        if (notice->progress >= 0) {
            (void) ngx_soporte_value_int(mem, soporte, "progress",
                                         notice->progress);
        }

        ngx_soporte_value_instant(mem, soporte, "deadline_at",
                                  ngx_soporte_notice_deadline(notice));
        ngx_soporte_value_instant(mem, soporte, "updated_at", notice->updated);
        break;

    case NGX_SOPORTE_BOARD_MAINTENANCE:
        ngx_soporte_value_instant(mem, soporte, "ends_at", notice->ends);
        break;
    }
}


/* "[\"{\\\"title\\\":…}\"]": JSON within JSON, the message is HTML */

static ngx_int_t
ngx_http_soporte_stead_dialog(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_str_t *messages)
{
    ngx_str_t                     text, title;
    ngx_soporte_out_t            *out;
    ngx_soporte_value_t          *item, *list;
    ngx_http_soporte_body_t       body;
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);
    ngx_str_null(&text);

    if (slcf->pages[NGX_HTTP_SOPORTE_DESK]->tpl) {
        out = ngx_http_soporte_body(&body, r->pool);

        if (ngx_soporte_template_render(
                slcf->pages[NGX_HTTP_SOPORTE_DESK]->tpl, view->root, out)
               != NGX_OK
            || ngx_http_soporte_body_join(&body, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    title = ngx_http_soporte_phrase(&view->voice, "desk",
                                    ngx_http_soporte_dialogs[kind]);

    item = ngx_soporte_value_add(&view->mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(&view->mem, item, "title", &title);
    (void) ngx_soporte_value_str(&view->mem, item, "message", &text);
    (void) ngx_soporte_value_cstr(&view->mem, item, "indicator", "orange");

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_value_json(out, item);

    if (view->mem.failed
        || ngx_http_soporte_body_join(&body, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    list = ngx_soporte_value_add(&view->mem, NULL, NULL, NGX_SOPORTE_LIST);
    (void) ngx_soporte_value_str(&view->mem, list, NULL, &text);

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_value_json(out, list);

    if (view->mem.failed) {
        return NGX_ERROR;
    }

    return ngx_http_soporte_body_join(&body, messages);
}
