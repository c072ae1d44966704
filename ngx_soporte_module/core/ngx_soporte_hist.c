
/*
 * Reads histograms: quantiles, windows, and the bounds that Prometheus is
 * told.  Counting is one relaxed add in shared memory and lies in the header.
 */

#include "ngx_soporte_hist.h"


/*
 * A mark has 12 bits a bucket, so 4096 units may be told apart.  It is looked
 * at when the fullest bucket may have reached LOOK, and rescaled from FULL on.
 * Until SURE none can have wrapped; samples being counted just now are the
 * difference to 4096.
 */

#define NGX_SOPORTE_HIST_FULL   2048
#define NGX_SOPORTE_HIST_LOOK   3072
#define NGX_SOPORTE_HIST_SURE   4000
#define NGX_SOPORTE_HIST_SHIFT  20           /* 32 - 12: no bit is lost */


/* one mark with all that is needed to work on it */

typedef struct {
    ngx_soporte_hist_mark_t  *mark;
    u_char                   *low;           /* 12 bits a bucket */
    const uint32_t           *life;          /* n counters */
    ngx_uint_t                n;
} ngx_soporte_hist_view_t;


static ngx_msec_t ngx_soporte_hist_middle(ngx_uint_t n, ngx_uint_t i);
static void ngx_soporte_hist_view(ngx_soporte_hist_view_t *v,
    const ngx_soporte_hist_t *hist, ngx_uint_t window, ngx_uint_t older,
    const uint32_t *fine, const uint32_t *coarse);
static void ngx_soporte_hist_coarse(uint32_t *coarse, const uint32_t *fine);
static uint32_t ngx_soporte_hist_get(const u_char *low, ngx_uint_t i);
static void ngx_soporte_hist_set(u_char *low, ngx_uint_t i, uint32_t v);
static uint32_t ngx_soporte_hist_grown(const ngx_soporte_hist_view_t *v,
    ngx_uint_t i);
static void ngx_soporte_hist_take(ngx_soporte_hist_view_t *v, uint32_t grown,
    time_t now);
static void ngx_soporte_hist_keep(ngx_soporte_hist_view_t *v, uint32_t grown,
    time_t now);
static void ngx_soporte_hist_look(ngx_soporte_hist_view_t *v);
static ngx_uint_t ngx_soporte_hist_sure(const ngx_soporte_hist_view_t *v,
    uint32_t grown);


static const uint32_t  ngx_soporte_hist_lengths[NGX_SOPORTE_HIST_WINDOWS] = {
    300, 3600, 86400, 30 * 86400
};


/*
 * The bounds of samples that people expect, 5 ms to a minute.  Only the first
 * three are edges of buckets; the others count up to 9 % less far.
 */

const ngx_soporte_hist_le_t  ngx_soporte_hist_le[NGX_SOPORTE_HIST_LE] = {
    {     5,     5,   6 },
    {    10,    10,  11 },
    {    25,    25,  21 },
    {    50,    47,  28 },
    {   100,    95,  36 },
    {   250,   239,  47 },
    {   500,   479,  55 },
    {  1000,   959,  63 },
    {  2500,  2303,  73 },
    {  5000,  4607,  81 },
    { 10000,  9215,  89 },
    { 30000, 28671, 102 },
    { 60000, 57343, 110 }
};


uint64_t
ngx_soporte_hist_total(const uint32_t *count, ngx_uint_t n)
{
    uint64_t    total;
    ngx_uint_t  i;

    total = 0;

    for (i = 0; i < n; i++) {
        total += count[i];
    }

    return total;
}


/*
 * 2ab / (a + b) of the first and the last millisecond: from no value of the
 * bucket is it further, relatively, than from any other.
 */

static ngx_msec_t
ngx_soporte_hist_middle(ngx_uint_t n, ngx_uint_t i)
{
    ngx_uint_t  step;
    ngx_msec_t  low, high;

    step = NGX_SOPORTE_HIST_BUCKETS / n;

    low = ngx_soporte_hist_low(i * step);
    high = ngx_soporte_hist_high(i * step + step - 1);

    if (low == high) {
        return low;
    }

    return (2 * low * high + (low + high) / 2) / (low + high);
}


ngx_msec_t
ngx_soporte_hist_quantile(const uint32_t *count, ngx_uint_t n, ngx_uint_t q)
{
    uint64_t    total, rank, sum;
    ngx_uint_t  i;

    total = ngx_soporte_hist_total(count, n);

    if (total == 0) {
        return (ngx_msec_t) -1;
    }

    rank = (total * ngx_min(q, 10000) + 9999) / 10000;
    rank = ngx_max(rank, 1);
    sum = 0;

    for (i = 0; i + 1 < n; i++) {
        sum += count[i];

        if (sum >= rank) {
            break;
        }
    }

    return ngx_soporte_hist_middle(n, i);
}


void
ngx_soporte_hist_cumulate(uint64_t sum[NGX_SOPORTE_HIST_LE + 1],
    const uint32_t count[NGX_SOPORTE_HIST_BUCKETS])
{
    uint64_t    total;
    ngx_uint_t  i, le;

    total = 0;
    i = 0;

    for (le = 0; le < NGX_SOPORTE_HIST_LE; le++) {

        while (i < ngx_soporte_hist_le[le].buckets) {
            total += count[i++];
        }

        sum[le] = total;
    }

    while (i < NGX_SOPORTE_HIST_BUCKETS) {
        total += count[i++];
    }

    sum[NGX_SOPORTE_HIST_LE] = total;
}


static void
ngx_soporte_hist_view(ngx_soporte_hist_view_t *v,
    const ngx_soporte_hist_t *hist, ngx_uint_t window, ngx_uint_t older,
    const uint32_t *fine, const uint32_t *coarse)
{
    v->mark = (ngx_soporte_hist_mark_t *) &hist->mark[window][older];

    if (window == NGX_SOPORTE_HIST_5M) {
        v->low = (u_char *) hist->fine[older];
        v->life = fine;
        v->n = NGX_SOPORTE_HIST_BUCKETS;

    } else {
        v->low = (u_char *) hist->coarse[window - 1][older];
        v->life = coarse;
        v->n = NGX_SOPORTE_HIST_COARSE;
    }
}


static void
ngx_soporte_hist_coarse(uint32_t *coarse, const uint32_t *fine)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_HIST_COARSE; i++) {
        coarse[i] = fine[2 * i] + fine[2 * i + 1];
    }
}


/* two values of 12 bits lie in three bytes */

static uint32_t
ngx_soporte_hist_get(const u_char *low, ngx_uint_t i)
{
    low += i / 2 * 3;

    return (i % 2) ? (uint32_t) low[1] >> 4 | (uint32_t) low[2] << 4
                   : (uint32_t) low[0] | ((uint32_t) low[1] & 0xf) << 8;
}


static void
ngx_soporte_hist_set(u_char *low, ngx_uint_t i, uint32_t v)
{
    low += i / 2 * 3;

    if (i % 2) {
        low[1] = (u_char) ((low[1] & 0x0f) | (v & 0xf) << 4);
        low[2] = (u_char) (v >> 4);

    } else {
        low[0] = (u_char) v;
        low[1] = (u_char) ((low[1] & 0xf0) | (v >> 8 & 0xf));
    }
}


/*
 * Units since the mark.  The difference of two floors: it is 0 where nothing
 * came, and right on average where something did.
 */

static uint32_t
ngx_soporte_hist_grown(const ngx_soporte_hist_view_t *v, ngx_uint_t i)
{
    return ((v->life[i] >> v->mark->shift) - ngx_soporte_hist_get(v->low, i))
           & 0xfff;
}


/*
 * Takes a mark now.  "grown" samples came since the last fold: as many again,
 * all in one bucket, must leave room.
 */

static void
ngx_soporte_hist_take(ngx_soporte_hist_view_t *v, uint32_t grown, time_t now)
{
    ngx_uint_t  i;

    v->mark->since = (uint32_t) now;
    v->mark->shift = 0;

    while (v->mark->shift < NGX_SOPORTE_HIST_SHIFT
           && ((uint64_t) NGX_SOPORTE_HIST_FULL << v->mark->shift)
              < (uint64_t) grown * 4)
    {
        v->mark->shift++;
    }

    v->mark->room = (uint32_t) NGX_SOPORTE_HIST_LOOK << v->mark->shift;

    for (i = 0; i < v->n; i++) {
        ngx_soporte_hist_set(v->low, i,
                             (v->life[i] >> v->mark->shift) & 0xfff);
    }
}


/* the units of a mark double until its fullest bucket is half full at most */

static void
ngx_soporte_hist_look(ngx_soporte_hist_view_t *v)
{
    uint32_t    most, grown, at, shift;
    ngx_uint_t  i;

    for ( ;; ) {
        most = 0;
        shift = v->mark->shift;

        for (i = 0; i < v->n; i++) {
            grown = ngx_soporte_hist_grown(v, i);
            most = ngx_max(most, grown);
        }

        if (most < NGX_SOPORTE_HIST_FULL || shift == NGX_SOPORTE_HIST_SHIFT) {
            break;
        }

        for (i = 0; i < v->n; i++) {
            at = (v->life[i] >> shift) - ngx_soporte_hist_grown(v, i);
            ngx_soporte_hist_set(v->low, i, (at >> 1) & 0xfff);
        }

        v->mark->shift++;
    }

    most = ngx_min(most, NGX_SOPORTE_HIST_LOOK - 1);
    v->mark->room = (NGX_SOPORTE_HIST_LOOK - most) << shift;
}


/* whether no bucket can have wrapped, had all the samples fallen into it */

static ngx_uint_t
ngx_soporte_hist_sure(const ngx_soporte_hist_view_t *v, uint32_t grown)
{
    uint64_t  spare;

    spare = (uint64_t) (NGX_SOPORTE_HIST_SURE - NGX_SOPORTE_HIST_LOOK)
            << v->mark->shift;

    return grown < v->mark->room + spare;
}


static void
ngx_soporte_hist_keep(ngx_soporte_hist_view_t *v, uint32_t grown, time_t now)
{
    if (grown < v->mark->room) {
        v->mark->room -= grown;

    } else if (ngx_soporte_hist_sure(v, grown)) {
        ngx_soporte_hist_look(v);

    } else {
        ngx_soporte_hist_take(v, grown, now);
    }
}


void
ngx_soporte_hist_fold(ngx_soporte_hist_t *hist,
    const uint32_t life[NGX_SOPORTE_HIST_BUCKETS], time_t now)
{
    uint32_t                 total, grown, coarse[NGX_SOPORTE_HIST_COARSE];
    ngx_uint_t               w;
    ngx_soporte_hist_view_t  newer, older;

    ngx_soporte_hist_coarse(coarse, life);

    total = (uint32_t) ngx_soporte_hist_total(life, NGX_SOPORTE_HIST_BUCKETS);
    grown = hist->mark[0][0].since ? total - hist->total : 0;
    hist->total = total;

    for (w = 0; w < NGX_SOPORTE_HIST_WINDOWS; w++) {
        ngx_soporte_hist_view(&newer, hist, w, 0, life, coarse);
        ngx_soporte_hist_view(&older, hist, w, 1, life, coarse);

        /* a clock set back must not leave a mark in the future */

        newer.mark->since = ngx_min(newer.mark->since, (uint32_t) now);
        older.mark->since = ngx_min(older.mark->since, (uint32_t) now);

        if (newer.mark->since == 0) {
            ngx_soporte_hist_take(&newer, grown, now);
            ngx_soporte_hist_take(&older, grown, now);
            continue;
        }

        ngx_soporte_hist_keep(&newer, grown, now);
        ngx_soporte_hist_keep(&older, grown, now);

        if ((uint32_t) now - newer.mark->since >= ngx_soporte_hist_lengths[w]) {
            *older.mark = *newer.mark;
            ngx_memcpy(older.low, newer.low, newer.n * 3 / 2);
            ngx_soporte_hist_take(&newer, grown, now);
        }
    }
}


ngx_uint_t
ngx_soporte_hist_window(const ngx_soporte_hist_t *hist, ngx_uint_t window,
    const uint32_t life[NGX_SOPORTE_HIST_BUCKETS], time_t now,
    uint32_t count[NGX_SOPORTE_HIST_BUCKETS], ngx_uint_t *n)
{
    uint32_t                 total, coarse[NGX_SOPORTE_HIST_COARSE];
    ngx_uint_t               i;
    ngx_soporte_hist_view_t  v;

    total = (uint32_t) ngx_soporte_hist_total(life, NGX_SOPORTE_HIST_BUCKETS);

    ngx_soporte_hist_coarse(coarse, life);
    ngx_soporte_hist_view(&v, hist, window, 1, life, coarse);

    *n = v.n;

    if (v.mark->since == 0
        || !ngx_soporte_hist_sure(&v, total - hist->total))
    {
        ngx_memzero(count, v.n * sizeof(uint32_t));
        return 0;
    }

    for (i = 0; i < v.n; i++) {
        count[i] = ngx_soporte_hist_grown(&v, i) << v.mark->shift;
    }

    return (now > (time_t) v.mark->since)
           ? (ngx_uint_t) (now - v.mark->since) : 0;
}
