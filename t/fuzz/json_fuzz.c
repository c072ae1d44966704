
/*
 * Prevents: a body that crashes the reader, is read as something else when it
 * is written and read again, or leaves JSON that is not safe inside HTML.
 *
 * An input is JSON text, or nearly.
 */

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"


#define DEPTH  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                      i, lines;
    fuzz_mem_t                  fm;
    fuzz_out_t                  once, twice;
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits = { DEPTH };

    fuzz_mem(&fm);

    root = ngx_soporte_json_parse(&fm.mem, data, size, &limits, &err);

    if (root == NULL) {

        for (i = 0, lines = 1; i < size; i++) {
            lines += (data[i] == '\n');
        }

        fuzz_check(err.text[0] != '\0');
        fuzz_check(err.line >= 1 && err.line <= lines);
        fuzz_check(err.column >= 1 && err.column <= size + 1);

        fuzz_mem_free(&fm);
        return 0;
    }

    ngx_soporte_value_json(fuzz_out(&once, SIZE_MAX), root);

    fuzz_check(!once.out.failed);
    fuzz_check(ngx_soporte_utf8_valid(once.p, once.len));

    for (i = 0; i < once.len; i++) {
        fuzz_check(once.p[i] >= 0x20 && strchr("<>&", once.p[i]) == NULL);
    }

    root = ngx_soporte_json_parse(&fm.mem, once.p, once.len, &limits, &err);
    fuzz_check(root != NULL);

    ngx_soporte_value_json(fuzz_out(&twice, SIZE_MAX), root);

    fuzz_check(twice.len == once.len);
    fuzz_check(memcmp(twice.p, once.p, once.len) == 0);

    fuzz_out_free(&twice);
    fuzz_out_free(&once);
    fuzz_mem_free(&fm);

    return 0;
}
