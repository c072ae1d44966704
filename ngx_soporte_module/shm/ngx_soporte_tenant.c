
/*
 * Finds and gives the slots of tenants: chained buckets of 32-bit indexes, a
 * chain only ever grows at its head, by compare and swap.
 */

#include "ngx_soporte_tenant.h"
#include "ngx_soporte_backup.h"
#include "ngx_soporte_board.h"

#include <time.h>


/* FNV-1a, 32 bits */

#define NGX_SOPORTE_HASH_SEED   2166136261u
#define NGX_SOPORTE_HASH_PRIME  16777619u


static ngx_uint_t ngx_soporte_tenant_reserved(const u_char *key, size_t len);
static ngx_soporte_tenant_t *ngx_soporte_tenant_scan(
    const ngx_soporte_zone_t *zone, uint32_t from, uint32_t until,
    uint32_t hash, const u_char *key, size_t len);
static uint32_t ngx_soporte_tenant_claim(ngx_soporte_zone_t *zone,
    ngx_uint_t dynamic);


static const u_char  ngx_soporte_key_chars[256] = {
    ['-'] = '-', ['.'] = '.', ['_'] = '_',
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',
    ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
    ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j',
    ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o',
    ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
    ['z'] = 'z',
    ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e',
    ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
    ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
    ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
    ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
    ['Z'] = 'z'
};


ngx_int_t
ngx_soporte_tenant_key(u_char *dst, const u_char *key, size_t len)
{
    size_t  i;

    if (len == 0 || len > NGX_SOPORTE_KEY_MAX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < len; i++) {
        dst[i] = ngx_soporte_key_chars[key[i]];

        if (dst[i] == 0) {
            return NGX_DECLINED;
        }
    }

    return ngx_soporte_tenant_reserved(dst, len) ? NGX_DECLINED : NGX_OK;
}


/* the name of the rest: a tenant of that name would be told of twice */

static ngx_uint_t
ngx_soporte_tenant_reserved(const u_char *key, size_t len)
{
    return len == sizeof(NGX_SOPORTE_OTHER_KEY) - 1
           && ngx_memcmp(key, NGX_SOPORTE_OTHER_KEY, len) == 0;
}


/* FNV-1a, folded: keys are short, buckets many */

uint32_t
ngx_soporte_tenant_hash(const u_char *key, size_t len)
{
    uint32_t  hash;

    hash = NGX_SOPORTE_HASH_SEED;

    while (len--) {
        hash = (hash ^ *key++) * NGX_SOPORTE_HASH_PRIME;
    }

    return hash ^ (hash >> 15);
}


ngx_int_t
ngx_soporte_tenant_seek(const ngx_soporte_zone_t *zone, const u_char *key,
    size_t len, u_char *lower, ngx_soporte_tenant_t **tenant)
{
    u_char                 c;
    size_t                 i;
    uint32_t               hash, slot;
    ngx_soporte_tenant_t  *t;

    if (len == 0 || len > NGX_SOPORTE_KEY_MAX) {
        return NGX_ERROR;
    }

    hash = NGX_SOPORTE_HASH_SEED;

    for (i = 0; i < len; i++) {
        c = ngx_soporte_key_chars[key[i]];

        if (c == 0) {
            return NGX_ERROR;
        }

        lower[i] = c;
        hash = (hash ^ c) * NGX_SOPORTE_HASH_PRIME;
    }

    hash ^= hash >> 15;

    slot = ngx_soporte_acquire(
                      &zone->buckets[hash % NGX_SOPORTE_ZONE_BUCKETS]);

    while (slot) {
        t = ngx_soporte_tenant(zone, slot);

        if (t->hash == hash && t->len == len
            && ngx_memcmp(t->key, lower, len) == 0)
        {
            *tenant = t;
            return NGX_OK;
        }

        slot = t->next;
    }

    return ngx_soporte_tenant_reserved(lower, len) ? NGX_ERROR : NGX_DECLINED;
}


ngx_soporte_tenant_t *
ngx_soporte_tenant_find(const ngx_soporte_zone_t *zone, const u_char *key,
    size_t len)
{
    uint32_t  hash, head;

    hash = ngx_soporte_tenant_hash(key, len);
    head = ngx_soporte_acquire(
                      &zone->buckets[hash % NGX_SOPORTE_ZONE_BUCKETS]);

    return ngx_soporte_tenant_scan(zone, head, 0, hash, key, len);
}


static ngx_soporte_tenant_t *
ngx_soporte_tenant_scan(const ngx_soporte_zone_t *zone, uint32_t from,
    uint32_t until, uint32_t hash, const u_char *key, size_t len)
{
    ngx_soporte_tenant_t  *t;

    while (from != until) {
        t = ngx_soporte_tenant(zone, from);

        if (t->hash == hash && t->len == len
            && ngx_memcmp(t->key, key, len) == 0)
        {
            return t;
        }

        from = t->next;
    }

    return NULL;
}


ngx_soporte_tenant_t *
ngx_soporte_tenant_get(ngx_soporte_zone_t *zone, const u_char *key,
    size_t len, ngx_uint_t dynamic, int64_t now)
{
    uint32_t               hash, *bucket, head, seen, slot;
    ngx_soporte_tenant_t  *t, *found;

    hash = ngx_soporte_tenant_hash(key, len);
    bucket = &zone->buckets[hash % NGX_SOPORTE_ZONE_BUCKETS];

    head = ngx_soporte_acquire(bucket);
    found = ngx_soporte_tenant_scan(zone, head, 0, hash, key, len);

    if (found) {
        return found;
    }

    slot = ngx_soporte_tenant_claim(zone, dynamic);

    if (slot == 0) {
        return NULL;
    }

    t = ngx_soporte_tenant(zone, slot);

    ngx_memcpy(t->key, key, len);
    t->len = len;
    t->hash = hash;
    t->began = now;
    t->since = now;
    t->judged = now / 60;
    ngx_soporte_release(&t->flags, NGX_SOPORTE_TENANT_READY
                              | (dynamic ? NGX_SOPORTE_TENANT_DYNAMIC : 0));

    /* what holds for all tenants holds for a new one */

    ngx_soporte_board_inherit(zone, t, now);

    seen = head;

    for ( ;; ) {
        t->next = head;

        if (__atomic_compare_exchange_n(bucket, &head, slot, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        {
            return t;
        }

        /* another process was faster: maybe with the very same key */

        found = ngx_soporte_tenant_scan(zone, head, seen, hash, key, len);

        if (found) {
            ngx_soporte_release(&t->flags, 0);
            zone->spare = slot;
            return found;
        }

        seen = head;
    }
}


static uint32_t
ngx_soporte_tenant_claim(ngx_soporte_zone_t *zone, ngx_uint_t dynamic)
{
    uint32_t               used, limit;
    ngx_soporte_header_t  *header;

    if (zone->spare) {
        used = zone->spare;
        zone->spare = 0;
        return used;
    }

    header = zone->header;
    limit = dynamic ? ngx_soporte_acquire(&header->dynamic)
                    : ngx_soporte_acquire(&header->capacity);

    used = ngx_soporte_load(&header->used);

    do {
        if (used >= limit) {
            return 0;
        }

    } while (!__atomic_compare_exchange_n(&header->used, &used, used + 1, 0,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));

    return used;
}


ngx_uint_t
ngx_soporte_tenant_known(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant)
{
    uint32_t  flags;

    flags = ngx_soporte_acquire(&tenant->flags);

    if (!(flags & NGX_SOPORTE_TENANT_READY)) {
        return 0;
    }

    return (flags & NGX_SOPORTE_TENANT_DYNAMIC)
           || ngx_soporte_load(&tenant->generation)
              == ngx_soporte_load(&zone->header->generation);
}


/* one that the configuration named before, or that a snapshot brought back */

void
ngx_soporte_tenant_meet(const ngx_soporte_zone_t *zone,
    ngx_soporte_tenant_t *tenant)
{
    if (!ngx_soporte_tenant_known(zone, tenant)) {
        (void) __atomic_fetch_or(&tenant->flags, NGX_SOPORTE_TENANT_DYNAMIC,
                                 __ATOMIC_RELEASE);
    }
}


/* the slot's word first, then the mark: who takes a mark sees the word */

void
ngx_soporte_tenant_unfiled(ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    ngx_uint_t left)
{
    uint8_t  mark;

    mark = NGX_SOPORTE_TENANT_UNFILED << part;

    if (left) {
        mark |= NGX_SOPORTE_TENANT_LEFT << part;

    } else {
        (void) __atomic_fetch_and(&tenant->unfiled,
                                  (uint8_t) ~(NGX_SOPORTE_TENANT_LEFT << part),
                                  __ATOMIC_RELAXED);
    }

    (void) __atomic_fetch_or(&tenant->unfiled, mark, __ATOMIC_RELEASE);
}


void
ngx_soporte_tenant_filed(ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t at)
{
    uint8_t               mark;
    ngx_soporte_backup_t  backup;

    mark = (NGX_SOPORTE_TENANT_UNFILED|NGX_SOPORTE_TENANT_LEFT) << part;

    (void) __atomic_fetch_and(&tenant->unfiled, (uint8_t) ~mark,
                              __ATOMIC_ACQ_REL);

    (void) ngx_soporte_backup_unpack(ngx_soporte_load(&tenant->backup[part]),
                                     &backup);

    if (backup.at != at) {
        ngx_soporte_tenant_unfiled(tenant, part, 0);
    }
}


ngx_uint_t
ngx_soporte_tenant_left(ngx_soporte_tenant_t *tenant, ngx_uint_t part)
{
    uint8_t  marks;

    marks = ngx_soporte_acquire(&tenant->unfiled) >> part;

    if (!(marks & NGX_SOPORTE_TENANT_UNFILED)) {
        return 0;
    }

    if (marks & NGX_SOPORTE_TENANT_LEFT) {
        return 1;
    }

    (void) __atomic_fetch_or(&tenant->unfiled,
                             (uint8_t) (NGX_SOPORTE_TENANT_LEFT << part),
                             __ATOMIC_RELAXED);

    return 0;
}


ngx_uint_t
ngx_soporte_tenant_holds(const ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t at)
{
    ngx_soporte_backup_t  backup;

    if (!((ngx_soporte_acquire(&tenant->unfiled) >> part)
          & NGX_SOPORTE_TENANT_UNFILED))
    {
        return 0;
    }

    (void) ngx_soporte_backup_unpack(ngx_soporte_load(&tenant->backup[part]),
                                     &backup);

    return backup.at == at;
}


void
ngx_soporte_tenant_turn(ngx_soporte_tenant_t *tenant, ngx_uint_t outcome)
{
    struct timespec  ts;

    if (outcome != NGX_SOPORTE_HARD) {
        ngx_soporte_store(&tenant->streak, 0);
        return;
    }

    if (__atomic_fetch_add(&tenant->streak, 1, __ATOMIC_RELAXED) == 0) {

        /* the one clock that all processes share; failures are rare */

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);

        ngx_soporte_store(&tenant->failing,
                          (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
    }
}
