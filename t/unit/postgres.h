
/*
 * What the tests of the PostgreSQL client share: memory and an error of their
 * own, a conninfo that is read, a handle that is connected, a file below a
 * directory.
 */

#ifndef _SOPORTE_UNIT_POSTGRES_H_INCLUDED_
#define _SOPORTE_UNIT_POSTGRES_H_INCLUDED_


#include "test.h"

#include "ngx_soporte_postgres.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define TIMEOUT  5000


static test_mem_t                    memory;
static ngx_soporte_mem_t            *mem;
static ngx_soporte_postgres_err_t    err;
static volatile sig_atomic_t         exiting;
static volatile sig_atomic_t        *stop[2] = { NULL, &exiting };


static inline uint64_t
now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static inline ngx_soporte_postgres_conf_t *
conninfo(const char *fmt, ...)
{
    char     buf[1024];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);

    memset(&err, 0xff, sizeof(err));

    return ngx_soporte_postgres_conninfo(mem, buf, &err);
}


/* every text that may reach a log */

static inline void
assert_no_secret(void)
{
    assert_null(strstr(err.text, "geheim"));
    assert_null(strstr(err.text, "s3cr3t"));
}


static inline void
accepted(ngx_soporte_postgres_conf_t *conf)
{
    if (conf == NULL) {
        fail_msg("%s", err.text);
    }
}


static inline ngx_soporte_postgres_t *
handle(ngx_soporte_postgres_conf_t *conf)
{
    ngx_soporte_postgres_t  *h;

    accepted(conf);
    h = ngx_soporte_postgres_open(conf, stop);
    assert_non_null(h);

    return h;
}


static inline void
connected(ngx_soporte_postgres_t *h)
{
    if (ngx_soporte_postgres_connect(h, TIMEOUT, &err) != NGX_OK) {
        fail_msg("%s", err.text);
    }
}


static inline void
file(const char *dir, const char *name, mode_t mode, const char *text)
{
    char   path[128];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);
    (void) unlink(path);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}


#endif /* _SOPORTE_UNIT_POSTGRES_H_INCLUDED_ */
