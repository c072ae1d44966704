
/*
 * The leader's lease: fencing number in the upper half, pid in the lower.
 */

#include "ngx_soporte_lease.h"

#include <errno.h>
#include <signal.h>


ngx_uint_t
ngx_soporte_lease_keep(ngx_soporte_zone_t *zone, uint32_t *fence,
    uint64_t now)
{
    pid_t                  pid;
    uint64_t               lease, seen, next;
    ngx_soporte_header_t  *header;

    header = zone->header;
    lease = ngx_soporte_acquire(&header->lease);

    if (*fence && lease >> 32 == *fence) {
        ngx_soporte_store(&header->heartbeat, now);
        return 1;
    }

    *fence = 0;
    pid = (pid_t) (lease & 0xffffffff);
    seen = ngx_soporte_load(&header->heartbeat);

    /*
     * A leader that was killed is known by its pid at once; one that hangs,
     * or whose pid another process has by now, by its silence.  Its cached
     * clock may be some ms ahead of ours.
     */

    if (pid && (int64_t) (now - seen) < NGX_SOPORTE_LEASE_STALE
        && !(kill(pid, 0) == -1 && errno == ESRCH))
    {
        return 0;
    }

    next = (((lease >> 32) + 1) << 32) | (uint32_t) getpid();

    if (next >> 32 == 0) {
        next |= (uint64_t) 1 << 32;
    }

    if (!__atomic_compare_exchange_n(&header->lease, &lease, next, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    {
        return 0;
    }

    ngx_soporte_store(&header->heartbeat, now);
    *fence = (uint32_t) (next >> 32);

    return 1;
}


void
ngx_soporte_lease_give(ngx_soporte_zone_t *zone, uint32_t *fence)
{
    uint64_t  lease, next;

    if (*fence == 0) {
        return;
    }

    lease = ngx_soporte_acquire(&zone->header->lease);

    if (lease >> 32 == *fence) {
        next = lease & ~((uint64_t) 0xffffffff);

        (void) __atomic_compare_exchange_n(&zone->header->lease, &lease, next,
                                           0, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
    }

    *fence = 0;
}
