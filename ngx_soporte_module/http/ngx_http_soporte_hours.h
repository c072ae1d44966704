
/*
 * Business hours: the calendars of the configuration and what they say now.
 */

#ifndef _NGX_HTTP_SOPORTE_HOURS_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_HOURS_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_calendar.h"


struct ngx_http_soporte_calendar_s {
    ngx_str_t                       name;
    ngx_soporte_mem_t               mem;
    ngx_soporte_calendar_t          rules;
    ngx_soporte_zoneinfo_t         *zone;
    ngx_soporte_calendar_table_t    table;   /* each process has its own */

    ngx_http_soporte_place_t        place;   /* first use or definition */
    unsigned                        defined:1;
    unsigned                        used:1;
};


/* by name, made if the configuration has not named it yet; NULL: no memory */
ngx_http_soporte_calendar_t *ngx_http_soporte_calendar_get(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *name);

/* after the configuration was read: every calendar used is whole */
ngx_int_t ngx_http_soporte_calendar_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* the block directive soporte_calendar */
char *ngx_http_soporte_set_calendar(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_SOPORTE_HOURS_H_INCLUDED_ */
