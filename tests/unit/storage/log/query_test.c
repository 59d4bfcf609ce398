/* Tags, reading by query, and append conditions (dcb.events). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/log/limits.h"
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

/* --- queries in one line: up to two types and two tags ------------------------------ */

struct small_query {
    struct bytes types[2], tags[2];
    struct query_item item;
    struct query query;
};

static void add_text(struct bytes *texts, size_t *count, const char *text)
{
    if (text)
        texts[(*count)++] = bytes_of_text(text);
}

static const struct query *ask(struct small_query *small, const char *type, const char *tag,
                               const char *other_tag)
{
    *small = (struct small_query){0};
    add_text(small->types, &small->item.type_count, type);
    add_text(small->tags, &small->item.tag_count, tag);
    add_text(small->tags, &small->item.tag_count, other_tag);
    small->item.types = small->types;
    small->item.tags = small->tags;
    small->query = (struct query){&small->item, 1};
    return &small->query;
}

/* One event of this type with these tags (NULL: without). */
static struct status append_tagged(struct event_log *log, const char *type, const char *tag,
                                   const char *other_tag, struct append *append)
{
    struct small_query small;
    struct new_event event = make_event(uuid_random());
    struct stream_append stream = {bytes_of_text("s"), ANY, &event, 1, 0, 0};
    struct append plain = {0};

    ask(&small, NULL, tag, other_tag);
    event.type = bytes_of_text(type);
    event.tags = small.tags;
    event.tag_count = small.item.tag_count;
    if (!append)
        append = &plain;
    append->streams = &stream;
    append->stream_count = 1;
    struct status status = run_append(log, append);
    append->streams = NULL;
    return status;
}

static size_t positions_of(struct event_log *log, const struct query *query, struct read read,
                           uint64_t *positions, size_t max)
{
    size_t count = 0;
    bool end = false;

    while (!end) {
        struct page page;
        struct event event;
        assert_ok(event_log_read_query(log, query, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        while (event_next(&frames, &event)) {
            assert_true(count < max);
            positions[count++] = event.position;
        }
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
    return count;
}

/* --- reading -------------------------------------------------------------------------- */

static void fill(struct event_log *log)
{
    assert_ok(append_tagged(log, "Defined", "course:1", NULL, NULL));           /* 0 */
    assert_ok(append_tagged(log, "Defined", "course:2", NULL, NULL));           /* 1 */
    assert_ok(append_tagged(log, "Subscribed", "course:1", "student:1", NULL)); /* 2 */
    assert_ok(append_tagged(log, "Subscribed", "course:2", "student:1", NULL)); /* 3 */
    assert_ok(append_tagged(log, "Subscribed", "course:1", "student:2", NULL)); /* 4 */
    assert_ok(append_tagged(log, "Defined", "course:12", NULL, NULL));          /* 5 */
    assert_ok(append_tagged(log, "Untagged", NULL, NULL, NULL));                /* 6 */
}

static void assert_positions(struct event_log *log, const struct query *query, struct read read,
                             const char *expected)
{
    uint64_t positions[16];
    char text[64] = "";

    read.bytes_max = PAGE_BYTES_MAX;
    size_t count = positions_of(log, query, read, positions, 16);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), i ? " %d" : "%d",
                 (int)positions[i]);
    assert_string_equal(text, expected);
}

static void events_are_read_by_type_and_tags(void **state)
{
    struct event_log *log = log_of(state);
    struct small_query small;

    fill(log);
    for (size_t size = 1; size < 4; size++) {
        struct read read = {.events_max = size};
        assert_positions(log, ask(&small, NULL, "course:1", NULL), read, "0 2 4");
        assert_positions(log, ask(&small, NULL, "course:1", "student:1"), read, "2");
        assert_positions(log, ask(&small, "Subscribed", "course:1", NULL), read, "2 4");
        assert_positions(log, ask(&small, "Subscribed", NULL, NULL), read, "2 3 4");
        assert_positions(log, ask(&small, NULL, "course:9", NULL), read, "");
        read.from = 2;
        assert_positions(log, ask(&small, NULL, "course:1", NULL), read, "2 4");
        read.from = 3;
        assert_positions(log, ask(&small, NULL, "course:1", NULL), read, "4");
        read.backwards = true;
        assert_positions(log, ask(&small, NULL, "course:1", NULL), read, "2 0");
        read.from = READ_END;
        assert_positions(log, ask(&small, NULL, "course:1", NULL), read, "4 2 0");
        assert_positions(log, ask(&small, "Defined", NULL, NULL), read, "5 1 0");
    }
}

static void event_that_matches_several_items_is_read_once(void **state)
{
    struct bytes first = bytes_of_text("course:1"), second = bytes_of_text("student:1");
    struct bytes type = bytes_of_text("Defined");
    struct query_item items[] = {{.tags = &first, .tag_count = 1},
                                 {.tags = &second, .tag_count = 1},
                                 {.types = &type, .type_count = 1}};

    fill(log_of(state));
    assert_positions(log_of(state), &(struct query){items, 2}, (struct read){.events_max = 2},
                     "0 2 3 4");
    assert_positions(log_of(state), &(struct query){items, 3}, (struct read){.events_max = 2},
                     "0 1 2 3 4 5");
}

/* More of one tag than is looked up together, few of the other, in any order of items. */
static void long_and_short_tags_are_merged_in_order(void **state)
{
    enum { EVENTS = 1500 };
    struct event_log *log = log_of(state);
    struct bytes tags[] = {bytes_of_text("often"), bytes_of_text("seldom")};
    struct query_item items[] = {{.tags = &tags[0], .tag_count = 1},
                                 {.tags = &tags[1], .tag_count = 1}};
    uint64_t *positions = calloc(EVENTS, sizeof *positions);

    for (unsigned i = 0; i < EVENTS; i++)
        assert_ok(append_tagged(log, "T", i % 100 ? "often" : "seldom", NULL, NULL));
    struct read read = {.events_max = 700, .bytes_max = PAGE_BYTES_MAX};
    assert_int_equal(positions_of(log, &(struct query){items, 2}, read, positions, EVENTS), EVENTS);
    for (uint64_t i = 0; i < EVENTS; i++)
        assert_int_equal(positions[i], i);
    read.backwards = true;
    read.from = READ_END;
    assert_int_equal(positions_of(log, &(struct query){items, 2}, read, positions, EVENTS), EVENTS);
    for (uint64_t i = 0; i < EVENTS; i++)
        assert_int_equal(positions[i], EVENTS - 1 - i);
    free(positions);
}

static void tags_outside_the_limits_are_refused(void **state)
{
    char long_tag[TAG_BYTES_MAX + 2];

    memset(long_tag, 'x', sizeof long_tag);
    long_tag[TAG_BYTES_MAX + 1] = 0;
    assert_fails(append_tagged(log_of(state), "T", "", NULL, NULL), INVALID_ARGUMENT,
                 "events[0].tags[0]: 1 to 256 bytes");
    assert_fails(append_tagged(log_of(state), "T", long_tag, NULL, NULL), INVALID_ARGUMENT,
                 "events[0].tags[0]: 1 to 256 bytes");
    assert_fails(append_tagged(log_of(state), "T", "a", "a", NULL), INVALID_ARGUMENT,
                 "events[0].tags[1]: twice");
    long_tag[TAG_BYTES_MAX] = 0;
    assert_ok(append_tagged(log_of(state), "T", long_tag, NULL, NULL));
}

/* --- conditions -------------------------------------------------------------------------- */

static struct append on_condition(const struct query *query, bool has_after, uint64_t after)
{
    return (struct append){.condition = {query, has_after, after}};
}

static void condition_fails_if_an_event_matches_after_the_position(void **state)
{
    struct event_log *log = log_of(state);
    struct small_query small;
    const struct query *query = ask(&small, NULL, "course:1", NULL);

    fill(log);
    struct append append = on_condition(query, true, 3);
    assert_fails(append_tagged(log, "T", "course:1", NULL, &append), ABORTED,
                 "condition: the event at position 4 matches");
    assert_true(append.matched);
    assert_int_equal(append.matched_position, 4);
    append = on_condition(query, true, 4);
    assert_ok(append_tagged(log, "T", "course:1", NULL, &append));
    append = on_condition(query, true, 4);
    assert_fails(append_tagged(log, "T", "course:1", NULL, &append), ABORTED, "position 7");
    append = on_condition(query, true, UINT64_MAX);
    assert_ok(append_tagged(log, "T", "course:1", NULL, &append));
}

static void condition_without_a_position_looks_at_the_whole_store(void **state)
{
    struct small_query small;
    struct append append = on_condition(ask(&small, NULL, "name:anna", NULL), false, 0);

    fill(log_of(state));
    assert_ok(append_tagged(log_of(state), "Registered", "name:anna", NULL, &append));
    append = on_condition(ask(&small, NULL, "name:anna", NULL), false, 0);
    assert_fails(append_tagged(log_of(state), "Registered", "name:anna", NULL, &append), ABORTED,
                 "position 7");
}

static void condition_by_type_alone_is_checked(void **state)
{
    struct small_query small;
    struct append append = on_condition(ask(&small, "Closed", NULL, NULL), false, 0);

    fill(log_of(state));
    assert_ok(append_tagged(log_of(state), "Closed", NULL, NULL, &append));
    append = on_condition(ask(&small, "Closed", NULL, NULL), false, 0);
    assert_fails(append_tagged(log_of(state), "Closed", NULL, NULL, &append), ABORTED,
                 "position 7");
    append = on_condition(ask(&small, "Closed", NULL, NULL), true, 7);
    assert_ok(append_tagged(log_of(state), "Closed", NULL, NULL, &append));
}

static void condition_holds_after_reopening(void **state)
{
    struct fixture *fixture = *state;
    struct small_query small;
    struct append append;

    fill(fixture->log);
    event_log_close(fixture->log);
    fixture->log = open_log(fixture->engine);
    append = on_condition(ask(&small, NULL, "course:2", NULL), true, 2);
    assert_fails(append_tagged(fixture->log, "T", NULL, NULL, &append), ABORTED, "position 3");
}

static void repeated_append_on_condition_gets_its_first_answer(void **state)
{
    struct small_query small;
    struct new_event event = make_event(uuid_random());
    struct stream_append stream = {bytes_of_text("s"), ANY, &event, 1, 0, 0};
    struct append append = on_condition(ask(&small, NULL, "name:anna", NULL), false, 0);

    fill(log_of(state));
    event.tags = small.tags;
    event.tag_count = 1;
    append.streams = &stream;
    append.stream_count = 1;
    assert_ok(run_append(log_of(state), &append));
    assert_false(append.replayed);
    assert_ok(run_append(log_of(state), &append));
    assert_true(append.replayed);
    assert_int_equal(append.position, 7);
}

static void query_outside_the_limits_is_refused(void **state)
{
    struct small_query small;
    struct append append = on_condition(ask(&small, NULL, NULL, NULL), false, 0);

    assert_fails(append_tagged(log_of(state), "T", NULL, NULL, &append), INVALID_ARGUMENT,
                 "condition.fail_if.items[0]: set types, tags");
    small.query.item_count = 0;
    append = on_condition(&small.query, false, 0);
    assert_fails(append_tagged(log_of(state), "T", NULL, NULL, &append), INVALID_ARGUMENT,
                 "condition.fail_if.items: 1 to 32");
    append = on_condition(ask(&small, NULL, "", NULL), false, 0);
    assert_fails(append_tagged(log_of(state), "T", NULL, NULL, &append), INVALID_ARGUMENT,
                 "condition.fail_if.items[0].tags[0]: 1 to 256 bytes");
}

/* --- a course with places, subscribed to by many at once ------------------------------------ */

enum { THREADS = 4, PLACES = 50 };

struct subscriber {
    struct event_log *log;
    unsigned subscribed;
    bool failed;
};

/* Counts who is in, and enters on the condition that nobody came since. */
static void *subscribe(void *argument)
{
    struct subscriber *self = argument;
    struct small_query small;
    const struct query *query = ask(&small, "Subscribed", "course:1", NULL);

    for (;;) {
        uint64_t positions[PLACES + 1];
        struct read read = {.events_max = PAGE_EVENTS_MAX, .bytes_max = PAGE_BYTES_MAX};
        size_t count = positions_of(self->log, query, read, positions, PLACES + 1);
        if (count >= PLACES)
            return NULL;
        struct append append = on_condition(query, count > 0, count > 0 ? positions[count - 1] : 0);
        struct status status = append_tagged(self->log, "Subscribed", "course:1", NULL, &append);
        if (status_ok(status))
            self->subscribed++;
        else if (status.code != STATUS_ABORTED) {
            self->failed = true;
            return NULL;
        }
    }
}

static void concurrent_appends_on_condition_never_break_it(void **state)
{
    struct subscriber subscribers[THREADS] = {0};
    pthread_t threads[THREADS];
    unsigned total = 0;

    for (size_t i = 0; i < THREADS; i++) {
        subscribers[i].log = log_of(state);
        assert_int_equal(pthread_create(&threads[i], NULL, subscribe, &subscribers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++) {
        assert_false(subscribers[i].failed);
        total += subscribers[i].subscribed;
    }
    assert_int_equal(total, PLACES);
    assert_int_equal(event_log_end(log_of(state)), PLACES);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(events_are_read_by_type_and_tags),
        store_test(event_that_matches_several_items_is_read_once),
        store_test(long_and_short_tags_are_merged_in_order),
        store_test(tags_outside_the_limits_are_refused),
        store_test(condition_fails_if_an_event_matches_after_the_position),
        store_test(condition_without_a_position_looks_at_the_whole_store),
        store_test(condition_by_type_alone_is_checked),
        store_test(condition_holds_after_reopening),
        store_test(repeated_append_on_condition_gets_its_first_answer),
        store_test(query_outside_the_limits_is_refused),
        store_test(concurrent_appends_on_condition_never_break_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
