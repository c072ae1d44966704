
/*
 * A copy on disk of what lies in memory, for the day when that is gone: the
 * file PATH/snapshot.  It is written in pieces beside the one before, and
 * takes its place only when it is whole and durable.
 *
 *     8 bytes   "soporte\n"
 *     8         length of what follows, less the last 32; of this machine
 *     ...       bytes that are nothing to this file
 *     32        SHA-256 of all before it
 *
 * Everything here blocks and belongs into a thread, or into a process that
 * serves nobody: a master at its start and at its end.
 */

#ifndef _NGX_SOPORTE_SNAPSHOT_H_INCLUDED_
#define _NGX_SOPORTE_SNAPSHOT_H_INCLUDED_


#include "ngx_soporte_core.h"

#include <sys/types.h>


#define NGX_SOPORTE_SNAPSHOT_MAX  (1024 * 1024 * 1024)     /* bytes */


typedef struct ngx_soporte_snapshot_s  ngx_soporte_snapshot_t;


typedef struct {
    int                sys;                  /* errno, 0: none */
    char               text[128];            /* what failed */
} ngx_soporte_snapshot_err_t;


/*
 * Begins a snapshot of "len" bytes in the directory, which must be there.  The
 * file is given to uid and gid ((uid_t) -1: left alone).  What processes that
 * died had begun is removed.  NULL: err says why.
 */
ngx_soporte_snapshot_t *ngx_soporte_snapshot_begin(const char *dir, size_t len,
    uid_t uid, gid_t gid, ngx_soporte_snapshot_err_t *err);

/* the next bytes of it; after NGX_ERROR it is to be dropped */
ngx_int_t ngx_soporte_snapshot_write(ngx_soporte_snapshot_t *sn,
    const u_char *p, size_t len, ngx_soporte_snapshot_err_t *err);

/*
 * It is whole: made durable, and put in the place of the one before.  Frees sn
 * in any case.
 */
ngx_int_t ngx_soporte_snapshot_end(ngx_soporte_snapshot_t *sn,
    ngx_soporte_snapshot_err_t *err);

/* as if it had never begun; sn may be NULL */
void ngx_soporte_snapshot_drop(ngx_soporte_snapshot_t *sn);

/*
 * Reads the whole of it into memory of malloc(), which the caller frees.
 * NGX_DECLINED: there is none; NGX_ERROR: torn, foreign or unreadable.  uid:
 * whose it may be beside root's and our own.
 */
ngx_int_t ngx_soporte_snapshot_read(const char *dir, uid_t uid,
    ngx_str_t *data, ngx_soporte_snapshot_err_t *err);


#endif /* _NGX_SOPORTE_SNAPSHOT_H_INCLUDED_ */
