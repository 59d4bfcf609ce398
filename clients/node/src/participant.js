// Taking part in sagas: commands in, replies out.

import { setTimeout as passed } from "node:timers/promises";

import { status as codes } from "@grpc/grpc-js";

import * as api from "../generated/sagabase/v1/participant.js";
import { Operation } from "../generated/sagabase/v1/sagas.js";
import { begun, errorOfCall, Unavailable } from "./errors.js";
import { appendRequest, texts } from "./events.js";
import { Leases } from "./leases.js";
import { Backoff } from "./retry.js";
import { attributeMessages, attributesOf, payload, valueOf } from "./sagas.js";
import { current, handling } from "./tracing.js";

/** The reply of a command that is done. `appends` are committed together with it. */
export class Done {
  constructor(output, { code = "", attributes = {}, appends = [] } = {}) {
    Object.assign(this, { output, code, attributes, appends });
  }
}

/** Throw it when the command will not be done, for a reason of the business: the saga turns
 * backward. Any other error means: could not be done now, try again. */
export class Refused extends Error {
  constructor(type, message = type, { appends = [] } = {}) {
    super(message);
    this.type = type;
    this.appends = appends;
  }
}

/** The command was taken on and goes on elsewhere: ask again after so many milliseconds. */
export class Ongoing {
  constructor(checkAfterMs) {
    this.checkAfterMs = checkAfterMs;
  }
}

function commandOf(message, signal) {
  const isCompensation = message.operation === Operation.COMPENSATION;
  return {
    id: message.commandId,
    type: message.type,
    sagaType: message.sagaType,
    sagaId: message.sagaId,
    step: message.step,
    attempt: message.attempt,
    isCompensation,
    input: valueOf(message.input),
    inputs: Object.fromEntries(message.inputs.map(({ step, output }) => [step, valueOf(output)])),
    attributes: attributesOf(message.attributes),
    actionOutput: isCompensation ? valueOf(message.actionOutput) : undefined,
    traceparent: message.traceparent,
    tracestate: message.tracestate,
    signal,
  };
}

const REPLY_BYTES_MAX = (4 << 20) - 1024; // the server takes messages of 4 MiB

/** As much of it as the server takes. */
function textOf(value, bytesMax) {
  const bytes = Buffer.from(String(value).replaceAll("\0", "\ufffd"));
  if (bytes.length <= bytesMax) return bytes.toString();
  return bytes.subarray(0, bytesMax).toString().replace(/\ufffd$/, "");
}

function errorMessage(type, message) {
  return { type: textOf(type, 128), message: textOf(message, 1024) };
}

function success(result = new Done()) {
  if (result instanceof Ongoing) {
    const ongoing = { checkAfterMs: BigInt(Math.ceil(result.checkAfterMs)) };
    return { outcome: { oneofKind: "ongoing", ongoing } };
  }
  if (!(result instanceof Done)) {
    const kind = result?.constructor?.name ?? String(result);
    throw new TypeError(`a handler returns Done, Ongoing or undefined, not ${kind}`);
  }
  const { output, code, attributes, appends } = result;
  const success = { output: payload(output), code, attributes: attributeMessages(attributes) };
  return { outcome: { oneofKind: "success", success }, appends: appendRequest(appends, []).appends };
}

function refusal({ type, message, appends }) {
  const failure = { error: errorMessage(type, message) };
  return { outcome: { oneofKind: "failure", failure }, appends: appendRequest(appends, []).appends };
}

function retry(error) {
  const told = errorMessage(error?.name ?? "Error", error?.message ?? error);
  return { outcome: { oneofKind: "error", error: { error: told, nextRetryDelayMs: 0n } } };
}

/** Takes the commands of some queues and calls a handler for each, by the command's type. Replies are
 * kept until the server has taken them, and sent again over a new connection. */
export class Participant {
  #start;
  #backoff;
  #queues;
  #handlers;
  #name;
  #credit;
  #call;
  #replies = new Map(); // by command id: without an ack
  #leases = new Leases((beat) => this.#send("heartbeat", beat));
  #inFlight; // commands, by queue
  #isClosing = false;
  #pausing; // AbortController: between two connections
  #running = Promise.resolve();

  constructor(start, retry, queues, handlers, { name = "", maxInFlight = 10 } = {}) {
    if (!(maxInFlight >= 1)) throw new RangeError("maxInFlight: at least 1");
    this.#start = start;
    this.#backoff = new Backoff(retry);
    this.#queues = texts("queues", queues);
    this.#inFlight = new Map(this.#queues.map((queue) => [queue, 0]));
    this.#handlers = handlers;
    this.#name = name;
    this.#credit = maxInFlight;
  }

  /** Until `close` is called, or the server cannot be reached any more. */
  run() {
    const running = this.#run();
    this.#running = running.catch(() => {});
    return running;
  }

  async #run() {
    while (!this.#isDone()) {
      const error = await this.#callOnce();
      this.#call = undefined;
      this.#leases.pause();
      if (this.#isDone()) return;
      const delayMs = error instanceof Unavailable ? this.#backoff.nextDelayMs() : undefined;
      if (delayMs === undefined) throw error;
      this.#pausing = new AbortController();
      await passed(delayMs, undefined, { signal: this.#pausing.signal }).catch(() => {});
    }
  }

  /** Takes no more commands. Resolves when `run` has replied to those that it has: so a handler does
   * not await it. */
  close() {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#send("drain", {});
      if (this.#isDone()) this.#pausing?.abort();
    }
    return this.#running;
  }

  #isDone() {
    return this.#isClosing && this.#leases.isEmpty() && this.#replies.size === 0;
  }

  /** Runs one call to its end, and says why it ended. */
  #callOnce() {
    return new Promise((ended) => {
      const call = begun(this.#start, ended);
      if (!call) return;
      call.on("data", (response) => {
        this.#backoff.reset();
        this.#receive(response.message);
      });
      call.on("error", (error) => ended(errorOfCall(error)));
      call.on("end", () => ended(new Unavailable(codes.UNAVAILABLE, "the server ended the stream")));
      this.#call = call;
      this.#send("hello", this.#hello());
      for (const reply of this.#replies.values()) this.#send("reply", reply);
      if (this.#isClosing) this.#send("drain", {});
    });
  }

  #hello() {
    const room = this.#isClosing ? 0 : this.#credit;
    const credit = (queue) => Math.max(room - this.#inFlight.get(queue), 0);
    const queues = this.#queues.map((queue) => ({ queue, credit: credit(queue) }));
    return { participant: this.#name, queues, resume: this.#leases.resume() };
  }

  #send(oneofKind, message) {
    this.#call?.write(api.WorkRequest.create({ message: { oneofKind, [oneofKind]: message } }));
  }

  #receive(message) {
    if (message.oneofKind === "commands")
      for (const command of message.commands.commands) this.#handle(command);
    if (message.oneofKind === "acks") for (const ack of message.acks.acks) this.#acked(ack);
    if (message.oneofKind === "welcome") this.#leases.welcomed(message.welcome);
    if (message.oneofKind === "heartbeatAck") this.#leases.answered(message.heartbeatAck);
    if (message.oneofKind === "cancel") this.#leases.cancel(message.cancel.commandId);
  }

  #acked({ commandId, outcome, message }) {
    const reply = this.#replies.get(commandId);
    if (!reply) return;
    if (outcome === api.ReplyOutcome.UNAVAILABLE) return this.#send("reply", reply);
    this.#replies.delete(commandId);
    const { WRONG_EXPECTED_REVISION, INVALID } = api.ReplyOutcome;
    if (outcome === WRONG_EXPECTED_REVISION || outcome === INVALID) {
      // The command is still open: the step's retries decide.
      console.warn(`sagabase: the reply to command ${commandId} was refused: ${message}`);
      const refused = { name: "ReplyRefused", message };
      this.#reply(api.Reply.create({ commandId, attempt: reply.attempt, ...retry(refused) }));
    }
  }

  async #handle(command) {
    const { queue } = command;
    const signal = this.#leases.add(command);
    this.#inFlight.set(queue, this.#inFlight.get(queue) + 1);
    const reply = await handling(command, (failed) => this.#answer(command, signal, failed));
    this.#leases.remove(command);
    this.#inFlight.set(queue, this.#inFlight.get(queue) - 1);
    this.#reply(reply);
    this.#send("credit", { queue, count: 1 });
  }

  /** Whatever goes wrong is an answer, too. */
  async #answer(command, signal, failed) {
    const { commandId, attempt, type } = command;
    const named = { commandId, attempt, ...current() };
    try {
      const reply = api.Reply.create({ ...named, ...(await this.#resultOf(command, signal)) });
      if (api.Reply.toBinary(reply).length <= REPLY_BYTES_MAX) return reply;
      throw new RangeError(`the reply is larger than ${REPLY_BYTES_MAX} bytes`);
    } catch (error) {
      console.warn(`sagabase: command ${commandId} (${type}) failed:`, error);
      failed(error);
      return api.Reply.create({ ...named, ...retry(error) });
    }
  }

  async #resultOf(command, signal) {
    const handler = this.#handlers[command.type];
    if (!handler) throw new Error(`no handler for commands of type ${command.type}`);
    try {
      return success(await handler(commandOf(command, signal)));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return refusal(error);
    }
  }

  #reply(reply) {
    this.#replies.set(reply.commandId, reply);
    this.#send("reply", reply);
  }
}
