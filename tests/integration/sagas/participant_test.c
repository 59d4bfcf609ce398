/* Commands and replies, one call at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/integration/sagas/order.h"

#define ACCEPTED        SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED
#define DUPLICATE       SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE
#define SUPERSEDED      SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED
#define UNKNOWN_COMMAND SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND

static void a_command_says_what_is_asked(void **state)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Attribute region = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&region};
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__StartSagaResponse *started;
    Sagabase__V1__PollCommandResponse *taken;
    const Sagabase__V1__Command *command;

    (void)state;
    region.name = "region";
    region.value = "eu";
    input.data = (ProtobufCBinaryData){2, (uint8_t *)"42"};
    input.content_type = "application/json";
    request.type = "order";
    request.id = "1";
    request.input = &input;
    request.attributes = attributes;
    request.n_attributes = 1;
    expect(sagabase_start_saga(client, &request, NULL, &started), SAGABASE_OK);
    sagabase__v1__start_saga_response__free_unpacked(started, NULL);

    taken = take("stock");
    command = taken->command;
    assert_int_equal(strlen(command->command_id), 36);
    assert_string_equal(command->saga_type, "order");
    assert_string_equal(command->saga_id, "1");
    assert_string_equal(command->step, "reserve");
    assert_string_equal(command->type, "ReserveStock");
    assert_int_equal(command->operation, SAGABASE__V1__OPERATION__OPERATION_ACTION);
    assert_int_equal(command->attempt, 1);
    assert_int_equal(command->delivery, 1);
    assert_true(command->lease_token != 0);
    assert_true(command->deadline_us > command->issued_us);
    assert_int_equal(command->start_to_close_ms, 60000);
    assert_int_equal(command->input->data.len, 2);
    assert_memory_equal(command->input->data.data, "42", 2);
    assert_string_equal(command->input->content_type, "application/json");
    assert_int_equal(command->n_attributes, 1);
    assert_string_equal(command->attributes[0]->value, "eu");
    forget_command(taken);
}

static void an_output_goes_to_the_step_that_names_it(void **state)
{
    Sagabase__V1__CompleteCommandRequest request = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__CompleteCommandResponse *response;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Payload output = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    taken = take("stock");
    output.data = (ProtobufCBinaryData){7, (uint8_t *)"shelf 9"};
    success.output = &output;
    request.command_id = taken->command->command_id;
    request.attempt = 1;
    request.success = &success;
    expect(sagabase_complete_command(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->ack->outcome, ACCEPTED);
    assert_true(response->ack->position > 0);
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    forget_command(taken);

    taken = take("cards");
    assert_int_equal(taken->command->n_inputs, 1);
    assert_string_equal(taken->command->inputs[0]->step, "reserve");
    assert_memory_equal(taken->command->inputs[0]->output->data.data, "shelf 9", 7);
    forget_command(taken);
}

static void a_saga_completes_step_by_step(void **state)
{
    (void)state;
    start_order("1");
    do_next("stock", "ReserveStock");
    do_next("cards", "Charge");
    assert_int_equal(end_of_order("1"), SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED);
    expect_nothing_ready("stock");
    expect_nothing_ready("cards");
}

static void a_failure_is_compensated(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;
    char action_id[SAGABASE_UUID_BYTES];

    (void)state;
    start_order("1");
    taken = take("stock");
    snprintf(action_id, sizeof action_id, "%s", taken->command->command_id);
    assert_int_equal(complete(action_id), ACCEPTED);
    forget_command(taken);
    taken = take("cards");
    assert_int_equal(fail_for_good(taken->command->command_id, "declined"), ACCEPTED);
    forget_command(taken);

    taken = take("stock");
    assert_string_equal(taken->command->type, "ReleaseStock");
    assert_int_equal(taken->command->operation, SAGABASE__V1__OPERATION__OPERATION_COMPENSATION);
    assert_int_equal(taken->command->action_outcome, SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS);
    assert_string_equal(taken->command->action_command_id, action_id);
    assert_int_equal(complete(taken->command->command_id), ACCEPTED);
    forget_command(taken);
    assert_int_equal(end_of_order("1"), SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED);
}

static void an_error_is_retried_under_the_same_id(void **state)
{
    char first[SAGABASE_UUID_BYTES];
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    taken = take("stock");
    snprintf(first, sizeof first, "%s", taken->command->command_id);
    assert_int_equal(fail_once(first, "busy"), ACCEPTED);
    forget_command(taken);
    taken = take("stock");
    assert_string_equal(taken->command->command_id, first);
    assert_int_equal(taken->command->attempt, 2);
    forget_command(taken);
}

static void only_the_first_reply_counts(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    taken = take("stock");
    assert_int_equal(complete(taken->command->command_id), ACCEPTED);
    assert_int_equal(complete(taken->command->command_id), DUPLICATE);
    assert_int_equal(fail_for_good(taken->command->command_id, "late"), DUPLICATE);
    forget_command(taken);
    do_next("cards", "Charge");
    assert_int_equal(end_of_order("1"), SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED);
}

static void a_reply_after_the_withdrawal_is_refused(void **state)
{
    Sagabase__V1__TerminateSagaRequest request = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    Sagabase__V1__TerminateSagaResponse *answer;
    Sagabase__V1__SagaName name = order_name("1");
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    taken = take("stock");
    request.saga = &name;
    request.reason = "test";
    expect(sagabase_terminate_saga(client, &request, NULL, &answer), SAGABASE_OK);
    sagabase__v1__terminate_saga_response__free_unpacked(answer, NULL);
    assert_int_equal(complete(taken->command->command_id), SUPERSEDED);
    forget_command(taken);
}

static void a_made_up_command_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(complete("11111111-1111-4111-8111-111111111111"), UNKNOWN_COMMAND);
}

static void a_wrong_reply_names_its_field(void **state)
{
    Sagabase__V1__CompleteCommandRequest request = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__FailCommandRequest fail = SAGABASE__V1__FAIL_COMMAND_REQUEST__INIT;
    Sagabase__V1__CompleteCommandResponse *response;
    Sagabase__V1__FailCommandResponse *answer;

    (void)state;
    request.command_id = "no uuid";
    expect_told(sagabase_complete_command(client, &request, NULL, &response),
                SAGABASE_INVALID_ARGUMENT, "command_id");
    fail.command_id = "11111111-1111-4111-8111-111111111111";
    expect_told(sagabase_fail_command(client, &fail, NULL, &answer), SAGABASE_INVALID_ARGUMENT,
                "outcome");
}

static void events_are_stored_with_the_reply_or_not_at_all(void **state)
{
    Sagabase__V1__CompleteCommandRequest request = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__CompleteCommandResponse *response;
    Sagabase__V1__PollCommandResponse *taken;
    struct part part;

    (void)state;
    start_order("1");
    taken = take("stock");
    part_of(&part, "shelf-9");
    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    request.command_id = taken->command->command_id;
    request.appends = part.appends;
    request.n_appends = 1;
    struct sagabase_status status = sagabase_complete_command(client, &request, NULL, &response);
    expect(status, SAGABASE_ABORTED);
    assert_string_equal(status.conflict.stream, "shelf-9");
    assert_int_equal(count_events("shelf-9"), 0);

    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    expect(sagabase_complete_command(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->ack->outcome, ACCEPTED);
    assert_int_equal(response->ack->n_appended, 1);
    assert_string_equal(response->ack->appended[0]->stream, "shelf-9");
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    assert_int_equal(count_events("shelf-9"), 1);

    sagabase_uuid(part.id);
    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    expect(sagabase_complete_command(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->ack->outcome, DUPLICATE);
    assert_int_equal(response->ack->recorded, SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS);
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    assert_int_equal(count_events("shelf-9"), 1);
    forget_command(taken);
}

static void a_heartbeat_needs_the_lease(void **state)
{
    Sagabase__V1__HeartbeatRequest request = SAGABASE__V1__HEARTBEAT_REQUEST__INIT;
    Sagabase__V1__CommandHeartbeat beat = SAGABASE__V1__COMMAND_HEARTBEAT__INIT;
    Sagabase__V1__HeartbeatResponse *response;
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    taken = take("stock");
    beat.command_id = taken->command->command_id;
    beat.lease_token = taken->command->lease_token;
    request.heartbeat = &beat;
    expect(sagabase_heartbeat(client, &request, NULL, &response), SAGABASE_OK);
    assert_false(response->ack->lost);
    assert_string_equal(response->ack->command_id, taken->command->command_id);
    sagabase__v1__heartbeat_response__free_unpacked(response, NULL);
    beat.lease_token++;
    expect(sagabase_heartbeat(client, &request, NULL, &response), SAGABASE_NOT_FOUND);
    beat.command_id = "x";
    expect_told(sagabase_heartbeat(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "heartbeat.command_id");
    request.heartbeat = NULL;
    expect_told(sagabase_heartbeat(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "heartbeat: required");
    forget_command(taken);
}

static void details_of_a_heartbeat_reach_the_next_attempt(void **state)
{
    Sagabase__V1__HeartbeatRequest request = SAGABASE__V1__HEARTBEAT_REQUEST__INIT;
    Sagabase__V1__CommandHeartbeat beat = SAGABASE__V1__COMMAND_HEARTBEAT__INIT;
    Sagabase__V1__HeartbeatResponse *response;
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    taken = take("stock");
    beat.command_id = taken->command->command_id;
    beat.lease_token = taken->command->lease_token;
    beat.details = (ProtobufCBinaryData){4, (uint8_t *)"half"};
    request.heartbeat = &beat;
    expect(sagabase_heartbeat(client, &request, NULL, &response), SAGABASE_OK);
    sagabase__v1__heartbeat_response__free_unpacked(response, NULL);
    assert_int_equal(fail_once(taken->command->command_id, "busy"), ACCEPTED);
    forget_command(taken);
    taken = take("stock");
    assert_int_equal(taken->command->last_heartbeat_details.len, 4);
    assert_memory_equal(taken->command->last_heartbeat_details.data, "half", 4);
    forget_command(taken);
}

static void a_poll_takes_one_command_of_all_its_queues(void **state)
{
    Sagabase__V1__PollCommandRequest request = SAGABASE__V1__POLL_COMMAND_REQUEST__INIT;
    char *queues[] = {"cards", "stock"};
    Sagabase__V1__PollCommandResponse *first, *second;

    (void)state;
    start_order("1");
    do_next("stock", "ReserveStock");
    start_order("2");
    request.queues = queues;
    request.n_queues = 2;
    request.wait_ms = 20000;
    expect(sagabase_poll_command(client, &request, NULL, &first), SAGABASE_OK);
    expect(sagabase_poll_command(client, &request, NULL, &second), SAGABASE_OK);
    assert_non_null(first->command);
    assert_non_null(second->command);
    assert_string_not_equal(first->command->queue, second->command->queue);
    forget_command(first);
    forget_command(second);
    expect_nothing_ready("stock");
    expect_nothing_ready("cards");
}

static void a_wrong_poll_names_its_field(void **state)
{
    Sagabase__V1__PollCommandRequest request = SAGABASE__V1__POLL_COMMAND_REQUEST__INIT;
    Sagabase__V1__PollCommandResponse *response;
    char *queues[] = {"stock"};

    (void)state;
    expect_told(sagabase_poll_command(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "queues: 1 to 50");
    request.queues = queues;
    request.n_queues = 1;
    request.wait_ms = 60001;
    expect_told(sagabase_poll_command(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "wait_ms: 0 to 60000");
    request.wait_ms = 0;
    queues[0] = "";
    expect(sagabase_poll_command(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_says_what_is_asked),
        TEST(an_output_goes_to_the_step_that_names_it),
        TEST(a_saga_completes_step_by_step),
        TEST(a_failure_is_compensated),
        TEST(an_error_is_retried_under_the_same_id),
        TEST(only_the_first_reply_counts),
        TEST(a_reply_after_the_withdrawal_is_refused),
        TEST(a_made_up_command_is_unknown),
        TEST(a_wrong_reply_names_its_field),
        TEST(events_are_stored_with_the_reply_or_not_at_all),
        TEST(a_heartbeat_needs_the_lease),
        TEST(details_of_a_heartbeat_reach_the_next_attempt),
        TEST(a_poll_takes_one_command_of_all_its_queues),
        TEST(a_wrong_poll_names_its_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
