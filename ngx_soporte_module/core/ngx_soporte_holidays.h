
/*
 * Mexico's days of obligatory rest, computed: Ley Federal del Trabajo,
 * article 74, as in force since 2024-10-01.  No zone, no clock.
 */

#ifndef _NGX_SOPORTE_HOLIDAYS_H_INCLUDED_
#define _NGX_SOPORTE_HOLIDAYS_H_INCLUDED_


#include "ngx_soporte_core.h"
#include "ngx_soporte_civil.h"


#define NGX_SOPORTE_HOLIDAYS_MX  8                /* at most in a year */


/*
 * Writes the year's days in ascending order, as numbers of
 * ngx_soporte_civil_days(), and returns how many: 7 or 8.  Fractions I to
 * VIII; the days of fraction IX (elections) are set by law each time and are
 * the operator's to add.  A holiday on a weekend moves no other day.
 */

ngx_uint_t ngx_soporte_holidays_mx(int32_t year,
    int32_t dates[NGX_SOPORTE_HOLIDAYS_MX]);


#endif /* _NGX_SOPORTE_HOLIDAYS_H_INCLUDED_ */
