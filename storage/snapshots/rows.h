/* The on-disk format of the families `snapshots` and `values`. Integers in keys are big-endian,
 * in values little-endian.
 *
 *   snapshots 'h' · stream number u64 -> history: version u8 = 1 · size of the stream's name u16 ·
 *               name · for each snapshot, oldest first: revision u64 · state bytes u32 ·
 *               created i64 · expires i64
 *             's' · stream number u64 · revision u64 -> version u8 = 1 · size of the content type
 *               u8 · checksum u64 of what follows · content type · state
 *               or version u8 = 2 · 0 u8 · checksum u64 of what follows · sealed with this key as
 *               what it is about (storage/log/seal.h): size of the content type u8 · content type ·
 *               state
 *             'p' · 'c' or 's' · name of a category or stream -> policy: version u8 = 1 ·
 *               every so many events u64 · every so many microseconds i64 · kept u32
 *   values    checksum of the key u64, its two upper bits 0 · key -> version u8 = 1 ·
 *               checksum u64 of what follows · expires i64 · value
 *   meta      "values" -> how many rows `values` has, u64
 *
 * Only for files of this folder. */
#ifndef STORAGE_SNAPSHOTS_ROWS_H
#define STORAGE_SNAPSHOTS_ROWS_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/status.h"
#include "storage/snapshots/limits.h"

enum {
    ROW_VERSION = 1,
    ROW_VERSION_SEALED = 2,
    HISTORY_KEY_BYTES = 9,
    STATE_KEY_BYTES = 17,
    STATE_HEAD_BYTES = 10,
    HISTORY_ITEM_BYTES = 28,
    VALUE_HEAD_BYTES = 17,
    SCAN_HASH_BYTES = 8,
    POLICY_ROWS = 'p',
    POLICY_KEY_HEAD = 2,
    POLICY_ROW_BYTES = 21,
};

#define VALUE_COUNT_KEY "values"

static inline struct bytes history_key(uint8_t key[HISTORY_KEY_BYTES], uint64_t stream_number)
{
    key[0] = 'h';
    put_u64_big_endian(key + 1, stream_number);
    return (struct bytes){key, HISTORY_KEY_BYTES};
}

static inline struct bytes state_key(uint8_t key[STATE_KEY_BYTES], uint64_t stream_number,
                                     uint64_t revision)
{
    key[0] = 's';
    put_u64_big_endian(key + 1, stream_number);
    put_u64_big_endian(key + 9, revision);
    return (struct bytes){key, STATE_KEY_BYTES};
}

/* Where a walk over all values meets this key. */
static inline uint64_t scan_hash(struct bytes key)
{
    return checksum_bytes(key) >> 2;
}

/* `row` has room for the key and SCAN_HASH_BYTES. */
static inline struct bytes value_key(uint8_t *row, struct bytes key)
{
    put_u64_big_endian(row, scan_hash(key));
    memcpy(row + SCAN_HASH_BYTES, key.data, key.size);
    return (struct bytes){row, SCAN_HASH_BYTES + key.size};
}

/* `row` has room for the value and VALUE_HEAD_BYTES. */
static inline struct bytes value_row_encode(uint8_t *row, int64_t expires_us, struct bytes value)
{
    row[0] = ROW_VERSION;
    put_u64_little_endian(row + 9, (uint64_t)expires_us);
    if (value.size)
        memcpy(row + VALUE_HEAD_BYTES, value.data, value.size);
    put_u64_little_endian(row + 1, checksum_bytes((struct bytes){row + 9, 8 + value.size}));
    return (struct bytes){row, VALUE_HEAD_BYTES + value.size};
}

static inline bool value_row_decode(struct bytes row, int64_t *expires_us, struct bytes *value)
{
    if (row.size < VALUE_HEAD_BYTES || row.data[0] != ROW_VERSION ||
        get_u64_little_endian(row.data + 1) !=
            checksum_bytes((struct bytes){row.data + 9, row.size - 9}))
        return false;
    *expires_us = (int64_t)get_u64_little_endian(row.data + 9);
    *value = (struct bytes){row.data + VALUE_HEAD_BYTES, row.size - VALUE_HEAD_BYTES};
    return true;
}

#endif
