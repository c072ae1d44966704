
/*
 * What a customer adds to a ticket: whoever may see it may write to it.  A
 * message goes the way of a ticket, under an id that begins like those of all
 * messages of that ticket, so that it is found in the spool by its name.
 */

#include "ngx_http_soporte_track.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_keep.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_proof.h"
#include "ngx_http_soporte_task.h"

#include "ngx_soporte_json.h"


typedef struct {
    ngx_soporte_mem_t              mem;      /* of a pool of its own */
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_view_t        view;
    ngx_http_soporte_claim_t       claim;
    ngx_soporte_ticket_errors_t    errors;
    ngx_soporte_form_t             form;
    ngx_soporte_message_t          message;
    ngx_http_soporte_retry_t       retry;
    ngx_str_t                      text;     /* as it came */
    ngx_uint_t                     json;
    ngx_http_soporte_keep_t        keep;
} ngx_http_soporte_writing_t;


static ngx_uint_t ngx_http_soporte_message_refused(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, const ngx_str_t *folio);
static void ngx_http_soporte_message_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_message_read(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w);
static ngx_int_t ngx_http_soporte_message_read_json(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, ngx_str_t *body);
static ngx_int_t ngx_http_soporte_message_read_form(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, ngx_str_t *body);
static ngx_int_t ngx_http_soporte_message_check(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w);
static ngx_int_t ngx_http_soporte_message_invalid(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, const char *code);
static ngx_int_t ngx_http_soporte_message_id(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w);
static ngx_int_t ngx_http_soporte_message_document(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w);
static void ngx_http_soporte_message_thread(void *data);
static ngx_int_t ngx_http_soporte_message_done(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_soporte_message_filed(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w);


ngx_int_t
ngx_http_soporte_message(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_int_t                    rc;
    ngx_str_t                    folio;
    ngx_uint_t                   status;
    ngx_pool_t                  *pool;
    ngx_http_soporte_writing_t  *w;

    static const ngx_str_t  tail = ngx_string("/mensajes");

    if (name->len <= tail.len
        || ngx_memcmp(name->data + name->len - tail.len, tail.data, tail.len)
           != 0)
    {
        return ngx_http_soporte_page_method(r, ctx, "GET, HEAD");
    }

    folio.data = name->data;
    folio.len = name->len - tail.len;

    w = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_writing_t));
    pool = ngx_http_soporte_task_pool(r);

    if (w == NULL || pool == NULL
        || ngx_http_soporte_view(r, ctx, &w->view) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w->ctx = ctx;
    w->mem = ngx_http_soporte_mem(pool);
    w->keep.mem = w->mem;

    status = ngx_http_soporte_message_refused(r, w, &folio);

    if (status) {
        return ngx_http_soporte_page_error(r, ctx, status);
    }

    ngx_http_set_ctx(r, w, ngx_http_soporte_module);
    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_message_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* what can be said before the body is read: 0, or the answer's status */

static ngx_uint_t
ngx_http_soporte_message_refused(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, const ngx_str_t *folio)
{
    ngx_int_t  rc;

    /* also takes the token out of what will be logged */

    rc = ngx_http_soporte_track_claim(r, &w->view.report.key, folio,
                                      &w->claim);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_soporte_same_origin(r) == NGX_ERROR) {
        return NGX_HTTP_FORBIDDEN;
    }

    if (rc == NGX_DECLINED) {
        return NGX_HTTP_NOT_FOUND;
    }

    w->json = ngx_http_soporte_sent(r, "application/json");

    if ((!w->json
         && !ngx_http_soporte_sent(r, "application/x-www-form-urlencoded"))
        || ngx_http_soporte_header(r, "content-encoding"))
    {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_BODY_MEMORY) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return 0;
}


static void
ngx_http_soporte_message_body(ngx_http_request_t *r)
{
    ngx_http_soporte_writing_t  *w;

    w = ngx_http_get_module_ctx(r, ngx_http_soporte_module);

    ngx_http_finalize_request(r, ngx_http_soporte_message_read(r, w));
}


static ngx_int_t
ngx_http_soporte_message_read(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_http_soporte_body_text(r, &body);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_page_error(r, w->ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return w->json ? ngx_http_soporte_message_read_json(r, w, &body)
                   : ngx_http_soporte_message_read_form(r, w, &body);
}


/* {"message": "text"}, and no other key */

static ngx_int_t
ngx_http_soporte_message_read_json(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, ngx_str_t *body)
{
    ngx_soporte_value_t        *root, *v;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_SOPORTE_TICKET_DEPTH;

    root = ngx_soporte_json_parse(&w->mem, body->data, body->len, &limits,
                                  &err);

    if (root == NULL) {
        return w->mem.failed
               ? NGX_HTTP_INTERNAL_SERVER_ERROR
               : ngx_http_soporte_page_error(r, w->ctx,
                                             NGX_HTTP_BAD_REQUEST);
    }

    if (root->type != NGX_SOPORTE_OBJECT) {
        ngx_soporte_ticket_error(&w->errors, "", "body_bad");
        return ngx_http_soporte_ticket_problem(r, &w->view, &w->errors);
    }

    for (v = root->first; v; v = v->next) {

        if (v->name.len != sizeof("message") - 1
            || ngx_strncmp(v->name.data, "message", v->name.len) != 0)
        {
            ngx_soporte_ticket_error(&w->errors, (char *) v->name.data,
                                     "field_unknown");

        } else if (v->type != NGX_SOPORTE_STRING) {
            ngx_soporte_ticket_error(&w->errors, "message", "message_bad");

        } else {
            w->text = v->str;
        }
    }

    if (w->errors.n) {
        return ngx_http_soporte_ticket_problem(r, &w->view, &w->errors);
    }

    return ngx_http_soporte_message_check(r, w);
}


static ngx_int_t
ngx_http_soporte_message_read_form(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, ngx_str_t *body)
{
    ngx_int_t    rc;
    ngx_str_t   *field;
    const char  *error;

    rc = ngx_soporte_form_parse(&w->mem, body, NGX_HTTP_SOPORTE_BODY_MEMORY,
                                &w->form);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_page_error(r, w->ctx, NGX_HTTP_BAD_REQUEST);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    field = ngx_soporte_form_get(&w->form, "message");

    if (field) {
        w->text = *field;
    }

    error = ngx_http_soporte_proof(r, &w->view.report.key, &w->form, NULL,
                                   NULL);

    if (error && error[0] == '\0') {
        return ngx_http_soporte_page_error(r, w->ctx, NGX_HTTP_FORBIDDEN);
    }

    if (error) {
        return ngx_http_soporte_message_invalid(r, w, error);
    }

    return ngx_http_soporte_message_check(r, w);
}


static ngx_int_t
ngx_http_soporte_message_check(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w)
{
    ngx_int_t                      rc;
    ngx_time_t                    *tp;
    ngx_http_soporte_main_conf_t  *smcf;

    rc = ngx_soporte_ticket_message(&w->mem, &w->text, &w->message.body,
                                    &w->errors);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_message_invalid(r, w, NULL);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    tp = ngx_timeofday();

    w->message.tenant = w->view.report.key;
    w->message.node = smcf->node;
    w->message.filed_at = (uint64_t) tp->sec * 1000 + tp->msec;
    ngx_memcpy(w->message.ticket, w->claim.id, NGX_SOPORTE_ID_LEN);

    if (rc == NGX_OK) {
        rc = ngx_http_soporte_message_id(r, w);
    }

    if (rc == NGX_HTTP_BAD_REQUEST) {
        return ngx_http_soporte_page_error(r, w->ctx, rc);
    }

    if (rc != NGX_OK || ngx_http_soporte_message_document(r, w) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w->keep.smcf = smcf;
    w->keep.tenant = w->message.tenant;
    w->keep.id = w->message.id;
    w->keep.sha256 = w->message.body_sha256;
    w->keep.notify = 1;

    return ngx_http_soporte_ticket_task(r, w->ctx, w,
                                        ngx_http_soporte_message_thread,
                                        ngx_http_soporte_message_done);
}


/* code NULL: the first of w->errors */

static ngx_int_t
ngx_http_soporte_message_invalid(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w, const char *code)
{
    if (code) {
        ngx_soporte_ticket_error(&w->errors, "message", code);
    }

    if (ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_ticket_problem(r, &w->view, &w->errors);
    }

    w->retry.message = &w->text;
    w->retry.error = &w->errors.list[0].code;

    return ngx_http_soporte_track_show(r, w->ctx, &w->view, &w->claim,
                                       &w->retry);
}


static ngx_int_t
ngx_http_soporte_message_id(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w)
{
    u_char     *p, digest[NGX_SOPORTE_ID_LEN];
    ngx_int_t   rc;
    ngx_str_t   purpose;

    u_char      text[sizeof("message ") + NGX_SOPORTE_UUID_LEN];

    p = ngx_cpymem(text, "message ", sizeof("message ") - 1);
    p = ngx_soporte_uuid_format(p, w->message.ticket);

    purpose.data = text;
    purpose.len = p - text;

    rc = ngx_http_soporte_proof_id(r, &w->message.tenant,
                                   w->json ? NULL : &w->form, &purpose,
                                   digest);

    if (rc == NGX_OK) {
        w->keep.keyed = 1;

    } else if (rc == NGX_DECLINED) {
        rc = ngx_soporte_secret_random(digest, sizeof(digest));
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_soporte_track_prefix(w->message.ticket, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_uuid_v8(w->message.id, digest);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_message_document(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w)
{
    ngx_soporte_out_t        *out;
    ngx_soporte_digest_t      digest;
    ngx_http_soporte_body_t   body;

    if (ngx_soporte_digest_init(&digest) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_message_canonical(&digest.out, &w->message);

    if (ngx_soporte_digest_final(&digest, w->message.body_sha256) != NGX_OK) {
        return NGX_ERROR;
    }

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_message_json(out, &w->message);

    return ngx_http_soporte_body_join(&body, &w->keep.json);
}


/* in a thread */

static void
ngx_http_soporte_message_thread(void *data)
{
    ngx_http_soporte_writing_t  *w = data;

    ngx_http_soporte_keep(&w->keep);
}


static ngx_int_t
ngx_http_soporte_message_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_writing_t  *w = data;

    ngx_http_soporte_keep_report(&w->keep, r->connection->log);

    switch (w->keep.result) {

    case NGX_HTTP_SOPORTE_KEPT:
        break;

    case NGX_HTTP_SOPORTE_KEPT_BEFORE:
        w->message.filed_at = (uint64_t) w->keep.filed_at * 1000;
        break;

    case NGX_HTTP_SOPORTE_KEPT_OTHER:
        return ngx_http_soporte_message_invalid(r, w, "key_reused");

    case NGX_HTTP_SOPORTE_KEPT_BUSY:
        return ngx_http_soporte_page_error(r, w->ctx, NGX_HTTP_CONFLICT);

    default:
        return ngx_http_soporte_page_error(r, w->ctx,
                                           NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return ngx_http_soporte_message_filed(r, w);
}


static ngx_int_t
ngx_http_soporte_message_filed(ngx_http_request_t *r,
    ngx_http_soporte_writing_t *w)
{
    ngx_soporte_mem_t         *mem;
    ngx_soporte_value_t       *root;
    ngx_http_soporte_reply_t   reply;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.location = ngx_http_soporte_ticket_path(r->pool, &w->view.base,
                                                  &w->claim.folio,
                                                  w->claim.linked
                                                  ? &w->claim.token : NULL);

    if (reply.location.len == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_soporte_accepts_json(r)) {
        reply.status = NGX_HTTP_SEE_OTHER;
        ngx_str_set(&reply.type, "text/plain");
        return ngx_http_soporte_reply_json(r, &reply, NULL);
    }

    mem = &w->view.mem;
    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, root, "folio", &w->claim.folio);
    (void) ngx_soporte_value_cstr(mem, root, "status", "received");
    ngx_soporte_value_instant(mem, root, "filed_at",
                              w->message.filed_at / 1000);
    (void) ngx_soporte_value_str(mem, root, "url", &reply.location);

    if (mem->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.status = NGX_HTTP_CREATED;

    return ngx_http_soporte_reply_json(r, &reply, root);
}
