
/*
 * Who may see what of a tenant's state: the policy's list "public", and more
 * for whoever has the tenant's status link.  What a verified user sees more is
 * the status page's to say: who that is has to be asked.
 */

#ifndef _NGX_HTTP_SOPORTE_PUBLIC_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PUBLIC_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_view.h"


/* NGX_SOPORTE_PUBLIC_ bits that this request may see; some 10 µs at most */
ngx_uint_t ngx_http_soporte_public(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view);

/*
 * "BASE/estado?clave=TOKEN", which shows all of a tenant's state to whoever
 * has it; made in pool, len 0 when memory is refused.
 */
ngx_str_t ngx_http_soporte_public_link(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view);

/*
 * A request with the token in its address is answered 303 to the clean one,
 * with a cookie: then *rc is the answer and NGX_DONE comes back.  Else
 * NGX_DECLINED.
 */
ngx_int_t ngx_http_soporte_public_enter(ngx_http_request_t *r,
    const ngx_http_soporte_view_t *view, ngx_int_t *rc);


#endif /* _NGX_HTTP_SOPORTE_PUBLIC_H_INCLUDED_ */
