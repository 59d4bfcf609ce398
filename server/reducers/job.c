/* A reduction underway: from the newest snapshot that this very reducer made, page by page of
 * events, to the state.
 *
 *   begin --> step ... step --+--> done
 *                             +--> put the snapshot, or disable the reducer --> done
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/reducers/fold.h"
#include "server/reducers/reducers_state.h"
#include "storage/log/read.h"
#include "storage/snapshots/snapshot_store.h"

enum {
    TURN_EVENTS_MAX = 1000,
    TURN_BYTES_MAX = 256 << 10,
    TURN_US = 20000, /* then others have theirs, within a page, too */
    ARENA_BYTES = 4 << 20,
    CONTENT_TYPE_BYTES = 64,
};

struct job {
    struct reducers *reducers;
    struct reduction *reduction;
    struct registration *registration;
    struct fold *fold;
    struct stream_head head;
    uint64_t next; /* revision of the next event */
    uint64_t last; /* of the last one */
    bool is_put;   /* a snapshot of this very state is there already */
    char content_type[CONTENT_TYPE_BYTES];
    struct arena arena;

    struct disabling disabling; /* with a copy of the status that is answered */
    struct errand putting;
    struct snapshot_change change;
};

static struct status out_of_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "reducer: out of memory");
}

/* --- ending ---------------------------------------------------------------------------------- */

static void end(struct job *job, struct status status)
{
    struct reduction *reduction = job->reduction;

    reduction->status = status;
    if (!status_ok(status))
        reduction_clear(reduction);
    if (job->fold)
        fold_free(job->fold);
    if (job->registration)
        registration_release(job->registration);
    arena_destroy(&job->arena);
    free(job);
    reduction->done(reduction);
}

void job_cancel(struct job *job, struct status status)
{
    end(job, status);
}

static void on_put_over(struct errand *errand)
{
    struct job *job = container_of(errand, struct job, putting);

    end(job, job->change.intent.status);
}

/* @thread writer. */
static void on_put(struct intent *intent)
{
    struct job *job = container_of(intent, struct job, change.intent);

    errand_return(job->reducers, &job->putting);
}

/* The state is the reduction's already. */
static void put_snapshot(struct job *job)
{
    struct reduction *reduction = job->reduction;

    job->change = (struct snapshot_change){
        .intent = {.done = on_put},
        .kind = SNAPSHOT_PUT,
        .stream = reduction->stream,
        .revision = reduction->revision,
        .content_type = bytes_of_text(job->content_type),
        .state = reduction->state,
        .expires_us = SNAPSHOT_NO_EXPIRY,
        .keep = reduction->keep,
    };
    job->putting.over = on_put_over;
    errand_begin(job->reducers);
    struct status status =
        snapshot_change_submit(job->reducers->snapshots, &job->change, &job->arena);
    if (!status_ok(status)) {
        job->change.intent.status = status;
        errand_return(job->reducers, &job->putting);
    }
}

static void on_disabled_over(struct errand *errand)
{
    struct disabling *disabling = container_of(errand, struct disabling, errand);
    struct job *job = container_of(disabling, struct job, disabling);

    disabling_end(disabling);
    end(job, job->reduction->status);
}

/* The reducer fails at an event; the answer tells where. */
static void disable(struct job *job, uint64_t revision, const char *error)
{
    struct reduction *reduction = job->reduction;
    struct registration *registration = job->registration;

    reduction->status = status_make(
        STATUS_FAILED_PRECONDITION, "the reducer of \"%.*s\" fails at %.*s@%" PRIu64 ": %s",
        name_shown(registration->name), (const char *)registration->name.data,
        name_shown(reduction->stream), (const char *)reduction->stream.data, revision, error);
    log_line(LOG_WARN, "reducers", "disabled", "category=%s stream=%s revision=%" PRIu64,
             log_name(registration->name).text, log_name(reduction->stream).text, revision);
    job->registration = NULL; /* the disabling has it */
    job->disabling.errand.over = on_disabled_over;
    disabling_submit(&job->disabling, job->reducers, registration, error, &reduction->stream,
                     revision);
}

static void finish(struct job *job)
{
    struct reduction *reduction = job->reduction;
    struct buffer state;

    buffer_init(&state, SNAPSHOT_STATE_BYTES_MAX);
    struct status status = fold_state(job->fold, &state);
    if (!status_ok(status)) {
        buffer_destroy(&state);
        if (status.code == STATUS_FAILED_PRECONDITION)
            return disable(job, job->last, fold_error(job->fold));
        return end(job, status);
    }
    counter_add_alone(&job->reducers->reductions, 1);
    reduction->state = buffer_bytes(&state); /* malloc'ed; now its own */
    reduction->revision = job->last;
    reduction->hash = job->registration->hash;
    if (reduction->to_put && !job->is_put && reduction->at == REDUCTION_NEWEST)
        return put_snapshot(job);
    end(job, OK);
}

/* --- beginning -------------------------------------------------------------------------------- */

static struct status find_reducer(struct job *job)
{
    struct bytes category = category_of(job->reduction->stream);

    job->registration = registry_find(job->reducers->registry, category);
    if (!job->registration)
        return status_make(STATUS_FAILED_PRECONDITION, "category \"%.*s\" has no reducer",
                           name_shown(category), (const char *)category.data);
    const Sagabase__V1__Disabled *disabled = job->registration->disabled;
    if (disabled)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "the reducer of \"%.*s\" is disabled since it failed at %.*s@%" PRIu64
                           ": %s",
                           name_shown(category), (const char *)category.data,
                           name_shown(bytes_of_text(disabled->stream)), disabled->stream,
                           disabled->revision, disabled->error);
    snprintf(job->content_type, sizeof job->content_type, "application/json; reducer=%016" PRIx64,
             job->registration->hash);
    return fold_create(job->registration->reducer->reducer, &job->fold);
}

static struct status find_stream(struct job *job)
{
    struct reduction *reduction = job->reduction;

    TRY(event_log_find_stream(job->reducers->log, reduction->stream, &job->head));
    if (!job->head.exists)
        return status_make(STATUS_NOT_FOUND, "stream: \"%.*s\" has no events",
                           name_shown(reduction->stream), (const char *)reduction->stream.data);
    job->last = reduction->at == REDUCTION_NEWEST ? job->head.last_revision : reduction->at;
    if (job->last > job->head.last_revision || job->last < job->head.first_revision)
        return status_make(STATUS_OUT_OF_RANGE, "revision: %" PRIu64 " does not exist", job->last);
    return OK;
}

/* Whether the snapshot is of this reducer; then the fold begins with it. One that claims to be, but
 * holds no JSON, is a stranger's. */
static struct status try_snapshot(struct job *job, const struct snapshot *snapshot, bool *taken)
{
    bool is_ours = bytes_equal(snapshot->content_type, bytes_of_text(job->content_type)) &&
                   snapshot->state.size > 0 && snapshot->revision + 1 >= job->head.first_revision;
    struct status status = is_ours ? fold_begin(job->fold, snapshot->state) : OK;

    *taken = is_ours && status_ok(status);
    if (*taken) {
        job->next = snapshot->revision + 1;
        job->is_put = snapshot->revision == job->last;
    }
    return status.code == STATUS_INVALID_ARGUMENT ? OK : status;
}

/* From the newest one on back, until one is ours. */
static struct status begin_fold(struct job *job)
{
    uint64_t at = job->last;
    bool taken = false;

    for (int i = 0; !taken && i < SNAPSHOTS_KEPT_MAX; i++) {
        struct snapshot snapshot = {0};
        struct status status = snapshot_get(job->reducers->snapshots, job->reduction->stream, at,
                                            &job->arena, &snapshot);
        if (status.code == STATUS_NOT_FOUND)
            break;
        TRY(status);
        uint64_t revision = snapshot.revision;
        status = try_snapshot(job, &snapshot, &taken);
        snapshot_release(&snapshot);
        TRY(status);
        if (revision == 0)
            break;
        at = revision - 1;
    }
    if (taken)
        return OK;
    job->next = job->head.first_revision;
    return fold_begin(job->fold, (struct bytes){0});
}

static struct status begin(struct job *job)
{
    TRY(find_stream(job));
    TRY(find_reducer(job));
    return begin_fold(job);
}

struct job *job_begin(struct reducers *reducers, struct reduction *reduction)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job) {
        reduction->status = out_of_memory();
        reduction->done(reduction);
        return NULL;
    }
    job->reducers = reducers;
    job->reduction = reduction;
    reduction->folded = 0;
    arena_init(&job->arena, ARENA_BYTES);
    struct status status = begin(job);
    if (status_ok(status))
        return job;
    end(job, status);
    return NULL;
}

/* --- stepping ----------------------------------------------------------------------------------
 */

static struct status fold_stored(struct job *job, const struct event *event)
{
    Sagabase__V1__RecordedEvent *message;

    if (event->erased_us != 0)
        return OK;
    message = sagabase__v1__recorded_event__unpack(NULL, event->wire.size, event->wire.data);
    if (!message)
        return out_of_memory();
    struct status status = fold_event(job->fold, message);
    sagabase__v1__recorded_event__free_unpacked(message, NULL);
    job->reduction->folded++;
    counter_add_alone(&job->reducers->folded, 1);
    return status;
}

/* Some of the page; `next` is behind what was folded. At an error it names the event. */
static struct status fold_page(struct job *job, const struct page *page)
{
    struct bytes frames = buffer_bytes(&page->frames);
    int64_t end_us = clock_monotonic_us(system_clock()) + TURN_US;
    struct event event;

    while (event_next(&frames, &event)) {
        if (event.revision > job->last)
            break;
        job->next = event.revision;
        TRY(fold_stored(job, &event));
        job->next = event.revision + 1;
        if (clock_monotonic_us(system_clock()) > end_us)
            return OK;
    }
    job->next = page->end || page->next > job->last ? job->last + 1 : page->next;
    return OK;
}

static struct status fold_turn(struct job *job)
{
    struct read read = {.from = job->next,
                        .events_max = TURN_EVENTS_MAX,
                        .bytes_max = TURN_BYTES_MAX,
                        .retained_only = true};
    struct page page = {0};
    struct status status =
        event_log_read_stream(job->reducers->log, job->head.number, &read, &page);

    if (status_ok(status))
        status = fold_page(job, &page);
    buffer_destroy(&page.frames);
    return status;
}

bool job_step(struct job *job)
{
    struct status status = OK;

    if (atomic_load(&job->reduction->is_abandoned)) {
        end(job, status_make(STATUS_CANCELLED, "nobody waits for the state any more"));
        return false;
    }
    if (job->next <= job->last)
        status = fold_turn(job);
    if (status.code == STATUS_FAILED_PRECONDITION)
        disable(job, job->next, fold_error(job->fold));
    else if (!status_ok(status))
        end(job, status);
    else if (job->next > job->last)
        finish(job);
    else
        return true;
    return false;
}
