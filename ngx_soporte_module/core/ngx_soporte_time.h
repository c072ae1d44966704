
/*
 * Instants and the civil calendar: seconds since the epoch to year, month,
 * day and back, and RFC 3339 both ways.  Knows no clock and no time zone:
 * the offset from UTC comes in as seconds, east positive.
 *
 * The calendar is the proleptic Gregorian one; an instant is POSIX time, in
 * which a leap second does not exist.  All functions are pure and reentrant.
 */

#ifndef _NGX_SOPORTE_TIME_H_INCLUDED_
#define _NGX_SOPORTE_TIME_H_INCLUDED_


#include "ngx_soporte_core.h"


typedef struct {
    int64_t      year;
    ngx_uint_t   month;                      /* 1-12 */
    ngx_uint_t   day;                        /* 1-31 */
    ngx_uint_t   hour;                       /* 0-23 */
    ngx_uint_t   minute;
    ngx_uint_t   second;
    ngx_uint_t   weekday;                    /* 0 Sunday - 6 Saturday */
} ngx_soporte_civil_t;


/* the instants that RFC 3339 can write, years 0000 to 9999 */

#define NGX_SOPORTE_TIME_MIN  (-62167219200LL)
#define NGX_SOPORTE_TIME_MAX  253402300799LL

/* longest form, with an offset: "2026-11-22T14:03:07-06:00" */

#define NGX_SOPORTE_TIME_LEN                                                  \
    (sizeof("2026-11-22T14:03:07-06:00") - 1)


/*
 * Days since 1970-01-01 of a date.  month is 1-12; day may be any number, so
 * that "day 0" is the last of the month before and "day 32" counts on.
 */
int64_t ngx_soporte_time_days(int64_t year, ngx_uint_t month, int64_t day);

/* 28-31 */
ngx_uint_t ngx_soporte_time_month_days(int64_t year, ngx_uint_t month);

/* the date and time of day of "time" seconds since the epoch, read as UTC */
void ngx_soporte_time_civil(int64_t time, ngx_soporte_civil_t *civil);

/* seconds since the epoch of a date and time, read as UTC; weekday unused */
int64_t ngx_soporte_time_seconds(const ngx_soporte_civil_t *civil);


/*
 * RFC 3339: "2026-11-22T20:03:07Z", or with offset "2026-11-22T14:03:07-06:00".
 * Offset 0 is written Z; one with seconds (a local mean time) is cut to its
 * minutes and the clock's reading with it: the instant stays exact.  Instants
 * of other years than 0000-9999 are clamped.  Returns the end; at most
 * NGX_SOPORTE_TIME_LEN bytes are written.
 */
u_char *ngx_soporte_time_rfc3339(u_char *dst, int64_t time, int32_t offset);

/* the date alone, "2026-11-22": 10 bytes, clamped likewise */
u_char *ngx_soporte_time_date(u_char *dst, int64_t time, int32_t offset);

/*
 * Reads a whole RFC 3339 date-time.  The fraction of a second is checked and
 * cut off; :60 is taken only where a leap second may be (23:59:60 UTC on the
 * last day of a month) and means the second after it.  NGX_ERROR for all
 * else: no offset, a blank for the T, dates that do not exist.  offset may be
 * NULL.
 */
ngx_int_t ngx_soporte_time_parse(const u_char *p, size_t len, int64_t *time,
    int32_t *offset);


#endif /* _NGX_SOPORTE_TIME_H_INCLUDED_ */
