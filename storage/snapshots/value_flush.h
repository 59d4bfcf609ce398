/* How changed values come to disk. Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_VALUE_FLUSH_H
#define STORAGE_SNAPSHOTS_VALUE_FLUSH_H

#include <pthread.h>

#include "storage/snapshots/cache_table.h"
#include "storage/snapshots/value_store.h"

/* In the order in which they came. */
struct saved_list {
    struct value_saved *first, **behind;
};

struct value_store {
    struct value_store_options options; /* with the defaults filled in */
    _Atomic(uint64_t) count;            /* of keys */
    uint64_t row_count;                 /* @thread writer: rows on disk */

    /* Held while a flush takes what is unsaved, and while changes are made that belong together.
     * Before any shard's lock. */
    pthread_mutex_t gate;
    _Atomic(size_t) together_bytes; /* of changes that belong together, since the last flush */

    pthread_t flusher;
    pthread_mutex_t lock;
    pthread_cond_t changed;     /* for the flusher: asked, stopping; all intents are done */
    struct saved_list asked;    /* with the lock: whom the next flush tells */
    struct saved_list for_room; /* whom a flush tells that succeeds, or began later */
    _Atomic(bool) early;
    bool stopping;
    unsigned underway;     /* intents that are not yet done */
    struct status status;  /* the first failure among them */
    struct status outcome; /* of the newest flush */

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

/* Looks at some rows for such ones, going on where it stopped the last time. The flusher's. */
void value_sweep_some(struct value_store *store);

/* The key's row as an entry that is not in the cache; NULL: there is none. */
struct status value_read_row(struct value_store *store, struct bytes key, uint64_t hash,
                             struct cache_entry **entry);

#endif
