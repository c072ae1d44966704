
/*
 * Merge-patch (RFC 7396): what a server changes of its host's policy.
 *
 * Nothing is written into the two trees.  The new one has nodes of its own
 * where a patch reaches, and shares whole subtrees where it does not.
 */

#include "ngx_soporte_policy.h"


static ngx_soporte_value_t *ngx_soporte_policy_copy(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const ngx_soporte_value_t *value);
static ngx_soporte_value_t *ngx_soporte_policy_patch(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *target, const ngx_soporte_value_t *patch,
    ngx_uint_t depth);


ngx_soporte_value_t *
ngx_soporte_policy_merge(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *target, const ngx_soporte_value_t *patch)
{
    ngx_soporte_value_t  *merged;

    merged = ngx_soporte_policy_patch(mem, target, patch, 0);

    return mem->failed ? NULL : merged;
}


/* RFC 7396 section 2; NULL: memory refused or too deep */

static ngx_soporte_value_t *
ngx_soporte_policy_patch(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *target, const ngx_soporte_value_t *patch,
    ngx_uint_t depth)
{
    ngx_soporte_value_t        *merged, *node;
    const ngx_soporte_value_t  *old, *new;

    if (depth > NGX_SOPORTE_VALUE_DEPTH) {
        return NULL;
    }

    merged = ngx_soporte_policy_copy(mem, NULL, patch);

    if (merged == NULL || patch->type != NGX_SOPORTE_OBJECT) {
        return merged;
    }

    merged->first = NULL;
    merged->last = NULL;

    if (target && target->type == NGX_SOPORTE_OBJECT) {

        for (old = target->first; old; old = old->next) {
            new = ngx_soporte_value_find(patch, old->name.data, old->name.len);

            if (new == NULL
                && ngx_soporte_policy_copy(mem, merged, old) == NULL)
            {
                return NULL;
            }
        }
    }

    for (new = patch->first; new; new = new->next) {

        if (new->type == NGX_SOPORTE_NULL) {
            continue;
        }

        old = ngx_soporte_value_find(target, new->name.data, new->name.len);
        node = ngx_soporte_policy_patch(mem, old, new, depth + 1);

        if (node == NULL
            || ngx_soporte_policy_copy(mem, merged, node) == NULL)
        {
            return NULL;
        }
    }

    return merged;
}


/* a node of its own that shares the other's children */

static ngx_soporte_value_t *
ngx_soporte_policy_copy(ngx_soporte_mem_t *mem, ngx_soporte_value_t *parent,
    const ngx_soporte_value_t *value)
{
    ngx_soporte_value_t  *copy;

    copy = ngx_soporte_alloc(mem, sizeof(ngx_soporte_value_t));

    if (copy == NULL) {
        return NULL;
    }

    *copy = *value;
    copy->next = NULL;

    if (parent) {

        if (parent->last) {
            parent->last->next = copy;

        } else {
            parent->first = copy;
        }

        parent->last = copy;
    }

    return copy;
}
