
/*
 * The pages of the portal and what they have in common.
 */

#ifndef _NGX_HTTP_SOPORTE_PORTAL_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PORTAL_H_INCLUDED_


#include "ngx_http_soporte.h"


/* server rewrite phase: goes on in the location of the portal */
ngx_int_t ngx_http_soporte_portal_rewrite_handler(ngx_http_request_t *r);

/* NGX_DECLINED, or 413 when the announced body is over the limit */
ngx_int_t ngx_http_soporte_portal_length(ngx_http_request_t *r);

/* what the portal keeps of the request, made if need be; NULL: memory */
ngx_http_soporte_visit_t *ngx_http_soporte_portal_visit(
    ngx_http_request_t *r);

/*
 * Takes the key of a link out of the request: whatever logs repeat of it has
 * "clave=***", also where limits keep it away.  As soon as it is known that
 * the request is the portal's, and again in preaccess, for a location's.
 */
void ngx_http_soporte_portal_conceal(ngx_http_request_t *r);

/* the key, of the request's pool; NGX_DECLINED: its link has none */
ngx_int_t ngx_http_soporte_portal_key(ngx_http_request_t *r, ngx_str_t *key);

/* NGX_OK, NGX_ERROR (another site's), NGX_DECLINED (the client says nothing) */
ngx_int_t ngx_http_soporte_same_origin(ngx_http_request_t *r);


/* handlers of paths; "name" is what follows the path's prefix */

ngx_int_t ngx_http_soporte_help(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_privacy(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_ticket_file(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_track(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_message(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_mine(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_lost(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_status_page(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_status_json(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_helped(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_feeds(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_health(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_badge(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_widget(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
ngx_int_t ngx_http_soporte_form_script(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);


#endif /* _NGX_HTTP_SOPORTE_PORTAL_H_INCLUDED_ */
