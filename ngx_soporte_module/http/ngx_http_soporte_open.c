
/*
 * From a configuration that was read to one in force: what only the whole
 * shows is checked, memory and directories are made, slots are given.
 *
 * "nginx -t" and "nginx -s" go through here and must leave no trace.
 */

#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_abroad.h"
#include "ngx_http_soporte_bench.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_profile.h"
#include "ngx_http_soporte_snapshot.h"

#include "ngx_soporte_terms.h"

#include <ngx_thread_pool.h>
#include <pwd.h>
#include <grp.h>


#define NGX_HTTP_SOPORTE_PATH      "/var/lib/soporte"
#define NGX_HTTP_SOPORTE_MAX_SIZE  (256 * 1024 * 1024)
#define NGX_HTTP_SOPORTE_THREADS   "soporte"


extern ngx_module_t  ngx_thread_pool_module;


static ngx_int_t ngx_http_soporte_open_zone(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_uint_t *fresh);
static void ngx_http_soporte_open_close(void *data);
static ngx_int_t ngx_http_soporte_open_path(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);
static ngx_int_t ngx_http_soporte_open_history(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);
static ngx_int_t ngx_http_soporte_open_user(ngx_conf_t *cf, uid_t *uid,
    gid_t *gid);
static ngx_int_t ngx_http_soporte_open_zone_path(ngx_conf_t *cf,
    ngx_soporte_zone_t *zone);
static ngx_int_t ngx_http_soporte_open_pool(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);
static void ngx_http_soporte_open_terms(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);
static uint32_t ngx_http_soporte_open_term(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_policy_t *policy);
static ngx_int_t ngx_http_soporte_open_portals(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);
static void **ngx_http_soporte_open_portal(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *base);


ngx_int_t
ngx_http_soporte_conf_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_place_t  *place;

    if (smcf->zone == NULL) {
        place = smcf->tenant.file ? &smcf->tenant : &smcf->portal;

        if (place->file == NULL && smcf->bench) {
            place = ngx_http_soporte_bench_place(smcf->bench);
        }

        if (place->file) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"soporte_zone\" is missing, what is used in "
                          "%s:%ui needs it", place->file, place->line);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    smcf->blocking = (smcf->portal.file || smcf->path.data || smcf->postgres
                      || smcf->bench || smcf->backups_set || smcf->almanac
                      || smcf->geoip
                      || smcf->redis);

    ngx_conf_init_msec_value(smcf->timeout, 2000);
    ngx_conf_init_size_value(smcf->max_size, NGX_HTTP_SOPORTE_MAX_SIZE);

    if (smcf->path.data == NULL) {
        ngx_str_set(&smcf->path, NGX_HTTP_SOPORTE_PATH);
    }

    if (smcf->node.data == NULL) {
        smcf->node = cf->cycle->hostname;
    }

    if (ngx_http_soporte_calendar_check(cf, smcf) != NGX_OK
        || ngx_http_soporte_abroad_check(cf, smcf) != NGX_OK
        || ngx_http_soporte_open_zone_path(cf, smcf->zone) != NGX_OK
        || ngx_http_soporte_open_portals(cf, smcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (smcf->bench && ngx_http_soporte_bench_check(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_soporte_guard_check(cf, smcf);
    ngx_http_soporte_profile_check(cf, smcf);

    /*
     * Only where something blocks: as soon as a process has threads, libc
     * spends some 350 instructions more on each request's system calls.
     */

    if (!smcf->blocking) {
        return NGX_OK;
    }

    return ngx_http_soporte_open_pool(cf, smcf);
}


ngx_int_t
ngx_http_soporte_conf_open(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    if (ngx_test_config || ngx_process == NGX_PROCESS_SIGNALLER) {
        return NGX_OK;
    }

    ngx_uint_t  fresh;

    if (ngx_http_soporte_open_zone(cf, smcf, &fresh) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!smcf->blocking) {
        return NGX_OK;
    }

    if (ngx_http_soporte_open_path(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return fresh ? ngx_http_soporte_snapshot_restore(cf, smcf) : NGX_OK;
}


static ngx_int_t
ngx_http_soporte_open_zone(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_uint_t *fresh)
{
    ngx_pool_cleanup_t         *cln;
    ngx_soporte_zone_result_t   result;

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_soporte_zone_open(smcf->zone, ngx_time(), &result) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, result.err,
                      "soporte_zone \"%V\": \"%V\" can't be used: %s",
                      &smcf->zone->name, &smcf->zone->path, result.what);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_soporte_open_close;
    cln->data = smcf->zone;

    *fresh = result.fresh;

    if (result.damage[0]) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, 0,
                      "soporte_zone \"%V\": \"%V\" is damaged and left, %s",
                      &smcf->zone->name, &smcf->zone->path, result.damage);
    }

    if (result.fresh) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "soporte_zone \"%V\" begins anew in \"%V\"",
                      &smcf->zone->name, &smcf->zone->path);
    }

    return NGX_OK;
}


static void
ngx_http_soporte_open_close(void *data)
{
    ngx_soporte_zone_close(data);
}


/* the default file: of this instance, known again by its pid file */

static ngx_int_t
ngx_http_soporte_open_zone_path(ngx_conf_t *cf, ngx_soporte_zone_t *zone)
{
    u_char           *p;
    ngx_str_t         pid;
    ngx_core_conf_t  *ccf;

    if (zone->path.len) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);
    pid = ccf->pid;

    if (pid.len == 0) {
        ngx_str_set(&pid, NGX_PID_PATH);
    }

    if (ngx_conf_full_name(cf->cycle, &pid, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, sizeof("/dev/shm/soporte--00000000")
                              + zone->name.len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    zone->path.data = p;
    p = ngx_sprintf(p, "/dev/shm/soporte-%V-%08xD", &zone->name,
                    ngx_crc32_short(pid.data, pid.len));
    zone->path.len = p - zone->path.data;
    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_open_path(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    char                      error[256];
    ngx_soporte_spool_err_t   err;

    if (ngx_http_soporte_open_user(cf, &smcf->uid, &smcf->gid) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_soporte_spool_create((char *) smcf->path.data, smcf->uid,
                                 smcf->gid, &err)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, err.sys,
                      "soporte_path \"%V\": %s", &smcf->path, err.text);
        return NGX_ERROR;
    }

    if (smcf->postgres
        && ngx_http_soporte_open_history(cf, smcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_soporte_secret_load(&smcf->secret, (char *) smcf->path.data,
                                error, sizeof(error))
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "soporte_path \"%V\": %s", &smcf->path, error);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a spool of its own: minutes neither delay tickets nor take their room */

static ngx_int_t
ngx_http_soporte_open_history(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    u_char                   *p;
    ngx_soporte_spool_err_t   err;

    smcf->history_path.len = smcf->path.len + sizeof("/history") - 1;

    p = ngx_pnalloc(cf->pool, smcf->history_path.len + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    smcf->history_path.data = p;
    p = ngx_cpymem(p, smcf->path.data, smcf->path.len);
    ngx_memcpy(p, "/history", sizeof("/history"));

    if (ngx_soporte_spool_create((char *) smcf->history_path.data, smcf->uid,
                                 smcf->gid, &err)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, err.sys,
                      "soporte_path \"%V\": %s", &smcf->history_path,
                      err.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* whom the workers will be; "user" has its default only after this phase */

static ngx_int_t
ngx_http_soporte_open_user(ngx_conf_t *cf, uid_t *uid, gid_t *gid)
{
    struct group     *grp;
    struct passwd    *pwd;
    ngx_core_conf_t  *ccf;

    *uid = (uid_t) -1;
    *gid = (gid_t) -1;

    if (geteuid() != 0) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        *uid = ccf->user;
        *gid = ccf->group;
        return NGX_OK;
    }

    pwd = getpwnam(NGX_USER);
    grp = getgrnam(NGX_GROUP);

    if (pwd == NULL || grp == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "user \"" NGX_USER "\" is not known");
        return NGX_ERROR;
    }

    *uid = pwd->pw_uid;
    *gid = grp->gr_gid;

    return NGX_OK;
}


/*
 * A thread pool that the operator need not know of: nginx's own directive is
 * given its arguments.
 */

static ngx_int_t
ngx_http_soporte_open_pool(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_str_t       *arg;
    ngx_conf_t       pcf;
    ngx_command_t   *cmd;

    static ngx_str_t  name = ngx_string(NGX_HTTP_SOPORTE_THREADS);

    smcf->pool = ngx_thread_pool_get(cf->cycle, &name);

    if (smcf->pool) {
        return NGX_OK;
    }

    pcf = *cf;
    pcf.args = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));

    if (pcf.args == NULL) {
        return NGX_ERROR;
    }

    arg = ngx_array_push_n(pcf.args, 4);

    ngx_str_set(&arg[0], "thread_pool");
    ngx_str_set(&arg[1], NGX_HTTP_SOPORTE_THREADS);
    ngx_str_set(&arg[2], "threads=32");
    ngx_str_set(&arg[3], "max_queue=4096");

    cmd = ngx_thread_pool_module.commands;

    if (cmd->set(&pcf, cmd, ngx_get_conf(cf->cycle->conf_ctx,
                                         ngx_thread_pool_module))
        != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    smcf->pool = ngx_thread_pool_get(cf->cycle, &name);

    return smcf->pool ? NGX_OK : NGX_ERROR;
}


void
ngx_http_soporte_conf_portal_limits(ngx_http_core_loc_conf_t *clcf)
{
    if (clcf->client_max_body_size
        && clcf->client_max_body_size < NGX_HTTP_SOPORTE_BODY_MAX)
    {
        clcf->client_max_body_size = NGX_HTTP_SOPORTE_BODY_MAX;
    }

    if (clcf->client_body_buffer_size < NGX_HTTP_SOPORTE_BODY_MEMORY) {
        clcf->client_body_buffer_size = NGX_HTTP_SOPORTE_BODY_MEMORY;
    }
}


/* each server that a portal covers gets a location that nobody wrote */

static ngx_int_t
ngx_http_soporte_open_portals(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                     i;
    ngx_http_core_srv_conf_t     **cscfp;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_soporte_srv_conf_t   *sscf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        sscf = cscfp[i]->ctx->srv_conf[ngx_http_soporte_module.ctx_index];

        if (sscf->portal.len == 0) {
            continue;
        }

        smcf->covered = 1;

        sscf->portal_conf = ngx_http_soporte_open_portal(cf, cscfp[i],
                                                         &sscf->portal);

        if (sscf->portal_conf == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void **
ngx_http_soporte_open_portal(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *base)
{
    void                         **loc_conf;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_soporte_loc_conf_t   *slcf;

    loc_conf = ngx_palloc(cf->pool, sizeof(void *) * ngx_http_max_module);
    clcf = ngx_palloc(cf->pool, sizeof(ngx_http_core_loc_conf_t));
    slcf = ngx_palloc(cf->pool, sizeof(ngx_http_soporte_loc_conf_t));

    if (loc_conf == NULL || clcf == NULL || slcf == NULL) {
        return NULL;
    }

    ngx_memcpy(loc_conf, cscf->ctx->loc_conf,
               sizeof(void *) * ngx_http_max_module);

    *clcf = *(ngx_http_core_loc_conf_t *)
                                  loc_conf[ngx_http_core_module.ctx_index];
    *slcf = *(ngx_http_soporte_loc_conf_t *)
                                  loc_conf[ngx_http_soporte_module.ctx_index];

    clcf->name = *base;
    clcf->noname = 0;
    clcf->loc_conf = loc_conf;
    clcf->handler = ngx_http_soporte_portal_handler;
    ngx_http_soporte_conf_portal_limits(clcf);

    slcf->portal = 1;
    slcf->base = *base;

    loc_conf[ngx_http_core_module.ctx_index] = clcf;
    loc_conf[ngx_http_soporte_module.ctx_index] = slcf;

    return loc_conf;
}


ngx_int_t
ngx_http_soporte_conf_commit(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                i;
    ngx_event_conf_t         *ecf;
    ngx_soporte_tenant_t     *tenant;
    ngx_http_soporte_key_t  **keys;

    ecf = ngx_event_get_conf(cycle->conf_ctx, ngx_event_core_module);

    if (ngx_strcmp(ecf->name, "poll") == 0
        || ngx_strcmp(ecf->name, "select") == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "soporte needs an event method that threads can wake, "
                      "remove \"use %s\"", ecf->name);

        /* a master that runs already must not end over this */

        if (ngx_test_config || ngx_is_init_cycle(cycle->old_cycle)) {
            return NGX_ERROR;
        }

        smcf->single = 1;
    }

    if (ngx_test_config || smcf->zone->header == NULL) {
        return NGX_OK;
    }

    ngx_http_soporte_guard_commit(cycle, smcf);

    ngx_soporte_zone_commit(smcf->zone);
    ngx_http_soporte_open_terms(cycle, smcf);

    keys = smcf->keys.elts;

    for (i = 0; i < smcf->keys.nelts; i++) {
        tenant = ngx_soporte_tenant_get(smcf->zone, keys[i]->key.data,
                                        keys[i]->key.len, 0, ngx_time());

        if (tenant == NULL) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "soporte_zone \"%V\" is full, tenant \"%V\" is "
                          "counted as \"_other\"", &smcf->zone->name,
                          &keys[i]->key);

            tenant = ngx_soporte_tenant(smcf->zone, NGX_SOPORTE_OTHER);
        }

        ngx_soporte_store(&tenant->generation,
                          smcf->zone->header->generation);
        keys[i]->tenant = tenant;

        if (keys[i]->policy) {
            ngx_soporte_store(&tenant->terms,
                              ngx_http_soporte_open_term(smcf,
                                                         keys[i]->policy));
        }
    }

    if (smcf->bench) {
        ngx_http_soporte_bench_commit(cycle, smcf);
    }

    return NGX_OK;
}


/* what is promised by the http level, and by the servers where it differs */

static void
ngx_http_soporte_open_terms(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                    i;
    ngx_http_conf_ctx_t          *ctx;
    ngx_soporte_terms_t           terms;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_soporte_srv_conf_t  *sscf;

    ctx = (ngx_http_conf_ctx_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_http_module);
    sscf = ctx->srv_conf[ngx_http_soporte_module.ctx_index];

    if (sscf->policy) {
        ngx_http_soporte_terms(sscf->policy, &terms);
        ngx_soporte_terms_begin(smcf->zone, &terms);
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        sscf = cscfp[i]->ctx->srv_conf[ngx_http_soporte_module.ctx_index];
        sscf->terms = ngx_http_soporte_open_term(smcf, sscf->policy);
    }
}


static uint32_t
ngx_http_soporte_open_term(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_policy_t *policy)
{
    ngx_soporte_terms_t  terms;

    ngx_http_soporte_terms(policy, &terms);

    return ngx_soporte_terms_put(smcf->zone, &terms);
}


void
ngx_http_soporte_terms(const ngx_soporte_policy_t *policy,
    ngx_soporte_terms_t *terms)
{
    const ngx_soporte_promise_t  *promise;

    promise = &policy->promise;

    terms->target = (uint32_t) promise->millionths;
    terms->cap = (promise->cap < 0) ? NGX_MAX_INT32_VALUE
                                    : (uint32_t) promise->cap;
    terms->announce = (uint32_t) promise->announce * 3600;
    terms->excluded = (promise->excluded != 0);
}
