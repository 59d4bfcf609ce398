// Snapshots: states of streams, so that loading one need not read its whole history.

import { status as codes } from "@grpc/grpc-js";

import * as api from "../generated/sagabase/v1/snapshots.js";
import { SnapshotsClient } from "../generated/sagabase/v1/snapshots.grpc-client.js";
import { NewerSnapshot, SnapshotNotFound, toldAs } from "./errors.js";
import { filterMessage, moment, RecordedEvent, whole, written } from "./events.js";
import { Following } from "./subscription.js";

/** A state of a stream; `revision` is that of the newest event that it knows. `expires` undefined:
 * never. */
export class Snapshot {
  constructor({ revision, state, contentType, createdUs, expiresUs }) {
    this.revision = revision;
    this.state = state;
    this.contentType = contentType;
    this.created = moment(createdUs);
    this.expires = expiryOf(expiresUs);
  }

  /** What `state` says in JSON. SyntaxError if it is not JSON. */
  json() {
    return JSON.parse(new TextDecoder().decode(this.state));
  }
}

/** The newest `snapshot` of a stream, undefined if it has none, and, to be iterated over once, the
 * events behind it. `due`: it is time for the next snapshot, which the server does not make
 * itself. */
export class Loaded {
  #pages;
  #first;

  constructor(first, pages) {
    this.snapshot = first.snapshot && new Snapshot(first.snapshot);
    this.due = first.due;
    this.#first = first;
    this.#pages = pages;
  }

  async *[Symbol.asyncIterator]() {
    yield* this.#first.events.map((event) => new RecordedEvent(event));
    for await (const { events } of this.#pages) yield* events.map((event) => new RecordedEvent(event));
  }

  /** Ends it where it is not read to its end. */
  async close() {
    await this.#pages.return();
  }
}

function* handOutDue({ stream, revision, newest }) {
  const known = newest.oneofKind === "snapshotRevision";
  yield { stream, revision, snapshotRevision: known ? newest.snapshotRevision : undefined };
}

/** Streams that are due, then each that becomes so, without end. After a lost connection what is due
 * then is told again. */
export class DueStreams extends Following {
  constructor(start, makeRequest, retry) {
    super(start, makeRequest, handOutDue, retry);
  }
}

function expiryOf(expiresUs) {
  return expiresUs === 0n ? undefined : moment(expiresUs);
}

function policyMessage({ everyEvents = 0, everyMs = 0, keep = 1 }) {
  return api.SnapshotPolicy.create({
    everyEvents: whole("everyEvents", everyEvents),
    everyMs: BigInt(Math.round(everyMs)),
    keep,
  });
}

function policyOf({ everyEvents, everyMs, keep }) {
  return { everyEvents, everyMs: Number(everyMs), keep: keep || 1 };
}

/** `oneof` of a revision that may be left out. */
function revisionOneof(revision) {
  return revision === undefined
    ? { oneofKind: undefined }
    : { oneofKind: "revision", revision: whole("revision", revision) };
}

/** `client.snapshots`. */
export class Snapshots {
  #snapshots;
  #call;
  #responses;
  #retry;

  constructor(makeClient, call, responses, retry) {
    this.#snapshots = makeClient(SnapshotsClient);
    this.#call = (method, request) => call(this.#snapshots, method, request);
    this.#responses = responses;
    this.#retry = retry;
  }

  /** Keeps what the events up to `revision` amount to; a state that is not bytes is written as JSON.
   * It is gone after `ttlMs`; 0: never. `keep` of the stream's newest snapshots stay; 0: as its
   * policy says. NewerSnapshot if there is one newer than this, or than `newerThan`. */
  async put(stream, revision, state, { contentType, ttlMs = 0, keep = 0, newerThan } = {}) {
    const { data, type } = written(state, contentType);
    const request = api.PutSnapshotRequest.create({
      stream,
      revision: whole("revision", revision),
      contentType: type,
      state: data,
      ttlMs: BigInt(Math.round(ttlMs)),
      keep,
    });
    if (newerThan !== undefined)
      request.expected = { oneofKind: "newerThan", newerThan: whole("newerThan", newerThan) };
    await toldAs(NewerSnapshot, codes.ABORTED, this.#call("putSnapshot", request));
  }

  /** The newest, or the newest at or before the revision `at`. SnapshotNotFound if there is none. */
  async get(stream, { at } = {}) {
    const request = api.GetSnapshotRequest.create({ stream, at: revisionOneof(at) });
    const answer = this.#call("getSnapshot", request);
    return new Snapshot((await toldAs(SnapshotNotFound, codes.NOT_FOUND, answer)).snapshot);
  }

  /** That of this revision, or all; whether there was one. */
  async delete(stream, { revision } = {}) {
    const request = api.DeleteSnapshotRequest.create({ stream, which: revisionOneof(revision) });
    return (await this.#call("deleteSnapshot", request)).deleted;
  }

  /** Newest first. */
  async list(stream) {
    const { snapshots } = await this.#call("listSnapshots", api.ListSnapshotsRequest.create({ stream }));
    return snapshots.map(({ revision, stateBytes, createdUs, expiresUs }) => ({
      revision,
      stateBytes,
      created: moment(createdUs),
      expires: expiryOf(expiresUs),
    }));
  }

  /** The newest snapshot and every event behind it, as they were at the time of the call: what the
   * stream's state is made of. StreamNotFound if it has no event. */
  async load(stream, { count = 0, filter, ignoreSnapshot = false, upcast = false } = {}) {
    const request = api.LoadStreamRequest.create({
      stream,
      count: BigInt(count),
      filter: filter && filterMessage(filter),
      ignoreSnapshot,
      upcast,
    });
    const pages = this.#responses(() => this.#snapshots.loadStream(request), upcast);
    const { value } = await pages.next();
    return new Loaded(value ?? api.LoadStreamResponse.create(), pages);
  }

  // --- when ------------------------------------------------------------------------

  /** Takes the place of the one before, and of its category's; undefined gives way to that. */
  async setPolicy(stream, policy) {
    await this.#setPolicy({ oneofKind: "stream", stream }, policy);
  }

  /** For each stream of the category that has no policy of its own; undefined: no more. */
  async setCategoryPolicy(category, policy) {
    await this.#setPolicy({ oneofKind: "category", category }, policy);
  }

  /** All that there are, by name. */
  async policies() {
    const request = api.ListSnapshotPoliciesRequest.create();
    const { policies } = await this.#call("listSnapshotPolicies", request);
    const of = (kind) =>
      policies
        .filter(({ target }) => target.oneofKind === kind)
        .map(({ target, policy }) => [target[kind], policyOf(policy)]);
    return { categories: Object.fromEntries(of("category")), streams: Object.fromEntries(of("stream")) };
  }

  /** The streams of a category, or all, that are due for a snapshot, and then each that becomes so,
   * but for those whose snapshots the server makes itself. */
  due(category = "") {
    const makeRequest = async () => api.SubscribeDueRequest.create({ category });
    return new DueStreams((request) => this.#snapshots.subscribeDue(request), makeRequest, this.#retry);
  }

  async #setPolicy(target, policy) {
    const request = api.SetSnapshotPolicyRequest.create({ target, policy: policy && policyMessage(policy) });
    await this.#call("setSnapshotPolicy", request);
  }
}
