
/*
 * Prevents requests that are counted in another slot than theirs, twice or
 * never, and a minute whose state depends on who looked and when.  The rules
 * of a minute themselves are held against t/vectors/sla.json.
 */

#include "test.h"

#include "ngx_soporte_window.h"


#define SERVING   NGX_SOPORTE_SLOT_SERVING
#define RECORDED  NGX_SOPORTE_SLOT_RECORDED
#define HERE      (NGX_SOPORTE_SLOT_SERVING|NGX_SOPORTE_SLOT_RECORDED)

/* a slot that begins a minute */
#define START     178930800u


static uint64_t  bank[NGX_SOPORTE_SLOT_BANKS][4];


/* a worker's share: n requests of an outcome, 0 good to 3 slow */

static void
count(uint32_t slot, ngx_uint_t outcome, uint64_t n)
{
    bank[slot % NGX_SOPORTE_SLOT_BANKS][outcome] += n;
}


static void
fold(ngx_soporte_slots_t *slots, uint32_t now)
{
    ngx_soporte_slots_fold(slots, (const uint64_t (*)[4]) bank, now, 0,
                           SERVING, 0);
}


static void
begin(ngx_soporte_slots_t *slots, uint32_t now)
{
    memset(slots, 0, sizeof(ngx_soporte_slots_t));
    memset(bank, 0, sizeof(bank));

    /* banks live longer than a leader; low halves about to wrap */

    bank[0][0] = 0xfffffffful;
    bank[1][1] = 0xfffffffeul;
    bank[2][0] = 7;

    fold(slots, now);
}


static ngx_soporte_minute_t
minute_of(const ngx_soporte_slots_t *slots, uint32_t slot)
{
    ngx_soporte_minute_t  minute;

    memset(&minute, 0, sizeof(minute));
    ngx_soporte_slots_minute(slots, slot / NGX_SOPORTE_MINUTE_SLOTS, &minute);

    return minute;
}


static ngx_soporte_state_e
state_of(const ngx_soporte_slots_t *slots, uint32_t slot)
{
    ngx_soporte_minute_t     minute;
    ngx_soporte_judgement_t  judgement;

    minute = minute_of(slots, slot);
    ngx_soporte_minute_judge(&minute, 0, &judgement);

    return judgement.state;
}


static void
each_count_in_its_slot(void **state)
{
    uint32_t              s;
    ngx_uint_t            i;
    ngx_soporte_slots_t   slots;
    ngx_soporte_minute_t  minute;

    begin(&slots, START - 1);

    /* many looks a slot, the last of them a little after its end */

    for (s = START; s < START + 6; s++) {
        count(s, 0, 10 + s - START);
        fold(&slots, s);
        count(s, 1, 2);
        fold(&slots, s);
        count(s, 2, 1);
        count(s, 3, 4);
        fold(&slots, s + 1);
    }

    minute = minute_of(&slots, START);

    for (i = 0; i < 6; i++) {
        assert_int_equal(minute.slot[i].good, 10 + i);
        assert_int_equal(minute.slot[i].hard, 2);
        assert_int_equal(minute.slot[i].soft, 1);
        assert_int_equal(minute.slot[i].slow, 4);
        assert_int_equal(minute.slot[i].flags, HERE);
    }
}


/* what was counted before the leader first looked belongs to nobody */

static void
first_look_counts_nothing(void **state)
{
    ngx_uint_t            i;
    ngx_soporte_slots_t   slots;
    ngx_soporte_minute_t  minute;

    begin(&slots, START + 2);
    minute = minute_of(&slots, START);

    for (i = 0; i < 6; i++) {
        assert_int_equal(minute.slot[i].good + minute.slot[i].hard, 0);
        assert_int_equal(minute.slot[i].flags, i == 2 ? HERE : SERVING);
    }

    assert_int_equal(state_of(&slots, START), NGX_SOPORTE_STATE_UNKNOWN);

    /* nor was a tenant down before it was there, whoever was not */

    memset(&slots, 0, sizeof(slots));
    ngx_soporte_slots_fold(&slots, (const uint64_t (*)[4]) bank, START + 2, 0,
                           0, 0);
    assert_int_equal(state_of(&slots, START), NGX_SOPORTE_STATE_UNKNOWN);
    assert_int_equal(state_of(&slots, START - 6), NGX_SOPORTE_STATE_UNKNOWN);
}


/* a leader that hands over for less than 40 s loses nothing */

static void
three_slots_without_a_leader(void **state)
{
    uint32_t              s;
    ngx_uint_t            i;
    ngx_soporte_slots_t   slots;
    ngx_soporte_minute_t  minute;

    begin(&slots, START);

    for (s = START; s < START + 4; s++) {
        count(s, 0, 100 + s - START);
    }

    fold(&slots, START + 3);
    minute = minute_of(&slots, START);

    for (i = 0; i < 4; i++) {
        assert_int_equal(minute.slot[i].good, 100 + i);
        assert_int_equal(minute.slot[i].flags, HERE);
    }
}


/* the banks went round: what grew can be told to no slot, and is not */

static void
longer_without_a_leader(void **state)
{
    uint32_t              s;
    ngx_uint_t            i;
    ngx_soporte_slots_t   slots;
    ngx_soporte_minute_t  minute;

    for (i = 4; i < 30; i++) {
        begin(&slots, START - 1);
        fold(&slots, START);

        for (s = START; s <= START + i; s++) {
            count(s, 1, 50);
        }

        fold(&slots, START + i);
        fold(&slots, START + i);

        minute = minute_of(&slots, START + i);
        assert_int_equal(minute.slot[(START + i) % 6].hard, 0);
        assert_int_equal(minute.slot[(START + i) % 6].flags, HERE);

        minute = minute_of(&slots, START + i - 1);
        assert_int_equal(minute.slot[(START + i - 1) % 6].hard, 0);
        assert_int_equal(minute.slot[(START + i - 1) % 6].flags, SERVING);

        /* and from here on all is as before */

        count(START + i, 0, 3);
        fold(&slots, START + i + 1);
        minute = minute_of(&slots, START + i);
        assert_int_equal(minute.slot[(START + i) % 6].good, 3);
    }
}


/* nobody was there: the gap is down, and so is a minute within it */

static void
node_was_away(void **state)
{
    ngx_uint_t               i;
    ngx_soporte_slots_t      slots;
    ngx_soporte_minute_t     minute;
    ngx_soporte_judgement_t  judgement;

    begin(&slots, START - 1);

    for (i = 0; i < 3; i++) {
        count(START + i, 0, 9);
        fold(&slots, START + i);
    }

    ngx_soporte_slots_fold(&slots, (const uint64_t (*)[4]) bank, START + 6, 0,
                           0, 0);

    minute = minute_of(&slots, START);
    assert_int_equal(minute.slot[2].good, 9);
    assert_int_equal(minute.slot[3].flags, 0);
    assert_int_equal(minute.slot[5].flags, 0);
    assert_int_equal(state_of(&slots, START), NGX_SOPORTE_STATE_DOWN);

    memset(&minute, 0, sizeof(minute));
    ngx_soporte_minute_judge(&minute, 0, &judgement);
    assert_int_equal(judgement.state, NGX_SOPORTE_STATE_DOWN);
    assert_int_equal(judgement.down, 1);
    assert_int_equal(judgement.bad, NGX_SOPORTE_PPM);
}


static void
kept_until_it_is_sealed(void **state)
{
    uint32_t             s;
    ngx_soporte_slots_t  slots;

    begin(&slots, START - 1);

    for (s = START; s < START + 12; s++) {
        count(s, 0, 9);
        fold(&slots, s);

        /* from 15 s after its end on, for 25 s more */

        if (s >= START + 6 && s <= START + 9) {
            assert_int_equal(state_of(&slots, START), NGX_SOPORTE_STATE_UP);
        }
    }

    assert_false(ngx_soporte_minute_sealed(START / 6, (START + 7) * 10 + 4));
    assert_true(ngx_soporte_minute_sealed(START / 6, (START + 7) * 10 + 5));
}


static void
verdict_holds_thirty_seconds(void **state)
{
    uint32_t              s;
    ngx_uint_t            i;
    ngx_soporte_slots_t   slots;
    ngx_soporte_minute_t  minute;

    begin(&slots, START);
    ngx_soporte_slots_probe(&slots, 1);

    for (s = START + 1; s < START + 6; s++) {
        fold(&slots, s);
    }

    minute = minute_of(&slots, START);

    for (i = 0; i < 6; i++) {
        assert_int_equal(minute.slot[i].probes_failed, i < 4);
        assert_int_equal(minute.slot[i].probes_ok, 0);
    }

    assert_int_equal(state_of(&slots, START), NGX_SOPORTE_STATE_DOWN);

    /* the last verdict of a slot is its verdict, and begins anew */

    begin(&slots, START);
    ngx_soporte_slots_probe(&slots, 1);
    fold(&slots, START + 2);
    ngx_soporte_slots_probe(&slots, 1);
    ngx_soporte_slots_probe(&slots, 0);
    fold(&slots, START + 5);

    minute = minute_of(&slots, START);
    assert_int_equal(minute.slot[1].probes_failed, 1);
    assert_int_equal(minute.slot[2].probes_failed, 0);

    for (i = 2; i < 6; i++) {
        assert_int_equal(minute.slot[i].probes_ok, 1);
    }
}


static void
nodes_are_added_up(void **state)
{
    ngx_soporte_slots_t   one, other;
    ngx_soporte_minute_t  minute;

    begin(&one, START);
    count(START, 0, 5);
    fold(&one, START);
    ngx_soporte_slots_probe(&one, 0);

    begin(&other, START);
    count(START, 1, 3);
    fold(&other, START);
    ngx_soporte_slots_probe(&other, 1);

    minute = minute_of(&one, START);
    ngx_soporte_slots_minute(&other, START / 6, &minute);

    assert_int_equal(minute.slot[0].good, 5);
    assert_int_equal(minute.slot[0].hard, 3);
    assert_int_equal(minute.slot[0].probes_ok, 1);
    assert_int_equal(minute.slot[0].probes_failed, 1);
}


static void
what_holds_now_marks_the_slot(void **state)
{
    uint32_t                 s;
    ngx_soporte_slots_t      slots;
    ngx_soporte_minute_t     minute;
    ngx_soporte_judgement_t  counted, excluded;

    begin(&slots, START - 1);

    for (s = START; s < START + 6; s++) {
        ngx_soporte_slots_fold(&slots, (const uint64_t (*)[4]) bank, s,
                               NGX_SOPORTE_SLOT_PLANNED
                               |NGX_SOPORTE_SLOT_MAINTENANCE, SERVING, 0);
    }

    fold(&slots, START + 6);

    minute = minute_of(&slots, START);
    ngx_soporte_minute_judge(&minute, 0, &counted);
    ngx_soporte_minute_judge(&minute, 1, &excluded);

    assert_int_equal(counted.state, NGX_SOPORTE_STATE_MAINTENANCE);
    assert_int_equal(counted.down, 1);
    assert_int_equal(counted.excluded, 0);

    assert_int_equal(excluded.state, NGX_SOPORTE_STATE_MAINTENANCE);
    assert_int_equal(excluded.down, 0);
    assert_int_equal(excluded.excluded, 1);

    assert_int_equal(minute_of(&slots, START + 6).slot[0].flags, HERE);
}


static void
clock_never_goes_back(void **state)
{
    int64_t              wall, mono;
    uint32_t             slot;
    ngx_uint_t           i;
    ngx_soporte_clock_t  clock;

    memset(&clock, 0, sizeof(clock));

    wall = (int64_t) START * 10000;
    mono = 5000;

    assert_int_equal(ngx_soporte_clock_tick(&clock, wall, mono),
                     NGX_SOPORTE_CLOCK_STEADY);
    assert_int_equal(clock.slot, START);

    /* slewing is no jump */

    for (i = 0; i < 100; i++) {
        wall += 1000 + 200;
        mono += 1000;
        assert_int_equal(ngx_soporte_clock_tick(&clock, wall, mono),
                         NGX_SOPORTE_CLOCK_STEADY);
        assert_int_equal(clock.slot, wall / 10000);
    }

    /* an hour back: the newest slot stays until the clock has passed it */

    slot = clock.slot;
    wall -= 3600000;

    for (i = 0; i < 3600; i++) {
        wall += 1000;
        mono += 1000;
        assert_int_equal(ngx_soporte_clock_tick(&clock, wall, mono),
                         i ? NGX_SOPORTE_CLOCK_STEADY
                           : NGX_SOPORTE_CLOCK_BACK);
        assert_int_equal(clock.slot, slot);
        assert_int_equal(ngx_soporte_clock_behind(&clock),
                         wall / 10000 < slot);
    }

    assert_int_equal(clock.jumps, 1);

    /* forward alone, and forward together with the time that passed */

    wall += 60000;
    assert_int_equal(ngx_soporte_clock_tick(&clock, wall, mono),
                     NGX_SOPORTE_CLOCK_FORWARD);
    assert_int_equal(clock.jumps, 2);

    wall += 60000;
    mono += 60000;
    assert_int_equal(ngx_soporte_clock_tick(&clock, wall, mono),
                     NGX_SOPORTE_CLOCK_STALLED);
    assert_int_equal(clock.jumps, 2);
    assert_int_equal(clock.slot, wall / 10000);
}


/* while the clock lies behind, workers use any bank: all is the newest's */

static void
counts_behind_the_clock(void **state)
{
    ngx_uint_t            i;
    ngx_soporte_slots_t   slots;
    ngx_soporte_minute_t  minute;

    begin(&slots, START + 3);

    for (i = 0; i < NGX_SOPORTE_SLOT_BANKS; i++) {
        count(START - 360 + i, 0, 10);
    }

    ngx_soporte_slots_fold(&slots, (const uint64_t (*)[4]) bank, START + 3, 0,
                           SERVING, 1);

    minute = minute_of(&slots, START);
    assert_int_equal(minute.slot[3].good, 40);
    assert_int_equal(minute.slot[0].good, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(each_count_in_its_slot),
        cmocka_unit_test(first_look_counts_nothing),
        cmocka_unit_test(three_slots_without_a_leader),
        cmocka_unit_test(longer_without_a_leader),
        cmocka_unit_test(node_was_away),
        cmocka_unit_test(kept_until_it_is_sealed),
        cmocka_unit_test(verdict_holds_thirty_seconds),
        cmocka_unit_test(nodes_are_added_up),
        cmocka_unit_test(what_holds_now_marks_the_slot),
        cmocka_unit_test(clock_never_goes_back),
        cmocka_unit_test(counts_behind_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
