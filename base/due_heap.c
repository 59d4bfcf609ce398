#include "base/due_heap.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

void due_heap_destroy(struct due_heap *heap)
{
    free(heap->items);
    *heap = (struct due_heap){0};
}

bool due_heap_reserve(struct due_heap *heap, size_t count)
{
    size_t capacity = heap->capacity ? heap->capacity : CAPACITY_MIN;

    if (count <= heap->capacity)
        return true;
    while (capacity < count)
        capacity *= 2;
    struct due **items = realloc(heap->items, capacity * sizeof *items);
    if (!items)
        return false;
    heap->items = items;
    heap->capacity = capacity;
    return true;
}

static void place(struct due_heap *heap, size_t index, struct due *due)
{
    heap->items[index] = due;
    due->index = index;
}

static void rise(struct due_heap *heap, struct due *due)
{
    size_t index = due->index;

    while (index > 0 && heap->items[(index - 1) / 2]->at_us > due->at_us) {
        place(heap, index, heap->items[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(heap, index, due);
}

static void sink(struct due_heap *heap, struct due *due)
{
    size_t index = due->index;

    for (;;) {
        size_t child = 2 * index + 1;
        if (child + 1 < heap->count && heap->items[child + 1]->at_us < heap->items[child]->at_us)
            child++;
        if (child >= heap->count || heap->items[child]->at_us >= due->at_us)
            break;
        place(heap, index, heap->items[child]);
        index = child;
    }
    place(heap, index, due);
}

static void take_out(struct due_heap *heap, struct due *due)
{
    struct due *last = heap->items[--heap->count];
    size_t index = due->index;

    due_init(due);
    if (last == due)
        return;
    place(heap, index, last);
    rise(heap, last);
    sink(heap, last);
}

void due_heap_set(struct due_heap *heap, struct due *due, int64_t at_us)
{
    if (due->at_us == at_us)
        return;
    if (at_us == INT64_MAX)
        return take_out(heap, due);
    if (due->at_us == INT64_MAX) {
        assert(heap->count < heap->capacity);
        place(heap, heap->count++, due);
    }
    due->at_us = at_us;
    rise(heap, due);
    sink(heap, due);
}
