
/*
 * Takes a form's body apart.  A body of some size lies in a file, so this is
 * done in a thread: the event loop reads no disk.
 *
 * What a customer calls a file is only ever shown; the server names it, and
 * its type is what its first bytes say.
 */

#include "ngx_http_soporte_intake.h"
#include "ngx_http_soporte_reply.h"

#include <unistd.h>


#define NGX_HTTP_SOPORTE_INTAKE_READ   65536
#define NGX_HTTP_SOPORTE_INTAKE_FIELD  1024  /* bytes a field begins with */


static ngx_int_t ngx_http_soporte_intake_feed(ngx_http_soporte_intake_t *in,
    ngx_soporte_multipart_t *mp);
static ngx_int_t ngx_http_soporte_intake_feed_file(
    ngx_http_soporte_intake_t *in, ngx_soporte_multipart_t *mp);
static ngx_int_t ngx_http_soporte_intake_begin(void *ctx,
    const ngx_soporte_part_t *part);
static ngx_int_t ngx_http_soporte_intake_begin_file(
    ngx_http_soporte_intake_t *in, const ngx_soporte_part_t *part);
static ngx_int_t ngx_http_soporte_intake_data(void *ctx, const u_char *p,
    size_t len);
static ngx_int_t ngx_http_soporte_intake_field(ngx_http_soporte_intake_t *in,
    const u_char *p, size_t len);
static ngx_int_t ngx_http_soporte_intake_end(void *ctx);
static ngx_int_t ngx_http_soporte_intake_end_file(
    ngx_http_soporte_intake_t *in);


ngx_int_t
ngx_http_soporte_intake_open(ngx_http_request_t *r,
    ngx_http_soporte_intake_t *in)
{
    ngx_int_t                 rc;
    ngx_http_request_body_t  *rb;

    rb = r->request_body;

    in->log = r->connection->log;
    in->type = r->headers_in.content_type->value;
    in->fd = -1;

    rc = ngx_http_soporte_body_text(r, &in->body);

    if (rc == NGX_DECLINED) {
        in->fd = rb->temp_file->file.fd;
        in->size = rb->temp_file->file.offset;
        return NGX_OK;
    }

    return rc;
}


void
ngx_http_soporte_intake_multipart(void *data)
{
    ngx_http_soporte_intake_t  *in = data;

    ngx_int_t                        rc;
    ngx_soporte_multipart_t          mp;
    ngx_soporte_multipart_events_t   events;

    events.begin = ngx_http_soporte_intake_begin;
    events.data = ngx_http_soporte_intake_data;
    events.end = ngx_http_soporte_intake_end;
    events.ctx = in;

    rc = ngx_soporte_multipart_init(&in->mem, &mp, &in->type, NULL, &events);

    if (rc == NGX_OK) {
        rc = ngx_http_soporte_intake_feed(in, &mp);
    }

    if (rc == NGX_OK) {
        rc = ngx_soporte_multipart_finish(&mp);
    }

    /* a part that was not read to its end */

    if (in->digest.ctx) {
        (void) ngx_soporte_digest_final(&in->digest,
                                        in->files[in->nfiles].sha256);
    }

    if (rc == NGX_OK || in->status) {
        return;
    }

    in->status = (rc == NGX_DECLINED) ? NGX_HTTP_BAD_REQUEST
                                      : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_soporte_intake_feed(ngx_http_soporte_intake_t *in,
    ngx_soporte_multipart_t *mp)
{
    if (in->fd != -1) {
        return ngx_http_soporte_intake_feed_file(in, mp);
    }

    return ngx_soporte_multipart_feed(mp, in->body.data, in->body.len);
}


static ngx_int_t
ngx_http_soporte_intake_feed_file(ngx_http_soporte_intake_t *in,
    ngx_soporte_multipart_t *mp)
{
    off_t       at;
    u_char     *buf;
    ssize_t     n;
    ngx_int_t   rc;

    buf = ngx_soporte_alloc(&in->mem, NGX_HTTP_SOPORTE_INTAKE_READ);

    if (buf == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (at = 0; at < in->size && rc == NGX_OK; at += n) {

        if (ngx_terminate) {
            return NGX_ERROR;
        }

        n = pread(in->fd, buf, ngx_min(in->size - at,
                                       NGX_HTTP_SOPORTE_INTAKE_READ), at);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            ngx_log_error(NGX_LOG_CRIT, in->log, n ? ngx_errno : 0,
                          "a request's body can't be read again");
            return NGX_ERROR;
        }

        rc = ngx_soporte_multipart_feed(mp, buf, n);
    }

    return rc;
}


static ngx_int_t
ngx_http_soporte_intake_begin(void *ctx, const ngx_soporte_part_t *part)
{
    ngx_http_soporte_intake_t  *in = ctx;

    static const char  attachment[] = "attachment";

    in->len = 0;
    in->in_file = part->file;

    if (part->file) {

        if (part->name.len != sizeof(attachment) - 1
            || ngx_memcmp(part->name.data, attachment, part->name.len) != 0)
        {
            in->status = NGX_HTTP_BAD_REQUEST;
            return NGX_ERROR;
        }

        return ngx_http_soporte_intake_begin_file(in, part);
    }

    in->name.len = part->name.len;
    in->name.data = ngx_soporte_alloc(&in->mem, part->name.len);
    in->room = NGX_HTTP_SOPORTE_INTAKE_FIELD;
    in->value = ngx_soporte_alloc(&in->mem, in->room);

    if (in->name.data == NULL || in->value == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(in->name.data, part->name.data, part->name.len);
    in->fields += part->name.len;

    return NGX_OK;
}


/* one more than may be is told of, further ones are not read */

static ngx_int_t
ngx_http_soporte_intake_begin_file(ngx_http_soporte_intake_t *in,
    const ngx_soporte_part_t *part)
{
    ngx_str_t                   name;
    ngx_soporte_spool_file_t   *source;
    ngx_soporte_ticket_file_t  *file;

    if (in->nfiles == NGX_HTTP_SOPORTE_INTAKE_FILES) {
        return NGX_OK;
    }

    file = &in->files[in->nfiles];
    source = &in->sources[in->nfiles];

    ngx_memzero(file, sizeof(ngx_soporte_ticket_file_t));
    ngx_memzero(source, sizeof(ngx_soporte_spool_file_t));

    /* a field that nobody put a file into comes with an empty name */

    name = part->filename;

    if (name.len) {
        name = ngx_soporte_attach_name(&in->mem, &part->filename);

        if (name.data == NULL) {
            return NGX_ERROR;
        }
    }

    file->filename = name;

    source->name = in->names[in->nfiles];
    source->fd = in->fd;
    source->offset = part->offset;
    source->data = (in->fd == -1) ? in->body.data + part->offset : NULL;

    return ngx_soporte_digest_init(&in->digest);
}


static ngx_int_t
ngx_http_soporte_intake_data(void *ctx, const u_char *p, size_t len)
{
    size_t                      n;
    ngx_http_soporte_intake_t  *in = ctx;

    if (!in->in_file) {
        return ngx_http_soporte_intake_field(in, p, len);
    }

    if (in->nfiles == NGX_HTTP_SOPORTE_INTAKE_FILES) {
        return NGX_OK;
    }

    if (in->len < sizeof(in->head)) {
        n = ngx_min(len, sizeof(in->head) - in->len);
        ngx_memcpy(in->head + in->len, p, n);
    }

    in->len += len;
    ngx_soporte_out(&in->digest.out, p, len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_intake_field(ngx_http_soporte_intake_t *in, const u_char *p,
    size_t len)
{
    u_char  *value;

    in->fields += len;

    if (in->fields > NGX_HTTP_SOPORTE_BODY_MEMORY) {
        in->status = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        return NGX_ERROR;
    }

    if (len > in->room - in->len) {
        in->room = 2 * (in->len + len);
        value = ngx_soporte_alloc(&in->mem, in->room);

        if (value == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(value, in->value, in->len);
        in->value = value;
    }

    ngx_memcpy(in->value + in->len, p, len);
    in->len += len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_intake_end(void *ctx)
{
    ngx_int_t                   rc;
    ngx_str_t                   value;
    ngx_http_soporte_intake_t  *in = ctx;

    if (in->in_file) {
        return ngx_http_soporte_intake_end_file(in);
    }

    value.data = in->value;
    value.len = in->len;

    rc = ngx_soporte_form_add(&in->mem, &in->form, &in->name, &value);

    if (rc == NGX_DECLINED) {
        in->status = NGX_HTTP_BAD_REQUEST;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_soporte_intake_end_file(ngx_http_soporte_intake_t *in)
{
    ngx_soporte_ticket_file_t  *file;

    if (in->nfiles == NGX_HTTP_SOPORTE_INTAKE_FILES) {
        return NGX_OK;
    }

    file = &in->files[in->nfiles];

    if (ngx_soporte_digest_final(&in->digest, file->sha256) != NGX_OK) {
        return NGX_ERROR;
    }

    if (file->filename.len == 0 && in->len == 0) {
        return NGX_OK;
    }

    if (file->filename.len == 0) {
        ngx_str_set(&file->filename, "archivo");
    }

    file->type = ngx_soporte_attach_type(in->head,
                                         ngx_min(in->len, sizeof(in->head)),
                                         &file->filename);
    file->size = in->len;
    file->name.data = (u_char *) in->names[in->nfiles];
    file->name.len = ngx_sprintf(file->name.data, "file-%ui", in->nfiles + 1)
                     - file->name.data;
    file->name.data[file->name.len] = '\0';

    in->sources[in->nfiles].len = in->len;
    in->nfiles++;

    return NGX_OK;
}
