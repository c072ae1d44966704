
/*
 * Collects what is known of a tenant from its slot and from the board.
 */

#include "ngx_http_soporte_report.h"

#include "ngx_soporte_time.h"


ngx_soporte_state_e
ngx_http_soporte_state(const ngx_soporte_tenant_t *tenant, time_t now)
{
    switch (ngx_soporte_load(&tenant->gate)) {

    case NGX_SOPORTE_GATE_RESTORE:
        return NGX_SOPORTE_STATE_RESTORE;

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
ngx_http_soporte_report_instant(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, int64_t t)
{
    ngx_str_t  s;

    if (t == 0) {
        (void) ngx_soporte_value_add(mem, parent, name, NGX_SOPORTE_NULL);
        return;
    }

    s.data = ngx_soporte_alloc(mem, NGX_SOPORTE_TIME_LEN);

    if (s.data) {
        s.len = ngx_soporte_time_rfc3339(s.data, t, 0) - s.data;
        (void) ngx_soporte_value_str(mem, parent, name, &s);
    }
}


/* a copy: the report may be of a shorter life than the tree */

static void
ngx_http_soporte_report_text(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, const u_char *p,
    size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = ngx_soporte_alloc(mem, len + 1);

    if (s.data) {
        ngx_memcpy(s.data, p, len);
        (void) ngx_soporte_value_str(mem, parent, name, &s);
    }
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

        ngx_http_soporte_report_text(mem, object, "title", notice->title,
                                     notice->title_len);

        ngx_http_soporte_report_text(mem, object, "message", notice->message,
                                     notice->message_len);

        ngx_http_soporte_report_instant(mem, object, "started_at",
                                        notice->began);
        ngx_http_soporte_report_instant(mem, object, "ends_at",
                                        notice->ends);

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

    ngx_http_soporte_report_text(mem, object, "message", notice->message,
                                     notice->message_len);

    ngx_http_soporte_report_instant(mem, object, "started_at",
                                    notice->began);
    ngx_http_soporte_report_instant(mem, object, "deadline_at",
                                    notice->began + NGX_HTTP_SOPORTE_RESTORE);
    ngx_http_soporte_report_instant(mem, object, "updated_at",
                                    notice->updated);
    ngx_http_soporte_report_instant(mem, object, "backup_at",
                                    notice->backup);
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
    ngx_http_soporte_report_instant(mem, root, "since", report->since);

    if (!public) {
        object = ngx_soporte_value_add(mem, root, "requests",
                                       NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_int(mem, object, "good", report->good);
        (void) ngx_soporte_value_int(mem, object, "hard", report->hard);
        (void) ngx_soporte_value_int(mem, object, "soft", report->soft);
        (void) ngx_soporte_value_int(mem, object, "excluded",
                                     report->excluded);
    }

    (void) ngx_soporte_value_add(mem, root, "incident", NGX_SOPORTE_NULL);

    ngx_http_soporte_report_notice(mem, root, report);

    return root;
}
