/* Replies by an ordinary append: an event "$SagaReplyRequested" answers a command in the very write
 * that stores it, whichever method appends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/integration/sagas/order.h"

/* An append of an event and of the reply to a command, on the caller's stack. */
struct answer {
    struct part part;
    char id[SAGABASE_UUID_BYTES];
    Sagabase__V1__ProposedEvent reply;
    Sagabase__V1__ProposedEvent__MetadataEntry entries[3];
    Sagabase__V1__ProposedEvent__MetadataEntry *metadata[3];
    Sagabase__V1__ProposedEvent *events[2];
};

static void answer_of(struct answer *answer, const char *stream, const char *command_id,
                      const char *outcome)
{
    static const char *const keys[] = {"command-id", "outcome", "error-type"};
    const char *values[] = {command_id, outcome, "declined"};

    part_of(&answer->part, stream);
    sagabase_uuid(answer->id);
    sagabase__v1__proposed_event__init(&answer->reply);
    answer->reply.id = answer->id;
    answer->reply.type = "$SagaReplyRequested";
    for (size_t i = 0; i < 3; i++) {
        sagabase__v1__proposed_event__metadata_entry__init(&answer->entries[i]);
        answer->entries[i].key = (char *)keys[i];
        answer->entries[i].value = (char *)values[i];
        answer->metadata[i] = &answer->entries[i];
    }
    answer->reply.metadata = answer->metadata;
    answer->reply.n_metadata = 3;
    answer->events[0] = &answer->part.event;
    answer->events[1] = &answer->reply;
    answer->part.append.events = answer->events;
    answer->part.append.n_events = 2;
}

static struct sagabase_status append_to_stream(const struct answer *answer, bool *replayed)
{
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendToStreamResponse *response;

    request.stream = answer->part.append.stream;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    request.state = answer->part.append.state;
    request.events = answer->part.append.events;
    request.n_events = answer->part.append.n_events;
    struct sagabase_status status = sagabase_append_to_stream(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        assert_int_equal(response->last_revision, response->first_revision + 1);
        *replayed = response->replayed;
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    }
    return status;
}

static void append_to_stream_answers_and_stores(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;
    struct answer answer;
    bool replayed;

    (void)state;
    start_order("1");
    taken = take("stock");
    answer_of(&answer, "shelf-9", taken->command->command_id, "SUCCESS");
    expect(append_to_stream(&answer, &replayed), SAGABASE_OK);
    assert_false(replayed);
    assert_int_equal(count_events("shelf-9"), 2);
    forget_command(taken);
    do_next("cards", "Charge");
    assert_int_equal(end_of_order("1"), SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED);
}

static void the_same_append_again_gets_its_first_answer(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;
    struct answer answer;
    bool replayed;

    (void)state;
    start_order("1");
    taken = take("stock");
    answer_of(&answer, "shelf-9", taken->command->command_id, "SUCCESS");
    expect(append_to_stream(&answer, &replayed), SAGABASE_OK);
    expect(append_to_stream(&answer, &replayed), SAGABASE_OK);
    assert_true(replayed);
    assert_int_equal(count_events("shelf-9"), 2);
    forget_command(taken);
}

static void another_answer_to_the_same_command_is_refused_as_a_whole(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;
    struct answer answer;
    bool replayed;

    (void)state;
    start_order("1");
    taken = take("stock");
    answer_of(&answer, "shelf-9", taken->command->command_id, "SUCCESS");
    expect(append_to_stream(&answer, &replayed), SAGABASE_OK);
    answer_of(&answer, "shelf-9", taken->command->command_id, "FAILURE");
    expect(append_to_stream(&answer, &replayed), SAGABASE_FAILED_PRECONDITION);
    assert_int_equal(count_events("shelf-9"), 2);
    forget_command(taken);
}

static void append_to_several_streams_answers_with_a_failure(void **state)
{
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendResponse *response;
    Sagabase__V1__PollCommandResponse *taken;
    struct answer answer;
    struct part other;

    (void)state;
    start_order("1");
    do_next("stock", "ReserveStock");
    taken = take("cards");
    answer_of(&answer, "account-1", taken->command->command_id, "FAILURE");
    part_of(&other, "audit");
    Sagabase__V1__StreamAppend *appends[] = {&other.append, &answer.part.append};
    request.appends = appends;
    request.n_appends = 2;
    expect(sagabase_append(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->n_streams, 2);
    sagabase__v1__append_response__free_unpacked(response, NULL);
    assert_int_equal(count_events("account-1"), 2);
    assert_int_equal(count_events("audit"), 1);
    forget_command(taken);
    do_next("stock", "ReleaseStock");
    assert_int_equal(end_of_order("1"), SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED);
}

static void an_append_session_answers_among_other_appends(void **state)
{
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    Sagabase__V1__AppendRequest append = SAGABASE__V1__APPEND_REQUEST__INIT;
    const Sagabase__V1__AppendSessionResponse *response = NULL;
    Sagabase__V1__PollCommandResponse *taken;
    struct sagabase_session *session;
    struct answer answer;
    struct part other;
    uint64_t results = 0;

    (void)state;
    start_order("1");
    taken = take("stock");
    answer_of(&answer, "shelf-9", taken->command->command_id, "SUCCESS");
    part_of(&other, "shelf-9");
    expect(sagabase_session_open(client, NULL, &session), SAGABASE_OK);
    request.append = &append;
    append.n_appends = 1;
    append.appends = other.appends;
    expect(sagabase_session_send(session, &request), SAGABASE_OK);
    append.appends = answer.part.appends;
    request.correlation_id = 1;
    expect(sagabase_session_send(session, &request), SAGABASE_OK);
    answer_of(&answer, "shelf-9", taken->command->command_id, "FAILURE");
    request.correlation_id = 2;
    expect(sagabase_session_send(session, &request), SAGABASE_OK);
    expect(sagabase_session_finish(session), SAGABASE_OK);
    do {
        expect(sagabase_session_receive(session, &response), SAGABASE_OK);
        for (size_t i = 0; response && i < response->n_results; i++, results++) {
            const Sagabase__V1__AppendResult *result = response->results[i];
            assert_int_equal(result->correlation_id, results);
            assert_int_equal(result->outcome_case,
                             results < 2 ? SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED
                                         : SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED);
            if (results == 2)
                assert_int_equal(result->failed->code, SAGABASE_FAILED_PRECONDITION);
        }
    } while (response);
    sagabase_session_close(session);
    assert_int_equal(results, 3);
    assert_int_equal(count_events("shelf-9"), 3);
    forget_command(taken);
    do_next("cards", "Charge");
}

static void an_expectation_that_fails_leaves_the_command_open(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;
    struct answer answer;
    bool replayed;

    (void)state;
    start_order("1");
    taken = take("stock");
    answer_of(&answer, "shelf-9", taken->command->command_id, "SUCCESS");
    answer.part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    struct sagabase_status status = append_to_stream(&answer, &replayed);
    expect(status, SAGABASE_ABORTED);
    assert_string_equal(status.conflict.stream, "shelf-9");
    assert_int_equal(count_events("shelf-9"), 0);
    answer.part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    expect(append_to_stream(&answer, &replayed), SAGABASE_OK);
    forget_command(taken);
    do_next("cards", "Charge");
}

static void a_wrong_reply_stores_nothing(void **state)
{
    Sagabase__V1__PollCommandResponse *taken;
    struct answer answer;
    bool replayed;

    (void)state;
    start_order("1");
    taken = take("stock");
    answer_of(&answer, "shelf-9", taken->command->command_id, "PERHAPS");
    expect_told(append_to_stream(&answer, &replayed), SAGABASE_INVALID_ARGUMENT, "outcome");
    answer_of(&answer, "shelf-9", "11111111-1111-4111-8111-111111111111", "SUCCESS");
    expect_told(append_to_stream(&answer, &replayed), SAGABASE_INVALID_ARGUMENT, "command-id");
    answer_of(&answer, "shelf-9", "x", "SUCCESS");
    expect(append_to_stream(&answer, &replayed), SAGABASE_INVALID_ARGUMENT);
    assert_int_equal(count_events("shelf-9"), 0);
    assert_int_equal(complete(taken->command->command_id),
                     SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED);
    forget_command(taken);
}

static void streams_of_the_server_are_not_the_clients_to_change(void **state)
{
    static const char *const streams[] = {"$saga-order-1", "$cmd-stock"};
    Sagabase__V1__DeleteStreamRequest delete_request = SAGABASE__V1__DELETE_STREAM_REQUEST__INIT;
    Sagabase__V1__TombstoneStreamRequest tombstone = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__EraseStreamRequest erase = SAGABASE__V1__ERASE_STREAM_REQUEST__INIT;
    Sagabase__V1__DeleteStreamResponse *deleted;
    Sagabase__V1__EraseStreamResponse *erased;
    Sagabase__V1__TombstoneStreamResponse *ended;
    Sagabase__V1__AppendResponse *response;

    (void)state;
    start_order("1");
    for (size_t i = 0; i < 2; i++) {
        uint64_t count = count_events(streams[i]);
        struct part part;

        assert_true(count > 0);
        part_of(&part, streams[i]);
        request.appends = part.appends;
        request.n_appends = 1;
        expect_told(sagabase_append(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                    "appends[0].stream: names that start with $");
        delete_request.stream = (char *)streams[i];
        delete_request.expected_case = SAGABASE__V1__DELETE_STREAM_REQUEST__EXPECTED_STATE;
        delete_request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
        expect_told(sagabase_delete_stream(client, &delete_request, NULL, &deleted),
                    SAGABASE_INVALID_ARGUMENT, "stream: names that start with $");
        tombstone.stream = (char *)streams[i];
        tombstone.expected_case = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_STATE;
        tombstone.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
        expect_told(sagabase_tombstone_stream(client, &tombstone, NULL, &ended),
                    SAGABASE_INVALID_ARGUMENT, "stream: names that start with $");
        erase.stream = (char *)streams[i];
        expect_told(sagabase_erase_stream(client, &erase, NULL, &erased), SAGABASE_INVALID_ARGUMENT,
                    "stream: names that start with $");
        assert_int_equal(count_events(streams[i]), count);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append_to_stream_answers_and_stores),
        TEST(the_same_append_again_gets_its_first_answer),
        TEST(another_answer_to_the_same_command_is_refused_as_a_whole),
        TEST(append_to_several_streams_answers_with_a_failure),
        TEST(an_append_session_answers_among_other_appends),
        TEST(an_expectation_that_fails_leaves_the_command_open),
        TEST(a_wrong_reply_stores_nothing),
        TEST(streams_of_the_server_are_not_the_clients_to_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
