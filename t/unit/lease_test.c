
/*
 * Prevents a node with two leaders, or with none: who holds the lease, who
 * takes it over, and that one who was stopped and goes on knows it has lost.
 */

#include "zone.h"

#include "ngx_soporte_lease.h"

#include <pthread.h>


#define STALE    NGX_SOPORTE_LEASE_STALE
#define THREADS  8
#define TURNS    2000


static void
kept_while_it_lives(void **state)
{
    uint32_t            first, second;
    ngx_soporte_zone_t  zone;

    zone = zone_open(1);
    first = 0;
    second = 0;

    assert_true(ngx_soporte_lease_keep(&zone, &first, 10000));
    assert_int_equal(first, 1);

    /* another one of this very process, so its pid tells nothing */

    assert_false(ngx_soporte_lease_keep(&zone, &second, 10000));
    assert_false(ngx_soporte_lease_keep(&zone, &second, 10000 + STALE - 1));
    assert_int_equal(second, 0);

    assert_true(ngx_soporte_lease_keep(&zone, &first, 11000));
    assert_false(ngx_soporte_lease_keep(&zone, &second, 11000 + STALE - 1));

    ngx_soporte_zone_close(&zone);
}


/* each process has its own cached clock: the leader's may be ahead */

static void
kept_though_its_clock_is_ahead(void **state)
{
    uint32_t            first, second;
    ngx_soporte_zone_t  zone;

    zone = zone_open(1);
    first = 0;
    second = 0;

    assert_true(ngx_soporte_lease_keep(&zone, &first, 10000));
    assert_false(ngx_soporte_lease_keep(&zone, &second, 9999));
    assert_false(ngx_soporte_lease_keep(&zone, &second, 9000));
    assert_true(ngx_soporte_lease_keep(&zone, &first, 10001));

    ngx_soporte_zone_close(&zone);
}


static void
taken_from_a_silent_one(void **state)
{
    uint32_t            first, second;
    ngx_soporte_zone_t  zone;

    zone = zone_open(1);
    first = 0;
    second = 0;

    assert_true(ngx_soporte_lease_keep(&zone, &first, 10000));
    assert_true(ngx_soporte_lease_keep(&zone, &second, 10000 + STALE));
    assert_int_equal(second, 2);

    /* it was stopped, goes on, and must neither lead nor give */

    assert_false(ngx_soporte_lease_keep(&zone, &first, 10000 + STALE));
    assert_int_equal(first, 0);

    first = 1;
    ngx_soporte_lease_give(&zone, &first);
    assert_int_equal(first, 0);
    assert_false(ngx_soporte_lease_keep(&zone, &first, 10000 + STALE));
    assert_true(ngx_soporte_lease_keep(&zone, &second, 10001 + STALE));

    ngx_soporte_zone_close(&zone);
}


static void
take(ngx_soporte_zone_t *zone)
{
    uint32_t  fence = 0;

    (void) ngx_soporte_lease_keep(zone, &fence, 10000);
}


static void
taken_from_a_dead_one_at_once(void **state)
{
    uint32_t            fence;
    ngx_soporte_zone_t  zone;

    zone = zone_open(1);
    fence = 0;

    killed_after(take, &zone);
    assert_int_equal(zone.header->lease >> 32, 1);

    assert_true(ngx_soporte_lease_keep(&zone, &fence, 10000));
    assert_int_equal(fence, 2);

    ngx_soporte_zone_close(&zone);
}


static void
given_is_taken_at_once(void **state)
{
    uint32_t            first, second;
    ngx_soporte_zone_t  zone;

    zone = zone_open(1);
    first = 0;
    second = 0;

    ngx_soporte_lease_give(&zone, &first);

    assert_true(ngx_soporte_lease_keep(&zone, &first, 10000));
    ngx_soporte_lease_give(&zone, &first);
    assert_int_equal(first, 0);

    assert_true(ngx_soporte_lease_keep(&zone, &second, 10000));
    assert_int_equal(second, 2);

    ngx_soporte_zone_close(&zone);
}


/* 0 is nobody's number, also after 2^32 leaders */

static void
numbers_begin_again(void **state)
{
    uint32_t            fence;
    ngx_soporte_zone_t  zone;

    zone = zone_open(1);
    zone.header->lease = (uint64_t) 0xffffffff << 32;
    fence = 0;

    assert_true(ngx_soporte_lease_keep(&zone, &fence, 10000));
    assert_int_equal(fence, 1);
    assert_true(ngx_soporte_lease_keep(&zone, &fence, 10001));

    ngx_soporte_zone_close(&zone);
}


/* THREADS ask for it TURNS times; the clock stands, so it goes by giving */

static ngx_soporte_zone_t  contended;
static ngx_atomic_t        leaders;
static ngx_atomic_t        most;
static ngx_atomic_t        terms;


static void *
contend(void *data)
{
    uint32_t           fence;
    ngx_uint_t         i;
    ngx_atomic_uint_t  n;

    fence = 0;

    for (i = 0; i < TURNS; i++) {
        if (!ngx_soporte_lease_keep(&contended, &fence, 10000)) {
            continue;
        }

        n = __sync_add_and_fetch(&leaders, 1);

        if (n > most) {
            most = n;
        }

        __sync_fetch_and_add(&terms, 1);
        __sync_sub_and_fetch(&leaders, 1);

        ngx_soporte_lease_give(&contended, &fence);
    }

    return NULL;
}


static void
one_at_a_time(void **state)
{
    pthread_t   threads[THREADS];
    ngx_uint_t  i;

    contended = zone_open(1);

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, contend, NULL), 0);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }

    assert_int_equal(most, 1);
    assert_true(terms > 100);
    assert_int_equal(contended.header->lease >> 32, terms);

    ngx_soporte_zone_close(&contended);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        zone_test(kept_while_it_lives),
        zone_test(kept_though_its_clock_is_ahead),
        zone_test(taken_from_a_silent_one),
        zone_test(taken_from_a_dead_one_at_once),
        zone_test(given_is_taken_at_once),
        zone_test(numbers_begin_again),
        zone_test(one_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
