
/*
 * Whose request it is: the tenant that the matched configuration names, and
 * the context that carries it from the gate to the log phase.
 *
 * r->ctx is cleared by internal redirects and named locations; the values of
 * indexed variables are not, so the context lies there.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_bench.h"


#define NGX_HTTP_SOPORTE_FOUND  16384        /* a power of two */


typedef struct {
    uint64_t               first;            /* bytes of a key ... */
    uint64_t               last;             /* ... may overlap */
} ngx_http_soporte_ends_t;


static ngx_soporte_tenant_t *ngx_http_soporte_tenant_lookup(
    ngx_http_request_t *r, ngx_http_soporte_loc_conf_t *slcf);
static ngx_soporte_tenant_t *ngx_http_soporte_tenant_find(
    ngx_http_request_t *r, const ngx_str_t *key);


/*
 * What this worker's requests found, by the bytes of the keys: a slot is never
 * given to another tenant, so what was found once stays right.
 */

static ngx_soporte_tenant_t  *ngx_http_soporte_found[NGX_HTTP_SOPORTE_FOUND];


static ngx_inline ngx_http_soporte_ends_t
ngx_http_soporte_ends(const u_char *p, size_t len)
{
    uint32_t                 first, last;
    ngx_http_soporte_ends_t  ends;

    if (len >= sizeof(uint64_t)) {
        ngx_memcpy(&ends.first, p, sizeof(uint64_t));
        ngx_memcpy(&ends.last, p + len - sizeof(uint64_t), sizeof(uint64_t));

    } else if (len >= sizeof(uint32_t)) {
        ngx_memcpy(&first, p, sizeof(uint32_t));
        ngx_memcpy(&last, p + len - sizeof(uint32_t), sizeof(uint32_t));

        ends.first = first;
        ends.last = last;

    } else {
        ends.first = p[0];
        ends.last = p[len / 2] << 8 | p[len - 1];
    }

    return ends;
}


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
    ngx_str_t                   key;
    ngx_soporte_tenant_t       *tenant;
    ngx_http_variable_value_t  *vv;

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

    tenant = ngx_http_soporte_tenant_find(r, &key);

    /* the leader is told how it is to be watched */

    if (slcf->stamp && ngx_soporte_load(&tenant->profile) != slcf->stamp) {
        ngx_soporte_store(&tenant->profile, slcf->stamp);
    }

    return tenant;
}


static ngx_soporte_tenant_t *
ngx_http_soporte_tenant_find(ngx_http_request_t *r, const ngx_str_t *key)
{
    ngx_soporte_tenant_t          *tenant, **found;
    ngx_http_soporte_ends_t        ends, known;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         lower[NGX_SOPORTE_KEY_MAX];

    ends = ngx_http_soporte_ends(key->data, key->len);

    found = &ngx_http_soporte_found[
                ((ends.first ^ (ends.last << 7) ^ (ends.last >> 11) ^ key->len)
                 * 0x9e3779b97f4a7c15ULL) >> 50];

    tenant = *found;

    if (tenant && tenant->len == key->len) {
        known = ngx_http_soporte_ends(tenant->key, key->len);

        if (known.first == ends.first && known.last == ends.last
            && (key->len <= 2 * sizeof(uint64_t)
                || ngx_memcmp(tenant->key, key->data, key->len) == 0))
        {
            return tenant;
        }
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    switch (ngx_soporte_tenant_seek(smcf->zone, key->data, key->len, lower,
                                    &tenant))
    {
    case NGX_OK:
        *found = tenant;
        return tenant;

    case NGX_ERROR:
        return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);

    default: /* NGX_DECLINED */
        tenant = ngx_soporte_tenant_get(smcf->zone, lower, key->len, 1,
                                        ngx_time());
        break;
    }

    if (tenant == NULL) {
        ngx_http_soporte_tenant_overflow(smcf, r->connection->log);

        tenant = ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);
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
