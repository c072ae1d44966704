
/*
 * Collects what is known of a tenant from its slot and from the board.
 */

#include "ngx_http_soporte_report.h"

#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_OVERLONG  900       /* s from a window's end */


static int64_t ngx_http_soporte_report_overlong(
    const ngx_soporte_zone_t *zone, uint32_t tenant, int64_t began);
static void ngx_http_soporte_report_trouble(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_http_soporte_report_t *report,
    ngx_uint_t public);


ngx_soporte_state_e
ngx_http_soporte_state(const ngx_soporte_tenant_t *tenant, time_t now)
{
    switch (ngx_soporte_load(&tenant->gate)) {

    case NGX_SOPORTE_GATE_RESTORE:
        return NGX_SOPORTE_STATE_RESTORE;

    case NGX_SOPORTE_GATE_INCIDENT:
        return NGX_SOPORTE_STATE_DOWN;

    case NGX_SOPORTE_GATE_MAINTENANCE:
        return NGX_SOPORTE_STATE_MAINTENANCE;

    default:
        break;
    }

    /* a switch of soporte_maintenance holds a minute after a request */

    if ((time_t) ngx_soporte_load(&tenant->stamp) > now) {
        return NGX_SOPORTE_STATE_MAINTENANCE;
    }

    return ngx_soporte_load(&tenant->state);
}


void
ngx_http_soporte_report(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, time_t now,
    ngx_http_soporte_report_t *report)
{
    ngx_uint_t  i;

    ngx_memzero(report, sizeof(ngx_http_soporte_report_t));

    report->key.data = (u_char *) tenant->key;
    report->key.len = tenant->len;
    report->state = ngx_http_soporte_state(tenant, now);
    report->since = ngx_soporte_load(&tenant->since);

    report->posted = (ngx_soporte_board_read(zone, tenant, &report->notice)
                      == NGX_OK);

    if (report->posted) {
        report->since = report->notice.began;
    }

    for (i = 0; i < NGX_SOPORTE_BANKS; i++) {
        report->good += ngx_soporte_load(&tenant->bank[i].good);
        report->hard += ngx_soporte_load(&tenant->bank[i].hard);
        report->soft += ngx_soporte_load(&tenant->bank[i].soft);
    }

    report->excluded = ngx_soporte_load(&tenant->excluded);
}


void
ngx_http_soporte_report_incident(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, time_t now,
    ngx_http_soporte_report_t *report)
{
    uint32_t                     slot;
    ngx_soporte_notice_t        *incident;
    const ngx_soporte_outage_t  *outage;

    slot = ngx_soporte_tenant_index(zone, tenant);
    incident = &report->incident;

    report->troubled =
        ngx_soporte_board_current(zone, NGX_SOPORTE_BOARD_INCIDENT, slot, now,
                                  incident) == NGX_OK
        || ngx_soporte_board_current(zone, NGX_SOPORTE_BOARD_INCIDENT,
                                     NGX_SOPORTE_ALL, now, incident)
           == NGX_OK;

    if (ngx_soporte_load(&tenant->state) == NGX_SOPORTE_STATE_DOWN) {

        if (!report->troubled) {
            ngx_memzero(incident, sizeof(ngx_soporte_notice_t));

            incident->kind = NGX_SOPORTE_BOARD_INCIDENT;
            incident->tenant = slot;
            incident->flags = NGX_SOPORTE_NOTICE_DETECTED;
            incident->impact = NGX_SOPORTE_IMPACT_CRITICAL;
            incident->updated = ngx_soporte_load(&tenant->since);

            outage = ngx_soporte_outage_open(&tenant->history.outages);
            incident->began = outage ? (int64_t) outage->began
                                     : incident->updated;

            report->troubled = 1;
        }

        if (incident->cause == NGX_SOPORTE_CAUSE_UNKNOWN) {
            incident->cause = tenant->detect.cause;
        }
    }

    if (report->troubled) {
        ngx_http_soporte_report_cause(zone, tenant, incident->began,
                                      incident->cause, report);
    }
}


void
ngx_http_soporte_report_cause(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, time_t now, ngx_soporte_cause_e cause,
    ngx_http_soporte_report_t *report)
{
    uint32_t  slot;

    report->incident.cause = cause;

    if (cause != NGX_SOPORTE_CAUSE_STOPPED) {
        return;
    }

    slot = ngx_soporte_tenant_index(zone, tenant);

    report->overlong = ngx_max(
        ngx_http_soporte_report_overlong(zone, slot, now),
        ngx_http_soporte_report_overlong(zone, NGX_SOPORTE_ALL, now));
}


/* the end of a window that was over shortly before, or 0 */

static int64_t
ngx_http_soporte_report_overlong(const ngx_soporte_zone_t *zone,
    uint32_t tenant, int64_t began)
{
    int64_t               ends, found;
    uint32_t              at;
    ngx_soporte_notice_t  notice;

    at = 0;
    found = 0;

    while (ngx_soporte_board_each(zone, tenant, &at, &notice) == NGX_OK) {

        if (notice.kind != NGX_SOPORTE_BOARD_MAINTENANCE) {
            continue;
        }

        ends = notice.ended ? notice.ended : notice.ends;

        /* what began is known to the second */

        if (notice.began < ends && ends <= began + 1
            && began - ends <= NGX_HTTP_SOPORTE_OVERLONG)
        {
            found = ngx_max(found, ends);
        }
    }

    return found;
}


static void
ngx_http_soporte_report_notice(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_http_soporte_report_t *report)
{
    ngx_soporte_value_t         *object;
    const ngx_soporte_notice_t  *notice;

    notice = &report->notice;

    if (report->state == NGX_SOPORTE_STATE_MAINTENANCE) {
        object = ngx_soporte_value_add(mem, parent, "maintenance",
                                       NGX_SOPORTE_OBJECT);

        ngx_soporte_value_text(mem, object, "title", notice->title,
                               notice->title_len);

        ngx_soporte_value_text(mem, object, "message", notice->message,
                               notice->message_len);

        ngx_soporte_value_instant(mem, object, "started_at", notice->began);
        ngx_soporte_value_instant(mem, object, "ends_at", notice->ends);

    } else {
        (void) ngx_soporte_value_add(mem, parent, "maintenance",
                                     NGX_SOPORTE_NULL);
    }

    if (report->state != NGX_SOPORTE_STATE_RESTORE || !report->posted) {
        (void) ngx_soporte_value_add(mem, parent, "restore",
                                     NGX_SOPORTE_NULL);
        return;
    }

    object = ngx_soporte_value_add(mem, parent, "restore",
                                   NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, object, "phase",
                                  ngx_soporte_phase_names[notice->phase]);

    if (notice->progress < 0) {
        (void) ngx_soporte_value_add(mem, object, "progress",
                                     NGX_SOPORTE_NULL);
    } else {
        (void) ngx_soporte_value_int(mem, object, "progress",
                                     notice->progress);
    }

    ngx_soporte_value_text(mem, object, "message", notice->message,
                           notice->message_len);

    ngx_soporte_value_instant(mem, object, "started_at", notice->began);
    ngx_soporte_value_instant(mem, object, "deadline_at",
                              ngx_soporte_notice_deadline(notice));
    ngx_soporte_value_instant(mem, object, "updated_at", notice->updated);
    ngx_soporte_value_instant(mem, object, "backup_at", notice->backup);
}


ngx_soporte_value_t *
ngx_http_soporte_report_value(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_http_soporte_report_t *report,
    ngx_uint_t public)
{
    ngx_soporte_value_t  *root, *object;

    root = ngx_soporte_value_add(mem, parent, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, root, "tenant", &report->key);
    (void) ngx_soporte_value_cstr(mem, root, "state",
                                ngx_http_soporte_state_name(report->state));
    ngx_soporte_value_instant(mem, root, "since", report->since);

    if (!public) {
        object = ngx_soporte_value_add(mem, root, "requests",
                                       NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_int(mem, object, "good", report->good);
        (void) ngx_soporte_value_int(mem, object, "hard", report->hard);
        (void) ngx_soporte_value_int(mem, object, "soft", report->soft);
        (void) ngx_soporte_value_int(mem, object, "excluded",
                                     report->excluded);
    }

    ngx_http_soporte_report_trouble(mem, root, report, public);
    ngx_http_soporte_report_notice(mem, root, report);

    return root;
}


static void
ngx_http_soporte_report_trouble(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_http_soporte_report_t *report,
    ngx_uint_t public)
{
    ngx_soporte_value_t         *object;
    const ngx_soporte_notice_t  *incident;

    if (!report->troubled) {
        (void) ngx_soporte_value_add(mem, parent, "incident",
                                     NGX_SOPORTE_NULL);
        return;
    }

    incident = &report->incident;

    object = ngx_soporte_value_add(mem, parent, "incident",
                                   NGX_SOPORTE_OBJECT);

    if (incident->version) {
        ngx_soporte_value_id(mem, object, "id", incident->id);
    }

    ngx_soporte_value_text(mem, object, "title", incident->title,
                           incident->title_len);
    ngx_soporte_value_text(mem, object, "message", incident->message,
                           incident->message_len);
    (void) ngx_soporte_value_cstr(mem, object, "impact",
                        ngx_soporte_impact_names[incident->impact]);
    (void) ngx_soporte_value_cstr(mem, object, "status",
                        ngx_soporte_status_names[incident->status]);
    (void) ngx_soporte_value_bool(mem, object, "detected",
                        incident->flags & NGX_SOPORTE_NOTICE_DETECTED);
    (void) ngx_soporte_value_bool(mem, object, "block",
                        incident->flags & NGX_SOPORTE_NOTICE_BLOCK);

    if (!public) {
        (void) ngx_soporte_value_cstr(mem, object, "cause",
                        ngx_soporte_cause_names[incident->cause]);
    }

    ngx_soporte_value_instant(mem, object, "started_at", incident->began);
    ngx_soporte_value_instant(mem, object, "updated_at", incident->updated);
}
