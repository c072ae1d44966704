
/*
 * How a tenant is watched: what soporte_detect, soporte_probe and
 * soporte_log_level say of it, collected for the leader.
 */

#ifndef _NGX_HTTP_SOPORTE_PROFILE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PROFILE_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_detect.h"


#define NGX_HTTP_SOPORTE_PING       "/api/method/ping"   /* of every Frappe */
#define NGX_HTTP_SOPORTE_PROBE_URI  2048     /* bytes, placeholders filled */
#define NGX_HTTP_SOPORTE_PROBE_HOST 256


/* soporte_probe; uri and host with their placeholders */

struct ngx_http_soporte_probe_conf_s {
    ngx_addr_t                     *addrs;
    ngx_uint_t                      naddrs;
    ngx_str_t                       url;
    ngx_str_t                       uri;
    ngx_str_t                       host;
    ngx_msec_t                      interval;     /* 0: as the rules say */
    ngx_msec_t                      timeout;
    ngx_uint_t                      off;
    ngx_http_soporte_place_t        place;
};


struct ngx_http_soporte_profile_s {
    ngx_http_soporte_probe_conf_t  *probe;        /* NULL: none */
    ngx_soporte_detect_conf_t       detect;
    ngx_http_soporte_place_t        place;        /* of soporte_detect */
    ngx_uint_t                      level;        /* of the log */
    ngx_str_t                       host;         /* the server's, or none */
    uint16_t                        id;           /* by what it says, not 0 */
};


/* handlers of directives */

char *ngx_http_soporte_set_detect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_probe(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

extern ngx_conf_bitmask_t  ngx_http_soporte_failures[];
extern ngx_conf_enum_t     ngx_http_soporte_levels[];

void ngx_http_soporte_profile_create_srv(ngx_http_soporte_srv_conf_t *conf);
void ngx_http_soporte_profile_merge_srv(ngx_http_soporte_srv_conf_t *prev,
    ngx_http_soporte_srv_conf_t *conf);

/* of a location whose tenant is merged; logs file and line of a conflict */
ngx_int_t ngx_http_soporte_profile_merge(ngx_conf_t *cf,
    ngx_http_soporte_loc_conf_t *prev, ngx_http_soporte_loc_conf_t *conf);

/* one of a tenant by a variable, to be found by its id */
ngx_int_t ngx_http_soporte_profile_put(ngx_http_soporte_main_conf_t *smcf,
    ngx_http_soporte_profile_t *profile);

/* warns of tenants that nobody probes */
void ngx_http_soporte_profile_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* what nothing is said of is watched by */
const ngx_http_soporte_profile_t *ngx_http_soporte_profile_default(void);

/*
 * Fills "{tenant}" and "{host}" in.  Returns the end, or NULL if it takes more
 * than max bytes.
 */
u_char *ngx_http_soporte_profile_fill(u_char *dst, size_t max,
    const ngx_str_t *text, const ngx_str_t *tenant, const ngx_str_t *host);


#endif /* _NGX_HTTP_SOPORTE_PROFILE_H_INCLUDED_ */
