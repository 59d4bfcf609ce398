/* The trailing index: whatever it has reached, queries find the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/log/limits.h"
#include "tests/support/log_fixture.h"

enum { APPENDS = 1000, EVENTS_PER_APPEND = 5, EVENTS = APPENDS * EVENTS_PER_APPEND };

struct fixture {
    struct engine *engine;
    struct event_log *log;
};

/* Seven types, three categories, a correlation id for every 50th event. */
static void append_mixed(struct event_log *log, unsigned number)
{
    struct new_event events[EVENTS_PER_APPEND];
    struct metadata_entry correlations[EVENTS_PER_APPEND];
    char types[EVENTS_PER_APPEND][8], values[EVENTS_PER_APPEND][16], name[16] = "";
    struct stream_append stream = {bytes_of(name, 0), ANY, events, EVENTS_PER_APPEND, 0, 0};
    struct append append = {.streams = &stream, .stream_count = 1};

    snprintf(name, sizeof name, "c%u-%u", number % 3, number % 10);
    stream.stream = bytes_of_text(name);
    for (unsigned i = 0; i < EVENTS_PER_APPEND; i++) {
        unsigned event = number * EVENTS_PER_APPEND + i;
        snprintf(types[i], sizeof types[i], "T%u", event % 7);
        snprintf(values[i], sizeof values[i], "flow-%u", event / 200);
        correlations[i] =
            (struct metadata_entry){bytes_of_text(CORRELATION_KEY), bytes_of_text(values[i])};
        events[i] = make_event(uuid_random());
        events[i].type = bytes_of_text(types[i]);
        events[i].metadata = &correlations[i];
        events[i].metadata_count = event % 50 == 0;
    }
    assert_ok(run_append(log, &append));
}

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_ok(memory_engine_open(&fixture->engine));
    fixture->log = open_log(fixture->engine);
    for (unsigned i = 0; i < APPENDS; i++)
        append_mixed(fixture->log, i);
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

/* At most 1,023 events are left to be looked at. */
static void wait_for_index(struct event_log *log)
{
    while (event_log_end(log) - event_log_indexed(log) >= 1024)
        sched_yield();
}

struct positions {
    size_t count;
    uint64_t list[EVENTS];
};

static void read_positions(struct event_log *log, const struct query *query, struct read read,
                           struct positions *positions)
{
    bool end = false;

    positions->count = 0;
    read.bytes_max = PAGE_BYTES_MAX;
    while (!end) {
        struct page page;
        struct event event;
        assert_ok(query ? event_log_read_query(log, query, &read, &page)
                        : event_log_read_all(log, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        while (event_next(&frames, &event)) {
            assert_true(positions->count < EVENTS);
            positions->list[positions->count++] = event.position;
        }
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
}

static bool accept_matching(void *context, const struct event *event)
{
    return query_matches(context, event);
}

/* The index finds what looking at every event finds, in any page size and direction. */
static void assert_finds(struct event_log *log, const struct query_item *items, size_t count,
                         size_t expected_count)
{
    static const struct {
        size_t size;
        uint64_t from;
        bool backwards;
    } ways[] = {{1000, 0, false},   {7, 0, false},          {1000, 2345, false},
                {100, 4999, false}, {1000, READ_END, true}, {7, READ_END, true},
                {1000, 2345, true}, {3, 0, true},           {1000, 4100, true}};
    struct query query = {items, count};
    struct positions *looked = malloc(sizeof *looked), *found = malloc(sizeof *found);

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct read read = {
            .from = ways[i].from, .backwards = ways[i].backwards, .events_max = ways[i].size};
        read_positions(log, &query, read, found);
        read.accept = accept_matching;
        read.context = &query;
        read_positions(log, NULL, read, looked);
        assert_int_equal(found->count, looked->count);
        assert_memory_equal(found->list, looked->list, found->count * sizeof *found->list);
        if (i == 0)
            assert_int_equal(found->count, expected_count);
    }
    free(looked);
    free(found);
}

static void assert_finds_all(struct event_log *log)
{
    struct bytes types[] = {bytes_of_text("T3"), bytes_of_text("T5")};
    struct bytes missing = bytes_of_text("T9");
    struct query_item by_type = {.types = types, .type_count = 1};
    struct query_item by_types = {.types = types, .type_count = 2};
    struct query_item by_category = {.category = bytes_of_text("c1")};
    struct query_item by_both = {.types = types, .type_count = 1, .category = bytes_of_text("c1")};
    struct query_item by_correlation = {.correlation_id = bytes_of_text("flow-7")};
    struct query_item by_nothing = {.types = &missing, .type_count = 1};
    struct query_item several[] = {by_type, by_correlation, by_both};

    assert_finds(log, &by_type, 1, 714);
    assert_finds(log, &by_types, 1, 1428);
    assert_finds(log, &by_category, 1, 1665);
    assert_finds(log, &by_both, 1, 238);
    assert_finds(log, &by_correlation, 1, 4);
    assert_finds(log, &by_nothing, 1, 0);
    assert_finds(log, several, 3, 717);
}

static void queries_find_the_same_wherever_the_index_is(void **state)
{
    struct fixture *fixture = *state;

    assert_finds_all(fixture->log); /* perhaps still behind */
    wait_for_index(fixture->log);
    assert_finds_all(fixture->log);
    event_log_close(fixture->log);
    fixture->log = open_log(fixture->engine);
    assert_true(event_log_indexed(fixture->log) > 0);
    assert_finds_all(fixture->log);
}

/* Texts of 300 bytes that begin alike and end in a digit. */
static struct bytes long_text(char text[300], unsigned which)
{
    memset(text, 'x', 300);
    text[299] = (char)('0' + which);
    return bytes_of(text, 300);
}

/* Event after event carries one of three correlation ids, in turns of 100 and of one. */
static void append_long(struct event_log *log, size_t count)
{
    char texts[3][300];

    for (unsigned i = 0; i < 3; i++)
        long_text(texts[i], i);
    for (unsigned number = 0; number < count; number++) {
        unsigned which = number < 600 ? number / 100 % 3 : number % 3;
        struct metadata_entry entry = {bytes_of_text(CORRELATION_KEY), bytes_of(texts[which], 300)};
        struct new_event event = make_event(uuid_random());
        event.metadata = &entry;
        event.metadata_count = 1;
        struct stream_append stream = {bytes_of_text("long"), ANY, &event, 1, 0, 0};
        struct append append = {.streams = &stream, .stream_count = 1};
        assert_ok(run_append(log, &append));
    }
}

static void values_that_begin_alike_are_found_from_any_position(void **state)
{
    struct fixture *fixture = *state;
    char text[300];

    append_long(fixture->log, 2048);
    wait_for_index(fixture->log);
    for (unsigned which = 0; which < 3; which++) {
        struct query_item item = {.correlation_id = long_text(text, which)};
        struct query query = {&item, 1};
        struct positions *looked = malloc(sizeof *looked), *found = malloc(sizeof *found);
        for (uint64_t from = EVENTS; from < EVENTS + 2048; from += 250) {
            for (int backwards = 0; backwards < 2; backwards++) {
                struct read read = {.from = from, .backwards = backwards, .events_max = 1000};
                read_positions(fixture->log, &query, read, found);
                read.accept = accept_matching;
                read.context = &query;
                read_positions(fixture->log, NULL, read, looked);
                assert_int_equal(found->count, looked->count);
                assert_memory_equal(found->list, looked->list, found->count * sizeof *found->list);
            }
        }
        free(looked);
        free(found);
    }
}

static bool delete_entry(void *context, struct bytes key, struct bytes value)
{
    struct write write = {FAMILY_INDEX, WRITE_DELETE, key, {0}};

    (void)value;
    return status_ok(engine_commit(context, &write, 1, true));
}

static void lost_index_is_built_again(void **state)
{
    struct fixture *fixture = *state;
    struct write write = {FAMILY_META, WRITE_DELETE, bytes_of_text("indexed"), {0}};

    wait_for_index(fixture->log);
    event_log_close(fixture->log);
    assert_ok(engine_commit(fixture->engine, &write, 1, true));
    assert_ok(engine_scan(fixture->engine, &(struct scan){.family = FAMILY_INDEX}, delete_entry,
                          fixture->engine));
    fixture->log = open_log(fixture->engine);
    assert_finds_all(fixture->log);
    wait_for_index(fixture->log);
    assert_finds_all(fixture->log);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(queries_find_the_same_wherever_the_index_is),
        store_test(lost_index_is_built_again),
        store_test(values_that_begin_alike_are_found_from_any_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
