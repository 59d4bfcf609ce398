// Runs the conformance script with @grpc/grpc-js and stubs generated on the spot.
//
// usage: node run.mjs SCRIPT PROTO_FOLDER HOST:PORT NODE_MODULES
//
// Prints `ok - case` or `not ok - case: why` for each case. README.md says what
// the script's steps mean.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [scriptFile, protoFolder, address, nodeModules] = process.argv.slice(2);
const SERVICES = { event_store: "EventStore", admin: "Admin", snapshots: "Snapshots", reducers: "Reducers" };
const PROTOS = [...Object.keys(SERVICES).map((name) => `sagabase/v1/${name}.proto`), "google/rpc/status.proto"];
const PATIENCE_MS = 30000;
const VARIABLE = /^\$\{(\*|\w+)([+-]\d+)?\}$/;
const JSON_STYLE = { emitDefaultValues: true, useProtoFieldName: true };
const OPTIONS = { "grpc.max_receive_message_length": 16 << 20 };

class Mismatch extends Error {}

function generateStubs() {
  const folder = mkdtempSync(join(tmpdir(), "sagabase-stubs."));
  symlinkSync(resolve(nodeModules), join(folder, "node_modules"));
  execFileSync("protoc", [
    `--plugin=protoc-gen-ts=${join(nodeModules, ".bin/protoc-gen-ts")}`,
    `--ts_out=${folder}`,
    "--ts_opt=client_grpc1,output_javascript,output_legacy_commonjs",
    `-I${protoFolder}`,
    "-I/usr/include",
    ...PROTOS,
    "google/protobuf/any.proto",
  ]);
  return createRequire(join(folder, "index.js"));
}

const generated = generateStubs();
const grpc = generated("@grpc/grpc-js");
const store = generated("./sagabase/v1/event_store.js");
const status = generated("./google/rpc/status.js");

// --- the script's notation ----------------------------------------------------

/** Writes out $repeat and $list, and an item's index for each run of #. */
function expand(value, index) {
  if (Array.isArray(value)) return value.map((item) => expand(item, index));
  if (value !== null && typeof value === "object") {
    if ("$repeat" in value) return value.$repeat.repeat(value.times);
    if ("$list" in value) return Array.from({ length: value.$list }, (_, i) => expand(value.of, i));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, index)]));
  }
  if (typeof value === "string" && index !== undefined)
    return value.replace(/#+/g, (place) => String(index).padStart(place.length, "0"));
  return value;
}

function variableValue([, name, offset], variables) {
  const value = variables.get(name);
  return offset ? String(BigInt(value) + BigInt(offset)) : value;
}

function substitute(value, variables) {
  if (Array.isArray(value)) return value.map((item) => substitute(item, variables));
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, variables)]));
  const match = typeof value === "string" && value.match(VARIABLE);
  return match ? variableValue(match, variables) : value;
}

/** Every expected field has to be there; the answer may hold more. Lists have to be as long. */
function compare(expected, actual, variables, where) {
  if (Array.isArray(expected)) {
    if (expected.length !== actual.length)
      throw new Mismatch(`${where}: ${actual.length} instead of ${expected.length}`);
    expected.forEach((item, i) => compare(item, actual[i], variables, `${where}[${i}]`));
    return;
  }
  if (expected !== null && typeof expected === "object") {
    if (actual === null || typeof actual !== "object")
      throw new Mismatch(`${where}: ${JSON.stringify(actual)} is no message`);
    for (const [key, item] of Object.entries(expected)) {
      if (!(key in actual)) throw new Mismatch(`${where}.${key}: not set`);
      compare(item, actual[key], variables, `${where}.${key}`);
    }
    return;
  }
  const match = typeof expected === "string" && expected.match(VARIABLE);
  if (match && match[1] === "*") return;
  if (match && !variables.has(match[1])) {
    variables.set(match[1], match[2] ? String(BigInt(actual) - BigInt(match[2])) : actual);
    return;
  }
  const wanted = match ? variableValue(match, variables) : expected;
  if (wanted !== actual)
    throw new Mismatch(`${where}: '${String(actual).slice(0, 200)}' instead of '${String(wanted).slice(0, 200)}'`);
}

// --- the calls ------------------------------------------------------------------

const credentials = grpc.credentials.createInsecure();
const methods = new Map();
for (const [file, name] of Object.entries(SERVICES)) {
  const service = generated(`./sagabase/v1/${file}.js`)[name];
  const Client = generated(`./sagabase/v1/${file}.grpc-client.js`)[`${name}Client`];
  const client = new Client(address, credentials, OPTIONS);
  for (const method of service.methods)
    methods.set(method.name, { client, stub: client[method.localName].bind(client), ...method });
}

const deadline = () => ({ deadline: Date.now() + PATIENCE_MS });
const parse = (method, body, variables) => method.I.fromJson(substitute(expand(body), variables));

function unary(start) {
  return new Promise((done, fail) => start((error, response) => (error ? fail(error) : done(response))));
}

function drain(call) {
  return new Promise((done, fail) => {
    const messages = [];
    call.on("data", (message) => messages.push(message));
    call.on("error", fail);
    call.on("end", () => done(messages));
  });
}

/** What a call answered: its message, or its messages' repeated field joined. */
async function runCall(step, variables) {
  const method = methods.get(step.call);
  if (method.clientStreaming) {
    const call = method.stub(new grpc.Metadata(), deadline());
    const drained = drain(call);
    for (const item of expand(step.requests)) call.write(parse(method, item, variables));
    call.end();
    const results = (await drained).flatMap((message) => message.results);
    return ["results", results.map((result) => store.AppendResult.toJson(result, JSON_STYLE))];
  }
  const request = parse(method, step.request, variables);
  if (method.serverStreaming) {
    const pages = await drain(method.stub(request, new grpc.Metadata(), deadline()));
    const events = pages.flatMap((page) => page.events);
    if (step.call === "LoadStream") return ["loaded", method.O.toJson({ ...pages[0], events }, JSON_STYLE)];
    return ["events", events.map((event) => store.RecordedEvent.toJson(event, JSON_STYLE))];
  }
  const response = await unary((done) => method.stub(request, new grpc.Metadata(), deadline(), done));
  return ["response", method.O.toJson(response, JSON_STYLE)];
}

async function runRaw(step) {
  const { client } = methods.get("AppendToStream");
  const asIs = (bytes) => bytes;
  const request = Buffer.from(step.request_hex, "hex");
  await unary((done) =>
    client.makeUnaryRequest(step.raw, asIs, asIs, request, new grpc.Metadata(), deadline(), done));
  return ["response", null];
}

function detailOf(error, type) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!bytes) return null;
  const detail = status.Status.fromBinary(bytes).details
    .find((any) => any.typeUrl.endsWith(`/${type.typeName}`));
  return detail ? type.toJson(type.fromBinary(detail.value), JSON_STYLE) : null;
}

function checkError(expected, error, variables) {
  compare(expected.code, grpc.status[error.code], variables, `code (${error.details})`);
  if (!error.details.includes(expected.message))
    throw new Mismatch(`message: '${error.details}' without '${expected.message}'`);
  for (const [key, type] of [["conflict", store.RevisionConflict], ["condition", store.ConditionConflict]])
    if (key in expected) compare(expected[key], detailOf(error, type), variables, key);
}

/** Keeps what arrived until a step asks for it. */
class Subscription {
  constructor(call) {
    this.call = call;
    this.received = [];
    this.pending = []; // events that came behind what a step waited for
    this.wake = () => {};
    const keep = (message) => (this.received.push(message), this.wake());
    call.on("data", keep);
    call.on("error", keep);
  }

  async next() {
    if (this.received.length === 0) {
      let timer;
      const late = new Promise((done) => (timer = setTimeout(done, PATIENCE_MS)));
      await Promise.race([new Promise((done) => (this.wake = done)), late]);
      clearTimeout(timer);
    }
    if (this.received.length === 0) throw new Mismatch("subscription: nothing more came");
    const message = this.received.shift();
    if (message instanceof Error) throw new Mismatch(`subscription ended: ${message.message}`);
    return message.message;
  }

  async receive(step, variables) {
    let events = this.pending;
    this.pending = [];
    while (step.until || events.length < step.events.length) {
      const message = await this.next();
      const kind = message.oneofKind;
      if (kind === "events")
        events.push(...message.events.events.map((event) => store.RecordedEvent.toJson(event, JSON_STYLE)));
      if (step.until && kind === step.until.replace(/_(.)/g, (_, letter) => letter.toUpperCase())) {
        const type = store.SubscribeResponse.fields.find((field) => field.name === step.until).T();
        if ("message" in step)
          compare(step.message, type.toJson(message[kind], JSON_STYLE), variables, step.until);
        break;
      }
    }
    if (!("events" in step)) return;
    if (!step.until) this.pending = events.splice(step.events.length);
    compare(step.events, events, variables, "events");
  }
}

async function runStep(step, variables, subscriptions) {
  if ("open" in step) {
    const method = methods.get(step.open);
    subscriptions.set(step.as, new Subscription(method.stub(parse(method, step.request, variables))));
    return;
  }
  if ("receive" in step) return subscriptions.get(step.receive).receive(expand(step), variables);
  if ("cancel" in step) return subscriptions.get(step.cancel).call.cancel();

  let part, answer;
  try {
    [part, answer] = await ("raw" in step ? runRaw(step) : runCall(step, variables));
  } catch (error) {
    if (error instanceof Mismatch || error.code === undefined) throw error;
    if (!("error" in step)) throw new Mismatch(error.message);
    return checkError(step.error, error, variables);
  }
  if ("error" in step) throw new Mismatch(`no ${step.error.code}`);
  compare(expand(step[part]), answer, variables, part);
}

async function runCase({ steps }) {
  const variables = new Map();
  const subscriptions = new Map();
  try {
    for (const [index, step] of steps.entries()) {
      try {
        await runStep(step, variables, subscriptions);
      } catch (error) {
        return `step ${index + 1}: ${error instanceof Mismatch ? error.message : error.stack}`;
      }
    }
  } finally {
    for (const subscription of subscriptions.values()) subscription.call.cancel();
  }
  return null;
}

let failures = 0;
for (const one of JSON.parse(readFileSync(scriptFile, "utf8")).cases) {
  const why = await runCase(one);
  if (why) failures++;
  console.log(why ? `not ok - ${one.name}: ${why}` : `ok - ${one.name}`);
}
process.exit(failures ? 1 : 0);
