/**
 * Waits that end when something has come about, or in an error when it has not in time.
 */

/** The longest that a test waits for one thing, in milliseconds. */
export const WAIT_MS = 20_000;

/** Something that others wait on: whoever changes it calls `changed`. */
export class Watched {
  readonly #checks = new Set<() => void>();

  /** Lets those who wait look again. */
  changed(): void {
    for (const check of [...this.#checks]) check();
  }

  /**
   * Waits until there is a value.
   *
   * @param find - gives the value, undefined as long as there is none; what it throws ends the wait
   * @param complaint - what to say when time is up
   */
  until<T>(find: () => T | undefined, complaint: () => string, ms = WAIT_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
      };
      const check = (): void => {
        try {
          const found = find();
          if (found === undefined) return;
          done();
          resolve(found);
        } catch (error) {
          done();
          reject(error as Error);
        }
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`${complaint()} (waited ${ms} ms)`));
      }, ms);
      this.#checks.add(check);
      check();
    });
  }
}
