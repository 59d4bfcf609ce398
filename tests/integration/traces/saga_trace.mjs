// The participant in Node, with OpenTelemetry's SDK: saga_trace.mjs ADDRESS READY, until SIGTERM.

import { writeFileSync } from "node:fs";

import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { ANY, connect, Done, Event, Refused } from "sagabase";

const [address, ready] = process.argv.slice(2);
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": process.env.OTEL_SERVICE_NAME }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

const client = connect(address);
const participant = client.participant(["shipping"], {
  async Ship({ sagaId, attempt }) {
    if (sagaId !== "bad") {
      await client.append(`shipment-${sagaId}`, [new Event("Shipped", {})], { expected: ANY });
      return new Done();
    }
    if (attempt === 1) throw new Error("the van is away");
    throw new Refused("NoSuchAddress");
  },
});
process.on("SIGTERM", () => participant.close());
writeFileSync(ready, "");
await participant.run();
client.close();
await provider.shutdown();
