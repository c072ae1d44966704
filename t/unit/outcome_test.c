
/*
 * Prevents a failure that is counted as an answer, and a client's own doing
 * that is counted as a failure: each case that a peer gets wrong, by name.
 */

#include "test.h"

#include "ngx_soporte_outcome.h"


#define UNKNOWN    NGX_SOPORTE_RC_UNKNOWN
#define NOTIME     ((ngx_msec_t) -1)

#define UPSTREAM   NGX_SOPORTE_SAMPLE_UPSTREAM
#define ANSWERED   (NGX_SOPORTE_SAMPLE_UPSTREAM|NGX_SOPORTE_SAMPLE_HEADER)
#define UPGRADED   NGX_SOPORTE_SAMPLE_UPGRADED
#define CACHED     NGX_SOPORTE_SAMPLE_CACHED
#define OURS       NGX_SOPORTE_SAMPLE_OURS
#define READ_ONLY  NGX_SOPORTE_SAMPLE_READ_ONLY
#define LIMITED    NGX_SOPORTE_SAMPLE_LIMITED
#define NOT_US     NGX_SOPORTE_SAMPLE_EXCLUDED
#define POLL       NGX_SOPORTE_SAMPLE_POLL


typedef struct {
    const char            *name;
    ngx_soporte_sample_t   sample;
    const char            *outcome;
    const char            *client;
    ngx_uint_t             failed;           /* attempts */
    ngx_int_t              latency;          /* ms, -1: none */
} case_t;


/* status, upstream's status, attempts, flags, rc, waited, time to header */

static const case_t  cases[] = {

    /* the application answered */

    { "200", { 200, 200, 1, ANSWERED, 0, 80, 75 },
      "good", "served", 0, 75 },
    { "200, finalize not hooked", { 200, 200, 1, ANSWERED, UNKNOWN, 80, 75 },
      "good", "served", 0, 75 },
    { "304", { 304, 304, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "401", { 401, 401, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "403", { 403, 403, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "404", { 404, 404, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "the application's own 400", { 400, 400, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "the application's own 413", { 413, 413, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "417, Frappe's ValidationError", { 417, 417, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "429 of the application", { 429, 429, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },
    { "501", { 501, 501, 1, ANSWERED, 0, 8, 7 },
      "good", "failed", 0, 7 },
    { "505", { 505, 505, 1, ANSWERED, 0, 8, 7 },
      "good", "failed", 0, 7 },
    { "HTTP/0.9 answer", { 200, 200, 1, ANSWERED, 0, 8, 7 },
      "good", "served", 0, 7 },

    /* it answered, and said that it failed */

    { "500", { 500, 500, 1, ANSWERED, 0, 90, 88 },
      "soft", "failed", 0, 88 },
    { "508, Frappe's deadlock", { 508, 508, 1, ANSWERED, 0, 90, 88 },
      "soft", "failed", 0, 88 },
    { "599", { 599, 599, 1, ANSWERED, 0, 90, 88 },
      "soft", "failed", 0, 88 },
    { "503 InReadOnlyMode", { 503, 503, 1, ANSWERED|READ_ONLY, 0, 9, 8 },
      "soft", "failed", 0, 8 },
    { "error_page 500 =200", { 200, 500, 1, ANSWERED, 0, 9, 8 },
      "soft", "served", 0, 8 },
    { "error_page 500 @other, 500 : 200", { 200, 500, 1, ANSWERED, 0, 9, 8 },
      "soft", "served", 0, 8 },

    /* no answer, or not all of it */

    { "502 of a proxy behind", { 502, 502, 1, ANSWERED, 0, 9, 8 },
      "hard", "failed", 1, 8 },
    { "503 SessionStopped", { 503, 503, 1, ANSWERED, 0, 9, 8 },
      "hard", "failed", 1, 8 },
    { "503 SessionStopped, our page", { 503, 503, 1, ANSWERED|OURS, 0, 9, 8 },
      "hard", "failed", 1, 8 },
    { "504 of a proxy behind", { 504, 504, 1, ANSWERED, 0, 9, 8 },
      "hard", "failed", 1, 8 },
    { "connect refused", { 502, 502, 1, UPSTREAM, UNKNOWN, 0, NOTIME },
      "hard", "failed", 1, -1 },
    { "reset before the header", { 502, 502, 1, UPSTREAM, UNKNOWN, 30, NOTIME },
      "hard", "failed", 1, -1 },
    { "connect timeout", { 504, 504, 1, UPSTREAM, UNKNOWN, 60000, NOTIME },
      "hard", "failed", 1, -1 },
    { "read timeout", { 504, 504, 1, UPSTREAM, UNKNOWN, 60000, NOTIME },
      "hard", "failed", 1, -1 },
    { "invalid header", { 502, 502, 1, UPSTREAM, UNKNOWN, 5, NOTIME },
      "hard", "failed", 1, -1 },
    { "502 that our page replaced", { 503, 502, 1, UPSTREAM|OURS, UNKNOWN, 3,
                                      NOTIME },
      "hard", "failed", 1, -1 },
    { "504 that our page replaced", { 503, 504, 1, UPSTREAM|OURS, UNKNOWN,
                                      60000, NOTIME },
      "hard", "failed", 1, -1 },
    { "error_page 502 =200", { 200, 502, 1, UPSTREAM, UNKNOWN, 3, NOTIME },
      "hard", "served", 1, -1 },
    { "error_page 502 @other, 502 : 200", { 502, 502, 1, UPSTREAM, UNKNOWN, 3,
                                            NOTIME },
      "hard", "failed", 1, -1 },
    { "no live upstreams", { 502, 502, 1, UPSTREAM, UNKNOWN, 0, NOTIME },
      "hard", "failed", 1, -1 },
    { "name not resolved, nobody asked", { 502, 0, 0, UPSTREAM, UNKNOWN, 9,
                                           NOTIME },
      "hard", "failed", 0, -1 },
    { "no socket left", { 500, 0, 1, UPSTREAM, UNKNOWN, 0, NOTIME },
      "hard", "failed", 1, -1 },
    { "refused, the client left too", { 499, 502, 1, UPSTREAM, UNKNOWN, 3,
                                        NOTIME },
      "hard", "left", 1, -1 },

    /* the body cut short: nginx logs 200 and OK */

    { "cut", { 200, 200, 1, ANSWERED, 502, 90, 60 },
      "hard", "failed", 1, 60 },
    { "stalled", { 200, 200, 1, ANSWERED, 504, 60090, 60 },
      "hard", "failed", 1, 60 },
    { "404 cut", { 404, 404, 1, ANSWERED, 502, 90, 60 },
      "hard", "failed", 1, 60 },
    { "500 cut", { 500, 500, 1, ANSWERED, 502, 90, 60 },
      "hard", "failed", 1, 60 },
    { "client left in the body", { 200, 200, 1, ANSWERED, 499, 90, 60 },
      "good", "left", 0, 60 },
    { "client's connection broke", { 200, 200, 1, ANSWERED, NGX_ERROR, 90,
                                     60 },
      "good", "left", 0, 60 },
    { "client left in a 500's body", { 500, 500, 1, ANSWERED, 499, 90, 60 },
      "soft", "left", 0, 60 },
    { "client too slow, unbuffered", { 200, 200, 1, ANSWERED, 408, 60090, 60 },
      "good", "left", 0, 60 },

    /* retries: judged by the last, the others counted apart */

    { "502, 200", { 200, 200, 2, ANSWERED, 0, 40, 39 },
      "good", "served", 1, 39 },
    { "504, 502, 200", { 200, 200, 3, ANSWERED, 0, 40, 39 },
      "good", "served", 2, 39 },
    { "502, 502", { 502, 502, 2, UPSTREAM, UNKNOWN, 1, NOTIME },
      "hard", "failed", 2, -1 },
    { "502, 500", { 500, 500, 2, ANSWERED, 0, 40, 39 },
      "soft", "failed", 1, 39 },

    /* 499 */

    { "499 at once", { 499, 0, 1, UPSTREAM, UNKNOWN, 302, NOTIME },
      "excluded", "left", 0, -1 },
    { "499 after 9.999 s", { 499, 0, 1, UPSTREAM, UNKNOWN, 9999, NOTIME },
      "excluded", "left", 0, -1 },
    { "499 after 10 s", { 499, 0, 1, UPSTREAM, UNKNOWN, 10000, NOTIME },
      "hard", "left", 1, -1 },
    { "499 while uploading", { 499, 0, 0, UPSTREAM, UNKNOWN, 60000, NOTIME },
      "excluded", "left", 0, -1 },

    /* websocket, long poll, slow reader, X-Accel-Redirect */

    { "101", { 101, 101, 1, ANSWERED|UPGRADED, UNKNOWN, 3, 2 },
      "good", "served", 0, 2 },
    { "101 ended by its idle timeout", { 101, 101, 1, ANSWERED|UPGRADED, 504,
                                         3600000, 2 },
      "good", "served", 0, 2 },
    { "101, the client closed", { 101, 101, 1, ANSWERED|UPGRADED, 499, 1501,
                                  2 },
      "good", "served", 0, 2 },
    { "long poll", { 200, 200, 1, ANSWERED|POLL, 0, 25000, 25000 },
      "good", "served", 0, -1 },
    { "long poll, page closed", { 499, 0, 1, UPSTREAM|POLL, UNKNOWN, 24000,
                                  NOTIME },
      "excluded", "left", 0, -1 },
    { "long poll, refused", { 502, 502, 1, UPSTREAM|POLL, UNKNOWN, 1, NOTIME },
      "hard", "failed", 1, -1 },
    { "slow reader, 8 MB", { 200, 200, 1, ANSWERED, 0, 1246, 67 },
      "good", "served", 0, 67 },
    { "X-Accel-Redirect, first part", { 200, 200, 1, ANSWERED, UNKNOWN, 30,
                                        12 },
      "good", "served", 0, 12 },
    { "X-Accel-Redirect, no such file", { 404, 200, 1, ANSWERED, UNKNOWN, 30,
                                          12 },
      "good", "served", 0, 12 },

    /* a cache */

    { "HIT", { 200, 0, 0, UPSTREAM|CACHED, UNKNOWN, 0, NOTIME },
      "excluded", "served", 0, -1 },
    { "HIT of a cached 500", { 500, 0, 0, UPSTREAM|CACHED, UNKNOWN, 0,
                               NOTIME },
      "excluded", "failed", 0, -1 },
    { "UPDATING", { 200, 0, 0, UPSTREAM|CACHED, UNKNOWN, 0, NOTIME },
      "excluded", "served", 0, -1 },
    { "STALE, refused", { 200, 502, 1, UPSTREAM|CACHED, UNKNOWN, 1, NOTIME },
      "hard", "served", 1, -1 },
    { "STALE, 500", { 200, 500, 1, ANSWERED|CACHED, UNKNOWN, 9, 8 },
      "soft", "served", 0, 8 },
    { "REVALIDATED", { 200, 304, 1, ANSWERED|CACHED, UNKNOWN, 9, 8 },
      "good", "served", 0, 8 },

    /* never handed to the application */

    { "400", { 400, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "408, header incomplete", { 408, 0, 0, 0, UNKNOWN, 1001, NOTIME },
      "excluded", "refused", 0, -1 },
    { "413", { 413, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "413 found while reading", { 413, 0, 0, UPSTREAM, UNKNOWN, 5, NOTIME },
      "excluded", "refused", 0, -1 },
    { "413, unbuffered", { 413, 0, 1, UPSTREAM, UNKNOWN, 5, NOTIME },
      "excluded", "refused", 0, -1 },
    { "408, unbuffered", { 408, 0, 1, UPSTREAM, UNKNOWN, 60000, NOTIME },
      "excluded", "refused", 0, -1 },
    { "414", { 414, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "431", { 431, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "444", { 444, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "494", { 494, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "497", { 497, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "limit_req 503", { 503, 0, 0, LIMITED, UNKNOWN, 0, NOTIME },
      "excluded", "refused", 0, -1 },
    { "limit_req 429, error_page to an upstream", { 429, 200, 1,
                                                    ANSWERED|LIMITED, 0, 4,
                                                    3 },
      "excluded", "refused", 0, -1 },
    { "static file", { 200, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "served", 0, -1 },
    { "404 of a static file", { 404, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "served", 0, -1 },
    { "nginx's own 500", { 500, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "failed", 0, -1 },
    { "our page in maintenance", { 503, 0, 0, OURS, UNKNOWN, 0, NOTIME },
      "excluded", "held", 0, -1 },
    { "portal", { 200, 0, 0, NOT_US|OURS, UNKNOWN, 0, NOTIME },
      "excluded", "held", 0, -1 },
    { "metrics behind a proxy", { 200, 200, 1, ANSWERED|NOT_US, 0, 3, 2 },
      "excluded", "served", 0, -1 },
    { "client gone before the request", { 0, 0, 0, 0, UNKNOWN, 0, NOTIME },
      "excluded", "left", 0, -1 }
};


static void
each_case(void **state)
{
    ngx_int_t              latency;
    ngx_uint_t             i, failed;
    const case_t          *c;
    ngx_soporte_client_e   client;
    ngx_soporte_outcome_e  outcome;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];

        outcome = ngx_soporte_outcome(&c->sample);
        client = ngx_soporte_client_outcome(&c->sample);
        failed = ngx_soporte_outcome_failed_attempts(&c->sample, outcome);
        latency = (ngx_int_t) ngx_soporte_outcome_latency(&c->sample, outcome);

        if (strcmp((char *) ngx_soporte_outcome_names[outcome].data,
                   c->outcome) != 0
            || strcmp((char *) ngx_soporte_client_names[client].data,
                      c->client) != 0
            || failed != c->failed
            || latency != c->latency)
        {
            fail_msg("%s: %s, client %s, %lu failed, %ld ms", c->name,
                     (char *) ngx_soporte_outcome_names[outcome].data,
                     (char *) ngx_soporte_client_names[client].data,
                     failed, latency);
        }
    }
}


/* what the inline part decides, the rare part decides alike */

static void
both_ways_agree(void **state)
{
    ngx_uint_t            flags, status, rc;
    ngx_soporte_sample_t  s;

    static const int32_t  rcs[] = { NGX_OK, NGX_ERROR, UNKNOWN, 408, 499, 502,
                                    504 };

    memset(&s, 0, sizeof(s));
    s.attempts = 1;

    for (flags = 0; flags < 0x200; flags++) {
        for (status = 0; status < 600; status++) {
            for (rc = 0; rc < sizeof(rcs) / sizeof(rcs[0]); rc++) {
                s.flags = flags;
                s.status = status;
                s.upstream_status = status;
                s.rc = rcs[rc];

                if (ngx_soporte_outcome(&s) != ngx_soporte_outcome_rare(&s)) {
                    fail_msg("flags %lx, status %lu, rc %d", flags, status,
                             (int) s.rc);
                }
            }
        }
    }
}


/* what soporte_failure names is hard, what it does not name is soft */

static void
told_what_a_failure_is(void **state)
{
    ngx_uint_t             i;
    ngx_soporte_sample_t   s;
    ngx_soporte_outcome_e  outcome;

    static const struct {
        ngx_soporte_sample_t  sample;
        uint32_t              word;          /* the class that it belongs to */
        ngx_soporte_cause_e   cause;
    } told[] = {
        { { 502, 502, 1, UPSTREAM, UNKNOWN, 0, NOTIME },
          NGX_SOPORTE_FAILURE_ERROR, NGX_SOPORTE_CAUSE_CONNECT },
        { { 502, 0, 0, UPSTREAM, UNKNOWN, 0, NOTIME },
          NGX_SOPORTE_FAILURE_ERROR, NGX_SOPORTE_CAUSE_CONNECT },
        { { 200, 200, 1, ANSWERED, 502, 9, 8 },
          NGX_SOPORTE_FAILURE_ERROR, NGX_SOPORTE_CAUSE_CONNECT },
        { { 504, 504, 1, UPSTREAM, UNKNOWN, 60000, NOTIME },
          NGX_SOPORTE_FAILURE_TIMEOUT, NGX_SOPORTE_CAUSE_TIMEOUT },
        { { 499, 0, 1, UPSTREAM, UNKNOWN, 60000, NOTIME },
          NGX_SOPORTE_FAILURE_TIMEOUT, NGX_SOPORTE_CAUSE_TIMEOUT },
        { { 200, 200, 1, ANSWERED, 504, 9, 8 },
          NGX_SOPORTE_FAILURE_TIMEOUT, NGX_SOPORTE_CAUSE_TIMEOUT },
        { { 502, 502, 1, UPSTREAM|NGX_SOPORTE_SAMPLE_INVALID, UNKNOWN, 5,
            NOTIME },
          NGX_SOPORTE_FAILURE_HEADER, NGX_SOPORTE_CAUSE_STATUS },
        { { 200, 9, 1, ANSWERED|NGX_SOPORTE_SAMPLE_INVALID, 502, 5, 4 },
          NGX_SOPORTE_FAILURE_HEADER, NGX_SOPORTE_CAUSE_STATUS },
        { { 500, 500, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_500, NGX_SOPORTE_CAUSE_STATUS },
        { { 502, 502, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_502, NGX_SOPORTE_CAUSE_STATUS },
        { { 503, 503, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_503, NGX_SOPORTE_CAUSE_STATUS },
        { { 503, 503, 1, ANSWERED|NGX_SOPORTE_SAMPLE_STOPPED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_503, NGX_SOPORTE_CAUSE_STOPPED },
        { { 504, 504, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_504, NGX_SOPORTE_CAUSE_STATUS },
        { { 403, 403, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_403, NGX_SOPORTE_CAUSE_STATUS },
        { { 404, 404, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_404, NGX_SOPORTE_CAUSE_STATUS },
        { { 429, 429, 1, ANSWERED, 0, 9, 8 },
          NGX_SOPORTE_FAILURE_429, NGX_SOPORTE_CAUSE_STATUS },
        { { 503, 503, 1, ANSWERED|READ_ONLY, 0, 9, 8 },
          0, NGX_SOPORTE_CAUSE_STATUS },
        { { 508, 508, 1, ANSWERED, 0, 9, 8 },
          0, NGX_SOPORTE_CAUSE_STATUS },
        { { 200, 200, 1, ANSWERED, 0, 9, 8 },
          0, NGX_SOPORTE_CAUSE_STATUS },
        { { 101, 101, 1, ANSWERED|UPGRADED, 504, 9, 8 },
          0, NGX_SOPORTE_CAUSE_STATUS }
    };

    for (i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        s = told[i].sample;
        outcome = ngx_soporte_outcome(&s);

        assert_int_equal(ngx_soporte_outcome_cause(&s), told[i].cause);

        if (told[i].word) {
            assert_int_equal(outcome == NGX_SOPORTE_HARD,
                             (told[i].word & NGX_SOPORTE_FAILURE_DEFAULT)
                             != 0);
        }

        /* each of the other words changes nothing, its own does */

        s.flags |= ngx_soporte_sample_unlike(~told[i].word);
        assert_int_equal(ngx_soporte_outcome(&s), outcome);

        s.flags = told[i].sample.flags
                  | ngx_soporte_sample_unlike(told[i].word);
        assert_int_equal(ngx_soporte_outcome(&s),
                         told[i].word == 0 ? outcome
                         : (outcome == NGX_SOPORTE_HARD ? NGX_SOPORTE_SOFT
                                                        : NGX_SOPORTE_HARD));
    }

    /* what is excluded stays so */

    memset(&s, 0, sizeof(s));
    s.status = 404;
    s.flags = ngx_soporte_sample_unlike(NGX_SOPORTE_FAILURE_404);
    assert_int_equal(ngx_soporte_outcome(&s), NGX_SOPORTE_EXCLUDED);
}


/* counters are addressed by the difference to NGX_SOPORTE_GOOD */

static void
order_of_the_counters(void **state)
{
    assert_int_equal(NGX_SOPORTE_EXCLUDED, 0);
    assert_int_equal(NGX_SOPORTE_HARD, NGX_SOPORTE_GOOD + 1);
    assert_int_equal(NGX_SOPORTE_SOFT, NGX_SOPORTE_GOOD + 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(told_what_a_failure_is),
        cmocka_unit_test(order_of_the_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
