
/*
 * In place of a failure: a 502 or 504 for a tenant's upstream, and Frappe's
 * own maintenance page, give way to a page that says more.
 */

#ifndef _NGX_HTTP_SOPORTE_REPLACE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_REPLACE_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_reply.h"


/* 502, 503, 504: nothing else is looked at */

#define ngx_http_soporte_replaceable(r)                                       \
    ((r)->headers_out.status - NGX_HTTP_BAD_GATEWAY < 3)

/*
 * From the header filter, when all of ours is done: NGX_OK, the header goes
 * on, as it was or as that of our answer; NGX_AGAIN, it is held until the
 * body shows what it is; NGX_ERROR.
 */
ngx_int_t ngx_http_soporte_replace_header(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx);

/*
 * From the body filter, where ctx->held or ctx->replaced.  NGX_OK: *in is to
 * be passed on, after the header if that is in *header; NGX_DECLINED: there is
 * nothing to be passed on; NGX_ERROR.
 */
ngx_int_t ngx_http_soporte_replace_body(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_chain_t **in, ngx_uint_t *header);


#endif /* _NGX_HTTP_SOPORTE_REPLACE_H_INCLUDED_ */
