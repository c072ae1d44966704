
/*
 * Collects rows while tenants are judged, a document a minute; when a minute
 * is over for all of them, a thread puts its documents on disk and hands what
 * lies there to PostgreSQL.
 *
 * What a leader had collected and not yet put dies with it.  The next one
 * reads those minutes again from the slots, which are kept 40 s longer than
 * it takes; of what it can't read any more it files that the node was there.
 */

#include "ngx_http_soporte_history.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_record.h"
#include "ngx_http_soporte_seal.h"

#include "ngx_soporte_folio.h"
#include "ngx_soporte_terms.h"


#define NGX_HTTP_SOPORTE_HISTORY_WAIT   2    /* s, all tenants are judged */
#define NGX_HTTP_SOPORTE_HISTORY_SLICE  2000 /* tenants read again a tick */
#define NGX_HTTP_SOPORTE_HISTORY_ROUNDS 64   /* documents sent in a task */
#define NGX_HTTP_SOPORTE_HISTORY_RETRY  500  /* ms, after the disk failed */


struct ngx_http_soporte_history_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_log_t                      *log;
    ngx_thread_task_t              *task;
    ngx_soporte_spool_t            *spool;
    ngx_soporte_postgres_t         *pg;

    ngx_queue_t                     open;    /* records being written */
    ngx_queue_t                     put;     /* the thread's while it runs */
    size_t                          bytes;   /* of both */
    uint32_t                        target;  /* last minute of "put" */
    uint32_t                        again;   /* slot to read again, 0: done */
    ngx_msec_t                      retry;   /* not before */
    ngx_msec_t                      send;    /* ... to PostgreSQL */
    ngx_uint_t                      failures;

    /* of one task: written by the thread, read when it is done */

    ngx_uint_t                      putting; /* asked: what is in "put" */
    ngx_uint_t                      sending; /* ... and to PostgreSQL */
    ngx_uint_t                      weigh;   /* ... what lies there */
    ngx_uint_t                      sent;
    ngx_uint_t                      dead;
    ngx_uint_t                      left;    /* more is waiting */
    ngx_soporte_spool_err_t         spool_err;       /* of "put" */
    ngx_soporte_spool_err_t         claim_err;
    ngx_soporte_postgres_err_t      pg_err;
    ngx_soporte_spool_stat_t        stat;

    unsigned                        leading:1;
    unsigned                        running:1;
    unsigned                        stopped:1;
    unsigned                        waiting:1;       /* some may lie there */
    unsigned                        full:1;  /* said in the log, each once */
    unsigned                        bad:1;
    unsigned                        away:1;
};


static ngx_http_soporte_record_t *ngx_http_soporte_history_record(
    ngx_http_soporte_history_t *history, uint32_t minute);
static ngx_int_t ngx_http_soporte_history_begin(
    ngx_http_soporte_history_t *history);
static ngx_uint_t ngx_http_soporte_history_again(
    ngx_http_soporte_history_t *history, uint32_t target);
static void ngx_http_soporte_history_reread(
    ngx_http_soporte_history_t *history, const ngx_soporte_tenant_t *tenant,
    uint32_t minute);
static void ngx_http_soporte_history_collect(
    ngx_http_soporte_history_t *history, uint32_t target);
static void ngx_http_soporte_history_bare(ngx_http_soporte_history_t *history,
    uint32_t target);
static void ngx_http_soporte_history_end(ngx_http_soporte_history_t *history,
    ngx_http_soporte_record_t *record);
static void ngx_http_soporte_history_free(
    ngx_http_soporte_history_t *history, ngx_queue_t *queue);
static void ngx_http_soporte_history_post(
    ngx_http_soporte_history_t *history);
static void ngx_http_soporte_history_thread(void *data, ngx_log_t *log);
static ngx_int_t ngx_http_soporte_history_spool(
    ngx_http_soporte_history_t *history);
static ngx_int_t ngx_http_soporte_history_send(
    ngx_http_soporte_history_t *history);
static ngx_int_t ngx_http_soporte_history_file(
    ngx_http_soporte_history_t *history, ngx_soporte_spool_ticket_t *ticket);
static void ngx_http_soporte_history_done(ngx_event_t *ev);
static void ngx_http_soporte_history_flush(
    ngx_http_soporte_history_t *history);
static void ngx_http_soporte_history_put(ngx_http_soporte_history_t *history);
static void ngx_http_soporte_history_sent(
    ngx_http_soporte_history_t *history);


ngx_http_soporte_history_t *
ngx_http_soporte_history_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    volatile sig_atomic_t       *stop[2];
    ngx_soporte_spool_err_t      err;
    ngx_soporte_spool_conf_t     conf;
    ngx_http_soporte_history_t  *history;

    history = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_history_t));

    if (history == NULL) {
        return NULL;
    }

    history->smcf = smcf;
    history->log = cycle->log;

    ngx_queue_init(&history->open);
    ngx_queue_init(&history->put);

    history->task = ngx_http_soporte_job(cycle, history,
                                         ngx_http_soporte_history_thread,
                                         ngx_http_soporte_history_done);

    if (history->task == NULL) {
        return NULL;
    }

    if (smcf->postgres == NULL || smcf->spool == NULL) {
        return history;
    }

    ngx_http_soporte_exit_flags(stop);

    ngx_memzero(&conf, sizeof(ngx_soporte_spool_conf_t));

    conf.path = (char *) smcf->history_path.data;
    conf.max_size = smcf->max_size / 2;
    conf.used = &smcf->zone->header->history_bytes;
    conf.stop[0] = stop[0];

    /* not by a fast exit: what was collected is put at the end, see _close() */

    history->spool = ngx_soporte_spool_open(&conf, &err);

    if (history->spool == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, err.sys,
                      "\"%V\" can't be used, the history of minutes is not "
                      "kept: %s", &smcf->history_path, err.text);
    }

    return history;
}


void
ngx_http_soporte_history_note(ngx_http_soporte_history_t *history,
    const ngx_soporte_tenant_t *tenant, uint32_t minute,
    const ngx_soporte_minute_t *sum, ngx_soporte_state_e state)
{
    size_t                      before;
    ngx_http_soporte_record_t  *record;

    if (history->spool == NULL
        || minute <= history->smcf->zone->header->filed
        || tenant == ngx_soporte_tenant(history->smcf->zone,
                                        NGX_SOPORTE_OTHER)
        || history->bytes > NGX_HTTP_SOPORTE_RECORD_ALL
        || !ngx_http_soporte_record_worth(tenant, minute, sum))
    {
        return;
    }

    record = ngx_http_soporte_history_record(history, minute);

    if (record == NULL) {
        return;
    }

    before = record->size;

    ngx_http_soporte_record_row(record, history->smcf->zone, tenant, sum,
                                state);

    history->bytes += record->size - before;
}


/* that of the minute; a full one makes room for another */

static ngx_http_soporte_record_t *
ngx_http_soporte_history_record(ngx_http_soporte_history_t *history,
    uint32_t minute)
{
    ngx_queue_t                *q;
    ngx_http_soporte_record_t  *record;

    for (q = ngx_queue_head(&history->open);
         q != ngx_queue_sentinel(&history->open);
         q = ngx_queue_next(q))
    {
        record = ngx_queue_data(q, ngx_http_soporte_record_t, queue);

        if (record->minute == minute
            && record->rows < NGX_HTTP_SOPORTE_RECORD_ROWS)
        {
            return record;
        }
    }

    record = ngx_http_soporte_record_create(history->smcf, minute, 0,
                                            history->log);

    if (record) {
        ngx_queue_insert_tail(&history->open, &record->queue);
        history->bytes += record->size;
    }

    return record;
}


void
ngx_http_soporte_history_tick(ngx_http_soporte_history_t *history)
{
    uint32_t               target;
    ngx_soporte_header_t  *header;

    if (history->running) {
        return;
    }

    header = history->smcf->zone->header;
    target = (ngx_time() - NGX_SOPORTE_MINUTE_SEAL
              - NGX_HTTP_SOPORTE_HISTORY_WAIT) / 60 - 1;

    if (history->spool == NULL) {

        /* where no history is kept, none is made up later */

        ngx_soporte_store(&header->filed, target);
        return;
    }

    if (!history->leading
        && ngx_http_soporte_history_begin(history) != NGX_OK)
    {
        return;
    }

    if (header->filed == 0) {
        ngx_soporte_store(&header->filed, target);
    }

    history->putting = 0;

    if (!ngx_queue_empty(&history->put)) {
        history->putting = (ngx_msec_int_t) (history->retry
                                             - ngx_current_msec) <= 0;

    } else if (target > header->filed
               && !ngx_http_soporte_history_again(history, target))
    {
        ngx_http_soporte_history_collect(history, target);
        history->putting = 1;
    }

    history->sending = (history->putting || history->waiting)
                       && (ngx_msec_int_t) (history->send - ngx_current_msec)
                          <= 0;

    if (history->putting || history->sending) {
        ngx_http_soporte_history_post(history);
    }
}


/* this worker leads now */

static ngx_int_t
ngx_http_soporte_history_begin(ngx_http_soporte_history_t *history)
{
    volatile sig_atomic_t  *stop[2];

    if (history->pg == NULL) {
        ngx_http_soporte_exit_flags(stop);

        history->pg = ngx_soporte_postgres_open(history->smcf->postgres,
                                                stop);

        if (history->pg == NULL) {
            return NGX_ERROR;
        }
    }

    history->leading = 1;
    history->stopped = 0;
    history->waiting = 1;
    history->weigh = 1;
    history->again = 1;

    return NGX_OK;
}


/*
 * Minutes that were judged by a leader before this one, and not filed.  1:
 * there are still tenants to be read.
 */

static ngx_uint_t
ngx_http_soporte_history_again(ngx_http_soporte_history_t *history,
    uint32_t target)
{
    uint32_t               used, minute, n;
    ngx_soporte_zone_t    *zone;
    ngx_soporte_tenant_t  *tenant;

    if (history->again == 0) {
        return 0;
    }

    zone = history->smcf->zone;
    used = ngx_soporte_acquire(&zone->header->used);
    minute = zone->header->filed + 1;

    for (n = 0; history->again < used; n++) {

        if (n == NGX_HTTP_SOPORTE_HISTORY_SLICE) {
            return 1;
        }

        tenant = ngx_soporte_tenant(zone, history->again++);

        if ((ngx_soporte_acquire(&tenant->flags)
             & NGX_SOPORTE_TENANT_READY)
            && tenant->judged >= minute
            && tenant->history.slots.newest
               < minute * NGX_SOPORTE_MINUTE_SLOTS + NGX_SOPORTE_SLOTS_KEPT)
        {
            ngx_http_soporte_history_reread(history, tenant, minute);
        }
    }

    history->again = 0;

    return 0;
}


static void
ngx_http_soporte_history_reread(ngx_http_soporte_history_t *history,
    const ngx_soporte_tenant_t *tenant, uint32_t minute)
{
    ngx_soporte_terms_t      terms;
    ngx_soporte_minute_t     sum;
    ngx_soporte_judgement_t  judgement;

    ngx_memzero(&sum, sizeof(ngx_soporte_minute_t));
    ngx_soporte_slots_minute(&tenant->history.slots, minute, &sum);

    terms = ngx_soporte_terms(history->smcf->zone, tenant);
    ngx_soporte_minute_judge(&sum, terms.excluded, &judgement);

    ngx_http_soporte_history_note(history, tenant, minute, &sum,
                                  judgement.state);
}


/* all that is to be filed until the target, in the order of time */

static void
ngx_http_soporte_history_collect(ngx_http_soporte_history_t *history,
    uint32_t target)
{
    ngx_queue_t                *q, *next;
    ngx_http_soporte_record_t  *record;

    ngx_http_soporte_history_bare(history, target);

    for (q = ngx_queue_head(&history->open);
         q != ngx_queue_sentinel(&history->open);
         q = next)
    {
        next = ngx_queue_next(q);
        record = ngx_queue_data(q, ngx_http_soporte_record_t, queue);

        if (record->minute <= target) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&history->put, q);
            ngx_http_soporte_history_end(history, record);
        }
    }

    history->target = target;
}


/*
 * Minutes of which there is no row: that the node was there is filed all the
 * same.  Those in the gap, in which it was not, are passed over.
 */

static void
ngx_http_soporte_history_bare(ngx_http_soporte_history_t *history,
    uint32_t target)
{
    uint32_t                    minute, until, have;
    ngx_queue_t                *q;
    ngx_soporte_header_t       *header;
    ngx_http_soporte_record_t  *record;

    header = history->smcf->zone->header;
    minute = header->filed + 1;

    while (minute <= target) {
        have = target + 1;

        for (q = ngx_queue_head(&history->open);
             q != ngx_queue_sentinel(&history->open);
             q = ngx_queue_next(q))
        {
            record = ngx_queue_data(q, ngx_http_soporte_record_t, queue);

            if (record->minute >= minute && record->minute < have) {
                have = record->minute;
            }
        }

        until = ngx_http_soporte_record_alike(header, minute, have);

        if (minute == have) {
            minute++;
            continue;
        }

        if (ngx_http_soporte_record_served(header, minute)) {
            record = ngx_http_soporte_record_create(history->smcf, minute,
                                                    until, history->log);

            if (record) {
                ngx_queue_insert_tail(&history->put, &record->queue);
                history->bytes += record->size;
                ngx_http_soporte_history_end(history, record);
            }
        }

        minute = until;
    }
}


static void
ngx_http_soporte_history_end(ngx_http_soporte_history_t *history,
    ngx_http_soporte_record_t *record)
{
    size_t  before;

    before = record->size;
    ngx_http_soporte_record_end(record);
    history->bytes += record->size - before;
}


static void
ngx_http_soporte_history_free(ngx_http_soporte_history_t *history,
    ngx_queue_t *queue)
{
    ngx_queue_t                *q;
    ngx_http_soporte_record_t  *record;

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);
        ngx_queue_remove(q);

        record = ngx_queue_data(q, ngx_http_soporte_record_t, queue);
        history->bytes -= record->size;

        ngx_http_soporte_record_destroy(record);
    }
}


static void
ngx_http_soporte_history_post(ngx_http_soporte_history_t *history)
{
    history->running = 1;

    if (ngx_thread_task_post(history->smcf->pool, history->task) != NGX_OK) {
        history->running = 0;
    }
}


/* in a thread */

static void
ngx_http_soporte_history_thread(void *data, ngx_log_t *log)
{
    ngx_uint_t                   i;
    ngx_http_soporte_history_t  *history = data;

    history->sent = 0;
    history->dead = 0;
    history->left = 1;
    history->spool_err.code = NGX_SOPORTE_SPOOL_NO_ERROR;
    history->pg_err.code = NGX_SOPORTE_POSTGRES_NO_ERROR;

    if (history->weigh
        && ngx_soporte_spool_stat(history->spool, NGX_MAX_INT32_VALUE, 1,
                                  &history->stat, &history->spool_err)
           != NGX_OK)
    {
        return;
    }

    /* one that is full may have room when some of it was sent */

    if ((history->putting
         && ngx_http_soporte_history_spool(history) != NGX_OK
         && history->spool_err.code != NGX_SOPORTE_SPOOL_FULL)
        || !history->sending)
    {
        return;
    }

    for (i = 0; i < NGX_HTTP_SOPORTE_HISTORY_ROUNDS; i++) {

        if (ngx_exiting || ngx_terminate
            || ngx_http_soporte_history_send(history) != NGX_AGAIN)
        {
            break;
        }
    }

    history->left = (history->pg_err.code != NGX_SOPORTE_POSTGRES_NO_ERROR
                     || i == NGX_HTTP_SOPORTE_HISTORY_ROUNDS);

    if (!ngx_exiting && !ngx_terminate) {
        (void) ngx_soporte_spool_sweep(history->spool, &history->claim_err);
    }
}


static ngx_int_t
ngx_http_soporte_history_spool(ngx_http_soporte_history_t *history)
{
    ngx_int_t                   rc;
    ngx_str_t                   json;
    ngx_queue_t                *q;
    ngx_http_soporte_record_t  *record;

    for (q = ngx_queue_head(&history->put);
         q != ngx_queue_sentinel(&history->put);
         q = ngx_queue_next(q))
    {
        record = ngx_queue_data(q, ngx_http_soporte_record_t, queue);

        if (record->kept) {
            continue;
        }

        json.data = record->data;
        json.len = record->len;

        rc = ngx_soporte_spool_put(history->spool, record->id, &json, NULL, 0,
                                   0, &history->spool_err);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        record->kept = 1;
    }

    return NGX_OK;
}


/* NGX_AGAIN: sent one, and there may be more; NGX_OK: none was there */

static ngx_int_t
ngx_http_soporte_history_send(ngx_http_soporte_history_t *history)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_pool_t                 *pool;
    ngx_soporte_mem_t           mem;
    ngx_soporte_spool_batch_t   batch;

    pool = ngx_create_pool(16384, history->log);

    if (pool == NULL) {
        return NGX_ERROR;
    }

    mem = ngx_http_soporte_mem(pool);

    rc = ngx_soporte_spool_claim(history->spool, &mem, 8,
                                 NGX_HTTP_SOPORTE_RECORD_MAX, &batch,
                                 &history->claim_err);

    if (rc == NGX_OK) {
        history->dead += batch.ndead;

        for (i = 0; rc == NGX_OK && i < batch.n; i++) {
            rc = ngx_http_soporte_history_file(history, &batch.tickets[i]);
        }

        if (rc == NGX_OK && batch.n) {
            rc = NGX_AGAIN;
        }
    }

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_int_t
ngx_http_soporte_history_file(ngx_http_soporte_history_t *history,
    ngx_soporte_spool_ticket_t *ticket)
{
    ngx_int_t                     rc;
    ngx_soporte_postgres_param_t  param;

    ngx_memzero(&param, sizeof(ngx_soporte_postgres_param_t));
    param.value = ticket->json;

    rc = ngx_soporte_postgres_connect(history->pg, history->smcf->timeout,
                                      &history->pg_err);

    if (rc == NGX_OK) {
        rc = ngx_soporte_postgres_call(history->pg,
                    "SELECT soporte.file_minutes($1::pg_catalog.jsonb)",
                    &param, 1, history->smcf->timeout, NULL, NULL,
                    &history->pg_err);
    }

    if (rc == NGX_OK) {
        history->sent++;
        return ngx_soporte_spool_done(history->spool, ticket->id,
                                      &history->claim_err);
    }

    if (history->pg_err.code != NGX_SOPORTE_POSTGRES_DATA) {
        return NGX_ERROR;
    }

    /* it will never do: set aside, for who wants to know why */

    history->dead++;
    rc = ngx_soporte_spool_dead(history->spool, ticket->id,
                                history->pg_err.sqlstate,
                                &history->claim_err);
    history->pg_err.code = NGX_SOPORTE_POSTGRES_NO_ERROR;

    return rc;
}


/* in the event loop */

static void
ngx_http_soporte_history_done(ngx_event_t *ev)
{
    ngx_http_soporte_history_t  *history = ev->data;

    history->running = 0;

    if (history->weigh
        && history->spool_err.code == NGX_SOPORTE_SPOOL_NO_ERROR)
    {
        history->weigh = 0;
        ngx_soporte_store(&history->smcf->zone->header->history_bytes,
                          history->stat.bytes);
    }

    if (history->putting) {
        ngx_http_soporte_history_put(history);
    }

    if (history->sending) {
        ngx_http_soporte_history_sent(history);
    }

    history->waiting = history->left;

    if (history->stopped || ngx_exiting) {
        ngx_http_soporte_history_stop(history);
    }
}


/*
 * On disk, or left out because the disk has no room for it: then the minutes
 * are filed later without their rows, as those of which nothing is known.
 */

static void
ngx_http_soporte_history_put(ngx_http_soporte_history_t *history)
{
    switch (history->spool_err.code) {

    case NGX_SOPORTE_SPOOL_NO_ERROR:
        ngx_http_soporte_history_free(history, &history->put);
        ngx_soporte_store(&history->smcf->zone->header->filed,
                          history->target);

        if (history->full || history->bad) {
            ngx_log_error(NGX_LOG_NOTICE, history->log, 0,
                          "the history of minutes is kept again in \"%V\"",
                          &history->smcf->history_path);
        }

        history->full = 0;
        history->bad = 0;
        return;

    case NGX_SOPORTE_SPOOL_STOPPED:
        return;

    case NGX_SOPORTE_SPOOL_FULL:
        ngx_http_soporte_history_free(history, &history->put);

        if (!history->full) {
            history->full = 1;
            ngx_log_error(NGX_LOG_ERR, history->log, 0,
                          "\"%V\" holds as many minutes as it may, more are "
                          "not kept until PostgreSQL takes some",
                          &history->smcf->history_path);
        }

        return;

    default:
        history->retry = ngx_current_msec + NGX_HTTP_SOPORTE_HISTORY_RETRY;

        if (!history->bad) {
            history->bad = 1;
            ngx_log_error(NGX_LOG_ERR, history->log, history->spool_err.sys,
                          "the history of minutes waits in memory, \"%V\" "
                          "fails: %s", &history->smcf->history_path,
                          history->spool_err.text);
        }
    }
}


static void
ngx_http_soporte_history_sent(ngx_http_soporte_history_t *history)
{
    if (history->dead) {
        ngx_log_error(NGX_LOG_ALERT, history->log, 0,
                      "%ui minute(s) of history were refused and lie in "
                      "\"%V/spool/dead\"", history->dead,
                      &history->smcf->history_path);
    }

    if (history->pg_err.code == NGX_SOPORTE_POSTGRES_NO_ERROR) {
        history->failures = 0;
        history->send = ngx_current_msec;

        if (history->away && history->sent) {
            history->away = 0;
            ngx_log_error(NGX_LOG_NOTICE, history->log, 0,
                          "PostgreSQL takes the history of minutes again");
        }

        return;
    }

    if (history->pg_err.code == NGX_SOPORTE_POSTGRES_STOPPED) {
        return;
    }

    history->failures++;
    history->send = ngx_current_msec
                    + ngx_soporte_postgres_backoff(history->failures,
                                                   ngx_random());

    if (!history->away) {
        history->away = 1;
        ngx_log_error(NGX_LOG_ERR, history->log, 0,
                      "the history of minutes waits on disk, PostgreSQL does "
                      "not take it: %s", history->pg_err.text);
    }
}


void
ngx_http_soporte_history_stop(ngx_http_soporte_history_t *history)
{
    history->leading = 0;
    history->stopped = 1;

    if (history->running) {
        return;
    }

    /* at an exit they are put by _close(); else the next leader reads again */

    if (!ngx_exiting && !ngx_terminate && !ngx_quit) {
        ngx_http_soporte_history_free(history, &history->open);
        ngx_http_soporte_history_free(history, &history->put);
    }

    if (history->pg) {
        ngx_soporte_postgres_close(history->pg);
        history->pg = NULL;
    }
}


/*
 * The minutes that were judged and are not yet over for all: a start that comes
 * too late can't read them again.
 */

static void
ngx_http_soporte_history_flush(ngx_http_soporte_history_t *history)
{
    ngx_queue_t                *q;
    ngx_http_soporte_record_t  *record;

    while (!ngx_queue_empty(&history->open)) {
        q = ngx_queue_head(&history->open);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&history->put, q);

        record = ngx_queue_data(q, ngx_http_soporte_record_t, queue);
        ngx_http_soporte_history_end(history, record);
    }

    if (!ngx_queue_empty(&history->put)
        && ngx_http_soporte_history_spool(history) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, history->log, history->spool_err.sys,
                      "the last minutes could not be kept in \"%V\": %s",
                      &history->smcf->history_path, history->spool_err.text);
    }

    ngx_http_soporte_history_free(history, &history->put);
}


void
ngx_http_soporte_history_close(ngx_http_soporte_history_t *history)
{
    if (history == NULL) {
        return;
    }

    history->running = 0;
    ngx_http_soporte_history_stop(history);
    ngx_http_soporte_history_flush(history);

    if (history->spool) {
        ngx_soporte_spool_close(history->spool);
        history->spool = NULL;
    }
}
