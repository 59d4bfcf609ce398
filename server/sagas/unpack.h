/* Unpacking into an arena, whose limit bounds what a message can make us allocate. Internal. */
#ifndef SERVER_SAGAS_UNPACK_H
#define SERVER_SAGAS_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/bytes.h"

/* NULL: malformed, or the arena is full. */
ProtobufCMessage *unpack_within(const ProtobufCMessageDescriptor *type, struct bytes packed,
                                struct arena *arena);

#endif
