/* The scavenge's thread: batches at a bounded rate, and compaction behind them. */
#include "storage/log/scavenge.h"

#include "base/log.h"
#include "storage/log/keys.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"

enum { RETRY_US = 20 * 1000 };

void scavenge_init(struct scavenge *scavenge)
{
    pthread_mutex_init(&scavenge->lock, NULL);
    pthread_mutex_init(&scavenge->following, NULL);
    halt_init(&scavenge->halt);
}

void scavenge_destroy(struct scavenge *scavenge)
{
    halt_destroy(&scavenge->halt);
    pthread_mutex_destroy(&scavenge->following);
    pthread_mutex_destroy(&scavenge->lock);
}

/* Until the bytes would have been read at the rate that the operator set. */
static bool keep_pace(struct event_log *log, uint64_t bytes_read, int64_t took_us)
{
    uint64_t rate = log->options.scavenge_bytes_per_s;
    int64_t should_take_us = (int64_t)((double)bytes_read * 1e6 / (double)rate);

    return halt_wait_us(&log->scavenge.halt,
                        should_take_us > took_us ? should_take_us - took_us : 0);
}

/* --- the walk --------------------------------------------------------------------------------- */

/* What was walked since the last compaction. */
struct slice {
    uint64_t begin;
    uint64_t bytes;
    bool is_hollow;
};

static struct status compact_slice(struct event_log *log, struct slice *slice, uint64_t end)
{
    uint8_t from[POSITION_KEY_BYTES], to[POSITION_KEY_BYTES];
    struct status status = OK;

    if (slice->is_hollow)
        status = engine_compact(log->engine, FAMILY_LOG, position_key(from, slice->begin),
                                position_key(to, end));
    *slice = (struct slice){.begin = end};
    return status;
}

static void publish(struct scavenge *scavenge, const struct scavenge_batch *batch)
{
    pthread_mutex_lock(&scavenge->lock);
    scavenge->progress.position = batch->position;
    scavenge->progress.events_removed += batch->events_removed;
    scavenge->progress.bytes_removed += batch->bytes_removed;
    pthread_mutex_unlock(&scavenge->lock);
}

/* CANCELLED, or why it cannot go on. */
static struct status walk(struct event_log *log, uint64_t end)
{
    static const struct bytes all = {0};
    struct slice slice = {0};
    bool any = false;

    for (uint64_t next = 0, position = 0; position < end;) {
        int64_t begun_us = clock_monotonic_us(system_clock());
        struct scavenge_batch batch;
        struct status status = scavenge_batch(log, next, end, &batch);
        if (status.code == STATUS_RESOURCE_EXHAUSTED || status.code == STATUS_ABORTED) {
            if (!halt_wait_us(&log->scavenge.halt, RETRY_US))
                return status_make(STATUS_CANCELLED, "scavenge: cancelled");
            continue;
        }
        TRY(status);
        publish(&log->scavenge, &batch);
        next = batch.next;
        position = batch.position;
        slice.bytes += batch.bytes_read;
        slice.is_hollow |= batch.is_hollow;
        any |= batch.bytes_removed > 0;
        if (slice.bytes >= SCAVENGE_SLICE_BYTES)
            TRY(compact_slice(log, &slice, next));
        if (!keep_pace(log, batch.bytes_read, clock_monotonic_us(system_clock()) - begun_us))
            return status_make(STATUS_CANCELLED, "scavenge: cancelled");
    }
    TRY(compact_slice(log, &slice, end));
    if (any) {
        TRY(engine_compact(log->engine, FAMILY_STREAMS, all, all));
        TRY(engine_compact(log->engine, FAMILY_INDEX, all, all));
    }
    return OK;
}

static struct status call_follower(struct scavenge *scavenge)
{
    struct status status = OK;

    pthread_mutex_lock(&scavenge->following);
    if (scavenge->follower)
        status = scavenge->follower->follow(scavenge->follower);
    pthread_mutex_unlock(&scavenge->following);
    return status;
}

static void *run(void *argument)
{
    struct event_log *log = argument;
    struct scavenge *scavenge = &log->scavenge;
    struct status status = walk(log, scavenge->progress.end);

    if (status_ok(status))
        status = call_follower(scavenge);
    pthread_mutex_lock(&scavenge->lock);
    scavenge->progress.state = status_ok(status)                 ? SCAVENGE_DONE
                               : status.code == STATUS_CANCELLED ? SCAVENGE_CANCELLED
                                                                 : SCAVENGE_FAILED;
    scavenge->progress.status = status;
    scavenge->progress.ended_us = clock_wall_us(log->options.clock);
    struct scavenge_progress progress = scavenge->progress;
    pthread_mutex_unlock(&scavenge->lock);
    log_line(progress.state == SCAVENGE_FAILED ? LOG_WARN : LOG_INFO, "scavenge", "ended",
             "events=%llu bytes=%llu cause=\"%s\"", (unsigned long long)progress.events_removed,
             (unsigned long long)progress.bytes_removed, status.message);
    return NULL;
}

/* --- from outside -------------------------------------------------------------------------------
 */

/* The lock is held. */
static struct status start(struct event_log *log)
{
    struct scavenge *scavenge = &log->scavenge;

    if (scavenge->progress.state == SCAVENGE_RUNNING) {
        counter_add(&scavenge->refused, 1);
        return status_make(STATUS_FAILED_PRECONDITION, "a scavenge is running");
    }
    if (scavenge->has_thread)
        pthread_join(scavenge->thread, NULL);
    halt_lift(&scavenge->halt);
    scavenge->progress = (struct scavenge_progress){
        .state = SCAVENGE_RUNNING,
        .status = OK,
        .end = retention_is_empty(&log->retention) ? 0 : event_log_end(log),
        .started_us = clock_wall_us(log->options.clock)};
    scavenge->has_thread = pthread_create(&scavenge->thread, NULL, run, log) == 0;
    if (scavenge->has_thread)
        return OK;
    scavenge->progress.state = SCAVENGE_NONE;
    return status_make(STATUS_RESOURCE_EXHAUSTED, "scavenge: cannot start its thread");
}

struct status event_log_scavenge(struct event_log *log)
{
    pthread_mutex_lock(&log->scavenge.lock);
    struct status status = start(log);
    pthread_mutex_unlock(&log->scavenge.lock);
    return status;
}

struct status event_log_cancel_scavenge(struct event_log *log)
{
    struct scavenge *scavenge = &log->scavenge;

    pthread_mutex_lock(&scavenge->lock);
    bool runs = scavenge->progress.state == SCAVENGE_RUNNING;
    if (runs)
        halt_call(&scavenge->halt);
    pthread_mutex_unlock(&scavenge->lock);
    return runs ? OK : status_make(STATUS_FAILED_PRECONDITION, "no scavenge is running");
}

struct scavenge_progress event_log_scavenge_progress(struct event_log *log)
{
    pthread_mutex_lock(&log->scavenge.lock);
    struct scavenge_progress progress = log->scavenge.progress;
    pthread_mutex_unlock(&log->scavenge.lock);
    return progress;
}

void event_log_set_scavenge_follower(struct event_log *log, struct scavenge_follower *follower)
{
    pthread_mutex_lock(&log->scavenge.following);
    log->scavenge.follower = follower;
    pthread_mutex_unlock(&log->scavenge.following);
}

bool event_log_scavenge_goes_on(struct event_log *log)
{
    return halt_wait_us(&log->scavenge.halt, 0);
}

void scavenge_stop(struct event_log *log)
{
    struct scavenge *scavenge = &log->scavenge;

    halt_call(&scavenge->halt);
    if (scavenge->has_thread)
        pthread_join(scavenge->thread, NULL);
    scavenge->has_thread = false;
}
