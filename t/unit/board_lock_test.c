
/*
 * Prevents a tenant that stays closed, or opens, because the process that said
 * so died, hung or was interrupted; and a page with half of two notices.
 */

#include "board.h"

#include <pthread.h>


/* died with the lock, its notice half-written, nothing published */

static void
die_in_the_middle(ngx_soporte_zone_t *z)
{
    ngx_soporte_entry_t  *entry;

    pthread_mutex_lock(&z->board->lock);

    entry = &z->board->entries[0];
    entry->seq++;
    entry->next = 3;
    entry->notice.title_len = 40000;
    entry->notice.tenant = ALL;
    z->board->all = 1;
}


static void
the_holder_died(void **state)
{
    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "torn"), NGX_OK);
    assert_int_equal(put(MAINTENANCE,
                         ngx_soporte_tenant_index(&zone, beta), NOW, "whole"),
                     NGX_OK);

    killed_after(die_in_the_middle, &zone);

    /* until somebody writes, the gate goes on as it was told, without words */

    assert_string_equal(shown(acme), "maintenance");
    assert_string_equal(shown(beta), "maintenance whole");

    /* the next one has the lock at once, and the torn notice is no more */

    assert_int_equal(put(RESTORE, ngx_soporte_tenant_index(&zone, beta), NOW,
                         "next"), NGX_OK);
    assert_string_equal(shown(acme), "open");
    assert_string_equal(shown(beta), "restore next");

    killed_after(die_in_the_middle, &zone);
    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "again"), NGX_OK);
    assert_string_equal(shown(acme), "maintenance again");
}


/* a holder that hangs: who writes is told to come again, who reads goes on */

static int  told[2];
static int  done[2];


static void
hold(ngx_soporte_zone_t *z)
{
    char  c;

    pthread_mutex_lock(&z->board->lock);
    z->board->entries[0].seq++;

    (void) !write(told[1], "x", 1);
    (void) !read(done[0], &c, 1);

    z->board->entries[0].seq++;
    pthread_mutex_unlock(&z->board->lock);
    _exit(0);
}


static void
the_holder_hangs(void **state)
{
    char      c;
    pid_t     pid;
    uint64_t  began;

    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "first"), NGX_OK);
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(done), 0);

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        hold(&zone);
    }

    assert_int_equal(read(told[0], &c, 1), 1);

    began = milliseconds();
    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "second"), NGX_BUSY);
    assert_int_equal(put(RESTORE, acme_slot, NOW, "third"), NGX_BUSY);
    assert_true(milliseconds() - began >= 40);
    assert_true(milliseconds() - began < 1000);

    began = milliseconds();
    assert_string_equal(shown(acme), "maintenance");
    assert_string_equal(shown(beta), "open");
    assert_true(milliseconds() - began < 100);

    assert_int_equal(write(done[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    assert_int_equal(put(MAINTENANCE, acme_slot, NOW, "third"), NGX_OK);
    assert_string_equal(shown(acme), "maintenance third");

    close(told[0]);
    close(told[1]);
    close(done[0]);
    close(done[1]);
}


/* every byte of a notice is the same letter, or it is half of two */

static ngx_atomic_t  stop;
static ngx_atomic_t  seen;
static ngx_atomic_t  torn;


static void *
reader(void *data)
{
    size_t                i;
    ngx_soporte_notice_t  notice;

    while (!stop) {
        if (ngx_soporte_board_read(&zone, acme, &notice) != NGX_OK) {
            continue;
        }

        __sync_fetch_and_add(&seen, 1);

        for (i = 1; i < sizeof(notice.message); i++) {
            if (notice.message[i] != notice.message[0]) {
                __sync_fetch_and_add(&torn, 1);
                break;
            }
        }
    }

    return NULL;
}


static void
never_half_of_two(void **state)
{
    uint64_t              began;
    pthread_t             threads[2];
    ngx_uint_t            i;
    ngx_soporte_notice_t  notice;

    notice = notice_of(MAINTENANCE, acme_slot, NOW, "same");
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);

    for (i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, reader, NULL), 0);
    }

    began = milliseconds();

    for (i = 0; milliseconds() - began < 300 || seen < 1000; i++) {
        memset(notice.message, 'a' + i % 26, sizeof(notice.message));
        notice.version = ++version;
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    }

    stop = 1;

    for (i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }

    assert_int_equal(torn, 0);
}


/* a tenant that appears while all are closed, or opened, is as all are */

#define ROUNDS  4000

static pthread_barrier_t      barrier;
static ngx_soporte_tenant_t  *appeared;


static void *
appear(void *data)
{
    char                key[16];
    ngx_uint_t          i;
    ngx_soporte_zone_t  mine;

    mine = zone;

    for (i = 0; i < ROUNDS; i++) {
        snprintf(key, sizeof(key), "k%lu", i);

        pthread_barrier_wait(&barrier);
        appeared = tenant_of(&mine, key);
        pthread_barrier_wait(&barrier);
    }

    return NULL;
}


static void
appears_meanwhile(void **state)
{
    pthread_t   thread;
    ngx_int_t   rc;
    ngx_uint_t  i, gate;

    ngx_soporte_zone_close(&zone);
    zone = zone_open(ROUNDS);

    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, appear, NULL), 0);

    for (i = 0; i < ROUNDS; i++) {
        gate = (i & 1) ? NGX_SOPORTE_GATE_OPEN : NGX_SOPORTE_GATE_MAINTENANCE;

        pthread_barrier_wait(&barrier);
        rc = (i & 1) ? clear(MAINTENANCE, ALL)
                     : put(MAINTENANCE, ALL, NOW, "all");
        pthread_barrier_wait(&barrier);

        if (rc != NGX_OK || appeared->gate != gate) {
            fail_msg("round %lu: %ld, gate %u", i, rc, appeared->gate);
        }
    }

    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        board_test(the_holder_died),
        board_test(the_holder_hangs),
        board_test(never_half_of_two),
        board_test(appears_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
