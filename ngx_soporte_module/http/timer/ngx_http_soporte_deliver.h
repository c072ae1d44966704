
/*
 * Delivery of the spool to PostgreSQL, by the leader, one task at a time.
 */

#ifndef _NGX_HTTP_SOPORTE_DELIVER_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_DELIVER_H_INCLUDED_


#include "ngx_http_soporte.h"


typedef struct ngx_http_soporte_deliver_s  ngx_http_soporte_deliver_t;


/* once a worker, after the spool was opened; NULL: no memory */
ngx_http_soporte_deliver_t *ngx_http_soporte_deliver_create(
    ngx_cycle_t *cycle, ngx_http_soporte_main_conf_t *smcf);

/*
 * The leader's tick, event loop: posts the task when there is something to
 * deliver, to sweep or to count, and none is on its way.
 */
void ngx_http_soporte_deliver_tick(ngx_http_soporte_deliver_t *deliver);

/* this worker leads no more, or exits: the connection is closed when idle */
void ngx_http_soporte_deliver_stop(ngx_http_soporte_deliver_t *deliver);

/* from exit_process: the connection is closed, whatever was under way */
void ngx_http_soporte_deliver_exit(ngx_http_soporte_deliver_t *deliver);


#endif /* _NGX_HTTP_SOPORTE_DELIVER_H_INCLUDED_ */
