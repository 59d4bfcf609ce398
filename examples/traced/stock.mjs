// The participant that keeps the stock: node stock.mjs HOST:PORT
//
// The package makes a span for each command, below that of the saga's attempt; what is done for it is
// told in spans below that one.

import { setTimeout as passed } from "node:timers/promises";

import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { defaultResource, detectResources, envDetector } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { ANY, connect, Done, Event, Refused } from "sagabase";

// The OTEL_* variables say who this is and where spans go.
new NodeTracerProvider({
  resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
}).register();
const tracer = trace.getTracer("examples.traced");

function walkToTheShelf() {
  return tracer.startActiveSpan("walk to the shelf", async (span) => {
    await passed(5 + 40 * Math.random());
    span.end();
  });
}

/** The event that says what was done. It is committed with the reply, or not at all. */
function told({ sagaId, input: { item } }, type) {
  const event = new Event(type, { order: sagaId });
  return new Done(undefined, { appends: [{ stream: `stock-${item}`, events: [event], expected: ANY }] });
}

async function reserve(command) {
  const { item } = command.input;
  await walkToTheShelf();
  if (item === "lamp") throw new Refused("OutOfStock", "there is no lamp left");
  if (item === "vase" && command.attempt === 1) throw new Error("the vase broke");
  return told(command, "StockReserved");
}

// The action may never have happened: then there is nothing to undo.
function release(command) {
  return command.actionOutput ? told(command, "StockReleased") : new Done();
}

function ship(command) {
  return told(command, "OrderShipped");
}

const handlers = { ReserveStock: reserve, ReleaseStock: release, ShipOrder: ship };
await connect(process.argv[2]).participant(["stock"], handlers, { name: "stock" }).run();
