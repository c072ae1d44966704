
/*
 * What the three files of the PostgreSQL client share.  Only they include this.
 */

#ifndef _NGX_SOPORTE_POSTGRES_CLIENT_H_INCLUDED_
#define _NGX_SOPORTE_POSTGRES_CLIENT_H_INCLUDED_


#include "ngx_soporte_postgres.h"

#include <libpq-fe.h>


#define NGX_SOPORTE_POSTGRES_PARAMS   16

/* object identifiers of the server's catalog, fixed for ever */

#define NGX_SOPORTE_POSTGRES_BYTEA    17
#define NGX_SOPORTE_POSTGRES_TEXT     25
#define NGX_SOPORTE_POSTGRES_TEXTS    1009     /* text[] */


/* one address to try */

typedef struct {
    const char                    *host;      /* name, for TLS; or directory */
    const char                    *hostaddr;  /* NULL: a unix socket */
    const char                    *port;
    const char                    *password;  /* NULL: none */
} ngx_soporte_postgres_host_t;


struct ngx_soporte_postgres_conf_s {
    ngx_soporte_postgres_host_t   *hosts;
    ngx_uint_t                     nhosts;

    /* what is the same for all of them */

    const char                   **keywords;
    const char                   **values;
    ngx_uint_t                     nparams;
};


/* libpq's own form of the parameters */

typedef struct {
    Oid                              types[NGX_SOPORTE_POSTGRES_PARAMS];
    const char                      *values[NGX_SOPORTE_POSTGRES_PARAMS];
    int                              lengths[NGX_SOPORTE_POSTGRES_PARAMS];
    int                              formats[NGX_SOPORTE_POSTGRES_PARAMS];
    int                              n;
} ngx_soporte_postgres_args_t;


/* always NGX_ERROR; the text is cut to one line that fits */

ngx_int_t ngx_soporte_postgres_fail(ngx_soporte_postgres_err_t *err,
    ngx_soporte_postgres_error_e code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ngx_soporte_postgres_call() with parameters in libpq's form */

ngx_int_t ngx_soporte_postgres_run(ngx_soporte_postgres_t *pg,
    const char *sql, ngx_soporte_postgres_args_t *args, ngx_msec_t timeout,
    ngx_soporte_postgres_row_pt row, void *data,
    ngx_soporte_postgres_err_t *err);


#endif /* _NGX_SOPORTE_POSTGRES_CLIENT_H_INCLUDED_ */
