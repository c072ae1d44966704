
/*
 * Prevents: a directive of a calendar that is believed though it says what
 * cannot be, or is refused without a word that helps.
 */

#include "calendar.h"


static void
test_hours_refused(void **state)
{
    ngx_uint_t  i;
    static const char  *days[] = {
        "", "lun", "Mon", "mon-", "-mon", "mon,", ",mon", "mon-fri-sun",
        "monday", "mon fri", "mon--fri", "mo", "mon-lun"
    };
    static const char  *ranges[] = {
        "", "09:00", "09:00-", "9:00-18:00", "09:00 18:00", "09:00-18:0",
        "09:00-18:000", "09-18", "09:00-18:00 "
    };
    static const char  *starts[] = {
        "24:00-25:00", "25:61-26:00", "09:60-18:00", "xx:00-18:00",
        "-1:00-18:00", "09.00-18:00"
    };
    static const char  *ends[] = {
        "09:00-48:01", "09:00-18:60", "09:00-99:00", "09:00-1x:00"
    };

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        assert_int_equal(try_hours(days[i], "09:00-18:00"), NGX_ERROR);
        assert_int_equal(strncmp((char *) error.data, "unknown day \"", 13),
                         0);
    }

    assert_says(try_hours("mon-lun", "09:00-18:00"),
                "unknown day \"mon-lun\" in \"mon-lun\", the days are mon tue "
                "wed thu fri sat sun, as in \"mon-fri\" or \"mon,wed\"");

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        assert_int_equal(try_hours("mon", ranges[i]), NGX_ERROR);
        assert_non_null(strstr((char *) error.data,
                               "expected a form like \"09:00-18:00\""));
    }

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        assert_int_equal(try_hours("mon", starts[i]), NGX_ERROR);
        assert_non_null(strstr((char *) error.data, "invalid start in range"));
    }

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        assert_int_equal(try_hours("mon", ends[i]), NGX_ERROR);
        assert_non_null(strstr((char *) error.data, "invalid end in range"));
    }

    assert_says(try_hours("sat", "22:00-06:00"),
                "range \"22:00-06:00\" does not end after its start, use "
                "\"22:00-30:00\" for an end on the following day");
    assert_says(try_hours("sat", "09:00-00:00"),
                "range \"09:00-00:00\" does not end after its start, use "
                "\"09:00-24:00\" for an end at midnight");
    assert_says(try_hours("sat", "00:00-00:00"),
                "range \"00:00-00:00\" does not end after its start, use "
                "\"00:00-24:00\" for an end at midnight");
    assert_says(try_hours("sat", "23:59-23:59"),
                "range \"23:59-23:59\" does not end after its start, use "
                "\"23:59-47:59\" for an end on the following day");

    /* of what was refused nothing is left */

    assert_int_equal(ngx_soporte_calendar_empty(&cal), 1);
}


static void
test_days(void **state)
{
    ngx_uint_t  i, j, open;
    static const struct {
        const char  *days;
        const char  *open;            /* from Sunday on */
    } sets[] = {
        { "mon-fri", "-12345-" }, { "sat", "------6" },
        { "sun-sat", "0123456" }, { "mon-sun", "0123456" },
        { "sat-mon", "01----6" }, { "mon,wed,fri", "-1-3-5-" },
        { "mon-tue,thu-fri", "-12-45-" }, { "wed-wed", "---3---" },
        { "mon,mon", "-1-----" }
    };

    for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        ngx_soporte_calendar_init(&cal, &tm.mem);
        ok(try_hours(sets[i].days, "09:00-18:00"));

        for (j = 0; j < 7; j++) {
            open = (cal.shifts[j].n == 1);
            assert_int_equal(open, sets[i].open[j] != '-');
        }
    }
}


static void
test_dates_refused(void **state)
{
    ngx_uint_t  i;
    static const char  *dates[] = {
        "", "2026-1-01", "26-01-01", "2026/01/01", "20260101", "2026-01-0x",
        "2026-01-01T00:00"
    };
    static const char  *missing[] = {
        "2027-02-29", "2026-13-01", "2026-00-01", "2026-01-32", "2026-01-00",
        "0000-01-01"
    };

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_int_equal(try_date(dates[i], "closed", NULL), NGX_ERROR);
        assert_non_null(strstr((char *) error.data,
                               "expected a form like \"2026-12-24\""));
    }

    for (i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        assert_int_equal(try_date(missing[i], "closed", NULL), NGX_ERROR);
        assert_non_null(strstr((char *) error.data, "\" does not exist"));
    }

    assert_int_equal(try_date("2026-12-24", NULL, NULL), NGX_ERROR);
    assert_int_equal(try_date("2026-12-24", "closed", "closed"), NGX_ERROR);
    assert_int_equal(try_date("2026-12-24", "09:00-10:00", "closed"),
                     NGX_ERROR);
    assert_int_equal(try_date("2026-12-24", "22:00-06:00", NULL), NGX_ERROR);

    /* a duplicate is one of a date that was taken */

    ok(try_date("2026-12-24", "closed", NULL));
    ok(try_date("2026-12-23", "closed", NULL));
    ok(try_date("2026-12-26", "closed", NULL));
    assert_says(try_date("2026-12-24", "09:00-10:00", NULL),
                "date \"2026-12-24\" is duplicate");
    assert_int_equal(cal.dates.n, 3);
}


static void
test_periods_refused(void **state)
{
    ngx_uint_t  i;
    static const char  *times[] = {
        "2026-12-30", "2026-12-30 13:00", "2026-12-30T13:00:00",
        "2026-12-30T1300", "2026-02-30T13:00", "2026-12-30T24:01",
        "2026-12-30T13:60", "2026-12-30Txx:00"
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(try_closed(times[i], "2027-01-01T00:00"), NGX_ERROR);
        assert_int_equal(try_open("2026-01-01T00:00", times[i]), NGX_ERROR);
    }

    assert_says(try_open("2026-12-30T13:00", "2026-12-30T13:00"),
                "\"2026-12-30T13:00\" is not after \"2026-12-30T13:00\"");

    ok(try_open("2026-12-30T23:00", "2026-12-30T24:00"));
    assert_int_equal(cal.closed.n, 0);
}


static void
test_timezone_refused(void **state)
{
    assert_says(ngx_soporte_calendar_done(&cal, &error),
                "no \"timezone\" in the calendar");
    assert_says(try_timezone("../etc/passwd"),
                "invalid timezone \"../etc/passwd\", expected a name like "
                "\"America/Mexico_City\"");
    ok(try_timezone("America/Mexico_City"));
    assert_says(try_timezone("America/Cancun"), "\"timezone\" is duplicate");
    assert_string_equal((char *) cal.timezone.data, "America/Mexico_City");
}


/* what a message quotes cannot forge a line of a log */

static void
test_message_is_one_line(void **state)
{
    assert_int_equal(try_hours("mon\nevil\033[", "09:00-18:00"), NGX_ERROR);
    assert_null(memchr(error.data, '\n', error.len));
    assert_null(memchr(error.data, '\033', error.len));
    assert_non_null(strstr((char *) error.data, "mon?evil?["));
}


static void
test_memory(void **state)
{
    size_t       left;
    ngx_uint_t   failures;
    ngx_int_t    rc[8];

    /* each allocation refused once: an error without a message, no crash */

    for (left = 1, failures = 0; left < 20; left++) {
        test_mem_free(&tm);
        ngx_soporte_calendar_init(&cal, test_mem(&tm));
        tm.left = left;

        rc[0] = try_timezone("UTC");
        rc[1] = try_hours("mon", "09:00-18:00");
        rc[2] = try_date("2026-12-24", "09:00-18:00", NULL);
        rc[3] = try_closed("2026-12-30T13:00", "2026-12-30T14:00");
        rc[4] = try_open("2026-12-30T13:00", "2026-12-30T14:00");
        rc[5] = try_ics("BEGIN:VCALENDAR\nEND:VCALENDAR\n");
        rc[6] = try_hours("mon", "22:00-06:00");

        assert_int_equal(rc[6], NGX_ERROR);

        if (tm.mem.failed) {
            assert_int_equal(error.len, 0);
            failures++;

        } else {
            assert_int_equal(rc[0] | rc[1] | rc[2] | rc[3] | rc[4] | rc[5],
                             NGX_OK);
        }
    }

    assert_in_range(failures, 8, 12);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_hours_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_days, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dates_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_periods_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timezone_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_message_is_one_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
