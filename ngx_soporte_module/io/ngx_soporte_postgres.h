
/*
 * PostgreSQL by libpq, driven within a thread: every wait is a poll() of at
 * most 200 ms, with a deadline and a look at the exit flags.
 *
 * A handle belongs to one task at a time and never reconnects by itself: the
 * caller keeps the count of failures and asks backoff() how long to wait.
 * After NGX_ERROR with RETRY the connection may be gone; connect() again, it
 * does nothing when the connection still lives.  A COMMIT whose answer did not
 * come is "unknown": send the same again, the primary key deduplicates.
 */

#ifndef _NGX_SOPORTE_POSTGRES_H_INCLUDED_
#define _NGX_SOPORTE_POSTGRES_H_INCLUDED_


#include "ngx_soporte_core.h"

#include <signal.h>


/* bytes of an attachment that go in one statement */

#define NGX_SOPORTE_POSTGRES_PART     (256 * 1024)


typedef enum {
    NGX_SOPORTE_POSTGRES_NO_ERROR = 0,
    NGX_SOPORTE_POSTGRES_INVALID,     /* configuration: err->text says what */
    NGX_SOPORTE_POSTGRES_RETRY,       /* later, for ever: connection, timeout,
                                         load, shutdown, unknown */
    NGX_SOPORTE_POSTGRES_DATA,        /* these values will never do */
    NGX_SOPORTE_POSTGRES_STOP,        /* rights, schema, password: an operator
                                         must act; nothing is poison */
    NGX_SOPORTE_POSTGRES_STOPPED      /* an exit flag was seen */
} ngx_soporte_postgres_error_e;


/*
 * "text" may go to the log: never a password, never a conninfo, and for DATA
 * no word of a value, only SQLSTATE and names of constraints.
 */

typedef struct {
    ngx_soporte_postgres_error_e   code;
    char                           sqlstate[6];    /* "" without a server */
    char                           text[256];
} ngx_soporte_postgres_err_t;


typedef struct ngx_soporte_postgres_conf_s  ngx_soporte_postgres_conf_t;
typedef struct ngx_soporte_postgres_s  ngx_soporte_postgres_t;


/* text is UTF-8 and goes with its length; data NULL is SQL's NULL */

typedef struct {
    ngx_str_t                      value;
    ngx_uint_t                     bytea;          /* bytes, not text */
} ngx_soporte_postgres_param_t;


/*
 * Called for each row of a result.  The columns are libpq's, valid during the
 * call, zero terminated; data NULL is SQL's NULL.  Not NGX_OK ends the call
 * with STOP: an answer that is not understood.
 */

typedef ngx_int_t (*ngx_soporte_postgres_row_pt)(void *data, ngx_uint_t row,
    const ngx_str_t *columns, ngx_uint_t ncolumns);


typedef enum {
    NGX_SOPORTE_POSTGRES_UNSENT = 0,  /* no answer yet: stays in the spool */
    NGX_SOPORTE_POSTGRES_NEW,
    NGX_SOPORTE_POSTGRES_DUP,         /* stored before, the same body */
    NGX_SOPORTE_POSTGRES_BAD          /* refused: "reason" says why */
} ngx_soporte_postgres_result_e;


typedef struct {
    ngx_str_t                      json;           /* one object, UTF-8 */
    ngx_soporte_postgres_result_e  result;
    char                           reason[16];     /* SQLSTATE, "conflict" */
} ngx_soporte_postgres_row_t;


/*
 * Parses a conninfo at configuration time; may block (names, files), and
 * allocates from mem, which must outlive every handle.  A service is read
 * from its file, the password from the passfile, here and now, so that both
 * may be readable by the master alone; either file open to group or others is
 * refused.  Each address of each host becomes one candidate, in their order.
 * Forced: client_encoding UTF8, gssencmode off, no file of anybody's home
 * but a root.crt.  Defaults: user soporte_nginx, dbname soporte,
 * application_name soporte, host /var/run/postgresql, port 5432, sslmode
 * prefer.  NULL: err (INVALID) says why.  Otherwise err->text may hold a
 * warning, with NO_ERROR.
 */

ngx_soporte_postgres_conf_t *ngx_soporte_postgres_conninfo(
    ngx_soporte_mem_t *mem, const char *conninfo,
    ngx_soporte_postgres_err_t *err);

/* a handle without a connection; stop: each flag may be NULL.  NULL: memory */

ngx_soporte_postgres_t *ngx_soporte_postgres_open(
    ngx_soporte_postgres_conf_t *conf, volatile sig_atomic_t *stop[2]);
void ngx_soporte_postgres_close(ngx_soporte_postgres_t *pg);

/*
 * Connects if there is no connection, within timeout ms that the candidates
 * share; begins with the one that answered last.  target_session_attrs and
 * TLS are libpq's.  RETRY, STOP (password, role, database) or STOPPED.
 */

ngx_int_t ngx_soporte_postgres_connect(ngx_soporte_postgres_t *pg,
    ngx_msec_t timeout, ngx_soporte_postgres_err_t *err);

/*
 * Runs one statement with its parameters, within timeout ms.  row may be NULL.
 * A timeout closes the connection: the statement's fate is unknown.
 */

ngx_int_t ngx_soporte_postgres_call(ngx_soporte_postgres_t *pg,
    const char *sql, const ngx_soporte_postgres_param_t *params,
    ngx_uint_t nparams, ngx_msec_t timeout, ngx_soporte_postgres_row_pt row,
    void *data, ngx_soporte_postgres_err_t *err);

/*
 * The same for a statement that gives one value: copied to mem, data NULL if
 * it is SQL's NULL or if there was no row.
 */

ngx_int_t ngx_soporte_postgres_value(ngx_soporte_postgres_t *pg,
    ngx_soporte_mem_t *mem, const char *sql,
    const ngx_soporte_postgres_param_t *params, ngx_uint_t nparams,
    ngx_msec_t timeout, ngx_str_t *value, ngx_soporte_postgres_err_t *err);

/*
 * Delivers a batch by soporte.file_tickets(jsonb).  NGX_OK: every row has a
 * result.  NGX_ERROR: rows may be UNSENT, err is RETRY, STOP or STOPPED.  A
 * value that fails a whole batch is looked for by halving it; DATA is never
 * returned.  timeout is for one exchange.
 */

ngx_int_t ngx_soporte_postgres_file_tickets(ngx_soporte_postgres_t *pg,
    ngx_soporte_postgres_row_t *rows, ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_postgres_err_t *err);

/*
 * Stores a part of an attachment, "content" from "at" on, of "size" bytes in
 * all; json is what was filed (a ticket or a message), name the server's for
 * the file.  *next is the byte to go on with: "size" when the whole is stored,
 * and then its SHA-256 is what json said.  Parts that are there already are
 * skipped, so a repeat from 0 is harmless and tells where to go on.  DATA:
 * never to be stored.
 */

ngx_int_t ngx_soporte_postgres_attach_part(ngx_soporte_postgres_t *pg,
    const ngx_str_t *json, const char *name, uint64_t size, uint64_t at,
    const ngx_str_t *content, ngx_msec_t timeout, uint64_t *next,
    ngx_soporte_postgres_err_t *err);

/* the same for a whole file in memory, timeout for each part of it */

ngx_int_t ngx_soporte_postgres_attach(ngx_soporte_postgres_t *pg,
    const ngx_str_t *json, const char *name, const ngx_str_t *content,
    ngx_msec_t timeout, ngx_soporte_postgres_err_t *err);

/*
 * ms to wait after so many failures in a row: 0 after none, then doubling from
 * 200 ms to 30 s, and somewhere between the half and the whole of that by
 * "random".  Pure.
 */

ngx_msec_t ngx_soporte_postgres_backoff(ngx_uint_t failures, uint32_t random);


#endif /* _NGX_SOPORTE_POSTGRES_H_INCLUDED_ */
