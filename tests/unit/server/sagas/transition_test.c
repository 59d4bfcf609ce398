/* What a saga does with each input: the rows of the state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/saga_recipe.h"
#include "tests/support/saga_run.h"

#define assert_code(expression, expected)                                                          \
    do {                                                                                           \
        struct status assert_status = (expression);                                                \
        if (assert_status.code != (expected))                                                      \
            fail_msg("%s: %s", #expression, assert_status.message);                                \
    } while (0)

#define assert_ok(expression) assert_code(expression, STATUS_OK)

enum {
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    DUPLICATE = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE,
    SUPERSEDED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED,
    COMPLETED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
    PARKED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED,
    TERMINATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED,
    RUNNING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
    COMPENSATING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING,
};

static struct recipe recipe;
static struct saga_run run;

static int set_up(void **state)
{
    (void)state;
    recipe_init(&recipe, "order");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    saga_run_destroy(&run);
    recipe_destroy(&recipe);
    return 0;
}

/* Runs what the recipe has become. */
static void start(void)
{
    saga_run_init(&run, recipe_definition(&recipe));
    assert_ok(saga_run_start(&run));
}

/* Steps a, b and c. */
static void start_three_steps(void)
{
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    recipe_step(&recipe, NULL, "c");
    start();
}

static void steps_are_done_one_after_another(void **state)
{
    (void)state;
    start_three_steps();
    assert_string_equal(saga_run_events(&run), "SagaStarted; CommandIssued do 1 a");
    assert_int_equal(saga_run_succeed(&run, "a"), ACCEPTED);
    assert_string_equal(saga_run_events(&run), "CommandSucceeded a; CommandIssued do 1 b");
    assert_int_equal(saga_run_succeed(&run, "b"), ACCEPTED);
    assert_int_equal(saga_run_succeed(&run, "c"), ACCEPTED);
    assert_string_equal(saga_run_events(&run), "CommandSucceeded c; SagaCompleted");
    assert_int_equal(run.saga->status, COMPLETED);
    assert_int_equal(run.saga->event_count, 8);
}

static void a_failure_undoes_what_was_done_the_newest_first(void **state)
{
    (void)state;
    start_three_steps();
    saga_run_succeed(&run, "a");
    saga_run_succeed(&run, "b");
    assert_int_equal(saga_run_fail(&run, "c", "NoStock"), ACCEPTED);
    assert_string_equal(saga_run_events(&run),
                        "CommandFailed 2 c; CompensationStarted; CommandIssued undo 1 b");
    assert_int_equal(saga_run_succeed(&run, "b"), ACCEPTED);
    assert_string_equal(saga_run_events(&run), "CommandSucceeded b; CommandIssued undo 1 a");
    assert_int_equal(saga_run_succeed(&run, "a"), ACCEPTED);
    assert_string_equal(saga_run_events(&run), "CommandSucceeded a; SagaCompensated");
    assert_int_equal(run.saga->status, COMPENSATED);
}

#define row(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(steps_are_done_one_after_another),
        row(a_failure_undoes_what_was_done_the_newest_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
