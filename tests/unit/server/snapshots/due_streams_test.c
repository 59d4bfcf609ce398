/* Which streams are due: told when it becomes so, and nothing forgotten by a restart, by a log that
 * was too fast, or for lack of memory. Where there is a reducer, the server makes the snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/log/statistics.h"
#include "tests/unit/server/snapshots/due_fixture.h"

#define MINUTE_US (60 * (int64_t)SECOND_US)

static void what_is_due_is_so_after_a_restart(void **state)
{
    struct due_fixture *fixture = *state;
    struct listener listener;
    struct due_told told;

    set_policy(fixture, "order", 3, 0);
    set_policy(fixture, "timed", 0, MINUTE_US);
    append(fixture, "order-1", 5);
    append(fixture, "order-2", 2);
    append(fixture, "timed-1", 1);
    append(fixture, "other-1", 9);
    put(fixture, "order-1", 1, SNAPSHOT_NO_EXPIRY);
    due_fixture_restart(fixture);
    listen(fixture, &listener);
    told = hear(&listener);
    assert_true(bytes_equal(bytes_of(told.name, told.name_size), bytes_of_text("order-1")));
    assert_true(told.revision == 4 && told.has_snapshot && told.snapshot_revision == 1);
    leave(&listener);
    manual_clock_advance(&fixture->clock, MINUTE_US); /* it grows old while nobody looks */
    due_fixture_restart(fixture);
    listen(fixture, &listener);
    expect_heard(&listener, "order-1");
    expect_heard(&listener, "timed-1");
    append(fixture, "order-2", 1); /* it was two events behind all the time */
    expect_heard(&listener, "order-2");
    leave(&listener);
}

static void what_is_due_is_so_after_a_rebuild(void **state)
{
    struct due_fixture *fixture = *state;
    struct listener listener;

    set_policy(fixture, "order", 3, 0);
    append(fixture, "order-1", 5);
    append(fixture, "order-2", 5);
    put(fixture, "order-2", 2, SNAPSHOT_NO_EXPIRY);
    due_fixture_rebuild(fixture);
    listen(fixture, &listener);
    expect_heard(&listener, "order-1");
    append(fixture, "order-2", 1);
    expect_heard(&listener, "order-2");
    leave(&listener);
}

static void a_stream_is_due_when_its_oldest_event_is_so_old_and_not_before(void **state)
{
    struct due_fixture *fixture = *state;
    struct listener listener;

    set_policy(fixture, "timed", 0, MINUTE_US);
    set_policy(fixture, "order", 1, 0);
    listen(fixture, &listener);
    append(fixture, "timed-1", 1);
    manual_clock_advance(&fixture->clock, MINUTE_US / 2);
    append(fixture, "timed-1", 1);
    manual_clock_advance(&fixture->clock, SECOND_US);
    append(fixture, "timed-2", 1);
    manual_clock_advance(&fixture->clock, MINUTE_US / 2 - SECOND_US - 1);
    append(fixture, "order-1", 1);
    expect_heard(&listener, "order-1");
    manual_clock_advance(&fixture->clock, 1);
    expect_heard(&listener, "timed-1");
    put(fixture, "timed-1", 0, SNAPSHOT_NO_EXPIRY);
    append(fixture, "order-2", 1);
    expect_heard(&listener, "order-2");
    manual_clock_advance(&fixture->clock, MINUTE_US / 2); /* of its second event */
    expect_heard(&listener, "timed-1");
    manual_clock_advance(&fixture->clock, SECOND_US);
    expect_heard(&listener, "timed-2");
    leave(&listener);
}

static void a_snapshot_that_expires_leaves_its_stream_due(void **state)
{
    struct due_fixture *fixture = *state;
    int64_t expires_us = clock_wall_us(&fixture->clock.clock) + MINUTE_US;
    struct listener listener;

    set_policy(fixture, "order", 3, 0);
    append(fixture, "order-1", 3);
    put(fixture, "order-1", 2, expires_us);
    listen(fixture, &listener);
    append(fixture, "order-2", 3);
    expect_heard(&listener, "order-2");
    manual_clock_advance(&fixture->clock, MINUTE_US);
    expect_heard(&listener, "order-1");
    leave(&listener);
}

static void a_stream_that_has_gone_is_not_told(void **state)
{
    struct due_fixture *fixture = *state;
    struct stream_change deletion = {.kind = CHANGE_DELETE, .name = bytes_of_text("order-1")};
    struct listener listener, later;

    set_policy(fixture, "order", 2, 0);
    listen(fixture, &listener);
    append(fixture, "order-1", 2);
    expect_heard(&listener, "order-1");
    assert_ok(change_stream(fixture->log, deletion));
    due_streams_look_again(fixture->due, bytes_of_text("order-1"));
    append(fixture, "order-2", 2);
    expect_heard(&listener, "order-2");
    listen(fixture, &later);
    expect_heard(&later, "order-2");
    append(fixture, "order-1", 2);
    expect_heard(&later, "order-1");
    leave(&listener);
    leave(&later);
}

/* Streams "order-<number>", each once, in any order. */
static void expect_each_heard(struct listener *listener, bool heard[], int count,
                              void (*then)(struct due_fixture *fixture, const char *stream),
                              struct due_fixture *fixture)
{
    for (int i = 0; i < count; i++) {
        struct due_told told = hear(listener);
        told.name[told.name_size] = 0;
        int number = (int)strtol((const char *)told.name + sizeof "order", NULL, 10);
        assert_in_range(number, 0, count - 1);
        assert_false(heard[number]);
        heard[number] = true;
        if (then)
            then(fixture, (const char *)told.name);
    }
}

static void what_left_memory_before_it_was_followed_is_read(void **state)
{
    struct due_fixture *fixture = *state;
    bool heard[300] = {false};
    struct listener listener;
    char name[16];

    fixture->tail_bytes_max = 1; /* one record */
    due_fixture_restart(fixture);
    set_policy(fixture, "order", 2, 0);
    listen(fixture, &listener);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "order-%d", i);
        append(fixture, name, 1);
        append(fixture, name, 1);
    }
    expect_each_heard(&listener, heard, 300, NULL, fixture);
    leave(&listener);
}

static void put_first(struct due_fixture *fixture, const char *stream)
{
    put(fixture, stream, 0, SNAPSHOT_NO_EXPIRY);
}

/* Each stream is heard of, though only a part of them fits in at a time. */
static void what_had_no_room_is_told_when_there_is(void **state)
{
    enum { STREAMS = 200 };
    struct due_fixture *fixture = *state;
    bool heard[STREAMS] = {false};
    struct listener listener;
    char name[16] = "";

    fixture->memory_max = 16 << 10;
    due_fixture_restart(fixture);
    for (int i = 0; i < STREAMS; i++) {
        snprintf(name, sizeof name, "order-%d", i);
        append(fixture, name, 1);
    }
    set_policy(fixture, "order", 1, 0);
    listen(fixture, &listener);
    expect_each_heard(&listener, heard, STREAMS, put_first, fixture);
    leave(&listener);
}

static void count_waiters(void *context, const struct metric *metric)
{
    if (strcmp(metric->name, "sagabase_tail_waiters") == 0)
        *(double *)context = metric->value;
}

static void without_a_policy_nobody_waits_for_appends(void **state)
{
    struct due_fixture *fixture = *state;
    struct listener listener;
    double waiters = 1;

    append(fixture, "order-1", 3);
    event_log_statistics(fixture->log, count_waiters, &waiters);
    assert_true(waiters == 0);
    set_policy(fixture, "order", 3, 0);
    listen(fixture, &listener);
    expect_heard(&listener, "order-1");
    leave(&listener);
    set_policy(fixture, "order", 0, 0);
    while (metric_of(fixture, "sagabase_snapshot_policy_streams") > 0)
        sched_yield();
}

/* --- made by the server ---------------------------------------------------------------------- */

static void the_server_makes_snapshots_where_it_has_a_reducer(void **state)
{
    struct due_fixture *fixture = *state;
    struct listener listener;

    fixture->reducers.runs = true;
    set_policy(fixture, "order", 2, 0);
    set_policy(fixture, "cart", 2, 0);
    listen(fixture, &listener);
    for (int i = 0; i < 10; i++) {
        append(fixture, "order-1", 2);
        wait_until_made(&fixture->reducers, (unsigned)i + 1);
    }
    append(fixture, "order-2", 2);
    append(fixture, "order-3", 2);
    wait_until_made(&fixture->reducers, 12);
    append(fixture, "cart-1", 2);
    expect_heard(&listener, "cart-1"); /* and nothing of the others */
    assert_true(metric_of(fixture, "sagabase_snapshots_made_total") >= 11);
    leave(&listener);
}

static void what_the_reducers_have_no_room_for_is_asked_again(void **state)
{
    struct due_fixture *fixture = *state;
    struct reducers *reducers = &fixture->reducers;

    reducers->runs = true;
    reducers->making = HAS_NO_ROOM;
    set_policy(fixture, "order", 2, 0);
    append(fixture, "order-1", 2);
    wait_until_asked(reducers, 1);
    pthread_mutex_lock(&reducers->lock);
    reducers->making = MAKES;
    pthread_mutex_unlock(&reducers->lock);
    wait_until_made(reducers, 1);
}

static void what_failed_is_tried_again_later_and_others_go_on(void **state)
{
    struct due_fixture *fixture = *state;
    struct reducers *reducers = &fixture->reducers;

    reducers->runs = true;
    reducers->making = FAILS;
    set_policy(fixture, "order", 2, 0);
    append(fixture, "order-1", 2);
    wait_until_asked(reducers, 1);
    while (metric_of(fixture, "sagabase_snapshots_not_made_total") < 1)
        sched_yield();
    pthread_mutex_lock(&reducers->lock);
    reducers->making = MAKES;
    pthread_mutex_unlock(&reducers->lock);
    append(fixture, "order-2", 2);
    wait_until_made(reducers, 1);
    assert_int_equal(reducers->asked, 2); /* not of the first stream */
    manual_clock_advance(&fixture->clock, SECOND_US);
    wait_until_made(reducers, 2);
}

static void what_failed_is_told_to_clients_when_its_reducer_goes(void **state)
{
    struct due_fixture *fixture = *state;
    struct reducers *reducers = &fixture->reducers;
    struct listener listener;

    reducers->runs = true;
    reducers->making = FAILS;
    set_policy(fixture, "order", 2, 0);
    listen(fixture, &listener);
    append(fixture, "order-1", 2);
    wait_until_asked(reducers, 1);
    while (metric_of(fixture, "sagabase_snapshots_not_made_total") < 1 ||
           metric_of(fixture, "sagabase_snapshots_due") > 0)
        sched_yield();
    let_run(reducers, false);
    expect_heard(&listener, "order-1"); /* though the server would wait for its next try */
    leave(&listener);
}

static void a_reducer_makes_what_was_due_before_it_was_there(void **state)
{
    struct due_fixture *fixture = *state;
    struct listener listener;

    set_policy(fixture, "order", 2, 0);
    listen(fixture, &listener);
    append(fixture, "order-1", 2);
    append(fixture, "order-2", 2);
    expect_heard(&listener, "order-1");
    expect_heard(&listener, "order-2");
    let_run(&fixture->reducers, true);
    wait_until_made(&fixture->reducers, 2);
    leave(&listener);
}

static void when_its_reducer_goes_clients_are_told(void **state)
{
    struct due_fixture *fixture = *state;
    struct reducers *reducers = &fixture->reducers;
    bool heard[2] = {false};
    struct listener listener;

    reducers->runs = true;
    reducers->is_held = true;
    set_policy(fixture, "order", 2, 0);
    listen(fixture, &listener);
    append(fixture, "order-0", 2);
    append(fixture, "order-1", 2);
    wait_until_asked(reducers, 1);
    let_run(reducers, false);
    expect_each_heard(&listener, heard, 2, NULL, fixture);
    let_go(reducers); /* it is put though */
    wait_until_made(reducers, 1);
    let_run(reducers, true);
    wait_until_made(reducers, 2);
    leave(&listener);
}

static void closing_gives_up_the_snapshot_that_is_being_made(void **state)
{
    struct due_fixture *fixture = *state;
    struct reducers *reducers = &fixture->reducers;
    pthread_t thread;

    reducers->runs = true;
    reducers->is_held = true;
    set_policy(fixture, "order", 1, 0);
    append(fixture, "order-1", 1);
    wait_until_asked(reducers, 1);
    assert_int_equal(pthread_create(&thread, NULL, end_abandoned, reducers), 0);
    due_fixture_restart(fixture);
    pthread_join(thread, NULL);
    wait_until_asked(reducers, 2); /* it is still due */
    let_go(reducers);
    wait_until_made(reducers, 1);
}

#define IN_MEMORY(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, due_fixture_in_memory, due_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(what_is_due_is_so_after_a_restart),
        cmocka_unit_test_setup_teardown(what_is_due_is_so_after_a_restart, due_fixture_on_disk,
                                        due_fixture_close),
        cmocka_unit_test_setup_teardown(what_is_due_is_so_after_a_rebuild, due_fixture_on_disk,
                                        due_fixture_close),
        IN_MEMORY(a_stream_is_due_when_its_oldest_event_is_so_old_and_not_before),
        IN_MEMORY(a_snapshot_that_expires_leaves_its_stream_due),
        IN_MEMORY(a_stream_that_has_gone_is_not_told),
        IN_MEMORY(what_left_memory_before_it_was_followed_is_read),
        IN_MEMORY(what_had_no_room_is_told_when_there_is),
        IN_MEMORY(without_a_policy_nobody_waits_for_appends),
        IN_MEMORY(the_server_makes_snapshots_where_it_has_a_reducer),
        IN_MEMORY(what_the_reducers_have_no_room_for_is_asked_again),
        IN_MEMORY(what_failed_is_tried_again_later_and_others_go_on),
        IN_MEMORY(what_failed_is_told_to_clients_when_its_reducer_goes),
        IN_MEMORY(a_reducer_makes_what_was_due_before_it_was_there),
        IN_MEMORY(when_its_reducer_goes_clients_are_told),
        IN_MEMORY(closing_gives_up_the_snapshot_that_is_being_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
