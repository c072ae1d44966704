
/*
 * A tree of values: what a template is filled with, what JSON is read into
 * and written from.  Nodes belong to the mem they were made in; strings and
 * names are not copied, they must live as long as the tree.
 *
 * Building is for one thread; a tree that is built may be read by many.
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


/* ngx_soporte_value_json() goes no deeper; the root is level 1 */

#define NGX_SOPORTE_VALUE_DEPTH  64


/*
 * Makers: append a node to parent, a list or an object, and return it.  name
 * is NULL for the root and in lists; keys are not checked for duplicates.
 * parent may be NULL.  All return NULL when memory is refused, and from then
 * on (mem->failed), whatever parent they are given: a builder of many nodes
 * checks mem->failed once, at its end.
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

/*
 * The same of what is no value yet: bytes copied into mem, a UUID's 16 bytes,
 * an instant of unix s as RFC 3339 in UTC, 0 as null.
 */
void ngx_soporte_value_text(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, const u_char *p,
    size_t len);
void ngx_soporte_value_id(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, const u_char *id);
void ngx_soporte_value_instant(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, int64_t t);

/*
 * Shares what another node holds, children too, under a new name; a NULL
 * other is null.  Nothing may be added to either of the two from then on.
 */
ngx_soporte_value_t *ngx_soporte_value_ref(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_value_t *other);

/*
 * The child of an object by name, the first one if there are several; NULL
 * if absent or if object is NULL or no object.
 */
ngx_soporte_value_t *ngx_soporte_value_get(const ngx_soporte_value_t *object,
    const char *name);

/* the same for a name of bytes */
ngx_soporte_value_t *ngx_soporte_value_find(const ngx_soporte_value_t *object,
    const u_char *name, size_t len);

/*
 * JSON, RFC 8259, without white space, safe inside HTML (see
 * ngx_soporte_text_json()).  A value nested deeper than
 * NGX_SOPORTE_VALUE_DEPTH sets out->failed; what was written is torn then.
 */
void ngx_soporte_value_json(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value);


#endif /* _NGX_SOPORTE_VALUE_H_INCLUDED_ */
