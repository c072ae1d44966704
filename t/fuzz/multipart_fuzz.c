
/*
 * Prevents: an upload that crashes the reader or reads differently when its
 * bytes arrive in other chunks, a name or a part over its limit.
 *
 * An input is a Content-Type up to the first LF, then the body.
 */

#include "fuzz.h"
#include "ngx_soporte_attach.h"
#include "ngx_soporte_multipart.h"
#include "ngx_soporte_text.h"


/* the events as text, and that they come in their order */

typedef struct {
    fuzz_mem_t  *fm;
    fuzz_out_t   log;
    ngx_uint_t   open;
    ngx_uint_t   parts;
    size_t       data;
} fuzz_events_t;


/* small, so that a short input reaches them */

static const ngx_soporte_multipart_limits_t  limits = { 5, 160, 16, 24 };


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_text(fuzz_events_t *fe, const ngx_str_t *text)
{
    u_char  len[2];

    len[0] = (u_char) (text->len >> 8);
    len[1] = (u_char) text->len;

    ngx_soporte_out(&fe->log.out, len, 2);
    ngx_soporte_out(&fe->log.out, text->data, text->len);
}


static ngx_int_t
fuzz_begin(void *ctx, const ngx_soporte_part_t *part)
{
    ngx_str_t       name;
    fuzz_events_t  *fe = ctx;

    fuzz_check(!fe->open);
    fuzz_check(part->name.len >= 1 && part->name.len <= limits.name);
    fuzz_check(part->filename.len <= limits.filename);
    fuzz_check(part->file || part->filename.len == 0);
    fuzz_check(ngx_soporte_utf8_valid(part->name.data, part->name.len));

    fe->open = 1;
    fe->parts++;
    fuzz_check(fe->parts <= limits.parts);

    if (part->filename.len) {
        fuzz_check(ngx_soporte_utf8_valid(part->filename.data,
                                          part->filename.len));

        name = ngx_soporte_attach_name(&fe->fm->mem, &part->filename);

        fuzz_check(name.len > 0);
        fuzz_check(memchr(name.data, '/', name.len) == NULL);
        fuzz_check(name.data[0] != '.');
        fuzz_check(ngx_soporte_utf8_valid(name.data, name.len));
    }

    ngx_soporte_out(&fe->log.out, part->file ? "F" : "N", 1);
    fuzz_text(fe, &part->name);
    fuzz_text(fe, &part->filename);
    fuzz_text(fe, &part->type);

    return NGX_OK;
}


static ngx_int_t
fuzz_data(void *ctx, const u_char *p, size_t len)
{
    fuzz_events_t  *fe = ctx;

    fuzz_check(fe->open && len > 0);

    fe->data += len;
    ngx_soporte_out(&fe->log.out, p, len);

    return NGX_OK;
}


static ngx_int_t
fuzz_end(void *ctx)
{
    fuzz_events_t  *fe = ctx;

    fuzz_check(fe->open);

    fe->open = 0;
    ngx_soporte_out(&fe->log.out, "E", 1);

    return NGX_OK;
}


/* in chunks of "step" bytes, 0: drawn; the answer and the error at the end */

static ngx_int_t
fuzz_parse(fuzz_events_t *fe, fuzz_mem_t *fm, const ngx_str_t *type,
    const uint8_t *p, size_t size, size_t step, ngx_uint_t *error)
{
    size_t                           n;
    u_char                          *copy;
    uint64_t                         seed;
    ngx_int_t                        rc;
    ngx_soporte_multipart_t          mp;
    ngx_soporte_multipart_events_t   events = {
        fuzz_begin, fuzz_data, fuzz_end, NULL
    };

    memset(fe, 0, sizeof(fuzz_events_t));
    fuzz_out(&fe->log, SIZE_MAX);
    fe->fm = fm;
    events.ctx = fe;
    seed = size * 0x9e3779b97f4a7c15ULL + 1;

    rc = ngx_soporte_multipart_init(&fm->mem, &mp, type, &limits, &events);

    while (rc == NGX_OK && size) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        n = step ? step : (size_t) (seed >> 60) + 1;
        n = ngx_min(n, size);

        copy = malloc(n);
        memcpy(copy, p, n);
        rc = ngx_soporte_multipart_feed(&mp, copy, n);
        free(copy);

        p += n;
        size -= n;
    }

    if (rc == NGX_OK) {
        rc = ngx_soporte_multipart_finish(&mp);
    }

    fuzz_check(rc == NGX_OK || rc == NGX_DECLINED);
    fuzz_check((rc == NGX_OK) == (mp.error == NGX_SOPORTE_MULTIPART_GOOD));
    fuzz_check(rc != NGX_OK || !fe->open);

    *error = mp.error;

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i, body;
    ngx_int_t       rc;
    ngx_str_t       type;
    fuzz_mem_t      fm;
    ngx_uint_t      error, other;
    const uint8_t  *lf;
    fuzz_events_t   once, split;

    static const size_t  steps[] = { 1, 2, 3, 7, 0 };

    lf = size ? memchr(data, '\n', size) : NULL;

    if (lf == NULL) {
        return 0;
    }

    type.data = (u_char *) data;
    type.len = lf - data;
    body = size - type.len - 1;

    fuzz_mem(&fm);

    rc = fuzz_parse(&once, &fm, &type, lf + 1, body, body + 1, &error);
    fuzz_check(once.data <= body);

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fuzz_check(fuzz_parse(&split, &fm, &type, lf + 1, body, steps[i],
                              &other) == rc);
        fuzz_check(other == error);

        /* a chunk that ends well and goes on badly was told before */

        fuzz_check(split.log.len == once.log.len);
        fuzz_check(split.log.len == 0
                   || memcmp(split.log.p, once.log.p, once.log.len) == 0);

        fuzz_out_free(&split.log);
    }

    fuzz_out_free(&once.log);
    fuzz_mem_free(&fm);

    return 0;
}
