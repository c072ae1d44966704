
/*
 * What the tenant's application did not answer is answered by us.  Never
 * replaced: what an application answered, whatever its status; what a
 * fallback of the operator answered under a status of error_page; what the
 * operator gave another status by "error_page … =".
 *
 * Only an upstream that was given up, or one that says 502 or 504 itself, has
 * failed.  While it is still set up (u->cleanup) the response is its own.
 * Frappe's maintenance is a 503 like any other until its body is seen: the
 * header waits for that.
 */

#include "ngx_http_soporte_replace.h"
#include "ngx_http_soporte_stead.h"

#include "ngx_soporte_answer.h"


static ngx_uint_t ngx_http_soporte_replace_allowed(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx);
static ngx_uint_t ngx_http_soporte_replace_failed(ngx_http_request_t *r);
static ngx_soporte_cause_e ngx_http_soporte_replace_cause(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_soporte_replace_waits(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_replace(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_soporte_cause_e cause);
static ngx_uint_t ngx_http_soporte_replace_stopped(ngx_chain_t *in,
    ngx_uint_t *ended);
static void ngx_http_soporte_replace_consume(ngx_chain_t *in);


ngx_int_t
ngx_http_soporte_replace_header(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx)
{
    if (!ngx_http_soporte_replace_allowed(r, ctx)) {
        return NGX_OK;
    }

    if (ngx_http_soporte_replace_failed(r)) {
        return ngx_http_soporte_replace(r, ctx,
                                        ngx_http_soporte_replace_cause(r));
    }

    if (ngx_http_soporte_replace_waits(r)) {
        ctx->held = 1;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


/* operators who pass a closed gate want to see the site as it is */

static ngx_uint_t
ngx_http_soporte_replace_allowed(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx)
{
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (r->upstream == NULL || ctx->page || slcf->dry_run == 1
        || slcf->pages[NGX_HTTP_SOPORTE_INCIDENT]->tpl == NULL
        || ngx_soporte_load(&ctx->tenant->gate) != NGX_SOPORTE_GATE_OPEN)
    {
        return 0;
    }

    return slcf->bypass == NULL
           || ngx_http_test_predicates(r, slcf->bypass) != NGX_DECLINED;
}


static ngx_uint_t
ngx_http_soporte_replace_failed(ngx_http_request_t *r)
{
    ngx_uint_t            status;
    ngx_http_upstream_t  *u;

    status = r->headers_out.status;

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return 0;
    }

    u = r->upstream;

    return u->cleanup == NULL
           || u->headers_in.status_n == NGX_HTTP_BAD_GATEWAY
           || u->headers_in.status_n == NGX_HTTP_GATEWAY_TIME_OUT;
}


static ngx_soporte_cause_e
ngx_http_soporte_replace_cause(ngx_http_request_t *r)
{
    /* a first 502 may be a restart that takes a second: say no more */

    return (r->headers_out.status == NGX_HTTP_GATEWAY_TIME_OUT)
           ? NGX_SOPORTE_CAUSE_TIMEOUT : NGX_SOPORTE_CAUSE_UNKNOWN;
}


/* whether the body that comes may be that of Frappe's maintenance */

static ngx_uint_t
ngx_http_soporte_replace_waits(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return r->headers_out.status == NGX_HTTP_SERVICE_UNAVAILABLE
           && u->cleanup
           && u->headers_in.status_n == NGX_HTTP_SERVICE_UNAVAILABLE
           && !r->header_only
           && r->headers_out.content_encoding == NULL
           && u->headers_in.content_length_n != 0;
}


static ngx_int_t
ngx_http_soporte_replace(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_soporte_cause_e cause)
{
    ngx_chain_t                *cl;
    ngx_http_soporte_body_t     body;
    ngx_http_soporte_reply_t    reply;
    ngx_http_soporte_stead_t    stead;

    stead.kind = NGX_HTTP_SOPORTE_INCIDENT;
    stead.cause = cause;

    if (ngx_http_soporte_stead_make(r, ctx, &stead, &reply, &body) != NGX_OK
        || body.first == NULL)
    {
        return NGX_OK;
    }

    /* all headers so far are the failure's: ETag, ranges, encoding, ... */

    ngx_http_clean_header(r);

    r->err_status = 0;
    r->allow_ranges = 0;
    r->single_range = 0;

    if (ngx_http_soporte_reply_head(r, &reply, body.size) != NGX_OK) {
        return NGX_ERROR;
    }

    for (cl = body.first; cl->next; cl = cl->next) { /* void */ }

    cl->buf->last_buf = 1;
    cl->buf->last_in_chain = 1;

    /* no redirect comes after a header: the module's place for it is ours */

    ngx_http_set_ctx(r, body.first, ngx_http_soporte_module);

    ctx->replaced = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_replace_body(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_chain_t **in, ngx_uint_t *header)
{
    ngx_uint_t    stopped, ended;
    ngx_chain_t  *own;

    *header = 0;

    if (ctx->held) {
        stopped = ngx_http_soporte_replace_stopped(*in, &ended);

        if (!stopped && !ended) {
            return NGX_DECLINED;
        }

        ctx->held = 0;
        *header = 1;

        if (stopped
            && ngx_http_soporte_replace(r, ctx, NGX_SOPORTE_CAUSE_STOPPED)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!ctx->replaced) {
        return NGX_OK;
    }

    own = ngx_http_get_module_ctx(r, ngx_http_soporte_module);

    if (own) {
        ngx_http_set_ctx(r, NULL, ngx_http_soporte_module);

        ngx_http_soporte_replace_consume(*in);
        *in = own;

        return NGX_OK;
    }

    if (*in == NULL || r->out || r->buffered) {
        ngx_http_soporte_replace_consume(*in);
        *in = NULL;

        return NGX_OK;
    }

    ngx_http_soporte_replace_consume(*in);

    return NGX_DECLINED;
}


/* ended is set where no more is to be waited for */

static ngx_uint_t
ngx_http_soporte_replace_stopped(ngx_chain_t *in, ngx_uint_t *ended)
{
    ngx_buf_t  *b;

    *ended = 0;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (b->last_buf || b->flush || b->in_file) {
            *ended = 1;
        }

        if (!ngx_buf_in_memory(b) || b->last == b->pos) {
            continue;
        }

        *ended = 1;

        return ngx_soporte_answer_said(b->pos,
                                       ngx_min(b->last - b->pos,
                                               NGX_SOPORTE_ANSWER_MAX))
               == NGX_SOPORTE_SAID_STOPPED;
    }

    return 0;
}


/* taken, or the pipe that sends it stalls */

static void
ngx_http_soporte_replace_consume(ngx_chain_t *in)
{
    ngx_buf_t  *b;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        b->pos = b->last;

        if (b->in_file) {
            b->file_pos = b->file_last;
        }
    }
}
