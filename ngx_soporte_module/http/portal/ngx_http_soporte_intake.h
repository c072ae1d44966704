
/*
 * A form's body as fields and files, urlencoded or multipart, from memory or
 * from nginx's temporary file.
 */

#ifndef _NGX_HTTP_SOPORTE_INTAKE_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_INTAKE_H_INCLUDED_


#include "ngx_http_soporte.h"

#include "ngx_soporte_attach.h"
#include "ngx_soporte_multipart.h"
#include "ngx_soporte_ticket.h"


/* one file more than a ticket may have shows that there are too many */
#define NGX_HTTP_SOPORTE_INTAKE_FILES  (NGX_SOPORTE_TICKET_FILES + 1)

#define NGX_HTTP_SOPORTE_INTAKE_NAME   sizeof("file-00")


/*
 * Nothing is copied of a file: it stays where nginx put the body, which must
 * live until the files are spooled.
 */

typedef struct {
    ngx_soporte_mem_t           mem;         /* of a pool of the task's own */
    ngx_log_t                  *log;
    ngx_str_t                   type;        /* Content-Type */

    ngx_str_t                   body;        /* in memory, if fd is -1 */
    int                         fd;
    off_t                       size;        /* bytes in the file */

    /* what came of it */

    ngx_uint_t                  status;      /* 0, or the answer's status */
    ngx_soporte_form_t          form;
    ngx_soporte_ticket_file_t   files[NGX_HTTP_SOPORTE_INTAKE_FILES];
    ngx_soporte_spool_file_t    sources[NGX_HTTP_SOPORTE_INTAKE_FILES];
    char                        names[NGX_HTTP_SOPORTE_INTAKE_FILES]
                                     [NGX_HTTP_SOPORTE_INTAKE_NAME];
    ngx_uint_t                  nfiles;

    /* the part that is being read */

    ngx_soporte_digest_t        digest;
    ngx_str_t                   name;        /* of a field */
    u_char                     *value;
    size_t                      len;
    size_t                      room;
    size_t                      fields;      /* bytes of all fields */
    u_char                      head[NGX_SOPORTE_ATTACH_HEAD];
    ngx_uint_t                  in_file;
} ngx_http_soporte_intake_t;


/*
 * Where nginx has put the body; NGX_ERROR: memory.  In the event loop, after
 * it was read, with r->request_body_in_single_buf set before.
 */
ngx_int_t ngx_http_soporte_intake_open(ngx_http_request_t *r,
    ngx_http_soporte_intake_t *in);

/* reads multipart/form-data; in a thread */
void ngx_http_soporte_intake_multipart(void *data);


#endif /* _NGX_HTTP_SOPORTE_INTAKE_H_INCLUDED_ */
