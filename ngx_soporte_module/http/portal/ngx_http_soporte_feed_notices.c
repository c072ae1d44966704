
/*
 * Incidents and maintenance windows in the shape of Statuspage.
 */

#include "ngx_http_soporte_feeds.h"
#include "ngx_http_soporte_notices.h"


static void ngx_http_soporte_feed_notice(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *list, const ngx_soporte_notice_t *notice);
static const char *ngx_http_soporte_feed_notice_status(
    const ngx_soporte_notice_t *notice, int64_t now);
static void ngx_http_soporte_feed_name(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_feed_said(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_soporte_notice_t *notice,
    const ngx_str_t *id);
static void ngx_http_soporte_feed_update(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *list, const ngx_str_t *id, ngx_uint_t n,
    const char *status, const ngx_soporte_update_t *said);
static void ngx_http_soporte_feed_affected(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_feed_link(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_str_t *id);


void
ngx_http_soporte_feed_list_incidents(ngx_http_soporte_feed_t *feed,
    ngx_uint_t tenses)
{
    ngx_uint_t             i;
    ngx_array_t           *array;
    ngx_soporte_value_t   *list;
    ngx_soporte_notice_t  *notice;

    list = ngx_soporte_value_add(&feed->view.mem, feed->root, "incidents",
                                 NGX_SOPORTE_LIST);

    if (!(feed->visible & NGX_SOPORTE_PUBLIC_INCIDENT)) {
        return;
    }

    array = ngx_http_soporte_notices(feed->request->pool, feed->zone,
                                     feed->ctx->tenant,
                                     NGX_SOPORTE_BOARD_INCIDENT,
                                     feed->view.voice.now);

    for (i = 0; array && i < array->nelts; i++) {
        notice = array->elts;
        notice += i;

        if (tenses & (1 << ngx_http_soporte_notice_tense(notice,
                                                   feed->view.voice.now)))
        {
            ngx_http_soporte_feed_notice(feed, list, notice);
        }
    }
}


void
ngx_http_soporte_feed_list_windows(ngx_http_soporte_feed_t *feed,
    ngx_uint_t tenses)
{
    ngx_uint_t             i;
    ngx_array_t           *array;
    ngx_soporte_value_t   *list;
    ngx_soporte_notice_t  *notice;

    list = ngx_soporte_value_add(&feed->view.mem, feed->root,
                                 "scheduled_maintenances", NGX_SOPORTE_LIST);

    if (!(feed->visible & NGX_SOPORTE_PUBLIC_MAINTENANCE)) {
        return;
    }

    array = ngx_http_soporte_notices(feed->request->pool, feed->zone,
                                     feed->ctx->tenant,
                                     NGX_SOPORTE_BOARD_MAINTENANCE,
                                     feed->view.voice.now);

    /* the next one first */

    for (i = array ? array->nelts : 0; i-- > 0; /* void */) {
        notice = array->elts;
        notice += i;

        if (tenses & (1 << ngx_http_soporte_notice_tense(notice,
                                                   feed->view.voice.now)))
        {
            ngx_http_soporte_feed_notice(feed, list, notice);
        }
    }
}


static void
ngx_http_soporte_feed_notice(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *list, const ngx_soporte_notice_t *notice)
{
    ngx_str_t             id;
    ngx_uint_t            window;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *item;

    mem = &feed->view.mem;
    window = (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE);

    id.data = ngx_soporte_alloc(mem, NGX_HTTP_SOPORTE_NOTICE_ID);

    if (id.data == NULL) {
        return;
    }

    id.len = ngx_http_soporte_notice_id(id.data, &feed->view.report.key,
                                        notice)
             - id.data;

    item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, item, "id", &id);
    ngx_http_soporte_feed_name(feed, item, notice);
    (void) ngx_soporte_value_cstr(mem, item, "status",
                          ngx_http_soporte_feed_notice_status(notice,
                                                   feed->view.voice.now));
    ngx_http_soporte_feed_instant(feed, item, "created_at",
                                  window && notice->announced
                                  ? notice->announced : notice->began);
    ngx_http_soporte_feed_instant(feed, item, "updated_at", notice->updated);
    ngx_http_soporte_feed_instant(feed, item, "resolved_at",
                                  notice->ended ? notice->ended
                                  : window && notice->ends
                                    <= feed->view.voice.now
                                  ? notice->ends : 0);
    (void) ngx_soporte_value_cstr(mem, item, "impact",
                                  window ? "maintenance"
                                  : ngx_soporte_impact_names[notice->impact]);
    ngx_http_soporte_feed_link(feed, item, &id);
    ngx_http_soporte_feed_instant(feed, item, "started_at", notice->began);
    ngx_http_soporte_feed_key(feed, item, "page_id", "");

    if (window) {
        ngx_http_soporte_feed_instant(feed, item, "scheduled_for",
                                      notice->began);
        ngx_http_soporte_feed_instant(feed, item, "scheduled_until",
                                      notice->ends);
    }

    ngx_http_soporte_feed_said(feed, item, notice, &id);
    ngx_http_soporte_feed_affected(feed, item, notice);
}


static const char *
ngx_http_soporte_feed_notice_status(const ngx_soporte_notice_t *notice,
    int64_t now)
{
    ngx_uint_t  tense;

    static const char *const  window[] = {
        "scheduled", "in_progress", "completed"
    };

    tense = ngx_http_soporte_notice_tense(notice, now);

    if (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE) {
        return window[tense];
    }

    return (tense == NGX_HTTP_SOPORTE_PAST)
           ? "resolved" : ngx_soporte_status_names[notice->status];
}


static void
ngx_http_soporte_feed_name(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_soporte_notice_t *notice)
{
    ngx_str_t  name;

    if (notice->title_len) {
        ngx_soporte_value_text(&feed->view.mem, item, "name",
                               notice->title, notice->title_len);
        return;
    }

    name = ngx_http_soporte_phrase(&feed->view.voice, "history",
                                   notice->kind
                                   == NGX_SOPORTE_BOARD_MAINTENANCE
                                   ? "maintenance" : "outage");
    (void) ngx_soporte_value_str(&feed->view.mem, item, "name", &name);
}


/* the timeline, or the one message there is */

static void
ngx_http_soporte_feed_said(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_soporte_notice_t *notice,
    const ngx_str_t *id)
{
    int64_t                monitoring;
    ngx_uint_t             i, n;
    ngx_soporte_value_t   *list;
    ngx_soporte_update_t  *said;

    monitoring = 0;
    n = 0;

    said = ngx_pcalloc(feed->request->pool,
                       NGX_SOPORTE_BOARD_TIMELINE
                       * sizeof(ngx_soporte_update_t));

    if (said == NULL) {
        return;
    }

    list = ngx_soporte_value_add(&feed->view.mem, item, "incident_updates",
                                 NGX_SOPORTE_LIST);

    if (notice->kind == NGX_SOPORTE_BOARD_INCIDENT) {

        if (notice->version) {
            n = ngx_soporte_board_timeline(feed->zone, notice->id, said,
                                           NGX_SOPORTE_BOARD_TIMELINE);
        }

        for (i = 0; i < n; i++) {
            if (said[i].status == NGX_SOPORTE_STATUS_MONITORING) {
                monitoring = said[i].at;
            }

            ngx_http_soporte_feed_update(feed, list, id, n - i,
                ngx_soporte_status_names[said[i].status], &said[i]);
        }

        ngx_http_soporte_feed_instant(feed, item, "monitoring_at",
                                      monitoring);
    }

    if (n == 0) {
        said->at = notice->updated;
        said->message_len = notice->message_len;
        ngx_memcpy(said->message, notice->message, notice->message_len);

        ngx_http_soporte_feed_update(feed, list, id, 1,
            ngx_http_soporte_feed_notice_status(notice,
                                                feed->view.voice.now),
            said);
    }
}


static void
ngx_http_soporte_feed_update(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *list, const ngx_str_t *id, ngx_uint_t n,
    const char *status, const ngx_soporte_update_t *said)
{
    ngx_str_t             s;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *item;

    mem = &feed->view.mem;
    item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    s.data = ngx_soporte_alloc(mem, id->len + 1 + NGX_INT_T_LEN);

    if (s.data) {
        s.len = ngx_sprintf(s.data, "%V-%ui", id, n) - s.data;
        (void) ngx_soporte_value_str(mem, item, "id", &s);
    }

    (void) ngx_soporte_value_cstr(mem, item, "status", status);
    ngx_soporte_value_text(mem, item, "body", said->message,
                           said->message_len);
    (void) ngx_soporte_value_str(mem, item, "incident_id", id);
    ngx_http_soporte_feed_instant(feed, item, "created_at", said->at);
    ngx_http_soporte_feed_instant(feed, item, "updated_at", said->at);
    ngx_http_soporte_feed_instant(feed, item, "display_at", said->at);
    (void) ngx_soporte_value_add(mem, item, "affected_components",
                                 NGX_SOPORTE_NULL);
    (void) ngx_soporte_value_bool(mem, item, "deliver_notifications", 1);
    (void) ngx_soporte_value_add(mem, item, "custom_tweet",
                                 NGX_SOPORTE_NULL);
    (void) ngx_soporte_value_add(mem, item, "tweet_id", NGX_SOPORTE_NULL);
}


static void
ngx_http_soporte_feed_affected(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_soporte_notice_t *notice)
{
    ngx_uint_t            state;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *list, *component;

    mem = &feed->view.mem;
    state = feed->view.report.state;

    list = ngx_soporte_value_add(mem, item, "components", NGX_SOPORTE_LIST);
    component = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    ngx_http_soporte_feed_key(feed, component, "id", "-app");
    (void) ngx_soporte_value_cstr(mem, component, "name", "ERPNext");
    (void) ngx_soporte_value_cstr(mem, component, "status",
                         ngx_http_soporte_feed_component_status(state));
}


static void
ngx_http_soporte_feed_link(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *item, const ngx_str_t *id)
{
    ngx_str_t  s;

    s.data = ngx_soporte_alloc(&feed->view.mem,
                               feed->url.len + 1 + id->len);

    if (s.data) {
        s.len = ngx_sprintf(s.data, "%V#%V", &feed->url, id) - s.data;
        (void) ngx_soporte_value_str(&feed->view.mem, item, "shortlink", &s);
    }
}
