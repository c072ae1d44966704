
/*
 * A tree of values into a structure, by tables: an object is a table of
 * rules, a rule says what a key may hold and where in the structure it goes.
 *
 * A mistake ends the reading; its message names the path to it.  Strings in
 * the structure are the tree's, lists are made in mem.  Pure and reentrant.
 */

#ifndef _NGX_SOPORTE_RULE_H_INCLUDED_
#define _NGX_SOPORTE_RULE_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_value.h"

#include <stddef.h>


#define NGX_SOPORTE_RULE_REQUIRED  0x01
#define NGX_SOPORTE_RULE_NULL      0x02      /* null leaves the default */

/* a text that may be longer than this may have lines */
#define NGX_SOPORTE_RULE_LINES     1000


typedef struct ngx_soporte_rule_s  ngx_soporte_rule_t;
typedef struct ngx_soporte_step_s  ngx_soporte_step_t;

/* a step of the way down, kept on the stack; only the first has no "up" */

struct ngx_soporte_step_s {
    ngx_soporte_step_t         *up;
    const ngx_str_t            *name;        /* NULL: an element of a list */
    ngx_uint_t                  index;
    ngx_soporte_mem_t          *mem;
    ngx_str_t                  *error;
};


/* dst is the structure's member; NGX_ERROR after ngx_soporte_rule_error() */

typedef ngx_int_t (*ngx_soporte_rule_pt)(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);


struct ngx_soporte_rule_s {
    const char                 *name;        /* NULL ends a table */
    ngx_soporte_rule_pt         read;
    size_t                      offset;      /* in the structure */
    ngx_uint_t                  flags;
    int64_t                     min;         /* characters, values, elements */
    int64_t                     max;
    const ngx_soporte_rule_t   *rules;       /* of an object's keys; of a
                                                list's elements, one */
    size_t                      size;        /* of a list's element */
    size_t                      count;       /* offset of the list's length
                                                from the list */
    const char                 *chars;       /* what an id is made of */
    const char *const          *words;       /* to choose from, NULL ends */
};


/* a member's place and type, for a rule's offset */
#define ngx_soporte_rule_at(type, member)  .offset = offsetof(type, member)


/*
 * Fills a structure, with its defaults in place, from an object; "root" is
 * what the message calls a tree that is none.  error as in
 * ngx_soporte_error().
 */
ngx_int_t ngx_soporte_rule_read(ngx_soporte_mem_t *mem,
    const ngx_soporte_rule_t *rules, const ngx_soporte_value_t *root,
    void *dst, ngx_str_t *error);

/* "path: what", path of the step or of a key below it; returns NGX_ERROR */
ngx_int_t ngx_soporte_rule_error(ngx_soporte_step_t *step, const char *key,
    const char *what);


/* the kinds of rules: what dst is, and what of a rule they look at */

/* nothing is read, anything is fine */
ngx_int_t ngx_soporte_rule_ignore(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* a structure; rules */
ngx_int_t ngx_soporte_rule_object(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* a pointer to elements, ngx_uint_t at count; rules size min max */
ngx_int_t ngx_soporte_rule_list(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_str_t of UTF-8 without controls, "\n" in long ones; min max */
ngx_int_t ngx_soporte_rule_text(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_str_t of the characters in chars; min max */
ngx_int_t ngx_soporte_rule_id(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_str_t, an http or https URL or a path with a leading slash */
ngx_int_t ngx_soporte_rule_url(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_str_t */
ngx_int_t ngx_soporte_rule_email(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_int_t; min max */
ngx_int_t ngx_soporte_rule_integer(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_uint_t, 0 or 1 */
ngx_int_t ngx_soporte_rule_boolean(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_uint_t, the place of the word in words */
ngx_int_t ngx_soporte_rule_word(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);

/* ngx_uint_t, a bit for each of a list's words by its place in words */
ngx_int_t ngx_soporte_rule_bits(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);


#endif /* _NGX_SOPORTE_RULE_H_INCLUDED_ */
