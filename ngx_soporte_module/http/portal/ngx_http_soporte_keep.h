
/*
 * Keeps what a customer sent: in the spool, else in PostgreSQL, and the first
 * answer again for what was kept before.
 */

#ifndef _NGX_HTTP_SOPORTE_KEEP_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_KEEP_H_INCLUDED_


#include "ngx_http_soporte.h"


typedef enum {
    NGX_HTTP_SOPORTE_KEPT = 0,               /* durable now */
    NGX_HTTP_SOPORTE_KEPT_BEFORE,            /* the same, by an earlier one */
    NGX_HTTP_SOPORTE_KEPT_OTHER,             /* the key has another body */
    NGX_HTTP_SOPORTE_KEPT_BUSY,              /* the first is still under way */
    NGX_HTTP_SOPORTE_KEPT_NOT                /* nothing can hold it */
} ngx_http_soporte_kept_e;


typedef struct {
    ngx_http_soporte_main_conf_t    *smcf;
    ngx_soporte_mem_t                mem;    /* of a pool of the task's own */
    ngx_str_t                        tenant;
    const u_char                    *id;
    const u_char                    *sha256; /* of the body */
    ngx_uint_t                       keyed;  /* the id may be there already */
    ngx_uint_t                       notify; /* somebody is to be told */
    ngx_str_t                        json;
    ngx_soporte_spool_file_t        *files;
    ngx_uint_t                       nfiles;

    /* what came of it */

    ngx_http_soporte_kept_e          result;
    ngx_uint_t                       direct; /* PostgreSQL took it, no disk */
    int64_t                          filed_at;       /* s, of the first */
    int64_t                          reply_due;      /* s, 0: null */
    ngx_soporte_spool_err_t          err;    /* with direct or KEPT_NOT */
} ngx_http_soporte_keep_t;


/* in a thread; waits at most for soporte_postgres' timeout, besides the disk */
void ngx_http_soporte_keep(ngx_http_soporte_keep_t *k);

/*
 * In the event loop: wakes the leader for what was kept, logs what the disk
 * did not take.
 */
void ngx_http_soporte_keep_report(ngx_http_soporte_keep_t *k,
    ngx_log_t *log);


#endif /* _NGX_HTTP_SOPORTE_KEEP_H_INCLUDED_ */
