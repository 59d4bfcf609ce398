/* What a row of the family `snapshots` says (rows.h). Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_SNAPSHOT_ROWS_H
#define STORAGE_SNAPSHOTS_SNAPSHOT_ROWS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "storage/snapshots/rows.h"
#include "storage/snapshots/snapshot_policy.h"
#include "storage/snapshots/snapshot_store.h"

struct history {
    uint32_t count; /* oldest first */
    struct snapshot_info items[SNAPSHOTS_KEPT_MAX];
};

/* {NULL, 0}: out of memory. */
struct bytes history_encode(const struct history *history, struct bytes stream,
                            struct arena *arena);

/* False: damaged. `stream` is borrowed; it may be NULL. */
bool history_decode(struct bytes row, struct history *history, struct bytes *stream);

/* The head of a state's row; content type and state follow. */
void state_encode_head(uint8_t row[STATE_HEAD_BYTES], struct bytes content_type,
                       struct bytes type_and_state);

/* The same of one that is sealed, which follows. */
void state_encode_sealed_head(uint8_t row[STATE_HEAD_BYTES], struct bytes sealed);

/* False: it is not sealed, or damaged. */
bool state_decode_sealed(struct bytes row, struct bytes *sealed);

/* False: damaged. */
bool state_decode(struct bytes row, struct bytes *content_type, struct bytes *state);

/* `memory` has room for POLICY_KEY_HEAD and the name. */
struct bytes policy_key_encode(uint8_t *memory, bool is_category, struct bytes name);

/* False: damaged. The name borrows from the key. */
bool policy_key_decode(struct bytes key, bool *is_category, struct bytes *name);

struct bytes policy_row_encode(uint8_t row[POLICY_ROW_BYTES], const struct snapshot_policy *policy);

/* False: damaged. But for its version. */
bool policy_row_decode(struct bytes row, struct snapshot_policy *policy);

#endif
