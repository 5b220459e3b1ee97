/**
 * Calls of `send*` that wait for a handshake.
 *
 * @module
 */

import { errno } from './errno.js';
import type { NativeDtls } from './native.js';
import type { Refill } from './receiving.js';
import { Alarm, deadlineOf } from './timeout.js';

interface Pending {
  peer: string;
  attempt: () => number;
  alarm: Alarm;
  resolve: (res: number) => void;
}

/** The `send*` calls of one sock that wait for a session. */
export class Establishing {
  readonly #pending = new Map<number, Pending>();
  /** The same by peer, each in call order. */
  readonly #byPeer = new Map<string, Set<number>>();
  #lastWaiter = 0;
  readonly #refill: Refill;

  /** @param refill - reads what has come while JavaScript was busy */
  constructor(refill: Refill) {
    this.#refill = refill;
  }

  /**
   * Waits for a session with a peer, starting the handshake if none is under way, and sends then.
   *
   * @param socket - the addon's sock
   * @param ep - the peer; kept
   * @param timeoutUs - how long to wait; then the half-open session is dropped
   * @param attempt - sends
   * @returns the result of `attempt`, or why there is no session: -ETIMEDOUT, or the error of the handshake
   */
  send(socket: NativeDtls, ep: Uint8Array, timeoutUs: number, attempt: () => number): Promise<number> {
    // Numbers are not reused while they can be in flight: they wrap after four billion sends.
    this.#lastWaiter = (this.#lastWaiter % 0xffffffff) + 1;
    const waiter = this.#lastWaiter;
    const res = socket.establish(ep, waiter);
    if (res < 0) return Promise.resolve(res);
    if (res === 0) {
      this.flush(ep);
      return Promise.resolve(attempt());
    }
    return new Promise((resolve) => {
      const alarm = new Alarm(() => {
        // The handshake may have completed just now, or while JavaScript was busy.
        this.#refill();
        if (!this.#pending.has(waiter)) return;
        const last = attempt();
        if (last === -errno.ENOTCONN) socket.abandon(ep, waiter);
        this.#finish(waiter, last === -errno.ENOTCONN ? -errno.ETIMEDOUT : last);
      });
      const deadline = deadlineOf(timeoutUs);
      if (deadline !== Number.POSITIVE_INFINITY) alarm.setFor(deadline);
      const peer = keyOf(ep);
      this.#pending.set(waiter, { peer, attempt, alarm, resolve });
      const waiters = this.#byPeer.get(peer) ?? new Set();
      this.#byPeer.set(peer, waiters.add(waiter));
    });
  }

  /** The handshake that `waiter` waits for has ended with `res`. */
  settle(waiter: number, res: number): void {
    const pending = this.#pending.get(waiter);
    if (pending !== undefined) this.#finish(waiter, res < 0 ? res : pending.attempt());
  }

  /**
   * Sends what waits for a session with a peer, if there is one by now. Without this a later call, which finds the session
   * established, would overtake earlier ones that have not yet been told.
   */
  flush(ep: Uint8Array): void {
    if (this.#pending.size === 0) return;
    for (const waiter of this.#byPeer.get(keyOf(ep)) ?? []) {
      const res = this.#pending.get(waiter)?.attempt() ?? -errno.ENOTCONN;
      if (res === -errno.ENOTCONN) return;
      this.#finish(waiter, res);
    }
  }

  /** Ends all waiting calls with `res`. */
  end(res: number): void {
    for (const waiter of this.#pending.keys()) this.#finish(waiter, res);
  }

  #finish(waiter: number, res: number): void {
    const pending = this.#pending.get(waiter);
    if (pending === undefined) return;
    this.#pending.delete(waiter);
    const waiters = this.#byPeer.get(pending.peer);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#byPeer.delete(pending.peer);
    pending.alarm.clear();
    pending.resolve(res);
  }
}

/** An endpoint as a key. */
function keyOf(ep: Uint8Array): string {
  return Buffer.from(ep.buffer, ep.byteOffset, ep.length).toString('latin1');
}
