
/*
 * Copies what header and slots say and renders it by core's table; scrape.c
 * decides how much of it at a time.
 */

#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_metrics.h"
#include "ngx_http_soporte_month.h"

#include "ngx_soporte_backup.h"
#include "ngx_soporte_metrics.h"
#include "ngx_soporte_terms.h"


static void ngx_http_soporte_metrics_work(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone);
static void ngx_http_soporte_metrics_spool(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header);
static void ngx_http_soporte_metrics_stores(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header);
static void ngx_http_soporte_metrics_fleet(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone);
static void ngx_http_soporte_metrics_backup(ngx_soporte_out_t *out,
    const ngx_soporte_tenant_t *tenant, const ngx_str_t *key);
static void ngx_http_soporte_metrics_requests(ngx_soporte_out_t *out,
    const ngx_soporte_tenant_t *tenant, const ngx_str_t *key);
static uint64_t ngx_http_soporte_metrics_ends(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_metrics_month(ngx_soporte_out_t *out,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    const ngx_str_t *key, ngx_uint_t metric);
static uint64_t ngx_http_soporte_metrics_outage(
    const ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_metrics_one(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_metrics_probes(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header);
static void ngx_http_soporte_metrics_hist(const uint32_t *hist,
    uint64_t cumulative[NGX_SOPORTE_HIST_LE + 1]);
static ngx_uint_t ngx_http_soporte_metrics_usable(
    ngx_soporte_state_e state);


/* adds one tenant to the sums of the node */

void
ngx_http_soporte_metrics_sum(ngx_http_soporte_sums_t *sums,
    ngx_soporte_zone_t *zone, uint32_t slot)
{
    uint64_t               one[NGX_SOPORTE_HIST_LE + 1];
    ngx_uint_t             i;
    ngx_soporte_tenant_t  *tenant;

    tenant = ngx_soporte_tenant(zone, slot);

    ngx_http_soporte_metrics_hist(tenant->hist, one);

    for (i = 0; i <= NGX_SOPORTE_HIST_LE; i++) {
        sums->le[i] += one[i];
    }

    sums->upstream_ms += ngx_soporte_load(&tenant->upstream_ms);

    if (slot != NGX_SOPORTE_OTHER && ngx_soporte_tenant_known(zone, tenant)) {
        sums->states[ngx_http_soporte_state(tenant, ngx_time())]++;
    }
}


void
ngx_http_soporte_metrics_node(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, const ngx_http_soporte_sums_t *sums)
{
    ngx_uint_t  k;

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_BUILD_INFO);
    ngx_soporte_metric_info(out, NGX_SOPORTE_METRIC_BUILD_INFO,
                            NGX_HTTP_SOPORTE_VERSION, NGINX_VERSION);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_START);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_START, NULL, NULL,
                            zone->header->began);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_TENANTS);

    for (k = 0; k < NGX_SOPORTE_STATES; k++) {
        ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_TENANTS, NULL,
                                ngx_http_soporte_state_name(k),
                                sums->states[k]);
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_DURATION);
    ngx_soporte_metric_histogram(out, NGX_SOPORTE_METRIC_DURATION, NULL,
                                 sums->le, sums->upstream_ms);

    ngx_http_soporte_metrics_work(out, zone);
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

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_HELPED);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_HELPED, NULL, NULL,
                            ngx_soporte_load(&header->helped));

    ngx_http_soporte_metrics_spool(out, header);
    ngx_http_soporte_metrics_fleet(out, zone);
    ngx_http_soporte_metrics_probes(out, header);
}


static void
ngx_http_soporte_metrics_probes(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header)
{
    uint64_t    cumulative[NGX_SOPORTE_HIST_LE + 1];
    ngx_uint_t  i;

    static const char *const  kinds[] = { "group", "tenant", "confirm" };

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_PROBES);

    for (i = 0; i < NGX_SOPORTE_PROBE_KINDS; i++) {
        ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_PROBES, "kind",
                                kinds[i], "ok",
                                ngx_soporte_load(&header->probes[i][0]));
        ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_PROBES, "kind",
                                kinds[i], "fail",
                                ngx_soporte_load(&header->probes[i][1]));
    }

    ngx_http_soporte_metrics_hist(header->probe_hist, cumulative);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_PROBE_DURATION);
    ngx_soporte_metric_histogram(out, NGX_SOPORTE_METRIC_PROBE_DURATION, NULL,
                                 cumulative,
                                 ngx_soporte_load(&header->probe_ms));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_INCIDENTS);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_INCIDENTS, NULL, "down",
                            ngx_soporte_load(&header->incidents_down));
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_INCIDENTS, NULL,
                            "degraded",
                            ngx_soporte_load(&header->incidents_degraded));
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
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SPOOL, NULL, "notify",
                            ngx_soporte_load(&header->spool_notify));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_SPOOL_OLDEST);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_SPOOL_OLDEST, NULL, NULL,
                            ngx_soporte_load(&header->spool_oldest));

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_EVENTS);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_EVENTS, NULL, "filed",
                            ngx_soporte_load(&header->events_filed));
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_EVENTS, NULL, "lost",
                            ngx_soporte_load(&header->events_lost));

    ngx_http_soporte_metrics_stores(out, header);
}


/* of what is configured: a store that nobody asked for is not down */

static void
ngx_http_soporte_metrics_stores(ngx_soporte_out_t *out,
    ngx_soporte_header_t *header)
{
    ngx_uint_t  redis;

    redis = ngx_soporte_load(&header->redis_used);

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS);
    ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS,
                            "store", "postgres", "ok",
                            ngx_soporte_load(&header->postgres_ok));
    ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS,
                            "store", "postgres", "error",
                            ngx_soporte_load(&header->postgres_error));

    if (redis) {
        ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS,
                                "store", "redis", "ok",
                                ngx_soporte_load(&header->redis_ok));
        ngx_soporte_metric_pair(out, NGX_SOPORTE_METRIC_STORE_OPERATIONS,
                                "store", "redis", "error",
                                ngx_soporte_load(&header->redis_error));
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_STORE_UP);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_STORE_UP, NULL,
                            "postgres",
                            ngx_soporte_load(&header->postgres_up));

    if (redis) {
        ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_STORE_UP, NULL,
                                "redis", ngx_soporte_load(&header->redis_up));
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_STORE_SUCCESS);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_STORE_SUCCESS, NULL,
                            "postgres",
                            ngx_soporte_load(&header->postgres_success));

    if (redis) {
        ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_STORE_SUCCESS, NULL,
                                "redis",
                                ngx_soporte_load(&header->redis_success));
    }
}


static void
ngx_http_soporte_metrics_fleet(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone)
{
    ngx_uint_t           i, n, up;
    ngx_soporte_node_t   nodes[NGX_SOPORTE_FLEET_NODES];

    if (!ngx_soporte_load(&zone->header->redis_used)) {
        return;
    }

    up = 0;
    n = ngx_http_soporte_fleet_nodes(zone, nodes);

    for (i = 0; i < n; i++) {
        up += (nodes[i].age <= NGX_HTTP_SOPORTE_FLEET_LOST);
    }

    ngx_soporte_metric_head(out, NGX_SOPORTE_METRIC_NODES);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_NODES, NULL, "up", up);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_NODES, NULL, "lost",
                            n - up);
}


/* the samples of one bulk metric for one tenant */

void
ngx_http_soporte_metrics_bulk(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, uint32_t slot, ngx_uint_t metric)
{
    ngx_str_t              key;
    ngx_soporte_tenant_t  *tenant;

    tenant = ngx_soporte_tenant(zone, slot);

    /* the rest, counted together, is no tenant that could be up */

    if (!ngx_soporte_tenant_known(zone, tenant)
        || (slot == NGX_SOPORTE_OTHER
            && metric != NGX_SOPORTE_METRIC_REQUESTS))
    {
        return;
    }

    key.data = tenant->key;
    key.len = tenant->len;

    switch (metric) {

    case NGX_SOPORTE_METRIC_REQUESTS:
        ngx_http_soporte_metrics_requests(out, tenant, &key);
        return;

    case NGX_SOPORTE_METRIC_UP:
        ngx_soporte_metric_uint(out, metric, &key, NULL,
                                ngx_http_soporte_metrics_usable(
                                    ngx_http_soporte_state(tenant,
                                                           ngx_time())));
        return;

    case NGX_SOPORTE_METRIC_UPSTREAM:
        ngx_soporte_metric_milli(out, metric, &key, NULL,
                                 ngx_soporte_load(&tenant->upstream_ms));
        return;

    case NGX_SOPORTE_METRIC_MAINTENANCE_END:
        ngx_soporte_metric_uint(out, metric, &key, NULL,
                                ngx_http_soporte_metrics_ends(zone, tenant));
        return;

    case NGX_SOPORTE_METRIC_OUTAGE_START:
        ngx_soporte_metric_uint(out, metric, &key, NULL,
                                ngx_http_soporte_metrics_outage(tenant));
        return;

    case NGX_SOPORTE_METRIC_BACKUP:
        ngx_http_soporte_metrics_backup(out, tenant, &key);
        return;

    default:
        ngx_http_soporte_metrics_month(out, zone, tenant, &key, metric);
        return;
    }
}


static void
ngx_http_soporte_metrics_requests(ngx_soporte_out_t *out,
    const ngx_soporte_tenant_t *tenant, const ngx_str_t *key)
{
    uint64_t    good, hard, soft;
    ngx_uint_t  i;

    good = 0;
    hard = 0;
    soft = 0;

    for (i = 0; i < NGX_SOPORTE_BANKS; i++) {
        good += ngx_soporte_load(&tenant->bank[i].good);
        hard += ngx_soporte_load(&tenant->bank[i].hard);
        soft += ngx_soporte_load(&tenant->bank[i].soft);
    }

    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_REQUESTS, key, "good",
                            good);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_REQUESTS, key, "hard",
                            hard);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_REQUESTS, key, "soft",
                            soft);
    ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_REQUESTS, key,
                            "excluded", ngx_soporte_load(&tenant->excluded));
}


/* the board is asked only where it says something */

static uint64_t
ngx_http_soporte_metrics_ends(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant)
{
    ngx_soporte_notice_t  notice;

    if (ngx_soporte_load(&tenant->board) == 0
        || ngx_soporte_board_read(zone, tenant, &notice) != NGX_OK)
    {
        return 0;
    }

    return notice.ends;
}


/* in the contract's reading alone */

static void
ngx_http_soporte_metrics_month(ngx_soporte_out_t *out,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    const ngx_str_t *key, ngx_uint_t metric)
{
    ngx_soporte_month_t    record;
    ngx_soporte_terms_t    terms;
    ngx_soporte_figures_t  figures;
    ngx_soporte_minutes_t  minutes;

    record = tenant->history.month[0];

    if (record.start == 0) {
        return;
    }

    terms = ngx_soporte_terms(zone, tenant);

    ngx_soporte_month_minutes(&record, ((time_t) tenant->judged + 1) * 60,
                              terms.excluded ? NGX_SOPORTE_NOT_COUNTED
                                             : NGX_SOPORTE_COUNTED, &minutes);
    ngx_soporte_month_figures(&minutes, terms.target, &figures);

    if (metric == NGX_SOPORTE_METRIC_MONTH_BUDGET) {
        ngx_soporte_metric_int(out, metric, key, figures.left);
        return;
    }

    if (figures.min_ppm >= 0) {
        ngx_soporte_metric_micro(out, metric, key, figures.min_ppm);
    }
}


/* absent where nobody watches them */

static void
ngx_http_soporte_metrics_backup(ngx_soporte_out_t *out,
    const ngx_soporte_tenant_t *tenant, const ngx_str_t *key)
{
    uint64_t    word;
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {
        word = ngx_soporte_load(&tenant->backup[i]);

        if (word) {
            ngx_soporte_metric_uint(out, NGX_SOPORTE_METRIC_BACKUP, key,
                             (const char *) ngx_soporte_backup_parts[i].data,
                             ngx_soporte_backup_good(word));
        }
    }
}


static uint64_t
ngx_http_soporte_metrics_outage(const ngx_soporte_tenant_t *tenant)
{
    const ngx_soporte_outage_t  *outage;

    outage = ngx_soporte_outage_open(&tenant->history.outages);

    return outage ? outage->began : 0;
}


ngx_int_t
ngx_http_soporte_metrics_detail(ngx_soporte_out_t *out,
    ngx_soporte_zone_t *zone, const ngx_str_t *name)
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
    ngx_http_soporte_metrics_hist(tenant->hist, cumulative);

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
ngx_http_soporte_metrics_hist(const uint32_t *hist,
    uint64_t cumulative[NGX_SOPORTE_HIST_LE + 1])
{
    uint32_t    count[NGX_SOPORTE_HIST_BUCKETS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_HIST_BUCKETS; i++) {
        count[i] = ngx_soporte_load(&hist[i]);
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
