
/*
 * Business hours: turns the rules into a table of UTC intervals and answers
 * from it.
 *
 * Each boundary of a shift, a closure or an extra opening becomes an edge in
 * one of three layers.  One sweep over the edges in order of time keeps how
 * many intervals of each layer hold an instant; it is open when an extra
 * opening holds it, or a shift and no closure.  So overlaps, touching ends
 * and precedence need no cases of their own.
 *
 * Every interval knows the open seconds before it: all questions are a binary
 * search or two.
 */

#include "ngx_soporte_calendar.h"
#include "ngx_soporte_holidays.h"


#define NGX_SOPORTE_CALENDAR_DAY      86400

/* layers, from the weakest */
#define NGX_SOPORTE_CALENDAR_SHIFTS   0
#define NGX_SOPORTE_CALENDAR_CLOSED   1
#define NGX_SOPORTE_CALENDAR_OPEN     2
#define NGX_SOPORTE_CALENDAR_LAYERS   3


typedef struct {
    int64_t                              at;
    int64_t                              delta;     /* 1 begins, -1 ends */
} ngx_soporte_calendar_edge_t;


typedef struct {
    ngx_soporte_calendar_edge_t         *edges;
    ngx_uint_t                           n;
} ngx_soporte_calendar_layer_t;


typedef struct {
    const ngx_soporte_calendar_t        *calendar;
    const ngx_soporte_zoneinfo_t        *zone;
    ngx_soporte_zoneinfo_span_t          cursor;
    ngx_soporte_calendar_layer_t         layers[NGX_SOPORTE_CALENDAR_LAYERS];
    int32_t                              first;     /* date */
    u_char                               holidays[
                                             NGX_SOPORTE_CALENDAR_DATES];
} ngx_soporte_calendar_build_t;


static void ngx_soporte_calendar_count(const ngx_soporte_calendar_t *cal,
    size_t counts[NGX_SOPORTE_CALENDAR_LAYERS]);
static void ngx_soporte_calendar_add_holidays(
    ngx_soporte_calendar_build_t *build);
static void ngx_soporte_calendar_add_event(void *data,
    const ngx_soporte_ics_event_t *event, int64_t start);
static void ngx_soporte_calendar_add_shifts(
    ngx_soporte_calendar_build_t *build);
static void ngx_soporte_calendar_add_periods(
    ngx_soporte_calendar_build_t *build, ngx_uint_t layer,
    const ngx_soporte_calendar_list_t *list);
static void ngx_soporte_calendar_add_local(
    ngx_soporte_calendar_build_t *build, ngx_uint_t layer, int64_t from,
    int64_t until);
static void ngx_soporte_calendar_add_utc(
    ngx_soporte_calendar_build_t *build, ngx_uint_t layer, int64_t from,
    int64_t until);
static void ngx_soporte_calendar_sort(ngx_soporte_calendar_layer_t *layer);
static int ngx_libc_cdecl ngx_soporte_calendar_cmp_edges(const void *one,
    const void *two);
static void ngx_soporte_calendar_sweep(ngx_soporte_calendar_build_t *build,
    ngx_soporte_calendar_table_t *table);
static void ngx_soporte_calendar_interval(
    ngx_soporte_calendar_table_t *table, int64_t from, int64_t until);
static ngx_uint_t ngx_soporte_calendar_find(
    const ngx_soporte_calendar_table_t *table, int64_t t);
static int64_t ngx_soporte_calendar_sum(
    const ngx_soporte_calendar_table_t *table, int64_t t);
static void ngx_soporte_calendar_sort_pauses(
    ngx_soporte_calendar_period_t *pauses, ngx_uint_t npauses);
static int ngx_libc_cdecl ngx_soporte_calendar_cmp_pauses(const void *one,
    const void *two);


size_t
ngx_soporte_calendar_room(const ngx_soporte_calendar_t *cal)
{
    size_t      n, counts[NGX_SOPORTE_CALENDAR_LAYERS];
    ngx_uint_t  i;

    ngx_soporte_calendar_count(cal, counts);

    n = 1;

    for (i = 0; i < NGX_SOPORTE_CALENDAR_LAYERS; i++) {
        n += counts[i];
    }

    return n * (sizeof(ngx_soporte_calendar_interval_t)
                + 2 * sizeof(ngx_soporte_calendar_edge_t));
}


/* intervals of each layer, at most */

static void
ngx_soporte_calendar_count(const ngx_soporte_calendar_t *cal,
    size_t counts[NGX_SOPORTE_CALENDAR_LAYERS])
{
    ngx_uint_t                    i;
    ngx_soporte_calendar_date_t  *dates;
    ngx_soporte_calendar_file_t  *files;

    counts[NGX_SOPORTE_CALENDAR_SHIFTS] = 0;
    counts[NGX_SOPORTE_CALENDAR_CLOSED] = cal->closed.n;
    counts[NGX_SOPORTE_CALENDAR_OPEN] = cal->open.n;

    for (i = 0; i < 7; i++) {
        counts[NGX_SOPORTE_CALENDAR_SHIFTS] += cal->shifts[i].n
                                    * (NGX_SOPORTE_CALENDAR_DATES / 7 + 1);
    }

    dates = cal->dates.elts;

    for (i = 0; i < cal->dates.n; i++) {
        counts[NGX_SOPORTE_CALENDAR_SHIFTS] += dates[i].nshifts;
    }

    files = cal->files.elts;

    for (i = 0; i < cal->files.n; i++) {
        counts[NGX_SOPORTE_CALENDAR_CLOSED] += files[i].ics->ntimed;
    }
}


void
ngx_soporte_calendar_build(const ngx_soporte_calendar_t *cal,
    const ngx_soporte_zoneinfo_t *zone, int64_t now,
    ngx_soporte_calendar_table_t *table)
{
    size_t                        n, counts[NGX_SOPORTE_CALENDAR_LAYERS];
    ngx_uint_t                    i;
    ngx_soporte_calendar_edge_t  *edge;
    ngx_soporte_calendar_build_t  build;

    /* the years that civil dates have, less what the table spans */

    now = ngx_max(now, NGX_SOPORTE_CIVIL_MIN
                       + 500LL * NGX_SOPORTE_CALENDAR_DAY);
    now = ngx_min(now, NGX_SOPORTE_CIVIL_MAX
                       - 900LL * NGX_SOPORTE_CALENDAR_DAY);

    table->calendar = cal;
    table->zone = zone;
    table->now = now;
    table->lo = now - NGX_SOPORTE_CALENDAR_BACK
                      * (int64_t) NGX_SOPORTE_CALENDAR_DAY;
    table->hi = now + NGX_SOPORTE_CALENDAR_AHEAD
                      * (int64_t) NGX_SOPORTE_CALENDAR_DAY;

    ngx_memzero(&build, sizeof(ngx_soporte_calendar_build_t));

    build.calendar = cal;
    build.zone = zone;
    build.first = (int32_t) ngx_soporte_civil_floor(table->lo,
                                                    NGX_SOPORTE_CALENDAR_DAY)
                  - NGX_SOPORTE_CALENDAR_BEFORE;

    ngx_soporte_calendar_count(cal, counts);

    n = counts[NGX_SOPORTE_CALENDAR_SHIFTS]
        + counts[NGX_SOPORTE_CALENDAR_CLOSED]
        + counts[NGX_SOPORTE_CALENDAR_OPEN];

    table->intervals = table->memory;
    edge = (ngx_soporte_calendar_edge_t *) (table->intervals + n);

    for (i = 0; i < NGX_SOPORTE_CALENDAR_LAYERS; i++) {
        build.layers[i].edges = edge;
        edge += 2 * counts[i];
    }

    ngx_soporte_calendar_add_holidays(&build);
    ngx_soporte_calendar_add_shifts(&build);
    ngx_soporte_calendar_add_periods(&build, NGX_SOPORTE_CALENDAR_CLOSED,
                                     &cal->closed);
    ngx_soporte_calendar_add_periods(&build, NGX_SOPORTE_CALENDAR_OPEN,
                                     &cal->open);

    ngx_soporte_calendar_sweep(&build, table);

    /* nothing is remembered */

    table->from = 0;
    table->until = 0;
    table->open = 0;
    table->index = 0;
}


static void
ngx_soporte_calendar_add_holidays(ngx_soporte_calendar_build_t *build)
{
    int32_t                       year, date;
    int32_t                       dates[NGX_SOPORTE_HOLIDAYS_MX];
    ngx_uint_t                    i, n;
    ngx_soporte_civil_t           civil;
    ngx_soporte_calendar_file_t  *files;

    files = build->calendar->files.elts;

    for (i = 0; i < build->calendar->files.n; i++) {
        ngx_soporte_ics_expand(files[i].ics, build->first,
                               build->first + NGX_SOPORTE_CALENDAR_DATES - 1,
                               ngx_soporte_calendar_add_event, build);
    }

    if (!build->calendar->mx) {
        return;
    }

    ngx_soporte_civil_date(build->first, &civil);

    for (year = civil.year;
         year <= civil.year + NGX_SOPORTE_CALENDAR_DATES / 365 + 1;
         year++)
    {
        n = ngx_soporte_holidays_mx(year, dates);

        while (n--) {
            date = dates[n];

            if (date >= build->first
                && date < build->first + NGX_SOPORTE_CALENDAR_DATES)
            {
                build->holidays[date - build->first] = 1;
            }
        }
    }
}


/* all day: no shift starts on its dates; timed: subtracted */

static void
ngx_soporte_calendar_add_event(void *data,
    const ngx_soporte_ics_event_t *event, int64_t start)
{
    int32_t                        date, end;
    int64_t                        until;
    ngx_soporte_calendar_build_t  *build = data;

    if (event->form == NGX_SOPORTE_ICS_DATE) {
        date = (int32_t) (start / NGX_SOPORTE_CALENDAR_DAY) - build->first;
        end = date + event->wall / NGX_SOPORTE_CALENDAR_DAY;

        end = ngx_min(end, NGX_SOPORTE_CALENDAR_DATES);

        for (date = ngx_max(date, 0); date < end; date++) {
            build->holidays[date] = 1;
        }

        return;
    }

    until = start + event->wall;

    if (event->form != NGX_SOPORTE_ICS_UTC) {
        start = ngx_soporte_zoneinfo_utc(build->zone, start, &build->cursor);
        until = ngx_soporte_zoneinfo_utc(build->zone, until, &build->cursor);
    }

    if (start <= event->until_utc) {
        ngx_soporte_calendar_add_utc(build, NGX_SOPORTE_CALENDAR_CLOSED, start,
                                     until + event->exact);
    }
}


static void
ngx_soporte_calendar_add_shifts(ngx_soporte_calendar_build_t *build)
{
    int32_t                              i, day;
    int64_t                              midnight;
    ngx_uint_t                           j, n, ndates, weekday;
    const ngx_soporte_calendar_date_t   *date;
    const ngx_soporte_calendar_list_t   *week;
    const ngx_soporte_calendar_shift_t  *shifts;

    date = build->calendar->dates.elts;
    ndates = build->calendar->dates.n;
    weekday = ngx_soporte_civil_weekday(build->first);

    for (i = 0; i < NGX_SOPORTE_CALENDAR_DATES; i++) {
        day = build->first + i;

        week = &build->calendar->shifts[weekday];
        weekday = (weekday + 1) % 7;

        while (ndates && date->date < day) {
            date++;
            ndates--;
        }

        if (ndates && date->date == day) {
            shifts = date->shifts;
            n = date->nshifts;

        } else {
            shifts = week->elts;
            n = build->holidays[i] ? 0 : week->n;
        }

        midnight = (int64_t) day * NGX_SOPORTE_CALENDAR_DAY;

        for (j = 0; j < n; j++) {
            ngx_soporte_calendar_add_local(build, NGX_SOPORTE_CALENDAR_SHIFTS,
                                           midnight + shifts[j].start,
                                           midnight + shifts[j].end);
        }
    }
}


static void
ngx_soporte_calendar_add_periods(ngx_soporte_calendar_build_t *build,
    ngx_uint_t layer, const ngx_soporte_calendar_list_t *list)
{
    ngx_uint_t                            i;
    const ngx_soporte_calendar_period_t  *periods;

    periods = list->elts;

    for (i = 0; i < list->n; i++) {
        ngx_soporte_calendar_add_local(build, layer, periods[i].from,
                                       periods[i].until);
    }
}


static void
ngx_soporte_calendar_add_local(ngx_soporte_calendar_build_t *build,
    ngx_uint_t layer, int64_t from, int64_t until)
{
    from = ngx_soporte_zoneinfo_utc(build->zone, from, &build->cursor);
    until = ngx_soporte_zoneinfo_utc(build->zone, until, &build->cursor);

    ngx_soporte_calendar_add_utc(build, layer, from, until);
}


static void
ngx_soporte_calendar_add_utc(ngx_soporte_calendar_build_t *build,
    ngx_uint_t layer, int64_t from, int64_t until)
{
    ngx_soporte_calendar_edge_t   *edge;
    ngx_soporte_calendar_layer_t  *edges;

    if (until <= from) {
        return;
    }

    edges = &build->layers[layer];
    edge = &edges->edges[edges->n];
    edges->n += 2;

    edge[0].at = from;
    edge[0].delta = 1;
    edge[1].at = until;
    edge[1].delta = -1;
}


static void
ngx_soporte_calendar_sort(ngx_soporte_calendar_layer_t *layer)
{
    ngx_uint_t  i;

    for (i = 1; i < layer->n; i++) {

        if (layer->edges[i].at < layer->edges[i - 1].at) {
            qsort(layer->edges, layer->n, sizeof(ngx_soporte_calendar_edge_t),
                  ngx_soporte_calendar_cmp_edges);
            return;
        }
    }
}


static int ngx_libc_cdecl
ngx_soporte_calendar_cmp_edges(const void *one, const void *two)
{
    const ngx_soporte_calendar_edge_t  *first, *second;

    first = one;
    second = two;

    return (first->at > second->at) - (first->at < second->at);
}


static void
ngx_soporte_calendar_sweep(ngx_soporte_calendar_build_t *build,
    ngx_soporte_calendar_table_t *table)
{
    int64_t                        at, from;
    int64_t                        depth[NGX_SOPORTE_CALENDAR_LAYERS];
    ngx_uint_t                     i, open, was;
    ngx_soporte_calendar_layer_t  *layer;

    for (i = 0; i < NGX_SOPORTE_CALENDAR_LAYERS; i++) {
        ngx_soporte_calendar_sort(&build->layers[i]);
        depth[i] = 0;
    }

    table->n = 0;
    from = 0;
    was = 0;

    for ( ;; ) {
        at = INT64_MAX;

        for (i = 0; i < NGX_SOPORTE_CALENDAR_LAYERS; i++) {
            layer = &build->layers[i];

            if (layer->n) {
                at = ngx_min(at, layer->edges->at);
            }
        }

        if (at == INT64_MAX) {
            return;
        }

        /* what ends and what begins at one instant goes together */

        for (i = 0; i < NGX_SOPORTE_CALENDAR_LAYERS; i++) {
            layer = &build->layers[i];

            for ( /* void */ ; layer->n && layer->edges->at == at; layer->n--)
            {
                depth[i] += layer->edges->delta;
                layer->edges++;
            }
        }

        open = depth[NGX_SOPORTE_CALENDAR_OPEN] > 0
               || (depth[NGX_SOPORTE_CALENDAR_SHIFTS] > 0
                   && depth[NGX_SOPORTE_CALENDAR_CLOSED] == 0);

        if (open && !was) {
            from = at;

        } else if (was && !open) {
            ngx_soporte_calendar_interval(table, from, at);
        }

        was = open;
    }
}


static void
ngx_soporte_calendar_interval(ngx_soporte_calendar_table_t *table,
    int64_t from, int64_t until)
{
    ngx_soporte_calendar_interval_t  *interval, *before;

    from = ngx_max(from, table->lo);
    until = ngx_min(until, table->hi);

    if (until <= from) {
        return;
    }

    interval = &table->intervals[table->n];

    interval->from = from;
    interval->until = until;
    interval->before = 0;

    if (table->n) {
        before = interval - 1;
        interval->before = before->before + before->until - before->from;
    }

    table->n++;
}


ngx_uint_t
ngx_soporte_calendar_seek(ngx_soporte_calendar_table_t *table, int64_t now)
{
    int64_t                           drift;
    ngx_uint_t                        i;
    ngx_soporte_calendar_interval_t  *interval;

    drift = NGX_SOPORTE_CALENDAR_DRIFT * (int64_t) NGX_SOPORTE_CALENDAR_DAY;

    if (now < table->now - drift || now > table->now + drift) {
        ngx_soporte_calendar_build(table->calendar, table->zone, now, table);
        now = ngx_min(ngx_max(now, table->lo), table->hi - 1);
    }

    i = ngx_soporte_calendar_find(table, now);
    interval = &table->intervals[i];

    table->index = i;

    if (i < table->n && interval->from <= now) {
        table->open = 1;
        table->from = interval->from;
        table->until = interval->until;

        return 1;
    }

    table->open = 0;
    table->from = i ? interval[-1].until : table->lo;
    table->until = (i < table->n) ? interval->from : table->hi;

    return 0;
}


void
ngx_soporte_calendar_state(ngx_soporte_calendar_table_t *table, int64_t now,
    ngx_soporte_calendar_state_t *state)
{
    ngx_uint_t  next;

    state->open = ngx_soporte_calendar_is_open(table, now);
    state->until = NGX_SOPORTE_CALENDAR_BEYOND;
    state->opens_at = NGX_SOPORTE_CALENDAR_BEYOND;

    if (state->open && table->until < table->hi) {
        state->until = table->until;
    }

    next = table->index + state->open;

    if (next < table->n) {
        state->opens_at = table->intervals[next].from;
    }
}


int64_t
ngx_soporte_calendar_add(const ngx_soporte_calendar_table_t *table, int64_t t,
    int64_t seconds)
{
    int64_t                           sum;
    ngx_uint_t                        left, right, middle;
    ngx_soporte_calendar_interval_t  *interval;

    if (seconds <= 0) {
        return t;
    }

    if (t < table->lo || t >= table->hi
        || seconds > table->hi - table->lo)
    {
        return NGX_SOPORTE_CALENDAR_BEYOND;
    }

    sum = ngx_soporte_calendar_sum(table, t) + seconds;

    /* the first interval at whose end as much has passed */

    left = 0;
    right = table->n;

    while (left < right) {
        middle = (left + right) / 2;
        interval = &table->intervals[middle];

        if (interval->before + interval->until - interval->from < sum) {
            left = middle + 1;

        } else {
            right = middle;
        }
    }

    if (left == table->n) {
        return NGX_SOPORTE_CALENDAR_BEYOND;
    }

    interval = &table->intervals[left];

    return interval->from + (sum - interval->before);
}


int64_t
ngx_soporte_calendar_between(const ngx_soporte_calendar_table_t *table,
    int64_t t, int64_t until)
{
    if (until <= t) {
        return 0;
    }

    if (t < table->lo || until > table->hi) {
        return NGX_SOPORTE_CALENDAR_BEYOND;
    }

    return ngx_soporte_calendar_sum(table, until)
           - ngx_soporte_calendar_sum(table, t);
}


int64_t
ngx_soporte_calendar_due(const ngx_soporte_calendar_table_t *table, int64_t t,
    int64_t seconds, ngx_soporte_calendar_period_t *pauses,
    ngx_uint_t npauses)
{
    int64_t     part;
    ngx_uint_t  i;

    ngx_soporte_calendar_sort_pauses(pauses, npauses);

    for (i = 0; i < npauses && seconds > 0; i++) {

        if (pauses[i].until <= t || pauses[i].until <= pauses[i].from) {
            continue;
        }

        if (pauses[i].from > t) {
            part = ngx_soporte_calendar_between(table, t, pauses[i].from);

            if (part >= seconds) {
                break;
            }

            seconds -= part;
        }

        t = pauses[i].until;
    }

    return ngx_soporte_calendar_add(table, t, seconds);
}


int64_t
ngx_soporte_calendar_elapsed(const ngx_soporte_calendar_table_t *table,
    int64_t t, int64_t until, ngx_soporte_calendar_period_t *pauses,
    ngx_uint_t npauses)
{
    int64_t     sum, from, end;
    ngx_uint_t  i;

    if (until <= t) {
        return 0;
    }

    if (t < table->lo || until > table->hi) {
        return NGX_SOPORTE_CALENDAR_BEYOND;
    }

    ngx_soporte_calendar_sort_pauses(pauses, npauses);

    sum = ngx_soporte_calendar_between(table, t, until);

    for (i = 0; i < npauses; i++) {
        from = ngx_max(pauses[i].from, t);
        end = ngx_min(pauses[i].until, until);

        if (end > from) {
            sum -= ngx_soporte_calendar_between(table, from, end);
            t = end;
        }
    }

    return sum;
}


/* the first interval that ends after t, table->n if there is none */

static ngx_uint_t
ngx_soporte_calendar_find(const ngx_soporte_calendar_table_t *table,
    int64_t t)
{
    ngx_uint_t  left, right, middle;

    left = 0;
    right = table->n;

    while (left < right) {
        middle = (left + right) / 2;

        if (table->intervals[middle].until <= t) {
            left = middle + 1;

        } else {
            right = middle;
        }
    }

    return left;
}


/* open seconds in [lo, t) */

static int64_t
ngx_soporte_calendar_sum(const ngx_soporte_calendar_table_t *table, int64_t t)
{
    ngx_uint_t                        i;
    ngx_soporte_calendar_interval_t  *interval;

    i = ngx_soporte_calendar_find(table, t);

    if (i < table->n) {
        interval = &table->intervals[i];
        return interval->before + ngx_max(t - interval->from, 0);
    }

    if (i == 0) {
        return 0;
    }

    interval = &table->intervals[i - 1];

    return interval->before + interval->until - interval->from;
}


static void
ngx_soporte_calendar_sort_pauses(ngx_soporte_calendar_period_t *pauses,
    ngx_uint_t npauses)
{
    ngx_uint_t  i;

    for (i = 1; i < npauses; i++) {

        if (pauses[i].from < pauses[i - 1].from) {
            qsort(pauses, npauses, sizeof(ngx_soporte_calendar_period_t),
                  ngx_soporte_calendar_cmp_pauses);
            return;
        }
    }
}


static int ngx_libc_cdecl
ngx_soporte_calendar_cmp_pauses(const void *one, const void *two)
{
    const ngx_soporte_calendar_period_t  *first, *second;

    first = one;
    second = two;

    return (first->from > second->from) - (first->from < second->from);
}
