
/*
 * Tenants of benches: soporte_bench, and who is meant by a request's host
 * where no "soporte" says it.
 */

#ifndef _NGX_HTTP_SOPORTE_BENCH_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_BENCH_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_job.h"

#include "ngx_soporte_sites.h"


#define NGX_HTTP_SOPORTE_BENCHES   64


/* a directive */

typedef struct {
    ngx_str_t                       path;     /* of its "sites" */
    ngx_addr_t                     *addr;     /* of gunicorn: for probes */
    ngx_str_t                       backups;  /* with {tenant} for a folder */
    ngx_http_soporte_place_t        place;
} ngx_http_soporte_bench_path_t;


/* of all benches; of this process, the worker's timer keeps it up to date */

struct ngx_http_soporte_bench_s {
    ngx_http_soporte_main_conf_t   *smcf;
    ngx_array_t                     paths;    /* of _bench_path_t */
    ngx_str_t                      *folders;  /* the paths alone, for io */

    ngx_soporte_sites_t            *sites;
    ngx_soporte_tenant_t          **tenants;  /* of each of its sites */
    uint32_t                        version;  /* of the two, counts up */

    ngx_http_soporte_timer_t        timer;
    ngx_thread_task_t              *task;
    ngx_log_t                      *log;
    ngx_msec_t                      started;
    unsigned                        running:1;

    /* of one task: written by the thread, read when it is done */

    ngx_int_t                       rc;
    ngx_soporte_sites_t            *found;

    ngx_soporte_sites_note_t        note[NGX_SOPORTE_SITES_NOTES]; /* logged */
};


/* soporte_bench PATH [upstream=URL] */
char *ngx_http_soporte_set_bench(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* after the configuration was read: the sites, for "nginx -t" as well */
ngx_int_t ngx_http_soporte_bench_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf);

/* the configuration is in force: slots are given */
void ngx_http_soporte_bench_commit(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/* once a worker: looks at the disk from now on */
ngx_int_t ngx_http_soporte_bench_init(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf);

/* once a worker, when it can probe: its sites are targets from now on */
void ngx_http_soporte_bench_probe(ngx_http_soporte_bench_t *bench);

/* where the first of them stands */
ngx_http_soporte_place_t *ngx_http_soporte_bench_place(
    const ngx_http_soporte_bench_t *bench);

/* whose host it is; NULL: nobody's */
ngx_soporte_tenant_t *ngx_http_soporte_bench_tenant(
    const ngx_http_soporte_bench_t *bench, ngx_http_request_t *r);


#endif /* _NGX_HTTP_SOPORTE_BENCH_H_INCLUDED_ */
