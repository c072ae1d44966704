
/*
 * The module: its directives, how the levels of the configuration inherit,
 * and what happens when a configuration comes into force.
 *
 * What can fail happens before the old configuration is left, in
 * postconfiguration; init_module only publishes.
 */

#include "ngx_http_soporte.h"
#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_bench.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_event.h"
#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_geoip.h"
#include "ngx_http_soporte_identity.h"
#include "ngx_http_soporte_history.h"
#include "ngx_http_soporte_lookup.h"
#include "ngx_http_soporte_portal.h"
#include "ngx_http_soporte_probe.h"
#include "ngx_http_soporte_profile.h"
#include "ngx_http_soporte_publish.h"
#include "ngx_http_soporte_snapshot.h"
#include "ngx_http_soporte_wait.h"


static ngx_int_t ngx_http_soporte_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_soporte_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_soporte_add_handler(ngx_conf_t *cf,
    ngx_http_phases phase, ngx_http_handler_pt handler);
static void *ngx_http_soporte_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_soporte_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_soporte_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_soporte_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_soporte_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_soporte_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_soporte_init_process(ngx_cycle_t *cycle);
static void ngx_http_soporte_exit_process(ngx_cycle_t *cycle);
static void ngx_http_soporte_exit_master(ngx_cycle_t *cycle);


#define NGX_HTTP_SOPORTE_ALL_CONF                                             \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_command_t  ngx_http_soporte_commands[] = {

    { ngx_string("soporte_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_soporte_set_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_soporte_set_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_node"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_node,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_postgres"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_soporte_set_postgres,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_bench"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_soporte_set_bench,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1234,
      ngx_http_soporte_set_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_backups"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_backups,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_policy"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_policy,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_geoip"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_geoip,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_calendar"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_soporte_set_calendar,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_tenant,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_hours"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_hours,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_maintenance"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_maintenance,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_soporte_loc_conf_t, maintenance),
      NULL },

    { ngx_string("soporte_bypass"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_soporte_loc_conf_t, bypass),
      NULL },

    { ngx_string("soporte_queue"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_soporte_loc_conf_t, queue),
      NULL },

    { ngx_string("soporte_identity"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_identity,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_page"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_TAKE2,
      ngx_http_soporte_set_page,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_failure"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_soporte_loc_conf_t, failure),
      ngx_http_soporte_failures },

    { ngx_string("soporte_detect"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE123,
      ngx_http_soporte_set_detect,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_probe"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1234,
      ngx_http_soporte_set_probe,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_log_level"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_soporte_loc_conf_t, level),
      ngx_http_soporte_levels },

    { ngx_string("soporte_dry_run"),
      NGX_HTTP_SOPORTE_ALL_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_soporte_loc_conf_t, dry_run),
      NULL },

    { ngx_string("soporte_portal"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_soporte_set_portal,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_portal"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_soporte_set_portal_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("soporte_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_soporte_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_soporte_metrics_handler },

    { ngx_string("soporte_control"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_soporte_set_control,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_soporte_control_handler },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_soporte_module_ctx = {
    ngx_http_soporte_preconfiguration,     /* preconfiguration */
    ngx_http_soporte_postconfiguration,    /* postconfiguration */

    ngx_http_soporte_create_main_conf,     /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_soporte_create_srv_conf,      /* create server configuration */
    ngx_http_soporte_merge_srv_conf,       /* merge server configuration */

    ngx_http_soporte_create_loc_conf,      /* create location configuration */
    ngx_http_soporte_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_soporte_module = {
    NGX_MODULE_V1,
    &ngx_http_soporte_module_ctx,          /* module context */
    ngx_http_soporte_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_soporte_init_module,          /* init module */
    ngx_http_soporte_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_soporte_exit_process,         /* exit process */
    ngx_http_soporte_exit_master,          /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_soporte_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    /* placed first, so that a configuration may define "mx" anew */

    if (ngx_http_soporte_conf_builtin(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_soporte_add_geoip_variables(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_soporte_add_variables(cf, smcf);
}


static ngx_int_t
ngx_http_soporte_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    if (ngx_http_soporte_conf_check(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_soporte_add_open_variables(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (smcf->zone == NULL) {
        return NGX_OK;
    }

    if (ngx_http_soporte_add_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                                     ngx_http_soporte_gate_handler)
           != NGX_OK
        || ngx_http_soporte_add_handler(cf, NGX_HTTP_LOG_PHASE,
                                        ngx_http_soporte_log_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* only where it is needed: each phase handler costs every request */

    if (smcf->covered
        && ngx_http_soporte_add_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                        ngx_http_soporte_portal_rewrite_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_soporte_filter_init();

    return ngx_http_soporte_conf_open(cf, smcf);
}


static ngx_int_t
ngx_http_soporte_add_handler(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static void *
ngx_http_soporte_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_main_conf_t));

    if (smcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&smcf->keys, cf->pool, 16,
                       sizeof(ngx_http_soporte_key_t *))
           != NGX_OK
        || ngx_array_init(&smcf->calendars, cf->pool, 2,
                          sizeof(ngx_http_soporte_calendar_t *))
           != NGX_OK
        || ngx_array_init(&smcf->controls, cf->pool, 2,
                          sizeof(ngx_http_soporte_control_t))
           != NGX_OK
        || ngx_array_init(&smcf->profiles, cf->pool, 4,
                          sizeof(ngx_http_soporte_profile_t *))
           != NGX_OK)
    {
        return NULL;
    }

    smcf->variable = NGX_CONF_UNSET;
    smcf->timeout = NGX_CONF_UNSET_MSEC;
    smcf->max_size = NGX_CONF_UNSET_SIZE;

    return smcf;
}


static void *
ngx_http_soporte_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_soporte_srv_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_srv_conf_t));

    if (conf) {
        ngx_http_soporte_profile_create_srv(conf);
    }

    return conf;
}


static char *
ngx_http_soporte_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_soporte_srv_conf_t  *prev = parent;
    ngx_http_soporte_srv_conf_t  *conf = child;

    if (!conf->portal_set) {
        conf->portal = prev->portal;
    }

    ngx_http_soporte_profile_merge_srv(prev, conf);

    /* what a file leaves out is as on the level above, there as built in */

    if (prev->policy == NULL
        && ngx_http_soporte_conf_policy(cf, NULL, prev) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_soporte_conf_policy(cf, prev, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_soporte_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_soporte_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_soporte_loc_conf_t));

    if (conf == NULL) {
        return NULL;
    }

    conf->maintenance = NGX_CONF_UNSET_PTR;
    conf->bypass = NGX_CONF_UNSET_PTR;
    conf->queue = NGX_CONF_UNSET_PTR;
    conf->dry_run = NGX_CONF_UNSET;
    conf->level = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_http_soporte_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_soporte_loc_conf_t  *prev = parent;
    ngx_http_soporte_loc_conf_t  *conf = child;

    ngx_uint_t                     i;
    ngx_http_soporte_srv_conf_t   *sscf;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    if (!conf->tenant_set) {
        conf->tenant_set = prev->tenant_set;
        conf->key = prev->key;
        conf->value = prev->value;
        conf->index = prev->index;
        conf->tenant_place = prev->tenant_place;
    }

    if (!conf->tenant_set) {
        conf->bench = smcf->bench;
    }

    ngx_conf_merge_ptr_value(conf->maintenance, prev->maintenance, NULL);
    ngx_conf_merge_ptr_value(conf->bypass, prev->bypass, NULL);
    ngx_conf_merge_ptr_value(conf->queue, prev->queue, NULL);

    if (!conf->identity_set) {
        conf->identity = prev->identity;
    }

    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_uint_value(conf->level, prev->level, NGX_LOG_WARN);
    ngx_conf_merge_bitmask_value(conf->failure, prev->failure,
                                 NGX_CONF_BITMASK_SET
                                 |NGX_SOPORTE_FAILURE_DEFAULT);

    conf->unlike = (conf->failure & ~NGX_CONF_BITMASK_SET)
                   ^ NGX_SOPORTE_FAILURE_DEFAULT;
    conf->special = conf->unlike || conf->portal;

    /* of several servers with a tenant the last one's */

    if (conf->key) {
        sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_soporte_module);
        conf->key->policy = sscf->policy;
    }

    if (conf->hours == NULL) {
        conf->hours = prev->hours ? prev->hours : smcf->hours;
    }

    if (conf->key && conf->key->hours == NULL) {
        conf->key->hours = conf->hours;
    }

    for (i = 0; i < NGX_HTTP_SOPORTE_KINDS; i++) {
        if (conf->pages[i] == NULL) {
            conf->pages[i] = prev->pages[i] ? prev->pages[i]
                                            : smcf->pages[i];
        }
    }

    if (conf->backups.data == NULL) {
        conf->backups = prev->backups;
        conf->backups_place = prev->backups_place;
    }

    if (ngx_http_soporte_backup_merge(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->portal) {
        ngx_http_soporte_conf_portal_limits(
            ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    }

    if (ngx_http_soporte_profile_merge(cf, prev, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_soporte_init_module(ngx_cycle_t *cycle)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_soporte_module);

    /* no http block at all */

    if (smcf == NULL || smcf->zone == NULL) {
        return NGX_OK;
    }

    return ngx_http_soporte_conf_commit(cycle, smcf);
}


static ngx_int_t
ngx_http_soporte_init_process(ngx_cycle_t *cycle)
{
    volatile sig_atomic_t         *stop[2];
    ngx_soporte_spool_err_t        err;
    ngx_soporte_spool_conf_t       conf;
    ngx_http_soporte_main_conf_t  *smcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_soporte_module);

    if (smcf == NULL || smcf->zone == NULL) {
        return NGX_OK;
    }

    if (smcf->blocking && !smcf->single) {
        ngx_http_soporte_exit_flags(stop);

        ngx_memzero(&conf, sizeof(ngx_soporte_spool_conf_t));

        conf.path = (char *) smcf->path.data;
        conf.max_size = smcf->max_size;
        conf.used = &smcf->zone->header->spool_bytes;
        conf.stop[0] = stop[0];
        conf.stop[1] = stop[1];

        smcf->spool = ngx_soporte_spool_open(&conf, &err);

        if (smcf->spool == NULL) {

            /* the sites go on; a ticket is refused with phone and e-mail */

            ngx_log_error(NGX_LOG_ALERT, cycle->log, err.sys,
                          "the spool \"%V/spool\" can't be used: %s",
                          &smcf->path, err.text);
        }
    }

    smcf->known = ngx_http_soporte_identity_create(cycle);
    smcf->lookup = ngx_http_soporte_lookup_create(cycle, smcf);
    smcf->events = ngx_http_soporte_events_create(cycle, smcf);
    smcf->publish = ngx_http_soporte_publish_create(cycle, smcf);
    smcf->snapshot = ngx_http_soporte_snapshot_create(cycle, smcf);
    smcf->history = ngx_http_soporte_history_create(cycle, smcf);

    if (smcf->known == NULL || smcf->lookup == NULL || smcf->events == NULL
        || smcf->publish == NULL || smcf->snapshot == NULL
        || smcf->history == NULL)
    {
        return NGX_ERROR;
    }

    if (smcf->bench && ngx_http_soporte_bench_init(cycle, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    smcf->probe = ngx_http_soporte_probe_create(cycle, smcf);

    if (smcf->probe == NULL) {
        return NGX_ERROR;
    }

    if (smcf->bench) {
        ngx_http_soporte_bench_probe(smcf->bench);
    }

    ngx_http_soporte_wait_init(cycle);

    if (ngx_http_soporte_almanac_init(cycle, smcf) != NGX_OK
        || ngx_http_soporte_geoip_init(cycle, smcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_soporte_leader_init(cycle, smcf);
}


static void
ngx_http_soporte_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_soporte_module);

    if (smcf == NULL) {
        return;
    }

    ngx_http_soporte_lookup_close(smcf->lookup);
    ngx_http_soporte_leader_exit(smcf->leader);
    ngx_http_soporte_events_flush(smcf);
    ngx_http_soporte_publish_close(smcf->publish);
    ngx_http_soporte_snapshot_close(smcf->snapshot);
    ngx_http_soporte_history_close(smcf->history);

    if (smcf->spool) {
        ngx_soporte_spool_close(smcf->spool);
        smcf->spool = NULL;
    }
}


/* all workers are gone: what they counted last is kept as well */

static void
ngx_http_soporte_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_soporte_module);

    if (smcf && smcf->zone && !ngx_test_config) {
        ngx_http_soporte_snapshot_last(cycle, smcf);
    }
}
