
/*
 * Takes from a tenant's quota.
 */

#include "ngx_soporte_quota.h"


static uint64_t *ngx_soporte_quota_cell(ngx_soporte_zone_t *zone,
    ngx_uint_t row, uint32_t tenant);
static uint64_t ngx_soporte_quota_level(uint64_t cell, uint32_t size,
    time_t now);


/* Knuth's multiplicative hash, with another odd number for the second row */

static uint64_t *
ngx_soporte_quota_cell(ngx_soporte_zone_t *zone, ngx_uint_t row,
    uint32_t tenant)
{
    uint32_t  hash;

    hash = (tenant + 1) * (row ? 2246822519U : 2654435761U);

    return &zone->quota->cell[row][(hash >> 16) % NGX_SOPORTE_QUOTA_CELLS];
}


/* what is left in it after it leaked since its last change, KiB */

static uint64_t
ngx_soporte_quota_level(uint64_t cell, uint32_t size, time_t now)
{
    int64_t   passed;
    uint64_t  level, leaked;

    level = cell & 0xffffffff;
    passed = (int64_t) now - (int64_t) (cell >> 32);

    if (passed <= 0) {
        return level;
    }

    if (passed >= NGX_SOPORTE_QUOTA_TIME) {
        return 0;
    }

    leaked = (uint64_t) size * passed / NGX_SOPORTE_QUOTA_TIME;

    return (leaked < level) ? level - leaked : 0;
}


ngx_int_t
ngx_soporte_quota_take(ngx_soporte_zone_t *zone, uint32_t tenant,
    uint32_t kib, uint32_t size, time_t now)
{
    uint64_t    *cell, old, new, level[2];
    ngx_uint_t   i;

    for (i = 0; i < 2; i++) {
        cell = ngx_soporte_quota_cell(zone, i, tenant);
        level[i] = ngx_soporte_quota_level(ngx_soporte_load(cell), size, now);
    }

    if (ngx_min(level[0], level[1]) + kib > size) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 2; i++) {
        cell = ngx_soporte_quota_cell(zone, i, tenant);
        old = ngx_soporte_load(cell);

        do {
            new = ngx_soporte_quota_level(old, size, now) + kib;
            new = (uint64_t) now << 32 | ngx_min(new, 0xffffffff);

        } while (!__atomic_compare_exchange_n(cell, &old, new, 0,
                                              __ATOMIC_RELAXED,
                                              __ATOMIC_RELAXED));
    }

    return NGX_OK;
}
