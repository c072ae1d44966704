
/*
 * The ring of sights.  A writer takes a number, and with it an entry; readers
 * know by the number whether what they copied was whole.
 */

#include "ngx_soporte_seen.h"


const char *const  ngx_soporte_seen_names[NGX_SOPORTE_SEEN_KINDS] = {
    "failures", "waiting", "probe_failed", "cleared", "opened", "down",
    "published", "answers", "closed", "degraded", "fine", "shared", "unshared"
};


void
ngx_soporte_seen_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_sight_t *sight)
{
    uint64_t                   number;
    ngx_soporte_seen_entry_t  *entry;

    number = __atomic_fetch_add(&zone->seen->next, 1, __ATOMIC_RELAXED);
    entry = &zone->seen->entry[number % NGX_SOPORTE_SEEN_KEPT];

    ngx_soporte_store(&entry->seq, 0);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    entry->sight = *sight;

    ngx_soporte_release(&entry->seq, number + 1);
}


ngx_uint_t
ngx_soporte_seen_read(const ngx_soporte_zone_t *zone, uint32_t tenant,
    ngx_soporte_sight_t *sights, ngx_uint_t n)
{
    uint64_t                         number, oldest;
    ngx_uint_t                       i, found;
    ngx_soporte_sight_t              sight;
    const ngx_soporte_seen_entry_t  *entry;

    number = ngx_soporte_load(&zone->seen->next);
    oldest = number > NGX_SOPORTE_SEEN_KEPT ? number - NGX_SOPORTE_SEEN_KEPT
                                            : 0;
    found = 0;

    while (number > oldest && found < n) {
        entry = &zone->seen->entry[--number % NGX_SOPORTE_SEEN_KEPT];

        if (ngx_soporte_acquire(&entry->seq) != number + 1) {
            continue;
        }

        sight = entry->sight;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_soporte_load(&entry->seq) != number + 1
            || sight.what >= NGX_SOPORTE_SEEN_KINDS
            || (tenant != NGX_SOPORTE_SEEN_ANY && sight.tenant != tenant))
        {
            continue;
        }

        sights[n - ++found] = sight;
    }

    /* newest were found first and lie at the end */

    for (i = 0; found < n && i < found; i++) {
        sights[i] = sights[n - found + i];
    }

    return found;
}
