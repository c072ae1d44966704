
/*
 * The help page and its form, empty or as it came back.
 */

#ifndef _NGX_HTTP_SOPORTE_HELP_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_HELP_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_page.h"

#include "ngx_soporte_ticket.h"


/* what a form that was not accepted is shown with */

typedef struct {
    const ngx_soporte_ticket_t         *ticket;   /* values, NULL: none */
    const ngx_soporte_ticket_errors_t  *errors;   /* NULL: none */
    const char                         *form;     /* code of the whole form */
    ngx_uint_t                          confirm;  /* "I am a person" */
    ngx_uint_t                          status;
} ngx_http_soporte_form_t;


/* renders and sends; form may be NULL */
ngx_int_t ngx_http_soporte_help_page(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, const ngx_http_soporte_form_t *form,
    const ngx_http_soporte_identity_t *identity);

/*
 * "form" of a page: where it goes, its token for the client's nonce, and a
 * nonce of its own, so that it is filed once however often it is sent.  NULL:
 * memory, or no randomness.
 */
ngx_soporte_value_t *ngx_http_soporte_form_object(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, const ngx_str_t *nonce,
    const ngx_str_t *action);

/* the client's nonce, reused when its cookie has one; sets *cookie else */
ngx_int_t ngx_http_soporte_nonce(ngx_http_request_t *r, ngx_str_t *nonce,
    ngx_str_t *cookie);


#endif /* _NGX_HTTP_SOPORTE_HELP_H_INCLUDED_ */
