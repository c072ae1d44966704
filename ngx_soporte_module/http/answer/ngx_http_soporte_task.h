
/*
 * A request that waits for a thread: posted with a bound, kept alive, and
 * taken up again in the event loop.
 */

#ifndef _NGX_HTTP_SOPORTE_TASK_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_TASK_H_INCLUDED_


#include "ngx_http_soporte.h"


/* requests of one worker that may wait for threads at once */
#define NGX_HTTP_SOPORTE_TASKS  1024


/*
 * run() is called in a thread with data, which lives in the request's pool;
 * done() in the event loop afterwards, its return value finalizes the
 * request.  Returns NGX_DONE: the caller returns it, too, and touches the
 * request no more; NGX_BUSY when too many wait; NGX_ERROR.
 */
ngx_int_t ngx_http_soporte_task(ngx_http_request_t *r, void *data,
    void (*run)(void *data),
    ngx_int_t (*done)(ngx_http_request_t *r, void *data));

/*
 * A pool that a task may use while the event loop uses the request's, as a
 * subrequest does; destroyed with the request.  NULL: memory.
 */
ngx_pool_t *ngx_http_soporte_task_pool(ngx_http_request_t *r);


#endif /* _NGX_HTTP_SOPORTE_TASK_H_INCLUDED_ */
