
/*
 * What a snapshot holds of the mapped file, and how a new file is filled from
 * it: the figures of the node, of each tenant, and the board.
 *
 * An image says itself which fields it has, by number and size, and begins
 * with these two lists: a program whose slots are laid out otherwise still
 * reads what it knows.  What is tied to this moment (who leads, what the gate
 * does, streaks) is not in it.
 *
 * Written by the leader, some slots at a time; counters go on meanwhile.
 */

#ifndef _NGX_SOPORTE_IMAGE_H_INCLUDED_
#define _NGX_SOPORTE_IMAGE_H_INCLUDED_


#include "ngx_soporte_zone.h"


#define NGX_SOPORTE_IMAGE_PIECE  (384 * 1024)      /* bytes; > any record */


/* an image that is being written */

typedef struct {
    const ngx_soporte_zone_t  *zone;
    uint32_t                   tenants;      /* slots that it will have */
    uint32_t                   next;         /* slot */
    uint32_t                   notices;      /* of the board */
    uint32_t                   updates;
    ngx_uint_t                 at;           /* of either, in the board */
    ngx_uint_t                 head;         /* 1: head is still to come */
    int64_t                    wall;         /* unix ms, when it began */
    int64_t                    mono;         /* ms */
} ngx_soporte_image_t;


typedef struct {
    int64_t                    age;          /* s from the image to now */
    uint32_t                   tenants;      /* taken over */
    uint32_t                   left_out;     /* not: damaged, or no place */
    uint32_t                   notices;      /* of the board, taken over */
    const char                *what;         /* why it is refused */
} ngx_soporte_image_result_t;


/*
 * Begins one of what the file has now; returns how many bytes it will be.
 * wall: unix ms; mono: ms of CLOCK_MONOTONIC.
 */
size_t ngx_soporte_image_begin(ngx_soporte_image_t *image,
    const ngx_soporte_zone_t *zone, int64_t wall, int64_t mono);

/* the next bytes into a buffer of NGX_SOPORTE_IMAGE_PIECE; 0: that was all */
size_t ngx_soporte_image_next(ngx_soporte_image_t *image, u_char *buf);

/* how many slots it needs; 0: this is no image, result->what says why */
uint32_t ngx_soporte_image_slots(const ngx_str_t *data,
    ngx_soporte_image_result_t *result);

/*
 * Fills a file that nobody uses yet.  The clocks are those of now: instants of
 * the monotonic one are moved.  NGX_ERROR: refused, nothing was changed.
 */
ngx_int_t ngx_soporte_image_read(ngx_soporte_zone_t *zone,
    const ngx_str_t *data, int64_t wall, int64_t mono,
    ngx_soporte_image_result_t *result);


#endif /* _NGX_SOPORTE_IMAGE_H_INCLUDED_ */
