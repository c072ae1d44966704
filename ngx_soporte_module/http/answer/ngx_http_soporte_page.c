
/*
 * Answers with pages: renders a template, and says what the portal could not
 * accept.
 */

#include "ngx_http_soporte_page.h"

#include "ngx_soporte_time.h"


static ngx_int_t ngx_http_soporte_page_problem(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_reply_t *reply,
    ngx_soporte_value_t *problem);
static ngx_int_t ngx_http_soporte_page_error_with(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_uint_t status, const char *allow);


/* titles of messages.json by kind */

static const char *const  ngx_http_soporte_titles[NGX_HTTP_SOPORTE_KINDS] = {
    "maintenance",
    "restore",
    "incident",
    "help",
    "ticket",
    "status",
    "help",
    "help",
    "privacy",
    "status",
    "tickets"
};


ngx_int_t
ngx_http_soporte_page_render(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body)
{
    ngx_str_t                     title;
    ngx_soporte_out_t            *out;
    ngx_http_soporte_page_t      *page;
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);
    page = slcf->pages[kind];

    out = ngx_http_soporte_body(body, r->pool);

    if (page->tpl == NULL) {
        ngx_str_set(&reply->type, "text/plain");
        return NGX_DECLINED;
    }

    if (ngx_soporte_value_get(view->root, "title") == NULL) {
        title = ngx_http_soporte_phrase(&view->voice, "title",
                                        ngx_http_soporte_titles[kind]);
        (void) ngx_soporte_value_str(&view->mem, view->root, "title",
                                     &title);
    }

    if (view->mem.failed) {
        return NGX_ERROR;
    }

    if (ngx_soporte_template_render(page->tpl, view->root, out) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "page \"%s\" can't be rendered",
                      ngx_http_soporte_titles[kind]);
        return NGX_ERROR;
    }

    if (kind == NGX_HTTP_SOPORTE_BADGE) {
        ngx_str_set(&reply->type, "image/svg+xml; charset=utf-8");
    } else {
        ngx_str_set(&reply->type, "text/html; charset=utf-8");
    }

    reply->csp = page->csp;

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_page_send(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_http_soporte_reply_t *reply)
{
    ngx_int_t                rc;
    ngx_http_soporte_body_t  body;

    rc = ngx_http_soporte_page_render(r, view, kind, reply, &body);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* there is no such page; but what is closed or wrong stays so */

    if (rc == NGX_DECLINED && reply->status == NGX_HTTP_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    return ngx_http_soporte_reply(r, reply, &body);
}


/*
 * frappe/app.py, handle_exception(): JSON if Accept is there and the request
 * is an XMLHttpRequest or Accept names JSON, or below /api/ unless Accept
 * begins with "text".
 */

ngx_uint_t
ngx_http_soporte_wants_json(ngx_http_request_t *r)
{
    ngx_str_t  *accept, *with, *path;

    accept = ngx_http_soporte_header(r, "accept");

    if (accept && accept->len) {
        with = ngx_http_soporte_header(r, "x-requested-with");

        if (with && with->len == sizeof("XMLHttpRequest") - 1
            && ngx_strncmp(with->data, "XMLHttpRequest", with->len) == 0)
        {
            return 1;
        }

        if (ngx_strlcasestrn(accept->data, accept->data + accept->len,
                             (u_char *) "application/json",
                             sizeof("application/json") - 2))
        {
            return 1;
        }
    }

    /* what was asked for, not what an error_page put in its place */

    path = r->internal ? &r->unparsed_uri : &r->uri;

    return path->len >= 5
           && ngx_strncmp(path->data, "/api/", 5) == 0
           && !(accept && accept->len >= 4
                && ngx_strncmp(accept->data, "text", 4) == 0);
}


ngx_uint_t
ngx_http_soporte_accepts_json(ngx_http_request_t *r)
{
    ngx_str_t  *accept, *type;

    accept = ngx_http_soporte_header(r, "accept");

    if (accept
        && ngx_strlcasestrn(accept->data, accept->data + accept->len,
                            (u_char *) "json", sizeof("json") - 2))
    {
        return 1;
    }

    /* who sends JSON reads JSON, unless a page is asked for */

    type = r->headers_in.content_type ? &r->headers_in.content_type->value
                                      : NULL;

    return type
           && ngx_strlcasestrn(type->data, type->data + type->len,
                               (u_char *) "json", sizeof("json") - 2)
           && !(accept
                && ngx_strlcasestrn(accept->data, accept->data + accept->len,
                                    (u_char *) "text/html",
                                    sizeof("text/html") - 2));
}


ngx_int_t
ngx_http_soporte_retry_after(const ngx_http_soporte_view_t *view)
{
    int64_t  left;

    left = 30;

    if (view->report.posted && view->report.notice.ends > view->voice.now) {
        left = view->report.notice.ends - view->voice.now;
    }

    return ngx_min(ngx_max(left, 15), 120) + ngx_random() % 30;
}


ngx_int_t
ngx_http_soporte_page_error(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_uint_t status)
{
    return ngx_http_soporte_page_error_with(r, ctx, status, NULL);
}


ngx_int_t
ngx_http_soporte_page_method(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, const char *allow)
{
    return ngx_http_soporte_page_error_with(r, ctx, NGX_HTTP_NOT_ALLOWED,
                                            allow);
}


static ngx_int_t
ngx_http_soporte_page_error_with(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_uint_t status, const char *allow)
{
    u_char                    *p;
    ngx_str_t                  code;
    ngx_soporte_value_t       *problem, *error;
    ngx_http_soporte_view_t    view;
    ngx_http_soporte_reply_t   reply;

    u_char                     buf[NGX_INT_T_LEN];

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.status = status;

    if (allow) {
        reply.allow.data = (u_char *) allow;
        reply.allow.len = ngx_strlen(allow);
    }

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE
        || status == NGX_HTTP_TOO_MANY_REQUESTS)
    {
        reply.retry_after = ngx_http_soporte_retry_after(&view);
    }

    p = ngx_sprintf(buf, "%ui", status);
    code.data = buf;
    code.len = p - buf;

    problem = ngx_soporte_value_find(
                  ngx_soporte_value_get(view.voice.messages, "problem"),
                  code.data, code.len);

    if (ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_page_problem(r, &view, &reply, problem);
    }

    error = ngx_soporte_value_add(&view.mem, view.root, "error",
                                  NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_int(&view.mem, error, "status", status);

    if (problem) {
        (void) ngx_soporte_value_ref(&view.mem, error, "title",
                                  ngx_soporte_value_get(problem, "title"));
        (void) ngx_soporte_value_ref(&view.mem, error, "message",
                                  ngx_soporte_value_get(problem, "message"));
        (void) ngx_soporte_value_ref(&view.mem, view.root, "title",
                                  ngx_soporte_value_get(problem, "title"));
    }

    return ngx_http_soporte_page_send(r, &view, NGX_HTTP_SOPORTE_ERROR,
                                      &reply);
}


/* RFC 9457 */

static ngx_int_t
ngx_http_soporte_page_problem(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_reply_t *reply,
    ngx_soporte_value_t *problem)
{
    ngx_soporte_value_t  *root;

    root = ngx_soporte_value_add(&view->mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&view->mem, root, "type", "about:blank");
    (void) ngx_soporte_value_int(&view->mem, root, "status", reply->status);

    if (problem) {
        (void) ngx_soporte_value_ref(&view->mem, root, "title",
                                  ngx_soporte_value_get(problem, "title"));
        (void) ngx_soporte_value_ref(&view->mem, root, "detail",
                                  ngx_soporte_value_get(problem, "message"));
    }

    (void) ngx_soporte_value_str(&view->mem, root, "phone",
                                 &view->policy->contact.phone);
    (void) ngx_soporte_value_str(&view->mem, root, "email",
                                 &view->policy->contact.email);

    if (view->mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&reply->type, "application/problem+json");

    return ngx_http_soporte_reply_json(r, reply, root);
}
