
/*
 * Whose request it is: the tenant that the matched configuration names, and
 * the context that carries it from the gate to the log phase.
 *
 * r->ctx is cleared by internal redirects and named locations; the data of an
 * indexed variable is not, so the context hangs there.
 */

#include "ngx_http_soporte.h"


static ngx_soporte_tenant_t *ngx_http_soporte_tenant_lookup(
    ngx_http_request_t *r, ngx_http_complex_value_t *value);


ngx_http_soporte_ctx_t *
ngx_http_soporte_ctx(ngx_http_request_t *r)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (r->variables == NULL || smcf->variable == NGX_CONF_UNSET) {
        return NULL;
    }

    return (ngx_http_soporte_ctx_t *) r->variables[smcf->variable].data;
}


ngx_http_soporte_ctx_t *
ngx_http_soporte_ctx_make(ngx_http_request_t *r)
{
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ctx = (ngx_http_soporte_ctx_t *) r->variables[smcf->variable].data;

    if (ctx) {
        return ctx;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (slcf->key) {
        tenant = slcf->key->tenant;

    } else if (slcf->value) {
        tenant = ngx_http_soporte_tenant_lookup(r, slcf->value);

        if (tenant == NULL) {
            return NULL;
        }

    } else {
        return NULL;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_ctx_t));

    if (ctx) {
        ctx->tenant = tenant;
        r->variables[smcf->variable].data = (u_char *) ctx;
    }

    return ctx;
}


/*
 * An empty value is off; what is no key, or finds the zone full, is counted
 * together.
 */

static ngx_soporte_tenant_t *
ngx_http_soporte_tenant_lookup(ngx_http_request_t *r,
    ngx_http_complex_value_t *value)
{
    ngx_str_t                      key;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         lower[NGX_SOPORTE_KEY_MAX];

    if (ngx_http_complex_value(r, value, &key) != NGX_OK || key.len == 0) {
        return NULL;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (ngx_soporte_tenant_key(lower, key.data, key.len) != NGX_OK) {
        return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);
    }

    tenant = ngx_soporte_tenant_find(smcf->zone, lower, key.len);

    if (tenant) {
        return tenant;
    }

    tenant = ngx_soporte_tenant_get(smcf->zone, lower, key.len, 1,
                                    ngx_time());

    if (tenant) {
        return tenant;
    }

    ngx_http_soporte_tenant_overflow(smcf, r->connection->log);

    return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);
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
