/**
 * Calls of `recv*` that wait for a message.
 *
 * @module
 */

import type { SockAux } from './aux.js';
import { errno } from './errno.js';
import type { Pacer } from './pacer.js';
import type { RecvTarget } from './recvbuf.js';
import { Alarm, deadlineOf, isTimeout, now } from './timeout.js';

/**
 * Takes one message from the addon's queue into where a call wants it.
 *
 * @returns the result of the call, -EAGAIN if there is nothing
 */
export type Take<Peer> = (peer: Peer, target: RecvTarget, aux: SockAux | null | undefined) => number;

/** Does what the event loop would do next for a program that does not end its turn; whether that could have brought something. */
export type Refill = () => boolean;

/** One call that waits. */
interface Waiter<Peer> {
  peer: Peer;
  target: RecvTarget;
  aux: SockAux | null | undefined;
  deadline: number;
  resolve: (res: number) => void;
  next: Waiter<Peer> | null;
}

/**
 * The waiting `recv*` calls of one sock, served in call order. While a call waits, the addon has been asked and had
 * nothing, and so will wake us: {@link Receiving.drain}.
 */
export class Receiving<Peer> {
  #first: Waiter<Peer> | null = null;
  #last: Waiter<Peer> | null = null;
  readonly #alarm = new Alarm(() => this.#expire());
  readonly #take: Take<Peer>;
  readonly #pacer: Pacer;
  readonly #refill: Refill;

  constructor(take: Take<Peer>, pacer: Pacer, refill: Refill = () => false) {
    this.#take = take;
    this.#pacer = pacer;
    this.#refill = refill;
  }

  /** A call with timeout 0: the result at once. What there is goes to waiting calls first. */
  poll(peer: Peer, target: RecvTarget, aux: SockAux | null | undefined): number {
    if (this.#first !== null) {
      this.drain();
      if (this.#first !== null) return -errno.EAGAIN;
    }
    const res = this.#take(peer, target, aux);
    return res === -errno.EAGAIN && this.#refill() ? this.#take(peer, target, aux) : res;
  }

  /** A call with a timeout: a settled promise if there is a message, else one that waits for it. */
  wait(peer: Peer, target: RecvTarget, aux: SockAux | null | undefined, timeoutUs: number): Promise<number> {
    if (!isTimeout(timeoutUs)) return this.#pacer.settle(-errno.EINVAL);
    if (timeoutUs === 0) return this.#pacer.settle(this.poll(peer, target, aux));
    if (this.#first === null) {
      const res = this.#take(peer, target, aux);
      if (res !== -errno.EAGAIN) return this.#pacer.settle(res);
    }
    return new Promise((resolve) => {
      const deadline = deadlineOf(timeoutUs);
      this.#append({ peer, target, aux, deadline, resolve, next: null });
      if (deadline !== Number.POSITIVE_INFINITY) this.#alarm.setFor(deadline);
    });
  }

  /** Serves waiting calls with what there is. Promises settle after this returns, so nothing runs in between. */
  drain(): void {
    while (this.#first !== null) {
      const { peer, target, aux, resolve } = this.#first;
      const res = this.#take(peer, target, aux);
      if (res === -errno.EAGAIN) return;
      this.#shift();
      resolve(res);
    }
  }

  /** Ends all waiting calls with `res`. */
  end(res: number): void {
    this.#alarm.clear();
    let waiter = this.#first;
    this.#first = null;
    this.#last = null;
    for (; waiter !== null; waiter = waiter.next) waiter.resolve(res);
  }

  #append(waiter: Waiter<Peer>): void {
    if (this.#last === null) {
      this.#first = waiter;
    } else {
      this.#last.next = waiter;
    }
    this.#last = waiter;
  }

  #shift(): void {
    this.#first = this.#first?.next ?? null;
    if (this.#first === null) this.#last = null;
  }

  /** A deadline has come, maybe that of a call served long ago: setting and clearing a timer a message costs more. */
  #expire(): void {
    // What came while JavaScript was busy came in time.
    this.#refill();
    this.drain();
    const time = now();
    let next = Number.POSITIVE_INFINITY;
    let waiter = this.#first;
    this.#first = null;
    this.#last = null;
    while (waiter !== null) {
      const following: Waiter<Peer> | null = waiter.next;
      waiter.next = null;
      if (waiter.deadline <= time) {
        waiter.resolve(-errno.ETIMEDOUT);
      } else {
        next = Math.min(next, waiter.deadline);
        this.#append(waiter);
      }
      waiter = following;
    }
    if (next !== Number.POSITIVE_INFINITY) this.#alarm.setFor(next);
  }
}
