
/*
 * The tracking page.  The link's token is proof by itself: it is checked
 * before anything is looked up, so that a wrong one, another tenant's and an
 * unknown folio are one and the same 404.
 */

#include "ngx_http_soporte_track.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_lookup.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_public.h"
#include "ngx_http_soporte_task.h"


#define NGX_HTTP_SOPORTE_TICKET_COOKIE  "soporte-ticket"


typedef struct {
    ngx_soporte_mem_t                mem;    /* of a pool of its own */
    ngx_http_soporte_ctx_t          *ctx;
    ngx_http_soporte_view_t         *view;
    const ngx_http_soporte_claim_t  *claim;
    const ngx_http_soporte_retry_t  *retry;

    /* of the task */

    ngx_http_soporte_main_conf_t    *smcf;
    ngx_str_t                        tenant;
    ngx_http_soporte_found_t         found;
} ngx_http_soporte_tracking_t;


static ngx_int_t ngx_http_soporte_track_enter(ngx_http_request_t *r,
    const ngx_str_t *base, const ngx_http_soporte_claim_t *claim);
static void ngx_http_soporte_track_thread(void *data);
static ngx_int_t ngx_http_soporte_track_done(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_soporte_track_json(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *story);
static ngx_int_t ngx_http_soporte_track_page(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *story);
static ngx_int_t ngx_http_soporte_track_form(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_http_soporte_reply_t *reply);
static ngx_str_t ngx_http_soporte_track_link(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t);


ngx_int_t
ngx_http_soporte_track(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_http_soporte_view_t   *view;
    ngx_http_soporte_claim_t  *claim;

    view = ngx_palloc(r->pool, sizeof(ngx_http_soporte_view_t));
    claim = ngx_palloc(r->pool, sizeof(ngx_http_soporte_claim_t));

    if (view == NULL || claim == NULL
        || ngx_http_soporte_view(r, ctx, view) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_soporte_track_claim(r, &view->report.key, name, claim)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (claim->linked && !ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_track_enter(r, &view->base, claim);
    }

    return ngx_http_soporte_track_show(r, ctx, view, claim, NULL);
}


ngx_int_t
ngx_http_soporte_track_claim(ngx_http_request_t *r, const ngx_str_t *tenant,
    const ngx_str_t *name, ngx_http_soporte_claim_t *claim)
{
    u_char                        *p;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    p = ngx_pnalloc(r->pool, NGX_SOPORTE_FOLIO_LEN);

    if (p == NULL) {
        return NGX_ERROR;
    }

    claim->linked = (ngx_http_soporte_portal_key(r, &claim->token) == NGX_OK);

    if (!claim->linked
        && ngx_http_soporte_cookie(r, NGX_HTTP_SOPORTE_TICKET_COOKIE,
                                   &claim->token)
           != NGX_OK)
    {
        ngx_str_null(&claim->token);
    }

    if (ngx_soporte_secret_track_verify(&smcf->secret, tenant, name,
                                        &claim->token, claim->id)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    claim->folio.data = p;
    claim->folio.len = ngx_soporte_folio_format(p, claim->id) - p;

    return NGX_OK;
}


/* the token leaves the address bar at once, for a cookie of this ticket */

static ngx_int_t
ngx_http_soporte_track_enter(ngx_http_request_t *r,
    const ngx_str_t *base, const ngx_http_soporte_claim_t *claim)
{
    u_char                    *p;
    const char                *secure;
    ngx_http_soporte_reply_t   reply;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    secure = "";

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        secure = "; Secure";
    }
#endif

    reply.status = NGX_HTTP_SEE_OTHER;
    ngx_str_set(&reply.type, "text/plain");
    reply.location = ngx_http_soporte_ticket_path(r->pool, base,
                                                  &claim->folio, NULL);

    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_SOPORTE_TICKET_COOKIE
                                    "=; Path=; Max-Age=7776000; HttpOnly; "
                                    "SameSite=Lax; Secure")
                             + claim->token.len + reply.location.len);

    if (p == NULL || reply.location.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.cookie.data = p;
    p = ngx_sprintf(p, NGX_HTTP_SOPORTE_TICKET_COOKIE "=%V; Path=%V; "
                    "Max-Age=7776000; HttpOnly; SameSite=Lax%s",
                    &claim->token, &reply.location, secure);
    reply.cookie.len = p - reply.cookie.data;

    return ngx_http_soporte_reply_json(r, &reply, NULL);
}


ngx_int_t
ngx_http_soporte_track_show(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_view_t *view,
    const ngx_http_soporte_claim_t *claim,
    const ngx_http_soporte_retry_t *retry)
{
    ngx_pool_t                    *pool;
    ngx_http_soporte_tracking_t   *t;

    t = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_tracking_t));
    pool = ngx_http_soporte_task_pool(r);

    if (t == NULL || pool == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    t->mem = ngx_http_soporte_mem(pool);
    t->ctx = ctx;
    t->view = view;
    t->claim = claim;
    t->retry = retry;
    t->tenant = view->report.key;
    t->smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (t->smcf->lookup == NULL) {
        t->found.rc = NGX_ERROR;
        return ngx_http_soporte_track_done(r, t);
    }

    switch (ngx_http_soporte_task(r, t, ngx_http_soporte_track_thread,
                                  ngx_http_soporte_track_done))
    {
    case NGX_DONE:
        /* the phase engine's own count is given back by NGX_DONE */
        return NGX_DONE;

    case NGX_BUSY:
        return ngx_http_soporte_page_error(r, ctx,
                                           NGX_HTTP_SERVICE_UNAVAILABLE);
    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_soporte_track_thread(void *data)
{
    ngx_http_soporte_tracking_t  *t = data;

    u_char                     prefix[NGX_HTTP_SOPORTE_TRACK_PREFIX];
    ngx_http_soporte_found_t  *found;

    found = &t->found;

    /* messages first: one that is delivered meanwhile is in PostgreSQL */

    if (t->smcf->spool
        && (ngx_http_soporte_track_prefix(t->claim->id, prefix) != NGX_OK
            || ngx_soporte_spool_seek(t->smcf->spool, prefix, sizeof(prefix),
                                      &t->mem, found->docs,
                                      NGX_HTTP_SOPORTE_TRACK_MESSAGES,
                                      &found->ndocs)
               != NGX_OK))
    {
        found->ndocs = 0;
    }

    found->rc = ngx_http_soporte_lookup(t->smcf->lookup, &t->mem, &t->tenant,
                                        t->claim->id, &found->json,
                                        &found->spooled);
}


/* version and variant of a UUID version 8 change the seventh byte and later */

ngx_int_t
ngx_http_soporte_track_prefix(const u_char *ticket, u_char *prefix)
{
    u_char  digest[NGX_SOPORTE_DIGEST_LEN];

    if (ngx_soporte_secret_sha256(digest, ticket, NGX_SOPORTE_ID_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(prefix, digest, NGX_HTTP_SOPORTE_TRACK_PREFIX);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_track_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_tracking_t  *t = data;

    ngx_soporte_value_t  *story;

    /*
     * NGX_DECLINED is no better than NGX_ERROR: retention took the ticket, or
     * another node still holds it in its spool.
     */

    story = ngx_http_soporte_story(&t->mem, &t->found, t->claim->id,
                                   r->connection->log);

    if (t->mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_track_json(r, t, story);
    }

    return ngx_http_soporte_track_page(r, t, story);
}


static ngx_int_t
ngx_http_soporte_track_json(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *story)
{
    ngx_soporte_value_t       *root, *v;
    ngx_http_soporte_reply_t   reply;

    root = ngx_soporte_value_add(&t->mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(&t->mem, root, "folio", &t->claim->folio);

    if (story == NULL) {
        (void) ngx_soporte_value_cstr(&t->mem, root, "status", "received");
    }

    for (v = story ? story->first : NULL; v; v = v->next) {
        (void) ngx_soporte_value_ref(&t->mem, root, (char *) v->name.data, v);
    }

    if (t->mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return ngx_http_soporte_reply_json(r, &reply, root);
}


static ngx_int_t
ngx_http_soporte_track_page(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *story)
{
    ngx_str_t                  link, title;
    ngx_soporte_value_t       *ticket;
    ngx_http_soporte_view_t   *view;
    ngx_http_soporte_blank_t   blanks[2];
    ngx_http_soporte_reply_t   reply;

    view = t->view;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = t->retry ? 422 : NGX_HTTP_OK;

    ticket = ngx_soporte_value_add(&view->mem, view->root, "ticket",
                                   NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(&view->mem, ticket, "folio",
                                 &t->claim->folio);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "stored",
                                  story != NULL);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "pending",
                                  t->found.spooled && story);

    link = ngx_http_soporte_track_link(r, t);
    (void) ngx_soporte_value_str(&view->mem, ticket, "link", &link);

    link = ngx_http_soporte_public_link(r, view);
    (void) ngx_soporte_value_str(&view->mem, ticket, "status_link", &link);

    ngx_http_soporte_story_tell(view, ticket, story);

    if (ngx_http_soporte_track_form(r, t, &reply) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    blanks[0].name = 'F';
    blanks[0].text = t->claim->folio;
    blanks[1].name = 0;

    title = ngx_http_soporte_fill(&view->voice, "title", "ticket", blanks);
    (void) ngx_soporte_value_str(&view->mem, view->root, "title", &title);

    return ngx_http_soporte_page_send(r, view, NGX_HTTP_SOPORTE_TICKET,
                                      &reply);
}


/* where a message is written, empty or as it came back */

static ngx_int_t
ngx_http_soporte_track_form(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_http_soporte_reply_t *reply)
{
    u_char                   *p;
    ngx_str_t                 nonce, action, path, message;
    ngx_soporte_value_t      *form, *v;
    ngx_http_soporte_view_t  *view;

    static const ngx_str_t  tail = ngx_string("/mensajes");

    view = t->view;
    path = ngx_http_soporte_ticket_path(r->pool, &view->base,
                                        &t->claim->folio, NULL);
    p = ngx_pnalloc(r->pool, path.len + tail.len);

    if (p == NULL || path.len == 0
        || ngx_http_soporte_nonce(r, &nonce, &reply->cookie) != NGX_OK)
    {
        return NGX_ERROR;
    }

    action.data = p;
    action.len = path.len + tail.len;

    ngx_memcpy(ngx_cpymem(p, path.data, path.len), tail.data, tail.len);

    form = ngx_http_soporte_form_object(r, view, &nonce, &action);

    if (form == NULL || t->retry == NULL) {
        return form ? NGX_OK : NGX_ERROR;
    }

    v = ngx_soporte_value_add(&view->mem, form, "values", NGX_SOPORTE_OBJECT);

    if (t->retry->message) {
        (void) ngx_soporte_value_str(&view->mem, v, "message",
                                     t->retry->message);
    }

    message = ngx_http_soporte_phrase_str(&view->voice, "error",
                                          t->retry->error);

    v = ngx_soporte_value_add(&view->mem, form, "errors", NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(&view->mem, v, "message", &message);

    return view->mem.failed ? NGX_ERROR : NGX_OK;
}


static ngx_str_t
ngx_http_soporte_track_link(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t)
{
    u_char     *p;
    ngx_str_t   path, link, origin;

    path = ngx_http_soporte_ticket_path(r->pool, &t->view->base,
                                        &t->claim->folio, &t->claim->token);
    origin = ngx_http_soporte_origin(r);

    p = ngx_pnalloc(r->pool, origin.len + path.len);

    if (path.len == 0 || p == NULL) {
        return path;
    }

    link.data = p;
    link.len = origin.len + path.len;

    p = ngx_cpymem(p, origin.data, origin.len);
    ngx_memcpy(p, path.data, path.len);

    return link;
}
