
/*
 * The directives: each takes its arguments or says what is wrong with them,
 * in one line that names the value.
 */

#include "ngx_http_soporte_conf.h"


static char *ngx_http_soporte_zone_name(ngx_conf_t *cf,
    ngx_soporte_zone_t *zone, ngx_str_t *value);
static char *ngx_http_soporte_zone_fits(ngx_conf_t *cf,
    ngx_soporte_zone_t *zone);
static char *ngx_http_soporte_redis_option(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *value, ngx_str_t *file);
static ngx_int_t ngx_http_soporte_one_variable(ngx_conf_t *cf,
    ngx_str_t *value);
static ngx_http_soporte_key_t *ngx_http_soporte_literal(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *value);


void
ngx_http_soporte_conf_place(ngx_conf_t *cf, ngx_http_soporte_place_t *place)
{
    if (cf->conf_file) {
        place->file = cf->conf_file->file.name.data;
        place->line = cf->conf_file->line;

    } else {
        place->file = (u_char *) "nginx.conf";
        place->line = 0;
    }
}


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


/*
 * Who sends a request must not close a tenant by it: for a minute the state
 * is told to all.  What a "map" makes of a variable can't be seen here.
 */

char *
ngx_http_soporte_set_maintenance(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    u_char      *p;
    ngx_str_t   *value;
    ngx_uint_t   i;

    static const char *const  said[] = {
        "http_", "arg_", "cookie_", "args", "query_string"
    };

    value = cf->args->elts;

    for (p = value[1].data; *p; p++) {

        if (*p != '$') {
            continue;
        }

        p += (p[1] == '{') ? 2 : 1;

        for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {

            if (ngx_strncasecmp(p, (u_char *) said[i], ngx_strlen(said[i]))
                == 0)
            {
                ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"soporte_maintenance %V\" is what a client "
                           "says: it would close the tenant for others",
                           &value[1]);
                goto done;
            }
        }

        if (*p == '\0') {
            break;
        }
    }

done:

    return ngx_http_set_complex_value_slot(cf, cmd, conf);
}


/* soporte KEY | off */

char *
ngx_http_soporte_set_tenant(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    ngx_str_t                          *value;
    ngx_http_soporte_main_conf_t       *smcf;
    ngx_http_compile_complex_value_t    ccv;

    if (slcf->tenant_set) {
        return "is duplicate";
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);
    value = cf->args->elts;

    slcf->tenant_set = 1;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    ngx_http_soporte_conf_place(cf, &slcf->tenant_place);

    if (smcf->tenant.file == NULL) {
        smcf->tenant = slcf->tenant_place;
    }

    if (ngx_http_script_variables_count(&value[1]) == 0) {
        slcf->key = ngx_http_soporte_literal(cf, smcf, &value[1]);

        return slcf->key ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strstr(value[1].data, "http_host")) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"$http_host\" is what the client says, it may "
                           "name any tenant; use \"$host\" or a \"map\" of it");
    }

    slcf->index = ngx_http_soporte_one_variable(cf, &value[1]);
    slcf->value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));

    if (slcf->value == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = slcf->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "$name" and nothing else: its index, for a look-up without a copy, or -1 */

static ngx_int_t
ngx_http_soporte_one_variable(ngx_conf_t *cf, ngx_str_t *value)
{
    size_t      i;
    ngx_str_t   name;

    for (i = 1; i < value->len; i++) {
        if (!((value->data[i] | 0x20) >= 'a' && (value->data[i] | 0x20) <= 'z')
            && !(value->data[i] >= '0' && value->data[i] <= '9')
            && value->data[i] != '_')
        {
            return NGX_ERROR;
        }
    }

    if (value->data[0] != '$' || value->len < 3) {
        return NGX_ERROR;
    }

    name.data = value->data + 1;
    name.len = value->len - 1;

    return ngx_http_get_variable_index(cf, &name);
}


/* one entry for a key, in however many servers it stands */

static ngx_http_soporte_key_t *
ngx_http_soporte_literal(ngx_conf_t *cf, ngx_http_soporte_main_conf_t *smcf,
    ngx_str_t *value)
{
    ngx_uint_t                i;
    ngx_http_soporte_key_t  **keys, **key;

    u_char                    lower[NGX_SOPORTE_KEY_MAX];

    if (ngx_soporte_tenant_key(lower, value->data, value->len) != NGX_OK
        || lower[0] == '_')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid tenant \"%V\", it must be of at most 64 "
                           "letters, digits, \".\", \"-\", \"_\" and not "
                           "begin with \"_\"", value);
        return NULL;
    }

    keys = smcf->keys.elts;

    for (i = 0; i < smcf->keys.nelts; i++) {
        if (keys[i]->key.len == value->len
            && ngx_memcmp(keys[i]->key.data, lower, value->len) == 0)
        {
            return keys[i];
        }
    }

    key = ngx_array_push(&smcf->keys);

    if (key == NULL) {
        return NULL;
    }

    *key = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_key_t));

    if (*key == NULL) {
        return NULL;
    }

    (*key)->key.len = value->len;
    (*key)->key.data = ngx_pnalloc(cf->pool, value->len);

    if ((*key)->key.data == NULL) {
        return NULL;
    }

    ngx_memcpy((*key)->key.data, lower, value->len);
    ngx_http_soporte_conf_place(cf, &(*key)->place);

    return *key;
}


char *
ngx_http_soporte_set_hours(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    ngx_str_t                     *value;
    ngx_http_soporte_main_conf_t  *smcf;

    if (slcf->hours) {
        return "is duplicate";
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);
    value = cf->args->elts;

    slcf->hours = ngx_http_soporte_calendar_get(cf, smcf, &value[1]);

    return slcf->hours ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* soporte_page KIND FILE | off */

char *
ngx_http_soporte_set_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    ngx_str_t  *value;

    if (slcf->identity_set) {
        return "is duplicate";
    }

    slcf->identity_set = 1;
    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (value[1].data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"soporte_identity\" wants a URI that begins "
                           "with \"/\", or \"off\", not \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    slcf->identity = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_soporte_set_page(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    ngx_int_t   kind;
    ngx_str_t  *value;

    value = cf->args->elts;
    kind = ngx_http_soporte_conf_kind(&value[1]);

    if (kind == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown kind of page \"%V\", it must be one of "
                           "maintenance, restore, incident, help, ticket, "
                           "status, error, desk, privacy, badge, tickets",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (slcf->pages[kind]) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[2].data, "off") == 0) {
        slcf->pages[kind] = ngx_pcalloc(cf->pool,
                                        sizeof(ngx_http_soporte_page_t));

        return slcf->pages[kind] ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &value[2], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slcf->pages[kind] = ngx_http_soporte_conf_page(cf, kind, &value[2]);

    return slcf->pages[kind] ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* soporte_portal PATH | off, at http and server level */

char *
ngx_http_soporte_set_portal(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_srv_conf_t  *sscf = conf;

    u_char                        *p;
    ngx_str_t                     *value;
    ngx_http_soporte_main_conf_t  *smcf;

    if (sscf->portal_set) {
        return "is duplicate";
    }

    sscf->portal_set = 1;
    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (value[1].len > 1 && value[1].data[value[1].len - 1] == '/') {
        value[1].len--;
    }

    for (p = value[1].data; p < value[1].data + value[1].len; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9')
              || *p == '/' || *p == '-' || *p == '_' || *p == '.'))
        {
            break;
        }
    }

    if (value[1].len < 2 || value[1].data[0] != '/'
        || p < value[1].data + value[1].len)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\", it must begin with \"/\" "
                           "and name a place of its own, as \"/soporte\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    sscf->portal = value[1];

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    if (smcf->portal.file == NULL) {
        ngx_http_soporte_conf_place(cf, &smcf->portal);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_soporte_set_portal_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    char                          *rv;
    ngx_command_t                  portal;
    ngx_http_soporte_main_conf_t  *smcf;

    portal = *cmd;
    portal.post = (void *) ngx_http_soporte_portal_handler;

    rv = ngx_http_soporte_set_handler(cf, &portal, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    if (smcf->portal.file == NULL) {
        ngx_http_soporte_conf_place(cf, &smcf->portal);
    }

    slcf->portal = 1;

    return NGX_CONF_OK;
}


/* a location whose content is ours; its prefix is the base of our paths */

char *
ngx_http_soporte_set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_soporte_main_conf_t  *smcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "can't be where another handler answers";
    }

#if (NGX_PCRE)
    if (clcf->regex) {
        return "can't be in a location given by a regular expression";
    }
#endif

    if (clcf->named) {
        return "can't be in a named location";
    }

    clcf->handler = (ngx_http_handler_pt) cmd->post;

    slcf->base = clcf->name;

    if (slcf->base.len && slcf->base.data[slcf->base.len - 1] == '/') {
        slcf->base.len--;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    ngx_http_soporte_conf_place(cf, &slcf->tenant_place);

    if (smcf->tenant.file == NULL) {
        smcf->tenant = slcf->tenant_place;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_soporte_set_policy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_srv_conf_t  *sscf = conf;

    ngx_str_t  *value, text, error;

    if (sscf->policy_patch) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_soporte_conf_read(cf, &value[1], 1024 * 1024, &text, &error)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "policy %V", &error);
        return NGX_CONF_ERROR;
    }

    sscf->policy_file = value[1];
    ngx_http_soporte_conf_place(cf, &sscf->policy_place);
    sscf->policy_patch = ngx_http_soporte_conf_json(cf, &value[1], &text);

    return sscf->policy_patch ? NGX_CONF_OK : NGX_CONF_ERROR;
}
