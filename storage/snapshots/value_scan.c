/* The walk over all values goes by the hash of the key, a range at a time: first what waits for the
 * disk, then what is there. In this order nothing falls between the two. */
#include <assert.h>
#include <stdlib.h>

#include "storage/snapshots/rows.h"
#include "storage/snapshots/value_flush.h"

enum { SCAN_MAX = 1000, UNSAVED_SHARE_OF_STEP = 4 };

#define SCAN_LAST ((UINT64_C(1) << 62) - 1)

struct unsaved {
    uint64_t scan_hash;
    struct cache_entry *entry; /* a reference */
    bool gone;
};

struct step {
    struct value_store *store;
    int64_t now_us;
    uint64_t first, last;    /* scan hashes, inclusive */
    struct unsaved *unsaved; /* in the order of their hashes */
    size_t unsaved_count, unsaved_max;
    size_t rows_left;
    struct arena arena;
    struct key {
        struct bytes bytes;
        struct key *next;
    } * keys;
    bool short_of_memory;
};

/* Where the step ends, if so many rows are to be in it. */
static bool visit_to_count(void *context, struct bytes key, struct bytes row)
{
    struct step *step = context;

    (void)row;
    step->last = get_u64_big_endian(key.data);
    return --step->rows_left > 0;
}

static void collect_slots(struct step *step, const struct cache_slot *slot)
{
    for (; slot; slot = slot->next) {
        uint64_t at = scan_hash(cache_entry_key(slot->entry));
        if (at < step->first || at > step->last)
            continue;
        if (step->unsaved_count < step->unsaved_max)
            step->unsaved[step->unsaved_count] = (struct unsaved){at, cache_entry_hold(slot->entry),
                                                                  slot->entry->state & ENTRY_GONE};
        step->unsaved_count++;
    }
}

static void release_unsaved(struct step *step)
{
    for (size_t i = 0; i < step->unsaved_count && i < step->unsaved_max; i++)
        cache_entry_release(step->unsaved[i].entry);
    step->unsaved_count = 0;
}

static int compare_unsaved(const void *a, const void *b)
{
    const struct unsaved *left = a, *right = b;

    return left->scan_hash < right->scan_hash ? -1 : left->scan_hash > right->scan_hash;
}

/* Halves the range until what waits in it fits: hashes lie evenly. */
static void collect_unsaved(struct step *step)
{
    for (;;) {
        release_unsaved(step);
        for (unsigned i = 0; i < CACHE_SHARDS; i++) {
            struct cache_shard *shard = cache_lock(step->store->options.cache, (uint64_t)i << 60);
            collect_slots(step, shard->unsaved);
            collect_slots(step, shard->saving);
            cache_unlock(shard);
        }
        if (step->unsaved_count <= step->unsaved_max || step->last == step->first)
            break;
        step->last = step->first + (step->last - step->first) / 2;
    }
    if (step->unsaved_count > step->unsaved_max)
        step->short_of_memory = true; /* thousands of keys with one hash: nobody's accident */
    else
        qsort(step->unsaved, step->unsaved_count, sizeof *step->unsaved, compare_unsaved);
}

static bool is_unsaved(const struct step *step, uint64_t at, struct bytes key)
{
    struct unsaved wanted = {.scan_hash = at};
    const struct unsaved *found = bsearch(&wanted, step->unsaved, step->unsaved_count,
                                          sizeof *step->unsaved, compare_unsaved);

    return found && bytes_equal(cache_entry_key(found->entry), key);
}

static bool visit_row(void *context, struct bytes row_key, struct bytes row)
{
    struct step *step = context;
    uint64_t at = get_u64_big_endian(row_key.data);
    struct bytes name = {row_key.data + SCAN_HASH_BYTES, row_key.size - SCAN_HASH_BYTES};

    if (at > step->last)
        return false;
    if (row.size < VALUE_HEAD_BYTES ||
        (int64_t)get_u64_little_endian(row.data + 9) <= step->now_us || is_unsaved(step, at, name))
        return true;
    struct key *key = arena_alloc(&step->arena, sizeof *key);
    struct bytes copy = key ? arena_copy(&step->arena, name) : (struct bytes){0};
    step->short_of_memory = !copy.data;
    if (step->short_of_memory)
        return false;
    *key = (struct key){copy, step->keys};
    step->keys = key;
    return true;
}

static struct status collect(struct step *step)
{
    struct engine *engine = step->store->options.engine;
    uint8_t from[SCAN_HASH_BYTES];
    struct scan scan = {.family = FAMILY_VALUES, .from = {from, sizeof from}, .bulk = true};

    put_u64_big_endian(from, step->first);
    TRY(engine_scan(engine, &scan, visit_to_count, step));
    if (step->rows_left > 0)
        step->last = SCAN_LAST;
    collect_unsaved(step);
    TRY(engine_scan(engine, &scan, visit_row, step));
    if (step->short_of_memory)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "values: too many keys at once");
    return OK;
}

struct status value_scan(struct value_store *store, uint64_t cursor, size_t max,
                         void (*visit)(void *context, struct bytes key), void *context,
                         uint64_t *next)
{
    struct step step = {
        .store = store,
        .now_us = clock_wall_us(store->options.clock),
        .first = cursor < SCAN_LAST ? cursor : SCAN_LAST,
        .last = SCAN_LAST,
        .unsaved_max = max * UNSAVED_SHARE_OF_STEP,
        .rows_left = max,
    };

    assert(max >= 1 && max <= SCAN_MAX);
    step.unsaved = calloc(step.unsaved_max, sizeof *step.unsaved);
    if (!step.unsaved)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "values: out of memory");
    arena_init(&step.arena, (size_t)SCAN_MAX * 2 * (VALUE_KEY_BYTES_MAX + 64));
    struct status status = collect(&step);
    for (size_t i = 0; status_ok(status) && i < step.unsaved_count; i++) {
        const struct cache_entry *entry = step.unsaved[i].entry;
        if (!step.unsaved[i].gone && entry->expires_us > step.now_us)
            visit(context, cache_entry_key(entry));
    }
    for (const struct key *key = step.keys; status_ok(status) && key; key = key->next)
        visit(context, key->bytes);
    *next = step.last == SCAN_LAST ? 0 : step.last + 1;
    release_unsaved(&step);
    arena_destroy(&step.arena);
    free(step.unsaved);
    return status;
}
