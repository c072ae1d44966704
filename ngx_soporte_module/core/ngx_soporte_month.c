
/*
 * Reckons months, days, outages, restores and backups.  All of it works on
 * plain structs; who may write them and when is the leader's affair.
 */

#include "ngx_soporte_month.h"


/* of the newer backup, so far ahead of now that a clock must be wrong */
#define NGX_SOPORTE_BACKUP_AHEAD   300       /* s */


/*
 * 3 KiB a tenant are promised.  Slots, windows, two months, outages and days
 * make its past; the lifetime histogram lies with the counters; 64 are for the
 * state of detection, and the rest is for key, banks, counters.
 */

_Static_assert(sizeof(ngx_soporte_slots_t) == 248
               && sizeof(ngx_soporte_hist_t) == 1000
               && sizeof(ngx_soporte_month_t) == 24
               && sizeof(ngx_soporte_outages_t) == 132
               && sizeof(ngx_soporte_days_t) == 728
               && sizeof(ngx_soporte_history_t)
                  == 248 + 1000 + 2 * 24 + 132 + 4 + 728,
               "a tenant's past is not laid out as reckoned");

_Static_assert(sizeof(ngx_soporte_history_t)
               + NGX_SOPORTE_HIST_BUCKETS * sizeof(uint32_t)
               + 64 + 368 <= 3072,
               "a tenant takes more than was promised");


/* where the fields of a day lie */

typedef struct {
    ngx_uint_t  shift;
    ngx_uint_t  bits;
} ngx_soporte_day_field_t;


static int64_t ngx_soporte_month_clip(int64_t n, int64_t most);
static ngx_uint_t ngx_soporte_days_field(uint64_t day,
    const ngx_soporte_day_field_t *field);
static void ngx_soporte_days_count(ngx_soporte_days_t *days, uint32_t day,
    const ngx_soporte_day_field_t *field, int64_t n);


const ngx_str_t  ngx_soporte_verdict_names[4] = {
    ngx_string("n/a"),
    ngx_string("met"),
    ngx_string("breached"),
    ngx_string("undetermined")
};


const ngx_str_t  ngx_soporte_backup_names[6] = {
    ngx_string("none"),
    ngx_string("ok"),
    ngx_string("due"),
    ngx_string("late"),
    ngx_string("incomplete"),
    ngx_string("suspect")
};


/* a day may have 25 hours: 90,000 s, 1,500 minutes */

static const ngx_soporte_day_field_t  ngx_soporte_day_outage = { 0, 17 };
static const ngx_soporte_day_field_t  ngx_soporte_day_down = { 17, 11 };
static const ngx_soporte_day_field_t  ngx_soporte_day_degraded = { 28, 11 };
static const ngx_soporte_day_field_t  ngx_soporte_day_maintenance = { 39, 11 };
static const ngx_soporte_day_field_t  ngx_soporte_day_unknown = { 50, 11 };


void
ngx_soporte_percent(u_char buf[NGX_SOPORTE_PERCENT_LEN], int64_t part,
    int64_t whole)
{
    u_char    *p;
    int64_t    n;
    ngx_int_t  i;

    if (whole <= 0) {
        ngx_memcpy(buf, "n/a", sizeof("n/a"));
        return;
    }

    n = ngx_soporte_month_clip(part, whole) * 1000000 / whole;

    /* NNN.NNNN, from its end */

    p = buf + NGX_SOPORTE_PERCENT_LEN;
    *--p = '\0';

    for (i = 0; i < 4; i++) {
        *--p = (u_char) ('0' + n % 10);
        n /= 10;
    }

    *--p = '.';

    do {
        *--p = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    ngx_memmove(buf, p, buf + NGX_SOPORTE_PERCENT_LEN - p);
}


static int64_t
ngx_soporte_month_clip(int64_t n, int64_t most)
{
    return ngx_max(ngx_min(n, most), 0);
}


void
ngx_soporte_month_figures(const ngx_soporte_minutes_t *minutes,
    int64_t target, ngx_soporte_figures_t *figures)
{
    int64_t  total, down, unknown, em, e;

    total = ngx_max(minutes->total, 0);
    em = total - ngx_soporte_month_clip(minutes->excluded, total);
    unknown = ngx_soporte_month_clip(minutes->unknown, em);
    e = em - unknown;
    down = ngx_soporte_month_clip(minutes->down, e);

    ngx_soporte_percent(figures->availability, e - down, e);
    ngx_soporte_percent(figures->availability_min, e - down, em);
    ngx_soporte_percent(figures->availability_max, em - down, em);

    if (em == 0) {
        figures->verdict = NGX_SOPORTE_VERDICT_NONE;
        figures->budget = 0;
        figures->left = 0;
        figures->min_ppm = -1;
        return;
    }

    if (NGX_SOPORTE_PPM * (e - down) >= target * em) {
        figures->verdict = NGX_SOPORTE_VERDICT_MET;

    } else if (NGX_SOPORTE_PPM * (em - down) < target * em) {
        figures->verdict = NGX_SOPORTE_VERDICT_BREACHED;

    } else {
        figures->verdict = NGX_SOPORTE_VERDICT_UNDETERMINED;
    }

    figures->budget = em * 60 * (NGX_SOPORTE_PPM - target) / NGX_SOPORTE_PPM;
    figures->left = figures->budget - 60 * down;
    figures->min_ppm = NGX_SOPORTE_PPM * (e - down) / em;
}


ngx_uint_t
ngx_soporte_month_announced(time_t announced, time_t starts, time_t ahead)
{
    return announced != 0 && starts - announced >= ahead;
}


const ngx_soporte_judgement_t *
ngx_soporte_month_add(ngx_soporte_month_t *month,
    const ngx_soporte_judgement_t *counted,
    const ngx_soporte_judgement_t *not_counted, ngx_uint_t cap,
    ngx_uint_t reading)
{
    ngx_uint_t                      i;
    const ngx_soporte_judgement_t  *judgement[NGX_SOPORTE_READINGS];

    if (not_counted->excluded && month->excluded >= cap) {
        not_counted = counted;
    }

    judgement[NGX_SOPORTE_COUNTED] = counted;
    judgement[NGX_SOPORTE_NOT_COUNTED] = not_counted;

    month->sealed++;
    month->excluded += not_counted->excluded != 0;

    for (i = 0; i < NGX_SOPORTE_READINGS; i++) {
        month->down[i] += judgement[i]->down != 0;
        month->unknown[i] +=
                         judgement[i]->state == NGX_SOPORTE_STATE_UNKNOWN;
    }

    month->degraded += judgement[reading]->state == NGX_SOPORTE_STATE_DEGRADED;

    return judgement[reading];
}


void
ngx_soporte_month_turn(ngx_soporte_month_t month[2], time_t start)
{
    if (month[0].start >= (uint32_t) start) {
        return;
    }

    month[1] = month[0];

    ngx_memzero(&month[0], sizeof(ngx_soporte_month_t));
    month[0].start = (uint32_t) start;
}


void
ngx_soporte_month_minutes(const ngx_soporte_month_t *month, time_t until,
    ngx_uint_t reading, ngx_soporte_minutes_t *minutes)
{
    int64_t  begun, total;

    /* the minute in which the tenant began is not a whole one */

    begun = ((int64_t) month->start + 59) / 60;
    total = until / 60 - begun;

    minutes->total = ngx_max(total, (int64_t) month->sealed);
    minutes->down = month->down[reading];
    minutes->unknown = month->unknown[reading]
                       + minutes->total - month->sealed;
    minutes->excluded = (reading == NGX_SOPORTE_NOT_COUNTED)
                        ? month->excluded : 0;
}


int64_t
ngx_soporte_outage_overlap(time_t began, time_t ended, time_t from, time_t to)
{
    time_t  first, last;

    first = ngx_max(began, from);
    last = ngx_min(ended, to);

    return (last > first) ? last - first : 0;
}


void
ngx_soporte_outage_begin(ngx_soporte_outages_t *outages, time_t began)
{
    ngx_soporte_outage_t        *outage;
    const ngx_soporte_outage_t  *last;

    last = ngx_soporte_outage_past(outages, 0);

    if (last) {
        if (last->ended == 0) {
            return;
        }

        began = ngx_max(began, (time_t) last->ended);
    }

    outage = &outages->outage[outages->count % NGX_SOPORTE_OUTAGES];
    outage->began = (uint32_t) began;
    outage->ended = 0;

    outages->count++;
}


const ngx_soporte_outage_t *
ngx_soporte_outage_end(ngx_soporte_outages_t *outages, time_t ended)
{
    ngx_soporte_outage_t  *outage;

    outage = (ngx_soporte_outage_t *) ngx_soporte_outage_open(outages);

    if (outage) {
        outage->ended = ngx_max((uint32_t) ended, outage->began);
    }

    return outage;
}


const ngx_soporte_outage_t *
ngx_soporte_outage_open(const ngx_soporte_outages_t *outages)
{
    const ngx_soporte_outage_t  *last;

    last = ngx_soporte_outage_past(outages, 0);

    return (last && last->ended == 0) ? last : NULL;
}


const ngx_soporte_outage_t *
ngx_soporte_outage_past(const ngx_soporte_outages_t *outages, ngx_uint_t n)
{
    if (n >= NGX_SOPORTE_OUTAGES || n >= outages->count) {
        return NULL;
    }

    return &outages->outage[(outages->count - 1 - n) % NGX_SOPORTE_OUTAGES];
}


static ngx_uint_t
ngx_soporte_days_field(uint64_t day, const ngx_soporte_day_field_t *field)
{
    return (ngx_uint_t) (day >> field->shift)
           & (((ngx_uint_t) 1 << field->bits) - 1);
}


/* a day that lies before the newest is corrected, as long as it is kept */

static void
ngx_soporte_days_count(ngx_soporte_days_t *days, uint32_t day,
    const ngx_soporte_day_field_t *field, int64_t n)
{
    int64_t      sum, most;
    uint32_t     at;
    uint64_t    *p;

    if (days->newest == 0) {
        days->newest = day;
        days->first = day;
    }

    if (day > days->newest) {
        at = ngx_max(days->newest, day - ngx_min(day, NGX_SOPORTE_DAYS));

        while (at++ < day) {
            days->day[at % NGX_SOPORTE_DAYS] = 0;
        }

        days->newest = day;
    }

    if (day < days->first || days->newest - day >= NGX_SOPORTE_DAYS) {
        return;
    }

    p = &days->day[day % NGX_SOPORTE_DAYS];

    most = ((int64_t) 1 << field->bits) - 1;
    sum = (int64_t) ngx_soporte_days_field(*p, field) + n;
    sum = ngx_soporte_month_clip(sum, most);

    *p &= ~((uint64_t) most << field->shift);
    *p |= (uint64_t) sum << field->shift;
}


void
ngx_soporte_days_minute(ngx_soporte_days_t *days, uint32_t day,
    ngx_soporte_state_e state)
{
    switch (state) {

    case NGX_SOPORTE_STATE_DOWN:
    case NGX_SOPORTE_STATE_RESTORE:
        ngx_soporte_days_count(days, day, &ngx_soporte_day_down, 1);
        break;

    case NGX_SOPORTE_STATE_DEGRADED:
        ngx_soporte_days_count(days, day, &ngx_soporte_day_degraded, 1);
        break;

    case NGX_SOPORTE_STATE_MAINTENANCE:
        ngx_soporte_days_count(days, day, &ngx_soporte_day_maintenance, 1);
        break;

    case NGX_SOPORTE_STATE_UNKNOWN:
        ngx_soporte_days_count(days, day, &ngx_soporte_day_unknown, 1);
        break;

    default:
        ngx_soporte_days_count(days, day, &ngx_soporte_day_down, 0);
        break;
    }
}


void
ngx_soporte_days_outage(ngx_soporte_days_t *days, uint32_t day,
    int64_t seconds)
{
    ngx_soporte_days_count(days, day, &ngx_soporte_day_outage, seconds);
}


ngx_int_t
ngx_soporte_days_get(const ngx_soporte_days_t *days, uint32_t day,
    ngx_soporte_day_t *record)
{
    uint64_t  n;

    if (days->newest == 0 || day < days->first || day > days->newest
        || days->newest - day >= NGX_SOPORTE_DAYS)
    {
        return NGX_DECLINED;
    }

    n = days->day[day % NGX_SOPORTE_DAYS];

    record->outage = ngx_soporte_days_field(n, &ngx_soporte_day_outage);
    record->down = ngx_soporte_days_field(n, &ngx_soporte_day_down);
    record->degraded = ngx_soporte_days_field(n, &ngx_soporte_day_degraded);
    record->maintenance = ngx_soporte_days_field(n,
                                                 &ngx_soporte_day_maintenance);
    record->unknown = ngx_soporte_days_field(n, &ngx_soporte_day_unknown);

    return NGX_OK;
}


void
ngx_soporte_restore_clock(time_t failed, time_t requested, time_t ended,
    time_t now, time_t limit, ngx_soporte_restore_t *restore)
{
    time_t  until;

    restore->started = failed ? failed : requested;
    restore->deadline = restore->started + limit;

    until = ended ? ended : now;

    restore->took = ngx_max(until - restore->started, 0);
    restore->breached = restore->took > limit;
}


ngx_soporte_backup_e
ngx_soporte_backup_state(const ngx_soporte_backup_t *backup,
    const ngx_soporte_backup_t *database, time_t now, time_t limit)
{
    int64_t     age;
    ngx_uint_t  suspect;

    if (backup->at == 0) {
        return (database && database->at) ? NGX_SOPORTE_BACKUP_INCOMPLETE
                                          : NGX_SOPORTE_BACKUP_NONE;
    }

    suspect = backup->bytes == 0
              || backup->at > now + NGX_SOPORTE_BACKUP_AHEAD
              || (backup->bytes > 0 && backup->before
                  && backup->before_bytes > 0
                  && backup->bytes * 2 < backup->before_bytes);

    /* one that may be worthless does not stop the clock of the one before */

    if (suspect) {
        return (backup->before && now - backup->before > limit)
               ? NGX_SOPORTE_BACKUP_LATE : NGX_SOPORTE_BACKUP_SUSPECT;
    }

    age = now - backup->at;

    if (age > limit) {
        return NGX_SOPORTE_BACKUP_LATE;
    }

    return (age * 6 > (int64_t) limit * 5) ? NGX_SOPORTE_BACKUP_DUE
                                           : NGX_SOPORTE_BACKUP_OK;
}
