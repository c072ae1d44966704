
/*
 * Instants as RFC 3339 writes them, both ways, on the arithmetic of the civil
 * calendar; libc's struct tm, which knows the process's zone, stays out.
 */

#include "ngx_soporte_civil.h"
#include "ngx_soporte_time.h"


static void ngx_soporte_time_local(int64_t time, int32_t offset,
    ngx_soporte_civil_t *civil);
static u_char *ngx_soporte_time_digits(u_char *dst, int32_t n,
    ngx_uint_t width);
static ngx_int_t ngx_soporte_time_parse_clock(const u_char *p,
    int32_t *second, ngx_uint_t *leap);
static ngx_int_t ngx_soporte_time_parse_offset(const u_char *p,
    const u_char *end, int32_t *offset);


u_char *
ngx_soporte_time_rfc3339(u_char *dst, int64_t time, int32_t offset)
{
    int32_t              minutes;
    ngx_soporte_civil_t  c;

    minutes = offset / 60;

    dst = ngx_soporte_time_date(dst, time, minutes * 60);

    ngx_soporte_time_local(time, minutes * 60, &c);

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

    ngx_soporte_time_local(time, offset, &c);

    dst = ngx_soporte_time_digits(dst, c.year, 4);
    *dst++ = '-';
    dst = ngx_soporte_time_digits(dst, c.month, 2);
    *dst++ = '-';
    dst = ngx_soporte_time_digits(dst, c.day, 2);

    return dst;
}


/* the local reading, kept inside of the years that four digits can write */

static void
ngx_soporte_time_local(int64_t time, int32_t offset,
    ngx_soporte_civil_t *civil)
{
    /* the instant first: the sum must not overflow; then its reading */

    time = ngx_max(time, NGX_SOPORTE_CIVIL_MIN);
    time = ngx_min(time, NGX_SOPORTE_CIVIL_MAX);

    ngx_soporte_civil_from(time + offset, 0, civil);
}


static u_char *
ngx_soporte_time_digits(u_char *dst, int32_t n, ngx_uint_t width)
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
    int32_t              off, days, second;
    int64_t              t;
    ngx_uint_t           leap;
    const u_char        *end;
    ngx_soporte_civil_t  c;

    if (len < sizeof("2026-11-22T20:03:07Z") - 1) {
        return NGX_ERROR;
    }

    end = p + len;

    /* a number that is none is -1, of which no date exists */

    days = ngx_soporte_civil_days(ngx_soporte_civil_digits(p, 4),
                                  ngx_soporte_civil_digits(p + 5, 2),
                                  ngx_soporte_civil_digits(p + 8, 2));

    if (days == NGX_SOPORTE_CIVIL_NONE || p[4] != '-' || p[7] != '-'
        || (p[10] | 0x20) != 't'
        || ngx_soporte_time_parse_clock(p + 11, &second, &leap) != NGX_OK)
    {
        return NGX_ERROR;
    }

    t = (int64_t) days * 86400 + second;

    /* the offset, and before it a fraction of a second */

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

    t -= off;

    if (leap) {

        /* what it means, the second after it, must begin a month in UTC */

        ngx_soporte_civil_from(t, 0, &c);

        if (t % 86400 != 0 || c.day != 1) {
            return NGX_ERROR;
        }
    }

    *time = t;

    if (offset) {
        *offset = off;
    }

    return NGX_OK;
}


/* "20:03:07" to seconds since midnight; leap: the second was 60 */

static ngx_int_t
ngx_soporte_time_parse_clock(const u_char *p, int32_t *second,
    ngx_uint_t *leap)
{
    int32_t  h, m, s;

    h = ngx_soporte_civil_digits(p, 2);
    m = ngx_soporte_civil_digits(p + 3, 2);
    s = ngx_soporte_civil_digits(p + 6, 2);

    if (h < 0 || h > 23 || p[2] != ':' || m < 0 || m > 59 || p[5] != ':'
        || s < 0 || s > 60)
    {
        return NGX_ERROR;
    }

    *second = h * 3600 + m * 60 + s;
    *leap = (s == 60);

    return NGX_OK;
}


/* "Z" or "-06:00", and nothing after it; "-00:00" is UTC, too */

static ngx_int_t
ngx_soporte_time_parse_offset(const u_char *p, const u_char *end,
    int32_t *offset)
{
    int32_t  hour, minute;

    if (end - p == 1 && (*p | 0x20) == 'z') {
        *offset = 0;
        return NGX_OK;
    }

    if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return NGX_ERROR;
    }

    hour = ngx_soporte_civil_digits(p + 1, 2);
    minute = ngx_soporte_civil_digits(p + 4, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NGX_ERROR;
    }

    *offset = hour * 3600 + minute * 60;

    if (*p == '-') {
        *offset = -*offset;
    }

    return NGX_OK;
}
