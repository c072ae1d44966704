
/*
 * Arithmetic of the civil calendar: dates (proleptic Gregorian) as numbers of
 * days, days of the week, the "third Monday of March".  No zone, no clock.
 *
 * A date's number is its distance in days from 1970-01-01.  Years are
 * 1 .. 9999.  All functions are pure and may be called from any thread.
 */

#ifndef _NGX_SOPORTE_CIVIL_H_INCLUDED_
#define _NGX_SOPORTE_CIVIL_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_CIVIL_NONE  (-0x7fffffff)     /* no such date */

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z */
#define NGX_SOPORTE_CIVIL_MIN   (-62135596800LL)
#define NGX_SOPORTE_CIVIL_MAX   253402300799LL


/* an instant as clocks and calendars of a place show it */

typedef struct {
    int32_t     year;
    int32_t     month;                /* 1 .. 12 */
    int32_t     day;                  /* 1 .. 31 */
    int32_t     weekday;              /* 0 .. 6, 0 is Sunday */
    int32_t     hour;
    int32_t     minute;
    int32_t     second;
    int32_t     offset;               /* seconds east of UTC */
    ngx_uint_t  dst;                  /* 1: daylight saving time */
} ngx_soporte_civil_t;


/* quotient rounded down, n > 0: (-1, 86400) is day -1 */
int64_t ngx_soporte_civil_floor(int64_t value, int64_t n);

/* 28 .. 31, or 0 for a month that does not exist */
int32_t ngx_soporte_civil_month_days(int32_t year, int32_t month);

/* NGX_SOPORTE_CIVIL_NONE for a date that does not exist: 2027-02-29 */
int32_t ngx_soporte_civil_days(int32_t year, int32_t month, int32_t day);

/* the reverse: sets year, month, day and weekday */
void ngx_soporte_civil_date(int32_t days, ngx_soporte_civil_t *civil);

/* 0 is Sunday */
int32_t ngx_soporte_civil_weekday(int32_t days);

/*
 * The n-th given weekday of a month, n = 1 .. 5, or from its end, -1 .. -5;
 * NGX_SOPORTE_CIVIL_NONE if the month has no such day.
 */
int32_t ngx_soporte_civil_nth(int32_t year, int32_t month, int32_t n,
    int32_t weekday);

/* all fields but dst from an instant and the offset in force at it */
void ngx_soporte_civil_from(int64_t t, int32_t offset,
    ngx_soporte_civil_t *civil);

/* value of exactly n decimal digits, n <= 9, or -1; "p" has n bytes */
int32_t ngx_soporte_civil_digits(const u_char *p, size_t n);


#endif /* _NGX_SOPORTE_CIVIL_H_INCLUDED_ */
