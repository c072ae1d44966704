
/*
 * Durable events: a queue in the worker's memory, and one task at a time that
 * puts its head into the spool.  The id is made when the event is filed and
 * stays: a put whose outcome is not known is simply done again.
 */

#include "ngx_http_soporte_event.h"
#include "ngx_http_soporte_job.h"

#include "ngx_soporte_board.h"
#include "ngx_soporte_tenant.h"


#define NGX_HTTP_SOPORTE_EVENT_ROUND  64     /* events in one task */
#define NGX_HTTP_SOPORTE_EVENT_FLUSH  500    /* ms, at the process's end */
#define NGX_HTTP_SOPORTE_EVENT_LAST   3000   /* ms, of what has no copy */
#define NGX_HTTP_SOPORTE_EVENT_RETRY  200    /* ms, then twice as long, ... */
#define NGX_HTTP_SOPORTE_EVENT_REST   10000  /* ... up to this */


/* an event on its way; its JSON lies behind it */

typedef struct {
    ngx_queue_t                     queue;
    u_char                          id[NGX_SOPORTE_ID_LEN];
    ngx_str_t                       json;
    ngx_http_soporte_event_copy_t   copy;
    unsigned                        alone:1; /* copy is none */
    unsigned                        kept:1;  /* by the spool; of the thread */
} ngx_http_soporte_event_t;


struct ngx_http_soporte_events_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_log_t                      *log;
    ngx_thread_task_t              *task;
    ngx_http_soporte_timer_t        timer;

    ngx_queue_t                     waiting;
    ngx_queue_t                     sending; /* the thread's while it runs */
    ngx_uint_t                      n;       /* in both */
    size_t                          bytes;
    ngx_uint_t                      failures;
    ngx_soporte_spool_err_t         err;     /* of the thread */

    unsigned                        running:1;
    unsigned                        bad:1;   /* said in the log, each once */
    unsigned                        full:1;
};


/* JSON measured or written: core/'s output over a buffer, or over none */

typedef struct {
    u_char                         *last;
    size_t                          size;
} ngx_http_soporte_event_text_t;


static ngx_int_t ngx_http_soporte_event_write(void *data, const u_char *p,
    size_t len);
static void ngx_http_soporte_event_json(ngx_http_soporte_event_text_t *text,
    ngx_soporte_value_t *value, const ngx_str_t *node);
static ngx_http_soporte_event_t *ngx_http_soporte_event_make(
    ngx_http_soporte_events_t *events, ngx_soporte_value_t *value);
static ngx_int_t ngx_http_soporte_event_lost(
    ngx_http_soporte_events_t *events);
static void ngx_http_soporte_event_post(ngx_http_soporte_events_t *events);
static void ngx_http_soporte_event_later(ngx_http_soporte_events_t *events);
static void ngx_http_soporte_event_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_event_done(ngx_event_t *ev);
static void ngx_http_soporte_event_timer(ngx_event_t *ev);
static void ngx_http_soporte_event_settle(ngx_http_soporte_events_t *events);
static void ngx_http_soporte_event_order(ngx_http_soporte_events_t *events);
static ngx_uint_t ngx_http_soporte_event_held(const ngx_soporte_zone_t *zone,
    const ngx_http_soporte_event_t *event);
static ngx_msec_t ngx_http_soporte_event_limit(
    const ngx_http_soporte_event_t *event);
static void ngx_http_soporte_event_left(ngx_http_soporte_events_t *events);


ngx_http_soporte_events_t *
ngx_http_soporte_events_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_events_t  *events;

    events = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_events_t));

    if (events == NULL) {
        return NULL;
    }

    events->smcf = smcf;
    events->log = cycle->log;
    events->task = ngx_http_soporte_job(cycle, events,
                                        ngx_http_soporte_event_thread,
                                        ngx_http_soporte_event_done);

    if (events->task == NULL) {
        return NULL;
    }

    ngx_queue_init(&events->waiting);
    ngx_queue_init(&events->sending);

    ngx_http_soporte_timer(&events->timer, events,
                           ngx_http_soporte_event_timer, cycle->log);

    return events;
}


ngx_int_t
ngx_http_soporte_event(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_value_t *value, const ngx_http_soporte_event_copy_t *copy)
{
    ngx_http_soporte_event_t   *event;
    ngx_http_soporte_events_t  *events;

    /* without a database they would only take the room of tickets */

    if (smcf->postgres == NULL || smcf->events == NULL) {
        return NGX_DECLINED;
    }

    events = smcf->events;
    event = ngx_http_soporte_event_make(events, value);

    if (event == NULL) {
        return copy ? NGX_ERROR : ngx_http_soporte_event_lost(events);
    }

    if (copy) {
        event->copy = *copy;

    } else {
        event->alone = 1;
    }

    ngx_queue_insert_tail(&events->waiting, &event->queue);
    events->n++;
    events->bytes += event->json.len;

    if (!events->running && !events->timer.event.timer_set) {
        ngx_http_soporte_event_post(events);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_soporte_events_waiting(const ngx_http_soporte_main_conf_t *smcf)
{
    return smcf->events ? smcf->events->n : 0;
}


static ngx_http_soporte_event_t *
ngx_http_soporte_event_make(ngx_http_soporte_events_t *events,
    ngx_soporte_value_t *value)
{
    u_char                         random[NGX_SOPORTE_ID_RANDOM];
    ngx_str_t                      node;
    ngx_time_t                    *tp;
    ngx_http_soporte_event_t      *event;
    ngx_http_soporte_event_text_t  text;

    ngx_str_null(&node);

    if (ngx_soporte_value_get(value, "node") == NULL) {
        node = events->smcf->node;
    }

    ngx_memzero(&text, sizeof(ngx_http_soporte_event_text_t));
    ngx_http_soporte_event_json(&text, value, &node);

    if (text.size == 0 || text.size > NGX_SOPORTE_SPOOL_JSON_MAX
        || events->n >= NGX_HTTP_SOPORTE_EVENTS
        || events->bytes + text.size > NGX_HTTP_SOPORTE_EVENT_BYTES
        || ngx_soporte_secret_random(random, sizeof(random)) != NGX_OK)
    {
        return NULL;
    }

    event = ngx_alloc(sizeof(ngx_http_soporte_event_t) + text.size,
                      events->log);

    if (event == NULL) {
        return NULL;
    }

    ngx_memzero(event, sizeof(ngx_http_soporte_event_t));

    event->json.data = (u_char *) event + sizeof(ngx_http_soporte_event_t);
    event->json.len = text.size;

    text.last = event->json.data;
    ngx_http_soporte_event_json(&text, value, &node);

    tp = ngx_timeofday();
    ngx_soporte_uuid_v7(event->id, (uint64_t) tp->sec * 1000 + tp->msec,
                        random);

    return event;
}


/* the object with "node" put in front; size 0: it is none, or too deep */

static void
ngx_http_soporte_event_json(ngx_http_soporte_event_text_t *text,
    ngx_soporte_value_t *value, const ngx_str_t *node)
{
    ngx_soporte_out_t     out;
    ngx_soporte_value_t   named, first, *head;

    ngx_memzero(&out, sizeof(ngx_soporte_out_t));
    out.write = ngx_http_soporte_event_write;
    out.data = text;
    text->size = 0;

    if (value->type != NGX_SOPORTE_OBJECT) {
        return;
    }

    head = value->first;

    if (node->len) {
        ngx_memzero(&first, sizeof(ngx_soporte_value_t));
        first.type = NGX_SOPORTE_STRING;
        ngx_str_set(&first.name, "node");
        first.str = *node;
        first.next = head;
        head = &first;
    }

    named = *value;
    named.first = head;

    ngx_soporte_value_json(&out, &named);

    if (out.failed) {
        text->size = 0;
    }
}


static ngx_int_t
ngx_http_soporte_event_write(void *data, const u_char *p, size_t len)
{
    ngx_http_soporte_event_text_t  *text = data;

    text->size += len;

    if (text->last) {
        text->last = ngx_cpymem(text->last, p, len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_event_lost(ngx_http_soporte_events_t *events)
{
    ngx_soporte_add(&events->smcf->zone->header->events_lost, 1);

    if (!events->full) {
        events->full = 1;
        ngx_log_error(NGX_LOG_ALERT, events->log, 0,
                      "an event could not be kept and is lost, %ui wait for "
                      "the spool", events->n);
    }

    return NGX_ERROR;
}


/* the head of the queue goes to a thread */

static void
ngx_http_soporte_event_post(ngx_http_soporte_events_t *events)
{
    ngx_uint_t                     n;
    ngx_queue_t                   *q;
    ngx_http_soporte_main_conf_t  *smcf;

    if (events->running || ngx_queue_empty(&events->waiting)) {
        return;
    }

    smcf = events->smcf;

    /* the last quarter of the budget is for tickets alone */

    if (smcf->spool == NULL
        || smcf->zone->header->spool_bytes > smcf->max_size / 4 * 3)
    {
        events->err.sys = 0;
        ngx_cpystrn((u_char *) events->err.text,
                    (u_char *) "no room in spool", sizeof(events->err.text));
        ngx_http_soporte_event_later(events);
        return;
    }

    for (n = 0; n < NGX_HTTP_SOPORTE_EVENT_ROUND; n++) {

        if (ngx_queue_empty(&events->waiting)) {
            break;
        }

        q = ngx_queue_head(&events->waiting);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&events->sending, q);
    }

    events->running = 1;

    if (ngx_thread_task_post(smcf->pool, events->task) != NGX_OK) {
        events->running = 0;
        events->err.sys = 0;
        ngx_cpystrn((u_char *) events->err.text,
                    (u_char *) "no thread is free", sizeof(events->err.text));
        ngx_http_soporte_event_settle(events);
        ngx_http_soporte_event_later(events);
    }
}


static void
ngx_http_soporte_event_later(ngx_http_soporte_events_t *events)
{
    ngx_msec_t  delay;

    if (!events->bad) {
        events->bad = 1;
        ngx_log_error(NGX_LOG_ERR, events->log, events->err.sys,
                      "events can't be spooled, they wait: %s",
                      events->err.text);
    }

    delay = NGX_HTTP_SOPORTE_EVENT_RETRY << ngx_min(events->failures, 6);
    events->failures++;

    ngx_add_timer(&events->timer.event,
                  ngx_min(delay, NGX_HTTP_SOPORTE_EVENT_REST));
}


/* in a thread */

static void
ngx_http_soporte_event_thread(void *data, ngx_log_t *log)
{
    ngx_int_t                   rc;
    ngx_queue_t                *q;
    ngx_http_soporte_event_t   *event;
    ngx_http_soporte_events_t  *events = data;

    for (q = ngx_queue_head(&events->sending);
         q != ngx_queue_sentinel(&events->sending);
         q = ngx_queue_next(q))
    {
        event = ngx_queue_data(q, ngx_http_soporte_event_t, queue);

        /* what is left is put at the process's end */

        if (ngx_exiting || ngx_terminate) {
            return;
        }

        rc = ngx_soporte_spool_put(events->smcf->spool, event->id,
                                   &event->json, NULL, 0, 0, &events->err);

        if (rc == NGX_ERROR) {
            return;
        }

        event->kept = 1;
    }
}


/* in the event loop */

static void
ngx_http_soporte_event_done(ngx_event_t *ev)
{
    ngx_http_soporte_events_t  *events = ev->data;

    events->running = 0;

    ngx_http_soporte_event_settle(events);

    if (ngx_exiting || ngx_terminate || ngx_queue_empty(&events->waiting)) {
        return;
    }

    if (events->failures) {
        ngx_http_soporte_event_later(events);
        return;
    }

    ngx_http_soporte_event_post(events);
}


/* what was kept is forgotten, the rest waits again, in its order */

static void
ngx_http_soporte_event_settle(ngx_http_soporte_events_t *events)
{
    ngx_int_t                  rc;
    ngx_uint_t                 kept, left;
    ngx_queue_t               *q;
    ngx_soporte_header_t      *header;
    ngx_http_soporte_event_t  *event;

    rc = NGX_OK;
    kept = 0;
    left = 0;
    header = events->smcf->zone->header;

    while (!ngx_queue_empty(&events->sending)) {
        q = ngx_queue_last(&events->sending);
        event = ngx_queue_data(q, ngx_http_soporte_event_t, queue);

        ngx_queue_remove(q);

        if (!event->kept) {
            ngx_queue_insert_head(&events->waiting, q);
            left++;
            continue;
        }

        /*
         * None is marked any more when the lock was not had once: each would
         * wait for it, and the leader files them again.
         */

        if (event->copy.tenant) {
            ngx_soporte_tenant_filed(event->copy.tenant, event->copy.part,
                                     event->copy.version);

        } else if (event->copy.whole && rc != NGX_BUSY) {
            rc = ngx_soporte_board_filed(events->smcf->zone, event->copy.id,
                                         event->copy.version, ngx_time());
        }

        kept++;
        events->n--;
        events->bytes -= event->json.len;
        ngx_free(event);
    }

    if (kept) {
        ngx_soporte_add(&header->events_filed, kept);
        ngx_soporte_add(&header->wake, 1);
        events->full = 0;
    }

    if (left) {
        events->failures = ngx_max(events->failures, 1);
        return;
    }

    events->failures = 0;

    if (kept && events->bad) {
        events->bad = 0;
        ngx_log_error(NGX_LOG_NOTICE, events->log, 0,
                      "events are spooled again");
    }
}


static void
ngx_http_soporte_event_timer(ngx_event_t *ev)
{
    ngx_http_soporte_events_t  *events = ngx_http_soporte_timer_data(ev);

    ngx_http_soporte_event_post(events);
}


/* the threads are gone by now, with what they had put marked */

void
ngx_http_soporte_events_flush(ngx_http_soporte_main_conf_t *smcf)
{
    ngx_msec_t                  start;
    ngx_queue_t                *q;
    ngx_http_soporte_event_t   *event;
    ngx_http_soporte_events_t  *events;

    events = smcf->events;

    if (events == NULL) {
        return;
    }

    events->running = 0;
    ngx_http_soporte_event_settle(events);
    ngx_http_soporte_event_order(events);

    ngx_time_update();
    start = ngx_current_msec;

    while (smcf->spool && !ngx_queue_empty(&events->waiting)) {
        q = ngx_queue_head(&events->waiting);
        event = ngx_queue_data(q, ngx_http_soporte_event_t, queue);

        if (ngx_current_msec - start >= ngx_http_soporte_event_limit(event)
            || ngx_soporte_spool_put(smcf->spool, event->id, &event->json,
                                     NULL, 0, 0, &events->err)
               == NGX_ERROR)
        {
            break;
        }

        event->kept = 1;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&events->sending, q);
        ngx_http_soporte_event_settle(events);

        ngx_time_update();
    }

    ngx_http_soporte_event_left(events);
}


/* first what is nowhere else, each part in its order */

static void
ngx_http_soporte_event_order(ngx_http_soporte_events_t *events)
{
    ngx_queue_t               *q, *next, held;
    ngx_http_soporte_event_t  *event;

    ngx_queue_init(&held);

    for (q = ngx_queue_head(&events->waiting);
         q != ngx_queue_sentinel(&events->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        event = ngx_queue_data(q, ngx_http_soporte_event_t, queue);

        if (ngx_http_soporte_event_held(events->smcf->zone, event)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&held, q);

        } else {
            event->alone = 1;
        }
    }

    if (!ngx_queue_empty(&held)) {
        ngx_queue_add(&events->waiting, &held);
    }
}


static ngx_uint_t
ngx_http_soporte_event_held(const ngx_soporte_zone_t *zone,
    const ngx_http_soporte_event_t *event)
{
    if (event->alone) {
        return 0;
    }

    if (event->copy.tenant) {
        return ngx_soporte_tenant_holds(event->copy.tenant, event->copy.part,
                                        event->copy.version);
    }

    return event->copy.version == 0
           || ngx_soporte_board_holds(zone, event->copy.id,
                                      event->copy.version, event->copy.step);
}


/* ms; a fast shutdown is ended by the master's SIGKILL after a second */

static ngx_msec_t
ngx_http_soporte_event_limit(const ngx_http_soporte_event_t *event)
{
    return (event->alone && !ngx_terminate) ? NGX_HTTP_SOPORTE_EVENT_LAST
                                            : NGX_HTTP_SOPORTE_EVENT_FLUSH;
}


static void
ngx_http_soporte_event_left(ngx_http_soporte_events_t *events)
{
    ngx_uint_t                 lost;
    ngx_queue_t               *q;
    ngx_http_soporte_event_t  *event;

    lost = 0;

    while (!ngx_queue_empty(&events->waiting)) {
        q = ngx_queue_head(&events->waiting);
        event = ngx_queue_data(q, ngx_http_soporte_event_t, queue);

        lost += event->alone;

        ngx_queue_remove(q);
        ngx_free(event);
    }

    if (lost) {
        ngx_soporte_add(&events->smcf->zone->header->events_lost, lost);
        ngx_log_error(NGX_LOG_ALERT, events->log, events->err.sys,
                      "%ui event(s) could not be kept and are lost: %s",
                      lost, events->err.text);
    }

    if (events->n > lost) {
        ngx_log_error(NGX_LOG_NOTICE, events->log, 0,
                      "%ui event(s) are left to the worker that leads next",
                      events->n - lost);
    }

    events->n = 0;
}
