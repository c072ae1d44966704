
/*
 * Prevents sights out of order, of another tenant, or torn ones: the ring as
 * it wraps around, and as it is read while others write.
 */

#include "zone.h"

#include "ngx_soporte_seen.h"

#include <pthread.h>


#define READS  2000


static void
put(ngx_soporte_zone_t *zone, uint32_t tenant, uint32_t n)
{
    ngx_soporte_sight_t  sight;

    memset(&sight, 0, sizeof(sight));

    sight.tenant = tenant;
    sight.n = n;
    sight.at = (int64_t) tenant * 1000000 + n;
    sight.since = -sight.at;
    sight.what = n % NGX_SOPORTE_SEEN_KINDS;
    sight.cause = n % 5;

    ngx_soporte_seen_put(zone, &sight);
}


static void
oldest_first(void **state)
{
    uint32_t             i;
    ngx_soporte_zone_t   zone;
    ngx_soporte_sight_t  sights[8];

    zone = zone_open(1);

    assert_int_equal(ngx_soporte_seen_read(&zone, NGX_SOPORTE_SEEN_ANY,
                                           sights, 8), 0);

    for (i = 1; i <= 3; i++) {
        put(&zone, 1, i);
        put(&zone, 2, 100 + i);
    }

    /* all of one, the last of one, the last of any */

    assert_int_equal(ngx_soporte_seen_read(&zone, 1, sights, 8), 3);
    assert_int_equal(sights[0].n, 1);
    assert_int_equal(sights[2].n, 3);

    assert_int_equal(ngx_soporte_seen_read(&zone, 2, sights, 2), 2);
    assert_int_equal(sights[0].n, 102);
    assert_int_equal(sights[1].n, 103);

    assert_int_equal(ngx_soporte_seen_read(&zone, NGX_SOPORTE_SEEN_ANY,
                                           sights, 4), 4);
    assert_int_equal(sights[0].n, 2);
    assert_int_equal(sights[3].n, 103);

    assert_int_equal(ngx_soporte_seen_read(&zone, 3, sights, 8), 0);
    assert_int_equal(ngx_soporte_seen_read(&zone, 1, sights, 0), 0);

    ngx_soporte_zone_close(&zone);
}


static void
oldest_is_forgotten(void **state)
{
    uint32_t             i;
    ngx_uint_t           n;
    ngx_soporte_zone_t   zone;
    ngx_soporte_sight_t  sights[NGX_SOPORTE_SEEN_KEPT + 1];

    zone = zone_open(1);

    put(&zone, 7, 1);

    for (i = 0; i < NGX_SOPORTE_SEEN_KEPT - 1; i++) {
        put(&zone, 1, i);
    }

    assert_int_equal(ngx_soporte_seen_read(&zone, 7, sights, 1), 1);

    put(&zone, 1, i);

    assert_int_equal(ngx_soporte_seen_read(&zone, 7, sights, 1), 0);

    n = ngx_soporte_seen_read(&zone, 1, sights, NGX_SOPORTE_SEEN_KEPT + 1);

    assert_int_equal(n, NGX_SOPORTE_SEEN_KEPT);

    for (i = 0; i < n; i++) {
        assert_int_equal(sights[i].n, i);
    }

    ngx_soporte_zone_close(&zone);
}


/* as a file that a killed process left: no entry names what it can't */

static void
nonsense_is_left_out(void **state)
{
    ngx_soporte_zone_t   zone;
    ngx_soporte_sight_t  sights[4];

    zone = zone_open(1);

    put(&zone, 1, 1);
    put(&zone, 1, 2);
    put(&zone, 1, 3);

    zone.seen->entry[0].seq = 0;
    zone.seen->entry[1].sight.what = NGX_SOPORTE_SEEN_KINDS;

    assert_int_equal(ngx_soporte_seen_read(&zone, 1, sights, 4), 1);
    assert_int_equal(sights[0].n, 3);

    zone.seen->next = UINT64_MAX - 10;

    assert_int_equal(ngx_soporte_seen_read(&zone, 1, sights, 4), 0);

    ngx_soporte_zone_close(&zone);
}


static ngx_soporte_zone_t  shared;
static volatile int        reading = 1;


static void *
write_many(void *data)
{
    uint32_t  i;

    for (i = 0; reading; i++) {
        put(&shared, 1, i);
    }

    return NULL;
}


/* the leader writes, any worker reads */

static void
read_while_written(void **state)
{
    pthread_t            thread;
    ngx_uint_t           i, n;
    ngx_soporte_sight_t  sights[64], *sight;

    shared = zone_open(1);

    assert_int_equal(pthread_create(&thread, NULL, write_many, NULL), 0);

    for (i = 0; i < READS; i += n > 0) {
        n = ngx_soporte_seen_read(&shared, NGX_SOPORTE_SEEN_ANY, sights, 64);

        for (sight = sights; sight < sights + n; sight++) {
            assert_int_equal(sight->at, 1000000 + (int64_t) sight->n);
            assert_int_equal(sight->since, -sight->at);
            assert_int_equal(sight->cause, sight->n % 5);
        }
    }

    reading = 0;
    pthread_join(thread, NULL);

    ngx_soporte_zone_close(&shared);
}


static void
every_kind_has_a_name(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_SEEN_KINDS; i++) {
        assert_non_null(ngx_soporte_seen_names[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        zone_test(oldest_first),
        zone_test(oldest_is_forgotten),
        zone_test(nonsense_is_left_out),
        zone_test(read_while_written),
        cmocka_unit_test(every_kind_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
