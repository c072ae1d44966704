
/*
 * The spool: a directory per ticket, durable before the customer reads a
 * folio, and kept until PostgreSQL has it.
 *
 *     PATH/spool/tmp/       being written, swept when older than a minute;
 *                           "done.*" is delivered, and on its way out
 *     PATH/spool/new/       durable, waits for delivery
 *     PATH/spool/sending/   claimed by the node's leader
 *     PATH/spool/dead/      refused by the database, "reason" beside it
 *     PATH/spool/notify/    hard links of ticket.json for "soporte notify"
 *
 * Everything here blocks and belongs into a thread.  put(), find() and read()
 * may run in many threads of many processes at once; claim(), done(), dead(),
 * back(), sweep() and stat() in one task at a time of a process.  Two
 * processes that both think they lead do no harm: rename() lets one win, and
 * what is delivered twice meets the same primary key.
 *
 * An id is the 16 bytes of a UUID made by the server; names on disk are its
 * lower-case text, so nothing from outside ever becomes a name.
 */

#ifndef _NGX_SOPORTE_SPOOL_H_INCLUDED_
#define _NGX_SOPORTE_SPOOL_H_INCLUDED_


#include "ngx_soporte_core.h"

#include <signal.h>


/* the longest ticket.json, and the most files beside it */

#define NGX_SOPORTE_SPOOL_JSON_MAX   (1024 * 1024)
#define NGX_SOPORTE_SPOOL_FILES_MAX  16
#define NGX_SOPORTE_SPOOL_NAME_MAX   63


typedef enum {
    NGX_SOPORTE_SPOOL_NO_ERROR = 0,
    NGX_SOPORTE_SPOOL_INVALID,        /* a wrong argument: a defect */
    NGX_SOPORTE_SPOOL_FULL,           /* over max_size, nothing was written */
    NGX_SOPORTE_SPOOL_NO_SPACE,       /* ENOSPC, EDQUOT, EFBIG */
    NGX_SOPORTE_SPOOL_IO,             /* EIO and what else a disk may say */
    NGX_SOPORTE_SPOOL_DENIED,         /* rights, owner, a link in the way */
    NGX_SOPORTE_SPOOL_RESOURCE,       /* memory, descriptors: the process' */
    NGX_SOPORTE_SPOOL_STOPPED         /* an exit flag was seen */
} ngx_soporte_spool_error_e;


/* "text" names the call and the place, never what a ticket says */

typedef struct {
    ngx_soporte_spool_error_e    code;
    int                          sys;          /* errno, 0: none */
    char                         text[160];
} ngx_soporte_spool_err_t;


typedef enum {
    NGX_SOPORTE_SPOOL_TMP = 0,
    NGX_SOPORTE_SPOOL_NEW,
    NGX_SOPORTE_SPOOL_SENDING,
    NGX_SOPORTE_SPOOL_DEAD,
    NGX_SOPORTE_SPOOL_NOTIFY,
    NGX_SOPORTE_SPOOL_DIRS
} ngx_soporte_spool_dir_e;


typedef struct ngx_soporte_spool_s  ngx_soporte_spool_t;


typedef struct {
    const char                  *path;         /* soporte_path */
    uint64_t                     max_size;     /* bytes, 0: no budget */

    /*
     * Bytes held by all processes of the node, in shared memory; NULL: no
     * budget.  put() adds, done() and sweep() subtract; whoever becomes the
     * leader stores what stat() weighed.
     */

    ngx_atomic_t                *used;

    /*
     * [0] graceful exit, [1] fast exit; each may be NULL.  put() hears [1]
     * only: a graceful exit still answers the customers that wait.
     */

    volatile sig_atomic_t       *stop[2];
} ngx_soporte_spool_conf_t;


/* an attachment: "len" bytes at "data", or at "offset" of "fd" if no data */

typedef struct {
    const char                  *name;         /* [a-z0-9._-]{1,63} */
    u_char                      *data;
    size_t                       len;
    int                          fd;
    off_t                        offset;
} ngx_soporte_spool_file_t;


typedef struct {
    char                         name[NGX_SOPORTE_SPOOL_NAME_MAX + 1];
    size_t                       len;
} ngx_soporte_spool_name_t;


typedef struct {
    u_char                       id[16];
    ngx_str_t                    json;
    ngx_soporte_spool_name_t    *files;        /* attachments, by name */
    ngx_uint_t                   nfiles;
} ngx_soporte_spool_ticket_t;


typedef struct {
    ngx_soporte_spool_ticket_t  *tickets;
    ngx_uint_t                   n;
    size_t                       bytes;        /* of their ticket.json */
    ngx_uint_t                   nold;         /* the first nold were found
                                                  claimed already */
    ngx_uint_t                   more;         /* delivered ones are still to
                                                  be removed: claim again */
    ngx_uint_t                   ndead;        /* unreadable, moved to dead/ */
    ngx_soporte_spool_err_t      dead;         /* why, of the last of them */
} ngx_soporte_spool_batch_t;


typedef struct {
    u_char                       id[16];
    ngx_str_t                    json;
} ngx_soporte_spool_doc_t;


typedef struct {
    ngx_uint_t                   count[NGX_SOPORTE_SPOOL_DIRS];
    uint64_t                     bytes;        /* what the budget counts */
    uint64_t                     oldest;       /* ms since the epoch of the
                                                  oldest in new/ and sending/,
                                                  0: none */
    ngx_uint_t                   more;         /* the limit was reached, all
                                                  figures are lower bounds */
    uint64_t                     puts;         /* of this handle */
    uint64_t                     syncs;        /* fsyncs of new/ they shared */
} ngx_soporte_spool_stat_t;


/*
 * Makes PATH (its parent must exist) and the tree below, 0700, given to uid
 * and gid ((uid_t) -1: left alone), and makes them durable.  For the master,
 * at the commit of a configuration.  A link, a foreign owner or a file in the
 * way is an error.  Repeats are harmless.
 */

ngx_int_t ngx_soporte_spool_create(const char *path, uid_t uid, gid_t gid,
    ngx_soporte_spool_err_t *err);

/* once a process, after fork; NULL: err says why.  "conf" is copied */

ngx_soporte_spool_t *ngx_soporte_spool_open(ngx_soporte_spool_conf_t *conf,
    ngx_soporte_spool_err_t *err);
void ngx_soporte_spool_close(ngx_soporte_spool_t *sp);

/*
 * Files a ticket: ticket.json and attachments, each fsynced, the directory
 * fsynced, renamed to new/, new/ fsynced (one fsync for all threads that
 * wait).  With "notify" a link stays in notify/ as well.
 *
 * NGX_OK        durable.
 * NGX_DECLINED  a ticket of this id is in the spool already, and is durable;
 *               nothing was changed.
 * NGX_ERROR     nothing is kept, except when the leader was quicker than a
 *               failed last fsync: so send the same id to PostgreSQL then,
 *               or use it again; it deduplicates.
 */

ngx_int_t ngx_soporte_spool_put(ngx_soporte_spool_t *sp, const u_char id[16],
    const ngx_str_t *json, const ngx_soporte_spool_file_t *files,
    ngx_uint_t nfiles, ngx_uint_t notify, ngx_soporte_spool_err_t *err);

/*
 * Claims the oldest tickets, at most max_tickets of together max_bytes (one
 * of any size is always taken).  What lies in sending/ comes first: left by a
 * dead leader, or by a delivery that has to be tried again.  So a batch is to
 * be finished before the next claim.  Memory is "mem"'s.  No ticket at all
 * is NGX_OK with n == 0; delivered ones are removed from the disk then, a few
 * hundred at a time, since that is slower than to deliver them.  An
 * unreadable ticket goes to dead/ and is counted.  With n > 0 an error may
 * stand in err beside NGX_OK: the batch is good, the next claim may fail.
 */

ngx_int_t ngx_soporte_spool_claim(ngx_soporte_spool_t *sp,
    ngx_soporte_mem_t *mem, ngx_uint_t max_tickets, size_t max_bytes,
    ngx_soporte_spool_batch_t *batch, ngx_soporte_spool_err_t *err);

/* up to size bytes of a claimed ticket's file, from "at"; bytes read, or -1 */

ssize_t ngx_soporte_spool_read(ngx_soporte_spool_t *sp, const u_char id[16],
    const char *name, off_t at, u_char *buf, size_t size,
    ngx_soporte_spool_err_t *err);

/*
 * A claimed ticket is delivered: set aside at once, removed (and given back
 * to the budget) by a claim() that finds nothing to do, or by sweep().
 */

ngx_int_t ngx_soporte_spool_done(ngx_soporte_spool_t *sp, const u_char id[16],
    ngx_soporte_spool_err_t *err);

/* a claimed ticket can't be delivered: to dead/, "reason" (ASCII) beside it */

ngx_int_t ngx_soporte_spool_dead(ngx_soporte_spool_t *sp, const u_char id[16],
    const char *reason, ngx_soporte_spool_err_t *err);

/* a claimed ticket goes back to new/ */

ngx_int_t ngx_soporte_spool_back(ngx_soporte_spool_t *sp, const u_char id[16],
    ngx_soporte_spool_err_t *err);

/*
 * ticket.json wherever it is: NGX_OK with json and *where set, NGX_DECLINED if
 * the ticket is not in the spool, NGX_ERROR.  "where" may be NULL.
 */

ngx_int_t ngx_soporte_spool_find(ngx_soporte_spool_t *sp, const u_char id[16],
    ngx_soporte_mem_t *mem, ngx_str_t *json, ngx_soporte_spool_dir_e *where,
    ngx_soporte_spool_err_t *err);

/*
 * NGX_OK: a process that lives is writing a ticket of this id just now, in
 * tmp/; NGX_DECLINED: none is.
 */

ngx_int_t ngx_soporte_spool_busy(ngx_soporte_spool_t *sp,
    const u_char id[16]);

/*
 * The documents whose ids begin with "len" bytes, at most max of them, in no
 * order; *n is set.  NGX_ERROR: a directory can't be read.
 */

ngx_int_t ngx_soporte_spool_seek(ngx_soporte_spool_t *sp,
    const u_char *prefix, size_t len, ngx_soporte_mem_t *mem,
    ngx_soporte_spool_doc_t *docs, ngx_uint_t max, ngx_uint_t *n);

/*
 * Removes what was delivered, what dead processes left in tmp/ (older than a
 * minute), and links that nobody took from notify/ for a week, a few hundred
 * at a time; returns how many.  May run beside claim().
 */

ngx_int_t ngx_soporte_spool_sweep(ngx_soporte_spool_t *sp,
    ngx_soporte_spool_err_t *err);

/*
 * Counts at most "limit" entries.  bytes is *used, or with "weigh" what the
 * files really take: an open, a scan and a close a ticket.
 */

ngx_int_t ngx_soporte_spool_stat(ngx_soporte_spool_t *sp, ngx_uint_t limit,
    ngx_uint_t weigh, ngx_soporte_spool_stat_t *st,
    ngx_soporte_spool_err_t *err);


#endif /* _NGX_SOPORTE_SPOOL_H_INCLUDED_ */
