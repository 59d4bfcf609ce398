/* The bytes of a stored event (event.h): protobuf tags of
 * sagabase.v1.RecordedEvent, and what the server adds to what the client sent.
 * The server's fields come last and are fixed in size, so that the sequencer
 * fills them in without knowing the rest. */
#ifndef STORAGE_LOG_EVENT_WIRE_H
#define STORAGE_LOG_EVENT_WIRE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/varint.h"

/* field number << 3 | wire type (2: bytes, 1: 64 bits) */
enum {
    EVENT_TAG_FRAME = 1 << 3 | 2,
    EVENT_TAG_ID = 1 << 3 | 2,
    EVENT_TAG_TYPE = 2 << 3 | 2,
    EVENT_TAG_CONTENT_TYPE = 3 << 3 | 2,
    EVENT_TAG_DATA = 4 << 3 | 2,
    EVENT_TAG_METADATA = 5 << 3 | 2,
    EVENT_TAG_TAGS = 6 << 3 | 2,
    EVENT_TAG_SEALED = 7 << 3 | 2, /* only stored, never sent */
    EVENT_TAG_METADATA_KEY = 1 << 3 | 2,
    EVENT_TAG_METADATA_VALUE = 2 << 3 | 2,
    EVENT_TAG_STREAM = 8 << 3 | 2,
    EVENT_TAG_REVISION = 9 << 3 | 1,
    EVENT_TAG_POSITION = 10 << 3 | 1,
    EVENT_TAG_CREATED = 11 << 3 | 1,
    EVENT_TAG_ERASED = 12 << 3 | 1,

    EVENT_FIXED_BYTES = 3 * 9, /* revision, position, created: at a frame's end */
    EVENT_ERASED_BYTES = 9,    /* behind them, of an event that was erased */
};

/* A field of bytes; tags are one byte each. */
static inline size_t field_bytes(struct bytes value)
{
    return 1 + varint_bytes(value.size) + value.size;
}

static inline uint8_t *put_field(uint8_t *at, uint8_t tag, struct bytes value)
{
    *at++ = tag;
    at = put_varint(at, value.size);
    if (value.size)
        memcpy(at, value.data, value.size);
    return at + value.size;
}

/* Takes the first frame off `frames` without looking into it. False: none left, or
 * damaged bytes. */
bool event_frame_next(struct bytes *frames, struct bytes *frame);

/* Fills in what only the sequencer knows. `end` is the byte behind the frame. */
static inline void event_fill(uint8_t *end, uint64_t revision, uint64_t position,
                              int64_t created_us)
{
    end[-27] = EVENT_TAG_REVISION;
    put_u64_little_endian(end - 26, revision);
    end[-18] = EVENT_TAG_POSITION;
    put_u64_little_endian(end - 17, position);
    end[-9] = EVENT_TAG_CREATED;
    put_u64_little_endian(end - 8, (uint64_t)created_us);
}

#endif
