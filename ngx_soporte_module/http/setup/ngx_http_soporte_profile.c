
/*
 * The directives that say how a tenant is watched, and what follows for each
 * tenant from where they stand.
 */

#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_profile.h"

#include "ngx_soporte_outcome.h"


#define NGX_HTTP_SOPORTE_PROBE_TIMEOUT_MAX   10000        /* ms */
#define NGX_HTTP_SOPORTE_PROBE_INTERVAL_MIN  200          /* ms, a tick */


static ngx_int_t ngx_http_soporte_detect_param(ngx_conf_t *cf,
    ngx_str_t *value, ngx_soporte_detect_conf_t *detect);
static ngx_int_t ngx_http_soporte_probe_param(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_soporte_probe_conf_t *probe);
static char *ngx_http_soporte_probe_url(ngx_conf_t *cf,
    ngx_http_soporte_probe_conf_t *probe);
static ngx_int_t ngx_http_soporte_probe_word(ngx_conf_t *cf, ngx_str_t *text);
static ngx_http_soporte_profile_t *ngx_http_soporte_profile_create(
    ngx_conf_t *cf, ngx_http_soporte_srv_conf_t *sscf, ngx_uint_t level);
static void ngx_http_soporte_profile_host(ngx_conf_t *cf, ngx_str_t *host);
static ngx_int_t ngx_http_soporte_profile_join(ngx_conf_t *cf,
    ngx_http_soporte_key_t *key, ngx_http_soporte_profile_t *profile);


/* words of proxy_next_upstream */

ngx_conf_bitmask_t  ngx_http_soporte_failures[] = {
    { ngx_string("error"), NGX_SOPORTE_FAILURE_ERROR },
    { ngx_string("timeout"), NGX_SOPORTE_FAILURE_TIMEOUT },
    { ngx_string("invalid_header"), NGX_SOPORTE_FAILURE_HEADER },
    { ngx_string("http_500"), NGX_SOPORTE_FAILURE_500 },
    { ngx_string("http_502"), NGX_SOPORTE_FAILURE_502 },
    { ngx_string("http_503"), NGX_SOPORTE_FAILURE_503 },
    { ngx_string("http_504"), NGX_SOPORTE_FAILURE_504 },
    { ngx_string("http_403"), NGX_SOPORTE_FAILURE_403 },
    { ngx_string("http_404"), NGX_SOPORTE_FAILURE_404 },
    { ngx_string("http_429"), NGX_SOPORTE_FAILURE_429 },
    { ngx_null_string, 0 }
};


ngx_conf_enum_t  ngx_http_soporte_levels[] = {
    { ngx_string("emerg"), NGX_LOG_EMERG },
    { ngx_string("alert"), NGX_LOG_ALERT },
    { ngx_string("crit"), NGX_LOG_CRIT },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_null_string, 0 }
};


static const ngx_http_soporte_profile_t  ngx_http_soporte_profile_plain = {
    .detect = {
        .failures = NGX_SOPORTE_DETECT_FAILURES,
        .window = NGX_SOPORTE_DETECT_WINDOW,
        .recover = NGX_SOPORTE_DETECT_RECOVER
    },
    .level = NGX_LOG_WARN
};


/* soporte_detect failures=N window=T recover=T */

char *
ngx_http_soporte_set_detect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_srv_conf_t  *sscf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (sscf->detect_place.file) {
        return "is duplicate";
    }

    ngx_http_soporte_conf_place(cf, &sscf->detect_place);
    sscf->detect = ngx_http_soporte_profile_plain.detect;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_soporte_detect_param(cf, &value[i], &sscf->detect)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be one of "
                               "failures=1..255, window=TIME, recover=TIME",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_soporte_detect_param(ngx_conf_t *cf, ngx_str_t *value,
    ngx_soporte_detect_conf_t *detect)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "failures=", 9) == 0) {
        n = ngx_atoi(value->data + 9, value->len - 9);

        if (n < 1 || n > 255) {
            return NGX_ERROR;
        }

        detect->failures = n;

        return NGX_OK;
    }

    /* ngx_parse_time() takes nothing for no time at all */

    if (ngx_strncmp(value->data, "window=", 7) == 0) {
        s.data = value->data + 7;
        s.len = value->len - 7;
        n = s.len ? ngx_parse_time(&s, 0) : NGX_ERROR;

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        detect->window = n;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "recover=", 8) == 0) {
        s.data = value->data + 8;
        s.len = value->len - 8;
        n = s.len ? ngx_parse_time(&s, 0) : NGX_ERROR;

        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }

        detect->recover = n;

        return NGX_OK;
    }

    return NGX_ERROR;
}


/* soporte_probe URL [host=H] [interval=T] [timeout=T] | off */

char *
ngx_http_soporte_set_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_srv_conf_t  *sscf = conf;

    ngx_str_t                      *value;
    ngx_uint_t                      i;
    ngx_http_soporte_probe_conf_t  *probe;

    if (sscf->probe) {
        return "is duplicate";
    }

    probe = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_probe_conf_t));

    if (probe == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    sscf->probe = probe;
    ngx_http_soporte_conf_place(cf, &probe->place);

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        probe->off = 1;
        return NGX_CONF_OK;
    }

    probe->url = value[1];
    ngx_str_set(&probe->host, "{host}");
    probe->timeout = NGX_SOPORTE_DETECT_TIMEOUT;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_soporte_probe_param(cf, &value[i], probe) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_soporte_probe_url(cf, probe);
}


static ngx_int_t
ngx_http_soporte_probe_param(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_soporte_probe_conf_t *probe)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "host=", 5) == 0 && value->len > 5) {
        probe->host.data = value->data + 5;
        probe->host.len = value->len - 5;

        return ngx_http_soporte_probe_word(cf, &probe->host);
    }

    if (ngx_strncmp(value->data, "interval=", 9) == 0) {
        s.data = value->data + 9;
        s.len = value->len - 9;
        n = ngx_parse_time(&s, 0);

        if (n != NGX_ERROR && n >= NGX_HTTP_SOPORTE_PROBE_INTERVAL_MIN) {
            probe->interval = n;
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\", at least 200ms", value);
        return NGX_ERROR;
    }

    if (ngx_strncmp(value->data, "timeout=", 8) == 0) {
        s.data = value->data + 8;
        s.len = value->len - 8;
        n = ngx_parse_time(&s, 0);

        if (n > 0 && n <= NGX_HTTP_SOPORTE_PROBE_TIMEOUT_MAX) {
            probe->timeout = n;
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\", at most 10s", value);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);
    return NGX_ERROR;
}


/* goes into a line of a request as it is */

static ngx_int_t
ngx_http_soporte_probe_word(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char  *p, *last;

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p <= ' ' || *p >= 0x7f || *p == '}') {
            break;
        }

        if (*p != '{') {
            continue;
        }

        if (last - p >= 8 && ngx_strncmp(p, "{tenant}", 8) == 0) {
            p += 7;

        } else if (last - p >= 6 && ngx_strncmp(p, "{host}", 6) == 0) {
            p += 5;

        } else {
            break;
        }
    }

    if (p == last) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" of a probe, it must be of printable "
                       "characters, with \"{tenant}\" and \"{host}\" for the "
                       "tenant's", text);

    return NGX_ERROR;
}


/* the address is numeric from here on: nothing is resolved at run time */

static char *
ngx_http_soporte_probe_url(ngx_conf_t *cf,
    ngx_http_soporte_probe_conf_t *probe)
{
    ngx_url_t  u;

    if (ngx_strncmp(probe->url.data, "http://", 7) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\", it must begin with "
                           "\"http://\"", &probe->url);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = probe->url.data + 7;
    u.url.len = probe->url.len - 7;
    u.default_port = 80;
    u.uri_part = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"",
                           u.err ? u.err : "no memory", &probe->url);
        return NGX_CONF_ERROR;
    }

    probe->addrs = u.addrs;
    probe->naddrs = u.naddrs;
    probe->uri = u.uri;

    if (probe->uri.len == 0) {
        ngx_str_set(&probe->uri, NGX_HTTP_SOPORTE_PING);
    }

    return (ngx_http_soporte_probe_word(cf, &probe->uri) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


void
ngx_http_soporte_profile_create_srv(ngx_http_soporte_srv_conf_t *conf)
{
    conf->detect = ngx_http_soporte_profile_plain.detect;
}


void
ngx_http_soporte_profile_merge_srv(ngx_http_soporte_srv_conf_t *prev,
    ngx_http_soporte_srv_conf_t *conf)
{
    if (conf->detect_place.file == NULL) {
        conf->detect = prev->detect;
        conf->detect_place = prev->detect_place;
    }

    if (conf->probe == NULL) {
        conf->probe = prev->probe;
    }
}


ngx_int_t
ngx_http_soporte_profile_merge(ngx_conf_t *cf,
    ngx_http_soporte_loc_conf_t *prev, ngx_http_soporte_loc_conf_t *conf)
{
    ngx_http_soporte_srv_conf_t   *sscf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);
    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_soporte_module);

    if (conf->key == NULL && conf->value == NULL) {
        return NGX_OK;
    }

    /* a location that says nothing of its own shares its parent's */

    if (prev->profile && prev->level == conf->level
        && prev->profile->probe == sscf->probe
        && prev->key == conf->key && prev->value == conf->value)
    {
        conf->profile = prev->profile;
        conf->stamp = prev->stamp;
        return NGX_OK;
    }

    conf->profile = ngx_http_soporte_profile_create(cf, sscf, conf->level);

    if (conf->profile == NULL) {
        return NGX_ERROR;
    }

    if (conf->key) {
        return ngx_http_soporte_profile_join(cf, conf->key, conf->profile);
    }

    if (sscf->probe == NULL) {

        if (smcf->unprobed.file == NULL) {
            smcf->unprobed = conf->tenant_place;
        }

        if (sscf->detect_place.file == NULL && conf->level == NGX_LOG_WARN) {
            return NGX_OK;
        }
    }

    /* requests mark their tenants with it, so the leader knows of them */

    conf->stamp = conf->profile->id;

    return ngx_http_soporte_profile_put(smcf, conf->profile);
}


static ngx_http_soporte_profile_t *
ngx_http_soporte_profile_create(ngx_conf_t *cf,
    ngx_http_soporte_srv_conf_t *sscf, ngx_uint_t level)
{
    uint32_t                        crc;
    ngx_http_soporte_probe_conf_t  *probe;
    ngx_http_soporte_profile_t     *profile;

    profile = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_profile_t));

    if (profile == NULL) {
        return NULL;
    }

    profile->probe = sscf->probe;
    profile->detect = sscf->detect;
    profile->place = sscf->detect_place;
    profile->level = level;

    ngx_http_soporte_profile_host(cf, &profile->host);

    /* the same in the next configuration, so that marks keep their meaning */

    ngx_crc32_init(crc);
    ngx_crc32_update(&crc, (u_char *) &profile->detect,
                     sizeof(ngx_soporte_detect_conf_t));
    ngx_crc32_update(&crc, (u_char *) &level, sizeof(ngx_uint_t));

    probe = sscf->probe;

    if (probe) {
        ngx_crc32_update(&crc, probe->url.data, probe->url.len);
        ngx_crc32_update(&crc, probe->host.data, probe->host.len);
        ngx_crc32_update(&crc, (u_char *) &probe->interval,
                         sizeof(ngx_msec_t));
        ngx_crc32_update(&crc, (u_char *) &probe->timeout,
                         sizeof(ngx_msec_t));
    }

    ngx_crc32_final(crc);

    profile->id = (uint16_t) (crc ^ (crc >> 16));

    if (profile->id == 0) {
        profile->id = 1;
    }

    return profile;
}


/* the first name of the server that is one */

static void
ngx_http_soporte_profile_host(ngx_conf_t *cf, ngx_str_t *host)
{
    ngx_uint_t                 i;
    ngx_http_server_name_t    *name;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    name = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (name[i].regex) {
            continue;
        }
#endif

        if (name[i].name.len == 0 || name[i].name.data[0] == '.'
            || ngx_strlchr(name[i].name.data,
                           name[i].name.data + name[i].name.len, '*'))
        {
            continue;
        }

        *host = name[i].name;
        return;
    }

    ngx_str_null(host);
}


/* a tenant of several servers is watched in one way */

static ngx_int_t
ngx_http_soporte_profile_join(ngx_conf_t *cf, ngx_http_soporte_key_t *key,
    ngx_http_soporte_profile_t *profile)
{
    ngx_http_soporte_profile_t     *known;
    ngx_http_soporte_probe_conf_t  *a, *b;

    known = key->profile;

    if (known == NULL) {
        key->profile = profile;
        return NGX_OK;
    }

    if (known->place.file && profile->place.file
        && ngx_memcmp(&known->detect, &profile->detect,
                      sizeof(ngx_soporte_detect_conf_t))
           != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"soporte_detect\" of tenant \"%V\" in %s:%ui differs "
                      "from the one in %s:%ui", &key->key,
                      profile->place.file, profile->place.line,
                      known->place.file, known->place.line);
        return NGX_ERROR;
    }

    a = known->probe;
    b = profile->probe;

    if (a && b && !a->off && !b->off && a != b
        && (a->url.len != b->url.len || a->host.len != b->host.len
            || ngx_memcmp(a->url.data, b->url.data, a->url.len) != 0
            || ngx_memcmp(a->host.data, b->host.data, a->host.len) != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"soporte_probe\" of tenant \"%V\" in %s:%ui differs "
                      "from the one in %s:%ui", &key->key, b->place.file,
                      b->place.line, a->place.file, a->place.line);
        return NGX_ERROR;
    }

    /* what one server does not say another one does */

    if (known->place.file == NULL) {
        known->detect = profile->detect;
        known->place = profile->place;
    }

    if (b && (a == NULL || a->off)) {
        known->probe = b;
        known->host = profile->host;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_profile_put(ngx_http_soporte_main_conf_t *smcf,
    ngx_http_soporte_profile_t *profile)
{
    ngx_uint_t                    i;
    ngx_http_soporte_profile_t  **profiles;

    profiles = smcf->profiles.elts;

    for (i = 0; i < smcf->profiles.nelts; i++) {
        if (profiles[i]->id == profile->id) {
            return NGX_OK;
        }
    }

    profiles = ngx_array_push(&smcf->profiles);

    if (profiles == NULL) {
        return NGX_ERROR;
    }

    *profiles = profile;

    return NGX_OK;
}


void
ngx_http_soporte_profile_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_str_t                  name;
    ngx_uint_t                 i, n;
    ngx_http_soporte_key_t   **keys;
    ngx_http_soporte_place_t  *place;

    place = smcf->unprobed.file ? &smcf->unprobed : NULL;
    n = place ? 1 : 0;
    ngx_str_set(&name, "of a variable");

    keys = smcf->keys.elts;

    for (i = 0; i < smcf->keys.nelts; i++) {

        if (keys[i]->profile == NULL || keys[i]->profile->probe) {
            continue;
        }

        if (n++ == 0) {
            place = &keys[i]->place;
            name = keys[i]->key;
        }
    }

    if (place == NULL) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "tenant \"%V\" in %s:%ui has no \"soporte_probe\", an "
                  "outage is not seen while nobody uses it (%ui such)",
                  &name, place->file, place->line, n);
}


const ngx_http_soporte_profile_t *
ngx_http_soporte_profile_default(void)
{
    return &ngx_http_soporte_profile_plain;
}


u_char *
ngx_http_soporte_profile_fill(u_char *dst, size_t max, const ngx_str_t *text,
    const ngx_str_t *tenant, const ngx_str_t *host)
{
    u_char           *p, *last, *end;
    const ngx_str_t  *word;

    p = text->data;
    last = p + text->len;
    end = dst + max;

    while (p < last) {

        if (*p != '{') {

            if (dst == end) {
                return NULL;
            }

            *dst++ = *p++;
            continue;
        }

        /* the configuration lets no other word through */

        word = (p[1] == 't') ? tenant : host;
        p = ngx_strlchr(p, last, '}') + 1;

        if ((size_t) (end - dst) < word->len) {
            return NULL;
        }

        dst = ngx_cpymem(dst, word->data, word->len);
    }

    return dst;
}
