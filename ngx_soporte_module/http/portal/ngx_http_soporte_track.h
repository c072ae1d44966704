
/*
 * A ticket as its customer sees it: opened by its token, found in spool or
 * PostgreSQL, told with what still waits in the spool.
 */

#ifndef _NGX_HTTP_SOPORTE_TRACK_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_TRACK_H_INCLUDED_


#include "ngx_http_soporte_ticket.h"


#define NGX_HTTP_SOPORTE_TRACK_PREFIX    6   /* bytes, of its messages' ids */
#define NGX_HTTP_SOPORTE_TRACK_MESSAGES  64  /* that are shown of a spool */


/* what proves that somebody may see a ticket, and which */

typedef struct {
    ngx_str_t                    folio;
    ngx_str_t                    token;
    u_char                       id[NGX_SOPORTE_ID_LEN];
    ngx_uint_t                   linked;     /* by "clave", not by a cookie */
} ngx_http_soporte_claim_t;


/* a message that was not accepted, shown again */

typedef struct {
    const ngx_str_t             *message;    /* NULL: none */
    const ngx_str_t             *error;      /* code */
} ngx_http_soporte_retry_t;


/* documents of a ticket, as a thread found them */

typedef struct {
    ngx_int_t                    rc;         /* of the lookup */
    ngx_str_t                    json;
    ngx_uint_t                   spooled;
    ngx_soporte_spool_doc_t      docs[NGX_HTTP_SOPORTE_TRACK_MESSAGES];
    ngx_uint_t                   ndocs;
} ngx_http_soporte_found_t;


/*
 * Takes the token from the arguments or from the cookie, and out of what will
 * be logged.  NGX_DECLINED: it opens no ticket of that folio; NGX_ERROR:
 * memory.  "name" is the folio as the path has it.
 */
ngx_int_t ngx_http_soporte_track_claim(ngx_http_request_t *r,
    const ngx_str_t *tenant, const ngx_str_t *name,
    ngx_http_soporte_claim_t *claim);

/* looks the ticket up and answers; retry may be NULL, view is the caller's */
ngx_int_t ngx_http_soporte_track_show(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_view_t *view,
    const ngx_http_soporte_claim_t *claim,
    const ngx_http_soporte_retry_t *retry);

/* what the ids of a ticket's messages begin with */
ngx_int_t ngx_http_soporte_track_prefix(const u_char *ticket, u_char *prefix);


/*
 * The ticket as one tree: subject, description, category, status, filed_at,
 * reply_due, urgent, messages [at, author, body] in their order, attachments
 * [filename, type, size]; an allow-list.  NULL: nobody can tell now.  story.c
 */
ngx_soporte_value_t *ngx_http_soporte_story(ngx_soporte_mem_t *mem,
    const ngx_http_soporte_found_t *found, const u_char *id, ngx_log_t *log);

/* ... in words, into "ticket" of a page; story may be NULL */
void ngx_http_soporte_story_tell(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *ticket, const ngx_soporte_value_t *story);


#endif /* _NGX_HTTP_SOPORTE_TRACK_H_INCLUDED_ */
