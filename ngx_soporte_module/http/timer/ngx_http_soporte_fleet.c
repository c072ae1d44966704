
/*
 * Hears the fleet: the leader's task compares the boards, then follows the
 * stream, a wait of at most 200 ms after the other, and comes back to the
 * event loop with the words that are new here.
 *
 * Boards are compared at the beginning, after each failure, when a worker
 * could not tell a word (fleet_dirty), when the stream lost what we had heard
 * of, and once a minute: whatever went wrong, that mends it.
 */

#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_publish.h"
#include "ngx_http_soporte_word.h"

#include "ngx_soporte_json.h"


#define NGX_HTTP_SOPORTE_FLEET_WAIT     200  /* ms, a wait for words */
#define NGX_HTTP_SOPORTE_FLEET_TASK     1000 /* ms, without a word */
#define NGX_HTTP_SOPORTE_FLEET_BEAT     900  /* ms between signs of life */
#define NGX_HTTP_SOPORTE_FLEET_COMPARE  60000  /* ms between comparisons */
#define NGX_HTTP_SOPORTE_FLEET_SLICE    64   /* words a turn of the loop */
#define NGX_HTTP_SOPORTE_FLEET_OLD      2592000  /* s, over for so long: no
                                                    longer told */
#define NGX_HTTP_SOPORTE_FLEET_DEPTH    4    /* of a word */

/*
 * The stream keeps the last 4,096 words.  Who has so many full answers behind
 * another may have missed some that were said before.
 */
#define NGX_HTTP_SOPORTE_FLEET_LAG      16


/* what of our board is compared */

typedef struct {
    u_char                          id[NGX_SOPORTE_ID_LEN];
    uint64_t                        version;
    unsigned                        over:1;
    unsigned                        old:1;
    unsigned                        seen:1;  /* in Redis, too */
} ngx_http_soporte_mine_t;


struct ngx_http_soporte_fleet_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_log_t                      *log;
    ngx_soporte_redis_t            *redis;
    ngx_soporte_fleet_keys_t        keys;
    ngx_thread_task_t              *task;
    ngx_http_soporte_timer_t        slice;   /* the next words, next turn */
    ngx_http_soporte_fleet_backups_t  *backups;      /* told in slices */

    ngx_msec_t                      next;    /* not before, after failures */
    ngx_uint_t                      failures;
    uint64_t                        dirty;   /* fleet_dirty, as compared */
    ngx_msec_t                      compared;        /* when boards were */
    ngx_uint_t                      heard;   /* words put up by now */
    int64_t                         board;   /* words in Redis' */

    /* of one task: written by the thread, read when it is done */

    volatile ngx_uint_t             leave;   /* asked: come back */
    ngx_uint_t                      compare; /* asked: the boards */
    ngx_http_soporte_mine_t        *mine;
    ngx_uint_t                      nmine;
    ngx_soporte_fleet_place_t       place;
    ngx_uint_t                      lag;     /* full answers in a row */
    ngx_msec_t                      beaten;  /* when the last sign was given */
    ngx_pool_t                     *pool;    /* of what follows */
    ngx_soporte_value_t           **words;
    ngx_uint_t                      nwords;
    u_char                        (*ours)[NGX_SOPORTE_ID_LEN];
    ngx_uint_t                      nours;   /* newer here: to be told */
    ngx_http_soporte_fleet_known_t *known;   /* Redis' words of backups */
    ngx_uint_t                      nknown;
    ngx_soporte_fleet_beat_t        beat;
    ngx_uint_t                      has_beat;
    ngx_int_t                       rc;
    ngx_soporte_redis_err_t         err;

    unsigned                        running:1;
    unsigned                        stopped:1;
    unsigned                        synced:1;        /* place is good */
    unsigned                        down:1;  /* said in the log */
};


static void ngx_http_soporte_fleet_start(ngx_http_soporte_fleet_t *f);
static void ngx_http_soporte_fleet_snapshot(ngx_http_soporte_fleet_t *f);
static void ngx_http_soporte_fleet_thread(void *data, ngx_log_t *log);
static ngx_int_t ngx_http_soporte_fleet_compare(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem);
static ngx_int_t ngx_http_soporte_fleet_differ(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem, ngx_soporte_fleet_word_t *words, ngx_uint_t n);
static uint64_t ngx_http_soporte_fleet_floor(ngx_http_soporte_fleet_t *f);
static int ngx_libc_cdecl ngx_http_soporte_fleet_order(const void *a,
    const void *b);
static ngx_int_t ngx_http_soporte_fleet_follow(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem);
static ngx_int_t ngx_http_soporte_fleet_beat(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem);
static void ngx_http_soporte_fleet_parse(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem, const ngx_str_t *json);
static ngx_msec_t ngx_http_soporte_fleet_now(void);
static void ngx_http_soporte_fleet_done(ngx_event_t *ev);
static void ngx_http_soporte_fleet_failed(ngx_http_soporte_fleet_t *f);
static void ngx_http_soporte_fleet_learn(ngx_http_soporte_fleet_t *f);
static void ngx_http_soporte_fleet_slice(ngx_event_t *ev);
static ngx_int_t ngx_http_soporte_fleet_heard(
    ngx_http_soporte_main_conf_t *smcf, const ngx_soporte_value_t *word);
static void ngx_http_soporte_fleet_tell(ngx_http_soporte_fleet_t *f);
static void ngx_http_soporte_fleet_rest(ngx_http_soporte_fleet_t *f);


ngx_http_soporte_fleet_t *
ngx_http_soporte_fleet_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_soporte_mem_t          mem;
    volatile sig_atomic_t     *stop[2];
    ngx_http_soporte_fleet_t  *f;

    f = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_fleet_t));

    if (f == NULL || smcf->redis == NULL || smcf->single) {
        return f;
    }

    f->smcf = smcf;
    f->log = cycle->log;

    ngx_http_soporte_exit_flags(stop);

    mem = ngx_http_soporte_mem(cycle->pool);

    f->redis = ngx_soporte_redis_open(smcf->redis, stop);
    f->task = ngx_http_soporte_job(cycle, f, ngx_http_soporte_fleet_thread,
                                   ngx_http_soporte_fleet_done);

    f->backups = ngx_http_soporte_fleet_backups_create(cycle, smcf);

    if (f->redis == NULL || f->task == NULL || f->backups == NULL
        || ngx_soporte_fleet_keys(&mem, &smcf->redis_prefix, &smcf->node,
                                  &f->keys) != NGX_OK
        || ngx_http_soporte_fleet_instance(&mem, smcf->zone,
                                           &f->keys.instance) != NGX_OK)
    {
        return NULL;
    }

    ngx_http_soporte_timer(&f->slice, f, ngx_http_soporte_fleet_slice,
                           cycle->log);

    return f;
}


void
ngx_http_soporte_fleet_tick(ngx_http_soporte_fleet_t *f)
{
    if (f->redis == NULL) {
        return;
    }

    f->stopped = 0;

    if (f->running) {

        if (ngx_soporte_load(&f->smcf->zone->header->fleet_dirty) != f->dirty)
        {
            f->leave = 1;
        }

        return;
    }

    if ((ngx_msec_int_t) (f->next - ngx_current_msec) > 0) {
        return;
    }

    ngx_http_soporte_fleet_start(f);
}


void
ngx_http_soporte_fleet_stop(ngx_http_soporte_fleet_t *f)
{
    f->stopped = 1;
    f->leave = 1;
    f->synced = 0;

    if (f->backups) {
        ngx_http_soporte_fleet_backups_stop(f->backups);
    }

    if (f->redis && !f->running) {
        ngx_soporte_redis_disconnect(f->redis);
    }
}


void
ngx_http_soporte_fleet_exit(ngx_http_soporte_fleet_t *f)
{
    if (f == NULL || f->redis == NULL) {
        return;
    }

    ngx_http_soporte_fleet_backups_stop(f->backups);

    if (f->pool) {
        ngx_destroy_pool(f->pool);
        f->pool = NULL;
    }

    if (f->mine) {
        ngx_free(f->mine);
        f->mine = NULL;
    }

    ngx_soporte_redis_close(f->redis);
    f->redis = NULL;
}


static void
ngx_http_soporte_fleet_start(ngx_http_soporte_fleet_t *f)
{
    uint64_t  dirty;

    if (f->mine == NULL) {
        f->mine = ngx_alloc(NGX_SOPORTE_BOARD_ENTRIES
                            * sizeof(ngx_http_soporte_mine_t), f->log);
    }

    f->pool = ngx_create_pool(16384, f->log);

    if (f->mine == NULL || f->pool == NULL) {
        ngx_http_soporte_fleet_rest(f);
        return;
    }

    dirty = ngx_soporte_load(&f->smcf->zone->header->fleet_dirty);

    f->compare = (!f->synced || dirty != f->dirty
                  || ngx_current_msec - f->compared
                     >= NGX_HTTP_SOPORTE_FLEET_COMPARE);

    if (f->compare) {
        f->dirty = dirty;
        ngx_http_soporte_fleet_snapshot(f);
    }

    f->leave = 0;
    f->running = 1;

    if (ngx_thread_task_post(f->smcf->pool, f->task) != NGX_OK) {
        f->running = 0;
        ngx_http_soporte_fleet_rest(f);
    }
}


static void
ngx_http_soporte_fleet_snapshot(ngx_http_soporte_fleet_t *f)
{
    time_t                    now;
    ngx_uint_t                i;
    ngx_soporte_notice_t      notice;
    ngx_http_soporte_mine_t  *m;

    i = 0;
    f->nmine = 0;
    now = ngx_time();

    while (f->nmine < NGX_SOPORTE_BOARD_ENTRIES
           && ngx_soporte_board_next(f->smcf->zone, &i, &notice) == NGX_OK)
    {
        m = &f->mine[f->nmine++];

        ngx_memcpy(m->id, notice.id, NGX_SOPORTE_ID_LEN);
        m->version = notice.version;
        m->over = ngx_soporte_notice_over(&notice, now) ? 1 : 0;
        m->old = (m->over
                  && notice.updated < now - NGX_HTTP_SOPORTE_FLEET_OLD);
        m->seen = 0;
    }
}


/* in a thread */

static void
ngx_http_soporte_fleet_thread(void *data, ngx_log_t *log)
{
    ngx_soporte_mem_t          mem;
    ngx_http_soporte_fleet_t  *f = data;

    f->nwords = 0;
    f->nours = 0;
    f->nknown = 0;
    f->has_beat = 0;
    f->err.code = NGX_SOPORTE_REDIS_NO_ERROR;

    mem = ngx_http_soporte_mem(f->pool);

    /* a new connection may be to a server that knows nothing: compare */

    if (!f->compare) {
        f->rc = ngx_http_soporte_fleet_follow(f, &mem);
        return;
    }

    f->rc = ngx_soporte_redis_connect(f->redis, f->smcf->redis_timeout,
                                      &f->err);

    if (f->rc == NGX_OK) {
        f->rc = ngx_http_soporte_fleet_compare(f, &mem);
    }
}


static ngx_int_t
ngx_http_soporte_fleet_compare(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem)
{
    ngx_uint_t                 n;
    ngx_soporte_fleet_word_t  *words;

    if (ngx_soporte_fleet_load(f->redis, mem, &f->keys,
                               f->smcf->redis_timeout, &f->place, &words, &n,
                               &f->err)
           != NGX_OK
        || ngx_http_soporte_fleet_differ(f, mem, words, n) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_soporte_fleet_beat(f, mem);
}


/* which words are newer there, which here, and which nobody needs */

static ngx_int_t
ngx_http_soporte_fleet_differ(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem, ngx_soporte_fleet_word_t *words, ngx_uint_t n)
{
    u_char                   (*prune)[NGX_SOPORTE_ID_LEN];
    uint64_t                   floor;
    ngx_uint_t                 i, nprune;
    ngx_http_soporte_mine_t   *m;

    f->words = ngx_soporte_alloc(mem, (n + 1) * sizeof(void *));
    f->ours = ngx_soporte_alloc(mem, (f->nmine + 1) * NGX_SOPORTE_ID_LEN);
    f->known = ngx_soporte_alloc(mem, (n + 1)
                                 * sizeof(ngx_http_soporte_fleet_known_t));
    prune = ngx_soporte_alloc(mem, (n + 1) * NGX_SOPORTE_ID_LEN);

    if (f->words == NULL || f->ours == NULL || f->known == NULL
        || prune == NULL)
    {
        return NGX_ERROR;
    }

    ngx_qsort(f->mine, f->nmine, sizeof(ngx_http_soporte_mine_t),
              ngx_http_soporte_fleet_order);

    floor = ngx_http_soporte_fleet_floor(f);
    nprune = 0;

    for (i = 0; i < n; i++) {

        /* no part of our board, which says nothing of its age */

        if (ngx_http_soporte_fleet_backup_is(words[i].id)) {
            ngx_memcpy(f->known[f->nknown].id, words[i].id,
                       NGX_SOPORTE_ID_LEN);
            f->known[f->nknown++].version = words[i].version;
            ngx_http_soporte_fleet_parse(f, mem, &words[i].json);
            continue;
        }

        m = bsearch(words[i].id, f->mine, f->nmine,
                    sizeof(ngx_http_soporte_mine_t),
                    ngx_http_soporte_fleet_order);

        if (m == NULL ? words[i].version > floor
                      : words[i].version > m->version)
        {
            ngx_http_soporte_fleet_parse(f, mem, &words[i].json);
        }

        if (m && words[i].version >= m->version) {
            m->seen = 1;
        }

        if (m == NULL ? words[i].version <= floor
                      : m->old && words[i].version <= m->version)
        {
            ngx_memcpy(prune[nprune++], words[i].id, NGX_SOPORTE_ID_LEN);
        }
    }

    ngx_qsort(f->known, f->nknown, sizeof(ngx_http_soporte_fleet_known_t),
              ngx_http_soporte_fleet_order);

    for (i = 0; i < f->nmine; i++) {
        if (!f->mine[i].seen && !f->mine[i].old) {
            ngx_memcpy(f->ours[f->nours++], f->mine[i].id,
                       NGX_SOPORTE_ID_LEN);
        }
    }

    return ngx_soporte_fleet_prune(f->redis, mem, &f->keys,
                                   (const u_char (*)[NGX_SOPORTE_ID_LEN])
                                   prune, ngx_min(nprune, 1024),
                                   f->smcf->redis_timeout, &f->err);
}


/*
 * A full board has dropped what was over, the oldest first; such words must
 * not come back in the place of younger ones.  0: it is not full.
 */

static uint64_t
ngx_http_soporte_fleet_floor(ngx_http_soporte_fleet_t *f)
{
    uint64_t    floor;
    ngx_uint_t  i;

    if (f->nmine < NGX_SOPORTE_BOARD_ENTRIES) {
        return 0;
    }

    floor = UINT64_MAX;

    for (i = 0; i < f->nmine; i++) {
        if (f->mine[i].over) {
            floor = ngx_min(floor, f->mine[i].version);
        }
    }

    return (floor == UINT64_MAX) ? 0 : floor;
}


/* both begin with their ids */

static int ngx_libc_cdecl
ngx_http_soporte_fleet_order(const void *a, const void *b)
{
    return ngx_memcmp(a, b, NGX_SOPORTE_ID_LEN);
}


static ngx_int_t
ngx_http_soporte_fleet_follow(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem)
{
    ngx_uint_t                 i, n;
    ngx_msec_t                 until;
    ngx_soporte_fleet_word_t  *words;

    until = ngx_http_soporte_fleet_now() + NGX_HTTP_SOPORTE_FLEET_TASK;

    for ( ;; ) {

        if (ngx_http_soporte_fleet_now() - f->beaten
            >= NGX_HTTP_SOPORTE_FLEET_BEAT
            && ngx_http_soporte_fleet_beat(f, mem) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_soporte_fleet_follow(f->redis, mem, &f->keys,
                                     NGX_HTTP_SOPORTE_FLEET_WAIT,
                                     f->smcf->redis_timeout, &f->place,
                                     &words, &n, &f->err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (n) {
            break;
        }

        if (f->leave || ngx_exiting || ngx_terminate
            || (ngx_msec_int_t) (until - ngx_http_soporte_fleet_now()) <= 0)
        {
            f->lag = 0;
            return NGX_OK;
        }
    }

    f->lag = (n == NGX_SOPORTE_FLEET_READ) ? f->lag + 1 : 0;

    f->words = ngx_soporte_alloc(mem, n * sizeof(void *));

    if (f->words == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_http_soporte_fleet_parse(f, mem, &words[i].json);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_fleet_beat(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem)
{
    if (ngx_soporte_fleet_beat(f->redis, mem, &f->keys,
                               f->smcf->redis_timeout, &f->beat, &f->err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    f->has_beat = 1;
    f->beaten = ngx_http_soporte_fleet_now();

    return NGX_OK;
}


/* what is no JSON was not said by a node */

static void
ngx_http_soporte_fleet_parse(ngx_http_soporte_fleet_t *f,
    ngx_soporte_mem_t *mem, const ngx_str_t *json)
{
    ngx_soporte_value_t        *value;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_HTTP_SOPORTE_FLEET_DEPTH;

    value = ngx_soporte_json_parse(mem, json->data, json->len, &limits, &err);

    if (value) {
        f->words[f->nwords++] = value;
    }
}


/* the loop's clock stands still for a thread */

static ngx_msec_t
ngx_http_soporte_fleet_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (ngx_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* in the event loop */

static void
ngx_http_soporte_fleet_done(ngx_event_t *ev)
{
    ngx_http_soporte_fleet_t  *f = ev->data;

    if (f->rc != NGX_OK) {
        ngx_http_soporte_fleet_failed(f);
        ngx_http_soporte_fleet_rest(f);
        return;
    }

    ngx_http_soporte_fleet_learn(f);

    f->heard = 0;
    ngx_http_soporte_fleet_slice(&f->slice.event);
}


static void
ngx_http_soporte_fleet_failed(ngx_http_soporte_fleet_t *f)
{
    ngx_soporte_header_t  *header;

    f->synced = 0;

    if (f->err.code == NGX_SOPORTE_REDIS_STOPPED
        || f->err.code == NGX_SOPORTE_REDIS_NO_ERROR)
    {
        return;
    }

    header = f->smcf->zone->header;

    f->failures++;
    f->next = ngx_current_msec
              + ngx_soporte_redis_backoff(f->failures, ngx_random());

    ngx_soporte_add(&header->redis_error, 1);
    ngx_soporte_store(&header->redis_up, 0);

    if (!f->down) {
        f->down = 1;
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "Redis can't be used, this node stands alone: %s",
                      f->err.text);
    }
}


/* before words are told: "redis_up" lets the publisher try */

static void
ngx_http_soporte_fleet_learn(ngx_http_soporte_fleet_t *f)
{
    ngx_soporte_header_t  *header;

    header = f->smcf->zone->header;

    f->failures = 0;

    ngx_soporte_add(&header->redis_ok, 1);
    ngx_soporte_store(&header->redis_success, ngx_time());
    ngx_soporte_store(&header->redis_up, 1);

    if (f->compare) {
        f->synced = 1;
        f->compared = ngx_current_msec;
        f->lag = 0;

    } else if (f->lag >= NGX_HTTP_SOPORTE_FLEET_LAG) {
        f->synced = 0;
    }

    if (f->down) {
        f->down = 0;
        ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                      "Redis can be used again, %ui word(s) are newer there, "
                      "%ui here", f->nwords, f->nours);
    }

    if (!f->has_beat) {
        return;
    }

    /*
     * A stream that ends before what we have heard is not the one we knew; a
     * board that shrank was pruned, or lost.
     */

    if (ngx_soporte_fleet_compare(&f->beat.last, &f->place) < 0
        || (!f->compare && f->beat.words < f->board))
    {
        f->synced = 0;
    }

    f->board = f->beat.words;

    ngx_http_soporte_fleet_signs(f->smcf, &f->beat);
}


/* some words a turn of the event loop, then what is newer here is told */

static void
ngx_http_soporte_fleet_slice(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_uint_t                 n;
    ngx_http_soporte_fleet_t  *f = ngx_http_soporte_timer_data(ev);

    rc = NGX_OK;

    for (n = 0; f->heard < f->nwords; n++) {

        if (n == NGX_HTTP_SOPORTE_FLEET_SLICE) {
            ngx_post_event(&f->slice.event, &ngx_posted_next_events);
            return;
        }

        rc = ngx_http_soporte_fleet_heard(f->smcf, f->words[f->heard++]);

        /*
         * Somebody holds the board's lock, and each word would wait for it:
         * the boards are compared again, with the next tick.
         */

        if (rc == NGX_BUSY) {
            f->synced = 0;
            break;
        }
    }

    ngx_http_soporte_fleet_tell(f);

    if (f->compare && !f->stopped) {
        ngx_http_soporte_fleet_backups_tell(f->backups, f->known, f->nknown);
    }

    ngx_http_soporte_fleet_rest(f);

    if (rc != NGX_BUSY && !f->stopped && !ngx_exiting && !ngx_terminate) {
        ngx_http_soporte_fleet_start(f);
    }
}


static ngx_int_t
ngx_http_soporte_fleet_heard(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *word)
{
    const ngx_soporte_value_t  *kind;

    kind = ngx_soporte_value_get(word, "kind");

    if (kind && kind->type == NGX_SOPORTE_STRING
        && kind->str.len == sizeof("backup") - 1
        && ngx_strncmp(kind->str.data, "backup", kind->str.len) == 0)
    {
        return ngx_http_soporte_fleet_backup_heard(smcf, word);
    }

    return ngx_http_soporte_word_heard(smcf, word);
}


static void
ngx_http_soporte_fleet_tell(ngx_http_soporte_fleet_t *f)
{
    ngx_uint_t             i;
    ngx_soporte_mem_t      mem;
    ngx_soporte_value_t   *word;
    ngx_soporte_notice_t   notice;

    mem = ngx_http_soporte_mem(f->pool);

    for (i = 0; i < f->nours; i++) {

        if (ngx_soporte_board_get(f->smcf->zone, f->ours[i], &notice)
            != NGX_OK)
        {
            continue;
        }

        word = ngx_http_soporte_word_value(&mem, f->smcf->zone, &notice);

        if (!mem.failed) {
            ngx_http_soporte_publish(f->smcf, notice.id, notice.version,
                                     word);
        }
    }
}


/* the task is over, with all that it made */

static void
ngx_http_soporte_fleet_rest(ngx_http_soporte_fleet_t *f)
{
    f->running = 0;
    f->nwords = 0;
    f->nours = 0;

    if (f->stopped) {
        ngx_soporte_redis_disconnect(f->redis);
    }

    if (f->pool) {
        ngx_destroy_pool(f->pool);
        f->pool = NULL;
    }
}
