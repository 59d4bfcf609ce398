/* Tags, queries, append conditions, filters of reads, times and lists as a client sees them.
 * Goal: exactly the matching events, in order, with exact errors for what makes no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/services/expect.h"

#define BACKWARDS SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS

typedef Sagabase__V1__Query Query;
typedef Sagabase__V1__QueryItem QueryItem;

static int set_up(void **state)
{
    *state = test_server_start_telling(1000);
    return 0;
}

static int tear_down(void **state)
{
    test_server_stop(*state);
    return 0;
}

/* --- appending ---------------------------------------------------------------------- */

/* A query with one item; its fields are the caller's to set. */
struct asked {
    Query query;
    QueryItem item;
    QueryItem *items;
    char *type;
    char *tags[2];
};

static void ask_for(struct asked *asked, const char *type, const char *tag)
{
    sagabase__v1__query__init(&asked->query);
    sagabase__v1__query_item__init(&asked->item);
    asked->items = &asked->item;
    asked->query.items = &asked->items;
    asked->query.n_items = 1;
    asked->type = (char *)type;
    asked->tags[0] = (char *)tag;
    asked->item.types = &asked->type;
    asked->item.n_types = type ? 1 : 0;
    asked->item.tags = asked->tags;
    asked->item.n_tags = tag ? 1 : 0;
}

/* One event with up to two tags; `condition` may be NULL. */
static struct rpc_call *open_append(struct test_server *server, const char *stream,
                                    const char *type, const char *tag, const char *other_tag,
                                    Sagabase__V1__AppendCondition *condition)
{
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__StreamAppend part = append_part(stream, &proposals), *parts = &part;
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    char *tags[] = {(char *)tag, (char *)other_tag};
    struct rpc_call *call;

    proposals.events[0].type = (char *)type;
    proposals.events[0].tags = tags;
    proposals.events[0].n_tags = (tag ? 1 : 0) + (other_tag ? 1 : 0);
    request.appends = &parts;
    request.n_appends = 1;
    request.condition = condition;
    call = open_with(server->client, EVENT_STORE("Append"), &request.base);
    proposals_free(&proposals);
    return call;
}

static struct status append_tagged(struct test_server *server, const char *stream, const char *type,
                                   const char *tag, const char *other_tag)
{
    struct rpc_call *call = open_append(server, stream, type, tag, other_tag, NULL);
    struct status status = rpc_call_finish(call);

    rpc_call_free(call);
    return status;
}

/* --- reading ------------------------------------------------------------------------ */

/* Positions of what a ReadAll gave, as a text: "0 3 7". */
struct got {
    char positions[256];
    size_t count, pages, empty_pages;
    struct status status;
};

static struct got read_all(struct test_server *server, const Sagabase__V1__ReadAllRequest *request)
{
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadAll"), &request->base);
    Sagabase__V1__ReadAllResponse *page;
    struct got got = {0};
    size_t size = 0;

    while ((page = rpc_call_receive(call, &sagabase__v1__read_all_response__descriptor))) {
        got.pages++;
        got.empty_pages += page->n_events == 0;
        for (size_t i = 0; i < page->n_events; i++, got.count++)
            if (size < sizeof got.positions - 24)
                size += (size_t)snprintf(got.positions + size, sizeof got.positions - size, "%s%d",
                                         size > 0 ? " " : "", (int)page->events[i]->position);
        forget(page);
    }
    got.status = rpc_call_finish(call);
    rpc_call_free(call);
    return got;
}

static struct got read_stream(struct test_server *server,
                              const Sagabase__V1__ReadStreamRequest *request)
{
    struct rpc_call *call = open_with(server->client, EVENT_STORE("ReadStream"), &request->base);
    Sagabase__V1__ReadStreamResponse *page;
    struct got got = {0};
    size_t size = 0;

    while ((page = rpc_call_receive(call, &sagabase__v1__read_stream_response__descriptor))) {
        for (size_t i = 0; i < page->n_events; i++, got.count++)
            if (size < sizeof got.positions - 24)
                size += (size_t)snprintf(got.positions + size, sizeof got.positions - size, "%s%d",
                                         size > 0 ? " " : "", (int)page->events[i]->revision);
        forget(page);
    }
    got.status = rpc_call_finish(call);
    rpc_call_free(call);
    return got;
}

static void expect_got(struct got got, const char *positions)
{
    expect_ok(got.status);
    assert_string_equal(got.positions, positions);
}

/* Positions 0..5. */
static void append_courses(struct test_server *server)
{
    expect_ok(append_tagged(server, "course-1", "Defined", "course:1", NULL));
    expect_ok(append_tagged(server, "course-2", "Defined", "course:2", NULL));
    expect_ok(append_tagged(server, "student-7", "Joined", "course:1", "student:7"));
    expect_ok(append_tagged(server, "student-8", "Joined", "course:1", "student:8"));
    expect_ok(append_tagged(server, "student-7", "Joined", "course:2", "student:7"));
    expect_ok(append_tagged(server, "student-7", "Left", "course:1", "student:7"));
}

static void query_gives_what_matches_in_both_directions(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct asked asked;

    append_courses(server);
    request.query = &asked.query;
    ask_for(&asked, NULL, "student:7");
    expect_got(read_all(server, &request), "2 4 5");
    request.direction = BACKWARDS;
    expect_got(read_all(server, &request), "5 4 2");
    request.count = 2;
    expect_got(read_all(server, &request), "5 4");
    ask_for(&asked, "Defined", NULL);
    expect_got(read_all(server, &request), "1 0");
    request = (Sagabase__V1__ReadAllRequest)SAGABASE__V1__READ_ALL_REQUEST__INIT;
    request.query = &asked.query;
    ask_for(&asked, NULL, "course:1");
    asked.tags[1] = (char *)"student:7";
    asked.item.n_tags = 2;
    expect_got(read_all(server, &request), "2 5");
    request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION;
    request.position = 3;
    expect_got(read_all(server, &request), "5");
    ask_for(&asked, NULL, NULL);
    asked.item.category = (char *)"student";
    expect_got(read_all(server, &request), "3 4 5");
    request.position = 100;
    expect_got(read_all(server, &request), "");
}

static void query_and_filter_both_have_to_match(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    struct asked asked;

    append_courses(server);
    ask_for(&asked, NULL, "student:7");
    filter.type_regex = (char *)"^J";
    request.filter = &filter;
    expect_got(read_all(server, &request), "2 3 4");
    request.query = &asked.query;
    expect_got(read_all(server, &request), "2 4");
    request.direction = BACKWARDS;
    request.count = 1;
    expect_got(read_all(server, &request), "4");
    filter.type_regex = (char *)"(";
    expect_status(read_all(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "filter.type_regex: missing closing parenthesis");
}

static void stream_is_filtered(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    char *prefix = (char *)"Left";

    append_courses(server);
    filter.type_prefixes = &prefix;
    filter.n_type_prefixes = 1;
    request.stream = (char *)"student-7";
    request.filter = &filter;
    expect_got(read_stream(server, &request), "2");
    request.direction = BACKWARDS;
    expect_got(read_stream(server, &request), "2");
    prefix = (char *)"Joined";
    expect_got(read_stream(server, &request), "1 0");
    request.count = 1;
    expect_got(read_stream(server, &request), "1");
}

static void empty_pages_come_while_nothing_matches(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    char *prefix = (char *)"Never"; /* no expression, which would have its own idea of a turn */
    struct got got;

    for (int i = 0; i < 5; i++)
        expect_ok(append_new(server->client, "many", 5000));
    filter.type_prefixes = &prefix;
    filter.n_type_prefixes = 1;
    request.filter = &filter;
    got = read_all(server, &request);
    expect_got(got, "");
    assert_int_equal(got.empty_pages, 2); /* 10,000 events each; the rest is the end */
    request.direction = BACKWARDS;
    assert_int_equal(read_all(server, &request).empty_pages, 2);
}

static void read_begins_at_a_time(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest all = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__ReadStreamRequest one = SAGABASE__V1__READ_STREAM_REQUEST__INIT;

    append_courses(server);
    all.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_TIME_US;
    one.from_case = SAGABASE__V1__READ_STREAM_REQUEST__FROM_TIME_US;
    one.stream = (char *)"student-7";
    all.time_us = one.time_us = 0;
    expect_got(read_all(server, &all), "0 1 2 3 4 5");
    expect_got(read_stream(server, &one), "0 1 2");
    all.time_us = one.time_us = INT64_MAX;
    expect_got(read_all(server, &all), "");
    expect_got(read_stream(server, &one), "");
    all.direction = one.direction = BACKWARDS;
    expect_got(read_all(server, &all), "5 4 3 2 1 0");
    expect_got(read_stream(server, &one), "2 1 0");
    all.time_us = one.time_us = 0;
    expect_got(read_all(server, &all), "");
    expect_got(read_stream(server, &one), "");
    all.time_us = one.time_us = -1;
    expect_status(read_all(server, &all).status, STATUS_INVALID_ARGUMENT, "time_us: not negative");
    expect_status(read_stream(server, &one).status, STATUS_INVALID_ARGUMENT,
                  "time_us: not negative");
}

static void wrong_queries_are_refused_with_field_and_rule(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__AppendCondition condition = SAGABASE__V1__APPEND_CONDITION__INIT;
    QueryItem *items[33];
    struct asked asked;
    struct rpc_call *call;

    ask_for(&asked, NULL, NULL);
    request.query = &asked.query;
    expect_status(read_all(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "query.items[0]: set types, tags, category or correlation_id");
    ask_for(&asked, "", NULL);
    expect_status(read_all(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "query.items[0].types[0]: 1 to 256 bytes");
    ask_for(&asked, "A", NULL);
    for (size_t i = 0; i < 33; i++)
        items[i] = &asked.item;
    asked.query.items = items;
    asked.query.n_items = 33;
    expect_status(read_all(server, &request).status, STATUS_INVALID_ARGUMENT,
                  "query.items: 1 to 32");

    call = open_append(server, "a", "A", NULL, NULL, &condition);
    expect_status(rpc_call_finish(call), STATUS_INVALID_ARGUMENT, "condition.fail_if: required");
    rpc_call_free(call);
    ask_for(&asked, NULL, "");
    condition.fail_if = &asked.query;
    call = open_append(server, "a", "A", NULL, NULL, &condition);
    expect_status(rpc_call_finish(call), STATUS_INVALID_ARGUMENT,
                  "condition.fail_if.items[0].tags[0]: 1 to 256 bytes");
    rpc_call_free(call);
    expect_status(append_tagged(server, "a", "A", "twice", "twice"), STATUS_INVALID_ARGUMENT,
                  "appends[0].events[0].tags[1]: twice");
}

/* --- conditions --------------------------------------------------------------------- */

static void condition_that_does_not_hold_is_aborted_with_the_position(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__AppendCondition condition = SAGABASE__V1__APPEND_CONDITION__INIT;
    Sagabase__V1__ConditionConflict *conflict;
    Google__Rpc__Status *detail;
    struct rpc_call *call;
    struct bytes bytes;
    struct asked asked;

    append_courses(server);
    ask_for(&asked, "Joined", "course:1");
    condition.fail_if = &asked.query;
    condition.seen_case = SAGABASE__V1__APPEND_CONDITION__SEEN_AFTER_POSITION;
    condition.after_position = 2;
    call = open_append(server, "student-9", "Joined", "course:1", "student:9", &condition);
    expect_status(rpc_call_finish(call), STATUS_ABORTED, "");
    bytes = rpc_call_details(call);
    detail = google__rpc__status__unpack(NULL, bytes.size, bytes.data);
    assert_non_null(detail);
    assert_int_equal(detail->n_details, 1);
    assert_string_equal(detail->details[0]->type_url,
                        "type.googleapis.com/sagabase.v1.ConditionConflict");
    conflict = sagabase__v1__condition_conflict__unpack(NULL, detail->details[0]->value.len,
                                                        detail->details[0]->value.data);
    assert_non_null(conflict);
    assert_int_equal(conflict->position, 3);
    forget(conflict);
    forget(detail);
    rpc_call_free(call);

    condition.after_position = 3;
    call = open_append(server, "student-9", "Joined", "course:1", "student:9", &condition);
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
    condition.seen_case = SAGABASE__V1__APPEND_CONDITION__SEEN__NOT_SET; /* all count */
    call = open_append(server, "student-9", "Joined", "course:1", "student:9", &condition);
    expect_status(rpc_call_finish(call), STATUS_ABORTED, "");
    rpc_call_free(call);
}

static void condition_of_a_session_is_a_result_of_its_append(void **state)
{
    struct test_server *server = *state;
    struct rpc_call *call = rpc_call_open(server->client, EVENT_STORE("AppendSession"), 0);
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__StreamAppend part = append_part("once", &proposals), *parts = &part;
    Sagabase__V1__AppendRequest append = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    Sagabase__V1__AppendCondition condition = SAGABASE__V1__APPEND_CONDITION__INIT;
    Sagabase__V1__AppendSessionResponse *response;
    struct asked asked;
    size_t results = 0;

    expect_ok(append_tagged(server, "a", "A", "taken", NULL));
    ask_for(&asked, NULL, "taken");
    condition.fail_if = &asked.query;
    append.appends = &parts;
    append.n_appends = 1;
    append.condition = &condition;
    request.append = &append;
    assert_true(rpc_call_send(call, &request.base));
    append.condition = NULL;
    assert_true(rpc_call_send(call, &request.base));
    rpc_call_half_close(call);
    while (
        (response = rpc_call_receive(call, &sagabase__v1__append_session_response__descriptor))) {
        for (size_t i = 0; i < response->n_results; i++, results++) {
            Sagabase__V1__AppendResult *result = response->results[i];

            if (results == 1) {
                assert_int_equal(result->outcome_case,
                                 SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED);
                continue;
            }
            assert_int_equal(result->outcome_case, SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED);
            assert_int_equal(result->failed->code, STATUS_ABORTED);
            assert_null(result->failed->conflict);
            assert_non_null(result->failed->condition);
            assert_int_equal(result->failed->condition->position, 0);
        }
        forget(response);
    }
    assert_int_equal(results, 2);
    expect_ok(rpc_call_finish(call));
    rpc_call_free(call);
    proposals_free(&proposals);
}

/* --- subscribing -------------------------------------------------------------------- */

static Sagabase__V1__SubscribeResponse *receive(struct rpc_call *call)
{
    Sagabase__V1__SubscribeResponse *message =
        rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor);

    assert_non_null(message);
    return message;
}

static uint64_t receive_event(struct rpc_call *call)
{
    Sagabase__V1__SubscribeResponse *message = receive(call);
    uint64_t position;

    assert_int_equal(message->message_case, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS);
    assert_int_equal(message->events->n_events, 1);
    position = message->events->events[0]->position;
    forget(message);
    return position;
}

static uint64_t receive_checkpoint(struct rpc_call *call)
{
    Sagabase__V1__SubscribeResponse *message = receive(call);
    uint64_t position;

    assert_int_equal(message->message_case, SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CHECKPOINT);
    position = message->checkpoint->position;
    forget(message);
    return position;
}

static void subscription_by_query_tells_how_far_it_is_while_nothing_matches(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct asked asked;
    struct rpc_call *call;
    uint64_t told = 0;

    expect_ok(append_tagged(server, "a", "A", "wanted", NULL));
    ask_for(&asked, NULL, "wanted");
    request.query = &asked.query;
    call = open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
    forget(receive(call)); /* confirmed */
    assert_int_equal(receive_event(call), 0);
    forget(receive(call)); /* caught up */
    expect_ok(append_tagged(server, "a", "A", "other", NULL));
    expect_ok(append_tagged(server, "a", "A", "other", NULL));
    while (told < 2) { /* nothing is written any more */
        uint64_t position = receive_checkpoint(call);
        assert_true(position > told);
        told = position;
    }
    expect_ok(append_tagged(server, "a", "A", "wanted", NULL));
    assert_int_equal(receive_event(call), 3);
    rpc_call_free(call);
}

/* More than the newest events, so that both the index and the rest behind it are read. */
static void query_over_a_long_history_gives_each_match_once(void **state)
{
    enum { ROUNDS = 30, EVENTS = 100 };
    struct test_server *server = *state;
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    Sagabase__V1__ReadAllRequest all = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    Sagabase__V1__SubscribeResponse *message;
    struct asked asked;
    struct rpc_call *call;
    size_t seen = 0;
    bool caught_up = false;

    for (int i = 0; i < ROUNDS; i++) {
        expect_ok(append_new(server->client, "other-1", EVENTS));
        expect_ok(append_typed(server->client, "wanted-1", "Wanted"));
    }
    ask_for(&asked, "Wanted", NULL);
    all.query = request.query = &asked.query;
    assert_int_equal(read_all(server, &all).count, ROUNDS);
    all.direction = BACKWARDS;
    assert_int_equal(read_all(server, &all).count, ROUNDS);
    call = open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
    while (!caught_up) {
        message = receive(call);
        if (message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
            for (size_t i = 0; i < message->events->n_events; i++, seen++)
                assert_int_equal(message->events->events[i]->revision, seen);
        caught_up = message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP;
        forget(message);
    }
    assert_int_equal(seen, ROUNDS);
    expect_ok(append_typed(server->client, "wanted-1", "Wanted"));
    assert_int_equal(receive_event(call), ROUNDS * (EVENTS + 1));
    rpc_call_free(call);
}

static void subscription_to_a_stream_is_filtered(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    Sagabase__V1__Filter filter = SAGABASE__V1__FILTER__INIT;
    struct rpc_call *call;

    append_courses(server);
    filter.type_regex = (char *)"^Left$";
    request.stream = (char *)"student-7";
    request.filter = &filter;
    call = open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
    forget(receive(call)); /* confirmed */
    assert_int_equal(receive_event(call), 5);
    forget(receive(call)); /* caught up */
    expect_ok(append_typed(server->client, "student-7", "Joined"));
    expect_ok(append_typed(server->client, "student-7", "Left"));
    assert_int_equal(receive_event(call), 7);
    rpc_call_free(call);
}

static void subscription_begins_at_a_time(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct rpc_call *call;

    expect_ok(append_typed(server->client, "a", "Past"));
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_TIME_US;
    request.time_us = INT64_MAX;
    for (int one_stream = 0; one_stream < 2; one_stream++) {
        request.stream = (char *)(one_stream ? "a" : "");
        call = open_with(server->client, EVENT_STORE("Subscribe"), &request.base);
        forget(receive(call)); /* confirmed */
        forget(receive(call)); /* caught up, without an event */
        expect_ok(append_typed(server->client, "a", "Now"));
        assert_int_equal(receive_event(call), 1 + one_stream);
        rpc_call_free(call);
    }
}

/* --- lists ------------------------------------------------------------------------- */

static void types_and_categories_are_listed_page_by_page(void **state)
{
    struct test_server *server = *state;
    Sagabase__V1__ListEventTypesRequest types = SAGABASE__V1__LIST_EVENT_TYPES_REQUEST__INIT;
    Sagabase__V1__ListCategoriesRequest categories = SAGABASE__V1__LIST_CATEGORIES_REQUEST__INIT;
    Sagabase__V1__ListEventTypesResponse *found_types;
    Sagabase__V1__ListCategoriesResponse *found;

    append_courses(server);
    types.page_size = 2;
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("ListEventTypes"), &types.base,
                             &sagabase__v1__list_event_types_response__descriptor, &found_types));
    assert_int_equal(found_types->n_types, 2);
    assert_string_equal(found_types->types[0], "Defined");
    assert_string_equal(found_types->next_page_token, "Joined");
    types.page_token = (char *)"Joined";
    forget(found_types);
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("ListEventTypes"), &types.base,
                             &sagabase__v1__list_event_types_response__descriptor, &found_types));
    assert_int_equal(found_types->n_types, 1);
    assert_string_equal(found_types->types[0], "Left");
    assert_string_equal(found_types->next_page_token, "");
    forget(found_types);

    expect_ok(rpc_client_ask(server->client, EVENT_STORE("ListCategories"), &categories.base,
                             &sagabase__v1__list_categories_response__descriptor, &found));
    assert_int_equal(found->n_categories, 2);
    assert_string_equal(found->categories[0], "course");
    assert_string_equal(found->categories[1], "student");
    forget(found);
    categories.prefix = (char *)"s";
    expect_ok(rpc_client_ask(server->client, EVENT_STORE("ListCategories"), &categories.base,
                             &sagabase__v1__list_categories_response__descriptor, &found));
    assert_int_equal(found->n_categories, 1);
    forget(found);
    categories.page_token = (char *)"course";
    expect_status(rpc_client_ask(server->client, EVENT_STORE("ListCategories"), &categories.base,
                                 &sagabase__v1__list_categories_response__descriptor, &found),
                  STATUS_INVALID_ARGUMENT, "page_token: belongs to a list with another prefix");
    types.page_size = 1001;
    expect_status(rpc_client_ask(server->client, EVENT_STORE("ListEventTypes"), &types.base,
                                 &sagabase__v1__list_event_types_response__descriptor,
                                 &found_types),
                  STATUS_INVALID_ARGUMENT, "page_size: 1 to 1000");
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(query_gives_what_matches_in_both_directions),
        behaves(query_and_filter_both_have_to_match),
        behaves(stream_is_filtered),
        behaves(empty_pages_come_while_nothing_matches),
        behaves(read_begins_at_a_time),
        behaves(wrong_queries_are_refused_with_field_and_rule),
        behaves(condition_that_does_not_hold_is_aborted_with_the_position),
        behaves(condition_of_a_session_is_a_result_of_its_append),
        behaves(subscription_by_query_tells_how_far_it_is_while_nothing_matches),
        behaves(query_over_a_long_history_gives_each_match_once),
        behaves(subscription_to_a_stream_is_filtered),
        behaves(subscription_begins_at_a_time),
        behaves(types_and_categories_are_listed_page_by_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
