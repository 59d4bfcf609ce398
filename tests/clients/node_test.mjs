// What the Node package promises, against servers that are killed and answers that are lost.
//
// usage: node node_test.mjs SAGABASE FOLDER
//
// Prints `ok - behaviour` or `not ok - behaviour: why`. python_test.py says the same in Python.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

import {
  ANY,
  CaughtUp,
  Checkpoint,
  ConditionFailed,
  connect,
  END,
  Event,
  InvalidRequest,
  LimitExceeded,
  NO_STREAM,
  PartlyStored,
  RecordedEvent,
  SagabaseError,
  STREAM_EXISTS,
  StreamNotFound,
  TimedOut,
  Unavailable,
  WrongRevision,
} from "sagabase";

const PATIENT = { attempts: 500, delayMs: 20, delayMaxMs: 200 };

/** `sagabase serve` on a data folder, which outlives its process. */
class Server {
  constructor(binary, folder) {
    this.binary = binary;
    this.options = ["serve", "--data", folder, "--listen", "127.0.0.1:0"];
  }

  async start() {
    this.process = spawn(this.binary, this.options, { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface(this.process.stdout)) {
      const found = line.match(/^listening on \S+:(\d+)$/);
      if (found) {
        this.port = Number(found[1]);
        return;
      }
    }
    throw new Error("the server did not start");
  }

  async kill() {
    const gone = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await gone;
  }
}

/** Stays at its address while servers come and go, and can lose answers. */
class Proxy {
  constructor(server) {
    this.links = new Set();
    this.door = createServer((near) => {
      const far = connectSocket(server.port, "127.0.0.1");
      const link = { near, far, lost: false };
      this.links.add(link);
      near.on("data", (some) => far.write(some));
      far.on("data", (some) => link.lost || near.write(some));
      for (const end of [near, far]) end.on("error", () => {}).on("close", () => this.cut(link));
    });
  }

  async open() {
    this.address = await listenSomewhere(this.door);
  }

  cut(link) {
    this.links.delete(link);
    link.near.destroy();
    link.far.destroy();
  }

  /** Of the connections that there are; later ones are whole. */
  loseAnswers() {
    for (const link of this.links) link.lost = true;
  }

  cutAll() {
    for (const link of this.links) this.cut(link);
  }
}

async function listenSomewhere(door) {
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return `127.0.0.1:${door.address().port}`;
}

const server = new Server(process.argv[2], join(process.argv[3], "data"));
await server.start();
const proxy = new Proxy(server);
await proxy.open();
const store = connect(proxy.address, { retry: PATIENT });

async function restart() {
  await server.kill();
  await server.start();
}

async function errorOf(kind, work) {
  try {
    await work();
  } catch (error) {
    assert.equal(error.constructor, kind, String(error));
    return error;
  }
  throw new Error(`no ${kind.name}`);
}

async function all(items) {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

const range = (first, end) => Array.from({ length: end - first }, (_, i) => first + i);
const numbered = (first, end) => range(first, end).map((n) => new Event("Counted", { n }));
const numbers = (events) => events.map((event) => event.json().n);

/** The next item of that class. */
async function next(items, kind) {
  for (;;) {
    const { value, done } = await items.next();
    assert(!done, "the subscription ended");
    if (value instanceof kind) return value;
  }
}

async function nextEvents(items, count) {
  const events = [];
  while (events.length < count) events.push(await next(items, RecordedEvent));
  return events;
}

/** Without gap or duplicate. */
async function subscriptionGoesOn(stream, after, written) {
  const subscription = store.subscribe({ stream, after });
  const items = subscription[Symbol.asyncIterator]();
  if (after === END) assert((await items.next()).value instanceof CaughtUp);
  await store.append(written, numbered(0, 50), { expected: ANY });
  const got = await nextEvents(items, 20);
  await restart();
  await store.append(written, numbered(50, 100), { expected: ANY });
  got.push(...(await nextEvents(items, 80)));
  await next(items, CaughtUp);
  await restart();
  await store.append(written, numbered(100, 101), { expected: ANY });
  got.push(await next(items, RecordedEvent));
  subscription.close();
  assert.deepEqual(numbers(got), range(0, 101));
  assert.deepEqual(got.map((event) => Number(event.position - got[0].position)), range(0, 101));
}

const BEHAVIOURS = {
  async "events come back as they were appended"() {
    const event = new Event("Placed", { item: "bücher" }, { metadata: { who: "me" } });
    const raw = new Event("Scanned", Uint8Array.of(0, 255), { contentType: "image/x" });
    const appended = await store.append("order-1", [event, raw], { expected: NO_STREAM });
    const { firstRevision, lastRevision, replayed } = appended;
    assert.deepEqual([firstRevision, lastRevision, replayed], [0n, 1n, false]);
    const [first, second] = await all(store.readStream("order-1"));
    assert.deepEqual([first.id, first.type, first.json()], [event.id, "Placed", { item: "bücher" }]);
    assert.deepEqual([first.contentType, first.metadata], ["application/json", { who: "me" }]);
    assert.deepEqual([...second.data, second.contentType, second.revision], [0, 255, "image/x", 1n]);
  },

  async "an append whose answer is lost is repeated with the same ids"() {
    const direct = connect(`127.0.0.1:${server.port}`);
    for (const [stream, expected] of [["lost-1", NO_STREAM], ["lost-2", ANY]]) {
      await store.info(); // there is a connection
      proxy.loseAnswers();
      const event = new Event("Placed");
      const answer = store.append(stream, [event], { expected });
      const stored = direct.subscribe({ stream });
      await next(stored[Symbol.asyncIterator](), RecordedEvent);
      stored.close();
      proxy.cutAll();
      assert((await answer).replayed, "the answer is not that of a repetition");
      assert.deepEqual((await all(direct.readStream(stream))).map(({ id }) => id), [event.id]);
    }
    direct.close();
  },

  async "attempts are bounded"() {
    const door = createServer();
    const nobody = await listenSomewhere(door);
    door.close();
    await once(door, "close");
    const alone = connect(nobody, { retry: { attempts: 3, delayMs: 1, delayMaxMs: 2 } });
    const append = [`x-1`, numbered(0, 1), { expected: ANY }];
    await errorOf(Unavailable, () => alone.info());
    await errorOf(Unavailable, () => alone.append(...append));
    await errorOf(Unavailable, () => all(alone.subscribe()));
    const session = alone.appendSession();
    await errorOf(Unavailable, () => session.append(...append));
    await session.close();
    alone.close();
  },

  async "silence is a time out"() {
    const held = [];
    const silent = createServer((socket) => held.push(socket.on("error", () => {}).resume()));
    const patience = { timeoutMs: 100, retry: { attempts: 1 } };
    const alone = connect(await listenSomewhere(silent), patience);
    await errorOf(TimedOut, () => alone.info());
    alone.close();
    for (const socket of held) socket.destroy();
    silent.close();
  },

  async "a wrong revision tells stream expected and actual"() {
    await store.append("wrong-1", numbered(0, 2), { expected: NO_STREAM });
    const refused = (stream, expected) =>
      errorOf(WrongRevision, () => store.append(stream, [new Event("X")], { expected }));
    for (const [told, expected] of [[0n, 0n], [0n, 0], [NO_STREAM, NO_STREAM]]) {
      const error = await refused("wrong-1", expected);
      assert.deepEqual([error.stream, error.expected, error.actual], ["wrong-1", told, 1n]);
    }
    const error = await refused("wrong-2", STREAM_EXISTS);
    assert.deepEqual([error.expected, error.actual], [STREAM_EXISTS, NO_STREAM]);
  },

  async "other errors have types too"() {
    const twice = new Event("X");
    const big = range(0, 5).map(() => new Event("Big", new Uint8Array(1 << 20)));
    const append = (stream, events) => store.append(stream, events, { expected: ANY });
    await errorOf(StreamNotFound, () => store.getStream("nobody-1"));
    await errorOf(StreamNotFound, () => all(store.readStream("nobody-1")));
    await errorOf(InvalidRequest, () => append("", [new Event("X")]));
    await errorOf(InvalidRequest, () => all(store.subscribe({ filter: { typeRegex: "(" } })));
    await errorOf(LimitExceeded, () => append("big-1", big));
    await append("twice-1", [twice]);
    await errorOf(PartlyStored, () => append("twice-1", [twice, new Event("Y")]));
  },

  async "append many is all or nothing"() {
    const appends = [
      { stream: "many-1", events: numbered(0, 2), expected: NO_STREAM },
      { stream: "many-2", events: numbered(2, 3), expected: NO_STREAM },
    ];
    const check = (expected) => [{ stream: "many-3", expected }];
    const error = await errorOf(WrongRevision, () => store.appendMany(appends, check(STREAM_EXISTS)));
    assert.equal(error.stream, "many-3");
    await errorOf(StreamNotFound, () => store.getStream("many-1"));
    const { streams, position } = await store.appendMany(appends, check(NO_STREAM));
    const told = streams.map(({ stream, lastRevision }) => [stream, lastRevision]);
    assert.deepEqual(told, [["many-1", 1n], ["many-2", 0n]]);
    const read = await all(store.readAll({ start: position - 2n, count: 3 }));
    assert.deepEqual(numbers(read), [0, 1, 2]);
  },

  async "an append fails when its condition has come true"() {
    const taken = [{ types: ["Taken"], tags: ["seat:1"] }];
    const condition = { failIf: taken };
    const take = (stream) => [
      { stream, events: [new Event("Taken", {}, { tags: ["seat:1"] })], expected: ANY },
    ];
    const first = await store.appendMany(take("seat-1"), [], { condition });
    const second = take("seat-2");
    const error = await errorOf(ConditionFailed, () => store.appendMany(second, [], { condition }));
    assert.equal(error.position, first.position);
    const session = store.appendSession();
    const refused = errorOf(ConditionFailed, () => session.appendMany(second, [], { condition }));
    const later = { failIf: taken, after: first.position };
    const repeated = session.appendMany(second, [], { condition: later });
    await session.close();
    assert.equal((await refused).position, first.position);
    const found = await all(store.readAll({ query: taken }));
    const positions = [first.position, (await repeated).position];
    assert.deepEqual(found.map(({ position }) => position), positions);
    assert.deepEqual(found[0].tags, ["seat:1"]);
    const subscription = store.subscribe({ query: taken });
    const event = await next(subscription[Symbol.asyncIterator](), RecordedEvent);
    assert.equal(event.position, first.position);
    subscription.close();
  },

  async "reads go either way from anywhere"() {
    await store.append("read-1", numbered(0, 3000), { expected: NO_STREAM });
    const read = async (options) => numbers(await all(store.readStream("read-1", options)));
    assert.deepEqual(await read(), range(0, 3000));
    assert.deepEqual(await read({ start: 2990, count: 3 }), [2990, 2991, 2992]);
    assert.deepEqual(await read({ backwards: true, count: 2 }), [2999, 2998]);
    assert.deepEqual(await read({ start: END }), []);
    for await (const newest of store.readAll({ backwards: true })) {
      assert.equal(newest.position, (await store.info()).position);
      break;
    }
  },

  async "streams are listed over all pages"() {
    const names = range(0, 7).map((n) => `listed-${n}`);
    for (const name of names) await store.append(name, [new Event("X")], { expected: NO_STREAM });
    const listed = await all(store.listStreams({ prefix: "listed-", pageSize: 3 }));
    assert.deepEqual(listed.map(({ name }) => name), names);
    assert.deepEqual(listed[0], await store.getStream("listed-0"));
  },

  async "types and categories are listed over all pages"() {
    for (const n of range(0, 5))
      await store.append(`sort${n}-1`, [new Event(`Sorted${n}`)], { expected: NO_STREAM });
    const types = await all(store.listEventTypes({ prefix: "Sorted", pageSize: 2 }));
    assert.deepEqual(types, range(0, 5).map((n) => `Sorted${n}`));
    const categories = await all(store.listCategories({ prefix: "sort", pageSize: 2 }));
    assert.deepEqual(categories, range(0, 5).map((n) => `sort${n}`));
  },

  async "reads and subscriptions begin at a time"() {
    await store.append("timed-1", [new Event("X")], { expected: NO_STREAM });
    const newest = async () => (await all(store.readStream("timed-1", { backwards: true, count: 1 })))[0];
    const before = await newest();
    let later = before;
    while (later.created.getTime() === before.created.getTime()) { // the clock has to move on
      await store.append("timed-1", [new Event("X")], { expected: ANY });
      later = await newest();
    }
    assert.deepEqual(await all(store.readStream("timed-1", { start: later.created })), [later]);
    assert.deepEqual((await all(store.readAll({ start: later.created })))[0], later);
    const subscription = store.subscribe({ stream: "timed-1", after: later.created });
    assert.deepEqual(await next(subscription[Symbol.asyncIterator](), RecordedEvent), later);
    subscription.close();
  },

  async "a policy hides what it does not keep"() {
    await store.append("policed-1", numbered(0, 5), { expected: NO_STREAM });
    assert.deepEqual(await store.getStreamPolicy("policed-1"), { maxCount: 0n, maxAgeMs: 0 });
    await store.setCategoryPolicy("policed", { maxCount: 3 });
    assert.deepEqual(numbers(await all(store.readStream("policed-1"))), [2, 3, 4]);
    await store.setStreamPolicy("policed-1", { maxCount: 2, maxAgeMs: 86400000 });
    assert.deepEqual(await store.getStreamPolicy("policed-1"), { maxCount: 2n, maxAgeMs: 86400000 });
    assert.deepEqual(await store.getCategoryPolicy("policed"), { maxCount: 3n, maxAgeMs: 0 });
    assert.equal((await store.getStream("policed-1")).firstRevision, 3n);
    await store.setStreamPolicy("policed-1", {}, { truncateBefore: 4 });
    assert.deepEqual(numbers(await all(store.readStream("policed-1"))), [4]);
  },

  async "a deleted stream goes on and one with a tombstone does not"() {
    const opened = await store.append("gone-1", numbered(0, 2), { expected: NO_STREAM });
    await errorOf(WrongRevision, () => store.deleteStream("gone-1", { expected: 0 }));
    await store.deleteStream("gone-1", { expected: opened.lastRevision });
    await errorOf(StreamNotFound, () => store.getStream("gone-1"));
    const again = await store.append("gone-1", numbered(2, 3), { expected: NO_STREAM });
    assert.equal(again.firstRevision, 2n);
    await store.tombstoneStream("gone-1", { expected: ANY });
    const refused = await errorOf(SagabaseError, () =>
      store.append("gone-1", [new Event("X")], { expected: ANY }));
    assert.equal(refused.code, 9); // FAILED_PRECONDITION
  },

  async "a session tells each append what became of it"() {
    const session = store.appendSession();
    const append = (events, expected) => session.append("told-1", events, { expected });
    const good = range(0, 600).map((n) => append(numbered(n, n + 1), ANY));
    const bad = errorOf(WrongRevision, () => append([new Event("X")], NO_STREAM));
    good.push(append(numbered(600, 601), 599));
    await session.close();
    const told = (await Promise.all(good)).map(({ lastRevision }) => Number(lastRevision));
    assert.deepEqual(told, range(0, 601));
    assert.equal((await bad).actual, 599n);
    assert.deepEqual(numbers(await all(store.readStream("told-1"))), range(0, 601));
  },

  async "a session goes on over a restart"() {
    const session = store.appendSession();
    const append = (n) => session.append("kept-1", numbered(n, n + 1), { expected: ANY });
    const appended = range(0, 200).map(append);
    await appended[0];
    await restart();
    appended.push(...range(200, 400).map(append));
    await session.close();
    const told = (await Promise.all(appended)).map(({ firstRevision }) => Number(firstRevision));
    assert.deepEqual(told, range(0, 400));
    assert.deepEqual(numbers(await all(store.readStream("kept-1"))), range(0, 400));
  },

  async "a subscription to a stream goes on over restarts"() {
    await subscriptionGoesOn("followed-1", END, "followed-1");
  },

  async "a subscription to all goes on over restarts"() {
    await subscriptionGoesOn("", END, "followed-2");
    await subscriptionGoesOn("", (await store.info()).position, "followed-3");
  },

  async "a filtered subscription tells how far it looked"() {
    const append = async (events) => (await store.append("looked-1", events, { expected: ANY })).position;
    const after = (await append(numbered(0, 10))) - 10n;
    await append([new Event("Rare")]);
    const newest = await append(numbered(0, 10));
    const filter = { streamPrefixes: ["looked-"], typeRegex: "^Rare$" };
    const items = [];
    for await (const item of store.subscribe({ after, filter, checkpointInterval: 4 })) {
      items.push(item);
      if (item instanceof CaughtUp) break;
    }
    const events = items.filter((item) => item instanceof RecordedEvent);
    assert.deepEqual(events.map(({ type }) => type), ["Rare"]);
    assert.equal(items.at(-1).position, newest);
    assert(items.some((item) => item instanceof Checkpoint));
  },

  async "closing ends a subscription"() {
    const subscription = store.subscribe({ after: END });
    const items = subscription[Symbol.asyncIterator]();
    await items.next();
    const end = items.next();
    subscription.close();
    assert((await end).done);
  },
};

for (const [name, behaviour] of Object.entries(BEHAVIOURS)) {
  try {
    await behaviour();
    console.log(`ok - node: ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`not ok - node: ${name}: ${error.stack}`);
  }
}
store.close();
proxy.cutAll();
proxy.door.close();
await server.kill();
