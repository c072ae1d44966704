
/*
 * Streaming: one buffer, filled by the caller's steps, sent, filled again in
 * another turn of the event loop.
 */

#include "ngx_http_soporte_stream.h"


#define NGX_HTTP_SOPORTE_STREAM_SPACE  65536 /* bytes of the buffer */


static ngx_int_t ngx_http_soporte_stream_write(void *data, const u_char *p,
    size_t len);
static void ngx_http_soporte_stream_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_stream_slice(ngx_http_request_t *r,
    ngx_http_soporte_stream_t *stream);
static ngx_int_t ngx_http_soporte_stream_fill(
    ngx_http_soporte_stream_t *stream);


/* a step never writes more than was left for it: nothing is cut */

static ngx_int_t
ngx_http_soporte_stream_write(void *data, const u_char *p, size_t len)
{
    ngx_http_soporte_stream_t  *stream = data;

    if ((size_t) (stream->buf->end - stream->buf->last) < len) {
        return NGX_ERROR;
    }

    stream->buf->last = ngx_cpymem(stream->buf->last, p, len);

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_stream(ngx_http_request_t *r,
    ngx_http_soporte_reply_t *reply, ngx_http_soporte_stream_t *stream)
{
    ngx_int_t  rc;

    /* or the discard would invite the upload that nobody wants */

    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    stream->buf = ngx_create_temp_buf(r->pool, NGX_HTTP_SOPORTE_STREAM_SPACE);

    if (stream->buf == NULL
        || ngx_http_soporte_reply_head(r, reply, -1) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    stream->out.write = ngx_http_soporte_stream_write;
    stream->out.data = stream;
    stream->ended = 0;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    ngx_http_set_ctx(r, stream, ngx_http_soporte_module);

    r->main->count++;
    r->write_event_handler = ngx_http_soporte_stream_handler;

    ngx_http_soporte_stream_handler(r);

    return NGX_DONE;
}


static void
ngx_http_soporte_stream_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_event_t                *wev;
    ngx_connection_t           *c;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_soporte_stream_t  *stream;

    c = r->connection;
    wev = c->write;
    stream = ngx_http_get_module_ctx(r, ngx_http_soporte_module);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    /* what was rendered before goes first, the buffer is one */

    if (r->buffered || c->buffered) {
        rc = ngx_http_output_filter(r, NULL);

    } else if (stream->ended) {
        ngx_http_finalize_request(r, NGX_OK);
        return;

    } else {
        rc = ngx_http_soporte_stream_slice(r, stream);
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
ngx_http_soporte_stream_slice(ngx_http_request_t *r,
    ngx_http_soporte_stream_t *stream)
{
    ngx_buf_t  *b;

    b = stream->buf;
    b->pos = b->start;
    b->last = b->start;

    if (ngx_http_soporte_stream_fill(stream) != NGX_OK) {
        return NGX_ERROR;
    }

    if (b->last == b->pos && !stream->ended) {
        return NGX_OK;
    }

    b->flush = 1;
    b->last_buf = stream->ended;
    b->temporary = (b->last != b->pos);
    b->sync = 0;

    stream->link.buf = b;
    stream->link.next = NULL;

    return ngx_http_output_filter(r, &stream->link);
}


static ngx_int_t
ngx_http_soporte_stream_fill(ngx_http_soporte_stream_t *stream)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    for (n = 0; n < stream->turn; n++) {

        if (stream->buf->end - stream->buf->last
            < NGX_HTTP_SOPORTE_STREAM_NEED)
        {
            break;
        }

        rc = stream->step(stream);

        if (rc == NGX_ERROR || stream->out.failed) {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            stream->ended = 1;
            break;
        }
    }

    return NGX_OK;
}
