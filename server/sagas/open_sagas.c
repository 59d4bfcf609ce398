#include "server/sagas/open_sagas.h"

#include <stdlib.h>

#include "base/hash.h"

enum { BUCKETS_MIN = 1 << 10 };

static size_t number_bucket(const struct open_sagas *sagas, uint64_t number)
{
    return number & (sagas->bucket_count - 1); /* numbers count: no better spread is needed */
}

static size_t name_bucket(const struct open_sagas *sagas, uint64_t name_hash)
{
    return name_hash & (sagas->bucket_count - 1);
}

struct open_saga *open_sagas_find(const struct open_sagas *sagas, uint64_t number)
{
    if (sagas->bucket_count == 0)
        return NULL;
    struct open_saga *open = sagas->by_number[number_bucket(sagas, number)];
    while (open && open->saga->number != number)
        open = open->next_by_number;
    return open;
}

static bool is_named(const struct open_saga *open, uint64_t name_hash, struct bytes type,
                     struct bytes id)
{
    return open->name_hash == name_hash && bytes_equal(open->saga->id, id) &&
           bytes_equal(open->saga->type, type);
}

struct open_saga *open_sagas_find_named(const struct open_sagas *sagas, uint64_t name_hash,
                                        struct bytes type, struct bytes id)
{
    if (sagas->bucket_count == 0)
        return NULL;
    struct open_saga *open = sagas->by_name[name_bucket(sagas, name_hash)];
    /* Of two runs in one group, the newer was added later and comes first. */
    while (open && !is_named(open, name_hash, type, id))
        open = open->next_by_name;
    return open;
}

/* --- adding -------------------------------------------------------------------------------------
 */

static void link_in(struct open_sagas *sagas, struct open_saga *open)
{
    struct open_saga **number = &sagas->by_number[number_bucket(sagas, open->saga->number)];
    struct open_saga **name = &sagas->by_name[name_bucket(sagas, open->name_hash)];

    open->next_by_number = *number;
    *number = open;
    open->next_by_name = *name;
    *name = open;
}

/* Links a chain of names anew, the last first, so that the order within a name stays. */
static void link_chain(struct open_sagas *sagas, struct open_saga *chain)
{
    struct open_saga *reversed = NULL;

    while (chain) {
        struct open_saga *open = chain;
        chain = open->next_by_name;
        open->next_by_name = reversed;
        reversed = open;
    }
    while (reversed) {
        struct open_saga *open = reversed;
        reversed = open->next_by_name;
        link_in(sagas, open);
    }
}

/* One saga for each bucket, on average. */
static bool grow(struct open_sagas *sagas)
{
    struct open_saga **old_by_number = sagas->by_number, **old_by_name = sagas->by_name;
    size_t old_count = sagas->bucket_count, count = old_count ? old_count * 2 : BUCKETS_MIN;

    if (atomic_load_explicit(&sagas->counts.open, memory_order_relaxed) < old_count)
        return true;
    struct open_saga **by_number = calloc(count, sizeof *by_number);
    struct open_saga **by_name = calloc(count, sizeof *by_name);
    if (!by_number || !by_name) {
        free(by_number);
        free(by_name);
        return false;
    }
    sagas->by_number = by_number;
    sagas->by_name = by_name;
    sagas->bucket_count = count;
    for (size_t i = 0; i < old_count; i++)
        link_chain(sagas, old_by_name[i]);
    free(old_by_number);
    free(old_by_name);
    return true;
}

struct open_saga *open_sagas_create(struct open_sagas *sagas, struct saga *saga)
{
    struct open_saga *open = NULL;

    if (grow(sagas) && due_heap_reserve(&sagas->due, atomic_load(&sagas->counts.open) + 1))
        open = calloc(1, sizeof *open);
    if (!open)
        return NULL;
    open->saga = saga;
    due_init(&open->due);
    return open;
}

/* --- counting -----------------------------------------------------------------------------------
 */

static void add_to(_Atomic(uint64_t) *count, int64_t change)
{
    atomic_store_explicit(count,
                          atomic_load_explicit(count, memory_order_relaxed) + (uint64_t)change,
                          memory_order_relaxed);
}

static void count_as(struct open_counts *counts, const struct open_saga *open, int64_t change)
{
    switch ((Sagabase__V1__SagaStatus)open->counted_status) {
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING:
        add_to(&counts->running, change);
        break;
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING:
        add_to(&counts->compensating, change);
        break;
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED:
        add_to(&counts->parked, change);
        break;
    default:
        break; /* over: it leaves with its group */
    }
    if (open->counted_paused)
        add_to(&counts->paused, change);
}

static void count_bytes(struct open_counts *counts, struct open_saga *open, size_t bytes)
{
    atomic_fetch_add_explicit(&counts->bytes, bytes - open->counted_bytes, memory_order_relaxed);
    open->counted_bytes = bytes;
}

void open_sagas_add(struct open_sagas *sagas, struct open_saga *open)
{
    link_in(sagas, open);
    add_to(&sagas->counts.open, 1);
}

void open_sagas_update(struct open_sagas *sagas, struct open_saga *open, int64_t due_us)
{
    const struct saga *saga = open->saga;

    if (open->counted_status != saga->status || open->counted_paused != saga->paused) {
        count_as(&sagas->counts, open, -1);
        open->counted_status = saga->status;
        open->counted_paused = saga->paused && !saga_has_ended(saga);
        count_as(&sagas->counts, open, 1);
    }
    count_bytes(&sagas->counts, open, sizeof *open + saga->bytes);
    due_heap_set(&sagas->due, &open->due, due_us);
}

/* --- removing -----------------------------------------------------------------------------------
 */

void open_saga_free(struct open_saga *open)
{
    saga_free(open->saga);
    free(open);
}

void open_sagas_remove(struct open_sagas *sagas, struct open_saga *open)
{
    struct open_saga **number = &sagas->by_number[number_bucket(sagas, open->saga->number)];
    struct open_saga **name = &sagas->by_name[name_bucket(sagas, open->name_hash)];

    while (*number != open)
        number = &(*number)->next_by_number;
    *number = open->next_by_number;
    while (*name != open)
        name = &(*name)->next_by_name;
    *name = open->next_by_name;
    due_heap_set(&sagas->due, &open->due, INT64_MAX);
    count_as(&sagas->counts, open, -1);
    count_bytes(&sagas->counts, open, 0);
    add_to(&sagas->counts.open, -1);
    open_saga_free(open);
}

void open_sagas_destroy(struct open_sagas *sagas)
{
    for (size_t i = 0; i < sagas->bucket_count; i++)
        while (sagas->by_number[i])
            open_sagas_remove(sagas, sagas->by_number[i]);
    free(sagas->by_number);
    free(sagas->by_name);
    due_heap_destroy(&sagas->due);
}
