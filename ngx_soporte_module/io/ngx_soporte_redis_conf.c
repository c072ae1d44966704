
/*
 * One job: a URL becomes, when the configuration is read, numeric addresses
 * and a password, so that a thread later asks no name server and needs no
 * file that only the master may read.
 */

#include "ngx_soporte_redis_client.h"

#include <netdb.h>
#include <stdarg.h>
#include <sys/un.h>


#define NGX_SOPORTE_REDIS_PORT      "6379"
#define NGX_SOPORTE_REDIS_PASSWORD  1024     /* bytes of the file's line */


static ngx_uint_t ngx_soporte_redis_loopback(ngx_soporte_redis_conf_t *conf);
static ngx_int_t ngx_soporte_redis_auth(ngx_soporte_mem_t *mem,
    ngx_soporte_redis_conf_t *conf, const char **rest,
    ngx_soporte_redis_err_t *err);
static ngx_int_t ngx_soporte_redis_decode(ngx_soporte_mem_t *mem,
    const char *p, size_t len, ngx_str_t *text);
static ngx_int_t ngx_soporte_redis_unix(ngx_soporte_redis_conf_t *conf,
    const char *path, ngx_soporte_redis_err_t *err);
static ngx_int_t ngx_soporte_redis_tcp(ngx_soporte_redis_conf_t *conf,
    const char *rest, ngx_soporte_redis_err_t *err);
static ngx_int_t ngx_soporte_redis_resolve(ngx_soporte_redis_conf_t *conf,
    const char *host, const char *port, ngx_soporte_redis_err_t *err);
static ngx_int_t ngx_soporte_redis_db(ngx_soporte_redis_conf_t *conf,
    const char *db, ngx_soporte_redis_err_t *err);
static ngx_int_t ngx_soporte_redis_file(ngx_soporte_mem_t *mem,
    ngx_soporte_redis_conf_t *conf, const char *path,
    ngx_soporte_redis_err_t *err);


ngx_int_t
ngx_soporte_redis_fail(ngx_soporte_redis_err_t *err,
    ngx_soporte_redis_error_e code, const char *fmt, ...)
{
    char     *p;
    va_list   args;

    err->code = code;

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    for (p = err->text; *p; p++) {
        if ((u_char) *p < 0x20 || (u_char) *p >= 0x7f) {
            *p = ' ';
        }
    }

    return NGX_ERROR;
}


ngx_soporte_redis_conf_t *
ngx_soporte_redis_url(ngx_soporte_mem_t *mem, const char *url,
    const char *password_file, ngx_soporte_redis_err_t *err)
{
    ngx_int_t                  rc;
    const char                *rest;
    ngx_uint_t                 local;
    ngx_soporte_redis_conf_t  *conf;

    ngx_memzero(err, sizeof(ngx_soporte_redis_err_t));

    conf = ngx_soporte_alloc(mem, sizeof(ngx_soporte_redis_conf_t));

    if (conf == NULL) {
        (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "no memory");
        return NULL;
    }

    ngx_memzero(conf, sizeof(ngx_soporte_redis_conf_t));
    conf->db[0] = '0';

    local = 0;

    if (strncmp(url, "redis://", 8) == 0) {
        rest = url + 8;

    } else if (strncmp(url, "unix:", 5) == 0) {
        rest = url + 5;
        local = 1;

    } else {
        (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "a URL of Redis begins with "
                                      "\"redis://\" or \"unix:\"");
        return NULL;
    }

    rc = ngx_soporte_redis_auth(mem, conf, &rest, err);

    if (rc == NGX_OK) {
        rc = local ? ngx_soporte_redis_unix(conf, rest, err)
                   : ngx_soporte_redis_tcp(conf, rest, err);
    }

    local |= (rc == NGX_OK && ngx_soporte_redis_loopback(conf));

    if (rc == NGX_OK && conf->password.len) {
        (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_NO_ERROR,
                                      "the password in the URL is shown by "
                                      "\"nginx -T\", use \"password_file\"");

    } else if (rc == NGX_OK && !local) {
        (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_NO_ERROR,
                                      "what is said to Redis is not "
                                      "encrypted");
    }

    if (rc == NGX_OK && password_file) {
        rc = ngx_soporte_redis_file(mem, conf, password_file, err);
    }

    return (rc == NGX_OK) ? conf : NULL;
}


static ngx_uint_t
ngx_soporte_redis_loopback(ngx_soporte_redis_conf_t *conf)
{
    ngx_uint_t            i;
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    for (i = 0; i < conf->naddrs; i++) {

        if (conf->addrs[i].sockaddr.ss_family == AF_INET) {
            sin = (struct sockaddr_in *) &conf->addrs[i].sockaddr;

            if ((ntohl(sin->sin_addr.s_addr) >> 24) != 127) {
                return 0;
            }

        } else if (conf->addrs[i].sockaddr.ss_family == AF_INET6) {
            sin6 = (struct sockaddr_in6 *) &conf->addrs[i].sockaddr;

            if (!IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)) {
                return 0;
            }
        }
    }

    return 1;
}


/* "[user]:password@", if it is there; nothing of it is ever quoted */

static ngx_int_t
ngx_soporte_redis_auth(ngx_soporte_mem_t *mem, ngx_soporte_redis_conf_t *conf,
    const char **rest, ngx_soporte_redis_err_t *err)
{
    const char  *p, *at, *colon;

    p = *rest;
    at = strrchr(p, '@');

    if (at == NULL) {
        return NGX_OK;
    }

    colon = memchr(p, ':', at - p);

    if (colon == NULL || colon + 1 == at) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "a password must stand between \":\" "
                                      "and \"@\"");
    }

    if (ngx_soporte_redis_decode(mem, p, colon - p, &conf->user) != NGX_OK
        || ngx_soporte_redis_decode(mem, colon + 1, at - colon - 1,
                                    &conf->password) != NGX_OK)
    {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "invalid user or password in the URL");
    }

    *rest = at + 1;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_redis_decode(ngx_soporte_mem_t *mem, const char *p, size_t len,
    ngx_str_t *text)
{
    char         hex[3], *end;
    u_char      *dst;
    const char  *last;

    dst = ngx_soporte_alloc(mem, len + 1);

    if (dst == NULL) {
        return NGX_ERROR;
    }

    text->data = dst;
    hex[2] = '\0';

    for (last = p + len; p < last; p++) {

        if (*p != '%') {
            *dst++ = *p;
            continue;
        }

        if (last - p < 3) {
            return NGX_ERROR;
        }

        hex[0] = p[1];
        hex[1] = p[2];
        *dst = strtoul(hex, &end, 16);

        if (end != hex + 2 || *dst == '\0') {
            return NGX_ERROR;
        }

        dst++;
        p += 2;
    }

    *dst = '\0';
    text->len = dst - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_redis_unix(ngx_soporte_redis_conf_t *conf, const char *path,
    ngx_soporte_redis_err_t *err)
{
    size_t               len;
    const char          *query;
    struct sockaddr_un  *sun;

    query = strchr(path, '?');
    len = query ? (size_t) (query - path) : strlen(path);

    sun = (struct sockaddr_un *) &conf->addrs[0].sockaddr;

    if (path[0] != '/' || len >= sizeof(sun->sun_path)) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "invalid path of a socket");
    }

    sun->sun_family = AF_UNIX;
    ngx_memcpy(sun->sun_path, path, len);
    conf->addrs[0].socklen = sizeof(struct sockaddr_un);
    conf->naddrs = 1;

    if (query == NULL) {
        return NGX_OK;
    }

    if (strncmp(query, "?db=", 4) != 0) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "after \"?\" of a socket's path only "
                                      "\"db=\" is known");
    }

    return ngx_soporte_redis_db(conf, query + 4, err);
}


static ngx_int_t
ngx_soporte_redis_tcp(ngx_soporte_redis_conf_t *conf, const char *rest,
    ngx_soporte_redis_err_t *err)
{
    char         host[256], *p, *end;
    size_t       len;
    const char  *port, *slash;

    slash = strchr(rest, '/');
    len = slash ? (size_t) (slash - rest) : strlen(rest);

    if (len == 0 || len >= sizeof(host)) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "no host, or too long a one");
    }

    ngx_memcpy(host, rest, len);
    host[len] = '\0';

    port = NGX_SOPORTE_REDIS_PORT;

    /* a colon after the "]" of an IPv6 address, or the only one */

    end = (host[0] == '[') ? strchr(host, ']') : host;
    p = end ? strchr(end, ':') : NULL;

    if (end == NULL || (p && (p[1] == '\0' || strlen(p + 1) > 5
                              || p[1 + strspn(p + 1, "0123456789")] != '\0')))
    {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "invalid port");
    }

    if (p) {
        *p = '\0';
        port = p + 1;
    }

    if (host[0] == '[') {
        host[strlen(host) - 1] = '\0';
    }

    if (slash && slash[1] && ngx_soporte_redis_db(conf, slash + 1, err)
                             != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_soporte_redis_resolve(conf, host + (host[0] == '['), port,
                                     err);
}


static ngx_int_t
ngx_soporte_redis_resolve(ngx_soporte_redis_conf_t *conf, const char *host,
    const char *port, ngx_soporte_redis_err_t *err)
{
    int                        rc;
    struct addrinfo            hints, *res, *ai;
    ngx_soporte_redis_addr_t  *addr;

    ngx_memzero(&hints, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;

    rc = getaddrinfo(host, port, &hints, &res);

    if (rc != 0) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "host \"%s\" is not found: %s", host,
                                      gai_strerror(rc));
    }

    for (ai = res; ai && conf->naddrs < NGX_SOPORTE_REDIS_ADDRS;
         ai = ai->ai_next)
    {
        addr = &conf->addrs[conf->naddrs++];
        ngx_memcpy(&addr->sockaddr, ai->ai_addr, ai->ai_addrlen);
        addr->socklen = ai->ai_addrlen;
    }

    freeaddrinfo(res);

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_redis_db(ngx_soporte_redis_conf_t *conf, const char *db,
    ngx_soporte_redis_err_t *err)
{
    size_t  len;

    len = strspn(db, "0123456789");

    if (len == 0 || len > 5 || db[len] != '\0') {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "invalid number of a database");
    }

    ngx_memcpy(conf->db, db, len);
    conf->db[len] = '\0';

    return NGX_OK;
}


/* the first line, without what ends it */

static ngx_int_t
ngx_soporte_redis_file(ngx_soporte_mem_t *mem, ngx_soporte_redis_conf_t *conf,
    const char *path, ngx_soporte_redis_err_t *err)
{
    int          fd, sys;
    char         line[NGX_SOPORTE_REDIS_PASSWORD + 1];
    size_t       len;
    ssize_t      n;
    struct stat  st;

    if (conf->password.len) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "a password is in the URL already");
    }

    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "open() \"%s\" failed (%d: %s)", path,
                                      errno, strerror(errno));
    }

    n = 0;
    sys = fstat(fd, &st);

    if (sys == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 077)) {
        n = read(fd, line, NGX_SOPORTE_REDIS_PASSWORD);
    }

    (void) close(fd);

    if (sys == -1 || !S_ISREG(st.st_mode)) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "\"%s\" is not a file", path);
    }

    if (st.st_mode & 077) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "\"%s\" is open to others", path);
    }

    line[ngx_max(n, 0)] = '\0';
    len = strcspn(line, "\r\n");

    if (n <= 0 || len == 0 || len == NGX_SOPORTE_REDIS_PASSWORD) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "\"%s\" has no password", path);
    }

    conf->password.data = ngx_soporte_alloc(mem, len);

    if (conf->password.data == NULL) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_INVALID,
                                      "no memory");
    }

    ngx_memcpy(conf->password.data, line, len);
    conf->password.len = len;

    return NGX_OK;
}
