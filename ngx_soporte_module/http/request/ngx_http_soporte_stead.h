
/*
 * Answers in a tenant's stead: 503, as page or as the JSON that the ERPNext
 * desk can show.
 */

#ifndef _NGX_HTTP_SOPORTE_STEAD_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_STEAD_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_reply.h"


/* what is known of why; the cause counts where no incident was seen yet */

typedef struct {
    ngx_http_soporte_kind_e    kind;         /* of the page */
    ngx_soporte_cause_e        cause;
} ngx_http_soporte_stead_t;


/*
 * Makes the answer and sends nothing.  NGX_DECLINED: the page is off, then
 * reply is a 503 without a body; NGX_ERROR: memory.
 */
ngx_int_t ngx_http_soporte_stead_make(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, const ngx_http_soporte_stead_t *stead,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body);

/* from the gate: the request is finalized, NGX_DONE */
ngx_int_t ngx_http_soporte_stead_closed(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_kind_e kind);


#endif /* _NGX_HTTP_SOPORTE_STEAD_H_INCLUDED_ */
