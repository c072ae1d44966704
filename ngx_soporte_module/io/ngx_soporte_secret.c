
/*
 * The fleet's key on disk, and the tokens that are proven with it.
 *
 * A key is made under a name of its own, fsynced and only then linked to
 * "key": whoever sees the name sees all 32 bytes, and of many processes that
 * start together one wins and the others read what it wrote.
 */

#include <ngx_config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_soporte_secret.h"


#define NGX_SOPORTE_MAC_LEN    16            /* of a token, 128 bits */
#define NGX_SOPORTE_MESSAGE    512           /* bytes under an HMAC */


/* what goes under the HMAC: purpose 0 tenant 0 and the rest */

typedef struct {
    u_char      data[NGX_SOPORTE_MESSAGE];
    size_t      len;
    ngx_uint_t  failed;
} ngx_soporte_message_t;


static ngx_int_t ngx_soporte_secret_read(ngx_soporte_secret_t *secret, int dir,
    char *error, size_t size);
static ngx_int_t ngx_soporte_secret_check(int fd, char *error, size_t size);
static ngx_int_t ngx_soporte_secret_make(int dir, char *error, size_t size);
static ngx_int_t ngx_soporte_secret_write(int fd, const u_char *p, size_t len);
static void ngx_soporte_secret_errno(char *error, size_t size,
    const char *what);
static ngx_int_t ngx_soporte_digest_write(void *data, const u_char *p,
    size_t len);
static void ngx_soporte_message_init(ngx_soporte_message_t *m,
    const char *purpose, const ngx_str_t *tenant);
static void ngx_soporte_message_add(ngx_soporte_message_t *m, const void *p,
    size_t len);
static ngx_int_t ngx_soporte_message_hmac(const ngx_soporte_secret_t *secret,
    ngx_soporte_message_t *m, u_char *digest);
static ngx_int_t ngx_soporte_track_mac(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const u_char *id, u_char *mac);
static ngx_int_t ngx_soporte_form_mac(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *nonce, const u_char *expiry,
    u_char *mac);


ngx_int_t
ngx_soporte_secret_load(ngx_soporte_secret_t *secret, const char *directory,
    char *error, size_t size)
{
    int        dir;
    ngx_int_t  rc;

    dir = open(directory, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        ngx_soporte_secret_errno(error, size, "open() of its directory");
        return NGX_ERROR;
    }

    rc = ngx_soporte_secret_read(secret, dir, error, size);

    if (rc == NGX_DECLINED) {
        rc = ngx_soporte_secret_make(dir, error, size);

        if (rc == NGX_OK) {
            rc = ngx_soporte_secret_read(secret, dir, error, size);
        }

        if (rc == NGX_DECLINED) {
            snprintf(error, size, "key file vanished as soon as it was made");
            rc = NGX_ERROR;
        }
    }

    (void) close(dir);

    return rc;
}


/* NGX_DECLINED: there is none */

static ngx_int_t
ngx_soporte_secret_read(ngx_soporte_secret_t *secret, int dir, char *error,
    size_t size)
{
    int        fd;
    size_t     len;
    ssize_t    n;
    ngx_int_t  rc;

    /* O_NONBLOCK: a FIFO in its place must not hold up a start */

    fd = openat(dir, "key", O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {

        if (errno == ENOENT) {
            return NGX_DECLINED;
        }

        ngx_soporte_secret_errno(error, size, "open() of the key file");
        return NGX_ERROR;
    }

    rc = ngx_soporte_secret_check(fd, error, size);

    for (len = 0; rc == NGX_OK && len < NGX_SOPORTE_KEY_LEN; len += n) {
        n = read(fd, secret->key + len, NGX_SOPORTE_KEY_LEN - len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            ngx_soporte_secret_errno(error, size, "read() of the key file");
            rc = NGX_ERROR;
            n = 0;
        }
    }

    (void) close(fd);

    return rc;
}


static ngx_int_t
ngx_soporte_secret_check(int fd, char *error, size_t size)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        ngx_soporte_secret_errno(error, size, "fstat() of the key file");
        return NGX_ERROR;
    }

    if (!S_ISREG(st.st_mode)) {
        snprintf(error, size, "key file is no regular file");
        return NGX_ERROR;
    }

    if (st.st_uid != geteuid() && st.st_uid != 0) {
        snprintf(error, size, "key file belongs to another user, id %u",
                 (unsigned) st.st_uid);
        return NGX_ERROR;
    }

    if (st.st_mode & (S_IRWXG|S_IRWXO)) {
        snprintf(error, size, "key file has mode %04o, 0600 is needed",
                 (unsigned) (st.st_mode & 07777));
        return NGX_ERROR;
    }

    if (st.st_size != NGX_SOPORTE_KEY_LEN) {
        snprintf(error, size, "key file has %lld bytes, %d are needed",
                 (long long) st.st_size, NGX_SOPORTE_KEY_LEN);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_OK: there is a key now, this one or another process's */

static ngx_int_t
ngx_soporte_secret_make(int dir, char *error, size_t size)
{
    int        fd;
    char       name[sizeof("key.") + 16];
    u_char     key[NGX_SOPORTE_KEY_LEN];
    uint64_t   suffix;
    ngx_int_t  rc;

    if (ngx_soporte_secret_random(key, sizeof(key)) != NGX_OK
        || ngx_soporte_secret_random((u_char *) &suffix, sizeof(suffix))
           != NGX_OK)
    {
        ngx_soporte_secret_errno(error, size, "getrandom()");
        return NGX_ERROR;
    }

    snprintf(name, sizeof(name), "key.%016llx", (unsigned long long) suffix);

    fd = openat(dir, name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        ngx_soporte_secret_errno(error, size, "making the key file");
        return NGX_ERROR;
    }

    rc = NGX_OK;

    /* fchmod(): a umask may have taken even the owner's rights */

    if (ngx_soporte_secret_write(fd, key, sizeof(key)) != NGX_OK
        || fchmod(fd, 0600) == -1
        || fsync(fd) == -1
        || (linkat(dir, name, dir, "key", 0) == -1 && errno != EEXIST))
    {
        ngx_soporte_secret_errno(error, size, "writing the key file");
        rc = NGX_ERROR;
    }

    OPENSSL_cleanse(key, sizeof(key));

    (void) close(fd);
    (void) unlinkat(dir, name, 0);

    if (rc == NGX_OK && fsync(dir) == -1) {
        ngx_soporte_secret_errno(error, size, "fsync() of its directory");
        rc = NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_soporte_secret_write(int fd, const u_char *p, size_t len)
{
    ssize_t  n;

    while (len) {
        n = write(fd, p, len);

        if (n == -1) {

            if (errno == EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        p += n;
        len -= n;
    }

    return NGX_OK;
}


static void
ngx_soporte_secret_errno(char *error, size_t size, const char *what)
{
    int   err;
    char  text[128];

    err = errno;

    /* the GNU function: strerror() is not for threads */

    snprintf(error, size, "%s failed (%d: %s)", what, err,
             strerror_r(err, text, sizeof(text)));
}


ngx_int_t
ngx_soporte_secret_random(u_char *p, size_t len)
{
    ssize_t  n;

    while (len) {
        n = getrandom(p, len, 0);

        if (n == -1) {

            if (errno == EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        p += n;
        len -= n;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_soporte_secret_equal(const u_char *a, const u_char *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


ngx_int_t
ngx_soporte_secret_sha256(u_char *digest, const u_char *p, size_t len)
{
    return EVP_Digest(p, len, digest, NULL, EVP_sha256(), NULL) == 1
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_soporte_secret_hmac(const ngx_soporte_secret_t *secret, const u_char *p,
    size_t len, u_char *digest)
{
    return HMAC(EVP_sha256(), secret->key, NGX_SOPORTE_KEY_LEN, p, len,
                digest, NULL) != NULL
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_soporte_digest_init(ngx_soporte_digest_t *d)
{
    EVP_MD_CTX  *ctx;

    ngx_memzero(d, sizeof(ngx_soporte_digest_t));

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return NGX_ERROR;
    }

    d->ctx = ctx;
    d->out.write = ngx_soporte_digest_write;
    d->out.data = ctx;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_digest_write(void *data, const u_char *p, size_t len)
{
    EVP_MD_CTX  *ctx = data;

    return EVP_DigestUpdate(ctx, p, len) == 1 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_soporte_digest_final(ngx_soporte_digest_t *d, u_char *digest)
{
    ngx_int_t  rc;

    rc = NGX_ERROR;

    if (!d->out.failed && EVP_DigestFinal_ex(d->ctx, digest, NULL) == 1) {
        rc = NGX_OK;
    }

    EVP_MD_CTX_free(d->ctx);
    d->ctx = NULL;

    return rc;
}


static void
ngx_soporte_message_init(ngx_soporte_message_t *m, const char *purpose,
    const ngx_str_t *tenant)
{
    m->len = 0;
    m->failed = 0;

    /* with their NULs: a tenant has none, so no two messages run together */

    ngx_soporte_message_add(m, purpose, ngx_strlen(purpose) + 1);
    ngx_soporte_message_add(m, tenant->data, tenant->len);
    ngx_soporte_message_add(m, "", 1);
}


static void
ngx_soporte_message_add(ngx_soporte_message_t *m, const void *p, size_t len)
{
    if (len > sizeof(m->data) - m->len) {
        m->failed = 1;
        return;
    }

    ngx_memcpy(m->data + m->len, p, len);
    m->len += len;
}


static ngx_int_t
ngx_soporte_message_hmac(const ngx_soporte_secret_t *secret,
    ngx_soporte_message_t *m, u_char *digest)
{
    if (m->failed) {
        return NGX_ERROR;
    }

    return ngx_soporte_secret_hmac(secret, m->data, m->len, digest);
}


ngx_int_t
ngx_soporte_secret_id(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *key, u_char *id)
{
    u_char                 digest[NGX_SOPORTE_DIGEST_LEN];
    ngx_soporte_message_t  m;

    ngx_soporte_message_init(&m, "idempotency", tenant);
    ngx_soporte_message_add(&m, key->data, key->len);

    if (ngx_soporte_message_hmac(secret, &m, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_uuid_v8(id, digest);

    return NGX_OK;
}


ngx_int_t
ngx_soporte_secret_track(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const u_char *id, u_char *dst)
{
    u_char  token[NGX_SOPORTE_ID_LEN + NGX_SOPORTE_MAC_LEN];

    ngx_memcpy(token, id, NGX_SOPORTE_ID_LEN);

    if (ngx_soporte_track_mac(secret, tenant, id, token + NGX_SOPORTE_ID_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_soporte_base64url_encode(dst, token, sizeof(token));

    return NGX_OK;
}


ngx_int_t
ngx_soporte_secret_track_verify(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *folio, const ngx_str_t *token,
    u_char *id)
{
    u_char      bytes[NGX_SOPORTE_ID_LEN + NGX_SOPORTE_MAC_LEN];
    u_char      mac[NGX_SOPORTE_MAC_LEN];
    u_char      asked[NGX_SOPORTE_FOLIO_LEN], ours[NGX_SOPORTE_FOLIO_LEN];
    ngx_uint_t  good;

    /* every refusal takes the same steps, so that its time says nothing */

    ngx_memzero(bytes, sizeof(bytes));
    ngx_memzero(asked, sizeof(asked));

    good = ngx_soporte_base64url_decode(bytes, sizeof(bytes), token) == NGX_OK;
    good &= ngx_soporte_folio_parse(asked, folio) == NGX_OK;

    if (ngx_soporte_track_mac(secret, tenant, bytes, mac) != NGX_OK) {
        return NGX_DECLINED;
    }

    good &= ngx_soporte_secret_equal(mac, bytes + NGX_SOPORTE_ID_LEN,
                                     sizeof(mac));

    (void) ngx_soporte_folio_format(ours, bytes);

    good &= ngx_soporte_secret_equal(asked, ours, sizeof(ours));

    if (!good) {
        return NGX_DECLINED;
    }

    ngx_memcpy(id, bytes, NGX_SOPORTE_ID_LEN);

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_track_mac(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const u_char *id, u_char *mac)
{
    u_char                 digest[NGX_SOPORTE_DIGEST_LEN];
    ngx_soporte_message_t  m;

    ngx_soporte_message_init(&m, "ticket", tenant);
    ngx_soporte_message_add(&m, id, NGX_SOPORTE_ID_LEN);

    if (ngx_soporte_message_hmac(secret, &m, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(mac, digest, NGX_SOPORTE_MAC_LEN);

    return NGX_OK;
}


ngx_int_t
ngx_soporte_secret_nonce(u_char *dst)
{
    u_char  bytes[16];

    if (ngx_soporte_secret_random(bytes, sizeof(bytes)) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_soporte_base64url_encode(dst, bytes, sizeof(bytes));

    return NGX_OK;
}


ngx_uint_t
ngx_soporte_secret_nonce_valid(const ngx_str_t *nonce)
{
    u_char  bytes[16];

    return ngx_soporte_base64url_decode(bytes, sizeof(bytes), nonce) == NGX_OK;
}


ngx_int_t
ngx_soporte_secret_form(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *nonce, time_t expires,
    u_char *dst)
{
    u_char      token[8 + NGX_SOPORTE_MAC_LEN];
    ngx_uint_t  i;

    if (!ngx_soporte_secret_nonce_valid(nonce)) {
        return NGX_ERROR;
    }

    for (i = 0; i < 8; i++) {
        token[i] = (u_char) ((uint64_t) expires >> (56 - 8 * i));
    }

    if (ngx_soporte_form_mac(secret, tenant, nonce, token, token + 8)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_soporte_base64url_encode(dst, token, sizeof(token));

    return NGX_OK;
}


ngx_soporte_token_e
ngx_soporte_secret_form_verify(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *nonce, const ngx_str_t *token,
    time_t now, time_t *expires)
{
    u_char      bytes[8 + NGX_SOPORTE_MAC_LEN], mac[NGX_SOPORTE_MAC_LEN];
    uint64_t    t;
    ngx_uint_t  i;

    if (!ngx_soporte_secret_nonce_valid(nonce)
        || ngx_soporte_base64url_decode(bytes, sizeof(bytes), token) != NGX_OK
        || ngx_soporte_form_mac(secret, tenant, nonce, bytes, mac) != NGX_OK
        || !ngx_soporte_secret_equal(mac, bytes + 8, sizeof(mac)))
    {
        return NGX_SOPORTE_TOKEN_FORGED;
    }

    t = 0;

    for (i = 0; i < 8; i++) {
        t = t << 8 | bytes[i];
    }

    *expires = (time_t) t;

    return now < *expires ? NGX_SOPORTE_TOKEN_VALID
                          : NGX_SOPORTE_TOKEN_EXPIRED;
}


static ngx_int_t
ngx_soporte_form_mac(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *nonce, const u_char *expiry,
    u_char *mac)
{
    u_char                 digest[NGX_SOPORTE_DIGEST_LEN];
    ngx_soporte_message_t  m;

    ngx_soporte_message_init(&m, "form", tenant);
    ngx_soporte_message_add(&m, expiry, 8);
    ngx_soporte_message_add(&m, nonce->data, nonce->len);

    if (ngx_soporte_message_hmac(secret, &m, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(mac, digest, NGX_SOPORTE_MAC_LEN);

    return NGX_OK;
}
