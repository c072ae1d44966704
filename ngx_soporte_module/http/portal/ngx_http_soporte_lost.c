
/*
 * "Perdí mi enlace": an address is answered the same whether anything is known
 * of it, and with the same work: it is spooled, and whoever sends mail looks
 * it up.
 */

#include "ngx_http_soporte_mine.h"
#include "ngx_http_soporte_keep.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_proof.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"


typedef struct {
    ngx_http_soporte_mine_t        m;
    ngx_soporte_form_t             form;
    u_char                         id[NGX_SOPORTE_ID_LEN];
    u_char                         sha256[NGX_SOPORTE_DIGEST_LEN];
    ngx_http_soporte_keep_t        keep;
} ngx_http_soporte_lost_t;


static void ngx_http_soporte_lost_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_lost_read(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l);
static ngx_int_t ngx_http_soporte_lost_fields(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l, ngx_str_t *body);
static ngx_int_t ngx_http_soporte_lost_invalid(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l);
static ngx_int_t ngx_http_soporte_lost_id(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l);
static ngx_int_t ngx_http_soporte_lost_document(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l);
static void ngx_http_soporte_lost_thread(void *data);
static ngx_int_t ngx_http_soporte_lost_done(ngx_http_request_t *r,
    void *data);


ngx_int_t
ngx_http_soporte_lost(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_int_t                 rc;
    ngx_http_soporte_lost_t  *l;

    if (ngx_http_soporte_same_origin(r) == NGX_ERROR) {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_FORBIDDEN);
    }

    if ((!ngx_http_soporte_sent(r, "application/json")
         && !ngx_http_soporte_sent(r, "application/x-www-form-urlencoded"))
        || ngx_http_soporte_header(r, "content-encoding"))
    {
        return ngx_http_soporte_page_error(r, ctx,
                                           NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_BODY_MEMORY) {
        return ngx_http_soporte_page_error(r, ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    l = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_lost_t));

    if (l == NULL || ngx_http_soporte_mine_init(r, ctx, &l->m) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, l, ngx_http_soporte_module);
    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_lost_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_soporte_lost_body(ngx_http_request_t *r)
{
    ngx_http_soporte_lost_t  *l;

    l = ngx_http_get_module_ctx(r, ngx_http_soporte_module);

    ngx_http_finalize_request(r, ngx_http_soporte_lost_read(r, l));
}


static ngx_int_t
ngx_http_soporte_lost_read(ngx_http_request_t *r, ngx_http_soporte_lost_t *l)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_http_soporte_body_text(r, &body);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_page_error(r, l->m.ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_soporte_lost_fields(r, l, &body);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_soporte_page_error(r, l->m.ctx, rc);
    }

    if (l->m.error == NULL && l->m.email.len == 0) {
        l->m.error = "email_missing";

    } else if (l->m.error == NULL && !ngx_soporte_form_email(&l->m.email)) {
        l->m.error = "email_bad";
    }

    if (l->m.error) {
        return ngx_http_soporte_lost_invalid(r, l);
    }

    rc = ngx_http_soporte_lost_id(r, l);

    if (rc == NGX_HTTP_BAD_REQUEST) {
        return ngx_http_soporte_page_error(r, l->m.ctx, rc);
    }

    if (rc != NGX_OK || ngx_http_soporte_lost_document(r, l) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_soporte_ticket_task(r, l->m.ctx, l,
                                        ngx_http_soporte_lost_thread,
                                        ngx_http_soporte_lost_done);
}


/* the e-mail; NGX_OK, NGX_ERROR or the answer's status */

static ngx_int_t
ngx_http_soporte_lost_fields(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l, ngx_str_t *body)
{
    ngx_int_t                   rc;
    ngx_str_t                  *field;
    ngx_soporte_value_t        *root, *v;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    if (ngx_http_soporte_sent(r, "application/json")) {
        limits.max_depth = 2;
        root = ngx_soporte_json_parse(&l->m.mem, body->data, body->len, &limits,
                                      &err);
        v = ngx_soporte_value_get(root, "email");

        if (root == NULL) {
            return l->m.mem.failed ? NGX_ERROR : NGX_HTTP_BAD_REQUEST;
        }

        if (v && v->type == NGX_SOPORTE_STRING) {
            l->m.email = v->str;
        }

        return NGX_OK;
    }

    rc = ngx_soporte_form_parse(&l->m.mem, body, NGX_HTTP_SOPORTE_BODY_MEMORY,
                                &l->form);

    if (rc == NGX_DECLINED) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    field = ngx_soporte_form_get(&l->form, "email");

    if (field) {
        l->m.email = *field;
    }

    l->m.error = ngx_http_soporte_proof(r, &l->m.tenant, &l->form, NULL, NULL);

    return (l->m.error && l->m.error[0] == '\0') ? NGX_HTTP_FORBIDDEN : NGX_OK;
}


static ngx_int_t
ngx_http_soporte_lost_invalid(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l)
{
    ngx_soporte_ticket_errors_t  errors;

    if (!ngx_http_soporte_accepts_json(r)) {
        return ngx_http_soporte_mine_page(r, &l->m, NULL);
    }

    errors.n = 0;
    ngx_soporte_ticket_error(&errors, "email", l->m.error);

    return ngx_http_soporte_ticket_problem(r, &l->m.view, &errors);
}


/* NGX_OK, NGX_ERROR or the answer's status */

static ngx_int_t
ngx_http_soporte_lost_id(ngx_http_request_t *r, ngx_http_soporte_lost_t *l)
{
    u_char       random[NGX_SOPORTE_ID_RANDOM];
    ngx_int_t    rc;
    ngx_time_t  *tp;

    static const ngx_str_t  purpose = ngx_string("lost_link");

    rc = ngx_http_soporte_proof_id(r, &l->m.tenant, &l->form, &purpose,
                                   l->id);

    if (rc != NGX_DECLINED) {
        l->keep.keyed = 1;
        return rc;
    }

    if (ngx_soporte_secret_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    ngx_soporte_uuid_v7(l->id, (uint64_t) tp->sec * 1000 + tp->msec, random);

    return NGX_OK;
}


/*
 * {"kind": "lost_link", "tenant", "id", "email", "lang", "filed_at", "node",
 * "body_sha256"}.  Where the links lead is for whoever mails them to know:
 * the host that a request names is a stranger's word.
 */

static ngx_int_t
ngx_http_soporte_lost_document(ngx_http_request_t *r,
    ngx_http_soporte_lost_t *l)
{
    u_char                        *p;
    ngx_str_t                      uuid, hex, lang;
    ngx_soporte_mem_t             *mem;
    ngx_soporte_out_t             *out;
    ngx_soporte_value_t           *root;
    ngx_http_soporte_body_t        body;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    mem = &l->m.mem;
    p = ngx_pnalloc(r->pool, NGX_SOPORTE_UUID_LEN + 2 * sizeof(l->sha256));

    if (p == NULL
        || ngx_soporte_secret_sha256(l->sha256, l->m.email.data,
                                     l->m.email.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    uuid.data = p;
    p = ngx_soporte_uuid_format(p, l->id);
    uuid.len = p - uuid.data;

    hex.data = p;
    hex.len = ngx_soporte_text_hex(p, l->sha256, sizeof(l->sha256)) - p;

    lang.data = (u_char *) (l->m.view.lang == NGX_HTTP_SOPORTE_EN ? "en"
                                                                  : "es");
    lang.len = 2;

    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_cstr(mem, root, "kind", "lost_link");
    (void) ngx_soporte_value_str(mem, root, "tenant", &l->m.tenant);
    (void) ngx_soporte_value_str(mem, root, "id", &uuid);
    (void) ngx_soporte_value_str(mem, root, "email", &l->m.email);
    (void) ngx_soporte_value_str(mem, root, "lang", &lang);
    ngx_soporte_value_instant(mem, root, "filed_at", ngx_time());
    (void) ngx_soporte_value_str(mem, root, "node", &smcf->node);
    (void) ngx_soporte_value_str(mem, root, "body_sha256", &hex);

    out = ngx_http_soporte_body(&body, r->pool);
    ngx_soporte_value_json(out, root);

    l->keep.mem = *mem;
    l->keep.smcf = smcf;
    l->keep.tenant = l->m.tenant;
    l->keep.id = l->id;
    l->keep.sha256 = l->sha256;
    l->keep.notify = 1;

    return mem->failed ? NGX_ERROR
                       : ngx_http_soporte_body_join(&body, &l->keep.json);
}


/* in a thread */

static void
ngx_http_soporte_lost_thread(void *data)
{
    ngx_http_soporte_lost_t  *l = data;

    ngx_http_soporte_keep(&l->keep);
}


/* the same answer, whatever is known of the address */

static ngx_int_t
ngx_http_soporte_lost_done(ngx_http_request_t *r, void *data)
{
    ngx_http_soporte_lost_t  *l = data;

    u_char                    *p;
    ngx_soporte_value_t       *root;
    ngx_http_soporte_reply_t   reply;

    ngx_http_soporte_keep_report(&l->keep, r->connection->log);

    if (l->keep.result == NGX_HTTP_SOPORTE_KEPT_NOT) {
        return ngx_http_soporte_page_error(r, l->m.ctx,
                                           NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    if (ngx_http_soporte_accepts_json(r)) {
        root = ngx_soporte_value_add(&l->m.mem, NULL, NULL, NGX_SOPORTE_OBJECT);
        (void) ngx_soporte_value_cstr(&l->m.mem, root, "status", "accepted");

        reply.status = NGX_HTTP_ACCEPTED;

        return root ? ngx_http_soporte_reply_json(r, &reply, root)
                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_pnalloc(r->pool, l->m.view.base.len + sizeof("/tickets?enviado=1"));

    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.location.data = p;
    reply.location.len = ngx_sprintf(p, "%V/tickets?enviado=1",
                                     &l->m.view.base) - p;
    reply.status = NGX_HTTP_SEE_OTHER;
    ngx_str_set(&reply.type, "text/plain");

    return ngx_http_soporte_reply_json(r, &reply, NULL);
}
