#include "storage/log/event.h"

#include "storage/log/event_wire.h"

static bool read_bytes(struct bytes *wire, struct bytes *value)
{
    uint64_t size;

    if (!read_varint(wire, &size) || size > wire->size)
        return false;
    *value = (struct bytes){wire->data, (size_t)size};
    wire->data += size;
    wire->size -= size;
    return true;
}

static bool read_fixed64(struct bytes *wire, uint64_t *value)
{
    if (wire->size < 8)
        return false;
    *value = get_u64_little_endian(wire->data);
    wire->data += 8;
    wire->size -= 8;
    return true;
}

static bool read_field(struct bytes *wire, struct event *event)
{
    uint8_t tag = *wire->data++;
    struct bytes skipped;
    uint64_t time;

    wire->size--;
    switch (tag) {
    case EVENT_TAG_ID:
        return read_bytes(wire, &event->id);
    case EVENT_TAG_TYPE:
        return read_bytes(wire, &event->type);
    case EVENT_TAG_CONTENT_TYPE:
        return read_bytes(wire, &event->content_type);
    case EVENT_TAG_DATA:
        return read_bytes(wire, &event->data);
    case EVENT_TAG_METADATA:
    case EVENT_TAG_TAGS:
        return read_bytes(wire, &skipped);
    case EVENT_TAG_SEALED:
        return read_bytes(wire, &event->sealed);
    case EVENT_TAG_STREAM:
        return read_bytes(wire, &event->stream);
    case EVENT_TAG_REVISION:
        return read_fixed64(wire, &event->revision);
    case EVENT_TAG_POSITION:
        return read_fixed64(wire, &event->position);
    case EVENT_TAG_CREATED:
        if (!read_fixed64(wire, &time))
            return false;
        event->created_us = (int64_t)time;
        return true;
    case EVENT_TAG_ERASED:
        if (!read_fixed64(wire, &time))
            return false;
        event->erased_us = (int64_t)time;
        return true;
    default: /* the server wrote it, so there is nothing else */
        return false;
    }
}

bool event_next(struct bytes *frames, struct event *event)
{
    struct bytes rest = *frames;
    struct bytes wire;

    if (rest.size == 0 || *rest.data != EVENT_TAG_FRAME)
        return false;
    rest.data++;
    rest.size--;
    if (!read_bytes(&rest, &wire))
        return false;
    *event =
        (struct event){.wire = wire, .frame = {frames->data, (size_t)(rest.data - frames->data)}};
    while (wire.size > 0)
        if (!read_field(&wire, event))
            return false;
    *frames = rest;
    return true;
}

bool event_tag_next(struct bytes *wire, struct bytes *tag)
{
    while (wire->size > 0 && *wire->data < EVENT_TAG_STREAM) { /* what follows are no texts */
        bool is_tag = *wire->data == EVENT_TAG_TAGS;
        wire->data++;
        wire->size--;
        if (!read_bytes(wire, tag))
            return false;
        if (is_tag)
            return true;
    }
    return false;
}

/* Bytes behind a tag, whichever it is. */
static bool read_tagged(struct bytes *wire, struct bytes *value)
{
    if (wire->size == 0)
        return false;
    wire->data++;
    wire->size--;
    return read_bytes(wire, value);
}

bool event_metadata(const struct event *event, struct bytes key, struct bytes *value)
{
    struct bytes wire = event->wire, entry, found;

    while (wire.size > 0 && *wire.data <= EVENT_TAG_METADATA) {
        bool is_entry = *wire.data == EVENT_TAG_METADATA;
        wire.data++;
        wire.size--;
        if (!read_bytes(&wire, &entry))
            return false;
        /* Key and value, in this order and both present: append_plan.c wrote them. */
        if (is_entry && read_tagged(&entry, &found) && bytes_equal(found, key))
            return read_tagged(&entry, value);
    }
    return false;
}

bool event_frame_next(struct bytes *frames, struct bytes *frame)
{
    struct bytes rest = *frames;
    struct bytes wire;

    if (rest.size == 0 || *rest.data != EVENT_TAG_FRAME)
        return false;
    rest.data++;
    rest.size--;
    if (!read_bytes(&rest, &wire))
        return false;
    *frame = (struct bytes){frames->data, (size_t)(rest.data - frames->data)};
    *frames = rest;
    return true;
}

uint8_t *event_put_erased(uint8_t *at, const struct event *event, int64_t erased_us)
{
    size_t wire = field_bytes(event->id) + field_bytes(event->type) + field_bytes(event->stream) +
                  EVENT_FIXED_BYTES + EVENT_ERASED_BYTES;

    *at++ = EVENT_TAG_FRAME;
    at = put_varint(at, wire);
    at = put_field(at, EVENT_TAG_ID, event->id);
    at = put_field(at, EVENT_TAG_TYPE, event->type);
    at = put_field(at, EVENT_TAG_STREAM, event->stream) + EVENT_FIXED_BYTES;
    event_fill(at, event->revision, event->position, event->created_us);
    *at++ = EVENT_TAG_ERASED;
    put_u64_little_endian(at, (uint64_t)erased_us);
    return at + 8;
}
