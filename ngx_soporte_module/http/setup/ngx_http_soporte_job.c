
/*
 * Makes tasks and timers that live as long as their worker.
 */

#include "ngx_http_soporte_job.h"


ngx_thread_task_t *
ngx_http_soporte_job(ngx_cycle_t *cycle, void *data,
    void (*run)(void *data, ngx_log_t *log), ngx_event_handler_pt done)
{
    ngx_thread_task_t  *task;

    task = ngx_thread_task_alloc(cycle->pool, 0);

    if (task == NULL) {
        return NULL;
    }

    task->ctx = data;
    task->handler = run;
    task->event.data = data;
    task->event.handler = done;
    task->event.log = cycle->log;

    return task;
}


void
ngx_http_soporte_timer(ngx_http_soporte_timer_t *timer, void *data,
    ngx_event_handler_pt handler, ngx_log_t *log)
{
    timer->dummy.fd = (ngx_socket_t) -1;
    timer->dummy.data = data;

    timer->event.data = &timer->dummy;
    timer->event.handler = handler;
    timer->event.log = log;
    timer->event.cancelable = 1;
}
