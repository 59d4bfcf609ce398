/* Stored bytes: record_parse() refuses them, or every frame is where it says and inside.
 * The first byte chooses: as they are, or with a checksum that holds, which only a bug or
 * malice could store, but a server should not fall over either. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "storage/log/event.h"
#include "storage/log/event_wire.h"
#include "storage/log/record.h"
#include "tests/fuzz/input.h"

enum { MENDED = 1 };

static void require_inside(struct bytes part, struct bytes whole)
{
    FUZZ_REQUIRE(part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                                    part.data + part.size <= whole.data + whole.size));
}

static void walk_event(struct bytes frame)
{
    struct bytes left = frame;
    struct event event;

    if (!event_next(&left, &event)) {
        FUZZ_REQUIRE(left.size == frame.size); /* nothing is taken */
        return;
    }
    FUZZ_REQUIRE(left.size == 0 && event.frame.size == frame.size);
    require_inside(event.id, frame);
    require_inside(event.type, frame);
    require_inside(event.content_type, frame);
    require_inside(event.data, frame);
    require_inside(event.stream, frame);
    require_inside(event.wire, frame);
    for (struct bytes wire = event.wire, tag; event_tag_next(&wire, &tag);)
        require_inside(tag, frame);
    struct bytes value;
    if (event_metadata(&event, bytes_of_text("key"), &value))
        require_inside(value, frame);
}

static uint32_t walk_span(const struct record *record, uint32_t index, struct bytes stored)
{
    struct span span = record_span(record, index);
    struct bytes frames = record_span_frames(record, index), frame;
    uint32_t count = 0;

    require_inside(frames, stored);
    FUZZ_REQUIRE(span.first_revision + span.event_count > span.first_revision);
    if (span.is_scavenged) {
        FUZZ_REQUIRE(record->is_hollow && (frames.size > 0) == (span.first_revision == 0));
        return span.event_count;
    }
    for (; event_frame_next(&frames, &frame); count++) {
        require_inside(frame, stored);
        walk_event(frame);
    }
    FUZZ_REQUIRE(frames.size == 0 && count == span.event_count);
    return count;
}

static void parse(struct bytes stored, uint64_t position)
{
    struct record record;
    struct status status = record_parse(stored, position, &record);
    uint64_t events = 0;

    if (!status_ok(status)) {
        FUZZ_REQUIRE(status.code == STATUS_DATA_LOSS);
        return;
    }
    FUZZ_REQUIRE(record.position == position && record_end(&record) > position);
    for (uint32_t i = 0; i < record.span_count; i++)
        events += walk_span(&record, i, stored);
    FUZZ_REQUIRE(events == record.event_count);
    struct record_cursor cursor = {.record = &record};
    for (struct event event; record_next(&cursor, &event);)
        require_inside(event.frame, stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    uint8_t mode = fuzz_byte(&input);
    struct bytes stored = input.left;
    uint8_t *mended = malloc(stored.size + 1);

    FUZZ_REQUIRE(mended);
    memcpy(mended, stored.size ? stored.data : mended, stored.size);
    if (mode == MENDED && stored.size >= 8)
        put_u64_little_endian(mended, checksum_bytes(bytes_of(mended + 8, stored.size - 8)));
    uint64_t position = stored.size >= RECORD_HEADER_BYTES ? get_u64_little_endian(mended + 16) : 0;
    parse(bytes_of(mended, stored.size), position);
    free(mended);
    return 0;
}
