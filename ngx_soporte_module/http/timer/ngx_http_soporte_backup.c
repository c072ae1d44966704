
/*
 * Backups: a task of the leader reads the directories, the event loop puts
 * what it found into the tenants' slots.  A round takes as long as the disk
 * wants; requests read a word of the slot and never wait for it.
 */

#include "ngx_http_soporte_backup.h"
#include "ngx_http_soporte_bench.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_publish.h"
#include "ngx_http_soporte_job.h"

#include "ngx_soporte_backups.h"


#define NGX_HTTP_SOPORTE_BACKUP_LEAST   10000  /* ms between two rounds */
#define NGX_HTTP_SOPORTE_BACKUP_SHARE   20     /* times what one took */
#define NGX_HTTP_SOPORTE_BACKUP_EVENTS  1000   /* filed in one round */

#define NGX_HTTP_SOPORTE_BACKUP_NAME    "{tenant}"


/* whose directory it is, where that matters */

#define NGX_HTTP_SOPORTE_BACKUP_BENCH    1
#define NGX_HTTP_SOPORTE_BACKUP_DYNAMIC  2


/* a directory to be looked at */

typedef struct {
    ngx_soporte_tenant_t              *tenant;
    char                              *path;
    ngx_uint_t                         kind;
    ngx_soporte_backups_t              result;     /* by the thread */
    ngx_int_t                          rc;
} ngx_http_soporte_backup_target_t;


typedef struct {
    ngx_uint_t                         n;
    ngx_http_soporte_backup_target_t  *first;
} ngx_http_soporte_backup_count_t;


struct ngx_http_soporte_backup_s {
    ngx_http_soporte_main_conf_t      *smcf;
    ngx_log_t                         *log;
    ngx_thread_task_t                 *task;
    ngx_http_soporte_backup_target_t  *targets;
    ngx_uint_t                         ntargets;
    ngx_uint_t                         nalloc;

    uint32_t                           version;    /* of the bench, ... */
    uint32_t                           dynamic;    /* ... tenants of variables:
                                                      then made */
    uint32_t                           used;       /* slots, then */
    ngx_msec_t                         started;
    ngx_msec_t                         next;
    time_t                             now;        /* of the round */

    ngx_uint_t                         events;     /* filed in this round */
    ngx_http_soporte_backup_count_t    bare;       /* database alone */
    ngx_http_soporte_backup_count_t    denied;
    ngx_uint_t                         bare_said;  /* in the log */
    ngx_uint_t                         denied_said;
    unsigned                           running:1;
    unsigned                           made:1;
};


#define ngx_http_soporte_backup_dynamic(tenant)                               \
    ((ngx_soporte_acquire(&(tenant)->flags) & NGX_SOPORTE_TENANT_DYNAMIC) != 0)


static ngx_int_t ngx_http_soporte_backup_targets(
    ngx_http_soporte_backup_t *b);
static ngx_int_t ngx_http_soporte_backup_walk(ngx_http_soporte_backup_t *b);
static ngx_int_t ngx_http_soporte_backup_sites(ngx_http_soporte_backup_t *b);
static ngx_int_t ngx_http_soporte_backup_target(ngx_http_soporte_backup_t *b,
    ngx_soporte_tenant_t *tenant, const ngx_str_t *pattern,
    const ngx_str_t *name, ngx_uint_t kind);
static void ngx_http_soporte_backup_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_backup_done(ngx_event_t *ev);
static void ngx_http_soporte_backup_learn(ngx_http_soporte_backup_t *b);
static void ngx_http_soporte_backup_count(
    ngx_http_soporte_backup_count_t *count,
    ngx_http_soporte_backup_target_t *target);
static void ngx_http_soporte_backup_apply(ngx_http_soporte_backup_t *b,
    ngx_http_soporte_backup_target_t *target, ngx_uint_t part,
    ngx_pool_t *pool);
static void ngx_http_soporte_backup_say(ngx_http_soporte_backup_t *b);


char *
ngx_http_soporte_set_backups(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_soporte_loc_conf_t  *slcf = conf;

    ngx_str_t                     *value;
    ngx_http_soporte_main_conf_t  *smcf;

    if (slcf->backups.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&slcf->backups, "");
        return NGX_CONF_OK;
    }

    if (cf->cmd_type == NGX_HTTP_MAIN_CONF
        && ngx_strstr(value[1].data, NGX_HTTP_SOPORTE_BACKUP_NAME) == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" would be the same for all tenants, it must "
                           "have \"" NGX_HTTP_SOPORTE_BACKUP_NAME "\" in it",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &value[1], 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slcf->backups = value[1];
    ngx_http_soporte_conf_place(cf, &slcf->backups_place);

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);
    smcf->backups_set = 1;

    if (smcf->tenant.file == NULL) {
        ngx_http_soporte_conf_place(cf, &smcf->tenant);
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_soporte_backup_merge(ngx_conf_t *cf,
    ngx_http_soporte_loc_conf_t *slcf)
{
    ngx_http_soporte_key_t        *key;
    ngx_http_soporte_main_conf_t  *smcf;

    if (slcf->backups.data == NULL) {
        return NGX_OK;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);
    key = slcf->key;

    if (key == NULL) {

        /* tenants of variables and of benches: only by their names */

        if (smcf->backups.data == NULL
            && (slcf->value || slcf->bench)
            && ngx_strstr(slcf->backups.data, NGX_HTTP_SOPORTE_BACKUP_NAME))
        {
            smcf->backups = slcf->backups;
        }

        return NGX_OK;
    }

    if (key->backups.data
        && (key->backups.len != slcf->backups.len
            || ngx_strcmp(key->backups.data, slcf->backups.data) != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "tenant \"%V\" has two \"soporte_backups\", \"%V\" and "
                      "\"%V\" in %s:%ui", &key->key, &key->backups,
                      &slcf->backups, slcf->backups_place.file,
                      slcf->backups_place.line);
        return NGX_ERROR;
    }

    key->backups = slcf->backups;

    return NGX_OK;
}


ngx_http_soporte_backup_t *
ngx_http_soporte_backup_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_backup_t  *b;

    b = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_backup_t));

    if (b == NULL) {
        return NULL;
    }

    b->smcf = smcf;
    b->log = cycle->log;
    b->next = ngx_current_msec;
    b->task = ngx_http_soporte_job(cycle, b, ngx_http_soporte_backup_thread,
                                   ngx_http_soporte_backup_done);

    if (b->task == NULL) {
        return NULL;
    }

    return b;
}


void
ngx_http_soporte_backup_tick(ngx_http_soporte_backup_t *b)
{
    if (b->running || b->smcf->pool == NULL || b->smcf->single
        || (!b->smcf->backups_set && b->smcf->bench == NULL)
        || (ngx_msec_int_t) (b->next - ngx_current_msec) > 0)
    {
        return;
    }

    b->started = ngx_current_msec;
    b->next = ngx_current_msec + NGX_HTTP_SOPORTE_BACKUP_LEAST;
    b->now = ngx_time();

    if (ngx_http_soporte_backup_targets(b) != NGX_OK || b->ntargets == 0) {
        return;
    }

    if (ngx_thread_task_post(b->smcf->pool, b->task) == NGX_OK) {
        b->running = 1;
    }
}


/* made anew when tenants came or went */

static ngx_int_t
ngx_http_soporte_backup_targets(ngx_http_soporte_backup_t *b)
{
    uint32_t    dynamic, version;
    ngx_int_t   rc;
    ngx_uint_t  i;

    b->used = ngx_soporte_load(&b->smcf->zone->header->used);
    version = b->smcf->bench ? b->smcf->bench->version : 0;
    dynamic = 0;

    /* a variable may name one that has had its slot for long */

    for (i = NGX_SOPORTE_OTHER + 1; b->smcf->backups.len && i < b->used; i++) {
        dynamic += ngx_http_soporte_backup_dynamic(
                                     ngx_soporte_tenant(b->smcf->zone, i));
    }

    if (b->made && dynamic == b->dynamic && version == b->version) {
        return NGX_OK;
    }

    for (i = 0; i < b->ntargets; i++) {
        ngx_free(b->targets[i].path);
    }

    b->ntargets = 0;
    b->dynamic = dynamic;
    b->version = version;

    rc = ngx_http_soporte_backup_walk(b);
    b->made = (rc == NGX_OK);

    return rc;
}


/* the tenants of the configuration, of benches, and of variables */

static ngx_int_t
ngx_http_soporte_backup_walk(ngx_http_soporte_backup_t *b)
{
    uint32_t                       i;
    ngx_uint_t                     k;
    ngx_str_t                      key;
    ngx_soporte_tenant_t          *tenant;
    ngx_http_soporte_key_t       **keys;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = b->smcf;
    keys = smcf->keys.elts;

    for (k = 0; k < smcf->keys.nelts; k++) {

        if (keys[k]->backups.len
            && ngx_http_soporte_backup_target(b, keys[k]->tenant,
                                              &keys[k]->backups,
                                              &keys[k]->key, 0)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (smcf->bench && ngx_http_soporte_backup_sites(b) != NGX_OK) {
        return NGX_ERROR;
    }

    if (smcf->backups.len == 0) {
        return NGX_OK;
    }

    for (i = NGX_SOPORTE_OTHER + 1; i < b->used; i++) {
        tenant = ngx_soporte_tenant(smcf->zone, i);

        if (!ngx_http_soporte_backup_dynamic(tenant)) {
            continue;
        }

        key.data = tenant->key;
        key.len = tenant->len;

        if (ngx_http_soporte_backup_target(b, tenant, &smcf->backups, &key,
                                           NGX_HTTP_SOPORTE_BACKUP_DYNAMIC)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_backup_sites(ngx_http_soporte_backup_t *b)
{
    uint32_t                        i;
    ngx_int_t                       rc;
    ngx_http_soporte_bench_t       *bench;
    ngx_soporte_sites_site_t       *site;
    ngx_http_soporte_bench_path_t  *paths;

    bench = b->smcf->bench;
    paths = bench->paths.elts;

    for (i = 0; bench->tenants && i < bench->sites->nsites; i++) {
        site = &bench->sites->sites[i];

        if (site->key.len == 0) {
            continue;
        }

        rc = b->smcf->backups.len
             ? ngx_http_soporte_backup_target(b, bench->tenants[i],
                                              &b->smcf->backups, &site->key,
                                              NGX_HTTP_SOPORTE_BACKUP_BENCH)
             : ngx_http_soporte_backup_target(b, bench->tenants[i],
                                              &paths[site->bench].backups,
                                              &site->folder,
                                              NGX_HTTP_SOPORTE_BACKUP_BENCH);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_backup_target(ngx_http_soporte_backup_t *b,
    ngx_soporte_tenant_t *tenant, const ngx_str_t *pattern,
    const ngx_str_t *name, ngx_uint_t kind)
{
    u_char                            *p, *mark;
    size_t                             nalloc;
    ngx_http_soporte_backup_target_t  *target;

    /* what shares the slot of the rest has no backup of its own */

    if (tenant == ngx_soporte_tenant(b->smcf->zone, NGX_SOPORTE_OTHER)) {
        return NGX_OK;
    }

    if (b->ntargets == b->nalloc) {
        nalloc = b->nalloc ? b->nalloc * 2 : 64;
        target = ngx_calloc(nalloc * sizeof(ngx_http_soporte_backup_target_t),
                            b->log);

        if (target == NULL) {
            return NGX_ERROR;
        }

        if (b->targets) {
            ngx_memcpy(target, b->targets,
                       b->ntargets * sizeof(ngx_http_soporte_backup_target_t));
            ngx_free(b->targets);
        }

        b->targets = target;
        b->nalloc = nalloc;
    }

    p = ngx_alloc(pattern->len + name->len + 1, b->log);

    if (p == NULL) {
        return NGX_ERROR;
    }

    target = &b->targets[b->ntargets++];
    ngx_memzero(target, sizeof(ngx_http_soporte_backup_target_t));

    target->path = (char *) p;
    target->tenant = tenant;
    target->kind = kind;

    mark = (u_char *) ngx_strstr(pattern->data, NGX_HTTP_SOPORTE_BACKUP_NAME);

    if (mark) {
        p = ngx_cpymem(p, pattern->data, mark - pattern->data);
        p = ngx_cpymem(p, name->data, name->len);
        mark += sizeof(NGX_HTTP_SOPORTE_BACKUP_NAME) - 1;

    } else {
        mark = pattern->data;
    }

    p = ngx_cpymem(p, mark, pattern->data + pattern->len - mark);
    *p = '\0';

    return NGX_OK;
}


static void
ngx_http_soporte_backup_thread(void *data, ngx_log_t *log)
{
    ngx_uint_t                         i;
    volatile sig_atomic_t             *stop[2];
    ngx_http_soporte_backup_t         *b = data;
    ngx_http_soporte_backup_target_t  *target;

    ngx_http_soporte_exit_flags(stop);

    for (i = 0; i < b->ntargets; i++) {
        target = &b->targets[i];

        target->rc = ngx_soporte_backups_read(target->path, b->now, stop,
                                              &target->result);

        if (target->rc == NGX_ABORT) {
            break;
        }
    }

    for ( /* void */ ; i < b->ntargets; i++) {
        b->targets[i].rc = NGX_ABORT;
    }
}


static void
ngx_http_soporte_backup_done(ngx_event_t *ev)
{
    ngx_msec_t                  took;
    ngx_http_soporte_backup_t  *b = ev->data;

    ev->complete = 0;
    b->running = 0;

    if (ngx_exiting || ngx_terminate || !b->smcf->leading) {
        return;
    }

    took = ngx_current_msec - b->started;

    b->next = ngx_current_msec
              + ngx_max(took * NGX_HTTP_SOPORTE_BACKUP_SHARE,
                        NGX_HTTP_SOPORTE_BACKUP_LEAST);

    ngx_http_soporte_backup_learn(b);
}


static void
ngx_http_soporte_backup_learn(ngx_http_soporte_backup_t *b)
{
    ngx_pool_t                        *pool;
    ngx_uint_t                         i, part;
    ngx_http_soporte_backup_target_t  *target;

    pool = ngx_create_pool(4096, b->log);

    if (pool == NULL) {
        return;
    }

    ngx_memzero(&b->bare, sizeof(ngx_http_soporte_backup_count_t));
    ngx_memzero(&b->denied, sizeof(ngx_http_soporte_backup_count_t));
    b->events = 0;

    for (i = 0; i < b->ntargets; i++) {
        target = &b->targets[i];

        if (target->rc != NGX_OK) {
            continue;
        }

        for (part = 0; part < NGX_SOPORTE_BACKUP_PARTS; part++) {
            ngx_http_soporte_backup_apply(b, target, part, pool);
        }

        if (target->result.err && target->result.err != NGX_ENOENT) {
            ngx_http_soporte_backup_count(&b->denied, target);
        }

        if (target->kind == NGX_HTTP_SOPORTE_BACKUP_BENCH
            && target->result.part[NGX_SOPORTE_BACKUP_DATABASE].at
            && target->result.part[NGX_SOPORTE_BACKUP_FILES].at == 0)
        {
            ngx_http_soporte_backup_count(&b->bare, target);
        }
    }

    ngx_destroy_pool(pool);

    ngx_http_soporte_backup_say(b);
}


static void
ngx_http_soporte_backup_count(ngx_http_soporte_backup_count_t *count,
    ngx_http_soporte_backup_target_t *target)
{
    if (count->n++ == 0) {
        count->first = target;
    }
}


static void
ngx_http_soporte_backup_apply(ngx_http_soporte_backup_t *b,
    ngx_http_soporte_backup_target_t *target, ngx_uint_t part,
    ngx_pool_t *pool)
{
    uint64_t                     word, old;
    ngx_uint_t                   flags;
    ngx_soporte_backup_t         known;
    const ngx_soporte_backup_t  *found;

    found = &target->result.part[part];
    old = ngx_soporte_load(&target->tenant->backup[part]);
    flags = ngx_soporte_backup_unpack(old, &known);

    /* a newer one that the operator told of holds, wherever it may lie */

    if ((flags & NGX_SOPORTE_BACKUP_REPORTED) && known.at >= found->at) {
        return;
    }

    word = ngx_soporte_backup_pack(found, NGX_SOPORTE_BACKUP_WATCHED);

    /* a tenant by a variable has backups only where a directory says so */

    if (target->kind == NGX_HTTP_SOPORTE_BACKUP_DYNAMIC
        && target->result.err == NGX_ENOENT)
    {
        word = 0;
    }

    if (word != old) {
        ngx_soporte_store(&target->tenant->backup[part], word);
    }

    if (found->at == 0 || found->at == known.at) {
        return;
    }

    /* at a first look there may be thousands: the rest is left for later */

    if (b->events++ >= NGX_HTTP_SOPORTE_BACKUP_EVENTS) {
        ngx_soporte_tenant_unfiled(target->tenant, part, 1);
        ngx_http_soporte_publish_left(b->smcf);
        return;
    }

    ngx_soporte_tenant_unfiled(target->tenant, part, 0);

    ngx_http_soporte_backup_file(b->smcf, pool, target->tenant, part,
                                 found->at, found->bytes,
                                 !ngx_soporte_backup_doubtful(found));
}


/* once for each change; bench's own cron line saves no files */

static void
ngx_http_soporte_backup_say(ngx_http_soporte_backup_t *b)
{
    ngx_str_t  key;

    if (b->bare.n != b->bare_said && b->bare.n) {
        key.data = b->bare.first->tenant->key;
        key.len = b->bare.first->tenant->len;

        ngx_log_error(NGX_LOG_WARN, b->log, 0,
                      "soporte_bench: %ui site(s), such as \"%V\", have "
                      "backups of the database and none of the files; the "
                      "line that \"bench setup backups\" puts into cron lacks "
                      "\"--with-files\"", b->bare.n, &key);
    }

    b->bare_said = b->bare.n;

    if (b->denied.n != b->denied_said && b->denied.n) {
        ngx_log_error(NGX_LOG_WARN, b->log, b->denied.first->result.err,
                      "backups of %ui tenant(s) can't be read, such as "
                      "\"%s\"", b->denied.n, b->denied.first->path);
    }

    b->denied_said = b->denied.n;
}


void
ngx_http_soporte_backup_state(const ngx_soporte_tenant_t *tenant,
    int64_t now, int64_t limit, ngx_http_soporte_backup_state_t *state)
{
    uint64_t              word;
    ngx_uint_t            i;
    ngx_soporte_backup_t  backup[NGX_SOPORTE_BACKUP_PARTS];

    state->known = 0;

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {
        word = ngx_soporte_load(&tenant->backup[i]);
        state->known |= (word != 0);

        ngx_soporte_backup_unpack(word, &backup[i]);

        state->state[i] = ngx_soporte_backup_state(&backup[i],
                                                   i ? &backup[0] : NULL, now,
                                                   limit);

        /* whose age makes it late */

        state->at[i] = (state->state[i] == NGX_SOPORTE_BACKUP_LATE)
                       ? ngx_soporte_backup_good(word) : backup[i].at;
    }
}


void
ngx_http_soporte_backup_value(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_soporte_tenant_t *tenant,
    int64_t now, int64_t limit)
{
    ngx_uint_t                        i;
    ngx_soporte_value_t              *object, *part;
    ngx_http_soporte_backup_state_t   state;

    ngx_http_soporte_backup_state(tenant, now, limit, &state);

    if (!state.known) {
        (void) ngx_soporte_value_add(mem, parent, "backup",
                                     NGX_SOPORTE_NULL);
        return;
    }

    object = ngx_soporte_value_add(mem, parent, "backup",
                                   NGX_SOPORTE_OBJECT);

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {
        part = ngx_soporte_value_add(mem, object,
                             (const char *) ngx_soporte_backup_parts[i].data,
                             NGX_SOPORTE_OBJECT);

        ngx_soporte_value_instant(mem, part, "at", state.at[i]);
        (void) ngx_soporte_value_str(mem, part, "state",
                                &ngx_soporte_backup_names[state.state[i]]);
    }
}
