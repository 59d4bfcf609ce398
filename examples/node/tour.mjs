// What a client does, task by task. docs/api.md shows the regions.
//
// usage: node tour.mjs [HOST:PORT]

import { randomUUID } from "node:crypto";

import {
  ANY,
  CaughtUp,
  Checkpoint,
  ConditionFailed,
  connect,
  Done,
  Event,
  NO_STREAM,
  RecordedEvent,
  START,
  STREAM_EXISTS,
  WrongRevision,
} from "sagabase";

const address = process.argv[2] ?? "127.0.0.1:2113";
// region connect
const store = connect(address);
// endregion

async function append(order) {
  // region append
  const placed = new Event("OrderPlaced", { cents: 1200 });
  const { lastRevision } = await store.append(order, [placed], { expected: NO_STREAM });
  await store.append(order, [new Event("OrderPacked")], { expected: lastRevision });
  try {
    // somebody who has not seen the packing
    await store.append(order, [new Event("OrderCancelled")], { expected: lastRevision });
  } catch (wrong) {
    if (!(wrong instanceof WrongRevision)) throw wrong;
    console.log(`expected revision ${wrong.expected}, but it is at ${wrong.actual}`);
  }
  // endregion
}

async function read(order) {
  // region read
  for await (const event of store.readStream(order))
    console.log(`read ${event.revision} ${event.type}`);
  // endregion
}

async function transfer(tag, ann, bob, order) {
  // region transfer
  const withdrawn = new Event("Withdrawn", { cents: 500 }, { tags: [tag] });
  const deposited = new Event("Deposited", { cents: 500 }, { tags: [tag] });
  await store.appendMany(
    [
      { stream: ann, events: [withdrawn], expected: ANY },
      { stream: bob, events: [deposited], expected: NO_STREAM },
    ],
    [{ stream: order, expected: STREAM_EXISTS }], // not written, but it has to be so
  );
  // endregion
}

async function query(tag) {
  // region query
  const moved = [{ tags: [tag], types: ["Withdrawn", "Deposited"] }];
  for await (const event of store.readAll({ query: moved })) console.log(`found ${event.type}`);
  // endregion
}

async function join(course, ada, bea) {
  // region condition
  const joined = [{ types: ["Joined"], tags: [course] }];
  const seen = [];
  for await (const event of store.readAll({ query: joined })) seen.push(event.position);
  if (seen.length < 20) {
    // seats
    const stillSo = { failIf: joined, after: seen.at(-1) };
    const joins = (student) => ({
      stream: student,
      events: [new Event("Joined", {}, { tags: [course, student] })],
      expected: ANY,
    });
    await store.appendMany([joins(ada)], [], { condition: stillSo });

    try {
      // somebody else, who decided by the same events
      await store.appendMany([joins(bea)], [], { condition: stillSo });
    } catch (failed) {
      if (!(failed instanceof ConditionFailed)) throw failed;
      console.log("refused: somebody has joined since"); // read again, decide again
    }
  }
  // endregion
}

async function follow(tag, position = START) {
  // region subscribe
  for await (const item of store.subscribe({ after: position, query: [{ tags: [tag] }] })) {
    if (item instanceof RecordedEvent) {
      console.log(`handled ${item.type}`);
      position = item.position; // store it together with what was made of the event
    } else if (item instanceof Checkpoint) {
      position = item.position; // nothing matched up to here
    } else if (item instanceof CaughtUp) {
      break; // a service would go on
    }
  }
  return position; // to resume from
  // endregion
}

async function loadFromSnapshot(account) {
  // region snapshot
  await store.snapshots.put(account, 0, 500); // what the events up to revision 0 amount to
  const loaded = await store.snapshots.load(account);
  const balance = loaded.snapshot?.json() ?? 0;
  let events = 0;
  for await (const event of loaded) events += 1; // apply it to the balance
  console.log(`loaded ${balance} and ${events} event behind it`);
  // endregion
}

async function compute(account) {
  // region reducer
  const fold = `
    return function(balance, event)
      local cents = event.type == "Deposited" and event.data.cents or 0
      return (balance or 0) + cents
    end
  `;
  await store.reducers.put("account", fold);
  console.log(`computed ${(await store.reducers.state(account)).value}`);
  // endregion
}

async function start(order) {
  // region start
  const charge = {
    action: { queue: "payments", type: "Charge" },
    compensation: { queue: "payments", type: "Refund" },
    timeouts: { start_to_close_ms: 30000 },
  };
  await store.sagas.define({ type: "payment", nodes: [{ name: "charge", step: charge }] });

  const requested = { stream: order, events: [new Event("PaymentRequested")], expected: ANY };
  await store.sagas.start("payment", order, { cents: 1200 }, { appends: [requested] });
  console.log("started"); // and the event is stored, in the same write
  // endregion
}

function takePart() {
  // region participant
  const happened = ({ sagaId, input }, type) => ({
    appends: [{ stream: sagaId, events: [new Event(type, input)], expected: ANY }],
  });
  const participant = store.participant(["payments"], {
    Charge(command) {
      console.log(`Charge ${command.input.cents}`);
      return new Done({ receipt: command.id }, happened(command, "Paid")); // in one write
    },
    Refund: (command) => new Done({}, happened(command, "Refunded")),
  });
  participant.run(); // until participant.close()
  // endregion
  return participant;
}

async function wait(order) {
  // region wait
  const saga = await store.sagas.wait("payment", order);
  console.log(saga.status.toLowerCase());
  // endregion
}

const run = randomUUID();
const [order, ann, bob] = [`order-${run}`, `account-ann${run}`, `account-bob${run}`];
const tag = `transfer:${run}`;
await append(order);
await read(order);
await transfer(tag, ann, bob, order);
await query(tag);
await join(`course:${run}`, `student-ada${run}`, `student-bea${run}`);
const position = await follow(tag);
await store.append(bob, [new Event("Checked", {}, { tags: [tag] })], { expected: ANY });
await follow(tag, position);
await loadFromSnapshot(bob);
await compute(bob);
await start(order);
const participant = takePart();
await wait(order);
participant.close();
store.close();
