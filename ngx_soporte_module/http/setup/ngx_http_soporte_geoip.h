
/*
 * soporte_geoip: where a client is, by its address.
 */

#ifndef _NGX_HTTP_SOPORTE_GEOIP_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_GEOIP_H_INCLUDED_


#include "ngx_http_soporte.h"


/* soporte_geoip FILE */
char *ngx_http_soporte_set_geoip(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* "$soporte_country", "$soporte_timezone" */
ngx_int_t ngx_http_soporte_add_geoip_variables(ngx_conf_t *cf);

/* once a worker: reads the database again when it changes */
ngx_int_t ngx_http_soporte_geoip_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/*
 * Of the client, as realip has it; copied into the request's pool, len 0 when
 * it is not known.  NGX_ERROR: memory.
 */
ngx_int_t ngx_http_soporte_geoip(ngx_http_request_t *r, ngx_str_t *country,
    ngx_str_t *zone);


/*
 * "geo" {"country", "timezone"} in a ticket's context, made if it is NULL;
 * nothing where nothing is known.  NGX_ERROR: memory.
 */
ngx_int_t ngx_http_soporte_geoip_context(ngx_http_request_t *r,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t **context);


#endif /* _NGX_HTTP_SOPORTE_GEOIP_H_INCLUDED_ */
