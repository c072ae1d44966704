
/*
 * Prevents a probe that takes garbage for an answer, waits for more than there
 * will be, or looks beyond what came: every answer, cut at each byte.
 */

#include "test.h"

#include "ngx_soporte_answer.h"


#define MAX  NGX_SOPORTE_ANSWER_MAX


/* bytes lie at the end of a block of their own: a byte more is an overflow */

static ngx_int_t
look(const char *text, size_t len, ngx_uint_t closed,
    ngx_soporte_answer_t *answer)
{
    u_char     *p;
    ngx_int_t   rc;

    p = malloc(len ? len : 1);
    memcpy(p, text, len);
    rc = ngx_soporte_answer(answer, p + (len ? 0 : 1), len, closed);
    free(p);

    return rc;
}


static const struct {
    const char          *text;
    ngx_uint_t           status;
    ngx_soporte_said_e   said;
    size_t               known;              /* bytes that tell, 0: the end */
} answers[] = {
    { "HTTP/1.1 200 OK\r\n\r\n{\"message\":\"pong\"}", 200, 0, 19 },
    { "HTTP/1.0 200\r\n\r\n", 200, 0, 16 },
    { "HTTP/1.1 200\n\n", 200, 0, 14 },
    { "HTTP/1.1 404 NOT FOUND\r\nServer: gunicorn\r\n\r\nx", 404, 0, 44 },
    { "HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.1/\r\n\r\n", 301, 0, 50 },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", 204, 0, 89 },
    { "HTTP/1.1 503 X\r\n\r\n{\"exc_type\":\"SessionStopped\"}", 503,
      NGX_SOPORTE_SAID_STOPPED, 45 },
    { "HTTP/1.1 503 X\r\nA: b\r\n\r\n<title>\n Updating\n</title>", 503,
      NGX_SOPORTE_SAID_STOPPED, 41 },
    { "HTTP/1.1 503 X\r\n\r\n{\"exc_type\":\"InReadOnlyMode\"}", 503,
      NGX_SOPORTE_SAID_READ_ONLY, 45 },
    { "HTTP/1.1 503 Service Unavailable\r\n\r\nbusy", 503, 0, 0 },
    { "HTTP/1.1 503 Updating\r\nA: SessionStopped\r\n\r\n", 503, 0, 0 }
};


static void
cut_at_each_byte(void **state)
{
    size_t                n, len, known;
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_soporte_answer_t  answer;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        len = strlen(answers[i].text);
        known = answers[i].known ? answers[i].known : len + 1;

        for (n = 0; n <= len; n++) {
            rc = look(answers[i].text, n, 0, &answer);

            if (rc != (n < known ? NGX_AGAIN : NGX_OK)) {
                fail_msg("\"%s\" at %zu of %zu: %ld", answers[i].text, n, len,
                         (long) rc);
            }
        }

        assert_int_equal(look(answers[i].text, len, 1, &answer), NGX_OK);
        assert_int_equal(answer.status, answers[i].status);
        assert_int_equal(answer.said, answers[i].said);
    }
}


static void
no_answer_at_all(void **state)
{
    size_t                n;
    ngx_uint_t            i;
    ngx_soporte_answer_t  answer;

    static const char *const  texts[] = {
        "no status line\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.x 200 OK",
        "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-x\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 x00 OK\r\n\r\n"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(look(texts[i], strlen(texts[i]), 0, &answer),
                         NGX_ERROR);
        assert_int_equal(answer.status, 0);
    }

    /* closed before the end of its header */

    for (n = 0; n < 19; n++) {
        assert_int_equal(look("HTTP/1.1 200 OK\r\n\r\n", n, 1, &answer),
                         NGX_ERROR);
    }
}


static void
no_more_than_that(void **state)
{
    char                  text[MAX + 1];
    ngx_soporte_answer_t  answer;

    memset(text, 'x', MAX);
    memcpy(text, "HTTP/1.1 200 OK\r\n", 17);

    assert_int_equal(look(text, MAX - 1, 0, &answer), NGX_AGAIN);
    assert_int_equal(look(text, MAX, 0, &answer), NGX_ERROR);

    memcpy(text, "HTTP/1.1 503 OK\r\n\r\n", 19);

    assert_int_equal(look(text, MAX - 1, 0, &answer), NGX_AGAIN);
    assert_int_equal(look(text, MAX, 0, &answer), NGX_OK);
    assert_int_equal(answer.said, NGX_SOPORTE_SAID_NOTHING);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(cut_at_each_byte),
        cmocka_unit_test(no_answer_at_all),
        cmocka_unit_test(no_more_than_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
