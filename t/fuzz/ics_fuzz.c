
/*
 * Prevents: an .ics file that crashes or hangs its reader, an error without
 * its line, more days off than there is room for.
 *
 * An input is an .ics file.
 */

#include <stdio.h>

#include "fuzz.h"
#include "ngx_soporte_calendar.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* EST5EDT,M3.2.0,M11.1.0 */

static const ngx_soporte_zoneinfo_type_t  type = { -18000, 0 };

static const ngx_soporte_zoneinfo_t  zone = {
    .ntypes = 1,
    .types = (ngx_soporte_zoneinfo_type_t *) &type,
    .footer = 1,
    .changes = 1,
    .standard = { -18000, 0 },
    .daylight = { -14400, 1 },
    .start = { 'M', 3, 2, 0, 7200 },
    .end = { 'M', 11, 1, 0, 7200 }
};


typedef struct {
    ngx_uint_t  timed;
    int32_t     first;
    int32_t     last;
} fuzz_expand_t;


static void
fuzz_instance(void *data, const ngx_soporte_ics_event_t *event, int64_t start)
{
    int64_t         date;
    fuzz_expand_t  *expand = data;

    date = ngx_soporte_civil_floor(start, 86400);

    fuzz_check(start >= (int64_t) event->date * 86400 + event->second);
    fuzz_check(start <= event->until);
    fuzz_check(event->wall >= 0 && event->exact >= 0
               && event->wall + event->exact > 0);
    fuzz_check(date >= expand->first - 370 && date <= expand->last + 1);

    if (event->form != NGX_SOPORTE_ICS_DATE) {
        expand->timed++;
    }
}


/* "line N: …", and the file has that line or ends before it */

static void
fuzz_error(const ngx_str_t *error, const uint8_t *data, size_t size)
{
    size_t    i;
    unsigned  line, lines;

    lines = 1;

    for (i = 0; i < size; i++) {
        lines += (data[i] == '\n');
    }

    fuzz_check(error->len > 0 && strlen((char *) error->data) == error->len);
    fuzz_check(sscanf((char *) error->data, "line %u: ", &line) == 1);
    fuzz_check(line >= 1 && line <= lines + 1);
}


static void
fuzz_calendar(fuzz_mem_t *fm, const ngx_str_t *bytes, int64_t now)
{
    ngx_str_t                     name, days, range, error;
    ngx_uint_t                    i;
    ngx_soporte_calendar_t        cal;
    ngx_soporte_calendar_table_t  table;

    ngx_soporte_calendar_init(&cal, &fm->mem);

    ngx_str_set(&name, "x.ics");
    ngx_str_set(&days, "mon-sun");
    ngx_str_set(&range, "00:00-24:00");

    fuzz_check(ngx_soporte_calendar_hours(&cal, &days, &range, &error)
               == NGX_OK);
    fuzz_check(ngx_soporte_calendar_holidays_ics(&cal, &name, bytes, &error)
               == NGX_OK);

    table.memory = ngx_soporte_alloc(&fm->mem,
                                     ngx_soporte_calendar_room(&cal));
    ngx_soporte_calendar_build(&cal, &zone, now, &table);

    for (i = 0; i < table.n; i++) {
        fuzz_check(table.intervals[i].from < table.intervals[i].until);
        fuzz_check(i == 0 || table.intervals[i - 1].until
                             < table.intervals[i].from);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_str_t           bytes, error;
    fuzz_mem_t          fm;
    fuzz_expand_t       expand;
    ngx_soporte_ics_t  *ics;

    bytes.data = (u_char *) data;
    bytes.len = size;

    ics = ngx_soporte_ics_read(fuzz_mem(&fm), &bytes,
                               NGX_SOPORTE_CALENDAR_DATES, &error);

    if (ics == NULL) {
        fuzz_error(&error, data, size);
        fuzz_mem_free(&fm);
        return 0;
    }

    expand.timed = 0;
    expand.first = 20000;
    expand.last = 20000 + NGX_SOPORTE_CALENDAR_DATES - 1;

    ngx_soporte_ics_expand(ics, expand.first, expand.last, fuzz_instance,
                           &expand);

    fuzz_check(expand.timed <= ics->ntimed);

    fuzz_calendar(&fm, &bytes, 1795348800);
    fuzz_calendar(&fm, &bytes, 1140000000);

    fuzz_mem_free(&fm);

    return 0;
}
