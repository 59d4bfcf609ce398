#include "storage/log/types.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

enum { SLOTS_MIN = 256 };

/* Open addressing, at most half full; 0 is an empty slot. */
struct types {
    uint64_t *slots;
    size_t slot_count; /* a power of two */
    _Atomic(uint64_t) count;
};

struct types *types_create(void)
{
    struct types *types = calloc(1, sizeof *types);

    if (!types)
        return NULL;
    types->slot_count = SLOTS_MIN;
    types->slots = calloc(types->slot_count, sizeof *types->slots);
    if (!types->slots) {
        free(types);
        return NULL;
    }
    return types;
}

void types_free(struct types *types)
{
    free(types->slots);
    free(types);
}

uint64_t types_count(const struct types *types)
{
    return atomic_load_explicit(&types->count, memory_order_relaxed);
}

static uint64_t *probe(uint64_t *slots, size_t slot_count, uint64_t type_hash)
{
    size_t at = type_hash & (slot_count - 1);

    while (slots[at] && slots[at] != type_hash)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

bool types_has(const struct types *types, uint64_t type_hash)
{
    return *probe(types->slots, types->slot_count, type_hash | 1) != 0;
}

static bool grow(struct types *types)
{
    size_t slot_count = types->slot_count * 2;
    uint64_t *slots = calloc(slot_count, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < types->slot_count; i++)
        if (types->slots[i])
            *probe(slots, slot_count, types->slots[i]) = types->slots[i];
    free(types->slots);
    types->slots = slots;
    types->slot_count = slot_count;
    return true;
}

bool types_add(struct types *types, uint64_t type_hash)
{
    uint64_t count = types_count(types);

    if ((count + 1) * 2 > types->slot_count && !grow(types))
        return false;
    *probe(types->slots, types->slot_count, type_hash | 1) = type_hash | 1;
    atomic_store_explicit(&types->count, count + 1, memory_order_relaxed);
    return true;
}

struct load {
    struct types *types;
    bool short_of_memory;
};

static bool visit_type(void *context, struct bytes key, struct bytes value)
{
    struct load *load = context;

    (void)value;
    load->short_of_memory = !types_add(load->types, hash_bytes(key));
    return !load->short_of_memory;
}

struct status types_load(struct types *types, struct engine *engine)
{
    struct load load = {types, false};

    TRY(engine_scan(engine, &(struct scan){.family = FAMILY_TYPES}, visit_type, &load));
    if (load.short_of_memory)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "types: out of memory");
    return OK;
}
