
/*
 * Prevents: a form that crashes its readers, a field that is not what was
 * sent, a ticket that was accepted and is no good JSON.
 *
 * An input is a urlencoded body; the same bytes serve as arguments, Cookie
 * header, e-mail address, folio and token.
 */

#include "fuzz.h"
#include "ngx_soporte_folio.h"
#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_ticket.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_soporte_category_t  category = {
    .id = ngx_string("uso"), .queue = ngx_string("q"), .included = 1,
    .response = -1
};

static ngx_soporte_policy_t  policy = {
    .categories = &category, .ncategories = 1
};


static void
fuzz_encode(fuzz_out_t *fo, const ngx_str_t *text)
{
    u_char  *p;

    p = malloc(text->len * 3 + 1);
    ngx_soporte_out(&fo->out, p,
                    ngx_soporte_text_uri(p, text->data, text->len) - p);
    free(p);
}


/* written again and read again, the fields are the same */

static void
fuzz_again(fuzz_mem_t *fm, const ngx_soporte_form_t *form)
{
    ngx_str_t             body;
    fuzz_out_t            fo;
    ngx_uint_t            i;
    ngx_soporte_form_t    again;
    ngx_soporte_field_t  *a, *b;

    fuzz_out(&fo, SIZE_MAX);

    for (i = 0; i < form->nfields; i++) {
        fuzz_encode(&fo, &form->fields[i].name);
        ngx_soporte_out(&fo.out, "=", 1);
        fuzz_encode(&fo, &form->fields[i].value);
        ngx_soporte_out(&fo.out, "&", 1);
    }

    body.data = fo.p;
    body.len = fo.len;

    fuzz_check(ngx_soporte_form_parse(&fm->mem, &body, fo.len, &again)
               == NGX_OK);
    fuzz_check(again.nfields == form->nfields);

    for (i = 0; i < form->nfields; i++) {
        a = &form->fields[i];
        b = &again.fields[i];

        fuzz_check(a->name.len <= NGX_SOPORTE_FORM_NAME);
        fuzz_check(a->name.len == b->name.len
                   && a->value.len == b->value.len);
        fuzz_check(memcmp(a->name.data, b->name.data, a->name.len) == 0);
        fuzz_check(memcmp(a->value.data, b->value.data, a->value.len) == 0);
        fuzz_check(ngx_soporte_utf8_valid(a->value.data, a->value.len));
    }

    fuzz_out_free(&fo);
}


static void
fuzz_ticket(fuzz_mem_t *fm, const ngx_soporte_form_t *form)
{
    ngx_int_t                     rc;
    ngx_str_t                    *text;
    fuzz_out_t                    fo;
    ngx_uint_t                    i;
    ngx_soporte_value_t          *root, *context, *value;
    ngx_soporte_ticket_t          ticket;
    ngx_soporte_json_error_t      err;
    ngx_soporte_json_limits_t     limits = { 16 };
    ngx_soporte_ticket_errors_t   errors;

    memset(&ticket, 0, sizeof(ticket));
    memset(&errors, 0, sizeof(errors));

    context = NULL;
    text = ngx_soporte_form_get(form, "context");

    if (text) {
        context = ngx_soporte_json_parse(&fm->mem, text->data, text->len,
                                         &limits, &err);
    }

    rc = ngx_soporte_ticket_from_form(&fm->mem, &ticket, form, context,
                                      &policy, &errors);

    fuzz_check(rc == (errors.n ? NGX_DECLINED : NGX_OK));
    fuzz_check(errors.n <= NGX_SOPORTE_TICKET_ERRORS);

    for (i = 0; i < errors.n; i++) {
        fuzz_check(errors.list[i].code.len > 0);
    }

    if (rc != NGX_OK) {
        return;
    }

    fuzz_check(ngx_soporte_form_email(&ticket.email));
    fuzz_check(ngx_soporte_utf8_length(ticket.subject.data,
                                       ticket.subject.len) <= 140);
    fuzz_check(ticket.subject_raw.len <= 140 * 8);

    ngx_str_set(&ticket.tenant, "acme");
    ngx_soporte_ticket_json(fuzz_out(&fo, SIZE_MAX), &ticket);

    root = ngx_soporte_json_parse(&fm->mem, fo.p, fo.len, &limits, &err);
    fuzz_check(root != NULL);

    value = ngx_soporte_value_get(root, "description");
    fuzz_check(value->str.len == ticket.description.len);
    fuzz_check(memcmp(value->str.data, ticket.description.data,
                      ticket.description.len) == 0);

    fuzz_out_free(&fo);
}


/* what a person or a link may bring along */

static void
fuzz_slices(fuzz_mem_t *fm, const ngx_str_t *text)
{
    u_char     folio[NGX_SOPORTE_FOLIO_LEN], again[NGX_SOPORTE_FOLIO_LEN];
    u_char     id[NGX_SOPORTE_ID_LEN], token[32], back[43];
    ngx_str_t  value;

    if (ngx_soporte_form_arg(&fm->mem, text, "a", &value) == NGX_OK) {
        fuzz_check(value.len == 0
                   || ngx_soporte_utf8_valid(value.data, value.len));
    }

    if (ngx_soporte_form_cookie(text, "a", &value) == NGX_OK) {
        fuzz_check(value.data >= text->data
                   && value.data + value.len <= text->data + text->len);
    }

    (void) ngx_soporte_form_email(text);
    (void) ngx_soporte_uuid_parse(id, text);

    if (ngx_soporte_folio_parse(folio, text) == NGX_OK) {
        value.data = folio;
        value.len = sizeof(folio);
        fuzz_check(ngx_soporte_folio_parse(again, &value) == NGX_OK);
        fuzz_check(memcmp(folio, again, sizeof(folio)) == 0);
    }

    if (ngx_soporte_base64url_decode(token, sizeof(token), text) == NGX_OK) {
        ngx_soporte_base64url_encode(back, token, sizeof(token));
        fuzz_check(memcmp(back, text->data, sizeof(back)) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char              *copy;
    ngx_int_t            rc;
    ngx_str_t            body;
    fuzz_mem_t           fm;
    ngx_soporte_form_t   form;

    fuzz_mem(&fm);

    copy = malloc(size ? size : 1);

    if (size) {
        memcpy(copy, data, size);
    }

    body.data = copy;
    body.len = size;

    fuzz_slices(&fm, &body);
    rc = ngx_soporte_form_parse(&fm.mem, &body, size, &form);
    free(copy);

    if (rc == NGX_OK) {
        fuzz_check(form.nfields <= NGX_SOPORTE_FORM_FIELDS);
        fuzz_again(&fm, &form);
        fuzz_ticket(&fm, &form);

    } else {
        fuzz_check(rc == NGX_DECLINED);
        fuzz_check(form.error != NGX_SOPORTE_FORM_GOOD);
        fuzz_check(form.field.len <= NGX_SOPORTE_FORM_NAME);
        fuzz_check(form.field.len == 0
                   || ngx_soporte_utf8_valid(form.field.data,
                                             form.field.len));
    }

    fuzz_mem_free(&fm);

    return 0;
}
