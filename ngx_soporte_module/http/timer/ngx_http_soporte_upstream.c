
/*
 * A refusal speaks of all tenants of the address, and so do two timeouts of
 * different tenants in a row; any answer speaks of its own tenant, and of
 * those that were only ever down together with the address.
 *
 * A verdict moves all members into "untold", from where they are told, some a
 * turn.  The one that comes meanwhile takes its place with whoever is left:
 * they come first, so that nobody is passed over however fast verdicts come.
 */

#include "ngx_http_soporte_outage.h"
#include "ngx_http_soporte_upstream.h"

#include "ngx_soporte_seen.h"


#define NGX_HTTP_SOPORTE_UPSTREAM_SLICE   200   /* tenants told in a turn */
#define NGX_HTTP_SOPORTE_UPSTREAM_COUNT   1000  /* ms between two counts */
#define NGX_HTTP_SOPORTE_UPSTREAM_SIGHTS  64    /* tenants that see it */


static void ngx_http_soporte_upstream_tell(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began);
static void ngx_http_soporte_upstream_slice(ngx_event_t *ev);
static void ngx_http_soporte_upstream_member(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group, ngx_http_soporte_target_t *member);
static void ngx_http_soporte_upstream_told(ngx_http_soporte_group_t *group);
static ngx_http_soporte_target_t *ngx_http_soporte_upstream_next(
    ngx_http_soporte_group_t *group, ngx_http_soporte_target_t *member);
static void ngx_http_soporte_upstream_turned(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);
static void ngx_http_soporte_upstream_see(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group);


void
ngx_http_soporte_upstream_init(ngx_http_soporte_probe_t *probe,
    ngx_cycle_t *cycle)
{
    ngx_queue_init(&probe->telling);

    ngx_http_soporte_timer(&probe->turn, probe,
                           ngx_http_soporte_upstream_slice, cycle->log);
}


ngx_http_soporte_target_t *
ngx_http_soporte_upstream_turn(ngx_http_soporte_group_t *group)
{
    ngx_queue_t  *q, *queue;

    queue = ngx_queue_empty(&group->members) ? &group->untold
                                             : &group->members;

    q = ngx_queue_head(queue);

    ngx_queue_remove(q);
    ngx_queue_insert_tail(queue, q);

    return ngx_queue_data(q, ngx_http_soporte_target_t, member);
}


void
ngx_http_soporte_upstream_verdict(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began)
{
    ngx_soporte_detect_t      *detect;
    ngx_http_soporte_group_t  *group;

    group = target->group;
    detect = &target->tenant->detect;

    if (!failed) {
        group->timedout = NULL;

        if (detect->state == NGX_SOPORTE_DETECT_UP) {
            detect->upstream = 0;
        }

        ngx_http_soporte_upstream_tell(probe, target, 0, cause, began);
        return;
    }

    if (cause != NGX_SOPORTE_CAUSE_CONNECT
        && cause != NGX_SOPORTE_CAUSE_TIMEOUT)
    {
        /* it answers, and this tenant is in trouble of its own */

        group->timedout = NULL;
        detect->upstream = 0;
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

    if (!target->alone) {
        detect->upstream = group->mark;
    }

    ngx_http_soporte_upstream_tell(probe, target, 1, cause, began);
}


/* to all but the target, beginning with the next turn */

static void
ngx_http_soporte_upstream_tell(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_target_t *target, ngx_uint_t failed,
    ngx_soporte_cause_e cause, ngx_msec_t began)
{
    ngx_http_soporte_group_t  *group;

    group = target->group;

    /* who was not reached by the failure before this one fails since then */

    if (!(group->told && group->failed && failed)) {
        group->began = began;
    }

    group->failed = failed;
    group->cause = cause;
    group->speaker = target;

    if (!ngx_queue_empty(&group->members)) {
        ngx_queue_add(&group->untold, &group->members);
        ngx_queue_init(&group->members);
    }

    if (!group->told) {
        group->told = 1;
        ngx_queue_insert_tail(&probe->telling, &group->telling);
    }

    ngx_post_event(&probe->turn.event, &ngx_posted_next_events);
}


static void
ngx_http_soporte_upstream_slice(ngx_event_t *ev)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q;
    ngx_http_soporte_probe_t   *probe = ngx_http_soporte_timer_data(ev);
    ngx_http_soporte_group_t   *group;
    ngx_http_soporte_target_t  *member;

    n = 0;

    while (!ngx_queue_empty(&probe->telling)) {
        q = ngx_queue_head(&probe->telling);
        group = ngx_queue_data(q, ngx_http_soporte_group_t, telling);

        if (ngx_queue_empty(&group->untold)) {
            ngx_http_soporte_upstream_told(group);
            continue;
        }

        if (n++ == NGX_HTTP_SOPORTE_UPSTREAM_SLICE) {
            ngx_post_event(ev, &ngx_posted_next_events);
            return;
        }

        q = ngx_queue_head(&group->untold);
        member = ngx_queue_data(q, ngx_http_soporte_target_t, member);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&group->members, q);

        if (member != group->speaker) {
            ngx_http_soporte_upstream_member(probe, group, member);
        }
    }
}


/*
 * An answer ends what was the upstream's outage; and of a tenant that is asked
 * too seldom because so many share it, whose own last probe was good, it says
 * that nothing changed.
 */

static void
ngx_http_soporte_upstream_member(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group, ngx_http_soporte_target_t *member)
{
    ngx_soporte_tenant_t  *tenant;

    tenant = member->tenant;

    if (group->failed) {
        if (!ngx_http_soporte_target_alone(member)) {
            tenant->detect.upstream = group->mark;
        }

        ngx_http_soporte_watch_probe(probe->watch, tenant, 1, group->cause,
                                     group->began);
        return;
    }

    if (!ngx_http_soporte_target_ours(member)) {

        if (member->good && group->count * NGX_HTTP_SOPORTE_PROBE_PACE
                            > NGX_SOPORTE_DETECT_IDLE)
        {
            ngx_soporte_slots_probe(&tenant->history.slots, 0);
        }

        return;
    }

    if (tenant->detect.state == NGX_SOPORTE_DETECT_UP) {
        tenant->detect.upstream = 0;
        return;
    }

    ngx_http_soporte_watch_probe(probe->watch, tenant, 0,
                                 NGX_SOPORTE_CAUSE_UNKNOWN, group->began);
}


/* the verdict of the group is told, or nobody's any longer */

static void
ngx_http_soporte_upstream_told(ngx_http_soporte_group_t *group)
{
    if (group->told) {
        ngx_queue_remove(&group->telling);
        group->told = 0;
    }

    if (!ngx_queue_empty(&group->untold)) {
        ngx_queue_add(&group->members, &group->untold);
        ngx_queue_init(&group->untold);
    }
}


/* all members in turn: NULL is before the first and after the last */

static ngx_http_soporte_target_t *
ngx_http_soporte_upstream_next(ngx_http_soporte_group_t *group,
    ngx_http_soporte_target_t *member)
{
    ngx_queue_t  *q;

    q = member ? ngx_queue_next(&member->member)
               : ngx_queue_head(&group->members);

    if (q == ngx_queue_sentinel(&group->members)) {
        q = ngx_queue_head(&group->untold);
    }

    return (q == ngx_queue_sentinel(&group->untold))
           ? NULL : ngx_queue_data(q, ngx_http_soporte_target_t, member);
}


void
ngx_http_soporte_upstream_join(ngx_http_soporte_group_t *group,
    ngx_http_soporte_target_t *target)
{
    target->group = group;
    group->count++;

    ngx_queue_insert_tail(&group->members, &target->member);
    ngx_http_soporte_upstream_dirty(group);
}


void
ngx_http_soporte_upstream_leave(ngx_http_soporte_target_t *target)
{
    ngx_http_soporte_group_t  *group;

    group = target->group;

    ngx_queue_remove(&target->member);
    ngx_http_soporte_upstream_dirty(group);

    if (group->timedout == target) {
        group->timedout = NULL;
    }

    if (group->speaker == target) {
        group->speaker = NULL;
    }

    if (--group->count == 0) {
        ngx_http_soporte_upstream_told(group);

        ngx_queue_remove(&group->bucket);
        ngx_queue_remove(&group->queue);
        ngx_free(group);
    }
}


void
ngx_http_soporte_upstream_stop(ngx_http_soporte_probe_t *probe)
{
    ngx_queue_t               *q;
    ngx_http_soporte_group_t  *group;

    if (probe->turn.event.posted) {
        ngx_delete_posted_event(&probe->turn.event);
    }

    /* another one leads: what it finds out is counted anew if we do again */

    for (q = ngx_queue_head(&probe->groups);
         q != ngx_queue_sentinel(&probe->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_soporte_group_t, queue);

        ngx_http_soporte_upstream_told(group);
        ngx_http_soporte_upstream_dirty(group);
        group->timedout = NULL;
    }
}


void
ngx_http_soporte_upstream_dirty(ngx_http_soporte_group_t *group)
{
    if (group->dirty) {
        return;
    }

    group->dirty = 1;

    if ((ngx_msec_int_t) (ngx_current_msec - group->recount) > 0) {
        group->recount = ngx_current_msec;
    }
}


void
ngx_http_soporte_probe_turned(ngx_http_soporte_probe_t *probe,
    ngx_soporte_tenant_t *tenant)
{
    ngx_http_soporte_target_t  *target;

    target = ngx_http_soporte_target(probe, tenant);

    if (target && target->group) {
        ngx_http_soporte_upstream_dirty(target->group);
    }
}


void
ngx_http_soporte_upstream_count(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
    int64_t                     first;
    ngx_uint_t                  shared;
    ngx_msec_int_t              late;
    ngx_soporte_detect_t       *detect;
    ngx_http_soporte_target_t  *member;

    late = (ngx_msec_int_t) (ngx_current_msec - group->recount);

    /* a verdict that is half told makes half a count, unless it takes long */

    if (!group->dirty || late < 0
        || (group->told && late < NGX_HTTP_SOPORTE_UPSTREAM_COUNT))
    {
        return;
    }

    group->dirty = 0;
    group->recount = ngx_current_msec + NGX_HTTP_SOPORTE_UPSTREAM_COUNT;
    group->down = 0;
    first = ngx_current_msec;

    for (member = ngx_http_soporte_upstream_next(group, NULL);
         member;
         member = ngx_http_soporte_upstream_next(group, member))
    {
        detect = &member->tenant->detect;

        if (detect->state == NGX_SOPORTE_DETECT_DOWN) {
            group->down++;
            first = ngx_min(first, detect->began);
        }
    }

    shared = ngx_soporte_detect_shared(group->down, group->count);

    if (shared != group->shared) {
        group->shared = shared;

        if (shared) {
            group->named = 0;
            group->most = 0;
            group->since = ngx_time()
                           - (ngx_current_msec - first + 500) / 1000;
        }

        ngx_http_soporte_upstream_turned(probe, group);
    }

    if (group->shared
        && ngx_http_soporte_outage_say(probe, group) != NGX_OK)
    {
        ngx_http_soporte_upstream_dirty(group);
    }
}


/* the outage of the upstream begins or ends */

static void
ngx_http_soporte_upstream_turned(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
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

    ngx_http_soporte_upstream_see(probe, group);
}


static void
ngx_http_soporte_upstream_see(ngx_http_soporte_probe_t *probe,
    ngx_http_soporte_group_t *group)
{
    ngx_uint_t                  n;
    ngx_time_t                 *tp;
    ngx_soporte_sight_t         sight;
    ngx_http_soporte_target_t  *member;

    tp = ngx_timeofday();
    ngx_memzero(&sight, sizeof(ngx_soporte_sight_t));

    sight.at = (int64_t) tp->sec * 1000 + tp->msec;
    sight.since = (int64_t) group->since * 1000;
    sight.n = group->down;
    sight.what = group->shared ? NGX_SOPORTE_SEEN_SHARED
                               : NGX_SOPORTE_SEEN_UNSHARED;
    n = 0;

    for (member = ngx_http_soporte_upstream_next(group, NULL);
         member && n < NGX_HTTP_SOPORTE_UPSTREAM_SIGHTS;
         member = ngx_http_soporte_upstream_next(group, member))
    {
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
