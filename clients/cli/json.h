/* JSON (RFC 8259) that is copied, not rebuilt: numbers, order and escapes stay as they are
 * written. */
#ifndef CLIENTS_CLI_JSON_H
#define CLIENTS_CLI_JSON_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"

/* Any JSON value, alone. */
bool json_is_value(struct bytes text);
bool json_is_object_text(struct bytes text);

/* Puts a string with its quotes; `text` must be UTF-8. */
void json_put_text(struct buffer *out, struct bytes text);

/* Puts valid JSON on one line. */
void json_put_value(struct buffer *out, struct bytes json);

/* Base64 (RFC 4648 §4) without quotes; and back, into the arena: false if it is none. */
void json_put_base64(struct buffer *out, struct bytes bytes);
bool json_read_base64(struct bytes text, struct arena *arena, struct bytes *bytes);

/* Walks the members of a valid object, in order. */
struct json_members {
    struct bytes left;
};

struct json_member {
    struct bytes key;   /* with its quotes, as written */
    struct bytes value; /* as written; a string with its quotes */
};

struct json_members json_members(struct bytes object);
bool json_next_member(struct json_members *members, struct json_member *member);

/* The next value of a valid array: begin with json_elements. */
struct json_members json_elements(struct bytes array);
bool json_next_element(struct json_members *elements, struct bytes *value);

/* The value of an object's member with this plain key; {NULL, 0}: it has none. */
struct bytes json_find(struct bytes object, const char *key);

/* A valid string without its quotes and escapes, into the arena, with a NUL behind it. False: it
 * is no string, holds \u0000, or the arena is full. */
bool json_read_text(struct bytes json, struct arena *arena, struct bytes *text);

#endif
