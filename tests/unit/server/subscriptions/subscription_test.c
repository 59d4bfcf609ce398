/* The subscription machine, asked step by step. Goal: the outputs come in the documented order,
 * and nothing is left between history and live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "server/subscriptions/subscription.h"
#include "storage/engine/memory_engine.h"
#include "storage/log/event.h"
#include "tests/support/log_fixture.h"

enum { TINY_TAIL_BYTES = 256 };

struct fixture {
    struct engine *engine;
    struct event_log *log;
    struct subscription subscription;
    sem_t woken;
};

static int set_up(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);

    if (!status_ok(memory_engine_open(&self->engine)) ||
        !status_ok(event_log_open(
            &(struct event_log_options){.engine = self->engine, .tail_bytes_max = TINY_TAIL_BYTES},
            &self->log)))
        return -1;
    sem_init(&self->woken, 0, 0);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *self = *state;

    event_log_close(self->log);
    engine_close(self->engine);
    sem_destroy(&self->woken);
    free(self);
    return 0;
}

/* @thread writer */
static void wake(void *context)
{
    struct fixture *self = context;

    sem_post(&self->woken);
}

static void wait_until_woken(struct fixture *self)
{
    while (sem_wait(&self->woken) != 0)
        continue; /* a signal */
}

static void open_subscription(struct fixture *self, struct subscription_options options)
{
    options.wake = wake;
    options.context = self;
    assert_ok(subscription_open(&self->subscription, self->log, &options));
}

/* The next output that is not "ask again", which may come at any time. */
static struct subscription_output next_output(struct fixture *self)
{
    struct subscription_output output;

    do
        output = subscription_next(&self->subscription);
    while (output.kind == OUTPUT_NOTHING);
    return output;
}

static size_t count_events(struct subscription_output *output)
{
    struct bytes frames = buffer_bytes(&output->frames);
    struct event event;
    size_t count = 0;

    while (event_next(&frames, &event))
        count++;
    buffer_destroy(&output->frames);
    return count;
}

static void expect_events(struct fixture *self, size_t count)
{
    struct subscription_output output = next_output(self);

    assert_int_equal(output.kind, OUTPUT_EVENTS);
    assert_int_equal(count_events(&output), count);
}

static struct subscription_output expect_kind(struct fixture *self,
                                              enum subscription_output_kind kind)
{
    struct subscription_output output = next_output(self);

    assert_int_equal(output.kind, kind);
    return output;
}

static void outputs_are_pages_then_caught_up_then_live(void **state)
{
    struct fixture *self = *state;

    assert_ok(append_some(self->log, "a", ANY, 1500, NULL));
    open_subscription(self, (struct subscription_options){0});
    expect_events(self, 1000);
    expect_events(self, 500);
    assert_int_equal(expect_kind(self, OUTPUT_CAUGHT_UP).position, 1499);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 3, NULL));
    wait_until_woken(self);
    expect_events(self, 3);
    expect_kind(self, OUTPUT_PARKED);
    assert_false(subscription_close(&self->subscription));
}

static void reader_that_was_live_and_too_slow_falls_behind(void **state)
{
    struct fixture *self = *state;

    open_subscription(self, (struct subscription_options){0});
    assert_false(expect_kind(self, OUTPUT_CAUGHT_UP).has_position);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    wait_until_woken(self);
    expect_events(self, 1);
    for (int i = 0; i < 20; i++)
        assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    assert_int_equal(expect_kind(self, OUTPUT_FELL_BEHIND).position, 0);
    expect_events(self, 20);
    assert_int_equal(expect_kind(self, OUTPUT_CAUGHT_UP).position, 20);
    expect_kind(self, OUTPUT_PARKED);
    subscription_close(&self->subscription);
}

static void events_of_other_streams_do_not_make_a_stream_fall_behind(void **state)
{
    struct fixture *self = *state;

    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    open_subscription(self, (struct subscription_options){.stream = bytes_of_text("a")});
    expect_events(self, 1);
    expect_kind(self, OUTPUT_CAUGHT_UP);
    for (int i = 0; i < 20; i++)
        assert_ok(append_some(self->log, "other", ANY, 1, NULL));
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 2, NULL));
    wait_until_woken(self);
    expect_events(self, 2);
    subscription_close(&self->subscription);
}

static void page_of_live_events_is_cut_inside_a_record(void **state)
{
    struct fixture *self = *state;

    open_subscription(self, (struct subscription_options){0});
    expect_kind(self, OUTPUT_CAUGHT_UP);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 2500, NULL));
    wait_until_woken(self);
    expect_events(self, 1000);
    expect_events(self, 1000);
    expect_events(self, 500);
    expect_kind(self, OUTPUT_PARKED);
    subscription_close(&self->subscription);
}

static void live_checkpoints_come_at_their_interval(void **state)
{
    struct fixture *self = *state;
    struct bytes prefix = bytes_of_text("b");
    struct filter_rules rules = {.stream_prefixes = &prefix, .stream_prefix_count = 1};

    open_subscription(self,
                      (struct subscription_options){.rules = &rules, .checkpoint_interval = 10});
    expect_kind(self, OUTPUT_CAUGHT_UP);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 25, NULL));
    wait_until_woken(self);
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 9);
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 19);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "b", ANY, 1, NULL));
    wait_until_woken(self);
    expect_events(self, 1); /* which tells a position, too: counting begins anew */
    assert_ok(append_some(self->log, "a", ANY, 9, NULL));
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    wait_until_woken(self);
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 35);
    subscription_close(&self->subscription);
}

/* A clock that stands still until it is told. */
struct still_clock {
    struct clock clock;
    int64_t now_us;
};

static int64_t still_us(const struct clock *clock)
{
    return container_of(clock, struct still_clock, clock)->now_us;
}

static void subscription_at_rest_tells_how_far_it_is_once_in_a_period(void **state)
{
    struct fixture *self = *state;
    struct still_clock still = {.clock = {.monotonic_us = still_us}, .now_us = 1000};
    struct bytes prefix = bytes_of_text("b");
    struct filter_rules rules = {.stream_prefixes = &prefix, .stream_prefix_count = 1};

    open_subscription(self, (struct subscription_options){.rules = &rules,
                                                          .checkpoint_interval = 1000,
                                                          .checkpoint_period_us = 500,
                                                          .clock = &still.clock});
    expect_kind(self, OUTPUT_CAUGHT_UP);
    assert_int_equal(expect_kind(self, OUTPUT_PARKED).wait_us, 0); /* there is nothing to tell */
    assert_ok(append_some(self->log, "a", ANY, 3, NULL));
    wait_until_woken(self);
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 2);
    assert_int_equal(expect_kind(self, OUTPUT_PARKED).wait_us, 0);
    still.now_us += 100;
    assert_ok(append_some(self->log, "a", ANY, 3, NULL));
    wait_until_woken(self);
    assert_int_equal(expect_kind(self, OUTPUT_PARKED).wait_us, 400);
    still.now_us += 400;
    assert_true(subscription_rouse(&self->subscription));
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 5);
    assert_int_equal(expect_kind(self, OUTPUT_PARKED).wait_us, 0);
    subscription_close(&self->subscription);
}

/* Goes on by the same step each time it is looked at. */
struct going_clock {
    struct clock clock;
    int64_t now_us, step_us;
};

static int64_t going_us(const struct clock *clock)
{
    struct going_clock *going = container_of((struct clock *)clock, struct going_clock, clock);

    return going->now_us += going->step_us;
}

static void checkpoint_that_becomes_due_while_it_lies_down_is_told(void **state)
{
    struct fixture *self = *state;
    struct going_clock going = {.clock = {.monotonic_us = going_us}, .now_us = 1000};
    struct bytes prefix = bytes_of_text("b");
    struct filter_rules rules = {.stream_prefixes = &prefix, .stream_prefix_count = 1};

    open_subscription(self, (struct subscription_options){.rules = &rules,
                                                          .checkpoint_interval = 1000,
                                                          .checkpoint_period_us = 500,
                                                          .clock = &going.clock});
    expect_kind(self, OUTPUT_CAUGHT_UP);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 3, NULL));
    wait_until_woken(self);
    expect_kind(self, OUTPUT_CHECKPOINT);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 3, NULL));
    wait_until_woken(self);
    going.step_us = 300; /* not over when it is asked whether to tell, but when it has parked */
    assert_in_range(expect_kind(self, OUTPUT_PARKED).wait_us, 1, 500);
    assert_true(subscription_rouse(&self->subscription));
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 5);
    subscription_close(&self->subscription);
}

/* Each name takes about a millisecond, and a thousand of them are there. */
static void slow_expression_gives_others_their_turn(void **state)
{
    struct fixture *self = *state;
    struct filter_rules rules = {.stream_regex = bytes_of_text("^(a+)+$")};
    struct subscription_options options = {.rules = &rules, .checkpoint_interval = 5000};
    uint64_t seen = 0;

    assert_ok(append_some(self->log, "aaaaaaaaaaaaab", ANY, 1000, NULL));
    open_subscription(self, options);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(subscription_next(&self->subscription).kind, OUTPUT_NOTHING);
        assert_in_range(self->subscription.next, seen + 1, 999);
        seen = self->subscription.next;
    }
    subscription_close(&self->subscription);
    options.begin = BEGIN_AT_END;
    open_subscription(self, options);
    expect_kind(self, OUTPUT_CAUGHT_UP);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "aaaaaaaaaaaaab", ANY, 1000, NULL));
    wait_until_woken(self);
    for (seen = 1000; seen < 1010; seen = self->subscription.next) {
        assert_int_equal(subscription_next(&self->subscription).kind, OUTPUT_NOTHING);
        assert_in_range(self->subscription.next, seen + 1, 1999);
    }
    subscription_close(&self->subscription);
}

static void subscription_that_was_woken_is_not_roused(void **state)
{
    struct fixture *self = *state;

    open_subscription(self, (struct subscription_options){0});
    assert_false(subscription_rouse(&self->subscription)); /* it does not sleep */
    expect_kind(self, OUTPUT_CAUGHT_UP);
    expect_kind(self, OUTPUT_PARKED);
    assert_true(subscription_rouse(&self->subscription));
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    wait_until_woken(self);
    assert_false(subscription_rouse(&self->subscription));
    expect_events(self, 1);
    subscription_close(&self->subscription);
}

static void filter_of_one_stream_needs_no_checkpoints(void **state)
{
    struct fixture *self = *state;
    struct bytes prefix = bytes_of_text("No");
    struct filter_rules rules = {.type_prefixes = &prefix, .type_prefix_count = 1};

    assert_ok(append_some(self->log, "a", ANY, 1500, NULL));
    open_subscription(self,
                      (struct subscription_options){.stream = bytes_of_text("a"), .rules = &rules});
    expect_kind(self, OUTPUT_CAUGHT_UP);
    assert_int_equal(expect_kind(self, OUTPUT_PARKED).wait_us, 0);
    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    wait_until_woken(self);
    expect_kind(self, OUTPUT_PARKED);
    subscription_close(&self->subscription);
}

static void append_tagged(struct event_log *log, const char *tag)
{
    struct bytes tags = bytes_of_text(tag);
    struct new_event event = make_event(uuid_random());
    struct stream_append stream = {
        .stream = bytes_of_text("t"), .expected = ANY, .events = &event, .event_count = 1};
    struct append append = {.streams = &stream, .stream_count = 1};

    event.tags = &tags;
    event.tag_count = 1;
    assert_ok(run_append(log, &append));
}

static void query_sends_what_matches_in_history_and_live(void **state)
{
    struct fixture *self = *state;
    struct bytes tag = bytes_of_text("wanted");
    struct query_item item = {.tags = &tag, .tag_count = 1};
    struct query query = {.items = &item, .item_count = 1};

    append_tagged(self->log, "wanted");
    append_tagged(self->log, "other");
    append_tagged(self->log, "wanted");
    assert_ok(append_some(self->log, "a", ANY, 2000, NULL));
    open_subscription(self,
                      (struct subscription_options){.query = &query, .checkpoint_interval = 10000});
    expect_events(self, 2);
    assert_int_equal(expect_kind(self, OUTPUT_CHECKPOINT).position, 2002);
    assert_int_equal(expect_kind(self, OUTPUT_CAUGHT_UP).position, 2002);
    expect_kind(self, OUTPUT_PARKED);
    append_tagged(self->log, "other");
    wait_until_woken(self);
    expect_kind(self, OUTPUT_PARKED);
    append_tagged(self->log, "wanted");
    wait_until_woken(self);
    expect_events(self, 1);
    expect_kind(self, OUTPUT_PARKED);
    subscription_close(&self->subscription);
}

static void close_tells_whether_a_wake_is_on_its_way(void **state)
{
    struct fixture *self = *state;

    open_subscription(self, (struct subscription_options){0});
    expect_kind(self, OUTPUT_CAUGHT_UP);
    expect_kind(self, OUTPUT_PARKED);
    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    wait_until_woken(self);
    assert_true(subscription_close(&self->subscription));
    assert_ok(append_some(self->log, "a", ANY, 1, NULL));
    assert_int_not_equal(sem_trywait(&self->woken), 0); /* not woken again */
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(outputs_are_pages_then_caught_up_then_live),
        behaves(reader_that_was_live_and_too_slow_falls_behind),
        behaves(events_of_other_streams_do_not_make_a_stream_fall_behind),
        behaves(page_of_live_events_is_cut_inside_a_record),
        behaves(live_checkpoints_come_at_their_interval),
        behaves(subscription_at_rest_tells_how_far_it_is_once_in_a_period),
        behaves(checkpoint_that_becomes_due_while_it_lies_down_is_told),
        behaves(slow_expression_gives_others_their_turn),
        behaves(subscription_that_was_woken_is_not_roused),
        behaves(filter_of_one_stream_needs_no_checkpoints),
        behaves(query_sends_what_matches_in_history_and_live),
        behaves(close_tells_whether_a_wake_is_on_its_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
