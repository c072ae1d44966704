
/*
 * Prevents: a policy that crashes nginx -t, a mistake without a word, and a
 * merge that is no merge: of a patch that is applied twice.
 *
 * An input is two JSON texts with a NUL between: a policy, and a patch.
 */

#include <string.h>

#include "fuzz.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_policy.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
policy_read(ngx_soporte_mem_t *mem, const ngx_soporte_value_t *root)
{
    ngx_str_t              error;
    ngx_soporte_policy_t   policy;

    memset(&policy, 0, sizeof(policy));
    memset(&error, 0, sizeof(error));

    if (ngx_soporte_policy_read(mem, root, &policy, &error) != NGX_OK) {
        fuzz_check(error.len > 0 && error.data[error.len] == '\0');
        fuzz_check(memchr(error.data, '\0', error.len) == NULL);
    }
}


static void
policy_text(ngx_soporte_value_t *value, fuzz_out_t *fo)
{
    ngx_soporte_value_json(fuzz_out(fo, SIZE_MAX), value);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                      first;
    fuzz_mem_t                  fm;
    fuzz_out_t                  once, twice;
    const uint8_t              *nul;
    ngx_soporte_value_t        *root, *patch, *merged, *again;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits = { NGX_SOPORTE_VALUE_DEPTH };

    fuzz_mem(&fm);

    nul = size ? memchr(data, '\0', size) : NULL;
    first = nul ? (size_t) (nul - data) : size;

    root = ngx_soporte_json_parse(&fm.mem, data, first, &limits, &err);

    if (root) {
        policy_read(&fm.mem, root);
    }

    patch = nul ? ngx_soporte_json_parse(&fm.mem, nul + 1, size - first - 1,
                                         &limits, &err)
                : NULL;

    if (root && patch) {
        merged = ngx_soporte_policy_merge(&fm.mem, root, patch);
        fuzz_check(merged != NULL);
        again = ngx_soporte_policy_merge(&fm.mem, merged, patch);
        fuzz_check(again != NULL);

        policy_text(merged, &once);
        policy_text(again, &twice);

        fuzz_check(once.len == twice.len);
        fuzz_check(once.len == 0 || memcmp(once.p, twice.p, once.len) == 0);

        fuzz_out_free(&twice);
        fuzz_out_free(&once);

        policy_read(&fm.mem, merged);
    }

    fuzz_mem_free(&fm);

    return 0;
}
