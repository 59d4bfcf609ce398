// Appends two events to a stream, reads it, and follows the store from there.
//
// usage: node append_and_read.mjs [HOST:PORT]

import { randomUUID } from "node:crypto";

import { CaughtUp, connect, Event, NO_STREAM, RecordedEvent, WrongRevision } from "sagabase";

const store = connect(process.argv[2] ?? "127.0.0.1:2113");
const order = `order-${randomUUID()}`;

const events = [new Event("OrderPlaced", { total: 12 }), new Event("OrderPaid", { with: "card" })];
const placed = await store.append(order, events, { expected: NO_STREAM });
console.log(`appended revisions ${placed.firstRevision}..${placed.lastRevision}`);

try {
  // somebody who still believes that the stream ends with its first event
  const cancelled = new Event("OrderCancelled", {});
  await store.append(order, [cancelled], { expected: placed.firstRevision });
} catch (error) {
  if (!(error instanceof WrongRevision)) throw error;
  console.log(`refused: the stream is at revision ${error.actual}`);
}

for await (const event of store.readStream(order))
  console.log(`read ${event.revision}: ${event.type} ${JSON.stringify(event.json())}`);

// Everything behind the first of the two, then what comes, until we stop listening.
for await (const item of store.subscribe({ after: placed.position - 1n })) {
  if (item instanceof RecordedEvent) console.log(`followed: ${item.type}`);
  if (item instanceof CaughtUp) {
    console.log("caught up");
    break;
  }
}
store.close();
