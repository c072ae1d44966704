
/*
 * The log phase: gathers what nginx knows of a finished request into a
 * sample and counts it for its tenant.  The judgement is core/outcome's.
 */

#include "ngx_http_soporte_log.h"
#include "ngx_http_soporte_trail.h"
#include "ngx_http_soporte_wait.h"


/* limit_req's and limit_conn's own values of r->limit_..._status */

#define NGX_HTTP_SOPORTE_REQ_REJECTED   3
#define NGX_HTTP_SOPORTE_CONN_REJECTED  2


static ngx_uint_t ngx_http_soporte_broken(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_log_rare(ngx_http_request_t *r)
    NGX_SOPORTE_RARE;
static void ngx_http_soporte_limited(ngx_http_request_t *r);
static void ngx_http_soporte_attempts(ngx_http_request_t *r,
    ngx_soporte_sample_t *sample);


/* what is no request that anybody's configuration was chosen for */

static ngx_uint_t
ngx_http_soporte_broken(ngx_http_request_t *r)
{
    if (r->method_name.len == 0 || r->uri.len == 0) {
        return 1;
    }

    switch (r->err_status ? r->err_status : r->headers_out.status) {

    case 0:
    case NGX_HTTP_BAD_REQUEST:
    case NGX_HTTP_REQUEST_TIME_OUT:
    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
    case NGX_HTTP_REQUEST_HEADER_TOO_LARGE:
    case NGX_HTTPS_CERT_ERROR:
    case NGX_HTTPS_NO_CERT:
    case NGX_HTTP_TO_HTTPS:
        return 1;

    default:
        return 0;
    }
}


ngx_int_t
ngx_http_soporte_log_handler(ngx_http_request_t *r)
{
    ngx_http_soporte_ctx_t     *ctx;
    ngx_http_upstream_state_t  *state;

    /* subrequests are not logged */

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_soporte_ctx_room(r);

    ngx_http_soporte_wait_leave(ctx);

    /* the common case, as core/outcome would judge it: one whole answer */

    if (ctx->finalized && ctx->rc == NGX_OK && !ctx->page && !ctx->counted
        && ctx->unlike == 0
        && r->upstream_states->nelts == 1
        && r->limit_req_status == 0 && r->limit_conn_status == 0
        && !ngx_http_soporte_may_poll(r) && !ngx_http_soporte_may_probe(r)
        && ngx_soporte_load(&ctx->tenant->streak) == 0)
    {
        state = r->upstream_states->elts;

        if (state->status < 500 && r->err_status == 0
            && state->header_time < NGX_HTTP_SOPORTE_SLOW)
        {
            ngx_soporte_tenant_add(ctx->tenant, ngx_time(), NGX_SOPORTE_GOOD,
                                   r->headers_out.status, state->header_time);
            return NGX_OK;
        }
    }

    return ngx_http_soporte_log_rare(r);
}


static ngx_int_t
ngx_http_soporte_log_rare(ngx_http_request_t *r)
{
    ngx_msec_t               latency;
    ngx_soporte_sample_t     sample;
    ngx_soporte_outcome_e    outcome;
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_ctx(r);

    /* a WebSocket was counted at its handshake */

    if ((ctx && ctx->counted)
        || (r->upstream == NULL && ngx_http_soporte_broken(r)))
    {
        return NGX_OK;
    }

    if (ctx == NULL) {

        /* "return", 413 and the like end before the gate */

        ctx = ngx_http_soporte_ctx_make(r);

        if (ctx == NULL) {
            return NGX_OK;
        }
    }

    ngx_http_soporte_sample(r, ctx, &sample);
    outcome = ngx_soporte_outcome(&sample);

    if (outcome == NGX_SOPORTE_HARD) {
        ngx_soporte_store(&ctx->tenant->cause,
                          ngx_soporte_outcome_cause(&sample));
    }

    latency = ngx_soporte_outcome_latency(&sample, outcome);

    ngx_soporte_tenant_count(ctx->tenant, ngx_time(), outcome, sample.status,
                             latency);

    if (outcome == NGX_SOPORTE_HARD || outcome == NGX_SOPORTE_SOFT
        || (outcome == NGX_SOPORTE_GOOD && latency != (ngx_msec_t) -1
            && latency >= NGX_HTTP_SOPORTE_SLOW))
    {
        ngx_http_soporte_trail(r, ctx);

    } else if (r->limit_req_status == NGX_HTTP_SOPORTE_REQ_REJECTED
               || r->limit_conn_status == NGX_HTTP_SOPORTE_CONN_REJECTED)
    {
        ngx_http_soporte_limited(r);
    }

    return NGX_OK;
}


/* a ticket that limit_req kept away, in the portal's own location */

static void
ngx_http_soporte_limited(ngx_http_request_t *r)
{
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_main_conf_t  *smcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);
    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (slcf->portal) {
        ngx_soporte_add(&smcf->zone->header->tickets[
                                       NGX_HTTP_SOPORTE_TICKET_LIMITED], 1);
    }
}


/* also for a log variable, which is evaluated before the log handler */

void
ngx_http_soporte_sample(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_soporte_sample_t *sample)
{
    sample->status = r->err_status ? r->err_status : r->headers_out.status;
    sample->flags = ngx_soporte_sample_unlike(ctx->unlike);
    sample->attempts = 0;
    sample->upstream_status = 0;
    sample->waited = 0;
    sample->header_time = (ngx_msec_t) -1;
    sample->rc = ctx->finalized ? (int32_t) ctx->rc
                                : NGX_SOPORTE_RC_UNKNOWN;

    if (ngx_http_soporte_probed(r)) {
        sample->flags |= NGX_SOPORTE_SAMPLE_EXCLUDED;
        return;
    }

    if (ctx->page) {
        sample->flags |= NGX_SOPORTE_SAMPLE_EXCLUDED|NGX_SOPORTE_SAMPLE_OURS;
        return;
    }

    /* also where an error_page had something else asked in its place */

    if (r->limit_req_status == NGX_HTTP_SOPORTE_REQ_REJECTED
        || r->limit_conn_status == NGX_HTTP_SOPORTE_CONN_REJECTED)
    {
        sample->flags |= NGX_SOPORTE_SAMPLE_LIMITED;
    }

    if (r->upstream == NULL) {
        return;
    }

    /* handed on, even if no attempt came of it: a name that has no address */

    sample->flags |= NGX_SOPORTE_SAMPLE_UPSTREAM;

    if (r->upstream_states) {
        ngx_http_soporte_attempts(r, sample);
    }

#if (NGX_HTTP_CACHE)

    if (r->cached) {
        sample->flags |= NGX_SOPORTE_SAMPLE_CACHED;
    }

#endif

    if (ngx_http_soporte_polls(r)) {
        sample->flags |= NGX_SOPORTE_SAMPLE_POLL;
    }

    if (ctx->read_only) {
        sample->flags |= NGX_SOPORTE_SAMPLE_READ_ONLY;
    }

    if (ctx->stopped) {
        sample->flags |= NGX_SOPORTE_SAMPLE_STOPPED;
    }

    if (ctx->garbage) {
        sample->flags |= NGX_SOPORTE_SAMPLE_INVALID;
    }
}


/* the tenant's own upstream is the first part, up to a zeroed separator */

static void
ngx_http_soporte_attempts(ngx_http_request_t *r, ngx_soporte_sample_t *sample)
{
    ngx_uint_t                  i, n;
    ngx_http_upstream_state_t  *state;

    state = r->upstream_states->elts;
    n = r->upstream_states->nelts;

    for (i = 0; i < n; i++) {

        if (i && state[i].peer == NULL && state[i].status == 0) {
            break;
        }

        if (state[i].response_time != (ngx_msec_t) -1) {
            sample->waited += state[i].response_time;
        }
    }

    if (i == 0) {
        return;
    }

    state += i - 1;

    sample->attempts = i;
    sample->upstream_status = state->status;
    sample->header_time = state->header_time;

    if (state->header_time != (ngx_msec_t) -1) {
        sample->flags |= NGX_SOPORTE_SAMPLE_HEADER;

    } else if (state->bytes_received > 0) {
        sample->flags |= NGX_SOPORTE_SAMPLE_INVALID;
    }
}


/* nobody else knows the number, so no client can make itself uncounted */

ngx_uint_t
ngx_http_soporte_probe_ours(ngx_http_request_t *r)
{
    u_char                         expected[NGX_HTTP_SOPORTE_PROBE_AGENT_LEN];
    uint64_t                       number;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    number = ngx_soporte_load(&smcf->zone->header->probe);

    (void) ngx_sprintf(expected, NGX_HTTP_SOPORTE_PROBE_AGENT "%016xL",
                       number);

    return number
           && ngx_memcmp(r->headers_in.user_agent->value.data, expected,
                         NGX_HTTP_SOPORTE_PROBE_AGENT_LEN) == 0;
}
