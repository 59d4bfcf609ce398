#include "storage/snapshots/snapshot_rows.h"

enum { HISTORY_HEAD_BYTES = 3 };

struct bytes history_encode(const struct history *history, struct bytes stream, struct arena *arena)
{
    size_t size = HISTORY_HEAD_BYTES + stream.size + history->count * (size_t)HISTORY_ITEM_BYTES;
    uint8_t *row = arena_alloc_raw(arena, size), *at = row;

    if (!row)
        return (struct bytes){0};
    *at++ = ROW_VERSION;
    *at++ = (uint8_t)stream.size;
    *at++ = (uint8_t)(stream.size >> 8);
    memcpy(at, stream.data, stream.size);
    at += stream.size;
    for (uint32_t i = 0; i < history->count; i++, at += HISTORY_ITEM_BYTES) {
        const struct snapshot_info *item = &history->items[i];
        put_u64_little_endian(at, item->revision);
        put_u32_little_endian(at + 8, item->state_bytes);
        put_u64_little_endian(at + 12, (uint64_t)item->created_us);
        put_u64_little_endian(at + 20, (uint64_t)item->expires_us);
    }
    return (struct bytes){row, size};
}

bool history_decode(struct bytes row, struct history *history, struct bytes *stream)
{
    if (row.size < HISTORY_HEAD_BYTES || row.data[0] != ROW_VERSION)
        return false;
    size_t name_size = row.data[1] | (size_t)row.data[2] << 8;
    size_t head = HISTORY_HEAD_BYTES + name_size;
    if (row.size < head || (row.size - head) % HISTORY_ITEM_BYTES != 0 ||
        (row.size - head) / HISTORY_ITEM_BYTES > SNAPSHOTS_KEPT_MAX)
        return false;
    if (stream)
        *stream = (struct bytes){row.data + HISTORY_HEAD_BYTES, name_size};
    history->count = (uint32_t)((row.size - head) / HISTORY_ITEM_BYTES);
    const uint8_t *at = row.data + head;
    for (uint32_t i = 0; i < history->count; i++, at += HISTORY_ITEM_BYTES)
        history->items[i] = (struct snapshot_info){
            .revision = get_u64_little_endian(at),
            .state_bytes = get_u32_little_endian(at + 8),
            .created_us = (int64_t)get_u64_little_endian(at + 12),
            .expires_us = (int64_t)get_u64_little_endian(at + 20),
        };
    return true;
}

void state_encode_head(uint8_t row[STATE_HEAD_BYTES], struct bytes content_type,
                       struct bytes type_and_state)
{
    row[0] = ROW_VERSION;
    row[1] = (uint8_t)content_type.size;
    put_u64_little_endian(row + 2, checksum_bytes(type_and_state));
}

void state_encode_sealed_head(uint8_t row[STATE_HEAD_BYTES], struct bytes sealed)
{
    row[0] = ROW_VERSION_SEALED;
    row[1] = 0;
    put_u64_little_endian(row + 2, checksum_bytes(sealed));
}

bool state_decode_sealed(struct bytes row, struct bytes *sealed)
{
    if (row.size < STATE_HEAD_BYTES || row.data[0] != ROW_VERSION_SEALED)
        return false;
    *sealed = (struct bytes){row.data + STATE_HEAD_BYTES, row.size - STATE_HEAD_BYTES};
    return checksum_bytes(*sealed) == get_u64_little_endian(row.data + 2);
}

bool state_decode(struct bytes row, struct bytes *content_type, struct bytes *state)
{
    if (row.size < STATE_HEAD_BYTES || row.data[0] != ROW_VERSION ||
        row.size - STATE_HEAD_BYTES < row.data[1])
        return false;
    struct bytes both = {row.data + STATE_HEAD_BYTES, row.size - STATE_HEAD_BYTES};
    *content_type = (struct bytes){both.data, row.data[1]};
    *state = (struct bytes){both.data + row.data[1], both.size - row.data[1]};
    return checksum_bytes(both) == get_u64_little_endian(row.data + 2);
}

/* --- policies --------------------------------------------------------------------------------- */

enum { POLICY_OF_CATEGORY = 'c', POLICY_OF_STREAM = 's' };

struct bytes policy_key_encode(uint8_t *memory, bool is_category, struct bytes name)
{
    memory[0] = POLICY_ROWS;
    memory[1] = is_category ? POLICY_OF_CATEGORY : POLICY_OF_STREAM;
    memcpy(memory + POLICY_KEY_HEAD, name.data, name.size);
    return (struct bytes){memory, POLICY_KEY_HEAD + name.size};
}

bool policy_key_decode(struct bytes key, bool *is_category, struct bytes *name)
{
    if (key.size <= POLICY_KEY_HEAD || key.size > POLICY_KEY_HEAD + STREAM_NAME_BYTES_MAX ||
        (key.data[1] != POLICY_OF_CATEGORY && key.data[1] != POLICY_OF_STREAM))
        return false;
    *is_category = key.data[1] == POLICY_OF_CATEGORY;
    *name = (struct bytes){key.data + POLICY_KEY_HEAD, key.size - POLICY_KEY_HEAD};
    return true;
}

struct bytes policy_row_encode(uint8_t row[POLICY_ROW_BYTES], const struct snapshot_policy *policy)
{
    row[0] = ROW_VERSION;
    put_u64_little_endian(row + 1, policy->every_events);
    put_u64_little_endian(row + 9, (uint64_t)policy->every_us);
    put_u32_little_endian(row + 17, policy->keep);
    return (struct bytes){row, POLICY_ROW_BYTES};
}

bool policy_row_decode(struct bytes row, struct snapshot_policy *policy)
{
    if (row.size != POLICY_ROW_BYTES || row.data[0] != ROW_VERSION)
        return false;
    *policy = (struct snapshot_policy){
        .every_events = get_u64_little_endian(row.data + 1),
        .every_us = (int64_t)get_u64_little_endian(row.data + 9),
        .keep = get_u32_little_endian(row.data + 17),
    };
    return policy->every_us >= 0 && policy->keep >= 1 && policy->keep <= SNAPSHOTS_KEPT_MAX;
}
