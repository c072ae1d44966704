
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

/*
 * In a thread: the one value that a statement gives.  NGX_DECLINED: NULL, or
 * no row; NGX_ERROR: nobody can tell now.
 */
ngx_int_t ngx_http_soporte_lookup_value(ngx_http_soporte_lookup_t *lookup,
    ngx_soporte_mem_t *mem, const char *sql,
    const ngx_soporte_postgres_param_t *params, ngx_uint_t nparams,
    ngx_str_t *value);

/*
 * In a thread: the worker's connection, for the caller alone until it is
 * returned.  NULL: not to be had within "wait" ms, or PostgreSQL is away.
 * "failed" keeps all from asking for a moment whose matter is not urgent.
 */
ngx_soporte_postgres_t *ngx_http_soporte_lookup_borrow(
    ngx_http_soporte_lookup_t *lookup, ngx_msec_t wait, ngx_uint_t urgent);
void ngx_http_soporte_lookup_return(ngx_http_soporte_lookup_t *lookup,
    ngx_uint_t failed);


#endif /* _NGX_HTTP_SOPORTE_LOOKUP_H_INCLUDED_ */
