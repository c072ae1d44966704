
/*
 * The help page: what the state is, what the policy answers, and the form.
 */

#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_trail.h"

#include "ngx_soporte_form.h"


static void ngx_http_soporte_help_categories(ngx_http_soporte_view_t *view,
    const ngx_str_t *selected);
static void ngx_http_soporte_help_category(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_category_t *category,
    ngx_uint_t selected);
static ngx_int_t ngx_http_soporte_help_known(ngx_http_request_t *r,
    void *data, const ngx_http_soporte_identity_t *identity);
static ngx_int_t ngx_http_soporte_help_form(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, const ngx_http_soporte_form_t *form,
    const ngx_str_t *nonce, const ngx_http_soporte_identity_t *identity);
static void ngx_http_soporte_help_context(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *object,
    const ngx_soporte_ticket_t *ticket);
static void ngx_http_soporte_help_values(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *object, const ngx_soporte_ticket_t *ticket,
    const ngx_http_soporte_identity_t *identity);
static void ngx_http_soporte_help_errors(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *object, const ngx_http_soporte_form_t *form);
static void ngx_http_soporte_help_error(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *errors, ngx_soporte_value_t *list,
    const ngx_str_t *field, const ngx_str_t *code);


#define NGX_HTTP_SOPORTE_COOKIE         "soporte"
#define NGX_HTTP_SOPORTE_COOKIE_SECURE  "__Secure-soporte"


ngx_int_t
ngx_http_soporte_help(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    return ngx_http_soporte_identity(r, ctx, ngx_http_soporte_help_known);
}


static ngx_int_t
ngx_http_soporte_help_known(ngx_http_request_t *r, void *data,
    const ngx_http_soporte_identity_t *identity)
{
    return ngx_http_soporte_help_page(r, data, NULL, identity);
}


ngx_int_t
ngx_http_soporte_help_page(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, const ngx_http_soporte_form_t *form,
    const ngx_http_soporte_identity_t *identity)
{
    ngx_str_t                  nonce, selected, thanks;
    ngx_http_soporte_view_t    view;
    ngx_http_soporte_reply_t   reply;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK
        || ngx_http_soporte_nonce(r, &nonce, &reply.cookie) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&selected);

    if (form && form->ticket) {
        selected = form->ticket->category;

    } else if (ngx_soporte_form_arg(&view.mem, &r->args, "category",
                                    &selected)
               != NGX_OK)
    {
        ngx_str_null(&selected);
    }

    ngx_http_soporte_help_categories(&view, &selected);

    if (form == NULL
        && ngx_soporte_form_arg(&view.mem, &r->args, "gracias", &thanks)
           == NGX_OK)
    {
        (void) ngx_soporte_value_bool(&view.mem, view.root, "thanks", 1);
    }

    if (ngx_http_soporte_help_form(r, &view, form, &nonce, identity)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.status = form ? form->status : NGX_HTTP_OK;

    return ngx_http_soporte_page_send(r, &view, NGX_HTTP_SOPORTE_HELP,
                                      &reply);
}


static void
ngx_http_soporte_help_categories(ngx_http_soporte_view_t *view,
    const ngx_str_t *selected)
{
    ngx_uint_t               i, chosen;
    ngx_soporte_value_t     *included, *excluded;
    ngx_soporte_category_t  *category;

    included = ngx_soporte_value_add(&view->mem, view->root,
                                     "included_categories",
                                     NGX_SOPORTE_LIST);
    excluded = ngx_soporte_value_add(&view->mem, view->root,
                                     "excluded_categories",
                                     NGX_SOPORTE_LIST);

    for (i = 0; i < view->policy->ncategories; i++) {
        category = &view->policy->categories[i];

        chosen = (selected->len == category->id.len
                  && ngx_memcmp(selected->data, category->id.data,
                                selected->len) == 0);

        ngx_http_soporte_help_category(view,
                                       category->included ? included
                                                          : excluded,
                                       category, chosen);

        if (chosen && !category->included) {
            (void) ngx_soporte_value_bool(&view->mem, view->root,
                                          "excluded_open", 1);
        }
    }
}


static void
ngx_http_soporte_help_category(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *list, const ngx_soporte_category_t *category,
    ngx_uint_t selected)
{
    ngx_uint_t            i;
    const ngx_str_t      *question;
    ngx_soporte_value_t  *item, *links, *link;

    item = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);
    question = ngx_http_soporte_words(view, &category->question);

    if (question->len == 0) {
        question = ngx_http_soporte_words(view, &category->title);
    }

    (void) ngx_soporte_value_str(&view->mem, item, "id", &category->id);
    (void) ngx_soporte_value_str(&view->mem, item, "title",
                       ngx_http_soporte_words(view, &category->title));
    (void) ngx_soporte_value_str(&view->mem, item, "question", question);
    (void) ngx_soporte_value_str(&view->mem, item, "answer",
                       ngx_http_soporte_words(view, &category->answer));
    (void) ngx_soporte_value_bool(&view->mem, item, "included",
                                  category->included);
    (void) ngx_soporte_value_bool(&view->mem, item, "urgent",
                                  category->urgent);
    (void) ngx_soporte_value_bool(&view->mem, item, "selected", selected);

    links = ngx_soporte_value_add(&view->mem, item, "links",
                                  NGX_SOPORTE_LIST);

    for (i = 0; i < category->nlinks; i++) {
        link = ngx_soporte_value_add(&view->mem, links, NULL,
                                     NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_str(&view->mem, link, "title",
                     ngx_http_soporte_words(view, &category->links[i].title));
        (void) ngx_soporte_value_str(&view->mem, link, "url",
                                     &category->links[i].url);
    }
}


static ngx_int_t
ngx_http_soporte_help_form(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, const ngx_http_soporte_form_t *form,
    const ngx_str_t *nonce, const ngx_http_soporte_identity_t *identity)
{
    ngx_str_t             action;
    ngx_soporte_value_t  *object;

    static const ngx_str_t  path = ngx_string("/tickets");

    action.len = view->base.len + path.len;
    action.data = ngx_pnalloc(r->pool, action.len);

    if (action.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(action.data, view->base.data, view->base.len),
               path.data, path.len);

    object = ngx_http_soporte_form_object(r, view, nonce, &action);

    if (object == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_soporte_value_bool(&view->mem, object, "uploads", 1);

    if (identity->who == NGX_HTTP_SOPORTE_VERIFIED) {
        (void) ngx_soporte_value_str(&view->mem, object, "user",
                                     &identity->email);
    }

    ngx_http_soporte_help_values(view, object, form ? form->ticket : NULL,
                                 identity);
    ngx_http_soporte_help_context(r, view, object, form ? form->ticket : NULL);

    if (form) {
        (void) ngx_soporte_value_bool(&view->mem, object, "confirm",
                                      form->confirm);
        ngx_http_soporte_help_errors(view, object, form);
    }

    return view->mem.failed ? NGX_ERROR : NGX_OK;
}


/*
 * What goes along unless the customer takes it off; who did so finds it off
 * when the form comes back.
 */

static void
ngx_http_soporte_help_context(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, ngx_soporte_value_t *object,
    const ngx_soporte_ticket_t *ticket)
{
    const ngx_soporte_value_t  *context;

    context = ticket ? ticket->context : NULL;

    if (context == NULL) {
        context = ngx_http_soporte_trail_context(r, view);
    }

    ngx_http_soporte_trail_show(r, view, object, context,
                                ticket && ticket->context == NULL);
}


/* what was written, else what is known of who writes */

static void
ngx_http_soporte_help_values(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *object, const ngx_soporte_ticket_t *ticket,
    const ngx_http_soporte_identity_t *identity)
{
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *values;

    mem = &view->mem;
    values = ngx_soporte_value_add(mem, object, "values",
                                   NGX_SOPORTE_OBJECT);

    if (ticket == NULL) {
        (void) ngx_soporte_value_str(mem, values, "email", &identity->email);
        return;
    }

    (void) ngx_soporte_value_str(mem, values, "subject", &ticket->subject);
    (void) ngx_soporte_value_str(mem, values, "description",
                                 &ticket->description);
    (void) ngx_soporte_value_str(mem, values, "email", &ticket->email);
    (void) ngx_soporte_value_str(mem, values, "name", &ticket->name);
    (void) ngx_soporte_value_str(mem, values, "phone", &ticket->phone);
}


static void
ngx_http_soporte_help_errors(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *object, const ngx_http_soporte_form_t *form)
{
    ngx_str_t             field, code;
    ngx_uint_t            i;
    ngx_soporte_value_t  *errors, *list;

    errors = ngx_soporte_value_add(&view->mem, object, "errors",
                                   NGX_SOPORTE_OBJECT);
    list = ngx_soporte_value_add(&view->mem, object, "error_list",
                                 NGX_SOPORTE_LIST);

    if (form->form) {
        ngx_str_set(&field, "form");
        code.data = (u_char *) form->form;
        code.len = ngx_strlen(form->form);

        ngx_http_soporte_help_error(view, errors, list, &field, &code);
    }

    for (i = 0; form->errors && i < form->errors->n; i++) {
        ngx_http_soporte_help_error(view, errors, list,
                                    &form->errors->list[i].field,
                                    &form->errors->list[i].code);
    }

    (void) ngx_soporte_value_bool(&view->mem, object, "has_errors", 1);
}


static void
ngx_http_soporte_help_error(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *errors, ngx_soporte_value_t *list,
    const ngx_str_t *field, const ngx_str_t *code)
{
    ngx_str_t             message;
    ngx_soporte_value_t  *v;

    message = ngx_http_soporte_phrase_str(&view->voice, "error", code);

    v = ngx_soporte_value_str(&view->mem, errors, "", &message);

    if (v) {
        v->name = *field;
    }

    v = ngx_soporte_value_add(&view->mem, list, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(&view->mem, v, "field", field);
    (void) ngx_soporte_value_str(&view->mem, v, "message", &message);
}


ngx_soporte_value_t *
ngx_http_soporte_form_object(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, const ngx_str_t *nonce,
    const ngx_str_t *action)
{
    u_char                        *p;
    ngx_str_t                      token, once;
    ngx_soporte_value_t           *object;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    p = ngx_pnalloc(r->pool, NGX_SOPORTE_FORM_TOKEN_LEN
                             + NGX_SOPORTE_NONCE_LEN);

    if (p == NULL) {
        return NULL;
    }

    token.data = p;
    token.len = NGX_SOPORTE_FORM_TOKEN_LEN;

    once.data = p + token.len;
    once.len = NGX_SOPORTE_NONCE_LEN;

    if (ngx_soporte_secret_form(&smcf->secret, &view->report.key, nonce,
                                ngx_time() + NGX_SOPORTE_FORM_LIFETIME,
                                token.data)
           != NGX_OK
        || ngx_soporte_secret_nonce(once.data) != NGX_OK)
    {
        return NULL;
    }

    object = ngx_soporte_value_add(&view->mem, view->root, "form",
                                   NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(&view->mem, object, "action", action);
    (void) ngx_soporte_value_str(&view->mem, object, "token", &token);
    (void) ngx_soporte_value_str(&view->mem, object, "nonce", &once);

    return object;
}


ngx_int_t
ngx_http_soporte_nonce(ngx_http_request_t *r, ngx_str_t *nonce,
    ngx_str_t *cookie)
{
    u_char      *p;
    ngx_str_t    base;
    ngx_uint_t   secure;

#if (NGX_HTTP_SSL)
    secure = (r->connection->ssl != NULL);
#else
    secure = 0;
#endif

    if (ngx_http_soporte_cookie(r, secure ? NGX_HTTP_SOPORTE_COOKIE_SECURE
                                          : NGX_HTTP_SOPORTE_COOKIE, nonce)
            == NGX_OK
        && ngx_soporte_secret_nonce_valid(nonce))
    {
        return NGX_OK;
    }

    base = ngx_http_soporte_base(r);

    p = ngx_pnalloc(r->pool, NGX_SOPORTE_NONCE_LEN
                             + sizeof("__Secure-soporte=; Path=; HttpOnly; "
                                      "SameSite=Lax; Secure")
                             + NGX_SOPORTE_NONCE_LEN + base.len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    nonce->data = p;
    nonce->len = NGX_SOPORTE_NONCE_LEN;

    if (ngx_soporte_secret_nonce(p) != NGX_OK) {
        return NGX_ERROR;
    }

    cookie->data = p + NGX_SOPORTE_NONCE_LEN;

    p = ngx_sprintf(cookie->data, "%s=%V; Path=%V; HttpOnly; SameSite=Lax%s",
                    secure ? NGX_HTTP_SOPORTE_COOKIE_SECURE
                           : NGX_HTTP_SOPORTE_COOKIE,
                    nonce, &base, secure ? "; Secure" : "");

    cookie->len = p - cookie->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_privacy(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_http_soporte_view_t    view;
    ngx_http_soporte_reply_t   reply;

    if (ngx_http_soporte_view(r, ctx, &view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return ngx_http_soporte_page_send(r, &view, NGX_HTTP_SOPORTE_PRIVACY,
                                      &reply);
}
