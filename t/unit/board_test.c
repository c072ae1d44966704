
/*
 * Prevents a tenant that stays closed, or opens, because another notice was
 * said, ended, planned or forgotten.
 */

#include "board.h"


static void
the_nearest_speaks(void **state)
{
    assert_string_equal(shown(acme), "open");

    assert_int_equal(put(MAINTENANCE, ALL, NOW, "all"), NGX_OK);
    assert_string_equal(shown(acme), "maintenance all");
    assert_string_equal(shown(beta), "maintenance all");

    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "own"), NGX_OK);
    assert_string_equal(shown(acme), "maintenance own");
    assert_string_equal(shown(beta), "maintenance all");

    /* an incident that blocks goes before maintenance, one that does not
       changes nothing */

    assert_int_equal(put(INCIDENT, acme_slot, NOW, "seen"), NGX_OK);
    assert_string_equal(shown(acme), "maintenance own");
    assert_int_equal(block(ALL, "broken"), NGX_OK);
    assert_string_equal(shown(acme), "incident broken");
    assert_string_equal(shown(beta), "incident broken");

    /* any restore before any of them */

    assert_int_equal(put(RESTORE, ALL, NOW, "back all"), NGX_OK);
    assert_string_equal(shown(acme), "restore back all");
    assert_int_equal(put(RESTORE, acme_slot, NOW, "back"), NGX_OK);
    assert_string_equal(shown(acme), "restore back");
    assert_string_equal(shown(beta), "restore back all");

    assert_int_equal(clear(RESTORE, ALL), NGX_OK);
    assert_string_equal(shown(acme), "restore back");
    assert_string_equal(shown(beta), "incident broken");
    assert_int_equal(clear(INCIDENT, ALL), NGX_OK);
    assert_string_equal(shown(beta), "maintenance all");
    assert_int_equal(clear(RESTORE, acme_slot), NGX_OK);
    assert_string_equal(shown(acme), "maintenance own");
    assert_int_equal(clear(MAINTENANCE, acme_slot), NGX_OK);
    assert_string_equal(shown(acme), "maintenance all");
    assert_int_equal(clear(MAINTENANCE, ALL), NGX_OK);
    assert_string_equal(shown(acme), "open");
    assert_string_equal(shown(beta), "open");

    assert_int_equal(clear(MAINTENANCE, ALL), NGX_DECLINED);
}


static void
exactly_the_one(void **state)
{
    ngx_soporte_notice_t  notice;

    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "own"), NGX_OK);

    assert_int_equal(ngx_soporte_board_current(&zone, MAINTENANCE, acme_slot,
                                               NOW, &notice), NGX_OK);
    assert_int_equal(notice.began, NOW);
    assert_int_equal(ngx_soporte_board_current(&zone, MAINTENANCE, ALL, NOW,
                                               &notice), NGX_DECLINED);
    assert_int_equal(ngx_soporte_board_current(&zone, RESTORE, acme_slot, NOW,
                                               &notice), NGX_DECLINED);
    assert_int_equal(ngx_soporte_board_current(&zone, MAINTENANCE, acme_slot,
                                               NOW - 1, &notice),
                     NGX_DECLINED);
}


/* words cross on their way from node to node: the highest version stands */

static void
the_last_version_stands(void **state)
{
    uint64_t              generation;
    ngx_soporte_notice_t  first, second, third, got;

    first = notice_of(MAINTENANCE, acme_slot, NOW, "first");
    second = notice_of(MAINTENANCE, acme_slot, NOW, "second");
    third = notice_of(MAINTENANCE, acme_slot, NOW, "third");
    third.ended = NOW;

    assert_int_equal(ngx_soporte_board_merge(&zone, &second, NOW), NGX_OK);
    generation = zone.board->generation;

    assert_int_equal(ngx_soporte_board_merge(&zone, &first, NOW), NGX_DONE);
    assert_int_equal(ngx_soporte_board_merge(&zone, &second, NOW), NGX_DONE);
    assert_int_equal(zone.board->generation, generation);
    assert_string_equal(shown(acme), "maintenance second");

    assert_int_equal(ngx_soporte_board_merge(&zone, &third, NOW), NGX_OK);
    assert_true(zone.board->generation > generation);
    assert_string_equal(shown(acme), "open");
    assert_int_equal(ngx_soporte_board_merge(&zone, &second, NOW), NGX_DONE);
    assert_string_equal(shown(acme), "open");

    assert_int_equal(ngx_soporte_board_get(&zone, first.id, &got), NGX_OK);
    assert_memory_equal(&got, &third, sizeof(got));

    /* whose it is, and what it is, never change */

    first = third;
    first.version = ++version;
    first.tenant = ALL;
    assert_int_equal(ngx_soporte_board_merge(&zone, &first, NOW), NGX_DONE);
    first.tenant = acme_slot;
    first.kind = RESTORE;
    assert_int_equal(ngx_soporte_board_merge(&zone, &first, NOW), NGX_DONE);
    assert_string_equal(shown(acme), "open");
    assert_string_equal(shown(beta), "open");
}


/* of several windows in force the one that ends last says when it is back */

static void
the_last_end_speaks(void **state)
{
    ngx_soporte_notice_t  notice;

    notice = notice_of(MAINTENANCE, acme_slot, NOW, "short");
    notice.ends = NOW + 60;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);

    notice = notice_of(MAINTENANCE, acme_slot, NOW - 10, "long");
    notice.id[15] = 1;
    notice.ends = NOW + 600;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_string_equal(shown(acme), "maintenance long");

    notice = notice_of(MAINTENANCE, acme_slot, NOW - 20, "endless");
    notice.id[15] = 2;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_string_equal(shown(acme), "maintenance endless");

    notice.ended = NOW;
    notice.version = ++version;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_string_equal(shown(acme), "maintenance long");

    ngx_soporte_board_tick(&zone, NOW + 60);
    assert_string_equal(shown(acme), "maintenance long");
    ngx_soporte_board_tick(&zone, NOW + 600);
    assert_string_equal(shown(acme), "open");
}


/* windows begin and end by themselves, for one and for all */

static void
planned(void **state)
{
    ngx_uint_t            i, n;
    uint32_t              at;
    ngx_soporte_notice_t  notice;

    for (i = 0; i < 3; i++) {
        notice = notice_of(MAINTENANCE, acme_slot, NOW + 100 * (i + 1),
                           "window");
        notice.title[6] = '1' + i;
        notice.title_len = 7;
        notice.id[15] = i;
        notice.announced = NOW + 100 * (i + 1) - (i ? 86400 : 86399);
        notice.ends = notice.began + 50;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);
    }

    assert_string_equal(shown(acme), "open");
    assert_int_equal(zone.board->due, NOW + 100);

    at = 0;
    n = 0;

    while (ngx_soporte_board_each(&zone, acme_slot, &at, &notice) == NGX_OK) {
        assert_int_equal(notice.began, NOW + 100 * (3 - (int64_t) n++));
    }

    assert_int_equal(n, 3);

    ngx_soporte_board_tick(&zone, NOW + 99);
    assert_string_equal(shown(acme), "open");
    ngx_soporte_board_tick(&zone, NOW + 100);
    assert_string_equal(shown(acme), "maintenance window1");
    assert_string_equal(shown(beta), "open");

    /* a second less than a day ahead is not announced in time */

    assert_false(ngx_soporte_board_planned(&zone, acme, NOW + 100,
                                          NGX_SOPORTE_ANNOUNCED));

    /* nobody looked for a while: one is over, the other has begun */

    ngx_soporte_board_tick(&zone, NOW + 201);
    assert_string_equal(shown(acme), "maintenance window2");
    assert_true(ngx_soporte_board_planned(&zone, acme, NOW + 201,
                                          NGX_SOPORTE_ANNOUNCED));
    assert_false(ngx_soporte_board_planned(&zone, acme, NOW + 250,
                                          NGX_SOPORTE_ANNOUNCED));
    assert_false(ngx_soporte_board_planned(&zone, beta, NOW + 201,
                                          NGX_SOPORTE_ANNOUNCED));
    ngx_soporte_board_tick(&zone, NOW + 250);
    assert_string_equal(shown(acme), "open");

    /* called off before it begins */

    assert_int_equal(ngx_soporte_board_get(&zone, (u_char *) notice.id,
                                           &notice), NGX_OK);
    notice.id[15] = 2;
    assert_int_equal(ngx_soporte_board_get(&zone, notice.id, &notice),
                     NGX_OK);
    notice.ended = NOW + 260;
    notice.version = ++version;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW + 260),
                     NGX_OK);
    ngx_soporte_board_tick(&zone, NOW + 300);
    assert_string_equal(shown(acme), "open");

    /* of all: what is planned for all is planned for each */

    notice = notice_of(MAINTENANCE, ALL, NOW + 400, "all");
    notice.announced = NOW - 86400;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW + 300),
                     NGX_OK);
    ngx_soporte_board_tick(&zone, NOW + 400);
    assert_string_equal(shown(beta), "maintenance all");
    assert_true(ngx_soporte_board_planned(&zone, beta, NOW + 400,
                                          NGX_SOPORTE_ANNOUNCED));
    assert_int_equal(zone.board->due, INT64_MAX);
}


/* two hours from the first failure, or from the request where there is none */

static void
a_restore_is_due(void **state)
{
    ngx_soporte_notice_t  notice;

    notice = notice_of(RESTORE, acme_slot, NOW, "x");
    assert_int_equal(ngx_soporte_notice_deadline(&notice), NOW + 7200);
    notice.failed = NOW - 1800;
    assert_int_equal(ngx_soporte_notice_deadline(&notice), NOW + 5400);

    /* nothing that is promised ends it, nor another node's clock ahead */

    notice.began = NOW + 2;
    notice.ends = NOW - 1;
    assert_true(ngx_soporte_notice_holds(&notice, NOW));
    notice.ended = NOW;
    assert_false(ngx_soporte_notice_holds(&notice, NOW));
}


/* what was said of an incident, the last first, and no more than its share */

static void
a_timeline(void **state)
{
    ngx_uint_t             i, n;
    ngx_soporte_notice_t   notice, other;
    ngx_soporte_update_t   updates[NGX_SOPORTE_BOARD_TIMELINE + 4], update;

    other = notice_of(INCIDENT, acme_slot, NOW, "other");
    assert_int_equal(ngx_soporte_board_merge(&zone, &other, NOW), NGX_OK);

    notice = notice_of(INCIDENT, ALL, NOW, "all");

    for (i = 0; i < 20; i++) {
        notice.version = ++version;
        notice.updated = NOW + i;
        notice.message_len = 1;
        notice.message[0] = 'a' + i;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);

        /* said twice, it is told once */

        notice.version = ++version;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);
    }

    n = ngx_soporte_board_timeline(&zone, notice.id, updates,
                                   NGX_SOPORTE_BOARD_TIMELINE + 4);
    assert_int_equal(n, NGX_SOPORTE_BOARD_TIMELINE);

    for (i = 0; i < n; i++) {
        assert_int_equal(updates[i].at, NOW + 19 - i);
        assert_int_equal(updates[i].message[0], 'a' + 19 - i);
    }

    n = ngx_soporte_board_timeline(&zone, notice.id, updates, 2);
    assert_int_equal(n, 2);
    assert_int_equal(updates[1].at, NOW + 18);

    /* another node's word, once; one older than all that are kept, not */

    update = updates[1];
    assert_int_equal(ngx_soporte_board_say(&zone, &update, NOW), NGX_DONE);
    update.version = 1;
    assert_int_equal(ngx_soporte_board_say(&zone, &update, NOW), NGX_DONE);
    update.version = updates[0].version - 1;
    assert_int_equal(ngx_soporte_board_say(&zone, &update, NOW), NGX_OK);
    assert_int_equal(ngx_soporte_board_say(&zone, &update, NOW), NGX_DONE);

    /* the other's was not pushed out: there was room */

    assert_int_equal(ngx_soporte_board_timeline(&zone, other.id, updates, 4),
                     1);
    assert_int_equal(updates[0].at, NOW);
}


/* what is over stays for a while, and never keeps out what is to be said */

static void
what_is_over(void **state)
{
    uint32_t              at;
    ngx_uint_t            i, n;
    ngx_soporte_notice_t  notice;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES + 100; i++) {
        notice = notice_of(MAINTENANCE, acme_slot, NOW + i, "x");
        notice.id[14] = i >> 8;
        notice.id[15] = i & 0xff;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW + i),
                         NGX_OK);
        assert_int_equal(acme->gate, NGX_SOPORTE_GATE_MAINTENANCE);

        notice.ended = NOW + i;
        notice.version = ++version;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW + i),
                         NGX_OK);
        assert_int_equal(acme->gate, NGX_SOPORTE_GATE_OPEN);
    }

    at = 0;
    n = 0;

    while (ngx_soporte_board_each(&zone, acme_slot, &at, &notice) == NGX_OK) {
        assert_int_equal(notice.began,
                         NOW + NGX_SOPORTE_BOARD_ENTRIES + 99 - (int64_t) n);
        n++;
    }

    assert_int_equal(n, NGX_SOPORTE_BOARD_OVER);

    for (i = 0, n = 0; ngx_soporte_board_next(&zone, &i, &notice) == NGX_OK;
         n++)
    {
        assert_int_equal(notice.tenant, acme_slot);
    }

    assert_int_equal(n, NGX_SOPORTE_BOARD_OVER);
}


static void
an_upstream_has_no_tenant(void **state)
{
    uint32_t              at;
    ngx_soporte_notice_t  notice;

    assert_int_equal(block(NGX_SOPORTE_UPSTREAM, "10.0.0.1:8000"), NGX_OK);

    assert_int_equal(acme->gate, NGX_SOPORTE_GATE_OPEN);
    assert_int_equal(ngx_soporte_board_current(&zone, INCIDENT, acme_slot,
                                               NOW, &notice), NGX_DECLINED);
    assert_int_equal(ngx_soporte_board_current(&zone, INCIDENT, ALL, NOW,
                                               &notice), NGX_DECLINED);

    at = 0;
    assert_int_equal(ngx_soporte_board_each(&zone, NGX_SOPORTE_UPSTREAM, &at,
                                            &notice), NGX_OK);
    assert_memory_equal(notice.title, "10.0.0.1:8000", 13);
    assert_int_equal(ngx_soporte_board_each(&zone, NGX_SOPORTE_UPSTREAM, &at,
                                            &notice), NGX_DONE);

    assert_int_equal(clear(INCIDENT, NGX_SOPORTE_UPSTREAM), NGX_OK);
}


static void
a_new_tenant_inherits(void **state)
{
    ngx_soporte_zone_t     other;
    ngx_soporte_tenant_t  *t;

    assert_int_equal(put(MAINTENANCE, ALL, NOW, "all"), NGX_OK);

    t = ngx_soporte_tenant_get(&zone, (u_char *) "new", 3, 1, NOW);
    assert_string_equal(shown(t), "maintenance all");

    /* and so does the view of another process */

    other = zone_open(10);
    assert_int_equal(tenant_of(&other, "new")->gate,
                     NGX_SOPORTE_GATE_MAINTENANCE);
    assert_int_equal(tenant_of(&other, "newer")->gate,
                     NGX_SOPORTE_GATE_MAINTENANCE);
    ngx_soporte_zone_close(&other);

    assert_int_equal(clear(MAINTENANCE, ALL), NGX_OK);
    assert_string_equal(shown(t), "open");
}


static void
the_announced_end(void **state)
{
    ngx_soporte_notice_t  notice;

    notice = notice_of(MAINTENANCE, acme_slot, NOW, "short");
    notice.ends = NOW + 60;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_int_equal(put(MAINTENANCE, ALL, NOW, "endless"), NGX_OK);

    /* a restore ends when it is done, whatever was promised */

    notice = notice_of(RESTORE, ngx_soporte_tenant_index(&zone, beta), NOW,
                       "late");
    notice.ends = NOW + 60;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);

    ngx_soporte_board_tick(&zone, NOW + 59);
    assert_string_equal(shown(acme), "maintenance short");

    ngx_soporte_board_tick(&zone, NOW + 60);
    assert_string_equal(shown(acme), "maintenance endless");
    assert_string_equal(shown(beta), "restore late");

    ngx_soporte_board_tick(&zone, NOW + 1000000);
    assert_string_equal(shown(acme), "maintenance endless");
}


static void
a_full_board(void **state)
{
    uint32_t              i;
    ngx_soporte_notice_t  notice;

    for (i = 0; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        notice = notice_of(MAINTENANCE, acme_slot, NOW + 1000000, "x");
        notice.id[13] = 1;
        notice.id[14] = i >> 8;
        notice.id[15] = i & 0xff;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);
    }

    assert_int_equal(put(RESTORE, acme_slot, NOW, "none"), NGX_DECLINED);
    assert_int_equal(put(RESTORE, acme_slot, NOW, "none"), NGX_DECLINED);
    assert_string_equal(shown(acme), "open");

    /* not by a notice that is there already */

    notice.began = NOW;
    notice.version = ++version;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_string_equal(shown(acme), "maintenance x");

    /* the place of what is over is for the next */

    notice.ended = NOW;
    notice.version = ++version;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_int_equal(put(RESTORE, acme_slot, NOW, "now"), NGX_OK);
    assert_string_equal(shown(acme), "restore now");
    assert_int_equal(ngx_soporte_board_get(&zone, notice.id, &notice),
                     NGX_DECLINED);
}


/* a window is over, no tick came since, and its place is taken */

static void
a_closed_one_makes_room(void **state)
{
    uint32_t               i;
    ngx_soporte_notice_t   notice;
    ngx_soporte_tenant_t  *other;

    other = tenant_of(&zone, "other");

    notice = notice_of(MAINTENANCE, ngx_soporte_tenant_index(&zone, other),
                       NOW, "short");
    notice.ends = NOW + 10;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    assert_string_equal(shown(other), "maintenance short");

    for (i = 1; i < NGX_SOPORTE_BOARD_ENTRIES; i++) {
        notice = notice_of(MAINTENANCE, acme_slot, NOW + 1000000, "x");
        notice.id[14] = i >> 8;
        notice.id[15] = i & 0xff;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);
    }

    assert_string_equal(shown(other), "maintenance short");

    notice = notice_of(RESTORE, acme_slot, NOW + 20, "now");
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW + 20),
                     NGX_OK);
    assert_string_equal(shown(acme), "restore now");
    assert_string_equal(shown(other), "open");
}


/* one word for 10,000 tenants, each of them with a window of its own ahead */

static void
many_tenants(void **state)
{
    char                  key[16];
    uint64_t              began, took;
    ngx_uint_t            i;
    ngx_soporte_notice_t  notice;

    ngx_soporte_zone_close(&zone);
    zone = zone_open(10000);

    for (i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "k%lu", i);
        assert_non_null(tenant_of(&zone, key));
    }

    for (i = 0; i < 2000; i++) {
        notice = notice_of(MAINTENANCE, 1 + 5 * i, NOW + 1000000, "x");
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);
    }

    began = milliseconds();
    assert_int_equal(put(MAINTENANCE, ALL, NOW, "all"), NGX_OK);
    took = milliseconds() - began;

    for (i = 1; i <= 10000; i++) {
        assert_int_equal(ngx_soporte_tenant(&zone, i)->gate,
                         NGX_SOPORTE_GATE_MAINTENANCE);
    }

    /* some 5 ms; under a sanitizer, on a busy machine, far below the second */

    assert_true(took < 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        board_test(the_nearest_speaks),
        board_test(exactly_the_one),
        board_test(the_last_version_stands),
        board_test(the_last_end_speaks),
        board_test(planned),
        board_test(a_restore_is_due),
        board_test(a_timeline),
        board_test(what_is_over),
        board_test(an_upstream_has_no_tenant),
        board_test(a_new_tenant_inherits),
        board_test(the_announced_end),
        board_test(a_full_board),
        board_test(a_closed_one_makes_room),
        board_test(many_tenants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
