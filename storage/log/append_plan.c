/* Checking and encoding an append, on the caller's thread. */
#include "storage/log/append_plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/varint.h"
#include "storage/log/event_wire.h"
#include "storage/log/ids.h"
#include "storage/log/limits.h"
#include "storage/log/record.h"
#include "storage/log/sealing.h"

/* --- rules ------------------------------------------------------------------- */

/* An event of the append. */
struct where {
    const struct append *append;
    size_t stream;
    size_t event;
};

struct where_text {
    char text[64];
};

/* "events[3]" or, with several streams, "appends[1].events[3]". */
static struct where_text text_of(const struct where *where)
{
    struct where_text at;

    if (where->append->stream_count > 1)
        snprintf(at.text, sizeof at.text, "appends[%zu].events[%zu]", where->stream, where->event);
    else
        snprintf(at.text, sizeof at.text, "events[%zu]", where->event);
    return at;
}

static struct status check_metadata(const struct new_event *event, const struct where *where)
{
    if (event->metadata_count > METADATA_ENTRIES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.metadata: at most %d entries",
                           text_of(where).text, METADATA_ENTRIES_MAX);
    for (size_t i = 0; i < event->metadata_count; i++) {
        struct bytes key = event->metadata[i].key;
        if (key.size == 0 || key.size > METADATA_KEY_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.metadata: keys are 1 to %d bytes",
                               text_of(where).text, METADATA_KEY_BYTES_MAX);
        if (event->metadata[i].value.size > METADATA_VALUE_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.metadata[%.*s]: at most %d bytes",
                               text_of(where).text, (int)key.size, (const char *)key.data,
                               METADATA_VALUE_BYTES_MAX);
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(key, event->metadata[j].key))
                return status_make(STATUS_INVALID_ARGUMENT, "%s.metadata[%.*s]: twice",
                                   text_of(where).text, (int)key.size, (const char *)key.data);
    }
    return OK;
}

static struct status check_tags(const struct new_event *event, const struct where *where)
{
    if (event->tag_count > EVENT_TAGS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.tags: at most %d", text_of(where).text,
                           EVENT_TAGS_MAX);
    for (size_t i = 0; i < event->tag_count; i++) {
        struct bytes tag = event->tags[i];
        if (tag.size == 0 || tag.size > TAG_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.tags[%zu]: 1 to %d bytes",
                               text_of(where).text, i, TAG_BYTES_MAX);
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(tag, event->tags[j]))
                return status_make(STATUS_INVALID_ARGUMENT, "%s.tags[%zu]: twice",
                                   text_of(where).text, i);
    }
    return OK;
}

static struct status check_event(const struct new_event *event, const struct where *where)
{
    if (event->type.size == 0 || event->type.size > EVENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.type: 1 to %d bytes", text_of(where).text,
                           EVENT_TYPE_BYTES_MAX);
    if (event->content_type.size > CONTENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.content_type: at most %d bytes",
                           text_of(where).text, CONTENT_TYPE_BYTES_MAX);
    if (event->data.size > EVENT_DATA_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.data: at most %d bytes",
                           text_of(where).text, EVENT_DATA_BYTES_MAX);
    TRY(check_metadata(event, where));
    return check_tags(event, where);
}

static struct status check_name(struct bytes name, const char *list, size_t index, bool several)
{
    if (name.size > 0 && name.size <= STREAM_NAME_BYTES_MAX)
        return OK;
    if (several)
        return status_make(STATUS_INVALID_ARGUMENT, "%s[%zu].stream: 1 to %d bytes", list, index,
                           STREAM_NAME_BYTES_MAX);
    return status_make(STATUS_INVALID_ARGUMENT, "stream: 1 to %d bytes", STREAM_NAME_BYTES_MAX);
}

/* No stream may be named twice, written or checked: at most 200 of them. */
static struct status check_streams_differ(const struct append *append)
{
    size_t count = append->stream_count + append->check_count;

    for (size_t i = 1; i < count; i++) {
        bool is_check = i >= append->stream_count;
        size_t index = is_check ? i - append->stream_count : i;
        struct bytes name = is_check ? append->checks[index].stream : append->streams[i].stream;
        for (size_t j = 0; j < i; j++) {
            struct bytes other = j < append->stream_count
                                     ? append->streams[j].stream
                                     : append->checks[j - append->stream_count].stream;
            if (bytes_equal(name, other))
                return status_make(STATUS_INVALID_ARGUMENT, "%s[%zu].stream: named twice",
                                   is_check ? "checks" : "appends", index);
        }
    }
    return OK;
}

static struct status check_streams(const struct append *append)
{
    if (append->stream_count == 0 || append->stream_count > STREAMS_PER_APPEND_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "appends: 1 to %d", STREAMS_PER_APPEND_MAX);
    if (append->check_count > CHECKS_PER_APPEND_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "checks: at most %d", CHECKS_PER_APPEND_MAX);
    for (size_t i = 0; i < append->stream_count; i++)
        TRY(check_name(append->streams[i].stream, "appends", i, append->stream_count > 1));
    for (size_t i = 0; i < append->check_count; i++) {
        TRY(check_name(append->checks[i].stream, "checks", i, true));
        if (append->checks[i].expected.kind == EXPECT_ANY)
            return status_make(STATUS_INVALID_ARGUMENT, "checks[%zu].expected: any is no condition",
                               i);
    }
    return check_streams_differ(append);
}

static struct status check_events(const struct append *append)
{
    size_t event_count = 0;

    for (size_t i = 0; i < append->stream_count; i++) {
        const struct stream_append *stream = &append->streams[i];
        event_count += stream->event_count;
        if (stream->event_count == 0 || event_count > EVENTS_PER_APPEND_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "events: 1 to %d", EVENTS_PER_APPEND_MAX);
        for (size_t j = 0; j < stream->event_count; j++)
            TRY(check_event(&stream->events[j], &(struct where){append, i, j}));
    }
    return OK;
}

/* --- encoding ---------------------------------------------------------------- */

static size_t entry_bytes(const struct metadata_entry *entry)
{
    return field_bytes(entry->key) + field_bytes(entry->value);
}

/* What is sealed, if anything is. */
static size_t payload_bytes(const struct new_event *event)
{
    size_t bytes = 0;

    if (event->content_type.size)
        bytes += field_bytes(event->content_type);
    if (event->data.size)
        bytes += field_bytes(event->data);
    for (size_t i = 0; i < event->metadata_count; i++) {
        size_t entry = entry_bytes(&event->metadata[i]);
        bytes += 1 + varint_bytes(entry) + entry;
    }
    return bytes;
}

static bool is_sealed(const struct new_event *event, const struct key *key)
{
    return key && payload_bytes(event) > 0;
}

static size_t wire_bytes(const struct new_event *event, struct bytes stream, const struct key *key)
{
    size_t bytes =
        2 + UUID_TEXT_BYTES + field_bytes(event->type) + field_bytes(stream) + EVENT_FIXED_BYTES;
    size_t payload = payload_bytes(event);

    if (is_sealed(event, key))
        payload = 1 + varint_bytes(sealed_bytes(payload)) + sealed_bytes(payload);
    for (size_t i = 0; i < event->tag_count; i++)
        bytes += field_bytes(event->tags[i]);
    return bytes + payload;
}

static size_t frame_bytes(const struct new_event *event, struct bytes stream, const struct key *key)
{
    size_t wire = wire_bytes(event, stream, key);

    return 1 + varint_bytes(wire) + wire;
}

static uint8_t *put_payload(uint8_t *at, const struct new_event *event)
{
    if (event->content_type.size)
        at = put_field(at, EVENT_TAG_CONTENT_TYPE, event->content_type);
    if (event->data.size)
        at = put_field(at, EVENT_TAG_DATA, event->data);
    for (size_t i = 0; i < event->metadata_count; i++) {
        *at++ = EVENT_TAG_METADATA;
        at = put_varint(at, entry_bytes(&event->metadata[i]));
        at = put_field(at, EVENT_TAG_METADATA_KEY, event->metadata[i].key);
        at = put_field(at, EVENT_TAG_METADATA_VALUE, event->metadata[i].value);
    }
    return at;
}

/* `scratch` has room for the payload. */
static uint8_t *put_sealed(uint8_t *at, const struct new_event *event, const struct key *key,
                           struct bytes id, uint8_t *scratch)
{
    size_t size = (size_t)(put_payload(scratch, event) - scratch);

    *at++ = EVENT_TAG_SEALED;
    at = put_varint(at, sealed_bytes(size));
    key_seal(key, id, (struct bytes){scratch, size}, at);
    return at + sealed_bytes(size);
}

/* Field by field in the order of their numbers; empty ones are left out. */
static uint8_t *put_event(uint8_t *at, const struct new_event *event, struct bytes stream,
                          const struct key *key, uint8_t *scratch)
{
    bool sealed = is_sealed(event, key);

    *at++ = EVENT_TAG_FRAME;
    at = put_varint(at, wire_bytes(event, stream, key));
    *at++ = EVENT_TAG_ID;
    *at++ = UUID_TEXT_BYTES;
    uuid_format(&event->id, at);
    struct bytes id = {at, UUID_TEXT_BYTES};
    at = put_field(at + UUID_TEXT_BYTES, EVENT_TAG_TYPE, event->type);
    if (!sealed)
        at = put_payload(at, event);
    for (size_t i = 0; i < event->tag_count; i++)
        at = put_field(at, EVENT_TAG_TAGS, event->tags[i]);
    if (sealed)
        at = put_sealed(at, event, key, id, scratch);
    at = put_field(at, EVENT_TAG_STREAM, stream);
    return at + EVENT_FIXED_BYTES; /* event_fill, when they are known */
}

static const struct key *key_of(const struct append_plan *plan, size_t stream)
{
    return plan->keys ? plan->keys[stream] : NULL;
}

/* The record with its header and spans but for checksum, position, time, stream
 * numbers and revisions. */
static struct status encode(const struct append *append, struct append_plan *plan,
                            struct arena *arena)
{
    size_t size = RECORD_HEADER_BYTES + append->stream_count * RECORD_SPAN_BYTES;
    uint16_t span_count = (uint16_t)append->stream_count;

    for (size_t i = 0; i < append->stream_count; i++)
        for (size_t j = 0; j < append->streams[i].event_count; j++)
            size += frame_bytes(&append->streams[i].events[j], append->streams[i].stream,
                                key_of(plan, i));
    if (size > APPEND_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "events: together at most %d bytes, not %zu",
                           APPEND_BYTES_MAX, size);
    plan->stored = arena_alloc_raw(arena, size);
    plan->stored_size = size;
    uint8_t *scratch = plan->is_sealed ? arena_alloc_raw(arena, size) : plan->stored;
    if (!plan->stored || !scratch)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too large for the call's memory");

    plan->stored[8] = RECORD_VERSION;
    plan->stored[9] = 0;
    memcpy(plan->stored + 10, &span_count, sizeof span_count);
    put_u32_little_endian(plan->stored + 12, (uint32_t)plan->event_count);
    uint8_t *span = plan->stored + RECORD_HEADER_BYTES;
    uint8_t *at = span + append->stream_count * RECORD_SPAN_BYTES;
    for (size_t i = 0; i < append->stream_count; i++, span += RECORD_SPAN_BYTES) {
        const struct stream_append *stream = &append->streams[i];
        uint8_t *first = at;
        for (size_t j = 0; j < stream->event_count; j++)
            at = put_event(at, &stream->events[j], stream->stream, key_of(plan, i), scratch);
        put_u32_little_endian(span + 16, (uint32_t)stream->event_count);
        put_u32_little_endian(span + 20, (uint32_t)(at - first));
    }
    return OK;
}

/* --- the plan ---------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, UUID_BYTES);
}

/* Sorting a copy finds a repetition without a table. */
static struct status check_ids_differ(const struct append_plan *plan, struct arena *arena)
{
    size_t size = plan->event_count * sizeof *plan->ids;

    if (plan->event_count < 2)
        return OK;
    struct uuid *sorted = arena_alloc_raw(arena, size);
    if (!sorted)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too many for the call's memory");
    memcpy(sorted, plan->ids, size);
    qsort(sorted, plan->event_count, sizeof *sorted, compare_ids);
    for (size_t i = 1; i < plan->event_count; i++)
        if (compare_ids(&sorted[i - 1], &sorted[i]) == 0) {
            char text[UUID_TEXT_BYTES + 1] = {0};
            uuid_format(&sorted[i], (uint8_t *)text);
            return status_make(STATUS_INVALID_ARGUMENT, "events.id: %s twice in one append", text);
        }
    return OK;
}

static void hash_events(const struct append *append, struct append_plan *plan)
{
    size_t at = 0;

    for (size_t i = 0; i < append->stream_count; i++) {
        const struct stream_append *stream = &append->streams[i];
        plan->streams[i].hash = plan->stream_hashes[i] = hash_bytes(stream->stream);
        for (size_t j = 0; j < stream->event_count; j++, at++) {
            plan->ids[at] = stream->events[j].id;
            plan->type_hashes[at] = hash_bytes(stream->events[j].type);
            plan->fingerprints[at] = id_fingerprint(&stream->events[j].id, plan->streams[i].hash);
        }
    }
    for (size_t i = 0; i < append->check_count; i++)
        plan->checks[i].hash = hash_bytes(append->checks[i].stream);
}

static struct status plan_tag(struct tag_plan *plan, struct bytes tag, size_t event,
                              struct arena *arena)
{
    uint8_t *key = arena_alloc_raw(arena, tag.size + 10);

    if (!key)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "events: too many tags for the call's memory");
    plan->hash = hash_bytes(tag);
    plan->key = tag_key(key, tag, 0);
    plan->event = event;
    put_u32_little_endian(plan->value, (uint32_t)event);
    return OK;
}

static struct status plan_tags(const struct append *append, struct append_plan *plan,
                               struct arena *arena)
{
    size_t count = 0, event = 0;

    for (size_t i = 0; i < append->stream_count; i++)
        for (size_t j = 0; j < append->streams[i].event_count; j++)
            count += append->streams[i].events[j].tag_count;
    if (count == 0)
        return OK;
    plan->tags = arena_alloc_raw(arena, count * sizeof *plan->tags);
    if (!plan->tags)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "events: too many tags for the call's memory");
    for (size_t i = 0; i < append->stream_count; i++)
        for (size_t j = 0; j < append->streams[i].event_count; j++, event++)
            for (size_t k = 0; k < append->streams[i].events[j].tag_count; k++)
                TRY(plan_tag(&plan->tags[plan->tag_count++], append->streams[i].events[j].tags[k],
                             event, arena));
    return OK;
}

static struct append_plan *plan_alloc(const struct append *append, size_t event_count,
                                      struct arena *arena)
{
    struct append_plan *plan = arena_alloc(arena, sizeof *plan);

    if (!plan)
        return NULL;
    plan->event_count = event_count;
    plan->streams = arena_alloc(arena, append->stream_count * sizeof *plan->streams);
    plan->checks = arena_alloc(arena, append->check_count * sizeof *plan->checks);
    plan->stream_hashes =
        arena_alloc_raw(arena, append->stream_count * sizeof *plan->stream_hashes);
    plan->type_hashes = arena_alloc_raw(arena, event_count * sizeof *plan->type_hashes);
    plan->fingerprints = arena_alloc_raw(arena, event_count * sizeof *plan->fingerprints);
    plan->ids = arena_alloc_raw(arena, event_count * sizeof *plan->ids);
    if (!plan->streams || !plan->checks || !plan->stream_hashes || !plan->type_hashes ||
        !plan->fingerprints || !plan->ids)
        return NULL;
    return plan;
}

/* All but the record. */
static struct status lay_out(struct append *append, struct arena *arena,
                             struct append_plan **created)
{
    size_t event_count = 0;

    for (size_t i = 0; i < append->stream_count; i++)
        event_count += append->streams[i].event_count;
    struct append_plan *plan = plan_alloc(append, event_count, arena);
    if (!plan)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too many for the call's memory");
    plan->append = append;
    hash_events(append, plan);
    TRY(plan_tags(append, plan, arena));
    *created = plan;
    return OK;
}

struct status append_plan_record(struct append_plan *plan, struct arena *arena)
{
    return encode(plan->append, plan, arena);
}

struct status append_plan_encode(struct append *append, struct arena *arena,
                                 struct append_plan **created)
{
    TRY(lay_out(append, arena, created));
    return append_plan_record(*created, arena);
}

struct status append_plan_create(struct append *append, struct arena *arena,
                                 struct append_plan **created)
{
    TRY(check_streams(append));
    TRY(check_events(append));
    if (append->condition.query)
        TRY(query_check(append->condition.query, "condition.fail_if"));
    TRY(lay_out(append, arena, created));
    return check_ids_differ(*created, arena);
}
