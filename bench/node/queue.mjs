// Turns "a message has come" into promises, for implementations that tell it by an event.

export class Arrivals {
  #come = 0;
  #waiting = [];

  /** A message has come. */
  arrived() {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#come++;
    else resolve();
  }

  /** A message is not waited for any more: it is lost. */
  forget() {
    this.#waiting.shift();
  }

  /** Waits for the next message. */
  next() {
    if (this.#come > 0) {
      this.#come--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
