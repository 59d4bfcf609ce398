// Appends two events to a stream, reads it, and follows the store from there.
//
// usage: node append_and_read.mjs [HOST:PORT]

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

const generated = createRequire(new URL("./generated/index.js", import.meta.url));
const grpc = generated("@grpc/grpc-js");
const { EventStoreClient } = generated("./sagabase/v1/event_store.grpc-client.js");
// create() fills in what a message leaves out, also fields that a later version adds.
const { AppendToStreamRequest, ProposedEvent, ReadStreamRequest, StreamState, SubscribeRequest } =
  generated("./sagabase/v1/event_store.js");

const address = process.argv[2] ?? "127.0.0.1:2113";
const store = new EventStoreClient(address, grpc.credentials.createInsecure());
const order = `order-${randomUUID()}`;

// The id makes a repeated append harmless: choose it before the first try.
const event = (type, data) =>
  ProposedEvent.create({
    id: randomUUID(),
    type,
    contentType: "application/json",
    data: Buffer.from(JSON.stringify(data)),
  });

const append = (request) =>
  new Promise((done, fail) =>
    store.appendToStream(AppendToStreamRequest.create(request), (error, response) =>
      error ? fail(error) : done(response)));

const placed = await append({
  stream: order,
  expected: { oneofKind: "state", state: StreamState.NO_STREAM },
  events: [event("OrderPlaced", { total: 12 }), event("OrderPaid", { with: "card" })],
});
console.log(`appended revisions ${placed.firstRevision}..${placed.lastRevision}`);

try {
  // somebody who still believes that the stream ends with its first event
  await append({
    stream: order,
    expected: { oneofKind: "revision", revision: placed.firstRevision },
    events: [event("OrderCancelled", {})],
  });
} catch (error) {
  console.log(`refused: ${grpc.status[error.code]}`);
}

const read = store.readStream(ReadStreamRequest.create({ stream: order }));
for await (const page of read)
  for (const recorded of page.events)
    console.log(`read ${recorded.revision}: ${recorded.type} ${Buffer.from(recorded.data)}`);

// Everything behind the first of the two, then what comes, until we stop listening.
const from = { oneofKind: "afterPosition", afterPosition: placed.position - 1n };
const subscription = store.subscribe(SubscribeRequest.create({ from }));
subscription.on("error", () => {}); // our own cancel ends it
subscription.on("data", ({ message }) => {
  if (message.oneofKind === "events")
    for (const recorded of message.events.events) console.log(`followed: ${recorded.type}`);
  if (message.oneofKind === "caughtUp") {
    console.log("caught up");
    subscription.cancel();
    store.close();
  }
});
