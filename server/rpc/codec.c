#include "server/rpc/codec.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdio.h>
#include <stdlib.h>

#include "google/rpc/status.pb-c.h"
#include "server/rpc/check.h"

/* What a hostile request can make us allocate is the arena's limit. */
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

static struct status unpack(const ProtobufCMessageDescriptor *type, struct bytes wire,
                            struct arena *arena, const ProtobufCMessage **message)
{
    struct unpacking unpacking = {.arena = arena};
    ProtobufCAllocator allocator = {allocate, keep, &unpacking};

    TRY(check_request(type, wire));
    *message = protobuf_c_message_unpack(type, &allocator, wire.size, wire.data);
    if (*message)
        return OK;
    if (unpacking.is_full)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "%s: needs more than %zu bytes of memory once unpacked",
                           type->short_name, arena->bytes_max);
    return status_make(STATUS_INVALID_ARGUMENT, "%s: malformed", type->short_name);
}

struct status codec_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *payload,
                           struct arena *arena, const ProtobufCMessage **message)
{
    grpc_byte_buffer_reader reader;
    grpc_slice *first = NULL;
    struct status status;

    if (!grpc_byte_buffer_reader_init(&reader, payload))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: cannot be decompressed", type->short_name);
    size_t size = grpc_byte_buffer_length(reader.buffer_out);
    if (grpc_byte_buffer_reader_peek(&reader, &first) && GRPC_SLICE_LENGTH(*first) == size) {
        status = unpack(type, bytes_of(GRPC_SLICE_START_PTR(*first), size), arena, message);
    } else if (size == 0) {
        status = unpack(type, bytes_of("", 0), arena, message);
    } else {
        grpc_byte_buffer_reader_destroy(&reader);
        grpc_byte_buffer_reader_init(&reader, payload); /* peek has moved on */
        grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
        status = unpack(type, bytes_of(GRPC_SLICE_START_PTR(whole), GRPC_SLICE_LENGTH(whole)),
                        arena, message);
        grpc_slice_unref(whole);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    return status;
}

static grpc_byte_buffer *wrap(grpc_slice slice)
{
    grpc_byte_buffer *wrapped = grpc_raw_byte_buffer_create(&slice, 1);

    grpc_slice_unref(slice); /* the byte buffer has its own reference */
    return wrapped;
}

static grpc_slice pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));

    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    return slice;
}

grpc_byte_buffer *codec_pack(const ProtobufCMessage *message)
{
    return wrap(pack(message));
}

grpc_byte_buffer *codec_lend(struct buffer *buffer)
{
    assert(buffer_ok(buffer));
    if (!buffer->data)
        return wrap(grpc_empty_slice());
    grpc_slice slice =
        grpc_slice_new_with_user_data(buffer->data, buffer->size, free, buffer->data);
    buffer_init(buffer, buffer->bytes_max);
    return wrap(slice);
}

grpc_slice codec_pack_status(const struct status *status, const ProtobufCMessage *detail)
{
    uint8_t packed[DETAIL_BYTES_MAX];
    char type_url[256];
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any *details[] = {&any};
    Google__Rpc__Status whole = GOOGLE__RPC__STATUS__INIT;

    whole.code = (int32_t)status->code;
    whole.message = (char *)status->message;
    size_t size = protobuf_c_message_get_packed_size(detail);
    if (size <= sizeof packed) {
        snprintf(type_url, sizeof type_url, "type.googleapis.com/%s", detail->descriptor->name);
        any.type_url = type_url;
        any.value.data = packed;
        any.value.len = protobuf_c_message_pack(detail, packed);
        whole.details = details;
        whole.n_details = 1;
    }
    return pack(&whole.base);
}
