/* What of a stream is still to be seen. Rows are few, so all of them are in memory;
 * a store without any pays one atomic load.
 *
 * A row of a stream: everything before `first_revision` is hidden, for ever; a
 * tombstone hides all of it and refuses appends, for ever. Its policy, or else the
 * one of its category, hides the oldest events beyond a number or an age.
 *
 * Changed by the writer, looked at by any thread. */
#ifndef STORAGE_LOG_RETENTION_H
#define STORAGE_LOG_RETENTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/engine/engine.h"
#include "storage/log/stream_change.h"

struct retained {
    uint64_t number; /* of the stream */
    uint64_t first_revision;
    struct stream_policy policy;
    bool tombstoned;
    uint64_t erased_before; /* the payloads of revisions before it are not to be seen, for ever
                             * (erasure.h) */
    int64_t erased_us;      /* when that was decided */
    bool is_deleted;        /* what is before first_revision was deleted, not just cut off */
    bool is_erasing;        /* some of them may still be stored */
    bool is_key_gone;       /* the key that sealed them was destroyed; there may be a new one */
};

struct category_policy {
    uint64_t hash; /* hash_bytes() of the category; 0: an empty slot */
    struct bytes category;
    struct stream_policy policy;
};

struct retention {
    pthread_rwlock_t lock;
    _Atomic(size_t) count;    /* rows of both kinds ever set */
    struct retained *streams; /* open addressing by number, at most half full */
    size_t stream_slots;      /* a power of two */
    size_t stream_count;
    struct category_policy *categories;
    size_t category_count;
};

void retention_init(struct retention *retention);
void retention_destroy(struct retention *retention);

/* Before the writer starts. */
struct status retention_load(struct retention *retention, struct engine *engine);

static inline bool retention_is_empty(const struct retention *retention)
{
    return atomic_load_explicit(&retention->count, memory_order_acquire) == 0;
}

/* The stream's row; all 0 but the number if it has none. */
struct retained retention_of(struct retention *retention, uint64_t number);

/* A row of a stream that is being erased; the first one, 0 numbers: none. */
struct retained retention_find_erasing(struct retention *retention);

/* The policy that holds for a stream: its own, or its category's. */
struct stream_policy retention_policy(struct retention *retention, const struct retained *row,
                                      struct bytes stream);

/* Whether new events of a stream are to be sealed: its own policy says so, or its category's.
 * `number` is 0 while it does not exist. */
bool retention_encrypts(struct retention *retention, uint64_t number, struct bytes stream);

/* The policy of a category; all 0 if it has none. */
struct stream_policy retention_of_category(struct retention *retention, struct bytes category);

/* @thread writer. False: out of memory. */
bool retention_set(struct retention *retention, const struct retained *row);
bool retention_set_category(struct retention *retention, struct bytes category,
                            struct stream_policy policy);

/* The first revision to be seen of a stream that holds `event_count` events, age aside. */
uint64_t retention_first(const struct retained *row, struct stream_policy policy,
                         uint64_t event_count);

/* As stored in the family `policies` (keys.h). */
enum { RETAINED_BYTES = 26, ERASED_BYTES = 16, CATEGORY_POLICY_BYTES = 17 };
struct bytes retained_encode(uint8_t value[RETAINED_BYTES + ERASED_BYTES],
                             const struct retained *row);
struct bytes category_policy_encode(uint8_t value[CATEGORY_POLICY_BYTES],
                                    struct stream_policy policy);

#endif
