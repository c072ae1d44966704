
/*
 * One job: a conninfo becomes, when the configuration is read, a list of
 * numeric addresses with their passwords, so that a thread later neither asks
 * a name server nor needs a file that only the master may read.
 *
 * libpq parses the conninfo; the service file and the password file are read
 * here as libpq would (libpq-pgservice, libpq-pgpass in its manual), with one
 * difference: an open file is an error and not a warning.
 */


#include "ngx_soporte_postgres_client.h"

#include <pwd.h>


#define NGX_SOPORTE_POSTGRES_HOSTS    16
#define NGX_SOPORTE_POSTGRES_OPTIONS  56

/* the directories that Debian compiles into libpq */

#define NGX_SOPORTE_POSTGRES_SOCKETS  "/var/run/postgresql"
#define NGX_SOPORTE_POSTGRES_SYSCONF  "/etc/postgresql-common"

/* not "/dev/null", of which libpq complains on stderr */

#define NGX_SOPORTE_POSTGRES_NO_FILE  "/dev/null/none"


typedef struct {
    ngx_soporte_mem_t               *mem;
    ngx_soporte_postgres_err_t      *err;
    ngx_soporte_postgres_conf_t     *conf;
    PQconninfoOption                *options;

    const char                      *user;
    const char                      *dbname;
    const char                      *passfile;
} ngx_soporte_postgres_parse_t;


static const char *
ngx_soporte_postgres_dup(ngx_soporte_mem_t *mem, const char *s, size_t len)
{
    char  *p;

    p = ngx_soporte_alloc(mem, len + 1);

    if (p) {
        ngx_memcpy(p, s, len);
        p[len] = '\0';
    }

    return p;
}


static ngx_int_t
ngx_soporte_postgres_nomem(ngx_soporte_postgres_err_t *err)
{
    return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                     "no memory");
}


/* NULL if it is not set; "" counts as not set, as in libpq */

static const char *
ngx_soporte_postgres_option(ngx_soporte_postgres_parse_t *pr, const char *name)
{
    PQconninfoOption  *o;

    for (o = pr->options; o->keyword; o++) {
        if (strcmp(o->keyword, name) == 0) {
            return (o->val && *o->val) ? o->val : NULL;
        }
    }

    return NULL;
}


/*
 * libpq quotes what it could not parse, and that may be a part of a password:
 * what stands between quotes is left out where a secret may be near.
 */

static ngx_int_t
ngx_soporte_postgres_syntax(ngx_soporte_postgres_err_t *err,
    const char *conninfo, char *message)
{
    char  *first, *last;

    first = NULL;

    if (strstr(conninfo, "pass") || strstr(conninfo, "://")) {
        first = strchr(message, '"');
    }

    if (first == NULL) {
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "%s", message);
    }

    last = strrchr(message, '"');

    return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                     "%.*s\"...%s", (int) (first - message),
                                     message, last);
}


/* opens a file of secrets; bits: what no other may have */

static FILE *
ngx_soporte_postgres_secret(const char *path, mode_t bits,
    ngx_soporte_postgres_err_t *err)
{
    int          fd;
    FILE        *f;
    struct stat  st;

    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "open() \"%s\" failed (%d: %s)",
                                         path, errno, strerror(errno));
        return NULL;
    }

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "\"%s\" is not a file", path);

    } else if (st.st_mode & bits) {
        (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "\"%s\" is open to others", path);

    } else {

        f = fdopen(fd, "re");
        if (f) {
            return f;
        }

        (void) ngx_soporte_postgres_nomem(err);
    }

    (void) close(fd);

    return NULL;
}


/* "key=value" of a service; what the conninfo itself says goes first */

static ngx_int_t
ngx_soporte_postgres_service_line(ngx_soporte_postgres_parse_t *pr,
    const char *path, char *line)
{
    char              *value;
    PQconninfoOption  *o;

    value = strchr(line, '=');

    if (value) {
        *value++ = '\0';

        for (o = pr->options; o->keyword; o++) {

            if (strcmp(o->keyword, line) != 0
                || strcmp(line, "service") == 0)
            {
                continue;
            }

            if (o->val == NULL) {
                o->val = strdup(value);
            }

            return NGX_OK;
        }
    }

    return ngx_soporte_postgres_fail(pr->err, NGX_SOPORTE_POSTGRES_INVALID,
                                     "invalid line in service file \"%s\"",
                                     path);
}


/* NGX_OK, NGX_DECLINED: the file has no such service, NGX_ERROR */

static ngx_int_t
ngx_soporte_postgres_service_file(ngx_soporte_postgres_parse_t *pr,
    const char *path, const char *service)
{
    char       *line, *p;
    FILE       *f;
    size_t      size, len;
    ssize_t     n;
    ngx_int_t   rc;
    ngx_uint_t  found;

    f = ngx_soporte_postgres_secret(path, 0, pr->err);
    if (f == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;
    found = 0;
    line = NULL;
    size = 0;
    len = strlen(service);

    while (rc == NGX_OK && (n = getline(&line, &size, f)) != -1) {

        while (n && strchr(" \t\r\n", line[n - 1])) {
            line[--n] = '\0';
        }

        p = line + strspn(line, " \t");

        if (*p == '\0' || *p == '#') {
            continue;
        }

        if (*p == '[') {

            if (found) {
                break;
            }

            found = strncmp(p + 1, service, len) == 0 && p[len + 1] == ']';
            continue;
        }

        if (found) {
            rc = ngx_soporte_postgres_service_line(pr, path, p);
        }
    }

    if (line) {
        explicit_bzero(line, size);
        free(line);
    }

    (void) fclose(f);

    return (rc == NGX_OK && !found) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_soporte_postgres_service(ngx_soporte_postgres_parse_t *pr)
{
    char            path[2][NGX_MAX_PATH];
    FILE           *f;
    ngx_int_t       rc;
    ngx_uint_t      i;
    const char     *service, *dir;
    struct passwd  *pw;

    service = ngx_soporte_postgres_option(pr, "service");
    if (service == NULL) {
        return NGX_OK;
    }

    path[0][0] = '\0';
    dir = getenv("PGSERVICEFILE");

    if (dir) {
        (void) snprintf(path[0], sizeof(path[0]), "%s", dir);

    } else {
        pw = getpwuid(geteuid());

        if (pw) {
            (void) snprintf(path[0], sizeof(path[0]), "%s/.pg_service.conf",
                            pw->pw_dir);
        }
    }

    dir = getenv("PGSYSCONFDIR");
    (void) snprintf(path[1], sizeof(path[1]), "%s/pg_service.conf",
                    dir ? dir : NGX_SOPORTE_POSTGRES_SYSCONF);

    for (i = 0; i < 2; i++) {

        if (access(path[i], F_OK) == -1) {
            continue;
        }

        rc = ngx_soporte_postgres_service_file(pr, path[i], service);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            continue;
        }

        /* the group may read it: Debian's files are root:www-data 0640 */

        if (ngx_soporte_postgres_option(pr, "password")) {
            f = ngx_soporte_postgres_secret(path[i], S_IRWXO|S_IWGRP, pr->err);
            if (f == NULL) {
                return NGX_ERROR;
            }

            (void) fclose(f);
        }

        return NGX_OK;
    }

    return ngx_soporte_postgres_fail(pr->err, NGX_SOPORTE_POSTGRES_INVALID,
                                     "service \"%s\" is not defined in \"%s\" "
                                     "nor in \"%s\"", service, path[0],
                                     path[1]);
}


/* does the field at *line match?  *line moves behind its colon */

static ngx_uint_t
ngx_soporte_postgres_field(char **line, const char *value)
{
    char        *p;
    ngx_uint_t   match;

    p = *line;

    if (p[0] == '*' && p[1] == ':') {
        *line = p + 2;
        return 1;
    }

    for (match = 1; *p && *p != ':'; p++) {

        if (*p == '\\' && p[1]) {
            p++;
        }

        if (match && *value == *p) {
            value++;

        } else {
            match = 0;
        }
    }

    if (*p == '\0') {
        return 0;
    }

    *line = p + 1;

    return match && *value == '\0';
}


static ngx_int_t
ngx_soporte_postgres_passfile(ngx_soporte_postgres_parse_t *pr,
    ngx_soporte_postgres_host_t *host)
{
    char        *line, *p, *q;
    FILE        *f;
    size_t       size;
    ssize_t      n;
    const char  *name;

    f = ngx_soporte_postgres_secret(pr->passfile, S_IRWXG|S_IRWXO, pr->err);
    if (f == NULL) {
        return NGX_ERROR;
    }

    name = host->host;

    if (strcmp(name, NGX_SOPORTE_POSTGRES_SOCKETS) == 0) {
        name = "localhost";
    }

    line = NULL;
    size = 0;

    while ((n = getline(&line, &size, f)) != -1) {

        while (n && strchr("\r\n", line[n - 1])) {
            line[--n] = '\0';
        }

        p = line;

        if (*p == '#'
            || !ngx_soporte_postgres_field(&p, name)
            || !ngx_soporte_postgres_field(&p, host->port)
            || !ngx_soporte_postgres_field(&p, pr->dbname)
            || !ngx_soporte_postgres_field(&p, pr->user))
        {
            continue;
        }

        /* the last field's escapes are taken out in place */

        for (name = q = p; *p; p++) {

            if (*p == '\\' && p[1]) {
                p++;
            }

            *q++ = *p;
        }

        host->password = ngx_soporte_postgres_dup(pr->mem, name, q - name);
        break;
    }

    if (line) {
        explicit_bzero(line, size);
        free(line);
    }

    (void) fclose(f);

    return pr->mem->failed ? ngx_soporte_postgres_nomem(pr->err) : NGX_OK;
}


static ngx_int_t
ngx_soporte_postgres_candidate(ngx_soporte_postgres_parse_t *pr,
    const char *host, const char *hostaddr, const char *port)
{
    const char                   *password;
    ngx_soporte_postgres_host_t  *h;

    if (pr->conf->nhosts == NGX_SOPORTE_POSTGRES_HOSTS) {
        return ngx_soporte_postgres_fail(pr->err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "too many hosts");
    }

    h = &pr->conf->hosts[pr->conf->nhosts++];

    h->host = host;
    h->port = port;
    h->password = NULL;
    h->hostaddr = NULL;

    if (hostaddr) {
        h->hostaddr = ngx_soporte_postgres_dup(pr->mem, hostaddr,
                                               strlen(hostaddr));
    }

    password = ngx_soporte_postgres_option(pr, "password");

    if (password) {
        h->password = ngx_soporte_postgres_dup(pr->mem, password,
                                               strlen(password));

    } else if (pr->passfile) {
        return ngx_soporte_postgres_passfile(pr, h);
    }

    return pr->mem->failed ? ngx_soporte_postgres_nomem(pr->err) : NGX_OK;
}


/* a name may have several addresses: each is a candidate */

static ngx_int_t
ngx_soporte_postgres_resolve(ngx_soporte_postgres_parse_t *pr,
    const char *host, const char *port)
{
    int               rc;
    char              addr[NI_MAXHOST];
    ngx_int_t         result;
    struct addrinfo   hints, *res, *ai;

    if (*host == '/' || *host == '@') {
        return ngx_soporte_postgres_candidate(pr, host, NULL, port);
    }

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(host, NULL, &hints, &res);

    if (rc != 0) {
        return ngx_soporte_postgres_fail(pr->err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "host \"%s\" not found (%s)", host,
                                         gai_strerror(rc));
    }

    result = NGX_OK;

    for (ai = res; ai && result == NGX_OK; ai = ai->ai_next) {

        if (getnameinfo(ai->ai_addr, ai->ai_addrlen, addr, sizeof(addr), NULL,
                        0, NI_NUMERICHOST)
            == 0)
        {
            result = ngx_soporte_postgres_candidate(pr, host, addr, port);
        }
    }

    freeaddrinfo(res);

    return result;
}


/* the n-th of a list by commas, NULL past its end; NULL is a list of none */

static const char *
ngx_soporte_postgres_item(ngx_soporte_postgres_parse_t *pr, const char *list,
    ngx_uint_t n)
{
    const char  *end;

    while (list && n--) {
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }

    if (list == NULL) {
        return NULL;
    }

    end = strchr(list, ',');

    return ngx_soporte_postgres_dup(pr->mem, list,
                                    end ? (size_t) (end - list) : strlen(list));
}


static ngx_uint_t
ngx_soporte_postgres_items(const char *list)
{
    ngx_uint_t  n;

    for (n = 0; list; n++) {
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }

    return n;
}


static ngx_int_t
ngx_soporte_postgres_hosts(ngx_soporte_postgres_parse_t *pr)
{
    ngx_int_t    rc;
    ngx_uint_t   i, n, nhosts, naddrs, nports;
    const char  *hosts, *addrs, *ports, *host, *addr, *port;

    hosts = ngx_soporte_postgres_option(pr, "host");
    addrs = ngx_soporte_postgres_option(pr, "hostaddr");
    ports = ngx_soporte_postgres_option(pr, "port");

    nhosts = ngx_soporte_postgres_items(hosts);
    naddrs = ngx_soporte_postgres_items(addrs);
    nports = ngx_soporte_postgres_items(ports);

    n = ngx_max(ngx_max(nhosts, naddrs), 1);

    if ((nhosts && nhosts != n) || (naddrs && naddrs != n)
        || (nports > 1 && nports != n))
    {
        return ngx_soporte_postgres_fail(pr->err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "%lu hosts, %lu addresses and %lu "
                                         "ports do not match",
                                         (unsigned long) nhosts,
                                         (unsigned long) naddrs,
                                         (unsigned long) nports);
    }

    for (i = 0; i < n; i++) {
        host = ngx_soporte_postgres_item(pr, hosts, i);
        addr = ngx_soporte_postgres_item(pr, addrs, i);
        port = ngx_soporte_postgres_item(pr, ports, (nports > 1) ? i : 0);

        if (pr->mem->failed) {
            return ngx_soporte_postgres_nomem(pr->err);
        }

        port = (port && *port) ? port : "5432";

        if (addr && *addr) {
            host = (host && *host) ? host : addr;
            rc = ngx_soporte_postgres_candidate(pr, host, addr, port);

        } else {
            host = (host && *host) ? host : NGX_SOPORTE_POSTGRES_SOCKETS;
            rc = ngx_soporte_postgres_resolve(pr, host, port);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static void
ngx_soporte_postgres_add(ngx_soporte_postgres_parse_t *pr, const char *keyword,
    const char *value)
{
    ngx_soporte_postgres_conf_t  *conf = pr->conf;

    if (conf->nparams == NGX_SOPORTE_POSTGRES_OPTIONS) {
        pr->mem->failed = 1;
        return;
    }

    conf->keywords[conf->nparams] = ngx_soporte_postgres_dup(pr->mem, keyword,
                                                             strlen(keyword));
    conf->values[conf->nparams] = ngx_soporte_postgres_dup(pr->mem, value,
                                                           strlen(value));
    conf->nparams++;
}


static void
ngx_soporte_postgres_params(ngx_soporte_postgres_parse_t *pr)
{
    /* a candidate's own, what was read just now, and what a thread can't use */

    static const char  *own[] = {
        "host", "hostaddr", "port", "password", "service", "passfile",
        "connect_timeout", "gssencmode", "client_encoding", "user", "dbname",
        NULL
    };

    ngx_uint_t         i;
    PQconninfoOption  *o;

    for (o = pr->options; o->keyword; o++) {

        if (o->val == NULL || *o->val == '\0') {
            continue;
        }

        for (i = 0; own[i] && strcmp(own[i], o->keyword) != 0; i++) {
            /* void */
        }

        if (own[i] == NULL) {
            ngx_soporte_postgres_add(pr, o->keyword, o->val);
        }
    }

    ngx_soporte_postgres_add(pr, "user", pr->user);
    ngx_soporte_postgres_add(pr, "dbname", pr->dbname);
    ngx_soporte_postgres_add(pr, "passfile", NGX_SOPORTE_POSTGRES_NO_FILE);
    ngx_soporte_postgres_add(pr, "client_encoding", "UTF8");
    ngx_soporte_postgres_add(pr, "gssencmode", "disable");

    if (ngx_soporte_postgres_option(pr, "application_name") == NULL) {
        ngx_soporte_postgres_add(pr, "application_name", "soporte");
    }

    if (ngx_soporte_postgres_option(pr, "sslmode") == NULL) {
        ngx_soporte_postgres_add(pr, "sslmode", "prefer");
    }

    /* not a certificate of whose home this happens to be: it may be root's */

    if (ngx_soporte_postgres_option(pr, "sslcert") == NULL) {
        ngx_soporte_postgres_add(pr, "sslcert", NGX_SOPORTE_POSTGRES_NO_FILE);
    }
}


/* tickets over a net, to whoever answers there */

static void
ngx_soporte_postgres_warn(ngx_soporte_postgres_parse_t *pr)
{
    ngx_uint_t   i;
    const char  *mode, *addr;

    mode = ngx_soporte_postgres_option(pr, "sslmode");

    if (mode && strncmp(mode, "verify-", 7) == 0) {
        return;
    }

    for (i = 0; i < pr->conf->nhosts; i++) {
        addr = pr->conf->hosts[i].hostaddr;

        if (addr && strncmp(addr, "127.", 4) != 0 && strcmp(addr, "::1") != 0) {
            (void) ngx_soporte_postgres_fail(pr->err,
                                             NGX_SOPORTE_POSTGRES_NO_ERROR,
                                             "host \"%s\" is reached without "
                                             "sslmode=verify-full",
                                             pr->conf->hosts[i].host);
            return;
        }
    }
}


static ngx_int_t
ngx_soporte_postgres_parse(ngx_soporte_postgres_parse_t *pr)
{
    ngx_soporte_mem_t            *mem = pr->mem;
    ngx_soporte_postgres_conf_t  *conf;

    if (ngx_soporte_postgres_service(pr) != NGX_OK) {
        return NGX_ERROR;
    }

    conf = ngx_soporte_alloc(mem, sizeof(ngx_soporte_postgres_conf_t));
    if (conf == NULL) {
        return ngx_soporte_postgres_nomem(pr->err);
    }

    ngx_memzero(conf, sizeof(ngx_soporte_postgres_conf_t));

    conf->hosts = ngx_soporte_alloc(mem, NGX_SOPORTE_POSTGRES_HOSTS
                                    * sizeof(ngx_soporte_postgres_host_t));
    conf->keywords = ngx_soporte_alloc(mem, NGX_SOPORTE_POSTGRES_OPTIONS
                                       * sizeof(char *));
    conf->values = ngx_soporte_alloc(mem, NGX_SOPORTE_POSTGRES_OPTIONS
                                     * sizeof(char *));

    if (mem->failed) {
        return ngx_soporte_postgres_nomem(pr->err);
    }

    pr->conf = conf;

    pr->user = ngx_soporte_postgres_option(pr, "user");
    pr->user = pr->user ? pr->user : "soporte_nginx";
    pr->dbname = ngx_soporte_postgres_option(pr, "dbname");
    pr->dbname = pr->dbname ? pr->dbname : "soporte";
    pr->passfile = ngx_soporte_postgres_option(pr, "passfile");

    if (ngx_soporte_postgres_hosts(pr) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_postgres_params(pr);
    ngx_soporte_postgres_warn(pr);

    return mem->failed ? ngx_soporte_postgres_nomem(pr->err) : NGX_OK;
}


ngx_soporte_postgres_conf_t *
ngx_soporte_postgres_conninfo(ngx_soporte_mem_t *mem, const char *conninfo,
    ngx_soporte_postgres_err_t *err)
{
    char                          *message;
    ngx_int_t                      rc;
    ngx_soporte_postgres_parse_t   pr;

    ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));
    ngx_memzero(&pr, sizeof(ngx_soporte_postgres_parse_t));

    message = NULL;
    pr.mem = mem;
    pr.err = err;
    pr.options = PQconninfoParse(conninfo, &message);

    if (pr.options == NULL) {

        if (message == NULL) {
            (void) ngx_soporte_postgres_nomem(err);
            return NULL;
        }

        (void) ngx_soporte_postgres_syntax(err, conninfo, message);
        PQfreemem(message);

        return NULL;
    }

    rc = ngx_soporte_postgres_parse(&pr);

    PQconninfoFree(pr.options);

    return (rc == NGX_OK) ? pr.conf : NULL;
}
