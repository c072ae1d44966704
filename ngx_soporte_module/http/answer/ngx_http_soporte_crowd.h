
/*
 * Who waits before a tenant that does not answer, as this worker sees it: how
 * many pages look for news, and which request may try the application.
 */

#ifndef _NGX_HTTP_SOPORTE_CROWD_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_CROWD_H_INCLUDED_


#include "ngx_http_soporte.h"


/* a page was served in the tenant's stead, or looked for news */
void ngx_http_soporte_crowd_waits(uint32_t slot);

/*
 * Over how many seconds those who wait are to come back, so that at most some
 * 50 do in one: 5 to 120.
 */
ngx_uint_t ngx_http_soporte_crowd_spread(uint32_t slot);

/* 1 once a second: this request tries whether the application answers */
ngx_uint_t ngx_http_soporte_crowd_tries(uint32_t slot);


#endif /* _NGX_HTTP_SOPORTE_CROWD_H_INCLUDED_ */
