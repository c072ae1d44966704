
/*
 * Whose request it is: the tenant that the matched configuration names, and
 * the context that carries it from the gate to the log phase.
 *
 * r->ctx is cleared by internal redirects and named locations; the values of
 * indexed variables are not, so the context lies there.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_bench.h"


#define NGX_HTTP_SOPORTE_FOUND_BITS  16
#define NGX_HTTP_SOPORTE_FOUND       (1 << NGX_HTTP_SOPORTE_FOUND_BITS)


typedef struct {
    uint64_t               first;            /* bytes of a key ... */
    uint64_t               last;             /* ... may overlap */
} ngx_http_soporte_ends_t;


static ngx_soporte_tenant_t *ngx_http_soporte_tenant_lookup(
    ngx_http_request_t *r, ngx_http_soporte_loc_conf_t *slcf);
static ngx_soporte_tenant_t *ngx_http_soporte_tenant_complex(
    ngx_http_request_t *r, ngx_http_soporte_loc_conf_t *slcf)
    NGX_SOPORTE_RARE;
static ngx_soporte_tenant_t *ngx_http_soporte_tenant_find(
    ngx_http_request_t *r, ngx_http_soporte_loc_conf_t *slcf,
    const u_char *key, size_t len);
static ngx_uint_t ngx_http_soporte_tenant_has(ngx_soporte_tenant_t *tenant,
    const u_char *key, size_t len, ngx_http_soporte_ends_t ends);
static ngx_soporte_tenant_t *ngx_http_soporte_tenant_seek(
    ngx_http_request_t *r, const u_char *key, size_t len,
    ngx_soporte_tenant_t **found) NGX_SOPORTE_RARE;


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

    ctx = ngx_http_soporte_ctx_room(r);

    if (ctx->tenant) {
        return ctx;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    ctx->tenant = slcf->key ? slcf->key->tenant
                            : ngx_http_soporte_tenant_named(r, slcf);

    return ctx->tenant ? ctx : NULL;
}


ngx_soporte_tenant_t *
ngx_http_soporte_tenant_named(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf)
{
    ngx_soporte_tenant_t         *tenant;
    ngx_http_soporte_srv_conf_t  *sscf;

    if (slcf->value) {
        tenant = ngx_http_soporte_tenant_lookup(r, slcf);

    } else if (slcf->bench) {
        tenant = ngx_http_soporte_bench_tenant(slcf->bench, r);

    } else {
        return NULL;
    }

    if (tenant == NULL) {
        return NULL;
    }

    /* under whose policy it is, only a request shows */

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_soporte_module);

    if (ngx_soporte_load(&tenant->terms) != sscf->terms) {
        ngx_soporte_store(&tenant->terms, sscf->terms);
    }

    return tenant;
}


/* by a variable, or by a value of several */

static ngx_soporte_tenant_t *
ngx_http_soporte_tenant_lookup(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf)
{
    ngx_http_variable_value_t  *vv;

    if (slcf->index == NGX_ERROR) {
        return ngx_http_soporte_tenant_complex(r, slcf);
    }

    vv = ngx_http_get_flushed_variable(r, slcf->index);

    if (vv == NULL || vv->not_found) {
        return NULL;
    }

    return ngx_http_soporte_tenant_find(r, slcf, vv->data, vv->len);
}


static ngx_soporte_tenant_t *
ngx_http_soporte_tenant_complex(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf)
{
    ngx_str_t  key;

    if (ngx_http_complex_value(r, slcf->value, &key) != NGX_OK) {
        return NULL;
    }

    return ngx_http_soporte_tenant_find(r, slcf, key.data, key.len);
}


/* an empty value is off */

static ngx_inline ngx_soporte_tenant_t *
ngx_http_soporte_tenant_find(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf, const u_char *key, size_t len)
{
    uint64_t                  hash;
    ngx_soporte_tenant_t     *tenant, **found;
    ngx_http_soporte_ends_t   ends;

    if (len == 0) {
        return NULL;
    }

    ends = ngx_http_soporte_ends(key, len);

    hash = (ends.first ^ (ends.last << 32 | ends.last >> 32))
           * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;

    found = &ngx_http_soporte_found[
                              hash >> (64 - NGX_HTTP_SOPORTE_FOUND_BITS)];
    tenant = *found;

    if (!ngx_http_soporte_tenant_has(tenant, key, len, ends)) {
        tenant = ngx_http_soporte_tenant_seek(r, key, len, found);
    }

    /* the leader is told how it is to be watched */

    if (slcf->stamp && ngx_soporte_load(&tenant->profile) != slcf->stamp) {
        ngx_soporte_store(&tenant->profile, slcf->stamp);
    }

    return tenant;
}


/* whether it is the one of the key, whose ends are given */

static ngx_uint_t
ngx_http_soporte_tenant_has(ngx_soporte_tenant_t *tenant, const u_char *key,
    size_t len, ngx_http_soporte_ends_t ends)
{
    ngx_http_soporte_ends_t  its;

    if (tenant == NULL || tenant->len != len) {
        return 0;
    }

    its = ngx_http_soporte_ends(tenant->key, len);

    return its.first == ends.first && its.last == ends.last
           && (len <= 2 * sizeof(uint64_t)
               || ngx_memcmp(tenant->key, key, len) == 0);
}


/* what is no key, or finds the zone full, is counted together */

static ngx_soporte_tenant_t *
ngx_http_soporte_tenant_seek(ngx_http_request_t *r, const u_char *key,
    size_t len, ngx_soporte_tenant_t **found)
{
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         lower[NGX_SOPORTE_KEY_MAX];

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    switch (ngx_soporte_tenant_seek(smcf->zone, key, len, lower, &tenant)) {

    case NGX_OK:
        ngx_soporte_tenant_meet(smcf->zone, tenant);
        *found = tenant;
        return tenant;

    case NGX_ERROR:
        return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);

    default: /* NGX_DECLINED */
        tenant = ngx_soporte_tenant_get(smcf->zone, lower, len, 1,
                                        ngx_time());
        break;
    }

    if (tenant == NULL) {
        ngx_http_soporte_tenant_overflow(smcf, r->connection->log);

        return ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);
    }

    *found = tenant;
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
