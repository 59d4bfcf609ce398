/* Times that are taken, and those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/iso_time.h"

static void expect_time(const char *text, int64_t expected_us)
{
    int64_t time_us;

    if (!iso_time_parse(bytes_of_text(text), &time_us))
        fail_msg("%s: refused", text);
    if (time_us != expected_us)
        fail_msg("%s: %lld", text, (long long)time_us);
}

static void expect_no_time(const char *text)
{
    int64_t time_us;

    if (iso_time_parse(bytes_of_text(text), &time_us))
        fail_msg("%s: taken", text);
}

static void dates_and_times_are_taken(void **state)
{
    (void)state;
    expect_time("1970-01-01T00:00:00Z", 0);
    expect_time("2026-11-21T01:02:03.000004Z", 1795222923000004);
    expect_time("2026-11-21t01:02:03z", 1795222923000000);
    expect_time("2026-11-21 01:02:03", 1795222923000000);
    expect_time("2026-11-21T01:02", 1795222920000000);
    expect_time("2026-11-21", 1795219200000000);
    expect_time("1969-12-31T23:59:59.5Z", -500000);
    expect_time("2024-02-29T00:00:00Z", 1709164800000000);
}

static void offsets_count(void **state)
{
    (void)state;
    expect_time("2011-10-11 13:45:40.276000+02:00", 1318333540276000);
    expect_time("2011-10-11T11:45:40.276Z", 1318333540276000);
    expect_time("2011-10-11T06:15:40.276-0530", 1318333540276000);
    expect_time("2011-10-11T13:45:40.276+02", 1318333540276000);
    expect_time("2011-10-11T11:45:40,276", 1318333540276000);
}

static void digits_beyond_microseconds_are_dropped(void **state)
{
    (void)state;
    expect_time("1970-01-01T00:00:00.123456789Z", 123456);
}

static void what_is_no_time_is_refused(void **state)
{
    const char *texts[] = {
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-29",
        "2026-00-10",
        "2026-01-32",
        "2026-1-1",
        "2026-01-01T",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00Zjunk",
        "0000-01-01",
        "2026-01-01X00:00:00",
        "1318333540",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_no_time(texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_times_are_taken),
        cmocka_unit_test(offsets_count),
        cmocka_unit_test(digits_beyond_microseconds_are_dropped),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
