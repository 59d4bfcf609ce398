// Reducers and upcasters: states that the server computes, events in their newest form.

import { status as codes } from "@grpc/grpc-js";

import * as api from "../generated/sagabase/v1/reducers.js";
import { ReducersClient } from "../generated/sagabase/v1/reducers.grpc-client.js";
import { NoState, toldAs } from "./errors.js";
import { moment, whole } from "./events.js";

function ruleMessage({ eventType, at = [], patch }) {
  return api.MergePatchRule.create({ eventType, at, patch: patch === undefined ? "" : JSON.stringify(patch) });
}

function ruleOf({ eventType, at, patch }) {
  return { eventType, at, patch: patch === "" ? undefined : JSON.parse(patch) };
}

function kindOf(folding) {
  return typeof folding === "string"
    ? { oneofKind: "lua", lua: api.LuaReducer.create({ source: folding }) }
    : { oneofKind: "mergePatch", mergePatch: { rules: folding.map(ruleMessage) } };
}

function foldingOf(kind) {
  return kind.oneofKind === "lua" ? kind.lua.source : (kind.mergePatch?.rules ?? []).map(ruleOf);
}

/** What is known of a reducer or an upcaster beside its content. */
function standingOf({ hash, putUs, disabled }) {
  return {
    hash,
    put: moment(putUs),
    disabled: disabled && {
      error: disabled.error,
      stream: disabled.stream,
      revision: disabled.revision,
      failed: moment(disabled.failedUs),
    },
  };
}

/** `client.reducers`. */
export class Reducers {
  #call;

  constructor(makeClient, call) {
    const reducers = makeClient(ReducersClient);
    this.#call = (method, request) => call(reducers, method, request);
  }

  /** Registers what folds the streams of a category, in place of the one before: the source of Lua
   * that returns a function of state and event that returns the next state, or rules of merge
   * patches. Returns its hash. InvalidRequest if it does not compile. */
  async put(category, folding) {
    const reducer = api.Reducer.create({ category, kind: kindOf(folding) });
    return (await this.#call("putReducer", api.PutReducerRequest.create({ reducer }))).hash;
  }

  /** Whether there was one. */
  async delete(category) {
    return (await this.#call("deleteReducer", api.DeleteReducerRequest.create({ category }))).deleted;
  }

  /** All, by category. */
  async list() {
    const { reducers } = await this.#call("listReducers", api.ListReducersRequest.create());
    return reducers.map((info) => {
      const { category, kind } = info.reducer;
      return { category, folding: foldingOf(kind), ...standingOf(info) };
    });
  }

  /** As of now, or after the event of the revision `at`. NoState if the stream's category has no
   * reducer that runs, StreamNotFound, RevisionNotFound. */
  async state(stream, { at } = {}) {
    const request = api.GetStateRequest.create({ stream });
    if (at !== undefined) request.at = { oneofKind: "revision", revision: whole("at", at) };
    const answer = await toldAs(NoState, codes.FAILED_PRECONDITION, this.#call("getState", request));
    const { state, revision, reducerHash, folded } = answer;
    return { value: JSON.parse(new TextDecoder().decode(state)), revision, reducerHash, folded };
  }

  /** Registers the source of Lua that returns a function of an event, stored with this type, that
   * returns it in its newest form. Returns its hash. */
  async putUpcaster(eventType, source) {
    const upcaster = api.Upcaster.create({ eventType, source });
    return (await this.#call("putUpcaster", api.PutUpcasterRequest.create({ upcaster }))).hash;
  }

  /** Whether there was one. */
  async deleteUpcaster(eventType) {
    const request = api.DeleteUpcasterRequest.create({ eventType });
    return (await this.#call("deleteUpcaster", request)).deleted;
  }

  /** All, by type of event. */
  async listUpcasters() {
    const { upcasters } = await this.#call("listUpcasters", api.ListUpcastersRequest.create());
    return upcasters.map((info) => {
      const { eventType, source } = info.upcaster;
      return { eventType, source, ...standingOf(info) };
    });
  }
}
