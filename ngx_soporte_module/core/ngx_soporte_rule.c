
/*
 * Reading a tree by tables of rules: the walk, the messages, and the kinds of
 * values that any table may want.
 *
 * The way down is kept on the stack of C, so that a good tree allocates
 * nothing but its lists, and the depth is the tables' own: a deeper tree
 * meets "unknown key" or a wrong type first.
 */

#include <stdio.h>

#include "ngx_soporte_rule.h"
#include "ngx_soporte_error.h"
#include "ngx_soporte_form.h"
#include "ngx_soporte_text.h"


#define NGX_SOPORTE_RULE_PATH  256
#define NGX_SOPORTE_RULE_URL   500


static ngx_int_t ngx_soporte_rule_key(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rules, const ngx_soporte_value_t *value,
    void *dst, uint64_t *seen);
static size_t ngx_soporte_rule_path(ngx_soporte_step_t *step, char *path,
    size_t size);
static ngx_int_t ngx_soporte_rule_range(ngx_soporte_step_t *step,
    const char *format, const ngx_soporte_rule_t *rule);
static ngx_int_t ngx_soporte_rule_choose(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    ngx_uint_t *place);
static ngx_uint_t ngx_soporte_rule_url_valid(const ngx_str_t *url);


ngx_int_t
ngx_soporte_rule_read(ngx_soporte_mem_t *mem, const ngx_soporte_rule_t *rules,
    const ngx_soporte_value_t *root, void *dst, ngx_str_t *error)
{
    ngx_soporte_rule_t  rule;
    ngx_soporte_step_t  step;

    ngx_memzero(&step, sizeof(ngx_soporte_step_t));
    ngx_memzero(&rule, sizeof(ngx_soporte_rule_t));
    ngx_str_null(error);

    step.mem = mem;
    step.error = error;
    rule.rules = rules;

    return ngx_soporte_rule_object(&step, &rule, root, dst);
}


ngx_int_t
ngx_soporte_rule_error(ngx_soporte_step_t *step, const char *key,
    const char *what)
{
    char    path[NGX_SOPORTE_RULE_PATH];
    size_t  len;

    len = ngx_soporte_rule_path(step, path, sizeof(path));

    if (key) {
        snprintf(path + len, sizeof(path) - len, "%s%s", len ? "." : "", key);
    }

    return ngx_soporte_error(step->mem, step->error, "%s%s%s", path,
                             path[0] ? ": " : "", what);
}


static size_t
ngx_soporte_rule_path(ngx_soporte_step_t *step, char *path, size_t size)
{
    size_t  len;

    path[0] = '\0';

    if (step->up == NULL) {
        return 0;
    }

    len = ngx_soporte_rule_path(step->up, path, size);

    if (step->name) {
        len += snprintf(path + len, size - len, "%s%.*s", len ? "." : "",
                        ngx_soporte_error_value(step->name));

    } else {
        len += snprintf(path + len, size - len, "[%u]",
                        (unsigned) step->index);
    }

    return ngx_min(len, size - 1);
}


ngx_int_t
ngx_soporte_rule_ignore(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    return NGX_OK;
}


ngx_int_t
ngx_soporte_rule_object(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    uint64_t                    seen;
    ngx_uint_t                  i;
    ngx_soporte_step_t          below;
    const ngx_soporte_rule_t   *rules;
    const ngx_soporte_value_t  *child;

    if (value == NULL || value->type != NGX_SOPORTE_OBJECT) {
        return ngx_soporte_rule_error(step, NULL, "an object is needed");
    }

    rules = rule->rules;
    seen = 0;
    below = *step;
    below.up = step;

    for (child = value->first; child; child = child->next) {
        below.name = &child->name;

        if (ngx_soporte_rule_key(&below, rules, child, dst, &seen) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; rules[i].name; i++) {

        if ((rules[i].flags & NGX_SOPORTE_RULE_REQUIRED)
            && !(seen & (uint64_t) 1 << i))
        {
            return ngx_soporte_rule_error(step, rules[i].name, "is missing");
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_rule_key(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rules,
    const ngx_soporte_value_t *value, void *dst, uint64_t *seen)
{
    ngx_uint_t  i;

    for (i = 0; rules[i].name; i++) {

        if (ngx_strlen(rules[i].name) == value->name.len
            && ngx_strncmp(rules[i].name, value->name.data, value->name.len)
               == 0)
        {
            break;
        }
    }

    if (rules[i].name == NULL) {
        return ngx_soporte_rule_error(step, NULL, "unknown key");
    }

    if (*seen & (uint64_t) 1 << i) {
        return ngx_soporte_rule_error(step, NULL, "is given twice");
    }

    *seen |= (uint64_t) 1 << i;

    if (value->type == NGX_SOPORTE_NULL
        && (rules[i].flags & NGX_SOPORTE_RULE_NULL))
    {
        return NGX_OK;
    }

    return rules[i].read(step, &rules[i], value,
                         (u_char *) dst + rules[i].offset);
}


ngx_int_t
ngx_soporte_rule_list(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rule,
    const ngx_soporte_value_t *value, void *dst)
{
    u_char                     *elements;
    ngx_uint_t                  n;
    ngx_soporte_step_t          below;
    const ngx_soporte_value_t  *child;

    if (value->type != NGX_SOPORTE_LIST) {
        return ngx_soporte_rule_error(step, NULL, "a list is needed");
    }

    n = 0;

    for (child = value->first; child; child = child->next) {
        n++;
    }

    if ((int64_t) n < rule->min || (int64_t) n > rule->max) {
        return ngx_soporte_rule_range(step, "%lld to %lld elements are needed",
                                      rule);
    }

    elements = ngx_soporte_alloc(step->mem, n * rule->size + 1);

    if (elements == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(elements, n * rule->size);

    below = *step;
    below.up = step;
    below.name = NULL;
    below.index = 0;

    for (child = value->first; child; child = child->next) {

        if (rule->rules->read(&below, rule->rules, child,
                              elements + below.index * rule->size)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        below.index++;
    }

    *(void **) dst = elements;
    *(ngx_uint_t *) ((u_char *) dst + rule->count) = n;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_rule_range(ngx_soporte_step_t *step, const char *format,
    const ngx_soporte_rule_t *rule)
{
    char  what[128];

    snprintf(what, sizeof(what), format, (long long) rule->min,
             (long long) rule->max);

    return ngx_soporte_rule_error(step, NULL, what);
}


ngx_int_t
ngx_soporte_rule_text(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rule,
    const ngx_soporte_value_t *value, void *dst)
{
    int64_t        length;
    uint32_t       code;
    const u_char  *p, *end;

    if (value->type != NGX_SOPORTE_STRING) {
        return ngx_soporte_rule_error(step, NULL, "a string is needed");
    }

    length = 0;

    p = value->str.data;
    end = p + value->str.len;

    while (p < end) {
        code = ngx_soporte_utf8_next(&p, end);
        length++;

        if (code == NGX_SOPORTE_UTF8_INVALID) {
            return ngx_soporte_rule_error(step, NULL, "invalid UTF-8");
        }

        if (code == '\n' && rule->max > NGX_SOPORTE_RULE_LINES) {
            continue;
        }

        if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            return ngx_soporte_rule_error(step, NULL,
                                          "has a control character");
        }
    }

    if (length < rule->min || length > rule->max) {
        return ngx_soporte_rule_range(step,
                                      "%lld to %lld characters are needed",
                                      rule);
    }

    *(ngx_str_t *) dst = value->str;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_rule_id(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rule,
    const ngx_soporte_value_t *value, void *dst)
{
    char        what[128];
    size_t      i;
    ngx_str_t  *id = dst;

    if (ngx_soporte_rule_text(step, rule, value, dst) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < id->len; i++) {

        if (strchr(rule->chars, id->data[i]) == NULL) {
            snprintf(what, sizeof(what), "only these characters may be in it: "
                     "\"%s\"", rule->chars);
            return ngx_soporte_rule_error(step, NULL, what);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_rule_url(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rule,
    const ngx_soporte_value_t *value, void *dst)
{
    if (value->type != NGX_SOPORTE_STRING) {
        return ngx_soporte_rule_error(step, NULL, "a string is needed");
    }

    if (!ngx_soporte_rule_url_valid(&value->str)) {
        return ngx_soporte_rule_error(step, NULL, "an http or https URL, or a "
                                      "path with a leading slash, is needed");
    }

    *(ngx_str_t *) dst = value->str;

    return NGX_OK;
}


static ngx_uint_t
ngx_soporte_rule_url_valid(const ngx_str_t *url)
{
    u_char         ch;
    size_t         i;
    const char    *scheme;
    const u_char  *host;

    if (url->len == 0 || url->len > NGX_SOPORTE_RULE_URL) {
        return 0;
    }

    for (i = 0; i < url->len; i++) {
        ch = url->data[i];

        if (ch <= 0x20 || ch >= 0x7f || ch == '"' || ch == '<' || ch == '>'
            || ch == '\\')
        {
            return 0;
        }
    }

    if (url->data[0] == '/') {

        /* "//host" would leave the site */

        return url->len == 1 || url->data[1] != '/';
    }

    scheme = "https://";
    i = sizeof("https://") - 1;

    if (url->len <= i || ngx_strncmp(url->data, scheme, i) != 0) {
        scheme = "http://";
        i = sizeof("http://") - 1;

        if (url->len <= i || ngx_strncmp(url->data, scheme, i) != 0) {
            return 0;
        }
    }

    host = url->data + i;
    ch = *host;

    return (ch >= '0' && ch <= '9')
           || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
           || ch == '[';
}


ngx_int_t
ngx_soporte_rule_email(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    if (value->type != NGX_SOPORTE_STRING
        || !ngx_soporte_form_email(&value->str))
    {
        return ngx_soporte_rule_error(step, NULL,
                                      "an e-mail address is needed");
    }

    *(ngx_str_t *) dst = value->str;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_rule_integer(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    if (value->type != NGX_SOPORTE_INTEGER
        || value->num < rule->min || value->num > rule->max)
    {
        return ngx_soporte_rule_range(step,
                                      "an integer from %lld to %lld is needed",
                                      rule);
    }

    *(ngx_int_t *) dst = (ngx_int_t) value->num;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_rule_boolean(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    if (value->type != NGX_SOPORTE_TRUE && value->type != NGX_SOPORTE_FALSE) {
        return ngx_soporte_rule_error(step, NULL, "true or false is needed");
    }

    *(ngx_uint_t *) dst = (value->type == NGX_SOPORTE_TRUE);

    return NGX_OK;
}


ngx_int_t
ngx_soporte_rule_word(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rule,
    const ngx_soporte_value_t *value, void *dst)
{
    return ngx_soporte_rule_choose(step, rule, value, dst);
}


ngx_int_t
ngx_soporte_rule_bits(ngx_soporte_step_t *step, const ngx_soporte_rule_t *rule,
    const ngx_soporte_value_t *value, void *dst)
{
    ngx_uint_t                  bits, place;
    ngx_soporte_step_t          below;
    const ngx_soporte_value_t  *child;

    if (value->type != NGX_SOPORTE_LIST) {
        return ngx_soporte_rule_error(step, NULL, "a list is needed");
    }

    bits = 0;
    below = *step;
    below.up = step;
    below.name = NULL;
    below.index = 0;

    for (child = value->first; child; child = child->next) {

        if (ngx_soporte_rule_choose(&below, rule, child, &place) != NGX_OK) {
            return NGX_ERROR;
        }

        bits |= (ngx_uint_t) 1 << place;
        below.index++;
    }

    *(ngx_uint_t *) dst = bits;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_rule_choose(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    ngx_uint_t *place)
{
    char        what[256];
    size_t      len;
    ngx_uint_t  i;

    if (value->type == NGX_SOPORTE_STRING) {

        for (i = 0; rule->words[i]; i++) {

            if (value->str.len == ngx_strlen(rule->words[i])
                && ngx_strncmp(value->str.data, rule->words[i],
                               value->str.len) == 0)
            {
                *place = i;
                return NGX_OK;
            }
        }
    }

    len = snprintf(what, sizeof(what), "one of these is needed:");

    for (i = 0; rule->words[i] && len < sizeof(what); i++) {
        len += snprintf(what + len, sizeof(what) - len, " \"%s\"",
                        rule->words[i]);
    }

    return ngx_soporte_rule_error(step, NULL, what);
}
