
/*
 * The status page and estado.json: from memory alone, whatever is down.  Only
 * where the policy reserves a part of the page is ERPNext asked who reads it,
 * and then for a second at most.
 */

#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_crowd.h"
#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_month.h"
#include "ngx_http_soporte_notices.h"
#include "ngx_http_soporte_page.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_public.h"


static ngx_int_t ngx_http_soporte_status_known(ngx_http_request_t *r,
    void *data, const ngx_http_soporte_identity_t *identity);
static ngx_int_t ngx_http_soporte_status_show(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_view_t *view,
    ngx_uint_t visible);
static void ngx_http_soporte_status_backup(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant);
static ngx_uint_t ngx_http_soporte_status_admit(
    const ngx_soporte_zone_t *zone, ngx_http_soporte_ctx_t *ctx);
static void ngx_http_soporte_status_hide(ngx_soporte_value_t *root,
    ngx_uint_t visible);


ngx_int_t
ngx_http_soporte_status_page(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name)
{
    ngx_int_t                      rc;
    ngx_http_soporte_view_t        view;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_soporte_add(&smcf->zone->header->pages[NGX_HTTP_SOPORTE_PAGE_STATUS],
                    1);

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_soporte_public_enter(r, &view, &rc) == NGX_DONE) {
        return rc;
    }

    if (ngx_http_soporte_public(r, &view) == NGX_SOPORTE_PUBLIC_ALL) {
        return ngx_http_soporte_status_show(r, ctx, &view,
                                            NGX_SOPORTE_PUBLIC_ALL);
    }

    return ngx_http_soporte_identity(r, ctx, ngx_http_soporte_status_known);
}


/* where something is reserved: for whom ERPNext knows, nothing is */

static ngx_int_t
ngx_http_soporte_status_known(ngx_http_request_t *r, void *data,
    const ngx_http_soporte_identity_t *identity)
{
    ngx_uint_t               visible;
    ngx_http_soporte_ctx_t  *ctx;
    ngx_http_soporte_view_t  view;

    ctx = data;

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    visible = (identity->who == NGX_HTTP_SOPORTE_VERIFIED)
              ? NGX_SOPORTE_PUBLIC_ALL
              : ngx_http_soporte_public(r, &view);

    return ngx_http_soporte_status_show(r, ctx, &view, visible);
}


static ngx_int_t
ngx_http_soporte_status_show(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_view_t *view,
    ngx_uint_t visible)
{
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (!(visible & NGX_SOPORTE_PUBLIC_STATE)) {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);
    }

    if (visible != NGX_SOPORTE_PUBLIC_ALL) {
        (void) ngx_soporte_value_bool(&view->mem, view->root, "reserved", 1);
    }

    ngx_http_soporte_view_notice(view);
    ngx_http_soporte_month_view(view, ctx->tenant, visible);
    ngx_http_soporte_notices_view(view, smcf->zone, ctx->tenant, visible);

    if (visible & NGX_SOPORTE_PUBLIC_BACKUP) {
        ngx_http_soporte_status_backup(view, ctx->tenant);
    }

    (void) ngx_soporte_value_bool(&view->mem, view->root, "poll", 1);

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return ngx_http_soporte_page_send(r, view, NGX_HTTP_SOPORTE_STATUS,
                                      &reply);
}


/* the last backups, where somebody watches them */

static void
ngx_http_soporte_status_backup(ngx_http_soporte_view_t *view,
    const ngx_soporte_tenant_t *tenant)
{
    ngx_str_t                         s;
    ngx_uint_t                        i;
    ngx_soporte_value_t              *object, *part;
    ngx_http_soporte_backup_state_t   state;

    ngx_http_soporte_backup_state(tenant, view->voice.now,
                                  view->policy->promise.backup * 3600,
                                  &state);

    if (!state.known) {
        return;
    }

    object = ngx_soporte_value_add(&view->mem, view->root, "backup",
                                   NGX_SOPORTE_OBJECT);

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {
        part = ngx_soporte_value_add(&view->mem, object,
                             (const char *) ngx_soporte_backup_parts[i].data,
                             NGX_SOPORTE_OBJECT);

        s = ngx_http_soporte_phrase(&view->voice, "backup",
               (const char *) ngx_soporte_backup_names[state.state[i]].data);
        (void) ngx_soporte_value_str(&view->mem, part, "text", &s);

        if (state.at[i]) {
            s = ngx_http_soporte_soon(&view->voice, state.at[i]);
            (void) ngx_soporte_value_str(&view->mem, part, "at", &s);
        }
    }
}


ngx_int_t
ngx_http_soporte_status_json(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name)
{
    ngx_uint_t                     visible;
    ngx_soporte_value_t           *root, *hours;
    ngx_http_soporte_view_t        view;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_soporte_report_incident(smcf->zone, ctx->tenant, ngx_time(),
                                     &view.report);

    root = ngx_http_soporte_report_value(&view.mem, NULL, &view.report, 1);

    visible = ngx_http_soporte_public(r, &view);
    ngx_http_soporte_status_hide(root, visible);
    ngx_http_soporte_month_value(&view, root, ctx->tenant, visible);

    if (visible & NGX_SOPORTE_PUBLIC_BACKUP) {
        ngx_http_soporte_backup_value(&view.mem, root, ctx->tenant,
                                      view.voice.now,
                                      view.policy->promise.backup * 3600);
    } else {
        (void) ngx_soporte_value_add(&view.mem, root, "backup",
                                     NGX_SOPORTE_NULL);
    }

    hours = ngx_soporte_value_add(&view.mem, root, "hours",
                                  NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_bool(&view.mem, hours, "open", view.hours.open);
    ngx_soporte_value_instant(&view.mem, hours, "until",
                      view.hours.until == NGX_SOPORTE_CALENDAR_BEYOND
                      ? 0 : view.hours.until);
    ngx_soporte_value_instant(&view.mem, hours, "opens_at",
                      view.hours.opens_at == NGX_SOPORTE_CALENDAR_BEYOND
                      ? 0 : view.hours.opens_at);

    (void) ngx_soporte_value_int(&view.mem, root, "retry_after",
                                 ngx_http_soporte_retry_after(&view));
    (void) ngx_soporte_value_int(&view.mem, root, "admit_after",
                         ngx_http_soporte_status_admit(smcf->zone, ctx));

    if (view.mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return ngx_http_soporte_reply_json(r, &reply, root);
}


/*
 * The seconds that a page waits before it takes its reader back.  While there
 * is nowhere to go back to, who asks is one of those that will.
 */

static ngx_uint_t
ngx_http_soporte_status_admit(const ngx_soporte_zone_t *zone,
    ngx_http_soporte_ctx_t *ctx)
{
    uint32_t  slot;

    slot = ngx_soporte_tenant_index(zone, ctx->tenant);

    switch (ngx_http_soporte_state(ctx->tenant, ngx_time())) {

    case NGX_SOPORTE_STATE_DOWN:
    case NGX_SOPORTE_STATE_MAINTENANCE:
    case NGX_SOPORTE_STATE_RESTORE:
        ngx_http_soporte_crowd_waits(slot);
        break;

    default:
        break;
    }

    return ngx_random() % (ngx_http_soporte_crowd_spread(slot) + 1);
}


/* what is said of the tenant, made null where it is not for all */

static void
ngx_http_soporte_status_hide(ngx_soporte_value_t *root, ngx_uint_t visible)
{
    ngx_uint_t            i;
    ngx_soporte_value_t  *v;

    static const struct {
        const char  *name;
        ngx_uint_t   bit;
    } members[] = {
        { "incident", NGX_SOPORTE_PUBLIC_INCIDENT },
        { "maintenance", NGX_SOPORTE_PUBLIC_MAINTENANCE },
        { "restore", NGX_SOPORTE_PUBLIC_RESTORE },
    };

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        v = ngx_soporte_value_get(root, members[i].name);

        if (v && !(visible & members[i].bit)) {
            v->type = NGX_SOPORTE_NULL;
        }
    }
}
