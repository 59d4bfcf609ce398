// What the Node package promises to participants of sagas. python_participant.py says the same in
// Python.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";

import { ANY, Done, Event, Ongoing, Refused, SagaNotFound } from "sagabase";

import { all, errorOf } from "./node_house.mjs";

async function define(store, type, queue, timeouts = {}) {
  const step = {
    action: { queue, type: "Work" },
    nothingToUndo: true,
    timeouts: { startToCloseMs: 60000, ...timeouts },
    retry: { maximumAttempts: 1, initialIntervalMs: 1 },
  };
  await store.sagas.define({ type, nodes: [{ name: "work", step }] });
}

async function working(store, queues, handlers, options, work) {
  const participant = store.participant(queues, handlers, options);
  const running = participant.run();
  try {
    await work();
  } finally {
    participant.close();
    await running;
  }
}

/** A handler that goes on when it is told to, or when its command is cancelled. */
function bench() {
  const [begun, goesOn] = [deferred(), deferred()];
  const taken = [];
  async function work(command) {
    taken.push(command);
    begun.resolve();
    const cancelled = new Promise((told) => command.signal.addEventListener("abort", told));
    await Promise.race([goesOn.promise, cancelled]);
  }
  return { begun: begun.promise, goOn: goesOn.resolve, taken, handlers: { Work: work } };
}

/** By the server's clock, which its timeouts run by. */
async function letPass({ sagas }, delayMs) {
  await sagas.define({ type: "passing", nodes: [{ name: "pass", timer: { delayMs } }] });
  const id = randomUUID();
  await sagas.start("passing", id);
  assert.equal((await sagas.wait("passing", id)).status, "COMPLETED");
}

function refuse(message, appends) {
  throw new Refused("Declined", message, { appends });
}

const OUTCOMES = {
  "returns an object": [
    () => ({ ok: true }),
    "TypeError: a handler returns Done, Ongoing or undefined, not Object",
  ],
  "returns too much": [
    () => new Done("x".repeat(5 << 20)),
    "RangeError: the reply is larger than 4193280 bytes",
  ],
  "asks again at once": [
    () => new Ongoing(0),
    "ReplyRefused: ongoing.check_after_ms: 1 milliseconds to 30 days",
  ],
  "throws nothing": [() => Promise.reject(), "Error: undefined"],
  "tells a NUL": [() => Promise.reject(new Error("a\0b")), "Error: a\ufffdb"],
  "refuses": [() => refuse("no"), "Declined: no"],
  "refuses at length": [() => refuse("ü".repeat(2000)), `Declined: ${"ü".repeat(512)}`],
  "refuses with what is no append": [
    () => refuse("no", ["x"]),
    "TypeError: Cannot read properties of undefined (reading 'map')",
  ],
  "is done": [() => new Done(1), undefined],
};

export const participantBehaviours = (store, proxy) => ({
  /** One that were lost would take the worker's only credit with it. */
  async "whatever becomes of a handler is an answer"() {
    await define(store, "answered", "answers");
    const handlers = { Work: ({ sagaId }) => OUTCOMES[sagaId][0]() };
    await working(store, ["answers"], handlers, { maxInFlight: 1 }, async () => {
      for (const [name, [, error]] of Object.entries(OUTCOMES)) {
        await store.sagas.start("answered", name);
        const saga = await store.sagas.wait("answered", name);
        assert.equal(saga.error, error, name);
        assert.equal(saga.status, error ? "COMPENSATED" : "COMPLETED", name);
      }
    });
  },

  async "events come with the reply"() {
    await define(store, "told", "tells");
    const handlers = {
      Work: ({ input }) =>
        new Done(undefined, {
          appends: [{ stream: "heard-1", events: [new Event("Told", input)], expected: ANY }],
        }),
    };
    await working(store, ["tells"], handlers, {}, async () => {
      await store.sagas.start("told", "1", { n: 7 });
      assert.equal((await store.sagas.wait("told", "1")).status, "COMPLETED");
    });
    assert.deepEqual((await all(store.readStream("heard-1"))).map((event) => event.json()), [{ n: 7 }]);
  },

  /** A probe that was answered tells that the worker is there again, and has been given what was
   * ready before. */
  async "a worker has no more commands at once than it said over connections"() {
    const { sagas } = store;
    await define(store, "kept", "keeps");
    await define(store, "probed", "probes");
    const together = [];
    const begun = deferred();
    const finish = deferred();
    const handlers = {
      async Work({ sagaType, sagaId }) {
        if (sagaType !== "kept") return;
        together.push(sagaId);
        begun.resolve();
        await finish.promise;
      },
    };
    const probe = async (id) => {
      await sagas.start("probed", id);
      await sagas.wait("probed", id);
    };
    await working(store, ["keeps", "probes"], handlers, { maxInFlight: 1 }, async () => {
      await sagas.start("kept", "1");
      await begun.promise;
      proxy.cutAll();
      await probe("1");
      await sagas.start("kept", "2");
      await probe("2");
      assert.deepEqual(together, ["1"]);
      finish.resolve();
      assert.equal((await sagas.wait("kept", "1")).status, "COMPLETED");
      assert.equal((await sagas.wait("kept", "2")).status, "COMPLETED");
    });
  },

  /** At its only attempt, over more than a timeout, of each connection. */
  async "a handler that runs for long has heartbeats over connections"() {
    await define(store, "beaten", "beats", { heartbeatMs: 3000 });
    const { begun, goOn, taken, handlers } = bench();
    await working(store, ["beats"], handlers, {}, async () => {
      await store.sagas.start("beaten", "1");
      await begun;
      await letPass(store, 3100);
      proxy.cutAll();
      await letPass(store, 3100);
      goOn();
      assert.equal((await store.sagas.wait("beaten", "1")).status, "COMPLETED");
    });
    assert.deepEqual(taken.map(({ attempt, signal }) => [attempt, signal.aborted]), [[1, false]]);
  },

  async "a handler is told that its command is cancelled"() {
    await define(store, "unwanted", "withdraws");
    const { begun, taken, handlers } = bench();
    await working(store, ["withdraws"], handlers, {}, async () => {
      await store.sagas.start("unwanted", "1");
      await begun;
      assert(!taken[0].signal.aborted);
      await store.sagas.cancel("unwanted", "1");
      assert.equal((await store.sagas.wait("unwanted", "1")).status, "COMPENSATED");
    });
    assert(taken[0].signal.aborted);
  },

  async "a handler is told that its command timed out"() {
    await define(store, "late", "delays", { startToCloseMs: 200 });
    const { begun, taken, handlers } = bench();
    await working(store, ["delays"], handlers, {}, async () => {
      await store.sagas.start("late", "1");
      await begun;
      const { signal } = taken[0];
      if (!signal.aborted) await once(signal, "abort");
    });
  },

  async "a participant that is closed replies to what it has"() {
    await define(store, "drained", "drains");
    await store.participant(["drains"], {}).close(); // nothing runs
    const { begun, goOn, handlers } = bench();
    const participant = store.participant(["drains"], handlers);
    const running = participant.run();
    await store.sagas.start("drained", "1");
    await begun;
    const closing = participant.close();
    proxy.cutAll();
    goOn();
    await Promise.all([running, closing]);
    assert.equal((await store.sagas.wait("drained", "1")).status, "COMPLETED");
    await participant.run(); // it is closed
  },

  async "a handler may close its participant"() {
    await define(store, "last", "lasts");
    const handlers = { Work: () => void participant.close() };
    const participant = store.participant(["lasts"], handlers);
    await store.sagas.start("last", "1");
    await participant.run();
    assert.equal((await store.sagas.wait("last", "1")).status, "COMPLETED");
  },

  async "a saga that is not there is no stream"() {
    const { sagas } = store;
    for (const work of [
      () => sagas.start("nobodys", "1"),
      () => sagas.get("nobodys", "1"),
      () => sagas.wait("nobodys", "1"),
      () => sagas.cancel("nobodys", "1"),
      () => sagas.signal("nobodys", "1", "paid"),
    ])
      await errorOf(SagaNotFound, work);
  },

  async "queues and numbers of a participant are checked"() {
    assert.throws(() => store.participant("bank", {}), TypeError);
    assert.throws(() => store.participant(["bank"], {}, { maxInFlight: 0 }), RangeError);
  },
});

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve) => Object.assign(parts, { resolve }));
  return parts;
}
