/* Append and AppendToStream as a client sees them. Goal: every documented answer and every
 * documented error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

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

static struct status ask(struct test_server *server,
                         const Sagabase__V1__AppendToStreamRequest *request,
                         Sagabase__V1__AppendToStreamResponse **response)
{
    return rpc_client_ask(server->client, EVENT_STORE("AppendToStream"), &request->base,
                          &sagabase__v1__append_to_stream_response__descriptor, response);
}

static struct status ask_many(struct test_server *server,
                              const Sagabase__V1__AppendRequest *request,
                              Sagabase__V1__AppendResponse **response)
{
    return rpc_client_ask(server->client, EVENT_STORE("Append"), &request->base,
                          &sagabase__v1__append_response__descriptor, response);
}

static void expect_revision(Sagabase__V1__AppendToStreamRequest *request, uint64_t revision)
{
    request->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
    request->revision = revision;
}

static void append_answers_with_revisions_and_position(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(3);
    Sagabase__V1__AppendToStreamRequest request = append_any("order-1", &proposals);
    Sagabase__V1__AppendToStreamResponse *response = NULL;

    expect_ok(append_new(server->client, "order-1", 2));
    expect_revision(&request, 1);
    expect_ok(ask(server, &request, &response));
    assert_int_equal(response->first_revision, 2);
    assert_int_equal(response->last_revision, 4);
    assert_int_equal(response->position, 4);
    assert_false(response->replayed);
    forget(response);
    proposals_free(&proposals);
}

static void repeated_append_gives_the_first_answer_again(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(2);
    Sagabase__V1__AppendToStreamRequest request = append_any("order-1", &proposals);
    Sagabase__V1__AppendToStreamResponse *response = NULL;

    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    expect_ok(ask(server, &request, NULL));
    expect_ok(append_new(server->client, "order-1", 5));
    expect_ok(ask(server, &request, &response));
    assert_int_equal(response->first_revision, 0);
    assert_int_equal(response->last_revision, 1);
    assert_int_equal(response->position, 1);
    assert_true(response->replayed);
    forget(response);
    proposals_free(&proposals);
}

static void half_repeated_append_already_exists(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(2);
    Sagabase__V1__AppendToStreamRequest request = append_any("order-1", &proposals);

    request.n_events = 1;
    expect_ok(ask(server, &request, NULL));
    request.n_events = 2;
    expect_status(ask(server, &request, NULL), STATUS_ALREADY_EXISTS, "");
    proposals_free(&proposals);
}

static Sagabase__V1__RevisionConflict *conflict_of(struct rpc_call *call)
{
    struct bytes bytes = rpc_call_details(call);
    Google__Rpc__Status *detail = google__rpc__status__unpack(NULL, bytes.size, bytes.data);
    Sagabase__V1__RevisionConflict *conflict;

    assert_non_null(detail);
    assert_int_equal(detail->code, STATUS_ABORTED);
    assert_int_equal(detail->n_details, 1);
    assert_string_equal(detail->details[0]->type_url,
                        "type.googleapis.com/sagabase.v1.RevisionConflict");
    conflict = sagabase__v1__revision_conflict__unpack(NULL, detail->details[0]->value.len,
                                                       detail->details[0]->value.data);
    forget(detail);
    assert_non_null(conflict);
    return conflict;
}

static void append_with_stale_revision_is_aborted_with_a_conflict(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__AppendToStreamRequest request = append_any("order-1", &proposals);
    Sagabase__V1__RevisionConflict *conflict;
    struct rpc_call *call;

    expect_ok(append_new(server->client, "order-1", 5));
    expect_revision(&request, 2);
    call = open_with(server->client, EVENT_STORE("AppendToStream"), &request.base);
    expect_status(rpc_call_finish(call), STATUS_ABORTED, "order-1");
    conflict = conflict_of(call);
    assert_string_equal(conflict->stream, "order-1");
    assert_int_equal(conflict->expected_case,
                     SAGABASE__V1__REVISION_CONFLICT__EXPECTED_EXPECTED_REVISION);
    assert_int_equal(conflict->expected_revision, 2);
    assert_int_equal(conflict->actual_case,
                     SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_REVISION);
    assert_int_equal(conflict->actual_revision, 4);
    forget(conflict);
    rpc_call_free(call);
    proposals_free(&proposals);
}

static void append_to_a_missing_stream_that_must_exist_is_aborted(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__AppendToStreamRequest request = append_any("order-1", &proposals);
    Sagabase__V1__RevisionConflict *conflict;
    struct rpc_call *call;

    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    call = open_with(server->client, EVENT_STORE("AppendToStream"), &request.base);
    expect_status(rpc_call_finish(call), STATUS_ABORTED, "order-1");
    conflict = conflict_of(call);
    assert_int_equal(conflict->expected_case,
                     SAGABASE__V1__REVISION_CONFLICT__EXPECTED_EXPECTED_STATE);
    assert_int_equal(conflict->expected_state,
                     SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS);
    assert_int_equal(conflict->actual_case, SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_STATE);
    assert_int_equal(conflict->actual_state, SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM);
    forget(conflict);
    rpc_call_free(call);
    proposals_free(&proposals);
}

/* One wrong field at a time: what is sent, and what the error has to say. */
static void wrong_requests_are_refused_with_field_and_rule(void **state)
{
    struct test_server *server = *state;
    static char long_name[1026];
    struct proposals proposals = proposals_create(2);
    Sagabase__V1__AppendToStreamRequest good = append_any("order-1", &proposals), request;

    memset(long_name, 'n', 1025);
    request = good;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED__NOT_SET;
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "expected: set revision, or state to STREAM_STATE_ANY, STREAM_STATE_NO_STREAM "
                  "or STREAM_STATE_STREAM_EXISTS");
    request = good;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED;
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT, "state: 0 is not");
    request.state = (Sagabase__V1__StreamState)99;
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT, "state: 99 is not");
    request = good;
    request.stream = (char *)"$settings";
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "stream: names that start with $ are the server's own");
    request.stream = (char *)"";
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT, "stream: 1 to 1024 bytes");
    request.stream = long_name;
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT, "stream: 1 to 1024 bytes");
    request = good;
    request.n_events = 0;
    expect_status(ask(server, &request, NULL), STATUS_INVALID_ARGUMENT, "events: 1 to 10000");
    proposals.events[1].id = (char *)"";
    expect_status(ask(server, &good, NULL), STATUS_INVALID_ARGUMENT, "events[1].id: required");
    proposals.events[1].id = (char *)"order-1";
    expect_status(ask(server, &good, NULL), STATUS_INVALID_ARGUMENT, "events[1].id: not a UUID");
    proposals.events[1].id = (char *)"00000000-0000-0000-0000-000000000000";
    expect_status(ask(server, &good, NULL), STATUS_INVALID_ARGUMENT, "events[1].id: not a UUID");
    proposals.events[1].id = proposals.ids[0];
    expect_status(ask(server, &good, NULL), STATUS_INVALID_ARGUMENT, "twice in one append");
    proposals.events[1].id = proposals.ids[1];
    proposals.events[1].type = (char *)"";
    expect_status(ask(server, &good, NULL), STATUS_INVALID_ARGUMENT, "events[1].type");
    proposals.events[1].type = (char *)"\xff";
    expect_status(ask(server, &good, NULL), STATUS_INVALID_ARGUMENT, "UTF-8");
    proposals_free(&proposals);
    assert_int_equal(event_log_counts(server->log).events, 0);
}

static void append_writes_several_streams_with_consecutive_positions(void **state)
{
    struct test_server *server = *state;
    struct proposals first = proposals_create(2), second = proposals_create(3);
    Sagabase__V1__StreamAppend parts[] = {append_part("a", &first), append_part("b", &second)};
    Sagabase__V1__StreamAppend *pointers[] = {&parts[0], &parts[1]};
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendResponse *response = NULL;

    request.appends = pointers;
    request.n_appends = 2;
    expect_ok(ask_many(server, &request, &response));
    assert_int_equal(response->n_streams, 2);
    assert_string_equal(response->streams[1]->stream, "b");
    assert_int_equal(response->streams[1]->first_revision, 0);
    assert_int_equal(response->streams[1]->last_revision, 2);
    assert_int_equal(response->position, 4);
    forget(response);
    expect_ok(ask_many(server, &request, &response));
    assert_true(response->replayed);
    assert_int_equal(response->position, 4);
    forget(response);
    proposals_free(&first);
    proposals_free(&second);
}

static void append_whose_check_fails_writes_nothing(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__StreamAppend part = append_part("a", &proposals), *parts = &part;
    Sagabase__V1__StreamCheck check = SAGABASE__V1__STREAM_CHECK__INIT, *checks = &check;
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__RevisionConflict *conflict;
    struct rpc_call *call;

    request.appends = &parts;
    request.n_appends = 1;
    request.checks = &checks;
    request.n_checks = 1;
    check.stream = (char *)"limits";
    check.expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_REVISION;
    check.revision = 7;
    call = open_with(server->client, EVENT_STORE("Append"), &request.base);
    expect_status(rpc_call_finish(call), STATUS_ABORTED, "limits");
    conflict = conflict_of(call);
    assert_string_equal(conflict->stream, "limits");
    forget(conflict);
    rpc_call_free(call);
    assert_int_equal(event_log_counts(server->log).events, 0);
    expect_ok(append_new(server->client, "limits", 8));
    expect_ok(ask_many(server, &request, NULL));
    proposals_free(&proposals);
}

static void wrong_appends_are_refused_with_the_place(void **state)
{
    struct test_server *server = *state;
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__StreamAppend good = append_part("a", &proposals),
                               bad = append_part("b", &proposals);
    Sagabase__V1__StreamAppend *parts[101] = {&good, &bad};
    Sagabase__V1__StreamCheck check = SAGABASE__V1__STREAM_CHECK__INIT, *checks = &check;
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;

    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT, "appends: 1 to 100");
    request.appends = parts;
    request.n_appends = 2;
    bad.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED__NOT_SET;
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "appends[1].expected: set revision");
    bad = append_part("$b", &proposals);
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "appends[1].stream: names that start with $");
    bad = append_part("a", &proposals);
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT, "appends[1]");
    request.n_appends = 1;
    good.stream = (char *)"";
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "appends[0].stream: 1 to 1024 bytes");
    good.stream = (char *)"a";
    proposals.events[0].type = (char *)"";
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "appends[0].events[0].type: 1 to 256 bytes");
    proposals.events[0].type = (char *)"Tested";
    request.checks = &checks;
    request.n_checks = 1;
    check.stream = (char *)"c";
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "checks[0].expected: set revision");
    check.expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_STATE;
    check.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT,
                  "checks[0].state: STREAM_STATE_ANY checks nothing");
    request.n_checks = 0;
    request.n_appends = 101;
    for (size_t i = 0; i < 101; i++)
        parts[i] = &good;
    expect_status(ask_many(server, &request, NULL), STATUS_INVALID_ARGUMENT, "appends: 1 to 100");
    proposals_free(&proposals);
}

static void client_that_vanishes_does_not_undo_its_append(void **state)
{
    struct test_server *server = *state;

    for (int i = 0; i < 20; i++) {
        struct proposals proposals = proposals_create(1);
        Sagabase__V1__AppendToStreamRequest request = append_any("order-1", &proposals);
        struct rpc_call *call =
            open_with(server->client, EVENT_STORE("AppendToStream"), &request.base);

        rpc_call_free(call); /* cancels it, wherever it is */
        proposals_free(&proposals);
    }
    expect_ok(append_new(server->client, "order-1", 1));
    assert_true(event_log_counts(server->log).events >= 1);
    assert_true(event_log_counts(server->log).events <= 21);
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(append_answers_with_revisions_and_position),
        behaves(repeated_append_gives_the_first_answer_again),
        behaves(half_repeated_append_already_exists),
        behaves(append_with_stale_revision_is_aborted_with_a_conflict),
        behaves(append_to_a_missing_stream_that_must_exist_is_aborted),
        behaves(wrong_requests_are_refused_with_field_and_rule),
        behaves(append_writes_several_streams_with_consecutive_positions),
        behaves(append_whose_check_fails_writes_nothing),
        behaves(wrong_appends_are_refused_with_the_place),
        behaves(client_that_vanishes_does_not_undo_its_append),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
