
/*
 * Puts a month into the file of a soporte_zone, for tests of what is said of
 * it: so many minutes until the last one that was judged, so many of them
 * down.  nginx must not run meanwhile.
 *
 *     zone-plant FILE TENANT MINUTES DOWN
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_soporte_tenant.h"


int
main(int argc, char **argv)
{
    size_t                      size;
    ngx_soporte_zone_t          zone;
    ngx_soporte_month_t        *month;
    ngx_soporte_tenant_t       *tenant;
    ngx_soporte_zone_result_t   result;

    if (argc != 5) {
        fprintf(stderr, "usage: zone-plant FILE TENANT MINUTES DOWN\n");
        return 2;
    }

    memset(&zone, 0, sizeof(ngx_soporte_zone_t));

    zone.path.data = (u_char *) argv[1];
    zone.path.len = strlen(argv[1]);

    if (ngx_soporte_zone_look(&zone, &result, &size) != NGX_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], result.what);
        return 2;
    }

    tenant = ngx_soporte_tenant_find(&zone, (u_char *) argv[2],
                                     strlen(argv[2]));

    if (tenant == NULL) {
        fprintf(stderr, "no tenant \"%s\"\n", argv[2]);
        return 2;
    }

    month = &tenant->history.month[0];
    memset(month, 0, sizeof(ngx_soporte_month_t));

    month->sealed = (uint16_t) atoi(argv[3]);
    month->start = (tenant->judged + 1 - month->sealed) * 60;
    month->down[NGX_SOPORTE_COUNTED] = (uint16_t) atoi(argv[4]);
    month->down[NGX_SOPORTE_NOT_COUNTED] = (uint16_t) atoi(argv[4]);

    ngx_soporte_zone_close(&zone);

    return 0;
}
