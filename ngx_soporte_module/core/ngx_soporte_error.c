
/*
 * One message about what was wrong with an input, for "nginx -t" or a log:
 * lower case, one line, values in quotes.
 */

#include <stdarg.h>
#include <stdio.h>

#include "ngx_soporte_error.h"


ngx_int_t
ngx_soporte_error(ngx_soporte_mem_t *mem, ngx_str_t *error, const char *fmt,
    ...)
{
    int      len;
    char     text[512];
    size_t   i;
    va_list  args;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    len = ngx_max(len, 0);

    error->len = ngx_min((size_t) len, sizeof(text) - 1);
    error->data = ngx_soporte_alloc(mem, error->len + 1);

    if (error->data == NULL) {
        error->len = 0;
        return NGX_ERROR;
    }

    for (i = 0; i < error->len; i++) {
        error->data[i] = ((u_char) text[i] < 0x20 || text[i] == 0x7f)
                         ? '?' : (u_char) text[i];
    }

    error->data[i] = '\0';

    return NGX_ERROR;
}
