
/*
 * Instants as RFC 3339 writes them: seconds since the epoch to text and back.
 * Knows no clock and no zone: the offset from UTC comes in as seconds, east
 * positive.
 *
 * An instant is POSIX time, in which a leap second does not exist.  All
 * functions are pure and reentrant.
 */

#ifndef _NGX_SOPORTE_TIME_H_INCLUDED_
#define _NGX_SOPORTE_TIME_H_INCLUDED_


#include "ngx_soporte_core.h"


/* longest form, with an offset */

#define NGX_SOPORTE_TIME_LEN  (sizeof("2026-11-22T14:03:07-06:00") - 1)
#define NGX_SOPORTE_DATE_LEN  (sizeof("2026-11-22") - 1)


/*
 * RFC 3339: "2026-11-22T20:03:07Z", or with offset "2026-11-22T14:03:07-06:00".
 * Offset 0 is written Z; one with seconds (a local mean time) is cut to its
 * minutes and the clock's reading with it: the instant stays exact.  Instants
 * of other years than 0001-9999 are clamped.  Returns the end; at most
 * NGX_SOPORTE_TIME_LEN bytes are written.
 */
u_char *ngx_soporte_time_rfc3339(u_char *dst, int64_t time, int32_t offset);

/* the date alone, "2026-11-22": NGX_SOPORTE_DATE_LEN bytes, clamped likewise */
u_char *ngx_soporte_time_date(u_char *dst, int64_t time, int32_t offset);

/*
 * Reads a whole RFC 3339 date-time.  The fraction of a second is checked and
 * cut off; :60 is taken only where a leap second may be (23:59:60 UTC on the
 * last day of a month) and means the second after it.  NGX_ERROR for all
 * else: no offset, a blank for the T, dates that do not exist, the year 0000.
 * offset may be NULL.
 */
ngx_int_t ngx_soporte_time_parse(const u_char *p, size_t len, int64_t *time,
    int32_t *offset);


#endif /* _NGX_SOPORTE_TIME_H_INCLUDED_ */
