/* Memory that lives exactly as long as one call, one append, or one test.
 * There is no free: destroy the arena. Not thread-safe: an arena belongs to
 * whoever holds its owner. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; malloc'ed */
    uint8_t *free;              /* next free byte of the newest block */
    uint8_t *end;               /* its end */
    size_t bytes_used;          /* what callers asked for, rounded up */
    size_t bytes_max;           /* an allocation beyond this returns NULL */
};

void arena_init(struct arena *arena, size_t bytes_max);

/* The same, but the first allocations come from `memory` (aligned for any
 * type), which the caller keeps and which must outlive the arena. */
void arena_init_within(struct arena *arena, size_t bytes_max, void *memory, size_t size);

/* Frees everything. The arena must be initialised again before another use. */
void arena_destroy(struct arena *arena);

/* Zeroed and aligned for any type. NULL once the limit is reached. */
void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc, not zeroed: for bytes that are overwritten at once. */
void *arena_alloc_raw(struct arena *arena, size_t size);

/* A copy in the arena with a NUL behind it; {NULL, 0} once the limit is reached. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);

#endif
