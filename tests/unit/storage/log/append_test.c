/* Appending: expectations, atomicity over streams, idempotency, rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/log/limits.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"

struct fixture {
    struct engine *engine;
    struct event_log *log;
};

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_ok(memory_engine_open(&fixture->engine));
    fixture->log = open_log(fixture->engine);
    *state = fixture;
    return 0;
}

static int close_store(void **state)
{
    struct fixture *fixture = *state;

    event_log_close(fixture->log);
    engine_close(fixture->engine);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    event_log_close(fixture->log);
    fixture->log = open_log(fixture->engine);
}

static struct event_log *log_of(void **state)
{
    return ((struct fixture *)*state)->log;
}

/* --- expectations -------------------------------------------------------------- */

static void first_append_gives_revision_and_position_zero(void **state)
{
    struct append append;

    assert_ok(append_one(log_of(state), "order-1", NO_STREAM, uuid_random(), &append));
    assert_int_equal(append.position, 0);
    assert_int_equal(event_log_end(log_of(state)), 1);
}

static void revisions_of_a_stream_have_no_gaps(void **state)
{
    uint64_t last;

    assert_ok(append_some(log_of(state), "order-1", NO_STREAM, 3, &last));
    assert_int_equal(last, 2);
    assert_ok(append_some(log_of(state), "order-2", ANY, 5, &last));
    assert_int_equal(last, 4);
    assert_ok(append_some(log_of(state), "order-1", REVISION(2), 2, &last));
    assert_int_equal(last, 4);
    assert_int_equal(event_log_end(log_of(state)), 10);
}

static void append_with_stale_revision_is_aborted(void **state)
{
    struct append append;

    assert_ok(append_some(log_of(state), "order-1", ANY, 3, NULL));
    assert_fails(append_one(log_of(state), "order-1", REVISION(1), uuid_random(), &append), ABORTED,
                 "order-1: expected revision 1, but it is at revision 2");
    assert_true(append.conflict.exists);
    assert_int_equal(append.conflict.actual_revision, 2);
    assert_int_equal(event_log_end(log_of(state)), 3);
}

static void append_with_revision_beyond_the_end_is_aborted(void **state)
{
    assert_ok(append_some(log_of(state), "order-1", ANY, 1, NULL));
    assert_fails(append_one(log_of(state), "order-1", REVISION(7), uuid_random(), NULL), ABORTED,
                 "expected revision 7, but it is at revision 0");
    assert_fails(append_one(log_of(state), "order-1", REVISION(UINT64_MAX), uuid_random(), NULL),
                 ABORTED, "but it is at revision 0");
    assert_fails(append_one(log_of(state), "order-2", REVISION(0), uuid_random(), NULL), ABORTED,
                 "expected revision 0, but it does not exist");
}

static void no_stream_and_stream_exists_are_checked(void **state)
{
    assert_fails(append_one(log_of(state), "order-1", STREAM_EXISTS, uuid_random(), NULL), ABORTED,
                 "expected an existing stream, but it does not exist");
    assert_ok(append_one(log_of(state), "order-1", NO_STREAM, uuid_random(), NULL));
    assert_fails(append_one(log_of(state), "order-1", NO_STREAM, uuid_random(), NULL), ABORTED,
                 "expected no stream, but it is at revision 0");
    assert_ok(append_one(log_of(state), "order-1", STREAM_EXISTS, uuid_random(), NULL));
}

static void expectations_hold_after_reopening(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last;

    assert_ok(append_some(fixture->log, "order-1", ANY, 3, NULL));
    assert_ok(append_some(fixture->log, "order-2", ANY, 2, NULL));
    reopen(fixture);
    assert_fails(append_one(fixture->log, "order-1", NO_STREAM, uuid_random(), NULL), ABORTED,
                 "it is at revision 2");
    assert_ok(append_some(fixture->log, "order-1", REVISION(2), 1, &last));
    assert_int_equal(last, 3);
    assert_ok(append_some(fixture->log, "order-3", NO_STREAM, 1, NULL));
    assert_int_equal(event_log_counts(fixture->log).streams, 3);
    assert_int_equal(event_log_counts(fixture->log).events, 7);
}

static void expectations_hold_when_few_heads_are_kept(void **state)
{
    struct fixture *fixture = *state;
    char name[16];

    event_log_close(fixture->log);
    assert_ok(event_log_open(&(struct event_log_options){.engine = fixture->engine, .heads_max = 2},
                             &fixture->log));
    for (unsigned revision = 0; revision < 4; revision++)
        for (unsigned i = 0; i < 50; i++) {
            snprintf(name, sizeof name, "order-%u", i);
            assert_ok(append_one(fixture->log, name, revision ? REVISION(revision - 1) : NO_STREAM,
                                 uuid_random(), NULL));
        }
    assert_int_equal(event_log_counts(fixture->log).streams, 50);
}

/* --- several streams ----------------------------------------------------------- */

struct pair {
    struct new_event events[2];
    struct stream_append streams[2];
    struct append append;
};

/* One event for each of two streams. */
static void make_pair(struct pair *pair, struct expectation first, struct expectation second)
{
    *pair = (struct pair){.events = {make_event(uuid_random()), make_event(uuid_random())}};
    pair->streams[0] = (struct stream_append){bytes_of_text("a"), first, &pair->events[0], 1, 0, 0};
    pair->streams[1] =
        (struct stream_append){bytes_of_text("b"), second, &pair->events[1], 1, 0, 0};
    pair->append = (struct append){.streams = pair->streams, .stream_count = 2};
}

static void append_to_several_streams_is_all_or_nothing(void **state)
{
    struct pair pair;

    make_pair(&pair, NO_STREAM, STREAM_EXISTS);
    assert_fails(run_append(log_of(state), &pair.append), ABORTED, "b: expected an existing");
    assert_int_equal(event_log_end(log_of(state)), 0);
    make_pair(&pair, NO_STREAM, NO_STREAM);
    assert_ok(run_append(log_of(state), &pair.append));
    assert_int_equal(pair.append.position, 1);
    assert_int_equal(event_log_end(log_of(state)), 2);
}

static void checks_on_other_streams_hold_or_abort(void **state)
{
    struct stream_check check = {bytes_of_text("limit"), NO_STREAM};
    struct pair pair;

    make_pair(&pair, ANY, ANY);
    pair.append.checks = &check;
    pair.append.check_count = 1;
    assert_ok(run_append(log_of(state), &pair.append));
    assert_ok(append_some(log_of(state), "limit", ANY, 1, NULL));

    make_pair(&pair, ANY, ANY);
    pair.append.checks = &check;
    pair.append.check_count = 1;
    assert_fails(run_append(log_of(state), &pair.append), ABORTED, "limit: expected no stream");
    check.expected = REVISION(0);
    assert_ok(run_append(log_of(state), &pair.append));
    assert_false(pair.append.replayed);
}

/* --- idempotency ------------------------------------------------------------------ */

static void repeated_append_gets_its_first_answer(void **state, struct expectation expected)
{
    struct fixture *fixture = *state;
    struct uuid id = uuid_random();
    struct append first, again;

    assert_ok(append_some(fixture->log, "other", ANY, 2, NULL));
    if (expected.kind != EXPECT_NO_STREAM)
        assert_ok(append_some(fixture->log, "order-1", ANY, 1, NULL));
    assert_ok(append_one(fixture->log, "order-1", expected, id, &first));
    assert_false(first.replayed);
    assert_ok(append_some(fixture->log, "order-1", ANY, 2, NULL));
    assert_ok(append_one(fixture->log, "order-1", expected, id, &again));
    assert_true(again.replayed);
    assert_int_equal(again.position, first.position);

    reopen(fixture);
    assert_ok(append_one(fixture->log, "order-1", expected, id, &again));
    assert_true(again.replayed);
    assert_int_equal(again.position, first.position);
}

static void repeated_append_with_exact_revision_gets_its_first_answer(void **state)
{
    repeated_append_gets_its_first_answer(state, REVISION(0));
}

static void repeated_append_to_no_stream_gets_its_first_answer(void **state)
{
    repeated_append_gets_its_first_answer(state, NO_STREAM);
}

static void repeated_append_to_any_gets_its_first_answer(void **state)
{
    repeated_append_gets_its_first_answer(state, ANY);
}

static void repeated_append_to_existing_stream_gets_its_first_answer(void **state)
{
    repeated_append_gets_its_first_answer(state, STREAM_EXISTS);
}

static void repeated_append_to_several_streams_gets_its_first_answer(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair;

    make_pair(&pair, NO_STREAM, ANY);
    assert_ok(run_append(fixture->log, &pair.append));
    assert_ok(append_some(fixture->log, "b", ANY, 2, NULL));
    reopen(fixture);
    assert_ok(run_append(fixture->log, &pair.append));
    assert_true(pair.append.replayed);
    assert_int_equal(pair.append.position, 1);
    assert_int_equal(event_log_end(fixture->log), 4);
}

static void append_repeated_in_part_is_refused(void **state)
{
    struct pair pair;
    struct uuid known = uuid_random();

    assert_ok(append_one(log_of(state), "a", ANY, known, NULL));
    make_pair(&pair, ANY, ANY);
    pair.events[0].id = known;
    assert_fails(run_append(log_of(state), &pair.append), ALREADY_EXISTS, "as a whole");
    assert_int_equal(event_log_end(log_of(state)), 1);
}

static void same_id_in_another_stream_is_another_event(void **state)
{
    struct uuid id = uuid_random();

    assert_ok(append_one(log_of(state), "a", ANY, id, NULL));
    assert_ok(append_one(log_of(state), "b", ANY, id, NULL));
    assert_int_equal(event_log_end(log_of(state)), 2);
}

static void ids_beyond_the_window_are_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct uuid old = uuid_random(), young = uuid_random();
    struct append append;

    event_log_close(fixture->log);
    assert_ok(event_log_open(&(struct event_log_options){.engine = fixture->engine, .ids_max = 100},
                             &fixture->log));
    assert_ok(append_one(fixture->log, "a", ANY, old, NULL));
    assert_ok(append_some(fixture->log, "b", ANY, 50, NULL));
    assert_ok(append_one(fixture->log, "a", ANY, young, NULL));
    assert_ok(append_some(fixture->log, "b", ANY, 99, NULL));
    assert_ok(append_one(fixture->log, "a", ANY, young, &append));
    assert_true(append.replayed);
    assert_ok(append_one(fixture->log, "a", ANY, old, &append));
    assert_false(append.replayed);
}

static void failed_append_leaves_its_ids_free(void **state)
{
    struct uuid id = uuid_random();
    struct append append;

    assert_fails(append_one(log_of(state), "a", STREAM_EXISTS, id, NULL), ABORTED, "a: expected");
    assert_ok(append_one(log_of(state), "a", ANY, id, &append));
    assert_false(append.replayed);
}

/* --- rules ------------------------------------------------------------------------ */

static struct status append_event(struct event_log *log, const struct new_event *event)
{
    struct stream_append stream = {bytes_of_text("a"), ANY, event, 1, 0, 0};
    struct append append = {.streams = &stream, .stream_count = 1};

    return run_append(log, &append);
}

static void events_outside_the_limits_are_refused(void **state)
{
    struct event_log *log = log_of(state);
    struct new_event event = make_event(uuid_random());
    char *large = calloc(1, EVENT_DATA_BYTES_MAX + 1);
    struct metadata_entry entries[METADATA_ENTRIES_MAX + 1] = {0};

    event.type = (struct bytes){0};
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "events[0].type: 1 to 256 bytes");
    event.type = bytes_of(large, EVENT_TYPE_BYTES_MAX + 1);
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "events[0].type: 1 to 256 bytes");
    event.type = bytes_of_text("Tested");
    event.data = bytes_of(large, EVENT_DATA_BYTES_MAX + 1);
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "events[0].data: at most 1048576");
    event.data.size = EVENT_DATA_BYTES_MAX;
    assert_ok(append_event(log, &event));
    event = make_event(uuid_random());
    event.content_type = bytes_of(large, CONTENT_TYPE_BYTES_MAX + 1);
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "events[0].content_type: at most");
    event.content_type = (struct bytes){0};
    event.metadata = entries;
    event.metadata_count = METADATA_ENTRIES_MAX + 1;
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "metadata: at most 64 entries");
    event.metadata_count = 1;
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "keys are 1 to 128 bytes");
    entries[0].key = entries[1].key = bytes_of_text("k");
    event.metadata_count = 2;
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "metadata[k]: twice");
    event.metadata_count = 1;
    entries[0].value = bytes_of(large, METADATA_VALUE_BYTES_MAX + 1);
    assert_fails(append_event(log, &event), INVALID_ARGUMENT, "metadata[k]: at most 4096 bytes");
    assert_int_equal(event_log_end(log), 1);
    free(large);
}

static void appends_outside_the_limits_are_refused(void **state)
{
    struct event_log *log = log_of(state);
    char *long_name = calloc(1, STREAM_NAME_BYTES_MAX + 2);
    char *large = calloc(1, EVENT_DATA_BYTES_MAX);
    struct new_event events[4];

    memset(long_name, 'x', STREAM_NAME_BYTES_MAX + 1);
    assert_fails(append_some(log, "", ANY, 1, NULL), INVALID_ARGUMENT, "stream: 1 to 1024 bytes");
    assert_fails(append_some(log, long_name, ANY, 1, NULL), INVALID_ARGUMENT,
                 "stream: 1 to 1024 bytes");
    long_name[STREAM_NAME_BYTES_MAX] = 0;
    assert_ok(append_some(log, long_name, ANY, 1, NULL));
    assert_fails(append_some(log, "a", ANY, 0, NULL), INVALID_ARGUMENT, "events: 1 to 10000");
    assert_fails(append_some(log, "a", ANY, EVENTS_PER_APPEND_MAX + 1, NULL), INVALID_ARGUMENT,
                 "events: 1 to 10000");
    assert_ok(append_some(log, "a", ANY, EVENTS_PER_APPEND_MAX, NULL));

    for (size_t i = 0; i < 4; i++) {
        events[i] = make_event(uuid_random());
        events[i].data = bytes_of(large, EVENT_DATA_BYTES_MAX);
    }
    struct stream_append stream = {bytes_of_text("a"), ANY, events, 4, 0, 0};
    struct append append = {.streams = &stream, .stream_count = 1};
    assert_fails(run_append(log, &append), INVALID_ARGUMENT, "together at most 3145728 bytes");
    free(long_name);
    free(large);
}

static void id_twice_in_one_append_is_refused(void **state)
{
    struct pair pair;

    make_pair(&pair, ANY, ANY);
    pair.events[1].id = pair.events[0].id;
    assert_fails(run_append(log_of(state), &pair.append), INVALID_ARGUMENT, "twice in one append");
}

static void stream_named_twice_is_refused(void **state)
{
    struct stream_check check = {bytes_of_text("a"), NO_STREAM};
    struct pair pair;

    make_pair(&pair, ANY, ANY);
    pair.streams[1].stream = bytes_of_text("a");
    assert_fails(run_append(log_of(state), &pair.append), INVALID_ARGUMENT,
                 "appends[1].stream: named twice");
    make_pair(&pair, ANY, ANY);
    pair.append.checks = &check;
    pair.append.check_count = 1;
    assert_fails(run_append(log_of(state), &pair.append), INVALID_ARGUMENT,
                 "checks[0].stream: named twice");
    check.stream = bytes_of_text("c");
    check.expected = ANY;
    assert_fails(run_append(log_of(state), &pair.append), INVALID_ARGUMENT,
                 "checks[0].expected: any is no condition");
}

static void different_types_are_counted_once(void **state)
{
    struct fixture *fixture = *state;
    struct new_event event = make_event(uuid_random());

    assert_ok(append_some(fixture->log, "a", ANY, 5, NULL));
    event.type = bytes_of_text("Other");
    assert_ok(append_event(fixture->log, &event));
    assert_int_equal(event_log_counts(fixture->log).types, 2);
    reopen(fixture);
    assert_int_equal(event_log_counts(fixture->log).types, 2);
    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    assert_int_equal(event_log_counts(fixture->log).types, 2);
}

/* --- many at once ----------------------------------------------------------------- */

enum { THREADS = 4, APPENDS = 200 };

struct racer {
    struct event_log *log;
    unsigned won, lost, other;
};

/* Reads the head and appends behind it, again and again. */
static void *race(void *argument)
{
    struct racer *racer = argument;

    while (racer->won < APPENDS) {
        struct stream_head head;
        if (!status_ok(event_log_find_stream(racer->log, bytes_of_text("hot"), &head)))
            break;
        struct status status =
            append_one(racer->log, "hot", head.exists ? REVISION(head.last_revision) : NO_STREAM,
                       uuid_random(), NULL);
        if (status_ok(status))
            racer->won++;
        else if (status.code == STATUS_ABORTED)
            racer->lost++;
        else
            racer->other++;
    }
    return NULL;
}

static void of_concurrent_appends_with_one_revision_one_wins(void **state)
{
    struct racer racers[THREADS] = {0};
    pthread_t threads[THREADS];
    struct stream_head head;

    for (size_t i = 0; i < THREADS; i++) {
        racers[i].log = log_of(state);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(racers[i].won, APPENDS);
        assert_int_equal(racers[i].other, 0);
    }
    assert_ok(event_log_find_stream(log_of(state), bytes_of_text("hot"), &head));
    assert_int_equal(head.last_revision, THREADS * APPENDS - 1);
    assert_int_equal(event_log_end(log_of(state)), THREADS * APPENDS);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(first_append_gives_revision_and_position_zero),
        store_test(revisions_of_a_stream_have_no_gaps),
        store_test(append_with_stale_revision_is_aborted),
        store_test(append_with_revision_beyond_the_end_is_aborted),
        store_test(no_stream_and_stream_exists_are_checked),
        store_test(expectations_hold_after_reopening),
        store_test(expectations_hold_when_few_heads_are_kept),
        store_test(append_to_several_streams_is_all_or_nothing),
        store_test(checks_on_other_streams_hold_or_abort),
        store_test(repeated_append_with_exact_revision_gets_its_first_answer),
        store_test(repeated_append_to_no_stream_gets_its_first_answer),
        store_test(repeated_append_to_any_gets_its_first_answer),
        store_test(repeated_append_to_existing_stream_gets_its_first_answer),
        store_test(repeated_append_to_several_streams_gets_its_first_answer),
        store_test(append_repeated_in_part_is_refused),
        store_test(same_id_in_another_stream_is_another_event),
        store_test(ids_beyond_the_window_are_forgotten),
        store_test(failed_append_leaves_its_ids_free),
        store_test(events_outside_the_limits_are_refused),
        store_test(appends_outside_the_limits_are_refused),
        store_test(id_twice_in_one_append_is_refused),
        store_test(stream_named_twice_is_refused),
        store_test(different_types_are_counted_once),
        store_test(of_concurrent_appends_with_one_revision_one_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
