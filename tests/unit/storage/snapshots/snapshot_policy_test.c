/* Policies of snapshots: what was set holds, in memory and after a restart, and no more of them are
 * taken than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/snapshots/snapshot_policy.h"
#include "tests/support/log_fixture.h"
#include "tests/unit/storage/snapshots/fixture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static size_t underway;

static void on_done(struct intent *intent)
{
    (void)intent;
    pthread_mutex_lock(&lock);
    underway--;
    pthread_cond_signal(&told);
    pthread_mutex_unlock(&lock);
}

static struct status submit(struct fixture *fixture, struct snapshot_policy_change *change)
{
    change->intent.done = on_done;
    pthread_mutex_lock(&lock);
    underway++;
    pthread_mutex_unlock(&lock);
    struct status status = snapshot_policy_submit(fixture->snapshots, change);
    if (!status_ok(status))
        on_done(&change->intent);
    return status;
}

static void wait_for_all(void)
{
    pthread_mutex_lock(&lock);
    while (underway > 0)
        pthread_cond_wait(&told, &lock);
    pthread_mutex_unlock(&lock);
}

static struct status run(struct fixture *fixture, struct snapshot_policy_change change)
{
    TRY(submit(fixture, &change));
    wait_for_all();
    return change.intent.status;
}

static struct snapshot_policy_change of_stream(const char *name, uint64_t every_events)
{
    return (struct snapshot_policy_change){.name = bytes_of_text(name),
                                           .policy = {.every_events = every_events, .keep = 2}};
}

static struct snapshot_policy_change of_category(const char *name, uint64_t every_events)
{
    struct snapshot_policy_change change = of_stream(name, every_events);

    change.is_category = true;
    return change;
}

/* Of the policy that holds for the stream; 0: none does. */
static uint64_t every_events_of(struct fixture *fixture, const char *stream)
{
    struct snapshot_policy policy;

    return snapshot_policy_of(fixture->snapshots, bytes_of_text(stream), &policy)
               ? policy.every_events
               : 0;
}

static void a_streams_own_policy_takes_the_place_of_its_categorys(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_policy_change removal = {.name = bytes_of_text("order-1"), .removes = true};

    assert_int_equal(every_events_of(fixture, "order-1"), 0);
    assert_ok(run(fixture, of_category("order", 100)));
    assert_ok(run(fixture, of_stream("order-1", 7)));
    assert_int_equal(every_events_of(fixture, "order-1"), 7);
    assert_int_equal(every_events_of(fixture, "order-2"), 100);
    assert_int_equal(every_events_of(fixture, "order"), 100);
    assert_int_equal(every_events_of(fixture, "orders-2"), 0);
    assert_ok(run(fixture, removal));
    assert_int_equal(every_events_of(fixture, "order-1"), 100);
    removal = (struct snapshot_policy_change){
        .is_category = true, .name = bytes_of_text("order"), .removes = true};
    assert_ok(run(fixture, removal));
    assert_ok(run(fixture, removal));
    assert_int_equal(every_events_of(fixture, "order-1"), 0);
    assert_int_equal(snapshot_policy_count(fixture->snapshots), 0);
}

static void policies_outlive_a_restart_and_are_listed_in_order(void **state)
{
    static const char *const expected[] = {"a", "b", "a-1", "b-1"};
    struct fixture *fixture = *state;
    struct snapshot_policy_info info = {.is_category = true};
    struct snapshot_policy_change timed = of_category("b", 0);

    timed.policy.every_us = 5 * (int64_t)SECOND_US;
    timed.policy.keep = 0;
    assert_ok(run(fixture, of_stream("b-1", 4)));
    assert_ok(run(fixture, of_stream("a-1", 3)));
    assert_ok(run(fixture, timed));
    assert_ok(run(fixture, of_category("a", 1)));
    assert_ok(run(fixture, of_category("a", 9)));
    assert_ok(run(fixture, of_stream("c-1", 4)));
    assert_ok(run(fixture,
                  (struct snapshot_policy_change){.name = bytes_of_text("c-1"), .removes = true}));
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    for (size_t i = 0; i < 4; i++) {
        assert_true(snapshot_policy_next(fixture->snapshots, &info));
        assert_true(bytes_equal(bytes_of(info.name, info.name_size), bytes_of_text(expected[i])));
        assert_true(info.is_category == (i < 2));
        if (i == 0)
            assert_int_equal(info.policy.every_events, 9);
        if (i == 1)
            assert_true(info.policy.every_us == 5 * (int64_t)SECOND_US && info.policy.keep == 1);
    }
    assert_false(snapshot_policy_next(fixture->snapshots, &info));
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    char name[STREAM_NAME_BYTES_MAX + 2] = {0};
    struct snapshot_policy_change change = of_stream("a", 1000001);

    assert_fails(run(fixture, of_stream("", 1)), INVALID_ARGUMENT, "stream: 1 to 1024");
    memset(name, 'x', sizeof name - 1);
    assert_fails(run(fixture, of_category(name, 1)), INVALID_ARGUMENT, "category: 1 to 1024");
    assert_fails(run(fixture, change), INVALID_ARGUMENT, "policy.every_events: at most 1000000");
    change = of_stream("a", 1);
    change.policy.keep = 101;
    assert_fails(run(fixture, change), INVALID_ARGUMENT, "policy.keep: 1 to 100");
    change = of_stream("a", 1);
    change.policy.every_us = -1;
    assert_fails(run(fixture, change), INVALID_ARGUMENT, "policy.every_ms: 0 to 315360000000");
    assert_int_equal(snapshot_policy_count(fixture->snapshots), 0);
}

static void there_are_at_most_so_many(void **state)
{
    enum { WANTED = SNAPSHOT_POLICIES_MAX + 20 };
    struct fixture *fixture = *state;
    struct snapshot_policy_change *changes = calloc(WANTED, sizeof *changes);
    char(*names)[16] = calloc(WANTED, sizeof *names);
    size_t refused = 0;

    for (int i = 0; i < WANTED; i++) {
        snprintf(names[i], sizeof *names, "s-%d", i);
        changes[i] = of_stream(names[i], 1);
        assert_ok(submit(fixture, &changes[i]));
    }
    wait_for_all();
    for (int i = 0; i < WANTED; i++)
        refused += changes[i].intent.status.code == STATUS_RESOURCE_EXHAUSTED;
    assert_int_equal(snapshot_policy_count(fixture->snapshots), SNAPSHOT_POLICIES_MAX);
    assert_int_equal(refused, WANTED - SNAPSHOT_POLICIES_MAX);
    assert_ok(run(fixture, of_stream("s-5", 77))); /* in place of the one before */
    assert_int_equal(every_events_of(fixture, "s-5"), 77);
    assert_fails(run(fixture, of_category("s", 1)), RESOURCE_EXHAUSTED, "10000");
    free(names);
    free(changes);
}

static void a_snapshot_that_says_nothing_is_kept_as_the_policy_says(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_info *infos;
    struct arena arena;
    size_t count;
    uint64_t last;

    assert_ok(append_some(fixture->log, "order-1", ANY, 10, &last));
    assert_ok(run(fixture, of_category("order", 5)));
    arena_init(&arena, 1 << 16);
    for (uint64_t revision = 0; revision < 4; revision++) {
        struct snapshot_change put = {.kind = SNAPSHOT_PUT,
                                      .stream = bytes_of_text("order-1"),
                                      .revision = revision,
                                      .expires_us = SNAPSHOT_NO_EXPIRY,
                                      .keep = revision == 3 ? 1 : 0};
        assert_ok(run_change(fixture, &put));
        assert_ok(
            snapshot_list(fixture->snapshots, bytes_of_text("order-1"), &arena, &infos, &count));
        assert_int_equal(count, revision == 0 || revision == 3 ? 1 : 2);
    }
    arena_destroy(&arena);
}

#define ON_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, open_in_memory, close_stores),                           \
        cmocka_unit_test_setup_teardown(test, open_on_disk, close_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_streams_own_policy_takes_the_place_of_its_categorys),
        ON_BOTH(policies_outlive_a_restart_and_are_listed_in_order),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_by_name, open_in_memory,
                                        close_stores),
        cmocka_unit_test_setup_teardown(there_are_at_most_so_many, open_in_memory, close_stores),
        cmocka_unit_test_setup_teardown(a_snapshot_that_says_nothing_is_kept_as_the_policy_says,
                                        open_in_memory, close_stores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
