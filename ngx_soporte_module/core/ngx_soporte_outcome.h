
/*
 * What one finished request counts as, on two axes that are never mixed: what
 * the tenant's application did, and what the client got.
 *
 * The application is judged by the last attempt on the tenant's own upstream.
 * Attempts before it, and an error_page that hands over to another upstream,
 * change only what the client got.  A request that was never handed to that
 * upstream says nothing about the application and is excluded.
 */

#ifndef _NGX_SOPORTE_OUTCOME_H_INCLUDED_
#define _NGX_SOPORTE_OUTCOME_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_detect.h"


/* the application's axis; good, hard, soft lie in the order of the counters */

typedef enum {
    NGX_SOPORTE_EXCLUDED = 0,
    NGX_SOPORTE_GOOD,
    NGX_SOPORTE_HARD,                        /* no answer, or not all of it */
    NGX_SOPORTE_SOFT                         /* an answer that says "failed" */
} ngx_soporte_outcome_e;


/* the client's axis */

typedef enum {
    NGX_SOPORTE_CLIENT_SERVED = 0,
    NGX_SOPORTE_CLIENT_FAILED,               /* 5xx, or a body cut short */
    NGX_SOPORTE_CLIENT_REFUSED,              /* by nginx: limits, bad syntax */
    NGX_SOPORTE_CLIENT_LEFT,                 /* before all was sent */
    NGX_SOPORTE_CLIENT_HELD                  /* our page, upstream not asked */
} ngx_soporte_client_e;


/* the request was handed to the tenant's upstream, r->upstream was made */
#define NGX_SOPORTE_SAMPLE_UPSTREAM   0x0001
/* the last attempt on it brought a valid header */
#define NGX_SOPORTE_SAMPLE_HEADER     0x0002
/* 101; judged at the handshake, the tunnel's life says nothing */
#define NGX_SOPORTE_SAMPLE_UPGRADED   0x0004
/* answered from a cache: HIT, STALE, UPDATING */
#define NGX_SOPORTE_SAMPLE_CACHED     0x0008
/* the body is ours: a page of a window, or one in place of a 502 or 504 */
#define NGX_SOPORTE_SAMPLE_OURS       0x0010
/* 503 with exc_type InReadOnlyMode: the application reads, and says so */
#define NGX_SOPORTE_SAMPLE_READ_ONLY  0x0020
/* limit_req or limit_conn refused it (r->limit_req_status and the like) */
#define NGX_SOPORTE_SAMPLE_LIMITED    0x0040
/* portal, metrics, control, a probe: never a sample of the tenant */
#define NGX_SOPORTE_SAMPLE_EXCLUDED   0x0080
/* socket.io's long poll: the application waits because it was asked to */
#define NGX_SOPORTE_SAMPLE_POLL       0x0100

/* ... Frappe's maintenance: exc_type SessionStopped, or the page for it */
#define NGX_SOPORTE_SAMPLE_STOPPED    0x0200
/* bytes came from the last attempt, and they were no valid header */
#define NGX_SOPORTE_SAMPLE_INVALID    0x0400

/* what counts as hard: classes of soporte_failure */
#define NGX_SOPORTE_FAILURE_SET       0x0001 /* nginx's, "it was said" */
#define NGX_SOPORTE_FAILURE_ERROR     0x0002 /* refused, reset, cut short */
#define NGX_SOPORTE_FAILURE_TIMEOUT   0x0004
#define NGX_SOPORTE_FAILURE_HEADER    0x0008 /* bytes came, and no header */
#define NGX_SOPORTE_FAILURE_500       0x0010 /* what was answered */
#define NGX_SOPORTE_FAILURE_502       0x0020
#define NGX_SOPORTE_FAILURE_503       0x0040
#define NGX_SOPORTE_FAILURE_504       0x0080
#define NGX_SOPORTE_FAILURE_403       0x0100
#define NGX_SOPORTE_FAILURE_404       0x0200
#define NGX_SOPORTE_FAILURE_429       0x0400

#define NGX_SOPORTE_FAILURE_DEFAULT                                           \
    (NGX_SOPORTE_FAILURE_ERROR|NGX_SOPORTE_FAILURE_TIMEOUT                    \
     |NGX_SOPORTE_FAILURE_HEADER|NGX_SOPORTE_FAILURE_502                      \
     |NGX_SOPORTE_FAILURE_503|NGX_SOPORTE_FAILURE_504)

/* in a sample's flags: in which of them soporte_failure is not as by default */
#define NGX_SOPORTE_SAMPLE_UNLIKE     0xffff0000
#define ngx_soporte_sample_unlike(failures)  ((uint32_t) (failures) << 16)

/* u->finalize_request was not seen; another value than any rc of nginx */
#define NGX_SOPORTE_RC_UNKNOWN        (-100)

/* a client that leaves sooner says nothing about the application */
#define NGX_SOPORTE_PATIENCE          10000  /* ms */


/*
 * What the log phase knows of a main request.  With X-Accel-Redirect and with
 * error_page the upstream's fields are those of the first part, the tenant's:
 * the entries of r->upstream_states before the first separator.
 */

typedef struct {
    uint16_t       status;                   /* sent to the client, or 0 */
    uint16_t       upstream_status;          /* of the last attempt, or 0 */
    uint16_t       attempts;                 /* on the tenant's upstream */
    uint32_t       flags;                    /* NGX_SOPORTE_SAMPLE_ */
    int32_t        rc;                       /* u->finalize_request's, or
                                                NGX_SOPORTE_RC_UNKNOWN */
    uint32_t       waited;                   /* ms since it was handed on */
    ngx_msec_t     header_time;              /* ms to the upstream's last
                                                header byte, or -1 */
} ngx_soporte_sample_t;


/* "excluded", "good", "hard", "soft" by ngx_soporte_outcome_e */
extern const ngx_str_t  ngx_soporte_outcome_names[4];

/* "served", "failed", "refused", "left", "held" by ngx_soporte_client_e */
extern const ngx_str_t  ngx_soporte_client_names[5];


/* the rare cases of ngx_soporte_outcome(); not for other callers */
ngx_soporte_outcome_e ngx_soporte_outcome_rare(const ngx_soporte_sample_t *s);

ngx_soporte_client_e ngx_soporte_client_outcome(const ngx_soporte_sample_t *s);

/* how a hard failure came about */
ngx_soporte_cause_e ngx_soporte_outcome_cause(const ngx_soporte_sample_t *s);


/* what the application did; in the path of every request */

static ngx_inline ngx_soporte_outcome_e
ngx_soporte_outcome(const ngx_soporte_sample_t *s)
{
    if ((s->flags & (NGX_SOPORTE_SAMPLE_UPSTREAM|NGX_SOPORTE_SAMPLE_HEADER
                     |NGX_SOPORTE_SAMPLE_EXCLUDED|NGX_SOPORTE_SAMPLE_LIMITED
                     |NGX_SOPORTE_SAMPLE_UNLIKE))
        == (NGX_SOPORTE_SAMPLE_UPSTREAM|NGX_SOPORTE_SAMPLE_HEADER)
        && s->rc == NGX_OK
        && s->upstream_status < 500)
    {
        return NGX_SOPORTE_GOOD;
    }

    return ngx_soporte_outcome_rare(s);
}


/*
 * The latency to put into the histogram, ms, or (ngx_msec_t) -1 for none:
 * of answers only, not of what was excluded, not of a long poll.
 */

static ngx_inline ngx_msec_t
ngx_soporte_outcome_latency(const ngx_soporte_sample_t *s,
    ngx_soporte_outcome_e outcome)
{
    if (outcome == NGX_SOPORTE_EXCLUDED
        || (s->flags & (NGX_SOPORTE_SAMPLE_HEADER|NGX_SOPORTE_SAMPLE_POLL))
           != NGX_SOPORTE_SAMPLE_HEADER)
    {
        return (ngx_msec_t) -1;
    }

    return s->header_time;
}


/* attempts on the tenant's upstream that failed, also of a request gone well */

static ngx_inline ngx_uint_t
ngx_soporte_outcome_failed_attempts(const ngx_soporte_sample_t *s,
    ngx_soporte_outcome_e outcome)
{
    if (s->attempts == 0) {
        return 0;
    }

    return s->attempts - (outcome != NGX_SOPORTE_HARD);
}


#endif /* _NGX_SOPORTE_OUTCOME_H_INCLUDED_ */
