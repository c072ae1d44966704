
/*
 * The gate, in the preaccess phase: lets a request through to the tenant's
 * ERPNext, or answers 503 for it.  It is passed again after each internal
 * redirect and must say the same then.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_crowd.h"
#include "ngx_http_soporte_page.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_stead.h"
#include "ngx_http_soporte_wait.h"


#define NGX_HTTP_SOPORTE_STAMP  60           /* s that an evaluation holds */


static void ngx_http_soporte_gate_special(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_http_soporte_ctx_t *ctx)
    NGX_SOPORTE_RARE;
static ngx_int_t ngx_http_soporte_gate_closed(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_http_soporte_ctx_t *ctx)
    NGX_SOPORTE_RARE;
static ngx_uint_t ngx_http_soporte_gate_switch(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_soporte_tenant_t *tenant);
static ngx_uint_t ngx_http_soporte_gate_hangs(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_soporte_tenant_t *tenant);
static ngx_uint_t ngx_http_soporte_gate_tries(ngx_http_request_t *r,
    ngx_soporte_tenant_t *tenant);
static ngx_uint_t ngx_http_soporte_gate_exempt(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf);


ngx_int_t
ngx_http_soporte_gate_handler(ngx_http_request_t *r)
{
    ngx_http_soporte_ctx_t       *ctx;
    ngx_http_soporte_loc_conf_t  *slcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    ctx = ngx_http_soporte_ctx_room(r);

    if (slcf->special) {
        ngx_http_soporte_gate_special(r, slcf, ctx);
    }

    if (ctx->tenant == NULL) {

        if (slcf->key) {
            ctx->tenant = slcf->key->tenant;

        } else {
            ctx->tenant = ngx_http_soporte_tenant_named(r, slcf);

            if (ctx->tenant == NULL) {
                return NGX_DECLINED;
            }
        }
    }

    if (ctx->wait == 0) {
        ngx_http_soporte_wait_enter(r, ctx);
    }

    if (ngx_soporte_load(&ctx->tenant->gate) == NGX_SOPORTE_GATE_OPEN
        && slcf->maintenance == NULL
        && ngx_soporte_load(&ctx->tenant->state) != NGX_SOPORTE_STATE_DOWN)
    {
        return NGX_DECLINED;
    }

    return ngx_http_soporte_gate_closed(r, slcf, ctx);
}


static void
ngx_http_soporte_gate_special(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_http_soporte_ctx_t *ctx)
{
    if (slcf->portal) {
        ngx_http_soporte_portal_conceal(r);
    }

    /* the location first passed says what a failure is */

    if (ctx->unlike == 0) {
        ctx->unlike = slcf->unlike;
    }
}


/* closed, or what might close it is to be asked */

static ngx_int_t
ngx_http_soporte_gate_closed(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_http_soporte_ctx_t *ctx)
{
    ngx_uint_t  gate;

    gate = ngx_soporte_load(&ctx->tenant->gate);

    if (gate == NGX_SOPORTE_GATE_OPEN
        && slcf->maintenance
        && ngx_http_soporte_gate_switch(r, slcf, ctx->tenant))
    {
        gate = NGX_SOPORTE_GATE_MAINTENANCE;
    }

    if (gate == NGX_SOPORTE_GATE_OPEN
        && !ngx_http_soporte_gate_hangs(r, slcf, ctx->tenant))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_soporte_gate_exempt(r, slcf)) {
        return NGX_DECLINED;
    }

    if (gate == NGX_SOPORTE_GATE_OPEN
        && ngx_http_soporte_gate_tries(r, ctx->tenant))
    {
        return NGX_DECLINED;
    }

    switch (gate) {

    case NGX_SOPORTE_GATE_RESTORE:
        return ngx_http_soporte_stead_closed(r, ctx,
                                             NGX_HTTP_SOPORTE_RESTORATION);

    case NGX_SOPORTE_GATE_MAINTENANCE:
        return ngx_http_soporte_stead_closed(r, ctx,
                                             NGX_HTTP_SOPORTE_MAINTENANCE);

    default:
        return ngx_http_soporte_stead_closed(r, ctx,
                                             NGX_HTTP_SOPORTE_INCIDENT);
    }
}


/*
 * A confirmed outage in which requests hang until a timeout: who is let
 * through waits for a minute and takes a worker of the application with it.
 * Files are served all the same: a location with a handler asks an upstream.
 */

static ngx_uint_t
ngx_http_soporte_gate_hangs(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_soporte_tenant_t *tenant)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_soporte_load(&tenant->state) != NGX_SOPORTE_STATE_DOWN
        || tenant->detect.cause != NGX_SOPORTE_CAUSE_TIMEOUT
        || slcf->pages[NGX_HTTP_SOPORTE_INCIDENT]->tpl == NULL)
    {
        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->handler != NULL;
}


/* one request a second finds out whether it answers again */

static ngx_uint_t
ngx_http_soporte_gate_tries(ngx_http_request_t *r,
    ngx_soporte_tenant_t *tenant)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    return ngx_http_soporte_crowd_tries(ngx_soporte_tenant_index(smcf->zone,
                                                                 tenant));
}


/* soporte_maintenance: non-empty and not "0" is on */

static ngx_uint_t
ngx_http_soporte_gate_switch(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, ngx_soporte_tenant_t *tenant)
{
    ngx_str_t  value;

    if (ngx_http_complex_value(r, slcf->maintenance, &value) != NGX_OK
        || value.len == 0
        || (value.len == 1 && value.data[0] == '0'))
    {
        return 0;
    }

    /* what the status page shows of a switch that only requests evaluate */

    ngx_soporte_store(&tenant->stamp, ngx_time() + NGX_HTTP_SOPORTE_STAMP);

    return 1;
}


/* the portal lives on, certificates are renewed, operators see the site */

static ngx_uint_t
ngx_http_soporte_gate_exempt(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf)
{
    static const char  acme[] = "/.well-known/acme-challenge/";

    if (slcf->portal || slcf->dry_run == 1) {
        return 1;
    }

    if (r->uri.len > sizeof(acme) - 1
        && ngx_strncmp(r->uri.data, acme, sizeof(acme) - 1) == 0)
    {
        return 1;
    }

    if (slcf->bypass
        && ngx_http_test_predicates(r, slcf->bypass) == NGX_DECLINED)
    {
        return 1;
    }

    return 0;
}
