/**
 * Sends of one turn of the event loop.
 *
 * @module
 */

/** What sends of this turn wait for their end. */
const waiting = new Set<Turn>();
let exitHeard = false;
/** The process exits: a turn has no end any more. */
let exiting = false;

/**
 * Tells which sends may leave together. The first one of a turn leaves at once, as it may be the only one; those that follow in
 * the same turn leave together at its end, in one call of the system where it can do that.
 */
export class Turn {
  readonly #flush: () => void;
  #begun = false;
  #waits = false;
  /** Its end is on its way, though it may have been brought forward. */
  #ends = false;

  /** @param flush - sends what waits */
  constructor(flush: () => void) {
    this.#flush = flush;
    if (exitHeard) return;
    exitHeard = true;
    process.on('exit', () => {
      exiting = true;
      Turn.flushAll();
    });
  }

  /** Sends what waits on any sock, for a program that waits for an answer without ending its turn. */
  static flushAll(): void {
    for (const turn of waiting) turn.#end();
  }

  /** Whether the send that comes now may wait for the end of the turn. */
  follows(): boolean {
    if (exiting) return false;
    if (!this.#begun) {
      this.#begun = true;
      if (!this.#ends) process.nextTick(this.#atEnd);
      this.#ends = true;
      return false;
    }
    if (!this.#waits) {
      this.#waits = true;
      waiting.add(this);
    }
    return true;
  }

  readonly #atEnd = (): void => {
    this.#ends = false;
    this.#end();
  };

  #end(): void {
    this.#begun = false;
    if (!this.#waits) return;
    this.#waits = false;
    waiting.delete(this);
    this.#flush();
  }
}
