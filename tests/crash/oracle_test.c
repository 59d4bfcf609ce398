/* The oracle believes a true history and finds every kind of lie in a false one: what
 * the crash test reports is worth something only if this holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/crash/oracle.h"

enum { APPENDS = 4, EVENTS = 9, SHARED = 7, FRESH = 8 };

/* Four stored appends, 9 events:
 *
 *   append   0 0 1 2 2 2 2 3 3
 *   stream   7 7 7 7 7 8 8 7 7 */
struct history {
    struct oracle *oracle;
    struct arena arena;
    Sagabase__V1__RecordedEvent events[EVENTS];
    size_t count;
};

static const struct part appends[APPENDS][2] = {
    {{.stream = SHARED, .events = 2, .expectation = EXPECT_NO_STREAM}},
    {{.stream = SHARED, .events = 1, .expectation = EXPECT_REVISION, .revision = 1}},
    {{.stream = SHARED, .events = 2, .expectation = EXPECT_ANY},
     {.stream = FRESH, .events = 2, .expectation = EXPECT_NO_STREAM}},
    {{.stream = SHARED, .events = 2, .expectation = EXPECT_EXISTS}},
};
static const uint64_t first_revisions[APPENDS][2] = {{0}, {2}, {3, 0}, {5}};
static const uint64_t positions[APPENDS] = {1, 2, 6, 8};

static void record(struct history *history, const Sagabase__V1__AppendRequest *request,
                   const uint64_t revisions[])
{
    for (size_t i = 0; i < request->n_appends; i++) {
        const Sagabase__V1__StreamAppend *append = request->appends[i];
        for (size_t j = 0; j < append->n_events; j++) {
            Sagabase__V1__RecordedEvent *event = &history->events[history->count];
            sagabase__v1__recorded_event__init(event);
            event->id = append->events[j]->id;
            event->type = append->events[j]->type;
            event->content_type = append->events[j]->content_type;
            event->data = append->events[j]->data;
            event->stream = append->stream;
            event->revision = revisions[i] + j;
            event->position = history->count;
            event->created_us = 1000 + (int64_t)history->count;
            history->count++;
        }
    }
}

static int tell(void **state)
{
    static struct history history;

    history = (struct history){.oracle = oracle_create(42)};
    arena_init(&history.arena, 1 << 20);
    for (uint32_t i = 0; i < APPENDS; i++) {
        uint32_t number = oracle_intend(history.oracle, appends[i], appends[i][1].events ? 2 : 1);
        record(&history, oracle_request(history.oracle, number, &history.arena),
               first_revisions[i]);
    }
    *state = &history;
    return 0;
}

static int forget(void **state)
{
    struct history *history = *state;

    oracle_free(history->oracle);
    arena_destroy(&history->arena);
    return 0;
}

static void acknowledge(struct history *history, uint32_t number)
{
    struct status status =
        oracle_stored(history->oracle, number, positions[number], first_revisions[number], false);
    assert_string_equal(status.message, "");
}

static void acknowledge_all(struct history *history)
{
    for (uint32_t i = 0; i < APPENDS; i++)
        acknowledge(history, i);
}

static struct status judge(struct history *history)
{
    oracle_read_begin(history->oracle);
    for (size_t i = 0; i < history->count; i++)
        TRY(oracle_read_event(history->oracle, &history->events[i]));
    return oracle_read_end(history->oracle);
}

static void assert_caught(struct history *history, const char *message)
{
    struct status status = judge(history);

    assert_int_equal(status.code, STATUS_DATA_LOSS);
    if (!strstr(status.message, message))
        fail_msg("\"%s\" does not say \"%s\"", status.message, message);
}

/* Takes events out and moves up what is behind them, with its positions. */
static void delete_events(struct history *history, size_t from, size_t count)
{
    memmove(&history->events[from], &history->events[from + count],
            (history->count - from - count) * sizeof *history->events);
    history->count -= count;
    for (size_t i = from; i < history->count; i++)
        history->events[i].position = i;
}

static void true_history_is_believed(void **state)
{
    acknowledge_all(*state);
    assert_string_equal(judge(*state).message, "");
    assert_string_equal(judge(*state).message, "");
}

static void deleted_event_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    delete_events(history, 2, 1);
    assert_caught(history, "");
}

static void deleted_last_append_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->count -= 2;
    assert_caught(history, "stored events found is 0, not 2");
}

static void gap_in_positions_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    for (size_t i = 4; i < history->count; i++)
        history->events[i].position++;
    assert_caught(history, "position 5 instead of 4");
}

static void swapped_events_are_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    Sagabase__V1__RecordedEvent first = history->events[7];
    history->events[7].id = history->events[8].id;
    history->events[7].type = history->events[8].type;
    history->events[7].data = history->events[8].data;
    history->events[8].id = first.id;
    history->events[8].type = first.type;
    history->events[8].data = first.data;
    assert_caught(history, "the next event's index is 1, not 0");
}

static void duplicated_append_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->count = 7;
    for (size_t i = 0; i < 2; i++) { /* the first append once more, in place of the last */
        history->events[7 + i] = history->events[i];
        history->events[7 + i].position = 7 + i;
        history->events[7 + i].revision = 5 + i;
        history->events[7 + i].created_us = 2000;
    }
    history->count = 9;
    assert_caught(history, "the next event's index is 0, not 2");
}

static void altered_byte_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    size_t victim = 0;
    while (history->events[victim].data.len == 0)
        victim++;
    history->events[victim].data.data[0] ^= 1;
    assert_caught(history, "its data are altered");
}

static void altered_type_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->events[3].type = "Odd";
    assert_caught(history, "its type is altered");
}

static void event_in_another_stream_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->events[2].stream = "crash-8";
    assert_caught(history, "not crash-7");
}

static void wrong_revision_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->events[2].revision = 3;
    assert_caught(history, "a revision is 3, not 2");
}

static void event_nobody_sent_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->events[4].id = "0000002a-0000-4000-8000-00000000ffff";
    assert_caught(history, "was never sent");
}

static void clock_that_goes_back_is_found(void **state)
{
    struct history *history = *state;

    acknowledge_all(history);
    history->events[5].created_us = 1;
    assert_caught(history, "created before");
}

static void refused_append_that_is_there_is_found(void **state)
{
    struct history *history = *state;

    for (uint32_t i = 0; i < 3; i++)
        acknowledge(history, i);
    assert_int_equal(oracle_refused(history->oracle, 3).code, STATUS_OK);
    assert_caught(history, "refused events found is 2, not 0");
}

static void unknown_append_may_be_there_or_not(void **state)
{
    struct history *history = *state;

    for (uint32_t i = 0; i < 3; i++)
        acknowledge(history, i);
    oracle_unknown(history->oracle, 3);
    assert_string_equal(judge(history).message, "");
    assert_int_equal(oracle_attempt(history->oracle, 3)->outcome, STORED);
    assert_int_equal(oracle_attempt(history->oracle, 3)->position, 8);

    history->count -= 2; /* once it was seen it has to stay */
    assert_caught(history, "stored events found is 0, not 2");
}

static void absent_append_must_not_come_back(void **state)
{
    struct history *history = *state;

    for (uint32_t i = 0; i < 3; i++)
        acknowledge(history, i);
    oracle_unknown(history->oracle, 3);
    history->count -= 2;
    assert_string_equal(judge(history).message, "");
    assert_int_equal(oracle_attempt(history->oracle, 3)->outcome, ABSENT);

    history->count += 2;
    assert_caught(history, "refused events found is 2, not 0");
}

static void half_of_an_unknown_append_is_found(void **state)
{
    struct history *history = *state;

    for (uint32_t i = 0; i < 3; i++)
        acknowledge(history, i);
    oracle_unknown(history->oracle, 3);
    history->count -= 1;
    assert_caught(history, "torn append is 1, not 2");
}

static void event_that_only_a_subscriber_saw_is_found(void **state)
{
    struct history *history = *state;

    for (uint32_t i = 0; i < 3; i++)
        acknowledge(history, i);
    oracle_unknown(history->oracle, 3);
    for (size_t i = 0; i < EVENTS; i++)
        assert_int_equal(oracle_subscriber_saw(history->oracle, &history->events[i]).code,
                         STATUS_OK);
    history->count -= 2;
    assert_caught(history, "a subscriber saw 9 events, only 7 are there");
}

static void subscriber_that_misses_an_event_is_found(void **state)
{
    struct history *history = *state;

    assert_int_equal(oracle_subscriber_saw(history->oracle, &history->events[0]).code, STATUS_OK);
    struct status status = oracle_subscriber_saw(history->oracle, &history->events[2]);
    assert_string_equal(status.message, "subscription: position 2 instead of 1");
}

static void repeated_answer_has_to_be_the_first_one(void **state)
{
    struct history *history = *state;
    const uint64_t same[] = {5}, other[] = {7};

    acknowledge_all(history);
    assert_int_equal(oracle_stored(history->oracle, 3, 8, same, true).code, STATUS_OK);
    assert_int_equal(oracle_stored(history->oracle, 3, 8, same, false).code, STATUS_DATA_LOSS);
    assert_int_equal(oracle_stored(history->oracle, 3, 9, same, true).code, STATUS_DATA_LOSS);
    assert_int_equal(oracle_stored(history->oracle, 3, 8, other, true).code, STATUS_DATA_LOSS);
    assert_int_equal(oracle_refused(history->oracle, 3).code, STATUS_DATA_LOSS);
}

static void answer_against_the_expectation_is_found(void **state)
{
    struct history *history = *state;
    const uint64_t wrong[] = {5};

    assert_int_equal(oracle_stored(history->oracle, 0, 8, wrong, false).code, STATUS_DATA_LOSS);
    assert_int_equal(oracle_stored(history->oracle, 1, 8, wrong, false).code, STATUS_DATA_LOSS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, tell, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(true_history_is_believed),
        CASE(deleted_event_is_found),
        CASE(deleted_last_append_is_found),
        CASE(gap_in_positions_is_found),
        CASE(swapped_events_are_found),
        CASE(duplicated_append_is_found),
        CASE(altered_byte_is_found),
        CASE(altered_type_is_found),
        CASE(event_in_another_stream_is_found),
        CASE(wrong_revision_is_found),
        CASE(event_nobody_sent_is_found),
        CASE(clock_that_goes_back_is_found),
        CASE(refused_append_that_is_there_is_found),
        CASE(unknown_append_may_be_there_or_not),
        CASE(absent_append_must_not_come_back),
        CASE(half_of_an_unknown_append_is_found),
        CASE(event_that_only_a_subscriber_saw_is_found),
        CASE(subscriber_that_misses_an_event_is_found),
        CASE(repeated_answer_has_to_be_the_first_one),
        CASE(answer_against_the_expectation_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
