
/*
 * The scrape: streams the metrics, some tenants a turn of the event loop.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_metrics.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_stream.h"


#define NGX_HTTP_SOPORTE_BULK   600          /* tenants, in the node's scrape */
#define NGX_HTTP_SOPORTE_SLICE  128          /* tenants a turn */


typedef enum {
    NGX_HTTP_SOPORTE_SCRAPE_SUM = 0,
    NGX_HTTP_SOPORTE_SCRAPE_NODE,
    NGX_HTTP_SOPORTE_SCRAPE_BULK
} ngx_http_soporte_scrape_e;


typedef struct {
    ngx_http_soporte_stream_t   stream;
    ngx_soporte_zone_t         *zone;
    ngx_http_soporte_sums_t     sums;

    ngx_http_soporte_scrape_e   step;
    ngx_uint_t                  metric;      /* of the bulk */
    uint32_t                    slot;        /* next */
    uint32_t                    first;       /* shard */
    uint32_t                    stride;      /* of */
    ngx_uint_t                  bulk;        /* the tenants' metrics follow */
} ngx_http_soporte_scrape_t;


static ngx_int_t ngx_http_soporte_scrape_step(
    ngx_http_soporte_stream_t *stream);
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
    ngx_http_soporte_reply_t       reply;
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
    scrape->stream.step = ngx_http_soporte_scrape_step;
    scrape->stream.data = scrape;
    scrape->stream.turn = NGX_HTTP_SOPORTE_SLICE;
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

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;
    reply.type = ngx_http_soporte_scrape_type;

    return ngx_http_soporte_stream(r, &reply, &scrape->stream);
}


/* a step never writes more than a stream allows: no line is cut */

static ngx_int_t
ngx_http_soporte_scrape_step(ngx_http_soporte_stream_t *stream)
{
    ngx_http_soporte_scrape_t  *scrape = stream->data;

    switch (scrape->step) {

    case NGX_HTTP_SOPORTE_SCRAPE_SUM:
        if (scrape->slot < ngx_soporte_acquire(&scrape->zone->header->used)) {
            ngx_http_soporte_metrics_sum(&scrape->sums, scrape->zone,
                                         scrape->slot++);
        } else {
            scrape->step = NGX_HTTP_SOPORTE_SCRAPE_NODE;
        }

        return NGX_OK;

    case NGX_HTTP_SOPORTE_SCRAPE_NODE:
        ngx_http_soporte_metrics_node(&stream->out, scrape->zone,
                                      &scrape->sums);
        scrape->slot = 0;
        scrape->step = NGX_HTTP_SOPORTE_SCRAPE_BULK;

        return scrape->bulk ? NGX_OK : NGX_DONE;

    default: /* NGX_HTTP_SOPORTE_SCRAPE_BULK */
        return ngx_http_soporte_scrape_tenant(scrape) ? NGX_DONE : NGX_OK;
    }
}


/* one tenant of one metric; a metric's samples stand together.  1: all done */

static ngx_uint_t
ngx_http_soporte_scrape_tenant(ngx_http_soporte_scrape_t *scrape)
{
    if (scrape->slot == scrape->first) {
        ngx_soporte_metric_head(&scrape->stream.out, scrape->metric);
    }

    if (scrape->slot < ngx_soporte_acquire(&scrape->zone->header->used)) {
        ngx_http_soporte_metrics_bulk(&scrape->stream.out, scrape->zone,
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
