
/*
 * What the fuzzers share: memory that is freed at an input's end, an output
 * with a limit, and a check that stops the fuzzer.
 */

#ifndef _SOPORTE_FUZZ_H_INCLUDED_
#define _SOPORTE_FUZZ_H_INCLUDED_


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_soporte_core.h"


#define fuzz_check(x)  do { if (!(x)) { abort(); } } while (0)


typedef struct fuzz_block_s  fuzz_block_t;

struct fuzz_block_s {
    fuzz_block_t       *next;
    void               *p;
};

typedef struct {
    fuzz_block_t       *blocks;
    ngx_soporte_mem_t   mem;
} fuzz_mem_t;


typedef struct {
    u_char             *p;
    size_t              len;
    size_t              size;
    size_t              limit;
    ngx_soporte_out_t   out;
} fuzz_out_t;


/* one block an allocation, so that ASan sees each overflow */

static inline void *
fuzz_alloc(void *data, size_t size)
{
    fuzz_mem_t    *fm = data;
    fuzz_block_t  *b;

    b = malloc(sizeof(fuzz_block_t));
    b->p = malloc(size ? size : 1);
    b->next = fm->blocks;
    fm->blocks = b;

    return b->p;
}


static inline ngx_soporte_mem_t *
fuzz_mem(fuzz_mem_t *fm)
{
    memset(fm, 0, sizeof(fuzz_mem_t));
    fm->mem.alloc = fuzz_alloc;
    fm->mem.data = fm;

    return &fm->mem;
}


static inline void
fuzz_mem_free(fuzz_mem_t *fm)
{
    fuzz_block_t  *b;

    while (fm->blocks) {
        b = fm->blocks;
        fm->blocks = b->next;
        free(b->p);
        free(b);
    }
}


static inline ngx_int_t
fuzz_write(void *data, const u_char *p, size_t len)
{
    fuzz_out_t  *fo = data;

    if (len > fo->limit - fo->len) {
        return NGX_ERROR;
    }

    if (len > fo->size - fo->len) {
        fo->size = (fo->len + len) * 2;
        fo->p = realloc(fo->p, fo->size);
    }

    memcpy(fo->p + fo->len, p, len);
    fo->len += len;

    return NGX_OK;
}


static inline ngx_soporte_out_t *
fuzz_out(fuzz_out_t *fo, size_t limit)
{
    memset(fo, 0, sizeof(fuzz_out_t));
    fo->limit = limit;
    fo->out.write = fuzz_write;
    fo->out.data = fo;

    return &fo->out;
}


static inline void
fuzz_out_free(fuzz_out_t *fo)
{
    free(fo->p);
}


#endif /* _SOPORTE_FUZZ_H_INCLUDED_ */
