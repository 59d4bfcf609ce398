/* Heads of streams in memory: name -> number and how many events. Bounded; what
 * is missing is read from the engine. The sequencer alone changes it, so what
 * it decides needs no lock; any thread may look. */
#ifndef STORAGE_LOG_HEADS_H
#define STORAGE_LOG_HEADS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/engine/engine.h"

struct heads;

struct head {
    uint64_t hash; /* hash_bytes() of the name */
    struct bytes name;
    uint64_t number; /* 0: no such stream yet */

    uint64_t event_count;              /* @thread writer: decided, perhaps not yet durable */
    _Atomic(uint64_t) committed_count; /* what others see */
    uint64_t changed_end;              /* @thread writer: end of the store at its last change */
    uint64_t touched_in;               /* @thread writer: the group that last changed it */
    _Atomic(bool) used;                /* since the clock's hand passed */
    struct head *next_in_bucket;
    struct head *next, *previous; /* the clock's ring */
};

/* What the engine holds of a stream, read at a known time. */
struct head_read {
    uint64_t number; /* 0: no such stream */
    uint64_t event_count;
    uint64_t read_at; /* the committed end of the store before the read */
};

struct heads *heads_create(size_t heads_max);
void heads_free(struct heads *heads);

/* Any thread. False: not in memory. */
bool heads_look(struct heads *heads, uint64_t hash, struct bytes name, uint64_t *number,
                uint64_t *committed_count);

/* Any thread: what became of it since it was made. */
struct heads_counts {
    size_t kept;
    uint64_t looked, found, forgotten;
};
struct heads_counts heads_counts(struct heads *heads);

/* @thread writer. Shows what these heads count, and the new end of the store, both at once: who
 * sees one sees the other, if he looks with heads_look. The end before. */
uint64_t heads_publish(struct heads *heads, struct head *const *touched, size_t count,
                       _Atomic(uint64_t) *end, uint64_t new_end);

/* Any thread: reads a head from the engine. It may hold what is not published yet. */
struct status head_read(struct engine *engine, struct bytes name, uint64_t read_at,
                        struct head_read *read);

/* @thread writer. NULL: not in memory. */
struct head *heads_find(struct heads *heads, uint64_t hash, struct bytes name);

/* @thread writer. Whether a head that was read then can be trusted now: no
 * stream that changed since was forgotten. */
bool heads_trust(const struct heads *heads, const struct head_read *read);

/* @thread writer. Adds one, forgetting another when full; a head touched in
 * `group` is not forgotten. NULL: out of memory. */
struct head *heads_add(struct heads *heads, uint64_t hash, struct bytes name,
                       const struct head_read *read, uint64_t group);

#endif
