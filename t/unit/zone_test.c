
/*
 * Prevents figures that a restart, another size or another process loses: the
 * file is found again, grows without moving, and is refused or begun anew when
 * it is not what was left there.
 */

#include "zone.h"

#include <sys/mman.h>
#include <sys/resource.h>


static void
found_again(void **state)
{
    ngx_soporte_zone_t     zone, again;
    ngx_soporte_tenant_t  *t;

    zone = zone_open(10);
    assert_true(result.fresh);
    assert_int_equal(zone.header->began, NOW);
    assert_int_equal(zone.header->generation, 1);

    t = tenant_of(&zone, "acme");
    ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_GOOD, 200, 5);

    /* another master beside this one, and then without it */

    again = zone_open(10);
    assert_false(result.fresh);
    assert_ptr_not_equal(again.header, zone.header);
    assert_int_equal(goods(tenant_of(&again, "acme")), 1);

    ngx_soporte_tenant_count(tenant_of(&again, "acme"), NOW, NGX_SOPORTE_GOOD,
                             200, 5);
    assert_int_equal(goods(t), 2);

    ngx_soporte_zone_close(&zone);
    ngx_soporte_zone_close(&again);
    assert_null(again.header);

    again = zone_open(10);
    assert_false(result.fresh);
    assert_int_equal(goods(tenant_of(&again, "acme")), 2);
    assert_int_equal(again.header->generation, 3);
    ngx_soporte_zone_close(&again);
}


static void
sizes_agree(void **state)
{
    size_t      size;
    ngx_uint_t  n;

    for (n = 1; n < 3000; n += 7) {
        size = ngx_soporte_zone_size(n);

        /* beside the eighth for literal keys, and _other */

        assert_true(ngx_soporte_zone_capacity(size)
                    - (ngx_soporte_zone_capacity(size) - 1) / 8 - 1 >= n);
        assert_true(ngx_soporte_zone_capacity(size) <= 2 + n + n / 7 + 4);
    }

    assert_int_equal(ngx_soporte_zone_capacity(0), 0);
    assert_int_equal(ngx_soporte_zone_capacity(4096), 0);
}


static void
grows_in_place(void **state)
{
    ngx_uint_t             capacity;
    ngx_soporte_zone_t     zone, larger;
    ngx_soporte_tenant_t  *t, *last;

    zone = zone_open(4);
    capacity = zone.header->capacity;
    t = tenant_of(&zone, "acme");

    /* reserved, not yet in use: the configuration may still be refused */

    larger = zone_of(400);
    assert_int_equal(ngx_soporte_zone_open(&larger, NOW, &result), NGX_OK);
    assert_int_equal(larger.header->capacity, capacity);
    assert_int_equal(larger.header->generation, 1);

    ngx_soporte_zone_commit(&larger);
    assert_true(larger.header->capacity > 400);
    assert_int_equal(zone.header->capacity, larger.header->capacity);
    assert_int_equal(ngx_soporte_tenant_index(&larger,
                                              tenant_of(&larger, "acme")),
                     ngx_soporte_tenant_index(&zone, t));

    /* a process of the old configuration sees and counts in the new part */

    last = ngx_soporte_tenant(&zone, zone.header->capacity - 1);
    ngx_soporte_tenant_count(last, NOW, NGX_SOPORTE_GOOD, 200, 5);
    last = ngx_soporte_tenant(&larger, zone.header->capacity - 1);
    assert_int_equal(goods(last), 1);

    ngx_soporte_zone_close(&larger);

    /* a smaller size keeps all of it */

    larger = zone_open(4);
    assert_false(result.fresh);
    assert_true(larger.header->capacity > 400);

    ngx_soporte_zone_close(&larger);
    ngx_soporte_zone_close(&zone);
}


/* what is in the header of a file that is not ours to go on with */

static void
spoil(size_t offset, const void *bytes, size_t len)
{
    int  fd;

    fd = open(file, O_RDWR);
    assert_true(fd != -1);
    assert_int_equal(pwrite(fd, bytes, len, offset), len);
    close(fd);
}


static void
begins_anew(void **state)
{
    size_t              i;
    uint32_t            n;
    ngx_soporte_zone_t  zone, old;

    static const size_t  fields[] = {
        offsetof(ngx_soporte_header_t, magic),
        offsetof(ngx_soporte_header_t, version),
        offsetof(ngx_soporte_header_t, slot_size),
        offsetof(ngx_soporte_header_t, slots),
        offsetof(ngx_soporte_header_t, capacity),
        offsetof(ngx_soporte_header_t, used),
        offsetof(ngx_soporte_header_t, boot)
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        old = zone_open(4);
        ngx_soporte_tenant_count(tenant_of(&old, "acme"), NOW,
                                 NGX_SOPORTE_GOOD, 200, 5);

        n = 0x7fffffff;
        spoil(fields[i], &n, sizeof(n));

        zone = zone_open(4);

        if (!result.fresh || goods(tenant_of(&zone, "acme"))) {
            fail_msg("the field at %lu was not looked at", fields[i]);
        }

        /* who still has the old file goes on with it, unseen */

        ngx_soporte_tenant_count(tenant_of(&old, "acme"), NOW,
                                 NGX_SOPORTE_GOOD, 200, 5);
        assert_int_equal(goods(tenant_of(&old, "acme")), 2);
        assert_int_equal(goods(tenant_of(&zone, "acme")), 0);

        ngx_soporte_zone_close(&old);
        ngx_soporte_zone_close(&zone);
    }
}


/* no slot is given when used is 0: the rest would be nobody's */

static void
begins_anew_when_torn(void **state)
{
    size_t              end;
    uint32_t            none;
    ngx_soporte_zone_t  zone;

    zone = zone_open(4);
    end = zone.header->slots
          + (size_t) zone.header->capacity * zone.header->slot_size;
    ngx_soporte_zone_close(&zone);

    none = 0;
    spoil(offsetof(ngx_soporte_header_t, used), &none, sizeof(none));
    zone = zone_open(4);
    assert_true(result.fresh);
    assert_int_equal(zone.header->used, 1);
    ngx_soporte_zone_close(&zone);

    assert_int_equal(truncate(file, end - 1), 0);
    zone = zone_open(4);
    assert_true(result.fresh);
    ngx_soporte_zone_close(&zone);

    assert_int_equal(truncate(file, 100), 0);
    zone = zone_open(4);
    assert_true(result.fresh);
    ngx_soporte_zone_close(&zone);

    assert_int_equal(truncate(file, 0), 0);
    zone = zone_open(4);
    assert_true(result.fresh);
    assert_int_equal(goods(tenant_of(&zone, "acme")), 0);
    ngx_soporte_zone_close(&zone);
}


static void
refused(const char *why)
{
    struct stat         before, after;
    ngx_soporte_zone_t  zone;

    assert_int_equal(lstat(file, &before), 0);

    zone = zone_of(4);

    if (ngx_soporte_zone_open(&zone, NOW, &result) != NGX_ERROR) {
        fail_msg("not refused: %s", why);
    }

    assert_null(zone.header);
    assert_non_null(result.what);

    /* left as it was */

    assert_int_equal(lstat(file, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_mode, before.st_mode);
}


static void
only_a_file_of_ours(void **state)
{
    char                other[PATH_MAX + 8];
    ngx_soporte_zone_t  zone;

    snprintf(other, sizeof(other), "%s/other", dir);

    zone = zone_open(4);
    ngx_soporte_zone_close(&zone);

    assert_int_equal(chmod(file, 0640), 0);
    refused("the group may read it");
    assert_int_equal(chmod(file, 0602), 0);
    refused("others may write it");
    assert_int_equal(chmod(file, 0600), 0);

    assert_int_equal(link(file, other), 0);
    refused("it has another name");
    assert_int_equal(unlink(other), 0);

    if (geteuid() == 0) {
        assert_int_equal(chown(file, 65534, 65534), 0);
        refused("it is somebody else's");
        assert_int_equal(chown(file, 0, 0), 0);
    }

    zone = zone_open(4);
    assert_false(result.fresh);
    ngx_soporte_zone_close(&zone);

    assert_int_equal(rename(file, other), 0);
    assert_int_equal(symlink(other, file), 0);
    refused("it is a link");
    assert_int_equal(result.err, ELOOP);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(unlink(other), 0);

    assert_int_equal(mkfifo(file, 0600), 0);
    refused("it is a pipe");
    assert_int_equal(unlink(file), 0);

    assert_int_equal(mkdir(file, 0700), 0);
    refused("it is a directory");
    assert_int_equal(rmdir(file), 0);
}


static void
no_memory_left(void **state)
{
    struct stat         st;
    struct rlimit       limit, none;
    ngx_soporte_zone_t  zone, larger;

    zone = zone_open(4);
    ngx_soporte_tenant_count(tenant_of(&zone, "acme"), NOW, NGX_SOPORTE_GOOD,
                             200, 5);

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none = limit;
    none.rlim_cur = zone.size + 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);

    larger = zone_of(4000);
    assert_int_equal(ngx_soporte_zone_open(&larger, NOW, &result), NGX_ERROR);
    assert_int_equal(result.err, EFBIG);
    assert_null(larger.header);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_DFL);

    assert_int_equal(goods(tenant_of(&zone, "acme")), 1);
    ngx_soporte_zone_close(&zone);

    zone = zone_open(4);
    assert_false(result.fresh);
    assert_int_equal(goods(tenant_of(&zone, "acme")), 1);
    ngx_soporte_zone_close(&zone);

    /* each byte has its page: a full tmpfs is found now, not by a SIGBUS */

    assert_int_equal(stat(file, &st), 0);
    assert_true((size_t) st.st_blocks * 512 >= ngx_soporte_zone_size(4));
}


static void
no_directory(void **state)
{
    char                path[] = "/nonexistent/soporte";
    ngx_soporte_zone_t  zone;

    zone = zone_of(4);
    zone.path.data = (u_char *) path;

    assert_int_equal(ngx_soporte_zone_open(&zone, NOW, &result), NGX_ERROR);
    assert_int_equal(result.err, ENOENT);
    assert_string_equal(result.what, "open()");
}


/* killed while it counted: what it had counted is there, all can go on */

static void
count_some(ngx_soporte_zone_t *zone)
{
    ngx_uint_t             i;
    ngx_soporte_tenant_t  *t;

    t = tenant_of(zone, "acme");

    for (i = 0; i < 1000; i++) {
        ngx_soporte_tenant_count(t, NOW, NGX_SOPORTE_GOOD, 200, 5);
    }

    (void) tenant_of(zone, "new");
}


static void
survives_a_kill(void **state)
{
    ngx_soporte_zone_t  zone;

    zone = zone_open(4);

    killed_after(count_some, &zone);
    killed_after(count_some, &zone);

    assert_int_equal(goods(tenant_of(&zone, "acme")), 2000);
    assert_int_equal(zone.header->used, 3);

    ngx_soporte_zone_close(&zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        zone_test(found_again),
        zone_test(sizes_agree),
        zone_test(grows_in_place),
        zone_test(begins_anew),
        zone_test(begins_anew_when_torn),
        zone_test(only_a_file_of_ours),
        zone_test(no_memory_left),
        zone_test(no_directory),
        zone_test(survives_a_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
