
/*
 * One job: commands go to Redis and their replies come back, or an error,
 * before a deadline.
 *
 * Of hiredis the formatter and the reader are used, over a socket of our own:
 * its connections know no deadline, and its reader builds whatever a server
 * announces, gigabytes of empty elements if it says so.  The functions that
 * build a reply are ours for that reason: they count, and refuse.
 */

#include "ngx_soporte_redis_client.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <time.h>


#define NGX_SOPORTE_REDIS_SLICE  200         /* ms */
#define NGX_SOPORTE_REDIS_READ   16384       /* bytes */

/* the type of an array's length changed with 1.0 */

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_soporte_redis_count_t;
#else
typedef int     ngx_soporte_redis_count_t;
#endif


struct ngx_soporte_redis_s {
    ngx_soporte_redis_conf_t   *conf;
    volatile sig_atomic_t      *stop[2];

    int                         fd;          /* -1: no connection */
    ngx_uint_t                  addr;        /* that answered last */
    redisReader                *reader;      /* one a connection */

    /* of the call that is under way */

    ngx_soporte_mem_t          *mem;
    ngx_soporte_redis_reply_t  *root;        /* where the next reply goes */
    ngx_uint_t                  built;       /* root was filled in */
    size_t                      bytes;       /* read from the socket */
    size_t                      items;
};


/* what is written, formatted */

typedef struct {
    char                       *data;
    size_t                      len;
} ngx_soporte_redis_text_t;


static void *ngx_soporte_redis_on_string(const redisReadTask *task, char *str,
    size_t len);
static void *ngx_soporte_redis_on_array(const redisReadTask *task,
    ngx_soporte_redis_count_t elements);
static void *ngx_soporte_redis_on_integer(const redisReadTask *task,
    long long num);
static void *ngx_soporte_redis_on_nil(const redisReadTask *task);
static void ngx_soporte_redis_on_free(void *reply);


static redisReplyObjectFunctions  ngx_soporte_redis_functions = {
    .createString = ngx_soporte_redis_on_string,
    .createArray = ngx_soporte_redis_on_array,
    .createInteger = ngx_soporte_redis_on_integer,
    .createNil = ngx_soporte_redis_on_nil,
    .freeObject = ngx_soporte_redis_on_free
};


static uint64_t
ngx_soporte_redis_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


ngx_soporte_redis_t *
ngx_soporte_redis_open(ngx_soporte_redis_conf_t *conf,
    volatile sig_atomic_t *stop[2])
{
    ngx_soporte_redis_t  *redis;

    redis = calloc(1, sizeof(ngx_soporte_redis_t));

    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->stop[0] = stop[0];
    redis->stop[1] = stop[1];
    redis->fd = -1;

    return redis;
}


void
ngx_soporte_redis_disconnect(ngx_soporte_redis_t *redis)
{
    if (redis->fd != -1) {
        (void) close(redis->fd);
        redis->fd = -1;
    }

    if (redis->reader) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }
}


void
ngx_soporte_redis_close(ngx_soporte_redis_t *redis)
{
    ngx_soporte_redis_disconnect(redis);
    free(redis);
}


ngx_uint_t
ngx_soporte_redis_connected(ngx_soporte_redis_t *redis)
{
    return redis->fd != -1;
}


/* the place of the reply that the reader is at, NULL: refused */

static ngx_soporte_redis_reply_t *
ngx_soporte_redis_place(const redisReadTask *task)
{
    ngx_soporte_redis_t        *redis = task->privdata;
    ngx_soporte_redis_reply_t  *parent;

    if (task->parent == NULL) {
        redis->built = 1;
        return redis->root;
    }

    parent = task->parent->obj;

    if (parent == NULL || task->idx < 0
        || (ngx_uint_t) task->idx >= parent->n)
    {
        return NULL;
    }

    return &parent->items[task->idx];
}


static void *
ngx_soporte_redis_on_string(const redisReadTask *task, char *str, size_t len)
{
    ngx_soporte_redis_t        *redis = task->privdata;
    ngx_soporte_redis_reply_t  *reply;

    reply = ngx_soporte_redis_place(task);

    if (reply == NULL) {
        return NULL;
    }

    reply->str.data = ngx_soporte_alloc(redis->mem, len + 1);

    if (reply->str.data == NULL) {
        return NULL;
    }

    ngx_memcpy(reply->str.data, str, len);
    reply->str.data[len] = '\0';
    reply->str.len = len;

    switch (task->type) {

    case REDIS_REPLY_ERROR:
        reply->type = NGX_SOPORTE_REDIS_ERROR;
        break;

    case REDIS_REPLY_STATUS:
        reply->type = NGX_SOPORTE_REDIS_STATUS;
        break;

    default:
        reply->type = NGX_SOPORTE_REDIS_STRING;
    }

    return reply;
}


static void *
ngx_soporte_redis_on_array(const redisReadTask *task,
    ngx_soporte_redis_count_t elements)
{
    size_t                      n;
    ngx_soporte_redis_t        *redis = task->privdata;
    ngx_soporte_redis_reply_t  *reply;

    reply = ngx_soporte_redis_place(task);
    n = (size_t) elements;

    if (reply == NULL || n > NGX_SOPORTE_REDIS_ITEMS
        || redis->items + n > NGX_SOPORTE_REDIS_ITEMS)
    {
        return NULL;
    }

    redis->items += n;
    reply->type = NGX_SOPORTE_REDIS_ARRAY;

    if (n) {
        reply->items = ngx_soporte_alloc(redis->mem,
                                     n * sizeof(ngx_soporte_redis_reply_t));

        if (reply->items == NULL) {
            return NULL;
        }

        ngx_memzero(reply->items, n * sizeof(ngx_soporte_redis_reply_t));
        reply->n = n;
    }

    return reply;
}


static void *
ngx_soporte_redis_on_integer(const redisReadTask *task, long long num)
{
    ngx_soporte_redis_reply_t  *reply;

    reply = ngx_soporte_redis_place(task);

    if (reply) {
        reply->type = NGX_SOPORTE_REDIS_INTEGER;
        reply->num = num;
    }

    return reply;
}


static void *
ngx_soporte_redis_on_nil(const redisReadTask *task)
{
    /* as zeroed */

    return ngx_soporte_redis_place(task);
}


static void
ngx_soporte_redis_on_free(void *reply)
{
    /* the memory is the caller's */
}


/* ms that are left, or 0 with err: no time, or the worker exits */

static ngx_msec_t
ngx_soporte_redis_left(ngx_soporte_redis_t *redis, uint64_t deadline,
    ngx_soporte_redis_err_t *err)
{
    uint64_t  now;

    if ((redis->stop[0] && *redis->stop[0])
        || (redis->stop[1] && *redis->stop[1]))
    {
        (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_STOPPED,
                                      "the worker exits");
        return 0;
    }

    now = ngx_soporte_redis_now();

    if (now >= deadline) {
        (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "timed out");
        return 0;
    }

    return deadline - now;
}


/* revents of the socket, or 0 with err */

static int
ngx_soporte_redis_wait(ngx_soporte_redis_t *redis, int events,
    uint64_t deadline, ngx_soporte_redis_err_t *err)
{
    int            n;
    ngx_msec_t     left;
    struct pollfd  pfd;

    for ( ;; ) {
        left = ngx_soporte_redis_left(redis, deadline, err);

        if (left == 0) {
            return 0;
        }

        pfd.fd = redis->fd;
        pfd.events = events;
        pfd.revents = 0;

        n = poll(&pfd, 1, ngx_min(left, NGX_SOPORTE_REDIS_SLICE));

        if (n > 0) {
            return pfd.revents;
        }

        if (n == -1 && errno != EINTR) {
            (void) ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                          "poll() failed (%d)", errno);
            return 0;
        }
    }
}


static ngx_int_t
ngx_soporte_redis_attempt(ngx_soporte_redis_t *redis,
    ngx_soporte_redis_addr_t *addr, uint64_t deadline,
    ngx_soporte_redis_err_t *err)
{
    int        sys;
    socklen_t  len;

    redis->fd = socket(addr->sockaddr.ss_family,
                       SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    redis->reader = redisReaderCreateWithFunctions(
                                              &ngx_soporte_redis_functions);

    if (redis->fd == -1 || redis->reader == NULL) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "no socket or no memory (%d)", errno);
    }

    redis->reader->privdata = redis;

    if (connect(redis->fd, (struct sockaddr *) &addr->sockaddr,
                addr->socklen) == 0)
    {
        return NGX_OK;
    }

    /* EAGAIN: the backlog of a unix socket is full */

    if (errno != EINPROGRESS) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "connect() failed (%d: %s)", errno,
                                      strerror(errno));
    }

    if (ngx_soporte_redis_wait(redis, POLLOUT, deadline, err) == 0) {
        return NGX_ERROR;
    }

    sys = 0;
    len = sizeof(int);

    if (getsockopt(redis->fd, SOL_SOCKET, SO_ERROR, &sys, &len) == -1) {
        sys = errno;
    }

    if (sys) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "connect() failed (%d: %s)", sys,
                                      strerror(sys));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_redis_send(ngx_soporte_redis_t *redis, const char *p, size_t len,
    uint64_t deadline, ngx_soporte_redis_err_t *err)
{
    ssize_t  n;

    while (len) {
        n = send(redis->fd, p, len, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            len -= n;
            continue;
        }

        if (errno == EINTR) {
            continue;
        }

        if (errno != EAGAIN) {
            return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                          "send() failed (%d: %s)", errno,
                                          strerror(errno));
        }

        if (ngx_soporte_redis_wait(redis, POLLOUT, deadline, err) == 0) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* more bytes for the reader */

static ngx_int_t
ngx_soporte_redis_recv(ngx_soporte_redis_t *redis, uint64_t deadline,
    ngx_soporte_redis_err_t *err)
{
    char     buf[NGX_SOPORTE_REDIS_READ];
    ssize_t  n;

    for ( ;; ) {

        /* a server that never stops talking is never waited for */

        if (ngx_soporte_redis_left(redis, deadline, err) == 0) {
            return NGX_ERROR;
        }

        n = recv(redis->fd, buf, sizeof(buf), 0);

        if (n > 0) {
            break;
        }

        if (n == 0) {
            return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                          "the server closed the connection");
        }

        if (errno != EAGAIN && errno != EINTR) {
            return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                          "recv() failed (%d: %s)", errno,
                                          strerror(errno));
        }

        if (ngx_soporte_redis_wait(redis, POLLIN, deadline, err) == 0) {
            return NGX_ERROR;
        }
    }

    redis->bytes += n;

    if (redis->bytes > NGX_SOPORTE_REDIS_REPLY) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "the reply is too large");
    }

    if (redisReaderFeed(redis->reader, buf, n) != REDIS_OK) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "no memory for a reply");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_redis_read(ngx_soporte_redis_t *redis,
    ngx_soporte_redis_reply_t *reply, uint64_t deadline,
    ngx_soporte_redis_err_t *err)
{
    void  *done;

    redis->root = reply;
    redis->built = 0;

    ngx_memzero(reply, sizeof(ngx_soporte_redis_reply_t));

    for ( ;; ) {
        done = NULL;

        if (redisReaderGetReply(redis->reader, &done) != REDIS_OK) {
            return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                          "this is no reply of Redis");
        }

        /* done is no pointer of ours for a type that we gave no function */

        if (done) {
            break;
        }

        if (ngx_soporte_redis_recv(redis, deadline, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!redis->built) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "a reply of an unknown type");
    }

    return NGX_OK;
}


/* the commands as they go over the wire; data NULL: no memory */

static ngx_soporte_redis_text_t
ngx_soporte_redis_format(const ngx_soporte_redis_command_t *commands,
    ngx_uint_t n)
{
    char                      *one, *grown;
    size_t                     lens[NGX_SOPORTE_REDIS_ARGS];
    long long                  len;
    ngx_uint_t                 i, k;
    const char                *args[NGX_SOPORTE_REDIS_ARGS];
    ngx_soporte_redis_text_t   text;

    text.data = NULL;
    text.len = 0;

    for (i = 0; i < n; i++) {

        for (k = 0; k < commands[i].n; k++) {
            args[k] = (char *) commands[i].args[k].data;
            lens[k] = commands[i].args[k].len;
        }

        len = redisFormatCommandArgv(&one, commands[i].n, args, lens);
        grown = (len > 0) ? realloc(text.data, text.len + len) : NULL;

        if (grown) {
            text.data = grown;
            ngx_memcpy(text.data + text.len, one, len);
            text.len += len;
        }

        if (len > 0) {
            redisFreeCommand(one);
        }

        if (grown == NULL) {
            free(text.data);
            text.data = NULL;
            break;
        }
    }

    return text;
}


/* one exchange on the connection that there is */

static ngx_int_t
ngx_soporte_redis_exchange(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_redis_command_t *commands, ngx_uint_t n,
    uint64_t deadline, ngx_soporte_redis_reply_t *replies,
    ngx_soporte_redis_err_t *err)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_soporte_redis_text_t  text;

    text = ngx_soporte_redis_format(commands, n);

    if (text.data == NULL) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "no memory for a command");
    }

    redis->mem = mem;
    redis->bytes = 0;
    redis->items = 0;

    rc = ngx_soporte_redis_send(redis, text.data, text.len, deadline, err);

    free(text.data);

    for (i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_soporte_redis_read(redis, &replies[i], deadline, err);
    }

    if (rc == NGX_OK && redis->reader->pos < redis->reader->len) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "a reply that nobody asked for");
    }

    return rc;
}


ngx_int_t
ngx_soporte_redis_call(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    const ngx_soporte_redis_command_t *commands, ngx_uint_t n,
    ngx_msec_t timeout, ngx_soporte_redis_reply_t *replies,
    ngx_soporte_redis_err_t *err)
{
    ngx_memzero(err, sizeof(ngx_soporte_redis_err_t));

    if (redis->fd == -1) {
        return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                      "not connected");
    }

    if (ngx_soporte_redis_exchange(redis, mem, commands, n,
                                   ngx_soporte_redis_now() + timeout, replies,
                                   err)
        == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_soporte_redis_disconnect(redis);

    return NGX_ERROR;
}


/*
 * A reply to AUTH may repeat what it was given, so of an error only the word
 * in capitals is told that it begins with.
 */

ngx_uint_t
ngx_soporte_redis_refused(ngx_soporte_redis_t *redis,
    const ngx_soporte_redis_reply_t *reply, ngx_soporte_redis_err_t *err)
{
    char                        word[32];
    size_t                      len;
    ngx_uint_t                  i;
    ngx_soporte_redis_error_e   code;

    static const char *const    stop[] = {
        "NOAUTH", "WRONGPASS", "NOPERM", "ERR", "MOVED", "CLUSTERDOWN",
        "WRONGTYPE", NULL
    };

    if (reply->type != NGX_SOPORTE_REDIS_ERROR) {
        return 0;
    }

    len = strspn((char *) reply->str.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    len = ngx_min(len, sizeof(word) - 1);
    ngx_memcpy(word, reply->str.data, len);
    word[len] = '\0';

    code = NGX_SOPORTE_REDIS_RETRY;

    for (i = 0; stop[i]; i++) {
        if (strcmp(word, stop[i]) == 0) {
            code = NGX_SOPORTE_REDIS_STOP;
        }
    }

    (void) ngx_soporte_redis_fail(err, code, "the server refused: %s",
                                  len ? word : "an error without a name");
    ngx_soporte_redis_disconnect(redis);

    return 1;
}


/* a server that went away, or spoke, while nobody asked */

static ngx_uint_t
ngx_soporte_redis_alive(ngx_soporte_redis_t *redis)
{
    struct pollfd  pfd;

    pfd.fd = redis->fd;
    pfd.events = POLLIN;
    pfd.revents = 0;

    return poll(&pfd, 1, 0) == 0;
}


static void
ngx_soporte_redis_word(ngx_soporte_redis_command_t *command, const char *word)
{
    command->args[command->n].data = (u_char *) word;
    command->args[command->n].len = strlen(word);
    command->n++;
}


/* who we are and which database; the last word is the server's readiness */

static ngx_int_t
ngx_soporte_redis_greet(ngx_soporte_redis_t *redis, ngx_soporte_mem_t *mem,
    uint64_t deadline, ngx_soporte_redis_err_t *err)
{
    ngx_uint_t                    i, n;
    ngx_soporte_redis_conf_t     *conf;
    ngx_soporte_redis_reply_t     replies[3];
    ngx_soporte_redis_command_t   commands[3];

    conf = redis->conf;
    ngx_memzero(commands, sizeof(commands));
    n = 0;

    if (conf->password.len) {
        ngx_soporte_redis_word(&commands[n], "AUTH");

        if (conf->user.len) {
            commands[n].args[commands[n].n++] = conf->user;
        }

        commands[n].args[commands[n].n++] = conf->password;
        n++;
    }

    ngx_soporte_redis_word(&commands[n], "SELECT");
    ngx_soporte_redis_word(&commands[n++], (char *) conf->db);
    ngx_soporte_redis_word(&commands[n++], "PING");

    if (ngx_soporte_redis_exchange(redis, mem, commands, n, deadline, replies,
                                   err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (ngx_soporte_redis_refused(redis, &replies[i], err)) {
            return NGX_ERROR;
        }

        if (replies[i].type != NGX_SOPORTE_REDIS_STATUS) {
            return ngx_soporte_redis_fail(err, NGX_SOPORTE_REDIS_RETRY,
                                          "this is no reply of Redis");
        }
    }

    return NGX_OK;
}


/* the replies of a greeting are short and over at once */

static void *
ngx_soporte_redis_scratch(void *data, size_t size)
{
    ngx_str_t  *room = data;
    u_char     *p;

    size = (size + 15) & ~(size_t) 15;

    if (size > room->len) {
        return NULL;
    }

    p = room->data;
    room->data += size;
    room->len -= size;

    return p;
}


ngx_int_t
ngx_soporte_redis_connect(ngx_soporte_redis_t *redis, ngx_msec_t timeout,
    ngx_soporte_redis_err_t *err)
{
    u_char              buf[4096] __attribute__((aligned(16)));
    uint64_t            now, end, deadline;
    ngx_str_t           room;
    ngx_uint_t          i, naddrs;
    ngx_soporte_mem_t   mem;

    ngx_memzero(err, sizeof(ngx_soporte_redis_err_t));

    if (redis->fd != -1 && ngx_soporte_redis_alive(redis)) {
        return NGX_OK;
    }

    naddrs = redis->conf->naddrs;
    end = ngx_soporte_redis_now() + timeout;

    for (i = 0; i < naddrs; i++) {
        ngx_soporte_redis_disconnect(redis);

        /* what is left of the time is shared by those that are left */

        now = ngx_soporte_redis_now();
        deadline = now + (end > now ? (end - now) / (naddrs - i) : 0);

        room.data = buf;
        room.len = sizeof(buf);
        mem.alloc = ngx_soporte_redis_scratch;
        mem.data = &room;
        mem.failed = 0;

        if (ngx_soporte_redis_attempt(redis, &redis->conf->addrs[redis->addr],
                                      deadline, err)
               == NGX_OK
            && ngx_soporte_redis_greet(redis, &mem, deadline, err) == NGX_OK)
        {
            return NGX_OK;
        }

        ngx_soporte_redis_disconnect(redis);

        if (err->code == NGX_SOPORTE_REDIS_STOPPED) {
            break;
        }

        redis->addr = (redis->addr + 1) % naddrs;
    }

    return NGX_ERROR;
}


ngx_msec_t
ngx_soporte_redis_backoff(ngx_uint_t failures, uint32_t random)
{
    ngx_msec_t  wait;

    if (failures == 0) {
        return 0;
    }

    wait = ngx_min((ngx_msec_t) 100 << ngx_min(failures - 1, 4), 1000);

    return wait / 2 + random % (wait / 2 + 1);
}
