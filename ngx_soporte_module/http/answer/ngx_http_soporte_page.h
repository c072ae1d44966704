
/*
 * Pages: a template filled with a view.
 */

#ifndef _NGX_HTTP_SOPORTE_PAGE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PAGE_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_view.h"


/*
 * Renders into body and sends nothing; type and CSP are set.  NGX_DECLINED:
 * the page is off, body is empty; NGX_ERROR.
 */
ngx_int_t ngx_http_soporte_page_render(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body);

/*
 * Renders and sends; status, location and the like are the caller's, type and
 * CSP are set here.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_soporte_page_send(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_http_soporte_kind_e kind,
    ngx_http_soporte_reply_t *reply);

/* an error of the portal, as page or problem+json; ctx may be NULL */
ngx_int_t ngx_http_soporte_page_error(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_uint_t status);

/* 405 with Allow */
ngx_int_t ngx_http_soporte_page_method(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, const char *allow);

/* whether Frappe would answer this request's failure as JSON */
ngx_uint_t ngx_http_soporte_wants_json(ngx_http_request_t *r);

/* whether a client of the portal asks for JSON */
ngx_uint_t ngx_http_soporte_accepts_json(ngx_http_request_t *r);

/* s to wait, spread so that not all come back at once */
ngx_int_t ngx_http_soporte_retry_after(const ngx_http_soporte_view_t *view);


#endif /* _NGX_HTTP_SOPORTE_PAGE_H_INCLUDED_ */
