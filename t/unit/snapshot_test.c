
/*
 * Prevents a reboot that begins with a torn or foreign snapshot, or with none
 * although the one before was whole.
 */

#include "test.h"

#include "ngx_soporte_snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


static char                        dir[PATH_MAX];
static char                        path[PATH_MAX + 16];
static ngx_str_t                   data;
static ngx_soporte_snapshot_err_t  err;


static int
setup(void **state)
{
    snprintf(dir, sizeof(dir), "/tmp/soporte-unit-XXXXXX");

    if (mkdtemp(dir) == NULL) {
        return -1;
    }

    snprintf(path, sizeof(path), "%s/snapshot", dir);

    return 0;
}


static int
teardown(void **state)
{
    (void) unlink(path);
    (void) rmdir(path);

    return rmdir(dir);
}


static ngx_int_t
put(const char *text, size_t announced)
{
    ngx_soporte_snapshot_t  *sn;

    sn = ngx_soporte_snapshot_begin(dir, announced, (uid_t) -1, (gid_t) -1,
                                    &err);
    if (sn == NULL) {
        return NGX_ERROR;
    }

    while (*text) {
        if (ngx_soporte_snapshot_write(sn, (u_char *) text++, 1, &err)
            != NGX_OK)
        {
            ngx_soporte_snapshot_drop(sn);
            return NGX_ERROR;
        }
    }

    return ngx_soporte_snapshot_end(sn, &err);
}


static void
is(const char *text)
{
    assert_int_equal(ngx_soporte_snapshot_read(dir, (uid_t) -1, &data, &err),
                     NGX_OK);
    assert_int_equal(data.len, strlen(text));
    assert_memory_equal(data.data, text, data.len);
    free(data.data);
}


static ngx_uint_t
files(void)
{
    DIR         *d;
    ngx_uint_t   n;

    d = opendir(dir);

    for (n = 0; readdir(d) != NULL; n++) { /* void */ }

    closedir(d);

    return n - 2;
}


static void
whole(void **state)
{
    struct stat  st;

    assert_int_equal(ngx_soporte_snapshot_read(dir, (uid_t) -1, &data, &err),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_snapshot_read("/nonexistent", (uid_t) -1,
                                               &data, &err), NGX_DECLINED);

    assert_int_equal(put("one", 3), NGX_OK);
    is("one");
    assert_int_equal(put("another", 7), NGX_OK);
    is("another");
    assert_int_equal(put("", 0), NGX_OK);
    is("");

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(files(), 1);
}


static void
not_whole(void **state)
{
    struct rlimit  limit, none;

    assert_int_equal(put("one", 3), NGX_OK);

    assert_int_equal(put("two", 4), NGX_ERROR);
    is("one");
    assert_int_equal(put("two", 2), NGX_ERROR);
    is("one");

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none = limit;
    none.rlim_cur = 18;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(put("three", 5), NGX_ERROR);
    assert_int_equal(err.sys, EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_DFL);

    is("one");
    assert_int_equal(files(), 1);

    assert_null(ngx_soporte_snapshot_begin("/nonexistent", 1, (uid_t) -1,
                                           (gid_t) -1, &err));
    assert_int_equal(err.sys, ENOENT);
}


/* what a writer that was killed leaves goes with the next one */

static void
killed(void **state)
{
    int    status;
    pid_t  pid;

    assert_int_equal(put("one", 3), NGX_OK);

    pid = fork();

    if (pid == 0) {
        (void) ngx_soporte_snapshot_begin(dir, 9, (uid_t) -1, (gid_t) -1,
                                          &err);
        kill(getpid(), SIGKILL);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(files(), 2);
    is("one");

    assert_int_equal(put("two", 3), NGX_OK);
    assert_int_equal(files(), 1);
    is("two");
}


static void
spoil(off_t at, const char *bytes, size_t len)
{
    int  fd;

    fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    close(fd);
}


static void
flip(off_t at)
{
    int   fd;
    char  c;

    fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    close(fd);

    c ^= 1;
    spoil(at, &c, 1);
}


static void
refused(const char *why)
{
    if (ngx_soporte_snapshot_read(dir, (uid_t) -1, &data, &err) != NGX_ERROR)
    {
        fail_msg("not refused: %s", why);
    }

    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" is not \"%s\"", err.text, why);
    }
}


static void
torn_or_foreign(void **state)
{
    off_t        i;
    struct stat  st;

    assert_int_equal(put("one two three", 13), NGX_OK);
    assert_int_equal(stat(path, &st), 0);

    /* each byte counts */

    for (i = 0; i < st.st_size; i++) {
        assert_int_equal(put("one two three", 13), NGX_OK);
        flip(i);
        refused("");
    }

    for (i = 0; i < st.st_size; i++) {
        assert_int_equal(put("one two three", 13), NGX_OK);
        assert_int_equal(truncate(path, i), 0);
        refused("torn");
    }

    assert_int_equal(put("one two three", 13), NGX_OK);
    spoil(0, "SQLite format 3", 15);
    refused("not a snapshot");

    assert_int_equal(put("one two three", 13), NGX_OK);
    assert_int_equal(chmod(path, 0644), 0);
    refused("open to others");
    assert_int_equal(unlink(path), 0);

    assert_int_equal(symlink("/etc/passwd", path), 0);
    refused("open()");
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    refused("somebody else");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(whole, setup, teardown),
        cmocka_unit_test_setup_teardown(not_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(killed, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_or_foreign, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
