
/*
 * Prevents: tickets delivered out of order or not at all after a crash, one
 * unreadable ticket that stands before all others, a directory that grows
 * until it stops the node, a planted link that we would read or remove.
 */

#include "spool.h"


static void
test_create(void **state)
{
    int          i;
    char         other[PATH_MAX + 16];
    struct stat  st;

    static const char  *dirs[] = {
        "", "tmp", "new", "sending", "dead", "notify"
    };

    for (i = 0; i < 6; i++) {
        assert_int_equal(lstat(path("%s", dirs[i]), &st), 0);
        assert_true(S_ISDIR(st.st_mode));
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(st.st_uid, geteuid());
    }

    /* again, after somebody opened a door */

    assert_int_equal(chmod(path("new"), 0755), 0);
    assert_null(ngx_soporte_spool_open(&conf, &err));
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_DENIED);
    assert_int_equal(ngx_soporte_spool_create(root, (uid_t) -1, (gid_t) -1,
                                              &err), NGX_OK);
    assert_int_equal(lstat(path("new"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);

    /* links, files, and what is somebody else's */

    assert_int_equal(rmdir(path("new")), 0);
    (void) snprintf(other, sizeof(other), "%s/victim", root);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(symlink(other, path("new")), 0);
    assert_int_equal(ngx_soporte_spool_create(root, geteuid(), getegid(),
                                              &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_DENIED);
    assert_null(ngx_soporte_spool_open(&conf, &err));
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_DENIED);

    assert_int_equal(lstat(other, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);

    assert_int_equal(unlink(path("new")), 0);
    write_file(path("new"), "x");
    assert_int_equal(ngx_soporte_spool_create(root, geteuid(), getegid(),
                                              &err), NGX_ERROR);

    (void) snprintf(other, sizeof(other), "%s/other", root);

    if (geteuid() == 0) {
        assert_int_equal(mkdir(other, 0700), 0);
        assert_int_equal(chown(other, 65534, 65534), 0);

    } else {
        (void) strcpy(other, "/usr");
    }

    assert_int_equal(ngx_soporte_spool_create(other, geteuid(), getegid(),
                                              &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_DENIED);

    (void) snprintf(other, sizeof(other), "%s/none/below", root);
    assert_int_equal(ngx_soporte_spool_create(other, geteuid(), getegid(),
                                              &err), NGX_ERROR);
    assert_int_equal(err.sys, ENOENT);
}


static void
test_claim_order(void **state)
{
    u_char                      v8[16];
    unsigned                    i;
    ngx_soporte_spool_batch_t   b;

    /* 301 in a shuffled order; one is a UUIDv8 and has its directory's time */

    for (i = 0; i < 300; i++) {
        assert_int_equal(put(uuid(1700000000000 + (i * 77) % 300 * 1000, i,
                                  7)), NGX_OK);
    }

    ngx_memcpy(v8, uuid(0xffffffffffff, 1, 8), 16);
    assert_int_equal(put(v8), NGX_OK);
    age(path("new/%s", name(v8)), time(NULL) - 1700000000 - 150);

    assert_int_equal(mkdir(path("new/not-an-id"), 0700), 0);
    assert_int_equal(mkdir(path("new/0190A000-0000-7000-8000-000000000001"),
                           0700), 0);

    for (i = 0; i < 301; /* void */ ) {
        b = claim(64, 262144);
        assert_int_equal(b.n, ngx_min(64, 301 - i));
        assert_int_equal(b.nold, 0);
        assert_int_equal(entries("sending"), b.n);

        if (i == 128) {
            assert_memory_equal(b.tickets[23].id, v8, 16);
        }

        finish(&b);
        i += b.n;
    }

    b = claim(64, 262144);
    assert_int_equal(b.n, 0);
    assert_spool(2, 0, 0);
}


static void
test_claim_limits(void **state)
{
    u_char                     *id;
    unsigned                    i;
    ngx_str_t                   json;
    ngx_soporte_spool_batch_t   b;

    json.len = 1000;
    json.data = ngx_soporte_alloc(mem, NGX_SOPORTE_SPOOL_JSON_MAX + 1);
    memset(json.data, ' ', NGX_SOPORTE_SPOOL_JSON_MAX + 1);

    for (i = 0; i < 10; i++) {
        id = uuid(1700000000000 + i, i, 7);
        json.len = (i == 5) ? NGX_SOPORTE_SPOOL_JSON_MAX : 1000;
        assert_int_equal(ngx_soporte_spool_put(sp, id, &json, NULL, 0, 0,
                                               &err), NGX_OK);
    }

    json.len = NGX_SOPORTE_SPOOL_JSON_MAX + 1;
    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, NULL, 0, 0, &err),
                     NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_INVALID);

    b = claim(128, 3000);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.bytes, 3000);
    finish(&b);

    b = claim(128, 2999);
    assert_int_equal(b.n, 2);
    finish(&b);

    /* the large one alone, though it is over the limit */

    b = claim(128, 3000);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.tickets[0].json.len, NGX_SOPORTE_SPOOL_JSON_MAX);
    finish(&b);

    /* left by a leader that died: they come first, by another process */

    b = claim(2, 3000);
    assert_int_equal(b.n, 2);
    reopen();

    b = claim(128, 3000);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.nold, 2);
    assert_int_equal(ngx_soporte_spool_back(sp, b.tickets[2].id, &err),
                     NGX_OK);
    assert_int_equal(ngx_soporte_spool_back(sp, b.tickets[2].id, &err),
                     NGX_ERROR);
    assert_int_equal(ngx_soporte_spool_done(sp, b.tickets[0].id, &err),
                     NGX_OK);
    assert_int_equal(ngx_soporte_spool_done(sp, b.tickets[0].id, &err),
                     NGX_OK);
    assert_int_equal(ngx_soporte_spool_sweep(sp, &err), 1);
    assert_spool(2, 1, 0);

    flags[0] = 1;
    assert_int_equal(ngx_soporte_spool_claim(sp, mem, 1, 1, &b, &err), NGX_OK);
    assert_int_equal(b.n, 1);
    assert_int_equal(ngx_soporte_spool_done(sp, b.tickets[0].id, &err),
                     NGX_OK);
    assert_int_equal(ngx_soporte_spool_claim(sp, mem, 1, 1, &b, &err),
                     NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_STOPPED);

    /* a graceful exit still takes the tickets of those who wait */

    assert_int_equal(put(uuid(1700000000000, 99, 7)), NGX_OK);
}


static void
test_delivered(void **state)
{
    ngx_uint_t                  i, j, n;
    ngx_soporte_spool_batch_t   b;

    /* to remove takes longer than to deliver: a few hundred at a time */

    for (i = 0; i < 300; i++) {
        assert_int_equal(put(uuid(1700000000000 + i, i, 7)), NGX_OK);
    }

    for (n = 0; n < 300; n += b.n) {
        b = claim(128, 1 << 20);
        assert_int_equal(b.more, 0);

        for (j = 0; j < b.n; j++) {
            assert_int_equal(ngx_soporte_spool_done(sp, b.tickets[j].id, &err),
                             NGX_OK);
        }
    }

    b = claim(128, 1 << 20);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.more, 1);

    b = claim(128, 1 << 20);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.more, 0);
    assert_spool(0, 0, 0);
    assert_int_equal(used, 0);
}


static void
test_dead(void **state)
{
    FILE                       *f;
    u_char                     *id;
    char                        line[64];
    ngx_soporte_spool_batch_t   b;

    id = uuid(1700000000000, 1, 7);

    assert_int_equal(put(id), NGX_OK);
    b = claim(1, 1);
    assert_int_equal(b.n, 1);
    assert_int_equal(ngx_soporte_spool_dead(sp, id, "bad:22P02", &err),
                     NGX_OK);

    f = fopen(path("dead/%s/reason", name(id)), "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    assert_string_equal(line, "bad:22P02\n");
    (void) fclose(f);

    /* a twin of the same id, sent by another process while this one died */

    assert_int_equal(mkdir(path("sending/%s", name(id)), 0700), 0);
    write_file(path("sending/%s/ticket.json", name(id)), "{}");
    assert_int_equal(ngx_soporte_spool_dead(sp, id, "conflict", &err), NGX_OK);
    assert_spool(0, 0, 2);
    assert_int_equal(access(path("dead/%s.1/reason", name(id)), F_OK), 0);
    assert_int_equal(access(path("dead/%s.1/ticket.json", name(id)), F_OK), 0);

    assert_int_equal(ngx_soporte_spool_dead(sp, id, "gone", &err), NGX_ERROR);
    assert_int_equal(err.sys, ENOENT);
}


/* nothing that was planted is read, followed or waited for */

static void
test_planted(void **state)
{
    int                         i;
    u_char                     *id;
    char                        victim[PATH_MAX + 64], link[PATH_MAX + 64];
    ngx_str_t                   json;
    ngx_soporte_spool_batch_t   b;

    (void) snprintf(victim, sizeof(victim), "%s/victim", root);
    assert_int_equal(mkdir(victim, 0700), 0);
    (void) snprintf(link, sizeof(link), "%s/victim/ticket.json", root);
    write_file(link, "{\"secret\":1}");
    age(link, 100);

    /* 0: a ticket is a link; 1: its JSON is; 2: a fifo; 3: a directory;
       4: empty; 5: none; 6: too long; 7: an attachment is a link */

    for (i = 0; i < 8; i++) {
        id = uuid(1700000000000 + i, i, 7);

        if (i == 0) {
            assert_int_equal(symlink(victim, path("new/%s", name(id))), 0);
            continue;
        }

        assert_int_equal(mkdir(path("new/%s", name(id)), 0700), 0);

        if (i == 1) {
            assert_int_equal(symlink(link, path("new/%s/ticket.json",
                                                name(id))), 0);
        } else if (i == 2) {
            assert_int_equal(mkfifo(path("new/%s/ticket.json", name(id)),
                                    0600), 0);
        } else if (i == 3) {
            assert_int_equal(mkdir(path("new/%s/ticket.json", name(id)),
                                   0700), 0);
        } else if (i == 4) {
            write_file(path("new/%s/ticket.json", name(id)), "");

        } else if (i == 5) {
            write_file(path("new/%s/a1.bin", name(id)), "x");

        } else if (i == 6) {
            write_file(path("new/%s/ticket.json", name(id)), "x");
            assert_int_equal(truncate(path("new/%s/ticket.json", name(id)),
                                      NGX_SOPORTE_SPOOL_JSON_MAX + 1), 0);
        } else {
            write_file(path("new/%s/ticket.json", name(id)), "{}");
            assert_int_equal(symlink(link, path("new/%s/a1.bin", name(id))),
                             0);
        }
    }

    for (i = 0; i < 7; i++) {
        id = uuid(1700000000000 + i, i, 7);
        assert_int_not_equal(ngx_soporte_spool_find(sp, id, mem, &json, NULL,
                                                    &err), NGX_OK);
    }

    b = claim(128, 262144);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.ndead, 7);
    assert_int_equal(b.tickets[0].nfiles, 0);
    assert_int_equal(ngx_soporte_spool_read(sp, b.tickets[0].id, "a1.bin", 0,
                     json.data = ngx_soporte_alloc(mem, 64), 64, &err), -1);
    finish(&b);
    assert_int_equal(entries("dead"), 7);

    /* sweeping removes the link and not what it shows */

    assert_int_equal(symlink(victim, path("tmp/x")), 0);
    age(path("tmp/x"), 100);
    assert_int_equal(ngx_soporte_spool_sweep(sp, &err), 1);
    assert_spool(0, 0, 7);
    assert_int_equal(access(link, F_OK), 0);

    /* a link that waits where the next ticket is to be renamed to */

    id = uuid(1700000000000, 50, 7);
    assert_int_equal(symlink(victim, path("new/%s", name(id))), 0);
    assert_int_equal(put(id), NGX_DECLINED);
    assert_int_equal(access(link, F_OK), 0);
}


static void
test_sweep(void **state)
{
    u_char                     *id;
    ngx_str_t                   json;
    ngx_soporte_spool_batch_t   b;

    assert_int_equal(mkdir(path("tmp/old.1.0"), 0700), 0);
    write_file(path("tmp/old.1.0/ticket.json"), "{");
    write_file(path("tmp/old.1.0/a1.bin"), "x");
    age(path("tmp/old.1.0"), 62);
    assert_int_equal(mkdir(path("tmp/young.1.0"), 0700), 0);
    age(path("tmp/young.1.0"), 50);

    id = uuid(1700000000000, 1, 7);
    json = body(id);
    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, NULL, 0, 1, &err),
                     NGX_OK);
    id = uuid(1700000000000, 2, 7);
    json = body(id);
    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, NULL, 0, 1, &err),
                     NGX_OK);
    age(path("notify/%s.json", name(id)), 8 * 86400);

    assert_int_equal(ngx_soporte_spool_sweep(sp, &err), 2);
    assert_int_equal(entries("tmp"), 1);
    assert_int_equal(entries("notify"), 1);
    assert_int_equal(entries("new"), 2);

    /* what was delivered is removed when there is nothing else to do */

    b = claim(2, 262144);
    assert_int_equal(b.n, 2);
    used = 8192 + 100;
    assert_int_equal(ngx_soporte_spool_done(sp, b.tickets[0].id, &err),
                     NGX_OK);
    assert_int_equal(entries("tmp"), 2);
    b = claim(2, 262144);
    assert_int_equal(b.n, 1);
    assert_int_equal(entries("tmp"), 2);
    assert_int_equal(used, 8192 + 100);
    assert_int_equal(ngx_soporte_spool_done(sp, b.tickets[0].id, &err),
                     NGX_OK);
    b = claim(2, 262144);
    assert_int_equal(b.n, 0);
    assert_int_equal(entries("tmp"), 1);
    assert_int_equal(entries("sending"), 0);

    /* more was given back than had been counted: nothing, and not 2^64 */

    assert_int_equal(used, 0);
}


static uint64_t
cpu_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
test_many(void **state)
{
    u_char                     *id;
    unsigned                    i, n;
    uint64_t                    start;
    ngx_soporte_spool_stat_t    st;
    ngx_soporte_spool_batch_t   b;

    /* in a shuffled order; only the oldest have a ticket inside */

    for (n = 0; n < 100000; n++) {
        i = (uint64_t) n * 77777 % 100000;
        id = uuid(1700000000000 + i, i, 7);
        assert_int_equal(mkdir(path("new/%s", name(id)), 0700), 0);

        if (i < 300) {
            write_file(path("new/%s/ticket.json", name(id)), "{}");
        }
    }

    start = cpu_ms();
    assert_int_equal(ngx_soporte_spool_stat(sp, 200000, 0, &st, &err), NGX_OK);
    assert_int_equal(st.count[NGX_SOPORTE_SPOOL_NEW], 100000);
    assert_int_equal(st.oldest, 1700000000000);
    assert_int_equal(st.more, 0);
    assert_in_range(cpu_ms() - start, 0, 2000);

    assert_int_equal(ngx_soporte_spool_stat(sp, 1000, 1, &st, &err), NGX_OK);
    assert_int_equal(st.count[NGX_SOPORTE_SPOOL_NEW], 1000);
    assert_int_equal(st.more, 1);

    flags[0] = 1;
    assert_int_equal(ngx_soporte_spool_stat(sp, 1000, 1, &st, &err),
                     NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_STOPPED);
    flags[0] = 0;

    /* oldest first, and the directory is read once for thousands of them */

    start = cpu_ms();

    for (i = 0; i < 256; i += b.n) {
        b = claim(128, 262144);
        assert_int_equal(b.n, 128);

        for (n = 0; n < b.n; n++) {
            assert_memory_equal(b.tickets[n].id,
                                uuid(1700000000000 + i + n, i + n, 7), 16);
        }

        finish(&b);
    }

    assert_in_range(cpu_ms() - start, 0, 3000);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

    const struct CMUnitTest  tests[] = {
        T(test_create),
        T(test_claim_order),
        T(test_claim_limits),
        T(test_delivered),
        T(test_dead),
        T(test_planted),
        T(test_sweep),
        T(test_many)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
