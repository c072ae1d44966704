
/*
 * The file that every process of a node shares: its layout, how it is made,
 * found again and grown.  It outlives reload, binary upgrade and SIGKILL.
 *
 * It lies on tmpfs and is mapped by the master; workers inherit the mapping.
 * Everything in it is reached by offset or index, never by pointer.  The slots
 * of the tenants are last, so that another size only appends.  More address
 * space is mapped than the file has: when it grows, all see it at once.
 */

#ifndef _NGX_SOPORTE_ZONE_H_INCLUDED_
#define _NGX_SOPORTE_ZONE_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_hist.h"
#include "ngx_soporte_window.h"


#define NGX_SOPORTE_ZONE_MAGIC       0x4554524f504f53ULL    /* "SOPORTE" */
#define NGX_SOPORTE_ZONE_VERSION     9
#define NGX_SOPORTE_ZONE_MAX         (1024 * 1024 * 1024)
#define NGX_SOPORTE_ZONE_BUCKETS     32768                  /* 2^15 */

#define NGX_SOPORTE_BOARD_ENTRIES    2048

/* probes: of an upstream, of a tenant in its turn, of one that is suspect */

#define NGX_SOPORTE_PROBE_GROUP      0
#define NGX_SOPORTE_PROBE_TENANT     1
#define NGX_SOPORTE_PROBE_CONFIRM    2
#define NGX_SOPORTE_PROBE_KINDS      3

#define NGX_SOPORTE_OTHER            0       /* slot of what has none */


/* atomic counters of the mapped file; relaxed: only sums matter */

#define ngx_soporte_add(p, n)                                                 \
    (void) __atomic_fetch_add(p, n, __ATOMIC_RELAXED)
#define ngx_soporte_load(p)                                                   \
    __atomic_load_n(p, __ATOMIC_RELAXED)
#define ngx_soporte_acquire(p)                                                \
    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ngx_soporte_store(p, v)                                               \
    __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define ngx_soporte_release(p, v)                                             \
    __atomic_store_n(p, v, __ATOMIC_RELEASE)


typedef struct ngx_soporte_header_s  ngx_soporte_header_t;
typedef struct ngx_soporte_tenant_s  ngx_soporte_tenant_t;
typedef struct ngx_soporte_board_s   ngx_soporte_board_t;
typedef struct ngx_soporte_seen_s    ngx_soporte_seen_t;
typedef struct ngx_soporte_trail_s   ngx_soporte_trail_t;
typedef struct ngx_soporte_quota_s   ngx_soporte_quota_t;


/* a node of the fleet, as Redis knows it */

#define NGX_SOPORTE_NODES            32
#define NGX_SOPORTE_NODE_NAME        64      /* bytes */

typedef struct {
    u_char         name[NGX_SOPORTE_NODE_NAME];
    uint32_t       len;
    uint32_t       age;                      /* s since it was heard */
} ngx_soporte_node_t;


/* what months are reckoned by; terms.h */

typedef struct {
    uint32_t       target;                   /* ppm */
    uint32_t       cap;                      /* minutes a month that planned
                                                maintenance may be excluded */
    uint32_t       announce;                 /* s ahead, or it is not planned */
    uint32_t       excluded;                 /* 1: it is, 0: it is counted */
} ngx_soporte_terms_t;

#define NGX_SOPORTE_TERMS  32


struct ngx_soporte_header_s {
    uint64_t       magic;
    uint32_t       version;
    uint32_t       slot_size;                /* bytes */
    uint32_t       slots;                    /* offset of the first, bytes */
    uint32_t       capacity;                 /* slots in the file */
    uint32_t       dynamic;                  /* ... for keys of variables */
    uint32_t       used;                     /* slots given, ever */

    u_char         boot[40];                 /* kernel's boot id, text */
    int64_t        began;                    /* unix seconds, first start */
    uint64_t       generation;               /* of the configuration */

    /* who leads: fencing number << 32 | pid, and its last sign of life */

    uint64_t       lease;
    uint64_t       heartbeat;                /* monotonic milliseconds */

    /* of the node in time: what minutes are judged by */

    ngx_soporte_clock_t  clock;              /* of the leader */
    int64_t        alive;                    /* unix s, last tick of any */
    uint32_t       gap_from;                 /* slots in which the node was */
    uint32_t       gap_to;                   /* not there: [from, to), last */

    /* counters of the node */

    uint64_t       pages[4];                 /* by NGX_SOPORTE_PAGE_ */
    uint64_t       tickets[4];               /* by NGX_SOPORTE_TICKET_ */
    uint64_t       events_filed;             /* in the spool, ever */
    uint64_t       events_lost;
    uint64_t       helped;                   /* questions an answer settled */
    uint64_t       overflow;                 /* requests without a slot */
    int64_t        overflow_logged;          /* unix seconds */

    /* the long history: last minute that is on disk, bytes held there */

    uint32_t       filed;                    /* unix s / 60, 0: none yet */
    uint32_t       nterms;
    ngx_soporte_terms_t  terms[NGX_SOPORTE_TERMS];

    /* what the leader learned last */

    uint32_t       postgres_up;
    uint32_t       spool_new;
    uint32_t       spool_sending;
    uint32_t       spool_dead;
    uint32_t       spool_notify;             /* nobody was told of yet */
    ngx_atomic_t   history_bytes;            /* held, for the budget */
    ngx_atomic_t   spool_bytes;              /* held, for the budget */
    int64_t        spool_oldest;             /* unix seconds, 0 if none */
    int64_t        postgres_success;         /* unix seconds */
    uint64_t       postgres_ok;              /* operations */
    uint64_t       postgres_error;
    uint64_t       wake;                     /* tickets put, to be looked for */

    uint32_t       redis_used;               /* there is a soporte_redis */
    uint32_t       redis_up;
    int64_t        redis_success;            /* unix seconds */
    uint64_t       redis_ok;                 /* operations */
    uint64_t       redis_error;
    uint64_t       fleet_dirty;              /* words that could not be told */
    int64_t        fleet_at;                 /* unix s, nodes as of then */
    uint32_t       fleet_seq;                /* odd while nodes are written */
    uint32_t       fleet_nodes;
    ngx_soporte_node_t  fleet[NGX_SOPORTE_NODES];

    uint64_t       probe;                    /* random: knows ours again */
    uint64_t       probes[NGX_SOPORTE_PROBE_KINDS][2];    /* good, failed */
    uint64_t       probe_ms;                 /* they took, together */
    uint64_t       incidents_down;           /* opened, ever */
    uint64_t       incidents_degraded;
    uint32_t       probe_hist[NGX_SOPORTE_HIST_BUCKETS];
};


/* one process's view of the file; lives in the cycle's pool */

typedef struct {
    ngx_str_t              name;             /* of soporte_zone */
    ngx_str_t              path;             /* null-terminated */
    size_t                 size;             /* bytes asked for */
    ngx_uint_t             tenants;          /* asked for, 0: what fits */

    ngx_soporte_header_t  *header;           /* NULL until opened */
    uint32_t              *buckets;          /* index of slot, 0: empty */
    ngx_soporte_board_t   *board;
    ngx_soporte_seen_t    *seen;
    ngx_soporte_trail_t   *trail;
    ngx_soporte_quota_t   *quota;
    u_char                *slots;

    dev_t                  dev;              /* of the file that is mapped */
    ino_t                  ino;

    uint32_t               spare;            /* lost a race; for the next key */
} ngx_soporte_zone_t;


typedef struct {
    ngx_err_t              err;              /* errno or 0 */
    const char            *what;             /* what failed, a literal */
    ngx_uint_t             fresh;            /* 1: nothing was found */
    char                   damage[128];      /* why what was found is left */
} ngx_soporte_zone_result_t;


/* bytes of the file for so many tenants, and the other way round */

size_t ngx_soporte_zone_size(ngx_uint_t tenants);
ngx_uint_t ngx_soporte_zone_capacity(size_t size);

/*
 * Opens or makes the file and maps it.  A file of another layout, of an
 * earlier boot, or damaged, is replaced (result->fresh); a larger size is
 * reserved, yet in use only after ngx_soporte_zone_commit().  Master only, may
 * block; NGX_ERROR leaves everything as it was.
 */
ngx_int_t ngx_soporte_zone_open(ngx_soporte_zone_t *zone, int64_t now,
    ngx_soporte_zone_result_t *result);

/* the new configuration is in force; cannot fail.  Master only. */
void ngx_soporte_zone_commit(ngx_soporte_zone_t *zone);

/* maps a file as it is, to be looked at; size: its bytes */
ngx_int_t ngx_soporte_zone_look(ngx_soporte_zone_t *zone,
    ngx_soporte_zone_result_t *result, size_t *size);

/* whether the path still leads to the file that is mapped */
ngx_uint_t ngx_soporte_zone_current(const ngx_soporte_zone_t *zone);

/* unmaps; the file stays */
void ngx_soporte_zone_close(ngx_soporte_zone_t *zone);


#endif /* _NGX_SOPORTE_ZONE_H_INCLUDED_ */
