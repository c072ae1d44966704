
/*
 * Skims JSON: what is not asked for is passed over where it lies, so that a
 * password next to it is never copied anywhere.
 */

#include "ngx_soporte_site.h"


typedef struct {
    const u_char              *p;
    const u_char              *last;
    ngx_uint_t                 depth;
    ngx_soporte_site_host_pt   host;
    void                      *data;
} ngx_soporte_site_t;


static ngx_int_t ngx_soporte_site_list(ngx_soporte_site_t *s);
static ngx_int_t ngx_soporte_site_entry(ngx_soporte_site_t *s);
static ngx_int_t ngx_soporte_site_value(ngx_soporte_site_t *s);
static ngx_int_t ngx_soporte_site_object(ngx_soporte_site_t *s,
    const char *name, ngx_int_t (*found)(ngx_soporte_site_t *s));
static ngx_int_t ngx_soporte_site_array(ngx_soporte_site_t *s,
    ngx_int_t (*element)(ngx_soporte_site_t *s));
static ngx_int_t ngx_soporte_site_string(ngx_soporte_site_t *s,
    ngx_str_t *raw);
static ngx_int_t ngx_soporte_site_word(ngx_soporte_site_t *s);
static u_char ngx_soporte_site_blank(ngx_soporte_site_t *s);


ngx_int_t
ngx_soporte_site_domains(const u_char *text, size_t len,
    ngx_soporte_site_host_pt host, void *data)
{
    ngx_int_t           rc;
    ngx_soporte_site_t  s;

    s.p = text;
    s.last = text + len;
    s.depth = 0;
    s.host = host;
    s.data = data;

    if (ngx_soporte_site_blank(&s) != '{') {
        return NGX_DECLINED;
    }

    rc = ngx_soporte_site_object(&s, "domains", ngx_soporte_site_list);

    if (rc != NGX_OK) {
        return rc;
    }

    return (ngx_soporte_site_blank(&s) == '\0' && s.p == s.last)
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_soporte_site_host(u_char *dst, const u_char *name, size_t len)
{
    u_char  c;
    size_t  i;

    if (len == 0 || len > NGX_SOPORTE_SITE_HOST || name[0] == '.') {
        return NGX_DECLINED;
    }

    for (i = 0; i < len; i++) {
        c = name[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || c == '-' || c == '_' || c == '.'))
        {
            return NGX_DECLINED;
        }

        dst[i] = c;
    }

    return NGX_OK;
}


/* the value of "domains"; another type has none */

static ngx_int_t
ngx_soporte_site_list(ngx_soporte_site_t *s)
{
    if (ngx_soporte_site_blank(s) != '[') {
        return ngx_soporte_site_value(s);
    }

    return ngx_soporte_site_array(s, ngx_soporte_site_entry);
}


static ngx_int_t
ngx_soporte_site_entry(ngx_soporte_site_t *s)
{
    u_char     c;
    ngx_int_t  rc;
    ngx_str_t  raw;

    u_char     name[NGX_SOPORTE_SITE_HOST];

    c = ngx_soporte_site_blank(s);

    if (c == '{') {
        return ngx_soporte_site_object(s, "domain", ngx_soporte_site_entry);
    }

    if (c != '"') {
        return ngx_soporte_site_value(s);
    }

    rc = ngx_soporte_site_string(s, &raw);

    if (rc != NGX_OK) {
        return rc;
    }

    /* an escape is no part of a host: such a string is none */

    if (ngx_soporte_site_host(name, raw.data, raw.len) != NGX_OK) {
        return NGX_OK;
    }

    return s->host(s->data, name, raw.len);
}


static ngx_int_t
ngx_soporte_site_value(ngx_soporte_site_t *s)
{
    ngx_str_t  raw;

    switch (ngx_soporte_site_blank(s)) {

    case '{':
        return ngx_soporte_site_object(s, NULL, NULL);

    case '[':
        return ngx_soporte_site_array(s, ngx_soporte_site_value);

    case '"':
        return ngx_soporte_site_string(s, &raw);

    default:
        return ngx_soporte_site_word(s);
    }
}


/* at "{"; found() takes the value of the key "name" */

static ngx_int_t
ngx_soporte_site_object(ngx_soporte_site_t *s, const char *name,
    ngx_int_t (*found)(ngx_soporte_site_t *s))
{
    u_char     c;
    ngx_int_t  rc;
    ngx_str_t  key;

    if (++s->depth > NGX_SOPORTE_SITE_DEPTH) {
        return NGX_DECLINED;
    }

    s->p++;
    c = ngx_soporte_site_blank(s);

    if (c == '}') {
        goto done;
    }

    for ( ;; ) {

        if (c != '"' || ngx_soporte_site_string(s, &key) != NGX_OK
            || ngx_soporte_site_blank(s) != ':')
        {
            return NGX_DECLINED;
        }

        s->p++;

        if (name && key.len == ngx_strlen(name)
            && ngx_memcmp(key.data, name, key.len) == 0)
        {
            rc = found(s);

        } else {
            rc = ngx_soporte_site_value(s);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        c = ngx_soporte_site_blank(s);

        if (c == '}') {
            break;
        }

        if (c != ',') {
            return NGX_DECLINED;
        }

        s->p++;
        c = ngx_soporte_site_blank(s);
    }

done:

    s->p++;
    s->depth--;

    return NGX_OK;
}


/* at "[" */

static ngx_int_t
ngx_soporte_site_array(ngx_soporte_site_t *s,
    ngx_int_t (*element)(ngx_soporte_site_t *s))
{
    u_char     c;
    ngx_int_t  rc;

    if (++s->depth > NGX_SOPORTE_SITE_DEPTH) {
        return NGX_DECLINED;
    }

    s->p++;

    if (ngx_soporte_site_blank(s) == ']') {
        goto done;
    }

    for ( ;; ) {
        rc = element(s);

        if (rc != NGX_OK) {
            return rc;
        }

        c = ngx_soporte_site_blank(s);

        if (c == ']') {
            break;
        }

        if (c != ',') {
            return NGX_DECLINED;
        }

        s->p++;
    }

done:

    s->p++;
    s->depth--;

    return NGX_OK;
}


/* at the quote; raw is what stands between the two, escapes as they are */

static ngx_int_t
ngx_soporte_site_string(ngx_soporte_site_t *s, ngx_str_t *raw)
{
    raw->data = (u_char *) ++s->p;

    while (s->p < s->last) {

        if (*s->p == '"') {
            raw->len = s->p++ - raw->data;
            return NGX_OK;
        }

        if (*s->p < 0x20) {
            break;
        }

        if (*s->p++ != '\\') {
            continue;
        }

        if (s->p == s->last || ngx_strchr("\"\\/bfnrtu", *s->p) == NULL
            || *s->p == '\0')
        {
            break;
        }

        s->p++;
    }

    return NGX_DECLINED;
}


/* a number, or a word that Python's json writes */

static ngx_int_t
ngx_soporte_site_word(ngx_soporte_site_t *s)
{
    size_t         len;
    ngx_uint_t     i;
    const u_char  *start;

    static const char *const  words[] = {
        "true", "false", "null", "NaN", "Infinity", "-Infinity"
    };

    for (start = s->p; s->p < s->last; s->p++) {
        if (!((*s->p | 0x20) >= 'a' && (*s->p | 0x20) <= 'z')
            && !(*s->p >= '0' && *s->p <= '9')
            && *s->p != '-' && *s->p != '+' && *s->p != '.')
        {
            break;
        }
    }

    len = s->p - start;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (len == ngx_strlen(words[i])
            && ngx_memcmp(start, words[i], len) == 0)
        {
            return NGX_OK;
        }
    }

    if (len == 0 || !(start[0] == '-' || (start[0] >= '0'
                                          && start[0] <= '9')))
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < len; i++) {
        if ((start[i] | 0x20) >= 'a' && (start[i] | 0x20) <= 'z'
            && (start[i] | 0x20) != 'e')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* the next byte that is no blank, 0 at the end */

static u_char
ngx_soporte_site_blank(ngx_soporte_site_t *s)
{
    while (s->p < s->last
           && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n'
               || *s->p == '\r'))
    {
        s->p++;
    }

    return (s->p < s->last) ? *s->p : '\0';
}
