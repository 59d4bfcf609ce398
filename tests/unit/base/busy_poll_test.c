/* Looking before sleeping. Goal: it costs nothing where nothing comes, and next to nothing where
 * what comes is late. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>

#include "base/busy_poll.h"

enum { MOST_US = 150 };

/* A machine of several processors, whatever this one has. */
static struct busy_poll fresh(void)
{
    return (struct busy_poll){.most_us = MOST_US};
}

/* Waits from `now_us` on for what comes `gap_us` later; true: it would look when that comes. */
static bool is_awake_for(struct busy_poll *poll, int64_t now_us, int64_t gap_us)
{
    busy_poll_begin(poll, now_us);
    bool awake = busy_poll_again(poll, now_us + gap_us);
    busy_poll_end(poll, now_us + gap_us);
    return awake;
}

static void it_sleeps_until_something_has_come_soon(void **state)
{
    struct busy_poll poll = fresh();

    (void)state;
    assert_false(is_awake_for(&poll, 0, 1000000));
    assert_false(is_awake_for(&poll, 2000000, MOST_US - 1));
    assert_true(is_awake_for(&poll, 3000000, MOST_US - 1));
}

static void it_looks_no_longer_than_allowed(void **state)
{
    struct busy_poll poll = fresh();

    (void)state;
    is_awake_for(&poll, 0, 1);
    busy_poll_begin(&poll, 1000);
    assert_true(busy_poll_again(&poll, 1000));
    assert_true(busy_poll_again(&poll, 1000 + MOST_US - 1));
    assert_false(busy_poll_again(&poll, 1000 + MOST_US));
}

static void it_looks_in_vain_only_once(void **state)
{
    struct busy_poll poll = fresh();

    (void)state;
    is_awake_for(&poll, 0, 1);
    assert_false(is_awake_for(&poll, 1000, MOST_US));
    assert_false(is_awake_for(&poll, 2000, 10));
    assert_true(is_awake_for(&poll, 3000, 10));
}

static void without_time_for_it_it_never_looks(void **state)
{
    struct busy_poll poll;

    (void)state;
    busy_poll_init(&poll, 0);
    is_awake_for(&poll, 0, 0);
    assert_false(is_awake_for(&poll, 0, 0));
}

static void with_one_processor_it_never_looks(void **state)
{
    struct busy_poll poll;
    cpu_set_t all, one;
    int first = 0;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    busy_poll_init(&poll, MOST_US);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    is_awake_for(&poll, 0, 0);
    assert_false(is_awake_for(&poll, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_sleeps_until_something_has_come_soon),
        cmocka_unit_test(it_looks_no_longer_than_allowed),
        cmocka_unit_test(it_looks_in_vain_only_once),
        cmocka_unit_test(without_time_for_it_it_never_looks),
        cmocka_unit_test(with_one_processor_it_never_looks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
