
/*
 * A private PostgreSQL for a test: initdb and postgres below a directory of
 * its own, reached by a unix socket there, gone with the test even when that
 * crashes.  Started as root, it runs as nobody.
 */

#ifndef _SOPORTE_UNIT_PG_H_INCLUDED_
#define _SOPORTE_UNIT_PG_H_INCLUDED_


#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
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
    pid_t   pid;                   /* the postmaster's, 0: not running */
    uid_t   uid;
    gid_t   gid;
    int     port;
    char    dir[64];               /* everything, 0700; the socket's too */
    char    bin[256];              /* initdb, postgres */
} test_pg_t;


/* runs argv in a child: as the server's user if pg, output to DIR/log */

static inline pid_t
test_pg_spawn(test_pg_t *pg, char **argv)
{
    int    fd;
    char   log[128];
    pid_t  pid;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    (void) snprintf(log, sizeof(log), "%s/log", pg->dir);

    fd = open(log, O_WRONLY|O_CREAT|O_APPEND, 0644);
    (void) dup2(fd, 1);
    (void) dup2(fd, 2);

    if (geteuid() == 0
        && (setgid(pg->gid) == -1 || setuid(pg->uid) == -1))
    {
        _exit(126);
    }

    /* an immediate shutdown when the test is gone */

    (void) prctl(PR_SET_PDEATHSIG, SIGQUIT);

    /* what a caller's environment says about PostgreSQL is not ours */

    (void) unsetenv("PGDATA");
    (void) unsetenv("PGPORT");
    (void) unsetenv("PGOPTIONS");

    if (chdir(pg->dir) == 0) {
        (void) execv(argv[0], argv);
    }

    perror(argv[0]);
    _exit(127);
}


static inline int
test_pg_wait(pid_t pid)
{
    int  status;

    if (pid == -1 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


/* removes the directory, and says what the server said if the start failed */

static inline void
test_pg_clean(test_pg_t *pg, int failed)
{
    char  cmd[256];

    if (pg->dir[0] == '\0') {
        return;
    }

    (void) snprintf(cmd, sizeof(cmd), "%s cat '%s/log' >&2; rm -rf '%s'",
                    failed ? "" : ":", pg->dir, pg->dir);

    if (system(cmd) != 0) {
        (void) fprintf(stderr, "could not remove %s\n", pg->dir);
    }
}


static inline void
test_pg_stop(test_pg_t *pg)
{
    if (pg->pid) {
        (void) kill(pg->pid, SIGCONT);
        (void) kill(pg->pid, SIGQUIT);
        (void) test_pg_wait(pg->pid);
        pg->pid = 0;
    }

    test_pg_clean(pg, 0);
}


/* waits until the server answers at its socket */

static inline int
test_pg_ready(test_pg_t *pg)
{
    int   i;
    char  conninfo[128];

    (void) snprintf(conninfo, sizeof(conninfo),
                    "host=%s port=%d user=postgres dbname=postgres "
                    "connect_timeout=2", pg->dir, pg->port);

    for (i = 0; i < 400; i++) {

        if (PQping(conninfo) == PQPING_OK) {
            return 0;
        }

        if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid) {
            pg->pid = 0;
            return -1;
        }

        (void) usleep(50000);
    }

    return -1;
}


/* a port of the loopback that is free just now, 0: none */

static inline int
test_pg_port(void)
{
    int                 fd, port;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    port = 0;

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd != -1 && bind(fd, (struct sockaddr *) &sin, len) == 0
        && getsockname(fd, (struct sockaddr *) &sin, &len) == 0)
    {
        port = ntohs(sin.sin_port);
    }

    (void) close(fd);

    return port;
}


/* where initdb and postgres are */

static inline int
test_pg_find(test_pg_t *pg)
{
    FILE    *f;
    size_t   n;

    f = popen("d=$(pg_config --bindir); test -x $d/initdb "
              "|| d=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1); "
              "printf %s $d", "r");
    if (f == NULL) {
        return -1;
    }

    n = fread(pg->bin, 1, sizeof(pg->bin) - 1, f);
    (void) pclose(f);

    return n ? 0 : -1;
}


/* the directory, and who is to own it */

static inline int
test_pg_dir(test_pg_t *pg)
{
    struct passwd  *pw;

    pg->uid = geteuid();
    pg->gid = getegid();

    (void) strcpy(pg->dir, "/tmp/soporte-pg-XXXXXX");

    if (mkdtemp(pg->dir) == NULL) {
        return -1;
    }

    if (geteuid() == 0) {
        pw = getpwnam("nobody");

        if (pw == NULL || chown(pg->dir, pw->pw_uid, pw->pw_gid) == -1) {
            return -1;
        }

        pg->uid = pw->pw_uid;
        pg->gid = pw->pw_gid;
    }

    return 0;
}


static inline int
test_pg_init(test_pg_t *pg)
{
    char   initdb[300], data[128];
    char  *args[] = {
        initdb, "--pgdata", data, "--username=postgres", "--auth=trust",
        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", NULL
    };

    (void) snprintf(initdb, sizeof(initdb), "%s/initdb", pg->bin);
    (void) snprintf(data, sizeof(data), "%s/data", pg->dir);

    return test_pg_wait(test_pg_spawn(pg, args));
}


static inline int
test_pg_run(test_pg_t *pg, int port, char **options)
{
    int    i;
    char   postgres[300], data[128], sockets[128], ports[32];
    char  *args[32] = {
        postgres, "-D", data, sockets, ports, "-cfsync=off",
        "-cshared_buffers=16MB", "-cmax_connections=20", "-cautovacuum=off",
        port ? "-clisten_addresses=127.0.0.1" : "-clisten_addresses="
    };

    (void) snprintf(postgres, sizeof(postgres), "%s/postgres", pg->bin);
    (void) snprintf(data, sizeof(data), "%s/data", pg->dir);
    (void) snprintf(sockets, sizeof(sockets), "-cunix_socket_directories=%s",
                    pg->dir);
    (void) snprintf(ports, sizeof(ports), "-cport=%d", pg->port);

    for (i = 10; options && *options && i < 31; i++) {
        args[i] = *options++;
    }

    pg->pid = test_pg_spawn(pg, args);

    if (pg->pid != -1 && test_pg_ready(pg) == 0) {
        return 0;
    }

    if (pg->pid > 0) {
        (void) kill(pg->pid, SIGQUIT);
        (void) test_pg_wait(pg->pid);
    }

    return -1;
}


/*
 * Makes and starts a cluster, superuser postgres, everybody trusted at the
 * socket, whose directory is pg->dir.  With a port it listens on 127.0.0.1 as
 * well.  "options" (up to NULL) are further arguments of postgres, such as
 * "-cssl=on".  0, or -1 with the server's words on stderr.
 */

static inline int
test_pg_start(test_pg_t *pg, int port, char **options)
{
    memset(pg, 0, sizeof(test_pg_t));
    pg->port = port ? port : 5432;

    if (test_pg_find(pg) != 0 || test_pg_dir(pg) != 0) {
        (void) fprintf(stderr, "no PostgreSQL, or no place for it\n");
        return -1;
    }

    if (test_pg_init(pg) == 0 && test_pg_run(pg, port, options) == 0) {
        return 0;
    }

    test_pg_clean(pg, 1);

    return -1;
}


/*
 * Runs SQL as the superuser.  The first value of the last result, to be
 * freed, "" for none; NULL and the message on stderr after an error.
 */

static inline char *
test_pg_sql(test_pg_t *pg, const char *dbname, const char *sql)
{
    char      *value, conninfo[192];
    PGconn    *conn;
    PGresult  *res;

    (void) snprintf(conninfo, sizeof(conninfo),
                    "host=%s port=%d user=postgres dbname=%s", pg->dir,
                    pg->port, dbname);

    conn = PQconnectdb(conninfo);
    res = PQexec(conn, sql);
    value = NULL;

    if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res)) {
        value = strdup(PQgetvalue(res, 0, 0));

    } else if (PQresultStatus(res) == PGRES_COMMAND_OK
               || PQresultStatus(res) == PGRES_TUPLES_OK)
    {
        value = strdup("");

    } else {
        (void) fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(conn));
    }

    PQclear(res);
    PQfinish(conn);

    return value;
}


/* a database "soporte" by sql/migrate; 0 or -1 */

static inline int
test_pg_migrate(test_pg_t *pg)
{
    char        *value, cmd[512];
    const char  *runner, *slash;

    value = test_pg_sql(pg, "postgres", "CREATE DATABASE soporte");
    if (value == NULL) {
        return -1;
    }

    free(value);

    /* from the top of the tree, or from wherever this file was found */

    runner = "sql/migrate";
    slash = strrchr(__FILE__, '/');

    if (access(runner, X_OK) == 0 || slash == NULL) {
        (void) snprintf(cmd, sizeof(cmd), "%s 'host=%s port=%d "
                        "user=postgres dbname=soporte' >/dev/null", runner,
                        pg->dir, pg->port);

    } else {
        (void) snprintf(cmd, sizeof(cmd), "%.*s/../../%s 'host=%s port=%d "
                        "user=postgres dbname=soporte' >/dev/null",
                        (int) (slash - __FILE__), __FILE__, runner, pg->dir,
                        pg->port);
    }

    return (system(cmd) == 0) ? 0 : -1;
}


#endif /* _SOPORTE_UNIT_PG_H_INCLUDED_ */
