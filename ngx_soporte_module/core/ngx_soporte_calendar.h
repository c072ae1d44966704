
/*
 * Business hours: the rules of a soporte_calendar block, the table of UTC
 * intervals that they make in a zone, and what is asked of it: open, until
 * when, opens when, due when, how much business time between.
 *
 * What the rules mean:
 *
 *   - every interval is half-open: of 09:00-18:00, 09:00:00 is open and
 *     18:00:00 is closed;
 *   - a shift belongs to the date on which it starts, its end counts on past
 *     24:00; "date" and holidays replace the shifts that start on that date
 *     (a "date" wins over a holiday), the night before keeps its tail;
 *   - "closed" subtracts, "open" adds last and wins;
 *   - each boundary is converted on its own: one that the clock skips with
 *     the offset before the gap, one that it shows twice as the first; what
 *     ends where it starts, or before, is dropped;
 *   - what overlaps or touches is one interval.
 *
 * Instants are UTC seconds, amounts are seconds.  The rules are built by one
 * thread and immutable afterwards; a table belongs to one thread.
 */

#ifndef _NGX_SOPORTE_CALENDAR_H_INCLUDED_
#define _NGX_SOPORTE_CALENDAR_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_zoneinfo.h"
#include "ngx_soporte_ics.h"


/* days of a table, before and after the instant that it is built around */
#define NGX_SOPORTE_CALENDAR_BACK    400
#define NGX_SOPORTE_CALENDAR_AHEAD   800

/* days after which a look-up builds the table anew, around its instant */
#define NGX_SOPORTE_CALENDAR_DRIFT   100

/*
 * Dates whose shifts can reach the table: a shift ends two days after its
 * date at most, and a zone is up to 26 hours away from UTC.
 */
#define NGX_SOPORTE_CALENDAR_BEFORE  4
#define NGX_SOPORTE_CALENDAR_AFTER   2

#define NGX_SOPORTE_CALENDAR_DATES                                            \
    (NGX_SOPORTE_CALENDAR_BACK + NGX_SOPORTE_CALENDAR_AHEAD                   \
     + NGX_SOPORTE_CALENDAR_BEFORE + NGX_SOPORTE_CALENDAR_AFTER + 1)

/* an answer: later than the table knows, or never */
#define NGX_SOPORTE_CALENDAR_BEYOND  INT64_MAX


/* wall clock, seconds after 00:00 of the date; 0 <= start < end <= 48 h */

typedef struct {
    int32_t                          start;
    int32_t                          end;
} ngx_soporte_calendar_shift_t;


typedef struct {
    int32_t                          date;    /* ngx_soporte_civil_days() */
    ngx_uint_t                       nshifts; /* 0: closed */
    ngx_soporte_calendar_shift_t    *shifts;
} ngx_soporte_calendar_date_t;


/* [from, until); of rules: wall clock, as ngx_soporte_zoneinfo_utc() */

typedef struct {
    int64_t                          from;
    int64_t                          until;
} ngx_soporte_calendar_period_t;


typedef struct {
    ngx_str_t                        name;
    ngx_soporte_ics_t               *ics;
} ngx_soporte_calendar_file_t;


/* grows in the calendar's mem */

typedef struct {
    void                            *elts;
    ngx_uint_t                       n;
    ngx_uint_t                       nalloc;
} ngx_soporte_calendar_list_t;


typedef struct {
    ngx_soporte_mem_t               *mem;
    ngx_str_t                        timezone;    /* len 0: not yet given */
    ngx_uint_t                       mx;          /* holidays of art. 74 */
    ngx_soporte_calendar_list_t      shifts[7];   /* _shift_t; [0] Sunday */
    ngx_soporte_calendar_list_t      dates;       /* _date_t, ascending */
    ngx_soporte_calendar_list_t      closed;      /* _period_t */
    ngx_soporte_calendar_list_t      open;        /* _period_t */
    ngx_soporte_calendar_list_t      files;       /* _file_t */
} ngx_soporte_calendar_t;


typedef struct {
    int64_t                          from;
    int64_t                          until;
    int64_t                          before;  /* open seconds before "from" */
} ngx_soporte_calendar_interval_t;


/* the caller sets "memory" and leaves the rest to _build() */

typedef struct {
    void                            *memory;  /* see _room() */

    const ngx_soporte_calendar_t    *calendar;
    const ngx_soporte_zoneinfo_t    *zone;

    int64_t                          now;     /* built around it */
    int64_t                          lo;      /* known: [lo, hi) */
    int64_t                          hi;

    ngx_soporte_calendar_interval_t *intervals;
    ngx_uint_t                       n;

    /* of the look-up before: its answer holds in [from, until) */

    int64_t                          from;
    int64_t                          until;
    ngx_uint_t                       open;
    ngx_uint_t                       index;   /* of this or the next interval */
} ngx_soporte_calendar_table_t;


typedef struct {
    ngx_uint_t                       open;
    int64_t                          until;   /* closes; BEYOND if closed */
    int64_t                          opens_at;    /* next time it opens */
} ngx_soporte_calendar_state_t;


/* Rules */

/* an empty calendar, always closed; everything that it grows is in mem */
void ngx_soporte_calendar_init(ngx_soporte_calendar_t *cal,
    ngx_soporte_mem_t *mem);

/*
 * One directive's arguments each.  They return NGX_OK, or NGX_ERROR and a
 * message fit for "nginx -t", see ngx_soporte_error().  Nothing refers to the
 * arguments afterwards.
 */

/* name: as below the directory of zone files; given once */
ngx_int_t ngx_soporte_calendar_timezone(ngx_soporte_calendar_t *cal,
    const ngx_str_t *name, ngx_str_t *error);

/* days: "mon-fri", "sat", "mon,wed-thu"; range: "09:00-18:00" */
ngx_int_t ngx_soporte_calendar_hours(ngx_soporte_calendar_t *cal,
    const ngx_str_t *days, const ngx_str_t *range, ngx_str_t *error);

/* date: "2026-12-24"; ranges: all of that date, or the one word "closed" */
ngx_int_t ngx_soporte_calendar_date(ngx_soporte_calendar_t *cal,
    const ngx_str_t *date, const ngx_str_t *ranges, ngx_uint_t nranges,
    ngx_str_t *error);

/* from, until: "2026-12-30T13:00", wall clock */
ngx_int_t ngx_soporte_calendar_closed(ngx_soporte_calendar_t *cal,
    const ngx_str_t *from, const ngx_str_t *until, ngx_str_t *error);
ngx_int_t ngx_soporte_calendar_open(ngx_soporte_calendar_t *cal,
    const ngx_str_t *from, const ngx_str_t *until, ngx_str_t *error);

/* LFT art. 74, see ngx_soporte_holidays_mx() */
void ngx_soporte_calendar_holidays_mx(ngx_soporte_calendar_t *cal);

/*
 * An .ics file, see ngx_soporte_ics_read(): all-day events are holidays,
 * timed ones are closed.  The name is for messages: "name" line N: …
 */
ngx_int_t ngx_soporte_calendar_holidays_ics(ngx_soporte_calendar_t *cal,
    const ngx_str_t *name, const ngx_str_t *bytes, ngx_str_t *error);

/*
 * After the last directive: NGX_ERROR if there is no zone, or if an .ics
 * file has times of another one.
 */
ngx_int_t ngx_soporte_calendar_done(ngx_soporte_calendar_t *cal,
    ngx_str_t *error);

/* 1 if no rule ever opens it: legal, yet worth a warning */
ngx_uint_t ngx_soporte_calendar_empty(const ngx_soporte_calendar_t *cal);


/* Table */

/*
 * Bytes that table->memory must have, aligned as by malloc(), for as long as
 * the rules are not added to.
 */
size_t ngx_soporte_calendar_room(const ngx_soporte_calendar_t *cal);

/*
 * Fills the table for 400 days before and 800 days after "now".  Cannot
 * fail; may be repeated in the same memory, say with the zone read anew.
 * The calendar and the zone are kept and must live as long as the table.
 */
void ngx_soporte_calendar_build(const ngx_soporte_calendar_t *cal,
    const ngx_soporte_zoneinfo_t *zone, int64_t now,
    ngx_soporte_calendar_table_t *table);

/*
 * Finds the interval of an instant and remembers it; builds the table anew
 * if the instant left it or drifted away from where it was built around.
 */
ngx_uint_t ngx_soporte_calendar_seek(ngx_soporte_calendar_table_t *table,
    int64_t now);


/*
 * 1 if open at this instant, of the wall clock: whatever it is, forward or
 * back, the answer is right.  Two comparisons when the state did not change
 * since the look-up before.
 */
static ngx_inline ngx_uint_t
ngx_soporte_calendar_is_open(ngx_soporte_calendar_table_t *table, int64_t now)
{
    if (now >= table->from && now < table->until) {
        return table->open;
    }

    return ngx_soporte_calendar_seek(table, now);
}


/* open, until when, and the first opening after "now"; as _is_open() */
void ngx_soporte_calendar_state(ngx_soporte_calendar_table_t *table,
    int64_t now, ngx_soporte_calendar_state_t *state);

/*
 * The following do not build: an instant outside the table, and an answer
 * that would be, is NGX_SOPORTE_CALENDAR_BEYOND.  Pauses may overlap and lie
 * anywhere; an open end is NGX_SOPORTE_CALENDAR_BEYOND.  The array is put in
 * order.
 */

/*
 * The earliest instant at which that much business time has passed since t:
 * an exact fit is due when it closes, not at the next opening; 0 seconds are
 * due at t, open or closed.
 */
int64_t ngx_soporte_calendar_add(const ngx_soporte_calendar_table_t *table,
    int64_t t, int64_t seconds);

/* business time in [t, until), 0 if until <= t */
int64_t ngx_soporte_calendar_between(
    const ngx_soporte_calendar_table_t *table, int64_t t, int64_t until);

/* the same on a clock that stands still in pauses */
int64_t ngx_soporte_calendar_due(const ngx_soporte_calendar_table_t *table,
    int64_t t, int64_t seconds, ngx_soporte_calendar_period_t *pauses,
    ngx_uint_t npauses);
int64_t ngx_soporte_calendar_elapsed(
    const ngx_soporte_calendar_table_t *table, int64_t t, int64_t until,
    ngx_soporte_calendar_period_t *pauses, ngx_uint_t npauses);


#endif /* _NGX_SOPORTE_CALENDAR_H_INCLUDED_ */
