
/*
 * Collects a tenant's incidents and windows, and says them on the status
 * page: what holds first, then what is over, each with its timeline.
 */

#include "ngx_http_soporte_notices.h"

#include "ngx_soporte_folio.h"


#define NGX_HTTP_SOPORTE_NOTICES_SHOWN  4    /* incidents of the page */
#define NGX_HTTP_SOPORTE_NOTICES_SAID   5    /* ... words of each, the last */
#define NGX_HTTP_SOPORTE_NOTICES_SLACK  10   /* s, detected and measured */


static ngx_int_t ngx_http_soporte_notices_board(ngx_array_t *list,
    const ngx_soporte_zone_t *zone, uint32_t slot, ngx_uint_t kind);
static ngx_int_t ngx_http_soporte_notices_outages(ngx_array_t *list,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    int64_t now);
static ngx_uint_t ngx_http_soporte_notices_covered(const ngx_array_t *list,
    const ngx_soporte_outage_t *outage, int64_t now);
static int ngx_libc_cdecl ngx_http_soporte_notices_compare(const void *one,
    const void *two);
static void ngx_http_soporte_notices_incident(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_notices_timeline(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *item, const ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_notices_window(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_notices_text(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, const u_char *p,
    size_t len);
static void ngx_http_soporte_notices_at(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, int64_t t);


ngx_array_t *
ngx_http_soporte_notices(ngx_pool_t *pool, const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, ngx_uint_t kind, int64_t now)
{
    ngx_array_t  *list;

    list = ngx_array_create(pool, 4, sizeof(ngx_soporte_notice_t));

    if (list == NULL
        || ngx_http_soporte_notices_board(list, zone,
                               ngx_soporte_tenant_index(zone, tenant), kind)
           != NGX_OK
        || ngx_http_soporte_notices_board(list, zone, NGX_SOPORTE_ALL, kind)
           != NGX_OK)
    {
        return NULL;
    }

    if (kind == NGX_SOPORTE_BOARD_INCIDENT
        && ngx_http_soporte_notices_outages(list, zone, tenant, now)
           != NGX_OK)
    {
        return NULL;
    }

    ngx_qsort(list->elts, list->nelts, sizeof(ngx_soporte_notice_t),
              ngx_http_soporte_notices_compare);

    return list;
}


static ngx_int_t
ngx_http_soporte_notices_board(ngx_array_t *list,
    const ngx_soporte_zone_t *zone, uint32_t slot, ngx_uint_t kind)
{
    uint32_t               at;
    ngx_uint_t             n;
    ngx_soporte_notice_t  *copy, notice;

    at = 0;
    n = 0;

    while (n < NGX_HTTP_SOPORTE_NOTICES_MAX
           && ngx_soporte_board_each(zone, slot, &at, &notice) == NGX_OK)
    {
        /* a window that never began was called off */

        if (notice.kind != kind
            || ngx_soporte_notice_duplicate(&notice)
            || (kind == NGX_SOPORTE_BOARD_MAINTENANCE
                && notice.ended && notice.ended < notice.began))
        {
            continue;
        }

        copy = ngx_array_push(list);

        if (copy == NULL) {
            return NGX_ERROR;
        }

        *copy = notice;
        n++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_notices_outages(ngx_array_t *list,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    int64_t now)
{
    ngx_uint_t                   i;
    ngx_soporte_notice_t        *notice;
    const ngx_soporte_outage_t  *outage;

    for (i = 0; i < NGX_SOPORTE_OUTAGES; i++) {
        outage = ngx_soporte_outage_past(&tenant->history.outages, i);

        if (outage == NULL) {
            break;
        }

        if (ngx_http_soporte_notices_covered(list, outage, now)) {
            continue;
        }

        notice = ngx_array_push(list);

        if (notice == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(notice, sizeof(ngx_soporte_notice_t));

        notice->kind = NGX_SOPORTE_BOARD_INCIDENT;
        notice->tenant = ngx_soporte_tenant_index(zone, tenant);
        notice->flags = NGX_SOPORTE_NOTICE_DETECTED;
        notice->impact = NGX_SOPORTE_IMPACT_CRITICAL;
        notice->status = outage->ended ? NGX_SOPORTE_STATUS_RESOLVED
                                       : NGX_SOPORTE_STATUS_INVESTIGATING;
        notice->began = outage->began;
        notice->ended = outage->ended;
        notice->updated = outage->ended ? outage->ended : outage->began;
    }

    return NGX_OK;
}


/* an incident tells of the same time; two clocks told when it was */

static ngx_uint_t
ngx_http_soporte_notices_covered(const ngx_array_t *list,
    const ngx_soporte_outage_t *outage, int64_t now)
{
    int64_t                ended;
    ngx_uint_t             i;
    ngx_soporte_notice_t  *notice;

    notice = list->elts;
    ended = outage->ended ? (int64_t) outage->ended : now;

    for (i = 0; i < list->nelts; i++) {

        if (notice[i].version
            && notice[i].began <= ended + NGX_HTTP_SOPORTE_NOTICES_SLACK
            && (notice[i].ended == 0
                || (outage->ended
                    && notice[i].ended + NGX_HTTP_SOPORTE_NOTICES_SLACK
                       >= (int64_t) outage->began)))
        {
            return 1;
        }
    }

    return 0;
}


static int ngx_libc_cdecl
ngx_http_soporte_notices_compare(const void *one, const void *two)
{
    const ngx_soporte_notice_t  *a = one;
    const ngx_soporte_notice_t  *b = two;

    return (b->began > a->began) - (b->began < a->began);
}


ngx_http_soporte_tense_e
ngx_http_soporte_notice_tense(const ngx_soporte_notice_t *notice, int64_t now)
{
    if (ngx_soporte_notice_over(notice, now)) {
        return NGX_HTTP_SOPORTE_PAST;
    }

    return ngx_soporte_notice_holds(notice, now) ? NGX_HTTP_SOPORTE_NOW
                                                 : NGX_HTTP_SOPORTE_AHEAD;
}


u_char *
ngx_http_soporte_notice_id(u_char *dst, const ngx_str_t *tenant,
    const ngx_soporte_notice_t *notice)
{
    if (notice->version) {
        return ngx_soporte_uuid_format(dst, notice->id);
    }

    return ngx_sprintf(dst, "%V-%L", tenant, notice->began);
}


void
ngx_http_soporte_notices_view(ngx_http_soporte_view_t *view,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    ngx_uint_t visible)
{
    ngx_uint_t             i, n, past;
    ngx_array_t           *array;
    ngx_soporte_value_t   *list;
    ngx_soporte_notice_t  *notice;

    if (visible & NGX_SOPORTE_PUBLIC_INCIDENT) {
        array = ngx_http_soporte_notices(view->voice.pool, zone, tenant,
                                         NGX_SOPORTE_BOARD_INCIDENT,
                                         view->voice.now);

        list = ngx_soporte_value_add(&view->mem, view->root, "incidents",
                                     NGX_SOPORTE_LIST);
        n = array ? array->nelts : 0;

        past = 0;

        for (i = 0; i < n && i < NGX_HTTP_SOPORTE_NOTICES_SHOWN; i++) {
            notice = array->elts;
            ngx_http_soporte_notices_incident(view, list, zone, &notice[i]);
            past |= (notice[i].ended != 0);
        }

        (void) ngx_soporte_value_bool(&view->mem, view->root,
                                      "has_incidents", past);
    }

    if (!(visible & NGX_SOPORTE_PUBLIC_MAINTENANCE)) {
        return;
    }

    array = ngx_http_soporte_notices(view->voice.pool, zone, tenant,
                                     NGX_SOPORTE_BOARD_MAINTENANCE,
                                     view->voice.now);

    list = ngx_soporte_value_add(&view->mem, view->root, "planned",
                                 NGX_SOPORTE_LIST);
    n = array ? array->nelts : 0;

    /* the next one first */

    while (n--) {
        notice = array->elts;

        if (ngx_http_soporte_notice_tense(&notice[n], view->voice.now)
            == NGX_HTTP_SOPORTE_AHEAD)
        {
            ngx_http_soporte_notices_window(view, list, &notice[n]);
        }
    }

    (void) ngx_soporte_value_bool(&view->mem, view->root, "has_planned",
                                  list && list->first);
}


static void
ngx_http_soporte_notices_incident(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice)
{
    u_char               *p;
    ngx_str_t             s, body;
    ngx_soporte_value_t  *item;

    ngx_str_null(&body);

    item = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);

    p = ngx_soporte_alloc(&view->mem, NGX_HTTP_SOPORTE_NOTICE_ID);

    if (p) {
        s.data = p;
        s.len = ngx_http_soporte_notice_id(p, &view->report.key, notice) - p;
        (void) ngx_soporte_value_str(&view->mem, item, "id", &s);
    }

    if (notice->title_len) {
        ngx_http_soporte_notices_text(view, item, "title", notice->title,
                                      notice->title_len);
    } else if (notice->ended == 0 && view->report.troubled) {
        ngx_http_soporte_view_words(view, &s, &body);
        (void) ngx_soporte_value_str(&view->mem, item, "title", &s);

    } else {
        s = ngx_http_soporte_phrase(&view->voice, "history", "outage");
        (void) ngx_soporte_value_str(&view->mem, item, "title", &s);
    }

    ngx_http_soporte_notices_at(view, item, "since", notice->began);
    ngx_http_soporte_notices_at(view, item, "until", notice->ended);

    (void) ngx_soporte_value_bool(&view->mem, item, "open",
                                  notice->ended == 0);

    s = ngx_http_soporte_phrase(&view->voice, "incident_status",
                                notice->ended
                                ? "resolved"
                                : ngx_soporte_status_names[notice->status]);
    (void) ngx_soporte_value_str(&view->mem, item, "status", &s);

    if (notice->message_len == 0 && body.len) {
        (void) ngx_soporte_value_str(&view->mem, item, "body", &body);

    } else {
        ngx_http_soporte_notices_text(view, item, "body", notice->message,
                                      notice->message_len);
    }

    if (notice->flags & NGX_SOPORTE_NOTICE_DETECTED) {
        (void) ngx_soporte_value_bool(&view->mem, item, "detected", 1);
    }

    ngx_http_soporte_notices_timeline(view, item, zone, notice);
}


/* what was said, the last word first */

static void
ngx_http_soporte_notices_timeline(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *item, const ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice)
{
    ngx_str_t              s;
    ngx_uint_t             i, n;
    ngx_soporte_value_t   *list, *update;
    ngx_soporte_update_t  *said;

    if (notice->version == 0) {
        return;
    }

    said = ngx_palloc(view->voice.pool, NGX_HTTP_SOPORTE_NOTICES_SAID
                                        * sizeof(ngx_soporte_update_t));

    if (said == NULL) {
        return;
    }

    n = ngx_soporte_board_timeline(zone, notice->id, said,
                                   NGX_HTTP_SOPORTE_NOTICES_SAID);

    list = ngx_soporte_value_add(&view->mem, item, "updates",
                                 NGX_SOPORTE_LIST);

    for (i = 0; i < n; i++) {
        update = ngx_soporte_value_add(&view->mem, list, NULL,
                                       NGX_SOPORTE_OBJECT);

        ngx_http_soporte_notices_at(view, update, "at", said[i].at);

        s = ngx_http_soporte_phrase(&view->voice, "incident_status",
                                    ngx_soporte_status_names[said[i].status]);
        (void) ngx_soporte_value_str(&view->mem, update, "status", &s);

        ngx_http_soporte_notices_text(view, update, "body", said[i].message,
                                      said[i].message_len);
    }

    (void) ngx_soporte_value_bool(&view->mem, item, "has_updates", n > 1);
}


static void
ngx_http_soporte_notices_window(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_notice_t *notice)
{
    ngx_soporte_value_t  *item;

    item = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);

    ngx_http_soporte_notices_text(view, item, "title", notice->title,
                                  notice->title_len);
    ngx_http_soporte_notices_text(view, item, "message", notice->message,
                                  notice->message_len);
    ngx_http_soporte_notices_at(view, item, "starts", notice->began);
    ngx_http_soporte_notices_at(view, item, "ends", notice->ends);
}


/* a copy: the notice may be of a shorter life than the tree */

static void
ngx_http_soporte_notices_text(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, const u_char *p,
    size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = ngx_soporte_alloc(&view->mem, len + 1);

    if (s.data) {
        ngx_memcpy(s.data, p, len);
        (void) ngx_soporte_value_str(&view->mem, parent, name, &s);
    }
}


static void
ngx_http_soporte_notices_at(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, int64_t t)
{
    ngx_str_t  s;

    if (t) {
        s = ngx_http_soporte_soon(&view->voice, t);
        (void) ngx_soporte_value_str(&view->mem, parent, name, &s);
    }
}
