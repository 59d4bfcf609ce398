/* The event log: the domain of events over the storage port.
 *
 *   append.h     appending             sequencer.h  the one writer
 *   read.h       reading pages         tail.h       the newest records, sleeping
 *   scavenge.h   giving back the disk
 */
#ifndef STORAGE_LOG_EVENT_LOG_H
#define STORAGE_LOG_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/trace.h"
#include "storage/engine/engine.h"

/* The number of the on-disk format. A directory with a higher one is refused. 2: records may be
 * hollow, events erased (record.h, event.h); a store of format 1 becomes one when it is first
 * scavenged. */
enum { STORE_FORMAT = 2 };

struct event_log;
struct key_store; /* storage/keys/key_store.h */

struct event_log_options {
    struct engine *engine;     /* borrowed: close it after the log */
    const struct clock *clock; /* NULL: the machine's */

    size_t queue_intents_max;    /* waiting for the sequencer; 0: 65,536 */
    size_t queue_bytes_max;      /* their bytes; 0: 64 MiB */
    size_t group_intents_max;    /* committed together; 0: 1,024 */
    size_t group_bytes_max;      /* their bytes; 0: 4 MiB */
    size_t tail_bytes_max;       /* newest records kept in memory; 0: 64 MiB */
    size_t heads_max;            /* streams whose heads are kept in memory; 0: 500,000 */
    size_t ids_max;              /* newest event ids kept for idempotency; 0: 1,000,000 */
    size_t scavenge_bytes_per_s; /* records that a scavenge reads; 0: 32 MiB */

    struct tracer *tracer; /* takes a span of each commit of a traced intent; NULL: none */

    struct key_store *keys; /* borrowed: for payloads that are sealed at rest; NULL: none */

    bool only_reads; /* the engine may be opened for reading only: nothing will be submitted, the
                      * index stays as it is, an erasure under way too */

    /* @thread writer. A commit failed: nothing more will be accepted and the
     * process should end, so that restart recovers from disk. Once. */
    void (*failed)(void *context, struct status status);
    void *context;
};

/* Recovers what memory holds of the store (newest ids, counters), checking on
 * the way that the newest records are whole and gap-free.
 * DATA_LOSS: they are not. FAILED_PRECONDITION: written by a newer version. */
struct status event_log_open(const struct event_log_options *options, struct event_log **log);

/* Finishes what was submitted, then stops the writer. No waiter may be parked. */
void event_log_close(struct event_log *log);

struct event_log_counts {
    uint64_t events;
    uint64_t streams;
    uint64_t types;
};

/* Any thread. Of what is committed. */
struct event_log_counts event_log_counts(const struct event_log *log);

/* Any thread but the writer; long. A copy of the store in a new directory: a prefix of the log
 * that holds everything committed before the call. As engine_checkpoint(). */
struct status event_log_checkpoint(struct event_log *log, const char *directory);

/* What the log was opened with. For who keeps rows of families of its own: they change with
 * commit_put() alone. */
struct engine *event_log_engine(const struct event_log *log);
const struct clock *event_log_clock(const struct event_log *log);

/* "rocksdb", "memory". */
const char *event_log_engine_name(const struct event_log *log);

#endif
