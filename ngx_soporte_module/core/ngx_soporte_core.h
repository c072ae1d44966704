
/*
 * What every file of core/ stands on: nginx's types and macros, and the two
 * things that a pure function must be handed, memory and a place to write.
 * No nginx function is called below core/: the unit tests link it with libc.
 */

#ifndef _NGX_SOPORTE_CORE_H_INCLUDED_
#define _NGX_SOPORTE_CORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Of what few requests come to: kept out of the function that all pass, which
 * then saves no registers for it.
 */
#define NGX_SOPORTE_RARE  __attribute__((cold, noinline))


/*
 * Memory that lives as long as its owner (a request's or a cycle's pool) and
 * is never freed piecewise.  "failed" stays set after the first refusal, so
 * that a builder of many nodes is checked once, at its end.
 */

typedef struct {
    void        *(*alloc)(void *data, size_t size);
    void         *data;
    ngx_uint_t    failed;
} ngx_soporte_mem_t;


/*
 * A bounded way out for rendered bytes.  write() takes all of them or returns
 * NGX_ERROR; "failed" stays set after the first error, later writes are no-ops.
 */

typedef struct {
    ngx_int_t   (*write)(void *data, const u_char *p, size_t len);
    void         *data;
    ngx_uint_t    failed;
} ngx_soporte_out_t;


static ngx_inline void *
ngx_soporte_alloc(ngx_soporte_mem_t *mem, size_t size)
{
    void  *p;

    p = mem->alloc(mem->data, size);

    if (p == NULL) {
        mem->failed = 1;
    }

    return p;
}


static ngx_inline void
ngx_soporte_out(ngx_soporte_out_t *out, const void *p, size_t len)
{
    if (out->failed || len == 0) {
        return;
    }

    if (out->write(out->data, p, len) != NGX_OK) {
        out->failed = 1;
    }
}


#endif /* _NGX_SOPORTE_CORE_H_INCLUDED_ */
