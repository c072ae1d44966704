
/*
 * Prevents: a page that crashes the parser or the renderer, renders twice in
 * two ways, or lets a value through as markup.
 *
 * An input is a page, its data (JSON) and its partials "a" and "b", each part
 * but the last ended by a NUL.
 */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_template.h"
#include "ngx_soporte_text.h"


#define PARTS  4
#define LIMIT  65536                         /* of what is rendered */


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_int_t
load(void *data, const ngx_str_t *name, ngx_str_t *src, ngx_str_t *file)
{
    ngx_str_t  *parts = data;

    if (name->len != 1 || (name->data[0] != 'a' && name->data[0] != 'b')) {
        return NGX_DECLINED;
    }

    *src = parts[2 + (name->data[0] - 'a')];
    *file = *name;

    return NGX_OK;
}


static void
split(ngx_str_t *parts, const uint8_t *data, size_t size)
{
    ngx_uint_t      i;
    const uint8_t  *end;

    for (i = 0; i < PARTS; i++) {
        end = size ? memchr(data, '\0', size) : NULL;

        parts[i].data = (u_char *) data;
        parts[i].len = end ? (size_t) (end - data) : size;

        size -= parts[i].len + (end != NULL);
        data += parts[i].len + (end != NULL);
    }
}


static void
check_error(const ngx_str_t *parts, const ngx_soporte_template_error_t *err)
{
    size_t            i, lines;
    const ngx_str_t  *src;

    src = &parts[0];

    if (err->file.data[0] != 't') {
        src = &parts[2 + (err->file.data[0] - 'a')];
    }

    for (i = 0, lines = 1; i < src->len; i++) {
        lines += (src->data[i] == '\n');
    }

    fuzz_check(err->text.len > 0);
    fuzz_check(err->line >= 1 && err->line <= lines);
}


/* what a page with neither markup nor raw values renders has no markup */

static void
check_markup(const ngx_str_t *parts, const fuzz_out_t *result)
{
    size_t      i;
    ngx_uint_t  n;

    for (n = 0; n < PARTS; n++) {

        if (n == 1) {
            continue;
        }

        for (i = 0; i < parts[n].len; i++) {

            if (strchr("<\"'&", parts[n].data[i])) {
                return;
            }

            if (parts[n].data[i] == '{' && parts[n].len - i > 2
                && parts[n].data[i + 1] == '{' && parts[n].data[i + 2] == '{')
            {
                return;
            }
        }
    }

    for (i = 0; i < result->len; i++) {
        fuzz_check(strchr("<\"'", result->p[i]) == NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                       rc;
    ngx_str_t                       parts[PARTS];
    ngx_str_t                       file = ngx_string("t");
    fuzz_mem_t                      fm;
    fuzz_out_t                      once, twice;
    ngx_soporte_value_t            *root;
    ngx_soporte_template_t         *tpl;
    ngx_soporte_json_error_t        jerr;
    ngx_soporte_json_limits_t       limits = { 8 };
    ngx_soporte_template_error_t    err;
    ngx_soporte_template_loader_t   loader = { load, parts };

    fuzz_mem(&fm);
    split(parts, data, size);

    tpl = ngx_soporte_template_parse(&fm.mem, &file, &parts[0], &loader,
                                     &err);
    if (tpl == NULL) {
        check_error(parts, &err);
        fuzz_mem_free(&fm);
        return 0;
    }

    root = ngx_soporte_json_parse(&fm.mem, parts[1].data, parts[1].len,
                                  &limits, &jerr);

    rc = ngx_soporte_template_render(tpl, root, fuzz_out(&once, LIMIT));
    fuzz_check((rc == NGX_ERROR) == once.out.failed);

    if (rc == NGX_OK) {
        fuzz_check(ngx_soporte_utf8_valid(once.p, once.len));
        check_markup(parts, &once);

        rc = ngx_soporte_template_render(tpl, root, fuzz_out(&twice, LIMIT));
        fuzz_check(rc == NGX_OK);
        fuzz_check(twice.len == once.len);
        fuzz_check(once.len == 0 || memcmp(twice.p, once.p, once.len) == 0);
        fuzz_out_free(&twice);
    }

    fuzz_out_free(&once);
    fuzz_mem_free(&fm);

    return 0;
}
