
/*
 * JSON text read into a tree of values: bounds first, then jansson, then a
 * copy of what jansson made.
 *
 * jansson recurses as deep as the text nests and takes memory for each level
 * before it gives up, so one pass without memory looks at depth, UTF-8 and
 * NUL beforehand.  jansson turns reals into doubles; their literals are
 * picked out of the text by a second cursor: the tree is walked in the order
 * of the text, so the n-th number of one is the n-th number of the other.
 */

#include <jansson.h>

#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"


typedef struct {
    ngx_soporte_mem_t  *mem;
    const u_char       *p;          /* behind the last number */
    const u_char       *end;
} ngx_soporte_json_copy_t;


static ngx_int_t ngx_soporte_json_scan(const u_char *text, size_t len,
    ngx_uint_t max_depth, ngx_soporte_json_error_t *err);
static void ngx_soporte_json_at(ngx_soporte_json_error_t *err,
    const u_char *text, const u_char *p, const char *message);
static void ngx_soporte_json_say(ngx_soporte_json_error_t *err,
    const json_error_t *error);
static void ngx_soporte_json_message(ngx_soporte_json_error_t *err,
    const char *message, size_t len);
static ngx_soporte_value_t *ngx_soporte_json_value(
    ngx_soporte_json_copy_t *copy, ngx_soporte_value_t *parent,
    const char *name, json_t *json);
static void ngx_soporte_json_scalar(ngx_soporte_json_copy_t *copy,
    ngx_soporte_value_t *value, json_t *json);
static void ngx_soporte_json_number(ngx_soporte_json_copy_t *copy,
    ngx_str_t *literal);
static u_char *ngx_soporte_json_dup(ngx_soporte_mem_t *mem, const void *p,
    size_t len);


ngx_soporte_value_t *
ngx_soporte_json_parse(ngx_soporte_mem_t *mem, const u_char *text, size_t len,
    const ngx_soporte_json_limits_t *limits, ngx_soporte_json_error_t *err)
{
    json_t                   *json;
    ngx_uint_t                max_depth;
    json_error_t              error;
    ngx_soporte_value_t      *root;
    ngx_soporte_json_copy_t   copy;

    ngx_memzero(err, sizeof(ngx_soporte_json_error_t));

    if (len == 0) {
        text = (const u_char *) "";
    }

    max_depth = ngx_min(limits->max_depth, NGX_SOPORTE_VALUE_DEPTH);

    if (ngx_soporte_json_scan(text, len, max_depth, err) != NGX_OK) {
        return NULL;
    }

    json = json_loadb((const char *) text, len,
                      JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, &error);

    if (json == NULL) {
        ngx_soporte_json_say(err, &error);
        return NULL;
    }

    copy.mem = mem;
    copy.p = text;
    copy.end = text + len;

    root = ngx_soporte_json_value(&copy, NULL, NULL, json);

    json_decref(json);

    if (mem->failed) {
        ngx_soporte_json_at(err, text, text, "no memory");
        return NULL;
    }

    return root;
}


/* brackets outside of strings are counted; grammar is jansson's business */

static ngx_int_t
ngx_soporte_json_scan(const u_char *text, size_t len, ngx_uint_t max_depth,
    ngx_soporte_json_error_t *err)
{
    uint32_t       code;
    ngx_uint_t     depth, quoted;
    const u_char  *p, *s, *end;

    depth = 0;
    quoted = 0;

    p = text;
    end = text + len;

    while (p < end) {
        s = p;
        code = ngx_soporte_utf8_next(&p, end);

        switch (code) {

        case NGX_SOPORTE_UTF8_INVALID:
            ngx_soporte_json_at(err, text, s, "invalid UTF-8");
            return NGX_ERROR;

        case 0:
            ngx_soporte_json_at(err, text, s, "NUL byte");
            return NGX_ERROR;

        case 0xfeff:
            if (s == text) {
                ngx_soporte_json_at(err, text, s, "byte order mark");
                return NGX_ERROR;
            }

            break;

        case '"':
            quoted = !quoted;
            break;

        case '\\':

            /* what is escaped is ASCII or an error of jansson's */

            if (quoted && p < end && *p && *p < 0x80) {
                p++;
            }

            break;

        case '[':
        case '{':
            if (!quoted && ++depth > max_depth) {
                ngx_soporte_json_at(err, text, s, "nested too deep");
                return NGX_ERROR;
            }

            break;

        case ']':
        case '}':
            if (!quoted && depth) {
                depth--;
            }

            break;
        }
    }

    return NGX_OK;
}


/* an error at a place of the text */

static void
ngx_soporte_json_at(ngx_soporte_json_error_t *err, const u_char *text,
    const u_char *p, const char *message)
{
    const u_char  *line, *s;

    err->line = 1;
    line = text;

    for (s = text; s < p; s++) {
        if (*s == '\n') {
            err->line++;
            line = s + 1;
        }
    }

    err->column = ngx_soporte_utf8_length(line, p - line) + 1;

    ngx_soporte_json_message(err, message, strlen(message));
}


/*
 * jansson's own words are cut where they begin to quote the text, which may
 * be a customer's, and put to lower case
 */

static void
ngx_soporte_json_say(ngx_soporte_json_error_t *err, const json_error_t *error)
{
    const char  *p, *message;

    err->line = ngx_max(error->line, 1);
    err->column = ngx_max(error->column, 1);

    switch (json_error_code(error)) {

    case json_error_out_of_memory:
        message = "no memory";
        break;

    case json_error_premature_end_of_input:
        message = "unexpected end of text";
        break;

    case json_error_end_of_input_expected:
        message = "text behind the value";
        break;

    case json_error_duplicate_key:
        message = "duplicate key";
        break;

    case json_error_null_character:
    case json_error_null_byte_in_key:
        message = "U+0000 in a string";
        break;

    case json_error_numeric_overflow:
        message = "number out of range";
        break;

    default:
        message = error->text;

        p = strstr(message, "invalid Unicode '");

        if (p) {
            message = "invalid Unicode escape";
        }
    }

    p = strstr(message, " near ");

    ngx_soporte_json_message(err, message,
                             p ? (size_t) (p - message) : strlen(message));
}


static void
ngx_soporte_json_message(ngx_soporte_json_error_t *err, const char *message,
    size_t len)
{
    len = ngx_min(len, sizeof(err->text) - 1);

    ngx_memcpy(err->text, message, len);
    err->text[len] = '\0';
}


/* copies one value and what is in it, NULL if memory was refused */

static ngx_soporte_value_t *
ngx_soporte_json_value(ngx_soporte_json_copy_t *copy,
    ngx_soporte_value_t *parent, const char *name, json_t *json)
{
    void                 *iter;
    size_t                i;
    const char           *key;
    ngx_soporte_value_t  *value;

    static const ngx_soporte_type_e  types[] = {
        [JSON_OBJECT] = NGX_SOPORTE_OBJECT,
        [JSON_ARRAY] = NGX_SOPORTE_LIST,
        [JSON_STRING] = NGX_SOPORTE_STRING,
        [JSON_INTEGER] = NGX_SOPORTE_INTEGER,
        [JSON_REAL] = NGX_SOPORTE_REAL,
        [JSON_TRUE] = NGX_SOPORTE_TRUE,
        [JSON_FALSE] = NGX_SOPORTE_FALSE,
        [JSON_NULL] = NGX_SOPORTE_NULL
    };

    value = ngx_soporte_value_add(copy->mem, parent, name,
                                  types[json_typeof(json)]);
    if (value == NULL) {
        return NULL;
    }

    switch (json_typeof(json)) {

    case JSON_OBJECT:

        /* jansson keeps the order of insertion, which is the text's */

        for (iter = json_object_iter(json);
             iter;
             iter = json_object_iter_next(json, iter))
        {
            key = json_object_iter_key(iter);
            key = (const char *) ngx_soporte_json_dup(copy->mem, key,
                                                      strlen(key));
            if (key == NULL) {
                return NULL;
            }

            ngx_soporte_json_value(copy, value, key,
                                   json_object_iter_value(iter));
        }

        break;

    case JSON_ARRAY:

        for (i = 0; i < json_array_size(json) && !copy->mem->failed; i++) {
            ngx_soporte_json_value(copy, value, NULL,
                                   json_array_get(json, i));
        }

        break;

    default:
        ngx_soporte_json_scalar(copy, value, json);
    }

    return value;
}


static void
ngx_soporte_json_scalar(ngx_soporte_json_copy_t *copy,
    ngx_soporte_value_t *value, json_t *json)
{
    ngx_str_t  literal;

    switch (json_typeof(json)) {

    case JSON_STRING:
        value->str.len = json_string_length(json);
        value->str.data = ngx_soporte_json_dup(copy->mem,
                                               json_string_value(json),
                                               value->str.len);
        break;

    case JSON_INTEGER:
        value->num = json_integer_value(json);
        ngx_soporte_json_number(copy, &literal);
        break;

    case JSON_REAL:
        ngx_soporte_json_number(copy, &literal);
        value->str.len = literal.len;
        value->str.data = ngx_soporte_json_dup(copy->mem, literal.data,
                                               literal.len);
        break;

    default:
        break;
    }
}


/* the literal of the next number of a text that is known to be JSON */

static void
ngx_soporte_json_number(ngx_soporte_json_copy_t *copy, ngx_str_t *literal)
{
    ngx_uint_t     quoted;
    const u_char  *p;

    quoted = 0;

    for (p = copy->p; p < copy->end; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (quoted) {
            p += (*p == '\\');

        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            break;
        }
    }

    literal->data = (u_char *) p;

    while (p < copy->end && ((*p >= '0' && *p <= '9') || *p == '-'
                             || *p == '+' || *p == '.' || *p == 'e'
                             || *p == 'E'))
    {
        p++;
    }

    literal->len = p - literal->data;

    copy->p = p;
}


/* with a NUL behind it, for those who hand it on to libc */

static u_char *
ngx_soporte_json_dup(ngx_soporte_mem_t *mem, const void *p, size_t len)
{
    u_char  *dst;

    dst = ngx_soporte_alloc(mem, len + 1);
    if (dst == NULL) {
        return NULL;
    }

    ngx_memcpy(dst, p, len);
    dst[len] = '\0';

    return dst;
}
