#include "storage/snapshots/cache_policy.h"

#include <string.h>

enum {
    LFU_BEGIN = 5, /* a newcomer has time to be looked at again */
    LFU_FACTOR = 10,
    LFU_MAX = 255,
    TICK_SHIFT = 10, /* about a millisecond */
    US_PER_MINUTE = 60000000,
};

static const char *const names[] = {
    [CACHE_ALLKEYS_LRU] = "allkeys-lru",
    [CACHE_ALLKEYS_LFU] = "allkeys-lfu",
    [CACHE_VOLATILE_TTL] = "volatile-ttl",
    [CACHE_NOEVICTION] = "noeviction",
};

const char *cache_policy_name(enum cache_policy policy)
{
    return names[policy];
}

bool cache_policy_find(const char *name, enum cache_policy *policy)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *policy = (enum cache_policy)i;
            return true;
        }
    return false;
}

static uint32_t tick(const struct cache_options *options)
{
    return (uint32_t)(clock_monotonic_us(options->clock) >> TICK_SHIFT);
}

static uint32_t minute(const struct cache_options *options)
{
    return (uint32_t)(clock_monotonic_us(options->clock) / US_PER_MINUTE) & 0xffff;
}

/* The minute in the upper half, the counter in the lower. */
static uint32_t faded(const struct cache_options *options, uint32_t looks)
{
    uint32_t count = looks & 0xffff;
    uint32_t minutes = (minute(options) - (looks >> 16)) & 0xffff;

    return count > minutes ? count - minutes : 0;
}

uint32_t cache_looks_begin(const struct cache_options *options)
{
    return options->policy == CACHE_ALLKEYS_LFU ? minute(options) << 16 | LFU_BEGIN : tick(options);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

uint32_t cache_looks_add(const struct cache_options *options, uint32_t looks, uint32_t *random)
{
    if (options->policy != CACHE_ALLKEYS_LFU)
        return tick(options);
    uint32_t count = faded(options, looks);
    uint32_t above = count > LFU_BEGIN ? count - LFU_BEGIN : 0;
    if (count < LFU_MAX && next_random(random) % (above * LFU_FACTOR + 1) == 0)
        count++;
    return minute(options) << 16 | count;
}

uint64_t cache_worth_evicting(const struct cache_options *options, const struct cache_entry *entry,
                              bool must)
{
    if (entry->state & ENTRY_HELD)
        return 0;
    if (entry->expires_us != CACHE_NO_EXPIRY && entry->expires_us <= clock_wall_us(options->clock))
        return UINT64_MAX;
    switch (options->policy) {
    case CACHE_ALLKEYS_LRU:
        return 1 + (uint64_t)(uint32_t)(tick(options) - entry->looks);
    case CACHE_ALLKEYS_LFU:
        return 1 + LFU_MAX - faded(options, entry->looks);
    case CACHE_VOLATILE_TTL:
        return entry->expires_us == CACHE_NO_EXPIRY ? must
                                                    : UINT64_MAX - (uint64_t)entry->expires_us;
    case CACHE_NOEVICTION:
        return must;
    }
    return 0;
}

size_t cache_share_of_saved(const struct cache_options *options)
{
    bool evicts = options->policy == CACHE_ALLKEYS_LRU || options->policy == CACHE_ALLKEYS_LFU;

    return evicts ? options->bytes_max : options->bytes_max / 4 * 3;
}
