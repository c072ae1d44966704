
/*
 * Prevents: an upload that reads differently when its bytes arrive in other
 * chunks, a limit that is off by one, a part that two readers see in two ways.
 */

#include "test.h"
#include "ngx_soporte_multipart.h"


static test_mem_t               tm;
static test_out_t               events;
static ngx_soporte_multipart_t  mp;
static ngx_uint_t               refuse;      /* at the n-th event */
static const char              *whole;       /* body, if offsets are checked */
static uint64_t                 offset;      /* of the part's next byte */


static ngx_int_t
told(void)
{
    return (refuse && --refuse == 0) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
on_begin(void *ctx, const ngx_soporte_part_t *part)
{
    char  line[1024];
    int   len;

    len = snprintf(line, sizeof(line), "[%.*s", (int) part->name.len,
                   part->name.data);
    ngx_soporte_out(&events.out, line, len);

    if (part->file) {
        len = snprintf(line, sizeof(line), " file=%.*s",
                       (int) part->filename.len, part->filename.data);
        ngx_soporte_out(&events.out, line, len);
    }

    if (part->type.len) {
        len = snprintf(line, sizeof(line), " type=%.*s",
                       (int) part->type.len, part->type.data);
        ngx_soporte_out(&events.out, line, len);
    }

    ngx_soporte_out(&events.out, ":", 1);
    offset = part->offset;

    return told();
}


static ngx_int_t
on_data(void *ctx, const u_char *p, size_t len)
{
    assert_true(len > 0);
    ngx_soporte_out(&events.out, p, len);

    /* a part's data lie in one piece where it was said */

    if (whole) {
        assert_memory_equal(whole + offset, p, len);
        offset += len;
    }

    return told();
}


static ngx_int_t
on_end(void *ctx)
{
    ngx_soporte_out(&events.out, "]", 1);

    return told();
}


static const ngx_soporte_multipart_events_t  handler = {
    on_begin, on_data, on_end, NULL
};


static int
teardown(void **state)
{
    test_mem_free(&tm);
    test_out_free(&events);
    refuse = 0;
    whole = NULL;

    return 0;
}


static ngx_int_t
start(const char *type, const ngx_soporte_multipart_limits_t *limits)
{
    ngx_str_t  s;

    test_mem_free(&tm);
    test_out_free(&events);
    test_mem(&tm);
    test_out(&events);
    events.p = calloc(1, 1);

    s.data = (u_char *) type;
    s.len = strlen(type);

    return ngx_soporte_multipart_init(&tm.mem, &mp, &s, limits, &handler);
}


/* in a block of its own, so that ASan sees a byte too much */

static ngx_int_t
feed(const char *p, size_t len)
{
    u_char     *copy;
    ngx_int_t   rc;

    copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    rc = ngx_soporte_multipart_feed(&mp, copy, len);
    free(copy);

    return rc;
}


#define TYPE  "multipart/form-data; boundary=xyz"


static ngx_int_t
parse_len(const char *body, size_t len,
    const ngx_soporte_multipart_limits_t *limits)
{
    ngx_int_t  rc;

    assert_int_equal(start(TYPE, limits), NGX_OK);
    rc = feed(body, len);

    return rc == NGX_OK ? ngx_soporte_multipart_finish(&mp) : rc;
}


static ngx_int_t
parse(const char *body)
{
    return parse_len(body, strlen(body), NULL);
}


#define CD  "Content-Disposition: form-data; "


static const char  browser[] =
    "--xyz\r\n"
    CD "name=\"subject\"\r\n\r\n"
    "No puedo entrar\r\n"
    "--xyz\r\n"
    CD "name=\"empty\"\r\n\r\n"
    "\r\n"
    "--xyz\r\n"
    CD "name=\"attachment\"; filename=\"pantalla \xc3\xb1.png\"\r\n"
    "Content-Type: image/png\r\n\r\n"
    "\x89PNG\r\n\x1a\n\r\n--xy\r\n--xyZ\r\r\n-\r\n--\r\n"
    "\r\n"
    "--xyz\r\n"
    CD "name=\"attachment\"; filename=\"\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\n"
    "\r\n"
    "--xyz--\r\n";

static const char  browser_events[] =
    "[subject:No puedo entrar][empty:]"
    "[attachment file=pantalla \xc3\xb1.png type=image/png:"
    "\x89PNG\r\n\x1a\n\r\n--xy\r\n--xyZ\r\r\n-\r\n--\r\n]"
    "[attachment file= type=application/octet-stream:]";


static void
as_browsers_send_it(void **state)
{
    assert_int_equal(parse(browser), NGX_OK);
    assert_string_equal(events.p, browser_events);
}


/* every cut in two, every cut in three of a window, byte by byte */

static void
any_split_is_one_shot(void **state)
{
    size_t  i, k, len;

    len = strlen(browser);
    whole = browser;

    for (i = 0; i <= len; i++) {
        assert_int_equal(start(TYPE, NULL), NGX_OK);
        assert_int_equal(feed(browser, i), NGX_OK);
        assert_int_equal(feed(browser + i, len - i), NGX_OK);
        assert_int_equal(ngx_soporte_multipart_finish(&mp), NGX_OK);
        assert_string_equal(events.p, browser_events);

        for (k = i; k <= len && k < i + 12; k++) {
            assert_int_equal(start(TYPE, NULL), NGX_OK);
            assert_int_equal(feed(browser, i), NGX_OK);
            assert_int_equal(feed(browser + i, k - i), NGX_OK);
            assert_int_equal(feed(browser + k, len - k), NGX_OK);
            assert_string_equal(events.p, browser_events);
        }
    }

    assert_int_equal(start(TYPE, NULL), NGX_OK);

    for (i = 0; i < len; i++) {
        assert_int_equal(feed(browser + i, 1), NGX_OK);
    }

    assert_int_equal(ngx_soporte_multipart_finish(&mp), NGX_OK);
    assert_string_equal(events.p, browser_events);
}


/* a body that ends anywhere before its end is torn, never taken as whole */

static void
every_prefix_is_torn(void **state)
{
    size_t  i, whole;

    whole = strlen(browser) - 2;

    for (i = 0; i < whole; i++) {
        assert_int_equal(start(TYPE, NULL), NGX_OK);
        assert_int_equal(feed(browser, i), NGX_OK);
        assert_int_equal(ngx_soporte_multipart_finish(&mp), NGX_DECLINED);
        assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_TORN);
        assert_int_equal(ngx_soporte_multipart_finish(&mp), NGX_ERROR);
        assert_int_equal(feed("x", 1), NGX_ERROR);
        assert_int_equal(feed("", 0), NGX_ERROR);
    }

    assert_int_equal(parse_len(browser, whole, NULL), NGX_OK);
}


static void
good_forms(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *body;
        const char  *events;
    } good[] = {
        { "--xyz--", "" },
        { "--xyz--anything\r\n--xyz\r\n", "" },
        { "\r\n--xyz--", "" },
        { "preamble\r\n--xyz\r\n" CD "name=a\r\n\r\n1\r\n--xyz--\r\nepilogue",
          "[a:1]" },
        { "-\r\n--xy\r\n--xyz \t \r\n" CD "name=a\r\n\r\n1\r\n--xyz-- \r\n",
          "[a:1]" },

        /* the empty line's CRLF is the delimiter's, too */

        { "--xyz\r\n" CD "name=a\r\n\r\n--xyz--", "[a:]" },
        { "--xyz\r\n" CD "name=a\r\n\r\n--xyW\r\n--xyz--", "[a:--xyW]" },
        { "--xyz\r\n" CD "name=a\r\n\r\n\r\r\n--xyz--", "[a:\r]" },
        { "--xyz\r\n" CD "name=a\r\n\r\n\r\n\r\n--xyz--", "[a:\r\n]" },
        { "--xyz\r\n" CD "name=a\r\n\r\n\n--xyz\n\r\n--xyz--",
          "[a:\n--xyz\n]" },

        /* headers, however they are written */

        { "--xyz\r\ncontent-disposition:FORM-DATA;NAME=a\r\n\r\n\r\n--xyz--",
          "[a:]" },
        { "--xyz\r\nX: \xff\r\n" CD "name=\"a b\" ; x=1 ;\r\n\r\n\r\n--xyz--",
          "[a b:]" },
        { "--xyz\r\nContent-Disposition:\r\n form-data;\r\n\tname=a\r\n\r\n"
          "\r\n--xyz--", "[a:]" },
        { "--xyz\r\n" CD "name=a\r\nContent-Transfer-Encoding: Binary\r\n"
          "\r\n\r\n--xyz--", "[a:]" },
        { "--xyz\r\n" CD "name=a\r\nContent-Type: \xc3\xb1\r\n\r\n\r\n"
          "--xyz--", "[a:]" },

        /* file names are data */

        { "--xyz\r\n" CD "name=a; filename=\"../../etc/passwd\"\r\n\r\n\r\n"
          "--xyz--", "[a file=../../etc/passwd:]" },
        { "--xyz\r\n" CD "name=a; filename=\"C:\\a\\b.txt\"\r\n\r\n\r\n"
          "--xyz--", "[a file=C:\\a\\b.txt:]" },
        { "--xyz\r\n" CD "name=\"a%22b\"; filename=\"a%22b%0D\\\"c\\\\d;e\""
          "\r\n\r\n\r\n--xyz--", "[a\"b file=a\"b%0D\"c\\d;e:]" },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''%c3%B1%20x.png;"
          " filename=n.png\r\n\r\n\r\n--xyz--", "[a file=\xc3\xb1 x.png:]" },
        { "--xyz\r\n" CD "name=a; filename=n.png; filename*=utf-8'es'%C3%B1"
          "\r\n\r\n\r\n--xyz--", "[a file=\xc3\xb1:]" },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''\r\n\r\n\r\n--xyz--",
          "[a file=:]" }
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(parse(good[i].body), NGX_OK);
        assert_string_equal(events.p, good[i].events);
    }
}


static void
refused(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char                     *body;
        ngx_soporte_multipart_error_e   error;
    } bad[] = {
        { "", NGX_SOPORTE_MULTIPART_TORN },
        { "xyz", NGX_SOPORTE_MULTIPART_TORN },
        { "x--xyz--", NGX_SOPORTE_MULTIPART_TORN },
        { "\n--xyz--", NGX_SOPORTE_MULTIPART_TORN },
        { "--xyz-", NGX_SOPORTE_MULTIPART_TORN },
        { "--xyz\n", NGX_SOPORTE_MULTIPART_DELIMITER },
        { "--xyz1", NGX_SOPORTE_MULTIPART_DELIMITER },
        { "--xyz-\r\n", NGX_SOPORTE_MULTIPART_DELIMITER },
        { "--xyz --", NGX_SOPORTE_MULTIPART_DELIMITER },
        { "--xyz\r\r", NGX_SOPORTE_MULTIPART_DELIMITER },
        { "--xyz\r\n\r\n\r\n--xyz--", NGX_SOPORTE_MULTIPART_NAMELESS },
        { "--xyz\r\nX: 1\r\n\r\n\r\n--xyz--", NGX_SOPORTE_MULTIPART_NAMELESS },
        { "--xyz\r\nContent-Disposition: form-data\r\n\r\n",
          NGX_SOPORTE_MULTIPART_NAMELESS },
        { "--xyz\r\n" CD "name=\"\"\r\n\r\n", NGX_SOPORTE_MULTIPART_NAMELESS },
        { "--xyz\r\n" CD "filename=a\r\n\r\n",
          NGX_SOPORTE_MULTIPART_NAMELESS },
        { "--xyz\r\n name=a\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nX\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n: a\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nX Y: a\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nContent-Disposition : form-data; name=a\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nX: a\nY: b\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nX: a\rY: b\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nX: a\r\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a\r\n" CD "name=b\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a\r\nContent-Type: a/b\r\nContent-Type: c/d"
          "\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; name=b\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; filename=b; filename=c\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name*=UTF-8''a\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''a; filename*=UTF-8''b"
          "\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; filename*=ISO-8859-1''a\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8'a\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''%c\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''%cz\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=\"a\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=\"a\\\"\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=\"a\"b\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a\"b\"\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "=a\r\n\r\n", NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a b=c\r\n\r\n",
          NGX_SOPORTE_MULTIPART_MALFORMED },
        { "--xyz\r\n" CD "name=a\r\nContent-Transfer-Encoding: base64\r\n"
          "\r\n", NGX_SOPORTE_MULTIPART_ENCODING },
        { "--xyz\r\n" CD "name=\"\xff\"\r\n\r\n", NGX_SOPORTE_MULTIPART_TEXT },
        { "--xyz\r\n" CD "name=a; filename=\"\xc3\"\r\n\r\n",
          NGX_SOPORTE_MULTIPART_TEXT },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''%00\r\n\r\n",
          NGX_SOPORTE_MULTIPART_TEXT },
        { "--xyz\r\n" CD "name=a; filename*=UTF-8''%ff\r\n\r\n",
          NGX_SOPORTE_MULTIPART_TEXT }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(bad[i].body), NGX_DECLINED);
        assert_int_equal(mp.error, bad[i].error);
        assert_string_equal(events.p, "");
        assert_int_equal(feed("--xyz--", 7), NGX_ERROR);
    }

    assert_int_equal(parse_len("--xyz\r\nX: \0\r\n\r\n", 15, NULL),
                     NGX_DECLINED);
    assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_MALFORMED);
}


static void
boundaries(void **state)
{
    char        type[256];
    ngx_uint_t  i;

    static const char  *good[] = {
        "multipart/form-data; boundary=x",
        "MULTIPART/Form-Data;BOUNDARY=\"x\"",
        "multipart/form-data ; charset=utf-8 ; boundary=x ;",
        "multipart/form-data; boundary=----WebKitFormBoundaryAbC123",
        "multipart/form-data; boundary=\"a b'()+_,-./:=?z\"",
        "multipart/form-data; boundary=a/b=c?d:e"
    };

    static const char  *bad[] = {
        "", "multipart/form-data", "multipart/form-data;",
        "multipart/form-data; boundary", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"x \"",
        "multipart/form-data; boundary=x; boundary=x",
        "multipart/form-data; boundary=\"x",
        "multipart/form-data; boundary=x y",
        "multipart/form-data; boundary=\"x\r\ny\"",
        "multipart/form-data; boundary=\"x\\\"y\"",
        "multipart/form-data; boundary=x*y",
        "multipart/form-data; boundary=\xc3\xb1",
        "multipart/form-data boundary=x", "multipart/mixed; boundary=x",
        "multipart/form-dataa; boundary=x",
        "application/x-www-form-urlencoded", "xmultipart/form-data; boundary=x"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(start(good[i], NULL), NGX_OK);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(start(bad[i], NULL), NGX_DECLINED);
        assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_TYPE);
        assert_int_equal(feed("--x--", 5), NGX_ERROR);
    }

    for (i = 70; i <= 71; i++) {
        memset(type, 'b', sizeof(type));
        memcpy(type, "multipart/form-data; boundary=", 30);
        type[30 + i] = '\0';
        assert_int_equal(start(type, NULL), i == 70 ? NGX_OK : NGX_DECLINED);
    }

    /* and the longest one is found */

    type[30 + 70] = '\0';
    assert_int_equal(start(type, NULL), NGX_OK);
    memset(type, 'b', sizeof(type));
    memcpy(type, "--", 2);
    memcpy(type + 72, "--", 2);
    assert_int_equal(feed(type, 74), NGX_OK);
    assert_int_equal(ngx_soporte_multipart_finish(&mp), NGX_OK);
}


/* N passes, N + 1 does not */

static void
limits(void **state)
{
    char                             body[4096], *p;
    ngx_uint_t                       i, k, n;
    ngx_soporte_multipart_limits_t   small = { 2, 76, 8, 10 };

    for (n = 2; n <= 3; n++) {
        p = body;

        for (i = 0; i < n; i++) {
            p += sprintf(p, "--xyz\r\n" CD "name=a\r\n\r\n\r\n");
        }

        sprintf(p, "--xyz--");
        assert_int_equal(parse_len(body, strlen(body), &small),
                         n == 2 ? NGX_OK : NGX_DECLINED);
    }

    assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_MANY);
    assert_string_equal(events.p, "[a:][a:]");

    for (n = 8; n <= 9; n++) {
        sprintf(body, "--xyz\r\n" CD "name=%.*s\r\n\r\n\r\n--xyz--", (int) n,
                "abcdefghij");
        assert_int_equal(parse_len(body, strlen(body), &small),
                         n == 8 ? NGX_OK : NGX_DECLINED);
    }

    assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_NAME_LONG);

    for (n = 10; n <= 11; n++) {
        sprintf(body, "--xyz\r\n" CD "name=a;filename=%.*s\r\n\r\n\r\n--xyz--",
                (int) n, "abcdefghijkl");
        assert_int_equal(parse_len(body, strlen(body), &small),
                         n == 10 ? NGX_OK : NGX_DECLINED);
    }

    assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_FILENAME_LONG);

    /* all headers of a part with their empty line */

    for (n = 76; n <= 77; n++) {
        p = body + sprintf(body, "--xyz\r\n" CD "name=a\r\nX:");
        k = n - (p - body - 7) - 4;
        memset(p, 'x', k);
        strcpy(p + k, "\r\n\r\n\r\n--xyz--");
        assert_int_equal(parse_len(body, strlen(body), &small),
                         n == 76 ? NGX_OK : NGX_DECLINED);
    }

    assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_HEADER_LARGE);
}


/* an event that is refused ends it, and nothing is told any more */

static void
events_may_refuse(void **state)
{
    ngx_uint_t  n, last;

    last = 0;

    for (n = 1; n < 20; n++) {
        refuse = n;

        if (parse(browser) == NGX_OK) {
            break;
        }

        last = n;
        assert_int_equal(refuse, 0);
        assert_int_equal(mp.error, NGX_SOPORTE_MULTIPART_GOOD);
        assert_int_equal(feed(browser, 10), NGX_ERROR);
        assert_int_equal(ngx_soporte_multipart_finish(&mp), NGX_ERROR);
    }

    refuse = 0;
    assert_int_equal(last, 10);
}


static void
memory_refused(void **state)
{
    ngx_str_t  s = ngx_string(TYPE);

    test_mem(&tm);
    tm.left = 1;
    assert_int_equal(ngx_soporte_multipart_init(&tm.mem, &mp, &s, NULL,
                                                &handler), NGX_ERROR);
}


/* data is passed on, not kept: a megabyte costs what a byte costs */

static void
memory_is_flat(void **state)
{
    char            block[4096];
    ngx_uint_t      i, n;
    test_block_t   *b;

    memset(block, '\r', sizeof(block));
    assert_int_equal(start(TYPE, NULL), NGX_OK);
    assert_int_equal(feed("--xyz\r\n" CD "name=a\r\n\r\n",
                          sizeof("--xyz\r\n" CD "name=a\r\n\r\n") - 1),
                     NGX_OK);

    for (i = 0; i < 256; i++) {
        assert_int_equal(feed(block, sizeof(block)), NGX_OK);
    }

    n = 0;

    for (b = tm.blocks; b; b = b->next) {
        n++;
    }

    assert_int_equal(n, 1);
    assert_int_equal(events.len, 3 + 256 * sizeof(block) - 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(as_browsers_send_it, teardown),
        cmocka_unit_test_teardown(any_split_is_one_shot, teardown),
        cmocka_unit_test_teardown(every_prefix_is_torn, teardown),
        cmocka_unit_test_teardown(good_forms, teardown),
        cmocka_unit_test_teardown(refused, teardown),
        cmocka_unit_test_teardown(boundaries, teardown),
        cmocka_unit_test_teardown(limits, teardown),
        cmocka_unit_test_teardown(events_may_refuse, teardown),
        cmocka_unit_test_teardown(memory_refused, teardown),
        cmocka_unit_test_teardown(memory_is_flat, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
