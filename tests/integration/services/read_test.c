/* Reading as a client sees it: ReadStream, ReadAll, GetStream, ListStreams, GetInfo. Goal:
 * every event exactly once and in order, and every documented error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/admin.pb-c.h"
#include "tests/integration/services/expect.h"

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

/* What a read gave: indices of the first and last event, how many, in how many pages. */
struct got {
    uint64_t first, last;
    size_t count, pages;
    bool in_order;
    struct status status;
};

static void look_at(struct got *got, uint64_t index, bool backwards)
{
    if (got->count++ == 0) {
        got->first = index;
        got->in_order = true;
    } else if (index != (backwards ? got->last - 1 : got->last + 1)) {
        got->in_order = false;
    }
    got->last = index;
}

static struct got read_stream(struct test_server *server,
                              const Sagabase__V1__ReadStreamRequest *request)
{
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadStream"), &request->base);
    bool backwards = request->direction == SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    Sagabase__V1__ReadStreamResponse *page;
    struct got got = {0};

    while ((page = rpc_call_receive(call, &sagabase__v1__read_stream_response__descriptor))) {
        got.pages++;
        for (size_t i = 0; i < page->n_events; i++)
            look_at(&got, page->events[i]->revision, backwards);
        forget(page);
    }
    got.status = rpc_call_finish(call);
    rpc_call_free(call);
    return got;
}

static struct got read_all(struct test_server *server, const Sagabase__V1__ReadAllRequest *request)
{
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadAll"), &request->base);
    bool backwards = request->direction == SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    Sagabase__V1__ReadAllResponse *page;
    struct got got = {0};

    while ((page = rpc_call_receive(call, &sagabase__v1__read_all_response__descriptor))) {
        got.pages++;
        for (size_t i = 0; i < page->n_events; i++)
            look_at(&got, page->events[i]->position, backwards);
        forget(page);
    }
    got.status = rpc_call_finish(call);
    rpc_call_free(call);
    return got;
}

static void expect_got(struct got got, size_t count, uint64_t first, uint64_t last)
{
    expect_ok(got.status);
    assert_int_equal(got.count, count);
    if (count == 0)
        return;
    assert_true(got.in_order);
    assert_int_equal(got.first, first);
    assert_int_equal(got.last, last);
}

#define FROM_REVISION SAGABASE__V1__READ_STREAM_REQUEST__FROM_REVISION
#define FROM_EDGE     SAGABASE__V1__READ_STREAM_REQUEST__FROM_EDGE
#define BACKWARDS     SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS

static Sagabase__V1__ReadStreamRequest named(const char *stream)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;

    request.stream = (char *)stream;
    return request;
}

static void events_come_back_with_every_field(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__AppendToStreamRequest append = append_any("order-1", &proposals);
    Sagabase__V1__ProposedEvent__MetadataEntry entry =
        SAGABASE__V1__PROPOSED_EVENT__METADATA_ENTRY__INIT;
    Sagabase__V1__ProposedEvent__MetadataEntry *entries = &entry;
    Sagabase__V1__ReadStreamRequest request = named("order-1");
    Sagabase__V1__ReadStreamResponse *page;
    struct rpc_call *call;

    entry.key = (char *)"correlation";
    entry.value = (char *)"c-1";
    proposals.events[0].metadata = &entries;
    proposals.events[0].n_metadata = 1;
    proposals.events[0].content_type = (char *)"application/json";
    expect_ok(append_new(server->client, "other", 3));
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("AppendToStream"), &append.base,
                             &sagabase__v1__append_to_stream_response__descriptor, NULL));
    call = open_with(server->client, EVENT_STORE("ReadStream"), &request.base);
    page = rpc_call_receive(call, &sagabase__v1__read_stream_response__descriptor);
    assert_non_null(page);
    assert_int_equal(page->n_events, 1);
    assert_string_equal(page->events[0]->id, proposals.ids[0]);
    assert_string_equal(page->events[0]->type, "Tested");
    assert_string_equal(page->events[0]->content_type, "application/json");
    assert_memory_equal(page->events[0]->data.data, "0", 1);
    assert_string_equal(page->events[0]->metadata[0]->key, "correlation");
    assert_string_equal(page->events[0]->metadata[0]->value, "c-1");
    assert_string_equal(page->events[0]->stream, "order-1");
    assert_int_equal(page->events[0]->revision, 0);
    assert_int_equal(page->events[0]->position, 3);
    assert_true(page->events[0]->created_us > 0);
    forget(page);
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
    proposals_free(&proposals);
}

static void stream_is_read_from_anywhere_in_both_directions(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadStreamRequest request = named("order-1");

    for (int i = 0; i < 5; i++) {
        expect_ok(append_new(server->client, "order-1", 500));
        expect_ok(append_new(server->client, "other", 2));
    }
    expect_got(read_stream(server, &request), 2500, 0, 2499);
    assert_true(read_stream(server, &request).pages >= 3);
    request.count = 3;
    expect_got(read_stream(server, &request), 3, 0, 2);
    request.from_case = FROM_REVISION;
    request.revision = 1499;
    expect_got(read_stream(server, &request), 3, 1499, 1501);
    request.revision = 2498;
    expect_got(read_stream(server, &request), 2, 2498, 2499);
    request.revision = 2500;
    expect_got(read_stream(server, &request), 0, 0, 0);
    request.revision = UINT64_MAX;
    expect_got(read_stream(server, &request), 0, 0, 0);
    request.direction = BACKWARDS;
    expect_got(read_stream(server, &request), 3, 2499, 2497);
    request.revision = 1;
    expect_got(read_stream(server, &request), 2, 1, 0);
    request.from_case = FROM_EDGE;
    request.edge = SAGABASE__V1__EDGE__EDGE_END;
    request.count = 0;
    expect_got(read_stream(server, &request), 2500, 2499, 0);
    request.edge = SAGABASE__V1__EDGE__EDGE_START;
    expect_got(read_stream(server, &request), 0, 0, 0);
    request.direction = SAGABASE__V1__DIRECTION__DIRECTION_FORWARDS;
    request.edge = SAGABASE__V1__EDGE__EDGE_END;
    expect_got(read_stream(server, &request), 0, 0, 0);
}

static void store_is_read_in_commit_order_in_both_directions(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    expect_got(read_all(server, &request), 0, 0, 0);
    request.direction = BACKWARDS;
    expect_got(read_all(server, &request), 0, 0, 0);
    request.direction = SAGABASE__V1__DIRECTION__DIRECTION_UNSPECIFIED;
    for (int i = 0; i < 4; i++) {
        expect_ok(append_new(server->client, "a", 300));
        expect_ok(append_new(server->client, "b", 300));
    }
    expect_got(read_all(server, &request), 2400, 0, 2399);
    request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION;
    request.position = 1001;
    request.count = 1200;
    expect_got(read_all(server, &request), 1200, 1001, 2200);
    request.direction = BACKWARDS;
    expect_got(read_all(server, &request), 1002, 1001, 0);
    request.position = UINT64_MAX;
    expect_got(read_all(server, &request), 1200, 2399, 1200);
}

static void wrong_reads_are_refused_with_field_and_rule(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadStreamRequest request = named("order-1");
    Sagabase__V1__ReadAllRequest all = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    expect_status(read_stream(server, &request).status, STATUS_NOT_FOUND,
                  "stream: \"order-1\" has no events");
    request.count = -1;
    expect_status(read_stream(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "count: not negative");
    request = named("");
    expect_status(read_stream(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "stream: 1 to 1024 bytes");
    request = named("order-1");
    request.direction = (Sagabase__V1__Direction)7;
    expect_status(read_stream(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "direction: 7 is not");
    request = named("order-1");
    request.from_case = FROM_EDGE;
    request.edge = SAGABASE__V1__EDGE__EDGE_UNSPECIFIED;
    expect_status(read_stream(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "edge: 0 is not EDGE_START or EDGE_END");
    all.count = INT64_MIN;
    expect_status(read_all(server, &all).status, STATUS_INVALID_ARGUMENT, "count: not negative");
    all.count = 0;
    all.direction = (Sagabase__V1__Direction)3;
    expect_status(read_all(server, &all).status, STATUS_INVALID_ARGUMENT, "direction: 3 is not");
    all.direction = BACKWARDS;
    all.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_EDGE;
    all.edge = (Sagabase__V1__Edge)9;
    expect_status(read_all(server, &all).status, STATUS_INVALID_ARGUMENT, "edge: 9 is not");
}

static void reader_that_vanishes_leaves_a_server_that_works(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    for (int i = 0; i < 5; i++)
        expect_ok(append_new(server->client, "a", 1000));
    for (int i = 0; i < 10; i++) {
        struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadAll"), &request.base);
        forget(rpc_call_receive(call, &sagabase__v1__read_all_response__descriptor));
        rpc_call_free(call);
    }
    expect_got(read_all(server, &request), 5000, 0, 4999);
}

static struct status get_stream(struct test_server *server, const char *name,
                                Sagabase__V1__GetStreamResponse **response)
{
    Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;

    request.stream = (char *)name;
    return rpc_client_ask(server->client, EVENT_STORE("GetStream"), &request.base,
                          &sagabase__v1__get_stream_response__descriptor, response);
}

static void get_stream_tells_what_is_known(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__GetStreamResponse *response = NULL;

    expect_ok(append_new(server->client, "order-1", 2));
    expect_ok(append_new(server->client, "other", 1));
    expect_ok(append_new(server->client, "order-1", 1));
    expect_ok(get_stream(server, "order-1", &response));
    assert_string_equal(response->stream->name, "order-1");
    assert_string_equal(response->stream->category, "order");
    assert_int_equal(response->stream->last_revision, 2);
    assert_int_equal(response->stream->last_position, 3);
    assert_true(response->stream->created_us > 0);
    assert_true(response->stream->appended_us >= response->stream->created_us);
    forget(response);
    expect_ok(get_stream(server, "other", &response));
    assert_string_equal(response->stream->category, "other");
    forget(response);
    expect_status(get_stream(server, "nobody", NULL), STATUS_NOT_FOUND, "\"nobody\"");
    expect_status(get_stream(server, "", NULL), STATUS_INVALID_ARGUMENT, "stream: 1 to 1024");
}

static struct status list_streams(struct test_server *server,
                                  const Sagabase__V1__ListStreamsRequest *request,
                                  Sagabase__V1__ListStreamsResponse **response)
{
    return rpc_client_ask(server->client, EVENT_STORE("ListStreams"), &request->base,
                          &sagabase__v1__list_streams_response__descriptor, response);
}

static void streams_are_listed_in_pages_by_prefix(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ListStreamsRequest request = SAGABASE__V1__LIST_STREAMS_REQUEST__INIT;
    Sagabase__V1__ListStreamsResponse *response = NULL;
    char token[64] = "", name[32];
    size_t listed = 0;

    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof name, "order-%02d", 24 - i);
        expect_ok(append_new(server->client, name, 1));
    }
    expect_ok(append_new(server->client, "another", 1));
    expect_ok(append_new(server->client, "zebra", 1));
    request.prefix = (char *)"order-";
    request.page_size = 10;
    do {
        request.page_token = token;
        expect_ok(list_streams(server, &request, &response));
        for (size_t i = 0; i < response->n_streams; i++) {
            snprintf(name, sizeof name, "order-%02zu", listed++);
            assert_string_equal(response->streams[i]->name, name);
        }
        snprintf(token, sizeof token, "%s", response->next_page_token);
        forget(response);
    } while (*token);
    assert_int_equal(listed, 25);

    request.prefix = (char *)"";
    request.page_size = 0;
    request.page_token = (char *)"";
    expect_ok(list_streams(server, &request, &response));
    assert_int_equal(response->n_streams, 27);
    assert_string_equal(response->streams[0]->name, "another");
    forget(response);
}

static void wrong_lists_are_refused_with_field_and_rule(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ListStreamsRequest request = SAGABASE__V1__LIST_STREAMS_REQUEST__INIT;
    static char long_text[1026];

    memset(long_text, 'n', 1025);
    request.page_size = 1001;
    expect_status(list_streams(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "page_size: 1 to 1000");
    request.page_size = 1;
    request.prefix = long_text;
    expect_status(list_streams(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "prefix: at most 1024 bytes");
    request.prefix = (char *)"order-";
    request.page_token = (char *)"zebra";
    expect_status(list_streams(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "page_token: belongs to a list with another prefix");
    request.prefix = (char *)"";
    request.page_token = long_text;
    expect_status(list_streams(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "page_token: at most 1024 bytes");
}

static void info_tells_what_runs_and_how_much_it_holds(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetInfoResponse *info = NULL;

    expect_ok(rpc_client_ask(server->client, "/sagabase.v1.Admin/GetInfo", &request.base,
                             &sagabase__v1__get_info_response__descriptor, &info));
    assert_string_equal(info->version, "1.2.3");
    assert_string_equal(info->commit, "0123456789ab");
    assert_string_equal(info->engine, "memory");
    assert_int_equal(info->started_us, 42);
    assert_int_equal(info->events, 0);
    assert_int_equal(info->newest_case, SAGABASE__V1__GET_INFO_RESPONSE__NEWEST__NOT_SET);
    forget(info);
    expect_ok(append_new(server->client, "a", 3));
    expect_ok(append_typed(server->client, "b", "Other"));
    expect_ok(rpc_client_ask(server->client, "/sagabase.v1.Admin/GetInfo", &request.base,
                             &sagabase__v1__get_info_response__descriptor, &info));
    assert_int_equal(info->events, 4);
    assert_int_equal(info->streams, 2);
    assert_int_equal(info->types, 2);
    assert_int_equal(info->newest_case, SAGABASE__V1__GET_INFO_RESPONSE__NEWEST_POSITION);
    assert_int_equal(info->position, 3);
    forget(info);
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(events_come_back_with_every_field),
        behaves(stream_is_read_from_anywhere_in_both_directions),
        behaves(store_is_read_in_commit_order_in_both_directions),
        behaves(wrong_reads_are_refused_with_field_and_rule),
        behaves(reader_that_vanishes_leaves_a_server_that_works),
        behaves(get_stream_tells_what_is_known),
        behaves(streams_are_listed_in_pages_by_prefix),
        behaves(wrong_lists_are_refused_with_field_and_rule),
        behaves(info_tells_what_runs_and_how_much_it_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
