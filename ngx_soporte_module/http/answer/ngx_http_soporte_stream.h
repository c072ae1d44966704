
/*
 * An answer of any length, some steps a turn of the event loop, from one
 * buffer that is filled again only when it was sent.  So the worker never
 * stalls, and memory is bounded, however much there is to tell.
 */

#ifndef _NGX_HTTP_SOPORTE_STREAM_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_STREAM_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_reply.h"


#define NGX_HTTP_SOPORTE_STREAM_NEED  16384  /* bytes that a step may write */


typedef struct ngx_http_soporte_stream_s  ngx_http_soporte_stream_t;


/*
 * Renders a little into stream->out, at most _NEED bytes, or nothing.
 * NGX_OK: there is more, NGX_DONE: that was all, NGX_ERROR: the answer ends
 * torn.
 */
typedef ngx_int_t (*ngx_http_soporte_stream_pt)(
    ngx_http_soporte_stream_t *stream);


struct ngx_http_soporte_stream_s {
    ngx_http_soporte_stream_pt   step;       /* the caller's, ... */
    void                        *data;
    ngx_uint_t                   turn;       /* steps at most, of a turn */

    ngx_soporte_out_t            out;        /* ... from here ours */
    ngx_buf_t                   *buf;
    ngx_chain_t                  link;
    ngx_uint_t                   ended;
};


/*
 * Sends the headers, streams the body and returns what a content handler
 * returns.  The stream lives in the request's pool; the request's context of
 * the module is ours.
 */
ngx_int_t ngx_http_soporte_stream(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_stream_t *stream);


#endif /* _NGX_HTTP_SOPORTE_STREAM_H_INCLUDED_ */
