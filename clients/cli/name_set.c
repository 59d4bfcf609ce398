#include "clients/cli/name_set.h"

#include <stdlib.h>

#include "base/hash.h"

enum { CAPACITY_MIN = 1024 };

void name_set_init(struct name_set *set)
{
    *set = (struct name_set){0};
}

void name_set_destroy(struct name_set *set)
{
    free(set->hashes);
    name_set_init(set);
}

/* Where the hash is, or where it would go: there is always a free place. */
static uint64_t *find(uint64_t *hashes, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);

    while (hashes[at] && hashes[at] != hash)
        at = (at + 1) & (capacity - 1);
    return &hashes[at];
}

static bool grow(struct name_set *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : CAPACITY_MIN;
    uint64_t *hashes = calloc(capacity, sizeof *hashes);

    if (!hashes)
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->hashes[i])
            *find(hashes, capacity, set->hashes[i]) = set->hashes[i];
    free(set->hashes);
    set->hashes = hashes;
    set->capacity = capacity;
    return true;
}

void name_set_add(struct name_set *set, struct bytes name)
{
    uint64_t hash = hash_bytes(name) | 1; /* never the mark of a free place */

    if (set->count == NAME_SET_MAX || (set->count * 2 >= set->capacity && !grow(set)))
        return;
    uint64_t *place = find(set->hashes, set->capacity, hash);
    if (*place)
        return;
    *place = hash;
    set->count++;
}
