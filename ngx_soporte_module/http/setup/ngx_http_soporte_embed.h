
/*
 * The files of conf/ that are part of the module: pages, messages, policy.
 */

#ifndef _NGX_HTTP_SOPORTE_EMBED_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_EMBED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* by its name below conf/: "politica.json", "pages/help.html"; NULL: none */
ngx_str_t *ngx_http_soporte_embedded(const char *name, size_t len);


#endif /* _NGX_HTTP_SOPORTE_EMBED_H_INCLUDED_ */
