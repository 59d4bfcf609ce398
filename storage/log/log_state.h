/* What the parts of the log share. Only for files of this folder. */
#ifndef STORAGE_LOG_LOG_STATE_H
#define STORAGE_LOG_LOG_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/inbox.h"
#include "base/metric.h"
#include "storage/log/erasing.h"
#include "storage/log/event_log.h"
#include "storage/log/heads.h"
#include "storage/log/ids.h"
#include "storage/log/index.h"
#include "storage/log/recent.h"
#include "storage/log/retention.h"
#include "storage/log/scavenge_state.h"
#include "storage/log/sequencer.h"
#include "storage/log/tail_state.h"
#include "storage/log/types.h"

enum sequencer_state { SEQUENCER_RUNNING, SEQUENCER_STOPPING, SEQUENCER_FAILED };

/* What the writer has done (statistics.h). Counted by the writer alone, but for the queue's. */
struct writer_counts {
    struct distribution group_size;
    struct distribution commit_us;
    struct counter events, bytes, refused;
    struct counter group_full, not_admitted, types_full;
    struct counter queue_full, queue_memory_full; /* any thread */
};

struct sequencer {
    struct inbox inbox;
    _Atomic(size_t) waiting_count; /* submitted, not yet done */
    _Atomic(size_t) waiting_bytes;
    _Atomic(int) state; /* enum sequencer_state */
    struct writer_counts counts;

    pthread_t writer;
    pthread_mutex_t lock; /* for the writer's sleep */
    pthread_cond_t arrived;
};

/* A record of the group in the making. */
struct commit_record {
    struct bytes stored;
    const uint64_t *stream_hashes; /* one for each span */
    struct commit_record *next;
};

/* A row of the retention that the group in the making sets. */
struct commit_policy {
    bool is_category;
    struct bytes category;
    struct retained row; /* of a category: only its policy */
    struct commit_policy *next;
};

/* @thread writer, all of it. Made once, used for one group after another. */
struct commit {
    struct event_log *log;
    uint64_t group; /* counts the groups, from 1 */
    struct arena arena;
    int64_t time_us;
    struct trace_span span; /* while is_traced */
    bool is_traced;

    struct write *writes;
    size_t write_count;
    size_t write_capacity;
    bool short_of_memory;
    struct status broken; /* not OK: what was added cannot be completed */
    bool failed;          /* a commit failed: every later intent is refused */

    uint64_t end;          /* of the store, with what this group has added */
    uint64_t stream_count; /* the same */
    struct commit_record *first_record, **next_record;
    struct commit_policy *policies; /* newest first */
    bool forgets_tail;     /* records before this group may not stay in memory as they were */
    struct head **touched; /* heads to publish */
    size_t touched_count;
    size_t touched_capacity;
};

struct event_log {
    struct event_log_options options; /* with the defaults filled in */
    struct engine *engine;

    _Atomic(uint64_t) end;          /* committed events; stored under the tail's lock */
    _Atomic(uint64_t) stream_count; /* committed streams: the newest stream number */
    int64_t last_time_us;           /* @thread writer */

    struct heads *heads;
    struct ids *ids;
    struct types *types;
    struct retention retention;
    struct recent recent_types, recent_tags; /* @thread writer */
    struct tail tail;
    struct index index;
    /* Held while records are read, something is derived from them, and that is committed: by the
     * index, and by whoever changes records (rewrite.h). The writer never takes it. */
    pthread_mutex_t deriving;
    struct scavenge scavenge;
    struct erasing erasing;
    _Atomic(bool) has_sealed; /* some event may be, or some stream is to be (sealing.h) */
    _Atomic(bool) is_sealing_suspended;
    _Atomic(uint64_t) sealing_epoch; /* how many keys were destroyed */
    struct sequencer sequencer;
    struct commit commit;
};

/* streams.c: where a stream is and how many events it holds, hidden ones too; 0 events: there
 * is no such stream. Any thread. */
struct status stream_locate(struct event_log *log, struct bytes name, uint64_t *number,
                            uint64_t *event_count);

/* sequencer.c */
struct status sequencer_start(struct event_log *log);
void sequencer_stop(struct event_log *log);

/* recover.c: fills end, stream_count, last_time_us, ids and types from the engine. */
struct status recover(struct event_log *log);

/* @thread writer: the head is published with the group. */
void commit_touch(struct commit *commit, struct head *head);

/* @thread writer: the row is published with the group. Lives until `done`. */
void commit_policy(struct commit *commit, struct commit_policy *policy);

/* @thread writer (stream_change.c): sets a stream's row, on disk and in memory. */
void commit_retain(struct commit *commit, const struct retained *row);

/* @thread writer: a stream's row, as the group in the making has it. */
struct retained commit_retained(struct commit *commit, uint64_t stream_number);

/* @thread writer: makes a finished record part of the group: stores it, gives it
 * to the tail, advances the end. `stored` and the hashes live until `done`. */
void commit_record(struct commit *commit, struct bytes stored, const uint64_t *stream_hashes,
                   uint32_t event_count);

#endif
