#include "server/services/sagas/elements.h"

#include "base/varint.h"
#include "server/services/sagas/fields.h"

enum { VARINT_BYTES_MAX = 10, WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void put_number(struct buffer *packed, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];

    buffer_put(packed, bytes_of(bytes, (size_t)(put_varint(bytes, value) - bytes)));
}

static void put_tag(struct buffer *packed, uint32_t field, unsigned wire)
{
    put_number(packed, (uint64_t)field << 3 | wire);
}

void elements_put(struct buffer *packed, uint32_t field, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *room;

    put_tag(packed, field, WIRE_BYTES);
    put_number(packed, size);
    room = buffer_reserve(packed, size);
    if (room)
        packed->size += protobuf_c_message_pack(message, room);
}

void elements_put_bytes(struct buffer *packed, uint32_t field, struct bytes bytes)
{
    put_tag(packed, field, WIRE_BYTES);
    put_number(packed, bytes.size);
    buffer_put(packed, bytes);
}

void elements_put_text(struct buffer *packed, uint32_t field, const char *text)
{
    elements_put_bytes(packed, field, bytes_of_text(text));
}

void elements_put_number(struct buffer *packed, uint32_t field, uint64_t number)
{
    put_tag(packed, field, WIRE_VARINT);
    put_number(packed, number);
}

void elements_put_fixed64(struct buffer *packed, uint32_t field, uint64_t number)
{
    uint8_t bytes[8];

    put_tag(packed, field, WIRE_FIXED64);
    put_u64_little_endian(bytes, number);
    buffer_put(packed, bytes_of(bytes, sizeof bytes));
}

void elements_reply(struct call *call, struct status status, struct buffer *packed)
{
    if (status_ok(status) && !buffer_ok(packed))
        status = request_too_large();
    if (status_ok(status))
        call_reply_packed(call, packed);
    else
        call_fail(call, status);
    buffer_destroy(packed);
}
