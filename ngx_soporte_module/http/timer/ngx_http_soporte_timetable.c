
/*
 * Files a calendar's table as a durable event: some 800 intervals, 25 KB, at
 * the start of a leader and when a file of the calendar changed or the table
 * moved on, which is each hundred days.
 */

#include "ngx_http_soporte_timetable.h"
#include "ngx_http_soporte_event.h"
#include "ngx_http_soporte_hours.h"


static ngx_int_t ngx_http_soporte_timetable_file(
    ngx_http_soporte_main_conf_t *smcf,
    ngx_http_soporte_calendar_t *calendar);
static void ngx_http_soporte_timetable_tenants(
    ngx_http_soporte_main_conf_t *smcf,
    ngx_http_soporte_calendar_t *calendar, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *event);
static void ngx_http_soporte_timetable_intervals(
    const ngx_soporte_calendar_table_t *table, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *event);


void
ngx_http_soporte_timetable_tick(ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                     i;
    ngx_http_soporte_calendar_t  **list;

    if (smcf->postgres == NULL) {
        return;
    }

    list = smcf->calendars.elts;

    for (i = 0; i < smcf->calendars.nelts; i++) {

        if (list[i]->zone == NULL
            || (list[i]->filed && list[i]->filed_page == list[i]->page
                && list[i]->filed_lo == list[i]->table.lo))
        {
            continue;
        }

        if (ngx_http_soporte_timetable_file(smcf, list[i]) != NGX_OK) {
            continue;
        }

        list[i]->filed = 1;
        list[i]->filed_page = list[i]->page;
        list[i]->filed_lo = list[i]->table.lo;

        /* one a second is enough, and holds nobody up */

        return;
    }
}


static ngx_int_t
ngx_http_soporte_timetable_file(ngx_http_soporte_main_conf_t *smcf,
    ngx_http_soporte_calendar_t *calendar)
{
    ngx_int_t                      rc;
    ngx_pool_t                    *pool;
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *event;
    ngx_http_soporte_event_copy_t  copy;

    pool = ngx_create_pool(16384, ngx_cycle->log);

    if (pool == NULL) {
        return NGX_ERROR;
    }

    mem = ngx_http_soporte_mem(pool);
    event = ngx_soporte_value_add(&mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&mem, event, "kind", "calendar");
    (void) ngx_soporte_value_str(&mem, event, "name", &calendar->name);
    (void) ngx_soporte_value_str(&mem, event, "timezone",
                                 &calendar->rules.timezone);
    (void) ngx_soporte_value_int(&mem, event, "from", calendar->table.lo);
    (void) ngx_soporte_value_int(&mem, event, "until", calendar->table.hi);
    (void) ngx_soporte_value_bool(&mem, event, "default",
                                  calendar == smcf->hours_default);
    (void) ngx_soporte_value_int(&mem, event, "at", ngx_time());

    ngx_http_soporte_timetable_tenants(smcf, calendar, &mem, event);
    ngx_http_soporte_timetable_intervals(&calendar->table, &mem, event);

    /* whoever leads next files its own */

    ngx_memzero(&copy, sizeof(ngx_http_soporte_event_copy_t));

    rc = mem.failed ? NGX_ERROR
                    : ngx_http_soporte_event(smcf, event, &copy);

    ngx_destroy_pool(pool);

    return rc;
}


/* of the configuration, where it is not the calendar of all */

static void
ngx_http_soporte_timetable_tenants(ngx_http_soporte_main_conf_t *smcf,
    ngx_http_soporte_calendar_t *calendar, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *event)
{
    ngx_uint_t                i;
    ngx_soporte_value_t      *list;
    ngx_http_soporte_key_t  **keys;

    list = ngx_soporte_value_add(mem, event, "tenants", NGX_SOPORTE_LIST);
    keys = smcf->keys.elts;

    for (i = 0; i < smcf->keys.nelts; i++) {
        if (keys[i]->hours == calendar) {
            (void) ngx_soporte_value_str(mem, list, NULL, &keys[i]->key);
        }
    }
}


static void
ngx_http_soporte_timetable_intervals(
    const ngx_soporte_calendar_table_t *table, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *event)
{
    int64_t               from, until;
    ngx_uint_t            i;
    ngx_soporte_value_t  *list, *pair;

    list = ngx_soporte_value_add(mem, event, "intervals", NGX_SOPORTE_LIST);

    for (i = 0; i < table->n; i++) {
        from = ngx_max(table->intervals[i].from, table->lo);
        until = ngx_min(table->intervals[i].until, table->hi);

        if (from >= until) {
            continue;
        }

        pair = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_LIST);

        (void) ngx_soporte_value_int(mem, pair, NULL, from);
        (void) ngx_soporte_value_int(mem, pair, NULL, until);
    }
}
