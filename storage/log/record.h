/* A record: all events of one append, as they are stored under the position of
 * the first. Little-endian; the checksum covers everything behind it.
 *
 *   0   checksum   u64      checksum_bytes() (XXH3-64) of bytes 8..
 *   8   version    u8       RECORD_VERSION
 *   9   -          u8       0
 *   10  spans      u16      1..
 *   12  events     u32      1..
 *   16  position   u64      of the first event
 *   24  created    i64      microseconds since 1970
 *   32  span[]              stream number u64 · first revision u64 · events u32 · bytes u32
 *       frames              event after event, span after span (event.h)
 *
 * A span is a run of events of one stream. */
#ifndef STORAGE_LOG_RECORD_H
#define STORAGE_LOG_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    RECORD_VERSION = 1,
    RECORD_HEADER_BYTES = 32,
    RECORD_SPAN_BYTES = 24,
};
_Static_assert(RECORD_HEADER_BYTES == 32 && RECORD_SPAN_BYTES == 24, "on-disk format");

struct span {
    uint64_t stream_number;
    uint64_t first_revision;
    uint32_t event_count;
    uint32_t frame_bytes; /* of all its events */
};

/* A stored record, in place. */
struct record {
    uint64_t position;
    int64_t created_us;
    uint32_t event_count;
    uint32_t span_count;
    const uint8_t *spans;
    struct bytes frames;
};

/* DATA_LOSS: damaged bytes, not the record of `position`, or spans that are not made of
 * the frames they tell of. */
struct status record_parse(struct bytes stored, uint64_t position, struct record *record);

/* The same for bytes that were checked before: no checksum. */
void record_view(struct bytes stored, struct record *record);

struct span record_span(const struct record *record, uint32_t index);

/* The frames of one span. */
struct bytes record_span_frames(const struct record *record, uint32_t index);

static inline uint64_t record_end(const struct record *record)
{
    return record->position + record->event_count;
}

#endif
