/* The C client against a whole server in this process. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/uuid.h"
#include "clients/c/sagabase.h"
#include "tests/support/server.h"

#define expect(expression, expected_code)                                                          \
    do {                                                                                           \
        struct sagabase_status expect_got = (expression);                                          \
        if (expect_got.code != (expected_code))                                                    \
            fail_msg("%s: %s \"%s\", not %s", #expression, sagabase_code_name(expect_got.code),    \
                     expect_got.message, sagabase_code_name(expected_code));                       \
    } while (0)

static struct test_server *server;
static struct sagabase_client *client;

static int start(void **state)
{
    char target[32];

    (void)state;
    server = test_server_start(NULL, 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", rpc_server_port(server->rpc));
    return sagabase_open(target, &client).code;
}

static int stop(void **state)
{
    (void)state;
    sagabase_close(client);
    test_server_stop(server);
    return 0;
}

/* One event and its request, on the caller's stack. */
struct proposal {
    char id[SAGABASE_UUID_BYTES];
    Sagabase__V1__ProposedEvent event;
    Sagabase__V1__ProposedEvent *events[1];
    Sagabase__V1__AppendToStreamRequest request;
};

static Sagabase__V1__AppendToStreamRequest *propose(struct proposal *proposal, const char *stream,
                                                    const char *data)
{
    sagabase_uuid(proposal->id);
    sagabase__v1__proposed_event__init(&proposal->event);
    proposal->event.id = proposal->id;
    proposal->event.type = "Tested";
    proposal->event.data = (ProtobufCBinaryData){strlen(data), (uint8_t *)data};
    proposal->events[0] = &proposal->event;
    sagabase__v1__append_to_stream_request__init(&proposal->request);
    proposal->request.stream = (char *)stream;
    proposal->request.events = proposal->events;
    proposal->request.n_events = 1;
    proposal->request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    proposal->request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    return &proposal->request;
}

static struct sagabase_status append(const char *stream, const char *data)
{
    Sagabase__V1__AppendToStreamResponse *response = NULL;
    struct proposal proposal;
    struct sagabase_status status =
        sagabase_append_to_stream(client, propose(&proposal, stream, data), NULL, &response);

    sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    return status;
}

/* --- unary calls -------------------------------------------------------------- */

static void what_is_appended_is_read_back(void **state)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    (void)state;
    expect(append("s", "first"), SAGABASE_OK);
    expect(append("s", "second"), SAGABASE_OK);
    request.stream = "s";
    expect(sagabase_read_stream(client, &request, NULL, &read), SAGABASE_OK);
    size_t seen = 0;
    do {
        expect(sagabase_read_next(read, &page), SAGABASE_OK);
        for (size_t i = 0; i < page.count; i++, seen++) {
            const char *data = seen == 0 ? "first" : "second";
            assert_int_equal(page.events[i]->revision, seen);
            assert_int_equal(page.events[i]->data.len, strlen(data));
            assert_memory_equal(page.events[i]->data.data, data, strlen(data));
        }
    } while (page.count > 0);
    assert_int_equal(seen, 2);
    expect(sagabase_read_next(read, &page), SAGABASE_OK);
    assert_int_equal(page.count, 0);
    sagabase_read_close(read);
}

static void a_call_belongs_to_the_trace_that_its_options_name(void **state)
{
    static const char traceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct sagabase_options options = {.traceparent = traceparent, .tracestate = "vendor=1"};
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendToStreamResponse *response;
    struct proposal proposal;
    struct sagabase_read *read;
    struct sagabase_page page;

    (void)state;
    expect(sagabase_append_to_stream(client, propose(&proposal, "s", ""), &options, &response),
           SAGABASE_OK);
    sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    request.stream = "s";
    expect(sagabase_read_stream(client, &request, &options, &read), SAGABASE_OK);
    expect(sagabase_read_next(read, &page), SAGABASE_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.events[0]->n_metadata, 2);
    assert_string_equal(page.events[0]->metadata[0]->key, "traceparent");
    assert_string_equal(page.events[0]->metadata[0]->value, traceparent);
    assert_string_equal(page.events[0]->metadata[1]->key, "tracestate");
    assert_string_equal(page.events[0]->metadata[1]->value, "vendor=1");
    sagabase_read_close(read);
}

static void a_stale_revision_is_aborted_and_tells_the_conflict(void **state)
{
    Sagabase__V1__AppendToStreamResponse *response;
    struct proposal proposal;

    (void)state;
    expect(append("s", ""), SAGABASE_OK);
    expect(append("s", ""), SAGABASE_OK);
    propose(&proposal, "s", "");
    proposal.request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
    proposal.request.revision = 0;
    struct sagabase_status status =
        sagabase_append_to_stream(client, &proposal.request, NULL, &response);
    assert_int_equal(status.code, SAGABASE_ABORTED);
    assert_string_equal(status.conflict.stream, "s");
    assert_int_equal(status.conflict.expected.revision, 0);
    assert_int_equal(status.conflict.actual.revision, 1);
    assert_int_equal(status.conflict.actual.state,
                     SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED);

    proposal.request.stream = "missing";
    status = sagabase_append_to_stream(client, &proposal.request, NULL, &response);
    assert_int_equal(status.code, SAGABASE_ABORTED);
    assert_int_equal(status.conflict.actual.state,
                     SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM);
}

static void the_same_append_again_gets_its_first_answer(void **state)
{
    struct proposal proposal;

    (void)state;
    propose(&proposal, "s", "");
    for (int try = 0; try < 2; try++) {
        Sagabase__V1__AppendToStreamResponse *response;
        expect(sagabase_append_to_stream(client, &proposal.request, NULL, &response), SAGABASE_OK);
        assert_int_equal(response->last_revision, 0);
        assert_int_equal(response->replayed, try == 1);
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    }
}

static void several_streams_are_appended_together(void **state)
{
    Sagabase__V1__StreamAppend first = SAGABASE__V1__STREAM_APPEND__INIT, second = first;
    Sagabase__V1__StreamAppend *appends[] = {&first, &second};
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendResponse *response;
    struct proposal one, other;

    (void)state;
    propose(&one, "", "");
    propose(&other, "", "");
    first.stream = "a";
    second.stream = "b";
    first.events = one.events;
    second.events = other.events;
    first.n_events = second.n_events = 1;
    first.expected_case = second.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    first.state = second.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    request.appends = appends;
    request.n_appends = 2;
    expect(sagabase_append(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->n_streams, 2);
    assert_int_equal(response->position, 1);
    sagabase__v1__append_response__free_unpacked(response, NULL);
}

static void streams_and_server_can_be_asked_about(void **state)
{
    Sagabase__V1__GetStreamRequest get = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__ListStreamsRequest list = SAGABASE__V1__LIST_STREAMS_REQUEST__INIT;
    Sagabase__V1__GetInfoRequest ask = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetStreamResponse *got;
    Sagabase__V1__ListStreamsResponse *listed;
    Sagabase__V1__GetInfoResponse *info;

    (void)state;
    expect(append("order-1", ""), SAGABASE_OK);
    get.stream = "order-1";
    expect(sagabase_get_stream(client, &get, NULL, &got), SAGABASE_OK);
    assert_string_equal(got->stream->category, "order");
    sagabase__v1__get_stream_response__free_unpacked(got, NULL);
    get.stream = "order-2";
    expect(sagabase_get_stream(client, &get, NULL, &got), SAGABASE_NOT_FOUND);
    get.stream = "";
    expect(sagabase_get_stream(client, &get, NULL, &got), SAGABASE_INVALID_ARGUMENT);
    expect(sagabase_list_streams(client, &list, NULL, &listed), SAGABASE_OK);
    assert_int_equal(listed->n_streams, 1);
    sagabase__v1__list_streams_response__free_unpacked(listed, NULL);
    expect(sagabase_get_info(client, &ask, NULL, &info), SAGABASE_OK);
    assert_int_equal(info->events, 1);
    sagabase__v1__get_info_response__free_unpacked(info, NULL);
}

static void a_server_that_is_not_there_is_unavailable_after_the_retries(void **state)
{
    struct sagabase_options options = {.retries = 2};
    Sagabase__V1__GetInfoRequest ask = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetInfoResponse *info;
    struct sagabase_client *nobody;

    (void)state;
    expect(sagabase_open("", &nobody), SAGABASE_INVALID_ARGUMENT);
    expect(sagabase_open("127.0.0.1:1", &nobody), SAGABASE_OK);
    expect(sagabase_get_info(nobody, &ask, &options, &info), SAGABASE_UNAVAILABLE);
    sagabase_close(nobody);
}

enum { THREADS = 4, APPENDS = 25 };

static void *append_many(void *stream)
{
    struct sagabase_status *failed = NULL;
    static struct sagabase_status failures[THREADS];
    int number = ((const char *)stream)[0] - 'a';

    for (int i = 0; i < APPENDS && !failed; i++) {
        failures[number] = append(stream, "");
        if (failures[number].code != SAGABASE_OK)
            failed = &failures[number];
    }
    return failed;
}

static void threads_share_a_client(void **state)
{
    static const char *const streams[THREADS] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, (void *)streams[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        struct sagabase_status *failed;
        pthread_join(threads[i], (void **)&failed);
        if (failed)
            fail_msg("%s", failed->message);
    }
    assert_int_equal(event_log_counts(server->log).events, THREADS * APPENDS);
}

static void ids_are_uuids_that_differ(void **state)
{
    char first[SAGABASE_UUID_BYTES], second[SAGABASE_UUID_BYTES];
    struct uuid uuid;

    (void)state;
    sagabase_uuid(first);
    sagabase_uuid(second);
    assert_true(uuid_parse(bytes_of_text(first), &uuid));
    assert_string_not_equal(first, second);
}

/* --- streams ------------------------------------------------------------------- */

static void a_read_that_fails_keeps_its_error(void **state)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    (void)state;
    request.stream = "nothing";
    expect(sagabase_read_stream(client, &request, NULL, &read), SAGABASE_OK);
    expect(sagabase_read_next(read, &page), SAGABASE_NOT_FOUND);
    expect(sagabase_read_next(read, &page), SAGABASE_NOT_FOUND);
    sagabase_read_close(read);
}

static void a_read_may_be_closed_before_its_end(void **state)
{
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    (void)state;
    expect(append("s", ""), SAGABASE_OK);
    expect(sagabase_read_all(client, &request, NULL, &read), SAGABASE_OK);
    sagabase_read_close(read);
    expect(sagabase_read_all(client, &request, NULL, &read), SAGABASE_OK);
    expect(sagabase_read_next(read, &page), SAGABASE_OK);
    assert_int_equal(page.count, 1);
    sagabase_read_close(read);
}

static struct sagabase_subscription *subscribe(const struct sagabase_options *options)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct sagabase_subscription *subscription;

    expect(sagabase_subscribe(client, &request, options, &subscription), SAGABASE_OK);
    return subscription;
}

/* Skips other messages. */
static const Sagabase__V1__SubscribeResponse *next_of(
    struct sagabase_subscription *subscription, Sagabase__V1__SubscribeResponse__MessageCase wanted)
{
    const Sagabase__V1__SubscribeResponse *message;

    do
        expect(sagabase_subscription_next(subscription, &message), SAGABASE_OK);
    while (message->message_case != wanted);
    return message;
}

static void a_subscription_tells_the_past_then_what_is_new(void **state)
{
    (void)state;
    expect(append("s", "past"), SAGABASE_OK);
    struct sagabase_subscription *subscription = subscribe(NULL);
    next_of(subscription, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CONFIRMED);
    const Sagabase__V1__SubscribeResponse *message =
        next_of(subscription, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS);
    assert_int_equal(message->events->events[0]->position, 0);
    next_of(subscription, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP);
    expect(append("s", "new"), SAGABASE_OK);
    message = next_of(subscription, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS);
    assert_int_equal(message->events->events[0]->position, 1);
    sagabase_subscription_close(subscription);
}

static void *cancel(void *subscription)
{
    sagabase_subscription_cancel(subscription);
    return NULL;
}

static void another_thread_cancels_a_subscription(void **state)
{
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_subscription *subscription = subscribe(NULL);
    pthread_t thread;

    (void)state;
    next_of(subscription, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP);
    assert_int_equal(pthread_create(&thread, NULL, cancel, subscription), 0);
    expect(sagabase_subscription_next(subscription, &message), SAGABASE_CANCELLED);
    expect(sagabase_subscription_next(subscription, &message), SAGABASE_CANCELLED);
    pthread_join(thread, NULL);
    sagabase_subscription_close(subscription);
}

static void a_subscription_lives_as_long_as_its_time(void **state)
{
    struct sagabase_options options = {.timeout_ms = 50};
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_subscription *subscription = subscribe(&options);
    struct sagabase_status status;

    (void)state;
    do
        status = sagabase_subscription_next(subscription, &message);
    while (status.code == SAGABASE_OK);
    assert_int_equal(status.code, SAGABASE_DEADLINE_EXCEEDED);
    sagabase_subscription_close(subscription);
}

static void a_server_that_stops_ends_a_subscription_as_unavailable(void **state)
{
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_subscription *subscription = subscribe(NULL);
    struct sagabase_status status;

    (void)state;
    next_of(subscription, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP);
    test_server_stop_rpc(server);
    do
        status = sagabase_subscription_next(subscription, &message);
    while (status.code == SAGABASE_OK);
    assert_int_equal(status.code, SAGABASE_UNAVAILABLE);
    sagabase_subscription_close(subscription);
}

/* --- snapshots -------------------------------------------------------------------- */

static void set_policy(const char *category, uint64_t every_events)
{
    Sagabase__V1__SetSnapshotPolicyRequest request =
        SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__INIT;
    Sagabase__V1__SnapshotPolicy policy = SAGABASE__V1__SNAPSHOT_POLICY__INIT;
    Sagabase__V1__SetSnapshotPolicyResponse *response;

    policy.every_events = every_events;
    request.target_case = SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_CATEGORY;
    request.category = (char *)category;
    request.policy = &policy;
    expect(sagabase_set_snapshot_policy(client, &request, NULL, &response), SAGABASE_OK);
    sagabase__v1__set_snapshot_policy_response__free_unpacked(response, NULL);
}

static void a_stream_that_is_due_is_told_by_loading_and_by_subscribing(void **state)
{
    Sagabase__V1__LoadStreamRequest load = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    Sagabase__V1__SubscribeDueRequest subscribe = SAGABASE__V1__SUBSCRIBE_DUE_REQUEST__INIT;
    const Sagabase__V1__SubscribeDueResponse *told;
    struct sagabase_due *due;
    struct sagabase_read *read;
    struct sagabase_page page;

    (void)state;
    set_policy("order", 2);
    expect(sagabase_subscribe_due(client, &subscribe, NULL, &due), SAGABASE_OK);
    expect(append("order-1", ""), SAGABASE_OK);
    expect(append("order-1", ""), SAGABASE_OK);
    expect(sagabase_due_next(due, &told), SAGABASE_OK);
    assert_string_equal(told->stream, "order-1");
    assert_int_equal(told->revision, 1);
    load.stream = "order-1";
    expect(sagabase_load_stream(client, &load, NULL, &read), SAGABASE_OK);
    expect(sagabase_read_next(read, &page), SAGABASE_OK);
    assert_int_equal(page.count, 2);
    assert_true(page.due);
    expect(sagabase_read_next(read, &page), SAGABASE_OK);
    assert_false(page.due);
    sagabase_read_close(read);
    sagabase_due_cancel(due);
    expect(sagabase_due_next(due, &told), SAGABASE_CANCELLED);
    sagabase_due_close(due);
}

/* --- sessions --------------------------------------------------------------------- */

static struct sagabase_status send_append(struct sagabase_session *session, uint64_t number,
                                          const char *stream)
{
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    Sagabase__V1__AppendRequest appended = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__StreamAppend one = SAGABASE__V1__STREAM_APPEND__INIT;
    Sagabase__V1__StreamAppend *appends[] = {&one};
    struct proposal proposal;

    propose(&proposal, "", "");
    one.stream = (char *)stream;
    one.events = proposal.events;
    one.n_events = 1;
    one.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    one.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    appended.appends = appends;
    appended.n_appends = 1;
    request.correlation_id = number;
    request.append = &appended;
    return sagabase_session_send(session, &request);
}

enum { SESSION_APPENDS = 1000 };

static void *send_all(void *session)
{
    static struct sagabase_status failed;

    for (uint64_t i = 0; i < SESSION_APPENDS; i++) {
        failed = send_append(session, i, "s");
        if (failed.code != SAGABASE_OK)
            return &failed;
    }
    failed = sagabase_session_finish(session);
    return failed.code == SAGABASE_OK ? NULL : &failed;
}

static void one_thread_sends_while_another_receives(void **state)
{
    const Sagabase__V1__AppendSessionResponse *response;
    struct sagabase_session *session;
    struct sagabase_status *failed;
    uint64_t next = 0;
    pthread_t thread;

    (void)state;
    expect(sagabase_session_open(client, NULL, &session), SAGABASE_OK);
    assert_int_equal(pthread_create(&thread, NULL, send_all, session), 0);
    do {
        expect(sagabase_session_receive(session, &response), SAGABASE_OK);
        for (size_t i = 0; response && i < response->n_results; i++, next++) {
            assert_int_equal(response->results[i]->correlation_id, next);
            assert_int_equal(response->results[i]->appended->position, next);
        }
    } while (response);
    pthread_join(thread, (void **)&failed);
    assert_null(failed);
    assert_int_equal(next, SESSION_APPENDS);
    sagabase_session_close(session);
}

static void a_failed_append_does_not_end_its_session(void **state)
{
    const Sagabase__V1__AppendSessionResponse *response;
    struct sagabase_session *session;
    enum sagabase_code codes[3];
    size_t seen = 0;

    (void)state;
    expect(sagabase_session_open(client, NULL, &session), SAGABASE_OK);
    expect(send_append(session, 0, "s"), SAGABASE_OK);
    expect(send_append(session, 1, ""), SAGABASE_OK);
    expect(send_append(session, 2, "s"), SAGABASE_OK);
    while (seen < 3) {
        expect(sagabase_session_receive(session, &response), SAGABASE_OK);
        assert_non_null(response);
        for (size_t i = 0; i < response->n_results; i++, seen++) {
            const Sagabase__V1__AppendResult *result = response->results[i];
            bool failed = result->outcome_case == SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED;
            codes[result->correlation_id] =
                failed ? sagabase_failure(result->failed).code : SAGABASE_OK;
        }
    }
    assert_int_equal(codes[0], SAGABASE_OK);
    assert_int_equal(codes[1], SAGABASE_INVALID_ARGUMENT);
    assert_int_equal(codes[2], SAGABASE_OK);
    sagabase_session_close(session);
}

static void a_session_that_is_over_says_so_when_sending(void **state)
{
    const Sagabase__V1__AppendSessionResponse *response;
    struct sagabase_session *session;
    struct sagabase_status status;

    (void)state;
    expect(sagabase_session_open(client, NULL, &session), SAGABASE_OK);
    sagabase_session_cancel(session);
    status = sagabase_session_receive(session, &response);
    assert_int_equal(status.code, SAGABASE_CANCELLED);
    expect(send_append(session, 0, "s"), SAGABASE_CANCELLED);
    sagabase_session_close(session);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(what_is_appended_is_read_back),
        with_server(a_call_belongs_to_the_trace_that_its_options_name),
        with_server(a_stale_revision_is_aborted_and_tells_the_conflict),
        with_server(the_same_append_again_gets_its_first_answer),
        with_server(several_streams_are_appended_together),
        with_server(streams_and_server_can_be_asked_about),
        cmocka_unit_test(a_server_that_is_not_there_is_unavailable_after_the_retries),
        with_server(threads_share_a_client),
        cmocka_unit_test(ids_are_uuids_that_differ),
        with_server(a_read_that_fails_keeps_its_error),
        with_server(a_read_may_be_closed_before_its_end),
        with_server(a_subscription_tells_the_past_then_what_is_new),
        with_server(another_thread_cancels_a_subscription),
        with_server(a_subscription_lives_as_long_as_its_time),
        with_server(a_server_that_stops_ends_a_subscription_as_unavailable),
        with_server(a_stream_that_is_due_is_told_by_loading_and_by_subscribing),
        with_server(one_thread_sends_while_another_receives),
        with_server(a_failed_append_does_not_end_its_session),
        with_server(a_session_that_is_over_says_so_when_sending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
