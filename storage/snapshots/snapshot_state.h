/* What both halves of the snapshot store share. Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_SNAPSHOT_STATE_H
#define STORAGE_SNAPSHOTS_SNAPSHOT_STATE_H

#include <stdatomic.h>

#include "storage/log/limits.h"
#include "storage/log/read.h"
#include "storage/snapshots/cache_table.h"
#include "storage/snapshots/policy_table.h"
#include "storage/snapshots/snapshot_rows.h"

enum {
    STRIPES = 1024,
    PENDING_BUCKETS = 64,
    CACHED_HEAD_BYTES = 16, /* of an entry, before the state's row: revision u64, created i64 */
    SNAPSHOT_KEY_BYTES = sizeof SNAPSHOT_KEY_PREFIX - 1 + STREAM_NAME_BYTES_MAX,
};

struct snapshot_store {
    struct snapshot_store_options options;
    _Atomic(unsigned) stripes[STRIPES];               /* how often one of its streams changed */
    struct snapshot_change *pending[PENDING_BUCKETS]; /* @thread writer: decided, not done */
    _Atomic(uint64_t) stream_count;
    struct snapshot_watcher *watcher; /* NULL: nobody */
    struct policy_table policies;
};

/* "snapshot:<stream>" */
struct bytes snapshot_cache_key(uint8_t key[SNAPSHOT_KEY_BYTES], struct bytes stream);

/* Empty if the stream has no snapshots. */
struct status snapshot_read_history(struct snapshot_store *store, uint64_t number,
                                    struct history *history);

/* NOT_FOUND: no such stream. */
struct status snapshot_find_stream(struct snapshot_store *store, struct bytes stream,
                                   struct stream_head *head);

struct status snapshot_out_of_memory(void);

#endif
