
/*
 * Prevents: a promise computed wrongly (an opening missed, a closing counted,
 * a due time an hour off), a loop without end in a calendar without hours, a
 * cached state that outlives its interval.
 */

#include "tzif.h"
#include "calendar.h"


#define BEYOND  NGX_SOPORTE_CALENDAR_BEYOND

#define MEXICO    "CST6"
#define NEW_YORK  "EST5EDT,M3.2.0,M11.1.0"


static ngx_soporte_calendar_table_t  table;
static ngx_soporte_zoneinfo_t       *zone;


/* "2026-11-20T17:30" on the calendar's clock */

static int64_t
at(const char *text)
{
    int64_t  local;

    assert_int_equal(strlen(text), 16);

    local = (int64_t) ngx_soporte_civil_days(atoi(text), atoi(text + 5),
                                             atoi(text + 8)) * 86400
            + atoi(text + 11) * 3600 + atoi(text + 14) * 60;

    return ngx_soporte_zoneinfo_utc(zone, local, NULL);
}


/* memory of exactly the room asked for, so that ASan sees what is too much */

static void
build(const char *footer, const char *now)
{
    ok(cal.timezone.len ? NGX_OK : try_timezone("Test/Zone"));
    ok(ngx_soporte_calendar_done(&cal, &error));

    zone = tzif_zone(&tm.mem, footer);
    memset(&table, 0, sizeof(table));
    table.memory = ngx_soporte_alloc(&tm.mem, ngx_soporte_calendar_room(&cal));

    ngx_soporte_calendar_build(&cal, zone, at(now), &table);
}


static void
promise(void)
{
    ok(try_hours("mon-fri", "09:00-18:00"));
    ngx_soporte_calendar_holidays_mx(&cal);
    build(MEXICO, "2026-11-22T12:00");
}


static ngx_uint_t
is_open(const char *text)
{
    return ngx_soporte_calendar_is_open(&table, at(text));
}


static void
assert_interval(ngx_uint_t i, const char *from, const char *until)
{
    assert_true(i < table.n);
    assert_int_equal(table.intervals[i].from, at(from));
    assert_int_equal(table.intervals[i].until, at(until));
}


/* opens at "from", closes at "until", each to the second */

static void
assert_open(const char *from, const char *until)
{
    ngx_soporte_calendar_state_t  state;

    assert_int_equal(ngx_soporte_calendar_is_open(&table, at(from) - 1), 0);
    assert_int_equal(is_open(from), 1);
    assert_int_equal(ngx_soporte_calendar_is_open(&table, at(until) - 1), 1);
    assert_int_equal(is_open(until), 0);

    ngx_soporte_calendar_state(&table, at(from) - 1, &state);
    assert_int_equal(state.opens_at, at(from));
    assert_int_equal(state.until, BEYOND);

    ngx_soporte_calendar_state(&table, at(from), &state);
    assert_int_equal(state.until, at(until));
}


static void
assert_due(const char *from, int64_t seconds, const char *due)
{
    assert_int_equal(ngx_soporte_calendar_add(&table, at(from), seconds),
                     at(due));
}


static void
test_known_answers(void **state)
{
    promise();

    assert_due("2026-11-20T17:30", 2 * 3600, "2026-11-23T10:30");
    assert_due("2026-11-13T18:00", 3600, "2026-11-17T10:00");
    assert_due("2026-11-23T09:00", 9 * 3600, "2026-11-23T18:00");
    assert_due("2026-12-31T17:00", 24 * 3600, "2027-01-06T14:00");
}


static void
test_half_open(void **state)
{
    promise();

    assert_open("2026-11-23T09:00", "2026-11-23T18:00");
    assert_open("2026-11-27T09:00", "2026-11-27T18:00");

    assert_int_equal(is_open("2026-11-28T12:00"), 0);
    assert_int_equal(is_open("2026-11-16T12:00"), 0);
    assert_int_equal(is_open("2026-12-25T12:00"), 0);
}


static void
test_add(void **state)
{
    promise();

    /* nothing to wait for is due at once, open or closed */

    assert_due("2026-11-21T12:00", 0, "2026-11-21T12:00");
    assert_due("2026-11-23T12:00", 0, "2026-11-23T12:00");

    /* an exact fit is due at closing, one second more after opening */

    assert_due("2026-11-27T17:00", 3600, "2026-11-27T18:00");
    assert_int_equal(ngx_soporte_calendar_add(&table, at("2026-11-27T17:00"),
                                              3601),
                     at("2026-11-30T09:00") + 1);
    assert_due("2026-11-27T18:00", 9 * 3600, "2026-11-30T18:00");
}


static void
test_between(void **state)
{
    promise();

    assert_int_equal(ngx_soporte_calendar_between(&table,
                         at("2026-11-20T17:30"), at("2026-11-23T10:30")),
                     7200);
    assert_int_equal(ngx_soporte_calendar_between(&table,
                         at("2026-11-21T00:00"), at("2026-11-23T09:00")), 0);
    assert_int_equal(ngx_soporte_calendar_between(&table,
                         at("2026-11-23T10:00"), at("2026-11-23T10:00")), 0);
    assert_int_equal(ngx_soporte_calendar_between(&table,
                         at("2026-11-23T12:00"), at("2026-11-23T10:00")), 0);
    assert_int_equal(ngx_soporte_calendar_between(&table,
                         at("2026-11-23T12:00"),
                         at("2026-11-23T12:00") + 1), 1);

    /* the whole table, up to a Tuesday's noon, and nothing outside of it */

    assert_int_equal(ngx_soporte_calendar_between(&table, table.lo, table.hi),
                     (table.n - 1) * 9 * 3600 + 3 * 3600);
    assert_int_equal(ngx_soporte_calendar_between(&table, table.lo - 1,
                                                  table.hi), BEYOND);
    assert_int_equal(ngx_soporte_calendar_between(&table, table.lo,
                                                  table.hi + 1), BEYOND);
}


static void
test_horizon(void **state)
{
    promise();

    assert_int_equal(table.hi - table.now, 800 * 86400);
    assert_int_equal(table.now - table.lo, 400 * 86400);

    assert_int_equal(ngx_soporte_calendar_add(&table, table.now, INT64_MAX),
                     BEYOND);
    assert_int_equal(ngx_soporte_calendar_add(&table, table.now,
                                              800 * 9 * 3600), BEYOND);
    assert_int_equal(ngx_soporte_calendar_add(&table, table.lo - 1, 1),
                     BEYOND);
    assert_int_equal(ngx_soporte_calendar_add(&table, table.hi, 1), BEYOND);
    assert_int_not_equal(ngx_soporte_calendar_add(&table, table.now,
                                                  500 * 9 * 3600), BEYOND);
}


static void
test_empty(void **state)
{
    ngx_soporte_calendar_state_t  s;

    assert_int_equal(ngx_soporte_calendar_empty(&cal), 1);
    ok(try_date("2026-12-24", "closed", NULL));
    ok(try_closed("2026-12-30T13:00", "2027-01-02T00:00"));
    ngx_soporte_calendar_holidays_mx(&cal);
    assert_int_equal(ngx_soporte_calendar_empty(&cal), 1);

    build(MEXICO, "2026-11-22T12:00");

    ngx_soporte_calendar_state(&table, table.now, &s);
    assert_int_equal(s.open, 0);
    assert_int_equal(s.until, BEYOND);
    assert_int_equal(s.opens_at, BEYOND);

    assert_int_equal(ngx_soporte_calendar_add(&table, table.now, 1), BEYOND);
    assert_int_equal(ngx_soporte_calendar_add(&table, table.now, 0),
                     table.now);
    assert_int_equal(ngx_soporte_calendar_between(&table, table.lo, table.hi),
                     0);

    ok(try_open("2026-12-26T10:00", "2026-12-26T13:00"));
    assert_int_equal(ngx_soporte_calendar_empty(&cal), 0);

    ngx_soporte_calendar_init(&cal, &tm.mem);
    ok(try_date("2026-12-24", "09:00-10:00", NULL));
    assert_int_equal(ngx_soporte_calendar_empty(&cal), 0);

    ngx_soporte_calendar_init(&cal, &tm.mem);
    ok(try_hours("sun", "09:00-10:00"));
    assert_int_equal(ngx_soporte_calendar_empty(&cal), 0);
}


static void
test_always(void **state)
{
    ngx_soporte_calendar_state_t  s;

    ok(try_hours("mon-sun", "00:00-24:00"));
    build(NEW_YORK, "2026-11-22T12:00");

    assert_int_equal(table.n, 1);
    assert_int_equal(table.intervals[0].from, table.lo);
    assert_int_equal(table.intervals[0].until, table.hi);

    ngx_soporte_calendar_state(&table, table.now, &s);
    assert_int_equal(s.open, 1);
    assert_int_equal(s.until, BEYOND);
    assert_int_equal(s.opens_at, BEYOND);

    assert_int_equal(ngx_soporte_calendar_add(&table, table.now, 86400),
                     table.now + 86400);
}


static void
test_touching(void **state)
{
    ok(try_hours("mon", "12:00-24:00"));
    ok(try_hours("tue", "00:00-12:00"));
    ok(try_hours("tue", "10:00-13:00"));
    ok(try_hours("tue", "12:30-12:45"));
    build(MEXICO, "2026-11-22T12:00");

    assert_open("2026-11-23T12:00", "2026-11-24T13:00");
    assert_int_equal(ngx_soporte_calendar_between(&table,
                         at("2026-11-23T00:00"), at("2026-11-25T00:00")),
                     25 * 3600);
}


static void
test_nights(void **state)
{
    ok(try_hours("fri-sat", "22:00-30:00"));
    ok(try_date("2026-11-28", "closed", NULL));
    ngx_soporte_calendar_holidays_mx(&cal);
    build(MEXICO, "2026-11-22T12:00");

    /* the night belongs to the date on which it starts */

    assert_open("2026-11-20T22:00", "2026-11-21T06:00");
    assert_open("2026-11-27T22:00", "2026-11-28T06:00");
    assert_int_equal(is_open("2026-11-28T23:00"), 0);
    assert_int_equal(is_open("2026-11-29T03:00"), 0);

    /* Christmas is a Friday: no shift starts, the night before has none */

    assert_int_equal(is_open("2026-12-25T23:00"), 0);
    assert_int_equal(is_open("2026-12-26T03:00"), 0);
    assert_open("2026-12-26T22:00", "2026-12-27T06:00");

    /* New Year of 2028 is a Saturday: Friday's night keeps its tail */

    assert_open("2027-12-31T22:00", "2028-01-01T06:00");
    assert_int_equal(is_open("2028-01-01T23:00"), 0);
}


static void
test_two_days(void **state)
{
    ok(try_hours("wed", "23:59-48:00"));
    build(MEXICO, "2026-11-22T12:00");

    assert_open("2026-11-25T23:59", "2026-11-27T00:00");

    /* a table that begins within such a shift, and one that ends there */

    ngx_soporte_calendar_build(&cal, zone, at("2026-11-26T23:00")
                               + 400 * 86400, &table);
    assert_int_equal(table.intervals[0].from, table.lo);
    assert_int_equal(table.intervals[0].until, at("2026-11-27T00:00"));

    ngx_soporte_calendar_build(&cal, zone, at("2026-11-26T00:30")
                               - 800 * 86400, &table);
    assert_int_equal(table.intervals[table.n - 1].from,
                     at("2026-11-25T23:59"));
    assert_int_equal(table.intervals[table.n - 1].until, table.hi);
}


static void
test_dates(void **state)
{
    ok(try_hours("mon-fri", "09:00-18:00"));
    ngx_soporte_calendar_holidays_mx(&cal);

    /* given out of order */

    ok(try_date("2026-12-24", "09:00-12:00", "13:00-14:00"));
    ok(try_date("2026-12-12", "10:00-11:00", NULL));
    ok(try_date("2026-12-14", "closed", NULL));
    ok(try_date("2026-12-25", "10:00-11:00", NULL));
    build(MEXICO, "2026-11-22T12:00");

    assert_open("2026-12-24T09:00", "2026-12-24T12:00");
    assert_open("2026-12-24T13:00", "2026-12-24T14:00");
    assert_int_equal(is_open("2026-12-24T15:00"), 0);
    assert_open("2026-12-12T10:00", "2026-12-12T11:00");
    assert_int_equal(is_open("2026-12-14T12:00"), 0);

    /* a date wins over a holiday */

    assert_open("2026-12-25T10:00", "2026-12-25T11:00");
}


static void
test_closed_and_open(void **state)
{
    ok(try_hours("mon-fri", "09:00-18:00"));
    ok(try_closed("2026-12-30T13:00", "2027-01-02T00:00"));
    ok(try_closed("2026-12-22T10:00", "2026-12-22T11:00"));
    ok(try_open("2026-12-26T10:00", "2026-12-26T13:00"));
    ok(try_open("2026-12-31T10:00", "2026-12-31T12:00"));
    ok(try_open("2026-12-22T17:00", "2026-12-22T20:00"));
    build(MEXICO, "2026-11-22T12:00");

    assert_open("2026-12-30T09:00", "2026-12-30T13:00");
    assert_open("2026-12-26T10:00", "2026-12-26T13:00");
    assert_open("2026-12-31T10:00", "2026-12-31T12:00");
    assert_open("2026-12-22T09:00", "2026-12-22T10:00");
    assert_open("2026-12-22T11:00", "2026-12-22T20:00");
    assert_int_equal(is_open("2027-01-01T12:00"), 0);
    assert_open("2027-01-04T09:00", "2027-01-04T18:00");
}


static void
test_clock_changes(void **state)
{
    ngx_uint_t  i;

    ok(try_hours("sun", "01:30-02:30"));
    ok(try_hours("sat", "23:00-26:30"));
    ok(try_closed("2026-11-01T01:00", "2026-11-01T01:15"));
    build(NEW_YORK, "2026-11-22T12:00");

    /* 2026-11-01: 01:00-02:00 is shown twice, a boundary is the first */

    for (i = 0; table.intervals[i].from < at("2026-10-31T00:00"); i++) {
        /* void */
    }

    assert_int_equal(table.intervals[i].until - table.intervals[i].from,
                     7200);
    assert_int_equal(table.intervals[i + 1].from, at("2026-11-01T01:15"));
    assert_int_equal(table.intervals[i + 1].until, at("2026-11-01T02:30"));
    assert_int_equal(table.intervals[i + 1].until
                     - table.intervals[i + 1].from, 3600 + 75 * 60);

    /* 2027-03-14: 02:00-03:00 is skipped; 02:30 is what is shown as 03:30 */

    for (i = 0; table.intervals[i].from < at("2027-03-13T00:00"); i++) {
        /* void */
    }

    assert_interval(i, "2027-03-13T23:00", "2027-03-14T03:30");
    assert_true(table.intervals[i + 1].from > at("2027-03-19T00:00"));
}


/* in a gap a range may end before it starts: it is none */

static void
test_inverted(void **state)
{
    ok(try_open("2027-03-14T02:15", "2027-03-14T03:10"));
    ok(try_date("2027-03-14", "02:30-03:00", "02:00-02:15"));
    ok(try_date("2027-03-15", "00:00-24:00", NULL));
    build(NEW_YORK, "2026-11-22T12:00");

    /* 02:00-02:15 is what is shown as 03:00-03:15 */

    assert_int_equal(table.n, 2);
    assert_interval(0, "2027-03-14T03:00", "2027-03-14T03:15");
    assert_interval(1, "2027-03-15T00:00", "2027-03-16T00:00");

    ngx_soporte_calendar_init(&cal, &tm.mem);
    ok(try_hours("sun", "00:00-24:00"));
    ok(try_closed("2027-03-14T02:45", "2027-03-14T03:30"));
    build(NEW_YORK, "2026-11-22T12:00");

    assert_int_equal(is_open("2027-03-14T03:35"), 1);
}


static void
test_cache(void **state)
{
    int64_t  t;

    promise();

    /* nothing is remembered of a table just built */

    assert_int_equal(is_open("2026-11-23T12:00"), 1);
    assert_int_equal(table.from, at("2026-11-23T09:00"));
    assert_int_equal(table.until, at("2026-11-23T18:00"));

    /* the wall clock goes as it likes */

    assert_int_equal(is_open("2026-11-23T18:00"), 0);
    assert_int_equal(table.from, at("2026-11-23T18:00"));
    assert_int_equal(table.until, at("2026-11-24T09:00"));
    assert_int_equal(is_open("2026-11-23T17:59"), 1);
    assert_int_equal(is_open("2026-11-21T12:00"), 0);
    assert_int_equal(is_open("2026-11-23T12:00"), 1);

    ngx_soporte_calendar_build(&cal, zone, table.now, &table);
    assert_true(table.from == table.until);

    /* before the first interval and after the last */

    t = table.now;
    assert_int_equal(ngx_soporte_calendar_seek(&table, table.now), 0);
    assert_int_equal(table.now, t);
    assert_true(table.n > 500);
}


static void
test_drift(void **state)
{
    int64_t     now, t, end;
    ngx_uint_t  built;

    promise();

    now = table.now;
    t = at("2029-11-20T12:00");

    /* years later, a Tuesday at noon and the day after Revolution's Monday */

    assert_int_equal(ngx_soporte_calendar_is_open(&table, t), 1);
    assert_int_equal(table.now, t);
    assert_int_equal(is_open("2029-11-19T12:00"), 0);
    assert_int_equal(table.now, t);

    /* and back again */

    assert_int_equal(ngx_soporte_calendar_is_open(&table, now), 0);
    assert_int_equal(table.now, now);

    /* three years hour by hour: built every hundred days */

    built = 0;
    end = now + 1095 * 86400;

    for (t = now; t < end; t += 3600) {
        (void) ngx_soporte_calendar_is_open(&table, t);

        if (table.now != now) {
            built++;
            now = table.now;
        }

        assert_true(t >= table.from && t < table.until);
        assert_true(table.hi - t >= 695 * 86400);
    }

    assert_in_range(built, 9, 11);

    /* clocks that were never set, and absurd ones */

    assert_int_equal(ngx_soporte_calendar_is_open(&table, 0), 0);
    (void) ngx_soporte_calendar_is_open(&table, INT64_MAX);
    (void) ngx_soporte_calendar_is_open(&table, INT64_MIN);
    assert_int_equal(is_open("2026-11-23T12:00"), 1);
}


static int64_t
due(const char *from, int64_t seconds, ngx_soporte_calendar_period_t *pauses,
    ngx_uint_t n)
{
    return ngx_soporte_calendar_due(&table, at(from), seconds, pauses, n);
}


static int64_t
elapsed(const char *from, const char *until,
    ngx_soporte_calendar_period_t *pauses, ngx_uint_t n)
{
    return ngx_soporte_calendar_elapsed(&table, at(from), at(until), pauses,
                                        n);
}


static void
test_pauses(void **state)
{
    ngx_soporte_calendar_period_t  pauses[4];

    promise();

    assert_int_equal(due("2026-11-23T09:00", 3600, NULL, 0),
                     at("2026-11-23T10:00"));

    /* out of order, overlapping, at night, and one after the due time */

    pauses[0].from = at("2026-11-23T15:00");
    pauses[0].until = at("2026-11-24T09:30");
    pauses[1].from = at("2026-11-23T10:00");
    pauses[1].until = at("2026-11-23T12:00");
    pauses[2].from = at("2026-11-23T11:00");
    pauses[2].until = at("2026-11-23T11:30");
    pauses[3].from = at("2026-11-25T09:00");
    pauses[3].until = BEYOND;

    assert_int_equal(due("2026-11-23T09:00", 4 * 3600, pauses, 4),
                     at("2026-11-23T15:00"));
    assert_int_equal(due("2026-11-23T09:00", 4 * 3600 + 1, pauses, 4),
                     at("2026-11-24T09:30") + 1);
    assert_int_equal(elapsed("2026-11-23T09:00", "2026-11-23T15:00", pauses,
                             4), 4 * 3600);
    assert_int_equal(elapsed("2026-11-23T09:00", "2026-11-24T10:00", pauses,
                             4), 4 * 3600 + 1800);
    assert_int_equal(elapsed("2026-11-23T09:00", "2026-11-23T11:10", pauses,
                             4), 3600);
    assert_int_equal(elapsed("2026-11-23T11:40", "2026-11-23T12:01", pauses,
                             4), 60);
    assert_int_equal(elapsed("2026-11-23T10:10", "2026-11-23T10:20", pauses,
                             4), 0);
    assert_int_equal(elapsed("2026-11-23T12:00", "2026-11-23T11:00", pauses,
                             4), 0);

    /* up to the pause that has no end, and never beyond */

    assert_int_equal(due("2026-11-23T09:00", 12 * 3600 + 1800, pauses, 4),
                     at("2026-11-24T18:00"));
    assert_int_equal(due("2026-11-23T09:00", 12 * 3600 + 1801, pauses, 4),
                     BEYOND);
    assert_int_equal(due("2026-11-26T09:00", 1, pauses, 4), BEYOND);
    assert_int_equal(due("2026-11-26T09:00", 0, pauses, 4),
                     at("2026-11-26T09:00"));

    /* empty and inverted ones are none */

    pauses[0].from = at("2026-11-23T12:00");
    pauses[0].until = at("2026-11-23T11:00");
    pauses[1].from = at("2026-11-23T12:00");
    pauses[1].until = at("2026-11-23T12:00");

    assert_int_equal(due("2026-11-23T11:00", 7200, pauses, 2),
                     at("2026-11-23T13:00"));
    assert_int_equal(elapsed("2026-11-23T11:00", "2026-11-23T13:00", pauses,
                             2), 7200);

    /* a pause that begins beyond the table */

    pauses[0].from = table.hi + 10;
    pauses[0].until = table.hi + 20;

    assert_int_equal(due("2026-11-23T09:00", 3600, pauses, 1),
                     at("2026-11-23T10:00"));
    assert_int_equal(ngx_soporte_calendar_elapsed(&table, table.lo - 1,
                                                  table.hi, pauses, 1),
                     BEYOND);
}


static void
test_ics(void **state)
{
    ok(try_hours("mon-fri", "09:00-18:00"));
    ok(try_hours("thu", "22:00-30:00"));
    ok(try_timezone("America/Test"));
    ok(try_ics("BEGIN:VCALENDAR\n"
               "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20200313\nRRULE:FREQ=YEARLY;"
               "BYMONTH=3;BYDAY=2FR\nDURATION:P4D\nEND:VEVENT\n"
               "BEGIN:VEVENT\nDTSTART;TZID=America/Test:20201124T130000\n"
               "DTEND;TZID=America/Test:20201124T150000\nRRULE:FREQ=YEARLY;"
               "UNTIL=20261124T180000Z\nEND:VEVENT\n"
               "BEGIN:VEVENT\nDTSTART:20261125T100000Z\n"
               "DTEND:20261125T160000Z\nEND:VEVENT\n"
               "BEGIN:VEVENT\nDTSTART:20261126T100000\n"
               "DURATION:PT30M\nEND:VEVENT\nEND:VCALENDAR\n"));
    build(NEW_YORK, "2026-11-22T12:00");

    /* four days off from the second Friday of March on; Thursday's night
       keeps its tail */

    assert_open("2027-03-11T22:00", "2027-03-12T06:00");
    assert_int_equal(is_open("2027-03-12T12:00"), 0);
    assert_int_equal(is_open("2027-03-15T12:00"), 0);
    assert_open("2027-03-16T09:00", "2027-03-16T18:00");

    /* the last of 24 November is 18:00 UTC of 2026 */

    assert_open("2026-11-24T09:00", "2026-11-24T13:00");
    assert_open("2026-11-24T15:00", "2026-11-24T18:00");
    assert_open("2027-11-24T09:00", "2027-11-24T18:00");

    assert_open("2026-11-25T11:00", "2026-11-25T18:00");
    assert_open("2026-11-26T10:30", "2026-11-26T18:00");
}


/* hours of a DURATION are time, those of DTEND are the clock's */

static void
test_ics_over_change(void **state)
{
    ngx_uint_t   i;
    const char  *ends[] = { "DURATION:PT5H", "DTEND:20270314T050000",
                            "DURATION:P1DT5H" };
    const char  *until[] = { "2027-03-14T06:00", "2027-03-14T05:00",
                             "2027-03-15T05:00" };
    char         text[512];

    for (i = 0; i < 3; i++) {
        ngx_soporte_calendar_init(&cal, &tm.mem);
        ok(try_hours("mon-sun", "00:00-24:00"));
        snprintf(text, sizeof(text), "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"
                 "DTSTART:20270314T000000\n%s\nEND:VEVENT\nEND:VCALENDAR\n",
                 ends[i]);
        ok(try_ics(text));
        build(NEW_YORK, "2026-11-22T12:00");

        assert_int_equal(table.n, 2);
        assert_int_equal(table.intervals[0].until, at("2027-03-14T00:00"));
        assert_int_equal(table.intervals[1].from, at(until[i]));
    }
}


static void
test_ics_refused(void **state)
{
    assert_says(try_ics("BEGIN:VCALENDAR\nBEGIN:VEVENT\nRDATE:1\n"),
                "\"days.ics\" line 3: property \"RDATE\" is not supported");

    ok(try_timezone("America/Mexico_City"));
    ok(try_ics("BEGIN:VCALENDAR\nBEGIN:VEVENT\n"
               "DTSTART;TZID=America/Cancun:20261125T100000\nDURATION:PT1H\n"
               "END:VEVENT\nEND:VCALENDAR\n"));
    assert_says(ngx_soporte_calendar_done(&cal, &error),
                "\"days.ics\" line 3: TZID \"America/Cancun\" is not the "
                "calendar's timezone \"America/Mexico_City\"");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_known_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_add, setup, teardown),
        cmocka_unit_test_setup_teardown(test_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_horizon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_always, setup, teardown),
        cmocka_unit_test_setup_teardown(test_touching, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nights, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_days, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_and_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inverted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drift, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pauses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ics_over_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ics_refused, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
