
/*
 * Gives words and hears them.  A version is the milliseconds of the wall
 * clock with ten random bits behind: it orders words well enough between
 * nodes, stays below 2^53, and always grows at one notice.
 */

#include "ngx_http_soporte_word.h"
#include "ngx_http_soporte_event.h"
#include "ngx_http_soporte_publish.h"


#define NGX_HTTP_SOPORTE_WORD_TIES   10      /* bits */
#define NGX_HTTP_SOPORTE_WORD_AGAIN  5       /* s that its worker has */
#define NGX_HTTP_SOPORTE_WORD_SLICE  64      /* words filed again a tick */


static uint64_t ngx_http_soporte_word_version(uint64_t before);
static ngx_int_t ngx_http_soporte_word_put(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice);
static void ngx_http_soporte_word_tell(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice, ngx_uint_t again);
static ngx_uint_t ngx_http_soporte_word_again_notices(
    ngx_http_soporte_main_conf_t *smcf, ngx_uint_t *n);
static ngx_uint_t ngx_http_soporte_word_again_updates(
    ngx_http_soporte_main_conf_t *smcf, ngx_uint_t *n);
static ngx_uint_t ngx_http_soporte_word_young(int64_t at);
static void ngx_http_soporte_word_said(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice, const ngx_soporte_update_t *update);
static ngx_soporte_value_t *ngx_http_soporte_word_step(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, const ngx_soporte_notice_t *notice);
static void ngx_http_soporte_word_key(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, ngx_soporte_value_t *object,
    uint32_t tenant);
static int64_t ngx_http_soporte_word_failed(ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice);
static ngx_int_t ngx_http_soporte_word_parse(
    ngx_http_soporte_main_conf_t *smcf, const ngx_soporte_value_t *value,
    ngx_soporte_notice_t *notice);
static ngx_int_t ngx_http_soporte_word_tenant(
    ngx_http_soporte_main_conf_t *smcf, const ngx_str_t *key,
    uint32_t *tenant);
static void ngx_http_soporte_word_updates(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *list, const ngx_soporte_notice_t *heard);
static void ngx_http_soporte_word_timeline(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, ngx_soporte_value_t *object,
    const u_char *id);


ngx_int_t
ngx_http_soporte_word_new(ngx_soporte_notice_t *notice, ngx_uint_t kind,
    uint32_t tenant)
{
    u_char       random[NGX_SOPORTE_ID_RANDOM];
    ngx_time_t  *tp;

    ngx_memzero(notice, sizeof(ngx_soporte_notice_t));

    if (ngx_soporte_secret_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    ngx_soporte_uuid_v7(notice->id, (uint64_t) tp->sec * 1000 + tp->msec,
                        random);

    notice->kind = kind;
    notice->tenant = tenant;
    notice->announced = tp->sec;
    notice->began = tp->sec;
    notice->progress = -1;

    return NGX_OK;
}


static uint64_t
ngx_http_soporte_word_version(uint64_t before)
{
    uint64_t     version;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    version = ((uint64_t) tp->sec * 1000 + tp->msec)
              << NGX_HTTP_SOPORTE_WORD_TIES;
    version |= ngx_random() & ((1 << NGX_HTTP_SOPORTE_WORD_TIES) - 1);

    return ngx_max(version, before + 1);
}


ngx_int_t
ngx_http_soporte_word(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice)
{
    if (notice->kind == NGX_SOPORTE_BOARD_RESTORE && notice->failed == 0) {
        notice->failed = ngx_http_soporte_word_failed(smcf->zone, notice);
    }

    return ngx_http_soporte_word_put(smcf, notice);
}


ngx_int_t
ngx_http_soporte_word_end(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice)
{
    notice->ended = ngx_time();

    if (notice->kind == NGX_SOPORTE_BOARD_INCIDENT) {
        notice->status = NGX_SOPORTE_STATUS_RESOLVED;

    } else if (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE
               && notice->began <= notice->ended)
    {
        notice->ends = notice->ended;
    }

    return ngx_http_soporte_word_put(smcf, notice);
}


static ngx_int_t
ngx_http_soporte_word_put(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_notice_t *notice)
{
    ngx_int_t  rc;

    notice->flags &= ~NGX_SOPORTE_NOTICE_FILED;
    notice->updated = ngx_time();
    notice->version = ngx_http_soporte_word_version(notice->version);
    notice->origin = ngx_http_soporte_publish_origin(smcf->node.data,
                                                     smcf->node.len);

    rc = ngx_soporte_board_merge(smcf->zone, notice, ngx_time());

    if (rc == NGX_OK) {
        ngx_http_soporte_word_tell(smcf, notice, 0);
    }

    return rc;
}


/* to the fleet and to PostgreSQL; each sees to what it can't do now */

static void
ngx_http_soporte_word_tell(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice, ngx_uint_t again)
{
    ngx_pool_t                     *pool;
    ngx_soporte_mem_t               mem;
    ngx_soporte_value_t            *word, *step;
    ngx_http_soporte_event_copy_t   copy;

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool == NULL) {
        return;
    }

    mem = ngx_http_soporte_mem(pool);

    word = ngx_http_soporte_word_value(&mem, smcf->zone, notice);
    step = ngx_http_soporte_word_step(&mem, smcf->zone, notice);

    if (!mem.failed) {

        if (!again) {
            ngx_http_soporte_publish(smcf, notice->id, notice->version, word);
        }

        ngx_memzero(&copy, sizeof(ngx_http_soporte_event_copy_t));
        ngx_memcpy(copy.id, notice->id, NGX_SOPORTE_ID_LEN);
        copy.version = notice->version;
        copy.whole = (step == NULL);

        if (ngx_http_soporte_event(smcf, word, &copy) == NGX_OK && step) {
            copy.step = 1;
            copy.whole = 1;
            (void) ngx_http_soporte_event(smcf, step, &copy);
        }
    }

    ngx_destroy_pool(pool);
}


void
ngx_http_soporte_word_again(ngx_http_soporte_main_conf_t *smcf)
{
    uint64_t         generation;
    ngx_uint_t       n, left;

    static uint64_t  whole;                  /* generation, all filed */

    generation = ngx_soporte_acquire(&smcf->zone->board->generation);

    /* what waits in this worker has no mark yet, and may be of the board */

    if (smcf->postgres == NULL || generation == whole
        || ngx_http_soporte_events_waiting(smcf))
    {
        return;
    }

    n = 0;

    left = ngx_http_soporte_word_again_notices(smcf, &n);
    left |= ngx_http_soporte_word_again_updates(smcf, &n);

    if (!left) {
        whole = generation;
    }
}


/* n of this slice; 1: not all were filed before */

static ngx_uint_t
ngx_http_soporte_word_again_notices(ngx_http_soporte_main_conf_t *smcf,
    ngx_uint_t *n)
{
    ngx_uint_t            i, left;
    ngx_soporte_notice_t  notice;

    i = 0;
    left = 0;

    while (*n < NGX_HTTP_SOPORTE_WORD_SLICE
           && ngx_soporte_board_next(smcf->zone, &i, &notice) == NGX_OK)
    {
        if (notice.flags & NGX_SOPORTE_NOTICE_FILED) {
            continue;
        }

        left = 1;

        if (!ngx_http_soporte_word_young(notice.updated)) {
            (*n)++;
            ngx_http_soporte_word_tell(smcf, &notice, 1);
        }
    }

    return left;
}


/* the last one goes with its notice, whose tenant the others need */

static ngx_uint_t
ngx_http_soporte_word_again_updates(ngx_http_soporte_main_conf_t *smcf,
    ngx_uint_t *n)
{
    ngx_uint_t            i, left;
    ngx_soporte_notice_t  notice;
    ngx_soporte_update_t  update;

    i = 0;
    left = 0;

    while (*n < NGX_HTTP_SOPORTE_WORD_SLICE
           && ngx_soporte_board_said(smcf->zone, &i, &update) == NGX_OK)
    {
        if ((update.flags & NGX_SOPORTE_NOTICE_FILED)
            || ngx_soporte_board_get(smcf->zone, update.id, &notice) != NGX_OK
            || (notice.version == update.version
                && !(notice.flags & NGX_SOPORTE_NOTICE_FILED)))
        {
            continue;
        }

        left = 1;

        if (!ngx_http_soporte_word_young(update.at)) {
            (*n)++;
            ngx_http_soporte_word_said(smcf, &notice, &update);
        }
    }

    return left;
}


/* the worker that got it has it in hand */

static ngx_uint_t
ngx_http_soporte_word_young(int64_t at)
{
    return at <= ngx_time() && ngx_time() - at < NGX_HTTP_SOPORTE_WORD_AGAIN;
}


/* a step that was said of an incident before its last one */

static void
ngx_http_soporte_word_said(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice, const ngx_soporte_update_t *update)
{
    ngx_pool_t                     *pool;
    ngx_soporte_mem_t               mem;
    ngx_soporte_value_t            *step;
    ngx_soporte_notice_t            then;
    ngx_http_soporte_event_copy_t   copy;

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool == NULL) {
        return;
    }

    then = *notice;
    then.version = update->version;
    then.updated = update->at;
    then.status = ngx_min(update->status, NGX_SOPORTE_STATUS_RESOLVED);
    then.message_len = update->message_len;
    ngx_memcpy(then.message, update->message, NGX_SOPORTE_BOARD_MESSAGE);

    mem = ngx_http_soporte_mem(pool);
    step = ngx_http_soporte_word_step(&mem, smcf->zone, &then);

    if (!mem.failed) {
        ngx_memzero(&copy, sizeof(ngx_http_soporte_event_copy_t));
        ngx_memcpy(copy.id, update->id, NGX_SOPORTE_ID_LEN);
        copy.version = update->version;
        copy.step = 1;
        copy.whole = 1;

        (void) ngx_http_soporte_event(smcf, step, &copy);
    }

    ngx_destroy_pool(pool);
}


/* what was said of an incident or a restore this time; maintenance has none */

static ngx_soporte_value_t *
ngx_http_soporte_word_step(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, const ngx_soporte_notice_t *notice)
{
    ngx_uint_t            restore;
    ngx_soporte_value_t  *object;

    if (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE) {
        return NULL;
    }

    restore = (notice->kind == NGX_SOPORTE_BOARD_RESTORE);

    object = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, object, "kind",
                                  restore ? "restore_update"
                                          : "incident_update");
    ngx_http_soporte_word_key(mem, zone, object, notice->tenant);
    ngx_soporte_value_id(mem, object, restore ? "restore" : "incident",
                         notice->id);
    ngx_soporte_value_instant(mem, object, "at", notice->updated);
    (void) ngx_soporte_value_int(mem, object, "version", notice->version);
    ngx_soporte_value_text(mem, object, "message", notice->message,
                           notice->message_len);

    if (!restore) {
        (void) ngx_soporte_value_cstr(mem, object, "status",
                                    ngx_soporte_status_names[notice->status]);
        return object;
    }

    (void) ngx_soporte_value_cstr(mem, object, "phase",
                                  ngx_soporte_phase_names[notice->phase]);

    if (notice->progress >= 0) {
        (void) ngx_soporte_value_int(mem, object, "progress",
                                     notice->progress);
    }

    return object;
}


static void
ngx_http_soporte_word_key(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, ngx_soporte_value_t *object,
    uint32_t tenant)
{
    ngx_soporte_tenant_t  *t;

    if (tenant >= NGX_SOPORTE_UPSTREAM) {
        (void) ngx_soporte_value_cstr(mem, object, "tenant",
                                      tenant == NGX_SOPORTE_ALL ? "*" : "@");
        return;
    }

    t = ngx_soporte_tenant(zone, tenant);

    ngx_soporte_value_text(mem, object, "tenant", t->key, t->len);
}


/* of the tenant's incident, detected or declared; 0 when it was up */

static int64_t
ngx_http_soporte_word_failed(ngx_soporte_zone_t *zone,
    const ngx_soporte_notice_t *notice)
{
    int64_t                failed, ms;
    ngx_soporte_notice_t   incident;
    ngx_soporte_tenant_t  *tenant;

    failed = 0;

    if (ngx_soporte_board_current(zone, NGX_SOPORTE_BOARD_INCIDENT,
                                  notice->tenant, ngx_time(), &incident)
        == NGX_OK)
    {
        failed = incident.began;
    }

    if (notice->tenant >= NGX_SOPORTE_UPSTREAM) {
        return failed;
    }

    tenant = ngx_soporte_tenant(zone, notice->tenant);

    if (tenant->detect.state == NGX_SOPORTE_DETECT_DOWN
        || tenant->detect.state == NGX_SOPORTE_DETECT_RECOVERING)
    {
        ms = (int64_t) ngx_current_msec - tenant->detect.incident;
        ms = ngx_time() - (ms + 500) / 1000;

        failed = failed ? ngx_min(failed, ms) : ms;
    }

    return failed;
}


ngx_int_t
ngx_http_soporte_word_heard(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *value)
{
    ngx_int_t             rc;
    ngx_soporte_notice_t  notice;

    if (ngx_http_soporte_word_parse(smcf, value, &notice) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_soporte_word_tenant(smcf,
            &ngx_soporte_value_get(value, "tenant")->str, &notice.tenant)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* ours, which comes back when we forgot it: may not have been filed */

    if (notice.origin != ngx_http_soporte_publish_origin(smcf->node.data,
                                                         smcf->node.len))
    {
        notice.flags |= NGX_SOPORTE_NOTICE_FILED;
    }

    rc = ngx_soporte_board_merge(smcf->zone, &notice, ngx_time());

    if (notice.kind == NGX_SOPORTE_BOARD_INCIDENT
        && (rc == NGX_OK || rc == NGX_DONE))
    {
        ngx_http_soporte_word_updates(smcf,
                                      ngx_soporte_value_get(value, "updates"),
                                      &notice);
    }

    return rc;
}


/* what the board rests on: a kind, an id, a version, a beginning, a tenant */

static ngx_int_t
ngx_http_soporte_word_parse(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *value, ngx_soporte_notice_t *notice)
{
    ngx_uint_t                  i;
    ngx_soporte_mem_t           mem;
    const ngx_soporte_value_t  *kind, *id, *tenant;

    static const u_char         none[NGX_SOPORTE_ID_LEN];

    kind = ngx_soporte_value_get(value, "kind");
    id = ngx_soporte_value_get(value, "id");
    tenant = ngx_soporte_value_get(value, "tenant");

    ngx_memzero(notice, sizeof(ngx_soporte_notice_t));
    ngx_memzero(&mem, sizeof(ngx_soporte_mem_t));
    notice->progress = -1;

    if (kind == NULL || kind->type != NGX_SOPORTE_STRING
        || id == NULL || id->type != NGX_SOPORTE_STRING
        || tenant == NULL || tenant->type != NGX_SOPORTE_STRING
        || ngx_soporte_uuid_parse(notice->id, &id->str) != NGX_OK
        || ngx_memcmp(notice->id, none, sizeof(none)) == 0)
    {
        return NGX_ERROR;
    }

    for (i = NGX_SOPORTE_BOARD_MAINTENANCE; i <= NGX_SOPORTE_BOARD_INCIDENT;
         i++)
    {
        if (ngx_strlen(ngx_soporte_kind_names[i]) == kind->str.len
            && ngx_strncmp(ngx_soporte_kind_names[i], kind->str.data,
                           kind->str.len) == 0)
        {
            notice->kind = i;
        }
    }

    /* of a node nothing is unknown, so no message is made in mem */

    if (notice->kind == NGX_SOPORTE_BOARD_NONE
        || ngx_http_soporte_word_read(&mem, value, NGX_HTTP_SOPORTE_WORD_NODE,
                                      notice) != NULL
        || notice->version == 0 || notice->began <= 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_word_tenant(ngx_http_soporte_main_conf_t *smcf,
    const ngx_str_t *key, uint32_t *tenant)
{
    ngx_soporte_tenant_t  *t;

    u_char                 lower[NGX_SOPORTE_KEY_MAX];

    if (key->len == 1 && key->data[0] == '*') {
        *tenant = NGX_SOPORTE_ALL;
        return NGX_OK;
    }

    if (key->len == 1 && key->data[0] == '@') {
        *tenant = NGX_SOPORTE_UPSTREAM;
        return NGX_OK;
    }

    if (ngx_soporte_tenant_key(lower, key->data, key->len) != NGX_OK) {
        return NGX_DECLINED;
    }

    t = ngx_soporte_tenant_get(smcf->zone, lower, key->len, 1, ngx_time());

    if (t == NULL) {
        return NGX_DECLINED;
    }

    *tenant = ngx_soporte_tenant_index(smcf->zone, t);

    return NGX_OK;
}


/* what was said before it: filed, or to be filed, as the notice is */

static void
ngx_http_soporte_word_updates(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_value_t *list, const ngx_soporte_notice_t *heard)
{
    ngx_uint_t                  n;
    ngx_soporte_mem_t           mem;
    ngx_soporte_notice_t        notice;
    ngx_soporte_update_t        update;
    const ngx_soporte_value_t  *v;

    ngx_memzero(&mem, sizeof(ngx_soporte_mem_t));

    v = (list && list->type == NGX_SOPORTE_LIST) ? list->first : NULL;

    for (n = 0; v && n < NGX_SOPORTE_BOARD_TIMELINE; v = v->next, n++) {

        ngx_memzero(&notice, sizeof(ngx_soporte_notice_t));
        notice.kind = NGX_SOPORTE_BOARD_INCIDENT;

        if (ngx_http_soporte_word_read(&mem, v, NGX_HTTP_SOPORTE_WORD_NODE,
                                       &notice) != NULL
            || notice.version == 0)
        {
            continue;
        }

        ngx_memzero(&update, sizeof(ngx_soporte_update_t));

        ngx_memcpy(update.id, heard->id, NGX_SOPORTE_ID_LEN);
        update.version = notice.version;
        update.at = notice.updated;
        update.status = notice.status;
        update.flags = heard->flags & NGX_SOPORTE_NOTICE_FILED;
        update.message_len = notice.message_len;
        ngx_memcpy(update.message, notice.message, notice.message_len);

        /* who holds the lock is not waited for time and again */

        if (ngx_soporte_board_say(smcf->zone, &update, ngx_time())
            == NGX_BUSY)
        {
            return;
        }
    }
}


ngx_soporte_value_t *
ngx_http_soporte_word_value(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, const ngx_soporte_notice_t *notice)
{
    ngx_soporte_value_t  *object;

    object = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_cstr(mem, object, "kind",
                                  ngx_soporte_kind_names[notice->kind]);
    ngx_soporte_value_id(mem, object, "id", notice->id);

    ngx_http_soporte_word_key(mem, zone, object, notice->tenant);

    ngx_http_soporte_word_write(mem, object, NGX_HTTP_SOPORTE_WORD_NODE,
                                notice);

    switch (notice->kind) {

    case NGX_SOPORTE_BOARD_MAINTENANCE:
        (void) ngx_soporte_value_bool(mem, object, "removed",
                                   ngx_soporte_notice_called_off(notice));
        break;

    case NGX_SOPORTE_BOARD_RESTORE:
        ngx_soporte_value_instant(mem, object, "due_at",
                                  ngx_soporte_notice_deadline(notice));
        break;

    case NGX_SOPORTE_BOARD_INCIDENT:
        ngx_http_soporte_word_timeline(mem, zone, object, notice->id);
        break;
    }

    return object;
}


static void
ngx_http_soporte_word_timeline(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, ngx_soporte_value_t *object,
    const u_char *id)
{
    ngx_uint_t             i, n;
    ngx_soporte_value_t   *list, *item;
    ngx_soporte_update_t  *updates, *u;

    list = ngx_soporte_value_add(mem, object, "updates", NGX_SOPORTE_LIST);

    updates = ngx_soporte_alloc(mem, NGX_SOPORTE_BOARD_TIMELINE
                                     * sizeof(ngx_soporte_update_t));

    if (updates == NULL) {
        return;
    }

    n = ngx_soporte_board_timeline(zone, id, updates,
                                   NGX_SOPORTE_BOARD_TIMELINE);

    for (i = 0; i < n; i++) {
        u = &updates[i];

        item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

        (void) ngx_soporte_value_int(mem, item, "version", u->version);
        ngx_soporte_value_instant(mem, item, "updated_at", u->at);
        (void) ngx_soporte_value_cstr(mem, item, "status",
                  ngx_soporte_status_names[ngx_min(u->status,
                                         NGX_SOPORTE_STATUS_RESOLVED)]);
        ngx_soporte_value_text(mem, item, "message", u->message,
                               u->message_len);
    }
}
