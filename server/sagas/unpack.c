#include "server/sagas/unpack.h"

static void *allocate(void *arena, size_t size)
{
    return arena_alloc_raw(arena, size);
}

static void keep(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

ProtobufCMessage *unpack_within(const ProtobufCMessageDescriptor *type, struct bytes packed,
                                struct arena *arena)
{
    ProtobufCAllocator allocator = {allocate, keep, arena};

    return protobuf_c_message_unpack(type, &allocator, packed.size, packed.data);
}
