/* The on-disk format of the saga families. As in storage/log/keys.h: integers in keys are
 * big-endian, in values little-endian.
 *
 *   sagas        saga number u64                      -> a packed SagaRow (saga_row.proto), checked
 *   saga_ids     type · 0 · id                        -> version u8 = 1 · number u64 of the newest
 * run saga_index   's' · status u8 · saga number u64    -> empty 't' · hash of the type · number
 * u64  -> empty 'a' · hash of name · 0 · value · number u64 -> empty: an attribute it has
 *   definitions  type · 0 · version u32               -> created u64 · hash · packed definition
 *                type · 0 · "default"                 -> version u32
 *   meta         "command-secret"                     -> 32 random bytes (command_id.h)
 *
 * Hashes are checksum_bytes(); two texts may share one, so whoever finds a saga looks at it. */
#ifndef SERVER_SAGAS_SAGA_KEYS_H
#define SERVER_SAGAS_SAGA_KEYS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "server/sagas/limits.h"

#define COMMAND_SECRET_KEY     "command-secret"
#define DEFINITION_DEFAULT_KEY "default"

enum {
    SAGA_NUMBER_BYTES = 8,
    SAGA_NAME_KEY_BYTES = SAGA_TYPE_BYTES_MAX + 1 + SAGA_ID_BYTES_MAX,
    SAGA_NAME_VALUE_BYTES = 9,
    SAGA_NAME_VERSION = 1,
    SAGA_INDEX_KEY_BYTES = 17, /* at most */
    SAGA_INDEX_STATUS = 's',
    SAGA_INDEX_TYPE = 't',
    SAGA_INDEX_ATTRIBUTE = 'a',
    DEFINITION_KEY_BYTES = SAGA_TYPE_BYTES_MAX + 1 + 7,
    DEFINITION_HEADER_BYTES = 8 + 32,
};

static inline struct bytes saga_number_key(uint8_t key[SAGA_NUMBER_BYTES], uint64_t number)
{
    put_u64_big_endian(key, number);
    return (struct bytes){key, SAGA_NUMBER_BYTES};
}

/* Type and id are within their limits. */
static inline struct bytes saga_name_key(uint8_t key[SAGA_NAME_KEY_BYTES], struct bytes type,
                                         struct bytes id)
{
    memcpy(key, type.data, type.size);
    key[type.size] = 0;
    memcpy(key + type.size + 1, id.data, id.size);
    return (struct bytes){key, type.size + 1 + id.size};
}

static inline struct bytes saga_name_value(uint8_t value[SAGA_NAME_VALUE_BYTES], uint64_t number)
{
    value[0] = SAGA_NAME_VERSION;
    put_u64_little_endian(value + 1, number);
    return (struct bytes){value, SAGA_NAME_VALUE_BYTES};
}

/* The range of a status: [key(status, 0), key(status, UINT64_MAX)]. */
static inline struct bytes saga_status_key(uint8_t key[SAGA_INDEX_KEY_BYTES], uint8_t status,
                                           uint64_t number)
{
    key[0] = SAGA_INDEX_STATUS;
    key[1] = status;
    put_u64_big_endian(key + 2, number);
    return (struct bytes){key, 10};
}

static inline struct bytes saga_text_key(uint8_t key[SAGA_INDEX_KEY_BYTES], uint8_t kind,
                                         uint64_t hash, uint64_t number)
{
    key[0] = kind;
    put_u64_big_endian(key + 1, hash);
    put_u64_big_endian(key + 9, number);
    return (struct bytes){key, 17};
}

static inline struct bytes definition_key(uint8_t key[DEFINITION_KEY_BYTES], struct bytes type,
                                          uint32_t version)
{
    memcpy(key, type.data, type.size);
    key[type.size] = 0;
    version = __builtin_bswap32(version);
    memcpy(key + type.size + 1, &version, sizeof version);
    return (struct bytes){key, type.size + 1 + sizeof version};
}

static inline struct bytes definition_default_key(uint8_t key[DEFINITION_KEY_BYTES],
                                                  struct bytes type)
{
    memcpy(key, type.data, type.size);
    key[type.size] = 0;
    memcpy(key + type.size + 1, DEFINITION_DEFAULT_KEY, 7);
    return (struct bytes){key, type.size + 1 + 7};
}

#endif
