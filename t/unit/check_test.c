
/*
 * Prevents figures read from a damaged file, and a file that is thrown away
 * though nothing is wrong with it: each planted damage is found, and a process
 * that was killed at any instruction of an update leaves none.
 */

#include "zone.h"

#include "ngx_soporte_check.h"

#include <sys/ptrace.h>


static ngx_soporte_check_t  check;


static ngx_int_t
checked(ngx_soporte_zone_t *zone)
{
    return ngx_soporte_check(zone, zone->size, &check);
}


/* ten tenants, two of them in one chain, and a notice */

static ngx_soporte_zone_t
filled(void)
{
    char                  key[16];
    ngx_uint_t            i;
    ngx_soporte_zone_t    zone;
    ngx_soporte_notice_t  notice;

    zone = zone_open(40);

    for (i = 0; i < 10; i++) {
        snprintf(key, sizeof(key), "t%lu", i);
        ngx_soporte_tenant_count(tenant_of(&zone, key), NOW, NGX_SOPORTE_GOOD,
                                 200, 5);
    }

    memset(&notice, 0, sizeof(notice));
    notice.kind = NGX_SOPORTE_BOARD_RESTORE;
    notice.tenant = 3;
    notice.began = NOW;
    notice.progress = -1;
    notice.id[0] = 1;
    notice.version = 1;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);

    return zone;
}


static void
intact(void **state)
{
    ngx_soporte_zone_t  zone;

    zone = zone_open(4);
    assert_int_equal(checked(&zone), NGX_OK);
    assert_int_equal(check.tenants, 0);
    assert_int_equal(check.idle, 0);
    ngx_soporte_zone_close(&zone);
    unlink(file);

    zone = filled();
    assert_int_equal(checked(&zone), NGX_OK);
    assert_int_equal(check.tenants, 10);
    assert_int_equal(check.idle, 0);
    assert_int_equal(check.notices, 1);
    ngx_soporte_zone_close(&zone);
}


/* plants n in a field and wants to hear of it */

#define damaged(zone, field, n, said)                                         \
    do {                                                                      \
        __typeof__(field)  damaged_was = field;                               \
                                                                              \
        field = n;                                                            \
                                                                              \
        if (checked(&zone) != NGX_ERROR) {                                    \
            fail_msg("not found: " #field " = " #n);                          \
        }                                                                     \
                                                                              \
        if (strstr(check.text, said) == NULL) {                               \
            fail_msg(#field " = " #n ": \"%s\"", check.text);                 \
        }                                                                     \
                                                                              \
        field = damaged_was;                                                  \
        assert_int_equal(checked(&zone), NGX_OK);                             \
    } while (0)


static void
damage_of_the_header(void **state)
{
    ngx_soporte_zone_t     zone;
    ngx_soporte_header_t  *header;
    ngx_soporte_tenant_t  *other;

    zone = filled();
    header = zone.header;
    other = ngx_soporte_tenant(&zone, NGX_SOPORTE_OTHER);

    damaged(zone, header->magic, 1, "layout");
    damaged(zone, header->version, 1, "layout");
    damaged(zone, header->slot_size, 64, "layout");
    damaged(zone, header->slots, 4096, "layout");
    damaged(zone, header->capacity, 0, "slots");
    damaged(zone, header->capacity, 1 << 20, "slots");
    damaged(zone, header->dynamic, header->capacity + 1, "slots");
    damaged(zone, header->used, 0, "slots");
    damaged(zone, header->used, header->capacity + 1, "slots");
    damaged(zone, header->gap_from, 7, "gap");
    damaged(zone, other->flags, 0, "slot 0");
    damaged(zone, other->len, 5, "slot 0");
    damaged(zone, other->key[1], 'x', "slot 0");

    ngx_soporte_zone_close(&zone);
}


static void
damage_of_chains(void **state)
{
    uint32_t              *bucket, *empty;
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t, *u;

    zone = filled();
    t = tenant_of(&zone, "t3");
    u = tenant_of(&zone, "t4");
    bucket = &zone.buckets[t->hash % NGX_SOPORTE_ZONE_BUCKETS];
    empty = &zone.buckets[0];

    assert_int_equal(*bucket, ngx_soporte_tenant_index(&zone, t));
    assert_int_equal(*empty, 0);

    damaged(zone, *bucket, zone.header->used, "not given");
    damaged(zone, *bucket, 0xffffffff, "not given");
    damaged(zone, *bucket, ngx_soporte_tenant_index(&zone, u), "another's");
    damaged(zone, *empty, ngx_soporte_tenant_index(&zone, t), "another's");
    damaged(zone, t->next, ngx_soporte_tenant_index(&zone, t), "no end");
    damaged(zone, t->next, zone.header->used, "not given");
    damaged(zone, t->hash, t->hash + 1, "another's");
    damaged(zone, t->hash, t->hash + NGX_SOPORTE_ZONE_BUCKETS, "another's");
    damaged(zone, t->flags, 0, "without a key");
    damaged(zone, t->len, 0, "key is none");
    damaged(zone, t->len, 1, "another's");
    damaged(zone, t->len, 65, "key is none");
    damaged(zone, t->key[0], 'T', "key is none");
    damaged(zone, t->key[0], '/', "key is none");

    /* one key in two slots */

    u->len = t->len;
    u->hash = t->hash;
    u->next = *bucket;
    zone.buckets[ngx_soporte_tenant_hash((u_char *) "t4", 2)
                 % NGX_SOPORTE_ZONE_BUCKETS] = 0;
    memcpy(u->key, t->key, t->len);
    *bucket = ngx_soporte_tenant_index(&zone, u);
    assert_int_equal(checked(&zone), NGX_ERROR);
    assert_non_null(strstr(check.text, "same key"));

    ngx_soporte_zone_close(&zone);
}


static void
damage_of_slots(void **state)
{
    ngx_soporte_zone_t     zone;
    ngx_soporte_month_t   *month;
    ngx_soporte_tenant_t  *t;

    zone = filled();
    t = tenant_of(&zone, "t3");
    month = &t->history.month[1];

    damaged(zone, t->flags, NGX_SOPORTE_TENANT_READY | 0x8000, "flags");
    damaged(zone, t->unfiled, 0x10, "marks of backups");
    damaged(zone, t->gate, 77, "gate");
    damaged(zone, t->board, NGX_SOPORTE_BOARD_ENTRIES + 1, "board");
    damaged(zone, t->chain, NGX_SOPORTE_BOARD_ENTRIES + 1, "board");
    damaged(zone, t->state, NGX_SOPORTE_STATES, "state");
    damaged(zone, t->began, -1, "instants");
    damaged(zone, t->since, (int64_t) 1 << 40, "instants");
    damaged(zone, t->judged, 0xffffffff, "instants");
    damaged(zone, t->detect.state, 4, "detection");
    damaged(zone, t->detect.cause, 200, "detection");
    damaged(zone, t->history.slots.newest, 0xffffffff, "newest");
    damaged(zone, t->history.hist.mark[2][1].shift, 32, "latencies");
    damaged(zone, month->sealed, 50000, "month");
    damaged(zone, month->degraded, 50000, "month");
    damaged(zone, month->excluded, 50000, "month");
    damaged(zone, month->down[1], 50000, "month");
    damaged(zone, month->unknown[0], 50000, "month");
    damaged(zone, month->outage, 3000000, "month");
    damaged(zone, t->history.days.newest, 100000, "days");
    damaged(zone, t->history.days.first, 100000, "days");

    ngx_soporte_zone_close(&zone);
}


static void
damage_of_the_board(void **state)
{
    ngx_soporte_zone_t     zone;
    ngx_soporte_entry_t   *entry;
    ngx_soporte_notice_t  *notice;

    zone = filled();
    entry = &zone.board->entries[0];
    notice = &entry->notice;

    damaged(zone, notice->kind, 99, "kind");
    damaged(zone, notice->tenant, zone.header->used, "tenant");
    damaged(zone, notice->title_len, NGX_SOPORTE_BOARD_TITLE + 1, "words");
    damaged(zone, notice->message_len, 0xffff, "words");
    damaged(zone, notice->phase, NGX_SOPORTE_PHASES, "phase");
    damaged(zone, notice->progress, 101, "progress");
    damaged(zone, notice->progress, -2, "progress");
    damaged(zone, notice->impact, NGX_SOPORTE_IMPACTS, "impact");
    damaged(zone, notice->status, NGX_SOPORTE_STATUSES, "impact");
    damaged(zone, notice->cause, 99, "impact");
    damaged(zone, entry->next, NGX_SOPORTE_BOARD_ENTRIES + 1, "next");
    damaged(zone, zone.board->all, 0xffffffff, "first");
    damaged(zone, zone.board->updates[7].update.message_len, 721, "update 7");
    damaged(zone, zone.board->updates[7].update.status, 4, "update 7");

    notice->tenant = NGX_SOPORTE_ALL;
    assert_int_equal(checked(&zone), NGX_OK);

    /* half-written: its lock's next owner drops it */

    entry->seq++;
    notice->kind = 99;
    assert_int_equal(checked(&zone), NGX_OK);

    ngx_soporte_zone_close(&zone);
}


/* a damaged file is left where it is found, and begun anew */

static void
begins_anew(void **state)
{
    ngx_soporte_zone_t  zone;

    zone = filled();
    tenant_of(&zone, "t3")->len = 65;
    ngx_soporte_zone_close(&zone);

    zone = zone_open(40);
    assert_true(result.fresh);
    assert_non_null(strstr(result.damage, "key is none"));
    assert_int_equal(zone.header->used, 1);
    assert_int_equal(checked(&zone), NGX_OK);
    ngx_soporte_zone_close(&zone);

    zone = zone_open(40);
    assert_false(result.fresh);
    assert_string_equal(result.damage, "");
    ngx_soporte_zone_close(&zone);
}


/* updates as workers and the leader make them */

static void
gives_slots(ngx_soporte_zone_t *zone)
{
    (void) tenant_of(zone, "new");
    (void) tenant_of(zone, "newer");
}


static void
counts(ngx_soporte_zone_t *zone)
{
    ngx_soporte_tenant_t  *t;

    t = tenant_of(zone, "t5");

    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_HARD, 502, 5000);
    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_GOOD, 200, 5);
}


static void
speaks(ngx_soporte_zone_t *zone)
{
    ngx_soporte_notice_t  notice;

    memset(&notice, 0, sizeof(notice));
    notice.kind = NGX_SOPORTE_BOARD_INCIDENT;
    notice.tenant = 5;
    notice.id[0] = 2;
    notice.version = 1;
    notice.began = NOW;
    notice.updated = NOW;
    notice.progress = -1;
    notice.message_len = 4;
    memcpy(notice.message, "hola", 4);

    (void) ngx_soporte_board_merge(zone, &notice, NOW);
}


static void
seals(ngx_soporte_zone_t *zone)
{
    uint32_t                  life[NGX_SOPORTE_HIST_BUCKETS];
    uint64_t                  bank[NGX_SOPORTE_SLOT_BANKS][4];
    ngx_soporte_tenant_t     *t;
    ngx_soporte_history_t    *h;
    ngx_soporte_judgement_t   down;

    t = tenant_of(zone, "t6");
    h = &t->history;

    memset(bank, 1, sizeof(bank));
    memset(life, 1, sizeof(life));
    memset(&down, 0, sizeof(down));
    down.state = NGX_SOPORTE_STATE_DOWN;
    down.down = 1;

    ngx_soporte_slots_fold(&h->slots, (const uint64_t (*)[4]) bank, NOW / 10,
                           3, 0, 0);
    ngx_soporte_slots_fold(&h->slots, (const uint64_t (*)[4]) bank,
                           NOW / 10 + 20, 3, 0, 0);
    ngx_soporte_hist_fold(&h->hist, life, NOW);
    ngx_soporte_month_turn(h->month, NOW);
    (void) ngx_soporte_month_add(h->month, &down, &down, 100,
                                 NGX_SOPORTE_COUNTED);
    ngx_soporte_month_turn(h->month, NOW + 40 * 86400);
    ngx_soporte_days_minute(&h->days, NOW / 86400, NGX_SOPORTE_STATE_DOWN);
    ngx_soporte_days_outage(&h->days, NOW / 86400 + 2, 17);
    ngx_soporte_outage_begin(&h->outages, NOW);
    (void) ngx_soporte_outage_end(&h->outages, NOW + 17);
}


/*
 * The update in a process that is stopped after each instruction: as if it had
 * been killed there.  Every so many of them the file is looked at.
 */

static void
stepped(void (*update)(ngx_soporte_zone_t *zone), ngx_uint_t each)
{
    int                 status;
    pid_t               pid;
    ngx_uint_t          n, looks;
    ngx_soporte_zone_t  zone;

    zone = filled();
    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        update(&zone);
        _exit(0);
    }

    looks = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);

    for (n = 0; WIFSTOPPED(status); n++) {

        if (n % each == 0) {
            looks++;

            if (checked(&zone) != NGX_OK) {
                kill(pid, SIGKILL);
                fail_msg("after %lu instructions: %s", n, check.text);
            }
        }

        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(looks > 20);
    assert_int_equal(checked(&zone), NGX_OK);

    ngx_soporte_zone_close(&zone);
}


static void
killed_while_it_gives_slots(void **state)
{
    stepped(gives_slots, 7);
}


static void
killed_while_it_counts(void **state)
{
    stepped(counts, 5);
}


static void
killed_while_it_speaks(void **state)
{
    stepped(speaks, 61);
}


static void
killed_while_it_seals(void **state)
{
    stepped(seals, 13);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        zone_test(intact),
        zone_test(damage_of_the_header),
        zone_test(damage_of_chains),
        zone_test(damage_of_slots),
        zone_test(damage_of_the_board),
        zone_test(begins_anew),
        zone_test(killed_while_it_gives_slots),
        zone_test(killed_while_it_counts),
        zone_test(killed_while_it_speaks),
        zone_test(killed_while_it_seals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
