
/*
 * The metrics: one row of a table each, and the Prometheus text format 0.0.4
 * as a view of it.  A metric is added by a row, and by the line in http/ that
 * gives it its value.
 */

#ifndef _NGX_SOPORTE_METRICS_H_INCLUDED_
#define _NGX_SOPORTE_METRICS_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_hist.h"


typedef enum {
    /* of the node */

    NGX_SOPORTE_METRIC_BUILD_INFO = 0,
    NGX_SOPORTE_METRIC_START,
    NGX_SOPORTE_METRIC_TENANTS,
    NGX_SOPORTE_METRIC_DURATION,
    NGX_SOPORTE_METRIC_PAGES,
    NGX_SOPORTE_METRIC_STORE_OPERATIONS,
    NGX_SOPORTE_METRIC_STORE_UP,
    NGX_SOPORTE_METRIC_STORE_SUCCESS,
    NGX_SOPORTE_METRIC_SHM_SIZE,
    NGX_SOPORTE_METRIC_SHM_USED,
    NGX_SOPORTE_METRIC_OVERFLOW,
    NGX_SOPORTE_METRIC_TICKETS,
    NGX_SOPORTE_METRIC_HELPED,
    NGX_SOPORTE_METRIC_SPOOL,
    NGX_SOPORTE_METRIC_SPOOL_OLDEST,
    NGX_SOPORTE_METRIC_EVENTS,
    NGX_SOPORTE_METRIC_NODES,
    NGX_SOPORTE_METRIC_PROBES,
    NGX_SOPORTE_METRIC_PROBE_DURATION,
    NGX_SOPORTE_METRIC_INCIDENTS,

    /* of each tenant, in bulk */

    NGX_SOPORTE_METRIC_REQUESTS,
    NGX_SOPORTE_METRIC_UP,
    NGX_SOPORTE_METRIC_UPSTREAM,
    NGX_SOPORTE_METRIC_MAINTENANCE_END,
    NGX_SOPORTE_METRIC_OUTAGE_START,
    NGX_SOPORTE_METRIC_MONTH_RATIO,
    NGX_SOPORTE_METRIC_MONTH_BUDGET,
    NGX_SOPORTE_METRIC_BACKUP,

    /* of one tenant, in detail */

    NGX_SOPORTE_METRIC_STATE,
    NGX_SOPORTE_METRIC_RESPONSES,
    NGX_SOPORTE_METRIC_TENANT_DURATION,
    NGX_SOPORTE_METRIC_RESTORE_START,
    NGX_SOPORTE_METRIC_RESTORE_PROGRESS,

    NGX_SOPORTE_METRICS
} ngx_soporte_metric_e;


#define NGX_SOPORTE_METRIC_BULK_LAST  NGX_SOPORTE_METRIC_BACKUP


typedef struct {
    const char  *name;
    const char  *type;
    const char  *help;
    const char  *label;          /* second label's name, NULL: none */
} ngx_soporte_metric_t;

extern const ngx_soporte_metric_t  ngx_soporte_metrics[NGX_SOPORTE_METRICS];


/* # HELP and # TYPE, once before the samples of a metric */
void ngx_soporte_metric_head(ngx_soporte_out_t *out, ngx_uint_t metric);

/*
 * One sample.  tenant may be NULL; value is the row's second label's, NULL
 * where it has none.  Both must be free of quotes, backslashes, line ends:
 * keys of tenants are, literals are.
 */
void ngx_soporte_metric_uint(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, const char *value, uint64_t n);

/* a label of the node's, as "store", with its value, and the row's second */
void ngx_soporte_metric_pair(ngx_soporte_out_t *out, ngx_uint_t metric,
    const char *label, const char *first, const char *value, uint64_t n);

/* an info metric, always 1 */
void ngx_soporte_metric_info(ngx_soporte_out_t *out, ngx_uint_t metric,
    const char *version, const char *server);

/* the same, n thousandths */
void ngx_soporte_metric_milli(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, const char *value, uint64_t n);

/* a tenant's sample of a signed number, and of n millionths */
void ngx_soporte_metric_int(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, int64_t n);
void ngx_soporte_metric_micro(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, uint64_t n);

/*
 * A histogram from what ngx_soporte_hist_cumulate() gives, the sum in
 * milliseconds.  Buckets, +Inf and _count agree in one rendering.
 */
void ngx_soporte_metric_histogram(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant,
    const uint64_t cumulative[NGX_SOPORTE_HIST_LE + 1], uint64_t sum);


#endif /* _NGX_SOPORTE_METRICS_H_INCLUDED_ */
