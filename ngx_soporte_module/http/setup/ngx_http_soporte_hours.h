
/*
 * Business hours: the calendars of the configuration and what they say now.
 */

#ifndef _NGX_HTTP_SOPORTE_HOURS_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_HOURS_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_calendar.h"
#include "ngx_soporte_watch.h"


#define NGX_HTTP_SOPORTE_ZONEINFO  "/usr/share/zoneinfo"


/* a file that a calendar is read from, the first of them its zone's */

typedef struct {
    ngx_str_t                       path;    /* null-terminated */
    ngx_soporte_watch_mark_t        mark;    /* as it was read */
    ngx_uint_t                      gone;    /* 1: that was said */
} ngx_http_soporte_almanac_file_t;


typedef struct ngx_http_soporte_almanac_page_s
                                        ngx_http_soporte_almanac_page_t;


struct ngx_http_soporte_calendar_s {
    ngx_str_t                       name;
    ngx_soporte_mem_t               mem;
    ngx_soporte_calendar_t          rules;
    ngx_soporte_zoneinfo_t         *zone;
    ngx_soporte_calendar_table_t    table;   /* each process has its own */

    ngx_http_soporte_place_t        place;   /* first use or definition */
    ngx_uint_t                      defined;

    /* of the files that change; almanac.c */

    ngx_array_t                     files;   /* of _almanac_file_t */
    ngx_http_soporte_almanac_page_t *page;   /* in force, NULL: as read first */
    ngx_http_soporte_almanac_page_t *fresh;  /* by the thread */
    u_char                          error[256];    /* by the thread */

    /* what of it the database was given; timetable.c */

    ngx_uint_t                      filed;
    int64_t                         filed_lo;
    ngx_http_soporte_almanac_page_t *filed_page;
};


/* by name, made if the configuration has not named it yet; NULL: no memory */
ngx_http_soporte_calendar_t *ngx_http_soporte_calendar_get(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *name);

/* after the configuration was read: every calendar used is whole */
ngx_int_t ngx_http_soporte_calendar_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* once a worker: reads zones and .ics files again when they change */
ngx_int_t ngx_http_soporte_almanac_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/* "$soporte_open_NAME" of each calendar; after the configuration was read */
ngx_int_t ngx_http_soporte_add_open_variables(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* the block directive soporte_calendar */
char *ngx_http_soporte_set_calendar(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_SOPORTE_HOURS_H_INCLUDED_ */
