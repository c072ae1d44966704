
/*
 * The tenants' backups: watched on disk by the leader (soporte_backups, and
 * those of a bench), or reported by the operator; their states.
 */

#ifndef _NGX_HTTP_SOPORTE_BACKUP_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_BACKUP_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_backup.h"


typedef struct ngx_http_soporte_backup_s  ngx_http_soporte_backup_t;


typedef struct {
    ngx_uint_t                  known;       /* 0: nobody watches them */
    int64_t                     at[NGX_SOPORTE_BACKUP_PARTS];  /* unix s, 0 */
    ngx_soporte_backup_e        state[NGX_SOPORTE_BACKUP_PARTS];
} ngx_http_soporte_backup_state_t;


/* soporte_backups PATH | off */
char *ngx_http_soporte_set_backups(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* after a level was merged: whose the path is.  NGX_ERROR is logged. */
ngx_int_t ngx_http_soporte_backup_merge(ngx_conf_t *cf,
    ngx_http_soporte_loc_conf_t *slcf);

/* once a worker; NULL: memory */
ngx_http_soporte_backup_t *ngx_http_soporte_backup_create(
    ngx_cycle_t *cycle, ngx_http_soporte_main_conf_t *smcf);

/* the leader, each second */
void ngx_http_soporte_backup_tick(ngx_http_soporte_backup_t *b);

/* limit: seconds that the promise gives */
void ngx_http_soporte_backup_state(const ngx_soporte_tenant_t *tenant,
    int64_t now, int64_t limit, ngx_http_soporte_backup_state_t *state);

/* "backup" as estado.json has it, null where nobody watches */
void ngx_http_soporte_backup_value(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_soporte_tenant_t *tenant,
    int64_t now, int64_t limit);


/* backup_file.c: what is told of backups */

/*
 * The operator's word, in any worker: a backup of a part ended at unix s, of
 * so many bytes (-1: not known), and was good or not.  In force at once, and
 * filed for the database and told to the fleet; where many are reported that
 * is left to the leader, who has to be told by ngx_http_soporte_publish_left().
 */
void ngx_http_soporte_backup_report(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant, ngx_uint_t part, int64_t finished,
    int64_t bytes, ngx_uint_t ok, ngx_uint_t many);

/*
 * What another node told: as the operator's word, and not filed again.  NGX_OK;
 * NGX_DONE where it is known, or where this node watches itself.
 */
ngx_int_t ngx_http_soporte_backup_heard(ngx_soporte_tenant_t *tenant,
    ngx_uint_t part, int64_t finished, int64_t bytes, ngx_uint_t ok);

/* what PostgreSQL and the fleet are told of a backup, made in mem */
ngx_soporte_value_t *ngx_http_soporte_backup_event(ngx_soporte_mem_t *mem,
    const ngx_str_t *key, ngx_uint_t part, int64_t at, int64_t bytes,
    ngx_uint_t ok);

/* what was just put into the slot; event loop, in a pool of the caller */
void ngx_http_soporte_backup_file(ngx_http_soporte_main_conf_t *smcf,
    ngx_pool_t *pool, ngx_soporte_tenant_t *tenant, ngx_uint_t part,
    int64_t at, int64_t bytes, ngx_uint_t ok);

/*
 * The leader, each 200 ms: files what the slots have and nobody else will,
 * some of it at a time, see ngx_soporte_tenant_left().
 */
void ngx_http_soporte_backup_again(ngx_http_soporte_main_conf_t *smcf);


#endif /* _NGX_HTTP_SOPORTE_BACKUP_H_INCLUDED_ */
