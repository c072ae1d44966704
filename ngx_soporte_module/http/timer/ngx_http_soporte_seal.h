
/*
 * The leader's measuring: what requests counted becomes slots, minutes,
 * months and states.
 */

#ifndef _NGX_HTTP_SOPORTE_SEAL_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_SEAL_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_zoneinfo.h"


typedef struct ngx_http_soporte_seal_s  ngx_http_soporte_seal_t;


ngx_http_soporte_seal_t *ngx_http_soporte_seal_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/*
 * Any worker, at its start and each tick: the node is there.  Finds out how
 * long it was not.
 */
void ngx_http_soporte_seal_alive(ngx_soporte_zone_t *zone);

/*
 * The leader's tick, each 200 ms: visits a fifth of the tenants, some a turn of
 * the event loop.  Stop: no longer the leader.
 */
void ngx_http_soporte_seal_tick(ngx_http_soporte_seal_t *seal);
void ngx_http_soporte_seal_stop(ngx_http_soporte_seal_t *seal);

/* an outage ended: its seconds go to the months and days they lie in */
void ngx_http_soporte_seal_outage(ngx_http_soporte_seal_t *seal,
    ngx_soporte_tenant_t *tenant, const ngx_soporte_outage_t *outage);

/*
 * The month's boundaries in the contract's zone: unix seconds of the first
 * instant of the month that holds t, and of the one after.
 */
void ngx_http_soporte_seal_month(const ngx_soporte_zoneinfo_t *zone,
    int64_t t, int64_t *from, int64_t *until);


#endif /* _NGX_HTTP_SOPORTE_SEAL_H_INCLUDED_ */
