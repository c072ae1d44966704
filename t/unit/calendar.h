
/*
 * Directives of a calendar by plain strings, for the tests of calendars.
 */

#ifndef _SOPORTE_UNIT_CALENDAR_H_INCLUDED_
#define _SOPORTE_UNIT_CALENDAR_H_INCLUDED_


#include "test.h"
#include "ngx_soporte_calendar.h"


static test_mem_t              tm;
static ngx_soporte_calendar_t  cal;
static ngx_str_t               error;


static inline int
setup(void **state)
{
    ngx_soporte_calendar_init(&cal, test_mem(&tm));

    return 0;
}


static inline int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static inline ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


static inline void
ok(ngx_int_t rc)
{
    if (rc != NGX_OK) {
        fail_msg("refused: %s", error.len ? (char *) error.data : "");
    }
}


static inline ngx_int_t
try_hours(const char *days, const char *range)
{
    ngx_str_t  one, two;

    one = str(days);
    two = str(range);

    return ngx_soporte_calendar_hours(&cal, &one, &two, &error);
}


/* ranges: one or two, the second may be NULL */

static inline ngx_int_t
try_date(const char *date, const char *one, const char *two)
{
    ngx_str_t  name, ranges[2];

    name = str(date);
    ranges[0] = str(one ? one : "");
    ranges[1] = str(two ? two : "");

    return ngx_soporte_calendar_date(&cal, &name, ranges,
                                     (one != NULL) + (two != NULL), &error);
}


static inline ngx_int_t
try_closed(const char *from, const char *until)
{
    ngx_str_t  one, two;

    one = str(from);
    two = str(until);

    return ngx_soporte_calendar_closed(&cal, &one, &two, &error);
}


static inline ngx_int_t
try_open(const char *from, const char *until)
{
    ngx_str_t  one, two;

    one = str(from);
    two = str(until);

    return ngx_soporte_calendar_open(&cal, &one, &two, &error);
}


static inline ngx_int_t
try_timezone(const char *name)
{
    ngx_str_t  s;

    s = str(name);

    return ngx_soporte_calendar_timezone(&cal, &s, &error);
}


static inline ngx_int_t
try_ics(const char *text)
{
    ngx_str_t  name, bytes;

    name = str("days.ics");
    bytes = str(text);

    return ngx_soporte_calendar_holidays_ics(&cal, &name, &bytes, &error);
}


static inline void
assert_says(ngx_int_t rc, const char *message)
{
    assert_int_equal(rc, NGX_ERROR);
    assert_string_equal((char *) error.data, message);
    assert_int_equal(error.len, strlen(message));
}


#endif /* _SOPORTE_UNIT_CALENDAR_H_INCLUDED_ */
