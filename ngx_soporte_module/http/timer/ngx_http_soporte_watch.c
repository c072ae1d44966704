
/*
 * Detection as it is wired: evidence goes in, and what comes out becomes the
 * state that all see, an outage in the history, an incident on the board, a
 * line in the log and a sight for those who ask why.
 */

#include "ngx_http_soporte_watch.h"
#include "ngx_http_soporte_incident.h"
#include "ngx_http_soporte_probe.h"

#include "ngx_soporte_seen.h"


struct ngx_http_soporte_watch_s {
    ngx_http_soporte_main_conf_t  *smcf;
    ngx_soporte_zone_t            *zone;
    ngx_http_soporte_seal_t       *seal;
    int64_t                        now;      /* unix ms */
    int64_t                        mono;     /* ms */
    uint32_t                       used;     /* slots */
    uint32_t                       slot;     /* the next that may be due */
    uint32_t                       left;     /* to be looked at */
};


static void ngx_http_soporte_watch_clock(ngx_http_soporte_watch_t *watch);
static void ngx_http_soporte_watch_requests(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, uint32_t good, uint32_t hard);
static void ngx_http_soporte_watch_waiting(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_watch_event(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_soporte_event_e type, ngx_uint_t n,
    ngx_soporte_cause_e cause, int64_t at);
static void ngx_http_soporte_watch_evidence(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, const ngx_soporte_event_t *event,
    const ngx_soporte_detect_t *before);
static void ngx_http_soporte_watch_act(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t actions, ngx_uint_t level);
static void ngx_http_soporte_watch_down(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t level);
static void ngx_http_soporte_watch_ended(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t level);
static void ngx_http_soporte_watch_state(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant);
static void ngx_http_soporte_watch_see(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t what, ngx_uint_t n,
    int64_t since);
static int64_t ngx_http_soporte_watch_wall(ngx_http_soporte_watch_t *watch,
    int64_t mono);


ngx_http_soporte_watch_t *
ngx_http_soporte_watch_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf, ngx_http_soporte_seal_t *seal)
{
    ngx_http_soporte_watch_t  *watch;

    watch = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_watch_t));

    if (watch == NULL) {
        return NULL;
    }

    watch->smcf = smcf;
    watch->zone = smcf->zone;
    watch->seal = seal;

    return watch;
}


static void
ngx_http_soporte_watch_clock(ngx_http_soporte_watch_t *watch)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    watch->now = (int64_t) tp->sec * 1000 + tp->msec;
    watch->mono = ngx_current_msec;
}


ngx_uint_t
ngx_http_soporte_watch_tick(ngx_http_soporte_watch_t *watch, uint32_t used,
    ngx_uint_t n)
{
    /* from where the tick before came to, if it could not see to all */

    watch->used = used;
    watch->left = used - 1;

    n = ngx_http_soporte_watch_due(watch, n);

    ngx_http_soporte_probe_tick(watch->smcf->probe, watch);

    return n;
}


ngx_uint_t
ngx_http_soporte_watch_due(ngx_http_soporte_watch_t *watch, ngx_uint_t n)
{
    uint32_t               slot;
    ngx_soporte_tenant_t  *tenant;

    ngx_http_soporte_watch_clock(watch);

    for ( /* void */ ; n && watch->left; watch->left--) {

        if (watch->slot == 0 || watch->slot >= watch->used) {
            watch->slot = 1;
        }

        slot = watch->slot++;

        if (!ngx_http_soporte_probe_due(watch->smcf->probe, slot,
                                        watch->mono))
        {
            continue;
        }

        n--;
        tenant = ngx_soporte_tenant(watch->zone, slot);

        if (ngx_soporte_load(&tenant->gate) == NGX_SOPORTE_GATE_OPEN) {
            ngx_http_soporte_watch_event(watch, tenant,
                                         NGX_SOPORTE_EVENT_TICK, 0,
                                         NGX_SOPORTE_CAUSE_UNKNOWN,
                                         watch->mono);
        }
    }

    return n;
}


void
ngx_http_soporte_watch_visit(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant)
{
    uint32_t    good, hard;
    ngx_uint_t  i;

    good = 0;
    hard = 0;

    for (i = 0; i < NGX_SOPORTE_BANKS; i++) {
        good += (uint32_t) (ngx_soporte_load(&tenant->bank[i].good)
                            + ngx_soporte_load(&tenant->bank[i].soft));
        hard += (uint32_t) ngx_soporte_load(&tenant->bank[i].hard);
    }

    ngx_http_soporte_probe_visit(watch->smcf->probe, tenant);

    /* while we answer in its stead, what still arrives says nothing */

    if (ngx_soporte_load(&tenant->gate) == NGX_SOPORTE_GATE_OPEN) {
        ngx_http_soporte_watch_requests(watch, tenant,
                                        good - tenant->seen_good,
                                        hard - tenant->seen_hard);
        ngx_http_soporte_watch_waiting(watch, tenant);

        if (tenant->detect.next && tenant->detect.next <= watch->mono) {
            ngx_http_soporte_watch_event(watch, tenant,
                                         NGX_SOPORTE_EVENT_TICK, 0,
                                         NGX_SOPORTE_CAUSE_UNKNOWN,
                                         watch->mono);
        }
    }

    tenant->seen_good = good;
    tenant->seen_hard = hard;

    ngx_http_soporte_incident_visit(watch->smcf, tenant);
}


static void
ngx_http_soporte_watch_requests(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, uint32_t good, uint32_t hard)
{
    uint32_t  streak;

    streak = ngx_soporte_load(&tenant->streak);

    if (good) {
        ngx_http_soporte_watch_event(watch, tenant, NGX_SOPORTE_EVENT_GOOD,
                                     good, NGX_SOPORTE_CAUSE_UNKNOWN,
                                     watch->mono);
    }

    if (hard && streak) {
        ngx_http_soporte_watch_event(watch, tenant, NGX_SOPORTE_EVENT_HARD,
                                     ngx_min(hard, streak),
                                     ngx_soporte_load(&tenant->cause),
                                     ngx_soporte_load(&tenant->failing));
    }
}


/* what a worker told of is evidence only while nobody else is answered */

static void
ngx_http_soporte_watch_waiting(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant)
{
    uint32_t  waiting;

    if (ngx_soporte_load(&tenant->waiting) == 0) {
        return;
    }

    waiting = __atomic_exchange_n(&tenant->waiting, 0, __ATOMIC_RELAXED);

    if (waiting == 0
        || watch->mono - tenant->detect.good_at < NGX_SOPORTE_DETECT_WAITING)
    {
        return;
    }

    ngx_http_soporte_watch_event(watch, tenant, NGX_SOPORTE_EVENT_WAITING, 1,
                                 NGX_SOPORTE_CAUSE_TIMEOUT,
                                 watch->mono
                                 - (uint32_t) ((uint32_t) watch->mono
                                               - waiting));
}


void
ngx_http_soporte_watch_probe(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began)
{
    ngx_soporte_slots_probe(&tenant->history.slots, failed);

    if (ngx_soporte_load(&tenant->gate) != NGX_SOPORTE_GATE_OPEN) {
        return;
    }

    ngx_http_soporte_watch_clock(watch);

    ngx_http_soporte_watch_event(watch, tenant,
                                 failed ? NGX_SOPORTE_EVENT_PROBE_FAILED
                                        : NGX_SOPORTE_EVENT_PROBE_OK,
                                 1, cause, began);
}


void
ngx_http_soporte_watch_minute(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, uint64_t good, uint64_t hard, uint64_t soft,
    uint64_t slow)
{
    ngx_uint_t  actions, degraded;

    degraded = tenant->detect.flags & NGX_SOPORTE_DETECT_DEGRADED;

    actions = ngx_soporte_detect_minute(&tenant->detect, good, hard, soft,
                                        slow);

    if ((tenant->detect.flags & NGX_SOPORTE_DETECT_DEGRADED) != degraded) {
        ngx_http_soporte_watch_see(watch, tenant,
                                   degraded ? NGX_SOPORTE_SEEN_FINE
                                            : NGX_SOPORTE_SEEN_DEGRADED,
                                   0, 0);

        if (!degraded) {
            ngx_soporte_add(&watch->zone->header->incidents_degraded, 1);
        }
    }

    ngx_http_soporte_watch_act(watch, tenant, actions, NGX_LOG_WARN);
}


static void
ngx_http_soporte_watch_event(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_soporte_event_e type, ngx_uint_t n,
    ngx_soporte_cause_e cause, int64_t at)
{
    ngx_uint_t                        actions, level;
    ngx_soporte_event_t               event;
    ngx_soporte_detect_t              before;
    const ngx_soporte_detect_conf_t  *conf;

    event.type = type;
    event.cause = cause;
    event.n = n;
    event.at = ngx_min(at, watch->mono);
    event.random = ngx_random();

    before = tenant->detect;

    conf = ngx_http_soporte_probe_rules(watch->smcf->probe, tenant, &level);

    actions = ngx_soporte_detect(&tenant->detect, conf, &event, watch->mono);

    ngx_http_soporte_watch_evidence(watch, tenant, &event, &before);

    /* before a probe is wanted: it may fail at once, and so come back here */

    ngx_http_soporte_probe_next(watch->smcf->probe, tenant,
                                tenant->detect.next);

    ngx_http_soporte_watch_act(watch, tenant, actions, level);
}


/*
 * Sights of evidence: not of each single failure, which an answer follows, nor
 * of what goes on failing while it is down.
 */

static void
ngx_http_soporte_watch_evidence(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, const ngx_soporte_event_t *event,
    const ngx_soporte_detect_t *before)
{
    int64_t  since;

    since = ngx_http_soporte_watch_wall(watch, event->at);

    switch (event->type) {

    case NGX_SOPORTE_EVENT_HARD:
        if (before->state == NGX_SOPORTE_DETECT_SUSPECT
            || before->state == NGX_SOPORTE_DETECT_RECOVERING
            || tenant->detect.state == NGX_SOPORTE_DETECT_DOWN)
        {
            break;
        }

        return;

    case NGX_SOPORTE_EVENT_WAITING:
    case NGX_SOPORTE_EVENT_PROBE_FAILED:
        break;

    case NGX_SOPORTE_EVENT_GOOD:
    case NGX_SOPORTE_EVENT_PROBE_OK:
        if (before->state == NGX_SOPORTE_DETECT_SUSPECT
            && tenant->detect.state == NGX_SOPORTE_DETECT_UP
            && before->hards + before->fails > 1)
        {
            ngx_http_soporte_watch_see(watch, tenant,
                                       NGX_SOPORTE_SEEN_CLEARED, 0,
                          ngx_http_soporte_watch_wall(watch, before->began));
        }

        return;

    default: /* NGX_SOPORTE_EVENT_TICK */
        return;
    }

    if (before->state == NGX_SOPORTE_DETECT_DOWN) {
        return;
    }

    ngx_http_soporte_watch_see(watch, tenant,
              event->type == NGX_SOPORTE_EVENT_HARD
              ? NGX_SOPORTE_SEEN_FAILURES
              : (event->type == NGX_SOPORTE_EVENT_WAITING
                 ? NGX_SOPORTE_SEEN_WAITING : NGX_SOPORTE_SEEN_PROBE_FAILED),
              event->n, since);
}


static void
ngx_http_soporte_watch_act(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t actions, ngx_uint_t level)
{
    int64_t  since;

    if (actions & NGX_SOPORTE_ACTION_DOWN) {
        ngx_http_soporte_watch_down(watch, tenant, level);
    }

    if (actions & NGX_SOPORTE_ACTION_ENDED) {
        ngx_http_soporte_watch_ended(watch, tenant, level);
    }

    if (actions & NGX_SOPORTE_ACTION_OPENED) {
        since = ngx_http_soporte_watch_wall(watch, tenant->detect.incident);

        ngx_http_soporte_watch_see(watch, tenant, NGX_SOPORTE_SEEN_OPENED, 0,
                                   since);
        ngx_soporte_add(&watch->zone->header->incidents_down, 1);
    }

    if (actions & NGX_SOPORTE_ACTION_PUBLISH) {
        ngx_http_soporte_watch_see(watch, tenant, NGX_SOPORTE_SEEN_PUBLISHED,
                                   0, 0);
    }

    if (actions & NGX_SOPORTE_ACTION_CLOSED) {
        since = ngx_http_soporte_watch_wall(watch, tenant->detect.run);

        ngx_http_soporte_watch_see(watch, tenant, NGX_SOPORTE_SEEN_CLOSED, 0,
                                   since);

        ngx_log_error(level, ngx_cycle->log, 0,
                      "the incident of tenant \"%*s\" is over",
                      (size_t) tenant->len, tenant->key);
    }

    ngx_http_soporte_watch_state(watch, tenant);

    if (actions & (NGX_SOPORTE_ACTION_DOWN|NGX_SOPORTE_ACTION_ENDED
                   |NGX_SOPORTE_ACTION_CLOSED))
    {
        ngx_http_soporte_incident_visit(watch->smcf, tenant);
    }

    if (actions & NGX_SOPORTE_ACTION_PROBE) {
        ngx_http_soporte_probe_want(watch->smcf->probe, tenant);
    }
}


static void
ngx_http_soporte_watch_down(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t level)
{
    int64_t  since;

    since = ngx_http_soporte_watch_wall(watch, tenant->detect.began);

    ngx_soporte_outage_begin(&tenant->history.outages, since / 1000);

    ngx_http_soporte_watch_see(watch, tenant, NGX_SOPORTE_SEEN_DOWN, 0,
                               since);
    ngx_http_soporte_probe_turned(watch->smcf->probe, tenant);

    ngx_log_error(level, ngx_cycle->log, 0,
                  "tenant \"%*s\" is down since %L s, the cause is \"%s\"",
                  (size_t) tenant->len, tenant->key,
                  (watch->now - since) / 1000,
                  ngx_soporte_cause_names[tenant->detect.cause]);
}


static void
ngx_http_soporte_watch_ended(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t level)
{
    int64_t                      since;
    const ngx_soporte_outage_t  *outage;

    since = ngx_http_soporte_watch_wall(watch, tenant->detect.run);

    ngx_http_soporte_watch_see(watch, tenant, NGX_SOPORTE_SEEN_ANSWERS, 0,
                               since);
    ngx_http_soporte_probe_turned(watch->smcf->probe, tenant);

    outage = ngx_soporte_outage_end(&tenant->history.outages, since / 1000);

    if (outage == NULL) {
        return;
    }

    ngx_http_soporte_seal_outage(watch->seal, tenant, outage);

    ngx_log_error(level, ngx_cycle->log, 0,
                  "tenant \"%*s\" answers again after %uD s",
                  (size_t) tenant->len, tenant->key,
                  outage->ended - outage->began);
}


/* what all see of it */

static void
ngx_http_soporte_watch_state(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant)
{
    int64_t              t;
    ngx_soporte_state_e  state;

    state = ngx_soporte_detect_state(&tenant->detect);

    if (state == ngx_soporte_load(&tenant->state)) {
        return;
    }

    t = watch->now;

    if (state == NGX_SOPORTE_STATE_DOWN) {
        t = ngx_http_soporte_watch_wall(watch, tenant->detect.began);
    }

    ngx_soporte_store(&tenant->since, t / 1000);
    ngx_soporte_store(&tenant->state, state);
}


static void
ngx_http_soporte_watch_see(ngx_http_soporte_watch_t *watch,
    ngx_soporte_tenant_t *tenant, ngx_uint_t what, ngx_uint_t n,
    int64_t since)
{
    ngx_soporte_sight_t  sight;

    ngx_memzero(&sight, sizeof(ngx_soporte_sight_t));

    sight.at = watch->now;
    sight.since = since;
    sight.tenant = ngx_soporte_tenant_index(watch->zone, tenant);
    sight.n = n;
    sight.what = what;
    sight.cause = tenant->detect.cause;

    ngx_soporte_seen_put(watch->zone, &sight);
}


/* unix ms */

static int64_t
ngx_http_soporte_watch_wall(ngx_http_soporte_watch_t *watch, int64_t mono)
{
    return watch->now - (watch->mono - mono);
}
