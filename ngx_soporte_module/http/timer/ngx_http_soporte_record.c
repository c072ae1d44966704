
/*
 * Writes rows into a buffer that grows; all is bounded: a slot has five
 * numbers of 32 bits, a tenant 16 outages.
 */

#include "ngx_http_soporte_record.h"
#include "ngx_http_soporte_hours.h"

#include "ngx_soporte_secret.h"
#include "ngx_soporte_text.h"


#define NGX_HTTP_SOPORTE_RECORD_FIRST  4096
#define NGX_HTTP_SOPORTE_RECORD_ROW    2048
#define NGX_HTTP_SOPORTE_RECORD_LATE   600   /* s an outage is told after */

#define NGX_HTTP_SOPORTE_RECORD_PLAIN                                         \
    (NGX_SOPORTE_SLOT_SERVING|NGX_SOPORTE_SLOT_RECORDED)


static ngx_int_t ngx_http_soporte_record_room(
    ngx_http_soporte_record_t *record, size_t len);
static ngx_int_t ngx_http_soporte_record_write(void *data, const u_char *p,
    size_t len);
static void ngx_http_soporte_record_print(ngx_http_soporte_record_t *record,
    const char *fmt, ...);
static void ngx_http_soporte_record_head(ngx_http_soporte_record_t *record,
    ngx_http_soporte_main_conf_t *smcf, uint32_t until);
static void ngx_http_soporte_record_text(ngx_http_soporte_record_t *record,
    const u_char *p, size_t len);
static ngx_uint_t ngx_http_soporte_record_flags(
    const ngx_soporte_slot_t *slot);
static void ngx_http_soporte_record_slots(ngx_http_soporte_record_t *record,
    const ngx_soporte_minute_t *sum);
static ngx_uint_t ngx_http_soporte_record_tell(
    const ngx_soporte_outage_t *outage, uint32_t minute);
static void ngx_http_soporte_record_outages(ngx_http_soporte_record_t *record,
    const ngx_soporte_tenant_t *tenant);


ngx_http_soporte_record_t *
ngx_http_soporte_record_create(ngx_http_soporte_main_conf_t *smcf,
    uint32_t minute, uint32_t until, ngx_log_t *log)
{
    u_char                      random[NGX_SOPORTE_ID_RANDOM];
    ngx_time_t                 *tp;
    ngx_http_soporte_record_t  *record;

    record = ngx_calloc(sizeof(ngx_http_soporte_record_t), log);

    if (record == NULL) {
        return NULL;
    }

    record->minute = minute;
    record->log = log;

    if (ngx_soporte_secret_random(random, sizeof(random)) != NGX_OK) {
        ngx_free(record);
        return NULL;
    }

    tp = ngx_timeofday();
    ngx_soporte_uuid_v7(record->id, (uint64_t) tp->sec * 1000 + tp->msec,
                        random);

    ngx_http_soporte_record_head(record, smcf, until);

    if (record->failed) {
        ngx_http_soporte_record_destroy(record);
        return NULL;
    }

    return record;
}


void
ngx_http_soporte_record_destroy(ngx_http_soporte_record_t *record)
{
    if (record->data) {
        ngx_free(record->data);
    }

    ngx_free(record);
}


static ngx_int_t
ngx_http_soporte_record_room(ngx_http_soporte_record_t *record, size_t len)
{
    size_t   size;
    u_char  *p;

    if (record->size - record->len >= len) {
        return NGX_OK;
    }

    size = record->size ? record->size : NGX_HTTP_SOPORTE_RECORD_FIRST;

    while (size - record->len < len) {
        size *= 2;
    }

    p = ngx_alloc(size, record->log);

    if (p == NULL) {
        record->failed = 1;
        return NGX_ERROR;
    }

    if (record->data) {
        ngx_memcpy(p, record->data, record->len);
        ngx_free(record->data);
    }

    record->data = p;
    record->size = size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_soporte_record_write(void *data, const u_char *p, size_t len)
{
    ngx_http_soporte_record_t  *record = data;

    if (ngx_http_soporte_record_room(record, len) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->data + record->len, p, len);
    record->len += len;

    return NGX_OK;
}


/* numbers and the like, at most a row */

static void
ngx_http_soporte_record_print(ngx_http_soporte_record_t *record,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    if (ngx_http_soporte_record_room(record, NGX_HTTP_SOPORTE_RECORD_ROW)
        != NGX_OK)
    {
        return;
    }

    p = record->data + record->len;

    va_start(args, fmt);
    record->len = ngx_vslprintf(p, record->data + record->size, fmt, args)
                  - record->data;
    va_end(args);
}


/* a JSON string */

static void
ngx_http_soporte_record_text(ngx_http_soporte_record_t *record,
    const u_char *p, size_t len)
{
    ngx_soporte_out_t  out;

    ngx_memzero(&out, sizeof(ngx_soporte_out_t));
    out.write = ngx_http_soporte_record_write;
    out.data = record;

    ngx_soporte_out(&out, "\"", 1);
    ngx_soporte_text_json(&out, p, len);
    ngx_soporte_out(&out, "\"", 1);
}


static void
ngx_http_soporte_record_head(ngx_http_soporte_record_t *record,
    ngx_http_soporte_main_conf_t *smcf, uint32_t until)
{
    uint32_t                     i, n;
    const ngx_str_t             *zone;
    const ngx_soporte_terms_t   *terms;
    const ngx_soporte_header_t  *header;

    header = smcf->zone->header;
    zone = &smcf->hours->rules.timezone;

    ngx_http_soporte_record_print(record, "{\"node\":");
    ngx_http_soporte_record_text(record, smcf->node.data, smcf->node.len);
    ngx_http_soporte_record_print(record, ",\"boot\":\"%s\",\"minute\":%L,"
                                  "\"served\":%ui,\"zone\":", header->boot,
                                  (int64_t) record->minute * 60,
                                  ngx_http_soporte_record_served(header,
                                                             record->minute));
    ngx_http_soporte_record_text(record, zone->data, zone->len);

    if (until) {
        ngx_http_soporte_record_print(record, ",\"until\":%L",
                                      (int64_t) until * 60);
    }

    ngx_http_soporte_record_print(record, ",\"terms\":[");
    n = ngx_soporte_acquire(&header->nterms);

    for (i = 0; i < n; i++) {
        terms = &header->terms[i];

        ngx_http_soporte_record_print(record, "%s[%uD,%uD,", i ? "," : "",
                                      terms->target, terms->excluded);

        if (terms->cap == NGX_MAX_INT32_VALUE) {
            ngx_http_soporte_record_print(record, "null]");
        } else {
            ngx_http_soporte_record_print(record, "%uD]", terms->cap);
        }
    }

    ngx_http_soporte_record_print(record, "],\"rows\":[");
}


static ngx_uint_t
ngx_http_soporte_record_flags(const ngx_soporte_slot_t *slot)
{
    return slot->flags
           | (slot->probes_ok ? NGX_SOPORTE_SLOT_PROBE_OK : 0)
           | (slot->probes_failed ? NGX_SOPORTE_SLOT_PROBE_FAIL : 0);
}


/* an outage that lasts, or ended lately: told more than once, harmlessly */

static ngx_uint_t
ngx_http_soporte_record_tell(const ngx_soporte_outage_t *outage,
    uint32_t minute)
{
    return outage->ended == 0
           || (int64_t) outage->ended + NGX_HTTP_SOPORTE_RECORD_LATE
              >= (int64_t) minute * 60;
}


ngx_uint_t
ngx_http_soporte_record_worth(const ngx_soporte_tenant_t *tenant,
    uint32_t minute, const ngx_soporte_minute_t *sum)
{
    ngx_uint_t                   i, serving;
    const ngx_soporte_slot_t    *slot;
    const ngx_soporte_outage_t  *outage;

    serving = 0;

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        slot = &sum->slot[i];
        serving |= slot->flags & NGX_SOPORTE_SLOT_SERVING;

        if (slot->good || slot->hard || slot->soft
            || (ngx_http_soporte_record_flags(slot)
                & ~NGX_HTTP_SOPORTE_RECORD_PLAIN))
        {
            return 1;
        }
    }

    outage = ngx_soporte_outage_past(&tenant->history.outages, 0);

    return serving && outage
           && ngx_http_soporte_record_tell(outage, minute);
}


void
ngx_http_soporte_record_row(ngx_http_soporte_record_t *record,
    const ngx_soporte_zone_t *zone, const ngx_soporte_tenant_t *tenant,
    const ngx_soporte_minute_t *sum, ngx_soporte_state_e state)
{
    uint32_t  terms;

    terms = ngx_soporte_load(&tenant->terms);

    if (terms >= ngx_soporte_acquire(&zone->header->nterms)) {
        terms = 0;
    }

    ngx_http_soporte_record_print(record, "%s[\"%*s\",%L,%uD,\"%V\",[",
                                  record->rows ? "," : "",
                                  (size_t) tenant->len, tenant->key,
                                  tenant->began, terms,
                                  &ngx_soporte_state_names[state]);

    ngx_http_soporte_record_slots(record, sum);
    ngx_http_soporte_record_print(record, "],");
    ngx_http_soporte_record_outages(record, tenant);
    ngx_http_soporte_record_print(record, "]");

    record->rows++;
}


static void
ngx_http_soporte_record_slots(ngx_http_soporte_record_t *record,
    const ngx_soporte_minute_t *sum)
{
    ngx_uint_t                 i, plain;
    const ngx_soporte_slot_t  *slot;

    plain = 1;

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        slot = &sum->slot[i];

        if (slot->hard || slot->soft || slot->slow
            || ngx_http_soporte_record_flags(slot)
               != NGX_HTTP_SOPORTE_RECORD_PLAIN)
        {
            plain = 0;
        }
    }

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        slot = &sum->slot[i];

        if (plain) {
            ngx_http_soporte_record_print(record, "%s%uL", i ? "," : "",
                                          slot->good);
            continue;
        }

        ngx_http_soporte_record_print(record, "%s%ui,%uL,%uL,%uL,%uL",
                                      i ? "," : "",
                                      ngx_http_soporte_record_flags(slot),
                                      slot->good, slot->hard, slot->soft,
                                      slot->slow);
    }
}


static void
ngx_http_soporte_record_outages(ngx_http_soporte_record_t *record,
    const ngx_soporte_tenant_t *tenant)
{
    ngx_uint_t                   i, n;
    const ngx_soporte_outage_t  *outage;

    n = 0;

    for (i = 0; i < NGX_SOPORTE_OUTAGES; i++) {
        outage = ngx_soporte_outage_past(&tenant->history.outages, i);

        if (outage == NULL
            || !ngx_http_soporte_record_tell(outage, record->minute))
        {
            break;
        }

        ngx_http_soporte_record_print(record, n++ ? ",[%uD," : "[[%uD,",
                                      outage->began);

        if (outage->ended) {
            ngx_http_soporte_record_print(record, "%uD]", outage->ended);
        } else {
            ngx_http_soporte_record_print(record, "null]");
        }
    }

    ngx_http_soporte_record_print(record, n ? "]" : "null");
}


void
ngx_http_soporte_record_end(ngx_http_soporte_record_t *record)
{
    ngx_http_soporte_record_print(record, "]}");
}


ngx_uint_t
ngx_http_soporte_record_served(const ngx_soporte_header_t *header,
    uint32_t minute)
{
    uint32_t    at, from, to;
    ngx_uint_t  i, served;

    to = ngx_soporte_acquire(&header->gap_to);
    from = ngx_soporte_load(&header->gap_from);
    served = 0;

    for (i = 0; i < NGX_SOPORTE_MINUTE_SLOTS; i++) {
        at = minute * NGX_SOPORTE_MINUTE_SLOTS + i;

        if (at < from || at >= to) {
            served |= (ngx_uint_t) 1 << i;
        }
    }

    return served;
}


uint32_t
ngx_http_soporte_record_alike(const ngx_soporte_header_t *header,
    uint32_t minute, uint32_t until)
{
    uint32_t    n;
    ngx_uint_t  served;

    served = ngx_http_soporte_record_served(header, minute);

    for (n = minute + 1; n < until; n++) {
        if (ngx_http_soporte_record_served(header, n) != served) {
            break;
        }
    }

    return ngx_min(n, until);
}
