/* sagabase.v1.Reducers over the wire. Goal: a state is never older than what was acknowledged, is
 * made by the reducer that is registered now, and a reducer that fails stops itself and nothing
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/reducers.pb-c.h"
#include "server/reducers/limits.h"
#include "server/reducers/reducers.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "storage/snapshots/snapshot_store.h"
#include "tests/integration/services/expect.h"
#include "tests/support/log_fixture.h"

#define REDUCERS(method) "/sagabase.v1.Reducers/" method

#define COUNTER "return function(s, e) s = s or {n = 0}; s.n = s.n + e.data.by; return s end"

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

/* --- calls ---------------------------------------------------------------------------------- */

static struct status put(struct test_server *server, Sagabase__V1__Reducer *reducer, char hash[17])
{
    Sagabase__V1__PutReducerRequest request = SAGABASE__V1__PUT_REDUCER_REQUEST__INIT;
    Sagabase__V1__PutReducerResponse *response;

    request.reducer = reducer;
    struct status status =
        rpc_client_ask(server->client, REDUCERS("PutReducer"), &request.base,
                       &sagabase__v1__put_reducer_response__descriptor, &response);
    if (!status_ok(status))
        return status;
    assert_int_equal(strlen(response->hash), 16);
    if (hash)
        memcpy(hash, response->hash, 17);
    forget(response);
    return status;
}

static struct status put_lua(struct test_server *server, const char *category, const char *source,
                             char hash[17])
{
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__LuaReducer lua = SAGABASE__V1__LUA_REDUCER__INIT;

    reducer.category = (char *)category;
    reducer.kind_case = SAGABASE__V1__REDUCER__KIND_LUA;
    reducer.lua = &lua;
    lua.source = (char *)source;
    return put(server, &reducer, hash);
}

static bool delete_reducer_of(struct test_server *server, const char *category)
{
    Sagabase__V1__DeleteReducerRequest request = SAGABASE__V1__DELETE_REDUCER_REQUEST__INIT;
    Sagabase__V1__DeleteReducerResponse *response;

    request.category = (char *)category;
    assert_ok(rpc_client_ask(server->client, REDUCERS("DeleteReducer"), &request.base,
                             &sagabase__v1__delete_reducer_response__descriptor, &response));
    bool deleted = response->deleted;
    forget(response);
    return deleted;
}

static Sagabase__V1__ListReducersResponse *list(struct test_server *server)
{
    Sagabase__V1__ListReducersRequest request = SAGABASE__V1__LIST_REDUCERS_REQUEST__INIT;
    Sagabase__V1__ListReducersResponse *response;

    assert_ok(rpc_client_ask(server->client, REDUCERS("ListReducers"), &request.base,
                             &sagabase__v1__list_reducers_response__descriptor, &response));
    return response;
}

static struct status get_at(struct test_server *server, const char *stream, const uint64_t *at,
                            Sagabase__V1__GetStateResponse **response)
{
    Sagabase__V1__GetStateRequest request = SAGABASE__V1__GET_STATE_REQUEST__INIT;

    request.stream = (char *)stream;
    if (at) {
        request.at_case = SAGABASE__V1__GET_STATE_REQUEST__AT_REVISION;
        request.revision = *at;
    }
    return rpc_client_ask(server->client, REDUCERS("GetState"), &request.base,
                          &sagabase__v1__get_state_response__descriptor, response);
}

static struct status get(struct test_server *server, const char *stream)
{
    return get_at(server, stream, NULL, NULL);
}

static void expect_state_at(struct test_server *server, const char *stream, const uint64_t *at,
                            const char *expected, uint64_t revision, uint64_t folded)
{
    Sagabase__V1__GetStateResponse *response;

    assert_ok(get_at(server, stream, at, &response));
    assert_int_equal(response->state.len, strlen(expected));
    assert_memory_equal(response->state.data, expected, response->state.len);
    assert_int_equal(response->revision, revision);
    assert_int_equal(response->folded, folded);
    forget(response);
}

static void expect_state(struct test_server *server, const char *stream, const char *expected,
                         uint64_t revision, uint64_t folded)
{
    expect_state_at(server, stream, NULL, expected, revision, folded);
}

/* --- states ---------------------------------------------------------------------------------- */

static void the_state_knows_every_acknowledged_event(void **state)
{
    struct test_server *server = *state;
    char text[32];

    assert_ok(put_lua(server, "counter", COUNTER, NULL));
    for (uint64_t i = 0; i < 30; i++) {
        assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":1}"));
        snprintf(text, sizeof text, "{\"n\":%d}", (int)i + 1);
        expect_state(server, "counter-1", text, i, i + 1);
    }
    uint64_t at = 9;
    expect_state_at(server, "counter-1", &at, "{\"n\":10}", 9, 10);
    at = 30;
    assert_fails(get_at(server, "counter-1", &at, NULL), OUT_OF_RANGE,
                 "revision: 30 does not exist");
    assert_fails(get(server, "counter-2"), NOT_FOUND, "counter-2");
}

static void rules_patch_the_state_of_a_stream(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__MergePatchReducer merge_patch = SAGABASE__V1__MERGE_PATCH_REDUCER__INIT;
    Sagabase__V1__MergePatchRule placed = SAGABASE__V1__MERGE_PATCH_RULE__INIT,
                                 cancelled = SAGABASE__V1__MERGE_PATCH_RULE__INIT;
    Sagabase__V1__MergePatchRule *rules[] = {&placed, &cancelled};

    placed.event_type = "Placed";
    cancelled.event_type = "Cancelled";
    cancelled.patch = "{\"items\":null,\"status\":\"cancelled\"}";
    merge_patch.rules = rules;
    merge_patch.n_rules = 2;
    reducer.category = "order";
    reducer.kind_case = SAGABASE__V1__REDUCER__KIND_MERGE_PATCH;
    reducer.merge_patch = &merge_patch;
    assert_ok(put(server, &reducer, NULL));
    assert_ok(append_json(server->client, "order-1", "Placed", "{\"items\":[1,2],\"total\":30}"));
    assert_ok(append_json(server->client, "order-1", "Shown", "7"));
    expect_state(server, "order-1", "{\"items\":[1,2],\"total\":30}", 1, 2);
    assert_ok(append_json(server->client, "order-1", "Cancelled", "{}"));
    expect_state(server, "order-1", "{\"status\":\"cancelled\",\"total\":30}", 2, 3);
}

static void a_long_stream_is_folded_page_by_page(void **state)
{
    struct test_server *server = *state;
    uint64_t last;

    assert_ok(append_some(server->log, "counter-1", NO_STREAM, 3500, &last));
    assert_ok(put_lua(server, "counter", "return function(s, e) return (s or 0) + 1 end", NULL));
    expect_state(server, "counter-1", "3500", 3499, 3500);
    uint64_t at = 2222;
    expect_state_at(server, "counter-1", &at, "2223", 2222, 2223);
}

/* --- snapshots ---------------------------------------------------------------------------------
 */

static void on_done(struct reduction *reduction)
{
    sem_post(reduction->context);
}

static struct status put_state(struct test_server *server, const char *stream)
{
    sem_t is_done;
    struct reduction reduction = {.stream = bytes_of_text(stream),
                                  .at = REDUCTION_NEWEST,
                                  .to_put = true,
                                  .keep = 1,
                                  .done = on_done,
                                  .context = &is_done};

    sem_init(&is_done, 0, 0);
    assert_ok(reducers_submit(server->reducers, &reduction));
    sem_wait(&is_done);
    sem_destroy(&is_done);
    struct status status = reduction.status;
    reduction_clear(&reduction);
    return status;
}

static void a_fold_begins_with_the_snapshot_of_this_very_reducer(void **state)
{
    struct test_server *server = *state;
    struct snapshot snapshot;
    struct arena arena;
    char hash[17], content_type[64];

    assert_ok(put_lua(server, "counter", COUNTER, hash));
    assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":1}"));
    assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":2}"));
    assert_ok(put_state(server, "counter-1"));
    expect_state(server, "counter-1", "{\"n\":3}", 1, 0);
    assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":4}"));
    expect_state(server, "counter-1", "{\"n\":7}", 2, 1);
    arena_init(&arena, 1 << 20);
    assert_ok(snapshot_get(server->snapshots, bytes_of_text("counter-1"), SNAPSHOT_NEWEST, &arena,
                           &snapshot));
    snprintf(content_type, sizeof content_type, "application/json; reducer=%s", hash);
    assert_true(bytes_equal(snapshot.content_type, bytes_of_text(content_type)));
    assert_true(bytes_equal(snapshot.state, bytes_of_text("{\"n\":3}")));
    snapshot_release(&snapshot);
    arena_destroy(&arena);
    /* Another reducer begins at the start, and the first one finds its own again. */
    assert_ok(put_lua(server, "counter", "return function(s, e) return (s or 0) + 100 end", NULL));
    expect_state(server, "counter-1", "300", 2, 3);
    assert_ok(put_lua(server, "counter", COUNTER, NULL));
    expect_state(server, "counter-1", "{\"n\":7}", 2, 1);
}

/* --- failing -----------------------------------------------------------------------------------
 */

static void expect_disabled(struct test_server *server, const char *error, const char *stream,
                            uint64_t revision)
{
    Sagabase__V1__ListReducersResponse *all = list(server);

    assert_int_equal(all->n_reducers, 1);
    assert_non_null(all->reducers[0]->disabled);
    assert_non_null(strstr(all->reducers[0]->disabled->error, error));
    assert_string_equal(all->reducers[0]->disabled->stream, stream);
    assert_int_equal(all->reducers[0]->disabled->revision, revision);
    assert_true(all->reducers[0]->disabled->failed_us >= all->reducers[0]->put_us);
    forget(all);
}

static void a_reducer_that_fails_is_disabled_until_it_is_put_again(void **state)
{
    struct test_server *server = *state;

    assert_ok(put_lua(server, "counter", COUNTER, NULL));
    assert_true(reducers_has(server->reducers, bytes_of_text("counter")));
    assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":1}"));
    assert_ok(append_json(server->client, "counter-1", "Added", "{}"));
    assert_fails(get(server, "counter-1"), FAILED_PRECONDITION, "fails at counter-1@1: reducer:1:");
    expect_disabled(server, "field 'by'", "counter-1", 1);
    assert_false(reducers_has(server->reducers, bytes_of_text("counter")));
    assert_ok(append_json(server->client, "counter-2", "Added", "{\"by\":1}"));
    assert_fails(get(server, "counter-2"), FAILED_PRECONDITION, "is disabled since it failed");
    assert_ok(put_lua(server, "counter",
                      "return function(s, e) return (s or 0) + (e.data.by or 0) end", NULL));
    expect_state(server, "counter-1", "1", 1, 2);
    expect_state(server, "counter-2", "1", 0, 1);
}

static void loops_and_bombs_disable_themselves_and_nothing_else(void **state)
{
    static const char *const bodies[][2] = {
        {"while true do end", "steps for one event"},
        {"local t = {}; while true do t[#t + 1] = ('x'):rep(99999) end", "of memory"},
        {"local s = 'x'; while true do s = s .. s end", "of memory"},
        {"return function() end", "cannot be written as JSON: a function"},
        {"return ('x'):rep(1200000)", "more than 1048576 bytes"},
        {"error({})", "no text but a table"},
    };
    struct test_server *server = *state;

    assert_ok(append_json(server->client, "bad-1", "Added", "{}"));
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char source[128];
        snprintf(source, sizeof source, "return function(s, e) %s end", bodies[i][0]);
        assert_ok(put_lua(server, "bad", source, NULL));
        struct status status = get(server, "bad-1");
        assert_int_equal(status.code, STATUS_FAILED_PRECONDITION);
        expect_disabled(server, bodies[i][1], "bad-1", 0);
    }
    assert_true(delete_reducer_of(server, "bad"));
    assert_ok(put_lua(server, "bad", "return function() return 'good' end", NULL));
    expect_state(server, "bad-1", "\"good\"", 0, 1);
}

/* --- registering
 * ---------------------------------------------------------------------------------- */

static void reducers_are_listed_by_category_and_deleted(void **state)
{
    struct test_server *server = *state;
    char first[17], second[17];

    assert_ok(put_lua(server, "b", COUNTER, first));
    assert_ok(put_lua(server, "a", COUNTER, second));
    assert_string_equal(first, second);
    assert_ok(put_lua(server, "a", "return function() end", second));
    assert_string_not_equal(first, second);
    Sagabase__V1__ListReducersResponse *all = list(server);
    assert_int_equal(all->n_reducers, 2);
    assert_string_equal(all->reducers[0]->reducer->category, "a");
    assert_string_equal(all->reducers[0]->hash, second);
    assert_string_equal(all->reducers[1]->reducer->lua->source, COUNTER);
    assert_true(all->reducers[1]->put_us > 0 && !all->reducers[1]->disabled);
    forget(all);
    assert_true(delete_reducer_of(server, "a"));
    assert_false(delete_reducer_of(server, "a"));
    assert_false(delete_reducer_of(server, "never"));
    all = list(server);
    assert_int_equal(all->n_reducers, 1);
    forget(all);
    assert_ok(append_json(server->client, "a-1", "Added", "{}"));
    assert_fails(get(server, "a-1"), FAILED_PRECONDITION, "category \"a\" has no reducer");
}

static void what_cannot_be_put_is_refused_by_name(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    char long_name[1002];

    memset(long_name, 'x', 1001);
    long_name[1001] = '\0';
    assert_fails(put(server, NULL, NULL), INVALID_ARGUMENT, "reducer: required");
    assert_fails(put(server, &reducer, NULL), INVALID_ARGUMENT, "reducer.category: 1 to 1000");
    assert_fails(put_lua(server, long_name, COUNTER, NULL), INVALID_ARGUMENT, "1 to 1000 bytes");
    assert_fails(put_lua(server, "$saga", COUNTER, NULL), INVALID_ARGUMENT, "server's own");
    assert_fails(put_lua(server, "a-b", COUNTER, NULL), INVALID_ARGUMENT, "before the first -");
    reducer.category = "a";
    assert_fails(put(server, &reducer, NULL), INVALID_ARGUMENT, "reducer.kind: merge_patch or lua");
    assert_fails(put_lua(server, "a", "return function(s)\n  s.n = = 1\nend", NULL),
                 INVALID_ARGUMENT, "reducer.lua.source: reducer:2:");
    assert_fails(put_lua(server, "a", "while true do end", NULL), INVALID_ARGUMENT, "steps");
    long_name[1000] = '\0';
    assert_ok(put_lua(server, long_name, COUNTER, NULL));
    assert_true(delete_reducer_of(server, long_name));
}

static void all_reducers_together_fit_into_one_message(void **state)
{
    enum { SOURCE_BYTES = 60000 };
    struct test_server *server = *state;
    static char source[SOURCE_BYTES + 1] = "return function() end --";
    char category[16];
    int count = 0;

    memset(source + strlen(source), 'x', SOURCE_BYTES - strlen(source));
    for (struct status status = {0}; status_ok(status); count += status_ok(status)) {
        snprintf(category, sizeof category, "c%d", count);
        status = put_lua(server, category, source, NULL);
        if (!status_ok(status))
            assert_fails(status, RESOURCE_EXHAUSTED, "reducers: at most 2 MiB, all together");
    }
    assert_int_equal(count, REGISTRY_BYTES_MAX / SOURCE_BYTES);
    assert_ok(put_lua(server, "c3", source, NULL)); /* in place of itself */
    assert_true(delete_reducer_of(server, "c8"));
    assert_ok(put_lua(server, category, source, NULL));
    Sagabase__V1__ListReducersResponse *all = list(server);
    assert_int_equal(all->n_reducers, count);
    forget(all);
}

static void a_thousand_reducers_are_enough(void **state)
{
    struct test_server *server = *state;
    struct reducers *again;
    char category[16];

    for (int i = 0; i < REDUCERS_MAX; i++) {
        snprintf(category, sizeof category, "c%d", i);
        assert_ok(put_lua(server, category, "return function() end", NULL));
    }
    assert_fails(put_lua(server, "more", COUNTER, NULL), RESOURCE_EXHAUSTED,
                 "reducers: at most 1000");
    assert_ok(put_lua(server, "c7", COUNTER, NULL));
    assert_true(delete_reducer_of(server, "c8"));
    assert_ok(put_lua(server, "more", COUNTER, NULL));
    /* Who reads them anew finds the same. */
    assert_ok(reducers_open(
        &(struct reducers_options){.log = server->log, .snapshots = server->snapshots}, &again));
    Sagabase__V1__ListReducersResponse *all = list(server);
    assert_int_equal(all->n_reducers, REDUCERS_MAX);
    for (size_t i = 0; i < all->n_reducers; i++)
        assert_true(reducers_has(again, bytes_of_text(all->reducers[i]->reducer->category)));
    assert_false(reducers_has(again, bytes_of_text("c8")));
    forget(all);
    reducers_close(again);
}

static void nobody_else_writes_the_streams_of_reducers(void **state)
{
    struct test_server *server = *state;

    assert_fails(append_json(server->client, "$reducer-a", "$ReducerPut", "{}"), INVALID_ARGUMENT,
                 "the server's own");
    assert_fails(append_json(server->client, "$upcaster-A", "$UpcasterPut", "{}"), INVALID_ARGUMENT,
                 "the server's own");
}

static void reducers_outlive_a_restart(void **state)
{
    char directory[] = "reducers_test.XXXXXX";
    struct rocksdb_engine_options options = {.create_if_missing = true};
    struct engine *engine;

    (void)state;
    options.directory = mkdtemp(directory);
    assert_ok(rocksdb_engine_open(&options, &engine));
    struct test_server *server = test_server_start(engine, 0);
    assert_ok(put_lua(server, "counter", "return function() return 0 end", NULL));
    assert_ok(put_lua(server, "counter", COUNTER, NULL));
    assert_ok(put_lua(server, "gone", COUNTER, NULL));
    assert_true(delete_reducer_of(server, "gone"));
    assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":5}"));
    assert_ok(put_state(server, "counter-1"));
    assert_ok(append_json(server->client, "counter-1", "Added", "{\"by\":6}"));
    test_server_stop(server);

    assert_ok(rocksdb_engine_open(&options, &engine));
    server = test_server_start(engine, 0);
    expect_state(server, "counter-1", "{\"n\":11}", 1, 1);
    assert_ok(append_json(server->client, "counter-1", "Added", "{}"));
    assert_fails(get(server, "counter-1"), FAILED_PRECONDITION, "fails at counter-1@2");
    test_server_stop(server);

    assert_ok(rocksdb_engine_open(&options, &engine));
    server = test_server_start(engine, 0);
    expect_disabled(server, "field 'by'", "counter-1", 2);
    assert_fails(get(server, "counter-1"), FAILED_PRECONDITION, "is disabled since");
    test_server_stop(server);
}

/* --- giving up
 * ------------------------------------------------------------------------------------ */

/* A stream whose fold takes seconds: each event takes some of its steps. */
static void append_slow(struct test_server *server)
{
    uint64_t last;

    assert_ok(append_some(server->log, "slow-1", NO_STREAM, 5000, &last));
    assert_ok(put_lua(server, "slow",
                      "return function(s) for i = 1, 200000 do end return (s or 0) + 1 end", NULL));
}

static struct rpc_call *ask_slow(struct test_server *server)
{
    Sagabase__V1__GetStateRequest request = SAGABASE__V1__GET_STATE_REQUEST__INIT;

    request.stream = "slow-1";
    return open_with(server->client, REDUCERS("GetState"), &request.base);
}

static void a_fold_that_nobody_waits_for_is_given_up(void **state)
{
    struct test_server *server = *state;

    append_slow(server);
    assert_ok(append_json(server->client, "quick-1", "Added", "{\"by\":1}"));
    assert_ok(put_lua(server, "quick", COUNTER, NULL));
    struct rpc_call *call = ask_slow(server);
    expect_state(server, "quick-1", "{\"n\":1}", 0, 1); /* others have their turn */
    rpc_call_cancel(call);
    assert_int_equal(rpc_call_finish(call).code, STATUS_CANCELLED);
    rpc_call_free(call);
    expect_state(server, "quick-1", "{\"n\":1}", 0, 1);
}

static void a_server_that_stops_waits_for_no_fold(void **state)
{
    struct test_server *server = *state;

    append_slow(server);
    struct rpc_call *call = ask_slow(server);
    assert_ok(append_json(server->client, "quick-1", "Added", "{}")); /* the call has begun */
    test_server_stop_rpc(server);
    assert_int_equal(rpc_call_finish(call).code, STATUS_UNAVAILABLE);
    rpc_call_free(call);
}

static void a_full_queue_refuses(void **state)
{
    enum { WANTED = REDUCTIONS_WAITING_MAX + 2 * REDUCTIONS_ACTIVE_MAX };
    struct test_server *server = *state;
    struct reduction *reductions = calloc(WANTED, sizeof *reductions);
    size_t taken = 0, refused = 0;
    sem_t done;

    append_slow(server);
    sem_init(&done, 0, 0);
    for (size_t i = 0; i < WANTED; i++) {
        reductions[i].stream = bytes_of_text("slow-1");
        reductions[i].at = REDUCTION_NEWEST;
        reductions[i].done = on_done;
        reductions[i].context = &done;
        struct status status = reducers_submit(server->reducers, &reductions[i]);
        taken += status_ok(status);
        refused += status.code == STATUS_RESOURCE_EXHAUSTED;
    }
    assert_true(refused > 0);
    assert_int_equal(taken + refused, WANTED);
    for (size_t i = 0; i < WANTED; i++)
        atomic_store(&reductions[i].is_abandoned, true);
    for (size_t i = 0; i < taken; i++)
        sem_wait(&done);
    sem_destroy(&done);
    free(reductions);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_state_knows_every_acknowledged_event),
        TEST(rules_patch_the_state_of_a_stream),
        TEST(a_long_stream_is_folded_page_by_page),
        TEST(a_fold_begins_with_the_snapshot_of_this_very_reducer),
        TEST(a_reducer_that_fails_is_disabled_until_it_is_put_again),
        TEST(loops_and_bombs_disable_themselves_and_nothing_else),
        TEST(reducers_are_listed_by_category_and_deleted),
        TEST(what_cannot_be_put_is_refused_by_name),
        TEST(all_reducers_together_fit_into_one_message),
        TEST(a_thousand_reducers_are_enough),
        TEST(nobody_else_writes_the_streams_of_reducers),
        cmocka_unit_test(reducers_outlive_a_restart),
        TEST(a_fold_that_nobody_waits_for_is_given_up),
        TEST(a_server_that_stops_waits_for_no_fold),
        TEST(a_full_queue_refuses),
    };

    return cmocka_run_group_tests_name("reducers", tests, NULL, NULL);
}
