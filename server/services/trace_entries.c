#include "server/services/trace_entries.h"

#include <string.h>

struct trace_entries trace_entries_of(struct call *call)
{
    const struct call_trace *trace = call_trace(call);
    struct trace_entries entries = {.count = 0};

    if (!trace)
        return entries;
    entries.entries[entries.count++] =
        (struct metadata_entry){bytes_of_text("traceparent"), trace->traceparent};
    if (trace->tracestate.size > 0)
        entries.entries[entries.count++] =
            (struct metadata_entry){bytes_of_text("tracestate"), trace->tracestate};
    return entries;
}

struct trace_entries trace_entries_read(const char *traceparent, const char *tracestate)
{
    struct trace_entries entries = {.count = 0};
    struct trace_context context;
    size_t state_size = strlen(tracestate);

    if (strlen(traceparent) > TRACESTATE_BYTES_MAX ||
        !trace_context_read(bytes_of_text(traceparent), &context))
        return entries;
    entries.entries[entries.count++] =
        (struct metadata_entry){bytes_of_text("traceparent"), bytes_of_text(traceparent)};
    if (state_size > 0 && state_size <= TRACESTATE_BYTES_MAX)
        entries.entries[entries.count++] =
            (struct metadata_entry){bytes_of_text("tracestate"), bytes_of(tracestate, state_size)};
    return entries;
}

struct trace_entries trace_entries_of_context(const struct trace_context *context,
                                              struct arena *arena)
{
    struct trace_entries entries = {.count = 0};
    uint8_t *text = arena_alloc(arena, TRACEPARENT_BYTES + 1);

    if (!text)
        return entries;
    trace_context_write(context, text);
    entries.entries[entries.count++] =
        (struct metadata_entry){bytes_of_text("traceparent"), bytes_of(text, TRACEPARENT_BYTES)};
    return entries;
}

const struct trace_context *trace_of(const struct call *call)
{
    const struct trace_span *span = call_span(call);

    return span ? &span->context : NULL;
}

/* https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
void trace_append(struct call *call, struct append *append)
{
    struct trace_span *span = call_span(call);
    size_t event_count = 0;

    if (!span)
        return;
    append->intent.trace = trace_of(call);
    for (size_t i = 0; i < append->stream_count; i++)
        event_count += append->streams[i].event_count;
    span_put(span, "messaging.system", "sagabase");
    span_put(span, "messaging.operation.type", "send");
    span_put_text(span, "messaging.destination.name", append->streams[0].stream);
    span_put_number(span, "messaging.batch.message_count", (int64_t)event_count);
}
