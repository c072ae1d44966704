
/*
 * Mustache templates: parsed once, then rendered over a tree of values any
 * number of times without allocating.
 *
 * The language is that of the official specification (mustache/spec 1.4):
 * {{name}} escaped for HTML, {{{name}}} and {{&name}} as it is, {{#name}}
 * {{^name}} {{/name}} sections, {{! comment}}, {{>partial}}, dotted names,
 * {{.}}, tags alone in their line leave no line behind.  It is a subset: set
 * delimiter tags and the optional modules (lambdas, inheritance, dynamic
 * names) are errors.  Stricter than the specification, so that a typo is
 * found when a page is loaded: a missing partial is an error, a name has
 * letters, digits, "_", "-", ":" and bytes above 0x7f only.
 *
 * Where the specification leaves it open:
 *   - falsy are what is absent, null, false, an empty list and an empty
 *     string; 0 is data ("0 %") and truthy, and so is an empty object;
 *   - true and false are written "true" and "false", null is written "";
 *   - a list or an object is written as JSON, which ngx_soporte_value_json()
 *     makes safe for {{&name}} in a script element, too;
 *   - a real keeps its literal but for zeros that end its fraction: 1.210 is
 *     written 1.21, and 1.00 is written 1.0.
 */

#ifndef _NGX_SOPORTE_TEMPLATE_H_INCLUDED_
#define _NGX_SOPORTE_TEMPLATE_H_INCLUDED_


#include "ngx_soporte_value.h"


/* sections open in one template; sections and partials open in rendering */

#define NGX_SOPORTE_TEMPLATE_DEPTH     64

/* partials of one template, counting those of its partials */

#define NGX_SOPORTE_TEMPLATE_PARTIALS  64

/* nodes rendered in one go: recursion and lists end here, in some 50 ms */

#define NGX_SOPORTE_TEMPLATE_STEPS     1000000


typedef enum {
    NGX_SOPORTE_TEMPLATE_TEXT = 0,
    NGX_SOPORTE_TEMPLATE_ESCAPED,
    NGX_SOPORTE_TEMPLATE_RAW,
    NGX_SOPORTE_TEMPLATE_SECTION,
    NGX_SOPORTE_TEMPLATE_INVERTED,
    NGX_SOPORTE_TEMPLATE_PARTIAL
} ngx_soporte_template_type_e;


typedef struct ngx_soporte_template_s       ngx_soporte_template_t;
typedef struct ngx_soporte_template_node_s  ngx_soporte_template_node_t;


struct ngx_soporte_template_node_s {
    ngx_soporte_template_type_e   type;

    /*
     * of a text: it begins a line, so that a partial's indentation goes
     * before it; a text may be empty to say just this.  Of a partial: it has
     * its line for itself
     */
    unsigned                      line_start:1;
    unsigned                      standalone:1;

    ngx_uint_t                    line;      /* of a section or a partial */
    ngx_str_t                     text;      /* or name, or indentation */

    ngx_soporte_template_node_t  *child;     /* of a section */
    ngx_soporte_template_t       *partial;
    ngx_soporte_template_node_t  *next;
};


/* a page or one of its partials, which are chained behind it */

struct ngx_soporte_template_s {
    ngx_str_t                     name;      /* of a partial */
    ngx_str_t                     file;      /* for messages */
    ngx_str_t                     src;
    ngx_soporte_template_node_t  *first;
    ngx_soporte_template_t       *next;
    ngx_uint_t                    visit;     /* while cycles are looked for */
};


/*
 * Gives a partial's source and what to call it in messages; both must live as
 * long as the template.  The name has no "/" and no "." at its start, so it
 * may be part of a path.  NGX_DECLINED: there is none.
 */

typedef struct {
    ngx_int_t                   (*load)(void *data, const ngx_str_t *name,
                                        ngx_str_t *src, ngx_str_t *file);
    void                         *data;
} ngx_soporte_template_loader_t;


typedef struct {
    ngx_str_t                     file;      /* of the page or the partial */
    ngx_uint_t                    line;      /* from 1 */
    ngx_str_t                     text;      /* lower case, one line */
} ngx_soporte_template_error_t;


/*
 * Reads a template and, by the loader, all partials it names.  The tree is
 * made in mem and points into src, which must live as long.  "file" is only
 * for messages.  loader may be NULL: then every partial is missing.  NULL
 * with *err filled for the first error, also when memory was refused.
 */
ngx_soporte_template_t *ngx_soporte_template_parse(ngx_soporte_mem_t *mem,
    const ngx_str_t *file, const ngx_str_t *src,
    const ngx_soporte_template_loader_t *loader,
    ngx_soporte_template_error_t *err);

/*
 * Renders; "root" is the bottom of the context stack.  Allocates nothing; any
 * number of threads may render one template.  NGX_ERROR: the output refused
 * (out->failed) or a value to be written as JSON is too deep.  NGX_ABORT:
 * deeper than NGX_SOPORTE_TEMPLATE_DEPTH or more than
 * NGX_SOPORTE_TEMPLATE_STEPS.  The output is torn then.
 */
ngx_int_t ngx_soporte_template_render(const ngx_soporte_template_t *tpl,
    const ngx_soporte_value_t *root, ngx_soporte_out_t *out);


#endif /* _NGX_SOPORTE_TEMPLATE_H_INCLUDED_ */
