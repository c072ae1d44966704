
/*
 * Writes the board's entries and publishes them into the slots, where the
 * gate looks.
 *
 * The notices of a tenant, and those for all, are chained through the
 * entries: so 10,000 slots are published in a moment.  Chains are changed
 * under the lock alone and are made anew where its holder died.
 */

#include "ngx_soporte_board.h"
#include "ngx_soporte_tenant.h"

#include <time.h>


#define NGX_SOPORTE_BOARD_WAIT   20000000    /* ns that a writer waits */


/* what speaks for a tenant: entry + 1 or 0, and what its gate does then */

typedef struct {
    uint32_t              entry;
    uint32_t              gate;
} ngx_soporte_speaker_t;


static ngx_int_t ngx_soporte_board_lock(ngx_soporte_zone_t *zone,
    int64_t now);
static void ngx_soporte_board_unlock(ngx_soporte_zone_t *zone);
static void ngx_soporte_board_repair(ngx_soporte_zone_t *zone, int64_t now);
static uint32_t *ngx_soporte_board_chain(ngx_soporte_zone_t *zone,
    uint32_t tenant);
static void ngx_soporte_board_link(ngx_soporte_zone_t *zone, ngx_uint_t i);
static void ngx_soporte_board_unlink(ngx_soporte_zone_t *zone, ngx_uint_t i);
static ngx_int_t ngx_soporte_board_place(ngx_soporte_zone_t *zone,
    const u_char *id, int64_t now);
static ngx_int_t ngx_soporte_board_oldest(ngx_soporte_zone_t *zone,
    int64_t now);
static void ngx_soporte_board_trim(ngx_soporte_zone_t *zone, uint32_t tenant,
    int64_t now);
static void ngx_soporte_board_drop(ngx_soporte_zone_t *zone, ngx_uint_t i);
static void ngx_soporte_board_write(ngx_soporte_zone_t *zone, ngx_uint_t i,
    const ngx_soporte_notice_t *notice);
static ngx_uint_t ngx_soporte_board_news(const ngx_soporte_notice_t *old,
    const ngx_soporte_notice_t *notice);
static ngx_int_t ngx_soporte_board_add(ngx_soporte_board_t *board,
    const ngx_soporte_update_t *update);
static ngx_uint_t ngx_soporte_board_sooner(const ngx_soporte_update_t *a,
    const ngx_soporte_update_t *b);
static void ngx_soporte_board_expect(ngx_soporte_board_t *board,
    const ngx_soporte_notice_t *notice, int64_t now);
static void ngx_soporte_board_publish(ngx_soporte_zone_t *zone,
    uint32_t tenant, int64_t now);
static void ngx_soporte_board_publish_one(ngx_soporte_zone_t *zone,
    const ngx_soporte_speaker_t *all, ngx_soporte_tenant_t *tenant,
    int64_t now);
static void ngx_soporte_board_speaker(ngx_soporte_board_t *board,
    uint32_t first, int64_t now, ngx_soporte_speaker_t *speaker);
static ngx_uint_t ngx_soporte_board_gate(const ngx_soporte_notice_t *notice,
    int64_t now);


static const u_char  ngx_soporte_board_free[NGX_SOPORTE_ID_LEN];


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

    board->due = INT64_MAX;

    return rc;
}


static ngx_int_t
ngx_soporte_board_lock(ngx_soporte_zone_t *zone, int64_t now)
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
        ngx_soporte_board_repair(zone, now);
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
ngx_soporte_board_repair(ngx_soporte_zone_t *zone, int64_t now)
{
    uint32_t              n, used;
    ngx_uint_t            i;
    ngx_soporte_said_t   *said;
    ngx_soporte_board_t  *board;
    ngx_soporte_entry_t  *entry;

    board = zone->board;
    used = ngx_soporte_acquire(&zone->header->used);

    for (n = 1; n < used; n++) {
        ngx_soporte_release(&ngx_soporte_tenant(zone, n)->chain, 0);
    }

    ngx_soporte_release(&board->all, 0);
    ngx_soporte_release(&board->upstreams, 0);
    board->due = INT64_MAX;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        entry = &board->entries[i];

        if (entry->seq & 1) {
            ngx_memzero(&entry->notice, sizeof(ngx_soporte_notice_t));
            ngx_soporte_release(&entry->seq, entry->seq + 1);
        }

        if (entry->notice.kind == NGX_SOPORTE_BOARD_NONE) {
            ngx_memzero(board->ids[i], NGX_SOPORTE_ID_LEN);
            continue;
        }

        ngx_memcpy(board->ids[i], entry->notice.id, NGX_SOPORTE_ID_LEN);
        ngx_soporte_board_link(zone, i);
        ngx_soporte_board_expect(board, &entry->notice, now);
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        said = &board->updates[i];

        if (said->seq & 1) {
            ngx_memzero(&said->update, sizeof(ngx_soporte_update_t));
            ngx_soporte_release(&said->seq, said->seq + 1);
        }
    }

    ngx_soporte_board_publish(zone, NGX_SOPORTE_ALL, now);
}


static uint32_t *
ngx_soporte_board_chain(ngx_soporte_zone_t *zone, uint32_t tenant)
{
    if (tenant == NGX_SOPORTE_ALL) {
        return &zone->board->all;
    }

    return (tenant == NGX_SOPORTE_UPSTREAM)
           ? &zone->board->upstreams
           : &ngx_soporte_tenant(zone, tenant)->chain;
}


static void
ngx_soporte_board_link(ngx_soporte_zone_t *zone, ngx_uint_t i)
{
    uint32_t             *head;
    ngx_soporte_entry_t  *entry;

    entry = &zone->board->entries[i];
    head = ngx_soporte_board_chain(zone, entry->notice.tenant);

    ngx_soporte_store(&entry->next, *head);
    ngx_soporte_release(head, (uint32_t) i + 1);
}


static void
ngx_soporte_board_unlink(ngx_soporte_zone_t *zone, ngx_uint_t i)
{
    uint32_t             *link;
    ngx_uint_t            steps;
    ngx_soporte_entry_t  *entry;

    entry = &zone->board->entries[i];
    link = ngx_soporte_board_chain(zone, entry->notice.tenant);

    for (steps = 0; *link && steps < NGX_SOPORTE_BOARD_ENTRIES; steps++) {

        if (*link == i + 1) {
            ngx_soporte_release(link, entry->next);
            return;
        }

        link = &zone->board->entries[*link - 1].next;
    }
}


ngx_int_t
ngx_soporte_board_merge(ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice, int64_t now)
{
    ngx_int_t              i, rc;
    ngx_soporte_board_t   *board;
    ngx_soporte_notice_t  *old;

    board = zone->board;

    if (ngx_soporte_board_lock(zone, now) != NGX_OK) {
        return NGX_BUSY;
    }

    i = ngx_soporte_board_place(zone, notice->id, now);

    if (i == NGX_DECLINED) {
        rc = NGX_DECLINED;
        goto done;
    }

    old = &board->entries[i].notice;

    /* whose it is and what it is never change */

    if (old->kind != NGX_SOPORTE_BOARD_NONE
        && (old->version >= notice->version
            || old->kind != notice->kind
            || old->tenant != notice->tenant))
    {
        rc = NGX_DONE;
        goto done;
    }

    ngx_soporte_board_write(zone, i, notice);
    ngx_soporte_board_trim(zone, notice->tenant, now);
    ngx_soporte_board_expect(board, notice, now);
    ngx_soporte_board_publish(zone, notice->tenant, now);

    rc = NGX_OK;

done:

    ngx_soporte_board_unlock(zone);

    return rc;
}


/* that of the id; else a free one, else that of the notice longest over */

static ngx_int_t
ngx_soporte_board_place(ngx_soporte_zone_t *zone, const u_char *id,
    int64_t now)
{
    ngx_int_t             unused;
    ngx_uint_t            i;
    ngx_soporte_board_t  *board;

    board = zone->board;
    unused = NGX_DECLINED;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {

        if (ngx_memcmp(board->ids[i], id, NGX_SOPORTE_ID_LEN) == 0) {
            return i;
        }

        if (unused == NGX_DECLINED
            && ngx_memcmp(board->ids[i], ngx_soporte_board_free,
                          NGX_SOPORTE_ID_LEN) == 0)
        {
            unused = i;
        }
    }

    if (unused != NGX_DECLINED) {
        return unused;
    }

    /* who wants to say much comes again and again: nothing is over since */

    if (board->full == board->generation && board->full_at == now) {
        return NGX_DECLINED;
    }

    unused = ngx_soporte_board_oldest(zone, now);

    if (unused == NGX_DECLINED) {
        board->full = board->generation;
        board->full_at = now;
    }

    return unused;
}


static ngx_int_t
ngx_soporte_board_oldest(ngx_soporte_zone_t *zone, int64_t now)
{
    uint32_t               tenant;
    ngx_int_t              found;
    ngx_uint_t             i;
    ngx_soporte_notice_t  *notice, *oldest;

    found = NGX_DECLINED;
    oldest = NULL;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        notice = &zone->board->entries[i].notice;

        if (ngx_soporte_notice_over(notice, now)
            && (oldest == NULL || notice->updated < oldest->updated))
        {
            oldest = notice;
            found = i;
        }
    }

    if (oldest) {
        tenant = oldest->tenant;
        ngx_soporte_board_drop(zone, found);

        /* over, and no tick came since: the gate may still stand closed */

        ngx_soporte_board_publish(zone, tenant, now);
    }

    return found;
}


/* who walks a chain must not walk over years of what is over */

static void
ngx_soporte_board_trim(ngx_soporte_zone_t *zone, uint32_t tenant, int64_t now)
{
    uint32_t               i, last;
    ngx_uint_t             over;
    ngx_soporte_notice_t  *notice, *oldest;

    over = 0;
    last = 0;
    oldest = NULL;

    for (i = *ngx_soporte_board_chain(zone, tenant);
         i;
         i = zone->board->entries[i - 1].next)
    {
        notice = &zone->board->entries[i - 1].notice;

        if (!ngx_soporte_notice_over(notice, now)) {
            continue;
        }

        over++;

        if (oldest == NULL || notice->updated <= oldest->updated) {
            oldest = notice;
            last = i;
        }
    }

    if (over > NGX_SOPORTE_BOARD_OVER) {
        ngx_soporte_board_drop(zone, last - 1);
    }
}


/* a tenant whose gate it had closed was opened when it ended */

static void
ngx_soporte_board_drop(ngx_soporte_zone_t *zone, ngx_uint_t i)
{
    ngx_soporte_entry_t  *entry;

    entry = &zone->board->entries[i];

    ngx_soporte_board_unlink(zone, i);
    ngx_memzero(zone->board->ids[i], NGX_SOPORTE_ID_LEN);

    ngx_soporte_store(&entry->seq, entry->seq + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    ngx_memzero(&entry->notice, sizeof(ngx_soporte_notice_t));

    ngx_soporte_release(&entry->seq, entry->seq + 1);
}


static void
ngx_soporte_board_write(ngx_soporte_zone_t *zone, ngx_uint_t i,
    const ngx_soporte_notice_t *notice)
{
    ngx_uint_t             news;
    ngx_soporte_entry_t   *entry;
    ngx_soporte_update_t   update;

    entry = &zone->board->entries[i];

    news = ngx_soporte_board_news(&entry->notice, notice);

    ngx_soporte_store(&entry->seq, entry->seq + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    ngx_memcpy(zone->board->ids[i], notice->id, NGX_SOPORTE_ID_LEN);

    if (entry->notice.kind == NGX_SOPORTE_BOARD_NONE) {
        entry->notice.tenant = notice->tenant;
        ngx_soporte_board_link(zone, i);
    }

    entry->notice = *notice;

    ngx_soporte_release(&entry->seq, entry->seq + 1);

    if (!news) {
        return;
    }

    ngx_memzero(&update, sizeof(ngx_soporte_update_t));

    ngx_memcpy(update.id, notice->id, NGX_SOPORTE_ID_LEN);
    update.version = notice->version;
    update.at = notice->updated;
    update.status = notice->status;
    update.flags = notice->flags & NGX_SOPORTE_NOTICE_FILED;
    update.message_len = notice->message_len;
    ngx_memcpy(update.message, notice->message, notice->message_len);

    (void) ngx_soporte_board_add(zone->board, &update);
}


static ngx_uint_t
ngx_soporte_board_news(const ngx_soporte_notice_t *old,
    const ngx_soporte_notice_t *notice)
{
    if (notice->kind != NGX_SOPORTE_BOARD_INCIDENT) {
        return 0;
    }

    return old->kind == NGX_SOPORTE_BOARD_NONE
           || old->status != notice->status
           || old->message_len != notice->message_len
           || ngx_memcmp(old->message, notice->message, old->message_len)
              != 0;
}


/*
 * In the place of the incident's oldest when it has its share, else of none,
 * else of the oldest of all that is filed, else of the oldest.
 */

static ngx_int_t
ngx_soporte_board_add(ngx_soporte_board_t *board,
    const ngx_soporte_update_t *update)
{
    ngx_uint_t           i, own;
    ngx_soporte_said_t  *said, *mine, *other;

    own = 0;
    mine = NULL;
    other = NULL;

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        said = &board->updates[i];

        if (other == NULL
            || ngx_soporte_board_sooner(&said->update, &other->update))
        {
            other = said;
        }

        if (ngx_memcmp(said->update.id, update->id, NGX_SOPORTE_ID_LEN)
            != 0)
        {
            continue;
        }

        if (said->update.version == update->version) {
            return NGX_DONE;
        }

        own++;

        if (mine == NULL || said->update.version < mine->update.version) {
            mine = said;
        }
    }

    said = other;

    if (own >= NGX_SOPORTE_BOARD_TIMELINE) {
        said = mine;

        if (update->version < mine->update.version) {
            return NGX_DONE;
        }
    }

    ngx_soporte_store(&said->seq, said->seq + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    said->update = *update;

    ngx_soporte_release(&said->seq, said->seq + 1);

    return NGX_OK;
}


/* whether the place of a is given away before that of b */

static ngx_uint_t
ngx_soporte_board_sooner(const ngx_soporte_update_t *a,
    const ngx_soporte_update_t *b)
{
    ngx_uint_t  x, y;

    x = (a->at == 0 || (a->flags & NGX_SOPORTE_NOTICE_FILED));
    y = (b->at == 0 || (b->flags & NGX_SOPORTE_NOTICE_FILED));

    return (x == y) ? a->at < b->at : x;
}


ngx_int_t
ngx_soporte_board_say(ngx_soporte_zone_t *zone,
    const ngx_soporte_update_t *update, int64_t now)
{
    ngx_int_t  rc;

    if (ngx_soporte_board_lock(zone, now) != NGX_OK) {
        return NGX_BUSY;
    }

    rc = ngx_soporte_board_add(zone->board, update);

    if (rc == NGX_OK) {
        (void) __atomic_add_fetch(&zone->board->generation, 1,
                                  __ATOMIC_SEQ_CST);
    }

    ngx_soporte_board_unlock(zone);

    return rc;
}


/* a byte that only who has the lock writes: readers see it set or not */

ngx_int_t
ngx_soporte_board_filed(ngx_soporte_zone_t *zone, const u_char *id,
    uint64_t version, int64_t now)
{
    ngx_uint_t             i;
    ngx_soporte_board_t   *board;
    ngx_soporte_notice_t  *notice;
    ngx_soporte_update_t  *update;

    board = zone->board;

    if (ngx_soporte_board_lock(zone, now) != NGX_OK) {
        return NGX_BUSY;
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        notice = &board->entries[i].notice;

        if (ngx_memcmp(board->ids[i], id, NGX_SOPORTE_ID_LEN) == 0) {

            if (notice->version == version) {
                ngx_soporte_store(&notice->flags, notice->flags
                                                  | NGX_SOPORTE_NOTICE_FILED);
            }

            break;
        }
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        update = &board->updates[i].update;

        if (update->version == version
            && ngx_memcmp(update->id, id, NGX_SOPORTE_ID_LEN) == 0)
        {
            ngx_soporte_store(&update->flags, update->flags
                                              | NGX_SOPORTE_NOTICE_FILED);
            break;
        }
    }

    ngx_soporte_board_unlock(zone);

    return NGX_OK;
}


/* of a step nobody knows who said it, of a notice who spoke last */

ngx_int_t
ngx_soporte_board_unfile(ngx_soporte_zone_t *zone, uint64_t origin,
    int64_t now)
{
    ngx_uint_t             i;
    ngx_soporte_board_t   *board;
    ngx_soporte_notice_t  *notice;

    board = zone->board;

    if (ngx_soporte_board_lock(zone, now) != NGX_OK) {
        return NGX_BUSY;
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        notice = &board->entries[i].notice;

        if (notice->origin == origin) {
            ngx_soporte_store(&notice->flags, notice->flags
                                              & ~NGX_SOPORTE_NOTICE_FILED);
        }
    }

    for (i = 0; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        ngx_soporte_store(&board->updates[i].update.flags, 0);
    }

    (void) __atomic_add_fetch(&board->generation, 1, __ATOMIC_SEQ_CST);

    ngx_soporte_board_unlock(zone);

    return NGX_OK;
}


/* a window that will begin, or end, by itself */

static void
ngx_soporte_board_expect(ngx_soporte_board_t *board,
    const ngx_soporte_notice_t *notice, int64_t now)
{
    int64_t  due;

    if (notice->kind != NGX_SOPORTE_BOARD_MAINTENANCE
        || ngx_soporte_notice_over(notice, now))
    {
        return;
    }

    due = (notice->began > now) ? notice->began : notice->ends;

    if (due && due < board->due) {
        ngx_soporte_store(&board->due, due);
    }
}


/* after the words, before the slots: what _inherit() rests on */

static void
ngx_soporte_board_publish(ngx_soporte_zone_t *zone, uint32_t tenant,
    int64_t now)
{
    uint32_t               i, used;
    ngx_soporte_speaker_t  all;

    (void) __atomic_add_fetch(&zone->board->generation, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (tenant == NGX_SOPORTE_UPSTREAM) {
        return;
    }

    ngx_soporte_board_speaker(zone->board,
                              ngx_soporte_acquire(&zone->board->all), now,
                              &all);

    if (tenant != NGX_SOPORTE_ALL) {
        ngx_soporte_board_publish_one(zone, &all,
                                      ngx_soporte_tenant(zone, tenant), now);
        return;
    }

    used = ngx_soporte_acquire(&zone->header->used);

    for (i = 1; i < used; i++) {
        ngx_soporte_board_publish_one(zone, &all, ngx_soporte_tenant(zone, i),
                                      now);
    }
}


static void
ngx_soporte_board_publish_one(ngx_soporte_zone_t *zone,
    const ngx_soporte_speaker_t *all, ngx_soporte_tenant_t *tenant,
    int64_t now)
{
    ngx_soporte_speaker_t  own;

    ngx_soporte_board_speaker(zone->board, ngx_soporte_load(&tenant->chain),
                              now, &own);

    if (all->gate > own.gate) {
        own = *all;
    }

    ngx_soporte_store(&tenant->board, own.entry);
    ngx_soporte_release(&tenant->gate, own.gate);
}


/* of a chain, the notice whose kind goes first; gates are in that order */

static void
ngx_soporte_board_speaker(ngx_soporte_board_t *board, uint32_t first,
    int64_t now, ngx_soporte_speaker_t *speaker)
{
    uint32_t               i;
    ngx_uint_t             gate, steps;
    ngx_soporte_notice_t  *notice, *best;

    best = NULL;
    speaker->entry = 0;
    speaker->gate = NGX_SOPORTE_GATE_OPEN;

    i = first;

    for (steps = 0; i && steps < NGX_SOPORTE_BOARD_ENTRIES; steps++) {
        notice = &board->entries[i - 1].notice;
        gate = ngx_soporte_board_gate(notice, now);

        if (gate > speaker->gate
            || (gate && gate == speaker->gate
                && ngx_soporte_notice_compare(notice, best) > 0))
        {
            best = notice;
            speaker->entry = i;
            speaker->gate = gate;
        }

        i = ngx_soporte_acquire(&board->entries[i - 1].next);
    }
}


static ngx_uint_t
ngx_soporte_board_gate(const ngx_soporte_notice_t *notice, int64_t now)
{
    if (!ngx_soporte_notice_holds(notice, now)) {
        return NGX_SOPORTE_GATE_OPEN;
    }

    switch (notice->kind) {

    case NGX_SOPORTE_BOARD_MAINTENANCE:
        return NGX_SOPORTE_GATE_MAINTENANCE;

    case NGX_SOPORTE_BOARD_INCIDENT:
        return (notice->flags & NGX_SOPORTE_NOTICE_BLOCK)
               ? NGX_SOPORTE_GATE_INCIDENT : NGX_SOPORTE_GATE_OPEN;

    case NGX_SOPORTE_BOARD_RESTORE:
        return NGX_SOPORTE_GATE_RESTORE;

    default:
        return NGX_SOPORTE_GATE_OPEN;
    }
}


void
ngx_soporte_board_inherit(ngx_soporte_zone_t *zone,
    ngx_soporte_tenant_t *tenant, int64_t now)
{
    uint64_t               generation;
    ngx_soporte_speaker_t  all;

    /*
     * Without the lock.  A word that comes at this very moment is published
     * to all slots given by then; if that was before we wrote what we had
     * read without it, the generation has moved.
     */

    do {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        generation = ngx_soporte_acquire(&zone->board->generation);

        ngx_soporte_board_speaker(zone->board,
                                  ngx_soporte_acquire(&zone->board->all),
                                  now, &all);
        ngx_soporte_board_publish_one(zone, &all, tenant, now);

        __atomic_thread_fence(__ATOMIC_SEQ_CST);

    } while (ngx_soporte_acquire(&zone->board->generation) != generation);
}


void
ngx_soporte_board_tick(ngx_soporte_zone_t *zone, int64_t now)
{
    int64_t                since;
    ngx_uint_t             i;
    ngx_soporte_board_t   *board;
    ngx_soporte_notice_t  *notice;

    board = zone->board;

    if (ngx_soporte_load(&board->due) > now
        || ngx_soporte_board_lock(zone, now) != NGX_OK)
    {
        return;
    }

    since = board->ticked;
    board->ticked = now;
    ngx_soporte_store(&board->due, INT64_MAX);

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        notice = &board->entries[i].notice;

        if (notice->kind != NGX_SOPORTE_BOARD_MAINTENANCE || notice->ended) {
            continue;
        }

        if ((notice->began > since && notice->began <= now)
            || (notice->ends > since && notice->ends <= now))
        {
            ngx_soporte_board_publish(zone, notice->tenant, now);
        }

        ngx_soporte_board_expect(board, notice, now);
    }

    ngx_soporte_board_unlock(zone);
}
