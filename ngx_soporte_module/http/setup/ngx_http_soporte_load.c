
/*
 * Loads what is files, not C: pages, messages, policy; built in or the
 * operator's.  Everything is parsed now, so that a typo fails "nginx -t" and
 * no disk is read in an incident.
 */

#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_embed.h"

#include "ngx_soporte_error.h"
#include "ngx_soporte_json.h"


#define NGX_HTTP_SOPORTE_PAGE_MAX   (256 * 1024)
#define NGX_HTTP_SOPORTE_JSON_DEPTH  16

#define NGX_HTTP_SOPORTE_HASH_LEN                                             \
    (sizeof("sha256-") - 1                                                    \
     + ngx_base64_encoded_length(NGX_SOPORTE_DIGEST_LEN))


/* where a page's partials are looked for: beside it, then built in */

typedef struct {
    ngx_conf_t    *cf;
    ngx_str_t      dir;                      /* len 0: built in only */
} ngx_http_soporte_loader_t;


static ngx_int_t ngx_http_soporte_load_partial(void *data,
    const ngx_str_t *name, ngx_str_t *src, ngx_str_t *file);
static ngx_int_t ngx_http_soporte_load_script(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);
static ngx_int_t ngx_http_soporte_load_csp(ngx_conf_t *cf,
    ngx_http_soporte_page_t *page, ngx_http_soporte_kind_e kind,
    ngx_str_t *file);
static u_char *ngx_http_soporte_load_hash(u_char *dst, const u_char *p,
    size_t len);
static ngx_int_t ngx_http_soporte_load_hashes(ngx_conf_t *cf,
    const ngx_soporte_template_t *tpl, const char *tag, ngx_str_t *out);
static ngx_int_t ngx_http_soporte_load_merge(ngx_conf_t *cf,
    ngx_soporte_value_t *base, ngx_http_soporte_srv_conf_t *conf);


/* a list of sources without one */

static const char  ngx_http_soporte_none[] = " 'none'";


static const char *const
    ngx_http_soporte_kind_names[NGX_HTTP_SOPORTE_KINDS] =
{
    "maintenance",
    "restore",
    "incident",
    "help",
    "ticket",
    "status",
    "error",
    "desk",
    "privacy",
    "badge",
    "tickets"
};


ngx_int_t
ngx_http_soporte_conf_kind(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_SOPORTE_KINDS; i++) {
        if (ngx_strcmp(name->data, ngx_http_soporte_kind_names[i]) == 0) {
            return i;
        }
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_soporte_conf_read(ngx_conf_t *cf, ngx_str_t *path, size_t max,
    ngx_str_t *bytes, ngx_str_t *error)
{
    ngx_fd_t            fd;
    ssize_t             n;
    ngx_file_info_t     fi;
    ngx_soporte_mem_t   mem;

    mem = ngx_http_soporte_mem(cf->pool);

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return ngx_soporte_error(&mem, error, "\"%s\" can't be opened: %s",
                                 path->data, strerror(ngx_errno));
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        ngx_close_file(fd);
        return ngx_soporte_error(&mem, error, "\"%s\" is not a file",
                                 path->data);
    }

    if ((size_t) ngx_file_size(&fi) > max) {
        ngx_close_file(fd);
        return ngx_soporte_error(&mem, error, "\"%s\" is over %zu bytes",
                                 path->data, max);
    }

    bytes->len = ngx_file_size(&fi);
    bytes->data = ngx_pnalloc(cf->pool, bytes->len + 1);

    if (bytes->data == NULL) {
        ngx_close_file(fd);
        return ngx_soporte_error(&mem, error, "no memory for \"%s\"",
                                 path->data);
    }

    n = bytes->len ? ngx_read_fd(fd, bytes->data, bytes->len) : 0;
    ngx_close_file(fd);

    if (n != (ssize_t) bytes->len) {
        return ngx_soporte_error(&mem, error, "\"%s\" can't be read whole",
                                 path->data);
    }

    bytes->data[bytes->len] = '\0';

    return NGX_OK;
}


ngx_soporte_value_t *
ngx_http_soporte_conf_json(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    ngx_soporte_mem_t          *mem;
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    mem = ngx_palloc(cf->pool, sizeof(ngx_soporte_mem_t));

    if (mem == NULL) {
        return NULL;
    }

    *mem = ngx_http_soporte_mem(cf->pool);
    limits.max_depth = NGX_HTTP_SOPORTE_JSON_DEPTH;

    root = ngx_soporte_json_parse(mem, text->data, text->len, &limits, &err);

    if (root == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\", line %ui, column "
                           "%ui: %s", name, err.line, err.column, err.text);
    }

    return root;
}


ngx_int_t
ngx_http_soporte_conf_builtin(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_str_t             *text, name;
    ngx_uint_t             kind;
    ngx_soporte_value_t   *root;

    ngx_str_set(&name, "pages/messages.json");

    text = ngx_http_soporte_embedded((char *) name.data, name.len);
    root = ngx_http_soporte_conf_json(cf, &name, text);

    if (root == NULL) {
        return NGX_ERROR;
    }

    smcf->messages[NGX_HTTP_SOPORTE_ES] = ngx_soporte_value_get(root, "es");
    smcf->messages[NGX_HTTP_SOPORTE_EN] = ngx_soporte_value_get(root, "en");

    if (ngx_http_soporte_load_script(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (kind = 0; kind < NGX_HTTP_SOPORTE_KINDS; kind++) {
        smcf->pages[kind] = ngx_http_soporte_conf_page(cf, kind, NULL);

        if (smcf->pages[kind] == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&name, "mx");
    smcf->hours = ngx_http_soporte_calendar_get(cf, smcf, &name);

    return smcf->hours ? NGX_OK : NGX_ERROR;
}


ngx_http_soporte_page_t *
ngx_http_soporte_conf_page(ngx_conf_t *cf, ngx_http_soporte_kind_e kind,
    ngx_str_t *path)
{
    u_char                         *p, name[64];
    ngx_str_t                      *src, file, error;
    ngx_soporte_mem_t               mem;
    ngx_http_soporte_page_t        *page;
    ngx_http_soporte_loader_t       data;
    ngx_soporte_template_error_t    err;
    ngx_soporte_template_loader_t   loader;

    page = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_page_t));
    src = ngx_palloc(cf->pool, sizeof(ngx_str_t));

    if (page == NULL || src == NULL) {
        return NULL;
    }

    data.cf = cf;
    ngx_str_null(&data.dir);

    loader.load = ngx_http_soporte_load_partial;
    loader.data = &data;

    if (path) {
        file = *path;

        if (ngx_http_soporte_conf_read(cf, path, NGX_HTTP_SOPORTE_PAGE_MAX,
                                       src, &error)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "page %V", &error);
            return NULL;
        }

        for (p = path->data + path->len; p[-1] != '/'; p--) { /* void */ }

        data.dir.data = path->data;
        data.dir.len = p - path->data;

    } else {
        p = ngx_sprintf(name, "pages/%s.html",
                        ngx_http_soporte_kind_names[kind]);

        file.data = name;
        file.len = p - name;
        *src = *ngx_http_soporte_embedded((char *) name, file.len);
    }

    mem = ngx_http_soporte_mem(cf->pool);

    page->tpl = ngx_soporte_template_parse(&mem, &file, src, &loader, &err);

    if (page->tpl == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "page \"%V\", line %ui: %V",
                           &err.file, err.line, &err.text);
        return NULL;
    }

    return (ngx_http_soporte_load_csp(cf, page, kind, &file) == NGX_OK)
           ? page : NULL;
}


static ngx_int_t
ngx_http_soporte_load_partial(void *data, const ngx_str_t *name,
    ngx_str_t *src, ngx_str_t *file)
{
    u_char                     *p;
    ngx_str_t                  *text, error;
    ngx_file_info_t             fi;
    ngx_http_soporte_loader_t  *loader = data;

    p = ngx_pnalloc(loader->cf->pool, loader->dir.len + name->len
                                      + sizeof("pages/.html"));

    if (p == NULL) {
        return NGX_ERROR;
    }

    file->data = p;

    if (loader->dir.len) {
        p = ngx_cpymem(p, loader->dir.data, loader->dir.len);
        p = ngx_cpymem(p, name->data, name->len);
        p = ngx_cpymem(p, ".html", sizeof(".html"));
        file->len = p - file->data - 1;

        if (ngx_file_info(file->data, &fi) != NGX_FILE_ERROR) {
            return ngx_http_soporte_conf_read(loader->cf, file,
                                              NGX_HTTP_SOPORTE_PAGE_MAX, src,
                                              &error);
        }

        p = file->data;
    }

    p = ngx_cpymem(p, "pages/", sizeof("pages/") - 1);
    p = ngx_cpymem(p, name->data, name->len);
    p = ngx_cpymem(p, ".html", sizeof(".html") - 1);
    file->len = p - file->data;

    text = ngx_http_soporte_embedded((char *) file->data, file->len);

    if (text == NULL) {
        return NGX_DECLINED;
    }

    *src = *text;

    return NGX_OK;
}


/* inline styles and scripts are allowed by their hash, nothing else is */

static ngx_int_t
ngx_http_soporte_load_csp(ngx_conf_t *cf, ngx_http_soporte_page_t *page,
    ngx_http_soporte_kind_e kind, ngx_str_t *file)
{
    u_char                        *p;
    ngx_str_t                      styles, scripts, *form;
    ngx_http_soporte_main_conf_t  *smcf;

    static const char  begin[] = "default-src 'none'; style-src";
    static const char  middle[] = "; script-src";
    static const char  end[] = "; img-src data:; connect-src 'self'; "
                               "form-action 'self'; base-uri 'none'; "
                               "frame-ancestors 'none'";

    if (ngx_http_soporte_load_hashes(cf, page->tpl, "style", &styles)
           != NGX_OK
        || ngx_http_soporte_load_hashes(cf, page->tpl, "script", &scripts)
           != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "page \"%V\": an inline "
                           "style or script is not closed or has tags in it; "
                           "it is allowed by its hash and must be the same "
                           "each time", file);
        return NGX_ERROR;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);
    form = &smcf->form_script;

    p = ngx_pnalloc(cf->pool, sizeof(begin) + sizeof(middle) + sizeof(end)
                              + styles.len + scripts.len + form->len
                              + sizeof(" ''"));

    if (p == NULL) {
        return NGX_ERROR;
    }

    page->csp.data = p;
    p = ngx_cpymem(p, begin, sizeof(begin) - 1);
    p = ngx_cpymem(p, styles.data, styles.len);
    p = ngx_cpymem(p, middle, sizeof(middle) - 1);

    if (kind == NGX_HTTP_SOPORTE_HELP || kind == NGX_HTTP_SOPORTE_TICKET) {
        p = ngx_sprintf(p, " '%V'", form);

        if (ngx_strncmp(scripts.data, ngx_http_soporte_none,
                        sizeof(ngx_http_soporte_none) - 1)
            == 0)
        {
            scripts.len = 0;
        }
    }

    p = ngx_cpymem(p, scripts.data, scripts.len);

    p = ngx_cpymem(p, end, sizeof(end) - 1);
    page->csp.len = p - page->csp.data;

    return NGX_OK;
}


/* " 'sha256-…'" for each element of a page and its partials, or " 'none'" */

static ngx_int_t
ngx_http_soporte_load_hashes(ngx_conf_t *cf,
    const ngx_soporte_template_t *tpl, const char *tag, ngx_str_t *out)
{
    u_char       *p, *end, *close, *q;
    size_t        len;
    ngx_uint_t    n;

    const ngx_soporte_template_t  *t;

    const size_t  item = sizeof(" ''") - 1 + NGX_HTTP_SOPORTE_HASH_LEN;

    len = ngx_strlen(tag);
    n = 0;

    for (t = tpl; t; t = t->next) {
        n += t->src.len / (2 * len + 5);
    }

    q = ngx_pnalloc(cf->pool, n * item + sizeof(ngx_http_soporte_none));

    if (q == NULL) {
        return NGX_ERROR;
    }

    out->data = q;

    for (t = tpl; t; t = t->next) {
        p = t->src.data;
        end = p + t->src.len;

        for ( ;; ) {
            p = ngx_strlcasestrn(p, end, (u_char *) tag, len - 1);

            if (p == NULL) {
                break;
            }

            p += len;

            if (p - len == t->src.data || p[-(ssize_t) len - 1] != '<'
                || p == end || *p != '>')
            {
                continue;
            }

            p++;
            close = ngx_strlcasestrn(p, end, (u_char *) "</", 2 - 1);

            if (close == NULL
                || ngx_strlcasestrn(p, close, (u_char *) "{{", 2 - 1))
            {
                return NGX_ERROR;
            }

            *q++ = ' ';
            *q++ = '\'';
            q = ngx_http_soporte_load_hash(q, p, close - p);

            if (q == NULL) {
                return NGX_ERROR;
            }

            *q++ = '\'';

            p = close;
        }
    }

    if (q == out->data) {
        q = ngx_cpymem(q, ngx_http_soporte_none,
                       sizeof(ngx_http_soporte_none) - 1);
    }

    out->len = q - out->data;

    return NGX_OK;
}


/* "sha256-…" as CSP and integrity have it; returns the end, NULL: no digest */

static u_char *
ngx_http_soporte_load_hash(u_char *dst, const u_char *p, size_t len)
{
    u_char     digest[NGX_SOPORTE_DIGEST_LEN];
    ngx_str_t  hash, base64;

    if (ngx_soporte_secret_sha256(digest, p, len) != NGX_OK) {
        return NULL;
    }

    hash.data = digest;
    hash.len = NGX_SOPORTE_DIGEST_LEN;

    base64.data = ngx_cpymem(dst, "sha256-", sizeof("sha256-") - 1);
    ngx_encode_base64(&base64, &hash);

    return base64.data + base64.len;
}


/* the one script that stands in a file of its own: pages name its hash */

static ngx_int_t
ngx_http_soporte_load_script(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    u_char     *p;
    ngx_str_t  *text;

    static const char  name[] = "form.js";

    text = ngx_http_soporte_embedded(name, sizeof(name) - 1);
    smcf->form_script.data = ngx_pnalloc(cf->pool, NGX_HTTP_SOPORTE_HASH_LEN);

    if (smcf->form_script.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_soporte_load_hash(smcf->form_script.data, text->data,
                                   text->len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    smcf->form_script.len = p - smcf->form_script.data;

    return NGX_OK;
}


ngx_int_t
ngx_http_soporte_conf_policy(ngx_conf_t *cf,
    ngx_http_soporte_srv_conf_t *parent, ngx_http_soporte_srv_conf_t *conf)
{
    ngx_str_t             *text, name;
    ngx_soporte_value_t   *base;

    if (parent) {
        if (conf->policy_patch == NULL) {
            conf->policy = parent->policy;
            conf->policy_tree = parent->policy_tree;
            conf->policy_view = parent->policy_view;
            return NGX_OK;
        }

        base = parent->policy_tree;

    } else {
        ngx_str_set(&name, "politica.json");

        text = ngx_http_soporte_embedded((char *) name.data, name.len);
        base = ngx_http_soporte_conf_json(cf, &name, text);

        if (base == NULL) {
            return NGX_ERROR;
        }

        if (conf->policy_file.len == 0) {
            conf->policy_file = name;
        }
    }

    return ngx_http_soporte_load_merge(cf, base, conf);
}


static ngx_int_t
ngx_http_soporte_load_merge(ngx_conf_t *cf, ngx_soporte_value_t *base,
    ngx_http_soporte_srv_conf_t *conf)
{
    ngx_str_t           error;
    ngx_soporte_mem_t  *mem;

    mem = ngx_palloc(cf->pool, sizeof(ngx_soporte_mem_t));
    conf->policy = ngx_pcalloc(cf->pool, sizeof(ngx_soporte_policy_t));

    if (mem == NULL || conf->policy == NULL) {
        return NGX_ERROR;
    }

    *mem = ngx_http_soporte_mem(cf->pool);

    conf->policy_tree = conf->policy_patch
                        ? ngx_soporte_policy_merge(mem, base,
                                                   conf->policy_patch)
                        : base;

    if (conf->policy_tree == NULL) {
        return NGX_ERROR;
    }

    if (ngx_soporte_policy_read(mem, conf->policy_tree, conf->policy, &error)
        != NGX_OK)
    {
        if (conf->policy_place.file) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "policy \"%V\": %V in %s:%ui", &conf->policy_file,
                          &error, conf->policy_place.file,
                          conf->policy_place.line);
        } else {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "policy \"%V\": %V",
                          &conf->policy_file, &error);
        }

        return NGX_ERROR;
    }

    conf->policy_view = ngx_http_soporte_policy_view(mem, conf->policy_tree,
                                                     conf->policy);

    return conf->policy_view ? NGX_OK : NGX_ERROR;
}
