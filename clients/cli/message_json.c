#include "clients/cli/message_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "clients/cli/json.h"
#include "clients/cli/text.h"
#include "sagabase/v1/sagas.pb-c.h"

enum { LINE_BYTES_MAX = 64 << 20 };

static void put_object(struct buffer *out, const ProtobufCMessage *message);

const char *message_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *named = protobuf_c_enum_descriptor_get_value(type, value);

    return named ? named->name : "?";
}

const char *message_enum_words(const ProtobufCEnumDescriptor *type, int value, const char *prefix,
                               char text[MESSAGE_WORDS_BYTES])
{
    const char *name = message_enum_name(type, value);
    size_t size = 0;

    if (strncmp(name, prefix, strlen(prefix)) == 0)
        name += strlen(prefix);
    for (; name[size] && size + 1 < MESSAGE_WORDS_BYTES; size++)
        text[size] = name[size] == '_' ? ' ' : (char)tolower((unsigned char)name[size]);
    text[size] = '\0';
    return text;
}

static void put_base64_text(struct buffer *out, struct bytes bytes)
{
    buffer_put_byte(out, '"');
    json_put_base64(out, bytes);
    buffer_put_byte(out, '"');
}

static void put_payload(struct buffer *out, const Sagabase__V1__Payload *payload)
{
    struct bytes data = bytes_of(payload->data.data, payload->data.len);
    bool is_text = text_is_utf8(data) && (data.size == 0 || !memchr(data.data, 0, data.size));

    buffer_put_text(out, is_text ? "{\"data\":" : "{\"data_base64\":");
    if (!is_text)
        put_base64_text(out, data);
    else if (strstr(payload->content_type, "json") && json_is_value(data))
        json_put_value(out, data);
    else
        json_put_text(out, data);
    buffer_put_text(out, ",\"content_type\":");
    json_put_text(out, bytes_of_text(payload->content_type));
    buffer_put_byte(out, '}');
}

static void put_message(struct buffer *out, const ProtobufCMessage *message)
{
    if (message->descriptor == &sagabase__v1__payload__descriptor)
        put_payload(out, (const Sagabase__V1__Payload *)message);
    else
        put_object(out, message);
}

/* One that this program has no name for is a number, as the JSON form of proto3 has it. */
static void put_enum(struct buffer *out, const ProtobufCEnumDescriptor *type, int value)
{
    if (protobuf_c_enum_descriptor_get_value(type, value))
        json_put_text(out, bytes_of_text(message_enum_name(type, value)));
    else
        buffer_print(out, "%d", value);
}

static void put_value(struct buffer *out, const ProtobufCFieldDescriptor *field, const void *value)
{
    const ProtobufCBinaryData *bytes;

    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return buffer_print(out, "%" PRId32, *(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return buffer_print(out, "%" PRIu32, *(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return buffer_print(out, "%" PRId64, *(const int64_t *)value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return buffer_print(out, "%" PRIu64, *(const uint64_t *)value);
    case PROTOBUF_C_TYPE_FLOAT:
        return buffer_print(out, "%g", (double)*(const float *)value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return buffer_print(out, "%.17g", *(const double *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return buffer_put_text(out, *(const protobuf_c_boolean *)value ? "true" : "false");
    case PROTOBUF_C_TYPE_ENUM:
        return put_enum(out, field->descriptor, *(const int *)value);
    case PROTOBUF_C_TYPE_STRING:
        return json_put_text(out, bytes_of_text(*(char *const *)value));
    case PROTOBUF_C_TYPE_BYTES:
        bytes = value;
        return put_base64_text(out, bytes_of(bytes->data, bytes->len));
    case PROTOBUF_C_TYPE_MESSAGE:
        return put_message(out, *(ProtobufCMessage *const *)value);
    }
}

size_t message_value_bytes(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    default:
        return 8;
    }
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return **(char *const *)value == '\0';
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)value)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return !*(ProtobufCMessage *const *)value;
    case PROTOBUF_C_TYPE_DOUBLE: /* -0 is 0 */
        return !(*(const double *)value < 0) && !(*(const double *)value > 0);
    default:
        return message_value_bytes(field) == 8 ? *(const uint64_t *)value == 0
                                               : *(const uint32_t *)value == 0;
    }
}

/* How many values there are to put. */
static size_t count_values(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *quantifier = (const char *)message + field->quantifier_offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)quantifier;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == field->id;
    return !is_default(field, (const char *)message + field->offset);
}

static void put_values(struct buffer *out, const ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field, size_t count)
{
    const char *values = (const char *)message + field->offset;

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return put_value(out, field, values);
    values = *(const char *const *)values;
    buffer_put_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_put_byte(out, ',');
        put_value(out, field, values + i * message_value_bytes(field));
    }
    buffer_put_byte(out, ']');
}

static void put_object(struct buffer *out, const ProtobufCMessage *message)
{
    bool first = true;

    buffer_put_byte(out, '{');
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        size_t count = count_values(message, field);

        if (count == 0)
            continue;
        buffer_print(out, "%s\"%s\":", first ? "" : ",", field->name);
        put_values(out, message, field, count);
        first = false;
    }
    buffer_put_byte(out, '}');
}

void message_put_json(struct buffer *out, const ProtobufCMessage *message)
{
    put_message(out, message);
}

void message_print_json(const ProtobufCMessage *message)
{
    struct buffer line;

    buffer_init(&line, LINE_BYTES_MAX);
    message_put_json(&line, message);
    buffer_put_byte(&line, '\n');
    fwrite(line.data, 1, line.size, stdout);
    fflush(stdout);
    buffer_destroy(&line);
}
