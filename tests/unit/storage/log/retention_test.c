/* Policies, deletion and tombstones: what readers see, at once and after reopening. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/log/limits.h"
#include "tests/support/log_fixture.h"

static _Atomic(int64_t) now_us = 1000;

static int64_t read_now(const struct clock *clock)
{
    (void)clock;
    return now_us;
}

static const struct clock clock_of_test = {read_now, read_now};

struct fixture {
    struct engine *engine;
    struct event_log *log;
};

static void start(struct fixture *fixture)
{
    struct event_log_options options = {.engine = fixture->engine, .clock = &clock_of_test};

    assert_ok(event_log_open(&options, &fixture->log));
}

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    now_us = 1000;
    assert_ok(memory_engine_open(&fixture->engine));
    start(fixture);
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
    start(fixture);
}

static struct status set_policy(struct event_log *log, const char *stream,
                                struct stream_policy policy)
{
    return change_stream(log, (struct stream_change){.kind = CHANGE_POLICY,
                                                     .name = bytes_of_text(stream),
                                                     .policy = policy});
}

static struct status set_category_policy(struct event_log *log, const char *category,
                                         struct stream_policy policy)
{
    return change_stream(log, (struct stream_change){.kind = CHANGE_CATEGORY_POLICY,
                                                     .name = bytes_of_text(category),
                                                     .policy = policy});
}

static struct status end_stream(struct event_log *log, enum stream_change_kind kind,
                                const char *stream, struct expectation expected)
{
    return change_stream(
        log,
        (struct stream_change){.kind = kind, .name = bytes_of_text(stream), .expected = expected});
}

/* "a0 a1 b0": all that a reader sees, stream by its letter and revision. */
static void assert_seen(struct event_log *log, const char *stream, bool backwards,
                        const char *expected)
{
    struct read read = {.from = backwards ? READ_END : 0,
                        .backwards = backwards,
                        .events_max = 3,
                        .bytes_max = PAGE_BYTES_MAX,
                        .retained_only = true};
    char seen[256] = "";
    bool end = false;

    while (!end) {
        struct page page;
        struct event event;
        assert_ok(stream ? read_named(log, stream, &read, &page)
                         : event_log_read_all(log, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        while (event_next(&frames, &event))
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%c%d", *seen ? " " : "",
                     event.stream.data[0], (int)event.revision);
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
    assert_string_equal(seen, expected);
}

static void fill(struct event_log *log)
{
    assert_ok(append_some(log, "a-1", ANY, 3, NULL));
    assert_ok(append_some(log, "b-1", ANY, 2, NULL));
    assert_ok(append_some(log, "a-1", ANY, 2, NULL));
}

static void max_count_shows_the_newest(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->log);
    assert_ok(set_policy(fixture->log, "a-1", (struct stream_policy){.max_count = 2}));
    for (int opened = 0; opened < 2; opened++) {
        assert_seen(fixture->log, NULL, false, "b0 b1 a3 a4");
        assert_seen(fixture->log, NULL, true, "a4 a3 b1 b0");
        assert_seen(fixture->log, "a-1", false, "a3 a4");
        assert_seen(fixture->log, "a-1", true, "a4 a3");
        reopen(fixture);
    }
    assert_ok(append_some(fixture->log, "a-1", REVISION(4), 1, NULL));
    assert_seen(fixture->log, "a-1", false, "a4 a5");
    assert_ok(set_policy(fixture->log, "a-1", (struct stream_policy){0}));
    assert_seen(fixture->log, "a-1", false, "a0 a1 a2 a3 a4 a5");
}

static void max_age_shows_the_young(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->log);
    now_us = 5000;
    assert_ok(append_some(fixture->log, "a-1", ANY, 1, NULL));
    assert_ok(set_policy(fixture->log, "a-1", (struct stream_policy){.max_age_us = 1000}));
    assert_seen(fixture->log, NULL, false, "b0 b1 a5");
    assert_seen(fixture->log, "a-1", false, "a5");
    now_us = 6001;
    assert_seen(fixture->log, "a-1", false, "");
}

static void category_policy_holds_for_streams_without_their_own(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->log);
    assert_ok(append_some(fixture->log, "b-2", ANY, 3, NULL));
    assert_ok(set_policy(fixture->log, "b-2", (struct stream_policy){.max_count = 2}));
    assert_ok(set_category_policy(fixture->log, "b", (struct stream_policy){.max_count = 1}));
    for (int opened = 0; opened < 2; opened++) {
        assert_seen(fixture->log, "b-1", false, "b1");
        assert_seen(fixture->log, "b-2", false, "b1 b2");
        assert_seen(fixture->log, NULL, false, "a0 a1 a2 b1 a3 a4 b1 b2");
        reopen(fixture);
    }
    assert_int_equal(event_log_get_category_policy(fixture->log, bytes_of_text("b")).max_count, 1);
}

static void truncated_events_stay_hidden(void **state)
{
    struct fixture *fixture = *state;
    struct stream_change truncate = {
        .kind = CHANGE_POLICY, .name = bytes_of_text("a-1"), .before = 4};
    struct stream_head head;

    fill(fixture->log);
    assert_ok(change_stream(fixture->log, truncate));
    assert_seen(fixture->log, "a-1", false, "a4");
    truncate.before = 1;
    assert_ok(change_stream(fixture->log, truncate));
    assert_seen(fixture->log, "a-1", false, "a4");
    assert_ok(event_log_find_stream(fixture->log, bytes_of_text("a-1"), &head));
    assert_int_equal(head.first_revision, 4);
    assert_int_equal(head.last_revision, 4);
}

static void deleted_stream_is_gone_and_may_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct stream_head head;
    uint64_t last;

    fill(fixture->log);
    assert_fails(end_stream(fixture->log, CHANGE_DELETE, "a-1", REVISION(2)), ABORTED,
                 "a-1: expected revision 2, but it is at revision 4");
    assert_ok(end_stream(fixture->log, CHANGE_DELETE, "a-1", REVISION(4)));
    for (int opened = 0; opened < 2; opened++) {
        assert_ok(event_log_find_stream(fixture->log, bytes_of_text("a-1"), &head));
        assert_false(head.exists);
        assert_seen(fixture->log, NULL, false, "b0 b1");
        reopen(fixture);
    }
    assert_fails(append_some(fixture->log, "a-1", STREAM_EXISTS, 1, NULL), ABORTED,
                 "but it does not exist");
    assert_ok(append_some(fixture->log, "a-1", NO_STREAM, 1, &last));
    assert_int_equal(last, 5);
    assert_seen(fixture->log, "a-1", false, "a5");
    assert_fails(append_some(fixture->log, "a-1", NO_STREAM, 1, NULL), ABORTED,
                 "it is at revision 5");
}

static void tombstone_refuses_appends_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct stream_head head;

    fill(fixture->log);
    assert_ok(end_stream(fixture->log, CHANGE_TOMBSTONE, "a-1", ANY));
    for (int opened = 0; opened < 2; opened++) {
        assert_fails(append_some(fixture->log, "a-1", ANY, 1, NULL), FAILED_PRECONDITION,
                     "a-1: it has a tombstone");
        assert_fails(end_stream(fixture->log, CHANGE_DELETE, "a-1", ANY), FAILED_PRECONDITION,
                     "tombstone");
        assert_ok(event_log_find_stream(fixture->log, bytes_of_text("a-1"), &head));
        assert_false(head.exists);
        assert_seen(fixture->log, NULL, false, "b0 b1");
        reopen(fixture);
    }
}

static void change_of_what_is_not_there_is_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_fails(set_policy(fixture->log, "x", (struct stream_policy){.max_count = 1}), NOT_FOUND,
                 "x: no such stream");
    assert_fails(end_stream(fixture->log, CHANGE_DELETE, "x", ANY), NOT_FOUND, "no such stream");
    assert_fails(end_stream(fixture->log, CHANGE_DELETE, "", ANY), INVALID_ARGUMENT,
                 "stream: 1 to 1024 bytes");
    assert_fails(set_category_policy(fixture->log, "c", (struct stream_policy){.max_age_us = -1}),
                 INVALID_ARGUMENT, "policy.max_age: not negative");
}

static void repeated_append_to_a_truncated_stream_gets_its_first_answer(void **state)
{
    struct fixture *fixture = *state;
    struct uuid id = uuid_random();
    struct append append;

    assert_ok(append_one(fixture->log, "a-1", NO_STREAM, id, NULL));
    assert_ok(append_some(fixture->log, "a-1", ANY, 3, NULL));
    assert_ok(set_policy(fixture->log, "a-1", (struct stream_policy){.max_count = 1}));
    assert_ok(append_one(fixture->log, "a-1", NO_STREAM, id, &append));
    assert_true(append.replayed);
    assert_int_equal(append.position, 0);
}

static void repeated_append_is_found_behind_the_known_ids_of_a_truncated_stream(void **state)
{
    struct fixture *fixture = *state;
    struct event_log_options options = {
        .engine = fixture->engine, .clock = &clock_of_test, .ids_max = 1};
    struct uuid id = uuid_random();
    struct append append;

    assert_ok(append_one(fixture->log, "a-1", NO_STREAM, id, NULL));
    assert_ok(append_some(fixture->log, "a-1", ANY, 3, NULL));
    assert_ok(change_stream(
        fixture->log,
        (struct stream_change){.kind = CHANGE_POLICY, .name = bytes_of_text("a-1"), .before = 2}));
    event_log_close(fixture->log);
    assert_ok(event_log_open(&options, &fixture->log));
    assert_ok(append_one(fixture->log, "a-1", NO_STREAM, id, &append));
    assert_true(append.replayed);
    assert_int_equal(append.position, 0);
}

static void repeated_appends_to_a_deleted_stream_get_their_first_answers(void **state)
{
    struct fixture *fixture = *state;
    struct uuid first = uuid_random(), second = uuid_random(), third = uuid_random();
    struct append append;

    assert_ok(append_one(fixture->log, "a-1", NO_STREAM, first, NULL));
    assert_ok(append_one(fixture->log, "a-1", REVISION(0), second, NULL));
    assert_ok(end_stream(fixture->log, CHANGE_DELETE, "a-1", ANY));
    for (int revived = 0; revived < 2; revived++) {
        assert_ok(append_one(fixture->log, "a-1", NO_STREAM, first, &append));
        assert_true(append.replayed);
        assert_int_equal(append.position, 0);
        assert_ok(append_one(fixture->log, "a-1", REVISION(0), second, &append));
        assert_true(append.replayed);
        assert_ok(append_one(fixture->log, "a-1", ANY, first, &append));
        assert_true(append.replayed);
        assert_ok(append_one(fixture->log, "a-1", NO_STREAM, third, &append));
        assert_int_equal(append.replayed, revived);
        assert_int_equal(append.position, 2);
        reopen(fixture);
    }
}

static void policy_of_a_deleted_stream_can_be_set_and_seen(void **state)
{
    struct fixture *fixture = *state;
    struct stream_policy policy;
    uint64_t first;

    fill(fixture->log);
    assert_ok(end_stream(fixture->log, CHANGE_DELETE, "a-1", ANY));
    assert_ok(set_policy(fixture->log, "a-1", (struct stream_policy){.max_count = 2}));
    assert_ok(event_log_get_policy(fixture->log, bytes_of_text("a-1"), &policy, &first));
    assert_int_equal(policy.max_count, 2);
    assert_int_equal(first, 5);
    assert_fails(event_log_get_policy(fixture->log, bytes_of_text("x"), &policy, &first), NOT_FOUND,
                 "x: no such stream");
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(max_count_shows_the_newest),
        store_test(max_age_shows_the_young),
        store_test(category_policy_holds_for_streams_without_their_own),
        store_test(truncated_events_stay_hidden),
        store_test(deleted_stream_is_gone_and_may_go_on),
        store_test(tombstone_refuses_appends_for_ever),
        store_test(change_of_what_is_not_there_is_refused),
        store_test(repeated_appends_to_a_deleted_stream_get_their_first_answers),
        store_test(policy_of_a_deleted_stream_can_be_set_and_seen),
        store_test(repeated_append_to_a_truncated_stream_gets_its_first_answer),
        store_test(repeated_append_is_found_behind_the_known_ids_of_a_truncated_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
