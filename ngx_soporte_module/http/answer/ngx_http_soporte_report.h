
/*
 * What is known of a tenant at this moment, as a plain structure: collected
 * once, rendered as page, JSON or metrics by others.
 */

#ifndef _NGX_HTTP_SOPORTE_REPORT_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_REPORT_H_INCLUDED_


#include "ngx_http_soporte.h"


#define ngx_http_soporte_state_name(state)                                    \
    ((const char *) ngx_soporte_state_names[state].data)


typedef struct {
    ngx_str_t                   key;
    ngx_soporte_state_e    state;
    int64_t                     since;       /* unix s */
    ngx_uint_t                  posted;      /* notice is set */
    ngx_soporte_notice_t        notice;

    /* by _report_incident() */

    ngx_uint_t                  troubled;    /* incident is set */
    ngx_soporte_notice_t        incident;    /* declared, or as detected */
    int64_t                     overlong;    /* unix s: end of the window that
                                                Frappe's own outlasts, or 0 */

    uint64_t                    good;        /* requests, ever */
    uint64_t                    hard;
    uint64_t                    soft;
    uint64_t                    excluded;
} ngx_http_soporte_report_t;


/* takes no lock; figures of one moment may differ by a request in flight */
void ngx_http_soporte_report(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, time_t now,
    ngx_http_soporte_report_t *report);

/*
 * The incident that holds: one declared of the tenant, of all, or the outage
 * that was detected.
 */
void ngx_http_soporte_report_incident(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, time_t now,
    ngx_http_soporte_report_t *report);

/*
 * The same where a request met a cause before any incident was seen: only
 * that is set, and "overlong".
 */
void ngx_http_soporte_report_cause(const ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *tenant, time_t now, ngx_soporte_cause_e cause,
    ngx_http_soporte_report_t *report);

/* the state alone */
ngx_soporte_state_e ngx_http_soporte_state(
    const ngx_soporte_tenant_t *tenant, time_t now);

/*
 * As an object, child of parent or a root; instants are RFC 3339, UTC.
 * "public" leaves out what is the operator's.
 */
ngx_soporte_value_t *ngx_http_soporte_report_value(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_http_soporte_report_t *report,
    ngx_uint_t public);


#endif /* _NGX_HTTP_SOPORTE_REPORT_H_INCLUDED_ */
