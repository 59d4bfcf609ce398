/* When a stream is due for a snapshot, and how many of its snapshots are kept: policies of streams
 * and of categories. Durable as rows of the family `snapshots`; all of them are in memory, so a
 * store without any pays one atomic load.
 *
 *   any thread           writer thread            any thread
 *   submit  --->         decide, commit, done --> intent.status */
#ifndef STORAGE_SNAPSHOTS_SNAPSHOT_POLICY_H
#define STORAGE_SNAPSHOTS_SNAPSHOT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/log/limits.h"
#include "storage/log/sequencer.h"

struct policy_entry; /* snapshot_policy.c */
struct snapshot_store;

struct snapshot_policy {
    uint64_t every_events; /* due with so many events behind the newest snapshot; 0: never by
                            * number; at most SNAPSHOT_EVERY_EVENTS_MAX */
    int64_t every_us;      /* due with the oldest of them so old; 0: never by time */
    uint32_t keep;         /* so many newest snapshots stay: 1..SNAPSHOTS_KEPT_MAX */
    uint64_t version;      /* when it was set: as snapshot_policy_version() was then */
};

/* --- changing -------------------------------------------------------------------------------- */

/* The caller owns it and all it points to, until `done`. */
struct snapshot_policy_change {
    struct intent intent; /* the caller sets `done`; see intent.status */
    bool is_category;
    struct bytes name;             /* of the category, or of the stream, which need not exist */
    bool removes;                  /* else: sets, in place of the one before */
    struct snapshot_policy policy; /* with keep 0: 1; its version is not used */

    struct snapshot_store *store;
    void (*told)(struct intent *intent); /* the caller's `done` */
    struct policy_entry *entry;
    bool is_decided;
};

/* Any thread but the writer. INVALID_ARGUMENT names field and rule; then `done` will not run.
 * After `done`, intent.status may also be RESOURCE_EXHAUSTED: SNAPSHOT_POLICIES_MAX. Removing
 * what is not there is no error. */
struct status snapshot_policy_submit(struct snapshot_store *store,
                                     struct snapshot_policy_change *change);

/* --- looking: any thread --------------------------------------------------------------------- */

size_t snapshot_policy_count(struct snapshot_store *store);

/* Rises with each change. */
uint64_t snapshot_policy_version(struct snapshot_store *store);

/* The policy that holds for a stream: its own, or its category's. False: there is none. */
bool snapshot_policy_of(struct snapshot_store *store, struct bytes stream,
                        struct snapshot_policy *policy);

struct snapshot_policy_info {
    bool is_category;
    uint8_t name[STREAM_NAME_BYTES_MAX];
    size_t name_size; /* 0: before the first */
    struct snapshot_policy policy;
};

/* Goes on to the next one, those of categories first, by name; begin with {.is_category = true}.
 * False: there is no more. */
bool snapshot_policy_next(struct snapshot_store *store, struct snapshot_policy_info *info);

#endif
