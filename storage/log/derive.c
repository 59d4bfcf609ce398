#include "storage/log/derive.h"

#include "base/hash.h"
#include "storage/log/event.h"
#include "storage/log/index.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/query.h"

struct deriving {
    struct types *types;
    const struct record *record;
    uint32_t record_bytes;
    derive_visit *visit;
    void *context;
};

static void tell(const struct deriving *self, enum derived_kind kind, enum family family,
                 struct bytes key, struct bytes value, uint64_t position)
{
    self->visit(self->context, &(struct derived){kind, family, key, value, position});
}

static void derive_stream(const struct deriving *self, const struct span *span, uint32_t index,
                          uint32_t first_event)
{
    uint8_t key[REVISION_KEY_BYTES], value[PLACE_BYTES];
    struct place place = {.record_position = self->record->position,
                          .record_bytes = self->record_bytes,
                          .first_event = first_event,
                          .event_count = span->event_count,
                          .span = index};

    tell(self, DERIVED_PLACE, FAMILY_STREAMS,
         revision_key(key, span->stream_number, span->first_revision), place_encode(value, &place),
         self->record->position + first_event);
}

static void derive_name(const struct deriving *self, const struct span *span, struct bytes name,
                        uint64_t position)
{
    uint8_t value[NUMBER_BYTES], key[1 + STREAM_NAME_BYTES_MAX];
    struct bytes category = category_of(name);

    tell(self, DERIVED_NAME, FAMILY_NAMES, name, number_encode(value, span->stream_number),
         position);
    if (category.size > STREAM_NAME_BYTES_MAX)
        return;
    key[0] = INDEX_KIND_CATEGORY_NAME;
    if (category.size)
        memcpy(key + 1, category.data, category.size);
    tell(self, DERIVED_CATEGORY, FAMILY_INDEX, (struct bytes){key, 1 + category.size},
         bytes_of_text(""), position);
}

static struct status derive_type(const struct deriving *self, const struct event *event)
{
    uint64_t hash = hash_bytes(event->type);
    uint8_t value[NUMBER_BYTES];

    if (!self->types || types_has(self->types, hash))
        return OK;
    uint64_t number = types_count(self->types);
    if (!types_add(self->types, hash))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "types: out of memory");
    tell(self, DERIVED_TYPE, FAMILY_TYPES, event->type, number_encode(value, number),
         event->position);
    return OK;
}

static void derive_tags(const struct deriving *self, const struct event *event, uint32_t index)
{
    uint8_t key[TAG_KEY_BYTES], value[INDEX_VALUE_BYTES];
    struct bytes wire = event->wire, tag;

    put_u32_little_endian(value, index);
    while (event_tag_next(&wire, &tag))
        if (tag.size <= TAG_BYTES_MAX) /* an event has no tag twice */
            tell(self, DERIVED_TAG, FAMILY_INDEX, tag_key(key, tag, event->position),
                 bytes_of(value, sizeof value), event->position);
}

static void derive_posting(const struct deriving *self, const struct event *event, uint32_t index,
                           enum index_kind kind, struct bytes text)
{
    uint8_t key[INDEX_KEY_BYTES], value[INDEX_VALUE_BYTES];

    put_u32_little_endian(value, index);
    tell(self, DERIVED_POSTING, FAMILY_INDEX, index_key(key, kind, text, event->position),
         bytes_of(value, sizeof value), event->position);
}

static void derive_postings(const struct deriving *self, const struct event *event, uint32_t index)
{
    struct bytes correlation_id;

    derive_posting(self, event, index, INDEX_TYPE, event->type);
    derive_posting(self, event, index, INDEX_CATEGORY, category_of(event->stream));
    if (event_metadata(event, bytes_of_text(CORRELATION_KEY), &correlation_id))
        derive_posting(self, event, index, INDEX_CORRELATION, correlation_id);
}

struct status derive(struct types *types, const struct record *record, size_t record_bytes,
                     derive_visit *visit, void *context)
{
    struct deriving self = {types, record, (uint32_t)record_bytes, visit, context};
    const uint8_t *at = record->frames.data;
    uint32_t index = 0;
    struct event event;

    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        struct bytes frames = {at, span.frame_bytes};
        at += span.frame_bytes;
        derive_stream(&self, &span, i, index);
        if (span.is_scavenged) {
            if (span.first_revision == 0)
                derive_name(&self, &span, frames, record->position + index);
            index += span.event_count;
            continue;
        }
        for (uint32_t j = 0; j < span.event_count && event_next(&frames, &event); j++, index++) {
            if (j == 0 && span.first_revision == 0)
                derive_name(&self, &span, event.stream, event.position);
            TRY(derive_type(&self, &event));
            derive_tags(&self, &event, index);
            derive_postings(&self, &event, index);
        }
    }
    return OK;
}
