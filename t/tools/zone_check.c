
/*
 * Says whether the file of a soporte_zone is intact.  Harmless beside a running
 * nginx; exit code 1 if it is damaged, 2 if it can't be read.
 *
 *     soporte-zone-check FILE
 */

#include <stdio.h>
#include <string.h>

#include "ngx_soporte_check.h"


int
main(int argc, char **argv)
{
    size_t                      size;
    ngx_soporte_zone_t          zone;
    ngx_soporte_check_t         check;
    ngx_soporte_zone_result_t   result;

    if (argc != 2) {
        fprintf(stderr, "usage: soporte-zone-check FILE\n");
        return 2;
    }

    memset(&zone, 0, sizeof(ngx_soporte_zone_t));

    zone.path.data = (u_char *) argv[1];
    zone.path.len = strlen(argv[1]);

    if (ngx_soporte_zone_look(&zone, &result, &size) != NGX_OK) {
        fprintf(stderr, "%s: %s%s%s\n", argv[1], result.what,
                result.err ? ": " : "", result.err ? strerror(result.err) : "");
        return 2;
    }

    if (ngx_soporte_check(&zone, size, &check) != NGX_OK) {
        printf("damaged: %s\n", check.text);
        return 1;
    }

    printf("intact: %u tenants, %u notices, %u of %u slots given, %u idle\n",
           check.tenants, check.notices, zone.header->used,
           zone.header->capacity, check.idle);

    ngx_soporte_zone_close(&zone);

    return 0;
}
