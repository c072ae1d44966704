
/*
 * The tree of values: made node by node from memory that the caller hands in,
 * looked up by name, written as JSON.
 *
 * Objects are lists of named children, not hashes: they keep the order of
 * their keys, cost one allocation a node and have a dozen keys at most, where
 * a walk beats a hash.
 */

#include "ngx_soporte_value.h"
#include "ngx_soporte_folio.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


static void ngx_soporte_value_write(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value, ngx_uint_t depth);
static void ngx_soporte_value_string(ngx_soporte_out_t *out,
    const ngx_str_t *str);


ngx_soporte_value_t *
ngx_soporte_value_add(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, ngx_soporte_type_e type)
{
    ngx_soporte_value_t  *value;

    if (mem->failed) {
        return NULL;
    }

    value = ngx_soporte_alloc(mem, sizeof(ngx_soporte_value_t));
    if (value == NULL) {
        return NULL;
    }

    ngx_memzero(value, sizeof(ngx_soporte_value_t));

    value->type = type;

    if (name) {
        value->name.data = (u_char *) name;
        value->name.len = strlen(name);
    }

    if (parent == NULL) {
        return value;
    }

    if (parent->last) {
        parent->last->next = value;

    } else {
        parent->first = value;
    }

    parent->last = value;

    return value;
}


ngx_soporte_value_t *
ngx_soporte_value_str(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, const ngx_str_t *str)
{
    ngx_soporte_value_t  *value;

    value = ngx_soporte_value_add(mem, parent, name, NGX_SOPORTE_STRING);
    if (value == NULL) {
        return NULL;
    }

    value->str = *str;

    return value;
}


ngx_soporte_value_t *
ngx_soporte_value_cstr(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, const char *str)
{
    ngx_str_t  s;

    s.data = (u_char *) str;
    s.len = strlen(str);

    return ngx_soporte_value_str(mem, parent, name, &s);
}


ngx_soporte_value_t *
ngx_soporte_value_int(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, int64_t num)
{
    ngx_soporte_value_t  *value;

    value = ngx_soporte_value_add(mem, parent, name, NGX_SOPORTE_INTEGER);
    if (value == NULL) {
        return NULL;
    }

    value->num = num;

    return value;
}


ngx_soporte_value_t *
ngx_soporte_value_bool(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, ngx_uint_t yes)
{
    return ngx_soporte_value_add(mem, parent, name,
                                 yes ? NGX_SOPORTE_TRUE : NGX_SOPORTE_FALSE);
}


void
ngx_soporte_value_text(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, const u_char *p,
    size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = ngx_soporte_alloc(mem, len + 1);

    if (s.data) {
        ngx_memcpy(s.data, p, len);
        (void) ngx_soporte_value_str(mem, parent, name, &s);
    }
}


void
ngx_soporte_value_id(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, const u_char *id)
{
    u_char  text[NGX_SOPORTE_UUID_LEN];

    (void) ngx_soporte_uuid_format(text, id);

    ngx_soporte_value_text(mem, parent, name, text, sizeof(text));
}


void
ngx_soporte_value_instant(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name, int64_t t)
{
    ngx_str_t  s;

    if (t == 0) {
        (void) ngx_soporte_value_add(mem, parent, name, NGX_SOPORTE_NULL);
        return;
    }

    s.data = ngx_soporte_alloc(mem, NGX_SOPORTE_TIME_LEN);

    if (s.data) {
        s.len = ngx_soporte_time_rfc3339(s.data, t, 0) - s.data;
        (void) ngx_soporte_value_str(mem, parent, name, &s);
    }
}


ngx_soporte_value_t *
ngx_soporte_value_ref(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const char *name, const ngx_soporte_value_t *other)
{
    ngx_soporte_value_t  *value;

    value = ngx_soporte_value_add(mem, parent, name, NGX_SOPORTE_NULL);
    if (value == NULL || other == NULL) {
        return value;
    }

    value->type = other->type;
    value->str = other->str;
    value->num = other->num;
    value->first = other->first;
    value->last = other->last;

    return value;
}


ngx_soporte_value_t *
ngx_soporte_value_get(const ngx_soporte_value_t *object, const char *name)
{
    return ngx_soporte_value_find(object, (const u_char *) name, strlen(name));
}


ngx_soporte_value_t *
ngx_soporte_value_find(const ngx_soporte_value_t *object, const u_char *name,
    size_t len)
{
    ngx_soporte_value_t  *value;

    if (object == NULL || object->type != NGX_SOPORTE_OBJECT) {
        return NULL;
    }

    for (value = object->first; value; value = value->next) {

        if (value->name.len == len
            && (len == 0 || ngx_memcmp(value->name.data, name, len) == 0))
        {
            return value;
        }
    }

    return NULL;
}


void
ngx_soporte_value_json(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value)
{
    ngx_soporte_value_write(out, value, 1);
}


static void
ngx_soporte_value_write(ngx_soporte_out_t *out,
    const ngx_soporte_value_t *value, ngx_uint_t depth)
{
    u_char                     *p, buf[NGX_INT64_LEN];
    const ngx_soporte_value_t  *child;

    if (depth > NGX_SOPORTE_VALUE_DEPTH) {
        out->failed = 1;
        return;
    }

    switch (value->type) {

    case NGX_SOPORTE_NULL:
        ngx_soporte_out(out, "null", 4);
        return;

    case NGX_SOPORTE_FALSE:
        ngx_soporte_out(out, "false", 5);
        return;

    case NGX_SOPORTE_TRUE:
        ngx_soporte_out(out, "true", 4);
        return;

    case NGX_SOPORTE_INTEGER:
        p = ngx_soporte_text_int64(buf, value->num);
        ngx_soporte_out(out, buf, p - buf);
        return;

    case NGX_SOPORTE_REAL:
        ngx_soporte_out(out, value->str.data, value->str.len);
        return;

    case NGX_SOPORTE_STRING:
        ngx_soporte_value_string(out, &value->str);
        return;

    case NGX_SOPORTE_LIST:
    case NGX_SOPORTE_OBJECT:
        break;
    }

    ngx_soporte_out(out, value->type == NGX_SOPORTE_LIST ? "[" : "{", 1);

    for (child = value->first; child && !out->failed; child = child->next) {

        if (child != value->first) {
            ngx_soporte_out(out, ",", 1);
        }

        if (value->type == NGX_SOPORTE_OBJECT) {
            ngx_soporte_value_string(out, &child->name);
            ngx_soporte_out(out, ":", 1);
        }

        ngx_soporte_value_write(out, child, depth + 1);
    }

    ngx_soporte_out(out, value->type == NGX_SOPORTE_LIST ? "]" : "}", 1);
}


static void
ngx_soporte_value_string(ngx_soporte_out_t *out, const ngx_str_t *str)
{
    ngx_soporte_out(out, "\"", 1);
    ngx_soporte_text_json(out, str->data, str->len);
    ngx_soporte_out(out, "\"", 1);
}
