
/*
 * Prevents 99.9899 that is shown as 99.99, an outage that is counted twice or
 * in the wrong month, and a backup that is called good when there is none.
 * Figures of whole months are held against t/vectors/sla.json besides.
 */

#include "test.h"

#include "ngx_soporte_month.h"


#define HOUR  3600


static const char *
percent(int64_t part, int64_t whole)
{
    static u_char  buf[NGX_SOPORTE_PERCENT_LEN];

    memset(buf, 'x', sizeof(buf));
    ngx_soporte_percent(buf, part, whole);

    return (char *) buf;
}


static void
percent_is_floored(void **state)
{
    int64_t  down;

    assert_string_equal(percent(0, 0), "n/a");
    assert_string_equal(percent(0, 5), "0.0000");
    assert_string_equal(percent(1, 3), "33.3333");
    assert_string_equal(percent(2, 3), "66.6666");
    assert_string_equal(percent(5, 5), "100.0000");
    assert_string_equal(percent(6, 5), "100.0000");
    assert_string_equal(percent(-1, 5), "0.0000");
    assert_string_equal(percent(9, 100), "9.0000");
    assert_string_equal(percent(99989999, 100000000), "99.9899");
    assert_string_equal(percent(99995, 100000), "99.9950");

    /* one second of ten years is not nothing */

    assert_string_equal(percent(315359999, 315360000), "99.9999");

    for (down = 1; down <= 44640; down++) {
        assert_string_not_equal(percent(44640 - down, 44640), "100.0000");
    }
}


static void
figures_of_another_target(void **state)
{
    ngx_soporte_figures_t  f;
    ngx_soporte_minutes_t  m;

    memset(&m, 0, sizeof(m));
    m.total = 43200;
    m.down = 43;

    ngx_soporte_month_figures(&m, 999000, &f);
    assert_int_equal(f.verdict, NGX_SOPORTE_VERDICT_MET);
    assert_int_equal(f.budget, 2592);
    assert_int_equal(f.left, 12);
    assert_int_equal(f.min_ppm, 999004);

    m.down = 44;
    ngx_soporte_month_figures(&m, 999000, &f);
    assert_int_equal(f.verdict, NGX_SOPORTE_VERDICT_BREACHED);
    assert_int_equal(f.left, -48);
}


/* counters that contradict each other must not yield nonsense */

static void
figures_of_nonsense(void **state)
{
    ngx_soporte_figures_t  f;
    ngx_soporte_minutes_t  m;

    m.total = 10;
    m.down = 100;
    m.excluded = 3;
    m.unknown = 5;

    ngx_soporte_month_figures(&m, NGX_SOPORTE_TARGET, &f);
    assert_string_equal((char *) f.availability, "0.0000");
    assert_string_equal((char *) f.availability_max, "71.4285");
    assert_int_equal(f.verdict, NGX_SOPORTE_VERDICT_BREACHED);

    m.total = -1;
    m.excluded = 20;

    ngx_soporte_month_figures(&m, NGX_SOPORTE_TARGET, &f);
    assert_string_equal((char *) f.availability_min, "n/a");
    assert_int_equal(f.verdict, NGX_SOPORTE_VERDICT_NONE);
    assert_int_equal(f.min_ppm, -1);
}


static ngx_soporte_judgement_t
judgement(ngx_soporte_state_e state, ngx_uint_t down, ngx_uint_t excluded)
{
    ngx_soporte_judgement_t  j;

    j.state = state;
    j.down = down;
    j.excluded = excluded;
    j.bad = -1;

    return j;
}


static void
add(ngx_soporte_month_t *month, ngx_uint_t n, ngx_soporte_judgement_t counted,
    ngx_soporte_judgement_t not_counted, ngx_uint_t cap)
{
    while (n--) {
        ngx_soporte_month_add(month, &counted, &not_counted, cap,
                              NGX_SOPORTE_COUNTED);
    }
}


/* a day in which all happened, seen both ways */

static void
month_in_both_readings(void **state)
{
    ngx_soporte_month_t      month[2];
    ngx_soporte_minutes_t    m;
    ngx_soporte_judgement_t  up, down, degraded, unknown, held, left_out;

    memset(month, 0, sizeof(month));
    ngx_soporte_month_turn(month, 1800000000);

    up = judgement(NGX_SOPORTE_STATE_UP, 0, 0);
    down = judgement(NGX_SOPORTE_STATE_DOWN, 1, 0);
    degraded = judgement(NGX_SOPORTE_STATE_DEGRADED, 0, 0);
    unknown = judgement(NGX_SOPORTE_STATE_UNKNOWN, 0, 0);
    held = judgement(NGX_SOPORTE_STATE_MAINTENANCE, 1, 0);
    left_out = judgement(NGX_SOPORTE_STATE_MAINTENANCE, 0, 1);

    add(month, 1000, up, up, 240);
    add(month, 30, held, left_out, 240);
    add(month, 1, held, up, 240);            /* half a minute of the window */
    add(month, 3, down, down, 240);
    add(month, 7, degraded, degraded, 240);
    add(month, 2, unknown, unknown, 240);

    assert_int_equal(month[0].sealed, 1043);
    assert_int_equal(month[0].degraded, 7);

    ngx_soporte_month_minutes(month, 1800000000 + 1043 * 60,
                              NGX_SOPORTE_COUNTED, &m);
    assert_int_equal(m.total, 1043);
    assert_int_equal(m.down, 34);
    assert_int_equal(m.excluded, 0);
    assert_int_equal(m.unknown, 2);

    ngx_soporte_month_minutes(month, 1800000000 + 1043 * 60,
                              NGX_SOPORTE_NOT_COUNTED, &m);
    assert_int_equal(m.total, 1043);
    assert_int_equal(m.down, 3);
    assert_int_equal(m.excluded, 30);
    assert_int_equal(m.unknown, 2);

    /* minutes that nobody judged are unknown; a begun one is not yet one */

    ngx_soporte_month_minutes(month, 1800000000 + 1050 * 60 + 59,
                              NGX_SOPORTE_COUNTED, &m);
    assert_int_equal(m.total, 1050);
    assert_int_equal(m.unknown, 9);
}


static void
cap_of_planned_maintenance(void **state)
{
    ngx_soporte_month_t             month;
    ngx_soporte_judgement_t         held, left_out;
    const ngx_soporte_judgement_t  *took;

    memset(&month, 0, sizeof(month));

    held = judgement(NGX_SOPORTE_STATE_MAINTENANCE, 1, 0);
    left_out = judgement(NGX_SOPORTE_STATE_MAINTENANCE, 0, 1);

    add(&month, 240, held, left_out, 240);

    assert_int_equal(month.excluded, 240);
    assert_int_equal(month.down[NGX_SOPORTE_NOT_COUNTED], 0);

    took = ngx_soporte_month_add(&month, &held, &left_out, 240,
                                 NGX_SOPORTE_NOT_COUNTED);

    assert_int_equal(took->down, 1);
    assert_int_equal(month.excluded, 240);
    assert_int_equal(month.down[NGX_SOPORTE_NOT_COUNTED], 1);
    assert_int_equal(month.down[NGX_SOPORTE_COUNTED], 241);

    assert_true(ngx_soporte_month_announced(1000, 1000 + 24 * HOUR,
                                            24 * HOUR));
    assert_false(ngx_soporte_month_announced(1001, 1000 + 24 * HOUR,
                                             24 * HOUR));
    assert_true(ngx_soporte_month_announced(1001, 1000 + 24 * HOUR, HOUR));
    assert_true(ngx_soporte_month_announced(1000, 1000, 0));
    assert_false(ngx_soporte_month_announced(1001, 1000, 0));
    assert_false(ngx_soporte_month_announced(0, 1800000000, 0));
}


static void
month_turns_once(void **state)
{
    ngx_soporte_month_t      month[2];
    ngx_soporte_minutes_t    m;
    ngx_soporte_judgement_t  up;

    memset(month, 0, sizeof(month));
    up = judgement(NGX_SOPORTE_STATE_UP, 0, 0);

    /* the tenant began at 12:00:30 of a day: the minute is not a whole one */

    ngx_soporte_month_turn(month, 1800000030);
    add(month, 59, up, up, 0);
    ngx_soporte_month_minutes(month, 1800003600, NGX_SOPORTE_COUNTED, &m);
    assert_int_equal(m.total, 59);
    assert_int_equal(m.unknown, 0);

    /* a turn to where it began already changes nothing */

    ngx_soporte_month_turn(month, 1800000000);
    assert_int_equal(month[0].sealed, 59);

    ngx_soporte_month_turn(month, 1802000000);
    ngx_soporte_month_turn(month, 1802000000);
    assert_int_equal(month[0].sealed, 0);
    assert_int_equal(month[1].sealed, 59);
    assert_int_equal(month[1].start, 1800000030);
}


static void
whole_month_of_minutes_fits(void **state)
{
    ngx_soporte_month_t      month;
    ngx_soporte_minutes_t    m;
    ngx_soporte_judgement_t  down;

    memset(&month, 0, sizeof(month));
    down = judgement(NGX_SOPORTE_STATE_DOWN, 1, 0);

    /* 31 days, and the hour of a clock that was put back */

    add(&month, 31 * 1440 + 60, down, down, 0);
    ngx_soporte_month_minutes(&month, (31 * 1440 + 60) * 60,
                              NGX_SOPORTE_COUNTED, &m);
    assert_int_equal(m.down, 44700);
    assert_int_equal(m.unknown, 0);
}


static void
outages_are_exact(void **state)
{
    int64_t                      sum;
    ngx_uint_t                   i;
    ngx_soporte_outages_t        o;
    const ngx_soporte_outage_t  *p;

    /* [began, ended) against [100, 200) */

    assert_int_equal(ngx_soporte_outage_overlap(0, 100, 100, 200), 0);
    assert_int_equal(ngx_soporte_outage_overlap(50, 101, 100, 200), 1);
    assert_int_equal(ngx_soporte_outage_overlap(120, 140, 100, 200), 20);
    assert_int_equal(ngx_soporte_outage_overlap(190, 300, 100, 200), 10);
    assert_int_equal(ngx_soporte_outage_overlap(0, 300, 100, 200), 100);
    assert_int_equal(ngx_soporte_outage_overlap(200, 300, 100, 200), 0);
    assert_int_equal(ngx_soporte_outage_overlap(150, 150, 100, 200), 0);

    memset(&o, 0, sizeof(o));
    assert_null(ngx_soporte_outage_open(&o));
    assert_null(ngx_soporte_outage_past(&o, 0));
    assert_null(ngx_soporte_outage_end(&o, 1000));

    /* two of 20 s across a minute's edge */

    ngx_soporte_outage_begin(&o, 1050);
    ngx_soporte_outage_begin(&o, 1060);
    assert_int_equal(ngx_soporte_outage_open(&o)->began, 1050);
    p = ngx_soporte_outage_end(&o, 1070);
    assert_int_equal(p->ended - p->began, 20);
    assert_null(ngx_soporte_outage_end(&o, 1080));

    /* evidence from before the last one's end begins there */

    ngx_soporte_outage_begin(&o, 1065);
    p = ngx_soporte_outage_end(&o, 1090);
    assert_int_equal(p->began, 1070);
    assert_int_equal(p->ended, 1090);

    /* one that would end before it began takes no time */

    ngx_soporte_outage_begin(&o, 2000);
    p = ngx_soporte_outage_end(&o, 1999);
    assert_int_equal(p->ended - p->began, 0);

    for (i = 0; i < 40; i++) {
        ngx_soporte_outage_begin(&o, 10000 + 100 * i);
        ngx_soporte_outage_end(&o, 10000 + 100 * i + i);
    }

    sum = 0;

    for (i = 0; (p = ngx_soporte_outage_past(&o, i)) != NULL; i++) {
        sum += ngx_soporte_outage_overlap(p->began, p->ended, 12500, 13950);
    }

    assert_int_equal(i, NGX_SOPORTE_OUTAGES);
    assert_int_equal(o.count, 43);

    /* 25 + 26 + ... + 39 */

    assert_int_equal(sum, 480);
}


static void
days_are_kept_for_ninety(void **state)
{
    uint32_t            day;
    ngx_soporte_day_t   r;
    ngx_soporte_days_t  d;

    memset(&d, 0, sizeof(d));
    assert_int_equal(ngx_soporte_days_get(&d, 20000, &r), NGX_DECLINED);

    for (day = 20000; day < 20200; day++) {
        ngx_soporte_days_minute(&d, day, NGX_SOPORTE_STATE_UP);

        if (day % 3 == 0) {
            ngx_soporte_days_minute(&d, day, NGX_SOPORTE_STATE_DOWN);
            ngx_soporte_days_minute(&d, day, NGX_SOPORTE_STATE_RESTORE);
            ngx_soporte_days_outage(&d, day, 70 + day - 20000);
        }

        if (day > 20000) {
            assert_int_equal(ngx_soporte_days_get(&d, day - 1, &r), NGX_OK);
        }
    }

    assert_int_equal(ngx_soporte_days_get(&d, 20200, &r), NGX_DECLINED);
    assert_int_equal(ngx_soporte_days_get(&d, 20109, &r), NGX_DECLINED);
    assert_int_equal(ngx_soporte_days_get(&d, 19999, &r), NGX_DECLINED);

    for (day = 20110; day < 20200; day++) {
        assert_int_equal(ngx_soporte_days_get(&d, day, &r), NGX_OK);
        assert_int_equal(r.down, day % 3 ? 0 : 2);
        assert_int_equal(r.outage, day % 3 ? 0 : 70 + day - 20000);
        assert_int_equal(r.degraded + r.maintenance + r.unknown, 0);
    }

    /* two months without nginx: days between are there, and empty */

    ngx_soporte_days_minute(&d, 20260, NGX_SOPORTE_STATE_UNKNOWN);
    assert_int_equal(ngx_soporte_days_get(&d, 20240, &r), NGX_OK);
    assert_int_equal(r.down + r.outage, 0);
    assert_int_equal(ngx_soporte_days_get(&d, 20199, &r), NGX_OK);
    assert_int_equal(ngx_soporte_days_get(&d, 20259, &r), NGX_OK);
    assert_int_equal(r.unknown, 0);
    assert_int_equal(ngx_soporte_days_get(&d, 20260, &r), NGX_OK);
    assert_int_equal(r.unknown, 1);

    ngx_soporte_days_minute(&d, 21000, NGX_SOPORTE_STATE_UP);
    assert_int_equal(ngx_soporte_days_get(&d, 20911, &r), NGX_OK);
    assert_int_equal(r.down, 0);
}


static void
day_holds_a_whole_day_of_each(void **state)
{
    ngx_uint_t          i;
    ngx_soporte_day_t   r;
    ngx_soporte_days_t  d;

    memset(&d, 0, sizeof(d));

    for (i = 0; i < 1500; i++) {
        ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_DOWN);
        ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_DEGRADED);
        ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_MAINTENANCE);
        ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_UNKNOWN);
    }

    ngx_soporte_days_outage(&d, 20000, 90000);

    ngx_soporte_days_get(&d, 20000, &r);
    assert_int_equal(r.down, 1500);
    assert_int_equal(r.degraded, 1500);
    assert_int_equal(r.maintenance, 1500);
    assert_int_equal(r.unknown, 1500);
    assert_int_equal(r.outage, 90000);

    /* full is full: no field runs into the next */

    for (i = 0; i < 1000; i++) {
        ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_DOWN);
    }

    ngx_soporte_days_outage(&d, 20000, 90000);

    ngx_soporte_days_get(&d, 20000, &r);
    assert_int_equal(r.down, 2047);
    assert_int_equal(r.degraded, 1500);
    assert_int_equal(r.outage, 131071);

    /* a correction of a day that is past, and one that comes too late */

    ngx_soporte_days_minute(&d, 20089, NGX_SOPORTE_STATE_UP);
    ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_DEGRADED);
    ngx_soporte_days_get(&d, 20000, &r);
    assert_int_equal(r.degraded, 1501);

    ngx_soporte_days_minute(&d, 20090, NGX_SOPORTE_STATE_UP);
    ngx_soporte_days_minute(&d, 20000, NGX_SOPORTE_STATE_DEGRADED);
    assert_int_equal(ngx_soporte_days_get(&d, 20090, &r), NGX_OK);
    assert_int_equal(r.degraded, 0);
}


static void
restore_runs_on_the_wall_clock(void **state)
{
    ngx_soporte_restore_t  r;

    /* from the first failure, not from the request */

    ngx_soporte_restore_clock(1000, 1900, 0, 1000 + 7200, 7200, &r);
    assert_int_equal(r.started, 1000);
    assert_int_equal(r.deadline, 8200);
    assert_int_equal(r.took, 7200);
    assert_false(r.breached);

    ngx_soporte_restore_clock(1000, 1900, 0, 1000 + 7201, 7200, &r);
    assert_true(r.breached);

    /* it ended in time, whenever it is looked at */

    ngx_soporte_restore_clock(0, 1900, 9100, 99999, 7200, &r);
    assert_int_equal(r.started, 1900);
    assert_int_equal(r.took, 7200);
    assert_false(r.breached);

    ngx_soporte_restore_clock(5000, 0, 0, 4000, 7200, &r);
    assert_int_equal(r.took, 0);
}


typedef struct {
    ngx_soporte_backup_t   backup;
    int64_t                database;         /* -1: it is the database */
    const char            *state;
} backup_case_t;


/* hours before now are negative */

#define AT(h)  (1800000000 + (int64_t) ((h) * HOUR))

static const backup_case_t  backups[] = {
    { { 0, 0, 0, 0 },                          -1, "none" },
    { { 0, 0, 0, 0 },                           0, "none" },
    { { 0, 0, 0, 0 },                      AT(-1), "incomplete" },
    { { AT(-1), 900, 0, 0 },                   -1, "ok" },
    { { AT(-1), 900, 0, 0 },               AT(-1), "ok" },
    { { AT(-20), 900, 0, 0 },                  -1, "ok" },
    { { AT(-20) - 1, 900, 0, 0 },              -1, "due" },
    { { AT(-24), 900, 0, 0 },                  -1, "due" },
    { { AT(-24) - 1, 900, 0, 0 },              -1, "late" },
    { { AT(-1), -1, AT(-25), 900 },            -1, "ok" },
    { { AT(-1), 0, 0, 0 },                     -1, "suspect" },
    { { AT(-1), 449, AT(-20), 899 },           -1, "suspect" },
    { { AT(-1), 450, AT(-20), 900 },           -1, "ok" },
    { { AT(-1), 450, AT(-20), -1 },            -1, "ok" },
    { { AT(-1), 0, AT(-24), 900 },             -1, "suspect" },
    { { AT(-1), 0, AT(-24) - 1, 900 },         -1, "late" },
    { { AT(0) + 300, 900, 0, 0 },              -1, "ok" },
    { { AT(0) + 301, 900, 0, 0 },              -1, "suspect" }
};


static void
backups_by_their_clock(void **state)
{
    ngx_uint_t             i;
    const backup_case_t   *c;
    ngx_soporte_backup_e   got;
    ngx_soporte_backup_t   database;

    memset(&database, 0, sizeof(database));

    for (i = 0; i < sizeof(backups) / sizeof(backups[0]); i++) {
        c = &backups[i];
        database.at = c->database;

        got = ngx_soporte_backup_state(&c->backup,
                                       c->database == -1 ? NULL : &database,
                                       AT(0), NGX_SOPORTE_BACKUP_LIMIT);

        if (strcmp((char *) ngx_soporte_backup_names[got].data, c->state)
            != 0)
        {
            fail_msg("backup %lu: %s instead of %s", i,
                     (char *) ngx_soporte_backup_names[got].data, c->state);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(percent_is_floored),
        cmocka_unit_test(figures_of_another_target),
        cmocka_unit_test(figures_of_nonsense),
        cmocka_unit_test(month_in_both_readings),
        cmocka_unit_test(cap_of_planned_maintenance),
        cmocka_unit_test(month_turns_once),
        cmocka_unit_test(whole_month_of_minutes_fits),
        cmocka_unit_test(outages_are_exact),
        cmocka_unit_test(days_are_kept_for_ninety),
        cmocka_unit_test(day_holds_a_whole_day_of_each),
        cmocka_unit_test(restore_runs_on_the_wall_clock),
        cmocka_unit_test(backups_by_their_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
