/* Protobuf's JSON mapping for protobuf-c messages, with the field names of the .proto files. What
 * the project's messages do not use (floats, nested maps) asserts. */
#ifndef TESTS_CONFORMANCE_MESSAGE_JSON_H
#define TESTS_CONFORMANCE_MESSAGE_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/* Unset scalars as their defaults; unset messages and members of a oneof not at all.
 * The caller owns the result. */
json_t *json_from_message(const ProtobufCMessage *message);

/* Lives in the arena, which must be large enough; its strings are copied. */
ProtobufCMessage *message_from_json(const ProtobufCMessageDescriptor *type, const json_t *json,
                                    struct arena *arena);

/* "ABORTED": the name of an enum's value as the .proto has it; NULL if there is none. */
json_t *json_from_enum(const ProtobufCEnumDescriptor *type, int value);

#endif
