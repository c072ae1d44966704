
/*
 * Where a ticket is found again, and when somebody will reply, as pages and
 * answers say it.
 */

#include "ngx_http_soporte_ticket.h"
#include "ngx_http_soporte_reply.h"


ngx_str_t
ngx_http_soporte_ticket_path(ngx_pool_t *pool, const ngx_str_t *base,
    const ngx_str_t *folio, const ngx_str_t *token)
{
    u_char     *p;
    ngx_str_t   path;

    ngx_str_null(&path);

    p = ngx_pnalloc(pool, base->len + sizeof("/tickets/?clave=") + folio->len
                          + (token ? token->len : 0));

    if (p == NULL) {
        return path;
    }

    path.data = p;
    p = ngx_cpymem(p, base->data, base->len);
    p = ngx_cpymem(p, "/tickets/", sizeof("/tickets/") - 1);
    p = ngx_cpymem(p, folio->data, folio->len);

    if (token) {
        p = ngx_cpymem(p, "?clave=", sizeof("?clave=") - 1);
        p = ngx_cpymem(p, token->data, token->len);
    }

    path.len = p - path.data;

    return path;
}


ngx_str_t
ngx_http_soporte_reply_words(ngx_http_soporte_view_t *view,
    ngx_uint_t urgent, ngx_uint_t out_of_scope, int64_t due)
{
    ngx_str_t                      none = ngx_null_string;
    ngx_http_soporte_blank_t       blanks[3];
    ngx_soporte_calendar_state_t  *hours;

    hours = &view->hours;

    blanks[0].name = 'D';
    blanks[1].name = 'T';
    blanks[2].name = 0;

    if (out_of_scope) {
        return ngx_http_soporte_phrase(&view->voice, "reply",
                                       "out_of_scope");
    }

    if (due) {
        blanks[0].text = ngx_http_soporte_moment(&view->voice, "at", due);
        blanks[1].text = none;
        return ngx_http_soporte_fill(&view->voice, "reply", "due", blanks);
    }

    if (urgent) {
        return ngx_http_soporte_phrase(&view->voice, "reply", "urgent");
    }

    if (hours->open) {
        blanks[0].text = none;
        blanks[1].text = (hours->until == NGX_SOPORTE_CALENDAR_BEYOND)
                         ? none
                         : ngx_http_soporte_clock(&view->voice,
                                                  hours->until);
        return ngx_http_soporte_fill(&view->voice, "reply", "open", blanks);
    }

    if (hours->opens_at == NGX_SOPORTE_CALENDAR_BEYOND) {
        return ngx_http_soporte_phrase(&view->voice, "hours", "never");
    }

    blanks[0].text = ngx_http_soporte_day(&view->voice, hours->opens_at);
    blanks[1].text = ngx_http_soporte_clock(&view->voice, hours->opens_at);

    return ngx_http_soporte_fill(&view->voice, "reply", "closed", blanks);
}


ngx_str_t
ngx_http_soporte_origin(ngx_http_request_t *r)
{
    u_char      *p;
    ngx_str_t    origin, *host;
    const char  *scheme;

    ngx_str_null(&origin);
    scheme = "http";

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        scheme = "https";
    }
#endif

    host = ngx_http_soporte_header(r, "host");

    if (host == NULL) {
        return origin;
    }

    p = ngx_pnalloc(r->pool, sizeof("https://") + host->len);

    if (p == NULL) {
        return origin;
    }

    origin.data = p;
    origin.len = ngx_sprintf(p, "%s://%V", scheme, host) - p;

    return origin;
}
