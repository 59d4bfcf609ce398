/* Whose trace a saga's commands and a participant's events belong to. Goal: nobody loses it, and
 * who knows better may say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/integration/sagas/order.h"

#define STARTER "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define OTHER   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void start_traced(const char *traceparent, const char *tracestate)
{
    struct sagabase_options options = {.traceparent = traceparent, .tracestate = tracestate};
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__StartSagaResponse *response;

    request.type = "order";
    request.id = "1";
    expect(sagabase_start_saga(client, &request, &options, &response), SAGABASE_OK);
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
}

/* The newest event of the stream has these, NULL: not. */
static void expect_trace(const char *stream, const char *traceparent, const char *tracestate)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    const char *found[2] = {NULL, NULL}, *wanted[2] = {traceparent, tracestate};
    struct sagabase_read *read;
    struct sagabase_page page;

    request.stream = (char *)stream;
    request.direction = SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    request.count = 1;
    expect(sagabase_read_stream(client, &request, NULL, &read), SAGABASE_OK);
    expect(sagabase_read_next(read, &page), SAGABASE_OK);
    assert_int_equal(page.count, 1);
    for (size_t i = 0; i < page.events[0]->n_metadata; i++) {
        if (strcmp(page.events[0]->metadata[i]->key, "traceparent") == 0)
            found[0] = page.events[0]->metadata[i]->value;
        if (strcmp(page.events[0]->metadata[i]->key, "tracestate") == 0)
            found[1] = page.events[0]->metadata[i]->value;
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(found[i] == NULL, wanted[i] == NULL);
        if (wanted[i])
            assert_string_equal(found[i], wanted[i]);
    }
    sagabase_read_close(read);
}

static void a_command_carries_the_trace_of_its_start(void **state)
{
    (void)state;
    start_traced(STARTER, "vendor=1");
    Sagabase__V1__PollCommandResponse *taken = take("stock");
    assert_string_equal(taken->command->traceparent, STARTER);
    assert_string_equal(taken->command->tracestate, "vendor=1");
    forget_command(taken);
    expect_trace("$saga-order-1", STARTER, "vendor=1");
    expect_trace("$cmd-stock", STARTER, "vendor=1");
}

static void a_saga_that_nobody_traces_has_no_trace(void **state)
{
    (void)state;
    start_order("1");
    Sagabase__V1__PollCommandResponse *taken = take("stock");
    assert_string_equal(taken->command->traceparent, "");
    forget_command(taken);
    expect_trace("$cmd-stock", NULL, NULL);
}

/* --- what comes with a reply ------------------------------------------------------------ */

/* Completes the first command with an event for "shelf-9", by a call of its own. */
static void complete_within(const struct sagabase_options *options)
{
    Sagabase__V1__CompleteCommandRequest request = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__CompleteCommandResponse *response;
    Sagabase__V1__PollCommandResponse *taken = take("stock");
    struct part part;

    part_of(&part, "shelf-9");
    request.command_id = taken->command->command_id;
    request.appends = part.appends;
    request.n_appends = 1;
    expect(sagabase_complete_command(client, &request, options, &response), SAGABASE_OK);
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    forget_command(taken);
}

static void events_of_a_reply_belong_to_the_attempt(void **state)
{
    (void)state;
    start_traced(STARTER, "");
    complete_within(NULL);
    expect_trace("shelf-9", STARTER, NULL);
}

static void or_to_the_trace_of_the_call_that_replies(void **state)
{
    (void)state;
    start_traced(STARTER, "");
    complete_within(&(struct sagabase_options){.traceparent = OTHER, .tracestate = "vendor=2"});
    expect_trace("shelf-9", OTHER, "vendor=2");
}

static void send(struct sagabase_work *work, int which, const void *message)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    const Sagabase__V1__WorkResponse *response = NULL;

    request.message_case = (Sagabase__V1__WorkRequest__MessageCase)which;
    request.hello = (Sagabase__V1__Hello *)message; /* all cases are in one place */
    expect(sagabase_work_send(work, &request), SAGABASE_OK);
    expect(sagabase_work_receive(work, &response), SAGABASE_OK);
    assert_non_null(response);
}

/* The same on a participant's stream, which is opened within a trace of its own. */
static void reply_with(const char *traceparent, const char *tracestate)
{
    struct sagabase_options options = {.traceparent = OTHER};
    Sagabase__V1__QueueSubscription subscription = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&subscription};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__PollCommandResponse *taken = take("stock");
    struct sagabase_work *work;
    struct part part;

    subscription.queue = "other";
    hello.queues = queues;
    hello.n_queues = 1;
    expect(sagabase_work_open(client, &options, &work), SAGABASE_OK);
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
    part_of(&part, "shelf-9");
    reply.command_id = taken->command->command_id;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    reply.appends = part.appends;
    reply.n_appends = 1;
    reply.traceparent = (char *)traceparent;
    reply.tracestate = (char *)tracestate;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
    sagabase_work_close(work);
    forget_command(taken);
}

static void on_a_stream_the_reply_tells_the_trace(void **state)
{
    (void)state;
    start_traced(STARTER, "");
    reply_with("00-11111111111111111111111111111111-2222222222222222-00", "vendor=3");
    expect_trace("shelf-9", "00-11111111111111111111111111111111-2222222222222222-00", "vendor=3");
}

static void a_reply_that_tells_none_belongs_to_the_attempt_not_to_the_stream(void **state)
{
    (void)state;
    start_traced(STARTER, "");
    reply_with("", "");
    expect_trace("shelf-9", STARTER, NULL);
}

static void what_is_malformed_is_as_if_it_were_not_told(void **state)
{
    (void)state;
    start_traced(STARTER, "");
    reply_with("00-garbage-01", "vendor=3");
    expect_trace("shelf-9", STARTER, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_carries_the_trace_of_its_start),
        TEST(a_saga_that_nobody_traces_has_no_trace),
        TEST(events_of_a_reply_belong_to_the_attempt),
        TEST(or_to_the_trace_of_the_call_that_replies),
        TEST(on_a_stream_the_reply_tells_the_trace),
        TEST(a_reply_that_tells_none_belongs_to_the_attempt_not_to_the_stream),
        TEST(what_is_malformed_is_as_if_it_were_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
