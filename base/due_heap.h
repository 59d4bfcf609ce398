/* What is due when: a binary heap of moments, each within whatever it belongs to. Whose clock they
 * are of is the owner's affair. Not thread-safe. */
#ifndef BASE_DUE_HEAP_H
#define BASE_DUE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embed it; begin with due_init. */
struct due {
    int64_t at_us; /* INT64_MAX: never, and not in the heap */
    size_t index;  /* the heap's */
};

/* All zero is empty. */
struct due_heap {
    struct due **items; /* malloc'ed; the earliest first */
    size_t count, capacity;
};

static inline void due_init(struct due *due)
{
    due->at_us = INT64_MAX;
    due->index = SIZE_MAX;
}

void due_heap_destroy(struct due_heap *heap);

/* Room for `count` in all. False: out of memory. */
bool due_heap_reserve(struct due_heap *heap, size_t count);

/* Adds, moves or, with INT64_MAX, removes it. There must be room. */
void due_heap_set(struct due_heap *heap, struct due *due, int64_t at_us);

/* The earliest; NULL: none. */
static inline struct due *due_heap_first(const struct due_heap *heap)
{
    return heap->count > 0 ? heap->items[0] : NULL;
}

static inline int64_t due_heap_first_us(const struct due_heap *heap)
{
    return heap->count > 0 ? heap->items[0]->at_us : INT64_MAX;
}

#endif
