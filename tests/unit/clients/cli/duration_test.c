/* What --max-age may say, and how it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/duration.h"

#define SECOND_US INT64_C(1000000)

static void units_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1s", SECOND_US},
        {"90s", 90 * SECOND_US},
        {"15m", 15 * 60 * SECOND_US},
        {"12h", 12 * 3600 * SECOND_US},
        {"30d", 30 * 86400 * SECOND_US},
        {"106751991d", INT64_C(106751991) * 86400 * SECOND_US},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us = 0;
        assert_true(duration_parse(rows[i].text, &us));
        assert_int_equal(us, rows[i].us);
    }
}

static void anything_else_is_no_duration(void **state)
{
    static const char *const texts[] = {
        "",     "s",  "90",  "0s", "-1s",   "+1s",  " 1s",        "1 s",
        "1.5h", "1w", "1ss", "1S", "1h30m", "0x1s", "106751992d", "99999999999999999999s",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t us;
        assert_false(duration_parse(texts[i], &us));
    }
}

static void largest_unit_that_divides_is_told(void **state)
{
    char text[DURATION_TEXT_BYTES];

    (void)state;
    assert_string_equal(duration_format(1, text), "0.000001s");
    assert_string_equal(duration_format(90 * SECOND_US, text), "90s");
    assert_string_equal(duration_format(120 * SECOND_US, text), "2m");
    assert_string_equal(duration_format(30 * 86400 * SECOND_US, text), "30d");
    assert_string_equal(duration_format(1500000, text), "1.500000s");
    assert_string_equal(duration_format(INT64_MAX, text), "9223372036854.775807s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_told_apart),
        cmocka_unit_test(anything_else_is_no_duration),
        cmocka_unit_test(largest_unit_that_divides_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
