
/*
 * Prevents a tenant with two slots, two tenants with one, and a sample that is
 * lost: keys, places, and counting by many at once.
 */

#include "zone.h"

#include <pthread.h>


#define THREADS  4
#define KEYS     3000
#define SAMPLES  200000


static void
keys(void **state)
{
    size_t      i;
    u_char      lower[NGX_SOPORTE_KEY_MAX];
    u_char      key[NGX_SOPORTE_KEY_MAX + 1];
    ngx_uint_t  c, good;

    static const char *const  no[] = { "", "a b", "a/b", "a:1", "\"", "a\n",
                                       "\xc3\xb1", "_other", "_OTHER" };

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (ngx_soporte_tenant_key(lower, (const u_char *) no[i],
                                   strlen(no[i]))
            != NGX_DECLINED)
        {
            fail_msg("\"%s\" is a key", no[i]);
        }
    }

    for (c = 0; c < 256; c++) {
        key[0] = (u_char) c;
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
               || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';

        assert_int_equal(ngx_soporte_tenant_key(lower, key, 1) == NGX_OK,
                         good);

        if (good) {
            assert_int_equal(lower[0],
                             c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
    }

    memset(key, 'K', sizeof(key));
    assert_int_equal(ngx_soporte_tenant_key(lower, key, 65), NGX_DECLINED);
    assert_int_equal(ngx_soporte_tenant_key(lower, key, 64), NGX_OK);
    assert_int_equal(lower[63], 'k');
}


/* the path of a request: seek says the same as key and find */

static void
sought(void **state)
{
    u_char                 lower[NGX_SOPORTE_KEY_MAX];
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t, *found;

    zone = zone_open(10);
    t = tenant_of(&zone, "acme");
    found = NULL;

    assert_int_equal(ngx_soporte_tenant_seek(&zone, (u_char *) "ACMe", 4,
                                             lower, &found), NGX_OK);
    assert_ptr_equal(found, t);
    assert_ptr_equal(ngx_soporte_tenant_find(&zone, (u_char *) "acme", 4), t);

    assert_int_equal(ngx_soporte_tenant_seek(&zone, (u_char *) "ACM", 3, lower,
                                             &found), NGX_DECLINED);
    assert_memory_equal(lower, "acm", 3);
    assert_null(ngx_soporte_tenant_find(&zone, (u_char *) "acm", 3));

    assert_int_equal(ngx_soporte_tenant_seek(&zone, (u_char *) "a b", 3, lower,
                                             &found), NGX_ERROR);
    assert_int_equal(ngx_soporte_tenant_seek(&zone, (u_char *) "", 0, lower,
                                             &found), NGX_ERROR);
    assert_int_equal(ngx_soporte_tenant_seek(&zone, (u_char *) "_Other", 6,
                                             lower, &found), NGX_ERROR);
    ngx_soporte_zone_close(&zone);
}


static void
a_full_zone(void **state)
{
    char                   key[16];
    ngx_uint_t             n, dynamic;
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t, *first;

    zone = zone_of(40);
    zone.tenants = 20;
    assert_int_equal(ngx_soporte_zone_open(&zone, NOW, &result), NGX_OK);
    ngx_soporte_zone_commit(&zone);

    first = tenant_of(&zone, "literal");
    dynamic = 1;

    for (n = 0; n < 100; n++) {
        snprintf(key, sizeof(key), "k%lu", n);
        t = ngx_soporte_tenant_get(&zone, (u_char *) key, strlen(key), 1, NOW);
        dynamic += (t != NULL);
        assert_true((t == NULL) == (n >= 19));
    }

    /* "tenants=" is for all of them, and for no more */

    assert_int_equal(dynamic, 20);
    assert_ptr_equal(ngx_soporte_tenant_get(&zone, (u_char *) "k18", 3, 1,
                                            NOW),
                     ngx_soporte_tenant_find(&zone, (u_char *) "k18", 3));

    /* literal keys have the rest, to the last slot */

    for (n = 0; tenant_of(&zone, key); n++) {
        snprintf(key, sizeof(key), "l%lu", n);
    }

    assert_int_equal(zone.header->used, zone.header->capacity);
    assert_int_equal(n + 21, zone.header->capacity);
    assert_ptr_equal(tenant_of(&zone, "literal"), first);
    assert_null(tenant_of(&zone, "one-more"));

    ngx_soporte_zone_close(&zone);
}


/* without "tenants=", an eighth is still for literal keys */

static void
an_eighth_is_kept(void **state)
{
    char                key[16];
    ngx_uint_t          n;
    ngx_soporte_zone_t  zone;

    zone = zone_open(80);

    for (n = 0; n < 200; n++) {
        snprintf(key, sizeof(key), "k%lu", n);

        if (ngx_soporte_tenant_get(&zone, (u_char *) key, strlen(key), 1, NOW)
            == NULL)
        {
            break;
        }
    }

    assert_true(n >= 80);
    assert_true(n <= 84);
    assert_true(zone.header->capacity - zone.header->used >= n / 8);
    assert_non_null(tenant_of(&zone, "literal"));

    ngx_soporte_zone_close(&zone);
}


/* who is told of: what the configuration in force names, or a request did */

static void
known(void **state)
{
    ngx_soporte_zone_t     zone, next;
    ngx_soporte_tenant_t  *old, *kept, *seen;

    zone = zone_open(10);

    old = tenant_of(&zone, "old");
    kept = tenant_of(&zone, "kept");
    seen = ngx_soporte_tenant_get(&zone, (u_char *) "seen", 4, 1, NOW);
    old->generation = kept->generation = zone.header->generation;

    assert_true(ngx_soporte_tenant_known(&zone, old));
    assert_true(ngx_soporte_tenant_known(&zone, kept));
    assert_true(ngx_soporte_tenant_known(&zone, seen));
    assert_false(ngx_soporte_tenant_known(&zone,
                                          ngx_soporte_tenant(&zone, 4)));

    /* the next configuration leaves one out, which keeps its slot */

    next = zone_open(10);
    kept = tenant_of(&next, "kept");
    kept->generation = next.header->generation;

    assert_false(ngx_soporte_tenant_known(&zone, old));
    assert_true(ngx_soporte_tenant_known(&next, kept));
    assert_true(ngx_soporte_tenant_known(&zone, seen));
    assert_int_not_equal(ngx_soporte_tenant_index(&next,
                                                  tenant_of(&next, "new")),
                         ngx_soporte_tenant_index(&zone, old));

    /* a variable names both: only the one that was left out needs it */

    ngx_soporte_tenant_meet(&next, old);
    ngx_soporte_tenant_meet(&next, kept);
    assert_true(ngx_soporte_tenant_known(&next, old));
    assert_false(kept->flags & NGX_SOPORTE_TENANT_DYNAMIC);

    ngx_soporte_zone_close(&next);
    ngx_soporte_zone_close(&zone);
}


static void
what_a_sample_moves(void **state)
{
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t;

    zone = zone_open(2);
    t = tenant_of(&zone, "acme");

    ngx_soporte_tenant_count(t, 10, NGX_SOPORTE_GOOD, 204, 3000);
    ngx_soporte_tenant_count(t, 19, NGX_SOPORTE_GOOD, 302, 3001);
    ngx_soporte_tenant_count(t, 20, NGX_SOPORTE_HARD, 502, (ngx_msec_t) -1);
    ngx_soporte_tenant_count(t, 39, NGX_SOPORTE_SOFT, 500, 7);
    ngx_soporte_tenant_count(t, 40, NGX_SOPORTE_EXCLUDED, 413, 9);
    ngx_soporte_tenant_count(t, 50, NGX_SOPORTE_EXCLUDED, 0, 9);
    ngx_soporte_tenant_count(t, 50, NGX_SOPORTE_GOOD, 999, (ngx_msec_t) -1);

    assert_int_equal(t->bank[1].good, 3);
    assert_int_equal(t->bank[1].slow, 1);
    assert_int_equal(t->bank[2].hard, 1);
    assert_int_equal(t->bank[3].soft, 1);
    assert_int_equal(t->bank[0].good + t->bank[0].hard + t->bank[0].soft, 0);
    assert_int_equal(t->excluded, 2);
    assert_int_equal(t->upstream_ms, 6008);
    assert_int_equal(t->responses[0], 0);
    assert_int_equal(t->responses[1], 1);
    assert_int_equal(t->responses[2], 1);
    assert_int_equal(t->responses[3], 1);
    assert_int_equal(t->responses[4], 2);

    ngx_soporte_zone_close(&zone);
}


static void
a_streak(void **state)
{
    int64_t                first;
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t;

    zone = zone_open(2);
    t = tenant_of(&zone, "acme");

    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_HARD, 502, (ngx_msec_t) -1);
    first = t->failing;
    assert_true((uint64_t) first <= milliseconds());
    assert_true((uint64_t) first + 1000 > milliseconds());

    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_HARD, 502, (ngx_msec_t) -1);
    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_EXCLUDED, 499, 0);
    assert_int_equal(t->streak, 2);
    assert_int_equal(t->failing, first);

    /* an answer that says "failed" is one */

    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_SOFT, 500, 1);
    assert_int_equal(t->streak, 0);

    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_HARD, 502, (ngx_msec_t) -1);
    assert_int_equal(t->streak, 1);

    ngx_soporte_zone_close(&zone);
}


/* threads stand for processes: each has its own view, with its own spare */

static ngx_soporte_zone_t     raced;
static ngx_soporte_tenant_t  *slots[THREADS][KEYS];
static pthread_barrier_t      barrier;


static void *
race(void *data)
{
    char                    key[16];
    ngx_uint_t              i;
    ngx_soporte_zone_t      zone;
    ngx_soporte_tenant_t  **mine = data;

    zone = raced;

    for (i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "k%lu", i);

        /* side by side, or one would be ahead of all others */

        if (i % 4 == 0) {
            pthread_barrier_wait(&barrier);
        }

        mine[i] = ngx_soporte_tenant_get(&zone, (u_char *) key, strlen(key),
                                         i & 1, NOW);
    }

    return NULL;
}


static void
one_slot_a_key(void **state)
{
    char        key[16];
    pthread_t   threads[THREADS];
    ngx_uint_t  i, k, ready;

    raced = zone_open(KEYS + THREADS);
    pthread_barrier_init(&barrier, NULL, THREADS);

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, slots[i]),
                         0);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }

    pthread_barrier_destroy(&barrier);

    for (k = 0; k < KEYS; k++) {
        snprintf(key, sizeof(key), "k%lu", k);

        assert_non_null(slots[0][k]);
        assert_memory_equal(slots[0][k]->key, key, strlen(key));
        assert_true(slots[0][k]->flags & NGX_SOPORTE_TENANT_READY);

        for (i = 1; i < THREADS; i++) {
            assert_ptr_equal(slots[i][k], slots[0][k]);
        }
    }

    /* a slot that lost a race is nobody's, and kept for the next key */

    for (ready = 0, i = 0; i < raced.header->used; i++) {
        ready += ngx_soporte_tenant(&raced, i)->flags
                 & NGX_SOPORTE_TENANT_READY;
    }

    assert_int_equal(ready, KEYS + 1);
    assert_in_range(raced.header->used, KEYS + 1, KEYS + 1 + THREADS);

    ngx_soporte_zone_close(&raced);
}


static void *
count(void *data)
{
    ngx_uint_t  i;

    pthread_barrier_wait(&barrier);

    for (i = 0; i < SAMPLES; i++) {
        ngx_soporte_tenant_count(data, NOW + i / 1000,
                                 NGX_SOPORTE_GOOD + i % 3,
                                 200 + 100 * (i % 4), i % 8);
    }

    return NULL;
}


static void
no_sample_is_lost(void **state)
{
    pthread_t              threads[THREADS];
    uint64_t               sum[5];
    ngx_uint_t             i;
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t;

    zone = zone_open(2);
    t = tenant_of(&zone, "acme");
    pthread_barrier_init(&barrier, NULL, THREADS);

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, t), 0);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }

    pthread_barrier_destroy(&barrier);
    memset(sum, 0, sizeof(sum));

    for (i = 0; i < NGX_SOPORTE_BANKS; i++) {
        sum[0] += t->bank[i].good;
        sum[1] += t->bank[i].hard;
        sum[2] += t->bank[i].soft;
    }

    for (i = 0; i < NGX_SOPORTE_HIST_BUCKETS; i++) {
        sum[3] += t->hist[i];
    }

    for (i = 0; i < 5; i++) {
        sum[4] += t->responses[i];
    }

    assert_int_equal(sum[0], THREADS * ((SAMPLES + 2) / 3));
    assert_int_equal(sum[1], THREADS * ((SAMPLES + 1) / 3));
    assert_int_equal(sum[2], THREADS * (SAMPLES / 3));
    assert_int_equal(sum[3], THREADS * SAMPLES);
    assert_int_equal(sum[4], THREADS * SAMPLES);
    assert_int_equal(t->upstream_ms, THREADS * (SAMPLES / 8 * 28));

    ngx_soporte_zone_close(&zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(keys),
        zone_test(sought),
        zone_test(a_full_zone),
        zone_test(an_eighth_is_kept),
        zone_test(known),
        zone_test(what_a_sample_moves),
        zone_test(a_streak),
        zone_test(one_slot_a_key),
        zone_test(no_sample_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
