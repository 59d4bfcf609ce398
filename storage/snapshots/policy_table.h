/* The policies in memory (snapshot_policy.h): an array in the order in which they are listed.
 * The writer changes it, any thread looks. Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_POLICY_TABLE_H
#define STORAGE_SNAPSHOTS_POLICY_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/engine/engine.h"
#include "storage/snapshots/limits.h"
#include "storage/snapshots/snapshot_policy.h"

struct policy_table {
    pthread_rwlock_t lock;
    _Atomic(size_t) count;
    _Atomic(uint64_t) version;
    size_t underway; /* @thread writer: decided, not done; each may be a new one */
    struct policy_entry *entries[SNAPSHOT_POLICIES_MAX];
};

/* On an error nothing is left to destroy. Before the writer may see it. */
struct status policy_table_load(struct policy_table *table, struct engine *engine);
void policy_table_destroy(struct policy_table *table);

/* How many snapshots of a stream stay where the one who puts them does not say. Any thread. */
uint32_t policy_keep(struct snapshot_store *store, struct bytes stream);

#endif
