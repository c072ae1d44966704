
/*
 * Reads a tenant's history and says it: never rounded up, both readings of
 * planned maintenance, the contract's one named.
 */

#include "ngx_http_soporte_month.h"


static void ngx_http_soporte_month_figures(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *root, const ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_month_latency(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *root, const ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_month_days(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant);
static ngx_uint_t ngx_http_soporte_month_day(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, int64_t noon, const ngx_soporte_day_t *day);
static void ngx_http_soporte_month_speed(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant);
static ngx_str_t ngx_http_soporte_month_ms(ngx_http_soporte_view_t *view,
    ngx_msec_t ms);
static ngx_str_t ngx_http_soporte_month_span(ngx_http_soporte_view_t *view,
    int64_t seconds);
static void ngx_http_soporte_month_text(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, ngx_str_t text);
static ngx_str_t ngx_http_soporte_month_percent(
    ngx_http_soporte_view_t *view, const u_char *percent);


void
ngx_http_soporte_month(const ngx_soporte_tenant_t *tenant, time_t now,
    int64_t target, ngx_uint_t reading, ngx_http_soporte_month_t *month)
{
    time_t                       until;
    ngx_uint_t                   i;
    ngx_soporte_month_t          record;
    const ngx_soporte_outage_t  *outage;

    ngx_memzero(month, sizeof(ngx_http_soporte_month_t));

    record = tenant->history.month[0];
    until = record.start ? ((time_t) tenant->judged + 1) * 60 : 0;

    month->start = record.start;
    month->reading = reading;
    month->outage = record.outage;

    for (i = 0; i < NGX_SOPORTE_READINGS; i++) {
        ngx_soporte_month_minutes(&record, until, i, &month->minutes[i]);
        ngx_soporte_month_figures(&month->minutes[i], target,
                                  &month->figures[i]);
    }

    outage = ngx_soporte_outage_open(&tenant->history.outages);

    if (outage) {
        month->outage += ngx_soporte_outage_overlap(outage->began, now,
                                                    record.start, now);
    }
}


ngx_uint_t
ngx_http_soporte_latency(const ngx_soporte_tenant_t *tenant,
    ngx_uint_t window, time_t now, ngx_msec_t ms[3])
{
    uint32_t    life[NGX_SOPORTE_HIST_BUCKETS];
    uint32_t    count[NGX_SOPORTE_HIST_BUCKETS];
    ngx_uint_t  i, n, seconds;

    for (i = 0; i < NGX_SOPORTE_HIST_BUCKETS; i++) {
        life[i] = ngx_soporte_load(&tenant->hist[i]);
    }

    n = NGX_SOPORTE_HIST_BUCKETS;
    seconds = ngx_soporte_hist_window(&tenant->history.hist, window, life,
                                      now, count, &n);

    for (i = 0; i < 3; i++) {
        ms[i] = (ngx_msec_t) -1;
    }

    if (seconds) {
        ms[0] = ngx_soporte_hist_quantile(count, n, 5000);
        ms[1] = ngx_soporte_hist_quantile(count, n, 9500);
        ms[2] = ngx_soporte_hist_quantile(count, n, 9900);
    }

    return seconds;
}


static void
ngx_http_soporte_month_text(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, ngx_str_t text)
{
    (void) ngx_soporte_value_str(&view->mem, parent, name, &text);
}


/* a copy of a null-terminated figure: its owner is on the stack */

static ngx_str_t
ngx_http_soporte_month_percent(ngx_http_soporte_view_t *view,
    const u_char *percent)
{
    ngx_str_t  s;

    s.len = ngx_strlen(percent);
    s.data = ngx_soporte_alloc(&view->mem, s.len + 1);

    if (s.data) {
        ngx_memcpy(s.data, percent, s.len);
    } else {
        s.len = 0;
    }

    return s;
}


/* "42 s", "3 min", "2 h 5 min", with the sign of a budget overspent */

static ngx_str_t
ngx_http_soporte_month_span(ngx_http_soporte_view_t *view, int64_t seconds)
{
    u_char     *p;
    int64_t     n;
    ngx_str_t   s;

    s.len = 0;
    s.data = ngx_soporte_alloc(&view->mem, 3 * NGX_INT64_LEN);

    if (s.data == NULL) {
        return s;
    }

    p = s.data;
    n = seconds;

    if (n < 0) {
        p = ngx_cpymem(p, "\xe2\x88\x92", 3);              /* U+2212 */
        n = -n;
    }

    if (n >= 3600) {
        p = ngx_sprintf(p, "%L h ", n / 3600);
    }

    if (n >= 60) {
        p = ngx_sprintf(p, "%L min ", n % 3600 / 60);
    }

    if (n < 3600) {
        p = ngx_sprintf(p, "%L s ", n % 60);
    }

    s.len = p - s.data - 1;

    return s;
}


void
ngx_http_soporte_month_view(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant, ngx_uint_t visible)
{
    ngx_uint_t                      reading;
    ngx_soporte_value_t            *object;
    ngx_http_soporte_month_t        month;
    const ngx_soporte_figures_t    *figures;

    static const char *const  verdicts[] = {
        "verdict_none", "verdict_met", "verdict_breached",
        "verdict_undetermined"
    };

    reading = view->policy->promise.excluded ? NGX_SOPORTE_NOT_COUNTED
                                             : NGX_SOPORTE_COUNTED;

    ngx_http_soporte_month(tenant, view->voice.now,
                           view->policy->promise.millionths, reading,
                           &month);

    if (visible & NGX_SOPORTE_PUBLIC_LATENCY) {
        ngx_http_soporte_month_speed(view, tenant);
    }

    if (!(visible & NGX_SOPORTE_PUBLIC_MONTH)) {
        return;
    }

    ngx_http_soporte_month_days(view, tenant);

    if (month.start == 0) {
        return;
    }

    figures = &month.figures[reading];

    object = ngx_soporte_value_add(&view->mem, view->root, "month",
                                   NGX_SOPORTE_OBJECT);

    ngx_http_soporte_month_text(view, object, "label",
        ngx_http_soporte_date(&view->voice, "month", month.start));
    ngx_http_soporte_month_text(view, object, "availability",
        ngx_http_soporte_month_percent(view, figures->availability));
    ngx_http_soporte_month_text(view, object,
        "availability_without_maintenance",
        ngx_http_soporte_month_percent(view,
            month.figures[NGX_SOPORTE_NOT_COUNTED].availability));
    ngx_http_soporte_month_text(view, object,
        "availability_with_maintenance",
        ngx_http_soporte_month_percent(view,
            month.figures[NGX_SOPORTE_COUNTED].availability));
    (void) ngx_soporte_value_bool(&view->mem, object,
                                  reading == NGX_SOPORTE_COUNTED
                                  ? "counted" : "excluded", 1);
    (void) ngx_soporte_value_int(&view->mem, object, "maintenance_minutes",
                            month.minutes[NGX_SOPORTE_NOT_COUNTED].excluded);
    (void) ngx_soporte_value_str(&view->mem, object, "target",
                                 &view->policy->promise.availability);
    (void) ngx_soporte_value_bool(&view->mem, object,
                                  verdicts[figures->verdict], 1);
    (void) ngx_soporte_value_int(&view->mem, object, "down_minutes",
                                 month.minutes[reading].down);
    ngx_http_soporte_month_text(view, object, "outage",
        ngx_http_soporte_month_span(view, month.outage));
    ngx_http_soporte_month_text(view, object, "budget",
        ngx_http_soporte_month_span(view, figures->budget));
    ngx_http_soporte_month_text(view, object, "budget_left",
        ngx_http_soporte_month_span(view, figures->left));
}


static void
ngx_http_soporte_month_days(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant)
{
    uint32_t              today, i;
    ngx_uint_t            n, bad;
    ngx_soporte_day_t     day;
    ngx_soporte_civil_t   c;
    ngx_soporte_value_t  *list;

    ngx_soporte_zoneinfo_local(view->voice.zone, view->voice.now, &c);
    today = ngx_soporte_civil_days(c.year, c.month, c.day);

    list = ngx_soporte_value_add(&view->mem, view->root, "days",
                                 NGX_SOPORTE_LIST);
    n = 0;
    bad = 0;

    for (i = NGX_SOPORTE_DAYS; i-- > 0; ) {

        if (ngx_soporte_days_get(&tenant->history.days, today - i, &day)
            != NGX_OK)
        {
            continue;
        }

        n++;
        bad |= ngx_http_soporte_month_day(view, list,
            ngx_soporte_zoneinfo_utc(view->voice.zone,
                                     ((int64_t) today - i) * 86400 + 43200,
                                     NULL),
            &day);
    }

    if (n) {
        (void) ngx_soporte_value_bool(&view->mem, view->root, "has_days", 1);
        (void) ngx_soporte_value_bool(&view->mem, view->root, "has_bad_days",
                                      bad);
    }
}


/* the worst that the day had, in words: never by color alone; 1: it was bad */

static ngx_uint_t
ngx_http_soporte_month_day(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, int64_t noon, const ngx_soporte_day_t *day)
{
    const char           *bad;
    ngx_soporte_value_t  *item;

    bad = day->down ? "down"
          : day->maintenance ? "maintenance"
          : (day->degraded || day->outage) ? "degraded"
          : (day->unknown > 720) ? "unknown" : NULL;

    item = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);

    ngx_http_soporte_month_text(view, item, "date",
        ngx_http_soporte_date(&view->voice, "day_short", noon));
    ngx_http_soporte_month_text(view, item, "text",
        ngx_http_soporte_phrase(&view->voice, "day", bad ? bad : "up"));

    if (bad) {
        (void) ngx_soporte_value_cstr(&view->mem, item, "bad", bad);
    }

    if (day->outage) {
        ngx_http_soporte_month_text(view, item, "outage",
            ngx_http_soporte_month_span(view, day->outage));
    }

    return bad != NULL;
}


static void
ngx_http_soporte_month_speed(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant)
{
    ngx_msec_t            ms[3];
    ngx_uint_t            seconds;
    ngx_soporte_value_t  *object;

    seconds = ngx_http_soporte_latency(tenant, NGX_SOPORTE_HIST_5M,
                                       view->voice.now, ms);

    if (seconds < 60 || ms[0] == (ngx_msec_t) -1) {
        return;
    }

    object = ngx_soporte_value_add(&view->mem, view->root, "latency",
                                   NGX_SOPORTE_OBJECT);

    ngx_http_soporte_month_text(view, object, "p50",
                                ngx_http_soporte_month_ms(view, ms[0]));
    ngx_http_soporte_month_text(view, object, "p95",
                                ngx_http_soporte_month_ms(view, ms[1]));
    ngx_http_soporte_month_text(view, object, "p99",
                                ngx_http_soporte_month_ms(view, ms[2]));
    ngx_http_soporte_month_text(view, object, "window",
        ngx_http_soporte_month_span(view, (int64_t) seconds / 60 * 60));
}


static ngx_str_t
ngx_http_soporte_month_ms(ngx_http_soporte_view_t *view, ngx_msec_t ms)
{
    ngx_str_t  s;

    s.len = 0;
    s.data = ngx_soporte_alloc(&view->mem, 2 * NGX_INT64_LEN);

    if (s.data == NULL) {
        return s;
    }

    if (ms < 1000) {
        s.len = ngx_sprintf(s.data, "%M ms", ms) - s.data;
    } else {
        s.len = ngx_sprintf(s.data, "%M.%M s", ms / 1000, ms % 1000 / 100)
                - s.data;
    }

    return s;
}


void
ngx_http_soporte_month_value(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *root, const ngx_soporte_tenant_t *tenant,
    ngx_uint_t visible)
{
    if (visible & NGX_SOPORTE_PUBLIC_MONTH) {
        ngx_http_soporte_month_figures(view, root, tenant);
    } else {
        (void) ngx_soporte_value_add(&view->mem, root, "month",
                                     NGX_SOPORTE_NULL);
    }

    if (visible & NGX_SOPORTE_PUBLIC_LATENCY) {
        ngx_http_soporte_month_latency(view, root, tenant);
    } else {
        (void) ngx_soporte_value_add(&view->mem, root, "latency_ms",
                                     NGX_SOPORTE_NULL);
    }
}


static void
ngx_http_soporte_month_figures(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *root, const ngx_soporte_tenant_t *tenant)
{
    ngx_str_t                      verdict;
    ngx_uint_t                     reading;
    ngx_soporte_value_t           *object;
    ngx_http_soporte_month_t       month;
    const ngx_soporte_figures_t   *figures;

    reading = view->policy->promise.excluded ? NGX_SOPORTE_NOT_COUNTED
                                             : NGX_SOPORTE_COUNTED;

    ngx_http_soporte_month(tenant, view->voice.now,
                           view->policy->promise.millionths, reading,
                           &month);

    figures = &month.figures[reading];
    verdict = ngx_soporte_verdict_names[figures->verdict];

    object = ngx_soporte_value_add(&view->mem, root, "month",
                                   NGX_SOPORTE_OBJECT);

    ngx_http_soporte_month_text(view, object, "availability",
        ngx_http_soporte_month_percent(view, figures->availability));
    ngx_http_soporte_month_text(view, object, "availability_min",
        ngx_http_soporte_month_percent(view, figures->availability_min));
    ngx_http_soporte_month_text(view, object,
        "availability_without_maintenance",
        ngx_http_soporte_month_percent(view,
            month.figures[NGX_SOPORTE_NOT_COUNTED].availability));
    ngx_http_soporte_month_text(view, object,
        "availability_with_maintenance",
        ngx_http_soporte_month_percent(view,
            month.figures[NGX_SOPORTE_COUNTED].availability));
    (void) ngx_soporte_value_cstr(&view->mem, object, "planned_maintenance",
                                  reading == NGX_SOPORTE_COUNTED
                                  ? "counted" : "excluded");
    (void) ngx_soporte_value_str(&view->mem, object, "target",
                                 &view->policy->promise.availability);
    (void) ngx_soporte_value_str(&view->mem, object, "verdict", &verdict);
    (void) ngx_soporte_value_int(&view->mem, object, "down_seconds",
                                 month.minutes[reading].down * 60);
    (void) ngx_soporte_value_int(&view->mem, object, "outage_seconds",
                                 month.outage);
    (void) ngx_soporte_value_int(&view->mem, object, "budget_left_seconds",
                                 figures->left);
}


static void
ngx_http_soporte_month_latency(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *root, const ngx_soporte_tenant_t *tenant)
{
    ngx_msec_t            ms[3];
    ngx_uint_t            i, seconds;
    ngx_soporte_value_t  *object;

    static const char *const  names[] = { "p50", "p95", "p99" };

    seconds = ngx_http_soporte_latency(tenant, NGX_SOPORTE_HIST_5M,
                                       view->voice.now, ms);

    object = ngx_soporte_value_add(&view->mem, root, "latency_ms",
                                   NGX_SOPORTE_OBJECT);

    for (i = 0; i < 3; i++) {
        if (ms[i] == (ngx_msec_t) -1) {
            (void) ngx_soporte_value_add(&view->mem, object, names[i],
                                         NGX_SOPORTE_NULL);
        } else {
            (void) ngx_soporte_value_int(&view->mem, object, names[i],
                                         ms[i]);
        }
    }

    (void) ngx_soporte_value_int(&view->mem, object, "window_seconds",
                                 seconds);
}
