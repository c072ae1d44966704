
/*
 * Makes the bytes of TZif files (RFC 9636), right ones and wrong ones, so that
 * no test depends on the zones of the machine.
 */

#ifndef _SOPORTE_UNIT_TZIF_H_INCLUDED_
#define _SOPORTE_UNIT_TZIF_H_INCLUDED_


#include "test.h"
#include "ngx_soporte_zoneinfo.h"


#define TZIF_MAX  4096


typedef struct {
    u_char      bytes[TZIF_MAX];
    size_t      len;
    size_t      block;             /* where the last header begins */
} tzif_t;


typedef struct {
    int64_t     at;
    u_char      type;
} tzif_time_t;


typedef struct {
    int32_t     offset;
    u_char      dst;
} tzif_type_t;


static inline void
tzif_integer(tzif_t *tz, int64_t n, size_t width)
{
    while (width--) {
        tz->bytes[tz->len++] = (u_char) ((uint64_t) n >> (8 * width));
    }
}


/* a header and its block; all types have the designation "ABC" */

static inline void
tzif_block(tzif_t *tz, u_char version, size_t width, const tzif_time_t *times,
    size_t ntimes, const tzif_type_t *types, size_t ntypes)
{
    size_t  i;

    tz->block = tz->len;

    memcpy(tz->bytes + tz->len, "TZif", 4);
    memset(tz->bytes + tz->len + 4, 0, 16);
    tz->bytes[tz->len + 4] = version;
    tz->len += 20;

    tzif_integer(tz, 0, 4);
    tzif_integer(tz, 0, 4);
    tzif_integer(tz, 0, 4);
    tzif_integer(tz, ntimes, 4);
    tzif_integer(tz, ntypes, 4);
    tzif_integer(tz, 4, 4);

    for (i = 0; i < ntimes; i++) {
        tzif_integer(tz, times[i].at, width);
    }

    for (i = 0; i < ntimes; i++) {
        tzif_integer(tz, times[i].type, 1);
    }

    for (i = 0; i < ntypes; i++) {
        tzif_integer(tz, types[i].offset, 4);
        tzif_integer(tz, types[i].dst, 1);
        tzif_integer(tz, 0, 1);
    }

    memcpy(tz->bytes + tz->len, "ABC", 4);
    tz->len += 4;
}


/* version 2: an empty first block, then this one and a footer */

static inline void
tzif_file(tzif_t *tz, const tzif_time_t *times, size_t ntimes,
    const tzif_type_t *types, size_t ntypes, const char *footer)
{
    static const tzif_type_t  none = { 0, 0 };

    tz->len = 0;

    tzif_block(tz, '2', 4, NULL, 0, &none, 1);
    tzif_block(tz, '2', 8, times, ntimes, types, ntypes);

    tz->len += snprintf((char *) tz->bytes + tz->len, TZIF_MAX - tz->len,
                        "\n%s\n", footer);
}


/* reads bytes that end where ASan looks */

static inline ngx_soporte_zoneinfo_t *
tzif_read(const tzif_t *tz, ngx_soporte_mem_t *mem, ngx_str_t *error)
{
    ngx_str_t                bytes;
    ngx_soporte_zoneinfo_t  *zone;

    bytes.len = tz->len;
    bytes.data = malloc(tz->len ? tz->len : 1);
    memcpy(bytes.data, tz->bytes, tz->len);

    zone = ngx_soporte_zoneinfo_read(mem, &bytes, error);

    free(bytes.data);

    return zone;
}


/* a zone that its footer rules from the beginning */

static inline ngx_soporte_zoneinfo_t *
tzif_zone(ngx_soporte_mem_t *mem, const char *footer)
{
    tzif_t                    tz;
    ngx_str_t                 error;
    ngx_soporte_zoneinfo_t   *zone;
    static const tzif_type_t  type = { 0, 0 };

    tzif_file(&tz, NULL, 0, &type, 1, footer);

    zone = tzif_read(&tz, mem, &error);

    if (zone == NULL) {
        fail_msg("\"%s\": %s", footer, error.len ? (char *) error.data : "");
    }

    return zone;
}


#endif /* _SOPORTE_UNIT_TZIF_H_INCLUDED_ */
