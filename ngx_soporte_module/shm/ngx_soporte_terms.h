
/*
 * What is promised of a tenant, as far as months are reckoned by it.  Tenants
 * share terms: a slot has the number of its own in a short list, which is made
 * anew with each configuration, always in the same order.
 */

#ifndef _NGX_SOPORTE_TERMS_H_INCLUDED_
#define _NGX_SOPORTE_TERMS_H_INCLUDED_


#include "ngx_soporte_zone.h"


/* master, when a configuration comes into force: the list is of "terms" alone,
   those of whom no other are */
void ngx_soporte_terms_begin(ngx_soporte_zone_t *zone,
    const ngx_soporte_terms_t *terms);

/* their number, given now if they had none; 0, the first, when all are taken */
uint32_t ngx_soporte_terms_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_terms_t *terms);

/* a copy of the tenant's */
ngx_soporte_terms_t ngx_soporte_terms(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant);


#endif /* _NGX_SOPORTE_TERMS_H_INCLUDED_ */
