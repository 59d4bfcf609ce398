/* Parallel, choice, loop, timer, waits and approvals; and what a cancel does to them. */
#include <stdio.h>

#include "tests/unit/server/sagas/machine_testing.h"

static void succeed_with_code(const char *node, const char *code)
{
    assert_int_equal(saga_run_succeed_with(&run, node, "", code), ACCEPTED);
}

static Sagabase__V1__Signal signal_of(const char *name, const char *id)
{
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;

    signal.name = (char *)name;
    signal.signal_id = (char *)id;
    signal.approved = true;
    return signal;
}

/* --- parallel --------------------------------------------------------------------------------- */

/* Branches x, y and z of a step each, then step d. */
static Sagabase__V1__Parallel *add_three_branches(void)
{
    static const char *const blocks[] = {"bx", "by", "bz"}, *const steps[] = {"x", "y", "z"};
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "all");

    for (unsigned i = 0; i < 3; i++) {
        recipe_branch(&recipe, parallel, blocks[i]);
        recipe_step(&recipe, recipe_block(&recipe, blocks[i]), steps[i]);
    }
    recipe_step(&recipe, NULL, "d");
    return parallel;
}

static void a_parallel_is_done_when_all_branches_are(void **state)
{
    (void)state;
    add_three_branches();
    start();
    assert_events("SagaStarted; NodeEntered all; CommandIssued do 1 x; CommandIssued do 1 y; "
                  "CommandIssued do 1 z");
    succeed("y");
    assert_events("CommandSucceeded y");
    succeed("x");
    succeed("z");
    assert_events("CommandSucceeded z; NodeFinished 1 all; CommandIssued do 1 d");
}

static void a_parallel_of_any_goes_on_with_the_first_and_withdraws_the_others(void **state)
{
    (void)state;
    add_three_branches()->join = SAGABASE__V1__JOIN__JOIN_ANY;
    start();
    succeed("y");
    assert_events("CommandSucceeded y; CommandFailed 3 z; CommandFailed 3 x; NodeFinished 1 all; "
                  "CommandIssued do 1 d");
    assert_int_equal(saga_run_succeed(&run, "x"), SUPERSEDED);
    fail_with("d", "No");
    /* z and x may have happened, too. */
    assert_events("CommandFailed 2 d; CompensationStarted; CommandIssued undo 1 z");
    succeed("z");
    succeed("y");
    assert_events("CommandSucceeded y; CommandIssued undo 1 x");
}

/* A pause holds back what would begin, and does not change what has been decided. */
static void a_parallel_of_any_is_done_with_the_first_also_while_paused(void **state)
{
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "all");
    Sagabase__V1__Choice *choice;

    (void)state;
    parallel->join = SAGABASE__V1__JOIN__JOIN_ANY;
    recipe_branch(&recipe, parallel, "bx");
    recipe_branch(&recipe, parallel, "by");
    choice = recipe_choice(&recipe, recipe_block(&recipe, "bx"), "either");
    recipe_case(&recipe, choice, "no", SAGABASE__V1__COMPARISON__COMPARISON_NOT_EQUAL, "", "in");
    recipe_step(&recipe, recipe_block(&recipe, "in"), "x");
    recipe_step(&recipe, recipe_block(&recipe, "by"), "y");
    recipe_step(&recipe, NULL, "d");
    start();
    assert_ok(saga_run_pause(&run));
    succeed("x");
    assert_events("CommandSucceeded x; NodeFinished 1 either; CommandFailed 3 y; "
                  "NodeFinished 1 all");
    assert_int_equal(saga_run_fail(&run, "y", "No"), SUPERSEDED);
    assert_ok(saga_run_resume(&run));
    assert_events("SagaResumed; CommandIssued do 1 d");
}

static void a_parallel_of_two_counts_branches(void **state)
{
    (void)state;
    Sagabase__V1__Parallel *parallel = add_three_branches();
    parallel->join = SAGABASE__V1__JOIN__JOIN_COUNT;
    parallel->join_count = 2;
    start();
    succeed("x");
    assert_events("CommandSucceeded x");
    assert_int_equal(saga_run_succeed(&run, "x"), DUPLICATE);
    succeed("z");
    assert_events("CommandSucceeded z; CommandFailed 3 y; NodeFinished 1 all; "
                  "CommandIssued do 1 d");
}

static void when_a_branch_fails_the_answers_of_the_others_are_waited_for(void **state)
{
    (void)state;
    add_three_branches();
    start();
    succeed("x");
    fail_with("y", "No");
    assert_events("CommandFailed 2 y; CompensationStarted; NodeFinished 3 all");
    assert_int_equal(saga_due_us(run.saga) - run.now_us, 10000000);
    succeed("z");
    assert_events("CommandSucceeded z; CommandIssued undo 1 z");
    succeed("z");
    succeed("x");
    assert_status(COMPENSATED);
}

static void or_not_for_longer_than_the_definition_says(void **state)
{
    (void)state;
    recipe.definition.withdraw_after_ms = 300;
    add_three_branches();
    start();
    fail_with("y", "No");
    saga_run_wait(&run, 300);
    assert_events("CommandFailed 3 z; CommandFailed 3 x; CommandIssued undo 1 z");
}

static void or_not_at_all_if_the_parallel_says_so(void **state)
{
    (void)state;
    add_three_branches()->on_failure = SAGABASE__V1__ON_FAILURE__ON_FAILURE_CANCEL;
    start();
    fail_with("y", "No");
    assert_events("CommandFailed 2 y; CompensationStarted; CommandFailed 3 z; CommandFailed 3 x; "
                  "NodeFinished 3 all; CommandIssued undo 1 z");
}

static void while_answers_are_waited_for_nothing_is_retried(void **state)
{
    (void)state;
    add_three_branches();
    recipe.definition.blocks[2]->nodes[0]->step->idempotent = true;
    start();
    fail_with("y", "No");
    err("z", "Busy"); /* idempotent: it has not happened */
    assert_events("CommandFailed 2 z");
    saga_run_ongoing(&run, "x", 1000);
    assert_events("CommandFailed 3 x; CommandIssued undo 1 x");
}

static void a_branch_in_backoff_is_closed_at_once(void **state)
{
    (void)state;
    add_three_branches();
    recipe.definition.blocks[0]->nodes[0]->step->idempotent = true;
    start();
    err("x", "Busy");
    err("z", "Busy");
    fail_with("y", "No");
    /* x is idempotent, so an error leaves no doubt. */
    assert_events("CommandFailed 2 y; CompensationStarted; CommandFailed 3 z; CommandFailed 2 x; "
                  "NodeFinished 3 all; CommandIssued undo 1 z");
}

/* --- choice and loop ---------------------------------------------------------------------------
 */

static void add_choice(Sagabase__V1__Comparison comparison, const char *value)
{
    Sagabase__V1__Choice *choice;

    recipe_step(&recipe, NULL, "a");
    choice = recipe_choice(&recipe, NULL, "which");
    recipe_case(&recipe, choice, "a.code", comparison, value, "yes");
    choice->otherwise = (char *)"no";
    recipe_step(&recipe, recipe_block(&recipe, "yes"), "y");
    recipe_step(&recipe, recipe_block(&recipe, "no"), "n");
}

static void a_choice_takes_the_case_that_holds(void **state)
{
    static const struct {
        Sagabase__V1__Comparison comparison;
        const char *value, *code;
        bool holds;
    } cases[] = {
        {SAGABASE__V1__COMPARISON__COMPARISON_EQUAL, "red", "red", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_EQUAL, "red", "blue", false},
        {SAGABASE__V1__COMPARISON__COMPARISON_EQUAL, "red", "", false},
        {SAGABASE__V1__COMPARISON__COMPARISON_NOT_EQUAL, "red", "", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_NOT_EQUAL, "red", "red", false},
        {SAGABASE__V1__COMPARISON__COMPARISON_LESS, "10", "9", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_LESS, "10", "9x", false},
        {SAGABASE__V1__COMPARISON__COMPARISON_GREATER, "10", "9", false},
        {SAGABASE__V1__COMPARISON__COMPARISON_GREATER, "10", "9x", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_GREATER, "-3", "2.5e1", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_IN, "red", "red", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_EXISTS, NULL, "red", true},
        {SAGABASE__V1__COMPARISON__COMPARISON_EXISTS, NULL, "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recipe_destroy(&recipe);
        recipe_init(&recipe, "order");
        add_choice(cases[i].comparison, cases[i].value);
        start();
        succeed_with_code("a", cases[i].code);
        if (cases[i].holds)
            assert_events("CommandSucceeded a; NodeEntered which; CommandIssued do 1 y");
        else
            assert_events("CommandSucceeded a; NodeEntered which; CommandIssued do 1 n");
        assert_string_equal(run.decision.events[1]->node_entered->block,
                            cases[i].holds ? "yes" : "no");
        if (i + 1 < sizeof cases / sizeof *cases)
            saga_run_destroy(&run);
    }
}

static void a_choice_without_a_case_that_holds_goes_on(void **state)
{
    (void)state;
    Sagabase__V1__Choice *choice = recipe_choice(&recipe, NULL, "which");
    recipe_case(&recipe, choice, "color", SAGABASE__V1__COMPARISON__COMPARISON_EQUAL, "red", "b");
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x");
    start();
    assert_events("SagaStarted; NodeEntered which; NodeFinished 1 which; SagaCompleted");
}

static void add_loop(uint32_t iterations)
{
    recipe_loop(&recipe, NULL, "often", "body", "x.code", "more", iterations);
    recipe_step(&recipe, recipe_block(&recipe, "body"), "x");
    recipe_step(&recipe, NULL, "d");
}

static void a_loop_runs_while_its_condition_holds(void **state)
{
    (void)state;
    add_loop(5);
    start();
    succeed_with_code("x", "more");
    assert_events("CommandSucceeded x; CommandIssued do 1 x");
    succeed_with_code("x", "more");
    succeed_with_code("x", ""); /* the old code is gone */
    assert_events("CommandSucceeded x; NodeFinished 1 often; CommandIssued do 1 d");
    fail_with("d", "No");
    succeed("x");
    succeed("x");
    assert_events("CommandSucceeded x; CommandIssued undo 1 x");
    succeed("x");
    assert_status(COMPENSATED);
}

static void a_loop_at_its_limit_has_failed(void **state)
{
    (void)state;
    add_loop(2);
    start();
    succeed_with_code("x", "more");
    succeed_with_code("x", "more");
    assert_events("CommandSucceeded x; NodeFinished 2 often; CompensationStarted; "
                  "CommandIssued undo 1 x");
    assert_string_equal(run.decision.events[2]->compensation_started->cause->type, "$loop_limit");
}

static void a_loop_at_its_limit_behind_the_pivot_is_parked(void **state)
{
    (void)state;
    recipe_pivot(&recipe, "p");
    recipe_loop(&recipe, NULL, "often", "body", "x.code", "more", 1);
    recipe_retriable(&recipe, recipe_block(&recipe, "body"), "x");
    recipe_retriable(&recipe, NULL, "d");
    start();
    succeed("p");
    succeed_with_code("x", "more");
    assert_events("CommandSucceeded x; SagaParked often");
    assert_code(saga_run_retry(&run, "often"), STATUS_FAILED_PRECONDITION);
    assert_ok(saga_run_skip(&run, "often"));
    assert_events("OperatorActed; SagaUnparked; NodeFinished 4 often; CommandIssued do 1 d");
    assert_null(run.saga->cause); /* of being parked, which it is not any more */
}

/* --- waiting
 * --------------------------------------------------------------------------------------- */

static void a_timer_ends_when_it_is_time(void **state)
{
    (void)state;
    recipe_timer(&recipe, NULL, "nap", 5000);
    recipe_step(&recipe, NULL, "a");
    start();
    saga_run_wait(&run, 4999);
    assert_events("SagaStarted; NodeEntered nap");
    saga_run_wait(&run, 1);
    assert_events("NodeFinished 1 nap; CommandIssued do 1 a");
}

static void a_signal_ends_the_wait_for_it(void **state)
{
    (void)state;
    Sagabase__V1__Signal sent = signal_of("sent", "1"), paid = signal_of("paid", "2");
    recipe_wait(&recipe, NULL, "money", "paid");
    recipe_step(&recipe, NULL, "a");
    start();
    assert_ok(saga_run_signal(&run, &sent));
    assert_events("SignalReceived");
    assert_ok(saga_run_signal(&run, &paid));
    assert_events("SignalReceived; NodeFinished 1 money; CommandIssued do 1 a");
    assert_ok(saga_run_signal(&run, &paid));
    assert_true(run.decision.duplicate);
    assert_no_events();
}

static void a_signal_that_came_before_the_wait_is_kept(void **state)
{
    (void)state;
    Sagabase__V1__Signal paid = signal_of("paid", "1");
    recipe_step(&recipe, NULL, "a");
    recipe_wait(&recipe, NULL, "money", "paid");
    start();
    assert_ok(saga_run_signal(&run, &paid));
    succeed("a");
    assert_events("CommandSucceeded a; NodeEntered money; NodeFinished 1 money; SagaCompleted");
    assert_ok(saga_run_signal(&run, &paid)); /* once more, after the end */
    assert_true(run.decision.duplicate);
}

static void a_signal_is_matched_by_its_key(void **state)
{
    (void)state;
    Sagabase__V1__Signal paid = signal_of("paid", "1");
    Sagabase__V1__Attribute order = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&order};
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    recipe_wait(&recipe, NULL, "money", "paid")->key_attribute = (char *)"order";
    saga_run_init(&run, recipe_definition(&recipe));
    order.name = (char *)"order";
    order.value = (char *)"77";
    request.type = (char *)"order";
    request.id = (char *)"1";
    request.attributes = attributes;
    request.n_attributes = 1;
    assert_ok(saga_run_start_with(&run, &request));
    paid.key = (char *)"78";
    assert_ok(saga_run_signal(&run, &paid));
    assert_events("SignalReceived");
    paid.signal_id = (char *)"2";
    paid.key = (char *)"77";
    assert_ok(saga_run_signal(&run, &paid));
    assert_events("SignalReceived; NodeFinished 1 money; SagaCompleted");
}

static void a_wait_that_is_over_fails_or_goes_on(void **state)
{
    (void)state;
    Sagabase__V1__WaitEvent *wait = recipe_wait(&recipe, NULL, "money", "paid");
    wait->timeout_ms = 100;
    wait->on_timeout = SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
    recipe_wait(&recipe, NULL, "more", "paid")->timeout_ms = 100;
    start();
    saga_run_wait(&run, 100);
    assert_events("NodeFinished 1 money; NodeEntered more");
    assert_string_equal(run.decision.events[0]->node_finished->attributes[0]->name, "money.code");
    assert_string_equal(run.decision.events[0]->node_finished->attributes[0]->value, "TIMEOUT");
    saga_run_wait(&run, 100);
    assert_events("NodeFinished 2 more; CompensationStarted; SagaCompensated");
}

static void an_approval_is_decided_by_those_who_may(void **state)
{
    (void)state;
    Sagabase__V1__Signal decision = signal_of("ok", "1");
    Sagabase__V1__Approval *approval = recipe_approval(&recipe, NULL, "ok");
    recipe_append(&recipe, &approval->principals, &approval->n_principals, (char *)"boss");
    recipe_step(&recipe, NULL, "a");
    start();
    decision.principal = (char *)"clerk";
    assert_code(saga_run_signal(&run, &decision), STATUS_PERMISSION_DENIED);
    decision.principal = (char *)"boss";
    assert_ok(saga_run_signal(&run, &decision));
    assert_events("SignalReceived; NodeFinished 1 ok; CommandIssued do 1 a");
}

static void a_rejection_turns_the_saga_backward(void **state)
{
    (void)state;
    Sagabase__V1__Signal decision = signal_of("ok", "1");
    recipe_approval(&recipe, NULL, "ok");
    start();
    decision.approved = false;
    assert_ok(saga_run_signal(&run, &decision));
    assert_events("SignalReceived; NodeFinished 2 ok; CompensationStarted; SagaCompensated");
    assert_string_equal(run.decision.events[2]->compensation_started->cause->type, "$rejected");
}

static void an_approval_nobody_gave_follows_its_default(void **state)
{
    (void)state;
    Sagabase__V1__Approval *approval = recipe_approval(&recipe, NULL, "ok");
    approval->timeout_ms = 100;
    approval->default_decision = SAGABASE__V1__APPROVAL_DEFAULT__APPROVAL_DEFAULT_APPROVE;
    recipe_approval(&recipe, NULL, "really")->timeout_ms = 100;
    start();
    saga_run_wait(&run, 100);
    assert_events("NodeFinished 1 ok; NodeEntered really");
    saga_run_wait(&run, 100);
    assert_events("NodeFinished 2 really; CompensationStarted; SagaCompensated");
}

static void signals_may_come_with_the_start(void **state)
{
    (void)state;
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Signal paid = signal_of("paid", "1"), *signals[] = {&paid, &paid};
    recipe_wait(&recipe, NULL, "money", "paid");
    saga_run_init(&run, recipe_definition(&recipe));
    request.type = (char *)"order";
    request.id = (char *)"1";
    request.signals = signals;
    request.n_signals = 2;
    assert_ok(saga_run_start_with(&run, &request));
    assert_events("SagaStarted; SignalReceived; NodeEntered money; NodeFinished 1 money; "
                  "SagaCompleted");
}

/* A wait cannot know its key before a step in another branch has given it. */
static void a_kept_signal_is_taken_when_its_key_is_known(void **state)
{
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "all");
    Sagabase__V1__Signal paid = signal_of("paid", "1");

    (void)state;
    recipe_branch(&recipe, parallel, "bx");
    recipe_branch(&recipe, parallel, "by");
    recipe_wait(&recipe, recipe_block(&recipe, "bx"), "w", "paid")->key_attribute = "pay.code";
    recipe_step(&recipe, recipe_block(&recipe, "by"), "pay");
    start();
    paid.key = "42";
    assert_ok(saga_run_signal(&run, &paid));
    assert_events("SignalReceived");
    succeed_with_code("pay", "42");
    assert_status(COMPLETED);
}

/* The room is for those that nothing waits for. */
static void a_signal_that_is_waited_for_needs_no_room(void **state)
{
    char id[8];

    (void)state;
    recipe_wait(&recipe, NULL, "w", "paid");
    start();
    for (int i = 0; i < SAGA_SIGNALS_MAX; i++) {
        snprintf(id, sizeof id, "%d", i);
        Sagabase__V1__Signal other = signal_of("other", id);
        assert_ok(saga_run_signal(&run, &other));
    }
    Sagabase__V1__Signal paid = signal_of("paid", "paid");
    assert_ok(saga_run_signal(&run, &paid));
    assert_status(COMPLETED);
}

static void kept_signals_are_bounded(void **state)
{
    (void)state;
    char id[16];
    recipe_step(&recipe, NULL, "a");
    start();
    for (unsigned i = 0; i <= SAGA_SIGNALS_MAX; i++) {
        snprintf(id, sizeof id, "%u", i);
        Sagabase__V1__Signal signal = signal_of("x", id);
        assert_code(saga_run_signal(&run, &signal),
                    i < SAGA_SIGNALS_MAX ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED);
    }
    assert_int_equal(run.saga->signal_count, SAGA_SIGNALS_MAX);
}

static void outputs_and_attributes_are_bounded(void **state)
{
    (void)state;
    struct saga_input input = {.kind = INPUT_REPLY};
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    static uint8_t data[SAGA_PAYLOAD_BYTES_MAX];
    recipe_loop(&recipe, NULL, "often", "body", "x.code", "more", 100);
    recipe_step(&recipe, recipe_block(&recipe, "body"), "x");
    start();
    payload.data.data = data;
    payload.data.len = sizeof data;
    success.output = &payload;
    success.code = (char *)"more";
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    for (unsigned i = 0; i < SAGA_PAYLOADS_BYTES_MAX / SAGA_PAYLOAD_BYTES_MAX; i++)
        assert_int_equal(saga_run_reply(&run, "x", &reply), ACCEPTED);
    input.reply.activity = saga_run_find(&run, "x");
    input.reply.reply = &reply;
    assert_code(saga_run_input(&run, &input), STATUS_RESOURCE_EXHAUSTED);
    payload.data.len = 0; /* without it the command can still be answered */
    success.code = (char *)"";
    assert_ok(saga_run_input(&run, &input));
    assert_status(COMPLETED);
}

/* Gives the saga so many attributes in all. */
static void fill_with_attributes(uint32_t count)
{
    Sagabase__V1__Attribute attribute = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&attribute};
    char name[12];

    attribute.name = name;
    for (uint32_t i = 0; i < count; i++) {
        Sagabase__V1__Signal signal = signal_of("other", name);
        snprintf(name, sizeof name, "n%u", i);
        signal.attributes = attributes;
        signal.n_attributes = 1;
        assert_ok(saga_run_signal(&run, &signal));
    }
    assert_int_equal(run.saga->attribute_count, count);
}

static void codes_that_are_there_need_no_room(void **state)
{
    Sagabase__V1__WaitEvent *wait = recipe_wait(&recipe, NULL, "w", "paid");

    (void)state;
    wait->timeout_ms = 1000;
    wait->on_timeout = SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
    recipe_loop(&recipe, NULL, "twice", "body", "a.code", "more", 2);
    recipe_step(&recipe, recipe_block(&recipe, "body"), "a");
    start();
    fill_with_attributes(SAGA_ATTRIBUTES_MAX - 2);
    saga_run_wait(&run, 1000);
    assert_int_equal(run.saga->attribute_count, SAGA_ATTRIBUTES_MAX - 1);
    succeed_with_code("a", "more");
    assert_int_equal(run.saga->attribute_count, SAGA_ATTRIBUTES_MAX);
    succeed_with_code("a", "last");
    assert_status(COMPLETED);
}

/* --- cancelled
 * ------------------------------------------------------------------------------------ */

static void a_cancelled_saga_waits_for_its_open_command_then_goes_back(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    start();
    succeed("a");
    assert_ok(saga_run_cancel(&run));
    assert_events("CancelRequested; CompensationStarted");
    assert_ok(saga_run_cancel(&run));
    assert_no_events();
    succeed("b");
    assert_events("CommandSucceeded b; CommandIssued undo 1 b");
    succeed("b");
    succeed("a");
    assert_status(COMPENSATED);
    assert_ok(saga_run_cancel(&run)); /* that is how it went */
    assert_no_events();
}

static void a_cancelled_wait_is_over_at_once(void **state)
{
    (void)state;
    Sagabase__V1__Signal late = signal_of("paid", "1");
    recipe_step(&recipe, NULL, "a");
    recipe_wait(&recipe, NULL, "money", "paid");
    start();
    succeed("a");
    assert_ok(saga_run_cancel(&run));
    assert_events("CancelRequested; CompensationStarted; NodeFinished 3 money; "
                  "CommandIssued undo 1 a");
    assert_code(saga_run_signal(&run, &late), STATUS_FAILED_PRECONDITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(a_parallel_is_done_when_all_branches_are),
        row(a_parallel_of_any_goes_on_with_the_first_and_withdraws_the_others),
        row(a_parallel_of_any_is_done_with_the_first_also_while_paused),
        row(a_parallel_of_two_counts_branches),
        row(when_a_branch_fails_the_answers_of_the_others_are_waited_for),
        row(or_not_for_longer_than_the_definition_says),
        row(or_not_at_all_if_the_parallel_says_so),
        row(while_answers_are_waited_for_nothing_is_retried),
        row(a_branch_in_backoff_is_closed_at_once),
        row(a_choice_takes_the_case_that_holds),
        row(a_choice_without_a_case_that_holds_goes_on),
        row(a_loop_runs_while_its_condition_holds),
        row(a_loop_at_its_limit_has_failed),
        row(a_loop_at_its_limit_behind_the_pivot_is_parked),
        row(a_timer_ends_when_it_is_time),
        row(a_signal_ends_the_wait_for_it),
        row(a_signal_that_came_before_the_wait_is_kept),
        row(a_signal_is_matched_by_its_key),
        row(a_wait_that_is_over_fails_or_goes_on),
        row(an_approval_is_decided_by_those_who_may),
        row(a_rejection_turns_the_saga_backward),
        row(an_approval_nobody_gave_follows_its_default),
        row(signals_may_come_with_the_start),
        row(a_kept_signal_is_taken_when_its_key_is_known),
        row(a_signal_that_is_waited_for_needs_no_room),
        row(kept_signals_are_bounded),
        row(outputs_and_attributes_are_bounded),
        row(codes_that_are_there_need_no_room),
        row(a_cancelled_saga_waits_for_its_open_command_then_goes_back),
        row(a_cancelled_wait_is_over_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
