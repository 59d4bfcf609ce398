// Past events, then new ones, over as many connections as it takes.

import { setTimeout as passed } from "node:timers/promises";

import { status as codes } from "@grpc/grpc-js";

import { Edge } from "../generated/sagabase/v1/event_store.js";
import { errorOfRead, Unavailable } from "./errors.js";
import { RecordedEvent } from "./events.js";
import { Backoff } from "./retry.js";

/** Everything committed so far was handed out; what follows is live. `position` is that of the
 * newest event, undefined if the store is empty. */
export class CaughtUp {
  constructor(position) {
    this.position = position;
  }
}

/** Every event up to `position` was looked at: a position to resume from. */
export class Checkpoint {
  constructor(position) {
    this.position = position;
  }
}

/** The reader is slower than the writers: past events follow until the next CaughtUp. */
export class FellBehind {
  constructor(position) {
    this.position = position;
  }
}

/** Iterate over it with `for await`, once, over as many connections as it takes. `close` ends the
 * iteration. Who iterates anew after an error goes on behind the last item. `handOut` gives the items of a
 * message, and changes the request so that it resumes behind them. */
export class Following {
  #start;
  #makeRequest;
  #handOut;
  #backoff;
  #call;
  #closing = new AbortController();
  #request;
  #items;

  constructor(start, makeRequest, handOut, retry) {
    this.#start = start;
    this.#makeRequest = makeRequest;
    this.#handOut = handOut;
    this.#backoff = new Backoff(retry);
    this.#items = this.#run();
  }

  [Symbol.asyncIterator]() {
    return this.#items;
  }

  close() {
    this.#closing.abort();
    this.#call?.cancel();
  }

  async *#run() {
    try {
      yield* this.#follow();
    } catch (error) {
      this.#backoff.reset(); // a generator that threw has ended
      this.#items = this.#run();
      throw error;
    }
  }

  async *#follow() {
    const request = (this.#request ??= await this.#makeRequest());
    for (;;) {
      if (this.#closing.signal.aborted) return;
      let error = new Unavailable(codes.UNAVAILABLE, "the server ended the subscription");
      this.#call = this.#start(request);
      this.#call.on("error", () => {}); // told by the iteration; our own cancel is no news
      try {
        for await (const message of this.#call) {
          this.#backoff.reset();
          for (const item of this.#handOut(message, request)) {
            if (this.#closing.signal.aborted) return;
            yield item;
          }
          if (this.#closing.signal.aborted) return;
        }
      } catch (broken) {
        error = errorOfRead(broken, request.upcast);
      } finally {
        this.#call.cancel();
      }
      if (this.#closing.signal.aborted) return;
      const delayMs = error instanceof Unavailable ? this.#backoff.nextDelayMs() : undefined;
      if (delayMs === undefined) throw error;
      await passed(delayMs, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }
}

function lookedAt(request, position) {
  if (request.stream) return; // a stream is resumed by revision
  request.from =
    position === undefined
      ? { oneofKind: "edge", edge: Edge.START } // the store is empty: all that comes is new
      : { oneofKind: "afterPosition", afterPosition: position };
}

/** Each item moves the place to resume from when it leaves. */
function* handOut({ message }, request) {
  switch (message.oneofKind) {
    case "events":
      for (const event of message.events.events) {
        request.from = request.stream
          ? { oneofKind: "afterRevision", afterRevision: event.revision }
          : { oneofKind: "afterPosition", afterPosition: event.position };
        yield new RecordedEvent(event);
      }
      return;
    case "checkpoint":
      lookedAt(request, message.checkpoint.position);
      yield new Checkpoint(message.checkpoint.position);
      return;
    case "caughtUp": {
      const { hasPosition, position } = message.caughtUp;
      lookedAt(request, hasPosition ? position : undefined);
      yield new CaughtUp(hasPosition ? position : undefined);
      return;
    }
    case "fellBehind":
      lookedAt(request, message.fellBehind.position);
      yield new FellBehind(message.fellBehind.position);
  }
}

/** After a lost connection it goes on behind the last event or checkpoint that was handed out: each
 * event comes once, in order. */
export class Subscription extends Following {
  constructor(start, makeRequest, retry) {
    super(start, makeRequest, handOut, retry);
  }
}
