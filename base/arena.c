#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum {
    ALIGNMENT = alignof(max_align_t),
    BLOCK_BYTES = 8192 - 64, /* what malloc serves from two pages */
};

struct arena_block {
    struct arena_block *older;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){.bytes_max = bytes_max};
}

void arena_init_within(struct arena *arena, size_t bytes_max, void *memory, size_t size)
{
    *arena =
        (struct arena){.bytes_max = bytes_max, .free = memory, .end = (uint8_t *)memory + size};
}

void arena_destroy(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    *arena = (struct arena){0};
}

static void *alloc_from_new_block(struct arena *arena, size_t size)
{
    size_t wanted = size > BLOCK_BYTES / 4 ? size : BLOCK_BYTES;
    struct arena_block *block = malloc(sizeof *block + wanted);

    if (!block)
        return NULL;
    block->older = arena->blocks;
    arena->blocks = block;
    /* A block of its own for something large leaves the current one in use. */
    if (wanted == size)
        return block->bytes;
    arena->free = block->bytes + size;
    arena->end = block->bytes + wanted;
    return block->bytes;
}

void *arena_alloc_raw(struct arena *arena, size_t size)
{
    if (size > arena->bytes_max)
        return NULL;
    if (size == 0)
        size = 1; /* nothing is an address, too: NULL means that there is no room */
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size > arena->bytes_max - arena->bytes_used)
        return NULL;
    arena->bytes_used += size;
    if (size > (size_t)(arena->end - arena->free))
        return alloc_from_new_block(arena, size);
    void *memory = arena->free;
    arena->free += size;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc_raw(arena, size);
    return memory ? memset(memory, 0, size) : NULL;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    uint8_t *copy = arena_alloc_raw(arena, bytes.size + 1);

    if (!copy)
        return (struct bytes){0};
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return (struct bytes){copy, bytes.size};
}
