
/*
 * The schedule of probes: what is wanted is sent in order, as far as it may
 * be, and a verdict goes to its tenant, then to upstream.c.
 */

#include "ngx_http_soporte_outage.h"
#include "ngx_http_soporte_ping.h"
#include "ngx_http_soporte_upstream.h"

#include <sys/random.h>


#define NGX_HTTP_SOPORTE_PROBE_FLYING  64


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


void
ngx_http_soporte_probe_tick(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_watch_t *watch)
{
    uint64_t  random, none;

    probe->watch = watch;

    if (probe->leads == 0) {
        probe->leads = ngx_max(ngx_current_msec, 1);
    }

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
    ngx_http_soporte_outage_tick(probe);
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

        ngx_http_soporte_upstream_count(probe, group);

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
    ngx_http_soporte_target_t  *target;

    if ((ngx_msec_int_t) (ngx_current_msec - group->due) >= 0) {
        group->wanted = 1;
    }

    if (!group->wanted
        || (ngx_msec_int_t) (ngx_current_msec - group->free) < 0)
    {
        return;
    }

    target = ngx_http_soporte_upstream_turn(group);

    if (ngx_http_soporte_probe_send(probe, target, NGX_SOPORTE_PROBE_GROUP)
        != NGX_OK)
    {
        return;
    }

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
    target->alone = ngx_http_soporte_target_alone(target);

    ngx_http_soporte_watch_probe(probe->watch, target->tenant, failed, cause,
                                began);

    if (target->group->count > 1) {
        ngx_http_soporte_upstream_verdict(probe, target, failed, cause,
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

    if (ngx_http_soporte_target_ours(target) && target->group->count > 1) {
        target->group->wanted = 1;
        return;
    }

    /* whoever is in doubt goes before those whose turn it is */

    if (target->wanted) {

        if (tenant->detect.state == NGX_SOPORTE_DETECT_UP) {
            return;
        }

        ngx_queue_remove(&target->queue);
    }

    target->wanted = 1;

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
ngx_http_soporte_probe_forget(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target)
{
    ngx_queue_t              *q;
    ngx_http_soporte_ping_t  *ping;

    if (target->wanted) {
        ngx_queue_remove(&target->queue);
        target->wanted = 0;
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

    ngx_http_soporte_upstream_stop(probe);
    probe->leads = 0;
}
