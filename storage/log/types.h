/* The event types that the store holds, known by their hash so that the
 * sequencer can tell a new one. @thread writer, but for types_count(). */
#ifndef STORAGE_LOG_TYPES_H
#define STORAGE_LOG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "storage/engine/engine.h"

struct types;

struct types *types_create(void);
void types_free(struct types *types);

/* Reads the types that the engine holds. Before the writer starts. */
struct status types_load(struct types *types, struct engine *engine);

/* Any thread. */
uint64_t types_count(const struct types *types);

bool types_has(const struct types *types, uint64_t type_hash);

/* False: out of memory. */
bool types_add(struct types *types, uint64_t type_hash);

#endif
