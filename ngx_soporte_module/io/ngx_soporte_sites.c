
/*
 * Walks the benches' sites.  A file that did not change is not opened again:
 * a thousand sites are a thousand fstatat(), a few milliseconds of a thread.
 */

#include "ngx_soporte_sites.h"
#include "ngx_soporte_site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define NGX_SOPORTE_SITES_BLOCK  65536        /* bytes of names at once */
#define NGX_SOPORTE_SITES_KEY    64           /* bytes of a tenant's key */
#define NGX_SOPORTE_SITES_HOSTS  256          /* domains of one site */


typedef struct ngx_soporte_sites_block_s  ngx_soporte_sites_block_t;

struct ngx_soporte_sites_block_s {
    ngx_soporte_sites_block_t   *next;
    size_t                       used;
    size_t                       size;
};


typedef struct {
    ngx_soporte_sites_t         *sites;
    const ngx_soporte_sites_t   *before;
    volatile sig_atomic_t      **stop;
    uint32_t                     sites_alloc;
    uint32_t                     hosts_alloc;
    uint32_t                     copied;      /* sites that did not change */
    u_char                      *buf;         /* of a file, wiped after use */
    int                          dir;
    uint32_t                     bench;
    u_char                       key[NGX_SOPORTE_SITES_KEY];
} ngx_soporte_sites_reader_t;


static ngx_int_t ngx_soporte_sites_bench(ngx_soporte_sites_reader_t *r,
    const ngx_str_t *path);
static ngx_int_t ngx_soporte_sites_folder(ngx_soporte_sites_reader_t *r,
    const char *name);
static ngx_int_t ngx_soporte_sites_file(ngx_soporte_sites_reader_t *r,
    const char *name, struct stat *st);
static ngx_int_t ngx_soporte_sites_copy(ngx_soporte_sites_reader_t *r,
    const ngx_soporte_sites_site_t *from);
static ngx_int_t ngx_soporte_sites_keep(ngx_soporte_sites_reader_t *r,
    const char *name);
static ngx_soporte_sites_site_t *ngx_soporte_sites_add(
    ngx_soporte_sites_reader_t *r, const char *name);
static ngx_int_t ngx_soporte_sites_host(void *data, const u_char *host,
    size_t len);
static const ngx_soporte_sites_site_t *ngx_soporte_sites_before(
    ngx_soporte_sites_reader_t *r, const char *name);
static ngx_int_t ngx_soporte_sites_index(ngx_soporte_sites_t *s);
static ngx_uint_t ngx_soporte_sites_insert(ngx_soporte_sites_t *s,
    uint32_t host);
static uint32_t ngx_soporte_sites_hash(const u_char *p, size_t len);
static void ngx_soporte_sites_note(ngx_soporte_sites_reader_t *r,
    ngx_soporte_sites_note_e note, const char *name);
static void ngx_soporte_sites_mark(ngx_soporte_sites_mark_t *mark,
    const struct stat *st);
static u_char *ngx_soporte_sites_alloc(ngx_soporte_sites_t *s, size_t size);
static void *ngx_soporte_sites_grow(void *list, uint32_t *nalloc, uint32_t n,
    size_t size);
static int ngx_soporte_sites_order(const void *a, const void *b);


ngx_int_t
ngx_soporte_sites_read(const ngx_str_t *paths, ngx_uint_t npaths,
    const ngx_soporte_sites_t *before, volatile sig_atomic_t *stop[2],
    ngx_soporte_sites_t **sites)
{
    ngx_int_t                   rc;
    ngx_soporte_sites_t        *s;
    ngx_soporte_sites_reader_t  r;

    s = calloc(1, sizeof(ngx_soporte_sites_t));

    if (s == NULL) {
        return NGX_ERROR;
    }

    memset(&r, 0, sizeof(ngx_soporte_sites_reader_t));

    r.sites = s;
    r.before = before;
    r.stop = stop;
    r.buf = malloc(NGX_SOPORTE_SITES_CONFIG);

    rc = r.buf ? NGX_OK : NGX_ERROR;

    for (r.bench = 0; rc == NGX_OK && r.bench < npaths; r.bench++) {
        rc = ngx_soporte_sites_bench(&r, &paths[r.bench]);
    }

    free(r.buf);

    if (rc == NGX_OK) {
        rc = ngx_soporte_sites_index(s);
    }

    if (rc != NGX_OK) {
        ngx_soporte_sites_free(s);
        return rc;
    }

    s->same = before && r.copied == s->nsites && s->nsites == before->nsites;
    *sites = s;

    return NGX_OK;
}


void
ngx_soporte_sites_free(ngx_soporte_sites_t *sites)
{
    ngx_soporte_sites_block_t  *block, *next;

    if (sites == NULL) {
        return;
    }

    for (block = sites->blocks; block; block = next) {
        next = block->next;
        free(block);
    }

    free(sites->sites);
    free(sites->hosts);
    free(sites->table);
    free(sites);
}


/* the folders of one bench in the order of their names */

static ngx_int_t
ngx_soporte_sites_bench(ngx_soporte_sites_reader_t *r, const ngx_str_t *path)
{
    DIR            *dir;
    char          **names, **grown;
    uint32_t        i, n, nalloc;
    ngx_int_t       rc;
    struct dirent  *de;

    dir = opendir((char *) path->data);

    if (dir == NULL) {
        ngx_soporte_sites_note(r, NGX_SOPORTE_SITES_UNREADABLE,
                               (char *) path->data);
        return ngx_soporte_sites_keep(r, NULL);
    }

    r->dir = dirfd(dir);
    names = NULL;
    n = 0;
    nalloc = 0;
    rc = NGX_OK;

    while (rc == NGX_OK && n < NGX_SOPORTE_SITES_MAX) {
        de = readdir(dir);

        if (de == NULL) {
            break;
        }

        if (de->d_name[0] == '.'
            || (de->d_type != DT_DIR && de->d_type != DT_LNK
                && de->d_type != DT_UNKNOWN))
        {
            continue;
        }

        grown = ngx_soporte_sites_grow(names, &nalloc, n, sizeof(char *));

        if (grown == NULL) {
            rc = NGX_ERROR;
            break;
        }

        names = grown;
        names[n] = strdup(de->d_name);

        if (names[n] == NULL) {
            rc = NGX_ERROR;
            break;
        }

        n++;
    }

    if (n) {
        qsort(names, n, sizeof(char *), ngx_soporte_sites_order);
    }

    for (i = 0; i < n; i++) {
        if (rc == NGX_OK) {
            rc = ngx_soporte_sites_folder(r, names[i]);
        }

        free(names[i]);
    }

    free(names);
    (void) closedir(dir);

    return rc;
}


static int
ngx_soporte_sites_order(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/* a folder, which may be a link, and may be no site */

static ngx_int_t
ngx_soporte_sites_folder(ngx_soporte_sites_reader_t *r, const char *name)
{
    char                             path[NAME_MAX
                                          + sizeof("/site_config.json")];
    struct stat                      st;
    ngx_soporte_sites_mark_t         mark;
    const ngx_soporte_sites_site_t  *before;

    if (r->stop && (*r->stop[0] || *r->stop[1])) {
        return NGX_ABORT;
    }

    (void) snprintf(path, sizeof(path), "%s/site_config.json", name);

    if (fstatat(r->dir, path, &st, 0) == -1) {

        if (errno == ENOENT || errno == ENOTDIR) {
            return NGX_OK;
        }

        ngx_soporte_sites_note(r, errno == EACCES
                                  ? NGX_SOPORTE_SITES_UNREADABLE
                                  : NGX_SOPORTE_SITES_BROKEN, name);
        return ngx_soporte_sites_keep(r, name);
    }

    before = ngx_soporte_sites_before(r, name);
    ngx_soporte_sites_mark(&mark, &st);

    if (before && memcmp(&mark, &before->mark, sizeof(mark)) == 0) {
        return ngx_soporte_sites_copy(r, before);
    }

    return ngx_soporte_sites_file(r, name, &st);
}


static ngx_int_t
ngx_soporte_sites_file(ngx_soporte_sites_reader_t *r, const char *name,
    struct stat *st)
{
    int                        fd;
    char                       path[NAME_MAX + sizeof("/site_config.json")];
    ssize_t                    n;
    ngx_int_t                  rc;
    uint32_t                   hosts;
    ngx_soporte_sites_site_t  *site;

    (void) snprintf(path, sizeof(path), "%s/site_config.json", name);

    /* O_NONBLOCK: somebody's FIFO must not hold the thread */

    fd = openat(r->dir, path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1 && errno == EACCES) {
        ngx_soporte_sites_note(r, NGX_SOPORTE_SITES_UNREADABLE, name);
        return ngx_soporte_sites_keep(r, name);
    }

    n = -1;

    if (fd != -1) {
        if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)
            && st->st_size <= NGX_SOPORTE_SITES_CONFIG)
        {
            n = read(fd, r->buf, NGX_SOPORTE_SITES_CONFIG);
        }

        close(fd);
    }

    site = ngx_soporte_sites_add(r, name);

    hosts = r->sites->nhosts;
    rc = NGX_DECLINED;

    if (n >= 0) {
        if (site) {
            rc = ngx_soporte_site_domains(r->buf, n, ngx_soporte_sites_host,
                                          r);
        }

        explicit_bzero(r->buf, n);
    }

    if (site == NULL) {
        return r->key[0] ? NGX_ERROR : NGX_OK;
    }

    /* the array may have moved: the site is the last one */

    site = &r->sites->sites[r->sites->nsites - 1];

    if (rc == NGX_OK) {
        ngx_soporte_sites_mark(&site->mark, st);
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* half of a file says nothing: what was, or its own name alone */

    ngx_soporte_sites_note(r, NGX_SOPORTE_SITES_BROKEN, name);

    r->sites->nhosts = hosts;
    site->nhosts = hosts - site->hosts;

    if (ngx_soporte_sites_before(r, name)) {
        r->sites->nhosts = site->hosts;
        r->sites->nsites--;

        return ngx_soporte_sites_keep(r, name);
    }

    return NGX_OK;
}


/* as it was before; NULL: all sites of this bench */

static ngx_int_t
ngx_soporte_sites_keep(ngx_soporte_sites_reader_t *r, const char *name)
{
    uint32_t                         i;
    const ngx_soporte_sites_site_t  *site;

    if (name) {
        site = ngx_soporte_sites_before(r, name);

        return site ? ngx_soporte_sites_copy(r, site) : NGX_OK;
    }

    for (i = 0; r->before && i < r->before->nsites; i++) {

        if (r->before->sites[i].bench == r->bench
            && ngx_soporte_sites_copy(r, &r->before->sites[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_sites_copy(ngx_soporte_sites_reader_t *r,
    const ngx_soporte_sites_site_t *from)
{
    uint32_t                         i;
    ngx_soporte_sites_site_t        *site;
    const ngx_soporte_sites_host_t  *host;

    site = ngx_soporte_sites_add(r, (char *) from->folder.data);

    if (site == NULL) {
        return NGX_ERROR;
    }

    site->mark = from->mark;

    /* its own name was the first */

    for (i = 1; i < from->nhosts; i++) {
        host = &r->before->hosts[from->hosts + i];

        if (ngx_soporte_sites_host(r, host->name.data, host->name.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    r->copied++;

    return NGX_OK;
}


/* a site with its own name as its host; NULL and key[0] == 0: not its name */

static ngx_soporte_sites_site_t *
ngx_soporte_sites_add(ngx_soporte_sites_reader_t *r, const char *name)
{
    size_t                     len;
    u_char                     host[NGX_SOPORTE_SITE_HOST];
    ngx_soporte_sites_t       *s;
    ngx_soporte_sites_site_t  *site;

    s = r->sites;
    len = strlen(name);
    r->key[0] = '\0';

    if (len > NGX_SOPORTE_SITES_KEY || name[0] == '_'
        || ngx_soporte_site_host(host, (const u_char *) name, len) != NGX_OK)
    {
        ngx_soporte_sites_note(r, NGX_SOPORTE_SITES_UNNAMED, name);
        return NULL;
    }

    memcpy(r->key, host, len);

    site = ngx_soporte_sites_grow(s->sites, &r->sites_alloc, s->nsites,
                                  sizeof(ngx_soporte_sites_site_t));

    if (site == NULL) {
        return NULL;
    }

    s->sites = site;
    site += s->nsites;

    memset(site, 0, sizeof(ngx_soporte_sites_site_t));

    site->bench = r->bench;
    site->hosts = s->nhosts;
    site->folder.len = len;
    site->folder.data = ngx_soporte_sites_alloc(s, len + 1);

    if (site->folder.data == NULL) {
        return NULL;
    }

    memcpy(site->folder.data, name, len + 1);

    s->nsites++;

    if (ngx_soporte_sites_host(r, r->key, len) != NGX_OK) {
        return NULL;
    }

    site->key = s->hosts[site->hosts].name;

    return site;
}


/* one more host of the last site */

static ngx_int_t
ngx_soporte_sites_host(void *data, const u_char *host, size_t len)
{
    ngx_soporte_sites_reader_t  *r = data;

    ngx_soporte_sites_t         *s;
    ngx_soporte_sites_host_t    *h;
    ngx_soporte_sites_site_t    *site;

    s = r->sites;
    site = &s->sites[s->nsites - 1];

    if (site->nhosts > NGX_SOPORTE_SITES_HOSTS) {
        return NGX_OK;
    }

    h = ngx_soporte_sites_grow(s->hosts, &r->hosts_alloc, s->nhosts,
                               sizeof(ngx_soporte_sites_host_t));

    if (h == NULL) {
        return NGX_ERROR;
    }

    s->hosts = h;
    h += s->nhosts;
    h->site = s->nsites - 1;
    h->name.len = len;
    h->name.data = ngx_soporte_sites_alloc(s, len);

    if (h->name.data == NULL) {
        return NGX_ERROR;
    }

    memcpy(h->name.data, host, len);

    s->nhosts++;
    site->nhosts++;

    return NGX_OK;
}


static const ngx_soporte_sites_site_t *
ngx_soporte_sites_before(ngx_soporte_sites_reader_t *r, const char *name)
{
    int                              order;
    uint32_t                         lo, hi, mid;
    const ngx_soporte_sites_site_t  *site;

    lo = 0;
    hi = r->before ? r->before->nsites : 0;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        site = &r->before->sites[mid];

        order = (site->bench != r->bench)
                ? (site->bench < r->bench ? -1 : 1)
                : strcmp((char *) site->folder.data, name);

        if (order == 0) {
            return site;
        }

        if (order < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }

    return NULL;
}


/* own names go before domains, so no site can take another's name */

static ngx_int_t
ngx_soporte_sites_index(ngx_soporte_sites_t *s)
{
    uint32_t                     i, k, size;
    ngx_soporte_sites_site_t    *site;
    ngx_soporte_sites_reader_t   r;

    for (size = 8; size < s->nhosts * 2; size *= 2) { /* void */ }

    s->table = calloc(size, sizeof(uint32_t));

    if (s->table == NULL) {
        return NGX_ERROR;
    }

    s->mask = size - 1;

    memset(&r, 0, sizeof(ngx_soporte_sites_reader_t));
    r.sites = s;

    for (i = 0; i < s->nsites; i++) {
        site = &s->sites[i];

        if (!ngx_soporte_sites_insert(s, site->hosts)) {
            ngx_soporte_sites_note(&r, NGX_SOPORTE_SITES_CLASH,
                                   (char *) site->folder.data);
            site->key.len = 0;
        }
    }

    for (i = 0; i < s->nsites; i++) {
        site = &s->sites[i];

        for (k = 1; k < site->nhosts && site->key.len; k++) {
            if (!ngx_soporte_sites_insert(s, site->hosts + k)) {
                ngx_soporte_sites_note(&r, NGX_SOPORTE_SITES_CLASH,
                                       (char *) site->folder.data);
            }
        }
    }

    return NGX_OK;
}


/* 0: it is another site's already */

static ngx_uint_t
ngx_soporte_sites_insert(ngx_soporte_sites_t *s, uint32_t host)
{
    uint32_t                   i;
    ngx_soporte_sites_host_t  *h, *other;

    h = &s->hosts[host];
    i = ngx_soporte_sites_hash(h->name.data, h->name.len) & s->mask;

    while (s->table[i]) {
        other = &s->hosts[s->table[i] - 1];

        if (other->name.len == h->name.len
            && memcmp(other->name.data, h->name.data, h->name.len) == 0)
        {
            return other->site == h->site;
        }

        i = (i + 1) & s->mask;
    }

    s->table[i] = host + 1;

    return 1;
}


uint32_t
ngx_soporte_sites_find(const ngx_soporte_sites_t *sites, const u_char *host,
    size_t len)
{
    uint32_t                         i, k;
    const ngx_soporte_sites_host_t  *h;

    if (len > NGX_SOPORTE_SITE_HOST) {
        return NGX_SOPORTE_SITES_NONE;
    }

    i = ngx_soporte_sites_hash(host, len) & sites->mask;

    for (k = sites->table[i]; k; k = sites->table[i]) {
        h = &sites->hosts[k - 1];

        if (h->name.len == len && memcmp(h->name.data, host, len) == 0) {
            return h->site;
        }

        i = (i + 1) & sites->mask;
    }

    return NGX_SOPORTE_SITES_NONE;
}


/* FNV-1a, folded */

static uint32_t
ngx_soporte_sites_hash(const u_char *p, size_t len)
{
    uint32_t  hash;

    hash = 2166136261u;

    while (len--) {
        hash = (hash ^ *p++) * 16777619u;
    }

    return hash ^ (hash >> 15);
}


static void
ngx_soporte_sites_note(ngx_soporte_sites_reader_t *r,
    ngx_soporte_sites_note_e note, const char *name)
{
    ngx_soporte_sites_note_t  *n;

    n = &r->sites->note[note];

    if (n->n++ == 0) {
        (void) snprintf(n->first, sizeof(n->first), "%s", name);
    }
}


static void
ngx_soporte_sites_mark(ngx_soporte_sites_mark_t *mark, const struct stat *st)
{
    memset(mark, 0, sizeof(ngx_soporte_sites_mark_t));

    mark->dev = st->st_dev;
    mark->ino = st->st_ino;
    mark->size = st->st_size;
    mark->mtime = (int64_t) st->st_mtim.tv_sec * 1000000000
                  + st->st_mtim.tv_nsec;
    mark->ctime = (int64_t) st->st_ctim.tv_sec * 1000000000
                  + st->st_ctim.tv_nsec;
}


static u_char *
ngx_soporte_sites_alloc(ngx_soporte_sites_t *s, size_t size)
{
    u_char                     *p;
    ngx_soporte_sites_block_t  *block;

    block = s->blocks;

    if (block == NULL || block->size - block->used < size) {
        block = malloc(sizeof(ngx_soporte_sites_block_t)
                       + NGX_SOPORTE_SITES_BLOCK);

        if (block == NULL) {
            return NULL;
        }

        block->next = s->blocks;
        block->used = 0;
        block->size = NGX_SOPORTE_SITES_BLOCK;
        s->blocks = block;
    }

    p = (u_char *) (block + 1) + block->used;
    block->used += size;

    return p;
}


/* room for one more element; NULL: no memory, the list is as it was */

static void *
ngx_soporte_sites_grow(void *list, uint32_t *nalloc, uint32_t n, size_t size)
{
    void      *grown;
    uint32_t   more;

    if (n < *nalloc) {
        return list;
    }

    more = *nalloc ? *nalloc * 2 : 64;
    grown = realloc(list, more * size);

    if (grown) {
        *nalloc = more;
    }

    return grown;
}
