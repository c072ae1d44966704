
/*
 * The fields of a notice by their names: one table for what operators send,
 * what nodes tell each other and what goes to PostgreSQL.
 */

#include "ngx_http_soporte_word.h"

#include "ngx_soporte_error.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


typedef struct ngx_http_soporte_word_field_s  ngx_http_soporte_word_field_t;

struct ngx_http_soporte_word_field_s {
    const char         *name;
    ngx_uint_t          kinds;               /* bits by board_kind_e */
    ngx_uint_t          from;                /* NGX_HTTP_SOPORTE_WORD_ */
    ngx_int_t         (*read)(const ngx_http_soporte_word_field_t *field,
                              const ngx_soporte_value_t *v, u_char *notice);
    void              (*write)(const ngx_http_soporte_word_field_t *field,
                               ngx_soporte_mem_t *mem,
                               ngx_soporte_value_t *object,
                               const u_char *notice);
    size_t              offset;
    size_t              size;                /* text: bytes; word: how many */
    size_t              len;                 /* offset of the text's length */
    const char *const  *words;
    const char         *error;
};


static const ngx_http_soporte_word_field_t *ngx_http_soporte_word_field(
    const ngx_str_t *name, ngx_uint_t kind, ngx_uint_t from);
static ngx_int_t ngx_http_soporte_word_read_text(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_text(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_instant(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_instant(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_word(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_word(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_phase(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_phase(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_progress(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_progress(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_flag(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_flag(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_source(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_source(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_uuid(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_uuid(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);
static ngx_int_t ngx_http_soporte_word_read_version(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice);
static void ngx_http_soporte_word_write_version(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice);


#define PUT   NGX_HTTP_SOPORTE_WORD_PUT
#define PLAN  NGX_HTTP_SOPORTE_WORD_PLAN
#define NODE  NGX_HTTP_SOPORTE_WORD_NODE

#define MAINTENANCE  (1 << NGX_SOPORTE_BOARD_MAINTENANCE)
#define RESTORE      (1 << NGX_SOPORTE_BOARD_RESTORE)
#define INCIDENT     (1 << NGX_SOPORTE_BOARD_INCIDENT)

#define ngx_http_soporte_word_of(form, member)                                \
    ngx_http_soporte_word_read_ ## form,                                      \
    ngx_http_soporte_word_write_ ## form,                                     \
    offsetof(ngx_soporte_notice_t, member)

#define ngx_http_soporte_word_at(name, kinds, from, member)                   \
    { name, kinds, from, ngx_http_soporte_word_of(instant, member), 0, 0,     \
      NULL, "\"" name "\" must be an RFC 3339 instant" }


static const ngx_http_soporte_word_field_t  ngx_http_soporte_word_table[] = {

    { "version", MAINTENANCE|RESTORE|INCIDENT, NODE,
      ngx_http_soporte_word_of(version, version), 0, 0, NULL,
      "\"version\" must be an integer" },

    { "origin", MAINTENANCE|RESTORE|INCIDENT, NODE,
      ngx_http_soporte_word_of(version, origin), 0, 0, NULL,
      "\"origin\" must be an integer" },

    { "title", MAINTENANCE|INCIDENT, PUT|PLAN|NODE,
      ngx_http_soporte_word_of(text, title), NGX_SOPORTE_BOARD_TITLE,
      offsetof(ngx_soporte_notice_t, title_len), NULL,
      "\"title\" must be a string of at most 144 bytes" },

    { "message", MAINTENANCE|RESTORE|INCIDENT, PUT|PLAN|NODE,
      ngx_http_soporte_word_of(text, message), NGX_SOPORTE_BOARD_MESSAGE,
      offsetof(ngx_soporte_notice_t, message_len), NULL,
      "\"message\" must be a string of at most 720 bytes" },

    ngx_http_soporte_word_at("announced_at", MAINTENANCE, NODE, announced),
    ngx_http_soporte_word_at("starts_at", MAINTENANCE, PLAN|NODE, began),
    ngx_http_soporte_word_at("ends_at", MAINTENANCE, PUT|PLAN|NODE, ends),

    ngx_http_soporte_word_at("began_at", RESTORE, NODE, began),
    ngx_http_soporte_word_at("failed_at", RESTORE, PUT|NODE, failed),
    ngx_http_soporte_word_at("backup_at", RESTORE, PUT|NODE, backup),

    { "phase", RESTORE, PUT|NODE,
      ngx_http_soporte_word_of(phase, phase), 0, 0, NULL,
      "\"phase\" must be one of detected, diagnosis, locating_backup, "
      "verifying_backup, database, public_files, private_files, migration, "
      "checks, restored" },

    { "progress", RESTORE, PUT|NODE,
      ngx_http_soporte_word_of(progress, progress), 0, 0, NULL,
      "\"progress\" must be an integer from 0 to 100, or null" },

    { "impact", INCIDENT, PUT|NODE,
      ngx_http_soporte_word_of(word, impact), NGX_SOPORTE_IMPACTS, 0,
      ngx_soporte_impact_names,
      "\"impact\" must be one of none, minor, major, critical" },

    { "status", INCIDENT, PUT|NODE,
      ngx_http_soporte_word_of(word, status), NGX_SOPORTE_STATUSES, 0,
      ngx_soporte_status_names,
      "\"status\" must be one of investigating, identified, monitoring, "
      "resolved" },

    { "block", INCIDENT, PUT,
      ngx_http_soporte_word_of(flag, flags), NGX_SOPORTE_NOTICE_BLOCK, 0,
      NULL, "\"block\" must be true or false" },

    { "blocking", INCIDENT, NODE,
      ngx_http_soporte_word_of(flag, flags), NGX_SOPORTE_NOTICE_BLOCK, 0,
      NULL, "\"blocking\" must be true or false" },

    { "source", INCIDENT, NODE,
      ngx_http_soporte_word_of(source, flags), 0, 0, NULL,
      "\"source\" must be \"operator\" or \"detected\"" },

    { "cause", INCIDENT, NODE,
      ngx_http_soporte_word_of(word, cause), NGX_SOPORTE_CAUSE_STOPPED + 1,
      0, ngx_soporte_cause_names,
      "\"cause\" must be one of unknown, connect, timeout, status, stopped" },

    { "parent", INCIDENT, NODE,
      ngx_http_soporte_word_of(uuid, parent), 0, 0, NULL,
      "\"parent\" must be a UUID" },

    ngx_http_soporte_word_at("opened_at", INCIDENT, NODE, began),
    ngx_http_soporte_word_at("closed_at", INCIDENT, NODE, ended),
    ngx_http_soporte_word_at("ended_at", MAINTENANCE|RESTORE, NODE, ended),

    ngx_http_soporte_word_at("updated_at", MAINTENANCE|RESTORE|INCIDENT, NODE,
                             updated),

    { NULL, 0, 0, NULL, NULL, 0, 0, 0, NULL, NULL }
};


static const ngx_http_soporte_word_field_t *
ngx_http_soporte_word_field(const ngx_str_t *name, ngx_uint_t kind,
    ngx_uint_t from)
{
    const ngx_http_soporte_word_field_t  *field;

    for (field = ngx_http_soporte_word_table; field->name; field++) {

        if ((field->kinds & (1 << kind))
            && (field->from & from)
            && ngx_strlen(field->name) == name->len
            && ngx_strncmp(field->name, name->data, name->len) == 0)
        {
            return field;
        }
    }

    return NULL;
}


const char *
ngx_http_soporte_word_read(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *object, ngx_uint_t from,
    ngx_soporte_notice_t *notice)
{
    ngx_str_t                             error;
    const ngx_soporte_value_t            *v;
    const ngx_http_soporte_word_field_t  *field;

    if (object->type != NGX_SOPORTE_OBJECT) {
        return "the body must be a JSON object";
    }

    for (v = object->first; v; v = v->next) {
        field = ngx_http_soporte_word_field(&v->name, notice->kind, from);

        if (field) {
            if (field->read(field, v, (u_char *) notice) != NGX_OK) {
                return field->error;
            }

            continue;
        }

        if (from & NGX_HTTP_SOPORTE_WORD_NODE) {
            continue;
        }

        (void) ngx_soporte_error(mem, &error, "unknown field \"%.*s\" of a %s",
                                 ngx_soporte_error_value(&v->name),
                                 ngx_soporte_kind_names[notice->kind]);

        return error.len ? (char *) error.data : "unknown field";
    }

    return NULL;
}


void
ngx_http_soporte_word_write(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, ngx_uint_t from,
    const ngx_soporte_notice_t *notice)
{
    const ngx_http_soporte_word_field_t  *field;

    for (field = ngx_http_soporte_word_table; field->name; field++) {

        if ((field->kinds & (1 << notice->kind)) && (field->from & from)) {
            field->write(field, mem, object, (const u_char *) notice);
        }
    }
}


static ngx_int_t
ngx_http_soporte_word_read_text(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    uint16_t  *len;

    len = (uint16_t *) (void *) (notice + field->len);

    if (v->type == NGX_SOPORTE_NULL) {
        *len = 0;
        return NGX_OK;
    }

    if (v->type != NGX_SOPORTE_STRING || v->str.len > field->size) {
        return NGX_ERROR;
    }

    *len = ngx_soporte_text_clean(notice + field->offset, v->str.data,
                                  v->str.len);

    return NGX_OK;
}


static void
ngx_http_soporte_word_write_text(const ngx_http_soporte_word_field_t *field,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object,
    const u_char *notice)
{
    ngx_soporte_value_text(mem, object, field->name,
                       notice + field->offset,
                       *(const uint16_t *) (const void *) (notice
                                                       + field->len));
}


static ngx_int_t
ngx_http_soporte_word_read_instant(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    int64_t  *t;

    t = (int64_t *) (void *) (notice + field->offset);

    if (v->type == NGX_SOPORTE_NULL) {
        *t = 0;
        return NGX_OK;
    }

    if (v->type != NGX_SOPORTE_STRING
        || ngx_soporte_time_parse(v->str.data, v->str.len, t, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_soporte_word_write_instant(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice)
{
    ngx_soporte_value_instant(mem, object, field->name,
                            *(const int64_t *) (const void *)
                                (notice + field->offset));
}


static ngx_int_t
ngx_http_soporte_word_read_word(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    ngx_uint_t  i;

    if (v->type == NGX_SOPORTE_NULL) {
        notice[field->offset] = 0;
        return NGX_OK;
    }

    for (i = 0; v->type == NGX_SOPORTE_STRING && i < field->size; i++) {

        if (ngx_strlen(field->words[i]) == v->str.len
            && ngx_strncmp(v->str.data, field->words[i], v->str.len) == 0)
        {
            notice[field->offset] = (u_char) i;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static void
ngx_http_soporte_word_write_word(const ngx_http_soporte_word_field_t *field,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object,
    const u_char *notice)
{
    ngx_uint_t  i;

    i = ngx_min(notice[field->offset], field->size - 1);

    (void) ngx_soporte_value_cstr(mem, object, field->name, field->words[i]);
}


static ngx_int_t
ngx_http_soporte_word_read_phase(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    ngx_uint_t  i;

    for (i = 0; v->type == NGX_SOPORTE_STRING && i < NGX_SOPORTE_PHASES; i++)
    {
        if (ngx_strlen(ngx_soporte_phase_names[i]) == v->str.len
            && ngx_strncmp(v->str.data, ngx_soporte_phase_names[i],
                           v->str.len) == 0)
        {
            *(uint32_t *) (void *) (notice + field->offset) = i;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static void
ngx_http_soporte_word_write_phase(const ngx_http_soporte_word_field_t *field,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object,
    const u_char *notice)
{
    ngx_uint_t  i;

    i = *(const uint32_t *) (const void *) (notice + field->offset);
    i = ngx_min(i, NGX_SOPORTE_PHASES - 1);

    (void) ngx_soporte_value_cstr(mem, object, field->name,
                                  ngx_soporte_phase_names[i]);
}


static ngx_int_t
ngx_http_soporte_word_read_progress(
    const ngx_http_soporte_word_field_t *field, const ngx_soporte_value_t *v,
    u_char *notice)
{
    int32_t  *progress;

    progress = (int32_t *) (void *) (notice + field->offset);

    if (v->type == NGX_SOPORTE_NULL) {
        *progress = -1;
        return NGX_OK;
    }

    if (v->type != NGX_SOPORTE_INTEGER || v->num < 0 || v->num > 100) {
        return NGX_ERROR;
    }

    *progress = (int32_t) v->num;

    return NGX_OK;
}


static void
ngx_http_soporte_word_write_progress(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice)
{
    int32_t  progress;

    progress = *(const int32_t *) (const void *) (notice + field->offset);

    if (progress < 0) {
        (void) ngx_soporte_value_add(mem, object, field->name,
                                     NGX_SOPORTE_NULL);
        return;
    }

    (void) ngx_soporte_value_int(mem, object, field->name, progress);
}


static ngx_int_t
ngx_http_soporte_word_read_flag(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    if (v->type == NGX_SOPORTE_TRUE) {
        notice[field->offset] |= field->size;
        return NGX_OK;
    }

    notice[field->offset] &= ~field->size;

    return (v->type == NGX_SOPORTE_FALSE || v->type == NGX_SOPORTE_NULL)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_soporte_word_write_flag(const ngx_http_soporte_word_field_t *field,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object,
    const u_char *notice)
{
    (void) ngx_soporte_value_bool(mem, object, field->name,
                                  (notice[field->offset] & field->size) != 0);
}


static ngx_int_t
ngx_http_soporte_word_read_source(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    if (v->type != NGX_SOPORTE_STRING) {
        return NGX_ERROR;
    }

    notice[field->offset] &= ~NGX_SOPORTE_NOTICE_DETECTED;

    if (v->str.len == sizeof("detected") - 1
        && ngx_strncmp(v->str.data, "detected", v->str.len) == 0)
    {
        notice[field->offset] |= NGX_SOPORTE_NOTICE_DETECTED;
        return NGX_OK;
    }

    return (v->str.len == sizeof("operator") - 1
            && ngx_strncmp(v->str.data, "operator", v->str.len) == 0)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_soporte_word_write_source(const ngx_http_soporte_word_field_t *field,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object,
    const u_char *notice)
{
    (void) ngx_soporte_value_cstr(mem, object, field->name,
                  (notice[field->offset] & NGX_SOPORTE_NOTICE_DETECTED)
                  ? "detected" : "operator");
}


static ngx_int_t
ngx_http_soporte_word_read_uuid(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    if (v->type == NGX_SOPORTE_NULL) {
        ngx_memzero(notice + field->offset, NGX_SOPORTE_ID_LEN);
        return NGX_OK;
    }

    return (v->type == NGX_SOPORTE_STRING)
           ? ngx_soporte_uuid_parse(notice + field->offset, &v->str)
           : NGX_ERROR;
}


static void
ngx_http_soporte_word_write_uuid(const ngx_http_soporte_word_field_t *field,
    ngx_soporte_mem_t *mem, ngx_soporte_value_t *object,
    const u_char *notice)
{
    static const u_char  none[NGX_SOPORTE_ID_LEN];

    if (ngx_memcmp(notice + field->offset, none, sizeof(none)) == 0) {
        (void) ngx_soporte_value_add(mem, object, field->name,
                                     NGX_SOPORTE_NULL);
        return;
    }

    ngx_soporte_value_id(mem, object, field->name, notice + field->offset);
}


static ngx_int_t
ngx_http_soporte_word_read_version(const ngx_http_soporte_word_field_t *field,
    const ngx_soporte_value_t *v, u_char *notice)
{
    if (v->type != NGX_SOPORTE_INTEGER || v->num <= 0) {
        return NGX_ERROR;
    }

    *(uint64_t *) (void *) (notice + field->offset) = v->num;

    return NGX_OK;
}


static void
ngx_http_soporte_word_write_version(
    const ngx_http_soporte_word_field_t *field, ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *object, const u_char *notice)
{
    (void) ngx_soporte_value_int(mem, object, field->name,
               *(const uint64_t *) (const void *) (notice + field->offset));
}
