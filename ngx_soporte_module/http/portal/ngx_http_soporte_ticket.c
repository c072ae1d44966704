
/*
 * Files a ticket: body, validation, spool in a thread, and only then 303 or
 * 201.  What is wrong comes back at once and filled in.
 */

#include "ngx_http_soporte_ticket.h"
#include "ngx_http_soporte_geoip.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_intake.h"
#include "ngx_http_soporte_keep.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_proof.h"
#include "ngx_http_soporte_task.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_quota.h"
#include "ngx_soporte_time.h"


typedef enum {
    NGX_HTTP_SOPORTE_FORM = 0,
    NGX_HTTP_SOPORTE_MULTIPART,
    NGX_HTTP_SOPORTE_JSON,
    NGX_HTTP_SOPORTE_FOREIGN
} ngx_http_soporte_body_e;


/* a ticket on its way; in the request's pool */

typedef struct {
    ngx_soporte_mem_t              mem;      /* of a pool of its own, which
                                                the tasks use as well */
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_view_t        view;
    ngx_soporte_ticket_t           ticket;
    ngx_soporte_ticket_errors_t    errors;
    ngx_http_soporte_identity_t    identity;
    ngx_http_soporte_intake_t      in;
    ngx_http_soporte_body_e        type;

    ngx_str_t                      folio;
    ngx_str_t                      token;
    ngx_http_soporte_keep_t        keep;
} ngx_http_soporte_filing_t;


static ngx_http_soporte_body_e ngx_http_soporte_ticket_type(
    ngx_http_request_t *r);
static void ngx_http_soporte_ticket_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_ticket_open(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_ticket_read(ngx_http_request_t *r,
    void *data, const ngx_http_soporte_identity_t *identity);
static ngx_int_t ngx_http_soporte_ticket_read_json(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_read_form(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static void ngx_http_soporte_ticket_multipart(void *data);
static ngx_int_t ngx_http_soporte_ticket_form(ngx_http_request_t *r,
    void *data);
static ngx_soporte_value_t *ngx_http_soporte_ticket_context(
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_invalid(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f, const char *form, ngx_uint_t confirm);
static ngx_int_t ngx_http_soporte_ticket_complete(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_quota(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f);
static ngx_int_t ngx_http_soporte_ticket_id(ngx_http_request_t *r,
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


void
ngx_http_soporte_ticket_counted(ngx_http_request_t *r, ngx_uint_t result)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ngx_soporte_add(&smcf->zone->header->tickets[result], 1);
}


ngx_int_t
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
    ngx_int_t                rc;
    ngx_http_soporte_body_e  type;

    if (ngx_http_soporte_same_origin(r) == NGX_ERROR) {
        return ngx_http_soporte_ticket_refuse(r, ctx, NGX_HTTP_FORBIDDEN);
    }

    type = ngx_http_soporte_ticket_type(r);

    if (type == NGX_HTTP_SOPORTE_FOREIGN
        || ngx_http_soporte_header(r, "content-encoding"))
    {
        return ngx_http_soporte_ticket_refuse(r, ctx,
                                           NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    if (type == NGX_HTTP_SOPORTE_MULTIPART) {

        /* that its body lies in a file for a while is nothing to warn of */

        r->request_body_file_log_level = NGX_LOG_INFO;

    } else if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_BODY_MEMORY) {
        return ngx_http_soporte_ticket_refuse(r, ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_ticket_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static ngx_http_soporte_body_e
ngx_http_soporte_ticket_type(ngx_http_request_t *r)
{
    if (ngx_http_soporte_sent(r, "application/json")) {
        return NGX_HTTP_SOPORTE_JSON;
    }

    if (ngx_http_soporte_sent(r, "application/x-www-form-urlencoded")) {
        return NGX_HTTP_SOPORTE_FORM;
    }

    if (ngx_http_soporte_sent(r, "multipart/form-data")) {
        return NGX_HTTP_SOPORTE_MULTIPART;
    }

    return NGX_HTTP_SOPORTE_FOREIGN;
}


static void
ngx_http_soporte_ticket_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_soporte_ticket_open(r));
}


static ngx_int_t
ngx_http_soporte_ticket_open(ngx_http_request_t *r)
{
    ngx_pool_t                 *pool;
    ngx_http_soporte_filing_t  *f;

    f = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_filing_t));
    pool = ngx_http_soporte_task_pool(r);

    if (f == NULL || pool == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    f->ctx = ngx_http_soporte_ctx(r);
    f->mem = ngx_http_soporte_mem(pool);
    f->in.mem = f->mem;
    f->keep.mem = f->mem;
    f->type = ngx_http_soporte_ticket_type(r);

    if (ngx_http_soporte_view(r, f->ctx, &f->view) != NGX_OK
        || ngx_http_soporte_intake_open(r, &f->in) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    f->ticket.tenant = f->view.report.key;

    if (f->in.fd != -1 && f->type != NGX_HTTP_SOPORTE_MULTIPART) {
        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    return ngx_http_soporte_identity(r, f, ngx_http_soporte_ticket_read);
}


static ngx_int_t
ngx_http_soporte_ticket_read(ngx_http_request_t *r, void *data,
    const ngx_http_soporte_identity_t *identity)
{
    ngx_http_soporte_filing_t  *f = data;

    f->identity = *identity;
    f->ticket.user_id = identity->user;
    f->ticket.verified = (identity->who == NGX_HTTP_SOPORTE_VERIFIED);

    switch (f->type) {

    case NGX_HTTP_SOPORTE_JSON:
        return ngx_http_soporte_ticket_read_json(r, f);

    case NGX_HTTP_SOPORTE_MULTIPART:
        return ngx_http_soporte_ticket_task(r, f->ctx, f,
                                       ngx_http_soporte_ticket_multipart,
                                       ngx_http_soporte_ticket_form);

    default:
        return ngx_http_soporte_ticket_read_form(r, f);
    }
}


static ngx_int_t
ngx_http_soporte_ticket_read_json(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    ngx_int_t                   rc;
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_SOPORTE_TICKET_DEPTH + 1;

    root = ngx_soporte_json_parse(&f->mem, f->in.body.data, f->in.body.len,
                                  &limits, &err);

    if (root == NULL) {
        return f->mem.failed
               ? NGX_HTTP_INTERNAL_SERVER_ERROR
               : ngx_http_soporte_ticket_refuse(r, f->ctx,
                                                NGX_HTTP_BAD_REQUEST);
    }

    rc = ngx_soporte_ticket_from_json(&f->mem, &f->ticket, root,
                                      f->view.policy, &f->errors);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_ticket_problem(r, &f->view, &f->errors);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_soporte_ticket_complete(r, f);
}


static ngx_int_t
ngx_http_soporte_ticket_read_form(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    ngx_int_t  rc;

    rc = ngx_soporte_form_parse(&f->mem, &f->in.body,
                                NGX_HTTP_SOPORTE_BODY_MEMORY, &f->in.form);

    if (rc == NGX_DECLINED) {
        f->in.status = NGX_HTTP_BAD_REQUEST;

    } else if (rc != NGX_OK) {
        f->in.status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_soporte_ticket_form(r, f);
}


/* in a thread */

static void
ngx_http_soporte_ticket_multipart(void *data)
{
    ngx_http_soporte_filing_t  *f = data;

    ngx_http_soporte_intake_multipart(&f->in);
}


/* the fields of a form are there, whichever way they came */

static ngx_int_t
ngx_http_soporte_ticket_form(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_filing_t  *f = data;

    ngx_int_t             rc;
    ngx_uint_t            confirm;
    const char           *error;
    ngx_soporte_value_t  *context;

    if (f->in.status == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (f->in.status) {
        return ngx_http_soporte_ticket_refuse(r, f->ctx, f->in.status);
    }

    context = ngx_http_soporte_ticket_context(f);

    rc = ngx_soporte_ticket_from_form(&f->mem, &f->ticket, &f->in.form,
                                      context, f->view.policy, &f->errors);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    f->ticket.files = f->in.files;
    f->ticket.nfiles = f->in.nfiles;

    (void) ngx_soporte_ticket_check_files(&f->ticket, &f->errors);

    confirm = 0;
    error = ngx_http_soporte_proof(r, &f->ticket.tenant, &f->in.form,
                                   f->view.policy, &confirm);

    if (error && error[0] == '\0') {
        return ngx_http_soporte_ticket_refuse(r, f->ctx, NGX_HTTP_FORBIDDEN);
    }

    if (error || f->errors.n) {
        return ngx_http_soporte_ticket_invalid(r, f, error, confirm);
    }

    return ngx_http_soporte_ticket_complete(r, f);
}


/* the field that holds JSON */

static ngx_soporte_value_t *
ngx_http_soporte_ticket_context(ngx_http_soporte_filing_t *f)
{
    ngx_str_t                  *field;
    ngx_soporte_value_t        *context;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    field = ngx_soporte_form_get(&f->in.form, "context");

    if (field == NULL || field->len == 0) {
        return NULL;
    }

    limits.max_depth = NGX_SOPORTE_TICKET_DEPTH + 1;

    context = ngx_soporte_json_parse(&f->mem, field->data, field->len,
                                     &limits, &err);

    if (context == NULL) {
        ngx_soporte_ticket_error(&f->errors, "context", "context_bad");
    }

    return context;
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

        return ngx_http_soporte_ticket_problem(r, &f->view, &f->errors);
    }

    ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_INVALID);

    form.ticket = &f->ticket;
    form.errors = &f->errors;
    form.form = error;
    form.confirm = confirm && f->errors.n == 0;
    form.status = 422;

    return ngx_http_soporte_help_page(r, f->ctx, &form, &f->identity);
}


ngx_int_t
ngx_http_soporte_ticket_problem(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, const ngx_soporte_ticket_errors_t *errors)
{
    ngx_str_t                  message;
    ngx_uint_t                 i;
    ngx_soporte_mem_t         *mem;
    ngx_soporte_value_t       *root, *list, *v;
    ngx_http_soporte_reply_t   reply;

    ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_INVALID);

    mem = &view->mem;
    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, root, "type", "about:blank");
    (void) ngx_soporte_value_int(mem, root, "status", 422);

    list = ngx_soporte_value_add(mem, root, "errors", NGX_SOPORTE_OBJECT);

    for (i = 0; i < errors->n; i++) {
        message = ngx_http_soporte_phrase_str(&view->voice, "error",
                                              &errors->list[i].code);

        v = ngx_soporte_value_str(mem, list, "", &message);

        if (v) {
            v->name = errors->list[i].field;
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
    ngx_int_t                      rc;
    ngx_time_t                    *tp;
    ngx_soporte_ticket_t          *ticket;
    ngx_soporte_category_t        *category;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    ticket = &f->ticket;
    tp = ngx_timeofday();

    if (ngx_http_soporte_ticket_quota(r, f) != NGX_OK) {
        ngx_soporte_ticket_error(&f->errors, "attachment",
                                 "attachment_quota");
        return ngx_http_soporte_ticket_invalid(r, f, NULL, 0);
    }

    ticket->filed_at = (uint64_t) tp->sec * 1000 + tp->msec;
    ticket->node = smcf->node;

    rc = ngx_http_soporte_ticket_id(r, f);

    if (rc == NGX_HTTP_BAD_REQUEST) {
        return ngx_http_soporte_ticket_refuse(r, f->ctx, rc);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

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

    f->keep.smcf = smcf;
    f->keep.tenant = ticket->tenant;
    f->keep.id = ticket->id;
    f->keep.sha256 = ticket->body_sha256;
    f->keep.notify = 1;
    f->keep.files = f->in.sources;
    f->keep.nfiles = ticket->nfiles;

    return ngx_http_soporte_ticket_task(r, f->ctx, f,
                                        ngx_http_soporte_ticket_thread,
                                        ngx_http_soporte_ticket_done);
}


/* a tenant's files take at most half of the disk in an hour */

static ngx_int_t
ngx_http_soporte_ticket_quota(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    uint64_t                       bytes;
    ngx_uint_t                     i;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    for (i = 0, bytes = 0; i < f->ticket.nfiles; i++) {
        bytes += f->ticket.files[i].size;
    }

    if (bytes == 0) {
        return NGX_OK;
    }

    return ngx_soporte_quota_take(smcf->zone,
                                  ngx_soporte_tenant_index(smcf->zone,
                                                           f->ctx->tenant),
                                  (uint32_t) (bytes / 1024 + 1),
                                  (uint32_t) ngx_min(smcf->max_size / 2048,
                                                     NGX_MAX_INT32_VALUE),
                                  ngx_time());
}


/* a task whose place is not to be had is a ticket that can't be kept */

ngx_int_t
ngx_http_soporte_ticket_task(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, void *data, void (*run)(void *data),
    ngx_int_t (*done)(ngx_http_request_t *r, void *data))
{
    switch (ngx_http_soporte_task(r, data, run, done)) {

    case NGX_DONE:
        return NGX_DONE;

    case NGX_BUSY:
        return ngx_http_soporte_ticket_refuse(r, ctx,
                                              NGX_HTTP_SERVICE_UNAVAILABLE);
    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* of the key that came with it, or new */

static ngx_int_t
ngx_http_soporte_ticket_id(ngx_http_request_t *r,
    ngx_http_soporte_filing_t *f)
{
    u_char     random[NGX_SOPORTE_ID_RANDOM];
    ngx_int_t  rc;

    static const ngx_str_t  purpose = ngx_string("ticket");

    rc = ngx_http_soporte_proof_id(r, &f->ticket.tenant,
                                   f->type == NGX_HTTP_SOPORTE_JSON
                                   ? NULL : &f->in.form,
                                   &purpose, f->ticket.id);

    if (rc != NGX_DECLINED) {
        f->keep.keyed = 1;
        return rc;
    }

    if (ngx_soporte_secret_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_uuid_v7(f->ticket.id, f->ticket.filed_at, random);

    return NGX_OK;
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
    ngx_http_soporte_visit_t     *visit;
    ngx_http_soporte_loc_conf_t  *slcf;

    u_char                        lower[NGX_SOPORTE_KEY_MAX];

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (slcf->queue == NULL) {
        return NGX_OK;
    }

    visit = ngx_http_soporte_portal_visit(r);

    if (visit == NULL) {
        return NGX_ERROR;
    }

    visit->category = f->ticket.category;

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

    if (ngx_http_soporte_geoip_context(r, &f->mem, &f->ticket.context)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* not said by the customer: a repetition may find it changed */

    if (f->ticket.email.len == 0 && f->ticket.verified) {
        f->ticket.email = f->identity.email;
    }

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_ticket_json(out, &f->ticket);

    return ngx_http_soporte_body_join(&body, &f->keep.json);
}


/* in a thread */

static void
ngx_http_soporte_ticket_thread(void *data)
{
    ngx_http_soporte_filing_t  *f = data;

    ngx_http_soporte_keep(&f->keep);
}


static ngx_int_t
ngx_http_soporte_ticket_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_filing_t  *f = data;

    ngx_http_soporte_keep_report(&f->keep, r->connection->log);

    switch (f->keep.result) {

    case NGX_HTTP_SOPORTE_KEPT:
        ngx_http_soporte_ticket_counted(r, NGX_HTTP_SOPORTE_TICKET_FILED);
        break;

    case NGX_HTTP_SOPORTE_KEPT_BEFORE:
        f->ticket.filed_at = (uint64_t) f->keep.filed_at * 1000;
        f->ticket.reply_due = f->keep.reply_due;
        break;

    case NGX_HTTP_SOPORTE_KEPT_OTHER:
        return ngx_http_soporte_ticket_invalid(r, f, "key_reused", 0);

    case NGX_HTTP_SOPORTE_KEPT_BUSY:
        return ngx_http_soporte_ticket_refuse(r, f->ctx, NGX_HTTP_CONFLICT);

    default:
        return ngx_http_soporte_ticket_refuse(r, f->ctx,
                                              NGX_HTTP_SERVICE_UNAVAILABLE);
    }

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

    mem = &f->view.mem;
    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, root, "folio", &f->folio);
    (void) ngx_soporte_value_cstr(mem, root, "status", "received");
    ngx_soporte_value_instant(mem, root, "filed_at",
                              f->ticket.filed_at / 1000);
    ngx_soporte_value_instant(mem, root, "reply_due", f->ticket.reply_due);
    (void) ngx_soporte_value_str(mem, root, "url", &reply.location);

    if (mem->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.status = NGX_HTTP_CREATED;

    return ngx_http_soporte_reply_json(r, &reply, root);
}
