
/*
 * Tells the fleet: words queue up in the worker that got them, and one task
 * at a time hands them to Redis over a connection of the worker's own.
 *
 * Nothing is tried for long: a word that could not be told stands on our
 * board, and "fleet_dirty" makes the leader compare boards as soon as it can.
 */

#include "ngx_http_soporte_publish.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_reply.h"


#define NGX_HTTP_SOPORTE_PUBLISH_MAX    4096 /* words of a worker that wait */
#define NGX_HTTP_SOPORTE_PUBLISH_ROUND  64   /* words of one task */


/* a word on its way; its JSON lies behind it */

typedef struct {
    ngx_queue_t                     queue;
    ngx_soporte_fleet_word_t        word;
} ngx_http_soporte_telling_t;


struct ngx_http_soporte_publish_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_log_t                      *log;
    ngx_soporte_redis_t            *redis;
    ngx_soporte_fleet_keys_t        keys;
    ngx_thread_task_t              *task;

    ngx_queue_t                     waiting;
    ngx_uint_t                      n;       /* in it and in sending */

    /* the thread's while it runs */

    ngx_soporte_fleet_word_t        words[NGX_HTTP_SOPORTE_PUBLISH_ROUND];
    ngx_queue_t                     sending;
    ngx_uint_t                      nwords;
    ngx_int_t                       rc;

    unsigned                        running:1;
};


static ngx_http_soporte_telling_t *ngx_http_soporte_publish_make(
    ngx_http_soporte_publish_t *p, const u_char *id, uint64_t version,
    const ngx_soporte_value_t *word);
static void ngx_http_soporte_publish_post(ngx_http_soporte_publish_t *p);
static void ngx_http_soporte_publish_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_publish_done(ngx_event_t *ev);
static void ngx_http_soporte_publish_drop(ngx_http_soporte_publish_t *p,
    ngx_queue_t *queue);


ngx_http_soporte_publish_t *
ngx_http_soporte_publish_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_soporte_mem_t            mem;
    volatile sig_atomic_t       *stop[2];
    ngx_http_soporte_publish_t  *p;

    p = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_publish_t));

    if (p == NULL) {
        return NULL;
    }

    smcf->started = ngx_time();

    p->smcf = smcf;
    p->log = cycle->log;
    ngx_queue_init(&p->waiting);
    ngx_queue_init(&p->sending);

    ngx_soporte_store(&smcf->zone->header->redis_used,
                      smcf->redis ? 1 : 0);

    if (smcf->redis == NULL || smcf->single) {
        return p;
    }

    ngx_http_soporte_exit_flags(stop);

    mem = ngx_http_soporte_mem(cycle->pool);

    p->redis = ngx_soporte_redis_open(smcf->redis, stop);
    p->task = ngx_http_soporte_job(cycle, p, ngx_http_soporte_publish_thread,
                                   ngx_http_soporte_publish_done);

    if (p->redis == NULL || p->task == NULL
        || ngx_soporte_fleet_keys(&mem, &smcf->redis_prefix, &smcf->node,
                                  &p->keys) != NGX_OK)
    {
        return NULL;
    }

    return p;
}


void
ngx_http_soporte_publish_close(ngx_http_soporte_publish_t *p)
{
    if (p == NULL) {
        return;
    }

    ngx_http_soporte_publish_drop(p, &p->waiting);
    ngx_http_soporte_publish_drop(p, &p->sending);

    if (p->redis) {
        ngx_soporte_redis_close(p->redis);
        p->redis = NULL;
    }
}


void
ngx_http_soporte_publish(ngx_http_soporte_main_conf_t *smcf,
    const u_char id[NGX_SOPORTE_ID_LEN], uint64_t version,
    const ngx_soporte_value_t *word)
{
    ngx_soporte_header_t        *header;
    ngx_http_soporte_publish_t  *p;
    ngx_http_soporte_telling_t  *t;

    p = smcf->publish;
    header = smcf->zone->header;

    if (p == NULL || p->redis == NULL) {
        return;
    }

    /* while Redis is away nobody waits for it, a word is not told late */

    t = NULL;

    if (ngx_soporte_load(&header->redis_up)
        && p->n < NGX_HTTP_SOPORTE_PUBLISH_MAX)
    {
        t = ngx_http_soporte_publish_make(p, id, version, word);
    }

    if (t == NULL) {
        ngx_soporte_add(&header->fleet_dirty, 1);
        return;
    }

    ngx_queue_insert_tail(&p->waiting, &t->queue);
    p->n++;

    ngx_http_soporte_publish_post(p);
}


void
ngx_http_soporte_publish_left(ngx_http_soporte_main_conf_t *smcf)
{
    ngx_soporte_add(&smcf->zone->header->fleet_dirty, 1);
}


ngx_uint_t
ngx_http_soporte_publish_waiting(const ngx_http_soporte_main_conf_t *smcf)
{
    return smcf->publish ? smcf->publish->n : 0;
}


static ngx_http_soporte_telling_t *
ngx_http_soporte_publish_make(ngx_http_soporte_publish_t *p,
    const u_char *id, uint64_t version, const ngx_soporte_value_t *word)
{
    ngx_str_t                    json;
    ngx_pool_t                  *pool;
    ngx_soporte_out_t           *out;
    ngx_http_soporte_body_t      body;
    ngx_http_soporte_telling_t  *t;

    pool = ngx_create_pool(4096, p->log);

    if (pool == NULL) {
        return NULL;
    }

    t = NULL;
    out = ngx_http_soporte_body(&body, pool);
    ngx_soporte_value_json(out, word);

    if (ngx_http_soporte_body_join(&body, &json) == NGX_OK) {
        t = ngx_alloc(sizeof(ngx_http_soporte_telling_t) + json.len, p->log);
    }

    if (t) {
        ngx_memcpy(t->word.id, id, NGX_SOPORTE_ID_LEN);
        t->word.version = version;
        t->word.json.data = (u_char *) t + sizeof(ngx_http_soporte_telling_t);
        t->word.json.len = json.len;
        ngx_memcpy(t->word.json.data, json.data, json.len);
    }

    ngx_destroy_pool(pool);

    return t;
}


static void
ngx_http_soporte_publish_post(ngx_http_soporte_publish_t *p)
{
    ngx_queue_t                 *q;
    ngx_http_soporte_telling_t  *t;

    if (p->running) {
        return;
    }

    p->nwords = 0;

    while (p->nwords < NGX_HTTP_SOPORTE_PUBLISH_ROUND
           && !ngx_queue_empty(&p->waiting))
    {
        q = ngx_queue_head(&p->waiting);
        t = ngx_queue_data(q, ngx_http_soporte_telling_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&p->sending, q);
        p->words[p->nwords++] = t->word;
    }

    if (p->nwords == 0) {
        return;
    }

    p->running = 1;

    if (ngx_thread_task_post(p->smcf->pool, p->task) != NGX_OK) {
        p->running = 0;
        ngx_soporte_add(&p->smcf->zone->header->fleet_dirty, 1);
        ngx_http_soporte_publish_drop(p, &p->sending);
    }
}


/* in a thread */

static void
ngx_http_soporte_publish_thread(void *data, ngx_log_t *log)
{
    ngx_pool_t                  *pool;
    ngx_uint_t                   tries;
    ngx_msec_t                   timeout;
    ngx_soporte_mem_t            mem;
    ngx_soporte_redis_err_t      err;
    ngx_http_soporte_publish_t  *p = data;

    p->rc = NGX_ERROR;
    timeout = p->smcf->redis_timeout;

    pool = ngx_create_pool(16384, p->log);

    if (pool == NULL) {
        return;
    }

    mem = ngx_http_soporte_mem(pool);

    /* a connection that was idle may have died without a sign */

    for (tries = 0; tries < 2 && p->rc != NGX_OK; tries++) {

        p->rc = ngx_soporte_redis_connect(p->redis, timeout, &err);

        if (p->rc != NGX_OK) {
            break;
        }

        p->rc = ngx_soporte_fleet_publish(p->redis, &mem, &p->keys, p->words,
                                          p->nwords, timeout, &err);

        if (p->rc != NGX_OK && err.code != NGX_SOPORTE_REDIS_RETRY) {
            break;
        }
    }

    ngx_destroy_pool(pool);
}


/* in the event loop */

static void
ngx_http_soporte_publish_done(ngx_event_t *ev)
{
    ngx_soporte_header_t        *header;
    ngx_http_soporte_publish_t  *p = ev->data;

    p->running = 0;
    header = p->smcf->zone->header;

    ngx_http_soporte_publish_drop(p, &p->sending);

    if (p->rc == NGX_OK) {
        ngx_soporte_add(&header->redis_ok, 1);
        ngx_soporte_store(&header->redis_success, ngx_time());

    } else {
        ngx_soporte_add(&header->redis_error, 1);
        ngx_soporte_add(&header->fleet_dirty, 1);

        /* the leader compares all of it at once */

        ngx_http_soporte_publish_drop(p, &p->waiting);
    }

    if (!ngx_exiting && !ngx_terminate) {
        ngx_http_soporte_publish_post(p);
    }
}


static void
ngx_http_soporte_publish_drop(ngx_http_soporte_publish_t *p,
    ngx_queue_t *queue)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_soporte_telling_t, queue));
        p->n--;
    }
}


uint64_t
ngx_http_soporte_publish_origin(const u_char *name, size_t len)
{
    return ((uint64_t) 1 << 32) | ngx_crc32_long((u_char *) name, len);
}
