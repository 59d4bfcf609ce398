#include "server/sagas/saga_parts.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/hash.h"
#include "server/wire/unpack.h"

enum { MALLOC_HEADER_BYTES = 8 };

size_t saga_memory_bytes(void *memory)
{
    return memory ? malloc_usable_size(memory) + MALLOC_HEADER_BYTES : 0;
}

static void *part_alloc(size_t size, size_t *bytes)
{
    void *part = malloc(size);

    *bytes += saga_memory_bytes(part);
    return part;
}

void saga_part_free(void *part, size_t *bytes)
{
    size_t taken = saga_memory_bytes(part);

    assert(*bytes >= taken);
    *bytes -= taken;
    free(part);
}

struct payload *payload_create(const Sagabase__V1__Payload *source, size_t *bytes)
{
    size_t type_size = strlen(source->content_type) + 1;
    struct payload *payload = part_alloc(sizeof *payload + source->data.len + type_size, bytes);

    if (!payload)
        return NULL;
    payload->size = (uint32_t)source->data.len;
    if (source->data.len > 0)
        memcpy(payload->text, source->data.data, source->data.len);
    memcpy(payload->text + source->data.len, source->content_type, type_size);
    return payload;
}

/* Two texts in one piece, behind a number that tells where the second begins. */
static void put_texts(char *text, const char *first, const char *second, uint32_t *second_at)
{
    size_t first_size = strlen(first) + 1;

    memcpy(text, first, first_size);
    memcpy(text + first_size, second, strlen(second) + 1);
    *second_at = (uint32_t)first_size;
}

struct saga_error *saga_error_create(const Sagabase__V1__SagaError *source, size_t *bytes)
{
    struct saga_error *error =
        part_alloc(sizeof *error + strlen(source->type) + strlen(source->message) + 2, bytes);

    if (error)
        put_texts(error->text, source->type, source->message, &error->message_at);
    return error;
}

struct saga_attribute *saga_attribute_create(const char *name, const char *value, size_t *bytes)
{
    struct saga_attribute *attribute =
        part_alloc(sizeof *attribute + strlen(name) + strlen(value) + 2, bytes);

    if (attribute)
        put_texts(attribute->text, name, value, &attribute->value_at);
    return attribute;
}

struct saga_signal *saga_signal_create(const Sagabase__V1__Signal *source, size_t *bytes)
{
    size_t size = sagabase__v1__signal__get_packed_size(source);
    size_t id_size = strlen(source->signal_id) + 1;
    struct saga_signal *signal = part_alloc(sizeof *signal + id_size + size, bytes);

    if (!signal)
        return NULL;
    signal->packed_at = (uint32_t)id_size;
    signal->packed_size = (uint32_t)size;
    signal->payload_bytes = source->payload ? (uint32_t)source->payload->data.len : 0;
    memcpy(signal->text, source->signal_id, id_size);
    sagabase__v1__signal__pack(source, (uint8_t *)signal->text + id_size);
    return signal;
}

static uint64_t hash_more(uint64_t hash, struct bytes bytes)
{
    uint8_t both[16];

    put_u64_little_endian(both, hash);
    put_u64_little_endian(both + 8, checksum_bytes(bytes));
    return checksum_bytes(bytes_of(both, sizeof both));
}

uint64_t saga_start_hash(const struct definition *definition, const Sagabase__V1__Payload *input,
                         Sagabase__V1__Attribute **attributes, size_t attribute_count)
{
    uint64_t hash = hash_more(0, bytes_of(definition->hash, DEFINITION_HASH_BYTES));

    if (input) {
        hash = hash_more(hash, bytes_of(input->data.data, input->data.len));
        hash = hash_more(hash, bytes_of_text(input->content_type));
    }
    for (size_t i = 0; i < attribute_count; i++) {
        hash = hash_more(hash, bytes_of_text(attributes[i]->name));
        hash = hash_more(hash, bytes_of_text(attributes[i]->value));
    }
    return hash;
}

bool activity_needs_undo(const struct saga *saga, uint32_t index)
{
    const struct activity *activity = &saga->activities[index];
    const Sagabase__V1__Step *step = activity_step(saga, index);

    if (!step || step->nothing_to_undo)
        return false;
    return activity->outcome == SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS ||
           activity->outcome == SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN ||
           (activity->outcome == SAGABASE__V1__OUTCOME__OUTCOME_FAILURE &&
            step->compensate_on_failure);
}

const char *saga_find_attribute(const struct saga *saga, const char *name)
{
    for (uint32_t i = 0; i < saga->attribute_count; i++)
        if (strcmp(saga_attribute_name(saga->attributes[i]), name) == 0)
            return saga_attribute_value(saga->attributes[i]);
    return NULL;
}

const char *timeout_error_type(int kind)
{
    switch (kind) {
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START:
        return "$timeout.schedule_to_start";
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE:
        return "$timeout.start_to_close";
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_CLOSE:
        return "$timeout.schedule_to_close";
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_HEARTBEAT:
        return "$timeout.heartbeat";
    default:
        return "$timeout";
    }
}

/* --- as messages ----------------------------------------------------------------------------- */

Sagabase__V1__Payload *payload_message(const struct payload *payload, struct arena *arena)
{
    Sagabase__V1__Payload *message = arena_alloc_raw(arena, sizeof *message);

    if (!message)
        return NULL;
    sagabase__v1__payload__init(message);
    message->data.data = (uint8_t *)payload->text;
    message->data.len = payload->size;
    message->content_type = (char *)payload->text + payload->size;
    return message;
}

Sagabase__V1__SagaError *saga_error_message_of(const struct saga_error *error, struct arena *arena)
{
    Sagabase__V1__SagaError *message = arena_alloc_raw(arena, sizeof *message);

    if (!message)
        return NULL;
    sagabase__v1__saga_error__init(message);
    message->type = (char *)saga_error_type(error);
    message->message = (char *)saga_error_message(error);
    return message;
}

Sagabase__V1__Attribute **saga_attribute_messages(const struct saga *saga, struct arena *arena)
{
    uint32_t count = saga->attribute_count;
    Sagabase__V1__Attribute **messages = arena_alloc_raw(arena, count * sizeof *messages);
    Sagabase__V1__Attribute *message = arena_alloc_raw(arena, count * sizeof *message);

    if (!messages || !message)
        return NULL;
    for (uint32_t i = 0; i < count; i++, message++) {
        sagabase__v1__attribute__init(message);
        message->name = (char *)saga_attribute_name(saga->attributes[i]);
        message->value = (char *)saga_attribute_value(saga->attributes[i]);
        messages[i] = message;
    }
    return messages;
}

Sagabase__V1__Signal *saga_signal_unpack(const struct saga_signal *signal, struct arena *arena)
{
    struct bytes packed = bytes_of(signal->text + signal->packed_at, signal->packed_size);

    return (Sagabase__V1__Signal *)unpack_within(&sagabase__v1__signal__descriptor, packed, arena,
                                                 NULL);
}

char *arena_text(struct arena *arena, const char *text)
{
    return (char *)arena_copy(arena, bytes_of_text(text)).data;
}
