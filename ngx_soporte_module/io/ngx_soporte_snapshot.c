
/*
 * Writes, commits and reads the snapshot.  A name of its own for each process
 * that writes: two that do it at once (a leader, and a master that ends) each
 * rename a whole file.
 */

#include "ngx_soporte_snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>


#define NGX_SOPORTE_SNAPSHOT_NAME    "snapshot"
#define NGX_SOPORTE_SNAPSHOT_MAGIC   "soporte\n"
#define NGX_SOPORTE_SNAPSHOT_HEAD    16
#define NGX_SOPORTE_SNAPSHOT_DIGEST  32


struct ngx_soporte_snapshot_s {
    int          dir;
    int          fd;
    EVP_MD_CTX  *sha;
    size_t       left;                       /* bytes to come */
    char         name[32];
};


static ngx_int_t ngx_soporte_snapshot_fail(ngx_soporte_snapshot_err_t *err,
    int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void ngx_soporte_snapshot_sweep(int dir);
static ngx_int_t ngx_soporte_snapshot_put(ngx_soporte_snapshot_t *sn,
    const u_char *p, size_t len, ngx_soporte_snapshot_err_t *err);
static ngx_int_t ngx_soporte_snapshot_open(const char *dir, int *fd,
    ngx_soporte_snapshot_err_t *err);
static ngx_int_t ngx_soporte_snapshot_get(int fd, u_char *p, size_t size,
    ngx_soporte_snapshot_err_t *err);
static ngx_int_t ngx_soporte_snapshot_size(int fd, uid_t uid, size_t *size,
    ngx_soporte_snapshot_err_t *err);
static ngx_int_t ngx_soporte_snapshot_check(const u_char *p, size_t size,
    ngx_soporte_snapshot_err_t *err);


/* always NGX_ERROR */

static ngx_int_t
ngx_soporte_snapshot_fail(ngx_soporte_snapshot_err_t *err, int sys,
    const char *fmt, ...)
{
    va_list  args;

    err->sys = sys;

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    return NGX_ERROR;
}


ngx_soporte_snapshot_t *
ngx_soporte_snapshot_begin(const char *dir, size_t len, uid_t uid, gid_t gid,
    ngx_soporte_snapshot_err_t *err)
{
    u_char                   head[NGX_SOPORTE_SNAPSHOT_HEAD];
    uint64_t                 n;
    ngx_soporte_snapshot_t  *sn;

    sn = calloc(1, sizeof(ngx_soporte_snapshot_t));

    if (sn == NULL) {
        (void) ngx_soporte_snapshot_fail(err, errno, "no memory");
        return NULL;
    }

    sn->fd = -1;
    sn->dir = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (sn->dir == -1) {
        (void) ngx_soporte_snapshot_fail(err, errno,
                                         "open() of its directory");
        goto failed;
    }

    ngx_soporte_snapshot_sweep(sn->dir);

    (void) snprintf(sn->name, sizeof(sn->name),
                    NGX_SOPORTE_SNAPSHOT_NAME ".%ld", (long) getpid());

    sn->fd = openat(sn->dir, sn->name,
                    O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (sn->fd == -1) {
        (void) ngx_soporte_snapshot_fail(err, errno, "making \"%s\"",
                                         sn->name);
        goto failed;
    }

    if (uid != (uid_t) -1 && fchown(sn->fd, uid, gid) == -1) {
        (void) ngx_soporte_snapshot_fail(err, errno, "fchown()");
        goto failed;
    }

    sn->sha = EVP_MD_CTX_new();

    if (sn->sha == NULL
        || EVP_DigestInit_ex(sn->sha, EVP_sha256(), NULL) != 1)
    {
        (void) ngx_soporte_snapshot_fail(err, 0, "SHA-256 can't be had");
        goto failed;
    }

    n = len;
    sn->left = sizeof(head) + len;

    memcpy(head, NGX_SOPORTE_SNAPSHOT_MAGIC, 8);
    memcpy(head + 8, &n, 8);

    if (ngx_soporte_snapshot_write(sn, head, sizeof(head), err) == NGX_OK) {
        return sn;
    }

failed:

    ngx_soporte_snapshot_drop(sn);

    return NULL;
}


/* a writer that was killed left its file: known by the pid in the name */

static void
ngx_soporte_snapshot_sweep(int dir)
{
    int             fd;
    DIR            *d;
    long            pid;
    char           *end;
    const char     *p;
    struct dirent  *entry;

    static const char  prefix[] = NGX_SOPORTE_SNAPSHOT_NAME ".";

    fd = openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    d = (fd == -1) ? NULL : fdopendir(fd);

    if (d == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return;
    }

    while ((entry = readdir(d)) != NULL) {

        if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0) {
            continue;
        }

        p = entry->d_name + sizeof(prefix) - 1;
        pid = strtol(p, &end, 10);

        if (pid > 0 && *end == '\0'
            && (pid == (long) getpid()
                || (kill((pid_t) pid, 0) == -1 && errno == ESRCH)))
        {
            (void) unlinkat(dir, entry->d_name, 0);
        }
    }

    (void) closedir(d);
}


ngx_int_t
ngx_soporte_snapshot_write(ngx_soporte_snapshot_t *sn, const u_char *p,
    size_t len, ngx_soporte_snapshot_err_t *err)
{
    if (len > sn->left) {
        return ngx_soporte_snapshot_fail(err, 0, "more bytes than announced");
    }

    sn->left -= len;

    if (EVP_DigestUpdate(sn->sha, p, len) != 1) {
        return ngx_soporte_snapshot_fail(err, 0, "SHA-256 failed");
    }

    return ngx_soporte_snapshot_put(sn, p, len, err);
}


static ngx_int_t
ngx_soporte_snapshot_put(ngx_soporte_snapshot_t *sn, const u_char *p,
    size_t len, ngx_soporte_snapshot_err_t *err)
{
    ssize_t  n;

    while (len) {
        n = write(sn->fd, p, len);

        if (n == -1) {

            if (errno == EINTR) {
                continue;
            }

            return ngx_soporte_snapshot_fail(err, errno, "write() of \"%s\"",
                                             sn->name);
        }

        p += n;
        len -= n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_snapshot_end(ngx_soporte_snapshot_t *sn,
    ngx_soporte_snapshot_err_t *err)
{
    u_char  digest[NGX_SOPORTE_SNAPSHOT_DIGEST];

    if (sn->left) {
        (void) ngx_soporte_snapshot_fail(err, 0, "less bytes than announced");
        goto failed;
    }

    if (EVP_DigestFinal_ex(sn->sha, digest, NULL) != 1) {
        (void) ngx_soporte_snapshot_fail(err, 0, "SHA-256 failed");
        goto failed;
    }

    if (ngx_soporte_snapshot_put(sn, digest, sizeof(digest), err) != NGX_OK) {
        goto failed;
    }

    if (fsync(sn->fd) == -1) {
        (void) ngx_soporte_snapshot_fail(err, errno, "fsync() of \"%s\"",
                                         sn->name);
        goto failed;
    }

    if (renameat(sn->dir, sn->name, sn->dir, NGX_SOPORTE_SNAPSHOT_NAME) == -1)
    {
        (void) ngx_soporte_snapshot_fail(err, errno, "rename() of \"%s\"",
                                         sn->name);
        goto failed;
    }

    sn->name[0] = '\0';

    if (fsync(sn->dir) == -1) {
        (void) ngx_soporte_snapshot_fail(err, errno,
                                         "fsync() of its directory");
        goto failed;
    }

    ngx_soporte_snapshot_drop(sn);

    return NGX_OK;

failed:

    ngx_soporte_snapshot_drop(sn);

    return NGX_ERROR;
}


void
ngx_soporte_snapshot_drop(ngx_soporte_snapshot_t *sn)
{
    if (sn == NULL) {
        return;
    }

    if (sn->fd != -1) {
        (void) close(sn->fd);

        if (sn->name[0] != '\0') {
            (void) unlinkat(sn->dir, sn->name, 0);
        }
    }

    if (sn->dir != -1) {
        (void) close(sn->dir);
    }

    EVP_MD_CTX_free(sn->sha);
    free(sn);
}


ngx_int_t
ngx_soporte_snapshot_read(const char *dir, uid_t uid, ngx_str_t *data,
    ngx_soporte_snapshot_err_t *err)
{
    int        fd;
    u_char    *p;
    size_t     size;
    ngx_int_t  rc;

    rc = ngx_soporte_snapshot_open(dir, &fd, err);

    if (rc != NGX_OK) {
        return rc;
    }

    p = NULL;
    size = 0;
    rc = ngx_soporte_snapshot_size(fd, uid, &size, err);

    if (rc == NGX_OK) {
        p = malloc(size);

        if (p == NULL) {
            rc = ngx_soporte_snapshot_fail(err, errno, "no memory");
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_soporte_snapshot_get(fd, p, size, err);
    }

    if (rc == NGX_OK) {
        rc = ngx_soporte_snapshot_check(p, size, err);
    }

    (void) close(fd);

    if (rc != NGX_OK) {
        free(p);
        return rc;
    }

    data->len = size - NGX_SOPORTE_SNAPSHOT_HEAD - NGX_SOPORTE_SNAPSHOT_DIGEST;
    data->data = p;
    memmove(p, p + NGX_SOPORTE_SNAPSHOT_HEAD, data->len);

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_snapshot_open(const char *dir, int *fd,
    ngx_soporte_snapshot_err_t *err)
{
    int        at;
    ngx_int_t  rc;

    at = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (at == -1) {
        return (errno == ENOENT) ? NGX_DECLINED
               : ngx_soporte_snapshot_fail(err, errno,
                                           "open() of its directory");
    }

    /* O_NONBLOCK: a FIFO in its place must not hold up a start */

    *fd = openat(at, NGX_SOPORTE_SNAPSHOT_NAME,
                 O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    rc = (*fd != -1) ? NGX_OK
         : (errno == ENOENT) ? NGX_DECLINED
         : ngx_soporte_snapshot_fail(err, errno, "open()");

    (void) close(at);

    return rc;
}


static ngx_int_t
ngx_soporte_snapshot_get(int fd, u_char *p, size_t size,
    ngx_soporte_snapshot_err_t *err)
{
    ssize_t  n;

    while (size) {
        n = read(fd, p, size);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return ngx_soporte_snapshot_fail(err, n ? errno : 0, "read()");
        }

        p += n;
        size -= n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_snapshot_size(int fd, uid_t uid, size_t *size,
    ngx_soporte_snapshot_err_t *err)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return ngx_soporte_snapshot_fail(err, errno, "fstat()");
    }

    if (!S_ISREG(st.st_mode) || (st.st_mode & 077)
        || (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != uid))
    {
        return ngx_soporte_snapshot_fail(err, 0, "a file of somebody else, "
                                         "or open to others");
    }

    if (st.st_size < NGX_SOPORTE_SNAPSHOT_HEAD + NGX_SOPORTE_SNAPSHOT_DIGEST
        || st.st_size > NGX_SOPORTE_SNAPSHOT_MAX)
    {
        return ngx_soporte_snapshot_fail(err, 0, "torn, it has %lld bytes",
                                         (long long) st.st_size);
    }

    *size = (size_t) st.st_size;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_snapshot_check(const u_char *p, size_t size,
    ngx_soporte_snapshot_err_t *err)
{
    u_char    digest[NGX_SOPORTE_SNAPSHOT_DIGEST];
    uint64_t  len;

    if (memcmp(p, NGX_SOPORTE_SNAPSHOT_MAGIC, 8) != 0) {
        return ngx_soporte_snapshot_fail(err, 0, "not a snapshot");
    }

    memcpy(&len, p + 8, 8);

    size -= NGX_SOPORTE_SNAPSHOT_DIGEST;

    if (len != size - NGX_SOPORTE_SNAPSHOT_HEAD) {
        return ngx_soporte_snapshot_fail(err, 0, "torn, it lacks an end");
    }

    if (EVP_Digest(p, size, digest, NULL, EVP_sha256(), NULL) != 1
        || memcmp(digest, p + size, sizeof(digest)) != 0)
    {
        return ngx_soporte_snapshot_fail(err, 0, "its checksum is wrong");
    }

    return NGX_OK;
}
