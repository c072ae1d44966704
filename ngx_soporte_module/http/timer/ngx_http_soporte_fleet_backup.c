
/*
 * Backups that one node was told of, or found on its disk, are known to all:
 * of each tenant and part two words in the fleet's board, the latest good one
 * and the latest that is not: one that failed takes no good one away.  A node
 * that watches a tenant's backups itself believes its own eyes.
 *
 * What a node knows of backups stands in its slots.  After each comparison of
 * the boards it tells from there what Redis does not know, whoever said it
 * first: words that were dropped while Redis was away, or that Redis forgot.
 * Of one that failed a slot keeps only that somebody watches.
 */

#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_publish.h"

#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


/* a version is in units of a word's, see word.c: ms with ten bits behind */
#define NGX_HTTP_SOPORTE_FLEET_SECOND  (1000 << 10)

#define NGX_HTTP_SOPORTE_FLEET_AHEAD   86400 /* s, a clock that is wrong */

#define NGX_HTTP_SOPORTE_FLEET_SLOTS   64    /* looked at in a turn */
#define NGX_HTTP_SOPORTE_FLEET_TURN    1     /* ms between two, ... */
#define NGX_HTTP_SOPORTE_FLEET_QUEUED  1024  /* ... with less words to tell */
#define NGX_HTTP_SOPORTE_FLEET_PAUSE   20    /* ms, with more */


struct ngx_http_soporte_fleet_backups_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_http_soporte_timer_t        timer;
    ngx_http_soporte_fleet_known_t *known;   /* of Redis, in order */
    ngx_uint_t                      n;
    uint32_t                        slot;    /* the next */
};


static uint64_t ngx_http_soporte_fleet_backup_version(int64_t at);
static ngx_int_t ngx_http_soporte_fleet_backup_id(const ngx_str_t *tenant,
    ngx_uint_t part, ngx_uint_t ok, u_char *id);
static ngx_uint_t ngx_http_soporte_fleet_backup_part(
    const ngx_soporte_value_t *v);
static ngx_soporte_tenant_t *ngx_http_soporte_fleet_backup_tenant(
    ngx_http_soporte_main_conf_t *smcf, const ngx_soporte_value_t *v);
static void ngx_http_soporte_fleet_backups_turn(ngx_event_t *ev);
static void ngx_http_soporte_fleet_backups_one(
    ngx_http_soporte_fleet_backups_t *b, ngx_soporte_tenant_t *tenant,
    ngx_uint_t part);
static ngx_uint_t ngx_http_soporte_fleet_backups_known(
    const ngx_http_soporte_fleet_backups_t *b, const ngx_str_t *tenant,
    ngx_uint_t part, ngx_uint_t ok, int64_t at);
static int ngx_libc_cdecl ngx_http_soporte_fleet_backups_order(const void *a,
    const void *b);


void
ngx_http_soporte_fleet_backup(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_mem_t *mem, const ngx_str_t *tenant, ngx_uint_t part,
    int64_t at, ngx_uint_t ok, ngx_soporte_value_t *word)
{
    u_char  id[NGX_SOPORTE_ID_LEN];

    if (smcf->redis == NULL || at <= 0
        || ngx_http_soporte_fleet_backup_id(tenant, part, ok, id) != NGX_OK)
    {
        return;
    }

    (void) ngx_soporte_value_int(mem, word, "origin",
               ngx_http_soporte_publish_origin(smcf->node.data,
                                               smcf->node.len));

    if (!mem->failed) {
        ngx_http_soporte_publish(smcf, id,
                          ngx_http_soporte_fleet_backup_version(at), word);
    }
}


static uint64_t
ngx_http_soporte_fleet_backup_version(int64_t at)
{
    return (uint64_t) at * NGX_HTTP_SOPORTE_FLEET_SECOND;
}


/* the same at every node */

static ngx_int_t
ngx_http_soporte_fleet_backup_id(const ngx_str_t *tenant, ngx_uint_t part,
    ngx_uint_t ok, u_char *id)
{
    u_char  *p, digest[NGX_SOPORTE_DIGEST_LEN];
    u_char   text[sizeof("backup 0 0 ") + NGX_SOPORTE_KEY_MAX];

    p = ngx_sprintf(text, "backup %ui %d %V", part, ok ? 1 : 0, tenant);

    if (ngx_soporte_secret_sha256(digest, text, p - text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_uuid_v8(id, digest);

    return NGX_OK;
}


/* those of notices are made of the time, RFC 9562's version 7 */

ngx_uint_t
ngx_http_soporte_fleet_backup_is(const u_char *id)
{
    return (id[6] >> 4) == 8;
}


ngx_int_t
ngx_http_soporte_fleet_backup_heard(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *value)
{
    int64_t                     at;
    ngx_uint_t                  part;
    ngx_soporte_tenant_t       *tenant;
    const ngx_soporte_value_t  *v, *bytes, *ok, *origin, *weighed;

    origin = ngx_soporte_value_get(value, "origin");

    if (origin == NULL || origin->type != NGX_SOPORTE_INTEGER
        || (uint64_t) origin->num
           == ngx_http_soporte_publish_origin(smcf->node.data,
                                              smcf->node.len))
    {
        return NGX_DONE;
    }

    part = ngx_http_soporte_fleet_backup_part(
                                       ngx_soporte_value_get(value, "part"));
    v = ngx_soporte_value_get(value, "finished_at");
    bytes = ngx_soporte_value_get(value, "bytes");
    ok = ngx_soporte_value_get(value, "ok");
    weighed = ngx_soporte_value_get(value, "weighed");

    if (part == NGX_SOPORTE_BACKUP_PARTS
        || v == NULL || v->type != NGX_SOPORTE_STRING
        || ngx_soporte_time_parse(v->str.data, v->str.len, &at, NULL)
           != NGX_OK
        || at <= 0 || at > ngx_time() + NGX_HTTP_SOPORTE_FLEET_AHEAD
        || bytes == NULL || bytes->type != NGX_SOPORTE_INTEGER
        || ok == NULL)
    {
        return NGX_ERROR;
    }

    tenant = ngx_http_soporte_fleet_backup_tenant(smcf,
                                     ngx_soporte_value_get(value, "tenant"));

    if (tenant == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_soporte_backup_heard(tenant, part, at,
                                         weighed ? -1 : ngx_max(bytes->num, 0),
                                         ok->type == NGX_SOPORTE_TRUE);
}


/* NGX_SOPORTE_BACKUP_PARTS: none of them */

static ngx_uint_t
ngx_http_soporte_fleet_backup_part(const ngx_soporte_value_t *v)
{
    ngx_uint_t        part;
    const ngx_str_t  *name;

    for (part = 0; part < NGX_SOPORTE_BACKUP_PARTS; part++) {
        name = &ngx_soporte_backup_parts[part];

        if (v && v->type == NGX_SOPORTE_STRING && v->str.len == name->len
            && ngx_strncmp(v->str.data, name->data, name->len) == 0)
        {
            break;
        }
    }

    return part;
}


static ngx_soporte_tenant_t *
ngx_http_soporte_fleet_backup_tenant(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *v)
{
    u_char  lower[NGX_SOPORTE_KEY_MAX];

    if (v == NULL || v->type != NGX_SOPORTE_STRING
        || ngx_soporte_tenant_key(lower, v->str.data, v->str.len) != NGX_OK)
    {
        return NULL;
    }

    return ngx_soporte_tenant_get(smcf->zone, lower, v->str.len, 1,
                                  ngx_time());
}


ngx_http_soporte_fleet_backups_t *
ngx_http_soporte_fleet_backups_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_fleet_backups_t  *b;

    b = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_fleet_backups_t));

    if (b == NULL) {
        return NULL;
    }

    b->smcf = smcf;
    ngx_http_soporte_timer(&b->timer, b, ngx_http_soporte_fleet_backups_turn,
                           cycle->log);

    return b;
}


void
ngx_http_soporte_fleet_backups_tell(ngx_http_soporte_fleet_backups_t *b,
    const ngx_http_soporte_fleet_known_t *known, ngx_uint_t n)
{
    size_t  size;

    ngx_http_soporte_fleet_backups_stop(b);

    size = n * sizeof(ngx_http_soporte_fleet_known_t);
    b->known = ngx_alloc(ngx_max(size, 1), ngx_cycle->log);

    if (b->known == NULL) {
        return;
    }

    if (n) {
        ngx_memcpy(b->known, known, size);
    }

    b->n = n;
    b->slot = NGX_SOPORTE_OTHER + 1;

    ngx_add_timer(&b->timer.event, NGX_HTTP_SOPORTE_FLEET_TURN);
}


void
ngx_http_soporte_fleet_backups_stop(ngx_http_soporte_fleet_backups_t *b)
{
    if (b->timer.event.timer_set) {
        ngx_del_timer(&b->timer.event);
    }

    if (b->known) {
        ngx_free(b->known);
        b->known = NULL;
    }
}


static void
ngx_http_soporte_fleet_backups_turn(ngx_event_t *ev)
{
    uint32_t                           used, end;
    ngx_uint_t                         part;
    ngx_soporte_zone_t                *zone;
    ngx_soporte_tenant_t              *tenant;
    ngx_http_soporte_fleet_backups_t  *b = ngx_http_soporte_timer_data(ev);

    zone = b->smcf->zone;
    used = ngx_soporte_acquire(&zone->header->used);

    /* while Redis is away nothing can be told: compared again, then */

    if (b->slot >= used || !ngx_soporte_load(&zone->header->redis_up)) {
        ngx_http_soporte_fleet_backups_stop(b);
        return;
    }

    if (ngx_http_soporte_publish_waiting(b->smcf)
        >= NGX_HTTP_SOPORTE_FLEET_QUEUED)
    {
        ngx_add_timer(ev, NGX_HTTP_SOPORTE_FLEET_PAUSE);
        return;
    }

    end = ngx_min(used, b->slot + NGX_HTTP_SOPORTE_FLEET_SLOTS);

    for ( /* void */ ; b->slot < end; b->slot++) {
        tenant = ngx_soporte_tenant(zone, b->slot);

        for (part = 0; part < NGX_SOPORTE_BACKUP_PARTS; part++) {
            if (ngx_soporte_tenant_known(zone, tenant)) {
                ngx_http_soporte_fleet_backups_one(b, tenant, part);
            }
        }
    }

    ngx_add_timer(ev, NGX_HTTP_SOPORTE_FLEET_TURN);
}


static void
ngx_http_soporte_fleet_backups_one(ngx_http_soporte_fleet_backups_t *b,
    ngx_soporte_tenant_t *tenant, ngx_uint_t part)
{
    ngx_str_t              key;
    ngx_uint_t             ok;
    ngx_pool_t            *pool;
    ngx_soporte_mem_t      mem;
    ngx_soporte_backup_t   backup;

    (void) ngx_soporte_backup_unpack(ngx_soporte_load(&tenant->backup[part]),
                                     &backup);

    key.data = tenant->key;
    key.len = tenant->len;
    ok = !ngx_soporte_backup_doubtful(&backup);

    /* one that is suspect may have been told of as a good one */

    if (backup.at <= 0
        || ngx_http_soporte_fleet_backups_known(b, &key, part, 1, backup.at)
        || (!ok && ngx_http_soporte_fleet_backups_known(b, &key, part, 0,
                                                        backup.at)))
    {
        return;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);

    if (pool == NULL) {
        return;
    }

    mem = ngx_http_soporte_mem(pool);

    ngx_http_soporte_fleet_backup(b->smcf, &mem, &key, part, backup.at, ok,
        ngx_http_soporte_backup_event(&mem, &key, part, backup.at,
                                      backup.bytes, ok));

    ngx_destroy_pool(pool);
}


/* whether Redis has it, or a later one of its kind */

static ngx_uint_t
ngx_http_soporte_fleet_backups_known(
    const ngx_http_soporte_fleet_backups_t *b, const ngx_str_t *tenant,
    ngx_uint_t part, ngx_uint_t ok, int64_t at)
{
    u_char                           id[NGX_SOPORTE_ID_LEN];
    ngx_http_soporte_fleet_known_t  *known;

    if (ngx_http_soporte_fleet_backup_id(tenant, part, ok, id) != NGX_OK) {
        return 0;
    }

    known = bsearch(id, b->known, b->n,
                    sizeof(ngx_http_soporte_fleet_known_t),
                    ngx_http_soporte_fleet_backups_order);

    return known
           && known->version >= ngx_http_soporte_fleet_backup_version(at);
}


/* both begin with their ids */

static int ngx_libc_cdecl
ngx_http_soporte_fleet_backups_order(const void *a, const void *b)
{
    return ngx_memcmp(a, b, NGX_SOPORTE_ID_LEN);
}
