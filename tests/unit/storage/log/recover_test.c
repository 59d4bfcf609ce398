/* Failing commits and what is found when the store is opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/log/limits.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"

struct fixture {
    struct engine *inner, *engine;
    struct event_log *log;
    _Atomic(unsigned) failures;
};

static void on_failed(void *context, struct status status)
{
    struct fixture *fixture = context;

    (void)status;
    atomic_fetch_add(&fixture->failures, 1);
}

static struct status start(struct fixture *fixture)
{
    fixture->engine = fault_engine_open(fixture->inner);
    return event_log_open(&(struct event_log_options){.engine = fixture->engine,
                                                      .failed = on_failed,
                                                      .context = fixture},
                          &fixture->log);
}

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_ok(memory_engine_open(&fixture->inner));
    assert_ok(start(fixture));
    *state = fixture;
    return 0;
}

static void stop(struct fixture *fixture)
{
    if (fixture->log)
        event_log_close(fixture->log);
    fixture->log = NULL;
    engine_close(fixture->engine);
}

static int close_store(void **state)
{
    struct fixture *fixture = *state;

    stop(fixture);
    engine_close(fixture->inner);
    free(fixture);
    return 0;
}

static void nothing_is_accepted_after_a_failed_commit(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    fault_engine_fail_commit(fixture->engine, 1, FAULT_BEFORE);
    assert_int_equal(append_some(fixture->log, "a", ANY, 1, NULL).code, STATUS_UNAVAILABLE);
    assert_fails(append_some(fixture->log, "a", ANY, 1, NULL), UNAVAILABLE, "it has failed");
    assert_int_equal(fixture->failures, 1);
    assert_int_equal(event_log_end(fixture->log), 1);
    assert_int_equal(fault_engine_counts(fixture->engine).commits, 3); /* format, 1, the failed */
}

static void full_disk_stops_the_writer(void **state)
{
    struct fixture *fixture = *state;

    fault_engine_fill_disk(fixture->engine, 1);
    assert_int_equal(append_some(fixture->log, "a", ANY, 1, NULL).code, STATUS_UNAVAILABLE);
    assert_int_equal(fixture->failures, 1);
}

/* Before the disk is full, so that nothing breaks and space can be made. */
static void short_disk_refuses_appends_until_there_is_room(void **state)
{
    struct fixture *fixture = *state;
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX};
    struct page page;

    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    fault_engine_set_room(fixture->engine, false);
    assert_fails(append_some(fixture->log, "a", ANY, 1, NULL), RESOURCE_EXHAUSTED, "disk full");
    assert_ok(event_log_read_all(fixture->log, &read, &page));
    assert_int_equal(page.event_count, 1);
    buffer_destroy(&page.frames);
    fault_engine_set_room(fixture->engine, true);
    assert_ok(append_some(fixture->log, "a", REVISION(0), 1, NULL));
    assert_int_equal(fixture->failures, 0);
}

static void what_leads_to_room_is_done_on_a_short_disk(void **state)
{
    struct fixture *fixture = *state;
    static const enum stream_change_kind kinds[] = {CHANGE_CATEGORY_POLICY, CHANGE_POLICY,
                                                    CHANGE_DELETE, CHANGE_TOMBSTONE};

    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    fault_engine_set_room(fixture->engine, false);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        assert_ok(change_stream(fixture->log, (struct stream_change){.kind = kinds[i],
                                                                     .name = bytes_of_text("a"),
                                                                     .policy = {.max_count = 1},
                                                                     .expected = ANY}));
}

static void failed_commit_is_not_seen_by_readers(void **state)
{
    struct fixture *fixture = *state;
    struct read read = {.events_max = 10, .bytes_max = PAGE_BYTES_MAX};
    struct stream_head head;
    struct page page;

    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    fault_engine_fail_commit(fixture->engine, 1, FAULT_AFTER);
    assert_int_equal(append_some(fixture->log, "a", ANY, 1, NULL).code, STATUS_UNAVAILABLE);
    assert_ok(event_log_find_stream(fixture->log, bytes_of_text("a"), &head));
    assert_int_equal(head.last_revision, 0);
    assert_ok(event_log_read_all(fixture->log, &read, &page));
    assert_int_equal(page.event_count, 1);
    buffer_destroy(&page.frames);
}

/* The outcome was unknown; the restart knows, and the repetition tells it. */
static void repetition_after_an_unknown_outcome_appends_once(void **state)
{
    struct fixture *fixture = *state;

    for (int moment = FAULT_BEFORE; moment <= FAULT_AFTER; moment++) {
        struct uuid id = uuid_random();
        struct append append;
        uint64_t end = event_log_end(fixture->log);
        fault_engine_fail_commit(fixture->engine, 1, moment);
        assert_int_equal(append_one(fixture->log, "a", ANY, id, NULL).code, STATUS_UNAVAILABLE);
        stop(fixture);
        assert_ok(start(fixture));
        assert_ok(append_one(fixture->log, "a", ANY, id, &append));
        assert_int_equal(append.replayed, moment == FAULT_AFTER);
        assert_int_equal(event_log_end(fixture->log), end + 1);
    }
}

static void delete_record(struct fixture *fixture, uint64_t position)
{
    uint8_t key[8];

    put_u64_big_endian(key, position);
    struct write write = {FAMILY_LOG, WRITE_DELETE, bytes_of(key, 8), {0}};
    assert_ok(engine_commit(fixture->inner, &write, 1, true));
}

static void missing_record_is_found_on_opening(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 5; i++)
        assert_ok(append_some(fixture->log, "a", ANY, 2, NULL));
    stop(fixture);
    delete_record(fixture, 4);
    assert_fails(start(fixture), DATA_LOSS, "positions 4 to 5 are missing");
}

static void missing_first_record_is_found_on_opening(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 5; i++)
        assert_ok(append_some(fixture->log, "a", ANY, 2, NULL));
    stop(fixture);
    delete_record(fixture, 0);
    assert_fails(start(fixture), DATA_LOSS, "positions 0 to 1 are missing");
}

static void missing_last_record_is_found_on_opening(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 5; i++)
        assert_ok(append_some(fixture->log, "a", ANY, 2, NULL));
    stop(fixture);
    delete_record(fixture, 8);
    assert_fails(start(fixture), DATA_LOSS,
                 "10 events in 1 streams were committed, but 8 in 1 are here");
}

static void store_of_a_newer_format_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t format[4];

    stop(fixture);
    put_u32_little_endian(format, STORE_FORMAT + 1);
    struct write write = {FAMILY_META, WRITE_PUT, bytes_of_text("format"), bytes_of(format, 4)};
    assert_ok(engine_commit(fixture->inner, &write, 1, true));
    assert_fails(start(fixture), FAILED_PRECONDITION, "its format is 3, written by a newer");
}

static void failing_reads_fail_the_opening(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(append_some(fixture->log, "a", ANY, 2, NULL));
    stop(fixture);
    for (uint64_t nth = 1;; nth++) {
        fixture->engine = fault_engine_open(fixture->inner);
        fault_engine_fail_read(fixture->engine, nth);
        struct status status =
            event_log_open(&(struct event_log_options){.engine = fixture->engine}, &fixture->log);
        if (status_ok(status)) {
            assert_true(nth > 5);
            return;
        }
        assert_int_equal(status.code, STATUS_UNAVAILABLE);
        engine_close(fixture->engine);
    }
}

/* --- a clock that is set back ---------------------------------------------------- */

static _Atomic(int64_t) now_us;

static int64_t read_now(const struct clock *clock)
{
    (void)clock;
    return now_us;
}

static int64_t newest_created_us(struct event_log *log)
{
    struct read read = {
        .from = READ_END, .backwards = true, .events_max = 1, .bytes_max = PAGE_BYTES_MAX};
    struct event event = {0};
    struct page page;

    assert_ok(event_log_read_all(log, &read, &page));
    struct bytes frames = buffer_bytes(&page.frames);
    assert_true(event_next(&frames, &event));
    buffer_destroy(&page.frames);
    return event.created_us;
}

static void created_never_goes_back(void **state)
{
    static const struct clock clock = {read_now, read_now};
    struct fixture *fixture = *state;
    struct event_log_options options = {.engine = fixture->engine, .clock = &clock};

    event_log_close(fixture->log);
    assert_ok(event_log_open(&options, &fixture->log));
    now_us = 1000;
    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    now_us = 500;
    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    assert_int_equal(newest_created_us(fixture->log), 1000);
    event_log_close(fixture->log);
    assert_ok(event_log_open(&options, &fixture->log));
    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    assert_int_equal(newest_created_us(fixture->log), 1000);
    now_us = 2000;
    assert_ok(append_some(fixture->log, "a", ANY, 1, NULL));
    assert_int_equal(newest_created_us(fixture->log), 2000);
}

/* --- the queue --------------------------------------------------------------------- */

struct submission {
    struct append append;
    struct stream_append stream;
    struct new_event event;
    struct arena arena;
    sem_t *done;
};

static void on_done(struct intent *intent)
{
    sem_post(container_of(intent, struct submission, append.intent)->done);
}

static struct status submit(struct event_log *log, struct submission *submission, sem_t *done)
{
    *submission = (struct submission){.event = make_event(uuid_random()), .done = done};
    submission->stream =
        (struct stream_append){bytes_of_text("a"), ANY, &submission->event, 1, 0, 0};
    submission->append =
        (struct append){.intent.done = on_done, .streams = &submission->stream, .stream_count = 1};
    arena_init(&submission->arena, 1 << 20);
    return append_submit(log, &submission->append, &submission->arena);
}

static void full_queue_refuses_at_once_and_loses_nothing(void **state)
{
    enum { QUEUED = 10 };
    struct fixture *fixture = *state;
    struct submission submissions[QUEUED], refused;
    sem_t done;

    event_log_close(fixture->log);
    assert_ok(event_log_open(
        &(struct event_log_options){.engine = fixture->engine, .queue_intents_max = QUEUED},
        &fixture->log));
    sem_init(&done, 0, 0);
    fault_engine_hold_commits(fixture->engine);
    for (size_t i = 0; i < QUEUED; i++)
        assert_ok(submit(fixture->log, &submissions[i], &done));
    assert_fails(submit(fixture->log, &refused, &done), RESOURCE_EXHAUSTED, "10 appends");
    arena_destroy(&refused.arena);
    fault_engine_release_commits(fixture->engine);
    for (size_t i = 0; i < QUEUED; i++)
        sem_wait(&done);
    for (size_t i = 0; i < QUEUED; i++) {
        assert_ok(append_settle(fixture->log, &submissions[i].append, &submissions[i].arena));
        arena_destroy(&submissions[i].arena);
    }
    assert_int_equal(event_log_end(fixture->log), QUEUED);
}

static void closing_finishes_what_was_submitted(void **state)
{
    enum { QUEUED = 10 };
    struct fixture *fixture = *state;
    struct submission submissions[QUEUED];
    sem_t done;
    int finished;

    sem_init(&done, 0, 0);
    for (size_t i = 0; i < QUEUED; i++)
        assert_ok(submit(fixture->log, &submissions[i], &done));
    event_log_close(fixture->log);
    sem_getvalue(&done, &finished);
    assert_int_equal(finished, QUEUED);
    for (size_t i = 0; i < QUEUED; i++) {
        assert_ok(submissions[i].append.intent.status);
        arena_destroy(&submissions[i].arena);
    }
    fixture->log = open_log(fixture->engine);
    assert_int_equal(event_log_end(fixture->log), QUEUED);
}

/* While one group is on its way to disk, the next one gathers. */
static void appends_that_wait_for_the_disk_share_one_commit(void **state)
{
    enum { QUEUED = 10 };
    struct fixture *fixture = *state;
    struct submission submissions[QUEUED + 1];
    sem_t done;

    sem_init(&done, 0, 0);
    fault_engine_hold_commits(fixture->engine);
    assert_ok(submit(fixture->log, &submissions[0], &done));
    fault_engine_await_held_commit(fixture->engine);
    for (size_t i = 1; i <= QUEUED; i++)
        assert_ok(submit(fixture->log, &submissions[i], &done));
    uint64_t commits = fault_engine_counts(fixture->engine).commits;
    fault_engine_release_commits(fixture->engine);
    for (size_t i = 0; i <= QUEUED; i++)
        sem_wait(&done);
    assert_int_equal(fault_engine_counts(fixture->engine).commits, commits + 1);
    for (size_t i = 0; i <= QUEUED; i++)
        arena_destroy(&submissions[i].arena);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(nothing_is_accepted_after_a_failed_commit),
        store_test(full_disk_stops_the_writer),
        store_test(short_disk_refuses_appends_until_there_is_room),
        store_test(what_leads_to_room_is_done_on_a_short_disk),
        store_test(failed_commit_is_not_seen_by_readers),
        store_test(repetition_after_an_unknown_outcome_appends_once),
        store_test(missing_record_is_found_on_opening),
        store_test(missing_first_record_is_found_on_opening),
        store_test(missing_last_record_is_found_on_opening),
        store_test(store_of_a_newer_format_is_refused),
        store_test(failing_reads_fail_the_opening),
        store_test(created_never_goes_back),
        store_test(full_queue_refuses_at_once_and_loses_nothing),
        store_test(closing_finishes_what_was_submitted),
        store_test(appends_that_wait_for_the_disk_share_one_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
