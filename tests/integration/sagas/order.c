#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "clients/cli/message_json.h"
#include "tests/integration/sagas/order.h"

enum { WAIT_MS = 20000 };

struct test_server *server;
struct sagabase_client *client;

const char order_json[] =
    "{\"type\": \"order\", \"nodes\": ["
    "{\"name\": \"reserve\", \"step\": {"
    "  \"action\": {\"queue\": \"stock\", \"type\": \"ReserveStock\"},"
    "  \"compensation\": {\"queue\": \"stock\", \"type\": \"ReleaseStock\"},"
    "  \"retry\": {\"initial_interval_ms\": 1, \"maximum_attempts\": 3},"
    "  \"timeouts\": {\"start_to_close_ms\": 60000}, \"idempotent\": true}},"
    "{\"name\": \"charge\", \"step\": {"
    "  \"action\": {\"queue\": \"cards\", \"type\": \"Charge\"},"
    "  \"compensation\": {\"queue\": \"cards\", \"type\": \"Refund\"},"
    "  \"inputs\": [\"reserve\"],"
    "  \"retry\": {\"initial_interval_ms\": 1, \"maximum_attempts\": 3},"
    "  \"timeouts\": {\"start_to_close_ms\": 60000}, \"idempotent\": true}}]}";

int start_server(void **state)
{
    char target[32];

    (void)state;
    server = test_server_start(NULL, 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", rpc_server_port(server->rpc));
    expect(sagabase_open(target, &client), SAGABASE_OK);
    define(order_json);
    return 0;
}

int stop_server(void **state)
{
    (void)state;
    sagabase_close(client);
    test_server_stop(server);
    return 0;
}

void define(const char *json)
{
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__PutDefinitionResponse *response;
    ProtobufCMessage *message = NULL;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    struct status status = message_read_json(&sagabase__v1__saga_definition__descriptor,
                                             bytes_of_text(json), &arena, &message);
    if (!status_ok(status))
        fail_msg("%s", status.message);
    request.definition = (Sagabase__V1__SagaDefinition *)message;
    expect(sagabase_put_definition(client, &request, NULL, &response), SAGABASE_OK);
    sagabase__v1__put_definition_response__free_unpacked(response, NULL);
    arena_destroy(&arena);
}

Sagabase__V1__SagaName order_name(const char *id)
{
    Sagabase__V1__SagaName name = SAGABASE__V1__SAGA_NAME__INIT;

    name.type = "order";
    name.id = (char *)id;
    return name;
}

void start_order(const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__StartSagaResponse *response;

    request.type = "order";
    request.id = (char *)id;
    expect(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->outcome, SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED);
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
}

Sagabase__V1__SagaStatus end_of_order(const char *id)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__WaitSagaRequest request = SAGABASE__V1__WAIT_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaStatus last = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED;
    const Sagabase__V1__WaitSagaResponse *response = NULL;
    Sagabase__V1__SagaName name = order_name(id);
    struct sagabase_saga_stream *stream;

    request.saga = &name;
    expect(sagabase_wait_saga(client, &request, &options, &stream), SAGABASE_OK);
    do {
        expect(sagabase_wait_saga_next(stream, &response), SAGABASE_OK);
        if (response)
            last = response->summary->status;
    } while (response);
    sagabase_saga_stream_close(stream);
    return last;
}

static Sagabase__V1__PollCommandResponse *poll(const char *queue, int64_t wait_ms)
{
    Sagabase__V1__PollCommandRequest request = SAGABASE__V1__POLL_COMMAND_REQUEST__INIT;
    Sagabase__V1__PollCommandResponse *response = NULL;
    char *queues[] = {(char *)queue};

    request.participant = "tester";
    request.queues = queues;
    request.n_queues = 1;
    request.wait_ms = wait_ms;
    expect(sagabase_poll_command(client, &request, NULL, &response), SAGABASE_OK);
    return response;
}

Sagabase__V1__PollCommandResponse *take(const char *queue)
{
    Sagabase__V1__PollCommandResponse *taken = poll(queue, WAIT_MS);

    assert_non_null(taken->command);
    assert_string_equal(taken->command->queue, queue);
    return taken;
}

void forget_command(Sagabase__V1__PollCommandResponse *taken)
{
    sagabase__v1__poll_command_response__free_unpacked(taken, NULL);
}

void expect_nothing_ready(const char *queue)
{
    Sagabase__V1__PollCommandResponse *taken = poll(queue, 0);

    assert_null(taken->command);
    forget_command(taken);
}

Sagabase__V1__ReplyOutcome complete(const char *command_id)
{
    Sagabase__V1__CompleteCommandRequest request = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__CompleteCommandResponse *response;
    Sagabase__V1__ReplyOutcome outcome;

    request.command_id = (char *)command_id;
    expect(sagabase_complete_command(client, &request, NULL, &response), SAGABASE_OK);
    outcome = response->ack->outcome;
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    return outcome;
}

static Sagabase__V1__ReplyOutcome fail_by(Sagabase__V1__FailCommandRequest *request)
{
    Sagabase__V1__FailCommandResponse *response;
    Sagabase__V1__ReplyOutcome outcome;

    expect(sagabase_fail_command(client, request, NULL, &response), SAGABASE_OK);
    outcome = response->ack->outcome;
    sagabase__v1__fail_command_response__free_unpacked(response, NULL);
    return outcome;
}

Sagabase__V1__ReplyOutcome fail_for_good(const char *command_id, const char *error_type)
{
    Sagabase__V1__FailCommandRequest request = SAGABASE__V1__FAIL_COMMAND_REQUEST__INIT;
    Sagabase__V1__Failure failure = SAGABASE__V1__FAILURE__INIT;
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;

    error.type = (char *)error_type;
    failure.error = &error;
    request.command_id = (char *)command_id;
    request.outcome_case = SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_FAILURE;
    request.failure = &failure;
    return fail_by(&request);
}

Sagabase__V1__ReplyOutcome fail_once(const char *command_id, const char *error_type)
{
    Sagabase__V1__FailCommandRequest request = SAGABASE__V1__FAIL_COMMAND_REQUEST__INIT;
    Sagabase__V1__Error failure = SAGABASE__V1__ERROR__INIT;
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;

    error.type = (char *)error_type;
    failure.error = &error;
    request.command_id = (char *)command_id;
    request.outcome_case = SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_ERROR;
    request.error = &failure;
    return fail_by(&request);
}

void do_next(const char *queue, const char *type)
{
    Sagabase__V1__PollCommandResponse *taken = take(queue);

    assert_string_equal(taken->command->type, type);
    assert_int_equal(complete(taken->command->command_id),
                     SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED);
    forget_command(taken);
}

uint64_t count_events(const char *stream)
{
    Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__GetStreamResponse *response;
    uint64_t count;

    request.stream = (char *)stream;
    struct sagabase_status status = sagabase_get_stream(client, &request, NULL, &response);
    if (status.code == SAGABASE_NOT_FOUND)
        return 0;
    expect(status, SAGABASE_OK);
    count = response->stream->last_revision + 1;
    sagabase__v1__get_stream_response__free_unpacked(response, NULL);
    return count;
}

void part_of(struct part *part, const char *stream)
{
    sagabase_uuid(part->id);
    sagabase__v1__proposed_event__init(&part->event);
    part->event.id = part->id;
    part->event.type = "Tested";
    part->events[0] = &part->event;
    sagabase__v1__stream_append__init(&part->append);
    part->append.stream = (char *)stream;
    part->append.events = part->events;
    part->append.n_events = 1;
    part->append.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    part->append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    part->appends[0] = &part->append;
}
