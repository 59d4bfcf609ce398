/* How changed values come to disk. Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_VALUE_FLUSH_H
#define STORAGE_SNAPSHOTS_VALUE_FLUSH_H

#include <pthread.h>

#include "storage/snapshots/cache_table.h"
#include "storage/snapshots/value_store.h"

struct value_store {
    struct value_store_options options; /* with the defaults filled in */
    _Atomic(uint64_t) count;            /* of keys */
    uint64_t row_count;                 /* @thread writer: rows on disk */

    pthread_t flusher;
    pthread_mutex_t lock;
    pthread_cond_t changed;    /* for the flusher: asked, stopping; all intents are done */
    struct value_saved *asked; /* with the lock: whom the next flush tells */
    struct value_saved **asked_last;
    _Atomic(bool) early;
    bool stopping;
    unsigned underway;    /* intents that are not yet done */
    struct status status; /* the first failure among them */

    uint64_t sweep_hash; /* where the search for expired rows goes on */
};

/* --- with the shard's lock --------------------------------------------------------------- */

/* The entry will be written; takes over the slot, and a reference of its own. */
void value_slot_add(struct value_store *store, struct cache_shard *shard, struct cache_entry *entry,
                    struct cache_slot *slot);

/* `entry` goes to disk instead of `old`, which is UNSAVED. */
void value_slot_move(struct value_store *store, struct cache_entry *old, struct cache_entry *entry);

/* --- without ----------------------------------------------------------------------------- */

/* Flush soon, and tell. */
void value_flush_ask(struct value_store *store, struct value_saved *saved);

/* Flush soon. */
void value_flush_wake(struct value_store *store);

/* Removes the key's row if its time has come. */
struct status value_sweep(struct value_store *store, struct bytes key);
void value_count_expired(struct value_store *store, struct bytes key);

/* The key's row as an entry that is not in the cache; NULL: there is none. */
struct status value_read_row(struct value_store *store, struct bytes key, uint64_t hash,
                             struct cache_entry **entry);

#endif
