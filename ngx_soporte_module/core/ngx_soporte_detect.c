
/*
 * The state machine that detects outages.  One function a state; what happens
 * on entering a state stands in its own.
 */

#include "ngx_soporte_detect.h"


#define NGX_SOPORTE_DETECT_STEP      1000    /* ms, of a suspect's probes */
#define NGX_SOPORTE_DETECT_PROBES    3       /* failed ... */
#define NGX_SOPORTE_DETECT_SPAN      2000    /* ... over so many ms */
#define NGX_SOPORTE_DETECT_PACE      5000    /* ms between probes when down */
#define NGX_SOPORTE_DETECT_PACE_MIN  250     /* ms */
#define NGX_SOPORTE_DETECT_RISE      2       /* good answers */
#define NGX_SOPORTE_DETECT_GOODS     5       /* ... before an incident closes */


_Static_assert(sizeof(ngx_soporte_detect_t) <= 64,
               "the state of detection takes more than was reckoned");


static ngx_uint_t ngx_soporte_detect_up(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now);
static ngx_uint_t ngx_soporte_detect_suspect(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now);
static ngx_uint_t ngx_soporte_detect_down(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now);
static ngx_uint_t ngx_soporte_detect_recovering(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now);

static void ngx_soporte_detect_evidence(ngx_soporte_detect_t *d,
    const ngx_soporte_event_t *event, int64_t now);
static ngx_uint_t ngx_soporte_detect_enter_down(ngx_soporte_detect_t *d,
    int64_t now);
static ngx_uint_t ngx_soporte_detect_close(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, int64_t now);
static void ngx_soporte_detect_run(ngx_soporte_detect_t *d, ngx_uint_t n,
    int64_t now);
static ngx_uint_t ngx_soporte_detect_probe(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, int64_t now, int64_t pace);
static int64_t ngx_soporte_detect_hold(const ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf);
static int64_t ngx_soporte_detect_pace(const ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf);
static int64_t ngx_soporte_detect_spread(
    const ngx_soporte_detect_conf_t *conf, uint32_t random);


#define ngx_soporte_detect_good(event)                                        \
    ((event)->type == NGX_SOPORTE_EVENT_GOOD                                  \
     || (event)->type == NGX_SOPORTE_EVENT_PROBE_OK)

#define ngx_soporte_detect_answers(event)                                     \
    ((event)->type == NGX_SOPORTE_EVENT_GOOD ? (event)->n : 1)


const char *const  ngx_soporte_cause_names[5] = {
    "unknown",
    "connect",
    "timeout",
    "status",
    "stopped"
};


ngx_uint_t
ngx_soporte_detect(ngx_soporte_detect_t *detect,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now)
{
    ngx_uint_t           actions;
    ngx_soporte_state_e  state;

    state = ngx_soporte_detect_state(detect);

    if (ngx_soporte_detect_good(event)) {
        detect->flags |= NGX_SOPORTE_DETECT_SEEN;
    }

    switch (detect->state) {

    case NGX_SOPORTE_DETECT_SUSPECT:
        actions = ngx_soporte_detect_suspect(detect, conf, event, now);
        break;

    case NGX_SOPORTE_DETECT_DOWN:
        actions = ngx_soporte_detect_down(detect, conf, event, now);
        break;

    case NGX_SOPORTE_DETECT_RECOVERING:
        actions = ngx_soporte_detect_recovering(detect, conf, event, now);
        break;

    default:
        actions = ngx_soporte_detect_up(detect, conf, event, now);
        break;
    }

    if (ngx_soporte_detect_good(event)) {
        detect->good_at = now;
    }

    if (ngx_soporte_detect_state(detect) != state) {
        actions |= NGX_SOPORTE_ACTION_CHANGED;
    }

    return actions;
}


static ngx_uint_t
ngx_soporte_detect_up(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now)
{
    if (ngx_soporte_detect_good(event)) {

        /* a tenant that answers its clients needs no probe */

        d->next = now + ngx_soporte_detect_spread(conf, event->random);
        return 0;
    }

    if (event->type == NGX_SOPORTE_EVENT_TICK) {

        if (now < d->next) {
            return 0;
        }

        return ngx_soporte_detect_probe(d, conf, now,
                               ngx_soporte_detect_spread(conf, event->random));
    }

    d->state = NGX_SOPORTE_DETECT_SUSPECT;
    d->hards = 0;
    d->fails = 0;

    ngx_soporte_detect_evidence(d, event, now);

    /* after it: a tenant that may be down from one failure on is told so */

    return ngx_soporte_detect_probe(d, conf, now, NGX_SOPORTE_DETECT_STEP)
           | ngx_soporte_detect_suspect(d, conf, event, now);
}


static ngx_uint_t
ngx_soporte_detect_suspect(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now)
{
    int64_t     lasts;
    ngx_uint_t  hards;

    if (ngx_soporte_detect_good(event)) {
        d->state = NGX_SOPORTE_DETECT_UP;
        d->next = now + ngx_soporte_detect_spread(conf, event->random);
        return 0;
    }

    /* the probes at once, after 1 s and 2 s; then on, until there is a word */

    if (event->type == NGX_SOPORTE_EVENT_TICK) {
        return (now < d->next) ? 0
               : ngx_soporte_detect_probe(d, conf, now,
                                          NGX_SOPORTE_DETECT_STEP);
    }

    d->cause = event->cause;

    if (event->type == NGX_SOPORTE_EVENT_HARD) {
        d->hards = ngx_min(d->hards + event->n, 255);
    }

    if (event->type == NGX_SOPORTE_EVENT_PROBE_FAILED) {
        d->fails = ngx_min(d->fails + 1, 255);
    }

    lasts = now - d->began;
    hards = d->hards >= conf->failures && lasts >= (int64_t) conf->window;

    if (conf->interval == 0 ? hards
                            : (hards && d->fails > 0)
                              || (d->fails >= NGX_SOPORTE_DETECT_PROBES
                                  && lasts >= NGX_SOPORTE_DETECT_SPAN))
    {
        return ngx_soporte_detect_enter_down(d, now);
    }

    return 0;
}


/* an outage is dated back to its first evidence, not beyond a good answer */

static void
ngx_soporte_detect_evidence(ngx_soporte_detect_t *d,
    const ngx_soporte_event_t *event, int64_t now)
{
    d->began = ngx_min(event->at, now);

    if (d->flags & NGX_SOPORTE_DETECT_SEEN) {
        d->began = ngx_max(d->began, d->good_at);
    }
}


static ngx_uint_t
ngx_soporte_detect_enter_down(ngx_soporte_detect_t *d, int64_t now)
{
    ngx_uint_t  actions;

    actions = NGX_SOPORTE_ACTION_DOWN;

    if (d->state == NGX_SOPORTE_DETECT_RECOVERING
        || ((d->flags & NGX_SOPORTE_DETECT_CLOSED)
            && d->began - d->since <= NGX_SOPORTE_DETECT_REOPEN))
    {
        d->count = ngx_min(d->count + 1, 255);

    } else {
        actions |= NGX_SOPORTE_ACTION_OPENED;
        d->count = 1;
        d->incident = d->began;
        d->flags &= ~NGX_SOPORTE_DETECT_PUBLISHED;
    }

    d->state = NGX_SOPORTE_DETECT_DOWN;
    d->flags |= NGX_SOPORTE_DETECT_SEEN;
    d->goods = 0;
    d->next = now + NGX_SOPORTE_DETECT_STEP;

    return actions;
}


static ngx_uint_t
ngx_soporte_detect_down(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now)
{
    ngx_uint_t  actions;

    actions = 0;

    if (!(d->flags & NGX_SOPORTE_DETECT_PUBLISHED)
        && now - d->began >= NGX_SOPORTE_DETECT_PUBLISH)
    {
        d->flags |= NGX_SOPORTE_DETECT_PUBLISHED;
        actions |= NGX_SOPORTE_ACTION_PUBLISH;
    }

    if (event->type == NGX_SOPORTE_EVENT_TICK) {
        return (now < d->next) ? actions
               : actions | ngx_soporte_detect_probe(d, conf, now,
                                           ngx_soporte_detect_pace(d, conf));
    }

    if (!ngx_soporte_detect_good(event)) {
        d->goods = 0;
        d->cause = event->cause;
        return actions;
    }

    ngx_soporte_detect_run(d, ngx_soporte_detect_answers(event), now);

    if (d->goods < NGX_SOPORTE_DETECT_RISE) {

        /* the second word soon */

        d->next = ngx_min(d->next, now + NGX_SOPORTE_DETECT_STEP);
        return actions;
    }

    d->state = NGX_SOPORTE_DETECT_RECOVERING;
    d->since = now;
    d->hards = 0;
    d->recover_good = 0;
    d->recover_bad = 0;
    d->next = now + ngx_soporte_detect_pace(d, conf);

    return actions | NGX_SOPORTE_ACTION_ENDED;
}


static ngx_uint_t
ngx_soporte_detect_recovering(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, const ngx_soporte_event_t *event,
    int64_t now)
{
    ngx_uint_t  n;

    if (event->type == NGX_SOPORTE_EVENT_TICK) {
        if (now < d->next) {
            return ngx_soporte_detect_close(d, conf, now);
        }

        return ngx_soporte_detect_close(d, conf, now)
               | ngx_soporte_detect_probe(d, conf, now,
                                          ngx_soporte_detect_pace(d, conf));
    }

    /* only the share counts: halve both before one overflows */

    if (d->recover_good > 32767 || d->recover_bad > 32767) {
        d->recover_good /= 2;
        d->recover_bad /= 2;
    }

    if (ngx_soporte_detect_good(event)) {
        n = ngx_soporte_detect_answers(event);
        d->hards = 0;
        d->recover_good += ngx_min(n, 32767);
        ngx_soporte_detect_run(d, n, now);

        return ngx_soporte_detect_close(d, conf, now);
    }

    if (d->hards == 0) {
        ngx_soporte_detect_evidence(d, event, now);
    }

    n = (event->type == NGX_SOPORTE_EVENT_HARD) ? event->n : 1;
    n = ngx_min(n, 255);

    d->recover_bad += n;
    d->hards = ngx_min(d->hards + n, 255);
    d->goods = 0;
    d->cause = event->cause;

    if (d->hards >= NGX_SOPORTE_DETECT_PROBES
        && now - d->began >= NGX_SOPORTE_DETECT_SPAN)
    {
        return ngx_soporte_detect_enter_down(d, now);
    }

    d->next = ngx_min(d->next, now + NGX_SOPORTE_DETECT_STEP);

    return 0;
}


/*
 * An incident closes after a run of good answers.  A busy tenant with a few
 * errors in a hundred never has one: after the longest hold its share of
 * errors decides, what is left is a matter of "degraded".
 */

static ngx_uint_t
ngx_soporte_detect_close(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, int64_t now)
{
    ngx_uint_t  clean, tolerable;

    clean = d->goods >= NGX_SOPORTE_DETECT_GOODS
            && now - d->run >= ngx_soporte_detect_hold(d, conf);

    tolerable = d->goods >= NGX_SOPORTE_DETECT_RISE
                && now - d->since >= NGX_SOPORTE_DETECT_HOLD_MAX
                && now - d->since >= ngx_soporte_detect_hold(d, conf)
                && d->recover_bad * 20 < d->recover_good;

    if (!clean && !tolerable) {
        return 0;
    }

    d->state = NGX_SOPORTE_DETECT_UP;
    d->flags |= NGX_SOPORTE_DETECT_CLOSED;
    d->since = now;

    return NGX_SOPORTE_ACTION_CLOSED;
}


static void
ngx_soporte_detect_run(ngx_soporte_detect_t *d, ngx_uint_t n, int64_t now)
{
    if (d->goods == 0) {
        d->run = now;
    }

    d->goods = (uint16_t) ngx_min(d->goods + ngx_min(n, 65535), 65535);
}


/* the caller sends one now; the next word is due after pace */

static ngx_uint_t
ngx_soporte_detect_probe(ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf, int64_t now, int64_t pace)
{
    d->next = now + pace;

    return conf->interval ? NGX_SOPORTE_ACTION_PROBE : 0;
}


/* the more often it fell back, the longer an incident stays open */

static int64_t
ngx_soporte_detect_hold(const ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf)
{
    int64_t  most;

    most = ngx_max((int64_t) conf->recover, NGX_SOPORTE_DETECT_HOLD_MAX);

    return ngx_min((int64_t) conf->recover * ngx_max(d->count, 1), most);
}


/* often enough for the good answers that a close asks for */

static int64_t
ngx_soporte_detect_pace(const ngx_soporte_detect_t *d,
    const ngx_soporte_detect_conf_t *conf)
{
    int64_t  pace;

    pace = ngx_soporte_detect_hold(d, conf) / (NGX_SOPORTE_DETECT_GOODS + 1);
    pace = ngx_min(pace, NGX_SOPORTE_DETECT_PACE);

    return ngx_max(pace, NGX_SOPORTE_DETECT_PACE_MIN);
}


/*
 * Probes of many tenants are spread over a fifth of the interval, always to
 * its shorter side: what is promised of detection holds for each.
 */

static int64_t
ngx_soporte_detect_spread(const ngx_soporte_detect_conf_t *conf,
    uint32_t random)
{
    ngx_msec_t  interval;

    interval = conf->interval ? conf->interval : NGX_SOPORTE_DETECT_IDLE;

    return (int64_t) (interval - interval / 5 * (random % 1024) / 1023);
}


ngx_uint_t
ngx_soporte_detect_minute(ngx_soporte_detect_t *detect, uint64_t good,
    uint64_t hard, uint64_t soft, uint64_t slow)
{
    uint64_t             bad, total;
    ngx_soporte_state_e  state;

    state = ngx_soporte_detect_state(detect);

    bad = hard + soft;
    total = good + bad;

    if (total >= 50 && (bad * 20 >= total || slow * 4 >= total)) {
        detect->minutes_bad = ngx_min(detect->minutes_bad + 1, 2);

    } else {
        detect->minutes_bad = 0;
    }

    if (total == 0 || (bad * 100 < total && slow * 10 < total)) {
        detect->minutes_fine = ngx_min(detect->minutes_fine + 1, 3);

    } else {
        detect->minutes_fine = 0;
    }

    if (detect->minutes_bad == 2) {
        detect->flags |= NGX_SOPORTE_DETECT_DEGRADED;

    } else if (detect->minutes_fine == 3) {
        detect->flags &= ~NGX_SOPORTE_DETECT_DEGRADED;
    }

    return (ngx_soporte_detect_state(detect) != state)
           ? NGX_SOPORTE_ACTION_CHANGED : 0;
}


ngx_soporte_state_e
ngx_soporte_detect_state(const ngx_soporte_detect_t *detect)
{
    if (!(detect->flags & NGX_SOPORTE_DETECT_SEEN)) {
        return NGX_SOPORTE_STATE_UNKNOWN;
    }

    switch (detect->state) {

    case NGX_SOPORTE_DETECT_DOWN:
        return NGX_SOPORTE_STATE_DOWN;

    case NGX_SOPORTE_DETECT_RECOVERING:
        return NGX_SOPORTE_STATE_DEGRADED;

    default:
        return (detect->flags & NGX_SOPORTE_DETECT_DEGRADED)
               ? NGX_SOPORTE_STATE_DEGRADED : NGX_SOPORTE_STATE_UP;
    }
}


ngx_uint_t
ngx_soporte_detect_shared(ngx_uint_t down, ngx_uint_t tenants)
{
    return down >= 3 && down * 10 >= tenants * 3;
}


void
ngx_soporte_detect_shift(ngx_soporte_detect_t *detect, int64_t ms)
{
    detect->next += ms;
    detect->good_at += ms;
    detect->began += ms;
    detect->incident += ms;
    detect->run += ms;
    detect->since += ms;
}
