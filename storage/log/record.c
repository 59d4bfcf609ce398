#include "storage/log/record.h"

#include <assert.h>

#include "base/hash.h"
#include "storage/log/event.h"
#include "storage/log/event_wire.h"
#include "storage/log/limits.h"

void record_view(struct bytes stored, struct record *record)
{
    const uint8_t *at = stored.data;
    uint16_t span_count;

    memcpy(&span_count, at + 10, sizeof span_count);
    record->is_hollow = at[8] == RECORD_VERSION_HOLLOW;
    record->span_count = span_count;
    record->event_count = get_u32_little_endian(at + 12);
    record->position = get_u64_little_endian(at + 16);
    record->created_us = (int64_t)get_u64_little_endian(at + 24);
    record->spans = at + RECORD_HEADER_BYTES;
    size_t before = RECORD_HEADER_BYTES + (size_t)span_count * RECORD_SPAN_BYTES;
    record->frames = (struct bytes){at + before, stored.size - before};
}

static bool is_whole(struct bytes stored)
{
    uint16_t span_count;

    if (stored.size < RECORD_HEADER_BYTES + RECORD_SPAN_BYTES)
        return false;
    if (get_u64_little_endian(stored.data) !=
        checksum_bytes((struct bytes){stored.data + 8, stored.size - 8}))
        return false;
    memcpy(&span_count, stored.data + 10, sizeof span_count);
    return span_count > 0 &&
           stored.size >= RECORD_HEADER_BYTES + (size_t)span_count * RECORD_SPAN_BYTES;
}

/* The spans add up to the record, and nothing counts past its end. */
static bool is_consistent(const struct record *record)
{
    uint64_t events = 0, bytes = 0;

    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        if (span.event_count == 0 || span.first_revision > UINT64_MAX - span.event_count)
            return false;
        if (span.is_scavenged && !record->is_hollow)
            return false;
        events += span.event_count;
        bytes += span.frame_bytes;
    }
    return events == record->event_count && bytes == record->frames.size &&
           record->position <= UINT64_MAX - events;
}

static bool is_left_of_scavenged(const struct span *span)
{
    return span->first_revision == 0
               ? span->frame_bytes > 0 && span->frame_bytes <= STREAM_NAME_BYTES_MAX
               : span->frame_bytes == 0;
}

/* Each span is as many frames as it says and nothing behind them: readers that walk a span
 * count on it. What is in a frame is event_next's to judge. */
static bool has_its_frames(const struct record *record)
{
    const uint8_t *at = record->frames.data;

    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        struct bytes rest = {at, span.frame_bytes}, frame;
        at += span.frame_bytes;
        if (span.is_scavenged) {
            if (!is_left_of_scavenged(&span))
                return false;
            continue;
        }
        for (uint32_t j = 0; j < span.event_count; j++)
            if (!event_frame_next(&rest, &frame))
                return false;
        if (rest.size > 0)
            return false;
    }
    return true;
}

struct status record_parse(struct bytes stored, uint64_t position, struct record *record)
{
    if (!is_whole(stored))
        return status_make(STATUS_DATA_LOSS, "record at position %llu: damaged",
                           (unsigned long long)position);
    if (stored.data[8] != RECORD_VERSION && stored.data[8] != RECORD_VERSION_HOLLOW)
        return status_make(STATUS_DATA_LOSS, "record at position %llu: unknown version %u",
                           (unsigned long long)position, stored.data[8]);
    record_view(stored, record);
    if (record->position != position || !is_consistent(record) || !has_its_frames(record))
        return status_make(STATUS_DATA_LOSS, "record at position %llu: inconsistent",
                           (unsigned long long)position);
    return OK;
}

struct span record_span(const struct record *record, uint32_t index)
{
    const uint8_t *at = record->spans + (size_t)index * RECORD_SPAN_BYTES;
    uint32_t bytes = get_u32_little_endian(at + 20);

    assert(index < record->span_count);
    return (struct span){
        .stream_number = get_u64_little_endian(at),
        .first_revision = get_u64_little_endian(at + 8),
        .event_count = get_u32_little_endian(at + 16),
        .frame_bytes = bytes & ~SPAN_SCAVENGED,
        .is_scavenged = bytes & SPAN_SCAVENGED,
    };
}

void span_encode(uint8_t stored[RECORD_SPAN_BYTES], const struct span *span)
{
    assert(span->frame_bytes < SPAN_SCAVENGED);
    put_u64_little_endian(stored, span->stream_number);
    put_u64_little_endian(stored + 8, span->first_revision);
    put_u32_little_endian(stored + 16, span->event_count);
    put_u32_little_endian(stored + 20,
                          span->frame_bytes | (span->is_scavenged ? SPAN_SCAVENGED : 0));
}

struct bytes record_span_frames(const struct record *record, uint32_t index)
{
    const uint8_t *at = record->frames.data;

    for (uint32_t i = 0; i < index; i++)
        at += record_span(record, i).frame_bytes;
    return (struct bytes){at, record_span(record, index).frame_bytes};
}

bool record_next(struct record_cursor *cursor, struct event *event)
{
    const struct record *record = cursor->record;

    if (!cursor->at)
        cursor->at = record->frames.data;
    while (cursor->frames.size == 0 && cursor->span < record->span_count) {
        struct span span = record_span(record, cursor->span++);
        if (!span.is_scavenged)
            cursor->frames = (struct bytes){cursor->at, span.frame_bytes};
        cursor->at += span.frame_bytes;
    }
    return cursor->frames.size > 0 && event_next(&cursor->frames, event);
}
