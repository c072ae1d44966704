
/*
 * Bytes that are text: UTF-8 checked and counted, and written into HTML,
 * JSON, a URI or one clean line; numbers and bytes written as digits.
 *
 * The writers pass runs of harmless bytes on as they are and stop only where
 * a table says so: most text is copied by few large writes.  Empty text may
 * come as NULL, on which not even an addition of zero is defined in C.
 */

#include "ngx_soporte_text.h"


#define NGX_SOPORTE_TEXT_HTML  0x01    /* the byte is a reference in HTML */
#define NGX_SOPORTE_TEXT_JSON  0x02    /* the byte is looked at for JSON */


static ngx_uint_t ngx_soporte_text_class(u_char ch);
static void ngx_soporte_text_unit(ngx_soporte_out_t *out, uint32_t code);
static ngx_int_t ngx_soporte_text_digit(u_char ch);
static ngx_uint_t ngx_soporte_text_is_break(uint32_t code);
static ngx_uint_t ngx_soporte_text_is_control(uint32_t code);


static const char  ngx_soporte_text_hexdigits[] = "0123456789abcdef";


uint32_t
ngx_soporte_utf8_next(const u_char **p, const u_char *end)
{
    size_t         n, i;
    u_char         ch, low, high;
    uint32_t       code;
    const u_char  *s;

    s = *p;
    ch = *s++;
    *p = s;

    if (ch < 0x80) {
        return ch;
    }

    /*
     * the table of RFC 3629 section 4: only the second byte's range depends
     * on the first one
     */

    low = 0x80;
    high = 0xbf;

    if (ch >= 0xc2 && ch <= 0xdf) {
        n = 1;
        code = ch & 0x1f;

    } else if (ch >= 0xe0 && ch <= 0xef) {
        n = 2;
        code = ch & 0x0f;
        low = (ch == 0xe0) ? 0xa0 : 0x80;
        high = (ch == 0xed) ? 0x9f : 0xbf;

    } else if (ch >= 0xf0 && ch <= 0xf4) {
        n = 3;
        code = ch & 0x07;
        low = (ch == 0xf0) ? 0x90 : 0x80;
        high = (ch == 0xf4) ? 0x8f : 0xbf;

    } else {
        return NGX_SOPORTE_UTF8_INVALID;
    }

    if ((size_t) (end - s) < n) {
        return NGX_SOPORTE_UTF8_INVALID;
    }

    for (i = 0; i < n; i++) {

        if (s[i] < low || s[i] > high) {
            return NGX_SOPORTE_UTF8_INVALID;
        }

        code = (code << 6) | (s[i] & 0x3f);

        low = 0x80;
        high = 0xbf;
    }

    *p = s + n;

    return code;
}


ngx_uint_t
ngx_soporte_utf8_valid(const u_char *p, size_t len)
{
    uint32_t       code;
    const u_char  *end;

    if (len == 0) {
        return 1;
    }

    end = p + len;

    while (p < end) {
        code = ngx_soporte_utf8_next(&p, end);

        if (code == 0 || code == NGX_SOPORTE_UTF8_INVALID) {
            return 0;
        }
    }

    return 1;
}


size_t
ngx_soporte_utf8_length(const u_char *p, size_t len)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            n++;
        }
    }

    return n;
}


size_t
ngx_soporte_utf8_prefix(const u_char *p, size_t len, size_t n)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if ((p[i] & 0xc0) == 0x80) {
            continue;
        }

        if (n == 0) {
            return i;
        }

        n--;
    }

    return len;
}


static ngx_uint_t
ngx_soporte_text_class(u_char ch)
{
    switch (ch) {

    case '&':
    case '<':
    case '>':
    case '"':
        return NGX_SOPORTE_TEXT_HTML|NGX_SOPORTE_TEXT_JSON;

    case '\'':
        return NGX_SOPORTE_TEXT_HTML;

    case '\\':
        return NGX_SOPORTE_TEXT_JSON;

    default:
        return (ch < 0x20 || ch >= 0x7f) ? NGX_SOPORTE_TEXT_JSON : 0;
    }
}


void
ngx_soporte_text_html(ngx_soporte_out_t *out, const u_char *p, size_t len)
{
    const char    *name;
    const u_char  *run, *end;

    if (len == 0) {
        return;
    }

    end = p + len;

    for (run = p; p < end; p++) {

        if (!(ngx_soporte_text_class(*p) & NGX_SOPORTE_TEXT_HTML)) {
            continue;
        }

        ngx_soporte_out(out, run, p - run);
        run = p + 1;

        switch (*p) {

        case '&':
            name = "&amp;";
            break;

        case '<':
            name = "&lt;";
            break;

        case '>':
            name = "&gt;";
            break;

        case '"':
            name = "&quot;";
            break;

        default:
            name = "&#39;";
            break;
        }

        ngx_soporte_out(out, name, strlen(name));
    }

    ngx_soporte_out(out, run, p - run);
}


void
ngx_soporte_text_json(ngx_soporte_out_t *out, const u_char *p, size_t len)
{
    u_char         two[2];
    uint32_t       code;
    const char    *name;
    const u_char  *run, *end, *s;

    static const char  from[] = "\"\\\b\f\n\r\t";
    static const char  to[] = "\"\\bfnrt";

    if (len == 0) {
        return;
    }

    end = p + len;
    run = p;

    while (p < end) {

        if (!(ngx_soporte_text_class(*p) & NGX_SOPORTE_TEXT_JSON)) {
            p++;
            continue;
        }

        s = p;
        code = ngx_soporte_utf8_next(&p, end);

        if (code >= 0x80 && code != NGX_SOPORTE_UTF8_INVALID
            && code != 0x2028 && code != 0x2029)
        {
            continue;
        }

        ngx_soporte_out(out, run, s - run);
        run = p;

        name = (code && code < 0x80) ? strchr(from, (int) code) : NULL;

        if (name) {
            two[0] = '\\';
            two[1] = to[name - from];
            ngx_soporte_out(out, two, 2);
            continue;
        }

        ngx_soporte_text_unit(out, code == NGX_SOPORTE_UTF8_INVALID ? 0xfffd
                                                                    : code);
    }

    ngx_soporte_out(out, run, p - run);
}


/* \uXXXX for a code point of the first plane */

static void
ngx_soporte_text_unit(ngx_soporte_out_t *out, uint32_t code)
{
    u_char  buf[6];

    buf[0] = '\\';
    buf[1] = 'u';
    buf[2] = ngx_soporte_text_hexdigits[(code >> 12) & 0xf];
    buf[3] = ngx_soporte_text_hexdigits[(code >> 8) & 0xf];
    buf[4] = ngx_soporte_text_hexdigits[(code >> 4) & 0xf];
    buf[5] = ngx_soporte_text_hexdigits[code & 0xf];

    ngx_soporte_out(out, buf, 6);
}


u_char *
ngx_soporte_text_int64(u_char *dst, int64_t n)
{
    if (n < 0) {
        *dst++ = '-';

        /* negated as unsigned: INT64_MIN has no positive twin */
        return ngx_soporte_text_uint64(dst, 0 - (uint64_t) n);
    }

    return ngx_soporte_text_uint64(dst, (uint64_t) n);
}


u_char *
ngx_soporte_text_uint64(u_char *dst, uint64_t n)
{
    u_char   buf[NGX_INT64_LEN], *p;
    size_t   len;

    p = buf + NGX_INT64_LEN;

    do {
        *--p = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    len = buf + NGX_INT64_LEN - p;
    ngx_memcpy(dst, p, len);

    return dst + len;
}


u_char *
ngx_soporte_text_uri(u_char *dst, const u_char *src, size_t len)
{
    size_t  i;
    u_char  ch, c;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < len; i++) {
        ch = src[i];
        c = (u_char) (ch | 0x20);

        if ((c >= 'a' && c <= 'z') || (ch >= '0' && ch <= '9')
            || ch == '-' || ch == '.' || ch == '_' || ch == '~')
        {
            *dst++ = ch;
            continue;
        }

        *dst++ = '%';
        *dst++ = hex[ch >> 4];
        *dst++ = hex[ch & 0xf];
    }

    return dst;
}


u_char *
ngx_soporte_text_hex(u_char *dst, const u_char *src, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        *dst++ = ngx_soporte_text_hexdigits[src[i] >> 4];
        *dst++ = ngx_soporte_text_hexdigits[src[i] & 0xf];
    }

    return dst;
}


ngx_int_t
ngx_soporte_text_unhex(u_char *dst, const u_char *src, size_t len)
{
    size_t     i;
    ngx_int_t  high, low;

    if (len % 2) {
        return NGX_ERROR;
    }

    for (i = 0; i < len; i += 2) {
        high = ngx_soporte_text_digit(src[i]);
        low = ngx_soporte_text_digit(src[i + 1]);

        if (high < 0 || low < 0) {
            return NGX_ERROR;
        }

        *dst++ = (u_char) (high << 4 | low);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_text_digit(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : -1;
}


size_t
ngx_soporte_text_clean(u_char *dst, const u_char *src, size_t len)
{
    u_char        *d;
    uint32_t       code;
    ngx_uint_t     gap;
    const u_char  *s, *end;

    if (len == 0) {
        return 0;
    }

    d = dst;
    end = src + len;
    gap = 0;

    while (src < end) {
        s = src;
        code = ngx_soporte_utf8_next(&src, end);

        if (ngx_soporte_text_is_break(code)) {

            if (!gap) {
                *d++ = ' ';
                gap = 1;
            }

            continue;
        }

        if (ngx_soporte_text_is_control(code)) {
            continue;
        }

        gap = 0;

        /* dst may be src: d never overtakes s */

        while (s < src) {
            *d++ = *s++;
        }
    }

    return d - dst;
}


static ngx_uint_t
ngx_soporte_text_is_break(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0d)
           || code == 0x85
           || code == 0x2028
           || code == 0x2029;
}


/* UAX #9 names the bidirectional controls: marks, embeddings, isolates */

static ngx_uint_t
ngx_soporte_text_is_control(uint32_t code)
{
    return code < 0x20
           || (code >= 0x7f && code <= 0x9f)
           || code == 0x061c
           || code == 0x200e
           || code == 0x200f
           || (code >= 0x202a && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069)
           || code == 0xfeff
           || code == NGX_SOPORTE_UTF8_INVALID;
}
