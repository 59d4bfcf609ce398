#include "tests/support/wire.h"

#include <assert.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>

struct method {
    const char *path;
    void *registered[WIRE_CONNECTIONS_MAX];
};

struct wire {
    grpc_completion_queue *queue;
    grpc_channel *channels[WIRE_CONNECTIONS_MAX];
    unsigned connections;
    struct method methods[WIRE_METHODS_MAX];
    size_t method_count;
    size_t open_calls;
};

/* A tag of the completion queue. Embed it; recover the owner with container_of. */
struct tag {
    void (*run)(struct tag *tag, bool ok);
};

/* What every call receives at its end. */
struct ending {
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_status_code code;
    grpc_slice details;
};

static void start(grpc_call *call, const grpc_op *ops, size_t count, struct tag *tag)
{
    grpc_call_error error = grpc_call_start_batch(call, ops, count, tag, NULL);

    assert(error == GRPC_CALL_OK);
    (void)error;
}

static grpc_byte_buffer *pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));

    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

/* A message's bytes in one piece; unref the slice. */
static grpc_slice read_whole(grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    int opened = grpc_byte_buffer_reader_init(&reader, buffer);

    assert(opened);
    (void)opened;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    return slice;
}

static void ending_init(struct ending *ending)
{
    grpc_metadata_array_init(&ending->initial);
    grpc_metadata_array_init(&ending->trailing);
    ending->details = grpc_empty_slice();
}

static void ending_destroy(struct ending *ending)
{
    grpc_metadata_array_destroy(&ending->initial);
    grpc_metadata_array_destroy(&ending->trailing);
    grpc_slice_unref(ending->details);
}

static struct status ending_status(const struct ending *ending)
{
    if (ending->code == GRPC_STATUS_OK)
        return OK;
    return status_make((enum status_code)ending->code, "%.*s",
                       (int)GRPC_SLICE_LENGTH(ending->details),
                       (const char *)GRPC_SLICE_START_PTR(ending->details));
}

static grpc_op receive_status(struct ending *ending)
{
    return (grpc_op){.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                     .data.recv_status_on_client = {.trailing_metadata = &ending->trailing,
                                                    .status = &ending->code,
                                                    .status_details = &ending->details}};
}

/* --- connections ------------------------------------------------------------ */

struct wire *wire_open(const char *address, unsigned connections)
{
    struct wire *wire = calloc(1, sizeof *wire);
    grpc_arg args[] = {
        /* Channels to one address would share a connection otherwise. */
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = 16 << 20},
    };
    grpc_channel_args channel_args = {.num_args = sizeof args / sizeof *args, .args = args};

    assert(wire && connections >= 1 && connections <= WIRE_CONNECTIONS_MAX);
    grpc_init();
    wire->queue = grpc_completion_queue_create_for_next(NULL);
    wire->connections = connections;
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    for (unsigned i = 0; i < connections; i++)
        wire->channels[i] = grpc_channel_create(address, credentials, &channel_args);
    grpc_channel_credentials_release(credentials);
    return wire;
}

void wire_close(struct wire *wire)
{
    assert(wire->open_calls == 0);
    for (unsigned i = 0; i < wire->connections; i++)
        grpc_channel_destroy(wire->channels[i]);
    grpc_completion_queue_shutdown(wire->queue);
    while (
        grpc_completion_queue_next(wire->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
        GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(wire->queue);
    grpc_shutdown();
    free(wire);
}

size_t wire_open_calls(const struct wire *wire)
{
    return wire->open_calls;
}

static gpr_timespec in_us(int64_t timeout_us)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_micros(timeout_us, GPR_TIMESPAN));
}

bool wire_step(struct wire *wire, int64_t timeout_us)
{
    grpc_event event =
        grpc_completion_queue_next(wire->queue, in_us(timeout_us > 0 ? timeout_us : 0), NULL);

    if (event.type != GRPC_OP_COMPLETE)
        return false;
    struct tag *tag = event.tag;
    tag->run(tag, event.success != 0);
    return true;
}

static void *registered_method(struct wire *wire, unsigned connection, const char *path)
{
    struct method *method = wire->methods;

    while (method < wire->methods + wire->method_count && strcmp(method->path, path) != 0)
        method++;
    if (method == wire->methods + wire->method_count) {
        assert(wire->method_count < WIRE_METHODS_MAX);
        wire->method_count++;
        method->path = path;
        for (unsigned i = 0; i < wire->connections; i++)
            method->registered[i] = grpc_channel_register_call(wire->channels[i], path, NULL, NULL);
    }
    return method->registered[connection % wire->connections];
}

static grpc_call *create_call(struct wire *wire, unsigned connection, const char *path,
                              gpr_timespec deadline)
{
    return grpc_channel_create_registered_call(
        wire->channels[connection % wire->connections], NULL, GRPC_PROPAGATE_DEFAULTS, wire->queue,
        registered_method(wire, connection, path), deadline, NULL);
}

/* --- unary -------------------------------------------------------------------- */

struct unary {
    struct tag finished;
    struct wire *wire;
    grpc_call *call;
    grpc_byte_buffer *response;
    struct ending ending;
    wire_done *done;
    void *context;
};

static void on_finished(struct tag *tag, bool ok)
{
    struct unary *unary = container_of(tag, struct unary, finished);
    struct status status = ending_status(&unary->ending);
    grpc_slice response = grpc_empty_slice();

    (void)ok; /* a batch that receives a status succeeds */
    if (unary->response)
        response = read_whole(unary->response);
    unary->wire->open_calls--;
    unary->done(unary->context, status,
                bytes_of(GRPC_SLICE_START_PTR(response), GRPC_SLICE_LENGTH(response)));

    grpc_slice_unref(response);
    if (unary->response)
        grpc_byte_buffer_destroy(unary->response);
    ending_destroy(&unary->ending);
    grpc_call_unref(unary->call);
    free(unary);
}

void wire_unary(struct wire *wire, unsigned connection, const char *path,
                const ProtobufCMessage *request, int64_t timeout_us, wire_done *done, void *context)
{
    struct unary *unary = calloc(1, sizeof *unary);

    assert(unary);
    unary->finished.run = on_finished;
    unary->wire = wire;
    unary->done = done;
    unary->context = context;
    ending_init(&unary->ending);
    unary->call = create_call(wire, connection, path,
                              timeout_us ? in_us(timeout_us) : gpr_inf_future(GPR_CLOCK_MONOTONIC));

    grpc_byte_buffer *message = pack(request);
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = message},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &unary->ending.initial},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &unary->response},
        receive_status(&unary->ending),
    };
    wire->open_calls++;
    start(unary->call, ops, sizeof ops / sizeof *ops, &unary->finished);
    grpc_byte_buffer_destroy(message);
}

/* --- streams ------------------------------------------------------------------- */

struct wire_stream {
    struct wire *wire;
    grpc_call *call;
    const struct wire_stream_events *events;
    void *context;
    struct ending ending;
    grpc_byte_buffer *incoming;
    unsigned underway; /* batches whose tag has not come yet */
    bool over;         /* the status is there */
    struct tag opened;
    struct tag received;
    struct tag sent;
    struct tag finished;
    struct tag closed;
};

static void stream_start(struct wire_stream *stream, const grpc_op *ops, size_t count,
                         struct tag *tag)
{
    stream->underway++;
    start(stream->call, ops, count, tag);
}

/* The end is told, and the stream freed, with its last tag. */
static void stream_ended_batch(struct wire_stream *stream)
{
    assert(stream->underway > 0);
    if (--stream->underway > 0)
        return;
    assert(stream->over); /* the closed tag is underway until then */
    stream->wire->open_calls--;
    stream->events->ended(stream->context, ending_status(&stream->ending));
    ending_destroy(&stream->ending);
    grpc_call_unref(stream->call);
    free(stream);
}

static void stream_receive(struct wire_stream *stream)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &stream->incoming};

    stream->incoming = NULL;
    stream_start(stream, &op, 1, &stream->received);
}

static void on_received(struct tag *tag, bool ok)
{
    struct wire_stream *stream = container_of(tag, struct wire_stream, received);

    (void)ok;
    if (stream->incoming) {
        grpc_slice slice = read_whole(stream->incoming);
        grpc_byte_buffer_destroy(stream->incoming);
        stream->events->message(stream->context,
                                bytes_of(GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice)));
        grpc_slice_unref(slice);
        stream_receive(stream);
    }
    stream_ended_batch(stream);
}

static void on_stream_sent(struct tag *tag, bool ok)
{
    struct wire_stream *stream = container_of(tag, struct wire_stream, sent);

    if (ok && !stream->over && stream->events->sent)
        stream->events->sent(stream->context);
    stream_ended_batch(stream);
}

static void on_stream_opened(struct tag *tag, bool ok)
{
    (void)ok;
    stream_ended_batch(container_of(tag, struct wire_stream, opened));
}

static void on_stream_finished(struct tag *tag, bool ok)
{
    (void)ok;
    stream_ended_batch(container_of(tag, struct wire_stream, finished));
}

static void on_stream_closed(struct tag *tag, bool ok)
{
    struct wire_stream *stream = container_of(tag, struct wire_stream, closed);

    (void)ok;
    stream->over = true;
    stream_ended_batch(stream);
}

struct wire_stream *wire_stream_open(struct wire *wire, unsigned connection, const char *path,
                                     const ProtobufCMessage *request,
                                     const struct wire_stream_events *events, void *context)
{
    struct wire_stream *stream = calloc(1, sizeof *stream);
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}};
    size_t count = 1;

    assert(stream);
    *stream = (struct wire_stream){
        .wire = wire,
        .events = events,
        .context = context,
        .opened.run = on_stream_opened,
        .received.run = on_received,
        .sent.run = on_stream_sent,
        .finished.run = on_stream_finished,
        .closed.run = on_stream_closed,
    };
    ending_init(&stream->ending);
    stream->call = create_call(wire, connection, path, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    wire->open_calls++;

    grpc_byte_buffer *message = request ? pack(request) : NULL;
    if (message) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = message;
        ops[count++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    }
    ops[count].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[count++].data.recv_initial_metadata.recv_initial_metadata = &stream->ending.initial;

    grpc_op status = receive_status(&stream->ending);
    stream_start(stream, &status, 1, &stream->closed);
    stream_start(stream, ops, count, &stream->opened);
    stream_receive(stream);
    if (message)
        grpc_byte_buffer_destroy(message);
    return stream;
}

void wire_stream_send(struct wire_stream *stream, const ProtobufCMessage *message)
{
    grpc_byte_buffer *buffer = pack(message);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};

    stream_start(stream, &op, 1, &stream->sent);
    grpc_byte_buffer_destroy(buffer);
}

void wire_stream_finish(struct wire_stream *stream)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

    stream_start(stream, &op, 1, &stream->finished);
}

void wire_stream_cancel(struct wire_stream *stream)
{
    grpc_call_cancel(stream->call, NULL);
}
