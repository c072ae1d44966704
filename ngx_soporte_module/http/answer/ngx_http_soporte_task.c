
/*
 * Runs something that blocks for a request, in a thread of the pool.
 *
 * While the task is on its way the request can't go away: it is counted and
 * "blocked", so that a connection that is closed meanwhile (by a worker's
 * shutdown timeout) is ended only by the completion.  The timer on the task's
 * event keeps a worker that exits gracefully until the client was answered.
 */

#include "ngx_http_soporte_task.h"


#define NGX_HTTP_SOPORTE_TASK_TIME  60000    /* ms, then it is said once */
#define NGX_HTTP_SOPORTE_TASK_POOL  4096     /* bytes, grows */


typedef struct {
    void                   *data;
    void                  (*run)(void *data);
    ngx_int_t             (*done)(ngx_http_request_t *r, void *data);
    ngx_http_request_t     *r;
} ngx_http_soporte_task_t;


static void ngx_http_soporte_task_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_task_done(ngx_event_t *ev);
static void ngx_http_soporte_task_free(void *data);


ngx_int_t
ngx_http_soporte_task(ngx_http_request_t *r, void *data,
    void (*run)(void *data),
    ngx_int_t (*done)(ngx_http_request_t *r, void *data))
{
    ngx_thread_task_t             *task;
    ngx_http_soporte_task_t       *t;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (smcf->tasks >= NGX_HTTP_SOPORTE_TASKS) {
        return NGX_BUSY;
    }

    task = ngx_thread_task_alloc(r->pool, sizeof(ngx_http_soporte_task_t));

    if (task == NULL) {
        return NGX_ERROR;
    }

    t = task->ctx;

    t->data = data;
    t->run = run;
    t->done = done;
    t->r = r;

    task->handler = ngx_http_soporte_task_thread;
    task->event.data = t;
    task->event.handler = ngx_http_soporte_task_done;
    task->event.log = r->connection->log;

    if (ngx_thread_task_post(smcf->pool, task) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_add_timer(&task->event, NGX_HTTP_SOPORTE_TASK_TIME);

    smcf->tasks++;
    r->main->count++;
    r->main->blocked++;
    r->aio = 1;

    return NGX_DONE;
}


static void
ngx_http_soporte_task_thread(void *data, ngx_log_t *log)
{
    ngx_http_soporte_task_t  *t = data;

    t->run(t->data);
}


static void
ngx_http_soporte_task_done(ngx_event_t *ev)
{
    ngx_int_t                      rc;
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_soporte_task_t       *t;
    ngx_http_soporte_main_conf_t  *smcf;

    t = ev->data;
    r = t->r;
    c = r->connection;

    if (ev->timedout) {
        ev->timedout = 0;
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "a task of soporte takes over a minute");
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ev->complete = 0;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    smcf->tasks--;

    r->main->blocked--;
    r->aio = 0;

    rc = t->done(r, t->data);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


ngx_pool_t *
ngx_http_soporte_task_pool(ngx_http_request_t *r)
{
    ngx_pool_t          *pool;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln == NULL) {
        return NULL;
    }

    pool = ngx_create_pool(NGX_HTTP_SOPORTE_TASK_POOL, r->connection->log);

    if (pool == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_soporte_task_free;
    cln->data = pool;

    return pool;
}


static void
ngx_http_soporte_task_free(void *data)
{
    ngx_destroy_pool(data);
}
