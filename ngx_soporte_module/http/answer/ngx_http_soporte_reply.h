
/*
 * How the module answers a request itself: headers that every answer of ours
 * carries, and a body collected in a bounded chain of buffers; and what the
 * client's own headers say.
 */

#ifndef _NGX_HTTP_SOPORTE_REPLY_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_REPLY_H_INCLUDED_


#include "ngx_http_soporte.h"


/* an output of core/ that ends in a chain; memory from the request's pool */

typedef struct {
    ngx_soporte_out_t    out;
    ngx_pool_t          *pool;
    ngx_chain_t         *first;
    ngx_chain_t        **last;
    ngx_buf_t           *buf;
    off_t                size;               /* bytes written */
} ngx_http_soporte_body_t;


typedef struct {
    ngx_uint_t           status;
    ngx_str_t            type;               /* of the content, exactly */
    ngx_str_t            csp;                /* len 0: nothing may load */
    ngx_str_t            location;           /* len 0: none */
    ngx_str_t            cookie;             /* Set-Cookie, len 0: none */
    ngx_str_t            allow;              /* with 405 */
    ngx_int_t            retry_after;        /* s, 0: none */
    ngx_int_t            max_age;            /* s, 0: no-store */
} ngx_http_soporte_reply_t;


ngx_soporte_out_t *ngx_http_soporte_body(ngx_http_soporte_body_t *body,
    ngx_pool_t *pool);

/* what was written, in one piece; NGX_ERROR when memory was refused */
ngx_int_t ngx_http_soporte_body_join(ngx_http_soporte_body_t *body,
    ngx_str_t *text);

/* sets the headers of an answer whose body has so many bytes, and no more */
ngx_int_t ngx_http_soporte_reply_head(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, off_t size);

/*
 * Sends headers and body and returns what a content handler returns.  The
 * client's request body, if any is still coming, is thrown away.
 */
ngx_int_t ngx_http_soporte_reply(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_body_t *body);

/* a tree as a JSON document; "type" decides between application/json and … */
ngx_int_t ngx_http_soporte_reply_json(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, const ngx_soporte_value_t *value);

/*
 * The request's body in one piece, after it was read into memory.  NGX_DECLINED
 * when nginx put it into a file: it was larger than the buffer allows.
 */
ngx_int_t ngx_http_soporte_body_text(ngx_http_request_t *r, ngx_str_t *text);

/* a header that the client sent, by its lower-case name; NULL if it did not */
ngx_str_t *ngx_http_soporte_header(ngx_http_request_t *r, const char *name);

/* a cookie that it sent; NGX_DECLINED without */
ngx_int_t ngx_http_soporte_cookie(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


#endif /* _NGX_HTTP_SOPORTE_REPLY_H_INCLUDED_ */
