
/*
 * What the unit tests share: cmocka, memory that is freed at a test's end,
 * and an output that collects what was rendered.
 */

#ifndef _SOPORTE_UNIT_TEST_H_INCLUDED_
#define _SOPORTE_UNIT_TEST_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_soporte_core.h"


/* one block an allocation, so that ASan sees each overflow */

typedef struct test_block_s  test_block_t;

struct test_block_s {
    test_block_t  *next;
    void          *p;
};

typedef struct {
    test_block_t      *blocks;
    size_t             left;       /* allocations before a refusal; 0: none */
    ngx_soporte_mem_t  mem;
} test_mem_t;


typedef struct {
    u_char            *p;
    size_t             len;
    ngx_soporte_out_t  out;
} test_out_t;


static inline void *
test_alloc(void *data, size_t size)
{
    test_mem_t    *tm = data;
    test_block_t  *b;

    if (tm->left && --tm->left == 0) {
        tm->left = 1;
        return NULL;
    }

    b = malloc(sizeof(test_block_t));
    b->p = malloc(size ? size : 1);
    b->next = tm->blocks;
    tm->blocks = b;

    return b->p;
}


static inline ngx_soporte_mem_t *
test_mem(test_mem_t *tm)
{
    memset(tm, 0, sizeof(test_mem_t));
    tm->mem.alloc = test_alloc;
    tm->mem.data = tm;

    return &tm->mem;
}


static inline void
test_mem_free(test_mem_t *tm)
{
    test_block_t  *b, *next;

    for (b = tm->blocks; b; b = next) {
        next = b->next;
        free(b->p);
        free(b);
    }

    tm->blocks = NULL;
}


static inline ngx_int_t
test_write(void *data, const u_char *p, size_t len)
{
    test_out_t  *to = data;

    to->p = realloc(to->p, to->len + len + 1);
    memcpy(to->p + to->len, p, len);
    to->len += len;
    to->p[to->len] = '\0';

    return NGX_OK;
}


static inline ngx_soporte_out_t *
test_out(test_out_t *to)
{
    memset(to, 0, sizeof(test_out_t));
    to->out.write = test_write;
    to->out.data = to;

    return &to->out;
}


static inline void
test_out_free(test_out_t *to)
{
    free(to->p);
    to->p = NULL;
    to->len = 0;
}


#endif /* _SOPORTE_UNIT_TEST_H_INCLUDED_ */
