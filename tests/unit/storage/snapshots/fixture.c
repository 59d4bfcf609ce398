#include "tests/unit/storage/snapshots/fixture.h"

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
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/support/log_fixture.h"

static _Atomic(int64_t) time_us;

static int64_t read_now(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&time_us);
}

static const struct clock clock_of_test = {read_now, read_now};

void set_now_us(int64_t now_us)
{
    atomic_store(&time_us, now_us);
}

int64_t now(void)
{
    return atomic_load(&time_us);
}

static void open_engine(struct fixture *fixture)
{
    struct rocksdb_engine_options options = {.directory = fixture->directory,
                                             .block_cache_bytes = 8 << 20,
                                             .write_buffer_bytes = 8 << 20,
                                             .create_if_missing = true};

    if (fixture->on_disk)
        assert_ok(rocksdb_engine_open(&options, &fixture->engine));
    else if (!fixture->engine)
        assert_ok(memory_engine_open(&fixture->engine));
}

static void start(struct fixture *fixture)
{
    open_engine(fixture);
    assert_ok(key_store_open(&(struct key_store_options){.directory = fixture->key_directory},
                             &fixture->keys));
    assert_ok(event_log_open(
        &(struct event_log_options){.engine = fixture->engine,
                                    .clock = &clock_of_test,
                                    .keys = fixture->keys,
                                    .group_intents_max = fixture->intents_alone ? 1 : 0},
        &fixture->log));
    assert_ok(snapshot_cache_create(&(struct cache_options){.bytes_max = fixture->cache_bytes,
                                                            .policy = fixture->policy,
                                                            .clock = &clock_of_test},
                                    &fixture->cache));
    assert_ok(snapshot_store_open(&(struct snapshot_store_options){.log = fixture->log,
                                                                   .engine = fixture->engine,
                                                                   .cache = fixture->cache,
                                                                   .clock = &clock_of_test},
                                  &fixture->snapshots));
    assert_ok(value_store_open(&(struct value_store_options){.log = fixture->log,
                                                             .engine = fixture->engine,
                                                             .cache = fixture->cache,
                                                             .clock = &clock_of_test,
                                                             .flush_period_us = 20000},
                               &fixture->values));
}

static void stop(struct fixture *fixture)
{
    value_store_close(fixture->values);
    snapshot_store_close(fixture->snapshots);
    snapshot_cache_free(fixture->cache);
    event_log_close(fixture->log);
    key_store_close(fixture->keys);
    if (fixture->on_disk)
        engine_close(fixture->engine);
}

static int open_stores(void **state, bool on_disk)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *parent = getenv("TEST_TMPDIR");

    fixture->on_disk = on_disk;
    fixture->cache_bytes = 8 << 20;
    snprintf(fixture->directory, sizeof fixture->directory, "%s/snapshots.XXXXXX",
             parent && strlen(parent) < 40 ? parent : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->key_directory, sizeof fixture->key_directory, "%s.keys", fixture->directory);
    set_now_us(SECOND_US);
    start(fixture);
    *state = fixture;
    return 0;
}

int open_in_memory(void **state)
{
    return open_stores(state, false);
}

int open_on_disk(void **state)
{
    return open_stores(state, true);
}

int close_stores(void **state)
{
    struct fixture *fixture = *state;

    stop(fixture);
    if (!fixture->on_disk)
        engine_close(fixture->engine);
    free(fixture);
    return 0;
}

void reopen(struct fixture *fixture, size_t cache_bytes, enum cache_policy policy)
{
    stop(fixture);
    fixture->cache_bytes = cache_bytes;
    fixture->policy = policy;
    start(fixture);
}

/* --- changes ----------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static bool is_done;

static void on_done(struct intent *intent)
{
    (void)intent;
    pthread_mutex_lock(&lock);
    is_done = true;
    pthread_cond_signal(&told);
    pthread_mutex_unlock(&lock);
}

struct status run_change(struct fixture *fixture, struct snapshot_change *change)
{
    struct arena arena;

    is_done = false;
    change->intent.done = on_done;
    arena_init(&arena, 8 << 20);
    struct status status = snapshot_change_submit(fixture->snapshots, change, &arena);
    if (status_ok(status)) {
        pthread_mutex_lock(&lock);
        while (!is_done)
            pthread_cond_wait(&told, &lock);
        pthread_mutex_unlock(&lock);
        status = change->intent.status;
    }
    arena_destroy(&arena);
    return status;
}
