
/*
 * The small client.  Its connections are "idle" in nginx's sense: a worker
 * that is told to quit closes them at once.  Failures are not logged, they are
 * what a probe is for.
 */

#include "ngx_http_soporte_ping.h"


static ngx_int_t ngx_http_soporte_ping_connect(ngx_http_soporte_ping_t *ping);
static void ngx_http_soporte_ping_write(ngx_event_t *wev);
static void ngx_http_soporte_ping_sent(ngx_event_t *wev);
static void ngx_http_soporte_ping_read(ngx_event_t *rev);
static ngx_uint_t ngx_http_soporte_ping_refused(ngx_connection_t *c);
static void ngx_http_soporte_ping_next(ngx_http_soporte_ping_t *ping);
static void ngx_http_soporte_ping_answered(ngx_http_soporte_ping_t *ping,
    ngx_uint_t closed);
static void ngx_http_soporte_ping_fail(ngx_http_soporte_ping_t *ping,
    ngx_soporte_cause_e cause);
static void ngx_http_soporte_ping_end(ngx_http_soporte_ping_t *ping,
    ngx_http_soporte_ping_e result);


/* level 0: nothing but what nginx writes to stderr passes */

static ngx_log_t  ngx_http_soporte_ping_log;


ngx_int_t
ngx_http_soporte_ping_send(ngx_http_soporte_ping_t *ping)
{
    ngx_int_t  rc;

    ping->began = ngx_current_msec;
    ping->cause = NGX_SOPORTE_CAUSE_CONNECT;
    ping->at = 0;

    do {
        rc = ngx_http_soporte_ping_connect(ping);

    } while (rc == NGX_DECLINED && ++ping->at < ping->naddrs);

    return rc;
}


static ngx_int_t
ngx_http_soporte_ping_connect(ngx_http_soporte_ping_t *ping)
{
    ngx_int_t               rc;
    ngx_msec_t              left;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *peer;

    peer = &ping->peer;

    ngx_memzero(peer, sizeof(ngx_peer_connection_t));

    peer->sockaddr = ping->addrs[ping->at].sockaddr;
    peer->socklen = ping->addrs[ping->at].socklen;
    peer->name = &ping->addrs[ping->at].name;
    peer->get = ngx_event_get_peer;
    peer->log = &ngx_http_soporte_ping_log;
    peer->log_error = NGX_ERROR_ERR;

    ping->connected = 0;
    ping->sent = 0;
    ping->size = 0;

    rc = ngx_event_connect_peer(peer);

    if (rc == NGX_DECLINED || rc == NGX_BUSY || rc == NGX_ERROR) {

        if (peer->connection) {
            ngx_close_connection(peer->connection);
            peer->connection = NULL;
        }

        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
    }

    c = peer->connection;

    c->data = ping;
    c->idle = 1;
    c->read->handler = ngx_http_soporte_ping_read;
    c->write->handler = ngx_http_soporte_ping_write;
    c->read->cancelable = 1;

    left = ping->timeout - ngx_min(ngx_current_msec - ping->began,
                                   ping->timeout - 1);

    ngx_add_timer(c->read, left);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_soporte_ping_write(ngx_event_t *wev)
{
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_soporte_ping_t  *ping;

    c = wev->data;
    ping = c->data;

    if (!ping->connected) {

        if (ngx_http_soporte_ping_refused(c)) {
            ngx_http_soporte_ping_next(ping);
            return;
        }

        ping->connected = 1;
    }

    while (ping->sent < ping->len) {
        n = c->send(c, ping->request + ping->sent, ping->len - ping->sent);

        if (n == NGX_AGAIN) {

            if (ngx_handle_write_event(wev, 0) != NGX_OK) {
                ngx_http_soporte_ping_end(ping,
                                          NGX_HTTP_SOPORTE_PING_NOTHING);
            }

            return;
        }

        if (n < 0) {
            ngx_http_soporte_ping_fail(ping, NGX_SOPORTE_CAUSE_CONNECT);
            return;
        }

        ping->sent += n;
    }

    wev->handler = ngx_http_soporte_ping_sent;

    if (ngx_handle_write_event(wev, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_http_soporte_ping_end(ping, NGX_HTTP_SOPORTE_PING_NOTHING);
        return;
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static void
ngx_http_soporte_ping_sent(ngx_event_t *wev)
{
}


static void
ngx_http_soporte_ping_read(ngx_event_t *rev)
{
    ssize_t                   n;
    ngx_connection_t         *c;
    ngx_http_soporte_ping_t  *ping;

    c = rev->data;
    ping = c->data;

    if (c->close) {
        ngx_http_soporte_ping_end(ping, NGX_HTTP_SOPORTE_PING_NOTHING);
        return;
    }

    if (rev->timedout) {
        ngx_http_soporte_ping_fail(ping, NGX_SOPORTE_CAUSE_TIMEOUT);
        return;
    }

    if (!ping->connected) {

        /* the write event tells of a connection, this one of a refusal */

        if (ngx_http_soporte_ping_refused(c)) {
            ngx_http_soporte_ping_next(ping);
        }

        return;
    }

    for ( ;; ) {
        n = c->recv(c, ping->buf + ping->size,
                    NGX_SOPORTE_ANSWER_MAX - ping->size);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_soporte_ping_end(ping,
                                          NGX_HTTP_SOPORTE_PING_NOTHING);
                return;
            }

            break;
        }

        if (n <= 0) {
            ngx_http_soporte_ping_answered(ping, 1);
            return;
        }

        ping->size += n;

        if (ping->size == NGX_SOPORTE_ANSWER_MAX) {
            break;
        }
    }

    ngx_http_soporte_ping_answered(ping, 0);
}


static ngx_uint_t
ngx_http_soporte_ping_refused(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err != 0;
}


/* a name may have several addresses, of which one is enough */

static void
ngx_http_soporte_ping_next(ngx_http_soporte_ping_t *ping)
{
    ngx_close_connection(ping->peer.connection);
    ping->peer.connection = NULL;

    while (++ping->at < ping->naddrs) {
        if (ngx_http_soporte_ping_connect(ping) == NGX_OK) {
            return;
        }
    }

    ngx_http_soporte_ping_fail(ping, NGX_SOPORTE_CAUSE_CONNECT);
}


static void
ngx_http_soporte_ping_answered(ngx_http_soporte_ping_t *ping,
    ngx_uint_t closed)
{
    switch (ngx_soporte_answer(&ping->answer, ping->buf, ping->size, closed)) {

    case NGX_AGAIN:
        return;

    case NGX_OK:
        break;

    default: /* NGX_ERROR */
        ngx_http_soporte_ping_fail(ping, ping->size
                                         ? NGX_SOPORTE_CAUSE_STATUS
                                         : NGX_SOPORTE_CAUSE_CONNECT);
        return;
    }

    if (ping->answer.status == NGX_HTTP_OK) {
        ngx_http_soporte_ping_end(ping, NGX_HTTP_SOPORTE_PING_GOOD);
        return;
    }

    ngx_http_soporte_ping_fail(ping,
                               ping->answer.said == NGX_SOPORTE_SAID_STOPPED
                               ? NGX_SOPORTE_CAUSE_STOPPED
                               : NGX_SOPORTE_CAUSE_STATUS);
}


static void
ngx_http_soporte_ping_fail(ngx_http_soporte_ping_t *ping,
    ngx_soporte_cause_e cause)
{
    ping->cause = cause;

    ngx_http_soporte_ping_end(ping, NGX_HTTP_SOPORTE_PING_FAILED);
}


static void
ngx_http_soporte_ping_end(ngx_http_soporte_ping_t *ping,
    ngx_http_soporte_ping_e result)
{
    if (ping->peer.connection) {
        ngx_close_connection(ping->peer.connection);
        ping->peer.connection = NULL;
    }

    ping->handler(ping, result);
}


void
ngx_http_soporte_ping_drop(ngx_http_soporte_ping_t *ping)
{
    ngx_http_soporte_ping_end(ping, NGX_HTTP_SOPORTE_PING_NOTHING);
}
