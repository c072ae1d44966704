
/*
 * What the three files of the spool share: the handle and its directories.
 * Only they include this.
 */

#ifndef _NGX_SOPORTE_SPOOL_DIR_H_INCLUDED_
#define _NGX_SOPORTE_SPOOL_DIR_H_INCLUDED_


#include "ngx_soporte_spool.h"

#include <pthread.h>


#define NGX_SOPORTE_SPOOL_ID      36           /* text of an id */
#define NGX_SOPORTE_SPOOL_JSON    "ticket.json"
#define NGX_SOPORTE_SPOOL_REASON  "reason"

/* what a disk takes for a file of n bytes, near enough */

#define ngx_soporte_spool_cost(n)  (((uint64_t) (n) + 4095) & ~(uint64_t) 4095)


/* a ticket waiting in new/, by the time that its id or its directory says */

typedef struct {
    uint64_t                         at;       /* ms since the epoch */
    u_char                           id[16];
} ngx_soporte_spool_entry_t;


/* one thread that waits for the shared fsync of new/ */

typedef struct ngx_soporte_spool_wait_s  ngx_soporte_spool_wait_t;

struct ngx_soporte_spool_wait_s {
    ngx_soporte_spool_wait_t        *next;
    ngx_uint_t                       done;
    int                              err;      /* errno of the fsync */
};


struct ngx_soporte_spool_s {
    int                              dirs[NGX_SOPORTE_SPOOL_DIRS];
    uint64_t                         max_size;
    ngx_atomic_t                    *used;
    volatile sig_atomic_t           *stop[2];

    ngx_atomic_t                     serial;   /* of names in tmp/ */

    /* the group commit, under the mutex */

    pthread_mutex_t                  mutex;
    pthread_cond_t                   cond;
    ngx_soporte_spool_wait_t        *waiting;  /* for the next fsync */
    ngx_uint_t                       syncing;
    uint64_t                         puts;
    uint64_t                         syncs;

    /* the claiming task's own: what the last scan of new/ found */

    ngx_soporte_spool_entry_t       *list;
    ngx_uint_t                       nlist;
    ngx_uint_t                       next;
};


typedef ngx_int_t (*ngx_soporte_spool_entry_pt)(ngx_soporte_spool_t *sp,
    const char *name, void *data);


/* errno (0: the text is "call what") to an error; always NGX_ERROR */

ngx_int_t ngx_soporte_spool_fail(ngx_soporte_spool_err_t *err, int sys,
    const char *call, const char *what);
ngx_int_t ngx_soporte_spool_stopped(ngx_soporte_spool_err_t *err);
ngx_uint_t ngx_soporte_spool_stopping(ngx_soporte_spool_t *sp);

/* an id as a name (p: 37 bytes), and back: NGX_DECLINED if it is not one */

void ngx_soporte_spool_text(char *p, const u_char id[16]);
ngx_int_t ngx_soporte_spool_parse(const char *p, u_char id[16]);

/* a name that the server may give to an attachment */

ngx_uint_t ngx_soporte_spool_name_valid(const char *p);

/* gives n bytes back to the budget */

void ngx_soporte_spool_release(ngx_soporte_spool_t *sp, uint64_t n);

/* a directory, links refused; -1 and errno */

int ngx_soporte_spool_opendir(int dir, const char *name);

/* calls handler for each entry until it is not NGX_OK; NGX_ERROR has errno */

ngx_int_t ngx_soporte_spool_scan(ngx_soporte_spool_t *sp, int dir,
    ngx_soporte_spool_entry_pt handler, void *data);

/* the same with a descriptor of the caller's, which is closed */

ngx_int_t ngx_soporte_spool_scan_fd(ngx_soporte_spool_t *sp, int fd,
    ngx_soporte_spool_entry_pt handler, void *data);

/* weighs a ticket's directory, removes it if asked to; NGX_ERROR has errno */

ngx_int_t ngx_soporte_spool_weigh(ngx_soporte_spool_t *sp, int parent,
    const char *name, ngx_uint_t remove, uint64_t *bytes);

/* reads at most size bytes of a regular file, from "at"; -1 and errno */

ssize_t ngx_soporte_spool_load(int dir, const char *name, off_t at,
    u_char *buf, size_t size);

/* ticket.json into mem; NGX_AGAIN: longer than room; NGX_ERROR has errno */

ngx_int_t ngx_soporte_spool_json(int dir, ngx_soporte_mem_t *mem, size_t room,
    ngx_str_t *json);


extern const char  *ngx_soporte_spool_names[];


#endif /* _NGX_SOPORTE_SPOOL_DIR_H_INCLUDED_ */
