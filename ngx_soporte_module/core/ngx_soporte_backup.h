
/*
 * Backups by Frappe's naming: which file is which part of which backup, the
 * newest of each part out of any number of names, and what of them is kept in
 * shared memory.
 *
 *     20261127_031000-acme_example_mx-database.sql.gz
 *     20261127_031000-acme_example_mx-files.tar
 *     20261127_031000-acme_example_mx-private-files.tar
 *     20261127_031000-acme_example_mx-site_config_backup.json
 *
 * "-enc" before the ending where it is encrypted, .tgz where it is compressed,
 * "-partial" before "-database" where it is of some tables only (frappe:
 * utils/backups.py, set_backup_file_name()).
 */

#ifndef _NGX_SOPORTE_BACKUP_H_INCLUDED_
#define _NGX_SOPORTE_BACKUP_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_month.h"


/* parts that are judged, and indexes of their words */

#define NGX_SOPORTE_BACKUP_DATABASE  0
#define NGX_SOPORTE_BACKUP_FILES     1
#define NGX_SOPORTE_BACKUP_PARTS     2

extern const ngx_str_t  ngx_soporte_backup_parts[NGX_SOPORTE_BACKUP_PARTS];


/* the files of one backup */

typedef enum {
    NGX_SOPORTE_BACKUP_SQL = 0,
    NGX_SOPORTE_BACKUP_PUBLIC,
    NGX_SOPORTE_BACKUP_PRIVATE,
    NGX_SOPORTE_BACKUP_CONFIG,
    NGX_SOPORTE_BACKUP_KINDS
} ngx_soporte_backup_kind_e;

#define NGX_SOPORTE_BACKUP_NAME      255      /* bytes of a file's name */
#define NGX_SOPORTE_BACKUP_KEPT      6        /* newest backups a part */
#define NGX_SOPORTE_BACKUP_QUIET     120      /* s: it is written no more */

/*
 * The dump of no database at all is a gzip file of 20 bytes; a tar of no file
 * has 10,240 and is right.
 */
#define NGX_SOPORTE_BACKUP_EMPTY     64       /* bytes */

/* a copy made that much later than its name says is as old as its name, s */
#define NGX_SOPORTE_BACKUP_COPIED    (40 * 3600)


typedef struct {
    ngx_soporte_backup_kind_e  kind;
    int64_t                    at;            /* by its name, as if UTC */
    size_t                     stem;          /* bytes before the kind */
    unsigned                   partial:1;
    unsigned                   compressed:1;
} ngx_soporte_backup_name_t;


typedef struct {
    u_char                     len;           /* 0: it has no such file */
    u_char                     compressed;
    u_char                     name[NGX_SOPORTE_BACKUP_NAME + 1];
    int64_t                    mtime;         /* unix s; the caller's */
    int64_t                    size;          /* bytes, -1: not there */
} ngx_soporte_backup_file_t;


/* one backup; its stem is a prefix of each of its names */

typedef struct {
    int64_t                    at;
    u_char                     stem_len;
    u_char                     stem[NGX_SOPORTE_BACKUP_NAME];
    ngx_soporte_backup_file_t  file[NGX_SOPORTE_BACKUP_KINDS];
} ngx_soporte_backup_set_t;


/* the newest of a part, newest first */

typedef struct {
    ngx_uint_t                 n;
    ngx_soporte_backup_set_t   set[NGX_SOPORTE_BACKUP_KEPT];
} ngx_soporte_backup_list_t;


/* NGX_DECLINED for what is no file of a backup */
ngx_int_t ngx_soporte_backup_name(const u_char *name, size_t len,
    ngx_soporte_backup_name_t *parsed);

/*
 * Takes one name of a directory, in any order, into the two lists; what is
 * older than what they hold is passed over.
 */
void ngx_soporte_backup_take(
    ngx_soporte_backup_list_t list[NGX_SOPORTE_BACKUP_PARTS],
    const u_char *name, size_t len);

/*
 * After the caller gave each file in the list its mtime and size: the last
 * backup of the part and the one before.  What is being written still, at
 * "now", is none yet; public and private files must both be there.
 */
void ngx_soporte_backup_judge(const ngx_soporte_backup_list_t *list,
    ngx_uint_t part, int64_t now, ngx_soporte_backup_t *backup);


/*
 * A part in shared memory: one word, so that it is read and written whole.
 * 0: nobody watches it and nobody reported it.
 */

#define NGX_SOPORTE_BACKUP_WATCHED   0x01     /* somebody would know of it */
#define NGX_SOPORTE_BACKUP_DOUBTED   0x02     /* the last one may be bad */
#define NGX_SOPORTE_BACKUP_REPORTED  0x04     /* by the operators' API */

/* suspect by its size, beside the one before; -1 bytes are not known */
ngx_uint_t ngx_soporte_backup_doubtful(const ngx_soporte_backup_t *backup);

/* sizes are kept to 3 %, the time between two backups to a minute */
uint64_t ngx_soporte_backup_pack(const ngx_soporte_backup_t *backup,
    ngx_uint_t flags);

/*
 * What ngx_soporte_backup_state() needs: of one that is suspect the bytes are
 * 0, of others the size, -1 if it was not known.  Returns the flags.
 */
ngx_uint_t ngx_soporte_backup_unpack(uint64_t word,
    ngx_soporte_backup_t *backup);

/*
 * The word after a report of a good backup: finished at unix s, of so many
 * bytes, -1 if not known.  An older one than is known changes nothing.
 */
uint64_t ngx_soporte_backup_report(uint64_t word, int64_t finished,
    int64_t bytes);

/* the end of the last good one, unix s, 0: none */
int64_t ngx_soporte_backup_good(uint64_t word);


#endif /* _NGX_SOPORTE_BACKUP_H_INCLUDED_ */
