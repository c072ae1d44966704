
/*
 * An upstream that several tenants share: what a probe of one of them says of
 * the others, and when an outage is the upstream's.
 *
 * Ten thousand may share it, so nothing here tells all of them in one turn of
 * the event loop; they are counted in one, at most once a second.
 */

#ifndef _NGX_HTTP_SOPORTE_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_UPSTREAM_H_INCLUDED_


#include "ngx_http_soporte_target.h"


/* ms from its first tenant on, then all are known that were known before */
#define NGX_HTTP_SOPORTE_UPSTREAM_KNOWN  2000


void ngx_http_soporte_upstream_init(ngx_http_soporte_probe_t *probe,
    ngx_cycle_t *cycle);

/* whose turn it is to be asked for all */
ngx_http_soporte_target_t *ngx_http_soporte_upstream_turn(
    ngx_http_soporte_group_t *group);

/* a probe of the target ended, and its tenant was told; began: monotonic ms */
void ngx_http_soporte_upstream_verdict(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began);

/* each tick: whether the outages of its tenants are one of its own */
void ngx_http_soporte_upstream_count(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);

/* its tenants are to be counted anew, soon */
void ngx_http_soporte_upstream_dirty(ngx_http_soporte_group_t *group);

/* a target that is new; one that is about to go */
void ngx_http_soporte_upstream_join(ngx_http_soporte_group_t *group,
    ngx_http_soporte_target_t *target);
void ngx_http_soporte_upstream_leave(ngx_http_soporte_target_t *target);

/* no longer the leader: what was not told yet is left to the next one */
void ngx_http_soporte_upstream_stop(ngx_http_soporte_probe_t *probe);


#endif /* _NGX_HTTP_SOPORTE_UPSTREAM_H_INCLUDED_ */
