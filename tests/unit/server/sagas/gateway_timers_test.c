/* What happens by itself: retries, timers, timeouts of leases, also behind a restart. The first
 * argument names the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/fault_engine.h"
#include "tests/support/gateway_fixture.h"

enum {
    SECOND_US = 1000000,
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    SUPERSEDED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED,
    RUNNING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
    COMPLETED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
    COMPENSATION = SAGABASE__V1__OPERATION__OPERATION_COMPENSATION,
};

static const char *engine_kind;
static struct gateway_fixture fixture;
static struct recipe recipe;

static int set_up(void **state)
{
    (void)state;
    gateway_fixture_open(&fixture, engine_kind);
    recipe_init(&recipe, "order");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    recipe_destroy(&recipe);
    gateway_fixture_close(&fixture);
    return 0;
}

static void put_and_join(void)
{
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    fixture_join(&fixture, "work", NULL, NULL);
}

static struct task next_task(void)
{
    struct task task;

    assert_true(fixture_await(&fixture, &task));
    return task;
}

static void assert_no_task(void)
{
    struct task task;

    assert_int_equal(fixture_take(&fixture, &task, 1), 0);
}

static void assert_reaches(const char *id, int status)
{
    assert_true(fixture_await_status(&fixture, "order", id, (Sagabase__V1__SagaStatus)status));
    assert_null(fixture_compare_rows(&fixture));
}

static void an_error_is_retried_after_the_back_off(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 3, 4000);
    put_and_join();
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task task = next_task();
    assert_int_equal(fixture_err(&fixture, task.command->command_id), ACCEPTED);
    assert_no_task();
    gateway_fixture_wait(&fixture, 4 * SECOND_US);
    struct task again = next_task();
    assert_int_equal(again.command->attempt, 2);
    assert_string_equal(again.command->command_id, task.command->command_id);
    assert_int_equal(fixture_succeed(&fixture, again.command->command_id, 0), ACCEPTED);
    assert_reaches("1", COMPLETED);
    assert_string_equal(fixture_events(&fixture, "$cmd-work"), "Do Do");
    assert_int_equal(gateway_counts(fixture.gateway).timers, 1);
}

static void a_retry_comes_behind_a_restart_too(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 3, 4000);
    put_and_join();
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_int_equal(fixture_err(&fixture, next_task().command->command_id), ACCEPTED);
    gateway_fixture_restart(&fixture);
    fixture_join(&fixture, "work", NULL, NULL);
    assert_no_task();
    gateway_fixture_wait(&fixture, 4 * SECOND_US);
    assert_int_equal(next_task().command->attempt, 2);
}

static void overdue_timers_fire_once_in_due_order(void **state)
{
    enum { SAGAS = 40 };
    struct task tasks[SAGAS];
    char id[16];
    size_t count = 0;

    (void)state;
    recipe_timer(&recipe, NULL, "sleep", 60000);
    recipe_step(&recipe, NULL, "a");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    for (int i = 0; i < SAGAS; i++) {
        snprintf(id, sizeof id, "%02d", i);
        assert_ok(fixture_start(&fixture, "order", id));
        manual_clock_advance(&fixture.clock, SECOND_US);
    }
    manual_clock_advance(&fixture.clock, 100 * SECOND_US); /* while nobody looks */
    gateway_fixture_restart(&fixture);
    gateway_look_at_clock(fixture.gateway);
    fixture_join(&fixture, "work", NULL, NULL);
    while (count < SAGAS)
        tasks[count++] = next_task();
    for (int i = 0; i < SAGAS; i++) {
        snprintf(id, sizeof id, "%02d", i);
        assert_string_equal(tasks[i].command->saga_id, id);
    }
    gateway_fixture_wait(&fixture, 20 * SECOND_US); /* the leases have 30 */
    gateway_fixture_restart(&fixture);
    assert_string_equal(fixture_events(&fixture, "$saga-order-07"),
                        "$SagaStarted $NodeEntered $NodeFinished $CommandIssued");
    assert_null(fixture_compare_rows(&fixture));
}

static void a_clock_that_is_set_back_fires_nothing_early_or_twice(void **state)
{
    (void)state;
    recipe_timer(&recipe, NULL, "sleep", 60000);
    recipe_step(&recipe, NULL, "a");
    put_and_join();
    assert_ok(fixture_start(&fixture, "order", "1"));
    atomic_fetch_add(&fixture.clock.wall_us, -3600 * (int64_t)SECOND_US);
    gateway_look_at_clock(fixture.gateway);
    assert_ok(fixture_start(&fixture, "order", "2")); /* a commit, at the time of the last one */
    assert_no_task();
    gateway_fixture_wait(&fixture, 3661 * (int64_t)SECOND_US);
    next_task();
    next_task();
    atomic_fetch_add(&fixture.clock.wall_us, -3600 * (int64_t)SECOND_US);
    gateway_fixture_wait(&fixture, 3661 * (int64_t)SECOND_US);
    assert_ok(fixture_start(&fixture, "order", "3"));
    assert_no_task();
}

static void a_lease_that_times_out_is_another_attempt(void **state)
{
    struct uuid told;

    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 3, 1000);
    put_and_join();
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task task = next_task();
    gateway_fixture_wait(&fixture, 30 * SECOND_US);
    assert_true(fixture_await_cancel(&fixture, &told));
    /* The first attempt's success still counts. */
    for (int i = 0; gateway_counts(fixture.gateway).timeouts == 0; i++)
        gateway_fixture_wait(&fixture, 0);
    gateway_fixture_wait(&fixture, SECOND_US);
    struct task again = next_task();
    assert_int_equal(again.command->attempt, 2);
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 1), ACCEPTED);
    assert_true(fixture_await_cancel(&fixture, &told)); /* who has the second attempt */
    assert_reaches("1", COMPLETED);
    assert_string_equal(
        fixture_events(&fixture, "$saga-order-1"),
        "$SagaStarted $CommandIssued $CommandTimedOut $CommandIssued $CommandSucceeded "
        "$SagaCompleted");
}

static void a_command_that_nobody_takes_fails_its_step(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->timeouts->schedule_to_start_ms = 5000;
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    assert_ok(fixture_start(&fixture, "order", "1"));
    gateway_fixture_wait(&fixture, 5 * SECOND_US);
    /* Nothing has happened, so there is nothing to undo. */
    assert_reaches("1", COMPENSATED);
    assert_string_equal(fixture_events(&fixture, "$cmd-work"), "Do");
}

static void an_answer_that_never_comes_is_compensated(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 1, 1000);
    put_and_join();
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task lost = next_task();
    gateway_fixture_wait(&fixture, 30 * SECOND_US);
    struct uuid told;
    assert_true(fixture_await_cancel(&fixture, &told));
    struct task undo = next_task();
    assert_int_equal(undo.command->operation, COMPENSATION);
    assert_int_equal(fixture_succeed(&fixture, lost.command->command_id, 0), SUPERSEDED);
    assert_int_equal(fixture_succeed(&fixture, undo.command->command_id, 0), ACCEPTED);
    assert_reaches("1", COMPENSATED);
}

static void a_timer_that_is_refused_comes_again(void **state)
{
    (void)state;
    recipe_timer(&recipe, NULL, "sleep", 60000);
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    assert_ok(fixture_start(&fixture, "order", "1"));
    fault_engine_set_room(fixture.store.engine, false);
    gateway_fixture_wait(&fixture, 60 * SECOND_US);
    for (int i = 0; i < 100; i++)
        gateway_look_at_clock(fixture.gateway);
    assert_int_equal(fixture_status(&fixture, "order", "1"), RUNNING);
    fault_engine_set_room(fixture.store.engine, true);
    assert_reaches("1", COMPLETED);
}

/* One branch has to wait for an operator, the other has only to be done. */
static void what_is_out_beside_a_parked_loop_is_handed_out_behind_a_restart(void **state)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    struct saga_reply answer = {.reply = &reply};
    Sagabase__V1__Parallel *parallel;

    (void)state;
    recipe_pivot(&recipe, "p");
    parallel = recipe_parallel(&recipe, NULL, "all");
    recipe_branch(&recipe, parallel, "bx");
    recipe_branch(&recipe, parallel, "by");
    recipe_loop(&recipe, recipe_block(&recipe, "bx"), "often", "body", "x.code", "more", 1);
    recipe_retriable(&recipe, recipe_block(&recipe, "by"), "y");
    recipe_retriable(&recipe, recipe_block(&recipe, "body"), "x");
    put_and_join();
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
    success.code = "more";
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    reply.command_id = next_task().command->command_id; /* of x */
    assert_ok(fixture_reply_with(&fixture, &answer));
    assert_reaches("1", SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED);
    gateway_fixture_restart(&fixture);
    fixture_join(&fixture, "work", NULL, NULL);
    assert_string_equal(next_task().command->step, "y");
}

#define timers_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        timers_test(an_error_is_retried_after_the_back_off),
        timers_test(a_retry_comes_behind_a_restart_too),
        timers_test(overdue_timers_fire_once_in_due_order),
        timers_test(a_clock_that_is_set_back_fires_nothing_early_or_twice),
        timers_test(a_lease_that_times_out_is_another_attempt),
        timers_test(a_command_that_nobody_takes_fails_its_step),
        timers_test(an_answer_that_never_comes_is_compensated),
        timers_test(a_timer_that_is_refused_comes_again),
        timers_test(what_is_out_beside_a_parked_loop_is_handed_out_behind_a_restart),
    };

    engine_kind = argc > 1 ? argv[1] : "memory";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
