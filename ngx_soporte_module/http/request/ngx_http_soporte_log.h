
/*
 * What the log phase and those before it know of a request.
 */

#ifndef _NGX_HTTP_SOPORTE_LOG_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_LOG_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_ping.h"


/* what must be looked at more closely, without a call */

#define ngx_http_soporte_may_poll(r)                                          \
    ((r)->uri.len >= sizeof("/socket.io/") - 1 && (r)->uri.data[1] == 's')

#define ngx_http_soporte_may_probe(r)                                         \
    ((r)->headers_in.user_agent                                               \
     && (r)->headers_in.user_agent->value.len                                 \
        == NGX_HTTP_SOPORTE_PROBE_AGENT_LEN)


/* socket.io waits because it was asked to: no latency */

static ngx_inline ngx_uint_t
ngx_http_soporte_polls(ngx_http_request_t *r)
{
    return ngx_http_soporte_may_poll(r)
           && ngx_strncmp(r->uri.data, "/socket.io/",
                          sizeof("/socket.io/") - 1) == 0;
}


ngx_uint_t ngx_http_soporte_probe_ours(ngx_http_request_t *r);


/* one of our own probes, whose way led through this nginx: no sample */

static ngx_inline ngx_uint_t
ngx_http_soporte_probed(ngx_http_request_t *r)
{
    return ngx_http_soporte_may_probe(r) && ngx_http_soporte_probe_ours(r);
}


#endif /* _NGX_HTTP_SOPORTE_LOG_H_INCLUDED_ */
