/**
 * Results that are known at once, as promises.
 *
 * @module
 */

/** So many calls in a row settle at once before the event loop gets a turn. */
const BURST = 1024;

/**
 * Makes settled promises. A loop over settled promises runs in microtasks alone and would starve timers, signals and other
 * sockets for as long as messages keep coming. So, after each burst of calls, promises settle on the next turn.
 */
export class Pacer {
  #left = BURST;
  #turn: Promise<void> | null = null;

  /** A promise of `res`. */
  settle(res: number): Promise<number> {
    if (this.#turn !== null) return this.#turn.then(() => res);
    if (--this.#left > 0) return Promise.resolve(res);
    this.#turn = new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = null;
        this.#left = BURST;
        resolve();
      });
    });
    return this.#turn.then(() => res);
  }
}
