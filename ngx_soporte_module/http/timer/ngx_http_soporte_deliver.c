
/*
 * Carries tickets from the spool to PostgreSQL: a task claims batches, hands
 * them over and settles each ticket by its own result; the event loop learns
 * the sums and logs a change of state once.
 */

#include "ngx_http_soporte_deliver.h"
#include "ngx_http_soporte_job.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_postgres.h"
#include "ngx_soporte_spool.h"
#include "ngx_soporte_value.h"


#define NGX_HTTP_SOPORTE_BATCH        128
#define NGX_HTTP_SOPORTE_BATCH_BYTES  (256 * 1024)
#define NGX_HTTP_SOPORTE_ROUNDS       64     /* batches in one task */
#define NGX_HTTP_SOPORTE_COUNT        10000  /* ms between counts */
#define NGX_HTTP_SOPORTE_COUNT_LAST   60000  /* ms, while more is waiting */
#define NGX_HTTP_SOPORTE_COUNT_MAX    100000
#define NGX_HTTP_SOPORTE_WEIGH_MAX    1024   /* tickets weighed at each count */


struct ngx_http_soporte_deliver_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_soporte_postgres_t         *pg;
    ngx_thread_task_t              *task;
    ngx_log_t                      *log;

    ngx_msec_t                      next;    /* not before, after failures */
    ngx_msec_t                      counted; /* when the spool was last */
    ngx_uint_t                      failures;
    uint64_t                        wake;    /* of the last look */
    ngx_uint_t                      seen;    /* tickets at the last count */

    /* of one task: written by the thread, read when it is done */

    ngx_uint_t                      count;   /* asked: sweep and count */
    ngx_uint_t                      weigh;   /* ... and weigh */
    ngx_uint_t                      overdue; /* ... whatever waits */
    ngx_uint_t                      more;    /* delivered ones to remove */
    ngx_uint_t                      delivered;
    ngx_uint_t                      dead;
    ngx_uint_t                      left;    /* more is waiting */
    ngx_soporte_postgres_err_t      pg_err;
    ngx_soporte_spool_err_t         spool_err;
    ngx_soporte_spool_stat_t        stat;
    ngx_uint_t                      has_stat;
    ngx_msec_t                      until;   /* attachments of a batch */
    char                            reason[64];      /* of the last dead */

    unsigned                        running:1;
    unsigned                        stopped:1;
    unsigned                        weighed:1;       /* as this leader */
    unsigned                        asked:1; /* PostgreSQL was */
    unsigned                        pg_down:1;       /* said in the log */
    unsigned                        spool_bad:1;
};


static ngx_int_t ngx_http_soporte_deliver_open(ngx_http_soporte_deliver_t *d);
static void ngx_http_soporte_deliver_close(ngx_http_soporte_deliver_t *d);
static void ngx_http_soporte_deliver_thread(void *data, ngx_log_t *log);
static ngx_int_t ngx_http_soporte_deliver_batch(
    ngx_http_soporte_deliver_t *d);
static ngx_int_t ngx_http_soporte_deliver_send(ngx_http_soporte_deliver_t *d,
    ngx_soporte_mem_t *mem, ngx_soporte_spool_batch_t *batch);
static ngx_int_t ngx_http_soporte_deliver_settle(
    ngx_http_soporte_deliver_t *d, ngx_soporte_spool_batch_t *batch,
    ngx_soporte_postgres_row_t *rows);
static ngx_int_t ngx_http_soporte_deliver_bury(ngx_http_soporte_deliver_t *d,
    const u_char *id, const char *reason);
static ngx_int_t ngx_http_soporte_deliver_attached(
    ngx_http_soporte_deliver_t *d, ngx_soporte_mem_t *mem,
    ngx_soporte_spool_batch_t *batch, ngx_soporte_postgres_row_t *rows);
static ngx_uint_t ngx_http_soporte_deliver_named(
    ngx_soporte_spool_ticket_t *ticket);
static ngx_int_t ngx_http_soporte_deliver_files(
    ngx_http_soporte_deliver_t *d, ngx_soporte_mem_t *mem,
    ngx_soporte_spool_ticket_t *ticket, ngx_str_t *part);
static ngx_int_t ngx_http_soporte_deliver_missing(
    ngx_soporte_mem_t *mem, ngx_soporte_spool_ticket_t *ticket);
static ngx_uint_t ngx_http_soporte_deliver_there(
    ngx_soporte_spool_ticket_t *ticket, const ngx_soporte_value_t *file);
static ngx_int_t ngx_http_soporte_deliver_file(ngx_http_soporte_deliver_t *d,
    ngx_soporte_spool_ticket_t *ticket, ngx_soporte_spool_name_t *file,
    ngx_str_t *part);
static void ngx_http_soporte_deliver_count(ngx_http_soporte_deliver_t *d);
static ngx_msec_t ngx_http_soporte_deliver_now(void);
static void ngx_http_soporte_deliver_done(ngx_event_t *ev);
static void ngx_http_soporte_deliver_learn(ngx_http_soporte_deliver_t *d);
static void ngx_http_soporte_deliver_report(ngx_http_soporte_deliver_t *d);


ngx_http_soporte_deliver_t *
ngx_http_soporte_deliver_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_deliver_t  *d;

    d = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_deliver_t));

    if (d == NULL) {
        return NULL;
    }

    d->smcf = smcf;
    d->log = cycle->log;
    d->task = ngx_http_soporte_job(cycle, d, ngx_http_soporte_deliver_thread,
                                   ngx_http_soporte_deliver_done);

    if (d->task == NULL) {
        return NULL;
    }

    /* so that the first tick counts what was left by the last life */

    d->counted = ngx_current_msec - NGX_HTTP_SOPORTE_COUNT;
    d->wake = (uint64_t) -1;

    return d;
}


static ngx_int_t
ngx_http_soporte_deliver_open(ngx_http_soporte_deliver_t *d)
{
    volatile sig_atomic_t  *stop[2];

    if (d->pg || d->smcf->postgres == NULL) {
        return NGX_OK;
    }

    ngx_http_soporte_exit_flags(stop);

    d->pg = ngx_soporte_postgres_open(d->smcf->postgres, stop);

    return d->pg ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_soporte_deliver_close(ngx_http_soporte_deliver_t *d)
{
    if (d->pg) {
        ngx_soporte_postgres_close(d->pg);
        d->pg = NULL;
    }
}


void
ngx_http_soporte_deliver_tick(ngx_http_soporte_deliver_t *d)
{
    uint64_t               wake;
    ngx_soporte_header_t  *header;

    if (d->running || d->smcf->spool == NULL
        || ngx_http_soporte_deliver_open(d) != NGX_OK)
    {
        return;
    }

    if (d->stopped) {
        d->stopped = 0;
        d->weighed = 0;
    }

    header = d->smcf->zone->header;
    wake = ngx_soporte_load(&header->wake);

    d->count = (ngx_current_msec - d->counted >= NGX_HTTP_SOPORTE_COUNT);
    d->weigh = (d->count
                && (!d->weighed || d->seen <= NGX_HTTP_SOPORTE_WEIGH_MAX));
    d->overdue = (ngx_current_msec - d->counted
                  >= NGX_HTTP_SOPORTE_COUNT_LAST);

    if (!d->count
        && ((wake == d->wake && !d->left)
            || (ngx_msec_int_t) (d->next - ngx_current_msec) > 0))
    {
        return;
    }

    d->wake = wake;
    d->running = 1;

    if (ngx_thread_task_post(d->smcf->pool, d->task) != NGX_OK) {
        d->running = 0;
    }
}


/* the threads are gone by now */

void
ngx_http_soporte_deliver_exit(ngx_http_soporte_deliver_t *d)
{
    ngx_http_soporte_deliver_close(d);
}


void
ngx_http_soporte_deliver_stop(ngx_http_soporte_deliver_t *d)
{
    d->stopped = 1;

    if (!d->running) {
        ngx_http_soporte_deliver_close(d);
    }
}


/* in a thread */

static void
ngx_http_soporte_deliver_thread(void *data, ngx_log_t *log)
{
    ngx_uint_t                   i;
    ngx_http_soporte_deliver_t  *d = data;

    d->delivered = 0;
    d->dead = 0;
    d->left = 0;
    d->asked = 0;
    d->has_stat = 0;
    d->pg_err.code = NGX_SOPORTE_POSTGRES_NO_ERROR;
    d->spool_err.code = NGX_SOPORTE_SPOOL_NO_ERROR;
    d->more = 0;

    for (i = 0; d->pg && i < NGX_HTTP_SOPORTE_ROUNDS; i++) {

        if (ngx_exiting || ngx_terminate
            || ngx_http_soporte_deliver_batch(d) != NGX_AGAIN)
        {
            break;
        }
    }

    d->left = (d->pg_err.code != NGX_SOPORTE_POSTGRES_NO_ERROR
               || i == NGX_HTTP_SOPORTE_ROUNDS || d->more);

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    /* to sweep and to weigh takes longer than to deliver: that goes first */

    if (i == NGX_HTTP_SOPORTE_ROUNDS && !d->overdue) {
        d->count = 0;
        d->weigh = 0;
    }

    if (d->count) {
        (void) ngx_soporte_spool_sweep(d->smcf->spool, &d->spool_err);
    }

    if (d->count || d->delivered || d->dead) {
        ngx_http_soporte_deliver_count(d);
    }
}


/*
 * The budget's figure lives in shared memory: after a reboot it begins at
 * nothing, and a worker killed within put() leaves its share behind.  So it is
 * set to what the files weigh, if nobody changed it meanwhile.
 */

static void
ngx_http_soporte_deliver_count(ngx_http_soporte_deliver_t *d)
{
    ngx_int_t            rc;
    ngx_atomic_t        *used;
    ngx_atomic_uint_t    before;

    used = &d->smcf->zone->header->spool_bytes;
    before = *used;

    rc = ngx_soporte_spool_stat(d->smcf->spool, NGX_HTTP_SOPORTE_COUNT_MAX,
                                d->weigh, &d->stat, &d->spool_err);

    d->has_stat = (rc == NGX_OK);

    if (d->has_stat && d->weigh
        && ngx_atomic_cmp_set(used, before,
                              (ngx_atomic_uint_t) d->stat.bytes))
    {
        d->weighed = 1;
    }
}


/* NGX_AGAIN: delivered, and there may be more; NGX_OK: nothing was there */

static ngx_int_t
ngx_http_soporte_deliver_batch(ngx_http_soporte_deliver_t *d)
{
    ngx_int_t                   rc;
    ngx_pool_t                 *pool;
    ngx_soporte_mem_t           mem;
    ngx_soporte_spool_batch_t   batch;

    pool = ngx_create_pool(16384, d->log);

    if (pool == NULL) {
        return NGX_ERROR;
    }

    mem = ngx_http_soporte_mem(pool);

    rc = ngx_soporte_spool_claim(d->smcf->spool, &mem,
                                 NGX_HTTP_SOPORTE_BATCH,
                                 NGX_HTTP_SOPORTE_BATCH_BYTES, &batch,
                                 &d->spool_err);

    if (rc == NGX_OK && batch.ndead) {
        d->dead += batch.ndead;
        ngx_cpystrn((u_char *) d->reason, (u_char *) batch.dead.text,
                    sizeof(d->reason));
    }

    if (rc == NGX_OK) {
        d->more = batch.more;
    }

    if (rc == NGX_OK && batch.n) {
        rc = ngx_http_soporte_deliver_send(d, &mem, &batch);

        if (rc == NGX_OK) {
            rc = NGX_AGAIN;
        }
    }

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_int_t
ngx_http_soporte_deliver_send(ngx_http_soporte_deliver_t *d,
    ngx_soporte_mem_t *mem, ngx_soporte_spool_batch_t *batch)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_soporte_postgres_row_t  *rows;

    rows = ngx_soporte_alloc(mem,
                             batch->n * sizeof(ngx_soporte_postgres_row_t));

    if (rows == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(rows, batch->n * sizeof(ngx_soporte_postgres_row_t));

    for (i = 0; i < batch->n; i++) {
        rows[i].json = batch->tickets[i].json;
    }

    d->asked = 1;

    rc = ngx_soporte_postgres_connect(d->pg, d->smcf->timeout, &d->pg_err);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_soporte_postgres_file_tickets(d->pg, rows, batch->n,
                                           d->smcf->timeout, &d->pg_err);

    d->until = ngx_http_soporte_deliver_now() + d->smcf->timeout;

    /* some rows may have their result even when the whole has failed */

    if (ngx_http_soporte_deliver_settle(d, batch, rows) != NGX_OK
        || ngx_http_soporte_deliver_attached(d, mem, batch, rows) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


/* what has no result stays in sending/ and is claimed first the next time */

static ngx_int_t
ngx_http_soporte_deliver_settle(ngx_http_soporte_deliver_t *d,
    ngx_soporte_spool_batch_t *batch, ngx_soporte_postgres_row_t *rows)
{
    ngx_int_t    rc;
    ngx_uint_t   i;

    for (i = 0; i < batch->n; i++) {

        switch (rows[i].result) {

        case NGX_SOPORTE_POSTGRES_NEW:
        case NGX_SOPORTE_POSTGRES_DUP:

            if (ngx_http_soporte_deliver_named(&batch->tickets[i])) {
                rc = NGX_OK;
                break;
            }

            rc = ngx_soporte_spool_done(d->smcf->spool, batch->tickets[i].id,
                                        &d->spool_err);
            d->delivered++;
            break;

        case NGX_SOPORTE_POSTGRES_BAD:
            rc = ngx_http_soporte_deliver_bury(d, batch->tickets[i].id,
                                               rows[i].reason);
            break;

        default:
            rc = NGX_OK;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_deliver_bury(ngx_http_soporte_deliver_t *d, const u_char *id,
    const char *reason)
{
    d->dead++;
    ngx_cpystrn((u_char *) d->reason, (u_char *) reason, sizeof(d->reason));

    return ngx_soporte_spool_dead(d->smcf->spool, id, reason, &d->spool_err);
}


/*
 * The attachments of what was stored, and only then is it done.  They get the
 * time of one exchange: what is left goes back to new/, behind the tickets
 * that wait there, and goes on another time from where it stopped.
 */

static ngx_int_t
ngx_http_soporte_deliver_attached(ngx_http_soporte_deliver_t *d,
    ngx_soporte_mem_t *mem, ngx_soporte_spool_batch_t *batch,
    ngx_soporte_postgres_row_t *rows)
{
    ngx_int_t                    rc;
    ngx_str_t                    part;
    ngx_uint_t                   i;
    ngx_soporte_spool_ticket_t  *t;

    ngx_str_null(&part);

    for (i = 0; i < batch->n; i++) {
        t = &batch->tickets[i];

        if (!ngx_http_soporte_deliver_named(t)
            || (rows[i].result != NGX_SOPORTE_POSTGRES_NEW
                && rows[i].result != NGX_SOPORTE_POSTGRES_DUP))
        {
            continue;
        }

        if (part.data == NULL) {
            part.data = ngx_soporte_alloc(mem, NGX_SOPORTE_POSTGRES_PART);

            if (part.data == NULL) {
                return NGX_ERROR;
            }
        }

        switch (ngx_http_soporte_deliver_files(d, mem, t, &part)) {

        case NGX_OK:
            rc = ngx_soporte_spool_done(d->smcf->spool, t->id, &d->spool_err);
            d->delivered++;
            break;

        case NGX_AGAIN:
            rc = ngx_soporte_spool_back(d->smcf->spool, t->id, &d->spool_err);
            break;

        case NGX_DECLINED:
            rc = ngx_http_soporte_deliver_bury(d, t->id, d->pg_err.sqlstate);
            d->pg_err.code = NGX_SOPORTE_POSTGRES_NO_ERROR;
            break;

        default:
            rc = NGX_ERROR;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* it has files, or may name some: most don't, and are not parsed for it */

static ngx_uint_t
ngx_http_soporte_deliver_named(ngx_soporte_spool_ticket_t *ticket)
{
    static const char  key[] = "\"attachments\"";

    return ticket->nfiles
           || memmem(ticket->json.data, ticket->json.len, key, sizeof(key) - 1)
              != NULL;
}


/* NGX_AGAIN: no time is left; NGX_DECLINED: never to be stored, see pg_err */

static ngx_int_t
ngx_http_soporte_deliver_files(ngx_http_soporte_deliver_t *d,
    ngx_soporte_mem_t *mem, ngx_soporte_spool_ticket_t *ticket,
    ngx_str_t *part)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < ticket->nfiles; i++) {
        rc = ngx_http_soporte_deliver_file(d, ticket, &ticket->files[i], part);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_http_soporte_deliver_missing(mem, ticket);

    if (rc == NGX_DECLINED) {
        ngx_memcpy(d->pg_err.sqlstate, "58P01", sizeof("58P01"));
    }

    return rc;
}


/* NGX_DECLINED: ticket.json names a file that the disk does not have */

static ngx_int_t
ngx_http_soporte_deliver_missing(ngx_soporte_mem_t *mem,
    ngx_soporte_spool_ticket_t *ticket)
{
    ngx_soporte_value_t        *root, *list, *file;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_SOPORTE_VALUE_DEPTH;

    root = ngx_soporte_json_parse(mem, ticket->json.data, ticket->json.len,
                                  &limits, &err);

    /* PostgreSQL has read it, but what it names can't be told */

    if (root == NULL) {
        return mem->failed ? NGX_ERROR : NGX_DECLINED;
    }

    list = ngx_soporte_value_get(root, "attachments");

    if (list == NULL || list->type != NGX_SOPORTE_LIST) {
        return NGX_OK;
    }

    for (file = list->first; file; file = file->next) {
        if (!ngx_http_soporte_deliver_there(ticket, file)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_soporte_deliver_there(ngx_soporte_spool_ticket_t *ticket,
    const ngx_soporte_value_t *file)
{
    ngx_str_t                   name;
    ngx_uint_t                  i;
    ngx_soporte_value_t        *value;
    ngx_soporte_spool_name_t   *f;

    value = ngx_soporte_value_get(file, "name");

    if (value == NULL || value->type != NGX_SOPORTE_STRING) {
        return 0;
    }

    name = value->str;

    for (i = 0; i < ticket->nfiles; i++) {
        f = &ticket->files[i];

        if (name.len == ngx_strlen(f->name)
            && ngx_memcmp(name.data, f->name, name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_soporte_deliver_file(ngx_http_soporte_deliver_t *d,
    ngx_soporte_spool_ticket_t *ticket, ngx_soporte_spool_name_t *file,
    ngx_str_t *part)
{
    ssize_t   n;
    uint64_t  at, next;

    for (at = 0; /* void */ ; at = next) {

        /* at least one part each time, so that it comes to an end */

        if (at && (ngx_exiting || ngx_terminate
                   || ngx_http_soporte_deliver_now() >= d->until))
        {
            return NGX_AGAIN;
        }

        n = ngx_soporte_spool_read(d->smcf->spool, ticket->id, file->name,
                                   (off_t) at, part->data,
                                   NGX_SOPORTE_POSTGRES_PART, &d->spool_err);
        if (n == -1 && d->spool_err.code == NGX_SOPORTE_SPOOL_RESOURCE) {
            return NGX_ERROR;
        }

        /* one file that can't be read must not stand before all others */

        if (n == -1) {
            ngx_memcpy(d->pg_err.sqlstate, "58030", sizeof("58030"));
            d->spool_err.code = NGX_SOPORTE_SPOOL_NO_ERROR;
            return NGX_DECLINED;
        }

        part->len = n;

        if (ngx_soporte_postgres_attach_part(d->pg, &ticket->json, file->name,
                                             file->len, at, part,
                                             d->smcf->timeout, &next,
                                             &d->pg_err)
            != NGX_OK)
        {
            return (d->pg_err.code == NGX_SOPORTE_POSTGRES_DATA)
                   ? NGX_DECLINED : NGX_ERROR;
        }

        if (next == file->len) {
            return NGX_OK;
        }

        if (next > file->len || next == at) {
            ngx_memcpy(d->pg_err.sqlstate, "XX001", sizeof("XX001"));
            return NGX_DECLINED;
        }
    }
}


static ngx_msec_t
ngx_http_soporte_deliver_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (ngx_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* in the event loop */

static void
ngx_http_soporte_deliver_done(ngx_event_t *ev)
{
    ngx_http_soporte_deliver_t  *d = ev->data;

    d->running = 0;

    if (d->count) {
        d->counted = ngx_current_msec;
    }

    ngx_http_soporte_deliver_learn(d);
    ngx_http_soporte_deliver_report(d);

    if (d->stopped || ngx_exiting) {
        ngx_http_soporte_deliver_close(d);
        return;
    }

    if (d->left && d->failures == 0) {
        ngx_http_soporte_deliver_tick(d);
    }
}


static void
ngx_http_soporte_deliver_learn(ngx_http_soporte_deliver_t *d)
{
    ngx_soporte_header_t  *header;

    header = d->smcf->zone->header;

    if (d->has_stat) {
        ngx_soporte_store(&header->spool_new,
                          d->stat.count[NGX_SOPORTE_SPOOL_NEW]);
        ngx_soporte_store(&header->spool_sending,
                          d->stat.count[NGX_SOPORTE_SPOOL_SENDING]);
        ngx_soporte_store(&header->spool_dead,
                          d->stat.count[NGX_SOPORTE_SPOOL_DEAD]);
        ngx_soporte_store(&header->spool_notify,
                          d->stat.count[NGX_SOPORTE_SPOOL_NOTIFY]);
        ngx_soporte_store(&header->spool_oldest, d->stat.oldest / 1000);

        d->seen = d->stat.count[NGX_SOPORTE_SPOOL_NEW]
                  + d->stat.count[NGX_SOPORTE_SPOOL_SENDING]
                  + d->stat.count[NGX_SOPORTE_SPOOL_DEAD];

        if (d->stat.count[NGX_SOPORTE_SPOOL_NEW]) {
            d->left = 1;
        }
    }

    if (!d->asked || d->pg_err.code == NGX_SOPORTE_POSTGRES_STOPPED) {
        return;
    }

    if (d->pg_err.code == NGX_SOPORTE_POSTGRES_NO_ERROR) {
        d->failures = 0;
        ngx_soporte_add(&header->postgres_ok, 1);
        ngx_soporte_store(&header->postgres_up, 1);
        ngx_soporte_store(&header->postgres_success, ngx_time());
        return;
    }

    d->failures++;
    d->next = ngx_current_msec
              + ngx_soporte_postgres_backoff(d->failures, ngx_random());

    ngx_soporte_add(&header->postgres_error, 1);
    ngx_soporte_store(&header->postgres_up, 0);
}


/* once for each change of state, never for each retry */

static void
ngx_http_soporte_deliver_report(ngx_http_soporte_deliver_t *d)
{
    ngx_uint_t  level;

    if (d->dead) {
        ngx_log_error(NGX_LOG_ALERT, d->log, 0,
                      "%ui ticket(s) could not be delivered and lie in "
                      "\"%V/spool/dead\", the last because of \"%s\"",
                      d->dead, &d->smcf->path, d->reason);
    }

    if (d->asked && d->pg_err.code == NGX_SOPORTE_POSTGRES_NO_ERROR
        && d->pg_down)
    {
        d->pg_down = 0;
        ngx_log_error(NGX_LOG_NOTICE, d->log, 0,
                      "PostgreSQL takes tickets again");
    }

    if (d->asked && !d->pg_down
        && (d->pg_err.code == NGX_SOPORTE_POSTGRES_RETRY
            || d->pg_err.code == NGX_SOPORTE_POSTGRES_STOP))
    {
        d->pg_down = 1;

        /* rights and schema don't mend themselves */

        level = NGX_LOG_ERR;

        if (d->pg_err.code == NGX_SOPORTE_POSTGRES_STOP) {
            level = NGX_LOG_ALERT;
        }

        ngx_log_error(level, d->log, 0,
                      "tickets stay in the spool, PostgreSQL does not take "
                      "them: %s", d->pg_err.text);
    }

    if (d->spool_err.code == NGX_SOPORTE_SPOOL_NO_ERROR
        || d->spool_err.code == NGX_SOPORTE_SPOOL_STOPPED)
    {
        d->spool_bad = 0;

    } else if (!d->spool_bad) {
        d->spool_bad = 1;
        ngx_log_error(NGX_LOG_ALERT, d->log, d->spool_err.sys,
                      "the spool of \"%V\" fails: %s", &d->smcf->path,
                      d->spool_err.text);
    }
}
