
/*
 * The leader's watch over tenants: what requests and probes did is told to
 * core/detect, and what that says is done.
 */

#ifndef _NGX_HTTP_SOPORTE_WATCH_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_WATCH_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_seal.h"

#include "ngx_soporte_detect.h"


typedef struct ngx_http_soporte_watch_s  ngx_http_soporte_watch_t;


/* NULL: no memory */
ngx_http_soporte_watch_t *ngx_http_soporte_watch_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf, ngx_http_soporte_seal_t *seal);

/*
 * Each 200 ms, of so many slots: what is due, then the probes.  A turn sees to
 * n tenants at most and returns what is left of n; if that is nothing, the
 * next turn of the event loop goes on with _due().
 */
ngx_uint_t ngx_http_soporte_watch_tick(ngx_http_soporte_watch_t *watch,
    uint32_t used, ngx_uint_t n);
ngx_uint_t ngx_http_soporte_watch_due(ngx_http_soporte_watch_t *watch,
    ngx_uint_t n);

/* once a second for each tenant: what its requests did */
void ngx_http_soporte_watch_visit(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant);

/* the sums of a minute that was judged */
void ngx_http_soporte_watch_minute(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, uint64_t good, uint64_t hard, uint64_t soft,
    uint64_t slow);

/* a probe that speaks of the tenant ended; began is monotonic ms */
void ngx_http_soporte_watch_probe(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began);


#endif /* _NGX_HTTP_SOPORTE_WATCH_H_INCLUDED_ */
