/* The one writer. Whoever wants to change the store submits an intent; one
 * thread decides them one after another, commits a group of them with one
 * fsync, and tells each what became of it. So checks need no locks, and while
 * one group waits for the disk the next one gathers.
 *
 * The log knows nothing of sagas, snapshots or groups: they are intents. */
#ifndef STORAGE_LOG_SEQUENCER_H
#define STORAGE_LOG_SEQUENCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/inbox.h"
#include "base/status.h"
#include "base/trace.h"
#include "storage/engine/engine.h"

struct commit;    /* a group in the making; on the writer thread only */
struct event_log; /* event_log.h */

struct intent {
    struct inbox_link link; /* the sequencer's, from submit until done */

    /* @thread writer. Pure CPU work over heads in memory: check everything
     * first, then add to the commit; once something was added it may not fail.
     * A status other than OK means that nothing was added. */
    struct status (*decide)(struct intent *intent, struct commit *commit);

    /* @thread writer. Called exactly once, with `status` set, after the group
     * is durable or was refused. The intent is the caller's again; `done` must
     * be short, may not block, and may not submit. */
    void (*done)(struct intent *intent);

    bool frees_room; /* tried even when room on disk is short */
    /* The span that it belongs to, until `done`; NULL: nobody traces it. */
    const struct trace_context *trace;

    size_t bytes;         /* about what it adds to the commit; bounds the queue */
    struct status status; /* what decide or the commit returned */
};

/* Any thread. OK: `done` will run. RESOURCE_EXHAUSTED: the queue is full, or
 * UNAVAILABLE: the store is closing or failed; then `done` will not run. */
struct status event_log_submit(struct event_log *log, struct intent *intent);

/* Any thread. More than half of the queue is taken: who begins new work should wait, so that begun
 * work can be finished. */
bool event_log_is_busy(const struct event_log *log);

/* --- inside decide: @thread writer ------------------------------------- */

/* Memory that lives until the group's last `done` has run. */
struct arena *commit_arena(struct commit *commit);

/* Adds a put or a delete. The bytes must live until `done`. */
void commit_put(struct commit *commit, enum family family, struct bytes key, struct bytes value);
void commit_delete(struct commit *commit, enum family family, struct bytes key);

/* What was added cannot be completed: nothing of the group will be stored, and the store fails as
 * it does when the disk does. */
void commit_fail(struct commit *commit, struct status cause);

/* The time of this group: microseconds since 1970; never goes back. */
int64_t commit_time_us(const struct commit *commit);

#endif
