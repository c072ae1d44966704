
/*
 * What was seen of tenants, in order: failures, probes, outages, their ends.
 * A ring of the node's last sights, for those who ask why a state is what it
 * is; written by the leader, read without a lock.
 */

#ifndef _NGX_SOPORTE_SEEN_H_INCLUDED_
#define _NGX_SOPORTE_SEEN_H_INCLUDED_


#include "ngx_soporte_zone.h"


#define NGX_SOPORTE_SEEN_KEPT  2048          /* of all tenants together */
#define NGX_SOPORTE_SEEN_ANY   0xffffffff    /* sights of any tenant */


typedef enum {
    NGX_SOPORTE_SEEN_FAILURES = 0,           /* n requests, since the first */
    NGX_SOPORTE_SEEN_WAITING,                /* a request, since its start */
    NGX_SOPORTE_SEEN_PROBE_FAILED,           /* a probe, since its start */
    NGX_SOPORTE_SEEN_CLEARED,                /* a suspicion, by an answer */
    NGX_SOPORTE_SEEN_OPENED,                 /* an incident */
    NGX_SOPORTE_SEEN_DOWN,                   /* an outage, since the first
                                                evidence */
    NGX_SOPORTE_SEEN_PUBLISHED,              /* the incident: feeds tell */
    NGX_SOPORTE_SEEN_ANSWERS,                /* the outage ended at since */
    NGX_SOPORTE_SEEN_CLOSED,                 /* the incident */
    NGX_SOPORTE_SEEN_DEGRADED,               /* slow or with errors */
    NGX_SOPORTE_SEEN_FINE,                   /* ... no longer */
    NGX_SOPORTE_SEEN_SHARED,                 /* n tenants of its upstream are
                                                down: it is the upstream's */
    NGX_SOPORTE_SEEN_UNSHARED,               /* ... no longer */
    NGX_SOPORTE_SEEN_KINDS
} ngx_soporte_seen_e;


typedef struct {
    int64_t              at;                 /* unix ms */
    int64_t              since;              /* unix ms, 0: of no instant */
    uint32_t             tenant;             /* slot */
    uint32_t             n;                  /* requests or tenants, else 0 */
    uint8_t              what;               /* ngx_soporte_seen_e */
    uint8_t              cause;              /* ngx_soporte_cause_e */
} ngx_soporte_sight_t;


typedef struct {
    uint64_t             seq;                /* number + 1, 0: being written */
    ngx_soporte_sight_t  sight;
} ngx_soporte_seen_entry_t;


struct ngx_soporte_seen_s {
    uint64_t                  next;          /* number of the next sight */
    ngx_soporte_seen_entry_t  entry[NGX_SOPORTE_SEEN_KEPT];
};


/* "failures", "waiting" and so on by ngx_soporte_seen_e */
extern const char *const  ngx_soporte_seen_names[NGX_SOPORTE_SEEN_KINDS];


/* any process; the oldest sight is forgotten */
void ngx_soporte_seen_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_sight_t *sight);

/*
 * Copies the last sights of a tenant's slot, or of NGX_SOPORTE_SEEN_ANY, at
 * most n, oldest first.  Returns how many.  Any process, takes no lock: what
 * is overwritten meanwhile is left out.
 */
ngx_uint_t ngx_soporte_seen_read(const ngx_soporte_zone_t *zone,
    uint32_t tenant, ngx_soporte_sight_t *sights, ngx_uint_t n);


#endif /* _NGX_SOPORTE_SEEN_H_INCLUDED_ */
