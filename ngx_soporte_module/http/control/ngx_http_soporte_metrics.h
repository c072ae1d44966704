
/*
 * The metrics' values, a tenant or the node at a time.
 */

#ifndef _NGX_HTTP_SOPORTE_METRICS_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_METRICS_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_report.h"

#include "ngx_soporte_metrics.h"


/* what the node's metrics sum over its tenants */

typedef struct {
    uint64_t       le[NGX_SOPORTE_HIST_LE + 1];
    uint64_t       upstream_ms;
    ngx_uint_t     states[NGX_SOPORTE_STATES];
} ngx_http_soporte_sums_t;


void ngx_http_soporte_metrics_sum(ngx_http_soporte_sums_t *sums,
    ngx_soporte_zone_t *zone, uint32_t slot);

/* all that is the node's */
void ngx_http_soporte_metrics_node(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, const ngx_http_soporte_sums_t *sums);

/* one of the bulk metrics for one slot, without HELP and TYPE */
void ngx_http_soporte_metrics_bulk(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, uint32_t slot, ngx_uint_t metric);

/* one tenant in detail; NGX_HTTP_NOT_FOUND */
ngx_int_t ngx_http_soporte_metrics_detail(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, const ngx_str_t *name);


#endif /* _NGX_HTTP_SOPORTE_METRICS_H_INCLUDED_ */
