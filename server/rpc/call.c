#include "server/rpc/call_internal.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/rpc/codec.h"
#include "server/rpc/server_internal.h"

enum {
    FIRST_BLOCK_BYTES = 2048, /* enough for most calls' arenas */
#ifdef __SANITIZE_ADDRESS__
    IDLE_CALLS_MAX = 0, /* so that a use after free is seen */
#else
    IDLE_CALLS_MAX = 1024, /* per loop, about 3 KiB each */
#endif
};

static void on_opened(struct step *step, bool ok);
static void on_finished(struct step *step, bool ok);

struct call *call_create(struct loop *loop, const struct table_row *row)
{
    struct call *call = loop->idle;

    if (call) {
        loop->idle = call->next;
        loop->idle_count--;
    } else {
        call = malloc(sizeof *call + FIRST_BLOCK_BYTES);
        assert(call); /* gRPC, too, ends the process when memory does */
    }
    loop->calls++;
    *call = (struct call){
        .loop = loop,
        .row = row,
        .references = 1,
        .opened.run = on_opened,
        .finished.run = on_finished,
    };
    arena_init_within(&call->arena, loop->server->options.arena_bytes_max, call->memory,
                      FIRST_BLOCK_BYTES);
    return call;
}

void call_free(struct call *call)
{
    struct loop *loop = call->loop;

    assert(call->tags == 0);
    if (call->payload)
        grpc_byte_buffer_destroy(call->payload);
    if (call->has_detail)
        grpc_slice_unref(call->detail.value);
    if (!call->row)
        grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    arena_destroy(&call->arena);
    if (call->grpc)
        grpc_call_unref(call->grpc);
    if (loop->idle_count < IDLE_CALLS_MAX) {
        call->next = loop->idle;
        loop->idle = call;
        loop->idle_count++;
    } else {
        free(call);
    }
    if (--loop->calls == 0)
        loop_rest(loop);
}

void call_hold(struct call *call)
{
    atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
}

void call_release(struct call *call)
{
    if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) == 1)
        call_free(call);
}

void call_wake(struct call *call, struct step *step)
{
    call_hold(call); /* until the step has run */
    step->call = call;
    loop_send(call->loop, call, step);
}

void call_wake_after(struct call *call, struct step *step, int64_t delay_us)
{
    assert(!call->closed && delay_us >= 0);
    call->on_time = step;
    timers_set(&call->loop->timers, &call->timer, clock_monotonic_us(system_clock()) + delay_us);
}

void call_start(struct call *call, const grpc_op *ops, size_t count, struct step *tag)
{
    call->tags++;
    grpc_call_error error = grpc_call_start_batch(call->grpc, ops, count, tag, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static struct status refuse_unknown(const struct call *call)
{
    const grpc_slice *path = &call->details.method;

    return status_make(STATUS_UNIMPLEMENTED, "no such method: %.*s", (int)GRPC_SLICE_LENGTH(*path),
                       (const char *)GRPC_SLICE_START_PTR(*path));
}

struct status call_unpack(struct call *call, struct arena *arena, const ProtobufCMessage **message)
{
    struct status status =
        codec_unpack(call->row->method->request_type, call->payload,
                     call->loop->server->options.message_bytes_max, arena, message);

    if (status.code == STATUS_RESOURCE_EXHAUSTED)
        counter_add_alone(&call->loop->counts.requests_too_large, 1);
    return status;
}

/* OK if the call may be handled; then with its request. */
static struct status admit(struct call *call, const ProtobufCMessage **request)
{
    if (call->loop->stopping)
        return status_make(STATUS_UNAVAILABLE, "server shutting down");
    if (!call->row)
        return refuse_unknown(call);
    if (call_deadline_us(call) <= call->began_us)
        return status_make(STATUS_DEADLINE_EXCEEDED, "the deadline passed before the call began");

    const struct method *method = call->row->method;
    if (method->kind == METHOD_BIDI_STREAM)
        return OK;
    if (!call->payload)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: missing: the client sent no message",
                           method->request_type->short_name);
    TRY(call_unpack(call, &call->arena, request));
    grpc_byte_buffer_destroy(call->payload);
    call->payload = NULL;
    return OK;
}

void call_open(struct call *call)
{
    const ProtobufCMessage *request = NULL;

    call->began_us = clock_monotonic_us(system_clock());
    call->loop->open_calls++;
    count_begun(call);
    if (call->loop->server->options.tracer)
        call_trace_begin(call);
    if (call_is_stream(call))
        stream_open(call);
    struct status status = admit(call, &request);
    if (!status_ok(status))
        return call_finish(call, status);
    call->row->method->handle(call, request);
    if (call_is_stream(call))
        stream_greet(call);
}

struct arena *call_arena(struct call *call)
{
    return &call->arena;
}

void *call_context(struct call *call)
{
    return call->loop->server->options.context;
}

int64_t call_deadline_us(const struct call *call)
{
    gpr_timespec deadline = gpr_convert_clock_type(
        call->row ? call->deadline : call->details.deadline, GPR_CLOCK_MONOTONIC);

    if (gpr_time_cmp(deadline, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0)
        return INT64_MAX;
    return deadline.tv_sec * 1000000 + deadline.tv_nsec / 1000;
}

bool call_cancelled(const struct call *call)
{
    return call->ended || call_deadline_us(call) <= clock_monotonic_us(system_clock());
}

struct bytes call_metadata(const struct call *call, const char *key)
{
    for (size_t i = 0; i < call->metadata.count; i++) {
        const grpc_metadata *entry = &call->metadata.metadata[i];
        if (grpc_slice_str_cmp(entry->key, key) == 0)
            return bytes_of(GRPC_SLICE_START_PTR(entry->value), GRPC_SLICE_LENGTH(entry->value));
    }
    return (struct bytes){0};
}

void call_on_closed(struct call *call, struct step *closed)
{
    call->on_closed = closed;
}

void call_on_stopping(struct call *call, struct step *stopping)
{
    assert(call_is_stream(call));
    call->on_stopping = stopping;
}

/* True if the handler's end is the call's end. */
static bool answer(struct call *call)
{
    assert(!call->answered);
    call->answered = true;
    return !call->ended;
}

/* Everything that is left to do for a unary call, at once. gRPC sends no status
 * without initial metadata. */
static void finish_unary(struct call *call, grpc_byte_buffer *response)
{
    grpc_slice text = grpc_slice_from_copied_string(call->status.message);
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}};
    size_t count = 1;

    if (response) {
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = response;
    }
    ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[count].data.send_status_from_server.status = (grpc_status_code)call->status.code;
    ops[count].data.send_status_from_server.status_details = response ? NULL : &text;
    ops[count].data.send_status_from_server.trailing_metadata_count = call->has_detail;
    ops[count++].data.send_status_from_server.trailing_metadata = &call->detail;
    ops[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[count++].data.recv_close_on_server.cancelled = &call->cancelled;
    call_start(call, ops, count, &call->finished);
    grpc_slice_unref(text);
}

void call_finish(struct call *call, struct status status)
{
    assert(!call->ended);
    call->ended = true;
    call->status = status;
    if (call_is_stream(call))
        stream_finish(call);
    else
        finish_unary(call, NULL);
}

static void reply(struct call *call, grpc_byte_buffer *packed)
{
    assert(!call_is_stream(call));
    if (answer(call)) {
        call->ended = true;
        finish_unary(call, packed);
    }
    grpc_byte_buffer_destroy(packed); /* the batch has its own reference */
}

void call_reply(struct call *call, const ProtobufCMessage *response)
{
    reply(call, codec_pack(response));
}

void call_reply_packed(struct call *call, struct buffer *response)
{
    reply(call, codec_lend(response));
}

void call_fail(struct call *call, struct status status)
{
    assert(!status_ok(status));
    if (answer(call))
        call_finish(call, status);
}

void call_fail_with(struct call *call, struct status status, const ProtobufCMessage *detail)
{
    assert(!status_ok(status));
    if (!answer(call))
        return;
    call->detail.key = grpc_slice_from_static_string("grpc-status-details-bin");
    call->detail.value = codec_pack_status(&status, detail);
    call->has_detail = true;
    call_finish(call, status);
}

void call_end(struct call *call, struct status status)
{
    assert(call_is_stream(call));
    if (!answer(call))
        return;
    assert(!call->on_sent || !status_ok(status));
    call_finish(call, status);
}

void call_end_packed(struct call *call, struct buffer *message)
{
    grpc_byte_buffer *packed = codec_lend(message);

    assert(call_is_stream(call));
    if (answer(call)) {
        call->ended = true;
        call->status = OK;
        stream_finish_with(call, packed);
    }
    grpc_byte_buffer_destroy(packed); /* the batch has its own reference */
}

static void on_opened(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct call, opened);

    (void)ok; /* not: the peer is gone, and `left` says so */
    call->tags--;
    call_settle(call);
}

static void on_finished(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct call, finished);

    (void)ok;
    call->tags--;
    call_settle(call);
}

void call_settle(struct call *call)
{
    stream_settle(call);
    if (!call->ended || call->tags > 0 || call->closed)
        return;
    call->closed = true;
    count_ended(call);
    if (call->span)
        call_trace_end(call);
    timers_unset(&call->loop->timers, &call->timer);
    timers_unset(&call->loop->stalls, &call->stall);
    if (call_is_stream(call))
        stream_close(call);
    if (call->on_closed)
        call->on_closed->run(call->on_closed, true);
    loop_call_over(call->loop);
    call_release(call);
}
