
/*
 * Prevents: a password of a site_config.json that is copied, a domain that is
 * missed or made up, and a broken file that is read past its end.
 */

#include "test.h"
#include "ngx_soporte_site.h"


typedef struct {
    char          text[1024];
    ngx_uint_t    n;
    ngx_uint_t    refuse;
} hosts_t;


static ngx_int_t
add(void *data, const u_char *host, size_t len)
{
    hosts_t  *h = data;

    if (h->refuse && ++h->n == h->refuse) {
        return NGX_ERROR;
    }

    strncat(h->text, (const char *) host, len);
    strcat(h->text, " ");

    return NGX_OK;
}


/* the bytes alone in an allocation, so that ASan sees a read past them */

static ngx_int_t
skim(const char *text, size_t len, hosts_t *h)
{
    u_char     *p;
    ngx_int_t   rc;

    p = malloc(len ? len : 1);
    memcpy(p, text, len);

    h->text[0] = '\0';
    rc = ngx_soporte_site_domains(p, len, add, h);

    free(p);

    return rc;
}


static const char  whole[] =
    "{\r\n \"db_name\": \"_1bd3e0294da19198\",\t\"db_password\": \"a\\\"]}\","
    " \"limits\": {\"domains\": [\"not.this.mx\"], \"n\": [1, -2.5e+3, NaN]},"
    " \"domains\": [\"www.acme.mx\", \"ERP.acme.mx\", {\"domain\":"
    " \"tls.acme.mx\", \"ssl_certificate\": \"/etc/ssl/x\"}, {\"domain\": 5},"
    " {\"name\": \"y\"}, null, [\"deep.mx\"], \"\", \"bad host\","
    " \"esc\\u0061ped.mx\", \".mx\", \"a_b-1.mx\"], \"maintenance_mode\": 1,"
    " \"t\": true, \"i\": -Infinity, \"e\": {}, \"l\": [ ]}\n";


static void
domains_alone(void **state)
{
    hosts_t  h = { "", 0, 0 };

    assert_int_equal(skim(whole, sizeof(whole) - 1, &h), NGX_OK);
    assert_string_equal(h.text,
                        "www.acme.mx erp.acme.mx tls.acme.mx a_b-1.mx ");

    assert_int_equal(skim("{}", 2, &h), NGX_OK);
    assert_string_equal(h.text, "");

    assert_int_equal(skim("{\"domains\": {\"a\": [\"b.mx\"]}}", 28, &h),
                     NGX_OK);
    assert_string_equal(h.text, "");

    assert_int_equal(skim("{\"domains\": \"a.mx\"}", 19, &h), NGX_OK);
    assert_string_equal(h.text, "");
}


static void
every_cut_is_refused(void **state)
{
    size_t   n;
    hosts_t  h = { "", 0, 0 };

    for (n = 0; n < sizeof(whole) - 2; n++) {
        assert_int_equal(skim(whole, n, &h), NGX_DECLINED);
    }
}


static void
no_json_is_refused(void **state)
{
    size_t   i;
    hosts_t  h = { "", 0, 0 };

    static const char *const  bad[] = {
        "", " ", "[]", "\"a\"", "1", "null", "{,}", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}", "{\"a\":1}}", "{\"a\":1}x",
        "{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":tru}", "{\"a\":+1}",
        "{\"a\":1x}", "{\"a\":.}", "{\"a\":\"\\x\"}", "{\"a\":\"\n\"}",
        "{'a':1}", "\xef\xbb\xbf{}"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (skim(bad[i], strlen(bad[i]), &h) != NGX_DECLINED) {
            fail_msg("taken: %s", bad[i]);
        }
    }

    assert_int_equal(skim("{\"a\":\"\\\0\"}", 10, &h), NGX_DECLINED);
}


static void
depth_is_bounded(void **state)
{
    int      i;
    char     text[400000];
    hosts_t  h = { "", 0, 0 };

    memset(text, '[', sizeof(text));
    memcpy(text, "{\"a\":", 5);
    assert_int_equal(skim(text, sizeof(text), &h), NGX_DECLINED);

    for (i = 0; i < NGX_SOPORTE_SITE_DEPTH - 1; i++) {
        text[5 + i] = '[';
        text[5 + NGX_SOPORTE_SITE_DEPTH - 1 + i] = ']';
    }

    text[5 + 2 * (NGX_SOPORTE_SITE_DEPTH - 1)] = '}';
    assert_int_equal(skim(text, 6 + 2 * (NGX_SOPORTE_SITE_DEPTH - 1), &h),
                     NGX_OK);
}


static void
the_callers_no_is_told(void **state)
{
    hosts_t  h = { "", 0, 2 };

    assert_int_equal(skim(whole, sizeof(whole) - 1, &h), NGX_ERROR);
    assert_string_equal(h.text, "www.acme.mx ");
}


static void
hosts(void **state)
{
    u_char  dst[NGX_SOPORTE_SITE_HOST];
    u_char  name[NGX_SOPORTE_SITE_HOST + 1];

    memset(name, 'A', sizeof(name));

    assert_int_equal(ngx_soporte_site_host(dst, name, sizeof(name)),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_site_host(dst, name, sizeof(name) - 1),
                     NGX_OK);
    assert_int_equal(dst[0], 'a');
    assert_int_equal(ngx_soporte_site_host(dst, name, 0), NGX_DECLINED);
    assert_int_equal(ngx_soporte_site_host(dst, (u_char *) "..", 2),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_site_host(dst, (u_char *) "a/b", 3),
                     NGX_DECLINED);
    assert_int_equal(ngx_soporte_site_host(dst, (u_char *) "[::1]", 5),
                     NGX_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(domains_alone),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(no_json_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_callers_no_is_told),
        cmocka_unit_test(hosts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
