
/*
 * Some 420 zones, a megabyte in the configuration's pool: read by the master,
 * so that a request finds the one of its visitor without a look at the disk.
 */

#include "ngx_http_soporte_abroad.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_geoip.h"

#include "ngx_soporte_watch.h"


#define NGX_HTTP_SOPORTE_ABROAD_TAB  (256 * 1024)      /* bytes of the list */


struct ngx_http_soporte_abroad_s {
    ngx_str_t                         name;
    ngx_soporte_zoneinfo_t           *zone;
};


static ngx_int_t ngx_http_soporte_abroad_zone(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_soporte_mem_t *mem,
    ngx_str_t *name);
static int ngx_libc_cdecl ngx_http_soporte_abroad_order(const void *one,
    const void *two);
static ngx_int_t ngx_http_soporte_abroad_cmp(const ngx_str_t *a,
    const ngx_str_t *b);


ngx_int_t
ngx_http_soporte_abroad_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    int                        err;
    u_char                    *p, *last, *line;
    ngx_str_t                  tab, name;
    ngx_uint_t                 column;
    ngx_soporte_mem_t          mem;
    ngx_soporte_watch_mark_t   mark;

    if (smcf->geoip == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(&smcf->abroad, cf->pool, 512,
                       sizeof(ngx_http_soporte_abroad_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* country, coordinates, name: separated by tabs */

    if (ngx_soporte_watch_read(NGX_HTTP_SOPORTE_ZONEINFO "/zone.tab",
                               NGX_HTTP_SOPORTE_ABROAD_TAB, &mark, &tab, &err)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, err,
                      "the list of time zones can't be read, visitors are "
                      "told of none but the host's");
        return NGX_OK;
    }

    mem = ngx_http_soporte_mem(cf->pool);
    last = tab.data + tab.len;

    for (line = tab.data; line < last; line = p + 1) {
        name.data = NULL;
        name.len = 0;
        column = 0;

        for (p = line; p < last && *p != '\n'; p++) {
            if (*p == '\t') {
                column++;

                if (column == 2) {
                    name.data = p + 1;
                }

            } else if (column == 2) {
                name.len++;
            }
        }

        if (name.len && *line != '#'
            && ngx_http_soporte_abroad_zone(cf, smcf, &mem, &name) != NGX_OK)
        {
            ngx_free(tab.data);
            return NGX_ERROR;
        }
    }

    ngx_free(tab.data);

    ngx_qsort(smcf->abroad.elts, smcf->abroad.nelts,
              sizeof(ngx_http_soporte_abroad_t),
              ngx_http_soporte_abroad_order);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_abroad_zone(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_soporte_mem_t *mem,
    ngx_str_t *name)
{
    int                         err;
    char                        path[sizeof(NGX_HTTP_SOPORTE_ZONEINFO) + 80];
    ngx_str_t                   bytes, error;
    ngx_soporte_zoneinfo_t     *zone;
    ngx_soporte_watch_mark_t    mark;
    ngx_http_soporte_abroad_t  *abroad;

    if (!ngx_soporte_zoneinfo_name(name)) {
        return NGX_OK;
    }

    (void) ngx_snprintf((u_char *) path, sizeof(path),
                        NGX_HTTP_SOPORTE_ZONEINFO "/%V%Z", name);

    if (ngx_soporte_watch_read(path, NGX_SOPORTE_ZONEINFO_MAX, &mark, &bytes,
                               &err)
        != NGX_OK)
    {
        return NGX_OK;
    }

    zone = ngx_soporte_zoneinfo_read(mem, &bytes, &error);
    ngx_free(bytes.data);

    if (zone == NULL) {
        return mem->failed ? NGX_ERROR : NGX_OK;
    }

    abroad = ngx_array_push(&smcf->abroad);

    if (abroad == NULL) {
        return NGX_ERROR;
    }

    abroad->zone = zone;
    abroad->name.len = name->len;
    abroad->name.data = ngx_pstrdup(cf->pool, name);

    return abroad->name.data ? NGX_OK : NGX_ERROR;
}


static int ngx_libc_cdecl
ngx_http_soporte_abroad_order(const void *one, const void *two)
{
    return ngx_http_soporte_abroad_cmp(
                          &((const ngx_http_soporte_abroad_t *) one)->name,
                          &((const ngx_http_soporte_abroad_t *) two)->name);
}


static ngx_int_t
ngx_http_soporte_abroad_cmp(const ngx_str_t *a, const ngx_str_t *b)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(a->data, b->data, ngx_min(a->len, b->len));

    return rc ? rc : (ngx_int_t) a->len - (ngx_int_t) b->len;
}


const ngx_soporte_zoneinfo_t *
ngx_http_soporte_abroad(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_int_t                      rc;
    ngx_str_t                      country;
    ngx_uint_t                     lo, hi, mid;
    ngx_http_soporte_abroad_t     *list;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (smcf->geoip == NULL
        || ngx_http_soporte_geoip(r, &country, name) != NGX_OK
        || name->len == 0)
    {
        return NULL;
    }

    list = smcf->abroad.elts;
    lo = 0;
    hi = smcf->abroad.nelts;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        rc = ngx_http_soporte_abroad_cmp(&list[mid].name, name);

        if (rc == 0) {
            return list[mid].zone;
        }

        if (rc < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }

    return NULL;
}
