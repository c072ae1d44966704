
/*
 * Frappe's paths: website.path_resolver, desk.router, api/__init__.py,
 * api/v1.py and api/v2.py, of versions 13 to 16.
 */

#include "ngx_soporte_route.h"
#include "ngx_soporte_text.h"


typedef struct {
    const char  *prefix;
    ngx_uint_t   segments;                   /* that say no document's name */
} ngx_soporte_route_t;


static ngx_uint_t ngx_soporte_route_segments(const u_char *p, size_t len);


static const ngx_soporte_route_t  ngx_soporte_routes[] = {
    { "/app/", 2 },
    { "/desk/", 2 },
    { "/api/method/", 3 },
    { "/api/resource/", 3 },
    { "/api/v1/method/", 4 },
    { "/api/v1/resource/", 4 },
    { "/api/v2/method/", 5 },                /* may be DOCTYPE/METHOD */
    { "/api/v2/document/", 4 },
    { "/api/v2/doctype/", 4 },
    { "/private/files/", 2 },
    { NULL, 1 }
};


size_t
ngx_soporte_route(u_char *dst, size_t size, const u_char *src, size_t len)
{
    size_t       n, i;
    uint32_t     code;
    ngx_uint_t   segments;

    const u_char  *p, *last, *at;

    segments = ngx_soporte_route_segments(src, len);

    for (n = 0, i = 0; i < len; i++) {
        if (src[i] == '/' && n++ == segments) {
            break;
        }
    }

    p = src;
    last = src + i;
    n = 0;

    while (p < last) {
        at = p;
        code = ngx_soporte_utf8_next(&p, last);

        if (code == NGX_SOPORTE_UTF8_INVALID || code == 0) {

            if (n == size) {
                break;
            }

            dst[n++] = '?';
            continue;
        }

        if ((size_t) (p - at) > size - n) {
            break;
        }

        ngx_memcpy(dst + n, at, p - at);
        n += p - at;
    }

    return ngx_soporte_text_clean(dst, dst, n);
}


static ngx_uint_t
ngx_soporte_route_segments(const u_char *p, size_t len)
{
    size_t                      n;
    const ngx_soporte_route_t  *route;

    for (route = ngx_soporte_routes; route->prefix; route++) {
        n = ngx_strlen(route->prefix);

        if (len >= n && ngx_memcmp(p, route->prefix, n) == 0) {
            break;
        }
    }

    return route->segments;
}
