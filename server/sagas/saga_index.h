/* The entries by which sagas are found: status, type, attributes. They change with the saga's row.
 */
#ifndef SERVER_SAGAS_SAGA_INDEX_H
#define SERVER_SAGAS_SAGA_INDEX_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "server/sagas/saga.h"
#include "storage/log/sequencer.h"

/* What a saga is found by. */
struct saga_index_view {
    uint8_t status; /* 0: not at all yet */
    uint32_t attribute_count;
    uint64_t attributes[]; /* saga_attribute_hash() of each */
};

uint64_t saga_attribute_hash(const char *name, const char *value);

/* NULL: the arena is full. */
struct saga_index_view *saga_index_look(const struct saga *saga, struct arena *arena);

/* @thread writer. Adds what leads from one to the other; `before` NULL: it was not found. */
void saga_index_write(struct commit *commit, const struct saga *saga,
                      const struct saga_index_view *before, const struct saga_index_view *after);

#endif
