// What is appended and what is read, and how it becomes messages and comes from them.

import { randomUUID } from "node:crypto";

import * as api from "../generated/sagabase/v1/event_store.js";

export const JSON_TYPE = "application/json";

/** A stream whatever it holds; one without events; one with events. */
export const ANY = "ANY";
export const NO_STREAM = "NO_STREAM";
export const STREAM_EXISTS = "STREAM_EXISTS";

/** The ends of a stream, or of the store. */
export const START = "START";
export const END = "END";

/** Bytes as they are, anything else as JSON; and what that is, unless it is told. */
export function written(value, contentType) {
  if (value instanceof Uint8Array) return { data: value, type: contentType ?? "" };
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`JSON cannot say ${String(value)}`);
  return { data: Buffer.from(text), type: contentType ?? JSON_TYPE };
}

/** A revision, a position or a number of events, as it is sent. Numbers above 2^53 are not exact. */
export function whole(name, value) {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value))
    throw new TypeError(`${name}: give a whole number, above 2^53 as a bigint, not ${String(value)}`);
  if (value < 0 || value >= 2n ** 64n) throw new RangeError(`${name}: not negative, and below 2^64`);
  return BigInt(value);
}

/** One text can be iterated over, too, but by its letters: nobody means that. */
export function texts(name, value = []) {
  if (typeof value === "string") throw new TypeError(`${name}: give a list of texts, not "${value}"`);
  return [...value];
}

/** An event to append. Its id is chosen here and makes repeating an append harmless: to try
 * again, append the same object. `data` that is not bytes is written as JSON. */
export class Event {
  constructor(type, data = new Uint8Array(), { tags = [], metadata = {}, contentType, id } = {}) {
    const how = written(data, contentType);
    this.type = type;
    this.data = how.data;
    this.tags = texts("tags", tags);
    this.metadata = { ...metadata };
    this.contentType = how.type;
    this.id = id ?? randomUUID();
  }
}

/** An event as it is stored. */
export class RecordedEvent {
  constructor(event) {
    this.id = event.id;
    this.type = event.type;
    this.contentType = event.contentType;
    this.data = event.data;
    this.metadata = event.metadata;
    this.tags = event.tags;
    this.stream = event.stream;
    this.revision = event.revision;
    this.position = event.position;
    this.created = moment(event.createdUs);
    this.erased = event.erasedUs === 0n ? undefined : moment(event.erasedUs);
  }

  /** What `data` says in JSON. SyntaxError if it is not JSON. */
  json() {
    return JSON.parse(new TextDecoder().decode(this.data));
  }
}

/** Since 1970. */
export function microseconds(date) {
  return BigInt(date.getTime()) * 1000n;
}

export function moment(timeUs) {
  return new Date(Number(timeUs / 1000n));
}

/** `oneof expected` of a revision or a state. */
export function expectedOneof(expected) {
  if (typeof expected === "bigint" || Number.isInteger(expected))
    return { oneofKind: "revision", revision: whole("expected", expected) };
  if (![ANY, NO_STREAM, STREAM_EXISTS].includes(expected))
    throw new TypeError("expected: give a revision, ANY, NO_STREAM or STREAM_EXISTS");
  return { oneofKind: "state", state: api.StreamState[expected] };
}

export function stateName(state) {
  return api.StreamState[state];
}

export function proposed(event) {
  if (!(event instanceof Event)) throw new TypeError("events: give objects of class Event");
  const { id, type, contentType, data, metadata, tags } = event;
  return api.ProposedEvent.create({ id, type, contentType, data, metadata, tags });
}

export function queryMessage(items) {
  return api.Query.create({
    items: items.map((item) =>
      api.QueryItem.create({ ...item, types: texts("types", item.types), tags: texts("tags", item.tags) })),
  });
}

export function filterMessage(filter) {
  return api.Filter.create({
    ...filter,
    streamPrefixes: texts("streamPrefixes", filter.streamPrefixes),
    typePrefixes: texts("typePrefixes", filter.typePrefixes),
  });
}

function conditionMessage({ failIf, after }) {
  const seen =
    after === undefined
      ? { oneofKind: undefined }
      : { oneofKind: "afterPosition", afterPosition: whole("after", after) };
  return api.AppendCondition.create({ failIf: queryMessage(failIf), seen });
}

export function appendRequest(appends, checks, condition) {
  return api.AppendRequest.create({
    condition: condition && conditionMessage(condition),
    appends: appends.map(({ stream, events, expected }) =>
      api.StreamAppend.create({
        stream,
        events: events.map(proposed),
        expected: expectedOneof(expected),
      })),
    checks: checks.map(({ stream, expected }) =>
      api.StreamCheck.create({ stream, expected: expectedOneof(expected) })),
  });
}

export function appendedToMany({ streams, position, replayed }) {
  return {
    streams: streams.map(({ stream, firstRevision, lastRevision }) => ({
      stream,
      firstRevision,
      lastRevision,
    })),
    position,
    replayed,
  };
}

export function policyMessage({ maxCount = 0, maxAgeMs = 0, encrypt = false } = {}) {
  return api.StreamPolicy.create({
    maxCount: whole("maxCount", maxCount),
    maxAgeUs: BigInt(Math.round(maxAgeMs * 1000)),
    encrypt,
  });
}

export function streamPolicy({ maxCount, maxAgeUs, encrypt }) {
  return { maxCount, maxAgeMs: Number(maxAgeUs) / 1000, encrypt };
}

export function streamInfo(stream) {
  return {
    name: stream.name,
    category: stream.category,
    firstRevision: stream.firstRevision,
    lastRevision: stream.lastRevision,
    lastPosition: stream.lastPosition,
    created: moment(stream.createdUs),
    appended: moment(stream.appendedUs),
  };
}
