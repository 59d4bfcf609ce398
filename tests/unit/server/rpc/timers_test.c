/* Timers of a loop. Goal: they are taken in the order of their times, whatever was set, moved
 * or unset before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rpc/timers.h"

enum { MANY = 200 };

static void earliest_is_taken_first(void **state)
{
    struct timers timers = {0};
    struct timer all[MANY] = {0};
    int64_t last_us = 0;

    (void)state;
    for (int64_t i = 0; i < MANY; i++)
        timers_set(&timers, &all[i], i * 7919 % MANY); /* each time once, out of order */
    for (int i = 0; i < MANY; i++) {
        struct timer *timer = timers_take(&timers, MANY);
        assert_non_null(timer);
        assert_int_equal(timer->due_us, last_us++);
    }
    assert_null(timers_take(&timers, INT64_MAX));
    timers_destroy(&timers);
}

static void nothing_is_taken_before_its_time(void **state)
{
    struct timers timers = {0};
    struct timer timer = {0};

    (void)state;
    assert_true(timers_due_us(&timers) == INT64_MAX);
    timers_set(&timers, &timer, 100);
    assert_int_equal(timers_due_us(&timers), 100);
    assert_null(timers_take(&timers, 99));
    assert_ptr_equal(timers_take(&timers, 100), &timer);
    timers_destroy(&timers);
}

static void timer_that_is_set_again_moves(void **state)
{
    struct timers timers = {0};
    struct timer a = {0}, b = {0};

    (void)state;
    timers_set(&timers, &a, 10);
    timers_set(&timers, &b, 20);
    timers_set(&timers, &a, 30);
    assert_ptr_equal(timers_take(&timers, 100), &b);
    timers_set(&timers, &b, 40);
    timers_set(&timers, &b, 5);
    assert_ptr_equal(timers_take(&timers, 100), &b);
    assert_ptr_equal(timers_take(&timers, 100), &a);
    assert_null(timers_take(&timers, 100));
    timers_destroy(&timers);
}

static void timers_that_are_unset_leave_the_others_in_order(void **state)
{
    struct timers timers = {0};
    struct timer all[MANY] = {0};
    int64_t last_us = -1;

    (void)state;
    for (int64_t i = 0; i < MANY; i++)
        timers_set(&timers, &all[i], i * 7919 % MANY);
    for (int i = 0; i < MANY; i += 2)
        timers_unset(&timers, &all[i]);
    timers_unset(&timers, &all[0]); /* allowed */
    for (int i = 0; i < MANY / 2; i++) {
        struct timer *timer = timers_take(&timers, MANY);
        assert_int_equal((timer - all) % 2, 1);
        assert_true(timer->due_us > last_us);
        last_us = timer->due_us;
    }
    timers_destroy(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earliest_is_taken_first),
        cmocka_unit_test(nothing_is_taken_before_its_time),
        cmocka_unit_test(timer_that_is_set_again_moves),
        cmocka_unit_test(timers_that_are_unset_leave_the_others_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
