// When to try again, and when to give up.

export const RETRY = { attempts: 10, delayMs: 50, delayMaxMs: 2000 };

/** A call that is UNAVAILABLE or has no answer in time is made again, `attempts` times in all. The
 * delay between two attempts doubles from `delayMs` up to `delayMaxMs`, and a random part of up
 * to half of it is taken off, so that many clients do not come back at once. Where calls last, in
 * sessions and subscriptions, whatever arrives starts the count again. */
export class Backoff {
  #retry;
  #failed = 0;

  constructor(retry) {
    this.#retry = retry;
  }

  reset() {
    this.#failed = 0;
  }

  /** Milliseconds to wait before the next attempt; undefined: there is none. */
  nextDelayMs() {
    const { attempts, delayMs, delayMaxMs } = this.#retry;
    this.#failed++;
    if (this.#failed >= attempts) return undefined;
    const doublings = Math.min(this.#failed - 1, 30);
    return Math.min(delayMs * 2 ** doublings, delayMaxMs) * (0.5 + Math.random() / 2);
  }
}

export function checkedRetry(retry) {
  const { attempts, delayMs, delayMaxMs } = { ...RETRY, ...retry };
  if (!(attempts >= 1) || !(delayMs > 0) || !(delayMs <= delayMaxMs))
    throw new RangeError("retry: at least 1 attempt, and 0 < delayMs <= delayMaxMs");
  return { attempts, delayMs, delayMaxMs };
}
