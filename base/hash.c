#include "base/hash.h"

#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t seed;

__attribute__((constructor)) static void choose_seed(void)
{
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint64_t)(uintptr_t)&seed; /* address space randomisation is better than nothing */
}

uint64_t hash_bytes(struct bytes bytes)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

uint64_t checksum_bytes(struct bytes bytes)
{
    return XXH3_64bits(bytes.data, bytes.size);
}
