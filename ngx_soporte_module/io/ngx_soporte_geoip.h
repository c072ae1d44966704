
/*
 * Country and time zone of an address, by a MaxMind DB (libmaxminddb).
 *
 * The file is copied into memory that no one else can write to: what becomes
 * of it on disk, cut short by a careless copy say, is no SIGBUS of ours.
 */

#ifndef _NGX_SOPORTE_GEOIP_H_INCLUDED_
#define _NGX_SOPORTE_GEOIP_H_INCLUDED_


#include "ngx_soporte_core.h"

#include <sys/socket.h>


#define NGX_SOPORTE_GEOIP_MAX    (512 * 1024 * 1024)   /* bytes of a file */
#define NGX_SOPORTE_GEOIP_ERROR  256
#define NGX_SOPORTE_GEOIP_ZONE   64                    /* bytes of a name */


typedef struct ngx_soporte_geoip_s  ngx_soporte_geoip_t;


/* of one address; len 0: the database does not say */

typedef struct {
    u_char         country[2];               /* ISO 3166-1, upper case */
    size_t         country_len;
    u_char         zone[NGX_SOPORTE_GEOIP_ZONE];   /* "America/Tijuana" */
    size_t         zone_len;
} ngx_soporte_geoip_place_t;


/*
 * Blocks.  NULL: error (NGX_SOPORTE_GEOIP_ERROR bytes) says why; a file that
 * is cut short, or that knows no countries, is refused.
 */
ngx_soporte_geoip_t *ngx_soporte_geoip_open(const char *path, char *error);

void ngx_soporte_geoip_close(ngx_soporte_geoip_t *geo);

/* From memory, no system call.  AF_INET or AF_INET6, else nothing is found. */
void ngx_soporte_geoip_find(const ngx_soporte_geoip_t *geo,
    const struct sockaddr *sa, ngx_soporte_geoip_place_t *place);


#endif /* _NGX_SOPORTE_GEOIP_H_INCLUDED_ */
