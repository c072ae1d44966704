
/*
 * Slots of ten seconds, and what a minute of six slots counts as.  Integers
 * only; shares are in parts per million.
 *
 * Workers add to four banks by unix time / 10 s that only ever grow.  The
 * leader alone keeps what it read before, and puts the difference into the
 * slots of its node.  A minute is judged over the sum of all nodes, 15 s after
 * its end, in two readings of the contract: planned maintenance counted, and
 * planned maintenance excluded.
 */

#ifndef _NGX_SOPORTE_WINDOW_H_INCLUDED_
#define _NGX_SOPORTE_WINDOW_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_SLOT_SECONDS   10
#define NGX_SOPORTE_SLOT_BANKS     4         /* of the workers */
#define NGX_SOPORTE_MINUTE_SLOTS   6
#define NGX_SOPORTE_SLOTS_KEPT     10        /* a minute, and 40 s to seal it */
#define NGX_SOPORTE_MINUTE_SEAL    15        /* s after its end */

#define NGX_SOPORTE_PPM            1000000

/* shares and numbers at which a minute changes its state */

#define NGX_SOPORTE_MINUTE_DOWN      500000  /* ppm */
#define NGX_SOPORTE_MINUTE_DEGRADED  50000   /* ppm */
#define NGX_SOPORTE_MINUTE_SLOW      20      /* samples; then a quarter slow */
#define NGX_SOPORTE_SLOW             3000    /* ms to the header, above */


typedef enum {
    NGX_SOPORTE_STATE_UNKNOWN = 0,
    NGX_SOPORTE_STATE_UP,
    NGX_SOPORTE_STATE_DEGRADED,
    NGX_SOPORTE_STATE_DOWN,
    NGX_SOPORTE_STATE_MAINTENANCE,
    NGX_SOPORTE_STATE_RESTORE
} ngx_soporte_state_e;

#define NGX_SOPORTE_STATES         6


/* "unknown", "up" and so on by ngx_soporte_state_e */
extern const ngx_str_t  ngx_soporte_state_names[NGX_SOPORTE_STATES];


/* what is known of a slot besides its sums */

#define NGX_SOPORTE_SLOT_SERVING      0x0001 /* the node was there */
#define NGX_SOPORTE_SLOT_RECORDED     0x0002 /* ... and its sums are known */
#define NGX_SOPORTE_SLOT_PROBE_OK     0x0004 /* last verdict of a probe */
#define NGX_SOPORTE_SLOT_PROBE_FAIL   0x0008
#define NGX_SOPORTE_SLOT_PLANNED      0x0010 /* in a window announced in time */
/* we answered for the tenant, because of */
#define NGX_SOPORTE_SLOT_MAINTENANCE  0x0020
#define NGX_SOPORTE_SLOT_RESTORE      0x0040
#define NGX_SOPORTE_SLOT_INCIDENT     0x0080
/* slots since the probe whose verdict still holds: 0 to 3, 30 s */
#define NGX_SOPORTE_SLOT_AGE          0x0300
#define NGX_SOPORTE_SLOT_AGE_ONE      0x0100

#define NGX_SOPORTE_SLOT_HELD                                                 \
    (NGX_SOPORTE_SLOT_MAINTENANCE|NGX_SOPORTE_SLOT_RESTORE                    \
     |NGX_SOPORTE_SLOT_INCIDENT)
#define NGX_SOPORTE_SLOT_PROBE                                                \
    (NGX_SOPORTE_SLOT_PROBE_OK|NGX_SOPORTE_SLOT_PROBE_FAIL)


/* samples by outcome; slow is a part of the answered */

typedef struct {
    uint32_t               good;
    uint32_t               hard;
    uint32_t               soft;
    uint32_t               slow;
} ngx_soporte_sums_t;


/* the slots of one tenant on one node, in shared memory; the leader writes */

typedef struct {
    uint32_t               newest;           /* unix time / 10 s, 0: none */
    uint16_t               flags[NGX_SOPORTE_SLOTS_KEPT];
    ngx_soporte_sums_t     read[NGX_SOPORTE_SLOT_BANKS];
    ngx_soporte_sums_t     slot[NGX_SOPORTE_SLOTS_KEPT];
} ngx_soporte_slots_t;


/* a slot summed over nodes */

typedef struct {
    uint64_t               good;
    uint64_t               hard;
    uint64_t               soft;
    uint64_t               slow;
    uint32_t               probes_ok;        /* nodes with that verdict */
    uint32_t               probes_failed;
    uint32_t               flags;            /* of any node, verdicts aside */
} ngx_soporte_slot_t;


typedef struct {
    ngx_soporte_slot_t     slot[NGX_SOPORTE_MINUTE_SLOTS];
    ngx_uint_t             gap_unknown;      /* 1: where no node served, nothing
                                                was observed; 0: it was down */
} ngx_soporte_minute_t;


typedef struct {
    ngx_soporte_state_e    state;            /* what is shown */
    ngx_uint_t             down;             /* 1: belongs to D */
    ngx_uint_t             excluded;         /* 1: belongs to X */
    ngx_int_t              bad;              /* ppm, -1: not judged by it */
} ngx_soporte_judgement_t;


/* the wall clock as the slots see it; the leader's, zero to begin with */

typedef struct {
    int64_t                wall;             /* ms, at the last tick */
    int64_t                mono;             /* ms */
    uint32_t               slot;             /* never decreases */
    uint32_t               jumps;
} ngx_soporte_clock_t;

#define NGX_SOPORTE_CLOCK_STEADY   0
#define NGX_SOPORTE_CLOCK_FORWARD  1         /* the wall clock alone went on */
#define NGX_SOPORTE_CLOCK_BACK     2
#define NGX_SOPORTE_CLOCK_STALLED  3         /* time passed, no tick came */

#define NGX_SOPORTE_CLOCK_JUMP     2000      /* ms */


/*
 * One tick: unix milliseconds, and milliseconds of a monotonic clock (one that
 * counts suspension, where that is to be told from a step).  Returns
 * NGX_SOPORTE_CLOCK_ and leaves in clock->slot the slot to count in.
 */
ngx_uint_t ngx_soporte_clock_tick(ngx_soporte_clock_t *clock, int64_t wall,
    int64_t mono);


/* whether the wall clock still lies before the newest slot */

static ngx_inline ngx_uint_t
ngx_soporte_clock_behind(const ngx_soporte_clock_t *clock)
{
    return clock->wall / (NGX_SOPORTE_SLOT_SECONDS * 1000)
           < (int64_t) clock->slot;
}


/*
 * Puts what the banks grew by into the slots up to "now" (clock.slot).  bank
 * is a copy of the workers' counters.  flags are what holds now and is added
 * to the newest slot; skipped are those of slots that nobody saw, 0 if the
 * node was not there, NGX_SOPORTE_SLOT_SERVING if it was.  behind: all growth
 * belongs to the newest slot.  With more than three slots skipped, growth can
 * be told to no slot: these stay without a record.
 */
void ngx_soporte_slots_fold(ngx_soporte_slots_t *slots,
    const uint64_t bank[NGX_SOPORTE_SLOT_BANKS][4], uint32_t now,
    ngx_uint_t flags, ngx_uint_t skipped, ngx_uint_t behind);

/* the verdict of a probe that ended now, in the newest slot */
void ngx_soporte_slots_probe(ngx_soporte_slots_t *slots, ngx_uint_t failed);

/* adds the node's six slots of minute (unix time / 60 s) to those of others */
void ngx_soporte_slots_minute(const ngx_soporte_slots_t *slots,
    uint32_t minute, ngx_soporte_minute_t *sum);

/* adds one node's slot; flags with its verdict */
void ngx_soporte_slot_add(ngx_soporte_slot_t *slot,
    const ngx_soporte_sums_t *sums, ngx_uint_t flags);


/* whether a minute may be judged, unix seconds */

static ngx_inline ngx_uint_t
ngx_soporte_minute_sealed(uint32_t minute, time_t now)
{
    return now >= ((time_t) minute + 1) * 60 + NGX_SOPORTE_MINUTE_SEAL;
}


/*
 * What a minute counts as; one that is all zero is one in which no node served.
 * excluded: planned maintenance is left out of the reckoning, as some contracts
 * have it; else it counts as down.
 */
void ngx_soporte_minute_judge(const ngx_soporte_minute_t *minute,
    ngx_uint_t excluded, ngx_soporte_judgement_t *judgement);


#endif /* _NGX_SOPORTE_WINDOW_H_INCLUDED_ */
