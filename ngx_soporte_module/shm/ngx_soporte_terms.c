
/*
 * The list of terms.  It is written by a master alone, and read while it may
 * be: a reader sees old or new numbers, of which each is good by itself.
 */

#include "ngx_soporte_terms.h"
#include "ngx_soporte_tenant.h"


void
ngx_soporte_terms_begin(ngx_soporte_zone_t *zone,
    const ngx_soporte_terms_t *terms)
{
    zone->header->terms[0] = *terms;
    ngx_soporte_release(&zone->header->nterms, 1);
}


uint32_t
ngx_soporte_terms_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_terms_t *terms)
{
    uint32_t               i, n;
    ngx_soporte_header_t  *header;

    header = zone->header;
    n = header->nterms;

    for (i = 0; i < n; i++) {
        if (ngx_memcmp(&header->terms[i], terms, sizeof(ngx_soporte_terms_t))
            == 0)
        {
            return i;
        }
    }

    if (n == NGX_SOPORTE_TERMS) {
        return 0;
    }

    header->terms[n] = *terms;
    ngx_soporte_release(&header->nterms, n + 1);

    return n;
}


ngx_soporte_terms_t
ngx_soporte_terms(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant)
{
    uint32_t  i;

    i = ngx_soporte_load(&tenant->terms);

    return zone->header->terms[i < ngx_soporte_acquire(&zone->header->nterms)
                               ? i : 0];
}
