
/*
 * Who is logged in, by the word of the tenant's own ERPNext.
 */

#ifndef _NGX_HTTP_SOPORTE_IDENTITY_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_IDENTITY_H_INCLUDED_


#include "ngx_http_soporte.h"


#define NGX_HTTP_SOPORTE_SESSION_LEN  16     /* bytes, of a session's hash */


typedef enum {
    NGX_HTTP_SOPORTE_NOBODY = 0,             /* not asked, or not logged in */
    NGX_HTTP_SOPORTE_CLAIMED,                /* by a cookie; nobody could say */
    NGX_HTTP_SOPORTE_VERIFIED
} ngx_http_soporte_who_e;


typedef struct {
    ngx_http_soporte_who_e   who;
    ngx_str_t                user;           /* "" with NOBODY */
    ngx_str_t                email;          /* user, if it is an address */
} ngx_http_soporte_identity_t;


typedef ngx_int_t (*ngx_http_soporte_identity_pt)(ngx_http_request_t *r,
    void *data, const ngx_http_soporte_identity_t *identity);


/* once a worker; NULL: no memory */
ngx_http_soporte_known_t *ngx_http_soporte_identity_create(
    ngx_cycle_t *cycle);

/*
 * Calls then(), at once or when "soporte_identity" has answered, after a
 * second at most.  Returns what then() returned, or NGX_DONE: the caller
 * returns either from its content handler, or finalizes the request with it.
 */
ngx_int_t ngx_http_soporte_identity(ngx_http_request_t *r, void *data,
    ngx_http_soporte_identity_pt then);

/*
 * The session that a request belongs to, as a hash that leads nowhere without
 * the fleet's key.  NGX_DECLINED: it belongs to none; NGX_ERROR.
 */
ngx_int_t ngx_http_soporte_session(ngx_http_request_t *r,
    const ngx_str_t *tenant, u_char *hash);

/* body filter: what the subrequest is answered goes no further */
ngx_uint_t ngx_http_soporte_identity_asks(ngx_http_request_t *r);
ngx_int_t ngx_http_soporte_identity_body(ngx_http_request_t *r,
    ngx_chain_t *in);


#endif /* _NGX_HTTP_SOPORTE_IDENTITY_H_INCLUDED_ */
