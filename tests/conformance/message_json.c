#include "tests/conformance/message_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void *take(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size ? size : 1);

    assert(memory);
    return memory;
}

/* --- to JSON -------------------------------------------------------------------- */

static json_t *json_from_bytes(const ProtobufCBinaryData *data)
{
    char *text = malloc(data->len / 3 * 4 + 5);
    size_t size = 0;

    assert(text);
    for (size_t i = 0; i < data->len; i += 3) {
        size_t left = data->len - i;
        uint32_t three = (uint32_t)data->data[i] << 16 |
                         (left > 1 ? (uint32_t)data->data[i + 1] << 8 : 0) |
                         (left > 2 ? data->data[i + 2] : 0);
        text[size++] = digits[three >> 18];
        text[size++] = digits[three >> 12 & 63];
        text[size++] = left > 1 ? digits[three >> 6 & 63] : '=';
        text[size++] = left > 2 ? digits[three & 63] : '=';
    }
    json_t *json = json_stringn(text, size);
    free(text);
    return json;
}

json_t *json_from_enum(const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *named = protobuf_c_enum_descriptor_get_value(type, value);

    return named ? json_string(named->name) : json_integer(value);
}

static json_t *json_from_value(const ProtobufCFieldDescriptor *field, const void *value)
{
    char number[32];

    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        snprintf(number, sizeof number, "%" PRIu64, *(const uint64_t *)value);
        return json_string(number);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        snprintf(number, sizeof number, "%" PRId64, *(const int64_t *)value);
        return json_string(number);
    case PROTOBUF_C_TYPE_UINT32:
        return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_ENUM:
        return json_from_enum(field->descriptor, *(const int *)value);
    case PROTOBUF_C_TYPE_STRING:
        return json_string(*(char *const *)value);
    case PROTOBUF_C_TYPE_BYTES:
        return json_from_bytes(value);
    case PROTOBUF_C_TYPE_MESSAGE:
        return json_from_message(*(ProtobufCMessage *const *)value);
    default:
        assert(!"a type that the protos do not use");
        return NULL;
    }
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    default:
        return 8;
    }
}

/* map<string, string> is a repeated message XEntry {key, value}. */
static bool is_map(const ProtobufCFieldDescriptor *field)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t size = strlen(entry->short_name);
    return entry->n_fields == 2 && size > 5 && strcmp(entry->short_name + size - 5, "Entry") == 0;
}

static json_t *json_from_repeated(const ProtobufCFieldDescriptor *field, const char *values,
                                  size_t count)
{
    json_t *json = is_map(field) ? json_object() : json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *value = json_from_value(field, values + i * value_size(field));
        if (json_is_array(json)) {
            json_array_append_new(json, value);
        } else {
            json_object_set(json, json_string_value(json_object_get(value, "key")),
                            json_object_get(value, "value"));
            json_decref(value);
        }
    }
    return json;
}

json_t *json_from_message(const ProtobufCMessage *message)
{
    const char *base = (const char *)message;
    json_t *json = json_object();

    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const void *value = base + field->offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = *(const size_t *)(base + field->quantifier_offset);
            json_object_set_new(json, field->name,
                                json_from_repeated(field, *(char *const *)value, count));
            continue;
        }
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
            *(const uint32_t *)(base + field->quantifier_offset) != field->id)
            continue;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && !*(ProtobufCMessage *const *)value)
            continue;
        json_object_set_new(json, field->name, json_from_value(field, value));
    }
    return json;
}

/* --- from JSON -------------------------------------------------------------------- */

static ProtobufCBinaryData bytes_from_json(const json_t *json, struct arena *arena)
{
    const char *text = json_string_value(json);
    size_t size = json_string_length(json);
    ProtobufCBinaryData data = {.data = take(arena, size / 4 * 3)};
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < size && text[i] != '='; i++) {
        const char *digit = memchr(digits, text[i], 64);
        assert(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            data.data[data.len++] = (uint8_t)(bits >> held);
        }
    }
    return data;
}

static int enum_from_json(const ProtobufCEnumDescriptor *type, const json_t *json)
{
    if (json_is_integer(json))
        return (int)json_integer_value(json);
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json));
    assert(value);
    return value->value;
}

static uint64_t number_from_json(const json_t *json)
{
    if (json_is_integer(json))
        return (uint64_t)json_integer_value(json);
    const char *text = json_string_value(json);
    return *text == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
}

static void set_value(const ProtobufCFieldDescriptor *field, const json_t *json, void *value,
                      struct arena *arena)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        *(uint64_t *)value = number_from_json(json);
        return;
    case PROTOBUF_C_TYPE_UINT32:
        *(uint32_t *)value = (uint32_t)number_from_json(json);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)value = json_is_true(json);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)value = enum_from_json(field->descriptor, json);
        return;
    case PROTOBUF_C_TYPE_STRING:
        *(const uint8_t **)value =
            arena_copy(arena, bytes_of(json_string_value(json), json_string_length(json))).data;
        return;
    case PROTOBUF_C_TYPE_BYTES:
        *(ProtobufCBinaryData *)value = bytes_from_json(json, arena);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)value = message_from_json(field->descriptor, json, arena);
        return;
    default:
        assert(!"a type that the protos do not use");
    }
}

static void set_map(const ProtobufCFieldDescriptor *field, const json_t *json, char *values,
                    struct arena *arena)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)json, key, value)
    {
        json_t *entry = json_pack("{s:s, s:O}", "key", key, "value", value);
        set_value(field, entry, values, arena);
        json_decref(entry);
        values += value_size(field);
    }
}

static void set_field(const ProtobufCFieldDescriptor *field, const json_t *json, char *base,
                      struct arena *arena)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            *(uint32_t *)(base + field->quantifier_offset) = field->id;
        set_value(field, json, base + field->offset, arena);
        return;
    }
    size_t count = is_map(field) ? json_object_size(json) : json_array_size(json);
    char *values = take(arena, count * value_size(field));
    *(size_t *)(base + field->quantifier_offset) = count;
    *(char **)(base + field->offset) = values;
    if (is_map(field))
        set_map(field, json, values, arena);
    else
        for (size_t i = 0; i < count; i++)
            set_value(field, json_array_get(json, i), values + i * value_size(field), arena);
}

ProtobufCMessage *message_from_json(const ProtobufCMessageDescriptor *type, const json_t *json,
                                    struct arena *arena)
{
    ProtobufCMessage *message = take(arena, type->sizeof_message);
    const char *name;
    json_t *value;

    type->message_init(message);
    json_object_foreach((json_t *)json, name, value)
    {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field_by_name(type, name);
        assert(field);
        set_field(field, value, (char *)message, arena);
    }
    return message;
}
