
/*
 * The civil calendar in integer arithmetic and RFC 3339 both ways, without a
 * clock, a time zone or libc's struct tm.
 *
 * The year is counted from March: February with its leap day is then the last
 * month, and both directions are closed formulas over eras of 400 years
 * (146,097 days), right for any year that fits.
 */

#include "ngx_soporte_time.h"


#define NGX_SOPORTE_TIME_DAY       86400
#define NGX_SOPORTE_TIME_ERA       146097   /* days of 400 years */
#define NGX_SOPORTE_TIME_EPOCH     719468   /* days 0000-03-01 to 1970-01-01 */


static int64_t ngx_soporte_time_floor(int64_t n, int64_t by);
static u_char *ngx_soporte_time_digits(u_char *dst, int64_t n,
    ngx_uint_t width);
static int64_t ngx_soporte_time_local(int64_t time, int32_t offset);
static ngx_int_t ngx_soporte_time_number(const u_char *p, ngx_uint_t width);
static ngx_int_t ngx_soporte_time_parse_clock(const u_char *p,
    ngx_soporte_civil_t *civil);
static ngx_int_t ngx_soporte_time_parse_offset(const u_char *p,
    const u_char *end, int32_t *offset);


/* division that rounds down, unlike C's */

static int64_t
ngx_soporte_time_floor(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}


int64_t
ngx_soporte_time_days(int64_t year, ngx_uint_t month, int64_t day)
{
    int64_t  era, yoe, doy;

    if (month <= 2) {
        year--;
        month += 12;
    }

    era = ngx_soporte_time_floor(year, 400);
    yoe = year - era * 400;

    /* 153 days are five months from March on: 31 30 31 30 31 */
    doy = (153 * ((int64_t) month - 3) + 2) / 5;

    return era * NGX_SOPORTE_TIME_ERA
           + yoe * 365 + yoe / 4 - yoe / 100
           + doy + day - 1
           - NGX_SOPORTE_TIME_EPOCH;
}


ngx_uint_t
ngx_soporte_time_month_days(int64_t year, ngx_uint_t month)
{
    if (month == 2) {
        return 28 + (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    }

    return 30 + ((month + (month >> 3)) & 1);
}


void
ngx_soporte_time_civil(int64_t time, ngx_soporte_civil_t *civil)
{
    int64_t  days, second, era, doe, yoe, doy, month;

    days = ngx_soporte_time_floor(time, NGX_SOPORTE_TIME_DAY);
    second = time - days * NGX_SOPORTE_TIME_DAY;

    civil->hour = second / 3600;
    civil->minute = second / 60 % 60;
    civil->second = second % 60;

    /* the epoch was a Thursday */
    civil->weekday = days + 4 - ngx_soporte_time_floor(days + 4, 7) * 7;

    days += NGX_SOPORTE_TIME_EPOCH;

    era = ngx_soporte_time_floor(days, NGX_SOPORTE_TIME_ERA);
    doe = days - era * NGX_SOPORTE_TIME_ERA;

    /* leap days before this one are taken out: every 4, 100, 400 years */
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (yoe * 365 + yoe / 4 - yoe / 100);
    month = (5 * doy + 2) / 153;

    civil->day = doy - (153 * month + 2) / 5 + 1;
    civil->month = (month < 10) ? month + 3 : month - 9;
    civil->year = yoe + era * 400 + (civil->month <= 2);
}


int64_t
ngx_soporte_time_seconds(const ngx_soporte_civil_t *civil)
{
    int64_t  days;

    days = ngx_soporte_time_days(civil->year, civil->month, civil->day);

    return days * NGX_SOPORTE_TIME_DAY
           + (int64_t) (civil->hour * 3600 + civil->minute * 60
                        + civil->second);
}


u_char *
ngx_soporte_time_rfc3339(u_char *dst, int64_t time, int32_t offset)
{
    int32_t              minutes;
    ngx_soporte_civil_t  c;

    minutes = offset / 60;

    dst = ngx_soporte_time_date(dst, time, minutes * 60);

    ngx_soporte_time_civil(ngx_soporte_time_local(time, minutes * 60), &c);

    *dst++ = 'T';
    dst = ngx_soporte_time_digits(dst, c.hour, 2);
    *dst++ = ':';
    dst = ngx_soporte_time_digits(dst, c.minute, 2);
    *dst++ = ':';
    dst = ngx_soporte_time_digits(dst, c.second, 2);

    if (minutes == 0) {
        *dst++ = 'Z';
        return dst;
    }

    *dst++ = (minutes < 0) ? '-' : '+';

    if (minutes < 0) {
        minutes = -minutes;
    }

    dst = ngx_soporte_time_digits(dst, minutes / 60, 2);
    *dst++ = ':';
    dst = ngx_soporte_time_digits(dst, minutes % 60, 2);

    return dst;
}


u_char *
ngx_soporte_time_date(u_char *dst, int64_t time, int32_t offset)
{
    ngx_soporte_civil_t  c;

    ngx_soporte_time_civil(ngx_soporte_time_local(time, offset), &c);

    dst = ngx_soporte_time_digits(dst, c.year, 4);
    *dst++ = '-';
    dst = ngx_soporte_time_digits(dst, c.month, 2);
    *dst++ = '-';
    dst = ngx_soporte_time_digits(dst, c.day, 2);

    return dst;
}


/* the local reading, kept inside of the years that four digits can write */

static int64_t
ngx_soporte_time_local(int64_t time, int32_t offset)
{
    /* first the instant: the sum below must not overflow */

    time = ngx_max(time, NGX_SOPORTE_TIME_MIN);
    time = ngx_min(time, NGX_SOPORTE_TIME_MAX);

    time += offset;

    time = ngx_max(time, NGX_SOPORTE_TIME_MIN);
    time = ngx_min(time, NGX_SOPORTE_TIME_MAX);

    return time;
}


static u_char *
ngx_soporte_time_digits(u_char *dst, int64_t n, ngx_uint_t width)
{
    ngx_uint_t  i;

    for (i = width; i > 0; i--) {
        dst[i - 1] = (u_char) ('0' + n % 10);
        n /= 10;
    }

    return dst + width;
}


ngx_int_t
ngx_soporte_time_parse(const u_char *p, size_t len, int64_t *time,
    int32_t *offset)
{
    int32_t              off;
    int64_t              t;
    ngx_int_t            year, month, day;
    ngx_uint_t           leap;
    const u_char        *end;
    ngx_soporte_civil_t  c;

    if (len < sizeof("2026-11-22T20:03:07Z") - 1) {
        return NGX_ERROR;
    }

    end = p + len;

    year = ngx_soporte_time_number(p, 4);
    month = ngx_soporte_time_number(p + 5, 2);
    day = ngx_soporte_time_number(p + 8, 2);

    if (year < 0 || p[4] != '-' || month < 1 || month > 12 || p[7] != '-'
        || day < 1
        || (ngx_uint_t) day > ngx_soporte_time_month_days(year, month)
        || (p[10] | 0x20) != 't')
    {
        return NGX_ERROR;
    }

    c.year = year;
    c.month = month;
    c.day = day;

    if (ngx_soporte_time_parse_clock(p + 11, &c) != NGX_OK) {
        return NGX_ERROR;
    }

    p += 19;

    if (*p == '.') {
        p++;

        if (p == end || *p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (ngx_soporte_time_parse_offset(p, end, &off) != NGX_OK) {
        return NGX_ERROR;
    }

    leap = (c.second == 60);
    t = ngx_soporte_time_seconds(&c) - off;

    if (leap) {

        /* what it means, the second after it, must begin a month in UTC */

        ngx_soporte_time_civil(t, &c);

        if (c.day != 1 || c.hour || c.minute || c.second) {
            return NGX_ERROR;
        }
    }

    *time = t;

    if (offset) {
        *offset = off;
    }

    return NGX_OK;
}


/* -1 if one of the bytes is no digit */

static ngx_int_t
ngx_soporte_time_number(const u_char *p, ngx_uint_t width)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < width; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return -1;
        }

        n = n * 10 + (p[i] - '0');
    }

    return n;
}


/* "20:03:07" */

static ngx_int_t
ngx_soporte_time_parse_clock(const u_char *p, ngx_soporte_civil_t *civil)
{
    ngx_int_t  hour, minute, second;

    hour = ngx_soporte_time_number(p, 2);
    minute = ngx_soporte_time_number(p + 3, 2);
    second = ngx_soporte_time_number(p + 6, 2);

    if (hour < 0 || hour > 23 || p[2] != ':' || minute < 0 || minute > 59
        || p[5] != ':' || second < 0 || second > 60)
    {
        return NGX_ERROR;
    }

    civil->hour = hour;
    civil->minute = minute;
    civil->second = second;

    return NGX_OK;
}


/* "Z" or "-06:00", and nothing after it; "-00:00" is UTC, too */

static ngx_int_t
ngx_soporte_time_parse_offset(const u_char *p, const u_char *end,
    int32_t *offset)
{
    ngx_int_t  hour, minute;

    if (end - p == 1 && (*p | 0x20) == 'z') {
        *offset = 0;
        return NGX_OK;
    }

    if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return NGX_ERROR;
    }

    hour = ngx_soporte_time_number(p + 1, 2);
    minute = ngx_soporte_time_number(p + 4, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NGX_ERROR;
    }

    *offset = (int32_t) (hour * 3600 + minute * 60);

    if (*p == '-') {
        *offset = - *offset;
    }

    return NGX_OK;
}
