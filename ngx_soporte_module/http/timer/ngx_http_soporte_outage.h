
/*
 * The incident of an upstream that several share: a notice of no tenant, which
 * closes no gate and is on no customer's page; theirs name it as "parent".
 */

#ifndef _NGX_HTTP_SOPORTE_OUTAGE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_OUTAGE_H_INCLUDED_


#include "ngx_http_soporte_target.h"


/*
 * Its tenants were counted, and the outage is the upstream's: says so if that
 * is news.  Anything but NGX_OK: the board took nothing, count again.
 */
ngx_int_t ngx_http_soporte_outage_say(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);

/* each tick of the leader: ends those that are over */
void ngx_http_soporte_outage_tick(ngx_http_soporte_probe_t *probe);


#endif /* _NGX_HTTP_SOPORTE_OUTAGE_H_INCLUDED_ */
