
/*
 * The portal: the customers' tree below its base path.  Finds the page of a
 * path, says which methods it has, and keeps foreign sites' forms out.
 *
 * "soporte_portal PATH" at server level is a location that nobody wrote: the
 * server rewrite phase goes on in a copy of the server's own configuration
 * in which the portal is the content handler, so that limits of the body, of
 * addresses and of requests act on it as on any location.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_page.h"
#include "ngx_http_soporte_portal.h"

#include "ngx_soporte_form.h"


typedef struct {
    ngx_str_t              path;             /* after the base */
    ngx_uint_t             prefix;           /* 1: a name follows */
    ngx_uint_t             methods;
    const char            *allow;
    ngx_int_t            (*handler)(ngx_http_request_t *r,
                                    ngx_http_soporte_ctx_t *ctx,
                                    ngx_str_t *name);
} ngx_http_soporte_route_t;


static void ngx_http_soporte_portal_hide(ngx_str_t *line);
static ngx_int_t ngx_http_soporte_busy(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_str_t *name);
static ngx_http_soporte_route_t *ngx_http_soporte_route(
    ngx_http_request_t *r, ngx_str_t *base, ngx_str_t *name);


#define NGX_HTTP_SOPORTE_READ  (NGX_HTTP_GET|NGX_HTTP_HEAD)


/* the first that fits path and method; methods of one path stand together */

static ngx_http_soporte_route_t  ngx_http_soporte_routes[] = {

    { ngx_string(""), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_help },

    { ngx_string("/"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_help },

    { ngx_string("/tickets"), 0, NGX_HTTP_POST, "GET, HEAD, POST",
      ngx_http_soporte_ticket_file },

    { ngx_string("/tickets"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD, POST",
      ngx_http_soporte_mine },

    { ngx_string("/tickets/enlace"), 0, NGX_HTTP_POST, "POST",
      ngx_http_soporte_lost },

    { ngx_string("/tickets/"), 1, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_track },

    { ngx_string("/tickets/"), 1, NGX_HTTP_POST, "GET, HEAD",
      ngx_http_soporte_message },

    { ngx_string("/estado"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_status_page },

    { ngx_string("/estado.json"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_status_json },

    { ngx_string("/ocupado"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_busy },

    { ngx_string("/privacidad"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_privacy },

    { ngx_string("/resuelto"), 0, NGX_HTTP_POST, "POST",
      ngx_http_soporte_helped },

    { ngx_string("/api/v2/"), 1, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_feeds },

    { ngx_string("/health"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_health },

    { ngx_string("/badge.svg"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_badge },

    { ngx_string("/widget.js"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_widget },

    { ngx_string("/form.js"), 0, NGX_HTTP_SOPORTE_READ, "GET, HEAD",
      ngx_http_soporte_form_script },

    { ngx_null_string, 0, 0, NULL, NULL }
};


ngx_int_t
ngx_http_soporte_portal_rewrite_handler(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_soporte_srv_conf_t  *sscf;

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_soporte_module);

    if (sscf->portal_conf == NULL
        || r != r->main
        || r->uri.len < sscf->portal.len
        || ngx_memcmp(r->uri.data, sscf->portal.data, sscf->portal.len) != 0
        || (r->uri.len > sscf->portal.len
            && r->uri.data[sscf->portal.len] != '/'))
    {
        return NGX_DECLINED;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    /* as for a named location, and the checker adds one */

    r->loc_conf = sscf->portal_conf;
    r->content_handler = NULL;

    ngx_http_update_location_config(r);

    r->phase_handler = cmcf->phase_engine.location_rewrite_index - 1;

    ngx_http_soporte_portal_conceal(r);

    return ngx_http_soporte_portal_length(r);
}


/* what find_config, passed over, would have checked */

ngx_int_t
ngx_http_soporte_portal_length(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->headers_in.content_length_n != -1
        && !r->discard_body
        && clcf->client_max_body_size
        && clcf->client_max_body_size < r->headers_in.content_length_n)
    {
        r->expect_tested = 1;
        (void) ngx_http_discard_request_body(r);

        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return NGX_DECLINED;
}


ngx_http_soporte_visit_t *
ngx_http_soporte_portal_visit(ngx_http_request_t *r)
{
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_ctx_room(r);

    if (ctx->visit == NULL) {
        ctx->visit = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_visit_t));
    }

    return ctx->visit;
}


void
ngx_http_soporte_portal_conceal(ngx_http_request_t *r)
{
    ngx_str_t                  key;
    ngx_soporte_mem_t          mem;
    ngx_http_soporte_visit_t  *visit;

    if (r->args.len == 0) {
        return;
    }

    mem = ngx_http_soporte_mem(r->pool);
    visit = ngx_http_soporte_portal_visit(r);

    if (visit && visit->key.len == 0
        && ngx_soporte_form_arg(&mem, &r->args, "clave", &key) == NGX_OK)
    {
        visit->key = key;
    }

    /* mostly the same bytes, which are the client's; HTTP/2 has two of them */

    ngx_http_soporte_portal_hide(&r->request_line);
    ngx_http_soporte_portal_hide(&r->unparsed_uri);
    ngx_http_soporte_portal_hide(&r->args);
}


ngx_int_t
ngx_http_soporte_portal_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_ctx_room(r);

    if (ctx->visit == NULL || ctx->visit->key.len == 0) {
        return NGX_DECLINED;
    }

    *key = ctx->visit->key;

    return NGX_OK;
}


static void
ngx_http_soporte_portal_hide(ngx_str_t *line)
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


ngx_int_t
ngx_http_soporte_portal_handler(ngx_http_request_t *r)
{
    ngx_str_t                     name;
    ngx_http_soporte_ctx_t       *ctx;
    ngx_http_soporte_route_t     *route;
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    ctx = ngx_http_soporte_ctx_make(r);

    if (ctx == NULL) {
        return ngx_http_soporte_page_error(r, NULL, NGX_HTTP_NOT_FOUND);
    }

    ctx->page = 1;

    route = ngx_http_soporte_route(r, &slcf->base, &name);

    if (route == NULL) {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_NOT_FOUND);
    }

    if (!(r->method & route->methods)) {
        return ngx_http_soporte_page_method(r, ctx, route->allow);
    }

    return route->handler(r, ctx, &name);
}


/* "error_page 429 BASE/ocupado": limits in words, for nobody else to see */

static ngx_int_t
ngx_http_soporte_busy(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    return ngx_http_soporte_page_error(r, ctx,
                           r->err_status == NGX_HTTP_TOO_MANY_REQUESTS
                           ? NGX_HTTP_TOO_MANY_REQUESTS : NGX_HTTP_NOT_FOUND);
}


static ngx_http_soporte_route_t *
ngx_http_soporte_route(ngx_http_request_t *r, ngx_str_t *base,
    ngx_str_t *name)
{
    ngx_str_t                  path;
    ngx_http_soporte_route_t  *route, *fit;

    if (r->uri.len < base->len) {
        return NULL;
    }

    path.data = r->uri.data + base->len;
    path.len = r->uri.len - base->len;
    fit = NULL;

    for (route = ngx_http_soporte_routes; route->allow; route++) {

        if (route->prefix
            ? path.len <= route->path.len : path.len != route->path.len)
        {
            continue;
        }

        if (ngx_memcmp(path.data, route->path.data, route->path.len) != 0) {
            continue;
        }

        name->data = path.data + route->path.len;
        name->len = path.len - route->path.len;

        if (r->method & route->methods) {
            return route;
        }

        if (fit == NULL) {
            fit = route;
        }
    }

    return fit;
}


/*
 * Whether a browser says that another site sent this: Origin, Fetch Metadata.
 * NGX_DECLINED when it says nothing, then a token must decide.
 */

ngx_int_t
ngx_http_soporte_same_origin(ngx_http_request_t *r)
{
    u_char     *p, *end;
    ngx_str_t  *origin, *site, *host;

    origin = ngx_http_soporte_header(r, "origin");
    site = ngx_http_soporte_header(r, "sec-fetch-site");

    if (site
        && !(site->len == 11
             && ngx_strncmp(site->data, "same-origin", 11) == 0)
        && !(site->len == 4 && ngx_strncmp(site->data, "none", 4) == 0))
    {
        return NGX_ERROR;
    }

    if (origin == NULL) {
        return site ? NGX_OK : NGX_DECLINED;
    }

    if (r->headers_in.host == NULL) {
        return NGX_ERROR;
    }

    host = &r->headers_in.host->value;
    end = origin->data + origin->len;

    p = ngx_strlcasestrn(origin->data, end, (u_char *) "://", 3 - 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    p += 3;

    if ((size_t) (end - p) != host->len
        || ngx_strncasecmp(p, host->data, host->len) != 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
