/* Unpacking what others packed, into an arena, whose limit bounds what a message can make us
 * allocate. Fields that its type does not know are left out: what is kept of a message is only what
 * our limits count and our rules checked. */
#ifndef SERVER_WIRE_UNPACK_H
#define SERVER_WIRE_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/bytes.h"

/* NULL: malformed, or the arena is full, which `is_full` tells (NULL: the caller need not know).
 * The message borrows nothing from `packed`. */
ProtobufCMessage *unpack_within(const ProtobufCMessageDescriptor *type, struct bytes packed,
                                struct arena *arena, bool *is_full);

#endif
