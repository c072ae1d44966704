
/*
 * Prevents: an instant on a page or in JSON that is off by a day or an
 * offset, and a date that does not exist taken for one that does.
 */

#include <time.h>

#include "test.h"
#include "ngx_soporte_time.h"


static void
assert_format(int64_t time, int32_t offset, const char *expected)
{
    u_char   buf[NGX_SOPORTE_TIME_LEN], *p;
    int64_t  back;
    int32_t  off;

    p = ngx_soporte_time_rfc3339(buf, time, offset);
    assert_int_equal(p - buf, strlen(expected));
    assert_memory_equal(buf, expected, p - buf);

    assert_int_equal(ngx_soporte_time_parse(buf, p - buf, &back, &off),
                     NGX_OK);
    assert_int_equal(back, time);
    assert_int_equal(off, offset / 60 * 60);

    p = ngx_soporte_time_date(buf, time, offset / 60 * 60);
    assert_int_equal(p - buf, NGX_SOPORTE_DATE_LEN);
    assert_memory_equal(buf, expected, p - buf);
}


static void
formats(void **state)
{
    assert_format(0, 0, "1970-01-01T00:00:00Z");
    assert_format(-1, 0, "1969-12-31T23:59:59Z");
    assert_format(1795377787, 0, "2026-11-22T20:03:07Z");
    assert_format(1795377787, -21600, "2026-11-22T14:03:07-06:00");
    assert_format(1795377787, 20700, "2026-11-23T01:48:07+05:45");
    assert_format(1795377787, -9000, "2026-11-22T17:33:07-02:30");
    assert_format(951782400, 0, "2000-02-29T00:00:00Z");
    assert_format(4107542400LL, -1, "2100-03-01T00:00:00Z");

    /* local mean time of Mexico City: -06:36:36 */
    assert_format(0, -23796, "1969-12-31T17:24:00-06:36");

    assert_format(-62135596800LL, 0, "0001-01-01T00:00:00Z");
    assert_format(253402300799LL, 0, "9999-12-31T23:59:59Z");
}


static void
clamps(void **state)
{
    u_char  buf[NGX_SOPORTE_TIME_LEN];

    ngx_soporte_time_rfc3339(buf, INT64_MAX, 3600);
    assert_memory_equal(buf, "9999-12-31T23:59:59+01:00", sizeof(buf));

    ngx_soporte_time_rfc3339(buf, INT64_MIN, -3600);
    assert_memory_equal(buf, "0001-01-01T00:00:00-01:00", sizeof(buf));
}


/* a day in each week of all years, libc being the oracle */

static void
agrees_with_libc(void **state)
{
    char        text[64];
    u_char      buf[NGX_SOPORTE_TIME_LEN], *p;
    time_t      t;
    int64_t     back;
    ngx_uint_t  n;
    struct tm   tm;

    n = 0;

    for (t = -62135596800LL; t <= 253402300799LL; t += 7 * 86400 + 4321) {
        gmtime_r(&t, &tm);
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);

        p = ngx_soporte_time_rfc3339(buf, t, 0);
        assert_int_equal(p - buf, 20);
        assert_memory_equal(buf, text, 20);

        assert_int_equal(ngx_soporte_time_parse(buf, 20, &back, NULL),
                         NGX_OK);
        assert_int_equal(back, t);
        n++;
    }

    assert_true(n > 500000);
}


static void
parses(void **state)
{
    int64_t     time;
    ngx_uint_t  i;

    static const struct {
        const char  *text;
        int64_t      time;
    } good[] = {
        { "2026-11-22T20:03:07.5Z", 1795377787 },
        { "2026-11-22T20:03:07.999999999999Z", 1795377787 },
        { "2026-11-22t20:03:07z", 1795377787 },
        { "2026-11-22T20:03:07-00:00", 1795377787 },
        { "2026-11-22T20:03:07.0+00:00", 1795377787 },
        { "2026-11-23T20:02:07+23:59", 1795377787 },
        { "2016-12-31T23:59:60Z", 1483228800 },
        { "2016-12-31T17:59:60-06:00", 1483228800 },
        { "2015-07-01T01:59:60.25+02:00", 1435708800 },
        { "2024-02-29T00:00:00Z", 1709164800 },
    };

    static const char  *bad[] = {
        "",
        "2026-11-22",
        "2026-11-22T20:03Z",
        "2026-11-22T20:03:07",
        "2026-11-22 20:03:07Z",
        "2026-11-22T20:03:07 Z",
        "2026-11-22T20:03:07Z ",
        " 2026-11-22T20:03:07Z",
        "2026-11-22T20:03:07.Z",
        "2026-11-22T20:03:07.",
        "2026-11-22T20:03:07.5",
        "2026-11-22T20:03:07,5Z",
        "2026-11-22T20:03:07ZZ",
        "2026-11-22T20:03:07-06",
        "2026-11-22T20:03:07-0600",
        "2026-11-22T20:03:07-06:0",
        "2026-11-22T20:03:07-06:000",
        "2026-11-22T20:03:07-24:00",
        "2026-11-22T20:03:07-06:60",
        "2026-11-22T20:03:07\u221206:00",
        "2026-11-22T24:00:00Z",
        "2026-11-22T20:60:07Z",
        "2026-11-22T20:03:61Z",
        "2026-11-22T20:03:60Z",
        "2016-12-30T23:59:60Z",
        "2016-12-31T23:59:60-06:00",
        "2026-11-22T-1:03:07Z",
        "2026-11-22T20-03-07Z",
        "2026-11-22T20:03 07Z",
        "2026/11/22T20:03:07Z",
        "2026-11/22T20:03:07Z",
        "2026-00-22T20:03:07Z",
        "2026-13-22T20:03:07Z",
        "2026-11-00T20:03:07Z",
        "2026-11-31T20:03:07Z",
        "2026-02-29T20:03:07Z",
        "2100-02-29T20:03:07Z",
        "0000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "12026-11-22T20:03:07Z",
        "26-11-22T20:03:07Z",
        "2026-W47-7T20:03:07Z",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(ngx_soporte_time_parse((u_char *) good[i].text,
                                                strlen(good[i].text), &time,
                                                NULL),
                         NGX_OK);
        assert_int_equal(time, good[i].time);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        time = 42;

        if (ngx_soporte_time_parse((u_char *) bad[i], strlen(bad[i]), &time,
                                   NULL)
            != NGX_ERROR)
        {
            fail_msg("\"%s\" was taken", bad[i]);
        }

        assert_int_equal(time, 42);
    }
}


/* in a block of its own size: ASan sees a read behind the end */

static void
parses_each_prefix(void **state)
{
    size_t       len;
    u_char      *p;
    int64_t      time;
    const char  *text;

    text = "2026-11-22T20:03:07.123-06:00";

    for (len = 0; len < strlen(text); len++) {
        p = malloc(len + 1);
        memcpy(p, text, len);
        p = realloc(p, len ? len : 1);

        assert_int_equal(ngx_soporte_time_parse(p, len, &time, NULL),
                         NGX_ERROR);
        free(p);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(clamps),
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(parses),
        cmocka_unit_test(parses_each_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
