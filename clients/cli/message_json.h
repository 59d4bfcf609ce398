/* Messages of the API as JSON, by what their descriptors say: fields by their names in the
 * .proto. */
#ifndef CLIENTS_CLI_MESSAGE_JSON_H
#define CLIENTS_CLI_MESSAGE_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"

/* Reads a message in the JSON form of proto3 (https://protobuf.dev/programming-guides/json): field
 * names as in the .proto or in lowerCamelCase, enums by name or number, 64-bit integers as numbers
 * or strings, bytes in base64, null for "not set". The message is in the arena.
 * INVALID_ARGUMENT: line and column where it is no JSON, else the field's path and its rule.
 * RESOURCE_EXHAUSTED: the arena is full. */
struct status message_read_json(const ProtobufCMessageDescriptor *type, struct bytes json,
                                struct arena *arena, ProtobufCMessage **message);

/* Puts a message on one line, without fields that have their default value; 64-bit integers as
 * numbers, times and all else as they are. A Payload's data are put as JSON where they are, as
 * a string where they are text, else as "data_base64". */
void message_put_json(struct buffer *out, const ProtobufCMessage *message);

/* The same as a line on stdout, flushed. */
void message_print_json(const ProtobufCMessage *message);

/* What a value of a field takes in a message, or in the array of a repeated field. */
size_t message_value_bytes(const ProtobufCFieldDescriptor *field);

/* The constant's name; "?" outside the enum. Static memory. */
const char *message_enum_name(const ProtobufCEnumDescriptor *type, int value);

/* The same in plain words: "timed out" for prefix "OUTCOME_" and OUTCOME_TIMED_OUT, into `text`. */
enum { MESSAGE_WORDS_BYTES = 64 };
const char *message_enum_words(const ProtobufCEnumDescriptor *type, int value, const char *prefix,
                               char text[MESSAGE_WORDS_BYTES]);

#endif
