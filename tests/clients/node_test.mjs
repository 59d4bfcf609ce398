// What the Node package promises, against servers that are killed and answers that are lost.
//
// usage: node node_test.mjs SAGABASE FOLDER
//
// Prints `ok - behaviour` or `not ok - behaviour: why`. python_test.py says the same in Python.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

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

import {
  all,
  EndingServer,
  errorOf,
  listenSomewhere,
  next,
  nextEvents,
  numbered,
  numbers,
  PATIENT,
  Proxy,
  range,
  Server,
} from "./node_house.mjs";
import { participantBehaviours } from "./node_participant.mjs";
import { snapshotBehaviours } from "./node_snapshots.mjs";

const server = new Server(process.argv[2], join(process.argv[3], "data"));
await server.start();
const proxy = new Proxy(server);
await proxy.open();
const store = connect(proxy.address, { retry: PATIENT });

async function restart() {
  await server.kill();
  await server.start();
}

const UNLIMITED = { maxCount: 0n, maxAgeMs: 0, encrypt: false };

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

  async "what a program gives is checked where it would mean something else"() {
    const expecting = (expected) => () => store.append("x-1", [new Event("X")], { expected });
    for (const expected of [true, "any", 1.5, null, 2 ** 60]) await errorOf(TypeError, expecting(expected));
    for (const expected of [-1, -1n, 2n ** 64n]) await errorOf(RangeError, expecting(expected));
    assert.throws(() => store.readStream("x-1", { start: -1 }), RangeError);
    assert.throws(() => new Event("X", {}, { tags: "seat:1" }), TypeError); // not six of one letter
    for (const item of [{ types: "Taken" }, { tags: "seat:1" }])
      await errorOf(TypeError, () => store.appendMany([], [], { condition: { failIf: [item] } }));
    for (const filter of [{ typePrefixes: "Taken" }, { streamPrefixes: "seat-" }])
      assert.throws(() => store.readAll({ filter }), TypeError);
    assert.throws(() => store.subscribe("x-1"), TypeError); // not all streams
    assert.throws(() => new Event("X", () => 1), TypeError); // no JSON
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
    assert.deepEqual(await store.getStreamPolicy("policed-1"), UNLIMITED);
    await store.setCategoryPolicy("policed", { maxCount: 3 });
    assert.deepEqual(numbers(await all(store.readStream("policed-1"))), [2, 3, 4]);
    const policy = { maxCount: 2n, maxAgeMs: 86400000, encrypt: true };
    await store.setStreamPolicy("policed-1", policy);
    assert.deepEqual(await store.getStreamPolicy("policed-1"), policy);
    assert.deepEqual(await store.getCategoryPolicy("policed"), { ...UNLIMITED, maxCount: 3n });
    assert.equal((await store.getStream("policed-1")).firstRevision, 3n);
    await store.setStreamPolicy("policed-1", {}, { truncateBefore: 4 });
    assert.deepEqual(numbers(await all(store.readStream("policed-1"))), [4]);
  },

  async "an erased event tells when"() {
    await store.append("erased-1", numbered(0, 1), { expected: NO_STREAM });
    const [before] = await all(store.readStream("erased-1"));
    assert.equal(before.erased, undefined);
    const erase = ["stream", "erase", "erased-1", "--reason", "a test", "--yes"];
    execFileSync(server.binary, [...erase, "--server", `127.0.0.1:${server.port}`]);
    const [event] = await all(store.readStream("erased-1"));
    assert.equal(event.data.length, 0);
    assert(event.erased >= event.created);
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

  /** In whatever company it is on its way; the server ends the call that it comes by. */
  async "an append that cannot be read fails alone"() {
    const direct = connect(`127.0.0.1:${server.port}`);
    const session = direct.appendSession();
    const append = (stream, events) => session.append(stream, events, { expected: ANY });
    const counted = (first, end) => range(first, end).map((n) => append("alone-1", numbered(n, n + 1)));
    const broken = new Event("X");
    Object.assign(broken, { data: "not bytes any more", id: Symbol("unsendable") });
    const good = counted(0, 1);
    const unreadable = errorOf(InvalidRequest, () => append("a\0b", [new Event("X")]));
    good.push(...counted(1, 20));
    const big = range(0, 5).map(() => new Event("Big", new Uint8Array(1 << 20)));
    const tooBig = errorOf(LimitExceeded, () => append("alone-1", big));
    good.push(...counted(20, 30));
    const unsendable = errorOf(SagabaseError, () => append("alone-1", [broken]));
    good.push(...counted(30, 35));
    await Promise.all([unreadable, tooBig, unsendable]);
    good.push(...counted(35, 36));
    const revisions = (await Promise.all(good)).map(({ lastRevision }) => Number(lastRevision));
    assert.deepEqual(revisions, range(0, 36));
    await session.close();
    direct.close();
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

  async "a subscription that gave up goes on when it is asked again"() {
    await store.append("again-1", numbered(0, 2), { expected: NO_STREAM });
    const client = connect(proxy.address, { retry: { attempts: 2, delayMs: 1 } });
    const subscription = client.subscribe({ stream: "again-1" });
    const iterate = (count) => nextEvents(subscription[Symbol.asyncIterator](), count);
    assert.deepEqual(numbers(await iterate(2)), [0, 1]);
    await server.kill();
    await errorOf(Unavailable, () => iterate(1));
    await server.start();
    await store.append("again-1", numbered(2, 3), { expected: ANY });
    let again;
    while (!again)
      again = await iterate(1).catch((error) => {
        if (!(error instanceof Unavailable)) throw error; // until it is connected
      });
    assert.deepEqual(numbers(again), [2]);
    client.close();
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

  async "a call that an ending server resets is made again with the same ids"() {
    const ending = new EndingServer(server);
    await ending.open();
    const event = new Event("Placed");
    const again = connect(ending.address, { retry: { attempts: 2, delayMs: 1 } });
    await again.append("reset-1", [event], { expected: NO_STREAM });
    again.close();
    const [first, second] = ending.requests.AppendToStream;
    assert.deepEqual(first, second);
    assert.deepEqual((await all(store.readStream("reset-1"))).map(({ id }) => id), [event.id]);
    const once = connect(ending.address, { retry: { attempts: 1 } });
    const error = await errorOf(Unavailable, () => once.getStream("reset-1"));
    assert.equal(error.code, 14); // UNAVAILABLE
    once.close();
    ending.close();
  },

  async "a subscription that an ending server resets goes on"() {
    await store.append("reset-2", numbered(0, 3), { expected: NO_STREAM });
    const ending = new EndingServer(server);
    await ending.open();
    const again = connect(ending.address, { retry: { attempts: 2, delayMs: 1 } });
    const subscription = again.subscribe({ stream: "reset-2" });
    const events = await nextEvents(subscription[Symbol.asyncIterator](), 3);
    assert.deepEqual(numbers(events), [0, 1, 2]);
    assert.equal(ending.requests.Subscribe.length, 2);
    subscription.close();
    again.close();
    ending.close();
  },

  async "a closed client says so, and has ended its calls"() {
    const client = connect(proxy.address);
    const session = client.appendSession();
    await session.append("closed-1", numbered(0, 1), { expected: ANY });
    const items = client.subscribe({ after: END })[Symbol.asyncIterator]();
    await items.next();
    const begun = client.readStream("closed-1");
    await begun.next();
    const following = errorOf(SagabaseError, () => items.next());
    client.close();
    client.close();
    const ended = [
      () => following.then((error) => Promise.reject(error)),
      () => session.append("closed-1", [new Event("X")], { expected: ANY }),
      () => client.appendSession().append("closed-1", [new Event("X")], { expected: ANY }),
      () => client.info(),
      () => all(client.readAll()),
      () => all(client.subscribe()),
      () => client.snapshots.load("closed-1"),
      () => client.sagas.wait("a", "b"),
      () => client.participant(["q"], {}).run(),
    ];
    for (const work of ended) {
      const { code, message } = await errorOf(SagabaseError, work);
      assert.deepEqual({ code, message }, { code: 1, message: "the client is closed" });
    }
    await session.close();
  },

  ...snapshotBehaviours(store, restart),
  ...participantBehaviours(store, proxy),
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
