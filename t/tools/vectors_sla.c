
/*
 * Runs a file of vectors for minutes and months through the core and prints
 * "N passed, M failed"; exit code 1 if any failed, 2 if it is no such file.
 *
 *     vectors-sla FILE.json
 *
 * The file: "minutes" of nodes [[six slots {good, hard, soft, slow, probe:
 * "ok"|"fail"|null} or null]], serving [[six booleans]] (default: recorded is
 * serving), maintenance_slots [slot], gap "down"|"unknown", state, ratio_ppm;
 * "months" of total, down, maintenance, unknown, availability,
 * availability_min, availability_max, verdict, budget_seconds, left_seconds.
 * A number left out is 0.  Beyond that a minute may say held {"maintenance",
 * "restore", "incident": [slot]}, slots in which we answered for the tenant,
 * and what it counts as in both readings: counted, excluded [state, D, X].
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ngx_soporte_month.h"


static size_t  vectors_passed, vectors_failed;
static int     vectors_wrong;


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


static void
vectors_verdict(json_t *value)
{
    char  *text;

    if (!vectors_wrong) {
        vectors_passed++;
        return;
    }

    text = json_dumps(value, JSON_COMPACT);
    fprintf(stderr, "  in %.2000s\n", text);
    free(text);

    vectors_failed++;
    vectors_wrong = 0;
}


/* want is a number, or null for -1 */

static void
vectors_number(const char *what, int64_t got, json_t *want)
{
    if (json_is_integer(want) ? json_integer_value(want) == got
                              : json_is_null(want) && got == -1)
    {
        return;
    }

    fprintf(stderr, "%s is %lld\n", what, (long long) got);
    vectors_wrong = 1;
}


static void
vectors_text(const char *what, const char *got, json_t *want)
{
    const char  *text;

    text = json_string_value(want);

    if (text == NULL || strcmp(text, got) != 0) {
        fprintf(stderr, "%s is %s\n", what, got);
        vectors_wrong = 1;
    }
}


static int64_t
vectors_get(json_t *value, const char *name)
{
    return json_integer_value(json_object_get(value, name));
}


static void
vectors_slot(ngx_soporte_slot_t *slot, json_t *value, json_t *serving)
{
    const char          *probe;
    ngx_uint_t           flags;
    ngx_soporte_sums_t   sums;

    memset(&sums, 0, sizeof(ngx_soporte_sums_t));
    flags = 0;

    if (json_is_object(value)) {
        flags |= NGX_SOPORTE_SLOT_RECORDED;

        sums.good = (uint32_t) vectors_get(value, "good");
        sums.hard = (uint32_t) vectors_get(value, "hard");
        sums.soft = (uint32_t) vectors_get(value, "soft");
        sums.slow = (uint32_t) vectors_get(value, "slow");

        probe = json_string_value(json_object_get(value, "probe"));

        if (probe) {
            flags |= strcmp(probe, "ok") == 0 ? NGX_SOPORTE_SLOT_PROBE_OK
                                              : NGX_SOPORTE_SLOT_PROBE_FAIL;
        }
    }

    if (serving ? json_is_true(serving) : json_is_object(value)) {
        flags |= NGX_SOPORTE_SLOT_SERVING;
    }

    ngx_soporte_slot_add(slot, &sums, flags);
}


static void
vectors_flag(ngx_soporte_minute_t *minute, json_t *slots, ngx_uint_t flag)
{
    size_t   i;
    json_t  *slot;

    json_array_foreach(slots, i, slot) {
        if (json_integer_value(slot) >= NGX_SOPORTE_MINUTE_SLOTS) {
            vectors_die("a minute has no slot %lld",
                        (long long) json_integer_value(slot));
        }

        minute->slot[json_integer_value(slot)].flags |= flag;
    }
}


/* [state, whether it belongs to D, whether it belongs to X] */

static void
vectors_reading(const ngx_soporte_minute_t *minute, ngx_uint_t excluded,
    json_t *want)
{
    ngx_soporte_judgement_t  got;

    ngx_soporte_minute_judge(minute, excluded, &got);

    vectors_text("state", (char *) ngx_soporte_state_names[got.state].data,
                 json_array_get(want, 0));
    vectors_number("D", (int64_t) got.down, json_array_get(want, 1));
    vectors_number("X", (int64_t) got.excluded, json_array_get(want, 2));
}


static void
vectors_minute(json_t *test)
{
    size_t                    i, k;
    json_t                   *node, *held, *serving;
    const char               *gap;
    ngx_soporte_minute_t      minute;
    ngx_soporte_judgement_t   got;

    memset(&minute, 0, sizeof(ngx_soporte_minute_t));

    json_array_foreach(json_object_get(test, "nodes"), i, node) {
        serving = json_array_get(json_object_get(test, "serving"), i);

        for (k = 0; k < NGX_SOPORTE_MINUTE_SLOTS; k++) {
            vectors_slot(&minute.slot[k], json_array_get(node, k),
                         json_array_get(serving, k));
        }
    }

    vectors_flag(&minute, json_object_get(test, "maintenance_slots"),
                 NGX_SOPORTE_SLOT_PLANNED);

    held = json_object_get(test, "held");
    vectors_flag(&minute, json_object_get(held, "maintenance"),
                 NGX_SOPORTE_SLOT_MAINTENANCE);
    vectors_flag(&minute, json_object_get(held, "restore"),
                 NGX_SOPORTE_SLOT_RESTORE);
    vectors_flag(&minute, json_object_get(held, "incident"),
                 NGX_SOPORTE_SLOT_INCIDENT);

    gap = json_string_value(json_object_get(test, "gap"));
    minute.gap_unknown = gap && strcmp(gap, "unknown") == 0;

    ngx_soporte_minute_judge(&minute, 1, &got);

    vectors_text("state", (char *) ngx_soporte_state_names[got.state].data,
                 json_object_get(test, "state"));
    vectors_number("ratio_ppm", got.bad, json_object_get(test, "ratio_ppm"));

    if (json_object_get(test, "counted")) {
        vectors_reading(&minute, 0, json_object_get(test, "counted"));
        vectors_reading(&minute, 1, json_object_get(test, "excluded"));
    }

    vectors_verdict(test);
}


static void
vectors_month(json_t *test)
{
    ngx_uint_t             none;
    ngx_soporte_figures_t  got;
    ngx_soporte_minutes_t  minutes;

    minutes.total = vectors_get(test, "total");
    minutes.down = vectors_get(test, "down");
    minutes.excluded = vectors_get(test, "maintenance");
    minutes.unknown = vectors_get(test, "unknown");

    ngx_soporte_month_figures(&minutes, NGX_SOPORTE_TARGET, &got);

    vectors_text("availability", (char *) got.availability,
                 json_object_get(test, "availability"));
    vectors_text("availability_min", (char *) got.availability_min,
                 json_object_get(test, "availability_min"));
    vectors_text("availability_max", (char *) got.availability_max,
                 json_object_get(test, "availability_max"));
    vectors_text("verdict",
                 (char *) ngx_soporte_verdict_names[got.verdict].data,
                 json_object_get(test, "verdict"));

    none = got.verdict == NGX_SOPORTE_VERDICT_NONE;

    if (none != (ngx_uint_t)
                json_is_null(json_object_get(test, "budget_seconds")))
    {
        fprintf(stderr, "budget is %snull\n", none ? "" : "not ");
        vectors_wrong = 1;

    } else if (!none) {
        vectors_number("budget", got.budget,
                       json_object_get(test, "budget_seconds"));
        vectors_number("left", got.left,
                       json_object_get(test, "left_seconds"));
    }

    vectors_verdict(test);
}


int
main(int argc, char **argv)
{
    size_t        i;
    json_t       *root, *value;
    json_error_t  error;

    if (argc != 2) {
        vectors_die("usage: vectors-sla FILE.json");
    }

    root = json_load_file(argv[1], 0, &error);
    if (root == NULL) {
        vectors_die("%s:%d: %s", argv[1], error.line, error.text);
    }

    if (!json_is_array(json_object_get(root, "minutes"))
        || !json_is_array(json_object_get(root, "months")))
    {
        vectors_die("%s: no minutes, or no months", argv[1]);
    }

    json_array_foreach(json_object_get(root, "minutes"), i, value) {
        vectors_minute(value);
    }

    json_array_foreach(json_object_get(root, "months"), i, value) {
        vectors_month(value);
    }

    json_decref(root);

    printf("%zu passed, %zu failed\n", vectors_passed, vectors_failed);

    return vectors_failed ? 1 : 0;
}
