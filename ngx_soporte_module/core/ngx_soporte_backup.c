
/*
 * Names of backups, from the end: what is before the kind is a stem that the
 * files of one backup share.  A directory of any size is boiled down to the
 * newest few of each part before a single file is looked at.
 */

#include "ngx_soporte_backup.h"
#include "ngx_soporte_civil.h"


/* a word: instant 32 | minutes since the one before 18 | size 11 | flags 3 */

#define NGX_SOPORTE_BACKUP_SIZE_BITS   11
#define NGX_SOPORTE_BACKUP_FLAG_BITS   3
#define NGX_SOPORTE_BACKUP_AGO_BITS    18

#define NGX_SOPORTE_BACKUP_SIZE_SHIFT  NGX_SOPORTE_BACKUP_FLAG_BITS
#define NGX_SOPORTE_BACKUP_AGO_SHIFT                                          \
    (NGX_SOPORTE_BACKUP_SIZE_SHIFT + NGX_SOPORTE_BACKUP_SIZE_BITS)
#define NGX_SOPORTE_BACKUP_AT_SHIFT                                           \
    (NGX_SOPORTE_BACKUP_AGO_SHIFT + NGX_SOPORTE_BACKUP_AGO_BITS)

#define NGX_SOPORTE_BACKUP_FLAGS       ((1 << NGX_SOPORTE_BACKUP_FLAG_BITS) - 1)
#define NGX_SOPORTE_BACKUP_SIZES       ((1 << NGX_SOPORTE_BACKUP_SIZE_BITS) - 1)
#define NGX_SOPORTE_BACKUP_AGO_MAX     ((1 << NGX_SOPORTE_BACKUP_AGO_BITS) - 1)


static ngx_int_t ngx_soporte_backup_date(const u_char *p, int64_t *at);
static size_t ngx_soporte_backup_suffix(const u_char *name, size_t len,
    const char *suffix);
static ngx_soporte_backup_set_t *ngx_soporte_backup_place(
    ngx_soporte_backup_list_t *list, const ngx_soporte_backup_name_t *parsed,
    const u_char *name);
static ngx_uint_t ngx_soporte_backup_set(const ngx_soporte_backup_set_t *set,
    ngx_uint_t part, int64_t now, int64_t *at, int64_t *bytes);
static int64_t ngx_soporte_backup_end(const ngx_soporte_backup_set_t *set,
    const ngx_soporte_backup_file_t *file);
static uint64_t ngx_soporte_backup_size(int64_t bytes);


const ngx_str_t  ngx_soporte_backup_parts[NGX_SOPORTE_BACKUP_PARTS] = {
    ngx_string("database"),
    ngx_string("files")
};


ngx_int_t
ngx_soporte_backup_name(const u_char *name, size_t len,
    ngx_soporte_backup_name_t *parsed)
{
    size_t      n;
    ngx_uint_t  i, k;

    static const struct {
        const char                 *suffix;
        ngx_uint_t                  compressed;
    } endings[NGX_SOPORTE_BACKUP_KINDS][3] = {
        { { ".sql.gz", 0 }, { NULL, 0 }, { NULL, 0 } },
        { { ".tar", 0 }, { ".tgz", 1 }, { NULL, 0 } },
        { { ".tar", 0 }, { ".tgz", 1 }, { NULL, 0 } },
        { { ".json", 0 }, { NULL, 0 }, { NULL, 0 } }
    };

    /* "-private-files" goes before "-files", which it ends with, too */

    static const ngx_soporte_backup_kind_e  order[] = {
        NGX_SOPORTE_BACKUP_SQL, NGX_SOPORTE_BACKUP_PRIVATE,
        NGX_SOPORTE_BACKUP_PUBLIC, NGX_SOPORTE_BACKUP_CONFIG
    };

    static const char *const  kinds[] = {
        "-database", "-files", "-private-files", "-site_config_backup"
    };

    if (len > NGX_SOPORTE_BACKUP_NAME || len < sizeof("YYYYMMDD_HHMMSS-x-") - 1
        || name[15] != '-'
        || ngx_soporte_backup_date(name, &parsed->at) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_SOPORTE_BACKUP_KINDS; i++) {
        parsed->kind = order[i];

        for (k = 0; endings[parsed->kind][k].suffix; k++) {
            n = ngx_soporte_backup_suffix(name, len,
                                          endings[parsed->kind][k].suffix);
            parsed->compressed = endings[parsed->kind][k].compressed;

            if (n == 0) {
                continue;
            }

            parsed->stem = ngx_soporte_backup_suffix(name, n, "-enc");
            n = parsed->stem ? parsed->stem : n;
            n = ngx_soporte_backup_suffix(name, n, kinds[parsed->kind]);

            if (n < sizeof("YYYYMMDD_HHMMSS-") - 1) {
                continue;
            }

            parsed->stem = ngx_soporte_backup_suffix(name, n, "-partial");
            parsed->partial = (parsed->stem != 0);
            parsed->stem = parsed->partial ? parsed->stem : n;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* "20261127_031000" */

static ngx_int_t
ngx_soporte_backup_date(const u_char *p, int64_t *at)
{
    int         field[6];
    ngx_uint_t  i, k, n;

    static const u_char  digits[] = { 4, 2, 2, 2, 2, 2 };

    for (i = 0; i < 6; i++) {

        if (i == 3 && *p++ != '_') {
            return NGX_DECLINED;
        }

        n = 0;

        for (k = 0; k < digits[i]; k++, p++) {
            if (*p < '0' || *p > '9') {
                return NGX_DECLINED;
            }

            n = n * 10 + (*p - '0');
        }

        field[i] = n;
    }

    if (field[0] < 1970 || field[1] < 1 || field[1] > 12 || field[2] < 1
        || field[2] > ngx_soporte_civil_month_days(field[0], field[1])
        || field[3] > 23 || field[4] > 59 || field[5] > 59)
    {
        return NGX_DECLINED;
    }

    *at = (int64_t) ngx_soporte_civil_days(field[0], field[1], field[2])
          * 86400 + field[3] * 3600 + field[4] * 60 + field[5];

    return NGX_OK;
}


/* length without the suffix, 0 if it does not end so */

static size_t
ngx_soporte_backup_suffix(const u_char *name, size_t len, const char *suffix)
{
    size_t  n;

    n = ngx_strlen(suffix);

    if (len <= n || ngx_memcmp(name + len - n, suffix, n) != 0) {
        return 0;
    }

    return len - n;
}


void
ngx_soporte_backup_take(
    ngx_soporte_backup_list_t list[NGX_SOPORTE_BACKUP_PARTS],
    const u_char *name, size_t len)
{
    ngx_uint_t                  i;
    ngx_soporte_backup_set_t   *set;
    ngx_soporte_backup_name_t   parsed;
    ngx_soporte_backup_file_t  *file;

    /* a backup of some tables is none of the database */

    if (ngx_soporte_backup_name(name, len, &parsed) != NGX_OK
        || parsed.partial)
    {
        return;
    }

    for (i = 0; i < NGX_SOPORTE_BACKUP_PARTS; i++) {

        if (i == NGX_SOPORTE_BACKUP_FILES
            ? (parsed.kind != NGX_SOPORTE_BACKUP_PUBLIC
               && parsed.kind != NGX_SOPORTE_BACKUP_PRIVATE)
            : (parsed.kind != NGX_SOPORTE_BACKUP_SQL
               && parsed.kind != NGX_SOPORTE_BACKUP_CONFIG))
        {
            continue;
        }

        set = ngx_soporte_backup_place(&list[i], &parsed, name);

        if (set == NULL) {
            continue;
        }

        file = &set->file[parsed.kind];

        file->len = len;
        file->compressed = parsed.compressed;
        file->size = -1;
        ngx_memcpy(file->name, name, len);
        file->name[len] = '\0';
    }
}


/* the set of the stem, made if it is newer than the oldest; NULL: it is not */

static ngx_soporte_backup_set_t *
ngx_soporte_backup_place(ngx_soporte_backup_list_t *list,
    const ngx_soporte_backup_name_t *parsed, const u_char *name)
{
    ngx_uint_t                 i;
    ngx_soporte_backup_set_t  *set;

    for (i = 0; i < list->n; i++) {
        set = &list->set[i];

        if (set->at == parsed->at && set->stem_len == parsed->stem
            && ngx_memcmp(set->stem, name, parsed->stem) == 0)
        {
            return set;
        }

        if (set->at < parsed->at) {
            break;
        }
    }

    if (i == NGX_SOPORTE_BACKUP_KEPT) {
        return NULL;
    }

    if (list->n < NGX_SOPORTE_BACKUP_KEPT) {
        list->n++;
    }

    ngx_memmove(&list->set[i + 1], &list->set[i],
                (list->n - i - 1) * sizeof(ngx_soporte_backup_set_t));

    set = &list->set[i];
    ngx_memzero(set, sizeof(ngx_soporte_backup_set_t));

    set->at = parsed->at;
    set->stem_len = parsed->stem;
    ngx_memcpy(set->stem, name, parsed->stem);

    return set;
}


void
ngx_soporte_backup_judge(const ngx_soporte_backup_list_t *list,
    ngx_uint_t part, int64_t now, ngx_soporte_backup_t *backup)
{
    int64_t                          at, bytes;
    ngx_uint_t                       i;
    const ngx_soporte_backup_set_t  *set, *last;

    ngx_memzero(backup, sizeof(ngx_soporte_backup_t));
    last = NULL;

    for (i = 0; i < list->n; i++) {
        set = &list->set[i];

        if (!ngx_soporte_backup_set(set, part, now, &at, &bytes)) {
            continue;
        }

        if (last == NULL) {
            last = set;
            backup->at = at;
            backup->bytes = bytes;
            continue;
        }

        /* the one before is the last that was good for something */

        if (bytes == 0) {
            continue;
        }

        backup->before = at;

        /* a tar that became a tgz is smaller, and nothing is lost */

        backup->before_bytes = (part == NGX_SOPORTE_BACKUP_FILES
                 && set->file[NGX_SOPORTE_BACKUP_PUBLIC].compressed
                    != last->file[NGX_SOPORTE_BACKUP_PUBLIC].compressed)
                ? -1 : bytes;
        return;
    }
}


/* 0: it has not this part, or not yet */

static ngx_uint_t
ngx_soporte_backup_set(const ngx_soporte_backup_set_t *set, ngx_uint_t part,
    int64_t now, int64_t *at, int64_t *bytes)
{
    ngx_uint_t                        done;
    const ngx_soporte_backup_file_t  *sql, *public, *private, *last;

    if (part == NGX_SOPORTE_BACKUP_DATABASE) {
        sql = &set->file[NGX_SOPORTE_BACKUP_SQL];

        if (sql->len == 0 || sql->size < 0) {
            return 0;
        }

        /* Frappe copies the configuration once the dump has ended */

        done = set->file[NGX_SOPORTE_BACKUP_CONFIG].len
               || sql->mtime + NGX_SOPORTE_BACKUP_QUIET <= now;

        *at = ngx_soporte_backup_end(set, sql);
        *bytes = (sql->size < NGX_SOPORTE_BACKUP_EMPTY) ? 0 : sql->size;

        return done;
    }

    public = &set->file[NGX_SOPORTE_BACKUP_PUBLIC];
    private = &set->file[NGX_SOPORTE_BACKUP_PRIVATE];

    if (public->len == 0 || public->size < 0
        || private->len == 0 || private->size < 0)
    {
        return 0;
    }

    last = (public->mtime > private->mtime) ? public : private;

    *at = ngx_soporte_backup_end(set, last);
    *bytes = (public->size && private->size) ? public->size + private->size
                                             : 0;

    return last->mtime + NGX_SOPORTE_BACKUP_QUIET <= now;
}


/* Its name is in a zone that is not known: up to 14 hours from UTC. */

static int64_t
ngx_soporte_backup_end(const ngx_soporte_backup_set_t *set,
    const ngx_soporte_backup_file_t *file)
{
    return (file->mtime - set->at > NGX_SOPORTE_BACKUP_COPIED) ? set->at
                                                               : file->mtime;
}


ngx_uint_t
ngx_soporte_backup_doubtful(const ngx_soporte_backup_t *backup)
{
    return backup->at
           && (backup->bytes == 0
               || (backup->bytes > 0 && backup->before
                   && backup->before_bytes > 0
                   && backup->bytes * 2 < backup->before_bytes));
}


uint64_t
ngx_soporte_backup_pack(const ngx_soporte_backup_t *backup, ngx_uint_t flags)
{
    uint64_t  word, ago;

    flags &= NGX_SOPORTE_BACKUP_FLAGS;

    if (backup->at <= 0 || backup->at > UINT32_MAX) {
        return flags & ~(uint64_t) NGX_SOPORTE_BACKUP_DOUBTED;
    }

    if (ngx_soporte_backup_doubtful(backup)) {
        flags |= NGX_SOPORTE_BACKUP_DOUBTED;
    }

    ago = 0;

    if (backup->before > 0 && backup->before < backup->at) {
        ago = (backup->at - backup->before + 59) / 60;
        ago = ngx_min(ago, NGX_SOPORTE_BACKUP_AGO_MAX);
    }

    word = (uint64_t) backup->at << NGX_SOPORTE_BACKUP_AT_SHIFT;
    word |= ago << NGX_SOPORTE_BACKUP_AGO_SHIFT;
    word |= ngx_soporte_backup_size(backup->bytes)
            << NGX_SOPORTE_BACKUP_SIZE_SHIFT;

    return word | flags;
}


/* six bits of exponent, five of what comes after its first bit; 0: unknown */

static uint64_t
ngx_soporte_backup_size(int64_t bytes)
{
    ngx_uint_t  e;

    if (bytes <= 0) {
        return 0;
    }

    e = 63 - __builtin_clzll((unsigned long long) bytes);

    return ((uint64_t) (e + 1) << 5)
           | (((e > 5) ? bytes >> (e - 5) : bytes << (5 - e)) & 31);
}


ngx_uint_t
ngx_soporte_backup_unpack(uint64_t word, ngx_soporte_backup_t *backup)
{
    int64_t     size;
    uint64_t    ago;
    ngx_uint_t  e, flags;

    ngx_memzero(backup, sizeof(ngx_soporte_backup_t));

    flags = word & NGX_SOPORTE_BACKUP_FLAGS;
    backup->at = word >> NGX_SOPORTE_BACKUP_AT_SHIFT;
    ago = (word >> NGX_SOPORTE_BACKUP_AGO_SHIFT) & NGX_SOPORTE_BACKUP_AGO_MAX;

    if (ago) {
        backup->before = backup->at - (int64_t) ago * 60;
        backup->before_bytes = -1;
    }

    size = (word >> NGX_SOPORTE_BACKUP_SIZE_SHIFT) & NGX_SOPORTE_BACKUP_SIZES;
    backup->bytes = -1;

    if (size) {
        e = (size >> 5) - 1;
        size = 32 | (size & 31);
        backup->bytes = (e > 5) ? size << (e - 5) : size >> (5 - e);
    }

    if (flags & NGX_SOPORTE_BACKUP_DOUBTED) {
        backup->bytes = 0;
    }

    return flags;
}


uint64_t
ngx_soporte_backup_report(uint64_t word, int64_t finished, int64_t bytes)
{
    ngx_uint_t            flags;
    ngx_soporte_backup_t  known, backup;

    flags = ngx_soporte_backup_unpack(word, &known);

    if (finished <= known.at) {
        return word;
    }

    backup.at = finished;
    backup.bytes = bytes;
    backup.before = known.at;
    backup.before_bytes = known.bytes;

    if (flags & NGX_SOPORTE_BACKUP_DOUBTED) {
        backup.before = known.before;
        backup.before_bytes = -1;
    }

    return ngx_soporte_backup_pack(&backup, NGX_SOPORTE_BACKUP_WATCHED
                                            |NGX_SOPORTE_BACKUP_REPORTED);
}


int64_t
ngx_soporte_backup_good(uint64_t word)
{
    ngx_soporte_backup_t  backup;

    return (ngx_soporte_backup_unpack(word, &backup)
            & NGX_SOPORTE_BACKUP_DOUBTED)
           ? backup.before : backup.at;
}
