/**
 * Delivery of asynchronous events.
 *
 * @module
 */

import { SOCK_ASYNC_CONN_FIN, SOCK_ASYNC_CONN_RDY } from './constants.js';
import { EP_SIZE } from './endpoint.js';
import type { SessionState } from './session.js';

/** Called with the flags of what happened. */
export type EventCallback = (flags: number) => void;

/** Hands the events of one sock to a callback: on a fresh turn each, so never from inside a call of the user's. */
export class Events {
  #callback: EventCallback | null = null;
  #scheduled = false;
  #inCall = false;
  readonly #session = new Uint8Array(EP_SIZE);
  readonly #take: (session: Uint8Array) => number;

  /** @param take - takes the next event from the addon: its flags, 0 for none, and its session */
  constructor(take: (session: Uint8Array) => number) {
    this.#take = take;
  }

  /** Whether there is a callback. */
  get wanted(): boolean {
    return this.#callback !== null;
  }

  setCallback(callback: EventCallback | null): void {
    this.#callback = callback;
    this.schedule();
  }

  /** There may be events. */
  schedule(): void {
    if (this.#scheduled || this.#callback === null) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  /** Fills `out` with the session of the event that is being delivered, if it has one. */
  getSession(out: SessionState): boolean {
    if (!this.#inCall) return false;
    out.ep.set(this.#session);
    out.error = 0;
    return true;
  }

  #deliver(): void {
    this.#scheduled = false;
    const callback = this.#callback;
    if (callback === null) return;
    const flags = this.#take(this.#session);
    if (flags === 0) return;
    // First, so that a callback that throws does not hold up what follows: more events, the next one a turn later.
    this.schedule();
    this.#inCall = (flags & (SOCK_ASYNC_CONN_RDY | SOCK_ASYNC_CONN_FIN)) !== 0;
    try {
      callback(flags);
    } finally {
      this.#inCall = false;
    }
  }
}
