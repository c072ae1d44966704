
/*
 * The page of a person's own tickets, and of a lost link.
 */

#ifndef _NGX_HTTP_SOPORTE_MINE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_MINE_H_INCLUDED_


#include "ngx_http_soporte_ticket.h"


typedef struct {
    ngx_soporte_mem_t              mem;      /* of a pool of its own */
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_view_t        view;
    ngx_str_t                      tenant;
    ngx_str_t                      user;     /* verified, or "" */
    ngx_str_t                      email;    /* in the form */
    const char                    *error;    /* code, NULL: none */
} ngx_http_soporte_mine_t;


/* m is zeroed; NGX_ERROR: memory */
ngx_int_t ngx_http_soporte_mine_init(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_mine_t *m);

/* list: what soporte.tickets_of_user() gave, NULL: nobody could tell */
ngx_int_t ngx_http_soporte_mine_page(ngx_http_request_t *r,
    ngx_http_soporte_mine_t *m, ngx_soporte_value_t *list);


#endif /* _NGX_HTTP_SOPORTE_MINE_H_INCLUDED_ */
