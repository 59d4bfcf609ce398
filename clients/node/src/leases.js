// The commands that a participant is working on: their leases, heartbeats and cancellations.

const BEATS_PER_TIMEOUT = 3; // so that one may come late

/** Each heartbeat is sent a third of its command's timeout after the one before, but not before that
 * was answered: so at most one for each command is underway. */
export class Leases {
  #send;
  #leases = new Map(); // by command id
  #unanswered = new Map(); // lease tokens by command id, of heartbeats
  #isWelcome = false;

  /** `send` takes a CommandHeartbeat. */
  constructor(send) {
    this.#send = send;
  }

  /** Returns the signal that tells that the command need not be done any more. */
  add({ commandId, leaseToken, heartbeatMs, lastHeartbeatDetails }) {
    this.#remove(commandId);
    const everyMs = Number(heartbeatMs) / BEATS_PER_TIMEOUT; // 0: no heartbeats are needed
    const ending = new AbortController();
    const beatAt = performance.now() + everyMs;
    // The next heartbeat would take the details of the last one away.
    const lease = { token: leaseToken, details: lastHeartbeatDetails, ending, everyMs, beatAt };
    this.#leases.set(commandId, lease);
    this.#schedule(commandId);
    return ending.signal;
  }

  isEmpty() {
    return this.#leases.size === 0;
  }

  remove({ commandId, leaseToken }) {
    if (this.#leases.get(commandId)?.token === leaseToken) this.#remove(commandId);
  }

  /** What a new connection is asked to adopt. No heartbeats until it has answered. */
  resume() {
    this.pause();
    return [...this.#leases].map(([commandId, { token }]) => ({ commandId, leaseToken: token }));
  }

  /** There is no connection. */
  pause() {
    this.#isWelcome = false;
    this.#unanswered.clear();
    for (const { timer } of this.#leases.values()) clearTimeout(timer);
  }

  welcomed({ lost }) {
    for (const commandId of lost) this.#remove(commandId);
    this.#isWelcome = true;
    for (const [commandId, lease] of this.#leases) {
      lease.beatAt = 0; // nobody knows how many were lost
      this.#schedule(commandId);
    }
  }

  answered({ commandId, lost, cancelRequested }) {
    const token = this.#unanswered.get(commandId);
    this.#unanswered.delete(commandId);
    const lease = this.#leases.get(commandId);
    if (!lease) return;
    if (lease.token === token && lost) this.#remove(commandId);
    else this.#schedule(commandId);
    if (lease.token === token && (lost || cancelRequested)) lease.ending.abort();
  }

  cancel(commandId) {
    this.#leases.get(commandId)?.ending.abort();
  }

  #remove(commandId) {
    clearTimeout(this.#leases.get(commandId)?.timer);
    this.#leases.delete(commandId);
  }

  #schedule(commandId) {
    const lease = this.#leases.get(commandId);
    clearTimeout(lease.timer);
    if (lease.everyMs === 0 || !this.#isWelcome || this.#unanswered.has(commandId)) return;
    const delayMs = Math.min(Math.max(lease.beatAt - performance.now(), 0), 2 ** 31 - 1);
    lease.timer = setTimeout(() => this.#beat(commandId, lease), delayMs).unref();
  }

  #beat(commandId, lease) {
    lease.beatAt = performance.now() + lease.everyMs;
    this.#unanswered.set(commandId, lease.token);
    this.#send({ commandId, leaseToken: lease.token, details: lease.details });
  }
}
