#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void assert_text(int64_t wall_us, const char *expected)
{
    char text[CLOCK_TEXT_BYTES];

    clock_format_us(wall_us, text);
    assert_string_equal(text, expected);
}

static void time_is_written_in_utc_with_microseconds(void **state)
{
    (void)state;
    assert_text(0, "1970-01-01T00:00:00.000000Z");
    assert_text(1, "1970-01-01T00:00:00.000001Z");
    assert_text(951782400000000, "2000-02-29T00:00:00.000000Z");
    assert_text(1700000000123456, "2023-11-14T22:13:20.123456Z");
}

static void time_before_1970_counts_forwards_too(void **state)
{
    (void)state;
    assert_text(-1, "1969-12-31T23:59:59.999999Z");
    assert_text(-1000000, "1969-12-31T23:59:59.000000Z");
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    const struct clock *clock = system_clock();
    int64_t previous = clock_monotonic_us(clock);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_us(clock);
        assert_true(now >= previous);
        previous = now;
    }
}

static void the_wall_clock_is_in_this_century(void **state)
{
    (void)state;
    assert_true(clock_wall_us(system_clock()) > 946684800000000);
    assert_true(clock_wall_us(system_clock()) < 4102444800000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_written_in_utc_with_microseconds),
        cmocka_unit_test(time_before_1970_counts_forwards_too),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_is_in_this_century),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
