
/*
 * The board: what the operator says of tenants, maintenance and restore, in
 * words, and the one lock of the house.  Readers copy an entry without it.
 *
 * The lock is process-shared and robust: when its holder dies, the next one
 * drops the half-written entry and publishes anew.  Nothing is logged,
 * allocated or rendered under it.
 */

#ifndef _NGX_SOPORTE_BOARD_H_INCLUDED_
#define _NGX_SOPORTE_BOARD_H_INCLUDED_


#include "ngx_soporte_zone.h"

#include <pthread.h>


#define NGX_SOPORTE_ALL              0xffffffff     /* tenant of an entry */

#define NGX_SOPORTE_BOARD_TITLE      144            /* bytes */
#define NGX_SOPORTE_BOARD_MESSAGE    720


typedef enum {
    NGX_SOPORTE_BOARD_NONE = 0,
    NGX_SOPORTE_BOARD_MAINTENANCE,
    NGX_SOPORTE_BOARD_RESTORE
} ngx_soporte_board_kind_e;


/* phases of a restore, in their order */

typedef enum {
    NGX_SOPORTE_PHASE_DETECTED = 0,
    NGX_SOPORTE_PHASE_DIAGNOSIS,
    NGX_SOPORTE_PHASE_LOCATING_BACKUP,
    NGX_SOPORTE_PHASE_VERIFYING_BACKUP,
    NGX_SOPORTE_PHASE_DATABASE,
    NGX_SOPORTE_PHASE_PUBLIC_FILES,
    NGX_SOPORTE_PHASE_PRIVATE_FILES,
    NGX_SOPORTE_PHASE_MIGRATION,
    NGX_SOPORTE_PHASE_CHECKS,
    NGX_SOPORTE_PHASE_RESTORED,
    NGX_SOPORTE_PHASES
} ngx_soporte_phase_e;

extern const char *const  ngx_soporte_phase_names[NGX_SOPORTE_PHASES];


/* instants in unix seconds, 0: none */

typedef struct {
    uint32_t         kind;                   /* ngx_soporte_board_kind_e */
    uint32_t         tenant;                 /* slot, or NGX_SOPORTE_ALL */
    int64_t          began;
    int64_t          ends;                   /* maintenance: announced end */
    int64_t          updated;                /* last word of the operator */
    int64_t          backup;                 /* restore: instant restored to */
    uint32_t         phase;                  /* ngx_soporte_phase_e */
    int32_t          progress;               /* percent, -1: not known */
    uint16_t         title_len;
    uint16_t         message_len;
    u_char           title[NGX_SOPORTE_BOARD_TITLE];
    u_char           message[NGX_SOPORTE_BOARD_MESSAGE];
} ngx_soporte_notice_t;


typedef struct {
    uint32_t              seq;               /* odd while it is written */
    uint32_t              version;           /* of the words, grows */
    ngx_soporte_notice_t  notice;
} ngx_soporte_entry_t;


struct ngx_soporte_board_s {
    pthread_mutex_t       lock;
    uint64_t              generation;        /* grows with every change */
    ngx_soporte_entry_t   entries[NGX_SOPORTE_BOARD_ENTRIES];
};


ngx_int_t ngx_soporte_board_init(ngx_soporte_board_t *board);

/*
 * Puts a notice up, in place of the one of the same kind and tenant, and
 * publishes it to the gates of all processes.  "began" of a notice in force
 * is kept.  NGX_OK, NGX_BUSY (lock not had within 20 ms), NGX_DECLINED (the
 * board is full).
 */
ngx_int_t ngx_soporte_board_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice);

/* takes one down; NGX_DECLINED when there was none, NGX_BUSY as above */
ngx_int_t ngx_soporte_board_clear(ngx_soporte_zone_t *zone,
    ngx_soporte_board_kind_e kind, uint32_t tenant);

/*
 * Copies what speaks for the tenant: restore before maintenance, its own
 * before that of all.  Takes no lock; NGX_DECLINED when nothing does.
 */
ngx_int_t ngx_soporte_board_read(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, ngx_soporte_notice_t *notice);

/* one kind for one tenant or NGX_SOPORTE_ALL, exactly; no lock */
ngx_int_t ngx_soporte_board_find(const ngx_soporte_zone_t *zone,
    ngx_soporte_board_kind_e kind, uint32_t tenant,
    ngx_soporte_notice_t *notice);

/* a slot just given takes over what holds for all tenants */
void ngx_soporte_board_inherit(ngx_soporte_zone_t *zone,
    ngx_soporte_tenant_t *tenant);

/* takes down windows whose announced end has come; the leader, each second */
void ngx_soporte_board_tick(ngx_soporte_zone_t *zone, int64_t now);


#endif /* _NGX_SOPORTE_BOARD_H_INCLUDED_ */
