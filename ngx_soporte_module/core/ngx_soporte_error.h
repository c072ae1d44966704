
/*
 * One message about what was wrong with an input, for "nginx -t" or a log:
 * lower case, one line, values in quotes.
 */

#ifndef _NGX_SOPORTE_ERROR_H_INCLUDED_
#define _NGX_SOPORTE_ERROR_H_INCLUDED_


#include "ngx_soporte_core.h"


/*
 * Formats like printf() into *error, made in mem, cut at 511 bytes; it ends
 * with a NUL that is not counted, control characters become "?".  error->len
 * is 0 when memory was refused.  Always returns NGX_ERROR.
 */

ngx_int_t ngx_soporte_error(ngx_soporte_mem_t *mem, ngx_str_t *error,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));


/* the arguments of "%.*s" for a value, of which 64 bytes say enough */

#define ngx_soporte_error_value(value)                                        \
    (int) ngx_min((value)->len, 64), (const char *) (value)->data


#endif /* _NGX_SOPORTE_ERROR_H_INCLUDED_ */
