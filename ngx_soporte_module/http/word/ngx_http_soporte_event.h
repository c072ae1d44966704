
/*
 * Durable events: what happened to tenants, on the one way to PostgreSQL that
 * tickets go, the spool.
 *
 * An event is an object with its "kind" and the columns that the function of
 * sql/ takes for it: incident, incident_update, maintenance, restore,
 * restore_update, backup, calendar.  The same event may come twice and in any
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
 * Where an event can be had again if the worker ends before the disk took it:
 * on the board, or a backup in its tenant's slot, from where the leader files
 * what is not marked; with version 0, from whoever leads next, who makes it
 * anew.
 */

typedef struct {
    u_char                      id[NGX_SOPORTE_ID_LEN];
    uint64_t                    version;     /* of a backup: its unix s */
    ngx_soporte_tenant_t       *tenant;      /* ... and slot, else NULL */
    ngx_uint_t                  part;
    unsigned                    step:1;      /* of an incident, a restore */
    unsigned                    whole:1;     /* the last event of the word */
} ngx_http_soporte_event_copy_t;


/*
 * Files an event; in the event loop of any worker, never waits.  "value" is
 * copied as JSON, "node" is added if it has none.  "copy" may be NULL: it can
 * be had nowhere else.  NGX_OK: it goes to the spool, and is tried again while
 * the disk refuses; when it is there, the word that it makes whole is marked
 * on the board.  NGX_DECLINED: there is no database that would take it.
 * NGX_ERROR: too many wait, or memory was refused; without a copy it is lost,
 * counted, and logged once.
 */
ngx_int_t ngx_http_soporte_event(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_value_t *value, const ngx_http_soporte_event_copy_t *copy);

/* how many wait for the disk in this worker */
ngx_uint_t ngx_http_soporte_events_waiting(
    const ngx_http_soporte_main_conf_t *smcf);

/*
 * What still waits is put, from exit_process; blocks, up to 3 s for what can
 * be had nowhere else, 500 ms for the rest.  Only the former is ever lost.
 */
void ngx_http_soporte_events_flush(ngx_http_soporte_main_conf_t *smcf);


#endif /* _NGX_HTTP_SOPORTE_EVENT_H_INCLUDED_ */
