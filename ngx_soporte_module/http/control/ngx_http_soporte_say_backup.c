
/*
 * The operator's word on a backup that ended: what a script says that no
 * directory shows.
 *
 * Of all tenants it is said in slices, and answered when the last one has it.
 * Meanwhile the request can't go away, and a worker that exits waits.
 */

#include "ngx_http_soporte_control.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_event.h"
#include "ngx_http_soporte_job.h"
#include "ngx_http_soporte_publish.h"

#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_SAY_SLICE   200     /* tenants a turn */
#define NGX_HTTP_SOPORTE_SAY_TURN    1       /* ms between two, ... */
#define NGX_HTTP_SOPORTE_SAY_QUEUED  8192    /* ... with less events waiting */
#define NGX_HTTP_SOPORTE_SAY_PAUSE   100     /* ms, with more */


typedef struct {
    ngx_uint_t             part;             /* BACKUP_PARTS: not named */
    int64_t                finished;         /* unix s */
    int64_t                bytes;            /* -1: not known */
    ngx_uint_t             ok;
} ngx_http_soporte_ended_t;


/* it is said of all */

typedef struct {
    ngx_http_request_t        *r;
    ngx_http_soporte_timer_t   timer;
    ngx_http_soporte_ended_t   ended;
    uint32_t                   slot;         /* the next, ... */
    uint32_t                   until;        /* ... up to there */
} ngx_http_soporte_round_t;


static const char *ngx_http_soporte_say_ended(
    const ngx_soporte_value_t *root, ngx_http_soporte_ended_t *ended);
static const char *ngx_http_soporte_say_ended_field(
    const ngx_soporte_value_t *v, ngx_http_soporte_ended_t *ended);
static ngx_int_t ngx_http_soporte_say_round(ngx_http_request_t *r,
    const ngx_http_soporte_ended_t *ended);
static void ngx_http_soporte_say_slice(ngx_event_t *ev);
static ngx_int_t ngx_http_soporte_say_reported(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target,
    const ngx_http_soporte_ended_t *ended);
static ngx_int_t ngx_http_soporte_say_part(const ngx_soporte_value_t *v,
    ngx_uint_t *part);


ngx_int_t
ngx_http_soporte_control_backup(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root)
{
    const char                    *error;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_ended_t       ended;
    ngx_http_soporte_main_conf_t  *smcf;

    error = ngx_http_soporte_say_ended(root, &ended);

    if (error) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                error, NULL);
    }

    /* of all: bench backs up its sites in one go */

    if (target->tenant == NGX_SOPORTE_ALL) {
        return ngx_http_soporte_say_round(r, &ended);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    tenant = ngx_soporte_tenant(smcf->zone, target->tenant);

    if (ngx_soporte_tenant_known(smcf->zone, tenant)) {
        ngx_http_soporte_backup_report(smcf, tenant, ended.part,
                                       ended.finished, ended.bytes, ended.ok,
                                       0);
    }

    return ngx_http_soporte_say_reported(r, target, &ended);
}


static ngx_int_t
ngx_http_soporte_say_round(ngx_http_request_t *r,
    const ngx_http_soporte_ended_t *ended)
{
    ngx_http_soporte_round_t      *round;
    ngx_http_soporte_main_conf_t  *smcf;

    round = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_round_t));

    if (round == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    round->r = r;
    round->ended = *ended;
    round->slot = NGX_SOPORTE_OTHER + 1;
    round->until = ngx_soporte_acquire(&smcf->zone->header->used);

    ngx_http_soporte_timer(&round->timer, round, ngx_http_soporte_say_slice,
                           r->connection->log);

    round->timer.event.cancelable = 0;
    ngx_add_timer(&round->timer.event, NGX_HTTP_SOPORTE_SAY_TURN);

    r->main->count++;
    r->main->blocked++;
    r->aio = 1;

    return NGX_DONE;
}


static void
ngx_http_soporte_say_slice(ngx_event_t *ev)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n, full;
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_round_t      *round;
    ngx_http_soporte_resource_t    target;
    ngx_http_soporte_main_conf_t  *smcf;

    round = ngx_http_soporte_timer_data(ev);
    r = round->r;
    c = r->connection;
    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    /* what failed is an event of its own; at the end nothing drains them */

    full = !ngx_exiting && ngx_http_soporte_events_waiting(smcf)
                           >= NGX_HTTP_SOPORTE_SAY_QUEUED;

    for (n = 0; !full && n < NGX_HTTP_SOPORTE_SAY_SLICE
                && round->slot < round->until; n++)
    {
        tenant = ngx_soporte_tenant(smcf->zone, round->slot++);

        if (ngx_soporte_tenant_known(smcf->zone, tenant)) {
            ngx_http_soporte_backup_report(smcf, tenant, round->ended.part,
                                           round->ended.finished,
                                           round->ended.bytes,
                                           round->ended.ok, 1);
        }
    }

    if (round->slot < round->until) {
        ngx_add_timer(ev, full ? NGX_HTTP_SOPORTE_SAY_PAUSE
                               : NGX_HTTP_SOPORTE_SAY_TURN);
        return;
    }

    ngx_http_soporte_publish_left(smcf);

    r->main->blocked--;
    r->aio = 0;

    rc = (ngx_http_soporte_control_target(r, &target) == NGX_OK)
         ? ngx_http_soporte_say_reported(r, &target, &round->ended)
         : NGX_HTTP_NOT_FOUND;

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_soporte_say_reported(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target,
    const ngx_http_soporte_ended_t *ended)
{
    ngx_http_soporte_control_log(r, target, ended->ok ? "reported good"
                                                      : "reported failed");

    return ngx_http_soporte_control_show(r, target);
}


static const char *
ngx_http_soporte_say_ended(const ngx_soporte_value_t *root,
    ngx_http_soporte_ended_t *ended)
{
    const char                 *error;
    const ngx_soporte_value_t  *v;

    ended->part = NGX_SOPORTE_BACKUP_PARTS;
    ended->finished = ngx_time();
    ended->bytes = -1;
    ended->ok = 1;

    if (root->type != NGX_SOPORTE_OBJECT) {
        return "the body must be a JSON object";
    }

    for (v = root->first; v; v = v->next) {

        error = (v->type == NGX_SOPORTE_NULL)
                ? NULL : ngx_http_soporte_say_ended_field(v, ended);

        if (error) {
            return error;
        }
    }

    return (ended->part == NGX_SOPORTE_BACKUP_PARTS)
           ? "\"part\" must be \"database\" or \"files\"" : NULL;
}


static const char *
ngx_http_soporte_say_ended_field(const ngx_soporte_value_t *v,
    ngx_http_soporte_ended_t *ended)
{
    if (ngx_http_soporte_is(&v->name, "part")) {
        return (ngx_http_soporte_say_part(v, &ended->part) == NGX_OK)
               ? NULL : "\"part\" must be \"database\" or \"files\"";
    }

    if (ngx_http_soporte_is(&v->name, "finished_at")) {
        if (v->type != NGX_SOPORTE_STRING
            || ngx_soporte_time_parse(v->str.data, v->str.len,
                                      &ended->finished, NULL) != NGX_OK
            || ended->finished <= 0 || ended->finished > ngx_time())
        {
            return "\"finished_at\" must be an RFC 3339 instant, not ahead";
        }

        return NULL;
    }

    if (ngx_http_soporte_is(&v->name, "bytes")) {
        if (v->type != NGX_SOPORTE_INTEGER || v->num < 0) {
            return "\"bytes\" must be an integer, 0 or more";
        }

        ended->bytes = v->num;

        return NULL;
    }

    if (ngx_http_soporte_is(&v->name, "ok")) {
        if (v->type != NGX_SOPORTE_TRUE && v->type != NGX_SOPORTE_FALSE) {
            return "\"ok\" must be true or false";
        }

        ended->ok = (v->type == NGX_SOPORTE_TRUE);

        return NULL;
    }

    return "unknown field; a backup has \"part\", \"finished_at\", "
           "\"bytes\", \"ok\"";
}


static ngx_int_t
ngx_http_soporte_say_part(const ngx_soporte_value_t *v, ngx_uint_t *part)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {

        if (v->type == NGX_SOPORTE_STRING
            && v->str.len == ngx_soporte_backup_parts[i].len
            && ngx_strncmp(v->str.data, ngx_soporte_backup_parts[i].data,
                           v->str.len) == 0)
        {
            *part = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
