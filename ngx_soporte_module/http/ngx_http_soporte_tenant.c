
/*
 * Whose request it is: the tenant that the matched configuration names, and
 * the context that carries it from the gate to the log phase.
 *
 * r->ctx is cleared by internal redirects and named locations; the values of
 * indexed variables are not, so the context lies there.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_bench.h"


static ngx_soporte_tenant_t *ngx_http_soporte_tenant_lookup(
    ngx_http_request_t *r, ngx_http_soporte_loc_conf_t *slcf);


ngx_http_soporte_ctx_t *
ngx_http_soporte_ctx_make(ngx_http_request_t *r)
{
    ngx_http_soporte_ctx_t       *ctx;
    ngx_http_soporte_loc_conf_t  *slcf;
    ngx_http_soporte_srv_conf_t  *sscf;

    ctx = ngx_http_soporte_ctx_room(r);

    if (ctx->tenant) {
        return ctx;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (slcf->key) {
        ctx->tenant = slcf->key->tenant;
        return ctx;
    }

    if (slcf->value) {
        ctx->tenant = ngx_http_soporte_tenant_lookup(r, slcf);

    } else if (slcf->bench) {
        ctx->tenant = ngx_http_soporte_bench_tenant(slcf->bench, r);
    }

    if (ctx->tenant == NULL) {
        return NULL;
    }

    /* under whose policy it is, only a request shows */

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_soporte_module);

    if (ngx_soporte_load(&ctx->tenant->terms) != sscf->terms) {
        ngx_soporte_store(&ctx->tenant->terms, sscf->terms);
    }

    return ctx;
}


/*
 * An empty value is off; what is no key, or finds the zone full, is counted
 * together.
 */

static ngx_soporte_tenant_t *
ngx_http_soporte_tenant_lookup(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf)
{
    ngx_str_t                      key;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_variable_value_t     *vv;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         lower[NGX_SOPORTE_KEY_MAX];

    if (slcf->index != NGX_ERROR) {
        vv = ngx_http_get_flushed_variable(r, slcf->index);

        if (vv == NULL || vv->not_found) {
            return NULL;
        }

        key.data = vv->data;
        key.len = vv->len;

    } else if (ngx_http_complex_value(r, slcf->value, &key) != NGX_OK) {
        return NULL;
    }

    if (key.len == 0) {
        return NULL;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    switch (ngx_soporte_tenant_seek(smcf->zone, key.data, key.len, lower,
                                    &tenant))
    {
    case NGX_OK:
        break;

    case NGX_ERROR:
        return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);

    default: /* NGX_DECLINED */
        tenant = ngx_soporte_tenant_get(smcf->zone, lower, key.len, 1,
                                        ngx_time());
        break;
    }

    if (tenant == NULL) {
        ngx_http_soporte_tenant_overflow(smcf, r->connection->log);

        return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);
    }

    /* the leader is told how it is to be watched */

    if (slcf->stamp && ngx_soporte_load(&tenant->profile) != slcf->stamp) {
        ngx_soporte_store(&tenant->profile, slcf->stamp);
    }

    return tenant;
}


/* one line a minute and node, however many tenants find no place */

void
ngx_http_soporte_tenant_overflow(ngx_http_soporte_main_conf_t *smcf,
    ngx_log_t *log)
{
    int64_t                now, last;
    ngx_soporte_header_t  *header;

    header = smcf->zone->header;
    ngx_soporte_add(&header->overflow, 1);

    now = ngx_time();
    last = ngx_soporte_load(&header->overflow_logged);

    if (now - last < 60
        || !__atomic_compare_exchange_n(&header->overflow_logged, &last, now,
                                        0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "soporte_zone \"%V\" is full, tenants without a place "
                  "are counted together as \"_other\"", &smcf->zone->name);
}
