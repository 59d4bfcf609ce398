/* The cache's shards, for the stores that live in it. Only for files of this folder.
 *
 *   absent --install--> SAVED --changed--> UNSAVED --taken by a flush--> SAVING --written--> SAVED
 *
 * Only what is SAVED is evicted. A deleted key stays as a GONE entry until the disk knows. */
#ifndef STORAGE_SNAPSHOTS_CACHE_TABLE_H
#define STORAGE_SNAPSHOTS_CACHE_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/snapshots/snapshot_cache.h"

enum { CACHE_SHARDS = 16 };

#define CACHE_NO_EXPIRY INT64_MAX

enum cache_entry_state {
    ENTRY_UNSAVED = 1, /* its slot is in the shard's list */
    ENTRY_SAVING = 2,  /* its slot is the flush's */
    ENTRY_GONE = 4,    /* the key was deleted */
    ENTRY_ON_DISK = 8, /* there is a row under this key, of whatever age */
    ENTRY_HELD = ENTRY_UNSAVED | ENTRY_SAVING,
};

/* A key that waits for the disk. */
struct cache_slot {
    struct cache_slot *next;
    struct cache_entry *entry; /* a reference */
    bool removes;              /* @thread writer: the key's row was deleted, not written */
    bool together;             /* goes to disk in one commit with all others that are */
};

struct cache_entry {
    struct cache_entry *next; /* in its bucket */
    struct cache_slot *slot;  /* while UNSAVED */
    uint64_t hash;            /* hash_bytes() of the key */
    int64_t expires_us;       /* with the shard's lock, once it is installed */
    _Atomic(uint32_t) references;
    uint32_t looks; /* when, or how often, it was looked at (cache_policy.h) */
    uint32_t value_size;
    uint16_t key_size;
    uint8_t state;   /* enum cache_entry_state bits; with the shard's lock */
    uint8_t bytes[]; /* key, value */
};

struct cache_shard {
    pthread_mutex_t lock;
    struct cache_entry **buckets; /* a power of two of them */
    size_t bucket_count;
    _Atomic(size_t) entry_count;
    size_t snapshot_count; /* of them */
    uint64_t generation;   /* counts changes: a look at the disk is stale if it moved meanwhile */
    struct cache_slot *unsaved; /* newest first */
    struct cache_slot *saving;  /* taken by the flush that is underway */
    uint64_t hits, misses, expirations;
    uint32_t random;
} __attribute__((aligned(64)));

struct snapshot_cache {
    struct cache_options options;
    _Atomic(size_t) bytes;
    _Atomic(size_t) unsaved_bytes, unsaved_entries;
    _Atomic(uint64_t) evictions;
    _Atomic(unsigned) next_shard; /* where the search for a victim begins */
    struct cache_shard shards[CACHE_SHARDS];
};

/* With one reference, the caller's; not in the cache. NULL: out of memory. The value is the
 * two parts behind each other. */
struct cache_entry *cache_entry_create(struct bytes key, uint64_t hash, struct bytes part,
                                       struct bytes rest, int64_t expires_us);

static inline struct cache_entry *cache_entry_hold(struct cache_entry *entry)
{
    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    return entry;
}

static inline bool cache_entry_expired(const struct snapshot_cache *cache,
                                       const struct cache_entry *entry)
{
    return entry->expires_us != CACHE_NO_EXPIRY &&
           entry->expires_us <= clock_wall_us(cache->options.clock);
}

/* Counts the entry's bytes as the cache's, after others were evicted for it; no lock may be
 * held. False: no room. `must`: it waits for the disk, so it pushes out others under any policy,
 * which cost no more than a look at the disk. */
bool cache_reserve(struct snapshot_cache *cache, const struct cache_entry *entry, bool must);
/* Once more, without asking for room. */
void cache_reserve_more(struct snapshot_cache *cache, const struct cache_entry *entry);
void cache_unreserve(struct snapshot_cache *cache, const struct cache_entry *entry);

/* --- with the shard's lock --------------------------------------------------------------- */

struct cache_shard *cache_lock(struct snapshot_cache *cache, uint64_t hash);
void cache_unlock(struct cache_shard *shard);

/* NULL: it is not there. Also what is GONE or expired. */
struct cache_entry *cache_find(struct cache_shard *shard, uint64_t hash, struct bytes key);

/* Adds a reserved entry, in place of `old` if that is not NULL; takes over one reference and gives
 * up the old one's. */
void cache_install(struct snapshot_cache *cache, struct cache_shard *shard,
                   struct cache_entry *entry, struct cache_entry *old);

void cache_remove(struct snapshot_cache *cache, struct cache_shard *shard,
                  struct cache_entry *entry);

/* The entry is looked at now. */
void cache_touch(struct snapshot_cache *cache, struct cache_shard *shard,
                 struct cache_entry *entry);

#endif
