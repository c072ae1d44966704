
/*
 * What a POST has to prove: that it is a form of ours (token and cookie), that
 * a person filled it in, and which repetition it is (key or nonce).
 */

#include "ngx_http_soporte_proof.h"
#include "ngx_http_soporte_help.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_reply.h"


const char *
ngx_http_soporte_proof(ngx_http_request_t *r, const ngx_str_t *tenant,
    const ngx_soporte_form_t *form, const ngx_soporte_policy_t *policy,
    ngx_uint_t *confirm)
{
    time_t                         expires;
    ngx_str_t                     *token, *field, nonce, cookie;
    ngx_soporte_token_e            rc;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    expires = 0;
    ngx_str_null(&cookie);
    token = ngx_soporte_form_get(form, "token");

    if (token == NULL
        || ngx_http_soporte_nonce(r, &nonce, &cookie) != NGX_OK
        || cookie.len)
    {
        rc = NGX_SOPORTE_TOKEN_FORGED;

    } else {
        rc = ngx_soporte_secret_form_verify(&smcf->secret, tenant, &nonce,
                                            token, ngx_time(), &expires);
    }

    if (rc == NGX_SOPORTE_TOKEN_FORGED) {

        /* a browser that vouches for our page gets the form again */

        return (ngx_http_soporte_same_origin(r) == NGX_OK)
               ? "token_bad" : NGX_HTTP_SOPORTE_PROOF_NONE;
    }

    if (rc == NGX_SOPORTE_TOKEN_EXPIRED) {
        return "token_expired";
    }

    if (policy == NULL || ngx_soporte_form_get(form, "confirm")) {
        return NULL;
    }

    field = ngx_soporte_form_get(form, (char *) policy->honeypot.data);

    if (field && field->len) {
        *confirm = 1;
        return "honeypot";
    }

    if (ngx_time() - (expires - NGX_SOPORTE_FORM_LIFETIME)
        < policy->min_seconds)
    {
        *confirm = 1;
        return "too_fast";
    }

    return NULL;
}


ngx_int_t
ngx_http_soporte_proof_id(ngx_http_request_t *r, const ngx_str_t *tenant,
    const ngx_soporte_form_t *form, const ngx_str_t *purpose, u_char *id)
{
    u_char                        *p;
    ngx_str_t                     *key, text;
    const char                    *kind;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    key = ngx_http_soporte_header(r, "idempotency-key");
    kind = "key";

    if (key && key->len > NGX_HTTP_SOPORTE_KEY_MAX) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (key == NULL || key->len == 0) {
        key = form ? ngx_soporte_form_get(form, "nonce") : NULL;
        kind = "nonce";

        if (key == NULL || !ngx_soporte_secret_nonce_valid(key)) {
            return NGX_DECLINED;
        }
    }

    p = ngx_pnalloc(r->pool, purpose->len + sizeof("nonce") + 1 + key->len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    p = ngx_sprintf(p, "%V %s ", purpose, kind);
    p = ngx_cpymem(p, key->data, key->len);
    text.len = p - text.data;

    return ngx_soporte_secret_id(&smcf->secret, tenant, &text, id);
}


ngx_uint_t
ngx_http_soporte_sent(ngx_http_request_t *r, const char *type)
{
    u_char     *p, *end;
    size_t      len;
    ngx_str_t  *value;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;
    end = value->data + value->len;

    for (p = value->data; p < end && *p != ';' && *p != ' '; p++) {
        /* void */
    }

    len = ngx_strlen(type);

    return (size_t) (p - value->data) == len
           && ngx_strncasecmp(value->data, (u_char *) type, len) == 0;
}
