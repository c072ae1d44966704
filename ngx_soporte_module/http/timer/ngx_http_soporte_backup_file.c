
/*
 * What is told of backups: they go into the slots, to the fleet and to
 * history.  A slot is also the place where history's part waits: what is
 * marked there and nobody has in hand, the leader files.
 */

#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_event.h"
#include "ngx_http_soporte_fleet.h"


#define NGX_HTTP_SOPORTE_BACKUP_AGAIN  5000  /* ms between two walks */
#define NGX_HTTP_SOPORTE_BACKUP_SLOTS  4096  /* of a walk, in a tick */
#define NGX_HTTP_SOPORTE_BACKUP_SLICE  256   /* filed in a tick */


static void ngx_http_soporte_backup_set(ngx_soporte_tenant_t *tenant,
    ngx_uint_t part, int64_t finished, int64_t bytes, ngx_uint_t ok);
static void ngx_http_soporte_backup_history(
    ngx_http_soporte_main_conf_t *smcf, ngx_soporte_value_t *event,
    ngx_soporte_tenant_t *tenant, ngx_uint_t part, int64_t at);
static void ngx_http_soporte_backup_left(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant, ngx_uint_t part);


static void
ngx_http_soporte_backup_set(ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t finished, int64_t bytes, ngx_uint_t ok)
{
    uint64_t  old, word;

    old = ngx_soporte_load(&tenant->backup[part]);

    do {
        if (ok) {
            word = ngx_soporte_backup_report(old, finished, bytes);

        } else if (old & NGX_SOPORTE_BACKUP_WATCHED) {
            word = old;

        } else {
            word = old | NGX_SOPORTE_BACKUP_WATCHED
                       | NGX_SOPORTE_BACKUP_REPORTED;
        }

    } while (!__atomic_compare_exchange_n(&tenant->backup[part], &old, word,
                                          0, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}


ngx_int_t
ngx_http_soporte_backup_heard(ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t finished, int64_t bytes, ngx_uint_t ok)
{
    uint64_t              word;
    ngx_uint_t            flags;
    ngx_soporte_backup_t  known;

    word = ngx_soporte_load(&tenant->backup[part]);
    flags = ngx_soporte_backup_unpack(word, &known);

    if ((flags & NGX_SOPORTE_BACKUP_WATCHED)
        && (!(flags & NGX_SOPORTE_BACKUP_REPORTED) || known.at >= finished))
    {
        return NGX_DONE;
    }

    ngx_http_soporte_backup_set(tenant, part, finished, bytes, ok);

    return NGX_OK;
}


void
ngx_http_soporte_backup_report(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant, ngx_uint_t part, int64_t finished,
    int64_t bytes, ngx_uint_t ok, ngx_uint_t many)
{
    ngx_pool_t            *pool;
    ngx_soporte_backup_t   known;

    ngx_http_soporte_backup_set(tenant, part, finished, bytes, ok);

    /* one that failed, or is older, is not in the slot */

    (void) ngx_soporte_backup_unpack(ngx_soporte_load(&tenant->backup[part]),
                                     &known);

    if (ok && known.at == finished) {
        ngx_soporte_tenant_unfiled(tenant, part, many);

        if (many) {
            return;
        }
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);

    if (pool) {
        ngx_http_soporte_backup_file(smcf, pool, tenant, part, finished,
                                     bytes, ok);
        ngx_destroy_pool(pool);
    }
}


/* to the fleet and to history */

void
ngx_http_soporte_backup_file(ngx_http_soporte_main_conf_t *smcf,
    ngx_pool_t *pool, ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t at, int64_t bytes, ngx_uint_t ok)
{
    ngx_str_t             key;
    ngx_soporte_mem_t     mem;
    ngx_soporte_value_t  *event;

    key.data = tenant->key;
    key.len = tenant->len;

    mem = ngx_http_soporte_mem(pool);
    event = ngx_http_soporte_backup_event(&mem, &key, part, at, bytes, ok);

    ngx_http_soporte_fleet_backup(smcf, &mem, &key, part, at, ok, event);

    if (!mem.failed) {
        ngx_http_soporte_backup_history(smcf, event, tenant, part, at);
    }
}


/* it can be had again while the slot has it */

static void
ngx_http_soporte_backup_history(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_value_t *event, ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t at)
{
    ngx_http_soporte_event_copy_t  copy;

    ngx_memzero(&copy, sizeof(ngx_http_soporte_event_copy_t));

    copy.version = at;
    copy.tenant = tenant;
    copy.part = part;

    (void) ngx_http_soporte_event(smcf, event,
                                  ngx_soporte_tenant_holds(tenant, part, at)
                                  ? &copy : NULL);
}


ngx_soporte_value_t *
ngx_http_soporte_backup_event(ngx_soporte_mem_t *mem, const ngx_str_t *key,
    ngx_uint_t part, int64_t at, int64_t bytes, ngx_uint_t ok)
{
    ngx_soporte_value_t  *event;

    event = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, event, "kind", "backup");
    (void) ngx_soporte_value_str(mem, event, "tenant", key);
    (void) ngx_soporte_value_str(mem, event, "part",
                                 &ngx_soporte_backup_parts[part]);
    ngx_soporte_value_instant(mem, event, "finished_at", at);
    (void) ngx_soporte_value_int(mem, event, "bytes", ngx_max(bytes, 0));
    (void) ngx_soporte_value_bool(mem, event, "ok", ok);

    /* another node is to tell it from one that is empty */

    if (bytes < 0) {
        (void) ngx_soporte_value_bool(mem, event, "weighed", 0);
    }

    return event;
}


void
ngx_http_soporte_backup_again(ngx_http_soporte_main_conf_t *smcf)
{
    uint32_t               end;
    ngx_uint_t             n, part;
    ngx_soporte_zone_t    *zone;
    ngx_soporte_tenant_t  *tenant;

    static uint32_t        slot;             /* walked to, 0: it rests */
    static ngx_msec_t      walked;           /* began to */

    /* what waits in this worker is not filed yet, and may be of the slots */

    if (smcf->postgres == NULL || ngx_http_soporte_events_waiting(smcf)) {
        return;
    }

    if (slot == 0) {

        if (ngx_current_msec - walked < NGX_HTTP_SOPORTE_BACKUP_AGAIN) {
            return;
        }

        walked = ngx_current_msec;
        slot = NGX_SOPORTE_OTHER + 1;
    }

    n = 0;
    zone = smcf->zone;
    end = ngx_min(ngx_soporte_acquire(&zone->header->used),
                  slot + NGX_HTTP_SOPORTE_BACKUP_SLOTS);

    for ( /* void */ ; slot < end; slot++) {

        if (n >= NGX_HTTP_SOPORTE_BACKUP_SLICE) {
            return;
        }

        tenant = ngx_soporte_tenant(zone, slot);

        for (part = 0; part < NGX_SOPORTE_BACKUP_PARTS; part++) {

            if (ngx_soporte_tenant_left(tenant, part)) {
                ngx_http_soporte_backup_left(smcf, tenant, part);
                n++;
            }
        }
    }

    if (slot >= ngx_soporte_acquire(&zone->header->used)) {
        slot = 0;
    }
}


/* by the slot's word, which knows sizes to 3 %; the fleet compares */

static void
ngx_http_soporte_backup_left(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant, ngx_uint_t part)
{
    ngx_str_t              key;
    ngx_pool_t            *pool;
    ngx_soporte_mem_t      mem;
    ngx_soporte_value_t   *event;
    ngx_soporte_backup_t   known;

    (void) ngx_soporte_backup_unpack(ngx_soporte_load(&tenant->backup[part]),
                                     &known);

    if (known.at == 0) {
        ngx_soporte_tenant_filed(tenant, part, 0);
        return;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);

    if (pool == NULL) {
        return;
    }

    key.data = tenant->key;
    key.len = tenant->len;

    mem = ngx_http_soporte_mem(pool);
    event = ngx_http_soporte_backup_event(&mem, &key, part, known.at,
                                          known.bytes,
                                          !ngx_soporte_backup_doubtful(&known));

    if (!mem.failed) {
        ngx_http_soporte_backup_history(smcf, event, tenant, part, known.at);
    }

    ngx_destroy_pool(pool);
}
