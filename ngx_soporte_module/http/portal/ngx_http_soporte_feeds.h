
/*
 * The feeds for programs: what the files that fill them have in common.
 */

#ifndef _NGX_HTTP_SOPORTE_FEEDS_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_FEEDS_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_view.h"


typedef struct {
    ngx_http_request_t      *request;
    ngx_http_soporte_ctx_t  *ctx;
    ngx_soporte_zone_t      *zone;
    ngx_http_soporte_view_t  view;
    ngx_soporte_value_t     *root;
    ngx_str_t                url;            /* of the status page, absolute */
    ngx_uint_t               visible;        /* NGX_SOPORTE_PUBLIC_ bits */
} ngx_http_soporte_feed_t;


/* which notices a list has */

#define NGX_HTTP_SOPORTE_FEED_AHEAD  0x01
#define NGX_HTTP_SOPORTE_FEED_NOW    0x02
#define NGX_HTTP_SOPORTE_FEED_PAST   0x04
#define NGX_HTTP_SOPORTE_FEED_ALL    0x07


/* "incidents" and "scheduled_maintenances", those of the tenses given */
void ngx_http_soporte_feed_list_incidents(ngx_http_soporte_feed_t *feed,
    ngx_uint_t tenses);
void ngx_http_soporte_feed_list_windows(ngx_http_soporte_feed_t *feed,
    ngx_uint_t tenses);

/* an instant with milliseconds, as Statuspage writes it; 0: null */
void ngx_http_soporte_feed_instant(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *parent, const char *name, int64_t t);

/* "KEY" and a suffix: ids that programs may keep */
void ngx_http_soporte_feed_key(ngx_http_soporte_feed_t *feed,
    ngx_soporte_value_t *parent, const char *name, const char *suffix);

/* what Statuspage calls the state of a component */
const char *ngx_http_soporte_feed_component_status(ngx_uint_t state);


#endif /* _NGX_HTTP_SOPORTE_FEEDS_H_INCLUDED_ */
