#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>

#include "clients/c/client.h"

gpr_timespec client_deadline(const struct sagabase_options *options)
{
    if (!options || options->timeout_ms <= 0)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(options->timeout_ms, GPR_TIMESPAN));
}

uint32_t client_call_flags(const struct sagabase_options *options)
{
    return options && options->wait_for_server ? GRPC_INITIAL_METADATA_WAIT_FOR_READY : 0;
}

static void add_header(struct client_headers *headers, const char *key, const char *value)
{
    if (!value || !value[0])
        return;
    headers->entries[headers->count++] = (grpc_metadata){
        .key = grpc_slice_from_static_string(key), .value = grpc_slice_from_copied_string(value)};
}

void client_headers_init(struct client_headers *headers, const struct sagabase_options *options)
{
    *headers = (struct client_headers){.count = 0};
    if (!options)
        return;
    add_header(headers, "traceparent", options->traceparent);
    add_header(headers, "tracestate", options->tracestate);
}

void client_headers_destroy(struct client_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        grpc_slice_unref(headers->entries[i].value);
}

grpc_call *client_call(struct sagabase_client *client, const char *path, gpr_timespec deadline,
                       grpc_completion_queue *queue)
{
    grpc_call *call =
        grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                 grpc_slice_from_static_string(path), NULL, deadline, NULL);
    assert(call);
    return call;
}

void client_start(grpc_call *call, const grpc_op *ops, size_t count, void *tag)
{
    grpc_call_error error = grpc_call_start_batch(call, ops, count, tag, NULL);

    assert(error == GRPC_CALL_OK);
    (void)error;
}

bool client_wait(grpc_completion_queue *queue, void *tag)
{
    grpc_event event =
        grpc_completion_queue_pluck(queue, tag, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

    assert(event.type == GRPC_OP_COMPLETE && event.tag == tag);
    return event.success != 0;
}

void client_queue_destroy(grpc_completion_queue *queue)
{
    grpc_completion_queue_shutdown(queue);
    grpc_event event =
        grpc_completion_queue_pluck(queue, NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    assert(event.type == GRPC_QUEUE_SHUTDOWN);
    (void)event;
    grpc_completion_queue_destroy(queue);
}

grpc_byte_buffer *client_pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *packed = grpc_raw_byte_buffer_create(&slice, 1);

    grpc_slice_unref(slice);
    return packed;
}

ProtobufCMessage *client_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *packed,
                                ProtobufCAllocator *allocator)
{
    grpc_byte_buffer_reader reader;
    ProtobufCMessage *message = NULL;

    if (grpc_byte_buffer_reader_init(&reader, packed)) {
        grpc_slice bytes = grpc_byte_buffer_reader_readall(&reader);
        message = protobuf_c_message_unpack(type, allocator, GRPC_SLICE_LENGTH(bytes),
                                            GRPC_SLICE_START_PTR(bytes));
        grpc_slice_unref(bytes);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(packed);
    return message;
}
