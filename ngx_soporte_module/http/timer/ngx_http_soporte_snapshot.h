
/*
 * The snapshot on disk that serves a reboot: written by the leader every few
 * seconds and by the master at its end, read when the file in memory is gone.
 */

#ifndef _NGX_HTTP_SOPORTE_SNAPSHOT_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_SNAPSHOT_H_INCLUDED_


#include "ngx_http_soporte.h"


/* once a worker; NULL when memory was refused */
ngx_http_soporte_snapshot_t *ngx_http_soporte_snapshot_create(
    ngx_cycle_t *cycle, ngx_http_soporte_main_conf_t *smcf);

/* the leader's tick: begins one when its time has come, never waits */
void ngx_http_soporte_snapshot_tick(ngx_http_soporte_snapshot_t *snapshot);

/* this worker no longer leads, or ends: what was begun is dropped */
void ngx_http_soporte_snapshot_stop(ngx_http_soporte_snapshot_t *snapshot);

/* exit_process, when no thread runs any more */
void ngx_http_soporte_snapshot_close(ngx_http_soporte_snapshot_t *snapshot);

/*
 * Master, after all workers are gone: the whole of it, blocks.  Not where
 * another master has begun another file.
 */
void ngx_http_soporte_snapshot_last(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/*
 * Master, before a configuration is in force: fills the new file from the
 * snapshot, if there is one.  zone->size may grow.  NGX_ERROR: the file in
 * memory can't be made, which was logged; a snapshot that is refused is only
 * logged.
 */
ngx_int_t ngx_http_soporte_snapshot_restore(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);


#endif /* _NGX_HTTP_SOPORTE_SNAPSHOT_H_INCLUDED_ */
