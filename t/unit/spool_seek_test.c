
/*
 * Prevents: a repeated request that waits for a dead process, or does not wait
 * for one that lives; a customer's message that is not found, found twice, or
 * found at another ticket.
 */

#include "spool.h"

#include <sys/wait.h>


static void
test_busy(void **state)
{
    pid_t    pid;
    u_char  *id;

    id = uuid(1700000000000, 1, 8);

    assert_int_equal(ngx_soporte_spool_busy(sp, id), NGX_DECLINED);

    assert_int_equal(mkdir(path("tmp/%s.%d.0", name(id), (int) getpid()),
                           0700), 0);
    assert_int_equal(ngx_soporte_spool_busy(sp, id), NGX_OK);
    assert_int_equal(ngx_soporte_spool_busy(sp, uuid(1700000000000, 2, 8)),
                     NGX_DECLINED);
    assert_int_equal(rmdir(path("tmp/%s.%d.0", name(id), (int) getpid())), 0);

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(mkdir(path("tmp/%s.%d.0", name(id), (int) pid), 0700),
                     0);
    assert_int_equal(ngx_soporte_spool_busy(sp, id), NGX_DECLINED);

    /* what is delivered and on its way out is nobody's, too */

    assert_int_equal(mkdir(path("tmp/done.%s", name(id)), 0700), 0);
    assert_int_equal(ngx_soporte_spool_busy(sp, id), NGX_DECLINED);
}


static void
test_seek(void **state)
{
    int                       i;
    u_char                   *id;
    ngx_uint_t                n, k;
    ngx_soporte_spool_doc_t   docs[8];

    /* the same first six bytes: the same ms */

    for (i = 0; i < 3; i++) {
        assert_int_equal(put(uuid(1700000000000, i, 8)), NGX_OK);
    }

    assert_int_equal(put(uuid(1700000000001, 0, 8)), NGX_OK);

    id = uuid(1700000000000, 0, 8);

    assert_int_equal(ngx_soporte_spool_seek(sp, id, 6, mem, docs, 8, &n),
                     NGX_OK);
    assert_int_equal(n, 3);

    for (k = 0; k < n; k++) {
        assert_memory_equal(docs[k].id, id, 6);
        assert_int_equal(docs[k].json.len, body(docs[k].id).len);
        assert_memory_equal(docs[k].json.data, body(docs[k].id).data,
                            docs[k].json.len);
    }

    /* wherever they are */

    (void) claim(2, 262144);
    assert_int_equal(ngx_soporte_spool_seek(sp, id, 6, mem, docs, 8, &n),
                     NGX_OK);
    assert_int_equal(n, 3);

    assert_int_equal(ngx_soporte_spool_dead(sp, id, "x", &err), NGX_OK);
    assert_int_equal(ngx_soporte_spool_seek(sp, id, 6, mem, docs, 8, &n),
                     NGX_OK);
    assert_int_equal(n, 3);

    assert_int_equal(ngx_soporte_spool_seek(sp, id, 6, mem, docs, 2, &n),
                     NGX_OK);
    assert_int_equal(n, 2);

    /* each by itself, and none */

    assert_int_equal(ngx_soporte_spool_seek(sp, id, 16, mem, docs, 8, &n),
                     NGX_OK);
    assert_int_equal(n, 1);
    assert_memory_equal(docs[0].id, id, 16);

    assert_int_equal(ngx_soporte_spool_seek(sp, uuid(1, 0, 8), 6, mem, docs,
                                            8, &n),
                     NGX_OK);
    assert_int_equal(n, 0);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

    const struct CMUnitTest  tests[] = {
        T(test_busy),
        T(test_seek)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
