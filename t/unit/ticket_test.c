
/*
 * Prevents: a customer told of one mistake after the other, a ticket that the
 * database refuses after the customer got a folio, invisible characters in a
 * subject, a repetition taken for another ticket.
 */

#include "test.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_ticket.h"


#define N  "\xc3\xb1"                        /* a letter of two bytes */


static test_mem_t                   tm;
static ngx_soporte_policy_t         policy;
static ngx_soporte_ticket_t         ticket;
static ngx_soporte_ticket_errors_t  errors;

static ngx_soporte_category_t  categories[] = {
    { .id = ngx_string("uso"), .queue = ngx_string("soporte"),
      .included = 1, .response = -1 },
    { .id = ngx_string("conectividad"), .queue = ngx_string("infra"),
      .included = 1, .urgent = 1, .response = -1 },
    { .id = ngx_string("visita"), .queue = ngx_string("pack"),
      .response = -1 }
};


static int
setup(void **state)
{
    test_mem(&tm);
    memset(&ticket, 0, sizeof(ticket));
    memset(&errors, 0, sizeof(errors));
    policy.categories = categories;
    policy.ncategories = 3;

    return 0;
}


static int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static void
again(void)
{
    teardown(NULL);
    setup(NULL);
}


static ngx_soporte_value_t *
tree(const char *text)
{
    ngx_soporte_value_t        *value;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits = { 32 };

    value = ngx_soporte_json_parse(&tm.mem, (const u_char *) text,
                                   strlen(text), &limits, &err);
    assert_non_null(value);

    return value;
}


static ngx_int_t
from_json(const char *text)
{
    return ngx_soporte_ticket_from_json(&tm.mem, &ticket, tree(text), &policy,
                                        &errors);
}


static ngx_int_t
from_form(const char *body, ngx_soporte_value_t *context)
{
    ngx_str_t           s;
    ngx_soporte_form_t  form;

    s.data = (u_char *) body;
    s.len = strlen(body);
    assert_int_equal(ngx_soporte_form_parse(&tm.mem, &s, 1 << 20, &form),
                     NGX_OK);

    return ngx_soporte_ticket_from_form(&tm.mem, &ticket, &form, context,
                                        &policy, &errors);
}


static ngx_uint_t
is(const ngx_str_t *s, const char *text)
{
    return s->len == strlen(text)
           && (s->len == 0 || memcmp(s->data, text, s->len) == 0);
}


/* "field=code" of each error, in order, one blank between */

static void
assert_errors(const char *text)
{
    char        all[4096], *p;
    ngx_uint_t  i, k;

    p = all;
    *p = '\0';

    for (i = 0; i < errors.n; i++) {
        p += snprintf(p, all + sizeof(all) - p, "%s%.*s=%.*s", i ? " " : "",
                      (int) errors.list[i].field.len,
                      errors.list[i].field.data,
                      (int) errors.list[i].code.len,
                      errors.list[i].code.data);

        for (k = 0; ngx_soporte_ticket_codes[k]; k++) {
            if (is(&errors.list[i].code, ngx_soporte_ticket_codes[k])) {
                break;
            }
        }

        assert_non_null(ngx_soporte_ticket_codes[k]);
    }

    assert_string_equal(all, text);
}


/* a JSON body with one text field of n characters */

static const char *
body_with(const char *field, const char *unit, size_t n, const char *more)
{
    size_t       i;
    static char  text[200000];
    char        *p;

    p = text + sprintf(text, "{\"%s\":\"", field);

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s", unit);
    }

    sprintf(p, "\"%s}", more);

    return text;
}


#define REST  ",\"category\":\"uso\",\"email\":\"a@x.mx\""


static void
good_form(void **state)
{
    assert_int_equal(from_form(
        "token=abc&subject=+No+puedo+entrar+&description=uno%0D%0Ados%0D%0A"
        "&category=conectividad&email=+ana%40x.mx&name=Ana+Mu%C3%B1oz"
        "&phone=%2B52+%2855%29+1234-5678+ext.+9&enviar=1",
        tree("{\"route\":\"/app\"}")), NGX_OK);

    assert_errors("");
    assert_true(is(&ticket.subject, "No puedo entrar"));
    assert_int_equal(ticket.subject_raw.len, 0);
    assert_true(is(&ticket.description, "uno\ndos"));
    assert_true(is(&ticket.category, "conectividad"));
    assert_true(is(&ticket.queue, "infra"));
    assert_int_equal(ticket.urgent, 1);
    assert_int_equal(ticket.out_of_scope, 0);
    assert_true(is(&ticket.email, "ana@x.mx"));
    assert_true(is(&ticket.name, "Ana Mu" N "oz"));
    assert_true(is(&ticket.phone, "+52 (55) 1234-5678 ext. 9"));
    assert_non_null(ticket.context);
}


static void
good_json(void **state)
{
    assert_int_equal(from_json(
        "{\"subject\":\"S\",\"description\":\"D\",\"category\":\"visita\","
        "\"email\":\"a@x.mx\",\"name\":null,\"context\":{\"a\":[1,2.5,"
        "true,false,null,\"x\"]}}"), NGX_OK);

    assert_int_equal(ticket.out_of_scope, 1);
    assert_int_equal(ticket.urgent, 0);
    assert_true(is(&ticket.queue, "pack"));
    assert_int_equal(ticket.name.len, 0);
    assert_int_equal(ticket.context->type, NGX_SOPORTE_OBJECT);
}


static void
all_mistakes_at_once(void **state)
{
    assert_int_equal(from_form("", NULL), NGX_DECLINED);
    assert_errors("subject=subject_missing description=description_missing "
                  "category=category_missing email=email_missing");
    again();

    assert_int_equal(from_form("subject=+%09%C2%A0%E2%80%8B&description=%0D%0A"
                               "&category=%20&email=&name=&phone=", NULL),
                     NGX_DECLINED);
    assert_errors("subject=subject_missing description=description_missing "
                  "category=category_missing email=email_missing");
    again();

    assert_int_equal(from_form("subject=a&description=b&category=otra"
                               "&email=ana&phone=no", tree("[]")),
                     NGX_DECLINED);
    assert_errors("context=context_bad category=category_unknown "
                  "email=email_bad phone=phone_bad");

    /* what can be shown again is there */

    assert_true(is(&ticket.category, "otra"));
    assert_true(is(&ticket.email, "ana"));
    assert_true(is(&ticket.phone, "no"));
    again();

    assert_int_equal(from_json("{\"subject\":1,\"description\":[],"
                               "\"category\":{},\"email\":true,\"name\":1.5,"
                               "\"phone\":{},\"context\":\"{}\",\"Subject\":"
                               "\"x\",\"attachment\":[]}"), NGX_DECLINED);
    assert_errors("context=context_bad Subject=field_unknown "
                  "attachment=field_unknown subject=subject_bad "
                  "description=description_bad category=category_unknown "
                  "email=email_bad name=name_bad phone=phone_bad");
}


static void
not_an_object(void **state)
{
    assert_int_equal(from_json("[]"), NGX_DECLINED);
    assert_errors("=body_bad");
    again();

    assert_int_equal(ngx_soporte_ticket_from_json(&tm.mem, &ticket, NULL,
                                                  &policy, &errors),
                     NGX_DECLINED);
    assert_errors("=body_bad");
}


static void
repeated_in_a_form(void **state)
{
    assert_int_equal(from_form("subject=a&subject=b&description=c"
                               "&category=uso&email=a%40x.mx&context=1"
                               "&context=2&other=1&other=2", NULL),
                     NGX_DECLINED);
    assert_errors("subject=field_repeated context=field_repeated");
    assert_true(is(&ticket.subject, "a"));
    again();

    assert_int_equal(from_form("email=&email=&subject=a&description=c"
                               "&category=uso", NULL), NGX_DECLINED);
    assert_errors("email=field_repeated");
}


static void
verified_needs_no_email(void **state)
{
    ticket.verified = 1;
    assert_int_equal(from_form("subject=a&description=b&category=uso", NULL),
                     NGX_OK);
    again();

    ticket.verified = 1;
    assert_int_equal(from_form("subject=a&description=b&category=uso&email=x",
                               NULL), NGX_DECLINED);
    assert_errors("email=email_bad");
}


/* N characters pass, N + 1 do not, whatever their bytes */

static void
limits_in_characters(void **state)
{
    char         email[300];
    const char  *more;
    ngx_uint_t   i;

    static const struct {
        const char  *field;
        size_t       max;
        const char  *code;
        const char  *more;
    } rows[] = {
        { "subject", 140, "subject=subject_long",
          ",\"description\":\"D\"" REST },
        { "description", 20000, "description=description_long",
          ",\"subject\":\"S\"" REST },
        { "name", 140, "name=name_long",
          ",\"subject\":\"S\",\"description\":\"D\"" REST }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(from_json(body_with(rows[i].field, N, rows[i].max,
                                             rows[i].more)), NGX_OK);
        again();
        assert_int_equal(from_json(body_with(rows[i].field, N,
                                             rows[i].max + 1, rows[i].more)),
                         NGX_DECLINED);
        assert_errors(rows[i].code);
        again();
    }

    more = ",\"subject\":\"S\",\"description\":\"D\"" REST;
    assert_int_equal(from_json(body_with("phone", "1", 32, more)), NGX_OK);
    again();
    assert_int_equal(from_json(body_with("phone", "1", 33, more)),
                     NGX_DECLINED);
    assert_errors("phone=phone_long");
    again();

    /* CR LF counts once */

    assert_int_equal(from_json(body_with("description", "a\\r\\n", 10000,
                                         ",\"subject\":\"S\"" REST)), NGX_OK);
    assert_int_equal(ticket.description.len, 19999);
    again();

    memset(email, 'a', sizeof(email));
    memcpy(email, "a@", 2);

    for (i = 60; i < sizeof(email); i += 60) {
        email[i] = '.';
    }

    more = ",\"subject\":\"S\",\"description\":\"D\",\"category\":\"uso\"";
    email[254] = '\0';
    assert_int_equal(from_json(body_with("email", email, 1, more)), NGX_OK);
    again();
    email[254] = 'a';
    email[255] = '\0';
    assert_int_equal(from_json(body_with("email", email, 1, more)),
                     NGX_DECLINED);
    assert_errors("email=email_long");
}


static void
tidied_and_kept(void **state)
{
    assert_int_equal(from_json(
        "{\"subject\":\" a\\u202eb\\u0007c\\n\\td \",\"name\":"
        "\"\\u2066Ana\\u2069\",\"description\":\"\\n\\n a\\rb\\r\\n\\r\\nc"
        "\\u001b[0m\\u202e \\n\"" REST "}"), NGX_OK);

    assert_true(is(&ticket.subject, "abc d"));
    assert_true(is(&ticket.subject_raw, "a\xe2\x80\xae" "b\x07" "c\n\td"));
    assert_true(is(&ticket.name, "Ana"));
    assert_true(is(&ticket.name_raw, "\xe2\x81\xa6" "Ana\xe2\x81\xa9"));

    /* a description keeps all but controls, line ends, blanks around it */

    assert_true(is(&ticket.description, "a\nb\n\nc[0m\xe2\x80\xae"));
    again();

    assert_int_equal(from_json("{\"subject\":\"\\u202e\\u200b\",\"description"
                               "\":\"\\u3000\"" REST "}"), NGX_DECLINED);
    assert_errors("subject=subject_missing "
                  "description=description_missing");
    again();

    /* what is kept as it came has its limit too */

    assert_int_equal(from_json(body_with("subject", "a\\u202e", 140,
                                         ",\"description\":\"D\"" REST)),
                     NGX_OK);
    again();
    assert_int_equal(from_json(body_with("subject", "a\\u202e\\u202e\\u202e",
                                         140, ",\"description\":\"D\"" REST)),
                     NGX_DECLINED);
    assert_errors("subject=subject_long");
}


/* a tree or a form from elsewhere than our own readers */

static void
text_is_not_trusted(void **state)
{
    ngx_str_t             bad = ngx_string("a\xc3"), nul = ngx_string("a\0b");
    ngx_str_t             good = ngx_string("{}");
    ngx_soporte_value_t  *root, *context;

    root = ngx_soporte_value_add(&tm.mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    ngx_soporte_value_str(&tm.mem, root, "subject", &bad);
    ngx_soporte_value_str(&tm.mem, root, "description", &nul);
    ngx_soporte_value_str(&tm.mem, root, "email", &nul);
    context = ngx_soporte_value_add(&tm.mem, root, "context",
                                    NGX_SOPORTE_OBJECT);
    ngx_soporte_value_str(&tm.mem, context, "a", &nul);

    assert_int_equal(ngx_soporte_ticket_from_json(&tm.mem, &ticket, root,
                                                  &policy, &errors),
                     NGX_DECLINED);
    assert_errors("context=context_bad subject=subject_bad "
                  "description=description_bad category=category_missing "
                  "email=email_bad");
    again();

    root = ngx_soporte_value_add(&tm.mem, NULL, NULL, NGX_SOPORTE_OBJECT);
    context = ngx_soporte_value_add(&tm.mem, root, "context",
                                    NGX_SOPORTE_OBJECT);
    ngx_soporte_value_str(&tm.mem, context, "a\xff", &good);
    ngx_soporte_ticket_from_json(&tm.mem, &ticket, root, &policy, &errors);
    assert_null(ticket.context);
    assert_true(is(&errors.list[0].code, "context_bad"));
}


static void
phones(void **state)
{
    char        body[256];
    ngx_uint_t  i;

    static const char  *good[] = {
        "", "5512345678", "+52 55 1234 5678", "(800) 788-0081 x3",
        "01.800/788*#1", "1"
    };

    static const char  *bad[] = {
        "+", "no tengo", "55\\t12", "55<b>", "\xd9\xa1\xd9\xa2", "1 \xc3\xb1",
        "1\\r\\n2", "1\\\"2"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        sprintf(body, "{\"phone\":\"%s\",\"subject\":\"S\",\"description\":"
                "\"D\"" REST "}", good[i]);
        assert_int_equal(from_json(body), NGX_OK);
        assert_true(is(&ticket.phone, good[i]));
        again();
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sprintf(body, "{\"phone\":\"%s\",\"subject\":\"S\",\"description\":"
                "\"D\"" REST "}", bad[i]);
        assert_int_equal(from_json(body), NGX_DECLINED);
        assert_errors("phone=phone_bad");
        again();
    }
}


static void
context_limits(void **state)
{
    char        text[9000], *p;
    ngx_uint_t  i, depth;

    for (depth = 8; depth <= 9; depth++) {
        p = text;

        for (i = 1; i < depth; i++) {
            p += sprintf(p, "{\"a\":");
        }

        p += sprintf(p, "[1]");

        for (i = 1; i < depth; i++) {
            *p++ = '}';
        }

        *p = '\0';

        assert_int_equal(from_form("subject=a&description=b&category=uso"
                                   "&email=a%40x", tree(text)),
                         depth == 8 ? NGX_OK : NGX_DECLINED);
        assert_errors(depth == 8 ? "" : "context=context_deep");
        again();
    }

    /* {"k":"<8184 bytes>"} has 8192 */

    for (i = 8184; i <= 8185; i++) {
        p = text + sprintf(text, "{\"k\":\"");
        memset(p, '<', i);
        strcpy(p + i, "\"}");

        assert_int_equal(from_form("subject=a&description=b&category=uso"
                                   "&email=a%40x", tree(text)),
                         i == 8184 ? NGX_OK : NGX_DECLINED);
        assert_errors(i == 8184 ? "" : "context=context_large");
        again();
    }

    /* and so have numbers and commas: [-10,-10,...] */

    for (i = 0; i < 2; i++) {
        p = text + sprintf(text, "{\"k\":[-1%s", i ? "0" : "");

        while (p < text + 8189 + i) {
            p += sprintf(p, ",0");
        }

        assert_int_equal(p - text, 8190 + i);
        strcpy(p, "]}");

        assert_int_equal(from_form("subject=a&description=b&category=uso"
                                   "&email=a%40x", tree(text)),
                         i == 0 ? NGX_OK : NGX_DECLINED);
        again();
    }
}


static void
errors_are_bounded(void **state)
{
    char        text[8192], *p;
    ngx_uint_t  i, k;

    p = text + sprintf(text, "{");

    for (i = 0; i < 40; i++) {
        p += sprintf(p, "\"%08d", (int) i);

        for (k = 0; k < 70; k++) {
            p += sprintf(p, N);
        }

        p += sprintf(p, "\":1,");
    }

    strcpy(p, "\"z\":1}");

    assert_int_equal(from_json(text), NGX_DECLINED);
    assert_int_equal(errors.n, NGX_SOPORTE_TICKET_ERRORS);
    assert_int_equal(errors.list[15].field.len, 8 + 56 * 2);
    assert_memory_equal(errors.list[15].field.data, "00000015", 8);
}


static void
files(void **state)
{
    ngx_soporte_ticket_file_t  file[6];

    memset(file, 0, sizeof(file));
    ticket.files = file;

    assert_int_equal(ngx_soporte_ticket_check_files(&ticket, &errors),
                     NGX_OK);

    ticket.nfiles = 5;
    file[0].size = 15 * 1024 * 1024;
    file[4].size = 10 * 1024 * 1024;
    assert_int_equal(ngx_soporte_ticket_check_files(&ticket, &errors),
                     NGX_OK);
    assert_errors("");

    file[1].size = 1;
    assert_int_equal(ngx_soporte_ticket_check_files(&ticket, &errors),
                     NGX_DECLINED);
    assert_errors("attachment=attachment_total");
    again();

    ticket.files = file;
    ticket.nfiles = 6;
    file[0].size = 15 * 1024 * 1024 + 1;
    file[1].size = UINT64_MAX / 4;
    assert_int_equal(ngx_soporte_ticket_check_files(&ticket, &errors),
                     NGX_DECLINED);
    assert_errors("attachment=attachment_many attachment=attachment_large "
                  "attachment=attachment_total");
}


static void
messages(void **state)
{
    ngx_str_t  in = ngx_string(" gracias\r\n"), body;

    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_OK);
    assert_true(is(&body, "gracias"));

    /* no terminal is commanded: C0, DEL, C1, in this order */

    in = (ngx_str_t) ngx_string("a\x1b[2J\b\tb\x7f" "c\xc2\x9b" "31m\xc2\x85"
                                "\xc3\xb1\xc2\xa0\r\rd");
    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_OK);
    assert_true(is(&body, "a[2J\tbc31m\xc3\xb1\xc2\xa0\n\nd"));

    in = (ngx_str_t) ngx_string("\xc2\x80\x1b");
    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_DECLINED);
    assert_errors("message=message_missing");
    errors.n = 0;
    in = (ngx_str_t) ngx_string(" gracias\r\n");

    in.len = 1;
    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_DECLINED);
    assert_errors("message=message_missing");

    in.data = malloc(20001);
    memset(in.data, 'x', 20001);
    in.len = 20001;
    errors.n = 0;
    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_DECLINED);
    assert_errors("message=message_long");
    errors.n = 0;
    in.len = 20000;
    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_OK);
    in.data[7] = '\0';
    assert_int_equal(ngx_soporte_ticket_message(&tm.mem, &in, &body, &errors),
                     NGX_DECLINED);
    assert_errors("message=message_bad");
    free(in.data);
}


static void
memory_refused(void **state)
{
    size_t                left;
    ngx_int_t             rc;
    ngx_soporte_value_t  *root;

    root = tree("{\"subject\":\"S\",\"description\":\"D\",\"name\":\"N\""
                REST "}");

    for (left = 1; /* void */ ; left++) {
        tm.left = left;
        memset(&ticket, 0, sizeof(ticket));
        rc = ngx_soporte_ticket_from_json(&tm.mem, &ticket, root, &policy,
                                          &errors);
        if (rc == NGX_OK) {
            break;
        }

        assert_int_equal(rc, NGX_ERROR);
    }

    assert_int_equal(left, 4);
}


static void
assert_rendered(void (*render)(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket), const char *text)
{
    test_out_t  to;

    test_out(&to);
    render(&to.out, &ticket);
    assert_false(to.out.failed);
    assert_string_equal(to.p, text);
    test_out_free(&to);
}


#define HEX32  "000102030405060708090a0b0c0d0e0f"                             \
               "101112131415161718191a1b1c1d1e1f"


static void
document(void **state)
{
    int                        i;
    ngx_soporte_ticket_file_t  file[2];

    assert_int_equal(from_json(
        "{\"subject\":\"\\u202eHola \\\"<b>\\\"\",\"description\":\"a\\r\\nb\","
        "\"category\":\"conectividad\",\"email\":\"a@x.mx\",\"phone\":\"1\","
        "\"name\":\"A\\u0007\",\"context\":{\"r\":\"/app\",\"n\":[1,null]}}"),
        NGX_OK);

    memset(file, 0, sizeof(file));

    for (i = 0; i < 32; i++) {
        ticket.body_sha256[i] = (u_char) i;
        file[1].sha256[i] = (u_char) i;
    }

    for (i = 0; i < 16; i++) {
        ticket.id[i] = (u_char) (i * 17);
    }

    ngx_str_set(&ticket.tenant, "acme");
    ngx_str_set(&ticket.node, "n1");
    ngx_str_set(&ticket.lang, "es");
    ngx_str_set(&ticket.user_id, "ana@x.mx");
    ticket.verified = 1;
    ticket.filed_at = 1795000000045ULL;
    ticket.reply_due = 1795003600;

    ngx_str_set(&file[0].name, "a-1");
    ngx_str_set(&file[0].filename, "\xc3\xb1.png");
    ngx_str_set(&file[0].type, "image/png");
    ngx_str_set(&file[1].name, "a-2");
    file[1].size = 26214400;
    ticket.files = file;
    ticket.nfiles = 2;

    assert_rendered(ngx_soporte_ticket_json,
        "{\"id\":\"00112233-4455-6677-8899-aabbccddeeff\","
        "\"folio\":\"SOP-AQF6D-VVQZ7\",\"tenant\":\"acme\","
        "\"subject\":\"Hola \\\"\\u003cb\\u003e\\\"\","
        "\"description\":\"a\\nb\",\"category\":\"conectividad\","
        "\"out_of_scope\":false,\"urgent\":true,\"queue\":\"infra\","
        "\"email\":\"a@x.mx\",\"name\":\"A\",\"phone\":\"1\","
        "\"verified\":true,\"user_id\":\"ana@x.mx\","
        "\"context\":{\"r\":\"/app\",\"n\":[1,null]},"
        "\"filed_at\":\"2026-11-18T11:06:40.045Z\","
        "\"reply_due\":\"2026-11-18T12:06:40Z\",\"node\":\"n1\","
        "\"lang\":\"es\",\"body_sha256\":\"" HEX32 "\","
        "\"original\":{\"subject\":\"\xe2\x80\xaeHola \\\"\\u003cb\\u003e\\\""
        "\",\"name\":\"A\\u0007\"},"
        "\"attachments\":[{\"name\":\"a-1\",\"filename\":\"\xc3\xb1.png\","
        "\"type\":\"image/png\",\"size\":0,\"sha256\":\""
        "00000000000000000000000000000000"
        "00000000000000000000000000000000\"},{\"name\":\"a-2\","
        "\"filename\":null,\"type\":null,\"size\":26214400,\"sha256\":\""
        HEX32 "\"}]}");
    again();

    ngx_str_set(&ticket.tenant, "acme");
    ngx_str_set(&ticket.node, "n1");
    ngx_str_set(&ticket.name_raw, "x");

    assert_rendered(ngx_soporte_ticket_json,
        "{\"id\":\"00000000-0000-0000-0000-000000000000\","
        "\"folio\":\"SOP-00000-00000\",\"tenant\":\"acme\","
        "\"subject\":null,\"description\":null,\"category\":null,"
        "\"out_of_scope\":false,\"urgent\":false,\"queue\":null,"
        "\"email\":null,\"name\":null,\"phone\":null,\"verified\":false,"
        "\"user_id\":null,\"context\":null,"
        "\"filed_at\":\"1970-01-01T00:00:00.000Z\",\"reply_due\":null,"
        "\"node\":\"n1\",\"lang\":null,\"body_sha256\":\""
        "00000000000000000000000000000000"
        "00000000000000000000000000000000\","
        "\"original\":{\"name\":\"x\"}}");
}


static void
canonical(void **state)
{
    ngx_soporte_ticket_file_t  file;

    assert_int_equal(from_json(
        "{\"subject\":\" S\",\"description\":\"a\\r\\nb\",\"category\":"
        "\"uso\",\"email\":\"a@x.mx\",\"context\":{\"r\":1}}"), NGX_OK);
    ngx_str_set(&ticket.tenant, "acme");

    assert_rendered(ngx_soporte_ticket_canonical,
                    "tenant 4 acme\nsubject 1 S\ndescription 3 a\nb\n"
                    "category 3 uso\nemail 6 a@x.mx\nname 0 \nphone 0 \n"
                    "context {\"r\":1}");

    /* what the server adds changes nothing */

    ticket.id[0] = 1;
    ticket.filed_at = 7;
    ticket.reply_due = 7;
    ticket.verified = 1;
    ngx_str_set(&ticket.user_id, "x");
    ngx_str_set(&ticket.node, "x");
    ngx_str_set(&ticket.lang, "en");
    ngx_str_set(&ticket.queue, "x");
    ticket.context = NULL;
    ticket.files = &file;
    ticket.nfiles = 1;
    memset(&file, 'h', sizeof(file));
    ngx_str_set(&file.filename, "f");

    assert_rendered(ngx_soporte_ticket_canonical,
                    "tenant 4 acme\nsubject 1 S\ndescription 3 a\nb\n"
                    "category 3 uso\nemail 6 a@x.mx\nname 0 \nphone 0 \n"
                    "filename 1 f\nsha256 32 "
                    "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh\n");
}


static void
message_document(void **state)
{
    test_out_t             to;
    ngx_soporte_message_t  message;

    memset(&message, 0, sizeof(message));
    memset(message.ticket, 'A', 16);
    ngx_str_set(&message.tenant, "acme");
    ngx_str_set(&message.node, "n1");
    ngx_str_set(&message.body, "hola\n\"");
    message.filed_at = 999;

    test_out(&to);
    ngx_soporte_message_json(&to.out, &message);
    assert_string_equal(to.p,
        "{\"kind\":\"message\",\"tenant\":\"acme\","
        "\"id\":\"00000000-0000-0000-0000-000000000000\","
        "\"ticket\":\"41414141-4141-4141-4141-414141414141\","
        "\"body\":\"hola\\n\\\"\","
        "\"filed_at\":\"1970-01-01T00:00:00.999Z\",\"node\":\"n1\","
        "\"body_sha256\":\"00000000000000000000000000000000"
        "00000000000000000000000000000000\"}");
    test_out_free(&to);

    test_out(&to);
    ngx_soporte_message_canonical(&to.out, &message);
    assert_string_equal(to.p, "tenant 4 acme\nticket 16 AAAAAAAAAAAAAAAA\n"
                              "body 6 hola\n\"\n");
    test_out_free(&to);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(good_form, setup, teardown),
        cmocka_unit_test_setup_teardown(good_json, setup, teardown),
        cmocka_unit_test_setup_teardown(all_mistakes_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(not_an_object, setup, teardown),
        cmocka_unit_test_setup_teardown(repeated_in_a_form, setup, teardown),
        cmocka_unit_test_setup_teardown(verified_needs_no_email, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(limits_in_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(tidied_and_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(text_is_not_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(phones, setup, teardown),
        cmocka_unit_test_setup_teardown(context_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
        cmocka_unit_test_setup_teardown(messages, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(document, setup, teardown),
        cmocka_unit_test_setup_teardown(canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(message_document, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
