
/*
 * Makes targets and gathers them by address.  They are a process's own memory,
 * not a pool's: those added at run time come and go.
 */

#include "ngx_http_soporte_upstream.h"


#define NGX_HTTP_SOPORTE_SLOTS                                                \
    (NGX_SOPORTE_ZONE_MAX / sizeof(ngx_soporte_tenant_t) + 1)


static ngx_http_soporte_target_t *ngx_http_soporte_target_make(
    ngx_http_soporte_probe_t *probe, ngx_soporte_tenant_t *tenant,
    const ngx_http_soporte_profile_t *profile);
static ngx_http_soporte_target_t *ngx_http_soporte_target_new(
    ngx_soporte_tenant_t *tenant, const ngx_http_soporte_profile_t *profile,
    size_t more);
static void ngx_http_soporte_target_put(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_http_soporte_group_t *group);
static ngx_uint_t ngx_http_soporte_target_same(
    const ngx_http_soporte_target_t *target, const ngx_addr_t *addr,
    const ngx_str_t *host, const ngx_str_t *path, ngx_msec_t interval);
static ngx_http_soporte_group_t *ngx_http_soporte_target_group(
    ngx_http_soporte_probe_t *probe, const ngx_addr_t *addrs,
    ngx_uint_t naddrs);
static void ngx_http_soporte_target_free(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target);


ngx_http_soporte_probe_t *
ngx_http_soporte_probe_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                 i;
    ngx_http_soporte_probe_t  *probe;

    probe = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_probe_t));

    if (probe == NULL) {
        return NULL;
    }

    /*
     * As many as can ever be, which takes no memory until it is touched; so
     * not by ngx_calloc(), which touches all of it.
     */

    probe->smcf = smcf;
    probe->targets = calloc(NGX_HTTP_SOPORTE_SLOTS,
                            sizeof(ngx_http_soporte_target_t *));
    probe->due = calloc(NGX_HTTP_SOPORTE_SLOTS, sizeof(int64_t));

    if (probe->targets == NULL || probe->due == NULL) {
        return NULL;
    }

    ngx_queue_init(&probe->wanted);
    ngx_queue_init(&probe->flying);
    ngx_queue_init(&probe->groups);
    ngx_http_soporte_upstream_init(probe, cycle);

    for (i = 0; i < NGX_HTTP_SOPORTE_PROBE_BUCKETS; i++) {
        ngx_queue_init(&probe->buckets[i]);
    }

    return probe;
}


void
ngx_http_soporte_target_bind(ngx_http_soporte_probe_t *probe)
{
    uint32_t                    slot;
    ngx_uint_t                  i;
    ngx_http_soporte_key_t    **keys;
    ngx_http_soporte_target_t  *target;

    probe->bound = 1;
    keys = probe->smcf->keys.elts;

    for (i = 0; i < probe->smcf->keys.nelts; i++) {
        slot = ngx_soporte_tenant_index(probe->smcf->zone, keys[i]->tenant);

        if (slot == NGX_SOPORTE_OTHER || keys[i]->profile == NULL
            || probe->targets[slot])
        {
            continue;
        }

        target = ngx_http_soporte_target_make(probe, keys[i]->tenant,
                                              keys[i]->profile);
        if (target) {
            target->literal = 1;
        }
    }
}


void
ngx_http_soporte_probe_visit(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant)
{
    ngx_uint_t                    i, id;
    ngx_http_soporte_target_t    *target;
    ngx_http_soporte_profile_t  **profiles;

    target = ngx_http_soporte_target(probe, tenant);
    id = ngx_soporte_load(&tenant->profile);

    if (target ? (target->literal || target->added
                  || target->profile->id == id)
               : id == 0)
    {
        return;
    }

    /* those that have no place are nobody to be asked for */

    if (tenant == ngx_soporte_tenant(probe->smcf->zone, NGX_SOPORTE_OTHER)) {
        return;
    }

    /* a mark of another configuration stays until a request renews it */

    profiles = probe->smcf->profiles.elts;

    for (i = 0; i < probe->smcf->profiles.nelts; i++) {
        if (profiles[i]->id == id) {
            (void) ngx_http_soporte_target_make(probe, tenant, profiles[i]);
            return;
        }
    }
}


/* NULL: no memory, the tenant is then watched as by default */

static ngx_http_soporte_target_t *
ngx_http_soporte_target_make(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant, const ngx_http_soporte_profile_t *profile)
{
    ngx_http_soporte_group_t       *group;
    ngx_http_soporte_target_t      *target;
    ngx_http_soporte_probe_conf_t  *conf;

    target = ngx_http_soporte_target_new(tenant, profile, 0);

    if (target == NULL) {
        return NULL;
    }

    conf = profile->probe;

    if (conf == NULL || conf->off) {
        ngx_http_soporte_target_put(probe, target, NULL);
        return target;
    }

    target->uri = conf->uri;
    target->host = conf->host;
    target->interval = conf->interval;
    target->timeout = conf->timeout;

    group = ngx_http_soporte_target_group(probe, conf->addrs, conf->naddrs);

    if (group == NULL) {
        ngx_free(target);
        return NULL;
    }

    ngx_http_soporte_target_put(probe, target, group);

    return target;
}


static ngx_http_soporte_target_t *
ngx_http_soporte_target_new(ngx_soporte_tenant_t *tenant,
    const ngx_http_soporte_profile_t *profile, size_t more)
{
    ngx_http_soporte_target_t  *target;

    target = ngx_calloc(sizeof(ngx_http_soporte_target_t) + more,
                        ngx_cycle->log);
    if (target == NULL) {
        return NULL;
    }

    target->tenant = tenant;
    target->profile = profile;
    target->detect = profile->detect;
    target->name = profile->host;

    if (target->name.len == 0) {
        target->name.data = tenant->key;
        target->name.len = tenant->len;
    }

    return target;
}


/* in place of the one that the tenant had */

static void
ngx_http_soporte_target_put(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_http_soporte_group_t *group)
{
    uint32_t                    slot;
    ngx_msec_t                  within;
    ngx_http_soporte_target_t  *old;

    slot = ngx_soporte_tenant_index(probe->smcf->zone, target->tenant);
    old = probe->targets[slot];

    /* joins before the old one leaves: the group may be the same */

    if (group) {
        ngx_http_soporte_upstream_join(group, target);
    }

    if (old) {
        ngx_http_soporte_target_free(probe, old);
    }

    probe->targets[slot] = target;

    if (group == NULL) {
        return;
    }

    /* the first probes of many tenants are spread */

    within = target->interval ? target->interval : NGX_SOPORTE_DETECT_SHARED;

    probe->due[slot] = (int64_t) ngx_current_msec + ngx_random() % within;
}


static ngx_http_soporte_group_t *
ngx_http_soporte_target_group(ngx_http_soporte_probe_t *probe,
    const ngx_addr_t *addrs, ngx_uint_t naddrs)
{
    u_char                    *p;
    size_t                     size;
    uint32_t                   hash;
    ngx_uint_t                 i;
    ngx_queue_t               *q, *bucket;
    ngx_http_soporte_group_t  *group;

    hash = ngx_crc32_short((u_char *) addrs[0].sockaddr, addrs[0].socklen);
    bucket = &probe->buckets[hash % NGX_HTTP_SOPORTE_PROBE_BUCKETS];

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_soporte_group_t, bucket);

        if (ngx_cmp_sockaddr(group->addrs[0].sockaddr,
                             group->addrs[0].socklen, addrs[0].sockaddr,
                             addrs[0].socklen, 1)
            == NGX_OK)
        {
            return group;
        }
    }

    size = sizeof(ngx_http_soporte_group_t) + naddrs * sizeof(ngx_addr_t);

    for (i = 0; i < naddrs; i++) {
        size += ngx_align(addrs[i].socklen, NGX_ALIGNMENT)
                + ngx_align(addrs[i].name.len, NGX_ALIGNMENT);
    }

    group = ngx_calloc(size, ngx_cycle->log);

    if (group == NULL) {
        return NULL;
    }

    group->addrs = (ngx_addr_t *) (group + 1);
    group->naddrs = naddrs;
    p = (u_char *) (group->addrs + naddrs);

    for (i = 0; i < naddrs; i++) {
        group->addrs[i].sockaddr = (struct sockaddr *) p;
        group->addrs[i].socklen = addrs[i].socklen;
        ngx_memcpy(p, addrs[i].sockaddr, addrs[i].socklen);
        p += ngx_align(addrs[i].socklen, NGX_ALIGNMENT);

        group->addrs[i].name.data = p;
        group->addrs[i].name.len = addrs[i].name.len;
        ngx_memcpy(p, addrs[i].name.data, addrs[i].name.len);
        p += ngx_align(addrs[i].name.len, NGX_ALIGNMENT);
    }

    group->due = ngx_current_msec + ngx_random() % NGX_SOPORTE_DETECT_SHARED;
    group->free = ngx_current_msec;
    group->recount = ngx_current_msec + NGX_HTTP_SOPORTE_UPSTREAM_KNOWN;
    group->mark = ngx_max((uint16_t) (hash ^ hash >> 16), 1);

    ngx_queue_init(&group->members);
    ngx_queue_init(&group->untold);
    ngx_queue_insert_tail(bucket, &group->bucket);
    ngx_queue_insert_tail(&probe->groups, &group->queue);

    return group;
}


static void
ngx_http_soporte_target_free(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target)
{
    uint32_t  slot;

    slot = ngx_soporte_tenant_index(probe->smcf->zone, target->tenant);

    probe->targets[slot] = NULL;
    probe->due[slot] = 0;

    ngx_http_soporte_probe_forget(probe, target);

    if (target->group) {
        ngx_http_soporte_upstream_leave(target);
    }

    ngx_free(target);
}


ngx_int_t
ngx_http_soporte_probe_add(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant, const ngx_addr_t *addr,
    const ngx_str_t *host, const ngx_str_t *path, ngx_msec_t interval)
{
    u_char                     *p;
    uint32_t                    slot;
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_probe_t   *probe;
    ngx_http_soporte_target_t  *old, *target;

    probe = smcf->probe;
    slot = ngx_soporte_tenant_index(smcf->zone, tenant);

    if (slot == NGX_SOPORTE_OTHER
        || host->len > NGX_HTTP_SOPORTE_PROBE_HOST
        || path->len > NGX_HTTP_SOPORTE_PROBE_URI)
    {
        return NGX_ERROR;
    }

    old = probe->targets[slot];

    if (old && ngx_http_soporte_target_same(old, addr, host, path, interval)) {
        return NGX_OK;
    }

    target = ngx_http_soporte_target_new(tenant,
                     old ? old->profile : ngx_http_soporte_profile_default(),
                     host->len + path->len);
    if (target == NULL) {
        return NGX_ERROR;
    }

    group = ngx_http_soporte_target_group(probe, addr, 1);

    if (group == NULL) {
        ngx_free(target);
        return NGX_ERROR;
    }

    p = (u_char *) (target + 1);

    target->added = 1;
    target->interval = interval;
    target->timeout = NGX_SOPORTE_DETECT_TIMEOUT;

    target->host.data = p;
    target->host.len = host->len;
    p = ngx_cpymem(p, host->data, host->len);

    target->uri.data = p;
    target->uri.len = path->len;
    ngx_memcpy(p, path->data, path->len);

    ngx_http_soporte_target_put(probe, target, group);

    return NGX_OK;
}


/* what each scan of a bench brings again keeps its schedule */

static ngx_uint_t
ngx_http_soporte_target_same(const ngx_http_soporte_target_t *target,
    const ngx_addr_t *addr, const ngx_str_t *host, const ngx_str_t *path,
    ngx_msec_t interval)
{
    return target->added && target->interval == interval
           && target->host.len == host->len
           && ngx_memcmp(target->host.data, host->data, host->len) == 0
           && target->uri.len == path->len
           && ngx_memcmp(target->uri.data, path->data, path->len) == 0
           && ngx_cmp_sockaddr(target->group->addrs[0].sockaddr,
                               target->group->addrs[0].socklen,
                               addr->sockaddr, addr->socklen, 1)
              == NGX_OK;
}


void
ngx_http_soporte_probe_remove(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant)
{
    ngx_http_soporte_target_t  *target;

    target = ngx_http_soporte_target(smcf->probe, tenant);

    if (target && target->added) {
        ngx_http_soporte_target_free(smcf->probe, target);
    }
}
