
/*
 * Sends an answer of our own: from a content handler, from the gate, or after
 * a task has ended; and what a client sent with its request.
 */

#include "ngx_http_soporte_reply.h"

#include "ngx_soporte_form.h"


#define NGX_HTTP_SOPORTE_BUF  4096


static void *ngx_http_soporte_palloc(void *data, size_t size);
static ngx_int_t ngx_http_soporte_write(void *data, const u_char *p,
    size_t len);
static ngx_int_t ngx_http_soporte_add_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_soporte_headers(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply);


static ngx_str_t  ngx_http_soporte_csp_none =
    ngx_string("default-src 'none'; frame-ancestors 'none'; "
               "base-uri 'none'; form-action 'none'");


static void *
ngx_http_soporte_palloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


ngx_soporte_mem_t
ngx_http_soporte_mem(ngx_pool_t *pool)
{
    ngx_soporte_mem_t  mem;

    mem.alloc = ngx_http_soporte_palloc;
    mem.data = pool;
    mem.failed = 0;

    return mem;
}


ngx_soporte_out_t *
ngx_http_soporte_body(ngx_http_soporte_body_t *body, ngx_pool_t *pool)
{
    ngx_memzero(body, sizeof(ngx_http_soporte_body_t));

    body->out.write = ngx_http_soporte_write;
    body->out.data = body;
    body->pool = pool;
    body->last = &body->first;

    return &body->out;
}


static ngx_int_t
ngx_http_soporte_write(void *data, const u_char *p, size_t len)
{
    size_t                    n;
    ngx_chain_t              *cl;
    ngx_http_soporte_body_t  *body = data;

    while (len) {

        if (body->buf == NULL || body->buf->last == body->buf->end) {
            body->buf = ngx_create_temp_buf(body->pool,
                                            NGX_HTTP_SOPORTE_BUF);
            cl = ngx_alloc_chain_link(body->pool);

            if (body->buf == NULL || cl == NULL) {
                return NGX_ERROR;
            }

            cl->buf = body->buf;
            cl->next = NULL;
            *body->last = cl;
            body->last = &cl->next;
        }

        n = ngx_min(len, (size_t) (body->buf->end - body->buf->last));
        body->buf->last = ngx_cpymem(body->buf->last, p, n);
        body->size += n;

        p += n;
        len -= n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_body_join(ngx_http_soporte_body_t *body, ngx_str_t *text)
{
    u_char       *p;
    ngx_chain_t  *cl;

    if (body->out.failed) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(body->pool, body->size + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = body->size;

    for (cl = body->first; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}


ngx_str_t *
ngx_http_soporte_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);
    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            return &h[i].value;
        }
    }
}


ngx_int_t
ngx_http_soporte_cookie(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    /* HTTP/2 may bring several Cookie headers; nginx keeps them all */

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_DECLINED;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == 6
            && ngx_strncasecmp(h[i].key.data, (u_char *) "cookie", 6) == 0
            && ngx_soporte_form_cookie(&h[i].value, name, value) == NGX_OK)
        {
            return NGX_OK;
        }
    }
}


static ngx_int_t
ngx_http_soporte_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    if (value->len == 0) {
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_headers(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply)
{
    u_char     *p;
    ngx_str_t   cache, retry, nosniff, referrer;

    ngx_str_set(&cache, "no-store");
    ngx_str_set(&nosniff, "nosniff");
    ngx_str_set(&referrer, "same-origin");
    ngx_str_null(&retry);

    p = ngx_pnalloc(r->pool, 2 * (sizeof("max-age=") - 1 + NGX_INT64_LEN));

    if (p == NULL) {
        return NGX_ERROR;
    }

    if (reply->max_age) {
        cache.data = p;
        p = ngx_sprintf(p, "max-age=%i", reply->max_age);
        cache.len = p - cache.data;
    }

    if (reply->retry_after) {
        retry.data = p;
        p = ngx_sprintf(p, "%i", reply->retry_after);
        retry.len = p - retry.data;
    }

    if (ngx_http_soporte_add_header(r, "Cache-Control", &cache) != NGX_OK
        || ngx_http_soporte_add_header(r, "Retry-After", &retry) != NGX_OK
        || ngx_http_soporte_add_header(r, "Content-Security-Policy",
                                       reply->csp.len
                                       ? &reply->csp
                                       : &ngx_http_soporte_csp_none)
           != NGX_OK
        || ngx_http_soporte_add_header(r, "X-Content-Type-Options", &nosniff)
           != NGX_OK
        || ngx_http_soporte_add_header(r, "Referrer-Policy", &referrer)
           != NGX_OK
        || ngx_http_soporte_add_header(r, "Set-Cookie", &reply->cookie)
           != NGX_OK
        || ngx_http_soporte_add_header(r, "Allow", &reply->allow) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reply->location.len) {

        /* relative, so that nginx's absolute_redirect adds nothing */

        ngx_http_clear_location(r);

        if (ngx_http_soporte_add_header(r, "Location", &reply->location)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_reply_head(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, off_t size)
{
    /* made for this request: no condition of a cache fits */

    r->disable_not_modified = 1;

    r->headers_out.status = reply->status;
    r->headers_out.content_length_n = size;
    r->headers_out.content_type = reply->type;
    r->headers_out.content_type_len = reply->type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_soporte_headers(r, reply);
}


ngx_int_t
ngx_http_soporte_reply(ngx_http_request_t *r, ngx_http_soporte_reply_t *reply,
    ngx_http_soporte_body_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, out;

    if (body->out.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!r->request_body) {

        /* or the discard would invite the upload that nobody wants */

        r->expect_tested = 1;

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ngx_http_soporte_reply_head(r, reply, body->size) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (body->first == NULL) {
        b = ngx_calloc_buf(r->pool);

        if (b == NULL) {
            return NGX_ERROR;
        }

        b->last_buf = 1;
        out.buf = b;
        out.next = NULL;

        return ngx_http_output_filter(r, &out);
    }

    for (cl = body->first; cl->next; cl = cl->next) { /* void */ }

    cl->buf->last_buf = 1;
    cl->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, body->first);
}


ngx_int_t
ngx_http_soporte_reply_json(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, const ngx_soporte_value_t *value)
{
    ngx_soporte_out_t        *out;
    ngx_http_soporte_body_t   body;

    out = ngx_http_soporte_body(&body, r->pool);

    if (value) {
        ngx_soporte_value_json(out, value);
    }

    if (reply->type.len == 0) {
        ngx_str_set(&reply->type, "application/json");
    }

    return ngx_http_soporte_reply(r, reply, &body);
}


ngx_int_t
ngx_http_soporte_body_text(ngx_http_request_t *r, ngx_str_t *text)
{
    u_char       *p;
    size_t        len;
    ngx_chain_t  *cl;

    ngx_str_null(text);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    if (r->request_body->temp_file) {
        return NGX_DECLINED;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL) {
        text->data = cl->buf->pos;
        text->len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += cl->buf->last - cl->buf->pos;
    }

    p = ngx_pnalloc(r->pool, len + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = len;

    /* the last of a chunked body may be empty, and nowhere */

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        if (cl->buf->pos != cl->buf->last) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    return NGX_OK;
}
