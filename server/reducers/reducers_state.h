/* What the parts of the room share. */
#ifndef SERVER_REDUCERS_REDUCERS_STATE_H
#define SERVER_REDUCERS_REDUCERS_STATE_H

#include <pthread.h>

#include "base/metric.h"
#include "server/reducers/limits.h"
#include "server/reducers/reducers.h"
#include "server/reducers/registry.h"

struct fold;

struct reducers {
    struct event_log *log;
    struct snapshot_store *snapshots;
    struct registry *registry;
    struct registry *upcasters;

    pthread_t thread;
    pthread_mutex_t lock; /* leaf */
    pthread_cond_t changed;
    struct reduction *waiting, **waiting_end; /* with the lock */
    size_t waiting_count;
    struct errand *returned; /* with the lock: what the writer is done with */
    size_t errands;          /* with the lock: on their way, or returned */
    bool is_stopping;        /* with the lock */
    struct job *active[REDUCTIONS_ACTIVE_MAX];
    size_t active_count;

    struct counter reductions, folded, upcast, failures, queue_full;
};

/* Something of this room that the writer works on. When it is done, `over` runs on the room's
 * thread. */
struct errand {
    void (*over)(struct errand *errand);
    struct errand *next;
};

void errand_begin(struct reducers *reducers);
/* @thread writer, or whoever could not submit it. */
void errand_return(struct reducers *reducers, struct errand *errand);

/* Disables a registration by an event, for good reason; then `over` runs. Any thread but the
 * writer. */
struct disabling {
    struct errand errand;
    struct reducers *reducers;
    struct registration *registration;
    struct registry_change change;
    struct arena arena;
};

void disabling_submit(struct disabling *disabling, struct reducers *reducers,
                      struct registration *registration, const char *error,
                      const struct bytes *stream, uint64_t revision);

/* Settles it, and releases what it holds. */
void disabling_end(struct disabling *disabling);

/* How much of a name is told in an error: cut where a character begins. */
int name_shown(struct bytes name);

/* --- job.c: a reduction underway ------------------------------------------------------------- */

/* Takes the reduction. NULL: it is done already, because it failed. */
struct job *job_begin(struct reducers *reducers, struct reduction *reduction);

/* One turn: a page of events at most. False: the job is over, or waits for the writer, which ends
 * it; then it is not to be used any more. */
bool job_step(struct job *job);

/* Ends it as it is. */
void job_cancel(struct job *job, struct status status);

#endif
