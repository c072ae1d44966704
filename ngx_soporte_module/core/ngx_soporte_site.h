
/*
 * A bench's site: the domains in its site_config.json, and nothing else of
 * it, since the file holds passwords.
 */

#ifndef _NGX_SOPORTE_SITE_H_INCLUDED_
#define _NGX_SOPORTE_SITE_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_SITE_HOST   253           /* bytes of a name, RFC 1035 */
#define NGX_SOPORTE_SITE_DEPTH  64            /* levels of the file */


/* NGX_ERROR ends the reading */
typedef ngx_int_t (*ngx_soporte_site_host_pt)(void *data, const u_char *host,
    size_t len);


/*
 * Calls host() with each of "domains" at the top of the JSON object, which are
 * strings or objects with a string "domain" (bench: config/site_config.py),
 * in lower case; what is no name of a host is left out.  Nothing is copied
 * but these names, nothing is kept.  NGX_OK; NGX_DECLINED if this is no JSON
 * object, host() may have been called then; NGX_ERROR as host() said.
 */
ngx_int_t ngx_soporte_site_domains(const u_char *text, size_t len,
    ngx_soporte_site_host_pt host, void *data);

/*
 * A host as nginx has it, in lower case, into dst (NGX_SOPORTE_SITE_HOST
 * bytes): letters, digits, "-", "_", ".".  NGX_DECLINED when it is none.
 */
ngx_int_t ngx_soporte_site_host(u_char *dst, const u_char *name, size_t len);


#endif /* _NGX_SOPORTE_SITE_H_INCLUDED_ */
