
/*
 * The reader of .ics files, within itself: what it has read so far, and the
 * properties that its two halves share, lines and events.
 */

#ifndef _NGX_SOPORTE_ICS_READER_H_INCLUDED_
#define _NGX_SOPORTE_ICS_READER_H_INCLUDED_


#include "ngx_soporte_ics.h"
#include "ngx_soporte_error.h"


/* an unfolded line whose value counts */
#define NGX_SOPORTE_ICS_LINE   8192

#define NGX_SOPORTE_ICS_DAY    86400


/* DTSTART, DTEND, UNTIL or one of EXDATE's */

typedef struct {
    ngx_uint_t                  line;             /* 0: not given */
    ngx_soporte_ics_form_e      form;
    int64_t                     clock;
    ngx_str_t                   tzid;
} ngx_soporte_ics_time_t;


/* an event so far */

typedef struct {
    ngx_uint_t                  line;
    ngx_soporte_ics_time_t      start;
    ngx_soporte_ics_time_t      end;
    ngx_uint_t                  duration_line;
    int32_t                     wall;             /* of DURATION */
    int32_t                     exact;
    ngx_uint_t                  rule_line;
    ngx_soporte_ics_rule_t      rule;
    ngx_soporte_ics_time_t      until;
    ngx_soporte_ics_time_t      excluded;         /* the first, for its form */
    int64_t                    *clocks;           /* of EXDATE, all */
    ngx_uint_t                  nclocks;
    ngx_uint_t                  nalloc;
    ngx_uint_t                  status_line;
    ngx_uint_t                  canceled;
} ngx_soporte_ics_draft_t;


typedef struct {
    ngx_soporte_mem_t          *mem;
    ngx_str_t                  *error;
    ngx_soporte_ics_t          *ics;
    ngx_uint_t                  dates;

    const u_char               *p;
    const u_char               *last;
    ngx_uint_t                  line;             /* of what is in text */
    ngx_uint_t                  next_line;
    ngx_uint_t                  cut;              /* text has not all of it */

    ngx_str_t                   name;             /* parts of text */
    ngx_str_t                   params;           /* ";NAME=VALUE…" */
    ngx_str_t                   value;

    ngx_uint_t                  where;
    ngx_soporte_ics_draft_t     draft;
    ngx_uint_t                  nevents;          /* with canceled ones */
    ngx_uint_t                  nalloc;
    ngx_uint_t                  ninstances;
    ngx_uint_t                  years;            /* left for COUNT */

    u_char                      text[NGX_SOPORTE_ICS_LINE];
} ngx_soporte_ics_reader_t;


/* returns NGX_ERROR, with a message that begins with the line */

#define ngx_soporte_ics_fail(reader, line, fmt, ...)                          \
    ngx_soporte_error((reader)->mem, (reader)->error, "line %u: " fmt,        \
                      (unsigned) (line), __VA_ARGS__)


/* names are compared without regard to case; word is in upper case */
ngx_uint_t ngx_soporte_ics_is(const ngx_str_t *value, const char *word);


/*
 * Properties that count, one line each: they take reader->params and
 * reader->value into the draft.
 */

ngx_int_t ngx_soporte_ics_version(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_calscale(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_dtstart(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_dtend(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_duration(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_rrule(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_exdate(ngx_soporte_ics_reader_t *reader);
ngx_int_t ngx_soporte_ics_status(ngx_soporte_ics_reader_t *reader);


/* the draft is complete: judges it, and makes an event of it */

ngx_int_t ngx_soporte_ics_event(ngx_soporte_ics_reader_t *reader,
    ngx_soporte_ics_event_t *event);


#endif /* _NGX_SOPORTE_ICS_READER_H_INCLUDED_ */
