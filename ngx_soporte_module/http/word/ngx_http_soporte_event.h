
/*
 * Durable events: what happened to tenants, on the one way to PostgreSQL that
 * tickets go, the spool.
 *
 * An event is an object with its "kind" and the columns that the function of
 * sql/ takes for it: incident, incident_update, maintenance, restore,
 * restore_update, backup, span, ...  The same event may come twice and in any
 * order: its key and its "version" decide.
 */

#ifndef _NGX_HTTP_SOPORTE_EVENT_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_EVENT_H_INCLUDED_


#include "ngx_http_soporte.h"


/* of a worker's events that wait for the disk */
#define NGX_HTTP_SOPORTE_EVENTS       16384
#define NGX_HTTP_SOPORTE_EVENT_BYTES  (16 * 1024 * 1024)


/* once a worker, from init_process; NULL when memory was refused */
ngx_http_soporte_events_t *ngx_http_soporte_events_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/*
 * Files an event; in the event loop of any worker, never waits.  "value" is
 * copied as JSON, "node" is added if it has none.  NGX_OK: it goes to the
 * spool, and is tried again while the disk refuses.  NGX_DECLINED: there is
 * no database that would take it.  NGX_ERROR: too many wait, or memory was
 * refused; it is lost, counted, and logged once.
 */
ngx_int_t ngx_http_soporte_event(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_value_t *value);

/* what still waits is put, within 500 ms; from exit_process, blocks */
void ngx_http_soporte_events_flush(ngx_http_soporte_main_conf_t *smcf);


#endif /* _NGX_HTTP_SOPORTE_EVENT_H_INCLUDED_ */
