
/*
 * The operators' API: says and reads what the board holds.  GET changes
 * nothing; every refusal says which field and why, as problem+json.
 */

#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_report.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_CONTROL_BODY  16384


typedef struct {
    uint32_t                   tenant;       /* slot, or NGX_SOPORTE_ALL */
    ngx_str_t                  key;
    ngx_str_t                  verb;         /* after the tenant; len 0 */
} ngx_http_soporte_target_t;


static ngx_int_t ngx_http_soporte_control_route(ngx_http_request_t *r,
    ngx_str_t *path);
static ngx_int_t ngx_http_soporte_control_target(ngx_http_request_t *r,
    ngx_str_t *path, ngx_http_soporte_target_t *target);
static ngx_int_t ngx_http_soporte_control_list(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_control_show(ngx_http_request_t *r,
    ngx_http_soporte_target_t *target);
static ngx_int_t ngx_http_soporte_control_put(ngx_http_request_t *r,
    ngx_http_soporte_target_t *target);
static void ngx_http_soporte_control_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_control_apply(ngx_http_request_t *r);
static const char *ngx_http_soporte_control_notice(
    const ngx_soporte_value_t *root, ngx_soporte_notice_t *notice);
static const char *ngx_http_soporte_control_field(
    const ngx_soporte_value_t *v, ngx_soporte_notice_t *notice);
static const char *ngx_http_soporte_control_string(
    const ngx_soporte_value_t *v, u_char *dst, uint16_t *len, size_t size,
    const char *error);
static const char *ngx_http_soporte_control_phase(
    const ngx_soporte_value_t *v, ngx_soporte_notice_t *notice);
static ngx_int_t ngx_http_soporte_control_delete(ngx_http_request_t *r,
    ngx_http_soporte_target_t *target);
static ngx_int_t ngx_http_soporte_control_done(ngx_http_request_t *r,
    ngx_int_t rc, ngx_http_soporte_target_t *target);
static ngx_int_t ngx_http_soporte_control_problem(ngx_http_request_t *r,
    ngx_uint_t status, const char *detail, const char *allow);
static ngx_uint_t ngx_http_soporte_control_kind(ngx_str_t *verb);


#define ngx_http_soporte_is(s, literal)                                       \
    ((s)->len == sizeof(literal) - 1                                          \
     && ngx_strncmp((s)->data, literal, sizeof(literal) - 1) == 0)


ngx_int_t
ngx_http_soporte_control_handler(ngx_http_request_t *r)
{
    ngx_str_t                     path;
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (r->uri.len < slcf->base.len) {
        return NGX_HTTP_NOT_FOUND;
    }

    path.data = r->uri.data + slcf->base.len;
    path.len = r->uri.len - slcf->base.len;

    return ngx_http_soporte_control_route(r, &path);
}


static ngx_int_t
ngx_http_soporte_control_route(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_uint_t                 read;
    ngx_http_soporte_target_t  target;

    static const char          tenants[] = "/v1/tenants/";

    read = r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD);

    if (ngx_http_soporte_is(path, "/v1/healthz")
        || ngx_http_soporte_is(path, "/v1/tenants"))
    {
        if (!read) {
            return ngx_http_soporte_control_problem(r,
                        NGX_HTTP_NOT_ALLOWED, "only GET", "GET, HEAD");
        }

        return ngx_http_soporte_control_list(r);
    }

    if (path->len <= sizeof(tenants) - 1
        || ngx_strncmp(path->data, tenants, sizeof(tenants) - 1) != 0)
    {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                        "no such path, see /v1/tenants", NULL);
    }

    path->data += sizeof(tenants) - 1;
    path->len -= sizeof(tenants) - 1;

    if (ngx_http_soporte_control_target(r, path, &target) != NGX_OK) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                        "no such tenant", NULL);
    }

    if (target.verb.len == 0) {
        if (!read) {
            return ngx_http_soporte_control_problem(r,
                        NGX_HTTP_NOT_ALLOWED, "only GET", "GET, HEAD");
        }

        return ngx_http_soporte_control_show(r, &target);
    }

    if (ngx_http_soporte_control_kind(&target.verb)
        == NGX_SOPORTE_BOARD_NONE)
    {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                        "a tenant has \"maintenance\" and \"restore\"", NULL);
    }

    switch (r->method) {

    case NGX_HTTP_PUT:
        return ngx_http_soporte_control_put(r, &target);

    case NGX_HTTP_DELETE:
        return ngx_http_soporte_control_delete(r, &target);

    default:
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_ALLOWED,
                        "only PUT and DELETE", "PUT, DELETE");
    }
}


static ngx_uint_t
ngx_http_soporte_control_kind(ngx_str_t *verb)
{
    if (ngx_http_soporte_is(verb, "maintenance")) {
        return NGX_SOPORTE_BOARD_MAINTENANCE;
    }

    if (ngx_http_soporte_is(verb, "restore")) {
        return NGX_SOPORTE_BOARD_RESTORE;
    }

    return NGX_SOPORTE_BOARD_NONE;
}


/* "acme/maintenance" or "acme" or "*" */

static ngx_int_t
ngx_http_soporte_control_target(ngx_http_request_t *r, ngx_str_t *path,
    ngx_http_soporte_target_t *target)
{
    u_char                        *slash;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         lower[NGX_SOPORTE_KEY_MAX];

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    target->key = *path;
    ngx_str_null(&target->verb);

    slash = ngx_strlchr(path->data, path->data + path->len, '/');

    if (slash) {
        target->key.len = slash - path->data;
        target->verb.data = slash + 1;
        target->verb.len = path->data + path->len - slash - 1;

        if (target->verb.len == 0) {
            return NGX_DECLINED;
        }
    }

    if (ngx_http_soporte_is(&target->key, "*")) {
        target->tenant = NGX_SOPORTE_ALL;
        return target->verb.len ? NGX_OK : NGX_DECLINED;
    }

    if (ngx_soporte_tenant_key(lower, target->key.data, target->key.len)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    tenant = ngx_soporte_tenant_find(smcf->zone, lower, target->key.len);

    if (tenant == NULL || !ngx_soporte_tenant_known(smcf->zone, tenant)) {
        return NGX_DECLINED;
    }

    target->tenant = ngx_soporte_tenant_index(smcf->zone, tenant);

    return NGX_OK;
}


/* all tenants, or those of ?state=; /v1/healthz is the sums alone */

static ngx_int_t
ngx_http_soporte_control_list(ngx_http_request_t *r)
{
    uint32_t                       i, used;
    ngx_str_t                      state;
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root, *list;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_report_t      report;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    root = ngx_soporte_value_add(&mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&mem, root, "status", "ok");
    (void) ngx_soporte_value_cstr(&mem, root, "version",
                                  NGX_HTTP_SOPORTE_VERSION);
    (void) ngx_soporte_value_str(&mem, root, "node", &smcf->node);

    used = ngx_soporte_acquire(&smcf->zone->header->used);

    if (r->uri.data[r->uri.len - 1] == 's') {
        list = ngx_soporte_value_add(&mem, root, "tenants",
                                     NGX_SOPORTE_LIST);

        if (ngx_http_arg(r, (u_char *) "state", 5, &state) != NGX_OK) {
            ngx_str_null(&state);
        }

        for (i = 1; i < used; i++) {
            tenant = ngx_soporte_tenant(smcf->zone, i);

            if (!ngx_soporte_tenant_known(smcf->zone, tenant)) {
                continue;
            }

            ngx_http_soporte_report(smcf->zone, tenant, ngx_time(), &report);

            if (state.len
                && (ngx_strlen(ngx_http_soporte_state_name(report.state))
                       != state.len
                    || ngx_strncmp(
                           ngx_http_soporte_state_name(report.state),
                           state.data, state.len) != 0))
            {
                continue;
            }

            (void) ngx_http_soporte_report_value(&mem, list, &report, 0);
        }
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


static ngx_int_t
ngx_http_soporte_control_show(ngx_http_request_t *r,
    ngx_http_soporte_target_t *target)
{
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_report_t      report;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    ngx_http_soporte_report(smcf->zone,
                            ngx_soporte_tenant(smcf->zone, target->tenant),
                            ngx_time(), &report);

    root = ngx_http_soporte_report_value(&mem, NULL, &report, 0);

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


static ngx_int_t
ngx_http_soporte_control_put(ngx_http_request_t *r,
    ngx_http_soporte_target_t *target)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_CONTROL_BODY) {
        return ngx_http_soporte_control_problem(r,
                                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                       "the body is over 16384 bytes", NULL);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_control_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_soporte_control_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_soporte_control_apply(r));
}


static ngx_int_t
ngx_http_soporte_control_apply(ngx_http_request_t *r)
{
    ngx_str_t                      path, text;
    const char                    *error;
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root;
    ngx_soporte_notice_t           notice;
    ngx_soporte_json_error_t       err;
    ngx_soporte_json_limits_t      limits;
    ngx_http_soporte_target_t      target;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    path.data = r->uri.data + slcf->base.len + sizeof("/v1/tenants/") - 1;
    path.len = r->uri.data + r->uri.len - path.data;

    if (ngx_http_soporte_control_target(r, &path, &target) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ngx_http_soporte_body_text(r, &text) != NGX_OK) {
        return ngx_http_soporte_control_problem(r,
                                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                       "the body is too large", NULL);
    }

    if (text.len == 0) {
        ngx_str_set(&text, "{}");
    }

    mem = ngx_http_soporte_mem(r->pool);
    limits.max_depth = 4;

    root = ngx_soporte_json_parse(&mem, text.data, text.len, &limits, &err);

    if (root == NULL) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                (char *) err.text, NULL);
    }

    ngx_memzero(&notice, sizeof(ngx_soporte_notice_t));

    notice.kind = ngx_http_soporte_control_kind(&target.verb);
    notice.tenant = target.tenant;
    notice.began = ngx_time();
    notice.updated = ngx_time();
    notice.progress = -1;

    error = ngx_http_soporte_control_notice(root, &notice);

    if (error) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                error, NULL);
    }

    return ngx_http_soporte_control_done(r,
                                 ngx_soporte_board_put(smcf->zone, &notice),
                                 &target);
}


/* NULL, or what is wrong; every field is looked at by name */

static const char *
ngx_http_soporte_control_notice(const ngx_soporte_value_t *root,
    ngx_soporte_notice_t *notice)
{
    const char                 *error;
    const ngx_soporte_value_t  *v;

    if (root->type != NGX_SOPORTE_OBJECT) {
        return "the body must be a JSON object";
    }

    for (v = root->first; v; v = v->next) {

        if (v->type == NGX_SOPORTE_NULL) {
            continue;
        }

        error = ngx_http_soporte_control_field(v, notice);

        if (error) {
            return error;
        }
    }

    if (notice->ends && notice->ends <= notice->began) {
        return "\"ends_at\" must lie ahead";
    }

    return NULL;
}


static const char *
ngx_http_soporte_control_field(const ngx_soporte_value_t *v,
    ngx_soporte_notice_t *notice)
{
    ngx_uint_t  restore;

    restore = (notice->kind == NGX_SOPORTE_BOARD_RESTORE);

    if (ngx_http_soporte_is(&v->name, "message")) {
        return ngx_http_soporte_control_string(v, notice->message,
                   &notice->message_len, NGX_SOPORTE_BOARD_MESSAGE,
                   "\"message\" must be a string of at most 720 bytes");
    }

    if (!restore && ngx_http_soporte_is(&v->name, "title")) {
        return ngx_http_soporte_control_string(v, notice->title,
                   &notice->title_len, NGX_SOPORTE_BOARD_TITLE,
                   "\"title\" must be a string of at most 144 bytes");
    }

    if (!restore && ngx_http_soporte_is(&v->name, "ends_at")) {
        if (v->type != NGX_SOPORTE_STRING
            || ngx_soporte_time_parse(v->str.data, v->str.len, &notice->ends,
                                      NULL) != NGX_OK)
        {
            return "\"ends_at\" must be an RFC 3339 instant";
        }

        return NULL;
    }

    if (restore && ngx_http_soporte_is(&v->name, "backup_at")) {
        if (v->type != NGX_SOPORTE_STRING
            || ngx_soporte_time_parse(v->str.data, v->str.len,
                                      &notice->backup, NULL) != NGX_OK)
        {
            return "\"backup_at\" must be an RFC 3339 instant";
        }

        return NULL;
    }

    if (restore && ngx_http_soporte_is(&v->name, "progress")) {
        if (v->type != NGX_SOPORTE_INTEGER || v->num < 0 || v->num > 100) {
            return "\"progress\" must be an integer from 0 to 100, or null";
        }

        notice->progress = (int32_t) v->num;

        return NULL;
    }

    if (restore && ngx_http_soporte_is(&v->name, "phase")) {
        return ngx_http_soporte_control_phase(v, notice);
    }

    return restore ? "unknown field; a restore has \"phase\", \"progress\", "
                     "\"message\", \"backup_at\""
                   : "unknown field; a maintenance has \"ends_at\", "
                     "\"title\", \"message\"";
}


static const char *
ngx_http_soporte_control_string(const ngx_soporte_value_t *v, u_char *dst,
    uint16_t *len, size_t size, const char *error)
{
    if (v->type != NGX_SOPORTE_STRING || v->str.len > size) {
        return error;
    }

    *len = ngx_soporte_text_clean(dst, v->str.data, v->str.len);

    return NULL;
}


static const char *
ngx_http_soporte_control_phase(const ngx_soporte_value_t *v,
    ngx_soporte_notice_t *notice)
{
    ngx_uint_t  i;

    for (i = 0; v->type == NGX_SOPORTE_STRING && i < NGX_SOPORTE_PHASES; i++)
    {
        if (ngx_strlen(ngx_soporte_phase_names[i]) == v->str.len
            && ngx_strncmp(v->str.data, ngx_soporte_phase_names[i],
                           v->str.len) == 0)
        {
            notice->phase = i;
            return NULL;
        }
    }

    return "\"phase\" must be one of detected, diagnosis, locating_backup, "
           "verifying_backup, database, public_files, private_files, "
           "migration, checks, restored";
}


static ngx_int_t
ngx_http_soporte_control_delete(ngx_http_request_t *r,
    ngx_http_soporte_target_t *target)
{
    ngx_int_t                      rc;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    rc = ngx_soporte_board_clear(smcf->zone,
                                 ngx_http_soporte_control_kind(
                                     &target->verb),
                                 target->tenant);

    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                   target->tenant == NGX_SOPORTE_ALL
                   ? "nothing is in force for \"*\""
                   : "nothing is in force for this tenant by its own name; "
                     "what holds for all is ended by \"*\"",
                   NULL);
    }

    return ngx_http_soporte_control_done(r, rc, target);
}


static ngx_int_t
ngx_http_soporte_control_done(ngx_http_request_t *r, ngx_int_t rc,
    ngx_http_soporte_target_t *target)
{
    ngx_str_t                 peer;
    ngx_http_soporte_reply_t  reply;

    u_char                    buf[NGX_HTTP_SOPORTE_PEER];

    if (rc == NGX_BUSY) {
        return ngx_http_soporte_control_problem(r,
                                       NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "the board is busy, try again", NULL);
    }

    if (rc != NGX_OK) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                   "the board is full, use \"*\" or end another one", NULL);
    }

    peer.data = buf;
    peer.len = ngx_http_soporte_guard_peer(r, buf) - buf;

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "%V of \"%V\" was %s%V", &target->verb, &target->key,
                  r->method == NGX_HTTP_DELETE ? "ended" : "set", &peer);

    if (target->tenant != NGX_SOPORTE_ALL) {
        return ngx_http_soporte_control_show(r, target);
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_NO_CONTENT;

    return ngx_http_soporte_reply_json(r, &reply, NULL);
}


static ngx_int_t
ngx_http_soporte_control_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail, const char *allow)
{
    ngx_soporte_mem_t          mem;
    ngx_soporte_value_t       *root;
    ngx_http_soporte_reply_t   reply;

    mem = ngx_http_soporte_mem(r->pool);

    root = ngx_soporte_value_add(&mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&mem, root, "type", "about:blank");
    (void) ngx_soporte_value_int(&mem, root, "status", status);
    (void) ngx_soporte_value_cstr(&mem, root, "detail", detail);

    if (mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    reply.status = status;
    ngx_str_set(&reply.type, "application/problem+json");

    if (allow) {
        reply.allow.data = (u_char *) allow;
        reply.allow.len = ngx_strlen(allow);
    }

    return ngx_http_soporte_reply_json(r, &reply, root);
}
