
/*
 * The nodes of the fleet, by their signs of life: the leader writes down what
 * it learned, all workers read.
 */

#include "ngx_http_soporte_fleet.h"
#include "ngx_http_soporte_publish.h"


#define NGX_HTTP_SOPORTE_FLEET_TWIN    3     /* signs, then there is one */
#define NGX_HTTP_SOPORTE_FLEET_TWINS   6     /* ... counted up to */

#define NGX_HTTP_SOPORTE_FLEET_NUMBER  8     /* bytes of an instance */


static void ngx_http_soporte_fleet_gone(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_fleet_beat_t *beat);
static ngx_uint_t ngx_http_soporte_fleet_age(
    const ngx_soporte_header_t *header, const ngx_soporte_fleet_node_t *node);
static void ngx_http_soporte_fleet_twin(ngx_http_soporte_main_conf_t *smcf,
    ngx_uint_t twin);


/*
 * By what stays as long as the file in memory does, over reloads, upgrades and
 * kills, and is another's elsewhere.
 */

ngx_int_t
ngx_http_soporte_fleet_instance(ngx_soporte_mem_t *mem,
    const ngx_soporte_zone_t *zone, ngx_str_t *instance)
{
    u_char  *p;
    u_char   digest[NGX_SOPORTE_DIGEST_LEN];
    u_char   text[sizeof(zone->header->boot) + 3 * NGX_INT64_LEN];

    p = ngx_cpymem(text, zone->header->boot, sizeof(zone->header->boot));
    p = ngx_sprintf(p, "%L%uL%uL", zone->header->began, (uint64_t) zone->dev,
                    (uint64_t) zone->ino);

    instance->len = 2 * NGX_HTTP_SOPORTE_FLEET_NUMBER;
    instance->data = ngx_soporte_alloc(mem, instance->len);

    if (instance->data == NULL
        || ngx_soporte_secret_sha256(digest, text, p - text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(instance->data, digest, NGX_HTTP_SOPORTE_FLEET_NUMBER);

    return NGX_OK;
}


void
ngx_http_soporte_fleet_signs(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_fleet_beat_t *beat)
{
    uint32_t               seq;
    ngx_uint_t             i;
    ngx_soporte_node_t    *node;
    ngx_soporte_header_t  *header;

    header = smcf->zone->header;

    ngx_http_soporte_fleet_gone(smcf, beat);

    /* odd already, if a leader was killed in between: written anew */

    seq = ngx_soporte_load(&header->fleet_seq) | 1;

    ngx_soporte_store(&header->fleet_seq, seq);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    header->fleet_nodes = beat->n;
    header->fleet_at = ngx_time();

    for (i = 0; i < beat->n; i++) {
        node = &header->fleet[i];

        ngx_memcpy(node->name, beat->nodes[i].name, NGX_SOPORTE_FLEET_NAME);
        node->len = beat->nodes[i].len;
        node->age = beat->nodes[i].age;
    }

    ngx_soporte_release(&header->fleet_seq, seq + 1);

    ngx_http_soporte_fleet_twin(smcf, beat->twin);
}


/*
 * What a node said it files, unless it is gone for good: then we do, too, once
 * for each time that it goes.  A repeat is harmless.
 */

static void
ngx_http_soporte_fleet_gone(ngx_http_soporte_main_conf_t *smcf,
    ngx_soporte_fleet_beat_t *beat)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_soporte_fleet_node_t  *node;

    rc = NGX_OK;

    for (i = 0; i < beat->n; i++) {
        node = &beat->nodes[i];

        if (node->age <= NGX_HTTP_SOPORTE_FLEET_GONE
            || ngx_http_soporte_fleet_age(smcf->zone->header, node)
               > NGX_HTTP_SOPORTE_FLEET_GONE)
        {
            continue;
        }

        if (rc != NGX_BUSY) {
            rc = ngx_soporte_board_unfile(smcf->zone,
                     ngx_http_soporte_publish_origin(node->name, node->len),
                     ngx_time());
        }

        /* not had the lock: it goes with the next sign */

        if (rc == NGX_BUSY) {
            node->age = NGX_HTTP_SOPORTE_FLEET_GONE;
        }
    }
}


/* what the last sign said of a node, 0 if nothing */

static ngx_uint_t
ngx_http_soporte_fleet_age(const ngx_soporte_header_t *header,
    const ngx_soporte_fleet_node_t *node)
{
    ngx_uint_t                 i, n;
    const ngx_soporte_node_t  *known;

    n = ngx_min(header->fleet_nodes, NGX_SOPORTE_FLEET_NODES);

    for (i = 0; i < n; i++) {
        known = &header->fleet[i];

        if (known->len == node->len
            && ngx_memcmp(known->name, node->name, node->len) == 0)
        {
            return known->age;
        }
    }

    return 0;
}


/*
 * One sign of another instance is that of our own past, before a reboot or a
 * file in memory that is new; a node that lives gives one after the other.
 */

static void
ngx_http_soporte_fleet_twin(ngx_http_soporte_main_conf_t *smcf,
    ngx_uint_t twin)
{
    static ngx_uint_t  signs, said;

    if (twin) {
        signs = ngx_min(signs + 1, NGX_HTTP_SOPORTE_FLEET_TWINS);

    } else if (signs) {
        signs--;
    }

    if (!said && signs >= NGX_HTTP_SOPORTE_FLEET_TWIN) {
        said = 1;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "another nginx is node \"%V\" in Redis, too: they take "
                      "each other's words for their own and count as one, "
                      "give each a \"soporte_node\"", &smcf->node);
    }

    if (said && signs == 0) {
        said = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "no other nginx is node \"%V\" in Redis any more",
                      &smcf->node);
    }
}


ngx_uint_t
ngx_http_soporte_fleet_nodes(const ngx_soporte_zone_t *zone,
    ngx_soporte_node_t *nodes)
{
    int64_t                at;
    uint32_t               seq;
    ngx_uint_t             i, n, tries;
    ngx_soporte_header_t  *header;

    header = zone->header;

    for (tries = 0; tries < 1000; tries++) {
        seq = ngx_soporte_acquire(&header->fleet_seq);

        if (seq & 1) {
            continue;
        }

        n = ngx_min(header->fleet_nodes, NGX_SOPORTE_FLEET_NODES);
        at = header->fleet_at;
        ngx_memcpy(nodes, header->fleet, n * sizeof(ngx_soporte_node_t));

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ngx_soporte_load(&header->fleet_seq) != seq) {
            continue;
        }

        for (i = 0; i < n; i++) {
            nodes[i].age += ngx_max(ngx_time() - at, 0);
            nodes[i].len = ngx_min(nodes[i].len, NGX_SOPORTE_FLEET_NAME);
        }

        return n;
    }

    return 0;
}


ngx_uint_t
ngx_http_soporte_fleet_others(ngx_http_soporte_main_conf_t *smcf,
    const ngx_soporte_notice_t *notice)
{
    int64_t              heard;
    ngx_uint_t           i, n;
    ngx_soporte_node_t   nodes[NGX_SOPORTE_FLEET_NODES];

    if (smcf->redis == NULL
        || notice->origin
           == ngx_http_soporte_publish_origin(smcf->node.data,
                                              smcf->node.len))
    {
        return 0;
    }

    /* what is known of the fleet may be of an earlier life, or of no use */

    heard = smcf->zone->header->fleet_at;

    if (ngx_time() - heard > NGX_HTTP_SOPORTE_FLEET_LOST) {
        return ngx_time() - ngx_max(heard, smcf->started)
               <= NGX_HTTP_SOPORTE_FLEET_GONE;
    }

    n = ngx_http_soporte_fleet_nodes(smcf->zone, nodes);

    for (i = 0; i < n; i++) {

        if (ngx_http_soporte_publish_origin(nodes[i].name, nodes[i].len)
            == notice->origin)
        {
            return nodes[i].age <= NGX_HTTP_SOPORTE_FLEET_GONE;
        }
    }

    return 0;
}
