/* What --from may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/place.h"

static void edges_and_numbers_are_places(void **state)
{
    struct place place;

    (void)state;
    assert_true(place_parse(NULL, &place));
    assert_int_equal(place.kind, PLACE_UNTOLD);
    assert_true(place_parse("start", &place));
    assert_int_equal(place.edge, SAGABASE__V1__EDGE__EDGE_START);
    assert_true(place_parse("end", &place));
    assert_int_equal(place.kind, PLACE_EDGE);
    assert_int_equal(place.edge, SAGABASE__V1__EDGE__EDGE_END);
    assert_true(place_parse("42", &place));
    assert_int_equal(place.kind, PLACE_NUMBER);
    assert_int_equal(place.number, 42);
}

static void anything_else_is_none(void **state)
{
    const char *texts[] = {"", "-1", "4x", " 4", "begin", "99999999999999999999"};
    struct place place;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (place_parse(texts[i], &place))
            fail_msg("%s: taken", texts[i]);
}

static void place_is_a_number_or_a_time(void **state)
{
    struct place place;

    (void)state;
    assert_true(status_ok(place_read("7", NULL, &place)));
    assert_int_equal(place.kind, PLACE_NUMBER);
    assert_true(status_ok(place_read(NULL, "1970-01-01T00:00:01Z", &place)));
    assert_int_equal(place.kind, PLACE_TIME);
    assert_int_equal(place.time_us, 1000000);
    assert_string_equal(place_read("7", "1970-01-01", &place).message,
                        "either --from or --since, not both");
    assert_int_equal(place_read(NULL, "1969-12-31", &place).code, STATUS_INVALID_ARGUMENT);
    assert_int_equal(place_read(NULL, "soon", &place).code, STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_and_numbers_are_places),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(place_is_a_number_or_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
