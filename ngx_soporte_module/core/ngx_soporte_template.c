
/*
 * Mustache templates read: from text to a tree of nodes that point into it.
 * Rendering is in ngx_soporte_template_render.c.
 *
 * One pass over the source, tag by tag.  Partials are not read where they are
 * named but queued and read afterwards, so that recursion among them costs no
 * stack here; each is read once, whatever names it.  A tag that stands alone
 * in its line takes the line with it: both sides of the tag are looked at in
 * the source, no state is kept between tags.
 */

#include "ngx_soporte_error.h"
#include "ngx_soporte_template.h"
#include "ngx_soporte_text.h"


/* a tag of the source, from "{{" to behind "}}" */

typedef struct {
    u_char                                sigil;  /* 0: none */
    ngx_str_t                             name;
    const u_char                         *start;
    const u_char                         *end;
    ngx_uint_t                            line;
} ngx_soporte_template_tag_t;


typedef struct {
    ngx_soporte_mem_t                    *mem;
    const ngx_soporte_template_loader_t  *loader;
    ngx_soporte_template_error_t         *err;

    ngx_soporte_template_t               *root;
    ngx_soporte_template_t               *last;
    ngx_uint_t                            partials;

    /* the template that is read now */

    ngx_soporte_template_t               *tpl;
    const u_char                         *start;
    const u_char                         *end;

    const u_char                         *counted;  /* lines up to here */
    ngx_uint_t                            line;

    ngx_uint_t                            depth;

    /* where the next node goes, and the sections that are open */
    ngx_soporte_template_node_t         **link[NGX_SOPORTE_TEMPLATE_DEPTH + 1];
    ngx_soporte_template_node_t          *open[NGX_SOPORTE_TEMPLATE_DEPTH];
} ngx_soporte_template_parser_t;


static ngx_soporte_template_t *ngx_soporte_template_add(
    ngx_soporte_template_parser_t *parser, const ngx_str_t *name,
    const ngx_str_t *file, const ngx_str_t *src);
static ngx_int_t ngx_soporte_template_read(
    ngx_soporte_template_parser_t *parser);
static ngx_int_t ngx_soporte_template_check(
    ngx_soporte_template_parser_t *parser);
static ngx_int_t ngx_soporte_template_tag(
    ngx_soporte_template_parser_t *parser, const u_char *p,
    ngx_soporte_template_tag_t *tag);
static ngx_int_t ngx_soporte_template_name(
    ngx_soporte_template_parser_t *parser, ngx_soporte_template_tag_t *tag);
static ngx_uint_t ngx_soporte_template_alone(
    ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag, const u_char **before,
    const u_char **behind);
static ngx_int_t ngx_soporte_template_put(
    ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag, const ngx_str_t *indent);
static ngx_int_t ngx_soporte_template_text(
    ngx_soporte_template_parser_t *parser, const u_char *p,
    const u_char *end);
static ngx_int_t ngx_soporte_template_open(
    ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag);
static ngx_int_t ngx_soporte_template_close(
    ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag);
static ngx_int_t ngx_soporte_template_partial(
    ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag, const ngx_str_t *indent);
static ngx_int_t ngx_soporte_template_cycle(
    ngx_soporte_template_parser_t *parser, ngx_soporte_template_t *tpl);
static ngx_soporte_template_node_t *ngx_soporte_template_node(
    ngx_soporte_template_parser_t *parser, ngx_soporte_template_type_e type);
static ngx_uint_t ngx_soporte_template_line(
    ngx_soporte_template_parser_t *parser, const u_char *p);
static ngx_str_t *ngx_soporte_template_at(
    ngx_soporte_template_parser_t *parser, ngx_uint_t line);
static const u_char *ngx_soporte_template_find(const u_char *p,
    const u_char *end, u_char ch, size_t n);
static const u_char *ngx_soporte_template_skip(const u_char *p,
    const u_char *end);


ngx_soporte_template_t *
ngx_soporte_template_parse(ngx_soporte_mem_t *mem, const ngx_str_t *file,
    const ngx_str_t *src, const ngx_soporte_template_loader_t *loader,
    ngx_soporte_template_error_t *err)
{
    ngx_str_t                      name;
    ngx_soporte_template_parser_t  parser;

    ngx_memzero(&parser, sizeof(ngx_soporte_template_parser_t));
    ngx_memzero(err, sizeof(ngx_soporte_template_error_t));

    parser.mem = mem;
    parser.loader = loader;
    parser.err = err;

    ngx_str_null(&name);

    parser.tpl = ngx_soporte_template_add(&parser, &name, file, src);

    while (parser.tpl) {

        if (ngx_soporte_template_read(&parser) != NGX_OK) {
            break;
        }

        parser.tpl = parser.tpl->next;
    }

    if (parser.tpl == NULL && !mem->failed
        && ngx_soporte_template_cycle(&parser, parser.root) == NGX_OK)
    {
        return parser.root;
    }

    if (mem->failed) {
        err->file = *file;
        ngx_str_set(&err->text, "no memory");
    }

    return NULL;
}


/* queues a template behind the others */

static ngx_soporte_template_t *
ngx_soporte_template_add(ngx_soporte_template_parser_t *parser,
    const ngx_str_t *name, const ngx_str_t *file, const ngx_str_t *src)
{
    ngx_soporte_template_t  *tpl;

    tpl = ngx_soporte_alloc(parser->mem, sizeof(ngx_soporte_template_t));
    if (tpl == NULL) {
        return NULL;
    }

    ngx_memzero(tpl, sizeof(ngx_soporte_template_t));

    tpl->name = *name;
    tpl->file = *file;
    tpl->src = *src;

    if (parser->last) {
        parser->last->next = tpl;

    } else {
        parser->root = tpl;
    }

    parser->last = tpl;

    return tpl;
}


static ngx_int_t
ngx_soporte_template_read(ngx_soporte_template_parser_t *parser)
{
    ngx_str_t                     indent;
    ngx_uint_t                    alone;
    const u_char                 *p, *tail, *before, *behind;
    ngx_soporte_template_node_t  *section;
    ngx_soporte_template_tag_t    tag;

    if (ngx_soporte_template_check(parser) != NGX_OK) {
        return NGX_ERROR;
    }

    p = parser->start;

    for ( ;; ) {
        tail = ngx_soporte_template_find(p, parser->end, '{', 2);

        if (tail == NULL) {
            break;
        }

        if (ngx_soporte_template_tag(parser, tail, &tag) != NGX_OK) {
            return NGX_ERROR;
        }

        before = tag.start;
        behind = tag.end;

        alone = ngx_soporte_template_alone(parser, &tag, &before, &behind);

        if (ngx_soporte_template_text(parser, p, before) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_str_null(&indent);

        if (alone) {
            indent.data = (u_char *) before;
            indent.len = tag.start - before;

        } else if (before == parser->start || before[-1] == '\n') {

            /* a line that begins with this tag is still to be indented */

            if (ngx_soporte_template_node(parser, NGX_SOPORTE_TEMPLATE_TEXT)
                == NULL)
            {
                return NGX_ERROR;
            }
        }

        if (ngx_soporte_template_put(parser, &tag, alone ? &indent : NULL)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p = behind;
    }

    if (ngx_soporte_template_text(parser, p, parser->end) != NGX_OK) {
        return NGX_ERROR;
    }

    if (parser->depth) {
        section = parser->open[parser->depth - 1];

        return ngx_soporte_error(parser->mem,
                         ngx_soporte_template_at(parser, section->line),
                         "section \"%.*s\" is not closed",
                         ngx_soporte_error_value(&section->text));
    }

    return NGX_OK;
}


/* what a source must be before it is looked at; sets the parser to its start */

static ngx_int_t
ngx_soporte_template_check(ngx_soporte_template_parser_t *parser)
{
    uint32_t       code;
    ngx_str_t     *src;
    const u_char  *p, *s;

    src = &parser->tpl->src;

    if (src->len == 0) {

        /* NULL would do, but nothing may be added to it */

        src->data = (u_char *) "";
    }

    parser->start = src->data;
    parser->end = src->data + src->len;
    parser->counted = src->data;
    parser->line = 1;
    parser->depth = 0;
    parser->link[0] = &parser->tpl->first;

    p = parser->start;

    while (p < parser->end) {
        s = p;
        code = ngx_soporte_utf8_next(&p, parser->end);

        if (code == 0 || code == NGX_SOPORTE_UTF8_INVALID) {
            return ngx_soporte_error(parser->mem,
                             ngx_soporte_template_at(parser,
                                        ngx_soporte_template_line(parser, s)),
                             "byte 0x%02x is not UTF-8 text", *s);
        }
    }

    /* the mark that some editors put before UTF-8 is no part of the page */

    if (src->len >= 3 && ngx_memcmp(src->data, "\xef\xbb\xbf", 3) == 0) {
        parser->start += 3;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_template_tag(ngx_soporte_template_parser_t *parser,
    const u_char *p, ngx_soporte_template_tag_t *tag)
{
    size_t         n;
    const u_char  *s, *close;

    ngx_memzero(tag, sizeof(ngx_soporte_template_tag_t));

    tag->start = p;
    tag->line = ngx_soporte_template_line(parser, p);

    n = 2;
    s = p + 2;

    if (s < parser->end && *s == '{') {
        n = 3;
        tag->sigil = *s++;

    } else {
        s = ngx_soporte_template_skip(s, parser->end);

        if (s < parser->end && strchr("#^/!>&=", *s)) {
            tag->sigil = *s++;
        }
    }

    close = ngx_soporte_template_find(s, parser->end, '}', n);

    if (close == NULL) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "tag is not closed, \"%s\" expected",
                                 n == 3 ? "}}}" : "}}");
    }

    tag->name.data = (u_char *) s;
    tag->name.len = close - s;
    tag->end = close + n;

    if (tag->sigil == '!') {
        return NGX_OK;
    }

    if (tag->sigil == '=') {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "set delimiter tags are not supported");
    }

    return ngx_soporte_template_name(parser, tag);
}


/* cuts the white space around a name and looks at each of its bytes */

static ngx_int_t
ngx_soporte_template_name(ngx_soporte_template_parser_t *parser,
    ngx_soporte_template_tag_t *tag)
{
    u_char      ch, c;
    size_t      i;
    ngx_str_t  *name;
    ngx_uint_t  dot;

    name = &tag->name;

    i = ngx_soporte_template_skip(name->data, name->data + name->len)
        - name->data;

    name->data += i;
    name->len -= i;

    while (name->len && strchr(" \t\r\n", name->data[name->len - 1])) {
        name->len--;
    }

    if (name->len == 0) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "tag without a name");
    }

    if (name->len == 1 && name->data[0] == '.' && tag->sigil != '>') {
        return NGX_OK;
    }

    /* most likely the end of the next tag was found */

    if (memchr(name->data, '{', name->len)
        || memchr(name->data, '}', name->len))
    {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "tag is not closed, or braces in a name");
    }

    /* no part of a dotted name may be empty */

    dot = 1;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];
        c = (u_char) (ch | 0x20);

        if (ch == '.' && !dot) {
            dot = 1;
            continue;
        }

        dot = 0;

        if ((c >= 'a' && c <= 'z') || (ch >= '0' && ch <= '9')
            || ch == '_' || ch == '-' || ch == ':' || ch >= 0x80)
        {
            continue;
        }

        break;
    }

    if (i < name->len || dot) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "invalid name \"%.*s\"",
                                 ngx_soporte_error_value(name));
    }

    return NGX_OK;
}


/*
 * 1 if the tag is one that may stand alone and does: only blanks share the
 * line with it.  "before" is then the begin of the line that the tag begins
 * in, "behind" the begin of the line after the one that it ends in.
 */

static ngx_uint_t
ngx_soporte_template_alone(ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag, const u_char **before,
    const u_char **behind)
{
    const u_char  *p, *s;

    if (tag->sigil == 0 || tag->sigil == '{' || tag->sigil == '&') {
        return 0;
    }

    p = tag->start;

    while (p > parser->start && (p[-1] == ' ' || p[-1] == '\t')) {
        p--;
    }

    if (p > parser->start && p[-1] != '\n') {
        return 0;
    }

    s = tag->end;

    while (s < parser->end && (*s == ' ' || *s == '\t')) {
        s++;
    }

    if (s < parser->end && *s == '\r' && parser->end - s > 1) {
        s++;
    }

    if (s < parser->end && *s++ != '\n') {
        return 0;
    }

    *before = p;
    *behind = s;

    return 1;
}


/* indent: the blanks before a tag that stands alone, NULL for the others */

static ngx_int_t
ngx_soporte_template_put(ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag, const ngx_str_t *indent)
{
    ngx_soporte_template_node_t  *node;

    switch (tag->sigil) {

    case '!':
        return NGX_OK;

    case '#':
    case '^':
        return ngx_soporte_template_open(parser, tag);

    case '/':
        return ngx_soporte_template_close(parser, tag);

    case '>':
        return ngx_soporte_template_partial(parser, tag, indent);

    default:
        node = ngx_soporte_template_node(parser,
                                 tag->sigil ? NGX_SOPORTE_TEMPLATE_RAW
                                            : NGX_SOPORTE_TEMPLATE_ESCAPED);
        if (node == NULL) {
            return NGX_ERROR;
        }

        node->text = tag->name;

        return NGX_OK;
    }
}


static ngx_int_t
ngx_soporte_template_text(ngx_soporte_template_parser_t *parser,
    const u_char *p, const u_char *end)
{
    ngx_soporte_template_node_t  *node;

    if (p == end) {
        return NGX_OK;
    }

    node = ngx_soporte_template_node(parser, NGX_SOPORTE_TEMPLATE_TEXT);
    if (node == NULL) {
        return NGX_ERROR;
    }

    node->text.data = (u_char *) p;
    node->text.len = end - p;
    node->line_start = (p == parser->start || p[-1] == '\n');

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_template_open(ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag)
{
    ngx_soporte_template_node_t  *node;

    if (parser->depth == NGX_SOPORTE_TEMPLATE_DEPTH) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "more than %d sections within each other",
                                 NGX_SOPORTE_TEMPLATE_DEPTH);
    }

    node = ngx_soporte_template_node(parser,
                             tag->sigil == '#' ? NGX_SOPORTE_TEMPLATE_SECTION
                                               : NGX_SOPORTE_TEMPLATE_INVERTED);
    if (node == NULL) {
        return NGX_ERROR;
    }

    node->line = tag->line;
    node->text = tag->name;

    parser->open[parser->depth++] = node;
    parser->link[parser->depth] = &node->child;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_template_close(ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag)
{
    ngx_soporte_template_node_t  *node;

    if (parser->depth == 0) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "\"%.*s\" is closed but was not opened",
                                 ngx_soporte_error_value(&tag->name));
    }

    node = parser->open[parser->depth - 1];

    if (node->text.len != tag->name.len
        || ngx_memcmp(node->text.data, tag->name.data, tag->name.len) != 0)
    {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "\"%.*s\" closes section \"%.*s\" of "
                                 "line %lu",
                                 ngx_soporte_error_value(&tag->name),
                                 ngx_soporte_error_value(&node->text),
                                 (unsigned long) node->line);
    }

    parser->depth--;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_template_partial(ngx_soporte_template_parser_t *parser,
    const ngx_soporte_template_tag_t *tag, const ngx_str_t *indent)
{
    ngx_int_t                     rc;
    ngx_str_t                     src, file;
    ngx_soporte_template_t       *tpl;
    ngx_soporte_template_node_t  *node;

    node = ngx_soporte_template_node(parser, NGX_SOPORTE_TEMPLATE_PARTIAL);
    if (node == NULL) {
        return NGX_ERROR;
    }

    node->line = tag->line;

    if (indent) {
        node->text = *indent;
        node->standalone = 1;
    }

    /* the page itself is first in the chain and has no name */

    for (tpl = parser->root->next; tpl; tpl = tpl->next) {

        if (tpl->name.len == tag->name.len
            && ngx_memcmp(tpl->name.data, tag->name.data, tag->name.len) == 0)
        {
            node->partial = tpl;
            return NGX_OK;
        }
    }

    if (parser->partials++ == NGX_SOPORTE_TEMPLATE_PARTIALS) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 "more than %d partials",
                                 NGX_SOPORTE_TEMPLATE_PARTIALS);
    }

    ngx_str_null(&src);
    file = tag->name;

    rc = NGX_DECLINED;

    if (parser->loader) {
        rc = parser->loader->load(parser->loader->data, &tag->name, &src,
                                  &file);
    }

    if (rc != NGX_OK) {
        return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, tag->line),
                                 (rc == NGX_DECLINED)
                                     ? "there is no partial \"%.*s\""
                                     : "partial \"%.*s\" could not be read",
                                 ngx_soporte_error_value(&tag->name));
    }

    node->partial = ngx_soporte_template_add(parser, &tag->name, &file, &src);

    return node->partial ? NGX_OK : NGX_ERROR;
}


/*
 * A partial that comes to itself outside of any section never ends, whatever
 * the data.  As deep as there are partials at most: only outermost nodes are
 * followed, each template once.
 */

static ngx_int_t
ngx_soporte_template_cycle(ngx_soporte_template_parser_t *parser,
    ngx_soporte_template_t *tpl)
{
    ngx_soporte_template_t       *partial;
    ngx_soporte_template_node_t  *node;

    tpl->visit = 1;

    for (node = tpl->first; node; node = node->next) {

        partial = node->partial;

        if (partial == NULL || partial->visit == 2) {
            continue;
        }

        if (partial->visit == 1) {
            parser->tpl = tpl;

            return ngx_soporte_error(parser->mem,
                                 ngx_soporte_template_at(parser, node->line),
                                 "partial \"%.*s\" includes itself without "
                                 "a section that ends it",
                                 ngx_soporte_error_value(&partial->name));
        }

        if (ngx_soporte_template_cycle(parser, partial) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    tpl->visit = 2;

    return NGX_OK;
}


/* a node at the end of the open section; as a text it begins a line */

static ngx_soporte_template_node_t *
ngx_soporte_template_node(ngx_soporte_template_parser_t *parser,
    ngx_soporte_template_type_e type)
{
    ngx_soporte_template_node_t  *node;

    node = ngx_soporte_alloc(parser->mem, sizeof(ngx_soporte_template_node_t));
    if (node == NULL) {
        return NULL;
    }

    ngx_memzero(node, sizeof(ngx_soporte_template_node_t));

    node->type = type;
    node->line_start = (type == NGX_SOPORTE_TEMPLATE_TEXT);

    *parser->link[parser->depth] = node;
    parser->link[parser->depth] = &node->next;

    return node;
}


/* the line of a place, none of which lies before the one asked for last */

static ngx_uint_t
ngx_soporte_template_line(ngx_soporte_template_parser_t *parser,
    const u_char *p)
{
    for ( /* void */ ; parser->counted < p; parser->counted++) {
        if (*parser->counted == '\n') {
            parser->line++;
        }
    }

    return parser->line;
}


/* where the message of an error goes */

static ngx_str_t *
ngx_soporte_template_at(ngx_soporte_template_parser_t *parser,
    ngx_uint_t line)
{
    parser->err->file = parser->tpl->file;
    parser->err->line = line;

    return &parser->err->text;
}


/* the first place with n times ch, or NULL */

static const u_char *
ngx_soporte_template_find(const u_char *p, const u_char *end, u_char ch,
    size_t n)
{
    size_t  i;

    while (p < end) {

        p = memchr(p, ch, end - p);
        if (p == NULL) {
            return NULL;
        }

        for (i = 1; i < n && p + i < end && p[i] == ch; i++) { /* void */ }

        if (i == n) {
            return p;
        }

        p += i;
    }

    return NULL;
}


static const u_char *
ngx_soporte_template_skip(const u_char *p, const u_char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
        p++;
    }

    return p;
}
