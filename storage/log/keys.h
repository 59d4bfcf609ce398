/* The on-disk format of the log's families. Integers in keys are big-endian, so
 * byte order is numeric order; in values they are little-endian.
 *
 *   meta     "format"                                   -> u32 STORE_FORMAT
 *            "counters"                                 -> events u64 · streams u64
 *            "indexed"                                  -> u64: events before it are in the
 *                                                          trailing index
 *            "rebuilding"                               -> empty: the other families are half made
 *                                                          (maintenance.h)
 *            "sealed"                                   -> empty: events may be sealed (sealing.h)
 *            "erasing"                                  -> empty: an erasure is not finished
 *                                                          (erasure.h)
 *   log      position u64 of a record's first event     -> record (record.h)
 *   streams  stream number u64 · first revision u64     -> where a span of a stream's events is:
 *              record's position u64 · bytes of the stored record u32 · index of the span's
 *              first event in the record u32 · events of the span u32 · span of the record u32
 *   names    stream name                                -> version u8 = 1 · stream number u64
 *   types    event type                                 -> version u8 = 1 · type number u64
 *   index    't' · tag · 0 · position u64 of the event      -> index of the event in its record u32
 *            kind (index.h) · value · 0 · position of the first posting -> postings
 *            'k' · category                                  -> empty
 *   policies 's' · stream number u64                       -> what of the stream is to be seen:
 *              version u8 = 1 · flags u8 (1: tombstone, 4: deleted before
 *                first revision, 8: to be sealed, 16: the key of what was erased is destroyed) ·
 * first revision u64 · max count u64 · max age in microseconds i64; version 2, if it was erased
 * (flag 2: not yet all of it): · erased before u64 · when i64 'c' · category -> version u8 = 1, 2:
 * to be sealed · max count u64 · max age i64
 *
 * Stream numbers count from 1 in order of creation, type numbers from 0. The head
 * of a stream is its last entry in `streams`: an append costs two small writes. */
#ifndef STORAGE_LOG_KEYS_H
#define STORAGE_LOG_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    POSITION_KEY_BYTES = 8,
    REVISION_KEY_BYTES = 16,
    PLACE_BYTES = 24,
    NUMBER_BYTES = 9,
    NUMBER_VERSION = 1,
    COUNTERS_BYTES = 16,
    INDEX_VALUE_BYTES = 4,
    TAG_KEY_BYTES = 1 + 256 + 1 + 8,
    POLICY_KEY_BYTES = 9,
    POLICY_OF_STREAM = 's',
    POLICY_OF_CATEGORY = 'c',
    INDEX_KIND_TAG = 't',
    INDEX_KIND_CATEGORY_NAME = 'k',
};

#define FORMAT_KEY     "format"
#define COUNTERS_KEY   "counters"
#define INDEXED_KEY    "indexed"
#define REBUILDING_KEY "rebuilding"
#define ERASING_KEY    "erasing"
#define SEALED_KEY     "sealed"

static inline struct bytes position_key(uint8_t key[POSITION_KEY_BYTES], uint64_t position)
{
    put_u64_big_endian(key, position);
    return (struct bytes){key, POSITION_KEY_BYTES};
}

static inline struct bytes revision_key(uint8_t key[REVISION_KEY_BYTES], uint64_t stream_number,
                                        uint64_t revision)
{
    put_u64_big_endian(key, stream_number);
    put_u64_big_endian(key + 8, revision);
    return (struct bytes){key, REVISION_KEY_BYTES};
}

/* Where a span of one stream's events is stored. */
struct place {
    uint64_t record_position;
    uint32_t record_bytes;
    uint32_t first_event; /* index in the record: its position is record_position + first_event */
    uint32_t event_count;
    uint32_t span; /* index of the span in the record */
};

static inline struct bytes place_encode(uint8_t value[PLACE_BYTES], const struct place *place)
{
    put_u64_little_endian(value, place->record_position);
    put_u32_little_endian(value + 8, place->record_bytes);
    put_u32_little_endian(value + 12, place->first_event);
    put_u32_little_endian(value + 16, place->event_count);
    put_u32_little_endian(value + 20, place->span);
    return (struct bytes){value, PLACE_BYTES};
}

static inline bool place_decode(struct bytes value, struct place *place)
{
    if (value.size != PLACE_BYTES)
        return false;
    place->record_position = get_u64_little_endian(value.data);
    place->record_bytes = get_u32_little_endian(value.data + 8);
    place->first_event = get_u32_little_endian(value.data + 12);
    place->event_count = get_u32_little_endian(value.data + 16);
    place->span = get_u32_little_endian(value.data + 20);
    return place->event_count > 0;
}

static inline struct bytes number_encode(uint8_t value[NUMBER_BYTES], uint64_t number)
{
    value[0] = NUMBER_VERSION;
    put_u64_little_endian(value + 1, number);
    return (struct bytes){value, NUMBER_BYTES};
}

static inline bool number_decode(struct bytes value, uint64_t *number)
{
    if (value.size != NUMBER_BYTES || value.data[0] != NUMBER_VERSION)
        return false;
    *number = get_u64_little_endian(value.data + 1);
    return true;
}

/* Texts hold no NUL, so one ends them and no tag is a prefix of another's key. */
static inline struct bytes tag_key(uint8_t *key, struct bytes tag, uint64_t position)
{
    key[0] = INDEX_KIND_TAG;
    memcpy(key + 1, tag.data, tag.size);
    key[1 + tag.size] = 0;
    put_u64_big_endian(key + 2 + tag.size, position);
    return (struct bytes){key, 1 + tag.size + 1 + 8};
}

static inline struct bytes policy_key(uint8_t key[POLICY_KEY_BYTES], uint64_t stream_number)
{
    key[0] = POLICY_OF_STREAM;
    put_u64_big_endian(key + 1, stream_number);
    return (struct bytes){key, POLICY_KEY_BYTES};
}

static inline struct bytes counters_encode(uint8_t value[COUNTERS_BYTES], uint64_t events,
                                           uint64_t streams)
{
    put_u64_little_endian(value, events);
    put_u64_little_endian(value + 8, streams);
    return (struct bytes){value, COUNTERS_BYTES};
}

static inline bool counters_decode(struct bytes value, uint64_t *events, uint64_t *streams)
{
    if (value.size != COUNTERS_BYTES)
        return false;
    *events = get_u64_little_endian(value.data);
    *streams = get_u64_little_endian(value.data + 8);
    return true;
}

#endif
