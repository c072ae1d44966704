
/*
 * Prevents: a page that shows what it should not, a customer's text rendered
 * as markup, a typo in a page that is found in an incident instead of by
 * "nginx -t", a template that keeps the event loop busy.
 *
 * The rules of the language are in template_cases.json.
 */

#include "test.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_template.h"


static const ngx_soporte_value_t  *partials;


/* partials come from an object of the case; files are called like them */

static ngx_int_t
load(void *data, const ngx_str_t *name, ngx_str_t *src, ngx_str_t *file)
{
    const ngx_soporte_value_t  *v, **object = data;

    v = ngx_soporte_value_find(*object, name->data, name->len);
    if (v == NULL) {
        return NGX_DECLINED;
    }

    *src = v->str;
    *file = *name;

    return NGX_OK;
}


static const ngx_soporte_template_loader_t  loader = { load, &partials };


static ngx_soporte_template_t *
parse(ngx_soporte_mem_t *mem, const ngx_str_t *src,
    ngx_soporte_template_error_t *err)
{
    ngx_str_t  file = ngx_string("t");

    return ngx_soporte_template_parse(mem, &file, src, &loader, err);
}


static ngx_soporte_template_t *
parse_text(ngx_soporte_mem_t *mem, const char *text,
    ngx_soporte_template_error_t *err)
{
    ngx_str_t  src;

    src.data = (u_char *) text;
    src.len = strlen(text);

    return parse(mem, &src, err);
}


static ngx_soporte_value_t *
read_json(ngx_soporte_mem_t *mem, const char *text)
{
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits = { NGX_SOPORTE_VALUE_DEPTH };

    root = ngx_soporte_json_parse(mem, (u_char *) text, strlen(text), &limits,
                                  &err);
    if (root == NULL) {
        fail_msg("%lu:%lu: %s", (unsigned long) err.line,
                 (unsigned long) err.column, err.text);
    }

    return root;
}


/* beside this file */

static char *
read_cases(void)
{
    char   *text, path[512];
    long    size;
    FILE   *f;

    snprintf(path, sizeof(path), "%.*s/template_cases.json",
             (int) (strrchr(__FILE__, '/') - __FILE__), __FILE__);

    f = fopen(path, "r");
    if (f == NULL) {
        fail_msg("\"%s\" could not be opened", path);
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    text = malloc(size + 1);
    assert_int_equal(fread(text, 1, size, f), size);
    text[size] = '\0';

    fclose(f);

    return text;
}


static ngx_uint_t
check_result(ngx_soporte_mem_t *mem, const ngx_soporte_value_t *c)
{
    ngx_int_t                      rc;
    test_out_t                     to;
    ngx_uint_t                     same;
    const ngx_str_t               *expected;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    expected = &ngx_soporte_value_get(c, "result")->str;

    tpl = parse(mem, &ngx_soporte_value_get(c, "template")->str, &err);

    if (tpl == NULL) {
        print_error("%.*s:%lu: %s\n", (int) err.file.len, err.file.data,
                    (unsigned long) err.line, err.text.data);
        return 0;
    }

    rc = ngx_soporte_template_render(tpl, ngx_soporte_value_get(c, "data"),
                                     test_out(&to));

    same = (rc == NGX_OK && to.len == expected->len
            && (to.len == 0 || memcmp(to.p, expected->data, to.len) == 0));

    if (!same) {
        print_error("rendered: \"%s\"\n", to.p);
    }

    test_out_free(&to);

    return same;
}


static ngx_uint_t
check_error(ngx_soporte_mem_t *mem, const ngx_soporte_value_t *c)
{
    char                           text[512];
    ngx_soporte_template_error_t   err;

    if (parse(mem, &ngx_soporte_value_get(c, "template")->str, &err)) {
        print_error("was taken\n");
        return 0;
    }

    snprintf(text, sizeof(text), "%.*s:%lu: %s", (int) err.file.len,
             err.file.data, (unsigned long) err.line, err.text.data);

    if (strcmp(text,
               (char *) ngx_soporte_value_get(c, "error")->str.data) != 0)
    {
        print_error("%s\n", text);
        return 0;
    }

    return 1;
}


static void
follows_the_rules(void **state)
{
    char                       *text;
    test_mem_t                  tm;
    ngx_uint_t                  ok, results, errors, failed;
    ngx_soporte_mem_t          *mem;
    const ngx_soporte_value_t  *root, *c;

    mem = test_mem(&tm);

    text = read_cases();
    root = read_json(mem, text);

    results = 0;
    errors = 0;
    failed = 0;

    for (c = root->first; c; c = c->next) {

        if (ngx_soporte_value_get(c, "group")) {
            continue;
        }

        partials = ngx_soporte_value_get(c, "partials");

        if (ngx_soporte_value_get(c, "error")) {
            ok = check_error(mem, c);
            errors++;

        } else {
            ok = check_result(mem, c);
            results++;
        }

        if (!ok) {
            failed++;
            print_error("rule: %s\n",
                        ngx_soporte_value_get(c, "rule")->str.data);
        }
    }

    print_message("%lu results, %lu errors, %lu failed\n",
                  (unsigned long) results, (unsigned long) errors,
                  (unsigned long) failed);

    assert_int_equal(failed, 0);
    assert_true(results >= 190 && errors >= 45);

    partials = NULL;
    test_mem_free(&tm);
    free(text);
}


static void
refuses_what_is_no_text(void **state)
{
    test_mem_t                     tm;
    ngx_str_t                      src;
    ngx_soporte_template_error_t   err;

    test_mem(&tm);

    assert_null(parse_text(&tm.mem, "uno\n{{a}}ni\xf1o{{/b}}", &err));
    assert_int_equal(err.line, 2);
    assert_string_equal((char *) err.text.data, "byte 0xf1 is not UTF-8 text");

    ngx_str_set(&src, "\n\n\0");
    assert_null(parse(&tm.mem, &src, &err));
    assert_int_equal(err.line, 3);
    assert_string_equal((char *) err.text.data, "byte 0x00 is not UTF-8 text");

    test_mem_free(&tm);
}


static ngx_int_t
load_fails(void *data, const ngx_str_t *name, ngx_str_t *src, ngx_str_t *file)
{
    return NGX_ERROR;
}


static ngx_int_t
load_more(void *data, const ngx_str_t *name, ngx_str_t *src, ngx_str_t *file)
{
    ngx_uint_t  *left = data;
    static char  text[100][16];

    if (*left == 0) {
        ngx_str_set(src, "fin");
        return NGX_OK;
    }

    sprintf(text[*left], "{{>p%lu}}", (unsigned long) *left);
    src->data = (u_char *) text[*left];
    src->len = strlen(text[*left]);

    (*left)--;

    return NGX_OK;
}


static void
asks_its_loader(void **state)
{
    test_out_t                      to;
    test_mem_t                      tm;
    ngx_str_t                       src = ngx_string("\n{{>p}}");
    ngx_str_t                       file = ngx_string("t");
    ngx_uint_t                      left;
    ngx_soporte_value_t            *root;
    ngx_soporte_template_t         *tpl;
    ngx_soporte_template_error_t    err;
    ngx_soporte_template_loader_t   other;

    test_mem(&tm);
    root = read_json(&tm.mem, "{}");

    assert_null(ngx_soporte_template_parse(&tm.mem, &file, &src, NULL, &err));
    assert_string_equal((char *) err.text.data, "there is no partial \"p\"");
    assert_int_equal(err.line, 2);

    other.load = load_fails;
    other.data = NULL;

    assert_null(ngx_soporte_template_parse(&tm.mem, &file, &src, &other,
                                           &err));
    assert_string_equal((char *) err.text.data,
                        "partial \"p\" could not be read");

    /* a chain of as many as there may be, and of one more */

    other.load = load_more;
    other.data = &left;

    left = NGX_SOPORTE_TEMPLATE_PARTIALS - 1;
    tpl = ngx_soporte_template_parse(&tm.mem, &file, &src, &other, &err);
    assert_non_null(tpl);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_OK);
    assert_string_equal((char *) to.p, "\nfin");
    test_out_free(&to);

    left = NGX_SOPORTE_TEMPLATE_PARTIALS;
    assert_null(ngx_soporte_template_parse(&tm.mem, &file, &src, &other,
                                           &err));
    assert_string_equal((char *) err.text.data, "more than 64 partials");

    /* a name without source is an empty page */

    ngx_str_null(&src);
    tpl = ngx_soporte_template_parse(&tm.mem, &file, &src, NULL, &err);
    assert_non_null(tpl);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_OK);
    assert_int_equal(to.len, 0);
    test_out_free(&to);

    test_mem_free(&tm);
}


static void
bounds_its_depth(void **state)
{
    char                           text[4096], *p;
    test_out_t                     to;
    test_mem_t                     tm;
    ngx_uint_t                     n, i;
    ngx_soporte_value_t           *root;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    test_mem(&tm);
    root = read_json(&tm.mem, "{\"a\":true}");

    /* sections within each other */

    for (n = NGX_SOPORTE_TEMPLATE_DEPTH; /* void */ ; n++) {
        p = text;

        for (i = 0; i < n; i++) {
            p += sprintf(p, "{{#a}}\n");
        }

        for (i = 0; i < n; i++) {
            p += sprintf(p, "x{{/a}}");
        }

        tpl = parse_text(&tm.mem, text, &err);

        if (tpl == NULL) {
            break;
        }

        assert_int_equal(ngx_soporte_template_render(tpl, root,
                                                     test_out(&to)),
                         NGX_OK);
        assert_int_equal(to.len, n);
        test_out_free(&to);
    }

    assert_int_equal(n, NGX_SOPORTE_TEMPLATE_DEPTH + 1);
    assert_int_equal(err.line, n);
    assert_string_equal((char *) err.text.data,
                        "more than 64 sections within each other");

    /* a recursion that the data never ends */

    partials = read_json(&tm.mem, "{\"p\":\"x{{#a}}{{>p}}{{/a}}\"}");
    tpl = parse_text(&tm.mem, "{{>p}}", &err);
    assert_non_null(tpl);

    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_ABORT);
    assert_int_equal(to.len, NGX_SOPORTE_TEMPLATE_DEPTH / 2);
    test_out_free(&to);

    partials = NULL;
    test_mem_free(&tm);
}


/* a value too deep to be JSON is no half page that looks like a whole one */

static void
refuses_deep_values(void **state)
{
    test_out_t                     to;
    test_mem_t                     tm;
    ngx_uint_t                     i;
    ngx_soporte_value_t           *root, *v;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    test_mem(&tm);
    root = ngx_soporte_value_add(&tm.mem, NULL, NULL, NGX_SOPORTE_LIST);
    v = root;

    for (i = 0; i < NGX_SOPORTE_VALUE_DEPTH; i++) {
        v = ngx_soporte_value_add(&tm.mem, v, NULL, NGX_SOPORTE_LIST);
    }

    tpl = parse_text(&tm.mem, "{{.}}", &err);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_ERROR);
    test_out_free(&to);

    tpl = parse_text(&tm.mem, "{{&.}}", &err);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_ERROR);
    test_out_free(&to);

    test_mem_free(&tm);
}


/* what doubles at each level is bounded by its steps, not by its depth */

static void
bounds_its_steps(void **state)
{
    test_out_t                     to;
    test_mem_t                     tm;
    ngx_uint_t                     i;
    ngx_soporte_value_t           *root, *list;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    test_mem(&tm);
    root = read_json(&tm.mem, "{\"a\":true}");

    partials = read_json(&tm.mem,
                         "{\"p\":\"{{#a}}{{^b}}{{>p}}{{>p}}{{/b}}{{/a}}\","
                         "\"q\":\"{{#a}}{{#l}}{{/l}}{{/a}}\"}");

    tpl = parse_text(&tm.mem, "{{>p}}", &err);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_ABORT);
    test_out_free(&to);

    /* nothing to render, but often */

    list = ngx_soporte_value_add(&tm.mem, root, "l", NGX_SOPORTE_LIST);

    for (i = 0; i < 1000; i++) {
        ngx_soporte_value_int(&tm.mem, list, NULL, i);
    }

    tpl = parse_text(&tm.mem, "{{#l}}{{>q}}{{/l}}", &err);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_ABORT);
    test_out_free(&to);

    tpl = parse_text(&tm.mem, "{{#l}}{{.}}{{#l}}{{/l}}{{/l}}", &err);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_ABORT);
    test_out_free(&to);

    tpl = parse_text(&tm.mem, "{{#l}}{{.}}{{/l}}", &err);
    assert_int_equal(ngx_soporte_template_render(tpl, root, test_out(&to)),
                     NGX_OK);
    assert_int_equal(to.len, 10 + 90 * 2 + 900 * 3);
    test_out_free(&to);

    partials = NULL;
    test_mem_free(&tm);
}


static const char  page[] =
    "{{! cabeza }}\n<h1>{{t}}</h1>\n  {{>p}}\n{{#l}}\n{{&.}} {{{o.k}}}\n"
    "{{/l}}\n{{^x}}nada{{/x}}{{>p}}{{o}}\n";

static const char  page_data[] =
    "{\"t\":\"<ñ>\",\"l\":[1,2.50,\"&\"],\"o\":{\"k\":\"\\\"\"}}";

static const char  page_partials[] = "{\"p\":\"a\\n{{t}}\\n{{>q}}\\n\","
                                     "\"q\":\"{{l}}\"}";

static const char  page_rendered[] =
    "<h1>&lt;ñ&gt;</h1>\n  a\n  &lt;ñ&gt;\n"
    "  [1,2.50,&quot;\\u0026&quot;]1 \"\n2.5 \"\n& \"\nnadaa\n&lt;ñ&gt;\n"
    "[1,2.50,&quot;\\u0026&quot;]"
    "{&quot;k&quot;:&quot;\\&quot;&quot;}\n";


/* the n-th allocation fails, for each n */

static void
survives_refusals(void **state)
{
    size_t                         n;
    test_out_t                     to;
    test_mem_t                     tm, data;
    ngx_soporte_value_t           *root;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    test_mem(&data);
    root = read_json(&data.mem, page_data);
    partials = read_json(&data.mem, page_partials);

    for (n = 1; n < 200; n++) {
        test_mem(&tm);
        tm.left = n;

        tpl = parse_text(&tm.mem, page, &err);

        if (tpl) {
            assert_int_equal(tm.mem.failed, 0);
            assert_int_equal(ngx_soporte_template_render(tpl, root,
                                                         test_out(&to)),
                             NGX_OK);
            assert_string_equal((char *) to.p, page_rendered);
            test_out_free(&to);
            test_mem_free(&tm);
            break;
        }

        assert_int_equal(tm.mem.failed, 1);
        assert_string_equal((char *) err.text.data, "no memory");
        test_mem_free(&tm);
    }

    assert_true(n > 20 && n < 200);

    /* so is a message for which there is no memory */

    test_mem(&tm);
    tm.left = 2;
    assert_null(parse_text(&tm.mem, "{{}}", &err));
    assert_string_equal((char *) err.text.data, "no memory");
    test_mem_free(&tm);

    partials = NULL;
    test_mem_free(&data);
}


static ngx_int_t
refuse(void *data, const u_char *p, size_t len)
{
    size_t  *left = data;

    if (len > *left) {
        return NGX_ERROR;
    }

    *left -= len;

    return NGX_OK;
}


static void
stops_where_the_output_does(void **state)
{
    size_t                         n, left;
    ngx_int_t                      rc;
    test_mem_t                     tm;
    ngx_soporte_out_t              out;
    ngx_soporte_value_t           *root;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    test_mem(&tm);
    root = read_json(&tm.mem, page_data);
    partials = read_json(&tm.mem, page_partials);
    tpl = parse_text(&tm.mem, page, &err);

    for (n = 0; n < sizeof(page_rendered); n++) {
        left = n;
        out.write = refuse;
        out.data = &left;
        out.failed = 0;

        rc = ngx_soporte_template_render(tpl, root, &out);
        assert_int_equal(rc, n < sizeof(page_rendered) - 1 ? NGX_ERROR
                                                           : NGX_OK);
        assert_int_equal(out.failed, rc == NGX_ERROR);
    }

    partials = NULL;
    test_mem_free(&tm);
}


/* each beginning of a page is a page or an error with its line */

static void
survives_any_cut(void **state)
{
    size_t                         len, lines;
    u_char                        *p;
    ngx_str_t                      src;
    test_out_t                     to;
    test_mem_t                     tm;
    ngx_soporte_value_t           *root;
    ngx_soporte_template_t        *tpl;
    ngx_soporte_template_error_t   err;

    for (len = 0; len < sizeof(page); len++) {
        test_mem(&tm);
        root = read_json(&tm.mem, page_data);
        partials = read_json(&tm.mem, page_partials);

        p = malloc(len + 1);
        memcpy(p, page, len);
        p = realloc(p, len ? len : 1);

        src.data = p;
        src.len = len;

        for (lines = 1; len && p < src.data + len; p++) {
            lines += (*p == '\n');
        }

        tpl = parse(&tm.mem, &src, &err);

        if (tpl) {
            assert_int_equal(ngx_soporte_template_render(tpl, root,
                                                         test_out(&to)),
                             NGX_OK);
            test_out_free(&to);

        } else {
            assert_true(err.text.len > 0);
            assert_true(err.line >= 1 && err.line <= lines);
            assert_string_equal((char *) err.file.data, "t");
        }

        free(src.data);
        test_mem_free(&tm);
    }

    partials = NULL;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(follows_the_rules),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(asks_its_loader),
        cmocka_unit_test(bounds_its_depth),
        cmocka_unit_test(refuses_deep_values),
        cmocka_unit_test(bounds_its_steps),
        cmocka_unit_test(survives_refusals),
        cmocka_unit_test(stops_where_the_output_does),
        cmocka_unit_test(survives_any_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
