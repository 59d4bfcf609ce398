/* Rows whose time has come are looked for a few at a time, by the thread that flushes. */
#include <stdlib.h>

#include "storage/snapshots/rows.h"
#include "storage/snapshots/value_flush.h"

enum { SWEEP_ROWS_MAX = 1000, SWEEP_BYTES_MAX = 4 << 20 };

struct sweep {
    int64_t now_us;
    struct arena arena;
    struct bytes keys[SWEEP_ROWS_MAX];
    size_t count;
    size_t rows, bytes;
    uint64_t next;
};

static bool visit_row(void *context, struct bytes key, struct bytes row)
{
    struct sweep *sweep = context;

    sweep->next = get_u64_big_endian(key.data);
    if (sweep->rows++ == SWEEP_ROWS_MAX || sweep->bytes > SWEEP_BYTES_MAX)
        return false;
    sweep->next++;
    sweep->bytes += row.size;
    if (row.size < VALUE_HEAD_BYTES || (int64_t)get_u64_little_endian(row.data + 9) > sweep->now_us)
        return true;
    struct bytes copy = arena_copy(
        &sweep->arena, (struct bytes){key.data + SCAN_HASH_BYTES, key.size - SCAN_HASH_BYTES});
    if (copy.data)
        sweep->keys[sweep->count++] = copy;
    return true;
}

void value_sweep_some(struct value_store *store)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    uint8_t from[SCAN_HASH_BYTES];

    if (!sweep)
        return;
    sweep->now_us = clock_wall_us(store->options.clock);
    arena_init(&sweep->arena, (size_t)SWEEP_ROWS_MAX * (VALUE_KEY_BYTES_MAX + 16));
    put_u64_big_endian(from, store->sweep_hash);
    struct status status = engine_scan(
        store->options.engine,
        &(struct scan){.family = FAMILY_VALUES, .from = {from, sizeof from}, .bulk = true},
        visit_row, sweep);
    bool end = sweep->rows <= SWEEP_ROWS_MAX && sweep->bytes <= SWEEP_BYTES_MAX;
    for (size_t i = 0; i < sweep->count && status_ok(status); i++)
        status = value_sweep(store, sweep->keys[i]);
    store->sweep_hash = end ? 0 : sweep->next;
    arena_destroy(&sweep->arena);
    free(sweep);
}
