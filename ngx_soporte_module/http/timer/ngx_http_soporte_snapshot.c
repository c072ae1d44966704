
/*
 * Carries the image of the mapped file to disk: the event loop copies some
 * slots into a buffer, a thread writes it, and again until all are there.
 */

#include "ngx_http_soporte_snapshot.h"
#include "ngx_http_soporte_job.h"

#include "ngx_soporte_image.h"
#include "ngx_soporte_snapshot.h"


/* ms from one beginning to the next: at most 10 s are lost, writing included */
#define NGX_HTTP_SOPORTE_SNAPSHOT_TIME  8000


struct ngx_http_soporte_snapshot_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_thread_task_t              *task;
    ngx_log_t                      *log;
    u_char                         *buf;
    ngx_soporte_image_t             image;
    ngx_msec_t                      next;
    size_t                          size;    /* of the whole */

    /* of one task: written by the thread, read when it is done */

    ngx_soporte_snapshot_t         *file;
    size_t                          len;     /* bytes in buf; 0: it ends */
    ngx_int_t                       rc;
    ngx_soporte_snapshot_err_t      err;

    unsigned                        running:1;
    unsigned                        stopped:1;
    unsigned                        bad:1;   /* said in the log */
};


static void ngx_http_soporte_snapshot_post(
    ngx_http_soporte_snapshot_t *snapshot);
static void ngx_http_soporte_snapshot_thread(void *data, ngx_log_t *log);
static void ngx_http_soporte_snapshot_done(ngx_event_t *ev);
static void ngx_http_soporte_snapshot_drop(
    ngx_http_soporte_snapshot_t *snapshot);
static void ngx_http_soporte_snapshot_report(
    ngx_http_soporte_snapshot_t *snapshot);
static int64_t ngx_http_soporte_snapshot_wall(void);
static void ngx_http_soporte_snapshot_fill(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *data);


ngx_http_soporte_snapshot_t *
ngx_http_soporte_snapshot_create(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_http_soporte_snapshot_t  *snapshot;

    snapshot = ngx_pcalloc(cycle->pool, sizeof(ngx_http_soporte_snapshot_t));

    if (snapshot == NULL) {
        return NULL;
    }

    snapshot->smcf = smcf;
    snapshot->log = cycle->log;
    snapshot->next = ngx_current_msec;
    snapshot->task = ngx_http_soporte_job(cycle, snapshot,
                                          ngx_http_soporte_snapshot_thread,
                                          ngx_http_soporte_snapshot_done);

    if (snapshot->task == NULL) {
        return NULL;
    }

    return snapshot;
}


/* nginx's cached time */

static int64_t
ngx_http_soporte_snapshot_wall(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


void
ngx_http_soporte_snapshot_tick(ngx_http_soporte_snapshot_t *snapshot)
{
    ngx_soporte_zone_t  *zone;

    if (snapshot->running || snapshot->smcf->spool == NULL
        || (ngx_msec_int_t) (snapshot->next - ngx_current_msec) > 0)
    {
        return;
    }

    if (snapshot->buf == NULL) {
        snapshot->buf = ngx_alloc(NGX_SOPORTE_IMAGE_PIECE, snapshot->log);

        if (snapshot->buf == NULL) {
            return;
        }
    }

    zone = snapshot->smcf->zone;

    snapshot->next = ngx_current_msec + NGX_HTTP_SOPORTE_SNAPSHOT_TIME;

    if (!ngx_soporte_zone_current(zone)) {
        return;
    }

    snapshot->stopped = 0;
    snapshot->size = ngx_soporte_image_begin(&snapshot->image, zone,
                                             ngx_http_soporte_snapshot_wall(),
                                             ngx_current_msec);

    ngx_http_soporte_snapshot_post(snapshot);
}


static void
ngx_http_soporte_snapshot_post(ngx_http_soporte_snapshot_t *snapshot)
{
    snapshot->len = ngx_soporte_image_next(&snapshot->image, snapshot->buf);
    snapshot->running = 1;

    if (ngx_thread_task_post(snapshot->smcf->pool, snapshot->task) != NGX_OK) {
        snapshot->running = 0;
        ngx_http_soporte_snapshot_drop(snapshot);
    }
}


/* in a thread */

static void
ngx_http_soporte_snapshot_thread(void *data, ngx_log_t *log)
{
    ngx_http_soporte_snapshot_t  *snapshot = data;

    snapshot->rc = NGX_OK;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    if (snapshot->file == NULL) {
        snapshot->file = ngx_soporte_snapshot_begin(
                              (char *) snapshot->smcf->path.data,
                              snapshot->size, (uid_t) -1, (gid_t) -1,
                              &snapshot->err);

        if (snapshot->file == NULL) {
            snapshot->rc = NGX_ERROR;
            return;
        }
    }

    if (snapshot->len) {
        snapshot->rc = ngx_soporte_snapshot_write(snapshot->file,
                                                  snapshot->buf,
                                                  snapshot->len,
                                                  &snapshot->err);
        return;
    }

    snapshot->rc = ngx_soporte_snapshot_end(snapshot->file, &snapshot->err);
    snapshot->file = NULL;
}


/* in the event loop */

static void
ngx_http_soporte_snapshot_done(ngx_event_t *ev)
{
    ngx_http_soporte_snapshot_t  *snapshot = ev->data;

    snapshot->running = 0;

    if (ngx_exiting || ngx_terminate || snapshot->stopped) {
        ngx_http_soporte_snapshot_drop(snapshot);
        return;
    }

    if (snapshot->rc == NGX_OK && snapshot->len) {
        ngx_http_soporte_snapshot_post(snapshot);
        return;
    }

    ngx_http_soporte_snapshot_drop(snapshot);
    ngx_http_soporte_snapshot_report(snapshot);
}


static void
ngx_http_soporte_snapshot_drop(ngx_http_soporte_snapshot_t *snapshot)
{
    ngx_soporte_snapshot_drop(snapshot->file);
    snapshot->file = NULL;
}


/* once for each change of state */

static void
ngx_http_soporte_snapshot_report(ngx_http_soporte_snapshot_t *snapshot)
{
    if (snapshot->rc == NGX_OK) {

        if (snapshot->bad) {
            snapshot->bad = 0;
            ngx_log_error(NGX_LOG_NOTICE, snapshot->log, 0,
                          "the snapshot \"%V/snapshot\" is written again",
                          &snapshot->smcf->path);
        }

        return;
    }

    if (!snapshot->bad) {
        snapshot->bad = 1;
        ngx_log_error(NGX_LOG_ERR, snapshot->log, snapshot->err.sys,
                      "the snapshot \"%V/snapshot\" can't be written, a "
                      "reboot would lose what was counted since the last: %s",
                      &snapshot->smcf->path, snapshot->err.text);
    }
}


void
ngx_http_soporte_snapshot_stop(ngx_http_soporte_snapshot_t *snapshot)
{
    snapshot->stopped = 1;

    if (!snapshot->running) {
        ngx_http_soporte_snapshot_drop(snapshot);
    }
}


void
ngx_http_soporte_snapshot_close(ngx_http_soporte_snapshot_t *snapshot)
{
    if (snapshot == NULL) {
        return;
    }

    ngx_http_soporte_snapshot_drop(snapshot);

    if (snapshot->buf) {
        ngx_free(snapshot->buf);
        snapshot->buf = NULL;
    }
}


void
ngx_http_soporte_snapshot_last(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    size_t                       size, len;
    u_char                      *buf;
    ngx_soporte_image_t          image;
    ngx_soporte_snapshot_t      *file;
    ngx_soporte_snapshot_err_t   err;

    if (!smcf->blocking || smcf->zone->header == NULL
        || !ngx_soporte_zone_current(smcf->zone))
    {
        return;
    }

    buf = ngx_alloc(NGX_SOPORTE_IMAGE_PIECE, cycle->log);

    if (buf == NULL) {
        return;
    }

    size = ngx_soporte_image_begin(&image, smcf->zone,
                                   ngx_http_soporte_snapshot_wall(),
                                   ngx_current_msec);

    file = ngx_soporte_snapshot_begin((char *) smcf->path.data, size,
                                      smcf->uid, smcf->gid, &err);

    if (file == NULL) {
        goto failed;
    }

    while ((len = ngx_soporte_image_next(&image, buf)) != 0) {
        if (ngx_soporte_snapshot_write(file, buf, len, &err) != NGX_OK) {
            ngx_soporte_snapshot_drop(file);
            goto failed;
        }
    }

    if (ngx_soporte_snapshot_end(file, &err) != NGX_OK) {
        goto failed;
    }

    ngx_free(buf);

    return;

failed:

    ngx_free(buf);

    ngx_log_error(NGX_LOG_ERR, cycle->log, err.sys,
                  "the last snapshot \"%V/snapshot\" could not be written: %s",
                  &smcf->path, err.text);
}


ngx_int_t
ngx_http_soporte_snapshot_restore(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    size_t                        size;
    uint32_t                      slots;
    ngx_int_t                     rc;
    ngx_str_t                     data;
    ngx_soporte_image_result_t    result;
    ngx_soporte_zone_result_t     opened;
    ngx_soporte_snapshot_err_t    err;

    rc = ngx_soporte_snapshot_read((char *) smcf->path.data, smcf->uid, &data,
                                   &err);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cf->log, err.sys,
                      "the snapshot \"%V/snapshot\" is not used: %s",
                      &smcf->path, err.text);
        return NGX_OK;
    }

    slots = ngx_soporte_image_slots(&data, &result);

    if (slots == 0) {
        ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                      "the snapshot \"%V/snapshot\" is not used: %s",
                      &smcf->path, result.what);
        free(data.data);
        return NGX_OK;
    }

    /* a smaller zone= takes nothing away, as ever */

    size = ngx_soporte_zone_size(slots);

    if (size > smcf->zone->size) {
        smcf->zone->size = size;
        ngx_soporte_zone_close(smcf->zone);

        if (ngx_soporte_zone_open(smcf->zone, ngx_time(), &opened) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, opened.err,
                          "soporte_zone \"%V\": \"%V\" can't be used: %s",
                          &smcf->zone->name, &smcf->zone->path, opened.what);
            free(data.data);
            return NGX_ERROR;
        }
    }

    ngx_http_soporte_snapshot_fill(cf, smcf, &data);

    free(data.data);

    return NGX_OK;
}


static void
ngx_http_soporte_snapshot_fill(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_str_t *data)
{
    ngx_soporte_image_result_t  result;

    if (ngx_soporte_image_read(smcf->zone, data,
                               ngx_http_soporte_snapshot_wall(),
                               ngx_current_msec, &result)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                      "the snapshot \"%V/snapshot\" is not used: %s",
                      &smcf->path, result.what);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                  "soporte_zone \"%V\" has %uD slot(s) and %uD notice(s) of "
                  "the snapshot of %L s ago", &smcf->zone->name,
                  result.tenants, result.notices, result.age);

    if (result.left_out) {
        ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                      "%uD slot(s) of the snapshot \"%V/snapshot\" were left "
                      "out, they are damaged", result.left_out, &smcf->path);
    }
}
