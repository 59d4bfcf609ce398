// What the Node package promises of snapshots and reducers; node_test.mjs runs it.

import assert from "node:assert/strict";

import {
  ANY,
  Event,
  InvalidRequest,
  NewerSnapshot,
  NO_STREAM,
  NoState,
  RevisionNotFound,
  SnapshotNotFound,
  StreamNotFound,
  UpcasterFailed,
} from "sagabase";

import { all, errorOf, nextEvents, numbered, numbers, range } from "./node_house.mjs";

const SUM = `
return function(state, event)
  state = state or { sum = 0 }
  state.sum = state.sum + event.data.n
  return state
end
`;

const NEWEST = `
return function(event)
  event.data.n = event.data.n or event.data.number
  event.data.number = nil
  return event
end
`;

export const snapshotBehaviours = (store, restart) => ({
  async "a snapshot comes back as it was put"() {
    const { snapshots } = store;
    await store.append("kept-2", numbered(0, 10), { expected: NO_STREAM });
    await errorOf(SnapshotNotFound, () => snapshots.get("kept-2"));
    await snapshots.put("kept-2", 3, { sum: 6 }, { keep: 2 });
    await snapshots.put("kept-2", 7n, Uint8Array.of(0, 255), { keep: 2, ttlMs: 86400000 });
    const old = await snapshots.get("kept-2", { at: 6 });
    const newest = await snapshots.get("kept-2");
    assert.deepEqual([old.revision, old.json(), old.expires], [3n, { sum: 6 }, undefined]);
    assert.deepEqual([newest.revision, [...newest.state], newest.contentType], [7n, [0, 255], ""]);
    const lives = newest.expires - newest.created;
    assert(lives > 0 && lives <= 86400000, `${lives} ms`);
    assert.deepEqual((await snapshots.list("kept-2")).map(({ revision }) => revision), [7n, 3n]);
    assert.equal(await snapshots.delete("kept-2", { revision: 3 }), true);
    assert.equal(await snapshots.delete("kept-2", { revision: 3 }), false);
    assert.equal(await snapshots.delete("kept-2"), true);
  },

  async "a snapshot that must not be put is refused"() {
    const { snapshots } = store;
    await store.append("kept-3", numbered(0, 10), { expected: NO_STREAM });
    await snapshots.put("kept-3", 5, {});
    await errorOf(NewerSnapshot, () => snapshots.put("kept-3", 4, {}));
    await errorOf(NewerSnapshot, () => snapshots.put("kept-3", 6, {}, { newerThan: 4 }));
    await errorOf(RevisionNotFound, () => snapshots.put("kept-3", 10, {}));
    await errorOf(StreamNotFound, () => snapshots.put("nobody-2", 0, {}));
  },

  async "a stream is loaded with its snapshot"() {
    const { snapshots } = store;
    await store.append("loaded-1", numbered(0, 3000), { expected: NO_STREAM });
    let loaded = await snapshots.load("loaded-1");
    assert.equal(loaded.snapshot, undefined);
    assert.deepEqual(numbers(await all(loaded)), range(0, 3000));
    await snapshots.put("loaded-1", 2997, { n: 2997 });
    loaded = await snapshots.load("loaded-1");
    assert.deepEqual([loaded.snapshot.revision, loaded.snapshot.json()], [2997n, { n: 2997 }]);
    assert.deepEqual([numbers(await all(loaded)), loaded.due], [[2998, 2999], false]);
    await snapshots.put("loaded-1", 2999, {});
    loaded = await snapshots.load("loaded-1");
    assert.deepEqual([loaded.snapshot.revision, await all(loaded)], [2999n, []]);
    const without = await snapshots.load("loaded-1", { ignoreSnapshot: true, count: 2 });
    assert.deepEqual(numbers(await all(without)), [0, 1]);
    const left = await snapshots.load("loaded-1", { ignoreSnapshot: true });
    await left.close();
    await errorOf(StreamNotFound, () => snapshots.load("nobody-2"));
  },

  async "a policy says when a snapshot is due"() {
    const { snapshots } = store;
    const often = { everyEvents: 10n, everyMs: 300000, keep: 3 };
    const rarely = { everyEvents: 1000n, everyMs: 0, keep: 1 };
    await snapshots.setCategoryPolicy("duly", often);
    await snapshots.setPolicy("duly-1", { everyEvents: 1000 });
    const { categories, streams } = await snapshots.policies();
    assert.deepEqual([categories.duly, streams["duly-1"]], [often, rarely]);
    await snapshots.setPolicy("duly-1", undefined);
    assert.deepEqual((await snapshots.policies()).streams, {});
    const isDue = async () => (await snapshots.load("duly-1")).due;
    await store.append("duly-1", numbered(0, 9), { expected: NO_STREAM });
    assert.equal(await isDue(), false);
    const following = snapshots.due("duly");
    const due = following[Symbol.asyncIterator]();
    const first = due.next();
    await store.append("duly-1", numbered(9, 10), { expected: 8 });
    assert.deepEqual((await first).value, { stream: "duly-1", revision: 9n, snapshotRevision: undefined });
    assert.equal(await isDue(), true);
    await snapshots.put("duly-1", 9, {});
    assert.equal(await isDue(), false);
    await store.append("duly-1", numbered(10, 20), { expected: 9 });
    const again = { stream: "duly-1", revision: 19n, snapshotRevision: 9n };
    assert.deepEqual((await due.next()).value, again);
    await restart();
    assert.deepEqual((await due.next()).value, again);
    following.close();
    assert((await due.next()).done);
  },

  async "a reducer folds a stream on the server"() {
    const { reducers } = store;
    await store.append("folded-1", numbered(0, 10), { expected: NO_STREAM });
    await errorOf(NoState, () => reducers.state("folded-1"));
    await errorOf(InvalidRequest, () => reducers.put("folded", "return function("));
    const reducerHash = await reducers.put("folded", SUM);
    const state = { value: { sum: 45 }, revision: 9n, reducerHash, folded: 10n };
    assert.deepEqual(await reducers.state("folded-1"), state);
    assert.deepEqual((await reducers.state("folded-1", { at: 3 })).value, { sum: 6 });
    await errorOf(RevisionNotFound, () => reducers.state("folded-1", { at: 10n }));
    await errorOf(StreamNotFound, () => reducers.state("folded-2"));
    assert.equal(await reducers.delete("folded"), true);
    assert.equal(await reducers.delete("folded"), false);
  },

  async "a reducer may be rules of merge patches"() {
    const { reducers } = store;
    const rules = [
      { eventType: "Registered", at: [], patch: undefined },
      { eventType: "Moved", at: ["address"], patch: undefined },
      { eventType: "Left", at: [], patch: { left: true, address: null } },
    ];
    await reducers.put("merged", rules);
    const listed = (await reducers.list()).find(({ category }) => category === "merged");
    assert.deepEqual([listed.folding, listed.disabled], [rules, undefined]);
    const events = [new Event("Registered", { name: "Ada" }), new Event("Moved", { town: "London" })];
    await store.append("merged-1", events, { expected: NO_STREAM });
    const state = async () => (await reducers.state("merged-1")).value;
    assert.deepEqual(await state(), { name: "Ada", address: { town: "London" } });
    await store.append("merged-1", [new Event("Left")], { expected: 1 });
    assert.deepEqual(await state(), { name: "Ada", left: true });
  },

  async "a reducer that fails is disabled until it is put again"() {
    const { reducers } = store;
    await reducers.put("failing", SUM);
    const events = [...numbered(0, 2), new Event("Odd", {})];
    await store.append("failing-1", events, { expected: NO_STREAM });
    const error = await errorOf(NoState, () => reducers.state("failing-1"));
    assert.match(error.message, /failing-1@2/);
    const { disabled } = (await reducers.list()).find(({ category }) => category === "failing");
    assert.deepEqual([disabled.stream, disabled.revision], ["failing-1", 2n]);
    await errorOf(NoState, () => reducers.state("failing-1", { at: 1 }));
    await reducers.put("failing", SUM);
    assert.deepEqual((await reducers.state("failing-1", { at: 1 })).value, { sum: 1 });
  },

  async "an upcaster shows events in their newest form"() {
    const { reducers, snapshots } = store;
    const events = [new Event("Shown", { number: 1 }), new Event("Shown", { n: 2 })];
    await store.append("shown-1", events, { expected: ANY });
    const hash = await reducers.putUpcaster("Shown", NEWEST);
    const listed = (await reducers.listUpcasters()).find(({ eventType }) => eventType === "Shown");
    assert.deepEqual([listed.source, listed.hash, listed.disabled], [NEWEST, hash, undefined]);
    assert.deepEqual((await all(store.readStream("shown-1")))[0].json(), { number: 1 });
    const upcast = true;
    const query = [{ types: ["Shown"] }];
    assert.deepEqual(numbers(await all(store.readStream("shown-1", { upcast }))), [1, 2]);
    assert.deepEqual(numbers(await all(store.readAll({ query, upcast }))), [1, 2]);
    assert.deepEqual(numbers(await all(await snapshots.load("shown-1", { upcast }))), [1, 2]);
    const subscription = store.subscribe({ stream: "shown-1", upcast });
    assert.deepEqual(numbers(await nextEvents(subscription[Symbol.asyncIterator](), 2)), [1, 2]);
    subscription.close();
    await reducers.putUpcaster("Shown", "return function(event) return nil end");
    await errorOf(UpcasterFailed, () => all(store.readStream("shown-1", { upcast })));
    await errorOf(UpcasterFailed, () => snapshots.load("shown-1", { upcast }));
    await errorOf(UpcasterFailed, () => all(store.subscribe({ stream: "shown-1", upcast })));
    assert.equal(await reducers.deleteUpcaster("Shown"), true);
  },
});
