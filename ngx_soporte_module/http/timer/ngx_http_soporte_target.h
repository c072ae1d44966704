
/*
 * Targets of probes and the upstreams that they share: made from the
 * configuration, from what requests mark their tenants with, and at run time.
 * For probe.c, upstream.c and outage.c.
 */

#ifndef _NGX_HTTP_SOPORTE_TARGET_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_TARGET_H_INCLUDED_


#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_probe.h"


#define NGX_HTTP_SOPORTE_PROBE_BUCKETS  1024

#define NGX_HTTP_SOPORTE_PROBE_PACE     500  /* ms, of a shared upstream */


/* an upstream: all targets of one address */

typedef struct {
    ngx_queue_t                        bucket;
    ngx_queue_t                        queue;      /* of all */
    ngx_queue_t                        members;    /* next to be asked first */
    ngx_queue_t                        untold;     /* those of them that its
                                                      verdict has to reach */
    ngx_queue_t                        telling;    /* while it is told */
    ngx_uint_t                         count;      /* in both */
    uint16_t                           mark;       /* in ngx_soporte_detect_t */
    ngx_addr_t                        *addrs;
    ngx_uint_t                         naddrs;

    ngx_msec_t                         due;        /* a probe for all */
    ngx_msec_t                         free;       /* one may be sent */
    void                              *timedout;   /* target, the last one */

    void                              *speaker;    /* target, whose probe gave
                                                      the verdict */
    ngx_soporte_cause_e                cause;
    ngx_msec_t                         began;      /* of its probe */

    ngx_msec_t                         recount;    /* down is not counted
                                                      before */
    ngx_uint_t                         down;       /* members */
    ngx_uint_t                         most;       /* ... of this outage */
    time_t                             since;      /* unix s */
    u_char                             id[NGX_SOPORTE_ID_LEN]; /* incident's */
    unsigned                           wanted:1;   /* a probe for all, now */
    unsigned                           dirty:1;    /* down is to be counted */
    unsigned                           shared:1;   /* its outage, not theirs */
    unsigned                           named:1;    /* id is set */
    unsigned                           told:1;     /* a verdict is being told */
    unsigned                           failed:1;   /* ... this one */
} ngx_http_soporte_group_t;


typedef struct {
    ngx_queue_t                        queue;      /* while wanted */
    ngx_queue_t                        member;     /* of the group */
    ngx_soporte_tenant_t              *tenant;
    ngx_http_soporte_group_t          *group;      /* NULL: not probed */
    const ngx_http_soporte_profile_t  *profile;
    ngx_soporte_detect_conf_t          detect;
    ngx_msec_t                         interval;   /* 0: as the rules say */
    ngx_msec_t                         timeout;
    ngx_str_t                          uri;        /* with placeholders */
    ngx_str_t                          host;
    ngx_str_t                          name;       /* {host} */
    unsigned                           wanted:1;
    unsigned                           literal:1;  /* by the configuration */
    unsigned                           added:1;    /* at run time */
    unsigned                           good:1;     /* its own last verdict */
    unsigned                           alone:1;    /* ... came while it was
                                                      down by itself */
} ngx_http_soporte_target_t;


struct ngx_http_soporte_probe_s {
    ngx_http_soporte_main_conf_t      *smcf;
    ngx_http_soporte_watch_t          *watch;
    ngx_http_soporte_target_t        **targets;    /* by slot */
    int64_t                           *due;        /* by slot, 0: never */
    ngx_queue_t                        wanted;     /* targets, in order */
    ngx_queue_t                        flying;     /* pings */
    ngx_uint_t                         inflight;
    ngx_queue_t                        groups;
    ngx_queue_t                        telling;    /* groups with a verdict */
    ngx_http_soporte_timer_t           turn;       /* ... told some a turn */
    ngx_msec_t                         leads;      /* since then, 0: it does
                                                      not */
    time_t                             swept;      /* unix s */
    ngx_queue_t                        buckets[NGX_HTTP_SOPORTE_PROBE_BUCKETS];
    unsigned                           bound:1;
    unsigned                           starved:1;  /* it was logged */
};


/* the target of a tenant, or NULL */
#define ngx_http_soporte_target(probe, tenant)                                \
    ((probe)->targets[ngx_soporte_tenant_index((probe)->smcf->zone, tenant)])

/*
 * Whether its tenant fails together with the upstream: kept in the slot, so
 * that whoever leads next knows it, too.
 */
#define ngx_http_soporte_target_ours(target)                                  \
    ((target)->tenant->detect.upstream == (target)->group->mark)

/* ... or was down before that failed, for a reason of its own */
#define ngx_http_soporte_target_alone(target)                                 \
    ((target)->tenant->detect.state >= NGX_SOPORTE_DETECT_DOWN                \
     && !ngx_http_soporte_target_ours(target))

/* those of the configuration's own tenants */
void ngx_http_soporte_target_bind(ngx_http_soporte_probe_t *probe);

/* nobody is asked for it any longer; defined by probe.c */
void ngx_http_soporte_probe_forget(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target);


#endif /* _NGX_HTTP_SOPORTE_TARGET_H_INCLUDED_ */
