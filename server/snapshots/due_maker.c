/* Snapshots that the server makes itself, where a category has a reducer: one after another, and
 * after each it rests as long as that took, so half of the reducers' thread is left to others. */
#include <string.h>

#include "base/log.h"
#include "server/snapshots/due_state.h"
#include "storage/log/query.h"

enum {
    BUSY_REST_US = 100000, /* the reducers had no room */
};

bool due_is_servers(const struct due_streams *due, struct bytes stream)
{
    const struct due_reducers *reducers = &due->options.reducers;

    return reducers->reducers && reducers->has(reducers->reducers, category_of(stream));
}

/* On the reducers' thread. */
static void on_done(struct reduction *reduction)
{
    struct due_streams *due = reduction->context;

    pthread_mutex_lock(&due->lock);
    due->maker.is_done = true;
    due_wake(due);
    pthread_mutex_unlock(&due->lock);
}

/* The first of the streams that wait for the server; false: none. */
static bool choose(struct due_streams *due)
{
    struct due_maker *maker = &due->maker;
    struct due_stream *stream;

    pthread_mutex_lock(&due->lock);
    stream = due->table.for_server.first;
    if (stream) {
        memcpy(maker->stream, stream->name, stream->name_size);
        maker->reduction = (struct reduction){
            .stream = {maker->stream, stream->name_size},
            .at = REDUCTION_NEWEST,
            .to_put = true,
            .done = on_done,
            .context = due,
        };
    }
    pthread_mutex_unlock(&due->lock);
    return stream != NULL;
}

/* Nothing came of it: it is looked at again, and tried again later if it is still the server's. */
static void put_off(struct due_streams *due, struct status cause)
{
    struct due_maker *maker = &due->maker;
    struct due_stream *stream;

    counter_add(&maker->failed, 1);
    log_line(LOG_WARN, "snapshots", "not made", "cause=\"%s\"", cause.message);
    pthread_mutex_lock(&due->lock);
    stream = due_table_find(&due->table, maker->reduction.stream);
    if (stream)
        due_table_fail(&due->table, stream, clock_wall_us(due->clock));
    pthread_mutex_unlock(&due->lock);
}

/* Somebody else has put one, or the stream has gone. */
static void look_anew(struct due_streams *due)
{
    pthread_mutex_lock(&due->lock);
    due_table_put(&due->table, due->maker.reduction.stream);
    pthread_mutex_unlock(&due->lock);
}

static bool submit(struct due_streams *due)
{
    const struct due_reducers *reducers = &due->options.reducers;
    struct due_maker *maker = &due->maker;
    int64_t now_us = clock_monotonic_us(system_clock());

    maker->begun_us = now_us;
    maker->is_underway = true;
    struct status status = reducers->submit(reducers->reducers, &maker->reduction);
    if (status_ok(status))
        return true;
    maker->is_underway = false;
    maker->rests_until_us = now_us + BUSY_REST_US;
    if (status.code != STATUS_RESOURCE_EXHAUSTED)
        put_off(due, status);
    return false;
}

/* The store has told of it: else the stream would be chosen for ever. */
static bool was_put(struct due_streams *due, uint64_t revision)
{
    pthread_mutex_lock(&due->lock);
    const struct due_stream *stream = due_table_find(&due->table, due->maker.reduction.stream);
    bool was = !stream || stream->to_look ||
               (stream->newest.exists && stream->newest.revision >= revision);
    pthread_mutex_unlock(&due->lock);
    return was;
}

/* What became of it. False: it is underway still. */
static bool settle(struct due_streams *due)
{
    const struct due_reducers *reducers = &due->options.reducers;
    struct due_maker *maker = &due->maker;
    int64_t now_us = clock_monotonic_us(system_clock());

    pthread_mutex_lock(&due->lock);
    bool is_done = maker->is_done;
    maker->is_done = false;
    pthread_mutex_unlock(&due->lock);
    if (!is_done)
        return false;
    maker->is_underway = false;
    maker->rests_until_us = now_us + (now_us - maker->begun_us);
    struct status status = maker->reduction.status;
    uint64_t revision = maker->reduction.revision;
    if (reducers->clear)
        reducers->clear(&maker->reduction);
    if (status_ok(status) && !was_put(due, revision))
        status = status_make(STATUS_INTERNAL, "a state was made, and not put");
    if (status_ok(status))
        counter_add(&maker->made, 1);
    else if (status.code == STATUS_ABORTED || status.code == STATUS_NOT_FOUND)
        look_anew(due);
    else
        put_off(due, status);
    return true;
}

bool due_make(struct due_streams *due)
{
    struct due_maker *maker = &due->maker;
    bool settled = maker->is_underway && settle(due);

    if (maker->is_underway || clock_monotonic_us(system_clock()) < maker->rests_until_us ||
        !choose(due))
        return settled;
    if (due_is_servers(due, maker->reduction.stream))
        return submit(due) || settled;
    due_streams_look_again(due, maker->reduction.stream); /* the reducer has gone */
    return true;
}

int64_t due_make_at_us(const struct due_streams *due)
{
    if (due->maker.is_underway || due->table.for_server.count == 0)
        return INT64_MAX;
    return due->maker.rests_until_us;
}

void due_make_end(struct due_streams *due)
{
    const struct due_reducers *reducers = &due->options.reducers;
    struct due_maker *maker = &due->maker;

    if (!maker->is_underway)
        return;
    atomic_store(&maker->reduction.is_abandoned, true);
    pthread_mutex_lock(&due->lock);
    while (!maker->is_done)
        pthread_cond_wait(&due->changed, &due->lock);
    pthread_mutex_unlock(&due->lock);
    if (reducers->clear)
        reducers->clear(&maker->reduction);
}
