
/*
 * Redis, driven within a thread: hiredis writes commands and reads replies,
 * the socket is ours.  Every wait is a poll() of at most 200 ms, with a
 * deadline and a look at the exit flags.
 *
 * A handle belongs to one task at a time and never reconnects by itself.
 * Whatever is not an answer to what was asked (garbage, one reply too many, a
 * length that nobody can mean, silence) ends the connection with RETRY, and
 * the caller connects again after backoff().  RESP2, Redis 5 or later, no
 * cluster.
 */

#ifndef _NGX_SOPORTE_REDIS_H_INCLUDED_
#define _NGX_SOPORTE_REDIS_H_INCLUDED_


#include "ngx_soporte_core.h"

#include <signal.h>


#define NGX_SOPORTE_REDIS_ARGS   24          /* words of a command */
#define NGX_SOPORTE_REDIS_REPLY  (64 * 1024 * 1024)  /* bytes of one call's */
#define NGX_SOPORTE_REDIS_ITEMS  1000000             /* ... and its elements */


typedef enum {
    NGX_SOPORTE_REDIS_NO_ERROR = 0,
    NGX_SOPORTE_REDIS_INVALID,        /* configuration: err->text says what */
    NGX_SOPORTE_REDIS_RETRY,          /* later, for ever: connection, timeout,
                                         loading, read-only, no reply of its */
    NGX_SOPORTE_REDIS_STOP,           /* password, rights, a cluster: an
                                         operator must act */
    NGX_SOPORTE_REDIS_STOPPED         /* an exit flag was seen */
} ngx_soporte_redis_error_e;


/* "text" may go to the log: one line, never a password or a value */

typedef struct {
    ngx_soporte_redis_error_e      code;
    char                           text[160];
} ngx_soporte_redis_err_t;


typedef struct ngx_soporte_redis_conf_s  ngx_soporte_redis_conf_t;
typedef struct ngx_soporte_redis_s  ngx_soporte_redis_t;


typedef struct {
    ngx_uint_t                     n;
    ngx_str_t                      args[NGX_SOPORTE_REDIS_ARGS];
} ngx_soporte_redis_command_t;


typedef enum {
    NGX_SOPORTE_REDIS_NIL = 0,
    NGX_SOPORTE_REDIS_INTEGER,               /* num */
    NGX_SOPORTE_REDIS_STRING,                /* str, zero terminated too */
    NGX_SOPORTE_REDIS_STATUS,                /* str */
    NGX_SOPORTE_REDIS_ERROR,                 /* str */
    NGX_SOPORTE_REDIS_ARRAY                  /* n items */
} ngx_soporte_redis_type_e;


typedef struct ngx_soporte_redis_reply_s  ngx_soporte_redis_reply_t;

struct ngx_soporte_redis_reply_s {
    ngx_soporte_redis_type_e       type;
    ngx_uint_t                     n;
    int64_t                        num;
    ngx_str_t                      str;
    ngx_soporte_redis_reply_t     *items;
};


/*
 * Parses at configuration time
 *
 *     redis://[[user]:password@]host[:port][/db]
 *     unix:[[user]:password@]/path[?db=N]
 *
 * with percent signs as in any URL; password_file may be NULL, else its first
 * line is the password, and the file must not be open to group or others.
 * Names are resolved here; may block.  Allocates from mem, which must outlive
 * every handle.  NULL: err (INVALID) says why.  Otherwise err->text may hold a
 * warning, with NO_ERROR.
 */

ngx_soporte_redis_conf_t *ngx_soporte_redis_url(ngx_soporte_mem_t *mem,
    const char *url, const char *password_file, ngx_soporte_redis_err_t *err);

/* a handle without a connection; stop: each flag may be NULL.  NULL: memory */

ngx_soporte_redis_t *ngx_soporte_redis_open(ngx_soporte_redis_conf_t *conf,
    volatile sig_atomic_t *stop[2]);
void ngx_soporte_redis_close(ngx_soporte_redis_t *redis);

void ngx_soporte_redis_disconnect(ngx_soporte_redis_t *redis);

/* 1 while there is a connection, as far as is known */

ngx_uint_t ngx_soporte_redis_connected(ngx_soporte_redis_t *redis);

/*
 * Connects if there is no connection, or if it broke while nobody looked:
 * addresses in turn, password, db, and a PING that a server which is still
 * loading refuses.  All within timeout ms.  RETRY, STOP or STOPPED.
 */

ngx_int_t ngx_soporte_redis_connect(ngx_soporte_redis_t *redis,
    ngx_msec_t timeout, ngx_soporte_redis_err_t *err);

/*
 * Sends n commands at once and reads their n replies, within timeout ms for
 * all of it.  Replies are mem's.  NGX_OK: all are there; what Redis refused is
 * an ERROR among them, see ngx_soporte_redis_refused().  NGX_ERROR: the
 * connection is closed, and what was sent may have been done.
 */

ngx_int_t ngx_soporte_redis_call(ngx_soporte_redis_t *redis,
    ngx_soporte_mem_t *mem, const ngx_soporte_redis_command_t *commands,
    ngx_uint_t n, ngx_msec_t timeout, ngx_soporte_redis_reply_t *replies,
    ngx_soporte_redis_err_t *err);

/*
 * Is the reply an error?  Then err tells of it (its first word alone), and
 * the connection is closed: after a failover the address may be another
 * server's.
 */

ngx_uint_t ngx_soporte_redis_refused(ngx_soporte_redis_t *redis,
    const ngx_soporte_redis_reply_t *reply, ngx_soporte_redis_err_t *err);

/*
 * ms to wait after so many failures in a row: 0 after none, then doubling from
 * 100 ms to 1 s, since a node that stands alone misses words; somewhere
 * between the half and the whole of that by "random".  Pure.
 */

ngx_msec_t ngx_soporte_redis_backoff(ngx_uint_t failures, uint32_t random);


#endif /* _NGX_SOPORTE_REDIS_H_INCLUDED_ */
