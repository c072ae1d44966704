
/*
 * The operator's word on a backup that ended: what a script says that no
 * directory shows.
 */

#include "ngx_http_soporte_control.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_conf.h"

#include "ngx_soporte_time.h"


typedef struct {
    ngx_uint_t             part;             /* BACKUP_PARTS: not named */
    int64_t                finished;         /* unix s */
    int64_t                bytes;            /* -1: not known */
    ngx_uint_t             ok;
} ngx_http_soporte_ended_t;


static const char *ngx_http_soporte_say_ended(
    const ngx_soporte_value_t *root, ngx_http_soporte_ended_t *ended);
static const char *ngx_http_soporte_say_ended_field(
    const ngx_soporte_value_t *v, ngx_http_soporte_ended_t *ended);
static ngx_int_t ngx_http_soporte_say_part(const ngx_soporte_value_t *v,
    ngx_uint_t *part);


ngx_int_t
ngx_http_soporte_control_backup(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root)
{
    uint32_t                       i, first, last;
    const char                    *error;
    ngx_soporte_zone_t            *zone;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_ended_t       ended;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    zone = smcf->zone;

    error = ngx_http_soporte_say_ended(root, &ended);

    if (error) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                error, NULL);
    }

    /* of all: bench backs up its sites in one go */

    first = target->tenant;
    last = target->tenant;

    if (target->tenant == NGX_SOPORTE_ALL) {
        first = 1;
        last = ngx_soporte_acquire(&zone->header->used) - 1;
    }

    for (i = first; i <= last; i++) {
        tenant = ngx_soporte_tenant(zone, i);

        if (ngx_soporte_tenant_known(zone, tenant)) {
            ngx_http_soporte_backup_report(smcf, tenant, ended.part,
                                           ended.finished, ended.bytes,
                                           ended.ok);
        }
    }

    ngx_http_soporte_control_log(r, target, ended.ok ? "reported good"
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
