
/*
 * Names and values as browsers send them: a urlencoded body, the arguments
 * of a URI, the Cookie header.
 *
 * The body is the WHATWG URL standard's application/x-www-form-urlencoded,
 * only stricter: what is no UTF-8, holds a NUL or a broken percent sign is
 * refused, never mended, since libpq would cut a text at a NUL in silence.
 * All functions are pure and reentrant.
 */

#ifndef _NGX_SOPORTE_FORM_H_INCLUDED_
#define _NGX_SOPORTE_FORM_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_FORM_FIELDS  64
#define NGX_SOPORTE_FORM_NAME    64          /* bytes, decoded */


typedef enum {
    NGX_SOPORTE_FORM_GOOD = 0,
    NGX_SOPORTE_FORM_LARGE,                  /* body over the limit */
    NGX_SOPORTE_FORM_MANY,                   /* over 64 fields */
    NGX_SOPORTE_FORM_NAME_LONG,
    NGX_SOPORTE_FORM_PERCENT,                /* "%" without two hex digits */
    NGX_SOPORTE_FORM_NUL,
    NGX_SOPORTE_FORM_UTF8
} ngx_soporte_form_error_e;


typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  value;
} ngx_soporte_field_t;


typedef struct {
    ngx_soporte_field_t       *fields;       /* in the order of the body */
    ngx_uint_t                 nfields;

    ngx_soporte_form_error_e   error;
    ngx_str_t                  field;        /* where: "" in a name */
} ngx_soporte_form_t;


/*
 * Decodes a whole body of at most "limit" bytes into mem; nothing points into
 * the body afterwards.  NGX_DECLINED: form->error and form->field say why.
 * NGX_ERROR: memory refused.
 */
ngx_int_t ngx_soporte_form_parse(ngx_soporte_mem_t *mem,
    const ngx_str_t *body, size_t limit, ngx_soporte_form_t *form);

/*
 * Puts a field in from elsewhere (a part of multipart/form-data) by the same
 * rules; name and value are not copied.  form begins zeroed.
 */
ngx_int_t ngx_soporte_form_add(ngx_soporte_mem_t *mem,
    ngx_soporte_form_t *form, const ngx_str_t *name, const ngx_str_t *value);

/* the first value of that name; NULL if there is none */
ngx_str_t *ngx_soporte_form_get(const ngx_soporte_form_t *form,
    const char *name);

/*
 * The first argument of that name in a URI's query, decoded into mem.
 * NGX_DECLINED: there is none, or it is malformed, which is no better.
 */
ngx_int_t ngx_soporte_form_arg(ngx_soporte_mem_t *mem, const ngx_str_t *args,
    const char *name, ngx_str_t *value);

/*
 * A cookie's value (RFC 6265 section 4.2) out of one Cookie header, a slice
 * of it, without the double quotes that may surround it; the first of that
 * name.  NGX_DECLINED: there is none.
 */
ngx_int_t ngx_soporte_form_cookie(const ngx_str_t *header, const char *name,
    ngx_str_t *value);


/*
 * The HTML standard's valid e-mail address, which is what browsers let pass,
 * and UTF-8 before the "@" (RFC 6531); at most 254 bytes, 64 before the "@".
 */
ngx_uint_t ngx_soporte_form_email(const ngx_str_t *email);


#endif /* _NGX_SOPORTE_FORM_H_INCLUDED_ */
