
/*
 * Reads soporte_calendar blocks and the zones they are in.
 */

#include "ngx_http_soporte_hours.h"
#include "ngx_http_soporte_conf.h"


#define NGX_HTTP_SOPORTE_ZONEINFO  "/usr/share/zoneinfo/"


static ngx_int_t ngx_http_soporte_calendar_builtin(
    ngx_http_soporte_main_conf_t *smcf);
static char *ngx_http_soporte_calendar_line(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_soporte_calendar_zone(ngx_conf_t *cf,
    ngx_http_soporte_calendar_t *calendar);


ngx_http_soporte_calendar_t *
ngx_http_soporte_calendar_get(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *name)
{
    ngx_uint_t                     i;
    ngx_http_soporte_calendar_t  **list, **calendar;

    list = smcf->calendars.elts;

    for (i = 0; i < smcf->calendars.nelts; i++) {
        if (list[i]->name.len == name->len
            && ngx_strncmp(list[i]->name.data, name->data, name->len) == 0)
        {
            return list[i];
        }
    }

    calendar = ngx_array_push(&smcf->calendars);

    if (calendar == NULL) {
        return NULL;
    }

    *calendar = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_calendar_t));

    if (*calendar == NULL) {
        return NULL;
    }

    (*calendar)->name = *name;
    (*calendar)->mem = ngx_http_soporte_mem(cf->pool);
    ngx_soporte_calendar_init(&(*calendar)->rules, &(*calendar)->mem);
    ngx_http_soporte_conf_place(cf, &(*calendar)->place);

    return *calendar;
}


/* mon-fri 09:00-18:00 America/Mexico_City, LFT art. 74; unless redefined */

static ngx_int_t
ngx_http_soporte_calendar_builtin(ngx_http_soporte_main_conf_t *smcf)
{
    ngx_str_t                     error;
    ngx_soporte_calendar_t       *rules;
    ngx_http_soporte_calendar_t  *mx;

    static ngx_str_t  zone = ngx_string("America/Mexico_City");
    static ngx_str_t  days = ngx_string("mon-fri");
    static ngx_str_t  range = ngx_string("09:00-18:00");

    mx = smcf->hours;

    if (mx->defined) {
        return NGX_OK;
    }

    mx->defined = 1;
    rules = &mx->rules;

    if (ngx_soporte_calendar_timezone(rules, &zone, &error) != NGX_OK
        || ngx_soporte_calendar_hours(rules, &days, &range, &error) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_soporte_calendar_holidays_mx(rules);

    return ngx_soporte_calendar_done(rules, &error);
}


char *
ngx_http_soporte_set_calendar(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    char                         *rv;
    ngx_str_t                    *value, error;
    ngx_conf_t                    save;
    ngx_http_soporte_calendar_t  *calendar;

    value = cf->args->elts;

    calendar = ngx_http_soporte_calendar_get(cf, smcf, &value[1]);

    if (calendar == NULL) {
        return NGX_CONF_ERROR;
    }

    if (calendar->defined) {
        return "is duplicate";
    }

    calendar->defined = 1;
    ngx_http_soporte_conf_place(cf, &calendar->place);

    save = *cf;
    cf->handler = ngx_http_soporte_calendar_line;
    cf->handler_conf = (char *) calendar;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_soporte_calendar_done(&calendar->rules, &error) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &error);
        return NGX_CONF_ERROR;
    }

    if (ngx_soporte_calendar_empty(&calendar->rules)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "calendar \"%V\" is always closed",
                           &calendar->name);
    }

    return NGX_CONF_OK;
}


/* one line of the block */

static char *
ngx_http_soporte_calendar_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                     rc;
    ngx_str_t                    *value, error;
    ngx_uint_t                    n;
    ngx_soporte_calendar_t       *rules;
    ngx_http_soporte_calendar_t  *calendar;

    calendar = (ngx_http_soporte_calendar_t *) conf;
    rules = &calendar->rules;

    value = cf->args->elts;
    n = cf->args->nelts;
    rc = NGX_DECLINED;

    if (ngx_strcmp(value[0].data, "timezone") == 0 && n == 2) {
        rc = ngx_soporte_calendar_timezone(rules, &value[1], &error);

    } else if (ngx_strcmp(value[0].data, "hours") == 0 && n == 3) {
        rc = ngx_soporte_calendar_hours(rules, &value[1], &value[2], &error);

    } else if (ngx_strcmp(value[0].data, "date") == 0 && n >= 3) {
        rc = ngx_soporte_calendar_date(rules, &value[1], &value[2], n - 2,
                                       &error);

    } else if (ngx_strcmp(value[0].data, "closed") == 0 && n == 3) {
        rc = ngx_soporte_calendar_closed(rules, &value[1], &value[2], &error);

    } else if (ngx_strcmp(value[0].data, "open") == 0 && n == 3) {
        rc = ngx_soporte_calendar_open(rules, &value[1], &value[2], &error);

    } else if (ngx_strcmp(value[0].data, "holidays") == 0 && n == 2
               && ngx_strcmp(value[1].data, "mx-lft74") == 0)
    {
        ngx_soporte_calendar_holidays_mx(rules);
        rc = NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" with %ui argument(s) is not known here; "
                           "a calendar has \"timezone\", \"hours\", "
                           "\"holidays\", \"date\", \"closed\", \"open\"",
                           &value[0], n - 1);
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &error);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_soporte_calendar_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                     i;
    ngx_http_soporte_calendar_t  **list;

    if (ngx_http_soporte_calendar_builtin(smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    list = smcf->calendars.elts;

    for (i = 0; i < smcf->calendars.nelts; i++) {

        if (!list[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "calendar \"%V\" is not defined in %s:%ui",
                          &list[i]->name, list[i]->place.file,
                          list[i]->place.line);
            return NGX_ERROR;
        }

        if (ngx_http_soporte_calendar_zone(cf, list[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_calendar_zone(ngx_conf_t *cf,
    ngx_http_soporte_calendar_t *calendar)
{
    u_char      *p;
    ngx_str_t    path, bytes, error, *zone;

    zone = &calendar->rules.timezone;

    path.len = sizeof(NGX_HTTP_SOPORTE_ZONEINFO) - 1 + zone->len;
    path.data = ngx_pnalloc(cf->pool, path.len + 1);

    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(path.data, NGX_HTTP_SOPORTE_ZONEINFO,
                   sizeof(NGX_HTTP_SOPORTE_ZONEINFO) - 1);
    p = ngx_cpymem(p, zone->data, zone->len);
    *p = '\0';

    if (ngx_http_soporte_conf_read(cf, &path, NGX_SOPORTE_ZONEINFO_MAX,
                                   &bytes, &error)
        == NGX_OK)
    {
        calendar->zone = ngx_soporte_zoneinfo_read(&calendar->mem, &bytes,
                                                   &error);
    }

    if (calendar->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "time zone \"%V\" of calendar \"%V\": %V in %s:%ui; "
                      "is the package tzdata installed?", zone,
                      &calendar->name, &error, calendar->place.file,
                      calendar->place.line);
        return NGX_ERROR;
    }

    calendar->table.memory = ngx_palloc(cf->pool,
                              ngx_soporte_calendar_room(&calendar->rules));

    if (calendar->table.memory == NULL) {
        return NGX_ERROR;
    }

    ngx_soporte_calendar_build(&calendar->rules, calendar->zone, ngx_time(),
                               &calendar->table);

    return NGX_OK;
}
