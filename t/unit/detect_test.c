
/*
 * Prevents an outage that is seen late, one that never was, and an incident
 * that is opened and closed all day: simulated tenants, hours and months long.
 */

#include "test.h"

#include "ngx_soporte_detect.h"


#define SECOND   1000ll
#define MINUTE   (60 * SECOND)
#define HOUR     (60 * MINUTE)

#define REFUSED  1
#define HANGING  2


/* what is to come, the earliest first */

typedef struct {
    int64_t                    at;
    int64_t                    began;        /* request or probe */
    int                        type;         /* ngx_soporte_event_e, or ... */
} later_t;

#define REQUEST  100                         /* a client comes */
#define LOOK     101                         /* at one that waits */


typedef struct {
    /* the tenant */

    int64_t                    rate;         /* ms between requests, 0: none */
    uint32_t                   errors;       /* of 10,000, also of probes */
    int64_t                    from;         /* outages: the first */
    int64_t                    until;
    int64_t                    every;        /* ... and again, 0: no more */
    int                        mode;         /* REFUSED, HANGING */

    ngx_soporte_detect_conf_t  conf;

    /* the run */

    ngx_soporte_detect_t       detect;
    int64_t                    now;
    later_t                    later[8192];  /* a heap */
    ngx_uint_t                 nlater;
    uint64_t                   seed;

    /* what came of it */

    ngx_uint_t                 requests;
    ngx_uint_t                 probes;
    ngx_uint_t                 opened;
    ngx_uint_t                 downs;
    ngx_uint_t                 closed;
    ngx_uint_t                 published;
    int64_t                    down_at;      /* told, the last time */
    int64_t                    began;
    int64_t                    ended;
    int64_t                    closed_at;
    int64_t                    down_ms;      /* sum of outages */
} sim_t;


static sim_t  sim;


static uint32_t
rnd(void)
{
    sim.seed = sim.seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return (uint32_t) (sim.seed >> 33);
}


static void
put(int64_t at, int type, int64_t began)
{
    later_t     e;
    ngx_uint_t  i;

    assert_true(sim.nlater < sizeof(sim.later) / sizeof(sim.later[0]));

    e.at = at;
    e.type = type;
    e.began = began;

    for (i = sim.nlater++; i && sim.later[(i - 1) / 2].at > at;
         i = (i - 1) / 2)
    {
        sim.later[i] = sim.later[(i - 1) / 2];
    }

    sim.later[i] = e;
}


static later_t
take(void)
{
    later_t     first, e;
    ngx_uint_t  i, k;

    first = sim.later[0];
    e = sim.later[--sim.nlater];

    for (i = 0; (k = 2 * i + 1) < sim.nlater; i = k) {

        if (k + 1 < sim.nlater && sim.later[k + 1].at < sim.later[k].at) {
            k++;
        }

        if (sim.later[k].at >= e.at) {
            break;
        }

        sim.later[i] = sim.later[k];
    }

    sim.later[i] = e;

    return first;
}


static void
begin(int64_t rate, uint32_t errors, int mode, int64_t from, int64_t until)
{
    memset(&sim, 0, sizeof(sim));

    sim.rate = rate;
    sim.errors = errors;
    sim.mode = mode;
    sim.from = from;
    sim.until = until;
    sim.seed = 42;

    sim.conf.failures = NGX_SOPORTE_DETECT_FAILURES;
    sim.conf.window = NGX_SOPORTE_DETECT_WINDOW;
    sim.conf.recover = NGX_SOPORTE_DETECT_RECOVER;
    sim.conf.interval = NGX_SOPORTE_DETECT_IDLE;

    if (rate) {
        put(0, REQUEST, 0);
    }
}


static int
broken(int64_t at)
{
    if (sim.every && at > sim.from) {
        at = sim.from + (at - sim.from) % sim.every;
    }

    return at >= sim.from && at < sim.until;
}


static ngx_uint_t
tell(ngx_soporte_event_e type, int64_t at)
{
    ngx_uint_t           actions;
    ngx_soporte_event_t  event;

    event.type = type;
    event.cause = NGX_SOPORTE_CAUSE_CONNECT;
    event.n = 1;
    event.at = at;
    event.random = rnd();

    actions = ngx_soporte_detect(&sim.detect, &sim.conf, &event, sim.now);

    if (actions & NGX_SOPORTE_ACTION_DOWN) {
        sim.downs++;
        sim.down_at = sim.now;
        sim.began = sim.detect.began;
        assert_int_equal(ngx_soporte_detect_state(&sim.detect),
                         NGX_SOPORTE_STATE_DOWN);
    }

    if (actions & NGX_SOPORTE_ACTION_ENDED) {
        sim.ended = sim.detect.run;
        sim.down_ms += sim.ended - sim.began;
    }

    if (actions & NGX_SOPORTE_ACTION_CLOSED) {
        sim.closed_at = sim.now;
    }

    sim.opened += (actions & NGX_SOPORTE_ACTION_OPENED) != 0;
    sim.closed += (actions & NGX_SOPORTE_ACTION_CLOSED) != 0;
    sim.published += (actions & NGX_SOPORTE_ACTION_PUBLISH) != 0;

    if (actions & NGX_SOPORTE_ACTION_PROBE) {
        sim.probes++;

        if (broken(sim.now) && sim.mode == HANGING) {
            put(sim.now + NGX_SOPORTE_DETECT_TIMEOUT,
                NGX_SOPORTE_EVENT_PROBE_FAILED, sim.now);

        } else {
            put(sim.now + 1 + rnd() % 20,
                broken(sim.now) || rnd() % 10000 < sim.errors
                ? NGX_SOPORTE_EVENT_PROBE_FAILED : NGX_SOPORTE_EVENT_PROBE_OK,
                sim.now);
        }
    }

    return actions;
}


/* a client: answered after 50 to 300 ms, refused at once, or left to wait */

static void
client(void)
{
    sim.requests++;

    put(sim.now + 1 + rnd() % (2 * sim.rate), REQUEST, 0);

    if (!broken(sim.now)) {
        put(sim.now + 50 + rnd() % 250,
            rnd() % 10000 < sim.errors ? NGX_SOPORTE_EVENT_HARD
                                       : NGX_SOPORTE_EVENT_GOOD,
            sim.now);

    } else if (sim.mode == REFUSED) {
        put(sim.now + 1, NGX_SOPORTE_EVENT_HARD, sim.now);

    } else {
        put(sim.now + 60 * SECOND, NGX_SOPORTE_EVENT_HARD, sim.now);
        put(sim.now + NGX_SOPORTE_DETECT_WAITING + 1, LOOK, sim.now);
    }
}


static void
run(int64_t until)
{
    later_t  e;

    for ( ;; ) {

        /* the leader's timer, unless something comes before */

        if (sim.nlater == 0 || sim.later[0].at > sim.detect.next) {
            sim.now = ngx_max(sim.now, sim.detect.next);

            if (sim.now >= until) {
                break;
            }

            (void) tell(NGX_SOPORTE_EVENT_TICK, 0);
            assert_true(sim.detect.next > sim.now);
            continue;
        }

        e = take();

        if (e.at >= until) {
            put(e.at, e.type, e.began);
            break;
        }

        sim.now = e.at;

        if (e.type == REQUEST) {
            client();

        } else if (e.type == LOOK) {
            if (sim.now - sim.detect.good_at > NGX_SOPORTE_DETECT_WAITING) {
                (void) tell(NGX_SOPORTE_EVENT_WAITING, e.began);
            }

        } else {
            (void) tell(e.type, e.began);
        }
    }

    sim.now = until;
}


/* 1 %, 0.1 % of requests and of probes fail, each for itself */

static void
no_false_incident_in_a_month(void **state)
{
    ngx_uint_t  i;

    static const uint32_t  errors[] = { 10, 100 };

    for (i = 0; i < 2; i++) {
        begin(1000, errors[i], REFUSED, 0, 0);
        run(720 * HOUR);

        assert_int_equal(sim.opened, 0);
        assert_int_equal(sim.downs, 0);

        /* it was no quiet month, and confirming is cheap */

        assert_in_range(sim.requests, 2500000, 2700000);
        assert_in_range(sim.probes, errors[i] * 200, errors[i] * 600);
    }

    /* the same at 50 a second for an hour, and of an idle tenant */

    begin(20, 100, REFUSED, 0, 0);
    run(HOUR);
    assert_int_equal(sim.opened, 0);

    begin(0, 100, REFUSED, 0, 0);
    sim.conf.interval = NGX_SOPORTE_DETECT_SHARED;
    run(720 * HOUR);
    assert_int_equal(sim.opened, 0);
    assert_in_range(sim.probes, 518400, 660000);
}


/* the check can fail: what is no outage for these rules is one for others */

static void
false_incidents_of_naive_rules(void **state)
{
    begin(1000, 100, REFUSED, 0, 0);
    sim.conf.failures = 1;
    sim.conf.window = 0;
    sim.conf.interval = 0;
    run(24 * HOUR);

    print_message("# %lu false outages a day\n", sim.downs);
    assert_true(sim.downs > 50);
}


/* at which the outage begins is shifted in small steps over ten seconds */

static void
seen_in_time(void **state)
{
    int         mode;
    int64_t     phase, took, most, limit;
    ngx_uint_t  i;

    static const int64_t  rates[] = { 0, 1000, 20 };

    for (mode = REFUSED; mode <= HANGING; mode++) {
        for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
            most = 0;
            limit = (mode == REFUSED) ? 7000 : 9000;

            for (phase = 0; phase < 10000; phase += (i == 2) ? 397 : 13) {
                begin(rates[i], 0, mode, 20000 + phase, HOUR);
                sim.conf.interval = NGX_SOPORTE_DETECT_SHARED;
                sim.seed += phase;

                while (sim.downs == 0 && sim.now < MINUTE) {
                    run(sim.now + 10);
                }

                took = sim.down_at - sim.from;
                most = ngx_max(most, took);

                assert_int_equal(sim.opened, 1);

                /* dated back to within one request or probe of the truth */

                assert_true(sim.began >= sim.from);
                assert_true(sim.began <= sim.from + 5100);
            }

            print_message("# mode %d, %ld ms between requests: %ld ms\n",
                          mode, (long) rates[i], (long) most);

            /* 20 ms for the answers of the simulated probes */

            assert_true(most <= limit + 20);
        }
    }
}


static void
without_probes(void **state)
{
    begin(100, 0, REFUSED, MINUTE, 2 * MINUTE);
    sim.conf.interval = 0;
    run(10 * MINUTE);

    assert_int_equal(sim.probes, 0);
    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 1);
    assert_in_range(sim.down_at - MINUTE, 3000, 3500);
    assert_in_range(sim.began - MINUTE, 0, 400);
    assert_in_range(sim.ended - 2 * MINUTE, 0, 800);

    /* seldom asked, it takes as long as five failures take */

    begin(30 * SECOND, 0, REFUSED, HOUR, 2 * HOUR);
    sim.conf.interval = 0;
    run(3 * HOUR);

    assert_int_equal(sim.opened, 1);
    assert_in_range(sim.down_at - HOUR, 30 * SECOND, 5 * MINUTE);
}


static void
recovery_and_its_times(void **state)
{
    begin(1000, 0, REFUSED, MINUTE, 3 * MINUTE);
    run(10 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 1);
    assert_int_equal(sim.downs, 1);
    assert_int_equal(sim.published, 1);

    /* ended by the first good answer, closed 30 s after */

    assert_in_range(sim.ended - 3 * MINUTE, 0, 2500);
    assert_in_range(sim.closed_at - sim.ended, 30000, 35000);
    assert_in_range(sim.down_ms, 2 * MINUTE - 2000, 2 * MINUTE + 4500);

    /* idle: by its probes alone */

    begin(0, 0, HANGING, MINUTE, 3 * MINUTE);
    run(10 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 1);
    assert_in_range(sim.ended - 3 * MINUTE, 0, 6500);
    assert_in_range(sim.closed_at - sim.ended, 30000, 36000);
}


/* seconds of a reload reach the page at once, and no feed */

static void
short_outage_is_not_published(void **state)
{
    begin(50, 0, REFUSED, MINUTE, MINUTE + 12 * SECOND);
    run(10 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 1);
    assert_int_equal(sim.published, 0);
    assert_in_range(sim.down_ms, 11900, 12500);

    /* two seconds are no outage at all */

    begin(50, 0, REFUSED, MINUTE, MINUTE + 1900);
    run(10 * MINUTE);
    assert_int_equal(sim.opened, 0);
}


static void
flapping_is_one_incident(void **state)
{
    /* 15 s in each minute, for twenty minutes */

    begin(200, 0, REFUSED, MINUTE, MINUTE + 15 * SECOND);
    sim.every = MINUTE;
    run(20 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_in_range(sim.downs, 18, 20);
    assert_int_equal(sim.detect.count, sim.downs);

    /* the first closed after 30 s; the hold of 60 s is never reached again */

    assert_int_equal(sim.closed, 1);

    /* outages are exact all the same: the pauses are not counted */

    assert_in_range(sim.down_ms, sim.downs * 14500, sim.downs * 16500);

    /* it ends, and is held for the longest time */

    sim.from = HOUR * 100;
    sim.until = sim.from;
    sim.every = 0;
    run(HOUR);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 2);
    assert_in_range(sim.closed_at - sim.ended, 300000, 306000);
}


static void
another_incident_after_five_minutes(void **state)
{
    begin(500, 0, REFUSED, MINUTE, 2 * MINUTE);
    sim.every = 10 * MINUTE;
    run(28 * MINUTE);

    assert_int_equal(sim.opened, 3);
    assert_int_equal(sim.closed, 3);
    assert_int_equal(sim.detect.count, 1);

    begin(500, 0, REFUSED, MINUTE, 2 * MINUTE);
    sim.every = 6 * MINUTE;
    run(16 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.detect.count, 3);
    assert_int_equal(sim.published, 1);
}


/* 50 a second with 1 % of errors has no 30 s without: it closes all the same */

static void
busy_tenant_with_errors_recovers(void **state)
{
    begin(20, 100, REFUSED, MINUTE, 2 * MINUTE);
    run(30 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 1);
    assert_int_equal(sim.downs, 1);
    assert_in_range(sim.ended - 2 * MINUTE, 0, 1000);
    assert_in_range(sim.closed_at - sim.ended, 30000, 301000);

    /* with 10 % it stays open: that is no recovery */

    begin(20, 1000, REFUSED, MINUTE, 2 * MINUTE);
    run(30 * MINUTE);

    assert_int_equal(sim.opened, 1);
    assert_int_equal(sim.closed, 0);
}


static ngx_uint_t
event(ngx_soporte_event_e type, ngx_uint_t n, int64_t now)
{
    ngx_soporte_event_t  e;

    e.type = type;
    e.cause = NGX_SOPORTE_CAUSE_TIMEOUT;
    e.n = n;
    e.at = now;
    e.random = 0;

    return ngx_soporte_detect(&sim.detect, &sim.conf, &e, now);
}


static void
one_good_answer_clears(void **state)
{
    ngx_uint_t  i;

    begin(0, 0, REFUSED, 0, 0);

    assert_int_equal(ngx_soporte_detect_state(&sim.detect),
                     NGX_SOPORTE_STATE_UNKNOWN);
    assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 1, 1000),
                     NGX_SOPORTE_ACTION_CHANGED);

    for (i = 1; i < 100; i++) {

        /* a probe at once, and one a second; four failures are not five,
           two failed probes not three */

        assert_int_equal(event(NGX_SOPORTE_EVENT_HARD, 1, i * 10000),
                         NGX_SOPORTE_ACTION_PROBE);
        assert_int_equal(sim.detect.next, i * 10000 + 1000);
        assert_int_equal(event(NGX_SOPORTE_EVENT_TICK, 0, i * 10000 + 999), 0);
        assert_int_equal(event(NGX_SOPORTE_EVENT_TICK, 0, i * 10000 + 1000),
                         NGX_SOPORTE_ACTION_PROBE);
        assert_int_equal(event(NGX_SOPORTE_EVENT_TICK, 0, i * 10000 + 2000),
                         NGX_SOPORTE_ACTION_PROBE);
        assert_int_equal(event(NGX_SOPORTE_EVENT_PROBE_FAILED, 0,
                               i * 10000 + 2500), 0);
        assert_int_equal(event(NGX_SOPORTE_EVENT_PROBE_FAILED, 0,
                               i * 10000 + 3500), 0);
        assert_int_equal(event(NGX_SOPORTE_EVENT_HARD, 3, i * 10000 + 4000),
                         0);
        assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 1, i * 10000 + 4001),
                         0);
    }
}


static void
confirmed_by_failures_and_a_probe(void **state)
{
    begin(0, 0, REFUSED, 0, 0);
    event(NGX_SOPORTE_EVENT_GOOD, 1, 1000);

    event(NGX_SOPORTE_EVENT_HARD, 4, 2000);
    event(NGX_SOPORTE_EVENT_HARD, 4, 5000);
    assert_int_equal(sim.detect.state, NGX_SOPORTE_DETECT_SUSPECT);

    assert_int_equal(event(NGX_SOPORTE_EVENT_PROBE_FAILED, 1, 5100),
                     NGX_SOPORTE_ACTION_DOWN|NGX_SOPORTE_ACTION_OPENED
                     |NGX_SOPORTE_ACTION_CHANGED);
    assert_int_equal(sim.detect.began, 2000);
    assert_int_equal(sim.detect.incident, 2000);
    assert_int_equal(sim.detect.cause, NGX_SOPORTE_CAUSE_TIMEOUT);

    /* one good answer is not two, a failure between begins anew */

    assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 1, 6000), 0);
    assert_int_equal(event(NGX_SOPORTE_EVENT_HARD, 1, 6100), 0);
    assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 1, 6200), 0);
    assert_int_equal(event(NGX_SOPORTE_EVENT_PROBE_OK, 1, 6300),
                     NGX_SOPORTE_ACTION_ENDED|NGX_SOPORTE_ACTION_CHANGED);
    assert_int_equal(sim.detect.run, 6200);
}


static void
dated_back_to_what_failed(void **state)
{
    ngx_soporte_event_t  e;

    begin(0, 0, REFUSED, 0, 0);
    event(NGX_SOPORTE_EVENT_GOOD, 1, 50000);

    /* sent at 45 s, answered never; a good answer at 50 s is the bound */

    e.type = NGX_SOPORTE_EVENT_HARD;
    e.cause = NGX_SOPORTE_CAUSE_TIMEOUT;
    e.n = 1;
    e.at = 45000;
    e.random = 0;

    ngx_soporte_detect(&sim.detect, &sim.conf, &e, 105000);
    assert_int_equal(sim.detect.began, 50000);

    event(NGX_SOPORTE_EVENT_GOOD, 1, 105500);
    e.at = 105700;
    ngx_soporte_detect(&sim.detect, &sim.conf, &e, 165700);
    assert_int_equal(sim.detect.began, 105700);
}


static void
survives_a_reboot(void **state)
{
    ngx_soporte_detect_t  before;

    begin(1000, 0, REFUSED, MINUTE, 3 * MINUTE);
    run(2 * MINUTE);
    assert_int_equal(sim.detect.state, NGX_SOPORTE_DETECT_DOWN);

    /* a clock that begins anew: times before it are negative */

    before = sim.detect;
    ngx_soporte_detect_shift(&sim.detect, -2 * MINUTE);
    assert_int_equal(sim.detect.began, before.began - 2 * MINUTE);

    assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 2, 1000),
                     NGX_SOPORTE_ACTION_ENDED|NGX_SOPORTE_ACTION_CHANGED);
    assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 3, 20000), 0);
    assert_int_equal(event(NGX_SOPORTE_EVENT_GOOD, 3, 31000),
                     NGX_SOPORTE_ACTION_CLOSED|NGX_SOPORTE_ACTION_CHANGED);
}


static void
degraded_by_two_minutes(void **state)
{
    ngx_uint_t             i;
    ngx_soporte_detect_t  *d;

    begin(0, 0, REFUSED, 0, 0);
    event(NGX_SOPORTE_EVENT_GOOD, 1, 1000);
    d = &sim.detect;

    /* one minute, or little traffic, is nothing */

    assert_int_equal(ngx_soporte_detect_minute(d, 50, 50, 0, 0), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 96, 0, 4, 0), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 0, 40, 9, 49), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 0, 40, 9, 49), 0);
    assert_int_equal(ngx_soporte_detect_state(d), NGX_SOPORTE_STATE_UP);

    assert_int_equal(ngx_soporte_detect_minute(d, 95, 2, 3, 0), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 50, 0, 0, 13),
                     NGX_SOPORTE_ACTION_CHANGED);
    assert_int_equal(ngx_soporte_detect_state(d), NGX_SOPORTE_STATE_DEGRADED);

    /* three fine minutes running end it */

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_soporte_detect_minute(d, 1000, 9, 0, 0), 0);
        assert_int_equal(ngx_soporte_detect_minute(d, 0, 0, 0, 0), 0);
        assert_int_equal(ngx_soporte_detect_minute(d, 99, 1, 0, 0), 0);
    }

    assert_int_equal(ngx_soporte_detect_minute(d, 100, 0, 0, 9), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 100, 0, 0, 10), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 3, 0, 0, 0), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 0, 0, 0, 0), 0);
    assert_int_equal(ngx_soporte_detect_minute(d, 1000, 4, 5, 99),
                     NGX_SOPORTE_ACTION_CHANGED);
    assert_int_equal(ngx_soporte_detect_state(d), NGX_SOPORTE_STATE_UP);
}


static void
shared_upstream(void **state)
{
    assert_false(ngx_soporte_detect_shared(0, 0));
    assert_false(ngx_soporte_detect_shared(2, 2));
    assert_true(ngx_soporte_detect_shared(3, 3));
    assert_true(ngx_soporte_detect_shared(3, 10));
    assert_false(ngx_soporte_detect_shared(3, 11));
    assert_false(ngx_soporte_detect_shared(29, 100));
    assert_true(ngx_soporte_detect_shared(30, 100));
}


/* whatever comes in whatever order: nothing overflows, nothing gets stuck */

static void
any_order_of_events(void **state)
{
    int64_t              now;
    ngx_uint_t           i, actions, opened, closed;
    ngx_soporte_event_t  e;

    begin(0, 0, REFUSED, 0, 0);
    now = 0;
    opened = closed = 0;

    for (i = 0; i < 2000000; i++) {
        now += rnd() % (rnd() % 3 ? 700 : 40000);

        e.type = rnd() % 6;

        /* good times now and then */

        if (i / 500 % 2 && rnd() % 50) {
            e.type = rnd() % 2 ? NGX_SOPORTE_EVENT_GOOD
                               : NGX_SOPORTE_EVENT_TICK;
        }

        e.cause = rnd() % 5;
        e.n = 1 + rnd() % (rnd() % 4 ? 3 : 200000);
        e.at = now - rnd() % 70000;
        e.random = rnd();

        actions = ngx_soporte_detect(&sim.detect, &sim.conf, &e, now);

        opened += (actions & NGX_SOPORTE_ACTION_OPENED) != 0;
        closed += (actions & NGX_SOPORTE_ACTION_CLOSED) != 0;

        assert_true(sim.detect.state <= NGX_SOPORTE_DETECT_RECOVERING);

        if (sim.detect.state == NGX_SOPORTE_DETECT_DOWN) {
            assert_true(sim.detect.began <= now);
            assert_true(sim.detect.incident <= sim.detect.began);
        }
    }

    assert_true(opened > 100);
    assert_true(closed > 100);
    assert_true(closed >= opened - 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(no_false_incident_in_a_month),
        cmocka_unit_test(false_incidents_of_naive_rules),
        cmocka_unit_test(seen_in_time),
        cmocka_unit_test(without_probes),
        cmocka_unit_test(recovery_and_its_times),
        cmocka_unit_test(short_outage_is_not_published),
        cmocka_unit_test(flapping_is_one_incident),
        cmocka_unit_test(another_incident_after_five_minutes),
        cmocka_unit_test(busy_tenant_with_errors_recovers),
        cmocka_unit_test(one_good_answer_clears),
        cmocka_unit_test(confirmed_by_failures_and_a_probe),
        cmocka_unit_test(dated_back_to_what_failed),
        cmocka_unit_test(survives_a_reboot),
        cmocka_unit_test(degraded_by_two_minutes),
        cmocka_unit_test(shared_upstream),
        cmocka_unit_test(any_order_of_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
