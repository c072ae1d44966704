
/*
 * For LD_PRELOAD: both clocks shifted by what stands in the file that CLOCK
 * names, two numbers of 64 bits, milliseconds: wall clock, monotonic clock.  A
 * test sets them while nginx runs.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static volatile int64_t  *shift;


__attribute__((constructor)) static void
clock_open(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("CLOCK");
    fd = name ? open(name, O_RDONLY|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);

    if (p != MAP_FAILED) {
        shift = p;
    }
}


static void
clock_shift(struct timespec *ts, int64_t ms)
{
    int64_t  ns;

    ns = ts->tv_nsec + ms % 1000 * 1000000;
    ts->tv_sec += ms / 1000;

    if (ns < 0) {
        ns += 1000000000;
        ts->tv_sec--;

    } else if (ns >= 1000000000) {
        ns -= 1000000000;
        ts->tv_sec++;
    }

    ts->tv_nsec = ns;
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int         rc;
    static int  (*next)(clockid_t id, struct timespec *ts);

    if (next == NULL) {
        next = (int (*)(clockid_t, struct timespec *))
               dlsym(RTLD_NEXT, "clock_gettime");
    }

    rc = next(id, ts);

    if (rc == 0 && shift) {
        if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
            clock_shift(ts, shift[0]);

        } else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE) {
            clock_shift(ts, shift[1]);
        }
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
