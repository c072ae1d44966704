
/*
 * What a customer wrote becomes a ticket: taken from a form or from JSON,
 * tidied, checked, with every mistake told at once.
 *
 * Both sources are read into one table of texts first, so that a ticket is
 * judged in one place whichever way it came.
 */

#include <stddef.h>

#include "ngx_soporte_ticket.h"
#include "ngx_soporte_text.h"


#define NGX_SOPORTE_TICKET_TEXTS      6
#define NGX_SOPORTE_TICKET_KEY_SHOWN  64     /* characters of an unknown key */

/*
 * Bytes a character that is kept as it came, so that a subject of a few
 * letters can't bring along a megabyte of invisible ones.
 */
#define NGX_SOPORTE_TICKET_RAW        8


typedef enum {
    NGX_SOPORTE_TIDY_ENDS = 0,               /* blanks at both ends go */
    NGX_SOPORTE_TIDY_LINE,                   /* controls, bidi go as well */
    NGX_SOPORTE_TIDY_LINES                   /* line ends become LF */
} ngx_soporte_tidy_e;


typedef struct {
    const char          *name;
    size_t               offset;
    size_t               raw;                /* offset, 0: not kept */
    ngx_soporte_tidy_e   tidy;
    size_t               max;                /* characters, 0: not here */
    const char          *missing;            /* NULL: may be left out */
    const char          *too_long;
    const char          *bad;
} ngx_soporte_ticket_text_t;


/* what came, in the order of the table below */

typedef struct {
    ngx_str_t            value[NGX_SOPORTE_TICKET_TEXTS];
    ngx_uint_t           bad[NGX_SOPORTE_TICKET_TEXTS];
} ngx_soporte_ticket_input_t;


static ngx_int_t ngx_soporte_ticket_read(ngx_soporte_mem_t *mem,
    ngx_soporte_ticket_t *ticket, const ngx_soporte_ticket_input_t *input,
    const ngx_soporte_policy_t *policy, ngx_soporte_ticket_errors_t *errors);
static ngx_int_t ngx_soporte_ticket_text(ngx_soporte_mem_t *mem,
    ngx_soporte_ticket_t *ticket, const ngx_soporte_ticket_text_t *text,
    const ngx_str_t *value, ngx_uint_t bad,
    ngx_soporte_ticket_errors_t *errors);
static ngx_int_t ngx_soporte_ticket_tidy(ngx_soporte_mem_t *mem,
    ngx_soporte_tidy_e tidy, const ngx_str_t *in, ngx_str_t *out);
static size_t ngx_soporte_ticket_lines(u_char *dst, const u_char *src,
    size_t len);
static void ngx_soporte_ticket_trim(ngx_str_t *text);
static ngx_uint_t ngx_soporte_ticket_blank(uint32_t code);
static void ngx_soporte_ticket_category(ngx_soporte_ticket_t *ticket,
    const ngx_soporte_policy_t *policy, ngx_soporte_ticket_errors_t *errors);
static void ngx_soporte_ticket_email(ngx_soporte_ticket_t *ticket,
    ngx_soporte_ticket_errors_t *errors);
static void ngx_soporte_ticket_phone(ngx_soporte_ticket_t *ticket,
    ngx_soporte_ticket_errors_t *errors);
static void ngx_soporte_ticket_context(ngx_soporte_ticket_t *ticket,
    ngx_soporte_value_t *context, ngx_soporte_ticket_errors_t *errors);
static const char *ngx_soporte_ticket_weigh(const ngx_soporte_value_t *value,
    ngx_uint_t depth, size_t *size);
static void ngx_soporte_ticket_unknown(ngx_soporte_ticket_errors_t *errors,
    const ngx_str_t *key);


const char  *ngx_soporte_ticket_codes[] = {
    "subject_missing", "subject_long", "subject_bad",
    "description_missing", "description_long", "description_bad",
    "category_missing", "category_unknown",
    "email_missing", "email_long", "email_bad",
    "name_long", "name_bad",
    "phone_long", "phone_bad",
    "context_bad", "context_deep", "context_large",
    "attachment_many", "attachment_large", "attachment_total",
    "attachment_quota",
    "message_missing", "message_long", "message_bad",
    "field_repeated", "field_unknown", "body_bad",
    NULL
};


static const ngx_soporte_ticket_text_t  ngx_soporte_ticket_texts[] = {

    { "subject", offsetof(ngx_soporte_ticket_t, subject),
      offsetof(ngx_soporte_ticket_t, subject_raw), NGX_SOPORTE_TIDY_LINE,
      NGX_SOPORTE_TICKET_SUBJECT,
      "subject_missing", "subject_long", "subject_bad" },

    { "description", offsetof(ngx_soporte_ticket_t, description), 0,
      NGX_SOPORTE_TIDY_LINES, NGX_SOPORTE_TICKET_DESCRIPTION,
      "description_missing", "description_long", "description_bad" },

    { "category", offsetof(ngx_soporte_ticket_t, category), 0,
      NGX_SOPORTE_TIDY_ENDS, 0, "category_missing", NULL,
      "category_unknown" },

    { "email", offsetof(ngx_soporte_ticket_t, email), 0,
      NGX_SOPORTE_TIDY_ENDS, 0, NULL, NULL, "email_bad" },

    { "name", offsetof(ngx_soporte_ticket_t, name),
      offsetof(ngx_soporte_ticket_t, name_raw), NGX_SOPORTE_TIDY_LINE,
      NGX_SOPORTE_TICKET_NAME, NULL, "name_long", "name_bad" },

    { "phone", offsetof(ngx_soporte_ticket_t, phone), 0,
      NGX_SOPORTE_TIDY_ENDS, NGX_SOPORTE_TICKET_PHONE, NULL, "phone_long",
      "phone_bad" }
};


static const ngx_soporte_ticket_text_t  ngx_soporte_message_text = {
    "message", offsetof(ngx_soporte_ticket_t, description), 0,
    NGX_SOPORTE_TIDY_LINES, NGX_SOPORTE_TICKET_MESSAGE,
    "message_missing", "message_long", "message_bad"
};


ngx_int_t
ngx_soporte_ticket_from_form(ngx_soporte_mem_t *mem,
    ngx_soporte_ticket_t *ticket, const ngx_soporte_form_t *form,
    ngx_soporte_value_t *context, const ngx_soporte_policy_t *policy,
    ngx_soporte_ticket_errors_t *errors)
{
    ngx_str_t                   *value, *name;
    ngx_uint_t                   i, k, n;
    const char                  *field;
    ngx_soporte_ticket_input_t   input;

    ngx_memzero(&input, sizeof(ngx_soporte_ticket_input_t));

    for (i = 0; i <= NGX_SOPORTE_TICKET_TEXTS; i++) {
        field = (i < NGX_SOPORTE_TICKET_TEXTS)
                ? ngx_soporte_ticket_texts[i].name : "context";
        n = 0;

        for (k = 0; k < form->nfields; k++) {
            name = &form->fields[k].name;

            n += (name->len == ngx_strlen(field)
                  && ngx_strncmp(name->data, field, name->len) == 0);
        }

        /* two readers of such a body would see two tickets */

        if (n > 1) {
            ngx_soporte_ticket_error(errors, field, "field_repeated");
        }

        value = ngx_soporte_form_get(form, field);

        if (value && i < NGX_SOPORTE_TICKET_TEXTS) {
            input.value[i] = *value;
        }
    }

    ngx_soporte_ticket_context(ticket, context, errors);

    return ngx_soporte_ticket_read(mem, ticket, &input, policy, errors);
}


ngx_int_t
ngx_soporte_ticket_from_json(ngx_soporte_mem_t *mem,
    ngx_soporte_ticket_t *ticket, const ngx_soporte_value_t *root,
    const ngx_soporte_policy_t *policy, ngx_soporte_ticket_errors_t *errors)
{
    ngx_uint_t                   i;
    ngx_soporte_value_t         *child;
    ngx_soporte_ticket_input_t   input;

    if (root == NULL || root->type != NGX_SOPORTE_OBJECT) {
        ngx_soporte_ticket_error(errors, "", "body_bad");
        return NGX_DECLINED;
    }

    ngx_memzero(&input, sizeof(ngx_soporte_ticket_input_t));

    for (child = root->first; child; child = child->next) {

        for (i = 0; i < NGX_SOPORTE_TICKET_TEXTS; i++) {

            if (child->name.len
                == ngx_strlen(ngx_soporte_ticket_texts[i].name)
                && ngx_strncmp(child->name.data,
                               ngx_soporte_ticket_texts[i].name,
                               child->name.len)
                   == 0)
            {
                break;
            }
        }

        if (i < NGX_SOPORTE_TICKET_TEXTS) {

            if (child->type == NGX_SOPORTE_STRING) {
                input.value[i] = child->str;

            } else if (child->type != NGX_SOPORTE_NULL) {
                input.bad[i] = 1;
            }

            continue;
        }

        if (child->name.len == sizeof("context") - 1
            && ngx_strncmp(child->name.data, "context", child->name.len) == 0)
        {
            ngx_soporte_ticket_context(ticket, child, errors);
            continue;
        }

        ngx_soporte_ticket_unknown(errors, &child->name);
    }

    return ngx_soporte_ticket_read(mem, ticket, &input, policy, errors);
}


static ngx_int_t
ngx_soporte_ticket_read(ngx_soporte_mem_t *mem, ngx_soporte_ticket_t *ticket,
    const ngx_soporte_ticket_input_t *input,
    const ngx_soporte_policy_t *policy, ngx_soporte_ticket_errors_t *errors)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SOPORTE_TICKET_TEXTS; i++) {

        if (ngx_soporte_ticket_text(mem, ticket, &ngx_soporte_ticket_texts[i],
                                    &input->value[i], input->bad[i], errors)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    ngx_soporte_ticket_category(ticket, policy, errors);
    ngx_soporte_ticket_email(ticket, errors);
    ngx_soporte_ticket_phone(ticket, errors);

    return errors->n ? NGX_DECLINED : NGX_OK;
}


/* NGX_DECLINED: an error was told */

static ngx_int_t
ngx_soporte_ticket_text(ngx_soporte_mem_t *mem, ngx_soporte_ticket_t *ticket,
    const ngx_soporte_ticket_text_t *text, const ngx_str_t *value,
    ngx_uint_t bad, ngx_soporte_ticket_errors_t *errors)
{
    ngx_str_t  *dst, raw;

    dst = (ngx_str_t *) ((u_char *) ticket + text->offset);

    /* what is no text can't be shown again either */

    if (bad || (value->len
                && !ngx_soporte_utf8_valid(value->data, value->len)))
    {
        ngx_soporte_ticket_error(errors, text->name, text->bad);
        return NGX_DECLINED;
    }

    if (ngx_soporte_ticket_tidy(mem, text->tidy, value, dst) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text->raw) {
        raw = *value;
        ngx_soporte_ticket_trim(&raw);

        if (raw.len > text->max * NGX_SOPORTE_TICKET_RAW) {
            ngx_soporte_ticket_error(errors, text->name, text->too_long);
            return NGX_DECLINED;
        }

        if (raw.len != dst->len
            || (raw.len && ngx_memcmp(raw.data, dst->data, raw.len) != 0))
        {
            *(ngx_str_t *) ((u_char *) ticket + text->raw) = raw;
        }
    }

    if (dst->len == 0) {

        if (text->missing) {
            ngx_soporte_ticket_error(errors, text->name, text->missing);
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (text->max && ngx_soporte_utf8_length(dst->data, dst->len) > text->max)
    {
        ngx_soporte_ticket_error(errors, text->name, text->too_long);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_ticket_tidy(ngx_soporte_mem_t *mem, ngx_soporte_tidy_e tidy,
    const ngx_str_t *in, ngx_str_t *out)
{
    *out = *in;

    if (in->len && tidy != NGX_SOPORTE_TIDY_ENDS) {
        out->data = ngx_soporte_alloc(mem, in->len);

        if (out->data == NULL) {
            return NGX_ERROR;
        }

        out->len = (tidy == NGX_SOPORTE_TIDY_LINE)
                   ? ngx_soporte_text_clean(out->data, in->data, in->len)
                   : ngx_soporte_ticket_lines(out->data, in->data, in->len);
    }

    ngx_soporte_ticket_trim(out);

    return NGX_OK;
}


/*
 * CR LF, as forms send it, and a lone CR become LF.  Of C0 but TAB and LF stay,
 * DEL and C1 do not: they command the terminal of who reads it.
 */

static size_t
ngx_soporte_ticket_lines(u_char *dst, const u_char *src, size_t len)
{
    u_char        *d;
    uint32_t       code;
    const u_char  *s, *end;

    d = dst;
    end = src + len;

    while (src < end) {
        s = src;
        code = ngx_soporte_utf8_next(&src, end);

        if (code == '\r') {

            if (src == end || *src != '\n') {
                *d++ = '\n';
            }

            continue;
        }

        if ((code < 0x20 && code != '\n' && code != '\t')
            || (code >= 0x7f && code <= 0x9f))
        {
            continue;
        }

        while (s < src) {
            *d++ = *s++;
        }
    }

    return d - dst;
}


/* a text of nothing but blanks, of whatever width, is no text */

static void
ngx_soporte_ticket_trim(ngx_str_t *text)
{
    const u_char  *p, *next, *end, *last;

    if (text->len == 0) {
        return;
    }

    p = text->data;
    end = p + text->len;

    while (p < end) {
        next = p;

        if (!ngx_soporte_ticket_blank(ngx_soporte_utf8_next(&next, end))) {
            break;
        }

        p = next;
    }

    text->data = (u_char *) p;
    last = p;

    while (p < end) {
        if (!ngx_soporte_ticket_blank(ngx_soporte_utf8_next(&p, end))) {
            last = p;
        }
    }

    text->len = last - text->data;
}


static ngx_uint_t
ngx_soporte_ticket_blank(uint32_t code)
{
    return (code >= '\t' && code <= '\r')
           || code == ' ' || code == 0x85 || code == 0xa0 || code == 0x1680
           || (code >= 0x2000 && code <= 0x200b)
           || code == 0x2028 || code == 0x2029 || code == 0x202f
           || code == 0x205f || code == 0x2060 || code == 0x3000
           || code == 0xfeff;
}


static void
ngx_soporte_ticket_category(ngx_soporte_ticket_t *ticket,
    const ngx_soporte_policy_t *policy, ngx_soporte_ticket_errors_t *errors)
{
    ngx_soporte_category_t  *category;

    if (ticket->category.len == 0) {
        return;
    }

    category = ngx_soporte_policy_category(policy, &ticket->category);

    if (category == NULL) {
        ngx_soporte_ticket_error(errors, "category", "category_unknown");
        return;
    }

    ticket->category = category->id;
    ticket->queue = category->queue;
    ticket->urgent = category->urgent;
    ticket->out_of_scope = !category->included;
}


static void
ngx_soporte_ticket_email(ngx_soporte_ticket_t *ticket,
    ngx_soporte_ticket_errors_t *errors)
{
    ngx_uint_t  i;

    if (ticket->email.len == 0) {

        for (i = 0; i < errors->n; i++) {
            if (errors->list[i].field.len == sizeof("email") - 1
                && ngx_strncmp(errors->list[i].field.data, "email", 5) == 0)
            {
                return;
            }
        }

        if (!ticket->verified) {
            ngx_soporte_ticket_error(errors, "email", "email_missing");
        }

        return;
    }

    if (ticket->email.len > NGX_SOPORTE_TICKET_EMAIL) {
        ngx_soporte_ticket_error(errors, "email", "email_long");

    } else if (!ngx_soporte_form_email(&ticket->email)) {
        ngx_soporte_ticket_error(errors, "email", "email_bad");
    }
}


/* written as people write it: "+52 (55) 1234-5678 ext. 9" */

static void
ngx_soporte_ticket_phone(ngx_soporte_ticket_t *ticket,
    ngx_soporte_ticket_errors_t *errors)
{
    u_char              ch;
    size_t              i;
    ngx_uint_t          digits;
    static const char   marks[] = " +-()./,;:#*";

    digits = 0;

    if (ticket->phone.len == 0
        || ngx_soporte_utf8_length(ticket->phone.data, ticket->phone.len)
           > NGX_SOPORTE_TICKET_PHONE)
    {
        return;
    }

    for (i = 0; i < ticket->phone.len; i++) {
        ch = ticket->phone.data[i];

        if (ch >= '0' && ch <= '9') {
            digits++;
            continue;
        }

        if (!((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            && memchr(marks, ch, sizeof(marks) - 1) == NULL)
        {
            digits = 0;
            break;
        }
    }

    if (digits == 0) {
        ngx_soporte_ticket_error(errors, "phone", "phone_bad");
    }
}


static void
ngx_soporte_ticket_context(ngx_soporte_ticket_t *ticket,
    ngx_soporte_value_t *context, ngx_soporte_ticket_errors_t *errors)
{
    size_t       size;
    const char  *code;

    if (context == NULL || context->type == NGX_SOPORTE_NULL) {
        return;
    }

    if (context->type != NGX_SOPORTE_OBJECT) {
        ngx_soporte_ticket_error(errors, "context", "context_bad");
        return;
    }

    size = 0;
    code = ngx_soporte_ticket_weigh(context, 1, &size);

    if (code) {
        ngx_soporte_ticket_error(errors, "context", code);
        return;
    }

    ticket->context = context;
}


/*
 * Bytes of JSON without white space and without escapes, of which there are
 * several ways; NULL or the code of the first mistake.  Recursion ends with
 * the depth allowed.
 */

static const char *
ngx_soporte_ticket_weigh(const ngx_soporte_value_t *value, ngx_uint_t depth,
    size_t *size)
{
    u_char                      number[NGX_INT64_LEN];
    const char                 *code;
    const ngx_soporte_value_t  *child;

    *size += value->str.len;

    if (value->str.len
        && !ngx_soporte_utf8_valid(value->str.data, value->str.len))
    {
        return "context_bad";
    }

    switch (value->type) {

    case NGX_SOPORTE_STRING:
        *size += 2;
        break;

    case NGX_SOPORTE_INTEGER:
        *size += ngx_soporte_text_int64(number, value->num) - number;
        break;

    case NGX_SOPORTE_REAL:
        break;

    case NGX_SOPORTE_LIST:
    case NGX_SOPORTE_OBJECT:

        if (depth > NGX_SOPORTE_TICKET_DEPTH) {
            return "context_deep";
        }

        *size += 2;

        for (child = value->first; child; child = child->next) {

            if (child->name.len
                && !ngx_soporte_utf8_valid(child->name.data, child->name.len))
            {
                return "context_bad";
            }

            /* "name": and a comma */

            *size += (child != value->first)
                     + (value->type == NGX_SOPORTE_OBJECT
                        ? child->name.len + 3 : 0);

            code = ngx_soporte_ticket_weigh(child, depth + 1, size);

            if (code) {
                return code;
            }
        }

        break;

    default:                                 /* null, true, false */
        *size += (value->type == NGX_SOPORTE_FALSE) ? 5 : 4;
    }

    return *size > NGX_SOPORTE_TICKET_CONTEXT ? "context_large" : NULL;
}


/* the key is the sender's: cut, so that no answer grows by it */

static void
ngx_soporte_ticket_unknown(ngx_soporte_ticket_errors_t *errors,
    const ngx_str_t *key)
{
    ngx_soporte_ticket_error_t  *error;

    if (errors->n == NGX_SOPORTE_TICKET_ERRORS) {
        return;
    }

    error = &errors->list[errors->n++];

    ngx_str_set(&error->code, "field_unknown");
    error->field = *key;

    if (key->len) {
        error->field.len = ngx_soporte_utf8_prefix(key->data, key->len,
                                                 NGX_SOPORTE_TICKET_KEY_SHOWN);
    }
}


void
ngx_soporte_ticket_error(ngx_soporte_ticket_errors_t *errors,
    const char *field, const char *code)
{
    ngx_soporte_ticket_error_t  *error;

    if (errors->n == NGX_SOPORTE_TICKET_ERRORS) {
        return;
    }

    error = &errors->list[errors->n++];

    error->field.data = (u_char *) field;
    error->field.len = ngx_strlen(field);
    error->code.data = (u_char *) code;
    error->code.len = ngx_strlen(code);
}


ngx_int_t
ngx_soporte_ticket_check_files(const ngx_soporte_ticket_t *ticket,
    ngx_soporte_ticket_errors_t *errors)
{
    uint64_t    total;
    ngx_int_t   rc;
    ngx_uint_t  i, large;

    rc = NGX_OK;
    total = 0;
    large = 0;

    for (i = 0; i < ticket->nfiles; i++) {
        total += ticket->files[i].size;
        large += (ticket->files[i].size > NGX_SOPORTE_TICKET_FILE_SIZE);
    }

    if (ticket->nfiles > NGX_SOPORTE_TICKET_FILES) {
        ngx_soporte_ticket_error(errors, "attachment", "attachment_many");
        rc = NGX_DECLINED;
    }

    if (large) {
        ngx_soporte_ticket_error(errors, "attachment", "attachment_large");
        rc = NGX_DECLINED;
    }

    if (total > NGX_SOPORTE_TICKET_FILES_SIZE) {
        ngx_soporte_ticket_error(errors, "attachment", "attachment_total");
        rc = NGX_DECLINED;
    }

    return rc;
}


ngx_int_t
ngx_soporte_ticket_message(ngx_soporte_mem_t *mem, const ngx_str_t *in,
    ngx_str_t *body, ngx_soporte_ticket_errors_t *errors)
{
    ngx_int_t             rc;
    ngx_soporte_ticket_t  ticket;

    ngx_memzero(&ticket, sizeof(ngx_soporte_ticket_t));

    rc = ngx_soporte_ticket_text(mem, &ticket, &ngx_soporte_message_text, in,
                                 0, errors);
    *body = ticket.description;

    return rc;
}
