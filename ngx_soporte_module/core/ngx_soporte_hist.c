
/*
 * Reads histograms: quantiles, and the bounds that Prometheus is told.
 * Counting is one relaxed add in shared memory and lies in the header.
 */

#include "ngx_soporte_hist.h"


static ngx_msec_t ngx_soporte_hist_middle(ngx_uint_t n, ngx_uint_t i);


/*
 * The bounds of samples that people expect, 5 ms to a minute.  Only the first
 * three are edges of buckets; the others count up to 8 % less far.
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
