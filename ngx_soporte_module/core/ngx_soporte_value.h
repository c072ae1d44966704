
/*
 * A tree of values: what a template is filled with, what JSON is read into
 * and written from.  Nodes belong to the mem they were made in; strings are
 * not copied, they must live as long as the tree.
 */

#ifndef _NGX_SOPORTE_VALUE_H_INCLUDED_
#define _NGX_SOPORTE_VALUE_H_INCLUDED_


#include "ngx_soporte_core.h"


typedef enum {
    NGX_SOPORTE_NULL = 0,
    NGX_SOPORTE_FALSE,
    NGX_SOPORTE_TRUE,
    NGX_SOPORTE_INTEGER,                     /* num */
    NGX_SOPORTE_REAL,                        /* str: the literal */
    NGX_SOPORTE_STRING,                      /* str */
    NGX_SOPORTE_LIST,
    NGX_SOPORTE_OBJECT
} ngx_soporte_type_e;


typedef struct ngx_soporte_value_s  ngx_soporte_value_t;

struct ngx_soporte_value_s {
    ngx_soporte_type_e    type;
    ngx_str_t             name;              /* key, in an object */
    ngx_str_t             str;
    int64_t               num;
    ngx_soporte_value_t  *first;             /* children in order */
    ngx_soporte_value_t  *last;
    ngx_soporte_value_t  *next;
};


/*
 * Makers: name is NULL for the root and in lists.  parent may be NULL.  All
 * return NULL when memory is refused (mem->failed), and take a NULL parent of
 * a failed maker in silence when "mem->failed" is already set.
 */

ngx_soporte_value_t *ngx_soporte_value_add(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, ngx_soporte_type_e type);
ngx_soporte_value_t *ngx_soporte_value_str(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, const ngx_str_t *str);
ngx_soporte_value_t *ngx_soporte_value_cstr(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, const char *str);
ngx_soporte_value_t *ngx_soporte_value_int(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, int64_t num);
ngx_soporte_value_t *ngx_soporte_value_bool(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, ngx_uint_t yes);

/* shares the children of another node under a new name */
ngx_soporte_value_t *ngx_soporte_value_ref(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_value_t *other);

/* the child of an object by name, NULL if absent or not an object */
ngx_soporte_value_t *ngx_soporte_value_get(const ngx_soporte_value_t *object,
    const char *name);

/* JSON, RFC 8259, without white space; strings must be valid UTF-8 */
void ngx_soporte_value_json(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value);


#endif /* _NGX_SOPORTE_VALUE_H_INCLUDED_ */
