
/*
 * Directives, and the steps from a configuration read to one in force.
 */

#ifndef _NGX_HTTP_SOPORTE_CONF_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_CONF_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_hours.h"


/* handlers of directives, see README.md */

char *ngx_http_soporte_set_maintenance(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_node(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_postgres(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_policy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_tenant(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_hours(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_page(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_portal(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_portal_location(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_soporte_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_soporte_set_control(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* the line being read */
void ngx_http_soporte_conf_place(ngx_conf_t *cf,
    ngx_http_soporte_place_t *place);

/*
 * A whole file of at most max bytes into cf->pool; path is null-terminated.
 * NGX_ERROR: *error says why, in words fit for "nginx -t".
 */
ngx_int_t ngx_http_soporte_conf_read(ngx_conf_t *cf, ngx_str_t *path,
    size_t max, ngx_str_t *bytes, ngx_str_t *error);

/* pages, messages and calendar of the module itself; before the first line */
ngx_int_t ngx_http_soporte_conf_builtin(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* a page from a file, or built in (path NULL); load.c */
ngx_http_soporte_page_t *ngx_http_soporte_conf_page(ngx_conf_t *cf,
    ngx_http_soporte_kind_e kind, ngx_str_t *path);
ngx_int_t ngx_http_soporte_conf_kind(ngx_str_t *name);

/* reads a JSON file or built-in text; an error is logged, with its place */
ngx_soporte_value_t *ngx_http_soporte_conf_json(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *text);

/* the policy of a level: parent's (NULL: built in) with its patch */
ngx_int_t ngx_http_soporte_conf_policy(ngx_conf_t *cf,
    ngx_http_soporte_srv_conf_t *parent, ngx_http_soporte_srv_conf_t *conf);

/* the policy's tree for pages, in mem; NULL: memory refused; policy.c */
ngx_soporte_value_t *ngx_http_soporte_policy_view(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *tree, const ngx_soporte_policy_t *policy);

/* raises the limits of a portal's location to what a ticket needs */
void ngx_http_soporte_conf_portal_limits(ngx_http_core_loc_conf_t *clcf);

/* what only the whole configuration shows; logs file and line */
ngx_int_t ngx_http_soporte_conf_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* warns of a control API that everybody reaches, with file and line; guard.c */
void ngx_http_soporte_guard_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* makes its sockets 0660, of their directory's group; master */
void ngx_http_soporte_guard_commit(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/*
 * " by uid N" of whoever is at the other end of a unix socket, else nothing;
 * NGX_HTTP_SOPORTE_PEER bytes.
 */
u_char *ngx_http_soporte_guard_peer(ngx_http_request_t *r, u_char *p);

#define NGX_HTTP_SOPORTE_PEER  (sizeof(" by uid ") - 1 + NGX_INT32_LEN)

/* prepares memory, directories and key, but for "nginx -t"; may fail */
ngx_int_t ngx_http_soporte_conf_open(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* the configuration is in force */
ngx_int_t ngx_http_soporte_conf_commit(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);


#endif /* _NGX_HTTP_SOPORTE_CONF_H_INCLUDED_ */
