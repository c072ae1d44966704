
/*
 * Renders a page outside of nginx, for those who design one:
 *
 *     render FILE.html DATA.json [partials dir]
 *
 * A partial NAME is NAME.html, NAME.mustache or NAME in the directory, which
 * is the page's own unless it is given.  The result goes to standard output,
 * all of it or nothing; an error is FILE:LINE: message (FILE:LINE:COLUMN: in
 * the data) on standard error and exit code 1.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_soporte_json.h"
#include "ngx_soporte_template.h"


typedef struct {
    u_char  *p;
    size_t   len;
    size_t   size;
} buffer_t;


static void  *blocks;


static void
die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    exit(1);
}


static void *
allocate(void *data, size_t size)
{
    void  **block;

    /* chained, so that no leak checker takes the end for a leak */

    block = malloc(sizeof(void *) * 2 + size);
    if (block == NULL) {
        return NULL;
    }

    block[0] = blocks;
    blocks = block;

    return block + 2;
}


static ngx_int_t
append(void *data, const u_char *p, size_t len)
{
    u_char    *grown;
    size_t     size;
    buffer_t  *b = data;

    if (len > b->size - b->len) {
        size = (b->len + len) * 2;

        grown = realloc(b->p, size);
        if (grown == NULL) {
            return NGX_ERROR;
        }

        b->p = grown;
        b->size = size;
    }

    memcpy(b->p + b->len, p, len);
    b->len += len;

    return NGX_OK;
}


/* NGX_DECLINED: there is no such file */

static ngx_int_t
read_file(const char *path, ngx_str_t *content)
{
    u_char     *p;
    FILE       *f;
    size_t      n;
    buffer_t    b;
    ngx_int_t   rc;

    static u_char  chunk[65536];

    f = fopen(path, "rb");

    if (f == NULL) {
        return (errno == ENOENT) ? NGX_DECLINED : NGX_ERROR;
    }

    memset(&b, 0, sizeof(buffer_t));
    rc = NGX_OK;

    while (rc == NGX_OK && (n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        rc = append(&b, chunk, n);
    }

    if (ferror(f)) {
        rc = NGX_ERROR;
    }

    fclose(f);

    p = allocate(NULL, b.len);

    if (rc == NGX_OK && p) {
        memcpy(p, b.len ? b.p : chunk, b.len);
        content->data = p;
        content->len = b.len;

    } else {
        rc = NGX_ERROR;
    }

    free(b.p);

    return rc;
}


static ngx_int_t
load(void *data, const ngx_str_t *name, ngx_str_t *src, ngx_str_t *file)
{
    int          len;
    char        *path;
    size_t       size;
    ngx_int_t    rc;
    ngx_uint_t   i;
    const char  *dir = data;

    static const char  *suffix[] = { ".html", ".mustache", "" };

    size = strlen(dir) + name->len + sizeof("/.mustache");

    path = allocate(NULL, size);
    if (path == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
        len = snprintf(path, size, "%s/%.*s%s", dir, (int) name->len,
                       (char *) name->data, suffix[i]);

        rc = read_file(path, src);

        if (rc != NGX_DECLINED) {
            file->data = (u_char *) path;
            file->len = len;
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* the directory of a file, as a string of its own */

static char *
directory(const char *path)
{
    char        *dir;
    size_t       len;
    const char  *slash;

    slash = strrchr(path, '/');
    len = slash ? (size_t) (slash - path) : 1;

    dir = allocate(NULL, len + 1);
    if (dir == NULL) {
        die("no memory\n");
    }

    memcpy(dir, slash ? path : ".", len);
    dir[len] = '\0';

    return dir;
}


static ngx_soporte_value_t *
read_data(ngx_soporte_mem_t *mem, const char *path)
{
    ngx_str_t                   text;
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    if (read_file(path, &text) != NGX_OK) {
        die("%s: %s\n", path, strerror(errno));
    }

    limits.max_depth = NGX_SOPORTE_VALUE_DEPTH;

    root = ngx_soporte_json_parse(mem, text.data, text.len, &limits, &err);

    if (root == NULL) {
        die("%s:%lu:%lu: %s\n", path, (unsigned long) err.line,
            (unsigned long) err.column, err.text);
    }

    return root;
}


static ngx_soporte_template_t *
read_template(ngx_soporte_mem_t *mem, char *path, char *dir)
{
    ngx_str_t                       file, text;
    ngx_soporte_template_t         *tpl;
    ngx_soporte_template_error_t    err;
    ngx_soporte_template_loader_t   loader;

    if (read_file(path, &text) != NGX_OK) {
        die("%s: %s\n", path, strerror(errno));
    }

    file.data = (u_char *) path;
    file.len = strlen(path);

    loader.load = load;
    loader.data = dir;

    tpl = ngx_soporte_template_parse(mem, &file, &text, &loader, &err);

    if (tpl == NULL) {
        die("%.*s:%lu: %.*s\n", (int) err.file.len, (char *) err.file.data,
            (unsigned long) err.line, (int) err.text.len,
            (char *) err.text.data);
    }

    return tpl;
}


int
main(int argc, char **argv)
{
    buffer_t                 b;
    ngx_soporte_mem_t        mem;
    ngx_soporte_out_t        out;
    ngx_soporte_value_t     *root;
    ngx_soporte_template_t  *tpl;

    if (argc < 3 || argc > 4) {
        die("usage: render FILE.html DATA.json [partials dir]\n");
    }

    memset(&b, 0, sizeof(buffer_t));
    memset(&mem, 0, sizeof(ngx_soporte_mem_t));
    memset(&out, 0, sizeof(ngx_soporte_out_t));

    mem.alloc = allocate;

    out.write = append;
    out.data = &b;

    tpl = read_template(&mem, argv[1],
                        argc == 4 ? argv[3] : directory(argv[1]));

    root = read_data(&mem, argv[2]);

    switch (ngx_soporte_template_render(tpl, root, &out)) {

    case NGX_OK:
        break;

    case NGX_ABORT:
        die("%s:1: partials or lists recurse without end, or nearly\n",
            argv[1]);
        break;

    default:
        die("%s:1: no memory\n", argv[1]);
    }

    if ((b.len && fwrite(b.p, 1, b.len, stdout) != b.len)
        || fflush(stdout) != 0)
    {
        die("standard output: %s\n", strerror(errno));
    }

    free(b.p);

    return 0;
}
