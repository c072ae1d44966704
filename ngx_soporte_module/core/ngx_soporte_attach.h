
/*
 * What an attachment is by its first bytes, and how its name may be shown.
 *
 * Neither Content-Type nor the name's ending is believed: a type is told only
 * where the bytes agree, all else is application/octet-stream, which is kept
 * and handed out as such.  Nothing is decompressed.  Pure and reentrant.
 */

#ifndef _NGX_SOPORTE_ATTACH_H_INCLUDED_
#define _NGX_SOPORTE_ATTACH_H_INCLUDED_


#include "ngx_soporte_core.h"


/* as many bytes of the beginning as there are, up to these, decide */
#define NGX_SOPORTE_ATTACH_HEAD  512

/* characters of a name that is shown */
#define NGX_SOPORTE_ATTACH_NAME  120


/*
 * image/png image/jpeg image/gif image/webp application/pdf text/plain
 * text/csv, the types of OOXML and OpenDocument by the name's ending or the
 * package's own word, otherwise application/octet-stream.  HTML, SVG and XML
 * are text that begins with "<": octet-stream.  The string is static.
 */
ngx_str_t ngx_soporte_attach_type(const u_char *head, size_t len,
    const ngx_str_t *filename);

/*
 * A name fit to be shown and to be suggested to whoever downloads: the part
 * behind the last slash or backslash, without controls and bidirectional
 * marks, quotes and < > : * ? | made "_", no dot or blank at its ends, cut
 * before its ending; "archivo" if nothing is left.  Valid UTF-8 in, made in
 * mem; data NULL: memory refused.
 */
ngx_str_t ngx_soporte_attach_name(ngx_soporte_mem_t *mem,
    const ngx_str_t *filename);


#endif /* _NGX_SOPORTE_ATTACH_H_INCLUDED_ */
