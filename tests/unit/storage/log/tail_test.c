/* The newest records in memory, and sleeping until something is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/log/tail.h"
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

static struct event_log *log_of(void **state)
{
    return ((struct fixture *)*state)->log;
}

struct sleeper {
    struct waiter waiter;
    sem_t woken;
};

static void on_wake(struct waiter *waiter)
{
    sem_post(&container_of(waiter, struct sleeper, waiter)->woken);
}

static void init_sleeper(struct sleeper *sleeper, const char *stream)
{
    *sleeper = (struct sleeper){.waiter = {.wake = on_wake, .stream = bytes_of_text(stream)}};
    sem_init(&sleeper->woken, 0, 0);
}

static int times_woken(struct sleeper *sleeper)
{
    int count;

    sem_getvalue(&sleeper->woken, &count);
    return count;
}

static void newest_records_are_taken_in_order(void **state)
{
    struct tail_record *records[8];
    size_t count;

    assert_ok(append_some(log_of(state), "a", ANY, 3, NULL));
    assert_ok(append_some(log_of(state), "b", ANY, 2, NULL));
    assert_int_equal(tail_take(log_of(state), 2, 8, records, &count), TAIL_RECORDS);
    assert_int_equal(count, 2);
    assert_int_equal(tail_record_first(records[0]), 0);
    assert_int_equal(tail_record_end(records[0]), 3);
    assert_int_equal(tail_record_first(records[1]), 3);
    assert_int_equal(tail_record_end(records[1]), 5);
    tail_record_release(records[0]);
    tail_record_release(records[1]);
    assert_int_equal(tail_take(log_of(state), 3, 8, records, &count), TAIL_RECORDS);
    assert_int_equal(count, 1);
    tail_record_release(records[0]);
    assert_int_equal(tail_take(log_of(state), 5, 8, records, &count), TAIL_EMPTY);
}

static void record_gives_the_frames_of_one_stream(void **state)
{
    struct new_event events[2] = {make_event(uuid_random()), make_event(uuid_random())};
    struct stream_append streams[2] = {{bytes_of_text("a"), ANY, &events[0], 1, 0, 0},
                                       {bytes_of_text("b"), ANY, &events[1], 1, 0, 0}};
    struct append append = {.streams = streams, .stream_count = 2};
    struct tail_record *record;
    struct stream_head head;
    struct event event;
    size_t count;

    assert_ok(run_append(log_of(state), &append));
    assert_ok(event_log_find_stream(log_of(state), bytes_of_text("b"), &head));
    assert_int_equal(tail_take(log_of(state), 0, 1, &record, &count), TAIL_RECORDS);
    struct bytes frames = tail_record_frames(record, head.number);
    assert_true(event_next(&frames, &event));
    assert_true(bytes_equal(event.stream, bytes_of_text("b")));
    assert_int_equal(event.position, 1);
    assert_false(event_next(&frames, &event));
    assert_int_equal(tail_record_frames(record, 99).size, 0);
    tail_record_release(record);
}

static void records_beyond_the_memory_are_behind(void **state)
{
    struct fixture *fixture = *state;
    struct tail_record *records[4];
    size_t count;

    event_log_close(fixture->log);
    assert_ok(event_log_open(
        &(struct event_log_options){.engine = fixture->engine, .tail_bytes_max = 1000},
        &fixture->log));
    for (unsigned i = 0; i < 100; i++)
        assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    assert_int_equal(tail_take(fixture->log, 0, 4, records, &count), TAIL_BEHIND);
    assert_int_equal(tail_take(fixture->log, 99, 4, records, &count), TAIL_RECORDS);
    tail_record_release(records[0]);
}

static void record_taken_outlives_the_tail(void **state)
{
    struct fixture *fixture = *state;
    struct tail_record *record;
    struct event event;
    size_t count;

    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    assert_int_equal(tail_take(fixture->log, 0, 1, &record, &count), TAIL_RECORDS);
    event_log_close(fixture->log);
    struct bytes frames = tail_record_frames(record, 0);
    assert_true(event_next(&frames, &event));
    assert_true(bytes_equal(event.stream, bytes_of_text("a")));
    tail_record_release(record);
    fixture->log = open_log(fixture->engine);
}

static void store_opened_again_is_behind_for_older_positions(void **state)
{
    struct fixture *fixture = *state;
    struct tail_record *record;
    struct sleeper sleeper;
    size_t count;

    assert_ok(append_some(fixture->log, "a", ANY, 2, NULL));
    event_log_close(fixture->log);
    fixture->log = open_log(fixture->engine);
    assert_int_equal(tail_take(fixture->log, 0, 1, &record, &count), TAIL_BEHIND);
    assert_int_equal(tail_take(fixture->log, 2, 1, &record, &count), TAIL_EMPTY);
    init_sleeper(&sleeper, "");
    assert_false(tail_park(fixture->log, 1, &sleeper.waiter));
    assert_int_equal(sleeper.waiter.woken_at, 1);
}

static void sleeper_wakes_once_when_something_is_committed(void **state)
{
    struct sleeper sleeper;

    init_sleeper(&sleeper, "");
    assert_true(tail_park(log_of(state), 0, &sleeper.waiter));
    assert_int_equal(times_woken(&sleeper), 0);
    assert_ok(append_some(log_of(state), "a", ANY, 1, NULL));
    assert_ok(append_some(log_of(state), "a", ANY, 1, NULL));
    assert_int_equal(times_woken(&sleeper), 1);
    assert_int_equal(sleeper.waiter.woken_at, 0);
}

static void sleeper_of_a_stream_wakes_for_that_stream_only(void **state)
{
    struct sleeper sleeper;

    init_sleeper(&sleeper, "b");
    assert_true(tail_park(log_of(state), 0, &sleeper.waiter));
    assert_ok(append_some(log_of(state), "a", ANY, 4, NULL));
    assert_int_equal(times_woken(&sleeper), 0);
    assert_ok(append_some(log_of(state), "b", ANY, 1, NULL));
    assert_int_equal(times_woken(&sleeper), 1);
    assert_int_equal(sleeper.waiter.woken_at, 4);
}

static void parking_behind_the_end_finds_what_is_there(void **state)
{
    struct sleeper any, of_b;

    init_sleeper(&any, "");
    init_sleeper(&of_b, "b");
    assert_ok(append_some(log_of(state), "a", ANY, 2, NULL));
    assert_false(tail_park(log_of(state), 1, &any.waiter));
    assert_int_equal(any.waiter.woken_at, 0);
    assert_true(tail_park(log_of(state), 0, &of_b.waiter));
    tail_unpark(log_of(state), &of_b.waiter);
    assert_ok(append_some(log_of(state), "b", ANY, 1, NULL));
    assert_false(tail_park(log_of(state), 0, &of_b.waiter));
    assert_int_equal(of_b.waiter.woken_at, 2);
}

static void unparked_sleeper_does_not_wake(void **state)
{
    struct sleeper sleeper;

    init_sleeper(&sleeper, "");
    assert_true(tail_park(log_of(state), 0, &sleeper.waiter));
    tail_unpark(log_of(state), &sleeper.waiter);
    tail_unpark(log_of(state), &sleeper.waiter);
    assert_ok(append_some(log_of(state), "a", ANY, 1, NULL));
    assert_int_equal(times_woken(&sleeper), 0);
}

enum { FOLLOWED_EVENTS = 2000 };

static void *append_many(void *argument)
{
    struct event_log *log = argument;

    for (unsigned i = 0; i < FOLLOWED_EVENTS; i++)
        if (!status_ok(append_some(log, i % 3 ? "a" : "b", ANY, 1, NULL)))
            return argument;
    return NULL;
}

static void follower_sees_every_event_once_while_others_append(void **state)
{
    struct event_log *log = log_of(state);
    struct sleeper sleeper;
    pthread_t writer;
    uint64_t next = 0;
    void *failed;

    init_sleeper(&sleeper, "");
    assert_int_equal(pthread_create(&writer, NULL, append_many, log), 0);
    while (next < FOLLOWED_EVENTS) {
        struct tail_record *records[16];
        size_t count;
        enum tail_state tail = tail_take(log, next, 16, records, &count);
        assert_int_not_equal(tail, TAIL_BEHIND);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(tail_record_first(records[i]), next);
            next = tail_record_end(records[i]);
            tail_record_release(records[i]);
        }
        if (tail == TAIL_EMPTY && tail_park(log, next, &sleeper.waiter))
            sem_wait(&sleeper.woken);
    }
    pthread_join(writer, &failed);
    assert_null(failed);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(newest_records_are_taken_in_order),
        store_test(record_gives_the_frames_of_one_stream),
        store_test(records_beyond_the_memory_are_behind),
        store_test(record_taken_outlives_the_tail),
        store_test(store_opened_again_is_behind_for_older_positions),
        store_test(sleeper_wakes_once_when_something_is_committed),
        store_test(sleeper_of_a_stream_wakes_for_that_stream_only),
        store_test(parking_behind_the_end_finds_what_is_there),
        store_test(unparked_sleeper_does_not_wake),
        store_test(follower_sees_every_event_once_while_others_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
