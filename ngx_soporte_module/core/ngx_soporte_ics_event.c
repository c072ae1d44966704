
/*
 * A strict subset of iCalendar (RFC 5545): the properties of an event that
 * count, what their values mean, and whether they fit together.
 */

#include "ngx_soporte_ics_reader.h"


#define NGX_SOPORTE_ICS_LONG   (366 * NGX_SOPORTE_ICS_DAY)


static const char *ngx_soporte_ics_duration_read(const ngx_str_t *value,
    int64_t *days, int64_t *seconds);
static ngx_int_t ngx_soporte_ics_plain(ngx_soporte_ics_reader_t *reader,
    ngx_uint_t *line);
static ngx_int_t ngx_soporte_ics_time(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_time_t *time);
static ngx_int_t ngx_soporte_ics_params(ngx_soporte_ics_reader_t *reader,
    ngx_uint_t *date, ngx_str_t *tzid);
static ngx_int_t ngx_soporte_ics_clock(ngx_soporte_ics_reader_t *reader,
    const ngx_str_t *value, ngx_soporte_ics_time_t *time);
static ngx_int_t ngx_soporte_ics_zone(ngx_soporte_ics_reader_t *reader,
    const ngx_soporte_ics_time_t *time);
static ngx_int_t ngx_soporte_ics_length(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event);
static ngx_int_t ngx_soporte_ics_recurrence(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event);
static ngx_int_t ngx_soporte_ics_exclude(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event);
static int ngx_libc_cdecl ngx_soporte_ics_cmp_clocks(const void *one,
    const void *two);


ngx_int_t
ngx_soporte_ics_version(ngx_soporte_ics_reader_t *reader)
{
    if (!ngx_soporte_ics_is(&reader->value, "2.0")) {
        return ngx_soporte_ics_fail(reader, reader->line, "%s",
                                    "VERSION is not 2.0");
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_ics_calscale(ngx_soporte_ics_reader_t *reader)
{
    if (!ngx_soporte_ics_is(&reader->value, "GREGORIAN")) {
        return ngx_soporte_ics_fail(reader, reader->line, "%s",
                                    "CALSCALE is not GREGORIAN");
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_ics_dtstart(ngx_soporte_ics_reader_t *reader)
{
    return ngx_soporte_ics_time(reader, &reader->draft.start);
}


ngx_int_t
ngx_soporte_ics_dtend(ngx_soporte_ics_reader_t *reader)
{
    return ngx_soporte_ics_time(reader, &reader->draft.end);
}


ngx_int_t
ngx_soporte_ics_duration(ngx_soporte_ics_reader_t *reader)
{
    int64_t      days, seconds;
    const char  *what;

    if (ngx_soporte_ics_plain(reader, &reader->draft.duration_line)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    what = ngx_soporte_ics_duration_read(&reader->value, &days, &seconds);

    if (what) {
        return ngx_soporte_ics_fail(reader, reader->line, "DURATION %s", what);
    }

    reader->draft.wall = (int32_t) (days * NGX_SOPORTE_ICS_DAY);
    reader->draft.exact = (int32_t) seconds;

    return NGX_OK;
}


/* PnW, PnD, PnDTnHnMnS, PTnHnMnS (RFC 5545 3.3.6) */

static const char *
ngx_soporte_ics_duration_read(const ngx_str_t *value, int64_t *days,
    int64_t *seconds)
{
    int32_t        n;
    size_t         digits;
    ngx_uint_t     unit, time;
    const u_char  *p, *last;

    static const struct {
        u_char     letter;
        int32_t    days;
        int32_t    seconds;
    } units[] = {
        { 'W', 7, 0 }, { 'D', 1, 0 }, { 'T', 0, 0 },
        { 'H', 0, 3600 }, { 'M', 0, 60 }, { 'S', 0, 1 }
    };

    p = value->data;
    last = value->data + value->len;

    *days = 0;
    *seconds = 0;

    if (p < last && *p == '+') {
        p++;
    }

    if (last - p < 3 || *p++ != 'P') {
        return "is not of the form P1DT2H";
    }

    time = 0;

    for (unit = 0; p < last; unit++) {

        for (digits = 0; p + digits < last; digits++) {
            if (p[digits] < '0' || p[digits] > '9') {
                break;
            }
        }

        if (p + digits == last || digits > 8) {
            return "is not of the form P1DT2H";
        }

        n = ngx_soporte_civil_digits(p, digits);
        p += digits;

        /* the letters come in this order, with "T" alone without a number */

        while (unit < 6 && *p != units[unit].letter) {
            unit++;
        }

        time |= (*p == 'T');

        if (unit == 6 || (digits == 0) != (*p == 'T')
            || (*p == 'T' && p + 1 == last)
            || (*p == 'W' && p + 1 != last)
            || (unit > 2 && !time))
        {
            return "is not of the form P1DT2H";
        }

        *days += (int64_t) n * units[unit].days;
        *seconds += (int64_t) n * units[unit].seconds;
        p++;
    }

    if (*days * NGX_SOPORTE_ICS_DAY + *seconds > NGX_SOPORTE_ICS_LONG) {
        return "is longer than 366 days";
    }

    return NULL;
}


ngx_int_t
ngx_soporte_ics_rrule(ngx_soporte_ics_reader_t *reader)
{
    ngx_str_t    until;
    const char  *what;

    if (ngx_soporte_ics_plain(reader, &reader->draft.rule_line) != NGX_OK) {
        return NGX_ERROR;
    }

    what = ngx_soporte_ics_rule_read(&reader->draft.rule, &reader->value,
                                     &until);
    if (what) {
        return ngx_soporte_ics_fail(reader, reader->line, "RRULE %s", what);
    }

    if (until.len) {
        reader->draft.until.form = (until.len == 8) ? NGX_SOPORTE_ICS_DATE
                                                    : NGX_SOPORTE_ICS_LOCAL;
        return ngx_soporte_ics_clock(reader, &until, &reader->draft.until);
    }

    return NGX_OK;
}


/* a list, and it may be repeated; all of one form */

ngx_int_t
ngx_soporte_ics_exdate(ngx_soporte_ics_reader_t *reader)
{
    int64_t                  *clocks;
    ngx_str_t                 value;
    const u_char             *p, *last;
    ngx_soporte_ics_time_t    time;
    ngx_soporte_ics_draft_t  *draft;

    draft = &reader->draft;
    last = reader->value.data + reader->value.len;
    value = reader->value;

    for ( ;; ) {

        for (p = value.data; p < last; p++) {
            if (*p == ',') {
                break;
            }
        }

        reader->value.data = value.data;
        reader->value.len = p - value.data;

        ngx_memzero(&time, sizeof(ngx_soporte_ics_time_t));

        if (ngx_soporte_ics_time(reader, &time) != NGX_OK) {
            return NGX_ERROR;
        }

        if (draft->excluded.line == 0) {
            draft->excluded = time;

        } else if (time.form != draft->excluded.form) {
            return ngx_soporte_ics_fail(reader, reader->line, "%s",
                                        "EXDATE is not of one form");
        }

        if (draft->nclocks == draft->nalloc) {
            draft->nalloc = draft->nalloc ? 2 * draft->nalloc : 4;

            clocks = ngx_soporte_alloc(reader->mem, draft->nalloc
                                                    * sizeof(int64_t));
            if (clocks == NULL) {
                return NGX_ERROR;
            }

            if (draft->nclocks) {
                ngx_memcpy(clocks, draft->clocks,
                           draft->nclocks * sizeof(int64_t));
            }

            draft->clocks = clocks;
        }

        draft->clocks[draft->nclocks++] = time.clock;

        if (p == last) {
            return NGX_OK;
        }

        value.data = (u_char *) p + 1;
    }
}


ngx_int_t
ngx_soporte_ics_status(ngx_soporte_ics_reader_t *reader)
{
    if (ngx_soporte_ics_plain(reader, &reader->draft.status_line) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_soporte_ics_is(&reader->value, "CANCEL" "LED")) {
        reader->draft.canceled = 1;

    } else if (!ngx_soporte_ics_is(&reader->value, "CONFIRMED")) {
        return ngx_soporte_ics_fail(reader, reader->line,
                                    "STATUS \"%.*s\" is not supported, is it "
                                    "a day off or not",
                                    ngx_soporte_error_value(&reader->value));
    }

    return NGX_OK;
}


/* a property without parameters that is given once; notes its line */

static ngx_int_t
ngx_soporte_ics_plain(ngx_soporte_ics_reader_t *reader, ngx_uint_t *line)
{
    if (*line) {
        return ngx_soporte_ics_fail(reader, reader->line,
                                    "\"%.*s\" is duplicate",
                                    ngx_soporte_error_value(&reader->name));
    }

    if (reader->params.len) {
        return ngx_soporte_ics_fail(reader, reader->line,
                                    "parameter \"%.*s\" is not supported",
                                    ngx_soporte_error_value(&reader->params));
    }

    *line = reader->line;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_ics_time(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_time_t *time)
{
    ngx_str_t   tzid;
    ngx_uint_t  date;

    if (time->line) {
        return ngx_soporte_ics_fail(reader, reader->line,
                                    "\"%.*s\" is duplicate",
                                    ngx_soporte_error_value(&reader->name));
    }

    if (ngx_soporte_ics_params(reader, &date, &tzid) != NGX_OK) {
        return NGX_ERROR;
    }

    time->form = date ? NGX_SOPORTE_ICS_DATE : NGX_SOPORTE_ICS_LOCAL;

    if (ngx_soporte_ics_clock(reader, &reader->value, time) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tzid.len == 0) {
        return NGX_OK;
    }

    if (time->form != NGX_SOPORTE_ICS_LOCAL) {
        return ngx_soporte_ics_fail(reader, reader->line, "%s",
                                    "TZID with a date or a time in UTC");
    }

    time->form = NGX_SOPORTE_ICS_ZONED;
    time->tzid = tzid;

    return ngx_soporte_ics_zone(reader, time);
}


/* VALUE and TZID; the rest is refused */

static ngx_int_t
ngx_soporte_ics_params(ngx_soporte_ics_reader_t *reader, ngx_uint_t *date,
    ngx_str_t *tzid)
{
    u_char     *p, *end, *last;
    ngx_str_t   param, name;

    *date = 0;
    ngx_str_null(tzid);

    p = reader->params.data;
    last = p + reader->params.len;

    while (p < last) {

        for (end = p + 1; end < last && *end != ';'; end++) { /* void */ }

        param.data = p + 1;
        param.len = end - param.data;
        p = end;

        name.data = param.data;
        name.len = ngx_min(param.len, 5);

        if (ngx_soporte_ics_is(&param, "VALUE=DATE")) {
            *date = 1;

        } else if (param.len > 5 && tzid->len == 0
                   && ngx_soporte_ics_is(&name, "TZID="))
        {
            tzid->data = param.data + 5;
            tzid->len = param.len - 5;

            if (tzid->len > 2 && *tzid->data == '"' && end[-1] == '"') {
                tzid->data++;
                tzid->len -= 2;
            }

        } else if (!ngx_soporte_ics_is(&param, "VALUE=DATE-TIME")) {
            return ngx_soporte_ics_fail(reader, reader->line,
                                        "parameter \"%.*s\" is not supported",
                                        ngx_soporte_error_value(&param));
        }
    }

    return NGX_OK;
}


/* time->form says DATE or LOCAL, the latter becomes UTC by its "Z" */

static ngx_int_t
ngx_soporte_ics_clock(ngx_soporte_ics_reader_t *reader,
    const ngx_str_t *value, ngx_soporte_ics_time_t *time)
{
    size_t         len;
    int32_t        date, hour, minute, second;
    const u_char  *p;

    p = value->data;
    len = value->len;

    hour = 0;
    minute = 0;
    second = 0;

    if (time->form != NGX_SOPORTE_ICS_DATE) {

        if (len == 16 && p[15] == 'Z') {
            time->form = NGX_SOPORTE_ICS_UTC;
            len--;
        }

        if (len != 15 || p[8] != 'T') {
            return ngx_soporte_ics_fail(reader, reader->line,
                                        "\"%.*s\" is not of the form "
                                        "20261224T130000; a date needs "
                                        "VALUE=DATE",
                                        ngx_soporte_error_value(value));
        }

        hour = ngx_soporte_civil_digits(p + 9, 2);
        minute = ngx_soporte_civil_digits(p + 11, 2);
        second = ngx_soporte_civil_digits(p + 13, 2);
        len = 8;
    }

    date = (len != 8) ? NGX_SOPORTE_CIVIL_NONE
                      : ngx_soporte_civil_days(ngx_soporte_civil_digits(p, 4),
                                          ngx_soporte_civil_digits(p + 4, 2),
                                          ngx_soporte_civil_digits(p + 6, 2));

    if (date == NGX_SOPORTE_CIVIL_NONE || hour < 0 || hour > 23
        || minute < 0 || minute > 59 || second < 0 || second > 59)
    {
        return ngx_soporte_ics_fail(reader, reader->line,
                                    "\"%.*s\" does not exist",
                                    ngx_soporte_error_value(value));
    }

    time->line = reader->line;
    time->clock = (int64_t) date * NGX_SOPORTE_ICS_DAY + hour * 3600
                  + minute * 60 + second;
    ngx_str_null(&time->tzid);

    return NGX_OK;
}


/* one TZID in a file; whose zone it must be is not known here */

static ngx_int_t
ngx_soporte_ics_zone(ngx_soporte_ics_reader_t *reader,
    const ngx_soporte_ics_time_t *time)
{
    ngx_soporte_ics_t  *ics;

    ics = reader->ics;

    if (ics->tzid.len == 0) {
        ics->tzid.data = ngx_soporte_alloc(reader->mem, time->tzid.len);
        if (ics->tzid.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ics->tzid.data, time->tzid.data, time->tzid.len);
        ics->tzid.len = time->tzid.len;
        ics->tzid_line = time->line;

        return NGX_OK;
    }

    if (ics->tzid.len != time->tzid.len
        || ngx_memcmp(ics->tzid.data, time->tzid.data, ics->tzid.len) != 0)
    {
        return ngx_soporte_ics_fail(reader, time->line,
                                    "TZID \"%.*s\" is not that of line %u",
                                    ngx_soporte_error_value(&time->tzid),
                                    (unsigned) ics->tzid_line);
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_ics_event(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event)
{
    ngx_soporte_ics_draft_t  *draft;

    draft = &reader->draft;

    if (draft->start.line == 0) {
        return ngx_soporte_ics_fail(reader, draft->line, "%s",
                                    "the event has no DTSTART");
    }

    ngx_memzero(event, sizeof(ngx_soporte_ics_event_t));

    event->line = draft->line;
    event->form = draft->start.form;
    event->date = (int32_t) ngx_soporte_civil_floor(draft->start.clock,
                                                    NGX_SOPORTE_ICS_DAY);
    event->second = (int32_t) (draft->start.clock
                               - (int64_t) event->date * NGX_SOPORTE_ICS_DAY);
    event->rule = draft->rule;
    event->until = NGX_SOPORTE_ICS_FOREVER;
    event->until_utc = NGX_SOPORTE_ICS_FOREVER;

    if (ngx_soporte_ics_length(reader, event) != NGX_OK
        || ngx_soporte_ics_recurrence(reader, event) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_soporte_ics_exclude(reader, event);
}


static ngx_int_t
ngx_soporte_ics_length(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event)
{
    int64_t                   length;
    ngx_soporte_ics_draft_t  *draft;

    draft = &reader->draft;

    if (draft->end.line && draft->duration_line) {
        return ngx_soporte_ics_fail(reader, draft->line, "%s",
                                    "the event has both DTEND and DURATION");
    }

    if (draft->duration_line) {

        if (draft->wall == 0 && draft->exact == 0) {
            return ngx_soporte_ics_fail(reader, draft->duration_line, "%s",
                                        "DURATION is zero");
        }

        if (event->form == NGX_SOPORTE_ICS_DATE && draft->exact) {
            return ngx_soporte_ics_fail(reader, draft->duration_line, "%s",
                                        "DURATION of an all-day event has "
                                        "hours");
        }

        event->wall = draft->wall;
        event->exact = draft->exact;

        return NGX_OK;
    }

    if (draft->end.line == 0) {

        if (event->form != NGX_SOPORTE_ICS_DATE) {
            return ngx_soporte_ics_fail(reader, draft->line, "%s",
                                        "the event has neither DTEND nor "
                                        "DURATION");
        }

        event->wall = NGX_SOPORTE_ICS_DAY;

        return NGX_OK;
    }

    if (draft->end.form != draft->start.form) {
        return ngx_soporte_ics_fail(reader, draft->end.line, "%s",
                                    "DTEND is not of DTSTART's form");
    }

    length = draft->end.clock - draft->start.clock;

    if (length <= 0 || length > NGX_SOPORTE_ICS_LONG) {
        return ngx_soporte_ics_fail(reader, draft->end.line, "DTEND is %s",
                                    length > 0 ? "more than 366 days after "
                                                 "DTSTART"
                                               : "not after DTSTART");
    }

    event->wall = (int32_t) length;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_ics_recurrence(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event)
{
    int32_t                   last;
    ngx_soporte_ics_form_e    form;
    ngx_soporte_ics_draft_t  *draft;

    draft = &reader->draft;

    if (draft->rule_line == 0) {
        return NGX_OK;
    }

    if (!ngx_soporte_ics_rule_has(event, event->date)) {
        return ngx_soporte_ics_fail(reader, draft->rule_line, "%s",
                                    "RRULE does not fall on DTSTART's date");
    }

    if (event->rule.count) {
        last = ngx_soporte_ics_rule_last(event, &reader->years);

        if (last == NGX_SOPORTE_CIVIL_NONE) {
            return ngx_soporte_ics_fail(reader, draft->rule_line, "%s",
                                        "RRULE goes too far with its COUNT");
        }

        event->until = (int64_t) last * NGX_SOPORTE_ICS_DAY + event->second;
    }

    if (draft->until.line == 0) {
        return NGX_OK;
    }

    /* RFC 5545 3.3.10: with a zone UNTIL is in UTC */

    form = (event->form == NGX_SOPORTE_ICS_ZONED) ? NGX_SOPORTE_ICS_UTC
                                                  : event->form;

    if (draft->until.form != form) {
        return ngx_soporte_ics_fail(reader, draft->rule_line, "%s",
                                    "UNTIL is not of DTSTART's form");
    }

    if (event->form == NGX_SOPORTE_ICS_ZONED) {
        event->until_utc = draft->until.clock;

    } else {
        event->until = draft->until.clock;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_ics_exclude(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event)
{
    ngx_soporte_ics_draft_t  *draft;

    draft = &reader->draft;

    if (draft->nclocks == 0) {
        return NGX_OK;
    }

    if (draft->rule_line == 0) {
        return ngx_soporte_ics_fail(reader, draft->excluded.line, "%s",
                                    "EXDATE without RRULE");
    }

    if (draft->excluded.form != event->form) {
        return ngx_soporte_ics_fail(reader, draft->excluded.line, "%s",
                                    "EXDATE is not of DTSTART's form");
    }

    qsort(draft->clocks, draft->nclocks, sizeof(int64_t),
          ngx_soporte_ics_cmp_clocks);

    event->excluded = draft->clocks;
    event->nexcluded = draft->nclocks;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_soporte_ics_cmp_clocks(const void *one, const void *two)
{
    const int64_t  *first, *second;

    first = one;
    second = two;

    return (*first > *second) - (*first < *second);
}
