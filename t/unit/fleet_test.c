
/*
 * Prevents a word that is lost between the board and the stream, an older one
 * that replaces a newer one, and anything in Redis that a node did not write
 * from being taken for a word, a place or a node.
 */

#include "test.h"
#include "redis.h"

#include "ngx_soporte_redis_fleet.h"


#define BY(i)  "0190a000-0000-7000-8000-00000000000" i


static test_redis_t               server;
static test_hostile_t             hostile;
static test_mem_t                 tm;
static ngx_soporte_redis_t       *redis;
static ngx_soporte_redis_err_t    err;
static ngx_soporte_fleet_keys_t   keys;
static volatile sig_atomic_t     *stop[2];


static ngx_soporte_redis_t *
handle(int port)
{
    char                       url[64];
    ngx_soporte_redis_t       *r;
    ngx_soporte_redis_conf_t  *conf;

    (void) snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);

    conf = ngx_soporte_redis_url(&tm.mem, url, NULL, &err);
    assert_non_null(conf);

    r = ngx_soporte_redis_open(conf, stop);
    assert_non_null(r);

    return r;
}


static void
run(const char *words)
{
    char                         *copy, *word, *save;
    ngx_soporte_redis_reply_t     reply;
    ngx_soporte_redis_command_t   c;

    memset(&c, 0, sizeof(c));
    copy = ngx_soporte_alloc(&tm.mem, strlen(words) + 1);
    strcpy(copy, words);

    for (word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
    {
        c.args[c.n].data = (u_char *) word;
        c.args[c.n++].len = strlen(word);
    }

    assert_int_equal(ngx_soporte_redis_connect(redis, 2000, &err), NGX_OK);
    assert_int_equal(ngx_soporte_redis_call(redis, &tm.mem, &c, 1, 2000,
                                            &reply, &err), NGX_OK);
}


static int
setup(void **state)
{
    static ngx_str_t  prefix = ngx_string("t:");
    static ngx_str_t  node = ngx_string("uno");

    (void) test_mem(&tm);
    redis = handle(server.port);
    run("FLUSHALL");

    return ngx_soporte_fleet_keys(&tm.mem, &prefix, &node, &keys) == NGX_OK
           ? 0 : -1;
}


static int
teardown(void **state)
{
    ngx_soporte_redis_close(redis);
    test_mem_free(&tm);

    return 0;
}


static ngx_soporte_fleet_word_t
word(const char *id, uint64_t version, const char *json)
{
    ngx_str_t                 text;
    ngx_soporte_fleet_word_t  w;

    text.data = (u_char *) id;
    text.len = strlen(id);

    assert_int_equal(ngx_soporte_uuid_parse(w.id, &text), NGX_OK);
    w.version = version;
    w.json.data = (u_char *) json;
    w.json.len = strlen(json);

    return w;
}


static void
publish(const char *id, uint64_t version, const char *json)
{
    ngx_soporte_fleet_word_t  w;

    w = word(id, version, json);

    assert_int_equal(ngx_soporte_fleet_publish(redis, &tm.mem, &keys, &w, 1,
                                               2000, &err), NGX_OK);
}


static ngx_soporte_fleet_word_t *
load(ngx_soporte_fleet_place_t *place, ngx_uint_t *n)
{
    ngx_soporte_fleet_word_t  *words;

    assert_int_equal(ngx_soporte_fleet_load(redis, &tm.mem, &keys, 2000,
                                            place, &words, n, &err), NGX_OK);
    return words;
}


static ngx_soporte_fleet_word_t *
follow(ngx_soporte_fleet_place_t *place, ngx_uint_t *n)
{
    ngx_soporte_fleet_word_t  *words;

    assert_int_equal(ngx_soporte_fleet_follow(redis, &tm.mem, &keys, 20, 2000,
                                              place, &words, n, &err),
                     NGX_OK);
    return words;
}


static void
test_words(void **state)
{
    ngx_uint_t                  n;
    ngx_soporte_fleet_word_t   *words;
    ngx_soporte_fleet_place_t   place;

    (void) load(&place, &n);
    assert_int_equal(n, 0);
    assert_string_equal(place.text, "0-0");

    (void) follow(&place, &n);
    assert_int_equal(n, 0);

    /* the newest stands, exactly: two that differ by one, of 53 bits */

    publish(BY("1"), 9007199254740990, "{\"a\": 1}");
    publish(BY("1"), 9007199254740989, "{\"old\": 1}");
    publish(BY("1"), 9007199254740990, "{\"same\": 1}");
    publish(BY("1"), 9007199254740991, "{\"a\": \"\xc3\xb1 \"}");
    publish(BY("2"), 1, "{}");

    words = follow(&place, &n);
    assert_int_equal(n, 3);
    assert_string_equal((char *) words[0].json.data, "{\"a\": 1}");
    assert_string_equal((char *) words[1].json.data, "{\"a\": \"\xc3\xb1 \"}");
    assert_string_equal((char *) words[2].json.data, "{}");

    (void) follow(&place, &n);
    assert_int_equal(n, 0);

    words = load(&place, &n);
    assert_int_equal(n, 2);

    if (words[0].version == 1) {
        words++;
    }

    assert_true(words[0].version == 9007199254740991);
    assert_string_equal((char *) words[0].json.data, "{\"a\": \"\xc3\xb1 \"}");

    /* from that place on nothing is missed */

    publish(BY("3"), 7, "{\"c\": 3}");
    words = follow(&place, &n);
    assert_int_equal(n, 1);
    assert_string_equal((char *) words[0].json.data, "{\"c\": 3}");
}


/* many at once, and taken away again */

static void
test_many(void **state)
{
    char                        id[64];
    u_char                      ids[64][NGX_SOPORTE_ID_LEN];
    ngx_uint_t                  i, n;
    ngx_soporte_fleet_word_t    w[64];
    ngx_soporte_fleet_place_t   place;

    for (i = 0; i < 64; i++) {
        (void) snprintf(id, sizeof(id),
                        "0190a000-0000-7000-8000-0000000001%02x",
                        (unsigned) i);
        w[i] = word(id, i + 1, "{}");
        memcpy(ids[i], w[i].id, NGX_SOPORTE_ID_LEN);
    }

    assert_int_equal(ngx_soporte_fleet_publish(redis, &tm.mem, &keys, w, 64,
                                               2000, &err), NGX_OK);
    (void) load(&place, &n);
    assert_int_equal(n, 64);

    assert_int_equal(ngx_soporte_fleet_prune(redis, &tm.mem, &keys,
                         (const u_char (*)[NGX_SOPORTE_ID_LEN]) ids, 63,
                         2000, &err), NGX_OK);
    (void) load(&place, &n);
    assert_int_equal(n, 1);

    assert_int_equal(ngx_soporte_fleet_prune(redis, &tm.mem, &keys,
                         (const u_char (*)[NGX_SOPORTE_ID_LEN]) ids, 0,
                         2000, &err), NGX_OK);
}


/* two of one name see each other, one alone sees its own sign */

static void
test_twins(void **state)
{
    ngx_uint_t                 i;
    ngx_soporte_fleet_beat_t   beat;

    static ngx_str_t           ids[2] = { ngx_string("0a1b"),
                                          ngx_string("0a1c") };

    static const struct {
        ngx_uint_t             who;
        ngx_uint_t             twin;
    } signs[] = {
        { 0, 0 }, { 0, 0 }, { 1, 1 }, { 0, 1 }, { 0, 0 }, { 1, 1 }, { 1, 0 }
    };

    for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        keys.instance = ids[signs[i].who];

        assert_int_equal(ngx_soporte_fleet_beat(redis, &tm.mem, &keys, 2000,
                                                &beat, &err), NGX_OK);
        assert_int_equal(beat.twin, signs[i].twin);
        assert_int_equal(beat.n, 1);
        assert_in_range(beat.nodes[0].age, 0, 5);
    }

    /* a sign without a number is nobody's */

    run("HSET t:nodes uno 1");
    assert_int_equal(ngx_soporte_fleet_beat(redis, &tm.mem, &keys, 2000,
                                            &beat, &err), NGX_OK);
    assert_int_equal(beat.twin, 0);
}


static void
test_nonsense(void **state)
{
    ngx_uint_t                  n;
    ngx_soporte_fleet_word_t   *words;
    ngx_soporte_fleet_beat_t    beat;
    ngx_soporte_fleet_place_t   place;

    run("HSET t:board x 1 " BY("1") " 5 " BY("2") " -1 " BY("3") " x");
    run("HSET t:board " BY("4") " 0 " BY("5")
        " 99999999999999999999999999999");
    run("XADD t:words 5-1 x y");
    run("XADD t:words 5-2 word {} more fields");
    run("XADD t:words 5-3 node n word {\"a\":1}");
    run("HSET t:nodes x y dos 1");

    (void) load(&place, &n);
    assert_int_equal(n, 0);
    assert_string_equal(place.text, "5-3");

    memcpy(place.text, "0-0", 4);
    words = follow(&place, &n);
    assert_int_equal(n, 2);
    assert_string_equal((char *) words[1].json.data, "{\"a\":1}");
    assert_string_equal(place.text, "5-3");

    /* nonsense in the place of a version is older than any word */

    publish(BY("3"), 1, "{}");

    /* a node that was heard in 1970 is forgotten */

    assert_int_equal(ngx_soporte_fleet_beat(redis, &tm.mem, &keys, 2000,
                                            &beat, &err), NGX_OK);
    assert_int_equal(beat.n, 1);
    assert_memory_equal(beat.nodes[0].name, "uno", 3);
    assert_int_equal(beat.nodes[0].len, 3);
    assert_in_range(beat.nodes[0].age, 0, 5);
    assert_int_equal(beat.words, 6);
    assert_int_equal(beat.twin, 0);
    assert_int_not_equal(ngx_soporte_fleet_compare(&beat.last, &place), 0);

    /* keys of another type */

    run("SET t:board x");
    assert_int_equal(ngx_soporte_fleet_load(redis, &tm.mem, &keys, 2000,
                                            &place, &words, &n, &err),
                     NGX_ERROR);
    assert_string_equal(err.text, "the server refused: WRONGTYPE");
    assert_false(ngx_soporte_redis_connected(redis));

    run("SET t:words x");
    assert_int_equal(ngx_soporte_fleet_follow(redis, &tm.mem, &keys, 20, 2000,
                                              &place, &words, &n, &err),
                     NGX_ERROR);
}


static void
test_places(void **state)
{
    size_t                      i;
    ngx_soporte_fleet_place_t   a, b;

    static const struct {
        const char  *a, *b;
        int          order;
    } cases[] = {
        { "0-0", "0-0", 0 },
        { "5-1", "5-2", -1 },
        { "10-1", "9-9", 1 },
        { "1700000000000-0", "1699999999999-99", 1 },
        { "0-0", "1-0", -1 },
        { "", "0-0", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(a.text, sizeof(a.text), "%s", cases[i].a);
        (void) snprintf(b.text, sizeof(b.text), "%s", cases[i].b);
        assert_int_equal(ngx_soporte_fleet_compare(&a, &b), cases[i].order);
        assert_int_equal(ngx_soporte_fleet_compare(&b, &a), -cases[i].order);
    }
}


/* answers of a form that nobody asked for, none of which may be taken */

static void
test_hostile(void **state)
{
    size_t                      i;
    ngx_int_t                   rc;
    ngx_uint_t                  n, call;
    ngx_soporte_redis_t        *r;
    ngx_soporte_fleet_word_t   *words;
    ngx_soporte_fleet_beat_t    beat;
    ngx_soporte_fleet_place_t   place;

    static const char *const    cases[] = {
        "+OK\r\n+OK\r\n",
        ":1\r\n:1\r\n",
        "*1\r\n:1\r\n*0\r\n",
        "*2\r\n:1\r\n:2\r\n*0\r\n",
        "*1\r\n*1\r\n:1\r\n*0\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n:1\r\n*0\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n:1\r\n*0\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*1\r\n$3\r\n1-1\r\n*0\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$3\r\n1-x\r\n*0\r\n*0\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$2\r\n1-\r\n*0\r\n*0\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$6\r\n1-1\0-1\r\n*0\r\n*0\r\n",
        "*1\r\n*1\r\n$3\r\nx-1\r\n*0\r\n",
        "*2\r\n$3\r\n1-1\r\n$1\r\n1\r\n",
        "*0\r\n:1\r\n"
    };

    r = handle(hostile.port);
    memcpy(place.text, "0-0", 4);
    test_hostile_greet(&hostile, "+OK\r\n+PONG\r\n");

    for (call = 0; call < 3; call++) {

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            test_hostile_say(&hostile, cases[i], strlen(cases[i]),
                             TEST_STALL);
            assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err),
                             NGX_OK);

            if (call == 0) {
                rc = ngx_soporte_fleet_load(r, &tm.mem, &keys, 50, &place,
                                            &words, &n, &err);
            } else if (call == 1) {
                rc = ngx_soporte_fleet_follow(r, &tm.mem, &keys, 1, 50,
                                              &place, &words, &n, &err);
            } else {
                rc = ngx_soporte_fleet_beat(r, &tm.mem, &keys, 50, &beat,
                                            &err);
            }

            if (rc != NGX_ERROR) {
                fail_msg("call %u took case %zu", (unsigned) call, i);
            }

            ngx_soporte_redis_disconnect(r);
        }
    }

    test_hostile_greet(&hostile, NULL);
    ngx_soporte_redis_close(r);
}


/* memory that is refused, at each allocation */

static void
test_memory(void **state)
{
    size_t                      i;
    ngx_int_t                   rc;
    ngx_uint_t                  n;
    ngx_soporte_fleet_word_t   *words;
    ngx_soporte_fleet_place_t   place;

    publish(BY("1"), 1, "{}");
    publish(BY("2"), 1, "{}");

    rc = NGX_ERROR;

    for (i = 1; i < 100 && rc != NGX_OK; i++) {
        assert_int_equal(ngx_soporte_redis_connect(redis, 2000, &err),
                         NGX_OK);

        tm.left = i;
        rc = ngx_soporte_fleet_load(redis, &tm.mem, &keys, 2000, &place,
                                    &words, &n, &err);
        tm.left = 0;
    }

    assert_int_equal(rc, NGX_OK);
    assert_int_equal(n, 2);
    assert_in_range(i, 5, 99);
}


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_twins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown)
    };

    if (test_redis_start(&server, NULL, NULL) != 0) {
        (void) fprintf(stderr, "redis-server did not start\n");
        return 1;
    }

    test_hostile_start(&hostile);

    rc = cmocka_run_group_tests(tests, NULL, NULL);

    test_hostile_stop(&hostile);
    test_redis_clean(&server);

    return rc;
}
