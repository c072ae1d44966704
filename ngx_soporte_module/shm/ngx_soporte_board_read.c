
/*
 * Reads the board without its lock: an entry is copied, and copied again if
 * it was written meanwhile.
 */

#include "ngx_soporte_board.h"
#include "ngx_soporte_tenant.h"


#define NGX_SOPORTE_BOARD_TRIES  1000        /* of a reader, then it gives up */


static ngx_int_t ngx_soporte_board_copy(const uint32_t *seq, void *dst,
    const void *src, size_t size);
static ngx_int_t ngx_soporte_board_entry(const ngx_soporte_board_t *board,
    ngx_uint_t i, ngx_soporte_notice_t *notice);
static uint32_t ngx_soporte_board_first(const ngx_soporte_zone_t *zone,
    uint32_t tenant);
static ngx_int_t ngx_soporte_board_walk(const ngx_soporte_zone_t *zone,
    uint32_t tenant, ngx_uint_t kind, int64_t now, uint32_t *at,
    ngx_soporte_notice_t *notice);
static ngx_uint_t ngx_soporte_board_announced(const ngx_soporte_zone_t *zone,
    uint32_t tenant, int64_t now, int64_t ahead);


const char *const  ngx_soporte_kind_names[4] = {
    "none",
    "maintenance",
    "restore",
    "incident"
};


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


const char *const  ngx_soporte_impact_names[NGX_SOPORTE_IMPACTS] = {
    "none",
    "minor",
    "major",
    "critical"
};


const char *const  ngx_soporte_status_names[NGX_SOPORTE_STATUSES] = {
    "investigating",
    "identified",
    "monitoring",
    "resolved"
};


/*
 * A writer that was stopped in the middle must not stop a reader: after some
 * tries the page is served without words.
 */

static ngx_int_t
ngx_soporte_board_copy(const uint32_t *seq, void *dst, const void *src,
    size_t size)
{
    uint32_t    n;
    ngx_uint_t  tries;

    for (tries = 0; tries < NGX_SOPORTE_BOARD_TRIES; tries++) {
        n = ngx_soporte_acquire(seq);

        if (n & 1) {
            continue;
        }

        ngx_memcpy(dst, src, size);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_soporte_load(seq) == n) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_soporte_board_entry(const ngx_soporte_board_t *board, ngx_uint_t i,
    ngx_soporte_notice_t *notice)
{
    const ngx_soporte_entry_t  *entry;

    entry = &board->entries[i];

    if (ngx_soporte_board_copy(&entry->seq, notice, &entry->notice,
                               sizeof(ngx_soporte_notice_t)) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return (notice->kind == NGX_SOPORTE_BOARD_NONE) ? NGX_DECLINED : NGX_OK;
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

    if (ngx_soporte_board_entry(zone->board, i - 1, notice) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* an entry that was given to another since has words of another */

    return (notice->tenant == NGX_SOPORTE_ALL
            || notice->tenant == ngx_soporte_tenant_index(zone, tenant))
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_soporte_board_next(const ngx_soporte_zone_t *zone, ngx_uint_t *i,
    ngx_soporte_notice_t *notice)
{
    ngx_uint_t    n;

    static const u_char  none[NGX_SOPORTE_ID_LEN];

    while (*i < NGX_SOPORTE_BOARD_ENTRIES) {
        n = (*i)++;

        if (ngx_memcmp(zone->board->ids[n], none, sizeof(none)) != 0
            && ngx_soporte_board_entry(zone->board, n, notice) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    return NGX_DONE;
}


ngx_int_t
ngx_soporte_board_said(const ngx_soporte_zone_t *zone, ngx_uint_t *i,
    ngx_soporte_update_t *update)
{
    const ngx_soporte_said_t  *said;

    while (*i < NGX_SOPORTE_BOARD_UPDATES) {
        said = &zone->board->updates[(*i)++];

        if (said->update.at
            && ngx_soporte_board_copy(&said->seq, update, &said->update,
                                      sizeof(ngx_soporte_update_t)) == NGX_OK
            && update->at)
        {
            return NGX_OK;
        }
    }

    return NGX_DONE;
}


ngx_int_t
ngx_soporte_board_get(const ngx_soporte_zone_t *zone, const u_char *id,
    ngx_soporte_notice_t *notice)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {

        if (ngx_memcmp(zone->board->ids[i], id, NGX_SOPORTE_ID_LEN) == 0
            && ngx_soporte_board_entry(zone->board, i, notice) == NGX_OK
            && ngx_memcmp(notice->id, id, NGX_SOPORTE_ID_LEN) == 0)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static uint32_t
ngx_soporte_board_first(const ngx_soporte_zone_t *zone, uint32_t tenant)
{
    if (tenant == NGX_SOPORTE_ALL) {
        return ngx_soporte_acquire(&zone->board->all);
    }

    return (tenant == NGX_SOPORTE_UPSTREAM)
           ? ngx_soporte_acquire(&zone->board->upstreams)
           : ngx_soporte_acquire(&ngx_soporte_tenant(zone, tenant)->chain);
}


/*
 * An entry given to somebody else meanwhile leads into another chain: its
 * notices are passed over, and the low half of *at bounds the steps.  Of a
 * kind, what is over is passed over without being copied; the caller looks at
 * the copy once more.
 */

static ngx_int_t
ngx_soporte_board_walk(const ngx_soporte_zone_t *zone, uint32_t tenant,
    ngx_uint_t kind, int64_t now, uint32_t *at, ngx_soporte_notice_t *notice)
{
    uint32_t                    i, steps;
    const ngx_soporte_entry_t  *entry;

    i = *at >> 16;
    steps = *at & 0xffff;

    i = (steps == 0) ? ngx_soporte_board_first(zone, tenant)
                     : ngx_soporte_acquire(&zone->board->entries[i - 1].next);

    while (i && i <= NGX_SOPORTE_BOARD_ENTRIES
           && ++steps <= NGX_SOPORTE_BOARD_ENTRIES)
    {
        entry = &zone->board->entries[i - 1];

        if ((kind == NGX_SOPORTE_BOARD_NONE
             || (entry->notice.kind == kind
                 && !ngx_soporte_notice_over(&entry->notice, now)))
            && ngx_soporte_board_entry(zone->board, i - 1, notice) == NGX_OK
            && notice->tenant == tenant)
        {
            *at = i << 16 | steps;
            return NGX_OK;
        }

        i = ngx_soporte_acquire(&entry->next);
    }

    return NGX_DONE;
}


ngx_int_t
ngx_soporte_board_each(const ngx_soporte_zone_t *zone, uint32_t tenant,
    uint32_t *at, ngx_soporte_notice_t *notice)
{
    return ngx_soporte_board_walk(zone, tenant, NGX_SOPORTE_BOARD_NONE, 0, at,
                                  notice);
}


ngx_int_t
ngx_soporte_board_current(const ngx_soporte_zone_t *zone, ngx_uint_t kind,
    uint32_t tenant, int64_t now, ngx_soporte_notice_t *notice)
{
    uint32_t              at;
    ngx_uint_t            found;
    ngx_soporte_notice_t  copy;

    at = 0;
    found = 0;

    while (ngx_soporte_board_walk(zone, tenant, kind, now, &at, &copy)
           == NGX_OK)
    {
        if (copy.kind == kind
            && ngx_soporte_notice_holds(&copy, now)
            && (!found || ngx_soporte_notice_compare(&copy, notice) > 0))
        {
            *notice = copy;
            found = 1;
        }
    }

    return found ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_soporte_board_timeline(const ngx_soporte_zone_t *zone, const u_char *id,
    ngx_soporte_update_t *updates, ngx_uint_t max)
{
    ngx_uint_t                 i, n, at;
    ngx_soporte_update_t       copy;
    const ngx_soporte_said_t  *said;

    n = 0;

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        said = &zone->board->updates[i];

        if (ngx_memcmp(said->update.id, id, NGX_SOPORTE_ID_LEN) != 0
            || ngx_soporte_board_copy(&said->seq, &copy, &said->update,
                                      sizeof(ngx_soporte_update_t)) != NGX_OK
            || ngx_memcmp(copy.id, id, NGX_SOPORTE_ID_LEN) != 0)
        {
            continue;
        }

        /* by insertion; with more than max the oldest go */

        for (at = n; at && updates[at - 1].version < copy.version; at--) {
            if (at < max) {
                updates[at] = updates[at - 1];
            }
        }

        if (at < max) {
            updates[at] = copy;
            n = ngx_min(n + 1, max);
        }
    }

    return n;
}


ngx_uint_t
ngx_soporte_board_holds(const ngx_soporte_zone_t *zone, const u_char *id,
    uint64_t version, ngx_uint_t step)
{
    ngx_uint_t                   i;
    ngx_soporte_notice_t         notice;
    const ngx_soporte_update_t  *update;

    if (ngx_soporte_board_get(zone, id, &notice) != NGX_OK
        || notice.version < version)
    {
        return 0;
    }

    if (!step || notice.version == version) {
        return 1;
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        update = &zone->board->updates[i].update;

        if (ngx_soporte_load(&update->version) == version
            && ngx_memcmp(update->id, id, NGX_SOPORTE_ID_LEN) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_soporte_board_planned(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, int64_t now, int64_t ahead)
{
    return ngx_soporte_board_announced(zone, NGX_SOPORTE_ALL, now, ahead)
           || ngx_soporte_board_announced(zone,
                          ngx_soporte_tenant_index(zone, tenant), now, ahead);
}


static ngx_uint_t
ngx_soporte_board_announced(const ngx_soporte_zone_t *zone, uint32_t tenant,
    int64_t now, int64_t ahead)
{
    uint32_t              at;
    ngx_soporte_notice_t  notice;

    at = 0;

    while (ngx_soporte_board_walk(zone, tenant, NGX_SOPORTE_BOARD_MAINTENANCE,
                                  now, &at, &notice) == NGX_OK)
    {
        if (notice.kind == NGX_SOPORTE_BOARD_MAINTENANCE
            && ngx_soporte_notice_holds(&notice, now)
            && ngx_soporte_month_announced(notice.announced, notice.began,
                                           ahead))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_soporte_notice_over(const ngx_soporte_notice_t *notice, int64_t now)
{
    return notice->ended
           || (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE
               && notice->ends && notice->ends <= now);
}


ngx_uint_t
ngx_soporte_notice_holds(const ngx_soporte_notice_t *notice, int64_t now)
{
    /* nodes' clocks differ a little; what a window alone has to wait for */

    return (notice->kind != NGX_SOPORTE_BOARD_MAINTENANCE
            || notice->began <= now)
           && !ngx_soporte_notice_over(notice, now);
}


ngx_uint_t
ngx_soporte_notice_duplicate(const ngx_soporte_notice_t *notice)
{
    return notice->kind == NGX_SOPORTE_BOARD_INCIDENT
           && (notice->flags & NGX_SOPORTE_NOTICE_DETECTED)
           && notice->ended == notice->began;
}


ngx_uint_t
ngx_soporte_notice_called_off(const ngx_soporte_notice_t *notice)
{
    if (notice->ended == 0) {
        return 0;
    }

    /* what began and ended within a second did begin, unless it was ahead */

    return notice->ended < notice->began
           || (notice->ended == notice->began
               && notice->announced < notice->began);
}


int
ngx_soporte_notice_compare(const ngx_soporte_notice_t *a,
    const ngx_soporte_notice_t *b)
{
    int64_t  x, y;

    /* without an announced end it ends last */

    x = a->ends ? a->ends : INT64_MAX;
    y = b->ends ? b->ends : INT64_MAX;

    if (x == y) {
        x = a->began;
        y = b->began;
    }

    if (x == y) {
        return ngx_memcmp(a->id, b->id, NGX_SOPORTE_ID_LEN);
    }

    return (x > y) ? 1 : -1;
}


int64_t
ngx_soporte_notice_deadline(const ngx_soporte_notice_t *notice)
{
    return (notice->failed ? notice->failed : notice->began)
           + NGX_SOPORTE_RESTORE_LIMIT;
}
