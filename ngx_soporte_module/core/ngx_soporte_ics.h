
/*
 * A strict subset of iCalendar (RFC 5545): the days off of an .ics file, read
 * from its bytes, and when they recur.
 *
 * VCALENDAR with VEVENTs; of these DTSTART, DTEND or DURATION, RRULE
 * (FREQ=YEARLY with INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY),
 * EXDATE and STATUS count.  What only describes (SUMMARY, UID, TRANSP, …, X-)
 * is passed over; everything else (RDATE, RECURRENCE-ID, VTIMEZONE, VALARM,
 * …) is an error with its line, lest a day off be lost in silence.
 *
 * Stricter than the RFC: DTSTART must be an instance of its RRULE; a time
 * with TZID must be in the zone of the calendar that the file is read for; a
 * timed event needs an end; no event is longer than 366 days.
 *
 * A file is immutable once it is read and may be used by any thread.
 */

#ifndef _NGX_SOPORTE_ICS_H_INCLUDED_
#define _NGX_SOPORTE_ICS_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_civil.h"


#define NGX_SOPORTE_ICS_MAX        (1024 * 1024)  /* bytes of a file */
#define NGX_SOPORTE_ICS_EVENTS     5000
#define NGX_SOPORTE_ICS_INSTANCES  50000          /* days off, see _read() */
#define NGX_SOPORTE_ICS_WEEKDAYS   32             /* entries of a BYDAY */

#define NGX_SOPORTE_ICS_FOREVER    INT64_MAX


typedef enum {
    NGX_SOPORTE_ICS_DATE = 0,                     /* all day */
    NGX_SOPORTE_ICS_LOCAL,                        /* wall clock */
    NGX_SOPORTE_ICS_ZONED,                        /* the same, by TZID */
    NGX_SOPORTE_ICS_UTC
} ngx_soporte_ics_form_e;


/* FREQ=YEARLY */

typedef struct {
    int32_t                      interval;        /* years, 0: no RRULE */
    int32_t                      count;           /* 0: none */
    uint32_t                     months;          /* bits 1 .. 12, 0: none */
    uint32_t                     days;            /* BYMONTHDAY, bits 1 .. 31 */
    uint32_t                     days_back;       /* ... from the month's end */
    ngx_uint_t                   nweekdays;       /* BYDAY */
    struct {
        int8_t                   nth;             /* 0: each */
        u_char                   weekday;         /* 0 is Sunday */
    } weekdays[NGX_SOPORTE_ICS_WEEKDAYS];
} ngx_soporte_ics_rule_t;


/*
 * Clocks are counted as by ngx_soporte_zoneinfo_utc(): those of an event in
 * its own form.  An instance ends "wall" seconds after its start on that
 * clock and "exact" seconds later in time: the first is what DTEND and the
 * days of a DURATION mean, the second its hours.
 */

typedef struct {
    ngx_soporte_ics_form_e       form;
    int32_t                      date;            /* of DTSTART */
    int32_t                      second;          /* after 00:00 */
    int32_t                      wall;
    int32_t                      exact;
    ngx_soporte_ics_rule_t       rule;
    int64_t                      until;           /* last start, its clock */
    int64_t                      until_utc;       /* last start, for ZONED */
    int64_t                     *excluded;        /* starts, ascending */
    ngx_uint_t                   nexcluded;
    ngx_uint_t                   line;            /* of BEGIN:VEVENT */
} ngx_soporte_ics_event_t;


typedef struct {
    ngx_soporte_ics_event_t     *events;
    ngx_uint_t                   nevents;         /* without canceled ones */
    ngx_uint_t                   ntimed;          /* instances, see _read() */
    ngx_str_t                    tzid;            /* len 0: none has one */
    ngx_uint_t                   tzid_line;
} ngx_soporte_ics_t;


/* an instance that starts at "start" of the event's clock */

typedef void (*ngx_soporte_ics_handler_pt)(void *data,
    const ngx_soporte_ics_event_t *event, int64_t start);


/*
 * Reads a file into mem; the bytes are not referred to afterwards.  NULL: it
 * is refused, *error begins with "line N: ", see ngx_soporte_error().
 *
 * "dates" is the number of dates that will be expanded at once: a file that
 * may have more than NGX_SOPORTE_ICS_INSTANCES days off and timed instances
 * in so many is refused.  ntimed bounds the timed ones, and that bound is
 * what a receiver of instances must have room for.
 */
ngx_soporte_ics_t *ngx_soporte_ics_read(ngx_soporte_mem_t *mem,
    const ngx_str_t *bytes, ngx_uint_t dates, ngx_str_t *error);

/*
 * Hands over all instances that may touch dates first .. last, not in order
 * of time; those of a ZONED event even if they are past until_utc.
 */
void ngx_soporte_ics_expand(const ngx_soporte_ics_t *ics, int32_t first,
    int32_t last, ngx_soporte_ics_handler_pt handler, void *data);


/* Recurrence; for the reader of files */

/*
 * Reads the value of an RRULE; its UNTIL is left to the caller, in *until
 * (len 0: none).  Returns NULL or what is wrong.
 */
const char *ngx_soporte_ics_rule_read(ngx_soporte_ics_rule_t *rule,
    const ngx_str_t *value, ngx_str_t *until);

/* 1 if a date is one that the event's rule names in its year */
ngx_uint_t ngx_soporte_ics_rule_has(const ngx_soporte_ics_event_t *event,
    int32_t date);

/*
 * The date of the last of rule.count instances.  Takes the years that it goes
 * through from *years; NGX_SOPORTE_CIVIL_NONE when none are left or the
 * calendar ends.
 */
int32_t ngx_soporte_ics_rule_last(const ngx_soporte_ics_event_t *event,
    ngx_uint_t *years);

/* instances of the event within so many dates, at most */
ngx_uint_t ngx_soporte_ics_rule_bound(const ngx_soporte_ics_event_t *event,
    ngx_uint_t dates);


#endif /* _NGX_SOPORTE_ICS_H_INCLUDED_ */
