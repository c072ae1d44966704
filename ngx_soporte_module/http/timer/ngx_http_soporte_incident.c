
/*
 * Compares detection with the board and gives the word that is missing.  So it
 * does not matter who led before, or whether the board's lock was to be had.
 *
 * What an operator declared stands: nothing is detected beside it.  And what
 * another node found is that node's while it lives: here the tenant may have
 * no traffic, or another way to it.  Where two nodes found it before one heard
 * of the other the elder one stands, which has the smaller id.
 */

#include "ngx_http_soporte_incident.h"
#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_probe.h"
#include "ngx_http_soporte_word.h"


/* s between the beginnings of one incident, as two nodes tell it */
#define NGX_HTTP_SOPORTE_INCIDENT_SAME   60

/* s before another node's closing is doubted */
#define NGX_HTTP_SOPORTE_INCIDENT_PAUSE  30

/* s without another try, for all tenants, where the board took nothing */
#define NGX_HTTP_SOPORTE_INCIDENT_BUSY   1
#define NGX_HTTP_SOPORTE_INCIDENT_FULL   5


typedef enum {
    NGX_HTTP_SOPORTE_INCIDENT_NONE = 0,
    NGX_HTTP_SOPORTE_INCIDENT_OPEN,          /* a detected one holds */
    NGX_HTTP_SOPORTE_INCIDENT_OVER,          /* ... was closed, is the same */
    NGX_HTTP_SOPORTE_INCIDENT_DECLARED       /* an operator's holds */
} ngx_http_soporte_incident_e;


static ngx_http_soporte_incident_e ngx_http_soporte_incident_find(
    ngx_http_soporte_main_conf_t *smcf, uint32_t slot, int64_t began,
    ngx_soporte_notice_t *found, ngx_soporte_notice_t *twin);
static void ngx_http_soporte_incident_elder(
    ngx_http_soporte_main_conf_t *smcf, const ngx_soporte_notice_t *notice,
    ngx_soporte_notice_t *found, ngx_soporte_notice_t *twin);
static void ngx_http_soporte_incident_say(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_tenant_t *tenant, ngx_soporte_notice_t *notice,
    ngx_uint_t known);
static void ngx_http_soporte_incident_put(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice);
static int64_t ngx_http_soporte_incident_wall(int64_t mono);


static time_t      ngx_http_soporte_incident_until;    /* no try */
static ngx_uint_t  ngx_http_soporte_incident_full;     /* it was logged */


void
ngx_http_soporte_incident_visit(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_tenant_t *tenant)
{
    int64_t                      began;
    uint32_t                     slot;
    ngx_uint_t                   trouble;
    ngx_soporte_notice_t         notice, twin;
    ngx_http_soporte_incident_e  found;

    trouble = tenant->detect.state == NGX_SOPORTE_DETECT_DOWN
              || tenant->detect.state == NGX_SOPORTE_DETECT_RECOVERING;

    if ((!trouble && ngx_soporte_load(&tenant->chain) == 0)
        || ngx_time() < ngx_http_soporte_incident_until)
    {
        return;
    }

    slot = ngx_soporte_tenant_index(smcf->zone, tenant);
    began = ngx_http_soporte_incident_wall(tenant->detect.incident);

    found = ngx_http_soporte_incident_find(smcf, slot, began, &notice, &twin);

    if (twin.kind != NGX_SOPORTE_BOARD_NONE) {
        ngx_http_soporte_incident_duplicate(&twin, &notice);
        ngx_http_soporte_incident_put(smcf, &twin);
        return;
    }

    if (found == NGX_HTTP_SOPORTE_INCIDENT_OPEN
        && ngx_http_soporte_fleet_others(smcf, &notice))
    {
        return;
    }

    if (!trouble) {

        if (found == NGX_HTTP_SOPORTE_INCIDENT_OPEN) {
            notice.status = NGX_SOPORTE_STATUS_RESOLVED;
            notice.ended = ngx_http_soporte_incident_wall(tenant->detect.run);
            notice.ended = ngx_max(notice.ended, notice.began + 1);
            notice.message_len = 0;

            ngx_http_soporte_incident_put(smcf, &notice);
        }

        return;
    }

    switch (found) {

    case NGX_HTTP_SOPORTE_INCIDENT_DECLARED:
        return;

    case NGX_HTTP_SOPORTE_INCIDENT_OPEN:
        break;

    case NGX_HTTP_SOPORTE_INCIDENT_OVER:

        if (ngx_time() - notice.updated < NGX_HTTP_SOPORTE_INCIDENT_PAUSE
            && tenant->detect.state == NGX_SOPORTE_DETECT_RECOVERING)
        {
            return;
        }

        break;

    default: /* NGX_HTTP_SOPORTE_INCIDENT_NONE */

        if (ngx_http_soporte_word_new(&notice, NGX_SOPORTE_BOARD_INCIDENT,
                                      slot)
            != NGX_OK)
        {
            return;
        }

        notice.began = began;
        notice.impact = NGX_SOPORTE_IMPACT_CRITICAL;
        notice.flags = NGX_SOPORTE_NOTICE_DETECTED;
        break;
    }

    ngx_http_soporte_incident_say(smcf, tenant, &notice,
                                  found == NGX_HTTP_SOPORTE_INCIDENT_OPEN);
}


/* twin: one of ours that holds beside an elder one, else its kind is none */

static ngx_http_soporte_incident_e
ngx_http_soporte_incident_find(ngx_http_soporte_main_conf_t *smcf,
    uint32_t slot, int64_t began, ngx_soporte_notice_t *found,
    ngx_soporte_notice_t *twin)
{
    uint32_t                     at;
    ngx_soporte_notice_t         notice;
    ngx_http_soporte_incident_e  what;

    at = 0;
    twin->kind = NGX_SOPORTE_BOARD_NONE;
    what = NGX_HTTP_SOPORTE_INCIDENT_NONE;

    while (ngx_soporte_board_each(smcf->zone, slot, &at, &notice) == NGX_OK) {

        if (notice.kind != NGX_SOPORTE_BOARD_INCIDENT
            || ngx_soporte_notice_duplicate(&notice))
        {
            continue;
        }

        if (ngx_soporte_notice_holds(&notice, ngx_time())) {

            if (!(notice.flags & NGX_SOPORTE_NOTICE_DETECTED)) {

                if (what != NGX_HTTP_SOPORTE_INCIDENT_OPEN) {
                    what = NGX_HTTP_SOPORTE_INCIDENT_DECLARED;
                }

            } else if (what == NGX_HTTP_SOPORTE_INCIDENT_OPEN) {
                ngx_http_soporte_incident_elder(smcf, &notice, found, twin);

            } else {
                *found = notice;
                what = NGX_HTTP_SOPORTE_INCIDENT_OPEN;
            }

            continue;
        }

        /* closed, and back within the time in which it is the same one */

        if (what == NGX_HTTP_SOPORTE_INCIDENT_NONE
            && (notice.flags & NGX_SOPORTE_NOTICE_DETECTED)
            && notice.began - began <= NGX_HTTP_SOPORTE_INCIDENT_SAME
            && began - notice.began <= NGX_HTTP_SOPORTE_INCIDENT_SAME)
        {
            *found = notice;
            what = NGX_HTTP_SOPORTE_INCIDENT_OVER;
        }
    }

    return what;
}


static void
ngx_http_soporte_incident_elder(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice, ngx_soporte_notice_t *found,
    ngx_soporte_notice_t *twin)
{
    ngx_soporte_notice_t  younger;

    if (ngx_memcmp(notice->id, found->id, NGX_SOPORTE_ID_LEN) < 0) {
        younger = *found;
        *found = *notice;

    } else {
        younger = *notice;
    }

    if (!ngx_http_soporte_fleet_others(smcf, &younger)) {
        *twin = younger;
    }
}


void
ngx_http_soporte_incident_duplicate(ngx_soporte_notice_t *notice,
    const ngx_soporte_notice_t *elder)
{
    u_char  *p;

    notice->status = NGX_SOPORTE_STATUS_RESOLVED;
    notice->ended = notice->began;
    ngx_memcpy(notice->parent, elder->id, NGX_SOPORTE_ID_LEN);

    p = ngx_cpymem(notice->message, "duplicado de ",
                   sizeof("duplicado de ") - 1);
    p = ngx_soporte_uuid_format(p, elder->id);

    notice->message_len = p - notice->message;
}


/* what it is like now, if that is news */

static void
ngx_http_soporte_incident_say(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_tenant_t *tenant, ngx_soporte_notice_t *notice,
    ngx_uint_t known)
{
    ngx_uint_t     status, cause;
    const u_char  *parent;

    status = (tenant->detect.state == NGX_SOPORTE_DETECT_RECOVERING)
             ? NGX_SOPORTE_STATUS_MONITORING
             : NGX_SOPORTE_STATUS_INVESTIGATING;

    /* how requests fail may change from one to the next: that is no news */

    cause = tenant->detect.cause;

    if (known && notice->cause != NGX_SOPORTE_CAUSE_UNKNOWN
        && cause != NGX_SOPORTE_CAUSE_STOPPED)
    {
        cause = notice->cause;
    }

    parent = ngx_http_soporte_probe_parent(smcf->probe, tenant,
                                           notice->parent);

    if (parent == NULL) {

        /* one word is enough for the incident and what it is a part of */

        if (!known) {
            return;
        }

        parent = notice->parent;
    }

    if (known && notice->status == status && notice->cause == cause
        && ngx_memcmp(notice->parent, parent, NGX_SOPORTE_ID_LEN) == 0)
    {
        return;
    }

    notice->ended = 0;
    notice->status = status;
    notice->cause = cause;

    if (parent != notice->parent) {
        ngx_memcpy(notice->parent, parent, NGX_SOPORTE_ID_LEN);
    }

    ngx_http_soporte_incident_put(smcf, notice);
}


/* waits for a lock are bounded, and there may be thousands of tenants */

static void
ngx_http_soporte_incident_put(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice)
{
    switch (ngx_http_soporte_word(smcf, notice)) {

    case NGX_BUSY:
        ngx_http_soporte_incident_until = ngx_time()
                                          + NGX_HTTP_SOPORTE_INCIDENT_BUSY;
        return;

    case NGX_DECLINED:
        ngx_http_soporte_incident_until = ngx_time()
                                          + NGX_HTTP_SOPORTE_INCIDENT_FULL;

        if (!ngx_http_soporte_incident_full) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "the board has no room for more incidents, outages "
                          "are in the history of their tenants alone");
        }

        ngx_http_soporte_incident_full = 1;
        return;

    default:
        ngx_http_soporte_incident_full = 0;
        return;
    }
}


/* unix s */

static int64_t
ngx_http_soporte_incident_wall(int64_t mono)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return ((int64_t) tp->sec * 1000 + tp->msec
            - ((int64_t) ngx_current_msec - mono)) / 1000;
}
