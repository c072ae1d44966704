
/*
 * Prevents a p99 that is further off than stated, a Prometheus bucket that
 * calls fast what was slow, and a window that shows what is not in it.
 */

#include "test.h"

#include "ngx_soporte_hist.h"


#define FINE    NGX_SOPORTE_HIST_BUCKETS
#define COARSE  NGX_SOPORTE_HIST_COARSE


static uint64_t  seed;


static uint32_t
rnd(void)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return (uint32_t) (seed >> 33);
}


/* nearly log-normal about 120 ms: the shape of an ERPNext's answers */

static ngx_msec_t
latency(void)
{
    double  ms;
    int     i;

    ms = 120.0;

    for (i = 0; i < 12; i++) {
        ms *= 0.45 + 1.2 * ((double) rnd() / 2147483648.0);
    }

    return (ngx_msec_t) (2.0 * ms);
}


static double
error(ngx_msec_t got, ngx_msec_t ms)
{
    return (double) (got > ms ? got - ms : ms - got) / (double) ms;
}


static void
buckets_meet_without_gap(void **state)
{
    ngx_uint_t  i, last;
    ngx_msec_t  ms;

    assert_int_equal(ngx_soporte_hist_low(0), 0);
    assert_int_equal(ngx_soporte_hist_high(FINE - 1), NGX_SOPORTE_HIST_MAX);

    for (i = 1; i < FINE; i++) {
        assert_int_equal(ngx_soporte_hist_low(i),
                         ngx_soporte_hist_high(i - 1) + 1);
    }

    last = 0;

    for (ms = 0; ms <= NGX_SOPORTE_HIST_MAX; ms++) {
        i = ngx_soporte_hist_bucket(ms);

        if (i < last || i >= FINE || ms < ngx_soporte_hist_low(i)
            || ms > ngx_soporte_hist_high(i))
        {
            fail_msg("%lu ms in bucket %lu", ms, i);
        }

        last = i;
    }

    assert_int_equal(last, FINE - 1);
    assert_int_equal(ngx_soporte_hist_bucket(131072), FINE - 1);
    assert_int_equal(ngx_soporte_hist_bucket(1ul << 32), FINE - 1);
    assert_int_equal(ngx_soporte_hist_bucket((ngx_msec_t) -1), FINE - 1);

    /* the promise: 1 ms to 120 s */

    assert_int_equal(ngx_soporte_hist_bucket(1), 1);
    assert_true(ngx_soporte_hist_bucket(120000) < FINE - 1);
}


static void
error_is_as_stated(void **state)
{
    double      off, most, most_coarse;
    uint32_t    count[FINE];
    ngx_msec_t  ms, q;

    most = 0;
    most_coarse = 0;

    for (ms = 1; ms <= NGX_SOPORTE_HIST_MAX; ms++) {
        memset(count, 0, sizeof(count));
        count[ngx_soporte_hist_bucket(ms)] = 1;
        q = ngx_soporte_hist_quantile(count, FINE, 5000);

        if (ms < 16) {
            assert_int_equal(q, ms);
        }

        off = error(q, ms);
        most = ngx_max(most, off);

        memset(count, 0, sizeof(count));
        count[ngx_soporte_hist_bucket(ms) / 2] = 1;
        q = ngx_soporte_hist_quantile(count, COARSE, 5000);

        off = error(q, ms);

        if (ms < 16) {
            assert_in_range(q, ms - 1, ms + 1);

        } else {
            most_coarse = ngx_max(most_coarse, off);
        }
    }

    assert_true(most * 10000 <= NGX_SOPORTE_HIST_ERROR);
    assert_true(most_coarse * 10000 <= NGX_SOPORTE_HIST_ERROR_2);

    /* stated, not guessed: the bound is nearly reached */

    assert_true(most > 0.0585);
    assert_true(most_coarse > 0.108);
}


static int
by_time(const void *a, const void *b)
{
    ngx_msec_t  x, y;

    x = *(const ngx_msec_t *) a;
    y = *(const ngx_msec_t *) b;

    return (x > y) - (x < y);
}


static void
quantiles_of_a_real_shape(void **state)
{
    double             off;
    uint32_t           count[FINE];
    ngx_uint_t         i, n, rank;
    ngx_msec_t         q;
    static ngx_msec_t  ms[100000];

    static const ngx_uint_t  qs[] = { 1, 500, 5000, 9000, 9500, 9900, 9990,
                                      10000 };

    seed = 1;
    memset(count, 0, sizeof(count));
    n = sizeof(ms) / sizeof(ms[0]);

    for (i = 0; i < n; i++) {
        ms[i] = latency();
        count[ngx_soporte_hist_bucket(ms[i])]++;
    }

    qsort(ms, n, sizeof(ngx_msec_t), by_time);

    assert_int_equal(ngx_soporte_hist_total(count, FINE), n);

    for (i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
        rank = (n * qs[i] + 9999) / 10000;
        q = ngx_soporte_hist_quantile(count, FINE, qs[i]);
        off = error(q, ms[rank - 1]);

        if (off * 10000 > NGX_SOPORTE_HIST_ERROR) {
            fail_msg("q %lu: %lu for %lu", qs[i], q, ms[rank - 1]);
        }
    }
}


static void
quantile_edges(void **state)
{
    uint32_t  count[FINE];

    memset(count, 0, sizeof(count));
    assert_true(ngx_soporte_hist_quantile(count, FINE, 9900)
                == (ngx_msec_t) -1);

    count[3] = 99;
    count[10] = 1;
    assert_int_equal(ngx_soporte_hist_quantile(count, FINE, 0), 3);
    assert_int_equal(ngx_soporte_hist_quantile(count, FINE, 9900), 3);
    assert_int_equal(ngx_soporte_hist_quantile(count, FINE, 9901), 10);
    assert_int_equal(ngx_soporte_hist_quantile(count, FINE, 20000), 10);

    /* the sum of all exceeds 32 bits */

    count[3] = 0xffffffff;
    count[10] = 0xffffffff;
    assert_int_equal(ngx_soporte_hist_total(count, FINE), 0x1fffffffeULL);
    assert_int_equal(ngx_soporte_hist_quantile(count, FINE, 5000), 3);
    assert_int_equal(ngx_soporte_hist_quantile(count, FINE, 5001), 10);
}


static void
bounds_never_flatter(void **state)
{
    uint32_t    count[FINE];
    uint64_t    sum[NGX_SOPORTE_HIST_LE + 1], below[NGX_SOPORTE_HIST_LE];
    ngx_uint_t  i, le, n;
    ngx_msec_t  ms;

    const ngx_soporte_hist_le_t  *b;

    for (le = 0; le < NGX_SOPORTE_HIST_LE; le++) {
        b = &ngx_soporte_hist_le[le];

        for (n = 0; ngx_soporte_hist_high(n) <= b->ms; n++) { /* void */ }

        assert_int_equal(b->buckets, n);
        assert_int_equal(b->effective, ngx_soporte_hist_high(n - 1));
        assert_true(b->effective * 109 >= b->ms * 100);
    }

    seed = 2;
    memset(count, 0, sizeof(count));
    memset(below, 0, sizeof(below));

    for (i = 0; i < 20000; i++) {
        ms = latency() * 10;
        count[ngx_soporte_hist_bucket(ms)]++;

        for (le = 0; le < NGX_SOPORTE_HIST_LE; le++) {
            below[le] += ms <= ngx_soporte_hist_le[le].effective;
        }
    }

    ngx_soporte_hist_cumulate(sum, count);

    for (le = 0; le < NGX_SOPORTE_HIST_LE; le++) {
        assert_int_equal(sum[le], below[le]);
    }

    assert_int_equal(sum[NGX_SOPORTE_HIST_LE], 20000);
}


static void
window_is_exact_at_low_rates(void **state)
{
    uint32_t            life[FINE], count[FINE];
    ngx_uint_t          i, n, span, w;
    ngx_soporte_hist_t  h;

    static const ngx_uint_t  lengths[] = { 300, 3600, 86400, 2592000 };

    memset(&h, 0, sizeof(h));
    memset(life, 0, sizeof(life));

    assert_int_equal(ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_5M, life,
                                             1000, count, &n), 0);
    assert_int_equal(n, FINE);

    /* one sample each ten seconds, for two days */

    ngx_soporte_hist_fold(&h, life, 1000000);

    for (i = 1; i <= 17280; i++) {
        life[i % FINE]++;
        ngx_soporte_hist_fold(&h, life, 1000000 + 10 * i);

        for (w = 0; w < 4; w++) {
            span = ngx_soporte_hist_window(&h, w, life, 1000000 + 10 * i,
                                           count, &n);

            assert_int_equal(n, w ? COARSE : FINE);

            /* between one and two lengths, as soon as there was time */

            assert_true(span <= 2 * lengths[w]);
            assert_true(span >= ngx_min(lengths[w], 10 * i));

            assert_int_equal(ngx_soporte_hist_total(count, n), span / 10);
        }
    }

    /* nothing for a while: the fine window empties, the hour's does not */

    for ( /* void */ ; i <= 17280 + 70; i++) {
        ngx_soporte_hist_fold(&h, life, 1000000 + 10 * i);
    }

    i--;
    ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_5M, life, 1000000 + 10 * i,
                            count, &n);
    assert_int_equal(ngx_soporte_hist_total(count, n), 0);

    ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_1H, life, 1000000 + 10 * i,
                            count, &n);
    assert_true(ngx_soporte_hist_total(count, n) > 0);
}


/*
 * A busy tenant whose latency changes: each window must show its own time,
 * counted beside, with the error stated.  Begins near 2^32, so that lifetime
 * counters wrap on the way.
 */

static void
window_keeps_its_error_at_high_rates(void **state)
{
    int64_t             diff;
    uint32_t            life[FINE], count[FINE], want[FINE];
    uint64_t            total;
    ngx_uint_t          i, j, k, n, at, q;
    ngx_msec_t          ms, got, ref;
    ngx_soporte_hist_t  h;
    static uint32_t     past[1000][FINE];

    seed = 3;
    memset(&h, 0, sizeof(h));

    for (j = 0; j < FINE; j++) {
        life[j] = 0xffffffff - 20000;
    }

    ngx_soporte_hist_fold(&h, life, 5000);

    for (i = 1; i < 1000; i++) {

        /* 400 a second, each one ten times */

        for (k = 0; k < 400; k++) {
            ms = latency() * (i > 500 ? 3 : 1);
            life[ngx_soporte_hist_bucket(ms)] += 10;
        }

        memcpy(past[i], life, sizeof(life));
        ngx_soporte_hist_fold(&h, life, 5000 + 10 * i);

        if (i < 2 || i % 7) {
            continue;
        }

        at = ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_5M, life,
                                     5000 + 10 * i, count, &n);
        assert_true(at > 0 && at % 10 == 0);

        at = i - at / 10;
        total = 0;

        for (j = 0; j < FINE; j++) {
            want[j] = life[j] - past[at][j];
            total += want[j];
        }

        diff = (int64_t) ngx_soporte_hist_total(count, n) - (int64_t) total;
        assert_true(diff < (int64_t) total / 200
                    && -diff < (int64_t) total / 200);

        /* the rank of the answer in what really came: off by 0.05 % */

        for (q = 5000; q <= 9900; q += 490) {
            got = ngx_soporte_hist_quantile(count, n, q);
            ref = ngx_soporte_hist_quantile(want, n, q - 5);
            assert_true(got >= ref);
            ref = ngx_soporte_hist_quantile(want, n, q + 5);
            assert_true(got <= ref);
        }
    }
}


static void
month_of_traffic_fits_twelve_bits(void **state)
{
    uint32_t            life[FINE], count[FINE];
    ngx_uint_t          i, n, span;
    ngx_soporte_hist_t  h;
    uint64_t            total, want;

    memset(&h, 0, sizeof(h));
    memset(life, 0, sizeof(life));

    /* 50 days, 900 a tick; one sample in a hundred is slow */

    for (i = 0; i <= 50 * 8640; i++) {
        life[56] += 445;
        life[60] += 446;
        life[90] += 9;
        ngx_soporte_hist_fold(&h, life, 7777 + 10 * i);
    }

    span = ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_30D, life,
                                   7777 + 10 * (i - 1), count, &n);

    assert_int_equal(n, COARSE);
    assert_true(span >= 30 * 86400 && span <= 60 * 86400);

    total = ngx_soporte_hist_total(count, n);
    want = (uint64_t) span / 10 * 900;

    assert_true(total > want - want / 500 && total < want + want / 500);
    assert_in_range(count[45], want / 100 - want / 2000,
                    want / 100 + want / 2000);
    assert_int_equal(count[10], 0);
    assert_int_equal(ngx_soporte_hist_quantile(count, n, 9895),
                     ngx_soporte_hist_quantile(count, n, 9000));
    assert_true(ngx_soporte_hist_quantile(count, n, 9905) > 4000);
}


/* what 12 bits cannot tell apart must not be told */

static void
burst_begins_the_window_anew(void **state)
{
    uint32_t            life[FINE], count[FINE];
    ngx_uint_t          n;
    ngx_soporte_hist_t  h;

    memset(&h, 0, sizeof(h));
    memset(life, 0, sizeof(life));

    ngx_soporte_hist_fold(&h, life, 1000);
    life[40] += 3;
    ngx_soporte_hist_fold(&h, life, 1010);

    life[50] += 4096;

    assert_int_equal(ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_5M, life,
                                             1019, count, &n), 0);
    assert_int_equal(ngx_soporte_hist_total(count, n), 0);

    ngx_soporte_hist_fold(&h, life, 1020);

    life[50] += 4096;
    ngx_soporte_hist_fold(&h, life, 1030);

    assert_int_equal(ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_5M, life,
                                             1030, count, &n), 10);
    assert_int_equal(count[50], 4096);
    assert_int_equal(count[40], 0);
}


static void
clock_set_back_leaves_no_future_mark(void **state)
{
    uint32_t            life[FINE], count[FINE];
    ngx_uint_t          i, n, span;
    ngx_soporte_hist_t  h;

    memset(&h, 0, sizeof(h));
    memset(life, 0, sizeof(life));

    for (i = 0; i < 40; i++) {
        life[20]++;
        ngx_soporte_hist_fold(&h, life, 1000000 + 10 * i);
    }

    /* a day back: windows go on from there, none is longer than twice */

    for (i = 0; i < 100; i++) {
        life[20]++;
        ngx_soporte_hist_fold(&h, life, 913600 + 10 * i);
        span = ngx_soporte_hist_window(&h, NGX_SOPORTE_HIST_5M, life,
                                       913600 + 10 * i, count, &n);
        assert_true(span <= 600);
        assert_true(span >= ngx_min(10 * i, 300));
    }

    assert_true(span >= 300);
    assert_int_equal(count[20], span / 10);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(buckets_meet_without_gap),
        cmocka_unit_test(error_is_as_stated),
        cmocka_unit_test(quantiles_of_a_real_shape),
        cmocka_unit_test(quantile_edges),
        cmocka_unit_test(bounds_never_flatter),
        cmocka_unit_test(window_is_exact_at_low_rates),
        cmocka_unit_test(window_keeps_its_error_at_high_rates),
        cmocka_unit_test(month_of_traffic_fits_twelve_bits),
        cmocka_unit_test(burst_begins_the_window_anew),
        cmocka_unit_test(clock_set_back_leaves_no_future_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
