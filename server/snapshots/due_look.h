/* Whether a stream is due for a snapshot, as the store says it: its policy, its newest snapshot,
 * its events behind that. Any thread but the writer; reads the disk. */
#ifndef SERVER_SNAPSHOTS_DUE_LOOK_H
#define SERVER_SNAPSHOTS_DUE_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/log/read.h"
#include "storage/snapshots/snapshot_policy.h"
#include "storage/snapshots/snapshot_store.h"

/* Of the newest snapshot that is to be seen. */
struct due_newest {
    bool exists;
    uint64_t revision;
    int64_t expires_us; /* SNAPSHOT_NO_EXPIRY: never */
};

struct due_sight {
    bool concerns; /* it exists and has a policy by which it can be due; else the rest is 0 */
    struct snapshot_policy policy;
    struct due_newest newest;
    uint64_t first_behind; /* revision of the oldest event that no snapshot knows */
    uint64_t last_revision;
    bool is_due;
    int64_t again_us; /* when this may change without an event or a put, by the wall clock;
                       * INT64_MAX: never */
};

struct status due_look(struct event_log *log, struct snapshot_store *snapshots, struct bytes stream,
                       int64_t now_us, struct due_sight *sight);

/* The same where the head, and before it the newest snapshot, were just looked up. */
struct status due_judge(struct event_log *log, struct snapshot_store *snapshots,
                        struct bytes stream, const struct stream_head *head,
                        const struct due_newest *newest, int64_t now_us, struct due_sight *sight);

#endif
