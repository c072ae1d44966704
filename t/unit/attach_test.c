
/*
 * Prevents: a page or a script that passes for a picture, a file's name that
 * leaves its folder or turns its ending around when it is shown.
 */

#include "test.h"
#include "ngx_soporte_attach.h"
#include "ngx_soporte_text.h"


#define OCTETS  "application/octet-stream"
#define OOXML   "application/vnd.openxmlformats-officedocument."
#define ODF     "application/vnd.oasis.opendocument."

/* a local header: deflated, and stored with 39 bytes of data */

#define ZIP(n)     "PK\3\4\24\0\6\0\10\0\0\0!\0aaaabbbbcccc" n "\0\0\0"
#define STORED(n)  "PK\3\4\24\0\0\0\0\0\0\0!\0aaaa" n "\0\0\0" n              \
                   "\0\0\0\10\0\0\0mimetype"


static test_mem_t  tm;


static ngx_uint_t
is(const ngx_str_t *s, const char *text)
{
    return s->len == strlen(text)
           && (s->len == 0 || memcmp(s->data, text, s->len) == 0);
}


typedef struct {
    const char  *head;
    size_t       len;
    const char  *name;
    const char  *type;
} attach_case_t;

#define CASE(head, name, type)  { head, sizeof(head) - 1, name, type }


static const attach_case_t  cases[] = {
    CASE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.png", "image/png"),
    CASE("\x89PNG\r\n\x1a\n\0\0\0\rIHDX", "a.png", OCTETS),
    CASE("\x89PNG\r\n\x1a\n", "a.png", OCTETS),
    CASE("\xff\xd8\xff\xe0", "a.html", "image/jpeg"),
    CASE("\xff\xd8", "a.jpg", OCTETS),
    CASE("GIF89a", "a", "image/gif"),
    CASE("GIF87a/*<script>", "a.js", "image/gif"),
    CASE("GIF88a\1", "a.gif", OCTETS),
    CASE("RIFF\1\2\3\4WEBPVP8 ", "a", "image/webp"),
    CASE("RIFF\1\2\3\4WAVEfmt ", "a.webp", OCTETS),
    CASE("%PDF-1.7\n%\xe2\xe3", "a.txt", "application/pdf"),
    CASE(" %PDF-1.7\n\1", "a.pdf", OCTETS),

    CASE("hola", "a.txt", "text/plain"),
    CASE("hola", "a.html", "text/plain"),
    CASE("a;b\r\n1;2\r\n", "A.CSV", "text/csv"),
    CASE("\xef\xbb\xbf" ";a\tb", "a.csv", "text/csv"),
    CASE("caf\xe9", "a.txt", "text/plain"),
    CASE("\xc3\xb1\xc3\xb1\xc3", "a.txt", "text/plain"),
    CASE("\xf1\xf1\xf1\xf1\xf1 a", "a.txt", OCTETS),
    CASE("a < b", "a.txt", "text/plain"),
    CASE("", "a.txt", OCTETS),
    CASE(" \r\n", "a.txt", OCTETS),
    CASE("<html>", "a.txt", OCTETS),
    CASE("\r\n\t <svg onload=x>", "a.txt", OCTETS),
    CASE("\xef\xbb\xbf<?xml", "a.csv", OCTETS),
    CASE("a\0b", "a.txt", OCTETS),
    CASE("\xff\xfeh\0o\0", "a.txt", OCTETS),
    CASE("a\x1b[0m", "a.txt", OCTETS),
    CASE("MZ\x90\0", "a.png", OCTETS),
    CASE("\x7f" "ELF", "a.png", OCTETS),

    CASE(ZIP("\23") "[Content_Types].xml", "a.docx",
         OOXML "wordprocessingml.document"),
    CASE(ZIP("\23") "[Content_Types].xml", "a.XLSX",
         OOXML "spreadsheetml.sheet"),
    CASE(ZIP("\13") "_rels/.rels", "a.pptx",
         OOXML "presentationml.presentation"),
    CASE(ZIP("\23") "[Content_Types].xml", "a.zip", OCTETS),
    CASE(ZIP("\23") "[Content_Types].xml", "docx", OCTETS),
    CASE(ZIP("\5") "a.exe", "a.docx", OCTETS),
    CASE("PK\3\4", "a.docx", OCTETS),
    CASE(STORED("\47") ODF "text", "a.odt", ODF "text"),
    CASE(STORED("\47") ODF "text", "a.exe", ODF "text"),
    CASE(STORED("\56") ODF "spreadsheet", "a.ods", ODF "spreadsheet"),
    CASE(STORED("\60") ODF "text-template", "a.odt", OCTETS),
    CASE(STORED("\47") ODF "tex", "a.odt", OCTETS),
    CASE(STORED("\47") "application/epub+zip", "a.odt", OCTETS)
};


static void
types_by_bytes(void **state)
{
    u_char      *copy;
    ngx_str_t    name, type;
    ngx_uint_t   i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        copy = malloc(cases[i].len + 1);
        memcpy(copy, cases[i].head, cases[i].len);
        copy = realloc(copy, cases[i].len ? cases[i].len : 1);

        name.data = (u_char *) cases[i].name;
        name.len = strlen(cases[i].name);

        type = ngx_soporte_attach_type(copy, cases[i].len, &name);
        assert_true(is(&type, cases[i].type));
        free(copy);
    }
}


/* each beginning of each head is looked at within its bounds */

static void
types_of_short_heads(void **state)
{
    size_t       len;
    u_char      *copy;
    ngx_str_t    name = ngx_null_string, type;
    ngx_uint_t   i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (len = 0; len < cases[i].len; len++) {
            copy = malloc(len ? len : 1);
            memcpy(copy, cases[i].head, len);
            type = ngx_soporte_attach_type(copy, len, &name);
            assert_true(type.len > 0);
            free(copy);
        }
    }
}


static void
control_behind_the_head(void **state)
{
    u_char     text[NGX_SOPORTE_ATTACH_HEAD + 1];
    ngx_str_t  name = ngx_null_string, type;

    memset(text, 'a', sizeof(text));
    text[NGX_SOPORTE_ATTACH_HEAD] = '\0';
    type = ngx_soporte_attach_type(text, sizeof(text), &name);
    assert_true(is(&type, "text/plain"));

    text[NGX_SOPORTE_ATTACH_HEAD - 1] = '\0';
    type = ngx_soporte_attach_type(text, sizeof(text), &name);
    assert_true(is(&type, OCTETS));
}


static void
names(void **state)
{
    ngx_str_t   in, out;
    ngx_uint_t  i;

    static const struct {
        const char  *in;
        const char  *out;
    } rows[] = {
        { "pantalla \xc3\xb1.png", "pantalla \xc3\xb1.png" },
        { "../../etc/passwd", "passwd" },
        { "C:\\fakepath\\a.png", "a.png" },
        { "/", "archivo" },
        { "", "archivo" },
        { "..", "archivo" },
        { ".htaccess", "htaccess" },
        { " . a.txt . ", "a.txt" },
        { "a\"b'c<d>e:f*g?h|i.txt", "a_b_c_d_e_f_g_h_i.txt" },
        { "factura\xe2\x80\xae" "gpj.exe", "facturagpj.exe" },
        { "a\r\nb\x07" "c.txt", "a bc.txt" },
        { "a\xe2\x80\xa8" "b", "a b" },
        { "\xe2\x80\xae", "archivo" },
        { "a/\x01", "archivo" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        in.len = strlen(rows[i].in);
        in.data = malloc(in.len + 1);
        memcpy(in.data, rows[i].in, in.len);

        out = ngx_soporte_attach_name(test_mem(&tm), &in);
        assert_true(is(&out, rows[i].out));

        free(in.data);
        test_mem_free(&tm);
    }
}


static void
long_names(void **state)
{
    u_char     text[400];
    ngx_str_t  in, out;

    test_mem(&tm);
    memset(text, 'a', sizeof(text));
    memcpy(text + 116, ".png", 4);
    in.data = text;
    in.len = 120;
    out = ngx_soporte_attach_name(&tm.mem, &in);
    assert_int_equal(out.len, 120);

    memset(text, 'a', sizeof(text));
    memcpy(text + 296, ".png", 4);
    in.len = 300;
    out = ngx_soporte_attach_name(&tm.mem, &in);
    assert_int_equal(out.len, 120);
    assert_memory_equal(out.data + 112, "aaaa.png", 8);

    /* an ending too long to be one */

    memset(text, 'a', sizeof(text));
    text[280] = '.';
    out = ngx_soporte_attach_name(&tm.mem, &in);
    assert_int_equal(out.len, 120);
    assert_int_equal(out.data[119], 'a');

    /* characters, not bytes, and none is torn */

    in.len = 2 * 150 + 4;

    for (in.data = text; in.data < text + 300; in.data += 2) {
        memcpy(in.data, "\xc3\xb1", 2);
    }

    memcpy(in.data, ".pdf", 4);
    in.data = text;
    out = ngx_soporte_attach_name(&tm.mem, &in);
    assert_int_equal(out.len, 2 * 116 + 4);
    assert_true(ngx_soporte_utf8_valid(out.data, out.len));
    assert_memory_equal(out.data + 232, ".pdf", 4);

    tm.left = 1;
    out = ngx_soporte_attach_name(&tm.mem, &in);
    assert_null(out.data);
    test_mem_free(&tm);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(types_by_bytes),
        cmocka_unit_test(types_of_short_heads),
        cmocka_unit_test(control_behind_the_head),
        cmocka_unit_test(names),
        cmocka_unit_test(long_names)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
