
/*
 * Reads soporte_calendar blocks and the zones they are in.
 */

#include "ngx_http_soporte_hours.h"
#include "ngx_http_soporte_conf.h"

#include "ngx_soporte_error.h"


static ngx_int_t ngx_http_soporte_calendar_builtin(
    ngx_http_soporte_main_conf_t *smcf);
static char *ngx_http_soporte_calendar_line(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_soporte_calendar_holidays(ngx_conf_t *cf,
    ngx_http_soporte_calendar_t *calendar, ngx_str_t *name, ngx_str_t *error);
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

    if (ngx_array_init(&(*calendar)->files, cf->pool, 1,
                       sizeof(ngx_http_soporte_almanac_file_t))
           != NGX_OK
        || ngx_array_push(&(*calendar)->files) == NULL)
    {
        return NULL;
    }

    /* the first is the zone's, which is known only later */

    ngx_memzero((*calendar)->files.elts,
                sizeof(ngx_http_soporte_almanac_file_t));

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
    smcf->almanac = 1;
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

    } else if (ngx_strcmp(value[0].data, "holidays") == 0 && n == 2) {
        rc = ngx_http_soporte_calendar_holidays(cf, calendar, &value[1],
                                                &error);
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


/* "mx-lft74", or an .ics file */

static ngx_int_t
ngx_http_soporte_calendar_holidays(ngx_conf_t *cf,
    ngx_http_soporte_calendar_t *calendar, ngx_str_t *name, ngx_str_t *error)
{
    int                               err;
    ngx_int_t                         rc;
    ngx_str_t                         bytes;
    ngx_http_soporte_almanac_file_t  *file;

    if (ngx_strcmp(name->data, "mx-lft74") == 0) {
        ngx_soporte_calendar_holidays_mx(&calendar->rules);
        return NGX_OK;
    }

    file = ngx_array_push(&calendar->files);

    if (file == NULL || ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        ngx_str_set(error, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(file, sizeof(ngx_http_soporte_almanac_file_t));
    file->path = *name;

    if (ngx_soporte_watch_read((char *) name->data, NGX_SOPORTE_ICS_MAX,
                               &file->mark, &bytes, &err)
        != NGX_OK)
    {
        return ngx_soporte_error(&calendar->mem, error,
                                 "holidays are neither \"mx-lft74\" nor in "
                                 "the file \"%s\": %s", name->data,
                                 strerror(err));
    }

    rc = ngx_soporte_calendar_holidays_ics(&calendar->rules, name, &bytes,
                                           error);
    ngx_free(bytes.data);

    return rc;
}


ngx_int_t
ngx_http_soporte_calendar_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                     i;
    ngx_http_soporte_loc_conf_t   *slcf;
    ngx_http_soporte_calendar_t  **list;

    if (ngx_http_soporte_calendar_builtin(smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    slcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_soporte_module);
    smcf->hours_default = slcf->hours ? slcf->hours : smcf->hours;

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
    int                               err;
    u_char                           *p;
    ngx_str_t                         dir, path, bytes, error, *zone;
    ngx_http_soporte_almanac_file_t  *file;

    zone = &calendar->rules.timezone;
    file = calendar->files.elts;

    dir.data = (u_char *) getenv("TZDIR");

    if (dir.data == NULL || dir.data[0] != '/') {
        dir.data = (u_char *) NGX_HTTP_SOPORTE_ZONEINFO;
    }

    dir.len = ngx_strlen(dir.data);

    path.len = dir.len + 1 + zone->len;
    path.data = ngx_pnalloc(cf->pool, path.len + 1);

    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(path.data, dir.data, dir.len);
    *p++ = '/';
    p = ngx_cpymem(p, zone->data, zone->len);
    *p = '\0';

    file->path = path;

    if (ngx_soporte_watch_read((char *) path.data, NGX_SOPORTE_ZONEINFO_MAX,
                               &file->mark, &bytes, &err)
        == NGX_OK)
    {
        calendar->zone = ngx_soporte_zoneinfo_read(&calendar->mem, &bytes,
                                                   &error);
        ngx_free(bytes.data);

    } else {
        (void) ngx_soporte_error(&calendar->mem, &error, "\"%s\": %s",
                                 path.data, strerror(err));
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
