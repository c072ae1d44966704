
/*
 * The variables, and the hidden ones in whose values the context of a request
 * lies over internal redirects.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_hours.h"
#include "ngx_http_soporte_report.h"

#include "ngx_soporte_time.h"


static ngx_int_t ngx_http_soporte_reserve_variables(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);
static ngx_int_t ngx_http_soporte_variable_ctx(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_soporte_variable_tenant(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_soporte_variable_state(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_soporte_variable_open(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_soporte_variable_at(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_soporte_variable_category(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_soporte_variable_outcome(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_soporte_vars[] = {

    { ngx_string("soporte_tenant"), NULL, ngx_http_soporte_variable_tenant,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("soporte_state"), NULL, ngx_http_soporte_variable_state,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("soporte_open"), NULL, ngx_http_soporte_variable_open,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("soporte_opens_at"), NULL, ngx_http_soporte_variable_at,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("soporte_closes_at"), NULL, ngx_http_soporte_variable_at,
      1, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("soporte_category"), NULL,
      ngx_http_soporte_variable_category, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("soporte_request_outcome"), NULL,
      ngx_http_soporte_variable_outcome, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_soporte_add_variables(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_soporte_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);

        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_soporte_reserve_variables(cf, smcf);
}


/* before nginx looks for the variables that the configuration names */

ngx_int_t
ngx_http_soporte_add_open_variables(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    u_char                        *p;
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_http_variable_t           *var;
    ngx_http_soporte_calendar_t  **list;

    list = smcf->calendars.elts;

    for (i = 0; i < smcf->calendars.nelts; i++) {
        name.len = sizeof("soporte_open_") - 1 + list[i]->name.len;
        name.data = ngx_pnalloc(cf->pool, name.len);

        if (name.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(name.data, "soporte_open_",
                       sizeof("soporte_open_") - 1);
        ngx_memcpy(p, list[i]->name.data, list[i]->name.len);

        var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);

        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_soporte_variable_open;
        var->data = (uintptr_t) list[i];
    }

    return NGX_OK;
}


/* indexes are given in order: these lie side by side in r->variables */

static ngx_int_t
ngx_http_soporte_reserve_variables(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    u_char               *p;
    ngx_int_t             index;
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; i < NGX_HTTP_SOPORTE_CTX_VARIABLES; i++) {
        p = ngx_pnalloc(cf->pool, sizeof("soporte ctx ") + NGX_INT_T_LEN);

        if (p == NULL) {
            return NGX_ERROR;
        }

        name.data = p;
        name.len = ngx_sprintf(p, "soporte ctx %ui", i) - p;

        var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOHASH);

        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_soporte_variable_ctx;

        index = ngx_http_get_variable_index(cf, &name);

        if (index == NGX_ERROR
            || (i && index != smcf->variable + (ngx_int_t) i))
        {
            return NGX_ERROR;
        }

        if (i == 0) {
            smcf->variable = index;
        }
    }

    return NGX_OK;
}


/* never called: a name with blanks can't be written in a configuration */

static ngx_int_t
ngx_http_soporte_variable_ctx(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    return NGX_ERROR;
}


static void
ngx_http_soporte_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


static ngx_http_soporte_ctx_t *
ngx_http_soporte_variable_request(ngx_http_request_t *r)
{
    ngx_http_soporte_ctx_t        *ctx;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);

    if (smcf->zone == NULL || smcf->zone->header == NULL) {
        return NULL;
    }

    ctx = ngx_http_soporte_ctx(r);

    if (ctx) {
        return ctx;
    }

    /* a tenant by a variable may ask for this very one */

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    return (slcf->key || slcf->bench) ? ngx_http_soporte_ctx_make(r) : NULL;
}


static ngx_int_t
ngx_http_soporte_variable_tenant(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_variable_request(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_soporte_variable_set(v, ctx->tenant->key, ctx->tenant->len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_variable_state(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char              *name;
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_variable_request(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = ngx_http_soporte_state_name(
                            ngx_http_soporte_state(ctx->tenant, ngx_time()));

    ngx_http_soporte_variable_set(v, (u_char *) name, ngx_strlen(name));

    return NGX_OK;
}


static ngx_http_soporte_calendar_t *
ngx_http_soporte_variable_calendar(ngx_http_request_t *r)
{
    ngx_http_soporte_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_soporte_module);

    return (slcf->hours && slcf->hours->zone) ? slcf->hours : NULL;
}


static ngx_int_t
ngx_http_soporte_variable_open(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_soporte_calendar_t  *calendar;

    /* data is a calendar of its own, or 0: that of soporte_hours */

    calendar = data ? (ngx_http_soporte_calendar_t *) data
                    : ngx_http_soporte_variable_calendar(r);

    if (calendar == NULL || calendar->zone == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_soporte_variable_set(v, (u_char *)
        (ngx_soporte_calendar_is_open(&calendar->table, ngx_time())
         ? "1" : "0"), 1);

    return NGX_OK;
}


/* RFC 3339 with the zone's offset; empty when it never comes */

static ngx_int_t
ngx_http_soporte_variable_at(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int64_t                        t;
    u_char                        *p;
    ngx_soporte_civil_t            civil;
    ngx_soporte_calendar_state_t   state;
    ngx_http_soporte_calendar_t   *calendar;

    calendar = ngx_http_soporte_variable_calendar(r);

    if (calendar == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_soporte_calendar_state(&calendar->table, ngx_time(), &state);

    t = data ? state.until : state.opens_at;

    if (t == NGX_SOPORTE_CALENDAR_BEYOND) {
        ngx_http_soporte_variable_set(v, (u_char *) "", 0);
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_SOPORTE_TIME_LEN);

    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_soporte_zoneinfo_local(calendar->zone, t, &civil);
    ngx_http_soporte_variable_set(v, p,
                    ngx_soporte_time_rfc3339(p, t, civil.offset) - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_variable_category(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_variable_request(r);

    if (ctx == NULL || ctx->visit == NULL || ctx->visit->category.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_soporte_variable_set(v, ctx->visit->category.data,
                                  ctx->visit->category.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_variable_outcome(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t         *name;
    ngx_soporte_sample_t     sample;
    ngx_http_soporte_ctx_t  *ctx;

    ctx = ngx_http_soporte_variable_request(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ctx->counted) {
        name = &ngx_soporte_outcome_names[NGX_SOPORTE_GOOD];

    } else {
        ngx_http_soporte_sample(r, ctx, &sample);
        name = &ngx_soporte_outcome_names[ngx_soporte_outcome(&sample)];
    }

    ngx_http_soporte_variable_set(v, name->data, name->len);

    return NGX_OK;
}
