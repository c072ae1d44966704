
/*
 * How much of the disk a tenant's files may take in an hour, so that one
 * tenant does not fill the spool of all.
 *
 * A leaky bucket of each tenant, held twice under two hashes of its slot: the
 * smaller of the two is right unless both are shared with another tenant.
 * Any process, no lock.
 */

#ifndef _NGX_SOPORTE_QUOTA_H_INCLUDED_
#define _NGX_SOPORTE_QUOTA_H_INCLUDED_


#include "ngx_soporte_zone.h"


#define NGX_SOPORTE_QUOTA_CELLS  512
#define NGX_SOPORTE_QUOTA_TIME   3600        /* s until a full one is empty */


/* seconds of the last change << 32 | KiB that were in it then */

struct ngx_soporte_quota_s {
    uint64_t  cell[2][NGX_SOPORTE_QUOTA_CELLS];
};


/* NGX_DECLINED: so many KiB would be more than "size", nothing is taken */
ngx_int_t ngx_soporte_quota_take(ngx_soporte_zone_t *zone, uint32_t tenant,
    uint32_t kib, uint32_t size, time_t now);


#endif /* _NGX_SOPORTE_QUOTA_H_INCLUDED_ */
