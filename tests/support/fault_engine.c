#include "tests/support/fault_engine.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct fault_engine {
    struct engine base;
    struct engine *inner;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fault_counts counts;
    uint64_t failing_commit; /* as counts.commits counts; 0: none */
    uint64_t failing_read;
    enum fault_moment moment;
    struct status failure; /* of the failing commit */
    bool short_of_room;
    bool failed; /* a commit has failed */
    bool holding;
    bool held; /* a commit waits */
};

static struct fault_engine *fault_engine_of(struct engine *engine)
{
    return container_of(engine, struct fault_engine, base);
}

static bool begin_read(struct fault_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    bool fails = ++engine->counts.reads == engine->failing_read;
    pthread_mutex_unlock(&engine->lock);
    return fails;
}

static struct status read_failure(void)
{
    return status_make(STATUS_UNAVAILABLE, "read: IO error: injected");
}

static struct status fault_get(struct engine *base, enum family family, struct bytes key,
                               struct arena *arena, struct bytes *value)
{
    struct fault_engine *engine = fault_engine_of(base);

    if (begin_read(engine))
        return read_failure();
    return engine_get(engine->inner, family, key, arena, value);
}

static struct status fault_multi_get(struct engine *base, enum family family,
                                     const struct bytes *keys, size_t count, struct arena *arena,
                                     struct bytes *values)
{
    struct fault_engine *engine = fault_engine_of(base);

    if (begin_read(engine))
        return read_failure();
    return engine_multi_get(engine->inner, family, keys, count, arena, values);
}

static struct status fault_scan(struct engine *base, const struct scan *scan, scan_visit *visit,
                                void *context)
{
    struct fault_engine *engine = fault_engine_of(base);
    bool fails = begin_read(engine);

    TRY(engine_scan(engine->inner, scan, visit, context));
    return fails ? read_failure() : OK;
}

/* The lock is held; it is given up while the commit is held. */
static bool begin_commit(struct fault_engine *engine, size_t count)
{
    engine->counts.commits++;
    engine->counts.writes += count;
    bool fails = engine->counts.commits == engine->failing_commit;
    while (engine->holding) {
        engine->held = true;
        pthread_cond_broadcast(&engine->changed);
        pthread_cond_wait(&engine->changed, &engine->lock);
    }
    engine->held = false;
    return fails;
}

static struct status fault_commit(struct engine *base, const struct write *writes, size_t count,
                                  bool durable)
{
    struct fault_engine *engine = fault_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    bool refused = engine->failed;
    bool fails = begin_commit(engine, count);
    engine->failed |= fails;
    enum fault_moment moment = engine->moment;
    struct status failure = engine->failure;
    pthread_mutex_unlock(&engine->lock);

    if (refused)
        return status_make(STATUS_UNAVAILABLE, "commit: refused since an earlier one failed");
    if (!fails)
        return engine_commit(engine->inner, writes, count, durable);
    if (moment == FAULT_AFTER)
        TRY(engine_commit(engine->inner, writes, count, durable));
    return failure;
}

static struct status fault_admit(struct engine *base)
{
    struct fault_engine *engine = fault_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    bool is_short = engine->short_of_room;
    pthread_mutex_unlock(&engine->lock);
    if (is_short)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "disk full: 1 MiB are free, 8 must be");
    return engine_admit(engine->inner);
}

void fault_engine_set_room(struct engine *base, bool enough)
{
    struct fault_engine *engine = fault_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    engine->short_of_room = !enough;
    pthread_mutex_unlock(&engine->lock);
}

static struct status fault_checkpoint(struct engine *base, const char *directory)
{
    return engine_checkpoint(fault_engine_of(base)->inner, directory);
}

static struct status fault_compact(struct engine *base, enum family family, struct bytes from,
                                   struct bytes to)
{
    return engine_compact(fault_engine_of(base)->inner, family, from, to);
}

static void fault_close(struct engine *base)
{
    struct fault_engine *engine = fault_engine_of(base);

    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

struct engine *fault_engine_open(struct engine *inner)
{
    static const struct engine_operations operations = {
        .name = "fault",
        .get = fault_get,
        .multi_get = fault_multi_get,
        .scan = fault_scan,
        .commit = fault_commit,
        .admit = fault_admit,
        .checkpoint = fault_checkpoint,
        .compact = fault_compact,
        .close = fault_close,
    };
    struct fault_engine *engine = calloc(1, sizeof *engine);

    assert(engine);
    engine->base.operations = &operations;
    engine->inner = inner;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->changed, NULL);
    return &engine->base;
}

/* --- what the test says --------------------------------------------------- */

static void set_failure(struct fault_engine *engine, uint64_t nth, enum fault_moment moment,
                        struct status failure)
{
    assert(nth > 0);
    pthread_mutex_lock(&engine->lock);
    engine->failing_commit = engine->counts.commits + nth;
    engine->moment = moment;
    engine->failure = failure;
    pthread_mutex_unlock(&engine->lock);
}

void fault_engine_fail_commit(struct engine *base, uint64_t nth, enum fault_moment moment)
{
    set_failure(fault_engine_of(base), nth, moment,
                status_make(STATUS_UNAVAILABLE, "commit: IO error: injected"));
}

void fault_engine_fill_disk(struct engine *base, uint64_t nth)
{
    set_failure(fault_engine_of(base), nth, FAULT_BEFORE,
                status_make(STATUS_RESOURCE_EXHAUSTED, "commit: No space left on device"));
}

void fault_engine_fail_read(struct engine *base, uint64_t nth)
{
    struct fault_engine *engine = fault_engine_of(base);

    assert(nth > 0);
    pthread_mutex_lock(&engine->lock);
    engine->failing_read = engine->counts.reads + nth;
    pthread_mutex_unlock(&engine->lock);
}

static void set_holding(struct fault_engine *engine, bool holding)
{
    pthread_mutex_lock(&engine->lock);
    engine->holding = holding;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

void fault_engine_hold_commits(struct engine *base)
{
    set_holding(fault_engine_of(base), true);
}

void fault_engine_release_commits(struct engine *base)
{
    set_holding(fault_engine_of(base), false);
}

void fault_engine_await_held_commit(struct engine *base)
{
    struct fault_engine *engine = fault_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    while (!engine->held)
        pthread_cond_wait(&engine->changed, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
}

struct fault_counts fault_engine_counts(struct engine *base)
{
    struct fault_engine *engine = fault_engine_of(base);

    pthread_mutex_lock(&engine->lock);
    struct fault_counts counts = engine->counts;
    pthread_mutex_unlock(&engine->lock);
    return counts;
}
