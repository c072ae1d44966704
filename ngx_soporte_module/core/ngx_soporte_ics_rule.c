
/*
 * Recurrence of the .ics subset: what an RRULE with FREQ=YEARLY says, and on
 * which dates it falls (RFC 5545 3.3.10).
 *
 * The dates of one year are twelve sets of days, a bit each.  Every loop is
 * one over the years that are asked for, never over the instances since
 * DTSTART, but for COUNT, which is turned into a last date once, with a
 * budget.
 */

#include "ngx_soporte_ics.h"


#define NGX_SOPORTE_ICS_DAYS    0xfffffffe        /* bits 1 .. 31 */
#define NGX_SOPORTE_ICS_MONTHS  0x1ffe            /* bits 1 .. 12 */


/* a part of an RRULE, NAME=VALUE: what is left of the value */

typedef struct {
    const u_char            *p;
    const u_char            *last;
    ngx_uint_t               bad;                 /* not understood */
} ngx_soporte_ics_part_t;


typedef struct {
    const char              *name;
    void                   (*read)(ngx_soporte_ics_rule_t *rule,
                                 ngx_soporte_ics_part_t *part);
    const char              *wrong;
} ngx_soporte_ics_part_type_t;


static void ngx_soporte_ics_interval(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part);
static void ngx_soporte_ics_count(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part);
static void ngx_soporte_ics_by_month(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part);
static void ngx_soporte_ics_by_monthday(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part);
static void ngx_soporte_ics_by_day(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part);
static const char *ngx_soporte_ics_rule_check(ngx_soporte_ics_rule_t *rule);
static int32_t ngx_soporte_ics_number(ngx_soporte_ics_part_t *part,
    int32_t max);
static int32_t ngx_soporte_ics_sign(ngx_soporte_ics_part_t *part);
static u_char ngx_soporte_ics_weekday(ngx_soporte_ics_part_t *part);
static ngx_uint_t ngx_soporte_ics_take(ngx_soporte_ics_part_t *part,
    u_char ch);
static void ngx_soporte_ics_year(const ngx_soporte_ics_event_t *event,
    int32_t year, uint32_t months[13]);
static uint32_t ngx_soporte_ics_monthdays(const ngx_soporte_ics_rule_t *rule,
    int32_t length);
static void ngx_soporte_ics_weekdays(const ngx_soporte_ics_rule_t *rule,
    int32_t year, uint32_t months[13]);
static ngx_uint_t ngx_soporte_ics_excluded(
    const ngx_soporte_ics_event_t *event, int64_t start);
static void ngx_soporte_ics_recur(const ngx_soporte_ics_event_t *event,
    int32_t first, int32_t last, ngx_soporte_ics_handler_pt handler,
    void *data);


/* FREQ and UNTIL are read apart */

static const ngx_soporte_ics_part_type_t  ngx_soporte_ics_parts[] = {
    { "INTERVAL=", ngx_soporte_ics_interval,
      "has an INTERVAL that is not 1 to 9999" },
    { "COUNT=", ngx_soporte_ics_count,
      "has a COUNT that is not 1 to 9999" },
    { "BYMONTH=", ngx_soporte_ics_by_month,
      "has a BYMONTH that is not 1 to 12" },
    { "BYMONTHDAY=", ngx_soporte_ics_by_monthday,
      "has a BYMONTHDAY that is not 1 to 31 or -1 to -31" },
    { "BYDAY=", ngx_soporte_ics_by_day,
      "has a BYDAY that is not of the form MO,-1FR or too long" },
    { NULL, NULL, NULL }
};


const char *
ngx_soporte_ics_rule_read(ngx_soporte_ics_rule_t *rule,
    const ngx_str_t *value, ngx_str_t *until)
{
    size_t                              len;
    ngx_uint_t                          i, freq, seen;
    const u_char                       *p, *last;
    ngx_soporte_ics_part_t              part;
    const ngx_soporte_ics_part_type_t  *type;

    ngx_memzero(rule, sizeof(ngx_soporte_ics_rule_t));
    ngx_str_null(until);

    freq = 0;
    seen = 0;
    last = value->data + value->len;

    for (p = value->data; p <= last; p = part.last + 1) {

        part.bad = 0;
        part.p = p;

        for (part.last = p; part.last < last; part.last++) {
            if (*part.last == ';') {
                break;
            }
        }

        len = part.last - p;

        if (len == 11 && ngx_memcmp(p, "FREQ=YEARLY", 11) == 0 && !freq) {
            freq = 1;
            continue;
        }

        if (len > 6 && ngx_memcmp(p, "UNTIL=", 6) == 0 && until->len == 0) {
            until->data = (u_char *) p + 6;
            until->len = len - 6;
            continue;
        }

        for (i = 0, type = ngx_soporte_ics_parts; type->name; i++, type++) {
            if (len > ngx_strlen(type->name)
                && ngx_memcmp(p, type->name, ngx_strlen(type->name)) == 0)
            {
                break;
            }
        }

        if (type->name == NULL || (seen & (1 << i))) {
            return "has a part that is unknown or duplicate";
        }

        seen |= 1 << i;
        part.p += ngx_strlen(type->name);

        type->read(rule, &part);

        if (part.bad || part.p != part.last) {
            return type->wrong;
        }
    }

    if (!freq) {
        return "has no FREQ=YEARLY, the only one supported";
    }

    if (rule->count && until->len) {
        return "has both COUNT and UNTIL";
    }

    return ngx_soporte_ics_rule_check(rule);
}


static const char *
ngx_soporte_ics_rule_check(ngx_soporte_ics_rule_t *rule)
{
    ngx_uint_t  i;

    if (rule->interval == 0) {
        rule->interval = 1;
    }

    for (i = 0; i < rule->nweekdays; i++) {

        if (rule->weekdays[i].nth == 0) {
            continue;
        }

        if (rule->days || rule->days_back) {
            return "has both BYMONTHDAY and a numbered BYDAY";
        }

        if (rule->months
            && (rule->weekdays[i].nth > 5 || rule->weekdays[i].nth < -5))
        {
            return "has a BYDAY numbered beyond 5 in a month";
        }
    }

    return NULL;
}


static void
ngx_soporte_ics_interval(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part)
{
    rule->interval = ngx_soporte_ics_number(part, 9999);
}


static void
ngx_soporte_ics_count(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part)
{
    rule->count = ngx_soporte_ics_number(part, 9999);
}


static void
ngx_soporte_ics_by_month(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part)
{
    do {
        rule->months |= (uint32_t) 1 << ngx_soporte_ics_number(part, 12);

    } while (ngx_soporte_ics_take(part, ','));
}


static void
ngx_soporte_ics_by_monthday(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part)
{
    uint32_t  *days;

    do {
        days = (ngx_soporte_ics_sign(part) < 0) ? &rule->days_back
                                                : &rule->days;
        *days |= (uint32_t) 1 << ngx_soporte_ics_number(part, 31);

    } while (ngx_soporte_ics_take(part, ','));
}


static void
ngx_soporte_ics_by_day(ngx_soporte_ics_rule_t *rule,
    ngx_soporte_ics_part_t *part)
{
    int32_t     sign, nth;
    ngx_uint_t  n;

    do {
        n = rule->nweekdays;

        if (n == NGX_SOPORTE_ICS_WEEKDAYS) {
            part->bad = 1;
            return;
        }

        nth = 0;

        if (part->p < part->last && (*part->p < 'A' || *part->p > 'Z')) {
            sign = ngx_soporte_ics_sign(part);
            nth = sign * ngx_soporte_ics_number(part, 53);
        }

        rule->weekdays[n].nth = (int8_t) nth;
        rule->weekdays[n].weekday = ngx_soporte_ics_weekday(part);
        rule->nweekdays++;

    } while (ngx_soporte_ics_take(part, ','));
}


/* 1 to max; leaves what follows */

static int32_t
ngx_soporte_ics_number(ngx_soporte_ics_part_t *part, int32_t max)
{
    int32_t  n;

    for (n = 0; part->p < part->last; part->p++) {

        if (*part->p < '0' || *part->p > '9' || n > max) {
            break;
        }

        n = n * 10 + (*part->p - '0');
    }

    if (n < 1 || n > max) {
        part->bad = 1;
        return 1;
    }

    return n;
}


/* "+", "-" or nothing */

static int32_t
ngx_soporte_ics_sign(ngx_soporte_ics_part_t *part)
{
    if (ngx_soporte_ics_take(part, '-')) {
        return -1;
    }

    (void) ngx_soporte_ics_take(part, '+');

    return 1;
}


static u_char
ngx_soporte_ics_weekday(ngx_soporte_ics_part_t *part)
{
    u_char             i;
    static const char  names[] = "SUMOTUWETHFRSA";

    for (i = 0; i < 7 && part->last - part->p >= 2; i++) {
        if (ngx_memcmp(part->p, names + 2 * i, 2) == 0) {
            part->p += 2;
            return i;
        }
    }

    part->bad = 1;

    return 0;
}


static ngx_uint_t
ngx_soporte_ics_take(ngx_soporte_ics_part_t *part, u_char ch)
{
    if (part->p == part->last || *part->p != ch) {
        return 0;
    }

    part->p++;

    return 1;
}


ngx_uint_t
ngx_soporte_ics_rule_has(const ngx_soporte_ics_event_t *event, int32_t date)
{
    uint32_t             months[13];
    ngx_soporte_civil_t  civil;

    ngx_soporte_civil_date(date, &civil);
    ngx_soporte_ics_year(event, civil.year, months);

    return (months[civil.month] >> civil.day) & 1;
}


int32_t
ngx_soporte_ics_rule_last(const ngx_soporte_ics_event_t *event,
    ngx_uint_t *years)
{
    int32_t              year, month, day, date, count;
    uint32_t             months[13];
    ngx_soporte_civil_t  civil;

    ngx_soporte_civil_date(event->date, &civil);
    count = event->rule.count;

    for (year = civil.year; year <= 9999; year += event->rule.interval) {

        if ((*years)-- == 0) {
            *years = 0;
            return NGX_SOPORTE_CIVIL_NONE;
        }

        ngx_soporte_ics_year(event, year, months);

        for (month = 1; month <= 12; month++) {
            for (day = 1; months[month] && day <= 31; day++) {

                if (!(months[month] >> day & 1)) {
                    continue;
                }

                date = ngx_soporte_civil_days(year, month, day);

                if (date >= event->date && --count == 0) {
                    return date;
                }
            }
        }
    }

    return NGX_SOPORTE_CIVIL_NONE;
}


ngx_uint_t
ngx_soporte_ics_rule_bound(const ngx_soporte_ics_event_t *event,
    ngx_uint_t dates)
{
    ngx_uint_t                     i, n, nmonths, ndays, years;
    const ngx_soporte_ics_rule_t  *rule;

    rule = &event->rule;

    if (rule->interval == 0) {
        return 1;
    }

    nmonths = __builtin_popcount(rule->months);
    ndays = __builtin_popcount(rule->days)
            + __builtin_popcount(rule->days_back);

    if (rule->nweekdays == 0) {

        if (nmonths == 0) {
            nmonths = ndays ? 12 : 1;
        }

        n = nmonths * ngx_max(ndays, 1);

    } else {
        nmonths = nmonths ? nmonths : 12;

        for (i = 0, n = 0; i < rule->nweekdays; i++) {

            if (rule->weekdays[i].nth == 0) {
                n += 5 * nmonths;

            } else {
                n += rule->months ? nmonths : 1;
            }
        }
    }

    /* years that are touched, with one more for an event that lasts one */

    years = dates / 365 + 3;

    return ngx_min(n, 366) * ((years + rule->interval - 1) / rule->interval);
}


void
ngx_soporte_ics_expand(const ngx_soporte_ics_t *ics, int32_t first,
    int32_t last, ngx_soporte_ics_handler_pt handler, void *data)
{
    int32_t                         from, until;
    ngx_uint_t                      i;
    const ngx_soporte_ics_event_t  *event;

    for (i = 0; i < ics->nevents; i++) {
        event = &ics->events[i];

        /* what began earlier may still last */

        from = first - event->wall / 86400 - event->exact / 86400;
        until = last;

        if (event->form != NGX_SOPORTE_ICS_DATE) {
            /* over midnight, and in a zone up to 26 hours away */
            from -= 3;
            until++;
        }

        if (event->rule.interval) {
            ngx_soporte_ics_recur(event, from, until, handler, data);

        } else if (event->date >= from && event->date <= until) {
            handler(data, event, (int64_t) event->date * 86400
                                 + event->second);
        }
    }
}


static void
ngx_soporte_ics_recur(const ngx_soporte_ics_event_t *event, int32_t first,
    int32_t last, ngx_soporte_ics_handler_pt handler, void *data)
{
    int32_t              year, month, day, date, interval, from;
    int64_t              start;
    uint32_t             months[13];
    ngx_soporte_civil_t  civil, until;

    first = ngx_max(first, event->date);

    ngx_soporte_civil_date(event->date, &civil);
    year = civil.year;
    ngx_soporte_civil_date(first, &civil);
    ngx_soporte_civil_date(last, &until);

    interval = event->rule.interval;
    year += (civil.year - year) / interval * interval;

    for ( /* void */ ; year <= until.year; year += interval) {

        ngx_soporte_ics_year(event, year, months);

        for (month = 1; month <= 12; month++) {

            if (months[month] == 0) {
                continue;
            }

            from = ngx_soporte_civil_days(year, month, 1) - 1;

            for (day = 1; day <= 31; day++) {
                date = from + day;

                if (!(months[month] >> day & 1) || date < first
                    || date > last)
                {
                    continue;
                }

                start = (int64_t) date * 86400 + event->second;

                if (start <= event->until
                    && !ngx_soporte_ics_excluded(event, start))
                {
                    handler(data, event, start);
                }
            }
        }
    }
}


static ngx_uint_t
ngx_soporte_ics_excluded(const ngx_soporte_ics_event_t *event, int64_t start)
{
    ngx_uint_t  left, right, middle;

    left = 0;
    right = event->nexcluded;

    while (left < right) {
        middle = (left + right) / 2;

        if (event->excluded[middle] == start) {
            return 1;
        }

        if (event->excluded[middle] < start) {
            left = middle + 1;

        } else {
            right = middle;
        }
    }

    return 0;
}


/* the dates of the rule in a year, as sets of days of months 1 .. 12 */

static void
ngx_soporte_ics_year(const ngx_soporte_ics_event_t *event, int32_t year,
    uint32_t months[13])
{
    int32_t                        month, length;
    uint32_t                       which, days;
    ngx_soporte_civil_t            civil;
    const ngx_soporte_ics_rule_t  *rule;

    rule = &event->rule;
    ngx_memzero(months, 13 * sizeof(uint32_t));

    if (year < 1 || year > 9999) {
        return;
    }

    if (rule->nweekdays) {
        ngx_soporte_ics_weekdays(rule, year, months);
        return;
    }

    /* what the rule does not name is DTSTART's */

    ngx_soporte_civil_date(event->date, &civil);
    which = rule->months;

    if (which == 0) {
        which = (rule->days || rule->days_back) ? NGX_SOPORTE_ICS_MONTHS
                                                : (uint32_t) 1 << civil.month;
    }

    for (month = 1; month <= 12; month++) {

        if (!(which >> month & 1)) {
            continue;
        }

        length = ngx_soporte_civil_month_days(year, month);

        if (rule->days || rule->days_back) {
            days = ngx_soporte_ics_monthdays(rule, length);

        } else {
            days = (civil.day <= length) ? (uint32_t) 1 << civil.day : 0;
        }

        months[month] = days;
    }
}


/* BYMONTHDAY in a month of this length */

static uint32_t
ngx_soporte_ics_monthdays(const ngx_soporte_ics_rule_t *rule, int32_t length)
{
    int32_t   day;
    uint32_t  days;

    days = rule->days & (NGX_SOPORTE_ICS_DAYS >> (31 - length));

    for (day = 1; day <= length; day++) {
        if (rule->days_back >> (length + 1 - day) & 1) {
            days |= (uint32_t) 1 << day;
        }
    }

    return days;
}


static void
ngx_soporte_ics_weekdays(const ngx_soporte_ics_rule_t *rule, int32_t year,
    uint32_t months[13])
{
    int32_t              month, length, first, start, end, nth, day;
    uint32_t             days;
    ngx_uint_t           i;
    ngx_soporte_civil_t  civil;

    start = ngx_soporte_civil_days(year, 1, 1);
    end = ngx_soporte_civil_days(year, 12, 31);

    for (i = 0; i < rule->nweekdays; i++) {
        nth = rule->weekdays[i].nth;

        if (nth == 0 || rule->months) {
            continue;
        }

        /* numbered within the year */

        first = ngx_soporte_civil_nth(year, nth > 0 ? 1 : 12, nth > 0 ? 1 : -1,
                                      rule->weekdays[i].weekday);
        day = first + 7 * (nth > 0 ? nth - 1 : nth + 1);

        if (day >= start && day <= end) {
            ngx_soporte_civil_date(day, &civil);
            months[civil.month] |= (uint32_t) 1 << civil.day;
        }
    }

    for (month = 1; month <= 12; month++) {

        if (rule->months && !(rule->months >> month & 1)) {
            continue;
        }

        length = ngx_soporte_civil_month_days(year, month);
        first = ngx_soporte_civil_days(year, month, 1);
        days = 0;

        for (i = 0; i < rule->nweekdays; i++) {
            nth = rule->weekdays[i].nth;

            if (nth == 0) {
                day = (rule->weekdays[i].weekday
                       - ngx_soporte_civil_weekday(first) + 7) % 7 + 1;

                /* each seventh day from that one on */
                days |= (uint32_t) 0x10204081 << day;

            } else if (rule->months) {
                day = ngx_soporte_civil_nth(year, month, nth,
                                            rule->weekdays[i].weekday);

                if (day != NGX_SOPORTE_CIVIL_NONE) {
                    days |= (uint32_t) 1 << (day - first + 1);
                }
            }
        }

        days &= NGX_SOPORTE_ICS_DAYS >> (31 - length);

        if (rule->days || rule->days_back) {
            days &= ngx_soporte_ics_monthdays(rule, length);
        }

        months[month] |= days;
    }
}
