// Sagas: defining, starting, watching and steering them.

import { randomUUID } from "node:crypto";
import { setTimeout as passed } from "node:timers/promises";

import { status as codes } from "@grpc/grpc-js";

import { PutDefinitionRequest, SagaDefinition } from "../generated/sagabase/v1/saga_definition.js";
import { SagaDefinitionsClient } from "../generated/sagabase/v1/saga_definition.grpc-client.js";
import * as api from "../generated/sagabase/v1/sagas.js";
import { SagasClient } from "../generated/sagabase/v1/sagas.grpc-client.js";
import { errorOfCall, SagaNotFound, toldAs, Unavailable } from "./errors.js";
import { appendRequest, JSON_TYPE, written } from "./events.js";
import { Backoff } from "./retry.js";
import { headers } from "./tracing.js";

const PAGE_SIZE = 1000;

/** What is not bytes is written as JSON; undefined is no bytes. */
export function payload(value) {
  if (value === undefined) return api.Payload.create();
  const { data, type } = written(value);
  return api.Payload.create({ data, contentType: type });
}

/** The other way round. */
export function valueOf(message) {
  if (!message || message.data.length === 0) return undefined;
  return message.contentType === JSON_TYPE ? JSON.parse(new TextDecoder().decode(message.data)) : message.data;
}

export function attributesOf(messages) {
  return Object.fromEntries(messages.map(({ name, value }) => [name, value]));
}

export function attributeMessages(attributes) {
  return Object.entries(attributes).map(([name, value]) => api.Attribute.create({ name, value }));
}

function sagaOf({ type, id, run, status, version, cause, attributes, waitingFor, position }) {
  return {
    type,
    id,
    run,
    status: api.SagaStatus[status],
    version,
    error: cause && [cause.type, cause.message].filter(Boolean).join(": "),
    attributes: attributesOf(attributes),
    waitingFor,
    position,
  };
}

/** `client.sagas`. */
export class Sagas {
  #sagas;
  #definitions;
  #call;
  #pages;
  #retry;

  constructor(makeClient, call, pages, retry) {
    this.#sagas = makeClient(SagasClient);
    this.#definitions = makeClient(SagaDefinitionsClient);
    this.#call = call;
    this.#pages = pages;
    this.#retry = retry;
  }

  /** Registers a definition, an object in the JSON form of sagabase.v1.SagaDefinition, and returns
   * its version. The same again: the version it has. */
  async define(definition) {
    const request = PutDefinitionRequest.create({ definition: SagaDefinition.fromJson(definition) });
    return (await this.#call(this.#definitions, "putDefinition", request)).version;
  }

  /** Starts a saga, and commits `appends` in the same write. Repeating it with the same id and
   * input attaches to the one there is. SagaNotFound: no such type. */
  async start(type, id, input, { attributes = {}, version = 0, appends = [] } = {}) {
    const request = api.StartSagaRequest.create({
      type,
      id,
      version,
      input: payload(input),
      attributes: attributeMessages(attributes),
      appends: appendRequest(appends, []).appends,
    });
    const { outcome, status, run, position } = await this.#callNamed("startSaga", request);
    const attached = outcome === api.StartOutcome.ATTACHED;
    return { attached, status: api.SagaStatus[status], run, position };
  }

  /** Its newest run. SagaNotFound if there is none. */
  async get(type, id) {
    const request = api.GetSagaRequest.create({ saga: { type, id } });
    return sagaOf((await this.#callNamed("getSaga", request)).summary);
  }

  /** Until it has ended or is parked, over as many connections as it takes. */
  async wait(type, id) {
    const backoff = new Backoff(this.#retry);
    for (;;) {
      const { newest, error } = await this.#waitOnce(type, id, backoff);
      if (newest && !error) return sagaOf(newest);
      const failed = error ?? new Unavailable(codes.UNAVAILABLE, "the server ended the call");
      const delayMs = failed instanceof Unavailable ? backoff.nextDelayMs() : undefined;
      if (delayMs === undefined) return toldAs(SagaNotFound, codes.NOT_FOUND, Promise.reject(failed));
      await passed(delayMs);
    }
  }

  /** Newest first, as many pages as there are. */
  async *list({ type = "", statuses = [], attributes = {}, pageSize = PAGE_SIZE } = {}) {
    const request = api.ListSagasRequest.create({
      type,
      statuses: statuses.map((name) => api.SagaStatus[name]),
      attributes: attributeMessages(attributes),
      pageSize,
    });
    for await (const { sagas } of this.#pages(this.#sagas, "listSagas", request)) yield* sagas.map(sagaOf);
  }

  /** For a wait_event. Choose `signalId` to make a repetition harmless. */
  signal(type, id, name, value, { key = "", attributes = {}, signalId = randomUUID() } = {}) {
    const added = attributeMessages(attributes);
    return this.#signal(type, id, { name, key, signalId, payload: payload(value), attributes: added });
  }

  /** For an approval. */
  decide(type, id, node, { approved, principal = "" }) {
    return this.#signal(type, id, { name: node, signalId: randomUUID(), approved, principal });
  }

  /** Turns it backward. */
  async cancel(type, id, reason = "") {
    const request = api.CancelSagaRequest.create({ saga: { type, id }, reason });
    return api.SagaStatus[(await this.#callNamed("cancelSaga", request)).status];
  }

  /** One that names a saga, or a type. */
  #callNamed(method, request) {
    return toldAs(SagaNotFound, codes.NOT_FOUND, this.#call(this.#sagas, method, request));
  }

  async #signal(type, id, signal) {
    const request = api.SignalSagaRequest.create({ saga: { type, id }, signal: api.Signal.create(signal) });
    await this.#callNamed("signalSaga", request);
  }

  async #waitOnce(type, id, backoff) {
    const request = api.WaitSagaRequest.create({ saga: { type, id } });
    const call = this.#sagas.waitSaga(request, headers());
    let newest;
    try {
      for await (const { summary } of call) {
        backoff.reset();
        newest = summary;
      }
      return { newest };
    } catch (error) {
      return { error: errorOfCall(error) };
    }
  }
}
