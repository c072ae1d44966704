
/*
 * Prevents: a directory of backups that is misread or holds a thread for
 * long: links, loops, no rights, a hundred thousand files.
 */

#include "test.h"
#include "ngx_soporte_backups.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define NOW  1795752000LL                    /* 2026-11-27 04:00 UTC */

static char  top[64];


static void
put(const char *name, int64_t age, off_t size)
{
    int              fd;
    char             path[300];
    struct timespec  ts[2];

    (void) snprintf(path, sizeof(path), "%s/%s", top, name);

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    assert_true(fd != -1);
    assert_int_equal(ftruncate(fd, size), 0);

    ts[0].tv_sec = NOW - age;
    ts[0].tv_nsec = 0;
    ts[1] = ts[0];
    assert_int_equal(futimens(fd, ts), 0);
    close(fd);
}


static ngx_soporte_backups_t *
look(const char *path)
{
    static ngx_soporte_backups_t  result;

    assert_int_equal(ngx_soporte_backups_read(path ? path : top, NOW, NULL,
                                              &result), NGX_OK);
    return &result;
}


static int
setup(void **state)
{
    (void) snprintf(top, sizeof(top), "%s/backups_test.XXXXXX",
                    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");

    return mkdtemp(top) == NULL;
}


static int
teardown(void **state)
{
    char  command[128];

    (void) snprintf(command, sizeof(command), "rm -rf %s", top);

    return system(command);
}


static void
read_by_name(void **state)
{
    char                    path[128];
    ngx_soporte_backups_t  *r;

    assert_int_equal(look(NULL)->part[0].at, 0);

    put("20261127_030000-a_mx-database.sql.gz", 3600, 70000);
    put("20261127_030000-a_mx-files.tar", 3500, 30000);
    put("20261127_030000-a_mx-private-files.tar", 3400, 10240);
    put("20261126_030000-a_mx-database.sql.gz", 90000, 69000);
    put("README", 1, 1);

    r = look(NULL);
    assert_int_equal(r->err, 0);
    assert_int_equal(r->part[0].at, NOW - 3600);
    assert_int_equal(r->part[0].bytes, 70000);
    assert_int_equal(r->part[0].before, NOW - 90000);
    assert_int_equal(r->part[0].before_bytes, 69000);
    assert_int_equal(r->part[1].at, NOW - 3400);
    assert_int_equal(r->part[1].bytes, 40240);
    assert_int_equal(r->part[1].before, 0);

    /* what is no file: a folder, a loop, a link to nowhere */

    (void) snprintf(path, sizeof(path),
                    "%s/20261127_035000-a_mx-database.sql.gz", top);
    assert_int_equal(mkdir(path, 0700), 0);
    (void) snprintf(path, sizeof(path),
                    "%s/20261127_035100-a_mx-database.sql.gz", top);
    assert_int_equal(symlink("20261127_035100-a_mx-database.sql.gz", path),
                     0);
    (void) snprintf(path, sizeof(path),
                    "%s/20261127_035200-a_mx-database.sql.gz", top);
    assert_int_equal(symlink("/nowhere", path), 0);

    assert_int_equal(look(NULL)->part[0].at, NOW - 3600);

    /* a link to a file on another disk is one */

    (void) snprintf(path, sizeof(path),
                    "%s/20261127_030500-a_mx-database.sql.gz", top);
    assert_int_equal(symlink("20261127_030000-a_mx-database.sql.gz", path),
                     0);
    assert_int_equal(look(NULL)->part[0].before, NOW - 3600);
}


static void
not_to_be_read(void **state)
{
    char  path[128];

    (void) snprintf(path, sizeof(path), "%s/loop", top);
    assert_int_equal(symlink("loop", path), 0);
    assert_int_equal(look(path)->err, ELOOP);
    assert_int_equal(look(path)->part[0].at, 0);

    (void) snprintf(path, sizeof(path), "%s/nowhere", top);
    assert_int_equal(look(path)->err, ENOENT);

    (void) snprintf(path, sizeof(path), "%s/README", top);
    assert_int_equal(look(path)->err, ENOTDIR);

    if (geteuid() == 0) {
        (void) snprintf(path, sizeof(path), "%s/closed", top);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_int_equal(look(path)->err, EACCES);
        assert_int_equal(seteuid(0), 0);
    }
}


static void
a_hundred_thousand(void **state)
{
    int                     i, fd;
    char                    name[128];
    double                  ms;
    struct timespec         a, b;
    ngx_soporte_backups_t   result;
    volatile sig_atomic_t   on = 1, off = 0, *stop[2] = { &off, &on };

    for (i = 0; i < 100000; i++) {
        (void) snprintf(name, sizeof(name),
                        "%s/%04d%02d%02d_%02d%02d%02d-a_mx-%s", top,
                        2000 + i / 10000, 1 + i % 10, 1 + i / 10 % 28,
                        i / 280 % 24, i % 60, i / 60 % 60,
                        i % 3 ? "database.sql.gz" : "files.tar");
        fd = open(name, O_WRONLY|O_CREAT, 0600);
        assert_true(fd != -1);
        close(fd);
    }

    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_int_equal(look(NULL)->part[0].at, NOW - 3600);
    clock_gettime(CLOCK_MONOTONIC, &b);

    ms = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;
    print_message("100,000 files: %.0f ms\n", ms);

    /* a worker that exits is not held up */

    assert_int_equal(ngx_soporte_backups_read(top, NOW, stop, &result),
                     NGX_ABORT);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(read_by_name),
        cmocka_unit_test(not_to_be_read),
        cmocka_unit_test(a_hundred_thousand)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
