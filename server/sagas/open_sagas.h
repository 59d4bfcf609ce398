/* The open sagas in memory: by number, by name, by what is due. @thread writer, but for the
 * counts. */
#ifndef SERVER_SAGAS_OPEN_SAGAS_H
#define SERVER_SAGAS_OPEN_SAGAS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/due_heap.h"
#include "server/sagas/saga.h"

struct open_saga {
    struct saga *saga; /* owned */
    uint64_t name_hash;
    struct open_saga *next_by_number, *next_by_name;
    struct due due; /* wall clock: when it goes on by itself */
    uint32_t stuck; /* how often it could not, since it last did */

    size_t counted_bytes; /* as it is counted now */
    uint8_t counted_status;
    bool counted_paused;

    bool has_ended; /* in the group in the making */
    struct open_saga *next_ended;
};

struct open_counts {
    _Atomic(uint64_t) open, running, compensating, parked, paused;
    _Atomic(size_t) bytes;
    _Atomic(int64_t) due_us; /* the earliest, as of the last group that is durable */
};

struct open_sagas {
    struct open_saga **by_number, **by_name;
    size_t bucket_count; /* of each; a power of two */
    struct due_heap due;
    struct open_counts counts; /* stored by the writer, looked at by any thread */
};

/* All zero is empty. */
void open_sagas_destroy(struct open_sagas *sagas);

struct open_saga *open_sagas_find(const struct open_sagas *sagas, uint64_t number);
struct open_saga *open_sagas_find_named(const struct open_sagas *sagas, uint64_t name_hash,
                                        struct bytes type, struct bytes id);

/* Room for one more, and its place, not yet among the others. Takes the saga. NULL: out of memory.
 */
struct open_saga *open_sagas_create(struct open_sagas *sagas, struct saga *saga);

/* Adds what was created, with its number and name. */
void open_sagas_add(struct open_sagas *sagas, struct open_saga *open);

/* After a change: counts it anew, and sets when it is due (INT64_MAX: not by itself). */
void open_sagas_update(struct open_sagas *sagas, struct open_saga *open, int64_t due_us);

/* Removes and frees it, or only frees it where it was not added. */
void open_sagas_remove(struct open_sagas *sagas, struct open_saga *open);
void open_saga_free(struct open_saga *open);

#endif
