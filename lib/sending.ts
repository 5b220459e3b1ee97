/**
 * Calls of `send*` that wait for room in the socket's buffer.
 *
 * @module
 */

import { errno } from './errno.js';
import { Alarm, now } from './timeout.js';

/** The longest time between two attempts, in milliseconds, should the addon not tell that there is room. */
const PATIENCE_MS = 5;

interface Job {
  attempt: () => number;
  resolve: (res: number) => void;
}

/** The `send*` calls of one sock that found the socket's buffer full, sent in call order. */
export class Sending {
  readonly #jobs: Job[] = [];
  readonly #alarm = new Alarm(() => this.retry());

  /** Whether no call waits, so that a new one may send at once. */
  get idle(): boolean {
    return this.#jobs.length === 0;
  }

  /** Waits for room: `attempt` is called again and again until its result is not -EAGAIN. */
  wait(attempt: () => number): Promise<number> {
    return new Promise((resolve) => {
      this.#jobs.push({ attempt, resolve });
      this.#alarm.setFor(now() + PATIENCE_MS);
    });
  }

  /** There may be room. */
  retry(): void {
    let done = 0;
    for (const { attempt, resolve } of this.#jobs) {
      const res = attempt();
      if (res === -errno.EAGAIN) break;
      resolve(res);
      done++;
    }
    if (done > 0) this.#jobs.splice(0, done);
    if (this.#jobs.length > 0) this.#alarm.setFor(now() + PATIENCE_MS);
  }

  /** Ends all waiting calls with `res`. */
  end(res: number): void {
    this.#alarm.clear();
    for (const { resolve } of this.#jobs.splice(0)) resolve(res);
  }
}
