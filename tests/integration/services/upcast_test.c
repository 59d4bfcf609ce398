/* Upcasters over the wire. Goal: whoever asks sees every event in its newest form, on each of the
 * four ways to read; whoever does not, and the store, see nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/reducers.pb-c.h"
#include "sagabase/v1/snapshots.pb-c.h"
#include "tests/integration/services/expect.h"
#include "tests/support/log_fixture.h"

#define REDUCERS(method) "/sagabase.v1.Reducers/" method

#define SPLIT_NAME                                                                                 \
    "return function(e)\n"                                                                         \
    "  if e.data.first then return e end\n"                                                        \
    "  local space = e.data.name:find(' ')\n"                                                      \
    "  e.type = 'RegisteredV2'\n"                                                                  \
    "  e.data = {first = e.data.name:sub(1, space - 1), last = e.data.name:sub(space + 1)}\n"      \
    "  e.metadata.upcast = 'yes'\n"                                                                \
    "  return e\n"                                                                                 \
    "end"

#define OLD "{\"name\":\"Ada Lovelace\"}"
#define NEW "{\"first\":\"Ada\",\"last\":\"Lovelace\"}"

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

static struct status put(struct test_server *server, const char *type, const char *source)
{
    Sagabase__V1__PutUpcasterRequest request = SAGABASE__V1__PUT_UPCASTER_REQUEST__INIT;
    Sagabase__V1__Upcaster upcaster = SAGABASE__V1__UPCASTER__INIT;

    request.upcaster = &upcaster;
    upcaster.event_type = (char *)type;
    upcaster.source = (char *)source;
    return rpc_client_ask(server->client, REDUCERS("PutUpcaster"), &request.base,
                          &sagabase__v1__put_upcaster_response__descriptor, NULL);
}

static Sagabase__V1__ListUpcastersResponse *list(struct test_server *server)
{
    Sagabase__V1__ListUpcastersRequest request = SAGABASE__V1__LIST_UPCASTERS_REQUEST__INIT;
    Sagabase__V1__ListUpcastersResponse *response;

    assert_ok(rpc_client_ask(server->client, REDUCERS("ListUpcasters"), &request.base,
                             &sagabase__v1__list_upcasters_response__descriptor, &response));
    return response;
}

/* What a read has seen. */
struct seen {
    size_t count;
    size_t old, new, others;
    uint64_t next_revision; /* each event is the next one of its stream */
};

static void look(struct seen *seen, Sagabase__V1__RecordedEvent *const *events, size_t count)
{
    for (size_t i = 0; i < count; i++, seen->count++) {
        const Sagabase__V1__RecordedEvent *event = events[i];
        bool is_new = strcmp(event->type, "RegisteredV2") == 0;
        if (strcmp(event->stream, "user-1") != 0)
            continue;
        assert_int_equal(event->revision, seen->next_revision++);
        seen->new += is_new;
        seen->old += strcmp(event->type, "Registered") == 0;
        seen->others += strcmp(event->type, "Seen") == 0;
        if (is_new) {
            assert_int_equal(event->data.len, strlen(NEW));
            assert_memory_equal(event->data.data, NEW, strlen(NEW));
            assert_int_equal(event->n_metadata, 1);
            assert_string_equal(event->metadata[0]->value, "yes");
        }
    }
}

static struct status read_stream(struct test_server *server, bool upcast, struct seen *seen)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    Sagabase__V1__ReadStreamResponse *page;

    *seen = (struct seen){0};
    request.stream = "user-1";
    request.upcast = upcast;
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadStream"), &request.base);
    while ((page = rpc_call_receive(call, &sagabase__v1__read_stream_response__descriptor))) {
        look(seen, page->events, page->n_events);
        forget(page);
    }
    struct status status = rpc_call_finish(call);
    rpc_call_free(call);
    return status;
}

static struct status read_all(struct test_server *server, struct seen *seen)
{
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__ReadAllResponse *page;

    *seen = (struct seen){0};
    request.upcast = true;
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadAll"), &request.base);
    while ((page = rpc_call_receive(call, &sagabase__v1__read_all_response__descriptor))) {
        look(seen, page->events, page->n_events);
        forget(page);
    }
    struct status status = rpc_call_finish(call);
    rpc_call_free(call);
    return status;
}

static struct status load(struct test_server *server, struct seen *seen, bool *snapshot)
{
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    Sagabase__V1__LoadStreamResponse *page;

    *snapshot = false;
    request.stream = "user-1";
    request.upcast = true;
    struct rpc_call *call =
        open_with(server->client, "/sagabase.v1.Snapshots/LoadStream", &request.base);
    while ((page = rpc_call_receive(call, &sagabase__v1__load_stream_response__descriptor))) {
        if (page->snapshot) {
            assert_int_equal(seen->count, 0);
            seen->next_revision = page->snapshot->revision + 1;
            *snapshot = true;
        }
        look(seen, page->events, page->n_events);
        forget(page);
    }
    struct status status = rpc_call_finish(call);
    rpc_call_free(call);
    return status;
}

static struct rpc_call *subscribe(struct test_server *server)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;

    request.stream = "user-1";
    request.upcast = true;
    return open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
}

/* Until so many events have come, or the end. */
static void follow(struct rpc_call *call, size_t count, struct seen *seen)
{
    Sagabase__V1__SubscribeResponse *message;

    while (seen->count < count &&
           (message = rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor))) {
        if (message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
            look(seen, message->events->events, message->events->n_events);
        forget(message);
    }
}

static void append_user(struct test_server *server, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_ok(append_json(server->client, "user-1", i % 2 ? "Seen" : "Registered", OLD));
}

/* --- reading
 * -------------------------------------------------------------------------------------- */

static void each_way_to_read_shows_the_newest_form(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__PutSnapshotRequest snapshot = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;
    struct seen seen;
    bool has_snapshot;

    append_user(server, 20);
    assert_ok(put(server, "Registered", SPLIT_NAME));
    assert_ok(read_stream(server, false, &seen));
    assert_true(seen.old == 10 && seen.new == 0 && seen.others == 10);
    assert_ok(read_stream(server, true, &seen));
    assert_true(seen.old == 0 && seen.new == 10 && seen.others == 10);
    assert_ok(read_all(server, &seen));
    assert_true(seen.old == 0 && seen.new == 10 && seen.others == 10);

    seen = (struct seen){0};
    assert_ok(load(server, &seen, &has_snapshot));
    assert_true(!has_snapshot && seen.new == 10 && seen.others == 10);
    snapshot.stream = "user-1";
    snapshot.revision = 9;
    assert_ok(rpc_client_ask(server->client, "/sagabase.v1.Snapshots/PutSnapshot", &snapshot.base,
                             &sagabase__v1__put_snapshot_response__descriptor, NULL));
    seen = (struct seen){0};
    assert_ok(load(server, &seen, &has_snapshot));
    assert_true(has_snapshot && seen.new == 5 && seen.others == 5);

    seen = (struct seen){0};
    struct rpc_call *call = subscribe(server);
    follow(call, 20, &seen);
    append_user(server, 4); /* live */
    follow(call, 24, &seen);
    assert_true(seen.old == 0 && seen.new == 12 && seen.others == 12);
    rpc_call_free(call);
}

static void a_page_that_takes_long_is_sent_in_parts(void **state)
{
    struct test_server *server = *state;
    struct seen seen;

    append_user(server, 300);
    /* Most of its steps each: 150 of them are more than one part. */
    assert_ok(put(server, "Registered",
                  "local split = (function() " SPLIT_NAME " end)()\n"
                  "return function(e) for i = 1, 40000 do end return split(e) end"));
    assert_ok(read_stream(server, true, &seen));
    assert_true(seen.old == 0 && seen.new == 150 && seen.others == 150);
    seen = (struct seen){0};
    struct rpc_call *call = subscribe(server);
    follow(call, 300, &seen);
    assert_true(seen.old == 0 && seen.new == 150 && seen.others == 150);
    rpc_call_free(call);
}

static void what_an_upcaster_keeps_does_not_grow(void **state)
{
    struct test_server *server = *state;
    struct seen seen;

    append_user(server, 100);
    assert_ok(put(server, "Registered",
                  "local kept = {}\n"
                  "return function(e) kept[#kept + 1] = ('x'):rep(900000) .. e.id return e end"));
    assert_ok(read_stream(server, true, &seen));
    assert_int_equal(seen.old, 50);
}

/* --- failing
 * --------------------------------------------------------------------------------------- */

static void wait_until_disabled(struct test_server *server)
{
    for (bool disabled = false; !disabled;) {
        Sagabase__V1__ListUpcastersResponse *all = list(server);
        assert_int_equal(all->n_upcasters, 1);
        disabled = all->upcasters[0]->disabled != NULL;
        forget(all);
    }
}

static void a_read_ends_at_the_event_where_an_upcaster_fails(void **state)
{
    struct test_server *server = *state;
    struct seen seen = {0};

    append_user(server, 4);
    assert_ok(append_json(server->client, "user-1", "Registered", "{}"));
    assert_ok(put(server, "Registered", SPLIT_NAME));
    assert_fails(read_stream(server, true, &seen), FAILED_PRECONDITION,
                 "the upcaster of \"Registered\" fails at user-1@4: upcaster:3:");
    assert_int_equal(seen.count, 4); /* what was good came first */
    wait_until_disabled(server);
    Sagabase__V1__ListUpcastersResponse *all = list(server);
    assert_string_equal(all->upcasters[0]->disabled->stream, "user-1");
    assert_int_equal(all->upcasters[0]->disabled->revision, 4);
    assert_non_null(strstr(all->upcasters[0]->disabled->error, "field 'name'"));
    forget(all);
    assert_fails(read_all(server, &seen), FAILED_PRECONDITION, "is disabled since it failed");
    struct rpc_call *call = subscribe(server);
    follow(call, 1, &seen);
    assert_fails(rpc_call_finish(call), FAILED_PRECONDITION, "is disabled since it failed");
    rpc_call_free(call);
    assert_ok(read_stream(server, false, &seen));
    assert_int_equal(seen.count, 5);
    assert_ok(put(server, "Registered", "return function(e) return e end"));
    assert_ok(read_stream(server, true, &seen));
    assert_int_equal(seen.old, 3);
}

static void a_loop_ends_the_read_and_nothing_else(void **state)
{
    struct test_server *server = *state;
    struct seen seen;

    append_user(server, 2);
    assert_ok(put(server, "Registered", "return function(e) while true do end end"));
    assert_fails(read_stream(server, true, &seen), FAILED_PRECONDITION,
                 "more than 100000 steps for one event");
    wait_until_disabled(server);
    assert_ok(read_stream(server, false, &seen));
}

static void an_erased_event_stays_as_it_is(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__EraseEventRequest request = SAGABASE__V1__ERASE_EVENT_REQUEST__INIT;
    struct seen seen;

    append_user(server, 3);
    request.stream = "user-1";
    request.revision = 0;
    request.reason = "asked for";
    assert_ok(rpc_client_ask(server->client, EVENT_STORE("EraseEvent"), &request.base,
                             &sagabase__v1__erase_event_response__descriptor, NULL));
    assert_ok(put(server, "Registered", SPLIT_NAME));
    assert_ok(read_stream(server, true, &seen));
    assert_true(seen.old == 1 && seen.new == 1 && seen.others == 1);
}

/* --- registering
 * ----------------------------------------------------------------------------------- */

static void upcasters_are_put_listed_and_deleted(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__DeleteUpcasterRequest delete = SAGABASE__V1__DELETE_UPCASTER_REQUEST__INIT;
    Sagabase__V1__DeleteUpcasterResponse *deleted;
    Sagabase__V1__PutUpcasterRequest empty = SAGABASE__V1__PUT_UPCASTER_REQUEST__INIT;
    struct seen seen;

    assert_fails(rpc_client_ask(server->client, REDUCERS("PutUpcaster"), &empty.base,
                                &sagabase__v1__put_upcaster_response__descriptor, NULL),
                 INVALID_ARGUMENT, "upcaster: required");
    assert_fails(put(server, "", SPLIT_NAME), INVALID_ARGUMENT, "event_type: 1 to 256 bytes");
    assert_fails(put(server, "Registered", ""), INVALID_ARGUMENT, "source: 1 to 65536 bytes");
    assert_fails(put(server, "Registered", "return\nfunction"), INVALID_ARGUMENT,
                 "upcaster.source: upcaster:2:");
    assert_ok(put(server, "Registered", SPLIT_NAME));
    Sagabase__V1__ListUpcastersResponse *all = list(server);
    assert_int_equal(all->n_upcasters, 1);
    assert_string_equal(all->upcasters[0]->upcaster->event_type, "Registered");
    assert_string_equal(all->upcasters[0]->upcaster->source, SPLIT_NAME);
    assert_int_equal(strlen(all->upcasters[0]->hash), 16);
    forget(all);
    delete.event_type = "Registered";
    for (int i = 0; i < 2; i++) {
        assert_ok(rpc_client_ask(server->client, REDUCERS("DeleteUpcaster"), &delete.base,
                                 &sagabase__v1__delete_upcaster_response__descriptor, &deleted));
        assert_int_equal(deleted->deleted, i == 0);
        forget(deleted);
    }
    append_user(server, 2);
    assert_ok(read_stream(server, true, &seen));
    assert_int_equal(seen.old, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_way_to_read_shows_the_newest_form),
        TEST(a_page_that_takes_long_is_sent_in_parts),
        TEST(what_an_upcaster_keeps_does_not_grow),
        TEST(a_read_ends_at_the_event_where_an_upcaster_fails),
        TEST(a_loop_ends_the_read_and_nothing_else),
        TEST(an_erased_event_stays_as_it_is),
        TEST(upcasters_are_put_listed_and_deleted),
    };

    return cmocka_run_group_tests_name("upcast", tests, NULL, NULL);
}
