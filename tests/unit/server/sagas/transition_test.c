/* What a saga of steps does with each input: the rows of the state machine. */
#include "tests/unit/server/sagas/machine_testing.h"

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
    assert_events("SagaStarted; CommandIssued do 1 a");
    succeed("a");
    assert_events("CommandSucceeded a; CommandIssued do 1 b");
    succeed("b");
    succeed("c");
    assert_events("CommandSucceeded c; SagaCompleted");
    assert_status(COMPLETED);
    assert_int_equal(run.saga->event_count, 8);
    assert_true(saga_due_us(run.saga) == INT64_MAX);
}

/* --- going backward ------------------------------------------------------------------------- */

static void a_failure_undoes_what_was_done_the_newest_first(void **state)
{
    (void)state;
    start_three_steps();
    succeed("a");
    succeed("b");
    fail_with("c", "NoStock");
    assert_events("CommandFailed 2 c; CompensationStarted; CommandIssued undo 1 b");
    assert_string_equal(run.decision.events[1]->compensation_started->cause->type, "NoStock");
    succeed("b");
    assert_events("CommandSucceeded b; CommandIssued undo 1 a");
    succeed("a");
    assert_events("CommandSucceeded a; SagaCompensated");
    assert_string_equal(run.decision.events[1]->saga_compensated->cause->type, "NoStock");
    assert_status(COMPENSATED);
}

static void a_failure_of_the_first_step_undoes_nothing(void **state)
{
    (void)state;
    start_three_steps();
    fail_with("a", "NoStock");
    assert_events("CommandFailed 2 a; CompensationStarted; SagaCompensated");
}

static void a_step_that_says_so_is_compensated_on_failure(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->compensate_on_failure = true;
    start();
    fail_with("a", "Half");
    assert_events("CommandFailed 2 a; CompensationStarted; CommandIssued undo 1 a");
}

static void a_step_with_nothing_to_undo_is_not_compensated(void **state)
{
    (void)state;
    Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
    a->compensation = NULL;
    a->nothing_to_undo = true;
    recipe_step(&recipe, NULL, "b");
    start();
    succeed("a");
    fail_with("b", "No");
    assert_events("CommandFailed 2 b; CompensationStarted; SagaCompensated");
}

/* --- retries --------------------------------------------------------------------------------- */

static void an_error_is_retried_with_growing_intervals(void **state)
{
    (void)state;
    Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
    a->retry = recipe_retry(&recipe, 0, 100);
    a->retry->maximum_interval_ms = 300;
    start();
    static const int64_t intervals_ms[] = {100, 200, 300, 300};
    for (uint32_t i = 0; i < 4; i++) {
        err("a", "Busy");
        assert_int_equal(saga_due_us(run.saga) - run.now_us, intervals_ms[i] * 1000);
        saga_run_wait(&run, intervals_ms[i]);
        assert_int_equal(run.decision.events[0]->command_issued->attempt, i + 2);
    }
}

static void the_default_interval_is_a_second_then_two(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    start();
    err("a", "Busy");
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 1000000);
    saga_run_wait(&run, 1000);
    err("a", "Busy");
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 2000000);
}

static void a_reply_may_override_the_interval_once(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Error error = SAGABASE__V1__ERROR__INIT;
    recipe_step(&recipe, NULL, "a");
    start();
    error.next_retry_delay_ms = 7;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
    reply.error = &error;
    assert_int_equal(saga_run_reply(&run, "a", &reply), ACCEPTED);
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 7000);
    saga_run_wait(&run, 7);
    err("a", "Busy");
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 2000000);
}

static void jitter_spreads_intervals_and_is_the_same_each_time(void **state)
{
    int64_t first_us = 0, other_us = 0;
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 0, 10000);
    recipe.definition.nodes[0]->step->retry->jitter = SAGABASE__V1__JITTER__JITTER_FULL;
    for (unsigned i = 0; i < 3; i++) {
        saga_run_init(&run, recipe_definition(&recipe));
        run.secret.bytes[0] = i == 2; /* another command id */
        assert_ok(saga_run_start(&run));
        err("a", "Busy");
        int64_t due_us = saga_due_us(run.saga) - run.now_us;
        assert_true(due_us > 0 && due_us <= 10000000);
        if (i == 1)
            assert_int_equal(due_us, first_us);
        first_us = i == 0 ? due_us : first_us;
        other_us = due_us;
        if (i < 2)
            saga_run_destroy(&run);
    }
    assert_int_not_equal(first_us, other_us);
}

static void used_up_attempts_leave_doubt_unless_the_step_is_idempotent(void **state)
{
    (void)state;
    for (unsigned idempotent = 0; idempotent < 2; idempotent++) {
        recipe_destroy(&recipe);
        recipe_init(&recipe, "order");
        Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
        a->retry = recipe_retry(&recipe, 2, 10);
        a->idempotent = idempotent;
        start();
        err("a", "Busy");
        assert_events("CommandErrored a");
        saga_run_wait(&run, 10);
        err("a", "Busy");
        if (idempotent)
            assert_events("CommandFailed 2 a; CompensationStarted; SagaCompensated");
        else
            assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
        if (idempotent == 0)
            saga_run_destroy(&run);
    }
}

static void an_error_that_is_not_retryable_ends_the_step(void **state)
{
    (void)state;
    Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
    a->retry = recipe_retry(&recipe, 0, 10);
    a->idempotent = true;
    recipe_append(&recipe, &a->retry->non_retryable_error_types,
                  &a->retry->n_non_retryable_error_types, (char *)"Forbidden");
    start();
    err("a", "Busy");
    saga_run_wait(&run, 10);
    err("a", "Forbidden");
    assert_events("CommandFailed 2 a; CompensationStarted; SagaCompensated");
}

static void many_attempts_call_for_attention(void **state)
{
    unsigned calls = 0;
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 0, 10);
    start();
    for (unsigned i = 1; i <= 40; i++) {
        err("a", "Busy");
        bool called = run.decision.event_count == 2;
        assert_int_equal(called, i == 5 || i == 10 || i == 20 || i == 40);
        calls += called;
        saga_run_wait(&run, 1000);
    }
    assert_int_equal(calls, 4);
}

/* --- timeouts -------------------------------------------------------------------------------- */

static void an_attempt_that_takes_too_long_is_retried(void **state)
{
    (void)state;
    start_three_steps();
    time_out("a", START_TO_CLOSE);
    assert_events("CommandTimedOut a");
    saga_run_wait(&run, 1000);
    assert_events("CommandIssued do 2 a");
    time_out("a", HEARTBEAT);
    assert_events("CommandTimedOut a");
}

static void a_step_whose_last_attempt_timed_out_is_unknown_and_undone(void **state)
{
    (void)state;
    Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
    a->retry = recipe_retry(&recipe, 1, 10);
    a->idempotent = true;
    start();
    time_out("a", START_TO_CLOSE);
    assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
    assert_int_equal(saga_run_activity(&run, "a")->outcome, UNKNOWN);
}

static void a_failure_after_a_timeout_leaves_doubt(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->idempotent = true;
    start();
    time_out("a", START_TO_CLOSE);
    saga_run_wait(&run, 1000);
    fail_with("a", "No");
    assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
}

static void a_timeout_of_an_older_attempt_does_nothing(void **state)
{
    struct saga_input input = {.kind = INPUT_TIMEOUT};
    (void)state;
    start_three_steps();
    err("a", "Busy");
    saga_run_wait(&run, 1000);
    input.timeout.attempt = 1;
    input.timeout.kind = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE;
    assert_ok(saga_run_input(&run, &input));
    assert_no_events();
}

static void a_command_that_nobody_took_has_failed_and_is_not_retried(void **state)
{
    (void)state;
    start_three_steps();
    succeed("a");
    nobody_took("b");
    assert_events("CommandFailed 2 b; CompensationStarted; CommandIssued undo 1 a");
}

static void a_command_that_somebody_may_have_taken_is_unknown(void **state)
{
    (void)state;
    start_three_steps();
    time_out("a", SCHEDULE_TO_START);
    assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
}

static void the_time_over_all_attempts_ends_the_step(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->timeouts->schedule_to_close_ms = 2500;
    start();
    err("a", "Busy");
    saga_run_wait(&run, 1000);
    assert_events("CommandIssued do 2 a");
    saga_run_wait(&run, 1500);
    assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
    assert_string_equal(run.decision.events[0]->command_failed->error->type,
                        "$timeout.schedule_to_close");
}

static void a_retry_that_would_come_too_late_is_not_waited_for(void **state)
{
    (void)state;
    Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
    a->timeouts->schedule_to_close_ms = 900;
    a->idempotent = true;
    start();
    err("a", "Busy"); /* the next attempt would be after 1,000 ms */
    assert_events("CommandFailed 2 a; CompensationStarted; SagaCompensated");
}

static void the_run_timeout_turns_the_saga_backward(void **state)
{
    (void)state;
    recipe.definition.run_timeout_ms = 60000;
    start_three_steps();
    succeed("a");
    saga_run_wait(&run, 60000);
    assert_events("CompensationStarted");
    assert_string_equal(run.decision.events[0]->compensation_started->cause->type, "$timeout.run");
    saga_run_wait(&run, 10000);
    assert_events("CommandFailed 3 b; CommandIssued undo 1 b");
}

/* --- ongoing --------------------------------------------------------------------------------- */

static void what_is_ongoing_is_asked_again_and_burns_no_attempt(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 2, 10);
    start();
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(saga_run_ongoing(&run, "a", 500), ACCEPTED);
        assert_events("CommandOngoing a");
        saga_run_wait(&run, 500);
        assert_int_equal(run.decision.events[0]->command_issued->attempt, i + 2);
        assert_true(run.decision.events[0]->command_issued->check);
    }
    err("a", "Busy");
    assert_events("CommandErrored a"); /* the first of two attempts */
    saga_run_wait(&run, 10);
    succeed("a");
    assert_status(COMPLETED);
}

static void what_is_ongoing_may_succeed_before_it_is_asked(void **state)
{
    (void)state;
    start_three_steps();
    saga_run_ongoing(&run, "a", 500);
    assert_int_equal(saga_run_ongoing(&run, "a", 500), DUPLICATE);
    succeed("a");
    assert_events("CommandSucceeded a; CommandIssued do 1 b");
}

/* --- replies that come twice, late or for nothing --------------------------------------------- */

static void a_repeated_reply_gets_the_recorded_outcome(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Outcome recorded;
    start_three_steps();
    succeed("a");
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    assert_int_equal(saga_check_reply(run.saga, 0, false, &reply, &recorded), DUPLICATE);
    assert_int_equal(recorded, SUCCESS);
    assert_int_equal(saga_check_reply(run.saga, 1, true, &reply, &recorded), UNKNOWN_COMMAND);
    assert_int_equal(saga_check_reply(run.saga, 2, false, &reply, &recorded), UNKNOWN_COMMAND);
    reply.attempt = 2;
    assert_int_equal(saga_check_reply(run.saga, 1, false, &reply, &recorded), UNKNOWN_COMMAND);
}

static void a_success_of_an_older_attempt_counts_while_the_step_is_open(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    start_three_steps();
    time_out("a", START_TO_CLOSE);
    saga_run_wait(&run, 1000);
    reply.attempt = 1;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    assert_int_equal(saga_run_reply(&run, "a", &reply), ACCEPTED);
    assert_events("CommandSucceeded a; CommandIssued do 1 b");
    assert_int_equal(saga_run_succeed(&run, "a"), DUPLICATE); /* of the second */
}

/* The newer one may be in somebody's hands, and succeed. */
static void a_failure_of_an_older_attempt_leaves_doubt(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Failure failure = SAGABASE__V1__FAILURE__INIT;
    recipe_step(&recipe, NULL, "a")->idempotent = true;
    start();
    err("a", "Busy");
    saga_run_wait(&run, 1000);
    reply.attempt = 1;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
    reply.failure = &failure;
    assert_int_equal(saga_run_reply(&run, "a", &reply), ACCEPTED);
    assert_events("CommandFailed 3 a; CompensationStarted; CommandIssued undo 1 a");
}

static void an_error_of_an_older_attempt_does_not(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Error error = SAGABASE__V1__ERROR__INIT;
    start_three_steps();
    err("a", "Busy");
    assert_int_equal(saga_run_error(&run, "a", "Busy"), DUPLICATE); /* while it waits */
    saga_run_wait(&run, 1000);
    reply.attempt = 1;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
    reply.error = &error;
    assert_int_equal(saga_run_reply(&run, "a", &reply), DUPLICATE);
}

static void a_late_reply_is_refused_and_leaves_at_most_ten_notes(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Outcome recorded;
    struct saga_input input = {.kind = INPUT_LATE_REPLY};
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 1, 10);
    start();
    time_out("a", START_TO_CLOSE);
    assert_status(COMPENSATING);
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    assert_int_equal(saga_check_reply(run.saga, 0, false, &reply, &recorded), SUPERSEDED);
    assert_int_equal(recorded, UNKNOWN);
    input.reply.reply = &reply;
    for (unsigned i = 0; i < 12; i++) {
        assert_ok(saga_run_input(&run, &input));
        assert_int_equal(run.decision.event_count, i < 10);
    }
}

/* --- compensations that do not go well ----------------------------------------------------------
 */

static void a_compensation_is_retried_until_it_works(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 1, 10);
    recipe_step(&recipe, NULL, "b");
    start();
    succeed("a");
    fail_with("b", "No");
    for (unsigned i = 0; i < 30; i++) {
        if (i % 2)
            err("a", "Busy");
        else
            time_out("a", START_TO_CLOSE);
        assert_status(COMPENSATING);
        saga_run_wait(&run, 2000);
    }
    succeed("a");
    assert_status(COMPENSATED);
}

static void a_compensation_that_fails_parks_the_saga(void **state)
{
    (void)state;
    start_three_steps();
    succeed("a");
    succeed("b");
    fail_with("c", "NoStock");
    fail_with("b", "Shipped");
    assert_events("CommandFailed 2 b; SagaParked b");
    assert_status(PARKED);
    assert_ok(saga_run_retry(&run, "b"));
    assert_events("OperatorActed; SagaUnparked; CommandIssued undo 2 b");
    succeed("b");
    succeed("a");
    /* The first cause, not that of the parking. */
    assert_string_equal(run.decision.events[1]->saga_compensated->cause->type, "NoStock");
}

static void used_up_attempts_of_a_compensation_park_the_saga(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->compensation_retry = recipe_retry(&recipe, 2, 10);
    recipe_step(&recipe, NULL, "b");
    start();
    succeed("a");
    fail_with("b", "No");
    err("a", "Busy");
    saga_run_wait(&run, 10);
    time_out("a", START_TO_CLOSE);
    assert_events("CommandFailed 3 a; SagaParked a");
}

static void a_late_success_of_a_parked_compensation_ends_the_parking(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a")->compensation_retry = recipe_retry(&recipe, 1, 10);
    recipe_step(&recipe, NULL, "b");
    start();
    succeed("a");
    fail_with("b", "No");
    time_out("a", START_TO_CLOSE);
    assert_status(PARKED);
    assert_int_equal(saga_run_fail(&run, "a", "No"), SUPERSEDED);
    succeed("a");
    assert_events("SagaUnparked; CommandSucceeded a; SagaCompensated");
}

static void of_several_that_others_went_on_without_the_newest_parks_the_saga(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    for (unsigned i = 0; i < 2; i++)
        recipe_step(&recipe, NULL, names[i])->on_compensation_failure =
            SAGABASE__V1__COMPENSATION_FAILURE__COMPENSATION_FAILURE_CONTINUE;
    recipe_step(&recipe, NULL, "c");
    start();
    succeed("a");
    succeed("b");
    fail_with("c", "No");
    fail_with("b", "Shipped");
    fail_with("a", "Shipped");
    assert_events("CommandFailed 2 a; SagaParked b");
    assert_ok(saga_run_retry(&run, "a")); /* whichever the operator can mend first */
    succeed("a");
    assert_events("CommandSucceeded a; SagaParked b");
    assert_ok(saga_run_resolve(&run, "b", SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS));
    assert_status(COMPENSATED);
}

static void others_go_on_without_a_compensation_that_says_so(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b")->on_compensation_failure =
        SAGABASE__V1__COMPENSATION_FAILURE__COMPENSATION_FAILURE_CONTINUE;
    recipe_step(&recipe, NULL, "c");
    start();
    succeed("a");
    succeed("b");
    fail_with("c", "No");
    fail_with("b", "Shipped");
    assert_events("CommandFailed 2 b; CommandIssued undo 1 a");
    assert_status(COMPENSATING);
    succeed("a");
    assert_events("CommandSucceeded a; SagaParked b");
    assert_ok(saga_run_skip(&run, "b"));
    assert_events("OperatorActed; SagaUnparked; CommandFailed 4 b; SagaCompensated");
}

/* --- too little memory ----------------------------------------------------------------------- */

/* Whatever the arena's limit, the decision is whole, or nothing has changed, or it says broken. */
static void a_full_arena_never_leaves_half_a_decision_unsaid(void **state)
{
    (void)state;
    unsigned unchanged = 0, half = 0;
    start_three_steps();
    succeed("a");
    struct saga_input input = {.kind = INPUT_CANCEL};
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    struct bytes before, after;
    input.cancel = &request;
    input.now_us = run.now_us;
    assert_ok(saga_encode(run.saga, &run.arena, &before));
    for (size_t bytes_max = 0;; bytes_max += 16) {
        struct saga_decision decision;
        struct arena arena;
        struct saga *saga;
        bool broken;
        arena_init(&arena, bytes_max);
        assert_ok(saga_decode(before, run.definition, &saga));
        struct status status = saga_decide(saga, &input, &run.secret, &arena, &decision, &broken);
        assert_ok(saga_encode(saga, &run.arena, &after));
        assert_int_equal(status_ok(status) || broken, !bytes_equal(before, after));
        unchanged += !status_ok(status) && !broken;
        half += broken;
        saga_free(saga);
        arena_destroy(&arena);
        if (status_ok(status))
            break;
        assert_int_equal(status.code, STATUS_RESOURCE_EXHAUSTED);
    }
    assert_true(unchanged > 0 && half > 0);
}

/* --- the pivot -----------------------------------------------------------------------------------
 */

static void start_with_pivot(void)
{
    recipe_step(&recipe, NULL, "a");
    recipe_pivot(&recipe, "p")->retry = recipe_retry(&recipe, 1, 10);
    recipe_retriable(&recipe, NULL, "r");
    start();
}

static void behind_the_pivot_a_failure_is_retried_and_cancel_is_refused(void **state)
{
    (void)state;
    start_with_pivot();
    succeed("a");
    succeed("p");
    assert_true(run.saga->past_pivot);
    for (unsigned i = 0; i < 12; i++) {
        if (i % 3 == 0)
            fail_with("r", "No");
        else if (i % 3 == 1)
            err("r", "Busy");
        else
            time_out("r", START_TO_CLOSE);
        assert_status(RUNNING);
        assert_code(saga_run_cancel(&run), STATUS_FAILED_PRECONDITION);
        saga_run_wait(&run, 200000);
    }
    succeed("r");
    assert_status(COMPLETED);
}

static void the_run_timeout_does_nothing_behind_the_pivot(void **state)
{
    (void)state;
    recipe.definition.run_timeout_ms = 1000;
    start_with_pivot();
    succeed("a");
    succeed("p");
    saga_run_wait(&run, 5000);
    assert_status(RUNNING);
    assert_true(saga_due_us(run.saga) == INT64_MAX);
}

static void a_pivot_that_failed_undoes_what_came_before(void **state)
{
    (void)state;
    start_with_pivot();
    succeed("a");
    fail_with("p", "No");
    assert_events("CommandFailed 2 p; CompensationStarted; CommandIssued undo 1 a");
}

static void a_pivot_nobody_knows_of_parks_the_saga(void **state)
{
    (void)state;
    start_with_pivot();
    succeed("a");
    time_out("p", START_TO_CLOSE);
    assert_events("CommandFailed 3 p; CompensationStarted; SagaParked p");
    assert_code(saga_run_retry(&run, "p"), STATUS_FAILED_PRECONDITION);
    assert_ok(saga_run_resolve(&run, "p", SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS));
    assert_events("OperatorActed; SagaUnparked; CommandSucceeded p; CommandIssued undo 1 a");
    succeed("a");
    assert_status(COMPENSATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(steps_are_done_one_after_another),
        row(a_failure_undoes_what_was_done_the_newest_first),
        row(a_failure_of_the_first_step_undoes_nothing),
        row(a_step_that_says_so_is_compensated_on_failure),
        row(a_step_with_nothing_to_undo_is_not_compensated),
        row(an_error_is_retried_with_growing_intervals),
        row(the_default_interval_is_a_second_then_two),
        row(a_reply_may_override_the_interval_once),
        row(jitter_spreads_intervals_and_is_the_same_each_time),
        row(used_up_attempts_leave_doubt_unless_the_step_is_idempotent),
        row(an_error_that_is_not_retryable_ends_the_step),
        row(many_attempts_call_for_attention),
        row(an_attempt_that_takes_too_long_is_retried),
        row(a_step_whose_last_attempt_timed_out_is_unknown_and_undone),
        row(a_failure_after_a_timeout_leaves_doubt),
        row(a_timeout_of_an_older_attempt_does_nothing),
        row(a_command_that_nobody_took_has_failed_and_is_not_retried),
        row(a_command_that_somebody_may_have_taken_is_unknown),
        row(the_time_over_all_attempts_ends_the_step),
        row(a_retry_that_would_come_too_late_is_not_waited_for),
        row(the_run_timeout_turns_the_saga_backward),
        row(what_is_ongoing_is_asked_again_and_burns_no_attempt),
        row(what_is_ongoing_may_succeed_before_it_is_asked),
        row(a_repeated_reply_gets_the_recorded_outcome),
        row(a_success_of_an_older_attempt_counts_while_the_step_is_open),
        row(a_failure_of_an_older_attempt_leaves_doubt),
        row(an_error_of_an_older_attempt_does_not),
        row(a_late_reply_is_refused_and_leaves_at_most_ten_notes),
        row(a_compensation_is_retried_until_it_works),
        row(a_compensation_that_fails_parks_the_saga),
        row(used_up_attempts_of_a_compensation_park_the_saga),
        row(a_late_success_of_a_parked_compensation_ends_the_parking),
        row(of_several_that_others_went_on_without_the_newest_parks_the_saga),
        row(others_go_on_without_a_compensation_that_says_so),
        row(a_full_arena_never_leaves_half_a_decision_unsaid),
        row(behind_the_pivot_a_failure_is_retried_and_cancel_is_refused),
        row(the_run_timeout_does_nothing_behind_the_pivot),
        row(a_pivot_that_failed_undoes_what_came_before),
        row(a_pivot_nobody_knows_of_parks_the_saga),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
