
/*
 * Whether a form is ours, and filled in by a person.
 */

#ifndef _NGX_HTTP_SOPORTE_PROOF_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PROOF_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_form.h"


#define NGX_HTTP_SOPORTE_KEY_MAX  255        /* bytes of an Idempotency-Key */


/* the answer to what is neither a form of ours nor to be shown again */
#define NGX_HTTP_SOPORTE_PROOF_NONE  ""


/*
 * NULL: it is a form of ours, filled in by a person, as far as one can tell.
 * NGX_HTTP_SOPORTE_PROOF_NONE: nothing says so, refuse.  Else the code of
 * what to say over the form, which comes back with a good token and all that
 * was written; with *confirm set, and a button for persons.  policy NULL:
 * whoever sends it is known to be one.
 */
const char *ngx_http_soporte_proof(ngx_http_request_t *r,
    const ngx_str_t *tenant, const ngx_soporte_form_t *form,
    const ngx_soporte_policy_t *policy, ngx_uint_t *confirm);

/*
 * The id for the key that came with a request, its Idempotency-Key or the
 * nonce of its form (NULL: no form).  "purpose" keeps ids of different things
 * apart.  NGX_DECLINED: there is no key; NGX_HTTP_BAD_REQUEST: it is too long;
 * NGX_ERROR.
 */
ngx_int_t ngx_http_soporte_proof_id(ngx_http_request_t *r,
    const ngx_str_t *tenant, const ngx_soporte_form_t *form,
    const ngx_str_t *purpose, u_char *id);

/* whether the body is of that type, exactly, whatever its parameters */
ngx_uint_t ngx_http_soporte_sent(ngx_http_request_t *r, const char *type);


#endif /* _NGX_HTTP_SOPORTE_PROOF_H_INCLUDED_ */
