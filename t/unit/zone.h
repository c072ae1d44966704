
/*
 * What the tests of shm/ share: a file of its own for each test, opened as
 * often as there are masters, and a way to end a process in the middle.
 */

#ifndef _SOPORTE_UNIT_ZONE_H_INCLUDED_
#define _SOPORTE_UNIT_ZONE_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "test.h"

#include "ngx_soporte_board.h"
#include "ngx_soporte_tenant.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define NOW  1795000000                      /* unix seconds, any */


static char                       dir[PATH_MAX];
static char                       file[PATH_MAX + 8];
static ngx_soporte_zone_result_t  result;


/* a master's view of the file, not opened yet */

static inline ngx_soporte_zone_t
zone_of(ngx_uint_t tenants)
{
    ngx_soporte_zone_t  zone;

    memset(&zone, 0, sizeof(zone));
    zone.path.data = (u_char *) file;
    zone.path.len = strlen(file);
    zone.size = ngx_soporte_zone_size(tenants);

    return zone;
}


/* ... opened, and in force */

static inline ngx_soporte_zone_t
zone_open(ngx_uint_t tenants)
{
    ngx_soporte_zone_t  zone;

    zone = zone_of(tenants);

    if (ngx_soporte_zone_open(&zone, NOW, &result) != NGX_OK) {
        fail_msg("%s: %s", file, result.what);
    }

    ngx_soporte_zone_commit(&zone);

    return zone;
}


static inline ngx_soporte_tenant_t *
tenant_of(ngx_soporte_zone_t *zone, const char *key)
{
    return ngx_soporte_tenant_get(zone, (const u_char *) key, strlen(key), 0,
                                  NOW);
}


static inline uint64_t
goods(const ngx_soporte_tenant_t *t)
{
    return t->bank[0].good + t->bank[1].good + t->bank[2].good
           + t->bank[3].good;
}


static inline uint64_t
milliseconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* runs it in a process that ends by SIGKILL when it comes back */

static inline void
killed_after(void (*run)(ngx_soporte_zone_t *zone), ngx_soporte_zone_t *zone)
{
    int    status;
    pid_t  pid;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        run(zone);
        kill(getpid(), SIGKILL);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}


static inline int
zone_setup(void **state)
{
    snprintf(dir, sizeof(dir), "/dev/shm/soporte-unit-XXXXXX");

    if (mkdtemp(dir) == NULL) {
        return -1;
    }

    snprintf(file, sizeof(file), "%s/zone", dir);

    return 0;
}


static inline int
zone_teardown(void **state)
{
    (void) unlink(file);
    (void) rmdir(file);

    return rmdir(dir);
}


#define zone_test(f)                                                          \
    cmocka_unit_test_setup_teardown(f, zone_setup, zone_teardown)


#endif /* _SOPORTE_UNIT_ZONE_H_INCLUDED_ */
