
/*
 * One GET on nginx's events: connects to a numeric address, sends a request,
 * looks at the answer's status.  No redirect is followed, no more is read than
 * NGX_SOPORTE_ANSWER_MAX bytes, and all of it ends by its timeout.
 */

#ifndef _NGX_HTTP_SOPORTE_PING_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_PING_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_answer.h"
#include "ngx_soporte_detect.h"


#define NGX_HTTP_SOPORTE_PING_REQUEST  2816  /* bytes */


/* "soporte-probe/" and the node's random number in hex */

#define NGX_HTTP_SOPORTE_PROBE_AGENT  "soporte-probe/"
#define NGX_HTTP_SOPORTE_PROBE_AGENT_LEN                                      \
    (sizeof(NGX_HTTP_SOPORTE_PROBE_AGENT) - 1 + 16)


typedef struct ngx_http_soporte_ping_s  ngx_http_soporte_ping_t;


/* how it ended */

typedef enum {
    NGX_HTTP_SOPORTE_PING_GOOD = 0,          /* 200 */
    NGX_HTTP_SOPORTE_PING_FAILED,            /* for the cause */
    NGX_HTTP_SOPORTE_PING_NOTHING            /* no word: this worker exits */
} ngx_http_soporte_ping_e;


struct ngx_http_soporte_ping_s {
    ngx_queue_t                queue;        /* the owner's */
    void                      *data;
    ngx_uint_t                 kind;

    /* called once, when the connection is closed; frees the ping itself */
    void                     (*handler)(ngx_http_soporte_ping_t *ping,
                                        ngx_http_soporte_ping_e result);

    ngx_addr_t                *addrs;        /* tried in turn */
    ngx_uint_t                 naddrs;
    ngx_msec_t                 timeout;      /* ms, of all of it */

    ngx_msec_t                 began;        /* monotonic ms */
    ngx_soporte_cause_e        cause;
    ngx_soporte_answer_t       answer;

    /* its own */

    ngx_peer_connection_t      peer;
    ngx_uint_t                 at;           /* address */
    unsigned                   connected:1;
    size_t                     sent;
    size_t                     len;          /* of the request */
    size_t                     size;         /* of the answer so far */
    u_char                     request[NGX_HTTP_SOPORTE_PING_REQUEST];
    u_char                     buf[NGX_SOPORTE_ANSWER_MAX];
};


/*
 * Sends it.  NGX_OK: the handler will be called, later.  NGX_DECLINED: no
 * address could be connected to, the handler is not called.  NGX_ERROR: this
 * worker has no connection or descriptor left, which says nothing about
 * anybody.
 */
ngx_int_t ngx_http_soporte_ping_send(ngx_http_soporte_ping_t *ping);

/* closes the connection; the handler is called with NOTHING */
void ngx_http_soporte_ping_drop(ngx_http_soporte_ping_t *ping);


#endif /* _NGX_HTTP_SOPORTE_PING_H_INCLUDED_ */
