
/*
 * Prevents: small parsers that crash, read behind their text, or write what
 * they read in another way than it was: instants, ids, folios, base64url, a
 * header's parameters.
 *
 * An input is one text, read by all of them.
 */

#include <string.h>

#include "fuzz.h"
#include "ngx_soporte_folio.h"
#include "ngx_soporte_param.h"
#include "ngx_soporte_time.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
words_time(const uint8_t *data, size_t size)
{
    u_char   text[NGX_SOPORTE_TIME_LEN], *last;
    int32_t  offset, o;
    int64_t  t, u;

    if (ngx_soporte_time_parse(data, size, &t, &offset) != NGX_OK) {
        return;
    }

    last = ngx_soporte_time_rfc3339(text, t, offset);

    fuzz_check((size_t) (last - text) <= sizeof(text));
    fuzz_check(ngx_soporte_time_parse(text, last - text, &u, &o) == NGX_OK);

    /* years that only exist on one side of an offset are clamped */

    if (t > -62135510400 && t < 253402214400) {
        fuzz_check(u == t && o == offset);
    }
}


static void
words_ids(ngx_str_t *text)
{
    u_char     id[NGX_SOPORTE_ID_LEN], folio[NGX_SOPORTE_FOLIO_LEN];
    u_char     uuid[NGX_SOPORTE_UUID_LEN], once[NGX_SOPORTE_FOLIO_LEN];
    ngx_str_t  again;

    if (ngx_soporte_uuid_parse(id, text) == NGX_OK) {
        fuzz_check(text->len == NGX_SOPORTE_UUID_LEN);
        (void) ngx_soporte_uuid_format(uuid, id);
        again.data = uuid;
        again.len = sizeof(uuid);
        fuzz_check(ngx_soporte_uuid_parse(id, &again) == NGX_OK);
    }

    if (ngx_soporte_folio_parse(folio, text) == NGX_OK) {
        again.data = folio;
        again.len = sizeof(folio);
        fuzz_check(ngx_soporte_folio_parse(once, &again) == NGX_OK);
        fuzz_check(memcmp(once, folio, sizeof(folio)) == 0);
    }
}


static void
words_base64(ngx_str_t *text)
{
    size_t   len;
    u_char  *p, *q, *last;

    len = text->len * 6 / 8;
    p = malloc(len + 1);
    q = malloc(text->len + 4);

    /* no value is written in two ways */

    if (ngx_soporte_base64url_decode(p, len, text) == NGX_OK) {
        last = ngx_soporte_base64url_encode(q, p, len);
        fuzz_check((size_t) (last - q) == text->len);
        fuzz_check(text->len == 0 || memcmp(q, text->data, text->len) == 0);
    }

    free(q);
    free(p);
}


static void
words_params(ngx_str_t *text)
{
    u_char               *p, *last;
    ngx_str_t             first;
    ngx_soporte_param_t   param;

    p = text->data;
    last = p + text->len;

    first = ngx_soporte_param_first(&p, last);
    fuzz_check(first.len <= text->len && p <= last);

    while (ngx_soporte_param_next(&p, last, &param) == NGX_OK) {
        fuzz_check(param.value.data >= text->data && p <= last);
        fuzz_check(param.value.data + param.value.len <= last);
        fuzz_check(param.name.len > 0);

        if (ngx_soporte_param_extended(&param.value) == NGX_OK) {
            fuzz_check(param.value.data + param.value.len <= last);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_str_t  text;

    words_time(data, size);

    /* a copy, since parameters are decoded in place */

    text.len = size;
    text.data = malloc(size ? size : 1);

    if (size) {
        memcpy(text.data, data, size);
    }

    words_ids(&text);
    words_base64(&text);
    words_params(&text);

    free(text.data);

    return 0;
}
