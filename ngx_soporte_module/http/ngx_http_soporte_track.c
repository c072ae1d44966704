
/*
 * The tracking page.  The link's token is proof by itself: it is checked
 * before anything is looked up, so that a wrong one, another tenant's and an
 * unknown folio are one and the same 404.
 */

#include "ngx_http_soporte_ticket.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_lookup.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_public.h"
#include "ngx_http_soporte_task.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_TICKET_COOKIE  "soporte-ticket"


typedef struct {
    ngx_soporte_mem_t              mem;
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_view_t        view;
    ngx_str_t                      folio;
    ngx_str_t                      token;
    u_char                         id[NGX_SOPORTE_ID_LEN];

    /* of the task */

    ngx_http_soporte_lookup_t     *lookup;
    ngx_int_t                      rc;
    ngx_str_t                      json;
    ngx_uint_t                     spooled;
} ngx_http_soporte_tracking_t;


static ngx_int_t ngx_http_soporte_track_enter(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t);
static void ngx_http_soporte_track_thread(void *data);
static ngx_int_t ngx_http_soporte_track_done(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_soporte_track_json(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *document);
static ngx_int_t ngx_http_soporte_track_page(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *document);
static void ngx_http_soporte_track_fill(ngx_http_soporte_tracking_t *t,
    ngx_soporte_value_t *ticket, ngx_soporte_value_t *document);
static void ngx_http_soporte_track_messages(ngx_http_soporte_tracking_t *t,
    ngx_soporte_value_t *ticket, ngx_soporte_value_t *document);
static void ngx_http_soporte_track_when(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_value_t *instant);
static ngx_str_t ngx_http_soporte_track_link(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t);


ngx_int_t
ngx_http_soporte_track(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    u_char                        *p;
    ngx_uint_t                     linked;
    ngx_http_soporte_tracking_t   *t;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    t = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_tracking_t));
    p = ngx_pnalloc(r->pool, NGX_SOPORTE_FOLIO_LEN);

    if (t == NULL || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    t->ctx = ctx;
    t->mem = ngx_http_soporte_mem(r->pool);

    if (ngx_http_soporte_view(r, ctx, &t->view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    linked = (ngx_soporte_form_arg(&t->mem, &r->args, "clave", &t->token)
              == NGX_OK);

    if (!linked
        && ngx_http_soporte_cookie(r, NGX_HTTP_SOPORTE_TICKET_COOKIE,
                                   &t->token)
           != NGX_OK)
    {
        ngx_str_null(&t->token);
    }

    /* both are the client's bytes; r->args is a part of the second */

    ngx_http_soporte_track_hide(&r->request_line);
    ngx_http_soporte_track_hide(&r->unparsed_uri);

    if (ngx_soporte_secret_track_verify(&smcf->secret, &t->view.report.key,
                                        name, &t->token, t->id)
        != NGX_OK)
    {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);
    }

    t->folio.data = p;
    t->folio.len = ngx_soporte_folio_format(p, t->id) - p;

    if (linked && !ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_track_enter(r, t);
    }

    t->lookup = smcf->lookup;

    if (t->lookup == NULL || smcf->spool == NULL) {
        t->rc = NGX_ERROR;
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


void
ngx_http_soporte_track_hide(ngx_str_t *line)
{
    u_char  *p, *end;

    static u_char  name[] = "clave=";

    p = line->data;
    end = line->data + line->len;

    while (p && p < end) {
        p = ngx_strlcasestrn(p, end, name, sizeof(name) - 2);

        if (p == NULL) {
            return;
        }

        for (p += sizeof(name) - 1; p < end && *p != '&' && *p != ' '; p++) {
            *p = '*';
        }
    }
}


/* the token leaves the address bar at once, for a cookie of this ticket */

static ngx_int_t
ngx_http_soporte_track_enter(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t)
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
    reply.location = ngx_http_soporte_ticket_path(r->pool, &t->view.base,
                                                  &t->folio, NULL);

    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_SOPORTE_TICKET_COOKIE
                                    "=; Path=; Max-Age=7776000; HttpOnly; "
                                    "SameSite=Lax; Secure")
                             + t->token.len + reply.location.len);

    if (p == NULL || reply.location.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.cookie.data = p;
    p = ngx_sprintf(p, NGX_HTTP_SOPORTE_TICKET_COOKIE "=%V; Path=%V; "
                    "Max-Age=7776000; HttpOnly; SameSite=Lax%s",
                    &t->token, &reply.location, secure);
    reply.cookie.len = p - reply.cookie.data;

    return ngx_http_soporte_reply_json(r, &reply, NULL);
}


static void
ngx_http_soporte_track_thread(void *data)
{
    ngx_http_soporte_tracking_t  *t = data;

    t->rc = ngx_http_soporte_lookup(t->lookup, &t->mem, &t->view.report.key,
                                    t->id, &t->json, &t->spooled);
}


static ngx_int_t
ngx_http_soporte_track_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_tracking_t  *t = data;

    ngx_soporte_value_t        *document;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    if (t->rc == NGX_DECLINED) {

        /* retention took it, or another node still holds it in its spool */

        t->rc = NGX_ERROR;
    }

    document = NULL;

    if (t->rc == NGX_OK) {
        limits.max_depth = 16;
        document = ngx_soporte_json_parse(&t->mem, t->json.data,
                                          t->json.len, &limits, &err);

        if (document == NULL) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "a ticket's document can't be read: %s", err.text);
        }
    }

    if (ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_track_json(r, t, document);
    }

    return ngx_http_soporte_track_page(r, t, document);
}


static ngx_int_t
ngx_http_soporte_track_json(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *document)
{
    ngx_uint_t                 i;
    ngx_soporte_value_t       *root, *v;
    ngx_http_soporte_reply_t   reply;

    /* an allow-list: a spooled document holds more than the page may say */

    static const char *const   keys[] = {
        "subject", "description", "category", "filed_at", "reply_due",
        "urgent", "messages"
    };

    root = ngx_soporte_value_add(&t->mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(&t->mem, root, "folio", &t->folio);

    v = t->spooled ? NULL : ngx_soporte_value_get(document, "status");

    if (v) {
        (void) ngx_soporte_value_ref(&t->mem, root, "status", v);
    } else {
        (void) ngx_soporte_value_cstr(&t->mem, root, "status", "received");
    }

    for (i = 0; document && i < sizeof(keys) / sizeof(keys[0]); i++) {
        v = ngx_soporte_value_get(document, keys[i]);

        if (v) {
            (void) ngx_soporte_value_ref(&t->mem, root, keys[i], v);
        }
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
    ngx_http_soporte_tracking_t *t, ngx_soporte_value_t *document)
{
    ngx_str_t                  link, title;
    ngx_soporte_value_t       *ticket;
    ngx_http_soporte_blank_t   blanks[2];
    ngx_http_soporte_reply_t   reply;

    ticket = ngx_soporte_value_add(&t->view.mem, t->view.root, "ticket",
                                   NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(&t->view.mem, ticket, "folio", &t->folio);
    (void) ngx_soporte_value_bool(&t->view.mem, ticket, "stored",
                                  document != NULL);
    (void) ngx_soporte_value_bool(&t->view.mem, ticket, "pending",
                                  t->spooled && document);

    link = ngx_http_soporte_track_link(r, t);
    (void) ngx_soporte_value_str(&t->view.mem, ticket, "link", &link);

    link = ngx_http_soporte_public_link(r, &t->view);
    (void) ngx_soporte_value_str(&t->view.mem, ticket, "status_link", &link);

    ngx_http_soporte_track_fill(t, ticket, document);

    blanks[0].name = 'F';
    blanks[0].text = t->folio;
    blanks[1].name = 0;

    title = ngx_http_soporte_fill(&t->view.voice, "title", "ticket", blanks);
    (void) ngx_soporte_value_str(&t->view.mem, t->view.root, "title",
                                 &title);

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return ngx_http_soporte_page_send(r, &t->view, NGX_HTTP_SOPORTE_TICKET,
                                      &reply);
}


/* document is NULL when nobody can tell now: the ticket is safe all the same */

static void
ngx_http_soporte_track_fill(ngx_http_soporte_tracking_t *t,
    ngx_soporte_value_t *ticket, ngx_soporte_value_t *document)
{
    int64_t                   due;
    ngx_str_t                 s;
    const char               *status;
    ngx_uint_t                urgent, outside;
    ngx_soporte_value_t      *v;
    ngx_soporte_category_t   *category;
    ngx_http_soporte_view_t  *view;

    view = &t->view;
    due = 0;
    urgent = 0;
    outside = 0;
    status = "received";

    if (document) {
        v = ngx_soporte_value_get(document, "status");

        if (v && v->type == NGX_SOPORTE_STRING && !t->spooled) {
            status = (char *) v->str.data;
        }

        v = ngx_soporte_value_get(document, "urgent");
        urgent = (v && v->type == NGX_SOPORTE_TRUE);

        v = ngx_soporte_value_get(document, "reply_due");

        if (v && v->type == NGX_SOPORTE_STRING) {
            (void) ngx_soporte_time_parse(v->str.data, v->str.len, &due,
                                          NULL);
        }

        (void) ngx_soporte_value_ref(&view->mem, ticket, "subject",
                             ngx_soporte_value_get(document, "subject"));
        (void) ngx_soporte_value_ref(&view->mem, ticket, "description",
                             ngx_soporte_value_get(document, "description"));

        v = ngx_soporte_value_get(document, "category");
        category = v ? ngx_soporte_policy_category(view->policy, &v->str)
                     : NULL;

        if (category) {
            outside = !category->included;
            (void) ngx_soporte_value_str(&view->mem, ticket, "category",
                          ngx_http_soporte_words(view, &category->title));

        } else if (v) {
            (void) ngx_soporte_value_ref(&view->mem, ticket, "category", v);
        }

        ngx_http_soporte_track_when(view, ticket, "filed_at",
                             ngx_soporte_value_get(document, "filed_at"));
        ngx_http_soporte_track_messages(t, ticket, document);
    }

    (void) ngx_soporte_value_bool(&view->mem, ticket, status, 1);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "urgent", urgent);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "out_of_scope",
                                  outside);

    s = ngx_http_soporte_phrase(&view->voice, "ticket", status);
    (void) ngx_soporte_value_str(&view->mem, ticket, "status", &s);

    s = ngx_http_soporte_reply_words(view, urgent, 0, due);
    (void) ngx_soporte_value_str(&view->mem, ticket, "reply", &s);
}


static void
ngx_http_soporte_track_messages(ngx_http_soporte_tracking_t *t,
    ngx_soporte_value_t *ticket, ngx_soporte_value_t *document)
{
    ngx_soporte_value_t        *list, *item, *author;
    const ngx_soporte_value_t  *m;

    list = ngx_soporte_value_get(document, "messages");

    if (list == NULL || list->type != NGX_SOPORTE_LIST) {
        return;
    }

    m = list->first;
    list = ngx_soporte_value_add(&t->view.mem, ticket, "messages",
                                 NGX_SOPORTE_LIST);

    for ( /* void */ ; m; m = m->next) {
        item = ngx_soporte_value_add(&t->view.mem, list, NULL,
                                     NGX_SOPORTE_OBJECT);

        author = ngx_soporte_value_get(m, "author");

        (void) ngx_soporte_value_bool(&t->view.mem, item,
                                      (author && author->str.len == 5)
                                      ? "agent" : "customer", 1);
        (void) ngx_soporte_value_ref(&t->view.mem, item, "body",
                                     ngx_soporte_value_get(m, "body"));

        ngx_http_soporte_track_when(&t->view, item, "at",
                                    ngx_soporte_value_get(m, "at"));
    }
}


static void
ngx_http_soporte_track_when(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_value_t *instant)
{
    int64_t    t;
    ngx_str_t  s;

    if (instant == NULL || instant->type != NGX_SOPORTE_STRING
        || ngx_soporte_time_parse(instant->str.data, instant->str.len, &t,
                                  NULL)
           != NGX_OK)
    {
        return;
    }

    s = ngx_http_soporte_moment(&view->voice, "at", t);
    (void) ngx_soporte_value_str(&view->mem, parent, name, &s);
}


static ngx_str_t
ngx_http_soporte_track_link(ngx_http_request_t *r,
    ngx_http_soporte_tracking_t *t)
{
    u_char     *p;
    ngx_str_t   path, link, origin;

    path = ngx_http_soporte_ticket_path(r->pool, &t->view.base, &t->folio,
                                        &t->token);
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
