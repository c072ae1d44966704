
/*
 * Words: phrases of messages.json with their blanks filled in, and instants
 * as people say them, in the language and the zone of the page.
 */

#ifndef _NGX_HTTP_SOPORTE_WORDS_H_INCLUDED_
#define _NGX_HTTP_SOPORTE_WORDS_H_INCLUDED_


#include "ngx_http_soporte.h"
#include "ngx_http_soporte_hours.h"


/* in which language, zone and at what moment something is said */

typedef struct {
    ngx_pool_t                      *pool;
    ngx_http_soporte_lang_e          lang;
    const ngx_soporte_value_t       *messages;   /* of that language */
    const ngx_soporte_zoneinfo_t    *zone;
    time_t                           now;
} ngx_http_soporte_voice_t;


/* one blank of a phrase: %name */

typedef struct {
    u_char                           name;
    ngx_str_t                        text;
} ngx_http_soporte_blank_t;


/*
 * All return a string in pool, empty when memory is refused or the phrase is
 * unknown: a word that is missing must not take a page down.
 */

/* a phrase as it stands: "state", "up" */
ngx_str_t ngx_http_soporte_phrase(ngx_http_soporte_voice_t *voice,
    const char *group, const char *name);

/* ... by a name that is no literal */
ngx_str_t ngx_http_soporte_phrase_str(ngx_http_soporte_voice_t *voice,
    const char *group, const ngx_str_t *name);

/* ... with its blanks filled in; a list ends with name 0 */
ngx_str_t ngx_http_soporte_fill(ngx_http_soporte_voice_t *voice,
    const char *group, const char *name,
    const ngx_http_soporte_blank_t *blanks);

/* "14:03" */
ngx_str_t ngx_http_soporte_clock(ngx_http_soporte_voice_t *voice, int64_t t);

/* "hoy", "mañana", "ayer", "el lunes 23 de noviembre" */
ngx_str_t ngx_http_soporte_day(ngx_http_soporte_voice_t *voice, int64_t t);

/* "el lunes 23 de noviembre a las 09:00"; pattern "at", "from" */
ngx_str_t ngx_http_soporte_moment(ngx_http_soporte_voice_t *voice,
    const char *pattern, int64_t t);

/* the clock alone when that is today, else the moment */
ngx_str_t ngx_http_soporte_soon(ngx_http_soporte_voice_t *voice, int64_t t);

/* "lunes 23 de noviembre de 2026, 10:30"; pattern "full", "month", ... */
ngx_str_t ngx_http_soporte_date(ngx_http_soporte_voice_t *voice,
    const char *pattern, int64_t t);

/* "lunes a viernes de 09:00 a 18:00" */
ngx_str_t ngx_http_soporte_schedule(ngx_http_soporte_voice_t *voice,
    const ngx_soporte_calendar_t *rules);

/* "hora de Ciudad de México" */
ngx_str_t ngx_http_soporte_zone_name(ngx_http_soporte_voice_t *voice,
    const ngx_str_t *zone);


#endif /* _NGX_HTTP_SOPORTE_WORDS_H_INCLUDED_ */
