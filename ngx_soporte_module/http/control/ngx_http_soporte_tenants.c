
/*
 * The operators' list of tenants: streamed, some a turn of the event loop.  A
 * tenant's tree is gone before the next one's is made.
 */

#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_control.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_report.h"
#include "ngx_http_soporte_stream.h"


#define NGX_HTTP_SOPORTE_TENANTS_SLICE  32     /* tenants a turn */
#define NGX_HTTP_SOPORTE_TENANTS_POOL   8192   /* bytes: a tenant's tree */


typedef struct {
    ngx_http_soporte_stream_t   stream;
    ngx_soporte_zone_t         *zone;
    const ngx_soporte_value_t  *head;
    ngx_pool_t                 *pool;        /* of one tenant's tree */
    ngx_str_t                   state;       /* len 0: any */
    uint32_t                    slot;        /* next; 0: the head is */
    ngx_uint_t                  told;        /* tenants */
} ngx_http_soporte_tenants_t;


static void ngx_http_soporte_tenants_clean(void *data);
static ngx_int_t ngx_http_soporte_tenants_step(
    ngx_http_soporte_stream_t *stream);
static ngx_int_t ngx_http_soporte_tenants_tell(
    ngx_http_soporte_tenants_t *list, ngx_soporte_tenant_t *tenant);


ngx_int_t
ngx_http_soporte_control_tenants(ngx_http_request_t *r,
    const ngx_soporte_value_t *head)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_tenants_t    *list;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    list = ngx_pcalloc(r->pool, sizeof(ngx_http_soporte_tenants_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (list == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list->pool = ngx_create_pool(NGX_HTTP_SOPORTE_TENANTS_POOL,
                                 r->connection->log);

    if (list->pool == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_soporte_tenants_clean;
    cln->data = list->pool;

    if (ngx_http_arg(r, (u_char *) "state", 5, &list->state) != NGX_OK) {
        ngx_str_null(&list->state);
    }

    list->zone = smcf->zone;
    list->head = head;
    list->stream.step = ngx_http_soporte_tenants_step;
    list->stream.data = list;
    list->stream.turn = NGX_HTTP_SOPORTE_TENANTS_SLICE;

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;
    ngx_str_set(&reply.type, "application/json");

    return ngx_http_soporte_stream(r, &reply, &list->stream);
}


static void
ngx_http_soporte_tenants_clean(void *data)
{
    ngx_destroy_pool(data);
}


static ngx_int_t
ngx_http_soporte_tenants_step(ngx_http_soporte_stream_t *stream)
{
    ngx_http_soporte_tenants_t  *list = stream->data;

    ngx_soporte_tenant_t        *tenant;

    if (list->slot == 0) {
        ngx_soporte_value_json(&stream->out, list->head);

        /* its "]}" comes after the last tenant */

        if (!stream->out.failed) {
            stream->buf->last -= sizeof("]}") - 1;
        }

        list->slot = 1;

        return NGX_OK;
    }

    if (list->slot >= ngx_soporte_acquire(&list->zone->header->used)) {
        ngx_soporte_out(&stream->out, "]}", sizeof("]}") - 1);
        return NGX_DONE;
    }

    tenant = ngx_soporte_tenant(list->zone, list->slot++);

    return ngx_soporte_tenant_known(list->zone, tenant)
           ? ngx_http_soporte_tenants_tell(list, tenant)
           : NGX_OK;
}


static ngx_int_t
ngx_http_soporte_tenants_tell(ngx_http_soporte_tenants_t *list,
    ngx_soporte_tenant_t *tenant)
{
    const ngx_str_t            *name;
    ngx_soporte_mem_t           mem;
    ngx_soporte_value_t        *root;
    ngx_http_soporte_report_t   report;

    ngx_http_soporte_report(list->zone, tenant, ngx_time(), &report);

    name = &ngx_soporte_state_names[report.state];

    if (list->state.len
        && (list->state.len != name->len
            || ngx_strncmp(list->state.data, name->data, name->len) != 0))
    {
        return NGX_OK;
    }

    ngx_reset_pool(list->pool);
    mem = ngx_http_soporte_mem(list->pool);

    ngx_http_soporte_report_incident(list->zone, tenant, ngx_time(), &report);

    root = ngx_http_soporte_report_value(&mem, NULL, &report, 0);
    ngx_http_soporte_backup_value(&mem, root, tenant, ngx_time(),
                                  NGX_SOPORTE_BACKUP_LIMIT);

    if (mem.failed) {
        return NGX_ERROR;
    }

    if (list->told++) {
        ngx_soporte_out(&list->stream.out, ",", 1);
    }

    ngx_soporte_value_json(&list->stream.out, root);

    return NGX_OK;
}
