
/*
 * Detected incidents on the board: what detection knows of a tenant, as a
 * notice that all nodes and PostgreSQL hear of.
 */

#ifndef _NGX_HTTP_SOPORTE_INCIDENT_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_INCIDENT_H_INCLUDED_


#include "ngx_http_soporte.h"


/*
 * Makes the board say what detection says: opens the tenant's incident, gives
 * its new status, cause or parent, closes it.  The leader, as often as it
 * likes; what could not be said now is said the next time.
 */
void ngx_http_soporte_incident_visit(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_tenant_t *tenant);


/*
 * Ends one that another node told of, too: over as it began, with a word that
 * names the elder.  Only changes the copy.
 */
void ngx_http_soporte_incident_duplicate(ngx_soporte_notice_t *notice,
    const ngx_soporte_notice_t *elder);


#endif /* _NGX_HTTP_SOPORTE_INCIDENT_H_INCLUDED_ */
