
/*
 * Holds the lock of the board in the file of a soporte_zone, for tests of who
 * waits for it: says so, and lets go when its input ends.
 *
 *     zone-hold FILE
 */

#include <stdio.h>
#include <string.h>

#include "ngx_soporte_board.h"


int
main(int argc, char **argv)
{
    size_t                     size;
    ngx_soporte_zone_t         zone;
    ngx_soporte_zone_result_t  result;

    if (argc != 2) {
        fprintf(stderr, "usage: zone-hold FILE\n");
        return 2;
    }

    memset(&zone, 0, sizeof(ngx_soporte_zone_t));

    zone.path.data = (u_char *) argv[1];
    zone.path.len = strlen(argv[1]);

    if (ngx_soporte_zone_look(&zone, &result, &size) != NGX_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], result.what);
        return 2;
    }

    if (pthread_mutex_lock(&zone.board->lock) != 0) {
        fprintf(stderr, "%s: the lock can't be had\n", argv[1]);
        return 2;
    }

    printf("held\n");
    fflush(stdout);

    while (getchar() != EOF) { /* void */ }

    pthread_mutex_unlock(&zone.board->lock);
    ngx_soporte_zone_close(&zone);

    return 0;
}
