
/*
 * Probes: which tenants are asked, where, and when.  Every worker knows the
 * targets, the leader alone sends.
 *
 * A target is what is known of how a tenant is watched; without an address it
 * is not probed.  Targets of one address share an upstream: it gets at most
 * two probes a second, and what makes it unreachable is no tenant's alone.
 */

#ifndef _NGX_HTTP_SOPORTE_PROBE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PROBE_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_profile.h"
#include "ngx_http_soporte_watch.h"


/* once a worker, before the leader's first tick; NULL: no memory */
ngx_http_soporte_probe_t *ngx_http_soporte_probe_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/*
 * Adds a target at run time, or puts it in place of the one that the tenant
 * has, the configuration's included; what is given is copied.  host and path
 * must be of printable ASCII without blanks.  In the event loop of any worker;
 * a target is a worker's own, so each must add it.  interval: ms, 0 as the
 * rules say.  NGX_ERROR: no memory, or too long.
 */
ngx_int_t ngx_http_soporte_probe_add(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant, const ngx_addr_t *addr,
    const ngx_str_t *host, const ngx_str_t *path, ngx_msec_t interval);

/* a target that was added is gone; its tenant is no longer probed */
void ngx_http_soporte_probe_remove(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_tenant_t *tenant);


/* the leader's */

/* each tick: sends what is due and may be sent; watch is told of verdicts */
void ngx_http_soporte_probe_tick(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_watch_t *watch);

/* no longer the leader, or about to exit: what is in flight is dropped */
void ngx_http_soporte_probe_stop(ngx_http_soporte_probe_t *probe);

/*
 * A tenant is visited: if a request marked it with another configuration than
 * it was known by, that is what it is watched by from here on.
 */
void ngx_http_soporte_probe_visit(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant);

/* detection asks for a probe of the tenant now */
void ngx_http_soporte_probe_want(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant);

/* when detection wants its next tick (monotonic ms), and whether it is due */
void ngx_http_soporte_probe_next(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant, int64_t next);

ngx_uint_t ngx_http_soporte_probe_due(const ngx_http_soporte_probe_t *probe,
    uint32_t slot, int64_t now);

/* by which rules, and on which level of the log, the tenant is watched */
const ngx_soporte_detect_conf_t *ngx_http_soporte_probe_rules(
    ngx_http_soporte_probe_t *probe, ngx_soporte_tenant_t *tenant,
    ngx_uint_t *level);

/* an outage of the tenant began or ended */
void ngx_http_soporte_probe_turned(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant);

/*
 * outage.c.  The id of the incident of the tenant's upstream, if so many of
 * its tenants are down that the outage is the upstream's, else all zero.
 * known: what the tenant's incident has for it.  NULL: in a moment, they are
 * being counted.
 */
const u_char *ngx_http_soporte_probe_parent(ngx_http_soporte_probe_t *probe,
    const ngx_soporte_tenant_t *tenant, const u_char *known);


#endif /* _NGX_HTTP_SOPORTE_PROBE_H_INCLUDED_ */
