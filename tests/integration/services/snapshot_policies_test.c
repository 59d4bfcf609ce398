/* Policies of snapshots over the wire. Goal: whoever loads a stream or subscribes hears that it is
 * due, exactly while it is so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sagabase/v1/reducers.pb-c.h"
#include "sagabase/v1/snapshots.pb-c.h"
#include "tests/integration/services/expect.h"
#include "tests/support/log_fixture.h"

#define SNAPSHOTS(method) "/sagabase.v1.Snapshots/" method

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

static void append(struct test_server *server, const char *stream, size_t count)
{
    uint64_t last;

    assert_ok(append_some(server->log, stream, ANY, count, &last));
}

/* --- requests -------------------------------------------------------------------------------- */

enum target { STREAM, CATEGORY };

static struct status set_policy(struct test_server *server, enum target target, const char *name,
                                const Sagabase__V1__SnapshotPolicy *policy)
{
    Sagabase__V1__SetSnapshotPolicyRequest request =
        SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__INIT;

    if (target == CATEGORY) {
        request.target_case = SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_CATEGORY;
        request.category = (char *)name;
    } else {
        request.target_case = SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_STREAM;
        request.stream = (char *)name;
    }
    request.policy = (Sagabase__V1__SnapshotPolicy *)policy;
    return rpc_client_ask(server->client, SNAPSHOTS("SetSnapshotPolicy"), &request.base,
                          &sagabase__v1__set_snapshot_policy_response__descriptor, NULL);
}

static void set_every(struct test_server *server, enum target target, const char *name,
                      uint64_t events, int64_t ms)
{
    Sagabase__V1__SnapshotPolicy policy = SAGABASE__V1__SNAPSHOT_POLICY__INIT;

    policy.every_events = events;
    policy.every_ms = ms;
    expect_ok(set_policy(server, target, name, &policy));
}

static void put(struct test_server *server, const char *stream, uint64_t revision)
{
    Sagabase__V1__PutSnapshotRequest request = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;

    request.stream = (char *)stream;
    request.revision = revision;
    expect_ok(rpc_client_ask(server->client, SNAPSHOTS("PutSnapshot"), &request.base,
                             &sagabase__v1__put_snapshot_response__descriptor, NULL));
}

/* Whether a load of the stream says that it is due; it may only say so first of all. */
static bool load_says_due(struct test_server *server, const char *stream, bool ignore_snapshot)
{
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    struct rpc_call *call = rpc_call_open(server->client, SNAPSHOTS("LoadStream"), 0);
    Sagabase__V1__LoadStreamResponse *page;
    bool due = false, begun = false;

    request.stream = (char *)stream;
    request.ignore_snapshot = ignore_snapshot;
    rpc_call_send(call, &request.base);
    rpc_call_half_close(call);
    while ((page = rpc_call_receive(call, &sagabase__v1__load_stream_response__descriptor))) {
        assert_true(!begun || !page->due);
        due |= page->due;
        begun = true;
        sagabase__v1__load_stream_response__free_unpacked(page, NULL);
    }
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
    return due;
}

static struct rpc_call *subscribe(struct test_server *server, const char *category)
{
    Sagabase__V1__SubscribeDueRequest request = SAGABASE__V1__SUBSCRIBE_DUE_REQUEST__INIT;
    struct rpc_call *call = rpc_call_open(server->client, SNAPSHOTS("SubscribeDue"), 0);

    request.category = (char *)category;
    rpc_call_send(call, &request.base);
    rpc_call_half_close(call);
    return call;
}

/* The next stream that the subscriber hears of. `snapshot`: UINT64_MAX for none. */
static void expect_told(struct rpc_call *call, const char *stream, uint64_t revision,
                        uint64_t snapshot)
{
    Sagabase__V1__SubscribeDueResponse *told =
        rpc_call_receive(call, &sagabase__v1__subscribe_due_response__descriptor);

    assert_non_null(told);
    assert_string_equal(told->stream, stream);
    assert_int_equal(told->revision, revision);
    assert_int_equal(told->newest_case == SAGABASE__V1__SUBSCRIBE_DUE_RESPONSE__NEWEST__NOT_SET
                         ? UINT64_MAX
                         : told->snapshot_revision,
                     snapshot);
    sagabase__v1__subscribe_due_response__free_unpacked(told, NULL);
}

/* --- made by the server ---------------------------------------------------------------------- */

static void put_reducer(struct test_server *server, const char *category)
{
    Sagabase__V1__PutReducerRequest request = SAGABASE__V1__PUT_REDUCER_REQUEST__INIT;
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__LuaReducer lua = SAGABASE__V1__LUA_REDUCER__INIT;

    reducer.category = (char *)category;
    reducer.kind_case = SAGABASE__V1__REDUCER__KIND_LUA;
    reducer.lua = &lua;
    lua.source = "return function(state, event) return { events = event.revision + 1 } end";
    request.reducer = &reducer;
    expect_ok(rpc_client_ask(server->client, "/sagabase.v1.Reducers/PutReducer", &request.base,
                             &sagabase__v1__put_reducer_response__descriptor, NULL));
}

static void delete_reducer(struct test_server *server, const char *category)
{
    Sagabase__V1__DeleteReducerRequest request = SAGABASE__V1__DELETE_REDUCER_REQUEST__INIT;

    request.category = (char *)category;
    expect_ok(rpc_client_ask(server->client, "/sagabase.v1.Reducers/DeleteReducer", &request.base,
                             &sagabase__v1__delete_reducer_response__descriptor, NULL));
}

/* What snapshots there are, once the newest is of this revision; how many. */
static size_t wait_for_snapshot(struct test_server *server, const char *stream, uint64_t revision)
{
    Sagabase__V1__ListSnapshotsRequest request = SAGABASE__V1__LIST_SNAPSHOTS_REQUEST__INIT;
    int64_t end_us = clock_monotonic_us(system_clock()) + INT64_C(50000000);
    bool is_there = false;
    size_t count = 0;

    request.stream = (char *)stream;
    while (!is_there && clock_monotonic_us(system_clock()) < end_us) {
        Sagabase__V1__ListSnapshotsResponse *listed;
        expect_ok(rpc_client_ask(server->client, SNAPSHOTS("ListSnapshots"), &request.base,
                                 &sagabase__v1__list_snapshots_response__descriptor, &listed));
        count = listed->n_snapshots;
        is_there = count > 0 && listed->snapshots[0]->revision >= revision;
        sagabase__v1__list_snapshots_response__free_unpacked(listed, NULL);
    }
    assert_true(is_there);
    return count;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void a_stream_is_due_after_so_many_events_until_a_snapshot_is_put(void **state)
{
    struct test_server *server = *state;

    set_every(server, CATEGORY, "order", 10, 0);
    append(server, "order-1", 9);
    assert_false(load_says_due(server, "order-1", false));
    struct rpc_call *call = subscribe(server, "");
    append(server, "order-1", 1);
    expect_told(call, "order-1", 9, UINT64_MAX);
    assert_true(load_says_due(server, "order-1", false));
    put(server, "order-1", 4);
    assert_false(load_says_due(server, "order-1", false));
    append(server, "order-1", 5);
    expect_told(call, "order-1", 14, 4);
    assert_true(load_says_due(server, "order-1", false));
    assert_true(load_says_due(server, "order-1", true));
    put(server, "order-1", 14);
    append(server, "order-2", 10);
    expect_told(call, "order-2", 9, UINT64_MAX);
    rpc_call_free(call);
}

static void whoever_subscribes_is_told_first_of_those_that_are_due(void **state)
{
    struct test_server *server = *state;

    append(server, "order-1", 3);
    append(server, "order-2", 1);
    append(server, "cart-1", 5);
    append(server, "order", 2);
    set_every(server, CATEGORY, "order", 2, 0);
    set_every(server, STREAM, "cart-1", 5, 0);
    struct rpc_call *carts = subscribe(server, "cart");
    expect_told(carts, "cart-1", 4, UINT64_MAX);
    struct rpc_call *orders = subscribe(server, "order");
    expect_told(orders, "order", 1, UINT64_MAX);
    expect_told(orders, "order-1", 2, UINT64_MAX);
    append(server, "order-2", 1);
    expect_told(orders, "order-2", 1, UINT64_MAX);
    put(server, "order-1", 2); /* a later subscriber is not told of it */
    struct rpc_call *later = subscribe(server, "order");
    expect_told(later, "order", 1, UINT64_MAX);
    expect_told(later, "order-2", 1, UINT64_MAX);
    rpc_call_free(carts);
    rpc_call_free(orders);
    rpc_call_free(later);
}

static void a_stream_is_due_when_its_oldest_event_is_old_enough(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call = subscribe(server, "");

    append(server, "order-1", 1);
    set_every(server, CATEGORY, "order", 0, 1);
    expect_told(call, "order-1", 0, UINT64_MAX);
    assert_true(load_says_due(server, "order-1", false));
    put(server, "order-1", 0);
    assert_false(load_says_due(server, "order-1", false));
    append(server, "order-1", 1);
    expect_told(call, "order-1", 1, 0);
    rpc_call_free(call);
}

static void a_policy_that_goes_takes_its_streams_off(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call;

    append(server, "order-1", 5);
    append(server, "cart-1", 5);
    set_every(server, CATEGORY, "order", 5, 0);
    set_every(server, STREAM, "order-1", 6, 0);
    assert_false(load_says_due(server, "order-1", false));
    expect_ok(set_policy(server, STREAM, "order-1", NULL));
    assert_true(load_says_due(server, "order-1", false));
    call = subscribe(server, "");
    expect_told(call, "order-1", 4, UINT64_MAX); /* by its category's, again */
    rpc_call_free(call);
    expect_ok(set_policy(server, CATEGORY, "order", NULL));
    assert_false(load_says_due(server, "order-1", false));
    set_every(server, CATEGORY, "cart", 5, 0);
    call = subscribe(server, "cart");
    expect_told(call, "cart-1", 4, UINT64_MAX);
    rpc_call_free(call);
}

static void a_stream_that_is_deleted_is_not_due(void **state)
{
    struct test_server *server = *state;
    struct stream_change deletion = {.kind = CHANGE_DELETE, .name = bytes_of_text("order-1")};
    Sagabase__V1__TombstoneStreamRequest request = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__INIT;

    set_every(server, CATEGORY, "order", 2, 0);
    struct rpc_call *call = subscribe(server, "");
    append(server, "order-1", 2);
    expect_told(call, "order-1", 1, UINT64_MAX);
    assert_ok(change_stream(server->log, deletion));
    append(server, "order-1", 1);
    assert_false(load_says_due(server, "order-1", false));
    request.stream = "order-1";
    request.expected_case = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_STATE;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("TombstoneStream"), &request.base,
                             &sagabase__v1__tombstone_stream_response__descriptor, NULL));
    append(server, "order-2", 2);
    expect_told(call, "order-2", 1, UINT64_MAX);
    struct rpc_call *later = subscribe(server, "");
    expect_told(later, "order-2", 1, UINT64_MAX);
    rpc_call_free(later);
    rpc_call_free(call);
}

static void what_was_erased_counts_for_nothing(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__EraseStreamRequest request = SAGABASE__V1__ERASE_STREAM_REQUEST__INIT;

    set_every(server, CATEGORY, "order", 2, 0);
    append(server, "order-1", 2);
    assert_true(load_says_due(server, "order-1", false));
    request.stream = "order-1";
    request.reason = "a test";
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("EraseStream"), &request.base,
                             &sagabase__v1__erase_stream_response__descriptor, NULL));
    assert_false(load_says_due(server, "order-1", false));
    put_reducer(server, "order"); /* which would make one that nobody is shown, again and again */
    append(server, "order-1", 1);
    assert_false(load_says_due(server, "order-1", false));
    append(server, "order-1", 1);
    wait_for_snapshot(server, "order-1", 3);
}

static void the_server_makes_the_snapshots_of_a_category_with_a_reducer(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__SnapshotPolicy policy = SAGABASE__V1__SNAPSHOT_POLICY__INIT;

    policy.every_events = 10;
    policy.keep = 2;
    append(server, "order-1", 10);
    put_reducer(server, "order");
    expect_ok(set_policy(server, CATEGORY, "order", &policy));
    set_every(server, CATEGORY, "cart", 1, 0);
    wait_for_snapshot(server, "order-1", 9);
    assert_false(load_says_due(server, "order-1", false));
    append(server, "order-1", 10);
    wait_for_snapshot(server, "order-1", 19);
    append(server, "order-1", 10);
    assert_int_equal(wait_for_snapshot(server, "order-1", 29), 2);
    struct rpc_call *call = subscribe(server, "");
    append(server, "cart-1", 1);
    expect_told(call, "cart-1", 0, UINT64_MAX);
    delete_reducer(server, "order");
    append(server, "order-1", 10);
    expect_told(call, "order-1", 39, 29);
    assert_true(load_says_due(server, "order-1", false));
    put_reducer(server, "order");
    wait_for_snapshot(server, "order-1", 39);
    rpc_call_free(call);
}

static void policies_are_listed_those_of_categories_first(void **state)
{
    static const char *const expected[] = {"b", "c", "a-1"};
    struct test_server *server = *state;
    Sagabase__V1__ListSnapshotPoliciesRequest request =
        SAGABASE__V1__LIST_SNAPSHOT_POLICIES_REQUEST__INIT;
    Sagabase__V1__ListSnapshotPoliciesResponse *listed;

    set_every(server, STREAM, "a-1", 7, 0);
    set_every(server, CATEGORY, "c", 0, 9000);
    set_every(server, CATEGORY, "b", 8, 0);
    expect_ok(rpc_client_ask(server->client, SNAPSHOTS("ListSnapshotPolicies"), &request.base,
                             &sagabase__v1__list_snapshot_policies_response__descriptor, &listed));
    assert_int_equal(listed->n_policies, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(i < 2 ? listed->policies[i]->category : listed->policies[i]->stream,
                            expected[i]);
    assert_int_equal(listed->policies[1]->policy->every_ms, 9000);
    assert_int_equal(listed->policies[2]->policy->every_events, 7);
    assert_int_equal(listed->policies[2]->policy->keep, 1);
    sagabase__v1__list_snapshot_policies_response__free_unpacked(listed, NULL);
}

static void what_cannot_be_a_policy_is_refused_by_name(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__SetSnapshotPolicyRequest request =
        SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__INIT;
    Sagabase__V1__SnapshotPolicy policy = SAGABASE__V1__SNAPSHOT_POLICY__INIT;

    expect_status(rpc_client_ask(server->client, SNAPSHOTS("SetSnapshotPolicy"), &request.base,
                                 &sagabase__v1__set_snapshot_policy_response__descriptor, NULL),
                  STATUS_INVALID_ARGUMENT, "target: set stream or category");
    expect_status(set_policy(server, STREAM, "", &policy), STATUS_INVALID_ARGUMENT, "stream");
    expect_status(set_policy(server, CATEGORY, "", &policy), STATUS_INVALID_ARGUMENT, "category");
    expect_status(set_policy(server, CATEGORY, "a-b", &policy), STATUS_INVALID_ARGUMENT,
                  "before the first -");
    policy.every_ms = -1;
    expect_status(set_policy(server, CATEGORY, "a", &policy), STATUS_INVALID_ARGUMENT,
                  "policy.every_ms: 0 to 315360000000");
    policy.every_ms = 0;
    policy.every_events = 1000001;
    expect_status(set_policy(server, CATEGORY, "a", &policy), STATUS_INVALID_ARGUMENT,
                  "policy.every_events: at most 1000000");
}

static void whoever_is_told_may_go_or_be_told_to_go(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *calls[3];

    set_every(server, CATEGORY, "order", 1, 0);
    for (size_t i = 0; i < 3; i++)
        calls[i] = subscribe(server, "");
    append(server, "order-1", 1);
    for (size_t i = 0; i < 3; i++)
        expect_told(calls[i], "order-1", 0, UINT64_MAX);
    rpc_call_cancel(calls[0]);
    expect_status(rpc_call_finish(calls[0]), STATUS_CANCELLED, "");
    append(server, "order-2", 1);
    expect_told(calls[1], "order-2", 0, UINT64_MAX);
    test_server_stop_rpc(server);
    expect_status(rpc_call_finish(calls[2]), STATUS_UNAVAILABLE, "");
    for (size_t i = 0; i < 3; i++)
        rpc_call_free(calls[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_stream_is_due_after_so_many_events_until_a_snapshot_is_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_subscribes_is_told_first_of_those_that_are_due,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_is_due_when_its_oldest_event_is_old_enough, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_policy_that_goes_takes_its_streams_off, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stream_that_is_deleted_is_not_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_server_makes_the_snapshots_of_a_category_with_a_reducer,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_erased_counts_for_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policies_are_listed_those_of_categories_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_policy_is_refused_by_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(whoever_is_told_may_go_or_be_told_to_go, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
