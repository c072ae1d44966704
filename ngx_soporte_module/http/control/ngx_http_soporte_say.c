
/*
 * The words that operators give: a body or none becomes a notice, by what
 * holds now or by an id, and is given.
 */

#include "ngx_http_soporte_control.h"
#include "ngx_http_soporte_conf.h"
#include "ngx_http_soporte_reply.h"
#include "ngx_http_soporte_word.h"

#include "ngx_soporte_json.h"


#define NGX_HTTP_SOPORTE_SAY_BODY   16384    /* bytes */
#define NGX_HTTP_SOPORTE_SAY_TRIES  8        /* against others' words */


static ngx_int_t ngx_http_soporte_say_body(ngx_http_request_t *r);
static void ngx_http_soporte_say_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_say_apply(ngx_http_request_t *r);
static ngx_int_t ngx_http_soporte_say_put(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root);
static const char *ngx_http_soporte_say_words(ngx_soporte_mem_t *mem,
    ngx_uint_t fresh, const ngx_soporte_value_t *root,
    ngx_soporte_notice_t *notice);
static ngx_int_t ngx_http_soporte_say_plan(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root);
static ngx_int_t ngx_http_soporte_say_planned(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, ngx_soporte_notice_t *notice);
static ngx_int_t ngx_http_soporte_say_change(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root);
static const char *ngx_http_soporte_say_window(
    const ngx_soporte_notice_t *old, ngx_soporte_notice_t *notice);
static ngx_int_t ngx_http_soporte_say_end(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);
static ngx_int_t ngx_http_soporte_say_remove(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target);
static ngx_int_t ngx_http_soporte_say_failed(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_uint_t ngx_http_soporte_say_kind(ngx_str_t *verb);


ngx_int_t
ngx_http_soporte_control_say(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_uint_t  plural, backup;

    plural = ngx_http_soporte_is(&target->verb, "maintenances");
    backup = ngx_http_soporte_is(&target->verb, "backup");

    if (backup || ngx_http_soporte_is(&target->verb, "why")) {
        return (backup && r->method == NGX_HTTP_POST)
               ? ngx_http_soporte_say_body(r) : NGX_DECLINED;
    }

    switch (r->method) {

    case NGX_HTTP_PUT:
        return plural ? NGX_DECLINED : ngx_http_soporte_say_body(r);

    case NGX_HTTP_POST:
        return (plural && target->item.len == 0)
               ? ngx_http_soporte_say_body(r) : NGX_DECLINED;

    case NGX_HTTP_PATCH:
        return target->item.len ? ngx_http_soporte_say_body(r)
                                : NGX_DECLINED;

    case NGX_HTTP_DELETE:

        if (target->item.len) {
            return ngx_http_soporte_say_remove(r, target);
        }

        return plural ? NGX_DECLINED : ngx_http_soporte_say_end(r, target);

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_soporte_say_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > NGX_HTTP_SOPORTE_SAY_BODY) {
        return ngx_http_soporte_control_problem(r,
                                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                       "the body is over 16384 bytes", NULL);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_soporte_say_read);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_soporte_say_read(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_soporte_say_apply(r));
}


static ngx_int_t
ngx_http_soporte_say_apply(ngx_http_request_t *r)
{
    ngx_str_t                     text;
    ngx_soporte_mem_t             mem;
    ngx_soporte_value_t          *root;
    ngx_soporte_json_error_t      err;
    ngx_soporte_json_limits_t     limits;
    ngx_http_soporte_resource_t   target;

    if (ngx_http_soporte_control_target(r, &target) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ngx_http_soporte_body_text(r, &text) != NGX_OK) {
        return ngx_http_soporte_control_problem(r,
                                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                       "the body is too large", NULL);
    }

    if (text.len == 0) {
        ngx_str_set(&text, "{}");
    }

    mem = ngx_http_soporte_mem(r->pool);
    limits.max_depth = 4;

    root = ngx_soporte_json_parse(&mem, text.data, text.len, &limits, &err);

    if (root == NULL) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                (char *) err.text, NULL);
    }

    switch (r->method) {

    case NGX_HTTP_POST:
        return ngx_http_soporte_is(&target.verb, "backup")
               ? ngx_http_soporte_control_backup(r, &target, root)
               : ngx_http_soporte_say_plan(r, &target, root);

    case NGX_HTTP_PATCH:
        return ngx_http_soporte_say_change(r, &target, root);

    default:
        return ngx_http_soporte_say_put(r, &target, root);
    }
}


/* what holds now is said anew, or begins */

static ngx_int_t
ngx_http_soporte_say_put(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root)
{
    ngx_int_t                      rc;
    ngx_uint_t                     kind, tries, fresh;
    const char                    *error;
    ngx_soporte_mem_t              mem;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);
    kind = ngx_http_soporte_say_kind(&target->verb);
    rc = NGX_BUSY;

    for (tries = 0; tries < NGX_HTTP_SOPORTE_SAY_TRIES; tries++) {

        fresh = ngx_soporte_board_current(smcf->zone, kind, target->tenant,
                                          ngx_time(), &notice)
                != NGX_OK;

        if (fresh
            && ngx_http_soporte_word_new(&notice, kind, target->tenant)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* what was detected is the operator's from now on */

        notice.flags &= ~NGX_SOPORTE_NOTICE_DETECTED;

        error = ngx_http_soporte_say_words(&mem, fresh, root, &notice);

        if (error) {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                    error, NULL);
        }

        if (kind == NGX_SOPORTE_BOARD_INCIDENT
            && notice.status == NGX_SOPORTE_STATUS_RESOLVED)
        {
            if (fresh) {
                return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                                   "there is no incident to resolve", NULL);
            }

            rc = ngx_http_soporte_word_end(smcf, &notice);

        } else {
            rc = ngx_http_soporte_word(smcf, &notice);
        }

        if (rc != NGX_DONE) {
            break;
        }
    }

    if (rc != NGX_OK) {
        return ngx_http_soporte_say_failed(r, rc);
    }

    ngx_http_soporte_control_log(r, target, "set");

    return ngx_http_soporte_control_show(r, target);
}


/*
 * Maintenance is said anew as a whole.  Of a restore and an incident each
 * word is a step: what it does not name stays, but progress and message are
 * of one step alone.  Returns NULL or what is wrong.
 */

static const char *
ngx_http_soporte_say_words(ngx_soporte_mem_t *mem, ngx_uint_t fresh,
    const ngx_soporte_value_t *root, ngx_soporte_notice_t *notice)
{
    const char            *error;
    ngx_soporte_notice_t   old, step;

    old = *notice;

    if (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE) {
        notice->title_len = 0;
        notice->message_len = 0;
        notice->ends = 0;
    }

    error = ngx_http_soporte_word_read(mem, root, NGX_HTTP_SOPORTE_WORD_PUT,
                                       notice);
    if (error) {
        return error;
    }

    if (notice->kind == NGX_SOPORTE_BOARD_MAINTENANCE) {

        if (notice->ends && notice->ends <= ngx_time()) {
            return "\"ends_at\" must lie ahead";
        }

        return fresh ? NULL : ngx_http_soporte_say_window(&old, notice);
    }

    if (notice->failed > ngx_time() || notice->backup > ngx_time()) {
        return "\"failed_at\" and \"backup_at\" must not lie ahead";
    }

    if (fresh || (notice->phase == old.phase && notice->status == old.status))
    {
        return NULL;
    }

    /* another step: what it says, and nothing of the one before */

    step = old;
    step.progress = -1;
    step.message_len = 0;

    error = ngx_http_soporte_word_read(mem, root, NGX_HTTP_SOPORTE_WORD_PUT,
                                       &step);
    *notice = step;

    return error;
}


/* a window that will begin by itself */

static ngx_int_t
ngx_http_soporte_say_plan(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root)
{
    ngx_int_t                      rc;
    const char                    *error;
    ngx_soporte_mem_t              mem;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    if (ngx_http_soporte_word_new(&notice, NGX_SOPORTE_BOARD_MAINTENANCE,
                                  target->tenant)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    notice.began = 0;

    error = ngx_http_soporte_word_read(&mem, root,
                                       NGX_HTTP_SOPORTE_WORD_PLAN, &notice);

    if (error == NULL) {
        error = ngx_http_soporte_say_window(NULL, &notice);
    }

    if (error) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                error, NULL);
    }

    rc = ngx_http_soporte_word(smcf, &notice);

    if (rc != NGX_OK) {
        return ngx_http_soporte_say_failed(r, rc);
    }

    ngx_http_soporte_control_log(r, target, "planned");

    return ngx_http_soporte_say_planned(r, target, &notice);
}


/* 201 with Location, or 200: the window itself */

static ngx_int_t
ngx_http_soporte_say_planned(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, ngx_soporte_notice_t *notice)
{
    u_char                        *p;
    ngx_soporte_mem_t              mem;
    ngx_soporte_value_t           *root;
    ngx_http_soporte_reply_t       reply;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);

    root = ngx_http_soporte_word_value(&mem, smcf->zone, notice);

    if (mem.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&reply, sizeof(ngx_http_soporte_reply_t));
    reply.status = NGX_HTTP_OK;

    if (r->method == NGX_HTTP_POST) {
        p = ngx_pnalloc(r->pool, r->uri.len + 1 + NGX_SOPORTE_UUID_LEN);

        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        reply.status = NGX_HTTP_CREATED;
        reply.location.data = p;

        p = ngx_cpymem(p, r->uri.data, r->uri.len);
        *p++ = '/';
        p = ngx_soporte_uuid_format(p, notice->id);

        reply.location.len = p - reply.location.data;
    }

    return ngx_http_soporte_reply_json(r, &reply, root);
}


static ngx_int_t
ngx_http_soporte_say_change(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const ngx_soporte_value_t *root)
{
    ngx_int_t                      rc;
    ngx_uint_t                     tries;
    const char                    *error;
    ngx_soporte_mem_t              mem;
    ngx_soporte_notice_t           old, notice;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    mem = ngx_http_soporte_mem(r->pool);
    rc = NGX_BUSY;

    for (tries = 0; tries < NGX_HTTP_SOPORTE_SAY_TRIES; tries++) {

        if (ngx_soporte_board_get(smcf->zone, target->id, &old) != NGX_OK
            || old.kind != NGX_SOPORTE_BOARD_MAINTENANCE
            || old.tenant != target->tenant)
        {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                                                    "no such window", NULL);
        }

        if (ngx_soporte_notice_over(&old, ngx_time())) {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                                                 "the window is over", NULL);
        }

        notice = old;

        error = ngx_http_soporte_word_read(&mem, root,
                                           NGX_HTTP_SOPORTE_WORD_PLAN,
                                           &notice);

        if (error == NULL) {
            error = ngx_http_soporte_say_window(&old, &notice);
        }

        if (error) {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                                    error, NULL);
        }

        rc = ngx_http_soporte_word(smcf, &notice);

        if (rc != NGX_DONE) {
            break;
        }
    }

    if (rc != NGX_OK) {
        return ngx_http_soporte_say_failed(r, rc);
    }

    ngx_http_soporte_control_log(r, target, "changed");

    return ngx_http_soporte_say_planned(r, target, &notice);
}


/*
 * Whether a window may be so; old is NULL for a new one.  One that begins at
 * another time, or lasts longer than was told, is announced anew by that.
 */

static const char *
ngx_http_soporte_say_window(const ngx_soporte_notice_t *old,
    ngx_soporte_notice_t *notice)
{
    if (notice->began == 0) {
        return "\"starts_at\" must be an RFC 3339 instant";
    }

    if ((old == NULL || notice->began != old->began)
        && notice->began < ngx_time())
    {
        return "\"starts_at\" must lie ahead";
    }

    if (old && notice->began != old->began && old->began <= ngx_time()) {
        return "\"starts_at\" is past: the window is in force";
    }

    if (notice->ends && notice->ends <= ngx_max(notice->began, ngx_time())) {
        return "\"ends_at\" must lie ahead and after \"starts_at\"";
    }

    if (old == NULL) {
        return NULL;
    }

    if (notice->began != old->began
        || (old->ends && (notice->ends == 0 || notice->ends > old->ends)))
    {
        notice->announced = ngx_time();
    }

    return NULL;
}


/* all of them that hold: two nodes may have begun one each */

static ngx_int_t
ngx_http_soporte_say_end(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_int_t                      rc;
    ngx_uint_t                     kind, ended, tries;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    kind = ngx_http_soporte_say_kind(&target->verb);

    ended = 0;
    tries = 0;

    while (ngx_soporte_board_current(smcf->zone, kind, target->tenant,
                                     ngx_time(), &notice)
           == NGX_OK)
    {
        rc = ngx_http_soporte_word_end(smcf, &notice);

        if (rc == NGX_OK) {
            ended = 1;

        } else if (rc != NGX_DONE || ++tries > NGX_HTTP_SOPORTE_SAY_TRIES) {
            return ngx_http_soporte_say_failed(r, rc);
        }
    }

    if (!ended) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                   target->tenant == NGX_SOPORTE_ALL
                   ? "nothing is in force for \"*\""
                   : "nothing is in force for this tenant by its own name; "
                     "what holds for all is ended by \"*\"",
                   NULL);
    }

    ngx_http_soporte_control_log(r, target, "ended");

    return ngx_http_soporte_control_show(r, target);
}


/* a window by its id: ended if it is in force, else called off */

static ngx_int_t
ngx_http_soporte_say_remove(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target)
{
    ngx_int_t                      rc;
    ngx_uint_t                     tries;
    ngx_soporte_notice_t           notice;
    ngx_http_soporte_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_soporte_module);
    rc = NGX_BUSY;

    for (tries = 0; tries < NGX_HTTP_SOPORTE_SAY_TRIES; tries++) {

        if (ngx_soporte_board_get(smcf->zone, target->id, &notice) != NGX_OK
            || notice.kind != NGX_SOPORTE_BOARD_MAINTENANCE
            || notice.tenant != target->tenant)
        {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_NOT_FOUND,
                                                    "no such window", NULL);
        }

        if (ngx_soporte_notice_over(&notice, ngx_time())) {
            return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                                                 "the window is over", NULL);
        }

        rc = ngx_http_soporte_word_end(smcf, &notice);

        if (rc != NGX_DONE) {
            break;
        }
    }

    if (rc != NGX_OK) {
        return ngx_http_soporte_say_failed(r, rc);
    }

    ngx_http_soporte_control_log(r, target, "called off");

    return ngx_http_soporte_control_show(r, target);
}


static ngx_int_t
ngx_http_soporte_say_failed(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_DECLINED) {
        return ngx_http_soporte_control_problem(r, NGX_HTTP_CONFLICT,
                   "the board is full, use \"*\" or end another one", NULL);
    }

    return ngx_http_soporte_control_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                            "the board is busy, try again",
                                            NULL);
}


void
ngx_http_soporte_control_log(ngx_http_request_t *r,
    ngx_http_soporte_resource_t *target, const char *what)
{
    ngx_str_t  peer;

    u_char     buf[NGX_HTTP_SOPORTE_PEER];

    peer.data = buf;
    peer.len = ngx_http_soporte_guard_peer(r, buf) - buf;

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "%V of \"%V\" was %s%V", &target->verb, &target->key, what,
                  &peer);
}


static ngx_uint_t
ngx_http_soporte_say_kind(ngx_str_t *verb)
{
    switch (verb->data[0]) {

    case 'r':
        return NGX_SOPORTE_BOARD_RESTORE;

    case 'i':
        return NGX_SOPORTE_BOARD_INCIDENT;

    default:
        return NGX_SOPORTE_BOARD_MAINTENANCE;
    }
}
