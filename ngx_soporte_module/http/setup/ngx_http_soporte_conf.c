
/*
 * Directives of tenants, pages and portals.  Each handler, here and in the
 * other files, takes its arguments or says what is wrong with them, in one line
 * that names the value.
 */

#include "ngx_http_soporte_conf.h"


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
    ngx_http_soporte_srv_conf_t   *sscf;
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

    /* where the pages of other locations lead to */

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_soporte_module);

    if (sscf->base.len == 0) {
        sscf->base = slcf->base;
    }

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
