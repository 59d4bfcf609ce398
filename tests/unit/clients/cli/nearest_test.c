/* Names that may have been meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/nearest.h"

static const char *meant(const char *typed)
{
    const char *names[] = {"append", "read", "subscribe", "stream list", "import"};
    struct nearest nearest = nearest_to(typed, strlen(typed));

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        nearest_offer(&nearest, names[i]);
    return nearest.found;
}

static void a_slip_is_understood(void **state)
{
    (void)state;
    assert_string_equal(meant("apend"), "append");
    assert_string_equal(meant("subscrbie"), "subscribe");
    assert_string_equal(meant("raed"), "read");
    assert_string_equal(meant("imports"), "import");
}

static void something_else_is_not_guessed_at(void **state)
{
    (void)state;
    assert_null(meant("delete"));
    assert_null(meant("x"));
    assert_null(meant("a-name-that-is-longer-than-any-name-that-a-command-or-an-option-may-have"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_is_understood),
        cmocka_unit_test(something_else_is_not_guessed_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
