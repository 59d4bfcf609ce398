#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "clients/cli/json.h"
#include "clients/cli/message_json.h"

enum { PATH_BYTES_MAX = 256 };

/* Where we are, for messages: "nodes[2].step.action". */
struct place {
    struct arena *arena;
    char path[PATH_BYTES_MAX];
    size_t size;
};

static struct status read_message(struct place *place, const ProtobufCMessageDescriptor *type,
                                  json_t *json, ProtobufCMessage **message);

static struct status wrong(const struct place *place, const char *rule)
{
    return status_make(STATUS_INVALID_ARGUMENT, "%.*s%s%s", (int)place->size, place->path,
                       place->size > 0 ? ": " : "", rule);
}

static struct status full(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "too large");
}

/* Goes into a field or element; *before is for going back. */
static void enter(struct place *place, const char *separator, const char *name, size_t *before)
{
    int size;

    *before = place->size;
    size = snprintf(place->path + place->size, sizeof place->path - place->size, "%s%s",
                    place->size > 0 ? separator : "", name);
    place->size += (size_t)size;
    if (place->size >= sizeof place->path)
        place->size = sizeof place->path - 1;
}

/* --- values -------------------------------------------------------------------------------- */

static struct status read_integer(struct place *place, json_t *json, int64_t min, uint64_t max,
                                  uint64_t *value)
{
    const char *text = json_string_value(json);
    char *end;

    if (json_is_integer(json)) {
        int64_t number = json_integer_value(json);
        if (number < min || (number > 0 && (uint64_t)number > max))
            return wrong(place, "out of range");
        *value = (uint64_t)number;
        return OK;
    }
    if (!text || (!isdigit((unsigned char)*text) && *text != '-'))
        return wrong(place, "must be a whole number");
    errno = 0;
    *value = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    if (*end != '\0')
        return wrong(place, "must be a whole number");
    if (errno != 0 || (*text == '-' ? (int64_t)*value < min : *value > max))
        return wrong(place, "out of range");
    return OK;
}

static struct status read_enum(struct place *place, const ProtobufCEnumDescriptor *type,
                               json_t *json, int *value)
{
    const ProtobufCEnumValue *named;

    if (json_is_integer(json)) {
        json_int_t number = json_integer_value(json);
        if (number < INT32_MIN || number > INT32_MAX)
            return wrong(place, "out of range");
        *value = (int)number;
        return OK;
    }
    if (!json_is_string(json))
        return wrong(place, "must be the name of a constant");
    named = protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json));
    if (named) {
        *value = named->value;
        return OK;
    }
    return status_make(STATUS_INVALID_ARGUMENT, "%.*s: \"%s\" is none of %s", (int)place->size,
                       place->path, json_string_value(json), type->short_name);
}

static struct status read_text(struct place *place, json_t *json, char **text)
{
    struct bytes copy;

    if (!json_is_string(json))
        return wrong(place, "must be a string");
    copy = arena_copy(place->arena, bytes_of(json_string_value(json), json_string_length(json)));
    if (!copy.data)
        return full();
    *text = (char *)copy.data;
    return OK;
}

static struct status read_bytes(struct place *place, json_t *json, ProtobufCBinaryData *data)
{
    struct bytes bytes = {0};

    if (!json_is_string(json) ||
        !json_read_base64(bytes_of(json_string_value(json), json_string_length(json)), place->arena,
                          &bytes))
        return wrong(place, "must be a string in base64");
    data->data = (uint8_t *)bytes.data;
    data->len = bytes.size;
    return OK;
}

static struct status read_bool(struct place *place, json_t *json, protobuf_c_boolean *value)
{
    if (!json_is_boolean(json))
        return wrong(place, "must be true or false");
    *value = json_is_true(json);
    return OK;
}

static struct status read_double(struct place *place, json_t *json, double *value)
{
    if (!json_is_number(json))
        return wrong(place, "must be a number");
    *value = json_number_value(json);
    return OK;
}

/* *target has room for a value of the field's type. */
static struct status read_value(struct place *place, const ProtobufCFieldDescriptor *field,
                                json_t *json, void *target)
{
    uint64_t number = 0;

    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        TRY(read_integer(place, json, INT32_MIN, INT32_MAX, &number));
        *(int32_t *)target = (int32_t)number;
        return OK;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        TRY(read_integer(place, json, 0, UINT32_MAX, &number));
        *(uint32_t *)target = (uint32_t)number;
        return OK;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_integer(place, json, INT64_MIN, INT64_MAX, target);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_integer(place, json, 0, UINT64_MAX, target);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(place, json, target);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(place, json, target);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(place, field->descriptor, json, target);
    case PROTOBUF_C_TYPE_STRING:
        return read_text(place, json, target);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(place, json, target);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(place, field->descriptor, json, target);
    case PROTOBUF_C_TYPE_FLOAT: /* the API has none */
        break;
    }
    return wrong(place, "of a type that is not read");
}

/* --- messages ------------------------------------------------------------------------------ */

/* In the .proto's spelling, or in lowerCamelCase. */
static bool is_named(const ProtobufCFieldDescriptor *field, const char *name)
{
    const char *at = field->name;

    if (strcmp(at, name) == 0)
        return true;
    for (; *at && *name; at++, name++) {
        bool upper = *at == '_';
        if (upper)
            at++;
        if ((upper ? toupper((unsigned char)*at) : *at) != *name)
            return false;
    }
    return *at == *name;
}

static const ProtobufCFieldDescriptor *find(const ProtobufCMessageDescriptor *type,
                                            const char *name)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (is_named(&type->fields[i], name))
            return &type->fields[i];
    return NULL;
}

static struct status read_repeated(struct place *place, const ProtobufCFieldDescriptor *field,
                                   json_t *json, ProtobufCMessage *message)
{
    size_t *count = (size_t *)((char *)message + field->quantifier_offset);
    char **elements = (char **)((char *)message + field->offset);
    size_t size = message_value_bytes(field);

    if (!json_is_array(json))
        return wrong(place, "must be an array");
    *elements = arena_alloc(place->arena, json_array_size(json) * size + 1);
    if (!*elements)
        return full();
    for (size_t i = 0; i < json_array_size(json); i++) {
        char index[24];
        size_t before;

        snprintf(index, sizeof index, "[%zu]", i);
        enter(place, "", index, &before);
        TRY(read_value(place, field, json_array_get(json, i), *elements + i * size));
        place->size = before;
        ++*count;
    }
    return OK;
}

static struct status read_field(struct place *place, const ProtobufCFieldDescriptor *field,
                                json_t *json, ProtobufCMessage *message)
{
    uint32_t *which = (uint32_t *)((char *)message + field->quantifier_offset);

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_repeated(place, field, json, message);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*which != 0)
            return wrong(place, "only one of its kind may be set");
        *which = field->id;
    }
    return read_value(place, field, json, (char *)message + field->offset);
}

static struct status read_message(struct place *place, const ProtobufCMessageDescriptor *type,
                                  json_t *json, ProtobufCMessage **message)
{
    ProtobufCMessage *read = arena_alloc(place->arena, type->sizeof_message);
    const char *name;
    json_t *value;

    if (!json_is_object(json))
        return wrong(place, "must be an object");
    if (!read)
        return full();
    type->message_init(read);
    json_object_foreach(json, name, value)
    {
        const ProtobufCFieldDescriptor *field = find(type, name);
        size_t before;

        enter(place, ".", field ? field->name : name, &before);
        if (!field)
            return wrong(place, "no such field");
        if (!json_is_null(value))
            TRY(read_field(place, field, value, read));
        place->size = before;
    }
    *message = read;
    return OK;
}

struct status message_read_json(const ProtobufCMessageDescriptor *type, struct bytes json,
                                struct arena *arena, ProtobufCMessage **message)
{
    struct place place = {.arena = arena};
    json_error_t error;
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    struct status status;

    if (!root)
        return status_make(STATUS_INVALID_ARGUMENT, "line %d, column %d: %s", error.line,
                           error.column, error.text);
    status = read_message(&place, type, root, message);
    json_decref(root);
    return status;
}
