
/*
 * A ticket's identity and how it is written: UUID, folio, base64url.
 *
 * The id is a UUID: version 7 as a rule, version 8 where an idempotency key
 * decides.  The folio is for people: the last 45 bits of the id, which are
 * random in both versions and tell nothing of time or order, in Crockford's
 * base 32, and a check symbol.  A folio names a ticket on the telephone; it
 * opens nothing, and of many millions two may be equal: the id is the key.
 * All functions are pure and reentrant; times are given, bytes are given.
 */

#ifndef _NGX_SOPORTE_FOLIO_H_INCLUDED_
#define _NGX_SOPORTE_FOLIO_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_ID_LEN      16
#define NGX_SOPORTE_ID_RANDOM   10
#define NGX_SOPORTE_UUID_LEN    36
#define NGX_SOPORTE_FOLIO_LEN   15           /* SOP-W1G60-EECF9 */

/* characters of base64url without padding for n bytes */
#define ngx_soporte_base64url_len(n)  (((n) * 8 + 5) / 6)


/* RFC 9562 section 5.7; ms since the epoch, 10 random bytes */
void ngx_soporte_uuid_v7(u_char *id, uint64_t ms, const u_char *random);

/* RFC 9562 section 5.8; the first 16 bytes of a digest */
void ngx_soporte_uuid_v8(u_char *id, const u_char *digest);

/* milliseconds since the epoch in a version 7, 0 in any other */
uint64_t ngx_soporte_uuid_time(const u_char *id);

/* 36 characters in lower case, no NUL; returns the end */
u_char *ngx_soporte_uuid_format(u_char *dst, const u_char *id);

/* 36 characters, either case; NGX_ERROR if it is none, id untouched then */
ngx_int_t ngx_soporte_uuid_parse(u_char *id, const ngx_str_t *text);


/* 15 characters, no NUL; returns the end */
u_char *ngx_soporte_folio_format(u_char *dst, const u_char *id);

/*
 * What a person typed into the one way of writing it (15 characters at dst):
 * either case, I and L for 1, O for 0, dashes and blanks anywhere, "SOP" may
 * be left out.  NGX_ERROR if a symbol is foreign, missing or does not agree
 * with the check symbol, which finds any one wrong symbol and any two that
 * changed places.
 */
ngx_int_t ngx_soporte_folio_parse(u_char *dst, const ngx_str_t *text);


/* RFC 4648 section 5 without padding; returns the end */
u_char *ngx_soporte_base64url_encode(u_char *dst, const u_char *src,
    size_t len);

/*
 * Exactly "len" bytes; NGX_ERROR for a foreign character, another length or
 * bits left over that are not 0, so that no value is written in two ways.
 */
ngx_int_t ngx_soporte_base64url_decode(u_char *dst, size_t len,
    const ngx_str_t *text);


#endif /* _NGX_SOPORTE_FOLIO_H_INCLUDED_ */
