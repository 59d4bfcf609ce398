/* Different names are counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "clients/cli/name_set.h"

static void each_name_counts_once(void **state)
{
    enum { NAMES = 5000 }; /* more than the set starts with */
    struct name_set set;

    (void)state;
    name_set_init(&set);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NAMES; i++) {
            char name[32];
            snprintf(name, sizeof name, "stream-%d", i);
            name_set_add(&set, bytes_of_text(name));
        }
    assert_int_equal(set.count, NAMES);
    name_set_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_name_counts_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
