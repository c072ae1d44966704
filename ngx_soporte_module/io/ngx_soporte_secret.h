
/*
 * The fleet's key and what is proven with it: digests, the token that opens
 * a ticket, the token of a form.
 *
 * Only ngx_soporte_secret_load() blocks, on files.  The others take
 * microseconds and may be called from the event loop.  Nothing is stored: a
 * token is verified from the key alone, at every node that has the same key
 * file.  A purpose's name leads each message under the HMAC, so that a token
 * of one kind is never one of another.
 */

#ifndef _NGX_SOPORTE_SECRET_H_INCLUDED_
#define _NGX_SOPORTE_SECRET_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_folio.h"


#define NGX_SOPORTE_KEY_LEN           32
#define NGX_SOPORTE_DIGEST_LEN        32

#define NGX_SOPORTE_TRACK_TOKEN_LEN   43     /* 32 bytes */
#define NGX_SOPORTE_FORM_TOKEN_LEN    32     /* 24 bytes */
#define NGX_SOPORTE_NONCE_LEN         22     /* 16 bytes */

#define NGX_SOPORTE_FORM_LIFETIME     172800 /* s */


typedef struct {
    u_char              key[NGX_SOPORTE_KEY_LEN];
} ngx_soporte_secret_t;


typedef enum {
    NGX_SOPORTE_TOKEN_VALID = 0,
    NGX_SOPORTE_TOKEN_EXPIRED,               /* ours, but too old */
    NGX_SOPORTE_TOKEN_FORGED
} ngx_soporte_token_e;


/* a running SHA-256 that any renderer of core/ can write into */

typedef struct {
    void               *ctx;
    ngx_soporte_out_t   out;
} ngx_soporte_digest_t;


/*
 * Reads the key from the file "key" in the directory, or makes it: 32 bytes
 * of getrandom(2), 0600, complete and fsynced before the name exists, so
 * that workers which start together agree.  Refused: a link, a file of
 * another size, of another user (root's is taken), one that group or others
 * may read.  NGX_ERROR and a message in "error", never with key bytes.
 * Blocks; for a thread or the start of a process.
 */
ngx_int_t ngx_soporte_secret_load(ngx_soporte_secret_t *secret,
    const char *directory, char *error, size_t size);


/* NGX_ERROR: the system gives none, nothing may go on */
ngx_int_t ngx_soporte_secret_random(u_char *p, size_t len);

/* 1 if equal; the time depends on len alone */
ngx_uint_t ngx_soporte_secret_equal(const u_char *a, const u_char *b,
    size_t len);

ngx_int_t ngx_soporte_secret_sha256(u_char *digest, const u_char *p,
    size_t len);
ngx_int_t ngx_soporte_secret_hmac(const ngx_soporte_secret_t *secret,
    const u_char *p, size_t len, u_char *digest);

/* final() frees what init() took, also when NGX_ERROR is returned */
ngx_int_t ngx_soporte_digest_init(ngx_soporte_digest_t *d);
ngx_int_t ngx_soporte_digest_final(ngx_soporte_digest_t *d, u_char *digest);


/*
 * The id (UUID version 8) for an Idempotency-Key: the same for the same
 * tenant and key at every node, not to be guessed without the fleet's key.
 */
ngx_int_t ngx_soporte_secret_id(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *key, u_char *id);


/*
 * "clave": base64url(id, first 16 bytes of HMAC("ticket" 0 tenant 0 id)),
 * 43 characters at dst, no NUL.
 */
ngx_int_t ngx_soporte_secret_track(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const u_char *id, u_char *dst);

/*
 * NGX_OK: id is set, and it is the one of that folio (written in any way
 * that ngx_soporte_folio_parse() reads).  NGX_DECLINED: wrong token, another
 * tenant's, another folio's, malformed: never said which, one HMAC each.
 */
ngx_int_t ngx_soporte_secret_track_verify(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *folio, const ngx_str_t *token,
    u_char *id);


/* a nonce for the cookie: base64url of 16 random bytes, 22 characters */
ngx_int_t ngx_soporte_secret_nonce(u_char *dst);

/* is it written like one of ours?  No other makes or proves a form's token */
ngx_uint_t ngx_soporte_secret_nonce_valid(const ngx_str_t *nonce);

/*
 * A form's token: base64url(expiry, first 16 bytes of HMAC("form" 0 tenant 0
 * expiry nonce)), 32 characters at dst, no NUL.  Times are seconds since the
 * epoch; NGX_SOPORTE_FORM_LIFETIME after now is a good expiry.
 */
ngx_int_t ngx_soporte_secret_form(const ngx_soporte_secret_t *secret,
    const ngx_str_t *tenant, const ngx_str_t *nonce, time_t expires,
    u_char *dst);

/*
 * *expires is set unless the token is forged: less the lifetime it is the
 * moment the form was made.  Expired from that second on.
 */
ngx_soporte_token_e ngx_soporte_secret_form_verify(
    const ngx_soporte_secret_t *secret, const ngx_str_t *tenant,
    const ngx_str_t *nonce, const ngx_str_t *token, time_t now,
    time_t *expires);


#endif /* _NGX_SOPORTE_SECRET_H_INCLUDED_ */
