
/*
 * Builds the tree that pages are filled with.
 */

#include "ngx_http_soporte_view.h"
#include "ngx_http_soporte_abroad.h"
#include "ngx_http_soporte_reply.h"

#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_STALE  120          /* s without an operator's word */


static void ngx_http_soporte_view_state(ngx_http_soporte_view_t *view);
static void ngx_http_soporte_view_hours(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view);
static void ngx_http_soporte_view_abroad(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *hours);
static void ngx_http_soporte_view_maintenance(ngx_http_soporte_view_t *view,
    const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_view_restore(ngx_http_soporte_view_t *view,
    const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_view_incident(ngx_http_soporte_view_t *view);
static ngx_str_t ngx_http_soporte_view_cause(ngx_http_soporte_view_t *view,
    const char *group);
static void ngx_http_soporte_view_phases(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *restore, ngx_uint_t phase);
static void ngx_http_soporte_view_text(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, ngx_str_t text);


/*
 * Accept-Language, RFC 9110 section 12.5.4, for a choice of two: English only
 * when its weight is above that of Spanish.
 */

ngx_http_soporte_lang_e
ngx_http_soporte_lang(ngx_http_request_t *r)
{
    u_char      *p, *end, *tag;
    ngx_int_t    q, es, en;
    ngx_str_t   *accept;

    accept = ngx_http_soporte_header(r, "accept-language");

    if (accept == NULL) {
        return NGX_HTTP_SOPORTE_ES;
    }

    p = accept->data;
    end = p + accept->len;
    es = 0;
    en = 0;

    while (p < end) {
        while (p < end && (*p == ' ' || *p == ',' || *p == '\t')) {
            p++;
        }

        tag = p;
        q = 1000;

        while (p < end && *p != ',' && *p != ';') {
            p++;
        }

        if (end - p > 3 && *p == ';') {
            for (p++; p < end && *p == ' '; p++) { /* void */ }

            if (end - p > 2 && (p[0] | 0x20) == 'q' && p[1] == '=') {
                q = (p[2] == '1') ? 1000 : 0;

                if (end - p > 4 && p[2] == '0' && p[3] == '.'
                    && p[4] >= '0' && p[4] <= '9')
                {
                    q = (p[4] - '0') * 100 + 1;

                    if (end - p > 5 && p[5] >= '0' && p[5] <= '9') {
                        q += (p[5] - '0') * 10;
                    }
                }
            }
        }

        if (end - tag >= 2) {
            if ((tag[0] | 0x20) == 'e' && (tag[1] | 0x20) == 's') {
                es = ngx_max(es, q);
            }

            if ((tag[0] | 0x20) == 'e' && (tag[1] | 0x20) == 'n') {
                en = ngx_max(en, q);
            }
        }

        while (p < end && *p != ',') {
            p++;
        }
    }

    return (en > es) ? NGX_HTTP_SOPORTE_EN : NGX_HTTP_SOPORTE_ES;
}


ngx_str_t
ngx_http_soporte_base(ngx_http_request_t *r)
{
    ngx_http_soporte_loc_conf_t  *slcf;
    ngx_http_soporte_srv_conf_t  *sscf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (slcf->portal) {
        return slcf->base;
    }

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_soporte_module);

    return sscf->portal.len ? sscf->portal : sscf->base;
}


const ngx_str_t *
ngx_http_soporte_words(const ngx_http_soporte_view_t *view,
    const ngx_soporte_words_t *words)
{
    return (view->lang == NGX_HTTP_SOPORTE_EN) ? &words->en : &words->es;
}


static void
ngx_http_soporte_view_text(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name, ngx_str_t text)
{
    (void) ngx_soporte_value_str(&view->mem, parent, name, &text);
}


ngx_int_t
ngx_http_soporte_view(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_http_soporte_view_t *view)
{
    ngx_soporte_value_t           *tenant;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_srv_conf_t   *sscf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    sscf = ngx_http_get_module_srv_conf(r, ngx_http_soporte_module);
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    ngx_memzero(view, sizeof(ngx_http_soporte_view_t));

    view->mem = ngx_http_soporte_mem(r->pool);
    view->lang = ngx_http_soporte_lang(r);
    view->policy = sscf->policy;
    view->calendar = slcf->hours;
    view->base = ngx_http_soporte_base(r);

    view->voice.pool = r->pool;
    view->voice.lang = view->lang;
    view->voice.messages = smcf->messages[view->lang];
    view->voice.zone = view->calendar->zone;
    view->voice.now = ngx_time();

    view->root = ngx_soporte_value_add(&view->mem, NULL, NULL,
                                       NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_bool(&view->mem, view->root,
                                  view->lang == NGX_HTTP_SOPORTE_EN
                                  ? "en" : "es", 1);
    (void) ngx_soporte_value_cstr(&view->mem, view->root, "lang",
                                  view->lang == NGX_HTTP_SOPORTE_EN
                                  ? "en" : "es-MX");

    ngx_http_soporte_view_text(view, view->root, "base", view->base);
    ngx_http_soporte_view_text(view, view->root, "now",
                               ngx_http_soporte_date(&view->voice, "full",
                                                     ngx_time()));

    (void) ngx_soporte_value_ref(&view->mem, view->root, "policy",
                                 sscf->policy_view);
    (void) ngx_soporte_value_str(&view->mem, view->root, "form_script",
                                 &smcf->form_script);

    ngx_http_soporte_view_hours(r, view);

    if (ctx) {
        ngx_http_soporte_report(smcf->zone, ctx->tenant, ngx_time(),
                                &view->report);
        ngx_http_soporte_report_incident(smcf->zone, ctx->tenant, ngx_time(),
                                         &view->report);

        tenant = ngx_soporte_value_add(&view->mem, view->root, "tenant",
                                       NGX_SOPORTE_OBJECT);
        (void) ngx_soporte_value_str(&view->mem, tenant, "key",
                                     &view->report.key);
    }

    ngx_http_soporte_view_state(view);

    return view->mem.failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_soporte_view_state(ngx_http_soporte_view_t *view)
{
    const char           *name;
    ngx_soporte_value_t  *state;

    name = ngx_http_soporte_state_name(view->report.state);

    state = ngx_soporte_value_add(&view->mem, view->root, "state",
                                  NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&view->mem, state, "key", name);
    (void) ngx_soporte_value_bool(&view->mem, state, name, 1);
    ngx_http_soporte_view_text(view, state, "text",
                               ngx_http_soporte_phrase(&view->voice, "state",
                                                       name));

    if (view->report.since) {
        ngx_http_soporte_view_text(view, view->root, "since",
                                   ngx_http_soporte_soon(&view->voice,
                                                      view->report.since));
    }
}


static void
ngx_http_soporte_view_hours(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view)
{
    ngx_soporte_value_t  *hours;

    ngx_soporte_calendar_state(&view->calendar->table, view->voice.now,
                               &view->hours);

    hours = ngx_soporte_value_add(&view->mem, view->root, "hours",
                                  NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_bool(&view->mem, hours, "open",
                                  view->hours.open);

    if (view->hours.open
        && view->hours.until != NGX_SOPORTE_CALENDAR_BEYOND)
    {
        ngx_http_soporte_view_text(view, hours, "until",
                                   ngx_http_soporte_clock(&view->voice,
                                                          view->hours.until));
    }

    if (view->hours.opens_at != NGX_SOPORTE_CALENDAR_BEYOND) {
        ngx_http_soporte_view_text(view, hours, "opens",
                              ngx_http_soporte_moment(&view->voice, "at",
                                                      view->hours.opens_at));
        ngx_http_soporte_view_abroad(r, view, hours);
    }

    ngx_http_soporte_view_text(view, hours, "schedule",
                               ngx_http_soporte_schedule(&view->voice,
                                                    &view->calendar->rules));
    ngx_http_soporte_view_text(view, hours, "zone",
                               ngx_http_soporte_zone_name(&view->voice,
                                           &view->calendar->rules.timezone));
}


/* the same opening by the visitor's clock, where that shows another time */

static void
ngx_http_soporte_view_abroad(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *hours)
{
    ngx_str_t                      name;
    ngx_soporte_civil_t            here, there;
    ngx_http_soporte_voice_t       voice;
    const ngx_soporte_zoneinfo_t  *zone;

    zone = ngx_http_soporte_abroad(r, &name);

    if (zone == NULL) {
        return;
    }

    ngx_soporte_zoneinfo_local(view->voice.zone, view->hours.opens_at, &here);
    ngx_soporte_zoneinfo_local(zone, view->hours.opens_at, &there);

    if (here.offset == there.offset) {
        return;
    }

    voice = view->voice;
    voice.zone = zone;

    ngx_http_soporte_view_text(view, hours, "opens_yours",
                              ngx_http_soporte_moment(&voice, "at",
                                                      view->hours.opens_at));
    ngx_http_soporte_view_text(view, hours, "your_zone",
                               ngx_http_soporte_zone_name(&voice, &name));
}


void
ngx_http_soporte_view_notice(ngx_http_soporte_view_t *view)
{
    const ngx_soporte_notice_t  *notice;

    notice = &view->report.notice;

    ngx_http_soporte_view_incident(view);

    if (view->report.posted && notice->kind == NGX_SOPORTE_BOARD_RESTORE) {
        ngx_http_soporte_view_restore(view, notice);
        return;
    }

    if (view->report.state == NGX_SOPORTE_STATE_MAINTENANCE) {
        ngx_http_soporte_view_maintenance(view, notice);
    }
}


static void
ngx_http_soporte_view_incident(ngx_http_soporte_view_t *view)
{
    ngx_str_t                    title, message;
    ngx_soporte_value_t         *object;
    ngx_http_soporte_voice_t    *voice;
    const ngx_soporte_notice_t  *incident;

    incident = &view->report.incident;
    voice = &view->voice;

    if (!view->report.troubled
        && incident->cause == NGX_SOPORTE_CAUSE_UNKNOWN)
    {
        return;
    }

    object = ngx_soporte_value_add(&view->mem, view->root, "incident",
                                   NGX_SOPORTE_OBJECT);

    ngx_http_soporte_view_words(view, &title, &message);

    ngx_http_soporte_view_text(view, object, "title", title);
    ngx_http_soporte_view_text(view, object, "message", message);

    if (!view->report.troubled) {
        return;
    }

    ngx_http_soporte_view_text(view, object, "since",
                               ngx_http_soporte_soon(voice,
                                                     incident->began));

    if (incident->flags & NGX_SOPORTE_NOTICE_DETECTED) {
        return;
    }

    ngx_http_soporte_view_text(view, object, "status",
        ngx_http_soporte_phrase(voice, "incident_status",
                                ngx_soporte_status_names[incident->status]));
    ngx_http_soporte_view_text(view, object, "impact",
        ngx_http_soporte_phrase(voice, "impact",
                                ngx_soporte_impact_names[incident->impact]));
}


void
ngx_http_soporte_view_words(ngx_http_soporte_view_t *view, ngx_str_t *title,
    ngx_str_t *message)
{
    const ngx_soporte_notice_t  *incident;

    incident = &view->report.incident;

    title->data = (u_char *) incident->title;
    title->len = incident->title_len;

    if (title->len == 0) {
        *title = ngx_http_soporte_view_cause(view, "incident");
    }

    message->data = (u_char *) incident->message;
    message->len = incident->message_len;

    if (message->len == 0) {
        *message = ngx_http_soporte_view_cause(view, "cause");
    }
}


static ngx_str_t
ngx_http_soporte_view_cause(ngx_http_soporte_view_t *view, const char *group)
{
    ngx_http_soporte_blank_t  blanks[2];

    if (view->report.overlong == 0) {
        return ngx_http_soporte_phrase(&view->voice, group,
                   ngx_soporte_cause_names[view->report.incident.cause]);
    }

    blanks[0].name = 'D';
    blanks[0].text = ngx_http_soporte_soon(&view->voice,
                                           view->report.overlong);
    blanks[1].name = 0;

    return ngx_http_soporte_fill(&view->voice, group, "overlong", blanks);
}


static void
ngx_http_soporte_view_maintenance(ngx_http_soporte_view_t *view,
    const ngx_soporte_notice_t *notice)
{
    ngx_str_t             s;
    ngx_soporte_value_t  *object;

    object = ngx_soporte_value_add(&view->mem, view->root, "maintenance",
                                   NGX_SOPORTE_OBJECT);

    s.data = (u_char *) notice->title;
    s.len = notice->title_len;
    (void) ngx_soporte_value_str(&view->mem, object, "title", &s);

    s.data = (u_char *) notice->message;
    s.len = notice->message_len;
    (void) ngx_soporte_value_str(&view->mem, object, "message", &s);

    if (notice->ends) {
        ngx_http_soporte_view_text(view, object, "ends",
                                   ngx_http_soporte_soon(&view->voice,
                                                         notice->ends));
    }
}


static void
ngx_http_soporte_view_restore(ngx_http_soporte_view_t *view,
    const ngx_soporte_notice_t *notice)
{
    u_char                    *p;
    int64_t                    deadline;
    ngx_str_t                  s;
    ngx_soporte_value_t       *object;
    ngx_http_soporte_voice_t  *voice;

    voice = &view->voice;
    deadline = ngx_soporte_notice_deadline(notice);

    object = ngx_soporte_value_add(&view->mem, view->root, "restore",
                                   NGX_SOPORTE_OBJECT);

    ngx_http_soporte_view_phases(view, object, notice->phase);

    (void) ngx_soporte_value_bool(&view->mem, object, "has_progress",
                                  notice->progress >= 0);
    (void) ngx_soporte_value_int(&view->mem, object, "progress",
                                 ngx_max(notice->progress, 0));

    s.data = (u_char *) notice->message;
    s.len = notice->message_len;
    (void) ngx_soporte_value_str(&view->mem, object, "message", &s);

    if (notice->backup) {
        ngx_http_soporte_view_text(view, object, "backup_at",
                                   ngx_http_soporte_soon(voice,
                                                         notice->backup));
    }

    ngx_http_soporte_view_text(view, object, "started",
                               ngx_http_soporte_soon(voice, notice->began));
    ngx_http_soporte_view_text(view, object, "deadline",
                               ngx_http_soporte_soon(voice, deadline));
    ngx_http_soporte_view_text(view, object, "updated",
                               ngx_http_soporte_soon(voice,
                                                     notice->updated));

    p = ngx_soporte_alloc(&view->mem, NGX_SOPORTE_TIME_LEN);

    if (p) {
        s.data = p;
        s.len = ngx_soporte_time_rfc3339(p, deadline, 0) - p;
        (void) ngx_soporte_value_str(&view->mem, object, "deadline_at", &s);
    }

    (void) ngx_soporte_value_bool(&view->mem, object, "stale",
                                  voice->now - notice->updated
                                  >= NGX_HTTP_SOPORTE_STALE);
    (void) ngx_soporte_value_bool(&view->mem, object, "late",
                                  voice->now > deadline);
}


static void
ngx_http_soporte_view_phases(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *restore, ngx_uint_t phase)
{
    const char           *name;
    ngx_uint_t            i;
    ngx_soporte_value_t  *list, *item;

    list = ngx_soporte_value_add(&view->mem, restore, "phases",
                                 NGX_SOPORTE_LIST);

    for (i = 0; i < NGX_SOPORTE_PHASES; i++) {
        name = ngx_soporte_phase_names[i];

        item = ngx_soporte_value_add(&view->mem, list, NULL,
                                     NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_cstr(&view->mem, item, "key", name);
        ngx_http_soporte_view_text(view, item, "text",
                                   ngx_http_soporte_phrase(&view->voice,
                                                           "phase", name));
        (void) ngx_soporte_value_bool(&view->mem, item,
                                      i < phase ? "done"
                                      : i == phase ? "current" : "todo", 1);
        (void) ngx_soporte_value_int(&view->mem, item, "n", i + 1);
    }
}
