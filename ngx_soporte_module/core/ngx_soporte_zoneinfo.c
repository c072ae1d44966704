
/*
 * A time zone, read from the bytes of a TZif file (RFC 9636, versions 1 to 4,
 * POSIX TZ footer included): which offset is in force, and what a wall clock
 * shows.
 *
 * Of a file of version 2 or later only the second block, with 64-bit times,
 * is used; the first is skipped by its length.  From the last transition on
 * the footer rules: in "fat" files that is 2037, in "slim" ones it may be
 * years ago.  Every question is answered by way of the stretch (span) of one
 * offset that holds an instant, so that gaps and overlaps need no special
 * knowledge of where the stretch comes from.
 */

#include "ngx_soporte_zoneinfo.h"
#include "ngx_soporte_error.h"


/* RFC 9636 3.2: what an offset may be, seconds east of UTC */
#define NGX_SOPORTE_ZONEINFO_WEST    (-89999)
#define NGX_SOPORTE_ZONEINFO_EAST    93599

/* RFC 9636 3.3.1: hours of a footer's time of day */
#define NGX_SOPORTE_ZONEINFO_HOURS   167

#define NGX_SOPORTE_ZONEINFO_HEADER  44


/* what is left to be read */

typedef struct {
    const u_char           *p;
    const u_char           *last;
} ngx_soporte_zoneinfo_input_t;


typedef struct {
    u_char                  version;          /* 0, '2', '3' or '4' */
    uint32_t                isutcnt;
    uint32_t                isstdcnt;
    uint32_t                leapcnt;
    uint32_t                timecnt;
    uint32_t                typecnt;
    uint32_t                charcnt;
} ngx_soporte_zoneinfo_header_t;


static const char *ngx_soporte_zoneinfo_file(ngx_soporte_mem_t *mem,
    ngx_soporte_zoneinfo_t *zone, ngx_soporte_zoneinfo_input_t *in);
static const char *ngx_soporte_zoneinfo_header(
    ngx_soporte_zoneinfo_input_t *in, ngx_soporte_zoneinfo_header_t *header,
    size_t width, size_t *size);
static const char *ngx_soporte_zoneinfo_block(ngx_soporte_mem_t *mem,
    ngx_soporte_zoneinfo_t *zone, ngx_soporte_zoneinfo_header_t *header,
    const u_char *p, size_t width);
static const char *ngx_soporte_zoneinfo_types(ngx_soporte_zoneinfo_t *zone,
    ngx_soporte_zoneinfo_header_t *header, const u_char *p,
    const u_char *chars);
static const char *ngx_soporte_zoneinfo_indicators(
    ngx_soporte_zoneinfo_header_t *header, const u_char *isstd,
    const u_char *isut);
static ngx_int_t ngx_soporte_zoneinfo_footer(ngx_soporte_zoneinfo_t *zone,
    ngx_soporte_zoneinfo_input_t *in);
static ngx_int_t ngx_soporte_zoneinfo_designation(
    ngx_soporte_zoneinfo_input_t *in);
static ngx_int_t ngx_soporte_zoneinfo_time(ngx_soporte_zoneinfo_input_t *in,
    int32_t hours, int32_t *seconds);
static ngx_int_t ngx_soporte_zoneinfo_rule(ngx_soporte_zoneinfo_input_t *in,
    ngx_soporte_zoneinfo_rule_t *rule);
static ngx_int_t ngx_soporte_zoneinfo_number(ngx_soporte_zoneinfo_input_t *in,
    int32_t min, int32_t max, int32_t *number);
static ngx_int_t ngx_soporte_zoneinfo_char(ngx_soporte_zoneinfo_input_t *in,
    u_char ch);
static int64_t ngx_soporte_zoneinfo_change(
    const ngx_soporte_zoneinfo_rule_t *rule, int32_t year);
static void ngx_soporte_zoneinfo_footer_span(
    const ngx_soporte_zoneinfo_t *zone, int64_t t,
    ngx_soporte_zoneinfo_span_t *span);
static int64_t ngx_soporte_zoneinfo_integer(const u_char *p, size_t width);


ngx_uint_t
ngx_soporte_zoneinfo_name(const ngx_str_t *name)
{
    u_char  ch, before;
    size_t  i;

    if (name->len == 0 || name->len > 64) {
        return 0;
    }

    before = '/';

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (ch == '/') {
            if (before == '/') {
                return 0;
            }

        } else if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')
                     || (ch >= '0' && ch <= '9') || ch == '_' || ch == '+'
                     || (ch == '-' && before != '/')))
        {
            return 0;
        }

        before = ch;
    }

    return before != '/';
}


ngx_soporte_zoneinfo_t *
ngx_soporte_zoneinfo_read(ngx_soporte_mem_t *mem, const ngx_str_t *bytes,
    ngx_str_t *error)
{
    const char                    *what;
    ngx_soporte_zoneinfo_t        *zone;
    ngx_soporte_zoneinfo_input_t   in;

    ngx_str_null(error);

    zone = ngx_soporte_alloc(mem, sizeof(ngx_soporte_zoneinfo_t));
    if (zone == NULL) {
        return NULL;
    }

    ngx_memzero(zone, sizeof(ngx_soporte_zoneinfo_t));

    if (bytes->len > NGX_SOPORTE_ZONEINFO_MAX) {
        what = "it is too large";

    } else {
        in.p = bytes->data;
        in.last = bytes->data + bytes->len;

        what = ngx_soporte_zoneinfo_file(mem, zone, &in);
    }

    if (mem->failed) {
        return NULL;
    }

    if (what) {
        (void) ngx_soporte_error(mem, error, "not a usable zone file: %s",
                                 what);
        return NULL;
    }

    return zone;
}


static const char *
ngx_soporte_zoneinfo_file(ngx_soporte_mem_t *mem, ngx_soporte_zoneinfo_t *zone,
    ngx_soporte_zoneinfo_input_t *in)
{
    size_t                          width, size;
    u_char                          version;
    const char                     *what;
    const u_char                   *block;
    ngx_soporte_zoneinfo_header_t   header;

    width = 4;

    what = ngx_soporte_zoneinfo_header(in, &header, width, &size);
    if (what) {
        return what;
    }

    if (header.version) {
        version = header.version;
        width = 8;
        in->p += size;

        what = ngx_soporte_zoneinfo_header(in, &header, width, &size);
        if (what) {
            return what;
        }

        if (header.version != version) {
            return "its two headers differ in version";
        }
    }

    block = in->p;
    in->p += size;

    what = ngx_soporte_zoneinfo_block(mem, zone, &header, block, width);
    if (what) {
        return what;
    }

    if (header.version && ngx_soporte_zoneinfo_footer(zone, in) != NGX_OK) {
        return "its footer is not a POSIX TZ string";
    }

    if (in->p != in->last) {
        return "something follows its end";
    }

    return NULL;
}


/* sets *size to the bytes of the block that follows, which are all there */

static const char *
ngx_soporte_zoneinfo_header(ngx_soporte_zoneinfo_input_t *in,
    ngx_soporte_zoneinfo_header_t *header, size_t width, size_t *size)
{
    uint64_t       need;
    const u_char  *p;

    p = in->p;

    if (in->last - p < NGX_SOPORTE_ZONEINFO_HEADER) {
        return "it is cut short";
    }

    if (ngx_memcmp(p, "TZif", 4) != 0) {
        return "it does not begin with \"TZif\"";
    }

    header->version = p[4];

    if (p[4] != 0 && (p[4] < '2' || p[4] > '4')) {
        return "its version is unknown";
    }

    header->isutcnt = (uint32_t) ngx_soporte_zoneinfo_integer(p + 20, 4);
    header->isstdcnt = (uint32_t) ngx_soporte_zoneinfo_integer(p + 24, 4);
    header->leapcnt = (uint32_t) ngx_soporte_zoneinfo_integer(p + 28, 4);
    header->timecnt = (uint32_t) ngx_soporte_zoneinfo_integer(p + 32, 4);
    header->typecnt = (uint32_t) ngx_soporte_zoneinfo_integer(p + 36, 4);
    header->charcnt = (uint32_t) ngx_soporte_zoneinfo_integer(p + 40, 4);

    if (header->leapcnt) {
        return "it counts leap seconds, which system time does not";
    }

    if (header->typecnt == 0 || header->typecnt > 256
        || header->charcnt == 0
        || (header->isutcnt && header->isutcnt != header->typecnt)
        || (header->isstdcnt && header->isstdcnt != header->typecnt))
    {
        return "its header contradicts itself";
    }

    need = (uint64_t) header->timecnt * (width + 1)
           + (uint64_t) header->typecnt * 6 + header->charcnt
           + header->isstdcnt + header->isutcnt;

    in->p += NGX_SOPORTE_ZONEINFO_HEADER;

    if ((uint64_t) (in->last - in->p) < need) {
        return "it is cut short";
    }

    *size = (size_t) need;

    return NULL;
}


static const char *
ngx_soporte_zoneinfo_block(ngx_soporte_mem_t *mem,
    ngx_soporte_zoneinfo_t *zone, ngx_soporte_zoneinfo_header_t *header,
    const u_char *p, size_t width)
{
    ngx_uint_t     i;
    const u_char  *index, *types, *chars, *isstd, *isut;

    index = p + header->timecnt * width;
    types = index + header->timecnt;
    chars = types + header->typecnt * 6;
    isstd = chars + header->charcnt;
    isut = isstd + header->isstdcnt;

    zone->ntimes = header->timecnt;
    zone->times = ngx_soporte_alloc(mem, zone->ntimes * sizeof(int64_t) + 1);
    zone->index = ngx_soporte_alloc(mem, zone->ntimes + 1);
    zone->ntypes = header->typecnt;
    zone->types = ngx_soporte_alloc(mem, zone->ntypes
                                         * sizeof(zone->types[0]));
    if (mem->failed) {
        return "no memory";
    }

    for (i = 0; i < zone->ntimes; i++) {
        zone->times[i] = ngx_soporte_zoneinfo_integer(p + i * width, width);
        zone->index[i] = index[i];

        if (i && zone->times[i] <= zone->times[i - 1]) {
            return "its transitions are out of order";
        }

        if (zone->index[i] >= header->typecnt) {
            return "a transition has no type";
        }
    }

    if (chars[header->charcnt - 1] != '\0') {
        return "a designation has no end";
    }

    if (ngx_soporte_zoneinfo_types(zone, header, types, chars) != NULL) {
        return "a local time type is out of range";
    }

    return ngx_soporte_zoneinfo_indicators(header, isstd, isut);
}


static const char *
ngx_soporte_zoneinfo_types(ngx_soporte_zoneinfo_t *zone,
    ngx_soporte_zoneinfo_header_t *header, const u_char *p,
    const u_char *chars)
{
    int64_t     offset;
    ngx_uint_t  i;

    for (i = 0; i < zone->ntypes; i++, p += 6) {
        offset = ngx_soporte_zoneinfo_integer(p, 4);

        if (offset < NGX_SOPORTE_ZONEINFO_WEST
            || offset > NGX_SOPORTE_ZONEINFO_EAST
            || p[4] > 1 || p[5] >= header->charcnt)
        {
            return "out of range";
        }

        zone->types[i].offset = (int32_t) offset;
        zone->types[i].dst = p[4];
    }

    return NULL;
}


/* they matter to makers of TZif only, but tell whether the counts are right */

static const char *
ngx_soporte_zoneinfo_indicators(ngx_soporte_zoneinfo_header_t *header,
    const u_char *isstd, const u_char *isut)
{
    ngx_uint_t  i;

    for (i = 0; i < header->isstdcnt; i++) {
        if (isstd[i] > 1) {
            return "an indicator is neither 0 nor 1";
        }
    }

    for (i = 0; i < header->isutcnt; i++) {
        if (isut[i] > 1) {
            return "an indicator is neither 0 nor 1";
        }

        if (isut[i] && (header->isstdcnt == 0 || !isstd[i])) {
            return "a UT indicator has no standard indicator";
        }
    }

    return NULL;
}


/* NL [ std offset [ dst [offset] , rule , rule ] ] NL */

static ngx_int_t
ngx_soporte_zoneinfo_footer(ngx_soporte_zoneinfo_t *zone,
    ngx_soporte_zoneinfo_input_t *in)
{
    int32_t  west;

    if (ngx_soporte_zoneinfo_char(in, '\n') != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_soporte_zoneinfo_char(in, '\n') == NGX_OK) {
        return NGX_OK;
    }

    if (ngx_soporte_zoneinfo_designation(in) != NGX_OK
        || ngx_soporte_zoneinfo_time(in, 24, &west) != NGX_OK)
    {
        return NGX_ERROR;
    }

    zone->footer = 1;
    zone->standard.offset = -west;

    if (ngx_soporte_zoneinfo_char(in, '\n') == NGX_OK) {
        return NGX_OK;
    }

    if (ngx_soporte_zoneinfo_designation(in) != NGX_OK) {
        return NGX_ERROR;
    }

    zone->changes = 1;
    zone->daylight.offset = zone->standard.offset + 3600;
    zone->daylight.dst = 1;

    if (ngx_soporte_zoneinfo_char(in, ',') != NGX_OK) {

        if (ngx_soporte_zoneinfo_time(in, 24, &west) != NGX_OK
            || ngx_soporte_zoneinfo_char(in, ',') != NGX_OK)
        {
            return NGX_ERROR;
        }

        zone->daylight.offset = -west;
    }

    if (ngx_soporte_zoneinfo_rule(in, &zone->start) != NGX_OK
        || ngx_soporte_zoneinfo_char(in, ',') != NGX_OK
        || ngx_soporte_zoneinfo_rule(in, &zone->end) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_soporte_zoneinfo_char(in, '\n');
}


/* "CST" or "<+0330>"; not kept */

static ngx_int_t
ngx_soporte_zoneinfo_designation(ngx_soporte_zoneinfo_input_t *in)
{
    u_char         ch;
    ngx_uint_t     quoted;
    const u_char  *start;

    quoted = (ngx_soporte_zoneinfo_char(in, '<') == NGX_OK);

    for (start = in->p; in->p < in->last; in->p++) {
        ch = *in->p | 0x20;

        if (ch >= 'a' && ch <= 'z') {
            continue;
        }

        ch = *in->p;

        if (!quoted
            || ((ch < '0' || ch > '9') && ch != '+' && ch != '-'))
        {
            break;
        }
    }

    if (in->p - start < 3) {
        return NGX_ERROR;
    }

    return quoted ? ngx_soporte_zoneinfo_char(in, '>') : NGX_OK;
}


/* [+-]hh[:mm[:ss]] */

static ngx_int_t
ngx_soporte_zoneinfo_time(ngx_soporte_zoneinfo_input_t *in, int32_t hours,
    int32_t *seconds)
{
    int32_t  sign, hour, minute, second;

    sign = 1;
    minute = 0;
    second = 0;

    if (ngx_soporte_zoneinfo_char(in, '-') == NGX_OK) {
        sign = -1;

    } else {
        (void) ngx_soporte_zoneinfo_char(in, '+');
    }

    if (ngx_soporte_zoneinfo_number(in, 0, hours, &hour) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_soporte_zoneinfo_char(in, ':') == NGX_OK) {

        if (ngx_soporte_zoneinfo_number(in, 0, 59, &minute) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_soporte_zoneinfo_char(in, ':') == NGX_OK
            && ngx_soporte_zoneinfo_number(in, 0, 59, &second) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    *seconds = sign * (hour * 3600 + minute * 60 + second);

    return NGX_OK;
}


/* Mm.w.d, Jn or n, each with an optional /time */

static ngx_int_t
ngx_soporte_zoneinfo_rule(ngx_soporte_zoneinfo_input_t *in,
    ngx_soporte_zoneinfo_rule_t *rule)
{
    ngx_int_t  rc;

    if (ngx_soporte_zoneinfo_char(in, 'M') == NGX_OK) {
        rule->form = 'M';

        if (ngx_soporte_zoneinfo_number(in, 1, 12, &rule->month) != NGX_OK
            || ngx_soporte_zoneinfo_char(in, '.') != NGX_OK
            || ngx_soporte_zoneinfo_number(in, 1, 5, &rule->week) != NGX_OK
            || ngx_soporte_zoneinfo_char(in, '.') != NGX_OK)
        {
            return NGX_ERROR;
        }

        rc = ngx_soporte_zoneinfo_number(in, 0, 6, &rule->day);

    } else if (ngx_soporte_zoneinfo_char(in, 'J') == NGX_OK) {
        rule->form = 'J';
        rc = ngx_soporte_zoneinfo_number(in, 1, 365, &rule->day);

    } else {
        rule->form = '0';
        rc = ngx_soporte_zoneinfo_number(in, 0, 365, &rule->day);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    rule->time = 2 * 3600;

    if (ngx_soporte_zoneinfo_char(in, '/') == NGX_OK) {
        return ngx_soporte_zoneinfo_time(in, NGX_SOPORTE_ZONEINFO_HOURS,
                                         &rule->time);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_zoneinfo_number(ngx_soporte_zoneinfo_input_t *in, int32_t min,
    int32_t max, int32_t *number)
{
    int32_t        n;
    const u_char  *start;

    n = 0;

    for (start = in->p; in->p < in->last; in->p++) {

        if (*in->p < '0' || *in->p > '9') {
            break;
        }

        if (in->p - start == 3) {
            return NGX_ERROR;
        }

        n = n * 10 + (*in->p - '0');
    }

    if (in->p == start || n < min || n > max) {
        return NGX_ERROR;
    }

    *number = n;

    return NGX_OK;
}


/* takes one character, or nothing and says NGX_ERROR */

static ngx_int_t
ngx_soporte_zoneinfo_char(ngx_soporte_zoneinfo_input_t *in, u_char ch)
{
    if (in->p == in->last || *in->p != ch) {
        return NGX_ERROR;
    }

    in->p++;

    return NGX_OK;
}


void
ngx_soporte_zoneinfo_span(const ngx_soporte_zoneinfo_t *zone, int64_t t,
    ngx_soporte_zoneinfo_span_t *span)
{
    ngx_uint_t  left, right, middle;

    t = ngx_min(ngx_max(t, NGX_SOPORTE_CIVIL_MIN), NGX_SOPORTE_CIVIL_MAX);

    /* right: the first transition after t */

    left = 0;
    right = zone->ntimes;

    while (left < right) {
        middle = (left + right) / 2;

        if (zone->times[middle] <= t) {
            left = middle + 1;

        } else {
            right = middle;
        }
    }

    span->from = right ? zone->times[right - 1] : INT64_MIN;
    span->until = (right < zone->ntimes) ? zone->times[right] : INT64_MAX;
    span->type = right ? zone->types[zone->index[right - 1]] : zone->types[0];

    if (right < zone->ntimes || !zone->footer) {
        return;
    }

    /* RFC 9636 3.3: the footer is for times after the last transition */

    if (t > span->from) {
        span->from++;
        ngx_soporte_zoneinfo_footer_span(zone, t, span);

    } else {
        span->until = span->from + 1;
    }
}


/* span->from is set, if there are transitions: from then on the footer rules */

static void
ngx_soporte_zoneinfo_footer_span(const ngx_soporte_zoneinfo_t *zone, int64_t t,
    ngx_soporte_zoneinfo_span_t *span)
{
    int32_t              year;
    int64_t              from, at, start, end;
    ngx_uint_t           i, dst;
    ngx_soporte_civil_t  civil;

    span->until = INT64_MAX;
    span->type = zone->standard;

    if (!zone->changes) {
        return;
    }

    from = INT64_MIN;

    ngx_soporte_civil_from(t, zone->standard.offset, &civil);

    /*
     * A time of -167 to 167 hours moves a change into a neighboring year at
     * most: two years each way hold the change before and the one after.  Of
     * two changes at one instant the later listed wins: "DST all year" ends
     * when it begins again.
     */

    for (year = civil.year - 2; year <= civil.year + 2; year++) {
        start = ngx_soporte_zoneinfo_change(&zone->start, year)
                - zone->standard.offset;
        end = ngx_soporte_zoneinfo_change(&zone->end, year)
              - zone->daylight.offset;

        for (i = 0; i < 2; i++) {
            dst = (i == (start > end));
            at = dst ? start : end;

            if (at > t) {
                span->until = ngx_min(span->until, at);

            } else if (at >= from) {
                from = at;
                span->type = dst ? zone->daylight : zone->standard;
            }
        }
    }

    span->from = ngx_max(span->from, from);
}


/* wall clock of the change in a year, counted as if the clock were UTC's */

static int64_t
ngx_soporte_zoneinfo_change(const ngx_soporte_zoneinfo_rule_t *rule,
    int32_t year)
{
    int32_t  days, base;

    /* the calendar repeats after 400 years, and so do its weekdays */

    base = 0;

    if (year < 1 || year > 9999) {
        base = (year < 1) ? -146097 : 146097;
        year += (year < 1) ? 400 : -400;
    }

    switch (rule->form) {

    case 'M':
        /* the fifth means the last */

        days = ngx_soporte_civil_nth(year, rule->month,
                                     rule->week == 5 ? -1 : rule->week,
                                     rule->day);
        break;

    case 'J':
        /* 29 February is never counted */

        days = ngx_soporte_civil_days(year, 1, 1) + rule->day - 1;

        if (rule->day >= 60) {
            days += ngx_soporte_civil_month_days(year, 2) - 28;
        }

        break;

    default:
        days = ngx_soporte_civil_days(year, 1, 1) + rule->day;
    }

    return (int64_t) (days + base) * 86400 + rule->time;
}


void
ngx_soporte_zoneinfo_local(const ngx_soporte_zoneinfo_t *zone, int64_t t,
    ngx_soporte_civil_t *civil)
{
    ngx_soporte_zoneinfo_span_t  span;

    ngx_soporte_zoneinfo_span(zone, t, &span);
    ngx_soporte_civil_from(t, span.type.offset, civil);

    civil->dst = span.type.dst;
}


int64_t
ngx_soporte_zoneinfo_utc(const ngx_soporte_zoneinfo_t *zone, int64_t local,
    ngx_soporte_zoneinfo_span_t *cursor)
{
    int64_t                      t, margin, before;
    ngx_soporte_zoneinfo_span_t  span;

    /* two days from where spans are clamped, lest the loop stands still */

    local = ngx_min(ngx_max(local, NGX_SOPORTE_CIVIL_MIN + 2 * 86400),
                    NGX_SOPORTE_CIVIL_MAX - 2 * 86400);

    /* far enough inside a stretch no other one can show this time */

    margin = NGX_SOPORTE_ZONEINFO_EAST - NGX_SOPORTE_ZONEINFO_WEST;

    if (cursor && cursor->from < cursor->until) {
        t = local - cursor->type.offset;

        if (t - margin >= cursor->from && t + margin < cursor->until) {
            return t;
        }
    }

    /*
     * Stretches in order, from the earliest that may show this time.  In the
     * first one that ends after "t" it is either shown or was skipped when
     * the stretch began.
     */

    t = local - NGX_SOPORTE_ZONEINFO_EAST;
    ngx_soporte_zoneinfo_span(zone, t, &span);
    before = span.type.offset;

    while (local - span.type.offset >= span.until) {
        before = span.type.offset;
        t = span.until;
        ngx_soporte_zoneinfo_span(zone, t, &span);
    }

    if (cursor) {
        *cursor = span;
    }

    t = local - span.type.offset;

    return (t >= span.from) ? t : local - before;
}


/* big-endian two's complement */

static int64_t
ngx_soporte_zoneinfo_integer(const u_char *p, size_t width)
{
    size_t    i;
    uint64_t  n;

    n = (p[0] & 0x80) ? ~(uint64_t) 0 : 0;

    for (i = 0; i < width; i++) {
        n = n << 8 | p[i];
    }

    return (int64_t) n;
}
