/* What operators do: pause, resume, retry, skip, resolve and terminate. */
#include "tests/unit/server/sagas/machine_testing.h"

static const Sagabase__V1__Outcome success = SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
static const Sagabase__V1__Outcome failure = SAGABASE__V1__OUTCOME__OUTCOME_FAILURE;

static void start_two_steps(void)
{
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    start();
}

/* --- pause ------------------------------------------------------------------------------------ */

static void a_paused_saga_takes_answers_and_issues_nothing(void **state)
{
    (void)state;
    start_two_steps();
    assert_ok(saga_run_pause(&run));
    assert_events("SagaPaused");
    assert_ok(saga_run_pause(&run));
    assert_no_events();
    succeed("a");
    assert_events("CommandSucceeded a");
    assert_ok(saga_run_resume(&run));
    assert_events("SagaResumed; CommandIssued do 1 b");
    assert_ok(saga_run_resume(&run));
    assert_no_events();
}

static void a_retry_that_fell_due_in_a_pause_comes_after_it(void **state)
{
    (void)state;
    start_two_steps();
    err("a", "Busy");
    assert_ok(saga_run_pause(&run));
    assert_true(saga_due_us(run.saga) == INT64_MAX);
    saga_run_wait(&run, 5000);
    assert_ok(saga_run_resume(&run));
    saga_run_wait(&run, 0);
    assert_events("CommandIssued do 2 a");
}

static void a_paused_saga_turns_backward_but_undoes_nothing_yet(void **state)
{
    (void)state;
    start_two_steps();
    succeed("a");
    assert_ok(saga_run_pause(&run));
    fail_with("b", "No");
    assert_events("CommandFailed 2 b; CompensationStarted");
    assert_ok(saga_run_resume(&run));
    assert_events("SagaResumed; CommandIssued undo 1 a");
}

static void time_goes_on_in_a_pause(void **state)
{
    (void)state;
    recipe.definition.run_timeout_ms = 60000;
    recipe_timer(&recipe, NULL, "nap", 5000);
    recipe_step(&recipe, NULL, "a");
    start();
    assert_ok(saga_run_pause(&run));
    saga_run_wait(&run, 5000);
    assert_events("NodeFinished 1 nap");
    saga_run_wait(&run, 60000);
    assert_events("CompensationStarted");
    assert_ok(saga_run_resume(&run));
    assert_events("SagaResumed; SagaCompensated");
}

/* --- retry -------------------------------------------------------------------------------------
 */

static void a_retried_step_is_issued_at_once_and_its_attempts_count_anew(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 2, 60000);
    start();
    assert_code(saga_run_retry(&run, "a"), STATUS_FAILED_PRECONDITION); /* it is out */
    err("a", "Busy");
    assert_ok(saga_run_retry(&run, "a"));
    assert_events("OperatorActed; CommandIssued do 2 a");
    err("a", "Busy");
    assert_events("CommandErrored a"); /* the first of two */
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 60000000);
}

static void a_retried_step_has_all_its_time_again(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->timeouts->schedule_to_close_ms = 10000;
    start();
    err("a", "Busy");
    saga_run_wait(&run, 500);
    assert_ok(saga_run_retry(&run, "a"));
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 10000000);
}

static void a_step_cannot_be_retried_when_there_is_nothing_to_retry(void **state)
{
    (void)state;
    recipe_timer(&recipe, NULL, "nap", 5000);
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    start();
    assert_code(saga_run_retry(&run, "none"), STATUS_NOT_FOUND);
    assert_code(saga_run_retry(&run, "a"), STATUS_NOT_FOUND); /* not reached yet */
    assert_code(saga_run_retry(&run, "nap"), STATUS_FAILED_PRECONDITION);
    saga_run_wait(&run, 5000);
    succeed("a");
    assert_code(saga_run_retry(&run, "a"), STATUS_FAILED_PRECONDITION);
    err("b", "Busy");
    assert_ok(saga_run_pause(&run));
    assert_code(saga_run_retry(&run, "b"), STATUS_FAILED_PRECONDITION);
}

/* --- skip and resolve ----------------------------------------------------------------------------
 */

static void a_skipped_step_counts_as_done_and_is_not_undone(void **state)
{
    (void)state;
    start_two_steps();
    assert_ok(saga_run_skip(&run, "a"));
    assert_events("OperatorActed; CommandFailed 4 a; CommandIssued do 1 b");
    assert_int_equal(saga_run_succeed(&run, "a"), SUPERSEDED);
    fail_with("b", "No");
    assert_events("CommandFailed 2 b; CompensationStarted; SagaCompensated");
}

static void a_skipped_pivot_is_passed(void **state)
{
    (void)state;
    recipe_pivot(&recipe, "p");
    recipe_retriable(&recipe, NULL, "r");
    start();
    assert_ok(saga_run_skip(&run, "p"));
    assert_code(saga_run_cancel(&run), STATUS_FAILED_PRECONDITION);
}

static void a_wait_can_be_skipped_but_not_what_holds_blocks(void **state)
{
    (void)state;
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "all");
    recipe_branch(&recipe, parallel, "b");
    recipe_wait(&recipe, recipe_block(&recipe, "b"), "money", "paid");
    start();
    assert_code(saga_run_skip(&run, "all"), STATUS_FAILED_PRECONDITION);
    assert_ok(saga_run_skip(&run, "money"));
    assert_events("OperatorActed; NodeFinished 4 money; NodeFinished 1 all; SagaCompleted");
}

static void a_step_is_resolved_in_the_participants_place(void **state)
{
    (void)state;
    start_two_steps();
    assert_ok(saga_run_resolve(&run, "a", success));
    assert_events("OperatorActed; CommandSucceeded a; CommandIssued do 1 b");
    assert_int_equal(saga_run_succeed(&run, "a"), DUPLICATE);
    assert_ok(saga_run_resolve(&run, "b", failure));
    assert_events("OperatorActed; CommandFailed 2 b; CompensationStarted; CommandIssued undo 1 a");
    assert_ok(saga_run_resolve(&run, "a", failure));
    assert_events("OperatorActed; CommandFailed 2 a; SagaParked a");
    assert_code(saga_run_resolve(&run, "a", failure), STATUS_FAILED_PRECONDITION);
    assert_ok(saga_run_resolve(&run, "a", success));
    assert_events("OperatorActed; SagaUnparked; CommandSucceeded a; SagaCompensated");
    assert_code(saga_run_resolve(&run, "a", success), STATUS_FAILED_PRECONDITION);
}

static void behind_the_pivot_nothing_can_be_resolved_to_fail(void **state)
{
    (void)state;
    recipe_pivot(&recipe, "p");
    recipe_retriable(&recipe, NULL, "r");
    start();
    succeed("p");
    assert_code(saga_run_resolve(&run, "r", failure), STATUS_FAILED_PRECONDITION);
    assert_ok(saga_run_resolve(&run, "r", success));
    assert_status(COMPLETED);
}

/* --- the end -------------------------------------------------------------------------------------
 */

static void a_terminated_saga_ends_as_it_stands(void **state)
{
    (void)state;
    start_two_steps();
    succeed("a");
    assert_ok(saga_run_terminate(&run));
    assert_events("SagaTerminated");
    assert_status(TERMINATED);
    assert_int_equal(saga_run_activity(&run, "b")->outcome, UNKNOWN);
    assert_int_equal(saga_run_succeed(&run, "b"), SUPERSEDED);
    assert_no_events(); /* nothing is written behind the end */
}

static void nothing_happens_to_a_saga_that_has_ended(void **state)
{
    (void)state;
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;
    recipe_step(&recipe, NULL, "a");
    start();
    succeed("a");
    signal.name = (char *)"x";
    signal.signal_id = (char *)"1";
    assert_code(saga_run_cancel(&run), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_terminate(&run), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_pause(&run), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_resume(&run), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_retry(&run, "a"), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_skip(&run, "a"), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_resolve(&run, "a", success), STATUS_FAILED_PRECONDITION);
    assert_code(saga_run_signal(&run, &signal), STATUS_FAILED_PRECONDITION);
    time_out("a", START_TO_CLOSE);
    assert_no_events();
}

/* What is underway may come to its end beside the new attempt. */
static void a_failure_of_what_was_issued_beside_an_ongoing_attempt_leaves_doubt(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    start();
    assert_int_equal(saga_run_ongoing(&run, "a", 5000), ACCEPTED);
    assert_ok(saga_run_retry(&run, "a"));
    assert_events("OperatorActed; CommandIssued do 2 a");
    fail_with("a", "No");
    assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
}

static void what_is_terminated_is_not_paused_any_more(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    start();
    assert_ok(saga_run_pause(&run));
    assert_ok(saga_run_terminate(&run));
    assert_status(TERMINATED);
    assert_false(run.saga->paused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(a_paused_saga_takes_answers_and_issues_nothing),
        row(a_retry_that_fell_due_in_a_pause_comes_after_it),
        row(a_paused_saga_turns_backward_but_undoes_nothing_yet),
        row(time_goes_on_in_a_pause),
        row(a_retried_step_is_issued_at_once_and_its_attempts_count_anew),
        row(a_retried_step_has_all_its_time_again),
        row(a_step_cannot_be_retried_when_there_is_nothing_to_retry),
        row(a_skipped_step_counts_as_done_and_is_not_undone),
        row(a_skipped_pivot_is_passed),
        row(a_wait_can_be_skipped_but_not_what_holds_blocks),
        row(a_step_is_resolved_in_the_participants_place),
        row(behind_the_pivot_nothing_can_be_resolved_to_fail),
        row(a_terminated_saga_ends_as_it_stands),
        row(nothing_happens_to_a_saga_that_has_ended),
        row(a_failure_of_what_was_issued_beside_an_ongoing_attempt_leaves_doubt),
        row(what_is_terminated_is_not_paused_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
