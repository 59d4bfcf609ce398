#include "storage/snapshots/snapshot_cache.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/hash.h"
#include "storage/snapshots/cache_policy.h"
#include "storage/snapshots/cache_table.h"

enum {
    BUCKETS_MIN = 64,
    BYTES_MIN = 1 << 20,
    MALLOC_HEADER_BYTES = 8, /* what glibc keeps before each piece of memory */
    SAMPLE_ENTRIES = 16,     /* looked at for each victim */
    SAMPLE_SHARD_ENTRIES = 8,
};

/* --- entries ----------------------------------------------------------------------------- */

static size_t allocated(void *memory)
{
    return memory ? malloc_usable_size(memory) + MALLOC_HEADER_BYTES : 0;
}

struct cache_entry *cache_entry_create(struct bytes key, uint64_t hash, struct bytes part,
                                       struct bytes rest, int64_t expires_us)
{
    struct cache_entry *entry = malloc(sizeof *entry + key.size + part.size + rest.size);

    assert(key.size <= UINT16_MAX && part.size + rest.size <= UINT32_MAX);
    if (!entry)
        return NULL;
    *entry = (struct cache_entry){.hash = hash,
                                  .expires_us = expires_us,
                                  .references = 1,
                                  .value_size = (uint32_t)(part.size + rest.size),
                                  .key_size = (uint16_t)key.size};
    memcpy(entry->bytes, key.data, key.size);
    if (part.size)
        memcpy(entry->bytes + key.size, part.data, part.size);
    if (rest.size)
        memcpy(entry->bytes + key.size + part.size, rest.data, rest.size);
    return entry;
}

struct bytes cache_entry_key(const struct cache_entry *entry)
{
    return (struct bytes){entry->bytes, entry->key_size};
}

struct bytes cache_entry_value(const struct cache_entry *entry)
{
    return (struct bytes){entry->bytes + entry->key_size, entry->value_size};
}

void cache_entry_release(struct cache_entry *entry)
{
    if (atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) == 1)
        free(entry);
}

size_t cache_entry_bytes(const struct cache_entry *entry)
{
    return allocated((void *)entry);
}

/* --- life -------------------------------------------------------------------------------- */

static bool shard_init(struct snapshot_cache *cache, struct cache_shard *shard)
{
    shard->buckets = calloc(BUCKETS_MIN, sizeof(struct cache_entry *));
    if (!shard->buckets)
        return false;
    shard->bucket_count = BUCKETS_MIN;
    pthread_mutex_init(&shard->lock, NULL);
    atomic_fetch_add(&cache->bytes, allocated(shard->buckets));
    return true;
}

struct status snapshot_cache_create(const struct cache_options *options,
                                    struct snapshot_cache **created)
{
    struct snapshot_cache *cache = aligned_alloc(64, sizeof *cache);

    assert(options->bytes_max >= BYTES_MIN);
    if (!cache)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "cache: out of memory");
    *cache = (struct snapshot_cache){.options = *options};
    if (!cache->options.clock)
        cache->options.clock = system_clock();
    for (unsigned i = 0; i < CACHE_SHARDS; i++)
        if (!shard_init(cache, &cache->shards[i])) {
            snapshot_cache_free(cache);
            return status_make(STATUS_RESOURCE_EXHAUSTED, "cache: out of memory");
        }
    *created = cache;
    return OK;
}

static void shard_destroy(struct cache_shard *shard)
{
    for (size_t i = 0; i < shard->bucket_count; i++)
        while (shard->buckets[i]) {
            struct cache_entry *entry = shard->buckets[i];
            shard->buckets[i] = entry->next;
            cache_entry_release(entry);
        }
    assert(!shard->saving);
    while (shard->unsaved) { /* the disk has failed */
        struct cache_slot *slot = shard->unsaved;
        shard->unsaved = slot->next;
        cache_entry_release(slot->entry);
        free(slot);
    }
    free(shard->buckets);
    pthread_mutex_destroy(&shard->lock);
}

void snapshot_cache_free(struct snapshot_cache *cache)
{
    for (unsigned i = 0; i < CACHE_SHARDS; i++)
        if (cache->shards[i].buckets)
            shard_destroy(&cache->shards[i]);
    free(cache);
}

struct cache_stats snapshot_cache_stats(struct snapshot_cache *cache)
{
    struct cache_stats stats = {
        .evictions = atomic_load(&cache->evictions),
        .bytes = atomic_load(&cache->bytes),
        .bytes_max = cache->options.bytes_max,
        .unsaved_entries = atomic_load(&cache->unsaved_entries),
        .unsaved_bytes = atomic_load(&cache->unsaved_bytes),
        .policy = cache->options.policy,
    };

    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct cache_shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        stats.hits += shard->hits;
        stats.misses += shard->misses;
        stats.expirations += shard->expirations;
        stats.entries += atomic_load(&shard->entry_count);
        stats.snapshots += shard->snapshot_count;
        pthread_mutex_unlock(&shard->lock);
    }
    return stats;
}

/* --- the table --------------------------------------------------------------------------- */

struct cache_shard *cache_lock(struct snapshot_cache *cache, uint64_t hash)
{
    struct cache_shard *shard = &cache->shards[hash >> 60];

    pthread_mutex_lock(&shard->lock);
    return shard;
}

void cache_unlock(struct cache_shard *shard)
{
    pthread_mutex_unlock(&shard->lock);
}

static struct cache_entry **bucket_of(struct cache_shard *shard, uint64_t hash)
{
    return &shard->buckets[hash & (shard->bucket_count - 1)];
}

struct cache_entry *cache_find(struct cache_shard *shard, uint64_t hash, struct bytes key)
{
    struct cache_entry *entry = *bucket_of(shard, hash);

    while (entry && (entry->hash != hash || !bytes_equal(cache_entry_key(entry), key)))
        entry = entry->next;
    return entry;
}

/* Out of memory: the chains grow longer. */
static void grow(struct snapshot_cache *cache, struct cache_shard *shard)
{
    struct cache_entry **old = shard->buckets, **buckets;
    size_t old_count = shard->bucket_count;

    buckets = calloc(old_count * 2, sizeof(struct cache_entry *));
    if (!buckets)
        return;
    atomic_fetch_add(&cache->bytes, allocated(buckets));
    shard->buckets = buckets;
    shard->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct cache_entry *entry = old[i];
            old[i] = entry->next;
            entry->next = *bucket_of(shard, entry->hash);
            *bucket_of(shard, entry->hash) = entry;
        }
    atomic_fetch_sub(&cache->bytes, allocated(old));
    free(old);
}

static bool is_snapshot(const struct cache_entry *entry)
{
    return bytes_have_prefix(cache_entry_key(entry), bytes_of_text(SNAPSHOT_KEY_PREFIX));
}

void cache_remove(struct snapshot_cache *cache, struct cache_shard *shard,
                  struct cache_entry *entry)
{
    struct cache_entry **at = bucket_of(shard, entry->hash);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    atomic_fetch_sub_explicit(&shard->entry_count, 1, memory_order_relaxed);
    shard->snapshot_count -= is_snapshot(entry);
    cache_unreserve(cache, entry);
    cache_entry_release(entry);
}

void cache_install(struct snapshot_cache *cache, struct cache_shard *shard,
                   struct cache_entry *entry, struct cache_entry *old)
{
    if (old) {
        entry->looks = old->looks; /* a hot key stays one */
        cache_remove(cache, shard, old);
    } else {
        entry->looks = cache_looks_begin(&cache->options);
    }
    if (atomic_load_explicit(&shard->entry_count, memory_order_relaxed) >= shard->bucket_count)
        grow(cache, shard);
    struct cache_entry **bucket = bucket_of(shard, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
    atomic_fetch_add_explicit(&shard->entry_count, 1, memory_order_relaxed);
    shard->snapshot_count += is_snapshot(entry);
    cache_touch(cache, shard, entry);
}

void cache_touch(struct snapshot_cache *cache, struct cache_shard *shard, struct cache_entry *entry)
{
    entry->looks = cache_looks_add(&cache->options, entry->looks, &shard->random);
}

/* --- eviction ---------------------------------------------------------------------------- */

struct victim {
    const struct cache_entry *entry; /* not held: an address to be found again */
    uint64_t hash;
    uint64_t worth;
};

/* Looks at some entries of a shard, from a bucket that chance chooses. */
static size_t sample_shard(struct snapshot_cache *cache, struct cache_shard *shard, bool must,
                           struct victim *victim)
{
    size_t seen = 0;

    if (atomic_load_explicit(&shard->entry_count, memory_order_relaxed) == 0)
        return 0;
    pthread_mutex_lock(&shard->lock);
    shard->random = shard->random * 1664525 + 1013904223;
    for (size_t i = 0, begin = shard->random >> 4;
         i < shard->bucket_count && seen < SAMPLE_SHARD_ENTRIES; i++)
        for (const struct cache_entry *entry =
                 shard->buckets[(begin + i) & (shard->bucket_count - 1)];
             entry; entry = entry->next) {
            uint64_t worth = cache_worth_evicting(&cache->options, entry, must);
            seen += worth > 0;
            if (worth > victim->worth)
                *victim = (struct victim){entry, entry->hash, worth};
        }
    pthread_mutex_unlock(&shard->lock);
    return seen;
}

/* Evicts one entry. False: nobody can go. */
static bool evict(struct snapshot_cache *cache, bool must)
{
    struct victim victim = {0};
    unsigned begin = atomic_fetch_add_explicit(&cache->next_shard, 1, memory_order_relaxed);
    size_t seen = 0;

    for (unsigned i = 0; i < CACHE_SHARDS && seen < SAMPLE_ENTRIES; i++)
        seen += sample_shard(cache, &cache->shards[(begin + i) % CACHE_SHARDS], must, &victim);
    if (!victim.entry)
        return false;
    struct cache_shard *shard = cache_lock(cache, victim.hash);
    struct cache_entry *entry = *bucket_of(shard, victim.hash);
    while (entry && entry != victim.entry)
        entry = entry->next;
    if (entry && !(entry->state & ENTRY_HELD)) { /* else somebody else was faster */
        cache_remove(cache, shard, entry);
        atomic_fetch_add_explicit(&cache->evictions, 1, memory_order_relaxed);
    }
    cache_unlock(shard);
    return true;
}

bool cache_reserve(struct snapshot_cache *cache, const struct cache_entry *entry, bool must)
{
    size_t size = cache_entry_bytes(entry);
    size_t most = must ? cache->options.bytes_max : cache_share_of_saved(&cache->options);

    if (size > most / 2)
        return false;
    atomic_fetch_add(&cache->bytes, size);
    while (atomic_load(&cache->bytes) > most)
        if (!evict(cache, must)) {
            atomic_fetch_sub(&cache->bytes, size);
            return false;
        }
    return true;
}

void cache_unreserve(struct snapshot_cache *cache, const struct cache_entry *entry)
{
    atomic_fetch_sub(&cache->bytes, cache_entry_bytes(entry));
}

void cache_reserve_more(struct snapshot_cache *cache, const struct cache_entry *entry)
{
    atomic_fetch_add(&cache->bytes, cache_entry_bytes(entry));
}
