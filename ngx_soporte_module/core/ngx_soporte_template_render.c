
/*
 * Mustache templates rendered: a walk over the nodes with a stack of values,
 * written as it goes.
 *
 * The stack of contexts and the indentations of nested partials are lists of
 * frames on the C stack: nothing is allocated, many threads may render one
 * template.  Depth and number of steps are bounded, because templates recurse
 * by data and multiply by lists, and the event loop must never wait.
 */

#include "ngx_soporte_template.h"
#include "ngx_soporte_text.h"


typedef struct ngx_soporte_template_scope_s   ngx_soporte_template_scope_t;
typedef struct ngx_soporte_template_indent_s  ngx_soporte_template_indent_t;


struct ngx_soporte_template_scope_s {
    const ngx_soporte_value_t            *value;
    const ngx_soporte_template_scope_t   *outer;
};


struct ngx_soporte_template_indent_s {
    const ngx_str_t                      *text;
    const ngx_soporte_template_indent_t  *outer;
};


typedef struct {
    ngx_soporte_out_t                    *out;
    ngx_uint_t                            steps;    /* left */
    ngx_uint_t                            depth;
} ngx_soporte_template_run_t;


static ngx_int_t ngx_soporte_template_nodes(ngx_soporte_template_run_t *run,
    const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_scope_t *scope,
    const ngx_soporte_template_indent_t *indent);
static ngx_int_t ngx_soporte_template_section(
    ngx_soporte_template_run_t *run, const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_scope_t *scope,
    const ngx_soporte_template_indent_t *indent);
static ngx_int_t ngx_soporte_template_include(
    ngx_soporte_template_run_t *run, const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_scope_t *scope,
    const ngx_soporte_template_indent_t *indent);
static void ngx_soporte_template_lines(ngx_soporte_out_t *out,
    const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_indent_t *indent);
static void ngx_soporte_template_indent(ngx_soporte_out_t *out,
    const ngx_soporte_template_indent_t *indent);
static const ngx_soporte_value_t *ngx_soporte_template_look_up(
    const ngx_str_t *name, const ngx_soporte_template_scope_t *scope);
static ngx_uint_t ngx_soporte_template_truthy(
    const ngx_soporte_value_t *value);
static void ngx_soporte_template_value(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value, ngx_uint_t escaped);
static ngx_int_t ngx_soporte_template_escape(void *data, const u_char *p,
    size_t len);
static size_t ngx_soporte_template_real(const ngx_str_t *str);


ngx_int_t
ngx_soporte_template_render(const ngx_soporte_template_t *tpl,
    const ngx_soporte_value_t *root, ngx_soporte_out_t *out)
{
    ngx_int_t                     rc;
    ngx_soporte_template_run_t    run;
    ngx_soporte_template_scope_t  scope;

    run.out = out;
    run.steps = NGX_SOPORTE_TEMPLATE_STEPS;
    run.depth = 0;

    scope.value = root;
    scope.outer = NULL;

    rc = ngx_soporte_template_nodes(&run, tpl->first, &scope, NULL);

    return out->failed ? NGX_ERROR : rc;
}


static ngx_int_t
ngx_soporte_template_nodes(ngx_soporte_template_run_t *run,
    const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_scope_t *scope,
    const ngx_soporte_template_indent_t *indent)
{
    ngx_int_t                   rc;
    const ngx_soporte_value_t  *value;

    if (run->depth > NGX_SOPORTE_TEMPLATE_DEPTH) {
        return NGX_ABORT;
    }

    run->depth++;

    for ( /* void */ ; node; node = node->next) {

        if (run->steps-- == 0) {
            run->steps = 0;
            return NGX_ABORT;
        }

        if (run->out->failed) {
            return NGX_ERROR;
        }

        rc = NGX_OK;

        switch (node->type) {

        case NGX_SOPORTE_TEMPLATE_TEXT:

            if (indent) {
                ngx_soporte_template_lines(run->out, node, indent);

            } else {
                ngx_soporte_out(run->out, node->text.data, node->text.len);
            }

            break;

        case NGX_SOPORTE_TEMPLATE_ESCAPED:
        case NGX_SOPORTE_TEMPLATE_RAW:
            value = ngx_soporte_template_look_up(&node->text, scope);

            if (value) {
                ngx_soporte_template_value(run->out, value,
                                 node->type == NGX_SOPORTE_TEMPLATE_ESCAPED);
            }

            break;

        case NGX_SOPORTE_TEMPLATE_SECTION:
        case NGX_SOPORTE_TEMPLATE_INVERTED:
            rc = ngx_soporte_template_section(run, node, scope, indent);
            break;

        case NGX_SOPORTE_TEMPLATE_PARTIAL:
            rc = ngx_soporte_template_include(run, node, scope, indent);
            break;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    run->depth--;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_template_section(ngx_soporte_template_run_t *run,
    const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_scope_t *scope,
    const ngx_soporte_template_indent_t *indent)
{
    ngx_int_t                     rc;
    ngx_uint_t                    truthy;
    const ngx_soporte_value_t    *value;
    ngx_soporte_template_scope_t  inner;

    value = ngx_soporte_template_look_up(&node->text, scope);
    truthy = ngx_soporte_template_truthy(value);

    if (node->type == NGX_SOPORTE_TEMPLATE_INVERTED) {
        return truthy ? NGX_OK
                      : ngx_soporte_template_nodes(run, node->child, scope,
                                                   indent);
    }

    if (!truthy) {
        return NGX_OK;
    }

    inner.outer = scope;
    inner.value = value;

    if (value->type != NGX_SOPORTE_LIST) {
        return ngx_soporte_template_nodes(run, node->child, &inner, indent);
    }

    for (value = value->first; value; value = value->next) {
        inner.value = value;

        /* an empty section takes a step for each element, too */

        if (run->steps-- == 0) {
            run->steps = 0;
            return NGX_ABORT;
        }

        rc = ngx_soporte_template_nodes(run, node->child, &inner, indent);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_template_include(ngx_soporte_template_run_t *run,
    const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_scope_t *scope,
    const ngx_soporte_template_indent_t *indent)
{
    ngx_soporte_template_indent_t  inner;

    /*
     * indentation goes before each line of a partial that stands alone, as
     * if it were in the partial's source: also before those of the partials
     * that stand alone in it, not before others, which share a line
     */

    if (!node->standalone) {
        return ngx_soporte_template_nodes(run, node->partial->first, scope,
                                          NULL);
    }

    if (node->text.len) {
        inner.text = &node->text;
        inner.outer = indent;
        indent = &inner;
    }

    return ngx_soporte_template_nodes(run, node->partial->first, scope,
                                      indent);
}


/* a text that has indentation before each line that begins in it */

static void
ngx_soporte_template_lines(ngx_soporte_out_t *out,
    const ngx_soporte_template_node_t *node,
    const ngx_soporte_template_indent_t *indent)
{
    size_t         len;
    const u_char  *p, *s, *end;

    if (node->line_start) {
        ngx_soporte_template_indent(out, indent);
    }

    p = node->text.data;
    len = node->text.len;

    while (len) {
        s = memchr(p, '\n', len);
        end = s ? s + 1 : p + len;

        ngx_soporte_out(out, p, end - p);

        len -= end - p;
        p = end;

        /* what begins behind the text, the next node knows */

        if (len) {
            ngx_soporte_template_indent(out, indent);
        }
    }
}


/* outermost first; as deep as partials are */

static void
ngx_soporte_template_indent(ngx_soporte_out_t *out,
    const ngx_soporte_template_indent_t *indent)
{
    if (indent->outer) {
        ngx_soporte_template_indent(out, indent->outer);
    }

    ngx_soporte_out(out, indent->text->data, indent->text->len);
}


/*
 * The first part of a dotted name is looked for in all contexts from the
 * innermost on, each other part only in what was found for the one before.
 */

static const ngx_soporte_value_t *
ngx_soporte_template_look_up(const ngx_str_t *name,
    const ngx_soporte_template_scope_t *scope)
{
    const u_char               *p, *dot, *end;
    const ngx_soporte_value_t  *value;

    if (name->len == 1 && name->data[0] == '.') {
        return scope->value;
    }

    p = name->data;
    end = p + name->len;

    dot = memchr(p, '.', end - p);
    dot = dot ? dot : end;

    value = NULL;

    for ( /* void */ ; scope && value == NULL; scope = scope->outer) {
        value = ngx_soporte_value_find(scope->value, p, dot - p);
    }

    while (value && dot < end) {
        p = dot + 1;

        dot = memchr(p, '.', end - p);
        dot = dot ? dot : end;

        value = ngx_soporte_value_find(value, p, dot - p);
    }

    return value;
}


static ngx_uint_t
ngx_soporte_template_truthy(const ngx_soporte_value_t *value)
{
    if (value == NULL) {
        return 0;
    }

    switch (value->type) {

    case NGX_SOPORTE_NULL:
    case NGX_SOPORTE_FALSE:
        return 0;

    case NGX_SOPORTE_STRING:
        return value->str.len != 0;

    case NGX_SOPORTE_LIST:
        return value->first != NULL;

    default:
        return 1;
    }
}


static void
ngx_soporte_template_value(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value, ngx_uint_t escaped)
{
    ngx_soporte_out_t  escape;

    switch (value->type) {

    case NGX_SOPORTE_NULL:
        return;

    case NGX_SOPORTE_STRING:

        if (escaped) {
            ngx_soporte_text_html(out, value->str.data, value->str.len);

        } else {
            ngx_soporte_out(out, value->str.data, value->str.len);
        }

        return;

    case NGX_SOPORTE_REAL:
        ngx_soporte_out(out, value->str.data,
                        ngx_soporte_template_real(&value->str));
        return;

    default:

        if (!escaped) {
            ngx_soporte_value_json(out, value);
            return;
        }

        escape.write = ngx_soporte_template_escape;
        escape.data = out;
        escape.failed = 0;

        ngx_soporte_value_json(&escape, value);

        out->failed |= escape.failed;
    }
}


/* an output that escapes for HTML what goes to another one */

static ngx_int_t
ngx_soporte_template_escape(void *data, const u_char *p, size_t len)
{
    ngx_soporte_out_t  *out = data;

    ngx_soporte_text_html(out, p, len);

    return out->failed ? NGX_ERROR : NGX_OK;
}


/* the length of a literal without the zeros that end its fraction */

static size_t
ngx_soporte_template_real(const ngx_str_t *str)
{
    size_t  len;

    if (str->len == 0 || memchr(str->data, '.', str->len) == NULL
        || memchr(str->data, 'e', str->len)
        || memchr(str->data, 'E', str->len))
    {
        return str->len;
    }

    len = str->len;

    while (len > 2 && str->data[len - 1] == '0' && str->data[len - 2] != '.') {
        len--;
    }

    return len;
}
