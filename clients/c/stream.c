#include "clients/c/stream.h"

#include <grpc/byte_buffer.h>

enum { MESSAGE_MEMORY_MAX = 16 * RECEIVED_BYTES_MAX }; /* one message, unpacked */

static const char cancelled_text[] = "cancelled by the client";

static void start_sending(struct client_stream *stream, const ProtobufCMessage *request,
                          uint32_t flags)
{
    grpc_byte_buffer *packed = request ? client_pack(request) : NULL;
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .flags = flags,
         .data.send_initial_metadata = {.count = stream->headers.count,
                                        .metadata = stream->headers.entries}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = packed},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
    };

    client_start(stream->call, ops, packed ? 3 : 1, &stream->sent);
    if (packed)
        grpc_byte_buffer_destroy(packed);
    stream->opening = true; /* for how long depends on the server: nobody waits for it here */
}

/* Whether the call can be sent on; if not, client_stream_receive tells why. */
static bool finish_opening(struct client_stream *stream)
{
    bool opened = !stream->opening || client_wait(stream->queue, &stream->sent);

    stream->opening = false;
    return opened;
}

void client_stream_open(struct client_stream *stream, struct sagabase_client *client,
                        const char *path, const ProtobufCMessageDescriptor *response_type,
                        const ProtobufCMessage *request, const struct sagabase_options *options)
{
    grpc_op recv_initial = {.op = GRPC_OP_RECV_INITIAL_METADATA,
                            .data.recv_initial_metadata.recv_initial_metadata = &stream->initial};
    grpc_op recv_status = {
        .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &stream->end.trailing,
                                       .status = &stream->end.code,
                                       .status_details = &stream->end.message}};

    *stream = (struct client_stream){.path = path, .response_type = response_type};
    stream->queue = grpc_completion_queue_create_for_pluck(NULL);
    stream->call = client_call(client, path, client_deadline(options), stream->queue);
    arena_init(&stream->arena, MESSAGE_MEMORY_MAX);
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->end.trailing);
    stream->end.message = grpc_empty_slice();
    client_headers_init(&stream->headers, options);

    client_start(stream->call, &recv_status, 1, &stream->end);
    client_start(stream->call, &recv_initial, 1, &stream->initial);
    start_sending(stream, request, client_call_flags(options));
}

static struct sagabase_status end(struct client_stream *stream)
{
    client_wait(stream->queue, &stream->end);
    if (stream->end.code == GRPC_STATUS_CANCELLED && atomic_load(&stream->cancelled))
        stream->status = client_status(SAGABASE_CANCELLED, "%s", cancelled_text);
    else
        stream->status =
            client_status_of_call(stream->end.code, stream->end.message, &stream->end.trailing);
    stream->ended = true;
    return stream->status;
}

static void *message_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void message_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

struct sagabase_status client_stream_receive(struct client_stream *stream,
                                             const ProtobufCMessage **message)
{
    ProtobufCAllocator allocator = {message_alloc, message_free, &stream->arena};
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE,
                       .data.recv_message.recv_message = &stream->received};

    *message = NULL;
    arena_destroy(&stream->arena);
    arena_init(&stream->arena, MESSAGE_MEMORY_MAX);
    if (stream->ended)
        return stream->status;
    client_start(stream->call, &receive, 1, &stream->received);
    client_wait(stream->queue, &stream->received);
    if (!stream->received)
        return end(stream);

    *message = client_unpack(stream->response_type, stream->received, &allocator);
    stream->received = NULL;
    if (*message)
        return SAGABASE_STATUS_OK;
    client_stream_cancel(stream);
    end(stream);
    stream->status = client_status(SAGABASE_INTERNAL, "%s: malformed response", stream->path);
    return stream->status;
}

static bool send_and_wait(struct client_stream *stream, grpc_op op)
{
    if (!finish_opening(stream))
        return false;
    client_start(stream->call, &op, 1, &stream->sent);
    return client_wait(stream->queue, &stream->sent);
}

bool client_stream_send(struct client_stream *stream, const ProtobufCMessage *message)
{
    grpc_byte_buffer *packed = client_pack(message);
    bool ok = send_and_wait(
        stream, (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = packed});

    grpc_byte_buffer_destroy(packed);
    return ok;
}

bool client_stream_finish_sending(struct client_stream *stream)
{
    return send_and_wait(stream, (grpc_op){.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT});
}

void client_stream_cancel(struct client_stream *stream)
{
    atomic_store(&stream->cancelled, true);
    grpc_call_cancel_with_status(stream->call, GRPC_STATUS_CANCELLED, cancelled_text, NULL);
}

void client_stream_close(struct client_stream *stream)
{
    if (!stream->ended) {
        client_stream_cancel(stream);
        end(stream);
    }
    finish_opening(stream);
    client_wait(stream->queue, &stream->initial);
    client_headers_destroy(&stream->headers);
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->end.trailing);
    grpc_slice_unref(stream->end.message);
    grpc_call_unref(stream->call);
    client_queue_destroy(stream->queue);
    arena_destroy(&stream->arena);
}
