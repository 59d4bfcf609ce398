/* The encoder of appends against two decoders: what append_plan_create() writes must be read
 * as the same fields by protobuf-c, which it was written without, and by event_next(). */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "storage/log/append_plan.h"
#include "storage/log/event.h"
#include "storage/log/event_wire.h"
#include "storage/log/record.h"
#include "tests/fuzz/input.h"

enum {
    ARENA_BYTES_MAX = 64 << 20,
    STREAMS_MAX = 4,
    EVENTS_MAX = 5, /* of one stream */
    ENTRIES_MAX = 4,
    TAGS_DRAWN_MAX = 4,
    POSITION = 1000,
    CREATED_US = 1700000000000000,
};

/* --- an append of the input ------------------------------------------------------- */

static void draw_event(struct fuzz_input *input, struct arena *arena, struct new_event *event)
{
    size_t entries = fuzz_below(input, ENTRIES_MAX);
    struct metadata_entry *metadata = arena_alloc(arena, ENTRIES_MAX * sizeof *metadata);

    for (size_t i = 0; i < entries; i++) {
        metadata[i].key = fuzz_bytes(input, arena);
        metadata[i].value = fuzz_bytes(input, arena);
    }
    put_u64_little_endian(event->id.bytes, fuzz_number(input));
    put_u64_little_endian(event->id.bytes + 8, fuzz_byte(input) + 1u);
    event->type = fuzz_bytes(input, arena);
    event->content_type = fuzz_bytes(input, arena);
    event->data = fuzz_bytes(input, arena);
    event->metadata = metadata;
    event->metadata_count = entries;
    struct bytes *tags = arena_alloc(arena, TAGS_DRAWN_MAX * sizeof *tags);
    event->tag_count = fuzz_below(input, TAGS_DRAWN_MAX);
    for (size_t i = 0; i < event->tag_count; i++)
        tags[i] = fuzz_bytes(input, arena);
    event->tags = tags;
}

static void draw_append(struct fuzz_input *input, struct arena *arena, struct append *append)
{
    append->stream_count = fuzz_below(input, STREAMS_MAX);
    append->streams = arena_alloc(arena, STREAMS_MAX * sizeof *append->streams);
    for (size_t i = 0; i < append->stream_count; i++) {
        struct stream_append *stream = &append->streams[i];
        struct new_event *events = arena_alloc(arena, EVENTS_MAX * sizeof *events);
        stream->stream = fuzz_bytes(input, arena);
        stream->first_revision = fuzz_number(input) >> 1;
        stream->event_count = fuzz_below(input, EVENTS_MAX);
        for (size_t j = 0; j < stream->event_count; j++)
            draw_event(input, arena, &events[j]);
        stream->events = events;
    }
}

/* --- what the sequencer adds ------------------------------------------------------ */

static void complete(const struct append *append, struct append_plan *plan)
{
    uint8_t *span = plan->stored + RECORD_HEADER_BYTES;
    uint8_t *at = span + append->stream_count * RECORD_SPAN_BYTES;
    struct bytes frames = {at, plan->stored_size - (size_t)(at - plan->stored)}, frame;
    uint64_t position = POSITION;

    put_u64_little_endian(plan->stored + 16, POSITION);
    put_u64_little_endian(plan->stored + 24, CREATED_US);
    for (size_t i = 0; i < append->stream_count; i++, span += RECORD_SPAN_BYTES) {
        uint64_t revision = append->streams[i].first_revision;
        put_u64_little_endian(span, i);
        put_u64_little_endian(span + 8, revision);
        for (size_t j = 0; j < append->streams[i].event_count; j++) {
            FUZZ_REQUIRE(event_frame_next(&frames, &frame));
            event_fill((uint8_t *)frame.data + frame.size, revision++, position++, CREATED_US);
        }
    }
    FUZZ_REQUIRE(frames.size == 0);
    put_u64_little_endian(plan->stored,
                          checksum_bytes(bytes_of(plan->stored + 8, plan->stored_size - 8)));
}

/* --- the same fields -------------------------------------------------------------- */

/* What protobuf-c shows of a string ends at a NUL. The log does not look for any: the wire
 * check refused them before. */
static bool same_text(const char *text, struct bytes bytes)
{
    size_t size = strnlen((const char *)bytes.data, bytes.size);

    return bytes_equal(bytes_of_text(text), bytes_of(bytes.data, size));
}

static void compare(const Sagabase__V1__RecordedEvent *recorded, const struct event *event,
                    const struct stream_append *stream, size_t index, uint64_t position)
{
    const struct new_event *wanted = &stream->events[index];
    uint8_t id[UUID_TEXT_BYTES];

    uuid_format(&wanted->id, id);
    FUZZ_REQUIRE(bytes_equal(event->id, bytes_of(id, sizeof id)) &&
                 same_text(recorded->id, event->id));
    FUZZ_REQUIRE(bytes_equal(event->type, wanted->type) && same_text(recorded->type, wanted->type));
    FUZZ_REQUIRE(bytes_equal(event->content_type, wanted->content_type) &&
                 same_text(recorded->content_type, wanted->content_type));
    FUZZ_REQUIRE(bytes_equal(event->data, wanted->data) &&
                 bytes_equal(bytes_of(recorded->data.data, recorded->data.len), wanted->data));
    FUZZ_REQUIRE(bytes_equal(event->stream, stream->stream) &&
                 same_text(recorded->stream, stream->stream));
    FUZZ_REQUIRE(event->revision == stream->first_revision + index &&
                 recorded->revision == event->revision);
    FUZZ_REQUIRE(event->position == position && recorded->position == position);
    FUZZ_REQUIRE(event->created_us == CREATED_US && recorded->created_us == CREATED_US);
    FUZZ_REQUIRE(recorded->n_metadata == wanted->metadata_count);
    for (size_t i = 0; i < wanted->metadata_count; i++)
        FUZZ_REQUIRE(same_text(recorded->metadata[i]->key, wanted->metadata[i].key) &&
                     same_text(recorded->metadata[i]->value, wanted->metadata[i].value));
    FUZZ_REQUIRE(recorded->base.n_unknown_fields == 0);
}

static void compare_tags(const Sagabase__V1__RecordedEvent *recorded, const struct event *event,
                         const struct new_event *wanted)
{
    struct bytes wire = event->wire, tag;

    FUZZ_REQUIRE(recorded->n_tags == wanted->tag_count);
    for (size_t i = 0; i < wanted->tag_count; i++) {
        FUZZ_REQUIRE(event_tag_next(&wire, &tag) && bytes_equal(tag, wanted->tags[i]));
        FUZZ_REQUIRE(same_text(recorded->tags[i], tag));
    }
    FUZZ_REQUIRE(!event_tag_next(&wire, &tag));
}

/* Metadata, too, by the log's own reader. Keys of an append differ. */
static void compare_metadata(const struct event *event, const struct new_event *wanted)
{
    struct bytes value;

    for (size_t i = 0; i < wanted->metadata_count; i++)
        FUZZ_REQUIRE(event_metadata(event, wanted->metadata[i].key, &value) &&
                     bytes_equal(value, wanted->metadata[i].value));
}

static void decode(const struct append *append, const struct append_plan *plan)
{
    struct record record;
    struct event event;
    uint64_t position = POSITION;

    FUZZ_REQUIRE(
        status_ok(record_parse(bytes_of(plan->stored, plan->stored_size), POSITION, &record)));
    /* A page is the frames, one behind the other. */
    Sagabase__V1__ReadAllResponse *page =
        sagabase__v1__read_all_response__unpack(NULL, record.frames.size, record.frames.data);
    FUZZ_REQUIRE(page && page->n_events == plan->event_count);
    for (uint32_t i = 0; i < record.span_count; i++) {
        struct bytes frames = record_span_frames(&record, i);
        for (size_t j = 0; j < append->streams[i].event_count; j++, position++) {
            FUZZ_REQUIRE(event_next(&frames, &event));
            compare(page->events[position - POSITION], &event, &append->streams[i], j, position);
            compare_tags(page->events[position - POSITION], &event, &append->streams[i].events[j]);
            compare_metadata(&event, &append->streams[i].events[j]);
        }
        FUZZ_REQUIRE(frames.size == 0);
    }
    sagabase__v1__read_all_response__free_unpacked(page, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    struct append append = {0};
    struct append_plan *plan;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    draw_append(&input, &arena, &append);
    struct status status = append_plan_create(&append, &arena, &plan);
    if (status_ok(status))
        status = append_plan_record(plan, &arena);
    if (status_ok(status)) {
        complete(&append, plan);
        decode(&append, plan);
    } else {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT);
    }
    arena_destroy(&arena);
    return 0;
}
