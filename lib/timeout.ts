/**
 * Timeouts: microseconds in the API, timers of milliseconds below.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import { SOCK_NO_TIMEOUT } from './constants.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The time that {@link deadlineOf} counts in: milliseconds. */
export function now(): number {
  return performance.now();
}

/** Whether a number can be a timeout: zero or more microseconds. */
export function isTimeout(timeoutUs: number): boolean {
  return timeoutUs >= 0;
}

/** When a timeout that starts now ends; `Infinity` for SOCK_NO_TIMEOUT. */
export function deadlineOf(timeoutUs: number): number {
  if (timeoutUs === SOCK_NO_TIMEOUT || timeoutUs === Number.POSITIVE_INFINITY)
    return Number.POSITIVE_INFINITY;
  return now() + timeoutUs / 1000;
}

/**
 * Calls something at a deadline, never before it: timers of the host can be up to a millisecond early, and cannot be set
 * for more than 24.8 days. An alarm does not keep the process alive; the sock that waits does.
 */
export class Alarm {
  #timer: NodeJS.Timeout | null = null;
  #deadline = Number.POSITIVE_INFINITY;
  readonly #ring: () => void;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `deadline`, or earlier if it is set for an earlier one already. */
  setFor(deadline: number): void {
    if (deadline >= this.#deadline) return;
    this.clear();
    this.#deadline = deadline;
    this.#start();
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  #start(): void {
    const wait = Math.min(Math.max(Math.ceil(this.#deadline - now()), 1), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (now() < this.#deadline) {
        this.#start();
      } else {
        this.#deadline = Number.POSITIVE_INFINITY;
        this.#ring();
      }
    }, wait);
    this.#timer.unref();
  }
}
