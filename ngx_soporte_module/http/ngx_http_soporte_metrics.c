
/*
 * The scrape: copies what the slots say and renders it by core's table.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_report.h"

#include "ngx_soporte_metrics.h"


#define NGX_HTTP_SOPORTE_BULK  600           /* tenants, in the node's scrape */


static void ngx_http_soporte_metrics_node(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone);
static void ngx_http_soporte_metrics_work(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone);
static void ngx_http_soporte_metrics_spool(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header);
static void ngx_http_soporte_metrics_bulk(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, uint32_t first, uint32_t step);
static ngx_int_t ngx_http_soporte_metrics_detail(ngx_http_request_t *r,
    ngx_soporte_out_t *out, ngx_soporte_zone_t *zone, ngx_str_t *name);
static void ngx_http_soporte_metrics_one(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_metrics_hist(const ngx_soporte_tenant_t *tenant,
    uint64_t cumulative[NGX_SOPORTE_HIST_LE + 1]);
static ngx_uint_t ngx_http_soporte_metrics_usable(
    ngx_soporte_state_e state);


ngx_int_t
ngx_http_soporte_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc, of, shard;
    ngx_str_t                      arg;
    ngx_uint_t                     bulk;
    ngx_soporte_out_t             *out;
    ngx_soporte_zone_t            *zone;
    ngx_http_soporte_body_t        body;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    static const char              suffix[] = "/tenants";

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    zone = smcf->zone;

    out = ngx_http_soporte_body(&body, r->pool);

    bulk = (r->uri.len >= sizeof(suffix) - 1
            && ngx_strncmp(r->uri.data + r->uri.len - (sizeof(suffix) - 1),
                           suffix, sizeof(suffix) - 1) == 0);

    shard = 0;
    of = 1;

    if (ngx_http_arg(r, (u_char *) "of", 2, &arg) == NGX_OK) {
        of = ngx_atoi(arg.data, arg.len);
    }

    if (ngx_http_arg(r, (u_char *) "shard", 5, &arg) == NGX_OK) {
        shard = ngx_atoi(arg.data, arg.len);
    }

    if (of < 1 || of > 1024 || shard < 0 || shard >= of) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (ngx_http_arg(r, (u_char *) "tenant", 6, &arg) == NGX_OK) {
        rc = ngx_http_soporte_metrics_detail(r, out, zone, &arg);

        if (rc != NGX_OK) {
            return rc;
        }

    } else if (bulk) {
        ngx_http_soporte_metrics_bulk(out, zone, shard, of);

    } else {
        ngx_http_soporte_metrics_node(out, zone);
        ngx_http_soporte_metrics_work(out, zone);

        if (ngx_soporte_load(&zone->header->used) <= NGX_HTTP_SOPORTE_BULK) {
            ngx_http_soporte_metrics_bulk(out, zone, 0, 1);
        }
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;
    ngx_str_set(&reply.type, "text/plain; version=0.0.4; charset=utf-8");

    return ngx_http_soporte_reply(r, &reply, &body);
}


/* sums over the tenants */

static void
ngx_http_soporte_metrics_node(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone)
{
    uint32_t               i, used;
    uint64_t               one[NGX_SOPORTE_HIST_LE + 1];
    uint64_t               all[NGX_SOPORTE_HIST_LE + 1], sum;
    ngx_uint_t             k, states[NGX_SOPORTE_STATES];
    ngx_soporte_tenant_t  *tenant;

    ngx_memzero(all, sizeof(all));
    ngx_memzero(states, sizeof(states));
    sum = 0;

    used = ngx_soporte_acquire(&zone->header->used);

    for (i = 0; i < used; i++) {
        tenant = ngx_soporte_tenant(zone, i);

        ngx_http_soporte_metrics_hist(tenant, one);

        for (k = 0; k <= NGX_SOPORTE_HIST_LE; k++) {
            all[k] += one[k];
        }

        sum += ngx_soporte_load(&tenant->upstream_ms);

        if (i && ngx_soporte_tenant_known(zone, tenant)) {
            states[ngx_http_soporte_state(tenant, ngx_time())]++;
        }
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_BUILD_INFO);
    ngx_soporte_metric_info(out, NGX_SOPORTE_METRIC_BUILD_INFO,
                            NGX_HTTP_SOPORTE_VERSION, NGINX_VERSION);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_START);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_START, NULL, NULL,
                            zone->header->began);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_TENANTS);

    for (k = 0; k < NGX_SOPORTE_STATES; k++) {
        ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_TENANTS, NULL,
                                ngx_http_soporte_state_name(k), states[k]);
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_DURATION);
    ngx_soporte_metric_histogram(out, NGX_SOPORTE_METRIC_DURATION, NULL, all,
                                 sum);
}


static void
ngx_http_soporte_metrics_work(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone)
{
    ngx_uint_t             i;
    ngx_soporte_header_t  *header;

    static const char *const  pages[] = {
        "maintenance", "restore", "incident", "status"
    };

    static const char *const  tickets[] = {
        "filed", "refused", "invalid", "limited"
    };

    header = zone->header;

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_PAGES);

    for (i = 0; i < 4; i++) {
        ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_PAGES, NULL,
                                pages[i],
                                ngx_soporte_load(&header->pages[i]));
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_SHM_SIZE);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SHM_SIZE, NULL, NULL,
                            header->slots + (uint64_t) header->capacity
                                            * header->slot_size);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_SHM_USED);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SHM_USED, NULL, NULL,
                            header->slots
                            + (uint64_t) ngx_soporte_load(&header->used)
                              * header->slot_size);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_OVERFLOW);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_OVERFLOW, NULL, NULL,
                            ngx_soporte_load(&header->overflow));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_TICKETS);

    for (i = 0; i < 4; i++) {
        ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_TICKETS, NULL,
                                tickets[i],
                                ngx_soporte_load(&header->tickets[i]));
    }

    ngx_http_soporte_metrics_spool(out, header);
}


static void
ngx_http_soporte_metrics_spool(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header)
{
    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_SPOOL);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SPOOL, NULL, "new",
                            ngx_soporte_load(&header->spool_new));
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SPOOL, NULL, "sending",
                            ngx_soporte_load(&header->spool_sending));
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SPOOL, NULL, "dead",
                            ngx_soporte_load(&header->spool_dead));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_SPOOL_OLDEST);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SPOOL_OLDEST, NULL, NULL,
                            ngx_soporte_load(&header->spool_oldest));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS);
    ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS,
                            "postgres", "ok",
                            ngx_soporte_load(&header->postgres_ok));
    ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS,
                            "postgres", "error",
                            ngx_soporte_load(&header->postgres_error));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_STORE_UP);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_STORE_UP, NULL,
                            "postgres",
                            ngx_soporte_load(&header->postgres_up));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_STORE_SUCCESS);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_STORE_SUCCESS, NULL,
                            "postgres",
                            ngx_soporte_load(&header->postgres_success));
}


/* a metric's samples stand together: one pass over the tenants for each */

static void
ngx_http_soporte_metrics_bulk(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, uint32_t first, uint32_t step)
{
    uint32_t                    i, used;
    ngx_uint_t                  metric;
    ngx_soporte_tenant_t       *tenant;
    ngx_http_soporte_report_t   report;

    used = ngx_soporte_acquire(&zone->header->used);

    for (metric = NGX_SOPORTE_METRIC_REQUESTS;
         metric <= NGX_SOPORTE_METRIC_MAINTENANCE_END;
         metric++)
    {
        ngx_soporte_metric_head(out, metric);

        for (i = first; i < used; i += step) {
            tenant = ngx_soporte_tenant(zone, i);

            if (!ngx_soporte_tenant_known(zone, tenant)) {
                continue;
            }

            /* the rest, counted together, is no tenant that could be up */

            if (i == NGX_SOPORTE_OTHER
                && metric != NGX_SOPORTE_METRIC_REQUESTS)
            {
                continue;
            }

            ngx_http_soporte_report(zone, tenant, ngx_time(), &report);

            switch (metric) {

            case NGX_SOPORTE_METRIC_REQUESTS:
                ngx_soporte_metric_uint(out, metric, &report.key, "good",
                                        report.good);
                ngx_soporte_metric_uint(out, metric, &report.key, "hard",
                                        report.hard);
                ngx_soporte_metric_uint(out, metric, &report.key, "soft",
                                        report.soft);
                ngx_soporte_metric_uint(out, metric, &report.key, "excluded",
                                        report.excluded);
                break;

            case NGX_SOPORTE_METRIC_UP:
                ngx_soporte_metric_uint(out, metric, &report.key, NULL,
                               ngx_http_soporte_metrics_usable(report.state));
                break;

            case NGX_SOPORTE_METRIC_UPSTREAM:
                ngx_soporte_metric_milli(out, metric, &report.key, NULL,
                                     ngx_soporte_load(&tenant->upstream_ms));
                break;

            default: /* NGX_SOPORTE_METRIC_MAINTENANCE_END */
                ngx_soporte_metric_uint(out, metric, &report.key, NULL,
                                        report.posted ? report.notice.ends
                                                      : 0);
                break;
            }
        }
    }
}


static ngx_int_t
ngx_http_soporte_metrics_detail(ngx_http_request_t *r, ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, ngx_str_t *name)
{
    ngx_soporte_tenant_t  *tenant;

    u_char                 key[NGX_SOPORTE_KEY_MAX];

    if (ngx_soporte_tenant_key(key, name->data, name->len) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    tenant = ngx_soporte_tenant_find(zone, key, name->len);

    if (tenant == NULL || !ngx_soporte_tenant_known(zone, tenant)) {
        return NGX_HTTP_NOT_FOUND;
    }

    ngx_http_soporte_metrics_one(out, zone, tenant);

    return NGX_OK;
}


static void
ngx_http_soporte_metrics_one(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, ngx_soporte_tenant_t *tenant)
{
    uint64_t                    cumulative[NGX_SOPORTE_HIST_LE + 1];
    ngx_uint_t                  i, metric, restore;
    ngx_http_soporte_report_t   report;

    static const char *const    classes[] = {
        "1xx", "2xx", "3xx", "4xx", "5xx"
    };

    ngx_http_soporte_report(zone, tenant, ngx_time(), &report);
    ngx_http_soporte_metrics_hist(tenant, cumulative);

    restore = (report.posted
               && report.notice.kind == NGX_SOPORTE_BOARD_RESTORE);

    metric = NGX_SOPORTE_METRIC_STATE;
    ngx_soporte_metric_head(out, metric);

    for (i = 0; i < NGX_SOPORTE_STATES; i++) {
        ngx_soporte_metric_uint(out, metric, &report.key,
                                ngx_http_soporte_state_name(i),
                                i == report.state);
    }

    metric = NGX_SOPORTE_METRIC_RESPONSES;
    ngx_soporte_metric_head(out, metric);

    for (i = 0; i < 5; i++) {
        ngx_soporte_metric_uint(out, metric, &report.key, classes[i],
                                ngx_soporte_load(&tenant->responses[i]));
    }

    metric = NGX_SOPORTE_METRIC_TENANT_DURATION;
    ngx_soporte_metric_head(out, metric);
    ngx_soporte_metric_histogram(out, metric, &report.key, cumulative,
                                 ngx_soporte_load(&tenant->upstream_ms));

    metric = NGX_SOPORTE_METRIC_RESTORE_START;
    ngx_soporte_metric_head(out, metric);
    ngx_soporte_metric_uint(out, metric, &report.key, NULL,
                            restore ? report.notice.began : 0);

    metric = NGX_SOPORTE_METRIC_RESTORE_PROGRESS;
    ngx_soporte_metric_head(out, metric);

    if (restore && report.notice.progress >= 0) {
        ngx_soporte_metric_milli(out, metric, &report.key, NULL,
                                 report.notice.progress * 10);
    }
}


static void
ngx_http_soporte_metrics_hist(const ngx_soporte_tenant_t *tenant,
    uint64_t cumulative[NGX_SOPORTE_HIST_LE + 1])
{
    uint32_t    count[NGX_SOPORTE_HIST_BUCKETS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_HIST_BUCKETS; i++) {
        count[i] = ngx_soporte_load(&tenant->hist[i]);
    }

    ngx_soporte_hist_cumulate(cumulative, count);
}


static ngx_uint_t
ngx_http_soporte_metrics_usable(ngx_soporte_state_e state)
{
    return state == NGX_SOPORTE_STATE_UP
           || state == NGX_SOPORTE_STATE_DEGRADED
           || state == NGX_SOPORTE_STATE_MAINTENANCE;
}
