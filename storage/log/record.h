/* A record: all events of one append, as they are stored under the position of
 * the first. Little-endian; the checksum covers everything behind it.
 *
 *   0   checksum   u64      checksum_bytes() (XXH3-64) of bytes 8..
 *   8   version    u8       RECORD_VERSION, or RECORD_VERSION_HOLLOW
 *   9   -          u8       0
 *   10  spans      u16      1..
 *   12  events     u32      1..
 *   16  position   u64      of the first event
 *   24  created    i64      microseconds since 1970
 *   32  span[]              stream number u64 · first revision u64 · events u32 · bytes u32
 *       frames              event after event, span after span (event.h)
 *
 * A span is a run of events of one stream.
 *
 * A hollow record has spans whose events were scavenged: the top bit of their bytes is set, and
 * the bytes are the stream's name where the span began the stream, else there are none. So the
 * log still tells of every position and every revision, and what is missing is damage.
 * Neighbouring records without any event left are one record, with one span for each stream. */
#ifndef STORAGE_LOG_RECORD_H
#define STORAGE_LOG_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct event;

enum {
    RECORD_VERSION = 1,
    RECORD_VERSION_HOLLOW = 2,
    RECORD_HEADER_BYTES = 32,
    RECORD_SPAN_BYTES = 24,
};
_Static_assert(RECORD_HEADER_BYTES == 32 && RECORD_SPAN_BYTES == 24, "on-disk format");

struct span {
    uint64_t stream_number;
    uint64_t first_revision;
    uint32_t event_count;
    uint32_t frame_bytes; /* of all its events; of the name, if scavenged */
    bool is_scavenged;    /* its events are gone */
};

/* In the stored bytes of a span. */
#define SPAN_SCAVENGED (UINT32_C(1) << 31)

/* A stored record, in place. */
struct record {
    uint64_t position;
    int64_t created_us;
    uint32_t event_count;
    uint32_t span_count;
    const uint8_t *spans;
    struct bytes frames; /* of all events, unless it is hollow */
    bool is_hollow;      /* some spans were scavenged: walk it with a cursor */
};

/* DATA_LOSS: damaged bytes, not the record of `position`, or spans that are not made of
 * the frames they tell of. */
struct status record_parse(struct bytes stored, uint64_t position, struct record *record);

/* The same for bytes that were checked before: no checksum. */
void record_view(struct bytes stored, struct record *record);

struct span record_span(const struct record *record, uint32_t index);

void span_encode(uint8_t stored[RECORD_SPAN_BYTES], const struct span *span);

/* The frames of one span; the name, if it was scavenged. */
struct bytes record_span_frames(const struct record *record, uint32_t index);

/* A walk over the events that a record holds, what was scavenged left out. Begin with
 * {.record = record}. */
struct record_cursor {
    const struct record *record;
    uint32_t span;       /* the next one */
    const uint8_t *at;   /* its bytes */
    struct bytes frames; /* what is left of the one before */
};

/* False: no more; or damaged events, then frames.size is not 0. */
bool record_next(struct record_cursor *cursor, struct event *event);

static inline uint64_t record_end(const struct record *record)
{
    return record->position + record->event_count;
}

#endif
