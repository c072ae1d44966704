
/*
 * Prevents: an hour off after 2037, at a gap or an overlap, in a zone whose
 * rules are unusual; a torn or forged zone file that is believed; a date that
 * is a day off.
 */

#include <time.h>

#include "tzif.h"


#define NEW_YORK   "EST5EDT,M3.2.0,M11.1.0"
#define LORD_HOWE  "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
#define CAIRO      "EET-2EEST,M4.5.5/0,M10.5.4/24"
#define NUUK       "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"
#define JERUSALEM  "IST-2IDT,M3.4.4/26,M10.5.0"
#define DUBLIN     "IST-1GMT0,M10.5.0,M3.5.0/1"


static test_mem_t  tm;


static int
setup(void **state)
{
    (void) test_mem(&tm);

    return 0;
}


static int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static int64_t
at(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute)
{
    return (int64_t) ngx_soporte_civil_days(year, month, day) * 86400
           + hour * 3600 + minute * 60;
}


static int32_t
offset(const ngx_soporte_zoneinfo_t *zone, int64_t t)
{
    ngx_soporte_civil_t  civil;

    ngx_soporte_zoneinfo_local(zone, t, &civil);

    return civil.offset;
}


/* the offset changes from one to the other exactly at t */

static void
assert_change(const ngx_soporte_zoneinfo_t *zone, int64_t t, int32_t before,
    int32_t after)
{
    assert_int_equal(offset(zone, t - 1), before);
    assert_int_equal(offset(zone, t), after);
}


static void
assert_utc(const ngx_soporte_zoneinfo_t *zone, int64_t local, int64_t t)
{
    assert_int_equal(ngx_soporte_zoneinfo_utc(zone, local, NULL), t);
}


static void
test_civil_days(void **state)
{
    time_t               t;
    int32_t              days;
    struct tm            tm_;
    ngx_soporte_civil_t  civil;

    for (days = -719162; days <= 2932896; days += 1) {
        ngx_soporte_civil_date(days, &civil);

        if (days % 97 == 0) {
            t = (time_t) days * 86400;
            assert_non_null(gmtime_r(&t, &tm_));
            assert_int_equal(civil.year, tm_.tm_year + 1900);
            assert_int_equal(civil.month, tm_.tm_mon + 1);
            assert_int_equal(civil.day, tm_.tm_mday);
            assert_int_equal(civil.weekday, tm_.tm_wday);
        }

        if (ngx_soporte_civil_days(civil.year, civil.month, civil.day)
            != days)
        {
            fail_msg("day %d", days);
        }
    }

    assert_int_equal(civil.year, 9999);
}


static void
test_civil_refused(void **state)
{
    ngx_uint_t            i;
    static const int32_t  dates[][3] = {
        { 2027, 2, 29 }, { 2100, 2, 29 }, { 2026, 4, 31 }, { 2026, 0, 1 },
        { 2026, 13, 1 }, { 2026, 1, 0 }, { 2026, 1, 32 }, { 0, 1, 1 },
        { 10000, 1, 1 }, { 2026, -1, 1 }, { 2026, 1, -1 }
    };

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_int_equal(ngx_soporte_civil_days(dates[i][0], dates[i][1],
                                                dates[i][2]),
                         NGX_SOPORTE_CIVIL_NONE);
    }

    assert_int_not_equal(ngx_soporte_civil_days(2028, 2, 29),
                         NGX_SOPORTE_CIVIL_NONE);
    assert_int_not_equal(ngx_soporte_civil_days(2000, 2, 29),
                         NGX_SOPORTE_CIVIL_NONE);
}


static void
test_civil_nth(void **state)
{
    ngx_uint_t            i;
    static const int32_t  days[][5] = {
        /* year, month, nth, weekday, day */
        { 2026, 11, 3, 1, 16 }, { 2026, 2, 1, 1, 2 }, { 2027, 2, 1, 1, 1 },
        { 2026, 11, 5, 1, 30 }, { 2026, 11, 5, 2, 0 }, { 2026, 2, 5, 0, 0 },
        { 2026, 11, -1, 1, 30 }, { 2026, 11, -1, 0, 29 },
        { 2026, 11, -5, 1, 2 }, { 2026, 11, -5, 2, 0 }, { 2026, 11, 0, 1, 0 }
    };

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        assert_int_equal(ngx_soporte_civil_nth(days[i][0], days[i][1],
                                               days[i][2], days[i][3]),
                         ngx_soporte_civil_days(days[i][0], days[i][1],
                                                days[i][4]));
    }
}


static void
test_civil_fields(void **state)
{
    ngx_soporte_civil_t  civil;

    /* one second before the epoch, and a clock of 5:45 h east */

    ngx_soporte_civil_from(-1, 20700, &civil);

    assert_int_equal(civil.year, 1970);
    assert_int_equal(civil.month, 1);
    assert_int_equal(civil.day, 1);
    assert_int_equal(civil.weekday, 4);
    assert_int_equal(civil.hour, 5);
    assert_int_equal(civil.minute, 44);
    assert_int_equal(civil.second, 59);
    assert_int_equal(civil.offset, 20700);

    ngx_soporte_civil_from(INT64_MAX, 0, &civil);
    assert_int_equal(civil.year, 9999);
    assert_int_equal(civil.second, 59);

    ngx_soporte_civil_from(INT64_MIN, 0, &civil);
    assert_int_equal(civil.year, 1);
    assert_int_equal(civil.hour, 0);
}


static void
test_name(void **state)
{
    u_char             long_name[65];
    ngx_str_t          s;
    ngx_uint_t         i;
    static const char  *good[] = {
        "America/Mexico_City", "UTC", "Etc/GMT+12", "Etc/GMT-14",
        "America/Argentina/Buenos_Aires", "EST5EDT", "GB-Eire"
    };
    static const char  *bad[] = {
        "", "/", "/UTC", "UTC/", "..", "../UTC", "America/../UTC", "a//b",
        "./UTC", "America/.", "-x", "a/-x", "zone.tab", "Mexico City", "a\\b",
        "M\xc3\xa9xico", "a\nb"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s.data = (u_char *) good[i];
        s.len = strlen(good[i]);
        assert_int_equal(ngx_soporte_zoneinfo_name(&s), 1);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s.data = (u_char *) bad[i];
        s.len = strlen(bad[i]);
        assert_int_equal(ngx_soporte_zoneinfo_name(&s), 0);
    }

    memset(long_name, 'a', 65);
    s.data = long_name;
    s.len = 64;
    assert_int_equal(ngx_soporte_zoneinfo_name(&s), 1);
    s.len = 65;
    assert_int_equal(ngx_soporte_zoneinfo_name(&s), 0);
}


static void
test_transitions(void **state)
{
    tzif_t                    tz;
    ngx_str_t                 error;
    ngx_soporte_civil_t       civil;
    ngx_soporte_zoneinfo_t   *zone;
    static const tzif_type_t  types[] = { { -100, 0 }, { -21600, 0 },
                                          { -18000, 1 } };
    static const tzif_time_t  times[] = { { -1000, 1 }, { 0, 2 },
                                          { 1000000, 1 } };

    /* of 64 bits, without a footer: the last type stays */

    tzif_file(&tz, times, 3, types, 3, "");
    zone = tzif_read(&tz, &tm.mem, &error);
    assert_non_null(zone);

    assert_int_equal(offset(zone, INT64_MIN), -100);
    assert_change(zone, -1000, -100, -21600);
    assert_change(zone, 0, -21600, -18000);
    assert_change(zone, 1000000, -18000, -21600);
    assert_int_equal(offset(zone, INT64_MAX), -21600);

    ngx_soporte_zoneinfo_local(zone, 0, &civil);
    assert_int_equal(civil.dst, 1);
    assert_int_equal(civil.hour, 19);
    assert_int_equal(civil.year, 1969);

    ngx_soporte_zoneinfo_local(zone, 1000000, &civil);
    assert_int_equal(civil.dst, 0);

    /* of 32 bits, version 1 */

    tz.len = 0;
    tzif_block(&tz, 0, 4, times, 3, types, 3);
    zone = tzif_read(&tz, &tm.mem, &error);
    assert_non_null(zone);

    assert_change(zone, -1000, -100, -21600);
    assert_change(zone, 1000000, -18000, -21600);

    /* the first block is not looked at when there is a second */

    tz.len = 0;
    tzif_block(&tz, '3', 4, times, 3, types, 3);
    tzif_block(&tz, '3', 8, NULL, 0, types + 1, 1);
    memcpy(tz.bytes + tz.len, "\n\n", 2);
    tz.len += 2;
    zone = tzif_read(&tz, &tm.mem, &error);
    assert_non_null(zone);

    assert_int_equal(offset(zone, 10), -21600);
}


static void
test_footer_after_last(void **state)
{
    tzif_t                    tz;
    ngx_str_t                 error;
    ngx_soporte_zoneinfo_t   *zone;
    static const tzif_type_t  types[] = { { -28800, 0 }, { -18000, 0 } };
    tzif_time_t               times[] = { { 0, 1 } };

    /* from 2020-01-01 on as in New York, before eight hours west */

    times[0].at = at(2020, 1, 1, 0, 0);
    tzif_file(&tz, times, 1, types, 2, NEW_YORK);
    zone = tzif_read(&tz, &tm.mem, &error);
    assert_non_null(zone);

    assert_int_equal(offset(zone, at(2019, 7, 1, 0, 0)), -28800);
    assert_change(zone, times[0].at, -28800, -18000);
    assert_int_equal(offset(zone, times[0].at + 1), -18000);
    assert_change(zone, at(2020, 3, 8, 7, 0), -18000, -14400);
    assert_change(zone, at(2020, 11, 1, 6, 0), -14400, -18000);
}


static void
test_footer_forms(void **state)
{
    ngx_uint_t               i;
    ngx_soporte_zoneinfo_t  *zone;
    static const struct {
        const char         *footer;
        int32_t             year, month, day, hour, minute;    /* UTC */
        int32_t             before, after;
    } changes[] = {
        { NEW_YORK, 2040, 3, 11, 7, 0, -18000, -14400 },
        { NEW_YORK, 2040, 11, 4, 6, 0, -14400, -18000 },
        { NEW_YORK, 9000, 3, 9, 7, 0, -18000, -14400 },
        { LORD_HOWE, 2041, 4, 6, 15, 0, 39600, 37800 },
        { LORD_HOWE, 2041, 10, 5, 15, 30, 37800, 39600 },
        { CAIRO, 2045, 4, 27, 22, 0, 7200, 10800 },
        { CAIRO, 2045, 10, 26, 21, 0, 10800, 7200 },
        { NUUK, 2038, 3, 28, 1, 0, -7200, -3600 },
        { NUUK, 2038, 10, 31, 1, 0, -3600, -7200 },
        { JERUSALEM, 2040, 3, 23, 0, 0, 7200, 10800 },
        { JERUSALEM, 2040, 10, 27, 23, 0, 10800, 7200 },
        { DUBLIN, 2040, 3, 25, 1, 0, 0, 3600 },
        { DUBLIN, 2040, 10, 28, 1, 0, 3600, 0 },

        /* day 60 without and with a leap day: 1 March and, by 0, 29 Feb */
        { "AAA3BBB,J60,J300", 2027, 3, 1, 5, 0, -10800, -7200 },
        { "AAA3BBB,J60,J300", 2028, 3, 1, 5, 0, -10800, -7200 },
        { "AAA3BBB,J59/0,J300", 2028, 2, 28, 3, 0, -10800, -7200 },
        { "AAA3BBB,59,300", 2027, 3, 1, 5, 0, -10800, -7200 },
        { "AAA3BBB,59,300", 2028, 2, 29, 5, 0, -10800, -7200 },

        /* a change that falls into the year after, and the one before */
        { "AAA0BBB,J365/167,J100", 2031, 1, 6, 23, 0, 0, 3600 },
        { "AAA0BBB,J100,J1/-167", 2029, 12, 25, 0, 0, 3600, 0 },

        { "<+0330>-3:30:15BBB-5,M1.1.1/0:30:15,M7.1.1", 2028, 12, 31, 21, 0,
          12615, 18000 }
    };

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        zone = tzif_zone(&tm.mem, changes[i].footer);
        assert_change(zone, at(changes[i].year, changes[i].month,
                               changes[i].day, changes[i].hour,
                               changes[i].minute),
                      changes[i].before, changes[i].after);
    }
}


static void
test_footer_always(void **state)
{
    int64_t                  t;
    ngx_soporte_zoneinfo_t  *zone;

    /* no daylight saving time, and nothing else */

    zone = tzif_zone(&tm.mem, "CST6");
    assert_int_equal(offset(zone, at(2045, 7, 1, 0, 0)), -21600);
    assert_int_equal(offset(zone, at(1, 1, 3, 0, 0)), -21600);

    zone = tzif_zone(&tm.mem, "EST5EDT,0/0,J365/25");

    for (t = at(2027, 12, 30, 0, 0); t < at(2028, 1, 3, 0, 0); t += 1800) {
        assert_int_equal(offset(zone, t), -14400);
    }
}


static void
test_gap(void **state)
{
    ngx_soporte_zoneinfo_t  *zone;

    /* 02:00 to 03:00 is skipped: taken with the offset before */

    zone = tzif_zone(&tm.mem, NEW_YORK);

    assert_utc(zone, at(2040, 3, 11, 1, 59), at(2040, 3, 11, 6, 59));
    assert_utc(zone, at(2040, 3, 11, 2, 0), at(2040, 3, 11, 7, 0));
    assert_utc(zone, at(2040, 3, 11, 2, 30), at(2040, 3, 11, 7, 30));
    assert_utc(zone, at(2040, 3, 11, 2, 59), at(2040, 3, 11, 7, 59));
    assert_utc(zone, at(2040, 3, 11, 3, 0), at(2040, 3, 11, 7, 0));

    /* half an hour */

    zone = tzif_zone(&tm.mem, LORD_HOWE);

    assert_utc(zone, at(2041, 10, 6, 2, 15), at(2041, 10, 5, 15, 45));
    assert_utc(zone, at(2041, 10, 6, 2, 30), at(2041, 10, 5, 15, 30));

    /* midnight */

    zone = tzif_zone(&tm.mem, CAIRO);

    assert_utc(zone, at(2045, 4, 28, 0, 0), at(2045, 4, 27, 22, 0));
    assert_utc(zone, at(2045, 4, 28, 0, 30), at(2045, 4, 27, 22, 30));
    assert_utc(zone, at(2045, 4, 28, 1, 0), at(2045, 4, 27, 22, 0));
}


static void
test_overlap(void **state)
{
    ngx_soporte_zoneinfo_t  *zone;

    /* 01:00 to 02:00 is shown twice: the first */

    zone = tzif_zone(&tm.mem, NEW_YORK);

    assert_utc(zone, at(2040, 11, 4, 0, 59), at(2040, 11, 4, 4, 59));
    assert_utc(zone, at(2040, 11, 4, 1, 0), at(2040, 11, 4, 5, 0));
    assert_utc(zone, at(2040, 11, 4, 1, 59), at(2040, 11, 4, 5, 59));
    assert_utc(zone, at(2040, 11, 4, 2, 0), at(2040, 11, 4, 7, 0));

    zone = tzif_zone(&tm.mem, CAIRO);

    assert_utc(zone, at(2045, 10, 26, 23, 30), at(2045, 10, 26, 20, 30));
    assert_utc(zone, at(2045, 10, 27, 0, 0), at(2045, 10, 26, 22, 0));
}


static void
test_day_skipped(void **state)
{
    tzif_t                    tz;
    ngx_str_t                 error;
    ngx_soporte_zoneinfo_t   *zone;
    static const tzif_type_t  types[] = { { -36000, 0 }, { 50400, 0 } };
    static const tzif_type_t  back[] = { { 50400, 0 }, { -36000, 0 } };
    tzif_time_t               times[] = { { 0, 1 } };

    /* a place that moves over the date line: no 30 December 2011 */

    times[0].at = at(2011, 12, 30, 10, 0);
    tzif_file(&tz, times, 1, types, 2, "<+14>-14");
    zone = tzif_read(&tz, &tm.mem, &error);
    assert_non_null(zone);

    assert_utc(zone, at(2011, 12, 29, 23, 59), at(2011, 12, 30, 9, 59));
    assert_utc(zone, at(2011, 12, 30, 9, 0), at(2011, 12, 30, 19, 0));
    assert_utc(zone, at(2011, 12, 31, 0, 0), at(2011, 12, 30, 10, 0));

    /* and one that has it twice */

    tzif_file(&tz, times, 1, back, 2, "<-10>10");
    zone = tzif_read(&tz, &tm.mem, &error);
    assert_non_null(zone);

    assert_int_equal(offset(zone, times[0].at - 1), 50400);
    assert_utc(zone, at(2011, 12, 30, 12, 0), at(2011, 12, 29, 22, 0));
    assert_utc(zone, at(2011, 12, 31, 0, 0), at(2011, 12, 31, 10, 0));
}


/* near and far, forward and back, with the cursor as without */

static void
test_cursor(void **state)
{
    int64_t                       local;
    uint32_t                      seed;
    ngx_uint_t                    i, z;
    ngx_soporte_zoneinfo_t       *zone;
    ngx_soporte_zoneinfo_span_t   cursor;
    static const char            *zones[] = { NEW_YORK, LORD_HOWE, CAIRO,
                                              NUUK, "CST6", "EST5EDT,0/0,"
                                              "J365/25" };

    seed = 1;

    for (z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
        zone = tzif_zone(&tm.mem, zones[z]);
        memset(&cursor, 0, sizeof(cursor));
        local = at(2026, 1, 1, 0, 0);

        for (i = 0; i < 20000; i++) {
            seed = seed * 1103515245 + 12345;
            local += (int64_t) (seed >> 8) % (i % 50 ? 50000 : 90000000)
                     - (i % 50 ? 10000 : 45000000);

            assert_int_equal(ngx_soporte_zoneinfo_utc(zone, local, &cursor),
                             ngx_soporte_zoneinfo_utc(zone, local, NULL));
        }
    }
}


/* what the clock shows at an instant is that instant, or its first showing */

static void
test_there_and_back(void **state)
{
    int64_t                  t, back;
    ngx_uint_t               z;
    ngx_soporte_zoneinfo_t  *zone;
    static const char       *zones[] = { NEW_YORK, LORD_HOWE, CAIRO, NUUK,
                                         DUBLIN };

    for (z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
        zone = tzif_zone(&tm.mem, zones[z]);

        for (t = at(2027, 1, 1, 0, 0); t < at(2029, 1, 1, 0, 0); t += 900) {
            back = ngx_soporte_zoneinfo_utc(zone, t + offset(zone, t), NULL);

            assert_true(back == t
                        || (back < t && back + offset(zone, back)
                                        == t + offset(zone, t)));
        }
    }
}


/* the ends of time: an answer, not a hang */

static void
test_extremes(void **state)
{
    tzif_t                        tz;
    ngx_str_t                     error;
    ngx_uint_t                    i;
    ngx_soporte_civil_t           civil;
    ngx_soporte_zoneinfo_t       *zone;
    ngx_soporte_zoneinfo_span_t   span;
    static const int64_t          times[] = {
        INT64_MIN, NGX_SOPORTE_CIVIL_MIN, NGX_SOPORTE_CIVIL_MAX, INT64_MAX
    };
    static const tzif_type_t      types[] = { { 0, 0 }, { 3600, 1 } };
    static const tzif_time_t      far[] = { { INT64_MIN, 1 },
                                            { INT64_MIN + 1, 0 },
                                            { INT64_MAX, 1 } };

    for (i = 0; i < 4; i++) {
        zone = tzif_zone(&tm.mem, LORD_HOWE);
        ngx_soporte_zoneinfo_local(zone, times[i], &civil);
        assert_in_range(civil.month, 1, 12);
        (void) ngx_soporte_zoneinfo_utc(zone, times[i], NULL);

        tzif_file(&tz, far, 3, types, 2, NEW_YORK);
        zone = tzif_read(&tz, &tm.mem, &error);
        assert_non_null(zone);
        ngx_soporte_zoneinfo_span(zone, times[i], &span);
        assert_true(span.from < span.until);
        (void) ngx_soporte_zoneinfo_utc(zone, times[i], NULL);
    }
}


static void
assert_refused(const tzif_t *tz, const char *why)
{
    ngx_str_t  error;

    assert_null(tzif_read(tz, &tm.mem, &error));
    assert_true(error.len > 0 && error.data[error.len] == '\0');

    if (strstr((char *) error.data, why) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", why, error.data);
    }
}


static void
test_refused_bytes(void **state)
{
    size_t                    i;
    tzif_t                    good, tz;
    static const tzif_type_t  types[] = { { -21600, 0 }, { -18000, 1 } };
    static const tzif_time_t  times[] = { { 0, 1 }, { 1000, 0 } };
    static const struct {
        size_t                at;          /* from the second header on */
        u_char                byte;
        const char           *why;
    } wrong[] = {
        { 0, 'X', "does not begin" },
        { 4, '3', "differ in version" },
        { 4, '1', "version is unknown" },
        { 4, '5', "version is unknown" },
        { 23, 1, "contradicts" },          /* isutcnt */
        { 27, 1, "contradicts" },          /* isstdcnt */
        { 31, 1, "leap seconds" },
        { 32, 0xff, "cut short" },         /* timecnt */
        { 39, 0, "contradicts" },          /* typecnt */
        { 38, 2, "contradicts" },
        { 43, 0, "contradicts" },          /* charcnt */
        { 40, 0x7f, "cut short" },
        { 44 + 8, 0x7f, "out of order" },
        { 44 + 16, 2, "no type" },
        { 44 + 18, 1, "out of range" },    /* offset of type 0 */
        { 44 + 18 + 4, 2, "out of range" },
        { 44 + 18 + 5, 4, "out of range" },
        { 44 + 18 + 12 + 3, 'D', "no end" },
        { 44 + 18 + 12 + 4, 'x', "POSIX" }
    };

    tzif_file(&good, times, 2, types, 2, "CST6");

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        tz = good;

        if (wrong[i].at == 44 + 8) {
            tz.bytes[tz.block + 44] = 0x7f;
        } else {
            tz.bytes[tz.block + wrong[i].at] = wrong[i].byte;
        }

        assert_refused(&tz, wrong[i].why);
    }

    /* the first header is looked at, too */

    tz = good;
    tz.bytes[31] = 1;
    assert_refused(&tz, "leap seconds");

    /* equal times are out of order as well */

    tz = good;
    memset(tz.bytes + tz.block + 44, 0, 16);
    assert_refused(&tz, "out of order");

    for (tz = good; tz.len; ) {
        tz.len--;
        assert_refused(&tz, "");
    }

    tz = good;
    tz.bytes[tz.len++] = '\n';
    assert_refused(&tz, "follows");
}


static void
test_refused_indicators(void **state)
{
    tzif_t                    tz;
    ngx_str_t                 error;
    size_t                    ends;
    static const tzif_type_t  type = { 0, 0 };

    /* one standard and one UT indicator before the footer */

    tzif_file(&tz, NULL, 0, &type, 1, "");
    tz.bytes[tz.block + 23] = 1;
    tz.bytes[tz.block + 27] = 1;
    ends = tz.block + 44 + 6 + 4;
    memcpy(tz.bytes + ends, "\1\1\n\n", 4);
    tz.len = ends + 4;
    assert_non_null(tzif_read(&tz, &tm.mem, &error));

    tz.bytes[ends] = 0;
    assert_refused(&tz, "UT indicator");

    tz.bytes[ends] = 2;
    assert_refused(&tz, "neither 0 nor 1");

    tz.bytes[ends] = 1;
    tz.bytes[ends + 1] = 2;
    assert_refused(&tz, "neither 0 nor 1");
}


static void
test_refused_footers(void **state)
{
    tzif_t                    tz;
    ngx_uint_t                i;
    static const tzif_type_t  type = { 0, 0 };
    static const char        *footers[] = {
        "C6", "CS6", "CST", "CST25", "CST6:60", "CST6:00:60", "CST+", "6",
        "<CST6", "<>6", "<A>6", "CST6CDT", "CST6CD,M3.2.0,M11.1.0",
        "CST6CDT,M3.2.0", "CST6CDT,M3.2.0,", "CST6CDT,M0.2.0,M11.1.0",
        "CST6CDT,M13.2.0,M11.1.0", "CST6CDT,M3.0.0,M11.1.0",
        "CST6CDT,M3.6.0,M11.1.0", "CST6CDT,M3.2.7,M11.1.0",
        "CST6CDT,J0,J365", "CST6CDT,J366,J1", "CST6CDT,366,1",
        "CST6CDT,M3.2.0/168,M11.1.0", "CST6CDT,M3.2.0/,M11.1.0",
        "CST6CDT,M3.2.0,M11.1.0,", "CST6CDT,M3.2.0,M11.1.0 ",
        "CST6CDT,M3.2,M11.1.0", "CST6\nCDT", "CST0006", "C\xc3\x91T6",
        "CST6<-05>,M3.2.0", "CST6CDT-,M3.2.0,M11.1.0", "\n"
    };

    for (i = 0; i < sizeof(footers) / sizeof(footers[0]); i++) {
        tzif_file(&tz, NULL, 0, &type, 1, footers[i]);
        assert_refused(&tz, "");
    }
}


static void
test_large(void **state)
{
    ngx_str_t  bytes, error;

    bytes.len = NGX_SOPORTE_ZONEINFO_MAX + 1;
    bytes.data = calloc(1, bytes.len);

    assert_null(ngx_soporte_zoneinfo_read(&tm.mem, &bytes, &error));
    assert_non_null(strstr((char *) error.data, "too large"));

    free(bytes.data);
}


static void
test_memory(void **state)
{
    tzif_t                    tz;
    size_t                    left;
    ngx_str_t                 error;
    static const tzif_type_t  types[] = { { -21600, 0 } };
    static const tzif_time_t  times[] = { { 0, 0 } };

    tzif_file(&tz, times, 1, types, 1, "CST6");

    for (left = 1; left < 5; left++) {
        test_mem_free(&tm);
        (void) test_mem(&tm);
        tm.left = left;
        assert_null(tzif_read(&tz, &tm.mem, &error));
        assert_int_equal(error.len, 0);
    }

    test_mem_free(&tm);
    (void) test_mem(&tm);
    tm.left = 5;
    assert_non_null(tzif_read(&tz, &tm.mem, &error));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_civil_days),
        cmocka_unit_test(test_civil_refused),
        cmocka_unit_test(test_civil_nth),
        cmocka_unit_test(test_civil_fields),
        cmocka_unit_test(test_name),
        cmocka_unit_test_setup_teardown(test_transitions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_footer_after_last, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_footer_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_footer_always, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_day_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extremes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_indicators, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_refused_footers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
