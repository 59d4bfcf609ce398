/* Calls with one request and one response: each on a completion queue of its own, so that any
 * number of threads may wait at once. */
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/support/time.h>

#include "clients/c/client.h"

enum { BACK_OFF_MS_MIN = 50, BACK_OFF_MS_MAX = 5000 };

/* One call, which may be tried more than once. */
struct unary {
    struct sagabase_client *client;
    const struct client_method *method;
    grpc_completion_queue *queue;
    grpc_byte_buffer *request;
    struct client_headers headers;
    gpr_timespec deadline;
    uint32_t flags;
};

/* What a batch of a unary call fills in. */
struct outcome {
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *response;
    grpc_status_code code;
    grpc_slice message;
};

static void exchange(grpc_call *call, const struct unary *unary, grpc_byte_buffer *request,
                     struct outcome *outcome)
{
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .flags = unary->flags,
         .data.send_initial_metadata = {.count = unary->headers.count,
                                        .metadata = (grpc_metadata *)unary->headers.entries}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &outcome->initial},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &outcome->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &outcome->trailing,
                                        .status = &outcome->code,
                                        .status_details = &outcome->message}},
    };

    client_start(call, ops, sizeof ops / sizeof *ops, outcome);
    client_wait(unary->queue, outcome); /* always well: how the call ended is in its status */
}

static struct sagabase_status read_outcome(const struct client_method *method,
                                           struct outcome *outcome, ProtobufCMessage **response)
{
    if (outcome->code != GRPC_STATUS_OK)
        return client_status_of_call(outcome->code, outcome->message, &outcome->trailing);
    if (!outcome->response)
        return client_status(SAGABASE_INTERNAL, "%s: answered without a response", method->path);

    ProtobufCMessage *message = client_unpack(method->response_type, outcome->response, NULL);
    outcome->response = NULL;
    if (!message)
        return client_status(SAGABASE_INTERNAL, "%s: malformed response", method->path);
    *response = message;
    return SAGABASE_STATUS_OK;
}

static struct sagabase_status attempt(const struct unary *unary, ProtobufCMessage **response)
{
    grpc_call *call =
        client_call(unary->client, unary->method->path, unary->deadline, unary->queue);
    grpc_byte_buffer *request = grpc_byte_buffer_copy(unary->request); /* a batch empties it */
    struct outcome outcome = {.message = grpc_empty_slice()};

    grpc_metadata_array_init(&outcome.initial);
    grpc_metadata_array_init(&outcome.trailing);
    exchange(call, unary, request, &outcome);
    grpc_byte_buffer_destroy(request);
    struct sagabase_status status = read_outcome(unary->method, &outcome, response);

    if (outcome.response)
        grpc_byte_buffer_destroy(outcome.response);
    grpc_slice_unref(outcome.message);
    grpc_metadata_array_destroy(&outcome.initial);
    grpc_metadata_array_destroy(&outcome.trailing);
    grpc_call_unref(call);
    return status;
}

/* Waits, and works on the connection meanwhile: gRPC makes progress only while someone waits on
 * a queue that has to do with the channel. */
static void back_off(const struct unary *unary, int64_t ms)
{
    grpc_channel *channel = unary->client->channel;
    gpr_timespec until =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
    bool changed;

    until = gpr_time_min(until, unary->deadline);
    do {
        grpc_connectivity_state state = grpc_channel_check_connectivity_state(channel, 1);
        grpc_channel_watch_connectivity_state(channel, state, until, unary->queue, &until);
        changed = client_wait(unary->queue, &until);
    } while (changed);
}

struct sagabase_status client_unary(struct sagabase_client *client,
                                    const struct client_method *method,
                                    const ProtobufCMessage *request,
                                    const struct sagabase_options *options,
                                    ProtobufCMessage **response)
{
    struct unary unary = {.client = client,
                          .method = method,
                          .queue = grpc_completion_queue_create_for_pluck(NULL),
                          .request = client_pack(request),
                          .deadline = client_deadline(options),
                          .flags = client_call_flags(options)};
    unsigned retries = options ? options->retries : 0;
    int64_t wait_ms = BACK_OFF_MS_MIN;
    client_headers_init(&unary.headers, options);
    struct sagabase_status status = attempt(&unary, response);

    while (status.code == SAGABASE_UNAVAILABLE && retries-- > 0) {
        back_off(&unary, wait_ms);
        wait_ms = wait_ms * 2 < BACK_OFF_MS_MAX ? wait_ms * 2 : BACK_OFF_MS_MAX;
        status = attempt(&unary, response);
    }
    grpc_byte_buffer_destroy(unary.request);
    client_headers_destroy(&unary.headers);
    client_queue_destroy(unary.queue);
    return status;
}

struct sagabase_status sagabase_append_to_stream(struct sagabase_client *client,
                                                 const Sagabase__V1__AppendToStreamRequest *request,
                                                 const struct sagabase_options *options,
                                                 Sagabase__V1__AppendToStreamResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.EventStore/AppendToStream",
        &sagabase__v1__append_to_stream_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_append(struct sagabase_client *client,
                                       const Sagabase__V1__AppendRequest *request,
                                       const struct sagabase_options *options,
                                       Sagabase__V1__AppendResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.EventStore/Append",
                                                &sagabase__v1__append_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_stream(struct sagabase_client *client,
                                           const Sagabase__V1__GetStreamRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__GetStreamResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.EventStore/GetStream",
                                                &sagabase__v1__get_stream_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_streams(struct sagabase_client *client,
                                             const Sagabase__V1__ListStreamsRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__ListStreamsResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.EventStore/ListStreams",
                                                &sagabase__v1__list_streams_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_event_types(struct sagabase_client *client,
                                                 const Sagabase__V1__ListEventTypesRequest *request,
                                                 const struct sagabase_options *options,
                                                 Sagabase__V1__ListEventTypesResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.EventStore/ListEventTypes",
        &sagabase__v1__list_event_types_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_categories(struct sagabase_client *client,
                                                const Sagabase__V1__ListCategoriesRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__ListCategoriesResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.EventStore/ListCategories",
        &sagabase__v1__list_categories_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_set_stream_policy(
    struct sagabase_client *client, const Sagabase__V1__SetStreamPolicyRequest *request,
    const struct sagabase_options *options, Sagabase__V1__SetStreamPolicyResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.EventStore/SetStreamPolicy",
        &sagabase__v1__set_stream_policy_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_stream_policy(
    struct sagabase_client *client, const Sagabase__V1__GetStreamPolicyRequest *request,
    const struct sagabase_options *options, Sagabase__V1__GetStreamPolicyResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.EventStore/GetStreamPolicy",
        &sagabase__v1__get_stream_policy_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_delete_stream(struct sagabase_client *client,
                                              const Sagabase__V1__DeleteStreamRequest *request,
                                              const struct sagabase_options *options,
                                              Sagabase__V1__DeleteStreamResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.EventStore/DeleteStream",
                                                &sagabase__v1__delete_stream_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_tombstone_stream(
    struct sagabase_client *client, const Sagabase__V1__TombstoneStreamRequest *request,
    const struct sagabase_options *options, Sagabase__V1__TombstoneStreamResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.EventStore/TombstoneStream",
        &sagabase__v1__tombstone_stream_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_erase_stream(struct sagabase_client *client,
                                             const Sagabase__V1__EraseStreamRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__EraseStreamResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.EventStore/EraseStream",
                                                &sagabase__v1__erase_stream_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_erase_event(struct sagabase_client *client,
                                            const Sagabase__V1__EraseEventRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__EraseEventResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.EventStore/EraseEvent",
                                                &sagabase__v1__erase_event_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_info(struct sagabase_client *client,
                                         const Sagabase__V1__GetInfoRequest *request,
                                         const struct sagabase_options *options,
                                         Sagabase__V1__GetInfoResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Admin/GetInfo",
                                                &sagabase__v1__get_info_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_checkpoint(struct sagabase_client *client,
                                           const Sagabase__V1__CheckpointRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__CheckpointResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Admin/Checkpoint",
                                                &sagabase__v1__checkpoint_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_start_scavenge(struct sagabase_client *client,
                                               const Sagabase__V1__StartScavengeRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__StartScavengeResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Admin/StartScavenge",
                                                &sagabase__v1__start_scavenge_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_scavenge(struct sagabase_client *client,
                                             const Sagabase__V1__GetScavengeRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__GetScavengeResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Admin/GetScavenge",
                                                &sagabase__v1__get_scavenge_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_cancel_scavenge(struct sagabase_client *client,
                                                const Sagabase__V1__CancelScavengeRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__CancelScavengeResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.Admin/CancelScavenge", &sagabase__v1__cancel_scavenge_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_set_log_level(struct sagabase_client *client,
                                              const Sagabase__V1__SetLogLevelRequest *request,
                                              const struct sagabase_options *options,
                                              Sagabase__V1__SetLogLevelResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Admin/SetLogLevel",
                                                &sagabase__v1__set_log_level_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}
