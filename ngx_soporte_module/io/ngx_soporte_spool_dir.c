
/*
 * The spool's directories: made, opened, scanned, weighed, removed.  Links
 * are never followed, and what a foreign hand made is never taken over.
 */


#include "ngx_soporte_spool_dir.h"

#include <dirent.h>


typedef struct {
    int                              dir;
    uint64_t                         bytes;
    ngx_uint_t                       remove;
} ngx_soporte_spool_files_t;


const char  *ngx_soporte_spool_names[] = {
    "tmp", "new", "sending", "dead", "notify"
};


ngx_int_t
ngx_soporte_spool_fail(ngx_soporte_spool_err_t *err, int sys, const char *call,
    const char *what)
{
    char  buf[80];

    switch (sys) {

    case 0:
    case EINVAL:
    case ENAMETOOLONG:
        err->code = NGX_SOPORTE_SPOOL_INVALID;
        break;

    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        err->code = NGX_SOPORTE_SPOOL_NO_SPACE;
        break;

    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENOTDIR:
    case EEXIST:
    case ENOTEMPTY:
        err->code = NGX_SOPORTE_SPOOL_DENIED;
        break;

    case ENOMEM:
    case EMFILE:
    case ENFILE:
        err->code = NGX_SOPORTE_SPOOL_RESOURCE;
        break;

    default:
        err->code = NGX_SOPORTE_SPOOL_IO;
    }

    err->sys = sys;

    if (sys == 0) {
        (void) snprintf(err->text, sizeof(err->text), "%s \"%s\"", call, what);
        return NGX_ERROR;
    }

    (void) snprintf(err->text, sizeof(err->text), "%s() \"%s\" failed (%d: %s)",
                    call, what, sys, strerror_r(sys, buf, sizeof(buf)));

    return NGX_ERROR;
}


ngx_uint_t
ngx_soporte_spool_stopping(ngx_soporte_spool_t *sp)
{
    return (sp->stop[0] && *sp->stop[0]) || (sp->stop[1] && *sp->stop[1]);
}


ngx_int_t
ngx_soporte_spool_stopped(ngx_soporte_spool_err_t *err)
{
    err->code = NGX_SOPORTE_SPOOL_STOPPED;
    err->sys = 0;
    (void) snprintf(err->text, sizeof(err->text), "the worker exits");

    return NGX_ERROR;
}


void
ngx_soporte_spool_text(char *p, const u_char id[16])
{
    static const char  hex[] = "0123456789abcdef";

    ngx_uint_t  i;

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[id[i] >> 4];
        *p++ = hex[id[i] & 0xf];
    }

    *p = '\0';
}


ngx_int_t
ngx_soporte_spool_parse(const char *p, u_char id[16])
{
    ngx_uint_t  i, n, v;

    for (i = 0, n = 0; i < NGX_SOPORTE_SPOOL_ID; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {

            if (p[i] != '-') {
                return NGX_DECLINED;
            }

            continue;
        }

        if (p[i] >= '0' && p[i] <= '9') {
            v = p[i] - '0';

        } else if (p[i] >= 'a' && p[i] <= 'f') {
            v = p[i] - 'a' + 10;

        } else {
            return NGX_DECLINED;
        }

        id[n / 2] = (u_char) ((n & 1) ? (id[n / 2] | v) : (v << 4));
        n++;
    }

    return (p[i] == '\0') ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_soporte_spool_name_valid(const char *p)
{
    size_t  len;

    len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789._-");

    return len > 0 && len <= NGX_SOPORTE_SPOOL_NAME_MAX && p[len] == '\0'
           && p[0] != '.'
           && strcmp(p, NGX_SOPORTE_SPOOL_JSON) != 0
           && strcmp(p, NGX_SOPORTE_SPOOL_REASON) != 0;
}


/*
 * Never below zero: what is given back may have been counted before a reboot,
 * and a wrapped counter would refuse every ticket.
 */

void
ngx_soporte_spool_release(ngx_soporte_spool_t *sp, uint64_t n)
{
    ngx_atomic_uint_t  used;

    if (sp->used == NULL) {
        return;
    }

    do {
        used = *sp->used;

    } while (!ngx_atomic_cmp_set(sp->used, used, used - ngx_min(used, n)));
}


int
ngx_soporte_spool_opendir(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
}


ngx_int_t
ngx_soporte_spool_scan(ngx_soporte_spool_t *sp, int dir,
    ngx_soporte_spool_entry_pt handler, void *data)
{
    int  fd;

    /* an open of its own: the position of "dir" is shared by all threads */

    fd = ngx_soporte_spool_opendir(dir, ".");

    return (fd == -1) ? NGX_ERROR
                      : ngx_soporte_spool_scan_fd(sp, fd, handler, data);
}


ngx_int_t
ngx_soporte_spool_scan_fd(ngx_soporte_spool_t *sp, int fd,
    ngx_soporte_spool_entry_pt handler, void *data)
{
    int             sys;
    DIR            *d;
    ngx_int_t       rc;
    struct dirent  *de;

    d = fdopendir(fd);

    if (d == NULL) {
        sys = errno;
        (void) close(fd);
        errno = sys;
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (rc == NGX_OK) {
        errno = 0;
        de = readdir(d);

        if (de == NULL) {
            rc = errno ? NGX_ERROR : NGX_OK;
            break;
        }

        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0) {
            rc = handler(sp, de->d_name, data);
        }
    }

    sys = errno;
    (void) closedir(d);
    errno = sys;

    return rc;
}


static ngx_int_t
ngx_soporte_spool_file(ngx_soporte_spool_t *sp, const char *name, void *data)
{
    ngx_soporte_spool_files_t  *files = data;

    struct stat  st;

    if (fstatat(files->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        files->bytes += ngx_soporte_spool_cost(st.st_size);
    }

    if (files->remove && unlinkat(files->dir, name, 0) == -1
        && errno != ENOENT)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_spool_weigh(ngx_soporte_spool_t *sp, int parent, const char *name,
    ngx_uint_t remove, uint64_t *bytes)
{
    ngx_int_t                  rc;
    ngx_soporte_spool_files_t  files;

    files.bytes = ngx_soporte_spool_cost(1);
    files.remove = remove;
    files.dir = ngx_soporte_spool_opendir(parent, name);

    if (files.dir == -1) {
        return NGX_ERROR;
    }

    rc = ngx_soporte_spool_scan_fd(sp, files.dir, ngx_soporte_spool_file,
                                   &files);

    if (rc == NGX_OK && remove && unlinkat(parent, name, AT_REMOVEDIR) == -1) {
        rc = NGX_ERROR;
    }

    *bytes = files.bytes;

    return rc;
}


static ngx_int_t
ngx_soporte_spool_make(int parent, const char *name, uid_t uid, gid_t gid,
    int *dir, ngx_soporte_spool_err_t *err)
{
    int          fd;
    struct stat  st;

    if (mkdirat(parent, name, 0700) == -1 && errno != EEXIST) {
        return ngx_soporte_spool_fail(err, errno, "mkdir", name);
    }

    fd = ngx_soporte_spool_opendir(parent, name);
    if (fd == -1) {
        return ngx_soporte_spool_fail(err, errno, "open", name);
    }

    if (fstat(fd, &st) == -1) {
        goto failed;
    }

    /* never take over what somebody else made: it may be full of traps */

    if (st.st_uid != geteuid() && st.st_uid != uid) {
        (void) close(fd);
        (void) ngx_soporte_spool_fail(err, EPERM, "chown", name);
        return NGX_ERROR;
    }

    if (uid != (uid_t) -1 && (st.st_uid != uid || st.st_gid != gid)
        && fchown(fd, uid, gid) == -1)
    {
        goto failed;
    }

    if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) == -1) {
        goto failed;
    }

    if (fsync(fd) == -1) {
        goto failed;
    }

    *dir = fd;

    return NGX_OK;

failed:

    (void) ngx_soporte_spool_fail(err, errno, "fstat, chown or fsync", name);
    (void) close(fd);

    return NGX_ERROR;
}


ngx_int_t
ngx_soporte_spool_create(const char *path, uid_t uid, gid_t gid,
    ngx_soporte_spool_err_t *err)
{
    int         root, spool, dir;
    ngx_int_t   rc;
    ngx_uint_t  i;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));

    if (ngx_soporte_spool_make(AT_FDCWD, path, uid, gid, &root, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_soporte_spool_make(root, "spool", uid, gid, &spool, err);

    if (rc == NGX_OK) {

        for (i = 0; i < NGX_SOPORTE_SPOOL_DIRS && rc == NGX_OK; i++) {
            rc = ngx_soporte_spool_make(spool, ngx_soporte_spool_names[i],
                                        uid, gid, &dir, err);
            if (rc == NGX_OK) {
                (void) close(dir);
            }
        }

        if (rc == NGX_OK && (fsync(spool) == -1 || fsync(root) == -1)) {
            rc = ngx_soporte_spool_fail(err, errno, "fsync", path);
        }

        (void) close(spool);
    }

    (void) close(root);

    return rc;
}


ngx_soporte_spool_t *
ngx_soporte_spool_open(ngx_soporte_spool_conf_t *conf,
    ngx_soporte_spool_err_t *err)
{
    int                   root, spool;
    ngx_uint_t            i;
    struct stat           st;
    ngx_soporte_spool_t  *sp;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));

    sp = calloc(1, sizeof(ngx_soporte_spool_t));
    if (sp == NULL) {
        (void) ngx_soporte_spool_fail(err, ENOMEM, "calloc", "spool");
        return NULL;
    }

    (void) pthread_mutex_init(&sp->mutex, NULL);
    (void) pthread_cond_init(&sp->cond, NULL);

    sp->max_size = conf->max_size;
    sp->used = conf->used;
    sp->stop[0] = conf->stop[0];
    sp->stop[1] = conf->stop[1];

    for (i = 0; i < NGX_SOPORTE_SPOOL_DIRS; i++) {
        sp->dirs[i] = -1;
    }

    spool = -1;
    root = ngx_soporte_spool_opendir(AT_FDCWD, conf->path);

    if (root == -1) {
        (void) ngx_soporte_spool_fail(err, errno, "open", conf->path);
        goto failed;
    }

    spool = ngx_soporte_spool_opendir(root, "spool");

    if (spool == -1) {
        (void) ngx_soporte_spool_fail(err, errno, "open", "spool");
        goto failed;
    }

    for (i = 0; i < NGX_SOPORTE_SPOOL_DIRS; i++) {
        sp->dirs[i] = ngx_soporte_spool_opendir(spool,
                                                ngx_soporte_spool_names[i]);

        if (sp->dirs[i] == -1 || fstat(sp->dirs[i], &st) == -1) {
            (void) ngx_soporte_spool_fail(err, errno, "open",
                                          ngx_soporte_spool_names[i]);
            goto failed;
        }

        /* a single process of root's works in the tree of the worker's user */

        if ((st.st_uid != geteuid() && geteuid() != 0) || (st.st_mode & 077)) {
            (void) ngx_soporte_spool_fail(err, EPERM, "open",
                                          ngx_soporte_spool_names[i]);
            goto failed;
        }
    }

    (void) close(spool);
    (void) close(root);

    return sp;

failed:

    if (spool != -1) {
        (void) close(spool);
    }

    if (root != -1) {
        (void) close(root);
    }

    ngx_soporte_spool_close(sp);

    return NULL;
}


void
ngx_soporte_spool_close(ngx_soporte_spool_t *sp)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_SPOOL_DIRS; i++) {
        if (sp->dirs[i] != -1) {
            (void) close(sp->dirs[i]);
        }
    }

    (void) pthread_mutex_destroy(&sp->mutex);
    (void) pthread_cond_destroy(&sp->cond);

    free(sp->list);
    free(sp);
}


/* a regular file's descriptor and size; -1 and errno */

static int
ngx_soporte_spool_openfile(int dir, const char *name, off_t *size)
{
    int          fd, sys;
    struct stat  st;

    /* O_NONBLOCK: a fifo in the way must not hang the thread */

    fd = openat(dir, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    if (fstat(fd, &st) == -1) {
        sys = errno;

    } else if (!S_ISREG(st.st_mode)) {
        sys = ELOOP;

    } else {
        *size = st.st_size;
        return fd;
    }

    (void) close(fd);
    errno = sys;

    return -1;
}


static ssize_t
ngx_soporte_spool_readall(int fd, off_t at, u_char *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += n) {
        n = pread(fd, buf + len, size - len, at + len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }
    }

    return len;
}


ssize_t
ngx_soporte_spool_load(int dir, const char *name, off_t at, u_char *buf,
    size_t size)
{
    int      fd, sys;
    off_t    total;
    ssize_t  n;

    fd = ngx_soporte_spool_openfile(dir, name, &total);
    if (fd == -1) {
        return -1;
    }

    n = ngx_soporte_spool_readall(fd, at, buf, size);

    sys = errno;
    (void) close(fd);
    errno = sys;

    return n;
}


ngx_int_t
ngx_soporte_spool_json(int dir, ngx_soporte_mem_t *mem, size_t room,
    ngx_str_t *json)
{
    int        fd, sys;
    off_t      size;
    ngx_int_t  rc;

    fd = ngx_soporte_spool_openfile(dir, NGX_SOPORTE_SPOOL_JSON, &size);
    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (size == 0 || size > NGX_SOPORTE_SPOOL_JSON_MAX) {
        errno = EFBIG;
        goto done;
    }

    if ((size_t) size > room) {
        rc = NGX_AGAIN;
        goto done;
    }

    json->len = size;
    json->data = ngx_soporte_alloc(mem, size);

    if (json->data == NULL) {
        errno = ENOMEM;
        goto done;
    }

    errno = EIO;

    if (ngx_soporte_spool_readall(fd, 0, json->data, json->len) == size) {
        rc = NGX_OK;
    }

done:

    sys = errno;
    (void) close(fd);
    errno = sys;

    return rc;
}
