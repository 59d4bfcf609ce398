/* A scavenge takes what nobody sees and nothing else, whatever interrupts it. */
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

#include "base/hash.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/maintenance.h"
#include "storage/log/record.h"
#include "storage/log/scavenge.h"
#include "tests/support/fault_engine.h"
#include "tests/support/inspect.h"
#include "tests/support/log_fixture.h"
#include "tests/support/store.h"

enum { ROUNDS = 300, DATA_BYTES = 500 };

static _Atomic(int64_t) now_us;

static int64_t read_now(const struct clock *clock)
{
    (void)clock;
    return now_us;
}

static const struct clock clock_of_test = {read_now, read_now};

struct fixture {
    struct store store;
    struct event_log *log;
    size_t rate;
    char told[1 << 12];
};

static void start(struct fixture *fixture)
{
    struct event_log_options options = {
        .engine = fixture->store.engine,
        .clock = &clock_of_test,
        .scavenge_bytes_per_s = fixture->rate ? fixture->rate : 1 << 30,
    };

    assert_ok(event_log_open(&options, &fixture->log));
}

static void restart(struct fixture *fixture)
{
    event_log_close(fixture->log);
    store_restart(&fixture->store);
    start(fixture);
}

static int open_store(void **state, const char *kind)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    now_us = 1000;
    store_open(&fixture->store, kind);
    start(fixture);
    *state = fixture;
    return 0;
}

static int open_in_memory(void **state)
{
    return open_store(state, "memory");
}

static int open_on_disk(void **state)
{
    return open_store(state, "rocksdb");
}

static int close_store(void **state)
{
    struct fixture *fixture = *state;

    event_log_close(fixture->log);
    store_close(&fixture->store);
    free(fixture);
    return 0;
}

/* --- a store --------------------------------------------------------------------------- */

static void append_round(struct event_log *log, size_t round)
{
    append_varied(log, round, DATA_BYTES);
    now_us += 1000;
}

static void set_policy(struct event_log *log, const char *name, struct stream_policy policy,
                       uint64_t before)
{
    assert_ok(change_stream(log, (struct stream_change){.kind = CHANGE_POLICY,
                                                        .name = bytes_of_text(name),
                                                        .policy = policy,
                                                        .before = before}));
}

static void end_stream(struct event_log *log, enum stream_change_kind kind, const char *name)
{
    assert_ok(change_stream(
        log, (struct stream_change){.kind = kind, .name = bytes_of_text(name), .expected = ANY}));
}

/* Every kind of hiding, and streams and categories that nothing is hidden of. */
static void hide_some(struct event_log *log)
{
    set_policy(log, "shared", (struct stream_policy){.max_count = 15}, 0);
    end_stream(log, CHANGE_DELETE, "old-1"); /* with the only event of its type */
    set_policy(log, "kind0-5", (struct stream_policy){0}, 7);
    set_policy(log, "kind1-6", (struct stream_policy){.max_age_us = 40 * 1000}, 0);
    assert_ok(change_stream(log, (struct stream_change){.kind = CHANGE_CATEGORY_POLICY,
                                                        .name = bytes_of_text("kind3"),
                                                        .policy = {.max_count = 2}}));
    end_stream(log, CHANGE_DELETE, "kind2-2");
    end_stream(log, CHANGE_DELETE, "kind2-7");
    end_stream(log, CHANGE_TOMBSTONE, "kind4-9");
}

static void fill(struct fixture *fixture)
{
    assert_ok(append_some(fixture->log, "old-1", ANY, 1, NULL));
    for (size_t round = 0; round < ROUNDS; round++)
        append_round(fixture->log, round);
    hide_some(fixture->log);
}

/* --- what is seen ------------------------------------------------------------------------- */

typedef struct status page_reader(struct event_log *log, const void *what, const struct read *read,
                                  struct page *page);

static struct status page_of_all(struct event_log *log, const void *what, const struct read *read,
                                 struct page *page)
{
    (void)what;
    return event_log_read_all(log, read, page);
}

static struct status page_of_stream(struct event_log *log, const void *what,
                                    const struct read *read, struct page *page)
{
    struct status status = read_named(log, what, read, page);

    if (status.code == STATUS_NOT_FOUND) {
        *page = (struct page){.end = true};
        return OK;
    }
    return status;
}

static struct status page_of_query(struct event_log *log, const void *what, const struct read *read,
                                   struct page *page)
{
    return event_log_read_query(log, what, read, page);
}

/* A sum over all frames that a reader is given, in their order. */
static uint64_t sum_of(struct event_log *log, page_reader *read_page, const void *what,
                       bool backwards, size_t *count)
{
    struct read read = {.from = backwards ? READ_END : 0,
                        .backwards = backwards,
                        .events_max = 37,
                        .bytes_max = PAGE_BYTES_MAX,
                        .retained_only = true};
    uint64_t sum = 0;
    bool end = false;

    while (!end) {
        struct page page;
        assert_ok(read_page(log, what, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        struct event event;
        while (event_next(&frames, &event)) {
            uint64_t parts[2] = {sum, checksum_bytes(event.frame)};
            sum = checksum_bytes(bytes_of(parts, sizeof parts));
            ++*count;
        }
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
    return sum;
}

/* All that readers see, by every way of reading. */
static uint64_t all_seen(struct event_log *log, size_t *count)
{
    static const char *const streams[] = {"shared",  "kind0-5", "kind1-6", "kind2-2", "kind2-7",
                                          "kind4-9", "kind3-3", "kind3-8", "kind0-0"};
    struct bytes tag = bytes_of_text("tag-3"), type = bytes_of_text("Type1");
    struct query_item items[] = {
        {.tags = &tag, .tag_count = 1},
        {.types = &type, .type_count = 1},
        {.category = bytes_of_text("kind3")},
        {.correlation_id = bytes_of_text("correlated-53")},
    };
    uint64_t sum = 0;

    *count = 0;
    for (int backwards = 0; backwards < 2; backwards++) {
        sum = sum * 31 + sum_of(log, page_of_all, NULL, backwards, count);
        for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
            sum = sum * 31 + sum_of(log, page_of_stream, streams[i], backwards, count);
        for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
            struct query query = {.items = &items[i], .item_count = 1};
            sum = sum * 31 + sum_of(log, page_of_query, &query, backwards, count);
        }
    }
    return sum;
}

/* --- scavenging and verifying ---------------------------------------------------------------- */

static struct scavenge_progress wait_for_end(struct event_log *log)
{
    struct scavenge_progress progress;

    do
        progress = event_log_scavenge_progress(log);
    while (progress.state == SCAVENGE_RUNNING);
    return progress;
}

static struct scavenge_progress scavenge(struct event_log *log)
{
    assert_ok(event_log_scavenge(log));
    return wait_for_end(log);
}

static void tell(void *context, const char *line)
{
    struct fixture *fixture = context;
    size_t used = strlen(fixture->told);

    snprintf(fixture->told + used, sizeof fixture->told - used, "%s\n", line);
}

/* --- tests --------------------------------------------------------------------------------- */

static void takes_what_is_hidden_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    size_t seen_before, seen_after;

    fill(fixture);
    uint64_t before = all_seen(fixture->log, &seen_before);
    struct inspected log_before = inspect_family(fixture->store.inner, FAMILY_LOG);
    struct inspected index_before = inspect_family(fixture->store.inner, FAMILY_INDEX);
    struct scavenge_progress progress = scavenge(fixture->log);
    assert_int_equal(progress.state, SCAVENGE_DONE);
    assert_int_equal(progress.position, ROUNDS * VARIED_EVENTS + 1);
    assert_in_range(progress.events_removed, 1200, ROUNDS * VARIED_EVENTS);
    struct inspected log_after = inspect_family(fixture->store.inner, FAMILY_LOG);
    struct inspected index_after = inspect_family(fixture->store.inner, FAMILY_INDEX);
    assert_true(log_after.bytes < log_before.bytes * 2 / 3);
    assert_true(index_after.bytes < index_before.bytes * 2 / 3);
    assert_true(progress.bytes_removed >= log_before.bytes - log_after.bytes);
    for (int opened = 0; opened < 2; opened++) {
        assert_int_equal(all_seen(fixture->log, &seen_after), before);
        assert_int_equal(seen_after, seen_before);
        inspect_whole(fixture->store.inner);
        restart(fixture);
    }
}

static void second_scavenge_finds_nothing(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    scavenge(fixture->log);
    struct inspected before = inspect_family(fixture->store.inner, FAMILY_LOG);
    struct scavenge_progress progress = scavenge(fixture->log);
    struct inspected after = inspect_family(fixture->store.inner, FAMILY_LOG);
    assert_int_equal(progress.state, SCAVENGE_DONE);
    assert_int_equal(progress.events_removed, 0);
    assert_int_equal(progress.bytes_removed, 0);
    assert_int_equal(after.bytes, before.bytes);
}

static void neighbours_become_one_record(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 100; i++)
        assert_ok(append_some(fixture->log, i % 2 ? "a-1" : "a-2", ANY, 3, NULL));
    assert_ok(append_some(fixture->log, "b-1", ANY, 1, NULL));
    end_stream(fixture->log, CHANGE_DELETE, "a-1");
    end_stream(fixture->log, CHANGE_DELETE, "a-2");
    assert_int_equal(scavenge(fixture->log).events_removed, 300);
    assert_int_equal(inspect_family(fixture->store.inner, FAMILY_LOG).count, 2);
    assert_int_equal(inspect_family(fixture->store.inner, FAMILY_STREAMS).count, 3);
    inspect_whole(fixture->store.inner);
}

static void goes_on_where_scavenged_streams_go_on(void **state)
{
    struct fixture *fixture = *state;
    size_t count;
    uint64_t last;

    fill(fixture);
    scavenge(fixture->log);
    for (int opened = 0; opened < 2; opened++) {
        assert_fails(append_some(fixture->log, "kind4-9", ANY, 1, NULL), FAILED_PRECONDITION,
                     "tombstone");
        assert_ok(
            append_some(fixture->log, "kind2-2", opened ? STREAM_EXISTS : NO_STREAM, 1, &last));
        assert_int_equal(last, 36 + opened);
        restart(fixture);
    }
    for (size_t round = 0; round < ROUNDS; round++)
        if (round % 50 != 9) /* that stream has a tombstone */
            append_round(fixture->log, round);
    uint64_t before = all_seen(fixture->log, &count);
    assert_true(scavenge(fixture->log).events_removed > 500);
    assert_int_equal(all_seen(fixture->log, &count), before);
    restart(fixture);
    inspect_whole(fixture->store.inner);
}

static bool accept_all(void *context, const struct event *event)
{
    (void)context;
    (void)event;
    return true;
}

/* Two events of "kept", behind them in their record what is left of "gone". */
static void append_before_gone(struct event_log *log)
{
    struct new_event kept[] = {make_event(uuid_random()), make_event(uuid_random())};
    struct new_event gone = make_event(uuid_random());
    struct stream_append streams[] = {
        {.stream = bytes_of_text("kept"), .expected = ANY, .events = kept, .event_count = 2},
        {.stream = bytes_of_text("gone"), .expected = ANY, .events = &gone, .event_count = 1}};
    struct append append = {.streams = streams, .stream_count = 2};

    assert_ok(run_append(log, &append));
    end_stream(log, CHANGE_DELETE, "gone");
    assert_int_equal(scavenge(log).events_removed, 1);
}

static void pages_that_begin_beside_scavenged_events_go_on(void **state)
{
    struct fixture *fixture = *state;

    append_before_gone(fixture->log);
    for (uint64_t from = 0; from < 3; from++) {
        for (int backwards = 0; backwards < 2; backwards++) {
            struct read read = {.from = from,
                                .backwards = backwards,
                                .events_max = 10,
                                .bytes_max = PAGE_BYTES_MAX,
                                .accept = accept_all,
                                .scanned_max = 1};
            size_t pages = 0, events = 0;
            struct page page = {0};
            for (; !page.end && pages < 4; pages++, read.from = page.next) {
                assert_ok(event_log_read_all(fixture->log, &read, &page));
                events += page.event_count;
                buffer_destroy(&page.frames);
            }
            assert_true(page.end);
            assert_int_equal(events, backwards ? (from < 2 ? from + 1 : 2) : 2 - from);
        }
    }
}

static void newest_event_of_a_living_stream_stays(void **state)
{
    struct fixture *fixture = *state;
    struct stream_info info;
    struct arena arena;

    assert_ok(append_some(fixture->log, "a-1", ANY, 5, NULL));
    set_policy(fixture->log, "a-1", (struct stream_policy){.max_age_us = 10}, 0);
    now_us += 1000;
    assert_int_equal(scavenge(fixture->log).events_removed, 4);
    arena_init(&arena, 1 << 16);
    assert_ok(event_log_get_stream(fixture->log, bytes_of_text("a-1"), &arena, &info));
    assert_int_equal(info.first_revision, 4);
    assert_int_equal(info.last_revision, 4);
    assert_int_equal(info.last_position, 4);
    arena_destroy(&arena);
    /* What a looser policy shows again is what is left. */
    set_policy(fixture->log, "a-1", (struct stream_policy){0}, 0);
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX, .retained_only = true};
    struct page page;
    assert_ok(read_named(fixture->log, "a-1", &read, &page));
    assert_int_equal(page.event_count, 1);
    buffer_destroy(&page.frames);
    inspect_whole(fixture->store.inner);
}

static void time_is_found_past_what_was_scavenged(void **state)
{
    struct fixture *fixture = *state;
    uint64_t index;

    for (int i = 0; i < 10; i++) {
        now_us = 1000 * (i + 1);
        assert_ok(append_some(fixture->log, i < 8 ? "a-1" : "b-1", ANY, 1, NULL));
    }
    end_stream(fixture->log, CHANGE_DELETE, "a-1");
    assert_int_equal(scavenge(fixture->log).events_removed, 8);
    assert_ok(event_log_find_time(fixture->log, 0, 9500, &index));
    assert_int_equal(index, 9);
    assert_ok(event_log_find_time(fixture->log, 0, 99000, &index));
    assert_int_equal(index, 10);
}

static void repeated_append_to_what_was_scavenged_conflicts(void **state)
{
    struct fixture *fixture = *state;
    struct uuid id = uuid_random();

    assert_ok(append_one(fixture->log, "a-1", NO_STREAM, id, NULL));
    assert_ok(append_some(fixture->log, "a-1", ANY, 3, NULL));
    set_policy(fixture->log, "a-1", (struct stream_policy){.max_count = 1}, 0);
    assert_int_equal(scavenge(fixture->log).events_removed, 3);
    for (int opened = 0; opened < 2; opened++) {
        assert_fails(append_one(fixture->log, "a-1", NO_STREAM, id, NULL), ABORTED,
                     "it is at revision 3");
        restart(fixture);
    }
}

static void damage_is_still_damage(void **state)
{
    struct fixture *fixture = *state;
    struct maintenance given = {
        .engine = fixture->store.inner, .tell = tell, .told_max = 20, .context = fixture};
    struct store_facts facts;
    uint8_t key[POSITION_KEY_BYTES];

    assert_ok(append_some(fixture->log, "a-1", ANY, 5, NULL));
    assert_ok(append_some(fixture->log, "b-1", ANY, 5, NULL));
    assert_ok(append_some(fixture->log, "a-1", ANY, 5, NULL));
    end_stream(fixture->log, CHANGE_DELETE, "b-1");
    scavenge(fixture->log);
    inspect_whole(fixture->store.inner);
    struct write loss = {FAMILY_LOG, WRITE_DELETE, position_key(key, 5), {0}};
    assert_ok(engine_commit(fixture->store.inner, &loss, 1, true));
    assert_ok(store_verify(&given, &facts));
    assert_non_null(strstr(fixture->told, "positions 5 to 9 are missing"));
}

static void rebuild_makes_the_same_of_a_scavenged_store(void **state)
{
    struct fixture *fixture = *state;
    struct maintenance given = {
        .engine = fixture->store.inner, .tell = tell, .told_max = 20, .context = fixture};
    struct store_facts facts;
    size_t count;

    fill(fixture);
    scavenge(fixture->log);
    uint64_t before = all_seen(fixture->log, &count);
    event_log_close(fixture->log);
    assert_ok(store_rebuild(&given, &facts));
    start(fixture);
    assert_int_equal(all_seen(fixture->log, &count), before);
    inspect_whole(fixture->store.inner);
}

/* The nth commit fails, for every n: after reopening nothing is lost and the next run ends. */
static void failed_commit_at_any_moment_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    size_t count;
    bool failed = true;

    for (uint64_t nth = 1; failed; nth++) {
        for (enum fault_moment moment = FAULT_BEFORE; moment <= FAULT_AFTER; moment++) {
            event_log_close(fixture->log);
            store_close(&fixture->store);
            store_open(&fixture->store, "memory");
            start(fixture);
            fill(fixture);
            uint64_t before = all_seen(fixture->log, &count);
            fault_engine_fail_commit(fixture->store.engine, nth, moment);
            failed = scavenge(fixture->log).state == SCAVENGE_FAILED;
            restart(fixture);
            assert_int_equal(all_seen(fixture->log, &count), before);
            inspect_whole(fixture->store.inner);
            assert_int_equal(scavenge(fixture->log).state, SCAVENGE_DONE);
            assert_int_equal(all_seen(fixture->log, &count), before);
            inspect_whole(fixture->store.inner);
        }
    }
}

static void is_cancelled_and_goes_on_later(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    fixture->rate = 1; /* a byte a second: it ends only by being cancelled */
    restart(fixture);
    fill(fixture);
    uint64_t before = all_seen(fixture->log, &count);
    assert_fails(event_log_cancel_scavenge(fixture->log), FAILED_PRECONDITION,
                 "no scavenge is running");
    assert_ok(event_log_scavenge(fixture->log));
    assert_fails(event_log_scavenge(fixture->log), FAILED_PRECONDITION, "a scavenge is running");
    assert_ok(event_log_cancel_scavenge(fixture->log));
    assert_int_equal(wait_for_end(fixture->log).state, SCAVENGE_CANCELLED);
    assert_int_equal(all_seen(fixture->log, &count), before);
    fixture->rate = 0;
    restart(fixture);
    assert_int_equal(scavenge(fixture->log).state, SCAVENGE_DONE);
    assert_int_equal(all_seen(fixture->log, &count), before);
    inspect_whole(fixture->store.inner);
}

static void frees_room_while_room_is_short(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    fault_engine_set_room(fixture->store.engine, false);
    assert_fails(append_some(fixture->log, "a-1", ANY, 1, NULL), RESOURCE_EXHAUSTED, "disk full");
    assert_int_equal(scavenge(fixture->log).state, SCAVENGE_DONE);
    fault_engine_set_room(fixture->store.engine, true);
    assert_ok(append_some(fixture->log, "a-1", ANY, 1, NULL));
}

struct reader {
    pthread_t thread;
    struct event_log *log;
    uint64_t expected;
    atomic_bool stops;
    size_t rounds;
    bool differed;
};

static void *read_again_and_again(void *argument)
{
    struct reader *reader = argument;
    size_t count;

    while (!reader->stops) {
        reader->differed |= all_seen(reader->log, &count) != reader->expected;
        reader->rounds++;
    }
    return NULL;
}

static void readers_notice_nothing(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    fill(fixture);
    struct reader reader = {.log = fixture->log, .expected = all_seen(fixture->log, &count)};
    assert_int_equal(pthread_create(&reader.thread, NULL, read_again_and_again, &reader), 0);
    assert_int_equal(scavenge(fixture->log).state, SCAVENGE_DONE);
    reader.stops = true;
    pthread_join(reader.thread, NULL);
    assert_false(reader.differed);
    assert_true(reader.rounds > 0);
}

/* --- on disk ---------------------------------------------------------------------------------- */

static void disk_is_given_back(void **state)
{
    struct fixture *fixture = *state;
    struct new_event event = make_event(uuid_random());
    static uint8_t noise[64 << 10];
    uint32_t seed = 1;

    for (int i = 0; i < 300; i++) {
        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        event.id = uuid_random();
        event.data = bytes_of(noise, sizeof noise);
        struct stream_append stream = {.stream = bytes_of_text(i % 10 ? "big-1" : "small-1"),
                                       .expected = ANY,
                                       .events = &event,
                                       .event_count = 1};
        struct append append = {.streams = &stream, .stream_count = 1};
        assert_ok(run_append(fixture->log, &append));
    }
    end_stream(fixture->log, CHANGE_DELETE, "big-1");
    uint64_t before = inspect_directory_bytes(fixture->store.directory);
    struct scavenge_progress progress = scavenge(fixture->log);
    uint64_t after = inspect_directory_bytes(fixture->store.directory);
    assert_int_equal(progress.events_removed, 270);
    assert_true(progress.bytes_removed > 270 * sizeof noise);
    assert_true(after < before - 200 * sizeof noise);
    assert_true(after < 60 * sizeof noise);
    inspect_whole(fixture->store.inner);
}

#define memory_test(name) cmocka_unit_test_setup_teardown(name, open_in_memory, close_store)
#define disk_test(name)   cmocka_unit_test_setup_teardown(name, open_on_disk, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        memory_test(takes_what_is_hidden_and_nothing_else),
        disk_test(takes_what_is_hidden_and_nothing_else),
        memory_test(second_scavenge_finds_nothing),
        memory_test(neighbours_become_one_record),
        memory_test(goes_on_where_scavenged_streams_go_on),
        memory_test(pages_that_begin_beside_scavenged_events_go_on),
        memory_test(newest_event_of_a_living_stream_stays),
        memory_test(time_is_found_past_what_was_scavenged),
        memory_test(repeated_append_to_what_was_scavenged_conflicts),
        memory_test(damage_is_still_damage),
        memory_test(rebuild_makes_the_same_of_a_scavenged_store),
        memory_test(failed_commit_at_any_moment_loses_nothing),
        memory_test(is_cancelled_and_goes_on_later),
        memory_test(frees_room_while_room_is_short),
        memory_test(readers_notice_nothing),
        disk_test(readers_notice_nothing),
        disk_test(disk_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
