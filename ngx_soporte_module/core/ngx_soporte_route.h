
/*
 * Where in ERPNext a path leads, without the name of any document: what a
 * support desk needs to know of a request, and no more.  Pure and reentrant.
 */

#ifndef _NGX_SOPORTE_ROUTE_H_INCLUDED_
#define _NGX_SOPORTE_ROUTE_H_INCLUDED_


#include "ngx_soporte_core.h"


/*
 * Cuts a decoded path behind the doctype ("/app/sales-invoice",
 * "/api/resource/Sales Invoice") or behind the method; of a path that Frappe
 * does not know so the first segment is left.  What is no UTF-8 becomes "?",
 * controls and bidirectional marks go.  At most "size" bytes at dst, no NUL;
 * returns their number.  dst must not be src.
 */
size_t ngx_soporte_route(u_char *dst, size_t size, const u_char *src,
    size_t len);


#endif /* _NGX_SOPORTE_ROUTE_H_INCLUDED_ */
