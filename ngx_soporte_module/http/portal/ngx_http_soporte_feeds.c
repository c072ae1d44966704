
/*
 * The tenant's state for programs: the API of Statuspage, version 2, and
 * application/health+json.  From memory alone; no key that is not named here.
 */

#include "ngx_http_soporte_feeds.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_month.h"
#include "ngx_http_soporte_page.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_public.h"
#include "ngx_http_soporte_ticket.h"

#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_FEED_AGE  10        /* s */


typedef struct {
    ngx_str_t              name;             /* below /api/v2/ */
    void                 (*fill)(ngx_http_soporte_feed_t *feed);
} ngx_http_soporte_feed_name_t;


static ngx_int_t ngx_http_soporte_feed_open(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_feed_t *feed);
static ngx_int_t ngx_http_soporte_feed_send(ngx_http_soporte_feed_t *feed,
    ngx_uint_t status, const char *type);
static void ngx_http_soporte_feed_page(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_status(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_components(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_component(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *list, const char *suffix, const char *name,
    const char *status);
static const char *ngx_http_soporte_feed_backup(
    ngx_http_soporte_feed_t *feed, int64_t *oldest);
static void ngx_http_soporte_feed_summary(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_incidents(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_unresolved(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_maintenances(
    ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_upcoming(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_active(ngx_http_soporte_feed_t *feed);
static void ngx_http_soporte_feed_sla(ngx_http_soporte_feed_t *feed);
static const char *ngx_http_soporte_health_status(ngx_uint_t state);
static void ngx_http_soporte_health_checks(ngx_http_soporte_feed_t *feed,
    const char *status);
static ngx_soporte_value_t *ngx_http_soporte_health_check(
    ngx_http_soporte_feed_t *feed, ngx_soporte_value_t *checks,
    const char *name, const char *type, const char *status);


static ngx_http_soporte_feed_name_t  ngx_http_soporte_feed_names[] = {
    { ngx_string("status.json"), ngx_http_soporte_feed_status },
    { ngx_string("summary.json"), ngx_http_soporte_feed_summary },
    { ngx_string("components.json"), ngx_http_soporte_feed_components },
    { ngx_string("incidents.json"), ngx_http_soporte_feed_incidents },
    { ngx_string("incidents/unresolved.json"),
      ngx_http_soporte_feed_unresolved },
    { ngx_string("scheduled-maintenances.json"),
      ngx_http_soporte_feed_maintenances },
    { ngx_string("scheduled-maintenances/upcoming.json"),
      ngx_http_soporte_feed_upcoming },
    { ngx_string("scheduled-maintenances/active.json"),
      ngx_http_soporte_feed_active },
    { ngx_null_string, NULL }
};


/* by ngx_soporte_state_e; a maintenance is no incident */

static const char *const
    ngx_http_soporte_feed_indicators[NGX_SOPORTE_STATES][2] =
{
    [NGX_SOPORTE_STATE_UNKNOWN] = { "none", "All Systems Operational" },
    [NGX_SOPORTE_STATE_UP] = { "none", "All Systems Operational" },
    [NGX_SOPORTE_STATE_DEGRADED] = { "minor", "Minor Service Outage" },
    [NGX_SOPORTE_STATE_DOWN] = { "critical", "Major Service Outage" },
    [NGX_SOPORTE_STATE_MAINTENANCE] = { "none", "Service Under Maintenance" },
    [NGX_SOPORTE_STATE_RESTORE] = { "critical", "Major Service Outage" }
};


ngx_int_t
ngx_http_soporte_feeds(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_int_t                      rc;
    ngx_http_soporte_feed_t        feed;
    ngx_http_soporte_feed_name_t  *f;

    for (f = ngx_http_soporte_feed_names; f->fill; f++) {

        if (f->name.len == name->len
            && ngx_memcmp(f->name.data, name->data, name->len) == 0)
        {
            rc = ngx_http_soporte_feed_open(r, ctx, &feed);

            if (rc == NGX_DECLINED) {
                break;
            }

            if (rc != NGX_OK) {
                return rc;
            }

            ngx_http_soporte_feed_page(&feed);
            f->fill(&feed);

            return ngx_http_soporte_feed_send(&feed, NGX_HTTP_OK,
                                              "application/json");
        }
    }

    return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);
}


/* NGX_DECLINED: whoever asks may not know the state */

static ngx_int_t
ngx_http_soporte_feed_open(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_http_soporte_feed_t *feed)
{
    ngx_str_t                      origin;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_memzero(feed, sizeof(ngx_http_soporte_feed_t));

    if (ngx_http_soporte_view(r, ctx, &feed->view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    feed->request = r;
    feed->ctx = ctx;
    feed->zone = smcf->zone;
    feed->visible = ngx_http_soporte_public(r, &feed->view);

    if (!(feed->visible & NGX_SOPORTE_PUBLIC_STATE)) {
        return NGX_DECLINED;
    }

    feed->root = ngx_soporte_value_add(&feed->view.mem, NULL, NULL,
                                       NGX_SOPORTE_OBJECT);

    origin = ngx_http_soporte_origin(r);

    feed->url.data = ngx_pnalloc(r->pool, origin.len + feed->view.base.len
                                          + sizeof("/estado"));

    if (feed->url.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    feed->url.len = ngx_sprintf(feed->url.data, "%V%V/estado", &origin,
                                &feed->view.base)
                    - feed->url.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_feed_send(ngx_http_soporte_feed_t *feed, ngx_uint_t status,
    const char *type)
{
    ngx_http_soporte_reply_t  reply;

    if (feed->view.mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.status = status;
    reply.type.data = (u_char *) type;
    reply.type.len = ngx_strlen(type);

    /* what is for one who has the link is in nobody else's cache */

    if (feed->visible == feed->view.policy->visible) {
        reply.max_age = NGX_HTTP_SOPORTE_FEED_AGE;
    }

    return ngx_http_soporte_reply_json(feed->request, &reply, feed->root);
}


void
ngx_http_soporte_feed_instant(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *parent, const char *name, int64_t t)
{
    u_char     *p;
    ngx_str_t   s;

    if (t == 0) {
        (void) ngx_soporte_value_add(&feed->view.mem, parent, name,
                                     NGX_SOPORTE_NULL);
        return;
    }

    s.data = ngx_soporte_alloc(&feed->view.mem, NGX_SOPORTE_TIME_LEN
                                                + sizeof(".000"));

    if (s.data) {
        p = ngx_soporte_time_rfc3339(s.data, t, 0) - 1;
        p = ngx_cpymem(p, ".000Z", sizeof(".000Z") - 1);
        s.len = p - s.data;
        (void) ngx_soporte_value_str(&feed->view.mem, parent, name, &s);
    }
}


void
ngx_http_soporte_feed_key(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *parent, const char *name, const char *suffix)
{
    ngx_str_t  s, *key;

    key = &feed->view.report.key;
    s.data = ngx_soporte_alloc(&feed->view.mem,
                               key->len + ngx_strlen(suffix) + 1);

    if (s.data) {
        s.len = ngx_sprintf(s.data, "%V%s", key, suffix) - s.data;
        (void) ngx_soporte_value_str(&feed->view.mem, parent, name, &s);
    }
}


static void
ngx_http_soporte_feed_page(ngx_http_soporte_feed_t *feed)
{
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *page;

    mem = &feed->view.mem;
    page = ngx_soporte_value_add(mem, feed->root, "page",
                                 NGX_SOPORTE_OBJECT);

    ngx_http_soporte_feed_key(feed, page, "id", "");
    ngx_http_soporte_feed_key(feed, page, "name", "");
    (void) ngx_soporte_value_str(mem, page, "url", &feed->url);
    (void) ngx_soporte_value_str(mem, page, "time_zone",
                                 &feed->view.calendar->rules.timezone);
    ngx_http_soporte_feed_instant(feed, page, "updated_at",
                                  feed->view.voice.now);
}


static void
ngx_http_soporte_feed_status(ngx_http_soporte_feed_t *feed)
{
    const char    *const *words;
    ngx_soporte_value_t  *status;

    words = ngx_http_soporte_feed_indicators[feed->view.report.state];

    status = ngx_soporte_value_add(&feed->view.mem, feed->root, "status",
                                   NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&feed->view.mem, status, "indicator",
                                  words[0]);
    (void) ngx_soporte_value_cstr(&feed->view.mem, status, "description",
                                  words[1]);
}


const char *
ngx_http_soporte_feed_component_status(ngx_uint_t state)
{
    switch (state) {

    case NGX_SOPORTE_STATE_DEGRADED:
        return "degraded_performance";

    case NGX_SOPORTE_STATE_DOWN:
    case NGX_SOPORTE_STATE_RESTORE:
        return "major_outage";

    case NGX_SOPORTE_STATE_MAINTENANCE:
        return "under_maintenance";

    default:
        return "operational";
    }
}


static void
ngx_http_soporte_feed_components(ngx_http_soporte_feed_t *feed)
{
    int64_t               oldest;
    const char           *backup;
    ngx_soporte_value_t  *list;

    list = ngx_soporte_value_add(&feed->view.mem, feed->root, "components",
                                 NGX_SOPORTE_LIST);

    ngx_http_soporte_feed_component(feed, list, "-app", "ERPNext",
        ngx_http_soporte_feed_component_status(feed->view.report.state));

    backup = ngx_http_soporte_feed_backup(feed, &oldest);

    if (backup) {
        ngx_http_soporte_feed_component(feed, list, "-backup", "Backups",
                                        backup);
    }
}


static void
ngx_http_soporte_feed_component(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *list, const char *suffix, const char *name,
    const char *status)
{
    ngx_str_t             date;
    ngx_uint_t            first;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *item;

    mem = &feed->view.mem;
    first = (list && list->first == NULL);

    item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    ngx_http_soporte_feed_key(feed, item, "id", suffix);
    (void) ngx_soporte_value_cstr(mem, item, "name", name);
    (void) ngx_soporte_value_add(mem, item, "description", NGX_SOPORTE_NULL);
    (void) ngx_soporte_value_cstr(mem, item, "status", status);
    ngx_http_soporte_feed_instant(feed, item, "created_at",
                                  feed->ctx->tenant->began);
    ngx_http_soporte_feed_instant(feed, item, "updated_at",
                                  feed->view.report.since
                                  ? feed->view.report.since
                                  : feed->ctx->tenant->began);
    (void) ngx_soporte_value_int(mem, item, "position", first ? 1 : 2);
    (void) ngx_soporte_value_bool(mem, item, "showcase", 1);

    date.len = NGX_SOPORTE_DATE_LEN;
    date.data = ngx_soporte_alloc(mem, NGX_SOPORTE_DATE_LEN);

    if (date.data) {
        (void) ngx_soporte_time_date(date.data, feed->ctx->tenant->began, 0);
        (void) ngx_soporte_value_str(mem, item, "start_date", &date);
    }

    (void) ngx_soporte_value_add(mem, item, "group_id", NGX_SOPORTE_NULL);
    ngx_http_soporte_feed_key(feed, item, "page_id", "");
    (void) ngx_soporte_value_bool(mem, item, "group", 0);
    (void) ngx_soporte_value_bool(mem, item, "only_show_if_degraded", 0);
}


/* the worse of database and files; NULL: nobody watches, or not to be told */

static const char *
ngx_http_soporte_feed_backup(ngx_http_soporte_feed_t *feed, int64_t *oldest)
{
    ngx_uint_t                       i;
    const char                      *status;
    ngx_http_soporte_backup_state_t  backup;

    *oldest = 0;

    if (!(feed->visible & NGX_SOPORTE_PUBLIC_BACKUP)) {
        return NULL;
    }

    ngx_http_soporte_backup_state(feed->ctx->tenant, feed->view.voice.now,
                                  feed->view.policy->promise.backup * 3600,
                                  &backup);

    if (!backup.known) {
        return NULL;
    }

    status = "operational";
    *oldest = backup.at[0];

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {
        *oldest = ngx_min(*oldest, backup.at[i]);

        switch (backup.state[i]) {

        case NGX_SOPORTE_BACKUP_OK:
        case NGX_SOPORTE_BACKUP_DUE:
            break;

        case NGX_SOPORTE_BACKUP_SUSPECT:
        case NGX_SOPORTE_BACKUP_INCOMPLETE:
            if (status[0] == 'o') {
                status = "partial_outage";
            }
            break;

        default:
            status = "major_outage";
        }
    }

    return status;
}


static void
ngx_http_soporte_feed_summary(ngx_http_soporte_feed_t *feed)
{
    ngx_http_soporte_feed_status(feed);
    ngx_http_soporte_feed_components(feed);
    ngx_http_soporte_feed_list_incidents(feed, NGX_HTTP_SOPORTE_FEED_NOW);
    ngx_http_soporte_feed_list_windows(feed, NGX_HTTP_SOPORTE_FEED_NOW
                                             |NGX_HTTP_SOPORTE_FEED_AHEAD);
    ngx_http_soporte_feed_sla(feed);
}


static void
ngx_http_soporte_feed_incidents(ngx_http_soporte_feed_t *feed)
{
    ngx_http_soporte_feed_list_incidents(feed, NGX_HTTP_SOPORTE_FEED_ALL);
}


static void
ngx_http_soporte_feed_unresolved(ngx_http_soporte_feed_t *feed)
{
    ngx_http_soporte_feed_list_incidents(feed, NGX_HTTP_SOPORTE_FEED_NOW);
}


static void
ngx_http_soporte_feed_maintenances(ngx_http_soporte_feed_t *feed)
{
    ngx_http_soporte_feed_list_windows(feed, NGX_HTTP_SOPORTE_FEED_ALL);
}


static void
ngx_http_soporte_feed_upcoming(ngx_http_soporte_feed_t *feed)
{
    ngx_http_soporte_feed_list_windows(feed, NGX_HTTP_SOPORTE_FEED_AHEAD);
}


static void
ngx_http_soporte_feed_active(ngx_http_soporte_feed_t *feed)
{
    ngx_http_soporte_feed_list_windows(feed, NGX_HTTP_SOPORTE_FEED_NOW);
}


/* what Statuspage has no words for, in the shape of estado.json */

static void
ngx_http_soporte_feed_sla(ngx_http_soporte_feed_t *feed)
{
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *sla;

    mem = &feed->view.mem;
    sla = ngx_soporte_value_add(mem, feed->root, "x_sla",
                                NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, sla, "state",
                     ngx_http_soporte_state_name(feed->view.report.state));

    ngx_http_soporte_month_value(&feed->view, sla, feed->ctx->tenant,
                                 feed->visible);

    if (feed->visible & NGX_SOPORTE_PUBLIC_BACKUP) {
        ngx_http_soporte_backup_value(mem, sla, feed->ctx->tenant,
                                feed->view.voice.now,
                                feed->view.policy->promise.backup * 3600);
    } else {
        (void) ngx_soporte_value_add(mem, sla, "backup", NGX_SOPORTE_NULL);
    }
}


/*
 * draft-inadarei-api-health-check-06: pass and warn are 2xx, fail is 5xx.
 */

ngx_int_t
ngx_http_soporte_health(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_int_t                rc;
    const char              *status;
    ngx_soporte_mem_t       *mem;
    ngx_soporte_value_t     *links;
    ngx_http_soporte_feed_t  feed;

    rc = ngx_http_soporte_feed_open(r, ctx, &feed);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    mem = &feed.view.mem;
    status = ngx_http_soporte_health_status(feed.view.report.state);

    (void) ngx_soporte_value_cstr(mem, feed.root, "status", status);
    (void) ngx_soporte_value_cstr(mem, feed.root, "version", "1");
    ngx_http_soporte_feed_key(&feed, feed.root, "serviceId", "");
    (void) ngx_soporte_value_cstr(mem, feed.root, "description", "ERPNext");
    (void) ngx_soporte_value_cstr(mem, feed.root, "output",
                     ngx_http_soporte_state_name(feed.view.report.state));

    ngx_http_soporte_health_checks(&feed, status);

    links = ngx_soporte_value_add(mem, feed.root, "links",
                                  NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(mem, links, "about", &feed.url);

    return ngx_http_soporte_feed_send(&feed,
                                      status[0] == 'f'
                                      ? NGX_HTTP_SERVICE_UNAVAILABLE
                                      : NGX_HTTP_OK,
                                      "application/health+json");
}


static const char *
ngx_http_soporte_health_status(ngx_uint_t state)
{
    switch (state) {

    case NGX_SOPORTE_STATE_UP:
        return "pass";

    case NGX_SOPORTE_STATE_DOWN:
    case NGX_SOPORTE_STATE_RESTORE:
        return "fail";

    default:
        return "warn";
    }
}


static void
ngx_http_soporte_health_checks(ngx_http_soporte_feed_t *feed,
    const char *status)
{
    int64_t               oldest;
    ngx_msec_t            ms[3];
    const char           *backup;
    ngx_soporte_value_t  *checks, *item;

    checks = ngx_soporte_value_add(&feed->view.mem, feed->root, "checks",
                                   NGX_SOPORTE_OBJECT);

    if (feed->visible & NGX_SOPORTE_PUBLIC_LATENCY) {
        item = ngx_http_soporte_health_check(feed, checks,
                                             "erpnext:responseTime",
                                             "component", status);

        (void) ngx_http_soporte_latency(feed->ctx->tenant,
                                        NGX_SOPORTE_HIST_5M,
                                        feed->view.voice.now, ms);

        if (ms[1] != (ngx_msec_t) -1) {
            (void) ngx_soporte_value_int(&feed->view.mem, item,
                                         "observedValue", ms[1]);
            (void) ngx_soporte_value_cstr(&feed->view.mem, item,
                                          "observedUnit", "ms");
        }
    }

    backup = ngx_http_soporte_feed_backup(feed, &oldest);

    if (backup) {
        item = ngx_http_soporte_health_check(feed, checks, "backup:age",
                                             "datastore",
                                             backup[0] == 'o' ? "pass"
                                             : backup[0] == 'p' ? "warn"
                                             : "fail");
        if (oldest) {
            (void) ngx_soporte_value_int(&feed->view.mem, item,
                                         "observedValue",
                                         feed->view.voice.now - oldest);
            (void) ngx_soporte_value_cstr(&feed->view.mem, item,
                                          "observedUnit", "s");
        }
    }
}


static ngx_soporte_value_t *
ngx_http_soporte_health_check(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *checks, const char *name, const char *type,
    const char *status)
{
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *list, *item;

    mem = &feed->view.mem;

    list = ngx_soporte_value_add(mem, checks, name, NGX_SOPORTE_LIST);
    item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, item, "componentType", type);
    (void) ngx_soporte_value_cstr(mem, item, "status", status);
    ngx_soporte_value_instant(mem, item, "time", feed->view.voice.now);

    return item;
}
