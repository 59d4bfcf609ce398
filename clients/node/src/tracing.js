// Traces: where the work at hand belongs, in the words of https://www.w3.org/TR/trace-context/.
//
// With the package @opentelemetry/api that is its active span, and each command is handled in a span
// of its own. Without it, calls that a handler makes belong where its command does.

import { AsyncLocalStorage } from "node:async_hooks";

import { Metadata } from "@grpc/grpc-js";

const otel = await import("@opentelemetry/api").catch(() => undefined);

const METADATA_ENTRIES_MAX = 64; // of an event

const handled = new AsyncLocalStorage();

function traceparentOf({ traceId, spanId, traceFlags }) {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** `traceparent` and perhaps `tracestate`; empty: there is no trace. */
export function current() {
  const context = otel?.trace.getActiveSpan()?.spanContext();
  if (!context || !otel.isSpanContextValid(context)) return handled.getStore() ?? {};
  const tracestate = context.traceState?.serialize();
  return { traceparent: traceparentOf(context), ...(tracestate && { tracestate }) };
}

/** The same for a call. */
export function headers() {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(current())) metadata.set(name, value);
  return metadata;
}

/** The same for events that share a call with events of other traces. */
export function mark({ appends }) {
  const entries = current();
  for (const { events } of appends)
    for (const event of events) {
      if ("traceparent" in event.metadata || "tracestate" in event.metadata) continue;
      if (Object.keys(event.metadata).length + Object.keys(entries).length <= METADATA_ENTRIES_MAX)
        event.metadata = { ...event.metadata, ...entries };
    }
}

function contextOf({ traceparent = "", tracestate }) {
  const [, traceId, spanId, flags] = traceparent.split("-");
  if (!flags) return otel.ROOT_CONTEXT;
  const traceState = tracestate ? otel.createTraceState(tracestate) : undefined;
  const spanContext = { traceId, spanId, traceFlags: parseInt(flags, 16), traceState, isRemote: true };
  return otel.trace.setSpanContext(otel.ROOT_CONTEXT, spanContext);
}

function startSpan(command, given) {
  const attributes = {
    "sagabase.command.id": command.commandId,
    "sagabase.saga.type": command.sagaType,
    "sagabase.saga.id": command.sagaId,
    "sagabase.step": command.step,
    "sagabase.queue": command.queue,
    "sagabase.attempt": command.attempt,
  };
  const options = { kind: otel.SpanKind.SERVER, attributes };
  return otel.trace.getTracer("sagabase").startSpan(`handle ${command.type}`, options, contextOf(given));
}

/** What `work` does belongs to this command; so do its results. It gets a function that tells that the
 * command could not be done. */
export async function handling(command, work) {
  const { traceparent, tracestate } = command;
  const given = { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) };
  if (!otel) return handled.run(given, work, () => {});
  const span = startSpan(command, given);
  const failed = (error) => {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: otel.SpanStatusCode.ERROR, message: String(error?.message ?? error).slice(0, 200) });
  };
  try {
    const active = otel.trace.setSpan(otel.ROOT_CONTEXT, span);
    return await handled.run({ ...given, ...own(span) }, () => otel.context.with(active, work, undefined, failed));
  } finally {
    span.end();
  }
}

/** Without an SDK nothing is ever active: then this is what calls hand on. */
function own(span) {
  const context = span.spanContext();
  return otel.isSpanContextValid(context) ? { traceparent: traceparentOf(context) } : {};
}
