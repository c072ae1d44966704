
/*
 * Reads the names of a directory, then stats the few files that matter.
 * Nothing is opened: what is in a backup is nobody's business here.
 */

#include "ngx_soporte_backups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>


#define NGX_SOPORTE_BACKUPS_LOOK  256         /* names between looks at stop */


static ngx_int_t ngx_soporte_backups_names(DIR *dir,
    ngx_soporte_backup_list_t *list, volatile sig_atomic_t *stop[2]);
static void ngx_soporte_backups_stat(int dir, ngx_soporte_backup_set_t *set);


ngx_int_t
ngx_soporte_backups_read(const char *path, int64_t now,
    volatile sig_atomic_t *stop[2], ngx_soporte_backups_t *result)
{
    DIR                        *dir;
    ngx_int_t                   rc;
    ngx_uint_t                  i, part;
    ngx_soporte_backup_list_t  *list;

    memset(result, 0, sizeof(ngx_soporte_backups_t));

    dir = opendir(path);

    if (dir == NULL) {
        result->err = errno;
        return NGX_OK;
    }

    list = calloc(NGX_SOPORTE_BACKUP_PARTS,
                  sizeof(ngx_soporte_backup_list_t));

    if (list == NULL) {
        (void) closedir(dir);
        return NGX_ERROR;
    }

    errno = 0;
    rc = ngx_soporte_backups_names(dir, list, stop);
    result->err = errno;

    for (part = 0; rc == NGX_OK && part < NGX_SOPORTE_BACKUP_PARTS; part++) {

        for (i = 0; i < list[part].n; i++) {
            ngx_soporte_backups_stat(dirfd(dir), &list[part].set[i]);
        }

        ngx_soporte_backup_judge(&list[part], part, now, &result->part[part]);
    }

    free(list);
    (void) closedir(dir);

    return rc;
}


static ngx_int_t
ngx_soporte_backups_names(DIR *dir, ngx_soporte_backup_list_t *list,
    volatile sig_atomic_t *stop[2])
{
    ngx_uint_t      n;
    struct dirent  *de;

    for (n = 0; /* void */ ; n++) {

        if (n % NGX_SOPORTE_BACKUPS_LOOK == 0 && stop
            && (*stop[0] || *stop[1]))
        {
            return NGX_ABORT;
        }

        de = readdir(dir);

        if (de == NULL) {
            return NGX_OK;
        }

        ngx_soporte_backup_take(list, (u_char *) de->d_name,
                                strlen(de->d_name));
    }
}


/* a link may lead elsewhere; one that leads nowhere is no backup */

static void
ngx_soporte_backups_stat(int dir, ngx_soporte_backup_set_t *set)
{
    ngx_uint_t                  i;
    struct stat                 st;
    ngx_soporte_backup_file_t  *file;

    for (i = 0; i < NGX_SOPORTE_BACKUP_KINDS; i++) {
        file = &set->file[i];

        if (file->len == 0) {
            continue;
        }

        if (fstatat(dir, (char *) file->name, &st, 0) == -1
            || !S_ISREG(st.st_mode))
        {
            file->size = -1;
            continue;
        }

        file->size = st.st_size;
        file->mtime = st.st_mtime;
    }
}
