
/*
 * Prevents: bytes that are no UTF-8 passing the door, markup or a script made
 * from a customer's text, a line break or a bidi trick in a subject.
 */

#include "test.h"
#include "ngx_soporte_text.h"


#define U(s)  (const u_char *) (s), sizeof(s) - 1


static void
assert_out(test_out_t *to, const char *expected)
{
    assert_int_equal(to->len, strlen(expected));

    if (to->len) {
        assert_memory_equal(to->p, expected, to->len);
    }

    test_out_free(to);
}


/* RFC 3629 section 3, written a second time and otherwise: by arithmetic */

static size_t
encode(u_char *dst, uint32_t code)
{
    if (code < 0x80) {
        dst[0] = (u_char) code;
        return 1;
    }

    if (code < 0x800) {
        dst[0] = (u_char) (0xc0 + code / 64);
        dst[1] = (u_char) (0x80 + code % 64);
        return 2;
    }

    if (code < 0x10000) {
        dst[0] = (u_char) (0xe0 + code / 4096);
        dst[1] = (u_char) (0x80 + code / 64 % 64);
        dst[2] = (u_char) (0x80 + code % 64);
        return 3;
    }

    dst[0] = (u_char) (0xf0 + code / 262144);
    dst[1] = (u_char) (0x80 + code / 4096 % 64);
    dst[2] = (u_char) (0x80 + code / 64 % 64);
    dst[3] = (u_char) (0x80 + code % 64);
    return 4;
}


static void
utf8_each_code_point(void **state)
{
    u_char         buf[4];
    size_t         n;
    uint32_t       code;
    const u_char  *p;

    for (code = 0; code <= 0x10ffff; code++) {
        n = encode(buf, code);
        p = buf;

        if (code >= 0xd800 && code <= 0xdfff) {
            assert_int_equal(ngx_soporte_utf8_valid(buf, n), 0);
            continue;
        }

        assert_int_equal(ngx_soporte_utf8_next(&p, buf + n), code);
        assert_ptr_equal(p, buf + n);
        assert_int_equal(ngx_soporte_utf8_valid(buf, n), code != 0);
    }

    for (code = 0x110000; code < 0x200000; code += 0x101) {
        n = encode(buf, code);
        assert_int_equal(ngx_soporte_utf8_valid(buf, n), 0);
    }

    /* four bytes for what takes three or less */

    for (code = 0; code < 0x10000; code++) {
        n = encode(buf, code | 0x100000);
        buf[0] = 0xf0;
        buf[1] = (u_char) (0x80 + code / 4096);
        assert_int_equal(n, 4);
        assert_int_equal(ngx_soporte_utf8_valid(buf, n), 0);
    }
}


/* of all strings of up to three bytes exactly the shortest forms are valid */

static void
utf8_each_short_string(void **state)
{
    u_char    buf[4], *exact;
    size_t    n;
    uint32_t  code, i, valid;

    /* two bytes, in a block of their own so that ASan sees a read too far */

    exact = malloc(2);
    valid = 0;

    for (i = 0; i < 0x10000; i++) {
        exact[0] = (u_char) (i >> 8);
        exact[1] = (u_char) i;
        valid += ngx_soporte_utf8_valid(exact, 2);
    }

    free(exact);

    /* two ASCII bytes, or one character of two bytes */
    assert_int_equal(valid, 127 * 127 + (0x800 - 0x80));

    valid = 0;

    for (i = 0; i < 0x1000000; i++) {
        buf[0] = (u_char) (i >> 16);

        if (buf[0] < 0xe0) {
            continue;
        }

        buf[1] = (u_char) (i >> 8);
        buf[2] = (u_char) i;
        valid += ngx_soporte_utf8_valid(buf, 3);
    }

    assert_int_equal(valid, 0x10000 - 0x800 - 0x800);

    /* each character cut short is invalid */

    for (code = 0x80; code <= 0x10ffff; code += 61) {

        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }

        for (n = encode(buf, code) - 1; n; n--) {
            assert_int_equal(ngx_soporte_utf8_valid(buf, n), 0);
        }
    }
}


static void
utf8_lengths(void **state)
{
    assert_int_equal(ngx_soporte_utf8_valid(NULL, 0), 1);
    assert_int_equal(ngx_soporte_utf8_valid(U("a\0b")), 0);
    assert_int_equal(ngx_soporte_utf8_valid(U("ni\xf1o")), 0);

    assert_int_equal(ngx_soporte_utf8_length(NULL, 0), 0);
    assert_int_equal(ngx_soporte_utf8_length(U("Facturación")), 11);
    assert_int_equal(ngx_soporte_utf8_length(U("ñ€😀")), 3);

    assert_int_equal(ngx_soporte_utf8_prefix(U("ñ€😀x"), 0), 0);
    assert_int_equal(ngx_soporte_utf8_prefix(U("ñ€😀x"), 1), 2);
    assert_int_equal(ngx_soporte_utf8_prefix(U("ñ€😀x"), 2), 5);
    assert_int_equal(ngx_soporte_utf8_prefix(U("ñ€😀x"), 3), 9);
    assert_int_equal(ngx_soporte_utf8_prefix(U("ñ€😀x"), 4), 10);
    assert_int_equal(ngx_soporte_utf8_prefix(U("ñ€😀x"), 99), 10);
    assert_int_equal(ngx_soporte_utf8_prefix(NULL, 0, 3), 0);
}


static void
html(void **state)
{
    int         ch;
    u_char      byte;
    test_out_t  to;

    ngx_soporte_text_html(test_out(&to), U("<a href='x' b=\"y\">&amp;</a>"));
    assert_out(&to, "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;"
                    "&lt;/a&gt;");

    ngx_soporte_text_html(test_out(&to), U("Sin servicio: ñ€😀"));
    assert_out(&to, "Sin servicio: ñ€😀");

    ngx_soporte_text_html(test_out(&to), NULL, 0);
    assert_out(&to, "");

    for (ch = 0; ch < 256; ch++) {
        byte = (u_char) ch;
        ngx_soporte_text_html(test_out(&to), &byte, 1);

        if (ch && strchr("&<>\"'", ch)) {
            assert_true(to.len > 3 && to.p[0] == '&'
                        && to.p[to.len - 1] == ';');

        } else {
            assert_int_equal(to.len, 1);
            assert_int_equal(to.p[0], ch);
        }

        test_out_free(&to);
    }
}


static void
json(void **state)
{
    int         ch;
    char        expected[8];
    u_char      byte;
    test_out_t  to;

    ngx_soporte_text_json(test_out(&to), U("\"\\/\b\f\n\r\t\v\x7f"));
    assert_out(&to, "\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u007f");

    ngx_soporte_text_json(test_out(&to), U("</script>&'"));
    assert_out(&to, "\\u003c/script\\u003e\\u0026'");

    ngx_soporte_text_json(test_out(&to), U("ñ\u2027\u2028\u2029\u202a😀"));
    assert_out(&to, "ñ\u2027\\u2028\\u2029\u202a😀");

    ngx_soporte_text_json(test_out(&to), U("a\xf1o\xe2\x82\0z"));
    assert_out(&to, "a\\ufffdo\\ufffd\\ufffd\\u0000z");

    ngx_soporte_text_json(test_out(&to), NULL, 0);
    assert_out(&to, "");

    for (ch = 0; ch < 0x20; ch++) {

        if (strchr("\b\f\n\r\t", ch) && ch) {
            continue;
        }

        byte = (u_char) ch;
        sprintf(expected, "\\u%04x", ch);
        ngx_soporte_text_json(test_out(&to), &byte, 1);
        assert_out(&to, expected);
    }
}


static void
decimals(void **state)
{
    int         len;
    char        text[32];
    u_char      buf[NGX_INT64_LEN], *p;
    ngx_uint_t  i;

    static const int64_t  n[] = {
        0, 1, 9, 10, 99, 100, -1, -9, -10, 1795377787, -21600,
        INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MIN + 1
    };

    for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
        len = sprintf(text, "%lld", (long long) n[i]);
        p = ngx_soporte_text_int64(buf, n[i]);
        assert_int_equal(p - buf, len);
        assert_memory_equal(buf, text, len);

        len = sprintf(text, "%llu", (unsigned long long) n[i]);
        p = ngx_soporte_text_uint64(buf, (uint64_t) n[i]);
        assert_int_equal(p - buf, len);
        assert_memory_equal(buf, text, len);
    }
}


static void
digits(void **state)
{
    int      ch;
    u_char   byte, back, buf[16], *p;

    p = ngx_soporte_text_uri(buf, U("A~z 0/ñ"));
    assert_int_equal(p - buf, 16);
    assert_memory_equal(buf, "A~z%200%2F%C3%B1", 16);

    p = ngx_soporte_text_uri(buf, U("a.b_c-d"));
    assert_int_equal(p - buf, 7);
    assert_memory_equal(buf, "a.b_c-d", 7);

    p = ngx_soporte_text_uri(buf, NULL, 0);
    assert_ptr_equal(p, buf);

    for (ch = 0; ch < 256; ch++) {
        byte = (u_char) ch;

        p = ngx_soporte_text_hex(buf, &byte, 1);
        assert_int_equal(p - buf, 2);

        assert_int_equal(ngx_soporte_text_unhex(&back, buf, 2), NGX_OK);
        assert_int_equal(back, ch);

        /* no byte but a digit is taken in either place */

        if (ch && strchr("0123456789abcdefABCDEF", ch)) {
            continue;
        }

        buf[0] = byte;
        buf[1] = '0';
        assert_int_equal(ngx_soporte_text_unhex(&back, buf, 2), NGX_ERROR);

        buf[0] = '0';
        buf[1] = byte;
        assert_int_equal(ngx_soporte_text_unhex(&back, buf, 2), NGX_ERROR);
    }

    assert_int_equal(ngx_soporte_text_unhex(buf, U("00fFAb9")), NGX_ERROR);
    assert_int_equal(ngx_soporte_text_unhex(buf, U("00fFAb")), NGX_OK);
    assert_memory_equal(buf, "\x00\xff\xab", 3);
}


static void
assert_clean(const char *src, size_t len, const char *expected)
{
    u_char  *buf, *same;
    size_t   n;

    buf = malloc(len + 1);
    n = ngx_soporte_text_clean(buf, (const u_char *) src, len);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(buf, expected, n);
    free(buf);

    same = malloc(len + 1);
    memcpy(same, src, len);
    n = ngx_soporte_text_clean(same, same, len);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(same, expected, n);
    free(same);
}


static void
clean(void **state)
{
    uint32_t  code;
    u_char    buf[8], dst[8];
    size_t    n, m, dropped;

    assert_clean("No timbra ñ😀", sizeof("No timbra ñ😀") - 1,
                 "No timbra ñ😀");
    assert_clean("a\r\nBcc: x", 9, "a Bcc: x");
    assert_clean("a\0b\x1b[31mc", 9, "ab[31mc");
    assert_clean("a\tb\x0b\x0c" "c\xc2\x85" "d\u2028\u2029e",
                 sizeof("a\tb\x0b\x0c" "c\xc2\x85" "d\u2028\u2029e") - 1,
                 "a b c d e");
    assert_clean("\u202efdp.exe\u202c\u2066\u2069\u200f",
                 sizeof("\u202efdp.exe\u202c\u2066\u2069\u200f") - 1,
                 "fdp.exe");
    assert_clean("\ufeffx\xc2", 5, "x");
    assert_clean("\n\u202e\n", 5, " ");
    assert_clean("", 0, "");
    assert_int_equal(ngx_soporte_text_clean(NULL, NULL, 0), 0);

    /* how many in all of Unicode do not pass as they are */

    dropped = 0;

    for (code = 0; code <= 0x10ffff; code++) {

        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }

        n = encode(buf, code);
        m = ngx_soporte_text_clean(dst, buf, n);

        if (m != n || memcmp(buf, dst, n) != 0) {
            dropped++;
        }
    }

    /* C0, DEL and C1, 2 separators, 12 bidi controls, the byte order mark */
    assert_int_equal(dropped, 32 + 33 + 2 + 12 + 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(utf8_each_code_point),
        cmocka_unit_test(utf8_each_short_string),
        cmocka_unit_test(utf8_lengths),
        cmocka_unit_test(html),
        cmocka_unit_test(json),
        cmocka_unit_test(decimals),
        cmocka_unit_test(digits),
        cmocka_unit_test(clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
