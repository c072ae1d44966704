
/*
 * A header's word and its parameters (RFC 9110 section 5.6.6, RFC 8187), as
 * Content-Type and Content-Disposition have them.
 *
 * Values are decoded in place: the text is written to, and nothing points
 * anywhere else.  Pure and reentrant.
 */

#ifndef _NGX_SOPORTE_PARAM_H_INCLUDED_
#define _NGX_SOPORTE_PARAM_H_INCLUDED_


#include "ngx_soporte_core.h"


typedef struct {
    ngx_str_t  name;
    ngx_str_t  value;                        /* its data is never NULL */
} ngx_soporte_param_t;


/* the word before the parameters; *pos moves behind it */
ngx_str_t ngx_soporte_param_first(u_char **pos, u_char *last);

/*
 * The next "; name=value" or "; name=\"value\"".  NGX_DONE: there is none, a
 * last semicolon is forgiven.  NGX_ERROR: malformed.
 *
 * In quotes a backslash stands for itself but before a quote or another
 * backslash: browsers never escape with it, and do send it in names.
 */
ngx_int_t ngx_soporte_param_next(u_char **pos, u_char *last,
    ngx_soporte_param_t *param);

/*
 * The value of a "name*" (RFC 8187 section 3.2): UTF-8'language'percent;
 * only UTF-8 is read, and whether it is any is the caller's to check.
 */
ngx_int_t ngx_soporte_param_extended(ngx_str_t *value);

/* without regard to case; s is in lower case */
ngx_uint_t ngx_soporte_param_is(const ngx_str_t *text, const char *s);


#endif /* _NGX_SOPORTE_PARAM_H_INCLUDED_ */
