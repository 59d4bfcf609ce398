#include "server/rpc/codec.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "google/rpc/status.pb-c.h"
#include "server/wire/check.h"
#include "server/wire/unpack.h"

enum { INFLATE_BYTES = 64 << 10 }; /* at a time */

static struct status unpack(const ProtobufCMessageDescriptor *type, struct bytes wire,
                            struct arena *arena, const ProtobufCMessage **message)
{
    bool is_full;

    TRY(check_request(type, wire));
    *message = unpack_within(type, wire, arena, &is_full);
    if (*message)
        return OK;
    if (is_full)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "%s: needs more than %zu bytes of memory once unpacked",
                           type->short_name, arena->bytes_max);
    return status_make(STATUS_INVALID_ARGUMENT, "%s: malformed", type->short_name);
}

/* One turn of inflate() into the next room of `whole`; one byte more than allowed tells
 * that the message is too large. */
static int inflate_some(z_stream *stream, struct buffer *whole)
{
    size_t left = whole->bytes_max - whole->size;
    size_t room = left < INFLATE_BYTES ? left : INFLATE_BYTES;

    stream->next_out = buffer_reserve(whole, room);
    stream->avail_out = stream->next_out ? (uInt)room : 0;
    int result = inflate(stream, Z_NO_FLUSH);
    whole->size += stream->next_out ? room - stream->avail_out : 0;
    return result;
}

/* False: not gzip or deflate, or cut short. gRPC could do this, too, but without a
 * limit: 4 MiB may become 4 GiB. */
static bool decompress(const grpc_slice_buffer *slices, struct buffer *whole)
{
    z_stream stream = {0};
    int result = inflateInit2(&stream, MAX_WBITS + 32); /* 32: either format */

    for (size_t i = 0; i < slices->count && result == Z_OK; i++) {
        stream.next_in = GRPC_SLICE_START_PTR(slices->slices[i]);
        stream.avail_in = (uInt)GRPC_SLICE_LENGTH(slices->slices[i]);
        do
            result = inflate_some(&stream, whole);
        while (result == Z_OK && whole->size < whole->bytes_max);
        if (result == Z_BUF_ERROR)
            result = Z_OK; /* it wants the next slice */
    }
    inflateEnd(&stream);
    return result == Z_STREAM_END || whole->size == whole->bytes_max;
}

static struct status unpack_compressed(const ProtobufCMessageDescriptor *type,
                                       const grpc_slice_buffer *slices, size_t bytes_max,
                                       struct arena *arena, const ProtobufCMessage **message)
{
    struct buffer whole;
    struct status status;

    buffer_init(&whole, bytes_max + 1);
    if (!decompress(slices, &whole))
        status =
            status_make(STATUS_INVALID_ARGUMENT, "%s: cannot be decompressed", type->short_name);
    else if (whole.size > bytes_max)
        status =
            status_make(STATUS_RESOURCE_EXHAUSTED, "%s: larger than %zu bytes once decompressed",
                        type->short_name, bytes_max);
    else
        status = unpack(type, buffer_bytes(&whole), arena, message);
    buffer_destroy(&whole);
    return status;
}

static struct status unpack_slices(const ProtobufCMessageDescriptor *type,
                                   const grpc_slice_buffer *slices, struct arena *arena,
                                   const ProtobufCMessage **message)
{
    struct buffer whole;

    buffer_init(&whole, slices->length);
    for (size_t i = 0; i < slices->count; i++)
        buffer_put(&whole, bytes_of(GRPC_SLICE_START_PTR(slices->slices[i]),
                                    GRPC_SLICE_LENGTH(slices->slices[i])));
    struct status status = buffer_ok(&whole) ? unpack(type, buffer_bytes(&whole), arena, message)
                                             : status_make(STATUS_RESOURCE_EXHAUSTED,
                                                           "%s: out of memory", type->short_name);
    buffer_destroy(&whole);
    return status;
}

struct status codec_unpack(const ProtobufCMessageDescriptor *type, const grpc_byte_buffer *payload,
                           size_t bytes_max, struct arena *arena, const ProtobufCMessage **message)
{
    const grpc_slice_buffer *slices = &payload->data.raw.slice_buffer;

    if (payload->data.raw.compression != GRPC_COMPRESS_NONE)
        return unpack_compressed(type, slices, bytes_max, arena, message);
    if (slices->count != 1)
        return unpack_slices(type, slices, arena, message);
    struct bytes wire = bytes_of(GRPC_SLICE_START_PTR(slices->slices[0]), slices->length);
    return unpack(type, wire, arena, message);
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
