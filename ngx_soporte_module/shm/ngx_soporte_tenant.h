
/*
 * A tenant's slot: its key, its counters and what the gate asks of it.
 * Found and given without a lock; never given to another tenant.
 */

#ifndef _NGX_SOPORTE_TENANT_H_INCLUDED_
#define _NGX_SOPORTE_TENANT_H_INCLUDED_


#include "ngx_soporte_zone.h"
#include "ngx_soporte_detect.h"
#include "ngx_soporte_hist.h"
#include "ngx_soporte_month.h"
#include "ngx_soporte_outcome.h"


#define NGX_SOPORTE_KEY_MAX      64
#define NGX_SOPORTE_OTHER_KEY    "_other"
#define NGX_SOPORTE_BANKS        4

/* what the gate does about the tenant, published by the board */

#define NGX_SOPORTE_GATE_OPEN         0
#define NGX_SOPORTE_GATE_MAINTENANCE  1
#define NGX_SOPORTE_GATE_INCIDENT     2      /* one that blocks */
#define NGX_SOPORTE_GATE_RESTORE      3      /* of several the highest */

/* flags */

#define NGX_SOPORTE_TENANT_READY      0x01   /* key and hash are written */
#define NGX_SOPORTE_TENANT_DYNAMIC    0x02   /* a variable named it */


/* of the backup of a part, shifted by the part: history has to get it, ... */

#define NGX_SOPORTE_TENANT_UNFILED    0x01
#define NGX_SOPORTE_TENANT_LEFT       0x04   /* ... and nobody has it in hand */
#define NGX_SOPORTE_TENANT_BACKUPS    0x0f   /* all of these */


/* sums of the ten second slots s with s mod 4 = bank; they only grow */

typedef struct {
    uint64_t       good;
    uint64_t       hard;
    uint64_t       soft;
    uint64_t       slow;                     /* header after over 3 s */
} ngx_soporte_bank_t;


struct ngx_soporte_tenant_s {
    /* read by every request */

    uint32_t            gate;                /* NGX_SOPORTE_GATE_ */
    uint32_t            flags;
    uint32_t            hash;
    uint32_t            next;                /* slot in the bucket, or 0 */
    uint32_t            len;                 /* of the key */
    uint32_t            board;               /* entry + 1 that speaks for it */
    uint32_t            streak;              /* hard failures in a row */
    uint32_t            state;               /* measured, ngx_soporte_state_e */
    int64_t             failing;             /* monotonic ms, streak's first */
    uint64_t            generation;          /* of the configuration, literal */
    uint64_t            stamp;               /* unix s, switched on until */
    int64_t             since;               /* unix s, of the state */
    int64_t             began;               /* unix s, slot given */
    uint32_t            waiting;             /* monotonic ms, lower half: start
                                                of a request that waits, 0:
                                                none was told of */
    uint16_t            profile;             /* of its configuration, 0: none */
    uint8_t             cause;               /* last failure's, ..._cause_e */
    uint8_t             unfiled;             /* backups, as above */
    u_char              key[NGX_SOPORTE_KEY_MAX];

    /* written by every request */

    ngx_soporte_bank_t  bank[NGX_SOPORTE_BANKS];
    uint64_t            excluded;
    uint64_t            upstream_ms;
    uint64_t            responses[5];        /* to clients: 1xx ... 5xx */
    uint32_t            hist[NGX_SOPORTE_HIST_BUCKETS];

    uint64_t            backup[2];           /* database, files; packed by
                                                core/ngx_soporte_backup.h */

    /* written by the leader alone */

    uint32_t            seen_good;           /* answers told to detect */
    uint32_t            seen_hard;
    uint32_t            judged;              /* last minute, unix s / 60 */
    uint32_t            chain;               /* entry + 1: the board's own */
    ngx_soporte_detect_t   detect;
    ngx_soporte_history_t  history;
    uint32_t            terms;               /* number of those it is under */
} __attribute__((aligned(64)));


#define ngx_soporte_tenant(zone, i)                                           \
    ((ngx_soporte_tenant_t *) ((zone)->slots                                  \
                               + (size_t) (i) * sizeof(ngx_soporte_tenant_t)))
#define ngx_soporte_tenant_index(zone, t)                                     \
    ((uint32_t) (((u_char *) (t) - (zone)->slots)                             \
                 / sizeof(ngx_soporte_tenant_t)))


/*
 * Checks a key and lower-cases it into dst (NGX_SOPORTE_KEY_MAX bytes):
 * [a-z0-9._-]{1,64}, not "_other".  NGX_DECLINED when it is none.
 */
ngx_int_t ngx_soporte_tenant_key(u_char *dst, const u_char *key, size_t len);

/* of a key as by _key(); it chooses the bucket */
uint32_t ngx_soporte_tenant_hash(const u_char *key, size_t len);

/* never blocks; NULL when the key has no slot.  Key as by _key() above. */
ngx_soporte_tenant_t *ngx_soporte_tenant_find(const ngx_soporte_zone_t *zone,
    const u_char *key, size_t len);

/*
 * Both of these in one pass, for the path of a request: NGX_OK, *tenant is
 * set; NGX_DECLINED, no slot, lower (NGX_SOPORTE_KEY_MAX bytes) has the key as
 * _get() below takes it; NGX_ERROR, no key.
 */
ngx_int_t ngx_soporte_tenant_seek(const ngx_soporte_zone_t *zone,
    const u_char *key, size_t len, u_char *lower,
    ngx_soporte_tenant_t **tenant);

/*
 * The slot of a key, given now if it had none; NULL when the zone is full.
 * Literal keys may use the last eighth that keys of variables may not.
 * Takes no lock: processes that race for the same key agree on one slot.
 */
ngx_soporte_tenant_t *ngx_soporte_tenant_get(ngx_soporte_zone_t *zone,
    const u_char *key, size_t len, ngx_uint_t dynamic, int64_t now);

/*
 * History has to get the backup of a part that was just put into the slot: by
 * who put it there, or, left, by the leader.
 */
void ngx_soporte_tenant_unfiled(ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    ngx_uint_t left);

/* that of unix s is in the spool; there may be another by now */
void ngx_soporte_tenant_filed(ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t at);

/*
 * Whether the leader is to file what the slot has, which it is the second time
 * that it asks: whoever put it there needs a while.
 */
ngx_uint_t ngx_soporte_tenant_left(ngx_soporte_tenant_t *tenant,
    ngx_uint_t part);

/* whether that of unix s could be filed once more from the slot */
ngx_uint_t ngx_soporte_tenant_holds(const ngx_soporte_tenant_t *tenant,
    ngx_uint_t part, int64_t at);

/* whether the configuration in force, or a request, knows the tenant */
ngx_uint_t ngx_soporte_tenant_known(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant);

/* a variable names a tenant that has a slot: it is known from now on */
void ngx_soporte_tenant_meet(const ngx_soporte_zone_t *zone,
    ngx_soporte_tenant_t *tenant);


/* a sample that begins, continues or ends a streak of failures */
void ngx_soporte_tenant_turn(ngx_soporte_tenant_t *tenant,
    ngx_uint_t outcome);


/*
 * One sample of a finished request, which neither begins a streak nor ends
 * one; ms is the time to the upstream's header.
 */

static ngx_inline void
ngx_soporte_tenant_add(ngx_soporte_tenant_t *tenant, time_t now,
    ngx_uint_t outcome, ngx_uint_t status, ngx_msec_t ms)
{
    ngx_soporte_bank_t  *bank;

    if (status - 100 < 500) {
        ngx_soporte_add(&tenant->responses[status / 100 - 1], 1);
    }

    if (outcome == NGX_SOPORTE_EXCLUDED) {
        ngx_soporte_add(&tenant->excluded, 1);
        return;
    }

    bank = &tenant->bank[((uint64_t) now / 10) % NGX_SOPORTE_BANKS];

    ngx_soporte_add(&bank->good + (outcome - NGX_SOPORTE_GOOD), 1);

    if (ms == (ngx_msec_t) -1) {
        return;
    }

    if (ms > 3000) {
        ngx_soporte_add(&bank->slow, 1);
    }

    ngx_soporte_add(&tenant->hist[ngx_soporte_hist_bucket(ms)], 1);
    ngx_soporte_add(&tenant->upstream_ms, ms);
}


/* any sample */

static ngx_inline void
ngx_soporte_tenant_count(ngx_soporte_tenant_t *tenant, time_t now,
    ngx_uint_t outcome, ngx_uint_t status, ngx_msec_t ms)
{
    ngx_soporte_tenant_add(tenant, now, outcome, status, ms);

    if (outcome == NGX_SOPORTE_HARD
        || (outcome != NGX_SOPORTE_EXCLUDED
            && ngx_soporte_load(&tenant->streak)))
    {
        ngx_soporte_tenant_turn(tenant, outcome);
    }
}


#endif /* _NGX_SOPORTE_TENANT_H_INCLUDED_ */
