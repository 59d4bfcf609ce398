/* Erasing payloads for good, while the store serves: a person's right to be forgotten.
 *
 * An erased event keeps its id, type, stream, revision, position and time, so nobody who counts
 * or follows stumbles; data, content type, metadata and tags are gone, from the log, from the
 * index, and from memory, and the event tells when (erased_us). Readers see that from the moment
 * the erasure is on disk; when the call returns, no file of the store holds the payload any more.
 * Who erased what and why is an event itself, in the stream "$erasures", of the same commit.
 *
 * Killed in between, the server finishes the work when it starts again.
 *
 * What this cannot reach: checkpoints made before, file system snapshots, what clients keep. */
#ifndef STORAGE_LOG_ERASURE_H
#define STORAGE_LOG_ERASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

#define ERASURES_STREAM "$erasures"
#define STREAM_ERASED   "$streamErased"
#define EVENT_ERASED    "$eventErased"

enum { ERASURE_BATCH_BYTES = 1 << 20, ERASURE_BATCH_SPANS = 256 };

struct event_log;

struct erasure {
    struct bytes stream;
    bool whole;          /* all events that the stream holds now, hidden ones too; else one: */
    uint64_t revision;   /* this one */
    struct bytes reason; /* 1..METADATA_VALUE_BYTES_MAX bytes */
    struct bytes by;     /* who asked for it; may be empty */

    /* What came of it. */
    uint64_t event_count;     /* whose payload was erased now; 0: it had been before */
    uint64_t notice_position; /* of the event in "$erasures" */
};

/* Waits until it is done; long. Any thread that may wait. Appends to the stream go on.
 *
 * NOT_FOUND: no such stream or event. RESOURCE_EXHAUSTED: another one is under way, one at a
 * time, or the queue is full. UNAVAILABLE, after it has begun: it is finished at the next
 * erasure or start. */
struct status event_log_erase(struct event_log *log, struct erasure *erasure, struct arena *arena);

#endif
