
/*
 * Moves what workers counted into slots of ten seconds, and judges minutes.
 * The rules stand beside each step; the order of a minute's rules matters.
 */

#include "ngx_soporte_window.h"


/* a minute added up, as far as it is reckoned with */

typedef struct {
    uint64_t    good;
    uint64_t    total;
    uint64_t    slow;
    ngx_uint_t  outside;                     /* slots not excluded */
    ngx_uint_t  observed;
    ngx_uint_t  bad;                         /* ppm, sum of the observed */
    ngx_uint_t  proof;                       /* not soft failures alone */
    ngx_uint_t  maintenance;                 /* slots we answered in */
    ngx_uint_t  restore;
} ngx_soporte_tally_t;


static void ngx_soporte_slots_open(ngx_soporte_slots_t *slots, uint32_t now,
    ngx_uint_t skipped);
static void ngx_soporte_slots_read(ngx_soporte_slots_t *slots, ngx_uint_t bank,
    const uint64_t *count, ngx_soporte_sums_t *slot);
static ngx_uint_t ngx_soporte_slot_failed(const ngx_soporte_slot_t *slot);
static ngx_int_t ngx_soporte_slot_bad(const ngx_soporte_slot_t *slot,
    ngx_uint_t gap_unknown);
static void ngx_soporte_minute_tally(const ngx_soporte_minute_t *minute,
    ngx_uint_t excluded, ngx_soporte_tally_t *tally);
static ngx_soporte_state_e ngx_soporte_minute_label(
    const ngx_soporte_tally_t *tally);


const ngx_str_t  ngx_soporte_state_names[NGX_SOPORTE_STATES] = {
    ngx_string("unknown"),
    ngx_string("up"),
    ngx_string("degraded"),
    ngx_string("down"),
    ngx_string("maintenance"),
    ngx_string("restore")
};


ngx_uint_t
ngx_soporte_clock_tick(ngx_soporte_clock_t *clock, int64_t wall, int64_t mono)
{
    int64_t     passed, jump;
    uint32_t    slot;
    ngx_uint_t  rc;

    rc = NGX_SOPORTE_CLOCK_STEADY;

    if (clock->slot) {
        passed = mono - clock->mono;
        jump = (wall - clock->wall) - passed;

        if (jump > NGX_SOPORTE_CLOCK_JUMP) {
            rc = NGX_SOPORTE_CLOCK_FORWARD;

        } else if (jump < -NGX_SOPORTE_CLOCK_JUMP) {
            rc = NGX_SOPORTE_CLOCK_BACK;

        } else if (passed > NGX_SOPORTE_SLOT_SECONDS * 1000) {
            rc = NGX_SOPORTE_CLOCK_STALLED;
        }

        clock->jumps += (rc == NGX_SOPORTE_CLOCK_FORWARD
                         || rc == NGX_SOPORTE_CLOCK_BACK);
    }

    slot = (uint32_t) (wall / (NGX_SOPORTE_SLOT_SECONDS * 1000));

    clock->wall = wall;
    clock->mono = mono;
    clock->slot = ngx_max(clock->slot, slot);

    return rc;
}


void
ngx_soporte_slots_fold(ngx_soporte_slots_t *slots,
    const uint64_t bank[NGX_SOPORTE_SLOT_BANKS][4], uint32_t now,
    ngx_uint_t flags, ngx_uint_t skipped, ngx_uint_t behind)
{
    uint32_t            at, gap;
    ngx_uint_t          i;
    ngx_soporte_sums_t  lost, *slot;

    ngx_memzero(&lost, sizeof(ngx_soporte_sums_t));

    /* a first look knows no growth, nor does one that comes too late */

    gap = slots->newest ? now - slots->newest : NGX_SOPORTE_SLOT_BANKS;

    ngx_soporte_slots_open(slots, now, skipped);

    for (i = 0; i < NGX_SOPORTE_SLOT_BANKS; i++) {

        if (gap >= NGX_SOPORTE_SLOT_BANKS) {
            slot = &lost;

        } else if (behind) {
            slot = &slots->slot[now % NGX_SOPORTE_SLOTS_KEPT];

        } else {
            at = now - (now - i) % NGX_SOPORTE_SLOT_BANKS;
            slot = &slots->slot[at % NGX_SOPORTE_SLOTS_KEPT];
        }

        ngx_soporte_slots_read(slots, i, bank[i], slot);
    }

    slots->flags[now % NGX_SOPORTE_SLOTS_KEPT] |= flags;
}


/*
 * Begins the slots up to now.  Those between were seen by the banks, unless
 * these went round meanwhile.
 */

static void
ngx_soporte_slots_open(ngx_soporte_slots_t *slots, uint32_t now,
    ngx_uint_t skipped)
{
    uint32_t    at, last;
    uint16_t    probe;
    ngx_uint_t  n;

    if (slots->newest == 0) {
        skipped = NGX_SOPORTE_SLOT_SERVING;
    }

    if (now - slots->newest > NGX_SOPORTE_SLOTS_KEPT) {
        slots->newest = now - NGX_SOPORTE_SLOTS_KEPT;
        ngx_memzero(slots->flags, sizeof(slots->flags));
    }

    last = slots->newest;

    if (now - last < NGX_SOPORTE_SLOT_BANKS
        && (skipped & NGX_SOPORTE_SLOT_SERVING))
    {
        skipped |= NGX_SOPORTE_SLOT_RECORDED;
    }

    for (at = last + 1; (int32_t) (now - at) >= 0; at++) {
        n = at % NGX_SOPORTE_SLOTS_KEPT;
        probe = slots->flags[(at - 1) % NGX_SOPORTE_SLOTS_KEPT]
                & (NGX_SOPORTE_SLOT_PROBE|NGX_SOPORTE_SLOT_AGE);

        /* a verdict holds for three more slots */

        if ((probe & NGX_SOPORTE_SLOT_PROBE) == 0
            || (probe & NGX_SOPORTE_SLOT_AGE) == NGX_SOPORTE_SLOT_AGE)
        {
            probe = 0;

        } else {
            probe += NGX_SOPORTE_SLOT_AGE_ONE;
        }

        slots->flags[n] = probe | (at == now ? NGX_SOPORTE_SLOT_SERVING
                                               |NGX_SOPORTE_SLOT_RECORDED
                                             : skipped);
        ngx_memzero(&slots->slot[n], sizeof(ngx_soporte_sums_t));
    }

    slots->newest = now;
}


/* the low 32 bits are enough to tell growth */

static void
ngx_soporte_slots_read(ngx_soporte_slots_t *slots, ngx_uint_t bank,
    const uint64_t *count, ngx_soporte_sums_t *slot)
{
    ngx_soporte_sums_t  *read;

    read = &slots->read[bank];

    slot->good += (uint32_t) count[0] - read->good;
    slot->hard += (uint32_t) count[1] - read->hard;
    slot->soft += (uint32_t) count[2] - read->soft;
    slot->slow += (uint32_t) count[3] - read->slow;

    read->good = (uint32_t) count[0];
    read->hard = (uint32_t) count[1];
    read->soft = (uint32_t) count[2];
    read->slow = (uint32_t) count[3];
}


void
ngx_soporte_slots_probe(ngx_soporte_slots_t *slots, ngx_uint_t failed)
{
    uint16_t  *flags;

    flags = &slots->flags[slots->newest % NGX_SOPORTE_SLOTS_KEPT];

    *flags &= ~(NGX_SOPORTE_SLOT_PROBE|NGX_SOPORTE_SLOT_AGE);
    *flags |= failed ? NGX_SOPORTE_SLOT_PROBE_FAIL : NGX_SOPORTE_SLOT_PROBE_OK;
}


void
ngx_soporte_slots_minute(const ngx_soporte_slots_t *slots, uint32_t minute,
    ngx_soporte_minute_t *sum)
{
    uint32_t    at;
    ngx_uint_t  i, n;

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        at = minute * NGX_SOPORTE_MINUTE_SLOTS + i;
        n = at % NGX_SOPORTE_SLOTS_KEPT;

        if (slots->newest - at >= NGX_SOPORTE_SLOTS_KEPT) {

            /* too old or yet to come: there is no record of it */

            ngx_soporte_slot_add(&sum->slot[i], NULL,
                                 NGX_SOPORTE_SLOT_SERVING);
            continue;
        }

        ngx_soporte_slot_add(&sum->slot[i], &slots->slot[n], slots->flags[n]);
    }
}


void
ngx_soporte_slot_add(ngx_soporte_slot_t *slot, const ngx_soporte_sums_t *sums,
    ngx_uint_t flags)
{
    slot->flags |= flags & ~(NGX_SOPORTE_SLOT_PROBE|NGX_SOPORTE_SLOT_AGE);

    if (!(flags & NGX_SOPORTE_SLOT_RECORDED)) {
        return;
    }

    slot->good += sums->good;
    slot->hard += sums->hard;
    slot->soft += sums->soft;
    slot->slow += sums->slow;

    slot->probes_ok += (flags & NGX_SOPORTE_SLOT_PROBE_OK) != 0;
    slot->probes_failed += (flags & NGX_SOPORTE_SLOT_PROBE_FAIL) != 0;
}


/* the majority of the nodes' verdicts; a tie fails */

static ngx_uint_t
ngx_soporte_slot_failed(const ngx_soporte_slot_t *slot)
{
    return slot->probes_failed > 0 && slot->probes_failed >= slot->probes_ok;
}


/* how bad a slot was, ppm; -1 when it was not observed */

static ngx_int_t
ngx_soporte_slot_bad(const ngx_soporte_slot_t *slot, ngx_uint_t gap_unknown)
{
    uint64_t  total, bad;

    if (slot->flags & NGX_SOPORTE_SLOT_HELD) {
        return NGX_SOPORTE_PPM;
    }

    if (!(slot->flags & NGX_SOPORTE_SLOT_SERVING)) {
        return gap_unknown ? -1 : NGX_SOPORTE_PPM;
    }

    bad = slot->hard + slot->soft;
    total = slot->good + bad;

    /* with little traffic the probe has a voice, that of one request */

    if (total < 3 && slot->probes_ok + slot->probes_failed > 0) {
        bad += ngx_soporte_slot_failed(slot);
        total++;
    }

    if (total == 0) {
        return -1;
    }

    return (ngx_int_t) (bad * NGX_SOPORTE_PPM / total);
}


static void
ngx_soporte_minute_tally(const ngx_soporte_minute_t *minute,
    ngx_uint_t excluded, ngx_soporte_tally_t *tally)
{
    ngx_int_t                  bad;
    ngx_uint_t                 i;
    const ngx_soporte_slot_t  *slot;

    ngx_memzero(tally, sizeof(ngx_soporte_tally_t));

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        slot = &minute->slot[i];

        if (excluded && (slot->flags & NGX_SOPORTE_SLOT_PLANNED)) {
            continue;
        }

        tally->outside++;

        bad = ngx_soporte_slot_bad(slot, minute->gap_unknown);

        if (bad == -1) {
            continue;
        }

        tally->observed++;
        tally->bad += (ngx_uint_t) bad;

        tally->good += slot->good;
        tally->slow += slot->slow;
        tally->total += slot->good + slot->hard + slot->soft;

        tally->proof |= slot->hard > 0 || ngx_soporte_slot_failed(slot)
                        || (slot->flags & NGX_SOPORTE_SLOT_HELD)
                        || !(slot->flags & NGX_SOPORTE_SLOT_SERVING);

        tally->maintenance +=
                         (slot->flags & NGX_SOPORTE_SLOT_MAINTENANCE) != 0;
        tally->restore += (slot->flags & NGX_SOPORTE_SLOT_RESTORE) != 0;
    }
}


void
ngx_soporte_minute_judge(const ngx_soporte_minute_t *minute,
    ngx_uint_t excluded, ngx_soporte_judgement_t *judgement)
{
    ngx_soporte_tally_t  tally;

    ngx_soporte_minute_tally(minute, excluded, &tally);

    judgement->down = 0;
    judgement->excluded = 0;
    judgement->bad = -1;

    if (tally.outside < 3) {
        judgement->state = NGX_SOPORTE_STATE_MAINTENANCE;
        judgement->excluded = 1;
        return;
    }

    if (tally.observed < 3) {
        judgement->state = NGX_SOPORTE_STATE_UNKNOWN;
        return;
    }

    judgement->bad = (ngx_int_t) (tally.bad / tally.observed);

    if (judgement->bad >= NGX_SOPORTE_MINUTE_DOWN && tally.proof) {
        judgement->state = ngx_soporte_minute_label(&tally);
        judgement->down = 1;
        return;
    }

    if (judgement->bad >= NGX_SOPORTE_MINUTE_DEGRADED
        || (tally.total >= NGX_SOPORTE_MINUTE_SLOW
            && tally.slow * 4 >= tally.good))
    {
        judgement->state = NGX_SOPORTE_STATE_DEGRADED;
        return;
    }

    judgement->state = NGX_SOPORTE_STATE_UP;
}


/*
 * A minute that is down belongs to D all the same; it is called by the reason
 * for which we answered, if that made half of what was bad.
 */

static ngx_soporte_state_e
ngx_soporte_minute_label(const ngx_soporte_tally_t *tally)
{
    ngx_uint_t  held;

    held = tally->maintenance + tally->restore;

    if (held == 0 || held * NGX_SOPORTE_PPM * 2 < tally->bad) {
        return NGX_SOPORTE_STATE_DOWN;
    }

    return (tally->restore >= tally->maintenance)
           ? NGX_SOPORTE_STATE_RESTORE : NGX_SOPORTE_STATE_MAINTENANCE;
}
