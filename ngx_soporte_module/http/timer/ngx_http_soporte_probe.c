
/*
 * The schedule of probes: what is wanted is sent in order, as far as it may
 * be, and a verdict goes to everybody whom it speaks of.
 *
 * A refusal speaks of all tenants of the address, and so do two timeouts of
 * different tenants in a row; any answer speaks of its own tenant, and of
 * those that were only ever down together with the address.
 */

#include "ngx_http_soporte_ping.h"
#include "ngx_http_soporte_target.h"
#include "ngx_http_soporte_word.h"

#include "ngx_soporte_seen.h"

#include <sys/random.h>


#define NGX_HTTP_SOPORTE_PROBE_FLYING  64
#define NGX_HTTP_SOPORTE_PROBE_PACE    500   /* ms, of a shared upstream */
#define NGX_HTTP_SOPORTE_PROBE_SIGHTS  64    /* tenants told of an upstream */


static void ngx_http_soporte_probe_groups(ngx_http_soporte_probe_t *probe);
static void ngx_http_soporte_probe_group(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);
static void ngx_http_soporte_probe_single(ngx_http_soporte_probe_t *probe);
static ngx_int_t ngx_http_soporte_probe_send(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t kind);
static ngx_int_t ngx_http_soporte_probe_request(
    ngx_http_soporte_probe_t *probe, ngx_http_soporte_target_t *target,
    ngx_http_soporte_ping_t *ping);
static void ngx_http_soporte_probe_done(ngx_http_soporte_ping_t *ping,
    ngx_http_soporte_ping_e result);
static void ngx_http_soporte_probe_ended(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_ping_t *ping, ngx_uint_t failed);
static void ngx_http_soporte_probe_verdict(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began);
static void ngx_http_soporte_probe_answered(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_msec_t began);
static void ngx_http_soporte_probe_failed(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_soporte_cause_e cause,
    ngx_msec_t began);
static void ngx_http_soporte_probe_count(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);
static void ngx_http_soporte_probe_tell(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);


void
ngx_http_soporte_probe_tick(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_watch_t *watch)
{
    uint64_t  random, none;

    probe->watch = watch;

    if (!probe->bound) {
        ngx_http_soporte_target_bind(probe);
    }

    if (ngx_soporte_load(&probe->smcf->zone->header->probe) == 0
        && getrandom(&random, sizeof(random), GRND_NONBLOCK)
           == (ssize_t) sizeof(random))
    {
        none = 0;

        (void) __atomic_compare_exchange_n(&probe->smcf->zone->header->probe,
                                           &none, random, 0, __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED);
    }

    ngx_http_soporte_probe_groups(probe);
    ngx_http_soporte_probe_single(probe);
}


/* the probe of each shared upstream that speaks for all of its tenants */

static void
ngx_http_soporte_probe_groups(ngx_http_soporte_probe_t *probe)
{
    ngx_queue_t               *q;
    ngx_http_soporte_group_t  *group;

    for (q = ngx_queue_head(&probe->groups);
         q != ngx_queue_sentinel(&probe->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_soporte_group_t, queue);

        if (group->dirty) {
            ngx_http_soporte_probe_count(probe, group);
        }

        if (group->count > 1) {
            ngx_http_soporte_probe_group(probe, group);
        }
    }
}


static void
ngx_http_soporte_probe_group(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
    ngx_msec_t                  interval;
    ngx_queue_t                *q;
    ngx_http_soporte_target_t  *target;

    if ((ngx_msec_int_t) (ngx_current_msec - group->due) >= 0) {
        group->wanted = 1;
    }

    if (!group->wanted
        || (ngx_msec_int_t) (ngx_current_msec - group->free) < 0)
    {
        return;
    }

    q = ngx_queue_head(&group->members);
    target = ngx_queue_data(q, ngx_http_soporte_target_t, member);

    if (ngx_http_soporte_probe_send(probe, target, NGX_SOPORTE_PROBE_GROUP)
        != NGX_OK)
    {
        return;
    }

    ngx_queue_remove(q);
    ngx_queue_insert_tail(&group->members, q);

    interval = NGX_SOPORTE_DETECT_SHARED;

    if (target->interval && target->interval < interval) {
        interval = target->interval;
    }

    group->wanted = 0;
    group->due = ngx_current_msec + interval
                 - interval / 5 * (ngx_random() % 1024) / 1023;
}


static void
ngx_http_soporte_probe_single(ngx_http_soporte_probe_t *probe)
{
    ngx_queue_t                *q, *next;
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *target;

    for (q = ngx_queue_head(&probe->wanted);
         q != ngx_queue_sentinel(&probe->wanted);
         q = next)
    {
        next = ngx_queue_next(q);
        target = ngx_queue_data(q, ngx_http_soporte_target_t, queue);
        group = target->group;

        if (probe->inflight >= NGX_HTTP_SOPORTE_PROBE_FLYING) {
            return;
        }

        if (group->count > 1
            && (ngx_msec_int_t) (ngx_current_msec - group->free) < 0)
        {
            continue;
        }

        ngx_queue_remove(q);
        target->wanted = 0;

        if (ngx_http_soporte_probe_send(probe, target,
                 target->tenant->detect.state == NGX_SOPORTE_DETECT_UP
                 ? NGX_SOPORTE_PROBE_TENANT : NGX_SOPORTE_PROBE_CONFIRM)
            == NGX_ERROR)
        {
            return;
        }
    }
}


/* NGX_OK: it was sent, or failed at once; NGX_ERROR: this worker can't now */

static ngx_int_t
ngx_http_soporte_probe_send(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t kind)
{
    ngx_int_t                 rc;
    ngx_http_soporte_ping_t  *ping;

    if (probe->inflight >= NGX_HTTP_SOPORTE_PROBE_FLYING) {
        return NGX_DECLINED;
    }

    ping = ngx_calloc(sizeof(ngx_http_soporte_ping_t), ngx_cycle->log);

    if (ping == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_soporte_probe_request(probe, target, ping) != NGX_OK) {
        ngx_free(ping);
        return NGX_DECLINED;
    }

    ping->data = target;
    ping->kind = kind;
    ping->handler = ngx_http_soporte_probe_done;
    ping->addrs = target->group->addrs;
    ping->naddrs = target->group->naddrs;
    ping->timeout = target->timeout;

    rc = ngx_http_soporte_ping_send(ping);

    if (rc == NGX_ERROR) {
        ngx_free(ping);

        if (!probe->starved) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "no connection is left for probes");
            probe->starved = 1;
        }

        return NGX_ERROR;
    }

    probe->starved = 0;
    target->group->free = ngx_current_msec + NGX_HTTP_SOPORTE_PROBE_PACE;

    if (rc == NGX_OK) {
        ngx_queue_insert_tail(&probe->flying, &ping->queue);
        probe->inflight++;
        return NGX_OK;
    }

    ngx_http_soporte_probe_ended(probe, ping, 1);
    ngx_free(ping);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_probe_request(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_http_soporte_ping_t *ping)
{
    u_char     *p;
    ngx_str_t   key;

    key.data = target->tenant->key;
    key.len = target->tenant->len;

    p = ngx_cpymem(ping->request, "GET ", 4);

    p = ngx_http_soporte_profile_fill(p, NGX_HTTP_SOPORTE_PROBE_URI,
                                      &target->uri, &key, &target->name);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, " HTTP/1.1" CRLF "Host: ",
                   sizeof(" HTTP/1.1" CRLF "Host: ") - 1);

    p = ngx_http_soporte_profile_fill(p, NGX_HTTP_SOPORTE_PROBE_HOST,
                                      &target->host, &key, &target->name);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(p, CRLF "User-Agent: " NGX_HTTP_SOPORTE_PROBE_AGENT
                    "%016xL" CRLF "Accept: application/json" CRLF
                    "Connection: close" CRLF CRLF,
                    ngx_soporte_load(&probe->smcf->zone->header->probe));

    ping->len = p - ping->request;

    return NGX_OK;
}


static void
ngx_http_soporte_probe_done(ngx_http_soporte_ping_t *ping,
    ngx_http_soporte_ping_e result)
{
    ngx_http_soporte_probe_t      *probe;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_soporte_module);
    probe = smcf->probe;

    ngx_queue_remove(&ping->queue);
    probe->inflight--;

    if (ping->data && result != NGX_HTTP_SOPORTE_PING_NOTHING) {
        ngx_http_soporte_probe_ended(probe, ping,
                                     result == NGX_HTTP_SOPORTE_PING_FAILED);
    }

    ngx_free(ping);
}


static void
ngx_http_soporte_probe_ended(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_ping_t *ping, ngx_uint_t failed)
{
    ngx_msec_t             took;
    ngx_soporte_header_t  *header;

    header = probe->smcf->zone->header;
    took = ngx_current_msec - ping->began;

    ngx_soporte_add(&header->probes[ping->kind][failed], 1);
    ngx_soporte_add(&header->probe_ms, took);
    ngx_soporte_add(&header->probe_hist[ngx_soporte_hist_bucket(took)], 1);

    ngx_http_soporte_probe_verdict(probe, ping->data, failed, ping->cause,
                                   ping->began);
}


static void
ngx_http_soporte_probe_verdict(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began)
{
    target->good = !failed;

    ngx_http_soporte_watch_probe(probe->watch, target->tenant, failed, cause,
                                began);

    if (target->group->count < 2) {
        return;
    }

    if (!failed) {
        ngx_http_soporte_probe_answered(probe, target, began);

    } else {
        ngx_http_soporte_probe_failed(probe, target, cause, began);
    }
}


/*
 * The upstream answers.  That ends what was its outage; and of a tenant that
 * is asked too seldom because so many share it, whose own last probe was good,
 * it says that nothing changed.
 */

static void
ngx_http_soporte_probe_answered(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_msec_t began)
{
    ngx_uint_t                  crowded;
    ngx_queue_t                *q;
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *member;

    group = target->group;
    group->timedout = NULL;
    target->ours = 0;

    crowded = group->count * NGX_HTTP_SOPORTE_PROBE_PACE
              > NGX_SOPORTE_DETECT_IDLE;

    for (q = ngx_queue_head(&group->members);
         q != ngx_queue_sentinel(&group->members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_soporte_target_t, member);

        if (member == target) {
            continue;
        }

        if (member->ours) {

            if (member->tenant->detect.state == NGX_SOPORTE_DETECT_UP) {
                member->ours = 0;
                continue;
            }

            ngx_http_soporte_watch_probe(probe->watch, member->tenant, 0,
                                        NGX_SOPORTE_CAUSE_UNKNOWN, began);

        } else if (crowded && member->good) {
            ngx_soporte_slots_probe(&member->tenant->history.slots, 0);
        }
    }
}


static void
ngx_http_soporte_probe_failed(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_soporte_cause_e cause,
    ngx_msec_t began)
{
    ngx_queue_t                *q;
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *member;

    group = target->group;

    if (cause != NGX_SOPORTE_CAUSE_CONNECT
        && cause != NGX_SOPORTE_CAUSE_TIMEOUT)
    {
        /* it answers, and this tenant is in trouble of its own */

        group->timedout = NULL;
        target->ours = 0;
        return;
    }

    if (cause == NGX_SOPORTE_CAUSE_TIMEOUT
        && (group->timedout == NULL || group->timedout == target))
    {
        /* is it the tenant or the upstream: another one is asked */

        group->timedout = target;
        group->wanted = 1;
        return;
    }

    group->timedout = target;
    target->ours = 1;

    for (q = ngx_queue_head(&group->members);
         q != ngx_queue_sentinel(&group->members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_soporte_target_t, member);

        if (member == target) {
            continue;
        }

        member->ours = 1;
        ngx_http_soporte_watch_probe(probe->watch, member->tenant, 1, cause,
                                    began);
    }
}


void
ngx_http_soporte_probe_want(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant)
{
    ngx_http_soporte_target_t  *target;

    target = ngx_http_soporte_target(probe, tenant);

    if (target == NULL || target->group == NULL) {
        return;
    }

    /* a whole upstream is asked once, not for each of its tenants */

    if (target->ours && target->group->count > 1) {
        target->group->wanted = 1;
        return;
    }

    if (target->wanted) {
        return;
    }

    target->wanted = 1;

    /* whoever is in doubt goes before those whose turn it is */

    if (tenant->detect.state == NGX_SOPORTE_DETECT_UP) {
        ngx_queue_insert_tail(&probe->wanted, &target->queue);

    } else {
        ngx_queue_insert_head(&probe->wanted, &target->queue);
    }
}


void
ngx_http_soporte_probe_next(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant, int64_t next)
{
    uint32_t                    slot;
    ngx_http_soporte_target_t  *target;

    slot = ngx_soporte_tenant_index(probe->smcf->zone, tenant);
    target = probe->targets[slot];

    if (target && target->group) {
        probe->due[slot] = ngx_max(next, 1);
    }
}


ngx_uint_t
ngx_http_soporte_probe_due(const ngx_http_soporte_probe_t *probe,
    uint32_t slot, int64_t now)
{
    return probe->due[slot] && probe->due[slot] <= now;
}


const ngx_soporte_detect_conf_t *
ngx_http_soporte_probe_rules(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant, ngx_uint_t *level)
{
    const ngx_http_soporte_profile_t  *plain;
    ngx_http_soporte_target_t         *target;

    target = ngx_http_soporte_target(probe, tenant);

    if (target == NULL) {
        plain = ngx_http_soporte_profile_default();
        *level = plain->level;

        return &plain->detect;
    }

    *level = target->profile->level;
    target->detect.interval = 0;

    if (target->interval) {
        target->detect.interval = target->interval;

    } else if (target->group) {

        /* alone on its upstream it has no other probe that speaks for it */

        target->detect.interval = (target->group->count > 1)
                                  ? NGX_SOPORTE_DETECT_IDLE
                                  : NGX_SOPORTE_DETECT_SHARED;
    }

    return &target->detect;
}


void
ngx_http_soporte_probe_turned(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant)
{
    ngx_http_soporte_target_t  *target;

    target = ngx_http_soporte_target(probe, tenant);

    if (target && target->group) {
        target->group->dirty = 1;
    }
}


static void
ngx_http_soporte_probe_count(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
    int64_t                     first;
    ngx_uint_t                  shared;
    ngx_queue_t                *q;
    ngx_soporte_detect_t       *detect;
    ngx_http_soporte_target_t  *member;

    group->dirty = 0;
    group->down = 0;
    first = ngx_current_msec;

    for (q = ngx_queue_head(&group->members);
         q != ngx_queue_sentinel(&group->members);
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_soporte_target_t, member);
        detect = &member->tenant->detect;

        if (detect->state == NGX_SOPORTE_DETECT_DOWN) {
            group->down++;
            first = ngx_min(first, detect->began);
        }
    }

    shared = ngx_soporte_detect_shared(group->down, group->count);

    if (shared == group->shared) {
        return;
    }

    group->shared = shared;

    if (shared) {
        group->named = 0;
        group->since = ngx_time() - (ngx_current_msec - first + 500) / 1000;
    }

    ngx_http_soporte_probe_tell(probe, group);
}


/* the parent incident begins or ends */

static void
ngx_http_soporte_probe_tell(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
    ngx_uint_t                  n;
    ngx_time_t                 *tp;
    ngx_queue_t                *q;
    ngx_soporte_sight_t         sight;
    ngx_http_soporte_target_t  *member;

    if (group->shared) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "upstream \"%V\" is down: %ui of its %ui tenants",
                      &group->addrs[0].name, group->down, group->count);
    } else {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "upstream \"%V\" answers again: %ui of its %ui tenants "
                      "are down", &group->addrs[0].name, group->down,
                      group->count);
    }

    tp = ngx_timeofday();
    ngx_memzero(&sight, sizeof(ngx_soporte_sight_t));

    sight.at = (int64_t) tp->sec * 1000 + tp->msec;
    sight.since = (int64_t) group->since * 1000;
    sight.n = group->down;
    sight.what = group->shared ? NGX_SOPORTE_SEEN_SHARED
                               : NGX_SOPORTE_SEEN_UNSHARED;
    n = 0;

    for (q = ngx_queue_head(&group->members);
         q != ngx_queue_sentinel(&group->members)
         && n < NGX_HTTP_SOPORTE_PROBE_SIGHTS;
         q = ngx_queue_next(q))
    {
        member = ngx_queue_data(q, ngx_http_soporte_target_t, member);

        if (member->tenant->detect.state == NGX_SOPORTE_DETECT_UP) {
            continue;
        }

        n++;
        sight.tenant = ngx_soporte_tenant_index(probe->smcf->zone,
                                                member->tenant);
        sight.cause = member->tenant->detect.cause;

        ngx_soporte_seen_put(probe->smcf->zone, &sight);
    }
}


const u_char *
ngx_http_soporte_probe_parent(ngx_http_soporte_probe_t *probe,
    const ngx_soporte_tenant_t *tenant, const u_char *known)
{
    ngx_soporte_notice_t        notice;
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *target;

    static const u_char  none[NGX_SOPORTE_ID_LEN];

    target = ngx_http_soporte_target(probe, tenant);
    group = target ? target->group : NULL;

    /* a part of it stays one after the upstream answered again */

    if (group == NULL || !group->shared) {
        return known;
    }

    if (group->named) {
        return group->id;
    }

    if (ngx_memcmp(known, none, NGX_SOPORTE_ID_LEN) != 0) {
        ngx_memcpy(group->id, known, NGX_SOPORTE_ID_LEN);

    } else if (ngx_http_soporte_word_new(&notice, NGX_SOPORTE_BOARD_INCIDENT,
                                         0)
               == NGX_OK)
    {
        ngx_memcpy(group->id, notice.id, NGX_SOPORTE_ID_LEN);

    } else {
        return known;
    }

    group->named = 1;

    return group->id;
}


void
ngx_http_soporte_probe_forget(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target)
{
    ngx_queue_t              *q;
    ngx_http_soporte_ping_t  *ping;

    if (target->wanted) {
        ngx_queue_remove(&target->queue);
        target->wanted = 0;
    }

    if (target->group && target->group->timedout == target) {
        target->group->timedout = NULL;
    }

    /* its pings go on and speak of nobody */

    for (q = ngx_queue_head(&probe->flying);
         q != ngx_queue_sentinel(&probe->flying);
         q = ngx_queue_next(q))
    {
        ping = ngx_queue_data(q, ngx_http_soporte_ping_t, queue);

        if (ping->data == target) {
            ping->data = NULL;
            ping->naddrs = 0;
        }
    }
}


void
ngx_http_soporte_probe_stop(ngx_http_soporte_probe_t *probe)
{
    ngx_queue_t                *q;
    ngx_http_soporte_ping_t    *ping;
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *target;

    while (!ngx_queue_empty(&probe->flying)) {
        q = ngx_queue_head(&probe->flying);
        ping = ngx_queue_data(q, ngx_http_soporte_ping_t, queue);

        ngx_http_soporte_ping_drop(ping);
    }

    while (!ngx_queue_empty(&probe->wanted)) {
        q = ngx_queue_head(&probe->wanted);
        target = ngx_queue_data(q, ngx_http_soporte_target_t, queue);

        ngx_queue_remove(q);
        target->wanted = 0;
    }

    /* another one leads: what it finds out is counted anew if we do again */

    for (q = ngx_queue_head(&probe->groups);
         q != ngx_queue_sentinel(&probe->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_soporte_group_t, queue);

        group->timedout = NULL;
        group->dirty = 1;
    }
}
