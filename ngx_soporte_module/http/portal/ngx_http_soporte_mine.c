
/*
 * A person's own tickets: the list, for whoever ERPNext vouches for; for all
 * others a form that asks for a mail with their links.
 */

#include "ngx_http_soporte_mine.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_lookup.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_task.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_time.h"


/* the list of a verified user */

typedef struct {
    ngx_http_soporte_mine_t        m;
    ngx_http_soporte_lookup_t     *lookup;
    ngx_int_t                      rc;
    ngx_str_t                      json;
} ngx_http_soporte_list_t;


static ngx_int_t ngx_http_soporte_mine_known(ngx_http_request_t *r,
    void *data, const ngx_http_soporte_identity_t *identity);
static void ngx_http_soporte_mine_thread(void *data);
static ngx_int_t ngx_http_soporte_mine_done(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_soporte_mine_json(ngx_http_request_t *r,
    ngx_http_soporte_mine_t *m, ngx_soporte_value_t *list);
static void ngx_http_soporte_mine_tell(ngx_http_request_t *r,
    ngx_http_soporte_mine_t *m, ngx_soporte_value_t *list);
static ngx_str_t ngx_http_soporte_mine_link(ngx_http_request_t *r,
    ngx_http_soporte_mine_t *m, const ngx_soporte_value_t *ticket);
static ngx_int_t ngx_http_soporte_mine_form(ngx_http_request_t *r,
    ngx_http_soporte_mine_t *m, ngx_http_soporte_reply_t *reply);


ngx_int_t
ngx_http_soporte_mine_init(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_http_soporte_mine_t *m)
{
    ngx_pool_t  *pool;

    pool = ngx_http_soporte_task_pool(r);

    if (pool == NULL || ngx_http_soporte_view(r, ctx, &m->view) != NGX_OK) {
        return NGX_ERROR;
    }

    m->ctx = ctx;
    m->mem = ngx_http_soporte_mem(pool);
    m->tenant = m->view.report.key;

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_mine(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_http_soporte_list_t       *l;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    l = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_list_t));

    if (l == NULL || ngx_http_soporte_mine_init(r, ctx, &l->m) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    l->lookup = smcf->lookup;

    return ngx_http_soporte_identity(r, l, ngx_http_soporte_mine_known);
}


static ngx_int_t
ngx_http_soporte_mine_known(ngx_http_request_t *r, void *data,
    const ngx_http_soporte_identity_t *identity)
{
    ngx_http_soporte_list_t  *l = data;

    ngx_http_soporte_mine_t  *m;

    m = &l->m;

    if (identity->who != NGX_HTTP_SOPORTE_VERIFIED) {

        if (ngx_http_soporte_accepts_json(r)) {
            return ngx_http_soporte_page_error(r, m->ctx,
                                               NGX_HTTP_FORBIDDEN);
        }

        m->email = identity->email;

        return ngx_http_soporte_mine_page(r, m, NULL);
    }

    m->user = identity->user;
    m->email = identity->email;

    switch (ngx_http_soporte_task(r, l, ngx_http_soporte_mine_thread,
                                  ngx_http_soporte_mine_done))
    {
    case NGX_DONE:
        return NGX_DONE;

    case NGX_BUSY:
        return ngx_http_soporte_page_error(r, m->ctx,
                                           NGX_HTTP_SERVICE_UNAVAILABLE);
    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_soporte_mine_thread(void *data)
{
    ngx_http_soporte_list_t  *l = data;

    ngx_soporte_postgres_param_t  params[2];

    ngx_memzero(params, sizeof(params));

    params[0].value = l->m.tenant;
    params[1].value = l->m.user;

    l->rc = ngx_http_soporte_lookup_value(l->lookup, &l->m.mem,
                "SELECT soporte.tickets_of_user($1::text, $2::text, 100)",
                params, 2, &l->json);
}


static ngx_int_t
ngx_http_soporte_mine_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_list_t  *l = data;

    ngx_soporte_value_t        *list;
    ngx_http_soporte_mine_t    *m;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    m = &l->m;
    list = NULL;

    if (l->rc == NGX_OK) {
        limits.max_depth = 4;
        list = ngx_soporte_json_parse(&m->mem, l->json.data, l->json.len,
                                      &limits, &err);
    }

    if (list && list->type != NGX_SOPORTE_LIST) {
        list = NULL;
    }

    if (!ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_mine_page(r, m, list);
    }

    if (list == NULL) {
        return ngx_http_soporte_page_error(r, m->ctx,
                                           NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return ngx_http_soporte_mine_json(r, m, list);
}


static ngx_int_t
ngx_http_soporte_mine_json(ngx_http_request_t *r, ngx_http_soporte_mine_t *m,
    ngx_soporte_value_t *list)
{
    ngx_str_t                  link;
    ngx_uint_t                 i;
    ngx_soporte_value_t       *root, *tickets, *item, *v;
    ngx_http_soporte_reply_t   reply;

    static const char *const  keys[] = {
        "folio", "subject", "category", "status", "filed_at", "reply_due",
        "urgent"
    };

    root = ngx_soporte_value_add(&m->mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    tickets = ngx_soporte_value_add(&m->mem, root, "tickets",
                                    NGX_SOPORTE_LIST);

    for (v = list->first; v; v = v->next) {
        item = ngx_soporte_value_add(&m->mem, tickets, NULL,
                                     NGX_SOPORTE_OBJECT);

        for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            (void) ngx_soporte_value_ref(&m->mem, item, keys[i],
                                         ngx_soporte_value_get(v, keys[i]));
        }

        link = ngx_http_soporte_mine_link(r, m, v);
        (void) ngx_soporte_value_str(&m->mem, item, "url", &link);
    }

    if (m->mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return ngx_http_soporte_reply_json(r, &reply, root);
}


ngx_int_t
ngx_http_soporte_mine_page(ngx_http_request_t *r, ngx_http_soporte_mine_t *m,
    ngx_soporte_value_t *list)
{
    ngx_str_t                  sent;
    ngx_soporte_mem_t         *mem;
    ngx_http_soporte_reply_t   reply;

    mem = &m->view.mem;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = m->error ? 422 : NGX_HTTP_OK;

    if (m->user.len) {
        (void) ngx_soporte_value_str(mem, m->view.root, "user", &m->user);
        (void) ngx_soporte_value_bool(mem, m->view.root, "unavailable",
                                      list == NULL);
    }

    if (list) {
        ngx_http_soporte_mine_tell(r, m, list);
    }

    (void) ngx_soporte_value_bool(mem, m->view.root, "sent",
                                  ngx_soporte_form_arg(mem, &r->args,
                                                       "enviado", &sent)
                                  == NGX_OK);

    if (ngx_http_soporte_mine_form(r, m, &reply) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_soporte_page_send(r, &m->view, NGX_HTTP_SOPORTE_TICKETS,
                                      &reply);
}


static void
ngx_http_soporte_mine_tell(ngx_http_request_t *r, ngx_http_soporte_mine_t *m,
    ngx_soporte_value_t *list)
{
    int64_t               at;
    ngx_str_t             s;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *tickets, *item, *v, *field;

    mem = &m->view.mem;

    (void) ngx_soporte_value_bool(mem, m->view.root, "has_tickets",
                                  list->first != NULL);
    tickets = ngx_soporte_value_add(mem, m->view.root, "tickets",
                                    NGX_SOPORTE_LIST);

    for (v = list->first; v; v = v->next) {
        item = ngx_soporte_value_add(mem, tickets, NULL, NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_ref(mem, item, "folio",
                                     ngx_soporte_value_get(v, "folio"));
        (void) ngx_soporte_value_ref(mem, item, "subject",
                                     ngx_soporte_value_get(v, "subject"));
        (void) ngx_soporte_value_ref(mem, item, "urgent",
                                     ngx_soporte_value_get(v, "urgent"));

        field = ngx_soporte_value_get(v, "status");

        if (field && field->type == NGX_SOPORTE_STRING) {
            s = ngx_http_soporte_phrase_str(&m->view.voice, "ticket",
                                            &field->str);
            (void) ngx_soporte_value_str(mem, item, "status", &s);
        }

        field = ngx_soporte_value_get(v, "filed_at");

        if (field && field->type == NGX_SOPORTE_STRING
            && ngx_soporte_time_parse(field->str.data, field->str.len, &at,
                                      NULL)
               == NGX_OK)
        {
            s = ngx_http_soporte_moment(&m->view.voice, "at", at);
            (void) ngx_soporte_value_str(mem, item, "filed_at", &s);
        }

        s = ngx_http_soporte_mine_link(r, m, v);
        (void) ngx_soporte_value_str(mem, item, "link", &s);
    }
}


/* with its token, "" if it can't be made */

static ngx_str_t
ngx_http_soporte_mine_link(ngx_http_request_t *r, ngx_http_soporte_mine_t *m,
    const ngx_soporte_value_t *ticket)
{
    u_char                         id[NGX_SOPORTE_ID_LEN];
    u_char                         key[NGX_SOPORTE_TRACK_TOKEN_LEN];
    u_char                         name[NGX_SOPORTE_FOLIO_LEN];
    ngx_str_t                      none, token, folio;
    ngx_soporte_value_t           *v;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_str_null(&none);
    v = ngx_soporte_value_get(ticket, "id");

    if (v == NULL || v->type != NGX_SOPORTE_STRING
        || ngx_soporte_uuid_parse(id, &v->str) != NGX_OK
        || ngx_soporte_secret_track(&smcf->secret, &m->tenant, id, key)
           != NGX_OK)
    {
        return none;
    }

    token.data = key;
    token.len = sizeof(key);
    folio.data = name;
    folio.len = ngx_soporte_folio_format(name, id) - name;

    return ngx_http_soporte_ticket_path(r->pool, &m->view.base, &folio,
                                        &token);
}


static ngx_int_t
ngx_http_soporte_mine_form(ngx_http_request_t *r, ngx_http_soporte_mine_t *m,
    ngx_http_soporte_reply_t *reply)
{
    u_char               *p;
    ngx_str_t             nonce, action, s;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *form, *v;

    static const ngx_str_t  tail = ngx_string("/tickets/enlace");

    mem = &m->view.mem;
    p = ngx_pnalloc(r->pool, m->view.base.len + tail.len);

    if (p == NULL
        || ngx_http_soporte_nonce(r, &nonce, &reply->cookie) != NGX_OK)
    {
        return NGX_ERROR;
    }

    action.data = p;
    action.len = m->view.base.len + tail.len;

    ngx_memcpy(ngx_cpymem(p, m->view.base.data, m->view.base.len), tail.data,
               tail.len);

    form = ngx_http_soporte_form_object(r, &m->view, &nonce, &action);

    if (form == NULL) {
        return NGX_ERROR;
    }

    v = ngx_soporte_value_add(mem, form, "values", NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(mem, v, "email", &m->email);

    if (m->error) {
        s = ngx_http_soporte_phrase(&m->view.voice, "error", m->error);
        v = ngx_soporte_value_add(mem, form, "errors", NGX_SOPORTE_OBJECT);
        (void) ngx_soporte_value_str(mem, v, "email", &s);
    }

    return mem->failed ? NGX_ERROR : NGX_OK;
}
