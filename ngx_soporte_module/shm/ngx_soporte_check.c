
/*
 * Walks the file once: header, chains, slots, board.  No index of it is
 * followed before it was held against what is there.
 */

#include "ngx_soporte_check.h"
#include "ngx_soporte_tenant.h"

#include <stdarg.h>
#include <stdio.h>


/* minutes of a month of 31 days, one of them with 25 hours */
#define NGX_SOPORTE_CHECK_MONTH  (31 * 1440 + 60)


static ngx_int_t ngx_soporte_check_fail(ngx_soporte_check_t *check,
    const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static ngx_int_t ngx_soporte_check_header(const ngx_soporte_zone_t *zone,
    size_t size, ngx_soporte_check_t *check);
static ngx_int_t ngx_soporte_check_chain(const ngx_soporte_zone_t *zone,
    ngx_uint_t bucket, ngx_soporte_check_t *check);
static ngx_int_t ngx_soporte_check_link(const ngx_soporte_zone_t *zone,
    ngx_uint_t bucket, uint32_t slot, ngx_soporte_check_t *check);
static const char *ngx_soporte_check_history(
    const ngx_soporte_history_t *history);
static ngx_int_t ngx_soporte_check_board(const ngx_soporte_zone_t *zone,
    ngx_soporte_check_t *check);
static ngx_uint_t ngx_soporte_check_still(const uint32_t *seq,
    uint32_t before);


static ngx_int_t
ngx_soporte_check_fail(ngx_soporte_check_t *check, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(check->text, sizeof(check->text), fmt, args);
    va_end(args);

    return NGX_ERROR;
}


ngx_int_t
ngx_soporte_check(const ngx_soporte_zone_t *zone, size_t size,
    ngx_soporte_check_t *check)
{
    uint32_t                     used, i;
    ngx_uint_t                   bucket;
    const char                  *what;
    const ngx_soporte_tenant_t  *tenant;

    ngx_memzero(check, sizeof(ngx_soporte_check_t));

    if (ngx_soporte_check_header(zone, size, check) != NGX_OK) {
        return NGX_ERROR;
    }

    for (bucket = 0; bucket < NGX_SOPORTE_ZONE_BUCKETS; bucket++) {
        if (ngx_soporte_check_chain(zone, bucket, check) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    used = ngx_soporte_acquire(&zone->header->used);

    for (i = 0; i < used; i++) {
        tenant = ngx_soporte_tenant(zone, i);

        if (!(ngx_soporte_acquire(&tenant->flags)
              & NGX_SOPORTE_TENANT_READY))
        {
            continue;
        }

        what = ngx_soporte_check_tenant(tenant);

        if (what) {
            return ngx_soporte_check_fail(check, "slot %u: %s", i, what);
        }
    }

    /* the rest's is in no chain */

    check->idle = (used - 1 > check->tenants) ? used - 1 - check->tenants : 0;

    return ngx_soporte_check_board(zone, check);
}


static ngx_int_t
ngx_soporte_check_header(const ngx_soporte_zone_t *zone, size_t size,
    ngx_soporte_check_t *check)
{
    uint32_t                     capacity;
    const ngx_soporte_header_t  *header;
    const ngx_soporte_tenant_t  *other;

    header = zone->header;

    if (header->magic != NGX_SOPORTE_ZONE_MAGIC
        || header->version != NGX_SOPORTE_ZONE_VERSION
        || header->slot_size != sizeof(ngx_soporte_tenant_t)
        || header->slots != (size_t) (zone->slots - (u_char *) header))
    {
        return ngx_soporte_check_fail(check, "header: of another layout");
    }

    capacity = ngx_soporte_acquire(&header->capacity);

    if (capacity == 0
        || header->slots + (uint64_t) capacity * header->slot_size > size)
    {
        return ngx_soporte_check_fail(check, "header: %u slots are more than "
                                      "the file has", capacity);
    }

    if (ngx_soporte_load(&header->dynamic) > capacity
        || ngx_soporte_load(&header->used) == 0
        || ngx_soporte_load(&header->used) > capacity)
    {
        return ngx_soporte_check_fail(check, "header: more slots are given "
                                      "than there are");
    }

    if (ngx_soporte_load(&header->nterms) == 0
        || ngx_soporte_load(&header->nterms) > NGX_SOPORTE_TERMS)
    {
        return ngx_soporte_check_fail(check, "header: its list of terms");
    }

    if (ngx_soporte_load(&header->gap_from)
        > ngx_soporte_load(&header->gap_to))
    {
        return ngx_soporte_check_fail(check, "header: the gap ends before "
                                      "it begins");
    }

    other = ngx_soporte_tenant(zone, NGX_SOPORTE_OTHER);

    if (!(other->flags & NGX_SOPORTE_TENANT_READY)
        || other->len != sizeof(NGX_SOPORTE_OTHER_KEY) - 1
        || ngx_memcmp(other->key, NGX_SOPORTE_OTHER_KEY, other->len) != 0)
    {
        return ngx_soporte_check_fail(check, "slot 0: not that of the rest");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_check_chain(const ngx_soporte_zone_t *zone, ngx_uint_t bucket,
    ngx_soporte_check_t *check)
{
    uint32_t                     slot, used;
    ngx_uint_t                   n;
    const ngx_soporte_tenant_t  *a, *b;

    n = 0;
    slot = ngx_soporte_acquire(&zone->buckets[bucket]);

    /* a slot that is in it was given before it was linked */

    used = ngx_soporte_acquire(&zone->header->used);

    while (slot) {

        if (slot >= used || n++ >= used) {
            return ngx_soporte_check_fail(check, slot >= used
                                          ? "bucket %u: a slot that was not "
                                            "given"
                                          : "bucket %u: its chain has no end",
                                          (unsigned) bucket);
        }

        if (ngx_soporte_check_link(zone, bucket, slot, check) != NGX_OK) {
            return NGX_ERROR;
        }

        slot = ngx_soporte_tenant(zone, slot)->next;
    }

    check->tenants += n;

    /* one key has one slot; chains are short */

    for (slot = n ? zone->buckets[bucket] : 0; slot; slot = a->next) {
        a = ngx_soporte_tenant(zone, slot);

        for (used = a->next; used; used = b->next) {
            b = ngx_soporte_tenant(zone, used);

            if (a->len == b->len && ngx_memcmp(a->key, b->key, a->len) == 0) {
                return ngx_soporte_check_fail(check, "slots %u and %u: the "
                                              "same key", slot, used);
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_check_link(const ngx_soporte_zone_t *zone, ngx_uint_t bucket,
    uint32_t slot, ngx_soporte_check_t *check)
{
    u_char                       key[NGX_SOPORTE_KEY_MAX];
    const ngx_soporte_tenant_t  *t;

    t = ngx_soporte_tenant(zone, slot);

    if (!(t->flags & NGX_SOPORTE_TENANT_READY)) {
        return ngx_soporte_check_fail(check, "slot %u: linked without a key",
                                      slot);
    }

    if (t->len > NGX_SOPORTE_KEY_MAX
        || ngx_soporte_tenant_key(key, t->key, t->len) != NGX_OK
        || ngx_memcmp(key, t->key, t->len) != 0)
    {
        return ngx_soporte_check_fail(check, "slot %u: its key is none", slot);
    }

    if (t->hash != ngx_soporte_tenant_hash(t->key, t->len)
        || t->hash % NGX_SOPORTE_ZONE_BUCKETS != bucket)
    {
        return ngx_soporte_check_fail(check, "slot %u: in another's bucket",
                                      slot);
    }

    return NGX_OK;
}


const char *
ngx_soporte_check_tenant(const ngx_soporte_tenant_t *t)
{
    if (t->len == 0 || t->len > NGX_SOPORTE_KEY_MAX) {
        return "the length of its key";
    }

    if (t->flags & ~(NGX_SOPORTE_TENANT_READY|NGX_SOPORTE_TENANT_DYNAMIC)) {
        return "its flags";
    }

    if (ngx_soporte_load(&t->unfiled) & ~NGX_SOPORTE_TENANT_BACKUPS) {
        return "its marks of backups";
    }

    if (ngx_soporte_load(&t->gate) > NGX_SOPORTE_GATE_RESTORE) {
        return "its gate";
    }

    if (ngx_soporte_load(&t->board) > NGX_SOPORTE_BOARD_ENTRIES
        || ngx_soporte_load(&t->chain) > NGX_SOPORTE_BOARD_ENTRIES)
    {
        return "its entry of the board";
    }

    if (ngx_soporte_load(&t->state) >= NGX_SOPORTE_STATES) {
        return "its state";
    }

    if (t->began < 0 || t->since < 0 || t->began > NGX_MAX_UINT32_VALUE
        || t->since > NGX_MAX_UINT32_VALUE
        || t->judged > NGX_MAX_UINT32_VALUE / 60)
    {
        return "its instants";
    }

    if (t->detect.state > NGX_SOPORTE_DETECT_RECOVERING
        || t->detect.cause > NGX_SOPORTE_CAUSE_STOPPED)
    {
        return "its detection";
    }

    return ngx_soporte_check_history(&t->history);
}


static const char *
ngx_soporte_check_history(const ngx_soporte_history_t *history)
{
    ngx_uint_t                      i, k;
    const ngx_soporte_month_t      *month;
    const ngx_soporte_hist_mark_t  *mark;

    if (history->slots.newest
        > NGX_MAX_UINT32_VALUE / NGX_SOPORTE_SLOT_SECONDS)
    {
        return "its newest slot";
    }

    for (i = 0; i < NGX_SOPORTE_HIST_WINDOWS; i++) {
        for (k = 0; k < 2; k++) {
            mark = &history->hist.mark[i][k];

            if (mark->shift > 31) {
                return "its windows of latencies";
            }
        }
    }

    for (i = 0; i < 2; i++) {
        month = &history->month[i];

        if (month->sealed > NGX_SOPORTE_CHECK_MONTH
            || month->degraded > NGX_SOPORTE_CHECK_MONTH
            || month->excluded > NGX_SOPORTE_CHECK_MONTH
            || month->outage > NGX_SOPORTE_CHECK_MONTH * 60)
        {
            return "the minutes of a month";
        }

        for (k = 0; k < NGX_SOPORTE_READINGS; k++) {
            if (month->down[k] > NGX_SOPORTE_CHECK_MONTH
                || month->unknown[k] > NGX_SOPORTE_CHECK_MONTH)
            {
                return "the minutes of a month";
            }
        }
    }

    if (history->days.newest > NGX_MAX_UINT32_VALUE / 86400
        || history->days.first > NGX_MAX_UINT32_VALUE / 86400)
    {
        return "its days";
    }

    return NULL;
}


/* what is half-written, the next one to have the lock drops */

static ngx_int_t
ngx_soporte_check_board(const ngx_soporte_zone_t *zone,
    ngx_soporte_check_t *check)
{
    uint32_t                     seq;
    ngx_uint_t                   i;
    const char                  *what;
    const ngx_soporte_board_t   *board;
    const ngx_soporte_entry_t   *entry;
    const ngx_soporte_update_t  *update;

    board = zone->board;

    if (ngx_soporte_load(&board->all) > NGX_SOPORTE_BOARD_ENTRIES) {
        return ngx_soporte_check_fail(check, "board: its first entry");
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        entry = &board->entries[i];
        seq = ngx_soporte_acquire(&entry->seq);

        what = (ngx_soporte_load(&entry->next) > NGX_SOPORTE_BOARD_ENTRIES)
               ? "the next of its tenant"
               : ngx_soporte_check_notice(zone, &entry->notice);

        if (what && ngx_soporte_check_still(&entry->seq, seq)) {
            return ngx_soporte_check_fail(check, "entry %u of the board: %s",
                                          (unsigned) i, what);
        }

        check->notices += (entry->notice.kind != NGX_SOPORTE_BOARD_NONE);
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        update = &board->updates[i].update;
        seq = ngx_soporte_acquire(&board->updates[i].seq);

        if (ngx_soporte_check_update(update) != NULL
            && ngx_soporte_check_still(&board->updates[i].seq, seq))
        {
            return ngx_soporte_check_fail(check, "update %u of the board",
                                          (unsigned) i);
        }
    }

    return NGX_OK;
}


/* whether what was found wrong lay still while it was looked at */

static ngx_uint_t
ngx_soporte_check_still(const uint32_t *seq, uint32_t before)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return !(before & 1) && ngx_soporte_load(seq) == before;
}


const char *
ngx_soporte_check_notice(const ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice)
{
    if (notice->kind == NGX_SOPORTE_BOARD_NONE) {
        return NULL;
    }

    if (notice->kind > NGX_SOPORTE_BOARD_INCIDENT) {
        return "its kind";
    }

    if (notice->tenant < NGX_SOPORTE_UPSTREAM
        && notice->tenant >= ngx_soporte_acquire(&zone->header->used))
    {
        return "its tenant";
    }

    if (notice->title_len > NGX_SOPORTE_BOARD_TITLE
        || notice->message_len > NGX_SOPORTE_BOARD_MESSAGE)
    {
        return "the length of its words";
    }

    if (notice->phase >= NGX_SOPORTE_PHASES
        || notice->progress < -1 || notice->progress > 100)
    {
        return "its phase or progress";
    }

    if (notice->impact >= NGX_SOPORTE_IMPACTS
        || notice->status >= NGX_SOPORTE_STATUSES
        || notice->cause > NGX_SOPORTE_CAUSE_STOPPED)
    {
        return "its impact, status or cause";
    }

    return NULL;
}


const char *
ngx_soporte_check_update(const ngx_soporte_update_t *update)
{
    return (update->message_len > NGX_SOPORTE_BOARD_MESSAGE
            || update->status >= NGX_SOPORTE_STATUSES)
           ? "the length of its message, or its status" : NULL;
}
