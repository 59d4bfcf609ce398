/* What both halves of the snapshot store share. Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_SNAPSHOT_STATE_H
#define STORAGE_SNAPSHOTS_SNAPSHOT_STATE_H

#include <stdatomic.h>

#include "storage/log/limits.h"
#include "storage/log/read.h"
#include "storage/log/scavenge.h"
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
    struct scavenge_follower follower;
    atomic_bool is_closing;
};

/* Events go on behind it without a gap, and none of those it knows was deleted. */
static inline bool snapshot_is_shown(uint64_t revision, uint64_t first_revision,
                                     uint64_t deleted_before)
{
    return revision + 1 >= first_revision && revision >= deleted_before;
}

static inline bool snapshot_has_expired(const struct snapshot_store *store, int64_t expires_us)
{
    return expires_us != SNAPSHOT_NO_EXPIRY && expires_us <= clock_wall_us(store->options.clock);
}

/* As scavenge_follower.follow: submits a TRIM for each stream that needs one. snapshot_trim.c */
struct status snapshot_trim_all(struct scavenge_follower *follower);

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
