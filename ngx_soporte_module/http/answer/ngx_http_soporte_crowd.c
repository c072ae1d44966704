
/*
 * A small table in the worker's own memory, by slot; two tenants that meet in
 * a place push each other out, which costs a try or a little haste.
 *
 * A page looks for news every ten seconds on average, so what is counted in
 * ten seconds is about who waits.
 */

#include "ngx_http_soporte_crowd.h"


#define NGX_HTTP_SOPORTE_CROWDS   1024       /* places */
#define NGX_HTTP_SOPORTE_LOOK     10         /* s between looks of a page */
#define NGX_HTTP_SOPORTE_ADMIT    50         /* visitors a second */
#define NGX_HTTP_SOPORTE_SPREAD   5          /* s, at least */
#define NGX_HTTP_SOPORTE_WIDEST   120        /* s, at most */


typedef struct {
    uint32_t                    slot;
    uint32_t                    window;      /* unix s / 10 */
    uint32_t                    now;         /* looks in it */
    uint32_t                    before;      /* ... and in the one before */
    time_t                      tried;       /* unix s */
} ngx_http_soporte_crowd_t;


static ngx_http_soporte_crowd_t *ngx_http_soporte_crowd(uint32_t slot);


static ngx_http_soporte_crowd_t
    ngx_http_soporte_crowds[NGX_HTTP_SOPORTE_CROWDS];


static ngx_http_soporte_crowd_t *
ngx_http_soporte_crowd(uint32_t slot)
{
    uint32_t                   window;
    ngx_http_soporte_crowd_t  *crowd;

    crowd = &ngx_http_soporte_crowds[slot % NGX_HTTP_SOPORTE_CROWDS];
    window = (uint32_t) (ngx_time() / NGX_HTTP_SOPORTE_LOOK);

    if (crowd->slot != slot) {
        ngx_memzero(crowd, sizeof(ngx_http_soporte_crowd_t));
        crowd->slot = slot;
    }

    if (crowd->window != window) {
        crowd->before = (crowd->window + 1 == window) ? crowd->now : 0;
        crowd->now = 0;
        crowd->window = window;
    }

    return crowd;
}


void
ngx_http_soporte_crowd_waits(uint32_t slot)
{
    ngx_http_soporte_crowd(slot)->now++;
}


ngx_uint_t
ngx_http_soporte_crowd_spread(uint32_t slot)
{
    ngx_uint_t                 n;
    ngx_core_conf_t           *ccf;
    ngx_http_soporte_crowd_t  *crowd;

    crowd = ngx_http_soporte_crowd(slot);
    n = ngx_max(crowd->now, crowd->before);

    /* the other workers see about as many */

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);
    n *= ngx_max(ccf->worker_processes, 1);
    n /= NGX_HTTP_SOPORTE_ADMIT;

    return ngx_min(ngx_max(n, NGX_HTTP_SOPORTE_SPREAD),
                   NGX_HTTP_SOPORTE_WIDEST);
}


ngx_uint_t
ngx_http_soporte_crowd_tries(uint32_t slot)
{
    ngx_http_soporte_crowd_t  *crowd;

    crowd = ngx_http_soporte_crowd(slot);

    if (crowd->tried == ngx_time()) {
        return 0;
    }

    crowd->tried = ngx_time();

    return 1;
}
