
/*
 * The table of the metrics and its rendering as Prometheus text, 0.0.4.
 */

#include "ngx_soporte_metrics.h"
#include "ngx_soporte_text.h"


#define NGX_SOPORTE_METRIC_PART  128         /* bytes, of a line's part */


static u_char *ngx_soporte_metric_part(u_char *p, const void *part,
    size_t len);
static void ngx_soporte_metric_sample(ngx_soporte_out_t *out,
    ngx_uint_t metric, const char *suffix, const ngx_str_t *tenant,
    const char *label, const ngx_str_t *value);
static void ngx_soporte_metric_number(ngx_soporte_out_t *out, uint64_t n);
static void ngx_soporte_metric_fraction(ngx_soporte_out_t *out, uint64_t n);
static u_char *ngx_soporte_metric_print_milli(u_char *p, uint64_t n);


const ngx_soporte_metric_t  ngx_soporte_metrics[NGX_SOPORTE_METRICS] = {

    { "soporte_build_info", "gauge",
      "Version of the module and of nginx.", NULL },

    { "soporte_start_timestamp_seconds", "gauge",
      "Unix time at which this node began to observe.", NULL },

    { "soporte_tenants", "gauge",
      "Tenants by current state.", "state" },

    { "soporte_request_duration_seconds", "histogram",
      "Time to the last header byte of the upstream, countable requests of "
      "all tenants.", NULL },

    { "soporte_pages_served_total", "counter",
      "Pages answered by the module itself.", "page" },

    { "soporte_store_operations_total", "counter",
      "Operations on the shared store.", "result" },

    { "soporte_store_up", "gauge",
      "Whether the last operation on the shared store worked.", "store" },

    { "soporte_store_last_success_timestamp_seconds", "gauge",
      "Unix time of the last working operation on the shared store.",
      "store" },

    { "soporte_shm_size_bytes", "gauge",
      "Size of the shared memory zone.", NULL },

    { "soporte_shm_used_bytes", "gauge",
      "Used part of the shared memory zone.", NULL },

    { "soporte_overflow_requests_total", "counter",
      "Requests of tenants that found the zone full, counted as _other.",
      NULL },

    { "soporte_tickets_total", "counter",
      "Tickets by what became of the request.", "result" },

    { "soporte_answers_helped_total", "counter",
      "Questions that the help page's answer settled, by the customer's word.",
      NULL },

    { "soporte_spool_tickets", "gauge",
      "Tickets in the spool.", "state" },

    { "soporte_spool_oldest_timestamp_seconds", "gauge",
      "Unix time at which the oldest undelivered ticket was filed, 0 if "
      "none.", NULL },

    { "soporte_events_total", "counter",
      "Events of incidents, windows, restores, backups and history, put into "
      "the spool or lost.", "result" },

    { "soporte_fleet_nodes", "gauge",
      "Nodes that were heard by Redis within a day, this one included.",
      "state" },

    { "soporte_probes_total", "counter",
      "Active probes sent by this node.", "result" },

    { "soporte_probe_duration_seconds", "histogram",
      "Duration of active probes.", NULL },

    { "soporte_incidents_opened_total", "counter",
      "Incidents opened, by severity.", "severity" },

    { "soporte_requests_total", "counter",
      "Requests by tenant and by what they count as.", "result" },

    { "soporte_tenant_up", "gauge",
      "Whether the tenant is usable now, 1 for up, degraded or maintenance.",
      NULL },

    { "soporte_upstream_seconds_total", "counter",
      "Time spent waiting for the tenant upstream, good, hard and soft "
      "requests.", NULL },

    { "soporte_maintenance_end_timestamp_seconds", "gauge",
      "Unix time at which the current maintenance window ends, 0 if none.",
      NULL },

    { "soporte_incident_start_timestamp_seconds", "gauge",
      "Unix time of the first failure of the open outage, 0 if none is open.",
      NULL },

    { "soporte_month_availability_ratio", "gauge",
      "Contract availability of the month so far, unknown counted as down.",
      NULL },

    { "soporte_month_budget_remaining_seconds", "gauge",
      "Error budget left this month, negative once overspent.", NULL },

    { "soporte_backup_last_success_timestamp_seconds", "gauge",
      "Unix time at which the last good backup of that part ended, 0 if none.",
      "part" },

    { "soporte_tenant_state", "gauge",
      "Current state of a tenant.", "soporte_tenant_state" },

    { "soporte_tenant_responses_total", "counter",
      "Responses of a tenant by class.", "class" },

    { "soporte_tenant_request_duration_seconds", "histogram",
      "Time to the last header byte of the upstream, countable requests of "
      "a tenant.", NULL },

    { "soporte_restore_start_timestamp_seconds", "gauge",
      "Unix time at which the running restore began, 0 if none.", NULL },

    { "soporte_restore_progress_ratio", "gauge",
      "Done part of the running restore.", NULL }
};


#define ngx_soporte_metric_literal(out, s)                                    \
    ngx_soporte_out(out, s, sizeof(s) - 1)


void
ngx_soporte_metric_head(ngx_soporte_out_t *out, ngx_uint_t metric)
{
    const ngx_soporte_metric_t  *row;

    row = &ngx_soporte_metrics[metric];

    ngx_soporte_metric_literal(out, "# HELP ");
    ngx_soporte_out(out, row->name, ngx_strlen(row->name));
    ngx_soporte_metric_literal(out, " ");
    ngx_soporte_out(out, row->help, ngx_strlen(row->help));
    ngx_soporte_metric_literal(out, "\n# TYPE ");
    ngx_soporte_out(out, row->name, ngx_strlen(row->name));
    ngx_soporte_metric_literal(out, " ");
    ngx_soporte_out(out, row->type, ngx_strlen(row->type));
    ngx_soporte_metric_literal(out, "\n");
}


/*
 * All of a sample's line but its number; "value" may end a label's value.  Put
 * together here and handed over once: there are ten lines a tenant.
 */

static void
ngx_soporte_metric_sample(ngx_soporte_out_t *out, ngx_uint_t metric,
    const char *suffix, const ngx_str_t *tenant, const char *label,
    const ngx_str_t *value)
{
    u_char                      *p, line[5 * NGX_SOPORTE_METRIC_PART];
    const ngx_soporte_metric_t  *row;

    row = &ngx_soporte_metrics[metric];

    p = ngx_soporte_metric_part(line, row->name, ngx_strlen(row->name));
    p = ngx_soporte_metric_part(p, suffix, ngx_strlen(suffix));

    if (tenant) {
        p = ngx_cpymem(p, "{tenant=\"", 9);
        p = ngx_soporte_metric_part(p, tenant->data, tenant->len);
        *p++ = '"';
    }

    if (label) {
        *p++ = tenant ? ',' : '{';
        p = ngx_soporte_metric_part(p, label, ngx_strlen(label));
        p = ngx_cpymem(p, "=\"", 2);
        p = ngx_soporte_metric_part(p, value->data, value->len);
        *p++ = '"';
    }

    if (tenant || label) {
        *p++ = '}';
    }

    *p++ = ' ';

    ngx_soporte_out(out, line, p - line);
}


/* names are of the table, keys and values are short */

static u_char *
ngx_soporte_metric_part(u_char *p, const void *part, size_t len)
{
    return ngx_cpymem(p, part, ngx_min(len, NGX_SOPORTE_METRIC_PART - 16));
}


static void
ngx_soporte_metric_number(ngx_soporte_out_t *out, uint64_t n)
{
    u_char  *p, buf[NGX_INT64_LEN + 1];

    p = ngx_soporte_text_uint64(buf, n);
    *p++ = '\n';

    ngx_soporte_out(out, buf, p - buf);
}


/* n thousandths, without trailing zeros: 2500 is "2.5", 60000 is "60" */

static u_char *
ngx_soporte_metric_print_milli(u_char *p, uint64_t n)
{
    ngx_uint_t  rest;

    p = ngx_soporte_text_uint64(p, n / 1000);
    rest = n % 1000;

    if (rest == 0) {
        return p;
    }

    *p++ = '.';
    *p++ = '0' + rest / 100;
    *p++ = '0' + rest / 10 % 10;
    *p++ = '0' + rest % 10;

    while (p[-1] == '0') {
        p--;
    }

    return p;
}


static void
ngx_soporte_metric_fraction(ngx_soporte_out_t *out, uint64_t n)
{
    u_char  *p, buf[NGX_INT64_LEN + 8];

    p = ngx_soporte_metric_print_milli(buf, n);
    *p++ = '\n';

    ngx_soporte_out(out, buf, p - buf);
}


void
ngx_soporte_metric_uint(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, const char *value, uint64_t n)
{
    ngx_str_t  v;

    v.data = (u_char *) value;
    v.len = value ? ngx_strlen(value) : 0;

    ngx_soporte_metric_sample(out, metric, "", tenant,
                              value ? ngx_soporte_metrics[metric].label
                                    : NULL,
                              &v);
    ngx_soporte_metric_number(out, n);
}


void
ngx_soporte_metric_pair(ngx_soporte_out_t *out, ngx_uint_t metric,
    const char *label, const char *first, const char *value, uint64_t n)
{
    const ngx_soporte_metric_t  *row;

    row = &ngx_soporte_metrics[metric];

    ngx_soporte_out(out, row->name, ngx_strlen(row->name));
    ngx_soporte_metric_literal(out, "{");
    ngx_soporte_out(out, label, ngx_strlen(label));
    ngx_soporte_metric_literal(out, "=\"");
    ngx_soporte_out(out, first, ngx_strlen(first));
    ngx_soporte_metric_literal(out, "\",");
    ngx_soporte_out(out, row->label, ngx_strlen(row->label));
    ngx_soporte_metric_literal(out, "=\"");
    ngx_soporte_out(out, value, ngx_strlen(value));
    ngx_soporte_metric_literal(out, "\"} ");
    ngx_soporte_metric_number(out, n);
}


void
ngx_soporte_metric_info(ngx_soporte_out_t *out, ngx_uint_t metric,
    const char *version, const char *server)
{
    const ngx_soporte_metric_t  *row;

    row = &ngx_soporte_metrics[metric];

    ngx_soporte_out(out, row->name, ngx_strlen(row->name));
    ngx_soporte_metric_literal(out, "{version=\"");
    ngx_soporte_out(out, version, ngx_strlen(version));
    ngx_soporte_metric_literal(out, "\",nginx_version=\"");
    ngx_soporte_out(out, server, ngx_strlen(server));
    ngx_soporte_metric_literal(out, "\"} ");
    ngx_soporte_metric_number(out, 1);
}


void
ngx_soporte_metric_milli(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, const char *value, uint64_t n)
{
    ngx_str_t  v;

    v.data = (u_char *) value;
    v.len = value ? ngx_strlen(value) : 0;

    ngx_soporte_metric_sample(out, metric, "", tenant,
                              value ? ngx_soporte_metrics[metric].label
                                    : NULL,
                              &v);
    ngx_soporte_metric_fraction(out, n);
}


void
ngx_soporte_metric_int(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, int64_t n)
{
    u_char  *p, buf[NGX_INT64_LEN + 1];

    ngx_soporte_metric_sample(out, metric, "", tenant, NULL, NULL);

    p = ngx_soporte_text_int64(buf, n);
    *p++ = '\n';

    ngx_soporte_out(out, buf, p - buf);
}


void
ngx_soporte_metric_micro(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant, uint64_t n)
{
    u_char      *p, buf[NGX_INT64_LEN + 9];
    uint64_t     unit;

    ngx_soporte_metric_sample(out, metric, "", tenant, NULL, NULL);

    p = ngx_soporte_text_uint64(buf, n / 1000000);
    *p++ = '.';

    for (unit = 100000; unit; unit /= 10) {
        *p++ = '0' + n / unit % 10;
    }

    *p++ = '\n';

    ngx_soporte_out(out, buf, p - buf);
}


void
ngx_soporte_metric_histogram(ngx_soporte_out_t *out, ngx_uint_t metric,
    const ngx_str_t *tenant,
    const uint64_t cumulative[NGX_SOPORTE_HIST_LE + 1], uint64_t sum)
{
    u_char      buf[NGX_INT64_LEN + 8];
    ngx_str_t   le;
    ngx_uint_t  i;

    le.data = buf;

    for (i = 0; i < NGX_SOPORTE_HIST_LE; i++) {
        le.len = ngx_soporte_metric_print_milli(buf,
                                                ngx_soporte_hist_le[i].ms)
                 - buf;

        ngx_soporte_metric_sample(out, metric, "_bucket", tenant, "le", &le);
        ngx_soporte_metric_number(out, cumulative[i]);
    }

    ngx_str_set(&le, "+Inf");

    ngx_soporte_metric_sample(out, metric, "_bucket", tenant, "le", &le);
    ngx_soporte_metric_number(out, cumulative[NGX_SOPORTE_HIST_LE]);

    ngx_soporte_metric_sample(out, metric, "_sum", tenant, NULL, NULL);
    ngx_soporte_metric_fraction(out, sum);

    ngx_soporte_metric_sample(out, metric, "_count", tenant, NULL, NULL);
    ngx_soporte_metric_number(out, cumulative[NGX_SOPORTE_HIST_LE]);
}
