
/*
 * A board with two tenants, and what is said on it.
 */

#ifndef _SOPORTE_UNIT_BOARD_H_INCLUDED_
#define _SOPORTE_UNIT_BOARD_H_INCLUDED_


#include "zone.h"


#define MAINTENANCE  NGX_SOPORTE_BOARD_MAINTENANCE
#define RESTORE      NGX_SOPORTE_BOARD_RESTORE
#define INCIDENT     NGX_SOPORTE_BOARD_INCIDENT
#define ALL          NGX_SOPORTE_ALL


static ngx_soporte_zone_t     zone;
static ngx_soporte_tenant_t  *acme;
static ngx_soporte_tenant_t  *beta;
static uint32_t               acme_slot;


static int
board_setup(void **state)
{
    if (zone_setup(state) != 0) {
        return -1;
    }

    zone = zone_open(10);
    acme = tenant_of(&zone, "acme");
    beta = tenant_of(&zone, "beta");
    acme_slot = ngx_soporte_tenant_index(&zone, acme);

    return 0;
}


static int
board_teardown(void **state)
{
    ngx_soporte_zone_close(&zone);

    return zone_teardown(state);
}


#define board_test(f)                                                         \
    cmocka_unit_test_setup_teardown(f, board_setup, board_teardown)


/* a notice with an id by kind and tenant: said anew, it is the same one */

static uint64_t  version;


static ngx_soporte_notice_t
notice_of(uint32_t kind, uint32_t tenant, int64_t began, const char *title)
{
    ngx_soporte_notice_t  notice;

    memset(&notice, 0, sizeof(notice));
    notice.kind = kind;
    notice.tenant = tenant;
    notice.id[0] = kind;
    memcpy(&notice.id[1], &tenant, sizeof(tenant));
    notice.version = ++version;
    notice.announced = began;
    notice.began = began;
    notice.updated = began;
    notice.title_len = strlen(title);
    memcpy(notice.title, title, notice.title_len);

    return notice;
}


static inline ngx_int_t
put(uint32_t kind, uint32_t tenant, int64_t began, const char *title)
{
    ngx_soporte_notice_t  notice;

    notice = notice_of(kind, tenant, began, title);

    return ngx_soporte_board_merge(&zone, &notice, NOW);
}


/* an incident that blocks */

static inline ngx_int_t
block(uint32_t tenant, const char *title)
{
    ngx_soporte_notice_t  notice;

    notice = notice_of(INCIDENT, tenant, NOW, title);
    notice.flags = NGX_SOPORTE_NOTICE_BLOCK;

    return ngx_soporte_board_merge(&zone, &notice, NOW);
}


/* marked as over; NGX_DECLINED when there was none */

static inline ngx_int_t
clear(uint32_t kind, uint32_t tenant)
{
    ngx_soporte_notice_t  notice;

    if (ngx_soporte_board_current(&zone, kind, tenant, NOW, &notice)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    notice.ended = NOW;
    notice.version = ++version;

    return ngx_soporte_board_merge(&zone, &notice, NOW);
}


/* what the gate does, and the title that its page would show */

static const char *
shown(ngx_soporte_tenant_t *tenant)
{
    static char           text[NGX_SOPORTE_BOARD_TITLE + 16];
    ngx_soporte_notice_t  notice;

    static const char *const  gates[] = {
        "open", "maintenance", "incident", "restore"
    };

    memset(&notice, 0, sizeof(notice));

    if (ngx_soporte_board_read(&zone, tenant, &notice) != NGX_OK) {
        return gates[tenant->gate];
    }

    snprintf(text, sizeof(text), "%s %.*s", gates[tenant->gate],
             notice.title_len, notice.title);

    return text;
}


#endif /* _SOPORTE_UNIT_BOARD_H_INCLUDED_ */
