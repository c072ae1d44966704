
/*
 * The timer over the requests that wait.  What it sees goes to the leader by
 * a word in the tenant's slot, which the leader takes out.
 */

#include "ngx_http_soporte_wait.h"
#include "ngx_http_soporte_log.h"

#include "ngx_soporte_detect.h"


#define NGX_HTTP_SOPORTE_WAIT_TICK  250      /* ms */

#define NGX_HTTP_SOPORTE_WAIT_LAST                                            \
    (NGX_HTTP_SOPORTE_WAIT_PLACES + NGX_HTTP_SOPORTE_WAIT_AGED)


static void ngx_http_soporte_wait_tick(ngx_event_t *ev);
static ngx_uint_t ngx_http_soporte_wait_young(ngx_http_request_t *r);
static void ngx_http_soporte_wait_age(ngx_uint_t at);
static void ngx_http_soporte_wait_look(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx);


ngx_http_request_t  *ngx_http_soporte_waiting[NGX_HTTP_SOPORTE_WAIT_LAST];
ngx_uint_t           ngx_http_soporte_wait_next;

static ngx_uint_t        ngx_http_soporte_wait_head;
static ngx_uint_t        ngx_http_soporte_wait_aged;   /* places in use */
static ngx_event_t       ngx_http_soporte_wait_event;
static ngx_connection_t  ngx_http_soporte_wait_dummy;


void
ngx_http_soporte_wait_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_http_soporte_wait_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_http_soporte_wait_event;

    ev->handler = ngx_http_soporte_wait_tick;
    ev->data = &ngx_http_soporte_wait_dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_SOPORTE_WAIT_TICK);
}


static void
ngx_http_soporte_wait_tick(ngx_event_t *ev)
{
    ngx_uint_t            i, n;
    ngx_http_request_t   *r;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    /* the oldest of the ring, as far as they are old */

    while (ngx_http_soporte_wait_head != ngx_http_soporte_wait_next) {
        i = ngx_http_soporte_wait_head;
        r = ngx_http_soporte_waiting[i];

        if (r) {
            if (ngx_http_soporte_wait_young(r)) {
                break;
            }

            ngx_http_soporte_wait_age(i);
        }

        ngx_http_soporte_wait_head = (i + 1) % NGX_HTTP_SOPORTE_WAIT_PLACES;
    }

    /* all that are aged; holes at the end are given back */

    n = 0;

    for (i = 0; i < ngx_http_soporte_wait_aged; i++) {
        r = ngx_http_soporte_waiting[NGX_HTTP_SOPORTE_WAIT_PLACES + i];

        if (r) {
            n = i + 1;
            ngx_http_soporte_wait_look(r, ngx_http_soporte_ctx_room(r));
        }
    }

    ngx_http_soporte_wait_aged = n;

    ngx_add_timer(ev, NGX_HTTP_SOPORTE_WAIT_TICK);
}


/* by the wall clock, which is all that a request keeps; a step does no harm */

static ngx_uint_t
ngx_http_soporte_wait_young(ngx_http_request_t *r)
{
    int64_t      age;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    age = (int64_t) (tp->sec - r->start_sec) * 1000
          + ((int64_t) tp->msec - (int64_t) r->start_msec);

    return age >= 0 && age < NGX_SOPORTE_DETECT_WAITING;
}


/* with all aged places taken a request is not watched any longer */

static void
ngx_http_soporte_wait_age(ngx_uint_t at)
{
    ngx_uint_t               i;
    ngx_http_request_t      *r;
    ngx_http_soporte_ctx_t  *ctx;

    r = ngx_http_soporte_waiting[at];
    ctx = ngx_http_soporte_ctx_room(r);

    ngx_http_soporte_wait_leave(ctx);

    /* socket.io waits because it was asked to */

    if (ngx_http_soporte_polls(r)) {
        return;
    }

    for (i = NGX_HTTP_SOPORTE_WAIT_PLACES;
         i < NGX_HTTP_SOPORTE_WAIT_LAST;
         i++)
    {
        if (ngx_http_soporte_waiting[i]) {
            continue;
        }

        ngx_http_soporte_waiting[i] = r;
        ctx->wait = i + 1;

        i -= NGX_HTTP_SOPORTE_WAIT_PLACES;
        ngx_http_soporte_wait_aged = ngx_max(ngx_http_soporte_wait_aged,
                                             i + 1);
        return;
    }
}


/*
 * Waits, if a connection is not made or all of the request was sent: a body
 * still on its way, a lock of the cache, a subrequest are nobody's failure.
 */

static void
ngx_http_soporte_wait_look(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL || u->peer.connection == NULL || u->header_sent
        || (u->request_sent && !u->request_body_sent)
        || ngx_current_msec - u->start_time < NGX_SOPORTE_DETECT_WAITING)
    {
        return;
    }

    /* the oldest is told of first; 0 would be nobody */

    if (ngx_soporte_load(&ctx->tenant->waiting) == 0) {
        ngx_soporte_store(&ctx->tenant->waiting,
                          (uint32_t) u->start_time | 1);
    }
}
