
/*
 * Writes and reads the board's entries and publishes them into the slots,
 * where the gate looks.
 */

#include "ngx_soporte_board.h"
#include "ngx_soporte_tenant.h"

#include <time.h>


#define NGX_SOPORTE_BOARD_WAIT   20000000    /* ns that a writer waits */
#define NGX_SOPORTE_BOARD_TRIES  1000        /* of a reader, then it gives up */


/* the entries in use: few, so that 10,000 slots are published in a moment */

typedef struct {
    ngx_uint_t            n;
    uint16_t              entry[NGX_SOPORTE_BOARD_ENTRIES];
} ngx_soporte_posted_t;


static ngx_int_t ngx_soporte_board_lock(ngx_soporte_zone_t *zone);
static void ngx_soporte_board_unlock(ngx_soporte_zone_t *zone);
static void ngx_soporte_board_repair(ngx_soporte_zone_t *zone);
static ngx_soporte_entry_t *ngx_soporte_board_entry(
    ngx_soporte_board_t *board, ngx_uint_t kind, uint32_t tenant);
static void ngx_soporte_board_write(ngx_soporte_entry_t *entry,
    const ngx_soporte_notice_t *notice);
static ngx_int_t ngx_soporte_board_copy(const ngx_soporte_entry_t *entry,
    ngx_soporte_notice_t *notice);
static void ngx_soporte_board_publish(ngx_soporte_zone_t *zone,
    uint32_t tenant);
static void ngx_soporte_board_collect(ngx_soporte_board_t *board,
    ngx_soporte_posted_t *posted);
static ngx_uint_t ngx_soporte_board_choose(ngx_soporte_board_t *board,
    const ngx_soporte_posted_t *posted, ngx_uint_t kind, uint32_t tenant);
static void ngx_soporte_board_publish_one(ngx_soporte_zone_t *zone,
    const ngx_soporte_posted_t *posted, ngx_soporte_tenant_t *tenant);


const char *const  ngx_soporte_phase_names[NGX_SOPORTE_PHASES] = {
    "detected",
    "diagnosis",
    "locating_backup",
    "verifying_backup",
    "database",
    "public_files",
    "private_files",
    "migration",
    "checks",
    "restored"
};


ngx_int_t
ngx_soporte_board_init(ngx_soporte_board_t *board)
{
    ngx_int_t            rc;
    pthread_mutexattr_t  attr;

    if (pthread_mutexattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
        && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0
        && pthread_mutex_init(&board->lock, &attr) == 0)
    {
        rc = NGX_OK;
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}


static ngx_int_t
ngx_soporte_board_lock(ngx_soporte_zone_t *zone)
{
    int              err;
    struct timespec  until;

    (void) clock_gettime(CLOCK_REALTIME, &until);

    until.tv_nsec += NGX_SOPORTE_BOARD_WAIT;

    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }

    err = pthread_mutex_timedlock(&zone->board->lock, &until);

    if (err == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&zone->board->lock);
        ngx_soporte_board_repair(zone);
        return NGX_OK;
    }

    return (err == 0) ? NGX_OK : NGX_BUSY;
}


static void
ngx_soporte_board_unlock(ngx_soporte_zone_t *zone)
{
    (void) pthread_mutex_unlock(&zone->board->lock);
}


/* the holder died in the middle: drop what it had not finished */

static void
ngx_soporte_board_repair(ngx_soporte_zone_t *zone)
{
    ngx_uint_t            i;
    ngx_soporte_entry_t  *entry;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        entry = &zone->board->entries[i];

        if (entry->seq & 1) {
            entry->notice.kind = NGX_SOPORTE_BOARD_NONE;
            ngx_soporte_release(&entry->seq, entry->seq + 1);
        }
    }

    ngx_soporte_board_publish(zone, NGX_SOPORTE_ALL);
}


static ngx_soporte_entry_t *
ngx_soporte_board_entry(ngx_soporte_board_t *board, ngx_uint_t kind,
    uint32_t tenant)
{
    ngx_uint_t            i;
    ngx_soporte_entry_t  *entry;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        entry = &board->entries[i];

        if (entry->notice.kind != kind) {
            continue;
        }

        if (kind == NGX_SOPORTE_BOARD_NONE
            || entry->notice.tenant == tenant)
        {
            return entry;
        }
    }

    return NULL;
}


ngx_int_t
ngx_soporte_board_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice)
{
    ngx_soporte_entry_t   *entry;
    ngx_soporte_notice_t   copy;

    copy = *notice;

    if (ngx_soporte_board_lock(zone) != NGX_OK) {
        return NGX_BUSY;
    }

    entry = ngx_soporte_board_entry(zone->board, notice->kind,
                                    notice->tenant);

    if (entry) {
        copy.began = entry->notice.began;

    } else {
        entry = ngx_soporte_board_entry(zone->board, NGX_SOPORTE_BOARD_NONE,
                                        0);
    }

    if (entry) {
        ngx_soporte_board_write(entry, &copy);
        ngx_soporte_board_publish(zone, notice->tenant);
    }

    ngx_soporte_board_unlock(zone);

    return entry ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_soporte_board_clear(ngx_soporte_zone_t *zone,
    ngx_soporte_board_kind_e kind, uint32_t tenant)
{
    ngx_soporte_entry_t   *entry;
    ngx_soporte_notice_t   none;

    ngx_memzero(&none, sizeof(ngx_soporte_notice_t));

    if (ngx_soporte_board_lock(zone) != NGX_OK) {
        return NGX_BUSY;
    }

    entry = ngx_soporte_board_entry(zone->board, kind, tenant);

    if (entry) {
        ngx_soporte_board_write(entry, &none);
        ngx_soporte_board_publish(zone, tenant);
    }

    ngx_soporte_board_unlock(zone);

    return entry ? NGX_OK : NGX_DECLINED;
}


static void
ngx_soporte_board_write(ngx_soporte_entry_t *entry,
    const ngx_soporte_notice_t *notice)
{
    ngx_soporte_store(&entry->seq, entry->seq + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    entry->notice = *notice;
    entry->version++;

    ngx_soporte_release(&entry->seq, entry->seq + 1);
}


/*
 * A writer that was stopped in the middle must not stop a reader: after some
 * tries the page is served without words.
 */

static ngx_int_t
ngx_soporte_board_copy(const ngx_soporte_entry_t *entry,
    ngx_soporte_notice_t *notice)
{
    uint32_t    seq;
    ngx_uint_t  tries;

    for (tries = 0; tries < NGX_SOPORTE_BOARD_TRIES; tries++) {
        seq = ngx_soporte_acquire(&entry->seq);

        if (seq & 1) {
            continue;
        }

        *notice = entry->notice;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_soporte_load(&entry->seq) == seq) {
            return (notice->kind == NGX_SOPORTE_BOARD_NONE) ? NGX_DECLINED
                                                            : NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_soporte_board_read(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, ngx_soporte_notice_t *notice)
{
    uint32_t  i;

    i = ngx_soporte_acquire(&tenant->board);

    if (i == 0 || i > NGX_SOPORTE_BOARD_ENTRIES) {
        return NGX_DECLINED;
    }

    return ngx_soporte_board_copy(&zone->board->entries[i - 1], notice);
}


ngx_int_t
ngx_soporte_board_find(const ngx_soporte_zone_t *zone,
    ngx_soporte_board_kind_e kind, uint32_t tenant,
    ngx_soporte_notice_t *notice)
{
    ngx_soporte_entry_t  *entry;

    entry = ngx_soporte_board_entry(zone->board, kind, tenant);

    if (entry == NULL || ngx_soporte_board_copy(entry, notice) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* it may have been written anew between the look and the copy */

    return (notice->kind == kind && notice->tenant == tenant) ? NGX_OK
                                                              : NGX_DECLINED;
}


/* after the words, before the slots: what _inherit() rests on */

static void
ngx_soporte_board_publish(ngx_soporte_zone_t *zone, uint32_t tenant)
{
    uint32_t              i, used;
    ngx_soporte_posted_t  posted;

    (void) __atomic_add_fetch(&zone->board->generation, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    ngx_soporte_board_collect(zone->board, &posted);

    if (tenant != NGX_SOPORTE_ALL) {
        ngx_soporte_board_publish_one(zone, &posted,
                                      ngx_soporte_tenant(zone, tenant));
        return;
    }

    used = ngx_soporte_acquire(&zone->header->used);

    for (i = 1; i < used; i++) {
        ngx_soporte_board_publish_one(zone, &posted,
                                      ngx_soporte_tenant(zone, i));
    }
}


static void
ngx_soporte_board_collect(ngx_soporte_board_t *board,
    ngx_soporte_posted_t *posted)
{
    ngx_uint_t  i;

    posted->n = 0;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        if (board->entries[i].notice.kind != NGX_SOPORTE_BOARD_NONE) {
            posted->entry[posted->n++] = i;
        }
    }
}


/* entry + 1 of the tenant's own notice, else of the one for all, else 0 */

static ngx_uint_t
ngx_soporte_board_choose(ngx_soporte_board_t *board,
    const ngx_soporte_posted_t *posted, ngx_uint_t kind, uint32_t tenant)
{
    ngx_uint_t             i, all;
    ngx_soporte_notice_t  *notice;

    all = 0;

    for (i = 0; i < posted->n; i++) {
        notice = &board->entries[posted->entry[i]].notice;

        if (notice->kind != kind) {
            continue;
        }

        if (notice->tenant == tenant) {
            return posted->entry[i] + 1;
        }

        if (notice->tenant == NGX_SOPORTE_ALL) {
            all = posted->entry[i] + 1;
        }
    }

    return all;
}


static void
ngx_soporte_board_publish_one(ngx_soporte_zone_t *zone,
    const ngx_soporte_posted_t *posted, ngx_soporte_tenant_t *tenant)
{
    uint32_t    slot;
    ngx_uint_t  entry, gate;

    slot = ngx_soporte_tenant_index(zone, tenant);

    gate = NGX_SOPORTE_GATE_RESTORE;
    entry = ngx_soporte_board_choose(zone->board, posted,
                                     NGX_SOPORTE_BOARD_RESTORE, slot);

    if (entry == 0) {
        gate = NGX_SOPORTE_GATE_MAINTENANCE;
        entry = ngx_soporte_board_choose(zone->board, posted,
                                         NGX_SOPORTE_BOARD_MAINTENANCE, slot);
    }

    if (entry == 0) {
        gate = NGX_SOPORTE_GATE_OPEN;
    }

    ngx_soporte_store(&tenant->board, entry);
    ngx_soporte_release(&tenant->gate, gate);
}


void
ngx_soporte_board_inherit(ngx_soporte_zone_t *zone,
    ngx_soporte_tenant_t *tenant)
{
    uint64_t              generation;
    ngx_soporte_posted_t  posted;

    /*
     * Without the lock.  A word that comes at this very moment is published
     * to all slots given by then; if that was before we wrote what we had
     * read without it, the generation has moved.
     */

    do {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        generation = ngx_soporte_acquire(&zone->board->generation);

        ngx_soporte_board_collect(zone->board, &posted);
        ngx_soporte_board_publish_one(zone, &posted, tenant);

        __atomic_thread_fence(__ATOMIC_SEQ_CST);

    } while (ngx_soporte_acquire(&zone->board->generation) != generation);
}


void
ngx_soporte_board_tick(ngx_soporte_zone_t *zone, int64_t now)
{
    ngx_uint_t             i;
    ngx_soporte_entry_t   *entry;
    ngx_soporte_notice_t   notice;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        entry = &zone->board->entries[i];

        if (entry->notice.kind != NGX_SOPORTE_BOARD_MAINTENANCE
            || entry->notice.ends == 0
            || entry->notice.ends > now)
        {
            continue;
        }

        if (ngx_soporte_board_copy(entry, &notice) == NGX_OK
            && notice.kind == NGX_SOPORTE_BOARD_MAINTENANCE
            && notice.ends && notice.ends <= now)
        {
            (void) ngx_soporte_board_clear(zone,
                                           NGX_SOPORTE_BOARD_MAINTENANCE,
                                           notice.tenant);
        }
    }
}
