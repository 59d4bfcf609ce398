#include "tests/support/rpc_client.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 60000 }; /* only a bug takes that long */

struct rpc_client {
    grpc_channel *channel;
};

struct rpc_call {
    grpc_call *grpc;
    grpc_completion_queue *queue;
    grpc_metadata_array headers;
    grpc_metadata_array trailers;
    grpc_status_code code;
    grpc_slice text;
    char finished; /* its address is the tag */
    bool is_finished;
};

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static struct rpc_client *create(int port, grpc_compression_algorithm compression)
{
    struct rpc_client *client = calloc(1, sizeof *client);
    char address[64];
    grpc_arg list[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1),
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1), /* a connection of its own */
        integer(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, (int)compression),
    };
    grpc_channel_args arguments = {sizeof list / sizeof *list, list};

    grpc_init();
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    client->channel = grpc_channel_create(address, credentials, &arguments);
    grpc_channel_credentials_release(credentials);
    return client;
}

struct rpc_client *rpc_client_create(int port)
{
    return create(port, GRPC_COMPRESS_NONE);
}

struct rpc_client *rpc_client_create_gzip(int port)
{
    return create(port, GRPC_COMPRESS_GZIP);
}

void rpc_client_free(struct rpc_client *client)
{
    grpc_channel_destroy(client->channel);
    free(client);
    grpc_shutdown();
}

static gpr_timespec in_ms(int64_t ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static bool wait_for(struct rpc_call *call, void *tag)
{
    grpc_event event = grpc_completion_queue_pluck(call->queue, tag, in_ms(WAIT_MS), NULL);

    assert(event.type == GRPC_OP_COMPLETE);
    return event.success != 0;
}

static bool run(struct rpc_call *call, const grpc_op *op)
{
    char tag;
    grpc_call_error error = grpc_call_start_batch(call->grpc, op, 1, &tag, NULL);

    assert(error == GRPC_CALL_OK);
    (void)error;
    return wait_for(call, &tag);
}

struct rpc_call *rpc_call_open(struct rpc_client *client, const char *path, int64_t deadline_ms)
{
    struct rpc_call *call = calloc(1, sizeof *call);
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_INITIAL_METADATA}, {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    grpc_op open = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    grpc_slice method = grpc_slice_from_copied_string(path);

    call->queue = grpc_completion_queue_create_for_pluck(NULL);
    call->grpc =
        grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, call->queue,
                                 method, NULL, in_ms(deadline_ms ? deadline_ms : WAIT_MS), NULL);
    grpc_slice_unref(method);
    grpc_metadata_array_init(&call->headers);
    grpc_metadata_array_init(&call->trailers);
    ops[0].data.recv_initial_metadata.recv_initial_metadata = &call->headers;
    ops[1].data.recv_status_on_client.status = &call->code;
    ops[1].data.recv_status_on_client.status_details = &call->text;
    ops[1].data.recv_status_on_client.trailing_metadata = &call->trailers;
    grpc_call_error error = grpc_call_start_batch(call->grpc, ops, 2, &call->finished, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    run(call, &open);
    return call;
}

void rpc_call_free(struct rpc_call *call)
{
    rpc_call_cancel(call);
    rpc_call_finish(call);
    grpc_metadata_array_destroy(&call->headers);
    grpc_metadata_array_destroy(&call->trailers);
    grpc_slice_unref(call->text);
    grpc_call_unref(call->grpc);
    grpc_completion_queue_shutdown(call->queue);
    grpc_completion_queue_destroy(call->queue);
    free(call);
}

bool rpc_call_send_bytes(struct rpc_call *call, struct bytes message)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)message.data, message.size);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

    op.data.send_message.send_message = grpc_raw_byte_buffer_create(&slice, 1);
    bool ok = run(call, &op);
    grpc_byte_buffer_destroy(op.data.send_message.send_message);
    grpc_slice_unref(slice);
    return ok;
}

bool rpc_call_send(struct rpc_call *call, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);

    protobuf_c_message_pack(message, packed);
    bool ok = rpc_call_send_bytes(call, bytes_of(packed, size));
    free(packed);
    return ok;
}

bool rpc_call_half_close(struct rpc_call *call)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    return run(call, &op);
}

static grpc_byte_buffer *receive(struct rpc_call *call)
{
    grpc_byte_buffer *payload = NULL;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    op.data.recv_message.recv_message = &payload;
    run(call, &op);
    return payload;
}

void *rpc_call_receive(struct rpc_call *call, const ProtobufCMessageDescriptor *type)
{
    grpc_byte_buffer *payload = receive(call);
    grpc_byte_buffer_reader reader;

    if (!payload)
        return NULL;
    grpc_byte_buffer_reader_init(&reader, payload);
    grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
    void *message = protobuf_c_message_unpack(type, NULL, GRPC_SLICE_LENGTH(whole),
                                              GRPC_SLICE_START_PTR(whole));
    grpc_slice_unref(whole);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(payload);
    assert(message);
    return message;
}

void rpc_call_cancel(struct rpc_call *call)
{
    grpc_call_cancel(call->grpc, NULL);
}

struct status rpc_call_finish(struct rpc_call *call)
{
    grpc_byte_buffer *payload;

    /* gRPC tells the status only after the last message was read. */
    while (!call->is_finished && (payload = receive(call)))
        grpc_byte_buffer_destroy(payload);
    if (!call->is_finished)
        wait_for(call, &call->finished);
    call->is_finished = true;
    return status_make((enum status_code)call->code, "%.*s", (int)GRPC_SLICE_LENGTH(call->text),
                       (const char *)GRPC_SLICE_START_PTR(call->text));
}

struct bytes rpc_call_details(const struct rpc_call *call)
{
    for (size_t i = 0; i < call->trailers.count; i++) {
        const grpc_metadata *entry = &call->trailers.metadata[i];
        if (grpc_slice_str_cmp(entry->key, "grpc-status-details-bin") == 0)
            return bytes_of(GRPC_SLICE_START_PTR(entry->value), GRPC_SLICE_LENGTH(entry->value));
    }
    return (struct bytes){0};
}

struct status rpc_client_ask(struct rpc_client *client, const char *path,
                             const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *type, void *response)
{
    struct rpc_call *call = rpc_call_open(client, path, 0);

    rpc_call_send(call, request);
    rpc_call_half_close(call);
    void *message = rpc_call_receive(call, type);
    struct status status = rpc_call_finish(call);
    rpc_call_free(call);
    if (response)
        *(void **)response = message;
    else if (message)
        protobuf_c_message_free_unpacked(message, NULL);
    return status;
}
