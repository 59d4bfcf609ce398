#include "server/reducers/reducers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "server/reducers/reducers_state.h"
#include "storage/log/event_log.h"

int name_shown(struct bytes name)
{
    enum { BYTES_SHOWN = 60 };
    size_t size = name.size;

    if (size > BYTES_SHOWN)
        for (size = BYTES_SHOWN; size > 0 && (name.data[size] & 0xc0) == 0x80;)
            size--;
    return (int)size;
}

/* --- errands of the writer ------------------------------------------------------------------ */

void errand_begin(struct reducers *reducers)
{
    pthread_mutex_lock(&reducers->lock);
    reducers->errands++;
    pthread_mutex_unlock(&reducers->lock);
}

void errand_return(struct reducers *reducers, struct errand *errand)
{
    pthread_mutex_lock(&reducers->lock);
    errand->next = reducers->returned;
    reducers->returned = errand;
    pthread_cond_signal(&reducers->changed);
    pthread_mutex_unlock(&reducers->lock);
}

/* @thread writer. */
static void on_disabled(struct registry_change *change)
{
    struct disabling *self = container_of(change, struct disabling, change);

    errand_return(self->reducers, &self->errand);
}

void disabling_submit(struct disabling *disabling, struct reducers *reducers,
                      struct registration *registration, const char *error,
                      const struct bytes *stream, uint64_t revision)
{
    enum { ARENA_BYTES_MAX = 4 << 20 };
    Sagabase__V1__Disabled disabled = SAGABASE__V1__DISABLED__INIT;

    arena_init(&disabling->arena, ARENA_BYTES_MAX);
    disabling->reducers = reducers;
    disabling->registration = registration;
    disabling->change.done = on_disabled;
    disabled.error = (char *)error;
    disabled.stream = (char *)arena_copy(&disabling->arena, *stream).data;
    disabled.revision = revision;
    disabled.failed_us = clock_wall_us(event_log_clock(reducers->log));
    counter_add(&reducers->failures, 1);
    errand_begin(reducers);
    struct registry *registry =
        registration->kind == REGISTRY_REDUCERS ? reducers->registry : reducers->upcasters;
    struct status status =
        registry_disable(registry, registration, &disabled, &disabling->change, &disabling->arena);
    if (status_ok(status))
        return;
    disabling->change.registry = NULL; /* it fails again when it is used again */
    errand_return(reducers, &disabling->errand);
}

void disabling_end(struct disabling *disabling)
{
    if (disabling->change.registry) /* replaced meanwhile: then there is nothing to disable */
        (void)registry_change_settle(&disabling->change, &disabling->arena);
    registration_release(disabling->registration);
    arena_destroy(&disabling->arena);
}

/* --- the thread ------------------------------------------------------------------------------ */

static struct reduction *take_waiting(struct reducers *reducers)
{
    struct reduction *reduction = reducers->waiting;

    reducers->waiting = reduction->next;
    if (!reducers->waiting)
        reducers->waiting_end = &reducers->waiting;
    reducers->waiting_count--;
    return reduction;
}

/* With the lock; it is let go meanwhile. Most are done in their first turn: so they need not wait
 * for a turn of all others each. */
static void begin_waiting(struct reducers *reducers)
{
    for (size_t i = 0; i < REDUCTIONS_ACTIVE_MAX; i++) {
        if (!reducers->waiting || reducers->active_count == REDUCTIONS_ACTIVE_MAX)
            break;
        struct reduction *reduction = take_waiting(reducers);
        pthread_mutex_unlock(&reducers->lock);
        struct job *job = job_begin(reducers, reduction);
        if (job && job_step(job))
            reducers->active[reducers->active_count++] = job;
        pthread_mutex_lock(&reducers->lock);
    }
}

static void end_errands(struct reducers *reducers, struct errand *errand)
{
    size_t count = 0;

    while (errand) {
        struct errand *next = errand->next;
        errand->over(errand);
        errand = next;
        count++;
    }
    pthread_mutex_lock(&reducers->lock);
    reducers->errands -= count;
    pthread_mutex_unlock(&reducers->lock);
}

/* A turn for each, so that a long stream does not hold up the others. */
static void step_all(struct reducers *reducers)
{
    size_t kept = 0;

    for (size_t i = 0; i < reducers->active_count; i++)
        if (job_step(reducers->active[i]))
            reducers->active[kept++] = reducers->active[i];
    reducers->active_count = kept;
}

static struct status stopping(void)
{
    return status_make(STATUS_UNAVAILABLE, "the server is shutting down");
}

static void cancel_all(struct reducers *reducers)
{
    for (size_t i = 0; i < reducers->active_count; i++)
        job_cancel(reducers->active[i], stopping());
    reducers->active_count = 0;
    pthread_mutex_lock(&reducers->lock);
    while (reducers->waiting) {
        struct reduction *reduction = take_waiting(reducers);
        pthread_mutex_unlock(&reducers->lock);
        reduction->status = stopping();
        reduction->done(reduction);
        pthread_mutex_lock(&reducers->lock);
    }
    pthread_mutex_unlock(&reducers->lock);
}

/* With the lock; it is let go meanwhile. */
static void work(struct reducers *reducers)
{
    struct errand *returned = reducers->returned;
    bool is_stopping = reducers->is_stopping;

    reducers->returned = NULL;
    if (!is_stopping)
        begin_waiting(reducers);
    pthread_mutex_unlock(&reducers->lock);
    end_errands(reducers, returned);
    if (is_stopping)
        cancel_all(reducers);
    step_all(reducers);
    pthread_mutex_lock(&reducers->lock);
}

static void *run(void *argument)
{
    struct reducers *reducers = argument;

    pthread_mutex_lock(&reducers->lock);
    for (;;) {
        bool idle = !reducers->returned && reducers->active_count == 0 && !reducers->waiting;
        if (idle && reducers->is_stopping && reducers->errands == 0)
            break;
        if (idle)
            pthread_cond_wait(&reducers->changed, &reducers->lock);
        else
            work(reducers);
    }
    pthread_mutex_unlock(&reducers->lock);
    return NULL;
}

/* --- opening and closing --------------------------------------------------------------------- */

static void destroy(struct reducers *reducers)
{
    if (reducers->registry)
        registry_close(reducers->registry);
    if (reducers->upcasters)
        registry_close(reducers->upcasters);
    pthread_cond_destroy(&reducers->changed);
    pthread_mutex_destroy(&reducers->lock);
    free(reducers);
}

static struct status start(struct reducers *reducers)
{
    TRY(registry_open(REGISTRY_REDUCERS, reducers->log, &reducers->registry));
    TRY(registry_open(REGISTRY_UPCASTERS, reducers->log, &reducers->upcasters));
    if (pthread_create(&reducers->thread, NULL, run, reducers) != 0)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "reducers: cannot start the thread");
    return OK;
}

struct status reducers_open(const struct reducers_options *options, struct reducers **reducers)
{
    struct reducers *self = calloc(1, sizeof *self);

    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "reducers: out of memory");
    self->log = options->log;
    self->snapshots = options->snapshots;
    self->waiting_end = &self->waiting;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    struct status status = start(self);
    if (!status_ok(status)) {
        destroy(self);
        return status;
    }
    *reducers = self;
    return OK;
}

void reducers_close(struct reducers *reducers)
{
    pthread_mutex_lock(&reducers->lock);
    reducers->is_stopping = true;
    pthread_cond_signal(&reducers->changed);
    pthread_mutex_unlock(&reducers->lock);
    pthread_join(reducers->thread, NULL);
    destroy(reducers);
}

/* --- any thread --------------------------------------------------------------------------------
 */

struct status reducers_submit(struct reducers *reducers, struct reduction *reduction)
{
    struct status status = OK;

    reduction->next = NULL;
    pthread_mutex_lock(&reducers->lock);
    if (reducers->is_stopping) {
        status = stopping();
    } else if (reducers->waiting_count == REDUCTIONS_WAITING_MAX) {
        counter_add(&reducers->queue_full, 1);
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "reducers: %d states are waited for",
                             REDUCTIONS_WAITING_MAX);
    } else {
        *reducers->waiting_end = reduction;
        reducers->waiting_end = &reduction->next;
        reducers->waiting_count++;
        pthread_cond_signal(&reducers->changed);
    }
    pthread_mutex_unlock(&reducers->lock);
    return status;
}

void reduction_clear(struct reduction *reduction)
{
    free((void *)reduction->state.data);
    reduction->state = (struct bytes){0};
}

bool reducers_has(struct reducers *reducers, struct bytes category)
{
    struct registration *found = registry_find(reducers->registry, category);
    bool runs = found && !found->disabled;

    if (found)
        registration_release(found);
    return runs;
}

void reducers_watch(struct reducers *reducers, struct registry_watcher *watcher)
{
    registry_watch(reducers->registry, watcher);
}

struct registry *reducers_registry(struct reducers *reducers)
{
    return reducers->registry;
}

struct registry *reducers_upcasters(struct reducers *reducers)
{
    return reducers->upcasters;
}

void reducers_statistics(struct reducers *reducers, metric_visit *visit, void *context)
{
    metric_counter(visit, context, "sagabase_reductions_total", "States that were folded.",
                   (double)counter_get(&reducers->reductions));
    metric_counter(visit, context, "sagabase_reducer_events_total",
                   "Events that reducers were given.", (double)counter_get(&reducers->folded));
    metric_counter(visit, context, "sagabase_upcast_events_total",
                   "Events that upcasters were given.", (double)counter_get(&reducers->upcast));
    metric_counter(visit, context, "sagabase_reducer_failures_total",
                   "Times a reducer or upcaster failed and was to be disabled.",
                   (double)counter_get(&reducers->failures));
    pthread_mutex_lock(&reducers->lock);
    size_t waiting = reducers->waiting_count;
    pthread_mutex_unlock(&reducers->lock);
    metric_gauge(visit, context, "sagabase_reducer_queue", "States that wait for their turn.",
                 (double)waiting);
}

void reducers_limits(struct reducers *reducers, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "reductions_waiting", counter_get(&reducers->queue_full));
}
