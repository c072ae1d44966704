
/*
 * The other half of the spool: tickets are claimed, delivered, set apart,
 * swept and counted.  One task at a time of a process runs this.
 *
 * A scan of new/ keeps the oldest in memory, and the claims that follow take
 * them from there, so that a hundred thousand tickets are not read a thousand
 * times.  What the list says may be outdated; the rename decides.
 */


#include "ngx_soporte_spool_dir.h"

#include <time.h>


#define NGX_SOPORTE_SPOOL_LIST    8192         /* oldest kept by a scan */
#define NGX_SOPORTE_SPOOL_DONE    "done."      /* delivered, in tmp/ */
#define NGX_SOPORTE_SPOOL_STALE   60           /* s, what else is in tmp/ */
#define NGX_SOPORTE_SPOOL_UNREAD  (7 * 86400)  /* s, in notify/ */
#define NGX_SOPORTE_SPOOL_SWEEP   256          /* removed by one call */


typedef struct {
    ngx_soporte_spool_t             *sp;
    ngx_soporte_mem_t               *mem;
    ngx_uint_t                       max_tickets;
    size_t                           max_bytes;
    ngx_soporte_spool_batch_t       *batch;
    ngx_soporte_spool_err_t         *err;
} ngx_soporte_spool_claim_t;


typedef struct {
    ngx_soporte_spool_name_t        *names;
    ngx_uint_t                       n;
    int                              dir;
} ngx_soporte_spool_listing_t;


typedef struct {
    ngx_soporte_spool_dir_e          dir;
    ngx_uint_t                       limit;
    ngx_uint_t                       seen;
    ngx_uint_t                       weigh;
    ngx_soporte_spool_stat_t        *st;
} ngx_soporte_spool_counting_t;


typedef struct {
    ngx_soporte_spool_dir_e          dir;
    time_t                           before;   /* 0: only what is done */
    ngx_int_t                        n;
} ngx_soporte_spool_sweep_t;


/* ms since the epoch: a UUIDv7 carries it, else the directory's own time */

static ngx_int_t
ngx_soporte_spool_age(ngx_soporte_spool_t *sp, ngx_uint_t dir,
    const char *name, ngx_soporte_spool_entry_t *e)
{
    ngx_uint_t   i;
    struct stat  st;

    if (ngx_soporte_spool_parse(name, e->id) != NGX_OK) {
        return NGX_DECLINED;
    }

    e->at = 0;

    if ((e->id[6] >> 4) == 7) {

        for (i = 0; i < 6; i++) {
            e->at = (e->at << 8) | e->id[i];
        }

        return NGX_OK;
    }

    if (fstatat(sp->dirs[dir], name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return NGX_DECLINED;
    }

    e->at = (uint64_t) st.st_mtim.tv_sec * 1000
            + st.st_mtim.tv_nsec / 1000000;

    return NGX_OK;
}


static int
ngx_soporte_spool_compare(const void *one, const void *two)
{
    const ngx_soporte_spool_entry_t  *a = one, *b = two;

    if (a->at != b->at) {
        return (a->at < b->at) ? -1 : 1;
    }

    return memcmp(a->id, b->id, sizeof(a->id));
}


static void
ngx_soporte_spool_sort(ngx_soporte_spool_t *sp)
{
    qsort(sp->list, sp->nlist, sizeof(ngx_soporte_spool_entry_t),
          ngx_soporte_spool_compare);
}


/* the list has room for twice what is kept: sorted and cut when it is full */

static ngx_int_t
ngx_soporte_spool_enlist(ngx_soporte_spool_t *sp, const char *name,
    void *data)
{
    if (ngx_soporte_spool_stopping(sp)) {
        return NGX_ABORT;
    }

    if (sp->nlist == 2 * NGX_SOPORTE_SPOOL_LIST) {
        ngx_soporte_spool_sort(sp);
        sp->nlist = NGX_SOPORTE_SPOOL_LIST;
    }

    if (ngx_soporte_spool_age(sp, NGX_SOPORTE_SPOOL_NEW, name,
                              &sp->list[sp->nlist])
        == NGX_OK)
    {
        sp->nlist++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_relist(ngx_soporte_spool_t *sp, ngx_soporte_spool_err_t *err)
{
    ngx_int_t  rc;

    sp->next = 0;
    sp->nlist = 0;

    if (sp->list == NULL) {
        sp->list = malloc(2 * NGX_SOPORTE_SPOOL_LIST
                          * sizeof(ngx_soporte_spool_entry_t));
        if (sp->list == NULL) {
            return ngx_soporte_spool_fail(err, ENOMEM, "malloc", "new");
        }
    }

    rc = ngx_soporte_spool_scan(sp, sp->dirs[NGX_SOPORTE_SPOOL_NEW],
                                ngx_soporte_spool_enlist, NULL);

    if (rc != NGX_OK) {
        sp->nlist = 0;
        return (rc == NGX_ABORT) ? ngx_soporte_spool_stopped(err)
               : ngx_soporte_spool_fail(err, errno, "read", "new");
    }

    ngx_soporte_spool_sort(sp);

    if (sp->nlist > NGX_SOPORTE_SPOOL_LIST) {
        sp->nlist = NGX_SOPORTE_SPOOL_LIST;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_listed(ngx_soporte_spool_t *sp, const char *name, void *data)
{
    ngx_soporte_spool_listing_t  *l = data;

    struct stat  st;

    if (!ngx_soporte_spool_name_valid(name)
        || l->n == NGX_SOPORTE_SPOOL_FILES_MAX
        || fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1
        || !S_ISREG(st.st_mode))
    {
        return NGX_OK;
    }

    (void) snprintf(l->names[l->n].name, sizeof(l->names[l->n].name), "%s",
                    name);
    l->names[l->n].len = st.st_size;
    l->n++;

    return NGX_OK;
}


static int
ngx_soporte_spool_byname(const void *one, const void *two)
{
    const ngx_soporte_spool_name_t  *a = one, *b = two;

    return strcmp(a->name, b->name);
}


/* NGX_OK, NGX_AGAIN: no room for its ticket.json, NGX_ERROR with errno */

static ngx_int_t
ngx_soporte_spool_open_ticket(ngx_soporte_spool_claim_t *c, int parent,
    const char *name, ngx_soporte_spool_ticket_t *t)
{
    int                          dir, sys;
    size_t                       room;
    ngx_int_t                    rc;
    ngx_soporte_spool_name_t     names[NGX_SOPORTE_SPOOL_FILES_MAX];
    ngx_soporte_spool_listing_t  l;

    dir = ngx_soporte_spool_opendir(parent, name);
    if (dir == -1) {
        return NGX_ERROR;
    }

    room = NGX_SOPORTE_SPOOL_JSON_MAX;

    if (c->batch->n) {
        room = c->max_bytes - ngx_min(c->batch->bytes, c->max_bytes);
    }

    rc = ngx_soporte_spool_json(dir, c->mem, room, &t->json);

    if (rc != NGX_OK) {
        sys = errno;
        (void) close(dir);
        errno = sys;
        return rc;
    }

    l.names = names;
    l.n = 0;
    l.dir = dir;

    rc = ngx_soporte_spool_scan_fd(c->sp, dir, ngx_soporte_spool_listed, &l);

    if (rc != NGX_OK || l.n == 0) {
        return rc;
    }

    qsort(names, l.n, sizeof(names[0]), ngx_soporte_spool_byname);

    t->nfiles = l.n;
    t->files = ngx_soporte_alloc(c->mem, l.n * sizeof(names[0]));

    if (t->files == NULL) {
        errno = ENOMEM;
        return NGX_ERROR;
    }

    ngx_memcpy(t->files, names, l.n * sizeof(names[0]));

    return NGX_OK;
}


/* moves a ticket to dead/, under another name if one of its id lies there */

static ngx_int_t
ngx_soporte_spool_bury(ngx_soporte_spool_t *sp, ngx_uint_t from,
    const char *name, const char *reason, ngx_soporte_spool_err_t *err)
{
    int         dir, fd;
    char        to[NGX_SOPORTE_SPOOL_ID + 16];
    size_t      len;
    ngx_uint_t  i;

    /* the reason is a help, the move is what counts */

    dir = ngx_soporte_spool_opendir(sp->dirs[from], name);

    if (dir != -1) {
        fd = openat(dir, NGX_SOPORTE_SPOOL_REASON,
                    O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC,
                    0600);

        if (fd != -1) {
            len = strlen(reason);

            if (write(fd, reason, len) != (ssize_t) len
                || write(fd, "\n", 1) != 1)
            {
                (void) unlinkat(dir, NGX_SOPORTE_SPOOL_REASON, 0);
            }

            (void) close(fd);
        }

        (void) close(dir);
    }

    (void) snprintf(to, sizeof(to), "%s", name);

    for (i = 1; i < 100; i++) {

        if (renameat(sp->dirs[from], name, sp->dirs[NGX_SOPORTE_SPOOL_DEAD],
                     to)
            == 0)
        {
            return NGX_OK;
        }

        if (errno != EEXIST && errno != ENOTEMPTY) {
            break;
        }

        (void) snprintf(to, sizeof(to), "%s.%u", name, (unsigned) i);
    }

    return ngx_soporte_spool_fail(err, errno, "rename", "dead");
}


/*
 * Takes one ticket into the batch.  NGX_OK: taken or gone; NGX_AGAIN: the
 * batch is full; NGX_ERROR: nothing can be claimed now.
 */

static ngx_int_t
ngx_soporte_spool_take(ngx_soporte_spool_claim_t *c, ngx_uint_t from,
    const u_char id[16])
{
    int                          sys;
    char                         name[NGX_SOPORTE_SPOOL_ID + 1];
    ngx_int_t                    rc;
    struct stat                  st;
    ngx_soporte_spool_t         *sp;
    ngx_soporte_spool_batch_t   *b;
    ngx_soporte_spool_ticket_t  *t;

    sp = c->sp;
    b = c->batch;

    if (b->n == c->max_tickets) {
        return NGX_AGAIN;
    }

    t = &b->tickets[b->n];
    ngx_memzero(t, sizeof(ngx_soporte_spool_ticket_t));
    ngx_memcpy(t->id, id, sizeof(t->id));
    ngx_soporte_spool_text(name, id);

    rc = ngx_soporte_spool_open_ticket(c, sp->dirs[from], name, t);
    sys = errno;

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {

        if (sys == ENOMEM || sys == EMFILE || sys == ENFILE) {
            return ngx_soporte_spool_fail(c->err, sys, "read", name);
        }

        if (sys == ENOENT
            && fstatat(sp->dirs[from], name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            return NGX_OK;
        }

        /* one ticket that can't be read must not stand before all others */

        (void) ngx_soporte_spool_fail(&b->dead, sys, "read",
                                      NGX_SOPORTE_SPOOL_JSON);
        b->ndead++;

        return ngx_soporte_spool_bury(sp, from, name, b->dead.text, c->err);
    }

    if (from == NGX_SOPORTE_SPOOL_NEW
        && renameat(sp->dirs[from], name, sp->dirs[NGX_SOPORTE_SPOOL_SENDING],
                    name)
           == -1)
    {
        /* another process was quicker, or its twin is under way */

        if (errno == ENOENT || errno == EEXIST || errno == ENOTEMPTY) {
            return NGX_OK;
        }

        return ngx_soporte_spool_fail(c->err, errno, "rename", "sending");
    }

    b->bytes += t->json.len;
    b->n++;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_retake(ngx_soporte_spool_t *sp, const char *name, void *data)
{
    u_char  id[16];

    if (ngx_soporte_spool_parse(name, id) != NGX_OK) {
        return NGX_OK;
    }

    return ngx_soporte_spool_take(data, NGX_SOPORTE_SPOOL_SENDING, id);
}


static ngx_int_t
ngx_soporte_spool_sweep_one(ngx_soporte_spool_t *sp, const char *name,
    void *data)
{
    ngx_soporte_spool_sweep_t  *sw = data;

    int          dir;
    uint64_t     bytes;
    ngx_uint_t   done;
    struct stat  st;

    if (ngx_soporte_spool_stopping(sp)) {
        return NGX_ABORT;
    }

    if (sw->n == NGX_SOPORTE_SPOOL_SWEEP) {
        return NGX_DONE;
    }

    dir = sp->dirs[sw->dir];
    done = strncmp(name, NGX_SOPORTE_SPOOL_DONE,
                   sizeof(NGX_SOPORTE_SPOOL_DONE) - 1) == 0;

    /* for a link in notify/ the time is that of the ticket's last write */

    if ((!done && sw->before == 0)
        || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1
        || (!done && st.st_mtime > sw->before))
    {
        return NGX_OK;
    }

    if (!S_ISDIR(st.st_mode)) {
        sw->n += (unlinkat(dir, name, 0) == 0);
        return NGX_OK;
    }

    if (ngx_soporte_spool_weigh(sp, dir, name, 1, &bytes) == NGX_OK) {
        ngx_soporte_spool_release(sp, bytes);
        sw->n++;
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_spool_claim(ngx_soporte_spool_t *sp, ngx_soporte_mem_t *mem,
    ngx_uint_t max_tickets, size_t max_bytes,
    ngx_soporte_spool_batch_t *batch, ngx_soporte_spool_err_t *err)
{
    ngx_int_t                  rc;
    ngx_uint_t                 scanned;
    ngx_soporte_spool_claim_t  c;
    ngx_soporte_spool_sweep_t  sw;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));
    ngx_memzero(batch, sizeof(ngx_soporte_spool_batch_t));

    batch->tickets = ngx_soporte_alloc(mem, max_tickets
                                       * sizeof(ngx_soporte_spool_ticket_t));
    if (batch->tickets == NULL) {
        return ngx_soporte_spool_fail(err, ENOMEM, "malloc", "batch");
    }

    c.sp = sp;
    c.mem = mem;
    c.max_tickets = max_tickets;
    c.max_bytes = max_bytes;
    c.batch = batch;
    c.err = err;

    rc = ngx_soporte_spool_scan(sp, sp->dirs[NGX_SOPORTE_SPOOL_SENDING],
                                ngx_soporte_spool_retake, &c);
    batch->nold = batch->n;

    if (rc == NGX_ERROR && err->code == NGX_SOPORTE_SPOOL_NO_ERROR) {
        (void) ngx_soporte_spool_fail(err, errno, "read", "sending");
    }

    for (scanned = 0; rc == NGX_OK; /* void */ ) {

        if (ngx_soporte_spool_stopping(sp)) {
            rc = ngx_soporte_spool_stopped(err);
            break;
        }

        if (sp->next == sp->nlist) {

            if (scanned++) {
                break;
            }

            rc = ngx_soporte_spool_relist(sp, err);
            continue;
        }

        rc = ngx_soporte_spool_take(&c, NGX_SOPORTE_SPOOL_NEW,
                                    sp->list[sp->next].id);

        /* one that does not fit is the first of the next batch */

        if (rc == NGX_OK) {
            sp->next++;
        }
    }

    /* nothing to do: time to remove what was delivered */

    if (rc == NGX_OK && batch->n == 0) {
        ngx_memzero(&sw, sizeof(ngx_soporte_spool_sweep_t));
        sw.dir = NGX_SOPORTE_SPOOL_TMP;

        batch->more = (ngx_soporte_spool_scan(sp, sp->dirs[sw.dir],
                                              ngx_soporte_spool_sweep_one, &sw)
                       == NGX_DONE);
    }

    /* what was claimed before an error is delivered, the error comes back */

    if (rc == NGX_ERROR && batch->n == 0) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ssize_t
ngx_soporte_spool_read(ngx_soporte_spool_t *sp, const u_char id[16],
    const char *name, off_t at, u_char *buf, size_t size,
    ngx_soporte_spool_err_t *err)
{
    int      dir, sys;
    char     text[NGX_SOPORTE_SPOOL_ID + 1];
    ssize_t  n;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));

    if (!ngx_soporte_spool_name_valid(name)) {
        (void) ngx_soporte_spool_fail(err, 0, "invalid name of", "attachment");
        return -1;
    }

    ngx_soporte_spool_text(text, id);

    dir = ngx_soporte_spool_opendir(sp->dirs[NGX_SOPORTE_SPOOL_SENDING], text);
    if (dir == -1) {
        (void) ngx_soporte_spool_fail(err, errno, "open", "sending");
        return -1;
    }

    n = ngx_soporte_spool_load(dir, name, at, buf, size);
    sys = errno;
    (void) close(dir);

    if (n == -1) {
        (void) ngx_soporte_spool_fail(err, sys, "read", name);
    }

    return n;
}


/*
 * One rename, since to remove files takes a disk five times as long, and
 * PostgreSQL could take the next batch meanwhile.
 */

ngx_int_t
ngx_soporte_spool_done(ngx_soporte_spool_t *sp, const u_char id[16],
    ngx_soporte_spool_err_t *err)
{
    char  name[NGX_SOPORTE_SPOOL_ID + 1], to[NGX_SOPORTE_SPOOL_ID + 64];

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));
    ngx_soporte_spool_text(name, id);

    (void) snprintf(to, sizeof(to), NGX_SOPORTE_SPOOL_DONE "%s.%ld.%lu", name,
                    (long) getpid(),
                    (unsigned long) ngx_atomic_fetch_add(&sp->serial, 1));

    if (renameat(sp->dirs[NGX_SOPORTE_SPOOL_SENDING], name,
                 sp->dirs[NGX_SOPORTE_SPOOL_TMP], to)
        == 0)
    {
        return NGX_OK;
    }

    /* another leader was done with it first */

    return (errno == ENOENT) ? NGX_OK
           : ngx_soporte_spool_fail(err, errno, "rename", "tmp");
}


ngx_int_t
ngx_soporte_spool_dead(ngx_soporte_spool_t *sp, const u_char id[16],
    const char *reason, ngx_soporte_spool_err_t *err)
{
    char  name[NGX_SOPORTE_SPOOL_ID + 1];

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));
    ngx_soporte_spool_text(name, id);

    return ngx_soporte_spool_bury(sp, NGX_SOPORTE_SPOOL_SENDING, name, reason,
                                  err);
}


ngx_int_t
ngx_soporte_spool_back(ngx_soporte_spool_t *sp, const u_char id[16],
    ngx_soporte_spool_err_t *err)
{
    char  name[NGX_SOPORTE_SPOOL_ID + 1];

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));
    ngx_soporte_spool_text(name, id);

    /* what can't go back stays in sending/, and the next claim finds it */

    if (renameat(sp->dirs[NGX_SOPORTE_SPOOL_SENDING], name,
                 sp->dirs[NGX_SOPORTE_SPOOL_NEW], name)
        == -1)
    {
        return ngx_soporte_spool_fail(err, errno, "rename", "new");
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_spool_sweep(ngx_soporte_spool_t *sp, ngx_soporte_spool_err_t *err)
{
    ngx_int_t                  rc;
    ngx_soporte_spool_sweep_t  sw;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));

    sw.n = 0;
    sw.dir = NGX_SOPORTE_SPOOL_TMP;
    sw.before = time(NULL) - NGX_SOPORTE_SPOOL_STALE;

    rc = ngx_soporte_spool_scan(sp, sp->dirs[sw.dir],
                                ngx_soporte_spool_sweep_one, &sw);

    if (rc == NGX_OK) {
        sw.dir = NGX_SOPORTE_SPOOL_NOTIFY;
        sw.before = time(NULL) - NGX_SOPORTE_SPOOL_UNREAD;

        rc = ngx_soporte_spool_scan(sp, sp->dirs[sw.dir],
                                    ngx_soporte_spool_sweep_one, &sw);
    }

    if (rc == NGX_ERROR) {
        return ngx_soporte_spool_fail(err, errno, "read",
                                      ngx_soporte_spool_names[sw.dir]);
    }

    return sw.n;
}


static ngx_int_t
ngx_soporte_spool_count(ngx_soporte_spool_t *sp, const char *name, void *data)
{
    ngx_soporte_spool_counting_t  *c = data;

    uint64_t                   bytes;
    ngx_soporte_spool_entry_t  e;

    if (ngx_soporte_spool_stopping(sp)) {
        return NGX_ABORT;
    }

    if (c->seen == c->limit) {
        c->st->more = 1;
        return NGX_DONE;
    }

    c->seen++;
    c->st->count[c->dir]++;

    if ((c->dir == NGX_SOPORTE_SPOOL_NEW || c->dir == NGX_SOPORTE_SPOOL_SENDING)
        && ngx_soporte_spool_age(sp, c->dir, name, &e) == NGX_OK
        && (c->st->oldest == 0 || e.at < c->st->oldest))
    {
        c->st->oldest = e.at;
    }

    if (c->weigh && c->dir != NGX_SOPORTE_SPOOL_NOTIFY
        && ngx_soporte_spool_weigh(sp, sp->dirs[c->dir], name, 0, &bytes)
           == NGX_OK)
    {
        c->st->bytes += bytes;
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_spool_stat(ngx_soporte_spool_t *sp, ngx_uint_t limit,
    ngx_uint_t weigh, ngx_soporte_spool_stat_t *st,
    ngx_soporte_spool_err_t *err)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_soporte_spool_counting_t  c;

    ngx_memzero(err, sizeof(ngx_soporte_spool_err_t));
    ngx_memzero(st, sizeof(ngx_soporte_spool_stat_t));

    c.limit = limit;
    c.seen = 0;
    c.weigh = weigh;
    c.st = st;

    for (i = 0; i < NGX_SOPORTE_SPOOL_DIRS; i++) {
        c.dir = i;

        rc = ngx_soporte_spool_scan(sp, sp->dirs[i], ngx_soporte_spool_count,
                                    &c);
        if (rc == NGX_ABORT) {
            return ngx_soporte_spool_stopped(err);
        }

        if (rc == NGX_ERROR) {
            return ngx_soporte_spool_fail(err, errno, "read",
                                          ngx_soporte_spool_names[i]);
        }
    }

    if (!weigh && sp->used) {
        st->bytes = *sp->used;
    }

    (void) pthread_mutex_lock(&sp->mutex);

    st->puts = sp->puts;
    st->syncs = sp->syncs;

    (void) pthread_mutex_unlock(&sp->mutex);

    return NGX_OK;
}
