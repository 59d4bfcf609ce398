/* Payloads of encrypted streams: sealed in every file, plain for readers, lost with their key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/keys/key_store.h"
#include "storage/log/erasure.h"
#include "storage/log/limits.h"
#include "storage/log/maintenance.h"
#include "storage/log/scavenge.h"
#include "storage/log/tail.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/support/fault_engine.h"
#include "tests/support/inspect.h"
#include "tests/support/log_fixture.h"

static const char data_secret[] = "9f3K/zQ81xWv0bLpT6yH2nRc";
static const char metadata_secret[] = "Vd7m+Q4sX1oYk9uGe5Jw8BtZ";

enum { PATH_BYTES = 256 };

struct fixture {
    char folder[PATH_BYTES], data[PATH_BYTES + 16], keys[PATH_BYTES + 16], copy[PATH_BYTES + 16];
    struct engine *engine;
    struct key_store *store;
    struct event_log *log;
};

static void start(struct fixture *fixture, const char *data)
{
    struct rocksdb_engine_options on_disk = {
        .directory = data,
        .block_cache_bytes = 8 << 20,
        .write_buffer_bytes = 8 << 20,
        .create_if_missing = true,
    };
    struct key_store_options keys = {.directory = fixture->keys};

    assert_ok(rocksdb_engine_open(&on_disk, &fixture->engine));
    assert_ok(key_store_open(&keys, &fixture->store));
    struct event_log_options options = {.engine = fixture->engine, .keys = fixture->store};
    assert_ok(event_log_open(&options, &fixture->log));
}

static void stop(struct fixture *fixture)
{
    event_log_close(fixture->log);
    key_store_close(fixture->store);
    engine_close(fixture->engine);
}

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *parent = getenv("TEST_TMPDIR");

    snprintf(fixture->folder, sizeof fixture->folder, "%.200s/sealing.XXXXXX",
             parent ? parent : "/tmp");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->data, sizeof fixture->data, "%s/data", fixture->folder);
    snprintf(fixture->keys, sizeof fixture->keys, "%s/keys", fixture->folder);
    snprintf(fixture->copy, sizeof fixture->copy, "%s/copy", fixture->folder);
    start(fixture, fixture->data);
    *state = fixture;
    return 0;
}

static int close_store(void **state)
{
    stop(*state);
    free(*state);
    return 0;
}

static void encrypt(struct event_log *log, enum stream_change_kind kind, const char *name,
                    bool encrypts)
{
    assert_ok(change_stream(log, (struct stream_change){.kind = kind,
                                                        .name = bytes_of_text(name),
                                                        .policy = {.encrypt = encrypts}}));
}

static struct status append_secret(struct event_log *log, const char *stream)
{
    struct bytes tag = bytes_of_text("customer:7");
    struct metadata_entry metadata = {bytes_of_text("who"), bytes_of_text(metadata_secret)};
    struct new_event event = {.id = uuid_random(),
                              .type = bytes_of_text("Told"),
                              .content_type = bytes_of_text("text/plain"),
                              .data = bytes_of_text(data_secret),
                              .metadata = &metadata,
                              .metadata_count = 1,
                              .tags = &tag,
                              .tag_count = 1};
    struct stream_append streams = {
        .stream = bytes_of_text(stream), .expected = ANY, .events = &event, .event_count = 1};
    struct append append = {.streams = &streams, .stream_count = 1};

    return run_append(log, &append);
}

struct seen {
    size_t events, plain, erased, sealed;
};

static void see_frames(struct bytes frames, struct seen *seen)
{
    struct event event;
    struct bytes who;

    while (event_next(&frames, &event)) {
        seen->events++;
        seen->erased += event.erased_us != 0;
        seen->sealed += event.sealed.size > 0;
        seen->plain += bytes_equal(event.data, bytes_of_text(data_secret)) &&
                       bytes_equal(event.content_type, bytes_of_text("text/plain")) &&
                       event_metadata(&event, bytes_of_text("who"), &who) &&
                       bytes_equal(who, bytes_of_text(metadata_secret));
    }
    assert_int_equal(frames.size, 0);
}

enum way { BY_STREAM, BY_STREAM_BACKWARDS, BY_ALL, BY_TAG, WAYS };

static struct seen see_by(struct event_log *log, enum way way, const char *stream)
{
    struct bytes tag = bytes_of_text("customer:7");
    struct query_item item = {.tags = &tag, .tag_count = 1};
    struct query query = {.items = &item, .item_count = 1};
    struct read read = {.from = way == BY_STREAM_BACKWARDS ? READ_END : 0,
                        .backwards = way == BY_STREAM_BACKWARDS,
                        .events_max = PAGE_EVENTS_MAX,
                        .bytes_max = PAGE_BYTES_MAX,
                        .retained_only = true};
    struct seen seen = {0};
    struct page page = {0};

    for (; !page.end; read.from = page.next) {
        assert_ok(way == BY_ALL   ? event_log_read_all(log, &read, &page)
                  : way == BY_TAG ? event_log_read_query(log, &query, &read, &page)
                                  : read_named(log, stream, &read, &page));
        see_frames(buffer_bytes(&page.frames), &seen);
        buffer_destroy(&page.frames);
    }
    assert_int_equal(seen.sealed, 0);
    return seen;
}

/* Of the only stream that has such events: every way of reading has to show the same. */
static struct seen see(struct event_log *log, const char *stream, size_t count)
{
    struct seen first = see_by(log, BY_STREAM, stream);

    assert_int_equal(first.events, count);
    for (enum way way = BY_STREAM_BACKWARDS; way < WAYS; way++) {
        struct seen seen = see_by(log, way, stream);
        assert_int_equal(seen.plain, first.plain);
        assert_true(way == BY_TAG || seen.erased == first.erased);
    }
    return first;
}

static int count_secret_files(const char *directory)
{
    return inspect_files_with(directory, bytes_of_text(data_secret)) +
           inspect_files_with(directory, bytes_of_text(metadata_secret));
}

static struct status erase(struct event_log *log, const char *stream)
{
    struct erasure erasure = {
        .stream = bytes_of_text(stream), .whole = true, .reason = bytes_of_text("a test")};
    struct arena arena;

    arena_init(&arena, 1 << 20);
    struct status status = event_log_erase(log, &erasure, &arena);
    arena_destroy(&arena);
    return status;
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void payloads_are_sealed_on_disk_and_plain_for_readers(void **state)
{
    struct fixture *fixture = *state;
    struct bytes all = {0};

    encrypt(fixture->log, CHANGE_CATEGORY_POLICY, "person", true);
    for (int opened = 0; opened < 2; opened++) {
        for (int i = 0; i < 3; i++)
            assert_ok(append_secret(fixture->log, "person-1"));
        struct seen seen = see(fixture->log, "person-1", 3 + 3 * (size_t)opened);
        assert_int_equal(seen.plain, 3 + 3 * opened);
        assert_int_equal(count_secret_files(fixture->data), 0);
        assert_ok(engine_compact(fixture->engine, FAMILY_LOG, all, all));
        assert_int_equal(count_secret_files(fixture->data), 0);
        inspect_whole(fixture->engine);
        stop(fixture);
        start(fixture, fixture->data);
    }
    assert_ok(append_secret(fixture->log, "other-1"));
    assert_true(count_secret_files(fixture->data) > 0);
}

static void policy_of_a_stream_holds_from_then_on(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(append_some(fixture->log, "person-1", ANY, 1, NULL));
    encrypt(fixture->log, CHANGE_POLICY, "person-1", true);
    assert_ok(append_secret(fixture->log, "person-1"));
    assert_int_equal(count_secret_files(fixture->data), 0);
    encrypt(fixture->log, CHANGE_POLICY, "person-1", false);
    assert_int_equal(see(fixture->log, "person-1", 2).plain, 1);
    assert_ok(append_secret(fixture->log, "person-1"));
    assert_true(count_secret_files(fixture->data) > 0);
    assert_int_equal(see(fixture->log, "person-1", 3).plain, 2);
}

static void newest_records_are_opened_for_subscribers(void **state)
{
    struct fixture *fixture = *state;
    struct tail_record *records[4];
    struct buffer frames;
    struct seen seen = {0};
    size_t count;

    encrypt(fixture->log, CHANGE_CATEGORY_POLICY, "person", true);
    assert_ok(append_secret(fixture->log, "person-1"));
    assert_int_equal(tail_take(fixture->log, 0, 4, records, &count), TAIL_RECORDS);
    assert_int_equal(count, 1);
    struct bytes left = tail_record_frames(records[0], 0);
    struct event event;
    buffer_init(&frames, 1 << 20);
    while (event_next(&left, &event))
        assert_ok(event_log_put_event(fixture->log, &event, &frames));
    see_frames(buffer_bytes(&frames), &seen);
    assert_int_equal(seen.plain, 1);
    buffer_destroy(&frames);
    tail_record_release(records[0]);
}

static void copies_made_before_lose_their_payloads_with_the_key(void **state)
{
    struct fixture *fixture = *state;

    encrypt(fixture->log, CHANGE_CATEGORY_POLICY, "person", true);
    for (int i = 0; i < 3; i++)
        assert_ok(append_secret(fixture->log, "person-1"));
    assert_ok(append_secret(fixture->log, "person-2"));
    assert_ok(event_log_checkpoint(fixture->log, fixture->copy));
    assert_ok(erase(fixture->log, "person-1"));
    assert_ok(append_secret(fixture->log, "person-1")); /* with a new key */
    assert_int_equal(see_by(fixture->log, BY_STREAM, "person-1").erased, 3);
    assert_int_equal(see_by(fixture->log, BY_STREAM, "person-1").plain, 1);
    stop(fixture);

    start(fixture, fixture->copy);
    struct seen seen = see_by(fixture->log, BY_ALL, NULL);
    assert_int_equal(seen.events, 4);
    assert_int_equal(seen.erased, 3);
    assert_int_equal(seen.plain, 1);
    inspect_whole(fixture->engine);
}

struct appender {
    pthread_t thread;
    struct event_log *log;
    atomic_bool stops;
    _Atomic(size_t) acknowledged;
    bool failed;
};

static void *append_again_and_again(void *argument)
{
    struct appender *appender = argument;

    while (!appender->stops) {
        struct status status = append_secret(appender->log, "person-1");
        appender->acknowledged += status_ok(status);
        appender->failed |= !status_ok(status) && status.code != STATUS_UNAVAILABLE;
    }
    return NULL;
}

/* What is appended while a key is destroyed is either erased with the rest or readable. */
static void no_append_is_sealed_with_a_key_that_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct appender appender = {.log = fixture->log};

    encrypt(fixture->log, CHANGE_CATEGORY_POLICY, "person", true);
    assert_ok(append_secret(fixture->log, "person-1"));
    assert_int_equal(pthread_create(&appender.thread, NULL, append_again_and_again, &appender), 0);
    for (int i = 0; i < 10; i++)
        assert_ok(erase(fixture->log, "person-1"));
    size_t before = appender.acknowledged;
    while (appender.acknowledged < before + 5)
        continue; /* some after the last key */
    appender.stops = true;
    pthread_join(appender.thread, NULL);
    assert_false(appender.failed);
    struct seen seen = see_by(fixture->log, BY_STREAM, "person-1");
    assert_int_equal(seen.events, 1 + appender.acknowledged);
    assert_int_equal(seen.plain + seen.erased, seen.events);
    assert_true(seen.plain >= 5);
}

/* --- erasures that do not get to their end ------------------------------------------------------
 */

/* The log over an engine whose reads can fail. */
static struct engine *open_with_faults(struct fixture *fixture)
{
    struct engine *faulty = fault_engine_open(fixture->engine);
    struct event_log_options options = {.engine = faulty, .keys = fixture->store};

    event_log_close(fixture->log);
    assert_ok(event_log_open(&options, &fixture->log));
    return faulty;
}

static void reopen_without_faults(struct fixture *fixture, struct engine *faulty)
{
    struct event_log_options options = {.engine = fixture->engine, .keys = fixture->store};

    event_log_close(fixture->log);
    engine_close(faulty);
    assert_ok(event_log_open(&options, &fixture->log));
}

/* Begun, its key destroyed, but its records not rewritten: a read fails before. */
static void leave_an_erasure_unfinished(struct fixture *fixture, struct engine *faulty,
                                        const char *stream)
{
    bool begun = false;

    for (uint64_t nth = 1; !begun; nth++) {
        fault_engine_fail_read(faulty, nth);
        assert_int_equal(erase(fixture->log, stream).code, STATUS_UNAVAILABLE);
        begun = see_by(fixture->log, BY_STREAM, stream).erased > 0;
    }
}

static bool is_erasing(struct fixture *fixture)
{
    uint8_t memory[64];
    struct arena arena;
    struct bytes mark;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    assert_ok(engine_get(fixture->engine, FAMILY_META, bytes_of_text("erasing"), &arena, &mark));
    arena_destroy(&arena);
    return mark.data != NULL;
}

static void what_was_appended_during_an_erasure_stays_whoever_finishes_it(void **state)
{
    struct fixture *fixture = *state;
    struct engine *faulty = open_with_faults(fixture);

    encrypt(fixture->log, CHANGE_CATEGORY_POLICY, "person", true);
    assert_ok(append_some(fixture->log, "other-1", ANY, 1, NULL));
    for (int by_restart = 0; by_restart < 2; by_restart++) {
        const char *stream = by_restart ? "person-2" : "person-1";
        for (int i = 0; i < 3; i++)
            assert_ok(append_secret(fixture->log, stream));
        leave_an_erasure_unfinished(fixture, faulty, stream);
        assert_ok(append_secret(fixture->log, stream)); /* with a new key */
        if (by_restart)
            reopen_without_faults(fixture, faulty);
        else
            assert_ok(erase(fixture->log, "other-1"));
        while (is_erasing(fixture))
            sched_yield();
        assert_int_equal(see_by(fixture->log, BY_STREAM, stream).erased, 3);
        assert_int_equal(see_by(fixture->log, BY_STREAM, stream).plain, 1);
    }
}

/* Nothing is left of its events but the name, which leads to the key. */
static void the_key_of_a_scavenged_stream_is_destroyed_by_who_finishes(void **state)
{
    struct fixture *fixture = *state;
    struct engine *faulty = open_with_faults(fixture);
    struct bytes name = bytes_of_text("person-1");
    struct key key;
    bool found;

    encrypt(fixture->log, CHANGE_CATEGORY_POLICY, "person", true);
    assert_ok(append_secret(fixture->log, "person-1"));
    assert_ok(change_stream(
        fixture->log,
        (struct stream_change){.kind = CHANGE_DELETE, .name = name, .expected = ANY}));
    assert_ok(event_log_scavenge(fixture->log));
    while (event_log_scavenge_progress(fixture->log).state == SCAVENGE_RUNNING)
        sched_yield();
    fault_engine_fail_commit(faulty, 1, FAULT_AFTER); /* stored, but nobody knows */
    assert_int_equal(erase(fixture->log, "person-1").code, STATUS_UNAVAILABLE);
    assert_ok(key_store_get(fixture->store, name, false, &key, &found));
    assert_true(found);
    reopen_without_faults(fixture, faulty);
    while (is_erasing(fixture))
        sched_yield();
    assert_ok(key_store_get(fixture->store, name, false, &key, &found));
    assert_false(found);
}

static void a_server_without_keys_encrypts_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct event_log_options options = {.engine = fixture->engine};

    event_log_close(fixture->log);
    assert_ok(event_log_open(&options, &fixture->log));
    assert_fails(change_stream(fixture->log, (struct stream_change){.kind = CHANGE_CATEGORY_POLICY,
                                                                    .name = bytes_of_text("person"),
                                                                    .policy = {.encrypt = true}}),
                 FAILED_PRECONDITION, "policy.encrypt: the server keeps no keys");
}

#define STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE(payloads_are_sealed_on_disk_and_plain_for_readers),
        STORE(policy_of_a_stream_holds_from_then_on),
        STORE(newest_records_are_opened_for_subscribers),
        STORE(copies_made_before_lose_their_payloads_with_the_key),
        STORE(no_append_is_sealed_with_a_key_that_is_gone),
        STORE(what_was_appended_during_an_erasure_stays_whoever_finishes_it),
        STORE(the_key_of_a_scavenged_stream_is_destroyed_by_who_finishes),
        STORE(a_server_without_keys_encrypts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
