/* Erasure and scavenging as a client sees them, while a subscription follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/admin.pb-c.h"
#include "tests/integration/services/expect.h"

#define ADMIN(method) "/sagabase.v1.Admin/" method

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

static struct status erase_stream(struct test_server *server, const char *stream,
                                  const char *reason, Sagabase__V1__EraseStreamResponse **response)
{
    Sagabase__V1__EraseStreamRequest request = SAGABASE__V1__ERASE_STREAM_REQUEST__INIT;

    request.stream = (char *)stream;
    request.reason = (char *)reason;
    return rpc_client_ask(server->client, EVENT_STORE("EraseStream"), &request.base,
                          &sagabase__v1__erase_stream_response__descriptor, (void **)response);
}

static struct status erase_event(struct test_server *server, const char *stream, uint64_t revision,
                                 Sagabase__V1__EraseEventResponse **response)
{
    Sagabase__V1__EraseEventRequest request = SAGABASE__V1__ERASE_EVENT_REQUEST__INIT;

    request.stream = (char *)stream;
    request.revision = revision;
    request.reason = (char *)"a test";
    return rpc_client_ask(server->client, EVENT_STORE("EraseEvent"), &request.base,
                          &sagabase__v1__erase_event_response__descriptor, (void **)response);
}

/* Events of a subscription to all streams, until there are `count` of them. */
static void receive(struct rpc_call *call, size_t count, size_t *erased)
{
    size_t received = 0;

    *erased = 0;
    while (received < count) {
        Sagabase__V1__SubscribeResponse *response =
            rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor);
        assert_non_null(response);
        if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS) {
            for (size_t i = 0; i < response->events->n_events; i++) {
                const Sagabase__V1__RecordedEvent *event = response->events->events[i];
                *erased += event->erased_us != 0;
                assert_true(event->erased_us == 0 || event->data.len == 0);
            }
            received += response->events->n_events;
        }
        forget(response);
    }
    assert_int_equal(received, count);
}

static struct rpc_call *subscribe(struct test_server *server)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;

    return open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
}

static void end(struct rpc_call *call)
{
    rpc_call_cancel(call);
    rpc_call_finish(call);
    rpc_call_free(call);
}

static void subscriptions_go_on_over_an_erasure(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__EraseStreamResponse *response;
    struct rpc_call *live = subscribe(server);
    size_t erased;

    expect_ok(append_new(server->client, "a-1", 3));
    expect_ok(append_new(server->client, "b-1", 2));
    receive(live, 5, &erased);
    assert_int_equal(erased, 0);
    expect_ok(erase_stream(server, "a-1", "a test", &response));
    assert_int_equal(response->erased_events, 3);
    assert_int_equal(response->notice_position, 5);
    forget(response);
    expect_ok(append_new(server->client, "a-1", 1));
    receive(live, 2, &erased);
    assert_int_equal(erased, 0); /* the notice, and what came after it */
    end(live);
    live = subscribe(server);
    receive(live, 7, &erased);
    assert_int_equal(erased, 3);
    end(live);
}

static void erased_event_is_not_erased_again(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__EraseEventResponse *response;

    expect_ok(append_new(server->client, "a-1", 2));
    expect_ok(erase_event(server, "a-1", 1, &response));
    assert_int_equal(response->notice_case,
                     SAGABASE__V1__ERASE_EVENT_RESPONSE__NOTICE_NOTICE_POSITION);
    assert_int_equal(response->notice_position, 2);
    forget(response);
    expect_ok(erase_event(server, "a-1", 1, &response));
    assert_int_equal(response->notice_case, SAGABASE__V1__ERASE_EVENT_RESPONSE__NOTICE__NOT_SET);
    forget(response);
}

static void what_cannot_be_erased_is_told(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__EraseStreamResponse *all;
    Sagabase__V1__EraseEventResponse *one;

    expect_ok(append_new(server->client, "a-1", 2));
    expect_status(erase_stream(server, "", "a test", &all), STATUS_INVALID_ARGUMENT, "stream: 1");
    expect_status(erase_stream(server, "a-1", "", &all), STATUS_INVALID_ARGUMENT, "reason: 1");
    expect_status(erase_stream(server, "x", "a test", &all), STATUS_NOT_FOUND, "no such stream");
    expect_status(erase_event(server, "a-1", 2, &one), STATUS_NOT_FOUND,
                  "revision: the newest one is 1");
}

static Sagabase__V1__GetScavengeResponse *get_scavenge(struct test_server *server)
{
    Sagabase__V1__GetScavengeRequest request = SAGABASE__V1__GET_SCAVENGE_REQUEST__INIT;
    Sagabase__V1__GetScavengeResponse *progress;

    expect_ok(rpc_client_ask(server->client, ADMIN("GetScavenge"), &request.base,
                             &sagabase__v1__get_scavenge_response__descriptor, (void **)&progress));
    return progress;
}

/* How many events ReadAll gives from a position on. */
static size_t read_all_from(struct test_server *server, uint64_t position, bool backwards)
{
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__ReadAllResponse *page;
    size_t count = 0;

    request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION;
    request.position = position;
    request.direction = backwards ? SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS
                                  : SAGABASE__V1__DIRECTION__DIRECTION_FORWARDS;
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadAll"), &request.base);
    while ((page = rpc_call_receive(call, &sagabase__v1__read_all_response__descriptor))) {
        count += page->n_events;
        forget(page);
    }
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
    return count;
}

static void what_is_left_of_scavenged_events_is_read_as_nothing(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__StartScavengeRequest request = SAGABASE__V1__START_SCAVENGE_REQUEST__INIT;
    Sagabase__V1__DeleteStreamRequest deletion = SAGABASE__V1__DELETE_STREAM_REQUEST__INIT;
    static const char *const names[] = {"a-1", "c-1"};
    void *response;

    expect_ok(append_new(server->client, "a-1", 3));
    expect_ok(append_new(server->client, "b-1", 1));
    expect_ok(append_new(server->client, "c-1", 3));
    for (size_t i = 0; i < 2; i++) {
        deletion.stream = (char *)names[i];
        deletion.expected_case = SAGABASE__V1__DELETE_STREAM_REQUEST__EXPECTED_REVISION;
        deletion.revision = 2;
        expect_ok(rpc_client_ask(server->client, EVENT_STORE("DeleteStream"), &deletion.base,
                                 &sagabase__v1__delete_stream_response__descriptor, &response));
        forget(response);
    }
    expect_ok(rpc_client_ask(server->client, ADMIN("StartScavenge"), &request.base,
                             &sagabase__v1__start_scavenge_response__descriptor, &response));
    forget(response);
    for (bool runs = true; runs;) {
        Sagabase__V1__GetScavengeResponse *progress = get_scavenge(server);
        runs = progress->state == SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_RUNNING;
        forget(progress);
    }
    assert_int_equal(read_all_from(server, 0, false), 1);
    assert_int_equal(read_all_from(server, 5, false), 0);
    assert_int_equal(read_all_from(server, 6, true), 1);
    assert_int_equal(read_all_from(server, 1, true), 0);
    assert_int_equal(read_all_from(server, 0, true), 0);
}

static void scavenge_is_started_and_looked_at(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__StartScavengeRequest request = SAGABASE__V1__START_SCAVENGE_REQUEST__INIT;
    Sagabase__V1__CancelScavengeRequest cancellation = SAGABASE__V1__CANCEL_SCAVENGE_REQUEST__INIT;
    Sagabase__V1__DeleteStreamRequest deletion = SAGABASE__V1__DELETE_STREAM_REQUEST__INIT;
    void *response;

    expect_ok(append_new(server->client, "a-1", 30));
    expect_ok(append_new(server->client, "b-1", 3));
    deletion.stream = (char *)"a-1";
    deletion.expected_case = SAGABASE__V1__DELETE_STREAM_REQUEST__EXPECTED_REVISION;
    deletion.revision = 29;
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("DeleteStream"), &deletion.base,
                             &sagabase__v1__delete_stream_response__descriptor, &response));
    forget(response);
    Sagabase__V1__GetScavengeResponse *progress = get_scavenge(server);
    assert_int_equal(progress->state, SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_NONE);
    forget(progress);
    expect_status(rpc_client_ask(server->client, ADMIN("CancelScavenge"), &cancellation.base,
                                 &sagabase__v1__cancel_scavenge_response__descriptor, &response),
                  STATUS_FAILED_PRECONDITION, "no scavenge is running");
    expect_ok(rpc_client_ask(server->client, ADMIN("StartScavenge"), &request.base,
                             &sagabase__v1__start_scavenge_response__descriptor, &response));
    forget(response);
    progress = get_scavenge(server);
    while (progress->state == SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_RUNNING) {
        forget(progress);
        progress = get_scavenge(server);
    }
    assert_int_equal(progress->state, SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_DONE);
    assert_int_equal(progress->position, 33);
    assert_int_equal(progress->end, 33);
    assert_int_equal(progress->removed_events, 30);
    assert_true(progress->removed_bytes > 30 * 50);
    assert_true(progress->ended_us >= progress->started_us);
    forget(progress);
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(subscriptions_go_on_over_an_erasure),
        server_test(erased_event_is_not_erased_again),
        server_test(what_cannot_be_erased_is_told),
        server_test(what_is_left_of_scavenged_events_is_read_as_nothing),
        server_test(scavenge_is_started_and_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
