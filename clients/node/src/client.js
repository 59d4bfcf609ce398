// The door to a server.

import { setTimeout as passed } from "node:timers/promises";

import { credentials as grpcCredentials, InterceptingCall, status as codes } from "@grpc/grpc-js";

import { GetInfoRequest } from "../generated/sagabase/v1/admin.js";
import { AdminClient } from "../generated/sagabase/v1/admin.grpc-client.js";
import * as api from "../generated/sagabase/v1/event_store.js";
import { EventStoreClient } from "../generated/sagabase/v1/event_store.grpc-client.js";
import { ParticipantClient } from "../generated/sagabase/v1/participant.grpc-client.js";
import { closed, errorOfCall, errorOfRead, StreamNotFound, Unavailable } from "./errors.js";
import {
  appendedToMany,
  appendRequest,
  END,
  expectedOneof,
  filterMessage,
  microseconds,
  moment,
  policyMessage,
  proposed,
  queryMessage,
  RecordedEvent,
  START,
  streamInfo,
  streamPolicy,
  whole,
} from "./events.js";
import { Participant } from "./participant.js";
import { Reducers } from "./reducers.js";
import { Backoff, checkedRetry } from "./retry.js";
import { Sagas } from "./sagas.js";
import { AppendSession } from "./session.js";
import { Snapshots } from "./snapshots.js";
import { Subscription } from "./subscription.js";
import { headers } from "./tracing.js";

const MESSAGE_BYTES_MAX = 16 << 20;
const PING_MS = 20000; // how soon a subscription learns that its connection is dead
const PAGE_SIZE = 1000;

/** A client of the server at "host:port". It connects when it is first used. `timeoutMs` is for
 * each attempt of a call; `options` are those of the gRPC channel. */
export function connect(address, { credentials, retry, timeoutMs = 10000, options = {} } = {}) {
  const checked = checkedRetry(retry);
  return new Client(
    address,
    credentials ?? grpcCredentials.createInsecure(),
    {
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.keepalive_time_ms": PING_MS,
      "grpc.initial_reconnect_backoff_ms": Math.ceil(checked.delayMs),
      "grpc.max_reconnect_backoff_ms": Math.ceil(checked.delayMaxMs),
      ...options,
    },
    checked,
    timeoutMs,
  );
}

/** `oneof from` of an edge, a time or a number. */
function fromOneof(place, name) {
  if (place === START || place === END) return { oneofKind: "edge", edge: api.Edge[place] };
  if (place instanceof Date) return { oneofKind: "timeUs", timeUs: microseconds(place) };
  return { oneofKind: name, [name]: whole(name, place) };
}

function directionOf(backwards) {
  return backwards ? api.Direction.BACKWARDS : api.Direction.FORWARDS;
}

export class Client {
  #open = new Set(); // calls
  #closed = false;
  #store;
  #admin;
  #participants;
  #retry;
  #timeoutMs;

  constructor(address, credentials, options, retry, timeoutMs) {
    const interceptors = [...(options.interceptors ?? []), (...call) => this.#watched(...call)];
    this.#store = new EventStoreClient(address, credentials, { ...options, interceptors });
    const channelOverride = this.#store.getChannel();
    const makeClient = (Kind) =>
      new Kind(address, credentials, { ...options, interceptors, channelOverride });
    this.#admin = makeClient(AdminClient);
    this.#participants = makeClient(ParticipantClient);
    this.#retry = retry;
    this.#timeoutMs = timeoutMs;
    const call = (...what) => this.#call(...what);
    this.sagas = new Sagas(makeClient, call, (...what) => this.#pages(...what), retry);
    this.snapshots = new Snapshots(makeClient, call, (...what) => this.#responses(...what), retry);
    this.reducers = new Reducers(makeClient, call);
  }

  /** Ends its calls, too. */
  close() {
    this.#closed = true;
    for (const call of this.#open) call.cancelWithStatus(codes.CANCELLED, closed().message);
    this.#store.close();
  }

  // --- appending ---------------------------------------------------------------

  /** Appends to one stream, all or nothing. WrongRevision if the stream is not as expected. */
  async append(stream, events, { expected }) {
    const request = api.AppendToStreamRequest.create({
      stream,
      events: events.map(proposed),
      expected: expectedOneof(expected),
    });
    const { firstRevision, lastRevision, position, replayed } =
      await this.#call(this.#store, "appendToStream", request);
    return { firstRevision, lastRevision, position, replayed };
  }

  /** Appends to several streams and checks others, all or nothing. ConditionFailed if an event is
   * there that the condition forbids. */
  async appendMany(appends, checks = [], { condition } = {}) {
    const request = appendRequest(appends, checks, condition);
    return appendedToMany(await this.#call(this.#store, "append", request));
  }

  /** For many appends one after another that need not wait for each other. */
  appendSession() {
    return new AppendSession(() => this.#store.appendSession(), this.#retry);
  }

  // --- reading -----------------------------------------------------------------

  /** The events of one stream, from the revision or time `start` on, that one included; `count` 0:
   * all. `upcast`: in their newest form. StreamNotFound comes with the first event. */
  readStream(stream, { start, backwards = false, count = 0, filter, upcast = false } = {}) {
    const request = api.ReadStreamRequest.create({
      stream,
      direction: directionOf(backwards),
      count: BigInt(count),
      filter: filter && filterMessage(filter),
      upcast,
    });
    if (start !== undefined) request.from = fromOneof(start, "revision");
    return this.#read(() => this.#store.readStream(request, headers()), upcast);
  }

  /** The events of the whole store in commit order, from the position or time `start` on. A query finds
   * its events by index, a filter looks at each; both as they are stored. */
  readAll({ start, backwards = false, count = 0, query, filter, upcast = false } = {}) {
    const request = api.ReadAllRequest.create({
      direction: directionOf(backwards),
      count: BigInt(count),
      query: query && queryMessage(query),
      filter: filter && filterMessage(filter),
      upcast,
    });
    if (start !== undefined) request.from = fromOneof(start, "position");
    return this.#read(() => this.#store.readAll(request, headers()), upcast);
  }

  /** Past events, then new ones, without end: of one stream behind the revision `after`, or of all
   * streams behind the position `after`. END: only what is appended from when the iteration begins. A
   * time: what was taken in at or after it. */
  subscribe(options = {}) {
    if (typeof options !== "object") throw new TypeError("subscribe: give { stream }");
    const { stream = "", after = START, query, filter, checkpointInterval = 0, upcast = false } = options;
    const makeRequest = async () => {
      const place = stream && after === END ? await this.#lastRevision(stream) : after;
      const request = api.SubscribeRequest.create({ stream, checkpointInterval, upcast });
      request.from = fromOneof(place, stream ? "afterRevision" : "afterPosition");
      if (query) request.query = queryMessage(query);
      if (filter) request.filter = filterMessage(filter);
      return request;
    };
    return new Subscription((request) => this.#store.subscribe(request), makeRequest, this.#retry);
  }

  // --- looking around ------------------------------------------------------------

  /** StreamNotFound if it has no event. */
  async getStream(stream) {
    const request = api.GetStreamRequest.create({ stream });
    return streamInfo((await this.#call(this.#store, "getStream", request)).stream);
  }

  /** In the byte order of their names, as many pages as there are. */
  async *listStreams({ prefix = "", pageSize = PAGE_SIZE } = {}) {
    const request = api.ListStreamsRequest.create({ prefix, pageSize });
    for await (const { streams } of this.#pages(this.#store, "listStreams", request)) yield* streams.map(streamInfo);
  }

  /** All that were ever appended, in byte order. */
  async *listEventTypes({ prefix = "", pageSize = PAGE_SIZE } = {}) {
    const request = api.ListEventTypesRequest.create({ prefix, pageSize });
    for await (const { types } of this.#pages(this.#store, "listEventTypes", request)) yield* types;
  }

  /** Of all streams that ever were, in byte order. */
  async *listCategories({ prefix = "", pageSize = PAGE_SIZE } = {}) {
    const request = api.ListCategoriesRequest.create({ prefix, pageSize });
    for await (const { categories } of this.#pages(this.#store, "listCategories", request)) yield* categories;
  }

  async info() {
    const answer = await this.#call(this.#admin, "getInfo", GetInfoRequest.create());
    const { version, commit, engine, events, streams, types, startedUs, newest } = answer;
    const position = newest.oneofKind === "position" ? newest.position : undefined;
    return { version, commit, engine, events, streams, types, started: moment(startedUs), position };
  }

  // --- retention -----------------------------------------------------------------

  /** Takes the place of the one before, and of its category's; an empty one gives way to that
   * again. Also hides the events before the revision `truncateBefore`, for ever. */
  async setStreamPolicy(stream, policy = {}, { truncateBefore = 0 } = {}) {
    await this.#setPolicy({ oneofKind: "stream", stream }, policy, truncateBefore);
  }

  /** For each stream of the category that has no policy of its own. */
  async setCategoryPolicy(category, policy = {}) {
    await this.#setPolicy({ oneofKind: "category", category }, policy, 0);
  }

  /** As it was set; empty if it never was. */
  getStreamPolicy(stream) {
    return this.#getPolicy({ oneofKind: "stream", stream });
  }

  /** As it was set; empty if it never was. */
  getCategoryPolicy(category) {
    return this.#getPolicy({ oneofKind: "category", category });
  }

  /** Hides all events that it has. What is appended later goes on behind them. */
  async deleteStream(stream, { expected }) {
    const request = api.DeleteStreamRequest.create({ stream, expected: expectedOneof(expected) });
    await this.#call(this.#store, "deleteStream", request);
  }

  /** Deletes it for ever: nothing can be appended to it any more. */
  async tombstoneStream(stream, { expected }) {
    const request = api.TombstoneStreamRequest.create({ stream, expected: expectedOneof(expected) });
    await this.#call(this.#store, "tombstoneStream", request);
  }

  // --- sagas ---------------------------------------------------------------------

  /** Takes commands from these queues; `run` it. `handlers` are functions by type of command; at most
   * `maxInFlight` of each queue run at once. */
  participant(queues, handlers, options) {
    return new Participant(() => this.#participants.work(), this.#retry, queues, handlers, options);
  }

  // --- the calls -----------------------------------------------------------------

  /** Knows each call until it has ended, so that `close` can end it. */
  #watched(options, nextCall) {
    if (this.#closed) throw closed();
    const call = new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        this.#open.add(call);
        next(metadata, {
          onReceiveStatus: (status, pass) => {
            this.#open.delete(call);
            pass(status);
          },
        });
      },
    });
    return call;
  }

  #callOnce(client, method, request) {
    const options = { deadline: Date.now() + this.#timeoutMs };
    return new Promise((done, fail) =>
      client[method](request, headers(), options, (error, response) =>
        error ? fail(errorOfCall(error)) : done(response)));
  }

  /** Repeats what may be repeated: the request, and with it the event ids, stays the same. */
  async #call(client, method, request) {
    const backoff = new Backoff(this.#retry);
    for (;;) {
      try {
        return await this.#callOnce(client, method, request);
      } catch (error) {
        const delayMs = error instanceof Unavailable ? backoff.nextDelayMs() : undefined;
        if (delayMs === undefined) throw error;
        await passed(delayMs);
      }
    }
  }

  async *#pages(client, method, request) {
    do {
      const page = await this.#call(client, method, request);
      yield page;
      request.pageToken = page.nextPageToken;
    } while (request.pageToken);
  }

  async #setPolicy(target, policy, truncateBefore) {
    const request = api.SetStreamPolicyRequest.create({
      target,
      policy: policyMessage(policy),
      truncateBefore: whole("truncateBefore", truncateBefore),
    });
    await this.#call(this.#store, "setStreamPolicy", request);
  }

  async #getPolicy(target) {
    const request = api.GetStreamPolicyRequest.create({ target });
    const { policy } = await this.#call(this.#store, "getStreamPolicy", request);
    return streamPolicy(policy ?? api.StreamPolicy.create());
  }

  /** Of a read, which is not resumed. */
  async *#responses(start, upcast) {
    const call = start();
    call.on("error", () => {}); // told by the iteration; our own cancel is no news
    try {
      yield* call;
    } catch (error) {
      throw errorOfRead(error, upcast);
    } finally {
      call.cancel(); // when the reader stops before the end
    }
  }

  async *#read(start, upcast) {
    for await (const { events } of this.#responses(start, upcast))
      for (const event of events) yield new RecordedEvent(event);
  }

  /** Where END is now. A subscription that is resumed has to know where it began. */
  async #lastRevision(stream) {
    try {
      return (await this.getStream(stream)).lastRevision;
    } catch (error) {
      if (error instanceof StreamNotFound) return START;
      throw error;
    }
  }
}
