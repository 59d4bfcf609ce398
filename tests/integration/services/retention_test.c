/* Policies, deletion and tombstones as a client sees them: reads, subscriptions and GetStream
 * heed them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/services/expect.h"

#define ANY_STATE SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY

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

/* The end of a unary call whose response tells nothing. */
static struct status call(struct test_server *server, const char *path,
                          const ProtobufCMessage *request)
{
    struct rpc_call *call = open_with(server->client, path, request);
    struct status status = rpc_call_finish(call);

    rpc_call_free(call);
    return status;
}

static struct status keep_newest(struct test_server *server, const char *stream,
                                 const char *category, uint64_t count)
{
    Sagabase__V1__SetStreamPolicyRequest request = SAGABASE__V1__SET_STREAM_POLICY_REQUEST__INIT;
    Sagabase__V1__StreamPolicy policy = SAGABASE__V1__STREAM_POLICY__INIT;

    policy.max_count = count;
    request.policy = &policy;
    request.target_case = stream ? SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_STREAM
                                 : SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_CATEGORY;
    if (stream)
        request.stream = (char *)stream;
    else
        request.category = (char *)category;
    return call(server, EVENT_STORE("SetStreamPolicy"), &request.base);
}

static struct status delete_stream(struct test_server *server, const char *stream,
                                   uint64_t revision)
{
    Sagabase__V1__DeleteStreamRequest request = SAGABASE__V1__DELETE_STREAM_REQUEST__INIT;

    request.stream = (char *)stream;
    request.expected_case = SAGABASE__V1__DELETE_STREAM_REQUEST__EXPECTED_REVISION;
    request.revision = revision;
    return call(server, EVENT_STORE("DeleteStream"), &request.base);
}

static struct status tombstone(struct test_server *server, const char *stream)
{
    Sagabase__V1__TombstoneStreamRequest request = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__INIT;

    request.stream = (char *)stream;
    request.expected_case = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_STATE;
    request.state = ANY_STATE;
    return call(server, EVENT_STORE("TombstoneStream"), &request.base);
}

/* "2 3 4": the revisions that ReadStream gives, or the error's code. */
static void expect_read(struct test_server *server, const char *stream, bool backwards,
                        const char *expected)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    Sagabase__V1__ReadStreamResponse *page;
    char got[128] = "";

    request.stream = (char *)stream;
    if (backwards)
        request.direction = SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadStream"), &request.base);
    while ((page = rpc_call_receive(call, &sagabase__v1__read_stream_response__descriptor))) {
        for (size_t i = 0; i < page->n_events; i++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", *got ? " " : "",
                     (int)page->events[i]->revision);
        forget(page);
    }
    struct status status = rpc_call_finish(call);
    rpc_call_free(call);
    assert_string_equal(status_ok(status) ? got : status_code_name(status.code), expected);
}

/* How many events a subscription to all streams sends until it has caught up. */
static size_t count_subscribed(struct test_server *server)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct rpc_call *call = open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
    bool caught_up = false;
    size_t count = 0;

    while (!caught_up) {
        Sagabase__V1__SubscribeResponse *response =
            rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor);
        assert_non_null(response);
        caught_up = response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP;
        if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
            count += response->events->n_events;
        forget(response);
    }
    rpc_call_cancel(call);
    rpc_call_finish(call);
    rpc_call_free(call);
    return count;
}

static void policy_of_a_stream_shows_its_newest_events(void **state)
{
    struct test_server *server = *state;

    expect_ok(append_new(server->client, "a-1", 5));
    expect_ok(append_new(server->client, "b-1", 2));
    expect_ok(keep_newest(server, "a-1", NULL, 2));
    expect_read(server, "a-1", false, "3 4");
    expect_read(server, "a-1", true, "4 3");
    assert_int_equal(count_subscribed(server), 4);
    expect_ok(append_new(server->client, "a-1", 1));
    expect_read(server, "a-1", false, "4 5");
    expect_ok(keep_newest(server, "a-1", NULL, 0));
    expect_read(server, "a-1", false, "0 1 2 3 4 5");
}

static void policy_of_a_category_holds_for_its_streams(void **state)
{
    struct test_server *server = *state;

    expect_ok(append_new(server->client, "a-1", 3));
    expect_ok(append_new(server->client, "a-2", 3));
    expect_ok(keep_newest(server, NULL, "a", 1));
    expect_ok(keep_newest(server, "a-2", NULL, 2));
    expect_read(server, "a-1", false, "2");
    expect_read(server, "a-2", false, "1 2");
}

static void deleted_stream_is_not_found_and_goes_on(void **state)
{
    struct test_server *server = *state;

    expect_ok(append_new(server->client, "a-1", 3));
    expect_status(delete_stream(server, "a-1", 7), STATUS_ABORTED,
                  "a-1: expected revision 7, but it is at revision 2");
    expect_ok(delete_stream(server, "a-1", 2));
    expect_read(server, "a-1", false, "NOT_FOUND");
    assert_int_equal(count_subscribed(server), 0);
    expect_ok(append_new(server->client, "a-1", 1));
    expect_read(server, "a-1", false, "3");
}

static void tombstone_ends_a_stream(void **state)
{
    struct test_server *server = *state;

    expect_ok(append_new(server->client, "a-1", 3));
    expect_ok(tombstone(server, "a-1"));
    expect_read(server, "a-1", false, "NOT_FOUND");
    expect_status(append_new(server->client, "a-1", 1), STATUS_FAILED_PRECONDITION,
                  "a-1: it has a tombstone");
}

/* The names that ListStreams gives in pages of two, as "a-1 b-1"; *pages: how many there were. */
static void list_in_pages(struct test_server *server, char listed[128], size_t *pages)
{
    Sagabase__V1__ListStreamsRequest request = SAGABASE__V1__LIST_STREAMS_REQUEST__INIT;
    Sagabase__V1__ListStreamsResponse *page;
    char token[16] = "";

    listed[0] = 0;
    *pages = 0;
    request.page_size = 2;
    request.page_token = token;
    do {
        expect_ok(rpc_client_ask(server->client, EVENT_STORE("ListStreams"), &request.base,
                                 &sagabase__v1__list_streams_response__descriptor, (void **)&page));
        for (size_t i = 0; i < page->n_streams; i++)
            snprintf(listed + strlen(listed), 128 - strlen(listed), "%s%s", *listed ? " " : "",
                     page->streams[i]->name);
        snprintf(token, sizeof token, "%s", page->next_page_token);
        forget(page);
        ++*pages;
    } while (*token);
}

static void streams_are_listed_past_whole_pages_of_deleted_ones(void **state)
{
    static const char *const names[] = {"a-1", "a-2", "a-3", "b-1", "b-2", "b-3", "c-1", "c-2"};
    struct test_server *server = *state;
    char listed[128];
    size_t pages;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_ok(append_new(server->client, names[i], 1));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (i != 2 && i != 7)
            expect_ok(delete_stream(server, names[i], 0));
    list_in_pages(server, listed, &pages);
    assert_string_equal(listed, "a-3 c-2");
    assert_int_equal(pages, 4);
    expect_ok(delete_stream(server, "a-3", 0));
    expect_ok(delete_stream(server, "c-2", 0));
    list_in_pages(server, listed, &pages);
    assert_string_equal(listed, "");
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__SetStreamPolicyRequest policy = SAGABASE__V1__SET_STREAM_POLICY_REQUEST__INIT;
    Sagabase__V1__DeleteStreamRequest deletion = SAGABASE__V1__DELETE_STREAM_REQUEST__INIT;
    Sagabase__V1__StreamPolicy negative = SAGABASE__V1__STREAM_POLICY__INIT;

    expect_status(call(server, EVENT_STORE("SetStreamPolicy"), &policy.base),
                  STATUS_INVALID_ARGUMENT, "target: set stream or category");
    policy.target_case = SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_CATEGORY;
    policy.category = (char *)"a-b";
    expect_status(call(server, EVENT_STORE("SetStreamPolicy"), &policy.base),
                  STATUS_INVALID_ARGUMENT, "category: it ends before the first -");
    policy.category = (char *)"a";
    policy.truncate_before = 1;
    expect_status(call(server, EVENT_STORE("SetStreamPolicy"), &policy.base),
                  STATUS_INVALID_ARGUMENT, "truncate_before: only with a stream");
    negative.max_age_us = -1;
    policy.policy = &negative;
    expect_status(call(server, EVENT_STORE("SetStreamPolicy"), &policy.base),
                  STATUS_INVALID_ARGUMENT, "policy.max_age_us: not negative");
    deletion.stream = (char *)"a-1";
    expect_status(call(server, EVENT_STORE("DeleteStream"), &deletion.base),
                  STATUS_INVALID_ARGUMENT, "expected: set revision, or state");
    expect_status(delete_stream(server, "a-1", 0), STATUS_NOT_FOUND, "a-1: no such stream");
    expect_status(keep_newest(server, "a-1", NULL, 1), STATUS_NOT_FOUND, "a-1: no such stream");
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(policy_of_a_stream_shows_its_newest_events),
        server_test(policy_of_a_category_holds_for_its_streams),
        server_test(deleted_stream_is_not_found_and_goes_on),
        server_test(tombstone_ends_a_stream),
        server_test(streams_are_listed_past_whole_pages_of_deleted_ones),
        server_test(requests_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
