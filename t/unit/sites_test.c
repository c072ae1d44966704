
/*
 * Prevents: a bench whose sites are missed, kept for ever, or taken from
 * somebody else; and a walk that opens a thousand files each time.
 */

#include "test.h"
#include "ngx_soporte_sites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


static char       top[64];
static ngx_str_t  paths[2];


static void
put(const char *path, const char *text)
{
    int   fd;
    char  name[256], temp[300];

    (void) snprintf(name, sizeof(name), "%s/%s", top, path);
    (void) snprintf(temp, sizeof(temp), "%s.new", name);

    fd = open(temp, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(rename(temp, name), 0);
}


static void
site(const char *folder, const char *config)
{
    char  path[256];

    (void) snprintf(path, sizeof(path), "%s/%s", top, folder);
    (void) mkdir(path, 0755);

    (void) snprintf(path, sizeof(path), "%s/site_config.json", folder);
    put(path, config);
}


static void
gone(const char *folder)
{
    char  path[300];

    (void) snprintf(path, sizeof(path), "%s/%s/site_config.json", top, folder);
    assert_int_equal(unlink(path), 0);
    (void) snprintf(path, sizeof(path), "%s/%s", top, folder);
    assert_int_equal(rmdir(path), 0);
}


static const char *
whose(const ngx_soporte_sites_t *sites, const char *host)
{
    uint32_t     i;
    static char  key[65];

    i = ngx_soporte_sites_find(sites, (const u_char *) host, strlen(host));

    if (i == NGX_SOPORTE_SITES_NONE) {
        return "";
    }

    (void) snprintf(key, sizeof(key), "%.*s", (int) sites->sites[i].key.len,
                    sites->sites[i].key.data);

    return key;
}


static ngx_soporte_sites_t *
look(ngx_uint_t n, ngx_soporte_sites_t *before)
{
    ngx_soporte_sites_t  *sites;

    assert_int_equal(ngx_soporte_sites_read(paths, n, before, NULL, &sites),
                     NGX_OK);

    return sites;
}


static int
setup(void **state)
{
    static char  a[80], b[80];

    (void) snprintf(top, sizeof(top), "/tmp/sites_test.XXXXXX");
    assert_non_null(mkdtemp(top));

    (void) snprintf(a, sizeof(a), "%s/a", top);
    (void) snprintf(b, sizeof(b), "%s/b", top);
    (void) mkdir(a, 0755);
    (void) mkdir(b, 0755);

    paths[0].data = (u_char *) a;
    paths[0].len = strlen(a);
    paths[1].data = (u_char *) b;
    paths[1].len = strlen(b);

    return 0;
}


static int
teardown(void **state)
{
    char  command[128];

    (void) snprintf(command, sizeof(command), "rm -rf %s", top);

    return system(command);
}


static void
added_changed_removed(void **state)
{
    ngx_soporte_sites_t  *one, *two;

    site("a/acme.mx", "{\"domains\": [\"www.acme.mx\"]}");
    site("a/Beta.mx", "{}");

    one = look(1, NULL);
    assert_int_equal(one->nsites, 2);
    assert_int_equal(one->same, 0);
    assert_string_equal(whose(one, "www.acme.mx"), "acme.mx");
    assert_string_equal(whose(one, "beta.mx"), "beta.mx");
    assert_string_equal(whose(one, "acme"), "");
    assert_string_equal((char *) one->sites[0].folder.data, "Beta.mx");

    two = look(1, one);
    assert_int_equal(two->same, 1);
    assert_string_equal(whose(two, "www.acme.mx"), "acme.mx");
    ngx_soporte_sites_free(one);

    /* of the same size, within the same second: the inode tells */

    site("a/acme.mx", "{\"domains\": [\"erp.acme.mx\"]}");

    one = look(1, two);
    assert_int_equal(one->same, 0);
    assert_string_equal(whose(one, "www.acme.mx"), "");
    assert_string_equal(whose(one, "erp.acme.mx"), "acme.mx");
    ngx_soporte_sites_free(two);

    gone("a/acme.mx");

    two = look(1, one);
    assert_int_equal(two->same, 0);
    assert_string_equal(whose(two, "acme.mx"), "");
    ngx_soporte_sites_free(one);
    ngx_soporte_sites_free(two);

    gone("a/Beta.mx");

    one = look(1, NULL);
    assert_int_equal(one->nsites, 0);
    assert_string_equal(whose(one, ""), "");
    ngx_soporte_sites_free(one);
}


static void
broken_stays_as_it_was(void **state)
{
    char                  fifo[128];
    ngx_soporte_sites_t  *one, *two;

    site("a/acme.mx", "{\"domains\": [\"www.acme.mx\", \"erp.acme.mx\"]}");
    site("a/fresh.mx", "{\"domains\": [\"www.fresh.mx\"");

    one = look(1, NULL);
    assert_string_equal(whose(one, "www.fresh.mx"), "");
    assert_string_equal(whose(one, "fresh.mx"), "fresh.mx");
    assert_int_equal(one->note[NGX_SOPORTE_SITES_BROKEN].n, 1);
    assert_string_equal(one->note[NGX_SOPORTE_SITES_BROKEN].first,
                        "fresh.mx");

    site("a/acme.mx", "{\"domains\": [\"new.acme.mx\", \"x");

    two = look(1, one);
    assert_int_equal(two->note[NGX_SOPORTE_SITES_BROKEN].n, 2);
    assert_string_equal(whose(two, "www.acme.mx"), "acme.mx");
    assert_string_equal(whose(two, "erp.acme.mx"), "acme.mx");
    assert_string_equal(whose(two, "new.acme.mx"), "");
    ngx_soporte_sites_free(one);

    /* not even a FIFO holds the thread */

    gone("a/fresh.mx");
    (void) snprintf(fifo, sizeof(fifo), "%s/a/fresh.mx", top);
    (void) mkdir(fifo, 0755);
    strcat(fifo, "/site_config.json");
    assert_int_equal(mkfifo(fifo, 0600), 0);

    one = look(1, two);
    assert_int_equal(one->note[NGX_SOPORTE_SITES_BROKEN].n, 2);
    ngx_soporte_sites_free(two);
    ngx_soporte_sites_free(one);

    gone("a/fresh.mx");
    gone("a/acme.mx");
}


static void
no_host_is_two_sites(void **state)
{
    ngx_soporte_sites_t  *s;

    site("a/acme.mx", "{\"domains\": [\"shop.mx\", \"beta.mx\", \"x.mx\"]}");
    site("a/beta.mx", "{\"domains\": [\"shop.mx\", \"beta.mx\"]}");
    site("b/ACME.mx", "{\"domains\": [\"other.mx\"]}");

    s = look(2, NULL);
    assert_int_equal(s->nsites, 3);
    assert_string_equal(whose(s, "shop.mx"), "acme.mx");
    assert_string_equal(whose(s, "beta.mx"), "beta.mx");
    assert_string_equal(whose(s, "acme.mx"), "acme.mx");
    assert_string_equal(whose(s, "other.mx"), "");
    assert_int_equal(s->sites[2].key.len, 0);
    assert_int_equal(s->note[NGX_SOPORTE_SITES_CLASH].n, 3);
    ngx_soporte_sites_free(s);

    gone("a/acme.mx");
    gone("a/beta.mx");
    gone("b/ACME.mx");
}


static void
links_and_names(void **state)
{
    char                  path[128];
    ngx_soporte_sites_t  *one, *two;

    site("b/real.mx", "{\"domains\": [\"www.real.mx\"]}");
    site("a/_x", "{}");
    site("a/with blank", "{}");
    put("a/file.mx", "{}");

    (void) snprintf(path, sizeof(path), "%s/a/link.mx", top);
    assert_int_equal(symlink("../b/real.mx", path), 0);
    (void) snprintf(path, sizeof(path), "%s/a/self.mx", top);
    assert_int_equal(symlink("self.mx", path), 0);
    (void) snprintf(path, sizeof(path), "%s/a/loop", top);
    assert_int_equal(symlink("../a", path), 0);

    one = look(1, NULL);
    assert_int_equal(one->nsites, 1);
    assert_string_equal(whose(one, "www.real.mx"), "link.mx");
    assert_int_equal(one->note[NGX_SOPORTE_SITES_UNNAMED].n, 2);
    assert_int_equal(one->note[NGX_SOPORTE_SITES_BROKEN].n, 1);

    /* the whole folder is away for a moment: a mount, say */

    paths[0].data[paths[0].len - 1] = '?';
    two = look(1, one);
    paths[0].data[paths[0].len - 1] = 'a';

    assert_int_equal(two->note[NGX_SOPORTE_SITES_UNREADABLE].n, 1);
    assert_string_equal(whose(two, "www.real.mx"), "link.mx");
    assert_int_equal(two->same, 1);

    ngx_soporte_sites_free(one);
    ngx_soporte_sites_free(two);
}


static void
a_thousand(void **state)
{
    int                    i;
    char                   folder[64], config[128];
    double                 first, again;
    struct timespec        a, b;
    ngx_soporte_sites_t   *one, *two;
    volatile sig_atomic_t  stop, on = 1, off = 0, *flags[2];

    for (i = 0; i < 1000; i++) {
        (void) snprintf(folder, sizeof(folder), "a/s%03d.mx", i);
        (void) snprintf(config, sizeof(config),
                        "{\"db_password\": \"x\", \"domains\": [\"www.s%03d.mx"
                        "\", {\"domain\": \"erp.s%03d.mx\"}]}", i, i);
        site(folder, config);
    }

    clock_gettime(CLOCK_MONOTONIC, &a);
    one = look(1, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    first = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;

    clock_gettime(CLOCK_MONOTONIC, &a);
    two = look(1, one);
    clock_gettime(CLOCK_MONOTONIC, &b);
    again = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;

    print_message("1,000 sites: %.1f ms, unchanged %.1f ms\n", first, again);

    assert_int_equal(two->same, 1);

    for (i = 0; i < 1000; i++) {
        (void) snprintf(folder, sizeof(folder), "s%03d.mx", i);
        (void) snprintf(config, sizeof(config), "erp.s%03d.mx", i);
        assert_string_equal(whose(two, config), folder);
        config[0] = 'x';
        assert_string_equal(whose(two, config), "");
    }

    ngx_soporte_sites_free(two);

    /* a worker that exits is not held up */

    stop = 0;
    flags[0] = &on;
    flags[1] = &off;
    two = NULL;
    assert_int_equal(ngx_soporte_sites_read(paths, 1, one, flags, &two),
                     NGX_ABORT);
    assert_null(two);
    flags[0] = &stop;
    assert_int_equal(ngx_soporte_sites_read(paths, 1, one, flags, &two),
                     NGX_OK);

    ngx_soporte_sites_free(one);
    ngx_soporte_sites_free(two);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(added_changed_removed),
        cmocka_unit_test(broken_stays_as_it_was),
        cmocka_unit_test(no_host_is_two_sites),
        cmocka_unit_test(links_and_names),
        cmocka_unit_test(a_thousand)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
