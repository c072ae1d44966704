
/*
 * Visits the tenants: tells detection what happened, folds the workers' banks
 * into slots of ten seconds, judges minutes once they are sealed and counts
 * them into months and days.  Only the leader writes what is written here.
 */

#include "ngx_http_soporte_seal.h"
#include "ngx_http_soporte_history.h"
#include "ngx_http_soporte_hours.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_watch.h"

#include "ngx_soporte_terms.h"


#define NGX_HTTP_SOPORTE_VISITS   5          /* ticks for all tenants */
#define NGX_HTTP_SOPORTE_SLICE    200        /* tenants in a turn of the loop */
#define NGX_HTTP_SOPORTE_JUDGED   4          /* minutes that take as long */
#define NGX_HTTP_SOPORTE_CATCHUP  1440       /* minutes judged in one visit */


struct ngx_http_soporte_seal_s {
    ngx_http_soporte_main_conf_t     *smcf;
    ngx_soporte_zone_t               *zone;
    const ngx_soporte_zoneinfo_t     *tz;    /* the contract's */
    ngx_http_soporte_watch_t         *watch;
    uint32_t                          next;  /* slot of the next tenant */
    uint32_t                          visits;        /* left of this tick */
    ngx_http_soporte_timer_t          turn;  /* ... for the next turn */

    /* what is the same for all tenants of a tick */

    int64_t                           now;   /* unix s */
    uint32_t                          slot;
    ngx_uint_t                        behind;

    /* the month and the day that were asked for last */

    int64_t                           month_from;
    int64_t                           month_until;
    int64_t                           day_from;
    int64_t                           day_until;
    uint32_t                          day;
};


static void ngx_http_soporte_seal_turn(ngx_event_t *ev);
static void ngx_http_soporte_seal_visits(ngx_http_soporte_seal_t *seal,
    ngx_uint_t n);
static ngx_uint_t ngx_http_soporte_seal_visit(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_seal_fold(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant);
static ngx_uint_t ngx_http_soporte_seal_minutes(
    ngx_http_soporte_seal_t *seal, ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_seal_sum(ngx_http_soporte_seal_t *seal,
    const ngx_soporte_tenant_t *tenant, uint32_t minute,
    ngx_soporte_minute_t *sum);
static void ngx_http_soporte_seal_judge(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant, uint32_t minute);
static void ngx_http_soporte_seal_calendar(ngx_http_soporte_seal_t *seal,
    int64_t t);


ngx_http_soporte_seal_t *
ngx_http_soporte_seal_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_seal_t  *seal;

    seal = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_seal_t));

    if (seal == NULL) {
        return NULL;
    }

    seal->smcf = smcf;
    seal->zone = smcf->zone;
    seal->tz = smcf->hours->zone;

    ngx_http_soporte_timer(&seal->turn, seal, ngx_http_soporte_seal_turn,
                           cycle->log);
    seal->watch = ngx_http_soporte_watch_create(cycle, smcf, seal);

    if (seal->watch == NULL) {
        return NULL;
    }

    return seal;
}


void
ngx_http_soporte_seal_alive(ngx_soporte_zone_t *zone)
{
    int64_t                now, last;
    uint32_t               from;
    ngx_soporte_header_t  *header;

    header = zone->header;
    now = ngx_time();
    last = __atomic_exchange_n(&header->alive, now, __ATOMIC_RELAXED);

    if (last == 0 || now - last <= NGX_SOPORTE_SLOT_SECONDS) {
        return;
    }

    /* the slot of the last sign of life was served, this one is */

    from = (uint32_t) (last / NGX_SOPORTE_SLOT_SECONDS) + 1;

    ngx_soporte_store(&header->gap_from, from);
    ngx_soporte_release(&header->gap_to,
                        (uint32_t) (now / NGX_SOPORTE_SLOT_SECONDS));
}


void
ngx_http_soporte_seal_tick(ngx_http_soporte_seal_t *seal)
{
    uint32_t               used;
    ngx_uint_t             n;
    ngx_time_t            *tp;
    ngx_soporte_header_t  *header;

    header = seal->zone->header;
    tp = ngx_timeofday();

    (void) ngx_soporte_clock_tick(&header->clock,
                                  (int64_t) tp->sec * 1000 + tp->msec,
                                  (int64_t) ngx_current_msec);

    seal->now = tp->sec;
    seal->slot = header->clock.slot;
    seal->behind = ngx_soporte_clock_behind(&header->clock);

    used = ngx_soporte_acquire(&header->used);

    n = ngx_http_soporte_watch_tick(seal->watch, used, NGX_HTTP_SOPORTE_SLICE);

    seal->visits = used / NGX_HTTP_SOPORTE_VISITS + 1;
    ngx_http_soporte_seal_visits(seal, n);
}


static void
ngx_http_soporte_seal_turn(ngx_event_t *ev)
{
    ngx_uint_t                n;
    ngx_http_soporte_seal_t  *seal = ngx_http_soporte_timer_data(ev);

    n = ngx_http_soporte_watch_due(seal->watch, NGX_HTTP_SOPORTE_SLICE);

    ngx_http_soporte_seal_visits(seal, n);
}


/* n: what may be done in this turn, where each minute that is judged counts */

static void
ngx_http_soporte_seal_visits(ngx_http_soporte_seal_t *seal, ngx_uint_t n)
{
    uint32_t               used;
    ngx_uint_t             cost;
    ngx_soporte_tenant_t  *tenant;

    used = ngx_soporte_acquire(&seal->zone->header->used);

    while (n && seal->visits) {

        if (seal->next >= used) {
            seal->next = 0;
        }

        cost = 1;
        seal->visits--;
        tenant = ngx_soporte_tenant(seal->zone, seal->next++);

        if (ngx_soporte_acquire(&tenant->flags) & NGX_SOPORTE_TENANT_READY) {
            cost += ngx_http_soporte_seal_visit(seal, tenant)
                    / NGX_HTTP_SOPORTE_JUDGED;
        }

        n -= ngx_min(n, cost);
    }

    if (n == 0) {
        ngx_post_event(&seal->turn.event, &ngx_posted_next_events);
    }
}


void
ngx_http_soporte_seal_stop(ngx_http_soporte_seal_t *seal)
{
    if (seal->turn.event.posted) {
        ngx_delete_posted_event(&seal->turn.event);
    }
}


/* returns how many minutes were judged */

static ngx_uint_t
ngx_http_soporte_seal_visit(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant)
{
    uint32_t    newest;
    ngx_uint_t  n;

    ngx_http_soporte_watch_visit(seal->watch, tenant);

    n = 0;
    newest = tenant->history.slots.newest;

    /* what is kept of a minute that a long gap cut is about to go */

    if (newest && seal->slot > newest + NGX_SOPORTE_SLOTS_KEPT) {
        n = ngx_http_soporte_seal_minutes(seal, tenant);
    }

    if (newest != seal->slot) {
        ngx_http_soporte_seal_fold(seal, tenant);
    }

    return n + ngx_http_soporte_seal_minutes(seal, tenant);
}


static ngx_uint_t
ngx_http_soporte_seal_minutes(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant)
{
    ngx_uint_t  n;

    for (n = 0; n < NGX_HTTP_SOPORTE_CATCHUP; n++) {

        if (!ngx_soporte_minute_sealed(tenant->judged + 1, seal->now)) {
            break;
        }

        ngx_http_soporte_seal_judge(seal, tenant, tenant->judged + 1);
        tenant->judged++;
    }

    return n;
}


/* its seconds, by the months and the days that they lie in */

void
ngx_http_soporte_seal_outage(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant, const ngx_soporte_outage_t *outage)
{
    int64_t                  t;
    ngx_uint_t               i;
    ngx_soporte_month_t     *month;

    for (i = 0; i < 2; i++) {
        month = &tenant->history.month[i];

        if (month->start == 0) {
            continue;
        }

        ngx_http_soporte_seal_calendar(seal, month->start);

        month->outage += ngx_soporte_outage_overlap(outage->began,
                                                    outage->ended,
                                                    month->start,
                                                    seal->month_until);
    }

    for (t = outage->began; t < outage->ended; t = seal->day_until) {
        ngx_http_soporte_seal_calendar(seal, t);

        ngx_soporte_days_outage(&tenant->history.days, seal->day,
            ngx_soporte_outage_overlap(outage->began, outage->ended,
                                       seal->day_from, seal->day_until));
    }
}


static void
ngx_http_soporte_seal_fold(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant)
{
    uint32_t               life[NGX_SOPORTE_HIST_BUCKETS], from, to;
    uint64_t               bank[NGX_SOPORTE_BANKS][4];
    ngx_uint_t             i, flags, skipped;
    ngx_soporte_terms_t    terms;
    ngx_soporte_header_t  *header;

    for (i = 0; i < NGX_SOPORTE_BANKS; i++) {
        bank[i][0] = ngx_soporte_load(&tenant->bank[i].good);
        bank[i][1] = ngx_soporte_load(&tenant->bank[i].hard);
        bank[i][2] = ngx_soporte_load(&tenant->bank[i].soft);
        bank[i][3] = ngx_soporte_load(&tenant->bank[i].slow);
    }

    flags = NGX_SOPORTE_SLOT_SERVING|NGX_SOPORTE_SLOT_RECORDED;

    terms = ngx_soporte_terms(seal->zone, tenant);

    if (ngx_soporte_board_planned(seal->zone, tenant, seal->now,
                                  terms.announce))
    {
        flags |= NGX_SOPORTE_SLOT_PLANNED;
    }

    switch (ngx_soporte_load(&tenant->gate)) {

    case NGX_SOPORTE_GATE_RESTORE:
        flags |= NGX_SOPORTE_SLOT_RESTORE;
        break;

    case NGX_SOPORTE_GATE_INCIDENT:
        flags |= NGX_SOPORTE_SLOT_INCIDENT;
        break;

    case NGX_SOPORTE_GATE_MAINTENANCE:
        flags |= NGX_SOPORTE_SLOT_MAINTENANCE;
        break;

    default:
        if ((int64_t) ngx_soporte_load(&tenant->stamp) > seal->now) {
            flags |= NGX_SOPORTE_SLOT_MAINTENANCE;
        }
    }

    /* slots that no visit saw: was the node there? */

    header = seal->zone->header;
    to = ngx_soporte_acquire(&header->gap_to);
    from = ngx_soporte_load(&header->gap_from);

    skipped = (from < to && tenant->history.slots.newest < to
               && seal->slot > from)
              ? 0 : NGX_SOPORTE_SLOT_SERVING;

    ngx_soporte_slots_fold(&tenant->history.slots,
                           (const uint64_t (*)[4]) bank, seal->slot, flags,
                           skipped, seal->behind);

    for (i = 0; i < NGX_SOPORTE_HIST_BUCKETS; i++) {
        life[i] = ngx_soporte_load(&tenant->hist[i]);
    }

    ngx_soporte_hist_fold(&tenant->history.hist, life, seal->now);
}


/* the slots of a minute; those in a gap, however long ago it began */

static void
ngx_http_soporte_seal_sum(ngx_http_soporte_seal_t *seal,
    const ngx_soporte_tenant_t *tenant, uint32_t minute,
    ngx_soporte_minute_t *sum)
{
    uint32_t                    at, from, to;
    ngx_uint_t                  i;
    const ngx_soporte_slots_t  *slots;

    slots = &tenant->history.slots;

    ngx_memzero(sum, sizeof(ngx_soporte_minute_t));
    ngx_soporte_slots_minute(slots, minute, sum);

    to = ngx_soporte_acquire(&seal->zone->header->gap_to);
    from = ngx_soporte_load(&seal->zone->header->gap_from);

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        at = minute * NGX_SOPORTE_MINUTE_SLOTS + i;

        if (at >= from && at < to
            && slots->newest - at >= NGX_SOPORTE_SLOTS_KEPT)
        {
            sum->slot[i].flags &= ~NGX_SOPORTE_SLOT_SERVING;
        }
    }
}


static void
ngx_http_soporte_seal_judge(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant, uint32_t minute)
{
    int64_t                         t;
    uint64_t                        good, hard, soft, slow;
    ngx_uint_t                      i;
    ngx_soporte_month_t            *month;
    ngx_soporte_terms_t             terms;
    ngx_soporte_minute_t            sum;
    ngx_soporte_judgement_t         counted, excluded;
    const ngx_soporte_judgement_t  *taken;

    ngx_http_soporte_seal_sum(seal, tenant, minute, &sum);

    ngx_soporte_minute_judge(&sum, NGX_SOPORTE_COUNTED, &counted);
    ngx_soporte_minute_judge(&sum, NGX_SOPORTE_NOT_COUNTED, &excluded);

    t = (int64_t) minute * 60;
    month = tenant->history.month;

    ngx_http_soporte_seal_calendar(seal, t);

    /* the first month of a tenant begins with the tenant */

    ngx_soporte_month_turn(month, ngx_max(seal->month_from, tenant->began));

    terms = ngx_soporte_terms(seal->zone, tenant);

    taken = ngx_soporte_month_add(month, &counted, &excluded, terms.cap,
                                  terms.excluded ? NGX_SOPORTE_NOT_COUNTED
                                                 : NGX_SOPORTE_COUNTED);

    ngx_soporte_days_minute(&tenant->history.days, seal->day, taken->state);

    ngx_http_soporte_history_note(seal->smcf->history, tenant, minute, &sum,
                                  taken->state);

    good = hard = soft = slow = 0;

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        good += sum.slot[i].good;
        hard += sum.slot[i].hard;
        soft += sum.slot[i].soft;
        slow += sum.slot[i].slow;
    }

    ngx_http_soporte_watch_minute(seal->watch, tenant, good, hard, soft,
                                  slow);
}


/* leaves in seal the month and the day that hold t */

static void
ngx_http_soporte_seal_calendar(ngx_http_soporte_seal_t *seal, int64_t t)
{
    int64_t              local;
    ngx_soporte_civil_t  c;

    if (t < seal->month_from || t >= seal->month_until) {
        ngx_http_soporte_seal_month(seal->tz, t, &seal->month_from,
                                    &seal->month_until);
    }

    if (t >= seal->day_from && t < seal->day_until) {
        return;
    }

    ngx_soporte_zoneinfo_local(seal->tz, t, &c);

    seal->day = ngx_soporte_civil_days(c.year, c.month, c.day);
    local = (int64_t) seal->day * 86400;

    seal->day_from = ngx_soporte_zoneinfo_utc(seal->tz, local, NULL);
    seal->day_until = ngx_soporte_zoneinfo_utc(seal->tz, local + 86400, NULL);
}


void
ngx_http_soporte_seal_month(const ngx_soporte_zoneinfo_t *zone, int64_t t,
    int64_t *from, int64_t *until)
{
    int32_t              days;
    ngx_soporte_civil_t  c;

    ngx_soporte_zoneinfo_local(zone, t, &c);

    days = ngx_soporte_civil_days(c.year, c.month, 1);
    *from = ngx_soporte_zoneinfo_utc(zone, (int64_t) days * 86400, NULL);

    days += ngx_soporte_civil_month_days(c.year, c.month);
    *until = ngx_soporte_zoneinfo_utc(zone, (int64_t) days * 86400, NULL);
}
