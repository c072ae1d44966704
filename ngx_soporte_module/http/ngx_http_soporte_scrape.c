
/*
 * The scrape: streams the metrics, some tenants a turn of the event loop, from
 * one buffer that is filled again only when it was sent.  So the worker never
 * stalls, and memory is bounded, however many tenants there are.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_metrics.h"
#include "ngx_http_soporte_reply.h"


#define NGX_HTTP_SOPORTE_BULK   600          /* tenants, in the node's scrape */
#define NGX_HTTP_SOPORTE_SLICE  128          /* tenants a turn */
#define NGX_HTTP_SOPORTE_SPACE  65536        /* bytes of the buffer */
#define NGX_HTTP_SOPORTE_NEED   16384        /* ... that a step may take */


typedef enum {
    NGX_HTTP_SOPORTE_SCRAPE_SUM = 0,
    NGX_HTTP_SOPORTE_SCRAPE_NODE,
    NGX_HTTP_SOPORTE_SCRAPE_BULK,
    NGX_HTTP_SOPORTE_SCRAPE_END
} ngx_http_soporte_scrape_e;


typedef struct {
    ngx_soporte_out_t           out;
    ngx_soporte_zone_t         *zone;
    ngx_buf_t                  *buf;
    ngx_chain_t                 link;
    ngx_http_soporte_sums_t     sums;

    ngx_http_soporte_scrape_e   step;
    ngx_uint_t                  metric;      /* of the bulk */
    uint32_t                    slot;        /* next */
    uint32_t                    first;       /* shard */
    uint32_t                    stride;      /* of */
    ngx_uint_t                  bulk;        /* the tenants' metrics follow */
} ngx_http_soporte_scrape_t;


static ngx_int_t ngx_http_soporte_scrape_write(void *data, const u_char *p,
    size_t len);
static ngx_int_t ngx_http_soporte_scrape_start(ngx_http_request_t *r,
    ngx_http_soporte_scrape_t *scrape);
static void ngx_http_soporte_scrape_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_scrape_slice(ngx_http_request_t *r,
    ngx_http_soporte_scrape_t *scrape);
static void ngx_http_soporte_scrape_fill(ngx_http_soporte_scrape_t *scrape);
static ngx_uint_t ngx_http_soporte_scrape_tenant(
    ngx_http_soporte_scrape_t *scrape);
static ngx_int_t ngx_http_soporte_scrape_detail(ngx_http_request_t *r,
    ngx_soporte_zone_t *zone, ngx_str_t *name);


static ngx_str_t  ngx_http_soporte_scrape_type =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");


ngx_int_t
ngx_http_soporte_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                      of, shard;
    ngx_str_t                      arg;
    ngx_uint_t                     tenants;
    ngx_soporte_zone_t            *zone;
    ngx_http_soporte_scrape_t     *scrape;
    ngx_http_soporte_main_conf_t  *smcf;

    static const char              suffix[] = "/tenants";

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    zone = smcf->zone;

    if (ngx_http_arg(r, (u_char *) "tenant", 6, &arg) == NGX_OK) {
        return ngx_http_soporte_scrape_detail(r, zone, &arg);
    }

    tenants = (r->uri.len >= sizeof(suffix) - 1
               && ngx_strncmp(r->uri.data + r->uri.len - (sizeof(suffix) - 1),
                              suffix, sizeof(suffix) - 1) == 0);

    shard = 0;
    of = 1;

    if (ngx_http_arg(r, (u_char *) "of", 2, &arg) == NGX_OK) {
        of = ngx_atoi(arg.data, arg.len);
    }

    if (ngx_http_arg(r, (u_char *) "shard", 5, &arg) == NGX_OK) {
        shard = ngx_atoi(arg.data, arg.len);
    }

    if (of < 1 || of > 1024 || shard < 0 || shard >= of) {
        return NGX_HTTP_BAD_REQUEST;
    }

    scrape = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_scrape_t));

    if (scrape == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    scrape->zone = zone;
    scrape->out.write = ngx_http_soporte_scrape_write;
    scrape->out.data = scrape;
    scrape->metric = NGX_SOPORTE_METRIC_REQUESTS;
    scrape->stride = 1;

    if (tenants) {
        scrape->step = NGX_HTTP_SOPORTE_SCRAPE_BULK;
        scrape->bulk = 1;
        scrape->first = shard;
        scrape->slot = shard;
        scrape->stride = of;

    } else {
        scrape->bulk = (ngx_soporte_load(&zone->header->used)
                        <= NGX_HTTP_SOPORTE_BULK);
    }

    return ngx_http_soporte_scrape_start(r, scrape);
}


/* a step never writes more than was left for it: no line is cut */

static ngx_int_t
ngx_http_soporte_scrape_write(void *data, const u_char *p, size_t len)
{
    ngx_http_soporte_scrape_t  *scrape = data;

    if ((size_t) (scrape->buf->end - scrape->buf->last) < len) {
        return NGX_ERROR;
    }

    scrape->buf->last = ngx_cpymem(scrape->buf->last, p, len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_scrape_start(ngx_http_request_t *r,
    ngx_http_soporte_scrape_t *scrape)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    scrape->buf = ngx_create_temp_buf(r->pool, NGX_HTTP_SOPORTE_SPACE);

    if (scrape->buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = ngx_http_soporte_scrape_type;
    r->headers_out.content_type_len = ngx_http_soporte_scrape_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_http_clear_content_length(r);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    ngx_http_set_ctx(r, scrape, ngx_http_soporte_module);

    r->main->count++;
    r->write_event_handler = ngx_http_soporte_scrape_handler;

    ngx_http_soporte_scrape_handler(r);

    return NGX_DONE;
}


static void
ngx_http_soporte_scrape_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_event_t                *wev;
    ngx_connection_t           *c;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_soporte_scrape_t  *scrape;

    c = r->connection;
    wev = c->write;
    scrape = ngx_http_get_module_ctx(r, ngx_http_soporte_module);

    if (wev->timedout) {
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    /* what was rendered before goes first, the buffer is one */

    if (r->buffered || c->buffered) {
        rc = ngx_http_output_filter(r, NULL);

    } else if (scrape->step == NGX_HTTP_SOPORTE_SCRAPE_END) {
        ngx_http_finalize_request(r, NGX_OK);
        return;

    } else {
        rc = ngx_http_soporte_scrape_slice(r, scrape);
    }

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (r->buffered || c->buffered) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        ngx_add_timer(wev, clcf->send_timeout);

        if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    /* others have their turn */

    ngx_post_event(wev, &ngx_posted_next_events);
}


static ngx_int_t
ngx_http_soporte_scrape_slice(ngx_http_request_t *r,
    ngx_http_soporte_scrape_t *scrape)
{
    ngx_buf_t  *b;

    b = scrape->buf;
    b->pos = b->start;
    b->last = b->start;

    ngx_http_soporte_scrape_fill(scrape);

    if (scrape->out.failed) {
        return NGX_ERROR;
    }

    if (b->last == b->pos && scrape->step != NGX_HTTP_SOPORTE_SCRAPE_END) {
        return NGX_OK;
    }

    b->flush = 1;
    b->last_buf = (scrape->step == NGX_HTTP_SOPORTE_SCRAPE_END);
    b->temporary = (b->last != b->pos);
    b->sync = 0;

    scrape->link.buf = b;
    scrape->link.next = NULL;

    return ngx_http_output_filter(r, &scrape->link);
}


static void
ngx_http_soporte_scrape_fill(ngx_http_soporte_scrape_t *scrape)
{
    uint32_t    used;
    ngx_uint_t  n;

    used = ngx_soporte_acquire(&scrape->zone->header->used);

    for (n = 0; n < NGX_HTTP_SOPORTE_SLICE; n++) {

        if (scrape->buf->end - scrape->buf->last < NGX_HTTP_SOPORTE_NEED) {
            return;
        }

        switch (scrape->step) {

        case NGX_HTTP_SOPORTE_SCRAPE_SUM:
            if (scrape->slot < used) {
                ngx_http_soporte_metrics_sum(&scrape->sums, scrape->zone,
                                             scrape->slot++);
            } else {
                scrape->step = NGX_HTTP_SOPORTE_SCRAPE_NODE;
            }

            break;

        case NGX_HTTP_SOPORTE_SCRAPE_NODE:
            ngx_http_soporte_metrics_node(&scrape->out, scrape->zone,
                                          &scrape->sums);
            scrape->slot = 0;
            scrape->step = scrape->bulk ? NGX_HTTP_SOPORTE_SCRAPE_BULK
                                        : NGX_HTTP_SOPORTE_SCRAPE_END;
            break;

        case NGX_HTTP_SOPORTE_SCRAPE_BULK:
            if (ngx_http_soporte_scrape_tenant(scrape)) {
                scrape->step = NGX_HTTP_SOPORTE_SCRAPE_END;
            }

            break;

        default: /* NGX_HTTP_SOPORTE_SCRAPE_END */
            return;
        }
    }
}


/* one tenant of one metric; a metric's samples stand together.  1: all done */

static ngx_uint_t
ngx_http_soporte_scrape_tenant(ngx_http_soporte_scrape_t *scrape)
{
    if (scrape->slot == scrape->first) {
        ngx_soporte_metric_head(&scrape->out, scrape->metric);
    }

    if (scrape->slot < ngx_soporte_acquire(&scrape->zone->header->used)) {
        ngx_http_soporte_metrics_bulk(&scrape->out, scrape->zone,
                                      scrape->slot, scrape->metric);
        scrape->slot += scrape->stride;
        return 0;
    }

    scrape->slot = scrape->first;

    return scrape->metric++ == NGX_SOPORTE_METRIC_BULK_LAST;
}


static ngx_int_t
ngx_http_soporte_scrape_detail(ngx_http_request_t *r,
    ngx_soporte_zone_t *zone, ngx_str_t *name)
{
    ngx_int_t                  rc;
    ngx_soporte_out_t         *out;
    ngx_http_soporte_body_t    body;
    ngx_http_soporte_reply_t   reply;

    out = ngx_http_soporte_body(&body, r->pool);
    rc = ngx_http_soporte_metrics_detail(out, zone, name);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;
    reply.type = ngx_http_soporte_scrape_type;

    return ngx_http_soporte_reply(r, &reply, &body);
}
