
/*
 * Why a tenant's state is what it is: what was seen of it and what was said,
 * in order and in plain words.
 */

#include "ngx_http_soporte_control.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_report.h"

#include "ngx_soporte_seen.h"


#define NGX_HTTP_SOPORTE_WHY_SIGHTS  200
#define NGX_HTTP_SOPORTE_WHY_EVENTS                                           \
    (NGX_HTTP_SOPORTE_WHY_SIGHTS + 8 * NGX_SOPORTE_BOARD_OVER)


/* one line of the answer */

typedef struct {
    int64_t                     at;          /* unix ms */
    uint64_t                    order;       /* within a second */
    const char                 *what;
    ngx_str_t                   text;
} ngx_http_soporte_why_event_t;


typedef struct {
    ngx_soporte_zone_t            *zone;
    ngx_pool_t                    *pool;
    ngx_uint_t                     n;
    uint64_t                       order;    /* of the events to be added */
    ngx_http_soporte_why_event_t   events[NGX_HTTP_SOPORTE_WHY_EVENTS];
} ngx_http_soporte_why_t;


static void ngx_http_soporte_why_seen(ngx_http_soporte_why_t *why,
    uint32_t tenant);
static void ngx_http_soporte_why_sight(ngx_http_soporte_why_t *why,
    const ngx_soporte_sight_t *sight);
static void ngx_http_soporte_why_said(ngx_http_soporte_why_t *why,
    uint32_t tenant);
static void ngx_http_soporte_why_notice(ngx_http_soporte_why_t *why,
    const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_why_parent(ngx_http_soporte_why_t *why,
    const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_why_add(ngx_http_soporte_why_t *why, int64_t at,
    const char *what, const char *fmt, ...);
static ngx_int_t ngx_http_soporte_why_order(const void *one,
    const void *two);


/* by ngx_soporte_cause_e */

static const char *const  ngx_http_soporte_why_causes[5] = {
    "failed",
    "found no connection",
    "got no answer in time",
    "got 502, 503, 504 or no HTTP at all",
    "met Frappe's maintenance mode"
};


ngx_int_t
ngx_http_soporte_control_why(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_uint_t                     i;
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root, *list, *item;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_why_t        *why;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_report_t      report;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    why = ngx_palloc(r->pool, sizeof(ngx_http_soporte_why_t));

    if (why == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    why->zone = smcf->zone;
    why->pool = r->pool;
    why->n = 0;
    why->order = 0;

    ngx_http_soporte_why_seen(why, target->tenant);
    ngx_http_soporte_why_said(why, target->tenant);
    ngx_http_soporte_why_said(why, NGX_SOPORTE_ALL);

    ngx_sort(why->events, why->n, sizeof(ngx_http_soporte_why_event_t),
             ngx_http_soporte_why_order);

    tenant = ngx_soporte_tenant(smcf->zone, target->tenant);

    ngx_http_soporte_report(smcf->zone, tenant, ngx_time(), &report);
    ngx_http_soporte_report_incident(smcf->zone, tenant, ngx_time(),
                                     &report);

    root = ngx_http_soporte_report_value(&mem, NULL, &report, 0);
    list = ngx_soporte_value_add(&mem, root, "events", NGX_SOPORTE_LIST);

    for (i = 0; i < why->n; i++) {
        item = ngx_soporte_value_add(&mem, list, NULL, NGX_SOPORTE_OBJECT);

        ngx_soporte_value_instant(&mem, item, "at", why->events[i].at / 1000);
        (void) ngx_soporte_value_int(&mem, item, "at_ms", why->events[i].at);
        (void) ngx_soporte_value_cstr(&mem, item, "what",
                                      why->events[i].what);
        (void) ngx_soporte_value_str(&mem, item, "text",
                                     &why->events[i].text);
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


static void
ngx_http_soporte_why_seen(ngx_http_soporte_why_t *why, uint32_t tenant)
{
    ngx_uint_t            i, n;
    ngx_soporte_sight_t  *sights;

    sights = ngx_palloc(why->pool, NGX_HTTP_SOPORTE_WHY_SIGHTS
                                   * sizeof(ngx_soporte_sight_t));

    if (sights == NULL) {
        return;
    }

    n = ngx_soporte_seen_read(why->zone, tenant, sights,
                              NGX_HTTP_SOPORTE_WHY_SIGHTS);

    for (i = 0; i < n; i++) {
        ngx_http_soporte_why_sight(why, &sights[i]);
    }
}


static void
ngx_http_soporte_why_sight(ngx_http_soporte_why_t *why,
    const ngx_soporte_sight_t *sight)
{
    int64_t      took;
    const char  *what, *cause;

    what = ngx_soporte_seen_names[sight->what];
    cause = ngx_http_soporte_why_causes[sight->cause];
    took = sight->since ? ngx_max(sight->at - sight->since, 0) : 0;

    switch (sight->what) {

    case NGX_SOPORTE_SEEN_FAILURES:
        ngx_http_soporte_why_add(why, sight->at, what,
            "%uD requests in a row %s, the first %L ms before", sight->n,
            cause, took);
        break;

    case NGX_SOPORTE_SEEN_WAITING:
        ngx_http_soporte_why_add(why, sight->at, what,
            "a request waits for its first byte for %L ms, and none was "
            "answered meanwhile", took);
        break;

    case NGX_SOPORTE_SEEN_PROBE_FAILED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "a probe %s, after %L ms", cause, took);
        break;

    case NGX_SOPORTE_SEEN_CLEARED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "a good answer: no outage, only a suspicion");
        break;

    case NGX_SOPORTE_SEEN_OPENED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "an incident was opened");
        break;

    case NGX_SOPORTE_SEEN_DOWN:
        ngx_http_soporte_why_add(why, sight->at, what,
            "down, since the first failure %L ms before", took);
        break;

    case NGX_SOPORTE_SEEN_PUBLISHED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "down for long enough that feeds tell of it");
        break;

    case NGX_SOPORTE_SEEN_ANSWERS:
        ngx_http_soporte_why_add(why, sight->at, what,
            "it answers again, since %L ms before", took);
        break;

    case NGX_SOPORTE_SEEN_CLOSED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "the incident was closed: good answers, no failure");
        break;

    case NGX_SOPORTE_SEEN_DEGRADED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "two minutes in a row were slow or had errors");
        break;

    case NGX_SOPORTE_SEEN_FINE:
        ngx_http_soporte_why_add(why, sight->at, what,
            "three minutes in a row were good");
        break;

    case NGX_SOPORTE_SEEN_SHARED:
        ngx_http_soporte_why_add(why, sight->at, what,
            "%uD tenants of its upstream are down: it is the upstream's",
            sight->n);
        break;

    default:
        ngx_http_soporte_why_add(why, sight->at, what,
            "the upstream's other tenants answer again");
    }
}


/* what speaks for the tenant, or spoke: of its own, or of all */

static void
ngx_http_soporte_why_said(ngx_http_soporte_why_t *why, uint32_t tenant)
{
    uint32_t              at;
    ngx_soporte_notice_t  notice;

    at = 0;

    while (ngx_soporte_board_each(why->zone, tenant, &at, &notice)
           == NGX_OK)
    {
        ngx_http_soporte_why_notice(why, &notice);
    }
}


static void
ngx_http_soporte_why_notice(ngx_http_soporte_why_t *why,
    const ngx_soporte_notice_t *notice)
{
    int64_t      ends;
    ngx_str_t    title;
    const char  *kind, *whose;

    kind = ngx_soporte_kind_names[notice->kind];
    whose = (notice->tenant == NGX_SOPORTE_ALL) ? " of all" : "";

    title.data = (u_char *) notice->title;
    title.len = notice->title_len;
    why->order = notice->version;

    if (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE
        && notice->announced < notice->began)
    {
        ngx_http_soporte_why_add(why, notice->announced * 1000, "announced",
            "maintenance%s was announced \"%V\"", whose, &title);
    }

    if (notice->began <= ngx_time()
        && !ngx_soporte_notice_called_off(notice))
    {
        ngx_http_soporte_why_add(why, notice->began * 1000, kind,
            "%s%s began \"%V\"%s", kind, whose, &title,
            (notice->flags & NGX_SOPORTE_NOTICE_BLOCK)
            ? ", the page instead of the site" : "");
    }

    if (notice->updated > notice->began && notice->ended == 0) {
        ngx_http_soporte_why_add(why, notice->updated * 1000, "said",
            "last word on the %s%s: %s", kind, whose,
            notice->kind == NGX_SOPORTE_BOARD_RESTORE
            ? ngx_soporte_phase_names[notice->phase]
            : notice->kind == NGX_SOPORTE_BOARD_INCIDENT
              ? ngx_soporte_status_names[notice->status] : "changed");
    }

    ngx_http_soporte_why_parent(why, notice);

    ends = notice->ended ? notice->ended : notice->ends;

    if (ends && ends <= ngx_time()) {
        ngx_http_soporte_why_add(why, ends * 1000, "over",
            "%s%s %s", kind, whose,
            ngx_soporte_notice_called_off(notice) ? "was called off"
            : notice->ended ? "ended by an operator's word"
                            : "ended as announced");
    }
}


/* the incident of the upstream that the tenant's is a part of */

static void
ngx_http_soporte_why_parent(ngx_http_soporte_why_t *why,
    const ngx_soporte_notice_t *notice)
{
    ngx_str_t             title, message;
    ngx_soporte_notice_t  parent;

    if (ngx_soporte_board_get(why->zone, notice->parent, &parent) != NGX_OK
        || parent.tenant != NGX_SOPORTE_UPSTREAM)
    {
        return;
    }

    title.data = parent.title;
    title.len = parent.title_len;
    message.data = parent.message;
    message.len = parent.message_len;

    ngx_http_soporte_why_add(why, parent.updated * 1000, "upstream",
        "part of the outage of upstream %V: %V", &title, &message);
}


static void
ngx_http_soporte_why_add(ngx_http_soporte_why_t *why, int64_t at,
    const char *what, const char *fmt, ...)
{
    u_char                        *p;
    va_list                        args;
    ngx_http_soporte_why_event_t  *event;

    u_char                         buf[512];

    if (why->n == NGX_HTTP_SOPORTE_WHY_EVENTS) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    event = &why->events[why->n];

    event->at = at;
    event->order = why->order;
    event->what = what;
    event->text.len = p - buf;
    event->text.data = ngx_pnalloc(why->pool, event->text.len + 1);

    if (event->text.data) {
        ngx_memcpy(event->text.data, buf, event->text.len);
        why->n++;
    }
}


static ngx_int_t
ngx_http_soporte_why_order(const void *one, const void *two)
{
    const ngx_http_soporte_why_event_t  *a = one, *b = two;

    if (a->at != b->at) {
        return (a->at > b->at) ? 1 : -1;
    }

    return (a->order > b->order) - (a->order < b->order);
}
