#include "server/wire/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/varint.h"

enum { PATH_BYTES_MAX = 160, FIELD_NUMBER_MAX = (1 << 29) - 1 };

/* What is left of the bytes, and what is left of the limits. */
struct scan {
    struct bytes wire;
    size_t fields_left;
};

/* Where we are: the message, and the field of the one around it that holds it. */
struct place {
    const struct place *outer; /* NULL: the request itself */
    const ProtobufCMessageDescriptor *type;
    const char *field;
    unsigned depth;
};

static struct status check_message(struct scan *scan, const struct place *place);

/* Adds a name to the path of `size` bytes; the new size. */
static size_t print_name(char *path, size_t size, const char *name)
{
    size += (size_t)snprintf(path + size, PATH_BYTES_MAX - size, "%s%s", size ? "." : "", name);
    return size < PATH_BYTES_MAX ? size : PATH_BYTES_MAX - 1;
}

static size_t print_place(char *path, const struct place *place)
{
    return place->outer ? print_name(path, print_place(path, place->outer), place->field) : 0;
}

/* `field` is the one at fault; NULL: the message as a whole. */
static struct status refuse(enum status_code code, const struct place *place, const char *field,
                            const char *rule)
{
    char path[PATH_BYTES_MAX];
    size_t size = print_place(path, place);

    if (field || size == 0)
        print_name(path, size, field ? field : place->type->short_name);
    return status_make(code, "%s: %s", path, rule);
}

/* How many bytes follow the lead byte; 4: it cannot lead. */
static unsigned count_followers(uint8_t lead)
{
    if (lead < 0x80)
        return 0;
    if (lead < 0xc2) /* a follower, or an overlong form */
        return 4;
    if (lead < 0xe0)
        return 1;
    if (lead < 0xf0)
        return 2;
    return lead < 0xf5 ? 3 : 4;
}

/* UTF-8 without NUL, overlong forms, surrogates, or anything above U+10FFFF. */
static bool is_text(struct bytes text)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    static const uint32_t smallest[] = {1, 0x80, 0x800, 0x10000};

    while (at < end) {
        uint8_t lead = *at++;
        unsigned followers = count_followers(lead);
        uint32_t point = followers ? lead & (0x3fu >> followers) : lead;

        if (followers == 4 || (size_t)(end - at) < followers)
            return false;
        for (unsigned i = 0; i < followers; i++, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
            point = point << 6 | (*at & 0x3f);
        }
        if (point < smallest[followers] || point > 0x10ffff || (point & ~0x7ffu) == 0xd800)
            return false;
    }
    return true;
}

static void skip(struct scan *scan, size_t size)
{
    scan->wire.data += size;
    scan->wire.size -= size;
}

/* A string or a message within one; everything else passes. */
static struct status check_value(struct scan *scan, const struct place *place, uint32_t number,
                                 size_t size)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(place->type, number);
    struct bytes value = {scan->wire.data, size};

    if (field && field->type == PROTOBUF_C_TYPE_STRING && !is_text(value))
        return refuse(STATUS_INVALID_ARGUMENT, place, field->name, "not UTF-8 text without NUL");
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
        struct place inner = {place, field->descriptor, field->name, place->depth + 1};
        struct scan within = {value, scan->fields_left};
        if (inner.depth > CHECK_DEPTH_MAX)
            return refuse(STATUS_INVALID_ARGUMENT, place, field->name, "nested too deeply");
        TRY(check_message(&within, &inner));
        scan->fields_left = within.fields_left;
    }
    skip(scan, size);
    return OK;
}

static struct status check_field(struct scan *scan, const struct place *place)
{
    uint64_t tag, size = 0;
    bool is_whole = read_varint(&scan->wire, &tag) && tag >> 3 > 0 && tag >> 3 <= FIELD_NUMBER_MAX;
    uint8_t wire_type = tag & 7;

    switch (wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        is_whole = is_whole && read_varint(&scan->wire, &size);
        size = 0;
        break;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        size = 8;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        size = 4;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        is_whole = is_whole && read_varint(&scan->wire, &size);
        break;
    default: /* groups are of another age */
        is_whole = false;
    }
    if (!is_whole || size > scan->wire.size)
        return refuse(STATUS_INVALID_ARGUMENT, place, NULL, "malformed");
    if (wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return check_value(scan, place, (uint32_t)(tag >> 3), size);
    skip(scan, size);
    return OK;
}

static struct status check_message(struct scan *scan, const struct place *place)
{
    while (scan->wire.size > 0) {
        if (scan->fields_left-- == 0)
            return refuse(STATUS_RESOURCE_EXHAUSTED, place, NULL, "too many fields in one request");
        TRY(check_field(scan, place));
    }
    return OK;
}

struct status check_request(const ProtobufCMessageDescriptor *type, struct bytes wire)
{
    struct place place = {.type = type, .depth = 1};
    struct scan scan = {wire, CHECK_FIELDS_MAX};

    return check_message(&scan, &place);
}
