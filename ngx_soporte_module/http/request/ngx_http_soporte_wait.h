
/*
 * Requests that wait for their upstream's first byte, a worker's own: entered
 * in order of start, left when a header comes or the request is over.  A timer
 * looks at the oldest and tells of those that wait too long.
 *
 * Of a hanging upstream nothing else is heard before its timeout.
 */

#ifndef _NGX_HTTP_SOPORTE_WAIT_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_WAIT_H_INCLUDED_


#include "ngx_http_soporte.h"


#define NGX_HTTP_SOPORTE_WAIT_PLACES  16384  /* a power of two */
#define NGX_HTTP_SOPORTE_WAIT_AGED    512    /* older than two seconds */


/*
 * Places of a ring; a request that finds its place taken is not watched, and
 * one that has waited for long moves over to the aged, behind the ring.
 */

extern ngx_http_request_t  *ngx_http_soporte_waiting[
                  NGX_HTTP_SOPORTE_WAIT_PLACES + NGX_HTTP_SOPORTE_WAIT_AGED];
extern ngx_uint_t           ngx_http_soporte_wait_next;


/* the timer; once a worker */
void ngx_http_soporte_wait_init(ngx_cycle_t *cycle);


/* both are in the path of every request */

static ngx_inline void
ngx_http_soporte_wait_enter(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx)
{
    ngx_uint_t            i;
    ngx_http_request_t  **place;

    i = ngx_http_soporte_wait_next;
    ngx_http_soporte_wait_next = (i + 1) % NGX_HTTP_SOPORTE_WAIT_PLACES;

    place = &ngx_http_soporte_waiting[i];

    if (*place == NULL) {
        *place = r;
        ctx->wait = i + 1;
    }
}


static ngx_inline void
ngx_http_soporte_wait_leave(ngx_http_soporte_ctx_t *ctx)
{
    ngx_uint_t  i;

    i = ctx->wait;

    if (i) {
        ngx_http_soporte_waiting[i - 1] = NULL;
        ctx->wait = 0;
    }
}


#endif /* _NGX_HTTP_SOPORTE_WAIT_H_INCLUDED_ */
