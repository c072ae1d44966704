
/*
 * What a contract asks of a calendar month: figures, verdict, what is left of
 * the budget; days and outages as they are shown; the clocks of a restore and
 * of backups.  Integers only; a percentage is floored, never rounded up.
 *
 * Boundaries of months and days come from the caller, in unix seconds and in
 * numbers of local days: this file knows no time zone.
 */

#ifndef _NGX_SOPORTE_MONTH_H_INCLUDED_
#define _NGX_SOPORTE_MONTH_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_hist.h"
#include "ngx_soporte_window.h"


#define NGX_SOPORTE_TARGET         999900    /* ppm: 99.99 % */

#define NGX_SOPORTE_DAYS           90
#define NGX_SOPORTE_OUTAGES        16

/* the two readings of planned maintenance */

#define NGX_SOPORTE_COUNTED        0
#define NGX_SOPORTE_NOT_COUNTED    1
#define NGX_SOPORTE_READINGS       2

#define NGX_SOPORTE_ANNOUNCED      86400     /* s ahead, unless said */
#define NGX_SOPORTE_RESTORE_LIMIT  7200      /* s */
#define NGX_SOPORTE_BACKUP_LIMIT   86400     /* s; due after 5/6 of it */


typedef enum {
    NGX_SOPORTE_VERDICT_NONE = 0,            /* nothing to judge: "n/a" */
    NGX_SOPORTE_VERDICT_MET,
    NGX_SOPORTE_VERDICT_BREACHED,
    NGX_SOPORTE_VERDICT_UNDETERMINED
} ngx_soporte_verdict_e;

/* "n/a", "met", "breached", "undetermined" by ngx_soporte_verdict_e */
extern const ngx_str_t  ngx_soporte_verdict_names[4];


/* the minutes of a month so far: M, D, X, U */

typedef struct {
    int64_t                total;            /* since the tenant began in it */
    int64_t                down;
    int64_t                excluded;         /* maintenance, left out */
    int64_t                unknown;
} ngx_soporte_minutes_t;


#define NGX_SOPORTE_PERCENT_LEN    sizeof("100.0000")

typedef struct {
    ngx_soporte_verdict_e  verdict;
    int64_t                budget;           /* s; 0 without a verdict */
    int64_t                left;             /* s, negative once overspent */

    /* "99.9953" or "n/a", null-terminated: as observed, with the unknown as
       down, with the unknown as up */

    u_char                 availability[NGX_SOPORTE_PERCENT_LEN];
    u_char                 availability_min[NGX_SOPORTE_PERCENT_LEN];
    u_char                 availability_max[NGX_SOPORTE_PERCENT_LEN];

    int64_t                min_ppm;          /* availability_min, -1: n/a */
} ngx_soporte_figures_t;


/* one month of one tenant, in shared memory; the leader writes */

typedef struct {
    uint32_t               start;            /* unix s: of the month, or of the
                                                tenant if that is later */
    uint32_t               outage;           /* s, of outages that ended */
    uint16_t               sealed;           /* minutes judged */
    uint16_t               degraded;
    uint16_t               excluded;         /* X of the second reading */
    uint16_t               down[NGX_SOPORTE_READINGS];
    uint16_t               unknown[NGX_SOPORTE_READINGS];
} ngx_soporte_month_t;


/* one day as it is shown; in shared memory packed into 61 bits */

typedef struct {
    uint32_t               outage;           /* s, exact */
    uint16_t               down;             /* minutes, also of a restore */
    uint16_t               degraded;
    uint16_t               maintenance;
    uint16_t               unknown;
} ngx_soporte_day_t;


typedef struct {
    uint32_t               newest;           /* number of a local day, or 0 */
    uint32_t               first;            /* the first ever */
    uint64_t               day[NGX_SOPORTE_DAYS];
} ngx_soporte_days_t;


typedef struct {
    uint32_t               began;            /* unix s */
    uint32_t               ended;            /* unix s, 0 while it lasts */
} ngx_soporte_outage_t;

typedef struct {
    uint32_t               count;            /* ever; the last 16 are kept */
    ngx_soporte_outage_t   outage[NGX_SOPORTE_OUTAGES];
} ngx_soporte_outages_t;


/* all that a tenant's past takes in shared memory, its counters aside */

typedef struct {
    ngx_soporte_slots_t    slots;
    ngx_soporte_hist_t     hist;
    ngx_soporte_month_t    month[2];         /* this one, and the one before */
    ngx_soporte_outages_t  outages;
    ngx_soporte_days_t     days;
} ngx_soporte_history_t;


typedef struct {
    time_t                 started;          /* unix s */
    time_t                 deadline;         /* unix s */
    time_t                 took;             /* s so far, or until it ended */
    ngx_uint_t             breached;
} ngx_soporte_restore_t;


typedef enum {
    NGX_SOPORTE_BACKUP_NONE = 0,
    NGX_SOPORTE_BACKUP_OK,
    NGX_SOPORTE_BACKUP_DUE,
    NGX_SOPORTE_BACKUP_LATE,
    NGX_SOPORTE_BACKUP_INCOMPLETE,           /* a database without files */
    NGX_SOPORTE_BACKUP_SUSPECT
} ngx_soporte_backup_e;

/* "none", "ok", "due" and so on by ngx_soporte_backup_e */
extern const ngx_str_t  ngx_soporte_backup_names[6];


/* the last two backups of one part, database or files */

typedef struct {
    int64_t                at;               /* unix s of its end, 0: none */
    int64_t                bytes;            /* -1: not known */
    int64_t                before;           /* the same of the one before */
    int64_t                before_bytes;
} ngx_soporte_backup_t;


/*
 * Floors part / whole to four decimals of a percent; "n/a" if whole is 0.
 * "100.0000" only when nothing is missing.  Null-terminated.
 */
void ngx_soporte_percent(u_char buf[NGX_SOPORTE_PERCENT_LEN], int64_t part,
    int64_t whole);

/* target in ppm.  Minutes that contradict each other are cut to what fits. */
void ngx_soporte_month_figures(const ngx_soporte_minutes_t *minutes,
    int64_t target, ngx_soporte_figures_t *figures);

/* whether maintenance may be excluded: announced, starts in unix s; ahead: s */
ngx_uint_t ngx_soporte_month_announced(time_t announced, time_t starts,
    time_t ahead);

/*
 * Counts a judged minute.  counted and not_counted are its judgements in the
 * two readings; with cap minutes excluded in this month, the rest is counted
 * in both.  Returns the judgement that the given reading took.
 */
const ngx_soporte_judgement_t *ngx_soporte_month_add(
    ngx_soporte_month_t *month, const ngx_soporte_judgement_t *counted,
    const ngx_soporte_judgement_t *not_counted, ngx_uint_t cap,
    ngx_uint_t reading);

/*
 * Begins another month (start: unix s) if it is another; the former becomes
 * the one before.
 */
void ngx_soporte_month_turn(ngx_soporte_month_t month[2], time_t start);

/*
 * M, D, X, U in a reading, until a full minute (unix s); minutes that were
 * never judged are unknown.
 */
void ngx_soporte_month_minutes(const ngx_soporte_month_t *month, time_t until,
    ngx_uint_t reading, ngx_soporte_minutes_t *minutes);

/* the seconds of [began, ended) that lie in [from, to) */
int64_t ngx_soporte_outage_overlap(time_t began, time_t ended, time_t from,
    time_t to);

/*
 * An outage begins; back-dated to before the end of the last one, it begins
 * there.  An outage that lasts already goes on.
 */
void ngx_soporte_outage_begin(ngx_soporte_outages_t *outages, time_t began);

/*
 * The outage that lasts ends.  Returns it, or NULL if none does; its seconds
 * are to be added to month and days by their boundaries.
 */
const ngx_soporte_outage_t *ngx_soporte_outage_end(
    ngx_soporte_outages_t *outages, time_t ended);

/* the outage that lasts, or NULL */
const ngx_soporte_outage_t *ngx_soporte_outage_open(
    const ngx_soporte_outages_t *outages);

/* the n-th last outage, 0 for the last; NULL when it is not kept */
const ngx_soporte_outage_t *ngx_soporte_outage_past(
    const ngx_soporte_outages_t *outages, ngx_uint_t n);

/* counts a minute, and seconds of an outage, in a local day by its number */
void ngx_soporte_days_minute(ngx_soporte_days_t *days, uint32_t day,
    ngx_soporte_state_e state);
void ngx_soporte_days_outage(ngx_soporte_days_t *days, uint32_t day,
    int64_t seconds);

/* NGX_DECLINED for a day before the first, yet to come, or no longer kept */
ngx_int_t ngx_soporte_days_get(const ngx_soporte_days_t *days, uint32_t day,
    ngx_soporte_day_t *record);

/*
 * The clock of a restore, unix seconds: from the incident's first failure, or
 * from the request (failed 0), to the beginning of the first minute that was
 * up again (ended, 0: not yet).  Nothing pauses it.
 */
void ngx_soporte_restore_clock(time_t failed, time_t requested, time_t ended,
    time_t now, time_t limit, ngx_soporte_restore_t *restore);

/*
 * The state of a part; limit in seconds.  database is NULL for the database
 * itself, its backup for the files.
 */
ngx_soporte_backup_e ngx_soporte_backup_state(
    const ngx_soporte_backup_t *backup, const ngx_soporte_backup_t *database,
    time_t now, time_t limit);


#endif /* _NGX_SOPORTE_MONTH_H_INCLUDED_ */
