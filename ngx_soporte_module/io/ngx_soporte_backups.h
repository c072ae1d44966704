
/*
 * Looks at a directory of backups.  Blocks; for a thread.
 */

#ifndef _NGX_SOPORTE_BACKUPS_H_INCLUDED_
#define _NGX_SOPORTE_BACKUPS_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_backup.h"

#include <signal.h>


typedef struct {
    ngx_soporte_backup_t   part[NGX_SOPORTE_BACKUP_PARTS];
    int                    err;              /* errno, 0: it was read */
} ngx_soporte_backups_t;


/*
 * The last backups in a directory, whose path is null-terminated and may be a
 * link; of a hundred thousand files only the newest are looked at.  now in
 * unix s.  NGX_OK, with result->err set where it can't be read; NGX_ABORT: one
 * of stop[] is set (NULL: none); NGX_ERROR: memory.
 */
ngx_int_t ngx_soporte_backups_read(const char *path, int64_t now,
    volatile sig_atomic_t *stop[2], ngx_soporte_backups_t *result);


#endif /* _NGX_SOPORTE_BACKUPS_H_INCLUDED_ */
