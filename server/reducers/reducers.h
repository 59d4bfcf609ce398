/* Reducers: what folds the events of a stream into its state, on the server, for one category of
 * streams each. They are kept as events of the streams $reducer-<category> (registry.h). Upcasters
 * are kept beside them, and used in upcast.h.
 *
 *   any thread               thread of this room                          any thread
 *   reducers_submit  --->    begin with a snapshot, page by page of  -->  reduction_clear
 *                            events in turn with others, done
 *
 * A reducer runs off the write path and off the queue threads: on a thread of this room, up to
 * REDUCTIONS_ACTIVE_MAX streams in turn, bounded in steps and memory. One that fails is disabled,
 * which is an event, too; nothing else is touched.
 *
 * A reducer sees events as they are stored, and not those that were erased.
 *
 * A snapshot that a reducer made names it in its content type, so that no other reducer begins
 * with it: "application/json; reducer=<hash>". */
#ifndef SERVER_REDUCERS_REDUCERS_H
#define SERVER_REDUCERS_REDUCERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/metric.h"
#include "base/status.h"

struct event_log;
struct reducers;
struct registry; /* registry.h */
struct snapshot_store;

struct reducers_options {
    struct event_log *log;            /* borrowed */
    struct snapshot_store *snapshots; /* borrowed */
};

/* Reads what is registered, and starts the thread. */
struct status reducers_open(const struct reducers_options *options, struct reducers **reducers);

/* Ends what is waiting with UNAVAILABLE, and stops the thread. Before the snapshots and the log are
 * closed, when nothing is submitted any more. */
void reducers_close(struct reducers *reducers);

/* --- states -------------------------------------------------------------------------------- */

/* The state of one stream, wanted; all zero but for what the caller sets. The caller owns it and
 * all it points to, until `done`. */
struct reduction {
    struct bytes stream;
    uint64_t at;   /* the state after the event of this revision; REDUCTION_NEWEST: as of now */
    bool to_put;   /* also put the state as a snapshot, for the newest revision only */
    uint32_t keep; /* with to_put: as of snapshot_change */
    void (*done)(struct reduction *reduction); /* on the thread of this room */
    void *context;

    _Atomic bool is_abandoned; /* any thread: nobody waits; it ends soon with CANCELLED */

    /* Results, valid in `done` and after it until reduction_clear().
     *
     * NOT_FOUND: no such stream. OUT_OF_RANGE: no such revision. FAILED_PRECONDITION: there is no
     * reducer, or it is disabled, or it has failed; what it failed at is told. ABORTED, with
     * to_put: there is a newer snapshot already. */
    struct status status;
    struct bytes state; /* JSON; malloc'ed */
    uint64_t revision;
    uint64_t folded; /* events */
    uint64_t hash;   /* of the reducer */

    struct reduction *next; /* of the queue */
};

#define REDUCTION_NEWEST UINT64_MAX

/* Any thread; never blocks. RESOURCE_EXHAUSTED: too many are waiting, and `done` will not run. */
struct status reducers_submit(struct reducers *reducers, struct reduction *reduction);

void reduction_clear(struct reduction *reduction);

/* Whether the streams of a category have a reducer that runs. Any thread. */
bool reducers_has(struct reducers *reducers, struct bytes category);

/* --- what is registered --------------------------------------------------------------------- */

/* Is told, on the writer thread, of each registration that has taken effect, is disabled or is
 * gone: when that holds for whoever asks, and before whoever changed it hears of it. Short; may not
 * block; the name is borrowed for the call. */
struct registry_watcher {
    void (*changed)(struct registry_watcher *watcher, struct bytes name);
};

/* One watcher of reducers, borrowed; their names are categories. NULL: none any more; when this
 * returns it is not called, and will not be. Any thread that is no watcher's. */
void reducers_watch(struct reducers *reducers, struct registry_watcher *watcher);

struct registry *reducers_registry(struct reducers *reducers);
struct registry *reducers_upcasters(struct reducers *reducers);

/* Any thread. */
void reducers_statistics(struct reducers *reducers, metric_visit *visit, void *context);
void reducers_limits(struct reducers *reducers, metric_visit *visit, void *context);

#endif
