
/*
 * The operators' API in two halves: the paths and what is read by them, and
 * the words that are given.
 */

#ifndef _NGX_HTTP_SOPORTE_CONTROL_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_CONTROL_H_INCLUDED_


#include "ngx_http_soporte.h"


/* what a path names: /v1/tenants/{key}[/{verb}[/{id}]] */

typedef struct {
    uint32_t                   tenant;       /* slot, or NGX_SOPORTE_ALL */
    ngx_str_t                  key;
    ngx_str_t                  verb;         /* len 0: none */
    ngx_str_t                  item;         /* len 0: none */
    u_char                     id[NGX_SOPORTE_ID_LEN];   /* of the item */
} ngx_http_soporte_resource_t;


#define ngx_http_soporte_is(s, literal)                                       \
    ((s)->len == sizeof(literal) - 1                                          \
     && ngx_strncmp((s)->data, literal, sizeof(literal) - 1) == 0)


/* finds the target in the request's path; NGX_DECLINED: there is none */
ngx_int_t ngx_http_soporte_control_target(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);

/*
 * Gives the word that method and target ask for; NGX_DECLINED when the
 * target has no such verb, or the verb no such method.  Else as a content
 * handler.
 */
ngx_int_t ngx_http_soporte_control_say(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);

/* 200 with the tenant, 204 for all */
ngx_int_t ngx_http_soporte_control_show(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);

/*
 * 200 with all tenants, or those of ?state=, streamed; head is an object in
 * the request's pool, its last member the empty list that they go into.
 */
ngx_int_t ngx_http_soporte_control_tenants(ngx_http_request_t *r,
    const ngx_soporte_value_t *head);

/* a backup that ended, from the body of a POST */
ngx_int_t ngx_http_soporte_control_backup(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root);

/* why the tenant's state is what it is */
ngx_int_t ngx_http_soporte_control_why(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);

/* "maintenance of "acme" was set by uid 0" */
void ngx_http_soporte_control_log(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const char *what);

/* detail and allow (may be NULL) are literals or of the request's pool */
ngx_int_t ngx_http_soporte_control_problem(ngx_http_request_t *r,
    ngx_uint_t status, const char *detail, const char *allow);


#endif /* _NGX_HTTP_SOPORTE_CONTROL_H_INCLUDED_ */
