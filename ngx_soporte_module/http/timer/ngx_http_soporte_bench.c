
/*
 * Keeps the benches' sites as tenants.  The master reads them with the
 * configuration, each worker again by its timer, in a thread, since each has
 * a table of its own: a request looks up its host without a lock.
 */

#include "ngx_http_soporte_bench.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_probe.h"


/* ms between two looks: a hundred times what one took, within these */

#define NGX_HTTP_SOPORTE_BENCH_LEAST  2000
#define NGX_HTTP_SOPORTE_BENCH_MOST   10000


static char *ngx_http_soporte_bench_upstream(ngx_conf_t *cf,
    ngx_http_soporte_bench_path_t *path, ngx_str_t *value);
static void ngx_http_soporte_bench_cleanup(void *data);
static ngx_int_t ngx_http_soporte_bench_tenants(
    ngx_http_soporte_bench_t *bench, const ngx_soporte_sites_t *sites,
    ngx_soporte_tenant_t ***tenants);
static void ngx_http_soporte_bench_tick(ngx_event_t *ev);
static void ngx_http_soporte_bench_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_bench_done(ngx_event_t *ev);
static void ngx_http_soporte_bench_apply(ngx_http_soporte_bench_t *bench);
static void ngx_http_soporte_bench_forget(ngx_http_soporte_bench_t *bench,
    const ngx_soporte_sites_t *sites);
static ngx_uint_t ngx_http_soporte_bench_literal(
    ngx_http_soporte_main_conf_t *smcf, const ngx_str_t *key);
static void ngx_http_soporte_bench_notes(ngx_http_soporte_bench_t *bench,
    const ngx_soporte_sites_t *sites, ngx_uint_t running, ngx_log_t *log);


char *
ngx_http_soporte_set_bench(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_main_conf_t  *smcf = conf;

    u_char                         *p;
    ngx_str_t                      *value, upstream;
    ngx_http_soporte_bench_t       *bench;
    ngx_http_soporte_bench_path_t  *path;

    bench = smcf->bench;

    if (bench == NULL) {
        bench = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_bench_t));

        if (bench == NULL
            || ngx_array_init(&bench->paths, cf->pool, 1,
                              sizeof(ngx_http_soporte_bench_path_t))
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        bench->smcf = smcf;
        smcf->bench = bench;
    }

    if (bench->paths.nelts == NGX_HTTP_SOPORTE_BENCHES) {
        return "stands here too often";
    }

    path = ngx_array_push(&bench->paths);

    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(path, sizeof(ngx_http_soporte_bench_path_t));
    ngx_http_soporte_conf_place(cf, &path->place);

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (value[1].len > 1 && value[1].data[value[1].len - 1] == '/') {
        value[1].len--;
    }

    path->path.len = value[1].len + sizeof("/sites") - 1;
    path->path.data = ngx_pnalloc(cf->pool, path->path.len + 1);

    if (path->path.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(path->path.data, value[1].data, value[1].len);
    ngx_memcpy(p, "/sites", sizeof("/sites"));

    path->backups.len = path->path.len
                        + sizeof("/{tenant}/private/backups") - 1;
    path->backups.data = ngx_pnalloc(cf->pool, path->backups.len + 1);

    if (path->backups.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(path->backups.data, path->path.data, path->path.len);
    ngx_memcpy(p, "/{tenant}/private/backups",
               sizeof("/{tenant}/private/backups"));

    if (cf->args->nelts == 3) {
        return ngx_http_soporte_bench_upstream(cf, path, &value[2]);
    }

    ngx_str_set(&upstream, "upstream=http://127.0.0.1:8000");

    return ngx_http_soporte_bench_upstream(cf, path, &upstream);
}


static char *
ngx_http_soporte_bench_upstream(ngx_conf_t *cf,
    ngx_http_soporte_bench_path_t *path, ngx_str_t *value)
{
    ngx_url_t  u;

    if (ngx_strncmp(value->data, "upstream=", 9) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = value->data + sizeof("upstream=http://") - 1;
    u.url.len = value->len - (sizeof("upstream=http://") - 1);
    u.default_port = 80;

    if (value->len < sizeof("upstream=http://")
        || ngx_strncmp(value->data + 9, "http://", 7) != 0)
    {
        u.err = "it must be as \"http://127.0.0.1:8000\"";

    } else {
        if (u.url.data[u.url.len - 1] == '/') {
            u.url.len--;
        }

        (void) ngx_parse_url(cf->pool, &u);
    }

    if (u.err || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid upstream \"%V\", "
                           "%s", value, u.err ? u.err : "no address");
        return NGX_CONF_ERROR;
    }

    path->addr = &u.addrs[0];

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_soporte_bench_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                      i;
    ngx_file_info_t                 fi;
    ngx_pool_cleanup_t             *cln;
    ngx_http_soporte_bench_t       *bench;
    ngx_http_soporte_bench_path_t  *paths;

    bench = smcf->bench;
    paths = bench->paths.elts;

    bench->folders = ngx_palloc(cf->pool,
                                bench->paths.nelts * sizeof(ngx_str_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (bench->folders == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < bench->paths.nelts; i++) {
        bench->folders[i] = paths[i].path;

        if (ngx_file_info(paths[i].path.data, &fi) == NGX_FILE_ERROR
            || !ngx_is_dir(&fi))
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                          "soporte_bench: no folder \"%V\" in %s:%ui",
                          &paths[i].path, paths[i].place.file,
                          paths[i].place.line);
            return NGX_ERROR;
        }
    }

    if (ngx_soporte_sites_read(bench->folders, bench->paths.nelts, NULL, NULL,
                               &bench->sites)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_soporte_bench_cleanup;
    cln->data = bench;

    ngx_http_soporte_bench_notes(bench, bench->sites, 0, cf->log);

    return NGX_OK;
}


static void
ngx_http_soporte_bench_cleanup(void *data)
{
    ngx_http_soporte_bench_t  *bench = data;

    ngx_soporte_sites_free(bench->sites);

    if (bench->tenants) {
        ngx_free(bench->tenants);
    }
}


void
ngx_http_soporte_bench_commit(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_bench_t  *bench;

    bench = smcf->bench;
    bench->log = cycle->log;

    if (ngx_http_soporte_bench_tenants(bench, bench->sites, &bench->tenants)
        != NGX_OK)
    {
        bench->tenants = NULL;
    }

    bench->version = 1;
}


/* the slots of all sites; what finds the zone full is counted together */

static ngx_int_t
ngx_http_soporte_bench_tenants(ngx_http_soporte_bench_t *bench,
    const ngx_soporte_sites_t *sites, ngx_soporte_tenant_t ***tenants)
{
    uint32_t                    i;
    ngx_uint_t                  full;
    ngx_soporte_zone_t         *zone;
    ngx_soporte_tenant_t       *tenant, **list;
    ngx_soporte_sites_site_t   *site;

    zone = bench->smcf->zone;
    full = 0;

    list = ngx_alloc((sites->nsites + 1) * sizeof(ngx_soporte_tenant_t *),
                     bench->log);

    if (list == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sites->nsites; i++) {
        site = &sites->sites[i];
        list[i] = NULL;

        if (site->key.len == 0) {
            continue;
        }

        tenant = ngx_soporte_tenant_get(zone, site->key.data, site->key.len,
                                        0, ngx_time());

        if (tenant == NULL) {
            full++;
            list[i] = ngx_soporte_tenant(zone, NGX_SOPORTE_OTHER);
            continue;
        }

        ngx_soporte_store(&tenant->generation, zone->header->generation);
        list[i] = tenant;
    }

    if (full) {
        ngx_http_soporte_tenant_overflow(bench->smcf, bench->log);
    }

    *tenants = list;

    return NGX_OK;
}


ngx_http_soporte_place_t *
ngx_http_soporte_bench_place(const ngx_http_soporte_bench_t *bench)
{
    ngx_http_soporte_bench_path_t  *paths;

    paths = bench->paths.elts;

    return &paths[0].place;
}


ngx_soporte_tenant_t *
ngx_http_soporte_bench_tenant(const ngx_http_soporte_bench_t *bench,
    ngx_http_request_t *r)
{
    uint32_t  i;

    /* nginx checked it and made it lower case; no Host is nobody's */

    if (r->headers_in.server.len == 0 || bench->tenants == NULL) {
        return NULL;
    }

    i = ngx_soporte_sites_find(bench->sites, r->headers_in.server.data,
                               r->headers_in.server.len);

    return (i == NGX_SOPORTE_SITES_NONE) ? NULL : bench->tenants[i];
}


ngx_int_t
ngx_http_soporte_bench_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_bench_t  *bench;

    bench = smcf->bench;

    /* without threads that answer it stays as the master read it */

    if (smcf->single) {
        return NGX_OK;
    }

    bench->log = cycle->log;
    bench->task = ngx_http_soporte_job(cycle, bench,
                                       ngx_http_soporte_bench_thread,
                                       ngx_http_soporte_bench_done);

    if (bench->task == NULL) {
        return NGX_ERROR;
    }

    ngx_http_soporte_timer(&bench->timer, bench, ngx_http_soporte_bench_tick,
                           cycle->log);

    /* at once: a worker born later has what the master read back then */

    ngx_add_timer(&bench->timer.event, 1);

    return NGX_OK;
}


static void
ngx_http_soporte_bench_tick(ngx_event_t *ev)
{
    ngx_http_soporte_bench_t  *bench = ngx_http_soporte_timer_data(ev);

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (!bench->running) {
        bench->started = ngx_current_msec;

        if (ngx_thread_task_post(bench->smcf->pool, bench->task) == NGX_OK) {
            bench->running = 1;
            return;
        }
    }

    ngx_add_timer(ev, NGX_HTTP_SOPORTE_BENCH_MOST);
}


static void
ngx_http_soporte_bench_thread(void *data, ngx_log_t *log)
{
    volatile sig_atomic_t     *stop[2];
    ngx_http_soporte_bench_t  *bench = data;

    ngx_http_soporte_exit_flags(stop);

    bench->found = NULL;
    bench->rc = ngx_soporte_sites_read(bench->folders, bench->paths.nelts,
                                       bench->sites, stop, &bench->found);
}


static void
ngx_http_soporte_bench_done(ngx_event_t *ev)
{
    ngx_msec_t                 wait;
    ngx_http_soporte_bench_t  *bench = ev->data;

    ev->complete = 0;
    bench->running = 0;

    if (ngx_exiting || ngx_terminate) {
        ngx_soporte_sites_free(bench->found);
        return;
    }

    if (bench->rc == NGX_OK) {
        ngx_http_soporte_bench_notes(bench, bench->found, 1, bench->log);

        if (bench->found->same) {
            ngx_soporte_sites_free(bench->found);

        } else {
            ngx_http_soporte_bench_apply(bench);
        }
    }

    wait = (ngx_current_msec - bench->started) * 100;

    wait = ngx_min(ngx_max(wait, NGX_HTTP_SOPORTE_BENCH_LEAST),
                   NGX_HTTP_SOPORTE_BENCH_MOST);

    ngx_add_timer(&bench->timer.event, wait + ngx_random() % (wait / 8));
}


static void
ngx_http_soporte_bench_apply(ngx_http_soporte_bench_t *bench)
{
    ngx_soporte_tenant_t  **tenants;

    if (ngx_http_soporte_bench_tenants(bench, bench->found, &tenants)
        != NGX_OK)
    {
        ngx_soporte_sites_free(bench->found);
        return;
    }

    ngx_http_soporte_bench_forget(bench, bench->found);

    if (bench->smcf->leading) {
        ngx_log_error(NGX_LOG_NOTICE, bench->log, 0,
                      "soporte_bench: %uD sites, %uD before",
                      bench->found->nsites, bench->sites->nsites);
    }

    ngx_soporte_sites_free(bench->sites);

    if (bench->tenants) {
        ngx_free(bench->tenants);
    }

    bench->sites = bench->found;
    bench->tenants = tenants;
    bench->version++;

    ngx_http_soporte_bench_probe(bench);
}


/*
 * Frappe knows a site by the name of its folder (frappe: app.py,
 * init_request()); what the configuration names has its own probe.
 */

void
ngx_http_soporte_bench_probe(ngx_http_soporte_bench_t *bench)
{
    uint32_t                        i;
    ngx_soporte_tenant_t           *tenant;
    ngx_soporte_sites_site_t       *site;
    ngx_http_soporte_bench_path_t  *paths;

    static ngx_str_t  ping = ngx_string("/api/method/ping");

    paths = bench->paths.elts;

    for (i = 0; bench->tenants && i < bench->sites->nsites; i++) {
        site = &bench->sites->sites[i];
        tenant = bench->tenants[i];

        if (tenant == NULL
            || tenant == ngx_soporte_tenant(bench->smcf->zone,
                                            NGX_SOPORTE_OTHER)
            || ngx_http_soporte_bench_literal(bench->smcf, &site->key))
        {
            continue;
        }

        if (ngx_http_soporte_probe_add(bench->smcf, tenant,
                                       paths[site->bench].addr, &site->folder,
                                       &ping, 0)
            != NGX_OK)
        {
            return;
        }
    }
}


/* a site that is gone is no longer known; its slot and figures stay */

static void
ngx_http_soporte_bench_forget(ngx_http_soporte_bench_t *bench,
    const ngx_soporte_sites_t *sites)
{
    uint32_t                         i, k;
    ngx_soporte_tenant_t            *tenant;
    const ngx_soporte_sites_site_t  *site;

    for (i = 0; i < bench->sites->nsites; i++) {
        site = &bench->sites->sites[i];

        if (site->key.len == 0) {
            continue;
        }

        k = ngx_soporte_sites_find(sites, site->key.data, site->key.len);

        if ((k != NGX_SOPORTE_SITES_NONE
             && sites->sites[k].key.len == site->key.len
             && ngx_memcmp(sites->sites[k].key.data, site->key.data,
                           site->key.len) == 0)
            || ngx_http_soporte_bench_literal(bench->smcf, &site->key))
        {
            continue;
        }

        tenant = ngx_soporte_tenant_find(bench->smcf->zone, site->key.data,
                                         site->key.len);

        if (tenant) {
            ngx_soporte_store(&tenant->generation, 0);
            ngx_http_soporte_probe_remove(bench->smcf, tenant);
        }
    }
}


/* the configuration names it as well */

static ngx_uint_t
ngx_http_soporte_bench_literal(ngx_http_soporte_main_conf_t *smcf,
    const ngx_str_t *key)
{
    ngx_uint_t                i;
    ngx_http_soporte_key_t  **keys;

    keys = smcf->keys.elts;

    for (i = 0; i < smcf->keys.nelts; i++) {
        if (keys[i]->key.len == key->len
            && ngx_memcmp(keys[i]->key.data, key->data, key->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* once for each change, by the leader alone; never what a file says */

static void
ngx_http_soporte_bench_notes(ngx_http_soporte_bench_t *bench,
    const ngx_soporte_sites_t *sites, ngx_uint_t running, ngx_log_t *log)
{
    ngx_uint_t                       i;
    ngx_soporte_sites_note_t        *said;
    const ngx_soporte_sites_note_t  *note;

    static const char *const  what[] = {
        "can't be read by this process, what changes in it needs a reload",
        "can't be understood, it stays as it was",
        "has a name that can be no tenant's",
        "claims a host of another site"
    };

    /* who does not lead keeps quiet, and says it if it comes to lead */

    if (running && !bench->smcf->leading) {
        return;
    }

    for (i = 0; i < NGX_SOPORTE_SITES_NOTES; i++) {
        said = &bench->note[i];
        note = &sites->note[i];

        if (note->n == said->n && ngx_strcmp(note->first, said->first) == 0) {
            continue;
        }

        *said = *note;

        if (note->n) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "soporte_bench: \"%s\" %s (%uD such)",
                          note->first, what[i], note->n);
        }
    }
}
