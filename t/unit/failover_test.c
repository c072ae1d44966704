
/*
 * Prevents: a standby that takes no tickets while the primary would, a host
 * that hangs and keeps the others from being asked, TLS to the wrong server.
 * Against two real servers; one has TLS, and only reads.
 */

#include "postgres.h"
#include "pg.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/un.h>


static test_pg_t  server, other;


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


/* a certificate of its own for localhost, below the first server */

static int
certificate(void)
{
    int              rc;
    char             path[128];
    FILE            *f;
    X509            *x;
    EVP_PKEY        *pkey;
    X509_NAME       *name;
    X509_EXTENSION  *san;

    pkey = EVP_EC_gen("P-256");
    x = X509_new();
    (void) X509_set_version(x, 2);
    (void) ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    (void) X509_gmtime_adj(X509_getm_notBefore(x), -86400);
    (void) X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    (void) X509_set_pubkey(x, pkey);
    name = X509_get_subject_name(x);
    (void) X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (u_char *) "localhost", -1, -1, 0);
    (void) X509_set_issuer_name(x, name);
    san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                              "DNS:localhost");
    (void) X509_add_ext(x, san, -1);
    X509_EXTENSION_free(san);

    rc = X509_sign(x, pkey, EVP_sha256()) ? 0 : -1;

    (void) snprintf(path, sizeof(path), "%s/cert.pem", server.dir);
    f = fopen(path, "w");
    (void) PEM_write_X509(f, x);
    (void) fclose(f);

    (void) snprintf(path, sizeof(path), "%s/key.pem", server.dir);
    f = fopen(path, "w");
    (void) PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
    (void) fclose(f);

    X509_free(x);
    EVP_PKEY_free(pkey);

    if (chmod(path, 0600) == -1 || chown(path, server.uid, server.gid) == -1) {
        return -1;
    }

    return rc;
}


static int
group_setup(void **state)
{
    char  *value, cert[128], key[128], hba[128];
    char  *options[] = {
        cert, key, hba, "-cssl=on", "-cdefault_transaction_read_only=on", NULL
    };

    (void) signal(SIGPIPE, SIG_IGN);

    if (test_pg_start(&server, 0, NULL) != 0
        || certificate() != 0)
    {
        return -1;
    }

    file(server.dir, "hba.conf", 0644,
         "local   all all trust\n"
         "hostssl all locked 127.0.0.1/32 scram-sha-256\n"
         "hostssl all all    127.0.0.1/32 trust\n");

    (void) snprintf(cert, sizeof(cert), "-cssl_cert_file=%s/cert.pem",
                    server.dir);
    (void) snprintf(key, sizeof(key), "-cssl_key_file=%s/key.pem", server.dir);
    (void) snprintf(hba, sizeof(hba), "-chba_file=%s/hba.conf", server.dir);

    /* somebody may take the port that was free just now */

    if (test_pg_start(&other, test_pg_port(), options) != 0
        && test_pg_start(&other, test_pg_port(), options) != 0)
    {
        return -1;
    }

    value = test_pg_sql(&other, "postgres", "BEGIN READ WRITE; "
                        "CREATE ROLE locked LOGIN PASSWORD 's3cr3t:\\x'; "
                        "COMMIT");
    free(value);

    return value ? 0 : -1;
}


static int
group_teardown(void **state)
{
    test_pg_stop(&other);
    test_pg_stop(&server);

    return 0;
}


static int
setup(void **state)
{
    mem = test_mem(&memory);
    memset(&err, 0, sizeof(err));

    return 0;
}


static int
teardown(void **state)
{
    test_mem_free(&memory);

    return 0;
}


static void
test_tls(void **state)
{
    ngx_str_t                value;
    ngx_soporte_postgres_t  *h;

    static const char  query[] =
        "SELECT ssl || ' ' || current_user FROM pg_catalog.pg_stat_ssl "
        "WHERE pid = pg_catalog.pg_backend_pid()";

    h = handle(conninfo("host=localhost hostaddr=127.0.0.1 port=%d "
                        "user=postgres dbname=postgres sslmode=verify-full "
                        "sslrootcert=%s/cert.pem", other.port, server.dir));
    connected(h);
    assert_int_equal(ngx_soporte_postgres_value(h, mem, query, NULL, 0,
                     TIMEOUT, &value, &err), NGX_OK);
    assert_string_equal(value.data, "true postgres");
    ngx_soporte_postgres_close(h);

    /* another name than the certificate's */

    h = handle(conninfo("host=db.example hostaddr=127.0.0.1 port=%d "
                        "user=postgres dbname=postgres sslmode=verify-full "
                        "sslrootcert=%s/cert.pem", other.port, server.dir));
    assert_int_equal(ngx_soporte_postgres_connect(h, TIMEOUT, &err),
                     NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_RETRY);
    assert_non_null(strstr(err.text, "does not match"));
    ngx_soporte_postgres_close(h);
}


static void
test_password(void **state)
{
    ngx_soporte_postgres_t  *h;

    file(server.dir, "pass", 0600,
         "localhost:*:*:locked:s3cr3t\\:\\\\x\n"
         "*:*:*:locked:geheim\n");

    h = handle(conninfo("host=localhost hostaddr=127.0.0.1 port=%d "
                        "user=locked dbname=postgres passfile=%s/pass",
                        other.port, server.dir));
    connected(h);
    ngx_soporte_postgres_close(h);

    h = handle(conninfo("host=127.0.0.1 port=%d user=locked dbname=postgres "
                        "passfile=%s/pass", other.port, server.dir));
    assert_int_equal(ngx_soporte_postgres_connect(h, TIMEOUT, &err),
                     NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_POSTGRES_STOP);
    assert_string_equal(err.sqlstate, "28P01");
    assert_no_secret();
    ngx_soporte_postgres_close(h);
}


/* the first is away, the second only reads, the third hangs, the last is it */

static void
test_failover(void **state)
{
    int                      fd;
    ngx_str_t                value;
    uint64_t                 start;
    struct sockaddr_un       sun;
    ngx_soporte_postgres_t  *h;

    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/.s.PGSQL.3",
                    server.dir);
    assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
    assert_int_equal(listen(fd, 1), 0);

    h = handle(conninfo("host=%s,%s,%s,%s port=1,%d,3,5432 user=postgres "
                        "dbname=postgres target_session_attrs=read-write",
                        server.dir, other.dir, server.dir, server.dir,
                        other.port));

    start = now_ms();

    if (ngx_soporte_postgres_connect(h, 1000, &err) != NGX_OK) {
        fail_msg("%s", err.text);
    }

    assert_in_range(now_ms() - start, 300, 900);
    assert_int_equal(ngx_soporte_postgres_value(h, mem, "SHOW port", NULL, 0,
                     TIMEOUT, &value, &err), NGX_OK);
    assert_string_equal(value.data, "5432");

    /* the next time it begins with the one that answered */

    assert_int_equal(kill(backend(h), SIGTERM), 0);
    assert_int_equal(ngx_soporte_postgres_call(h, "SELECT 1", NULL, 0, TIMEOUT,
                                               NULL, NULL, &err), NGX_ERROR);
    start = now_ms();
    connected(h);
    assert_in_range(now_ms() - start, 0, 250);

    ngx_soporte_postgres_close(h);
    (void) close(fd);
    (void) unlink(sun.sun_path);
}


/* a connect and a close leave no descriptor and, under ASan, no memory */

static void
test_leaves_nothing(void **state)
{
    int                      before, after;
    ngx_uint_t               i;
    ngx_soporte_postgres_t  *h;

    before = dup(0);
    assert_int_equal(close(before), 0);

    for (i = 0; i < 30; i++) {
        h = handle(conninfo("host=%s,%s port=%d,5432", other.dir, server.dir,
                            (i & 1) ? other.port : 1));

        if (ngx_soporte_postgres_connect(h, TIMEOUT, &err) == NGX_OK) {
            (void) backend(h);
        }

        ngx_soporte_postgres_close(h);
    }

    after = dup(0);
    assert_int_equal(close(after), 0);
    assert_int_equal(before, after);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

    const struct CMUnitTest  tests[] = {
        T(test_tls),
        T(test_password),
        T(test_failover),
        T(test_leaves_nothing)
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
