
/*
 * What the portal serves that is no page: the widget for the desk of ERPNext,
 * the script of its own forms, the badge.  From memory, whatever is down.
 */

#include "ngx_http_soporte_embed.h"
#include "ngx_http_soporte_page.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_public.h"


#define NGX_HTTP_SOPORTE_SCRIPT_AGE  3600    /* s, in browsers' caches */
#define NGX_HTTP_SOPORTE_BADGE_AGE   60


static ngx_int_t ngx_http_soporte_asset_script(ngx_http_request_t *r,
    const char *name);


ngx_int_t
ngx_http_soporte_widget(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    return ngx_http_soporte_asset_script(r, "widget.js");
}


ngx_int_t
ngx_http_soporte_form_script(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name)
{
    return ngx_http_soporte_asset_script(r, "form.js");
}


static ngx_int_t
ngx_http_soporte_asset_script(ngx_http_request_t *r, const char *name)
{
    ngx_str_t                 *text;
    ngx_soporte_out_t         *out;
    ngx_http_soporte_body_t    body;
    ngx_http_soporte_reply_t   reply;

    text = ngx_http_soporte_embedded(name, ngx_strlen(name));

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_out(out, text->data, text->len);

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.status = NGX_HTTP_OK;
    reply.max_age = NGX_HTTP_SOPORTE_SCRIPT_AGE;
    ngx_str_set(&reply.type, "text/javascript; charset=utf-8");

    return ngx_http_soporte_reply(r, &reply, &body);
}


ngx_int_t
ngx_http_soporte_badge(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_http_soporte_view_t    view;
    ngx_http_soporte_reply_t   reply;

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(ngx_http_soporte_public(r, &view) & NGX_SOPORTE_PUBLIC_STATE)) {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.status = NGX_HTTP_OK;
    reply.max_age = NGX_HTTP_SOPORTE_BADGE_AGE;

    return ngx_http_soporte_page_send(r, &view, NGX_HTTP_SOPORTE_BADGE,
                                      &reply);
}
