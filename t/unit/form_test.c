
/*
 * Prevents: a field that reads differently from what the browser sent, a NUL
 * or a broken character that reaches the database, a form that eats memory.
 */

#include "test.h"
#include "ngx_soporte_form.h"


static test_mem_t          tm;
static ngx_soporte_form_t  form;


static ngx_int_t
parse_len(const char *body, size_t len, size_t limit)
{
    u_char     *copy;
    ngx_int_t   rc;
    ngx_str_t   s;

    /* a copy of its own that is gone before the fields are looked at */

    copy = malloc(len ? len : 1);
    memcpy(copy, body, len);
    s.data = copy;
    s.len = len;
    rc = ngx_soporte_form_parse(test_mem(&tm), &s, limit, &form);
    free(copy);

    return rc;
}


static ngx_int_t
parse(const char *body)
{
    return parse_len(body, strlen(body), 65536);
}


static ngx_uint_t
is(const ngx_str_t *s, const char *text)
{
    return s && s->len == strlen(text)
           && (s->len == 0 || memcmp(s->data, text, s->len) == 0);
}


static void
assert_field(ngx_uint_t i, const char *name, const char *value)
{
    assert_true(i < form.nfields);
    assert_true(is(&form.fields[i].name, name));
    assert_true(is(&form.fields[i].value, value));
}


static int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static void
fields_as_sent(void **state)
{
    assert_int_equal(parse("subject=No+puedo+entrar&description=l%C3%ADnea+1"
                           "%0D%0Al%c3%adnea+2&email=ana%40x.mx&empty=&flag"
                           "&a=1%2B1%3D2%26&a=2&&=x&name=%F0%9F%98%80"),
                     NGX_OK);

    assert_int_equal(form.nfields, 9);
    assert_field(0, "subject", "No puedo entrar");
    assert_field(1, "description", "l\xc3\xadnea 1\r\nl\xc3\xadnea 2");
    assert_field(2, "email", "ana@x.mx");
    assert_field(3, "empty", "");
    assert_field(4, "flag", "");
    assert_field(5, "a", "1+1=2&");
    assert_field(6, "a", "2");
    assert_field(7, "", "x");
    assert_field(8, "name", "\xf0\x9f\x98\x80");

    assert_true(is(ngx_soporte_form_get(&form, "a"), "1+1=2&"));
    assert_true(is(ngx_soporte_form_get(&form, "empty"), ""));
    assert_null(ngx_soporte_form_get(&form, "emai"));
    assert_null(ngx_soporte_form_get(&form, "emails"));
}


static void
odd_but_good(void **state)
{
    assert_int_equal(parse(""), NGX_OK);
    assert_int_equal(form.nfields, 0);
    assert_null(ngx_soporte_form_get(&form, ""));
    teardown(NULL);

    assert_int_equal(parse("&&&"), NGX_OK);
    assert_int_equal(form.nfields, 0);
    teardown(NULL);

    assert_int_equal(parse("="), NGX_OK);
    assert_field(0, "", "");
    teardown(NULL);

    assert_int_equal(parse("a==b=&;c=1"), NGX_OK);
    assert_field(0, "a", "=b=");
    assert_field(1, ";c", "1");
    teardown(NULL);

    assert_int_equal(parse("a%20b=%09&"), NGX_OK);
    assert_int_equal(form.nfields, 1);
    assert_field(0, "a b", "\t");
}


static void
refused_with_the_field(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char                *body;
        ngx_soporte_form_error_e   error;
        const char                *field;
    } bad[] = {
        { "a=1&subject=%", NGX_SOPORTE_FORM_PERCENT, "subject" },
        { "subject=%4", NGX_SOPORTE_FORM_PERCENT, "subject" },
        { "subject=%4&x=1", NGX_SOPORTE_FORM_PERCENT, "subject" },
        { "subject=%g0", NGX_SOPORTE_FORM_PERCENT, "subject" },
        { "subject=%0x", NGX_SOPORTE_FORM_PERCENT, "subject" },
        { "subject=%+1", NGX_SOPORTE_FORM_PERCENT, "subject" },
        { "sub%ject=1", NGX_SOPORTE_FORM_PERCENT, "" },
        { "s%ff=%", NGX_SOPORTE_FORM_PERCENT, "" },
        { "subject=a%00b", NGX_SOPORTE_FORM_NUL, "subject" },
        { "su%00bject=a", NGX_SOPORTE_FORM_NUL, "" },
        { "subject=%ff", NGX_SOPORTE_FORM_UTF8, "subject" },
        { "subject=%c3", NGX_SOPORTE_FORM_UTF8, "subject" },
        { "subject=caf\xe9", NGX_SOPORTE_FORM_UTF8, "subject" },
        { "subject=%c0%80", NGX_SOPORTE_FORM_UTF8, "subject" },
        { "subject=%ed%a0%80", NGX_SOPORTE_FORM_UTF8, "subject" },
        { "subject=%f4%90%80%80", NGX_SOPORTE_FORM_UTF8, "subject" },
        { "s%c3=1", NGX_SOPORTE_FORM_UTF8, "" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(bad[i].body), NGX_DECLINED);
        assert_int_equal(form.error, bad[i].error);
        assert_true(is(&form.field, bad[i].field));
        test_mem_free(&tm);
    }

    assert_int_equal(parse_len("a=1\0", 4, 4), NGX_DECLINED);
    assert_int_equal(form.error, NGX_SOPORTE_FORM_NUL);
    assert_true(is(&form.field, "a"));
}


/* N passes, N + 1 does not */

static void
limits(void **state)
{
    char        body[1024], *p;
    ngx_uint_t  i;

    assert_int_equal(parse_len("a=1234", 6, 6), NGX_OK);
    test_mem_free(&tm);
    assert_int_equal(parse_len("a=1234", 6, 5), NGX_DECLINED);
    assert_int_equal(form.error, NGX_SOPORTE_FORM_LARGE);
    test_mem_free(&tm);

    p = body;

    for (i = 0; i < 64; i++) {
        p += sprintf(p, "f%d=%d&", (int) i, (int) i);
    }

    assert_int_equal(parse(body), NGX_OK);
    assert_int_equal(form.nfields, 64);
    assert_field(63, "f63", "63");
    test_mem_free(&tm);

    strcpy(p, "last=1");
    assert_int_equal(parse(body), NGX_DECLINED);
    assert_int_equal(form.error, NGX_SOPORTE_FORM_MANY);
    test_mem_free(&tm);

    memset(body, 'n', 64);
    strcpy(body + 64, "=1");
    assert_int_equal(parse(body), NGX_OK);
    test_mem_free(&tm);

    memset(body, 'n', 65);
    strcpy(body + 65, "=1");
    assert_int_equal(parse(body), NGX_DECLINED);
    assert_int_equal(form.error, NGX_SOPORTE_FORM_NAME_LONG);
    assert_true(is(&form.field, ""));
}


static void
memory_refused(void **state)
{
    size_t     left;
    ngx_int_t  rc;
    ngx_str_t  body = ngx_string("a=1&b=2");

    for (left = 1; /* void */ ; left++) {
        test_mem(&tm);
        tm.left = left;
        rc = ngx_soporte_form_parse(&tm.mem, &body, 100, &form);

        if (rc == NGX_OK) {
            break;
        }

        assert_int_equal(rc, NGX_ERROR);
        test_mem_free(&tm);
    }

    assert_int_equal(left, 3);
}


static void
arguments(void **state)
{
    ngx_str_t   value, args;
    ngx_uint_t  i;

    static const struct {
        const char  *args;
        const char  *value;
    } cases[] = {
        { "clave=abc", "abc" },
        { "x=1&clave=a%20b+c&y", "a b c" },
        { "clave=1&clave=2", "1" },
        { "&&clave", "" },
        { "clave=", "" },
        { "", NULL },
        { "clav=1&claves=2&Clave=3", NULL },
        { "x=clave=1", NULL },
        { "clave=%", NULL },
        { "clave=%00", NULL },
        { "clave=%ff", NULL },
        { "?clave=1", NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        args.data = (u_char *) strdup(cases[i].args);
        args.len = strlen(cases[i].args);

        if (cases[i].value == NULL) {
            assert_int_equal(ngx_soporte_form_arg(test_mem(&tm), &args,
                                                  "clave", &value),
                             NGX_DECLINED);

        } else {
            assert_int_equal(ngx_soporte_form_arg(test_mem(&tm), &args,
                                                  "clave", &value),
                             NGX_OK);
            assert_true(is(&value, cases[i].value));
        }

        free(args.data);
        test_mem_free(&tm);
    }

    args.data = (u_char *) "clave=1";
    args.len = 7;
    test_mem(&tm);
    tm.left = 1;
    assert_int_equal(ngx_soporte_form_arg(&tm.mem, &args, "clave", &value),
                     NGX_ERROR);
}


static void
cookies(void **state)
{
    ngx_str_t   value, header;
    ngx_uint_t  i;

    static const struct {
        const char  *header;
        const char  *value;
    } cases[] = {
        { "sid=abc", "abc" },
        { "a=1; sid=abc; b=2", "abc" },
        { "a=1;sid=abc;b=2", "abc" },
        { "a=1;\t sid=abc \t", "abc" },
        { "sid=\"abc\"", "abc" },
        { "sid=\"", "\"" },
        { "sid=\"\"", "" },
        { "sid=", "" },
        { "sid=a=b", "a=b" },
        { "sid=1; sid=2", "1" },
        { "", NULL },
        { "sid", NULL },
        { "sid; x=1", NULL },
        { "xsid=1; sidx=2; SID=3", NULL },
        { "a=sid=1", NULL },
        { "a=\"; sid=1\"", "1\"" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        header.data = (u_char *) strdup(cases[i].header);
        header.len = strlen(cases[i].header);

        if (cases[i].value == NULL) {
            assert_int_equal(ngx_soporte_form_cookie(&header, "sid", &value),
                             NGX_DECLINED);

        } else {
            assert_int_equal(ngx_soporte_form_cookie(&header, "sid", &value),
                             NGX_OK);
            assert_true(is(&value, cases[i].value));
        }

        free(header.data);
    }
}


static void
addresses(void **state)
{
    char        text[512];
    ngx_str_t   s;
    ngx_uint_t  i;

    static const char  *good[] = {
        "ana@example.mx", "a@b", "a.b+c@sub.example.com", "\xc3\xb1@x.mx",
        "!#$%&'*+/=?^_`{|}~-@x", ".a.@1.2", "x@a-b.c-d"
    };

    static const char  *bad[] = {
        "", "a", "@x", "a@", "a@@x", "a b@x", "a@x y", "a@-x", "a@x-",
        "a@x.", "a@.x", "a@x..y", "a,b@x", "a;b@x", "<a@x>", "\"a\"@x",
        "a\n@x", "a\r\nBcc: b@x", "a@x\n", "a@[1.2.3.4]", "a(b)@x",
        "a:b@x", "a\\b@x", "a@x_y", "a@\xc3\xb1.mx", "\xe2\x80\xae@x",
        "\xc2\xa0@x", "\xff@x", "a\x7f@x", "\xef\xbb\xbf@x"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s.data = (u_char *) good[i];
        s.len = strlen(good[i]);
        assert_true(ngx_soporte_form_email(&s));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s.data = (u_char *) bad[i];
        s.len = strlen(bad[i]);
        assert_false(ngx_soporte_form_email(&s));
    }

    s.data = (u_char *) "a\0b@x";
    s.len = 5;
    assert_false(ngx_soporte_form_email(&s));

    /* 64 before the "@", 63 in a label, 254 in all */

    s.data = (u_char *) text;
    memset(text, 'a', sizeof(text));
    memcpy(text + 64, "@x", 2);
    s.len = 66;
    assert_true(ngx_soporte_form_email(&s));
    text[64] = 'a';
    memcpy(text + 65, "@x", 2);
    s.len = 67;
    assert_false(ngx_soporte_form_email(&s));

    memset(text, 'a', sizeof(text));
    text[1] = '@';
    s.len = 65;
    assert_true(ngx_soporte_form_email(&s));
    s.len = 66;
    assert_false(ngx_soporte_form_email(&s));

    for (i = 60; i < sizeof(text); i += 60) {
        text[i] = '.';
    }

    s.len = 254;
    assert_true(ngx_soporte_form_email(&s));
    s.len = 255;
    assert_false(ngx_soporte_form_email(&s));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(fields_as_sent, teardown),
        cmocka_unit_test_teardown(odd_but_good, teardown),
        cmocka_unit_test_teardown(refused_with_the_field, teardown),
        cmocka_unit_test_teardown(limits, teardown),
        cmocka_unit_test_teardown(memory_refused, teardown),
        cmocka_unit_test_teardown(arguments, teardown),
        cmocka_unit_test_teardown(cookies, teardown),
        cmocka_unit_test(addresses)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
