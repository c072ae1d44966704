
/*
 * One job: words and signs of life, from structs to commands and back.
 */

#include "ngx_soporte_redis_client.h"
#include "ngx_soporte_redis_fleet.h"

#include <inttypes.h>


#define NGX_SOPORTE_FLEET_STREAM   "4096"    /* words kept, about */
#define NGX_SOPORTE_FLEET_WORDS    64        /* words of one publishing */
#define NGX_SOPORTE_FLEET_PRUNE    20        /* ids of one command */

#define ngx_soporte_fleet_word(command, s)                                    \
    ngx_soporte_fleet_arg(command, s, sizeof(s) - 1)


/*
 * KEYS: board, words.  ARGV: id, version, JSON, node, length of the stream.
 * A version has 53 bits at most: exact as a number of Lua.
 */

static const char  ngx_soporte_fleet_say[] =
    "local old = redis.call('HGET', KEYS[1], ARGV[1]) "
    "if old then "
        "local v = tonumber(string.match(old, '^%d+') or '') or 0 "
        "if v >= tonumber(ARGV[2]) then return 0 end "
    "end "
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3]) "
    "redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', "
        "'node', ARGV[4], 'word', ARGV[3]) "
    "return 1";


/*
 * KEYS: nodes, words, board.  ARGV: node, seconds until one is forgotten, our
 * instance.  The sign that was there may be of another one of our name.
 */

static const char  ngx_soporte_fleet_live[] =
    "local t = redis.call('TIME')[1] "
    "local old = redis.call('HGET', KEYS[1], ARGV[1]) or '' "
    "local id = string.match(old, '^%d+ (%x+)$') "
    "redis.call('HSET', KEYS[1], ARGV[1], t .. ' ' .. ARGV[3]) "
    "local all = redis.call('HGETALL', KEYS[1]) "
    "local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1) "
    "local out = { last[1] and last[1][1] or '0-0', "
        "redis.call('HLEN', KEYS[3]), id and id ~= ARGV[3] and 1 or 0 } "
    "for i = 1, #all, 2 do "
        "local at = string.match(all[i + 1], '^%d+') or 0 "
        "local age = tonumber(t) - tonumber(at) "
        "if age > tonumber(ARGV[2]) then "
            "redis.call('HDEL', KEYS[1], all[i]) "
        "else "
            "out[#out + 1] = all[i] "
            "out[#out + 1] = tostring(math.max(age, 0)) "
        "end "
    "end "
    "return out";


static ngx_int_t
ngx_soporte_fleet_key(ngx_soporte_mem_t *mem, const ngx_str_t *prefix,
    const char *name, ngx_str_t *key)
{
    size_t  len;

    len = strlen(name);
    key->len = prefix->len + len;
    key->data = ngx_soporte_alloc(mem, key->len);

    if (key->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(key->data, prefix->data, prefix->len);
    ngx_memcpy(key->data + prefix->len, name, len);

    return NGX_OK;
}


ngx_int_t
ngx_soporte_fleet_keys(ngx_soporte_mem_t *mem, const ngx_str_t *prefix,
    const ngx_str_t *node, ngx_soporte_fleet_keys_t *keys)
{
    keys->node = *node;
    ngx_str_null(&keys->instance);

    if (ngx_soporte_fleet_key(mem, prefix, "board", &keys->board) != NGX_OK
        || ngx_soporte_fleet_key(mem, prefix, "words", &keys->words) != NGX_OK
        || ngx_soporte_fleet_key(mem, prefix, "nodes", &keys->nodes)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_soporte_fleet_arg(ngx_soporte_redis_command_t *command, const void *p,
    size_t len)
{
    command->args[command->n].data = (u_char *) p;
    command->args[command->n].len = len;
    command->n++;
}


ngx_int_t
ngx_soporte_fleet_publish(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_fleet_keys_t *keys,
    const ngx_soporte_fleet_word_t *words, ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_redis_err_t *err)
{
    int                            len;
    char                           versions[NGX_SOPORTE_FLEET_WORDS][24];
    u_char                         ids[NGX_SOPORTE_FLEET_WORDS]
                                      [NGX_SOPORTE_UUID_LEN];
    ngx_uint_t                     i;
    ngx_soporte_redis_reply_t      replies[NGX_SOPORTE_FLEET_WORDS];
    ngx_soporte_redis_command_t   *c, *commands;

    ngx_memzero(err, sizeof(ngx_soporte_redis_err_t));

    n = ngx_min(n, NGX_SOPORTE_FLEET_WORDS);

    commands = ngx_soporte_alloc(mem,
                                 n * sizeof(ngx_soporte_redis_command_t));

    if (commands == NULL) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "no memory for a command");
    }

    ngx_memzero(commands, n * sizeof(ngx_soporte_redis_command_t));

    for (i = 0; i < n; i++) {
        c = &commands[i];

        (void) ngx_soporte_uuid_format(ids[i], words[i].id);
        len = snprintf(versions[i], sizeof(versions[i]), "%" PRIu64,
                       words[i].version);

        ngx_soporte_fleet_word(c, "EVAL");
        ngx_soporte_fleet_word(c, ngx_soporte_fleet_say);
        ngx_soporte_fleet_word(c, "2");
        c->args[c->n++] = keys->board;
        c->args[c->n++] = keys->words;
        ngx_soporte_fleet_arg(c, ids[i], NGX_SOPORTE_UUID_LEN);
        ngx_soporte_fleet_arg(c, versions[i], len);
        c->args[c->n++] = words[i].json;
        c->args[c->n++] = keys->node;
        ngx_soporte_fleet_word(c, NGX_SOPORTE_FLEET_STREAM);
    }

    if (ngx_soporte_redis_call(redis, mem, commands, n, timeout, replies, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_soporte_redis_refused(redis, &replies[i], err)) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* digits "-" digits, short enough to be kept; a place is never made up */

static ngx_int_t
ngx_soporte_fleet_place(ngx_soporte_fleet_place_t *place,
    const ngx_soporte_redis_reply_t *reply)
{
    size_t       n;
    const char  *p;

    if (reply->type != NGX_SOPORTE_REDIS_STRING
        || reply->str.len >= NGX_SOPORTE_FLEET_PLACE)
    {
        return NGX_ERROR;
    }

    p = (char *) reply->str.data;
    n = strspn(p, "0123456789");

    if (n == 0 || p[n] != '-') {
        return NGX_ERROR;
    }

    p += n + 1;
    n = strspn(p, "0123456789");

    if (n == 0 || p[n] != '\0') {
        return NGX_ERROR;
    }

    ngx_memcpy(place->text, reply->str.data, reply->str.len + 1);

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_fleet_strange(ngx_soporte_redis_err_t *err)
{
    return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                  "a reply of another form than was asked "
                                  "for");
}


/* "version JSON" of a field of the hash; NGX_DECLINED: it is no word */

static ngx_int_t
ngx_soporte_fleet_field(const ngx_soporte_redis_reply_t *field,
    const ngx_soporte_redis_reply_t *value, ngx_soporte_fleet_word_t *word)
{
    char  *end;

    if (field->type != NGX_SOPORTE_REDIS_STRING
        || value->type != NGX_SOPORTE_REDIS_STRING
        || ngx_soporte_uuid_parse(word->id, &field->str) != NGX_OK
        || value->str.len == 0
        || value->str.data[0] < '0' || value->str.data[0] > '9')
    {
        return NGX_DECLINED;
    }

    word->version = strtoull((char *) value->str.data, &end, 10);

    if (*end != ' ' || word->version == 0) {
        return NGX_DECLINED;
    }

    word->json.data = (u_char *) end + 1;
    word->json.len = value->str.data + value->str.len - word->json.data;

    return NGX_OK;
}


ngx_int_t
ngx_soporte_fleet_load(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_fleet_keys_t *keys, ngx_msec_t timeout,
    ngx_soporte_fleet_place_t *place, ngx_soporte_fleet_word_t **words,
    ngx_uint_t *n, ngx_soporte_redis_err_t *err)
{
    ngx_uint_t                     i;
    ngx_soporte_redis_reply_t      replies[2], *r;
    ngx_soporte_redis_command_t    commands[2];

    ngx_memzero(commands, sizeof(commands));

    ngx_soporte_fleet_word(&commands[0], "XREVRANGE");
    commands[0].args[commands[0].n++] = keys->words;
    ngx_soporte_fleet_word(&commands[0], "+");
    ngx_soporte_fleet_word(&commands[0], "-");
    ngx_soporte_fleet_word(&commands[0], "COUNT");
    ngx_soporte_fleet_word(&commands[0], "1");

    ngx_soporte_fleet_word(&commands[1], "HGETALL");
    commands[1].args[commands[1].n++] = keys->board;

    if (ngx_soporte_redis_call(redis, mem, commands, 2, timeout, replies, err)
           != NGX_OK
        || ngx_soporte_redis_refused(redis, &replies[0], err)
        || ngx_soporte_redis_refused(redis, &replies[1], err))
    {
        return NGX_ERROR;
    }

    if (replies[0].type != NGX_SOPORTE_REDIS_ARRAY
        || replies[1].type != NGX_SOPORTE_REDIS_ARRAY)
    {
        return ngx_soporte_fleet_strange(err);
    }

    ngx_memcpy(place->text, "0-0", sizeof("0-0"));

    if (replies[0].n) {
        r = &replies[0].items[0];

        if (r->type != NGX_SOPORTE_REDIS_ARRAY || r->n == 0
            || ngx_soporte_fleet_place(place, &r->items[0]) != NGX_OK)
        {
            return ngx_soporte_fleet_strange(err);
        }
    }

    *n = 0;
    *words = ngx_soporte_alloc(mem, (replies[1].n / 2 + 1)
                                    * sizeof(ngx_soporte_fleet_word_t));

    if (*words == NULL) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "no memory for a board");
    }

    for (i = 0; i + 1 < replies[1].n; i += 2) {

        if (ngx_soporte_fleet_field(&replies[1].items[i],
                                    &replies[1].items[i + 1], &(*words)[*n])
            == NGX_OK)
        {
            (*n)++;
        }
    }

    return NGX_OK;
}


/* one entry of the stream: [place, [name, value, ...]] */

static ngx_int_t
ngx_soporte_fleet_entry(const ngx_soporte_redis_reply_t *entry,
    ngx_soporte_fleet_place_t *place, ngx_str_t *json)
{
    ngx_uint_t                        i;
    const ngx_soporte_redis_reply_t  *fields, *name, *value;

    if (entry->type != NGX_SOPORTE_REDIS_ARRAY || entry->n != 2
        || ngx_soporte_fleet_place(place, &entry->items[0]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* nil: the entry was deleted meanwhile */

    fields = &entry->items[1];

    for (i = 0; i + 1 < fields->n; i += 2) {
        name = &fields->items[i];
        value = &fields->items[i + 1];

        if (name->type == NGX_SOPORTE_REDIS_STRING
            && value->type == NGX_SOPORTE_REDIS_STRING
            && ngx_strcmp(name->str.data, "word") == 0)
        {
            *json = value->str;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_soporte_fleet_follow(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_fleet_keys_t *keys, ngx_msec_t wait, ngx_msec_t timeout,
    ngx_soporte_fleet_place_t *place, ngx_soporte_fleet_word_t **words,
    ngx_uint_t *n, ngx_soporte_redis_err_t *err)
{
    int                            len;
    char                           block[24], count[16];
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_soporte_redis_reply_t      reply, *stream;
    ngx_soporte_redis_command_t    c;

    ngx_memzero(&c, sizeof(c));
    *n = 0;

    /* BLOCK 0 would be for ever */

    len = snprintf(block, sizeof(block), "%lu",
                   (unsigned long) ngx_max(wait, 1));

    ngx_soporte_fleet_word(&c, "XREAD");
    ngx_soporte_fleet_word(&c, "COUNT");
    ngx_soporte_fleet_arg(&c, count, snprintf(count, sizeof(count), "%d",
                                              NGX_SOPORTE_FLEET_READ));
    ngx_soporte_fleet_word(&c, "BLOCK");
    ngx_soporte_fleet_arg(&c, block, len);
    ngx_soporte_fleet_word(&c, "STREAMS");
    c.args[c.n++] = keys->words;
    ngx_soporte_fleet_arg(&c, place->text, strlen(place->text));

    if (ngx_soporte_redis_call(redis, mem, &c, 1, wait + timeout, &reply, err)
           != NGX_OK
        || ngx_soporte_redis_refused(redis, &reply, err))
    {
        return NGX_ERROR;
    }

    if (reply.type == NGX_SOPORTE_REDIS_NIL) {
        return NGX_OK;
    }

    stream = (reply.n == 1) ? &reply.items[0] : &reply;

    if (stream == &reply || stream->n != 2
        || stream->items[1].type != NGX_SOPORTE_REDIS_ARRAY)
    {
        return ngx_soporte_fleet_strange(err);
    }

    stream = &stream->items[1];

    *words = ngx_soporte_alloc(mem, (stream->n + 1)
                                    * sizeof(ngx_soporte_fleet_word_t));

    if (*words == NULL) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "no memory for words");
    }

    for (i = 0; i < stream->n; i++) {
        ngx_memzero(&(*words)[*n], sizeof(ngx_soporte_fleet_word_t));

        rc = ngx_soporte_fleet_entry(&stream->items[i], place,
                                     &(*words)[*n].json);

        if (rc == NGX_ERROR) {
            return ngx_soporte_fleet_strange(err);
        }

        if (rc == NGX_OK) {
            (*n)++;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_fleet_beat(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_fleet_keys_t *keys, ngx_msec_t timeout,
    ngx_soporte_fleet_beat_t *beat, ngx_soporte_redis_err_t *err)
{
    int                            len;
    char                           day[16];
    ngx_uint_t                     i;
    ngx_soporte_fleet_node_t      *node;
    ngx_soporte_redis_reply_t      reply, *name, *age;
    ngx_soporte_redis_command_t    c;

    ngx_memzero(&c, sizeof(c));
    ngx_memzero(beat, sizeof(ngx_soporte_fleet_beat_t));

    len = snprintf(day, sizeof(day), "%d", NGX_SOPORTE_FLEET_DAY);

    ngx_soporte_fleet_word(&c, "EVAL");
    ngx_soporte_fleet_word(&c, ngx_soporte_fleet_live);
    ngx_soporte_fleet_word(&c, "3");
    c.args[c.n++] = keys->nodes;
    c.args[c.n++] = keys->words;
    c.args[c.n++] = keys->board;
    c.args[c.n++] = keys->node;
    ngx_soporte_fleet_arg(&c, day, len);
    c.args[c.n++] = keys->instance;

    if (ngx_soporte_redis_call(redis, mem, &c, 1, timeout, &reply, err)
           != NGX_OK
        || ngx_soporte_redis_refused(redis, &reply, err))
    {
        return NGX_ERROR;
    }

    if (reply.type != NGX_SOPORTE_REDIS_ARRAY || reply.n < 3
        || ngx_soporte_fleet_place(&beat->last, &reply.items[0]) != NGX_OK
        || reply.items[1].type != NGX_SOPORTE_REDIS_INTEGER
        || reply.items[2].type != NGX_SOPORTE_REDIS_INTEGER)
    {
        return ngx_soporte_fleet_strange(err);
    }

    beat->words = reply.items[1].num;
    beat->twin = (reply.items[2].num != 0);

    for (i = 3; i + 1 < reply.n && beat->n < NGX_SOPORTE_FLEET_NODES; i += 2)
    {
        name = &reply.items[i];
        age = &reply.items[i + 1];

        if (name->type != NGX_SOPORTE_REDIS_STRING
            || age->type != NGX_SOPORTE_REDIS_STRING
            || name->str.len == 0 || name->str.len > NGX_SOPORTE_FLEET_NAME)
        {
            continue;
        }

        node = &beat->nodes[beat->n++];

        ngx_memcpy(node->name, name->str.data, name->str.len);
        node->len = name->str.len;
        node->age = strtoul((char *) age->str.data, NULL, 10);
    }

    return NGX_OK;
}


ngx_int_t
ngx_soporte_fleet_prune(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_fleet_keys_t *keys,
    const u_char (*ids)[NGX_SOPORTE_ID_LEN], ngx_uint_t n, ngx_msec_t timeout,
    ngx_soporte_redis_err_t *err)
{
    u_char                         text[NGX_SOPORTE_FLEET_PRUNE]
                                       [NGX_SOPORTE_UUID_LEN];
    ngx_uint_t                     i, k;
    ngx_soporte_redis_reply_t      reply;
    ngx_soporte_redis_command_t    c;

    for (i = 0; i < n; i += k) {
        ngx_memzero(&c, sizeof(c));

        ngx_soporte_fleet_word(&c, "HDEL");
        c.args[c.n++] = keys->board;

        for (k = 0; k < NGX_SOPORTE_FLEET_PRUNE && i + k < n; k++) {
            (void) ngx_soporte_uuid_format(text[k], ids[i + k]);
            ngx_soporte_fleet_arg(&c, text[k], NGX_SOPORTE_UUID_LEN);
        }

        if (ngx_soporte_redis_call(redis, mem, &c, 1, timeout, &reply, err)
               != NGX_OK
            || ngx_soporte_redis_refused(redis, &reply, err))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


int
ngx_soporte_fleet_compare(const ngx_soporte_fleet_place_t *a,
    const ngx_soporte_fleet_place_t *b)
{
    char      *p, *q;
    uint64_t   m, n;

    m = strtoull(a->text, &p, 10);
    n = strtoull(b->text, &q, 10);

    if (m == n) {
        m = (*p == '-') ? strtoull(p + 1, NULL, 10) : 0;
        n = (*q == '-') ? strtoull(q + 1, NULL, 10) : 0;
    }

    return (m > n) - (m < n);
}
