
/*
 * The incidents and maintenance windows that a tenant is shown: what the
 * board holds of it and of all tenants, and the outages that were measured.
 */

#ifndef _NGX_HTTP_SOPORTE_NOTICES_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_NOTICES_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_view.h"


#define NGX_HTTP_SOPORTE_NOTICES_MAX  24     /* of one kind, of one tenant */

/* "01939b6e-…", or tenant and instant for an outage that has no id */
#define NGX_HTTP_SOPORTE_NOTICE_ID                                            \
    (NGX_SOPORTE_KEY_MAX + 1 + NGX_INT64_LEN)


typedef enum {
    NGX_HTTP_SOPORTE_AHEAD = 0,              /* a window announced */
    NGX_HTTP_SOPORTE_NOW,
    NGX_HTTP_SOPORTE_PAST
} ngx_http_soporte_tense_e;


/*
 * Notices of a kind, the last begun first, made in pool: an array of
 * ngx_soporte_notice_t; NULL: memory.  An outage that no incident covers is
 * one that was detected, of version 0.  Called off windows are left out.
 */
ngx_array_t *ngx_http_soporte_notices(ngx_pool_t *pool,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    ngx_uint_t kind, int64_t now);

ngx_http_soporte_tense_e ngx_http_soporte_notice_tense(
    const ngx_soporte_notice_t *notice, int64_t now);

/* writes an id of at most NGX_HTTP_SOPORTE_NOTICE_ID bytes; returns its end */
u_char *ngx_http_soporte_notice_id(u_char *dst, const ngx_str_t *tenant,
    const ngx_soporte_notice_t *notice);

/* "incidents" and "planned" of the status page */
void ngx_http_soporte_notices_view(ngx_http_soporte_view_t *view,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    ngx_uint_t visible);


#endif /* _NGX_HTTP_SOPORTE_NOTICES_H_INCLUDED_ */
