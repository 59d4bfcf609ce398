#include "storage/log/ids.h"

#include <stdlib.h>

#include "base/hash.h"

enum { SLOTS_MIN = 1024 };

struct slot {
    uint64_t fingerprint; /* 0: empty */
    uint64_t position;
};

/* Open addressing with linear probing, at most half full; and a ring of the
 * fingerprints in order of arrival, to know which is the oldest. */
struct ids {
    struct slot *slots;
    size_t slot_count; /* a power of two */
    uint64_t *ring;
    size_t ring_size; /* entries allocated, a power of two or ids_max */
    size_t oldest;    /* index in the ring */
    size_t count;
    size_t ids_max;
};

struct ids *ids_create(size_t ids_max)
{
    struct ids *ids = calloc(1, sizeof *ids);

    if (!ids)
        return NULL;
    ids->ids_max = ids_max;
    ids->slot_count = SLOTS_MIN;
    ids->ring_size = ids_max < SLOTS_MIN / 2 ? ids_max : SLOTS_MIN / 2;
    ids->slots = calloc(ids->slot_count, sizeof *ids->slots);
    ids->ring = calloc(ids->ring_size, sizeof *ids->ring);
    if (!ids->slots || !ids->ring) {
        ids_free(ids);
        return NULL;
    }
    return ids;
}

void ids_free(struct ids *ids)
{
    free(ids->slots);
    free(ids->ring);
    free(ids);
}

uint64_t id_fingerprint(const struct uuid *id, uint64_t stream_hash)
{
    uint64_t fingerprint = hash_bytes(bytes_of(id->bytes, UUID_BYTES)) ^ (stream_hash * 2 + 1);

    return fingerprint ? fingerprint : 1;
}

static size_t home_of(const struct ids *ids, uint64_t fingerprint)
{
    return fingerprint & (ids->slot_count - 1);
}

/* The slot that holds it, or the empty one where it would go. */
static size_t probe(const struct ids *ids, uint64_t fingerprint)
{
    size_t at = home_of(ids, fingerprint);

    while (ids->slots[at].fingerprint && ids->slots[at].fingerprint != fingerprint)
        at = (at + 1) & (ids->slot_count - 1);
    return at;
}

bool ids_find(const struct ids *ids, uint64_t fingerprint, uint64_t *position)
{
    const struct slot *slot = &ids->slots[probe(ids, fingerprint)];

    if (!slot->fingerprint)
        return false;
    *position = slot->position;
    return true;
}

/* Empties a slot and moves up those behind it that it kept from their home. */
static void erase(struct ids *ids, size_t hole)
{
    size_t mask = ids->slot_count - 1;

    for (size_t at = (hole + 1) & mask; ids->slots[at].fingerprint; at = (at + 1) & mask) {
        size_t home = home_of(ids, ids->slots[at].fingerprint);
        bool stays = ((at - home) & mask) < ((at - hole) & mask);
        if (stays)
            continue;
        ids->slots[hole] = ids->slots[at];
        hole = at;
    }
    ids->slots[hole].fingerprint = 0;
}

static bool grow(struct ids *ids)
{
    size_t ring_size = ids->ring_size * 2 < ids->ids_max ? ids->ring_size * 2 : ids->ids_max;
    size_t slot_count = ids->slot_count;
    struct slot *old = ids->slots;
    size_t old_count = ids->slot_count;

    while (slot_count < ring_size * 2)
        slot_count *= 2;
    /* The ring has not wrapped while it grows: its oldest entry is its first. */
    uint64_t *ring = realloc(ids->ring, ring_size * sizeof *ring);
    if (!ring)
        return false;
    ids->ring = ring;
    struct slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    ids->ring_size = ring_size;
    ids->slots = slots;
    ids->slot_count = slot_count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].fingerprint)
            ids->slots[probe(ids, old[i].fingerprint)] = old[i];
    free(old);
    return true;
}

static void forget_oldest(struct ids *ids)
{
    size_t at = probe(ids, ids->ring[ids->oldest]);

    if (ids->slots[at].fingerprint)
        erase(ids, at);
    ids->oldest = (ids->oldest + 1) % ids->ring_size;
    ids->count--;
}

void ids_add(struct ids *ids, uint64_t fingerprint, uint64_t position)
{
    if (ids->count == ids->ring_size && ids->ring_size < ids->ids_max && !grow(ids))
        ids->ids_max = ids->ring_size; /* out of memory: stay as large as it is */
    if (ids->count == ids->ring_size)
        forget_oldest(ids);
    size_t at = probe(ids, fingerprint);
    if (ids->slots[at].fingerprint) {
        /* The same id again in the same stream, under an exact revision: the
         * newer one is remembered, for as long as the older would have been. */
        ids->slots[at].position = position;
        return;
    }
    ids->slots[at] = (struct slot){fingerprint, position};
    ids->ring[(ids->oldest + ids->count) % ids->ring_size] = fingerprint;
    ids->count++;
}
