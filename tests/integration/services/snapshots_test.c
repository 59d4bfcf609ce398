/* sagabase.v1.Snapshots over the wire. Goal: a stream that is loaded with its snapshot gives the
 * snapshot and exactly the events behind it, and what cannot be is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/snapshots.pb-c.h"
#include "storage/engine/memory_engine.h"
#include "storage/log/statistics.h"
#include "tests/integration/services/expect.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"

#define SNAPSHOTS(method) "/sagabase.v1.Snapshots/" method

static int set_up(void **state)
{
    uint64_t last;
    struct test_server *server = test_server_start(NULL, 0);

    assert_ok(append_some(server->log, "order-1", NO_STREAM, 2500, &last));
    *state = server;
    return 0;
}

static int tear_down(void **state)
{
    test_server_stop(*state);
    return 0;
}

static Sagabase__V1__PutSnapshotRequest put_of(uint64_t revision, const char *state)
{
    Sagabase__V1__PutSnapshotRequest request = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;

    request.stream = "order-1";
    request.revision = revision;
    request.content_type = "text/plain";
    request.state.data = (uint8_t *)state;
    request.state.len = strlen(state);
    request.keep = 2;
    return request;
}

static struct status put(struct test_server *server,
                         const Sagabase__V1__PutSnapshotRequest *request)
{
    return rpc_client_ask(server->client, SNAPSHOTS("PutSnapshot"), &request->base,
                          &sagabase__v1__put_snapshot_response__descriptor, NULL);
}

static struct status get(struct test_server *server, const uint64_t *at,
                         Sagabase__V1__GetSnapshotResponse **response)
{
    Sagabase__V1__GetSnapshotRequest request = SAGABASE__V1__GET_SNAPSHOT_REQUEST__INIT;

    request.stream = "order-1";
    if (at) {
        request.at_case = SAGABASE__V1__GET_SNAPSHOT_REQUEST__AT_REVISION;
        request.revision = *at;
    }
    return rpc_client_ask(server->client, SNAPSHOTS("GetSnapshot"), &request.base,
                          &sagabase__v1__get_snapshot_response__descriptor, response);
}

/* Loads the stream: the snapshot's revision (UINT64_MAX: none), and which events came. */
static struct status load(struct test_server *server, Sagabase__V1__LoadStreamRequest *request,
                          uint64_t *snapshot, uint64_t *first, uint64_t *count)
{
    struct rpc_call *call = rpc_call_open(server->client, SNAPSHOTS("LoadStream"), 0);
    Sagabase__V1__LoadStreamResponse *page;
    bool begun = false;

    *snapshot = *first = UINT64_MAX;
    *count = 0;
    rpc_call_send(call, &request->base);
    rpc_call_half_close(call);
    while ((page = rpc_call_receive(call, &sagabase__v1__load_stream_response__descriptor))) {
        if (!begun) {
            if (page->snapshot)
                *snapshot = page->snapshot->revision;
        } else {
            assert_null(page->snapshot);
        }
        begun = true;
        for (size_t i = 0; i < page->n_events; i++, (*count)++) {
            if (*count == 0)
                *first = page->events[i]->revision;
            assert_int_equal(page->events[i]->revision, *first + *count);
        }
        sagabase__v1__load_stream_response__free_unpacked(page, NULL);
    }
    struct status status = rpc_call_finish(call);
    rpc_call_free(call);
    return status;
}

static void a_stream_is_loaded_from_its_snapshot_on(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    Sagabase__V1__PutSnapshotRequest snapshot = put_of(2399, "total=2400");
    uint64_t revision, first, count;

    request.stream = "order-1";
    assert_ok(load(server, &request, &revision, &first, &count));
    assert_true(revision == UINT64_MAX && first == 0 && count == 2500);
    assert_ok(put(server, &snapshot));
    assert_ok(load(server, &request, &revision, &first, &count));
    assert_true(revision == 2399 && first == 2400 && count == 100);
    request.count = 7;
    assert_ok(load(server, &request, &revision, &first, &count));
    assert_true(revision == 2399 && first == 2400 && count == 7);
    request.count = 0;
    request.ignore_snapshot = true;
    assert_ok(load(server, &request, &revision, &first, &count));
    assert_true(revision == UINT64_MAX && count == 2500);
}

static void a_stream_at_its_snapshot_gives_no_events(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    Sagabase__V1__PutSnapshotRequest snapshot = put_of(2499, "all");
    uint64_t revision, first, count;

    request.stream = "order-1";
    assert_ok(put(server, &snapshot));
    assert_ok(load(server, &request, &revision, &first, &count));
    assert_true(revision == 2499 && count == 0);
}

static void a_stream_that_is_not_there_cannot_be_loaded(void **state)
{
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    uint64_t revision, first, count;

    request.stream = "nowhere";
    assert_fails(load(*state, &request, &revision, &first, &count), NOT_FOUND, "nowhere");
    request.stream = "order-1";
    request.count = -1;
    assert_fails(load(*state, &request, &revision, &first, &count), INVALID_ARGUMENT, "count");
}

static void a_snapshot_is_found_listed_and_deleted(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__GetSnapshotResponse *found;
    Sagabase__V1__ListSnapshotsRequest list = SAGABASE__V1__LIST_SNAPSHOTS_REQUEST__INIT;
    Sagabase__V1__ListSnapshotsResponse *listed;
    Sagabase__V1__DeleteSnapshotRequest delete = SAGABASE__V1__DELETE_SNAPSHOT_REQUEST__INIT;
    Sagabase__V1__DeleteSnapshotResponse *deleted;
    Sagabase__V1__PutSnapshotRequest first = put_of(10, "ten"), second = put_of(20, "twenty");
    uint64_t at = 15;

    assert_ok(put(server, &first));
    assert_ok(put(server, &second));
    assert_ok(get(server, &at, &found));
    assert_int_equal(found->snapshot->revision, 10);
    sagabase__v1__get_snapshot_response__free_unpacked(found, NULL);
    assert_ok(get(server, NULL, &found));
    assert_true(found->cached);
    assert_memory_equal(found->snapshot->state.data, "twenty", 6);
    assert_string_equal(found->snapshot->content_type, "text/plain");
    assert_int_equal(found->snapshot->expires_us, 0);
    sagabase__v1__get_snapshot_response__free_unpacked(found, NULL);
    list.stream = delete.stream = "order-1";
    assert_ok(rpc_client_ask(server->client, SNAPSHOTS("ListSnapshots"), &list.base,
                             &sagabase__v1__list_snapshots_response__descriptor, &listed));
    assert_int_equal(listed->n_snapshots, 2);
    assert_int_equal(listed->snapshots[0]->revision, 20);
    sagabase__v1__list_snapshots_response__free_unpacked(listed, NULL);
    assert_ok(rpc_client_ask(server->client, SNAPSHOTS("DeleteSnapshot"), &delete.base,
                             &sagabase__v1__delete_snapshot_response__descriptor, &deleted));
    assert_true(deleted->deleted);
    sagabase__v1__delete_snapshot_response__free_unpacked(deleted, NULL);
    assert_fails(get(server, NULL, &found), NOT_FOUND, "no snapshot");
}

static void what_cannot_be_put_is_refused_by_name(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__PutSnapshotRequest request = put_of(2500, "x");

    assert_fails(put(server, &request), OUT_OF_RANGE, "revision: 2500 does not exist");
    request = put_of(5, "x");
    request.ttl_ms = -1;
    assert_fails(put(server, &request), INVALID_ARGUMENT, "ttl_ms: 0 to 315360000000");
    request = put_of(5, "x");
    request.keep = 101;
    assert_fails(put(server, &request), INVALID_ARGUMENT, "keep: 1 to 100");
    request = put_of(5, "x");
    assert_ok(put(server, &request));
    request.revision = 4;
    assert_fails(put(server, &request), ABORTED, "revision: may not go back");
    request.revision = 6;
    request.expected_case = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__EXPECTED_NEWER_THAN;
    request.newer_than = 4;
    assert_fails(put(server, &request), ABORTED, "newer_than");
}

static void erasing_an_event_takes_the_snapshots_of_its_stream(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__EraseEventRequest request = SAGABASE__V1__ERASE_EVENT_REQUEST__INIT;
    Sagabase__V1__PutSnapshotRequest put_request = put_of(9, "what event 3 said");
    Sagabase__V1__GetSnapshotResponse *response;

    expect_ok(put(server, &put_request));
    request.stream = "order-1";
    request.revision = 3;
    request.reason = "a test";
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("EraseEvent"), &request.base,
                             &sagabase__v1__erase_event_response__descriptor, NULL));
    expect_status(get(server, NULL, &response), STATUS_NOT_FOUND, "");
}

static void find_queue(void *context, const struct metric *metric)
{
    if (strcmp(metric->name, "sagabase_queue_appends") == 0)
        *(double *)context = metric->value;
}

/* Until so many changes wait for the writer, the one at hand included. */
static void await_queue(struct test_server *server, double count)
{
    double waiting = 0;

    while (waiting < count) {
        event_log_statistics(server->log, find_queue, &waiting);
        sched_yield();
    }
}

/* A state that was made before, and comes while the event goes. */
static void no_snapshot_that_is_put_during_an_erasure_outlives_it(void **state)
{
    Sagabase__V1__EraseEventRequest erasure = SAGABASE__V1__ERASE_EVENT_REQUEST__INIT;
    Sagabase__V1__PutSnapshotRequest snapshot = put_of(9, "what event 3 said");
    Sagabase__V1__GetSnapshotResponse *response;
    struct engine *inner;

    (void)state;
    assert_ok(memory_engine_open(&inner));
    struct engine *engine = fault_engine_open(inner);
    struct test_server *server = test_server_start(engine, 0);
    expect_ok(append_new(server->client, "order-1", 10));
    erasure.stream = "order-1";
    erasure.revision = 3;
    erasure.reason = "a test";
    fault_engine_hold_commits(engine);
    struct rpc_call *erasing = open_with(server->client, EVENT_STORE("EraseEvent"), &erasure.base);
    fault_engine_await_held_commit(engine);
    struct rpc_call *putting = open_with(server->client, SNAPSHOTS("PutSnapshot"), &snapshot.base);
    await_queue(server, 2);
    fault_engine_release_commits(engine);
    expect_ok(rpc_call_finish(erasing));
    expect_ok(rpc_call_finish(putting));
    expect_status(get(server, NULL, &response), STATUS_NOT_FOUND, "");
    rpc_call_free(erasing);
    rpc_call_free(putting);
    test_server_stop(server);
    engine_close(inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(erasing_an_event_takes_the_snapshots_of_its_stream, set_up,
                                        tear_down),
        cmocka_unit_test(no_snapshot_that_is_put_during_an_erasure_outlives_it),
        cmocka_unit_test_setup_teardown(a_stream_is_loaded_from_its_snapshot_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_at_its_snapshot_gives_no_events, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stream_that_is_not_there_cannot_be_loaded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_is_found_listed_and_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_put_is_refused_by_name, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
