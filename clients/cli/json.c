#include "clients/cli/json.h"

#include <jansson.h>

static json_t *load(struct bytes text)
{
    return json_loadb((const char *)text.data, text.size,
                      JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

bool json_is_value(struct bytes text)
{
    json_t *json = text.size ? load(text) : NULL;
    bool valid = json != NULL;

    json_decref(json);
    return valid;
}

bool json_is_object_text(struct bytes text)
{
    json_t *json = text.size ? load(text) : NULL;
    bool object = json_is_object(json);

    json_decref(json);
    return object;
}

void json_put_text(struct buffer *out, struct bytes text)
{
    size_t plain = 0; /* where the bytes begin that are not yet put */

    buffer_put_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        buffer_put(out, bytes_of(text.data + plain, i - plain));
        plain = i + 1;
        if (byte == '"' || byte == '\\')
            buffer_print(out, "\\%c", byte);
        else if (byte == '\n')
            buffer_put_text(out, "\\n");
        else
            buffer_print(out, "\\u%04x", byte);
    }
    if (text.size)
        buffer_put(out, bytes_of(text.data + plain, text.size - plain));
    buffer_put_byte(out, '"');
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static struct bytes skip(struct bytes text, size_t size)
{
    return bytes_of(text.data + size, text.size - size);
}

static struct bytes trim(struct bytes text)
{
    while (text.size && is_space(text.data[0]))
        text = skip(text, 1);
    while (text.size && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Line ends stand only between tokens: within strings they are escaped. */
void json_put_value(struct buffer *out, struct bytes json)
{
    json = trim(json);
    for (size_t i = 0; i < json.size; i++) {
        bool line_end = json.data[i] == '\n' || json.data[i] == '\r';
        buffer_put_byte(out, line_end ? ' ' : json.data[i]);
    }
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void json_put_base64(struct buffer *out, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)bytes.data[i] << 16 |
                         (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                         (left > 2 ? bytes.data[i + 2] : 0);
        buffer_put_byte(out, (uint8_t)alphabet[three >> 18]);
        buffer_put_byte(out, (uint8_t)alphabet[three >> 12 & 63]);
        buffer_put_byte(out, left > 1 ? (uint8_t)alphabet[three >> 6 & 63] : '=');
        buffer_put_byte(out, left > 2 ? (uint8_t)alphabet[three & 63] : '=');
    }
}

bool json_read_base64(struct bytes text, struct arena *arena, struct bytes *bytes)
{
    uint8_t *read = arena_alloc_raw(arena, text.size / 4 * 3 + 1);
    size_t size = 0;

    if (!read || text.size % 4 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 4) {
        bool last = i + 4 == text.size;
        size_t digits = last && text.data[i + 3] == '=' ? text.data[i + 2] == '=' ? 2 : 3 : 4;
        uint32_t four = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *digit = j < digits ? memchr(alphabet, text.data[i + j], 64) : alphabet;
            if (!digit)
                return false;
            four = four << 6 | (uint32_t)(digit - alphabet);
        }
        for (size_t j = 0; j < digits - 1; j++)
            read[size++] = (uint8_t)(four >> (16 - 8 * j));
    }
    *bytes = bytes_of(read, size);
    return true;
}

/* Bytes of the value that `text`, valid JSON, starts with. */
static size_t value_bytes(struct bytes text)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (quoted) {
            if (byte == '\\')
                i++;
            else if (byte == '"')
                quoted = false;
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '{' || byte == '[') {
            depth++;
        } else if (depth == 0 && (byte == ',' || byte == ':' || byte == '}' || byte == ']')) {
            return i;
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
    }
    return text.size;
}

struct json_members json_elements(struct bytes array)
{
    return (struct json_members){skip(trim(array), 1)};
}

bool json_next_element(struct json_members *elements, struct bytes *value)
{
    struct bytes left = trim(elements->left);

    if (left.size && left.data[0] == ',')
        left = trim(skip(left, 1));
    if (!left.size || left.data[0] == ']')
        return false;
    size_t bytes = value_bytes(left);
    *value = trim(bytes_of(left.data, bytes));
    elements->left = skip(left, bytes);
    return true;
}

struct json_members json_members(struct bytes object)
{
    return (struct json_members){skip(trim(object), 1)};
}

bool json_next_member(struct json_members *members, struct json_member *member)
{
    struct bytes left = trim(members->left);

    if (left.size && left.data[0] == ',')
        left = trim(skip(left, 1));
    if (!left.size || left.data[0] != '"')
        return false;
    size_t key_bytes = value_bytes(left);
    member->key = trim(bytes_of(left.data, key_bytes));
    left = skip(left, key_bytes + 1); /* and the ":" */
    size_t size = value_bytes(left);
    member->value = trim(bytes_of(left.data, size));
    members->left = skip(left, size);
    return true;
}

struct bytes json_find(struct bytes object, const char *key)
{
    struct json_members members = json_members(object);
    struct json_member member;
    struct bytes found = {0};

    while (json_next_member(&members, &member)) {
        struct bytes written = bytes_of(member.key.data + 1, member.key.size - 2);
        if (bytes_equal(written, bytes_of_text(key)))
            found = member.value;
    }
    return found;
}

bool json_read_text(struct bytes json, struct arena *arena, struct bytes *text)
{
    json_t *value =
        json.size ? json_loadb((const char *)json.data, json.size, JSON_DECODE_ANY, NULL) : NULL;
    bool read = false;

    if (json_is_string(value)) {
        struct bytes copy =
            arena_copy(arena, bytes_of(json_string_value(value), json_string_length(value)));
        if ((read = copy.data != NULL))
            *text = copy;
    }
    json_decref(value);
    return read;
}
