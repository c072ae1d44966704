
/*
 * What the two files of the Redis client share.  Only they include this.
 */

#ifndef _NGX_SOPORTE_REDIS_CLIENT_H_INCLUDED_
#define _NGX_SOPORTE_REDIS_CLIENT_H_INCLUDED_


#include "ngx_soporte_redis.h"

#include <sys/socket.h>


#define NGX_SOPORTE_REDIS_ADDRS  8


typedef struct {
    struct sockaddr_storage        sockaddr;
    socklen_t                      socklen;
} ngx_soporte_redis_addr_t;


struct ngx_soporte_redis_conf_s {
    ngx_soporte_redis_addr_t       addrs[NGX_SOPORTE_REDIS_ADDRS];
    ngx_uint_t                     naddrs;
    ngx_str_t                      user;     /* len 0: none */
    ngx_str_t                      password;
    u_char                         db[8];    /* digits, zero terminated */
};


/* always NGX_ERROR; the text is cut to one line of ASCII that fits */

ngx_int_t ngx_soporte_redis_fail(ngx_soporte_redis_err_t *err,
    ngx_soporte_redis_error_e code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


#endif /* _NGX_SOPORTE_REDIS_CLIENT_H_INCLUDED_ */
