
/*
 * The failure trail at the edge: kept in the log phase, shown with the form.
 */

#ifndef _NGX_HTTP_SOPORTE_TRAIL_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_TRAIL_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_view.h"


#define NGX_HTTP_SOPORTE_SLOW  5000          /* ms to the upstream's header */


/* log phase: keeps a failed or slow request, if it belongs to a session */
void ngx_http_soporte_trail(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx);

/*
 * {"failures": [{"at", "method", "path", "status", "ms", "request_id"}]} of
 * the session that asks, in view->mem; NULL: there is nothing to tell.
 */
ngx_soporte_value_t *ngx_http_soporte_trail_context(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view);

/*
 * Shows a ticket's context in "form": context_json for the field, context
 * [label, value] for people; off: it was taken off before.
 */
void ngx_http_soporte_trail_show(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *form,
    const ngx_soporte_value_t *context, ngx_uint_t off);


#endif /* _NGX_HTTP_SOPORTE_TRAIL_H_INCLUDED_ */
