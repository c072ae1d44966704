
/*
 * What every page is filled with: policy, tenant, state, hours and words, as
 * a tree of values.
 */

#ifndef _NGX_HTTP_SOPORTE_VIEW_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_VIEW_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_report.h"
#include "ngx_http_soporte_words.h"


typedef struct {
    ngx_soporte_mem_t                mem;
    ngx_soporte_value_t             *root;
    ngx_http_soporte_voice_t         voice;
    ngx_http_soporte_lang_e          lang;

    ngx_soporte_policy_t            *policy;
    ngx_http_soporte_calendar_t     *calendar;
    ngx_soporte_calendar_state_t     hours;
    ngx_http_soporte_report_t        report; /* zeroed without a tenant */
    ngx_str_t                        base;   /* of the portal */
} ngx_http_soporte_view_t;


/*
 * Fills a view for a request; ctx may be NULL.  NGX_ERROR: memory.  What is
 * added later with &view->mem shows its failure in view->mem.failed.
 */
ngx_int_t ngx_http_soporte_view(ngx_http_request_t *r,
    ngx_http_soporte_ctx_t *ctx, ngx_http_soporte_view_t *view);

/* what the tenant's notice says, under "maintenance" or "restore" */
void ngx_http_soporte_view_notice(ngx_http_soporte_view_t *view);

/*
 * What the incident that holds is called and says: the operator's words, and
 * where there are none those of its cause.  Strings live as long as the view.
 */
void ngx_http_soporte_view_words(ngx_http_soporte_view_t *view,
    ngx_str_t *title, ngx_str_t *message);

/* es-MX unless the client prefers English */
ngx_http_soporte_lang_e ngx_http_soporte_lang(ngx_http_request_t *r);

/* the base path of the portal that covers the request, "" without one */
ngx_str_t ngx_http_soporte_base(ngx_http_request_t *r);

/* "es" or "en" of words */
const ngx_str_t *ngx_http_soporte_words(const ngx_http_soporte_view_t *view,
    const ngx_soporte_words_t *words);


#endif /* _NGX_HTTP_SOPORTE_VIEW_H_INCLUDED_ */
