
/*
 * Runs a file of vectors for business hours through the core and prints
 * "N passed, M failed"; exit code 1 if any failed, 2 if it is no such file.
 *
 *     vectors-hours FILE.json
 *
 * The file: "calendars" of id, tz, weekly {day: [[start, end]]}, dates
 * {date: [[start, end]]}, closed and extra [[from, until]]; "cases" of cal,
 * t, open, end, next_open, add [[minutes, due]], between [[t2, seconds]];
 * "sla" of cal, t, minutes, pauses [[from, until]], due, elapsed [[t2,
 * seconds]]; null is "never" or "not known".  A case may also carry local
 * [year, month, day, weekday, hour, minute, second, offset, dst].  "zones" of
 * tz, local [[t, offset]] and utc [[wall clock, t]] ask the zone alone.
 * A calendar may have "mx": true (LFT art. 74) and "ics", a file's text.
 *
 * Zone files are read below $TZDIR, /usr/share/zoneinfo if there is none.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "ngx_soporte_calendar.h"


#define VECTORS_MAX_CALENDARS  1024
#define VECTORS_MAX_PAUSES     256


typedef struct vectors_block_s  vectors_block_t;

struct vectors_block_s {
    vectors_block_t  *next;
    max_align_t       p[];
};


typedef struct {
    const char                   *id;
    ngx_soporte_calendar_t        rules;
    ngx_soporte_calendar_table_t  table;
    ngx_soporte_zoneinfo_t       *zone;
} vectors_calendar_t;


static vectors_calendar_t  vectors_calendars[VECTORS_MAX_CALENDARS];
static size_t              vectors_ncalendars;
static size_t              vectors_passed, vectors_failed;
static int                 vectors_wrong;
static vectors_block_t    *vectors_blocks;


static void *
vectors_alloc(void *data, size_t size)
{
    vectors_block_t  *block;

    block = malloc(sizeof(vectors_block_t) + size);

    if (block == NULL) {
        return NULL;
    }

    block->next = vectors_blocks;
    vectors_blocks = block;

    return block->p;
}


static ngx_soporte_mem_t  vectors_mem = { vectors_alloc, NULL, 0 };


static void __attribute__((format(printf, 1, 2), noreturn))
vectors_die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
    exit(2);
}


static ngx_str_t
vectors_str(const char *text)
{
    ngx_str_t  str;

    str.data = (u_char *) text;
    str.len = strlen(text);

    return str;
}


static const char *
vectors_text(json_t *value)
{
    if (!json_is_string(value)) {
        vectors_die("a string is missing");
    }

    return json_string_value(value);
}


/* null is the core's "beyond" */

static int64_t
vectors_int(json_t *value)
{
    if (json_is_null(value)) {
        return NGX_SOPORTE_CALENDAR_BEYOND;
    }

    if (!json_is_integer(value)) {
        vectors_die("a number is missing");
    }

    return json_integer_value(value);
}


static ngx_soporte_zoneinfo_t *
vectors_zone(const char *name)
{
    FILE                    *file;
    char                     path[4096];
    u_char                  *bytes;
    ngx_str_t                str, error;
    const char              *dir;
    ngx_soporte_zoneinfo_t  *zone;

    str = vectors_str(name);

    if (!ngx_soporte_zoneinfo_name(&str)) {
        vectors_die("invalid zone \"%s\"", name);
    }

    dir = getenv("TZDIR");
    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "/usr/share/zoneinfo",
             name);

    file = fopen(path, "rb");
    bytes = malloc(NGX_SOPORTE_ZONEINFO_MAX + 1);

    if (file == NULL || bytes == NULL) {
        vectors_die("cannot read %s", path);
    }

    str.data = bytes;
    str.len = fread(bytes, 1, NGX_SOPORTE_ZONEINFO_MAX + 1, file);
    fclose(file);

    zone = ngx_soporte_zoneinfo_read(&vectors_mem, &str, &error);
    if (zone == NULL) {
        vectors_die("%s: %s", path, error.data);
    }

    free(bytes);

    return zone;
}


/* a pair of texts: ["09:00", "18:00"] */

static void
vectors_pair(json_t *pair, const char **one, const char **two)
{
    *one = vectors_text(json_array_get(pair, 0));
    *two = vectors_text(json_array_get(pair, 1));
}


/* "2026-12-30 13:00:00" becomes what the directives take */

static ngx_str_t
vectors_datetime(const char *text, char buf[17])
{
    snprintf(buf, 17, "%s", text);

    if (strlen(text) == 19 && strcmp(text + 16, ":00") != 0) {
        vectors_die("\"%s\" has seconds", text);
    }

    if (buf[0] && strlen(buf) == 16) {
        buf[10] = 'T';
    }

    return vectors_str(buf);
}


static void
vectors_weekly(ngx_soporte_calendar_t *cal, json_t *weekly)
{
    char         range[64];
    json_t      *ranges, *pair;
    size_t       i;
    ngx_str_t    error, days, str;
    const char  *day, *start, *end;

    json_object_foreach(weekly, day, ranges) {
        json_array_foreach(ranges, i, pair) {
            vectors_pair(pair, &start, &end);
            snprintf(range, sizeof(range), "%s-%s", start, end);

            days = vectors_str(day);
            str = vectors_str(range);

            if (ngx_soporte_calendar_hours(cal, &days, &str, &error)
                != NGX_OK)
            {
                vectors_die("%s", error.data);
            }
        }
    }
}


static void
vectors_dates(ngx_soporte_calendar_t *cal, json_t *dates)
{
    char         text[64][64];
    json_t      *ranges, *pair;
    size_t       i;
    ngx_str_t    error, date, strs[64];
    const char  *name, *start, *end;

    json_object_foreach(dates, name, ranges) {

        if (json_array_size(ranges) > 64) {
            vectors_die("more than 64 ranges in a date");
        }

        strs[0] = vectors_str("closed");

        json_array_foreach(ranges, i, pair) {
            vectors_pair(pair, &start, &end);
            snprintf(text[i], sizeof(text[i]), "%s-%s", start, end);
            strs[i] = vectors_str(text[i]);
        }

        date = vectors_str(name);

        if (ngx_soporte_calendar_date(cal, &date, strs,
                                      ngx_max(json_array_size(ranges), 1),
                                      &error)
            != NGX_OK)
        {
            vectors_die("%s", error.data);
        }
    }
}


static void
vectors_periods(ngx_soporte_calendar_t *cal, json_t *periods,
    ngx_uint_t open)
{
    char         one[17], two[17];
    json_t      *pair;
    size_t       i;
    ngx_int_t    rc;
    ngx_str_t    error, from, until;
    const char  *start, *end;

    json_array_foreach(periods, i, pair) {
        vectors_pair(pair, &start, &end);

        from = vectors_datetime(start, one);
        until = vectors_datetime(end, two);

        rc = open ? ngx_soporte_calendar_open(cal, &from, &until, &error)
                  : ngx_soporte_calendar_closed(cal, &from, &until, &error);

        if (rc != NGX_OK) {
            vectors_die("%s", error.data);
        }
    }
}


static void
vectors_calendar(json_t *value)
{
    json_t              *ics;
    ngx_str_t            str, name, error;
    const char          *tz;
    vectors_calendar_t  *cal;

    if (vectors_ncalendars == VECTORS_MAX_CALENDARS) {
        vectors_die("too many calendars");
    }

    cal = &vectors_calendars[vectors_ncalendars++];

    cal->id = vectors_text(json_object_get(value, "id"));
    tz = vectors_text(json_object_get(value, "tz"));
    cal->zone = vectors_zone(tz);

    ngx_soporte_calendar_init(&cal->rules, &vectors_mem);

    vectors_weekly(&cal->rules, json_object_get(value, "weekly"));
    vectors_dates(&cal->rules, json_object_get(value, "dates"));
    vectors_periods(&cal->rules, json_object_get(value, "closed"), 0);
    vectors_periods(&cal->rules, json_object_get(value, "extra"), 1);

    if (json_is_true(json_object_get(value, "mx"))) {
        ngx_soporte_calendar_holidays_mx(&cal->rules);
    }

    ics = json_object_get(value, "ics");

    if (ics) {
        name = vectors_str(cal->id);
        str = vectors_str(vectors_text(ics));

        if (ngx_soporte_calendar_holidays_ics(&cal->rules, &name, &str, &error)
            != NGX_OK)
        {
            vectors_die("%s", error.data);
        }
    }

    str = vectors_str(tz);

    if (ngx_soporte_calendar_timezone(&cal->rules, &str, &error) != NGX_OK
        || ngx_soporte_calendar_done(&cal->rules, &error) != NGX_OK)
    {
        vectors_die("%s", error.data);
    }

    cal->table.memory = ngx_soporte_alloc(&vectors_mem,
                                     ngx_soporte_calendar_room(&cal->rules));

    if (vectors_mem.failed) {
        vectors_die("no memory");
    }
}


/* built around t, wherever it was built before */

static vectors_calendar_t *
vectors_table(json_t *test, int64_t t)
{
    size_t       i;
    const char  *id;

    id = vectors_text(json_object_get(test, "cal"));

    for (i = 0; i < vectors_ncalendars; i++) {

        if (strcmp(vectors_calendars[i].id, id) == 0) {
            ngx_soporte_calendar_build(&vectors_calendars[i].rules,
                                       vectors_calendars[i].zone, t,
                                       &vectors_calendars[i].table);
            return &vectors_calendars[i];
        }
    }

    vectors_die("unknown calendar \"%s\"", id);
}


static void
vectors_equal(const char *what, int64_t t, int64_t got, int64_t expected)
{
    if (got == expected) {
        return;
    }

    vectors_wrong = 1;

    printf("t %lld: %s is %lld, expected %lld\n", (long long) t, what,
           (long long) got, (long long) expected);
}


static void
vectors_verdict(json_t *test)
{
    char  *text;

    if (!vectors_wrong) {
        vectors_passed++;
        return;
    }

    vectors_failed++;
    vectors_wrong = 0;

    text = json_dumps(test, JSON_COMPACT);
    printf("failed: %s\n", text);
    free(text);
}


static void
vectors_local(vectors_calendar_t *cal, int64_t t, json_t *fields)
{
    size_t               i;
    int64_t              got[9];
    ngx_soporte_civil_t  civil;

    ngx_soporte_zoneinfo_local(cal->zone, t, &civil);

    got[0] = civil.year;
    got[1] = civil.month;
    got[2] = civil.day;
    got[3] = civil.weekday;
    got[4] = civil.hour;
    got[5] = civil.minute;
    got[6] = civil.second;
    got[7] = civil.offset;
    got[8] = civil.dst;

    for (i = 0; i < 9; i++) {
        vectors_equal("local", t, got[i],
                      vectors_int(json_array_get(fields, i)));
    }
}


static void
vectors_case(json_t *test)
{
    json_t                        *pair;
    size_t                         i;
    int64_t                        t;
    vectors_calendar_t            *cal;
    ngx_soporte_calendar_state_t   state;

    t = vectors_int(json_object_get(test, "t"));
    cal = vectors_table(test, t);

    ngx_soporte_calendar_state(&cal->table, t, &state);

    vectors_equal("open", t, state.open,
                  json_is_true(json_object_get(test, "open")));
    vectors_equal("open, again", t,
                  ngx_soporte_calendar_is_open(&cal->table, t), state.open);
    vectors_equal("end", t, state.until,
                  vectors_int(json_object_get(test, "end")));
    vectors_equal("next_open", t, state.opens_at,
                  vectors_int(json_object_get(test, "next_open")));

    json_array_foreach(json_object_get(test, "add"), i, pair) {
        vectors_equal("add", t,
            ngx_soporte_calendar_add(&cal->table, t,
                                 60 * vectors_int(json_array_get(pair, 0))),
            vectors_int(json_array_get(pair, 1)));
    }

    json_array_foreach(json_object_get(test, "between"), i, pair) {
        vectors_equal("between", t,
            ngx_soporte_calendar_between(&cal->table, t,
                                      vectors_int(json_array_get(pair, 0))),
            vectors_int(json_array_get(pair, 1)));
    }

    if (json_object_get(test, "local")) {
        vectors_local(cal, t, json_object_get(test, "local"));
    }

    vectors_verdict(test);
}


static void
vectors_sla(json_t *test)
{
    json_t                         *pair;
    size_t                          i, n;
    int64_t                         t, seconds;
    vectors_calendar_t             *cal;
    ngx_soporte_calendar_period_t   pauses[VECTORS_MAX_PAUSES];

    n = json_array_size(json_object_get(test, "pauses"));

    if (n > VECTORS_MAX_PAUSES) {
        vectors_die("too many pauses");
    }

    json_array_foreach(json_object_get(test, "pauses"), i, pair) {
        pauses[i].from = vectors_int(json_array_get(pair, 0));
        pauses[i].until = vectors_int(json_array_get(pair, 1));
    }

    t = vectors_int(json_object_get(test, "t"));
    cal = vectors_table(test, t);
    seconds = 60 * vectors_int(json_object_get(test, "minutes"));

    vectors_equal("due", t,
                  ngx_soporte_calendar_due(&cal->table, t, seconds, pauses, n),
                  vectors_int(json_object_get(test, "due")));

    json_array_foreach(json_object_get(test, "elapsed"), i, pair) {
        vectors_equal("elapsed", t,
            ngx_soporte_calendar_elapsed(&cal->table, t,
                                      vectors_int(json_array_get(pair, 0)),
                                      pauses, n),
            vectors_int(json_array_get(pair, 1)));
    }

    vectors_verdict(test);
}


static void
vectors_zones(json_t *test)
{
    json_t                       *pair;
    size_t                        i;
    int64_t                       t;
    ngx_soporte_civil_t           civil;
    ngx_soporte_zoneinfo_t       *zone;
    ngx_soporte_zoneinfo_span_t   cursor;

    zone = vectors_zone(vectors_text(json_object_get(test, "tz")));

    json_array_foreach(json_object_get(test, "local"), i, pair) {
        t = vectors_int(json_array_get(pair, 0));
        ngx_soporte_zoneinfo_local(zone, t, &civil);
        vectors_equal("offset", t, civil.offset,
                      vectors_int(json_array_get(pair, 1)));
        vectors_verdict(pair);
    }

    memset(&cursor, 0, sizeof(cursor));

    json_array_foreach(json_object_get(test, "utc"), i, pair) {
        t = vectors_int(json_array_get(pair, 0));
        vectors_equal("instant", t, ngx_soporte_zoneinfo_utc(zone, t, NULL),
                      vectors_int(json_array_get(pair, 1)));
        vectors_equal("instant by cursor", t,
                      ngx_soporte_zoneinfo_utc(zone, t, &cursor),
                      vectors_int(json_array_get(pair, 1)));
        vectors_verdict(pair);
    }
}


/* how long a table of 1,200 days takes, for t/bench/hours */

static int
vectors_time(void)
{
    int                           i;
    double                        ms, least;
    ngx_str_t                     s, range, error;
    struct timespec               a, b;
    ngx_soporte_calendar_t        cal;
    ngx_soporte_zoneinfo_t       *zone;
    ngx_soporte_calendar_table_t  table;

    zone = vectors_zone("America/New_York");

    ngx_soporte_calendar_init(&cal, &vectors_mem);
    ngx_str_set(&s, "mon-fri");
    ngx_str_set(&range, "09:00-18:00");
    (void) ngx_soporte_calendar_hours(&cal, &s, &range, &error);
    ngx_soporte_calendar_holidays_mx(&cal);

    table.memory = malloc(ngx_soporte_calendar_room(&cal));
    least = 1e9;

    for (i = 0; i < 200; i++) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        ngx_soporte_calendar_build(&cal, zone, 1795752000 + i * 86400LL,
                                   &table);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);

        ms = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;
        least = (ms < least) ? ms : least;
    }

    free(table.memory);

    printf("a table of %d days: %.3f ms\n",
           NGX_SOPORTE_CALENDAR_BACK + NGX_SOPORTE_CALENDAR_AHEAD, least);

    return 0;
}


int
main(int argc, char **argv)
{
    size_t            i;
    json_t           *root, *value;
    json_error_t      error;
    vectors_block_t  *block;

    if (argc != 2) {
        vectors_die("usage: vectors-hours FILE.json");
    }

    if (strcmp(argv[1], "--time") == 0) {
        return vectors_time();
    }

    root = json_load_file(argv[1], 0, &error);
    if (root == NULL) {
        vectors_die("%s:%d: %s", argv[1], error.line, error.text);
    }

    if (json_integer_value(json_object_get(root, "format")) != 1) {
        vectors_die("%s: format is not 1", argv[1]);
    }

    json_array_foreach(json_object_get(root, "calendars"), i, value) {
        vectors_calendar(value);
    }

    json_array_foreach(json_object_get(root, "cases"), i, value) {
        vectors_case(value);
    }

    json_array_foreach(json_object_get(root, "sla"), i, value) {
        vectors_sla(value);
    }

    json_array_foreach(json_object_get(root, "zones"), i, value) {
        vectors_zones(value);
    }

    json_decref(root);

    while (vectors_blocks) {
        block = vectors_blocks;
        vectors_blocks = block->next;
        free(block);
    }

    printf("%zu passed, %zu failed\n", vectors_passed, vectors_failed);

    return vectors_failed ? 1 : 0;
}
