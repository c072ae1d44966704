
/*
 * Prevents: a zone file that crashes or hangs its reader, offsets that do not
 * join, an hour that is converted two ways.
 *
 * An input is a TZif file.
 */

#include "fuzz.h"
#include "ngx_soporte_calendar.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const int64_t  times[] = {
    INT64_MIN, NGX_SOPORTE_CIVIL_MIN, -2208988800LL, -1, 0, 951782400,
    1667116800, 1795348800, 2147483647, 2147483648LL, 4102444800LL,
    NGX_SOPORTE_CIVIL_MAX, INT64_MAX
};


/* the stretches from t on: each holds its instants, and they join */

static void
fuzz_spans(const ngx_soporte_zoneinfo_t *zone, int64_t t)
{
    ngx_uint_t                   i;
    ngx_soporte_zoneinfo_span_t  span, next;

    t = ngx_min(ngx_max(t, NGX_SOPORTE_CIVIL_MIN), NGX_SOPORTE_CIVIL_MAX);

    ngx_soporte_zoneinfo_span(zone, t, &span);

    for (i = 0; i < 20; i++) {
        fuzz_check(span.from <= t && t < span.until);
        fuzz_check(span.type.offset >= -90000 && span.type.offset <= 93600);

        t = span.until;

        if (t > NGX_SOPORTE_CIVIL_MAX) {
            return;
        }

        ngx_soporte_zoneinfo_span(zone, t, &next);
        fuzz_check(next.from == t);
        span = next;
    }
}


/*
 * A wall clock's instant is the first that shows it.  One that was skipped
 * shows a later one, where changes are not as dense as no clock has them.
 */

static void
fuzz_utc(const ngx_soporte_zoneinfo_t *zone, int64_t local,
    ngx_soporte_zoneinfo_span_t *cursor)
{
    int64_t                      t, earlier;
    ngx_soporte_zoneinfo_span_t  span, before;

    local = ngx_min(ngx_max(local, NGX_SOPORTE_CIVIL_MIN + 864000),
                    NGX_SOPORTE_CIVIL_MAX - 864000);

    t = ngx_soporte_zoneinfo_utc(zone, local, NULL);

    fuzz_check(t == ngx_soporte_zoneinfo_utc(zone, local, cursor));

    ngx_soporte_zoneinfo_span(zone, t, &span);

    if (span.from <= NGX_SOPORTE_CIVIL_MIN) {
        return;
    }

    ngx_soporte_zoneinfo_span(zone, span.from - 1, &before);

    if (t + span.type.offset == local) {
        earlier = local - before.type.offset;
        fuzz_check(earlier < before.from || earlier >= before.until);

    } else if (span.until > t + 2 * 86400
               && before.from < span.from - 2 * 86400)
    {
        fuzz_check(t + span.type.offset > local);
    }
}


static void
fuzz_calendar(fuzz_mem_t *fm, const ngx_soporte_zoneinfo_t *zone, int64_t now)
{
    int64_t                       open;
    ngx_str_t                     days, range, error;
    ngx_uint_t                    i;
    ngx_soporte_calendar_t        cal;
    ngx_soporte_calendar_table_t  table;

    ngx_soporte_calendar_init(&cal, &fm->mem);

    ngx_str_set(&days, "mon-fri");
    ngx_str_set(&range, "02:30-26:00");
    fuzz_check(ngx_soporte_calendar_hours(&cal, &days, &range, &error)
               == NGX_OK);

    table.memory = ngx_soporte_alloc(&fm->mem,
                                     ngx_soporte_calendar_room(&cal));
    ngx_soporte_calendar_build(&cal, zone, now, &table);

    open = 0;

    for (i = 0; i < table.n; i++) {
        fuzz_check(table.intervals[i].from < table.intervals[i].until);
        fuzz_check(table.intervals[i].before == open);
        fuzz_check(i == 0 || table.intervals[i - 1].until
                             < table.intervals[i].from);
        open += table.intervals[i].until - table.intervals[i].from;
    }

    fuzz_check(ngx_soporte_calendar_between(&table, table.lo, table.hi)
               == open);
    (void) ngx_soporte_calendar_is_open(&table, now);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t                       at;
    ngx_str_t                     bytes, error;
    ngx_uint_t                    i, j;
    fuzz_mem_t                    fm;
    ngx_soporte_civil_t           civil;
    ngx_soporte_zoneinfo_t       *zone;
    ngx_soporte_zoneinfo_span_t   cursor;

    bytes.data = (u_char *) data;
    bytes.len = size;

    zone = ngx_soporte_zoneinfo_read(fuzz_mem(&fm), &bytes, &error);

    if (zone == NULL) {
        fuzz_check(error.len > 0 && strlen((char *) error.data) == error.len);
        fuzz_mem_free(&fm);
        return 0;
    }

    memset(&cursor, 0, sizeof(cursor));

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        fuzz_spans(zone, times[i]);
        fuzz_utc(zone, times[i], &cursor);

        ngx_soporte_zoneinfo_local(zone, times[i], &civil);
        fuzz_check(civil.month >= 1 && civil.month <= 12);
    }

    for (i = 0; i < zone->ntimes && i < 8; i++) {
        at = ngx_max(zone->times[zone->ntimes - 1 - i],
                     NGX_SOPORTE_CIVIL_MIN);
        at = ngx_min(at, NGX_SOPORTE_CIVIL_MAX);

        for (j = 0; j < 8; j++) {
            fuzz_utc(zone, at + zone->types[j % zone->ntypes].offset
                           + (int64_t) j * 600 - 2400, &cursor);
        }
    }

    fuzz_calendar(&fm, zone, 1795348800);
    fuzz_calendar(&fm, zone, 3000000000LL);

    fuzz_mem_free(&fm);

    return 0;
}
