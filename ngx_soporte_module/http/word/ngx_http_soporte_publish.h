
/*
 * The fleet: what is said at one node stands at all of them, by Redis.  Here
 * it is told, by whichever worker got the word; timer/fleet hears.
 */

#ifndef _NGX_HTTP_SOPORTE_PUBLISH_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PUBLISH_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_soporte_redis_fleet.h"


/* once a worker, from init_process; NULL when memory was refused */
ngx_http_soporte_publish_t *ngx_http_soporte_publish_create(
    ngx_cycle_t *cycle, ngx_http_soporte_main_conf_t *smcf);

/*
 * Tells the fleet what was put on the board, "word" is its document.  In the
 * event loop, never waits.  What can't be told is left to the leader, who
 * compares the boards.
 */
void ngx_http_soporte_publish(ngx_http_soporte_main_conf_t *smcf,
    const u_char id[NGX_SOPORTE_ID_LEN], uint64_t version,
    const ngx_soporte_value_t *word);

/* there is something that the leader finds by a comparison */
void ngx_http_soporte_publish_left(ngx_http_soporte_main_conf_t *smcf);

/* how many words wait to be told in this worker */
ngx_uint_t ngx_http_soporte_publish_waiting(
    const ngx_http_soporte_main_conf_t *smcf);

/* from exit_process */
void ngx_http_soporte_publish_close(ngx_http_soporte_publish_t *p);

/* how a notice names the node that spoke last, never 0 */
uint64_t ngx_http_soporte_publish_origin(const u_char *name, size_t len);


#endif /* _NGX_HTTP_SOPORTE_PUBLISH_H_INCLUDED_ */
