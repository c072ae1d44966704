
/*
 * The worker that leads the node: a timer in each worker asks for the lease,
 * and the one that has it ticks what must happen once.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_deliver.h"
#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_history.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_probe.h"
#include "ngx_http_soporte_seal.h"
#include "ngx_http_soporte_snapshot.h"
#include "ngx_http_soporte_timetable.h"
#include "ngx_http_soporte_word.h"

#include "ngx_soporte_lease.h"


#define NGX_HTTP_SOPORTE_TICK  200           /* ms */


struct ngx_http_soporte_leader_s {
    ngx_http_soporte_timer_t        timer;
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_http_soporte_deliver_t     *deliver;
    ngx_http_soporte_seal_t        *seal;
    ngx_http_soporte_fleet_t       *fleet;
    ngx_http_soporte_snapshot_t    *snapshot;
    ngx_http_soporte_backup_t      *backup;
    uint32_t                        fence;
    time_t                          second;  /* of the last slow tick */
};


static void ngx_http_soporte_leader_tick(ngx_event_t *ev);
static void ngx_http_soporte_leader_stop(ngx_http_soporte_leader_t *leader);
static void ngx_http_soporte_leader_second(ngx_http_soporte_leader_t *leader);


ngx_int_t
ngx_http_soporte_leader_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_leader_t  *leader;

    leader = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_leader_t));

    if (leader == NULL) {
        return NGX_ERROR;
    }

    smcf->leader = leader;
    leader->smcf = smcf;
    leader->deliver = ngx_http_soporte_deliver_create(cycle, smcf);

    leader->seal = ngx_http_soporte_seal_create(cycle, smcf);
    leader->snapshot = smcf->snapshot;
    leader->backup = ngx_http_soporte_backup_create(cycle, smcf);

    if (leader->deliver == NULL || leader->seal == NULL
        || leader->backup == NULL)
    {
        return NGX_ERROR;
    }

    leader->fleet = ngx_http_soporte_fleet_create(cycle, smcf);

    if (leader->fleet == NULL) {
        return NGX_ERROR;
    }

    ngx_http_soporte_seal_alive(smcf->zone);

    ngx_http_soporte_timer(&leader->timer, leader,
                           ngx_http_soporte_leader_tick, cycle->log);

    ngx_add_timer(&leader->timer.event,
                  ngx_random() % NGX_HTTP_SOPORTE_TICK + 1);

    return NGX_OK;
}


static void
ngx_http_soporte_leader_tick(ngx_event_t *ev)
{
    uint32_t                    before;
    ngx_http_soporte_leader_t  *leader = ngx_http_soporte_timer_data(ev);

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        leader->smcf->leading = 0;
        ngx_soporte_lease_give(leader->smcf->zone, &leader->fence);
        ngx_http_soporte_leader_stop(leader);
        return;
    }

    ngx_http_soporte_seal_alive(leader->smcf->zone);

    before = leader->fence;

    leader->smcf->leading = ngx_soporte_lease_keep(leader->smcf->zone,
                                                   &leader->fence,
                                                   ngx_current_msec);

    if (leader->smcf->leading) {

        ngx_http_soporte_word_again(leader->smcf);
        ngx_http_soporte_backup_again(leader->smcf);
        ngx_http_soporte_deliver_tick(leader->deliver);
        ngx_http_soporte_seal_tick(leader->seal);
        ngx_http_soporte_fleet_tick(leader->fleet);
        ngx_http_soporte_history_tick(leader->smcf->history);
        ngx_http_soporte_snapshot_tick(leader->snapshot);

        if (leader->second != ngx_time()) {
            leader->second = ngx_time();
            ngx_http_soporte_leader_second(leader);
        }

    } else if (before) {
        ngx_http_soporte_leader_stop(leader);
    }

    ngx_add_timer(ev, NGX_HTTP_SOPORTE_TICK);
}


void
ngx_http_soporte_leader_exit(ngx_http_soporte_leader_t *leader)
{
    if (leader && leader->deliver) {
        ngx_http_soporte_deliver_exit(leader->deliver);
    }

    if (leader) {
        ngx_http_soporte_fleet_exit(leader->fleet);
    }
}


static void
ngx_http_soporte_leader_stop(ngx_http_soporte_leader_t *leader)
{
    ngx_http_soporte_deliver_stop(leader->deliver);
    ngx_http_soporte_seal_stop(leader->seal);
    ngx_http_soporte_fleet_stop(leader->fleet);
    ngx_http_soporte_history_stop(leader->smcf->history);
    ngx_http_soporte_snapshot_stop(leader->snapshot);
    ngx_http_soporte_probe_stop(leader->smcf->probe);
}


static void
ngx_http_soporte_leader_second(ngx_http_soporte_leader_t *leader)
{
    ngx_soporte_board_tick(leader->smcf->zone, ngx_time());
    ngx_http_soporte_backup_tick(leader->backup);
    ngx_http_soporte_timetable_tick(leader->smcf);
}
