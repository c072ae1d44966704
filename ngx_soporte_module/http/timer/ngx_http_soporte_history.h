
/*
 * The long history: what each minute was goes to PostgreSQL, by a spool of its
 * own, PATH/history: the minutes of a database that is away wait on disk.
 *
 * A minute is filed as documents that sql/0006_minutes.sql describes: absolute
 * values, so that a repeat changes nothing.  The header's "filed" is the last
 * minute that is on disk; who leads next goes on from there.
 */

#ifndef _NGX_HTTP_SOPORTE_HISTORY_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_HISTORY_H_INCLUDED_


#include "ngx_http_soporte.h"


/* once a worker; NULL when memory was refused */
ngx_http_soporte_history_t *ngx_http_soporte_history_create(
    ngx_cycle_t *cycle, ngx_http_soporte_main_conf_t *smcf);

/*
 * The leader judged a minute of a tenant; sum is what this node alone has of
 * it, state what the minute was called.  Never waits.
 */
void ngx_http_soporte_history_note(ngx_http_soporte_history_t *history,
    const ngx_soporte_tenant_t *tenant, uint32_t minute,
    const ngx_soporte_minute_t *sum, ngx_soporte_state_e state);

/* the leader's tick, after the tenants were visited */
void ngx_http_soporte_history_tick(ngx_http_soporte_history_t *history);

/* this worker no longer leads, or ends */
void ngx_http_soporte_history_stop(ngx_http_soporte_history_t *history);

/* exit_process, when no thread runs any more */
void ngx_http_soporte_history_close(ngx_http_soporte_history_t *history);


#endif /* _NGX_HTTP_SOPORTE_HISTORY_H_INCLUDED_ */
