#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/status.h"

static void a_message_is_formatted(void **state)
{
    (void)state;
    struct status status = status_make(STATUS_INVALID_ARGUMENT, "events: 1 to %d", 10000);
    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    assert_string_equal(status.message, "events: 1 to 10000");
    assert_false(status_ok(status));
    assert_true(status_ok(OK));
}

static void a_long_message_is_truncated(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct status status = status_make(STATUS_INTERNAL, "%s", text);
    assert_int_equal(strlen(status.message), sizeof status.message - 1);
}

static void truncation_leaves_whole_characters(void **state)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\x89"};
    static const char *const starts[] = {"", "a", "ab", "abc"};

    (void)state;
    for (size_t c = 0; c < 3; c++)
        for (size_t start = 0; start < 4; start++) {
            char text[4 * 200 + 1] = {0};
            size_t width = c + 2;
            for (size_t i = 0; i < 200; i++)
                memcpy(text + i * width, characters[c], width);
            struct status status = status_make(STATUS_NOT_FOUND, "%s%s", starts[start], text);
            size_t size = strlen(status.message);
            assert_int_equal((size - start) % width, 0);
            assert_true(size + width >= sizeof status.message);
        }
}

static void codes_have_the_names_of_grpc(void **state)
{
    (void)state;
    assert_string_equal(status_code_name(STATUS_OK), "OK");
    assert_string_equal(status_code_name(STATUS_ABORTED), "ABORTED");
    assert_string_equal(status_code_name(STATUS_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(status_code_name((enum status_code)17), "UNKNOWN");
}

static int attempts;

static struct status fail_once(void)
{
    attempts++;
    TRY(attempts == 1 ? status_make(STATUS_ABORTED, "first") : OK);
    return status_make(STATUS_NOT_FOUND, "went on");
}

static void try_returns_the_first_failure(void **state)
{
    (void)state;
    assert_int_equal(fail_once().code, STATUS_ABORTED);
    assert_int_equal(fail_once().code, STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_formatted),
        cmocka_unit_test(a_long_message_is_truncated),
        cmocka_unit_test(truncation_leaves_whole_characters),
        cmocka_unit_test(codes_have_the_names_of_grpc),
        cmocka_unit_test(try_returns_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
