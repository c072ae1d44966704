
/*
 * One job: a statement goes to PostgreSQL and its answer comes back, or an
 * error that says what to do next, before a deadline.
 *
 * libpq is asked again for its socket before every poll(), since it changes
 * the socket while it connects.  One candidate is tried at a time, because
 * libpq knows no deadline of its own here.  PQcancel() is never called: it
 * blocks on a server that hangs; the connection is closed instead.  The rows
 * of an answer count only after ReadyForQuery, for the commit happens between
 * the two.
 */


#include "ngx_soporte_postgres_client.h"

#include <poll.h>
#include <stdarg.h>
#include <time.h>


#define NGX_SOPORTE_POSTGRES_SLICE    200      /* ms */
#define NGX_SOPORTE_POSTGRES_COLUMNS  32


struct ngx_soporte_postgres_s {
    ngx_soporte_postgres_conf_t     *conf;
    volatile sig_atomic_t           *stop[2];

    PGconn                          *conn;     /* NULL: none */
    ngx_uint_t                       host;     /* that answered last */
};


typedef struct {
    ngx_soporte_mem_t               *mem;
    ngx_str_t                       *value;
} ngx_soporte_postgres_copy_t;


ngx_int_t
ngx_soporte_postgres_fail(ngx_soporte_postgres_err_t *err,
    ngx_soporte_postgres_error_e code, const char *fmt, ...)
{
    char     *p;
    size_t    len;
    va_list   args;

    err->code = code;

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    for (p = err->text; *p; p++) {
        if ((u_char) *p < 0x20 || *p == 0x7f) {
            *p = ' ';
        }
    }

    for (len = p - err->text; len && err->text[len - 1] == ' '; len--) {
        err->text[len - 1] = '\0';
    }

    return NGX_ERROR;
}


static uint64_t
ngx_soporte_postgres_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* what is to be done about a SQLSTATE; an unknown one loses nothing */

static ngx_soporte_postgres_error_e
ngx_soporte_postgres_class(const char *s)
{
    static const char  data[] = "22 23 54", stop[] = "0A 28 3D 3F 42";

    char  class[3];

    if (strlen(s) != 5) {
        return NGX_SOPORTE_POSTGRES_RETRY;
    }

    class[0] = s[0];
    class[1] = s[1];
    class[2] = '\0';

    if (strstr(data, class)) {
        return NGX_SOPORTE_POSTGRES_DATA;
    }

    return strstr(stop, class) ? NGX_SOPORTE_POSTGRES_STOP
                               : NGX_SOPORTE_POSTGRES_RETRY;
}


static void
ngx_soporte_postgres_ignore(void *data, const char *message)
{
    /* a notice is nobody's business, and stderr is the error log */
}


ngx_soporte_postgres_t *
ngx_soporte_postgres_open(ngx_soporte_postgres_conf_t *conf,
    volatile sig_atomic_t *stop[2])
{
    ngx_soporte_postgres_t  *pg;

    pg = calloc(1, sizeof(ngx_soporte_postgres_t));
    if (pg == NULL) {
        return NULL;
    }

    pg->conf = conf;
    pg->stop[0] = stop[0];
    pg->stop[1] = stop[1];

    return pg;
}


static void
ngx_soporte_postgres_drop(ngx_soporte_postgres_t *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
}


void
ngx_soporte_postgres_close(ngx_soporte_postgres_t *pg)
{
    ngx_soporte_postgres_drop(pg);
    free(pg);
}


/* waits for the socket that libpq uses just now; revents, or 0 with err */

static int
ngx_soporte_postgres_wait(ngx_soporte_postgres_t *pg, int events,
    uint64_t deadline, ngx_soporte_postgres_err_t *err)
{
    int            n;
    uint64_t       now;
    struct pollfd  pfd;

    for ( ;; ) {

        if ((pg->stop[0] && *pg->stop[0]) || (pg->stop[1] && *pg->stop[1])) {
            (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_STOPPED,
                                             "the worker exits");
            return 0;
        }

        now = ngx_soporte_postgres_now();

        if (now >= deadline) {
            (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY,
                                             "timed out");
            return 0;
        }

        pfd.fd = PQsocket(pg->conn);
        pfd.events = events;
        pfd.revents = 0;

        n = poll(&pfd, 1, ngx_min(deadline - now, NGX_SOPORTE_POSTGRES_SLICE));

        if (n > 0) {
            return pfd.revents;
        }

        if (n == -1 && errno != EINTR) {
            (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY,
                                             "poll() failed (%d)", errno);
            return 0;
        }
    }
}


/*
 * The message of a connection that failed, in the verbose form: the SQLSTATE
 * is given nowhere else then.
 */

static ngx_int_t
ngx_soporte_postgres_refused(ngx_soporte_postgres_t *pg,
    ngx_soporte_postgres_err_t *err)
{
    int                            len;
    const char                    *text, *p, *end;
    ngx_soporte_postgres_error_e   class;

    text = PQerrorMessage(pg->conn);

    for (p = strchr(text, ':'); p; p = strchr(p + 1, ':')) {

        /* "FATAL:  28P01: ", the first: a second is of a try without TLS */

        if (strspn(p + 1, " ") == 2
            && strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5
            && p[8] == ':')
        {
            ngx_memcpy(err->sqlstate, p + 3, 5);
            err->sqlstate[5] = '\0';
            break;
        }
    }

    end = strstr(text, "\nLOCATION:");
    len = end ? (int) (end - text) : (int) strlen(text);

    class = ngx_soporte_postgres_class(err->sqlstate);

    /* values of the conninfo are the operator's */

    if (class == NGX_SOPORTE_POSTGRES_DATA) {
        class = NGX_SOPORTE_POSTGRES_STOP;
    }

    return ngx_soporte_postgres_fail(err, class, "%.*s", len, text);
}


static ngx_int_t
ngx_soporte_postgres_attempt(ngx_soporte_postgres_t *pg,
    ngx_soporte_postgres_host_t *host, uint64_t deadline,
    ngx_soporte_postgres_err_t *err)
{
    const char                    *keywords[64], *values[64];
    ngx_uint_t                     n;
    ngx_soporte_postgres_conf_t   *conf;
    PostgresPollingStatusType      polling;

    conf = pg->conf;

    /* conninfo() keeps room for these five */

    for (n = 0; n < conf->nparams; n++) {
        keywords[n] = conf->keywords[n];
        values[n] = conf->values[n];
    }

    keywords[n] = "host";
    values[n++] = host->host;
    keywords[n] = "hostaddr";
    values[n++] = host->hostaddr;
    keywords[n] = "port";
    values[n++] = host->port;
    keywords[n] = "password";
    values[n++] = host->password;
    keywords[n] = NULL;
    values[n] = NULL;

    pg->conn = PQconnectStartParams(keywords, values, 0);

    if (pg->conn == NULL) {
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY,
                                         "no memory for a connection");
    }

    (void) PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
    (void) PQsetNoticeProcessor(pg->conn, ngx_soporte_postgres_ignore, NULL);

    polling = (PQstatus(pg->conn) == CONNECTION_BAD) ? PGRES_POLLING_FAILED
                                                     : PGRES_POLLING_WRITING;

    while (polling == PGRES_POLLING_WRITING || polling == PGRES_POLLING_READING)
    {
        if (ngx_soporte_postgres_wait(pg, (polling == PGRES_POLLING_WRITING)
                                          ? POLLOUT : POLLIN, deadline, err)
            == 0)
        {
            ngx_soporte_postgres_drop(pg);
            return NGX_ERROR;
        }

        polling = PQconnectPoll(pg->conn);
    }

    if (polling == PGRES_POLLING_OK && PQsetnonblocking(pg->conn, 1) == 0) {
        (void) PQsetErrorVerbosity(pg->conn, PQERRORS_TERSE);
        return NGX_OK;
    }

    (void) ngx_soporte_postgres_refused(pg, err);
    ngx_soporte_postgres_drop(pg);

    return NGX_ERROR;
}


/* a server that went away while nobody asked shows at the socket */

static ngx_uint_t
ngx_soporte_postgres_alive(ngx_soporte_postgres_t *pg)
{
    ngx_uint_t     i;
    struct pollfd  pfd;

    /* first its last words, then the end of file */

    for (i = 0; i < 8; i++) {
        pfd.fd = PQsocket(pg->conn);
        pfd.events = POLLIN;
        pfd.revents = 0;

        if (poll(&pfd, 1, 0) <= 0) {
            break;
        }

        if (PQconsumeInput(pg->conn) == 0) {
            return 0;
        }
    }

    return PQstatus(pg->conn) == CONNECTION_OK;
}


ngx_int_t
ngx_soporte_postgres_connect(ngx_soporte_postgres_t *pg, ngx_msec_t timeout,
    ngx_soporte_postgres_err_t *err)
{
    uint64_t    now, deadline;
    ngx_uint_t  i, h, n;

    ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));

    if (pg->conn) {

        if (ngx_soporte_postgres_alive(pg)) {
            return NGX_OK;
        }

        ngx_soporte_postgres_drop(pg);
    }

    n = pg->conf->nhosts;
    deadline = ngx_soporte_postgres_now() + timeout;

    for (i = 0; i < n; i++) {
        h = (pg->host + i) % n;
        now = ngx_soporte_postgres_now();

        if (now >= deadline) {
            break;
        }

        ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));

        /* one that hangs leaves the others their share */

        if (ngx_soporte_postgres_attempt(pg, &pg->conf->hosts[h],
                                         now + (deadline - now) / (n - i), err)
            == NGX_OK)
        {
            pg->host = h;
            return NGX_OK;
        }

        if (err->code == NGX_SOPORTE_POSTGRES_STOPPED) {
            break;
        }
    }

    if (err->code == NGX_SOPORTE_POSTGRES_NO_ERROR) {
        (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY,
                                         "timed out");
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_soporte_postgres_lost(ngx_soporte_postgres_t *pg,
    ngx_soporte_postgres_err_t *err)
{
    (void) ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY, "%s",
                                     PQerrorMessage(pg->conn));
    ngx_soporte_postgres_drop(pg);

    return NGX_ERROR;
}


/*
 * An error that the server answered.  About values only names are said: the
 * message would quote them.
 */

static void
ngx_soporte_postgres_answered(const PGresult *res,
    ngx_soporte_postgres_err_t *err)
{
    const char                    *state, *constraint, *text;
    ngx_soporte_postgres_error_e   class;

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    state = state ? state : "";
    class = ngx_soporte_postgres_class(state);

    (void) snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", state);

    if (class == NGX_SOPORTE_POSTGRES_DATA) {
        constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

        (void) ngx_soporte_postgres_fail(err, class, "SQLSTATE %s%s%s", state,
                                         constraint ? " by " : "",
                                         constraint ? constraint : "");
        return;
    }

    text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    (void) ngx_soporte_postgres_fail(err, class, "%s%s%s", state,
                                     *state ? " " : "",
                                     text ? text : PQresultErrorMessage(res));
}


static ngx_int_t
ngx_soporte_postgres_send(ngx_soporte_postgres_t *pg, const char *sql,
    ngx_soporte_postgres_args_t *args, uint64_t deadline,
    ngx_soporte_postgres_err_t *err)
{
    int  rc, revents;

    if (PQsendQueryParams(pg->conn, sql, args->n, args->types, args->values,
                          args->lengths, args->formats, 0)
        == 0)
    {
        return ngx_soporte_postgres_lost(pg, err);
    }

    for ( ;; ) {
        rc = PQflush(pg->conn);

        if (rc == 0) {
            return NGX_OK;
        }

        if (rc == -1) {
            return ngx_soporte_postgres_lost(pg, err);
        }

        revents = ngx_soporte_postgres_wait(pg, POLLIN|POLLOUT, deadline, err);

        if (revents == 0) {
            ngx_soporte_postgres_drop(pg);
            return NGX_ERROR;
        }

        /* a server that answers early must not wait for us to read */

        if ((revents & POLLIN) && PQconsumeInput(pg->conn) == 0) {
            return ngx_soporte_postgres_lost(pg, err);
        }
    }
}


/* everything up to ReadyForQuery: the rows in *rows, or an error */

static ngx_int_t
ngx_soporte_postgres_receive(ngx_soporte_postgres_t *pg, uint64_t deadline,
    PGresult **rows, ngx_soporte_postgres_err_t *err)
{
    PGresult        *res;
    ExecStatusType   status;

    for ( ;; ) {

        while (PQisBusy(pg->conn)) {

            if (ngx_soporte_postgres_wait(pg, POLLIN, deadline, err) == 0) {
                ngx_soporte_postgres_drop(pg);
                return NGX_ERROR;
            }

            if (PQconsumeInput(pg->conn) == 0) {
                return ngx_soporte_postgres_lost(pg, err);
            }
        }

        res = PQgetResult(pg->conn);

        if (res == NULL) {
            break;
        }

        status = PQresultStatus(res);

        if (status == PGRES_TUPLES_OK && *rows == NULL) {
            *rows = res;
            continue;
        }

        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK
            && err->code == NGX_SOPORTE_POSTGRES_NO_ERROR)
        {
            ngx_soporte_postgres_answered(res, err);
        }

        PQclear(res);

        /* COPY and the like would give results for ever */

        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK
            && status != PGRES_FATAL_ERROR && status != PGRES_EMPTY_QUERY)
        {
            ngx_soporte_postgres_drop(pg);
            return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_STOP,
                                             "unexpected kind of result");
        }
    }

    if (PQstatus(pg->conn) != CONNECTION_OK) {

        if (err->code == NGX_SOPORTE_POSTGRES_NO_ERROR) {
            return ngx_soporte_postgres_lost(pg, err);
        }

        ngx_soporte_postgres_drop(pg);
    }

    return (err->code == NGX_SOPORTE_POSTGRES_NO_ERROR) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_soporte_postgres_rows(const PGresult *res, ngx_soporte_postgres_row_pt row,
    void *data, ngx_soporte_postgres_err_t *err)
{
    int        i, j, n, m;
    ngx_str_t  columns[NGX_SOPORTE_POSTGRES_COLUMNS];

    n = PQntuples(res);
    m = PQnfields(res);

    if (m > NGX_SOPORTE_POSTGRES_COLUMNS) {
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_STOP,
                                         "too many columns");
    }

    for (i = 0; i < n; i++) {

        for (j = 0; j < m; j++) {
            columns[j].len = PQgetlength(res, i, j);
            columns[j].data = PQgetisnull(res, i, j)
                              ? NULL : (u_char *) PQgetvalue(res, i, j);
        }

        if (row(data, i, columns, m) != NGX_OK) {
            return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_STOP,
                                             "unexpected answer");
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_postgres_run(ngx_soporte_postgres_t *pg, const char *sql,
    ngx_soporte_postgres_args_t *args, ngx_msec_t timeout,
    ngx_soporte_postgres_row_pt row, void *data,
    ngx_soporte_postgres_err_t *err)
{
    PGresult   *res;
    uint64_t    deadline;
    ngx_int_t   rc;

    ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));

    if (pg->conn == NULL) {
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_RETRY,
                                         "not connected");
    }

    res = NULL;
    deadline = ngx_soporte_postgres_now() + timeout;

    rc = ngx_soporte_postgres_send(pg, sql, args, deadline, err);

    if (rc == NGX_OK) {
        rc = ngx_soporte_postgres_receive(pg, deadline, &res, err);
    }

    if (rc == NGX_OK && res && row) {
        rc = ngx_soporte_postgres_rows(res, row, data, err);
    }

    /* a server that takes no writes any more: another host may be the one */

    if (rc != NGX_OK && pg->conn && strncmp(err->sqlstate, "25", 2) == 0) {
        ngx_soporte_postgres_drop(pg);
    }

    PQclear(res);

    return rc;
}


ngx_int_t
ngx_soporte_postgres_call(ngx_soporte_postgres_t *pg, const char *sql,
    const ngx_soporte_postgres_param_t *params, ngx_uint_t nparams,
    ngx_msec_t timeout, ngx_soporte_postgres_row_pt row, void *data,
    ngx_soporte_postgres_err_t *err)
{
    ngx_uint_t                   i;
    ngx_soporte_postgres_args_t  args;

    if (nparams > NGX_SOPORTE_POSTGRES_PARAMS) {
        ngx_memzero(err, sizeof(ngx_soporte_postgres_err_t));
        return ngx_soporte_postgres_fail(err, NGX_SOPORTE_POSTGRES_INVALID,
                                         "too many parameters");
    }

    /* the binary form carries a length: as text libpq would stop at a NUL */

    for (i = 0; i < nparams; i++) {
        args.types[i] = params[i].bytea ? NGX_SOPORTE_POSTGRES_BYTEA
                                        : NGX_SOPORTE_POSTGRES_TEXT;
        args.values[i] = (const char *) params[i].value.data;
        args.lengths[i] = (int) params[i].value.len;
        args.formats[i] = 1;
    }

    args.n = (int) nparams;

    return ngx_soporte_postgres_run(pg, sql, &args, timeout, row, data, err);
}


static ngx_int_t
ngx_soporte_postgres_copy(void *data, ngx_uint_t row, const ngx_str_t *columns,
    ngx_uint_t ncolumns)
{
    ngx_soporte_postgres_copy_t  *copy = data;

    if (row > 0 || ncolumns != 1) {
        return NGX_ERROR;
    }

    if (columns[0].data == NULL) {
        return NGX_OK;
    }

    copy->value->data = ngx_soporte_alloc(copy->mem, columns[0].len + 1);

    if (copy->value->data == NULL) {
        return NGX_ERROR;
    }

    copy->value->len = columns[0].len;
    ngx_memcpy(copy->value->data, columns[0].data, columns[0].len + 1);

    return NGX_OK;
}


ngx_int_t
ngx_soporte_postgres_value(ngx_soporte_postgres_t *pg, ngx_soporte_mem_t *mem,
    const char *sql, const ngx_soporte_postgres_param_t *params,
    ngx_uint_t nparams, ngx_msec_t timeout, ngx_str_t *value,
    ngx_soporte_postgres_err_t *err)
{
    ngx_soporte_postgres_copy_t  copy;

    copy.mem = mem;
    copy.value = value;

    ngx_str_null(value);

    return ngx_soporte_postgres_call(pg, sql, params, nparams, timeout,
                                     ngx_soporte_postgres_copy, &copy, err);
}
