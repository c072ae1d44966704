
/*
 * The sites of benches, read from disk: every folder of PATH/sites that has a
 * site_config.json, its own name and its domains as hosts.  Blocks; for a
 * thread, or for the master at configuration time.
 */

#ifndef _NGX_SOPORTE_SITES_H_INCLUDED_
#define _NGX_SOPORTE_SITES_H_INCLUDED_


#include "ngx_soporte_core.h"

#include <signal.h>


#define NGX_SOPORTE_SITES_MAX     100000      /* sites of all benches */
#define NGX_SOPORTE_SITES_CONFIG  (1024 * 1024)       /* bytes of a file */
#define NGX_SOPORTE_SITES_NONE    ((uint32_t) -1)


/* what can be wrong with some of it; the rest is right */

typedef enum {
    NGX_SOPORTE_SITES_UNREADABLE = 0,         /* a bench or a site, denied */
    NGX_SOPORTE_SITES_BROKEN,                 /* no JSON, no regular file */
    NGX_SOPORTE_SITES_UNNAMED,                /* its name can be no tenant */
    NGX_SOPORTE_SITES_CLASH,                  /* a host of another site too */
    NGX_SOPORTE_SITES_NOTES
} ngx_soporte_sites_note_e;


typedef struct {
    uint32_t                     n;
    char                         first[128];  /* its name, cut */
} ngx_soporte_sites_note_t;


/* when a site_config.json was the same before, its hosts are as well */

typedef struct {
    uint64_t                     dev;
    uint64_t                     ino;
    int64_t                      size;
    int64_t                      mtime;       /* ns */
    int64_t                      ctime;       /* ns */
} ngx_soporte_sites_mark_t;


typedef struct {
    ngx_str_t                    folder;      /* null-terminated */
    ngx_str_t                    key;         /* the tenant: in lower case */
    uint32_t                     bench;       /* index of paths */
    uint32_t                     hosts;       /* its first */
    uint32_t                     nhosts;
    ngx_soporte_sites_mark_t     mark;
} ngx_soporte_sites_site_t;


typedef struct {
    ngx_str_t                    name;
    uint32_t                     site;
} ngx_soporte_sites_host_t;


/* one allocation owner, immutable once it was returned */

typedef struct {
    ngx_soporte_sites_site_t    *sites;       /* by bench and folder */
    uint32_t                     nsites;
    ngx_soporte_sites_host_t    *hosts;
    uint32_t                     nhosts;
    uint32_t                    *table;       /* host + 1 by its hash */
    uint32_t                     mask;
    ngx_uint_t                   same;        /* 1: as before, but for notes */
    void                        *blocks;
    ngx_soporte_sites_note_t     note[NGX_SOPORTE_SITES_NOTES];
} ngx_soporte_sites_t;


/*
 * Reads the benches' "sites" folders, given as null-terminated paths.  What
 * can't be read now stays as it was in "before" (NULL: nothing was).
 * NGX_ERROR: memory; NGX_ABORT: one of stop[] is set (NULL: none).
 */
ngx_int_t ngx_soporte_sites_read(const ngx_str_t *paths, ngx_uint_t npaths,
    const ngx_soporte_sites_t *before, volatile sig_atomic_t *stop[2],
    ngx_soporte_sites_t **sites);

void ngx_soporte_sites_free(ngx_soporte_sites_t *sites);

/* a name in lower case: index of its site, or NGX_SOPORTE_SITES_NONE */
uint32_t ngx_soporte_sites_find(const ngx_soporte_sites_t *sites,
    const u_char *host, size_t len);


#endif /* _NGX_SOPORTE_SITES_H_INCLUDED_ */
