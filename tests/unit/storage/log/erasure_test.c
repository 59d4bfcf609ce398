/* Erased payloads are gone from reads at once, from memory and from the disk, and nothing else is.
 */
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
#include "storage/log/erasure.h"
#include "storage/log/limits.h"
#include "storage/log/maintenance.h"
#include "storage/log/scavenge.h"
#include "storage/log/tail.h"
#include "tests/support/fault_engine.h"
#include "tests/support/inspect.h"
#include "tests/support/log_fixture.h"
#include "tests/support/store.h"

/* What no file may hold: not compressible, so that a file that held it would show it. */
static const char data_secret[] = "9f3K/zQ81xWv0bLpT6yH2nRc";
static const char metadata_secret[] = "Vd7m+Q4sX1oYk9uGe5Jw8BtZ";
static const char tag_secret[] = "hT2p-Lr6vNc0aXq9SgE4kM7f";
static const char correlation_secret[] = "wZ5e.Uy8iDo3jPb1KxF6rCq0";

enum { ROUNDS = 120 };

struct fixture {
    struct store store;
    struct event_log *log;
};

static void start(struct fixture *fixture)
{
    fixture->log = open_log(fixture->store.engine);
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

/* One record: two secret events of "person-1" and one of "other-1", which is not. */
static void append_round(struct event_log *log)
{
    struct bytes tags[] = {bytes_of_text(tag_secret), bytes_of_text("public")};
    struct metadata_entry metadata[] = {
        {bytes_of_text("$correlationId"), bytes_of_text(correlation_secret)},
        {bytes_of_text("who"), bytes_of_text(metadata_secret)},
    };
    struct new_event secret = {.type = bytes_of_text("Told"),
                               .content_type = bytes_of_text("text/plain"),
                               .data = bytes_of_text(data_secret),
                               .metadata = metadata,
                               .metadata_count = 2,
                               .tags = tags,
                               .tag_count = 2};
    struct new_event secrets[] = {secret, secret};
    struct new_event harmless = {.id = uuid_random(),
                                 .type = bytes_of_text("Told"),
                                 .data = bytes_of_text("harmless"),
                                 .tags = &tags[1],
                                 .tag_count = 1};
    struct stream_append streams[] = {
        {.stream = bytes_of_text("person-1"), .expected = ANY, .events = secrets, .event_count = 2},
        {.stream = bytes_of_text("other-1"),
         .expected = ANY,
         .events = &harmless,
         .event_count = 1},
    };
    struct append append = {.streams = streams, .stream_count = 2};

    secrets[0].id = uuid_random();
    secrets[1].id = uuid_random();
    assert_ok(run_append(log, &append));
}

static void fill(struct event_log *log)
{
    for (int round = 0; round < ROUNDS; round++)
        append_round(log);
}

static struct status erase(struct event_log *log, const char *stream, bool whole, uint64_t revision,
                           struct erasure *result)
{
    struct erasure erasure = {.stream = bytes_of_text(stream),
                              .whole = whole,
                              .revision = revision,
                              .reason = bytes_of_text("asked for by letter"),
                              .by = bytes_of_text("office")};
    struct arena arena;

    arena_init(&arena, 1 << 20);
    struct status status = event_log_erase(log, &erasure, &arena);
    arena_destroy(&arena);
    if (result)
        *result = erasure;
    return status;
}

/* --- what is seen ------------------------------------------------------------------------- */

struct seen {
    size_t events, erased, secrets;
    uint64_t others; /* a sum over the events of other streams */
};

static bool holds(struct bytes bytes, const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= bytes.size; i++)
        if (memcmp(bytes.data + i, text, size) == 0)
            return true;
    return false;
}

static bool holds_a_secret(struct bytes frame)
{
    return holds(frame, data_secret) || holds(frame, metadata_secret) || holds(frame, tag_secret) ||
           holds(frame, correlation_secret);
}

static void see_event(const struct event *event, struct seen *seen)
{
    seen->events++;
    seen->erased += event->erased_us != 0;
    seen->secrets += holds_a_secret(event->frame);
    if (!bytes_equal(event->stream, bytes_of_text("person-1")) &&
        !bytes_equal(event->stream, bytes_of_text(ERASURES_STREAM)))
        seen->others = seen->others * 31 + checksum_bytes(event->frame);
    if (event->erased_us) {
        struct bytes wire = event->wire, tag, value;
        assert_int_equal(event->id.size, 36);
        assert_true(bytes_equal(event->type, bytes_of_text("Told")));
        assert_int_equal(event->data.size + event->content_type.size, 0);
        assert_false(event_tag_next(&wire, &tag));
        assert_false(event_metadata(event, bytes_of_text("who"), &value));
    }
}

/* With a stream: that one; with a query: what matches; else all. */
static struct seen see(struct event_log *log, const char *stream, const struct query *query)
{
    struct read read = {
        .events_max = PAGE_EVENTS_MAX, .bytes_max = PAGE_BYTES_MAX, .retained_only = true};
    struct seen seen = {0};
    bool end = false;

    while (!end) {
        struct page page;
        struct event event;
        assert_ok(stream  ? read_named(log, stream, &read, &page)
                  : query ? event_log_read_query(log, query, &read, &page)
                          : event_log_read_all(log, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        while (event_next(&frames, &event))
            see_event(&event, &seen);
        assert_int_equal(frames.size, 0);
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
    return seen;
}

static size_t count_matches(struct event_log *log, struct query_item item)
{
    struct query query = {.items = &item, .item_count = 1};

    return see(log, NULL, &query).events;
}

static size_t count_tagged(struct event_log *log, const char *tag)
{
    struct bytes text = bytes_of_text(tag);

    return count_matches(log, (struct query_item){.tags = &text, .tag_count = 1});
}

static size_t count_correlated(struct event_log *log)
{
    return count_matches(log,
                         (struct query_item){.correlation_id = bytes_of_text(correlation_secret)});
}

static bool find_secret(void *context, struct bytes key, struct bytes value)
{
    *(size_t *)context += holds_a_secret(key) || holds_a_secret(value);
    return true;
}

/* Entries of all families that hold a secret. */
static size_t count_secret_entries(struct engine *engine)
{
    size_t count = 0;

    for (int family = 0; family < FAMILY_COUNT; family++)
        assert_ok(engine_scan(engine, &(struct scan){.family = family}, find_secret, &count));
    return count;
}

static bool is_pending(struct engine *engine)
{
    uint8_t memory[64];
    struct arena arena;
    struct bytes value;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    assert_ok(engine_get(engine, FAMILY_META, bytes_of_text("erasing"), &arena, &value));
    arena_destroy(&arena);
    return value.data != NULL;
}

/* --- tests --------------------------------------------------------------------------------- */

static void erased_stream_keeps_its_events_without_their_payload(void **state)
{
    struct fixture *fixture = *state;
    struct erasure erasure;

    fill(fixture->log);
    struct seen before = see(fixture->log, NULL, NULL);
    assert_int_equal(before.secrets, 2 * ROUNDS);
    assert_int_equal(count_tagged(fixture->log, tag_secret), 2 * ROUNDS);
    assert_int_equal(count_correlated(fixture->log), 2 * ROUNDS);
    assert_ok(erase(fixture->log, "person-1", true, 0, &erasure));
    assert_int_equal(erasure.event_count, 2 * ROUNDS);
    assert_int_equal(erasure.notice_position, 3 * ROUNDS);
    for (int opened = 0; opened < 2; opened++) {
        struct seen after = see(fixture->log, NULL, NULL);
        assert_int_equal(after.events, before.events + 1);
        assert_int_equal(after.erased, 2 * ROUNDS);
        assert_int_equal(after.secrets, 0);
        assert_int_equal(after.others, before.others);
        assert_int_equal(see(fixture->log, "person-1", NULL).events, 2 * ROUNDS);
        assert_int_equal(count_tagged(fixture->log, tag_secret), 0);
        assert_int_equal(count_tagged(fixture->log, "public"), ROUNDS);
        assert_int_equal(count_correlated(fixture->log), 0);
        assert_int_equal(count_secret_entries(fixture->store.inner), 0);
        assert_false(is_pending(fixture->store.inner));
        inspect_whole(fixture->store.inner);
        restart(fixture);
    }
}

static void erased_event_is_one(void **state)
{
    struct fixture *fixture = *state;
    struct erasure erasure;

    fill(fixture->log);
    struct seen before = see(fixture->log, NULL, NULL);
    assert_ok(erase(fixture->log, "person-1", false, 5, &erasure));
    assert_int_equal(erasure.event_count, 1);
    struct seen after = see(fixture->log, NULL, NULL);
    assert_int_equal(after.erased, 1);
    assert_int_equal(after.secrets, before.secrets - 1);
    assert_int_equal(after.others, before.others);
    assert_int_equal(count_tagged(fixture->log, tag_secret), 2 * ROUNDS - 1);
    assert_int_equal(count_correlated(fixture->log), 2 * ROUNDS - 1);
    inspect_whole(fixture->store.inner);
    assert_ok(erase(fixture->log, "person-1", false, 5, &erasure));
    assert_int_equal(erasure.event_count, 0);
    assert_int_equal(see(fixture->log, NULL, NULL).events, after.events);
}

static void erasure_is_an_event(void **state)
{
    struct fixture *fixture = *state;
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX};
    const char *const facts[][2] = {{"stream", "person-1"},
                                    {"reason", "asked for by letter"},
                                    {"by", "office"},
                                    {"revision", "1"}};
    struct bytes value;
    struct page page;
    struct event event;

    append_round(fixture->log);
    assert_ok(erase(fixture->log, "person-1", false, 1, NULL));
    assert_ok(erase(fixture->log, "person-1", true, 0, NULL));
    assert_ok(read_named(fixture->log, ERASURES_STREAM, &read, &page));
    struct bytes frames = buffer_bytes(&page.frames);
    assert_true(event_next(&frames, &event));
    assert_true(bytes_equal(event.type, bytes_of_text(EVENT_ERASED)));
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        assert_true(event_metadata(&event, bytes_of_text(facts[i][0]), &value));
        assert_true(bytes_equal(value, bytes_of_text(facts[i][1])));
    }
    assert_true(event_next(&frames, &event));
    assert_true(bytes_equal(event.type, bytes_of_text(STREAM_ERASED)));
    assert_false(event_metadata(&event, bytes_of_text("revision"), &value));
    assert_int_equal(frames.size, 0);
    buffer_destroy(&page.frames);
}

static void erased_stream_goes_on(void **state)
{
    struct fixture *fixture = *state;

    append_round(fixture->log);
    assert_ok(erase(fixture->log, "person-1", true, 0, NULL));
    append_round(fixture->log);
    struct seen seen = see(fixture->log, "person-1", NULL);
    assert_int_equal(seen.erased, 2);
    assert_int_equal(seen.secrets, 2);
    assert_ok(erase(fixture->log, "person-1", true, 0, NULL));
    assert_int_equal(see(fixture->log, NULL, NULL).secrets, 0);
    inspect_whole(fixture->store.inner);
}

static void deleted_stream_can_be_erased(void **state)
{
    struct fixture *fixture = *state;
    struct erasure erasure;

    fill(fixture->log);
    assert_ok(change_stream(fixture->log, (struct stream_change){.kind = CHANGE_TOMBSTONE,
                                                                 .name = bytes_of_text("person-1"),
                                                                 .expected = ANY}));
    assert_ok(erase(fixture->log, "person-1", true, 0, &erasure));
    assert_int_equal(erasure.event_count, 2 * ROUNDS);
    assert_int_equal(count_secret_entries(fixture->store.inner), 0);
    inspect_whole(fixture->store.inner);
    assert_ok(event_log_scavenge(fixture->log));
    while (event_log_scavenge_progress(fixture->log).state == SCAVENGE_RUNNING)
        continue;
    inspect_whole(fixture->store.inner);
    assert_ok(erase(fixture->log, "person-1", true, 0, &erasure));
    assert_int_equal(erasure.event_count, 0);
}

static void what_is_not_there_is_not_erased(void **state)
{
    struct fixture *fixture = *state;
    struct erasure nameless = {.reason = bytes_of_text("why")},
                   groundless = {.stream = bytes_of_text("x")};
    struct arena arena;

    append_round(fixture->log);
    uint64_t end = event_log_end(fixture->log);
    assert_fails(erase(fixture->log, "x", true, 0, NULL), NOT_FOUND, "x: no such stream");
    assert_fails(erase(fixture->log, "x", false, 0, NULL), NOT_FOUND, "x: no such stream");
    assert_fails(erase(fixture->log, "person-1", false, 2, NULL), NOT_FOUND,
                 "revision: the newest one is 1");
    arena_init(&arena, 1 << 20);
    assert_fails(event_log_erase(fixture->log, &nameless, &arena), INVALID_ARGUMENT, "stream: 1");
    assert_fails(event_log_erase(fixture->log, &groundless, &arena), INVALID_ARGUMENT, "reason: 1");
    arena_destroy(&arena);
    assert_int_equal(event_log_end(fixture->log), end);
}

static void memory_forgets_what_was_erased(void **state)
{
    struct fixture *fixture = *state;
    struct tail_record *records[8];
    size_t count;

    append_round(fixture->log);
    assert_int_equal(tail_take(fixture->log, 0, 8, records, &count), TAIL_RECORDS);
    for (size_t i = 0; i < count; i++)
        tail_record_release(records[i]);
    assert_ok(erase(fixture->log, "person-1", false, 0, NULL));
    assert_int_equal(tail_take(fixture->log, 0, 8, records, &count), TAIL_BEHIND);
}

static void rebuild_makes_the_same_of_a_store_with_erased_events(void **state)
{
    struct fixture *fixture = *state;
    struct maintenance given = {.engine = fixture->store.inner};
    struct store_facts facts;

    fill(fixture->log);
    assert_ok(erase(fixture->log, "person-1", true, 0, NULL));
    struct seen before = see(fixture->log, NULL, NULL);
    event_log_close(fixture->log);
    assert_ok(store_rebuild(&given, &facts));
    start(fixture);
    struct seen after = see(fixture->log, NULL, NULL);
    assert_int_equal(after.others, before.others);
    assert_int_equal(after.erased, before.erased);
    assert_int_equal(count_secret_entries(fixture->store.inner), 0);
    inspect_whole(fixture->store.inner);
}

/* The nth commit fails, for every n: reopened, the store is whole; what had begun is finished. */
static void failed_commit_at_any_moment_is_made_up_for(void **state)
{
    struct fixture *fixture = *state;
    bool failed = true;

    for (uint64_t nth = 1; failed; nth++) {
        for (enum fault_moment moment = FAULT_BEFORE; moment <= FAULT_AFTER; moment++) {
            bool whole = nth % 2 == 0 || nth > 3;
            event_log_close(fixture->log);
            store_close(&fixture->store);
            store_open(&fixture->store, "memory");
            start(fixture);
            fill(fixture->log);
            fault_engine_fail_commit(fixture->store.engine, nth, moment);
            failed = !status_ok(erase(fixture->log, "person-1", whole, 3, NULL));
            restart(fixture);
            bool begun = see(fixture->log, NULL, NULL).events > 3 * ROUNDS;
            struct seen seen = see(fixture->log, NULL, NULL);
            assert_int_equal(seen.erased, begun ? whole ? 2 * ROUNDS : 1 : 0);
            assert_int_equal(seen.secrets, 2 * ROUNDS - seen.erased);
            while (is_pending(fixture->store.inner))
                continue; /* a thread of its own finishes it */
            if (begun && whole)
                assert_int_equal(count_secret_entries(fixture->store.inner), 0);
            inspect_whole(fixture->store.inner);
        }
    }
}

struct reader {
    pthread_t thread;
    struct event_log *log;
    atomic_bool stops;
    bool differed;
};

static void *read_again_and_again(void *argument)
{
    struct reader *reader = argument;
    size_t secrets = 2 * ROUNDS;

    while (!reader->stops) {
        struct seen all = see(reader->log, NULL, NULL);
        struct seen stream = see(reader->log, "person-1", NULL);
        reader->differed |= all.secrets > secrets || stream.secrets > all.secrets;
        reader->differed |= stream.events != 2 * ROUNDS || all.events < 3 * ROUNDS;
        secrets = stream.secrets;
    }
    return NULL;
}

static void readers_see_payloads_go_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct reader reader = {.log = fixture->log};

    fill(fixture->log);
    assert_int_equal(pthread_create(&reader.thread, NULL, read_again_and_again, &reader), 0);
    for (uint64_t revision = 0; revision < 10; revision++)
        assert_ok(erase(fixture->log, "person-1", false, revision, NULL));
    assert_ok(erase(fixture->log, "person-1", true, 0, NULL));
    reader.stops = true;
    pthread_join(reader.thread, NULL);
    assert_false(reader.differed);
}

/* --- on disk ---------------------------------------------------------------------------------- */

static void no_file_holds_what_was_erased(void **state)
{
    struct fixture *fixture = *state;
    const char *const secrets[] = {data_secret, metadata_secret, tag_secret, correlation_secret};
    struct bytes all = {0};

    for (int in_tables = 0; in_tables < 2; in_tables++) {
        append_round(fixture->log);
        if (in_tables)
            assert_ok(engine_compact(fixture->store.inner, FAMILY_LOG, all, all));
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            assert_true(inspect_files_with(fixture->store.directory, bytes_of_text(secrets[i])) >
                        0);
        if (in_tables)
            assert_ok(erase(fixture->log, "person-1", true, 0, NULL));
        for (uint64_t revision = 0; !in_tables && revision < 2; revision++)
            assert_ok(erase(fixture->log, "person-1", false, revision, NULL));
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            assert_int_equal(
                inspect_files_with(fixture->store.directory, bytes_of_text(secrets[i])), 0);
    }
    inspect_whole(fixture->store.inner);
}

#define memory_test(name) cmocka_unit_test_setup_teardown(name, open_in_memory, close_store)
#define disk_test(name)   cmocka_unit_test_setup_teardown(name, open_on_disk, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        memory_test(erased_stream_keeps_its_events_without_their_payload),
        disk_test(erased_stream_keeps_its_events_without_their_payload),
        memory_test(erased_event_is_one),
        memory_test(erasure_is_an_event),
        memory_test(erased_stream_goes_on),
        memory_test(deleted_stream_can_be_erased),
        memory_test(what_is_not_there_is_not_erased),
        memory_test(memory_forgets_what_was_erased),
        memory_test(rebuild_makes_the_same_of_a_store_with_erased_events),
        memory_test(failed_commit_at_any_moment_is_made_up_for),
        memory_test(readers_see_payloads_go_and_nothing_else),
        disk_test(no_file_holds_what_was_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
