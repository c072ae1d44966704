
/*
 * Reads a calendar's files again when they change: its zone and its .ics
 * files.  Each worker has tables of its own and looks by itself, in a thread;
 * what is bad is left alone, and the last good one stays in force.
 */

#include "ngx_http_soporte_hours.h"
#include "ngx_http_soporte_job.h"


#define NGX_HTTP_SOPORTE_ALMANAC_TIME  5000  /* ms between two looks */


typedef struct ngx_http_soporte_almanac_block_s
                                           ngx_http_soporte_almanac_block_t;

struct ngx_http_soporte_almanac_block_s {
    ngx_http_soporte_almanac_block_t  *next;
};


/* a calendar read anew, with all that it needs */

struct ngx_http_soporte_almanac_page_s {
    ngx_http_soporte_almanac_block_t  *blocks;
    ngx_soporte_mem_t                  mem;  /* in blocks */
    ngx_soporte_calendar_t             rules;
    ngx_soporte_zoneinfo_t            *zone;
    ngx_soporte_calendar_table_t       table;
};


typedef struct {
    ngx_http_soporte_main_conf_t      *smcf;
    ngx_log_t                         *log;
    ngx_http_soporte_timer_t           timer;
    ngx_thread_task_t                 *task;
    time_t                             now;        /* of the round */
} ngx_http_soporte_almanac_t;


static void ngx_http_soporte_almanac_tick(ngx_event_t *ev);
static void ngx_http_soporte_almanac_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_almanac_look(
    ngx_http_soporte_calendar_t *calendar, time_t now);
static ngx_int_t ngx_http_soporte_almanac_read(
    ngx_http_soporte_calendar_t *calendar,
    ngx_http_soporte_almanac_page_t *page);
static ngx_int_t ngx_http_soporte_almanac_file(
    ngx_http_soporte_calendar_t *calendar,
    ngx_http_soporte_almanac_page_t *page, ngx_uint_t i, ngx_str_t *error);
static void ngx_http_soporte_almanac_fail(
    ngx_http_soporte_calendar_t *calendar, const u_char *path, int err);
static void *ngx_http_soporte_almanac_alloc(void *data, size_t size);
static void ngx_http_soporte_almanac_free(
    ngx_http_soporte_almanac_page_t *page);
static void ngx_http_soporte_almanac_done(ngx_event_t *ev);
static void ngx_http_soporte_almanac_turn(
    ngx_http_soporte_calendar_t *calendar);


ngx_int_t
ngx_http_soporte_almanac_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_almanac_t  *a;

    /* without threads a look at the disk would hold up requests */

    if (smcf->pool == NULL || smcf->single) {
        return NGX_OK;
    }

    a = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_almanac_t));

    if (a == NULL) {
        return NGX_ERROR;
    }

    a->smcf = smcf;
    a->log = cycle->log;
    a->task = ngx_http_soporte_job(cycle, a, ngx_http_soporte_almanac_thread,
                                   ngx_http_soporte_almanac_done);

    if (a->task == NULL) {
        return NGX_ERROR;
    }

    ngx_http_soporte_timer(&a->timer, a, ngx_http_soporte_almanac_tick,
                           cycle->log);

    /* soon: a worker born later has what the master read back then */

    ngx_add_timer(&a->timer.event, 1 + ngx_random() % 500);

    return NGX_OK;
}


static void
ngx_http_soporte_almanac_tick(ngx_event_t *ev)
{
    ngx_uint_t                     i;
    ngx_http_soporte_almanac_t    *a = ngx_http_soporte_timer_data(ev);
    ngx_http_soporte_calendar_t  **list;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    /* a table that time has left is built anew here, not for a request */

    list = a->smcf->calendars.elts;

    for (i = 0; i < a->smcf->calendars.nelts; i++) {
        (void) ngx_soporte_calendar_is_open(&list[i]->table, ngx_time());
    }

    a->now = ngx_time();

    if (ngx_thread_task_post(a->smcf->pool, a->task) != NGX_OK) {
        ngx_add_timer(ev, NGX_HTTP_SOPORTE_ALMANAC_TIME);
    }
}


static void
ngx_http_soporte_almanac_thread(void *data, ngx_log_t *log)
{
    ngx_uint_t                     i;
    ngx_http_soporte_almanac_t    *a = data;
    ngx_http_soporte_calendar_t  **list;

    list = a->smcf->calendars.elts;

    for (i = 0; i < a->smcf->calendars.nelts; i++) {

        if (ngx_exiting || ngx_terminate) {
            return;
        }

        ngx_http_soporte_almanac_look(list[i], a->now);
    }
}


static void
ngx_http_soporte_almanac_look(ngx_http_soporte_calendar_t *calendar,
    time_t now)
{
    int                               err;
    ngx_int_t                         rc;
    ngx_uint_t                        i, changed;
    ngx_http_soporte_almanac_file_t  *file;
    ngx_http_soporte_almanac_page_t  *page;

    file = calendar->files.elts;
    changed = 0;

    calendar->fresh = NULL;
    calendar->error[0] = '\0';

    for (i = 0; i < calendar->files.nelts; i++) {
        rc = ngx_soporte_watch((char *) file[i].path.data, &file[i].mark,
                               &err);

        if (rc == NGX_OK) {
            file[i].gone = 0;
            changed = 1;

        } else if (rc == NGX_ERROR && !file[i].gone) {

            /* said once, what was read stays */

            file[i].gone = 1;
            ngx_http_soporte_almanac_fail(calendar, file[i].path.data, err);
        }
    }

    if (!changed) {
        return;
    }

    page = calloc(1, sizeof(ngx_http_soporte_almanac_page_t));

    if (page == NULL) {
        return;
    }

    page->mem.alloc = ngx_http_soporte_almanac_alloc;
    page->mem.data = page;

    if (ngx_http_soporte_almanac_read(calendar, page) != NGX_OK) {
        ngx_http_soporte_almanac_free(page);
        return;
    }

    ngx_soporte_calendar_build(&page->rules, page->zone, now, &page->table);

    calendar->fresh = page;
}


/* the rules of the configuration, the files as they are now */

static ngx_int_t
ngx_http_soporte_almanac_read(ngx_http_soporte_calendar_t *calendar,
    ngx_http_soporte_almanac_page_t *page)
{
    ngx_str_t   error;
    ngx_uint_t  i;

    ngx_str_null(&error);

    page->rules = calendar->rules;
    page->rules.mem = &page->mem;
    ngx_memzero(&page->rules.files, sizeof(ngx_soporte_calendar_list_t));

    for (i = 0; i < calendar->files.nelts; i++) {

        if (ngx_http_soporte_almanac_file(calendar, page, i, &error)
            != NGX_OK)
        {
            goto failed;
        }
    }

    if (ngx_soporte_calendar_done(&page->rules, &error) != NGX_OK) {
        goto failed;
    }

    page->table.memory = ngx_soporte_alloc(&page->mem,
                                   ngx_soporte_calendar_room(&page->rules));

    if (page->table.memory) {
        return NGX_OK;
    }

failed:

    if (error.len && calendar->error[0] == '\0') {
        (void) ngx_snprintf(calendar->error, sizeof(calendar->error), "%V%Z",
                            &error);
        calendar->error[sizeof(calendar->error) - 1] = '\0';
    }

    return NGX_ERROR;
}


/* the first file is the zone's */

static ngx_int_t
ngx_http_soporte_almanac_file(ngx_http_soporte_calendar_t *calendar,
    ngx_http_soporte_almanac_page_t *page, ngx_uint_t i, ngx_str_t *error)
{
    int                               err;
    ngx_int_t                         rc;
    ngx_str_t                         bytes;
    ngx_http_soporte_almanac_file_t  *file;

    file = calendar->files.elts;
    file += i;

    if (ngx_soporte_watch_read((char *) file->path.data,
                               i ? NGX_SOPORTE_ICS_MAX
                                 : NGX_SOPORTE_ZONEINFO_MAX,
                               &file->mark, &bytes, &err)
        != NGX_OK)
    {
        ngx_http_soporte_almanac_fail(calendar, file->path.data, err);
        return NGX_ERROR;
    }

    if (i) {
        rc = ngx_soporte_calendar_holidays_ics(&page->rules, &file->path,
                                               &bytes, error);

    } else {
        page->zone = ngx_soporte_zoneinfo_read(&page->mem, &bytes, error);
        rc = page->zone ? NGX_OK : NGX_ERROR;
    }

    free(bytes.data);

    return rc;
}


static void
ngx_http_soporte_almanac_fail(ngx_http_soporte_calendar_t *calendar,
    const u_char *path, int err)
{
    char  buf[80];

    (void) ngx_snprintf(calendar->error, sizeof(calendar->error) - 1,
                        "\"%s\" can't be read: %s%Z", path,
                        strerror_r(err, buf, sizeof(buf)));

    calendar->error[sizeof(calendar->error) - 1] = '\0';
}


static void *
ngx_http_soporte_almanac_alloc(void *data, size_t size)
{
    ngx_http_soporte_almanac_page_t  *page = data;

    ngx_http_soporte_almanac_block_t  *block;

    size += NGX_ALIGNMENT * 2;
    block = (size < NGX_SOPORTE_ICS_MAX * 64) ? malloc(size) : NULL;

    if (block == NULL) {
        return NULL;
    }

    block->next = page->blocks;
    page->blocks = block;

    return (u_char *) block + NGX_ALIGNMENT * 2;
}


static void
ngx_http_soporte_almanac_free(ngx_http_soporte_almanac_page_t *page)
{
    ngx_http_soporte_almanac_block_t  *block, *next;

    if (page == NULL) {
        return;
    }

    for (block = page->blocks; block; block = next) {
        next = block->next;
        free(block);
    }

    free(page);
}


static void
ngx_http_soporte_almanac_done(ngx_event_t *ev)
{
    ngx_uint_t                     i;
    ngx_http_soporte_almanac_t    *a = ev->data;
    ngx_http_soporte_calendar_t   *calendar, **list;

    ev->complete = 0;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    list = a->smcf->calendars.elts;

    for (i = 0; i < a->smcf->calendars.nelts; i++) {
        calendar = list[i];

        if (calendar->fresh) {
            ngx_http_soporte_almanac_turn(calendar);

            if (a->smcf->leading) {
                ngx_log_error(NGX_LOG_NOTICE, a->log, 0,
                              "calendar \"%V\" was read anew",
                              &calendar->name);
            }
        }

        if (calendar->error[0] && a->smcf->leading) {
            ngx_log_error(NGX_LOG_ERR, a->log, 0,
                          "calendar \"%V\" stays as it was: %s",
                          &calendar->name, calendar->error);
        }
    }

    ngx_add_timer(&a->timer.event, NGX_HTTP_SOPORTE_ALMANAC_TIME
                             + ngx_random() % 500);
}


/*
 * The zone keeps its place: others point to it.  What it had before is used
 * by no one between two events.
 */

static void
ngx_http_soporte_almanac_turn(ngx_http_soporte_calendar_t *calendar)
{
    ngx_http_soporte_almanac_page_t  *page, *old;

    page = calendar->fresh;
    old = calendar->page;

    calendar->rules = page->rules;
    *calendar->zone = *page->zone;

    calendar->table = page->table;
    calendar->table.calendar = &calendar->rules;
    calendar->table.zone = calendar->zone;

    calendar->page = page;
    calendar->fresh = NULL;

    ngx_http_soporte_almanac_free(old);
}
