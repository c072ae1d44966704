
/*
 * Arithmetic of the civil calendar: dates (proleptic Gregorian) as numbers of
 * days, days of the week, the "third Monday of March".  No zone, no clock.
 *
 * A year is counted from March, so that the leap day is its last one, and
 * years are grouped by 400, after which the calendar repeats.
 */

#include "ngx_soporte_civil.h"


/* from 0000-03-01, where the count by 400 years begins, to 1970-01-01 */
#define NGX_SOPORTE_CIVIL_EPOCH  719468

#define NGX_SOPORTE_CIVIL_ERA    146097           /* days of 400 years */


static ngx_uint_t ngx_soporte_civil_leap(int32_t year);


int64_t
ngx_soporte_civil_floor(int64_t value, int64_t n)
{
    int64_t  quotient;

    quotient = value / n;

    return (value % n < 0) ? quotient - 1 : quotient;
}


int32_t
ngx_soporte_civil_month_days(int32_t year, int32_t month)
{
    static const u_char  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month < 1 || month > 12) {
        return 0;
    }

    return days[month - 1] + (month == 2 && ngx_soporte_civil_leap(year));
}


int32_t
ngx_soporte_civil_days(int32_t year, int32_t month, int32_t day)
{
    int32_t  era, month_days;

    month_days = ngx_soporte_civil_month_days(year, month);

    if (year < 1 || year > 9999 || day < 1 || day > month_days) {
        return NGX_SOPORTE_CIVIL_NONE;
    }

    if (month <= 2) {
        year--;
        month += 12;
    }

    era = year / 400;
    year %= 400;

    /* 153 days in each five months from March on */

    return era * NGX_SOPORTE_CIVIL_ERA - NGX_SOPORTE_CIVIL_EPOCH
           + year * 365 + year / 4 - year / 100
           + (153 * (month - 3) + 2) / 5 + day - 1;
}


void
ngx_soporte_civil_date(int32_t days, ngx_soporte_civil_t *civil)
{
    int32_t  era, day, year, month;

    civil->weekday = ngx_soporte_civil_weekday(days);

    days += NGX_SOPORTE_CIVIL_EPOCH;
    era = (int32_t) ngx_soporte_civil_floor(days, NGX_SOPORTE_CIVIL_ERA);
    day = days - era * NGX_SOPORTE_CIVIL_ERA;

    /* leap days that lie before this one are taken out */

    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= year * 365 + year / 4 - year / 100;
    month = (5 * day + 2) / 153;

    civil->day = day - (153 * month + 2) / 5 + 1;
    civil->month = (month < 10) ? month + 3 : month - 9;
    civil->year = era * 400 + year + (civil->month <= 2);
}


int32_t
ngx_soporte_civil_weekday(int32_t days)
{
    /* 1970-01-01 was a Thursday */

    return (int32_t) (days + 4 - 7 * ngx_soporte_civil_floor(days + 4, 7));
}


int32_t
ngx_soporte_civil_nth(int32_t year, int32_t month, int32_t n,
    int32_t weekday)
{
    int32_t  first, last, day;

    first = ngx_soporte_civil_days(year, month, 1);

    if (first == NGX_SOPORTE_CIVIL_NONE) {
        return NGX_SOPORTE_CIVIL_NONE;
    }

    last = first + ngx_soporte_civil_month_days(year, month) - 1;

    if (n > 0) {
        day = first + (weekday - ngx_soporte_civil_weekday(first) + 7) % 7
              + 7 * (n - 1);

    } else {
        day = last - (ngx_soporte_civil_weekday(last) - weekday + 7) % 7
              + 7 * (n + 1);
    }

    if (n == 0 || day < first || day > last) {
        return NGX_SOPORTE_CIVIL_NONE;
    }

    return day;
}


void
ngx_soporte_civil_from(int64_t t, int32_t offset, ngx_soporte_civil_t *civil)
{
    int64_t  days;
    int32_t  second;

    t = ngx_min(ngx_max(t, NGX_SOPORTE_CIVIL_MIN), NGX_SOPORTE_CIVIL_MAX);
    t += offset;

    days = ngx_soporte_civil_floor(t, 86400);
    second = (int32_t) (t - days * 86400);

    ngx_soporte_civil_date((int32_t) days, civil);

    civil->hour = second / 3600;
    civil->minute = second / 60 % 60;
    civil->second = second % 60;
    civil->offset = offset;
}


int32_t
ngx_soporte_civil_digits(const u_char *p, size_t n)
{
    int32_t  value;

    for (value = 0; n; n--, p++) {

        if (*p < '0' || *p > '9') {
            return -1;
        }

        value = value * 10 + (*p - '0');
    }

    return value;
}


static ngx_uint_t
ngx_soporte_civil_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}
