
/*
 * Headers of the kind "form-data; name=\"a\"; filename=\"b\"" taken apart,
 * each value decoded where it stands.
 */

#include "ngx_soporte_param.h"
#include "ngx_soporte_text.h"


static u_char *ngx_soporte_param_quoted(u_char *p, u_char *last,
    ngx_str_t *value);
static u_char *ngx_soporte_param_blanks(u_char *p, u_char *last);


#define ngx_soporte_param_blank(ch)  ((ch) == ' ' || (ch) == '\t')


ngx_str_t
ngx_soporte_param_first(u_char **pos, u_char *last)
{
    u_char     *p;
    ngx_str_t   word;

    p = ngx_soporte_param_blanks(*pos, last);
    word.data = p;

    while (p < last && *p != ';' && !ngx_soporte_param_blank(*p)) {
        p++;
    }

    word.len = p - word.data;
    *pos = p;

    return word;
}


ngx_int_t
ngx_soporte_param_next(u_char **pos, u_char *last, ngx_soporte_param_t *param)
{
    u_char  *p;

    p = ngx_soporte_param_blanks(*pos, last);

    if (p == last) {
        return NGX_DONE;
    }

    if (*p != ';') {
        return NGX_ERROR;
    }

    p = ngx_soporte_param_blanks(p + 1, last);

    if (p == last) {
        return NGX_DONE;
    }

    param->name.data = p;

    while (p < last && *p != '=' && *p != ';' && *p != '"'
           && !ngx_soporte_param_blank(*p))
    {
        p++;
    }

    param->name.len = p - param->name.data;
    p = ngx_soporte_param_blanks(p, last);

    if (param->name.len == 0 || p == last || *p != '=') {
        return NGX_ERROR;
    }

    p = ngx_soporte_param_blanks(p + 1, last);

    if (p < last && *p == '"') {
        p = ngx_soporte_param_quoted(p + 1, last, &param->value);

        if (p == NULL) {
            return NGX_ERROR;
        }

        *pos = p;
        return NGX_OK;
    }

    param->value.data = p;

    while (p < last && *p != ';' && *p != '"' && !ngx_soporte_param_blank(*p)) {
        p++;
    }

    param->value.len = p - param->value.data;
    *pos = p;

    return param->value.len ? NGX_OK : NGX_ERROR;
}


/*
 * Behind the first quote.  A backslash stands for itself but before a quote
 * or another: browsers never escape with it and do send it in names.
 */

static u_char *
ngx_soporte_param_quoted(u_char *p, u_char *last, ngx_str_t *value)
{
    u_char  *dst;

    dst = p;
    value->data = p;

    while (p < last) {

        if (*p == '"') {
            value->len = dst - value->data;
            return p + 1;
        }

        if (*p == '\\' && last - p > 1 && (p[1] == '"' || p[1] == '\\')) {
            p++;
        }

        *dst++ = *p++;
    }

    return NULL;
}


static u_char *
ngx_soporte_param_blanks(u_char *p, u_char *last)
{
    while (p < last && ngx_soporte_param_blank(*p)) {
        p++;
    }

    return p;
}


ngx_int_t
ngx_soporte_param_extended(ngx_str_t *value)
{
    u_char     *p, *dst, *last;
    ngx_str_t   charset;

    p = value->data;
    last = p + value->len;

    charset.data = p;
    charset.len = 0;

    while (p < last && *p != '\'') {
        p++;
    }

    charset.len = p - charset.data;

    for (p++; p < last && *p != '\''; p++) {
        /* the language */
    }

    if (p >= last || !ngx_soporte_param_is(&charset, "utf-8")) {
        return NGX_ERROR;
    }

    dst = value->data;

    for (p++; p < last; p++) {

        if (*p == '%') {

            if (last - p < 3
                || ngx_soporte_text_unhex(dst, p + 1, 2) != NGX_OK)
            {
                return NGX_ERROR;
            }

            dst++;
            p += 2;
            continue;
        }

        *dst++ = *p;
    }

    value->len = dst - value->data;

    return NGX_OK;
}


ngx_uint_t
ngx_soporte_param_is(const ngx_str_t *text, const char *s)
{
    size_t  i;

    if (text->len != ngx_strlen(s)) {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        if (ngx_tolower(text->data[i]) != (u_char) s[i]) {
            return 0;
        }
    }

    return 1;
}
