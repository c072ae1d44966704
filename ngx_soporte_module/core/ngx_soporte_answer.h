
/*
 * What an answer of a Frappe says: a probe's answer, of which the status
 * matters, and the first bytes of a 503, which tell maintenance and read-only
 * mode from a failure.
 */

#ifndef _NGX_SOPORTE_ANSWER_H_INCLUDED_
#define _NGX_SOPORTE_ANSWER_H_INCLUDED_


#include "ngx_soporte_core.h"


#define NGX_SOPORTE_ANSWER_MAX  8192         /* bytes that are looked at */


typedef enum {
    NGX_SOPORTE_SAID_NOTHING = 0,
    NGX_SOPORTE_SAID_STOPPED,                /* frappe.SessionStopped */
    NGX_SOPORTE_SAID_READ_ONLY               /* frappe.InReadOnlyMode */
} ngx_soporte_said_e;


typedef struct {
    ngx_uint_t            status;            /* 0: none came */
    ngx_soporte_said_e    said;              /* of a 503 */
} ngx_soporte_answer_t;


/*
 * Looks at all bytes of an answer that came so far.  NGX_OK: it is known what
 * it is; NGX_AGAIN: more must come; NGX_ERROR: this is no answer of HTTP/1.
 * closed: no more will come.
 */
ngx_int_t ngx_soporte_answer(ngx_soporte_answer_t *answer, const u_char *p,
    size_t len, ngx_uint_t closed);

/* what the first bytes of a 503's body say */
ngx_soporte_said_e ngx_soporte_answer_said(const u_char *p, size_t len);


#endif /* _NGX_SOPORTE_ANSWER_H_INCLUDED_ */
