
/*
 * Prevents: a step of one session told to another, a trail out of order or of
 * last week, an entry that a dead writer left and nobody ever uses again; a
 * document's name in a path; a tenant that takes more of the disk than it may.
 */

#include "test.h"

#include "ngx_soporte_quota.h"
#include "ngx_soporte_route.h"
#include "ngx_soporte_trail.h"


#define NOW  1700000000000


static ngx_soporte_zone_t   zone;
static ngx_soporte_trail_t  trail;
static ngx_soporte_quota_t  quota;


static int
setup(void **state)
{
    ngx_memzero(&trail, sizeof(trail));
    ngx_memzero(&quota, sizeof(quota));
    zone.trail = &trail;
    zone.quota = &quota;

    return 0;
}


/* byte 15 tells sessions of one ring apart */

static void
put(u_char session, uint32_t tenant, int64_t at)
{
    ngx_soporte_step_t  step;

    ngx_memzero(&step, sizeof(step));
    step.session[15] = session;
    step.tenant = tenant;
    step.at = at;
    step.took = (uint32_t) (at % 1000);
    ngx_soporte_trail_put(&zone, &step);
}


static ngx_uint_t
get(u_char session, uint32_t tenant, int64_t now, ngx_soporte_step_t *steps)
{
    u_char  hash[NGX_SOPORTE_TRAIL_SESSION];

    ngx_memzero(hash, sizeof(hash));
    hash[15] = session;

    return ngx_soporte_trail_read(&zone, hash, tenant, now, steps);
}


static void
test_trail(void **state)
{
    ngx_uint_t          i;
    ngx_soporte_step_t  steps[NGX_SOPORTE_TRAIL_KEPT];

    assert_int_equal(get(1, 5, NOW, steps), 0);

    put(1, 5, NOW - 3);
    put(2, 5, NOW - 2);
    put(1, 5, NOW - 1);
    put(1, 6, NOW);

    assert_int_equal(get(1, 5, NOW, steps), 2);
    assert_int_equal(steps[0].at, NOW - 3);
    assert_int_equal(steps[1].at, NOW - 1);
    assert_int_equal(get(2, 5, NOW, steps), 1);
    assert_int_equal(get(1, 6, NOW, steps), 1);
    assert_int_equal(get(3, 5, NOW, steps), 0);

    /* old, and of a clock that is ahead */

    assert_int_equal(get(1, 5, NOW - 3 + NGX_SOPORTE_TRAIL_AGE, steps), 2);
    assert_int_equal(get(1, 5, NOW - 2 + NGX_SOPORTE_TRAIL_AGE, steps), 1);
    assert_int_equal(get(1, 5, NOW - 2, steps), 1);

    /* the oldest goes; in order whatever their place */

    for (i = 0; i < 11; i++) {
        put(1, 5, NOW + 10 * (i % 2) + i);
    }

    assert_int_equal(get(1, 5, NOW + 60, steps), NGX_SOPORTE_TRAIL_KEPT);

    for (i = 1; i < NGX_SOPORTE_TRAIL_KEPT; i++) {
        assert_true(steps[i - 1].at <= steps[i].at);
    }
}


static void
test_torn(void **state)
{
    ngx_uint_t          i;
    ngx_soporte_step_t  steps[NGX_SOPORTE_TRAIL_KEPT];

    put(1, 5, NOW);
    trail.ring[0].entry[0].seq |= 1;
    assert_int_equal(get(1, 5, NOW, steps), 0);

    for (i = 0; i < NGX_SOPORTE_TRAIL_KEPT; i++) {
        put(1, 5, NOW);
    }

    assert_int_equal(get(1, 5, NOW, steps), NGX_SOPORTE_TRAIL_KEPT);

    /* what nobody wrote is not believed */

    trail.ring[0].entry[3].step.len = 200;
    assert_int_equal(get(1, 5, NOW, steps), NGX_SOPORTE_TRAIL_KEPT - 1);
}


static void
is_route(const char *path, const char *expected)
{
    u_char  buf[64];
    size_t  n;

    n = ngx_soporte_route(buf, sizeof(buf), (u_char *) path, strlen(path));
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(buf, expected, n);
}


static void
test_route(void **state)
{
    u_char  buf[8];

    is_route("/", "/");
    is_route("", "");
    is_route("/app", "/app");
    is_route("/app/", "/app/");
    is_route("/app/sales-invoice", "/app/sales-invoice");
    is_route("/app/sales-invoice/", "/app/sales-invoice");
    is_route("/app/sales-invoice/SINV-1", "/app/sales-invoice");
    is_route("/app/query-report/Kardex/x", "/app/query-report");
    is_route("/desk/lead/L-1", "/desk/lead");
    is_route("/apps/lead/L-1", "/apps");
    is_route("/api/resource/Sales Invoice/SINV-1",
             "/api/resource/Sales Invoice");
    is_route("/api/v1/resource/Lead/L-1", "/api/v1/resource/Lead");
    is_route("/api/v2/document/Lead/L-1/copy", "/api/v2/document/Lead");
    is_route("/api/method/frappe.client.save/x",
             "/api/method/frappe.client.save");
    is_route("/api/v2/method/Lead/x/L-1", "/api/v2/method/Lead/x");
    is_route("/private/files/secret.pdf", "/private/files");
    is_route("/files/secret.pdf", "/files");
    is_route("/invoices/SINV-1", "/invoices");
    is_route("/\xc3\xb1/x", "/\xc3\xb1");
    is_route("/\xff\xfe/x", "/??");
    is_route("/a\x01" "b\xe2\x80\xae" "c", "/abc");

    /* cut between characters */

    assert_int_equal(ngx_soporte_route(buf, 3, (u_char *) "/a\xc3\xb1", 4), 2);
    assert_int_equal(ngx_soporte_route(buf, 4, (u_char *) "/a\xc3\xb1", 4), 4);
    assert_int_equal(ngx_soporte_route(buf, 0, (u_char *) "/a", 2), 0);
}


static void
test_quota(void **state)
{
    uint32_t  i, refused;
    time_t    now;

    now = NOW / 1000;

    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 1001, 1000, now),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 1000, 1000, now),
                     NGX_OK);
    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 1, 1000, now),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_quota_take(&zone, 2, 1000, 1000, now),
                     NGX_OK);

    /* it leaks: a tenth in six minutes, all of it in an hour */

    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 101, 1000, now + 360),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 100, 1000, now + 360),
                     NGX_OK);
    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 1, 1000, now + 360),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 1000, 1000,
                                            now + 360 + 3600), NGX_OK);

    /* a clock that goes back empties nothing */

    assert_int_equal(ngx_soporte_quota_take(&zone, 1, 1, 1000, now),
                     NGX_DECLINED);

    /* one greedy tenant of many stands in nobody's way */

    setup(NULL);
    assert_int_equal(ngx_soporte_quota_take(&zone, 7, 1000, 1000, now),
                     NGX_OK);

    for (i = 0, refused = 0; i < 2000; i++) {
        if (i != 7
            && ngx_soporte_quota_take(&zone, i, 1, 1000, now) != NGX_OK)
        {
            refused++;
        }
    }

    assert_int_equal(refused, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_trail, setup),
        cmocka_unit_test_setup(test_torn, setup),
        cmocka_unit_test(test_route),
        cmocka_unit_test_setup(test_quota, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
