
/*
 * Says instants and phrases in the words of messages.json.
 */

#include "ngx_http_soporte_words.h"


static ngx_str_t ngx_http_soporte_number(ngx_http_soporte_voice_t *voice,
    ngx_uint_t n);
static ngx_str_t ngx_http_soporte_item(ngx_http_soporte_voice_t *voice,
    const char *list, ngx_uint_t i);
static ngx_str_t ngx_http_soporte_hhmm(ngx_http_soporte_voice_t *voice,
    ngx_uint_t hour, ngx_uint_t minute);
static ngx_str_t ngx_http_soporte_join(ngx_http_soporte_voice_t *voice,
    const ngx_str_t *a, const ngx_str_t *between, const ngx_str_t *b);
static ngx_uint_t ngx_http_soporte_same_day(
    const ngx_soporte_calendar_t *rules, ngx_uint_t a, ngx_uint_t b);
static ngx_str_t ngx_http_soporte_shifts(ngx_http_soporte_voice_t *voice,
    const ngx_soporte_calendar_t *rules, const ngx_str_t *days,
    ngx_uint_t day);


ngx_str_t
ngx_http_soporte_phrase(ngx_http_soporte_voice_t *voice, const char *group,
    const char *name)
{
    ngx_str_t             none = ngx_null_string;
    ngx_soporte_value_t  *v;

    v = ngx_soporte_value_get(ngx_soporte_value_get(voice->messages, group),
                              name);

    return (v && v->type == NGX_SOPORTE_STRING) ? v->str : none;
}


ngx_str_t
ngx_http_soporte_phrase_str(ngx_http_soporte_voice_t *voice,
    const char *group, const ngx_str_t *name)
{
    ngx_str_t             none = ngx_null_string;
    ngx_soporte_value_t  *v;

    v = ngx_soporte_value_find(ngx_soporte_value_get(voice->messages, group),
                               name->data, name->len);

    return (v && v->type == NGX_SOPORTE_STRING) ? v->str : none;
}


ngx_str_t
ngx_http_soporte_fill(ngx_http_soporte_voice_t *voice, const char *group,
    const char *name, const ngx_http_soporte_blank_t *blanks)
{
    u_char                          *p, *s, *end;
    size_t                           len;
    ngx_str_t                        pattern, out;
    ngx_uint_t                       write;
    const ngx_http_soporte_blank_t  *b;

    ngx_str_null(&out);

    pattern = ngx_http_soporte_phrase(voice, group, name);
    end = pattern.data + pattern.len;
    p = NULL;
    len = 0;

    /* the length first, then the bytes: one loop, so that they agree */

    for (write = 0; write < 2; write++) {

        for (s = pattern.data; s < end; s++) {

            if (*s != '%' || s + 1 == end) {
                if (write) {
                    *p++ = *s;
                }

                len++;
                continue;
            }

            s++;

            for (b = blanks; b->name && b->name != *s; b++) { /* void */ }

            if (b->name == 0) {
                continue;
            }

            if (write && b->text.len) {
                p = ngx_cpymem(p, b->text.data, b->text.len);
            }

            len += b->text.len;
        }

        if (write) {
            break;
        }

        out.data = ngx_pnalloc(voice->pool, len + 1);

        if (out.data == NULL) {
            return out;
        }

        p = out.data;
        out.len = len;
    }

    return out;
}


static ngx_str_t
ngx_http_soporte_number(ngx_http_soporte_voice_t *voice, ngx_uint_t n)
{
    ngx_str_t  s;

    s.len = 0;
    s.data = ngx_pnalloc(voice->pool, NGX_INT_T_LEN);

    if (s.data) {
        s.len = ngx_sprintf(s.data, "%ui", n) - s.data;
    }

    return s;
}


static ngx_str_t
ngx_http_soporte_item(ngx_http_soporte_voice_t *voice, const char *list,
    ngx_uint_t i)
{
    ngx_str_t             none = ngx_null_string;
    ngx_soporte_value_t  *v;

    v = ngx_soporte_value_get(voice->messages, list);
    v = v ? v->first : NULL;

    while (v && i--) {
        v = v->next;
    }

    return (v && v->type == NGX_SOPORTE_STRING) ? v->str : none;
}


static ngx_str_t
ngx_http_soporte_hhmm(ngx_http_soporte_voice_t *voice, ngx_uint_t hour,
    ngx_uint_t minute)
{
    ngx_str_t  s;

    s.len = 0;
    s.data = ngx_pnalloc(voice->pool, 2 * NGX_INT_T_LEN);

    if (s.data) {
        s.len = ngx_sprintf(s.data, "%02ui:%02ui", hour, minute) - s.data;
    }

    return s;
}


ngx_str_t
ngx_http_soporte_clock(ngx_http_soporte_voice_t *voice, int64_t t)
{
    ngx_soporte_civil_t  c;

    ngx_soporte_zoneinfo_local(voice->zone, t, &c);

    return ngx_http_soporte_hhmm(voice, c.hour, c.minute);
}


ngx_str_t
ngx_http_soporte_date(ngx_http_soporte_voice_t *voice, const char *pattern,
    int64_t t)
{
    ngx_soporte_civil_t       c;
    ngx_http_soporte_blank_t  blanks[8];

    ngx_soporte_zoneinfo_local(voice->zone, t, &c);

    blanks[0].name = 'w';
    blanks[0].text = ngx_http_soporte_item(voice, "weekday", c.weekday);
    blanks[1].name = 'd';
    blanks[1].text = ngx_http_soporte_number(voice, c.day);
    blanks[2].name = 'm';
    blanks[2].text = ngx_http_soporte_item(voice, "month", c.month - 1);
    blanks[3].name = 'b';
    blanks[3].text = ngx_http_soporte_item(voice, "month_short", c.month - 1);
    blanks[4].name = 'y';
    blanks[4].text = ngx_http_soporte_number(voice, c.year);

    /* two digits each, out of one "hh:mm" */

    blanks[5].name = 'H';
    blanks[5].text = ngx_http_soporte_hhmm(voice, c.hour, c.minute);
    blanks[6].name = 'M';
    blanks[6].text = blanks[5].text;

    if (blanks[5].text.len == 5) {
        blanks[5].text.len = 2;
        blanks[6].text.len = 2;
        blanks[6].text.data += 3;
    }

    blanks[7].name = 0;

    return ngx_http_soporte_fill(voice, "date", pattern, blanks);
}


ngx_str_t
ngx_http_soporte_day(ngx_http_soporte_voice_t *voice, int64_t t)
{
    int32_t              days;
    ngx_soporte_civil_t  c, now;

    ngx_soporte_zoneinfo_local(voice->zone, t, &c);
    ngx_soporte_zoneinfo_local(voice->zone, voice->now, &now);

    days = ngx_soporte_civil_days(c.year, c.month, c.day)
           - ngx_soporte_civil_days(now.year, now.month, now.day);

    switch (days) {

    case 0:
        return ngx_http_soporte_phrase(voice, "date", "today");

    case 1:
        return ngx_http_soporte_phrase(voice, "date", "tomorrow");

    case -1:
        return ngx_http_soporte_phrase(voice, "date", "yesterday");

    default:
        return ngx_http_soporte_date(voice, "on_day", t);
    }
}


ngx_str_t
ngx_http_soporte_moment(ngx_http_soporte_voice_t *voice, const char *pattern,
    int64_t t)
{
    ngx_http_soporte_blank_t  blanks[3];

    blanks[0].name = 'D';
    blanks[0].text = ngx_http_soporte_day(voice, t);
    blanks[1].name = 'T';
    blanks[1].text = ngx_http_soporte_clock(voice, t);
    blanks[2].name = 0;

    return ngx_http_soporte_fill(voice, "date", pattern, blanks);
}


ngx_str_t
ngx_http_soporte_soon(ngx_http_soporte_voice_t *voice, int64_t t)
{
    ngx_soporte_civil_t  c, now;

    ngx_soporte_zoneinfo_local(voice->zone, t, &c);
    ngx_soporte_zoneinfo_local(voice->zone, voice->now, &now);

    if (c.year == now.year && c.month == now.month && c.day == now.day) {
        return ngx_http_soporte_clock(voice, t);
    }

    return ngx_http_soporte_moment(voice, "at", t);
}


static ngx_str_t
ngx_http_soporte_join(ngx_http_soporte_voice_t *voice, const ngx_str_t *a,
    const ngx_str_t *between, const ngx_str_t *b)
{
    u_char     *p;
    ngx_str_t   s;

    if (a->len == 0) {
        return *b;
    }

    ngx_str_null(&s);

    p = ngx_pnalloc(voice->pool, a->len + between->len + b->len);

    if (p == NULL) {
        return s;
    }

    s.data = p;
    p = ngx_cpymem(p, a->data, a->len);
    p = ngx_cpymem(p, between->data, between->len);
    p = ngx_cpymem(p, b->data, b->len);
    s.len = p - s.data;

    return s;
}


/* days 0 is Sunday, a week is told from Monday on */

ngx_str_t
ngx_http_soporte_schedule(ngx_http_soporte_voice_t *voice,
    const ngx_soporte_calendar_t *rules)
{
    ngx_str_t   out, days, last, to, part;
    ngx_uint_t  i, j;

    static ngx_str_t  comma = ngx_string(", ");

    ngx_str_null(&out);
    to = ngx_http_soporte_phrase(voice, "date", "to");

    for (i = 1; i <= 7; i = j) {

        for (j = i + 1;
             j <= 7 && ngx_http_soporte_same_day(rules, i % 7, j % 7);
             j++)
        {
            /* void */
        }

        if (rules->shifts[i % 7].n == 0) {
            continue;
        }

        days = ngx_http_soporte_item(voice, "weekday", i % 7);

        if (j - i > 1) {
            last = ngx_http_soporte_item(voice, "weekday", (j - 1) % 7);
            days = ngx_http_soporte_join(voice, &days, &to, &last);
        }

        part = ngx_http_soporte_shifts(voice, rules, &days, i % 7);
        out = ngx_http_soporte_join(voice, &out, &comma, &part);
    }

    return out;
}


static ngx_uint_t
ngx_http_soporte_same_day(const ngx_soporte_calendar_t *rules, ngx_uint_t a,
    ngx_uint_t b)
{
    return rules->shifts[a].n == rules->shifts[b].n
           && (rules->shifts[a].n == 0
               || ngx_memcmp(rules->shifts[a].elts, rules->shifts[b].elts,
                             rules->shifts[a].n
                             * sizeof(ngx_soporte_calendar_shift_t)) == 0);
}


/* "lunes a viernes de 09:00 a 14:00 y de ..." needs a phrase a shift only */

static ngx_str_t
ngx_http_soporte_shifts(ngx_http_soporte_voice_t *voice,
    const ngx_soporte_calendar_t *rules, const ngx_str_t *days,
    ngx_uint_t day)
{
    ngx_str_t                      out, part, and;
    ngx_uint_t                     i;
    ngx_http_soporte_blank_t       blanks[4];
    ngx_soporte_calendar_shift_t  *shift;

    ngx_str_null(&out);

    and = ngx_http_soporte_phrase(voice, "date", "and");
    shift = rules->shifts[day].elts;

    for (i = 0; i < rules->shifts[day].n; i++) {
        blanks[0].name = 'A';
        blanks[0].text = *days;
        blanks[1].name = 'S';
        blanks[1].text = ngx_http_soporte_hhmm(voice,
                                               shift[i].start / 3600 % 24,
                                               shift[i].start / 60 % 60);
        blanks[2].name = 'U';
        blanks[2].text = ngx_http_soporte_hhmm(voice,
                                               shift[i].end == 86400
                                               ? 24 : shift[i].end / 3600 % 24,
                                               shift[i].end / 60 % 60);
        blanks[3].name = 0;

        part = ngx_http_soporte_fill(voice, "date", "hours", blanks);
        out = ngx_http_soporte_join(voice, &out, &and, &part);
    }

    return out;
}


ngx_str_t
ngx_http_soporte_zone_name(ngx_http_soporte_voice_t *voice,
    const ngx_str_t *zone)
{
    u_char                    *p;
    ngx_str_t                  name;
    ngx_uint_t                 i;
    ngx_http_soporte_blank_t   blanks[2];

    name = ngx_http_soporte_phrase_str(voice, "zone", zone);

    if (name.len) {
        return name;
    }

    for (p = zone->data + zone->len;
         p > zone->data && p[-1] != '/';
         p--)
    {
        /* void */
    }

    name.len = zone->data + zone->len - p;
    name.data = ngx_pnalloc(voice->pool, name.len + 1);

    if (name.data == NULL) {
        ngx_str_null(&name);
        return name;
    }

    for (i = 0; i < name.len; i++) {
        name.data[i] = (p[i] == '_') ? ' ' : p[i];
    }

    blanks[0].name = 'Z';
    blanks[0].text = name;
    blanks[1].name = 0;

    return ngx_http_soporte_fill(voice, "zone", "other", blanks);
}
