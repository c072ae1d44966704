
/*
 * Prevents: a site_config.json that crashes its reader, a name that is no
 * host's, and a directory of backups that does: any bytes as JSON, and their
 * lines as names of files.
 */

#include "fuzz.h"
#include "ngx_soporte_backup.h"
#include "ngx_soporte_site.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_int_t
host(void *data, const u_char *name, size_t len)
{
    size_t    i;
    size_t   *n = data;

    fuzz_check(len > 0 && len <= NGX_SOPORTE_SITE_HOST && name[0] != '.');

    for (i = 0; i < len; i++) {
        fuzz_check((name[i] >= 'a' && name[i] <= 'z')
                   || (name[i] >= '0' && name[i] <= '9')
                   || name[i] == '-' || name[i] == '_' || name[i] == '.');
    }

    return (++*n == 50) ? NGX_ERROR : NGX_OK;
}


static void
names(const uint8_t *data, size_t size)
{
    size_t                            i, from;
    ngx_uint_t                        part;
    ngx_soporte_backup_t              b, back;
    static ngx_soporte_backup_list_t  list[NGX_SOPORTE_BACKUP_PARTS];

    memset(list, 0, sizeof(list));

    for (i = 0, from = 0; i <= size; i++) {
        if (i == size || data[i] == '\n' || data[i] == '\0') {
            ngx_soporte_backup_take(list, data + from, i - from);
            from = i + 1;
        }
    }

    for (part = 0; part < NGX_SOPORTE_BACKUP_PARTS; part++) {
        fuzz_check(list[part].n <= NGX_SOPORTE_BACKUP_KEPT);

        for (i = 1; i < list[part].n; i++) {
            fuzz_check(list[part].set[i - 1].at >= list[part].set[i].at);
        }

        ngx_soporte_backup_judge(&list[part], part, 1795752000, &b);
        ngx_soporte_backup_unpack(ngx_soporte_backup_pack(&b, 1), &back);
        fuzz_check(b.at == back.at || b.at < 0 || b.at > UINT32_MAX);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     n;
    ngx_int_t  rc;

    n = 0;
    rc = ngx_soporte_site_domains(data, size, host, &n);

    fuzz_check(rc == NGX_OK || rc == NGX_DECLINED
               || (rc == NGX_ERROR && n == 50));

    names(data, size);

    return 0;
}
