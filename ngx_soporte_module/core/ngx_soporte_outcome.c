
/*
 * The rare outcomes of a request: everything but a complete answer below 500.
 * The common one is decided in the header, inline.
 */

#include "ngx_soporte_outcome.h"


static ngx_soporte_outcome_e ngx_soporte_outcome_plain(
    const ngx_soporte_sample_t *s);
static ngx_soporte_outcome_e ngx_soporte_outcome_unanswered(
    const ngx_soporte_sample_t *s);
static ngx_uint_t ngx_soporte_outcome_class(const ngx_soporte_sample_t *s);


const ngx_str_t  ngx_soporte_outcome_names[4] = {
    ngx_string("excluded"),
    ngx_string("good"),
    ngx_string("hard"),
    ngx_string("soft")
};


const ngx_str_t  ngx_soporte_client_names[5] = {
    ngx_string("served"),
    ngx_string("failed"),
    ngx_string("refused"),
    ngx_string("left"),
    ngx_string("held")
};


/* what soporte_failure says otherwise is hard instead, or soft */

ngx_soporte_outcome_e
ngx_soporte_outcome_rare(const ngx_soporte_sample_t *s)
{
    ngx_soporte_outcome_e  outcome;

    outcome = ngx_soporte_outcome_plain(s);

    if (outcome == NGX_SOPORTE_EXCLUDED
        || !((s->flags >> 16) & ngx_soporte_outcome_class(s)))
    {
        return outcome;
    }

    return (outcome == NGX_SOPORTE_HARD) ? NGX_SOPORTE_SOFT
                                         : NGX_SOPORTE_HARD;
}


static ngx_soporte_outcome_e
ngx_soporte_outcome_plain(const ngx_soporte_sample_t *s)
{
    if ((s->flags & (NGX_SOPORTE_SAMPLE_EXCLUDED|NGX_SOPORTE_SAMPLE_LIMITED))
        || !(s->flags & NGX_SOPORTE_SAMPLE_UPSTREAM))
    {
        return NGX_SOPORTE_EXCLUDED;
    }

    /* before rc: a tunnel that ends by its idle timeout leaves a 504 there */

    if (s->flags & NGX_SOPORTE_SAMPLE_UPGRADED) {
        return NGX_SOPORTE_GOOD;
    }

    if (!(s->flags & NGX_SOPORTE_SAMPLE_HEADER)) {
        return ngx_soporte_outcome_unanswered(s);
    }

    /* after the header these two mean a body cut short, whatever its status */

    if (s->rc == 502 || s->rc == 504) {
        return NGX_SOPORTE_HARD;
    }

    switch (s->upstream_status) {

    case 503:
        return (s->flags & NGX_SOPORTE_SAMPLE_READ_ONLY) ? NGX_SOPORTE_SOFT
                                                         : NGX_SOPORTE_HARD;

    case 502:
    case 504:
        return NGX_SOPORTE_HARD;

    case 501:
    case 505:
        return NGX_SOPORTE_GOOD;

    default:
        return (s->upstream_status < 500) ? NGX_SOPORTE_GOOD
                                          : NGX_SOPORTE_SOFT;
    }
}


/*
 * No header came.  The attempt's own status tells first, since an error_page
 * may have given the client any other; a failure is one also if the client
 * left meanwhile.
 */

static ngx_soporte_outcome_e
ngx_soporte_outcome_unanswered(const ngx_soporte_sample_t *s)
{
    if (s->upstream_status >= 500) {
        return NGX_SOPORTE_HARD;
    }

    if (s->attempts == 0) {

        /* no name, no address: nobody was asked, and the client sees it */

        return (s->status >= 500 && !(s->flags & NGX_SOPORTE_SAMPLE_CACHED))
               ? NGX_SOPORTE_HARD : NGX_SOPORTE_EXCLUDED;
    }

    if (s->status == 499) {
        return (s->waited >= NGX_SOPORTE_PATIENCE
                && !(s->flags & NGX_SOPORTE_SAMPLE_POLL))
               ? NGX_SOPORTE_HARD : NGX_SOPORTE_EXCLUDED;
    }

    /* the client broke off its own body: 400, 408, 413 */

    if (s->status >= 400 && s->status < 500) {
        return NGX_SOPORTE_EXCLUDED;
    }

    return NGX_SOPORTE_HARD;
}


/* the word of soporte_failure that speaks of it, or 0 */

static ngx_uint_t
ngx_soporte_outcome_class(const ngx_soporte_sample_t *s)
{
    if (s->flags & (NGX_SOPORTE_SAMPLE_UPGRADED|NGX_SOPORTE_SAMPLE_READ_ONLY))
    {
        return 0;
    }

    if (s->flags & NGX_SOPORTE_SAMPLE_INVALID) {
        return NGX_SOPORTE_FAILURE_HEADER;
    }

    if (!(s->flags & NGX_SOPORTE_SAMPLE_HEADER)) {
        return (s->upstream_status == 504 || s->status == 499)
               ? NGX_SOPORTE_FAILURE_TIMEOUT : NGX_SOPORTE_FAILURE_ERROR;
    }

    if (s->rc == 502) {
        return NGX_SOPORTE_FAILURE_ERROR;
    }

    if (s->rc == 504) {
        return NGX_SOPORTE_FAILURE_TIMEOUT;
    }

    switch (s->upstream_status) {

    case 500:
        return NGX_SOPORTE_FAILURE_500;

    case 502:
        return NGX_SOPORTE_FAILURE_502;

    case 503:
        return NGX_SOPORTE_FAILURE_503;

    case 504:
        return NGX_SOPORTE_FAILURE_504;

    case 403:
        return NGX_SOPORTE_FAILURE_403;

    case 404:
        return NGX_SOPORTE_FAILURE_404;

    case 429:
        return NGX_SOPORTE_FAILURE_429;

    default:
        return 0;
    }
}


ngx_soporte_cause_e
ngx_soporte_outcome_cause(const ngx_soporte_sample_t *s)
{
    if (s->flags & NGX_SOPORTE_SAMPLE_STOPPED) {
        return NGX_SOPORTE_CAUSE_STOPPED;
    }

    switch (ngx_soporte_outcome_class(s)) {

    case NGX_SOPORTE_FAILURE_ERROR:
        return NGX_SOPORTE_CAUSE_CONNECT;

    case NGX_SOPORTE_FAILURE_TIMEOUT:
        return NGX_SOPORTE_CAUSE_TIMEOUT;

    default:
        return NGX_SOPORTE_CAUSE_STATUS;
    }
}


ngx_soporte_client_e
ngx_soporte_client_outcome(const ngx_soporte_sample_t *s)
{
    if (s->flags & NGX_SOPORTE_SAMPLE_LIMITED) {
        return NGX_SOPORTE_CLIENT_REFUSED;
    }

    if ((s->flags & (NGX_SOPORTE_SAMPLE_OURS|NGX_SOPORTE_SAMPLE_UPSTREAM))
        == NGX_SOPORTE_SAMPLE_OURS)
    {
        return NGX_SOPORTE_CLIENT_HELD;
    }

    if (s->flags & NGX_SOPORTE_SAMPLE_UPGRADED) {
        return NGX_SOPORTE_CLIENT_SERVED;
    }

    /* 408 there: it did not read what it was sent */

    if (s->status == 0 || s->status == 499
        || s->rc == 408 || s->rc == 499 || s->rc == NGX_ERROR)
    {
        return NGX_SOPORTE_CLIENT_LEFT;
    }

    if (s->status >= 500) {
        return NGX_SOPORTE_CLIENT_FAILED;
    }

    if (s->flags & NGX_SOPORTE_SAMPLE_HEADER) {
        return (s->rc == 502 || s->rc == 504) ? NGX_SOPORTE_CLIENT_FAILED
                                              : NGX_SOPORTE_CLIENT_SERVED;
    }

    switch (s->status) {

    case 400:
    case 408:
    case 413:
    case 414:
    case 431:
    case 444:
        return NGX_SOPORTE_CLIENT_REFUSED;

    default:
        return (s->status >= 494) ? NGX_SOPORTE_CLIENT_REFUSED
                                  : NGX_SOPORTE_CLIENT_SERVED;
    }
}
