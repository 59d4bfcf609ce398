/* What is hot, in memory: the newest snapshot of a stream under "snapshot:<stream>", and plain
 * values under any other key. Bounded by bytes. Everything in it is also on disk or on its way
 * there, so an eviction loses nothing: it costs the next reader a look at the disk.
 *
 * Any thread. The cache is cut into shards by the hash of the key, and each has one leaf lock that
 * is held for a look-up, never for the disk. An entry's bytes never change: a new value is a new
 * entry. A reader holds a reference, so what it reads stays although it was replaced or evicted.
 *
 * This is the mechanism. Who wants a snapshot asks snapshot_store.h, for a plain value
 * value_store.h: these look at the disk where the cache has nothing. */
#ifndef STORAGE_SNAPSHOTS_SNAPSHOT_CACHE_H
#define STORAGE_SNAPSHOTS_SNAPSHOT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/status.h"

/* Who has to go when the cache is full; names and meaning are Redis' maxmemory-policy. As in Redis,
 * the choice is made among a sample, not among all. Entries that still wait for the disk stay. */
enum cache_policy {
    CACHE_ALLKEYS_LRU,  /* what was not looked at for longest */
    CACHE_ALLKEYS_LFU,  /* what is looked at least often; old looks fade */
    CACHE_VOLATILE_TTL, /* what expires first; entries without a TTL stay */
    CACHE_NOEVICTION,   /* nobody but for what waits for the disk: what comes later is read there */
};

/* "allkeys-lru" ...; static memory. */
const char *cache_policy_name(enum cache_policy policy);

/* False: no policy has this name. */
bool cache_policy_find(const char *name, enum cache_policy *policy);

struct cache_options {
    size_t bytes_max; /* keys, values and what the cache itself needs; at least 1 MiB */
    enum cache_policy policy;
    const struct clock *clock; /* NULL: the machine's */
};

struct snapshot_cache;

/* What a key begins with that names a stream's newest snapshot: "snapshot:<stream>". */
#define SNAPSHOT_KEY_PREFIX "snapshot:"

/* RESOURCE_EXHAUSTED: out of memory. */
struct status snapshot_cache_create(const struct cache_options *options,
                                    struct snapshot_cache **cache);

/* No entry may be held any more. */
void snapshot_cache_free(struct snapshot_cache *cache);

struct cache_stats {
    uint64_t hits, misses; /* looks that were answered from memory, and those that were not */
    uint64_t evictions;
    uint64_t expirations;
    size_t entries, snapshots; /* of the entries, snapshots */
    size_t bytes;              /* as malloc counts them, tables included; at most bytes_max */
    size_t bytes_max;
    size_t unsaved_entries, unsaved_bytes; /* of `entries`: they wait for the disk */
    enum cache_policy policy;
};

/* A sum over the shards, each at its own moment. */
struct cache_stats snapshot_cache_stats(struct snapshot_cache *cache);

/* Any thread: the same for /metrics. */
void snapshot_cache_statistics(struct snapshot_cache *cache, metric_visit *visit, void *context);
void snapshot_cache_limits(struct snapshot_cache *cache, metric_visit *visit, void *context);

/* --- entries ----------------------------------------------------------------------------- */

/* One value, reference counted. Its key and value never change. */
struct cache_entry;

struct bytes cache_entry_key(const struct cache_entry *entry);
struct bytes cache_entry_value(const struct cache_entry *entry);

/* Any thread. */
void cache_entry_release(struct cache_entry *entry);

/* What the entry takes of bytes_max. */
size_t cache_entry_bytes(const struct cache_entry *entry);

#endif
