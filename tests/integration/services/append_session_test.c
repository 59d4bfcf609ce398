/* AppendSession as a client sees it. Goal: each append gets exactly one result, in the order
 * sent, whatever becomes of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/services/expect.h"

enum { MANY = 2000 }; /* several times what one session has in flight */

static int set_up(void **state)
{
    *state = test_server_start(NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    test_server_stop(*state);
    return 0;
}

static struct rpc_call *open_session(struct test_server *server)
{
    return rpc_call_open(server->client, EVENT_STORE("AppendSession"), 0);
}

/* Sends one event for a stream; with `revision` or for any state of it. */
static bool send_append(struct rpc_call *call, uint64_t correlation_id, const char *stream,
                        const uint64_t *revision)
{
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__StreamAppend part = append_part(stream, &proposals), *parts = &part;
    Sagabase__V1__AppendRequest append = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;

    if (revision) {
        part.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION;
        part.revision = *revision;
    }
    append.appends = &parts;
    append.n_appends = 1;
    request.correlation_id = correlation_id;
    request.append = &append;
    bool sent = rpc_call_send(call, &request.base);
    proposals_free(&proposals);
    return sent;
}

/* Results one by one, out of the messages they come in. */
struct results {
    struct rpc_call *call;
    Sagabase__V1__AppendSessionResponse *message;
    size_t next;
};

/* NULL: there are no more. Valid until the next call. */
static Sagabase__V1__AppendResult *next_result(struct results *results)
{
    while (!results->message || results->next == results->message->n_results) {
        forget(results->message);
        results->next = 0;
        results->message =
            rpc_call_receive(results->call, &sagabase__v1__append_session_response__descriptor);
        if (!results->message)
            return NULL;
    }
    return results->message->results[results->next++];
}

static void results_come_in_the_order_sent_with_failures_between(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call = open_session(server);
    struct results results = {.call = call};
    uint64_t stale = 1000000;

    for (uint64_t i = 0; i < 90; i++) {
        const char *stream = i % 3 == 1 ? "$refused" : "order-1";
        assert_true(send_append(call, 100 + i, stream, i % 3 == 2 ? &stale : NULL));
    }
    rpc_call_half_close(call);
    for (uint64_t i = 0; i < 90; i++) {
        Sagabase__V1__AppendResult *result = next_result(&results);

        assert_non_null(result);
        assert_int_equal(result->correlation_id, 100 + i);
        if (i % 3 == 0) {
            assert_int_equal(result->outcome_case, SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED);
            assert_int_equal(result->appended->streams[0]->last_revision, i / 3);
            assert_int_equal(result->appended->position, i / 3);
            continue;
        }
        assert_int_equal(result->outcome_case, SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED);
        if (i % 3 == 1) {
            assert_int_equal(result->failed->code, STATUS_INVALID_ARGUMENT);
            assert_non_null(strstr(result->failed->message, "appends[0].stream: names that"));
            assert_null(result->failed->conflict);
        } else {
            assert_int_equal(result->failed->code, STATUS_ABORTED);
            assert_int_equal(result->failed->conflict->expected_revision, stale);
        }
    }
    assert_null(next_result(&results));
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
}

static void append_that_is_missing_fails_alone(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call = open_session(server);
    struct results results = {.call = call};
    Sagabase__V1__AppendSessionRequest empty = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    Sagabase__V1__AppendResult *result;

    assert_true(rpc_call_send(call, &empty.base));
    assert_true(send_append(call, 2, "order-1", NULL));
    result = next_result(&results);
    assert_non_null(result);
    assert_string_equal(result->failed->message, "append: required");
    result = next_result(&results);
    assert_non_null(result);
    assert_int_equal(result->correlation_id, 2);
    rpc_call_half_close(call);
    assert_null(next_result(&results));
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
}

struct sender {
    struct rpc_call *call;
    bool sent_all;
};

static void *send_many(void *argument)
{
    struct sender *sender = argument;

    sender->sent_all = true;
    for (uint64_t i = 0; i < MANY; i++)
        sender->sent_all = send_append(sender->call, i, "order-1", NULL) && sender->sent_all;
    rpc_call_half_close(sender->call);
    return NULL;
}

static void more_appends_than_fit_in_flight_are_all_answered(void **state)
{
    struct test_server *server = *state;
    struct sender sender = {.call = open_session(server)};
    struct results results = {.call = sender.call};
    pthread_t thread;
    uint64_t wrong = 0, received = 0;
    Sagabase__V1__AppendResult *result;

    assert_int_equal(pthread_create(&thread, NULL, send_many, &sender), 0);
    while ((result = next_result(&results)) != NULL) {
        assert_true(results.message->n_results <= 256);
        wrong += result->correlation_id != received ||
                 result->outcome_case != SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED ||
                 result->appended->position != received;
        received++;
    }
    pthread_join(thread, NULL);
    assert_true(sender.sent_all);
    assert_int_equal(wrong, 0);
    assert_int_equal(received, MANY);
    expect_ok(rpc_call_finish(sender.call));
    rpc_call_free(sender.call);
    assert_int_equal(event_log_counts(server->log).events, MANY);
}

static void malformed_message_ends_the_session(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call = open_session(server);
    struct results results = {.call = call};

    assert_true(rpc_call_send_bytes(call, bytes_of_text("\x12\xff")));
    while (next_result(&results))
        continue;
    expect_status(rpc_call_finish(call), STATUS_INVALID_ARGUMENT, "");
    rpc_call_free(call);
    expect_ok(append_new(server->client, "order-1", 1));
}

static void client_that_vanishes_leaves_a_server_that_works(void **state)
{
    struct test_server *server = *state;

    for (int i = 0; i < 10; i++) {
        struct rpc_call *call = open_session(server);
        for (uint64_t j = 0; j < 50; j++)
            send_append(call, j, "order-1", NULL);
        rpc_call_free(call); /* cancels, with results still to come */
    }
    expect_ok(append_new(server->client, "order-1", 1));
}

static void shutdown_ends_a_session_with_unavailable(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call = open_session(server);
    struct results results = {.call = call};

    assert_true(send_append(call, 1, "order-1", NULL));
    assert_non_null(next_result(&results));
    test_server_stop_rpc(server);
    assert_null(next_result(&results));
    expect_status(rpc_call_finish(call), STATUS_UNAVAILABLE, "shutting down");
    rpc_call_free(call);
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(results_come_in_the_order_sent_with_failures_between),
        behaves(append_that_is_missing_fails_alone),
        behaves(more_appends_than_fit_in_flight_are_all_answered),
        behaves(malformed_message_ends_the_session),
        behaves(client_that_vanishes_leaves_a_server_that_works),
        behaves(shutdown_ends_a_session_with_unavailable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
