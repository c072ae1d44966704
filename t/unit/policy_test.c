
/*
 * Prevents: a policy with a hole found by a customer instead of "nginx -t",
 * a message that does not say where, a server that changes more than its own
 * patch says.
 */

#include "test.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_policy.h"


#define CATEGORY(id)                                                          \
    "{\"id\":\"" id "\",\"included\":true,\"title\":\"T\",\"answer\":\"A\","  \
    "\"queue\":\"q\"}"


static const char  base[] =
    "{\"version\":1,"
    "\"provider\":{\"name\":\"Host\"},"
    "\"contact\":{\"phone\":\"800 788 0081\",\"tel\":\"8007880081\","
        "\"email\":\"info@example.com\"},"
    "\"promise\":{\"availability\":\"99.99\",\"backup_hours\":24,"
        "\"restore_minutes\":120},"
    "\"categories\":[" CATEGORY("uno") "," CATEGORY("dos") "],"
    "\"success_pack\":{\"title\":\"P\",\"text\":\"T\"},"
    "\"privacy\":{\"responsible\":\"R\",\"address\":\"D\","
        "\"purposes\":{\"necessary\":[\"uno\"]},"
        "\"refuse\":\"N\",\"arco\":\"A\",\"url\":\"/aviso\","
        "\"retention_days\":730}}";


static test_mem_t            tm;
static ngx_str_t             error;
static ngx_soporte_policy_t  policy;


static int
setup(void **state)
{
    test_mem(&tm);

    return 0;
}


static int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static ngx_soporte_value_t *
tree(const char *text)
{
    ngx_soporte_value_t        *value;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits = { 16 };

    value = ngx_soporte_json_parse(&tm.mem, (const u_char *) text,
                                   strlen(text), &limits, &err);
    assert_non_null(value);

    return value;
}


static ngx_int_t
read_patched(const char *patch)
{
    ngx_soporte_value_t  *merged;

    merged = ngx_soporte_policy_merge(&tm.mem, tree(base), tree(patch));
    assert_non_null(merged);

    return ngx_soporte_policy_read(&tm.mem, merged, &policy, &error);
}


static ngx_uint_t
is(const ngx_str_t *s, const char *text)
{
    return s->len == strlen(text)
           && (s->len == 0 || memcmp(s->data, text, s->len) == 0);
}


static void
assert_json(const ngx_soporte_value_t *value, const char *text)
{
    test_out_t  to;

    test_out(&to);
    ngx_soporte_value_json(&to.out, value);
    assert_false(to.out.failed);
    assert_string_equal(to.p, text);
    test_out_free(&to);
}


static void
defaults(void **state)
{
    ngx_str_t                id = ngx_string("dos");
    ngx_soporte_category_t  *c;

    assert_int_equal(read_patched("{}"), NGX_OK);

    assert_int_equal(policy.version, 1);
    assert_true(is(&policy.provider.name, "Host"));
    assert_true(is(&policy.provider.color, "#1f5f8b"));
    assert_int_equal(policy.provider.logo.len, 0);
    assert_true(is(&policy.contact.tel, "8007880081"));
    assert_true(is(&policy.promise.availability, "99.99"));
    assert_int_equal(policy.promise.millionths, 999900);
    assert_int_equal(policy.promise.backup, 24);
    assert_int_equal(policy.promise.restore, 120);
    assert_int_equal(policy.promise.excluded, 0);
    assert_int_equal(policy.promise.announce, 24);
    assert_int_equal(policy.promise.cap, -1);
    assert_int_equal(policy.ncategories, 2);
    assert_int_equal(policy.pack.url.len, 0);
    assert_int_equal(policy.privacy.nnecessary, 1);
    assert_true(is(&policy.privacy.necessary[0].en, "uno"));
    assert_int_equal(policy.privacy.nvoluntary, 0);
    assert_int_equal(policy.privacy.retention, 730);
    assert_int_equal(policy.min_seconds, 3);
    assert_true(is(&policy.honeypot, "sitio_web"));
    assert_int_equal(policy.visible, NGX_SOPORTE_PUBLIC_ALL);

    c = ngx_soporte_policy_category(&policy, &id);
    assert_ptr_equal(c, &policy.categories[1]);
    assert_int_equal(c->included, 1);
    assert_int_equal(c->urgent, 0);
    assert_int_equal(c->response, -1);
    assert_int_equal(c->nlinks, 0);
    assert_int_equal(c->question.es.len, 0);
    assert_true(is(&c->queue, "q"));

    id.len = 2;
    assert_null(ngx_soporte_policy_category(&policy, &id));
    id.len = 0;
    assert_null(ngx_soporte_policy_category(&policy, &id));
}


static void
everything_given(void **state)
{
    ngx_soporte_category_t  *c;

    assert_int_equal(read_patched(
        "{\"$schema\":\"politica.schema.json\","
        "\"provider\":{\"color\":\"#A0b1C2\",\"logo\":\"<svg viewBox="
            "'0 0 9 9'><path d='M0 0h9'/></svg>\"},"
        "\"contact\":{\"tel\":\"+528007880081\"},"
        "\"promise\":{\"availability\":\"100\",\"planned_maintenance\":"
            "\"excluded\",\"announce_hours\":0,"
            "\"maintenance_cap_minutes\":240},"
        "\"categories\":[{\"id\":\"errores-nativos\",\"included\":false,"
            "\"title\":{\"es\":\"T\xc3\xadtulo\",\"en\":\"Title\"},"
            "\"question\":{\"es\":\"\xc2\xbfQu\xc3\xa9?\"},"
            "\"answer\":{\"es\":\"uno\\ndos\"},"
            "\"links\":[{\"title\":\"L\",\"url\":\"https://x.mx/a?b#c\"},"
            "{\"title\":{\"es\":\"M\"},\"url\":\"/a\"}],"
            "\"queue\":\"n1.q_x-y\",\"response_minutes\":60,"
            "\"urgent\":true}],"
        "\"success_pack\":{\"url\":\"https://x.mx\"},"
        "\"privacy\":{\"purposes\":{\"voluntary\":[\"v\",{\"es\":\"w\"}]}},"
        "\"form\":{\"min_seconds\":0,\"honeypot\":\"website\"},"
        "\"public\":[\"hours\",\"state\"]}"), NGX_OK);

    assert_int_equal(policy.promise.millionths, 1000000);
    assert_int_equal(policy.promise.excluded, 1);
    assert_int_equal(policy.promise.announce, 0);
    assert_int_equal(policy.promise.cap, 240);
    assert_int_equal(policy.ncategories, 1);

    c = &policy.categories[0];
    assert_int_equal(c->included, 0);
    assert_int_equal(c->urgent, 1);
    assert_int_equal(c->response, 60);
    assert_true(is(&c->title.en, "Title"));
    assert_true(is(&c->question.en, "\xc2\xbfQu\xc3\xa9?"));
    assert_true(is(&c->answer.es, "uno\ndos"));
    assert_int_equal(c->nlinks, 2);
    assert_true(is(&c->links[0].url, "https://x.mx/a?b#c"));
    assert_true(is(&c->links[1].title.en, "M"));
    assert_int_equal(policy.privacy.nvoluntary, 2);
    assert_true(is(&policy.privacy.voluntary[1].es, "w"));
    assert_int_equal(policy.min_seconds, 0);
    assert_true(is(&policy.honeypot, "website"));
    assert_int_equal(policy.visible, NGX_SOPORTE_PUBLIC_HOURS
                                     |NGX_SOPORTE_PUBLIC_STATE);
}


/* a patch that makes it wrong, and how the message begins */

static const struct {
    const char  *patch;
    const char  *error;
} wrong[] = {
    { "[]", "an object is needed" },
    { "{\"version\":2}", "version: an integer from 1 to 1" },
    { "{\"version\":null}", "version: is missing" },
    { "{\"extra\":1}", "extra: unknown key" },
    { "{\"a.b\":1}", "a.b: unknown key" },
    { "{\"provider\":null}", "provider: is missing" },
    { "{\"provider\":[]}", "provider: an object is needed" },
    { "{\"provider\":{\"name\":null}}", "provider.name: is missing" },
    { "{\"provider\":{\"name\":\"\"}}", "provider.name: 1 to 80" },
    { "{\"provider\":{\"name\":1}}", "provider.name: a string is needed" },
    { "{\"provider\":{\"name\":\"a\\nb\"}}", "provider.name: has a control" },
    { "{\"provider\":{\"name\":\"a\\u0085b\"}}", "provider.name: has a con" },
    { "{\"provider\":{\"Name\":\"x\"}}", "provider.Name: unknown key" },
    { "{\"provider\":{\"color\":\"red\"}}", "provider.color: a color like" },
    { "{\"provider\":{\"color\":\"#12345g\"}}", "provider.color: a color" },
    { "{\"provider\":{\"color\":\"#1234567\"}}", "provider.color: a color" },
    { "{\"provider\":{\"logo\":\"logo.png\"}}", "provider.logo: one <svg>" },
    { "{\"contact\":{\"tel\":null}}", "contact.tel: is missing" },
    { "{\"contact\":{\"tel\":\"800 788\"}}", "contact.tel: 3 to 15 digits" },
    { "{\"contact\":{\"tel\":\"12\"}}", "contact.tel: 3 to 15 digits" },
    { "{\"contact\":{\"tel\":\"+\"}}", "contact.tel: 3 to 15 digits" },
    { "{\"contact\":{\"tel\":\"1234567890123456\"}}", "contact.tel: 3 to" },
    { "{\"contact\":{\"email\":\"info\"}}", "contact.email: an e-mail" },
    { "{\"promise\":{\"availability\":99.99}}", "promise.availability: a s" },
    { "{\"promise\":{\"availability\":\"100.1\"}}", "promise.availability:" },
    { "{\"promise\":{\"availability\":\"0\"}}", "promise.availability: a s" },
    { "{\"promise\":{\"availability\":\"\"}}", "promise.availability: a s" },
    { "{\"promise\":{\"availability\":\"99.\"}}", "promise.availability: " },
    { "{\"promise\":{\"availability\":\".99\"}}", "promise.availability: " },
    { "{\"promise\":{\"availability\":\"9.9.9\"}}", "promise.availability" },
    { "{\"promise\":{\"availability\":\"99,99\"}}", "promise.availability" },
    { "{\"promise\":{\"availability\":\"9.99999\"}}", "promise.availabil" },
    { "{\"promise\":{\"availability\":\"099\"}}", "promise.availability: " },
    { "{\"promise\":{\"backup_hours\":0}}", "promise.backup_hours: an int" },
    { "{\"promise\":{\"backup_hours\":721}}", "promise.backup_hours: an i" },
    { "{\"promise\":{\"backup_hours\":24.0}}", "promise.backup_hours: an " },
    { "{\"promise\":{\"backup_hours\":\"24\"}}", "promise.backup_hours: an" },
    { "{\"promise\":{\"restore_minutes\":null}}", "promise.restore_minutes"
      ": is missing" },
    { "{\"promise\":{\"planned_maintenance\":\"maybe\"}}",
      "promise.planned_maintenance: one of these is needed: \"counted\" "
      "\"excluded\"" },
    { "{\"promise\":{\"maintenance_cap_minutes\":-1}}",
      "promise.maintenance_cap_minutes: an integer from 0 to 44640" },
    { "{\"categories\":[]}", "categories: 1 to 64 elements" },
    { "{\"categories\":{}}", "categories: a list is needed" },
    { "{\"categories\":[1]}", "categories[0]: an object is needed" },
    { "{\"categories\":[" CATEGORY("a") "," CATEGORY("b") ","
      CATEGORY("c") "," CATEGORY("D") "]}", "categories[3].id: only these" },
    { "{\"categories\":[" CATEGORY("a") "," CATEGORY("b") ","
      CATEGORY("a") "]}", "categories[2].id: another category has the sa" },
    { "{\"categories\":[" CATEGORY("") "]}", "categories[0].id: 1 to 40" },
    { "{\"categories\":[{\"id\":\"a\"}]}", "categories[0].included: is mis" },
    { "{\"categories\":[{\"id\":\"a\",\"included\":1}]}",
      "categories[0].included: true or false" },
    { "{\"categories\":[{\"title\":{}}]}", "categories[0].title.es: is mis" },
    { "{\"categories\":[{\"title\":{\"es\":\"a\",\"fr\":\"b\"}}]}",
      "categories[0].title.fr: unknown key" },
    { "{\"categories\":[{\"title\":7}]}", "categories[0].title: a string, " },
    { "{\"categories\":[{\"links\":[{\"title\":\"a\",\"url\":\"/\"},"
      "{\"title\":\"a\",\"url\":\"javascript:x\"}]}]}",
      "categories[0].links[1].url: an http" },
    { "{\"categories\":[{\"links\":[{\"title\":\"a\"}]}]}",
      "categories[0].links[0].url: is missing" },
    { "{\"categories\":[{\"queue\":\"a b\"}]}", "categories[0].queue: only" },
    { "{\"categories\":[{\"response_minutes\":0}]}",
      "categories[0].response_minutes: an integer from 1 to 525600" },
    { "{\"success_pack\":{\"url\":\"x\"}}", "success_pack.url: an http" },
    { "{\"privacy\":{\"purposes\":{\"necessary\":[]}}}",
      "privacy.purposes.necessary: 1 to 16 elements" },
    { "{\"privacy\":{\"purposes\":{\"necessary\":[\"a\",\"\"]}}}",
      "privacy.purposes.necessary[1]: 1 to 400 characters" },
    { "{\"privacy\":{\"retention_days\":0}}", "privacy.retention_days: an" },
    { "{\"privacy\":{\"url\":null}}", "privacy.url: is missing" },
    { "{\"form\":{\"min_seconds\":61}}", "form.min_seconds: an integer" },
    { "{\"form\":{\"honeypot\":\"email\"}}", "form.honeypot: is a field" },
    { "{\"form\":{\"honeypot\":\"a-b\"}}", "form.honeypot: only these" },
    { "{\"public\":\"state\"}", "public: a list is needed" },
    { "{\"public\":[\"state\",\"users\"]}", "public[1]: one of these" }
};


static void
mistakes_say_where(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(read_patched(wrong[i].patch), NGX_ERROR);
        assert_int_equal(error.len, strlen((char *) error.data));
        assert_in_range(error.len, strlen(wrong[i].error), 511);
        error.data[strlen(wrong[i].error)] = '\0';
        assert_string_equal(error.data, wrong[i].error);
        test_mem_free(&tm);
    }
}


/* what the JSON reader never lets through, another reader might */

static void
tree_is_not_trusted(void **state)
{
    ngx_str_t             bad = ngx_string("a\xff");
    ngx_soporte_value_t  *root, *provider;

    root = tree(base);
    provider = ngx_soporte_value_get(root, "provider");
    ngx_soporte_value_str(&tm.mem, provider, "name", &bad);

    assert_int_equal(ngx_soporte_policy_read(&tm.mem, root, &policy, &error),
                     NGX_ERROR);
    assert_string_equal(error.data, "provider.name: is given twice");

    provider->first->str = bad;

    assert_int_equal(ngx_soporte_policy_read(&tm.mem, root, &policy, &error),
                     NGX_ERROR);
    assert_string_equal(error.data, "provider.name: invalid UTF-8");

    assert_int_equal(ngx_soporte_policy_read(&tm.mem, NULL, &policy, &error),
                     NGX_ERROR);
    assert_string_equal(error.data, "an object is needed");
}


static void
lengths_in_characters(void **state)
{
    char        patch[1024], name[512];
    ngx_uint_t  i;

    for (i = 0; i < 80; i++) {
        memcpy(name + 2 * i, "\xc3\xb1", 2);
    }

    name[160] = '\0';
    snprintf(patch, sizeof(patch), "{\"provider\":{\"name\":\"%s\"}}", name);
    assert_int_equal(read_patched(patch), NGX_OK);
    assert_int_equal(policy.provider.name.len, 160);

    snprintf(patch, sizeof(patch), "{\"provider\":{\"name\":\"%sx\"}}", name);
    assert_int_equal(read_patched(patch), NGX_ERROR);
    assert_string_equal(error.data,
                        "provider.name: 1 to 80 characters are needed");
}


static void
urls(void **state)
{
    char        patch[1024], url[600];
    ngx_uint_t  i;

    static const char  *good[] = {
        "/", "/aviso", "http://x", "https://x.mx:8443/a?b=c#d", "/a%20b",
        "https://[::1]/", "https://1.2.3.4"
    };

    static const char  *bad[] = {
        "", "x", "//x", "https://", "https:///a", "http:x", "ftp://x",
        "HTTPS://x", "https:// x", "https://x/a b", "https://\xc3\xb1.mx",
        "data:text/html,x", "javascript:alert(1)", "https://x/<b>",
        "https://x/'\\\"", "/a\\\\b", "https://x/\\n", "https://@x"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(patch, sizeof(patch), "{\"privacy\":{\"url\":\"%s\"}}",
                 good[i]);
        assert_int_equal(read_patched(patch), NGX_OK);
        assert_true(is(&policy.privacy.url, good[i]));
        test_mem_free(&tm);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(patch, sizeof(patch), "{\"privacy\":{\"url\":\"%s\"}}",
                 bad[i]);
        assert_int_equal(read_patched(patch), NGX_ERROR);
        test_mem_free(&tm);
    }

    memset(url, 'a', sizeof(url));
    url[0] = '/';
    url[500] = '\0';
    snprintf(patch, sizeof(patch), "{\"privacy\":{\"url\":\"%s\"}}", url);
    assert_int_equal(read_patched(patch), NGX_OK);

    snprintf(patch, sizeof(patch), "{\"privacy\":{\"url\":\"%sa\"}}", url);
    assert_int_equal(read_patched(patch), NGX_ERROR);
}


static void
logos(void **state)
{
    char        patch[1024];
    ngx_uint_t  i;

    static const char  *good[] = {
        "<svg></svg>", "<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>",
        "<svg>\\n<title>based on air</title></svg>",
        "<svg><path fill='url(#a)' d='M1 1'/></svg>"
    };

    static const char  *bad[] = {
        "", "<svg>", "<svgx></svg>", " <svg></svg>", "<svg></svg> ",
        "<svg></svg><img></svg>", "<svg><svg></svg></svg>",
        "<svg><script>x</script></svg>", "<svg><SCRIPT>x</SCRIPT></svg>",
        "<svg onload='x'></svg>", "<svg/onload=x></svg>",
        "<svg a='b'onload=x></svg>", "<svg ONLOAD = x></svg>",
        "<svg><a href='x'>a</a></svg>", "<svg><use xlink:href='#a'/></svg>",
        "<svg><style>a{}</style></svg>", "<svg style='a'></svg>",
        "<svg><foreignObject></foreignObject></svg>",
        "<svg><!-- x --></svg>", "<svg><![CDATA[x]]></svg>",
        "<svg><?xml?></svg>", "<svg>\\u0001</svg>"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(patch, sizeof(patch), "{\"provider\":{\"logo\":\"%s\"}}",
                 good[i]);
        assert_int_equal(read_patched(patch), NGX_OK);
        assert_true(policy.provider.logo.len > 0);
        test_mem_free(&tm);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(patch, sizeof(patch), "{\"provider\":{\"logo\":\"%s\"}}",
                 bad[i]);
        assert_int_equal(read_patched(patch), NGX_ERROR);
        test_mem_free(&tm);
    }
}


static void
memory_refused(void **state)
{
    size_t                left;
    ngx_int_t             rc;
    ngx_soporte_value_t  *good, *bad;

    good = tree(base);
    bad = tree("{\"x\":1}");

    for (left = 1; /* void */ ; left++) {
        tm.left = left;
        tm.mem.failed = 0;
        rc = ngx_soporte_policy_read(&tm.mem, good, &policy, &error);

        if (rc == NGX_OK) {
            break;
        }

        assert_int_equal(rc, NGX_ERROR);
        assert_int_equal(error.len, 0);
    }

    assert_true(left > 2);

    tm.left = 1;
    assert_int_equal(ngx_soporte_policy_read(&tm.mem, bad, &policy, &error),
                     NGX_ERROR);
    assert_int_equal(error.len, 0);

    for (left = 1; /* void */ ; left++) {
        tm.left = left;
        tm.mem.failed = 0;

        if (ngx_soporte_policy_merge(&tm.mem, good, good) != NULL) {
            break;
        }

        assert_true(tm.mem.failed);
    }

    assert_true(left > 10);
}


/* the table of RFC 7396, appendix A */

static void
merge_by_the_rfc(void **state)
{
    ngx_uint_t            i;
    ngx_soporte_value_t  *target, *patch;

    static const char  *rows[][3] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
          "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
        { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
        { "{\"a\":\"foo\"}", "null", "null" },
        { "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
        { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
        { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        target = tree(rows[i][0]);
        patch = tree(rows[i][1]);

        assert_json(ngx_soporte_policy_merge(&tm.mem, target, patch),
                    rows[i][2]);

        /* neither was written to */

        assert_json(target, rows[i][0]);
        assert_json(patch, rows[i][1]);
    }

    assert_json(ngx_soporte_policy_merge(&tm.mem, NULL, tree("{\"a\":1}")),
                "{\"a\":1}");
}


static void
merge_too_deep(void **state)
{
    ngx_uint_t            i;
    ngx_soporte_value_t  *root, *node;

    root = ngx_soporte_value_add(&tm.mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    node = root;

    for (i = 0; i < NGX_SOPORTE_VALUE_DEPTH; i++) {
        node = ngx_soporte_value_add(&tm.mem, node, "a", NGX_SOPORTE_OBJECT);
    }

    assert_non_null(ngx_soporte_policy_merge(&tm.mem, NULL, root));

    ngx_soporte_value_add(&tm.mem, node, "a", NGX_SOPORTE_OBJECT);
    assert_null(ngx_soporte_policy_merge(&tm.mem, NULL, root));
}


/* the policy that ships: found beside this source, however it was compiled */

static void
the_shipped_policy(void **state)
{
    char                         path[512], *slash, *text;
    FILE                        *f;
    size_t                       len;
    ngx_uint_t                   i, included;
    ngx_soporte_value_t         *root;
    ngx_soporte_json_error_t     err;
    ngx_soporte_json_limits_t    limits = { 16 };

    snprintf(path, sizeof(path), "%s", __FILE__);
    slash = strstr(path, "t/unit/");
    assert_non_null(slash);
    snprintf(slash, sizeof(path) - (slash - path), "conf/politica.json");

    f = fopen(path, "r");
    assert_non_null(f);
    text = malloc(65536);
    len = fread(text, 1, 65536, f);
    fclose(f);

    root = ngx_soporte_json_parse(&tm.mem, (u_char *) text, len, &limits,
                                  &err);
    free(text);
    assert_non_null(root);

    assert_int_equal(ngx_soporte_policy_read(&tm.mem, root, &policy, &error),
                     NGX_OK);

    assert_int_equal(policy.ncategories, 16);
    included = 0;

    for (i = 0; i < policy.ncategories; i++) {
        included += policy.categories[i].included;
        assert_true(policy.categories[i].title.en.len > 0);
        assert_int_equal(policy.categories[i].response, -1);
    }

    assert_int_equal(included, 7);
    assert_int_equal(policy.promise.millionths, 999900);
    assert_true(is(&policy.contact.tel, "8007880081"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_given, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_say_where, setup, teardown),
        cmocka_unit_test_setup_teardown(tree_is_not_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths_in_characters, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(urls, setup, teardown),
        cmocka_unit_test_setup_teardown(logos, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(merge_by_the_rfc, setup, teardown),
        cmocka_unit_test_setup_teardown(merge_too_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(the_shipped_policy, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
