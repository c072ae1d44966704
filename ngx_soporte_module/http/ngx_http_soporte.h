
/*
 * What the files of http/ share: the configuration of each level, the state
 * of a request, and the one function of each file that others call.
 */

#ifndef _NGX_HTTP_SOPORTE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_soporte_core.h"
#include "ngx_soporte_value.h"
#include "ngx_soporte_template.h"
#include "ngx_soporte_policy.h"
#include "ngx_soporte_postgres.h"
#include "ngx_soporte_redis.h"
#include "ngx_soporte_secret.h"
#include "ngx_soporte_spool.h"
#include "ngx_soporte_zone.h"
#include "ngx_soporte_tenant.h"
#include "ngx_soporte_board.h"
#include "ngx_soporte_detect.h"


#define NGX_HTTP_SOPORTE_VERSION      "0.1.0"

#define NGX_HTTP_SOPORTE_BODY_MAX     (30 * 1024 * 1024)   /* portal, bytes */
#define NGX_HTTP_SOPORTE_BODY_MEMORY  (512 * 1024)         /* without files */

#define NGX_HTTP_SOPORTE_RESTORE      7200                 /* s, the promise */


typedef enum {
    NGX_HTTP_SOPORTE_MAINTENANCE = 0,
    NGX_HTTP_SOPORTE_RESTORATION,
    NGX_HTTP_SOPORTE_INCIDENT,
    NGX_HTTP_SOPORTE_HELP,
    NGX_HTTP_SOPORTE_TICKET,
    NGX_HTTP_SOPORTE_STATUS,
    NGX_HTTP_SOPORTE_ERROR,
    NGX_HTTP_SOPORTE_DESK,
    NGX_HTTP_SOPORTE_PRIVACY,
    NGX_HTTP_SOPORTE_BADGE,
    NGX_HTTP_SOPORTE_TICKETS,
    NGX_HTTP_SOPORTE_KINDS
} ngx_http_soporte_kind_e;


/* index of header->pages[] and of header->tickets[] */

#define NGX_HTTP_SOPORTE_PAGE_MAINTENANCE  0
#define NGX_HTTP_SOPORTE_PAGE_RESTORE      1
#define NGX_HTTP_SOPORTE_PAGE_INCIDENT     2
#define NGX_HTTP_SOPORTE_PAGE_STATUS       3

#define NGX_HTTP_SOPORTE_TICKET_FILED      0
#define NGX_HTTP_SOPORTE_TICKET_REFUSED    1
#define NGX_HTTP_SOPORTE_TICKET_INVALID    2
#define NGX_HTTP_SOPORTE_TICKET_LIMITED    3


typedef enum {
    NGX_HTTP_SOPORTE_ES = 0,
    NGX_HTTP_SOPORTE_EN,
    NGX_HTTP_SOPORTE_LANGS
} ngx_http_soporte_lang_e;


/* a page: its template and the policy for its inline style and scripts */

typedef struct {
    ngx_soporte_template_t         *tpl;     /* NULL: off */
    ngx_str_t                       csp;     /* value of the header */
} ngx_http_soporte_page_t;


/* a calendar as configured, and its table in this process; hours.c */

typedef struct ngx_http_soporte_calendar_s  ngx_http_soporte_calendar_t;


/* the database of addresses; geoip.c */

typedef struct ngx_http_soporte_geoip_s  ngx_http_soporte_geoip_t;


/* a zone that a visitor may be in; abroad.c */

typedef struct ngx_http_soporte_abroad_s  ngx_http_soporte_abroad_t;


/* the sites of benches as tenants; bench.c */

typedef struct ngx_http_soporte_bench_s  ngx_http_soporte_bench_t;


/* how tickets are found again; lookup.c */

typedef struct ngx_http_soporte_lookup_s  ngx_http_soporte_lookup_t;


/* what the one worker that leads does; leader.c */

typedef struct ngx_http_soporte_leader_s  ngx_http_soporte_leader_t;


/* who was found to be logged in; identity.c */

typedef struct ngx_http_soporte_known_s  ngx_http_soporte_known_t;


/* durable events on their way to the spool; event.c */

typedef struct ngx_http_soporte_events_s  ngx_http_soporte_events_t;


/* words on their way to the fleet; publish.c */

typedef struct ngx_http_soporte_publish_s  ngx_http_soporte_publish_t;


/* what a reboot is survived by; snapshot.c */

typedef struct ngx_http_soporte_snapshot_s  ngx_http_soporte_snapshot_t;


/* minutes on their way to PostgreSQL; history.c */

typedef struct ngx_http_soporte_history_s  ngx_http_soporte_history_t;


/* how a tenant is watched; profile.h */

typedef struct ngx_http_soporte_probe_conf_s  ngx_http_soporte_probe_conf_t;
typedef struct ngx_http_soporte_profile_s  ngx_http_soporte_profile_t;


/* what is probed, and when; probe.c */

typedef struct ngx_http_soporte_probe_s  ngx_http_soporte_probe_t;


/* where a directive stands, for what is found wrong only later */

typedef struct {
    u_char                         *file;    /* NULL: nowhere */
    ngx_uint_t                      line;
} ngx_http_soporte_place_t;


/* a tenant that the configuration names */

typedef struct {
    ngx_str_t                       key;
    ngx_str_t                       backups; /* soporte_backups, or len 0 */
    ngx_http_soporte_calendar_t    *hours;   /* where it first stands */
    ngx_soporte_tenant_t           *tenant;  /* set when committed */
    ngx_http_soporte_profile_t     *profile;
    const ngx_soporte_policy_t     *policy;  /* of a server that it is in */
    ngx_http_soporte_place_t        place;
} ngx_http_soporte_key_t;


/* a location of soporte_control */

typedef struct {
    ngx_http_core_srv_conf_t       *server;
    ngx_http_conf_ctx_t            *ctx;
    ngx_http_soporte_place_t        place;
    ngx_uint_t                      said;    /* 1: it was warned of */
} ngx_http_soporte_control_t;


typedef struct {
    ngx_soporte_zone_t             *zone;
    ngx_str_t                       path;
    ngx_str_t                       history_path; /* below it, null-term. */
    size_t                          max_size;     /* bytes, of the spool */
    ngx_str_t                       node;
    ngx_soporte_postgres_conf_t    *postgres;     /* NULL: none */
    ngx_msec_t                      timeout;      /* of an exchange with it */
    ngx_soporte_redis_conf_t       *redis;        /* NULL: none */
    ngx_str_t                       redis_prefix; /* of all keys */
    ngx_msec_t                      redis_timeout;

    ngx_array_t                     keys;         /* of _key_t * */
    ngx_array_t                     calendars;    /* of _calendar_t * */
    ngx_array_t                     controls;     /* of _control_t */
    ngx_array_t                     profiles;     /* of _profile_t *, those of
                                                     tenants by variables */
    ngx_http_soporte_calendar_t    *hours;        /* the default, "mx" */
    ngx_http_soporte_calendar_t    *hours_default;    /* of the level http */
    ngx_http_soporte_bench_t       *bench;        /* NULL: none */
    ngx_http_soporte_geoip_t       *geoip;        /* NULL: none */
    ngx_array_t                     abroad;       /* of _abroad_t, by name */
    ngx_str_t                       backups;      /* of tenants by variables */
    ngx_uint_t                      backups_set;
    ngx_uint_t                      almanac;      /* a calendar was defined */
    ngx_int_t                       variable;     /* index, holds the ctx */

    ngx_soporte_value_t            *messages[NGX_HTTP_SOPORTE_LANGS];
    ngx_http_soporte_page_t        *pages[NGX_HTTP_SOPORTE_KINDS];
    ngx_str_t                       form_script;  /* "sha256-…" of form.js */
    ngx_thread_pool_t              *pool;
    ngx_soporte_secret_t            secret;       /* the fleet's key */

    ngx_http_soporte_place_t        tenant;       /* first "soporte KEY" */
    ngx_http_soporte_place_t        portal;       /* first portal */
    uid_t                           uid;          /* of the workers, or -1 */
    gid_t                           gid;
    ngx_http_soporte_place_t        unprobed;     /* tenant by a variable */
    unsigned                        blocking:1;   /* something needs threads */
    unsigned                        single:1;     /* threads can't answer */
    unsigned                        covered:1;    /* a server has a portal */

    /* of this process */

    ngx_soporte_spool_t            *spool;
    ngx_http_soporte_lookup_t      *lookup;
    ngx_http_soporte_probe_t       *probe;
    ngx_http_soporte_snapshot_t    *snapshot;
    ngx_http_soporte_known_t       *known;
    ngx_http_soporte_history_t     *history;
    ngx_http_soporte_events_t      *events;
    ngx_http_soporte_publish_t     *publish;
    int64_t                         started;      /* unix s */
    ngx_http_soporte_leader_t      *leader;
    ngx_uint_t                      tasks;        /* on their way, bounded */
    ngx_uint_t                      keeping;      /* where tickets go; keep.c */
    ngx_uint_t                      leading;      /* this worker leads */
} ngx_http_soporte_main_conf_t;


typedef struct {
    ngx_soporte_policy_t           *policy;
    ngx_soporte_value_t            *policy_tree;  /* as merged */
    ngx_soporte_value_t            *policy_view;  /* as pages see it */
    ngx_soporte_value_t            *policy_patch; /* of this level's file */
    ngx_str_t                       policy_file;
    ngx_http_soporte_place_t        policy_place;
    uint32_t                        terms;        /* their number */

    ngx_str_t                       portal;       /* base path, len 0: off */
    ngx_uint_t                      portal_set;
    ngx_str_t                       base;         /* of one in a location */
    void                          **portal_conf;  /* location of the portal */

    ngx_soporte_detect_conf_t       detect;
    ngx_http_soporte_place_t        detect_place; /* file NULL: not said */
    ngx_http_soporte_probe_conf_t  *probe;        /* NULL: not said */
} ngx_http_soporte_srv_conf_t;


typedef struct {
    ngx_http_soporte_key_t         *key;          /* literal tenant */
    ngx_http_complex_value_t       *value;        /* tenant with variables */
    ngx_int_t                       index;        /* of the one in it, or -1 */
    ngx_uint_t                      tenant_set;
    ngx_http_soporte_bench_t       *bench;        /* where none is set */
    ngx_http_soporte_place_t        tenant_place;

    ngx_http_soporte_profile_t     *profile;      /* of that tenant */
    ngx_uint_t                      stamp;        /* its id, by a variable */
    ngx_uint_t                      level;        /* of the log */
    ngx_uint_t                      failure;      /* NGX_SOPORTE_FAILURE_ */
    ngx_uint_t                      unlike;       /* ... not as by default */
    ngx_uint_t                      special;      /* unlike, or the portal */

    ngx_http_complex_value_t       *maintenance;
    ngx_array_t                    *bypass;       /* of predicates */
    ngx_str_t                       backups;      /* path, or len 0 */
    ngx_http_soporte_place_t        backups_place;
    ngx_http_soporte_calendar_t    *hours;
    ngx_http_complex_value_t       *queue;
    ngx_str_t                       identity;     /* URI, len 0: off */
    ngx_uint_t                      identity_set;
    ngx_http_soporte_page_t        *pages[NGX_HTTP_SOPORTE_KINDS];
    ngx_flag_t                      dry_run;

    ngx_str_t                       base;         /* of the portal, here */
    unsigned                        portal:1;
} ngx_http_soporte_loc_conf_t;


/* what the portal keeps of a request; of its pool */

typedef struct {
    ngx_str_t                       key;          /* of a link, else len 0 */
    ngx_str_t                       category;     /* of a ticket being filed */
} ngx_http_soporte_visit_t;


/*
 * A request, from the gate to the log phase.  It lies in the values of hidden
 * indexed variables: zeroed with the request, never cleared by an internal
 * redirect as r->ctx is, shared with subrequests, and without an allocation.
 *
 * nginx walks over all values and looks at their flags (ngx_http_script_run(),
 * for a proxy_pass with variables), so each value keeps its form: 28 bits of
 * ours, four flags that stay 0, a pointer of ours.
 */

typedef struct {
    unsigned                        finalized:1;
    unsigned                        counted:1;    /* 101, at its handshake */
    unsigned                        page:1;       /* we answered for it */
    unsigned                        garbage:1;    /* no HTTP was answered */
    unsigned                        peek:1;       /* a 503's body is read */
    unsigned                        read_only:1;  /* Frappe said so in it */
    unsigned                        held:1;       /* its header waits */
    unsigned                        replaced:1;   /* ... by our answer */
    unsigned                        stopped:1;    /* ... its maintenance */
    unsigned                        unlike:11;    /* see soporte_failure */
    unsigned                        free:8;
    unsigned                        flags:4;      /* nginx's */
    ngx_soporte_tenant_t           *tenant;       /* NULL: no tenant's */

    unsigned                        wait:16;      /* place + 1; wait.c */
    signed                          rc:12;        /* of the upstream's end */
    unsigned                        flags1:4;
    void                          (*finalize)(ngx_http_request_t *r,
                                              ngx_int_t rc);

    unsigned                        free2:28;
    unsigned                        flags2:4;
    ngx_http_soporte_visit_t       *visit;        /* of the portal's, or NULL */
} ngx_http_soporte_ctx_t;

#define NGX_HTTP_SOPORTE_CTX_VARIABLES  3

_Static_assert(sizeof(ngx_http_soporte_ctx_t)
               == NGX_HTTP_SOPORTE_CTX_VARIABLES
                  * sizeof(ngx_http_variable_value_t),
               "the context lies in the values of variables");


extern ngx_module_t  ngx_http_soporte_module;


/* memory of core/ from a pool; reply.c */
ngx_soporte_mem_t ngx_http_soporte_mem(ngx_pool_t *pool);


/*
 * What the tasks look at between waits.  ngx_exiting is no sig_atomic_t, but
 * only ever 0 or 1: its lower half is looked at.
 */

static ngx_inline void
ngx_http_soporte_exit_flags(volatile sig_atomic_t *stop[2])
{
#if (NGX_HAVE_LITTLE_ENDIAN)
    stop[0] = (volatile sig_atomic_t *) (void *) &ngx_exiting;
#else
    stop[0] = (volatile sig_atomic_t *) (void *) (&ngx_exiting + 1) - 1;
#endif
    stop[1] = &ngx_terminate;
}


/* tenant.c: whose request it is; NULL when no tenant's */

ngx_http_soporte_ctx_t *ngx_http_soporte_ctx_make(ngx_http_request_t *r);

/* of a configuration without a literal one: by a variable, by its host */
ngx_soporte_tenant_t *ngx_http_soporte_tenant_named(ngx_http_request_t *r,
    ngx_http_soporte_loc_conf_t *slcf);

/* where the context lies, of whomever the request is */

static ngx_inline ngx_http_soporte_ctx_t *
ngx_http_soporte_ctx_room(ngx_http_request_t *r)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    return (ngx_http_soporte_ctx_t *) (void *) &r->variables[smcf->variable];
}


/* the context if it was found out before whose request it is */

static ngx_inline ngx_http_soporte_ctx_t *
ngx_http_soporte_ctx(ngx_http_request_t *r)
{
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_ctx_room(r);

    return ctx->tenant ? ctx : NULL;
}


/* open.c: what a policy means for the reckoning */
void ngx_http_soporte_terms(const ngx_soporte_policy_t *policy,
    ngx_soporte_terms_t *terms);


void ngx_http_soporte_tenant_overflow(ngx_http_soporte_main_conf_t *smcf,
    ngx_log_t *log);


/* gate.c, filter.c, log.c: the hooks */

ngx_int_t ngx_http_soporte_gate_handler(ngx_http_request_t *r);
void ngx_http_soporte_filter_init(void);
ngx_int_t ngx_http_soporte_log_handler(ngx_http_request_t *r);

/* what is known of a request of which a context was made */
void ngx_http_soporte_sample(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_soporte_sample_t *sample);


/* handlers of locations */

ngx_int_t ngx_http_soporte_portal_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_soporte_metrics_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_soporte_control_handler(ngx_http_request_t *r);


/* variables.c */

ngx_int_t ngx_http_soporte_add_variables(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);


/* leader.c: once a worker, from init_process */

ngx_int_t ngx_http_soporte_leader_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/* from exit_process, NULL is allowed */

void ngx_http_soporte_leader_exit(ngx_http_soporte_leader_t *leader);


#endif /* _NGX_HTTP_SOPORTE_H_INCLUDED_ */
