
/*
 * Prevents: a typo in soporte_postgres that is found at night, a name looked
 * up while customers wait, a password that is open to others, in a message,
 * or not found because only root may read it.
 */

#include "postgres.h"

#include "ngx_soporte_postgres_client.h"


static char  dir[64];


static void
refused(const char *info, const char *words)
{
    assert_null(conninfo("%s", info));
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_INVALID);

    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.text);
    }

    assert_no_secret();
}


static const char *
param(ngx_soporte_postgres_conf_t *conf, const char *name)
{
    ngx_uint_t   i;
    const char  *value;

    for (i = 0, value = NULL; i < conf->nparams; i++) {
        if (strcmp(conf->keywords[i], name) == 0) {
            assert_null(value);
            value = conf->values[i];
        }
    }

    return value;
}


static int
setup(void **state)
{
    mem = test_mem(&memory);
    (void) strcpy(dir, "/tmp/soporte-conninfo-XXXXXX");

    return mkdtemp(dir) ? 0 : -1;
}


static int
teardown(void **state)
{
    char  path[128];

    test_mem_free(&memory);

    (void) snprintf(path, sizeof(path), "%s/pass", dir);
    (void) unlink(path);
    (void) snprintf(path, sizeof(path), "%s/services", dir);
    (void) unlink(path);

    return rmdir(dir);
}


static void
test_conninfo_defaults(void **state)
{
    ngx_soporte_postgres_conf_t  *conf;

    conf = conninfo("");
    accepted(conf);

    assert_int_equal(conf->nhosts, 1);
    assert_string_equal(conf->hosts[0].host, "/var/run/postgresql");
    assert_null(conf->hosts[0].hostaddr);
    assert_string_equal(conf->hosts[0].port, "5432");
    assert_null(conf->hosts[0].password);

    assert_string_equal(param(conf, "user"), "soporte_nginx");
    assert_string_equal(param(conf, "dbname"), "soporte");
    assert_string_equal(param(conf, "application_name"), "soporte");
    assert_string_equal(param(conf, "gssencmode"), "disable");
    assert_string_equal(param(conf, "client_encoding"), "UTF8");
    assert_string_equal(param(conf, "passfile"), "/dev/null/none");

    conf = conninfo("postgresql://ana:geheim@127.0.0.1:5433/db"
                    "?application_name=x&connect_timeout=9&gssencmode=prefer");
    accepted(conf);

    assert_string_equal(conf->hosts[0].host, "127.0.0.1");
    assert_string_equal(conf->hosts[0].port, "5433");
    assert_string_equal(conf->hosts[0].password, "geheim");
    assert_string_equal(param(conf, "user"), "ana");
    assert_string_equal(param(conf, "dbname"), "db");
    assert_string_equal(param(conf, "application_name"), "x");
    assert_string_equal(param(conf, "gssencmode"), "disable");
    assert_null(param(conf, "connect_timeout"));
    assert_null(param(conf, "password"));
}


static void
test_conninfo_hosts(void **state)
{
    ngx_uint_t                    i;
    ngx_soporte_postgres_conf_t  *conf;

    conf = conninfo("host=db1,/run/x,db3 hostaddr=192.0.2.1,,2001:db8::3 "
                    "port=1,2,3 target_session_attrs=read-write");
    accepted(conf);

    assert_int_equal(conf->nhosts, 3);
    assert_string_equal(conf->hosts[0].host, "db1");
    assert_string_equal(conf->hosts[0].hostaddr, "192.0.2.1");
    assert_string_equal(conf->hosts[1].host, "/run/x");
    assert_null(conf->hosts[1].hostaddr);
    assert_string_equal(conf->hosts[1].port, "2");
    assert_string_equal(conf->hosts[2].hostaddr, "2001:db8::3");
    assert_string_equal(conf->hosts[2].port, "3");
    assert_string_equal(param(conf, "target_session_attrs"), "read-write");
    assert_null(param(conf, "host"));

    /* a name becomes numbers, and stays beside them for TLS */

    conf = conninfo("host=localhost port=7");
    accepted(conf);
    assert_true(conf->nhosts >= 1);

    for (i = 0; i < conf->nhosts; i++) {
        assert_string_equal(conf->hosts[i].host, "localhost");
        assert_string_equal(conf->hosts[i].port, "7");
        assert_true(strcmp(conf->hosts[i].hostaddr, "127.0.0.1") == 0
                    || strcmp(conf->hosts[i].hostaddr, "::1") == 0);
    }

    refused("host=a,b hostaddr=192.0.2.1", "do not match");
    refused("host=/a,/b port=1,2,3", "do not match");
    refused("host=no-such-name.invalid password=geheim", "no-such-name");
    refused("host=/1,/2,/3,/4,/5,/6,/7,/8,/9,/10,/11,/12,/13,/14,/15,/16,/17",
            "too many");
}


static void
test_conninfo_warning(void **state)
{
    ngx_uint_t  i;

    static const char  *quiet[] = {
        "host=/tmp", "host=127.0.0.1", "hostaddr=::1",
        "host=db hostaddr=192.0.2.1 sslmode=verify-full",
        "host=db hostaddr=192.0.2.1 sslmode=verify-ca"
    };

    static const char  *loud[] = {
        "host=db hostaddr=192.0.2.1",
        "host=db hostaddr=192.0.2.1 sslmode=require password=geheim",
        "host=/tmp,db hostaddr=,2001:db8::1 sslmode=disable"
    };

    for (i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        accepted(conninfo("%s", quiet[i]));
        assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_NO_ERROR);
        assert_string_equal(err.text, "");
    }

    for (i = 0; i < sizeof(loud) / sizeof(loud[0]); i++) {
        accepted(conninfo("%s", loud[i]));
        assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_NO_ERROR);
        assert_string_equal(err.text, "host \"db\" is reached without "
                                      "sslmode=verify-full");
    }
}


static void
test_conninfo_syntax(void **state)
{
    refused("host", "missing \"=\" after \"host\"");
    refused("hots=x", "invalid connection option \"hots\"");

    /* what libpq quotes may be the password */

    refused("user=a password=mi geheim", "missing \"...\" in");
    refused("password=x geheim=y", "invalid connection option");
    refused("password='geheim", "unterminated");
    refused("postgresql://a:geheim@[::1", "\"...\"");
    refused("postgresql://a:geheim@h?hots=geheim", "\"...\"");
}


static void
test_conninfo_passfile(void **state)
{
    char                          path[128], info[512];
    ngx_soporte_postgres_conf_t  *conf;

    (void) snprintf(path, sizeof(path), "%s/pass", dir);
    (void) snprintf(info, sizeof(info), "passfile=%s", path);

    (void) unlink(path);
    refused(info, "No such file");

    file(dir, "pass", 0604, "*:*:*:*:geheim\n");
    refused(info, "open to others");

    file(dir, "pass", 0640, "*:*:*:*:geheim\n");
    refused(info, "open to others");

    (void) snprintf(info, sizeof(info), "passfile=%s", dir);
    refused(info, "is not a file");

    /* the first line that matches, with its escapes */

    file(dir, "pass", 0600,
         "# comment\n"
         "db1:5432:soporte:soporte_nginx\n"
         "db\\1:5432:soporte:ana:wrong\n"
         "db1:5433:*:*:wrong\n"
         "db1:*:soporte:soporte_nginx:ge\\:he\\\\im\n"
         "localhost:5432:*:*:socket\n"
         "*:*:*:*:last\n");

    conf = conninfo("host=db1,db2,/var/run/postgresql,/tmp "
                    "hostaddr=192.0.2.1,192.0.2.2,, passfile=%s", path);
    accepted(conf);

    assert_string_equal(conf->hosts[0].password, "ge:he\\im");
    assert_string_equal(conf->hosts[1].password, "last");
    assert_string_equal(conf->hosts[2].password, "socket");
    assert_string_equal(conf->hosts[3].password, "last");
    assert_string_equal(param(conf, "passfile"), "/dev/null/none");

    file(dir, "pass", 0600, "db9:*:*:*:wrong\n");
    conf = conninfo("host=/tmp passfile=%s", path);
    accepted(conf);
    assert_null(conf->hosts[0].password);
}


static void
test_conninfo_service(void **state)
{
    char                          path[128];
    ngx_soporte_postgres_conf_t  *conf;

    (void) snprintf(path, sizeof(path), "%s/services", dir);
    assert_int_equal(setenv("PGSERVICEFILE", path, 1), 0);
    assert_int_equal(setenv("PGSYSCONFDIR", "/nonexistent", 1), 0);

    refused("service=soporte", "is not defined");

    file(dir, "services", 0640,
         "[soporte2]\nhost=/wrong\n"
         "# comment\n\n"
         "[soporte]\n  host=/right  \nuser=ana\n"
         "password=geheim\nport=6432\n"
         "[last]\nuser=wrong\n"
         "[bad]\nhots=geheim\n[worse]\nno sign\n");

    conf = conninfo("service=soporte user=eva");
    accepted(conf);

    assert_string_equal(conf->hosts[0].host, "/right");
    assert_string_equal(conf->hosts[0].port, "6432");
    assert_string_equal(conf->hosts[0].password, "geheim");
    assert_string_equal(param(conf, "user"), "eva");
    assert_null(param(conf, "service"));

    refused("service=none", "is not defined");
    refused("service=bad", "invalid line");
    refused("service=worse", "invalid line");

    /* everybody may read it: only if it keeps no secret */

    assert_int_equal(chmod(path, 0644), 0);
    refused("service=soporte", "open to others");
    accepted(conninfo("service=last"));

    assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
    assert_int_equal(unsetenv("PGSYSCONFDIR"), 0);
}


static void
test_backoff(void **state)
{
    static const ngx_msec_t  whole[] = {
        0, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000
    };

    uint32_t    r;
    ngx_msec_t  ms;
    ngx_uint_t  i, j;

    for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {

        for (j = 0, r = 0; j < 1000; j++, r = r * 1664525 + 1013904223) {
            ms = ngx_soporte_postgres_backoff(i, r);
            assert_in_range(ms, whole[i] / 2, whole[i]);
        }

        assert_int_equal(ngx_soporte_postgres_backoff(i, 0), whole[i] / 2);
        assert_int_equal(ngx_soporte_postgres_backoff(i, whole[i] / 2),
                         whole[i]);
    }

    assert_in_range(ngx_soporte_postgres_backoff((ngx_uint_t) -1, 0xffffffff),
                    15000, 30000);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

    const struct CMUnitTest  tests[] = {
        T(test_conninfo_defaults),
        T(test_conninfo_hosts),
        T(test_conninfo_warning),
        T(test_conninfo_syntax),
        T(test_conninfo_passfile),
        T(test_conninfo_service),
        T(test_backoff)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
