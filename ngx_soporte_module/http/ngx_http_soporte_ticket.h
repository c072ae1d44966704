
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


#endif /* _NGX_HTTP_SOPORTE_TICKET_H_INCLUDED_ */
