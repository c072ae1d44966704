
/*
 * Mexico's days of obligatory rest, computed: Ley Federal del Trabajo,
 * article 74, as in force since 2024-10-01.  No zone, no clock.
 */

#include "ngx_soporte_holidays.h"


#define NGX_SOPORTE_HOLIDAYS_MONDAY    1

/* since then the executive power changes hands on 1 October, by six years */
#define NGX_SOPORTE_HOLIDAYS_HANDOVER  2024


typedef struct {
    u_char  month;
    u_char  day;                      /* 0: a Monday */
    u_char  monday;                   /* which of the month */
    u_char  years;                    /* from one to the next */
} ngx_soporte_holidays_rule_t;


static const ngx_soporte_holidays_rule_t  ngx_soporte_holidays_rules[] = {
    {  1,  1, 0, 1 },                 /* I:    new year */
    {  2,  0, 1, 1 },                 /* II:   for 5 February */
    {  3,  0, 3, 1 },                 /* III:  for 21 March */
    {  5,  1, 0, 1 },                 /* IV:   labor day */
    {  9, 16, 0, 1 },                 /* V:    independence */
    { 10,  1, 0, 6 },                 /* VII:  handover of power */
    { 11,  0, 3, 1 },                 /* VI:   for 20 November */
    { 12, 25, 0, 1 }                  /* VIII: Christmas */
};


ngx_uint_t
ngx_soporte_holidays_mx(int32_t year, int32_t dates[NGX_SOPORTE_HOLIDAYS_MX])
{
    ngx_uint_t                          i, n;
    const ngx_soporte_holidays_rule_t  *rule;

    n = 0;

    for (i = 0; i < NGX_SOPORTE_HOLIDAYS_MX; i++) {
        rule = &ngx_soporte_holidays_rules[i];

        if (rule->years > 1
            && (year < NGX_SOPORTE_HOLIDAYS_HANDOVER
                || (year - NGX_SOPORTE_HOLIDAYS_HANDOVER) % rule->years))
        {
            continue;
        }

        dates[n++] = rule->day
                     ? ngx_soporte_civil_days(year, rule->month, rule->day)
                     : ngx_soporte_civil_nth(year, rule->month, rule->monday,
                                             NGX_SOPORTE_HOLIDAYS_MONDAY);
    }

    return n;
}
