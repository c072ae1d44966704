
/*
 * Prevents: support that is closed on a working day, or promised on a holiday
 * of art. 74: a Monday miscounted, the six years of the handover miscounted,
 * a holiday moved off a weekend.
 */

#include "test.h"
#include "ngx_soporte_holidays.h"


static void
assert_year(int32_t year, const int32_t *expected, ngx_uint_t n)
{
    int32_t              dates[NGX_SOPORTE_HOLIDAYS_MX];
    ngx_uint_t           i;
    ngx_soporte_civil_t  civil;

    assert_int_equal(ngx_soporte_holidays_mx(year, dates), n);

    for (i = 0; i < n; i++) {
        ngx_soporte_civil_date(dates[i], &civil);
        assert_int_equal(civil.year, year);
        assert_int_equal(civil.month * 100 + civil.day, expected[i]);
    }
}


static void
test_known_years(void **state)
{
    static const int32_t  y2024[] = { 101, 205, 318, 501, 916, 1001, 1118,
                                      1225 };
    static const int32_t  y2025[] = { 101, 203, 317, 501, 916, 1117, 1225 };
    static const int32_t  y2026[] = { 101, 202, 316, 501, 916, 1116, 1225 };
    static const int32_t  y2027[] = { 101, 201, 315, 501, 916, 1115, 1225 };
    static const int32_t  y2028[] = { 101, 207, 320, 501, 916, 1120, 1225 };
    static const int32_t  y2029[] = { 101, 205, 319, 501, 916, 1119, 1225 };
    static const int32_t  y2030[] = { 101, 204, 318, 501, 916, 1001, 1118,
                                      1225 };
    static const int32_t  y2031[] = { 101, 203, 317, 501, 916, 1117, 1225 };

    assert_year(2024, y2024, 8);
    assert_year(2025, y2025, 7);
    assert_year(2026, y2026, 7);
    assert_year(2027, y2027, 7);
    assert_year(2028, y2028, 7);
    assert_year(2029, y2029, 7);
    assert_year(2030, y2030, 8);
    assert_year(2031, y2031, 7);
}


static void
test_every_year(void **state)
{
    int32_t              year, dates[NGX_SOPORTE_HOLIDAYS_MX];
    ngx_uint_t           i, n, mondays;
    ngx_soporte_civil_t  civil;

    for (year = 2006; year <= 2200; year++) {
        n = ngx_soporte_holidays_mx(year, dates);

        assert_int_equal(n, 7 + (year >= 2024 && year % 6 == 2024 % 6));

        mondays = 0;

        for (i = 0; i < n; i++) {
            ngx_soporte_civil_date(dates[i], &civil);

            assert_int_equal(civil.year, year);
            assert_true(i == 0 || dates[i] > dates[i - 1]);

            if (civil.month == 2 || civil.month == 3 || civil.month == 11) {
                assert_int_equal(civil.weekday, 1);
                assert_in_range(civil.day, civil.month == 2 ? 1 : 15,
                                civil.month == 2 ? 7 : 21);
                mondays++;
            }
        }

        assert_int_equal(mondays, 3);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known_years),
        cmocka_unit_test(test_every_year)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
