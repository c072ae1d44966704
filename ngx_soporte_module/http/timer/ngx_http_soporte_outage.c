
/*
 * An upstream's incident is found by its title, the address: so it does not
 * matter who led before, and all nodes that reach the same upstream have one.
 * What another node watches over is that node's while it lives.
 *
 * It is told when it begins, when more are down than were told of, and at its
 * end.
 */

#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_incident.h"
#include "ngx_http_soporte_outage.h"
#include "ngx_http_soporte_upstream.h"
#include "ngx_http_soporte_word.h"


#define NGX_HTTP_SOPORTE_OUTAGE_AGAIN  30    /* s between two words */
#define NGX_HTTP_SOPORTE_OUTAGE_SURE   5000  /* ms led, before it ends one */
#define NGX_HTTP_SOPORTE_OUTAGE_FRESH  10000 /* ms, an outage not counted */


static ngx_uint_t ngx_http_soporte_outage_title(
    ngx_http_soporte_probe_t *probe, ngx_http_soporte_group_t *group,
    u_char *buf);
static ngx_uint_t ngx_http_soporte_outage_local(const ngx_addr_t *addr);
static ngx_int_t ngx_http_soporte_outage_find(ngx_http_soporte_probe_t *probe,
    const u_char *title, ngx_uint_t len, ngx_soporte_notice_t *found);
static void ngx_http_soporte_outage_missed(ngx_http_soporte_probe_t *probe);
static ngx_http_soporte_group_t *ngx_http_soporte_outage_group(
    ngx_http_soporte_probe_t *probe, const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_outage_end(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group, ngx_soporte_notice_t *notice);


ngx_int_t
ngx_http_soporte_outage_say(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
    u_char                         title[NGX_SOPORTE_BOARD_TITLE];
    ngx_int_t                      rc;
    ngx_uint_t                     len, open;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = probe->smcf;

    len = ngx_http_soporte_outage_title(probe, group, title);
    rc = ngx_http_soporte_outage_find(probe, title, len, &notice);
    open = (rc == NGX_OK && ngx_soporte_notice_holds(&notice, ngx_time()));

    if (open) {
        ngx_memcpy(group->id, notice.id, NGX_SOPORTE_ID_LEN);
        group->named = 1;

        if (group->down <= group->most
            || ngx_time() - notice.updated < NGX_HTTP_SOPORTE_OUTAGE_AGAIN
            || ngx_http_soporte_fleet_others(smcf, &notice))
        {
            return NGX_OK;
        }

    } else if (rc != NGX_OK) {

        if (ngx_http_soporte_word_new(&notice, NGX_SOPORTE_BOARD_INCIDENT,
                                      NGX_SOPORTE_UPSTREAM)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        notice.began = group->since;
        notice.impact = NGX_SOPORTE_IMPACT_CRITICAL;
        notice.flags = NGX_SOPORTE_NOTICE_DETECTED;
        notice.title_len = len;
        ngx_memcpy(notice.title, title, len);
    }

    notice.ended = 0;
    notice.status = NGX_SOPORTE_STATUS_INVESTIGATING;
    notice.cause = group->failed ? group->cause : NGX_SOPORTE_CAUSE_UNKNOWN;
    notice.message_len = ngx_snprintf(notice.message,
                                      NGX_SOPORTE_BOARD_MESSAGE,
                                      "%ui of %ui tenants are down",
                                      group->down, group->count)
                         - notice.message;

    rc = ngx_http_soporte_word(smcf, &notice);

    if (rc == NGX_OK) {
        ngx_memcpy(group->id, notice.id, NGX_SOPORTE_ID_LEN);
        group->named = 1;
        group->most = group->down;
    }

    return rc;
}


/* returns its length */

static ngx_uint_t
ngx_http_soporte_outage_title(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group, u_char *buf)
{
    u_char  *p;

    p = ngx_snprintf(buf, NGX_SOPORTE_BOARD_TITLE, "%V",
                     &group->addrs[0].name);

    if (ngx_http_soporte_outage_local(&group->addrs[0])) {
        p = ngx_slprintf(p, buf + NGX_SOPORTE_BOARD_TITLE, " at %V",
                         &probe->smcf->node);
    }

    return p - buf;
}


/* an address by which another node reaches something else */

static ngx_uint_t
ngx_http_soporte_outage_local(const ngx_addr_t *addr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (addr->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) addr->sockaddr;
        return ntohl(sin->sin_addr.s_addr) >> 24 == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) addr->sockaddr;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

    default: /* AF_UNIX */
        return 1;
    }
}


/* the elder that holds, else the last one if it is the same again */

static ngx_int_t
ngx_http_soporte_outage_find(ngx_http_soporte_probe_t *probe,
    const u_char *title, ngx_uint_t len, ngx_soporte_notice_t *found)
{
    uint32_t              at;
    ngx_int_t             rc;
    ngx_uint_t            open;
    ngx_soporte_notice_t  notice;

    at = 0;
    open = 0;
    rc = NGX_DECLINED;

    while (ngx_soporte_board_each(probe->smcf->zone, NGX_SOPORTE_UPSTREAM,
                                  &at, &notice)
           == NGX_OK)
    {
        if (notice.kind != NGX_SOPORTE_BOARD_INCIDENT
            || ngx_soporte_notice_duplicate(&notice)
            || notice.title_len != len
            || ngx_memcmp(notice.title, title, len) != 0)
        {
            continue;
        }

        if (ngx_soporte_notice_holds(&notice, ngx_time())) {

            if (!open
                || ngx_memcmp(notice.id, found->id, NGX_SOPORTE_ID_LEN) < 0)
            {
                *found = notice;
            }

            open = 1;
            rc = NGX_OK;

        } else if (rc != NGX_OK
                   && ngx_time() - notice.ended
                      <= NGX_SOPORTE_DETECT_REOPEN / 1000)
        {
            *found = notice;
            rc = NGX_OK;
        }
    }

    return rc;
}


void
ngx_http_soporte_outage_tick(ngx_http_soporte_probe_t *probe)
{
    uint32_t                   at;
    ngx_soporte_notice_t       notice, elder;
    ngx_http_soporte_group_t  *group;

    /* who begins to lead has not seen all tenants yet */

    if (probe->swept == ngx_time()
        || ngx_current_msec - probe->leads < NGX_HTTP_SOPORTE_OUTAGE_SURE)
    {
        return;
    }

    at = 0;
    probe->swept = ngx_time();

    ngx_http_soporte_outage_missed(probe);

    while (ngx_soporte_board_each(probe->smcf->zone, NGX_SOPORTE_UPSTREAM,
                                  &at, &notice)
           == NGX_OK)
    {
        if (!(notice.flags & NGX_SOPORTE_NOTICE_DETECTED)
            || !ngx_soporte_notice_holds(&notice, ngx_time())
            || ngx_http_soporte_fleet_others(probe->smcf, &notice))
        {
            continue;
        }

        if (ngx_http_soporte_outage_find(probe, notice.title,
                                         notice.title_len, &elder)
                == NGX_OK
            && ngx_memcmp(elder.id, notice.id, NGX_SOPORTE_ID_LEN) != 0)
        {
            ngx_http_soporte_incident_duplicate(&notice, &elder);
            (void) ngx_http_soporte_word(probe->smcf, &notice);
            continue;
        }

        group = ngx_http_soporte_outage_group(probe, &notice);

        if (group == NULL || !(group->shared || group->dirty)) {
            ngx_http_soporte_outage_end(probe, group, &notice);
        }
    }
}


/* for another node it is over, or the board has lost it: not for us */

static void
ngx_http_soporte_outage_missed(ngx_http_soporte_probe_t *probe)
{
    ngx_queue_t               *q;
    ngx_soporte_notice_t       notice;
    ngx_http_soporte_group_t  *group;

    for (q = ngx_queue_head(&probe->groups);
         q != ngx_queue_sentinel(&probe->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_soporte_group_t, queue);

        if (group->shared && group->named
            && (ngx_soporte_board_get(probe->smcf->zone, group->id, &notice)
                != NGX_OK
                || !ngx_soporte_notice_holds(&notice, ngx_time())))
        {
            ngx_http_soporte_upstream_dirty(group);
        }
    }
}


/* NULL: nobody here has that upstream any longer */

static ngx_http_soporte_group_t *
ngx_http_soporte_outage_group(ngx_http_soporte_probe_t *probe,
    const ngx_soporte_notice_t *notice)
{
    u_char                     title[NGX_SOPORTE_BOARD_TITLE];
    ngx_str_t                 *name;
    ngx_queue_t               *q;
    ngx_http_soporte_group_t  *group;

    for (q = ngx_queue_head(&probe->groups);
         q != ngx_queue_sentinel(&probe->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_soporte_group_t, queue);
        name = &group->addrs[0].name;

        if (name->len <= notice->title_len
            && ngx_memcmp(name->data, notice->title, name->len) == 0
            && ngx_http_soporte_outage_title(probe, group, title)
               == notice->title_len
            && ngx_memcmp(title, notice->title, notice->title_len) == 0)
        {
            return group;
        }
    }

    return NULL;
}


static void
ngx_http_soporte_outage_end(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group, ngx_soporte_notice_t *notice)
{
    notice->ended = ngx_max(ngx_time(), notice->began + 1);
    notice->status = NGX_SOPORTE_STATUS_RESOLVED;

    if (group && group->most) {
        notice->message_len = ngx_snprintf(notice->message,
                                           NGX_SOPORTE_BOARD_MESSAGE,
                                           "%ui of %ui tenants were down",
                                           group->most, group->count)
                              - notice->message;
    }

    (void) ngx_http_soporte_word(probe->smcf, notice);
}


const u_char *
ngx_http_soporte_probe_parent(ngx_http_soporte_probe_t *probe,
    const ngx_soporte_tenant_t *tenant, const u_char *known)
{
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *target;

    target = ngx_http_soporte_target(probe, tenant);
    group = target ? target->group : NULL;

    if (group == NULL || group->count < 2) {
        return known;
    }

    if (group->shared && group->named) {
        return group->id;
    }

    if (group->dirty && ngx_http_soporte_target_ours(target)
        && (int64_t) ngx_current_msec - tenant->detect.began
           < NGX_HTTP_SOPORTE_OUTAGE_FRESH)
    {
        return NULL;
    }

    /* a part of it stays one after the upstream answered again */

    return known;
}
