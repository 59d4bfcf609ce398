/* Reducers: what folds the events of a stream into its state, on the server, for one category of
 * streams each. They are kept as events of the streams $reducer-<category>.
 *
 * A reducer runs off the write path and off the queue threads: on a thread of this room, one job
 * after another, bounded in instructions and memory. One that fails is disabled, which is an
 * event, too; nothing else is touched.
 *
 * A snapshot that a reducer made names it in its content type, so that no other reducer begins
 * with it: "application/json; reducer=<hash>". */
#ifndef SERVER_REDUCERS_REDUCERS_H
#define SERVER_REDUCERS_REDUCERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

struct reducers;

/* The state of one stream, wanted. The caller owns it and all it points to, until `done`. */
struct reduction {
    struct bytes stream;
    uint64_t at;   /* the state after the event of this revision; REDUCTION_NEWEST: as of now */
    bool to_put;   /* also put the state as a snapshot, for the newest revision only */
    uint32_t keep; /* with to_put: as of snapshot_change */
    void (*done)(struct reduction *reduction); /* on the thread of this room */
    void *context;

    /* Results, valid in `done` and after it until reduction_clear(). */
    struct status status;
    struct bytes state; /* JSON */
    uint64_t revision;
    uint64_t folded; /* events */
    uint64_t hash;   /* of the reducer */

    struct reduction *next; /* of the queue */
};

#define REDUCTION_NEWEST UINT64_MAX

/* Any thread; never blocks. RESOURCE_EXHAUSTED: too many are waiting, and `done` will not run. */
struct status reducers_submit(struct reducers *reducers, struct reduction *reduction);

/* Whether the streams of a category have a reducer that runs. Any thread. */
bool reducers_has(struct reducers *reducers, struct bytes category);

#endif
