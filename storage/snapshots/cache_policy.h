/* Who goes first. An entry's `looks` is either the time of its last look, or how often it was
 * looked at, as a logarithmic counter that fades: Redis' way, whose source (evict.c) documents it.
 */
#ifndef STORAGE_SNAPSHOTS_CACHE_POLICY_H
#define STORAGE_SNAPSHOTS_CACHE_POLICY_H

#include "storage/snapshots/cache_table.h"

/* Of a new entry. */
uint32_t cache_looks_begin(const struct cache_options *options);

/* After one more look. `random` is a state of its owner's. */
uint32_t cache_looks_add(const struct cache_options *options, uint32_t looks, uint32_t *random);

/* The higher, the sooner it goes; 0: never. `must`: whoever is on disk can go. */
uint64_t cache_worth_evicting(const struct cache_options *options, const struct cache_entry *entry,
                              bool must);

/* What entries that need not wait for the disk may take: where nobody is evicted, writes need
 * room, too. */
size_t cache_share_of_saved(const struct cache_options *options);

#endif
