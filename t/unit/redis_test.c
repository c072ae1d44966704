
/*
 * Prevents a server that lies, stalls, floods or dies from crashing or holding
 * a thread, a password in a log, and an answer taken for another's.
 */

#include "test.h"
#include "redis.h"

#include "ngx_soporte_redis.h"

#include <time.h>


static test_redis_t             server;
static test_hostile_t           hostile;
static test_mem_t               tm;
static ngx_soporte_redis_err_t  err;
static volatile sig_atomic_t    flags[2];
static volatile sig_atomic_t   *stop[2] = { &flags[0], &flags[1] };


static double
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static ngx_soporte_redis_conf_t *
parse(const char *url)
{
    return ngx_soporte_redis_url(&tm.mem, url, NULL, &err);
}


static ngx_soporte_redis_t *
handle(const char *fmt, int port)
{
    char                       url[256];
    ngx_soporte_redis_conf_t  *conf;

    (void) snprintf(url, sizeof(url), fmt, port);

    conf = parse(url);
    assert_non_null(conf);

    return ngx_soporte_redis_open(conf, stop);
}


static void
command(ngx_soporte_redis_command_t *c, const char *words)
{
    char  *copy, *word, *save;

    memset(c, 0, sizeof(ngx_soporte_redis_command_t));
    copy = ngx_soporte_alloc(&tm.mem, strlen(words) + 1);
    strcpy(copy, words);

    for (word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
    {
        c->args[c->n].data = (u_char *) word;
        c->args[c->n].len = strlen(word);
        c->n++;
    }
}


static ngx_int_t
ask(ngx_soporte_redis_t *r, const char *words, ngx_msec_t timeout,
    ngx_soporte_redis_reply_t *reply)
{
    ngx_soporte_redis_command_t  c;

    command(&c, words);

    return ngx_soporte_redis_call(r, &tm.mem, &c, 1, timeout, reply, &err);
}


static int
setup(void **state)
{
    (void) test_mem(&tm);
    flags[0] = 0;
    flags[1] = 0;

    return 0;
}


static int
teardown(void **state)
{
    test_mem_free(&tm);

    return 0;
}


static void
test_urls(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "redis://127.0.0.1", "redis://127.0.0.1:6379", "redis://127.0.0.1/",
        "redis://127.0.0.1:1/15", "redis://[::1]:6379/0", "redis://[::1]",
        "redis://:p%40ss@localhost:6379/0", "redis://u:p@127.0.0.1",
        "unix:/tmp/x", "unix:/tmp/x?db=3", "unix::p@/tmp/x",
        "unix:u:p%2f@/tmp/x?db=0", NULL
    };

    static const char *const  bad[] = {
        "", "redis", "redis:", "redis://", "redis:///0", "http://127.0.0.1",
        "rediss://127.0.0.1", "redis://127.0.0.1:", "redis://127.0.0.1:x",
        "redis://127.0.0.1:123456", "redis://127.0.0.1/x",
        "redis://127.0.0.1/1x", "redis://127.0.0.1/123456",
        "redis://[::1", "redis://[::1]:x", "redis://geheim@127.0.0.1",
        "redis://:@127.0.0.1", "redis://:geheim%@127.0.0.1",
        "redis://:geheim%0@127.0.0.1", "redis://:geheim%00@127.0.0.1",
        "redis://:geheim%zz@127.0.0.1", "unix:", "unix:x", "unix:/x?",
        "unix:/x?db=", "unix:/x?db=x", "unix:/x?x=1", "unix:geheim@/x",
        "redis://no.such.host.invalid:6379", NULL
    };

    for (i = 0; good[i]; i++) {
        if (parse(good[i]) == NULL) {
            fail_msg("%s: %s", good[i], err.text);
        }

        assert_int_equal(strstr(err.text, "nginx -T") != NULL,
                         strchr(good[i], '@') != NULL);
    }

    assert_non_null(parse("redis://192.0.2.1"));
    assert_non_null(strstr(err.text, "not encrypted"));

    for (i = 0; bad[i]; i++) {
        if (parse(bad[i])) {
            fail_msg("%s was taken", bad[i]);
        }

        assert_int_equal(err.code, NGX_SOPORTE_REDIS_INVALID);
        assert_true(err.text[0]);
        assert_null(strstr(err.text, "geheim"));
    }
}


static void
write_file(const char *path, const char *text, mode_t mode)
{
    FILE  *f;

    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}


static void
test_password_file(void **state)
{
    char                       path[128];
    ngx_soporte_redis_conf_t  *conf;

    (void) snprintf(path, sizeof(path), "%s/password", server.dir);

    write_file(path, "geheim\n", 0600);
    conf = ngx_soporte_redis_url(&tm.mem, "redis://127.0.0.1", path, &err);
    assert_non_null(conf);

    write_file(path, "geheim", 0644);
    assert_null(ngx_soporte_redis_url(&tm.mem, "redis://127.0.0.1", path,
                                      &err));
    assert_non_null(strstr(err.text, "is open to others"));

    write_file(path, "geheim", 0640);
    assert_null(ngx_soporte_redis_url(&tm.mem, "redis://127.0.0.1", path,
                                      &err));

    write_file(path, "\n", 0600);
    assert_null(ngx_soporte_redis_url(&tm.mem, "redis://127.0.0.1", path,
                                      &err));
    assert_non_null(strstr(err.text, "has no password"));

    write_file(path, "geheim", 0600);
    assert_null(ngx_soporte_redis_url(&tm.mem, "redis://:x@127.0.0.1", path,
                                      &err));
    assert_null(ngx_soporte_redis_url(&tm.mem, "redis://127.0.0.1",
                                      server.dir, &err));
    assert_non_null(strstr(err.text, "is not a file"));
    assert_null(ngx_soporte_redis_url(&tm.mem, "redis://127.0.0.1",
                                      "/nonexistent", &err));
}


/* a real server: every kind of reply, several commands at once */

static void
test_commands(void **state)
{
    ngx_soporte_redis_t          *r;
    ngx_soporte_redis_reply_t     reply, replies[3];
    ngx_soporte_redis_command_t   c[3];

    r = handle("redis://127.0.0.1:%d/5", server.port);

    assert_int_equal(ask(r, "PING", 1000, &reply), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_REDIS_RETRY);

    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);
    assert_true(ngx_soporte_redis_connected(r));
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);

    assert_int_equal(ask(r, "SET a b", 2000, &reply), NGX_OK);
    assert_int_equal(reply.type, NGX_SOPORTE_REDIS_STATUS);
    assert_string_equal((char *) reply.str.data, "OK");

    command(&c[0], "GET a");
    command(&c[1], "INCR n");
    command(&c[2], "GET none");
    c[0].args[1].data = (u_char *) "bin\0ary";
    c[0].args[1].len = 7;
    assert_int_equal(ngx_soporte_redis_call(r, &tm.mem, c, 3, 2000, replies,
                                            &err), NGX_OK);
    assert_int_equal(replies[0].type, NGX_SOPORTE_REDIS_NIL);
    assert_int_equal(replies[1].num, 1);
    assert_int_equal(replies[2].type, NGX_SOPORTE_REDIS_NIL);

    assert_int_equal(ask(r, "EVAL return{1,'x',{2,{ok='y'}},false} 0", 2000,
                         &reply), NGX_OK);
    assert_int_equal(reply.type, NGX_SOPORTE_REDIS_ARRAY);
    assert_int_equal(reply.n, 4);
    assert_int_equal(reply.items[0].num, 1);
    assert_string_equal((char *) reply.items[1].str.data, "x");
    assert_int_equal(reply.items[2].n, 2);
    assert_string_equal((char *) reply.items[2].items[1].str.data, "y");
    assert_int_equal(reply.items[3].type, NGX_SOPORTE_REDIS_NIL);

    /* a refusal is a reply; the caller decides */

    assert_int_equal(ask(r, "NONSENSE geheim", 2000, &reply), NGX_OK);
    assert_int_equal(reply.type, NGX_SOPORTE_REDIS_ERROR);
    assert_true(ngx_soporte_redis_refused(r, &reply, &err));
    assert_int_equal(err.code, NGX_SOPORTE_REDIS_STOP);
    assert_string_equal(err.text, "the server refused: ERR");
    assert_false(ngx_soporte_redis_connected(r));

    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);
    assert_int_equal(ask(r, "GET a", 2000, &reply), NGX_OK);
    assert_string_equal((char *) reply.str.data, "b");

    ngx_soporte_redis_close(r);

    /* by the unix socket, and of another db */

    r = handle("unix:/dev/null/%d", 0);
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_ERROR);
    ngx_soporte_redis_close(r);

    {
        char  url[128];

        (void) snprintf(url, sizeof(url), "unix:%s/sock?db=6", server.dir);
        r = ngx_soporte_redis_open(parse(url), stop);
    }

    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);
    assert_int_equal(ask(r, "GET a", 2000, &reply), NGX_OK);
    assert_int_equal(reply.type, NGX_SOPORTE_REDIS_NIL);
    ngx_soporte_redis_close(r);
}


/* larger than any buffer of a socket, both ways */

static void
test_large(void **state)
{
    size_t                        i, len;
    ngx_soporte_redis_t          *r;
    ngx_soporte_redis_reply_t     reply;
    ngx_soporte_redis_command_t   c;

    r = handle("redis://127.0.0.1:%d", server.port);
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);

    len = 20 * 1024 * 1024;
    command(&c, "SET big x");
    c.args[2].data = ngx_soporte_alloc(&tm.mem, len);
    c.args[2].len = len;

    for (i = 0; i < len; i++) {
        c.args[2].data[i] = i * 31;
    }

    assert_int_equal(ngx_soporte_redis_call(r, &tm.mem, &c, 1, 20000, &reply,
                                            &err), NGX_OK);
    assert_int_equal(ask(r, "GET big", 20000, &reply), NGX_OK);
    assert_int_equal(reply.str.len, len);
    assert_memory_equal(reply.str.data, c.args[2].data, len);

    /* memory that is refused in the middle */

    command(&c, "GET big");
    tm.left = 1;
    assert_int_equal(ngx_soporte_redis_call(r, &tm.mem, &c, 1, 20000, &reply,
                                            &err), NGX_ERROR);
    tm.left = 0;
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);
    assert_int_equal(ask(r, "DEL big", 2000, &reply), NGX_OK);
    ngx_soporte_redis_close(r);
}


/* the server goes away and comes back; it is stopped; it asks for a password */

static void
test_server_dies(void **state)
{
    double                      t;
    ngx_soporte_redis_t        *r;
    ngx_soporte_redis_reply_t   reply;

    r = handle("redis://127.0.0.1:%d", server.port);
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);

    test_redis_stop(&server);

    assert_int_equal(ask(r, "PING", 1000, &reply), NGX_ERROR);
    assert_int_equal(ngx_soporte_redis_connect(r, 1000, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_REDIS_RETRY);
    assert_non_null(strstr(err.text, "connect() failed"));

    assert_int_equal(test_redis_start(&server, NULL, NULL), 0);
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);

    /* it died while nobody looked */

    test_redis_stop(&server);
    assert_int_equal(test_redis_start(&server, "--requirepass", "geheim"), 0);

    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_REDIS_STOP);
    assert_string_equal(err.text, "the server refused: NOAUTH");
    ngx_soporte_redis_close(r);

    r = handle("redis://:wrong@127.0.0.1:%d", server.port);
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_REDIS_STOP);
    assert_string_equal(err.text, "the server refused: WRONGPASS");
    ngx_soporte_redis_close(r);

    r = handle("redis://default:g%%65heim@127.0.0.1:%d", server.port);
    assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);

    /* a server that hangs */

    (void) kill(server.pid, SIGSTOP);
    t = now();
    assert_int_equal(ask(r, "PING", 300, &reply), NGX_ERROR);
    assert_true(now() - t >= 0.29 && now() - t < 5);
    assert_string_equal(err.text, "timed out");
    assert_int_equal(ngx_soporte_redis_connect(r, 300, &err), NGX_ERROR);
    assert_string_equal(err.text, "timed out");

    /* an exit is heard while it hangs */

    flags[0] = 1;
    t = now();
    assert_int_equal(ngx_soporte_redis_connect(r, 60000, &err), NGX_ERROR);
    assert_int_equal(err.code, NGX_SOPORTE_REDIS_STOPPED);
    assert_true(now() - t < 5);
    flags[0] = 0;

    ngx_soporte_redis_close(r);
    test_redis_stop(&server);
    assert_int_equal(test_redis_start(&server, NULL, NULL), 0);
}


/*
 * A greeting and an answer, cut at each byte: the end of the connection,
 * silence, a reset.  Whole, they are taken.
 */

static void
test_truncated(void **state)
{
    size_t                      i;
    test_end_e                  end;
    ngx_soporte_redis_t        *r;
    ngx_soporte_redis_reply_t   reply;

    /* SELECT and PING are asked at once */

    static const char  greeting[] = "+OK\r\n+PONG\r\n";
    static const char  answer[] =
        "*4\r\n$5\r\nhello\r\n:-17\r\n*2\r\n$-1\r\n+st\r\n$0\r\n\r\n";

    r = handle("redis://127.0.0.1:%d", hostile.port);

    for (end = TEST_CLOSE; end <= TEST_RESET; end++) {

        for (i = 0; i < sizeof(greeting) - 1; i++) {
            test_hostile_say(&hostile, greeting, i, end);
            assert_int_equal(ngx_soporte_redis_connect(r,
                                 end == TEST_STALL ? 20 : 2000, &err),
                             NGX_ERROR);
            assert_int_equal(err.code, NGX_SOPORTE_REDIS_RETRY);
            assert_false(ngx_soporte_redis_connected(r));
        }
    }

    test_hostile_greet(&hostile, greeting);

    for (end = TEST_CLOSE; end <= TEST_RESET; end++) {

        for (i = 0; i < sizeof(answer) - 1; i++) {
            test_hostile_say(&hostile, answer, i, end);
            assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err),
                             NGX_OK);
            assert_int_equal(ask(r, "X", end == TEST_STALL ? 20 : 2000,
                                 &reply), NGX_ERROR);
            assert_int_equal(err.code, NGX_SOPORTE_REDIS_RETRY);
            assert_false(ngx_soporte_redis_connected(r));
        }
    }

    /* whole, in one piece and byte by byte */

    for (i = 0; i < 2; i++) {
        test_hostile_say(&hostile, answer, sizeof(answer) - 1,
                         i ? TEST_DRIP : TEST_STALL);
        assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_OK);
        assert_int_equal(ask(r, "X", 5000, &reply), NGX_OK);
        assert_int_equal(reply.n, 4);
        assert_string_equal((char *) reply.items[0].str.data, "hello");
        assert_int_equal(reply.items[1].num, -17);
        assert_int_equal(reply.items[3].str.len, 0);
        ngx_soporte_redis_close(r);
        r = handle("redis://127.0.0.1:%d", hostile.port);
    }

    ngx_soporte_redis_close(r);
    test_hostile_greet(&hostile, NULL);
}


/* what is no reply at all, or one that nobody can mean */

static void
test_garbage(void **state)
{
    size_t                i;
    double                t;
    ngx_soporte_redis_t  *r;

    static const struct {
        const char  *bytes;
        test_end_e   end;
    } cases[] = {
        { "HTTP/1.1 400 Bad Request\r\n\r\n", TEST_STALL },
        { "\r\n\r\n", TEST_STALL },
        { "$-2\r\n", TEST_STALL },
        { "$x\r\n", TEST_STALL },
        { "$9999999999999999999999\r\n", TEST_STALL },
        { "$9223372036854775807\r\nx", TEST_STALL },
        { "$536870912\r\nx", TEST_FLOOD },
        { "*-2\r\n", TEST_STALL },
        { "*2147483647\r\n", TEST_STALL },
        { "*2147483647\r\n:", TEST_FLOOD },
        { "*999999999999\r\n", TEST_STALL },
        { "*1000000\r\n*1000000\r\n", TEST_STALL },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
          TEST_STALL },
        { "+", TEST_FLOOD },
        { ":12x\r\n", TEST_STALL },
        { ":99999999999999999999999999\r\n", TEST_STALL },
        { "$5\r\nhelloXX", TEST_STALL },
        { "+OK\n+PONG\n", TEST_STALL },
        { ",1.5\r\n", TEST_STALL },
        { "_\r\n", TEST_STALL },
        { "#t\r\n", TEST_STALL },
        { "%1\r\n+a\r\n+b\r\n", TEST_STALL },
        { ">2\r\n+message\r\n+x\r\n", TEST_STALL },
        { ">2\r\n+message\r\n+x\r\n+OK\r\n+PONG\r\n", TEST_STALL },
        { "(3492890328409238509324850943850943825024385\r\n", TEST_STALL },
        { "!3\r\nERR\r\n", TEST_STALL },
        { "=7\r\ntxt:abc\r\n", TEST_STALL },
        { "|1\r\n+a\r\n+b\r\n", TEST_STALL },
        { "*0\r\n+PONG\r\n", TEST_STALL },
        { ":1\r\n:2\r\n", TEST_STALL },
        { "$-1\r\n$-1\r\n", TEST_STALL },
        { "+OK\r\n+PONG\r\n+PONG\r\n", TEST_STALL },
        { "+OK\r\n+PONG\r\n*3\r\n", TEST_STALL },
        { "+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", TEST_STALL },
        { "+OK\r\n+PON", TEST_DRIP },
        { "-", TEST_STALL },
        { "-\r\n", TEST_STALL },
        { "-\r\n+PONG\r\n", TEST_STALL }
    };

    r = handle("redis://127.0.0.1:%d", hostile.port);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_hostile_say(&hostile, cases[i].bytes, strlen(cases[i].bytes),
                         cases[i].end);

        t = now();

        if (ngx_soporte_redis_connect(r, 100, &err) != NGX_ERROR) {
            fail_msg("%zu was taken: %s", i, cases[i].bytes);
        }

        if (err.code != NGX_SOPORTE_REDIS_RETRY || now() - t > 5) {
            fail_msg("%zu: %s after %f s", i, err.text, now() - t);
        }

        assert_false(ngx_soporte_redis_connected(r));
    }

    ngx_soporte_redis_close(r);
}


/* what a server that is not ready says, and what is to be done about it */

static void
test_refusals(void **state)
{
    size_t                i;
    ngx_soporte_redis_t  *r;

    static const struct {
        const char                 *bytes;
        ngx_soporte_redis_error_e   code;
        const char                 *text;
    } cases[] = {
        { "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n",
          NGX_SOPORTE_REDIS_RETRY, "the server refused: LOADING" },
        { "-READONLY You can't write against a read only replica.\r\n+X\r\n",
          NGX_SOPORTE_REDIS_RETRY, "the server refused: READONLY" },
        { "-NOAUTH Authentication required.\r\n-NOAUTH x\r\n",
          NGX_SOPORTE_REDIS_STOP, "the server refused: NOAUTH" },
        { "-WRONGPASS invalid geheim\r\n-NOAUTH x\r\n",
          NGX_SOPORTE_REDIS_STOP, "the server refused: WRONGPASS" },
        { "-ERR DB index is out of range\r\n+PONG\r\n",
          NGX_SOPORTE_REDIS_STOP, "the server refused: ERR" },
        { "-MASTERDOWN Link with MASTER is down\r\n+PONG\r\n",
          NGX_SOPORTE_REDIS_RETRY, "the server refused: MASTERDOWN" },
        { "-geheim\r\n+PONG\r\n",
          NGX_SOPORTE_REDIS_RETRY,
          "the server refused: an error without a name" },
        { "-ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n+P\r\n",
          NGX_SOPORTE_REDIS_RETRY,
          "the server refused: ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE" }
    };

    r = handle("redis://127.0.0.1:%d", hostile.port);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_hostile_say(&hostile, cases[i].bytes, strlen(cases[i].bytes),
                         TEST_STALL);

        assert_int_equal(ngx_soporte_redis_connect(r, 2000, &err), NGX_ERROR);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.text, cases[i].text);
    }

    ngx_soporte_redis_close(r);
}


/* a listening socket that never answers, its backlog full or not */

static void
test_black_hole(void **state)
{
    int                   fd, port;
    double                t;
    ngx_soporte_redis_t  *r;

    port = 0;
    fd = test_listen(&port);
    r = handle("redis://127.0.0.1:%d", port);

    t = now();
    assert_int_equal(ngx_soporte_redis_connect(r, 250, &err), NGX_ERROR);
    assert_string_equal(err.text, "timed out");
    assert_true(now() - t < 5);

    ngx_soporte_redis_close(r);
    (void) close(fd);
}


/* a connection that speaks while nobody asks is not trusted */

static void
test_unsolicited(void **state)
{
    int                         i;
    ngx_soporte_redis_t        *r;
    ngx_soporte_redis_reply_t   reply;

    r = handle("redis://127.0.0.1:%d", hostile.port);

    /* the greeting first, the word too many 20 ms a byte later */

    test_hostile_say(&hostile, "+OK\r\n+PONG\r\n+X\r\n", 16, TEST_DRIP);
    assert_int_equal(ngx_soporte_redis_connect(r, 5000, &err), NGX_OK);

    test_hostile_say(&hostile, "x", 1, TEST_CLOSE);

    for (i = 0; i < 500; i++) {

        if (ngx_soporte_redis_connect(r, 2000, &err) != NGX_OK) {
            break;
        }

        (void) usleep(10000);
    }

    assert_int_not_equal(i, 500);
    assert_int_equal(ask(r, "PING", 100, &reply), NGX_ERROR);
    ngx_soporte_redis_close(r);
}


static void
test_backoff(void **state)
{
    ngx_uint_t  i;

    assert_int_equal(ngx_soporte_redis_backoff(0, 7), 0);

    for (i = 1; i < 100; i++) {
        assert_in_range(ngx_soporte_redis_backoff(i, i * 7919), 50, 1000);
    }

    assert_in_range(ngx_soporte_redis_backoff(1, 12345), 50, 100);
    assert_in_range(ngx_soporte_redis_backoff(99, 12345), 500, 1000);
}


/* descriptors come back, whatever happened */

static void
test_descriptors(void **state)
{
    int                   i, before, after;
    ngx_soporte_redis_t  *r;

    before = dup(0);
    (void) close(before);

    r = handle("redis://127.0.0.1:%d", hostile.port);
    test_hostile_say(&hostile, "+OK\r\nx", 6, TEST_CLOSE);

    for (i = 0; i < 200; i++) {
        assert_int_equal(ngx_soporte_redis_connect(r, 1000, &err), NGX_ERROR);
    }

    ngx_soporte_redis_close(r);

    after = dup(0);
    (void) close(after);
    assert_in_range(after, 0, before + 1);
}


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_password_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_black_hole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsolicited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backoff, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown)
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
