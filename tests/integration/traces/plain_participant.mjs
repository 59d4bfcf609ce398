// The participant in Node where OpenTelemetry is not installed: plain_participant.mjs ADDRESS READY,
// until SIGTERM.

import { writeFileSync } from "node:fs";

import { ANY, connect, Done, Event } from "sagabase";

const [address, ready] = process.argv.slice(2);
const client = connect(address);
const session = client.appendSession();
const participant = client.participant(["shipping"], {
  async Ship() {
    await client.append("called-node", [new Event("Shipped", {})], { expected: ANY });
    await session.append("sent-node", [new Event("Shipped", {})], { expected: ANY });
    return new Done();
  },
});
process.on("SIGTERM", () => participant.close());
writeFileSync(ready, "");
await participant.run();
await session.close();
client.close();
