// What the behaviours of the Node package are tried on: a server that can be killed, a proxy that can
// lose answers, a server that is just ending.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import { createInterface } from "node:readline";

import { Client, credentials, Server as GrpcServer, ServerCredentials, status } from "@grpc/grpc-js";
import { Event, RecordedEvent } from "sagabase";

export const PATIENT = { attempts: 500, delayMs: 20, delayMaxMs: 200 };

/** `sagabase serve` on a data folder, which outlives its process. */
export class Server {
  constructor(binary, folder) {
    this.binary = binary;
    this.options = ["serve", "--data", folder, "--listen", "127.0.0.1:0"];
  }

  async start() {
    this.process = spawn(this.binary, this.options, { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface(this.process.stdout)) {
      const found = line.match(/^listening on \S+:(\d+)$/);
      if (found) {
        this.port = Number(found[1]);
        return;
      }
    }
    throw new Error("the server did not start");
  }

  async kill() {
    const gone = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await gone;
  }
}

/** Stays at its address while servers come and go, and can lose answers. */
export class Proxy {
  constructor(server) {
    this.links = new Set();
    this.door = createServer((near) => {
      const far = connectSocket(server.port, "127.0.0.1");
      const link = { near, far, lost: false };
      this.links.add(link);
      near.on("data", (some) => far.write(some));
      far.on("data", (some) => link.lost || near.write(some));
      for (const end of [near, far]) end.on("error", () => {}).on("close", () => this.cut(link));
    });
  }

  async open() {
    this.address = await listenSomewhere(this.door);
  }

  cut(link) {
    this.links.delete(link);
    link.near.destroy();
    link.far.destroy();
  }

  /** Of the connections that there are; later ones are whole. */
  loseAnswers() {
    for (const link of this.links) link.lost = true;
  }

  cutAll() {
    for (const link of this.links) this.cut(link);
  }
}

export async function listenSomewhere(door) {
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return `127.0.0.1:${door.address().port}`;
}

const METHODS = ["AppendToStream", "GetStream", "Subscribe"];
const asItIs = (bytes) => bytes;

/** Resets the first call of each method, as gRPC's core does when a call arrives in the very moment in
 * which its server ends; the others it hands to the true server. */
export class EndingServer {
  #server = new GrpcServer();
  #true;

  constructor({ port }) {
    this.#true = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.requests = Object.fromEntries(METHODS.map((name) => [name, []])); // as bytes
    for (const name of METHODS) this.#serve(name, `/sagabase.v1.EventStore/${name}`);
  }

  async open() {
    const plain = ServerCredentials.createInsecure();
    this.address = await new Promise((done, fail) =>
      this.#server.bindAsync("127.0.0.1:0", plain, (error, port) =>
        error ? fail(error) : done(`127.0.0.1:${port}`)));
  }

  close() {
    this.#server.forceShutdown();
    this.#true.close();
  }

  #serve(name, path) {
    const handle = (call) => {
      this.requests[name].push(call.request);
      if (this.requests[name].length === 1) {
        call.emit("error", { code: status.CANCELLED, details: "CANCELLED" });
        return;
      }
      const truly = this.#true.makeServerStreamRequest(path, asItIs, asItIs, call.request);
      truly.on("data", (message) => call.write(message));
      truly.on("error", (error) => call.emit("error", error));
      truly.on("end", () => call.end());
      call.on("cancelled", () => truly.cancel());
    };
    this.#server.register(path, handle, asItIs, asItIs, "serverStream");
  }
}

export async function errorOf(kind, work) {
  try {
    await work();
  } catch (error) {
    assert.equal(error.constructor, kind, String(error));
    return error;
  }
  throw new Error(`no ${kind.name}`);
}

export async function all(items) {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

export const range = (first, end) => Array.from({ length: end - first }, (_, i) => first + i);
export const numbered = (first, end) => range(first, end).map((n) => new Event("Counted", { n }));
export const numbers = (events) => events.map((event) => event.json().n);

/** The next item of that class. */
export async function next(items, kind) {
  for (;;) {
    const { value, done } = await items.next();
    assert(!done, "the subscription ended");
    if (value instanceof kind) return value;
  }
}

export async function nextEvents(items, count) {
  const events = [];
  while (events.length < count) events.push(await next(items, RecordedEvent));
  return events;
}
