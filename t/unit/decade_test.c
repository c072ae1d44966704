
/*
 * Prevents a worker that never reloads and is wrong after years: ten years of
 * seconds about each opening and each closing go by in one table, and what is
 * expected is reckoned here, by other means than the core's.
 */

#include "test.h"
#include "ngx_soporte_calendar.h"
#include "ngx_soporte_watch.h"

#include <time.h>


#define DAY    86400
#define FIRST  20454                         /* 2026-01-01, day of the epoch */
#define DAYS   3652                          /* to 2035-12-31 */


typedef struct {
    int         year;
    int         month;
    int         day;
    int         weekday;                     /* 0 is Sunday */
} date_t;

static test_mem_t  tm;


/* by counting from 1970, a day at a time from the last one asked for */

static date_t
date(int number)
{
    int         n, feb;
    date_t      d;

    static const int  length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                   31 };

    d.weekday = (number + 4) % 7;
    d.year = 1970;

    for ( ;; ) {
        n = (d.year % 4 == 0) ? 366 : 365;   /* until 2099 */

        if (number < n) {
            break;
        }

        number -= n;
        d.year++;
    }

    for (d.month = 1; /* void */ ; d.month++) {
        feb = (d.month == 2 && d.year % 4 == 0);
        n = length[d.month - 1] + feb;

        if (number < n) {
            break;
        }

        number -= n;
    }

    d.day = number + 1;

    return d;
}


static int
nth(const date_t *d, int weekday, int n)
{
    return d->weekday == weekday && (d->day - 1) / 7 == n - 1;
}


/* LFT art. 74 */

static int
holiday(const date_t *d)
{
    switch (d->month) {
    case 1:
        return d->day == 1;
    case 2:
        return nth(d, 1, 1);
    case 3:
        return nth(d, 1, 3);
    case 5:
        return d->day == 1;
    case 9:
        return d->day == 16;
    case 10:
        return d->day == 1 && (d->year - 2024) % 6 == 0;
    case 11:
        return nth(d, 1, 3);
    case 12:
        return d->day == 25;
    default:
        return 0;
    }
}


/*
 * Daylight saving time of the United States, and of the border of Mexico: from
 * the second Sunday of March to the first of November, at two, so 9:00 and
 * 18:00 of that Sunday are already of the new time.
 */

static int
summer(const date_t *d)
{
    int  sunday;

    sunday = d->day - d->weekday;            /* of this week, may be < 1 */

    if (d->month == 3) {
        return sunday >= 8;
    }

    if (d->month == 11) {
        return sunday < 1;
    }

    return d->month > 3 && d->month < 11;
}


static void
walk(const char *name, int standard, int dst, int art74)
{
    int                           i, err, off, openings, rebuilt;
    double                        ms, slowest;
    date_t                        d;
    int64_t                       nine, six, lo;
    ngx_str_t                     s, range, bytes, error;
    struct timespec               a, b;
    ngx_soporte_calendar_t        cal;
    ngx_soporte_zoneinfo_t       *zone;
    ngx_soporte_watch_mark_t      mark;
    ngx_soporte_calendar_table_t  table;

    char                          path[128];

    ngx_soporte_calendar_init(&cal, test_mem(&tm));

    s.data = (u_char *) name;
    s.len = strlen(name);
    assert_int_equal(ngx_soporte_calendar_timezone(&cal, &s, &error), NGX_OK);

    s.data = (u_char *) "mon-fri";
    s.len = 7;
    range.data = (u_char *) "09:00-18:00";
    range.len = 11;
    assert_int_equal(ngx_soporte_calendar_hours(&cal, &s, &range, &error),
                     NGX_OK);

    if (art74) {
        ngx_soporte_calendar_holidays_mx(&cal);
    }

    (void) snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    assert_int_equal(ngx_soporte_watch_read(path, NGX_SOPORTE_ZONEINFO_MAX,
                                            &mark, &bytes, &err), NGX_OK);

    zone = ngx_soporte_zoneinfo_read(&tm.mem, &bytes, &error);
    free(bytes.data);
    assert_non_null(zone);

    table.memory = ngx_soporte_alloc(&tm.mem,
                                     ngx_soporte_calendar_room(&cal));
    ngx_soporte_calendar_build(&cal, zone, (int64_t) FIRST * DAY, &table);

    openings = 0;
    rebuilt = 0;
    slowest = 0;
    lo = table.lo;

    for (i = 0; i < DAYS; i++) {
        d = date(FIRST + i);
        off = standard + (dst && summer(&d) ? 3600 : 0);

        nine = (int64_t) (FIRST + i) * DAY + 9 * 3600 - off;
        six = nine + 9 * 3600;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        err = ngx_soporte_calendar_is_open(&table, nine - 1);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);

        ms = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;
        slowest = (ms > slowest) ? ms : slowest;

        rebuilt += (table.lo != lo);
        lo = table.lo;

        assert_int_equal(err, 0);
        assert_int_equal(ngx_soporte_calendar_is_open(&table, six), 0);

        err = (d.weekday > 0 && d.weekday < 6 && !(art74 && holiday(&d)));
        openings += err;

        if (ngx_soporte_calendar_is_open(&table, nine) != (ngx_uint_t) err
            || ngx_soporte_calendar_is_open(&table, nine + 4 * 3600)
               != (ngx_uint_t) err
            || ngx_soporte_calendar_is_open(&table, six - 1)
               != (ngx_uint_t) err)
        {
            fail_msg("%s %04d-%02d-%02d", name, d.year, d.month, d.day);
        }
    }

    print_message("%s: %d openings, %d tables, the slowest look-up %.2f ms\n",
                  name, openings, rebuilt, slowest);

    assert_int_equal(openings, art74 ? 2608 - 58 : 2608);
    assert_in_range(rebuilt, DAYS / 800, DAYS / 50);

    test_mem_free(&tm);
}


static void
mexico(void **state)
{
    walk("America/Mexico_City", -6 * 3600, 0, 1);
}


static void
tijuana(void **state)
{
    walk("America/Tijuana", -8 * 3600, 1, 1);
}


static void
new_york(void **state)
{
    walk("America/New_York", -5 * 3600, 1, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(mexico),
        cmocka_unit_test(tijuana),
        cmocka_unit_test(new_york)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
