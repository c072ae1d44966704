
/*
 * Reads files that are replaced while they are in use.  A writer that is no
 * friend of rename() may be met in the middle: its file changes again, and is
 * read again then.
 */

#include "ngx_soporte_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static void ngx_soporte_watch_mark(ngx_soporte_watch_mark_t *mark,
    const struct stat *st);


ngx_int_t
ngx_soporte_watch(const char *path, ngx_soporte_watch_mark_t *mark, int *err)
{
    struct stat               st;
    ngx_soporte_watch_mark_t  now;

    if (stat(path, &st) == -1) {
        *err = errno;
        return NGX_ERROR;
    }

    ngx_soporte_watch_mark(&now, &st);

    if (memcmp(&now, mark, sizeof(now)) == 0) {
        return NGX_DECLINED;
    }

    *mark = now;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_watch_read(const char *path, size_t max,
    ngx_soporte_watch_mark_t *mark, ngx_str_t *bytes, int *err)
{
    int          fd;
    u_char      *p;
    size_t       size;
    ssize_t      n;
    struct stat  st;

    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        *err = errno;
        return NGX_ERROR;
    }

    if (fstat(fd, &st) == -1) {
        *err = errno;
        close(fd);
        return NGX_ERROR;
    }

    if (!S_ISREG(st.st_mode) || (size_t) st.st_size > max) {
        *err = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        close(fd);
        return NGX_ERROR;
    }

    p = malloc(st.st_size + 1);

    if (p == NULL) {
        *err = ENOMEM;
        close(fd);
        return NGX_ERROR;
    }

    for (size = 0; size < (size_t) st.st_size; size += n) {
        n = read(fd, p + size, st.st_size - size);

        if (n <= 0) {
            break;
        }
    }

    close(fd);

    if (size < (size_t) st.st_size) {
        *err = EIO;
        free(p);
        return NGX_ERROR;
    }

    p[size] = '\0';
    bytes->data = p;
    bytes->len = size;

    ngx_soporte_watch_mark(mark, &st);

    return NGX_OK;
}


static void
ngx_soporte_watch_mark(ngx_soporte_watch_mark_t *mark, const struct stat *st)
{
    memset(mark, 0, sizeof(ngx_soporte_watch_mark_t));

    mark->dev = st->st_dev;
    mark->ino = st->st_ino;
    mark->size = st->st_size;
    mark->mtime = (int64_t) st->st_mtim.tv_sec * 1000000000
                  + st->st_mtim.tv_nsec;
    mark->ctime = (int64_t) st->st_ctim.tv_sec * 1000000000
                  + st->st_ctim.tv_nsec;
}
