
/*
 * The zones that visitors may be in, so that a page can say an instant in
 * theirs, too.
 */

#ifndef _NGX_HTTP_SOPORTE_ABROAD_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_ABROAD_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_zoneinfo.h"


/*
 * Reads the zones that tzdata lists, where there is a soporte_geoip; those
 * that can't be read are left out.  NGX_ERROR: memory.
 */
ngx_int_t ngx_http_soporte_abroad_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* the client's zone, with its name; NULL: it is not known */
const ngx_soporte_zoneinfo_t *ngx_http_soporte_abroad(ngx_http_request_t *r,
    ngx_str_t *name);


#endif /* _NGX_HTTP_SOPORTE_ABROAD_H_INCLUDED_ */
