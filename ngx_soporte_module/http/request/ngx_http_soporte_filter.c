
/*
 * The filters: a WebSocket is counted at its handshake; the end of the
 * upstream's body is listened to, since only the upstream's own finalizer
 * knows a body that was cut short; a 503 is read for what Frappe says in it.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_replace.h"
#include "ngx_http_soporte_wait.h"

#include "ngx_soporte_answer.h"


static ngx_int_t ngx_http_soporte_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_soporte_handshake(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx) NGX_SOPORTE_RARE;
static ngx_int_t ngx_http_soporte_pass_header(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx);
static ngx_int_t ngx_http_soporte_replace(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx) NGX_SOPORTE_RARE;
static ngx_int_t ngx_http_soporte_read_body(ngx_http_request_t *r,
    ngx_chain_t *in) NGX_SOPORTE_RARE;
static ngx_int_t ngx_http_soporte_pass_body(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_chain_t *in);
static ngx_uint_t ngx_http_soporte_second(ngx_array_t *states);
static void ngx_http_soporte_finalize(ngx_http_request_t *r, ngx_int_t rc);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_soporte_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_soporte_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_soporte_body_filter;
}


static ngx_int_t
ngx_http_soporte_header_filter(ngx_http_request_t *r)
{
    ngx_http_upstream_t     *u;
    ngx_http_soporte_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_soporte_ctx_room(r);

    if (u == NULL || u->cleanup == NULL || ctx->tenant == NULL
        || r != r->main)
    {
        return ngx_http_soporte_pass_header(r, ctx);
    }

    ngx_http_soporte_wait_leave(ctx);

    if (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return ngx_http_soporte_handshake(r, ctx);
    }

    /* the first part is the tenant's; what error_page asks instead is not */

    if (ctx->finalize == NULL
        && (r->upstream_states->nelts == 1
            || !ngx_http_soporte_second(r->upstream_states)))
    {
        ctx->finalize = u->finalize_request;
        u->finalize_request = ngx_http_soporte_finalize;
    }

    if (r->headers_out.status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ctx->peek = 1;
    }

    /* what is no status line nginx takes for an answer of HTTP/0.9: 200 */

    if (r->http_version == NGX_HTTP_VERSION_9 && r->http_protocol.len) {
        ctx->garbage = 1;
    }

    return ngx_http_soporte_pass_header(r, ctx);
}


/* the tunnel's life is no latency, its end no failure */

static ngx_int_t
ngx_http_soporte_handshake(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx)
{
    ngx_soporte_tenant_count(ctx->tenant, ngx_time(), NGX_SOPORTE_GOOD,
                             NGX_HTTP_SWITCHING_PROTOCOLS,
                             r->upstream->state->header_time);
    ctx->counted = 1;

    return ngx_http_next_header_filter(r);
}


/* on to the client, unless it gives way to an answer of ours */

static ngx_int_t
ngx_http_soporte_pass_header(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx)
{
    if (ngx_http_soporte_replaceable(r) && ctx->tenant && r == r->main) {
        return ngx_http_soporte_replace(r, ctx);
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_soporte_replace(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_soporte_replace_header(r, ctx);

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_OK : NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_soporte_pass_body(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_int_t   rc;
    ngx_uint_t  header;

    if (!(ctx->held || ctx->replaced) || r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    rc = ngx_http_soporte_replace_body(r, ctx, &in, &header);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (header) {
        rc = ngx_http_next_header_filter(r);

        if (rc == NGX_ERROR || rc > NGX_OK) {
            return NGX_ERROR;
        }
    }

    return (rc == NGX_DECLINED) ? NGX_OK : ngx_http_next_body_filter(r, in);
}


static ngx_int_t
ngx_http_soporte_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    /* nothing else is read, held or replaced; in the path of every buffer */

    if (r == r->main && !ngx_http_soporte_replaceable(r)) {
        return ngx_http_next_body_filter(r, in);
    }

    return ngx_http_soporte_read_body(r, in);
}


/*
 * frappe/exceptions.py, InReadOnlyMode: writes are refused with 503 while the
 * application answers all else; SessionStopped: all of it is in maintenance.
 * Which of them stands in the first bytes.
 */

static ngx_int_t
ngx_http_soporte_read_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t               *b;
    ngx_chain_t             *cl;
    ngx_soporte_said_e       said;
    ngx_http_soporte_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_http_soporte_identity_asks(r)
               ? ngx_http_soporte_identity_body(r, in)
               : ngx_http_next_body_filter(r, in);
    }

    ctx = ngx_http_soporte_ctx_room(r);

    if (!ctx->peek) {
        return ngx_http_soporte_pass_body(r, ctx, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!ngx_buf_in_memory(b) || b->last == b->pos) {
            continue;
        }

        said = ngx_soporte_answer_said(b->pos,
                                       ngx_min(b->last - b->pos,
                                               NGX_SOPORTE_ANSWER_MAX));

        ctx->read_only = (said == NGX_SOPORTE_SAID_READ_ONLY);
        ctx->stopped = (said == NGX_SOPORTE_SAID_STOPPED);
        ctx->peek = 0;
        break;
    }

    return ngx_http_soporte_pass_body(r, ctx, in);
}


/* whether this upstream was asked after another one had been given up */

static ngx_uint_t
ngx_http_soporte_second(ngx_array_t *states)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    state = states->elts;

    for (i = 1; i < states->nelts; i++) {
        if (state[i].peer == NULL && state[i].status == 0) {
            return 1;
        }
    }

    return 0;
}


/* called once for each upstream; rc: 0 complete, 502 or 504 cut, else client */

static void
ngx_http_soporte_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_ctx_room(r);

    ctx->finalized = 1;

    /* an error while the client is there: what came could not be understood */

    if (ctx->garbage || (rc == NGX_ERROR && !r->connection->error)) {
        ctx->rc = NGX_HTTP_BAD_GATEWAY;

    } else {
        ctx->rc = rc;
    }

    ctx->finalize(r, rc);
}
