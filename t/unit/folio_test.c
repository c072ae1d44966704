
/*
 * Prevents: a folio misread on the telephone opening another customer's
 * ticket, two ids from one, a token that can be written in two ways.
 */

#include "test.h"
#include "ngx_soporte_folio.h"


static u_char  random_bytes[10] = {
    0xff, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f
};


static uint64_t
next(uint64_t *state)
{
    uint64_t  z;

    z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}


static ngx_int_t
parse(u_char *dst, const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return ngx_soporte_folio_parse(dst, &s);
}


/* the example of RFC 9562, appendix A.6 */

static void
uuid_version_7(void **state)
{
    u_char     id[16], text[37], back[16];
    ngx_str_t  s;

    ngx_soporte_uuid_v7(id, 0x017f22e279b0ULL, random_bytes);

    assert_ptr_equal(ngx_soporte_uuid_format(text, id), text + 36);
    text[36] = '\0';

    assert_string_equal(text, "017f22e2-79b0-7fc3-98c4-dc0c0c07398f");
    assert_int_equal(ngx_soporte_uuid_time(id), 0x017f22e279b0ULL);

    s.data = text;
    s.len = 36;

    assert_int_equal(ngx_soporte_uuid_parse(back, &s), NGX_OK);
    assert_memory_equal(back, id, 16);
}


static void
uuid_version_8(void **state)
{
    u_char  digest[32], id[16], other[16];

    memset(digest, 0xff, 32);
    ngx_soporte_uuid_v8(id, digest);

    assert_int_equal(id[6], 0x8f);
    assert_int_equal(id[8], 0xbf);
    assert_int_equal(ngx_soporte_uuid_time(id), 0);

    memset(digest, 0, 32);
    ngx_soporte_uuid_v8(id, digest);

    assert_int_equal(id[6], 0x80);
    assert_int_equal(id[8], 0x80);

    digest[15] = 1;
    ngx_soporte_uuid_v8(other, digest);

    assert_memory_not_equal(id, other, 16);
}


static void
uuid_parse_refuses(void **state)
{
    u_char             id[16], zero[16];
    ngx_str_t          s;
    ngx_uint_t         i;
    static const char  *bad[] = {
        "",
        "017f22e2-79b0-7fc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7fc3-98c4-dc0c0c07398ff",
        "017f22e279b0-7fc3-98c4-dc0c0c07398f0",
        "017f22e2-79b0-7fc3-98c4-dc0c0c07398g",
        "017f22e2+79b0-7fc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7fc3-98c4-dc0c0c0739 f",
        "{17f22e2-79b0-7fc3-98c4-dc0c0c07398}"
    };

    memset(id, 0, 16);
    memset(zero, 0, 16);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s.data = (u_char *) bad[i];
        s.len = strlen(bad[i]);

        assert_int_equal(ngx_soporte_uuid_parse(id, &s), NGX_ERROR);
        assert_memory_equal(id, zero, 16);
    }

    s.data = (u_char *) "017F22E2-79B0-7FC3-98C4-DC0C0C07398F";
    s.len = 36;

    assert_int_equal(ngx_soporte_uuid_parse(id, &s), NGX_OK);
    assert_int_equal(id[15], 0x8f);
}


/* the 45 bits are the last ones, independent of the time in a version 7 */

static void
folio_is_of_the_id(void **state)
{
    u_char  id[16], folio[16], other[16];

    memset(id, 0, 16);
    assert_ptr_equal(ngx_soporte_folio_format(folio, id), folio + 15);
    folio[15] = '\0';
    assert_string_equal(folio, "SOP-00000-00000");

    id[15] = 1;
    ngx_soporte_folio_format(folio, id);
    assert_memory_equal(folio, "SOP-00000-00012", 15);

    ngx_soporte_uuid_v7(id, 1, random_bytes);
    ngx_soporte_folio_format(folio, id);
    ngx_soporte_uuid_v7(id, 1795000000000ULL, random_bytes);
    ngx_soporte_folio_format(other, id);
    assert_memory_equal(folio, other, 15);
}


static void
folio_as_people_write_it(void **state)
{
    u_char       id[16], folio[16], dst[16];
    ngx_uint_t   i;
    const char  *ways[] = {
        "SOP-W1G60-EECF9", "sop-w1g60-eecf9", "W1G60EECF9", "wIg6oeecf9",
        "S0P W1G60 EECF9", "sop-wlg6O-eecf9", "W1G60-EECF9", "--w1g60eecf9 "
    };

    ngx_soporte_uuid_v7(id, 1, random_bytes);
    ngx_soporte_folio_format(folio, id);
    folio[15] = '\0';

    assert_string_equal(folio, ways[0]);

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        memset(dst, 0, 16);
        assert_int_equal(parse(dst, ways[i]), NGX_OK);
        assert_string_equal(dst, folio);
    }
}


static void
folio_refuses(void **state)
{
    u_char       dst[16];
    ngx_str_t    s;
    ngx_uint_t   i;
    const char  *bad[] = {
        "", "-", "SOP", "SOP-", "SOP-W1G60-EECF", "SOP-W1G60-EECF9X",
        "W1G60EECF", "W1G60EECF9X", "SOQ-W1G60-EECF9", "SO-W1G60-EECF9",
        "SOP-W1G60-EECFU", "SOP_W1G60_EECF9", "SOP-W1G60-EECF\xc3\xa9",
        "1SOP-W1G60-EECF9", "SOP-W1G60-EECF9/../x"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(dst, bad[i]), NGX_ERROR);
    }

    s.data = (u_char *) "SOP-0000\0-00000";
    s.len = 15;
    assert_int_equal(ngx_soporte_folio_parse(dst, &s), NGX_ERROR);
}


/* every other symbol at every place, every two symbols that change places */

static void
folio_check_symbol(void **state)
{
    u_char             id[16], folio[16], wrong[16], dst[16];
    uint64_t           seed, bits;
    ngx_uint_t         n, i, j, k;
    static const int   at[] = { 4, 5, 6, 7, 8, 10, 11, 12, 13, 14 };
    static const char  alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    seed = 7;

    for (n = 0; n < 300; n++) {
        bits = next(&seed);
        memcpy(id, &bits, 8);
        bits = next(&seed);
        memcpy(id + 8, &bits, 8);

        ngx_soporte_folio_format(folio, id);
        folio[15] = '\0';
        assert_int_equal(parse(dst, (char *) folio), NGX_OK);
        assert_memory_equal(dst, folio, 15);

        for (i = 0; i < 10; i++) {

            for (k = 0; k < 32; k++) {
                if (alphabet[k] == folio[at[i]]) {
                    continue;
                }

                memcpy(wrong, folio, 16);
                wrong[at[i]] = alphabet[k];
                assert_int_equal(parse(dst, (char *) wrong), NGX_ERROR);
            }

            for (j = i + 1; j < 10; j++) {
                if (folio[at[i]] == folio[at[j]]) {
                    continue;
                }

                memcpy(wrong, folio, 16);
                wrong[at[i]] = folio[at[j]];
                wrong[at[j]] = folio[at[i]];
                assert_int_equal(parse(dst, (char *) wrong), NGX_ERROR);
            }
        }
    }
}


/* RFC 4648 section 10 */

static void
base64url_known(void **state)
{
    u_char       out[16];
    ngx_uint_t   i;
    const char  *enc[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE",
                           "Zm9vYmFy" };

    for (i = 0; i < 7; i++) {
        memset(out, 0, sizeof(out));
        assert_ptr_equal(ngx_soporte_base64url_encode(out,
                                               (const u_char *) "foobar", i),
                         out + ngx_soporte_base64url_len(i));
        assert_string_equal(out, enc[i]);
    }

    ngx_soporte_base64url_encode(out, (const u_char *) "\xfb\xff\xfe", 3);
    assert_memory_equal(out, "-__-", 4);
}


static void
base64url_round_trip(void **state)
{
    u_char     in[40], text[60], back[40];
    size_t     len, i;
    uint64_t   seed;
    ngx_str_t  s;

    seed = 1;

    for (len = 0; len <= sizeof(in); len++) {
        for (i = 0; i < len; i++) {
            in[i] = (u_char) next(&seed);
        }

        s.data = text;
        s.len = ngx_soporte_base64url_encode(text, in, len) - text;

        assert_int_equal(ngx_soporte_base64url_decode(back, len, &s),
                         NGX_OK);
        assert_memory_equal(back, in, len);

        assert_int_equal(ngx_soporte_base64url_decode(back, len + 1, &s),
                         NGX_ERROR);
    }
}


/* 32 bytes leave two bits: only one of four last characters is right */

static void
base64url_written_one_way(void **state)
{
    u_char      in[32], text[43], back[32];
    ngx_str_t   s;
    ngx_uint_t  i, good;

    memset(in, 0xa5, sizeof(in));
    s.data = text;
    s.len = ngx_soporte_base64url_encode(text, in, 32) - text;
    assert_int_equal(s.len, 43);

    good = 0;

    for (i = 0; i < 256; i++) {
        text[42] = (u_char) i;

        if (ngx_soporte_base64url_decode(back, 32, &s) == NGX_OK) {
            good++;
        }
    }

    assert_int_equal(good, 16);

    ngx_soporte_base64url_encode(text, in, 32);

    for (i = 0; i < 43; i++) {
        text[i] ^= 0x80;
        assert_int_equal(ngx_soporte_base64url_decode(back, 32, &s),
                         NGX_ERROR);
        text[i] ^= 0x80;
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(uuid_version_7),
        cmocka_unit_test(uuid_version_8),
        cmocka_unit_test(uuid_parse_refuses),
        cmocka_unit_test(folio_is_of_the_id),
        cmocka_unit_test(folio_as_people_write_it),
        cmocka_unit_test(folio_refuses),
        cmocka_unit_test(folio_check_symbol),
        cmocka_unit_test(base64url_known),
        cmocka_unit_test(base64url_round_trip),
        cmocka_unit_test(base64url_written_one_way)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
