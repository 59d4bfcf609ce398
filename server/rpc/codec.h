/* From bytes on the wire to messages and back. */
#ifndef SERVER_RPC_CODEC_H
#define SERVER_RPC_CODEC_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

enum { DETAIL_BYTES_MAX = 4096 }; /* peers take 8 KiB of metadata by default */

/* Decompresses, checks and unpacks into the arena; the payload may be destroyed
 * afterwards. INVALID_ARGUMENT: malformed; RESOURCE_EXHAUSTED: larger than `bytes_max` once
 * decompressed, too many fields, or the arena is full. */
struct status codec_unpack(const ProtobufCMessageDescriptor *type, const grpc_byte_buffer *payload,
                           size_t bytes_max, struct arena *arena, const ProtobufCMessage **message);

/* The caller destroys the byte buffer. */
grpc_byte_buffer *codec_pack(const ProtobufCMessage *message);

/* The same for bytes that are packed already; takes the buffer's memory and empties it. */
grpc_byte_buffer *codec_lend(struct buffer *buffer);

/* A google.rpc.Status that holds `detail`, without it if that is too large.
 * The caller unrefs the slice. */
grpc_slice codec_pack_status(const struct status *status, const ProtobufCMessage *detail);

#endif
