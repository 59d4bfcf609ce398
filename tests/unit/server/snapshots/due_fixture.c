#include "tests/unit/server/snapshots/due_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "storage/log/maintenance.h"

enum { WAIT_US_MAX = 60 * SECOND_US };

/* --- reducers -------------------------------------------------------------------------------- */

static bool reducers_run(struct reducers *reducers, struct bytes category)
{
    pthread_mutex_lock(&reducers->lock);
    bool runs = reducers->runs;
    pthread_mutex_unlock(&reducers->lock);
    return runs && bytes_equal(category, bytes_of_text("order"));
}

static void reducers_are_watched(struct reducers *reducers, struct registry_watcher *watcher)
{
    pthread_mutex_lock(&reducers->lock);
    reducers->watcher = watcher;
    pthread_mutex_unlock(&reducers->lock);
}

void let_run(struct reducers *reducers, bool runs)
{
    pthread_mutex_lock(&reducers->lock);
    reducers->runs = runs;
    struct registry_watcher *watcher = reducers->watcher;
    pthread_mutex_unlock(&reducers->lock);
    watcher->changed(watcher, bytes_of_text("order"));
}

static void end(struct reducers *reducers, struct status status)
{
    struct reduction *reduction = reducers->reduction;

    pthread_mutex_lock(&reducers->lock);
    reducers->made += status_ok(status);
    reducers->is_underway = false;
    pthread_cond_broadcast(&reducers->changed);
    pthread_mutex_unlock(&reducers->lock);
    reduction->status = status;
    reduction->done(reduction);
}

/* @thread writer */
static void on_put(struct intent *intent)
{
    struct reducers *reducers = container_of(intent, struct reducers, change.intent);
    struct status status = intent->status;

    arena_destroy(&reducers->arena);
    end(reducers, status);
}

static void reduce(struct reducers *reducers)
{
    struct reduction *reduction = reducers->reduction;
    struct stream_head head;

    if (reducers->making == FAILS)
        return end(reducers, status_make(STATUS_INTERNAL, "a reducer fails"));
    assert_ok(event_log_find_stream(reducers->log, reduction->stream, &head));
    reduction->revision = head.last_revision;
    reducers->change = (struct snapshot_change){.kind = SNAPSHOT_PUT,
                                                .stream = reduction->stream,
                                                .revision = head.last_revision,
                                                .expires_us = SNAPSHOT_NO_EXPIRY,
                                                .keep = reduction->keep,
                                                .intent.done = on_put};
    arena_init(&reducers->arena, 1 << 20);
    assert_ok(snapshot_change_submit(reducers->snapshots, &reducers->change, &reducers->arena));
}

static struct status reducers_take(struct reducers *reducers, struct reduction *reduction)
{
    pthread_mutex_lock(&reducers->lock);
    reducers->asked++;
    pthread_cond_broadcast(&reducers->changed);
    bool full = reducers->making == HAS_NO_ROOM, held = reducers->is_held;
    if (!full) {
        assert_false(reducers->is_underway); /* one after another */
        reducers->is_underway = true;
        reducers->reduction = reduction;
    }
    pthread_mutex_unlock(&reducers->lock);
    if (full)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "too many");
    if (!held)
        reduce(reducers);
    return OK;
}

void let_go(struct reducers *reducers)
{
    pthread_mutex_lock(&reducers->lock);
    reducers->is_held = false;
    pthread_mutex_unlock(&reducers->lock);
    reduce(reducers);
}

void *end_abandoned(void *argument)
{
    struct reducers *reducers = argument;

    while (!atomic_load(&reducers->reduction->is_abandoned))
        sched_yield();
    end(reducers, status_make(STATUS_CANCELLED, "nobody waits"));
    return NULL;
}

static void wait_for(struct reducers *reducers, const unsigned *count, unsigned wanted)
{
    struct timespec until = deadline_after_us(WAIT_US_MAX);
    int result = 0;

    pthread_mutex_lock(&reducers->lock);
    while (*count < wanted && result == 0)
        result = pthread_cond_timedwait(&reducers->changed, &reducers->lock, &until);
    pthread_mutex_unlock(&reducers->lock);
    assert_int_equal(result, 0);
}

void wait_until_made(struct reducers *reducers, unsigned made)
{
    wait_for(reducers, &reducers->made, made);
}

void wait_until_asked(struct reducers *reducers, unsigned asked)
{
    wait_for(reducers, &reducers->asked, asked);
}

/* --- life ------------------------------------------------------------------------------------ */

static void start(struct due_fixture *fixture)
{
    assert_ok(event_log_open(&(struct event_log_options){.engine = fixture->store.engine,
                                                         .clock = &fixture->clock.clock,
                                                         .tail_bytes_max = fixture->tail_bytes_max},
                             &fixture->log));
    assert_ok(
        snapshot_cache_create(&(struct cache_options){.bytes_max = 1 << 20}, &fixture->cache));
    assert_ok(snapshot_store_open(&(struct snapshot_store_options){.log = fixture->log,
                                                                   .engine = fixture->store.engine,
                                                                   .cache = fixture->cache,
                                                                   .clock = &fixture->clock.clock},
                                  &fixture->snapshots));
    fixture->reducers.log = fixture->log;
    fixture->reducers.snapshots = fixture->snapshots;
    assert_ok(
        due_streams_open(&(struct due_streams_options){.log = fixture->log,
                                                       .snapshots = fixture->snapshots,
                                                       .reducers = {.reducers = &fixture->reducers,
                                                                    .has = reducers_run,
                                                                    .submit = reducers_take,
                                                                    .watch = reducers_are_watched},
                                                       .memory_max = fixture->memory_max},
                         &fixture->due));
}

static void stop(struct due_fixture *fixture)
{
    due_streams_close(fixture->due);
    assert_null(fixture->reducers.watcher);
    snapshot_store_close(fixture->snapshots);
    snapshot_cache_free(fixture->cache);
    event_log_close(fixture->log);
}

static int open_fixture(void **state, const char *engine)
{
    struct due_fixture *fixture = calloc(1, sizeof *fixture);

    store_open(&fixture->store, engine);
    manual_clock_init(&fixture->clock);
    pthread_mutex_init(&fixture->reducers.lock, NULL);
    deadline_cond_init(&fixture->reducers.changed);
    start(fixture);
    *state = fixture;
    return 0;
}

int due_fixture_in_memory(void **state)
{
    return open_fixture(state, "memory");
}

int due_fixture_on_disk(void **state)
{
    return open_fixture(state, "rocksdb");
}

int due_fixture_close(void **state)
{
    struct due_fixture *fixture = *state;

    stop(fixture);
    store_close(&fixture->store);
    pthread_mutex_destroy(&fixture->reducers.lock);
    pthread_cond_destroy(&fixture->reducers.changed);
    free(fixture);
    return 0;
}

void due_fixture_restart(struct due_fixture *fixture)
{
    stop(fixture);
    store_restart(&fixture->store);
    start(fixture);
}

void due_fixture_rebuild(struct due_fixture *fixture)
{
    struct maintenance maintenance = {.engine = fixture->store.engine};
    struct store_facts facts;

    stop(fixture);
    assert_ok(store_rebuild(&maintenance, &facts));
    assert_ok(store_verify(&maintenance, &facts));
    assert_int_equal(facts.disagreements, 0);
    start(fixture);
}

/* --- changes --------------------------------------------------------------------------------- */

static sem_t told;

static void on_done(struct intent *intent)
{
    (void)intent;
    sem_post(&told);
}

static void wait_for_done(void)
{
    while (sem_wait(&told) != 0)
        continue;
    sem_destroy(&told);
}

void append(struct due_fixture *fixture, const char *stream, size_t count)
{
    uint64_t last;

    assert_ok(append_some(fixture->log, stream, ANY, count, &last));
}

void put(struct due_fixture *fixture, const char *stream, uint64_t revision, int64_t expires_us)
{
    struct snapshot_change change = {.kind = SNAPSHOT_PUT,
                                     .stream = bytes_of_text(stream),
                                     .revision = revision,
                                     .expires_us = expires_us,
                                     .intent.done = on_done};
    struct arena arena;

    sem_init(&told, 0, 0);
    arena_init(&arena, 1 << 20);
    assert_ok(snapshot_change_submit(fixture->snapshots, &change, &arena));
    wait_for_done();
    assert_ok(change.intent.status);
    arena_destroy(&arena);
}

void set_policy(struct due_fixture *fixture, const char *category, uint64_t every_events,
                int64_t every_us)
{
    struct snapshot_policy_change change = {
        .is_category = true,
        .name = bytes_of_text(category),
        .removes = every_events == 0 && every_us == 0,
        .policy = {.every_events = every_events, .every_us = every_us, .keep = 1},
        .intent.done = on_done};

    sem_init(&told, 0, 0);
    assert_ok(snapshot_policy_submit(fixture->snapshots, &change));
    wait_for_done();
    assert_ok(change.intent.status);
}

/* --- a subscriber ---------------------------------------------------------------------------- */

static void on_wake(struct due_subscriber *subscriber)
{
    struct listener *listener = container_of(subscriber, struct listener, subscriber);

    pthread_mutex_lock(&listener->lock);
    listener->is_woken = true;
    pthread_cond_signal(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
}

void listen(struct due_fixture *fixture, struct listener *listener)
{
    *listener = (struct listener){.due = fixture->due, .subscriber.wake = on_wake};
    pthread_mutex_init(&listener->lock, NULL);
    deadline_cond_init(&listener->changed);
    assert_ok(due_streams_subscribe(fixture->due, &listener->subscriber));
}

void leave(struct listener *listener)
{
    due_streams_unsubscribe(listener->due, &listener->subscriber);
    pthread_mutex_destroy(&listener->lock);
    pthread_cond_destroy(&listener->changed);
}

struct due_told hear(struct listener *listener)
{
    struct timespec until = deadline_after_us(WAIT_US_MAX);
    struct due_told heard;
    int result = 0;

    while (due_streams_next(listener->due, &listener->subscriber, &heard) != DUE_TOLD) {
        pthread_mutex_lock(&listener->lock);
        while (!listener->is_woken && result == 0)
            result = pthread_cond_timedwait(&listener->changed, &listener->lock, &until);
        listener->is_woken = false;
        pthread_mutex_unlock(&listener->lock);
        assert_int_equal(result, 0);
    }
    return heard;
}

void expect_heard(struct listener *listener, const char *stream)
{
    struct due_told heard = hear(listener);

    assert_true(bytes_equal(bytes_of(heard.name, heard.name_size), bytes_of_text(stream)));
}

/* --- counting -------------------------------------------------------------------------------- */

struct sum {
    const char *name;
    double value;
};

static void add(void *context, const struct metric *metric)
{
    struct sum *sum = context;

    if (strcmp(metric->name, sum->name) == 0)
        sum->value += metric->value;
}

double metric_of(struct due_fixture *fixture, const char *name)
{
    struct sum sum = {name, 0};

    due_streams_statistics(fixture->due, add, &sum);
    return sum.value;
}
