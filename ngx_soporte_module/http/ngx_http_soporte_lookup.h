
/*
 * Finding a ticket again: in the node's spool, else in PostgreSQL.
 */

#ifndef _NGX_HTTP_SOPORTE_LOOKUP_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_LOOKUP_H_INCLUDED_


#include "ngx_http_soporte.h"


/* once a worker; NULL: no memory */
ngx_http_soporte_lookup_t *ngx_http_soporte_lookup_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);
void ngx_http_soporte_lookup_close(ngx_http_soporte_lookup_t *lookup);

/*
 * In a thread.  NGX_OK: *json is the ticket's document, *spooled says whence;
 * NGX_DECLINED: no such ticket; NGX_ERROR: nobody can tell now.
 */
ngx_int_t ngx_http_soporte_lookup(ngx_http_soporte_lookup_t *lookup,
    ngx_soporte_mem_t *mem, const ngx_str_t *tenant, const u_char *id,
    ngx_str_t *json, ngx_uint_t *spooled);


#endif /* _NGX_HTTP_SOPORTE_LOOKUP_H_INCLUDED_ */
