
/*
 * The policy's list "public", and the status link that goes beyond it.
 *
 * The link's token is base64url of the first 16 bytes of HMAC("status" 0
 * tenant): the same at every node that has the fleet's key, stored nowhere,
 * worth nothing at another tenant.
 */

#include "ngx_http_soporte_public.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_ticket.h"

#include "ngx_soporte_folio.h"


#define NGX_HTTP_SOPORTE_STATUS_TOKEN   22
#define NGX_HTTP_SOPORTE_STATUS_COOKIE  "soporte-estado"


static ngx_int_t ngx_http_soporte_public_token(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view, u_char *token);
static ngx_uint_t ngx_http_soporte_public_proven(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view, const ngx_str_t *token);


ngx_uint_t
ngx_http_soporte_public(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view)
{
    ngx_str_t  token;

    if (view->policy->visible == NGX_SOPORTE_PUBLIC_ALL) {
        return NGX_SOPORTE_PUBLIC_ALL;
    }

    if ((ngx_http_soporte_cookie(r, NGX_HTTP_SOPORTE_STATUS_COOKIE, &token)
         == NGX_OK
         || ngx_http_soporte_portal_key(r, &token) == NGX_OK)
        && ngx_http_soporte_public_proven(r, view, &token))
    {
        return NGX_SOPORTE_PUBLIC_ALL;
    }

    return view->policy->visible;
}


static ngx_int_t
ngx_http_soporte_public_token(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view, u_char *token)
{
    u_char                        *p, digest[NGX_SOPORTE_DIGEST_LEN];
    ngx_http_soporte_main_conf_t  *smcf;

    u_char  text[sizeof("status") + NGX_SOPORTE_KEY_MAX];

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    p = ngx_cpymem(text, "status", sizeof("status"));
    p = ngx_cpymem(p, view->report.key.data, view->report.key.len);

    if (ngx_soporte_secret_hmac(&smcf->secret, text, p - text, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_soporte_base64url_encode(token, digest, 16);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_soporte_public_proven(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view, const ngx_str_t *token)
{
    u_char  ours[NGX_HTTP_SOPORTE_STATUS_TOKEN];

    return token->len == sizeof(ours)
           && ngx_http_soporte_public_token(r, view, ours) == NGX_OK
           && ngx_soporte_secret_equal(ours, token->data, sizeof(ours));
}


ngx_str_t
ngx_http_soporte_public_link(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view)
{
    u_char     *p;
    ngx_str_t   link;

    link.len = 0;
    link.data = ngx_pnalloc(r->pool, view->base.len
                                     + sizeof("/estado?clave=")
                                     + NGX_HTTP_SOPORTE_STATUS_TOKEN);

    if (link.data == NULL) {
        return link;
    }

    p = ngx_cpymem(link.data, view->base.data, view->base.len);
    p = ngx_cpymem(p, "/estado?clave=", sizeof("/estado?clave=") - 1);

    if (ngx_http_soporte_public_token(r, view, p) == NGX_OK) {
        link.len = p + NGX_HTTP_SOPORTE_STATUS_TOKEN - link.data;
    }

    return link;
}


ngx_int_t
ngx_http_soporte_public_enter(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view, ngx_int_t *rc)
{
    u_char                    *p;
    ngx_str_t                  token;
    const char                *secure;
    ngx_http_soporte_reply_t   reply;

    if (ngx_http_soporte_portal_key(r, &token) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_SEE_OTHER;
    ngx_str_set(&reply.type, "text/plain");

    secure = "";

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        secure = "; Secure";
    }
#endif

    p = ngx_pnalloc(r->pool, 2 * view->base.len + token.len
                             + sizeof("/estado" NGX_HTTP_SOPORTE_STATUS_COOKIE
                                      "=; Path=; Max-Age=31536000; HttpOnly; "
                                      "SameSite=Lax; Secure"));

    if (p == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_DONE;
    }

    reply.location.data = p;
    p = ngx_sprintf(p, "%V/estado", &view->base);
    reply.location.len = p - reply.location.data;

    /* a wrong one is as if there were none, and says so to nobody */

    if (ngx_http_soporte_public_proven(r, view, &token)) {
        reply.cookie.data = p;
        p = ngx_sprintf(p, NGX_HTTP_SOPORTE_STATUS_COOKIE "=%V; Path=%V; "
                        "Max-Age=31536000; HttpOnly; SameSite=Lax%s",
                        &token, &view->base, secure);
        reply.cookie.len = p - reply.cookie.data;
    }

    *rc = ngx_http_soporte_reply_json(r, &reply, NULL);

    return NGX_DONE;
}
