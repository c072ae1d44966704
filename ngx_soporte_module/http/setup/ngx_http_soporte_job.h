
/*
 * What a worker does beside its requests: a task of its own for the threads,
 * posted again and again, and a timer.
 */

#ifndef _NGX_HTTP_SOPORTE_JOB_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_JOB_H_INCLUDED_


#include "ngx_http_soporte.h"

#include <ngx_thread_pool.h>


typedef struct {
    ngx_event_t                event;
    ngx_connection_t           dummy;        /* nginx's debug log wants one */
} ngx_http_soporte_timer_t;


/*
 * A task of the cycle's pool: run() is called in a thread with data, then
 * done() in the event loop with an event whose data that is.  NULL: memory.
 */
ngx_thread_task_t *ngx_http_soporte_job(ngx_cycle_t *cycle, void *data,
    void (*run)(void *data, ngx_log_t *log), ngx_event_handler_pt done);

/* a timer that keeps no worker from its exit; it is not set yet */
void ngx_http_soporte_timer(ngx_http_soporte_timer_t *timer, void *data,
    ngx_event_handler_pt handler, ngx_log_t *log);

/* in the handler: the data that the timer was made with */
#define ngx_http_soporte_timer_data(ev)                                       \
    (((ngx_connection_t *) (ev)->data)->data)


#endif /* _NGX_HTTP_SOPORTE_JOB_H_INCLUDED_ */
