
/*
 * Bytes that are text: is it UTF-8, how long is it, and how is it written
 * into HTML, JSON, a URI; numbers and bytes written as digits.
 *
 * All functions are pure, reentrant and fit for any thread.  Lengths are in
 * bytes unless "characters" is said; a character is a Unicode code point.
 */

#ifndef _NGX_SOPORTE_TEXT_H_INCLUDED_
#define _NGX_SOPORTE_TEXT_H_INCLUDED_


#include "ngx_soporte_core.h"


/* what ngx_soporte_utf8_next() returns for a byte that begins no character */

#define NGX_SOPORTE_UTF8_INVALID  0xffffffff


/*
 * Takes one character and moves *p behind it; *p must be below "end".  What
 * RFC 3629 forbids (overlong forms, surrogates, above U+10FFFF, a torn
 * sequence) is NGX_SOPORTE_UTF8_INVALID and moves *p by one byte.
 */
uint32_t ngx_soporte_utf8_next(const u_char **p, const u_char *end);

/* 1 if all of it is UTF-8 (RFC 3629) without U+0000, else 0; "" is valid */
ngx_uint_t ngx_soporte_utf8_valid(const u_char *p, size_t len);

/* characters in valid UTF-8 */
size_t ngx_soporte_utf8_length(const u_char *p, size_t len);

/* bytes of the first n characters of valid UTF-8, len if it has no more */
size_t ngx_soporte_utf8_prefix(const u_char *p, size_t len, size_t n);


/*
 * Writes text for an HTML element's content or a quoted attribute:
 * & < > " become named references, ' becomes &#39;.
 */
void ngx_soporte_text_html(ngx_soporte_out_t *out, const u_char *p,
    size_t len);

/*
 * Writes the inside of a JSON string (RFC 8259 section 7), without its
 * quotes.  < > & U+2028 U+2029 and DEL are written as \uXXXX, too, so that
 * the JSON may stand inside an HTML script element; a byte that is not UTF-8
 * becomes \ufffd, so that one bad name never spoils a whole document.
 */
void ngx_soporte_text_json(ngx_soporte_out_t *out, const u_char *p,
    size_t len);


/*
 * Decimal digits, returns the end; at most NGX_INT64_LEN bytes are written.
 */
u_char *ngx_soporte_text_int64(u_char *dst, int64_t n);
u_char *ngx_soporte_text_uint64(u_char *dst, uint64_t n);

/*
 * Percent-encoding (RFC 3986 section 2.1) of all but the unreserved letters,
 * digits, - . _ ~: fit for one segment of a path or a value in a query.
 * Returns the end; at most 3 * len bytes are written.
 */
u_char *ngx_soporte_text_uri(u_char *dst, const u_char *src, size_t len);

/* lower case hexadecimal digits, returns the end: 2 * len bytes */
u_char *ngx_soporte_text_hex(u_char *dst, const u_char *src, size_t len);

/*
 * Reads hexadecimal digits of either case into len / 2 bytes; NGX_ERROR if
 * len is odd or a byte is no digit (dst may be written in part then).
 */
ngx_int_t ngx_soporte_text_unhex(u_char *dst, const u_char *src, size_t len);


/*
 * Makes valid UTF-8 fit for one line (a subject, a name, a file's name):
 * C0 and C1 controls, DEL, bidirectional controls and U+FEFF are dropped;
 * a run of those that separate (TAB, LF, VT, FF, CR, U+0085, U+2028, U+2029)
 * becomes one space, lest two words grow together.  Returns the length,
 * never more than "len"; dst may be src.
 */
size_t ngx_soporte_text_clean(u_char *dst, const u_char *src, size_t len);


#endif /* _NGX_SOPORTE_TEXT_H_INCLUDED_ */
