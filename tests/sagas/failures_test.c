/* What was tested to fail: a test for each row of the failure table in docs/sagas.md, against the
 * server as its users have it. Behind each the oracle judges the whole store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/sagas/failures.h"

/* --- starting --------------------------------------------------------------------------------- */

static void f1_a_start_whose_client_dies_first_leaves_nothing(void **state)
{
    struct rpc_client *rpc = stage_rpc_client();
    struct rpc_call *call = rpc_call_open(rpc, SAGAS "StartSaga", 0);

    (void)state;
    define(ONE);
    rpc_call_free(call);
    rpc_client_free(rpc);
    expect_no_saga("1");
    expect_started("1", STARTED);
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f2_a_start_that_is_not_durable_leaves_nothing(void **state)
{
    Sagabase__V1__StartOutcome outcome;

    (void)state;
    define(ONE);
    stage_fail_writes();
    expect(try_to_start("1", &outcome), SAGABASE_UNAVAILABLE);
    stage_expect_end();
    stage_start(NULL);
    expect_no_saga("1");
    expect_started("1", STARTED);
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f3_a_start_whose_answer_is_lost_is_attached_to(void **state)
{
    struct rpc_client *rpc = stage_rpc_client();

    (void)state;
    define(ONE);
    struct rpc_call *call = send_start(rpc, "1");
    take_step("a", "a"); /* so it is durable */
    stage_kill();
    rpc_call_free(call);
    rpc_client_free(rpc);
    stage_start(NULL);
    expect_started("1", ATTACHED);
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPLETED);
    assert_int_equal(count_of("1", "$CommandIssued"), 1);
}

/* --- handing out ------------------------------------------------------------------------------ */

static void f4_a_command_is_handed_out_whenever_the_server_dies(void **state)
{
    (void)state;
    define(ONE);
    start_order("1");
    stage_crash_and_start(); /* before it was handed out */
    struct taken before = take_step("a", "a");
    stage_crash_and_start(); /* while it is out */
    struct taken again = take_step("a", "a");
    assert_string_equal(again.id, before.id);
    assert_int_equal(again.attempt, 1);
    assert_int_equal(succeed(again.id, 0), ACCEPTED);
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f5_a_command_of_a_broken_stream_is_handed_out_again_as_the_same_attempt(void **state)
{
    struct sagabase_options options = {.timeout_ms = 20000};
    Sagabase__V1__QueueSubscription queue = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&queue};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    const Sagabase__V1__WorkResponse *response;
    struct sagabase_work *work;
    char id[SAGABASE_UUID_BYTES];

    (void)state;
    define(ONE);
    start_order("1");
    queue.queue = "a";
    queue.credit = 1;
    hello.queues = queues;
    hello.n_queues = 1;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO;
    request.hello = &hello;
    expect(sagabase_work_open(client, &options, &work), SAGABASE_OK);
    expect(sagabase_work_send(work, &request), SAGABASE_OK);
    do {
        expect(sagabase_work_receive(work, &response), SAGABASE_OK);
        assert_non_null(response);
    } while (response->message_case != SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS);
    snprintf(id, sizeof id, "%s", response->commands->commands[0]->command_id);
    sagabase_work_close(work); /* it is kept for resuming, then goes to others */
    struct taken taken = take_step("a", "a");
    assert_string_equal(taken.id, id);
    assert_int_equal(taken.attempt, 1);
    assert_int_equal(succeed(taken.id, 0), ACCEPTED);
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f6_a_participant_that_hangs_is_given_up_for_another_attempt(void **state)
{
    (void)state;
    define(ORDER(STEP_WITH("a", "a", "\"maximum_attempts\": 0",
                           "\"start_to_close_ms\": 60000, \"heartbeat_ms\": 200")));
    start_order("1");
    struct taken first = take_step("a", "a");
    struct taken second = take_step("a", "a");
    assert_string_equal(second.id, first.id);
    assert_int_equal(first.attempt, 1);
    assert_int_equal(second.attempt, 2);
    assert_int_equal(succeed(first.id, 1), ACCEPTED); /* late, but the step is open */
    assert_int_equal(succeed(second.id, 2), DUPLICATE);
    assert_int_equal(end_of_order("1"), COMPLETED);
    assert_int_equal(count_events("work-1"), 1);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void f7_a_reply_that_is_not_durable_is_accepted_when_it_comes_again(void **state)
{
    struct rpc_client *rpc = stage_rpc_client();

    (void)state;
    define(ONE);
    start_order("1");
    struct taken taken = take_step("a", "a");
    stage_fail_writes();
    expect_unavailable(send_success(rpc, taken.id));
    rpc_client_free(rpc);
    stage_expect_end();
    stage_start(NULL);
    expect_status("1", RUNNING);
    assert_int_equal(count_events("work-1"), 0);
    assert_int_equal(succeed(taken.id, taken.attempt), ACCEPTED);
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f8_a_reply_whose_ack_is_lost_is_a_duplicate(void **state)
{
    struct rpc_client *rpc = stage_rpc_client();

    (void)state;
    define(TWO);
    start_order("1");
    struct taken taken = take_step("a", "a");
    struct rpc_call *call = send_success(rpc, taken.id);
    take_step("b", "b"); /* so it is durable */
    stage_kill();
    rpc_call_free(call);
    rpc_client_free(rpc);
    stage_start(NULL);
    assert_int_equal(succeed(taken.id, taken.attempt), DUPLICATE);
    assert_int_equal(count_events("work-1"), 1);
    do_step("b", "b");
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f9_a_reply_with_a_stale_revision_leaves_the_command_open(void **state)
{
    Sagabase__V1__CompleteCommandResponse *response;
    struct success success;

    (void)state;
    define(ONE);
    start_order("1");
    struct taken taken = take_step("a", "a");
    success_of(&success, taken.id);
    success.part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    expect(sagabase_complete_command(client, &success.request, NULL, &response), SAGABASE_ABORTED);
    assert_int_equal(count_events("work-1"), 0);
    expect_nothing_ready("a"); /* it is still leased */
    assert_int_equal(succeed(taken.id, taken.attempt), ACCEPTED);
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f10_of_two_replies_the_first_counts(void **state)
{
    (void)state;
    define(ORDER(STEP_WITH("a", "a", "\"maximum_attempts\": 0", "\"start_to_close_ms\": 200")));
    start_order("1");
    struct taken first = take_step("a", "a");
    struct taken second = take_step("a", "a");
    assert_int_equal(succeed(second.id, second.attempt), ACCEPTED);
    assert_int_equal(succeed(first.id, first.attempt), DUPLICATE);
    assert_int_equal(count_events("work-1"), 1);
    assert_int_equal(end_of_order("1"), COMPLETED);
}

static void f11_a_late_success_after_compensation_was_issued_is_superseded_and_leaves_no_events(
    void **state)
{
    (void)state;
    define(ORDER(STEP("a", "a") "," STEP_WITH("b", "b", "\"maximum_attempts\": 1",
                                              "\"start_to_close_ms\": 200")));
    start_order("1");
    do_step("a", "a");
    struct taken action = take_step("b", "b");
    struct taken undo = take_step("b", "b"); /* nobody knows what became of the action */
    assert_true(undo.undo);
    assert_int_equal(succeed(action.id, action.attempt), SUPERSEDED);
    assert_int_equal(count_events("work-1"), 1); /* of step a */
    assert_int_equal(count_of("1", "$LateReplyRefused"), 1);
    assert_int_equal(succeed(undo.id, 0), ACCEPTED);
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPENSATED);
}

/* --- crashes on the way ----------------------------------------------------------------------- */

static void f12_a_timer_fires_once_whenever_the_server_dies(void **state)
{
    enum { SAGAS_FIRING = 8 };
    char id[8];

    (void)state;
    define(ORDER("{\"name\": \"pause\", \"timer\": {\"delay_ms\": 300}}," STEP("a", "a")));
    for (int i = 0; i < SAGAS_FIRING; i++) {
        snprintf(id, sizeof id, "%d", i);
        start_order(id);
    }
    take_step("a", "a"); /* the first has fired: the others are about to, or have */
    stage_crash_and_start();
    for (int i = 0; i < SAGAS_FIRING; i++)
        do_step("a", "a");
    expect_nothing_ready("a");
    for (int i = 0; i < SAGAS_FIRING; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(end_of_order(id), COMPLETED);
        assert_int_equal(count_of(id, "$NodeFinished"), 1);
        assert_int_equal(count_of(id, "$CommandIssued"), 1);
    }
}

#define BLOCK(name, node) "{\"name\": \"" name "\", \"nodes\": [" node "]}"
#define BOTH              "{\"name\": \"both\", \"parallel\": {\"branches\": [\"x\", \"y\"]}}"

static void f13_a_join_is_done_once_though_the_server_dies_between_its_branches(void **state)
{
    (void)state;
    define("{\"type\": \"order\", \"nodes\": [" BOTH "," STEP("c", "c") "], \"blocks\": [" BLOCK(
        "x", STEP("a", "a")) "," BLOCK("y", STEP("b", "b")) "]}");
    start_order("1");
    do_step("a", "a");
    stage_crash_and_start();
    expect_nothing_ready("c");
    do_step("b", "b");
    stage_crash_and_start();
    do_step("c", "c");
    assert_int_equal(end_of_order("1"), COMPLETED);
    assert_int_equal(count_of("1", "$CommandIssued"), 3);
}

static void f14_compensation_goes_on_where_the_server_died(void **state)
{
    (void)state;
    define(THREE);
    start_order("1");
    do_step("a", "a");
    do_step("b", "b");
    assert_int_equal(fail_for_good(take_step("c", "c").id, "declined"), ACCEPTED);
    do_step("b", "b");
    struct taken undo = take_step("a", "a");
    stage_crash_and_start();
    expect_nothing_ready("b");
    struct taken again = take_step("a", "a");
    assert_true(again.undo);
    assert_string_equal(again.id, undo.id);
    assert_int_equal(succeed(again.id, 0), ACCEPTED);
    assert_int_equal(end_of_order("1"), COMPENSATED);
}

static void f15_a_compensation_that_nobody_can_do_waits_in_plain_sight(void **state)
{
    enum { TRIES = 5 }; /* then attention is called for */
    Sagabase__V1__ListSagasRequest request = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    Sagabase__V1__ListSagasResponse *response;

    (void)state;
    define(TWO);
    start_order("1");
    do_step("a", "a");
    assert_int_equal(fail_for_good(take_step("b", "b").id, "declined"), ACCEPTED);
    for (int i = 0; i < TRIES; i++)
        assert_int_equal(fail_once(take_step("a", "a").id, "closed"), ACCEPTED);
    take_step("a", "a"); /* and the participant is gone for good */
    stage_crash_and_start();
    assert_int_equal(count_of("1", "$AttentionNeeded"), 1);
    request.queue = "a";
    expect(sagabase_list_sagas(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->n_sagas, 1);
    assert_string_equal(response->sagas[0]->cause->type, "declined");
    assert_non_null(strstr(response->sagas[0]->waiting_for[0], "a"));
    sagabase__v1__list_sagas_response__free_unpacked(response, NULL);
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPENSATED);
}

/* --- definitions ------------------------------------------------------------------------------ */

static void f16_a_running_saga_stays_with_its_definition(void **state)
{
    (void)state;
    define(TWO);
    start_order("1");
    define(ORDER(STEP("c", "c"))); /* version 2, and the default from now on */
    stage_crash_and_start();
    start_order("2");
    do_step("a", "a");
    do_step("b", "b");
    do_step("c", "c");
    assert_int_equal(end_of_order("1"), COMPLETED);
    assert_int_equal(end_of_order("2"), COMPLETED);
    assert_int_equal(count_of("1", "$CommandIssued"), 2);
}

static void f22_a_saga_that_cannot_go_on_is_parked_and_others_are_not_touched(void **state)
{
    Sagabase__V1__PutDefinitionRequest put = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__SagaDefinition empty = SAGABASE__V1__SAGA_DEFINITION__INIT;
    Sagabase__V1__TerminateSagaRequest end = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = order_name("1");
    Sagabase__V1__PutDefinitionResponse *put_response;
    Sagabase__V1__TerminateSagaResponse *end_response;

    (void)state;
    empty.type = "order";
    put.definition = &empty;
    expect(sagabase_put_definition(client, &put, NULL, &put_response), SAGABASE_INVALID_ARGUMENT);
    define("{\"type\": \"order\", \"nodes\": ["
           "{\"name\": \"p\", \"step\": {\"kind\": \"STEP_KIND_PIVOT\", \"nothing_to_undo\": true,"
           " \"action\": {\"queue\": \"p\", \"type\": \"Do\"},"
           " \"timeouts\": {\"start_to_close_ms\": 60000}}},"
           "{\"name\": \"again\", \"loop\": {\"block\": \"body\", \"maximum_iterations\": 1,"
           " \"repeat_while\": [{\"attribute\": \"p.code\","
           " \"comparison\": \"COMPARISON_NOT_EQUAL\", \"values\": [\"enough\"]}]}}],"
           "\"blocks\": [{\"name\": \"body\", \"nodes\": ["
           "{\"name\": \"r\", \"step\": {\"kind\": \"STEP_KIND_RETRIABLE\","
           " \"action\": {\"queue\": \"r\", \"type\": \"Do\"},"
           " \"timeouts\": {\"start_to_close_ms\": 60000}}}]}]}");
    start_order("1");
    define(ONE);
    start_order("2");
    do_step("p", "p");
    do_step("r", "r");
    assert_int_equal(end_of_order("1"), PARKED);
    stage_crash_and_start();
    expect_status("1", PARKED);
    do_step("a", "a");
    assert_int_equal(end_of_order("2"), COMPLETED);
    end.saga = &name;
    end.reason = "the definition was wrong";
    expect(sagabase_terminate_saga(client, &end, NULL, &end_response), SAGABASE_OK);
    sagabase__v1__terminate_saga_response__free_unpacked(end_response, NULL);
}

/* --- signals, races, load --------------------------------------------------------------------- */

static void f23_a_signal_that_comes_before_the_wait_is_kept(void **state)
{
    Sagabase__V1__SignalSagaRequest request = SAGABASE__V1__SIGNAL_SAGA_REQUEST__INIT;
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;
    Sagabase__V1__SagaName name = order_name("1");
    Sagabase__V1__SignalSagaResponse *response;

    (void)state;
    define(ORDER(STEP("a", "a") ",{\"name\": \"w\", \"wait_event\": {\"event\": \"paid\"}}"));
    start_order("1");
    signal.name = "paid";
    signal.signal_id = "payment-7";
    request.saga = &name;
    request.signal = &signal;
    for (int i = 0; i < 2; i++) { /* the second time it is known, behind a restart too */
        expect(sagabase_signal_saga(client, &request, NULL, &response), SAGABASE_OK);
        assert_int_equal(response->duplicate, i == 1);
        sagabase__v1__signal_saga_response__free_unpacked(response, NULL);
        stage_crash_and_start();
    }
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPLETED);
    assert_int_equal(count_of("1", "$SignalReceived"), 1);
}

static struct rpc_call *send_cancel(struct rpc_client *rpc, const char *id)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = order_name(id);
    struct rpc_call *call = rpc_call_open(rpc, SAGAS "CancelSaga", 0);

    request.saga = &name;
    rpc_call_send(call, &request.base);
    rpc_call_half_close(call);
    return call;
}

static void f24_when_cancel_and_completion_race_both_are_told_who_won(void **state)
{
    enum { RACES = 10 };
    struct rpc_client *one = stage_rpc_client(), *other = stage_rpc_client();

    (void)state;
    define(ONE);
    for (int i = 0; i < RACES; i++) {
        struct rpc_call *cancel = NULL, *reply;
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        start_order(id);
        struct taken taken = take_step("a", "a");
        if (i % 2 == 0)
            cancel = send_cancel(one, id);
        reply = send_success(other, taken.id);
        if (!cancel)
            cancel = send_cancel(one, id);
        assert_int_equal(rpc_call_finish(reply).code, STATUS_OK);
        enum status_code told = rpc_call_finish(cancel).code;
        rpc_call_free(reply);
        rpc_call_free(cancel);
        if (told == STATUS_OK) { /* its answer was waited for: it has to be undone */
            do_step("a", "a");
            assert_int_equal(end_of_order(id), COMPENSATED);
        } else {
            assert_int_equal(told, STATUS_FAILED_PRECONDITION);
            assert_int_equal(end_of_order(id), COMPLETED);
        }
    }
    rpc_client_free(one);
    rpc_client_free(other);
}

static void f25_a_burst_of_starts_is_bounded_and_replies_are_not_refused(void **state)
{
    enum { STARTS = 10000 };
    const char *options[] = {"--saga-memory", "1MiB", NULL};
    Sagabase__V1__StartOutcome outcome;
    int admitted = 0;
    char id[16];

    (void)state;
    stage_stop();
    stage_start(options);
    define(ONE);
    while (admitted < STARTS) {
        snprintf(id, sizeof id, "%d", admitted);
        struct sagabase_status status = try_to_start(id, &outcome);
        if (status.code != SAGABASE_OK) {
            expect_told(status, SAGABASE_RESOURCE_EXHAUSTED, "saga");
            break;
        }
        admitted++;
    }
    assert_in_range(admitted, 2, STARTS - 1);
    for (int i = 0; i < admitted; i++)
        do_step("a", "a");
    expect_started(id, STARTED); /* there is room again */
    do_step("a", "a");
    assert_int_equal(end_of_order(id), COMPLETED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(f1_a_start_whose_client_dies_first_leaves_nothing),
        TEST(f2_a_start_that_is_not_durable_leaves_nothing),
        TEST(f3_a_start_whose_answer_is_lost_is_attached_to),
        TEST(f4_a_command_is_handed_out_whenever_the_server_dies),
        TEST(f5_a_command_of_a_broken_stream_is_handed_out_again_as_the_same_attempt),
        TEST(f6_a_participant_that_hangs_is_given_up_for_another_attempt),
        TEST(f7_a_reply_that_is_not_durable_is_accepted_when_it_comes_again),
        TEST(f8_a_reply_whose_ack_is_lost_is_a_duplicate),
        TEST(f9_a_reply_with_a_stale_revision_leaves_the_command_open),
        TEST(f10_of_two_replies_the_first_counts),
        TEST(f11_a_late_success_after_compensation_was_issued_is_superseded_and_leaves_no_events),
        TEST(f12_a_timer_fires_once_whenever_the_server_dies),
        TEST(f13_a_join_is_done_once_though_the_server_dies_between_its_branches),
        TEST(f14_compensation_goes_on_where_the_server_died),
        TEST(f15_a_compensation_that_nobody_can_do_waits_in_plain_sight),
        TEST(f16_a_running_saga_stays_with_its_definition),
        TEST(f17_a_commit_that_fails_changes_nothing_and_ends_the_server),
        TEST(f18_a_torn_tail_of_the_write_ahead_log_takes_only_what_was_in_it),
        TEST(f19_what_follows_from_the_log_is_made_again),
        TEST(f22_a_saga_that_cannot_go_on_is_parked_and_others_are_not_touched),
        TEST(f23_a_signal_that_comes_before_the_wait_is_kept),
        TEST(f24_when_cancel_and_completion_race_both_are_told_who_won),
        TEST(f25_a_burst_of_starts_is_bounded_and_replies_are_not_refused),
    };

    if (argc != 2)
        return 2;
    stage_use(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
