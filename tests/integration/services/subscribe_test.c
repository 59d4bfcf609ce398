/* Subscribe as a client sees it. Goal: every event that is asked for exactly once and in order,
 * whatever happens at the same time, and every documented message and error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/services/expect.h"
#include "tests/support/log_fixture.h"

enum { TINY_TAIL_BYTES = 1024 };

static int set_up(void **state)
{
    *state = test_server_start(NULL, 0);
    return 0;
}

static int set_up_with_tiny_tail(void **state)
{
    *state = test_server_start(NULL, TINY_TAIL_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    test_server_stop(*state);
    return 0;
}

/* --- a subscriber ------------------------------------------------------------- */

#define MESSAGE(kind) SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_##kind

typedef Sagabase__V1__SubscribeRequest Request;
typedef Sagabase__V1__SubscribeResponse Message;

static Request request_all(void)
{
    Request request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    return request;
}

static Request request_stream(const char *stream)
{
    Request request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;

    request.stream = (char *)stream;
    return request;
}

static Message *receive(struct rpc_call *call)
{
    return rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor);
}

/* Opens the call and takes the confirmation. */
static struct rpc_call *subscribe(struct test_server *server, const Request *request)
{
    struct rpc_call *call = open_with(server->client, EVENT_STORE("Subscribe"), &request->base);
    Message *message = receive(call);

    if (!message)
        fail_msg("not confirmed: %s", rpc_call_finish(call).message);
    assert_int_equal(message->message_case, MESSAGE(CONFIRMED));
    assert_int_equal(strlen(message->confirmed->subscription_id), 36);
    forget(message);
    return call;
}

static struct status refusal(struct test_server *server, const Request *request)
{
    struct rpc_call *call = open_with(server->client, EVENT_STORE("Subscribe"), &request->base);
    struct status status;

    assert_null(receive(call));
    status = rpc_call_finish(call);
    rpc_call_free(call);
    return status;
}

/* What a subscriber has seen. */
struct seen {
    struct rpc_call *call;
    bool by_revision;
    bool any; /* an event; then: */
    uint64_t next;
    size_t events, checkpoints, caught_up, fell_behind;
    uint64_t checkpoint;         /* the last one's position */
    uint64_t caught_up_position; /* likewise */
    bool gap;                    /* an event did not follow its predecessor */
};

static void see_event(struct seen *seen, const Sagabase__V1__RecordedEvent *event)
{
    uint64_t index = seen->by_revision ? event->revision : event->position;

    if (seen->any && index != seen->next)
        seen->gap = true;
    seen->any = true;
    seen->next = index + 1;
    seen->events++;
}

/* Takes one message. False: the call is over. */
static bool see(struct seen *seen)
{
    Message *message = receive(seen->call);

    if (!message)
        return false;
    switch (message->message_case) {
    case MESSAGE(EVENTS):
        for (size_t i = 0; i < message->events->n_events; i++)
            see_event(seen, message->events->events[i]);
        break;
    case MESSAGE(CHECKPOINT):
        seen->checkpoints++;
        seen->checkpoint = message->checkpoint->position;
        break;
    case MESSAGE(CAUGHT_UP):
        seen->caught_up++;
        seen->caught_up_position = message->caught_up->position;
        break;
    case MESSAGE(FELL_BEHIND):
        seen->fell_behind++;
        break;
    default:
        seen->gap = true; /* nothing else may come */
    }
    forget(message);
    return true;
}

static void see_events(struct seen *seen, size_t count)
{
    while (seen->events < count)
        assert_true(see(seen));
}

static void see_caught_up(struct seen *seen)
{
    size_t before = seen->caught_up;

    while (seen->caught_up == before)
        assert_true(see(seen));
}

static void leave(struct seen *seen)
{
    assert_false(seen->gap);
    rpc_call_free(seen->call);
}

/* --- history and live ----------------------------------------------------------- */

static void history_comes_first_then_live_events(void **state)
{
    struct test_server *server = *state;
    Request request = request_all();
    struct seen seen = {0};

    expect_ok(append_new(server->client, "a", 2500));
    seen.call = subscribe(server, &request);
    see_caught_up(&seen);
    assert_int_equal(seen.events, 2500);
    assert_int_equal(seen.caught_up_position, 2499);
    for (size_t i = 0; i < 5; i++) {
        expect_ok(append_new(server->client, "b", 3));
        see_events(&seen, 2500 + 3 * (i + 1));
    }
    assert_int_equal(seen.caught_up, 1);
    assert_int_equal(seen.fell_behind, 0);
    assert_int_equal(seen.next, 2515);
    leave(&seen);
}

static void empty_store_is_caught_up_without_a_position(void **state)
{
    struct test_server *server = *state;
    Request request = request_all();
    struct seen seen = {.call = subscribe(server, &request)};
    Message *message = receive(seen.call);

    assert_int_equal(message->message_case, MESSAGE(CAUGHT_UP));
    assert_false(message->caught_up->has_position);
    forget(message);
    expect_ok(append_new(server->client, "a", 1));
    see_events(&seen, 1);
    leave(&seen);
}

static void stream_that_does_not_exist_yet_may_be_subscribed_to(void **state)
{
    struct test_server *server = *state;
    Request request = request_stream("order-1");
    struct seen seen = {.call = subscribe(server, &request), .by_revision = true};

    see_caught_up(&seen);
    expect_ok(append_new(server->client, "other", 10));
    expect_ok(append_new(server->client, "order-1", 2));
    see_events(&seen, 2);
    expect_ok(append_new(server->client, "other", 10));
    expect_ok(append_new(server->client, "order-1", 3));
    see_events(&seen, 5);
    assert_int_equal(seen.next, 5);
    leave(&seen);
}

struct writer {
    struct event_log *log;
    size_t appends;
    const char *streams[3];
    struct status status;
};

static void *write_many(void *argument)
{
    struct writer *writer = argument;

    writer->status = OK;
    for (size_t i = 0; i < writer->appends && status_ok(writer->status); i++)
        writer->status = append_some(writer->log, writer->streams[i % 3], ANY, 1 + i % 7, NULL);
    return NULL;
}

static size_t events_of(size_t appends, size_t stream)
{
    size_t events = 0;

    for (size_t i = 0; i < appends; i++)
        if (stream == 3 || i % 3 == stream)
            events += 1 + i % 7;
    return events;
}

/* Readers of everything and of one stream join at different times while a writer
 * appends; each sees everything, once, in order. */
static void nothing_is_lost_or_repeated_while_a_writer_appends(struct test_server *server)
{
    struct writer writer = {.log = server->log, .appends = 1500, .streams = {"a", "b", "c"}};
    Request all = request_all(), one = request_stream("b");
    struct seen readers[8];
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, write_many, &writer), 0);
    for (size_t i = 0; i < 8; i++) {
        readers[i] = (struct seen){.by_revision = i % 2};
        readers[i].call = subscribe(server, i % 2 ? &one : &all);
        see_events(&readers[i], 10 * i);
    }
    for (size_t i = 0; i < 8; i++) {
        see_events(&readers[i], events_of(writer.appends, i % 2 ? 1 : 3));
        assert_int_equal(readers[i].next, readers[i].events); /* it began with 0 */
        leave(&readers[i]);
    }
    pthread_join(thread, NULL);
    expect_ok(writer.status);
}

static void readers_see_everything_once_while_a_writer_appends(void **state)
{
    nothing_is_lost_or_repeated_while_a_writer_appends(*state);
}

static void readers_that_fall_behind_see_everything_once(void **state)
{
    nothing_is_lost_or_repeated_while_a_writer_appends(*state);
}

/* Events of 1,000 bytes, straight to the log. */
static struct status append_large(struct event_log *log, const char *stream, size_t count)
{
    static const uint8_t data[1000];
    struct new_event events[200];
    struct stream_append part = {
        .stream = bytes_of_text(stream), .expected = ANY, .events = events, .event_count = count};
    struct append append = {.streams = &part, .stream_count = 1};

    assert_true(count <= 200);
    for (size_t i = 0; i < count; i++) {
        events[i] = make_event(uuid_random());
        events[i].data = bytes_of(data, sizeof data);
    }
    return run_append(log, &append);
}

/* The transport takes a few MiB for a client that does not read; after that the
 * subscription waits, and the newest records leave memory without it. */
static void slow_reader_is_told_that_it_fell_behind_and_misses_nothing(void **state)
{
    struct test_server *server = *state;
    Request request = request_all();
    struct seen seen = {.call = subscribe(server, &request)};
    size_t appended = 0;

    see_caught_up(&seen);
    for (; appended < 40000; appended += 200)
        expect_ok(append_large(server->log, "a", 200));
    see_events(&seen, appended);
    assert_true(seen.fell_behind >= 1);
    see_caught_up(&seen);
    assert_int_equal(seen.next, appended);
    leave(&seen);
}

/* --- where to begin ----------------------------------------------------------------- */

static void subscription_resumes_behind_the_last_event_handled(void **state)
{
    struct test_server *server = *state;
    Request all = request_all(), one = request_stream("a");
    struct seen seen = {0};

    expect_ok(append_new(server->client, "a", 10));
    expect_ok(append_new(server->client, "b", 10));
    all.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
    all.after_position = 4;
    seen.call = subscribe(server, &all);
    see_caught_up(&seen);
    assert_int_equal(seen.events, 15);
    assert_int_equal(seen.next, 20);
    leave(&seen);

    one.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_REVISION;
    one.after_revision = 0;
    seen = (struct seen){.call = subscribe(server, &one), .by_revision = true};
    see_caught_up(&seen);
    assert_int_equal(seen.events, 9);
    expect_ok(append_new(server->client, "a", 1));
    see_events(&seen, 10);
    assert_int_equal(seen.next, 11);
    leave(&seen);
}

static void subscription_from_the_end_sees_new_events_only(void **state)
{
    struct test_server *server = *state;
    Request requests[] = {request_all(), request_stream("a"), request_stream("new")};

    expect_ok(append_new(server->client, "a", 10));
    for (size_t i = 0; i < 3; i++) {
        struct seen seen = {.by_revision = i > 0};

        requests[i].from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_EDGE;
        requests[i].edge = SAGABASE__V1__EDGE__EDGE_END;
        seen.call = subscribe(server, &requests[i]);
        see_caught_up(&seen);
        assert_int_equal(seen.events, 0);
        expect_ok(append_new(server->client, i == 2 ? "new" : "a", 2));
        see_events(&seen, 2);
        leave(&seen);
    }
}

static void place_beyond_the_end_waits_for_what_lies_behind_it(void **state)
{
    struct test_server *server = *state;
    Request one = request_stream("a"), all = request_all();
    struct seen seen = {0};

    expect_ok(append_new(server->client, "a", 2));
    one.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_REVISION;
    one.after_revision = 3;
    seen = (struct seen){.call = subscribe(server, &one), .by_revision = true};
    see_caught_up(&seen);
    expect_ok(append_new(server->client, "a", 1));
    expect_ok(append_new(server->client, "a", 2));
    see_events(&seen, 1);
    assert_int_equal(seen.next, 5); /* revision 4 */
    leave(&seen);

    all.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
    all.after_position = 6;
    seen = (struct seen){.call = subscribe(server, &all)};
    see_caught_up(&seen);
    assert_int_equal(seen.caught_up_position, 4);
    expect_ok(append_new(server->client, "b", 1));
    expect_ok(append_new(server->client, "b", 3));
    see_events(&seen, 2);
    assert_int_equal(seen.next, 9);
    leave(&seen);
}

static void wrong_subscriptions_are_refused_with_field_and_rule(void **state)
{
    struct test_server *server = *state;
    static char long_name[1026];
    Sagabase__V1__Query query = SAGABASE__V1__QUERY__INIT;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    Request request = request_all();

    memset(long_name, 'n', 1025);
    request.stream = long_name;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT, "stream: 1 to 1024 bytes");
    request = request_all();
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_REVISION;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "after_revision: only with a stream");
    request = request_stream("a");
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "after_position: only for all streams");
    request = request_all();
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
    request.after_position = UINT64_MAX;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT, "after_position: below");
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_EDGE;
    request.edge = (Sagabase__V1__Edge)5;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT, "edge: 5 is not");
    request = request_all();
    request.checkpoint_interval = 5;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "checkpoint_interval: only with a filter");
    request.filter = &filter;
    request.checkpoint_interval = 1000001;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "checkpoint_interval: 1 to 1000000");
    request = request_stream("a");
    request.filter = &filter;
    request.checkpoint_interval = 10;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "checkpoint_interval: only with a filter or query, without a stream");
    request.filter = NULL;
    request.checkpoint_interval = 0;
    request.query = &query;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "query: only without a stream");
    request = request_all();
    request.query = &query;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT, "query.items: 1 to 32");
    request = request_all();
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_TIME_US;
    request.time_us = -1;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT, "time_us: not negative");
}

static void wrong_filters_are_refused_with_field_and_rule(void **state)
{
    struct test_server *server = *state;
    static char long_name[1026];
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    char *prefixes[65];
    Request request = request_all();

    memset(long_name, 'n', 1025);
    request.filter = &filter;
    filter.stream_regex = (char *)"order-(";
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "filter.stream_regex: missing closing parenthesis at offset 7");
    filter.stream_regex = long_name;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "filter.stream_regex: at most 1024 bytes");
    filter = (Sagabase__V1__Filter)SAGABASE__V1__FILTER__INIT;
    for (size_t i = 0; i < 65; i++)
        prefixes[i] = (char *)"p";
    filter.type_prefixes = prefixes;
    filter.n_type_prefixes = 65;
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "filter.type_prefixes: at most 64");
    filter.n_type_prefixes = 2;
    prefixes[1] = (char *)"";
    expect_status(refusal(server, &request), STATUS_INVALID_ARGUMENT,
                  "filter.type_prefixes[1]: 1 to 256 bytes");
}

/* --- filters ------------------------------------------------------------------------- */

static void filter_sends_what_matches_in_history_and_live(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    char *prefix = (char *)"order-";
    Request request = request_all();
    Message *message;
    struct rpc_call *call;

    request.filter = &filter;
    filter.stream_prefixes = &prefix;
    filter.n_stream_prefixes = 1;
    filter.type_regex = (char *)"^(Placed|Paid)$";
    expect_ok(append_typed(server->client, "order-1", "Placed"));
    expect_ok(append_typed(server->client, "order-1", "Placed too"));
    expect_ok(append_typed(server->client, "invoice-1", "Paid"));
    call = subscribe(server, &request);
    message = receive(call);
    assert_int_equal(message->message_case, MESSAGE(EVENTS));
    assert_int_equal(message->events->n_events, 1);
    assert_int_equal(message->events->events[0]->position, 0);
    forget(message);
    message = receive(call); /* positions 1 and 2 were looked at */
    assert_int_equal(message->message_case, MESSAGE(CHECKPOINT));
    assert_int_equal(message->checkpoint->position, 2);
    forget(message);
    message = receive(call);
    assert_int_equal(message->message_case, MESSAGE(CAUGHT_UP));
    forget(message);
    expect_ok(append_typed(server->client, "invoice-1", "Paid"));
    expect_ok(append_typed(server->client, "order-2", "Paid"));
    message = receive(call);
    assert_int_equal(message->message_case, MESSAGE(EVENTS));
    assert_int_equal(message->events->n_events, 1);
    assert_string_equal(message->events->events[0]->stream, "order-2");
    forget(message);
    rpc_call_free(call);
}

static void checkpoints_come_while_nothing_matches(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    Request request = request_all();
    struct seen seen = {0};

    filter.stream_regex = (char *)"nothing is named like this";
    request.filter = &filter;
    request.checkpoint_interval = 100;
    expect_ok(append_new(server->client, "a", 1050));
    seen.call = subscribe(server, &request);
    see_caught_up(&seen);
    assert_int_equal(seen.checkpoints, 11); /* and one for the last 50 */
    assert_int_equal(seen.checkpoint, 1049);
    expect_ok(append_new(server->client, "a", 250));
    while (seen.checkpoints < 13)
        assert_true(see(&seen));
    assert_int_equal(seen.checkpoint, 1249);
    assert_int_equal(seen.events, 0);
    leave(&seen);
}

static void regex_that_takes_too_long_ends_the_subscription(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    Request request = request_all();
    struct seen seen = {0};

    filter.stream_regex = (char *)"^(a+)+$";
    request.filter = &filter;
    seen.call = subscribe(server, &request);
    see_caught_up(&seen);
    expect_ok(append_new(server->client, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 1));
    while (see(&seen))
        continue;
    expect_status(rpc_call_finish(seen.call), STATUS_INVALID_ARGUMENT,
                  "filter.stream_regex: matching one name may take at most 100000 steps");
    leave(&seen);
}

/* --- many, and their end ---------------------------------------------------------------- */

static void thousand_idle_subscriptions_are_woken_by_one_append(void **state)
{
    struct test_server *server = *state;
    enum { IDLE = 1000 - 1 }; /* and one call to append */
    static struct seen seen[IDLE];
    Request request = request_stream("order-1");

    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < IDLE; i++) {
        seen[i].call = subscribe(server, &request);
        see_caught_up(&seen[i]);
    }
    expect_ok(append_new(server->client, "other", 1));
    expect_ok(append_new(server->client, "order-1", 1));
    for (size_t i = 0; i < IDLE; i++) {
        see_events(&seen[i], 1);
        assert_int_equal(seen[i].next, 2);
        leave(&seen[i]);
    }
}

static void client_that_vanishes_leaves_a_server_that_works(void **state)
{
    struct test_server *server = *state;
    struct writer writer = {.log = server->log, .appends = 600, .streams = {"a", "b", "c"}};
    Request all = request_all(), one = request_stream("b");
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, write_many, &writer), 0);
    for (size_t i = 0; i < 50; i++) {
        struct seen seen = {.call = subscribe(server, i % 2 ? &one : &all)};
        see_events(&seen, i % 5);
        rpc_call_free(seen.call); /* cancels, in whatever state it is */
    }
    pthread_join(thread, NULL);
    expect_ok(writer.status);
    expect_ok(append_new(server->client, "a", 1));
}

static void shutdown_ends_subscriptions_with_unavailable(void **state)
{
    struct test_server *server = *state;
    Request all = request_all(), one = request_stream("b");
    struct seen parked[] = {{.call = subscribe(server, &all)}, {.call = subscribe(server, &one)}};

    see_caught_up(&parked[0]);
    see_caught_up(&parked[1]);
    test_server_stop_rpc(server);
    for (size_t i = 0; i < 2; i++) {
        assert_false(see(&parked[i]));
        expect_status(rpc_call_finish(parked[i].call), STATUS_UNAVAILABLE, "shutting down");
        leave(&parked[i]);
    }
}

#define behaves(test)        cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define with_tiny_tail(test) cmocka_unit_test_setup_teardown(test, set_up_with_tiny_tail, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(history_comes_first_then_live_events),
        behaves(empty_store_is_caught_up_without_a_position),
        behaves(stream_that_does_not_exist_yet_may_be_subscribed_to),
        behaves(readers_see_everything_once_while_a_writer_appends),
        with_tiny_tail(readers_that_fall_behind_see_everything_once),
        with_tiny_tail(slow_reader_is_told_that_it_fell_behind_and_misses_nothing),
        behaves(subscription_resumes_behind_the_last_event_handled),
        behaves(subscription_from_the_end_sees_new_events_only),
        behaves(place_beyond_the_end_waits_for_what_lies_behind_it),
        behaves(wrong_subscriptions_are_refused_with_field_and_rule),
        behaves(wrong_filters_are_refused_with_field_and_rule),
        behaves(filter_sends_what_matches_in_history_and_live),
        behaves(checkpoints_come_while_nothing_matches),
        behaves(regex_that_takes_too_long_ends_the_subscription),
        behaves(client_that_vanishes_leaves_a_server_that_works),
        behaves(shutdown_ends_subscriptions_with_unavailable),
        /* The last: under ThreadSanitizer the client library takes so long to clean up after
         * it that the next test's connection sometimes fails. */
        behaves(thousand_idle_subscriptions_are_woken_by_one_append),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
