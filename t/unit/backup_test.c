
/*
 * Prevents: a partial, an empty or an unfinished backup that passes for a good
 * one; a fresh copy of an old one; and a word that forgets what it was told.
 */

#include "test.h"
#include "ngx_soporte_backup.h"


#define NOW    1795752000LL                  /* 2026-11-27 04:00 UTC */
#define HOUR   3600
#define LIMIT  NGX_SOPORTE_BACKUP_LIMIT

static ngx_soporte_backup_list_t  list[NGX_SOPORTE_BACKUP_PARTS];


static void
begin(void)
{
    memset(list, 0, sizeof(list));
}


static void
take(const char *name)
{
    ngx_soporte_backup_take(list, (const u_char *) name, strlen(name));
}


/* what stat() would say of it */

static void
file(const char *name, int64_t mtime, int64_t size)
{
    ngx_uint_t                  i, k, n;
    ngx_soporte_backup_file_t  *f;

    take(name);

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {
        for (n = 0; n < list[i].n; n++) {
            for (k = 0; k < NGX_SOPORTE_BACKUP_KINDS; k++) {
                f = &list[i].set[n].file[k];

                if (f->len && strcmp((char *) f->name, name) == 0) {
                    f->mtime = mtime;
                    f->size = size;
                }
            }
        }
    }
}


static const char *
state(ngx_uint_t part)
{
    ngx_soporte_backup_t  b[2], again[2];
    ngx_soporte_backup_e  direct, packed;

    ngx_soporte_backup_judge(&list[0], 0, NOW, &b[0]);
    ngx_soporte_backup_judge(&list[1], 1, NOW, &b[1]);

    direct = ngx_soporte_backup_state(&b[part], part ? &b[0] : NULL, NOW,
                                      LIMIT);

    ngx_soporte_backup_unpack(ngx_soporte_backup_pack(&b[0], 1), &again[0]);
    ngx_soporte_backup_unpack(ngx_soporte_backup_pack(&b[1], 1), &again[1]);

    packed = ngx_soporte_backup_state(&again[part], part ? &again[0] : NULL,
                                      NOW, LIMIT);

    assert_int_equal(direct, packed);

    return (const char *) ngx_soporte_backup_names[direct].data;
}


static void
names(void **state)
{
    size_t                     i;
    ngx_soporte_backup_name_t  n;

    static const struct {
        const char                *name;
        ngx_soporte_backup_kind_e  kind;
        unsigned                   partial;
        unsigned                   compressed;
    } good[] = {
        { "20261127_031000-a_mx-database.sql.gz", NGX_SOPORTE_BACKUP_SQL,
          0, 0 },
        { "20261127_031000-a_mx-database-enc.sql.gz", NGX_SOPORTE_BACKUP_SQL,
          0, 0 },
        { "20261127_031000-a_mx-partial-database.sql.gz",
          NGX_SOPORTE_BACKUP_SQL, 1, 0 },
        { "20261127_031000-a_mx-files.tar", NGX_SOPORTE_BACKUP_PUBLIC, 0, 0 },
        { "20261127_031000-a_mx-files-enc.tgz", NGX_SOPORTE_BACKUP_PUBLIC,
          0, 1 },
        { "20261127_031000-a_mx-private-files.tar",
          NGX_SOPORTE_BACKUP_PRIVATE, 0, 0 },
        { "20261127_031000-a_mx-private-files-enc.tar",
          NGX_SOPORTE_BACKUP_PRIVATE, 0, 0 },
        { "20240229_235959-a-b-site_config_backup.json",
          NGX_SOPORTE_BACKUP_CONFIG, 0, 0 },
        { "20240229_235959-a-b-site_config_backup-enc.json",
          NGX_SOPORTE_BACKUP_CONFIG, 0, 0 }
    };

    static const char *const  bad[] = {
        "", "x", "20261127_031000", "20261127_031000-database.sql.gz",
        "20261127_031000-a_mx-database.sql.gz.part",
        "20261127_031000-a_mx-database.sql.gz.gpg",
        "20261127_031000-a_mx-database.sql",
        "20261127-031000-a_mx-database.sql.gz",
        "20261327_031000-a_mx-database.sql.gz",
        "20260229_031000-a_mx-database.sql.gz",
        "20261127_241000-a_mx-database.sql.gz",
        "2026112x_031000-a_mx-database.sql.gz",
        "20261127_031000_a_mx-database.sql.gz",
        "20261127_031000-a_mx-files.zip", "20261127_031000-a_mxfiles.tar",
        "database.sql.gz", ".20261127_031000-a_mx-files.tar"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(ngx_soporte_backup_name(
                             (const u_char *) good[i].name,
                             strlen(good[i].name), &n), NGX_OK);
        assert_int_equal(n.kind, good[i].kind);
        assert_int_equal(n.partial, good[i].partial);
        assert_int_equal(n.compressed, good[i].compressed);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ngx_soporte_backup_name((const u_char *) bad[i], strlen(bad[i]),
                                    &n) != NGX_DECLINED)
        {
            fail_msg("taken: %s", bad[i]);
        }
    }

    assert_int_equal(ngx_soporte_backup_name(
                         (const u_char *) "20261127_031000-a_mx-files.tar",
                         30, &n), NGX_OK);
    assert_int_equal(n.at, 1795749000);
    assert_int_equal(n.stem, 20);
}


static void
each_state(void **unused)
{
    begin();
    assert_string_equal(state(0), "none");
    assert_string_equal(state(1), "none");

    file("20261127_031000-a_mx-database.sql.gz", NOW - HOUR, 50000);
    assert_string_equal(state(0), "ok");
    assert_string_equal(state(1), "incomplete");

    file("20261127_031000-a_mx-files.tar", NOW - HOUR, 20000);
    assert_string_equal(state(1), "incomplete");
    file("20261127_031000-a_mx-private-files.tar", NOW - HOUR, 10240);
    assert_string_equal(state(1), "ok");

    begin();
    file("20261126_074000-a_mx-database.sql.gz", NOW - 20 * HOUR, 50000);
    assert_string_equal(state(0), "ok");

    begin();
    file("20261126_074000-a_mx-database.sql.gz", NOW - 20 * HOUR - 1, 50000);
    assert_string_equal(state(0), "due");

    begin();
    file("20261126_074000-a_mx-database.sql.gz", NOW - 24 * HOUR, 50000);
    assert_string_equal(state(0), "due");

    begin();
    file("20261126_034000-a_mx-database.sql.gz", NOW - 24 * HOUR - 1, 50000);
    assert_string_equal(state(0), "late");
}


static void
worthless_ones(void **unused)
{
    /* a dump of nothing: a gzip file of 20 bytes */

    begin();
    file("20261127_031000-a_mx-database.sql.gz", NOW - HOUR, 20);
    assert_string_equal(state(0), "suspect");

    begin();
    file("20261127_031000-a_mx-database.sql.gz", NOW - HOUR, 0);
    assert_string_equal(state(0), "suspect");

    /* the clock of the one before goes on */

    file("20261126_000000-a_mx-database.sql.gz", NOW - 25 * HOUR, 50000);
    assert_string_equal(state(0), "late");

    begin();
    file("20261127_031000-a_mx-database.sql.gz", NOW - HOUR, 24999);
    file("20261126_100000-a_mx-database.sql.gz", NOW - 12 * HOUR, 50000);
    assert_string_equal(state(0), "suspect");

    begin();
    file("20261127_031000-a_mx-database.sql.gz", NOW - HOUR, 25000);
    file("20261126_100000-a_mx-database.sql.gz", NOW - 12 * HOUR, 50000);
    assert_string_equal(state(0), "ok");

    /* some tables are no database, half a name is no file */

    begin();
    file("20261127_031000-a_mx-partial-database.sql.gz", NOW - HOUR, 50000);
    file("20261127_031000-a_mx-database.sql.gz.part", NOW - HOUR, 50000);
    assert_string_equal(state(0), "none");

    /* one that is being written still is none yet, the one before holds */

    begin();
    file("20261127_035930-a_mx-database.sql.gz", NOW - 1, 700);
    assert_string_equal(state(0), "none");
    file("20261126_031000-a_mx-database.sql.gz", NOW - 22 * HOUR, 50000);
    assert_string_equal(state(0), "due");
    file("20261127_035930-a_mx-site_config_backup.json", NOW, 300);
    assert_string_equal(state(0), "suspect");

    /* a link that leads nowhere */

    begin();
    file("20261127_031000-a_mx-database.sql.gz", NOW - HOUR, -1);
    assert_string_equal(state(0), "none");

    /* from the future: a clock is wrong */

    begin();
    file("20261127_031000-a_mx-database.sql.gz", NOW + 2 * HOUR, 50000);
    file("20261127_031000-a_mx-site_config_backup.json", NOW, 300);
    assert_string_equal(state(0), "suspect");
}


static void
copies_and_kinds(void **unused)
{
    /* copied an hour ago, made last month */

    begin();
    file("20261027_031000-a_mx-database.sql.gz", NOW - HOUR, 50000);
    assert_string_equal(state(0), "late");

    /* encrypted ones count; sets are never mixed */

    begin();
    file("20261127_031000-a_mx-database-enc.sql.gz", NOW - HOUR, 50000);
    file("20261127_031000-a_mx-files-enc.tgz", NOW - HOUR, 5000);
    file("20261127_021000-a_mx-private-files-enc.tgz", NOW - HOUR, 5000);
    assert_string_equal(state(0), "ok");
    assert_string_equal(state(1), "incomplete");
    file("20261127_031000-a_mx-private-files-enc.tgz", NOW - HOUR, 5000);
    assert_string_equal(state(1), "ok");

    /* compressed from now on: smaller, and nothing is lost */

    file("20261126_031000-a_mx-files.tar", NOW - 25 * HOUR, 500000);
    file("20261126_031000-a_mx-private-files.tar", NOW - 25 * HOUR, 500000);
    assert_string_equal(state(1), "ok");

    /* the end of the later of the two */

    begin();
    file("20261126_000000-a_mx-database.sql.gz", NOW - HOUR, 50000);
    file("20261126_000000-a_mx-files.tar", NOW - 26 * HOUR, 50000);
    file("20261126_000000-a_mx-private-files.tar", NOW - 21 * HOUR, 50000);
    assert_string_equal(state(1), "due");
}


/* database only each hour, files once a day: files are found below them */

static void
newest_of_each_part(void **unused)
{
    int   i, k;
    char  name[128];

    begin();

    for (i = 0; i < 3000; i++) {
        k = (i * 1237) % 3000;

        (void) snprintf(name, sizeof(name),
                        "%04d%02d%02d_%02d%02d00-a_mx-database.sql.gz",
                        2020 + k / 1000, 1 + k % 1000 / 100, 1 + k % 100 / 10,
                        k % 10, k % 60);
        take(name);

        if (k % 100 == 0) {
            memcpy(name + 21, "files.tar", 10);
            take(name);
        }
    }

    assert_int_equal(list[0].n, NGX_SOPORTE_BACKUP_KEPT);
    assert_int_equal(list[1].n, NGX_SOPORTE_BACKUP_KEPT);
    assert_string_equal((char *) list[0].set[0].file[0].name,
                        "20221010_095900-a_mx-database.sql.gz");
    assert_string_equal((char *) list[1].set[0].file[1].name,
                        "20221001_002000-a_mx-files.tar");

    for (i = 1; i < NGX_SOPORTE_BACKUP_KEPT; i++) {
        assert_true(list[0].set[i - 1].at > list[0].set[i].at);
        assert_true(list[1].set[i - 1].at > list[1].set[i].at);
    }
}


static void
words(void **unused)
{
    int64_t               size;
    uint64_t              word;
    ngx_soporte_backup_t  in, out;

    memset(&in, 0, sizeof(in));
    assert_true(ngx_soporte_backup_pack(&in, 0) == 0);
    assert_int_equal(ngx_soporte_backup_unpack(0, &out), 0);
    assert_int_equal(out.at, 0);

    for (size = 1; size < (int64_t) 1 << 52; size = size * 3 / 2 + 1) {
        in.at = NOW;
        in.bytes = size;

        ngx_soporte_backup_unpack(ngx_soporte_backup_pack(&in, 1), &out);
        assert_int_equal(out.at, NOW);
        assert_true(out.bytes <= size && size - out.bytes <= size / 32);
    }

    in.before = NOW - 86400 * 400LL;
    in.before_bytes = -1;
    ngx_soporte_backup_unpack(ngx_soporte_backup_pack(&in, 5), &out);
    assert_true(out.before < NOW - 180 * 86400LL);
    assert_int_equal(ngx_soporte_backup_unpack(
                         ngx_soporte_backup_pack(&in, 5), &out), 5);

    /* reports: the latest holds, half the size is suspect */

    word = ngx_soporte_backup_report(0, NOW - 30 * HOUR, 1000000);
    assert_int_equal(ngx_soporte_backup_good(word), NOW - 30 * HOUR);
    assert_true(ngx_soporte_backup_report(word, NOW - 31 * HOUR, 5) == word);
    assert_true(ngx_soporte_backup_report(word, NOW - 30 * HOUR, 5) == word);

    word = ngx_soporte_backup_report(word, NOW - HOUR, 400000);
    assert_int_equal(ngx_soporte_backup_good(word), NOW - 30 * HOUR);
    assert_true(ngx_soporte_backup_unpack(word, &out)
                & NGX_SOPORTE_BACKUP_DOUBTED);
    assert_int_equal(ngx_soporte_backup_state(&out, NULL, NOW, LIMIT),
                     NGX_SOPORTE_BACKUP_LATE);

    word = ngx_soporte_backup_report(word, NOW - HOUR / 2, -1);
    ngx_soporte_backup_unpack(word, &out);
    assert_int_equal(ngx_soporte_backup_state(&out, NULL, NOW, LIMIT),
                     NGX_SOPORTE_BACKUP_OK);
    assert_int_equal(out.before, NOW - 30 * HOUR);
    assert_int_equal(ngx_soporte_backup_good(word), NOW - HOUR / 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(each_state),
        cmocka_unit_test(worthless_ones),
        cmocka_unit_test(copies_and_kinds),
        cmocka_unit_test(newest_of_each_part),
        cmocka_unit_test(words)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
