/* The trace a call belongs to, and its own span
 * (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). */
#include "server/rpc/call_internal.h"
#include "server/rpc/server_internal.h"

/* --- what the client said ------------------------------------------------------------------- */

static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

/* Several headers are one list. Not looked into: its members belong to others. */
static struct bytes read_tracestate(struct call *call)
{
    uint8_t *whole = arena_alloc_raw(&call->arena, TRACESTATE_BYTES_MAX);
    size_t size = 0;

    for (size_t i = 0; whole && i < call->metadata.count; i++) {
        const grpc_metadata *entry = &call->metadata.metadata[i];
        struct bytes value =
            bytes_of(GRPC_SLICE_START_PTR(entry->value), GRPC_SLICE_LENGTH(entry->value));
        if (grpc_slice_str_cmp(entry->key, "tracestate") != 0 || value.size == 0)
            continue;
        if (!is_printable(value) || size + 1 + value.size > TRACESTATE_BYTES_MAX)
            return (struct bytes){0};
        if (size > 0)
            whole[size++] = ',';
        memcpy(whole + size, value.data, value.size);
        size += value.size;
    }
    return size > 0 ? bytes_of(whole, size) : (struct bytes){0};
}

static const struct call_trace *read_trace(struct call *call)
{
    struct bytes traceparent = call_metadata(call, "traceparent");
    struct trace_context context;

    if (!traceparent.data || !trace_context_read(traceparent, &context))
        return NULL;
    struct call_trace *trace = arena_alloc(&call->arena, sizeof *trace + TRACEPARENT_BYTES);
    if (!trace)
        return NULL;
    uint8_t *text = (uint8_t *)(trace + 1);
    trace_context_write(&context, text);
    *trace = (struct call_trace){context, bytes_of(text, TRACEPARENT_BYTES), {0}};
    if (call_metadata(call, "tracestate").data)
        trace->tracestate = read_tracestate(call);
    return trace;
}

const struct call_trace *call_trace(struct call *call)
{
    if (!call->is_trace_read)
        call->trace = read_trace(call);
    call->is_trace_read = true;
    return call->trace;
}

/* --- its span ----------------------------------------------------------------------------------
 */

struct trace_span *call_span(const struct call *call)
{
    return call->span;
}

void call_trace_begin(struct call *call)
{
    const struct call_trace *trace = call_trace(call);
    const struct trace_context *parent = trace ? &trace->context : NULL;
    const struct table_row *row = call->row;
    struct trace_context context;

    if (!tracer_admit(call->loop->server->options.tracer, parent, &context))
        return;
    call->span = arena_alloc_raw(&call->arena, sizeof *call->span);
    if (!call->span)
        return;
    span_start(call->span, row ? row->method->path + 1 : "unknown", SPAN_SERVER, &context, parent);
    span_put(call->span, "rpc.system", "grpc");
    if (row) {
        span_put_text(call->span, "rpc.service", bytes_of_text(row->service)); /* not static */
        span_put(call->span, "rpc.method", row->name);
    }
}

/* What the server is to blame for. */
static bool is_failure(enum status_code code)
{
    switch (code) {
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_UNIMPLEMENTED:
    case STATUS_INTERNAL:
    case STATUS_UNAVAILABLE:
    case STATUS_DATA_LOSS:
        return true;
    default:
        return false;
    }
}

/* The span's memory stays: an append that is underway may still be linked to it. */
void call_trace_end(struct call *call)
{
    span_put_number(call->span, "rpc.grpc.status_code", call->status.code);
    call->span->failed = is_failure(call->status.code);
    span_end(call->loop->server->options.tracer, call->span);
}
