
/*
 * The lease of the leader: which one worker of the node ticks, delivers and
 * judges.  A word in shared memory, taken by compare and swap.
 */

#ifndef _NGX_SOPORTE_LEASE_H_INCLUDED_
#define _NGX_SOPORTE_LEASE_H_INCLUDED_


#include "ngx_soporte_zone.h"


#define NGX_SOPORTE_LEASE_STALE  1500        /* ms without a sign of life */


/*
 * Takes the lease, or keeps it: 1 while the calling process leads.  "fence" is
 * this process's number of leadership, 0 at first; a number that is no longer
 * the lease's says that another process took over.  now: CLOCK_MONOTONIC, ms.
 */
ngx_uint_t ngx_soporte_lease_keep(ngx_soporte_zone_t *zone, uint32_t *fence,
    uint64_t now);

/* gives it up, for the next one to take at once */
void ngx_soporte_lease_give(ngx_soporte_zone_t *zone, uint32_t *fence);


#endif /* _NGX_SOPORTE_LEASE_H_INCLUDED_ */
