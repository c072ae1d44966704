
/*
 * "Did this answer your question?": a button of the help form that files
 * nothing, is counted, and goes back to the page with a word of thanks.
 */

#include "ngx_http_soporte_page.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_proof.h"


static void ngx_http_soporte_helped_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_helped_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_helped_back(ngx_http_request_t *r,
    const ngx_soporte_category_t *category);


ngx_int_t
ngx_http_soporte_helped(ngx_http_request_t *r, ngx_http_soporte_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_int_t  rc;

    if (ngx_http_soporte_same_origin(r) == NGX_ERROR) {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_FORBIDDEN);
    }

    if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_BODY_MEMORY) {
        return ngx_http_soporte_page_error(r, ctx,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_helped_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_soporte_helped_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_soporte_helped_read(r));
}


/* what was written in the form came along, and is looked at no further */

static ngx_int_t
ngx_http_soporte_helped_read(ngx_http_request_t *r)
{
    ngx_str_t                      text, tenant, *id;
    ngx_uint_t                     confirm;
    const char                    *error;
    ngx_soporte_mem_t              mem;
    ngx_soporte_form_t             form;
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_srv_conf_t   *sscf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    sscf = ngx_http_get_module_srv_conf(r, ngx_http_soporte_module);

    ctx = ngx_http_soporte_ctx(r);
    mem = ngx_http_soporte_mem(r->pool);

    if (ngx_http_soporte_body_text(r, &text) != NGX_OK
        || ngx_soporte_form_parse(&mem, &text, NGX_HTTP_SOPORTE_BODY_MEMORY,
                                  &form)
           != NGX_OK)
    {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_BAD_REQUEST);
    }

    tenant.data = ctx->tenant->key;
    tenant.len = ctx->tenant->len;
    confirm = 0;

    error = ngx_http_soporte_proof(r, &tenant, &form, NULL, &confirm);

    if (error && error[0] == '\0') {
        return ngx_http_soporte_page_error(r, ctx, NGX_HTTP_FORBIDDEN);
    }

    if (error == NULL) {
        ngx_soporte_add(&smcf->zone->header->helped, 1);
    }

    id = ngx_soporte_form_get(&form, "category");

    return ngx_http_soporte_helped_back(r, id
                   ? ngx_soporte_policy_category(sscf->policy, id) : NULL);
}


static ngx_int_t
ngx_http_soporte_helped_back(ngx_http_request_t *r,
    const ngx_soporte_category_t *category)
{
    u_char                    *p;
    ngx_str_t                  base;
    ngx_http_soporte_reply_t   reply;

    static ngx_str_t  thanks = ngx_string("?gracias=1");

    base = ngx_http_soporte_base(r);

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_SEE_OTHER;
    ngx_str_set(&reply.type, "text/plain");

    p = ngx_pnalloc(r->pool, base.len + thanks.len + sizeof("&category=")
                             + (category ? category->id.len : 0));

    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply.location.data = p;
    p = ngx_cpymem(p, base.data, base.len);
    p = ngx_cpymem(p, thanks.data, thanks.len);

    if (category) {
        p = ngx_sprintf(p, "&category=%V", &category->id);
    }

    reply.location.len = p - reply.location.data;

    return ngx_http_soporte_reply_json(r, &reply, NULL);
}
