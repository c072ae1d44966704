
/*
 * What filing a ticket and looking at one have in common.
 */

#ifndef _NGX_HTTP_SOPORTE_TICKET_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_TICKET_H_INCLUDED_


#include "ngx_http_soporte_page.h"

#include "ngx_soporte_ticket.h"


/* when somebody will reply, in words; nothing is promised that isn't */
ngx_str_t ngx_http_soporte_reply_words(ngx_http_soporte_view_t *view,
    ngx_uint_t urgent, ngx_uint_t out_of_scope, int64_t due);

/* BASE/tickets/FOLIO, with ?clave=TOKEN unless token is NULL */
ngx_str_t ngx_http_soporte_ticket_path(ngx_pool_t *pool,
    const ngx_str_t *base, const ngx_str_t *folio, const ngx_str_t *token);

/* "https://HOST" of the request, len 0 if it has none */
ngx_str_t ngx_http_soporte_origin(ngx_http_request_t *r);


/* what is counted: NGX_HTTP_SOPORTE_TICKET_ */
void ngx_http_soporte_ticket_counted(ngx_http_request_t *r,
    ngx_uint_t result);

/* an error of the portal that is counted as a ticket refused */
ngx_int_t ngx_http_soporte_ticket_refuse(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_uint_t status);

/* 422 with all that is wrong, as problem+json */
ngx_int_t ngx_http_soporte_ticket_problem(ngx_http_request_t *r,
    ngx_http_soporte_view_t *view, const ngx_soporte_ticket_errors_t *errors);

/* ngx_http_soporte_task(), whose refusals are answered */
ngx_int_t ngx_http_soporte_ticket_task(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, void *data, void (*run)(void *data),
    ngx_int_t (*done)(ngx_http_request_t *r, void *data));


#endif /* _NGX_HTTP_SOPORTE_TICKET_H_INCLUDED_ */
