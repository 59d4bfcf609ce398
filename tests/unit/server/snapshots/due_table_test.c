/* The bookkeeping of streams that may be due, with times and looks of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/snapshots/due_table.h"

enum { SECOND_US = 1000000, NOW_US = 1000 * SECOND_US };

static const struct snapshot_policy every_3 = {.every_events = 3, .keep = 1, .version = 1};
static const struct snapshot_policy every_minute = {
    .every_us = 60 * (int64_t)SECOND_US, .keep = 1, .version = 1};

static int set_up(void **state)
{
    static struct due_table table;

    assert_true(due_table_init(&table, 1 << 20));
    *state = &table;
    return 0;
}

static int tear_down(void **state)
{
    due_table_destroy(*state);
    return 0;
}

static void append(struct due_table *table, const char *stream, uint64_t revision)
{
    due_table_add_event(table, bytes_of_text(stream), revision, NOW_US, &every_3);
}

/* What a look at a stream of `last + 1` events finds whose newest snapshot is of `snapshot`; < 0:
 * it has none. */
static struct due_sight sight_of(int64_t snapshot, uint64_t last)
{
    struct due_sight sight = {.concerns = true,
                              .policy = every_3,
                              .newest = {snapshot >= 0, (uint64_t)snapshot, SNAPSHOT_NO_EXPIRY},
                              .first_behind = (uint64_t)(snapshot + 1),
                              .last_revision = last,
                              .again_us = INT64_MAX};

    sight.is_due = last + 1 >= sight.first_behind + 3;
    return sight;
}

static void expect_to_look(struct due_table *table, const char *stream)
{
    const struct due_stream *taken = due_table_take(table);

    assert_non_null(taken);
    assert_true(bytes_equal(due_stream_name(taken), bytes_of_text(stream)));
}

static void expect_nothing_to_look(struct due_table *table)
{
    assert_null(due_table_take(table));
}

static void see(struct due_table *table, const char *stream, struct due_sight sight,
                bool is_servers, int64_t now_us)
{
    struct due_stream *found = due_table_find(table, bytes_of_text(stream));

    assert_non_null(found);
    due_table_see(table, found, &sight, is_servers, now_us);
}

/* From its first event on until it is due for clients. */
static void make_due(struct due_table *table, const char *stream)
{
    for (uint64_t revision = 0; revision < 3; revision++)
        append(table, stream, revision);
    expect_to_look(table, stream);
    see(table, stream, sight_of(-1, 2), false, NOW_US);
}

/* --- streams --------------------------------------------------------------------------------- */

static void a_stream_that_begins_is_looked_at_when_it_has_enough_events(void **state)
{
    struct due_table *table = *state;

    append(table, "a", 0);
    append(table, "a", 1);
    expect_nothing_to_look(table);
    append(table, "a", 2);
    append(table, "a", 3);
    expect_to_look(table, "a");
    expect_nothing_to_look(table);
    see(table, "a", sight_of(-1, 3), false, NOW_US);
    assert_int_equal(table->for_clients.count, 1);
    assert_int_equal(table->for_clients.first->due_revision, 3);
    append(table, "a", 4);
    expect_nothing_to_look(table);
}

static void of_a_stream_that_is_not_known_the_first_event_is_enough_to_look(void **state)
{
    struct due_table *table = *state;

    append(table, "a", 17);
    expect_to_look(table, "a");
    see(table, "a", sight_of(16, 17), false, NOW_US);
    append(table, "a", 18);
    expect_nothing_to_look(table);
    append(table, "a", 19);
    expect_to_look(table, "a");
}

static void a_stream_without_anything_behind_its_snapshot_is_not_kept(void **state)
{
    struct due_table *table = *state;
    struct due_sight none = {.again_us = INT64_MAX};

    append(table, "a", 17);
    append(table, "b", 17);
    expect_to_look(table, "a");
    see(table, "a", sight_of(17, 17), false, NOW_US);
    expect_to_look(table, "b");
    see(table, "b", none, false, NOW_US);
    assert_int_equal(table->count, 0);
    assert_int_equal(table->bytes, 0);
}

static void a_stream_is_looked_at_when_its_time_has_come(void **state)
{
    struct due_table *table = *state;
    struct due_sight sight = sight_of(-1, 0);

    due_table_add_event(table, bytes_of_text("a"), 0, NOW_US, &every_minute);
    due_table_add_event(table, bytes_of_text("a"), 1, NOW_US + SECOND_US, &every_minute);
    due_table_expire(table, NOW_US + 59 * (int64_t)SECOND_US, 10);
    expect_nothing_to_look(table);
    due_table_expire(table, NOW_US + 60 * (int64_t)SECOND_US, 10);
    expect_to_look(table, "a");
    sight.again_us = NOW_US + 70 * (int64_t)SECOND_US; /* the look knew better */
    see(table, "a", sight, false, NOW_US);
    due_table_expire(table, NOW_US + 70 * (int64_t)SECOND_US, 10);
    expect_to_look(table, "a");
}

static void a_put_takes_a_stream_off_and_it_is_looked_at(void **state)
{
    struct due_table *table = *state;

    make_due(table, "a");
    due_table_put(table, bytes_of_text("a"));
    assert_int_equal(table->for_clients.count, 0);
    expect_to_look(table, "a");
    see(table, "a", sight_of(2, 4), false, NOW_US);
    assert_int_equal(table->for_clients.count, 0);
    append(table, "a", 5);
    expect_to_look(table, "a");
    see(table, "a", sight_of(2, 5), false, NOW_US);
    assert_int_equal(table->for_clients.count, 1);
}

static void a_look_that_was_overtaken_does_not_count(void **state)
{
    struct due_table *table = *state;

    for (uint64_t revision = 0; revision < 3; revision++)
        append(table, "a", revision);
    expect_to_look(table, "a");
    due_table_put(table, bytes_of_text("a")); /* while somebody looks */
    see(table, "a", sight_of(-1, 2), false, NOW_US);
    assert_int_equal(table->for_clients.count, 0);
    expect_to_look(table, "a");
    see(table, "a", sight_of(2, 2), false, NOW_US);
    assert_int_equal(table->count, 0);
}

static void what_the_server_cannot_make_waits_longer_each_time(void **state)
{
    struct due_table *table = *state;
    int64_t now_us = NOW_US;

    append(table, "a", 9);
    expect_to_look(table, "a");
    see(table, "a", sight_of(-1, 9), true, now_us);
    assert_int_equal(table->for_server.count, 1);
    for (int64_t wait_us = SECOND_US; wait_us <= 64 * (int64_t)SECOND_US; wait_us *= 2) {
        due_table_fail(table, table->for_server.first, now_us);
        expect_to_look(table, "a");
        see(table, "a", sight_of(-1, 9), true, now_us);
        assert_int_equal(table->for_server.count, 0);
        due_table_expire(table, now_us + wait_us - 1, 10);
        expect_nothing_to_look(table);
        now_us += wait_us;
        due_table_expire(table, now_us, 10);
        expect_to_look(table, "a");
        see(table, "a", sight_of(-1, 9), true, now_us);
        assert_int_equal(table->for_server.count, 1);
    }
    see(table, "a", sight_of(-1, 9), false, now_us); /* its reducer has gone */
    assert_int_equal(table->for_server.count, 0);
    assert_int_equal(table->for_clients.count, 1);
}

/* --- room ------------------------------------------------------------------------------------ */

static void when_it_is_full_those_that_only_count_are_let_go(void **state)
{
    struct due_table *table = *state;
    char name[16];

    make_due(table, "due");
    due_table_add_event(table, bytes_of_text("timed"), 0, NOW_US, &every_minute);
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "s-%d", i);
        append(table, name, 0);
        assert_true(table->bytes <= table->bytes_max);
    }
    assert_non_null(due_table_find(table, bytes_of_text("due")));
    assert_non_null(due_table_find(table, bytes_of_text("timed")));
    assert_non_null(due_table_find(table, bytes_of_text("s-19999")));
    assert_null(due_table_find(table, bytes_of_text("s-0")));
    assert_false(table->has_forgotten);
}

static void when_it_is_full_of_others_it_knows_that_it_has_forgotten_some(void **state)
{
    struct due_table *table = *state;
    char name[16];
    size_t count = 0;

    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "s-%d", i);
        due_table_add_event(table, bytes_of_text(name), 0, NOW_US, &every_minute);
        count += due_table_find(table, bytes_of_text(name)) != NULL;
    }
    assert_int_equal(table->count, count);
    assert_true(count > 1000 && count < 20000);
    assert_true(table->bytes <= table->bytes_max);
    assert_true(table->has_forgotten);
    assert_int_equal(table->full, 20000 - count);
}

static bool is_old(void *context, const struct due_stream *stream)
{
    return stream->policy.version < *(uint64_t *)context;
}

static void a_sweep_marks_what_is_stale_and_nothing_else(void **state)
{
    struct due_table *table = *state;
    struct snapshot_policy newer = every_3;
    uint64_t version = 2;
    size_t bucket = 0;

    newer.version = 2;
    append(table, "old", 0);
    due_table_add_event(table, bytes_of_text("new"), 0, NOW_US, &newer);
    do
        bucket = due_table_sweep(table, bucket, is_old, &version);
    while (bucket > 0);
    expect_to_look(table, "old");
    expect_nothing_to_look(table);
}

/* --- who is told ----------------------------------------------------------------------------- */

static unsigned wakes;

static void on_wake(struct due_subscriber *subscriber)
{
    (void)subscriber;
    wakes++;
}

static void subscribe(struct due_table *table, struct due_subscriber *subscriber,
                      const char *category)
{
    *subscriber = (struct due_subscriber){.category = bytes_of_text(category), .wake = on_wake};
    due_list_subscribe(&table->for_clients, subscriber);
    wakes = 0;
}

static void expect_told(struct due_table *table, struct due_subscriber *subscriber,
                        const char *stream)
{
    struct due_stream *told;

    assert_int_equal(due_list_next(&table->for_clients, subscriber, &told), DUE_TOLD);
    assert_true(bytes_equal(due_stream_name(told), bytes_of_text(stream)));
}

static void expect_parked(struct due_table *table, struct due_subscriber *subscriber)
{
    struct due_stream *told;

    assert_int_equal(due_list_next(&table->for_clients, subscriber, &told), DUE_PARKED);
}

static void a_subscriber_is_told_of_each_once_and_woken_once(void **state)
{
    struct due_table *table = *state;
    struct due_subscriber subscriber;

    make_due(table, "a");
    make_due(table, "b");
    subscribe(table, &subscriber, "");
    expect_told(table, &subscriber, "a");
    make_due(table, "c");
    expect_told(table, &subscriber, "b");
    expect_told(table, &subscriber, "c");
    assert_int_equal(wakes, 0);
    expect_parked(table, &subscriber);
    make_due(table, "d");
    make_due(table, "e");
    assert_int_equal(wakes, 1);
    expect_told(table, &subscriber, "d");
    expect_told(table, &subscriber, "e");
    expect_parked(table, &subscriber);
    due_list_unsubscribe(&table->for_clients, &subscriber);
    make_due(table, "f");
    assert_int_equal(wakes, 1);
}

static void a_subscriber_keeps_its_place_when_what_is_there_goes(void **state)
{
    struct due_table *table = *state;
    struct due_subscriber slow;

    make_due(table, "a");
    make_due(table, "b");
    make_due(table, "c");
    subscribe(table, &slow, "");
    expect_told(table, &slow, "a");
    due_table_put(table, bytes_of_text("b"));
    due_table_put(table, bytes_of_text("a"));
    expect_told(table, &slow, "c");
    due_table_put(table, bytes_of_text("c"));
    expect_parked(table, &slow);
    due_list_unsubscribe(&table->for_clients, &slow);
}

static void a_subscriber_of_a_category_is_not_woken_by_others(void **state)
{
    struct due_table *table = *state;
    struct due_subscriber subscriber;

    make_due(table, "cart-1");
    subscribe(table, &subscriber, "order");
    expect_parked(table, &subscriber);
    make_due(table, "cart-2");
    make_due(table, "orders-2");
    assert_int_equal(wakes, 0);
    make_due(table, "order-1");
    make_due(table, "cart-3");
    make_due(table, "order");
    assert_int_equal(wakes, 1);
    expect_told(table, &subscriber, "order-1");
    expect_told(table, &subscriber, "order");
    due_list_unsubscribe(&table->for_clients, &subscriber);
}

static void passing_over_many_of_others_is_done_in_turns(void **state)
{
    struct due_table *table = *state;
    struct due_subscriber subscriber;
    struct due_stream *told;
    char name[16];

    for (int i = 0; i < DUE_PASSED_MAX + 1; i++) {
        snprintf(name, sizeof name, "cart-%d", i);
        make_due(table, name);
    }
    make_due(table, "order-1");
    subscribe(table, &subscriber, "order");
    assert_int_equal(due_list_next(&table->for_clients, &subscriber, &told), DUE_AGAIN);
    expect_told(table, &subscriber, "order-1");
    due_list_unsubscribe(&table->for_clients, &subscriber);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_that_begins_is_looked_at_when_it_has_enough_events),
        TEST(of_a_stream_that_is_not_known_the_first_event_is_enough_to_look),
        TEST(a_stream_without_anything_behind_its_snapshot_is_not_kept),
        TEST(a_stream_is_looked_at_when_its_time_has_come),
        TEST(a_put_takes_a_stream_off_and_it_is_looked_at),
        TEST(a_look_that_was_overtaken_does_not_count),
        TEST(what_the_server_cannot_make_waits_longer_each_time),
        TEST(when_it_is_full_those_that_only_count_are_let_go),
        TEST(when_it_is_full_of_others_it_knows_that_it_has_forgotten_some),
        TEST(a_sweep_marks_what_is_stale_and_nothing_else),
        TEST(a_subscriber_is_told_of_each_once_and_woken_once),
        TEST(a_subscriber_keeps_its_place_when_what_is_there_goes),
        TEST(a_subscriber_of_a_category_is_not_woken_by_others),
        TEST(passing_over_many_of_others_is_done_in_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
