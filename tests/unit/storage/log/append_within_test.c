/* Appends as a part of another intent: all of it in one commit, or nothing. The first argument
 * names the engine: memory or rocksdb. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "storage/log/event.h"
#include "storage/log/limits.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"
#include "tests/support/store.h"

enum { ARENA_BYTES_MAX = 16 << 20 };

static const char *engine_kind;

struct fixture {
    struct store store;
    struct event_log *log;
};

static int open_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    store_open(&fixture->store, engine_kind);
    fixture->log = open_log(fixture->store.engine);
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;

    event_log_close(fixture->log);
    store_close(&fixture->store);
    free(fixture);
    return 0;
}

static void restart(struct fixture *fixture)
{
    event_log_close(fixture->log);
    store_restart(&fixture->store);
    fixture->log = open_log(fixture->store.engine);
}

/* --- an intent that appends for its caller, then for itself, and puts a row ----------------- */

struct work {
    struct intent intent;
    struct append *append; /* the caller's */
    bool large;            /* its own event is larger than a caller's may be */
    uint64_t own_revision, own_position;
    sem_t done;
};

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct work *work = container_of(intent, struct work, intent);
    struct new_event events[2] = {make_event(uuid_random()), make_event(uuid_random())};
    struct stream_append streams[2] = {
        {.stream = bytes_of_text("$own-1"), .events = &events[0], .event_count = 1},
        {.stream = bytes_of_text("$own-2"), .events = &events[1], .event_count = 1},
    };
    struct append own = {.streams = streams, .stream_count = 2};

    work->append->intent.status = append_check(commit, work->append);
    TRY(work->append->intent.status);
    append_add(commit, work->append);
    if (work->large) {
        size_t size = EVENT_DATA_BYTES_MAX + 1;
        events[0].data = bytes_of(arena_alloc(commit_arena(commit), size), size);
    }
    append_now(commit, &own);
    work->own_revision = streams[1].last_revision;
    work->own_position = own.position;
    commit_put(commit, FAMILY_SAGAS, bytes_of_text("row"), bytes_of_text("value"));
    return OK;
}

static void on_done(struct intent *intent)
{
    sem_post(&container_of(intent, struct work, intent)->done);
}

static struct status run(struct fixture *fixture, struct work *work, const char *stream,
                         struct expectation expected)
{
    struct new_event event = make_event(uuid_random());
    struct stream_append streams = {
        .stream = bytes_of_text(stream), .expected = expected, .events = &event, .event_count = 1};
    struct append append = {.streams = &streams, .stream_count = 1};
    struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    sem_init(&work->done, 0, 0);
    work->append = &append;
    work->intent.decide = decide;
    work->intent.done = on_done;
    struct status status = append_prepare(fixture->log, &append, &arena, &work->intent.bytes);
    if (status_ok(status))
        status = event_log_submit(fixture->log, &work->intent);
    if (status_ok(status)) {
        while (sem_wait(&work->done) != 0)
            continue;
        status = work->intent.status;
    }
    sem_destroy(&work->done);
    arena_destroy(&arena);
    return status;
}

static uint64_t count_of(struct fixture *fixture, const char *stream)
{
    struct stream_head head;

    assert_ok(event_log_find_stream(fixture->log, bytes_of_text(stream), &head));
    return head.exists ? head.last_revision + 1 : 0;
}

static bool row_exists(struct fixture *fixture)
{
    struct arena arena;
    struct bytes value;

    arena_init(&arena, 1 << 10);
    assert_ok(engine_get(event_log_engine(fixture->log), FAMILY_SAGAS, bytes_of_text("row"), &arena,
                         &value));
    arena_destroy(&arena);
    return value.data != NULL;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void all_parts_of_an_intent_are_one_commit(void **state)
{
    struct fixture *fixture = *state;
    struct work work = {0};
    uint64_t commits = fault_engine_counts(fixture->store.engine).commits;

    assert_ok(run(fixture, &work, "order-1", NO_STREAM));
    assert_int_equal(fault_engine_counts(fixture->store.engine).commits, commits + 1);
    assert_int_equal(work.own_position, 2);
    assert_int_equal(work.own_revision, 0);
    assert_ok(run(fixture, &work, "order-1", REVISION(0)));
    assert_int_equal(work.own_revision, 1);
    restart(fixture);
    assert_int_equal(count_of(fixture, "order-1"), 2);
    assert_int_equal(count_of(fixture, "$own-1"), 2);
    assert_int_equal(count_of(fixture, "$own-2"), 2);
    assert_int_equal(event_log_end(fixture->log), 6);
    assert_true(row_exists(fixture));
}

static void a_refused_check_adds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct work work = {0};

    assert_fails(run(fixture, &work, "order-1", STREAM_EXISTS), ABORTED, "order-1");
    assert_int_equal(event_log_end(fixture->log), 0);
    assert_int_equal(count_of(fixture, "$own-1"), 0);
    assert_false(row_exists(fixture));
    assert_ok(run(fixture, &work, "order-1", NO_STREAM));
}

static void a_failed_commit_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct work work = {0};

    fault_engine_fail_commit(fixture->store.engine, 1, FAULT_BEFORE);
    assert_fails(run(fixture, &work, "order-1", ANY), UNAVAILABLE, "");
    restart(fixture);
    assert_int_equal(event_log_end(fixture->log), 0);
    assert_false(row_exists(fixture));
    assert_ok(run(fixture, &work, "order-1", ANY));
}

static void own_events_may_be_larger_than_those_of_callers(void **state)
{
    struct fixture *fixture = *state;
    struct work work = {.large = true};
    struct read read = {.from = 0, .events_max = 1, .bytes_max = 1};
    struct page page;
    struct event event;

    assert_ok(run(fixture, &work, "order-1", ANY));
    assert_ok(read_named(fixture->log, "$own-1", &read, &page));
    struct bytes frames = buffer_bytes(&page.frames);
    assert_true(event_next(&frames, &event));
    assert_int_equal(event.data.size, EVENT_DATA_BYTES_MAX + 1);
    buffer_destroy(&page.frames);
}

static void heads_that_cannot_be_read_fail_the_store_and_not_the_data(void **state)
{
    struct fixture *fixture = *state;
    struct work work = {0};

    /* The caller's head is warmed before; the two own ones are read by the writer. */
    fault_engine_fail_read(fixture->store.engine, 2);
    assert_fails(run(fixture, &work, "order-1", ANY), UNAVAILABLE, "");
    assert_fails(run(fixture, &work, "order-1", ANY), UNAVAILABLE, "");
    restart(fixture);
    assert_int_equal(event_log_end(fixture->log), 0);
    assert_ok(run(fixture, &work, "order-1", NO_STREAM));
}

#define log_test(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        log_test(all_parts_of_an_intent_are_one_commit),
        log_test(a_refused_check_adds_nothing),
        log_test(a_failed_commit_leaves_nothing),
        log_test(own_events_may_be_larger_than_those_of_callers),
        log_test(heads_that_cannot_be_read_fail_the_store_and_not_the_data),
    };

    engine_kind = argc > 1 ? argv[1] : "memory";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
