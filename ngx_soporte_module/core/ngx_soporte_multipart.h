
/*
 * multipart/form-data (RFC 7578 over RFC 2046), read as it comes: the body
 * may be fed in chunks of any size, the events are the same for any split.
 *
 * The parser holds one part's headers and a half-seen delimiter, never a
 * part's data: memory is bounded whatever is sent.  Pure: the state is the
 * caller's, one thread at a time.
 *
 * Stricter than RFC 2046 where two readers could differ: lines end with CRLF,
 * a delimiter is followed by nothing but blanks, no parameter comes twice, no
 * part is encoded for transfer.  A preamble and an epilogue are skipped.
 */

#ifndef _NGX_SOPORTE_MULTIPART_H_INCLUDED_
#define _NGX_SOPORTE_MULTIPART_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_MULTIPART_BOUNDARY  70   /* RFC 2046 section 5.1.1 */
#define NGX_SOPORTE_MULTIPART_NAME      64   /* bytes */
#define NGX_SOPORTE_MULTIPART_FILENAME  255
#define NGX_SOPORTE_MULTIPART_PARTS     72
#define NGX_SOPORTE_MULTIPART_HEADER    2048 /* bytes of a part's headers */


typedef enum {
    NGX_SOPORTE_MULTIPART_GOOD = 0,
    NGX_SOPORTE_MULTIPART_TYPE,              /* no multipart/form-data, or no
                                                good boundary */
    NGX_SOPORTE_MULTIPART_DELIMITER,         /* something behind one */
    NGX_SOPORTE_MULTIPART_MALFORMED,         /* headers of a part */
    NGX_SOPORTE_MULTIPART_NAMELESS,
    NGX_SOPORTE_MULTIPART_ENCODING,          /* base64 and the like */
    NGX_SOPORTE_MULTIPART_TEXT,              /* a name that is no UTF-8 or has
                                                a NUL */
    NGX_SOPORTE_MULTIPART_HEADER_LARGE,
    NGX_SOPORTE_MULTIPART_NAME_LONG,
    NGX_SOPORTE_MULTIPART_FILENAME_LONG,
    NGX_SOPORTE_MULTIPART_MANY,              /* parts */
    NGX_SOPORTE_MULTIPART_TORN               /* ended before its end */
} ngx_soporte_multipart_error_e;


/* valid until end() of the part; decoded UTF-8 without NUL */

typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        filename;   /* as sent, data only: never
                                                    the name of a file */
    ngx_str_t                        type;       /* Content-Type as sent, if it
                                                    is printable ASCII */
    ngx_uint_t                       file;       /* filename was given, be it
                                                    empty */
    uint64_t                         offset;     /* bytes of the body before
                                                    its data, which lie there
                                                    in one piece */
} ngx_soporte_part_t;


/*
 * Called in the order begin, data any number of times, end.  data's chunks
 * are never empty and not copied.  Not NGX_OK ends the reading.
 */

typedef struct {
    ngx_int_t                      (*begin)(void *ctx,
                                         const ngx_soporte_part_t *part);
    ngx_int_t                      (*data)(void *ctx, const u_char *p,
                                         size_t len);
    ngx_int_t                      (*end)(void *ctx);
    void                            *ctx;
} ngx_soporte_multipart_events_t;


typedef struct {
    ngx_uint_t                       parts;
    size_t                           header;     /* bytes of a part's */
    size_t                           name;       /* bytes */
    size_t                           filename;
} ngx_soporte_multipart_limits_t;


typedef struct {
    ngx_soporte_multipart_error_e    error;

    /* the parser's own */

    ngx_uint_t                       state;
    ngx_soporte_multipart_events_t   events;
    ngx_soporte_multipart_limits_t   limits;
    u_char                           delimiter[4
                                              + NGX_SOPORTE_MULTIPART_BOUNDARY];
    size_t                           length;     /* of the delimiter */
    size_t                           matched;    /* bytes of it seen */
    size_t                           skip;       /* of these, no data */
    uint64_t                         fed;        /* bytes of earlier feeds */
    uint64_t                         offset;     /* behind the byte in hand,
                                                    in a part's headers */
    ngx_uint_t                       nparts;
    u_char                          *header;
    size_t                           nheader;
} ngx_soporte_multipart_t;


/*
 * Takes the boundary out of a request's Content-Type.  limits NULL: those
 * above.  NGX_DECLINED: error is TYPE.  NGX_ERROR: memory refused.
 */
ngx_int_t ngx_soporte_multipart_init(ngx_soporte_mem_t *mem,
    ngx_soporte_multipart_t *mp, const ngx_str_t *content_type,
    const ngx_soporte_multipart_limits_t *limits,
    const ngx_soporte_multipart_events_t *events);

/*
 * NGX_DECLINED: mp->error says what is wrong.  NGX_ERROR: an event did not
 * return NGX_OK.  After either every further call returns NGX_ERROR.
 */
ngx_int_t ngx_soporte_multipart_feed(ngx_soporte_multipart_t *mp,
    const u_char *p, size_t len);

/* the body is over: NGX_DECLINED with TORN unless its last delimiter came */
ngx_int_t ngx_soporte_multipart_finish(ngx_soporte_multipart_t *mp);


#endif /* _NGX_SOPORTE_MULTIPART_H_INCLUDED_ */
