
/*
 * The board: what is said of tenants, in words: incidents, maintenance windows
 * and restores, those that hold, those to come and the last that are over.
 * And the one lock of the house: who reads takes none.
 *
 * A notice has an id that all nodes know it by, and a version: whatever the
 * order in which words arrive, that of the highest version stands.  It is
 * never taken down but marked as over, and stays until its place is needed
 * or its tenant has too many of them.
 *
 * The lock is process-shared and robust: when its holder dies, the next one
 * drops the half-written entry and publishes anew.  Nothing is logged,
 * allocated or rendered under it.
 */

#ifndef _NGX_SOPORTE_BOARD_H_INCLUDED_
#define _NGX_SOPORTE_BOARD_H_INCLUDED_


#include "ngx_soporte_zone.h"
#include "ngx_soporte_folio.h"

#include <pthread.h>


#define NGX_SOPORTE_ALL              0xffffffff     /* tenant of a notice */
#define NGX_SOPORTE_UPSTREAM         0xfffffffe     /* ... of no tenant: what
                                                       several share */

#define NGX_SOPORTE_BOARD_TITLE      144            /* bytes */
#define NGX_SOPORTE_BOARD_MESSAGE    720            /* bytes */

#define NGX_SOPORTE_BOARD_OVER       64             /* kept of a tenant */

#define NGX_SOPORTE_BOARD_UPDATES    512            /* of all incidents */
#define NGX_SOPORTE_BOARD_TIMELINE   16             /* ... of one */


typedef enum {
    NGX_SOPORTE_BOARD_NONE = 0,
    NGX_SOPORTE_BOARD_MAINTENANCE,
    NGX_SOPORTE_BOARD_RESTORE,
    NGX_SOPORTE_BOARD_INCIDENT
} ngx_soporte_board_kind_e;

/* "none", "maintenance", ... */
extern const char *const  ngx_soporte_kind_names[4];


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


/* impact and status of an incident, the words of Statuspage */

typedef enum {
    NGX_SOPORTE_IMPACT_NONE = 0,
    NGX_SOPORTE_IMPACT_MINOR,
    NGX_SOPORTE_IMPACT_MAJOR,
    NGX_SOPORTE_IMPACT_CRITICAL,
    NGX_SOPORTE_IMPACTS
} ngx_soporte_impact_e;

typedef enum {
    NGX_SOPORTE_STATUS_INVESTIGATING = 0,
    NGX_SOPORTE_STATUS_IDENTIFIED,
    NGX_SOPORTE_STATUS_MONITORING,
    NGX_SOPORTE_STATUS_RESOLVED,
    NGX_SOPORTE_STATUSES
} ngx_soporte_status_e;

extern const char *const  ngx_soporte_impact_names[NGX_SOPORTE_IMPACTS];
extern const char *const  ngx_soporte_status_names[NGX_SOPORTE_STATUSES];


/* flags of a notice */

#define NGX_SOPORTE_NOTICE_BLOCK     0x01    /* incident: we answer for it */
#define NGX_SOPORTE_NOTICE_DETECTED  0x02    /* incident: nobody declared it */

/*
 * This version is in the spool, or is another node's to file.  Whoever gives
 * a word takes the mark away: what has none the leader files.
 */
#define NGX_SOPORTE_NOTICE_FILED     0x04


/* instants in unix seconds, 0: none */

typedef struct {
    uint32_t         kind;                   /* ngx_soporte_board_kind_e */
    uint32_t         tenant;                 /* slot, NGX_SOPORTE_ALL or
                                                _UPSTREAM */
    u_char           id[NGX_SOPORTE_ID_LEN]; /* UUID, never all zero */
    u_char           parent[NGX_SOPORTE_ID_LEN]; /* incident: part of, or 0 */
    uint64_t         version;                /* of the words, only grows */
    uint64_t         origin;                 /* the node that spoke last */
    int64_t          announced;              /* maintenance: when told of */
    int64_t          began;                  /* or begins, if that is ahead */
    int64_t          ends;                   /* maintenance: announced end */
    int64_t          ended;                  /* by an operator's word */
    int64_t          updated;                /* last word */
    int64_t          failed;                 /* restore: the first failure */
    int64_t          backup;                 /* restore: instant restored to */
    uint32_t         phase;                  /* ngx_soporte_phase_e */
    int32_t          progress;               /* percent, -1: not known */
    uint8_t          impact;                 /* ngx_soporte_impact_e */
    uint8_t          status;                 /* ngx_soporte_status_e */
    uint8_t          cause;                  /* ngx_soporte_cause_e */
    uint8_t          flags;                  /* NGX_SOPORTE_NOTICE_ */
    uint16_t         title_len;
    uint16_t         message_len;
    u_char           title[NGX_SOPORTE_BOARD_TITLE];
    u_char           message[NGX_SOPORTE_BOARD_MESSAGE];
} ngx_soporte_notice_t;


/* what was said of an incident, once; told apart by id and version */

typedef struct {
    u_char           id[NGX_SOPORTE_ID_LEN];
    uint64_t         version;                /* of the notice, then */
    int64_t          at;                     /* unix s */
    uint8_t          status;
    uint8_t          flags;                  /* NGX_SOPORTE_NOTICE_FILED */
    uint16_t         message_len;
    u_char           message[NGX_SOPORTE_BOARD_MESSAGE];
} ngx_soporte_update_t;


typedef struct {
    uint32_t              seq;               /* odd while it is written */
    uint32_t              next;              /* entry + 1 of the same tenant */
    ngx_soporte_notice_t  notice;
} ngx_soporte_entry_t;


typedef struct {
    uint32_t              seq;
    ngx_soporte_update_t  update;
} ngx_soporte_said_t;


struct ngx_soporte_board_s {
    pthread_mutex_t       lock;
    uint64_t              generation;        /* grows with every change */
    int64_t               due;               /* unix s, a window's next turn */
    int64_t               ticked;            /* unix s, turns done until */
    uint64_t              full;              /* generation without room */
    int64_t               full_at;           /* unix s, when that was found */
    uint32_t              all;               /* entry + 1: first for all */

    /* ids by entry, all zero: free; found without touching the entries */

    u_char                ids[NGX_SOPORTE_BOARD_ENTRIES][NGX_SOPORTE_ID_LEN];
    uint32_t              upstreams;         /* entry + 1: their first */
    ngx_soporte_entry_t   entries[NGX_SOPORTE_BOARD_ENTRIES];
    ngx_soporte_said_t    updates[NGX_SOPORTE_BOARD_UPDATES];
};


ngx_int_t ngx_soporte_board_init(ngx_soporte_board_t *board);

/*
 * Puts a notice up, or over the one with its id if its version is higher, and
 * publishes it to the gates of all processes.  An incident's new status or
 * message is added to its timeline.  now: unix s.
 *
 * NGX_OK; NGX_DONE, what is there is as new; NGX_BUSY, the lock was not had
 * within 20 ms; NGX_DECLINED, all entries hold or are to come.
 */
ngx_int_t ngx_soporte_board_merge(ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice, int64_t now);

/* adds to a timeline what another node said; NGX_OK, NGX_DONE, NGX_BUSY */
ngx_int_t ngx_soporte_board_say(ngx_soporte_zone_t *zone,
    const ngx_soporte_update_t *update, int64_t now);

/*
 * Marks a version of a notice, and what was said with it, as filed; one that
 * is no longer there is passed over.  NGX_OK, NGX_BUSY.
 */
ngx_int_t ngx_soporte_board_filed(ngx_soporte_zone_t *zone, const u_char *id,
    uint64_t version, int64_t now);

/*
 * A node is gone, and what it had not filed with it: takes the mark from what
 * it said last, and from all steps.  NGX_OK, NGX_BUSY.
 */
ngx_int_t ngx_soporte_board_unfile(ngx_soporte_zone_t *zone, uint64_t origin,
    int64_t now);

/*
 * Begins and ends windows whose time has come; the leader, as often as it
 * likes: unless one is due it only looks at a number.
 */
void ngx_soporte_board_tick(ngx_soporte_zone_t *zone, int64_t now);

/* a slot just given takes over what holds for all tenants */
void ngx_soporte_board_inherit(ngx_soporte_zone_t *zone,
    ngx_soporte_tenant_t *tenant, int64_t now);


/* readers: no lock, notice is a whole copy; NGX_DECLINED: there is none */

/*
 * What speaks for the tenant where the gate is closed: a restore before an
 * incident that blocks before maintenance, its own before that of all.
 */
ngx_int_t ngx_soporte_board_read(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, ngx_soporte_notice_t *notice);

/*
 * The notice of a kind that holds now for one tenant or NGX_SOPORTE_ALL,
 * exactly; of several the one that ends last, then the one begun last.
 */
ngx_int_t ngx_soporte_board_current(const ngx_soporte_zone_t *zone,
    ngx_uint_t kind, uint32_t tenant, int64_t now,
    ngx_soporte_notice_t *notice);

/* by id, whether it holds or not */
ngx_int_t ngx_soporte_board_get(const ngx_soporte_zone_t *zone,
    const u_char *id, ngx_soporte_notice_t *notice);

/* all notices in turn: *i is 0 to begin with; NGX_DONE after the last */
ngx_int_t ngx_soporte_board_next(const ngx_soporte_zone_t *zone,
    ngx_uint_t *i, ngx_soporte_notice_t *notice);

/*
 * The notices of a slot, of all or of upstreams, the last made first: *at is
 * 0 to begin with; NGX_DONE after the last.
 */
ngx_int_t ngx_soporte_board_each(const ngx_soporte_zone_t *zone,
    uint32_t tenant, uint32_t *at, ngx_soporte_notice_t *notice);

/* all that is in timelines, in turn, as _next() does */
ngx_int_t ngx_soporte_board_said(const ngx_soporte_zone_t *zone,
    ngx_uint_t *i, ngx_soporte_update_t *update);

/* an incident's timeline, the last first; returns how many of at most max */
ngx_uint_t ngx_soporte_board_timeline(const ngx_soporte_zone_t *zone,
    const u_char *id, ngx_soporte_update_t *updates, ngx_uint_t max);

/*
 * Whether the leader could file what was said with a version once more; with
 * step: as a step of its own, which a later version does not tell again.
 */
ngx_uint_t ngx_soporte_board_holds(const ngx_soporte_zone_t *zone,
    const u_char *id, uint64_t version, ngx_uint_t step);

/*
 * Whether the tenant is in a maintenance window now that was announced in
 * time (ahead: s), core/month's ngx_soporte_month_announced()
 */
ngx_uint_t ngx_soporte_board_planned(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, int64_t now, int64_t ahead);

/* whether it has begun and is not over */
ngx_uint_t ngx_soporte_notice_holds(const ngx_soporte_notice_t *notice,
    int64_t now);

/* whether it is over, or was called off */
ngx_uint_t ngx_soporte_notice_over(const ngx_soporte_notice_t *notice,
    int64_t now);

/* whether it is a detected incident that was over as it began: the word of
   another node, who saw the same outage, stands for it */
ngx_uint_t ngx_soporte_notice_duplicate(const ngx_soporte_notice_t *notice);

/* whether it was ended before it began */
ngx_uint_t ngx_soporte_notice_called_off(const ngx_soporte_notice_t *notice);

/* of two that hold: > 0 when a says more of now than b, see _current() */
int ngx_soporte_notice_compare(const ngx_soporte_notice_t *a,
    const ngx_soporte_notice_t *b);

/* the instant that a restore is promised for, unix s */
int64_t ngx_soporte_notice_deadline(const ngx_soporte_notice_t *notice);


#endif /* _NGX_SOPORTE_BOARD_H_INCLUDED_ */
