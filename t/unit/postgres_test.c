
/*
 * Prevents: a ticket lost or told twice because an answer was believed before
 * the commit, one bad row that stops or buries the good ones, a thread that
 * hangs with a hung server.  Against a real server.
 */

#include "postgres.h"
#include "pg.h"

#include <pthread.h>


static test_pg_t                server;
static ngx_soporte_postgres_t  *pg;
static unsigned                 serial;


static void
sql(const char *text)
{
    char  *value;

    value = test_pg_sql(&server, "soporte", text);
    assert_non_null(value);
    free(value);
}


static long
number(const char *text)
{
    long   n;
    char  *value;

    value = test_pg_sql(&server, "soporte", text);
    assert_non_null(value);
    n = strtol(value, NULL, 10);
    free(value);

    return n;
}


static ngx_str_t
text(const char *fmt, ...)
{
    va_list    args;
    ngx_str_t  s;

    s.data = ngx_soporte_alloc(mem, 2048);

    va_start(args, fmt);
    s.len = vsnprintf((char *) s.data, 2048, fmt, args);
    va_end(args);
    assert_true(s.len < 2048);

    return s;
}


/* a ticket as the spool holds it; n is its id's last part */

static ngx_str_t
ticket(unsigned n, const char *filed_at, const char *subject, int hash)
{
    return text("{\"id\":\"0190a000-0000-7000-8000-%012x\",\"tenant\":\"acme\","
                "\"folio\":\"SOP-7K3M9-QX2T4\",\"subject\":\"%s\","
                "\"description\":\"no abre\",\"category\":\"ventas\","
                "\"out_of_scope\":false,\"urgent\":true,\"queue\":\"mesa\","
                "\"email\":\"a@example.mx\",\"name\":null,\"phone\":\"\","
                "\"verified\":false,\"user_id\":\"\",\"context\":{\"a\":[1]},"
                "\"filed_at\":\"%s\",\"reply_due\":null,\"node\":\"n1\","
                "\"lang\":\"es\",\"body_sha256\":\"%064x\"}",
                n, subject, filed_at, hash);
}


static ngx_soporte_postgres_row_t
row(ngx_str_t json)
{
    ngx_soporte_postgres_row_t  r;

    memset(&r, 0xff, sizeof(r));
    r.json = json;

    return r;
}


static ngx_soporte_postgres_row_t
good(void)
{
    return row(ticket(++serial, "2026-11-22T10:00:00-06:00", "ayuda", 7));
}


static pid_t
backend(ngx_soporte_postgres_t *h)
{
    ngx_str_t  value;

    if (ngx_soporte_postgres_value(h, mem, "SELECT pg_catalog.pg_backend_pid()",
                                   NULL, 0, TIMEOUT, &value, &err)
        != NGX_OK)
    {
        fail_msg("%s", err.text);
    }

    return atoi((char *) value.data);
}


static int
group_setup(void **state)
{
    (void) signal(SIGPIPE, SIG_IGN);

    return test_pg_start(&server, 0, NULL) == 0
           && test_pg_migrate(&server) == 0 ? 0 : -1;
}


static int
group_teardown(void **state)
{
    test_pg_stop(&server);

    return 0;
}


/* each test has a connection of nginx's role */

static int
setup(void **state)
{
    mem = test_mem(&memory);
    exiting = 0;
    memset(&err, 0, sizeof(err));

    pg = handle(conninfo("host=%s", server.dir));
    connected(pg);

    return 0;
}


static int
teardown(void **state)
{
    ngx_soporte_postgres_close(pg);
    test_mem_free(&memory);

    return 0;
}


static void *
raise_flag(void *data)
{
    (void) usleep(50000);
    exiting = 1;

    return NULL;
}


static void
test_file_isolation(void **state)
{
    ngx_uint_t                   i;
    ngx_soporte_postgres_row_t   rows[128];

    static const struct {
        ngx_uint_t               i;
        const char              *reason;
    } bad[] = {
        { 0,   "22P02" },        /* torn */
        { 17,  "22P05" },        /* \u0000 */
        { 31,  "22021" },        /* not UTF-8 */
        { 40,  "22P02" },        /* two in one */
        { 41,  "22021" },        /* NUL */
        { 60,  "22023" },        /* not an object */
        { 61,  "23514" },        /* no subject */
        { 62,  "22008" },        /* 13th month */
        { 90,  "conflict" },     /* the id of 89, other words */
        { 127, "22P02" }         /* empty */
    };

    for (i = 0; i < 128; i++) {
        rows[i] = good();
    }

    rows[0].json.len /= 2;
    rows[17].json = ticket(++serial, "2026-11-22", "a\\u0000b", 7);
    rows[31].json = ticket(++serial, "2026-11-22", "a\xc3(", 7);
    rows[40].json = text("%s,%s", rows[50].json.data, rows[51].json.data);
    rows[41].json = ticket(++serial, "2026-11-22", "a@b", 7);
    *strchr((char *) rows[41].json.data, '@') = '\0';
    rows[60].json = text("[17]");
    rows[61].json = ticket(++serial, "2026-11-22", "", 7);
    rows[62].json = ticket(++serial, "2026-13-22", "ayuda", 7);
    rows[89].json = ticket(++serial, "2026-11-22", "ayuda", 7);
    rows[90].json = ticket(serial, "2026-11-22", "otra cosa", 8);
    rows[91].json = rows[89].json;
    rows[127].json.len = 0;

    if (ngx_soporte_postgres_file_tickets(pg, rows, 128, TIMEOUT, &err)
        != NGX_OK)
    {
        fail_msg("%s", err.text);
    }

    for (i = 0; i < 128; i++) {

        if (rows[i].result == NGX_SOPORTE_POSTGRES_BAD) {
            continue;
        }

        assert_int_equal(rows[i].result, (i == 91) ? NGX_SOPORTE_POSTGRES_DUP
                                                   : NGX_SOPORTE_POSTGRES_NEW);
        assert_string_equal(rows[i].reason, "");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(rows[bad[i].i].result, NGX_SOPORTE_POSTGRES_BAD);
        assert_string_equal(rows[bad[i].i].reason, bad[i].reason);
    }

    assert_int_equal(number("SELECT count(*) FROM soporte.ticket"), 117);
    assert_int_equal(number("SELECT count(*) FROM soporte.ticket "
                            "WHERE subject <> 'ayuda' OR email IS NULL "
                            "OR phone IS NOT NULL OR NOT urgent"), 0);

    /* the same again: nothing is new, nothing is stored twice */

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, rows, 128, TIMEOUT,
                                                       &err), NGX_OK);

    for (i = 0; i < 128; i++) {
        if (rows[i].result != NGX_SOPORTE_POSTGRES_BAD) {
            assert_int_equal(rows[i].result, NGX_SOPORTE_POSTGRES_DUP);
        }
    }

    assert_int_equal(number("SELECT count(*) FROM soporte.ticket"), 117);
    assert_int_equal(number("SELECT count(*) FROM soporte.ticket_reject "
                            "WHERE reason = 'conflict'"), 1);
}


/* far more than a socket holds, answered while it is still being sent */

static void
test_file_large(void **state)
{
    char                        *words;
    ngx_uint_t                   i;
    ngx_soporte_postgres_row_t   rows[128];

    words = ngx_soporte_alloc(mem, 40001);
    memset(words, 'w', 40000);
    words[40000] = '\0';

    for (i = 0; i < 128; i++) {
        rows[i] = good();
        rows[i].json.data = ngx_soporte_alloc(mem, 42000);
        rows[i].json.len = snprintf((char *) rows[i].json.data, 42000,
            "{\"id\":\"0190a000-0000-7000-8000-%012x\",\"tenant\":\"acme\","
            "\"folio\":\"SOP-1\",\"subject\":\"s\",\"description\":\"%s\","
            "\"category\":\"c\",\"filed_at\":\"2026-11-22\",\"node\":\"n\","
            "\"body_sha256\":\"%064x\"}", serial, words, 1);
    }

    /* a poor one among them: the halves are large as well */

    rows[77].json.len--;

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, rows, 128, TIMEOUT,
                                                       &err), NGX_OK);

    for (i = 0; i < 128; i++) {
        assert_int_equal(rows[i].result,
                         (i == 77) ? NGX_SOPORTE_POSTGRES_BAD
                                   : NGX_SOPORTE_POSTGRES_NEW);
    }

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, rows, 0, TIMEOUT,
                                                       &err), NGX_OK);
}


static void
test_params_keep_their_length(void **state)
{
    size_t                        i;
    u_char                        bytes[1000];
    ngx_str_t                     value;
    ngx_soporte_postgres_param_t  params[2];

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (i * 7);
    }

    memset(params, 0, sizeof(params));
    params[0].value.data = bytes;
    params[0].value.len = sizeof(bytes);
    params[0].bytea = 1;

    assert_int_equal(ngx_soporte_postgres_value(pg, mem,
        "SELECT pg_catalog.octet_length($1) || ' ' || ($2::text IS NULL)",
        params, 2, TIMEOUT, &value, &err), NGX_OK);
    assert_string_equal(value.data, "1000 true");

    /* libpq would cut a text at its NUL and say nothing */

    ngx_str_set(&params[0].value, "mitad\0 perdida");
    params[0].bytea = 0;

    assert_int_equal(ngx_soporte_postgres_value(pg, mem, "SELECT $1", params,
                     1, TIMEOUT, &value, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_DATA);
    assert_string_equal(err.sqlstate, "22021");
    assert_null(strstr(err.text, "mitad"));

    /* no row, and a value that is NULL */

    assert_int_equal(ngx_soporte_postgres_value(pg, mem,
        "SELECT 1 WHERE false", NULL, 0, TIMEOUT, &value, &err), NGX_OK);
    assert_null(value.data);

    assert_int_equal(ngx_soporte_postgres_value(pg, mem,
        "SELECT soporte.ticket_view('acme', '0190a000-0000-7000-8000-"
        "ffffffffffff')", NULL, 0, TIMEOUT, &value, &err), NGX_OK);
    assert_null(value.data);
}


static void
test_attach(void **state)
{
    size_t                       i;
    uint64_t                     next;
    ngx_str_t                    json, content, part;
    ngx_soporte_postgres_row_t   r;

    r = good();
    json = r.json;
    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_OK);

    content.len = 3000000;
    content.data = ngx_soporte_alloc(mem, content.len);

    for (i = 0; i < content.len; i++) {
        content.data[i] = (u_char) i;
    }

    assert_int_equal(ngx_soporte_postgres_attach(pg, &json, "a1.bin", &content,
                                                 TIMEOUT, &err), NGX_OK);
    assert_int_equal(number("SELECT count(*) FROM soporte.attachment a, "
                            "LATERAL (SELECT string_agg(p.content, '' "
                            "ORDER BY p.at) AS content, count(*) AS n "
                            "FROM soporte.attachment_part p "
                            "WHERE (p.tenant, p.ticket, p.owner, p.name) "
                            "= (a.tenant, a.ticket, a.owner, a.name)) x "
                            "WHERE a.tenant = 'acme' AND a.name = 'a1.bin' "
                            "AND a.size = 3000000 AND a.stored = a.size "
                            "AND x.n = 12 AND octet_length(x.content) = a.size "
                            "AND get_byte(x.content, 2999999) = 2999999 % 256 "
                            "AND get_byte(x.content, 262144) = 0"), 1);

    /* a part of it tells where the whole goes on */

    part.data = content.data;
    part.len = 5;
    assert_int_equal(ngx_soporte_postgres_attach_part(pg, &json, "a1.bin",
                                                      content.len, 0, &part,
                                                      TIMEOUT, &next, &err),
                     NGX_OK);
    assert_int_equal(next, content.len);
    assert_int_equal(ngx_soporte_postgres_attach_part(pg, &json, "d4.bin", 9,
                                                      0, &part, TIMEOUT, &next,
                                                      &err), NGX_OK);
    assert_int_equal(next, 5);
    assert_int_equal(ngx_soporte_postgres_attach_part(pg, &json, "d4.bin", 8,
                                                      5, &part, TIMEOUT, &next,
                                                      &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_DATA);

    /* again, an empty one, and a message's */

    assert_int_equal(ngx_soporte_postgres_attach(pg, &json, "a1.bin", &content,
                                                 TIMEOUT, &err), NGX_OK);
    ngx_str_null(&content);
    assert_int_equal(ngx_soporte_postgres_attach(pg, &json, "b2.bin", &content,
                                                 TIMEOUT, &err), NGX_OK);

    json = text("{\"kind\":\"message\",\"tenant\":\"acme\","
                "\"id\":\"0190a000-0000-7000-8000-0000000000f1\","
                "\"ticket\":\"0190a000-0000-7000-8000-%012x\"}", serial);
    assert_int_equal(ngx_soporte_postgres_attach(pg, &json, "c3.bin", &content,
                                                 TIMEOUT, &err), NGX_OK);
    assert_int_equal(number("SELECT count(*) FROM soporte.attachment a "
                            "JOIN soporte.ticket t ON t.tenant = a.tenant "
                            "AND t.id = a.ticket"), 4);

    assert_int_equal(ngx_soporte_postgres_attach(pg, &json, "../x", &content,
                                                 TIMEOUT, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_DATA);
}


/* the server quotes values in its messages: they stay out of ours */

static void
test_errors_say_no_values(void **state)
{
    assert_int_equal(ngx_soporte_postgres_call(pg,
        "SELECT 'geheim'::pg_catalog.int4", NULL, 0, TIMEOUT, NULL, NULL,
        &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_DATA);
    assert_string_equal(err.sqlstate, "22P02");
    assert_no_secret();

    assert_int_equal(ngx_soporte_postgres_call(pg, "SELECT 1", NULL, 17,
                     TIMEOUT, NULL, NULL, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_INVALID);

    /* COPY has no end of its own */

    assert_int_equal(ngx_soporte_postgres_call(pg,
        "COPY (SELECT 1) TO STDOUT", NULL, 0, TIMEOUT, NULL, NULL, &err),
        NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_STOP);

    connected(pg);
    (void) backend(pg);
}


/* a hung backend: the deadline holds, and a later try tells what happened */

static void
test_stopped_backend(void **state)
{
    pid_t                        pid;
    uint64_t                     start;
    ngx_int_t                    rc;
    ngx_soporte_postgres_row_t   r;

    r = good();
    pid = backend(pg);
    assert_int_equal(kill(pid, SIGSTOP), 0);

    start = now_ms();
    rc = ngx_soporte_postgres_file_tickets(pg, &r, 1, 400, &err);

    assert_int_equal(kill(pid, SIGCONT), 0);

    assert_int_equal(rc, NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_int_equal(r.result, NGX_SOPORTE_POSTGRES_UNSENT);
    assert_in_range(now_ms() - start, 400, 700);

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_string_equal(err.text, "not connected");

    /* stored or not when it was let go on: once in the end */

    connected(pg);
    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_OK);
    assert_true(r.result == NGX_SOPORTE_POSTGRES_NEW
                || r.result == NGX_SOPORTE_POSTGRES_DUP);
}


/* a hung server accepts, since the kernel does, and then says nothing */

static void
test_stopped_postmaster(void **state)
{
    uint64_t                     start, ms;
    ngx_int_t                    rc;
    ngx_soporte_postgres_t      *h;

    h = handle(conninfo("host=%s", server.dir));

    assert_int_equal(kill(server.pid, SIGSTOP), 0);

    start = now_ms();
    rc = ngx_soporte_postgres_connect(h, 400, &err);
    ms = now_ms() - start;

    assert_int_equal(kill(server.pid, SIGCONT), 0);

    assert_int_equal(rc, NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_in_range(ms, 400, 700);

    connected(h);
    ngx_soporte_postgres_close(h);
}


static void
test_exit_flag(void **state)
{
    pid_t       pid;
    uint64_t    start, ms;
    ngx_int_t   rc;
    pthread_t   thread;

    pid = backend(pg);
    assert_int_equal(kill(pid, SIGSTOP), 0);

    start = now_ms();
    assert_int_equal(pthread_create(&thread, NULL, raise_flag, NULL), 0);

    rc = ngx_soporte_postgres_call(pg, "SELECT 1", NULL, 0, 10000, NULL, NULL,
                                   &err);
    ms = now_ms() - start;

    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(kill(pid, SIGCONT), 0);

    assert_int_equal(rc, NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_STOPPED);
    assert_in_range(ms, 50, 500);

    assert_int_equal(ngx_soporte_postgres_connect(pg, 10000, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_STOPPED);
}


static void
test_killed_backend(void **state)
{
    pid_t                        pid;
    ngx_soporte_postgres_row_t   r;

    /* while nobody looks: a connect() finds out and makes a new one */

    pid = backend(pg);
    assert_int_equal(number("SELECT pg_terminate_backend(pid, 5000)::int FROM "
                            "pg_stat_activity WHERE usename = 'soporte_nginx' "
                            "AND application_name = 'soporte'"), 1);
    connected(pg);
    assert_int_not_equal(backend(pg), pid);

    /* between two calls: the next one is told, and says to try again */

    r = good();
    sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE usename = 'soporte_nginx'");

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_int_equal(r.result, NGX_SOPORTE_POSTGRES_UNSENT);

    connected(pg);
    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_OK);
    assert_int_equal(r.result, NGX_SOPORTE_POSTGRES_NEW);
}


/* killed with the statement under way, so that its fate is not known */

static void
test_killed_server(void **state)
{
    pid_t                        pid;
    ngx_soporte_postgres_row_t   r;

    r = good();
    pid = backend(pg);

    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, 100, &err),
                     NGX_ERROR);

    /* the crash of one backend takes all the others with it */

    assert_int_equal(kill(pid, SIGKILL), 0);

    do {
        (void) usleep(20000);
    } while (ngx_soporte_postgres_connect(pg, TIMEOUT, &err) != NGX_OK
             && err.code == NGX_SOPORTE_POSTGRES_RETRY);

    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_NO_ERROR);
    assert_int_equal(test_pg_ready(&server), 0);
    connected(pg);
    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_OK);
    assert_int_equal(r.result, NGX_SOPORTE_POSTGRES_NEW);
}


/* rows come before the commit: they are worth nothing until it has happened */

static void
test_failed_commit(void **state)
{
    ngx_soporte_postgres_row_t  r;

    sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '58030'; END $$; "
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON soporte.ticket "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION public.refuse()");

    r = good();
    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_string_equal(err.sqlstate, "58030");
    assert_int_equal(r.result, NGX_SOPORTE_POSTGRES_UNSENT);

    sql("DROP TRIGGER refuse ON soporte.ticket; "
        "DROP FUNCTION public.refuse()");

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, &r, 1, TIMEOUT,
                                                       &err), NGX_OK);
    assert_int_equal(r.result, NGX_SOPORTE_POSTGRES_NEW);
}


/* what an operator has to mend must never look like a poisoned ticket */

static void
test_stop(void **state)
{
    ngx_uint_t                   i;
    ngx_soporte_postgres_row_t   rows[2];

    static const struct {
        const char              *before;
        const char              *after;
        const char              *sqlstate;
    } cases[] = {
        { "REVOKE EXECUTE ON FUNCTION soporte.file_tickets(jsonb) "
          "FROM soporte_nginx",
          "GRANT EXECUTE ON FUNCTION soporte.file_tickets(jsonb) "
          "TO soporte_nginx", "42501" },
        { "REVOKE USAGE ON SCHEMA soporte FROM soporte_nginx",
          "GRANT USAGE ON SCHEMA soporte TO soporte_nginx", "42501" },
        { "ALTER FUNCTION soporte.file_tickets(jsonb) RENAME TO was",
          "ALTER FUNCTION soporte.was(jsonb) RENAME TO file_tickets",
          "42883" },
        { "ALTER TABLE soporte.ticket RENAME TO was",
          "ALTER TABLE soporte.was RENAME TO ticket", "42P01" },
        { "ALTER TABLE soporte.ticket RENAME COLUMN queue TO was",
          "ALTER TABLE soporte.ticket RENAME COLUMN was TO queue", "42703" },
        { "ALTER SCHEMA soporte RENAME TO was",
          "ALTER SCHEMA was RENAME TO soporte", "3F000" },

        /* a function that answers for one row of two */

        { "ALTER FUNCTION soporte.file_tickets(jsonb) RENAME TO was; "
          "CREATE FUNCTION soporte.file_tickets(jsonb) "
          "RETURNS TABLE (ord int, res text) "
          "LANGUAGE sql AS $$ SELECT 1, 'new' $$",
          "DROP FUNCTION soporte.file_tickets(jsonb); "
          "ALTER FUNCTION soporte.was(jsonb) RENAME TO file_tickets", "" },
        { "ALTER FUNCTION soporte.file_tickets(jsonb) RENAME TO was; "
          "CREATE FUNCTION soporte.file_tickets(jsonb) "
          "RETURNS TABLE (ord int, res text) "
          "LANGUAGE sql AS $$ VALUES (1, 'new'), (3, 'new') $$",
          "DROP FUNCTION soporte.file_tickets(jsonb); "
          "ALTER FUNCTION soporte.was(jsonb) RENAME TO file_tickets", "" }
    };

    rows[0] = good();
    rows[1] = good();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sql(cases[i].before);

        assert_int_equal(ngx_soporte_postgres_file_tickets(pg, rows, 2,
                         TIMEOUT, &err), NGX_ERROR);

        sql(cases[i].after);

        assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_STOP);
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
        assert_int_equal(rows[0].result, NGX_SOPORTE_POSTGRES_UNSENT);
        assert_int_equal(rows[1].result, NGX_SOPORTE_POSTGRES_UNSENT);
    }

    assert_int_equal(ngx_soporte_postgres_file_tickets(pg, rows, 2, TIMEOUT,
                                                       &err), NGX_OK);
    assert_int_equal(rows[1].result, NGX_SOPORTE_POSTGRES_NEW);
}


/* the server's role may do this and no more */

static void
test_role(void **state)
{
    ngx_uint_t                     i;
    ngx_soporte_postgres_param_t   params[2];

    static const char  *forbidden[] = {
        "SELECT 1 FROM soporte.ticket",
        "INSERT INTO soporte.tenant (tenant) VALUES ('x')",
        "SELECT soporte.person_erase('a@example.mx', 'acme')",
        "SELECT soporte.file_one('{}')",
        "CREATE TABLE soporte.mine ()"
    };

    for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        assert_int_equal(ngx_soporte_postgres_call(pg, forbidden[i], NULL, 0,
                         TIMEOUT, NULL, NULL, &err), NGX_ERROR);
        assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_STOP);
        assert_string_equal(err.sqlstate, "42501");
    }

    /* its own limit of five seconds is the server's, and a reason to retry */

    memset(params, 0, sizeof(params));
    assert_int_equal(ngx_soporte_postgres_call(pg,
        "SET statement_timeout = 50", NULL, 0, TIMEOUT, NULL, NULL, &err),
        NGX_OK);
    assert_int_equal(ngx_soporte_postgres_call(pg,
        "SELECT pg_catalog.pg_sleep(3)", NULL, 0, TIMEOUT, NULL, NULL, &err),
        NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_string_equal(err.sqlstate, "57014");
    (void) backend(pg);
}


static void
test_connect_refused(void **state)
{
    ngx_soporte_postgres_t  *h;

    static const struct {
        const char                    *info;
        ngx_soporte_postgres_error_e   code;
        const char                    *sqlstate;
    } cases[] = {
        { "user=nobody_knows", NGX_SOPORTE_POSTGRES_STOP, "28000" },
        { "dbname=nowhere", NGX_SOPORTE_POSTGRES_STOP, "3D000" },
        { "options=-cwork_mem=x", NGX_SOPORTE_POSTGRES_STOP, "22023" },
        { "port=1", NGX_SOPORTE_POSTGRES_RETRY, "" },
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        h = handle(conninfo("host=%s password=geheim %s", server.dir,
                            cases[i].info));

        assert_int_equal(ngx_soporte_postgres_connect(h, TIMEOUT, &err),
                         NGX_ERROR);
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
        assert_int_equal(err.code, cases[i].code);
        assert_true(err.text[0] != '\0');
        assert_null(strchr(err.text, '\n'));
        assert_null(strstr(err.text, "LOCATION"));
        assert_no_secret();

        ngx_soporte_postgres_close(h);
    }
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

    const struct CMUnitTest  tests[] = {
        T(test_file_isolation),
        T(test_file_large),
        T(test_params_keep_their_length),
        T(test_attach),
        T(test_errors_say_no_values),
        T(test_stopped_backend),
        T(test_stopped_postmaster),
        T(test_exit_flag),
        T(test_killed_backend),
        T(test_killed_server),
        T(test_failed_commit),
        T(test_stop),
        T(test_role),
        T(test_connect_refused)
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
