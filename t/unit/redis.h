
/*
 * A private Redis for a test, and one that is not: a thread that accepts
 * connections and answers with bytes that the test chose.
 */

#ifndef _SOPORTE_UNIT_REDIS_H_INCLUDED_
#define _SOPORTE_UNIT_REDIS_H_INCLUDED_


#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


typedef struct {
    pid_t            pid;          /* 0: not running */
    int              port;
    char             dir[64];
} test_redis_t;


typedef enum {
    TEST_CLOSE = 0,                /* after the bytes */
    TEST_STALL,                    /* the connection stays, silent */
    TEST_RESET,
    TEST_FLOOD,                    /* the last byte again and again */
    TEST_DRIP                      /* a byte each 20 ms, then silence */
} test_end_e;


typedef struct {
    int              fd;           /* listening */
    int              port;
    pthread_t        thread;
    volatile int     stop;

    /* of every connection: after a request "first", then the same for bytes */

    pthread_mutex_t  lock;
    const char      *first;        /* NULL: bytes at once */
    const char      *bytes;
    size_t           len;
    test_end_e       end;
} test_hostile_t;


/* a listening socket of the loopback, its port in *port */

static inline int
test_listen(int *port)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons(*port);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int))
        || bind(fd, (struct sockaddr *) &sin, len)
        || listen(fd, 64)
        || getsockname(fd, (struct sockaddr *) &sin, &len))
    {
        perror("listen");
        abort();
    }

    *port = ntohs(sin.sin_port);

    return fd;
}


/* extra: one more option and its value, or NULL */

static inline int
test_redis_start(test_redis_t *r, const char *option, const char *value)
{
    int     fd, i;
    char    port[8], sock[128], log[128];
    pid_t   pid;

    if (r->port == 0) {
        fd = test_listen(&r->port);
        (void) close(fd);
    }

    if (r->dir[0] == '\0') {
        (void) strcpy(r->dir, "/tmp/soporte-unit-XXXXXX");

        if (mkdtemp(r->dir) == NULL) {
            return -1;
        }
    }

    (void) snprintf(port, sizeof(port), "%d", r->port);
    (void) snprintf(sock, sizeof(sock), "%s/sock", r->dir);
    (void) snprintf(log, sizeof(log), "%s/log", r->dir);

    pid = fork();

    if (pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open(log, O_WRONLY|O_CREAT|O_APPEND, 0644);
        (void) dup2(fd, 1);
        (void) dup2(fd, 2);
        (void) execlp("redis-server", "redis-server", "--bind", "127.0.0.1",
                      "--port", port, "--unixsocket", sock, "--save", "",
                      "--appendonly", "no", "--dir", r->dir, option, value,
                      NULL);
        _exit(127);
    }

    r->pid = pid;

    for (i = 0; i < 500; i++) {

        if (access(sock, F_OK) == 0) {
            return 0;
        }

        if (waitpid(pid, NULL, WNOHANG) == pid) {
            r->pid = 0;
            return -1;
        }

        (void) usleep(10000);
    }

    return -1;
}


static inline void
test_redis_stop(test_redis_t *r)
{
    char  cmd[128];

    if (r->pid) {
        (void) kill(r->pid, SIGCONT);
        (void) kill(r->pid, SIGKILL);
        (void) waitpid(r->pid, NULL, 0);
        r->pid = 0;
    }

    if (r->dir[0]) {
        (void) snprintf(cmd, sizeof(cmd), "rm -f '%s/sock'", r->dir);
        (void) !system(cmd);
    }
}


static inline void
test_redis_clean(test_redis_t *r)
{
    char  cmd[128];

    test_redis_stop(r);

    if (r->dir[0]) {
        (void) snprintf(cmd, sizeof(cmd), "rm -rf '%s'", r->dir);
        (void) !system(cmd);
    }
}


/* one connection of the stand-in: bytes after the first request */

static inline void
test_hostile_serve(test_hostile_t *h, int fd)
{
    char           buf[65536];
    size_t         i, len;
    const char    *bytes, *first;
    test_end_e     end;
    struct pollfd  pfd;

    pfd.fd = fd;
    pfd.events = POLLIN;

    while (poll(&pfd, 1, 10) == 0 && !h->stop) { /* void */ }

    (void) !recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

    (void) pthread_mutex_lock(&h->lock);
    first = h->first;
    bytes = h->bytes;
    len = h->len;
    end = h->end;
    (void) pthread_mutex_unlock(&h->lock);

    if (first) {
        (void) !send(fd, first, strlen(first), MSG_NOSIGNAL);

        while (poll(&pfd, 1, 10) == 0 && !h->stop) { /* void */ }

        (void) !recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    }

    if (end == TEST_DRIP) {

        for (i = 0; i < len && !h->stop; i++) {
            if (send(fd, bytes + i, 1, MSG_NOSIGNAL) != 1) {
                break;
            }

            (void) usleep(20000);
        }

    } else if (len) {
        (void) !send(fd, bytes, len, MSG_NOSIGNAL);
    }

    if (end == TEST_FLOOD) {
        memset(buf, bytes[len - 1], sizeof(buf));

        while (!h->stop && send(fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0) {
            /* void */
        }
    }

    if (end == TEST_RESET) {
        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER,
                          &(struct linger) { 1, 0 }, sizeof(struct linger));
    }

    /* silence until the other side has had enough */

    if (end == TEST_STALL || end == TEST_DRIP) {
        while (!h->stop && (poll(&pfd, 1, 10) == 0
                            || recv(fd, buf, sizeof(buf), 0) > 0))
        {
            /* void */
        }
    }

    (void) close(fd);
}


static inline void *
test_hostile_thread(void *data)
{
    int              fd;
    test_hostile_t  *h = data;
    struct pollfd    pfd;

    while (!h->stop) {
        pfd.fd = h->fd;
        pfd.events = POLLIN;

        if (poll(&pfd, 1, 10) <= 0) {
            continue;
        }

        fd = accept(h->fd, NULL, NULL);

        if (fd != -1) {
            test_hostile_serve(h, fd);
        }
    }

    return NULL;
}


static inline void
test_hostile_start(test_hostile_t *h)
{
    memset(h, 0, sizeof(test_hostile_t));
    h->fd = test_listen(&h->port);
    h->bytes = "";
    (void) pthread_mutex_init(&h->lock, NULL);
    (void) pthread_create(&h->thread, NULL, test_hostile_thread, h);
}


static inline void
test_hostile_say(test_hostile_t *h, const char *bytes, size_t len,
    test_end_e end)
{
    (void) pthread_mutex_lock(&h->lock);
    h->bytes = bytes;
    h->len = len;
    h->end = end;
    (void) pthread_mutex_unlock(&h->lock);
}


static inline void
test_hostile_greet(test_hostile_t *h, const char *first)
{
    (void) pthread_mutex_lock(&h->lock);
    h->first = first;
    (void) pthread_mutex_unlock(&h->lock);
}


static inline void
test_hostile_stop(test_hostile_t *h)
{
    h->stop = 1;
    (void) pthread_join(h->thread, NULL);
    (void) close(h->fd);
}


#endif /* _SOPORTE_UNIT_REDIS_H_INCLUDED_ */
