
/*
 * A tenant's month, its days and its latency windows: figures for the page,
 * estado.json and the metrics, all from one reading of its history.
 */

#ifndef _NGX_HTTP_SOPORTE_MONTH_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_MONTH_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_view.h"


typedef struct {
    int64_t                  start;          /* unix s; 0: nothing judged yet */
    ngx_soporte_minutes_t    minutes[NGX_SOPORTE_READINGS];
    ngx_soporte_figures_t    figures[NGX_SOPORTE_READINGS];
    ngx_uint_t               reading;        /* the contract's */
    int64_t                  outage;         /* s, of ended and open ones */
} ngx_http_soporte_month_t;


/* target in ppm; reading NGX_SOPORTE_COUNTED or _NOT_COUNTED */
void ngx_http_soporte_month(const ngx_soporte_tenant_t *tenant, time_t now,
    int64_t target, ngx_uint_t reading, ngx_http_soporte_month_t *month);

/*
 * Quantiles in ms (p50, p95, p99) of a window NGX_SOPORTE_HIST_*; returns the
 * seconds it spans, 0: not known yet.
 */
ngx_uint_t ngx_http_soporte_latency(const ngx_soporte_tenant_t *tenant,
    ngx_uint_t window, time_t now, ngx_msec_t ms[3]);

/*
 * "month", "days" and "latency" of the status page, as far as visible (bits
 * NGX_SOPORTE_PUBLIC_) lets them be seen
 */
void ngx_http_soporte_month_view(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant, ngx_uint_t visible);

/* "month" and "latency_ms" of estado.json; null where not visible */
void ngx_http_soporte_month_value(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *root, const ngx_soporte_tenant_t *tenant,
    ngx_uint_t visible);


#endif /* _NGX_HTTP_SOPORTE_MONTH_H_INCLUDED_ */
