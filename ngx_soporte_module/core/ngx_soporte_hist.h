
/*
 * Histogram of latencies: which bucket a time falls in, what the buckets mean,
 * and quantiles of the whole life and of the last minutes, hours and days.
 *
 * Log-linear, 8 buckets an octave: whole milliseconds below 16, then steps of
 * an eighth of the octave, to 131 s in 120 buckets.  A quantile is the
 * harmonic middle of its bucket, so it is off by (b - a) / (a + b) at most:
 * 5.9 % of the true value, 11.2 % (or 1 ms) where two buckets are one.
 * nginx's clock ticks in milliseconds: nothing finer is claimed.
 *
 * A request adds to one lifetime counter and to nothing else.  A window is
 * what these grew by since a snapshot, a "mark".  Each window has two marks, a
 * window's length apart: it spans one to two lengths, and says how much.  A
 * mark keeps 12 bits of a counter in units of 2^shift samples; the shift rises
 * before 12 bits could wrap.  A unit is 0.05 % of the samples at most, some
 * more in the first minute after a burst began a window anew.
 */

#ifndef _NGX_SOPORTE_HIST_H_INCLUDED_
#define _NGX_SOPORTE_HIST_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_HIST_BUCKETS  120
#define NGX_SOPORTE_HIST_COARSE   60         /* two of the fine ones each */
#define NGX_SOPORTE_HIST_MAX      131071     /* ms, all above lie in the last */

/* windows; the first has fine buckets, the others coarse ones */

#define NGX_SOPORTE_HIST_5M       0
#define NGX_SOPORTE_HIST_1H       1
#define NGX_SOPORTE_HIST_24H      2
#define NGX_SOPORTE_HIST_30D      3
#define NGX_SOPORTE_HIST_WINDOWS  4

/* what may be off, in parts per 10,000 of the true value */

#define NGX_SOPORTE_HIST_ERROR    589
#define NGX_SOPORTE_HIST_ERROR_2  1112       /* coarse; below 16 ms: 1 ms */

/* finite bounds of the Prometheus histogram; one more stands for +Inf */

#define NGX_SOPORTE_HIST_LE       13


typedef struct {
    ngx_msec_t     ms;                       /* the bound "le", inclusive */
    ngx_msec_t     effective;                /* ... of the buckets counted */
    ngx_uint_t     buckets;                  /* how many, from the first */
} ngx_soporte_hist_le_t;


typedef struct {
    uint32_t       since;                    /* unix s, 0: not yet in use */
    uint32_t       room;                     /* samples until a look is due */
    uint32_t       shift;                    /* a unit is 2^shift samples */
} ngx_soporte_hist_mark_t;


/*
 * The windows of one tenant, in shared memory; all zero is a good beginning.
 * Written by the leader alone.
 */

typedef struct {
    uint32_t                 total;          /* samples at the last fold */
    ngx_soporte_hist_mark_t  mark[NGX_SOPORTE_HIST_WINDOWS][2];
    u_char                   fine[2][NGX_SOPORTE_HIST_BUCKETS * 3 / 2];
    u_char                   coarse[NGX_SOPORTE_HIST_WINDOWS - 1][2]
                                   [NGX_SOPORTE_HIST_COARSE * 3 / 2];
} ngx_soporte_hist_t;


extern const ngx_soporte_hist_le_t
    ngx_soporte_hist_le[NGX_SOPORTE_HIST_LE];


/*
 * The bucket of a time in milliseconds.  In the path of every request; the
 * caller leaves out a time that is not known, (ngx_msec_t) -1.
 */

static ngx_inline ngx_uint_t
ngx_soporte_hist_bucket(ngx_msec_t ms)
{
    uint32_t  n, octave;

    n = (ms > NGX_SOPORTE_HIST_MAX) ? NGX_SOPORTE_HIST_MAX : (uint32_t) ms;

    /* 0 below 16 ms, where a bucket is a millisecond */

    octave = (31 - 3) - __builtin_clz(n | 8);

    return octave * 8 + (n >> octave);
}


/* first and last millisecond of a bucket, i < NGX_SOPORTE_HIST_BUCKETS */

static ngx_inline ngx_msec_t
ngx_soporte_hist_low(ngx_uint_t i)
{
    return (i < 16) ? i : (ngx_msec_t) (8 + i % 8) << (i / 8 - 1);
}


static ngx_inline ngx_msec_t
ngx_soporte_hist_high(ngx_uint_t i)
{
    return (i + 1 < NGX_SOPORTE_HIST_BUCKETS)
           ? ngx_soporte_hist_low(i + 1) - 1 : NGX_SOPORTE_HIST_MAX;
}


/*
 * The quantile q, in parts per 10,000 (9900: p99), by nearest rank.  n is
 * NGX_SOPORTE_HIST_BUCKETS or NGX_SOPORTE_HIST_COARSE and says what count
 * holds: a copy, not the shared counters.  Milliseconds; (ngx_msec_t) -1 when
 * nothing was counted.
 */
ngx_msec_t ngx_soporte_hist_quantile(const uint32_t *count, ngx_uint_t n,
    ngx_uint_t q);

/* all that was counted */
uint64_t ngx_soporte_hist_total(const uint32_t *count, ngx_uint_t n);

/*
 * Cumulative counts for the bounds of ngx_soporte_hist_le[] and +Inf, from
 * fine counts.  A bucket counts below a bound only if all of it lies below
 * ("effective"): what is said to be faster than the bound was.
 */
void ngx_soporte_hist_cumulate(uint64_t sum[NGX_SOPORTE_HIST_LE + 1],
    const uint32_t count[NGX_SOPORTE_HIST_BUCKETS]);

/*
 * To be called about every ten seconds with a copy of the lifetime counters
 * and unix seconds: takes and moves the marks.  When a bucket may have taken
 * more between two calls than a mark can tell, the window begins anew.
 */
void ngx_soporte_hist_fold(ngx_soporte_hist_t *hist,
    const uint32_t life[NGX_SOPORTE_HIST_BUCKETS], time_t now);

/*
 * What fell into a window until now: *n buckets of count (fine or coarse, as
 * ngx_soporte_hist_quantile() takes them).  Returns the seconds it spans, 0
 * and no counts while that is not known: before the first fold, or while a
 * burst waits for the next one.
 */
ngx_uint_t ngx_soporte_hist_window(const ngx_soporte_hist_t *hist,
    ngx_uint_t window, const uint32_t life[NGX_SOPORTE_HIST_BUCKETS],
    time_t now, uint32_t count[NGX_SOPORTE_HIST_BUCKETS], ngx_uint_t *n);


#endif /* _NGX_SOPORTE_HIST_H_INCLUDED_ */
