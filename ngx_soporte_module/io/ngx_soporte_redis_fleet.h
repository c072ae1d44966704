
/*
 * What the nodes of a fleet say to each other by Redis, under one prefix:
 *
 *     PREFIXboard   a hash, by id: the version, a blank, the word as JSON
 *     PREFIXwords   a stream: "node" and "word", what was said, in order
 *     PREFIXnodes   a hash, by name: when the node was heard last, Redis' time,
 *                   a blank, and which instance that was
 *
 * A word goes into hash and stream by one script, and only if its version is
 * higher than that in the hash.  So the hash is the whole board, and whoever
 * reads the stream's last id first and the hash then misses nothing that the
 * stream brings after that id.
 *
 * Everything here blocks, for a thread; the handle is of io/redis and is
 * connected.  NGX_ERROR is as ngx_soporte_redis_call()'s; what is in Redis
 * but was not written by a node is passed over.
 */

#ifndef _NGX_SOPORTE_REDIS_FLEET_H_INCLUDED_
#define _NGX_SOPORTE_REDIS_FLEET_H_INCLUDED_


#include "ngx_soporte_folio.h"
#include "ngx_soporte_redis.h"


#define NGX_SOPORTE_FLEET_NODES  32
#define NGX_SOPORTE_FLEET_NAME   64          /* bytes of a node's name */
#define NGX_SOPORTE_FLEET_PLACE  48          /* bytes of a place, its NUL too */
#define NGX_SOPORTE_FLEET_DAY    86400       /* s, then a node is forgotten */
#define NGX_SOPORTE_FLEET_READ   128         /* words of one answer, at most */


typedef struct {
    ngx_str_t                      board;
    ngx_str_t                      words;
    ngx_str_t                      nodes;
    ngx_str_t                      node;     /* our name, ... */
    ngx_str_t                      instance; /* ... and number, hexadecimal */
} ngx_soporte_fleet_keys_t;


typedef struct {
    u_char                         id[NGX_SOPORTE_ID_LEN];
    uint64_t                       version;
    ngx_str_t                      json;
} ngx_soporte_fleet_word_t;


/* a place in the stream, an id of Redis; "0-0" is before everything */

typedef struct {
    char                           text[NGX_SOPORTE_FLEET_PLACE];
} ngx_soporte_fleet_place_t;


typedef struct {
    u_char                         name[NGX_SOPORTE_FLEET_NAME];
    uint32_t                       len;
    uint32_t                       age;      /* s since it was heard */
} ngx_soporte_fleet_node_t;


typedef struct {
    ngx_soporte_fleet_node_t       nodes[NGX_SOPORTE_FLEET_NODES];
    ngx_uint_t                     n;
    ngx_soporte_fleet_place_t      last;     /* end of the stream */
    int64_t                        words;    /* on the board */
    ngx_uint_t                     twin;     /* the last sign of our name was
                                                another instance's */
} ngx_soporte_fleet_beat_t;


/* the names of the keys, made in mem; no instance, which the caller may set */

ngx_int_t ngx_soporte_fleet_keys(ngx_soporte_mem_t *mem,
    const ngx_str_t *prefix, const ngx_str_t *node,
    ngx_soporte_fleet_keys_t *keys);

/* tells the fleet n words, at most 64; what is not newer is left out there */

ngx_int_t ngx_soporte_fleet_publish(ngx_soporte_redis_t *redis,
    ngx_soporte_mem_t *mem, const ngx_soporte_fleet_keys_t *keys,
    const ngx_soporte_fleet_word_t *words, ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_redis_err_t *err);

/* the end of the stream, and the whole board after it; words are mem's */

ngx_int_t ngx_soporte_fleet_load(ngx_soporte_redis_t *redis,
    ngx_soporte_mem_t *mem, const ngx_soporte_fleet_keys_t *keys,
    ngx_msec_t timeout, ngx_soporte_fleet_place_t *place,
    ngx_soporte_fleet_word_t **words, ngx_uint_t *n,
    ngx_soporte_redis_err_t *err);

/*
 * What was said after the place, which moves; waits up to "wait" ms for the
 * first word.  Of a word only json is set.  n is 0 when nothing was said.
 */

ngx_int_t ngx_soporte_fleet_follow(ngx_soporte_redis_t *redis,
    ngx_soporte_mem_t *mem, const ngx_soporte_fleet_keys_t *keys,
    ngx_msec_t wait, ngx_msec_t timeout, ngx_soporte_fleet_place_t *place,
    ngx_soporte_fleet_word_t **words, ngx_uint_t *n,
    ngx_soporte_redis_err_t *err);

/* says that we live; learns who else does, and how much is there */

ngx_int_t ngx_soporte_fleet_beat(ngx_soporte_redis_t *redis,
    ngx_soporte_mem_t *mem, const ngx_soporte_fleet_keys_t *keys,
    ngx_msec_t timeout, ngx_soporte_fleet_beat_t *beat,
    ngx_soporte_redis_err_t *err);

/* takes n words out of the hash, by their ids, at most 1024 */

ngx_int_t ngx_soporte_fleet_prune(ngx_soporte_redis_t *redis,
    ngx_soporte_mem_t *mem, const ngx_soporte_fleet_keys_t *keys,
    const u_char (*ids)[NGX_SOPORTE_ID_LEN], ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_redis_err_t *err);

/* < 0, 0, > 0 as a lies before, at or after b.  Pure. */

int ngx_soporte_fleet_compare(const ngx_soporte_fleet_place_t *a,
    const ngx_soporte_fleet_place_t *b);


#endif /* _NGX_SOPORTE_REDIS_FLEET_H_INCLUDED_ */
