
/*
 * Makes, finds, grows and maps the shared file.  Everything that can fail is
 * done in _open(), before the old configuration is left; _commit() only
 * publishes numbers.
 */

#include "ngx_soporte_zone.h"
#include "ngx_soporte_board.h"
#include "ngx_soporte_check.h"
#include "ngx_soporte_quota.h"
#include "ngx_soporte_seen.h"
#include "ngx_soporte_tenant.h"
#include "ngx_soporte_trail.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


#define NGX_SOPORTE_ZONE_PAGE  4096

_Static_assert(sizeof(ngx_soporte_header_t) <= NGX_SOPORTE_ZONE_PAGE,
               "the header has a page");

#define ngx_soporte_zone_align(n)                                             \
    (((n) + NGX_SOPORTE_ZONE_PAGE - 1) & ~((size_t) NGX_SOPORTE_ZONE_PAGE - 1))


_Static_assert(sizeof(ngx_soporte_header_t) <= NGX_SOPORTE_ZONE_PAGE,
               "the header takes more than was reckoned");


static size_t ngx_soporte_zone_fixed(void);
static ngx_int_t ngx_soporte_zone_file(ngx_soporte_zone_t *zone,
    ngx_soporte_zone_result_t *result);
static ngx_int_t ngx_soporte_zone_map(ngx_soporte_zone_t *zone, int fd,
    ngx_soporte_zone_result_t *result);
static ngx_int_t ngx_soporte_zone_intact(ngx_soporte_zone_t *zone, int fd,
    ngx_soporte_zone_result_t *result);
static ngx_int_t ngx_soporte_zone_reserve(int fd, size_t size);
static ngx_int_t ngx_soporte_zone_usable(int fd, const u_char *boot);
static ngx_int_t ngx_soporte_zone_init(ngx_soporte_zone_t *zone,
    const u_char *boot, int64_t now);
static void ngx_soporte_zone_boot(u_char *boot, size_t size);


/* bytes in front of the slots */

static size_t
ngx_soporte_zone_fixed(void)
{
    return NGX_SOPORTE_ZONE_PAGE
           + ngx_soporte_zone_align(NGX_SOPORTE_ZONE_BUCKETS
                                    * sizeof(uint32_t))
           + ngx_soporte_zone_align(sizeof(ngx_soporte_board_t))
           + ngx_soporte_zone_align(sizeof(ngx_soporte_seen_t))
           + ngx_soporte_zone_align(sizeof(ngx_soporte_trail_t))
           + ngx_soporte_zone_align(sizeof(ngx_soporte_quota_t));
}


size_t
ngx_soporte_zone_size(ngx_uint_t tenants)
{
    ngx_uint_t  n;

    /* the slot of the rest, and the eighth kept for literal keys */

    n = 1 + tenants + tenants / 7 + 1;

    return ngx_soporte_zone_fixed()
           + ngx_soporte_zone_align(n * sizeof(ngx_soporte_tenant_t));
}


ngx_uint_t
ngx_soporte_zone_capacity(size_t size)
{
    if (size < ngx_soporte_zone_fixed()) {
        return 0;
    }

    return (size - ngx_soporte_zone_fixed()) / sizeof(ngx_soporte_tenant_t);
}


ngx_int_t
ngx_soporte_zone_open(ngx_soporte_zone_t *zone, int64_t now,
    ngx_soporte_zone_result_t *result)
{
    int     fd;

    u_char  boot[sizeof(((ngx_soporte_header_t *) 0)->boot)];

    ngx_memzero(result, sizeof(ngx_soporte_zone_result_t));
    ngx_soporte_zone_boot(boot, sizeof(boot));

    fd = ngx_soporte_zone_file(zone, result);

    if (fd == -1) {
        return NGX_ERROR;
    }

    if (ngx_soporte_zone_usable(fd, boot) != NGX_OK
        || ngx_soporte_zone_intact(zone, fd, result) != NGX_OK)
    {
        /* processes that still map the old file go on with it, unseen */

        close(fd);
        (void) unlink((char *) zone->path.data);

        fd = ngx_soporte_zone_file(zone, result);

        if (fd == -1) {
            return NGX_ERROR;
        }

        result->fresh = 1;
    }

    if (ngx_soporte_zone_reserve(fd, zone->size) != NGX_OK) {
        result->what = "reserving memory";
        goto failed;
    }

    if (ngx_soporte_zone_map(zone, fd, result) != NGX_OK) {
        goto failed;
    }

    close(fd);

    if (zone->header->magic != NGX_SOPORTE_ZONE_MAGIC) {
        result->fresh = 1;

        if (ngx_soporte_zone_init(zone, boot, now) != NGX_OK) {
            result->what = "making the lock";
            ngx_soporte_zone_close(zone);
            return NGX_ERROR;
        }
    }

    return NGX_OK;

failed:

    result->err = errno;
    close(fd);

    return NGX_ERROR;
}


static ngx_int_t
ngx_soporte_zone_map(ngx_soporte_zone_t *zone, int fd,
    ngx_soporte_zone_result_t *result)
{
    u_char       *p;
    struct stat   st;

    p = MAP_FAILED;

    if (fstat(fd, &st) == 0) {
        p = mmap(NULL, NGX_SOPORTE_ZONE_MAX, PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_NORESERVE, fd, 0);
    }

    if (p == MAP_FAILED) {
        result->what = "mmap()";
        return NGX_ERROR;
    }

    zone->dev = st.st_dev;
    zone->ino = st.st_ino;

    zone->header = (ngx_soporte_header_t *) p;
    p += NGX_SOPORTE_ZONE_PAGE;

    zone->buckets = (uint32_t *) p;
    p += ngx_soporte_zone_align(NGX_SOPORTE_ZONE_BUCKETS * sizeof(uint32_t));

    zone->board = (ngx_soporte_board_t *) p;
    p += ngx_soporte_zone_align(sizeof(ngx_soporte_board_t));

    zone->seen = (ngx_soporte_seen_t *) p;
    p += ngx_soporte_zone_align(sizeof(ngx_soporte_seen_t));

    zone->trail = (ngx_soporte_trail_t *) p;
    p += ngx_soporte_zone_align(sizeof(ngx_soporte_trail_t));

    zone->quota = (ngx_soporte_quota_t *) p;
    p += ngx_soporte_zone_align(sizeof(ngx_soporte_quota_t));

    zone->slots = p;

    return NGX_OK;
}


/* what was damaged is not gone on with; an empty file is not damaged */

static ngx_int_t
ngx_soporte_zone_intact(ngx_soporte_zone_t *zone, int fd,
    ngx_soporte_zone_result_t *result)
{
    ngx_int_t            rc;
    struct stat          st;
    ngx_soporte_check_t  check;

    if (fstat(fd, &st) == -1
        || (st.st_size && ngx_soporte_zone_map(zone, fd, result) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (st.st_size == 0) {
        return NGX_OK;
    }

    rc = ngx_soporte_check(zone, st.st_size, &check);

    if (rc != NGX_OK) {
        ngx_memcpy(result->damage, check.text, sizeof(check.text));
    }

    ngx_soporte_zone_close(zone);

    return rc;
}


ngx_int_t
ngx_soporte_zone_look(ngx_soporte_zone_t *zone,
    ngx_soporte_zone_result_t *result, size_t *size)
{
    int          fd;
    struct stat  st;

    ngx_memzero(result, sizeof(ngx_soporte_zone_result_t));

    fd = open((char *) zone->path.data, O_RDWR|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        result->what = "open()";
        result->err = errno;

        if (fd != -1) {
            close(fd);
        }

        return NGX_ERROR;
    }

    *size = (size_t) st.st_size;

    if (*size < ngx_soporte_zone_fixed() + sizeof(ngx_soporte_tenant_t)) {
        result->what = "shorter than any such file";
        close(fd);
        return NGX_ERROR;
    }

    if (ngx_soporte_zone_map(zone, fd, result) != NGX_OK) {
        result->err = errno;
        close(fd);
        return NGX_ERROR;
    }

    close(fd);

    return NGX_OK;
}


ngx_uint_t
ngx_soporte_zone_current(const ngx_soporte_zone_t *zone)
{
    struct stat  st;

    return stat((char *) zone->path.data, &st) == 0
           && st.st_dev == zone->dev && st.st_ino == zone->ino;
}


/* the file itself: ours alone, a regular one, not a link to something else */

static ngx_int_t
ngx_soporte_zone_file(ngx_soporte_zone_t *zone,
    ngx_soporte_zone_result_t *result)
{
    int          fd;
    struct stat  st;

    fd = open((char *) zone->path.data,
              O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        result->what = "open()";
        result->err = errno;
        return -1;
    }

    if (fstat(fd, &st) == -1) {
        result->what = "fstat()";
        result->err = errno;
        close(fd);
        return -1;
    }

    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1
        || (st.st_mode & 077))
    {
        result->what = "a file of somebody else or open to others";
        close(fd);
        return -1;
    }

    return fd;
}


static ngx_int_t
ngx_soporte_zone_reserve(int fd, size_t size)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return NGX_ERROR;
    }

    if ((size_t) st.st_size >= size) {
        return NGX_OK;
    }

    /* without real pages behind it, a full tmpfs would be a SIGBUS later */

    errno = posix_fallocate(fd, st.st_size, size - st.st_size);

    return (errno == 0) ? NGX_OK : NGX_ERROR;
}


/* NGX_OK also for an empty file */

static ngx_int_t
ngx_soporte_zone_usable(int fd, const u_char *boot)
{
    ssize_t               n;
    struct stat           st;
    ngx_soporte_header_t  header;

    if (fstat(fd, &st) == -1) {
        return NGX_ERROR;
    }

    if (st.st_size == 0) {
        return NGX_OK;
    }

    n = pread(fd, &header, sizeof(header), 0);

    if (n != (ssize_t) sizeof(header)
        || header.magic != NGX_SOPORTE_ZONE_MAGIC
        || header.version != NGX_SOPORTE_ZONE_VERSION
        || header.slot_size != sizeof(ngx_soporte_tenant_t)
        || header.slots != ngx_soporte_zone_fixed()
        || header.used == 0
        || header.used > header.capacity
        || header.slots + (uint64_t) header.capacity * header.slot_size
           > (uint64_t) st.st_size
        || ngx_memcmp(header.boot, boot, sizeof(header.boot)) != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_zone_init(ngx_soporte_zone_t *zone, const u_char *boot,
    int64_t now)
{
    ngx_soporte_header_t  *header;
    ngx_soporte_tenant_t  *other;

    header = zone->header;

    header->version = NGX_SOPORTE_ZONE_VERSION;
    header->slot_size = sizeof(ngx_soporte_tenant_t);
    header->slots = ngx_soporte_zone_fixed();
    header->capacity = 1;
    header->dynamic = 1;
    header->used = 1;
    header->began = now;
    ngx_memcpy(header->boot, boot, sizeof(header->boot));

    header->nterms = 1;
    header->terms[0].target = NGX_SOPORTE_TARGET;
    header->terms[0].cap = NGX_MAX_INT32_VALUE;
    header->terms[0].announce = NGX_SOPORTE_ANNOUNCED;

    if (ngx_soporte_board_init(zone->board) != NGX_OK) {
        return NGX_ERROR;
    }

    other = ngx_soporte_tenant(zone, NGX_SOPORTE_OTHER);

    other->len = sizeof(NGX_SOPORTE_OTHER_KEY) - 1;
    ngx_memcpy(other->key, NGX_SOPORTE_OTHER_KEY, other->len);
    other->began = now;
    other->since = now;
    other->judged = now / 60;
    ngx_soporte_release(&other->flags,
                        NGX_SOPORTE_TENANT_READY|NGX_SOPORTE_TENANT_DYNAMIC);

    return NGX_OK;
}


void
ngx_soporte_zone_commit(ngx_soporte_zone_t *zone)
{
    ngx_uint_t             n;
    ngx_soporte_header_t  *header;

    header = zone->header;

    n = ngx_soporte_zone_capacity(zone->size);

    if (n > header->capacity) {
        ngx_soporte_release(&header->capacity, n);
    }

    /* an eighth is for literal keys alone; "tenants=" may say less */

    n = header->capacity - (header->capacity - 1) / 8;

    if (zone->tenants && zone->tenants + 1 < n) {
        n = zone->tenants + 1;
    }

    ngx_soporte_release(&header->dynamic, n);

    (void) __atomic_add_fetch(&header->generation, 1, __ATOMIC_ACQ_REL);

    /* last: a file that never came into force is begun anew */

    ngx_soporte_release(&header->magic, NGX_SOPORTE_ZONE_MAGIC);
}


void
ngx_soporte_zone_close(ngx_soporte_zone_t *zone)
{
    if (zone->header) {
        (void) munmap(zone->header, NGX_SOPORTE_ZONE_MAX);
        zone->header = NULL;
    }
}


/* the kernel's boot id: what was written before another boot is stale */

static void
ngx_soporte_zone_boot(u_char *boot, size_t size)
{
    int      fd;
    ssize_t  n;

    ngx_memzero(boot, size);

    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    n = read(fd, boot, size - 1);

    if (n > 0 && boot[n - 1] == '\n') {
        boot[n - 1] = '\0';
    }

    close(fd);
}
