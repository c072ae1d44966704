
/*
 * What is known of a ticket by its name alone: whether somebody is writing it
 * just now, and which documents belong to it.  Names only are scanned; a file
 * is opened where the name fits.
 */


#include "ngx_soporte_spool_dir.h"


typedef struct {
    const char               *prefix;
    size_t                    len;
    ngx_uint_t                busy;
} ngx_soporte_spool_busy_t;


typedef struct {
    ngx_soporte_spool_dir_e   where;
    const char               *prefix;
    size_t                    len;
    ngx_soporte_mem_t        *mem;
    ngx_soporte_spool_doc_t  *docs;
    ngx_uint_t                max;
    ngx_uint_t                n;
} ngx_soporte_spool_seek_t;


static ngx_int_t ngx_soporte_spool_busy_entry(ngx_soporte_spool_t *sp,
    const char *name, void *data);
static ngx_int_t ngx_soporte_spool_seek_entry(ngx_soporte_spool_t *sp,
    const char *name, void *data);


ngx_int_t
ngx_soporte_spool_busy(ngx_soporte_spool_t *sp, const u_char id[16])
{
    char                       name[NGX_SOPORTE_SPOOL_ID + 2];
    ngx_soporte_spool_busy_t   busy;

    ngx_soporte_spool_text(name, id);
    name[NGX_SOPORTE_SPOOL_ID] = '.';
    name[NGX_SOPORTE_SPOOL_ID + 1] = '\0';

    busy.prefix = name;
    busy.len = NGX_SOPORTE_SPOOL_ID + 1;
    busy.busy = 0;

    (void) ngx_soporte_spool_scan(sp, sp->dirs[NGX_SOPORTE_SPOOL_TMP],
                                  ngx_soporte_spool_busy_entry, &busy);

    return busy.busy ? NGX_OK : NGX_DECLINED;
}


/* "ID.PID.SERIAL"; what a dead process left behind is nobody's */

static ngx_int_t
ngx_soporte_spool_busy_entry(ngx_soporte_spool_t *sp, const char *name,
    void *data)
{
    long                       pid;
    ngx_soporte_spool_busy_t  *busy = data;

    if (strncmp(name, busy->prefix, busy->len) != 0) {
        return NGX_OK;
    }

    pid = strtol(name + busy->len, NULL, 10);

    if (pid <= 0 || (kill((pid_t) pid, 0) == -1 && errno == ESRCH)) {
        return NGX_OK;
    }

    busy->busy = 1;

    return NGX_DONE;
}


ngx_int_t
ngx_soporte_spool_seek(ngx_soporte_spool_t *sp, const u_char *prefix,
    size_t len, ngx_soporte_mem_t *mem, ngx_soporte_spool_doc_t *docs,
    ngx_uint_t max, ngx_uint_t *n)
{
    /* in the way that a document takes, so that none slips through */

    static const ngx_soporte_spool_dir_e  order[] = {
        NGX_SOPORTE_SPOOL_NEW, NGX_SOPORTE_SPOOL_SENDING,
        NGX_SOPORTE_SPOOL_DEAD, NGX_SOPORTE_SPOOL_NEW
    };

    char                       name[NGX_SOPORTE_SPOOL_ID + 1];
    u_char                     id[16];
    ngx_uint_t                 i;
    ngx_soporte_spool_seek_t   seek;

    ngx_memzero(id, sizeof(id));
    ngx_memcpy(id, prefix, ngx_min(len, sizeof(id)));
    ngx_soporte_spool_text(name, id);

    seek.prefix = name;
    seek.len = 2 * len + (len > 4) + (len > 6) + (len > 8) + (len > 10);
    seek.mem = mem;
    seek.docs = docs;
    seek.max = max;
    seek.n = 0;

    for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        seek.where = order[i];

        if (ngx_soporte_spool_scan(sp, sp->dirs[order[i]],
                                   ngx_soporte_spool_seek_entry, &seek)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    *n = seek.n;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_spool_seek_entry(ngx_soporte_spool_t *sp, const char *name,
    void *data)
{
    int                        dir;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_soporte_spool_doc_t   *doc;
    ngx_soporte_spool_seek_t  *seek = data;

    if (strncmp(name, seek->prefix, seek->len) != 0) {
        return NGX_OK;
    }

    if (seek->n == seek->max) {
        return NGX_DONE;
    }

    doc = &seek->docs[seek->n];

    if (ngx_soporte_spool_parse(name, doc->id) != NGX_OK) {
        return NGX_OK;
    }

    for (i = 0; i < seek->n; i++) {
        if (ngx_memcmp(seek->docs[i].id, doc->id, sizeof(doc->id)) == 0) {
            return NGX_OK;
        }
    }

    dir = ngx_soporte_spool_opendir(sp->dirs[seek->where], name);

    if (dir == -1) {
        return NGX_OK;
    }

    rc = ngx_soporte_spool_json(dir, seek->mem, NGX_SOPORTE_SPOOL_JSON_MAX,
                                &doc->json);
    (void) close(dir);

    if (rc == NGX_OK) {
        seek->n++;
    }

    return NGX_OK;
}
