
/*
 * The ticket: what a customer may say, how it is checked and tidied, and the
 * one JSON document in which it travels from the spool to PostgreSQL.
 *
 * All functions are pure and reentrant.  Lengths are in characters (Unicode
 * code points) after tidying unless bytes are said.
 */

#ifndef _NGX_SOPORTE_TICKET_H_INCLUDED_
#define _NGX_SOPORTE_TICKET_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_value.h"
#include "ngx_soporte_form.h"
#include "ngx_soporte_folio.h"
#include "ngx_soporte_policy.h"


#define NGX_SOPORTE_TICKET_SUBJECT        140
#define NGX_SOPORTE_TICKET_DESCRIPTION    20000
#define NGX_SOPORTE_TICKET_NAME           140
#define NGX_SOPORTE_TICKET_EMAIL          254           /* bytes */
#define NGX_SOPORTE_TICKET_PHONE          32
#define NGX_SOPORTE_TICKET_CONTEXT        8192          /* bytes of JSON */
#define NGX_SOPORTE_TICKET_DEPTH          8             /* {} is 1 */
#define NGX_SOPORTE_TICKET_MESSAGE        20000

#define NGX_SOPORTE_TICKET_FILES          5
#define NGX_SOPORTE_TICKET_FILE_SIZE      (15 * 1024 * 1024)
#define NGX_SOPORTE_TICKET_FILES_SIZE     (25 * 1024 * 1024)

#define NGX_SOPORTE_TICKET_ERRORS         16


/*
 * Codes of errors; their texts are elsewhere, one for each row of
 * ngx_soporte_ticket_codes, which ends with NULL:
 *
 *     field         codes
 *
 *     subject       subject_missing subject_long subject_bad
 *     description   description_missing description_long description_bad
 *     category      category_missing category_unknown
 *     email         email_missing email_long email_bad
 *     name          name_long name_bad
 *     phone         phone_long phone_bad
 *     context       context_bad context_deep context_large
 *     attachment    attachment_many attachment_large attachment_total
 *                   attachment_quota
 *     message       message_missing message_long message_bad
 *     any           field_repeated
 *     the key       field_unknown
 *     ""            body_bad
 *
 * *_bad: of another type, not UTF-8 or with a NUL; for email and phone: no
 * address, no number.  field_repeated: a field of a form given twice.
 * field_unknown: a key of a JSON body that no ticket has; body_bad: it is no
 * object.
 */

extern const char  *ngx_soporte_ticket_codes[];


typedef struct {
    ngx_str_t                    field;
    ngx_str_t                    code;
} ngx_soporte_ticket_error_t;


typedef struct {
    ngx_soporte_ticket_error_t   list[NGX_SOPORTE_TICKET_ERRORS];
    ngx_uint_t                   n;          /* further ones are dropped */
} ngx_soporte_ticket_errors_t;


typedef struct {
    ngx_str_t                    name;       /* the server's, [a-z0-9_-] */
    ngx_str_t                    filename;   /* the customer's, to be shown */
    ngx_str_t                    type;       /* by its bytes */
    uint64_t                     size;       /* bytes */
    u_char                       sha256[32];
} ngx_soporte_ticket_file_t;


typedef struct {
    u_char                       id[NGX_SOPORTE_ID_LEN];

    ngx_str_t                    tenant;
    ngx_str_t                    node;
    ngx_str_t                    lang;       /* "es", "en" */
    ngx_str_t                    user_id;    /* len 0: a guest */
    ngx_uint_t                   verified;   /* user_id is proven */

    ngx_str_t                    subject;
    ngx_str_t                    description;
    ngx_str_t                    category;
    ngx_str_t                    email;
    ngx_str_t                    name;
    ngx_str_t                    phone;
    ngx_soporte_value_t         *context;    /* NULL: none */

    ngx_str_t                    subject_raw;  /* as it came, if that differs */
    ngx_str_t                    name_raw;

    ngx_uint_t                   out_of_scope;
    ngx_uint_t                   urgent;
    ngx_str_t                    queue;

    uint64_t                     filed_at;   /* ms since the epoch */
    int64_t                      reply_due;  /* s since the epoch, 0: null */

    ngx_soporte_ticket_file_t   *files;
    ngx_uint_t                   nfiles;

    u_char                       body_sha256[32];
} ngx_soporte_ticket_t;


/* what a customer adds to a ticket */

typedef struct {
    u_char                       id[NGX_SOPORTE_ID_LEN];
    u_char                       ticket[NGX_SOPORTE_ID_LEN];

    ngx_str_t                    tenant;
    ngx_str_t                    node;
    ngx_str_t                    body;
    uint64_t                     filed_at;   /* ms since the epoch */
    u_char                       body_sha256[32];
} ngx_soporte_message_t;


/*
 * Both readers fill the customer's fields of a ticket that was zeroed and
 * whose "verified" is set (the e-mail is required of the others), and from
 * the policy's category out_of_scope, urgent and queue.  All mistakes are
 * told at once: NGX_DECLINED, errors->n > 0, and the fields hold what can be
 * shown again.  NGX_ERROR: memory refused.  Strings are the form's, the
 * tree's, the policy's or new in mem.
 */

/*
 * "context" is the tree of the field "context", which is JSON: NULL if the
 * form has none.  One that is no JSON: ngx_soporte_ticket_error() and
 * "context_bad".  Other fields of the form than a ticket's are left alone.
 */
ngx_int_t ngx_soporte_ticket_from_form(ngx_soporte_mem_t *mem,
    ngx_soporte_ticket_t *ticket, const ngx_soporte_form_t *form,
    ngx_soporte_value_t *context, const ngx_soporte_policy_t *policy,
    ngx_soporte_ticket_errors_t *errors);

ngx_int_t ngx_soporte_ticket_from_json(ngx_soporte_mem_t *mem,
    ngx_soporte_ticket_t *ticket, const ngx_soporte_value_t *root,
    const ngx_soporte_policy_t *policy, ngx_soporte_ticket_errors_t *errors);

/*
 * Number and sizes of ticket->files.  NGX_DECLINED: errors tell each limit
 * that was passed.
 */
ngx_int_t ngx_soporte_ticket_check_files(const ngx_soporte_ticket_t *ticket,
    ngx_soporte_ticket_errors_t *errors);

/*
 * The text of a message, tidied like a description.
 */
ngx_int_t ngx_soporte_ticket_message(ngx_soporte_mem_t *mem,
    const ngx_str_t *in, ngx_str_t *body, ngx_soporte_ticket_errors_t *errors);

/* field and code must live as long as errors do */
void ngx_soporte_ticket_error(ngx_soporte_ticket_errors_t *errors,
    const char *field, const char *code);


/*
 * The bytes whose SHA-256 is body_sha256: tenant and all that the customer
 * said, each with its length before it, files by digest.  Nothing that a
 * repetition of the same request could find changed: to be taken before an
 * identity's e-mail or the server's additions to the context are filled in.
 */
void ngx_soporte_ticket_canonical(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket);

/*
 * The document that is spooled and handed to soporte.file_tickets(): id
 * folio tenant subject description category out_of_scope urgent queue email
 * name phone verified user_id context filed_at reply_due node lang
 * body_sha256 (64 hex digits).  Text that was not given is null, and so is
 * context.  Two keys more where there is something to say: "original"
 * {"subject"?, "name"?} as they came, before tidying, and "attachments"
 * [{"name", "filename", "type", "size", "sha256"}].
 */
void ngx_soporte_ticket_json(ngx_soporte_out_t *out,
    const ngx_soporte_ticket_t *ticket);

/*
 * The same two for a message: tenant, ticket and body; {"kind": "message",
 * "tenant", "id", "ticket", "body", "filed_at", "node", "body_sha256"}.
 */
void ngx_soporte_message_canonical(ngx_soporte_out_t *out,
    const ngx_soporte_message_t *message);
void ngx_soporte_message_json(ngx_soporte_out_t *out,
    const ngx_soporte_message_t *message);


#endif /* _NGX_SOPORTE_TICKET_H_INCLUDED_ */
