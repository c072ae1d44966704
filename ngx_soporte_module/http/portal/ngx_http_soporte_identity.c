
/*
 * Asks the tenant's ERPNext who is logged in: a background subrequest to
 * frappe.auth.get_logged_user with the session's cookie alone.
 *
 * An ERPNext that is down must not take the help page with it: after a second
 * the page goes on without an answer, and the subrequest is made to time out.
 * Answers are kept for a minute, by a hash of the session; its id goes nowhere
 * but to ERPNext.
 */

#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_reply.h"

#include "ngx_soporte_form.h"
#include "ngx_soporte_json.h"


#define NGX_HTTP_SOPORTE_IDENTITY_WAIT   1000     /* ms */
#define NGX_HTTP_SOPORTE_IDENTITY_KEEP   60       /* s */
#define NGX_HTTP_SOPORTE_IDENTITY_BODY   1024     /* bytes of an answer */
#define NGX_HTTP_SOPORTE_IDENTITY_USER   140      /* Frappe's name of a user */
#define NGX_HTTP_SOPORTE_IDENTITY_SID    256
#define NGX_HTTP_SOPORTE_IDENTITY_SLOTS  512


/* an answer that was given; the slot is chosen by the hash */

typedef struct {
    u_char                          hash[NGX_HTTP_SOPORTE_SESSION_LEN];
    time_t                          until;
    size_t                          len;
    u_char                          user[NGX_HTTP_SOPORTE_IDENTITY_USER];
} ngx_http_soporte_answer_t;


struct ngx_http_soporte_known_s {
    ngx_http_soporte_answer_t       slots[NGX_HTTP_SOPORTE_IDENTITY_SLOTS];
};


/* a question on its way; in the request's pool */

typedef struct {
    ngx_http_request_t             *r;
    ngx_http_request_t             *sr;
    void                           *data;
    ngx_http_soporte_identity_pt    then;
    ngx_event_t                     timer;
    ngx_uint_t                      status;       /* 0: no answer yet */
    u_char                          hash[NGX_HTTP_SOPORTE_SESSION_LEN];
    u_char                          body[NGX_HTTP_SOPORTE_IDENTITY_BODY];
    size_t                          len;
    unsigned                        settled:1;
    unsigned                        torn:1;       /* more than fits */
} ngx_http_soporte_question_t;


static ngx_int_t ngx_http_soporte_identity_host(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *host);
static ngx_int_t ngx_http_soporte_identity_ask(ngx_http_request_t *r,
    ngx_str_t *uri, ngx_str_t *host, ngx_http_soporte_question_t *q);
static ngx_int_t ngx_http_soporte_identity_headers(ngx_http_request_t *sr,
    ngx_str_t *host, ngx_str_t *sid);
static ngx_int_t ngx_http_soporte_identity_cookie(ngx_http_headers_in_t *in,
    ngx_table_elt_t *cookie);
static ngx_int_t ngx_http_soporte_identity_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_soporte_identity_late(ngx_event_t *ev);
static void ngx_http_soporte_identity_settle(ngx_http_soporte_question_t *q);
static void ngx_http_soporte_identity_go_on(ngx_http_request_t *r);
static void ngx_http_soporte_identity_free(void *data);
static ngx_int_t ngx_http_soporte_identity_answer(
    ngx_http_soporte_question_t *q);
static void ngx_http_soporte_identity_claim(ngx_http_request_t *r,
    ngx_http_soporte_identity_t *identity);
static ngx_int_t ngx_http_soporte_identity_sid(ngx_http_request_t *r,
    ngx_str_t *sid);
static ngx_http_soporte_answer_t *ngx_http_soporte_identity_slot(
    ngx_http_request_t *r, const u_char *hash);
static void ngx_http_soporte_identity_user(
    ngx_http_soporte_identity_t *identity, u_char *p, size_t len);


ngx_http_soporte_known_t *
ngx_http_soporte_identity_create(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_known_t));
}


ngx_int_t
ngx_http_soporte_identity(ngx_http_request_t *r, void *data,
    ngx_http_soporte_identity_pt then)
{
    ngx_str_t                      tenant, host;
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_answer_t     *answer;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_question_t   *q;
    ngx_http_soporte_identity_t    identity;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);
    ctx = ngx_http_soporte_ctx(r);

    ngx_memzero(&identity, sizeof(ngx_http_soporte_identity_t));

    if (slcf->identity.len == 0 || ctx == NULL
        || ngx_http_soporte_identity_host(r, ctx, &host) != NGX_OK)
    {
        return then(r, data, &identity);
    }

    q = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_question_t));

    if (q == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tenant.data = ctx->tenant->key;
    tenant.len = ctx->tenant->len;

    switch (ngx_http_soporte_session(r, &tenant, q->hash)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return then(r, data, &identity);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    answer = ngx_http_soporte_identity_slot(r, q->hash);

    if (answer->until > ngx_time()
        && ngx_memcmp(answer->hash, q->hash, sizeof(q->hash)) == 0)
    {
        /* the slot may be another session's before a thread looks at it */

        q->len = answer->len;
        ngx_memcpy(q->body, answer->user, answer->len);

        ngx_http_soporte_identity_user(&identity, q->body, q->len);
        return then(r, data, &identity);
    }

    q->r = r;
    q->data = data;
    q->then = then;

    return ngx_http_soporte_identity_ask(r, &slcf->identity, &host, q);
}


/*
 * Which site is asked: who is known there is known as the tenant's.  Where the
 * configuration names the tenant a client must not choose another site by its
 * Host, which the default server takes whatever it is; where the host chose
 * the tenant it is that host.  Tenants without a slot of their own are many.
 */

static ngx_int_t
ngx_http_soporte_identity_host(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *host)
{
    ngx_http_core_srv_conf_t      *cscf;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    if (ngx_soporte_tenant_index(smcf->zone, ctx->tenant)
        == NGX_SOPORTE_OTHER)
    {
        return NGX_DECLINED;
    }

    *host = slcf->key ? cscf->server_name : r->headers_in.server;

    if (host->len == 0
        || ngx_strlchr(host->data, host->data + host->len, '*')
        || host->data[0] == '_' || host->data[0] == '.'
        || host->data[0] == '~')
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_identity_ask(ngx_http_request_t *r, ngx_str_t *uri,
    ngx_str_t *host, ngx_http_soporte_question_t *q)
{
    ngx_str_t                    sid;
    ngx_http_cleanup_t          *cln;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ps == NULL || cln == NULL
        || ngx_http_soporte_identity_sid(r, &sid) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_soporte_identity_free;
    cln->data = q;

    ps->handler = ngx_http_soporte_identity_done;
    ps->data = q;

    if (ngx_http_subrequest(r, uri, NULL, &q->sr, ps,
                            NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* no body is read for it, nor is that of the request closed with it */

    q->sr->request_body = ngx_pcalloc(r->pool,
                                      sizeof(ngx_http_request_body_t));

    if (q->sr->request_body == NULL
        || ngx_http_soporte_identity_headers(q->sr, host, &sid) != NGX_OK)
    {
        q->settled = 1;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    q->timer.handler = ngx_http_soporte_identity_late;
    q->timer.data = q;
    q->timer.log = r->connection->log;

    ngx_add_timer(&q->timer, NGX_HTTP_SOPORTE_IDENTITY_WAIT);

    r->main->count++;

    return NGX_DONE;
}


/* whose site and which session; nothing else of the request goes along */

static ngx_int_t
ngx_http_soporte_identity_headers(ngx_http_request_t *sr, ngx_str_t *host,
    ngx_str_t *sid)
{
    u_char                *p;
    ngx_table_elt_t       *h;
    ngx_http_headers_in_t  in;

    in = sr->headers_in;

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.server = *host;
    sr->headers_in.connection_type = in.connection_type;
    sr->headers_in.content_length_n = -1;
    sr->headers_in.keep_alive_n = -1;

    if (ngx_list_init(&sr->headers_in.headers, sr->pool, 4,
                      sizeof(ngx_table_elt_t))
           != NGX_OK
#if (nginx_version < 1023000)
        || ngx_array_init(&sr->headers_in.cookies, sr->pool, 1,
                          sizeof(ngx_table_elt_t *))
           != NGX_OK
#endif
       )
    {
        return NGX_ERROR;
    }

    h = ngx_list_push(&sr->headers_in.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "Host");
    h->lowcase_key = (u_char *) "host";
    h->value = *host;

    sr->headers_in.host = h;

    h = ngx_list_push(&sr->headers_in.headers);
    p = ngx_pnalloc(sr->pool, sizeof("sid=") - 1 + sid->len);

    if (h == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "Cookie");
    h->lowcase_key = (u_char *) "cookie";
    h->value.data = p;
    h->value.len = sizeof("sid=") - 1 + sid->len;

    ngx_memcpy(ngx_cpymem(p, "sid=", sizeof("sid=") - 1), sid->data,
               sid->len);

    return ngx_http_soporte_identity_cookie(&sr->headers_in, h);
}


/* where variables look for it */

static ngx_int_t
ngx_http_soporte_identity_cookie(ngx_http_headers_in_t *in,
    ngx_table_elt_t *cookie)
{
#if (nginx_version < 1023000)

    ngx_table_elt_t  **h;

    h = ngx_array_push(&in->cookies);

    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = cookie;

#else

    in->cookie = cookie;

#endif

    return NGX_OK;
}


/*
 * NGX_OK in any case but for a client that is gone: whatever became of the
 * subrequest, it is no error of the request, and has no page.
 */

static ngx_int_t
ngx_http_soporte_identity_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_soporte_question_t  *q = data;

    if (!q->settled) {

        /* rc may be a status that nothing was sent with yet */

        q->status = (rc == NGX_OK) ? sr->headers_out.status
                    : (rc > NGX_OK) ? (ngx_uint_t) rc : NGX_HTTP_BAD_GATEWAY;

        ngx_http_soporte_identity_settle(q);
    }

    return (rc == NGX_HTTP_CLIENT_CLOSED_REQUEST) ? rc : NGX_OK;
}


/* the page goes on, and ERPNext is waited for no longer */

static void
ngx_http_soporte_identity_late(ngx_event_t *ev)
{
    ngx_connection_t             *c, *peer;
    ngx_http_upstream_t          *u;
    ngx_http_soporte_question_t  *q;

    q = ev->data;
    c = q->r->connection;
    u = q->sr->upstream;

    if (u && u->peer.connection) {
        peer = u->peer.connection;
        u->peer.tries = 0;

        if (peer->read->timer_set) {
            ngx_add_timer(peer->read, 1);
        }

        if (peer->write->timer_set) {
            ngx_add_timer(peer->write, 1);
        }
    }

    ngx_http_soporte_identity_settle(q);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_soporte_identity_settle(ngx_http_soporte_question_t *q)
{
    if (q->settled) {
        return;
    }

    q->settled = 1;

    if (q->timer.timer_set) {
        ngx_del_timer(&q->timer);
    }

    ngx_http_set_ctx(q->r, q, ngx_http_soporte_module);

    q->r->write_event_handler = ngx_http_soporte_identity_go_on;

    if (ngx_http_post_request(q->r, NULL) != NGX_OK) {
        q->r->connection->error = 1;
    }
}


static void
ngx_http_soporte_identity_go_on(ngx_http_request_t *r)
{
    ngx_http_soporte_question_t  *q;

    q = ngx_http_get_module_ctx(r, ngx_http_soporte_module);

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, ngx_http_soporte_identity_answer(q));
}


/* the request ends while it waits */

static void
ngx_http_soporte_identity_free(void *data)
{
    ngx_http_soporte_question_t  *q = data;

    q->settled = 1;

    if (q->timer.timer_set) {
        ngx_del_timer(&q->timer);
    }
}


static ngx_int_t
ngx_http_soporte_identity_answer(ngx_http_soporte_question_t *q)
{
    ngx_http_request_t           *r;
    ngx_soporte_mem_t             mem;
    ngx_soporte_value_t          *root, *user;
    ngx_soporte_json_error_t      err;
    ngx_soporte_json_limits_t     limits;
    ngx_http_soporte_answer_t    *answer;
    ngx_http_soporte_identity_t   identity;

    r = q->r;
    mem = ngx_http_soporte_mem(r->pool);
    user = NULL;

    ngx_memzero(&identity, sizeof(ngx_http_soporte_identity_t));

    if (q->status == NGX_HTTP_OK && !q->torn) {
        limits.max_depth = 4;
        root = ngx_soporte_json_parse(&mem, q->body, q->len, &limits, &err);
        user = ngx_soporte_value_get(root, "message");
    }

    if (user && user->type == NGX_SOPORTE_STRING
        && user->str.len <= NGX_HTTP_SOPORTE_IDENTITY_USER)
    {
        ngx_http_soporte_identity_user(&identity, user->str.data,
                                       user->str.len);

    } else if (q->status != NGX_HTTP_FORBIDDEN
               && q->status != NGX_HTTP_UNAUTHORIZED)
    {
        ngx_http_soporte_identity_claim(r, &identity);
        return q->then(r, q->data, &identity);
    }

    answer = ngx_http_soporte_identity_slot(r, q->hash);

    ngx_memcpy(answer->hash, q->hash, sizeof(q->hash));
    answer->until = ngx_time() + NGX_HTTP_SOPORTE_IDENTITY_KEEP;
    answer->len = identity.user.len;

    if (identity.user.len) {
        ngx_memcpy(answer->user, identity.user.data, identity.user.len);
    }

    return q->then(r, q->data, &identity);
}


static void
ngx_http_soporte_identity_user(ngx_http_soporte_identity_t *identity,
    u_char *p, size_t len)
{
    if (len == 0 || (len == 5 && ngx_strncmp(p, "Guest", 5) == 0)) {
        return;
    }

    identity->who = NGX_HTTP_SOPORTE_VERIFIED;
    identity->user.data = p;
    identity->user.len = len;

    if (ngx_soporte_form_email(&identity->user)) {
        identity->email = identity->user;
    }
}


/* frappe/auth.py sets user_id, quoted, for scripts to read: a word, no proof */

static void
ngx_http_soporte_identity_claim(ngx_http_request_t *r,
    ngx_http_soporte_identity_t *identity)
{
    u_char     *src, *dst;
    ngx_str_t   user;

    if (ngx_http_soporte_cookie(r, "user_id", &user) != NGX_OK
        || user.len > 3 * NGX_HTTP_SOPORTE_IDENTITY_USER)
    {
        return;
    }

    src = user.data;
    dst = ngx_pnalloc(r->pool, user.len + 1);

    if (dst == NULL) {
        return;
    }

    identity->user.data = dst;
    ngx_unescape_uri(&dst, &src, user.len, 0);
    identity->user.len = dst - identity->user.data;

    if (!ngx_soporte_form_email(&identity->user)) {
        ngx_str_null(&identity->user);
        return;
    }

    identity->who = NGX_HTTP_SOPORTE_CLAIMED;
    identity->email = identity->user;
}


ngx_int_t
ngx_http_soporte_session(ngx_http_request_t *r, const ngx_str_t *tenant,
    u_char *hash)
{
    u_char                        *p, digest[NGX_SOPORTE_DIGEST_LEN];
    ngx_str_t                      sid;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         text[sizeof("session") + 1
                                        + NGX_SOPORTE_KEY_MAX
                                        + NGX_HTTP_SOPORTE_IDENTITY_SID];

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (ngx_http_soporte_identity_sid(r, &sid) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(text, "session", sizeof("session"));
    p = ngx_cpymem(p, tenant->data, tenant->len);
    *p++ = '\0';
    p = ngx_cpymem(p, sid.data, sid.len);

    if (ngx_soporte_secret_hmac(&smcf->secret, text, p - text, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(hash, digest, NGX_HTTP_SOPORTE_SESSION_LEN);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_identity_sid(ngx_http_request_t *r, ngx_str_t *sid)
{
    if (ngx_http_soporte_cookie(r, "sid", sid) != NGX_OK
        || sid->len == 0
        || sid->len > NGX_HTTP_SOPORTE_IDENTITY_SID
        || (sid->len == 5 && ngx_strncmp(sid->data, "Guest", 5) == 0))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_http_soporte_answer_t *
ngx_http_soporte_identity_slot(ngx_http_request_t *r, const u_char *hash)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    return &smcf->known->slots[(hash[0] << 8 | hash[1])
                               % NGX_HTTP_SOPORTE_IDENTITY_SLOTS];
}


ngx_uint_t
ngx_http_soporte_identity_asks(ngx_http_request_t *r)
{
    return r->post_subrequest
           && r->post_subrequest->handler == ngx_http_soporte_identity_done;
}


ngx_int_t
ngx_http_soporte_identity_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                        n;
    ngx_buf_t                    *b;
    ngx_chain_t                  *cl;
    ngx_http_soporte_question_t  *q;

    q = r->post_subrequest->data;

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            n = b->last - b->pos;

            if (n > sizeof(q->body) - q->len) {
                q->torn = 1;
                n = sizeof(q->body) - q->len;
            }

            ngx_memcpy(q->body + q->len, b->pos, n);
            q->len += n;
            b->pos = b->last;

        } else if (b->in_file && b->file_last > b->file_pos) {
            q->torn = 1;
        }

        b->file_pos = b->file_last;
    }

    return NGX_OK;
}
