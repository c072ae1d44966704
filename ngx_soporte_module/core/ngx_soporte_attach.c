
/*
 * Types by magic bytes, in a table, and names that are safe to show.
 */

#include "ngx_soporte_attach.h"
#include "ngx_soporte_text.h"


typedef struct {
    ngx_str_t    magic;
    size_t       offset;                     /* of a second magic */
    ngx_str_t    more;
    ngx_str_t    type;
} ngx_soporte_attach_magic_t;


/* an ending of the name and the type it means */

typedef struct {
    ngx_str_t    ending;
    ngx_str_t    type;
} ngx_soporte_attach_ending_t;


static ngx_uint_t ngx_soporte_attach_at(const u_char *head, size_t len,
    size_t offset, const ngx_str_t *magic);
static ngx_str_t ngx_soporte_attach_zip(const u_char *head, size_t len,
    const ngx_str_t *filename);
static ngx_uint_t ngx_soporte_attach_is_text(const u_char *head, size_t len);
static ngx_uint_t ngx_soporte_attach_ends(const ngx_str_t *filename,
    const ngx_str_t *ending);


static const ngx_str_t  ngx_soporte_attach_octets =
    ngx_string("application/octet-stream");


static const ngx_soporte_attach_magic_t  ngx_soporte_attach_magics[] = {

    { ngx_string("\x89PNG\r\n\x1a\n"), 12, ngx_string("IHDR"),
      ngx_string("image/png") },

    { ngx_string("\xff\xd8\xff"), 0, ngx_null_string,
      ngx_string("image/jpeg") },

    { ngx_string("GIF87a"), 0, ngx_null_string, ngx_string("image/gif") },

    { ngx_string("GIF89a"), 0, ngx_null_string, ngx_string("image/gif") },

    { ngx_string("RIFF"), 8, ngx_string("WEBPVP8"), ngx_string("image/webp") },

    { ngx_string("%PDF-"), 0, ngx_null_string, ngx_string("application/pdf") }
};


/* OOXML says in no fixed place which it is: the name tells them apart */

static const ngx_soporte_attach_ending_t  ngx_soporte_attach_ooxml[] = {

    { ngx_string(".docx"), ngx_string("application/vnd.openxmlformats-"
                               "officedocument.wordprocessingml.document") },

    { ngx_string(".xlsx"), ngx_string("application/vnd.openxmlformats-"
                               "officedocument.spreadsheetml.sheet") },

    { ngx_string(".pptx"), ngx_string("application/vnd.openxmlformats-"
                               "officedocument.presentationml.presentation") }
};


/* the first entry of an OOXML package, by whichever program wrote it */

static const ngx_str_t  ngx_soporte_attach_parts[] = {
    ngx_string("[Content_Types].xml"),
    ngx_string("_rels/"),
    ngx_string("docProps/"),
    ngx_string("word/"),
    ngx_string("xl/"),
    ngx_string("ppt/")
};


/* an OpenDocument package's first entry, stored, is its type */

static const ngx_str_t  ngx_soporte_attach_odf[] = {
    ngx_string("application/vnd.oasis.opendocument.text"),
    ngx_string("application/vnd.oasis.opendocument.spreadsheet"),
    ngx_string("application/vnd.oasis.opendocument.presentation")
};


ngx_str_t
ngx_soporte_attach_type(const u_char *head, size_t len,
    const ngx_str_t *filename)
{
    ngx_uint_t                         i;
    const ngx_soporte_attach_magic_t  *m;
    static const ngx_str_t             csv = ngx_string("text/csv");
    static const ngx_str_t             ending = ngx_string(".csv");
    static const ngx_str_t             plain = ngx_string("text/plain");
    static const ngx_str_t             zip = ngx_string("PK\x03\x04");

    len = ngx_min(len, NGX_SOPORTE_ATTACH_HEAD);

    for (i = 0; i < sizeof(ngx_soporte_attach_magics) / sizeof(*m); i++) {
        m = &ngx_soporte_attach_magics[i];

        if (ngx_soporte_attach_at(head, len, 0, &m->magic)
            && ngx_soporte_attach_at(head, len, m->offset, &m->more))
        {
            return m->type;
        }
    }

    if (ngx_soporte_attach_at(head, len, 0, &zip)) {
        return ngx_soporte_attach_zip(head, len, filename);
    }

    if (!ngx_soporte_attach_is_text(head, len)) {
        return ngx_soporte_attach_octets;
    }

    return ngx_soporte_attach_ends(filename, &ending) ? csv : plain;
}


static ngx_uint_t
ngx_soporte_attach_at(const u_char *head, size_t len, size_t offset,
    const ngx_str_t *magic)
{
    return magic->len == 0
           || (len >= offset + magic->len
               && ngx_memcmp(head + offset, magic->data, magic->len) == 0);
}


/*
 * APPNOTE.TXT section 4.3.7: a local header of 30 bytes, the length of the
 * entry's name at 26, of the extra field at 28, then the name.
 */

static ngx_str_t
ngx_soporte_attach_zip(const u_char *head, size_t len,
    const ngx_str_t *filename)
{
    size_t                  data;
    ngx_uint_t              i, k, n;
    const ngx_str_t        *type;
    static const ngx_str_t  mimetype = ngx_string("mimetype");

    if (len < 30) {
        return ngx_soporte_attach_octets;
    }

    if (ngx_soporte_attach_at(head, len, 30, &mimetype)
        && head[26] == mimetype.len && head[27] == 0
        && head[8] == 0 && head[9] == 0)
    {
        data = 30 + mimetype.len + head[28] + ((size_t) head[29] << 8);
        n = sizeof(ngx_soporte_attach_odf) / sizeof(ngx_str_t);

        for (i = 0; i < n; i++) {
            type = &ngx_soporte_attach_odf[i];

            /* its length, too: "-template" and "-master" may follow */

            if (ngx_soporte_attach_at(head, len, data, type)
                && head[18] == type->len && head[19] == 0)
            {
                return *type;
            }
        }

        return ngx_soporte_attach_octets;
    }

    n = sizeof(ngx_soporte_attach_parts) / sizeof(ngx_str_t);

    for (i = 0; i < n; i++) {

        if (!ngx_soporte_attach_at(head, len, 30,
                                   &ngx_soporte_attach_parts[i]))
        {
            continue;
        }

        for (k = 0; k < 3; k++) {
            if (ngx_soporte_attach_ends(filename,
                                        &ngx_soporte_attach_ooxml[k].ending))
            {
                return ngx_soporte_attach_ooxml[k].type;
            }
        }
    }

    return ngx_soporte_attach_octets;
}


/*
 * No control but those of text, and UTF-8, whose last character the head may
 * cut, or mostly ASCII: spreadsheets still save in Windows-1252.
 */

static ngx_uint_t
ngx_soporte_attach_is_text(const u_char *head, size_t len)
{
    size_t                  i, high;
    ngx_uint_t              seen;
    static const ngx_str_t  bom = ngx_string("\xef\xbb\xbf");

    i = ngx_soporte_attach_at(head, len, 0, &bom) ? bom.len : 0;
    high = 0;
    seen = 0;

    for ( /* void */ ; i < len; i++) {

        switch (head[i]) {

        case '\t':
        case '\n':
        case '\r':
        case ' ':
            continue;

        case '<':

            if (!seen) {
                return 0;
            }

            break;

        default:

            if (head[i] < 0x20 || head[i] == 0x7f) {
                return 0;
            }

            high += (head[i] >= 0x80);
        }

        seen = 1;
    }

    if (!seen || high * 4 <= len) {
        return seen;
    }

    for (i = 0; i < 4 && i < len; i++) {
        if (ngx_soporte_utf8_valid(head, len - i)) {
            return 1;
        }
    }

    return 0;
}


/* without regard to case; ending is in lower case */

static ngx_uint_t
ngx_soporte_attach_ends(const ngx_str_t *filename, const ngx_str_t *ending)
{
    size_t   i;
    u_char  *p;

    if (filename->len < ending->len) {
        return 0;
    }

    p = filename->data + filename->len - ending->len;

    for (i = 0; i < ending->len; i++) {
        if (ngx_tolower(p[i]) != ending->data[i]) {
            return 0;
        }
    }

    return 1;
}


ngx_str_t
ngx_soporte_attach_name(ngx_soporte_mem_t *mem, const ngx_str_t *filename)
{
    u_char                  *p, *last;
    size_t                   i, n, tail;
    ngx_str_t                name;
    static const ngx_str_t   none = ngx_string("archivo");

    name.len = 0;
    name.data = ngx_soporte_alloc(mem, filename->len + 1);

    if (name.data == NULL) {
        return name;
    }

    p = filename->data;
    last = p + filename->len;

    for (i = filename->len; i > 0; i--) {
        if (p[i - 1] == '/' || p[i - 1] == '\\') {
            p += i;
            break;
        }
    }

    n = 0;

    if (p < last) {
        n = ngx_soporte_text_clean(name.data, p, last - p);
    }

    for (i = 0; i < n; i++) {
        if (memchr("\"'<>:*?|", name.data[i], 8) != NULL) {
            name.data[i] = '_';
        }
    }

    while (n && (name.data[n - 1] == '.' || name.data[n - 1] == ' ')) {
        n--;
    }

    while (n && (*name.data == '.' || *name.data == ' ')) {
        name.data++;
        n--;
    }

    if (n == 0) {
        return none;
    }

    /* a long one is cut before its ending, which programs go by */

    if (ngx_soporte_utf8_length(name.data, n) > NGX_SOPORTE_ATTACH_NAME) {
        tail = 0;

        for (i = n; i > 0 && n - i < 11; i--) {
            if (name.data[i - 1] == '.') {
                tail = n - i + 1;
                break;
            }
        }

        i = ngx_soporte_utf8_prefix(name.data, n - tail,
                                    NGX_SOPORTE_ATTACH_NAME - tail);
        ngx_memmove(name.data + i, name.data + n - tail, tail);
        n = i + tail;
    }

    name.len = n;

    return name;
}
