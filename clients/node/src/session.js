// Many appends in flight on one call.

import { setTimeout as passed } from "node:timers/promises";

import { status as codes } from "@grpc/grpc-js";

import { AppendSessionRequest } from "../generated/sagabase/v1/event_store.js";
import { begun, errorOfCall, errorOfFailure, Unavailable } from "./errors.js";
import { appendedToMany, appendRequest } from "./events.js";
import { Backoff } from "./retry.js";
import { mark } from "./tracing.js";

const IN_FLIGHT_MAX = 256; // what the server reads ahead

function ofOne({ streams: [{ firstRevision, lastRevision }], position, replayed }) {
  return { firstRevision, lastRevision, position, replayed };
}

/** Appends are committed in the order in which they are made, each at most once; the promises tell
 * what became of them. If the connection breaks, what has no answer yet is sent again with the same
 * event ids. At most 256 are in flight: the next ones wait for their turn. */
export class AppendSession {
  #start;
  #backoff;
  #call;
  #pending = new Map(); // by correlation id, in order: sent, no answer yet
  #waiting = []; // for room among the pending
  #newest = 0n; // correlation id
  #aloneUntil = 0n; // correlation id: up to it one append is in flight at a time
  #closed = false;
  #failure;
  #running;

  constructor(start, retry) {
    this.#start = start;
    this.#backoff = new Backoff(retry);
    this.#running = this.#run();
  }

  append(stream, events, { expected }) {
    return this.#submit([{ stream, events, expected }], [], undefined, ofOne);
  }

  appendMany(appends, checks = [], { condition } = {}) {
    return this.#submit(appends, checks, condition, (answer) => answer);
  }

  /** Waits until every append has its result. */
  async close() {
    this.#closed = true;
    this.#endIfDone();
    await this.#running;
  }

  #submit(appends, checks, condition, resultOf) {
    return new Promise((done, fail) => {
      if (this.#failure) throw this.#failure;
      if (this.#closed) throw new Error("the session is closed");
      const append = appendRequest(appends, checks, condition);
      mark(append);
      this.#newest++;
      const request = AppendSessionRequest.create({ correlationId: this.#newest, append });
      this.#waiting.push({ request, fail, done: (answer) => done(resultOf(answer)) });
      this.#send();
    });
  }

  #send() {
    while (this.#call && this.#waiting.length > 0 && this.#hasRoom()) {
      const next = this.#waiting.shift();
      this.#pending.set(next.request.correlationId, next);
      this.#call.write(next.request);
    }
  }

  #hasRoom() {
    const [oldest] = this.#pending.keys();
    const next = oldest ?? this.#waiting[0].request.correlationId;
    return this.#pending.size < (next <= this.#aloneUntil ? 1 : IN_FLIGHT_MAX);
  }

  #isDone() {
    return this.#closed && this.#pending.size === 0 && this.#waiting.length === 0;
  }

  #endIfDone() {
    if (this.#isDone()) this.#call?.end();
  }

  #settle({ correlationId, outcome }) {
    const { done, fail } = this.#pending.get(correlationId);
    this.#pending.delete(correlationId);
    if (outcome.oneofKind === "appended") done(appendedToMany(outcome.appended));
    else fail(errorOfFailure(outcome.failed));
  }

  /** Runs one call to its end, and says why it ended. */
  #callOnce() {
    return new Promise((ended) => {
      const call = begun(this.#start, ended);
      if (!call) return;
      call.on("data", ({ results }) => {
        this.#backoff.reset();
        for (const result of results) this.#settle(result);
        this.#send();
        this.#endIfDone();
      });
      call.on("error", (error) => ended(errorOfCall(error)));
      call.on("end", () => ended(new Unavailable(codes.UNAVAILABLE, "the session ended early")));
      this.#call = call;
      for (const { request } of this.#pending.values()) call.write(request);
      this.#send();
      this.#endIfDone();
    });
  }

  async #run() {
    for (;;) {
      const error = await this.#callOnce();
      this.#call = undefined;
      if (this.#isDone()) return;
      if (error instanceof Unavailable) {
        const delayMs = this.#backoff.nextDelayMs();
        if (delayMs === undefined) return this.#giveUp(error);
        await passed(delayMs);
      } else if (error.code === codes.CANCELLED || !this.#singleOut(error)) {
        return this.#giveUp(error);
      }
    }
  }

  /** An append that cannot be sent, or that the server cannot even read, ends the call that it is on:
   * what was in flight with it is sent again one by one, and the error met by the one that it is
   * about. */
  #singleOut(error) {
    const [oldest] = this.#pending.values();
    if (!oldest) return false;
    if (oldest.request.correlationId <= this.#aloneUntil) {
      this.#pending.clear(); // of this one
      oldest.fail(error);
    } else {
      this.#aloneUntil = this.#newest;
      this.#waiting.unshift(...this.#pending.values());
      this.#pending.clear();
    }
    return true;
  }

  #giveUp(error) {
    this.#failure = error;
    const abandoned = [...this.#pending.values(), ...this.#waiting];
    this.#pending.clear();
    this.#waiting = [];
    for (const { fail } of abandoned) fail(error);
  }
}
