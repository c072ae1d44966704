
/*
 * The host's policy: what is promised, whom to call, which categories a
 * customer may choose.  A tree read from JSON becomes a checked structure.
 *
 * The shape, and all of it: an unknown key is an error.  "?" marks a key that
 * may be absent, "=" gives its value then.  WORDS is {"es": "…", "en"?: "…"}
 * or a plain string for both languages; without "en" Spanish serves.
 * Lengths are in characters; text has no control character but "\n" where
 * the length is over 1,000.
 *
 * {
 *   "$schema"?: "…",                             for editors, not looked at
 *   "version": 1,
 *   "provider": {
 *     "name": "…",                               1–80
 *     "color"? = "#1f5f8b": "#rrggbb",
 *     "logo"?: "<svg …>…</svg>"                  ≤ 4,000, inline, without
 *   },                                           script, style, reference
 *   "contact": {
 *     "phone": "800 788 0081",                   as shown, 1–40
 *     "tel": "8007880081",                       as dialed: [+]3–15 digits
 *     "email": "…"
 *   },
 *   "promise": {
 *     "availability": "99.99",                   "0" < … ≤ "100", at most 4
 *                                                decimals, a string
 *     "backup_hours": 24,                        1–720
 *     "restore_minutes": 120,                    1–10080
 *     "planned_maintenance"? = "counted": "counted" | "excluded",
 *     "announce_hours"? = 24: 24,                0–720
 *     "maintenance_cap_minutes"? = null: 240     a month, 0–44640; null: none
 *   },
 *   "categories": [ {                            1–64, ids differ
 *     "id": "conectividad",                      [a-z0-9-]{1,40}
 *     "included": true,
 *     "title": WORDS,                            1–80
 *     "question"?: WORDS,                        1–200: how a customer says it
 *     "answer": WORDS,                           1–4,000, shown at once
 *     "links"? = []: [ {                         ≤ 8
 *       "title": WORDS,                          1–120
 *       "url": URL
 *     } ],
 *     "queue": "infraestructura",                [a-z0-9._-]{1,64}
 *     "response_minutes"? = null: 60,            business time, 1–525600;
 *                                                null: no time is promised
 *     "urgent"? = false: true                    around the clock
 *   } ],
 *   "success_pack": {
 *     "title": WORDS,                            1–80
 *     "text": WORDS,                             1–4,000
 *     "url"?: URL
 *   },
 *   "privacy": {
 *     "responsible": "…",                        1–200
 *     "address": "…",                            1–400
 *     "purposes": {
 *       "necessary": [ WORDS ],                  1–16 of 1–400
 *       "voluntary"? = []: [ WORDS ]             ≤ 16 of 1–400
 *     },
 *     "refuse": WORDS,                           1–1,000: how to say no to
 *                                                the voluntary ones
 *     "arco": WORDS,                             1–1,000: where to ask for
 *                                                access, rectification, …
 *     "url": URL,                                the whole notice
 *     "retention_days": 730                      1–36500
 *   },
 *   "form"?: {
 *     "min_seconds"? = 3: 3,                     0–60
 *     "honeypot"? = "sitio_web": "sitio_web"     [a-z0-9_]{1,32}, not a
 *   },                                           field of a ticket
 *   "public"? = all: ["state", "month", "latency", "incident",
 *                     "maintenance", "restore", "backup", "hours"]
 * }
 *
 * URL is http:// or https:// and a host, or a path with a leading slash;
 * printable ASCII, ≤ 500.
 */

#ifndef _NGX_SOPORTE_POLICY_H_INCLUDED_
#define _NGX_SOPORTE_POLICY_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_value.h"


/* ngx_soporte_policy_t.visible */
#define NGX_SOPORTE_PUBLIC_STATE        0x01
#define NGX_SOPORTE_PUBLIC_MONTH        0x02
#define NGX_SOPORTE_PUBLIC_LATENCY      0x04
#define NGX_SOPORTE_PUBLIC_INCIDENT     0x08
#define NGX_SOPORTE_PUBLIC_MAINTENANCE  0x10
#define NGX_SOPORTE_PUBLIC_RESTORE      0x20
#define NGX_SOPORTE_PUBLIC_BACKUP       0x40
#define NGX_SOPORTE_PUBLIC_HOURS        0x80
#define NGX_SOPORTE_PUBLIC_ALL          0xff


typedef struct {
    ngx_str_t                es;
    ngx_str_t                en;         /* equals es if none was given */
} ngx_soporte_words_t;


typedef struct {
    ngx_soporte_words_t      title;
    ngx_str_t                url;
} ngx_soporte_link_t;


typedef struct {
    ngx_str_t                id;
    ngx_soporte_words_t      title;
    ngx_soporte_words_t      question;   /* len 0: none */
    ngx_soporte_words_t      answer;
    ngx_soporte_link_t      *links;
    ngx_uint_t               nlinks;
    ngx_str_t                queue;
    ngx_int_t                response;   /* minutes, -1: not promised */
    ngx_uint_t               included;
    ngx_uint_t               urgent;
} ngx_soporte_category_t;


typedef struct {
    ngx_str_t                name;
    ngx_str_t                color;
    ngx_str_t                logo;       /* len 0: none */
} ngx_soporte_provider_t;


typedef struct {
    ngx_str_t                phone;
    ngx_str_t                tel;
    ngx_str_t                email;
} ngx_soporte_contact_t;


typedef struct {
    ngx_str_t                availability;
    ngx_uint_t               millionths; /* of availability: 999900 */
    ngx_int_t                backup;     /* hours */
    ngx_int_t                restore;    /* minutes */
    ngx_int_t                announce;   /* hours */
    ngx_int_t                cap;        /* minutes a month, -1: none */
    ngx_uint_t               excluded;   /* planned maintenance */
} ngx_soporte_promise_t;


typedef struct {
    ngx_soporte_words_t      title;
    ngx_soporte_words_t      text;
    ngx_str_t                url;        /* len 0: none */
} ngx_soporte_pack_t;


typedef struct {
    ngx_str_t                responsible;
    ngx_str_t                address;
    ngx_soporte_words_t     *necessary;
    ngx_uint_t               nnecessary;
    ngx_soporte_words_t     *voluntary;
    ngx_uint_t               nvoluntary;
    ngx_soporte_words_t      refuse;
    ngx_soporte_words_t      arco;
    ngx_str_t                url;
    ngx_int_t                retention;  /* days */
} ngx_soporte_privacy_t;


typedef struct {
    ngx_int_t                version;    /* 1 */
    ngx_soporte_provider_t   provider;
    ngx_soporte_contact_t    contact;
    ngx_soporte_promise_t    promise;
    ngx_soporte_category_t  *categories;
    ngx_uint_t               ncategories;
    ngx_soporte_pack_t       pack;
    ngx_soporte_privacy_t    privacy;
    ngx_int_t                min_seconds;
    ngx_str_t                honeypot;
    ngx_uint_t               visible;    /* NGX_SOPORTE_PUBLIC_* */
} ngx_soporte_policy_t;


/*
 * Fills *policy from a tree; its strings are the tree's own, its lists are
 * made in mem: both must outlive the policy.  NGX_ERROR puts the first
 * mistake, with its path ("categories[3].id: …"), into *error, which is made
 * in mem and ends with a NUL that is not counted; error->len is 0 when memory
 * was refused.
 */

ngx_int_t ngx_soporte_policy_read(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *root, ngx_soporte_policy_t *policy,
    ngx_str_t *error);


/* NULL for an unknown id */
ngx_soporte_category_t *ngx_soporte_policy_category(
    const ngx_soporte_policy_t *policy, const ngx_str_t *id);


/*
 * RFC 7396: a new tree, target changed by patch; neither is written to, and
 * both are shared from, so they must live as long.  Keys that the patch has
 * come last.  NULL: memory refused, or nested over NGX_SOPORTE_VALUE_DEPTH.
 */

ngx_soporte_value_t *ngx_soporte_policy_merge(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *target, const ngx_soporte_value_t *patch);


#endif /* _NGX_SOPORTE_POLICY_H_INCLUDED_ */
