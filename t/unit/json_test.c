
/*
 * Prevents: a body that two readers understand in two ways, a hundred
 * thousand brackets that take the stack, a number that came back another.
 */

#include <time.h>
#include <jansson.h>

#include "test.h"
#include "ngx_soporte_json.h"


static ngx_soporte_value_t *
parse(test_mem_t *tm, const char *text, size_t len, ngx_uint_t max_depth,
    ngx_soporte_json_error_t *err)
{
    u_char                     *p;
    ngx_soporte_value_t        *root;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = max_depth;

    /* of its own size for ASan, and gone before the tree is looked at */

    p = malloc(len + 1);
    memcpy(p, text, len);
    p = realloc(p, len ? len : 1);

    root = ngx_soporte_json_parse(&tm->mem, p, len, &limits, err);

    memset(p, 'x', len);
    free(p);

    return root;
}


static void
accepts(void **state)
{
    test_out_t                 to;
    test_mem_t                 tm;
    ngx_uint_t                 i;
    ngx_soporte_value_t       *root;
    ngx_soporte_json_error_t   err;

    static const struct {
        const char  *text;
        const char  *written;        /* NULL: as it was */
    } cases[] = {
        { "null", NULL },
        { "true", NULL },
        { "false", NULL },
        { " \t\r\n0\n", "0" },
        { "-0", "0" },
        { "9223372036854775807", NULL },
        { "-9223372036854775808", NULL },
        { "1.50", NULL },
        { "-0.0", NULL },
        { "1E+2", NULL },
        { "0.1000000000000000055511151231257827", NULL },
        { "12345678901234567890.0", NULL },
        { "1e-999", NULL },
        { "\"\"", NULL },
        { "\"ni\\u00f1o \\ud83d\\ude00 \\/ \\n\"", "\"niño 😀 / \\n\"" },
        { "\"\xef\xbb\xbf\"", NULL },
        { "[]", NULL },
        { "{}", NULL },
        { "{\"\":{\"\":[]}}", NULL },
        { "[1.10,-2e5,{\"k1\":3.30,\"0\":\"7.7\",\"a\\\"9\":-8},4]", NULL },
        { "[\"\\\\\",1.5,\"\\\"2.5\",2.50,\"\\\\\\\"\",3.5]", NULL },
        { "{\"z\":1,\"b\":2,\"a\":3,\"Z\":4,\"ñ\":5,\"m\":6,\"0\":7}", NULL },
        { "{\"a\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":1}]}", NULL },
        { "[[[[[[[[]]]]]]],\"[[[[[[[[[\",\"\\\"{{{{{{{{{\"]", NULL },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_mem(&tm);

        root = parse(&tm, cases[i].text, strlen(cases[i].text), 8, &err);

        if (root == NULL) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }

        ngx_soporte_value_json(test_out(&to), root);
        assert_string_equal((char *) to.p, cases[i].written
                                               ? cases[i].written
                                               : cases[i].text);
        test_out_free(&to);
        test_mem_free(&tm);
    }
}


static void
refuses(void **state)
{
    test_mem_t                 tm;
    ngx_uint_t                 i;
    ngx_soporte_json_error_t   err;

    static const struct {
        const char  *text;
        ngx_uint_t   line;
        ngx_uint_t   column;
        const char  *message;
    } cases[] = {
        { "", 1, 1, "unexpected end of text" },
        { " \n ", 2, 1, "unexpected end of text" },
        { "{\"a\":\n{\"b\":[", 2, 6, "unexpected end of text" },
        { "\"abc", 1, 4, "unexpected end of text" },
        { "{\"a\":1,\n \"a\":2}", 2, 4, "duplicate key" },
        { "{\"\\u0061\":1,\"a\":1}", 1, 15, "duplicate key" },
        { "[{\"ñ\":{},\"ñ\":{}}]", 1, 12, "duplicate key" },
        { "[1,]", 1, 4, "unexpected token" },
        { "{\"a\":1,}", 1, 8, "string or '}' expected" },
        { "{\"a\" 1}", 1, 6, "':' expected" },
        { "{a:1}", 1, 2, "string or '}' expected" },
        { "[1\n 2]", 2, 2, "']' expected" },
        { "[1] x", 1, 5, "text behind the value" },
        { "{}{}", 1, 3, "text behind the value" },
        { "1 2", 1, 3, "text behind the value" },
        { "0x10", 1, 2, "text behind the value" },
        { "\"a\\qb\"", 1, 4, "invalid escape" },
        { "\"\\u12\"", 1, 6, "invalid escape" },
        { "\"\\ud800\"", 1, 8, "invalid Unicode escape" },
        { "\"\\ud800\\u0041\"", 1, 14, "invalid Unicode escape" },
        { "\"\\ude00\"", 1, 8, "invalid Unicode escape" },
        { "\"\\u0000\"", 1, 8, "U+0000 in a string" },
        { "{\"a\\u0000\":1}", 1, 10, "U+0000 in a string" },
        { "\"a\nb\"", 1, 2, "unexpected newline" },
        { "\"a\tb\"", 1, 2, "control character 0x9" },
        { "9223372036854775808", 1, 19, "number out of range" },
        { "[-9223372036854775809]", 1, 21, "number out of range" },
        { "1e999", 1, 5, "number out of range" },
        { "01", 1, 1, "invalid token" },
        { "-01", 1, 2, "invalid token" },
        { "+1", 1, 1, "invalid token" },
        { ".5", 1, 1, "invalid token" },
        { "1.", 1, 2, "invalid token" },
        { "NaN", 1, 3, "invalid token" },
        { "True", 1, 4, "invalid token" },
        { "// c\n1", 1, 1, "invalid token" },
        { "'a'", 1, 1, "invalid token" },
        { "]", 1, 1, "unexpected token" },
        { "\xef\xbb\xbf{}", 1, 1, "byte order mark" },
        { "\"ñ\xff\"", 1, 3, "invalid UTF-8" },
        { "[\n\"\xed\xa0\x80\"]", 2, 2, "invalid UTF-8" },
        { "\"\xc0\x80\"", 1, 2, "invalid UTF-8" },
        { "[[[[\n[[[[[", 2, 5, "nested too deep" },
        { "[{\"a\":[{\"a\":[{\"a\":[{\"a\":[1]}]}]}]}]", 1, 25,
          "nested too deep" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_mem(&tm);

        if (parse(&tm, cases[i].text, strlen(cases[i].text), 8, &err)) {
            fail_msg("%s was taken", cases[i].text);
        }

        if (strcmp((char *) err.text, cases[i].message) != 0
            || err.line != cases[i].line || err.column != cases[i].column)
        {
            fail_msg("%s: %lu:%lu: %s", cases[i].text,
                     (unsigned long) err.line, (unsigned long) err.column,
                     err.text);
        }

        assert_null(tm.blocks);
        test_mem_free(&tm);
    }

    /* a NUL may stand anywhere */

    test_mem(&tm);
    assert_null(parse(&tm, "[1]\0", 4, 8, &err));
    assert_string_equal((char *) err.text, "NUL byte");
    assert_int_equal(err.column, 4);
    assert_null(parse(&tm, "[\"a\0\"]", 6, 8, &err));
    assert_string_equal((char *) err.text, "NUL byte");
    assert_null(parse(&tm, "[\"a\\\0\"]", 7, 8, &err));
    assert_string_equal((char *) err.text, "NUL byte");
    test_mem_free(&tm);
}


/* what a message quotes would go to logs and other people's screens */

static void
quotes_nothing(void **state)
{
    size_t                     i;
    char                       text[64];
    test_mem_t                 tm;
    const char                *secret;
    ngx_soporte_json_error_t   err;

    secret = "{\"clave\":\"SECRETO\",\"n\":[SECRETO],\"SECRETO\":-SECRETO}";

    for (i = 0; i < strlen(secret); i++) {
        strcpy(text, secret);
        text[i] = (char) (text[i] == '"' ? '\'' : '\\');

        test_mem(&tm);
        assert_null(parse(&tm, text, strlen(text), 8, &err));
        assert_true(err.text[0] != '\0');
        assert_null(strstr((char *) err.text, "SEC"));
        assert_null(strstr((char *) err.text, "clave"));
        test_mem_free(&tm);
    }
}


static size_t  allocations;


static void *
count_alloc(size_t size)
{
    allocations++;

    return malloc(size);
}


static void
bounds_its_depth(void **state)
{
    char                      *text;
    clock_t                    began;
    test_mem_t                 tm;
    ngx_uint_t                 n;
    ngx_soporte_json_error_t   err;

    test_mem(&tm);
    json_set_alloc_funcs(count_alloc, free);

    assert_non_null(parse(&tm, "1", 1, 0, &err));
    assert_true(allocations > 0);

    assert_null(parse(&tm, "[]", 2, 0, &err));
    assert_non_null(parse(&tm, "[]", 2, 1, &err));
    assert_null(parse(&tm, "[{}]", 4, 1, &err));

    n = 100000;
    text = malloc(2 * n);
    memset(text, '[', n);
    memset(text + n, ']', n);

    /* whatever is asked for, the tree stays one that can be written */
    assert_non_null(parse(&tm, text + n - 64, 128, 100, &err));
    assert_null(parse(&tm, text + n - 65, 130, 100, &err));
    assert_string_equal((char *) err.text, "nested too deep");

    test_mem_free(&tm);

    /* neither time nor memory, whether the brackets are closed or not */

    for ( /* void */ ; n <= 200000; n += 100000) {
        allocations = 0;
        began = clock();

        assert_null(ngx_soporte_json_parse(&tm.mem, (u_char *) text, n,
                                           &(ngx_soporte_json_limits_t) { 8 },
                                           &err));

        assert_true(clock() - began < CLOCKS_PER_SEC / 50);
        assert_int_equal(allocations, 0);
        assert_null(tm.blocks);
        assert_int_equal(err.line, 1);
        assert_int_equal(err.column, 9);
    }

    json_set_alloc_funcs(malloc, free);
    free(text);
}


static void
reads_types(void **state)
{
    test_mem_t                 tm;
    ngx_soporte_value_t       *root, *v;
    ngx_soporte_json_error_t   err;

    static const char  text[] =
        "{\"s\":\"\\u00f1\",\"i\":-21600,\"r\":99.9900,\"n\":null,"
        "\"l\":[1,\"x\"],\"t\":true,\"f\":false,\"o\":{\"k\":\"v\"}}";

    test_mem(&tm);
    root = parse(&tm, text, sizeof(text) - 1, 8, &err);

    v = ngx_soporte_value_get(root, "s");
    assert_int_equal(v->type, NGX_SOPORTE_STRING);
    assert_int_equal(v->str.len, 2);
    assert_string_equal((char *) v->str.data, "ñ");

    v = ngx_soporte_value_get(root, "i");
    assert_int_equal(v->type, NGX_SOPORTE_INTEGER);
    assert_int_equal(v->num, -21600);

    v = ngx_soporte_value_get(root, "r");
    assert_int_equal(v->type, NGX_SOPORTE_REAL);
    assert_int_equal(v->str.len, 7);
    assert_string_equal((char *) v->str.data, "99.9900");

    assert_int_equal(ngx_soporte_value_get(root, "n")->type,
                     NGX_SOPORTE_NULL);
    assert_int_equal(ngx_soporte_value_get(root, "t")->type,
                     NGX_SOPORTE_TRUE);
    assert_int_equal(ngx_soporte_value_get(root, "f")->type,
                     NGX_SOPORTE_FALSE);

    v = ngx_soporte_value_get(root, "l");
    assert_int_equal(v->type, NGX_SOPORTE_LIST);
    assert_int_equal(v->first->num, 1);
    assert_ptr_equal(v->first->next, v->last);
    assert_int_equal(v->last->name.len, 0);

    v = ngx_soporte_value_get(ngx_soporte_value_get(root, "o"), "k");
    assert_string_equal((char *) v->name.data, "k");
    assert_string_equal((char *) v->str.data, "v");

    test_mem_free(&tm);
}


/* the n-th allocation fails, for each n */

static void
survives_refusals(void **state)
{
    size_t                     n;
    test_mem_t                 tm;
    ngx_soporte_value_t       *root;
    ngx_soporte_json_error_t   err;

    static const char  text[] = "{\"a\":[1,2.5,\"x\",{\"b\":null}],\"c\":\"\"}";

    for (n = 1; n < 100; n++) {
        test_mem(&tm);
        tm.left = n;

        root = parse(&tm, text, sizeof(text) - 1, 8, &err);

        if (root) {
            assert_int_equal(tm.mem.failed, 0);
            test_mem_free(&tm);
            break;
        }

        assert_int_equal(tm.mem.failed, 1);
        assert_string_equal((char *) err.text, "no memory");
        test_mem_free(&tm);
    }

    /* 8 nodes, 3 keys, a real and two strings; none but the last is refused */
    assert_int_equal(n, 8 + 3 + 3 + 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(quotes_nothing),
        cmocka_unit_test(bounds_its_depth),
        cmocka_unit_test(reads_types),
        cmocka_unit_test(survives_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
