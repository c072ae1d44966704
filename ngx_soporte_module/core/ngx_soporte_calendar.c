
/*
 * Business hours: reads the arguments of a soporte_calendar block's
 * directives into rules, and says what is wrong with them.
 *
 * Everything that can be refused is refused here, so that the table (see
 * ngx_soporte_calendar_table.c) is built from rules that cannot fail.
 */

#include "ngx_soporte_calendar.h"
#include "ngx_soporte_error.h"


#define NGX_SOPORTE_CALENDAR_DAY   86400

/* the last end of a shift: 24:00 of the following day */
#define NGX_SOPORTE_CALENDAR_LAST  (48 * 3600)


static ngx_int_t ngx_soporte_calendar_days(const ngx_str_t *value,
    ngx_uint_t *mask, ngx_str_t *token);
static ngx_int_t ngx_soporte_calendar_weekday(const u_char *p, size_t len);
static ngx_int_t ngx_soporte_calendar_range(ngx_soporte_calendar_t *cal,
    const ngx_str_t *value, ngx_soporte_calendar_shift_t *shift,
    ngx_str_t *error);
static int32_t ngx_soporte_calendar_clock(const u_char *p);
static int32_t ngx_soporte_calendar_day(ngx_soporte_calendar_t *cal,
    const ngx_str_t *value, ngx_str_t *error);
static ngx_int_t ngx_soporte_calendar_datetime(ngx_soporte_calendar_t *cal,
    const ngx_str_t *value, int64_t *local, ngx_str_t *error);
static ngx_int_t ngx_soporte_calendar_period(ngx_soporte_calendar_t *cal,
    ngx_soporte_calendar_list_t *list, const ngx_str_t *from,
    const ngx_str_t *until, ngx_str_t *error);
static ngx_int_t ngx_soporte_calendar_copy(ngx_soporte_mem_t *mem,
    ngx_str_t *dst, const ngx_str_t *src);
static ngx_soporte_calendar_date_t *ngx_soporte_calendar_date_add(
    ngx_soporte_calendar_t *cal, int32_t day, ngx_uint_t *duplicate);
static void *ngx_soporte_calendar_push(ngx_soporte_mem_t *mem,
    ngx_soporte_calendar_list_t *list, size_t size);


void
ngx_soporte_calendar_init(ngx_soporte_calendar_t *cal, ngx_soporte_mem_t *mem)
{
    ngx_memzero(cal, sizeof(ngx_soporte_calendar_t));

    cal->mem = mem;
}


ngx_int_t
ngx_soporte_calendar_timezone(ngx_soporte_calendar_t *cal,
    const ngx_str_t *name, ngx_str_t *error)
{
    if (cal->timezone.len) {
        return ngx_soporte_error(cal->mem, error, "\"timezone\" is duplicate");
    }

    if (!ngx_soporte_zoneinfo_name(name)) {
        return ngx_soporte_error(cal->mem, error,
                                 "invalid timezone \"%.*s\", expected a name "
                                 "like \"America/Mexico_City\"",
                                 ngx_soporte_error_value(name));
    }

    ngx_str_null(error);

    return ngx_soporte_calendar_copy(cal->mem, &cal->timezone, name);
}


ngx_int_t
ngx_soporte_calendar_hours(ngx_soporte_calendar_t *cal, const ngx_str_t *days,
    const ngx_str_t *range, ngx_str_t *error)
{
    ngx_str_t                      token;
    ngx_uint_t                     i, mask;
    ngx_soporte_calendar_shift_t   shift, *added;

    if (ngx_soporte_calendar_days(days, &mask, &token) != NGX_OK) {
        return ngx_soporte_error(cal->mem, error,
                                 "unknown day \"%.*s\" in \"%.*s\", the days "
                                 "are mon tue wed thu fri sat sun, as in "
                                 "\"mon-fri\" or \"mon,wed\"",
                                 ngx_soporte_error_value(&token),
                                 ngx_soporte_error_value(days));
    }

    if (ngx_soporte_calendar_range(cal, range, &shift, error) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < 7; i++) {

        if (!(mask & (1 << i))) {
            continue;
        }

        added = ngx_soporte_calendar_push(cal->mem, &cal->shifts[i],
                                          sizeof(shift));
        if (added == NULL) {
            ngx_str_null(error);
            return NGX_ERROR;
        }

        *added = shift;
    }

    return NGX_OK;
}


/* bit n of *mask is a day, 0 is Sunday; *token is what was not understood */

static ngx_int_t
ngx_soporte_calendar_days(const ngx_str_t *value, ngx_uint_t *mask,
    ngx_str_t *token)
{
    u_char     *p, *last, *end;
    ngx_int_t   from, until;

    *mask = 0;
    p = value->data;
    last = value->data + value->len;

    for ( ;; ) {

        for (end = p; end < last && *end != ','; end++) { /* void */ }

        token->data = p;
        token->len = end - p;

        if (token->len == 7 && p[3] == '-') {
            from = ngx_soporte_calendar_weekday(p, 3);
            until = ngx_soporte_calendar_weekday(p + 4, 3);

        } else {
            from = ngx_soporte_calendar_weekday(p, token->len);
            until = from;
        }

        if (from == NGX_ERROR || until == NGX_ERROR) {
            return NGX_ERROR;
        }

        /* "sat-mon" goes over the end of the week */

        while (from != until) {
            *mask |= 1 << from;
            from = (from + 1) % 7;
        }

        *mask |= 1 << until;

        if (end == last) {
            return NGX_OK;
        }

        p = end + 1;
    }
}


static ngx_int_t
ngx_soporte_calendar_weekday(const u_char *p, size_t len)
{
    ngx_int_t          i;
    static const char  names[] = "sunmontuewedthufrisat";

    if (len == 3) {
        for (i = 0; i < 7; i++) {
            if (ngx_memcmp(p, names + 3 * i, 3) == 0) {
                return i;
            }
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_soporte_calendar_range(ngx_soporte_calendar_t *cal,
    const ngx_str_t *value, ngx_soporte_calendar_shift_t *shift,
    ngx_str_t *error)
{
    int32_t        end;
    const u_char  *p;

    p = value->data;

    if (value->len != sizeof("00:00-00:00") - 1 || p[5] != '-') {
        return ngx_soporte_error(cal->mem, error,
                                 "invalid range \"%.*s\", expected a form "
                                 "like \"09:00-18:00\"",
                                 ngx_soporte_error_value(value));
    }

    shift->start = ngx_soporte_calendar_clock(p);
    shift->end = ngx_soporte_calendar_clock(p + 6);

    if (shift->start < 0 || shift->start >= NGX_SOPORTE_CALENDAR_DAY) {
        return ngx_soporte_error(cal->mem, error,
                                 "invalid start in range \"%.*s\", a shift "
                                 "starts from 00:00 to 23:59",
                                 ngx_soporte_error_value(value));
    }

    if (shift->end < 0 || shift->end > NGX_SOPORTE_CALENDAR_LAST) {
        return ngx_soporte_error(cal->mem, error,
                                 "invalid end in range \"%.*s\", a shift "
                                 "ends at 48:00 at the latest",
                                 ngx_soporte_error_value(value));
    }

    if (shift->end <= shift->start) {
        end = shift->end + NGX_SOPORTE_CALENDAR_DAY;

        return ngx_soporte_error(cal->mem, error,
                                 "range \"%.*s\" does not end after its "
                                 "start, use \"%.5s-%02d:%02d\" for an end %s",
                                 ngx_soporte_error_value(value), p,
                                 end / 3600, end / 60 % 60,
                                 end > NGX_SOPORTE_CALENDAR_DAY
                                 ? "on the following day" : "at midnight");
    }

    return NGX_OK;
}


/* "HH:MM" as seconds, -1 if it is none; hours are not limited to 24 */

static int32_t
ngx_soporte_calendar_clock(const u_char *p)
{
    int32_t  hour, minute;

    hour = ngx_soporte_civil_digits(p, 2);
    minute = ngx_soporte_civil_digits(p + 3, 2);

    if (hour < 0 || p[2] != ':' || minute < 0 || minute > 59) {
        return -1;
    }

    return hour * 3600 + minute * 60;
}


ngx_int_t
ngx_soporte_calendar_date(ngx_soporte_calendar_t *cal, const ngx_str_t *date,
    const ngx_str_t *ranges, ngx_uint_t nranges, ngx_str_t *error)
{
    int32_t                        day;
    ngx_uint_t                     i, duplicate;
    ngx_soporte_calendar_date_t   *added;
    ngx_soporte_calendar_shift_t  *shifts;

    day = ngx_soporte_calendar_day(cal, date, error);
    if (day == NGX_SOPORTE_CIVIL_NONE) {
        return NGX_ERROR;
    }

    if (nranges == 1 && ranges[0].len == sizeof("closed") - 1
        && ngx_memcmp(ranges[0].data, "closed", ranges[0].len) == 0)
    {
        nranges = 0;

    } else if (nranges == 0) {
        return ngx_soporte_error(cal->mem, error,
                                 "date \"%.*s\" has neither a range nor "
                                 "\"closed\"",
                                 ngx_soporte_error_value(date));
    }

    ngx_str_null(error);

    shifts = ngx_soporte_alloc(cal->mem, nranges * sizeof(*shifts) + 1);
    if (shifts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < nranges; i++) {
        if (ngx_soporte_calendar_range(cal, &ranges[i], &shifts[i], error)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    added = ngx_soporte_calendar_date_add(cal, day, &duplicate);

    if (duplicate) {
        return ngx_soporte_error(cal->mem, error,
                                 "date \"%.*s\" is duplicate",
                                 ngx_soporte_error_value(date));
    }

    if (added == NULL) {
        return NGX_ERROR;
    }

    added->nshifts = nranges;
    added->shifts = shifts;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_calendar_closed(ngx_soporte_calendar_t *cal,
    const ngx_str_t *from, const ngx_str_t *until, ngx_str_t *error)
{
    return ngx_soporte_calendar_period(cal, &cal->closed, from, until, error);
}


ngx_int_t
ngx_soporte_calendar_open(ngx_soporte_calendar_t *cal, const ngx_str_t *from,
    const ngx_str_t *until, ngx_str_t *error)
{
    return ngx_soporte_calendar_period(cal, &cal->open, from, until, error);
}


void
ngx_soporte_calendar_holidays_mx(ngx_soporte_calendar_t *cal)
{
    cal->mx = 1;
}


ngx_int_t
ngx_soporte_calendar_holidays_ics(ngx_soporte_calendar_t *cal,
    const ngx_str_t *name, const ngx_str_t *bytes, ngx_str_t *error)
{
    ngx_str_t                     what;
    ngx_soporte_ics_t            *ics;
    ngx_soporte_calendar_file_t  *file;

    ngx_str_null(error);

    ics = ngx_soporte_ics_read(cal->mem, bytes, NGX_SOPORTE_CALENDAR_DATES,
                               &what);
    if (ics == NULL) {

        if (what.len == 0) {
            return NGX_ERROR;
        }

        return ngx_soporte_error(cal->mem, error, "\"%.*s\" %s",
                                 (int) name->len, name->data, what.data);
    }

    file = ngx_soporte_calendar_push(cal->mem, &cal->files, sizeof(*file));
    if (file == NULL) {
        return NGX_ERROR;
    }

    file->ics = ics;

    return ngx_soporte_calendar_copy(cal->mem, &file->name, name);
}


ngx_int_t
ngx_soporte_calendar_done(ngx_soporte_calendar_t *cal, ngx_str_t *error)
{
    ngx_str_t                    *tzid;
    ngx_uint_t                    i;
    ngx_soporte_calendar_file_t  *files;

    if (cal->timezone.len == 0) {
        return ngx_soporte_error(cal->mem, error,
                                 "no \"timezone\" in the calendar");
    }

    files = cal->files.elts;

    for (i = 0; i < cal->files.n; i++) {
        tzid = &files[i].ics->tzid;

        if (tzid->len && (tzid->len != cal->timezone.len
                          || ngx_memcmp(tzid->data, cal->timezone.data,
                                        tzid->len) != 0))
        {
            return ngx_soporte_error(cal->mem, error,
                                     "\"%.*s\" line %u: TZID \"%.*s\" is not "
                                     "the calendar's timezone \"%.*s\"",
                                     (int) files[i].name.len,
                                     files[i].name.data,
                                     (unsigned) files[i].ics->tzid_line,
                                     ngx_soporte_error_value(tzid),
                                     ngx_soporte_error_value(&cal->timezone));
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_soporte_calendar_empty(const ngx_soporte_calendar_t *cal)
{
    ngx_uint_t                    i;
    ngx_soporte_calendar_date_t  *dates;

    for (i = 0; i < 7; i++) {
        if (cal->shifts[i].n) {
            return 0;
        }
    }

    dates = cal->dates.elts;

    for (i = 0; i < cal->dates.n; i++) {
        if (dates[i].nshifts) {
            return 0;
        }
    }

    return cal->open.n == 0;
}


/* NGX_SOPORTE_CIVIL_NONE and a message for what is no date */

static int32_t
ngx_soporte_calendar_day(ngx_soporte_calendar_t *cal, const ngx_str_t *value,
    ngx_str_t *error)
{
    int32_t        year, month, day, days;
    const u_char  *p;

    p = value->data;
    year = -1;
    month = -1;
    day = -1;

    if (value->len == sizeof("0000-00-00") - 1 && p[4] == '-' && p[7] == '-') {
        year = ngx_soporte_civil_digits(p, 4);
        month = ngx_soporte_civil_digits(p + 5, 2);
        day = ngx_soporte_civil_digits(p + 8, 2);
    }

    if (year < 0 || month < 0 || day < 0) {
        (void) ngx_soporte_error(cal->mem, error,
                                 "invalid date \"%.*s\", expected a form "
                                 "like \"2026-12-24\"",
                                 ngx_soporte_error_value(value));
        return NGX_SOPORTE_CIVIL_NONE;
    }

    days = ngx_soporte_civil_days(year, month, day);

    if (days == NGX_SOPORTE_CIVIL_NONE) {
        (void) ngx_soporte_error(cal->mem, error,
                                 "date \"%.*s\" does not exist",
                                 ngx_soporte_error_value(value));
    }

    return days;
}


/* "2026-12-30T13:00", up to T24:00 */

static ngx_int_t
ngx_soporte_calendar_datetime(ngx_soporte_calendar_t *cal,
    const ngx_str_t *value, int64_t *local, ngx_str_t *error)
{
    int32_t    days, seconds;
    ngx_str_t  date;

    if (value->len != sizeof("0000-00-00T00:00") - 1
        || value->data[10] != 'T')
    {
        return ngx_soporte_error(cal->mem, error,
                                 "invalid time \"%.*s\", expected a form "
                                 "like \"2026-12-30T13:00\"",
                                 ngx_soporte_error_value(value));
    }

    date.data = value->data;
    date.len = 10;

    days = ngx_soporte_calendar_day(cal, &date, error);
    if (days == NGX_SOPORTE_CIVIL_NONE) {
        return NGX_ERROR;
    }

    seconds = ngx_soporte_calendar_clock(value->data + 11);

    if (seconds < 0 || seconds > NGX_SOPORTE_CALENDAR_DAY) {
        return ngx_soporte_error(cal->mem, error,
                                 "invalid time of day in \"%.*s\"",
                                 ngx_soporte_error_value(value));
    }

    *local = (int64_t) days * NGX_SOPORTE_CALENDAR_DAY + seconds;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_calendar_period(ngx_soporte_calendar_t *cal,
    ngx_soporte_calendar_list_t *list, const ngx_str_t *from,
    const ngx_str_t *until, ngx_str_t *error)
{
    ngx_soporte_calendar_period_t  period, *added;

    if (ngx_soporte_calendar_datetime(cal, from, &period.from, error)
        != NGX_OK
        || ngx_soporte_calendar_datetime(cal, until, &period.until, error)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (period.until <= period.from) {
        return ngx_soporte_error(cal->mem, error,
                                 "\"%.*s\" is not after \"%.*s\"",
                                 ngx_soporte_error_value(until),
                                 ngx_soporte_error_value(from));
    }

    added = ngx_soporte_calendar_push(cal->mem, list, sizeof(period));
    if (added == NULL) {
        ngx_str_null(error);
        return NGX_ERROR;
    }

    *added = period;

    return NGX_OK;
}


/* with a NUL that is not counted */

static ngx_int_t
ngx_soporte_calendar_copy(ngx_soporte_mem_t *mem, ngx_str_t *dst,
    const ngx_str_t *src)
{
    dst->data = ngx_soporte_alloc(mem, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(dst->data, src->data, src->len) = '\0';
    dst->len = src->len;

    return NGX_OK;
}


/* makes room in ascending order */

static ngx_soporte_calendar_date_t *
ngx_soporte_calendar_date_add(ngx_soporte_calendar_t *cal, int32_t day,
    ngx_uint_t *duplicate)
{
    ngx_uint_t                    i;
    ngx_soporte_calendar_date_t  *dates;

    dates = cal->dates.elts;
    *duplicate = 0;

    for (i = cal->dates.n; i && dates[i - 1].date >= day; i--) {
        if (dates[i - 1].date == day) {
            *duplicate = 1;
            return NULL;
        }
    }

    if (ngx_soporte_calendar_push(cal->mem, &cal->dates, sizeof(*dates))
        == NULL)
    {
        return NULL;
    }

    dates = cal->dates.elts;

    ngx_memmove(&dates[i + 1], &dates[i],
                (cal->dates.n - 1 - i) * sizeof(*dates));

    dates[i].date = day;

    return &dates[i];
}


/* the list is left as it was if memory is refused */

static void *
ngx_soporte_calendar_push(ngx_soporte_mem_t *mem,
    ngx_soporte_calendar_list_t *list, size_t size)
{
    void        *elts;
    ngx_uint_t   nalloc;

    if (list->n == list->nalloc) {
        nalloc = list->nalloc ? 2 * list->nalloc : 4;

        elts = ngx_soporte_alloc(mem, nalloc * size);
        if (elts == NULL) {
            return NULL;
        }

        if (list->n) {
            ngx_memcpy(elts, list->elts, list->n * size);
        }

        list->elts = elts;
        list->nalloc = nalloc;
    }

    return (u_char *) list->elts + size * list->n++;
}
