
/*
 * JSON text (RFC 8259) read into a tree of values, strictly: what two readers
 * could understand in two ways is refused.
 *
 * Blocks on nothing and may be called from any thread, also from the event
 * loop.  No jansson type is seen outside.
 */

#ifndef _NGX_SOPORTE_JSON_H_INCLUDED_
#define _NGX_SOPORTE_JSON_H_INCLUDED_


#include "ngx_soporte_value.h"


typedef struct {
    ngx_uint_t  max_depth;      /* lists and objects within each other, at
                                   most NGX_SOPORTE_VALUE_DEPTH; 0: scalars */
} ngx_soporte_json_limits_t;


/* where and why: lower case, one line, quotes nothing of the input */

typedef struct {
    ngx_uint_t  line;           /* from 1 */
    ngx_uint_t  column;         /* from 1, in characters: where the word that
                                   is wrong ends */
    u_char      text[160];      /* ends with a NUL */
} ngx_soporte_json_error_t;


/*
 * Reads all of text, any value at its root.  Keys keep their order, strings
 * and names are copied into mem and end with a NUL that is not counted; an
 * integer is exact; a real (a number with a fraction or an exponent) keeps
 * its literal in "str".
 *
 * Refused with NULL and *err: duplicate keys in an object, U+0000 in any
 * form, what is not UTF-8, a lone surrogate, a byte order mark, anything
 * behind the value, integers beyond int64_t, reals beyond a double, nesting
 * deeper than max_depth (found in one pass without memory, before a node is
 * made), refused memory.  limits and err may not be NULL.
 */
ngx_soporte_value_t *ngx_soporte_json_parse(ngx_soporte_mem_t *mem,
    const u_char *text, size_t len, const ngx_soporte_json_limits_t *limits,
    ngx_soporte_json_error_t *err);


#endif /* _NGX_SOPORTE_JSON_H_INCLUDED_ */
