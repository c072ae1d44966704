
/*
 * The documents in which a ticket and a message travel, and the canonical
 * bytes by which a repetition is told from a change.
 */

#include "ngx_soporte_ticket.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


#define ngx_soporte_ticket_puts(out, s)                                       \
    ngx_soporte_out(out, s, sizeof(s) - 1)


static void ngx_soporte_ticket_member(ngx_soporte_out_t *out, const char *name,
    const ngx_str_t *text);
static void ngx_soporte_ticket_key(ngx_soporte_out_t *out, const char *name);
static void ngx_soporte_ticket_quoted(ngx_soporte_out_t *out, const u_char *p,
    size_t len);
static void ngx_soporte_ticket_id(ngx_soporte_out_t *out, const char *name,
    const u_char *id);
static void ngx_soporte_ticket_bool(ngx_soporte_out_t *out, const char *name,
    ngx_uint_t yes);
static void ngx_soporte_ticket_ms(ngx_soporte_out_t *out, const char *name,
    uint64_t ms);
static void ngx_soporte_ticket_digest(ngx_soporte_out_t *out, const char *name,
    const u_char *digest);
static void ngx_soporte_ticket_original(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket);
static void ngx_soporte_ticket_files(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket);
static void ngx_soporte_canonical_text(ngx_soporte_out_t *out,
    const char *name, const u_char *p, size_t len);


void
ngx_soporte_ticket_json(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket)
{
    u_char  folio[NGX_SOPORTE_FOLIO_LEN], time[NGX_SOPORTE_TIME_LEN], *p;

    ngx_soporte_ticket_puts(out, "{");
    ngx_soporte_ticket_id(out, "id", ticket->id);

    (void) ngx_soporte_folio_format(folio, ticket->id);

    ngx_soporte_ticket_key(out, ",folio");
    ngx_soporte_ticket_quoted(out, folio, NGX_SOPORTE_FOLIO_LEN);

    ngx_soporte_ticket_member(out, ",tenant", &ticket->tenant);
    ngx_soporte_ticket_member(out, ",subject", &ticket->subject);
    ngx_soporte_ticket_member(out, ",description", &ticket->description);
    ngx_soporte_ticket_member(out, ",category", &ticket->category);
    ngx_soporte_ticket_bool(out, ",out_of_scope", ticket->out_of_scope);
    ngx_soporte_ticket_bool(out, ",urgent", ticket->urgent);
    ngx_soporte_ticket_member(out, ",queue", &ticket->queue);
    ngx_soporte_ticket_member(out, ",email", &ticket->email);
    ngx_soporte_ticket_member(out, ",name", &ticket->name);
    ngx_soporte_ticket_member(out, ",phone", &ticket->phone);
    ngx_soporte_ticket_bool(out, ",verified", ticket->verified);
    ngx_soporte_ticket_member(out, ",user_id", &ticket->user_id);

    ngx_soporte_ticket_key(out, ",context");

    if (ticket->context) {
        ngx_soporte_value_json(out, ticket->context);

    } else {
        ngx_soporte_ticket_puts(out, "null");
    }

    ngx_soporte_ticket_ms(out, ",filed_at", ticket->filed_at);
    ngx_soporte_ticket_key(out, ",reply_due");

    if (ticket->reply_due) {
        p = ngx_soporte_time_rfc3339(time, ticket->reply_due, 0);
        ngx_soporte_ticket_quoted(out, time, p - time);

    } else {
        ngx_soporte_ticket_puts(out, "null");
    }

    ngx_soporte_ticket_member(out, ",node", &ticket->node);
    ngx_soporte_ticket_member(out, ",lang", &ticket->lang);
    ngx_soporte_ticket_digest(out, ",body_sha256", ticket->body_sha256);

    ngx_soporte_ticket_original(out, ticket);
    ngx_soporte_ticket_files(out, ticket);

    ngx_soporte_ticket_puts(out, "}");
}


void
ngx_soporte_message_json(ngx_soporte_out_t *out,
    const ngx_soporte_message_t *message)
{
    ngx_soporte_ticket_puts(out, "{\"kind\":\"message\"");

    ngx_soporte_ticket_member(out, ",tenant", &message->tenant);
    ngx_soporte_ticket_id(out, ",id", message->id);
    ngx_soporte_ticket_id(out, ",ticket", message->ticket);
    ngx_soporte_ticket_member(out, ",body", &message->body);
    ngx_soporte_ticket_ms(out, ",filed_at", message->filed_at);
    ngx_soporte_ticket_member(out, ",node", &message->node);
    ngx_soporte_ticket_digest(out, ",body_sha256", message->body_sha256);

    ngx_soporte_ticket_puts(out, "}");
}


/* name with the comma before it, if there is one; no text is null */

static void
ngx_soporte_ticket_member(ngx_soporte_out_t *out, const char *name,
    const ngx_str_t *text)
{
    ngx_soporte_ticket_key(out, name);

    if (text->len == 0) {
        ngx_soporte_ticket_puts(out, "null");
        return;
    }

    ngx_soporte_ticket_quoted(out, text->data, text->len);
}


static void
ngx_soporte_ticket_key(ngx_soporte_out_t *out, const char *name)
{
    if (*name == ',') {
        ngx_soporte_ticket_puts(out, ",");
        name++;
    }

    ngx_soporte_ticket_puts(out, "\"");
    ngx_soporte_out(out, name, ngx_strlen(name));
    ngx_soporte_ticket_puts(out, "\":");
}


static void
ngx_soporte_ticket_quoted(ngx_soporte_out_t *out, const u_char *p, size_t len)
{
    ngx_soporte_ticket_puts(out, "\"");
    ngx_soporte_text_json(out, p, len);
    ngx_soporte_ticket_puts(out, "\"");
}


static void
ngx_soporte_ticket_id(ngx_soporte_out_t *out, const char *name,
    const u_char *id)
{
    u_char  uuid[NGX_SOPORTE_UUID_LEN];

    (void) ngx_soporte_uuid_format(uuid, id);

    ngx_soporte_ticket_key(out, name);
    ngx_soporte_ticket_quoted(out, uuid, NGX_SOPORTE_UUID_LEN);
}


static void
ngx_soporte_ticket_bool(ngx_soporte_out_t *out, const char *name,
    ngx_uint_t yes)
{
    ngx_soporte_ticket_key(out, name);

    if (yes) {
        ngx_soporte_ticket_puts(out, "true");

    } else {
        ngx_soporte_ticket_puts(out, "false");
    }
}


/* RFC 3339 in UTC with milliseconds */

static void
ngx_soporte_ticket_ms(ngx_soporte_out_t *out, const char *name, uint64_t ms)
{
    u_char  time[NGX_SOPORTE_TIME_LEN + sizeof(".000") - 1], *p;

    p = ngx_soporte_time_rfc3339(time, (int64_t) (ms / 1000), 0);

    p[-1] = '.';                             /* in place of the Z */
    *p++ = (u_char) ('0' + ms / 100 % 10);
    *p++ = (u_char) ('0' + ms / 10 % 10);
    *p++ = (u_char) ('0' + ms % 10);
    *p++ = 'Z';

    ngx_soporte_ticket_key(out, name);
    ngx_soporte_ticket_quoted(out, time, p - time);
}


static void
ngx_soporte_ticket_digest(ngx_soporte_out_t *out, const char *name,
    const u_char *digest)
{
    u_char  hex[64];

    (void) ngx_soporte_text_hex(hex, digest, 32);

    ngx_soporte_ticket_key(out, name);
    ngx_soporte_ticket_quoted(out, hex, sizeof(hex));
}


static void
ngx_soporte_ticket_original(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket)
{
    if (ticket->subject_raw.len == 0 && ticket->name_raw.len == 0) {
        return;
    }

    ngx_soporte_ticket_key(out, ",original");
    ngx_soporte_ticket_puts(out, "{");

    if (ticket->subject_raw.len) {
        ngx_soporte_ticket_member(out, "subject", &ticket->subject_raw);
    }

    if (ticket->name_raw.len) {
        ngx_soporte_ticket_member(out, ticket->subject_raw.len ? ",name"
                                                               : "name",
                                  &ticket->name_raw);
    }

    ngx_soporte_ticket_puts(out, "}");
}


static void
ngx_soporte_ticket_files(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket)
{
    u_char                     *p, number[NGX_INT64_LEN];
    ngx_uint_t                  i;
    ngx_soporte_ticket_file_t  *file;

    if (ticket->nfiles == 0) {
        return;
    }

    ngx_soporte_ticket_key(out, ",attachments");

    for (i = 0; i < ticket->nfiles; i++) {
        file = &ticket->files[i];

        ngx_soporte_out(out, i ? ",{" : "[{", 2);
        ngx_soporte_ticket_member(out, "name", &file->name);
        ngx_soporte_ticket_member(out, ",filename", &file->filename);
        ngx_soporte_ticket_member(out, ",type", &file->type);

        p = ngx_soporte_text_uint64(number, file->size);

        ngx_soporte_ticket_key(out, ",size");
        ngx_soporte_out(out, number, p - number);

        ngx_soporte_ticket_digest(out, ",sha256", file->sha256);
        ngx_soporte_ticket_puts(out, "}");
    }

    ngx_soporte_ticket_puts(out, "]");
}


void
ngx_soporte_ticket_canonical(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket)
{
    ngx_uint_t                        i;
    const ngx_str_t                  *text;
    const ngx_soporte_ticket_file_t  *file;

    const struct {
        const char       *name;
        const ngx_str_t  *text;
    } texts[] = {
        { "tenant", &ticket->tenant },
        { "subject", &ticket->subject },
        { "description", &ticket->description },
        { "category", &ticket->category },
        { "email", &ticket->email },
        { "name", &ticket->name },
        { "phone", &ticket->phone }
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        text = texts[i].text;
        ngx_soporte_canonical_text(out, texts[i].name, text->data, text->len);
    }

    for (i = 0; i < ticket->nfiles; i++) {
        file = &ticket->files[i];
        ngx_soporte_canonical_text(out, "filename", file->filename.data,
                                   file->filename.len);
        ngx_soporte_canonical_text(out, "sha256", file->sha256, 32);
    }

    /* the last one: it needs no length to end */

    if (ticket->context) {
        ngx_soporte_ticket_puts(out, "context ");
        ngx_soporte_value_json(out, ticket->context);
    }
}


void
ngx_soporte_message_canonical(ngx_soporte_out_t *out,
    const ngx_soporte_message_t *message)
{
    ngx_soporte_canonical_text(out, "tenant", message->tenant.data,
                               message->tenant.len);
    ngx_soporte_canonical_text(out, "ticket", message->ticket,
                               NGX_SOPORTE_ID_LEN);
    ngx_soporte_canonical_text(out, "body", message->body.data,
                               message->body.len);
}


/* a name, the length, the bytes: no two lists of texts read the same */

static void
ngx_soporte_canonical_text(ngx_soporte_out_t *out, const char *name,
    const u_char *p, size_t len)
{
    u_char  *last, number[NGX_INT64_LEN];

    last = ngx_soporte_text_uint64(number, len);

    ngx_soporte_out(out, name, ngx_strlen(name));
    ngx_soporte_ticket_puts(out, " ");
    ngx_soporte_out(out, number, last - number);
    ngx_soporte_ticket_puts(out, " ");
    ngx_soporte_out(out, p, len);
    ngx_soporte_ticket_puts(out, "\n");
}
