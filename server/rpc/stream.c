/* What streams add to a call: messages in both directions, one at a time each,
 * and the peer that may leave at any moment.
 *
 * `left` is underway from the start. When it ends before we have sent the status, the
 * peer is gone; after, it only says that the status was taken. Either way it is what
 * `closed` waits for, together with whatever else is underway. */
#include <assert.h>
#include <inttypes.h>

#include "base/clock.h"
#include "server/rpc/call_internal.h"
#include "server/rpc/codec.h"
#include "server/rpc/server_internal.h"

static void on_left(struct step *step, bool ok);
static void on_sent(struct step *step, bool ok);
static void on_received(struct step *step, bool ok);

void stream_open(struct call *call)
{
    grpc_op left = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    struct loop *loop = call->loop;

    call->left.run = on_left;
    call->sent.run = on_sent;
    call->received.run = on_received;
    call->next = loop->streams;
    if (call->next)
        call->next->previous = call;
    loop->streams = call;

    left.data.recv_close_on_server.cancelled = &call->cancelled;
    call->opening_due = true;
    call_start(call, &left, 1, &call->left);
}

/* Initial metadata go with the first thing that is sent: whoever answers at once sends once. */
static size_t put_opening(struct call *call, grpc_op *ops)
{
    if (!call->opening_due)
        return 0;
    call->opening_due = false;
    ops[0] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    return 1;
}

void stream_greet(struct call *call)
{
    grpc_op op;

    if (!call->ended && put_opening(call, &op))
        call_start(call, &op, 1, &call->opened);
}

void stream_close(struct call *call)
{
    if (call->next)
        call->next->previous = call->previous;
    if (call->previous)
        call->previous->next = call->next;
    else
        call->loop->streams = call->next;
}

void streams_end(struct loop *loop)
{
    struct status status = status_make(STATUS_UNAVAILABLE, "server shutting down");

    if (loop->stopping)
        return;
    loop->stopping = true;
    for (struct call *call = loop->streams; call; call = call->next)
        if (!call->ended && call->on_stopping)
            call->on_stopping->run(call->on_stopping, true);
        else if (!call->ended)
            call_finish(call, status);
}

/* Something is being sent, the status included: the client has to take it in time. */
static void await_taken(struct call *call)
{
    int64_t timeout_ms = call->loop->server->options.stall_timeout_ms;

    if (timeout_ms > 0)
        timers_set(&call->loop->stalls, &call->stall,
                   clock_monotonic_us(system_clock()) + timeout_ms * 1000);
}

/* A status would have to wait behind what is not taken; a cancellation passes it. */
void stream_give_up(struct call *call)
{
    call->ended = true;
    call->status_due = false;
    call->status = status_make(STATUS_RESOURCE_EXHAUSTED,
                               "stall timeout: nothing was taken for %" PRId64 " ms",
                               call->loop->server->options.stall_timeout_ms);
    counter_add_alone(&call->loop->counts.stalled, 1);
    grpc_call_cancel_with_status(call->grpc, GRPC_STATUS_RESOURCE_EXHAUSTED, call->status.message,
                                 NULL);
}

/* `packed`: the last message, which goes before it; NULL: there is none. */
static void send_status(struct call *call, grpc_byte_buffer *packed)
{
    grpc_slice text = grpc_slice_from_copied_string(call->status.message);
    grpc_op ops[3] = {0};
    size_t count = put_opening(call, ops);

    if (packed) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = packed;
    }
    grpc_op *op = &ops[count++];
    op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    op->data.send_status_from_server.status = (grpc_status_code)call->status.code;
    op->data.send_status_from_server.status_details = status_ok(call->status) ? NULL : &text;
    op->data.send_status_from_server.trailing_metadata_count = call->has_detail;
    op->data.send_status_from_server.trailing_metadata = &call->detail;
    call_start(call, ops, count, &call->finished);
    await_taken(call);
    grpc_slice_unref(text);
}

void stream_finish_with(struct call *call, grpc_byte_buffer *packed)
{
    assert(!call->on_sent);
    send_status(call, packed);
}

void stream_finish(struct call *call)
{
    call->status_due = true;
    stream_settle(call);
}

/* The status waits for the message that is being sent. */
void stream_settle(struct call *call)
{
    if (!call->status_due || call->on_sent)
        return;
    call->status_due = false;
    send_status(call, NULL);
}

static void on_left(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct call, left);

    (void)ok; /* always */
    call->tags--;
    if (!call->ended)
        call->status.code = STATUS_CANCELLED; /* as it is counted */
    call->ended = true;
    call->status_due = false; /* nobody is there to take it */
    call_settle(call);
}

/* A handler's step for an operation that cannot start any more: the tag goes
 * round through the inbox, so that no step runs inside the handler's call. */
static void bounce(struct call *call, struct step *tag)
{
    call->tags++;
    call_wake(call, tag);
}

static void send(struct call *call, grpc_byte_buffer *packed, struct step *sent)
{
    grpc_op ops[2] = {0};

    assert(call_is_stream(call));
    assert(!call->on_sent);
    call->on_sent = sent;
    if (call->ended) {
        bounce(call, &call->sent);
    } else {
        size_t count = put_opening(call, ops);
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = packed;
        call_start(call, ops, count, &call->sent);
        await_taken(call);
    }
    grpc_byte_buffer_destroy(packed); /* the batch has its own reference */
}

void call_send(struct call *call, const ProtobufCMessage *message, struct step *sent)
{
    send(call, codec_pack(message), sent);
}

void call_send_packed(struct call *call, struct buffer *message, struct step *sent)
{
    send(call, codec_lend(message), sent);
}

static void on_sent(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct call, sent);
    struct step *sent = call->on_sent;

    call->tags--;
    call->on_sent = NULL;
    timers_unset(&call->loop->stalls, &call->stall);
    sent->run(sent, ok && !call->ended);
    call_settle(call);
}

void call_receive(struct call *call, struct arena *arena, struct step *received)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    assert(call->row && call->row->method->kind == METHOD_BIDI_STREAM);
    assert(!call->on_received);
    call->on_received = received;
    call->receive_arena = arena;
    call->message = NULL;
    op.data.recv_message.recv_message = &call->payload;
    if (call->ended)
        bounce(call, &call->received);
    else
        call_start(call, &op, 1, &call->received);
}

const ProtobufCMessage *call_received(const struct call *call)
{
    return call->message;
}

/* True if there is a message, or if the client has sent its last. */
static bool take_message(struct call *call)
{
    if (!call->payload)
        return !call->ended && !grpc_call_failed_before_recv_message(call->grpc);

    const ProtobufCMessage *message = NULL;
    struct status status = OK;
    if (!call->ended)
        status = call_unpack(call, call->receive_arena, &message);
    grpc_byte_buffer_destroy(call->payload);
    call->payload = NULL;
    if (!status_ok(status))
        call_finish(call, status);
    call->message = message;
    return message != NULL;
}

static void on_received(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct call, received);
    struct step *received = call->on_received;

    call->tags--;
    call->on_received = NULL;
    ok = take_message(call) && ok;
    received->run(received, ok);
    call_settle(call);
}
