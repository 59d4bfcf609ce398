/* Pages of a stream and of the store, and what is known of streams. */
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

#include "sagabase/v1/event_store.pb-c.h"
#include "storage/engine/memory_engine.h"
#include "storage/log/limits.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"

struct fixture {
    struct engine *inner, *engine;
    struct event_log *log;
};

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_ok(memory_engine_open(&fixture->inner));
    fixture->engine = fault_engine_open(fixture->inner);
    fixture->log = open_log(fixture->engine);
    *state = fixture;
    return 0;
}

static int close_store(void **state)
{
    struct fixture *fixture = *state;

    event_log_close(fixture->log);
    engine_close(fixture->engine);
    engine_close(fixture->inner);
    free(fixture);
    return 0;
}

static struct event_log *log_of(void **state)
{
    return ((struct fixture *)*state)->log;
}

/* Every page of a read in turn; the indexes (revisions or positions) of all its events. */
static size_t read_indexes(struct event_log *log, const char *stream, struct read read,
                           uint64_t *indexes, size_t max)
{
    size_t count = 0;
    bool end = false;

    while (!end) {
        struct page page;
        struct event event;
        assert_ok(stream ? read_named(log, stream, &read, &page)
                         : event_log_read_all(log, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        size_t on_page = 0;
        while (event_next(&frames, &event)) {
            assert_true(count < max);
            indexes[count++] = stream ? event.revision : event.position;
            on_page++;
        }
        assert_int_equal(frames.size, 0);
        assert_int_equal(on_page, page.event_count);
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
    return count;
}

/* 30 events in 10 appends over 2 streams, the last append to both. */
static void fill(struct event_log *log)
{
    for (unsigned i = 0; i < 4; i++) {
        assert_ok(append_some(log, "a", ANY, 5, NULL));
        assert_ok(append_some(log, "b", ANY, 2, NULL));
    }
    struct new_event events[2] = {make_event(uuid_random()), make_event(uuid_random())};
    struct stream_append streams[2] = {{bytes_of_text("b"), ANY, &events[0], 1, 0, 0},
                                       {bytes_of_text("a"), ANY, &events[1], 1, 0, 0}};
    struct append append = {.streams = streams, .stream_count = 2};
    assert_ok(run_append(log, &append));
}

enum { A_EVENTS = 21, B_EVENTS = 9, ALL_EVENTS = 30 };

static void assert_reads(struct event_log *log, const char *stream, struct read read,
                         uint64_t first, size_t expected_count)
{
    uint64_t indexes[1000];
    size_t count = read_indexes(log, stream, read, indexes, 1000);

    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(indexes[i], read.backwards ? first - i : first + i);
}

static void any_start_and_page_size_reads_all_forwards(void **state)
{
    fill(log_of(state));
    for (size_t size = 1; size <= ALL_EVENTS + 1; size++)
        for (uint64_t from = 0; from <= ALL_EVENTS; from++) {
            struct read read = {.from = from, .events_max = size, .bytes_max = PAGE_BYTES_MAX};
            assert_reads(log_of(state), NULL, read, from, ALL_EVENTS - from);
            if (from <= A_EVENTS)
                assert_reads(log_of(state), "a", read, from, A_EVENTS - from);
        }
}

static void any_start_and_page_size_reads_all_backwards(void **state)
{
    fill(log_of(state));
    for (size_t size = 1; size <= ALL_EVENTS + 1; size++)
        for (uint64_t from = 0; from < ALL_EVENTS; from++) {
            struct read read = {
                .from = from, .backwards = true, .events_max = size, .bytes_max = PAGE_BYTES_MAX};
            assert_reads(log_of(state), NULL, read, from, from + 1);
            if (from < A_EVENTS)
                assert_reads(log_of(state), "a", read, from, from + 1);
        }
}

/* So many events of "a", with so many appends to "b" between them. */
static void interleave(struct event_log *log, unsigned events, unsigned others)
{
    for (unsigned i = 0; i < events; i += 1 + i % 3) {
        assert_ok(append_some(log, "a", ANY, 1 + i % 3, NULL));
        for (unsigned j = 0; j < others; j++)
            assert_ok(append_some(log, "b", ANY, 1, NULL));
    }
}

static size_t count_of(struct event_log *log, const char *stream)
{
    struct stream_head head;

    assert_ok(event_log_find_stream(log, bytes_of_text(stream), &head));
    return (size_t)head.last_revision + 1;
}

static void stream_reads_the_same_wherever_others_lie_between_its_events(void **state)
{
    static const size_t sizes[] = {1, 3, 9, 40, 1000};
    struct event_log *log = log_of(state);

    interleave(log, 40, 0);  /* alone in the log */
    interleave(log, 30, 3);  /* among few others */
    interleave(log, 12, 20); /* among many */
    interleave(log, 2, 300); /* out of sight */
    interleave(log, 50, 1);
    size_t count = count_of(log, "a");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint64_t from = 0; from < count; from += 1 + i) {
            struct read read = {.from = from, .events_max = sizes[i], .bytes_max = PAGE_BYTES_MAX};
            assert_reads(log, "a", read, from, count - from);
            read.backwards = true;
            assert_reads(log, "a", read, from, from + 1);
        }
}

static void reading_backwards_from_beyond_the_end_begins_with_the_newest(void **state)
{
    struct read read = {
        .from = READ_END, .backwards = true, .events_max = 7, .bytes_max = PAGE_BYTES_MAX};

    fill(log_of(state));
    assert_reads(log_of(state), NULL, read, ALL_EVENTS - 1, ALL_EVENTS);
    assert_reads(log_of(state), "b", read, B_EVENTS - 1, B_EVENTS);
    read.from = 1000;
    assert_reads(log_of(state), NULL, read, ALL_EVENTS - 1, ALL_EVENTS);
    assert_reads(log_of(state), "b", read, B_EVENTS - 1, B_EVENTS);
}

static void reading_forwards_from_beyond_the_end_reads_nothing(void **state)
{
    struct read read = {.from = 1000, .events_max = 7, .bytes_max = PAGE_BYTES_MAX};

    fill(log_of(state));
    assert_reads(log_of(state), NULL, read, 0, 0);
    assert_reads(log_of(state), "a", read, 0, 0);
    read.from = READ_END;
    assert_reads(log_of(state), NULL, read, 0, 0);
    assert_reads(log_of(state), "a", read, 0, 0);
}

static void empty_store_reads_as_empty(void **state)
{
    struct read read = {.events_max = 7, .bytes_max = PAGE_BYTES_MAX};

    assert_reads(log_of(state), NULL, read, 0, 0);
    read.backwards = true;
    read.from = READ_END;
    assert_reads(log_of(state), NULL, read, 0, 0);
}

static void page_ends_once_its_bytes_are_full(void **state)
{
    struct read read = {.events_max = PAGE_EVENTS_MAX, .bytes_max = 1};
    struct page page;

    fill(log_of(state));
    assert_ok(event_log_read_all(log_of(state), &read, &page));
    assert_int_equal(page.event_count, 1);
    assert_false(page.end);
    buffer_destroy(&page.frames);
    assert_reads(log_of(state), NULL, read, 0, ALL_EVENTS);
    assert_reads(log_of(state), "a", read, 0, A_EVENTS);
}

static bool accept_stream_b(void *context, const struct event *event)
{
    ++*(size_t *)context;
    return bytes_equal(event->stream, bytes_of_text("b"));
}

static void only_accepted_events_are_read(void **state)
{
    size_t looked_at = 0;
    struct read read = {.events_max = 4,
                        .bytes_max = PAGE_BYTES_MAX,
                        .accept = accept_stream_b,
                        .context = &looked_at};
    uint64_t positions[100];

    fill(log_of(state));
    assert_int_equal(read_indexes(log_of(state), NULL, read, positions, 100), B_EVENTS);
    assert_int_equal(positions[0], 5);
    assert_int_equal(positions[8], 28);
    assert_int_equal(looked_at, ALL_EVENTS);
}

static void page_of_a_selective_read_is_bounded_by_what_it_looked_at(void **state)
{
    size_t looked_at = 0;
    struct read read = {.events_max = 100,
                        .bytes_max = PAGE_BYTES_MAX,
                        .accept = accept_stream_b,
                        .context = &looked_at,
                        .scanned_max = 3};
    struct page page;

    fill(log_of(state));
    assert_ok(event_log_read_all(log_of(state), &read, &page));
    assert_int_equal(page.scanned_count, 3);
    assert_int_equal(page.event_count, 0);
    assert_int_equal(page.next, 3);
    assert_false(page.end);
    buffer_destroy(&page.frames);
}

/* The stored form is the wire form of the protobuf message. */
static void page_is_the_wire_form_of_a_response(void **state)
{
    struct metadata_entry entries[] = {{bytes_of_text("k1"), bytes_of_text("v1")},
                                       {bytes_of_text("k2"), (struct bytes){0}}};
    struct new_event event = {.id = uuid_random(),
                              .type = bytes_of_text("OrderPlaced"),
                              .content_type = bytes_of_text("application/json"),
                              .data = bytes_of("{\0}", 3),
                              .metadata = entries,
                              .metadata_count = 2};
    struct stream_append stream = {bytes_of_text("order-1"), ANY, &event, 1, 0, 0};
    struct append append = {.streams = &stream, .stream_count = 1};
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX};
    struct page page;
    uint8_t id[UUID_TEXT_BYTES];

    assert_ok(append_some(log_of(state), "x", ANY, 3, NULL));
    assert_ok(append_some(log_of(state), "order-1", ANY, 1, NULL));
    assert_ok(run_append(log_of(state), &append));
    assert_ok(read_named(log_of(state), "order-1", &read, &page));
    Sagabase__V1__ReadStreamResponse *response =
        sagabase__v1__read_stream_response__unpack(NULL, page.frames.size, page.frames.data);
    assert_non_null(response);
    assert_int_equal(response->n_events, 2);
    assert_int_equal(response->base.n_unknown_fields, 0);
    const Sagabase__V1__RecordedEvent *recorded = response->events[1];
    uuid_format(&event.id, id);
    assert_memory_equal(recorded->id, id, UUID_TEXT_BYTES);
    assert_string_equal(recorded->type, "OrderPlaced");
    assert_string_equal(recorded->content_type, "application/json");
    assert_int_equal(recorded->data.len, 3);
    assert_memory_equal(recorded->data.data, "{\0}", 3);
    assert_int_equal(recorded->n_metadata, 2);
    assert_string_equal(recorded->metadata[0]->key, "k1");
    assert_string_equal(recorded->metadata[0]->value, "v1");
    assert_string_equal(recorded->metadata[1]->key, "k2");
    assert_string_equal(recorded->metadata[1]->value, "");
    assert_string_equal(recorded->stream, "order-1");
    assert_int_equal(recorded->revision, 1);
    assert_int_equal(recorded->position, 4);
    assert_true(recorded->created_us > 1700000000000000);
    sagabase__v1__read_stream_response__free_unpacked(response, NULL);
    buffer_destroy(&page.frames);
}

static void damaged_record_is_reported_not_returned(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[8] = {0};
    struct arena arena;
    struct bytes value;
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX};
    struct page page;

    assert_ok(append_some(fixture->log, "a", ANY, 2, NULL));
    arena_init(&arena, 1 << 20);
    assert_ok(engine_get(fixture->inner, FAMILY_LOG, bytes_of(key, 8), &arena, &value));
    ((uint8_t *)value.data)[value.size - 30] ^= 1;
    struct write write = {FAMILY_LOG, WRITE_PUT, bytes_of(key, 8), value};
    assert_ok(engine_commit(fixture->inner, &write, 1, true));
    arena_destroy(&arena);
    assert_fails(event_log_read_all(fixture->log, &read, &page), DATA_LOSS,
                 "record at position 0: damaged");
    buffer_destroy(&page.frames);
    assert_fails(read_named(fixture->log, "a", &read, &page), DATA_LOSS,
                 "record at position 0: damaged");
    buffer_destroy(&page.frames);
}

static void failing_disk_fails_the_read(void **state)
{
    struct fixture *fixture = *state;
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX};
    struct page page;

    fill(fixture->log);
    for (uint64_t nth = 1; nth <= 2; nth++) {
        fault_engine_fail_read(fixture->engine, nth);
        assert_int_equal(event_log_read_all(fixture->log, &read, &page).code, STATUS_UNAVAILABLE);
        buffer_destroy(&page.frames);
    }
    for (uint64_t nth = 1; nth <= 2; nth++) {
        struct read behind = {.from = A_EVENTS, .events_max = 10, .bytes_max = PAGE_BYTES_MAX};
        fault_engine_fail_read(fixture->engine, nth);
        assert_int_equal(read_named(fixture->log, "a", &read, &page).code, STATUS_UNAVAILABLE);
        buffer_destroy(&page.frames);
        fault_engine_fail_read(fixture->engine, nth);
        assert_int_equal(read_named(fixture->log, "a", &behind, &page).code, STATUS_UNAVAILABLE);
        buffer_destroy(&page.frames);
    }
    assert_reads(fixture->log, "a", read, 0, A_EVENTS);
}

/* --- streams ------------------------------------------------------------------- */

struct growing {
    struct event_log *log;
    atomic_bool done;
};

static void *grow_stream(void *context)
{
    struct growing *growing = context;

    for (unsigned i = 0; i < 2000; i++)
        assert_ok(append_some(growing->log, "a", ANY, 1, NULL));
    atomic_store(&growing->done, true);
    return NULL;
}

/* The only stream of the store: its revisions are positions. */
static void get_stream_tells_one_event_while_the_stream_grows(void **state)
{
    struct growing growing = {.log = log_of(state)};
    pthread_t thread;

    assert_ok(append_some(growing.log, "a", ANY, 1, NULL));
    assert_int_equal(pthread_create(&thread, NULL, grow_stream, &growing), 0);
    while (!atomic_load(&growing.done)) {
        struct stream_info info;
        struct arena arena;
        arena_init(&arena, 1 << 16);
        assert_ok(event_log_get_stream(growing.log, bytes_of_text("a"), &arena, &info));
        assert_int_equal(info.last_position, info.last_revision);
        arena_destroy(&arena);
    }
    pthread_join(thread, NULL);
}

static void get_stream_tells_its_edges(void **state)
{
    struct stream_info info;
    struct arena arena;

    fill(log_of(state));
    arena_init(&arena, 1 << 20);
    assert_ok(event_log_get_stream(log_of(state), bytes_of_text("a"), &arena, &info));
    assert_int_equal(info.last_revision, A_EVENTS - 1);
    assert_int_equal(info.last_position, ALL_EVENTS - 1);
    assert_true(info.created_us <= info.appended_us);
    assert_fails(event_log_get_stream(log_of(state), bytes_of_text("c"), &arena, &info), NOT_FOUND,
                 "c: no such stream");
    arena_destroy(&arena);
}

static void streams_are_listed_by_prefix_in_pages(void **state)
{
    struct stream_info infos[2];
    struct bytes last;
    struct arena arena;
    size_t count;

    for (unsigned i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "order-%u", i);
        assert_ok(append_some(log_of(state), name, ANY, i + 1, NULL));
    }
    assert_ok(append_some(log_of(state), "orders", ANY, 1, NULL));
    assert_ok(append_some(log_of(state), "a", ANY, 1, NULL));
    arena_init(&arena, 1 << 20);
    assert_ok(event_log_list_streams(log_of(state), bytes_of_text("order-"), (struct bytes){0}, 2,
                                     &arena, infos, &count, &last));
    assert_int_equal(count, 2);
    assert_true(bytes_equal(last, bytes_of_text("order-1")));
    assert_true(bytes_equal(infos[1].name, bytes_of_text("order-1")));
    assert_int_equal(infos[1].last_revision, 1);
    assert_ok(event_log_list_streams(log_of(state), bytes_of_text("order-"),
                                     bytes_of_text("order-3"), 2, &arena, infos, &count, &last));
    assert_int_equal(count, 1);
    assert_int_equal(last.size, 0);
    assert_true(bytes_equal(infos[0].name, bytes_of_text("order-4")));
    arena_destroy(&arena);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(any_start_and_page_size_reads_all_forwards),
        store_test(any_start_and_page_size_reads_all_backwards),
        store_test(stream_reads_the_same_wherever_others_lie_between_its_events),
        store_test(reading_backwards_from_beyond_the_end_begins_with_the_newest),
        store_test(reading_forwards_from_beyond_the_end_reads_nothing),
        store_test(empty_store_reads_as_empty),
        store_test(page_ends_once_its_bytes_are_full),
        store_test(only_accepted_events_are_read),
        store_test(page_of_a_selective_read_is_bounded_by_what_it_looked_at),
        store_test(page_is_the_wire_form_of_a_response),
        store_test(damaged_record_is_reported_not_returned),
        store_test(failing_disk_fails_the_read),
        store_test(get_stream_tells_its_edges),
        store_test(get_stream_tells_one_event_while_the_stream_grows),
        store_test(streams_are_listed_by_prefix_in_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
