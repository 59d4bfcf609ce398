/* Snapshots that are not to be seen any more leave the disk behind a scavenge of the log. */
#include <pthread.h>
#include <stdlib.h>

#include "storage/snapshots/snapshot_state.h"

enum { STEP_STREAMS = 64, STREAM_BYTES_MAX = STREAM_NAME_BYTES_MAX + (8 << 10) };

struct step;

struct trim {
    struct snapshot_change change;
    struct step *step;
};

/* Some streams, whose changes are submitted together. */
struct step {
    struct snapshot_store *store;
    struct arena arena;
    struct trim trims[STEP_STREAMS];
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t underway;      /* with the lock */
    struct status status; /* the first failure */
    bool any;             /* something was taken away */
};

/* What cannot be read is left to who looks for damage. */
static bool needs_trim(struct snapshot_store *store, struct bytes stream)
{
    struct stream_hidden hidden;
    struct history history;

    if (!status_ok(event_log_find_hidden(store->options.log, stream, &hidden)) ||
        hidden.number == 0 || !status_ok(snapshot_read_history(store, hidden.number, &history)))
        return false;
    for (uint32_t i = 0; i < history.count; i++)
        if (snapshot_has_expired(store, history.items[i].expires_us) ||
            !snapshot_is_shown(history.items[i].revision, hidden.first_revision,
                               hidden.deleted_before))
            return true;
    return false;
}

static void visit_stream(void *context, struct bytes stream)
{
    struct step *step = context;

    if (!needs_trim(step->store, stream))
        return;
    stream = arena_copy(&step->arena, stream);
    if (stream.data)
        step->trims[step->count++] =
            (struct trim){.change = {.kind = SNAPSHOT_TRIM, .stream = stream}, .step = step};
}

/* @thread writer */
static void on_trimmed(struct intent *intent)
{
    struct trim *trim = container_of(intent, struct trim, change.intent);
    struct step *step = trim->step;

    pthread_mutex_lock(&step->lock);
    if (status_ok(step->status))
        step->status = intent->status;
    step->any |= trim->change.found;
    if (--step->underway == 0)
        pthread_cond_signal(&step->ended);
    pthread_mutex_unlock(&step->lock);
}

/* For whom the queue has no place, the next scavenge comes. */
static struct status submit(struct step *step, struct trim *trim)
{
    trim->change.intent.done = on_trimmed;
    pthread_mutex_lock(&step->lock);
    step->underway++;
    pthread_mutex_unlock(&step->lock);
    struct status status = snapshot_change_submit(step->store, &trim->change, &step->arena);
    if (status_ok(status))
        return OK;
    pthread_mutex_lock(&step->lock);
    step->underway--;
    pthread_mutex_unlock(&step->lock);
    return status.code == STATUS_RESOURCE_EXHAUSTED ? OK : status;
}

/* The streams at the cursor. */
static struct status trim_some(struct step *step, uint64_t *cursor)
{
    step->count = 0;
    step->status = OK;
    arena_init(&step->arena, (size_t)STEP_STREAMS * STREAM_BYTES_MAX);
    struct status status =
        snapshot_scan(step->store, *cursor, STEP_STREAMS, visit_stream, step, cursor);
    for (size_t i = 0; i < step->count && status_ok(status); i++)
        status = submit(step, &step->trims[i]);
    pthread_mutex_lock(&step->lock);
    while (step->underway > 0)
        pthread_cond_wait(&step->ended, &step->lock);
    pthread_mutex_unlock(&step->lock);
    arena_destroy(&step->arena);
    return status_ok(status) ? step->status : status;
}

static bool goes_on(struct snapshot_store *store)
{
    return !atomic_load(&store->is_closing) && event_log_scavenge_goes_on(store->options.log);
}

struct status snapshot_trim_all(struct scavenge_follower *follower)
{
    struct snapshot_store *store = container_of(follower, struct snapshot_store, follower);
    struct step *step = calloc(1, sizeof *step);
    struct status status = OK;
    uint64_t cursor = 0;

    if (!step)
        return snapshot_out_of_memory();
    step->store = store;
    pthread_mutex_init(&step->lock, NULL);
    pthread_cond_init(&step->ended, NULL);
    do
        status = trim_some(step, &cursor);
    while (status_ok(status) && cursor != 0 && goes_on(store));
    if (status_ok(status) && cursor != 0)
        status = status_make(STATUS_CANCELLED, "scavenge: cancelled");
    if (step->any && status_ok(status))
        status = snapshot_store_compact(store);
    pthread_cond_destroy(&step->ended);
    pthread_mutex_destroy(&step->lock);
    free(step);
    return status;
}
