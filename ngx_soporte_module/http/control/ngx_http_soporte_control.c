
/*
 * The operators' API: paths, methods, and what is read of the board.  GET
 * changes nothing; every refusal says why, as problem+json.
 */

#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_control.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_report.h"
#include "ngx_http_soporte_word.h"
#include "ngx_http_soporte_fleet.h"


/* a verb of a tenant, and the methods that it has with and without an id */

typedef struct {
    ngx_str_t                  name;
    ngx_uint_t                 all;          /* "*" has it, too */
    const char                *allow;
    const char                *allow_item;   /* NULL: it has no items */
} ngx_http_soporte_verb_t;


static ngx_int_t ngx_http_soporte_control_route(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_control_verb(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);
static ngx_int_t ngx_http_soporte_control_read(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);
static ngx_int_t ngx_http_soporte_control_split(
    ngx_http_soporte_resource_t *target, u_char *p, u_char *end);
static void ngx_http_soporte_control_nodes(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *root);
static ngx_int_t ngx_http_soporte_control_list(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_control_upstreams(ngx_http_request_t *r);
static void ngx_http_soporte_control_windows(
    ngx_http_soporte_main_conf_t *smcf, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, uint32_t tenant);


static const ngx_http_soporte_verb_t  ngx_http_soporte_verbs[] = {
    { ngx_string("maintenance"), 1, "PUT, DELETE", NULL },
    { ngx_string("maintenances"), 1, "GET, HEAD, POST",
      "GET, HEAD, PATCH, DELETE" },
    { ngx_string("restore"), 1, "PUT, DELETE", NULL },
    { ngx_string("incident"), 1, "PUT, DELETE", NULL },
    { ngx_string("backup"), 1, "POST", NULL },
    { ngx_string("why"), 0, "GET, HEAD", NULL },
    { ngx_null_string, 0, NULL, NULL }
};


ngx_int_t
ngx_http_soporte_control_handler(ngx_http_request_t *r)
{
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    if (r->uri.len < slcf->base.len) {
        return NGX_HTTP_NOT_FOUND;
    }

    return ngx_http_soporte_control_route(r);
}


static ngx_int_t
ngx_http_soporte_control_route(ngx_http_request_t *r)
{
    ngx_str_t                     path;
    ngx_uint_t                    read;
    ngx_http_soporte_resource_t   target;
    ngx_http_soporte_loc_conf_t  *slcf;

    static const char             tenants[] = "/v1/tenants/";

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    path.data = r->uri.data + slcf->base.len;
    path.len = r->uri.len - slcf->base.len;

    read = r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD);

    if (ngx_http_soporte_is(&path, "/v1/healthz")
        || ngx_http_soporte_is(&path, "/v1/tenants"))
    {
        return read ? ngx_http_soporte_control_list(r)
                    : ngx_http_soporte_control_problem(r,
                          NGX_HTTP_NOT_ALLOWED, "only GET", "GET, HEAD");
    }

    if (ngx_http_soporte_is(&path, "/v1/upstreams")) {
        return read ? ngx_http_soporte_control_upstreams(r)
                    : ngx_http_soporte_control_problem(r,
                          NGX_HTTP_NOT_ALLOWED, "only GET", "GET, HEAD");
    }

    if (path.len <= sizeof(tenants) - 1
        || ngx_strncmp(path.data, tenants, sizeof(tenants) - 1) != 0)
    {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                        "no such path, see /v1/tenants", NULL);
    }

    if (ngx_http_soporte_control_target(r, &target) != NGX_OK) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                        "no such tenant", NULL);
    }

    if (target.verb.len) {
        return ngx_http_soporte_control_verb(r, &target);
    }

    return read ? ngx_http_soporte_control_show(r, &target)
                : ngx_http_soporte_control_problem(r,
                      NGX_HTTP_NOT_ALLOWED, "only GET", "GET, HEAD");
}


static ngx_int_t
ngx_http_soporte_control_verb(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_int_t                       rc;
    const char                     *allow;
    const ngx_http_soporte_verb_t  *verb;

    for (verb = ngx_http_soporte_verbs; verb->name.len; verb++) {

        if (verb->name.len == target->verb.len
            && ngx_strncmp(verb->name.data, target->verb.data,
                           target->verb.len) == 0)
        {
            break;
        }
    }

    allow = target->item.len ? verb->allow_item : verb->allow;

    if (allow == NULL
        || (target->tenant == NGX_SOPORTE_ALL && !verb->all))
    {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                   "a tenant has \"maintenance\", \"maintenances\", "
                   "\"restore\", \"incident\", \"backup\" and \"why\"", NULL);
    }

    if (allow[0] == 'G' && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_soporte_control_read(r, target);
    }

    rc = ngx_http_soporte_control_say(r, target);

    return (rc == NGX_DECLINED)
           ? ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_ALLOWED,
                                              "see Allow", allow)
           : rc;
}


/* the windows that are not over, or one by its id; or why */

static ngx_int_t
ngx_http_soporte_control_read(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    if (ngx_http_soporte_is(&target->verb, "why")) {
        return ngx_http_soporte_control_why(r, target);
    }

    if (target->item.len) {

        if (ngx_soporte_board_get(smcf->zone, target->id, &notice) != NGX_OK
            || notice.kind != NGX_SOPORTE_BOARD_MAINTENANCE
            || notice.tenant != target->tenant)
        {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                                                    "no such window", NULL);
        }

        root = ngx_http_soporte_word_value(&mem, smcf->zone, &notice);

    } else {
        root = ngx_soporte_value_add(&mem, NULL, NULL, NGX_SOPORTE_OBJECT);
        ngx_http_soporte_control_windows(smcf, &mem, root, target->tenant);
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


/* incidents of upstreams that several share, those that are over, too */

static ngx_int_t
ngx_http_soporte_control_upstreams(ngx_http_request_t *r)
{
    uint32_t                       at;
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root, *list, *item, *word;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    root = ngx_soporte_value_add(&mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    list = ngx_soporte_value_add(&mem, root, "upstreams", NGX_SOPORTE_LIST);

    at = 0;

    while (ngx_soporte_board_each(smcf->zone, NGX_SOPORTE_UPSTREAM, &at,
                                  &notice)
           == NGX_OK)
    {
        if (ngx_soporte_notice_duplicate(&notice)) {
            continue;
        }

        item = ngx_soporte_value_add(&mem, list, NULL, NGX_SOPORTE_NULL);
        word = ngx_http_soporte_word_value(&mem, smcf->zone, &notice);

        if (item && word) {
            *item = *word;
        }
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


static void
ngx_http_soporte_control_windows(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object, uint32_t tenant)
{
    uint32_t              at;
    ngx_soporte_value_t  *list, *window;
    ngx_soporte_notice_t  notice;

    list = ngx_soporte_value_add(mem, object, "maintenances",
                                 NGX_SOPORTE_LIST);

    for ( ;; ) {
        at = 0;

        while (ngx_soporte_board_each(smcf->zone, tenant, &at, &notice)
               == NGX_OK)
        {
            if (notice.kind != NGX_SOPORTE_BOARD_MAINTENANCE
                || ngx_soporte_notice_over(&notice, ngx_time()))
            {
                continue;
            }

            window = ngx_soporte_value_add(mem, list, NULL,
                                           NGX_SOPORTE_NULL);

            if (window) {
                *window = *ngx_http_soporte_word_value(mem, smcf->zone,
                                                       &notice);
            }
        }

        if (tenant == NGX_SOPORTE_ALL) {
            return;
        }

        tenant = NGX_SOPORTE_ALL;
    }
}


ngx_int_t
ngx_http_soporte_control_target(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    u_char                        *p;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_main_conf_t  *smcf;

    u_char                         lower[NGX_SOPORTE_KEY_MAX];

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    p = r->uri.data + slcf->base.len + sizeof("/v1/tenants/") - 1;

    if (ngx_http_soporte_control_split(target, p, r->uri.data + r->uri.len)
        != NGX_OK)
    {
        return NGX_DECLINED;
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


/* "acme/maintenances/0192…" or "acme/maintenance" or "acme" */

static ngx_int_t
ngx_http_soporte_control_split(ngx_http_soporte_resource_t *target, u_char *p,
    u_char *end)
{
    u_char     *slash;
    ngx_str_t  *part[3];
    ngx_uint_t  i;

    part[0] = &target->key;
    part[1] = &target->verb;
    part[2] = &target->item;

    ngx_memzero(target, sizeof(ngx_http_soporte_resource_t));

    for (i = 0; i < 3; i++) {
        slash = ngx_strlchr(p, end, '/');

        part[i]->data = p;
        part[i]->len = (slash ? slash : end) - p;

        if (part[i]->len == 0) {
            return NGX_DECLINED;
        }

        if (slash == NULL) {
            return (i < 2) ? NGX_OK
                           : ngx_soporte_uuid_parse(target->id, part[i]);
        }

        p = slash + 1;
    }

    return NGX_DECLINED;
}


/* the fleet, as Redis told of it last; without one nothing */

static void
ngx_http_soporte_control_nodes(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *root)
{
    ngx_uint_t            i, n;
    ngx_soporte_node_t   *nodes;
    ngx_soporte_value_t  *list, *item;

    if (smcf->redis == NULL) {
        return;
    }

    nodes = ngx_soporte_alloc(mem, NGX_SOPORTE_FLEET_NODES
                                   * sizeof(ngx_soporte_node_t));

    if (nodes == NULL) {
        return;
    }

    (void) ngx_soporte_value_bool(mem, root, "redis",
                            ngx_soporte_load(&smcf->zone->header->redis_up));

    list = ngx_soporte_value_add(mem, root, "nodes", NGX_SOPORTE_LIST);
    n = ngx_http_soporte_fleet_nodes(smcf->zone, nodes);

    for (i = 0; i < n; i++) {
        item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

        ngx_soporte_value_text(mem, item, "name", nodes[i].name, nodes[i].len);
        (void) ngx_soporte_value_cstr(mem, item, "state",
                   nodes[i].age <= NGX_HTTP_SOPORTE_FLEET_LOST ? "up"
                                                               : "lost");
        ngx_soporte_value_instant(mem, item, "seen_at",
                                  ngx_time() - nodes[i].age);
    }
}


/* node and fleet for /v1/healthz, node and tenants for /v1/tenants */

static ngx_int_t
ngx_http_soporte_control_list(ngx_http_request_t *r)
{
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    root = ngx_soporte_value_add(&mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(&mem, root, "status", "ok");
    (void) ngx_soporte_value_cstr(&mem, root, "version",
                                  NGX_HTTP_SOPORTE_VERSION);
    (void) ngx_soporte_value_str(&mem, root, "node", &smcf->node);

    if (r->uri.data[r->uri.len - 1] == 's') {
        (void) ngx_soporte_value_add(&mem, root, "tenants", NGX_SOPORTE_LIST);

        return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                          : ngx_http_soporte_control_tenants(r, root);
    }

    ngx_http_soporte_control_nodes(smcf, &mem, root);

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


ngx_int_t
ngx_http_soporte_control_show(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_report_t      report;
    ngx_http_soporte_main_conf_t  *smcf;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));

    if (target->tenant == NGX_SOPORTE_ALL) {
        reply.status = NGX_HTTP_NO_CONTENT;
        return ngx_http_soporte_reply_json(r, &reply, NULL);
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);
    tenant = ngx_soporte_tenant(smcf->zone, target->tenant);

    ngx_http_soporte_report(smcf->zone, tenant, ngx_time(), &report);
    ngx_http_soporte_report_incident(smcf->zone, tenant, ngx_time(),
                                     &report);

    root = ngx_http_soporte_report_value(&mem, NULL, &report, 0);
    ngx_http_soporte_backup_value(&mem, root, tenant, ngx_time(),
                                  NGX_SOPORTE_BACKUP_LIMIT);
    ngx_http_soporte_control_windows(smcf, &mem, root, target->tenant);

    reply.status = NGX_HTTP_OK;

    return mem.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                      : ngx_http_soporte_reply_json(r, &reply, root);
}


ngx_int_t
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
