
/*
 * A file that somebody else replaces: has it changed, and what is in it now.
 * Blocks; for a thread, or for the master at configuration time.
 */

#ifndef _NGX_SOPORTE_WATCH_H_INCLUDED_
#define _NGX_SOPORTE_WATCH_H_INCLUDED_


#include "ngx_soporte_core.h"


/* which file it was, and its state; all zero: none */

typedef struct {
    uint64_t       dev;
    uint64_t       ino;
    int64_t        size;
    int64_t        mtime;                    /* ns */
    int64_t        ctime;                    /* ns */
} ngx_soporte_watch_mark_t;


/*
 * NGX_OK: the file is another than *mark, which is set to it; NGX_DECLINED:
 * it is the same; NGX_ERROR: errno in *err, *mark is as before.  The path is
 * null-terminated, links are followed.
 */
ngx_int_t ngx_soporte_watch(const char *path, ngx_soporte_watch_mark_t *mark,
    int *err);

/*
 * All of a regular file of at most max bytes, allocated by malloc() and
 * null-terminated, and its mark.  NGX_ERROR: *err is errno, EFBIG if it is
 * larger, EINVAL if it is no regular file.
 */
ngx_int_t ngx_soporte_watch_read(const char *path, size_t max,
    ngx_soporte_watch_mark_t *mark, ngx_str_t *bytes, int *err);


#endif /* _NGX_SOPORTE_WATCH_H_INCLUDED_ */
