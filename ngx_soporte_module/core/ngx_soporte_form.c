
/*
 * Urlencoded bodies, arguments and cookies taken apart, and what an e-mail
 * address looks like.
 *
 * Decoding never makes text longer, so a body is decoded into one block of
 * its own size, name and value behind each other.
 */

#include "ngx_soporte_form.h"
#include "ngx_soporte_text.h"


static ngx_int_t ngx_soporte_form_refuse(ngx_soporte_form_t *form,
    ngx_soporte_form_error_e error, const ngx_str_t *field);
static ngx_soporte_form_error_e ngx_soporte_form_decode(u_char **dst,
    const u_char *p, const u_char *last, ngx_str_t *out);
static ngx_soporte_form_error_e ngx_soporte_form_check(const ngx_str_t *text);
static ngx_uint_t ngx_soporte_form_is(const ngx_str_t *name, const char *s);
static ngx_uint_t ngx_soporte_form_local(const u_char *p, size_t len);
static ngx_uint_t ngx_soporte_form_domain(const u_char *p, const u_char *last);


ngx_int_t
ngx_soporte_form_parse(ngx_soporte_mem_t *mem, const ngx_str_t *body,
    size_t limit, ngx_soporte_form_t *form)
{
    u_char                   *dst;
    ngx_int_t                 rc;
    ngx_str_t                 name, value;
    const u_char             *p, *end, *last, *eq;
    ngx_soporte_form_error_e  error;
    static const ngx_str_t    none = ngx_null_string;

    ngx_memzero(form, sizeof(ngx_soporte_form_t));

    if (body->len > limit) {
        return ngx_soporte_form_refuse(form, NGX_SOPORTE_FORM_LARGE, &none);
    }

    if (body->len == 0) {
        return NGX_OK;
    }

    dst = ngx_soporte_alloc(mem, body->len);

    if (dst == NULL) {
        return NGX_ERROR;
    }

    p = body->data;
    end = p + body->len;

    for ( /* void */ ; p < end; p = last + 1) {
        last = memchr(p, '&', end - p);

        if (last == NULL) {
            last = end;
        }

        if (last == p) {
            continue;
        }

        eq = memchr(p, '=', last - p);

        if (eq == NULL) {
            eq = last;
        }

        error = ngx_soporte_form_decode(&dst, p, eq, &name);

        if (error != NGX_SOPORTE_FORM_GOOD) {
            return ngx_soporte_form_refuse(form, error, &none);
        }

        error = ngx_soporte_form_decode(&dst, ngx_min(eq + 1, last), last,
                                        &value);

        if (error != NGX_SOPORTE_FORM_GOOD) {

            /* a name that is not fit to be shown is not shown */

            if (name.len > NGX_SOPORTE_FORM_NAME
                || ngx_soporte_form_check(&name) != NGX_SOPORTE_FORM_GOOD)
            {
                name = none;
            }

            return ngx_soporte_form_refuse(form, error, &name);
        }

        rc = ngx_soporte_form_add(mem, form, &name, &value);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_form_add(ngx_soporte_mem_t *mem, ngx_soporte_form_t *form,
    const ngx_str_t *name, const ngx_str_t *value)
{
    ngx_soporte_form_error_e  error;
    static const ngx_str_t    none = ngx_null_string;

    if (name->len > NGX_SOPORTE_FORM_NAME) {
        return ngx_soporte_form_refuse(form, NGX_SOPORTE_FORM_NAME_LONG,
                                       &none);
    }

    error = ngx_soporte_form_check(name);

    if (error != NGX_SOPORTE_FORM_GOOD) {
        return ngx_soporte_form_refuse(form, error, &none);
    }

    error = ngx_soporte_form_check(value);

    if (error != NGX_SOPORTE_FORM_GOOD) {
        return ngx_soporte_form_refuse(form, error, name);
    }

    if (form->nfields == NGX_SOPORTE_FORM_FIELDS) {
        return ngx_soporte_form_refuse(form, NGX_SOPORTE_FORM_MANY, name);
    }

    if (form->fields == NULL) {
        form->fields = ngx_soporte_alloc(mem, NGX_SOPORTE_FORM_FIELDS
                                              * sizeof(ngx_soporte_field_t));
        if (form->fields == NULL) {
            return NGX_ERROR;
        }
    }

    form->fields[form->nfields].name = *name;
    form->fields[form->nfields].value = *value;
    form->nfields++;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_form_refuse(ngx_soporte_form_t *form,
    ngx_soporte_form_error_e error, const ngx_str_t *field)
{
    form->error = error;
    form->field = *field;

    return NGX_DECLINED;
}


/* "+" and "%XX"; what the bytes mean is checked by form_add() */

static ngx_soporte_form_error_e
ngx_soporte_form_decode(u_char **dst, const u_char *p, const u_char *last,
    ngx_str_t *out)
{
    u_char  *d;

    d = *dst;

    while (p < last) {

        if (*p == '%') {

            if (last - p < 3
                || ngx_soporte_text_unhex(d, p + 1, 2) != NGX_OK)
            {
                return NGX_SOPORTE_FORM_PERCENT;
            }

            d++;
            p += 3;
            continue;
        }

        *d++ = (*p == '+') ? ' ' : *p;
        p++;
    }

    out->data = *dst;
    out->len = d - *dst;
    *dst = d;

    return NGX_SOPORTE_FORM_GOOD;
}


static ngx_soporte_form_error_e
ngx_soporte_form_check(const ngx_str_t *text)
{
    if (text->len == 0) {
        return NGX_SOPORTE_FORM_GOOD;
    }

    if (memchr(text->data, '\0', text->len) != NULL) {
        return NGX_SOPORTE_FORM_NUL;
    }

    if (!ngx_soporte_utf8_valid(text->data, text->len)) {
        return NGX_SOPORTE_FORM_UTF8;
    }

    return NGX_SOPORTE_FORM_GOOD;
}


ngx_str_t *
ngx_soporte_form_get(const ngx_soporte_form_t *form, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < form->nfields; i++) {
        if (ngx_soporte_form_is(&form->fields[i].name, name)) {
            return &form->fields[i].value;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_soporte_form_is(const ngx_str_t *name, const char *s)
{
    return name->len == ngx_strlen(s)
           && ngx_memcmp(name->data, s, name->len) == 0;
}


ngx_int_t
ngx_soporte_form_arg(ngx_soporte_mem_t *mem, const ngx_str_t *args,
    const char *name, ngx_str_t *value)
{
    u_char        *dst;
    ngx_str_t      key;
    const u_char  *p, *end, *last, *eq;

    if (args->len == 0) {
        return NGX_DECLINED;
    }

    p = args->data;
    end = p + args->len;

    for ( /* void */ ; p < end; p = last + 1) {
        last = memchr(p, '&', end - p);

        if (last == NULL) {
            last = end;
        }

        eq = memchr(p, '=', last - p);

        if (eq == NULL) {
            eq = last;
        }

        /* no name of ours needs an escape */

        key.data = (u_char *) p;
        key.len = eq - p;

        if (!ngx_soporte_form_is(&key, name)) {
            continue;
        }

        p = ngx_min(eq + 1, last);
        dst = ngx_soporte_alloc(mem, last - p + 1);

        if (dst == NULL) {
            return NGX_ERROR;
        }

        if (ngx_soporte_form_decode(&dst, p, last, value)
            != NGX_SOPORTE_FORM_GOOD
            || ngx_soporte_form_check(value) != NGX_SOPORTE_FORM_GOOD)
        {
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_soporte_form_cookie(const ngx_str_t *header, const char *name,
    ngx_str_t *value)
{
    u_char     *p, *end, *last, *eq, *v;
    ngx_str_t   key;

    if (header->len == 0) {
        return NGX_DECLINED;
    }

    p = header->data;
    end = p + header->len;

    for ( /* void */ ; p < end; p = last + 1) {
        last = memchr(p, ';', end - p);

        if (last == NULL) {
            last = end;
        }

        eq = memchr(p, '=', last - p);

        if (eq == NULL) {
            continue;
        }

        while (p < eq && (*p == ' ' || *p == '\t')) {
            p++;
        }

        key.data = p;
        key.len = eq - p;

        if (!ngx_soporte_form_is(&key, name)) {
            continue;
        }

        for (v = last; v > eq + 1 && (v[-1] == ' ' || v[-1] == '\t'); v--) {
            /* void */
        }

        value->data = eq + 1;
        value->len = v - value->data;

        if (value->len >= 2 && value->data[0] == '"' && v[-1] == '"') {
            value->data++;
            value->len -= 2;
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_soporte_form_email(const ngx_str_t *email)
{
    size_t         len;
    const u_char  *at;

    if (email->len == 0 || email->len > 254
        || !ngx_soporte_utf8_valid(email->data, email->len))
    {
        return 0;
    }

    at = memchr(email->data, '@', email->len);

    if (at == NULL) {
        return 0;
    }

    len = at - email->data;

    return len <= 64
           && ngx_soporte_form_local(email->data, len)
           && ngx_soporte_form_domain(at + 1, email->data + email->len);
}


/* the standard's list, and characters above ASCII but controls and blanks */

static ngx_uint_t
ngx_soporte_form_local(const u_char *p, size_t len)
{
    uint32_t            code;
    const u_char       *end;
    static const char   marks[] = ".!#$%&'*+/=?^_`{|}~-";

    if (len == 0) {
        return 0;
    }

    end = p + len;

    while (p < end) {
        code = ngx_soporte_utf8_next(&p, end);

        if (code < 0x80) {

            if ((code >= '0' && code <= '9')
                || ((code | 0x20) >= 'a' && (code | 0x20) <= 'z')
                || memchr(marks, (int) code, sizeof(marks) - 1) != NULL)
            {
                continue;
            }

            return 0;
        }

        if (code <= 0xa0                         /* C1, no-break space */
            || code == 0x061c || code == 0x1680 || code == 0x3000
            || (code >= 0x2000 && code <= 0x200f)
            || (code >= 0x2028 && code <= 0x202f)
            || (code >= 0x205f && code <= 0x206f)
            || code == 0xfeff)
        {
            return 0;
        }
    }

    return 1;
}


/* labels of 1 to 63 letters, digits and dashes, no dash at their ends */

static ngx_uint_t
ngx_soporte_form_domain(const u_char *p, const u_char *last)
{
    u_char         ch;
    const u_char  *label;

    for (label = p; /* void */ ; p++) {

        if (p == last || *p == '.') {

            if (p == label || p - label > 63
                || *label == '-' || p[-1] == '-')
            {
                return 0;
            }

            if (p == last) {
                return 1;
            }

            label = p + 1;
            continue;
        }

        ch = *p | 0x20;

        if (!(*p >= '0' && *p <= '9') && !(ch >= 'a' && ch <= 'z')
            && *p != '-')
        {
            return 0;
        }
    }
}
