#include "server/rpc/outbound.h"

#include <assert.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdlib.h>

#include "server/rpc/codec.h"

enum {
    RESPONSE_BYTES_MAX = 1 << 20,
    RECONNECT_MS_MAX = 5000, /* gRPC alone would wait for up to two minutes */
    REQUEST_OPS = 6,
};

struct outbound {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    grpc_metadata *headers;
    size_t header_count;

    pthread_mutex_t lock;
    grpc_call *underway; /* under the lock, like all below */
    bool is_cancelled;
};

static grpc_channel_credentials *credentials_of(const struct outbound_tls *tls)
{
    if (!tls)
        return grpc_insecure_credentials_create();
    grpc_ssl_pem_key_cert_pair pair = {tls->key, tls->certificate};
    return grpc_ssl_credentials_create_ex(tls->roots, tls->key ? &pair : NULL, NULL, NULL);
}

struct outbound *outbound_open(const struct outbound_options *options)
{
    grpc_arg list[] = {
        {.type = GRPC_ARG_INTEGER,
         .key = (char *)GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
         .value.integer = RECONNECT_MS_MAX},
        {.type = GRPC_ARG_INTEGER,
         .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = RESPONSE_BYTES_MAX},
        {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ENABLE_RETRIES, .value.integer = 0},
    };
    grpc_channel_args arguments = {sizeof list / sizeof *list, list};
    struct outbound *outbound = calloc(1, sizeof *outbound);

    assert(outbound); /* gRPC, too, ends the process when memory does */
    grpc_init();
    grpc_channel_credentials *credentials = credentials_of(options->tls);
    outbound->channel = grpc_channel_create(options->target, credentials, &arguments);
    grpc_channel_credentials_release(credentials);
    outbound->queue = grpc_completion_queue_create_for_pluck(NULL);
    outbound->headers = calloc(options->header_count + 1, sizeof *outbound->headers);
    assert(outbound->headers);
    outbound->header_count = options->header_count;
    for (size_t i = 0; i < options->header_count; i++) {
        outbound->headers[i].key = grpc_slice_from_copied_string(options->headers[i].key);
        outbound->headers[i].value = grpc_slice_from_copied_string(options->headers[i].value);
    }
    pthread_mutex_init(&outbound->lock, NULL);
    return outbound;
}

void outbound_close(struct outbound *outbound)
{
    grpc_completion_queue_shutdown(outbound->queue);
    grpc_completion_queue_destroy(outbound->queue);
    grpc_channel_destroy(outbound->channel);
    for (size_t i = 0; i < outbound->header_count; i++) {
        grpc_slice_unref(outbound->headers[i].key);
        grpc_slice_unref(outbound->headers[i].value);
    }
    free(outbound->headers);
    pthread_mutex_destroy(&outbound->lock);
    free(outbound);
    grpc_shutdown();
}

/* --- one call --------------------------------------------------------------------------------- */

struct exchange {
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *response;
    grpc_status_code code;
    grpc_slice message;
};

static grpc_call *begin(struct outbound *outbound, const char *path, int64_t timeout_us)
{
    grpc_slice method = grpc_slice_from_copied_string(path);
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(timeout_us, GPR_TIMESPAN));
    grpc_call *call = grpc_channel_create_call(outbound->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                               outbound->queue, method, NULL, deadline, NULL);

    grpc_slice_unref(method);
    pthread_mutex_lock(&outbound->lock);
    outbound->underway = call;
    bool is_cancelled = outbound->is_cancelled;
    pthread_mutex_unlock(&outbound->lock);
    if (is_cancelled)
        grpc_call_cancel(call, NULL);
    return call;
}

static void end(struct outbound *outbound, grpc_call *call)
{
    pthread_mutex_lock(&outbound->lock);
    outbound->underway = NULL;
    pthread_mutex_unlock(&outbound->lock);
    grpc_call_unref(call);
}

static void run(struct outbound *outbound, grpc_call *call, grpc_byte_buffer *request,
                struct exchange *exchange)
{
    grpc_op ops[REQUEST_OPS] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .data.send_initial_metadata = {.count = outbound->header_count,
                                        .metadata = outbound->headers}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &exchange->initial},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &exchange->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &exchange->trailing,
                                        .status = &exchange->code,
                                        .status_details = &exchange->message}},
    };

    grpc_call_error error = grpc_call_start_batch(call, ops, REQUEST_OPS, exchange, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    grpc_completion_queue_pluck(outbound->queue, exchange, gpr_inf_future(GPR_CLOCK_MONOTONIC),
                                NULL);
}

static struct status read_answer(const struct exchange *exchange,
                                 const ProtobufCMessageDescriptor *type, struct arena *arena,
                                 const ProtobufCMessage **response)
{
    if (exchange->code != GRPC_STATUS_OK)
        return status_make((enum status_code)exchange->code, "%.*s",
                           (int)GRPC_SLICE_LENGTH(exchange->message),
                           (const char *)GRPC_SLICE_START_PTR(exchange->message));
    if (!exchange->response)
        return status_make(STATUS_INTERNAL, "%s: missing in the answer", type->short_name);
    return codec_unpack(type, exchange->response, RESPONSE_BYTES_MAX, arena, response);
}

struct status outbound_call(struct outbound *outbound, const char *path,
                            const ProtobufCMessage *request,
                            const ProtobufCMessageDescriptor *response_type, int64_t timeout_us,
                            struct arena *arena, const ProtobufCMessage **response)
{
    struct exchange exchange = {.message = grpc_empty_slice()};
    grpc_byte_buffer *packed = codec_pack(request);
    grpc_call *call = begin(outbound, path, timeout_us);

    grpc_metadata_array_init(&exchange.initial);
    grpc_metadata_array_init(&exchange.trailing);
    run(outbound, call, packed, &exchange);
    struct status status = read_answer(&exchange, response_type, arena, response);
    grpc_metadata_array_destroy(&exchange.initial);
    grpc_metadata_array_destroy(&exchange.trailing);
    grpc_slice_unref(exchange.message);
    if (exchange.response)
        grpc_byte_buffer_destroy(exchange.response);
    grpc_byte_buffer_destroy(packed);
    end(outbound, call);
    return status;
}

void outbound_cancel(struct outbound *outbound)
{
    pthread_mutex_lock(&outbound->lock);
    outbound->is_cancelled = true;
    if (outbound->underway)
        grpc_call_cancel(outbound->underway, NULL);
    pthread_mutex_unlock(&outbound->lock);
}
