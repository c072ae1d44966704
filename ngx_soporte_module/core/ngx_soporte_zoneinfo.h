
/*
 * A time zone, read from the bytes of a TZif file (RFC 9636, versions 1 to 4,
 * POSIX TZ footer included): which offset is in force, and what a wall clock
 * shows.  The file is read by others; TZ and localtime() are never touched.
 *
 * A zone is immutable once it is read and may be used by any thread.
 */

#ifndef _NGX_SOPORTE_ZONEINFO_H_INCLUDED_
#define _NGX_SOPORTE_ZONEINFO_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_civil.h"


/* bytes; the largest file of tzdata has less than 4 K */
#define NGX_SOPORTE_ZONEINFO_MAX  65536


typedef struct {
    int32_t                        offset;    /* seconds east of UTC */
    ngx_uint_t                     dst;
} ngx_soporte_zoneinfo_type_t;


/* a day of each year on which the footer's clock changes */

typedef struct {
    u_char                         form;      /* 'M', 'J' or '0' */
    int32_t                        month;     /* of Mm.w.d */
    int32_t                        week;
    int32_t                        day;       /* of all forms */
    int32_t                        time;      /* seconds after 00:00, wall */
} ngx_soporte_zoneinfo_rule_t;


typedef struct {
    ngx_uint_t                     ntimes;
    int64_t                       *times;     /* ascending, UTC seconds */
    u_char                        *index;     /* type from times[i] on */
    ngx_uint_t                     ntypes;
    ngx_soporte_zoneinfo_type_t   *types;     /* [0] before times[0] */

    ngx_uint_t                     footer;    /* 1: rules the rest */
    ngx_uint_t                     changes;   /* 1: footer has DST */
    ngx_soporte_zoneinfo_type_t    standard;
    ngx_soporte_zoneinfo_type_t    daylight;
    ngx_soporte_zoneinfo_rule_t    start;     /* of daylight saving time */
    ngx_soporte_zoneinfo_rule_t    end;
} ngx_soporte_zoneinfo_t;


/* a stretch of time with one offset: [from, until), UTC seconds */

typedef struct {
    int64_t                        from;      /* INT64_MIN: since ever */
    int64_t                        until;     /* INT64_MAX: for ever */
    ngx_soporte_zoneinfo_type_t    type;
} ngx_soporte_zoneinfo_span_t;


/*
 * 1 if the name may be looked up below the directory of zone files:
 * components of A-Z a-z 0-9 _ + - joined by "/", at most 64 bytes; so
 * neither an absolute name nor ".." nor "".
 */
ngx_uint_t ngx_soporte_zoneinfo_name(const ngx_str_t *name);

/*
 * Reads a zone into mem; the bytes are not referred to afterwards.  A file
 * with leap seconds or one that RFC 9636 does not allow is refused: NULL, and
 * *error says why, see ngx_soporte_error().
 */
ngx_soporte_zoneinfo_t *ngx_soporte_zoneinfo_read(ngx_soporte_mem_t *mem,
    const ngx_str_t *bytes, ngx_str_t *error);

/* the stretch that holds instant t; t beyond the years 1..9999 is clamped */
void ngx_soporte_zoneinfo_span(const ngx_soporte_zoneinfo_t *zone, int64_t t,
    ngx_soporte_zoneinfo_span_t *span);

/* instant to wall clock */
void ngx_soporte_zoneinfo_local(const ngx_soporte_zoneinfo_t *zone, int64_t t,
    ngx_soporte_civil_t *civil);

/*
 * Wall clock to instant.  "local" is counted as if the clock were UTC's:
 * 86400 * ngx_soporte_civil_days() + seconds since midnight.  A time that
 * the clock skips is taken with the offset before the gap, of one that it
 * shows twice the first (RFC 5545 3.3.5).
 *
 * "cursor", if not NULL, speeds up calls with times near each other; zero it
 * before the first call.
 */
int64_t ngx_soporte_zoneinfo_utc(const ngx_soporte_zoneinfo_t *zone,
    int64_t local, ngx_soporte_zoneinfo_span_t *cursor);


#endif /* _NGX_SOPORTE_ZONEINFO_H_INCLUDED_ */
