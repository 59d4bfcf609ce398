// Is compiled, not run: what a program does with the package in TypeScript.

import { ANY, CaughtUp, connect, Event, NoState, RecordedEvent, WrongRevision } from "sagabase";

const store = connect("localhost:2113", { retry: { attempts: 3 } });

export async function program(): Promise<string[]> {
  const told: string[] = [];
  try {
    const appended = await store.append("a-1", [new Event("X", { n: 1 })], { expected: 4n });
    told.push(appended.lastRevision.toString());
  } catch (error) {
    if (error instanceof WrongRevision) told.push(`${error.stream} is at ${error.actual}`);
  }
  for await (const event of store.readStream("a-1", { backwards: true })) told.push(event.json().n);
  const session = store.appendSession();
  await session.append("a-1", [new Event("X", new Uint8Array())], { expected: ANY });
  for await (const item of store.subscribe({ filter: { typePrefixes: ["X"] } })) {
    if (item instanceof RecordedEvent) told.push(item.stream);
    else if (item instanceof CaughtUp) told.push(String(item.position));
    else if (item.position > 10n) break;
  }
  for await (const type of store.listEventTypes({ prefix: "X" })) told.push(type);
  await store.setStreamPolicy("a-1", { maxCount: 3 }, { truncateBefore: 1n });
  told.push(String((await store.getStreamPolicy("a-1")).maxAgeMs));
  await store.deleteStream("a-1", { expected: ANY });
  for await (const event of store.readAll({ start: new Date() })) told.push(event.type);
  const loaded = await store.snapshots.load("a-1", { upcast: true });
  let sum: number = loaded.snapshot?.json().sum ?? 0;
  for await (const event of loaded) sum += event.json().n;
  await store.snapshots.put("a-1", 4n, { sum }, { keep: 2, ttlMs: 1000 });
  await store.snapshots.setCategoryPolicy("a", { everyEvents: 100 });
  for await (const { stream, snapshotRevision } of store.snapshots.due("a"))
    if (snapshotRevision === undefined) told.push(stream);
  await store.reducers.put("a", [{ eventType: "X", at: ["x"], patch: { y: null } }]);
  await store.reducers.put("a", "return function(state, event) return event.data end");
  try {
    told.push((await store.reducers.state("a-1")).value.n);
  } catch (error) {
    if (error instanceof NoState) told.push(error.message);
  }
  for (const { disabled } of await store.reducers.list()) if (disabled) told.push(disabled.error);
  store.participant(["shelf"], { Reserve: ({ signal }) => signal.throwIfAborted() });
  // @ts-expect-error: what the stream must be is not optional
  await store.append("a-1", [new Event("X")]);
  return told;
}
