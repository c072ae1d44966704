
/*
 * Prevents: a ticket acknowledged before it was durable, lost by a crash,
 * half-kept after an error, or stored twice.
 *
 * The calls that make a ticket durable are interposed here, so that their
 * order is seen, each of them can fail, and a slow disk is one line.
 */

#include "spool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>


#define THREADS  32


/* the interposed calls: a journal, the one to fail, a slow new/ */

static char                       journal[4096];
static ngx_uint_t                 fail_at;       /* n-th fsync, 0: none */
static ngx_uint_t                 fail_new;      /* every fsync of new/ */
static ngx_uint_t                 slow_new;      /* us */
static ngx_uint_t                 nsyncs;
static ngx_atomic_t               clock_;        /* of the group test */
static ngx_atomic_t               synced;        /* began the last good one */
static __thread ngx_atomic_uint_t renamed;       /* of this thread's rename */


static void
note(const char *what, const char *name)
{
    size_t  len;

    len = strlen(journal);
    (void) snprintf(journal + len, sizeof(journal) - len, "%s %s\n", what,
                    name);
}


/* the last part of a descriptor's path, an id shown as "ID" */

static const char *
last(int fd)
{
    static __thread char  path[PATH_MAX];

    char      link[64], *p;
    ssize_t   n;

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    p = strrchr(path, '/');

    return (p && strlen(p + 1) >= 36 && p[9] == '-') ? "ID" : p ? p + 1 : path;
}


int
fsync(int fd)
{
    ngx_uint_t         new, n;
    ngx_atomic_uint_t  began;

    new = strcmp(last(fd), "new") == 0;

    if (!slow_new) {
        note("fsync", last(fd));
    }

    n = ngx_atomic_fetch_add(&nsyncs, 1) + 1;
    began = ngx_atomic_fetch_add(&clock_, 1);

    if (new && slow_new) {
        (void) usleep(slow_new);
    }

    if (n == fail_at || (new && fail_new)) {
        errno = EIO;
        return -1;
    }

    if (syscall(SYS_fsync, fd) == -1) {
        return -1;
    }

    if (new) {
        /* one at a time: a later one never began earlier */

        __atomic_store_n(&synced, began, __ATOMIC_SEQ_CST);
    }

    return 0;
}


int
renameat(int from, const char *old, int to, const char *new)
{
    if (!slow_new) {
        note("rename", last(to));
    }

    if (syscall(SYS_renameat2, from, old, to, new, 0) == -1) {
        return -1;
    }

    renamed = ngx_atomic_fetch_add(&clock_, 1);

    return 0;
}


/* on a real disk, where an fsync means something */

static int
setup_disk(void **state)
{
    fail_at = fail_new = slow_new = nsyncs = 0;

    if (setup_in("/tmp") != 0) {
        return -1;
    }

    journal[0] = '\0';

    return 0;
}


static int
setup_memory(void **state)
{
    fail_at = fail_new = slow_new = nsyncs = 0;

    return setup(state);
}


static void
test_order(void **state)
{
    u_char                     *id;
    ngx_str_t                   json;
    struct stat                 st;
    ngx_soporte_spool_file_t    file;

    id = uuid(1700000000000, 1, 7);
    json = body(id);

    memset(&file, 0, sizeof(file));
    file.name = "a1.png";
    file.data = (u_char *) "png";
    file.len = 3;

    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, &file, 1, 1, &err),
                     NGX_OK);
    assert_string_equal(journal, "fsync a1.png\n"
                                 "fsync ticket.json\n"
                                 "fsync ID\n"
                                 "rename new\n"
                                 "fsync new\n");

    assert_int_equal(lstat(path("new/%s", name(id)), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(lstat(path("new/%s/a1.png", name(id)), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(lstat(path("notify/%s.json", name(id)), &st), 0);
    assert_int_equal(st.st_nlink, 2);
    assert_spool(1, 0, 0);
    assert_int_equal(entries("notify"), 1);

    /* "exists already" is said after an fsync as well: it may be too young */

    journal[0] = '\0';
    assert_int_equal(put(id), NGX_DECLINED);
    assert_string_equal(journal, "fsync new\n");
}


static void
test_exists(void **state)
{
    u_char                     *id;
    ngx_str_t                   json, other;
    ngx_soporte_spool_dir_e     where;
    ngx_soporte_spool_batch_t   b;

    id = uuid(1700000000000, 1, 7);
    ngx_str_set(&other, "{\"other\":1}");

    assert_int_equal(ngx_soporte_spool_find(sp, id, mem, &json, &where, &err),
                     NGX_DECLINED);
    assert_int_equal(put(id), NGX_OK);

    assert_int_equal(ngx_soporte_spool_put(sp, id, &other, NULL, 0, 1, &err),
                     NGX_DECLINED);
    assert_int_equal(entries("notify"), 0);
    assert_int_equal(ngx_soporte_spool_find(sp, id, mem, &json, &where, &err),
                     NGX_OK);
    assert_int_equal(where, NGX_SOPORTE_SPOOL_NEW);
    assert_int_equal(json.len, body(id).len);
    assert_memory_equal(json.data, body(id).data, json.len);

    b = claim(128, 262144);
    assert_int_equal(b.n, 1);
    assert_int_equal(ngx_soporte_spool_put(sp, id, &other, NULL, 0, 0, &err),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_spool_find(sp, id, mem, &json, &where, &err),
                     NGX_OK);
    assert_int_equal(where, NGX_SOPORTE_SPOOL_SENDING);

    assert_int_equal(ngx_soporte_spool_dead(sp, id, "bad:22P02", &err),
                     NGX_OK);
    assert_int_equal(ngx_soporte_spool_put(sp, id, &other, NULL, 0, 0, &err),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_spool_find(sp, id, mem, &json, &where, &err),
                     NGX_OK);
    assert_int_equal(where, NGX_SOPORTE_SPOOL_DEAD);
    assert_memory_equal(json.data, body(id).data, json.len);
    assert_spool(0, 0, 1);
}


/* each fsync fails in its turn: an error, nothing kept, no second try */

static void
test_failed_fsync(void **state)
{
    int                        i;
    u_char                    *id;
    ngx_str_t                  json;
    ngx_soporte_spool_file_t   file;

    static const char  *journals[] = {
        "fsync a1.png\n",
        "fsync a1.png\nfsync ticket.json\n",
        "fsync a1.png\nfsync ticket.json\nfsync ID\n",
        ("fsync a1.png\nfsync ticket.json\nfsync ID\nrename new\nfsync new\n"
         "rename tmp\n")
    };

    memset(&file, 0, sizeof(file));
    file.name = "a1.png";
    file.data = (u_char *) "png";
    file.len = 3;

    for (i = 0; i < 4; i++) {
        id = uuid(1700000000000, i, 7);
        json = body(id);
        nsyncs = 0;
        fail_at = i + 1;
        journal[0] = '\0';

        assert_int_equal(ngx_soporte_spool_put(sp, id, &json, &file, 1, 1,
                                               &err), NGX_ERROR);
        assert_int_equal(err.code, NGX_SOPORTE_SPOOL_IO);
        assert_int_equal(err.sys, EIO);
        assert_string_equal(journal, journals[i]);
        assert_spool(0, 0, 0);
        assert_int_equal(entries("notify"), 0);
        assert_int_equal(used, 0);

        /* the same id may be used again */

        fail_at = 0;
        assert_int_equal(put(id), NGX_OK);
        assert_int_equal(ngx_soporte_spool_claim(sp, mem, 1, 1,
                         &(ngx_soporte_spool_batch_t) { 0 }, &err), NGX_OK);
        assert_int_equal(ngx_soporte_spool_done(sp, id, &err), NGX_OK);
        assert_int_equal(ngx_soporte_spool_sweep(sp, &err), 1);
        assert_int_equal(used, 0);
    }
}


typedef struct {
    pthread_t           thread;
    pthread_barrier_t  *barrier;
    unsigned            first;
    unsigned            n;
    unsigned            step;
    ngx_uint_t          ok;
    ngx_uint_t          declined;
    ngx_uint_t          failed;
    ngx_uint_t          early;
} worker_t;


static void *
work(void *data)
{
    worker_t *w = data;

    u_char                   *id;
    unsigned                  i;
    ngx_str_t                 json;
    ngx_soporte_spool_err_t   e;

    (void) pthread_barrier_wait(w->barrier);

    for (i = 0; i < w->n; i++) {
        id = uuid(1700000000000, w->first + i * w->step, 7);
        json = body(id);

        switch (ngx_soporte_spool_put(sp, id, &json, NULL, 0, 0, &e)) {

        case NGX_OK:
            w->ok++;
            w->early += __atomic_load_n(&synced, __ATOMIC_SEQ_CST) < renamed;
            break;

        case NGX_DECLINED:
            w->declined++;
            break;

        default:
            w->failed += e.code == NGX_SOPORTE_SPOOL_IO;
        }
    }

    return NULL;
}


/* the sum of what the threads met */

static worker_t
run_threads(unsigned each, unsigned distinct)
{
    unsigned            i;
    worker_t            w[THREADS], sum;
    pthread_barrier_t   barrier;

    memset(w, 0, sizeof(w));
    memset(&sum, 0, sizeof(sum));
    (void) pthread_barrier_init(&barrier, NULL, THREADS);

    for (i = 0; i < THREADS; i++) {
        w[i].barrier = &barrier;
        w[i].first = distinct ? i * each : 0;
        w[i].step = 1;
        w[i].n = each;
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        sum.ok += w[i].ok;
        sum.declined += w[i].declined;
        sum.failed += w[i].failed;
        sum.early += w[i].early;
    }

    (void) pthread_barrier_destroy(&barrier);

    return sum;
}


/*
 * One fsync of new/ for all that wait; nobody is told before one that began
 * after its own rename.
 */

static void
test_group_fsync(void **state)
{
    worker_t                   sum;
    ngx_soporte_spool_stat_t   st;

    slow_new = 5000;
    sum = run_threads(8, 1);

    assert_int_equal(sum.ok, 8 * THREADS);
    assert_int_equal(sum.early, 0);

    assert_int_equal(ngx_soporte_spool_stat(sp, 100000, 0, &st, &err), NGX_OK);
    assert_int_equal(st.puts, 8 * THREADS);
    assert_int_equal(st.count[NGX_SOPORTE_SPOOL_NEW], 8 * THREADS);
    assert_in_range(st.syncs, 1, 8 * THREADS / 2);
}


static void
test_group_fsync_failed(void **state)
{
    worker_t  sum;

    slow_new = 2000;
    fail_new = 1;
    sum = run_threads(2, 1);

    assert_int_equal(sum.failed, 2 * THREADS);
    assert_int_equal(used, 0);
    assert_spool(0, 0, 0);
}


static void
test_same_id_at_once(void **state)
{
    worker_t  sum;

    slow_new = 1000;
    sum = run_threads(4, 0);

    assert_int_equal(sum.ok, 4);
    assert_int_equal(sum.declined, 4 * THREADS - 4);
    assert_spool(4, 0, 0);
    assert_int_equal(used, 4 * 8192);
}


static void
test_budget(void **state)
{
    u_char                     *id;
    ngx_str_t                   json;
    ngx_soporte_spool_stat_t    st;
    ngx_soporte_spool_file_t    file;
    ngx_soporte_spool_batch_t   b;

    /* a directory, a ticket, and an attachment of just over a block */

    memset(&file, 0, sizeof(file));
    file.name = "a1.bin";
    file.len = 4097;
    file.data = ngx_soporte_alloc(mem, file.len);
    memset(file.data, 'x', file.len);

    conf.max_size = 2 * (4096 + 4096 + 8192);
    reopen();

    id = uuid(1700000000000, 1, 7);
    json = body(id);
    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, &file, 1, 0, &err),
                     NGX_OK);
    id = uuid(1700000000000, 2, 7);
    json = body(id);
    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, &file, 1, 0, &err),
                     NGX_OK);
    assert_int_equal(used, conf.max_size);

    /* one byte more, and it was never begun */

    journal[0] = '\0';
    assert_int_equal(put(uuid(1700000000000, 3, 7)), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_FULL);
    assert_string_equal(journal, "");
    assert_spool(2, 0, 0);

    /* a weighing finds what was counted */

    assert_int_equal(ngx_soporte_spool_stat(sp, 1000, 1, &st, &err), NGX_OK);
    assert_int_equal(st.bytes, conf.max_size);
    assert_int_equal(ngx_soporte_spool_stat(sp, 1000, 0, &st, &err), NGX_OK);
    assert_int_equal(st.bytes, conf.max_size);

    b = claim(1, 262144);
    finish(&b);
    assert_int_equal(used, conf.max_size / 2);
    assert_int_equal(put(uuid(1700000000000, 3, 7)), NGX_OK);

    /* the dead keep their place */

    b = claim(1, 262144);
    assert_int_equal(ngx_soporte_spool_dead(sp, b.tickets[0].id, "x", &err),
                     NGX_OK);
    assert_int_equal(used, conf.max_size / 2 + 8192);
}


/* in a child: puts until the disk is full, and again when there is room */

static int
fill_disk(ngx_uint_t code, ngx_uint_t with_file)
{
    u_char                     *id;
    unsigned                    i;
    ngx_int_t                   rc;
    ngx_str_t                   json;
    ngx_soporte_spool_file_t    file;
    ngx_soporte_spool_batch_t   b;

    memset(&file, 0, sizeof(file));
    file.name = "a1.bin";
    file.len = with_file;
    file.data = calloc(1, with_file);

    for (i = 0, rc = NGX_OK; i < 1000 && rc == NGX_OK; i++) {
        id = uuid(1700000000000, i, 7);
        json = body(id);
        rc = ngx_soporte_spool_put(sp, id, &json, &file, 1, 1, &err);
    }

    if (rc != NGX_ERROR || err.code != code || entries("tmp") != 0
        || entries("new") != i - 1 || entries("notify") != i - 1)
    {
        return 1;
    }

    if (ngx_soporte_spool_claim(sp, mem, 1000, 262144, &b, &err) != NGX_OK
        || b.n != i - 1)
    {
        return 2;
    }

    finish(&b);
    free(file.data);

    return put(uuid(1700000000000, 5000, 7)) == NGX_OK ? 0 : 3;
}


/* a limit of the process on file sizes, which fails in the middle of a file */

static int
limited(void)
{
    struct rlimit  rl;

    rl.rlim_cur = rl.rlim_max = 100000;
    (void) signal(SIGXFSZ, SIG_IGN);

    if (setrlimit(RLIMIT_FSIZE, &rl) == -1) {
        return 10;
    }

    return fill_disk(NGX_SOPORTE_SPOOL_NO_SPACE, 100001);
}


/* a disk of 256 kB; 0 also where nobody may mount one */

static int
tiny_disk(void)
{
    char  uids[64], gids[64];

    if (geteuid() != 0) {
        (void) snprintf(uids, sizeof(uids), "%d %d 1", geteuid(), geteuid());
        (void) snprintf(gids, sizeof(gids), "%d %d 1", getegid(), getegid());

        if (unshare(CLONE_NEWUSER) == -1) {
            return 0;
        }

        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", uids);
        write_file("/proc/self/gid_map", gids);
    }

    if (unshare(CLONE_NEWNS) == -1
        || mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) == -1
        || mount("none", root, "tmpfs", 0, "size=256k,mode=0700") == -1)
    {
        return 0;
    }

    if (ngx_soporte_spool_create(root, (uid_t) -1, (gid_t) -1, &err)
        != NGX_OK)
    {
        return 20;
    }

    reopen();

    return fill_disk(NGX_SOPORTE_SPOOL_NO_SPACE, 9000);
}


static void
test_no_space(void **state)
{
    int    i, status;
    pid_t  pid;

    int  (*cases[])(void) = { limited, tiny_disk };

    for (i = 0; i < 2; i++) {
        pid = fork();

        if (pid == 0) {
            _exit(cases[i]());
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}


/* a body as nginx leaves it: a file without a name */

static int
body_file(u_char *buf, size_t len)
{
    int      fd;
    char     file[] = "/tmp/soporte-body-XXXXXX";
    size_t   i;

    for (i = 0; i < len; i++) {
        buf[i] = (u_char) (i * 31 >> 3);
    }

    fd = mkstemp(file);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(write(fd, buf, len), len);

    return fd;
}


static void
test_attachments(void **state)
{
    int                          fd;
    u_char                      *id, buf[200000], out[200000];
    ngx_str_t                    json;
    ngx_soporte_spool_file_t     files[3];
    ngx_soporte_spool_batch_t    b;

    fd = body_file(buf, sizeof(buf));
    id = uuid(1700000000000, 1, 7);
    json = body(id);
    memset(files, 0, sizeof(files));

    files[0].name = "b2.bin";
    files[0].fd = fd;
    files[0].offset = 1000;
    files[0].len = 150000;
    files[1].name = "a1.bin";
    files[1].data = buf;
    files[1].len = 10;
    files[2].name = "c3.bin";
    files[2].fd = -1;

    assert_int_equal(ngx_soporte_spool_put(sp, id, &json, files, 3, 0, &err),
                     NGX_OK);
    (void) close(fd);

    b = claim(10, 262144);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.tickets[0].nfiles, 3);
    assert_string_equal(b.tickets[0].files[0].name, "a1.bin");
    assert_int_equal(b.tickets[0].files[0].len, 10);
    assert_string_equal(b.tickets[0].files[1].name, "b2.bin");
    assert_int_equal(b.tickets[0].files[1].len, 150000);
    assert_int_equal(b.tickets[0].files[2].len, 0);

    assert_int_equal(ngx_soporte_spool_read(sp, id, "b2.bin", 149990, out,
                                            100, &err), 10);
    assert_int_equal(ngx_soporte_spool_read(sp, id, "b2.bin", 0, out,
                                            sizeof(out), &err), 150000);
    assert_memory_equal(out, buf + 1000, 150000);
    assert_int_equal(ngx_soporte_spool_read(sp, id, "a1.bin", 0, out, 4, &err),
                     4);
    assert_int_equal(ngx_soporte_spool_read(sp, id, "../x", 0, out, 4, &err),
                     -1);
    assert_int_equal(err.code, NGX_SOPORTE_SPOOL_INVALID);
    assert_int_equal(ngx_soporte_spool_read(sp, id, "d4.bin", 0, out, 4, &err),
                     -1);
    assert_int_equal(err.sys, ENOENT);

    finish(&b);
    assert_spool(0, 0, 0);
    assert_int_equal(used, 0);
}


static void
refused(const u_char *id, const ngx_str_t *json,
    const ngx_soporte_spool_file_t *files, ngx_uint_t nfiles, ngx_uint_t code)
{
    assert_int_equal(ngx_soporte_spool_put(sp, id, json, files, nfiles, 1,
                                           &err), NGX_ERROR);
    assert_int_equal(err.code, code);
    assert_spool(0, 0, 0);
    assert_int_equal(entries("notify"), 0);
    assert_int_equal(used, 0);
}


static void
test_refused(void **state)
{
    int                          fd;
    u_char                      *id, buf[200000];
    ngx_str_t                    json;
    ngx_uint_t                   i;
    ngx_soporte_spool_file_t     files[17];

    static const char  *wrong[] = {
        "", ".", "..", ".x", "../x", "a/b", "ticket.json", "reason", "A",
        "a b", "\xc3\xa1",
        ("0123456789012345678901234567890123456789"
         "012345678901234567890123")
    };

    fd = body_file(buf, sizeof(buf));
    id = uuid(1700000000000, 1, 7);
    json = body(id);
    memset(files, 0, sizeof(files));

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        files[0].name = wrong[i];
        refused(id, &json, files, 1, NGX_SOPORTE_SPOOL_INVALID);
    }

    for (i = 0; i < 17; i++) {
        files[i].name = "a1.bin";
    }

    refused(id, &json, files, 17, NGX_SOPORTE_SPOOL_INVALID);

    /* one name twice */

    refused(id, &json, files, 2, NGX_SOPORTE_SPOOL_DENIED);

    /* a body that is shorter than it was said to be */

    files[0].fd = fd;
    files[0].offset = 1000;
    files[0].len = sizeof(buf);
    refused(id, &json, files, 1, NGX_SOPORTE_SPOOL_IO);

    /* a fast exit in the middle */

    files[0].len = 1000;
    flags[1] = 1;
    refused(id, &json, files, 1, NGX_SOPORTE_SPOOL_STOPPED);
    flags[1] = 0;

    json.len = 0;
    refused(id, &json, NULL, 0, NGX_SOPORTE_SPOOL_INVALID);

    (void) close(fd);
}


/*
 * A process that files tickets is killed in the middle: each that it had
 * acknowledged is there, whole; all that is there is whole.
 */

static void
test_kill(void **state)
{
    int                         i, fds[2], status;
    pid_t                       pid;
    u_char                      id[16];
    unsigned                    n;
    ngx_str_t                   json;
    ngx_uint_t                  acked, found;
    ngx_soporte_spool_batch_t   b;

    for (i = 0, n = 0; i < 10; i++) {
        assert_int_equal(pipe(fds), 0);
        pid = fork();

        if (pid == 0) {

            for ( ;; ) {
                ngx_memcpy(id, uuid(1700000000000 + n, n, 7), 16);

                if (put(id) != NGX_OK || write(fds[1], id, 16) != 16) {
                    _exit(1);
                }

                n++;
            }
        }

        (void) close(fds[1]);
        (void) usleep(5000 + i * 1700);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        for (acked = 0; read(fds[0], id, 16) == 16; acked++) {
            assert_int_equal(ngx_soporte_spool_find(sp, id, mem, &json, NULL,
                                                    &err), NGX_OK);
            assert_int_equal(json.len, body(id).len);
            assert_memory_equal(json.data, body(id).data, json.len);
        }

        (void) close(fds[0]);

        for (found = 0; /* void */ ; found += b.n) {
            b = claim(128, 262144);

            if (b.n == 0) {
                break;
            }

            for (n = 0; n < b.n; n++) {
                assert_int_equal(b.tickets[n].json.len,
                                 body(b.tickets[n].id).len);
                assert_memory_equal(b.tickets[n].json.data,
                                    body(b.tickets[n].id).data,
                                    b.tickets[n].json.len);
            }

            finish(&b);
        }

        assert_true(found == acked || found == acked + 1);
        assert_true(entries("tmp") <= (ngx_uint_t) i + 1);
        assert_int_equal(entries("dead"), 0);
        n = (i + 1) * 100000;
    }
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup_memory, teardown)
#define D(f)  cmocka_unit_test_setup_teardown(f, setup_disk, teardown)

    const struct CMUnitTest  tests[] = {
        D(test_order),
        D(test_exists),
        D(test_failed_fsync),
        D(test_group_fsync),
        T(test_group_fsync_failed),
        T(test_same_id_at_once),
        T(test_budget),
        T(test_no_space),
        D(test_attachments),
        T(test_refused),
        D(test_kill)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
