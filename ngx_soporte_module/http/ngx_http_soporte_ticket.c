
/*
 * Files a ticket: body, validation, spool in a thread, and only then 303 or
 * 201.  What is wrong comes back at once and filled in.
 */

#include "ngx_http_soporte_ticket.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_task.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_time.h"


typedef enum {
    NGX_HTTP_SOPORTE_FORM = 0,
    NGX_HTTP_SOPORTE_JSON,
    NGX_HTTP_SOPORTE_FOREIGN
} ngx_http_soporte_body_e;


/* a ticket on its way; in the request's pool */

typedef struct {
    ngx_soporte_mem_t              mem;
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_view_t        view;
    ngx_soporte_ticket_t           ticket;
    ngx_soporte_ticket_errors_t    errors;
    ngx_soporte_form_t             form;
    ngx_http_soporte_body_e        type;

    ngx_str_t                      folio;
    ngx_str_t                      token;
    ngx_str_t                      json;

    /* of the task */

    ngx_soporte_spool_t           *spool;
    ngx_int_t                      rc;
    ngx_soporte_spool_err_t        err;
} ngx_http_soporte_filing_t;


static ngx_http_soporte_body_e ngx_http_soporte_ticket_type(
    ngx_http_request_t *r);
static void ngx_http_soporte_ticket_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_ticket_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_ticket_read_json(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, ngx_str_t *text);
static ngx_int_t ngx_http_soporte_ticket_read_form(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, ngx_str_t *text);
static const char *ngx_http_soporte_ticket_token(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, ngx_uint_t *confirm);
static ngx_int_t ngx_http_soporte_ticket_invalid(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, const char *form, ngx_uint_t confirm);
static ngx_int_t ngx_http_soporte_ticket_invalid_json(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_complete(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_queue(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_document(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static void ngx_http_soporte_ticket_thread(void *data);
static ngx_int_t ngx_http_soporte_ticket_done(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_soporte_ticket_filed(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);


static void
ngx_http_soporte_ticket_counted(ngx_http_request_t *r, ngx_uint_t result)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_soporte_add(&smcf->zone->header->tickets[result], 1);
}


static ngx_int_t
ngx_http_soporte_ticket_refuse(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_uint_t status)
{
    ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_REFUSED);

    return ngx_http_soporte_page_error(r, ctx, status);
}


ngx_int_t
ngx_http_soporte_ticket_file(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name)
{
    ngx_int_t  rc;

    if (ngx_http_soporte_same_origin(r) == NGX_ERROR) {
        return ngx_http_soporte_ticket_refuse(r, ctx, NGX_HTTP_FORBIDDEN);
    }

    if (ngx_http_soporte_ticket_type(r) == NGX_HTTP_SOPORTE_FOREIGN
        || ngx_http_soporte_header(r, "content-encoding"))
    {
        return ngx_http_soporte_ticket_refuse(r, ctx,
                                           NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_BODY_MEMORY) {
        return ngx_http_soporte_ticket_refuse(r, ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_ticket_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* a type is compared without its parameters, exactly */

static ngx_http_soporte_body_e
ngx_http_soporte_ticket_type(ngx_http_request_t *r)
{
    u_char     *p, *end;
    ngx_str_t   type;

    static ngx_str_t  form = ngx_string("application/x-www-form-urlencoded");
    static ngx_str_t  json = ngx_string("application/json");

    if (r->headers_in.content_type == NULL) {
        return NGX_HTTP_SOPORTE_FOREIGN;
    }

    type = r->headers_in.content_type->value;
    end = type.data + type.len;

    for (p = type.data; p < end && *p != ';' && *p != ' '; p++) { /* void */ }

    type.len = p - type.data;

    if (type.len == json.len
        && ngx_strncasecmp(type.data, json.data, json.len) == 0)
    {
        return NGX_HTTP_SOPORTE_JSON;
    }

    if (type.len == form.len
        && ngx_strncasecmp(type.data, form.data, form.len) == 0)
    {
        return NGX_HTTP_SOPORTE_FORM;
    }

    return NGX_HTTP_SOPORTE_FOREIGN;
}


static void
ngx_http_soporte_ticket_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_soporte_ticket_read(r));
}


static ngx_int_t
ngx_http_soporte_ticket_read(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_str_t                   text;
    ngx_http_soporte_filing_t  *f;

    f = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_filing_t));

    if (f == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    f->ctx = ngx_http_soporte_ctx(r);
    f->mem = ngx_http_soporte_mem(r->pool);
    f->type = ngx_http_soporte_ticket_type(r);

    if (ngx_http_soporte_view(r, f->ctx, &f->view) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    f->ticket.tenant = f->view.report.key;

    rc = ngx_http_soporte_body_text(r, &text);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (f->type == NGX_HTTP_SOPORTE_JSON) {
        return ngx_http_soporte_ticket_read_json(r, f, &text);
    }

    return ngx_http_soporte_ticket_read_form(r, f, &text);
}


static ngx_int_t
ngx_http_soporte_ticket_read_json(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, ngx_str_t *text)
{
    ngx_int_t                   rc;
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_SOPORTE_TICKET_DEPTH + 1;

    root = ngx_soporte_json_parse(&f->mem, text->data, text->len, &limits,
                                  &err);

    if (root == NULL) {
        return f->mem.failed
               ? NGX_HTTP_INTERNAL_SERVER_ERROR
               : ngx_http_soporte_ticket_refuse(r, f->ctx,
                                                NGX_HTTP_BAD_REQUEST);
    }

    rc = ngx_soporte_ticket_from_json(&f->mem, &f->ticket, root,
                                      f->view.policy, &f->errors);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_ticket_invalid_json(r, f);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_soporte_ticket_complete(r, f);
}


static ngx_int_t
ngx_http_soporte_ticket_read_form(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, ngx_str_t *text)
{
    ngx_int_t                   rc;
    ngx_str_t                  *field;
    ngx_uint_t                  confirm;
    const char                 *error;
    ngx_soporte_value_t        *context;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    rc = ngx_soporte_form_parse(&f->mem, text, NGX_HTTP_SOPORTE_BODY_MEMORY,
                                &f->form);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                              NGX_HTTP_BAD_REQUEST);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    context = NULL;
    field = ngx_soporte_form_get(&f->form, "context");

    if (field && field->len) {
        limits.max_depth = NGX_SOPORTE_TICKET_DEPTH + 1;

        context = ngx_soporte_json_parse(&f->mem, field->data, field->len,
                                         &limits, &err);

        if (context == NULL) {
            ngx_soporte_ticket_error(&f->errors, "context", "context_bad");
        }
    }

    rc = ngx_soporte_ticket_from_form(&f->mem, &f->ticket, &f->form, context,
                                      f->view.policy, &f->errors);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    confirm = 0;
    error = ngx_http_soporte_ticket_token(r, f, &confirm);

    if (error && error[0] == '\0') {
        return ngx_http_soporte_ticket_refuse(r, f->ctx, NGX_HTTP_FORBIDDEN);
    }

    if (error || rc != NGX_OK || f->errors.n) {
        return ngx_http_soporte_ticket_invalid(r, f, error, confirm);
    }

    return ngx_http_soporte_ticket_complete(r, f);
}


/*
 * NULL: it is a form of ours, filled in by a person, as far as one can tell.
 * "": nothing says so, refuse.  Else the code of what to say over the form,
 * which comes back with a good token and all that was written.
 */

static const char *
ngx_http_soporte_ticket_token(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, ngx_uint_t *confirm)
{
    time_t                         expires;
    ngx_str_t                     *token, *field, nonce, cookie;
    ngx_soporte_token_e            rc;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    expires = 0;
    ngx_str_null(&cookie);
    token = ngx_soporte_form_get(&f->form, "token");

    if (token == NULL
        || ngx_http_soporte_nonce(r, &nonce, &cookie) != NGX_OK
        || cookie.len)
    {
        rc = NGX_SOPORTE_TOKEN_FORGED;

    } else {
        rc = ngx_soporte_secret_form_verify(&smcf->secret, &f->ticket.tenant,
                                            &nonce, token, ngx_time(),
                                            &expires);
    }

    if (rc == NGX_SOPORTE_TOKEN_FORGED) {

        /* a browser that vouches for our page gets the form again */

        return (ngx_http_soporte_same_origin(r) == NGX_OK) ? "token_bad" : "";
    }

    if (rc == NGX_SOPORTE_TOKEN_EXPIRED) {
        return "token_expired";
    }

    if (ngx_soporte_form_get(&f->form, "confirm")) {
        return NULL;
    }

    field = ngx_soporte_form_get(&f->form,
                                 (char *) f->view.policy->honeypot.data);

    if (field && field->len) {
        *confirm = 1;
        return "honeypot";
    }

    if (ngx_time() - (expires - NGX_SOPORTE_FORM_LIFETIME)
        < f->view.policy->min_seconds)
    {
        *confirm = 1;
        return "too_fast";
    }

    return NULL;
}


static ngx_int_t
ngx_http_soporte_ticket_invalid(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, const char *error, ngx_uint_t confirm)
{
    ngx_http_soporte_form_t  form;

    if (ngx_http_soporte_accepts_json(r)) {

        if (error) {
            ngx_soporte_ticket_error(&f->errors, "form", error);
        }

        return ngx_http_soporte_ticket_invalid_json(r, f);
    }

    ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_INVALID);

    form.ticket = &f->ticket;
    form.errors = &f->errors;
    form.form = error;
    form.confirm = confirm && f->errors.n == 0;
    form.status = 422;

    return ngx_http_soporte_help_page(r, f->ctx, &form);
}


static ngx_int_t
ngx_http_soporte_ticket_invalid_json(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    ngx_str_t                  message;
    ngx_uint_t                 i;
    ngx_soporte_mem_t         *mem;
    ngx_soporte_value_t       *root, *errors, *v;
    ngx_http_soporte_reply_t   reply;

    ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_INVALID);

    mem = &f->mem;
    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, root, "type", "about:blank");
    (void) ngx_soporte_value_int(mem, root, "status", 422);

    errors = ngx_soporte_value_add(mem, root, "errors", NGX_SOPORTE_OBJECT);

    for (i = 0; i < f->errors.n; i++) {
        message = ngx_http_soporte_phrase_str(&f->view.voice, "error",
                                              &f->errors.list[i].code);

        v = ngx_soporte_value_str(mem, errors, "", &message);

        if (v) {
            v->name = f->errors.list[i].field;
        }
    }

    if (mem->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = 422;
    ngx_str_set(&reply.type, "application/problem+json");

    return ngx_http_soporte_reply_json(r, &reply, root);
}


/* the server's part of the ticket */

static ngx_int_t
ngx_http_soporte_ticket_complete(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    u_char                         random[NGX_SOPORTE_ID_RANDOM];
    ngx_time_t                    *tp;
    ngx_soporte_ticket_t          *ticket;
    ngx_soporte_category_t        *category;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (smcf->spool == NULL) {
        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                              NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    ticket = &f->ticket;
    tp = ngx_timeofday();

    if (ngx_soporte_secret_random(random, sizeof(random)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ticket->filed_at = (uint64_t) tp->sec * 1000 + tp->msec;
    ngx_soporte_uuid_v7(ticket->id, ticket->filed_at, random);

    ticket->node = smcf->node;

    if (f->view.lang == NGX_HTTP_SOPORTE_EN) {
        ngx_str_set(&ticket->lang, "en");
    } else {
        ngx_str_set(&ticket->lang, "es");
    }

    /* a tenant that is not up makes any matter urgent */

    if (f->view.report.state != NGX_SOPORTE_STATE_UP
        && f->view.report.state != NGX_SOPORTE_STATE_UNKNOWN)
    {
        ticket->urgent = 1;
    }

    if (ngx_http_soporte_ticket_queue(r, f) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    category = ngx_soporte_policy_category(f->view.policy, &ticket->category);

    if (category && category->response >= 0) {
        ticket->reply_due = ngx_soporte_calendar_add(
                                &f->view.calendar->table, tp->sec,
                                (int64_t) category->response * 60);

        if (ticket->reply_due == NGX_SOPORTE_CALENDAR_BEYOND) {
            ticket->reply_due = 0;
        }
    }

    if (ngx_http_soporte_ticket_document(r, f) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    f->spool = smcf->spool;

    switch (ngx_http_soporte_task(r, f, ngx_http_soporte_ticket_thread,
                                  ngx_http_soporte_ticket_done))
    {
    case NGX_DONE:
        return NGX_DONE;

    case NGX_BUSY:
        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                              NGX_HTTP_SERVICE_UNAVAILABLE);
    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * soporte_queue; what is empty, or no name as the policy's are and would be
 * refused by the database, leaves the policy's.
 */

static ngx_int_t
ngx_http_soporte_ticket_queue(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    ngx_str_t                     queue;
    ngx_http_soporte_loc_conf_t  *slcf;

    u_char                        lower[NGX_SOPORTE_KEY_MAX];

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (slcf->queue == NULL) {
        return NGX_OK;
    }

    f->ctx->category = f->ticket.category.data;
    f->ctx->category_len = f->ticket.category.len;

    if (ngx_http_complex_value(r, slcf->queue, &queue) != NGX_OK) {
        return NGX_ERROR;
    }

    if (queue.len == 0) {
        return NGX_OK;
    }

    if (ngx_soporte_tenant_key(lower, queue.data, queue.len) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "the value of \"soporte_queue\" is no name of a queue, "
                      "the policy's is used");
        return NGX_OK;
    }

    f->ticket.queue = queue;

    return NGX_OK;
}


/* folio, token, digest, and the document that is spooled */

static ngx_int_t
ngx_http_soporte_ticket_document(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    u_char                        *p;
    ngx_soporte_out_t             *out;
    ngx_soporte_digest_t           digest;
    ngx_http_soporte_body_t        body;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    p = ngx_pnalloc(r->pool, NGX_SOPORTE_FOLIO_LEN
                             + NGX_SOPORTE_TRACK_TOKEN_LEN);

    if (p == NULL) {
        return NGX_ERROR;
    }

    f->folio.data = p;
    f->folio.len = NGX_SOPORTE_FOLIO_LEN;
    p = ngx_soporte_folio_format(p, f->ticket.id);

    f->token.data = p;
    f->token.len = NGX_SOPORTE_TRACK_TOKEN_LEN;

    if (ngx_soporte_secret_track(&smcf->secret, &f->ticket.tenant,
                                 f->ticket.id, p)
           != NGX_OK
        || ngx_soporte_digest_init(&digest) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_soporte_ticket_canonical(&digest.out, &f->ticket);

    if (ngx_soporte_digest_final(&digest, f->ticket.body_sha256) != NGX_OK) {
        return NGX_ERROR;
    }

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_ticket_json(out, &f->ticket);

    return ngx_http_soporte_body_join(&body, &f->json);
}


/* in a thread */

static void
ngx_http_soporte_ticket_thread(void *data)
{
    ngx_http_soporte_filing_t  *f = data;

    f->rc = ngx_soporte_spool_put(f->spool, f->ticket.id, &f->json, NULL, 0,
                                  0, &f->err);
}


static ngx_int_t
ngx_http_soporte_ticket_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_filing_t     *f = data;

    ngx_http_soporte_main_conf_t  *smcf;

    if (f->rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, f->err.sys,
                      "a ticket could not be kept: %s", f->err.text);

        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                              NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_FILED);
    ngx_soporte_add(&smcf->zone->header->wake, 1);

    return ngx_http_soporte_ticket_filed(r, f);
}


static ngx_int_t
ngx_http_soporte_ticket_filed(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    ngx_soporte_mem_t         *mem;
    ngx_soporte_value_t       *root;
    ngx_http_soporte_reply_t   reply;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.location = ngx_http_soporte_ticket_path(r->pool, &f->view.base,
                                                  &f->folio, &f->token);

    if (reply.location.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_soporte_accepts_json(r)) {
        reply.status = NGX_HTTP_SEE_OTHER;
        ngx_str_set(&reply.type, "text/plain");
        return ngx_http_soporte_reply_json(r, &reply, NULL);
    }

    mem = &f->mem;
    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, root, "folio", &f->folio);
    (void) ngx_soporte_value_cstr(mem, root, "status", "received");
    ngx_http_soporte_report_instant(mem, root, "filed_at",
                                    f->ticket.filed_at / 1000);
    ngx_http_soporte_report_instant(mem, root, "reply_due",
                                    f->ticket.reply_due);
    (void) ngx_soporte_value_str(mem, root, "url", &reply.location);

    if (mem->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.status = NGX_HTTP_CREATED;

    return ngx_http_soporte_reply_json(r, &reply, root);
}


ngx_str_t
ngx_http_soporte_ticket_path(ngx_pool_t *pool, const ngx_str_t *base,
    const ngx_str_t *folio, const ngx_str_t *token)
{
    u_char     *p;
    ngx_str_t   path;

    ngx_str_null(&path);

    p = ngx_pnalloc(pool, base->len + sizeof("/tickets/?clave=") + folio->len
                          + (token ? token->len : 0));

    if (p == NULL) {
        return path;
    }

    path.data = p;
    p = ngx_cpymem(p, base->data, base->len);
    p = ngx_cpymem(p, "/tickets/", sizeof("/tickets/") - 1);
    p = ngx_cpymem(p, folio->data, folio->len);

    if (token) {
        p = ngx_cpymem(p, "?clave=", sizeof("?clave=") - 1);
        p = ngx_cpymem(p, token->data, token->len);
    }

    path.len = p - path.data;

    return path;
}


ngx_str_t
ngx_http_soporte_reply_words(ngx_http_soporte_view_t *view,
    ngx_uint_t urgent, ngx_uint_t out_of_scope, int64_t due)
{
    ngx_str_t                      none = ngx_null_string;
    ngx_http_soporte_blank_t       blanks[3];
    ngx_soporte_calendar_state_t  *hours;

    hours = &view->hours;

    blanks[0].name = 'D';
    blanks[1].name = 'T';
    blanks[2].name = 0;

    if (out_of_scope) {
        return ngx_http_soporte_phrase(&view->voice, "reply",
                                       "out_of_scope");
    }

    if (due) {
        blanks[0].text = ngx_http_soporte_moment(&view->voice, "at", due);
        blanks[1].text = none;
        return ngx_http_soporte_fill(&view->voice, "reply", "due", blanks);
    }

    if (urgent) {
        return ngx_http_soporte_phrase(&view->voice, "reply", "urgent");
    }

    if (hours->open) {
        blanks[0].text = none;
        blanks[1].text = (hours->until == NGX_SOPORTE_CALENDAR_BEYOND)
                         ? none
                         : ngx_http_soporte_clock(&view->voice,
                                                  hours->until);
        return ngx_http_soporte_fill(&view->voice, "reply", "open", blanks);
    }

    if (hours->opens_at == NGX_SOPORTE_CALENDAR_BEYOND) {
        return ngx_http_soporte_phrase(&view->voice, "hours", "never");
    }

    blanks[0].text = ngx_http_soporte_day(&view->voice, hours->opens_at);
    blanks[1].text = ngx_http_soporte_clock(&view->voice, hours->opens_at);

    return ngx_http_soporte_fill(&view->voice, "reply", "closed", blanks);
}
