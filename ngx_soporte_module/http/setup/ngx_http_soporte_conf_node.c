
/*
 * Directives of the node: its memory, its disk, its name and the stores that
 * it talks to.
 */

#include "ngx_http_soporte_conf.h"


static char *ngx_http_soporte_zone_name(ngx_conf_t *cf,
    ngx_soporte_zone_t *zone, ngx_str_t *value);
static char *ngx_http_soporte_zone_fits(ngx_conf_t *cf,
    ngx_soporte_zone_t *zone);
static char *ngx_http_soporte_redis_option(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *value, ngx_str_t *file);


/* soporte_zone zone=NAME:SIZE [tenants=N] [file=PATH] */

char *
ngx_http_soporte_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    char                *rv;
    ngx_int_t            n;
    ngx_str_t           *value, path;
    ngx_uint_t           i;
    ngx_soporte_zone_t  *zone;

    if (smcf->zone) {
        return "is duplicate";
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_soporte_zone_t));

    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {
            rv = ngx_http_soporte_zone_name(cf, zone, &value[i]);

            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "tenants=", 8) == 0) {
            n = ngx_atoi(value[i].data + 8, value[i].len - 8);

            if (n == NGX_ERROR || n == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid number of tenants in \"%V\"",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            zone->tenants = n;
            continue;
        }

        if (ngx_strncmp(value[i].data, "file=", 5) == 0
            && value[i].len > 5)
        {
            path.data = value[i].data + 5;
            path.len = value[i].len - 5;

            if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            zone->path = path;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (zone->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone=NAME:SIZE\"",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    smcf->zone = zone;

    return ngx_http_soporte_zone_fits(cf, zone);
}


static char *
ngx_http_soporte_zone_name(ngx_conf_t *cf, ngx_soporte_zone_t *zone,
    ngx_str_t *value)
{
    u_char     *p;
    ssize_t     size;
    ngx_str_t   s;
    ngx_uint_t  i;

    zone->name.data = value->data + 5;
    p = (u_char *) ngx_strchr(zone->name.data, ':');

    if (p == NULL) {
        goto invalid;
    }

    zone->name.len = p - zone->name.data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR || zone->name.len == 0 || zone->name.len > 64) {
        goto invalid;
    }

    /* it becomes part of a file's name */

    for (i = 0; i < zone->name.len; i++) {
        if (!((zone->name.data[i] | 0x20) >= 'a'
              && (zone->name.data[i] | 0x20) <= 'z')
            && !(zone->name.data[i] >= '0' && zone->name.data[i] <= '9')
            && zone->name.data[i] != '_' && zone->name.data[i] != '-')
        {
            goto invalid;
        }
    }

    zone->size = size;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid zone \"%V\", it must be zone=NAME:SIZE",
                       value);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_soporte_zone_fits(ngx_conf_t *cf, ngx_soporte_zone_t *zone)
{
    size_t  need;

    need = ngx_soporte_zone_size(zone->tenants ? zone->tenants : 8);

    if (zone->size < need) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: %ui tenants need %uzk",
                           &zone->name, zone->tenants ? zone->tenants : 8,
                           (need + 1023) / 1024);
        return NGX_CONF_ERROR;
    }

    if (zone->size > NGX_SOPORTE_ZONE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too large, at most 1024m",
                           &zone->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* soporte_path PATH [max_size=SIZE] */

char *
ngx_http_soporte_set_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    ssize_t     size;
    ngx_str_t  *value, s;

    if (smcf->path.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    smcf->path = value[1];

    if (smcf->path.len > 1 && smcf->path.data[smcf->path.len - 1] == '/') {
        smcf->path.data[--smcf->path.len] = '\0';
    }

    if (ngx_conf_full_name(cf->cycle, &smcf->path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "max_size=", 9) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 9;
    s.len = value[2].len - 9;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR || size < 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\", at least 1m", &value[2]);
        return NGX_CONF_ERROR;
    }

    smcf->max_size = size;

    return NGX_CONF_OK;
}


char *
ngx_http_soporte_set_node(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    u_char     *p;
    ngx_str_t  *value;

    if (smcf->node.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (p = value[1].data; *p; p++) {
        if (*p <= ' ' || *p == '"' || *p == '\\' || *p >= 0x7f) {
            break;
        }
    }

    if (*p || value[1].len == 0 || value[1].len > 64) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name of a node \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    smcf->node = value[1];

    return NGX_CONF_OK;
}


/* soporte_postgres CONNINFO [timeout=T] */

char *
ngx_http_soporte_set_postgres(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    ngx_int_t                    timeout;
    ngx_str_t                   *value, s;
    ngx_soporte_mem_t            mem;
    ngx_soporte_postgres_err_t   err;

    if (smcf->postgres) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3) {
        s.data = value[2].data + 8;
        s.len = value[2].len - 8;

        if (ngx_strncmp(value[2].data, "timeout=", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        timeout = ngx_parse_time(&s, 0);

        if (timeout == NGX_ERROR || timeout == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        smcf->timeout = timeout;
    }

    mem = ngx_http_soporte_mem(cf->pool);

    smcf->postgres = ngx_soporte_postgres_conninfo(&mem,
                                                   (char *) value[1].data,
                                                   &err);

    if (smcf->postgres == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err.text);
        return NGX_CONF_ERROR;
    }

    if (err.text[0]) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%s", err.text);
    }

    return NGX_CONF_OK;
}


/* soporte_redis URL [prefix=S] [timeout=T] [password_file=F] */

char *
ngx_http_soporte_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    ngx_str_t                *value, file;
    ngx_uint_t                i;
    ngx_soporte_mem_t         mem;
    ngx_soporte_redis_err_t   err;

    if (smcf->redis) {
        return "is duplicate";
    }

    value = cf->args->elts;
    ngx_str_null(&file);
    ngx_str_set(&smcf->redis_prefix, "soporte:");
    smcf->redis_timeout = 1000;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_soporte_redis_option(cf, smcf, &value[i], &file)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    mem = ngx_http_soporte_mem(cf->pool);

    smcf->redis = ngx_soporte_redis_url(&mem, (char *) value[1].data,
                                        (char *) file.data, &err);

    if (smcf->redis == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err.text);
        return NGX_CONF_ERROR;
    }

    if (err.text[0]) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%s", err.text);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_soporte_redis_option(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *value, ngx_str_t *file)
{
    u_char      *p;
    ngx_int_t    timeout;
    ngx_str_t    s;
    ngx_uint_t   bad;

    p = ngx_strlchr(value->data, value->data + value->len, '=');
    s.data = p ? p + 1 : value->data;
    s.len = value->data + value->len - s.data;

    if (s.len && ngx_strncmp(value->data, "prefix=", 7) == 0) {
        smcf->redis_prefix = s;
        bad = (s.len > 64);

        for (p = s.data; *p; p++) {
            bad |= (*p <= ' ' || *p > '~');
        }

        if (!bad) {
            return NGX_CONF_OK;
        }

    } else if (s.len && ngx_strncmp(value->data, "password_file=", 14) == 0) {
        *file = s;

        return (ngx_conf_full_name(cf->cycle, file, 1) == NGX_OK)
               ? NGX_CONF_OK : NGX_CONF_ERROR;

    } else if (ngx_strncmp(value->data, "timeout=", 8) == 0) {
        timeout = ngx_parse_time(&s, 0);

        if (timeout != NGX_ERROR && timeout != 0) {
            smcf->redis_timeout = timeout;
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}
