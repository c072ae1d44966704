
/*
 * Look-ups in a MaxMind DB that lies in a memfd: libmaxminddb opens files
 * alone, and maps them.
 */

#include "ngx_soporte_geoip.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


#define NGX_SOPORTE_GEOIP_BLOCK  (1024 * 1024)         /* copied at once */


struct ngx_soporte_geoip_s {
    MMDB_s                            db;
};


static int ngx_soporte_geoip_copy(const char *path, char *error);
static int ngx_soporte_geoip_fill(int to, int from);
static ngx_int_t ngx_soporte_geoip_probe(MMDB_s *db, char *error);
static size_t ngx_soporte_geoip_get(MMDB_entry_s *entry,
    const char *const *const *paths, u_char *dst, size_t size);


/* GeoLite2 and its like, then flat ones */

static const char *const  ngx_soporte_geoip_iso[] = {
    "country", "iso_code", NULL
};
static const char *const  ngx_soporte_geoip_registered[] = {
    "registered_country", "iso_code", NULL
};
static const char *const  ngx_soporte_geoip_flat[] = {
    "country_code", NULL
};
static const char *const *const  ngx_soporte_geoip_countries[] = {
    ngx_soporte_geoip_iso, ngx_soporte_geoip_registered,
    ngx_soporte_geoip_flat, NULL
};

static const char *const  ngx_soporte_geoip_location[] = {
    "location", "time_zone", NULL
};
static const char *const  ngx_soporte_geoip_timezone[] = {
    "timezone", NULL
};
static const char *const *const  ngx_soporte_geoip_zones[] = {
    ngx_soporte_geoip_location, ngx_soporte_geoip_timezone, NULL
};


ngx_soporte_geoip_t *
ngx_soporte_geoip_open(const char *path, char *error)
{
    int                   fd, rc;
    char                  name[32];
    ngx_soporte_geoip_t  *geo;

    fd = ngx_soporte_geoip_copy(path, error);

    if (fd == -1) {
        return NULL;
    }

    geo = calloc(1, sizeof(ngx_soporte_geoip_t));

    if (geo == NULL) {
        (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR, "no memory");
        close(fd);
        return NULL;
    }

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

    rc = MMDB_open(name, MMDB_MODE_MMAP, &geo->db);
    close(fd);

    if (rc != MMDB_SUCCESS) {
        (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR, "%s",
                        MMDB_strerror(rc));
        free(geo);
        return NULL;
    }

    if (ngx_soporte_geoip_probe(&geo->db, error) != NGX_OK) {
        ngx_soporte_geoip_close(geo);
        return NULL;
    }

    return geo;
}


/* a memfd with the file's bytes, sealed */

static int
ngx_soporte_geoip_copy(const char *path, char *error)
{
    int          from, to;
    struct stat  st;

    from = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (from == -1 || fstat(from, &st) == -1) {
        (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR, "%s",
                        strerrordesc_np(errno));
        goto failed;
    }

    if (!S_ISREG(st.st_mode) || st.st_size > NGX_SOPORTE_GEOIP_MAX) {
        (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR,
                        "no file, or over %d MiB",
                        NGX_SOPORTE_GEOIP_MAX / 1024 / 1024);
        goto failed;
    }

    to = memfd_create("soporte-geoip", MFD_CLOEXEC|MFD_ALLOW_SEALING);

    if (to == -1 || ngx_soporte_geoip_fill(to, from) == -1) {
        (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR, "%s",
                        strerrordesc_np(errno));

        if (to != -1) {
            close(to);
        }

        goto failed;
    }

    (void) fcntl(to, F_ADD_SEALS,
                 F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_SEAL);
    close(from);

    return to;

failed:

    if (from != -1) {
        close(from);
    }

    return -1;
}


static int
ngx_soporte_geoip_fill(int to, int from)
{
    char     *buf;
    int       err;
    ssize_t   n, k, done;

    buf = malloc(NGX_SOPORTE_GEOIP_BLOCK);

    if (buf == NULL) {
        return -1;
    }

    for ( ;; ) {
        n = read(from, buf, NGX_SOPORTE_GEOIP_BLOCK);

        for (done = 0; done < n; done += k) {
            k = write(to, buf + done, n - done);

            if (k <= 0) {
                n = -1;
                break;
            }
        }

        if (n <= 0) {
            break;
        }
    }

    err = errno;
    free(buf);
    errno = err;

    return n;
}


/*
 * What the metadata promise must be there: the search tree begins the file,
 * and the first record of it that says anything has a country.
 */

static ngx_int_t
ngx_soporte_geoip_probe(MMDB_s *db, char *error)
{
    int                         rc, family;
    uint32_t                    i;
    MMDB_search_node_s          node;
    ngx_soporte_geoip_place_t   place;

    family = (db->metadata.ip_version == 6) ? AF_INET6 : AF_INET;

    for (i = 0; i < db->metadata.node_count; i++) {
        rc = MMDB_read_node(db, i, &node);

        if (rc != MMDB_SUCCESS) {
            (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR, "%s",
                            MMDB_strerror(rc));
            return NGX_ERROR;
        }

        if (node.right_record_type != MMDB_RECORD_TYPE_DATA
            && node.left_record_type != MMDB_RECORD_TYPE_DATA)
        {
            continue;
        }

        place.country_len = ngx_soporte_geoip_get(
            (node.left_record_type == MMDB_RECORD_TYPE_DATA)
            ? &node.left_record_entry : &node.right_record_entry,
            ngx_soporte_geoip_countries, place.country, 2);

        if (place.country_len == 2) {
            return NGX_OK;
        }
    }

    (void) snprintf(error, NGX_SOPORTE_GEOIP_ERROR,
                    "no country is in it, of IPv%c",
                    family == AF_INET6 ? '6' : '4');

    return NGX_ERROR;
}


void
ngx_soporte_geoip_close(ngx_soporte_geoip_t *geo)
{
    if (geo) {
        MMDB_close(&geo->db);
        free(geo);
    }
}


void
ngx_soporte_geoip_find(const ngx_soporte_geoip_t *geo,
    const struct sockaddr *sa, ngx_soporte_geoip_place_t *place)
{
    int                          rc;
    struct sockaddr_in           sin;
    MMDB_lookup_result_s         found;
    const struct sockaddr_in6   *sin6;

    place->country_len = 0;
    place->zone_len = 0;

    if (sa->sa_family == AF_INET6) {
        sin6 = (const struct sockaddr_in6 *) (const void *) sa;

        /* a client of IPv4 on a socket of IPv6 */

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            memset(&sin, 0, sizeof(struct sockaddr_in));
            sin.sin_family = AF_INET;
            memcpy(&sin.sin_addr, &sin6->sin6_addr.s6_addr[12], 4);
            sa = (const struct sockaddr *) &sin;
        }

    } else if (sa->sa_family != AF_INET) {
        return;
    }

    found = MMDB_lookup_sockaddr(&geo->db, sa, &rc);

    if (rc != MMDB_SUCCESS || !found.found_entry) {
        return;
    }

    place->country_len = ngx_soporte_geoip_get(&found.entry,
                                               ngx_soporte_geoip_countries,
                                               place->country, 2);

    if (place->country_len != 2) {
        place->country_len = 0;
    }

    place->zone_len = ngx_soporte_geoip_get(&found.entry,
                                            ngx_soporte_geoip_zones,
                                            place->zone,
                                            NGX_SOPORTE_GEOIP_ZONE);
}


/* the first path that leads to a string of at most so many bytes, or 0 */

static size_t
ngx_soporte_geoip_get(MMDB_entry_s *entry, const char *const *const *paths,
    u_char *dst, size_t size)
{
    size_t             i;
    MMDB_entry_data_s  data;

    for ( /* void */ ; *paths; paths++) {

        if (MMDB_aget_value(entry, &data, *paths) != MMDB_SUCCESS
            || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING
            || data.data_size == 0 || data.data_size > size)
        {
            continue;
        }

        /* fit for a header, a log and a file's name */

        for (i = 0; i < data.data_size; i++) {
            dst[i] = data.utf8_string[i];

            if (!((dst[i] | 0x20) >= 'a' && (dst[i] | 0x20) <= 'z')
                && !(dst[i] >= '0' && dst[i] <= '9')
                && dst[i] != '/' && dst[i] != '_' && dst[i] != '-'
                && dst[i] != '+')
            {
                break;
            }
        }

        if (i == data.data_size) {
            return i;
        }
    }

    return 0;
}
