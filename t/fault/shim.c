
/*
 * A disk that fails and a power supply that does, for one program: preloaded
 * (LD_PRELOAD), it stands before fsync().  By environment:
 *
 *     FAULT_PATH     the tree it looks at, nothing else is touched
 *     FAULT_CONTROL  a directory; while there is a file of the name in it:
 *                    "fsync-eio" fsync fails, nothing is written back;
 *                    "fsync-slow" it takes 300 ms
 *     FAULT_MIRROR   a directory that keeps what a loss of power would leave:
 *                    "f/INODE" a file as it was at its last fsync, "d/INODE"
 *                    the names in a directory at its last one, a line each:
 *                    type, inode, name
 *
 * t/fault/power.t rebuilds the tree from the mirror.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static char             *shim_path, *shim_control, *shim_mirror;
static pthread_mutex_t   shim_lock = PTHREAD_MUTEX_INITIALIZER;
static int             (*shim_fsync)(int fd);


static char *
shim_option(const char *name)
{
    char  *value;

    /* a copy: nginx writes its title over the environment */

    value = getenv(name);

    return value ? strdup(value) : NULL;
}


__attribute__((constructor)) static void
shim_begin(void)
{
    shim_path = shim_option("FAULT_PATH");
    shim_control = shim_option("FAULT_CONTROL");
    shim_mirror = shim_option("FAULT_MIRROR");
    shim_fsync = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
}


static int
shim_ours(int fd)
{
    char     link[64], path[PATH_MAX];
    ssize_t  n;

    if (shim_path == NULL) {
        return 0;
    }

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);

    return n > 0 && strncmp(path, shim_path, strlen(shim_path)) == 0;
}


static int
shim_told(const char *name)
{
    char  path[PATH_MAX];

    if (shim_control == NULL) {
        return 0;
    }

    (void) snprintf(path, sizeof(path), "%s/%s", shim_control, name);

    return access(path, F_OK) == 0;
}


/* what is in the mirror is whole at any moment: the process may be killed */

static FILE *
shim_open(char *name, size_t size, char type, ino_t inode)
{
    (void) snprintf(name, size, "%s/%c/%llu.%d", shim_mirror, type,
                    (unsigned long long) inode, (int) getpid());

    return fopen(name, "w");
}


static void
shim_close(FILE *file, const char *name)
{
    char  to[PATH_MAX];

    if (file == NULL || fclose(file) != 0) {
        abort();
    }

    (void) snprintf(to, sizeof(to), "%.*s",
                    (int) (strrchr(name, '.') - name), name);

    if (rename(name, to) == -1) {
        abort();
    }
}


static void
shim_keep_file(int fd, ino_t inode)
{
    char     name[PATH_MAX], link[64], buf[65536];
    int      in;
    FILE    *file;
    ssize_t  n;

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    file = shim_open(name, sizeof(name), 'f', inode);
    in = open(link, O_RDONLY|O_CLOEXEC);

    if (file == NULL || in == -1) {
        abort();
    }

    while ((n = read(in, buf, sizeof(buf))) > 0) {
        (void) fwrite(buf, 1, n, file);
    }

    (void) close(in);
    shim_close(file, name);
}


static void
shim_keep_dir(int fd, ino_t inode)
{
    DIR            *dir;
    char            name[PATH_MAX];
    FILE           *file;
    struct stat     st;
    struct dirent  *de;

    file = shim_open(name, sizeof(name), 'd', inode);
    dir = fdopendir(openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC));

    if (file == NULL || dir == NULL) {
        abort();
    }

    while ((de = readdir(dir)) != NULL) {

        if (de->d_name[0] == '.'
            || fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            continue;
        }

        (void) fprintf(file, "%c %llu %s\n", S_ISDIR(st.st_mode) ? 'd' : 'f',
                       (unsigned long long) st.st_ino, de->d_name);
    }

    (void) closedir(dir);
    shim_close(file, name);
}


int
fsync(int fd)
{
    int          rc;
    struct stat  st;

    if (!shim_ours(fd)) {
        return shim_fsync(fd);
    }

    if (shim_told("fsync-eio")) {
        errno = EIO;
        return -1;
    }

    if (shim_told("fsync-slow")) {
        (void) poll(NULL, 0, 300);
    }

    rc = shim_fsync(fd);

    if (rc == 0 && shim_mirror && fstat(fd, &st) == 0) {
        (void) pthread_mutex_lock(&shim_lock);

        if (S_ISDIR(st.st_mode)) {
            shim_keep_dir(fd, st.st_ino);

        } else {
            shim_keep_file(fd, st.st_ino);
        }

        (void) pthread_mutex_unlock(&shim_lock);
    }

    return rc;
}


int
fdatasync(int fd)
{
    return fsync(fd);
}
