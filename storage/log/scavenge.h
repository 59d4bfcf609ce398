/* Giving back the disk of what retention hides, while the store serves.
 *
 * A thread of its own walks the log from its beginning in batches. What is hidden in a batch goes
 * in one commit, records and what follows from them, decided by the writer like an append; then
 * the engine compacts what was walked. What is left of a record that was hidden as a whole is a
 * span for each of its streams (record.h), and neighbours of that kind become one record.
 *
 * Of a stream that lives, the newest event stays, even if its age hides it: it tells when the
 * stream was last written.
 *
 * Killed at any moment, the store is whole: each batch is all or nothing. The next scavenge begins
 * anew, and passes quickly over what the one before has done. */
#ifndef STORAGE_LOG_SCAVENGE_H
#define STORAGE_LOG_SCAVENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { SCAVENGE_BATCH_BYTES = 1 << 20, SCAVENGE_SLICE_BYTES = 64 << 20 };

struct event_log;

enum scavenge_state {
    SCAVENGE_NONE, /* since the server started */
    SCAVENGE_RUNNING,
    SCAVENGE_DONE,
    SCAVENGE_CANCELLED,
    SCAVENGE_FAILED,
};

struct scavenge_progress {
    enum scavenge_state state;
    struct status status;    /* why it failed */
    uint64_t position;       /* where the walk is */
    uint64_t end;            /* where it ends */
    uint64_t events_removed; /* so far */
    uint64_t bytes_removed;  /* the same, as they were stored, uncompressed */
    int64_t started_us;      /* wall clock */
    int64_t ended_us;        /* 0: not yet */
};

/* Any thread, all of them.
 *
 * FAILED_PRECONDITION: one is running. */
struct status event_log_scavenge(struct event_log *log);

/* It ends after the batch or slice that it is in. FAILED_PRECONDITION: none is running. */
struct status event_log_cancel_scavenge(struct event_log *log);

struct scavenge_progress event_log_scavenge_progress(struct event_log *log);

/* Who keeps something beside the log, and does the same with it: called by the scavenge's thread
 * when the log was walked. */
struct scavenge_follower {
    struct status (*follow)(struct scavenge_follower *follower);
};

/* One, or NULL; returns when the one before is not being called any more. Any thread. */
void event_log_set_scavenge_follower(struct event_log *log, struct scavenge_follower *follower);

/* For the follower: false if it is to stop. */
bool event_log_scavenge_goes_on(struct event_log *log);

#endif
