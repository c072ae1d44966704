
/*
 * The fleet heard, by the worker that leads; word/publish tells it.  Redis is
 * never needed: while it is away a node stands alone, and when it is back the
 * boards are compared and each side takes what is newer.
 */

#ifndef _NGX_HTTP_SOPORTE_FLEET_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_FLEET_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_soporte_redis_fleet.h"


/* s without a sign of life, then a node counts as lost */
#define NGX_HTTP_SOPORTE_FLEET_LOST  5

/* s, then what it watched over is everybody's */
#define NGX_HTTP_SOPORTE_FLEET_GONE  30


typedef struct ngx_http_soporte_fleet_s  ngx_http_soporte_fleet_t;

/* once a worker; NULL when memory was refused */
ngx_http_soporte_fleet_t *ngx_http_soporte_fleet_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/* of the leader, each 200 ms: goes on hearing, or begins to */
void ngx_http_soporte_fleet_tick(ngx_http_soporte_fleet_t *f);

/* no longer the leader */
void ngx_http_soporte_fleet_stop(ngx_http_soporte_fleet_t *f);

/* from exit_process, when there are no threads any more */
void ngx_http_soporte_fleet_exit(ngx_http_soporte_fleet_t *f);

/*
 * fleet_backup.c.  Tells of a backup: "word" is the event of it, to which the
 * node is added; nothing without a fleet.
 */
void ngx_http_soporte_fleet_backup(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_mem_t *mem, const ngx_str_t *tenant, ngx_uint_t part,
    int64_t at, ngx_uint_t ok, ngx_soporte_value_t *word);

/* NGX_OK; NGX_DONE, it was known, or is ours; NGX_DECLINED; NGX_ERROR */
ngx_int_t ngx_http_soporte_fleet_backup_heard(
    ngx_http_soporte_main_conf_t *smcf, const ngx_soporte_value_t *value);

/* whether a word of Redis is one of a backup, by its id */
ngx_uint_t ngx_http_soporte_fleet_backup_is(const u_char *id);


/* such a word of Redis: which it is, and how new */

typedef struct {
    u_char                          id[NGX_SOPORTE_ID_LEN];
    uint64_t                        version;
} ngx_http_soporte_fleet_known_t;

typedef struct ngx_http_soporte_fleet_backups_s
    ngx_http_soporte_fleet_backups_t;

/* once a worker; NULL when memory was refused */
ngx_http_soporte_fleet_backups_t *ngx_http_soporte_fleet_backups_create(
    ngx_cycle_t *cycle, ngx_http_soporte_main_conf_t *smcf);

/*
 * The leader, after a comparison: tells what the slots know of backups and
 * Redis does not, some of them a turn of the event loop.  "known" is all that
 * Redis has, in order of ids, and is copied.
 */
void ngx_http_soporte_fleet_backups_tell(ngx_http_soporte_fleet_backups_t *b,
    const ngx_http_soporte_fleet_known_t *known, ngx_uint_t n);

/* no longer the leader, or at the worker's end */
void ngx_http_soporte_fleet_backups_stop(ngx_http_soporte_fleet_backups_t *b);


/* fleet_nodes.c: the nodes, by their signs of life */

/* what tells us from another node of our name, made in mem */
ngx_int_t ngx_http_soporte_fleet_instance(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, ngx_str_t *instance);

/* the leader, after each sign: what it learned by it, for all workers */
void ngx_http_soporte_fleet_signs(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_fleet_beat_t *beat);

/*
 * Whether an other node watches over the notice: it spoke last, and lives as
 * far as is known.  Any worker.
 */
ngx_uint_t ngx_http_soporte_fleet_others(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice);

/*
 * Copies what the leader learned of the nodes, ages as of now: at most
 * NGX_SOPORTE_FLEET_NODES; returns how many.  Any worker.
 */
ngx_uint_t ngx_http_soporte_fleet_nodes(const ngx_soporte_zone_t *zone,
    ngx_soporte_node_t *nodes);


#endif /* _NGX_HTTP_SOPORTE_FLEET_H_INCLUDED_ */
