
/*
 * A word about tenants, whoever gives it: the one door to the board.  It is
 * put up, filed as a durable event and told to the fleet; what the fleet told
 * is only put up.
 */

#ifndef _NGX_HTTP_SOPORTE_WORD_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_WORD_H_INCLUDED_


#include "ngx_http_soporte.h"


/*
 * A notice to begin with: its id, begun and announced now, all else empty.
 * NGX_ERROR: the system gives no random bytes.
 */
ngx_int_t ngx_http_soporte_word_new(ngx_soporte_notice_t *notice,
    ngx_uint_t kind, uint32_t tenant);

/*
 * Gives the word: a new notice, or a copy from the board with what is changed
 * in it.  It gets its version and instant; a restore that has none the
 * tenant's first failure.  NGX_OK, *notice is what stands now; NGX_DONE,
 * somebody else gave another since the copy was made, copy it anew; NGX_BUSY
 * and NGX_DECLINED as ngx_soporte_board_merge().
 */
ngx_int_t ngx_http_soporte_word(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice);

/* marks what holds as over, what is to come as called off; as above */
ngx_int_t ngx_http_soporte_word_end(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice);

/*
 * A document of ngx_http_soporte_word_value(), from another node or from the
 * disk.  A tenant that is not known here gets its slot.  NGX_OK, NGX_DONE, it
 * was known; NGX_BUSY, NGX_DECLINED, no room; NGX_ERROR, it is none.
 */
ngx_int_t ngx_http_soporte_word_heard(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *value);

/*
 * Files what stands on the board and has no mark that it was filed, some
 * words at a time: a worker that ended may have taken them with it.  The
 * leader, each tick; a repeat is harmless.
 */
void ngx_http_soporte_word_again(ngx_http_soporte_main_conf_t *smcf);

/*
 * As a document, made in mem: kind, id, tenant ("*": all, "@": an upstream's),
 * version and the names that sql/ has for it; an incident with its timeline,
 * "updates".
 */
ngx_soporte_value_t *ngx_http_soporte_word_value(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, const ngx_soporte_notice_t *notice);


/* word_fields.c: the fields by name, of documents and of the control API */

#define NGX_HTTP_SOPORTE_WORD_PUT    0x01    /* of what holds now */
#define NGX_HTTP_SOPORTE_WORD_PLAN   0x02    /* of a window to come */
#define NGX_HTTP_SOPORTE_WORD_NODE   0x04    /* told by a node */

/*
 * Reads an object into *notice, whose kind says which fields there are; null
 * takes a value away.  Returns NULL, or what is wrong: a literal or in mem.
 * From a node, what is unknown is passed over.
 */
const char *ngx_http_soporte_word_read(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *object, ngx_uint_t from,
    ngx_soporte_notice_t *notice);

/* adds the notice's fields to an object, those that "from" would read */
void ngx_http_soporte_word_write(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, ngx_uint_t from,
    const ngx_soporte_notice_t *notice);


#endif /* _NGX_HTTP_SOPORTE_WORD_H_INCLUDED_ */
