
/*
 * Prevents a word or a backup that history never gets: a mark that outlasts
 * the version that it was set for, or the place of what nobody filed given
 * away.
 */

#include "zone.h"

#include "ngx_soporte_backup.h"


#define INCIDENT  NGX_SOPORTE_BOARD_INCIDENT
#define RESTORE   NGX_SOPORTE_BOARD_RESTORE
#define FILED     NGX_SOPORTE_NOTICE_FILED


static ngx_soporte_zone_t  zone;


static int
filed_setup(void **state)
{
    if (zone_setup(state) != 0) {
        return -1;
    }

    zone = zone_open(10);
    (void) tenant_of(&zone, "acme");

    return 0;
}


static int
filed_teardown(void **state)
{
    ngx_soporte_zone_close(&zone);

    return zone_teardown(state);
}


#define filed_test(f)                                                         \
    cmocka_unit_test_setup_teardown(f, filed_setup, filed_teardown)


static ngx_soporte_notice_t
notice_of(uint32_t kind, uint32_t id, uint64_t version, const char *message)
{
    ngx_soporte_notice_t  notice;

    memset(&notice, 0, sizeof(notice));
    notice.kind = kind;
    notice.tenant = 1;
    notice.id[0] = 1;
    memcpy(&notice.id[1], &id, sizeof(id));
    notice.version = version;
    notice.began = NOW;
    notice.updated = NOW + (int64_t) version;
    notice.progress = -1;
    notice.message_len = strlen(message);
    memcpy(notice.message, message, notice.message_len);

    return notice;
}


static ngx_soporte_notice_t
put(uint32_t kind, uint32_t id, uint64_t version, ngx_uint_t flags)
{
    char                  message[32];
    ngx_soporte_notice_t  notice;

    snprintf(message, sizeof(message), "m%lu", (unsigned long) version);

    notice = notice_of(kind, id, version, message);
    notice.flags = flags;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);

    return notice;
}


/* "+" the version is marked, "-" it is not, the notice first */

static const char *
marks(const u_char *id)
{
    char                  *p;
    ngx_uint_t             i, n;
    ngx_soporte_notice_t   notice;
    ngx_soporte_update_t   updates[NGX_SOPORTE_BOARD_TIMELINE];

    static char            text[NGX_SOPORTE_BOARD_TIMELINE + 2];

    assert_int_equal(ngx_soporte_board_get(&zone, id, &notice), NGX_OK);
    n = ngx_soporte_board_timeline(&zone, id, updates,
                                   NGX_SOPORTE_BOARD_TIMELINE);

    p = text;
    *p++ = (notice.flags & FILED) ? '+' : '-';

    for (i = 0; i < n; i++) {
        *p++ = (updates[i].flags & FILED) ? '+' : '-';
    }

    *p = '\0';

    return text;
}


static void
mark(const u_char *id, uint64_t version)
{
    assert_int_equal(ngx_soporte_board_filed(&zone, id, version, NOW), NGX_OK);
}


static void
of_one_version(void **state)
{
    uint64_t              generation;
    ngx_soporte_notice_t  notice, other, got;

    other = put(INCIDENT, 2, 1, 0);
    notice = put(INCIDENT, 1, 1, 0);
    assert_string_equal(marks(notice.id), "--");

    generation = zone.board->generation;
    mark(notice.id, 1);
    assert_string_equal(marks(notice.id), "++");
    assert_string_equal(marks(other.id), "--");
    assert_int_equal(zone.board->generation, generation);

    /* nothing but the mark was changed */

    assert_int_equal(ngx_soporte_board_get(&zone, notice.id, &got), NGX_OK);
    notice.flags = FILED;
    assert_memory_equal(&got, &notice, sizeof(got));

    /* another word, and the mark of the one before, which comes late */

    put(INCIDENT, 1, 2, NGX_SOPORTE_NOTICE_BLOCK);
    assert_string_equal(marks(notice.id), "--+");
    put(INCIDENT, 1, 3, 0);
    assert_string_equal(marks(notice.id), "---+");
    mark(notice.id, 2);
    assert_string_equal(marks(notice.id), "--++");
    mark(notice.id, 3);
    assert_string_equal(marks(notice.id), "++++");

    /* what is not there */

    mark(notice.id, 77);
    notice.id[15] = 1;
    mark(notice.id, 3);
    assert_string_equal(marks(other.id), "--");
}


/* a word of another node, and what it says of earlier */

static void
others_words(void **state)
{
    ngx_soporte_notice_t  notice;
    ngx_soporte_update_t  update;

    notice = put(INCIDENT, 1, 5, FILED);
    assert_string_equal(marks(notice.id), "++");

    memset(&update, 0, sizeof(update));
    memcpy(update.id, notice.id, sizeof(update.id));
    update.version = 4;
    update.at = NOW;
    update.flags = FILED;
    assert_int_equal(ngx_soporte_board_say(&zone, &update, NOW), NGX_OK);
    assert_string_equal(marks(notice.id), "+++");

    put(INCIDENT, 1, 6, 0);
    assert_string_equal(marks(notice.id), "--++");
}


/* a node that is gone: what it said last, and steps, which may be its own */

static void
of_a_node_that_is_gone(void **state)
{
    uint64_t              generation;
    ngx_soporte_notice_t  gone, lives;

    gone = notice_of(INCIDENT, 1, 5, "gone");
    gone.origin = 7;
    gone.flags = FILED|NGX_SOPORTE_NOTICE_BLOCK;
    assert_int_equal(ngx_soporte_board_merge(&zone, &gone, NOW), NGX_OK);

    lives = notice_of(INCIDENT, 2, 5, "lives");
    lives.origin = 8;
    lives.flags = FILED;
    assert_int_equal(ngx_soporte_board_merge(&zone, &lives, NOW), NGX_OK);

    generation = zone.board->generation;
    assert_int_equal(ngx_soporte_board_unfile(&zone, 7, NOW), NGX_OK);
    assert_string_equal(marks(gone.id), "--");
    assert_string_equal(marks(lives.id), "+-");
    assert_true(zone.board->generation > generation);

    assert_int_equal(ngx_soporte_board_get(&zone, gone.id, &gone), NGX_OK);
    assert_int_equal(gone.flags, NGX_SOPORTE_NOTICE_BLOCK);

    mark(gone.id, 5);
    assert_string_equal(marks(gone.id), "++");
}


/* of all timelines together there are 512: what is filed goes first */

static void
what_is_filed_goes_first(void **state)
{
    uint32_t              i;
    ngx_soporte_notice_t  first, last;

    first = put(INCIDENT, 0, 1, 0);

    for (i = 1; i < NGX_SOPORTE_BOARD_UPDATES; i++) {
        last = put(INCIDENT, i, 1 + i, FILED);
    }

    put(INCIDENT, i, 1 + i, 0);
    assert_string_equal(marks(first.id), "--");

    for (i++; i < 2 * NGX_SOPORTE_BOARD_UPDATES; i++) {
        put(INCIDENT, i, 1 + i, 0);
    }

    /* and the oldest where nothing is: that of the first was it */

    assert_string_equal(marks(first.id), "-");
    assert_string_equal(marks(last.id), "+");
}


static void
what_can_be_had_again(void **state)
{
    ngx_uint_t            i;
    ngx_soporte_notice_t  notice, restore;

    notice = put(INCIDENT, 1, 1, 0);
    put(INCIDENT, 1, 2, 0);
    restore = put(RESTORE, 2, 1, 0);
    put(RESTORE, 2, 2, 0);

    /* a notice by any later version, a step of an incident by its timeline,
       one of a restore while it is the last */

    assert_true(ngx_soporte_board_holds(&zone, notice.id, 1, 0));
    assert_true(ngx_soporte_board_holds(&zone, notice.id, 1, 1));
    assert_true(ngx_soporte_board_holds(&zone, notice.id, 2, 1));
    assert_true(ngx_soporte_board_holds(&zone, restore.id, 1, 0));
    assert_false(ngx_soporte_board_holds(&zone, restore.id, 1, 1));
    assert_true(ngx_soporte_board_holds(&zone, restore.id, 2, 1));

    assert_false(ngx_soporte_board_holds(&zone, notice.id, 3, 0));
    restore.id[15] = 1;
    assert_false(ngx_soporte_board_holds(&zone, restore.id, 1, 0));

    for (i = 3; i < 4 + NGX_SOPORTE_BOARD_TIMELINE; i++) {
        put(INCIDENT, 1, i, 0);
    }

    assert_false(ngx_soporte_board_holds(&zone, notice.id, 1, 1));
    assert_true(ngx_soporte_board_holds(&zone, notice.id, i - 2, 1));
}


/* a good backup of a part goes into the slot */

static void
report(ngx_soporte_tenant_t *t, ngx_uint_t part, int64_t at, ngx_uint_t left)
{
    t->backup[part] = ngx_soporte_backup_report(t->backup[part], at, 1000);
    ngx_soporte_tenant_unfiled(t, part, left);
}


static void
backups(void **state)
{
    ngx_soporte_tenant_t  *t;

    t = ngx_soporte_tenant(&zone, 1);

    assert_false(ngx_soporte_tenant_left(t, 0));
    assert_false(ngx_soporte_tenant_holds(t, 0, 0));

    /* who told of it has it in hand, for a while; each part by itself */

    report(t, 1, NOW, 0);
    assert_true(ngx_soporte_tenant_holds(t, 1, NOW));
    assert_false(ngx_soporte_tenant_holds(t, 1, NOW - 1));
    assert_false(ngx_soporte_tenant_holds(t, 0, NOW));

    assert_false(ngx_soporte_tenant_left(t, 1));
    assert_true(ngx_soporte_tenant_left(t, 1));
    assert_false(ngx_soporte_tenant_left(t, 0));

    ngx_soporte_tenant_filed(t, 1, NOW);
    assert_int_equal(t->unfiled, 0);

    /* another came before the one before was filed */

    report(t, 0, NOW, 1);
    assert_true(ngx_soporte_tenant_left(t, 0));
    report(t, 0, NOW + 60, 0);
    assert_false(ngx_soporte_tenant_left(t, 0));

    ngx_soporte_tenant_filed(t, 0, NOW);
    assert_true(ngx_soporte_tenant_holds(t, 0, NOW + 60));
    ngx_soporte_tenant_filed(t, 0, NOW + 60);
    assert_false(ngx_soporte_tenant_left(t, 0));
    assert_int_equal(t->unfiled, 0);

    /* all marks there are */

    report(t, 0, NOW + 70, 1);
    report(t, 1, NOW + 70, 1);
    assert_int_equal(t->unfiled, NGX_SOPORTE_TENANT_BACKUPS);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        filed_test(of_one_version),
        filed_test(others_words),
        filed_test(of_a_node_that_is_gone),
        filed_test(what_is_filed_goes_first),
        filed_test(what_can_be_had_again),
        filed_test(backups)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
