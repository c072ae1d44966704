
/*
 * Identities in writing: UUID versions 7 and 8, the folio and its check
 * symbol, base64url.
 *
 * The check symbol is a polynomial code of one symbol over GF(32), the field
 * of x^5 + x^2 + 1 (RFC 4648 has no check, Crockford's own needs five more
 * symbols): symbol i of ten is weighed with a power of the generator of its
 * own.  No weight is zero, so one wrong symbol is seen; no two are equal, so
 * any two symbols that changed places are seen.
 */

#include "ngx_soporte_folio.h"
#include "ngx_soporte_text.h"


#define NGX_SOPORTE_FOLIO_DATA  9            /* symbols, 45 bits */


static ngx_uint_t ngx_soporte_folio_check(const u_char *symbols);
static ngx_int_t ngx_soporte_folio_symbol(u_char ch);
static u_char *ngx_soporte_folio_write(u_char *dst, const u_char *symbols);


static const u_char  ngx_soporte_crockford[] =
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static const u_char  ngx_soporte_base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


void
ngx_soporte_uuid_v7(u_char *id, uint64_t ms, const u_char *random)
{
    ngx_uint_t  i;

    for (i = 0; i < 6; i++) {
        id[i] = (u_char) (ms >> (40 - 8 * i));
    }

    ngx_memcpy(id + 6, random, NGX_SOPORTE_ID_RANDOM);

    id[6] = (u_char) (0x70 | (id[6] & 0x0f));
    id[8] = (u_char) (0x80 | (id[8] & 0x3f));
}


void
ngx_soporte_uuid_v8(u_char *id, const u_char *digest)
{
    ngx_memcpy(id, digest, NGX_SOPORTE_ID_LEN);

    id[6] = (u_char) (0x80 | (id[6] & 0x0f));
    id[8] = (u_char) (0x80 | (id[8] & 0x3f));
}


uint64_t
ngx_soporte_uuid_time(const u_char *id)
{
    uint64_t    ms;
    ngx_uint_t  i;

    if ((id[6] & 0xf0) != 0x70) {
        return 0;
    }

    ms = 0;

    for (i = 0; i < 6; i++) {
        ms = ms << 8 | id[i];
    }

    return ms;
}


u_char *
ngx_soporte_uuid_format(u_char *dst, const u_char *id)
{
    dst = ngx_soporte_text_hex(dst, id, 4);
    *dst++ = '-';
    dst = ngx_soporte_text_hex(dst, id + 4, 2);
    *dst++ = '-';
    dst = ngx_soporte_text_hex(dst, id + 6, 2);
    *dst++ = '-';
    dst = ngx_soporte_text_hex(dst, id + 8, 2);
    *dst++ = '-';

    return ngx_soporte_text_hex(dst, id + 10, 6);
}


ngx_int_t
ngx_soporte_uuid_parse(u_char *id, const ngx_str_t *text)
{
    u_char  digits[NGX_SOPORTE_ID_LEN * 2], bytes[NGX_SOPORTE_ID_LEN];
    size_t  i, n;

    if (text->len != NGX_SOPORTE_UUID_LEN) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < NGX_SOPORTE_UUID_LEN; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {

            if (text->data[i] != '-') {
                return NGX_ERROR;
            }

            continue;
        }

        digits[n++] = text->data[i];
    }

    if (ngx_soporte_text_unhex(bytes, digits, n) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(id, bytes, NGX_SOPORTE_ID_LEN);

    return NGX_OK;
}


u_char *
ngx_soporte_folio_format(u_char *dst, const u_char *id)
{
    u_char      symbols[NGX_SOPORTE_FOLIO_DATA + 1];
    uint64_t    bits;
    ngx_uint_t  i;

    bits = 0;

    for (i = 10; i < NGX_SOPORTE_ID_LEN; i++) {
        bits = bits << 8 | id[i];
    }

    for (i = 0; i < NGX_SOPORTE_FOLIO_DATA; i++) {
        symbols[i] = (u_char) (bits >> (40 - 5 * i) & 0x1f);
    }

    symbols[i] = (u_char) ngx_soporte_folio_check(symbols);

    return ngx_soporte_folio_write(dst, symbols);
}


ngx_int_t
ngx_soporte_folio_parse(u_char *dst, const ngx_str_t *text)
{
    u_char      raw[3 + NGX_SOPORTE_FOLIO_DATA + 1];
    u_char      symbols[NGX_SOPORTE_FOLIO_DATA + 1];
    u_char     *p;
    size_t      i, n;
    ngx_int_t   symbol;

    n = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '-' || text->data[i] == ' ') {
            continue;
        }

        if (n == sizeof(raw)) {
            return NGX_ERROR;
        }

        raw[n++] = text->data[i];
    }

    p = raw;

    if (n == sizeof(raw)) {

        if ((p[0] | 0x20) != 's'
            || (p[1] != '0' && (p[1] | 0x20) != 'o')
            || (p[2] | 0x20) != 'p')
        {
            return NGX_ERROR;
        }

        p += 3;
        n -= 3;
    }

    if (n != sizeof(symbols)) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        symbol = ngx_soporte_folio_symbol(p[i]);

        if (symbol == NGX_ERROR) {
            return NGX_ERROR;
        }

        symbols[i] = (u_char) symbol;
    }

    if (symbols[n - 1] != ngx_soporte_folio_check(symbols)) {
        return NGX_ERROR;
    }

    ngx_soporte_folio_write(dst, symbols);

    return NGX_OK;
}


/* Horner's rule: the first symbol weighs x^9, the ninth x, the check 1 */

static ngx_uint_t
ngx_soporte_folio_check(const u_char *symbols)
{
    ngx_uint_t  i, sum;

    sum = 0;

    for (i = 0; i < NGX_SOPORTE_FOLIO_DATA; i++) {
        sum = (sum ^ symbols[i]) << 1;

        if (sum & 0x20) {
            sum ^= 0x25;
        }
    }

    return sum;
}


static ngx_int_t
ngx_soporte_folio_symbol(u_char ch)
{
    const u_char  *p;

    if (ch >= 'a' && ch <= 'z') {
        ch -= 'a' - 'A';
    }

    switch (ch) {

    case 'I':
    case 'L':
        return 1;

    case 'O':
        return 0;

    case '\0':
        return NGX_ERROR;
    }

    p = (const u_char *) strchr((const char *) ngx_soporte_crockford, ch);

    return p ? p - ngx_soporte_crockford : NGX_ERROR;
}


static u_char *
ngx_soporte_folio_write(u_char *dst, const u_char *symbols)
{
    ngx_uint_t  i;

    *dst++ = 'S';
    *dst++ = 'O';
    *dst++ = 'P';

    for (i = 0; i <= NGX_SOPORTE_FOLIO_DATA; i++) {

        if (i % 5 == 0) {
            *dst++ = '-';
        }

        *dst++ = ngx_soporte_crockford[symbols[i]];
    }

    return dst;
}


u_char *
ngx_soporte_base64url_encode(u_char *dst, const u_char *src, size_t len)
{
    size_t      i;
    uint32_t    bits;
    ngx_uint_t  n;

    bits = 0;
    n = 0;

    for (i = 0; i < len; i++) {
        bits = (bits << 8 | src[i]) & 0xffff;
        n += 8;

        while (n >= 6) {
            n -= 6;
            *dst++ = ngx_soporte_base64url[bits >> n & 0x3f];
        }
    }

    if (n) {
        *dst++ = ngx_soporte_base64url[bits << (6 - n) & 0x3f];
    }

    return dst;
}


ngx_int_t
ngx_soporte_base64url_decode(u_char *dst, size_t len, const ngx_str_t *text)
{
    size_t         i;
    uint32_t       bits;
    ngx_uint_t     n;
    const u_char  *p;

    if (text->len != ngx_soporte_base64url_len(len)) {
        return NGX_ERROR;
    }

    bits = 0;
    n = 0;

    for (i = 0; i < text->len; i++) {
        p = memchr(ngx_soporte_base64url, text->data[i], 64);

        if (p == NULL) {
            return NGX_ERROR;
        }

        bits = (bits << 6 | (uint32_t) (p - ngx_soporte_base64url)) & 0xffff;
        n += 6;

        if (n >= 8) {
            n -= 8;
            *dst++ = (u_char) (bits >> n);
        }
    }

    return (bits & ((1u << n) - 1)) ? NGX_ERROR : NGX_OK;
}
