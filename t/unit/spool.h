
/*
 * What the tests of the spool share: a spool of its own for each test, ids
 * and tickets to put, and what must hold of the tree.
 */

#ifndef _SOPORTE_UNIT_SPOOL_H_INCLUDED_
#define _SOPORTE_UNIT_SPOOL_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "test.h"

#include "ngx_soporte_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


static char                       root[PATH_MAX];
static ngx_atomic_t               used;
static volatile sig_atomic_t      flags[2];
static ngx_soporte_spool_conf_t   conf;
static ngx_soporte_spool_t       *sp;
static ngx_soporte_spool_err_t    err;
static test_mem_t                 memory;
static ngx_soporte_mem_t         *mem;


static inline char *
path(const char *fmt, ...)
{
    static char  p[PATH_MAX + 512];

    size_t   len;
    va_list  args;

    len = snprintf(p, sizeof(p), "%s/spool/", root);
    va_start(args, fmt);
    (void) vsnprintf(p + len, sizeof(p) - len, fmt, args);
    va_end(args);

    return p;
}


/* a UUIDv7 of that ms, or a UUIDv8 */

static inline u_char *
uuid(uint64_t ms, unsigned n, int version)
{
    static __thread u_char  ids[4][16];
    static __thread int     turn;

    int      i;
    u_char  *id;

    id = ids[turn++ % 4];

    for (i = 0; i < 6; i++) {
        id[i] = (u_char) (ms >> (40 - 8 * i));
    }

    id[6] = (u_char) (version << 4);
    id[7] = 0;
    id[8] = 0x80;
    id[9] = 0xab;
    id[10] = id[11] = 0;
    id[12] = (u_char) (n >> 24);
    id[13] = (u_char) (n >> 16);
    id[14] = (u_char) (n >> 8);
    id[15] = (u_char) n;

    return id;
}


static inline const char *
name(const u_char *id)
{
    static __thread char  text[37];

    (void) sprintf(text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                   "%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2], id[3],
                   id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11],
                   id[12], id[13], id[14], id[15]);

    return text;
}


static inline ngx_str_t
body(const u_char *id)
{
    static __thread char  text[128];

    ngx_str_t  s;

    s.len = sprintf(text, "{\"id\":\"%s\",\"tenant\":\"acme\"}", name(id));
    s.data = (u_char *) text;

    return s;
}


static inline ngx_uint_t
entries(const char *dir)
{
    DIR            *d;
    ngx_uint_t      n;
    struct dirent  *de;

    d = opendir(path("%s", dir));
    assert_non_null(d);

    for (n = 0; (de = readdir(d)) != NULL; /* void */ ) {
        n += de->d_name[0] != '.';
    }

    (void) closedir(d);

    return n;
}


static inline void
write_file(const char *file, const char *text)
{
    FILE  *f;

    f = fopen(file, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}


static inline void
age(const char *file, int seconds)
{
    struct timespec  ts[2];

    ts[0].tv_sec = ts[1].tv_sec = time(NULL) - seconds;
    ts[0].tv_nsec = ts[1].tv_nsec = 0;
    assert_int_equal(utimensat(AT_FDCWD, file, ts, AT_SYMLINK_NOFOLLOW), 0);
}


/* the spool holds just these, and nothing half-made */

static inline void
assert_spool(ngx_uint_t new, ngx_uint_t sending, ngx_uint_t dead)
{
    assert_int_equal(entries("tmp"), 0);
    assert_int_equal(entries("new"), new);
    assert_int_equal(entries("sending"), sending);
    assert_int_equal(entries("dead"), dead);
}


static inline ngx_int_t
put(const u_char *id)
{
    ngx_str_t  json;

    json = body(id);

    return ngx_soporte_spool_put(sp, id, &json, NULL, 0, 0, &err);
}


static inline ngx_soporte_spool_batch_t
claim(ngx_uint_t max, size_t bytes)
{
    ngx_soporte_spool_batch_t  b;

    if (ngx_soporte_spool_claim(sp, mem, max, bytes, &b, &err) != NGX_OK) {
        fail_msg("%s", err.text);
    }

    return b;
}


/* delivers a batch, and sees it gone from the disk */

static inline void
finish(ngx_soporte_spool_batch_t *b)
{
    ngx_uint_t  i, before;

    before = entries("tmp");

    for (i = 0; i < b->n; i++) {
        assert_int_equal(ngx_soporte_spool_done(sp, b->tickets[i].id, &err),
                         NGX_OK);
    }

    assert_int_equal(ngx_soporte_spool_sweep(sp, &err), b->n);
    assert_int_equal(entries("tmp"), before);
}


static inline void
reopen(void)
{
    if (sp) {
        ngx_soporte_spool_close(sp);
    }

    sp = ngx_soporte_spool_open(&conf, &err);

    if (sp == NULL) {
        fail_msg("%s", err.text);
    }
}


/* on a disk, or in memory where only the tree matters */

static inline int
setup_in(const char *dir)
{
    mem = test_mem(&memory);
    used = 0;
    flags[0] = flags[1] = 0;
    sp = NULL;

    (void) snprintf(root, sizeof(root), "%s/soporte-spool-XXXXXX", dir);

    if (mkdtemp(root) == NULL
        || ngx_soporte_spool_create(root, geteuid(), getegid(), &err)
           != NGX_OK)
    {
        return -1;
    }

    memset(&conf, 0, sizeof(conf));
    conf.path = root;
    conf.used = &used;
    conf.stop[0] = &flags[0];
    conf.stop[1] = &flags[1];

    reopen();

    return 0;
}


static inline int
setup(void **state)
{
    return setup_in((access("/dev/shm", W_OK) == 0) ? "/dev/shm" : "/tmp");
}


static inline int
teardown(void **state)
{
    char  cmd[PATH_MAX + 16];

    ngx_soporte_spool_close(sp);
    test_mem_free(&memory);

    (void) snprintf(cmd, sizeof(cmd), "rm -rf '%s'", root);

    return system(cmd);
}


#endif /* _SOPORTE_UNIT_SPOOL_H_INCLUDED_ */
