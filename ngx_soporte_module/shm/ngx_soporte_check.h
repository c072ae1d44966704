
/*
 * Whether a mapped file is what its code left there: buckets, chains, keys,
 * the board's entries, and everything that is an index, a length or an enum.
 *
 * It may run beside processes that count, and after one that was killed in the
 * middle of an update: what such a moment leaves is no damage.  So counters
 * and sums are held against no other, only against what they can be at most.
 */

#ifndef _NGX_SOPORTE_CHECK_H_INCLUDED_
#define _NGX_SOPORTE_CHECK_H_INCLUDED_


#include "ngx_soporte_board.h"


typedef struct {
    uint32_t      tenants;                   /* found by their key */
    uint32_t      idle;                      /* slots given that no key has:
                                                of a lost race, or a death */
    uint32_t      notices;
    char          text[128];                 /* what is wrong */
} ngx_soporte_check_t;


/* NGX_OK, or NGX_ERROR and check->text; size: bytes of the file */
ngx_int_t ngx_soporte_check(const ngx_soporte_zone_t *zone, size_t size,
    ngx_soporte_check_t *check);

/* one by itself; what it is found wrong for, or NULL */
const char *ngx_soporte_check_tenant(const ngx_soporte_tenant_t *tenant);
const char *ngx_soporte_check_notice(const ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice);
const char *ngx_soporte_check_update(const ngx_soporte_update_t *update);


#endif /* _NGX_SOPORTE_CHECK_H_INCLUDED_ */
