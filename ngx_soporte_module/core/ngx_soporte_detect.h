
/*
 * Whether a tenant is down, seen within ten seconds and with few false alarms:
 * a state machine that is told what happened and says what to do.
 *
 *     up          -> suspect      by the first evidence
 *     suspect     -> up           by one good answer
 *     suspect     -> down         by 3 failed probes over 2 s, or by 5 hard
 *                                 failures and a failed probe over 3 s
 *     down        -> recovering   by 2 good answers
 *     recovering  -> down         by 3 failures in a row, over 2 s
 *     recovering  -> up           after 30 s with 5 good and no failure
 *
 * nginx tells nothing itself: max_fails does nothing for a single upstream.
 * Evidence is a hard failure, a request that waits for its first byte while
 * none was answered, or a failed probe; one failure never is an outage.  Times
 * are milliseconds of a monotonic clock that all processes of a node share.
 */

#ifndef _NGX_SOPORTE_DETECT_H_INCLUDED_
#define _NGX_SOPORTE_DETECT_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_window.h"


/* defaults of soporte_detect */

#define NGX_SOPORTE_DETECT_FAILURES  5       /* hard, in a row */
#define NGX_SOPORTE_DETECT_WINDOW    3000    /* ms they take at least */
#define NGX_SOPORTE_DETECT_RECOVER   30000   /* ms without a failure */

/* what is fixed */

#define NGX_SOPORTE_DETECT_WAITING   2000    /* ms without a byte: evidence */
#define NGX_SOPORTE_DETECT_TIMEOUT   1500    /* ms, of a probe */
#define NGX_SOPORTE_DETECT_IDLE      30000   /* ms between probes of a tenant */
#define NGX_SOPORTE_DETECT_SHARED    5000    /* ms, of a shared upstream */
#define NGX_SOPORTE_DETECT_PUBLISH   30000   /* ms down before feeds say so */
#define NGX_SOPORTE_DETECT_REOPEN    300000  /* ms: the same incident again */
#define NGX_SOPORTE_DETECT_HOLD_MAX  300000  /* ms */


typedef enum {
    NGX_SOPORTE_DETECT_UP = 0,
    NGX_SOPORTE_DETECT_SUSPECT,
    NGX_SOPORTE_DETECT_DOWN,
    NGX_SOPORTE_DETECT_RECOVERING
} ngx_soporte_detect_e;


/* what happened */

typedef enum {
    NGX_SOPORTE_EVENT_TICK = 0,              /* time passed */
    NGX_SOPORTE_EVENT_GOOD,                  /* n requests were answered */
    NGX_SOPORTE_EVENT_HARD,                  /* n failed, none good between */
    NGX_SOPORTE_EVENT_WAITING,               /* one waits, none was answered */
    NGX_SOPORTE_EVENT_PROBE_OK,
    NGX_SOPORTE_EVENT_PROBE_FAILED
} ngx_soporte_event_e;


/* how it failed; the words of an incident, and the page, depend on it */

typedef enum {
    NGX_SOPORTE_CAUSE_UNKNOWN = 0,
    NGX_SOPORTE_CAUSE_CONNECT,               /* refused, reset */
    NGX_SOPORTE_CAUSE_TIMEOUT,               /* connected or not: no answer */
    NGX_SOPORTE_CAUSE_STATUS,                /* 502, 503, 504, bad header */
    NGX_SOPORTE_CAUSE_STOPPED                /* Frappe's own maintenance */
} ngx_soporte_cause_e;

/* "unknown", "connect", ... */
extern const char *const  ngx_soporte_cause_names[5];


typedef struct {
    ngx_soporte_event_e    type;
    ngx_soporte_cause_e    cause;            /* of a failure */
    ngx_uint_t             n;                /* GOOD, HARD */
    int64_t                at;               /* of a failure: when the request
                                                or the probe began, <= now */
    uint32_t               random;           /* spreads the next probe */
} ngx_soporte_event_t;


typedef struct {
    ngx_uint_t             failures;         /* 1 to 255 */
    ngx_msec_t             window;           /* ms */
    ngx_msec_t             recover;          /* ms */
    ngx_msec_t             interval;         /* ms between probes of a tenant
                                                without traffic, 0: no probes */
} ngx_soporte_detect_conf_t;


/* the state of one tenant, in shared memory; all zero is a good beginning */

typedef struct {
    int64_t                next;             /* a tick is due */
    int64_t                good_at;          /* last answer */
    int64_t                began;            /* first evidence */
    int64_t                incident;         /* ... of the incident's first
                                                outage */
    int64_t                run;              /* first of the good answers that
                                                no failure interrupts */
    int64_t                since;            /* recovering, or closed */
    uint16_t               goods;            /* in that run */
    uint16_t               recover_good;     /* since recovering, for a share */
    uint16_t               recover_bad;
    uint8_t                state;            /* ngx_soporte_detect_e */
    uint8_t                cause;            /* ngx_soporte_cause_e */
    uint8_t                hards;            /* failures in a row */
    uint8_t                fails;            /* of probes, since first */
    uint8_t                count;            /* outages of the incident */
    uint8_t                flags;
    uint8_t                minutes_bad;      /* running, of rule "degraded" */
    uint8_t                minutes_fine;
    uint16_t               upstream;         /* that it fails together with,
                                                0: alone; the caller's */
} ngx_soporte_detect_t;

#define NGX_SOPORTE_DETECT_SEEN       0x01   /* anything is known at all */
#define NGX_SOPORTE_DETECT_PUBLISHED  0x02   /* of this incident */
#define NGX_SOPORTE_DETECT_DEGRADED   0x04
#define NGX_SOPORTE_DETECT_CLOSED     0x08   /* since: an incident's end */


/* what is to be done; several at once */

#define NGX_SOPORTE_ACTION_PROBE      0x01   /* send one now */
#define NGX_SOPORTE_ACTION_CHANGED    0x02   /* ngx_soporte_detect_state() */
#define NGX_SOPORTE_ACTION_OPENED     0x04   /* an incident, at "incident" */
#define NGX_SOPORTE_ACTION_DOWN       0x08   /* an outage, at "began" */
#define NGX_SOPORTE_ACTION_ENDED      0x10   /* the outage, at "run" */
#define NGX_SOPORTE_ACTION_CLOSED     0x20   /* the incident, at "run" */
#define NGX_SOPORTE_ACTION_PUBLISH    0x40   /* feeds may speak of it */


/*
 * Tells the machine what happened now (ms) and returns what is to be done.
 * What a tick collected is told in order of time; of counters it is enough to
 * tell the good first, then the failures since.
 */
ngx_uint_t ngx_soporte_detect(ngx_soporte_detect_t *detect,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now);

/*
 * Tells it the sums of a minute (slow: header after over 3 s).  Returns
 * NGX_SOPORTE_ACTION_CHANGED when "degraded" begins or ends.
 */
ngx_uint_t ngx_soporte_detect_minute(ngx_soporte_detect_t *detect,
    uint64_t good, uint64_t hard, uint64_t soft, uint64_t slow);

/* what is shown of it */
ngx_soporte_state_e ngx_soporte_detect_state(
    const ngx_soporte_detect_t *detect);

/* whether so many of an upstream's tenants are down that it is its incident */
ngx_uint_t ngx_soporte_detect_shared(ngx_uint_t down, ngx_uint_t tenants);

/* after a reboot: the new clock's reading less the old one's, at one instant */
void ngx_soporte_detect_shift(ngx_soporte_detect_t *detect, int64_t ms);


#endif /* _NGX_SOPORTE_DETECT_H_INCLUDED_ */
