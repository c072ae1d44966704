
/*
 * The failure trail: the last failed or slow requests of each session, so that
 * a customer who asks for help need not remember them.
 *
 * A table of small rings, chosen by the session's hash.  Sessions that share
 * one push each other out, and never see each other's entries: the whole hash
 * is compared.  Any process writes and reads, none takes a lock: an entry that
 * is being written is skipped.
 */

#ifndef _NGX_SOPORTE_TRAIL_H_INCLUDED_
#define _NGX_SOPORTE_TRAIL_H_INCLUDED_


#include "ngx_soporte_zone.h"


#define NGX_SOPORTE_TRAIL_RINGS    256
#define NGX_SOPORTE_TRAIL_KEPT     8         /* entries of a ring */
#define NGX_SOPORTE_TRAIL_SESSION  16        /* bytes of a session's hash */
#define NGX_SOPORTE_TRAIL_PATH     71        /* bytes */
#define NGX_SOPORTE_TRAIL_AGE      3600000   /* ms, older ones are not told */


typedef struct {
    u_char        session[NGX_SOPORTE_TRAIL_SESSION];
    u_char        request_id[16];
    int64_t       at;                        /* unix ms, when it ended */
    uint32_t      took;                      /* ms */
    uint32_t      tenant;                    /* slot */
    uint16_t      status;                    /* that the client got */
    uint8_t       method;                    /* the writer's number for it */
    uint8_t       len;                       /* of path */
    u_char        path[NGX_SOPORTE_TRAIL_PATH];
} ngx_soporte_step_t;


typedef struct {
    uint32_t            seq;                 /* odd while it is written */
    ngx_soporte_step_t  step;
} ngx_soporte_trail_entry_t;


typedef struct {
    uint32_t                   next;
    ngx_soporte_trail_entry_t  entry[NGX_SOPORTE_TRAIL_KEPT];
} ngx_soporte_trail_ring_t;


struct ngx_soporte_trail_s {
    ngx_soporte_trail_ring_t   ring[NGX_SOPORTE_TRAIL_RINGS];
};


/* the oldest of its ring is forgotten */
void ngx_soporte_trail_put(ngx_soporte_zone_t *zone,
    const ngx_soporte_step_t *step);

/*
 * A session's steps of a tenant, at most NGX_SOPORTE_TRAIL_KEPT, oldest
 * first; none older than NGX_SOPORTE_TRAIL_AGE before "now" (unix ms).
 */
ngx_uint_t ngx_soporte_trail_read(const ngx_soporte_zone_t *zone,
    const u_char *session, uint32_t tenant, int64_t now,
    ngx_soporte_step_t *steps);


#endif /* _NGX_SOPORTE_TRAIL_H_INCLUDED_ */
