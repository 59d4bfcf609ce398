// Taking part in sagas: commands in, replies out.

import { setTimeout as passed } from "node:timers/promises";

import { status as codes } from "@grpc/grpc-js";

import * as api from "../generated/sagabase/v1/participant.js";
import { Operation } from "../generated/sagabase/v1/sagas.js";
import { errorOfCall, Unavailable } from "./errors.js";
import { appendRequest } from "./events.js";
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

function commandOf(message) {
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
  };
}

function success(result) {
  if (result instanceof Ongoing) {
    const ongoing = { checkAfterMs: BigInt(Math.ceil(result.checkAfterMs)) };
    return { outcome: { oneofKind: "ongoing", ongoing } };
  }
  const { output, code, attributes, appends } = result ?? new Done();
  const success = { output: payload(output), code, attributes: attributeMessages(attributes) };
  return { outcome: { oneofKind: "success", success }, appends: appendRequest(appends, []).appends };
}

function failure(error) {
  if (error instanceof Refused) {
    const failure = { error: { type: error.type, message: error.message } };
    return { outcome: { oneofKind: "failure", failure }, appends: appendRequest(error.appends, []).appends };
  }
  const type = String(error?.name ?? "Error").slice(0, 128);
  const message = String(error?.message ?? error).slice(0, 200);
  return { outcome: { oneofKind: "error", error: { error: { type, message }, nextRetryDelayMs: 0n } } };
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
  #leases = new Map(); // of commands being worked on
  #closed = false;

  constructor(start, retry, queues, handlers, { name = "", maxInFlight = 10 } = {}) {
    this.#start = start;
    this.#backoff = new Backoff(retry);
    this.#queues = queues;
    this.#handlers = handlers;
    this.#name = name;
    this.#credit = maxInFlight;
  }

  /** Until `close` is called, or the server cannot be reached any more. */
  async run() {
    while (!this.#closed) {
      const error = await this.#callOnce();
      this.#call = undefined;
      if (this.#closed) return;
      const delayMs = error instanceof Unavailable ? this.#backoff.nextDelayMs() : undefined;
      if (delayMs === undefined) throw error;
      await passed(delayMs);
    }
  }

  /** What has no reply yet is handed to others. */
  close() {
    this.#closed = true;
    this.#call?.cancel();
  }

  /** Runs one call to its end, and says why it ended. */
  #callOnce() {
    return new Promise((ended) => {
      const call = this.#start();
      call.on("data", (response) => {
        this.#backoff.reset();
        this.#receive(response.message);
      });
      call.on("error", (error) => ended(errorOfCall(error)));
      call.on("end", () => ended(new Unavailable(codes.UNAVAILABLE, "the server ended the stream")));
      this.#call = call;
      this.#send("hello", this.#hello());
      for (const reply of this.#replies.values()) this.#send("reply", reply);
    });
  }

  #hello() {
    const queues = this.#queues.map((queue) => ({ queue, credit: this.#credit }));
    const resume = [...this.#leases].map(([commandId, leaseToken]) => ({ commandId, leaseToken }));
    return { participant: this.#name, queues, resume };
  }

  #send(oneofKind, message) {
    this.#call?.write(api.WorkRequest.create({ message: { oneofKind, [oneofKind]: message } }));
  }

  #receive(message) {
    if (message.oneofKind === "commands")
      for (const command of message.commands.commands) this.#handle(command);
    if (message.oneofKind === "acks") for (const ack of message.acks.acks) this.#acked(ack);
    if (message.oneofKind === "welcome")
      for (const commandId of message.welcome.lost) this.#leases.delete(commandId);
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
      const refused = new Error(message);
      refused.name = "ReplyRefused";
      this.#reply(api.Reply.create({ commandId, ...failure(refused) }));
    }
  }

  async #handle(command) {
    const { commandId, attempt, queue, leaseToken } = command;
    this.#leases.set(commandId, leaseToken);
    const answer = await handling(command, (failed) => this.#answer(command, failed));
    this.#reply(api.Reply.create({ commandId, attempt, ...answer }));
    this.#send("credit", { queue, count: 1 });
  }

  async #answer(command, failed) {
    const { commandId, type } = command;
    const trace = current();
    try {
      const handler = this.#handlers[type];
      if (!handler) throw new Error(`no handler for commands of type ${type}`);
      return { ...success(await handler(commandOf(command))), ...trace };
    } catch (error) {
      if (!(error instanceof Refused)) {
        console.warn(`sagabase: command ${commandId} (${type}) failed:`, error);
        failed(error);
      }
      return { ...failure(error), ...trace };
    }
  }

  #reply(reply) {
    this.#leases.delete(reply.commandId);
    this.#replies.set(reply.commandId, reply);
    this.#send("reply", reply);
  }
}
