
/*
 * Prevents: a holiday of a feed that is lost in silence, on the wrong day, or
 * a day too long; a file that hangs or eats memory; an error that does not
 * say where.
 */

#include "test.h"
#include "ngx_soporte_ics.h"


#define DATES  1207                   /* as a calendar asks for */

#define HEAD   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
#define TAIL   "END:VCALENDAR\r\n"


static test_mem_t          tm;
static ngx_soporte_ics_t  *ics;
static ngx_str_t           error;

static char                found[65536];
static ngx_uint_t          nfound;


static int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static ngx_soporte_ics_t *
parse_len(const char *text, size_t len)
{
    ngx_str_t  bytes;

    bytes.len = len;
    bytes.data = malloc(len ? len : 1);
    memcpy(bytes.data, text, len);

    test_mem_free(&tm);
    ics = ngx_soporte_ics_read(test_mem(&tm), &bytes, DATES, &error);

    free(bytes.data);

    return ics;
}


/* the lines of one event, each with its own end */

static ngx_soporte_ics_t *
parse_event(const char *lines)
{
    char  text[65536];

    snprintf(text, sizeof(text), HEAD "BEGIN:VEVENT\r\n%s"
             "END:VEVENT\r\n" TAIL, lines);

    return parse_len(text, strlen(text));
}


/* "2026-12-25" or "2026-12-25T13:00:00", one after the other */

static void
collect(void *data, const ngx_soporte_ics_event_t *event, int64_t start)
{
    size_t               len;
    ngx_soporte_civil_t  civil;

    ngx_soporte_civil_from(start, 0, &civil);

    len = strlen(found);
    snprintf(found + len, sizeof(found) - len, "%s%04d-%02d-%02d",
             len ? " " : "", civil.year, civil.month, civil.day);

    if (event->form != NGX_SOPORTE_ICS_DATE) {
        len = strlen(found);
        snprintf(found + len, sizeof(found) - len, "T%02d:%02d:%02d",
                 civil.hour, civil.minute, civil.second);
    }

    nfound++;
}


/* sorts what was found: instances of several events come event by event */

static const char *
expand(int32_t from, int32_t until)
{
    found[0] = '\0';
    nfound = 0;

    ngx_soporte_ics_expand(ics, ngx_soporte_civil_days(from, 1, 1),
                           ngx_soporte_civil_days(until, 12, 31), collect,
                           NULL);

    return found;
}


static void
assert_event(const char *lines, int32_t from, int32_t until,
    const char *expected)
{
    if (parse_event(lines) == NULL) {
        fail_msg("%s: %s", lines, error.data);
    }

    assert_string_equal(expand(from, until), expected);
}


static void
assert_refused_text(const char *text, size_t len, const char *why)
{
    if (parse_len(text, len) != NULL) {
        fail_msg("not refused, for \"%s\": %s", why, text);
    }

    assert_true(error.len > 0 && error.data[error.len] == '\0');

    if (strncmp((char *) error.data, why, strlen(why)) != 0) {
        fail_msg("expected \"%s\" at the start of \"%s\"", why, error.data);
    }
}


/* "why" begins with the line, counted from BEGIN:VCALENDAR; events have 3 */

static void
assert_refused(const char *lines, const char *why)
{
    char  text[65536];

    snprintf(text, sizeof(text), HEAD "BEGIN:VEVENT\r\n%s"
             "END:VEVENT\r\n" TAIL, lines);

    assert_refused_text(text, strlen(text), why);
}


static void
test_single(void **state)
{
    assert_event("DTSTART;VALUE=DATE:20261225\r\n", 2026, 2026, "2026-12-25");
    assert_int_equal(ics->nevents, 1);
    assert_int_equal(ics->events[0].wall, 86400);
    assert_int_equal(ics->events[0].exact, 0);
    assert_int_equal(ics->events[0].line, 3);
    assert_int_equal(ics->ntimed, 0);

    assert_event("DTSTART;VALUE=DATE:20261225\r\n", 2028, 2029, "");

    assert_event("DTSTART;VALUE=DATE:20261229\r\n"
                 "DTEND;VALUE=DATE:20270102\r\n", 2026, 2026, "2026-12-29");
    assert_int_equal(ics->events[0].wall, 4 * 86400);

    assert_event("DURATION:P2D\r\nDTSTART;VALUE=DATE:20261229\r\n", 2026,
                 2026, "2026-12-29");
    assert_int_equal(ics->events[0].wall, 2 * 86400);

    /* what began before the first date may last into it */

    assert_event("DTSTART;VALUE=DATE:20261229\r\n"
                 "DTEND;VALUE=DATE:20270102\r\n", 2027, 2027, "2026-12-29");
}


static void
test_timed(void **state)
{
    assert_event("DTSTART:20261230T130000\r\nDTEND:20261230T150030\r\n", 2026,
                 2026, "2026-12-30T13:00:00");
    assert_int_equal(ics->events[0].form, NGX_SOPORTE_ICS_LOCAL);
    assert_int_equal(ics->events[0].wall, 7230);
    assert_int_equal(ics->ntimed, 1);

    assert_event("DTSTART;VALUE=DATE-TIME:20261230T130000Z\r\n"
                 "DURATION:P1DT2H3M4S\r\n", 2026, 2026,
                 "2026-12-30T13:00:00");
    assert_int_equal(ics->events[0].form, NGX_SOPORTE_ICS_UTC);
    assert_int_equal(ics->events[0].wall, 86400);
    assert_int_equal(ics->events[0].exact, 7384);

    assert_event("DTSTART;TZID=America/Mexico_City:20261230T130000\r\n"
                 "DTEND;tzid=\"America/Mexico_City\":20261230T150000\r\n",
                 2026, 2026, "2026-12-30T13:00:00");
    assert_int_equal(ics->events[0].form, NGX_SOPORTE_ICS_ZONED);
    assert_int_equal(ics->tzid.len, 19);
    assert_memory_equal(ics->tzid.data, "America/Mexico_City", 19);
    assert_int_equal(ics->tzid_line, 4);
}


static void
test_durations(void **state)
{
    char                lines[256];
    ngx_uint_t          i;
    static const struct {
        const char     *text;
        int32_t         wall, exact;
    } good[] = {
        { "P1W", 604800, 0 }, { "P10D", 864000, 0 }, { "PT30M", 0, 1800 },
        { "+PT1H", 0, 3600 }, { "P1DT1S", 86400, 1 },
        { "PT1H30M5S", 0, 5405 }, { "P366D", 31622400, 0 }
    };
    static const char  *bad[] = {
        "", "P", "PT", "P1", "1D", "P1H", "PT1D", "P1DT", "-P1D", "P-1D",
        "P1W1D", "PT1S1M", "PT1H1H", "P1D1D", "PTT1H", "P1DTT1H", "PDT1H",
        "P1.5D", "P1d", "PT1H ", "P123456789D"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(lines, sizeof(lines),
                 "DTSTART:20261230T130000\r\nDURATION:%s\r\n", good[i].text);
        assert_event(lines, 2026, 2026, "2026-12-30T13:00:00");
        assert_int_equal(ics->events[0].wall, good[i].wall);
        assert_int_equal(ics->events[0].exact, good[i].exact);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(lines, sizeof(lines),
                 "DTSTART:20261230T130000\r\nDURATION:%s\r\n", bad[i]);
        assert_refused(lines, "line 5: DURATION is not of the form");
    }

    assert_refused("DTSTART:20261230T130000\r\nDURATION:P367D\r\n",
                   "line 5: DURATION is longer");
    assert_refused("DTSTART:20261230T130000\r\nDURATION:P366DT1S\r\n",
                   "line 5: DURATION is longer");
    assert_refused("DTSTART:20261230T130000\r\nDURATION:P99999999W\r\n",
                   "line 5: DURATION is longer");
    assert_refused("DTSTART:20261230T130000\r\nDURATION:PT0S\r\n",
                   "line 5: DURATION is zero");
    assert_refused("DTSTART;VALUE=DATE:20261230\r\nDURATION:PT24H\r\n",
                   "line 5: DURATION of an all-day event");
}


static void
test_rules(void **state)
{
    ngx_uint_t   i;
    char         lines[256];
    static const struct {
        const char  *start, *rule;
        int32_t      from, until;
        const char  *dates;
    } rules[] = {
        { "20060101", "FREQ=YEARLY", 2026, 2027, "2026-01-01 2027-01-01" },
        { "20060206", "FREQ=YEARLY;BYMONTH=2;BYDAY=1MO", 2025, 2026,
          "2025-02-03 2026-02-02" },
        { "20060320", "BYMONTH=3;FREQ=YEARLY;BYDAY=3MO", 2026, 2028,
          "2026-03-16 2027-03-15 2028-03-20" },

        /* anchored at DTSTART, not at what is asked */
        { "20241001", "FREQ=YEARLY;INTERVAL=6", 2025, 2040,
          "2030-10-01 2036-10-01" },
        { "20241001", "FREQ=YEARLY;INTERVAL=6", 2027, 2036,
          "2030-10-01 2036-10-01" },
        { "20241001", "FREQ=YEARLY;INTERVAL=6", 2010, 2024, "2024-10-01" },

        { "20200229", "FREQ=YEARLY", 2019, 2033,
          "2020-02-29 2024-02-29 2028-02-29 2032-02-29" },
        { "20260131", "FREQ=YEARLY;BYMONTHDAY=-1;BYMONTH=1,2", 2026, 2028,
          "2026-01-31 2026-02-28 2027-01-31 2027-02-28 2028-01-31 "
          "2028-02-29" },
        { "20260330", "FREQ=YEARLY;BYDAY=-1MO;BYMONTH=3", 2026, 2027,
          "2026-03-30 2027-03-29" },
        { "20260115", "FREQ=YEARLY;BYMONTH=1,7", 2026, 2026,
          "2026-01-15 2026-07-15" },
        { "20260131", "FREQ=YEARLY;BYMONTHDAY=31", 2026, 2026,
          "2026-01-31 2026-03-31 2026-05-31 2026-07-31 2026-08-31 "
          "2026-10-31 2026-12-31" },

        /* the Tuesday after the first Monday */
        { "20241105", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;"
          "BYMONTHDAY=2,3,4,5,6,7,8", 2024, 2032,
          "2024-11-05 2028-11-07 2032-11-02" },

        /* numbered within the year */
        { "20260105", "FREQ=YEARLY;BYDAY=1MO,-1FR", 2026, 2026,
          "2026-01-05 2026-12-25" },
        { "20300708", "FREQ=YEARLY;BYDAY=+27MO", 2030, 2030, "2030-07-08" },
        { "20241230", "FREQ=YEARLY;BYDAY=53MO", 2024, 2031,
          "2024-12-30 2029-12-31" },
        { "20260201", "FREQ=YEARLY;BYMONTH=2;BYDAY=SU", 2026, 2026,
          "2026-02-01 2026-02-08 2026-02-15 2026-02-22" },
        { "20260301", "FREQ=YEARLY;BYMONTH=3;BYDAY=5SU,SA", 2026, 2026,
          NULL },

        { "20260101", "FREQ=YEARLY;COUNT=2", 2020, 2040,
          "2026-01-01 2027-01-01" },
        { "20260501", "FREQ=YEARLY;BYMONTH=1,5;COUNT=3", 2020, 2040,
          "2026-05-01 2027-01-01 2027-05-01" },
        { "20260101", "FREQ=YEARLY;COUNT=1", 2020, 2040, "2026-01-01" },
        { "20260101", "FREQ=YEARLY;UNTIL=20280101", 2020, 2040,
          "2026-01-01 2027-01-01 2028-01-01" },
        { "20260101", "FREQ=YEARLY;UNTIL=20271231", 2020, 2040,
          "2026-01-01 2027-01-01" },
        { "20260101", "FREQ=YEARLY;UNTIL=20250101", 2020, 2040, "" },
        { "20260601", "FREQ=YEARLY;BYMONTH=6", 9998, 9999,
          "9998-06-01 9999-06-01" }
    };

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        snprintf(lines, sizeof(lines),
                 "RRULE:%s\r\nDTSTART;VALUE=DATE:%s\r\n", rules[i].rule,
                 rules[i].start);

        if (rules[i].dates == NULL) {
            assert_refused(lines, "line 4: RRULE does not fall on DTSTART");
            continue;
        }

        assert_event(lines, rules[i].from, rules[i].until, rules[i].dates);
    }
}


static void
test_rules_refused(void **state)
{
    char                lines[256];
    ngx_uint_t          i;
    static const char  *rules[] = {
        "", "FREQ=MONTHLY", "FREQ=WEEKLY;BYDAY=MO", "FREQ=SECONDLY",
        "BYMONTH=1", "FREQ=YEARLY;", ";FREQ=YEARLY", "FREQ=YEARLY;X=1",
        "FREQ=YEARLY;FREQ=YEARLY", "FREQ=YEARLY;INTERVAL=0",
        "FREQ=YEARLY;INTERVAL=-1", "FREQ=YEARLY;INTERVAL=10000",
        "FREQ=YEARLY;INTERVAL=1x", "FREQ=YEARLY;INTERVAL=",
        "FREQ=YEARLY;COUNT=0", "FREQ=YEARLY;COUNT=99999999999",
        "FREQ=YEARLY;COUNT=2;UNTIL=20300101", "FREQ=YEARLY;COUNT=2;COUNT=3",
        "FREQ=YEARLY;UNTIL=", "FREQ=YEARLY;UNTIL=20300101;UNTIL=20310101",
        "FREQ=YEARLY;BYMONTH=0", "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTH=1,", "FREQ=YEARLY;BYMONTH=1;BYMONTH=2",
        "FREQ=YEARLY;BYMONTH=1x", "FREQ=YEARLY;BYMONTHDAY=0",
        "FREQ=YEARLY;BYMONTHDAY=32", "FREQ=YEARLY;BYMONTHDAY=-32",
        "FREQ=YEARLY;BYMONTHDAY=--1", "FREQ=YEARLY;BYMONTHDAY=1x",
        "FREQ=YEARLY;BYDAY=LU", "FREQ=YEARLY;BYDAY=0MO",
        "FREQ=YEARLY;BYDAY=54MO", "FREQ=YEARLY;BYDAY=-54MO",
        "FREQ=YEARLY;BYDAY=M", "FREQ=YEARLY;BYDAY=1", "FREQ=YEARLY;BYDAY=MO,",
        "FREQ=YEARLY;BYDAY=mo", "FREQ=YEARLY;BYDAY=MOTU",
        "FREQ=YEARLY;BYMONTH=1;BYDAY=6MO", "FREQ=YEARLY;BYDAY=1MO;"
        "BYMONTHDAY=1", "FREQ=YEARLY;BYWEEKNO=20", "FREQ=YEARLY;BYYEARDAY=1",
        "FREQ=YEARLY;BYSETPOS=1", "FREQ=YEARLY;BYHOUR=1", "FREQ=YEARLY;"
        "WKST=MO", "FREQ = YEARLY", "freq=yearly",
        "FREQ=YEARLY;BYDAY=1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,"
        "1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,1MO,"
        "1MO,1MO,1MO,1MO"
    };

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        snprintf(lines, sizeof(lines),
                 "DTSTART;VALUE=DATE:20260105\r\nRRULE:%s\r\n", rules[i]);
        assert_refused(lines, "line 5: RRULE has ");
    }

    assert_refused("DTSTART;VALUE=DATE:20260101\r\n"
                   "RRULE:FREQ=YEARLY;UNTIL=20261301\r\n",
                   "line 5: \"20261301\" does not exist");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\n"
                   "RRULE:FREQ=YEARLY;UNTIL=20280101T000000Z\r\n",
                   "line 5: UNTIL is not of DTSTART's form");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\n"
                   "RRULE:FREQ=YEARLY\r\n", "line 6: \"RRULE\" is duplicate");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\nRRULE;X=1:FREQ=YEARLY\r\n",
                   "line 5: parameter \";X=1\" is not supported");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\n"
                   "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n",
                   "line 5: RRULE does not fall on DTSTART");
    assert_refused("DTSTART;VALUE=DATE:20240229\r\n"
                   "RRULE:FREQ=YEARLY;COUNT=9999\r\n",
                   "line 5: RRULE goes too far");
}


static void
test_until_of_times(void **state)
{
    assert_event("DTSTART:20260101T100000\r\nDTEND:20260101T110000\r\n"
                 "RRULE:FREQ=YEARLY;UNTIL=20280101T095959\r\n", 2020, 2040,
                 "2026-01-01T10:00:00 2027-01-01T10:00:00");
    assert_event("DTSTART:20260101T100000\r\nDTEND:20260101T110000\r\n"
                 "RRULE:FREQ=YEARLY;UNTIL=20280101T100000\r\n", 2020, 2040,
                 "2026-01-01T10:00:00 2027-01-01T10:00:00 "
                 "2028-01-01T10:00:00");
    assert_event("DTSTART:20260101T100000Z\r\nDTEND:20260101T110000Z\r\n"
                 "RRULE:FREQ=YEARLY;UNTIL=20270101T100000Z\r\n", 2020, 2040,
                 "2026-01-01T10:00:00 2027-01-01T10:00:00");

    /* with a zone it is in UTC, and for those who know the zone to judge */

    assert_event("DTSTART;TZID=America/Cancun:20260201T100000\r\n"
                 "DURATION:PT1H\r\n"
                 "RRULE:FREQ=YEARLY;UNTIL=20270101T150000Z\r\n", 2026, 2027,
                 "2026-02-01T10:00:00 2027-02-01T10:00:00");
    assert_int_equal(ics->events[0].until, NGX_SOPORTE_ICS_FOREVER);
    assert_int_equal(ics->events[0].until_utc,
                     (int64_t) ngx_soporte_civil_days(2027, 1, 1) * 86400
                     + 15 * 3600);

    assert_refused("DTSTART:20260101T100000\r\nDTEND:20260101T110000\r\n"
                   "RRULE:FREQ=YEARLY;UNTIL=20280101T095959Z\r\n",
                   "line 6: UNTIL is not of DTSTART's form");
    assert_refused("DTSTART;TZID=A:20260101T100000\r\nDURATION:PT1H\r\n"
                   "RRULE:FREQ=YEARLY;UNTIL=20280101T095959\r\n",
                   "line 6: UNTIL is not of DTSTART's form");
}


static void
test_excluded(void **state)
{
    assert_event("EXDATE;VALUE=DATE:20280101,20260101\r\n"
                 "EXDATE;VALUE=DATE:20290101\r\n"
                 "DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\n", 2026,
                 2030, "2027-01-01 2030-01-01");

    /* COUNT counts what is excluded, RFC 5545 3.8.5.3 */

    assert_event("DTSTART;VALUE=DATE:20260101\r\n"
                 "RRULE:FREQ=YEARLY;COUNT=3\r\n"
                 "EXDATE;VALUE=DATE:20270101\r\n", 2026, 2040,
                 "2026-01-01 2028-01-01");

    assert_event("DTSTART:20260101T100000\r\nDURATION:PT1H\r\n"
                 "RRULE:FREQ=YEARLY;COUNT=2\r\n"
                 "EXDATE:20260101T100000,20270101T110000\r\n", 2026, 2040,
                 "2027-01-01T10:00:00");

    assert_refused("DTSTART;VALUE=DATE:20260101\r\n"
                   "EXDATE;VALUE=DATE:20260101\r\n",
                   "line 5: EXDATE without RRULE");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\n"
                   "EXDATE:20260101T000000\r\n",
                   "line 6: EXDATE is not of DTSTART's form");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\n"
                   "EXDATE;VALUE=DATE:20260101\r\nEXDATE:20260101T000000\r\n",
                   "line 7: EXDATE is not of one form");
    assert_refused("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\n"
                   "EXDATE;VALUE=DATE:20260101,\r\n",
                   "line 6: \"\" does not exist");
}


static void
test_status(void **state)
{
    assert_event("STATUS:CONFIRMED\r\nDTSTART;VALUE=DATE:20260101\r\n", 2026,
                 2026, "2026-01-01");
    assert_event("STATUS:CANCELL" "ED\r\nDTSTART;VALUE=DATE:20260101\r\n",
                 2026, 2026, "");
    assert_int_equal(ics->nevents, 0);

    assert_refused("STATUS:TENTATIVE\r\nDTSTART;VALUE=DATE:20260101\r\n",
                   "line 4: STATUS \"TENTATIVE\"");

    /* and it is read like any other */

    assert_refused("STATUS:CANCELL" "ED\r\nDTSTART;VALUE=DATE:20261301\r\n",
                   "line 5: \"20261301\" does not exist");
}


static void
test_times_refused(void **state)
{
    ngx_uint_t   i;
    static const struct {
        const char  *lines, *why;
    } wrong[] = {
        { "SUMMARY:x\r\n", "line 3: the event has no DTSTART" },
        { "DTSTART;VALUE=DATE:20261345\r\n",
          "line 4: \"20261345\" does not exist" },
        { "DTSTART;VALUE=DATE:20260001\r\n", "line 4: \"20260001\"" },
        { "DTSTART;VALUE=DATE:20270229\r\n", "line 4: \"20270229\"" },
        { "DTSTART;VALUE=DATE:00000101\r\n", "line 4: \"00000101\"" },
        { "DTSTART;VALUE=DATE:2026-1-1\r\n", "line 4: \"2026-1-1\"" },
        { "DTSTART;VALUE=DATE:202601011\r\n", "line 4: \"202601011\"" },
        { "DTSTART;VALUE=DATE:\r\n", "line 4: \"\"" },
        { "DTSTART:20260101\r\n", "line 4: \"20260101\" is not of the form" },
        { "DTSTART;VALUE=DATE:20260101T000000\r\n",
          "line 4: \"20260101T000000\" does not exist" },
        { "DTSTART:20260101T240000\r\n", "line 4: \"20260101T240000\"" },
        { "DTSTART:20260101T006000\r\n", "line 4: \"20260101T006000\"" },
        { "DTSTART:20260101T000060\r\n", "line 4: \"20260101T000060\"" },
        { "DTSTART:20260101T000000z\r\n", "line 4: \"20260101T000000z\"" },
        { "DTSTART:20260101 000000\r\n", "line 4: \"20260101 000000\"" },
        { "DTSTART;VALUE=TEXT:20260101\r\n",
          "line 4: parameter \"VALUE=TEXT\"" },
        { "DTSTART;X-A=1;VALUE=DATE:20260101\r\n",
          "line 4: parameter \"X-A=1\"" },
        { "DTSTART;:20260101T000000\r\n", "line 4: parameter \"\"" },
        { "DTSTART;TZID=:20260101T000000\r\n", "line 4: parameter \"TZID=\"" },
        { "DTSTART;TZID=A;TZID=A:20260101T000000\r\n",
          "line 4: parameter \"TZID=A\"" },
        { "DTSTART;TZID=A:20260101T000000Z\r\n", "line 4: TZID with" },
        { "DTSTART;VALUE=DATE;TZID=A:20260101\r\n", "line 4: TZID with" },
        { "DTSTART;TZID=A:20260101T000000\r\n"
          "DTEND;TZID=B:20260101T010000\r\n",
          "line 5: TZID \"B\" is not that of line 4" },
        { "DTSTART;VALUE=DATE:20260101\r\nDTSTART;VALUE=DATE:20260101\r\n",
          "line 5: \"DTSTART\" is duplicate" },
        { "DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20260101\r\n",
          "line 5: DTEND is not after DTSTART" },
        { "DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20270103\r\n",
          "line 5: DTEND is more than 366 days" },
        { "DTEND:20260102T000000\r\nDTSTART;VALUE=DATE:20260101\r\n",
          "line 4: DTEND is not of DTSTART's form" },
        { "DTSTART:20260101T000000\r\nDTEND:20260102T000000Z\r\n",
          "line 5: DTEND is not of DTSTART's form" },
        { "DTSTART:20260101T000000\r\n",
          "line 3: the event has neither DTEND nor DURATION" },
        { "DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20260102\r\n"
          "DURATION:P1D\r\n", "line 3: the event has both" }
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_refused(wrong[i].lines, wrong[i].why);
    }
}


static void
test_lines(void **state)
{
    char  text[32768];

    /* folded anywhere, in a name and in a value; bare line feeds */

    assert_event("DTST\r\n ART;VALUE=D\r\n\tATE:2026\r\n 1225\r\n", 2026,
                 2026, "2026-12-25");
    assert_event("dtstart;value=date:20261225\n", 2026, 2026, "2026-12-25");

    /* the line of what is folded is its first */

    assert_refused("SUMMARY:a\r\n b\r\n c\r\nDTST\r\n ART:2026\r\n 1\r\n",
                   "line 7: \"20261\" is not of the form");

    /* what only describes may be long, what counts may not */

    memcpy(text, "SUMMARY:", 8);
    memset(text + 8, 'x', 20000);
    strcpy(text + 20008, "\r\nDTSTART;VALUE=DATE:20261225\r\n");
    assert_event(text, 2026, 2026, "2026-12-25");

    memcpy(text, "DTSTART:", 8);
    memset(text + 8, '0', 20000);
    assert_refused(text, "line 4: \"DTSTART\" is too long");

    assert_refused("SUMMARY\r\n", "line 4: expected NAME:VALUE");
    assert_refused("SUM MARY:x\r\n", "line 4: expected NAME:VALUE");
    assert_refused(":x\r\n", "line 4: expected NAME:VALUE");
    assert_refused("\r\n", "line 4: expected NAME:VALUE");
    assert_refused("DTSTART;VALUE=DATE\r\n", "line 4: \"DTSTART\" has no");
    assert_refused("DTSTART;X=\":20260101\r\n", "line 4: \"DTSTART\" has no");
    assert_refused("SUMMARY:a\001b\r\n", "line 4: control character 1");
    assert_refused("SUMMARY:a\rb\r\n", "line 4: control character 13");
    assert_refused("SUMMARY:a\177b\r\n", "line 4: control character 127");
    assert_refused("SUMMARY:a\r\n  b\r\n \033\r\n",
                   "line 6: control character 27");

    memcpy(text, HEAD "\0", sizeof(HEAD));
    assert_refused_text(text, sizeof(HEAD), "line 3: control character 0");
}


static void
test_structure(void **state)
{
    char                lines[128], why[128];
    ngx_uint_t          i;
    static const struct {
        const char     *text, *why;
    } wrong[] = {
        { "", "line 1: the file ends before END:VCALENDAR" },
        { HEAD, "line 3: the file ends before END:VCALENDAR" },
        { HEAD "BEGIN:VEVENT\n", "line 4: the file ends before" },
        { "VERSION:2.0\n", "line 1: expected one VCALENDAR" },
        { "BEGIN:VEVENT\n", "line 1: component \"VEVENT\"" },
        { "END:VCALENDAR\n", "line 1: END:VCALENDAR does not match" },
        { "\xef\xbb\xbf" HEAD TAIL, "line 1: expected NAME:VALUE" },
        { HEAD TAIL HEAD TAIL, "line 4: component \"VCALENDAR\"" },
        { HEAD TAIL "X-A:1\n", "line 4: expected one VCALENDAR" },
        { HEAD "BEGIN:VTIMEZONE\n", "line 3: component \"VTIMEZONE\"" },
        { HEAD "BEGIN:VTODO\n", "line 3: component \"VTODO\"" },
        { HEAD "BEGIN:VEVENT\nBEGIN:VALARM\n", "line 4: component \"VALARM\"" },
        { HEAD "END:VEVENT\n", "line 3: END:VEVENT does not match" },
        { HEAD "BEGIN:VEVENT\nEND:VCALENDAR\n",
          "line 4: END:VCALENDAR does not match" },
        { HEAD "DTSTART;VALUE=DATE:20260101\n",
          "line 3: property \"DTSTART\" is not supported" },
        { "BEGIN:VCALENDAR\nVERSION:1.0\n", "line 2: VERSION is not 2.0" },
        { HEAD "CALSCALE:JULIAN\n", "line 3: CALSCALE is not GREGORIAN" }
    };
    static const char  *properties[] = {
        "RDATE;VALUE=DATE:20260101", "EXRULE:FREQ=YEARLY",
        "RECURRENCE-ID:20260101T000000", "RELATED-TO:1", "ATTENDEE:x",
        "SUMMARI:x", "X:1"
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_refused_text(wrong[i].text, strlen(wrong[i].text),
                            wrong[i].why);
    }

    for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        snprintf(lines, sizeof(lines), "%s\r\n", properties[i]);
        snprintf(why, sizeof(why), "line 4: property \"%.*s\" is not",
                 (int) strcspn(properties[i], ":;"), properties[i]);
        assert_refused(lines, why);
    }
}


static void
test_accepted(void **state)
{
    const char  *text;

    text = "begin:vcalendar\n"
           "PRODID:-//x//y//ES\nVERSION:2.0\nCALSCALE:GREGORIAN\n"
           "METHOD:PUBLISH\nX-WR-CALNAME:D\xc3\xad\x61s\n"
           "X-WR-TIMEZONE;X=\"a:b\":UTC\nNAME:x\nREFRESH-INTERVAL;"
           "VALUE=DURATION:P1W\n"
           "BEGIN:VEVENT\nUID:1@x\nDTSTAMP:20260101T000000Z\nCLASS:PUBLIC\n"
           "CREATED:20260101T000000Z\nDESCRIPTION:a\\nb\nSEQUENCE:0\n"
           "LAST-MODIFIED:20260101T000000Z\nSUMMARY;LANGUAGE=es:Navidad\n"
           "TRANSP:TRANSPARENT\nCATEGORIES:HOLIDAYS\nX-A-B:1\n"
           "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\n"
           "END:VEVENT\n"
           "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260501\nEND:VEVENT\n"
           "END:VCALENDAR\n\n\n";

    assert_non_null(parse_len(text, strlen(text)));
    assert_string_equal(expand(2026, 2026), "2026-12-25 2026-05-01");

    /* without the last line's end, and without any event */

    assert_non_null(parse_len("BEGIN:VCALENDAR\nEND:VCALENDAR", 29));
    assert_int_equal(ics->nevents, 0);
}


static void
test_limits(void **state)
{
    char        *text, *p;
    ngx_uint_t   i;

    /* 5,000 events, then one more */

    text = malloc(2 * NGX_SOPORTE_ICS_MAX);
    p = text + sprintf(text, HEAD);

    for (i = 0; i < NGX_SOPORTE_ICS_EVENTS; i++) {
        p += sprintf(p, "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\n"
                     "RRULE:FREQ=YEARLY\nEND:VEVENT\n");
    }

    memcpy(p, TAIL, sizeof(TAIL));
    assert_non_null(parse_len(text, p - text + sizeof(TAIL) - 1));
    assert_int_equal(ics->nevents, NGX_SOPORTE_ICS_EVENTS);

    strcpy(p, "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\nEND:VEVENT\n" TAIL);
    assert_refused_text(text, strlen(text), "line 20003: more than 5000");

    /* every day of the year, often */

    p = text + sprintf(text, HEAD);

    for (i = 0; i < 30; i++) {
        p += sprintf(p, "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\n"
                     "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU\n"
                     "END:VEVENT\n");
    }

    strcpy(p, TAIL);
    assert_refused_text(text, strlen(text), "line 91: the events so far may "
                        "have more than 50000 days");

    /* a year-long day off, yearly */

    p = text + sprintf(text, HEAD);

    for (i = 0; i < 30; i++) {
        p += sprintf(p, "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\n"
                     "DURATION:P366D\nRRULE:FREQ=YEARLY\nEND:VEVENT\n");
    }

    strcpy(p, TAIL);
    assert_refused_text(text, strlen(text), "line 113: the events so far");

    /* the years that COUNT may go through, over all events */

    p = text + sprintf(text, HEAD);

    for (i = 0; i < 30; i++) {
        p += sprintf(p, "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\n"
                     "RRULE:FREQ=YEARLY;COUNT=900\nEND:VEVENT\n");
    }

    strcpy(p, TAIL);
    assert_refused_text(text, strlen(text), "line 93: RRULE goes too far");

    memset(text, 'x', NGX_SOPORTE_ICS_MAX + 1);
    assert_refused_text(text, NGX_SOPORTE_ICS_MAX + 1,
                        "line 1: the file has more than 1048576 bytes");

    free(text);
}


/* whatever the rule: no more timed instances than were announced */

static void
test_bound(void **state)
{
    char                lines[512], rule[256];
    int32_t             day, length;
    uint32_t            seed, i, bounded;
    static const char  *days[] = { "", ";BYDAY=MO", ";BYDAY=1MO,SU",
                                   ";BYDAY=-1FR,5TH,MO,TU", ";BYDAY=53MO" };
    static const char  *months[] = { "", ";BYMONTH=2", ";BYMONTH=1,2,12" };
    static const char  *monthdays[] = { "", ";BYMONTHDAY=29",
                                        ";BYMONTHDAY=1,-1,31,-31" };

    seed = 7;
    bounded = 0;

    for (i = 0; i < 40000; i++) {
        seed = seed * 1103515245 + 12345;

        snprintf(rule, sizeof(rule), "FREQ=YEARLY;INTERVAL=%u%s%s%s",
                 (seed >> 8) % 3 + 1, days[(seed >> 12) % 5],
                 months[(seed >> 16) % 3], monthdays[(seed >> 20) % 3]);

        snprintf(lines, sizeof(lines),
                 "DTSTART:20%02u%02u%02uT230000\r\nDURATION:P%uD\r\n"
                 "RRULE:%s\r\n", (seed >> 24) % 30 + 1, i % 12 + 1,
                 i / 12 % 28 + 1, i % 7 ? 1 : 366, rule);

        if (parse_event(lines) == NULL) {
            continue;
        }

        length = DATES - 1;
        day = ngx_soporte_civil_days(2024 + (int32_t) (seed >> 9) % 20, 1, 1)
              + (int32_t) (i % 366);

        found[0] = '\0';
        nfound = 0;
        ngx_soporte_ics_expand(ics, day, day + length, collect, NULL);

        if (nfound > ics->ntimed) {
            fail_msg("%s: %u of %u", rule, (unsigned) nfound,
                     (unsigned) ics->ntimed);
        }

        bounded++;
    }

    assert_true(bounded > 500);
}


static void
test_memory(void **state)
{
    size_t       left;
    ngx_str_t    bytes;
    const char  *text;

    text = HEAD "BEGIN:VEVENT\nDTSTART;TZID=UTC:20260105T000000\n"
           "DURATION:P1D\nRRULE:FREQ=YEARLY\n"
           "EXDATE;TZID=UTC:20270105T000000\nEND:VEVENT\n" TAIL;

    bytes.data = (u_char *) text;
    bytes.len = strlen(text);

    for (left = 1; left < 5; left++) {
        test_mem_free(&tm);
        (void) test_mem(&tm);
        tm.left = left;
        assert_null(ngx_soporte_ics_read(&tm.mem, &bytes, DATES, &error));
        assert_int_equal(error.len, 0);
        assert_int_equal(tm.mem.failed, 1);
    }

    test_mem_free(&tm);
    (void) test_mem(&tm);
    tm.left = 5;
    assert_non_null(ngx_soporte_ics_read(&tm.mem, &bytes, DATES, &error));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_single, teardown),
        cmocka_unit_test_teardown(test_timed, teardown),
        cmocka_unit_test_teardown(test_durations, teardown),
        cmocka_unit_test_teardown(test_rules, teardown),
        cmocka_unit_test_teardown(test_rules_refused, teardown),
        cmocka_unit_test_teardown(test_until_of_times, teardown),
        cmocka_unit_test_teardown(test_excluded, teardown),
        cmocka_unit_test_teardown(test_status, teardown),
        cmocka_unit_test_teardown(test_times_refused, teardown),
        cmocka_unit_test_teardown(test_lines, teardown),
        cmocka_unit_test_teardown(test_structure, teardown),
        cmocka_unit_test_teardown(test_accepted, teardown),
        cmocka_unit_test_teardown(test_limits, teardown),
        cmocka_unit_test_teardown(test_bound, teardown),
        cmocka_unit_test_teardown(test_memory, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
