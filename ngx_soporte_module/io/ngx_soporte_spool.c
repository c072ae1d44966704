
/*
 * One job: a ticket is on disk before anybody is told so.
 *
 * rename() is the commit, readdir() the recovery.  A ticket is written under
 * a name of its own in tmp/, so two requests with one id never meet there;
 * the rename to new/ decides who was first.  The last fsync, that of new/, is
 * shared: who finds none under way runs it for all that renamed before it
 * began.  A failed fsync is never tried again on the same file, since the
 * kernel may have dropped the pages and would answer 0: the ticket is
 * withdrawn and the caller told.
 */


#include "ngx_soporte_spool_dir.h"


#define NGX_SOPORTE_SPOOL_COPY  65536


static ngx_int_t
ngx_soporte_spool_write(int fd, const u_char *p, size_t len)
{
    ssize_t  n;

    while (len) {
        n = write(fd, p, len);

        if (n == -1) {

            if (errno == EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        p += n;
        len -= n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_copy(ngx_soporte_spool_t *sp, int fd,
    const ngx_soporte_spool_file_t *file)
{
    off_t    offset;
    size_t   left;
    u_char  *buf;
    ssize_t  n;

    buf = malloc(NGX_SOPORTE_SPOOL_COPY);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    offset = file->offset;

    for (left = file->len; left; left -= n) {

        if (sp->stop[1] && *sp->stop[1]) {
            errno = ECANCELED;
            break;
        }

        n = pread(file->fd, buf, ngx_min(left, NGX_SOPORTE_SPOOL_COPY),
                  offset);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {

            /* the file is shorter than it was said to be */

            if (n == 0) {
                errno = EIO;
            }

            break;
        }

        if (ngx_soporte_spool_write(fd, buf, n) != NGX_OK) {
            break;
        }

        offset += n;
    }

    free(buf);

    return left ? NGX_ERROR : NGX_OK;
}


/* writes and fsyncs one file of a ticket that is being made */

static ngx_int_t
ngx_soporte_spool_add(ngx_soporte_spool_t *sp, int dir,
    const ngx_soporte_spool_file_t *file, ngx_soporte_spool_err_t *err)
{
    int        fd;
    ngx_int_t  rc;

    fd = openat(dir, file->name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC,
                0600);

    if (fd == -1) {
        return ngx_soporte_spool_fail(err, errno, "open", file->name);
    }

    if (file->data || file->len == 0) {
        rc = ngx_soporte_spool_write(fd, file->data, file->len);

    } else {
        rc = ngx_soporte_spool_copy(sp, fd, file);
    }

    if (rc != NGX_OK) {

        if (errno == ECANCELED) {
            (void) ngx_soporte_spool_stopped(err);

        } else {
            (void) ngx_soporte_spool_fail(err, errno, "write", file->name);
        }

    } else if (fsync(fd) == -1) {
        rc = ngx_soporte_spool_fail(err, errno, "fsync", file->name);
    }

    (void) close(fd);

    return rc;
}


/*
 * The shared fsync of new/.  Returns 0 or the errno of the one fsync that
 * began after the caller had renamed.  The wait hears no flag: it ends with
 * another thread's fsync, and that hears none either.
 */

static int
ngx_soporte_spool_sync(ngx_soporte_spool_t *sp)
{
    int                        sys;
    ngx_soporte_spool_wait_t   self, *w, *next;

    self.done = 0;
    self.err = 0;

    (void) pthread_mutex_lock(&sp->mutex);

    self.next = sp->waiting;
    sp->waiting = &self;
    sp->puts++;

    while (!self.done) {

        if (sp->syncing) {
            (void) pthread_cond_wait(&sp->cond, &sp->mutex);
            continue;
        }

        w = sp->waiting;
        sp->waiting = NULL;
        sp->syncing = 1;
        sp->syncs++;

        (void) pthread_mutex_unlock(&sp->mutex);

        sys = fsync(sp->dirs[NGX_SOPORTE_SPOOL_NEW]) ? errno : 0;

        (void) pthread_mutex_lock(&sp->mutex);

        sp->syncing = 0;

        for ( /* void */ ; w; w = next) {
            next = w->next;
            w->err = sys;
            w->done = 1;
        }

        (void) pthread_cond_broadcast(&sp->cond);
    }

    (void) pthread_mutex_unlock(&sp->mutex);

    return self.err;
}


/*
 * Is the id in the spool?  Then its own put() may still be before its last
 * fsync, so NGX_DECLINED is not said before a later one ended well.
 */

static ngx_int_t
ngx_soporte_spool_exists(ngx_soporte_spool_t *sp, const char *name,
    ngx_soporte_spool_err_t *err)
{
    int          sys;
    ngx_uint_t   i;
    struct stat  st;

    for (i = NGX_SOPORTE_SPOOL_NEW; i <= NGX_SOPORTE_SPOOL_DEAD; i++) {

        if (fstatat(sp->dirs[i], name, &st, AT_SYMLINK_NOFOLLOW) == -1) {

            if (errno == ENOENT) {
                continue;
            }

            return ngx_soporte_spool_fail(err, errno, "stat",
                                          ngx_soporte_spool_names[i]);
        }

        if (i == NGX_SOPORTE_SPOOL_NEW) {
            sys = ngx_soporte_spool_sync(sp);

        } else {
            sys = fsync(sp->dirs[i]) ? errno : 0;
        }

        if (sys) {
            return ngx_soporte_spool_fail(err, sys, "fsync",
                                          ngx_soporte_spool_names[i]);
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_check(const ngx_str_t *json,
    const ngx_soporte_spool_file_t *files, ngx_uint_t nfiles, uint64_t *cost,
    ngx_soporte_spool_err_t *err)
{
    ngx_uint_t  i;

    if (json->len == 0 || json->len > NGX_SOPORTE_SPOOL_JSON_MAX) {
        return ngx_soporte_spool_fail(err, 0, "invalid length of",
                                      NGX_SOPORTE_SPOOL_JSON);
    }

    if (nfiles > NGX_SOPORTE_SPOOL_FILES_MAX) {
        return ngx_soporte_spool_fail(err, 0, "too many", "attachments");
    }

    *cost = ngx_soporte_spool_cost(1) + ngx_soporte_spool_cost(json->len);

    for (i = 0; i < nfiles; i++) {

        if (!ngx_soporte_spool_name_valid(files[i].name)) {
            return ngx_soporte_spool_fail(err, 0, "invalid name of",
                                          "attachment");
        }

        *cost += ngx_soporte_spool_cost(files[i].len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_reserve(ngx_soporte_spool_t *sp, uint64_t cost,
    ngx_soporte_spool_err_t *err)
{
    uint64_t  used;

    if (sp->used == NULL) {
        return NGX_OK;
    }

    used = ngx_atomic_fetch_add(sp->used, (ngx_atomic_int_t) cost);

    if (sp->max_size && used + cost > sp->max_size) {
        ngx_soporte_spool_release(sp, cost);
        (void) ngx_soporte_spool_fail(err, 0, "no room in", "spool");
        err->code = NGX_SOPORTE_SPOOL_FULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* makes tmp/<id>.<pid>.<n>/ with its files, all durable but the name */

static ngx_int_t
ngx_soporte_spool_fill(ngx_soporte_spool_t *sp, char *tmp, size_t size,
    const char *name, const ngx_soporte_spool_file_t *files, ngx_uint_t nfiles,
    int *dir, ngx_soporte_spool_err_t *err)
{
    int         parent, rc;
    ngx_uint_t  i;

    parent = sp->dirs[NGX_SOPORTE_SPOOL_TMP];

    do {
        (void) snprintf(tmp, size, "%s.%ld.%lu", name, (long) getpid(),
                        (unsigned long) ngx_atomic_fetch_add(&sp->serial, 1));

        rc = mkdirat(parent, tmp, 0700);

    } while (rc == -1 && errno == EEXIST);

    if (rc == -1) {
        return ngx_soporte_spool_fail(err, errno, "mkdir", "tmp");
    }

    *dir = ngx_soporte_spool_opendir(parent, tmp);
    if (*dir == -1) {
        (void) ngx_soporte_spool_fail(err, errno, "open", "tmp");
        (void) unlinkat(parent, tmp, AT_REMOVEDIR);
        return NGX_ERROR;
    }

    for (i = 0; i < nfiles; i++) {
        if (ngx_soporte_spool_add(sp, *dir, &files[i], err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (fsync(*dir) == -1) {
        return ngx_soporte_spool_fail(err, errno, "fsync", "tmp");
    }

    return NGX_OK;
}


/*
 * Links the ticket into notify/, then renames it to new/: a crash between the
 * two tells somebody of a ticket that was never acknowledged, the other order
 * would tell nobody of one that may be delivered.
 */

static ngx_int_t
ngx_soporte_spool_publish(ngx_soporte_spool_t *sp, const char *tmp,
    const char *name, int dir, ngx_uint_t notify, ngx_soporte_spool_err_t *err)
{
    int         sys;
    char        link[NGX_SOPORTE_SPOOL_ID + sizeof(".json")];
    ngx_uint_t  linked;

    linked = 0;

    if (notify) {
        (void) snprintf(link, sizeof(link), "%s.json", name);

        if (linkat(dir, NGX_SOPORTE_SPOOL_JSON,
                   sp->dirs[NGX_SOPORTE_SPOOL_NOTIFY], link, 0)
            == 0)
        {
            linked = 1;

        } else if (errno != EEXIST) {
            return ngx_soporte_spool_fail(err, errno, "link", "notify");
        }
    }

    if (renameat(sp->dirs[NGX_SOPORTE_SPOOL_TMP], tmp,
                 sp->dirs[NGX_SOPORTE_SPOOL_NEW], name)
        == -1)
    {
        sys = errno;

        if (linked) {
            (void) unlinkat(sp->dirs[NGX_SOPORTE_SPOOL_NOTIFY], link, 0);
        }

        if (sys == EEXIST || sys == ENOTEMPTY) {
            return NGX_DECLINED;
        }

        return ngx_soporte_spool_fail(err, sys, "rename", "new");
    }

    sys = ngx_soporte_spool_sync(sp);

    if (sys == 0) {
        return NGX_OK;
    }

    if (linked) {
        (void) unlinkat(sp->dirs[NGX_SOPORTE_SPOOL_NOTIFY], link, 0);
    }

    (void) renameat(sp->dirs[NGX_SOPORTE_SPOOL_NEW], name,
                    sp->dirs[NGX_SOPORTE_SPOOL_TMP], tmp);

    return ngx_soporte_spool_fail(err, sys, "fsync", "new");
}


ngx_int_t
ngx_soporte_spool_put(ngx_soporte_spool_t *sp, const u_char id[16],
    const ngx_str_t *json, const ngx_soporte_spool_file_t *files,
    ngx_uint_t nfiles, ngx_uint_t notify, ngx_soporte_spool_err_t *err)
{
    int                       dir;
    char                      name[NGX_SOPORTE_SPOOL_ID + 1];
    char                      tmp[NGX_SOPORTE_SPOOL_ID + 64];
    uint64_t                  cost, bytes;
    ngx_int_t                 rc;
    ngx_soporte_spool_file_t  all[NGX_SOPORTE_SPOOL_FILES_MAX + 1];

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));

    cost = 0;

    if (ngx_soporte_spool_check(json, files, nfiles, &cost, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_spool_text(name, id);

    rc = ngx_soporte_spool_exists(sp, name, err);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_soporte_spool_reserve(sp, cost, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (nfiles) {
        ngx_memcpy(all, files, nfiles * sizeof(ngx_soporte_spool_file_t));
    }

    ngx_memzero(&all[nfiles], sizeof(ngx_soporte_spool_file_t));
    all[nfiles].name = NGX_SOPORTE_SPOOL_JSON;
    all[nfiles].data = json->data;
    all[nfiles].len = json->len;

    dir = -1;

    rc = ngx_soporte_spool_fill(sp, tmp, sizeof(tmp), name, all, nfiles + 1,
                                &dir, err);
    if (rc == NGX_OK) {
        rc = ngx_soporte_spool_publish(sp, tmp, name, dir, notify, err);
    }

    if (dir != -1) {
        (void) close(dir);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    /* ENOENT if there was nothing to withdraw */

    (void) ngx_soporte_spool_weigh(sp, sp->dirs[NGX_SOPORTE_SPOOL_TMP], tmp, 1,
                                   &bytes);
    ngx_soporte_spool_release(sp, cost);

    if (rc == NGX_DECLINED) {

        /* somebody was first, and may be before the last fsync: as above */

        rc = ngx_soporte_spool_exists(sp, name, err);

        if (rc == NGX_OK) {
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


ngx_int_t
ngx_soporte_spool_find(ngx_soporte_spool_t *sp, const u_char id[16],
    ngx_soporte_mem_t *mem, ngx_str_t *json, ngx_soporte_spool_dir_e *where,
    ngx_soporte_spool_err_t *err)
{
    /* new/ twice: a ticket may go back while sending/ is looked at */

    static const ngx_soporte_spool_dir_e  order[] = {
        NGX_SOPORTE_SPOOL_NEW, NGX_SOPORTE_SPOOL_SENDING,
        NGX_SOPORTE_SPOOL_DEAD, NGX_SOPORTE_SPOOL_NEW
    };

    int         dir, sys;
    char        name[NGX_SOPORTE_SPOOL_ID + 1];
    ngx_int_t   rc;
    ngx_uint_t  i;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));
    ngx_soporte_spool_text(name, id);

    for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {

        dir = ngx_soporte_spool_opendir(sp->dirs[order[i]], name);

        if (dir == -1 && errno == ENOENT) {
            continue;
        }

        if (dir == -1) {
            return ngx_soporte_spool_fail(err, errno, "open",
                                          ngx_soporte_spool_names[order[i]]);
        }

        rc = ngx_soporte_spool_json(dir, mem, NGX_SOPORTE_SPOOL_JSON_MAX,
                                    json);
        sys = errno;
        (void) close(dir);

        if (rc == NGX_OK) {

            if (where) {
                *where = order[i];
            }

            return NGX_OK;
        }

        /* being removed just now: delivered */

        if (sys != ENOENT) {
            return ngx_soporte_spool_fail(err, sys, "read",
                                          NGX_SOPORTE_SPOOL_JSON);
        }
    }

    return NGX_DECLINED;
}
