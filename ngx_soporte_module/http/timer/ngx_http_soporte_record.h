
/*
 * A document of the long history: what a node measured in a minute, row by
 * row, as soporte.file_minutes() takes it.
 */

#ifndef _NGX_HTTP_SOPORTE_RECORD_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_RECORD_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_folio.h"


#define NGX_HTTP_SOPORTE_RECORD_ROWS  500    /* of one: well within a timeout */
#define NGX_HTTP_SOPORTE_RECORD_MAX   (768 * 1024)         /* bytes of one */
#define NGX_HTTP_SOPORTE_RECORD_ALL   (32 * 1024 * 1024)   /* of a worker's */


typedef struct {
    ngx_queue_t        queue;
    uint32_t           minute;               /* unix s / 60 */
    u_char             id[NGX_SOPORTE_ID_LEN];
    u_char            *data;
    size_t             len;                  /* bytes */
    size_t             size;                 /* that data has room for */
    ngx_uint_t         rows;
    unsigned           failed:1;             /* memory was refused */
    unsigned           kept:1;               /* by the spool */
    ngx_log_t         *log;
} ngx_http_soporte_record_t;


/*
 * Begins one; until: the node was there in all minutes before that one, and
 * there are no rows, 0: it is of this minute alone.  NULL: memory.
 */
ngx_http_soporte_record_t *ngx_http_soporte_record_create(
    ngx_http_soporte_main_conf_t *smcf, uint32_t minute, uint32_t until,
    ngx_log_t *log);

/* whether there is anything to be said of the tenant */
ngx_uint_t ngx_http_soporte_record_worth(const ngx_soporte_tenant_t *tenant,
    uint32_t minute, const ngx_soporte_minute_t *sum);

/* at most 2 KiB of it */
void ngx_http_soporte_record_row(ngx_http_soporte_record_t *record,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    const ngx_soporte_minute_t *sum, ngx_soporte_state_e state);

/* no row follows */
void ngx_http_soporte_record_end(ngx_http_soporte_record_t *record);

void ngx_http_soporte_record_destroy(ngx_http_soporte_record_t *record);

/* in which slots of a minute the node was there, bit i for slot i */
ngx_uint_t ngx_http_soporte_record_served(const ngx_soporte_header_t *header,
    uint32_t minute);

/* the first minute, "until" at the latest, in which it was there otherwise */
uint32_t ngx_http_soporte_record_alike(const ngx_soporte_header_t *header,
    uint32_t minute, uint32_t until);


#endif /* _NGX_HTTP_SOPORTE_RECORD_H_INCLUDED_ */
