
/*
 * The image: its head, the lists of fields, the header's, then each slot's,
 * then the notices of the board and what was said of incidents.  All of this
 * machine's byte order.
 */

#include "ngx_soporte_image.h"
#include "ngx_soporte_board.h"
#include "ngx_soporte_check.h"
#include "ngx_soporte_tenant.h"


#define NGX_SOPORTE_IMAGE_MAGIC    0x31474d49      /* "IMG1" */
#define NGX_SOPORTE_IMAGE_FIELDS   64              /* of a list, at most */
#define NGX_SOPORTE_IMAGE_NONE     ((uint32_t) -1)


typedef struct {
    uint32_t    magic;
    uint32_t    header_fields;
    uint32_t    tenant_fields;
    uint32_t    header_size;                 /* bytes */
    uint32_t    tenant_size;
    uint32_t    tenants;
    uint32_t    notice_size;
    uint32_t    notices;
    uint32_t    update_size;
    uint32_t    updates;
    int64_t     wall;                        /* unix ms, when it was made */
    int64_t     mono;                        /* ms */
} ngx_soporte_image_head_t;


typedef struct {
    uint16_t    id;
    uint16_t    size;                        /* bytes */
} ngx_soporte_image_field_t;


/*
 * A field here and now.  Numbers are never used again for something else.
 * Fields of a group make sense only together: if one is missing, or has
 * another size, the others of it are left out, too.
 */

typedef struct {
    uint16_t    id;
    uint16_t    size;
    uint32_t    offset;
    ngx_uint_t  group;                       /* 0: of none */
} ngx_soporte_image_column_t;


/* an image that is being read */

typedef struct {
    ngx_soporte_image_head_t          head;
    const ngx_soporte_image_field_t  *header_fields;
    const ngx_soporte_image_field_t  *tenant_fields;
    const u_char                     *header;
    const u_char                     *rows;
    const u_char                     *notices;
    const u_char                     *updates;
} ngx_soporte_image_view_t;


static size_t ngx_soporte_image_put(u_char *buf,
    const ngx_soporte_image_column_t *columns, ngx_uint_t n,
    const void *from);
static size_t ngx_soporte_image_fields(u_char *buf,
    const ngx_soporte_image_column_t *columns, ngx_uint_t n);
static size_t ngx_soporte_image_board(ngx_soporte_image_t *image, u_char *buf,
    size_t size);
static size_t ngx_soporte_image_head(ngx_soporte_image_t *image, u_char *buf);
static ngx_int_t ngx_soporte_image_view(const ngx_str_t *data,
    ngx_soporte_image_view_t *view, ngx_soporte_image_result_t *result);
static ngx_int_t ngx_soporte_image_list(const u_char **p, const u_char *end,
    uint32_t n, uint32_t size, const ngx_soporte_image_field_t **fields);
static void ngx_soporte_image_map(const ngx_soporte_image_field_t *fields,
    ngx_uint_t nfields, const ngx_soporte_image_column_t *columns,
    ngx_uint_t n, uint32_t *at);
static void ngx_soporte_image_get(const u_char *row,
    const ngx_soporte_image_column_t *columns, ngx_uint_t n,
    const uint32_t *at, void *to);
static void ngx_soporte_image_rows(ngx_soporte_zone_t *zone,
    const ngx_soporte_image_view_t *view, const uint32_t *at, int64_t now,
    int64_t shift, ngx_soporte_image_result_t *result);
static void ngx_soporte_image_words(ngx_soporte_zone_t *zone,
    const ngx_soporte_image_view_t *view, const uint32_t *at, int64_t now,
    ngx_soporte_image_result_t *result);
static uint32_t ngx_soporte_image_slot(const ngx_soporte_zone_t *zone,
    const ngx_soporte_image_view_t *view, const uint32_t *at, uint32_t slot);
static ngx_soporte_tenant_t *ngx_soporte_image_tenant(
    ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *row, uint32_t slot,
    const uint32_t *at, int64_t now);


#define ngx_soporte_image_column(id, type, field, group)                      \
    { id, sizeof(((type *) 0)->field), offsetof(type, field), group }

#define header_column(id, field)                                              \
    ngx_soporte_image_column(id, ngx_soporte_header_t, field, 0)
#define tenant_column(id, field, group)                                       \
    ngx_soporte_image_column(id, ngx_soporte_tenant_t, field, group)

#define NGX_SOPORTE_IMAGE_SUMS    1          /* told apart by what was read */
#define NGX_SOPORTE_IMAGE_HIST    2          /* windows are differences */


static const ngx_soporte_image_column_t  ngx_soporte_image_header[] = {
    header_column(1, began),
    header_column(2, alive),
    header_column(3, gap_from),
    header_column(4, gap_to),
    header_column(5, clock),
    header_column(6, pages),
    header_column(7, tickets),
    header_column(8, overflow),
    header_column(9, events_filed),
    header_column(10, events_lost),
    header_column(11, postgres_ok),
    header_column(12, postgres_error),
    header_column(13, postgres_success),
    header_column(14, filed)
};

static const ngx_soporte_image_column_t  ngx_soporte_image_columns[] = {
    tenant_column(1, len, 0),
    tenant_column(2, key, 0),
    tenant_column(3, flags, 0),
    tenant_column(4, state, 0),
    tenant_column(5, since, 0),
    tenant_column(6, began, 0),
    tenant_column(7, stamp, 0),
    tenant_column(8, judged, 0),
    tenant_column(9, bank, NGX_SOPORTE_IMAGE_SUMS),
    tenant_column(10, seen_good, NGX_SOPORTE_IMAGE_SUMS),
    tenant_column(11, seen_hard, NGX_SOPORTE_IMAGE_SUMS),
    tenant_column(12, history.slots, NGX_SOPORTE_IMAGE_SUMS),
    tenant_column(13, excluded, 0),
    tenant_column(14, upstream_ms, 0),
    tenant_column(15, responses, 0),
    tenant_column(16, hist, NGX_SOPORTE_IMAGE_HIST),
    tenant_column(17, history.hist, NGX_SOPORTE_IMAGE_HIST),
    tenant_column(18, detect, 0),
    tenant_column(19, history.month, 0),
    tenant_column(20, history.outages, 0),
    tenant_column(21, history.days, 0),
    tenant_column(22, backup, 0),
    tenant_column(23, unfiled, 0)
};

#define NGX_SOPORTE_IMAGE_KEY     3          /* ... columns make the key */
#define NGX_SOPORTE_IMAGE_HEADER  (sizeof(ngx_soporte_image_header)           \
                                   / sizeof(ngx_soporte_image_column_t))
#define NGX_SOPORTE_IMAGE_TENANT  (sizeof(ngx_soporte_image_columns)          \
                                   / sizeof(ngx_soporte_image_column_t))


/* with buf NULL only the length */

static size_t
ngx_soporte_image_put(u_char *buf, const ngx_soporte_image_column_t *columns,
    ngx_uint_t n, const void *from)
{
    size_t      len;
    ngx_uint_t  i;

    len = 0;

    for (i = 0; i < n; i++) {
        if (buf) {
            ngx_memcpy(buf + len, (const u_char *) from + columns[i].offset,
                       columns[i].size);
        }

        len += columns[i].size;
    }

    return len;
}


static size_t
ngx_soporte_image_fields(u_char *buf,
    const ngx_soporte_image_column_t *columns, ngx_uint_t n)
{
    ngx_uint_t                  i;
    ngx_soporte_image_field_t  *field;

    field = (ngx_soporte_image_field_t *) buf;

    for (i = 0; i < n; i++) {
        field[i].id = columns[i].id;
        field[i].size = columns[i].size;
    }

    return n * sizeof(ngx_soporte_image_field_t);
}


size_t
ngx_soporte_image_begin(ngx_soporte_image_t *image,
    const ngx_soporte_zone_t *zone, int64_t wall, int64_t mono)
{
    image->zone = zone;
    ngx_uint_t            i;
    ngx_soporte_notice_t  notice;
    ngx_soporte_update_t  update;

    image->notices = 0;
    image->updates = 0;

    for (i = 0; ngx_soporte_board_next(zone, &i, &notice) == NGX_OK; ) {
        image->notices++;
    }

    for (i = 0; ngx_soporte_board_said(zone, &i, &update) == NGX_OK; ) {
        image->updates++;
    }

    /* after the board, so that no notice is of a slot that comes later */

    image->tenants = ngx_soporte_acquire(&zone->header->used);
    image->next = 0;
    image->at = 0;
    image->head = 1;
    image->wall = wall;
    image->mono = mono;

    return sizeof(ngx_soporte_image_head_t)
           + (NGX_SOPORTE_IMAGE_HEADER + NGX_SOPORTE_IMAGE_TENANT)
             * sizeof(ngx_soporte_image_field_t)
           + ngx_soporte_image_put(NULL, ngx_soporte_image_header,
                                   NGX_SOPORTE_IMAGE_HEADER, NULL)
           + image->tenants
             * ngx_soporte_image_put(NULL, ngx_soporte_image_columns,
                                     NGX_SOPORTE_IMAGE_TENANT, NULL)
           + image->notices * sizeof(ngx_soporte_notice_t)
           + image->updates * sizeof(ngx_soporte_update_t);
}


size_t
ngx_soporte_image_next(ngx_soporte_image_t *image, u_char *buf)
{
    size_t  len, row;

    len = 0;

    if (image->head) {
        image->head = 0;
        len = ngx_soporte_image_head(image, buf);
    }

    row = ngx_soporte_image_put(NULL, ngx_soporte_image_columns,
                                NGX_SOPORTE_IMAGE_TENANT, NULL);

    while (image->next < image->tenants
           && NGX_SOPORTE_IMAGE_PIECE - len >= row)
    {
        len += ngx_soporte_image_put(buf + len, ngx_soporte_image_columns,
                                     NGX_SOPORTE_IMAGE_TENANT,
                                     ngx_soporte_tenant(image->zone,
                                                        image->next++));
    }

    if (image->next == image->tenants) {
        len += ngx_soporte_image_board(image, buf + len,
                                       NGX_SOPORTE_IMAGE_PIECE - len);
    }

    return len;
}


/* what went meanwhile leaves zeros, what came is in the next image */

static size_t
ngx_soporte_image_board(ngx_soporte_image_t *image, u_char *buf, size_t size)
{
    size_t                len;
    ngx_soporte_notice_t  notice;
    ngx_soporte_update_t  update;

    len = 0;

    while (image->notices && size - len >= sizeof(ngx_soporte_notice_t)) {
        if (ngx_soporte_board_next(image->zone, &image->at, &notice) != NGX_OK
            || (notice.tenant < NGX_SOPORTE_UPSTREAM
                && notice.tenant >= image->tenants))
        {
            ngx_memzero(&notice, sizeof(ngx_soporte_notice_t));
        }

        ngx_memcpy(buf + len, &notice, sizeof(ngx_soporte_notice_t));
        len += sizeof(ngx_soporte_notice_t);

        if (--image->notices == 0) {
            image->at = 0;
        }
    }

    while (image->notices == 0 && image->updates
           && size - len >= sizeof(ngx_soporte_update_t))
    {
        if (ngx_soporte_board_said(image->zone, &image->at, &update) != NGX_OK)
        {
            ngx_memzero(&update, sizeof(ngx_soporte_update_t));
        }

        ngx_memcpy(buf + len, &update, sizeof(ngx_soporte_update_t));
        len += sizeof(ngx_soporte_update_t);
        image->updates--;
    }

    return len;
}


static size_t
ngx_soporte_image_head(ngx_soporte_image_t *image, u_char *buf)
{
    size_t                     len;
    ngx_soporte_image_head_t  *head;

    head = (ngx_soporte_image_head_t *) buf;

    ngx_memzero(head, sizeof(ngx_soporte_image_head_t));

    head->magic = NGX_SOPORTE_IMAGE_MAGIC;
    head->header_fields = NGX_SOPORTE_IMAGE_HEADER;
    head->tenant_fields = NGX_SOPORTE_IMAGE_TENANT;
    head->tenants = image->tenants;
    head->notice_size = sizeof(ngx_soporte_notice_t);
    head->notices = image->notices;
    head->update_size = sizeof(ngx_soporte_update_t);
    head->updates = image->updates;
    head->wall = image->wall;
    head->mono = image->mono;
    head->tenant_size = ngx_soporte_image_put(NULL, ngx_soporte_image_columns,
                                              NGX_SOPORTE_IMAGE_TENANT, NULL);

    len = sizeof(ngx_soporte_image_head_t);

    len += ngx_soporte_image_fields(buf + len, ngx_soporte_image_header,
                                    NGX_SOPORTE_IMAGE_HEADER);
    len += ngx_soporte_image_fields(buf + len, ngx_soporte_image_columns,
                                    NGX_SOPORTE_IMAGE_TENANT);

    head->header_size = ngx_soporte_image_put(buf + len,
                                              ngx_soporte_image_header,
                                              NGX_SOPORTE_IMAGE_HEADER,
                                              image->zone->header);

    return len + head->header_size;
}


uint32_t
ngx_soporte_image_slots(const ngx_str_t *data,
    ngx_soporte_image_result_t *result)
{
    ngx_soporte_image_view_t  view;

    return ngx_soporte_image_view(data, &view, result) == NGX_OK
           ? view.head.tenants : 0;
}


static ngx_int_t
ngx_soporte_image_view(const ngx_str_t *data, ngx_soporte_image_view_t *view,
    ngx_soporte_image_result_t *result)
{
    const u_char              *p, *end;
    ngx_soporte_image_head_t  *head;

    ngx_memzero(result, sizeof(ngx_soporte_image_result_t));

    p = data->data;
    end = p + data->len;
    head = &view->head;

    result->what = "of another program, or version";

    if (data->len < sizeof(ngx_soporte_image_head_t)) {
        return NGX_ERROR;
    }

    ngx_memcpy(head, p, sizeof(ngx_soporte_image_head_t));
    p += sizeof(ngx_soporte_image_head_t);

    if (head->magic != NGX_SOPORTE_IMAGE_MAGIC || head->tenants == 0
        || head->tenants > NGX_SOPORTE_ZONE_MAX / sizeof(ngx_soporte_tenant_t))
    {
        return NGX_ERROR;
    }

    result->what = "its lengths contradict each other";

    if (ngx_soporte_image_list(&p, end, head->header_fields,
                               head->header_size, &view->header_fields)
           != NGX_OK
        || ngx_soporte_image_list(&p, end, head->tenant_fields,
                                  head->tenant_size, &view->tenant_fields)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((uint64_t) (end - p)
        != head->header_size + (uint64_t) head->tenants * head->tenant_size
           + (uint64_t) head->notices * head->notice_size
           + (uint64_t) head->updates * head->update_size)
    {
        return NGX_ERROR;
    }

    view->header = p;
    view->rows = p + head->header_size;
    view->notices = view->rows + (size_t) head->tenants * head->tenant_size;
    view->updates = view->notices + (size_t) head->notices * head->notice_size;

    result->what = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_image_list(const u_char **p, const u_char *end, uint32_t n,
    uint32_t size, const ngx_soporte_image_field_t **fields)
{
    size_t    len;
    uint32_t  i, sum;

    len = n * sizeof(ngx_soporte_image_field_t);

    if (n > NGX_SOPORTE_IMAGE_FIELDS || (size_t) (end - *p) < len) {
        return NGX_ERROR;
    }

    *fields = (const ngx_soporte_image_field_t *) *p;
    *p += len;
    sum = 0;

    for (i = 0; i < n; i++) {
        sum += (*fields)[i].size;
    }

    return (sum == size) ? NGX_OK : NGX_ERROR;
}


/* where in a row of the image each of our columns lies */

static void
ngx_soporte_image_map(const ngx_soporte_image_field_t *fields,
    ngx_uint_t nfields, const ngx_soporte_image_column_t *columns,
    ngx_uint_t n, uint32_t *at)
{
    uint32_t    offset;
    ngx_uint_t  i, k, broken;

    broken = 0;

    for (i = 0; i < n; i++) {
        at[i] = NGX_SOPORTE_IMAGE_NONE;
        offset = 0;

        for (k = 0; k < nfields; k++) {

            if (fields[k].id == columns[i].id
                && fields[k].size == columns[i].size)
            {
                at[i] = offset;
            }

            offset += fields[k].size;
        }

        if (at[i] == NGX_SOPORTE_IMAGE_NONE) {
            broken |= (ngx_uint_t) 1 << columns[i].group;
        }
    }

    for (i = 0; i < n; i++) {
        if (columns[i].group && (broken & (1 << columns[i].group))) {
            at[i] = NGX_SOPORTE_IMAGE_NONE;
        }
    }
}


static void
ngx_soporte_image_get(const u_char *row,
    const ngx_soporte_image_column_t *columns, ngx_uint_t n,
    const uint32_t *at, void *to)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (at[i] != NGX_SOPORTE_IMAGE_NONE) {
            ngx_memcpy((u_char *) to + columns[i].offset, row + at[i],
                       columns[i].size);
        }
    }
}


ngx_int_t
ngx_soporte_image_read(ngx_soporte_zone_t *zone, const ngx_str_t *data,
    int64_t wall, int64_t mono, ngx_soporte_image_result_t *result)
{
    int64_t                    passed, shift;
    uint32_t                   at[NGX_SOPORTE_IMAGE_FIELDS];
    ngx_soporte_clock_t       *clock;
    ngx_soporte_image_view_t   view;

    if (ngx_soporte_image_view(data, &view, result) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a wall clock that is behind says nothing of how long it was */

    passed = ngx_max(wall - view.head.wall, 0);
    shift = mono - (view.head.mono + passed);

    result->age = passed / 1000;

    ngx_soporte_image_map(view.header_fields, view.head.header_fields,
                          ngx_soporte_image_header, NGX_SOPORTE_IMAGE_HEADER,
                          at);
    ngx_soporte_image_get(view.header, ngx_soporte_image_header,
                          NGX_SOPORTE_IMAGE_HEADER, at, zone->header);

    clock = &zone->header->clock;
    clock->mono += clock->slot ? shift : 0;

    zone->header->capacity = ngx_soporte_zone_capacity(zone->size);
    zone->header->dynamic = zone->header->capacity;

    ngx_soporte_image_map(view.tenant_fields, view.head.tenant_fields,
                          ngx_soporte_image_columns, NGX_SOPORTE_IMAGE_TENANT,
                          at);

    ngx_soporte_image_rows(zone, &view, at, wall / 1000, shift, result);
    ngx_soporte_image_words(zone, &view, at, wall / 1000, result);

    return NGX_OK;
}


static void
ngx_soporte_image_rows(ngx_soporte_zone_t *zone,
    const ngx_soporte_image_view_t *view, const uint32_t *at, int64_t now,
    int64_t shift, ngx_soporte_image_result_t *result)
{
    uint32_t              i;
    ngx_soporte_tenant_t  tenant;

    for (i = 0; i < view->head.tenants; i++) {
        ngx_memzero(&tenant, sizeof(ngx_soporte_tenant_t));
        ngx_soporte_image_get(view->rows + (size_t) i * view->head.tenant_size,
                              ngx_soporte_image_columns,
                              NGX_SOPORTE_IMAGE_TENANT, at, &tenant);

        /* given, and never taken */

        if (!(tenant.flags & NGX_SOPORTE_TENANT_READY)) {
            continue;
        }

        ngx_soporte_detect_shift(&tenant.detect, shift);

        if (ngx_soporte_image_tenant(zone, &tenant, i, at, now)) {
            result->tenants++;
        } else {
            result->left_out++;
        }
    }
}


/* the board publishes them into the gates as it does any word */

static void
ngx_soporte_image_words(ngx_soporte_zone_t *zone,
    const ngx_soporte_image_view_t *view, const uint32_t *at, int64_t now,
    ngx_soporte_image_result_t *result)
{
    uint32_t              i;
    ngx_soporte_notice_t  notice;
    ngx_soporte_update_t  update;

    if (view->head.update_size == sizeof(ngx_soporte_update_t)) {

        for (i = 0; i < view->head.updates; i++) {
            ngx_memcpy(&update, view->updates
                                + i * sizeof(ngx_soporte_update_t),
                       sizeof(ngx_soporte_update_t));

            if (update.at && ngx_soporte_check_update(&update) == NULL) {
                (void) ngx_soporte_board_say(zone, &update, now);
            }
        }
    }

    if (view->head.notice_size != sizeof(ngx_soporte_notice_t)) {
        result->left_out += view->head.notices;
        return;
    }

    for (i = 0; i < view->head.notices; i++) {
        ngx_memcpy(&notice, view->notices + i * sizeof(ngx_soporte_notice_t),
                   sizeof(ngx_soporte_notice_t));

        if (notice.kind == NGX_SOPORTE_BOARD_NONE) {
            continue;
        }

        if (notice.tenant < NGX_SOPORTE_UPSTREAM) {
            notice.tenant = ngx_soporte_image_slot(zone, view, at,
                                                   notice.tenant);
        }

        if (ngx_soporte_check_notice(zone, &notice) == NULL
            && ngx_soporte_board_merge(zone, &notice, now) == NGX_OK)
        {
            result->notices++;
        } else {
            result->left_out++;
        }
    }
}


/* the slot that a tenant has now by the one that it had; NONE: none */

static uint32_t
ngx_soporte_image_slot(const ngx_soporte_zone_t *zone,
    const ngx_soporte_image_view_t *view, const uint32_t *at, uint32_t slot)
{
    ngx_soporte_tenant_t         row;
    const ngx_soporte_tenant_t  *tenant;

    if (slot == NGX_SOPORTE_OTHER || slot >= view->head.tenants) {
        return NGX_SOPORTE_IMAGE_NONE - 1;
    }

    ngx_memzero(&row, sizeof(ngx_soporte_tenant_t));
    ngx_soporte_image_get(view->rows + (size_t) slot * view->head.tenant_size,
                          ngx_soporte_image_columns, NGX_SOPORTE_IMAGE_KEY,
                          at, &row);

    tenant = (row.len <= NGX_SOPORTE_KEY_MAX)
             ? ngx_soporte_tenant_find(zone, row.key, row.len) : NULL;

    return tenant ? ngx_soporte_tenant_index(zone, tenant)
                  : NGX_SOPORTE_IMAGE_NONE - 1;
}


/* NULL: damaged, or there is no place for it */

static ngx_soporte_tenant_t *
ngx_soporte_image_tenant(ngx_soporte_zone_t *zone,
    const ngx_soporte_tenant_t *row, uint32_t slot, const uint32_t *at,
    int64_t now)
{
    u_char                 key[NGX_SOPORTE_KEY_MAX];
    uint32_t               offset;
    ngx_uint_t             i;
    ngx_soporte_tenant_t  *tenant;

    if (ngx_soporte_check_tenant(row) != NULL) {
        return NULL;
    }

    if (slot == NGX_SOPORTE_OTHER) {
        tenant = ngx_soporte_tenant(zone, slot);

    } else {
        if (ngx_soporte_tenant_key(key, row->key, row->len) != NGX_OK) {
            return NULL;
        }

        tenant = ngx_soporte_tenant_get(zone, key, row->len,
                                        row->flags
                                        & NGX_SOPORTE_TENANT_DYNAMIC, now);
    }

    if (tenant == NULL) {
        return NULL;
    }

    for (i = NGX_SOPORTE_IMAGE_KEY; i < NGX_SOPORTE_IMAGE_TENANT; i++) {
        offset = ngx_soporte_image_columns[i].offset;

        if (at[i] != NGX_SOPORTE_IMAGE_NONE) {
            ngx_memcpy((u_char *) tenant + offset,
                       (const u_char *) row + offset,
                       ngx_soporte_image_columns[i].size);
        }
    }

    return tenant;
}
