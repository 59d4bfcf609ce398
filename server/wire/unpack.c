#include "server/wire/unpack.h"

struct unpacking {
    struct arena *arena;
    bool is_full;
};

static void *allocate(void *context, size_t size)
{
    struct unpacking *unpacking = context;
    void *memory = arena_alloc_raw(unpacking->arena, size);

    unpacking->is_full |= !memory;
    return memory;
}

static void keep(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

static void forget_unknown_fields(ProtobufCMessage *message);

/* A field of messages within `message`; none, one, or many. */
static void forget_within(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *member = (const uint8_t *)message + field->offset;
    const uint8_t *quantifier = (const uint8_t *)message + field->quantifier_offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage **each = *(ProtobufCMessage ***)member;
        for (size_t count = *(const size_t *)quantifier; count > 0; count--)
            forget_unknown_fields(*each++);
    } else if ((!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                *(const uint32_t *)quantifier == field->id) &&
               *(ProtobufCMessage *const *)member) {
        forget_unknown_fields(*(ProtobufCMessage *const *)member);
    }
}

/* protobuf-c keeps them to pack them again, some of them into bytes that it does not take back: a
 * field number 0 that was written with two bytes. */
static void forget_unknown_fields(ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;

    message->n_unknown_fields = 0;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            forget_within(message, &type->fields[i]);
}

ProtobufCMessage *unpack_within(const ProtobufCMessageDescriptor *type, struct bytes packed,
                                struct arena *arena, bool *is_full)
{
    struct unpacking unpacking = {.arena = arena};
    ProtobufCAllocator allocator = {allocate, keep, &unpacking};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &allocator, packed.size, packed.data);

    if (message)
        forget_unknown_fields(message);
    if (is_full)
        *is_full = unpacking.is_full;
    return message;
}
