
/*
 * Backups that one node was told of, or found on its disk, are known to all:
 * of each tenant and part one word in the fleet's board, the latest.  A node
 * that watches a tenant's backups itself believes its own eyes.
 */

#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_publish.h"

#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


/* a version is in units of a word's, see word.c: ms with ten bits behind */
#define NGX_HTTP_SOPORTE_FLEET_SECOND  (1000 << 10)

#define NGX_HTTP_SOPORTE_FLEET_AHEAD   86400 /* s, a clock that is wrong */


static ngx_int_t ngx_http_soporte_fleet_backup_id(const ngx_str_t *tenant,
    ngx_uint_t part, u_char *id);
static ngx_uint_t ngx_http_soporte_fleet_backup_part(
    const ngx_soporte_value_t *v);
static ngx_soporte_tenant_t *ngx_http_soporte_fleet_backup_tenant(
    ngx_http_soporte_main_conf_t *smcf, const ngx_soporte_value_t *v);


void
ngx_http_soporte_fleet_backup(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_mem_t *mem, const ngx_str_t *tenant, ngx_uint_t part,
    int64_t at, ngx_soporte_value_t *word)
{
    u_char  id[NGX_SOPORTE_ID_LEN];

    if (smcf->redis == NULL || at <= 0
        || ngx_http_soporte_fleet_backup_id(tenant, part, id) != NGX_OK)
    {
        return;
    }

    (void) ngx_soporte_value_int(mem, word, "origin",
               ngx_http_soporte_publish_origin(smcf->node.data,
                                               smcf->node.len));

    if (!mem->failed) {
        ngx_http_soporte_publish(smcf, id,
                        (uint64_t) at * NGX_HTTP_SOPORTE_FLEET_SECOND, word);
    }
}


/* the same at every node */

static ngx_int_t
ngx_http_soporte_fleet_backup_id(const ngx_str_t *tenant, ngx_uint_t part,
    u_char *id)
{
    u_char  *p, digest[NGX_SOPORTE_DIGEST_LEN];
    u_char   text[sizeof("backup 0 ") + NGX_SOPORTE_KEY_MAX];

    p = ngx_sprintf(text, "backup %ui %V", part, tenant);

    if (ngx_soporte_secret_sha256(digest, text, p - text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_soporte_uuid_v8(id, digest);

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_fleet_backup_heard(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *value)
{
    int64_t                     at;
    ngx_uint_t                  part;
    ngx_soporte_tenant_t       *tenant;
    const ngx_soporte_value_t  *v, *bytes, *ok, *origin;

    origin = ngx_soporte_value_get(value, "origin");

    if (origin == NULL || origin->type != NGX_SOPORTE_INTEGER
        || (uint64_t) origin->num
           == ngx_http_soporte_publish_origin(smcf->node.data,
                                              smcf->node.len))
    {
        return NGX_DONE;
    }

    part = ngx_http_soporte_fleet_backup_part(
                                       ngx_soporte_value_get(value, "part"));
    v = ngx_soporte_value_get(value, "finished_at");
    bytes = ngx_soporte_value_get(value, "bytes");
    ok = ngx_soporte_value_get(value, "ok");

    if (part == NGX_SOPORTE_BACKUP_PARTS
        || v == NULL || v->type != NGX_SOPORTE_STRING
        || ngx_soporte_time_parse(v->str.data, v->str.len, &at, NULL)
           != NGX_OK
        || at <= 0 || at > ngx_time() + NGX_HTTP_SOPORTE_FLEET_AHEAD
        || bytes == NULL || bytes->type != NGX_SOPORTE_INTEGER
        || ok == NULL)
    {
        return NGX_ERROR;
    }

    tenant = ngx_http_soporte_fleet_backup_tenant(smcf,
                                     ngx_soporte_value_get(value, "tenant"));

    if (tenant == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_soporte_backup_heard(tenant, part, at,
                                         ngx_max(bytes->num, 0),
                                         ok->type == NGX_SOPORTE_TRUE);
}


/* NGX_SOPORTE_BACKUP_PARTS: none of them */

static ngx_uint_t
ngx_http_soporte_fleet_backup_part(const ngx_soporte_value_t *v)
{
    ngx_uint_t        part;
    const ngx_str_t  *name;

    for (part = 0; part < NGX_SOPORTE_BACKUP_PARTS; part++) {
        name = &ngx_soporte_backup_parts[part];

        if (v && v->type == NGX_SOPORTE_STRING && v->str.len == name->len
            && ngx_strncmp(v->str.data, name->data, name->len) == 0)
        {
            break;
        }
    }

    return part;
}


static ngx_soporte_tenant_t *
ngx_http_soporte_fleet_backup_tenant(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *v)
{
    u_char  lower[NGX_SOPORTE_KEY_MAX];

    if (v == NULL || v->type != NGX_SOPORTE_STRING
        || ngx_soporte_tenant_key(lower, v->str.data, v->str.len) != NGX_OK)
    {
        return NULL;
    }

    return ngx_soporte_tenant_get(smcf->zone, lower, v->str.len, 1,
                                  ngx_time());
}
