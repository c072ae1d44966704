
/*
 * Prevents: JSON that no parser reads, a tree that lost a node when memory
 * was refused, a crash of the builder that checks only at its end.
 */

#include "test.h"
#include "ngx_soporte_value.h"


static void
assert_json(const ngx_soporte_value_t *value, const char *expected)
{
    test_out_t  to;

    ngx_soporte_value_json(test_out(&to), value);
    assert_int_equal(to.out.failed, 0);
    assert_string_equal((char *) to.p, expected);
    test_out_free(&to);
}


/* a node of each kind, 13 allocations */

static ngx_soporte_value_t *
build(ngx_soporte_mem_t *mem)
{
    ngx_str_t             s = ngx_string("Panadería <Güera> & \"Hijos\"");
    ngx_str_t             real = ngx_string("99.9953");
    ngx_str_t             none = ngx_null_string;
    ngx_soporte_value_t  *root, *list, *object, *v;

    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    ngx_soporte_value_str(mem, root, "name", &s);
    ngx_soporte_value_str(mem, root, "none", &none);
    ngx_soporte_value_add(mem, root, "incident", NGX_SOPORTE_NULL);
    ngx_soporte_value_bool(mem, root, "up", 1);
    ngx_soporte_value_bool(mem, root, "block", 0);

    v = ngx_soporte_value_add(mem, root, "availability", NGX_SOPORTE_REAL);
    if (v) {
        v->str = real;
    }

    list = ngx_soporte_value_add(mem, root, "list", NGX_SOPORTE_LIST);
    ngx_soporte_value_int(mem, list, NULL, -7);
    object = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);
    ngx_soporte_value_cstr(mem, object, "k", "v\n");
    ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_LIST);

    ngx_soporte_value_ref(mem, root, "again", list);

    return root;
}


static const char  built[] =
    "{\"name\":\"Panadería \\u003cGüera\\u003e \\u0026 \\\"Hijos\\\"\","
    "\"none\":\"\",\"incident\":null,\"up\":true,\"block\":false,"
    "\"availability\":99.9953,\"list\":[-7,{\"k\":\"v\\n\"},[]],"
    "\"again\":[-7,{\"k\":\"v\\n\"},[]]}";


static void
writes(void **state)
{
    test_mem_t            tm;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *v;

    mem = test_mem(&tm);

    assert_json(build(mem), built);
    assert_int_equal(mem->failed, 0);

    assert_json(ngx_soporte_value_int(mem, NULL, NULL, INT64_MIN),
                "-9223372036854775808");
    assert_json(ngx_soporte_value_cstr(mem, NULL, NULL, ""), "\"\"");
    assert_json(ngx_soporte_value_ref(mem, NULL, NULL, NULL), "null");

    /* a key is escaped like any string */
    v = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    ngx_soporte_value_int(mem, v, "\"</", 1);
    assert_json(v, "{\"\\\"\\u003c/\":1}");

    test_mem_free(&tm);
}


static void
finds(void **state)
{
    test_mem_t            tm;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *root, *list;

    mem = test_mem(&tm);
    root = build(mem);

    list = ngx_soporte_value_get(root, "list");
    assert_int_equal(list->type, NGX_SOPORTE_LIST);
    assert_int_equal(list->first->num, -7);
    assert_ptr_equal(ngx_soporte_value_get(root, "again")->first, list->first);
    assert_ptr_equal(ngx_soporte_value_find(root, (u_char *) "listx", 4),
                     list);

    assert_null(ngx_soporte_value_get(root, "lis"));
    assert_null(ngx_soporte_value_get(root, "List"));
    assert_null(ngx_soporte_value_get(root, ""));
    assert_null(ngx_soporte_value_get(list, "k"));
    assert_null(ngx_soporte_value_get(NULL, "k"));
    assert_null(ngx_soporte_value_get(ngx_soporte_value_get(root, "name"),
                                      "k"));

    /* the first of two wins */
    ngx_soporte_value_int(mem, root, "list", 1);
    assert_ptr_equal(ngx_soporte_value_get(root, "list"), list);

    /* the empty name is a name */
    ngx_soporte_value_int(mem, root, "", 5);
    assert_int_equal(ngx_soporte_value_get(root, "")->num, 5);

    test_mem_free(&tm);
}


/* the n-th allocation fails, for each n: a NULL root or a flag tells */

static void
survives_refusals(void **state)
{
    size_t                n;
    test_mem_t            tm;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *root;

    for (n = 1; n < 100; n++) {
        mem = test_mem(&tm);
        tm.left = n;

        root = build(mem);

        if (!mem->failed) {
            assert_json(root, built);
            test_mem_free(&tm);
            break;
        }

        assert_true(n == 1 ? root == NULL : root != NULL);

        /* nothing is added later, or a list would lack its middle */
        tm.left = 0;
        assert_null(ngx_soporte_value_int(mem, root, "late", 1));

        test_mem_free(&tm);
    }

    assert_int_equal(n, 14);
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
    size_t                left, n;
    test_mem_t            tm;
    ngx_soporte_out_t     out;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *root;

    mem = test_mem(&tm);
    root = build(mem);

    for (n = 0; n < sizeof(built); n++) {
        left = n;
        out.write = refuse;
        out.data = &left;
        out.failed = 0;

        ngx_soporte_value_json(&out, root);
        assert_int_equal(out.failed, n < sizeof(built) - 1);
    }

    test_mem_free(&tm);
}


static void
bounds_its_depth(void **state)
{
    test_out_t            to;
    test_mem_t            tm;
    ngx_uint_t            i;
    ngx_soporte_mem_t    *mem;
    ngx_soporte_value_t  *root, *v;

    mem = test_mem(&tm);
    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_LIST);
    v = root;

    for (i = 1; i < NGX_SOPORTE_VALUE_DEPTH; i++) {
        v = ngx_soporte_value_add(mem, v, NULL, NGX_SOPORTE_LIST);
    }

    ngx_soporte_value_json(test_out(&to), root);
    assert_int_equal(to.out.failed, 0);
    assert_int_equal(to.len, 2 * NGX_SOPORTE_VALUE_DEPTH);
    test_out_free(&to);

    ngx_soporte_value_add(mem, v, NULL, NGX_SOPORTE_NULL);

    ngx_soporte_value_json(test_out(&to), root);
    assert_int_equal(to.out.failed, 1);
    test_out_free(&to);

    test_mem_free(&tm);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(writes),
        cmocka_unit_test(finds),
        cmocka_unit_test(survives_refusals),
        cmocka_unit_test(stops_where_the_output_does),
        cmocka_unit_test(bounds_its_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
