
/*
 * Prevents: a half-written or readable key, two workers with two keys, a
 * token that opens another tenant's or another ticket, a forged form taken
 * for an expired one.
 */

#include "test.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ngx_soporte_secret.h"


#define NOW  1795000000

static ngx_str_t  acme = ngx_string("acme");
static ngx_str_t  beta = ngx_string("beta");

static char  dir[64];
static char  error[256];


static void
in_dir(char *path, const char *name)
{
    snprintf(path, 128, "%s/%s", dir, name);
}


static int
setup(void **state)
{
    strcpy(dir, "/tmp/soporte-secret-XXXXXX");

    return mkdtemp(dir) == NULL;
}


/* the directory's files, removed on the way if asked */

static ngx_uint_t
files(ngx_uint_t remove)
{
    DIR            *d;
    char            path[512];
    ngx_uint_t      n;
    struct dirent  *e;

    n = 0;
    d = opendir(dir);

    while ((e = readdir(d)) != NULL) {

        if (e->d_name[0] == '.') {
            continue;
        }

        n++;

        if (remove) {
            snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
            unlink(path);
        }
    }

    closedir(d);

    return n;
}


static int
teardown(void **state)
{
    files(1);

    return rmdir(dir);
}


static void
put(const char *name, size_t len, mode_t mode)
{
    int   fd;
    char  path[128], bytes[64];

    memset(bytes, 'k', sizeof(bytes));
    in_dir(path, name);
    fd = open(path, O_WRONLY|O_CREAT|O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}


static void
key_is_made_once(void **state)
{
    char                  path[128];
    mode_t                mask;
    struct stat           st;
    ngx_soporte_secret_t  a, b;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));

    mask = umask(0777);
    assert_int_equal(ngx_soporte_secret_load(&a, dir, error, 256), NGX_OK);
    umask(mask);

    in_dir(path, "key");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(files(0), 1);

    assert_int_equal(ngx_soporte_secret_load(&b, dir, error, 256), NGX_OK);
    assert_memory_equal(a.key, b.key, 32);

    unlink(path);
    assert_int_equal(ngx_soporte_secret_load(&b, dir, error, 256), NGX_OK);
    assert_memory_not_equal(a.key, b.key, 32);
}


/* many processes that start together agree on one key */

static void
key_of_many_starters(void **state)
{
    int                   status, go[2], out[2];
    char                  ch;
    pid_t                 pid[16];
    u_char                key[32], first[32];
    ngx_uint_t            i;
    ngx_soporte_secret_t  s;

    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(out), 0);

    for (i = 0; i < 16; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            close(go[1]);

            if (read(go[0], &ch, 1) == 0
                && ngx_soporte_secret_load(&s, dir, error, 256) == NGX_OK
                && write(out[1], s.key, 32) == 32)
            {
                _exit(0);
            }

            _exit(1);
        }

        assert_true(pid[i] > 0);
    }

    close(go[0]);
    close(go[1]);

    for (i = 0; i < 16; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
        assert_int_equal(read(out[0], key, 32), 32);

        if (i == 0) {
            memcpy(first, key, 32);
        }

        assert_memory_equal(key, first, 32);
    }

    close(out[0]);
    close(out[1]);

    assert_int_equal(files(0), 1);
}


static void
key_file_refused(void **state)
{
    char                  path[128], other[128];
    ngx_uint_t            i;
    ngx_soporte_secret_t  s;

    static const struct {
        size_t       len;
        mode_t       mode;
        const char  *why;
    } bad[] = {
        { 0, 0600, "0 bytes" },
        { 31, 0600, "31 bytes" },
        { 33, 0600, "33 bytes" },
        { 32, 0604, "mode 0604" },
        { 32, 0640, "mode 0640" },
        { 32, 0601, "mode 0601" }
    };

    in_dir(path, "key");
    in_dir(other, "other");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put("key", bad[i].len, bad[i].mode);
        assert_int_equal(ngx_soporte_secret_load(&s, dir, error, 256),
                         NGX_ERROR);
        assert_non_null(strstr(error, bad[i].why));
        assert_null(strstr(error, "kkk"));
        unlink(path);
    }

    put("other", 32, 0600);
    assert_int_equal(symlink("other", path), 0);
    assert_int_equal(ngx_soporte_secret_load(&s, dir, error, 256), NGX_ERROR);
    unlink(path);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ngx_soporte_secret_load(&s, dir, error, 256), NGX_ERROR);
    assert_non_null(strstr(error, "no regular file"));
    unlink(path);

    if (geteuid() == 0) {
        put("key", 32, 0600);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(ngx_soporte_secret_load(&s, dir, error, 256),
                         NGX_ERROR);
        assert_non_null(strstr(error, "another user, id 65534"));
        unlink(path);
    }

    put("key", 32, 0400);
    assert_int_equal(ngx_soporte_secret_load(&s, dir, error, 256), NGX_OK);
    assert_int_equal(s.key[31], 'k');
}


static void
key_directory_refused(void **state)
{
    char                  path[128], small[8];
    ngx_soporte_secret_t  s;

    in_dir(path, "absent");
    assert_int_equal(ngx_soporte_secret_load(&s, path, error, 256),
                     NGX_ERROR);
    assert_non_null(strstr(error, "No such file"));

    put("file", 1, 0600);
    in_dir(path, "file");
    assert_int_equal(ngx_soporte_secret_load(&s, path, error, 256),
                     NGX_ERROR);

    assert_int_equal(ngx_soporte_secret_load(&s, path, small, 8), NGX_ERROR);
    assert_int_equal(strlen(small), 7);
}


static void
bytes(u_char *dst, const char *hex, size_t len)
{
    size_t    i;
    unsigned  n;

    for (i = 0; i < len; i++) {
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &n), 1);
        dst[i] = (u_char) n;
    }
}


/* RFC 4231, cases 1 to 4: a shorter key is the same with zeros behind it */

static void
hmac_known(void **state)
{
    u_char                data[64], want[32], got[32];
    ngx_uint_t            i;
    ngx_soporte_secret_t  s;

    static const struct {
        const char  *key;
        const char  *data;
        const char  *mac;
    } known[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
          "4869205468657265",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { "4a656665",
          "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "dddddddddddddddddddddddddddddddddddddddddddddddddd"
          "dddddddddddddddddddddddddddddddddddddddddddddddddd",
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        { "0102030405060708090a0b0c0d0e0f10111213141516171819",
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
          "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" }
    };

    for (i = 0; i < 4; i++) {
        memset(&s, 0, sizeof(s));
        bytes(s.key, known[i].key, strlen(known[i].key) / 2);
        bytes(data, known[i].data, strlen(known[i].data) / 2);
        bytes(want, known[i].mac, 32);

        assert_int_equal(ngx_soporte_secret_hmac(&s, data,
                                                 strlen(known[i].data) / 2,
                                                 got),
                         NGX_OK);
        assert_memory_equal(got, want, 32);
    }
}


static void
sha256_known(void **state)
{
    size_t                cut;
    u_char                want[32], got[32];
    const char           *text = "abcdbcdecdefdefgefghfghighijhijk"
                                 "ijkljklmklmnlmnomnopnopq";
    ngx_soporte_digest_t  d;

    bytes(want, "248d6a61d20638b8e5c026930c3e6039"
                "a33ce45964ff2167f6ecedd419db06c1", 32);

    ngx_soporte_secret_sha256(got, (const u_char *) text, 56);
    assert_memory_equal(got, want, 32);

    for (cut = 0; cut <= 56; cut++) {
        assert_int_equal(ngx_soporte_digest_init(&d), NGX_OK);
        ngx_soporte_out(&d.out, text, cut);
        ngx_soporte_out(&d.out, text + cut, 56 - cut);
        memset(got, 0, 32);
        assert_int_equal(ngx_soporte_digest_final(&d, got), NGX_OK);
        assert_memory_equal(got, want, 32);
    }

    assert_int_equal(ngx_soporte_digest_init(&d), NGX_OK);
    d.out.failed = 1;
    assert_int_equal(ngx_soporte_digest_final(&d, got), NGX_ERROR);
}


static void
random_and_equal(void **state)
{
    u_char  a[64], b[64];

    memset(a, 0, 64);
    memset(b, 0, 64);

    assert_true(ngx_soporte_secret_equal(a, b, 64));
    b[63] = 1;
    assert_false(ngx_soporte_secret_equal(a, b, 64));
    assert_true(ngx_soporte_secret_equal(a, b, 63));

    assert_int_equal(ngx_soporte_secret_random(a, 64), NGX_OK);
    assert_int_equal(ngx_soporte_secret_random(b, 64), NGX_OK);
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a + 32, b + 32, 32);
    assert_memory_not_equal(a, a + 32, 32);
}


static void
id_of_an_idempotency_key(void **state)
{
    u_char                a[16], b[16], long_key[600];
    ngx_str_t             key = ngx_string("6f1c"), joined;
    ngx_soporte_secret_t  s, t;

    memset(&s, 1, sizeof(s));
    memset(&t, 2, sizeof(t));

    assert_int_equal(ngx_soporte_secret_id(&s, &acme, &key, a), NGX_OK);
    assert_int_equal(a[6] & 0xf0, 0x80);
    assert_int_equal(a[8] & 0xc0, 0x80);

    ngx_soporte_secret_id(&s, &acme, &key, b);
    assert_memory_equal(a, b, 16);

    ngx_soporte_secret_id(&s, &beta, &key, b);
    assert_memory_not_equal(a, b, 16);

    ngx_soporte_secret_id(&t, &acme, &key, b);
    assert_memory_not_equal(a, b, 16);

    key.len = 3;
    ngx_soporte_secret_id(&s, &acme, &key, b);
    assert_memory_not_equal(a, b, 16);

    memset(long_key, 'x', sizeof(long_key));
    joined.data = long_key;
    joined.len = 255;
    assert_int_equal(ngx_soporte_secret_id(&s, &acme, &joined, b), NGX_OK);
    joined.len = sizeof(long_key);
    assert_int_equal(ngx_soporte_secret_id(&s, &acme, &joined, b), NGX_ERROR);
}


static void
tracking_token(void **state)
{
    int                   bit;
    u_char                id[16], other[16], got[16], token[43], folio[15];
    u_char                wrong[15];
    ngx_str_t             t, f, empty = ngx_null_string;
    ngx_uint_t            i;
    ngx_soporte_secret_t  s, k;

    memset(&s, 1, sizeof(s));
    memset(&k, 2, sizeof(k));

    ngx_soporte_uuid_v7(id, 1795000000000ULL, (u_char *) "0123456789");
    ngx_soporte_uuid_v7(other, 1795000000000ULL, (u_char *) "012345678X");

    t.data = token;
    t.len = 43;
    f.data = folio;
    f.len = 15;

    assert_int_equal(ngx_soporte_secret_track(&s, &acme, id, token), NGX_OK);
    ngx_soporte_folio_format(folio, id);

    memset(got, 0, 16);
    assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &f, &t, got),
                     NGX_OK);
    assert_memory_equal(got, id, 16);

    memset(got, 0, 16);

    /* another tenant, another key, another folio, no token */

    assert_int_equal(ngx_soporte_secret_track_verify(&s, &beta, &f, &t, got),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_secret_track_verify(&k, &acme, &f, &t, got),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &f, &empty,
                                                     got),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &empty, &t,
                                                     got),
                     NGX_DECLINED);

    ngx_soporte_folio_format(wrong, other);
    f.data = wrong;
    assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &f, &t, got),
                     NGX_DECLINED);
    f.data = folio;

    for (i = 0; i < 43; i++) {
        for (bit = 0; bit < 8; bit++) {
            token[i] ^= 1 << bit;
            assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &f,
                                                             &t, got),
                             NGX_DECLINED);
            token[i] ^= 1 << bit;
        }
    }

    for (t.len = 0; t.len < 43; t.len++) {
        assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &f, &t,
                                                         got),
                         NGX_DECLINED);
    }

    for (i = 0; i < 16; i++) {
        assert_int_equal(got[i], 0);
    }

    /* written by hand */

    memcpy(wrong, folio + 4, 11);
    f.data = wrong;
    f.len = 11;
    assert_int_equal(ngx_soporte_secret_track_verify(&s, &acme, &f, &t, got),
                     NGX_OK);
}


/* the message under the HMAC is as the header says, no other's */

static void
tracking_token_by_hand(void **state)
{
    u_char                id[16], token[43], raw[32], mac[32], msg[28];
    ngx_str_t             t;
    ngx_soporte_secret_t  s;

    memset(&s, 7, sizeof(s));
    memset(id, 9, 16);

    ngx_soporte_secret_track(&s, &acme, id, token);
    t.data = token;
    t.len = 43;
    assert_int_equal(ngx_soporte_base64url_decode(raw, 32, &t), NGX_OK);

    memcpy(msg, "ticket\0acme\0", 12);
    memcpy(msg + 12, id, 16);
    ngx_soporte_secret_hmac(&s, msg, 28, mac);

    assert_memory_equal(raw, id, 16);
    assert_memory_equal(raw + 16, mac, 16);
}


static void
form_token(void **state)
{
    int                   bit;
    time_t                expires;
    u_char                token[32], nonce[22], other[22];
    ngx_str_t             t, n, o;
    ngx_uint_t            i;
    ngx_soporte_secret_t  s, k;

    memset(&s, 1, sizeof(s));
    memset(&k, 2, sizeof(k));

    assert_int_equal(ngx_soporte_secret_nonce(nonce), NGX_OK);
    assert_int_equal(ngx_soporte_secret_nonce(other), NGX_OK);
    assert_memory_not_equal(nonce, other, 22);

    t.data = token;
    t.len = 32;
    n.data = nonce;
    n.len = 22;
    o.data = other;
    o.len = 22;

    assert_true(ngx_soporte_secret_nonce_valid(&n));
    assert_int_equal(ngx_soporte_secret_form(&s, &acme, &n, NOW, token),
                     NGX_OK);

    expires = 0;
    assert_int_equal(ngx_soporte_secret_form_verify(&s, &acme, &n, &t,
                                                    NOW - 1, &expires),
                     NGX_SOPORTE_TOKEN_VALID);
    assert_int_equal(expires, NOW);

    expires = 0;
    assert_int_equal(ngx_soporte_secret_form_verify(&s, &acme, &n, &t, NOW,
                                                    &expires),
                     NGX_SOPORTE_TOKEN_EXPIRED);
    assert_int_equal(expires, NOW);

    expires = 0;
    assert_int_equal(ngx_soporte_secret_form_verify(&s, &beta, &n, &t,
                                                    NOW - 1, &expires),
                     NGX_SOPORTE_TOKEN_FORGED);
    assert_int_equal(ngx_soporte_secret_form_verify(&s, &acme, &o, &t,
                                                    NOW - 1, &expires),
                     NGX_SOPORTE_TOKEN_FORGED);
    assert_int_equal(ngx_soporte_secret_form_verify(&k, &acme, &n, &t,
                                                    NOW - 1, &expires),
                     NGX_SOPORTE_TOKEN_FORGED);

    for (i = 0; i < 32; i++) {
        for (bit = 0; bit < 8; bit++) {
            token[i] ^= 1 << bit;
            assert_int_equal(ngx_soporte_secret_form_verify(&s, &acme, &n,
                                                            &t, NOW - 1,
                                                            &expires),
                             NGX_SOPORTE_TOKEN_FORGED);
            token[i] ^= 1 << bit;
        }
    }

    for (t.len = 0; t.len < 32; t.len++) {
        assert_int_equal(ngx_soporte_secret_form_verify(&s, &acme, &n, &t,
                                                        NOW - 1, &expires),
                         NGX_SOPORTE_TOKEN_FORGED);
    }

    assert_int_equal(expires, 0);
}


/* a client without the cookie has no nonce: nothing proves its form */

static void
form_token_needs_a_nonce(void **state)
{
    time_t                expires;
    u_char                token[32];
    ngx_str_t             t, empty = ngx_null_string;
    ngx_str_t             odd = ngx_string("AAAAAAAAAAAAAAAAAAAAAB");
    ngx_soporte_secret_t  s;

    memset(&s, 1, sizeof(s));
    memset(token, 'A', 32);
    t.data = token;
    t.len = 32;

    assert_int_equal(ngx_soporte_secret_form(&s, &acme, &empty, NOW, token),
                     NGX_ERROR);
    assert_int_equal(ngx_soporte_secret_form(&s, &acme, &odd, NOW, token),
                     NGX_ERROR);
    assert_int_equal(ngx_soporte_secret_form_verify(&s, &acme, &empty, &t, 0,
                                                    &expires),
                     NGX_SOPORTE_TOKEN_FORGED);
    assert_false(ngx_soporte_secret_nonce_valid(&odd));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(key_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(key_of_many_starters, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(key_file_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(key_directory_refused, setup,
                                        teardown),
        cmocka_unit_test(hmac_known),
        cmocka_unit_test(sha256_known),
        cmocka_unit_test(random_and_equal),
        cmocka_unit_test(id_of_an_idempotency_key),
        cmocka_unit_test(tracking_token),
        cmocka_unit_test(tracking_token_by_hand),
        cmocka_unit_test(form_token),
        cmocka_unit_test(form_token_needs_a_nonce)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
