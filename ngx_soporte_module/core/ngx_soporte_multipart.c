
/*
 * multipart/form-data in two layers: the delimiter is looked for in a stream
 * of bytes, a part's headers are collected and then parsed as a whole.
 *
 * The delimiter begins with CR and has no other, so a failed match is never
 * tried again inside itself: its bytes are data, and the byte that failed is
 * looked at anew.  The bytes of a match that began in an earlier chunk are
 * those of the delimiter itself, so nothing has to be kept.
 */

#include "ngx_soporte_multipart.h"
#include "ngx_soporte_param.h"
#include "ngx_soporte_text.h"


typedef enum {
    NGX_SOPORTE_MP_PREAMBLE = 0,
    NGX_SOPORTE_MP_DATA,
    NGX_SOPORTE_MP_DELIMITER,                /* the delimiter was seen */
    NGX_SOPORTE_MP_DASH,                     /* and one "-" */
    NGX_SOPORTE_MP_PADDING,                  /* and blanks */
    NGX_SOPORTE_MP_LF,                       /* and CR */
    NGX_SOPORTE_MP_HEADER,
    NGX_SOPORTE_MP_EPILOGUE,
    NGX_SOPORTE_MP_DEAD
} ngx_soporte_mp_state_e;


static ngx_int_t ngx_soporte_mp_refuse(ngx_soporte_multipart_t *mp,
    ngx_soporte_multipart_error_e error);
static ngx_int_t ngx_soporte_mp_event(ngx_soporte_multipart_t *mp,
    ngx_int_t rc);
static ngx_int_t ngx_soporte_mp_scan(ngx_soporte_multipart_t *mp,
    const u_char **pos, const u_char *last);
static ngx_int_t ngx_soporte_mp_data(ngx_soporte_multipart_t *mp,
    const u_char *p, const u_char *last);
static ngx_int_t ngx_soporte_mp_delimiter(ngx_soporte_multipart_t *mp,
    u_char ch);
static ngx_int_t ngx_soporte_mp_header(ngx_soporte_multipart_t *mp,
    u_char ch);
static ngx_int_t ngx_soporte_mp_part(ngx_soporte_multipart_t *mp);
static ngx_int_t ngx_soporte_mp_unfold(u_char *p, u_char *last);
static ngx_int_t ngx_soporte_mp_line(ngx_soporte_multipart_t *mp, u_char *p,
    u_char *last, ngx_soporte_part_t *part, ngx_uint_t *seen);
static ngx_int_t ngx_soporte_mp_disposition(ngx_soporte_multipart_t *mp,
    u_char *p, u_char *last, ngx_soporte_part_t *part);
static void ngx_soporte_mp_quote(ngx_str_t *text);
static ngx_int_t ngx_soporte_mp_check(ngx_soporte_multipart_t *mp,
    const ngx_str_t *text, size_t limit, ngx_soporte_multipart_error_e error);
static ngx_uint_t ngx_soporte_mp_boundary(const ngx_str_t *boundary);


#define ngx_soporte_mp_blank(ch)  ((ch) == ' ' || (ch) == '\t')


static const ngx_soporte_multipart_limits_t  ngx_soporte_mp_limits = {
    NGX_SOPORTE_MULTIPART_PARTS,
    NGX_SOPORTE_MULTIPART_HEADER,
    NGX_SOPORTE_MULTIPART_NAME,
    NGX_SOPORTE_MULTIPART_FILENAME
};


ngx_int_t
ngx_soporte_multipart_init(ngx_soporte_mem_t *mem, ngx_soporte_multipart_t *mp,
    const ngx_str_t *content_type,
    const ngx_soporte_multipart_limits_t *limits,
    const ngx_soporte_multipart_events_t *events)
{
    u_char               *p, *last;
    ngx_int_t             rc;
    ngx_str_t             type, boundary;
    ngx_soporte_param_t   param;

    ngx_memzero(mp, sizeof(ngx_soporte_multipart_t));

    mp->limits = limits ? *limits : ngx_soporte_mp_limits;
    mp->events = *events;

    /* a copy, since a quoted parameter is decoded in place */

    mp->header = ngx_soporte_alloc(mem, mp->limits.header + content_type->len);

    if (mp->header == NULL) {
        return NGX_ERROR;
    }

    p = mp->header;
    last = ngx_cpymem(p, content_type->data, content_type->len);

    type = ngx_soporte_param_first(&p, last);
    ngx_str_null(&boundary);

    if (!ngx_soporte_param_is(&type, "multipart/form-data")) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_TYPE);
    }

    for ( ;; ) {
        rc = ngx_soporte_param_next(&p, last, &param);

        if (rc == NGX_DONE) {
            break;
        }

        if (rc != NGX_OK
            || (ngx_soporte_param_is(&param.name, "boundary") && boundary.len))
        {
            return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_TYPE);
        }

        if (ngx_soporte_param_is(&param.name, "boundary")) {
            boundary = param.value;
        }
    }

    if (!ngx_soporte_mp_boundary(&boundary)) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_TYPE);
    }

    ngx_memcpy(mp->delimiter, "\r\n--", 4);
    ngx_memcpy(mp->delimiter + 4, boundary.data, boundary.len);

    mp->length = 4 + boundary.len;

    /* the first delimiter needs no line end before it */

    mp->matched = 2;
    mp->skip = 2;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_multipart_feed(ngx_soporte_multipart_t *mp, const u_char *p,
    size_t len)
{
    ngx_int_t      rc;
    const u_char  *last, *first;

    rc = (mp->state == NGX_SOPORTE_MP_DEAD) ? NGX_ERROR : NGX_OK;

    if (len == 0) {
        return rc;
    }

    first = p;

    for (last = p + len; p < last && rc == NGX_OK; /* void */) {

        switch (mp->state) {

        case NGX_SOPORTE_MP_PREAMBLE:
        case NGX_SOPORTE_MP_DATA:
            rc = ngx_soporte_mp_scan(mp, &p, last);
            break;

        case NGX_SOPORTE_MP_HEADER:
            mp->offset = mp->fed + (p + 1 - first);
            rc = ngx_soporte_mp_header(mp, *p++);
            break;

        case NGX_SOPORTE_MP_EPILOGUE:
            return NGX_OK;

        default:
            rc = ngx_soporte_mp_delimiter(mp, *p++);
        }
    }

    mp->fed += len;

    return rc;
}


ngx_int_t
ngx_soporte_multipart_finish(ngx_soporte_multipart_t *mp)
{
    if (mp->state == NGX_SOPORTE_MP_EPILOGUE) {
        return NGX_OK;
    }

    if (mp->state == NGX_SOPORTE_MP_DEAD) {
        return NGX_ERROR;
    }

    return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_TORN);
}


static ngx_int_t
ngx_soporte_mp_refuse(ngx_soporte_multipart_t *mp,
    ngx_soporte_multipart_error_e error)
{
    mp->error = error;
    mp->state = NGX_SOPORTE_MP_DEAD;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_soporte_mp_event(ngx_soporte_multipart_t *mp, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    mp->state = NGX_SOPORTE_MP_DEAD;

    return NGX_ERROR;
}


/* takes bytes up to the end of a delimiter, or all of them */

static ngx_int_t
ngx_soporte_mp_scan(ngx_soporte_multipart_t *mp, const u_char **pos,
    const u_char *last)
{
    const u_char  *p, *start, *match;

    p = *pos;
    start = p;                               /* of data not yet told */
    match = NULL;                            /* where it began, if in here */

    while (p < last) {

        if (mp->matched == 0) {
            match = memchr(p, '\r', last - p);

            if (match == NULL) {
                p = last;
                break;
            }

            mp->matched = 1;
            p = match + 1;
            continue;
        }

        if (*p == mp->delimiter[mp->matched]) {
            mp->matched++;
            p++;

            if (mp->matched < mp->length) {
                continue;
            }

            *pos = p;

            if (match && ngx_soporte_mp_data(mp, start, match) != NGX_OK) {
                return NGX_ERROR;
            }

            if (mp->state == NGX_SOPORTE_MP_DATA
                && ngx_soporte_mp_event(mp, mp->events.end(mp->events.ctx))
                   != NGX_OK)
            {
                return NGX_ERROR;
            }

            mp->state = NGX_SOPORTE_MP_DELIMITER;

            return NGX_OK;
        }

        if (match == NULL) {

            /* what earlier chunks ended with was data after all */

            if (ngx_soporte_mp_data(mp, mp->delimiter + mp->skip,
                                    mp->delimiter + mp->matched)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            start = p;
        }

        mp->matched = 0;
        mp->skip = 0;
        match = NULL;
    }

    *pos = p;

    if (mp->matched == 0) {
        return ngx_soporte_mp_data(mp, start, last);
    }

    return match ? ngx_soporte_mp_data(mp, start, match) : NGX_OK;
}


static ngx_int_t
ngx_soporte_mp_data(ngx_soporte_multipart_t *mp, const u_char *p,
    const u_char *last)
{
    if (p == last || mp->state == NGX_SOPORTE_MP_PREAMBLE) {
        return NGX_OK;
    }

    return ngx_soporte_mp_event(mp, mp->events.data(mp->events.ctx, p,
                                                    last - p));
}


/* what may stand behind a delimiter: "--", or blanks and a line end */

static ngx_int_t
ngx_soporte_mp_delimiter(ngx_soporte_multipart_t *mp, u_char ch)
{
    switch (mp->state) {

    case NGX_SOPORTE_MP_DASH:

        if (ch == '-') {
            mp->state = NGX_SOPORTE_MP_EPILOGUE;
            return NGX_OK;
        }

        break;

    case NGX_SOPORTE_MP_LF:

        if (ch != '\n') {
            break;
        }

        if (mp->nparts == mp->limits.parts) {
            return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MANY);
        }

        mp->nparts++;
        mp->nheader = 0;
        mp->state = NGX_SOPORTE_MP_HEADER;

        return NGX_OK;

    default:                                 /* DELIMITER, PADDING */

        if (ch == '-' && mp->state == NGX_SOPORTE_MP_DELIMITER) {
            mp->state = NGX_SOPORTE_MP_DASH;
            return NGX_OK;
        }

        if (ngx_soporte_mp_blank(ch)) {
            mp->state = NGX_SOPORTE_MP_PADDING;
            return NGX_OK;
        }

        if (ch == '\r') {
            mp->state = NGX_SOPORTE_MP_LF;
            return NGX_OK;
        }
    }

    return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_DELIMITER);
}


static ngx_int_t
ngx_soporte_mp_header(ngx_soporte_multipart_t *mp, u_char ch)
{
    size_t   n;
    u_char  *h;

    if (mp->nheader == mp->limits.header) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_HEADER_LARGE);
    }

    h = mp->header;
    h[mp->nheader++] = ch;
    n = mp->nheader;

    /* an empty line ends the headers, the first line too */

    if (ch != '\n' || n < 2 || h[n - 2] != '\r'
        || (n > 2 && (n < 4 || h[n - 3] != '\n' || h[n - 4] != '\r')))
    {
        return NGX_OK;
    }

    mp->nheader = n - 2;

    return ngx_soporte_mp_part(mp);
}


static ngx_int_t
ngx_soporte_mp_part(ngx_soporte_multipart_t *mp)
{
    u_char              *p, *line, *last;
    ngx_uint_t           seen;
    ngx_soporte_part_t   part;

    ngx_memzero(&part, sizeof(ngx_soporte_part_t));

    seen = 0;
    p = mp->header;
    last = p + mp->nheader;

    if (ngx_soporte_mp_unfold(p, last) != NGX_OK) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MALFORMED);
    }

    while (p < last) {
        line = p;

        while (*p != '\r') {
            p++;
        }

        if (ngx_soporte_mp_line(mp, line, p, &part, &seen) != NGX_OK) {
            return NGX_DECLINED;
        }

        p += 2;
    }

    if (part.name.len == 0) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_NAMELESS);
    }

    /* the empty line's CRLF may be the delimiter's: a part without data */

    mp->state = NGX_SOPORTE_MP_DATA;
    mp->matched = 2;
    mp->skip = 2;

    part.offset = mp->offset;

    return ngx_soporte_mp_event(mp, mp->events.begin(mp->events.ctx, &part));
}


/*
 * A line that begins with a blank goes on from the one before (RFC 5322
 * section 2.2.3); a CR or LF alone, or a NUL, is in no header.
 */

static ngx_int_t
ngx_soporte_mp_unfold(u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (*p == '\0' || *p == '\n') {
            return NGX_ERROR;
        }

        if (*p != '\r') {
            continue;
        }

        if (last - p < 2 || p[1] != '\n') {
            return NGX_ERROR;
        }

        if (last - p > 2 && ngx_soporte_mp_blank(p[2])) {
            p[0] = ' ';
            p[1] = ' ';
        }

        p++;
    }

    return NGX_OK;
}


/* "seen" has a bit for each header that may come once */

static ngx_int_t
ngx_soporte_mp_line(ngx_soporte_multipart_t *mp, u_char *p, u_char *last,
    ngx_soporte_part_t *part, ngx_uint_t *seen)
{
    u_char             *colon;
    ngx_str_t           name, value;
    ngx_uint_t          n;
    static const char  *known[] = {
        "content-disposition", "content-type", "content-transfer-encoding",
        NULL
    };

    colon = memchr(p, ':', last - p);

    if (colon == NULL || colon == p) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MALFORMED);
    }

    name.data = p;
    name.len = colon - p;

    for ( /* void */ ; p < colon; p++) {
        if (*p <= ' ' || *p >= 0x7f) {
            return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MALFORMED);
        }
    }

    for (n = 0; known[n] && !ngx_soporte_param_is(&name, known[n]); n++) {
        /* void */
    }

    if (known[n] == NULL) {
        return NGX_OK;
    }

    if (*seen & (1 << n)) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MALFORMED);
    }

    *seen |= 1 << n;

    for (p = colon + 1; p < last && ngx_soporte_mp_blank(*p); p++) {
        /* void */
    }

    while (last > p && ngx_soporte_mp_blank(last[-1])) {
        last--;
    }

    value.data = p;
    value.len = last - p;

    switch (n) {

    case 0:
        return ngx_soporte_mp_disposition(mp, p, last, part);

    case 1:

        /* a hint at best: the bytes say what a file is */

        while (p < last && *p >= ' ' && *p < 0x7f) {
            p++;
        }

        if (p == last) {
            part->type = value;
        }

        return NGX_OK;

    default:

        if (ngx_soporte_param_is(&value, "7bit")
            || ngx_soporte_param_is(&value, "8bit")
            || ngx_soporte_param_is(&value, "binary"))
        {
            return NGX_OK;
        }

        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_ENCODING);
    }
}


static ngx_int_t
ngx_soporte_mp_disposition(ngx_soporte_multipart_t *mp, u_char *p,
    u_char *last, ngx_soporte_part_t *part)
{
    ngx_int_t             rc;
    ngx_str_t             type, extended, *dst;
    ngx_soporte_param_t   param;

    type = ngx_soporte_param_first(&p, last);
    ngx_str_null(&extended);

    if (!ngx_soporte_param_is(&type, "form-data")) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MALFORMED);
    }

    while ((rc = ngx_soporte_param_next(&p, last, &param)) == NGX_OK) {

        if (ngx_soporte_param_is(&param.name, "name")) {
            dst = &part->name;

        } else if (ngx_soporte_param_is(&param.name, "filename")) {
            dst = &part->filename;

        } else if (ngx_soporte_param_is(&param.name, "filename*")) {
            dst = &extended;

        } else if (ngx_soporte_param_is(&param.name, "name*")) {
            rc = NGX_ERROR;
            break;

        } else {
            continue;
        }

        if (dst != &extended) {
            ngx_soporte_mp_quote(&param.value);

        } else if (ngx_soporte_param_extended(&param.value) != NGX_OK) {
            rc = NGX_ERROR;
            break;
        }

        /* one that comes twice is read as one or the other */

        if (dst->data) {
            rc = NGX_ERROR;
            break;
        }

        *dst = param.value;
        part->file |= (dst != &part->name);
    }

    if (rc != NGX_DONE) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_MALFORMED);
    }

    /* RFC 6266 section 4.3: the extended one is the better one */

    if (extended.data) {
        part->filename = extended;
    }

    if (ngx_soporte_mp_check(mp, &part->name, mp->limits.name,
                             NGX_SOPORTE_MULTIPART_NAME_LONG)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_soporte_mp_check(mp, &part->filename, mp->limits.filename,
                                NGX_SOPORTE_MULTIPART_FILENAME_LONG);
}


/* browsers write a quote in a name as %22 (HTML, multipart/form-data) */

static void
ngx_soporte_mp_quote(ngx_str_t *text)
{
    u_char  *p, *dst, *last;

    dst = text->data;
    last = dst + text->len;

    for (p = dst; p < last; p++) {

        if (last - p > 2 && p[0] == '%' && p[1] == '2' && p[2] == '2') {
            *dst++ = '"';
            p += 2;
            continue;
        }

        *dst++ = *p;
    }

    text->len = dst - text->data;
}


static ngx_int_t
ngx_soporte_mp_check(ngx_soporte_multipart_t *mp, const ngx_str_t *text,
    size_t limit, ngx_soporte_multipart_error_e error)
{
    if (text->len > limit) {
        return ngx_soporte_mp_refuse(mp, error);
    }

    if (text->len && !ngx_soporte_utf8_valid(text->data, text->len)) {
        return ngx_soporte_mp_refuse(mp, NGX_SOPORTE_MULTIPART_TEXT);
    }

    return NGX_OK;
}


/* RFC 2046 section 5.1.1: 1 to 70 of these, the last one no blank */

static ngx_uint_t
ngx_soporte_mp_boundary(const ngx_str_t *boundary)
{
    u_char             ch;
    size_t             i;
    static const char  marks[] = "'()+_,-./:=? ";

    if (boundary->len == 0
        || boundary->len > NGX_SOPORTE_MULTIPART_BOUNDARY
        || boundary->data[boundary->len - 1] == ' ')
    {
        return 0;
    }

    for (i = 0; i < boundary->len; i++) {
        ch = boundary->data[i];

        if (!(ch >= '0' && ch <= '9')
            && !((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            && memchr(marks, ch, sizeof(marks) - 1) == NULL)
        {
            return 0;
        }
    }

    return 1;
}
