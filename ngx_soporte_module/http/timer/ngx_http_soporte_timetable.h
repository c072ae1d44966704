
/*
 * The calendars' open intervals for the database, so that agents reckon in
 * the business time that customers were promised.
 */

#ifndef _NGX_HTTP_SOPORTE_TIMETABLE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_TIMETABLE_H_INCLUDED_


#include "ngx_http_soporte.h"


/*
 * The leader, each second: files the table of a calendar when this process
 * has not yet, or when it is another one.
 */
void ngx_http_soporte_timetable_tick(ngx_http_soporte_main_conf_t *smcf);


#endif /* _NGX_HTTP_SOPORTE_TIMETABLE_H_INCLUDED_ */
