
/*
 * Writes and reads the failure trail.  A writer makes an entry's number odd
 * and even again; one that dies between the two leaves an entry that the next
 * time round takes over.
 */

#include "ngx_soporte_trail.h"


static ngx_soporte_trail_ring_t *ngx_soporte_trail_ring(
    const ngx_soporte_zone_t *zone, const u_char *session);


static ngx_soporte_trail_ring_t *
ngx_soporte_trail_ring(const ngx_soporte_zone_t *zone, const u_char *session)
{
    return &zone->trail->ring[(session[0] << 8 | session[1])
                              % NGX_SOPORTE_TRAIL_RINGS];
}


void
ngx_soporte_trail_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_step_t *step)
{
    uint32_t                    n, seq;
    ngx_soporte_trail_ring_t   *ring;
    ngx_soporte_trail_entry_t  *entry;

    ring = ngx_soporte_trail_ring(zone, step->session);

    n = __atomic_fetch_add(&ring->next, 1, __ATOMIC_RELAXED);
    entry = &ring->entry[n % NGX_SOPORTE_TRAIL_KEPT];

    /* an odd one is of a process that died: eight others went by since */

    seq = ngx_soporte_load(&entry->seq) | 1;

    ngx_soporte_store(&entry->seq, seq);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    entry->step = *step;

    ngx_soporte_release(&entry->seq, seq + 1);
}


ngx_uint_t
ngx_soporte_trail_read(const ngx_soporte_zone_t *zone, const u_char *session,
    uint32_t tenant, int64_t now, ngx_soporte_step_t *steps)
{
    uint32_t                    seq;
    ngx_uint_t                  i, k, n;
    ngx_soporte_step_t          step;
    ngx_soporte_trail_ring_t   *ring;
    ngx_soporte_trail_entry_t  *entry;

    ring = ngx_soporte_trail_ring(zone, session);

    for (i = 0, n = 0; i < NGX_SOPORTE_TRAIL_KEPT; i++) {
        entry = &ring->entry[i];
        seq = ngx_soporte_acquire(&entry->seq);

        if (seq == 0 || (seq & 1)) {
            continue;
        }

        step = entry->step;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_soporte_load(&entry->seq) != seq
            || ngx_memcmp(step.session, session, sizeof(step.session)) != 0
            || step.tenant != tenant
            || step.len > sizeof(step.path)
            || step.at > now
            || now - step.at > NGX_SOPORTE_TRAIL_AGE)
        {
            continue;
        }

        for (k = n; k && steps[k - 1].at > step.at; k--) {
            steps[k] = steps[k - 1];
        }

        steps[k] = step;
        n++;
    }

    return n;
}
